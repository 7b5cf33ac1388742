"""Which days of a breach cost something: from when, until when, and which of them do not count."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select

from portal import calendars, clock
from portal.amounts import Run
from portal.calendars import Period
from portal.extensions import db
from portal.model import (
    Cause,
    DailyStart,
    Deviation,
    ExtensionRequest,
    Report,
    SanctionClause,
)
from portal.model.base import Json
from portal.operations.contracts import contract_days
from portal.text import Text

_A_DAY = timedelta(days=1)

AFTER_DEADLINE = Text("dagen etter fristen", "the day after the deadline")
AFTER_WINDOW = Text("dagen etter perioden som er vurdert", "the day after the days that were judged")
AFTER_NOTICE = Text("dagen etter at varselet fikk virkning", "the day after the notice took effect")
NO_NOTICE = Text("varselet er ikke gitt ennå", "the notice has not been given yet")
FILED = Text("dagen rapporten kom", "the day the report came")
TODAY = Text("dagen beregningen er gjort", "the day of this calculation")
STILL_MISSING = Text(
    "rapporten er ikke kommet; dagene er regnet til {day}, og senere dager kan ikke kreves i denne saken",
    "the report has not come; the days are counted until {day}, and no later day can be asked for in this case",
)
CORRECTION_DUE = Text(
    "fristen for rettingen; kommer den senere, er det en sak for seg",
    "when the correction is due; if that comes later, it is a case of its own",
)


class LastDay(NamedTuple):
    """A day that is said to be the last of a breach, and why it is that one; of a person also how it is known."""

    on: date
    why: Text
    reason: str = ""
    by: str = ""
    by_id: int | None = None
    """Number of the person (`impartiality.prepared`); None for days noted before it was kept."""

    def dump(self) -> Json:
        """As it is kept."""
        said: Json = {"on": self.on.isoformat(), "why": self.why.dump()}
        if self.by:
            said |= {"reason": self.reason, "by": self.by}
        return said if self.by_id is None else {**said, "by_id": self.by_id}

    @classmethod
    def load(cls, said: Json | None) -> "LastDay | None":
        """Back from `dump`."""
        if said is None:
            return None
        on, why = date.fromisoformat(said["on"]), Text.load(said["why"])
        return cls(on, why, said.get("reason", ""), said.get("by", ""), said.get("by_id"))


class Ends(NamedTuple):
    """The last days of a broken requirement's breach that are known: what a person noted, what the figures say."""

    person: LastDay | None = None
    figures: LastDay | None = None

    @classmethod
    def of(cls, deviation: Deviation) -> "Ends":
        """As the case keeps them."""
        return cls(*(LastDay.load(deviation.put_right.get(source)) for source in cls._fields))

    def dump(self) -> Json:
        """As the case keeps them."""
        return {source: day.dump() for source, day in self._asdict().items() if day is not None}

    @property
    def last(self) -> LastDay | None:
        """The earlier one: nobody pays for a day on which the other party's own record says there was no breach."""
        return min((day for day in self if day is not None), default=None, key=lambda day: day.on)


def today(deviation: Deviation) -> date:
    """The day it is where the contract is."""
    return clock.today(deviation.contract.time_zone)


def run_of(deviation: Deviation, clause: SanctionClause, on: date) -> Run:
    """The days of the breach under a clause, as known on a day.

    A duty to file runs from its own deadline to the day the report came; a requirement to its known end. Where that is
    not known yet it is shown until the day of the calculation, and nothing is proposed (`calculations.lacks_end`).
    The first and the last day count. What lay with the buyer for an answer does not: a revision under review, a request
    for more time. Nor, of a requirement, does a day of a pause. Time that the buyer takes over the case itself does not
    stop a breach that goes on.
    """
    if deviation.cause == Cause.NOT_ACCEPTED:
        return _none_of_its_own(deviation)
    is_duty = deviation.cause != Cause.REQUIREMENT_BROKEN
    end = end_of(deviation)
    due_on, ended = _filing(deviation) if is_duty else (judged_until(deviation), (end.on, end.why) if end else None)
    if clause.starts == DailyStart.NOTICE:
        effect = _notice_effect(deviation)
        first, why_first = (effect + _A_DAY, AFTER_NOTICE) if effect else (on + _A_DAY, NO_NOTICE)
    else:
        first, why_first = due_on + _A_DAY, AFTER_DEADLINE if is_duty else AFTER_WINDOW
    last, why_last = ended or (on, still_missing(on) if is_duty else TODAY)
    paused = () if is_duty else deviation.contract.paused_days
    return Run(first, last, why_first, why_last, _away(deviation, on), paused)


def end_of(deviation: Deviation) -> LastDay | None:
    """The last day of a broken requirement's breach, and why it is that one; None as long as it is not known."""
    return Ends.of(deviation).last


def is_missing(deviation: Deviation) -> bool:
    """Whether the case is of a report that has not come yet: its days are counted to the day of the calculation."""
    return deviation.cause == Cause.REPORT_MISSING and _filing(deviation)[1] is None


def still_missing(on: date) -> Text:
    """What it means to charge days for a report that has not come: what is decided stays, and takes no more days."""
    return STILL_MISSING.with_values(day=calendars.day_name(on))


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
    """The last day of what was judged: whose requirement, rate and end it is."""
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
