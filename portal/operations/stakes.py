"""What each open case may come to, kept for the lists: counted anew as the days go by and as others are decided."""

from sqlalchemy import select, update
from sqlalchemy.orm import joinedload, selectinload

from portal.extensions import db
from portal.model import Contract, Deviation, Point, Report, Revision, SanctionClause
from portal.model.cases import SETTLED
from portal.operations import calculations

_BATCH = 200
_READ = (
    joinedload(Deviation.requirement),
    joinedload(Deviation.window),
    joinedload(Deviation.report).options(
        joinedload(Report.period),
        selectinload(Report.revisions).options(joinedload(Revision.review), joinedload(Revision.withdrawal)),
    ),
    joinedload(Deviation.contract).options(
        selectinload(Contract.clauses).selectinload(SanctionClause.rates),
        selectinload(Contract.change_orders),
        selectinload(Contract.pauses),
    ),
    joinedload(Deviation.sanction),
    selectinload(Deviation.notices),
    selectinload(Deviation.points).selectinload(Point.weighings),
)
"""What an amount is counted from, read for a batch at once: a fee, that no day changes, costs no statement more."""


def outdated() -> list[int]:
    """The open cases whose kept amount is not what it comes to today."""
    found: list[int] = []
    last = 0
    open_ones = select(Deviation).where(Deviation.state.not_in(SETTLED)).options(*_READ)
    open_ones = open_ones.order_by(Deviation.id).limit(_BATCH)
    while batch := db.session.scalars(open_ones.where(Deviation.id > last)).unique().all():
        found += [deviation.id for deviation in batch if deviation.at_stake != calculations.at_stake(deviation)]
        last = batch[-1].id
    return found


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
