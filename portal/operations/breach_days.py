"""Which days of a breach cost something: from when, until when, and which of them lay with the buyer."""

from datetime import date, datetime, timedelta

from sqlalchemy import select

from portal import calendars, clock
from portal.amounts import Run
from portal.calendars import Period
from portal.extensions import db
from portal.model import Cause, DailyStart, Deviation, ExtensionRequest, Report, SanctionClause
from portal.operations import contract_days
from portal.text import Text

_A_DAY = timedelta(days=1)

AFTER_DEADLINE = Text("dagen etter fristen", "the day after the deadline")
AFTER_WINDOW = Text("dagen etter perioden som er vurdert", "the day after the days that were judged")
AFTER_NOTICE = Text("dagen etter at varselet fikk virkning", "the day after the notice took effect")
NO_NOTICE = Text("varselet er ikke gitt ennå", "the notice has not been given yet")
FILED = Text("dagen rapporten kom", "the day the report came")
TODAY = Text("dagen beregningen er gjort", "the day of this calculation")
CORRECTION_DUE = Text(
    "fristen for rettingen; kommer den senere, er det en sak for seg",
    "when the correction is due; if that comes later, it is a case of its own",
)


def today(deviation: Deviation) -> date:
    """The day it is where the contract is."""
    return clock.today(deviation.contract.time_zone)


def run_of(deviation: Deviation, clause: SanctionClause, on: date) -> Run:
    """The days of the breach under a clause, as known on a day.

    A duty to file runs from its own deadline to the day the report came; a requirement to its known end. Where that is
    not known yet it is shown until the day of the calculation, and nothing is proposed (`calculations.lacks_end`).
    The first and the last day count. What lay with the buyer for an answer does not: a revision under review, a request
    for more time. Time that the buyer takes over the case itself does not stop a breach that goes on.
    """
    if deviation.cause == Cause.NOT_ACCEPTED:
        return _none_of_its_own(deviation)
    is_duty = deviation.cause != Cause.REQUIREMENT_BROKEN
    due_on, ended = _filing(deviation) if is_duty else (judged_until(deviation), end_of(deviation))
    if clause.starts == DailyStart.NOTICE:
        effect = _notice_effect(deviation)
        first, why_first = (effect + _A_DAY, AFTER_NOTICE) if effect else (on + _A_DAY, NO_NOTICE)
    else:
        first, why_first = due_on + _A_DAY, AFTER_DEADLINE if is_duty else AFTER_WINDOW
    last, why_last = ended or (on, TODAY)
    return Run(first, last, why_first, why_last, _away(deviation, on))


def end_of(deviation: Deviation) -> tuple[date, Text] | None:
    """The last day of a broken requirement's breach, and why it is that one; None as long as it is not known.

    Of a person's day and that of the accepted figures the earlier one holds: nobody pays for a day on which the other
    party's own record says that there was no breach.
    """
    known = [(date.fromisoformat(each["on"]), Text.load(each["why"])) for each in deviation.put_right.values()]
    return min(known, key=lambda end: end[0]) if known else None


def _none_of_its_own(deviation: Deviation) -> Run:
    """A rejected report: until its correction is due nothing is late, and after that the correction's case counts."""
    pinned = deviation.facts.get("due_at")
    due_at = datetime.fromisoformat(pinned) if pinned else deviation.report.due_at
    due_on = _local(deviation.report, due_at)
    return Run(due_on + _A_DAY, due_on, AFTER_DEADLINE, CORRECTION_DUE)


def _filing(deviation: Deviation) -> tuple[date, tuple[date, Text] | None]:
    """The day of the deadline that was missed, and the day that the report came, if it has, with the words for it.

    What the case says of the delay counts from the revision that it was said of, though it may be withdrawn since.
    """
    report, late = deviation.report, deviation.late_by_days
    came = [each for each in report.revisions if each.number > int(deviation.facts.get("revision", 0))]
    standing = [each for each in came if late is not None or each.withdrawal is None]
    came_on = deviation.cured_on or (_local(report, standing[0].signed_at) if standing else None)
    if came_on is not None and late is not None:
        return came_on - timedelta(days=late), (came_on, FILED)
    return _local(report, report.due_at), (came_on, FILED) if came_on else None


def judged_until(deviation: Deviation) -> date:
    """The last day of what was judged."""
    return deviation.window.ends_on if deviation.window else contract_days.day_of(deviation.report)


def _notice_effect(deviation: Deviation) -> date | None:
    notice = deviation.notices[-1] if deviation.notices else None
    at = (notice.takes_effect_at or notice.delivered_at) if notice else None
    return calendars.local_day(at, deviation.contract.time_zone) if at else None


def _away(deviation: Deviation, on: date) -> list[Period]:
    """Days on which the report lay with the buyer: from the day after it was asked to the day of the answer."""
    report = deviation.report
    asked = [
        (each.created_at, each.answered_at)
        for each in db.session.scalars(
            select(ExtensionRequest).where(ExtensionRequest.report_id == report.id, ExtensionRequest.holds)
        )
    ]
    for revision in report.revisions:
        answer = revision.review or revision.withdrawal
        asked.append((revision.signed_at, answer.created_at if answer else None))
    return [
        Period(_local(report, begun) + _A_DAY, _local(report, answered) if answered else on)
        for begun, answered in asked
        if not answered or _local(report, answered) > _local(report, begun)
    ]


def _local(report: Report, moment: datetime) -> date:
    return calendars.local_day(moment, report.contract.time_zone)
