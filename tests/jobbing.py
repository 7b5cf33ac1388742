"""A database with nothing but jobs in it, what its handlers were given, and a process that works on it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.jobs import UPKEEP, Job, Jobs, Retry, State, migrate
from tests import postgres

ROOT = Path(__file__).parents[1]
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


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a PostgreSQL database with nothing but the jobs' tables."""
    url = postgres.create_database()
    migrate(settings_at(url, tmp_path_factory.mktemp("template")))
    return make_url(url).database or ""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated database of each make, with one table of the application's own."""
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    if request.param == "postgresql":
        url = postgres.create_database(request.getfixturevalue("template"))
    settings = settings_at(url, tmp_path)
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


def settings_at(url: str, folder: Path) -> Settings:
    """The settings of an installation that has only jobs."""
    return Settings(instance=folder, database_url=url, secret_key="test", files_url="")


def until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for something to come true."""
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)


@contextmanager
def worker_process(database: Database, name: str = "worker-1") -> Iterator[subprocess.Popen[str]]:
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


def asked_for(jobs: Jobs, state: State) -> list[Job]:
    """The jobs in a state, but for the upkeep that comes by itself every other minute."""
    return [job for job in jobs.list(state) if job.name != UPKEEP or job.key == "next-week"]


def lines_of(path: Path) -> list[str]:
    """What a handler noted in a file; nothing when it never ran."""
    return path.read_text().splitlines() if path.exists() else []


def signs(database: Database, name: str) -> Callable[[], list[str]]:
    """What handlers note in that file, whenever it is asked."""
    return lambda: lines_of(database.settings.instance / name)


def is_up(database: Database, name: str = "worker-1") -> Callable[[], bool]:
    """Whether that worker has begun, whenever it is asked."""
    return (database.settings.instance / f"{name}.up").exists
