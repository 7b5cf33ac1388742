"""The portal as people meet it: waitress on a loopback port, form tokens asked for, real files and mail."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flask import Flask
from waitress.server import create_server
from waitress.wasyncore import close_all

from portal import clock
from portal.application import create_app
from portal.extensions import db, parts
from portal.work import open_periods, tick_timers
from tests.conftest import settings_for, share_what_is_compiled

THREADS = 8
LARGEST_PAGE = 16 * 1024 * 1024
"""What is larger waitress lays down in a file, which a server that stops in the middle of things leaves open."""


@dataclass(frozen=True)
class Portal:
    """A portal that answers at `url`, in this process."""

    app: Flask
    url: str

    def wait_until(self, moment: datetime) -> None:
        """Let time pass up to `moment`, and do what the worker's schedules do then."""
        clock.move_to(moment)
        with self.app.app_context():
            open_periods({})
            tick_timers({})


@contextmanager
def serving(database_url: str, folder: Path, *, mail_url: str = "", with_worker: bool = False) -> Iterator[Portal]:
    """Serve a migrated database until the block ends.

    Args:
        database_url: the database.
        folder: where this installation keeps its files.
        mail_url: the mail server that letters are handed to; empty: the portal keeps and shows them.
        with_worker: whether jobs are done here too. There can be one worker in a process.
    """
    with socket.create_server(("127.0.0.1", 0)) as door:
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        app = create_app(settings_for(database_url, folder, base_url=url, mail_url=mail_url))
        share_what_is_compiled(app)
        app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600  # asking at each page whether a style sheet is new takes long
        connections: dict[int, object] = {}
        server = create_server(app, connections, sockets=[door], threads=THREADS, outbuf_overflow=LARGEST_PAGE)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        with app.app_context():
            jobs = parts().jobs
        try:
            if with_worker:
                _aside(jobs.launch)
            yield Portal(app, url)
        finally:
            jobs.close()
            # Inside its own thread, and with every connection that a browser keeps open, or it would wait for them.
            with suppress(OSError):  # it may be closed by the time that its waking is written
                server.trigger.pull_trigger(lambda: close_all(connections, ignore_all=True))
            thread.join(timeout=10)
            server.task_dispatcher.shutdown()
            with app.app_context():
                db.engine.dispose()


def _aside(act: Callable[[], None]) -> None:
    """Do it in a thread without an event loop: Playwright keeps one running in ours, and DBOS minds."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(act).result()
