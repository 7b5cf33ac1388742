"""Who read what is sensitive: written down beside the trail, in no chain."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, or_, select

from portal import clock, permissions, tracing
from portal.extensions import db
from portal.model import Contract, Membership, Organisation, Person, Program, Reading, Row


class Read(NamedTuple):
    """One reading, as it is told."""

    reading: Reading
    reader: str
    """Name of the person or program."""
    through: str
    """Name of the head of the group by which they read; empty: the organisation's own."""
    contract: Contract | None


def note(what: str, row: Row | None, *, by: Membership, program: Program | None = None) -> None:
    """Note that somebody read something: a case, a file, an export; `row` is the thing itself, where it is one.

    `program`: which one read, when it was no person.
    """
    contract_id = row.id if isinstance(row, Contract) else getattr(row, "contract_id", None)
    db.session.add(
        Reading(
            at=clock.now(),
            what=what,
            person_id=by.person_id if program is None else None,
            program_id=program.id if program is not None else None,
            organisation_id=by.organisation_id,
            through_id=by.reads_through.organisation_id if by.reads_through is not None else None,
            contract_id=contract_id,
            subject=row.__tablename__ if row is not None else "",
            subject_id=str(row.public_id) if row is not None else "",
            request_id=tracing.current(),
        )
    )


def is_noted(what: str, row: Row | None, *, by: Membership, since: datetime) -> bool:
    """Whether this person's reading of the same, for the same and by the same way, is noted after a moment."""
    through_id = by.reads_through.organisation_id if by.reads_through is not None else None
    same = select(Reading.id).where(
        Reading.person_id == by.person_id,
        Reading.at > since,
        Reading.what == what,
        Reading.subject_id == (str(row.public_id) if row is not None else ""),
        Reading.organisation_id == by.organisation_id,
        Reading.through_id.is_not_distinct_from(through_id),
    )
    return db.session.scalar(same.limit(1)) is not None


def of(by: Membership, after: uuid.UUID | None, limit: int) -> Sequence[Read]:
    """What this organisation's people and programs have read, newest first, after the one that is named."""
    seen = permissions.visible(Contract, by).with_only_columns(Contract.id)
    rows = (
        select(Reading, func.coalesce(Person.name, Program.name), func.coalesce(Organisation.name, ""), Contract)
        .outerjoin(Person, Reading.person_id == Person.id)
        .outerjoin(Program, Reading.program_id == Program.id)
        .outerjoin(Organisation, Reading.through_id == Organisation.id)
        .outerjoin(Contract, Reading.contract_id == Contract.id)
        .where(
            Reading.organisation_id == by.organisation_id,
            or_(Reading.contract_id.is_(None), Reading.contract_id.in_(seen)),
        )
    )
    if after is not None:
        mine = select(Reading.id).where(Reading.organisation_id == by.organisation_id, Reading.public_id == after)
        rows = rows.where(Reading.id < mine.scalar_subquery())
    return [Read(*row) for row in db.session.execute(rows.order_by(Reading.id.desc()).limit(limit))]
