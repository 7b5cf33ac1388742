"""The windows of requirements: judged when they close, judged again when a report is amended, and how they stand."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import func, select

from portal import clock, kinds
from portal.calendars import Period
from portal.extensions import db
from portal.kinds.base import Kind
from portal.model import (
    DUTIES_TO_FILE,
    AssessmentWindow,
    Contract,
    ContractState,
    Finding,
    FindingResult,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    Requirement,
    Revision,
    Window,
    record,
)
from portal.model.base import Json
from portal.operations import contracts, figures, limits, stretches
from portal.operations.figures import Judgement
from portal.quantities import canonical, rounded
from portal.text import Text


class Judged(NamedTuple):
    """A window that has just been judged: the row, the last report in it, how it came out, and the lines behind it."""

    window: AssessmentWindow
    report: Report
    judgement: Judgement
    behind: Sequence[tuple[Report, Sequence[str]]] = ()


# -- judged -------------------------------------------------------------------------------------------------------


def judge_closed(contract: Contract) -> list[Judged]:
    """Judge every window of a contract that has closed since it was judged last, or whose reports are others now.

    A window closes when its last day is past and each regular period in it has an approved report; that of the whole
    contract when it has been handed over. Safe to repeat: what rests on the same revisions is not judged again.
    """
    return [
        judged
        for duty in contract.requirements
        if duty.window != Window.PERIOD and duty.indicator not in DUTIES_TO_FILE
        for span in stretches.spans(duty)
        for judged in _judge(duty, span)
    ]


def _judge(duty: Requirement, span: Period) -> Iterator[Judged]:
    reports = stretches.reports_in(duty.contract, span)
    if not reports or not is_closed(duty, span, reports):
        return
    row = _row(duty, span)
    revisions = [report.accepted.id for report in reports if report.accepted is not None]
    if row is not None and row.judged_at is not None and row.revisions == revisions and row.ends_on == span.ends_on:
        return
    kind = _kind(duty, reports[-1])
    threshold = limits.on(duty, kind, span.ends_on).threshold
    total = stretches.total(duty, reports, threshold)
    # Where lines break it one by one each is named; of a year's share they would be all the lines there are.
    places = total.behind if total.indicator.breaks_by_line else []
    behind = [key for _report, keys in places for key in keys]
    found = figures.judgement(duty, kind, total.tally, span.ends_on, behind=behind)
    row = row or _new(duty, span)
    row.ends_on, row.judged_at, row.revisions = span.ends_on, clock.now(), total.revisions
    row.result, row.figure = str(found.result), _figure(threshold, total, found)
    db.session.flush()
    record(row, "window.judged", by=None, requirement=str(duty.public_id), result=row.result, found=row.figure)
    yield Judged(row, reports[-1], found, places if found.lines else ())


def is_closed(duty: Requirement, span: Period, reports: Sequence[Report]) -> bool:
    """Whether a window can be judged: its days are over, its periods opened, and their reports approved."""
    contract = duty.contract
    if span.ends_on >= clock.today(contract.time_zone):
        return False
    is_over = contract.state in {ContractState.COMPLETED, ContractState.CLOSED}
    if duty.window == Window.WHOLE and not (is_over and contract.handed_over_on):
        return False
    if any(report.accepted is None for report in reports):
        return False
    opened = [report.period for report in reports]
    due = [each for each in stretches.expected(contract) if span.starts_on <= each.ends_on <= span.ends_on]
    return all(any(each.starts_on <= period.ends_on <= each.ends_on for each in opened) for period in due)


def _row(duty: Requirement, span: Period) -> AssessmentWindow | None:
    """The window as it was judged before. One that moves with the contract's last day stays the same window."""
    moves = duty.window in {Window.YEAR, Window.WHOLE}
    same_end = AssessmentWindow.starts_on == span.starts_on if moves else AssessmentWindow.ends_on == span.ends_on
    return db.session.scalar(select(AssessmentWindow).where(AssessmentWindow.requirement_id == duty.id, same_end))


def _new(duty: Requirement, span: Period) -> AssessmentWindow:
    row = AssessmentWindow(**duty.parties, requirement=duty, starts_on=span.starts_on, ends_on=span.ends_on)
    db.session.add(row)
    return row


def _kind(duty: Requirement, report: Report) -> Kind:
    return stretches.describing(contracts.counting_kinds(report).get(duty.kind), duty)


def _figure(threshold: str, total: stretches.Total, found: Judgement) -> Json:
    return {
        "value": _plain(found.value),
        "unit": found.unit,
        "numerator": _plain(total.numerator),
        "denominator": _plain(total.denominator),
        "threshold": threshold,
        "shown": found.shown.dump(),
        "sentence": found.sentence.dump(),
        "breaches": found.breaches,
    }


def _plain(number: Decimal | None) -> str | None:
    return None if number is None else canonical(rounded(number))


# -- how it stands ------------------------------------------------------------------------------------------------


class SoFar(NamedTuple):
    """How a window stands that is still open."""

    span: Period
    result: FindingResult
    shown: Text
    sentence: Text
    reports: int
    """Approved reports in it."""
    of: int
    """Periods that it has."""


class Standing(NamedTuple):
    """How a requirement stands: what is open, what was judged, and how single reports came out."""

    requirement: Requirement
    so_far: SoFar | None
    judged: Sequence[AssessmentWindow]
    reports: dict[str, int]
    """Result -> how many approved reports came out so; of requirements that each report is judged by itself by."""


def standings(contract: Contract) -> list[Standing]:
    """How each requirement of a contract stands; of those that say when to file something there is nothing to tell."""
    return [standing(duty) for duty in contract.requirements if duty.indicator not in DUTIES_TO_FILE]


def standing(duty: Requirement) -> Standing:
    """How one requirement stands."""
    rows = select(AssessmentWindow).where(
        AssessmentWindow.requirement_id == duty.id, AssessmentWindow.judged_at.is_not(None)
    )
    judged = list(db.session.scalars(rows.order_by(AssessmentWindow.ends_on.desc())))
    by_report = _by_report(duty) if duty.window == Window.PERIOD else {}
    return Standing(duty, _so_far(duty), judged, by_report)


def _so_far(duty: Requirement) -> SoFar | None:
    """The oldest window that is begun and not judged. A running one is looked at from the first day until today."""
    today = clock.today(duty.contract.time_zone)
    begun = [span for span in stretches.spans(duty) if span.starts_on <= today]
    open_ones = [span for span in begun if _is_open(duty, span)]
    if not open_ones:
        return None
    span = _current(open_ones, duty)
    reports = stretches.reports_in(duty.contract, span)
    kind = _kind(duty, reports[-1]) if reports else kinds.described(duty.kind)
    day = span.ends_on  # what decides in the end
    total = stretches.total(duty, reports, limits.on(duty, kind, day).threshold)
    found = figures.judgement(duty, kind, total.tally, day)
    due = [each for each in stretches.expected(duty.contract) if span.starts_on <= each.ends_on <= span.ends_on]
    if found.result == FindingResult.UNKNOWN:
        return SoFar(span, found.result, found.shown, found.sentence, len(total.revisions), len(due))
    outlook = figures.forecast(duty, kind, total, day, stretches.expected_days(duty, span))
    result = FindingResult.ON_COURSE if outlook.is_on_course else FindingResult.BEHIND
    words = figures.outlook_in_words(duty, outlook, total.indicator, span)
    return SoFar(span, result, found.shown, words, len(total.revisions), len(due))


def _current(spans: Sequence[Period], duty: Requirement) -> Period:
    """Running windows all begin on the first day: the one that ends first after what is approved is the next."""
    return min(spans, key=lambda span: span.ends_on) if duty.window == Window.RUNNING else spans[0]


def _is_open(duty: Requirement, span: Period) -> bool:
    row = _row(duty, span)
    return row is None or row.judged_at is None


def _by_report(duty: Requirement) -> dict[str, int]:
    rows = (
        select(Finding.result, func.count())
        .join(Revision, Finding.revision_id == Revision.id)
        .join(Report, Revision.report_id == Report.id)
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .where(Finding.requirement_id == duty.id, Revision.number == Report.accepted_number)
        .where(ReportingPeriod.purpose == PeriodPurpose.REGULAR)
        .group_by(Finding.result)
    )
    return {str(result): count for result, count in db.session.execute(rows)}
