"""The demo as it was when it was made, kept beside the database so that a visitor can start again in a second."""

import sqlite3  # pysqlite3 under the name that everybody uses
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

from portal.config import Settings
from portal.errors import Refused
from portal.extensions import Base, begin_writing, db
from portal.model import guards
from portal.text import Text

NOTHING_KEPT = Text(
    "Demoen kan ikke nullstilles herfra. Slett instansmappen og kjør «portal demo» på nytt.",
    "The demo cannot be reset from here. Remove the instance folder and run `portal demo` again.",
)


def place(settings: Settings) -> Path:
    """Where the copy is kept."""
    return settings.instance / "demo-as-made.db"


def is_kept(settings: Settings) -> bool:
    """Whether there is a copy to go back to; there is none on PostgreSQL."""
    return settings.is_sqlite and place(settings).exists()


def keep(settings: Settings) -> None:
    """Copy the database as it is now. Call it outside any transaction; on PostgreSQL nothing is kept."""
    if not settings.is_sqlite:
        return
    place(settings).unlink(missing_ok=True)
    with closing(db.engine.raw_connection()) as connection:
        connection.cursor().execute("VACUUM INTO ?", (str(place(settings)),))


def bring_back(settings: Settings) -> None:
    """Put every row back as it was when the demo was made, inside the caller's writing transaction.

    Raises Refused when no copy is kept, or when the tables have changed since.
    """
    if not is_kept(settings):
        raise Refused(NOTHING_KEPT)
    connection = begin_writing().connection()
    tables = Base.metadata.sorted_tables
    with closing(sqlite3.connect(f"file:{place(settings)}?mode=ro", uri=True)) as made:
        if any(_columns(made, table.name) != {column.name for column in table.columns} for table in tables):
            raise Refused(NOTHING_KEPT)
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for name in guards.found(connection):
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        for table in reversed(tables):
            connection.exec_driver_sql(f"DELETE FROM {table.name}")  # noqa: S608 - names of our own tables # nosec B608
        for table in tables:
            _copy(made, connection, table.name)
    guards.install(connection)


def _columns(made: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in made.execute(f"PRAGMA table_info({table})")}


def _copy(made: sqlite3.Connection, connection: Connection, table: str) -> None:
    rows = made.execute(f"SELECT * FROM {table}")  # noqa: S608 # nosec B608
    columns = [description[0] for description in rows.description]
    marks = ", ".join("?" for _ in columns)
    while batch := rows.fetchmany(1000):
        names = ", ".join(f'"{column}"' for column in columns)
        connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", [tuple(row) for row in batch])  # noqa: S608 # nosec B608
