"""Where the jobs lie: DBOS's tables in the application's database, and the lock of whoever works on them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from dbos import DBOS, error
from dbos._serialization import DefaultSerializer
from dbos._sys_db import SystemDatabase
from sqlalchemy import (
    BigInteger,
    Connection,
    String,
    TableClause,
    column,
    create_engine,
    func,
    make_url,
    select,
    table,
    text,
)

from portal.config import Settings
from portal.jobs.locks import FileLock, ServerLock, WorkerLock

SCHEMA = "dbos"
"""Where the tables lie on PostgreSQL; on SQLite they lie among the application's."""
OWN_TABLES = frozenset(
    {
        "application_versions",
        "dbos_migrations",
        "notifications",
        "operation_outputs",
        "queues",
        "streams",
        "workflow_events",
        "workflow_events_history",
        "workflow_input",
        "workflow_output",
        "workflow_schedules",
        "workflow_status",
    }
)


def migrate(settings: Settings, roles: Iterable[str] = ()) -> None:
    """Create or update the tables, as the owner of the database; on PostgreSQL `roles` get the right to use them."""
    if settings.is_sqlite:
        _database_file(settings).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(settings.database_url)
        with engine.connect() as connection:
            connection.execute(text("PRAGMA journal_mode=WAL"))
        engine.dispose()
    DBOS.migrate(settings.database_url, schema=SCHEMA)
    for role in roles:
        DBOS.migrate(settings.database_url, schema=SCHEMA, application_role=role)


def is_migrated(settings: Settings) -> bool:
    """Whether the tables are there, as new as this release needs them. Creates and changes nothing."""
    tables = SystemDatabase.create(
        system_database_url=settings.database_url,
        engine_kwargs={"pool_size": 1},
        engine=None,
        schema=SCHEMA,
        serializer=DefaultSerializer(),
        executor_id=None,
    )
    try:
        tables.verify_migrations()
    except error.DBOSInitializationError:
        return False
    finally:
        tables.destroy()
    return True


def is_jobs_table(name: str, schema: str | None = None) -> bool:
    """Whether a table is one of these, so that the application's migrations leave it alone."""
    return schema == SCHEMA or (schema is None and name in OWN_TABLES)


def count_by_state(connection: Connection) -> dict[str, int]:
    """How many jobs there are, by DBOS's own word for how they stand."""
    status = _jobs(connection).c.status
    return {str(word): count for word, count in connection.execute(select(status, func.count()).group_by(status))}


def last_done(connection: Connection) -> datetime | None:
    """When the newest of the jobs that are done was."""
    jobs = _jobs(connection).c
    newest = select(jobs.completed_at).where(jobs.status == "SUCCESS").order_by(jobs.created_at.desc()).limit(1)
    milliseconds = connection.scalar(newest)
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def _jobs(connection: Connection) -> TableClause:
    schema = SCHEMA if connection.dialect.name == "postgresql" else None
    columns = (column("status", String), column("created_at", BigInteger), column("completed_at", BigInteger))
    return table("workflow_status", *columns, schema=schema)


def worker_lock(settings: Settings) -> WorkerLock:
    """The lock that says who works: beside the file of SQLite, inside PostgreSQL."""
    if not settings.is_sqlite:
        return ServerLock(settings.database_url)
    database = _database_file(settings)
    return FileLock(database.with_name(f"{database.name}.worker"))


def _database_file(settings: Settings) -> Path:
    return Path(make_url(settings.database_url).database or "").absolute()
