"""Bringing the portal up: the database, the demo, the pages and the worker."""

import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from urllib.parse import urlsplit

import click
from flask import Flask

from portal import demo, jobs, logs, tenancy
from portal.application import create_app
from portal.cli.door import application, commands
from portal.config import Settings
from portal.extensions import parts
from portal.operations import accounts
from portal.schema import migrate_database
from portal.server import server_for
from portal.work import open_periods

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
NOBODY_YET = """\
Nobody can sign in yet. Make the first administrator, in another window:
  portal user EMAIL "NAME" ORGANISATION_NUMBER --organisation-name "NAME" --kind buyer --role administrator
It asks for the password."""


@commands.command()
def migrate() -> None:
    """Bring the database up to date, with the tables of the jobs and the triggers that guard it."""
    migrate_database(Settings.from_environment())
    click.echo("The database is up to date.")


@commands.command(name="demo")
def load_demo() -> None:
    """Fill an empty database with three buyers, six suppliers and fourteen months of reports, all made up."""
    app = create_app()
    with app.app_context():
        tenancy.act_on_everything()
        if accounts.is_demo():
            click.echo("The demo is here already. Remove the instance folder to begin anew.")
        else:
            for step, total, words in demo.load():
                click.echo(f"[{step}/{total}] {words}")
        for line in demo.sign_ins():
            click.echo(line)


@commands.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--work/--no-work", default=True, show_default=True, help="Run the worker in this process.")
def serve(host: str, port: int, work: bool) -> None:  # noqa: FBT001 - a command-line switch
    """Serve the portal, with the worker inside."""
    logs.set_up(logs.form_of(Settings.from_environment().log))
    with application(works=work) as app:
        with app.app_context():
            if accounts.is_demo() and host not in LOOPBACK:
                raise click.ClickException("A demo database has one-click personas and is served on 127.0.0.1 only.")
            nobody_yet = not accounts.somebody_can_sign_in()
            base_url = parts().settings.base_url
        if host not in LOOPBACK and urlsplit(base_url).hostname in LOOPBACK:
            click.echo(
                f"Only those who ask for {base_url} are answered. Set KLIMAKONTRAKT_BASE_URL for others.", err=True
            )
        with _door(host, port) as door:
            server = server_for(app, door)
            click.echo(f"Klimakontrakt is at {_address(host, door.getsockname()[1])}")
            if nobody_yet:
                click.echo(NOBODY_YET)
            _end_in_good_order()
            with _worker(app) if work else nullcontext():
                server.run()


def _door(host: str, port: int) -> socket.socket:
    """A socket that has its port; who comes in waits until the server runs."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as refused:
        why = (refused.strerror or "").partition(" (")[0]
        words = f"{_address(host, port)} cannot be served: {why}. Choose by --host and --port."
        raise click.ClickException(words) from refused


def _address(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _end_in_good_order() -> None:
    """When asked to stop, answer those who are being answered first, and let go of the work."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


@commands.command()
@click.option("--name", default="worker-1", show_default=True, help="The same after each start, its own per process.")
def work(name: str) -> None:
    """Run only the worker: timers, outgoing mail, imports."""
    logs.set_up(logs.form_of(Settings.from_environment().log))
    with application(works=True) as app:
        click.echo(f"{name} is at work. Stop it with Ctrl+C.")
        _end_in_good_order()
        with _worker(app, name):
            threading.Event().wait()


@contextmanager
def _worker(app: Flask, name: str = jobs.SOLE_WORKER) -> Iterator[None]:
    """Work in this process until the block ends."""
    with app.app_context():
        open_periods({})
        own = parts().jobs
    own.launch(name)
    try:
        yield
    finally:
        own.close()
