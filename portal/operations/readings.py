"""Who read what is sensitive: written down beside the trail, in no chain."""

import uuid
from collections.abc import Sequence

from sqlalchemy import or_, select

from portal import clock, permissions, tracing
from portal.extensions import db
from portal.model import Contract, Membership, Person, Reading, Row

Read = tuple[Reading, Person, Contract | None]


def note(what: str, row: Row | None, *, by: Membership) -> None:
    """Note that somebody read something: a case, a file, an export; `row` is the thing itself, where it is one."""
    contract_id = row.id if isinstance(row, Contract) else getattr(row, "contract_id", None)
    db.session.add(
        Reading(
            at=clock.now(),
            what=what,
            person_id=by.person_id,
            organisation_id=by.organisation_id,
            contract_id=contract_id,
            subject=row.__tablename__ if row is not None else "",
            subject_id=str(row.public_id) if row is not None else "",
            request_id=tracing.current(),
        )
    )


def of(by: Membership, after: uuid.UUID | None, limit: int) -> Sequence[Read]:
    """What this organisation's people have read, newest first, after the one that is named."""
    seen = permissions.visible(Contract, by).with_only_columns(Contract.id)
    rows = (
        select(Reading, Person, Contract)
        .join(Person, Reading.person_id == Person.id)
        .outerjoin(Contract, Reading.contract_id == Contract.id)
        .where(
            Reading.organisation_id == by.organisation_id,
            or_(Reading.contract_id.is_(None), Reading.contract_id.in_(seen)),
        )
    )
    if after is not None:
        mine = select(Reading.id).where(Reading.organisation_id == by.organisation_id, Reading.public_id == after)
        rows = rows.where(Reading.id < mine.scalar_subquery())
    return [
        (read, person, contract)
        for read, person, contract in db.session.execute(rows.order_by(Reading.id.desc()).limit(limit))
    ]
