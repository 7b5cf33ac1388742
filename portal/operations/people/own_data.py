"""What the portal keeps of one person, and how it is erased: both by the register of personal data."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, String, Table, and_, cast, delete, not_, or_, select, update

from portal import clock, impartiality, tenancy
from portal.errors import Refused
from portal.extensions import Base, db
from portal.model import (
    Appointment,
    Deviation,
    Interest,
    Invitation,
    Membership,
    Notice,
    Organisation,
    OutgoingMail,
    Person,
    Representative,
    SignInAttempt,
    record,
)
from portal.model.personal import REGISTER, Kept, opens_a_door
from portal.operations.people import members
from portal.text import Text, whole_words

ERASED = "Slettet person / erased person"
"""What stands where the name stood."""
GONE_ALREADY = Text("Personen er slettet allerede.", "The person is erased already.")
_BESIDE = ("at", "created_at", "action", "subject", "subject_id", "what", "succeeded", "method", "letter", "state")
"""What is told beside the personal columns of a row, where the table has it."""

Values = dict[str, Any]


def collected(person: Person) -> Mapping[str, list[Values]]:
    """Table -> the rows that are about this person, with what of them is personal. Nothing that opens a door.

    It is gathered for each organisation that they act for or have acted for, whomever they act for now: the database
    shows the rows of one organisation at a time. Letters about their account alone are in no organisation's sight.
    """
    found: dict[str, dict[tuple[Any, ...], Values]] = {}
    own: Sequence[int | None] = _organisations(person) or [None]
    for organisation_id in own:
        with tenancy.acting_for(organisation_id):
            for table in Base.metadata.sorted_tables:
                found.setdefault(table.name, {}).update(_rows(table, person))
            _close_former_employers(found["outgoing_mail"], person)
    return {name: [rows[key] for key in sorted(rows)] for name, rows in found.items() if rows}


def organisations(person: Person) -> list[str]:
    """The names of those for whom `collected` gathers: whom the person acts for, or has acted for."""
    names = select(Organisation.name).where(Organisation.id.in_(_organisations(person)))
    return list(db.session.scalars(names.order_by(Organisation.name)))


def _close_former_employers(letters: dict[tuple[Any, ...], Values], person: Person) -> None:
    """Of a former employer's contracts one is told that a letter came, and when: what it says is their affair."""
    now = [each.organisation_id for each in person.memberships if each.ended_at is None]
    to_them_now = or_(
        and_(OutgoingMail.for_buyer, OutgoingMail.buyer_id.in_(now)),
        and_(OutgoingMail.for_supplier, OutgoingMail.supplier_id.in_(now)),
    )
    former = select(OutgoingMail.id).where(OutgoingMail.to_address.in_(_addresses(person)), not_(to_them_now))
    for number in db.session.scalars(former):
        if (number,) in letters:
            letters[number,] |= {"subject": "", "body": ""}


def _rows(table: Table, person: Person) -> Iterator[tuple[tuple[Any, ...], Values]]:
    """Each row by its key."""
    told = [
        column
        for column in table.columns
        if (f"{table.name}.{column.name}" in REGISTER or column.name in _BESIDE) and not opens_a_door(column.name)
    ]
    about = list(_about(table, person))
    if not about:
        return
    key = list(table.primary_key)
    for row in db.session.execute(select(*key, *told).where(or_(*about), *_readable(table))):
        values = zip(told, row[len(key) :], strict=True)
        yield (
            tuple(row[: len(key)]),
            {column.name: _own(column.name, _plain(value), person) for column, value in values},
        )


def _readable(table: Table) -> Iterator[ColumnElement[bool]]:
    """A letter about an account is read by nobody afterwards: it may hold what opens a door."""
    if table.name == "outgoing_mail":
        yield table.c.contract_id.is_not(None)
        yield table.c.is_secret.is_(False)


def _about(table: Table, person: Person) -> Iterator[ColumnElement[bool]]:
    """What says that a row is about this person: a number, an address, or either within a document."""
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
            yield column.in_(_addresses(person))
        elif column.name in _NAMED_WITHIN:
            yield _NAMED_WITHIN[column.name](column, person)


_NAMED_WITHIN: Mapping[str, Callable[[Any, Person], ColumnElement[bool]]] = {
    "preparers": lambda column, person: impartiality.is_listed(person.id, column),
    "proposers": lambda column, person: impartiality.is_listed(person.id, column),
    "put_right": lambda column, person: column["person"]["by_id"].as_integer() == person.id,
    "seen": lambda column, person: cast(column, String).contains(str(person.public_id)),
}
"""Documents that may name several -> what says that this person is among them."""


def _signed(value: Any, person: Person) -> Any:
    return {place: said for place, said in value.items() if place.endswith("_by") and said == person.name}


def _listed(value: Any, person: Person) -> Any:
    return [number for number in value or [] if number == person.id]


def _noted(value: Any, person: Person) -> Any:
    said = (value or {}).get("person") or {}
    return {"person": said} if said.get("by_id") == person.id else {}


def _spoken_of(value: Any, person: Person) -> Any:
    """That they are named there, and by what: the words around it may name others."""
    return ", ".join(dict.fromkeys(whole_words([person.name, *_addresses(person)]).findall(value)))


_OWN_PART: Mapping[str, Callable[[Any, Person], Any]] = {
    **dict.fromkeys(("preparers", "proposers"), _listed),
    **dict.fromkeys(("served_to", "served_how", "delivered_how"), _spoken_of),
    "on_paper": _signed,
    "put_right": _noted,
    "seen": lambda value, person: [each for each in value or [] if each.get("person") == str(person.public_id)],
    "sent_to": lambda value, person: [each for each in value or [] if each.get("email") in _addresses(person)],
}
"""Column that names several -> what of it is about one person: others' names are others' data."""


def _own(column: str, value: Any, person: Person) -> Any:
    return _OWN_PART[column](value, person) if column in _OWN_PART else value


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
    emails = _addresses(person)
    _forget_in_letters(person, emails)
    _forget_in_cases(person)
    _forget_in_grounds(person)
    for representative in db.session.scalars(select(Representative).where(_is_represented_by(person))):
        representative.name, representative.email = ERASED, _address(person)
    blank = {"email": "", "domain": "", "address": ""}
    tried = or_(SignInAttempt.email.in_(emails), SignInAttempt.person_id == person.id)
    _write(update(SignInAttempt).where(tried).values(blank))
    for table in _ways_in():
        _write(delete(table).where(table.c.person_id == person.id))
    person.name, person.email, person.password = ERASED, _address(person), None
    person.active, person.new_email, person.fs_uniquifier = False, None, secrets.token_hex(32)
    person.former_emails = []
    _write(update(Invitation).where(Invitation.email.in_(emails)).values(email=_address(person)))
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


def _addresses(person: Person) -> list[str]:
    """By which addresses they are or were known; not by one that is somebody else's now."""
    others = select(Person.email).where(Person.email.in_(person.former_emails), Person.id != person.id)
    taken = set(db.session.scalars(others)) if person.former_emails else set()
    return [person.email, *(each for each in person.former_emails if each not in taken)]


def _address(person: Person) -> str:
    """An address that no mail goes to, and that is nobody else's."""
    return f"erased-{person.public_id}@erased.invalid"


def _is_represented_by(person: Person) -> ColumnElement[bool]:
    return or_(Representative.person_id == person.id, Representative.email.in_(_addresses(person)))


def _forget_in_letters(person: Person, emails: Sequence[str]) -> None:
    """Letters to them, and letters about their organisations' contracts that name them in full.

    A notice or a decision stays as it was served, with whom it was served to.
    """
    own = _organisations(person)
    to_them = OutgoingMail.to_address.in_(emails)
    theirs = or_(to_them, OutgoingMail.buyer_id.in_(own), OutgoingMail.supplier_id.in_(own))
    names_them = or_(
        *(
            each.contains(word, autoescape=True)
            for each in (OutgoingMail.subject, OutgoingMail.body)
            for word in (person.name, *emails)
        )
    )
    in_own, in_others = (_Forgetter(person, spare=spare) for spare in ([], _names_with(person.name, person)))
    served = or_(OutgoingMail.notice_id.is_not(None), OutgoingMail.sanction_id.is_not(None))
    for row in db.session.scalars(select(OutgoingMail).where(not_(served), or_(to_them, and_(theirs, names_them)))):
        forgotten = in_own if row.to_address in emails else in_others
        row.subject, row.body = forgotten(row.subject), forgotten(row.body)
        row.to_address = _address(person) if row.to_address in emails else row.to_address


def _names_with(name: str, person: Person) -> list[str]:
    """What others are called whose name is, or holds, this one: in letters to somebody else it may be theirs."""
    found = db.session.scalars(
        select(Person.name).where(Person.name.contains(name, autoescape=True), Person.id != person.id)
    )
    return list(found)


class _Forgetter:
    """Puts what stands for an erased person in the place of their full name and of their address, as whole words.

    «Per Li» stands neither in «Per Lien» nor in «Per Li-Hansen», nor in the names to `spare`.
    """

    def __init__(self, person: Person, *, spare: Sequence[str] = ()) -> None:
        self._spared = frozenset(spare)
        self._instead = {person.name: ERASED, **dict.fromkeys(_addresses(person), _address(person))}
        self._words = whole_words([*spare, *self._instead])

    def __call__(self, text: str) -> str:
        return self._words.sub(self._becomes, text)

    def _becomes(self, found: re.Match[str]) -> str:
        word = found.group()
        return word if word in self._spared else self._instead[word]


def _forget_in_cases(person: Person) -> None:
    """Who saw a notice without that it set a clock going, and who said when a breach ended: by their number."""
    own, me, forgotten = _organisations(person), str(person.public_id), _Forgetter(person)
    for notice in db.session.scalars(select(Notice).where(_is_theirs(Notice, own))).unique():
        notice.seen = [{**each, "name": ERASED} if each.get("person") == me else each for each in notice.seen]
    for deviation in db.session.scalars(select(Deviation).where(_is_theirs(Deviation, own))).unique():
        said = deviation.put_right.get("person") or {}
        if said.get("by_id", person.id) == person.id and said.get("by") == person.name:
            why = {language: forgotten(words) for language, words in said["why"].items()}
            deviation.put_right = {**deviation.put_right, "person": {**said, "by": ERASED, "why": why}}


def _forget_in_grounds(person: Person) -> None:
    """Why somebody was appointed from outside, and what interest somebody declared, may name others."""
    own, forgotten = _organisations(person), _Forgetter(person)
    for appointment in db.session.scalars(select(Appointment).where(_is_theirs(Appointment, own))).unique():
        appointment.reason = forgotten(appointment.reason)
    for interest in db.session.scalars(select(Interest).where(_is_theirs(Interest, own))).unique():
        interest.words = forgotten(interest.words)


def _is_theirs(entity: Any, own: Sequence[int]) -> ColumnElement[bool]:
    return or_(entity.buyer_id.in_(own), entity.supplier_id.in_(own))


def _write(statement: Any) -> None:
    db.session.execute(statement.execution_options(synchronize_session=False))
