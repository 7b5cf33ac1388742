"""Which days of a breach cost something, counted one by one from rows: when it was due, signed, reviewed, paused.

Part of the reckoning that `case_worth` describes: nothing here asks the portal what anything comes to.

Rules. A report that is late costs from the day after its deadline to the day its first revision came, both included;
one that is still missing to the day of the calculation. A broken requirement costs from the day after what was judged
to the last day of the breach, which is known from a person of the buyer's, from the next report that is judged, or from
the last day of the requirement or of the contract when nothing before it is left to judge. It lies before any later
report that meets the requirement, though one between is not judged, and not after the last day of one that breaks it,
which is a case of its own; and a day that a person noted beyond a report that
waits for the buyer's review is not known yet. Days on which a report or a request for more time lies with the buyer
never count; days of a pause do not count for a broken requirement. A report that was rejected costs no day: what comes
late after that is a case of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select

from portal import calendars
from portal.calendars import Counting, Frequency
from portal.extensions import db
from portal.model import (
    AuditEvent,
    Cause,
    ContractState,
    DailyStart,
    Deviation,
    ExtensionRequest,
    FindingResult,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    ReportState,
    Sanction,
    SanctionClause,
)
from tests.case_terms import last_day, told_by

_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Days:
    """The first and the last day that may count, those that do not, and what is left: the days that cost."""

    first: date
    last: date
    with_buyer: frozenset[date]
    paused: frozenset[date]
    costing: tuple[date, ...]

    @property
    def all(self) -> int:
        """How many there are from the first to the last."""
        return max((self.last - self.first).days + 1, 0)


def counted(sanction: Sanction, clause: SanctionClause) -> Days:
    """The days of a sanction's breach under a clause that counts by the day."""
    deviation = sanction.deviation
    on = calculated_on(sanction)
    due_on, last = _due_and_last(deviation, on)
    if clause.starts == DailyStart.NOTICE:
        due_on = _local(deviation, told_by(deviation).takes_effect_at)
    every = list(_days(due_on + _A_DAY, last))
    with_buyer = frozenset(_with_buyer(deviation.report, on)) & set(every)
    paused = (frozenset(_paused(deviation)) & set(every)) - with_buyer
    left = [day for day in every if day not in with_buyer | paused]
    if clause.day_counting == Counting.WORKING:
        left = [day for day in left if calendars.is_working_day(day, deviation.contract.country)]
    left = left[clause.grace_days :]
    costing = left if clause.cap_days is None else left[: clause.cap_days]
    return Days(due_on + _A_DAY, last, with_buyer, paused, tuple(costing))


def calculated_on(sanction: Sanction) -> date:
    """The day on which the sheet was made last, as the trail has it: days after it are not charged."""
    events = select(AuditEvent).where(AuditEvent.subject_id == str(sanction.public_id)).order_by(AuditEvent.id)
    made = [each for each in db.session.scalars(events) if {"amount", "found"} <= each.facts.keys()]
    return _local(sanction.deviation, made[-1].at)


def judged_until(deviation: Deviation) -> date:
    """The last day of what was judged: the period's, or the contract's where the report reaches beyond it."""
    assert deviation.window is None, "no requirement of this contract is judged over windows"
    return counted_on(deviation.report)


def counted_on(report: Report) -> date:
    """The day by which a report counts."""
    return min(report.period.ends_on, last_day(report.contract))


def _due_and_last(deviation: Deviation, on: date) -> tuple[date, date]:
    if deviation.cause == Cause.REQUIREMENT_BROKEN:
        return judged_until(deviation), _end_of_breach(deviation)
    due_on = _local(deviation, due_at(deviation))
    if deviation.cause == Cause.NOT_ACCEPTED:
        return due_on, due_on
    came = came_at(deviation)
    return due_on, _local(deviation, came) if came else on


def due_at(deviation: Deviation) -> datetime:
    """The deadline that a case of filing is about."""
    return datetime.fromisoformat(deviation.facts["due_at"])


def came_at(deviation: Deviation) -> datetime | None:
    """When what was missing came: the first revision after the one that the case is about, withdrawn later or not."""
    after = int(deviation.facts.get("revision", 0))
    return next((each.signed_at for each in deviation.report.revisions if each.number > after), None)


# -- the last day of a broken requirement -----------------------------------------------------------------------------


def _end_of_breach(deviation: Deviation) -> date:
    """The earliest last day that is known, none after the requirement's or the contract's or within what meets it."""
    bounds = [*_bounds(deviation), *_by_later_figures(deviation)]
    _nothing_within_the_noted_days_waits(deviation, bounds)
    known = [*_noted(deviation), *_shown(deviation)]
    known += [day for day in bounds if _all_judged(deviation, day)]
    assert known, "R1: nobody knows on which day the breach ended, or something before that day is not judged yet"
    return min([*known, *bounds])


def _bounds(deviation: Deviation) -> Iterator[date]:
    contract, ended_on = deviation.contract, deviation.requirement.valid_to
    assert deviation.sanction is not None, "only a decided case is looked at"
    today = _local(deviation, deviation.sanction.decided_at)
    if ended_on is not None and ended_on < today:
        yield ended_on
    if contract.state in {ContractState.COMPLETED, ContractState.CLOSED} or last_day(contract) < today:
        yield last_day(contract)


def _by_later_figures(deviation: Deviation) -> Iterator[date]:
    """A report in force that meets it shows that its days were no breach, whatever nobody has filed before them.

    One that breaks it is a case of its own, which has the days after its own.
    """
    asked_until = deviation.requirement.valid_to or date.max
    for report in _regular(deviation):
        is_later = report.period.starts_on > deviation.report.period.ends_on and report.state != ReportState.SPARED
        judges = is_later and report.accepted is not None and counted_on(report) <= asked_until
        found = report.accepted.findings if judges and report.accepted is not None else []
        said = {each.result for each in found if each.requirement_id == deviation.requirement_id}
        if FindingResult.MET in said:
            yield report.period.starts_on - _A_DAY
        if FindingResult.BROKEN in said:
            yield counted_on(report)


def _noted(deviation: Deviation) -> Iterator[date]:
    """As a person of the buyer's has noted it."""
    if "person" in deviation.put_right:
        yield date.fromisoformat(deviation.put_right["person"]["on"])


def _nothing_within_the_noted_days_waits(deviation: Deviation, bounds: list[date]) -> None:
    """What a signed report shows may end the breach before the day that a person noted: it is reviewed first."""
    until = min([*_noted(deviation), *_shown(deviation), *bounds], default=date.min)
    for report in _regular(deviation) if "person" in deviation.put_right else ():
        is_within = deviation.report.period.ends_on < report.period.starts_on <= until
        judges = counted_on(report) <= (deviation.requirement.valid_to or date.max)
        waits = report.state == ReportState.SUBMITTED
        assert not (is_within and judges and waits), "R14: a report within the noted days was not reviewed"


def _shown(deviation: Deviation) -> Iterator[date]:
    """As the next report shows it: broken too, that is a breach of its own; else it ended with what was judged."""
    later = [each for each in _regular(deviation) if each.period.starts_on > deviation.report.period.ends_on]
    following = next((each for each in later if each.state != ReportState.SPARED), None)
    if following is None or following.accepted is None:
        return
    found = [each for each in following.accepted.findings if each.requirement_id == deviation.requirement_id]
    is_broken = bool(found) and found[0].result == FindingResult.BROKEN
    yield counted_on(following) if is_broken else judged_until(deviation)


def _all_judged(deviation: Deviation, until: date) -> bool:
    """Whether no report that would judge the requirement between the breach and a day is still to be approved."""
    reported = {day: each for each in _regular(deviation) for day in _days(each.period.starts_on, each.period.ends_on)}
    paused = set(_paused(deviation, until))
    for day in _days(judged_until(deviation) + _A_DAY, until):
        report = reported.get(day)
        if report is None:
            ends_on = min(calendars.month_of(day).ends_on, last_day(deviation.contract))
            is_judged = day in paused or ends_on > until
        else:
            is_over = report.state == ReportState.SPARED or report.accepted is not None
            is_judged = is_over or counted_on(report) > until
        if not is_judged:
            return False
    return True


def _regular(deviation: Deviation) -> list[Report]:
    assert deviation.contract.frequency == Frequency.MONTH
    rows = (
        select(Report)
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .where(Report.contract_id == deviation.contract_id, ReportingPeriod.purpose == PeriodPurpose.REGULAR)
        .order_by(ReportingPeriod.starts_on, Report.id)
    )
    return list(db.session.scalars(rows).unique())


# -- days that do not count -------------------------------------------------------------------------------------------


def _paused(deviation: Deviation, until: date | None = None) -> Iterator[date]:
    """Days on which the work stood still; what is to be filed is to be filed all the same."""
    if deviation.cause != Cause.REQUIREMENT_BROKEN:
        return
    for pause in deviation.contract.pauses:
        yield from _days(pause.starts_on, pause.ends_on or until or deviation.contract.ends_on)


def _with_buyer(report: Report, on: date) -> Iterator[date]:
    """From the day after it was asked for to the day of the answer; where none has come, to that of the calculation."""
    asked = select(ExtensionRequest).where(ExtensionRequest.report_id == report.id, ExtensionRequest.holds)
    lay = [(each.created_at, each.answered_at) for each in db.session.scalars(asked)]
    for revision in report.revisions:
        answer = revision.review or revision.withdrawal
        lay.append((revision.signed_at, answer.created_at if answer else None))
    zone = report.contract.time_zone
    for begun, answered in lay:
        answered_on = calendars.local_day(answered, zone) if answered else on
        yield from _days(calendars.local_day(begun, zone) + _A_DAY, answered_on)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _local(deviation: Deviation, moment: datetime | None) -> date:
    assert moment is not None
    return calendars.local_day(moment, deviation.contract.time_zone)
