"""Persons and the organisations they act for."""

import secrets
import unicodedata
import uuid

from flask_security.utils import hash_password
from sqlalchemy import select
from stdnum.no import orgnr

from portal.errors import Refused
from portal.extensions import db
from portal.model import Installation, Membership, Organisation, OrganisationKind, Person, Role, record
from portal.text import Text

BAD_NUMBER = Text("«{number}» er ikke et gyldig organisasjonsnummer.", "“{number}” is not a valid organisation number.")


def add_organisation(number: str, name: str, kind: OrganisationKind) -> Organisation:
    """Register a buyer or supplier. The number may be written with spaces, NO and MVA. Raises Refused."""
    bare = number.upper().removeprefix("NO").removesuffix("MVA").replace("\u00a0", "").replace(" ", "")
    if not orgnr.is_valid(bare):
        raise Refused(BAD_NUMBER.with_values(number=number[:20]))
    organisation = Organisation(number=bare, name=name, kind=kind)
    db.session.add(organisation)
    db.session.flush()
    record(organisation, "organisation.added", by=None, name=name)
    return organisation


def organisation_by_number(number: str) -> Organisation | None:
    """The organisation with this number, if it is registered."""
    return db.session.scalar(select(Organisation).where(Organisation.number == number.replace(" ", "")))


def add_person(email: str, name: str, *, password: str | None = None, language: str = "nb") -> Person:
    """Register a person; without a password they can only come in by a one-click persona or a later invitation."""
    person = Person(
        email=email.strip().lower(),
        name=name,
        language=language,
        password=hash_password(unicodedata.normalize("NFKC", password)) if password else None,
        fs_uniquifier=secrets.token_hex(32),
    )
    db.session.add(person)
    db.session.flush()
    return person


def add_membership(person: Person, organisation: Organisation, *roles: Role) -> Membership:
    """Let a person act for an organisation in these roles."""
    membership = Membership(person=person, organisation=organisation, role_codes=sorted(roles))
    db.session.add(membership)
    db.session.flush()
    record(membership, "membership.added", by=None, person=person.id, roles=sorted(roles))
    return membership


def choose_single_keys(person: Person, *, on: bool) -> None:
    """Whether single letters are to be shortcuts for this person."""
    person.single_keys = on


def is_demo() -> bool:
    """Whether the demo made this database, so that everybody in it is made up."""
    mark = db.session.get(Installation, 1)
    return mark is not None and mark.is_demo


def membership(number: int) -> Membership:
    """The membership a process speaks of."""
    return db.session.execute(select(Membership).where(Membership.id == number)).scalar_one()


def membership_of(person: Person, public_id: uuid.UUID) -> Membership | None:
    """One of the person's own memberships, by its public id."""
    return next((own for own in person.memberships if own.public_id == public_id), None)


def people(organisation_id: int, *roles: Role) -> list[Person]:
    """The active persons of an organisation who hold any of `roles`, in the order they came."""
    rows = db.session.scalars(
        select(Membership)
        .join(Membership.person)
        .where(Membership.organisation_id == organisation_id, Person.active)
        .order_by(Membership.id)
    )
    return [row.person for row in rows if row.has(*roles)]
