"""One breach that is found twice: a revision that is rejected, and then corrected too late. It counts once.

It takes one rung of its clause and costs one fee, whichever of its cases is decided first.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from portal.extensions import db
from portal.model import Cause, Decision, Deviation, DeviationState, Sanction
from portal.model.sanctions import IN_FORCE
from portal.text import Text

COUNTED_AS_LATE = Text(
    "Antall brudd: rettingen kom for sent, og teller i sin egen sak",
    "Number of breaches: the correction was late, and counts in its own case",
)
COUNTED_AS_REJECTED = Text(
    "Antall brudd: gebyret er krevd i saken om rapporten som ble avvist",
    "Number of breaches: the fee was asked for in the case of the report that was rejected",
)
COUNTED_BEFORE = Text(
    "Antall brudd: gebyret er krevd i en annen sak om rettingen av samme revisjon",
    "Number of breaches: the fee was asked for in another case about the correction of the same revision",
)
CORRECTION = "correction"
"""How the causes begin of what is to be filed after a revision (`filings`)."""
OF_A_REVISION = or_(Deviation.cause == Cause.NOT_ACCEPTED, Deviation.cause_group.startswith(CORRECTION))
"""The cases that may be about a breach that is found twice."""


class Identity(NamedTuple):
    """Which breach a case is about: a report's revision that was rejected, or, where `report` is 0, its own."""

    report: int
    revision: int
    case: int | None
    """None for one of a revision, and for a case that is not stored yet."""


def identity(deviation: Deviation) -> Identity:
    """The same for the rejection of a revision and for its late correction; else of each case its own."""
    rejected = _rejected(deviation)
    return Identity(deviation.report.id, rejected, None) if rejected else Identity(0, 0, deviation.id)


def _rejected(deviation: Deviation) -> int | None:
    """The number of the revision that was rejected, when a case is about that, or about its correction.

    A correction that was taken back corrects nothing: what is late after it is the same revision's correction still.
    """
    number: int | None = deviation.facts.get("revision")
    if deviation.cause == Cause.NOT_ACCEPTED or number is None:
        return number
    if not deviation.cause_group.startswith(CORRECTION):
        return None
    standing = [each for each in deviation.report.revisions if each.number <= number and each.withdrawal is None]
    review = standing[-1].review if standing else None
    return standing[-1].number if review is not None and review.decision == Decision.REJECT else None


def found_otherwise(deviation: Deviation, among: Sequence[Deviation] | None = None) -> list[Deviation]:
    """The other cases about the same breach.

    `among`: the cases of the contract, where a list has read them at once with their reports' revisions; else they are
    asked for.
    """
    mine = identity(deviation)
    if not mine.report:
        return []
    found = _of_report(mine.report) if among is None else [each for each in among if each.report_id == mine.report]
    return [each for each in found if each is not deviation and identity(each) == mine]


def _of_report(number: int) -> Sequence[Deviation]:
    rows = select(Deviation).where(Deviation.report_id == number, OF_A_REVISION)
    return db.session.scalars(rows.options(joinedload(Deviation.sanction))).unique().all()


def elsewhere(deviation: Deviation, among: Sequence[Deviation] | None = None) -> Text | None:
    """The words for it when another case about the same breach counts its fee. `among`: as in `found_otherwise`.

    The late correction counts, as it does by the day; unless another one was decided, with its fee, before.
    """
    others = found_otherwise(deviation, among)
    if deviation.cause == Cause.NOT_ACCEPTED:
        return COUNTED_AS_LATE if any(_is_late(each) and _still_counts(each) for each in others) else None
    charged = [each for each in others if costs_something(each.sanction)]
    if not charged:
        return None
    return COUNTED_BEFORE if all(map(_is_late, charged)) else COUNTED_AS_REJECTED


def costs_something(sanction: Sanction | None) -> bool:
    """Whether a decision asks for an amount, or waives one."""
    return sanction is not None and sanction.state in IN_FORCE and (sanction.amount or 0) + sanction.waived > 0


def _is_late(case: Deviation) -> bool:
    return case.cause != Cause.NOT_ACCEPTED


def _still_counts(case: Deviation) -> bool:
    """Whether a case has not come to nothing, and will not."""
    if case.state == DeviationState.CLOSED:
        return case.sanction is not None and case.sanction.state in IN_FORCE
    return case.not_found_at is None and case.state not in {DeviationState.DISMISSED, DeviationState.FELL_AWAY}
