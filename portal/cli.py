"""`portal`: the operator's door. Each command commits for itself and shows how far it has come."""

import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import click
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from flask import Flask
from sqlalchemy import Connection, create_engine
from waitress import serve as waitress_serve

from portal import demo, jobs, resources
from portal.application import create_app
from portal.config import Settings
from portal.errors import BadDefinition, PortalError
from portal.extensions import parts, prepare_engine, transaction
from portal.model import OrganisationKind, Role, guards
from portal.operations import accounts, audit
from portal.operations.service_tasks import SERVICE_TASKS
from portal.work import open_periods
from portal.workflow import load_definitions

SOUND_SQLITE = (3, 51, 3)
"""The first release without the rare WAL-reset fault."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def main() -> None:
    """The entry of the command: what the domain refuses is said in one line."""
    try:
        commands()
    except (PortalError, jobs.JobsError, BadDefinition) as refusal:
        click.echo(str(refusal), err=True)
        sys.exit(1)


@click.group()
def commands() -> None:
    """Klimakontrakt: from clause to settled sanction."""


@commands.command()
def migrate() -> None:
    """Bring the database up to date, with the tables of the jobs and the triggers that guard it."""
    migrate_database(Settings.from_environment())
    click.echo("The database is up to date.")


def migrate_database(settings: Settings) -> None:
    """Bring one database up to date, as its owner."""
    settings.instance.mkdir(parents=True, exist_ok=True)
    jobs.migrate(settings)
    _alembic(settings, lambda config: command.upgrade(config, "head"))


def _alembic(settings: Settings, act: Callable[[Config], None]) -> None:
    """Run an alembic command on one connection, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(resources.MIGRATIONS))
    engine = create_engine(settings.database_url)
    prepare_engine(engine)
    try:
        with engine.connect().execution_options(write=True) as connection:
            _let_tables_be_rebuilt(connection)
            with connection.begin():
                config.attributes["connection"] = connection
                act(config)
                _demand_sound_references(connection)
    finally:
        engine.dispose()


def _let_tables_be_rebuilt(connection: Connection) -> None:
    """Let SQLite drop a table that others refer to, and put its new form in its place.

    It heeds the switch between transactions only, and has it on again in the next connection.
    """
    driver = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite" and driver is not None:
        driver.cursor().execute("PRAGMA foreign_keys = OFF")


def _demand_sound_references(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(5)
        if dangling:
            raise RuntimeError(
                f"After the migration references lead nowhere, among them {dangling}. Nothing is changed."
            )


@commands.command(name="demo")
def load_demo() -> None:
    """Fill an empty database with two buyers, three suppliers and six months of reports, all made up."""
    app = create_app()
    with app.app_context():
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
    app = create_app()
    with app.app_context():
        if accounts.is_demo() and host not in LOOPBACK:
            raise click.ClickException("A demo database has one-click personas and is served on 127.0.0.1 only.")
    click.echo(f"Klimakontrakt is at http://{host}:{port}")
    with _worker(app) if work else nullcontext():
        waitress_serve(app, host=host, port=port, threads=8, channel_timeout=60, ident=None)


@commands.command()
@click.option("--name", default="worker-1", show_default=True, help="The same after each start, its own per process.")
def work(name: str) -> None:
    """Run only the worker: timers, outgoing mail, imports."""
    app = create_app()
    click.echo(f"{name} is at work. Stop it with Ctrl+C.")
    with _worker(app, name):
        threading.Event().wait()


@contextmanager
def _worker(app: Flask, name: str = jobs.SOLE_WORKER) -> Iterator[None]:
    """Work in this process until the block ends, and let go in good order when asked to stop."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with app.app_context():
        open_periods({})
        own = parts().jobs
    own.launch(name)
    try:
        yield
    finally:
        own.close()


@commands.command()
@click.argument("email")
@click.argument("name")
@click.argument("organisation", metavar="ORGANISATION_NUMBER")
@click.option("--organisation-name", help="Registers the organisation when its number is new.")
@click.option("--kind", type=click.Choice([kind.value for kind in OrganisationKind]), help="Of a new organisation.")
@click.option("--role", "roles", type=click.Choice([role.value for role in Role]), multiple=True, required=True)
@click.password_option()
def user(email: str, name: str, organisation: str, password: str, **more: Any) -> None:
    """Add a person who acts for an organisation."""
    with create_app().app_context(), transaction():
        known = accounts.organisation_by_number(organisation)
        if known is None and not (more["organisation_name"] and more["kind"]):
            raise click.UsageError("The organisation is new: give --organisation-name and --kind.")
        kind = OrganisationKind(more["kind"] or OrganisationKind.SUPPLIER)
        firm = known or accounts.add_organisation(organisation, more["organisation_name"], kind)
        person = accounts.add_person(email, name, password=password)
        accounts.add_membership(person, firm, *(Role(role) for role in more["roles"]))
    click.echo(f"{email} may sign in.")


@commands.command(name="verify-audit")
def verify_audit() -> None:
    """Walk every chain of the audit trail; exits 1 and names the first bad link of each when one is broken."""
    with create_app().app_context():
        broken = list(audit.broken_links())
    for link in broken:
        click.echo(f"{link.chain} at {link.sequence}: {link.why}", err=True)
    if broken:
        sys.exit(1)
    click.echo("Every chain is whole.")


@commands.command()
@click.option("--migrations", is_flag=True, help="Compare the migrations with the entities instead, on a new database.")
def check(migrations: bool) -> None:  # noqa: FBT001 - a command-line switch
    """Say whether this installation is fit to run: diagrams, database, triggers, SQLite library. Exits 1 if not."""
    faults = _migration_faults() if migrations else _faults(Settings.from_environment())
    for words in faults:
        click.echo(words, err=True)
    if faults:
        sys.exit(1)
    click.echo("The migrations make what the entities say." if migrations else "All is well.")


def _migration_faults() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_environment({"KLIMAKONTRAKT_INSTANCE": folder})
        migrate_database(settings)
        try:
            _alembic(settings, command.check)
        except CommandError as difference:
            return [str(difference)]
    return []


def _faults(settings: Settings) -> list[str]:
    import sqlite3  # the library that stands in, asked for by the name everybody uses

    faults = []
    if settings.is_sqlite and sqlite3.sqlite_version_info < SOUND_SQLITE:
        faults.append(f"SQLite {sqlite3.sqlite_version} may corrupt a database in WAL mode; 3.51.3 or newer is needed.")
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        missing = guards.expected(engine.dialect.name) - guards.found(connection)
    engine.dispose()
    if missing:
        faults.append(f"Triggers are missing: {', '.join(sorted(missing))}. Run `portal migrate`.")
    load_definitions(resources.WORKFLOWS, SERVICE_TASKS)
    return faults


@commands.group()
def workflow() -> None:
    """The diagrams in workflows/."""


@workflow.command(name="check")
def check_workflows() -> None:
    """Read every diagram and decision table as a start would, and name what the engine would silently get wrong."""
    for name, definition in load_definitions(resources.WORKFLOWS, SERVICE_TASKS).items():
        click.echo(f"{name}: {definition.content_hash[:12]}")
