"""What a list can be narrowed to: the contracts and suppliers that occur in it, as many as anybody reads through.

Where there are more, the list takes what somebody writes instead: a contract's reference, a supplier's number.
"""

import uuid
from datetime import date
from typing import Any, NamedTuple

from flask_babel import gettext as _
from sqlalchemy import Select, literal, select

from portal import permissions
from portal.extensions import db
from portal.model import Contract, Membership, Organisation, Report

MOST = 100
"""How many a drop-down holds."""
NOWHERE = uuid.UUID(int=0)
"""What is none of anybody's: what was written fits nothing."""


class Choice(NamedTuple):
    """One of them: its public id, what is written to choose it, and what it is called."""

    value: str
    written: str
    label: str


class Choices(NamedTuple):
    """What can be chosen. `is_whole`: all of it is in `rows`; else it is written, and `chosen` may lie outside them."""

    rows: list[Choice]
    is_whole: bool
    chosen: Choice | None

    def named(self, value: str) -> str:
        """What one is called."""
        if value == str(NOWHERE):
            return str(_("nothing that fits"))
        return next((each.label for each in (*self.rows, self.chosen) if each and each.value == value), value)


def contracts(by: Membership, entity: type[Any] = Report, chosen: str = "") -> Choices:
    """The contracts that have a row of `entity` which this membership may see, by reference."""
    occurs = permissions.visible(entity, by).where(entity.contract_id == Contract.id)
    columns = _contracts(by)
    return _choices(columns.where(_exists(occurs, Contract)).order_by(Contract.reference), columns, Contract, chosen)


def suppliers(by: Membership, chosen: str = "") -> Choices:
    """The suppliers of the contracts that this membership may see, by name."""
    occurs = permissions.visible(Contract, by).where(Contract.supplier_id == Organisation.id)
    columns = select(Organisation.public_id, Organisation.number, Organisation.name)
    occurring = columns.where(_exists(occurs, Organisation))
    return _choices(occurring.order_by(Organisation.name, Organisation.id), occurring, Organisation, chosen)


def contract_of(by: Membership, text: str) -> uuid.UUID | None:
    """The contract that an address names, or that somebody wrote the reference of; None when nothing is asked for."""
    return _of(text, _contracts(by).where(Contract.reference == text.strip()))


def supplier_of(by: Membership, text: str) -> uuid.UUID | None:
    """The supplier that an address names, or that somebody wrote the number of; None when nothing is asked for."""
    number = "".join(text.split())
    occurs = permissions.visible(Contract, by).where(Contract.supplier_id == Organisation.id)
    known = select(Organisation.public_id).where(Organisation.number == number, _exists(occurs, Organisation))
    return _of(text, known)


def first_day(by: Membership) -> tuple[date | None, str]:
    """The first day of the contracts that this membership may see, and the zone that their days are counted in."""
    first = permissions.visible(Contract, by).with_only_columns(Contract.starts_on, Contract.time_zone)
    row = db.session.execute(first.order_by(Contract.starts_on).limit(1)).first()
    return (row[0], row[1]) if row is not None else (None, "")


def _contracts(by: Membership) -> Any:
    return permissions.visible(Contract, by).with_only_columns(Contract.public_id, Contract.reference, Contract.title)


def _exists(rows: Select[Any], outer: type[Any]) -> Any:
    return rows.with_only_columns(literal(1)).correlate(outer).exists()


def _choices(rows: Any, every: Any, entity: type[Any], chosen: str) -> Choices:
    found = [_choice(entity, *row) for row in db.session.execute(rows.limit(MOST + 1))]
    kept = found[:MOST]
    one = next((each for each in kept if each.value == chosen), None)
    if chosen and one is None and (number := uuid_of(chosen)) is not None:
        row = db.session.execute(every.where(entity.public_id == number)).first()
        one = _choice(entity, *row) if row is not None else None
    return Choices(kept, len(found) <= MOST, one)


def _choice(entity: type[Any], number: uuid.UUID, written: str, name: str) -> Choice:
    return Choice(str(number), written, f"{written} {name}" if entity is Contract else name)


def _of(text: str, known: Select[Any]) -> uuid.UUID | None:
    if not text.strip():
        return None
    return uuid_of(text) or db.session.scalars(known.limit(1)).first() or NOWHERE


def uuid_of(text: str) -> uuid.UUID | None:
    """A public id from an address; None when it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
