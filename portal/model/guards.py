"""Triggers that the database itself keeps watch with, in one list. Re-created at the end of every migration.

Alembic's batch mode rebuilds a SQLite table and drops its triggers without a word, so they never live in a revision.
"""

from sqlalchemy import Connection, inspect, text

INSERT_ONLY = (
    "audit_event",
    "check_result",
    "figure",
    "finding",
    "measure",
    "point_answer",
    "review",
    "revision",
    "revision_line",
    "sign_in_attempt",
    "weighing",
    "withdrawal",
)
"""Tables whose rows are never changed or removed once written."""

_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END $$
"""


def expected(dialect: str) -> set[str]:
    """The names of all triggers that must be there."""
    ways = ("update", "delete") if dialect == "sqlite" else ("update", "delete", "truncate")
    return {f"guard_{table}_{way}" for table in INSERT_ONLY for way in ways}


def found(connection: Connection) -> set[str]:
    """The names of the guards that are there."""
    if connection.dialect.name == "sqlite":
        names = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'guard_%'")
    else:
        names = text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE 'guard_%'")
    return set(connection.scalars(names))


def install(connection: Connection) -> None:
    """Put every guard in place anew, on the tables that this revision has. Safe to run again."""
    there = set(inspect(connection).get_table_names())
    tables = [table for table in INSERT_ONLY if table in there]
    if connection.dialect.name == "sqlite":
        _install_on_sqlite(connection, tables)
    else:
        _install_on_postgresql(connection, tables)


def _install_on_sqlite(connection: Connection, tables: list[str]) -> None:
    for table in tables:
        for way in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS guard_{table}_{way}"))
            connection.execute(
                text(
                    f"CREATE TRIGGER guard_{table}_{way} BEFORE {way.upper()} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
                )
            )


def _install_on_postgresql(connection: Connection, tables: list[str]) -> None:
    connection.execute(text(_FUNCTION))
    for table in tables:
        for way, level in (("update", "ROW"), ("delete", "ROW"), ("truncate", "STATEMENT")):
            connection.execute(text(f"DROP TRIGGER IF EXISTS guard_{table}_{way} ON {table}"))
            connection.execute(
                text(
                    f"CREATE TRIGGER guard_{table}_{way} BEFORE {way.upper()} ON {table} "
                    f"FOR EACH {level} EXECUTE FUNCTION refuse_change()"
                )
            )
