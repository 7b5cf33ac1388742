"""The tables of the jobs: made before a worker starts, told from the portal's own, open to a role that owns nothing."""

import uuid
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from portal.jobs import OWN_TABLES, SCHEMA, Jobs, JobsError, is_jobs_table, migrate
from tests import postgres
from tests.jobbing import Database, database, settings_at, template, until

__all__ = ["database", "template"]


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
        settings = settings_at(url, tmp_path)
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
    settings = settings_at(url, tmp_path)
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
    owner = settings_at(url, tmp_path)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN"))
    engine.dispose()
    migrate(owner, roles=[role])
    app = make_url(url).set(username=role).render_as_string(hide_password=False)
    settings = settings_at(app, tmp_path)
    database = Database(settings, create_engine(app))
    jobs = database.jobs()
    jobs.launch()
    database.enqueue(jobs, "note", {"n": 1}, key="k")
    until(lambda: database.given == [{"n": 1}])
    jobs.close()
    database.engine.dispose()
