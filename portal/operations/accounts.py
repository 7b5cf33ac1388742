"""Persons and the organisations they act for."""

import secrets
import unicodedata
import uuid
from collections.abc import Collection
from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from flask_security.utils import hash_password
from sqlalchemy import select
from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.no import orgnr

from portal import clock, impartiality, permissions
from portal.errors import Refused
from portal.extensions import db, parts
from portal.model import (
    NEVER_LIMITED,
    READING,
    ROLES_OF,
    Installation,
    Membership,
    Organisation,
    OrganisationKind,
    Person,
    Role,
    Substitution,
    record,
)
from portal.reach import Sight
from portal.text import Text, repeated

BAD_NUMBER = Text("«{number}» er ikke et gyldig organisasjonsnummer.", "“{number}” is not a valid organisation number.")
MISTYPED_NUMBER = Text(
    "«{number}» er ikke et gyldig organisasjonsnummer: siste siffer passer ikke til de andre. Se etter en tastefeil.",
    "“{number}” is not a valid organisation number: its last digit does not fit the others. Look for a mistyped digit.",
)
NO_EMAIL = Text("Skriv e-postadressen.", "Write the e-mail address.")
BAD_EMAIL = Text("«{email}» er ikke en e-postadresse.", "“{email}” is not an e-mail address.")
TAKEN_EMAIL = Text("{email} er registrert fra før.", "{email} is registered already.")
UNKNOWN_EMAIL = Text("Ingen har e-postadressen «{email}» her.", "Nobody here has the e-mail “{email}”.")
WRONG_SIDE = Text(
    "Rollen {role} finnes ikke hos {side}. Der er rollene {roles}.",
    "There is no {role} with a {side}. The roles there are {roles}.",
)
READS_ONLY = Text(
    "Leser og revisor er roller som bare leser, og kan ikke være sammen med andre. Velg en av dem alene.",
    "Reader and auditor are roles that only read, and cannot stand beside others. Choose one of them alone.",
)
FOR_ONE_CASE = Text(
    "{name} er oppnevnt utenfra for én sak. Avslutt oppnevningen på sakens side.",
    "{name} is appointed from outside for one case. End the appointment on the page of the case.",
)
SIDES = {
    OrganisationKind.BUYER: Text("en oppdragsgiver", "buyer"),
    OrganisationKind.SUPPLIER: Text("en leverandør", "supplier"),
}


def add_organisation(
    number: str, name: str, kind: OrganisationKind, registered_at: datetime | None = None
) -> Organisation:
    """Register a buyer or supplier. The number may be written with spaces, NO and MVA. Raises Refused.

    `registered_at`: when the name was read in Enhetsregisteret, if it was.
    """
    bare = bare_number(number)
    organisation = Organisation(number=bare, name=name, kind=kind, registered_at=registered_at)
    db.session.add(organisation)
    db.session.flush()
    record(organisation, "organisation.added", by=None, name=name)
    return organisation


def bare_number(number: str) -> str:
    """The nine digits of an organisation number, however it is written. Raises Refused when it is none."""
    bare = "".join(number.upper().removeprefix("NO").removesuffix("MVA").split())
    try:
        return str(orgnr.validate(bare))
    except InvalidChecksum:
        raise Refused(MISTYPED_NUMBER.with_values(number=repeated(number))) from None
    except ValidationError:
        raise Refused(BAD_NUMBER.with_values(number=repeated(number))) from None


def organisation_by_number(number: str) -> Organisation | None:
    """The organisation with this number, if it is registered. Raises Refused when the number is none."""
    return db.session.scalar(select(Organisation).where(Organisation.number == bare_number(number)))


def as_email(written: str) -> str:
    """The address as it is kept. Raises Refused when it is none."""
    if not written.strip():
        raise Refused(NO_EMAIL)
    try:
        return str(validate_email(written.strip(), check_deliverability=False).normalized).lower()
    except EmailNotValidError:
        raise Refused(BAD_EMAIL.with_values(email=repeated(written))) from None


def free_email(written: str) -> str:
    """The address as it is kept. Raises Refused when it is no address, or somebody's already."""
    email = as_email(written)
    if by_email(email) is not None:
        raise Refused(TAKEN_EMAIL.with_values(email=email))
    return email


def by_email(email: str) -> Person | None:
    """Who has this address, as it is kept."""
    return db.session.scalar(select(Person).where(Person.email == email))


def demand_side(kind: OrganisationKind, roles: Collection[Role]) -> None:
    """Refuse roles that there are not on this side of a contract, and one for reading beside any other."""
    if strange := sorted(set(roles) - ROLES_OF[kind]):
        known = ", ".join(sorted(ROLES_OF[kind]))
        raise Refused(WRONG_SIDE.with_values(role=strange[0], side=SIDES[kind], roles=known))
    if len(roles) > 1 and READING.intersection(roles):
        raise Refused(READS_ONLY)


def add_person(email: str, name: str, *, password: str | None = None, language: str = "nb") -> Person:
    """Register a person; without a password they can only come in by a one-click persona or a later invitation.

    Raises Refused when the e-mail is wrong or taken.
    """
    person = Person(
        email=free_email(email),
        name=name,
        language=language,
        password=hash_password(unicodedata.normalize("NFKC", password)) if password else None,
        fs_uniquifier=secrets.token_hex(32),
    )
    db.session.add(person)
    db.session.flush()
    return person


def add_membership(person: Person, organisation: Organisation, *roles: Role) -> Membership:
    """Let a person act for an organisation in these roles. Raises Refused when its side has no such role."""
    demand_side(organisation.kind, roles)
    membership = Membership(person=person, organisation=organisation, role_codes=sorted(roles))
    db.session.add(membership)
    db.session.flush()
    record(membership, "membership.added", by=None, person=person.id, roles=sorted(roles))
    return membership


def join(person: Person, organisation: Organisation, *roles: Role) -> Membership:
    """Let a person act for an organisation; who has left it before comes back to what was theirs.

    They are limited to the contracts that they were limited to, unless they come back as administrator.
    """
    mine = Membership.person_id == person.id, Membership.organisation_id == organisation.id
    membership = db.session.scalar(select(Membership).where(*mine))
    if membership is None:
        return add_membership(person, organisation, *roles)
    demand_side(organisation.kind, roles)
    end_substitutions(membership, by=None)
    membership.ended_at, membership.role_codes = None, sorted(roles)
    if membership.sight == Sight.CASE or not NEVER_LIMITED.isdisjoint(roles):
        membership.sight, membership.unit = Sight.ALL, None
    record(membership, "membership.added", by=None, person=person.id, roles=sorted(roles), sight=membership.sight)
    return membership


def demand_ordinary(member: Membership) -> None:
    """Refuse what is for members only to whoever is appointed for one case: that begins and ends with the case."""
    if member.sight == Sight.CASE and member.ended_at is None:
        raise Refused(FOR_ONE_CASE.with_values(name=member.person.name))


def alone_with(member: Membership) -> None:
    """Until the commit, nobody else changes who is in the organisation; the member is read as they are now.

    Two administrators must not remove each other at once, nor one limit whom another makes administrator.
    """
    db.session.execute(select(Organisation.id).where(Organisation.id == member.organisation_id).with_for_update())
    db.session.refresh(member, ("role_codes", "sight", "ended_at"))


def is_member(email: str, organisation: Organisation) -> bool:
    """Whether somebody with this address is a member now."""
    here = Membership.organisation_id == organisation.id, Membership.ended_at.is_(None)
    found = select(Membership.id).join(Membership.person).where(Person.email == email, *here)
    return db.session.scalar(found) is not None


def choose_single_keys(person: Person, *, on: bool) -> None:
    """Whether single letters are to be shortcuts for this person."""
    person.single_keys = on


def is_demo() -> bool:
    """Whether the demo made this database, so that everybody in it is made up."""
    mark = db.session.get(Installation, 1)
    return mark is not None and mark.is_demo


def somebody_can_sign_in() -> bool:
    """Whether any active person has a password; in a demo anybody may come in."""
    known = select(Person.id).where(Person.active, Person.password.is_not(None)).limit(1)
    return is_demo() or db.session.scalar(known) is not None


def person_of(written: str) -> Person:
    """The person with this e-mail. Raises Refused when there is none."""
    person = by_email(written.strip().lower())
    if person is None:
        raise Refused(UNKNOWN_EMAIL.with_values(email=repeated(written)))
    return person


def membership(number: int) -> Membership:
    """The membership a process speaks of."""
    return db.session.execute(select(Membership).where(Membership.id == number)).scalar_one()


def membership_of(person: Person, public_id: uuid.UUID) -> Membership | None:
    """One of the person's own memberships, by its public id."""
    return next((own for own in person.memberships if own.public_id == public_id), None)


def people(organisation_id: int, *roles: Role, about: int | None = None, case: int | None = None) -> list[Person]:
    """The active persons of an organisation who hold any of `roles`, in the order they came; then who stands in.

    `about`: number of a contract; those who are limited to others, or have declared an interest in it, are left out.
    A substitute sees what the absent one sees. `case`: number of a case on it, whose outsiders count too.
    """
    rows = db.session.scalars(
        select(Membership)
        .join(Membership.person)
        .where(Membership.organisation_id == organisation_id, Person.active, Membership.ended_at.is_(None))
        .order_by(Membership.id)
    )
    holders = [row for row in rows if not row.last_roles.isdisjoint(roles) and (case or row.sight != Sight.CASE)]
    if about is None:
        return list(dict.fromkeys(row.person for row in (*holders, *_substitutes_of(holders))))
    see = [row for row in holders if permissions.sees(row, about, case)]
    barred = impartiality.interested_in(about, at=organisation_id)
    able = [row.person for row in (*see, *_substitutes_of(see))]
    return list(dict.fromkeys(person for person in able if person.id not in barred))


def end_substitutions(member: Membership, *, by: Membership | None) -> None:
    """Whoever leaves stands in for nobody, and nobody for them; nor do they when they come back."""
    theirs = (Substitution.absent_id == member.id) | (Substitution.substitute_id == member.id)
    for row in db.session.scalars(select(Substitution).where(theirs, Substitution.ended_at.is_(None))):
        row.ended_at = clock.now()
        record(row, "substitution.ended", by=by, absent=row.absent.person_id, substitute=row.substitute.person_id)


def _substitutes_of(holders: Collection[Membership]) -> list[Membership]:
    today = clock.today(parts().settings.time_zone)
    named = select(Substitution).where(Substitution.absent_id.in_([row.id for row in holders]))
    rows = db.session.scalars(named.order_by(Substitution.id))
    return [row.substitute for row in rows if row.runs_on(today) and row.substitute.person.active]
