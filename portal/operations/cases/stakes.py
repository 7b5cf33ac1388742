"""What each open case may come to, kept for the lists: counted anew as the days go by and as others are decided."""

from collections.abc import Iterable
from itertools import groupby

from sqlalchemy import or_, select, update
from sqlalchemy.orm import joinedload, selectinload

from portal.extensions import db
from portal.model import Contract, Deviation, Point, Report, Revision, Sanction, SanctionClause
from portal.model.cases import SETTLED
from portal.model.sanctions import IN_FORCE
from portal.operations.cases import calculations, counted_once

_BATCH = 200
_PLACED = (
    joinedload(Deviation.requirement),
    joinedload(Deviation.window),
    joinedload(Deviation.report).options(
        joinedload(Report.period),
        selectinload(Report.revisions).options(joinedload(Revision.review), joinedload(Revision.withdrawal)),
    ),
    joinedload(Deviation.sanction),
)
"""Where a case stands among the others of its contract: which breach it is about, of which days, what was decided."""
_READ = (
    *_PLACED,
    joinedload(Deviation.contract).options(
        selectinload(Contract.clauses).selectinload(SanctionClause.rates),
        selectinload(Contract.change_orders),
        selectinload(Contract.pauses),
    ),
    selectinload(Deviation.notices),
    selectinload(Deviation.points).selectinload(Point.weighings),
)
"""What a case's amount is counted from, read for a batch at once. With the others of its contract (`_beside`) a fee is
looked at with no statement of its own; the days of a daily amount are asked for case by case."""


def outdated() -> list[int]:
    """The open cases whose kept amount is not what it comes to today."""
    found: list[int] = []
    last = 0
    open_ones = select(Deviation).where(Deviation.state.not_in(SETTLED)).options(*_READ)
    open_ones = open_ones.order_by(Deviation.id).limit(_BATCH)
    while batch := db.session.scalars(open_ones.where(Deviation.id > last)).unique().all():
        beside = _beside({deviation.contract_id for deviation in batch})
        found += [
            deviation.id
            for deviation in batch
            if deviation.at_stake != calculations.at_stake(deviation, beside.get(deviation.contract_id, ()))
        ]
        last = batch[-1].id
    return found


def _beside(contracts: Iterable[int]) -> dict[int, list[Deviation]]:
    """Of each contract the cases that the amount of another may depend on: found twice, or sanctioned before it."""
    rows = select(Deviation).outerjoin(Sanction, Sanction.deviation_id == Deviation.id)
    rows = rows.where(Deviation.contract_id.in_(contracts))
    rows = rows.where(or_(counted_once.OF_A_REVISION, Sanction.state.in_(IN_FORCE)))
    found = db.session.scalars(rows.options(*_PLACED).order_by(Deviation.contract_id, Deviation.id)).unique()
    return {number: list(cases) for number, cases in groupby(found, key=lambda each: each.contract_id)}


def recount(number: int) -> None:
    """Keep what a case comes to today. Its version stays: nobody who has the case before them is disturbed."""
    deviation = db.session.get_one(Deviation, number)
    if deviation.state not in SETTLED:
        db.session.execute(
            update(Deviation)
            .where(Deviation.id == number)
            .values(at_stake=calculations.at_stake(deviation))
            .execution_options(synchronize_session=False)
        )
