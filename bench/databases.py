"""Databases of a bench's own, made for one run and gone after it: nothing that exists is ever touched."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from flask import Flask
from psycopg.sql import SQL, Identifier
from sqlalchemy import func, inspect, make_url, select, table

from portal.application import create_app
from portal.cli import migrate_database
from portal.config import Settings
from portal.extensions import db, parts
from portal.jobs import SCHEMA


@contextmanager
def installation() -> Iterator[Flask]:
    """The portal on a new, migrated database.

    Without DATABASE_URL it is a SQLite file in the folder for temporary files. A SQLite DATABASE_URL says in which
    folder instead, one of PostgreSQL on which server, where its user must have the right to create databases.
    """
    asked = os.environ.get("DATABASE_URL", "sqlite://")
    with ExitStack() as stack:
        beside = Path(make_url(asked).database or "").parent if _named_file(asked) else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=beside)))
        is_file = asked.startswith("sqlite")
        url = f"sqlite:///{folder / 'bench.db'}" if is_file else stack.enter_context(_on_server(asked))
        settings = Settings(folder, url, secrets.token_hex(32), f"file://{folder / 'files'}")
        migrate_database(settings)
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
    found = [(None, name) for name in look.get_table_names()]
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


def _named_file(url: str) -> bool:
    return url.startswith("sqlite") and make_url(url).database not in {None, "", ":memory:"}


@contextmanager
def _on_server(url: str) -> Iterator[str]:
    name = f"bench_{secrets.token_hex(6)}"
    own = make_url(url).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    try:
        yield own
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
