"""The trail as one party may read it: what its own people did, and of the rest what `telling` says they are told."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import lazyload

from portal import permissions
from portal.extensions import db
from portal.model import (
    AuditEvent,
    Contract,
    Membership,
    Organisation,
    Person,
)
from portal.model.changes import Changes
from portal.operations import telling

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_LONGEST_STAMP = 16
_AT_ONCE = 500


@dataclass(frozen=True)
class Asked:
    """What the trail is narrowed to."""

    contract: uuid.UUID | None = None
    person: uuid.UUID | None = None
    action: str = ""
    subject: str = ""
    first: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class Told:
    """An entry as one party reads it. `changes`: as far as they may know them."""

    entry: AuditEvent
    person: Person | None
    organisation: Organisation | None
    """On whose behalf it was done; None: the portal's own."""
    contract: Contract | None
    changes: Changes
    is_open: bool
    """Whether this party may open the thing that it is about."""
    is_own: bool
    """Whether it was done on behalf of whoever reads."""


def told(by: Membership, asked: Asked, most: int, after: str = "") -> Iterator[Told]:
    """Entries that this party may read, newest first.

    Args:
        by: who reads.
        asked: what it is narrowed to.
        most: how many at most.
        after: the last entry of the page before, as `mark` names it; empty for the first page.
    """
    rows = _asked(by, asked)
    last = _last(by, after) if after else None
    if last is not None:
        rows = rows.where(AuditEvent.id < last)
    newest_first = rows.order_by(AuditEvent.id.desc()).limit(most).execution_options(yield_per=_AT_ONCE)
    for entry, person, organisation, contract, is_open in db.session.execute(newest_first):
        is_own = entry.organisation_id == by.organisation_id
        yield Told(entry, person, organisation, contract, telling.changes(entry, by), bool(is_open), is_own)


def mark(entry: AuditEvent) -> str:
    """What an address names an entry by: no number that counts what others do."""
    return f"{(entry.at - _EPOCH) // _MICROSECOND}-{entry.hash[:16]}"


def people(by: Membership) -> list[Person]:
    """Whom the trail can be narrowed to: those who act, or have acted, for this organisation."""
    acted = select(AuditEvent.person_id).where(AuditEvent.organisation_id == by.organisation_id)
    member = select(Membership.person_id).where(Membership.organisation_id == by.organisation_id)
    return list(db.session.scalars(select(Person).where(Person.id.in_(acted.union(member))).order_by(Person.name)))


def _asked(by: Membership, asked: Asked) -> Select[Any]:
    mine = AuditEvent.organisation_id == by.organisation_id
    conditions = (
        (asked.contract, Contract.public_id == asked.contract),
        (asked.person, and_(Person.public_id == asked.person, mine)),
        (asked.action, AuditEvent.action == asked.action),
        (asked.subject, AuditEvent.subject == asked.subject),
        (asked.first, AuditEvent.at >= (asked.first or _EPOCH)),
        (asked.before, AuditEvent.at < (asked.before or _EPOCH)),
    )
    rows: Any = (
        select(AuditEvent, Person, Organisation, Contract, telling.may_open(by))
        .outerjoin(Person, AuditEvent.person_id == Person.id)
        .outerjoin(Organisation, AuditEvent.organisation_id == Organisation.id)
        .outerjoin(Contract, AuditEvent.contract_id == Contract.id)
        .options(lazyload(Contract.sites))
    )
    chosen: Select[Any] = rows.where(
        _reach(by), telling.may_be_told(by), *(condition for given, condition in conditions if given)
    )
    return chosen


def _reach(by: Membership) -> Any:
    """What is asked of the database at all: the contracts that this membership sees, and what is about none."""
    contracts = permissions.visible(Contract, by).with_only_columns(Contract.id)
    own = or_(
        AuditEvent.organisation_id == by.organisation_id, AuditEvent.chain == f"organisation:{by.organisation_id}"
    )
    return or_(AuditEvent.contract_id.in_(contracts), and_(AuditEvent.contract_id.is_(None), own))


def _last(by: Membership, after: str) -> int | None:
    stamp, _dash, begins = after.partition("-")
    if not (stamp.isdecimal() and len(stamp) <= _LONGEST_STAMP and begins.isalnum()):
        return None
    return db.session.scalar(
        select(func.max(AuditEvent.id)).where(
            _reach(by),
            AuditEvent.at == _EPOCH + int(stamp) * _MICROSECOND,
            AuditEvent.hash.startswith(begins, autoescape=True),
        )
    )
