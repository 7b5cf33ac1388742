"""`portal`: the operator's door. Each command commits for itself and shows how far it has come."""

import signal
import socket
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from itertools import chain
from typing import Any, TextIO
from urllib.parse import urlsplit

import click
from flask import Flask
from flask_babel import force_locale

from portal import demo, enhetsregisteret, jobs, logs, readiness, resources, schema, tenancy, tracing
from portal.application import create_app
from portal.config import BadSetting, Settings
from portal.errors import BadDefinition, PortalError
from portal.extensions import db, parts, transaction
from portal.findings import Finding, Standing, fault, fine
from portal.model import Organisation, OrganisationKind, Person, Role
from portal.operations import accounts, anchors, audit, personal_data, retention
from portal.operations.people import bounces, invitations, own_data, powers, programs, second_factors, sights
from portal.operations.service_tasks import SERVICE_TASKS
from portal.schema import migrate_database
from portal.server import server_for
from portal.web import passwords, sessions
from portal.work import open_periods
from portal.workflow import load_definitions

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
REFUSALS = (
    PortalError,
    jobs.JobsError,
    BadDefinition,
    BadSetting,
    schema.NotMigrated,
    schema.OutOfReach,
    schema.WrongRole,
    tenancy.NotTheWorker,
)
NOBODY_YET = """\
Nobody can sign in yet. Make the first administrator, in another window:
  portal user EMAIL "NAME" ORGANISATION_NUMBER --organisation-name "NAME" --kind buyer --role administrator
It asks for the password."""
LONGEST_NAME = 200


class Door(click.Group):
    """The command: what the domain, a setting or the database refuses is said in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            with tracing.request():
                return super().invoke(ctx)
        except REFUSALS as refusal:
            raise click.ClickException(str(refusal)) from refusal


def main() -> None:
    """The entry of the command."""
    commands()


@click.group(cls=Door)
def commands() -> None:
    """Klimakontrakt: from clause to settled sanction."""


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
    with _application(works=work) as app:
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


@contextmanager
def _application(*, works: bool | None = None) -> Iterator[Flask]:
    """The application on a database that is as this release needs it; let go of afterwards.

    `works` says, of one that others reach, whether the worker is inside: then its role must be fit for that.
    """
    settings = Settings.from_environment()
    schema.demand_current(settings)
    if works is not None:
        schema.demand_role(settings, works=works)
    app = create_app(settings)
    try:
        yield app
    finally:
        with app.app_context():
            parts().jobs.close()
            db.engine.dispose()


def _end_in_good_order() -> None:
    """When asked to stop, answer those who are being answered first, and let go of the work."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


@commands.command()
@click.option("--name", default="worker-1", show_default=True, help="The same after each start, its own per process.")
def work(name: str) -> None:
    """Run only the worker: timers, outgoing mail, imports."""
    logs.set_up(logs.form_of(Settings.from_environment().log))
    with _application(works=True) as app:
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


def _name(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A name that is one: neither empty nor longer than there is room for."""
    tidy = " ".join(value.split()) if value is not None else None
    if tidy is not None and not 0 < len(tidy) <= LONGEST_NAME:
        raise click.BadParameter(f"write a name of at most {LONGEST_NAME} characters.")
    return tidy


@commands.command()
@click.argument("email")
@click.argument("name", callback=_name)
@click.argument("organisation", metavar="ORGANISATION_NUMBER")
@click.option("--organisation-name", callback=_name, help="Registers the organisation when its number is new.")
@click.option("--kind", type=click.Choice([kind.value for kind in OrganisationKind]), help="Of a new organisation.")
@click.option("--role", "roles", type=click.Choice([role.value for role in Role]), multiple=True, required=True)
@click.option("--password-stdin", is_flag=True, help="Take the password from standard input; else it is asked for.")
def user(email: str, name: str, organisation: str, **more: Any) -> None:
    """Add a person who acts for an organisation, the first administrator for one.

    A buyer's roles are reviewer, contract_manager, decision_maker, administrator, reader and auditor, a supplier's
    reporter, signatory and administrator. Readers and auditors change nothing, and have no other role.
    """
    with _application() as app, app.app_context():
        # What can be refused is refused before anybody is asked to think of a password.
        known = accounts.organisation_by_number(organisation)
        kind = _kind(known, more)
        roles = [Role(role) for role in more["roles"]]
        accounts.demand_side(kind, roles)
        address = accounts.free_email(email)
        db.session.rollback()
        firm_name = known.name if known else str(more["organisation_name"])
        password = _password(Person(email=address, name=name), firm_name, from_stdin=more["password_stdin"])
        with transaction():
            firm = known or accounts.add_organisation(organisation, more["organisation_name"], kind)
            person = accounts.add_person(address, name, password=password)
            powers.tell(accounts.add_membership(person, firm, *roles), roles, by=None)
        click.echo(f"{address} may sign in for {firm.name}.")


@commands.command()
@click.argument("email")
@click.argument("organisation", metavar="ORGANISATION_NUMBER")
@click.option("--organisation-name", callback=_name, help="Registers the organisation when its number is new.")
@click.option("--kind", type=click.Choice([kind.value for kind in OrganisationKind]), help="Of a new organisation.")
@click.option("--role", "roles", type=click.Choice([role.value for role in Role]), multiple=True)
def invite(email: str, organisation: str, **more: Any) -> None:
    """Invite a person to act for an organisation, as its administrator if no role is named.

    They get a letter with a link that works once, for seven days. Without a mail server, the link is shown here.
    """
    with _application() as app, app.app_context():
        known = accounts.organisation_by_number(organisation)
        kind = _kind(known, more)
        roles = [Role(role) for role in more["roles"]] or [Role.ADMINISTRATOR]
        with transaction():
            firm = known or accounts.add_organisation(organisation, more["organisation_name"], kind)
            invitation, key = invitations.invite_first(email, roles, firm)
        _tell_invited(invitation.email, firm, key)


def _tell_invited(email: str, firm: Organisation, key: str) -> None:
    click.echo(f"{email} is invited to {firm.name}.")
    if parts().post.keeps_mail:
        click.echo(f"No mail server is set up. Give them this link: {parts().settings.base_url}/invitation?key={key}")


@commands.command()
def bounce() -> None:
    """Take a letter that came back, as mail servers report it, from standard input.

    Let the mailbox of KLIMAKONTRAKT_MAIL_SENDER hand its letters to this command. What is no report of a letter of
    ours that failed for good is left alone.
    """
    returned = sys.stdin.buffer.read(bounces.LARGEST)
    with _application() as app, app.app_context():
        tenancy.act_on_everything()
        with transaction():
            row = bounces.note(returned)
        click.echo(f"Noted: a letter to {row.to_address} came back." if row else "Nothing to note.")


@commands.command(name="reset-factor")
@click.argument("email")
def reset_factor(email: str) -> None:
    """Remove the app for codes and the recovery codes of somebody who has lost both, and sign them out.

    Make sure first that it is they who ask. At their next sign-in they set up an app anew, if their roles ask for one.
    """
    with _application() as app, app.app_context(), transaction():
        person = accounts.person_of(email)
        second_factors.reset(person)
        sessions.end_all(person)
        click.echo(f"{person.email} signs in with the password alone, and is signed out everywhere.")


@commands.command()
@click.argument("organisation", metavar="ORGANISATION_NUMBER")
@click.option("--name", callback=_name, help="Else Enhetsregisteret is asked.")
@click.option("--unit", "units", multiple=True, help="An agency or department, as often as there are such.")
@click.option("--administrator", metavar="EMAIL", help="Who is invited to look after its people.")
def agency(organisation: str, name: str | None, units: tuple[str, ...], administrator: str | None) -> None:
    """Add a buyer with its units and an administrator, or these to a buyer that is here."""
    with _application() as app, app.app_context():
        number = accounts.bare_number(organisation)
        entry = parts().register.look_up(number) if name is None else None
        with transaction():
            buyer = accounts.organisation_by_number(number) or _new_buyer(number, name, entry)
            if buyer.kind != OrganisationKind.BUYER:
                raise click.UsageError(f"{buyer.number} is registered already, as {buyer.name}, a {buyer.kind}.")
            for unit in units:
                sights.begin_unit(buyer.id, unit, by=None)
            invited = invitations.invite_first(administrator, [Role.ADMINISTRATOR], buyer) if administrator else None
        click.echo(f"{buyer.name} ({buyer.number}) is a buyer here. Units added: {len(units)}.")
        if invited is not None:
            _tell_invited(invited[0].email, buyer, invited[1])


def _new_buyer(number: str, name: str | None, entry: enhetsregisteret.Entry | None) -> Organisation:
    if name is not None:
        return accounts.add_organisation(number, name, OrganisationKind.BUYER)
    if entry is None or entry.standing != enhetsregisteret.Standing.ACTIVE:
        said = entry.standing.value if entry is not None else enhetsregisteret.Standing.NOT_ASKED.value
        raise click.UsageError(f"Enhetsregisteret gives no name for {number} ({said}): give --name.")
    return accounts.add_organisation(number, entry.name, OrganisationKind.BUYER, entry.at)


def _kind(known: Organisation | None, more: dict[str, Any]) -> OrganisationKind:
    """Which side the person's organisation is on; what is said of one that is known must agree with what is known."""
    if known is None:
        if not (more["organisation_name"] and more["kind"]):
            raise click.UsageError("The organisation is new: give --organisation-name and --kind.")
        return OrganisationKind(more["kind"])
    if more["kind"] not in (None, known.kind) or more["organisation_name"] not in (None, known.name):
        raise click.UsageError(
            f"{known.number} is registered already, as {known.name}, a {known.kind}: "
            "leave out --organisation-name and --kind."
        )
    return known.kind


def _password(person: Person, firm: str, *, from_stdin: bool) -> str:
    """A password that is strong enough for this person, asked for until it is."""
    with force_locale("en"):
        while True:
            if from_stdin:
                words = sys.stdin.readline().rstrip("\r\n")
            else:
                words = click.prompt("Password", hide_input=True, confirmation_prompt=True)
            faults = passwords.faults(words, person, firm)
            if not faults:
                return words
            if from_stdin:
                raise click.ClickException(faults[0])
            click.echo(faults[0], err=True)


@commands.command(name="verify-audit")
@click.option(
    "--anchor", "outside", type=click.File(encoding="utf-8"), multiple=True, help="A letter or file of heads."
)
def verify_audit(outside: tuple[TextIO, ...]) -> None:
    """Walk every chain of the audit trail; exits 1 and names the first bad entry of each when one is broken.

    With --anchor, what was kept outside is held against it too: a daily letter of heads, the text of a receipt or a
    decision, or what `portal anchor` printed. Only that shows an end that was cut off, or a chain written anew.
    """
    known = anchors.read("\n".join(each.read() for each in outside))
    if outside and not (known.heads or known.anchors):
        raise click.ClickException("No head and no anchor stands in what --anchor names.")
    broken = 0
    with _application() as app, app.app_context():
        tenancy.act_on_everything()
        for link in audit.broken_links(known):
            broken += 1
            click.echo(f"{link.chain} at {link.sequence}: {link.why}", err=True)
    if broken:
        sys.exit(1)
    held = f" {len(known.heads)} heads and {len(known.anchors)} anchors from outside match." if outside else ""
    click.echo(f"Every chain is whole.{held}")


@commands.command(name="anchor")
def print_anchor() -> None:
    """Anchor every chain of the audit trail, and print the heads, to be kept where nobody of the portal can write."""
    with _application() as app, app.app_context():
        tenancy.act_on_everything()
        with transaction():
            heads = anchors.heads()
            anchor = anchors.drop(heads)
        click.echo(f"{anchors.text(anchor)}\nmade {anchor.at.isoformat()} over {len(heads)} chains")
        for head in heads:
            click.echo(str(head))


@commands.command(name="write-audit")
def write_audit() -> None:
    """Write every entry of the audit trail as a line of JSON, for whoever wants to check it by means of their own."""
    with _application() as app, app.app_context():
        tenancy.act_on_everything()
        for line in audit.written_out():
            click.echo(line)


@commands.command(name="retention")
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
def sweep_personal(dry_run: bool) -> None:  # noqa: FBT001 - a command-line switch
    """Remove what has been kept of people for as long as it is needed; a worker does so each night."""
    with _application() as app, app.app_context():
        tenancy.act_on_everything()
        if dry_run:
            found = list(retention.due())
        else:
            with transaction():
                found = list(retention.remove())
        for each in found:
            click.echo(f"{each.rows} {each.kind.words.to('en')} older than {each.kind.days} days")


@commands.command()
@click.argument("email")
def erase(email: str) -> None:
    """Take a person's name, address and ways in away; what was done stays, and every chain stays whole."""
    with _application() as app, app.app_context():
        tenancy.act_on_everything()
        with transaction():
            person = accounts.person_by_email(email)
            if person is None:
                raise click.ClickException(f"There is nobody with the address {email}.")
            own_data.erase(person)
        click.echo(f"{email} is erased.")


@commands.command(name="personal-data")
def print_personal_data() -> None:
    """Print the register of personal data: what is kept of people, why, and for how long."""
    click.echo(personal_data.document(), nl=False)


@commands.command()
@click.option("--migrations", is_flag=True, help="Compare the migrations with the entities instead, on a new database.")
def check(migrations: bool) -> None:  # noqa: FBT001 - a command-line switch
    """Say whether this installation is fit to run, a line for each thing looked at. Exits 1 when there is a fault."""
    if migrations:
        _check_migrations()
        return
    count = dict.fromkeys(Standing, 0)
    for finding in chain(readiness.findings(Settings.from_environment()), _trail(count)):
        click.echo(finding)
        count[finding.standing] += 1
    if count[Standing.FAULT]:
        raise click.ClickException(f"Not fit to run. To be mended: {count[Standing.FAULT]}.")
    click.echo(f"Fit to run. Warnings: {count[Standing.WARNING]}.")


def _trail(count: Mapping[Standing, int]) -> Iterator[Finding]:
    """Whether every chain is whole, where everything else is as it must be for reading them."""
    if count[Standing.FAULT]:
        return
    with _application() as app, app.app_context():
        broken = list(audit.broken_links())
    if broken:
        yield fault("Audit trail", f"{broken[0].chain} is broken at {broken[0].sequence}: {broken[0].why}.")
    else:
        yield fine("Audit trail", "Every chain is whole.")


def _check_migrations() -> None:
    found = schema.differences()
    for words in found:
        click.echo(words, err=True)
    if found:
        sys.exit(1)
    click.echo("The migrations make what the entities say.")


@commands.command(name="rotate-secret")
def rotate_secret() -> None:
    """Seal anew, with the secret key of now, what those of KLIMAKONTRAKT_SECRET_KEY_FALLBACKS sealed."""
    with _application() as app, app.app_context(), transaction():
        done, lost = second_factors.reseal()
    click.echo(f"{done} secrets are sealed anew. The former keys can go in a day.")
    if lost:
        raise click.ClickException(f"No key opens {lost} more: their owners must set up their apps again.")


@commands.group()
def program() -> None:
    """The programs that may read for an organisation, with a token of Maskinporten."""


@program.command(name="add")
@click.argument("organisation", metavar="ORGANISATION_NUMBER")
@click.argument("name", callback=_name)
@click.option("--client-id", default="", help="Only this client at Maskinporten; else any of the organisation's.")
def add_program(organisation: str, name: str, client_id: str) -> None:
    """Let a program read what the organisation sees."""
    with _application() as app, app.app_context():
        with transaction():
            added = programs.add(organisation, name, client_id.strip())
        click.echo(f"{added.public_id} {added.name} may read for {added.organisation.name}.")


@program.command(name="list")
def list_programs() -> None:
    """Every program, the ended ones too."""
    with _application() as app, app.app_context():
        for each in programs.every():
            state = f"ended {each.ended_at:%Y-%m-%d}" if each.ended_at else "reads"
            click.echo(f"{each.public_id} {each.organisation.number} {each.name} {each.client_id or 'any'} {state}")


@program.command(name="end")
@click.argument("program_id", type=click.UUID)
def end_program(program_id: uuid.UUID) -> None:
    """Let a program read no more."""
    with _application() as app, app.app_context():
        with transaction():
            ended = programs.end(program_id)
        click.echo(f"{ended.name} may no longer read for {ended.organisation.name}.")


@commands.group()
def workflow() -> None:
    """The diagrams in workflows/."""


@workflow.command(name="check")
def check_workflows() -> None:
    """Read every diagram and decision table as a start would, and name what the engine would silently get wrong."""
    for name, definition in load_definitions(resources.WORKFLOWS, SERVICE_TASKS).items():
        click.echo(f"{name}: {definition.content_hash[:12]}")
