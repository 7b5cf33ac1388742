"""`portal`: the operator's door. Each command commits for itself and shows how far it has come."""

import sys
import threading

import click
from alembic import command
from alembic.config import Config
from flask import Flask
from sqlalchemy import create_engine
from waitress import serve as waitress_serve

from portal import demo, jobs, resources
from portal.application import create_app
from portal.config import Settings
from portal.errors import PortalError
from portal.extensions import parts, prepare_engine, transaction
from portal.model import OrganisationKind, Role
from portal.operations import accounts, audit
from portal.operations.service_tasks import SERVICE_TASKS
from portal.work import open_periods
from portal.workflow import load_definitions

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@click.group()
def main() -> None:
    """Klimakontrakt: from clause to settled sanction."""


@main.command()
def migrate() -> None:
    """Bring the database up to date, with the tables of the jobs and the triggers that guard it."""
    migrate_database(Settings.from_environment())
    click.echo("The database is up to date.")


def migrate_database(settings: Settings) -> None:
    """Bring one database up to date, as its owner."""
    jobs.migrate(settings)
    settings.instance.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(resources.MIGRATIONS))
    engine = create_engine(settings.database_url)
    prepare_engine(engine)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


@main.command(name="demo")
def load_demo() -> None:
    """Fill an empty database with two buyers, three suppliers and six months of reports, all made up."""
    app = create_app()
    with app.app_context():
        for step, total, words in demo.load():
            click.echo(f"[{step}/{total}] {words}")
        for line in demo.sign_ins():
            click.echo(line)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--work/--no-work", default=True, show_default=True, help="Run the worker in this process.")
def serve(host: str, port: int, work: bool) -> None:  # noqa: FBT001 - a command-line switch
    """Serve the portal, with the worker inside."""
    app = create_app()
    with app.app_context():
        if demo.is_demo() and host not in LOOPBACK:
            raise click.ClickException("A demo database has one-click personas and is served on 127.0.0.1 only.")
        if work:
            _start_work(app)
    click.echo(f"Klimakontrakt is at http://{host}:{port}")
    waitress_serve(app, host=host, port=port, threads=8, channel_timeout=60, ident=None)


@main.command()
@click.option("--name", default="worker-1", show_default=True, help="The same after each start, another for each process.")
def work(name: str) -> None:
    """Run only the worker: timers, outgoing mail, imports."""
    app = create_app()
    with app.app_context():
        _start_work(app, name)
    click.echo(f"{name} is at work. Stop it with Ctrl+C.")
    threading.Event().wait()


def _start_work(app: Flask, name: str = jobs.SOLE_WORKER) -> None:
    with app.app_context():
        open_periods({})
        parts().jobs.launch(name)


@main.command()
@click.argument("email")
@click.argument("name")
@click.argument("organisation_number")
@click.argument("organisation_name")
@click.option("--kind", type=click.Choice([kind.value for kind in OrganisationKind]), required=True)
@click.option("--role", "roles", type=click.Choice([role.value for role in Role]), multiple=True, required=True)
@click.password_option()
def user(  # noqa: PLR0913 - a command with its options
    email: str, name: str, organisation_number: str, organisation_name: str, kind: str, roles: tuple[str, ...], password: str
) -> None:
    """Add a person who acts for an organisation; the organisation is added when it is new."""
    with create_app().app_context(), transaction():
        organisation = accounts.organisation_by_number(organisation_number) or accounts.add_organisation(
            organisation_number, organisation_name, OrganisationKind(kind)
        )
        accounts.add_membership(
            accounts.add_person(email, name, password=password), organisation, *(Role(role) for role in roles)
        )
    click.echo(f"{email} may sign in.")


@main.command(name="verify-audit")
def verify_audit() -> None:
    """Walk every chain of the audit trail; exits 1 and names the first bad link of each when one is broken."""
    with create_app().app_context():
        broken = list(audit.broken_links())
    for link in broken:
        click.echo(f"{link.chain} at {link.sequence}: {link.why}", err=True)
    if broken:
        sys.exit(1)
    click.echo("Every chain is whole.")


@main.command()
def check() -> None:
    """Say whether this installation is fit to run: diagrams, database, SQLite library, worker."""
    app = create_app()
    with app.app_context():
        for words in _faults():
            click.echo(words, err=True)
    click.echo("Checked.")


def _faults() -> list[str]:
    import sqlite3  # noqa: PLC0415 - the library that stands in, asked for by the name everybody uses

    faults = []
    if parts().settings.is_sqlite and sqlite3.sqlite_version_info < (3, 51, 3):
        faults.append(f"SQLite {sqlite3.sqlite_version} may corrupt a database in WAL mode; 3.51.3 or newer is needed.")
    return faults


@main.group()
def workflow() -> None:
    """The diagrams in workflows/."""


@workflow.command(name="check")
def check_workflows() -> None:
    """Read every diagram and decision table as a start would, and name what the engine would silently get wrong."""
    for name, definition in load_definitions(resources.WORKFLOWS, SERVICE_TASKS).items():
        click.echo(f"{name}: {definition.content_hash[:12]}")


def run() -> None:
    """The command's entry: what the domain refuses is said in one line."""
    try:
        main()
    except PortalError as refusal:
        click.echo(str(refusal), err=True)
        sys.exit(1)

