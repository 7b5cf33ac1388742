"""Workers on both databases: those that die, those that take over, and what upkeep finds of them."""

import signal
import time
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from portal import clock
from portal.jobs import SCHEMA, UPKEEP, Jobs, JobsError, locks
from tests import postgres
from tests.jobbing import (
    PATIENCE,
    Database,
    asked_for,
    database,
    is_up,
    lines_of,
    only_postgres,
    only_sqlite,
    signs,
    template,
    until,
    worker_process,
)

__all__ = ["database", "template"]


def test_a_job_in_hand_when_its_worker_is_killed_is_done_after_the_restart(database: Database) -> None:
    started, finished = signs(database, "started"), signs(database, "finished")
    jobs = Jobs(database.settings, {"slow": print}, {}, is_writing=lambda: database.writing)
    database.opened.append(jobs)
    for number in (1, 2, 3):
        database.enqueue(jobs, "slow", {"report": number}, key=f"report-{number}")
    with worker_process(database) as process:
        until(lambda: len(started()) == 3)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not finished()

    (database.settings.instance / "go").write_text("")
    with worker_process(database) as process:
        until(lambda: len(finished()) == 3)
        until(lambda: len(asked_for(jobs, "done")) == 3)

    assert sorted(finished()) == ["worker-1 1", "worker-1 2", "worker-1 3"]
    assert asked_for(jobs, "running") == []


@only_sqlite
def test_a_job_that_kills_its_worker_is_given_up(database: Database) -> None:
    jobs = Jobs(database.settings, {"deadly": print}, {}, is_writing=lambda: database.writing)
    database.opened.append(jobs)
    database.enqueue(jobs, "deadly", {}, key="poison")
    for _ in range(2):
        with worker_process(database) as process:
            assert process.wait(PATIENCE) == 9
    with worker_process(database):
        until(is_up(database))
        until(lambda: jobs.list("failed"))

    [job] = jobs.list("failed")
    assert (job.key, job.reason) == ("poison", "The worker died each time it was at this.")
    assert len(signs(database, "started")()) == 2


def test_two_workers_of_one_name_are_refused(database: Database) -> None:
    jobs = database.jobs()
    with worker_process(database):
        until(is_up(database))
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
    with worker_process(database, "worker-2") as process:
        if database.settings.is_sqlite:
            output, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode == 1
            assert "JobsError: Another process works as worker-1 on this database" in output
        else:
            until(is_up(database, "worker-2"))


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
    with worker_process(database, "worker-2") as process:
        until(signs(database, "started"))
        with pytest.raises(JobsError, match="worker-2 is alive"):
            jobs.take_over("worker-2")
        process.kill()
        process.wait()
    jobs.launch("worker-1")
    time.sleep(1)
    assert database.given == []

    assert jobs.take_over("worker-2") == ("report-5",)
    until(lambda: database.given == [{"report": 5}])
    until(lambda: [job.worker for job in asked_for(jobs, "done")] == ["worker-1"])


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
    until(lambda: another.is_held("worker-1"))
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
    until(lambda: asked_for(jobs, "done"))
    dbos = "" if database.settings.is_sqlite else f"{SCHEMA}."
    with database.engine.begin() as connection:
        connection.execute(text(f"UPDATE {dbos}workflow_status SET status = 'PENDING', started_at_epoch_ms = 1"))
        connection.execute(text(f"DELETE FROM {dbos}operation_outputs"))
        connection.execute(text(f"DELETE FROM {dbos}workflow_output"))
    database.given.clear()
    database.enqueue(jobs, UPKEEP, {}, key="now")
    until(lambda: database.given == [{"n": 1}])


def test_upkeep_forgets_what_ended_long_ago(database: Database) -> None:
    def fail(_payload: Mapping[str, object]) -> None:
        raise OSError

    jobs = database.jobs(fail=fail)
    jobs.launch()
    database.enqueue(jobs, "note", {}, key="good")
    database.enqueue(jobs, "fail", {}, key="bad")
    until(lambda: jobs.list("failed"))
    until(lambda: asked_for(jobs, "done"))
    with clock.at(clock.now() + timedelta(days=8)):
        database.enqueue(jobs, UPKEEP, {}, key="next-week")
        until(lambda: [job.key for job in asked_for(jobs, "done")] == ["next-week"])
        assert [job.key for job in jobs.list("failed")] == ["bad"]
    with clock.at(clock.now() + timedelta(days=91)):
        database.enqueue(jobs, UPKEEP, {}, key="next-quarter")
        until(lambda: not jobs.list("failed"))


def test_a_worker_is_quiet_and_speaks_to_nobody_outside(database: Database) -> None:
    with worker_process(database) as process:
        until(is_up(database))
        time.sleep(2)
        (database.settings.instance / "worker-1.stop").write_text("")
        output, _ = process.communicate(timeout=PATIENCE)
    assert output == ""
    assert lines_of(database.settings.instance / "contacted") == []
