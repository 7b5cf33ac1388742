"""How a database of the tests stands: kept under a name, put back, and looked at from beside the portal."""

import json
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Connection, Engine, event

from portal.extensions import Base
from tests import postgres

Rows = dict[str, list[dict[str, Any]]]
"""Of the database, by table."""
NEVER_ALIKE = frozenset({"web_session"})
"""Tables that a page may write to by itself: when a browser was seen."""


class Standing(Protocol):
    """One database, and how it stood at some moments. Nobody may be connected while it is kept or put back."""

    make: str
    """"sqlite" or "postgresql"."""

    def keep(self, name: str) -> None:
        """Remember how it stands."""

    def put_back(self, name: str) -> None:
        """Let it stand as it did."""

    def writings(self) -> int:
        """Another number after whatever the portal has written."""

    def rows(self) -> Rows:
        """Everything that is stored, by table, in the order of the keys."""


class OnSqlite:
    """A file, kept as its bytes."""

    make = "sqlite"

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: dict[str, bytes] = {}
        self._watching = sqlite3.connect(file)

    def keep(self, name: str) -> None:
        """Remember how it stands."""
        with closing(sqlite3.connect(self._file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._kept[name] = self._file.read_bytes()

    def put_back(self, name: str) -> None:
        """Let it stand as it did."""
        self._watching.close()
        for beside in ("-wal", "-shm"):
            self._file.with_name(self._file.name + beside).unlink(missing_ok=True)
        self._file.write_bytes(self._kept[name])
        self._watching = sqlite3.connect(self._file)

    def writings(self) -> int:
        """Another number after whatever the portal has written."""
        [[number]] = self._watching.execute("PRAGMA data_version")
        return int(number)

    def rows(self) -> Rows:
        """Everything that is stored, by table."""
        with closing(sqlite3.connect(self._file)) as connection:
            connection.row_factory = sqlite3.Row
            return {name: [dict(row) for row in connection.execute(_all_of(name))] for name in _tables()}


class OnPostgres:
    """A database, kept as others that it is copied from."""

    make = "postgresql"

    def __init__(self, url: str, engine: Engine) -> None:
        self._url = url
        self._kept: dict[str, str] = {}
        self._written = 0
        event.listen(engine, "commit", self._note)

    def _note(self, connection: Connection) -> None:
        self._written += connection.exec_driver_sql("SELECT pg_current_xact_id_if_assigned()").scalar() is not None

    def keep(self, name: str) -> None:
        """Remember how it stands."""
        self._kept[name] = postgres.create_database(postgres.name_of(self._url))

    def put_back(self, name: str) -> None:
        """Let it stand as it did."""
        postgres.drop_database(self._url)
        postgres.create_database(postgres.name_of(self._kept[name]), name=postgres.name_of(self._url))

    def drop(self) -> None:
        """Remove it, and whatever was kept."""
        for url in (self._url, *self._kept.values()):
            postgres.drop_database(url)

    def writings(self) -> int:
        """How many transactions have written something. The statistics of PostgreSQL come too late for that."""
        return self._written

    def rows(self) -> Rows:
        """Everything that is stored, by table, values written as SQLite keeps them."""
        with psycopg.connect(self._url, row_factory=dict_row) as connection:
            found = {name: connection.execute(_all_of(name).encode()).fetchall() for name in _tables()}
        return {name: [{key: _plain(row[key]) for key in row} for row in rows] for name, rows in found.items()}


def _tables() -> list[str]:
    return sorted(Base.metadata.tables.keys() - NEVER_ALIKE)


def _all_of(table: str) -> str:
    keys = ", ".join(column.name for column in Base.metadata.tables[table].primary_key)
    return f"SELECT * FROM {table} ORDER BY {keys}"


def _plain(value: object) -> object:
    match value:
        case UUID():
            return value.hex
        case date():  # a moment too
            return str(value)
        case dict() | list():
            return json.dumps(value)
        case _:
            return value
