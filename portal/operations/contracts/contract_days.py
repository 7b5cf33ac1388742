"""The days of a contract: the last one, the periods that it has, and which of them reports are about."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import and_, case, or_, select

from portal import calendars, clock
from portal.calendars import Period
from portal.extensions import db
from portal.model import (
    EDITABLE,
    Contract,
    ContractState,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    ReportState,
    Revision,
)
from portal.text import Text

REOPENED = Text(
    "Kontrakten er gjenåpnet eller forlenget: siste dag er nå {day}. Dagene som saken gjelder, er igjen med i "
    "kontrakten, og bruddet står fast.",
    "The contract was reopened or lengthened: its last day is now {day}. The days that the case is about are days of "
    "the contract again, and the breach stands.",
)
_HANDED_OVER = frozenset({ContractState.COMPLETED, ContractState.CLOSED})
LAST_DAY = case(
    (and_(Contract.state.in_(_HANDED_OVER), Contract.handed_over_on < Contract.ends_on), Contract.handed_over_on),
    else_=Contract.ends_on,
)
"""`last_day`, asked of the database."""
ASKED_FOR = or_(ReportingPeriod.purpose != PeriodPurpose.REGULAR, ReportingPeriod.starts_on <= LAST_DAY)
"""What is not `is_beyond`, asked of the database: for reports joined with their period and contract."""
_RUNS = and_(Report.state.in_(EDITABLE | {ReportState.TO_SIGN}), Report.accepted_number.is_(None))
ASKED_NO_MORE = and_(_RUNS, ~ASKED_FOR)
"""`is_asked_no_more`, asked of the database: for reports joined as for `ASKED_FOR`."""


class Filed(NamedTuple):
    """A regular report, as far as its days and what is in force of it go."""

    report_id: int
    days: Period
    revision_id: int | None
    """The revision in force; None before one is approved."""


def is_handed_over(contract: Contract) -> bool:
    """Whether the work was handed over."""
    return contract.state in _HANDED_OVER and contract.handed_over_on is not None


def last_day(contract: Contract) -> date:
    """The contract's last day: as agreed with its change orders, or that of the handover where it came first."""
    if is_handed_over(contract) and contract.handed_over_on is not None:
        return min(contract.ends_on, contract.handed_over_on)
    return contract.ends_on


def reopened_in_words(contract: Contract) -> Text:
    """Why a breach stands again that was gone with its days."""
    return REOPENED.with_values(day=calendars.day_name(last_day(contract)))


def counted_on(contract: Contract, ends_on: date) -> date:
    """The day by which a report counts: its period's last, or the contract's where the report reaches beyond it.

    A report that was signed before the handover was noted is one whole, and its days after that are no days of the
    contract: neither does it fall out of what is judged, nor does what was to apply later bind it.
    """
    return min(ends_on, last_day(contract))


def day_of(report: Report) -> date:
    """The day by which a report counts: whose requirements, thresholds and rates bind it, until when it is judged."""
    return counted_on(report.contract, report.period.ends_on)


def is_beyond(report: Report) -> bool:
    """Whether a regular report is about no day of the contract: its last day was noted after the report was signed."""
    period = report.period
    return period.purpose == PeriodPurpose.REGULAR and period.starts_on > last_day(report.contract)


def is_asked_no_more(report: Report) -> bool:
    """Whether the supplier has a report, or a correction, of no day of the contract: nothing of it is to be filed.

    An amendment is not asked for, so it goes on: what it amends is in force, and nothing of it can be late.
    """
    return report.can_be_late and would_be_asked_no_more(report)


def would_be_asked_no_more(report: Report) -> bool:
    """`is_asked_no_more`, of what is about to come back to the supplier."""
    return report.accepted_number is None and is_beyond(report)


def asked_until(report: Report) -> date | None:
    """The contract's last day, where it is the reason why a report is asked for no more: what a letter of it says."""
    return last_day(report.contract) if is_asked_no_more(report) else None


def expected(contract: Contract, taken: Sequence[Period] = ()) -> tuple[Period, ...]:
    """The regular periods of a contract by its days, frequency and pauses, oldest first; `taken` days are left out."""
    return calendars.periods(
        contract.starts_on, last_day(contract), contract.frequency, [*contract.paused_days, *taken]
    )


def expected_in(contract: Contract, span: Period) -> list[Period]:
    """The regular periods whose last day lies in a stretch of days."""
    return [each for each in expected(contract) if span.starts_on <= each.ends_on <= span.ends_on]


def filed(contract: Contract) -> list[Filed]:
    """The regular reports of a contract's days, oldest first, without those that are spared; asked for at once."""
    in_force = and_(Revision.report_id == Report.id, Revision.number == Report.accepted_number)
    rows = (
        select(Report.id, ReportingPeriod.starts_on, ReportingPeriod.ends_on, Revision.id)
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .outerjoin(Revision, in_force)
        .where(Report.contract_id == contract.id, Report.state != ReportState.SPARED)
        .where(ReportingPeriod.purpose == PeriodPurpose.REGULAR, ReportingPeriod.starts_on <= last_day(contract))
        .order_by(ReportingPeriod.ends_on, Report.id)
    )
    return [Filed(row[0], Period(row[1], row[2]), row[3]) for row in db.session.execute(rows)]


def unopened(contract: Contract, reports: Sequence[Filed]) -> list[Period]:
    """The stretches of days that have begun, are to be reported on, and have no report yet."""
    today = clock.today(contract.time_zone)
    return [each for each in expected(contract, [row.days for row in reports]) if each.starts_on <= today]
