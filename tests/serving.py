"""The portal behind waitress on a loopback port of its own, as it is served in earnest."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from flask import Flask
from waitress.wasyncore import close_all

from portal.server import server_for

AT_ONCE = 8
"""How many requests are answered at the same time."""


@contextmanager
def served(app: Flask) -> Iterator[int]:
    """The port on which an application is served."""
    connections: dict[int, object] = {}
    door = socket.create_server(("127.0.0.1", 0))
    running = server_for(app, door, connections, threads=AT_ONCE)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    try:
        yield running.effective_port
    finally:
        # Inside its own thread: closed from here, it may be in the middle of reading what is then gone.
        with suppress(OSError):  # it may be closed by the time that its waking is written
            running.trigger.pull_trigger(lambda: close_all(connections, ignore_all=True))
        thread.join(timeout=10)
        running.task_dispatcher.shutdown()


@pytest.fixture
def server(make_app: Callable[..., Flask], database_url: str) -> Iterator[tuple[Flask, int]]:
    """An application on either database, and its port."""
    app = make_app(database_url)
    with served(app) as port:
        yield app, port
