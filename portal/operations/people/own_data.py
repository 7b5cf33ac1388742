"""What the portal keeps of one person, and how it is erased: both by the register of personal data."""

import secrets
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, or_, select, update

from portal import clock
from portal.errors import Refused
from portal.extensions import Base, db
from portal.model import (
    Deviation,
    Invitation,
    Membership,
    Notice,
    OutgoingMail,
    Person,
    Representative,
    Sanction,
    SignInAttempt,
    record,
)
from portal.model.personal import REGISTER, Kept, opens_a_door
from portal.operations.people import members
from portal.text import Text

ERASED = "Slettet person / erased person"
"""What stands where the name stood."""
GONE_ALREADY = Text("Personen er slettet allerede.", "The person is erased already.")
_BESIDE = ("at", "created_at", "action", "subject", "subject_id", "what", "succeeded", "method", "letter", "state")
"""What is told beside the personal columns of a row, where the table has it."""

Values = dict[str, Any]


def collected(person: Person) -> Mapping[str, list[Values]]:
    """Table -> the rows that are about this person, with what of them is personal. Nothing that opens a door.

    On PostgreSQL only what the organisation that the person acts for may see is there.
    """
    found = {table.name: list(_rows(table, person)) for table in Base.metadata.sorted_tables}
    return {name: rows for name, rows in found.items() if rows}


def _rows(table: Table, person: Person) -> Iterator[Values]:
    told = [
        column
        for column in table.columns
        if (f"{table.name}.{column.name}" in REGISTER or column.name in _BESIDE) and not opens_a_door(column.name)
    ]
    about = list(_about(table, person))
    if about:
        rows = select(*told).where(or_(*about)).order_by(*table.primary_key)
        for row in db.session.execute(rows).mappings():
            yield {name: _plain(value) for name, value in row.items()}


def _about(table: Table, person: Person) -> Iterator[ColumnElement[bool]]:
    """What says that a row is about this person: a number, or an address."""
    if table.name == "person":
        yield table.c.id == person.id
    for column in table.columns:
        if f"{table.name}.{column.name}" not in REGISTER:
            continue
        leads_to = {key.column.table.name for key in column.foreign_keys}
        if "person" in leads_to:
            yield column == person.id
        elif "membership" in leads_to:
            yield column.in_(select(Membership.id).where(Membership.person_id == person.id))
        elif column.name in {"email", "to_address"} and table.name != "person":
            yield column == person.email


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int | list | dict | bool) else str(value)


# -- erasure -----------------------------------------------------------------------------------------------------------


def erase(person: Person) -> None:
    """Take a person's name, address and ways in away. The number stays: every chain of the trail stays whole.

    Raises Refused while they are the last one with a role that somebody must hold (`members.LAST_OF`).
    """
    if person.name == ERASED:
        raise Refused(GONE_ALREADY)
    for membership in sorted(person.memberships, key=lambda each: each.organisation_id):
        members.demand_others(membership, lost=membership.last_roles)
    name, email = person.name, person.email
    _forget_in_letters(person, name, email)
    _forget_in_proofs(person, name, email)
    for representative in db.session.scalars(select(Representative).where(_is_represented_by(person))):
        representative.name, representative.email = ERASED, _address(person)
    blank = {"email": "", "domain": "", "address": ""}
    tried = or_(SignInAttempt.email == email, SignInAttempt.person_id == person.id)
    _write(update(SignInAttempt).where(tried).values(blank))
    for table in _ways_in():
        _write(delete(table).where(table.c.person_id == person.id))
    person.name, person.email, person.password = ERASED, _address(person), None
    person.active, person.new_email, person.fs_uniquifier = False, None, secrets.token_hex(32)
    _write(update(Invitation).where(Invitation.email == email).values(email=_address(person)))
    for membership in list(person.memberships):
        membership.ended_at = clock.now()
        record(membership, "membership.erased", by=None, person=person.id)


def _ways_in() -> Iterator[Table]:
    """Tables of what a person has in order to come in, and of where they are: none of it is part of the record."""
    for table in Base.metadata.sorted_tables:
        datum = REGISTER.get(f"{table.name}.person_id")
        if datum is not None and datum.kept in {Kept.ACCOUNT, Kept.MONTH}:
            yield table


def _organisations(person: Person) -> list[int]:
    """Whom they act for or have acted for."""
    return list(db.session.scalars(select(Membership.organisation_id).where(Membership.person_id == person.id)))


def _address(person: Person) -> str:
    """An address that no mail goes to, and that is nobody else's."""
    return f"erased-{person.public_id}@erased.invalid"


def _is_represented_by(person: Person) -> ColumnElement[bool]:
    return or_(Representative.person_id == person.id, Representative.email == person.email)


def _forget_in_letters(person: Person, name: str, email: str) -> None:
    """Letters to them, and letters about their organisations' contracts that name them."""
    own = _organisations(person)
    theirs = or_(OutgoingMail.buyer_id.in_(own), OutgoingMail.supplier_id.in_(own), OutgoingMail.to_address == email)
    for was, becomes in ((name, ERASED), (email, _address(person))):
        for column in (OutgoingMail.subject, OutgoingMail.body):
            changed = update(OutgoingMail).where(theirs, column.contains(was, autoescape=True))
            _write(changed.values({column: func.replace(column, was, becomes)}))
    _write(update(OutgoingMail).where(OutgoingMail.to_address == email).values(to_address=_address(person)))


def _forget_in_proofs(person: Person, name: str, email: str) -> None:
    """How letters arrived, and who said when a breach ended: that it was so stays, by whom goes."""
    own = _organisations(person)

    def forgotten(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace(email, _address(person)).replace(name, ERASED)
        if isinstance(value, list):
            return [forgotten(each) for each in value]
        return {key: forgotten(each) for key, each in value.items()} if isinstance(value, dict) else value

    for entity, columns in (
        (Notice, ("sent_to", "seen", "served_to", "served_how", "delivered_how")),
        (Sanction, ("delivered_how",)),
        (Deviation, ("put_right",)),
    ):
        rows: Any = select(entity).where(or_(entity.buyer_id.in_(own), entity.supplier_id.in_(own)))
        for row in db.session.scalars(rows).unique():
            for column in columns:
                was, becomes = getattr(row, column), forgotten(getattr(row, column))
                if was != becomes:
                    setattr(row, column, becomes)


def _write(statement: Any) -> None:
    db.session.execute(statement.execution_options(synchronize_session=False))
