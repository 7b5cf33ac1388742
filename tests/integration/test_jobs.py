"""Jobs on both databases: stored with what they are about, done at least once, and never silently lost."""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, make_url, text
from sqlalchemy.orm import Session

from portal import clock
from portal.config import Settings
from portal.jobs import OWN_TABLES, SCHEMA, UPKEEP, Job, Jobs, JobsError, Retry, State, is_jobs_table, locks, migrate
from tests import postgres

ROOT = Path(__file__).parents[2]
SOON = Retry(attempts=3, first=timedelta(milliseconds=50), factor=1)
SHORT = timedelta(seconds=0.1)
PATIENCE = 60
"""Seconds that a busy machine may take for anything."""

WORKER = """
import os, socket, sys, time
from pathlib import Path
from datetime import timedelta
contacted = []
sys.addaudithook(lambda event, args: contacted.append(str(args[1])) if event == "socket.connect" else None)
from portal.config import Settings
from portal.jobs import Jobs, Retry

folder, url, name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

def slow(payload):
    with (folder / "started").open("a") as log:
        log.write(f"{name}\\n")
    while not (folder / "go").exists():
        time.sleep(0.02)
    with (folder / "finished").open("a") as log:
        log.write(f"{name} {payload['report']}\\n")

def deadly(payload):
    with (folder / "started").open("a") as log:
        log.write(f"{name}\\n")
    os._exit(9)

settings = Settings(instance=folder, database_url=url, secret_key="test", files_url="")
jobs = Jobs(settings, {"slow": slow, "deadly": deadly}, {}, is_writing=lambda: False,
            retry=Retry(deaths=1), poll=timedelta(seconds=0.1))
jobs.launch(name)
(folder / f"{name}.up").write_text("")
while not (folder / f"{name}.stop").exists():
    time.sleep(0.05)
jobs.close()
(folder / "contacted").write_text("\\n".join(contacted))
"""


@dataclass
class Database:
    """One database with jobs in it, and what its handlers were given."""

    settings: Settings
    engine: Engine
    given: list[Mapping[str, object]] = field(default_factory=list)
    writing: bool = False
    opened: list[Jobs] = field(default_factory=list)

    def jobs(
        self, schedules: Mapping[str, str] | None = None, **handlers: Callable[[Mapping[str, object]], None]
    ) -> Jobs:
        jobs = Jobs(
            self.settings,
            {"note": self.given.append, **handlers},
            schedules or {},
            is_writing=lambda: self.writing,
            retry=SOON,
            poll=SHORT,
        )
        self.opened.append(jobs)
        return jobs

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with Session(self.engine) as session, session.begin():
            self.writing = True
            try:
                yield session
            finally:
                self.writing = False

    def enqueue(self, jobs: Jobs, name: str, payload: Mapping[str, object], *, key: str) -> None:
        with self.transaction() as session:
            jobs.enqueue(session, name, payload, key=key)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a PostgreSQL database with nothing but the jobs' tables."""
    url = postgres.create_database()
    migrate(_settings(url, tmp_path_factory.mktemp("template")))
    return make_url(url).database or ""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated database of each make, with one table of the application's own."""
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    if request.param == "postgresql":
        url = postgres.create_database(request.getfixturevalue("template"))
    settings = _settings(url, tmp_path)
    if settings.is_sqlite:
        migrate(settings)
    database = Database(settings, create_engine(url))
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE report (id INTEGER PRIMARY KEY)"))
    yield database
    for jobs in database.opened:
        jobs.close(timedelta(0))
    database.engine.dispose()


only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
only_postgres = pytest.mark.parametrize(
    "database", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


def _settings(url: str, folder: Path) -> Settings:
    return Settings(instance=folder, database_url=url, secret_key="test", files_url="")


def _until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)


@contextmanager
def _worker(database: Database, name: str = "worker-1") -> Iterator[subprocess.Popen[str]]:
    """A process that works, told to stop at the end and killed if it does not."""
    folder = database.settings.instance
    for sign in ("up", "stop"):
        (folder / f"{name}.{sign}").unlink(missing_ok=True)
    script = folder / "worker.py"
    script.write_text(WORKER)
    command = [sys.executable, str(script), str(folder), database.settings.database_url, name]
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
        (folder / f"{name}.stop").write_text("")
        process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()


def _asked_for(jobs: Jobs, state: State) -> list[Job]:
    """The jobs in a state, but for the upkeep that comes by itself every other minute."""
    return [job for job in jobs.list(state) if job.name != UPKEEP or job.key == "next-week"]


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _signs(database: Database, name: str) -> Callable[[], list[str]]:
    return lambda: _lines(database.settings.instance / name)


def _up(database: Database, name: str = "worker-1") -> Callable[[], bool]:
    return (database.settings.instance / f"{name}.up").exists


# What is stored with a job


def test_a_commit_enqueues_and_a_rollback_does_not(database: Database) -> None:
    jobs = database.jobs()
    jobs.launch()
    with database.transaction() as session:
        session.execute(text("INSERT INTO report VALUES (1)"))
        jobs.enqueue(session, "note", {"report": 1, "word": "blåbærøy"}, key="report-1")
    with database.transaction() as session:
        session.execute(text("INSERT INTO report VALUES (2)"))
        jobs.enqueue(session, "note", {"report": 2}, key="report-2")
        session.rollback()
    database.enqueue(jobs, "note", {"report": 3}, key="report-3")

    _until(lambda: len(database.given) == 2)
    time.sleep(0.5)

    assert sorted(database.given, key=str) == [{"report": 1, "word": "blåbærøy"}, {"report": 3}]
    with database.engine.connect() as connection:
        assert connection.scalars(text("SELECT id FROM report")).all() == [1]


def test_one_key_is_one_job_before_and_after_it_ran(database: Database) -> None:
    jobs = database.jobs()
    with database.transaction() as session:
        jobs.enqueue(session, "note", {"try": 1}, key="letter-7")
        jobs.enqueue(session, "note", {"try": 2}, key="letter-7")
    jobs.launch()
    _until(lambda: database.given)
    _until(lambda: _asked_for(jobs, "done"))
    database.enqueue(jobs, "note", {"try": 3}, key="letter-7")
    database.enqueue(jobs, "note", {"other": True}, key="letter-8")
    _until(lambda: len(database.given) > 1)

    assert database.given == [{"try": 1}, {"other": True}]


@only_sqlite
def test_a_key_cannot_name_two_kinds_of_work(database: Database) -> None:
    jobs = database.jobs(other=lambda _: None)
    database.enqueue(jobs, "note", {}, key="a")
    with pytest.raises(JobsError, match="another name"):
        database.enqueue(jobs, "other", {}, key="a")


@only_sqlite
@pytest.mark.parametrize(
    ("name", "payload", "key", "error"),
    [
        ("nobody", {}, "k", JobsError),
        ("note", {}, "", JobsError),
        ("note", {}, "a b", JobsError),
        ("note", {}, "a#2", JobsError),
        ("note", {"at": object()}, "k", TypeError),
        ("note", {"share": float("nan")}, "k", ValueError),
    ],
)
def test_what_cannot_be_a_job_is_refused_at_once(
    database: Database, name: str, payload: Mapping[str, object], key: str, error: type[Exception]
) -> None:
    jobs = database.jobs()
    with pytest.raises(error):
        database.enqueue(jobs, name, payload, key=key)
    assert not _asked_for(jobs, "waiting")


def test_inside_a_writing_transaction_only_enqueue_and_outside_never(database: Database) -> None:
    jobs = database.jobs()
    with Session(database.engine) as session, pytest.raises(JobsError, match="inside the writing transaction"):
        jobs.enqueue(session, "note", {}, key="k")
    calls: list[Callable[[], object]] = [
        lambda: jobs.list("waiting"),
        lambda: jobs.cancel("k"),
        lambda: jobs.run_again("k"),
        lambda: jobs.take_over("worker-2"),
        jobs.launch,
    ]
    with database.transaction():
        for call in calls:
            with pytest.raises(JobsError, match="after the commit"):
                call()
    assert _asked_for(jobs, "waiting") == []


def test_a_handler_enqueues_in_a_transaction_of_its_own(database: Database) -> None:
    def first(_payload: Mapping[str, object]) -> None:
        database.enqueue(jobs, "note", {"second": True}, key="second")

    jobs = database.jobs(first=first)
    database.enqueue(jobs, "first", {}, key="first")
    jobs.launch()
    _until(lambda: database.given == [{"second": True}])


# Failure


def test_a_failing_job_is_tried_again_and_then_shown(database: Database) -> None:
    tried = []

    def fail(payload: Mapping[str, object]) -> None:
        tried.append(payload)
        raise OSError("the post office is closed")

    jobs = database.jobs(fail=fail)
    database.enqueue(jobs, "fail", {"letter": 4}, key="letter-4")
    jobs.launch()
    _until(lambda: jobs.list("failed"))

    [job] = jobs.list("failed")
    assert (job.key, job.name, job.state, job.attempt) == ("letter-4", "fail", "failed", 3)
    assert job.payload == {"letter": 4}
    assert job.reason == "OSError: the post office is closed"
    assert job.finished_at is not None
    assert abs(job.finished_at - clock.now()) < timedelta(minutes=1)
    assert tried == [{"letter": 4}] * 3
    assert _asked_for(jobs, "done") == []

    jobs.run_again("letter-4")
    _until(lambda: len(tried) == 4)
    _until(lambda: jobs.list("failed"))
    with pytest.raises(JobsError, match="letter-5"):
        jobs.run_again("letter-5")


def test_whatever_a_handler_complains_of_can_be_shown(database: Database) -> None:
    def fail(_payload: Mapping[str, object]) -> None:
        raise OSError("\0 " + "x" * 10_000)

    jobs = database.jobs({"fail": "* * * * * *"}, fail=fail)
    jobs.launch()
    _until(lambda: jobs.list("failed"))
    [job, *_] = jobs.list("failed")
    assert job.reason.startswith("OSError:   xxx")
    assert len(job.reason) == 2000


@only_sqlite
def test_a_job_that_works_at_the_second_attempt_is_done(database: Database) -> None:
    tried = []

    def shaky(payload: Mapping[str, object]) -> None:
        tried.append(payload)
        if len(tried) < 2:
            raise OSError("busy")

    jobs = database.jobs(shaky=shaky)
    database.enqueue(jobs, "shaky", {}, key="k")
    jobs.launch()
    _until(lambda: _asked_for(jobs, "done"))

    assert [(job.key, job.attempt) for job in _asked_for(jobs, "done")] == [("k", 2)]
    assert jobs.list("failed") == ()


def test_a_cancelled_job_never_runs(database: Database) -> None:
    jobs = database.jobs()
    database.enqueue(jobs, "note", {"n": 1}, key="one")
    database.enqueue(jobs, "note", {"n": 2}, key="two")
    assert {job.key for job in _asked_for(jobs, "waiting")} == {"one", "two"}
    jobs.cancel("one")
    jobs.cancel("never heard of")
    jobs.launch()
    _until(lambda: database.given)
    time.sleep(0.5)

    assert database.given == [{"n": 2}]
    assert [job.key for job in jobs.list("cancelled")] == ["one"]

    jobs.run_again("one")
    _until(lambda: len(database.given) == 2)


@only_sqlite
def test_a_job_that_waits_for_its_next_attempt_can_be_cancelled(database: Database) -> None:
    tried = []

    def fail(payload: Mapping[str, object]) -> None:
        tried.append(payload)
        raise OSError

    jobs = Jobs(
        database.settings,
        {"fail": fail},
        {},
        is_writing=lambda: database.writing,
        retry=Retry(attempts=2, first=timedelta(seconds=1.5)),
        poll=SHORT,
    )
    database.opened.append(jobs)
    database.enqueue(jobs, "fail", {}, key="k")
    jobs.launch()
    _until(lambda: [job.attempt for job in _asked_for(jobs, "waiting")] == [2])
    jobs.cancel("k")
    time.sleep(2.8)

    assert len(tried) == 1
    assert [(job.key, job.attempt) for job in jobs.list("cancelled")] == [("k", 2)]


def test_one_kind_of_work_does_not_take_the_room_of_another(database: Database) -> None:
    free = threading.Event()

    def slow(_payload: Mapping[str, object]) -> None:
        free.wait(PATIENCE)

    jobs = database.jobs(slow=slow)
    with database.transaction() as session:
        for number in range(12):
            jobs.enqueue(session, "slow", {}, key=f"slow-{number}")
        jobs.enqueue(session, "note", {}, key="quick")
    jobs.launch()
    _until(lambda: database.given)
    _until(lambda: len(_asked_for(jobs, "running")) == 4)
    time.sleep(0.5)
    running, waiting = len(_asked_for(jobs, "running")), len(_asked_for(jobs, "waiting"))
    free.set()
    assert (running, waiting) == (4, 8)
    _until(lambda: len(_asked_for(jobs, "done")) == 13)


# Schedules


def test_a_schedule_fires_and_is_forgotten_when_it_is_no_longer_asked_for(database: Database) -> None:
    jobs = database.jobs({"note": "* * * * * *"})
    jobs.launch()
    _until(lambda: len(database.given) >= 2)
    due = [str(each["due"]) for each in database.given]
    assert len(due) == len(set(due))
    assert all(each.endswith("Z") for each in due)
    [first, *_] = _asked_for(jobs, "done")
    assert (first.name, list(first.payload)) == ("note", ["due"])
    jobs.close()

    again = database.jobs()
    again.launch()
    fired = len(database.given)
    time.sleep(2.2)
    assert len(database.given) == fired


@only_sqlite
def test_a_failing_scheduled_run_is_shown_and_not_tried_again(database: Database) -> None:
    tried = []

    def fail(payload: Mapping[str, object]) -> None:
        tried.append(payload)
        raise OSError("no")

    jobs = database.jobs({"fail": "* * * * * *"}, fail=fail)
    jobs.launch()
    _until(lambda: len(jobs.list("failed")) >= 2)
    dues = [str(each) for each in tried]
    assert len(dues) == len(set(dues))


@only_sqlite
def test_a_schedule_needs_a_handler(database: Database) -> None:
    with pytest.raises(JobsError, match="ghost"):
        database.jobs({"ghost": "* * * * *"})


# Workers that die


def test_a_job_in_hand_when_its_worker_is_killed_is_done_after_the_restart(database: Database) -> None:
    started, finished = _signs(database, "started"), _signs(database, "finished")
    jobs = Jobs(database.settings, {"slow": print}, {}, is_writing=lambda: database.writing)
    database.opened.append(jobs)
    for number in (1, 2, 3):
        database.enqueue(jobs, "slow", {"report": number}, key=f"report-{number}")
    with _worker(database) as process:
        _until(lambda: len(started()) == 3)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not finished()

    (database.settings.instance / "go").write_text("")
    with _worker(database) as process:
        _until(lambda: len(finished()) == 3)
        _until(lambda: len(_asked_for(jobs, "done")) == 3)

    assert sorted(finished()) == ["worker-1 1", "worker-1 2", "worker-1 3"]
    assert _asked_for(jobs, "running") == []


@only_sqlite
def test_a_job_that_kills_its_worker_is_given_up(database: Database) -> None:
    jobs = Jobs(database.settings, {"deadly": print}, {}, is_writing=lambda: database.writing)
    database.opened.append(jobs)
    database.enqueue(jobs, "deadly", {}, key="poison")
    for _ in range(2):
        with _worker(database) as process:
            assert process.wait(PATIENCE) == 9
    with _worker(database):
        _until(_up(database))
        _until(lambda: jobs.list("failed"))

    [job] = jobs.list("failed")
    assert (job.key, job.reason) == ("poison", "The worker died each time it was at this.")
    assert len(_signs(database, "started")()) == 2


def test_two_workers_of_one_name_are_refused(database: Database) -> None:
    jobs = database.jobs()
    with _worker(database):
        _until(_up(database))
        with pytest.raises(JobsError, match="Another process works as worker-1"):
            jobs.launch()
        with pytest.raises(JobsError, match="alive"):
            jobs.take_over("worker-1")
    jobs.launch()
    for second in (jobs, database.jobs()):
        with pytest.raises(JobsError, match="This process has a worker already"):
            second.launch()


def test_sqlite_has_one_worker_whatever_its_name_and_postgresql_many(database: Database) -> None:
    jobs = database.jobs()
    jobs.launch("worker-1")
    with _worker(database, "worker-2") as process:
        if database.settings.is_sqlite:
            output, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode == 1
            assert "JobsError: Another process works as worker-1 on this database" in output
        else:
            _until(_up(database, "worker-2"))


@only_sqlite
def test_the_only_worker_has_nobody_to_take_over_from(database: Database) -> None:
    jobs = database.jobs()
    jobs.launch()
    with pytest.raises(JobsError, match="worker-1 is alive"):
        jobs.take_over("worker-1")
    assert jobs.take_over("worker-2") == ()


@only_postgres
def test_the_living_take_over_from_the_dead(database: Database) -> None:
    jobs = database.jobs(slow=database.given.append)
    database.enqueue(jobs, "slow", {"report": 5}, key="report-5")
    with _worker(database, "worker-2") as process:
        _until(_signs(database, "started"))
        with pytest.raises(JobsError, match="worker-2 is alive"):
            jobs.take_over("worker-2")
        process.kill()
        process.wait()
    jobs.launch("worker-1")
    time.sleep(1)
    assert database.given == []

    assert jobs.take_over("worker-2") == ("report-5",)
    _until(lambda: database.given == [{"report": 5}])
    _until(lambda: [job.worker for job in _asked_for(jobs, "done")] == ["worker-1"])


@pytest.mark.postgres
def test_a_worker_stays_alive_when_the_server_drops_its_connection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(locks, "SECONDS_BETWEEN_SIGNS_OF_LIFE", 0.5)
    server = postgres.create_database()
    mine, another = locks.ServerLock(server), locks.ServerLock(server)
    assert mine.take("worker-1")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON oid = database "
                "WHERE locktype = 'advisory' AND datname = current_database()"
            )
        )
    engine.dispose()
    assert not another.is_held("worker-1")
    _until(lambda: another.is_held("worker-1"))
    assert not another.take("worker-1")
    assert "Worker worker-1 lost the connection" in caplog.text

    mine.release()
    assert another.take("worker-1")
    another.release()


def test_upkeep_frees_what_nobody_is_at(database: Database) -> None:
    """A row that says running although no thread has it: what a full disk leaves, or a machine that is gone."""
    jobs = database.jobs()
    jobs.launch()
    database.enqueue(jobs, "note", {"n": 1}, key="k")
    _until(lambda: _asked_for(jobs, "done"))
    dbos = "" if database.settings.is_sqlite else f"{SCHEMA}."
    with database.engine.begin() as connection:
        connection.execute(text(f"UPDATE {dbos}workflow_status SET status = 'PENDING', started_at_epoch_ms = 1"))
        connection.execute(text(f"DELETE FROM {dbos}operation_outputs"))
        connection.execute(text(f"DELETE FROM {dbos}workflow_output"))
    database.given.clear()
    database.enqueue(jobs, UPKEEP, {}, key="now")
    _until(lambda: database.given == [{"n": 1}])


def test_upkeep_forgets_what_ended_long_ago(database: Database) -> None:
    def fail(_payload: Mapping[str, object]) -> None:
        raise OSError

    jobs = database.jobs(fail=fail)
    jobs.launch()
    database.enqueue(jobs, "note", {}, key="good")
    database.enqueue(jobs, "fail", {}, key="bad")
    _until(lambda: jobs.list("failed"))
    _until(lambda: _asked_for(jobs, "done"))
    with clock.at(clock.now() + timedelta(days=8)):
        database.enqueue(jobs, UPKEEP, {}, key="next-week")
        _until(lambda: [job.key for job in _asked_for(jobs, "done")] == ["next-week"])
        assert [job.key for job in jobs.list("failed")] == ["bad"]
    with clock.at(clock.now() + timedelta(days=91)):
        database.enqueue(jobs, UPKEEP, {}, key="next-quarter")
        _until(lambda: not jobs.list("failed"))


# The tables


def test_only_its_own_tables_are_its_own(database: Database) -> None:
    inspector = inspect(database.engine)
    schema = None if database.settings.is_sqlite else SCHEMA
    names = set(inspector.get_table_names(schema=schema))
    assert names - {"report"} >= OWN_TABLES
    assert all(is_jobs_table(name, schema) for name in names - {"report"})
    assert not is_jobs_table("report")
    assert is_jobs_table("anything", SCHEMA)


@pytest.mark.postgres
def test_without_its_tables_the_worker_says_what_to_do(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path / 'empty.db'}", postgres.create_database()):
        settings = _settings(url, tmp_path)
        jobs = Jobs(settings, {}, {}, is_writing=lambda: False)
        if settings.is_sqlite:
            Path(tmp_path / "empty.db").touch()
        with pytest.raises(JobsError, match="portal migrate"):
            jobs.launch()
        migrate(settings)
        jobs.launch()
        jobs.close()


def test_sqlite_writes_ahead_from_the_first_migration_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'portal.db'}"
    settings = _settings(url, tmp_path)
    migrate(settings)
    migrate(settings)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
    engine.dispose()


@pytest.mark.postgres
def test_a_role_that_owns_nothing_can_work(tmp_path: Path) -> None:
    url, role = postgres.create_database(), f"app_{uuid.uuid4().hex[:8]}"
    owner = _settings(url, tmp_path)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN"))
    engine.dispose()
    migrate(owner, roles=[role])
    app = make_url(url).set(username=role).render_as_string(hide_password=False)
    settings = _settings(app, tmp_path)
    database = Database(settings, create_engine(app))
    jobs = database.jobs()
    jobs.launch()
    database.enqueue(jobs, "note", {"n": 1}, key="k")
    _until(lambda: database.given == [{"n": 1}])
    jobs.close()
    database.engine.dispose()


def test_a_worker_is_quiet_and_speaks_to_nobody_outside(database: Database) -> None:
    with _worker(database) as process:
        _until(_up(database))
        time.sleep(2)
        (database.settings.instance / "worker-1.stop").write_text("")
        output, _ = process.communicate(timeout=PATIENCE)
    assert output == ""
    assert _lines(database.settings.instance / "contacted") == []
