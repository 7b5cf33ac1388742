"""The windows of requirements: judged when they close, judged again when a report is amended, and how they stand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
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
from portal.operations.contracts import contract_days, contracts, limits
from portal.operations.contracts.contract_days import Filed
from portal.operations.figures import figures, stretches
from portal.operations.figures.figures import Judgement
from portal.quantities import canonical, rounded
from portal.text import Text

STARTED = frozenset({ContractState.RUNNING, ContractState.PAUSED, ContractState.COMPLETED, ContractState.CLOSED})
"""States of a contract whose windows are judged; a closed one too: what was left of it is not lost."""


class Judged(NamedTuple):
    """A window that has just been judged: the row, the last report in it, how it came out, and the lines behind it."""

    window: AssessmentWindow
    report: Report
    judgement: Judgement
    behind: Sequence[tuple[Report, Sequence[str]]] = ()


class Windowed(NamedTuple):
    """One window of a requirement."""

    requirement: Requirement
    span: Period


class Following(NamedTuple):
    """Days that are judged after others: a period or a window, and how it came out; None as long as nobody knows."""

    days: Period
    result: str | None


@dataclass(frozen=True)
class Book:
    """A contract's reports and windows as they stand, asked for at once: what is judged costs nothing to pass over."""

    contract: Contract
    reports: Sequence[Filed]
    rows: Mapping[int, Sequence[AssessmentWindow]]
    """Number of the requirement -> its windows that were judged."""
    missing: Sequence[Period]
    """Days that are to be reported on, up to the contract's last, and that no report is about."""

    @classmethod
    def of(cls, contract: Contract) -> "Book":
        """Ask for it."""
        reports = contract_days.filed(contract)
        rows: dict[int, list[AssessmentWindow]] = {}
        known = select(AssessmentWindow).where(AssessmentWindow.contract_id == contract.id)
        for row in db.session.scalars(known.order_by(AssessmentWindow.ends_on)):
            rows.setdefault(row.requirement_id, []).append(row)
        return cls(contract, reports, rows, contract_days.expected(contract, [each.days for each in reports]))

    def inside(self, span: Period) -> list[Filed]:
        """The reports that count in a window, oldest first, as `stretches.reports_in` finds them."""
        counted = [(contract_days.counted_on(self.contract, each.days.ends_on), each) for each in self.reports]
        return [each for day, each in counted if span.starts_on <= day <= span.ends_on]

    def row(self, window: Windowed) -> AssessmentWindow | None:
        """The window as it was judged before. One that moves with the contract's last day stays the same window."""
        duty, span = window
        rows = [each for each in self.rows.get(duty.id, ()) if each.starts_on == span.starts_on]
        if duty.window != Window.RUNNING:
            return next(iter(rows), None)
        exact = next((each for each in rows if each.ends_on == span.ends_on), None)
        periods = [each for each in contract_days.expected(self.contract) if each.ends_on == span.ends_on]
        if exact or not periods:
            return exact
        others = {each.ends_on for each in stretches.spans(duty)}
        last = date.max if span.ends_on == contract_days.last_day(self.contract) else span.ends_on
        moved = [each for each in rows if each.ends_on not in others]
        return next((each for each in moved if periods[0].starts_on <= each.ends_on <= last), None)

    def is_judged(self, window: Windowed) -> bool:
        """Whether it was judged on just what is in force now."""
        row, revisions = self.row(window), [each.revision_id for each in self.inside(window.span)]
        is_as_it_was = row is not None and row.revisions == revisions and row.ends_on == window.span.ends_on
        return is_as_it_was and row is not None and row.judged_at is not None

    def is_closed(self, window: Windowed) -> bool:
        """Whether it can be judged: its days are over, its periods opened, and their reports approved."""
        duty, span = window
        reports = self.inside(span)
        if not reports or span.ends_on >= clock.today(self.contract.time_zone):
            return False
        if duty.window == Window.WHOLE and not contract_days.is_handed_over(self.contract):
            return False
        return all(each.revision_id is not None for each in reports) and not self.lacks(span)

    def lacks(self, span: Period) -> bool:
        """Whether days that count in a window have no report yet."""
        return any(span.starts_on <= each.ends_on <= span.ends_on for each in self.missing)


# -- judged -------------------------------------------------------------------------------------------------------


def watched() -> list[int]:
    """Numbers of the contracts that have started and have a requirement which is judged by windows."""
    windowed = Contract.requirements.any(
        (Requirement.window != Window.PERIOD) & Requirement.indicator.not_in(DUTIES_TO_FILE)
    )
    rows = select(Contract.id).where(Contract.state.in_(STARTED), windowed)
    return list(db.session.scalars(rows.order_by(Contract.id)))


def is_waiting(number: int) -> bool:
    """Whether a contract has a window to judge. Only reads, and as much for many judged windows as for few."""
    return bool(_waiting(db.session.get_one(Contract, number)))


def judge_closed(contract: Contract) -> list[Judged]:
    """Judge every window of a contract that has closed since it was judged last, or whose reports are others now.

    A window closes when its last day is past and each regular period in it has an approved report; that of the whole
    contract when it has been handed over. Safe to repeat: what rests on the same revisions is not judged again.
    """
    return [_judge(window, row) for window, row in _waiting(contract)]


def unjudged(contract: Contract) -> list[Windowed]:
    """The windows that were never judged, or whose reports are others now, closed or not."""
    book = Book.of(contract)
    return [
        each
        for each in _windows(contract)
        if not book.is_judged(each) and (book.inside(each.span) or book.lacks(each.span))
    ]


def later(book: Book, duty: Requirement, day: date) -> Iterator[Following]:
    """The windows after a day that are judged, the next one first.

    One that nothing is to be reported in, a pause as long as a year, is passed over.
    """
    for span in sorted(stretches.spans(duty), key=lambda each: each.ends_on):
        window = Windowed(duty, span)
        if span.ends_on <= day or not (book.inside(span) or book.lacks(span)):
            continue
        row = book.row(window)
        yield Following(span, row.result if row is not None and book.is_judged(window) else None)


def _windows(contract: Contract) -> Iterator[Windowed]:
    for duty in contract.requirements:
        if duty.window != Window.PERIOD and duty.indicator not in DUTIES_TO_FILE:
            yield from (Windowed(duty, span) for span in stretches.spans(duty))


def _waiting(contract: Contract) -> list[tuple[Windowed, AssessmentWindow | None]]:
    """The windows that are to be judged now, each with its row if it was judged before."""
    found = list(_windows(contract))
    if not found:
        return []
    book = Book.of(contract)
    return [(each, book.row(each)) for each in found if book.is_closed(each) and not book.is_judged(each)]


def _judge(window: Windowed, row: AssessmentWindow | None) -> Judged:
    duty, span = window
    reports = stretches.reports_in(duty.contract, span)
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
    return Judged(row, reports[-1], found, places if found.lines else ())


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
    today, book = clock.today(duty.contract.time_zone), Book.of(duty.contract)
    begun = [span for span in stretches.spans(duty) if span.starts_on <= today]
    open_ones = [span for span in begun if _is_open(book.row(Windowed(duty, span)), span)]
    if not open_ones:
        return None
    span = _current(open_ones, duty)
    reports = stretches.reports_in(duty.contract, span)
    kind = _kind(duty, reports[-1]) if reports else kinds.described(duty.kind)
    day = span.ends_on  # what decides in the end
    total = stretches.total(duty, reports, limits.on(duty, kind, day).threshold)
    found = figures.judgement(duty, kind, total.tally, day)
    due = contract_days.expected_in(duty.contract, span)
    if found.result == FindingResult.UNKNOWN:
        return SoFar(span, found.result, found.shown, found.sentence, len(total.revisions), len(due))
    outlook = figures.forecast(duty, kind, total, day, stretches.expected_days(duty, span))
    result = FindingResult.ON_COURSE if outlook.is_on_course else FindingResult.BEHIND
    words = figures.outlook_in_words(duty, outlook, total.indicator, span)
    return SoFar(span, result, found.shown, words, len(total.revisions), len(due))


def _current(spans: Sequence[Period], duty: Requirement) -> Period:
    """Running windows all begin on the first day: the one that ends first after what is approved is the next."""
    return min(spans, key=lambda span: span.ends_on) if duty.window == Window.RUNNING else spans[0]


def _is_open(row: AssessmentWindow | None, span: Period) -> bool:
    """Whether it is still to be judged; one that was judged is open again once its last day lies later."""
    return row is None or row.judged_at is None or row.ends_on < span.ends_on


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
