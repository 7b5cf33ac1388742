"""Organisations and their people: the first ones, and those who are locked out."""

import sys
from typing import Any

import click
from flask_babel import force_locale

from portal import enhetsregisteret, tenancy
from portal.cli.door import application, commands, name_of
from portal.extensions import db, parts, transaction
from portal.model import Organisation, OrganisationKind, Person, Role
from portal.operations import accounts
from portal.operations.people import invitations, powers, second_factors, sights
from portal.web import passwords, sessions


@commands.command()
@click.argument("email")
@click.argument("name", callback=name_of)
@click.argument("organisation", metavar="ORGANISATION_NUMBER")
@click.option("--organisation-name", callback=name_of, help="Registers the organisation when its number is new.")
@click.option("--kind", type=click.Choice([kind.value for kind in OrganisationKind]), help="Of a new organisation.")
@click.option("--role", "roles", type=click.Choice([role.value for role in Role]), multiple=True, required=True)
@click.option("--password-stdin", is_flag=True, help="Take the password from standard input; else it is asked for.")
def user(email: str, name: str, organisation: str, **more: Any) -> None:
    """Add a person who acts for an organisation, the first administrator for one.

    A buyer's roles are reviewer, contract_manager, decision_maker, administrator, reader and auditor, a supplier's
    reporter, signatory and administrator. Readers and auditors change nothing, and have no other role.
    """
    with application() as app, app.app_context():
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
@click.option("--organisation-name", callback=name_of, help="Registers the organisation when its number is new.")
@click.option("--kind", type=click.Choice([kind.value for kind in OrganisationKind]), help="Of a new organisation.")
@click.option("--role", "roles", type=click.Choice([role.value for role in Role]), multiple=True)
@click.option("--elsewhere", "why", default="", help="Why their address is outside the organisation's own domains.")
def invite(email: str, organisation: str, **more: Any) -> None:
    """Invite a person to act for an organisation, as its administrator if no role is named.

    They get a letter with a link that works once, for seven days. Without a mail server, the link is shown here.
    """
    with application() as app, app.app_context():
        known = accounts.organisation_by_number(organisation)
        kind = _kind(known, more)
        roles = [Role(role) for role in more["roles"]] or [Role.ADMINISTRATOR]
        with transaction():
            firm = known or accounts.add_organisation(organisation, more["organisation_name"], kind)
            invitation, key = invitations.invite_first(email, roles, firm, more["why"])
        _tell_invited(invitation.email, firm, key)


def _tell_invited(email: str, firm: Organisation, key: str) -> None:
    click.echo(f"{email} is invited to {firm.name}.")
    if parts().post.keeps_mail:
        click.echo(f"No mail server is set up. Give them this link: {parts().settings.base_url}/invitation?key={key}")


@commands.command(name="reset-factor")
@click.argument("email")
def reset_factor(email: str) -> None:
    """Remove app, recovery codes and passkeys of somebody who has lost them, and sign them out.

    Make sure first that it is they who ask. Read the code that is shown to them by telephone, never by e-mail: with it
    they set up an app anew, within an hour. Run this again for another code.
    """
    with application() as app, app.app_context(), transaction():
        person = accounts.person_of(email)
        code = second_factors.reset(person)
        sessions.end_all(person)
        click.echo(f"{person.email} has no second factor now, and is signed out everywhere.")
        click.echo(f"Code to set up a new one with, for an hour: {code}")


@commands.command()
@click.argument("organisation", metavar="ORGANISATION_NUMBER")
@click.option("--name", callback=name_of, help="Else Enhetsregisteret is asked.")
@click.option("--unit", "units", multiple=True, help="An agency or department, as often as there are such.")
@click.option("--administrator", metavar="EMAIL", help="Who is invited to look after its people.")
def agency(organisation: str, name: str | None, units: tuple[str, ...], administrator: str | None) -> None:
    """Add a buyer with its units and an administrator, or these to a buyer that is here."""
    with application() as app, app.app_context():
        number = accounts.bare_number(organisation)
        entry = parts().register.look_up(number) if name is None else None
        with transaction():
            buyer = accounts.organisation_by_number(number) or _new_buyer(number, name, entry)
            if buyer.kind != OrganisationKind.BUYER:
                raise click.UsageError(f"{buyer.number} is registered already, as {buyer.name}, a {buyer.kind}.")
            tenancy.act_for(buyer.id)
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
