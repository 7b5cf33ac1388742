"""Who is a worker right now: locks that the operating system or PostgreSQL lets go when the process dies."""

import fcntl
import hashlib
import logging
import os
import threading
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

SECONDS_BETWEEN_SIGNS_OF_LIFE = 30
_log = logging.getLogger(__name__)


class WorkerLock(Protocol):
    """Held by a worker for as long as it lives."""

    def take(self, worker: str) -> bool:
        """Hold the lock from now on; False when somebody has it already."""

    def is_held(self, worker: str) -> bool:
        """Whether this worker lives, in this process or another."""

    def release(self) -> None:
        """Let go. Harmless when nothing is held."""


class FileLock:
    """One worker for one SQLite file, whatever its name: a lock on a file beside the database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self, worker: str) -> bool:
        """See `WorkerLock`. Leaves the worker's name and process number in the file for whoever looks."""
        self._descriptor = self._locked() if self._descriptor is None else None
        if self._descriptor is None:
            return False
        os.truncate(self._descriptor, 0)
        os.write(self._descriptor, f"{worker} {os.getpid()}\n".encode())
        return True

    def is_held(self, worker: str) -> bool:
        """See `WorkerLock`."""
        descriptor = self._locked()
        if descriptor is not None:
            os.close(descriptor)
            return False
        holder = self._path.read_text().split()[:1]
        return holder in ([worker], [])

    def release(self) -> None:
        """See `WorkerLock`."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _locked(self) -> int | None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor


class ServerLock:
    """One worker of each name in one PostgreSQL database: an advisory lock on a connection of its own.

    The lock ends with the connection, so a restart of the server frees it: a thread watches and takes it again.
    A pooler in between must hand out whole sessions, not transactions.
    """

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._connection: Connection | None = None
        self._watch: threading.Thread | None = None
        self._released = threading.Event()

    def take(self, worker: str) -> bool:
        """See `WorkerLock`."""
        self._connection = self._locked(worker)
        if self._connection is None:
            return False
        self._released.clear()
        self._watch = threading.Thread(target=self._stay, args=(worker,), name="worker-lock", daemon=True)
        self._watch.start()
        return True

    def is_held(self, worker: str) -> bool:
        """See `WorkerLock`."""
        connection = self._locked(worker)
        if connection is None:
            return True
        connection.close()
        return False

    def release(self) -> None:
        """See `WorkerLock`."""
        self._released.set()
        if self._watch is not None:
            self._watch.join()
            self._watch = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _locked(self, worker: str) -> Connection | None:
        connection = self._engine.connect()
        if connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": _number(worker)}):
            return connection
        connection.close()
        return None

    def _stay(self, worker: str) -> None:
        while not self._released.wait(SECONDS_BETWEEN_SIGNS_OF_LIFE):
            try:
                if self._connection is None:
                    self._connection = self._locked(worker)
                else:
                    self._connection.execute(text("SELECT 1"))
            except DBAPIError:
                _log.warning("Worker %s lost the connection that shows it to be alive and makes a new one", worker)
                if self._connection is not None:
                    self._connection.close()
                    self._connection = None


def _number(worker: str) -> int:
    """The 64-bit number that stands for a worker among PostgreSQL's advisory locks."""
    digest = hashlib.sha256(f"klimakontrakt worker {worker}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
