"""Where the fee for a breach that is found twice is counted: a report that is rejected, and corrected too late."""

from sqlalchemy import select

from portal.extensions import db
from portal.model import Cause, Deviation, DeviationState, Sanction
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


def elsewhere(deviation: Deviation) -> Text | None:
    """The words for it when another case of the same report counts the fee for this breach.

    A revision that is rejected and then corrected too late is one breach, found twice. The late correction counts, as
    it does by the day; unless the rejection was decided, with its fee, before the correction was late.
    """
    is_rejection = deviation.cause == Cause.NOT_ACCEPTED
    if not is_rejection and not deviation.cause_group.startswith("correction"):
        return None
    rows = select(Deviation).where(
        Deviation.report_id == deviation.report_id,
        Deviation.requirement_id == deviation.requirement_id,
        Deviation.cause_group.startswith("correction") if is_rejection else Deviation.cause == Cause.NOT_ACCEPTED,
    )
    same_revision = [
        other
        for other in db.session.scalars(rows).unique()
        if other.facts.get("revision") == deviation.facts.get("revision")
    ]
    if is_rejection:
        return COUNTED_AS_LATE if any(_still_counts(other) for other in same_revision) else None
    return COUNTED_AS_REJECTED if any(_has_its_fee(other.sanction) for other in same_revision) else None


def _still_counts(case: Deviation) -> bool:
    """Whether a case has not come to nothing, and will not."""
    if case.state == DeviationState.CLOSED:
        return case.sanction is not None and case.sanction.state in IN_FORCE
    return case.not_found_at is None and case.state not in {DeviationState.DISMISSED, DeviationState.FELL_AWAY}


def _has_its_fee(sanction: Sanction | None) -> bool:
    return sanction is not None and sanction.state in IN_FORCE and (sanction.amount or 0) + sanction.waived > 0
