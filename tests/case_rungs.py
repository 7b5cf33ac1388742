"""Which step of its clause a breach comes to, and whether its fee is another case's: from the rows of all cases.

Part of the reckoning that `case_worth` describes: nothing here asks the portal what anything comes to.

Rules. Where the clause warns first, the first breach of a requirement is warned of, whatever form a change order gave
it since; earlier is what was judged for days that ended before, and of the same days what was found first. A revision
that is rejected and whose correction is late is one breach, found twice: one rung and one fee, whichever of the two is
decided first. What came to nothing because it is counted elsewhere is no rung.
"""

from datetime import date
from decimal import Decimal

from portal.model import Cause, Deviation, DeviationState, Sanction, SanctionClause, SanctionState
from tests.case_days import judged_until

WARNING = "warning"
_IN_FORCE = {SanctionState.DECIDED, SanctionState.DELIVERED, SanctionState.CLOSED}
_NOTHING = {DeviationState.DISMISSED, DeviationState.FELL_AWAY, DeviationState.CLOSED}


def step(deviation: Deviation, clause: SanctionClause, cases: list[Deviation]) -> str:
    """The step: a warning, or the form of the clause."""
    twin = twin_of(deviation, cases)
    if twin is not None and (first := decided(twin)) is not None and first.step == WARNING:
        return WARNING
    return WARNING if clause.warns_first and not _rungs(deviation, cases) else str(clause.form)


def counts(deviation: Deviation, cases: list[Deviation]) -> set[int]:
    """How many times a fee may be asked for in a case of filing: once, and never where its twin has it.

    Of the two the late correction has it. The rejection may have it where it is decided first.
    """
    twin = twin_of(deviation, cases)
    if twin is None:
        return {1}
    other = decided(twin)
    if other is not None:
        return {0} if worth(other) else {1}
    is_left = twin.not_found_at is None and twin.state not in _NOTHING
    return {0, 1} if is_left and deviation.cause == Cause.NOT_ACCEPTED else {1}


def decided(deviation: Deviation) -> Sanction | None:
    """The sanction in force in a case."""
    sanction = deviation.sanction
    return sanction if sanction is not None and sanction.state in _IN_FORCE else None


def worth(sanction: Sanction) -> Decimal:
    """What the clause gave, before anything was waived."""
    return (sanction.amount or Decimal(0)) + sanction.waived


def twin_of(deviation: Deviation, cases: list[Deviation]) -> Deviation | None:
    """The other half of one breach: the rejection whose correction is late, or that correction. Decided ones first."""
    wanted = _refused(deviation)
    if wanted is None:
        return None
    others = [
        each
        for each in cases
        if each.id != deviation.id
        and each.report_id == deviation.report_id
        and _refused(each) == wanted
        and (each.cause == Cause.NOT_ACCEPTED) != (deviation.cause == Cause.NOT_ACCEPTED)
    ]
    return min(others, key=lambda each: (decided(each) is None, each.state in _NOTHING, each.id), default=None)


def _refused(deviation: Deviation) -> int | None:
    """The number of the rejected revision that a case is about; None for every other case.

    A correction that is taken back again corrects nothing: what comes after it is the correction of the same revision.
    """
    if deviation.cause == Cause.REQUIREMENT_BROKEN or "revision" not in deviation.facts:
        return None
    number = int(deviation.facts["revision"])
    if deviation.cause == Cause.NOT_ACCEPTED:
        return number
    before = [each for each in deviation.report.revisions if each.number <= number and each.withdrawal is None]
    is_rejected = bool(before) and before[-1].review is not None and before[-1].review.decision == "reject"
    return before[-1].number if is_rejected else None


def _rungs(deviation: Deviation, cases: list[Deviation]) -> int:
    """How many earlier breaches of the requirement are sanctioned."""
    twin = twin_of(deviation, cases)
    return sum(
        _origin(each) == _origin(deviation) and _place(each) < _place(deviation) and _is_rung(each, cases)
        for each in cases
        if each not in (deviation, twin)
    )


def _is_rung(deviation: Deviation, cases: list[Deviation]) -> bool:
    sanction = decided(deviation)
    if sanction is None:
        return False
    is_counted_elsewhere = sanction.step != WARNING and not worth(sanction) and twin_of(deviation, cases) is not None
    return not is_counted_elsewhere


def _origin(deviation: Deviation) -> int:
    return deviation.requirement.continues_id or deviation.requirement_id


def _place(deviation: Deviation) -> tuple[date, int]:
    return judged_until(deviation), deviation.id
