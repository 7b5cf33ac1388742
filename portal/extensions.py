"""What the application is built on: the database session, its one way to write, and the base of all entities."""

import threading
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, MetaData, event
from sqlalchemy.orm import DeclarativeBase, Session

from portal.config import Settings
from portal.errors import Unavailable
from portal.files import Store
from portal.jobs import Jobs
from portal.maskinporten import Gate
from portal.openid import Client
from portal.outgoing import Outgoing
from portal.post import Post
from portal.text import Text
from portal.workflow import Engine as ProcessEngine

BUSY = Text(
    "Databasen er opptatt akkurat nå, og ingenting ble lagret. Prøv igjen om litt.",
    "The database is busy just now and nothing was stored. Please try again in a moment.",
)
LONGEST_WAIT_SECONDS = 20


class Base(DeclarativeBase):
    """Base of every entity, with names for every constraint so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


class FairLock:
    """A lock that is handed on in the order of arrival, so that no writer waits while later ones pass."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._held = False

    def acquire(self, timeout: float) -> bool:
        """Take the lock; False when `timeout` seconds went by first."""
        with self._mutex:
            if not self._held:
                self._held = True
                return True
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=timeout):
            return True
        with self._mutex:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return False
            return True

    def release(self) -> None:
        """Hand the lock to whoever has waited longest."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


_sqlite_writer = FairLock()


def prepare_engine(engine: Engine) -> None:
    """Give a SQLite engine write-ahead logging, foreign keys and one writer at a time; PostgreSQL needs nothing.

    Every writing transaction begins IMMEDIATE: a deferred one that has read fails at once when another commits in
    between, whatever the busy timeout. The fair lock spares writers SQLite's sleeping and unfair busy handler.
    """
    if engine.dialect.name != "sqlite":
        return
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "commit", _let_go)
    event.listen(engine, "rollback", _let_go)


def begin_writing() -> Session:
    """Start the writing transaction of this request, job or command before anything is read in it."""
    session: Session = db.session()
    if session.in_transaction():
        if is_writing():
            return session
        if session.new or session.dirty or session.deleted:
            raise RuntimeError("Changes were made before the writing transaction began.")
        session.rollback()
    session.connection(execution_options={"write": True})
    return session


def is_writing() -> bool:
    """Whether the current session is inside a writing transaction."""
    session: Session = db.session()
    return session.in_transaction() and bool(session.connection().get_execution_options().get("write"))


@contextmanager
def transaction() -> Iterator[Session]:
    """The one commit of a door: process state, rows, audit and outbox are stored together or not at all."""
    session = begin_writing()
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=10000",
        "cache_size=-65536",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get("write"):
        connection.exec_driver_sql("BEGIN")
        return
    if not _sqlite_writer.acquire(LONGEST_WAIT_SECONDS):
        raise Unavailable(BUSY)
    connection.info["holds_writer"] = True
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except BaseException:
        _let_go(connection)
        raise


def _let_go(connection: Connection) -> None:
    if connection.info.pop("holds_writer", False):
        _sqlite_writer.release()


@dataclass(frozen=True)
class Parts:
    """What `create_app` has put together for this installation, for the operations to use."""

    settings: Settings
    engine: ProcessEngine
    jobs: Jobs
    store: Store
    post: Post
    outgoing: Outgoing
    gate: Gate | None
    """Where the tokens of programs are read; none: no program may come."""
    providers: Mapping[str, Client]
    """Who else may say who somebody is, by key."""


def parts() -> Parts:
    """The parts of the application in whose context we are."""
    found: Parts = current_app.extensions["klimakontrakt"]
    return found


def enqueue(job: str, payload: Mapping[str, object], *, key: str = "") -> None:
    """Ask for a job; it exists if and only if the open writing transaction commits.

    One key, one job, for as long as jobs are remembered, which is longer than a demo that is reset or a database that
    is restored. So a key is made of what never comes back; without one, each time of asking is a job of its own.
    """
    parts().jobs.enqueue(db.session(), job, payload, key=key or uuid.uuid4().hex)
