"""Databases of a bench's own, made for one run and gone after it: nothing that exists is ever touched."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from flask import Flask
from psycopg.sql import SQL, Identifier
from sqlalchemy import func, inspect, make_url, select, table

from portal.application import create_app
from portal.config import Settings
from portal.extensions import db, parts
from portal.jobs import SCHEMA
from portal.schema import migrate_database


@contextmanager
def installations(count: int) -> Iterator[list[Flask]]:
    """The portal so many times, each on a new, migrated database.

    Without DATABASE_URL they are SQLite files in the folder for temporary files. A SQLite DATABASE_URL says in which
    folder instead, one of PostgreSQL on which server, where its user must have the right to create databases.
    """
    asked = os.environ.get("DATABASE_URL", "sqlite://")
    with ExitStack() as stack:
        beside = Path(make_url(asked).database or "").parent if _names_a_file(asked) else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=beside)))
        make = _files(folder, count) if asked.startswith("sqlite") else _on_server(asked, folder, count)
        urls = stack.enter_context(make)
        yield [stack.enter_context(_served(_settings(folder, url))) for url in urls]


def _settings(folder: Path, url: str) -> Settings:
    return Settings(folder, url, secrets.token_hex(32), f"file://{folder / 'files'}")


@contextmanager
def _served(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    try:
        yield app
    finally:
        with app.app_context():
            parts().jobs.close()
            db.session.remove()
            db.engine.dispose()


def rows() -> dict[str, int]:
    """Table -> how many rows it has, those of the jobs included, of the application in whose context we are."""
    look = inspect(db.engine)
    found: list[tuple[str | None, str]] = [(None, name) for name in look.get_table_names()]
    if SCHEMA in look.get_schema_names():
        found += [(SCHEMA, name) for name in look.get_table_names(SCHEMA)]
    with db.engine.connect() as connection:
        counts = {
            name: connection.scalar(select(func.count()).select_from(table(name, schema=schema)))
            for schema, name in found
        }
    return {name: count or 0 for name, count in counts.items()}


def make() -> str:
    """Which database it is, and its version."""
    with db.engine.connect():
        version = ".".join(str(part) for part in db.engine.dialect.server_version_info or ())
    return f"{db.engine.dialect.name} {version}"


def _names_a_file(url: str) -> bool:
    return url.startswith("sqlite") and make_url(url).database not in {None, "", ":memory:"}


@contextmanager
def _files(folder: Path, count: int) -> Iterator[list[str]]:
    files = [folder / f"bench-{number}.db" for number in range(count)]
    migrate_database(_settings(folder, f"sqlite:///{files[0]}"))
    for copy in files[1:]:
        shutil.copy(files[0], copy)
    yield [f"sqlite:///{file}" for file in files]


@contextmanager
def _on_server(url: str, folder: Path, count: int) -> Iterator[list[str]]:
    names = [f"bench_{secrets.token_hex(6)}" for _ in range(count)]
    urls = [make_url(url).set(database=name).render_as_string(hide_password=False) for name in names]
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(names[0])))
            migrate_database(_settings(folder, urls[0]))
            for name in names[1:]:
                copy = SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(names[0]))
                connection.execute(copy)
            yield urls
        finally:
            for name in names:
                connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
