"""Over which days a requirement is judged, and what the approved reports of those days come to.

A report belongs to a stretch by its period's last day, as requirements and their steps are in force by it; by the
contract's last day where it reaches beyond that.

What a stretch comes to is summed from the measures of approved revisions, always: the stored figures know no scope,
and a minimum or maximum is stored without a threshold. Each revision is counted by the kind that it was pinned to;
its numerator and denominator are added. Ratios are never averaged, and what one report does not know, the sum does not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import selectinload

from portal import forecasts, kinds
from portal.calendars import Period
from portal.extensions import db
from portal.kinds import site
from portal.kinds.base import Indicator, Kind, Line, Measure, Tally, missing
from portal.model import (
    Comparison,
    Contract,
    Measured,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    ReportState,
    Requirement,
    Revision,
    RevisionLine,
    Window,
)
from portal.operations.contracts import contract_days, contracts, limits, scopes
from portal.text import Text

OLDER_FORM = Text("en rapport er laget før dette tallet fantes.", "one report was made before there was such a figure.")
NOTHING_YET = Text("ingen rapport er godkjent ennå.", "no report is approved yet.")


class Counted(NamedTuple):
    """What one report says, for one kind: its lines by the key that their measures are found by."""

    lines: Mapping[str, Line]
    measures: Mapping[str, Sequence[Measure]]


@dataclass
class Total:
    """What the reports of a stretch come to together: additive parts, and why it is unknown if it is."""

    indicator: Indicator
    numerator: Decimal = Decimal(0)
    denominator: Decimal | None = None
    behind: list[tuple[Report, tuple[str, ...]]] = field(default_factory=list)
    """Report -> keys of its lines that break the requirement, or that hold the figure where it is; none left out."""
    reason: Text | None = None
    is_gap: bool = False
    known: int = 0
    """How many of the reports give a figure."""
    revisions: list[int] = field(default_factory=list)
    days: int = 0
    """Days of the periods that the reports are about."""

    def add(self, tally: Tally, unclear: int = 0) -> None:
        """Take in one report's tally. One that lacks a factor or a place makes the whole unknown."""
        self.numerator += tally.numerator
        if tally.denominator is not None:
            self.denominator = (self.denominator or Decimal(0)) + tally.denominator
        if unclear and not self.is_gap:
            self.reason, self.is_gap = scopes.UNCLEAR.with_values(count=unclear), True
        if tally.reason is not None and not self.is_gap:
            self.reason, self.is_gap = tally.reason, bool(tally.gaps)
        self.known += tally.value is not None

    @property
    def tally(self) -> Tally:
        """As the figure of one report would be."""
        is_unknown = self.is_gap or not self.known
        value = None if is_unknown else self.indicator.value(self.numerator, self.denominator)
        reason = (self.reason or NOTHING_YET) if value is None else None
        return Tally(value, self.numerator, self.denominator, (), self.indicator.unit, reason)


# -- which days ---------------------------------------------------------------------------------------------------


def days_of(duty: Requirement) -> Period:
    """The days on which a requirement is in force, cut at the contract's first and last day."""
    last = contract_days.last_day(duty.contract)
    return Period(max(duty.valid_from, duty.contract.starts_on), min(duty.valid_to or last, last))


def spans(duty: Requirement) -> tuple[Period, ...]:
    """The windows of a requirement, oldest first. Pauses do not matter: no period ends in one."""
    periods = contract_days.expected(duty.contract)
    return forecasts.spans(duty.window.value, days_of(duty), [each.ends_on for each in periods])


def span_at(duty: Requirement, day: date) -> Period | None:
    """The window that a report whose period ends on `day` is judged in first; None when each report is by itself."""
    day = contract_days.counted_on(duty.contract, day)
    if duty.window == Window.RUNNING:  # also of a report whose period was cut after it was signed
        days = days_of(duty)
        return Period(days.starts_on, day) if days.starts_on <= day else None
    return next((span for span in spans(duty) if span.starts_on <= day <= span.ends_on), None)


def binding_day(duty: Requirement, day: date) -> date:
    """The day whose threshold binds for a report whose period ends on `day`: the last one of what is judged.

    So a step that comes into force before a window closes is what the window is held against, and what pages say of
    it while it is open: nobody is told of a lower limit than the one that decides.
    """
    span = span_at(duty, day) if duty.window != Window.PERIOD else None
    return span.ends_on if span else day


def expected_days(duty: Requirement, span: Period) -> int:
    """How many days of reporting a window has, pauses left out."""
    return sum(each.days for each in contract_days.expected_in(duty.contract, span))


def reports_in(contract: Contract, span: Period) -> list[Report]:
    """The regular reports that count in a stretch, oldest first, each with its revisions.

    One that reaches beyond the contract's last day counts by that day; one that lies wholly after it does not count.
    """
    ends_inside: ColumnElement[bool] = ReportingPeriod.ends_on <= span.ends_on
    if span.ends_on >= contract_days.last_day(contract):
        ends_inside = ReportingPeriod.starts_on <= contract_days.last_day(contract)
    return list(
        db.session.scalars(
            select(Report)
            .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
            .where(Report.contract_id == contract.id, Report.state != ReportState.SPARED)
            .where(ReportingPeriod.purpose == PeriodPurpose.REGULAR)
            .where(ReportingPeriod.ends_on >= span.starts_on, ends_inside)
            .options(selectinload(Report.revisions))
            .order_by(ReportingPeriod.ends_on, Report.id)
        ).unique()
    )


# -- what they come to --------------------------------------------------------------------------------------------


def total(duty: Requirement, reports: Sequence[Report], threshold: str) -> Total:
    """What the revisions in force of some reports come to; `threshold` decides which lines break a minimum."""
    accepted = {report.accepted.id: report for report in reports if report.accepted is not None}
    found = Total(described(duty))
    lines, measures = _lines_of(accepted, duty), _measures_of(accepted, duty, found.indicator)
    for number, report in accepted.items():
        add_report(found, duty, report, Counted(lines.get(number, {}), measures), threshold)
        found.revisions.append(number)
    return found


def add_report(found: Total, duty: Requirement, report: Report, counted: Counted, threshold: str) -> None:
    """Take one report into a total."""
    period = report.period
    found.days += Period(period.starts_on, period.ends_on).days
    kind = contracts.counting_kinds(report).get(duty.kind)
    if kind is None:
        return
    if not knows(kind, duty.indicator):
        found.reason, found.is_gap = OLDER_FORM, True
        return
    inside = scopes.sort(duty, report, kind, [Line(key, line.values) for key, line in counted.lines.items()])
    own = {key: counted.measures.get(key, ()) for key in counted.lines if key in inside.inside}
    indicator = kind.indicator(duty.indicator)
    tally = kind.figure(indicator.key, own, limits.typed(indicator, threshold))
    found.add(tally, len(inside.unclear))
    behind = lines_behind(duty, indicator, tally, own)
    if behind:
        found.behind.append((report, tuple(counted.lines[key].key for key in behind)))


def lines_behind(
    duty: Requirement, indicator: Indicator, tally: Tally, measures: Mapping[str, Sequence[Measure]]
) -> tuple[str, ...]:
    """Of a share that is too low, the lines that are in the whole and not in the part; else those that were counted."""
    if indicator.breaks_by_line or duty.comparison == Comparison.AT_MOST:
        return tally.lines
    if indicator.aggregate != "share":
        return ()
    weighing = [
        key for key, own in measures.items() if any(each.key == indicator.measure and each.amount for each in own)
    ]
    return tuple(key for key in weighing if key not in tally.lines)


def described(duty: Requirement) -> Indicator:
    """The indicator of a requirement, as the portal describes it today."""
    return kinds.described(duty.kind).indicator(duty.indicator)


def describing(kind: Kind | None, duty: Requirement) -> Kind:
    """The kind that describes a requirement's indicator: as it was pinned, or as it is today where that is older."""
    return kind if kind is not None and knows(kind, duty.indicator) else kinds.described(duty.kind)


def knows(kind: Kind, indicator: str) -> bool:
    """Whether a kind, as it was pinned, has an indicator."""
    return any(each.key == indicator for each in kind.indicators)


def _lines_of(accepted: Iterable[int], duty: Requirement) -> dict[int, dict[str, Line]]:
    rows = select(RevisionLine).where(RevisionLine.revision_id.in_(list(accepted)))
    if duty.kind != site.KEY:
        rows = rows.where(RevisionLine.kind == duty.kind)
    found: dict[int, dict[str, Line]] = {}
    for row in db.session.scalars(rows.order_by(RevisionLine.id)):
        found.setdefault(row.revision_id, {})[str(row.id)] = Line(str(row.key), row.values)
    return found


def _measures_of(accepted: Iterable[int], duty: Requirement, indicator: Indicator) -> dict[str, list[Measure]]:
    """Number of a line -> its measures that the indicator is computed from."""
    lacking = missing(indicator.measure, {}).key
    rows = (
        select(Measured)
        .join(RevisionLine, Measured.line_id == RevisionLine.id)
        .where(RevisionLine.revision_id.in_(list(accepted)))
        .where(or_(Measured.key == indicator.measure, Measured.key == lacking))
    )
    if duty.kind != site.KEY:
        rows = rows.where(Measured.kind == duty.kind)
    found: dict[str, list[Measure]] = {}
    for row in db.session.scalars(rows.order_by(Measured.id)):
        if duty.kind != site.KEY or row.dimensions.get("counted") == "yes":
            found.setdefault(str(row.line_id), []).append(Measure(row.key, row.amount, row.unit, row.dimensions))
    return found


def accepted_amounts(contract: Contract) -> dict[str, Decimal]:
    """Carrier -> what the approved regular reports have counted of it, in its own unit; each amount counted once."""
    rows = (
        select(Measured.dimensions, Measured.amount)
        .join(RevisionLine, Measured.line_id == RevisionLine.id)
        .join(Revision, RevisionLine.revision_id == Revision.id)
        .join(Report, Revision.report_id == Report.id)
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .where(Report.contract_id == contract.id, Revision.number == Report.accepted_number)
        .where(ReportingPeriod.purpose == PeriodPurpose.REGULAR, Measured.key == "quantity")
    )
    found: dict[str, Decimal] = {}
    for dimensions, amount in db.session.execute(rows):
        if dimensions.get("counted") == "yes":
            found[dimensions["carrier"]] = found.get(dimensions["carrier"], Decimal(0)) + amount
    return found
