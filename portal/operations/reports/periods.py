"""Opening reporting periods when their time comes, and fitting those that are open to the contract's days."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import exists, select

from portal import clock, kinds
from portal.calendars import DeadlineRule, Period
from portal.extensions import db
from portal.model import (
    ACCOUNT_DUTY,
    PLAN_DUTY,
    Contract,
    ContractState,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    ReportState,
    Requirement,
    Revision,
    Role,
    record,
)
from portal.operations import accounts, deadlines, mail, processes, time_asked
from portal.operations.contracts import contract_days, contracts
from portal.operations.reports import filings

_ONCE = {PLAN_DUTY: PeriodPurpose.PLAN, ACCOUNT_DUTY: PeriodPurpose.ACCOUNT}
"""The duty to file something once -> what its period is for."""
_A_DAY = timedelta(days=1)


def running() -> list[int]:
    """Numbers of the contracts that may have a period to open, to cut or to spare."""
    states = (ContractState.RUNNING, ContractState.PAUSED, ContractState.COMPLETED)
    return list(db.session.scalars(select(Contract.id).where(Contract.state.in_(states)).order_by(Contract.id)))


def open_due_periods(number: int) -> int:
    """Fit the open periods of one contract to its days, and open those whose first day has come. Safe to repeat.

    Only a running contract opens periods; a paused one those that began before its pause; one that was handed over
    those that began before, and the account, where a requirement asks for it. Returns how many were opened.
    """
    contract = db.session.get_one(Contract, number)
    return _settle(contract) + _open_once(contract)


# -- regular periods ---------------------------------------------------------------------------------------------------


def _settle(contract: Contract) -> int:
    """Give each stretch of days that is not reported on yet to the open periods in it, or open one for it.

    What was signed stays as it is. An open period that a pause, a handover or a change order cuts or lengthens follows;
    one that has no day left is spared, and taken up again when its days come back.
    """
    unsigned = _unsigned(contract)
    spared = {each.period.starts_on: each for each in unsigned if each.state == ReportState.SPARED}
    waiting = [each for each in unsigned if each.state != ReportState.SPARED]
    opened = 0
    for part in contract_days.expected(contract, _signed_days(contract)):
        inside = [each for each in waiting if _overlap(part, each.period)]
        waiting = [each for each in waiting if each not in inside]
        may_open = _may_open(contract, part)
        if may_open and part.starts_on in spared:
            inside.insert(0, _take_up(spared[part.starts_on], contract.due_rule, spared[part.starts_on].period.ends_on))
            opened += 1
        elif may_open and not inside:
            _open(contract, part, PeriodPurpose.REGULAR)
            opened += 1
        first_day = part.starts_on if part.starts_on not in spared or may_open else None
        _fit(inside, part, first_day)
    for report in waiting:
        _spare(report)
    return opened


def _fit(reports: Sequence[Report], part: Period, first_day: date | None) -> None:
    """Share a stretch of days among the open periods in it: the first begins it, the last ends it."""
    for report, following in zip(reports, [*reports[1:], None], strict=False):
        starts_on = first_day or report.period.starts_on
        ends_on = following.period.starts_on - _A_DAY if following else part.ends_on
        first_day = None
        if (starts_on, ends_on) != (report.period.starts_on, report.period.ends_on):
            _change_days(report, Period(starts_on, ends_on), report.contract.due_rule, ends_on)


def _change_days(report: Report, days: Period, rule: DeadlineRule, counted_from: date) -> None:
    """Other days for an open period. Its deadline never comes earlier than it was.

    What becomes longer after its new last day, and is due anew by it, is due as what is opened then: nobody could file
    the days that are new before. What was cut and is given back is due by the rule as it was, and gets no time anew.
    """
    period, contract, is_longer = report.period, report.contract, days.ends_on > report.period.ends_on
    before = [period.starts_on.isoformat(), period.ends_on.isoformat()]
    period.starts_on, period.ends_on = days
    period.due_at = max(period.due_at, rule.due(counted_from, contract.country, contract.time_zone))
    record(
        report,
        "report.period_changed",
        by=None,
        before=before,
        now=[days.starts_on.isoformat(), days.ends_on.isoformat()],
        due_at=period.due_at.isoformat(),
    )
    if period.due_at > report.due_at:
        opened_by = deadlines.of_what_is_opened(contract, period.due_at, counted_from)
        deadlines.move(report, opened_by if is_longer else period.due_at)
        filings.note_moved(report)


def spare_correction(report: Report) -> None:
    """What the supplier is to correct is asked for no more where it lies wholly after the contract's last day.

    Asked whenever such a report comes to the supplier, or the last day moves. What is in force is amended all the same.
    """
    if report.revisions and contract_days.is_asked_no_more(report):
        _spare(report)


def take_up_correction(report: Report) -> None:
    """The days of a correction that was spared are the contract's again."""
    _ask_for(report, deadlines.of_correction(report))


def _spare(report: Report) -> None:
    """Nothing is to be reported on a period that has no day left. What was filled in is kept, and seen by nobody."""
    time_asked.lapse(report)
    filings.note_spared(report)
    report.move(ReportState.SPARED, by=None)
    if not processes.message(report, "period_spared", {}):
        processes.stop(report)


def _open(contract: Contract, days: Period, purpose: PeriodPurpose, due_at: datetime | None = None) -> None:
    """Whoever files learns at once of what is opened so late that its deadline is not the one of its rule."""
    report = contracts.open_period(contract, days, purpose, due_at)
    if report.due_at > report.period.due_at:
        tell_supplier(report, "to_file")


def _take_up(report: Report, rule: DeadlineRule, counted_from: date) -> Report:
    """Days of a period that was spared are to be reported on after all."""
    contract, period = report.contract, report.period
    period.due_at = rule.due(counted_from, contract.country, contract.time_zone)
    _ask_for(report, deadlines.of_what_is_opened(contract, period.due_at, counted_from))
    return report


def _ask_for(report: Report, due_at: datetime) -> None:
    """What was spared is with the supplier again, open as it was before."""
    report.due_at, report.overdue_at = due_at, None
    filings.note_asked_again(report)
    report.move(report.edited_as, by=None, action="report.taken_up", due_at=due_at.isoformat())
    db.session.flush()
    processes.start("report", report, {"report_id": report.id, **deadlines.process_data(report)})
    tell_supplier(report, "to_file", is_after_all=True)


def tell_supplier(report: Report, letter: str, *, is_after_all: bool = False) -> None:
    """A letter to each of those who fill in and sign. `is_after_all`: it was asked for no more until now."""
    last_day = contract_days.last_day(report.contract)
    for person in accounts.people(report.supplier_id, Role.REPORTER, Role.SIGNATORY):
        mail.write(person, letter, report.contract, report=report, last_day=last_day, is_after_all=is_after_all)


def _may_open(contract: Contract, part: Period) -> bool:
    """Whether a stretch that has begun is reported on; after a handover too: what is expected ended with it."""
    if part.starts_on > clock.today(contract.time_zone):
        return False
    if contract.state == ContractState.PAUSED:
        return part.starts_on < max((pause.starts_on for pause in contract.pauses), default=date.min)
    return contract.state in {ContractState.RUNNING, ContractState.COMPLETED}


def _unsigned(contract: Contract) -> list[Report]:
    rows = select(Report).join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
    rows = rows.where(
        Report.contract_id == contract.id,
        ReportingPeriod.purpose == PeriodPurpose.REGULAR,
        ~exists().where(Revision.report_id == Report.id),
    )
    return list(db.session.scalars(rows.order_by(ReportingPeriod.starts_on)).unique())


def _signed_days(contract: Contract) -> list[Period]:
    rows = select(ReportingPeriod.starts_on, ReportingPeriod.ends_on).join(
        Report, Report.period_id == ReportingPeriod.id
    )
    rows = rows.where(
        Report.contract_id == contract.id,
        ReportingPeriod.purpose == PeriodPurpose.REGULAR,
        exists().where(Revision.report_id == Report.id),
    )
    return [Period(*row) for row in db.session.execute(rows)]


def _overlap(part: Period, period: ReportingPeriod) -> bool:
    return part.starts_on <= period.ends_on and period.starts_on <= part.ends_on


# -- filed once --------------------------------------------------------------------------------------------------------


def _open_once(contract: Contract) -> int:
    """Open the plan after the start and the account at handover, where a requirement asks for them.

    An account that nobody has signed rests while the contract runs again, and one that was signed stands for the days
    that it is about: a handover on another day asks for one anew.
    """
    if contract.state in {ContractState.RUNNING, ContractState.PAUSED}:
        for report in _filed_once(contract, PeriodPurpose.ACCOUNT):
            if not report.revisions and report.state != ReportState.SPARED:
                _spare(report)
    return sum(_ask_once(contract, *due) for due in _due_once(contract))


def _ask_once(contract: Contract, duty: Requirement, days: Period, counted_from: date) -> int:
    """Open what is filed once, or give the one that is there its days. Returns 1 when it has to be filed from now."""
    purpose = _ONCE[duty.indicator]
    rule = contract.due_rule._replace(days=int(Decimal(duty.threshold_on(counted_from))))
    known = _for_days(contract, purpose, days)
    if known is None:
        due_at = rule.due(counted_from, contract.country, contract.time_zone)
        _open(contract, days, purpose, due_at)
        return 1
    if known.revisions:
        return 0
    if known.state == ReportState.SPARED:
        known.period.starts_on, known.period.ends_on = days
        _take_up(known, rule, counted_from)
        return 1
    if known.period.ends_on != days.ends_on:
        _change_days(known, days, rule, counted_from)
    return 0


def unfiled(contract: Contract) -> list[Requirement]:
    """The duties to file something once whose day has come, and for which nothing has been opened yet."""
    return [
        duty
        for duty, days, _ in _due_once(contract)
        if (known := _for_days(contract, _ONCE[duty.indicator], days)) is None or known.state == ReportState.SPARED
    ]


def _due_once(contract: Contract) -> Iterator[tuple[Requirement, Period, date]]:
    """The duties to file once whose day has come, with the days that each is about and the day it counts from."""
    handover = contract.handed_over_on if contract.state == ContractState.COMPLETED else None
    for duty in contract.requirements:
        if not kinds.ONCE.get(_ONCE.get(duty.indicator, "")):
            continue
        begins = max(contract.starts_on, duty.valid_from)
        if duty.indicator == PLAN_DUTY and contract.state == ContractState.RUNNING:
            if begins <= clock.today(contract.time_zone) and _is_in_force(duty, begins):
                yield duty, Period(begins, begins), begins
        elif handover is not None and duty.indicator == ACCOUNT_DUTY and _is_in_force(duty, handover):
            yield duty, Period(contract.starts_on, handover), handover


def _is_in_force(duty: Requirement, day: date) -> bool:
    return duty.valid_from <= day and (duty.valid_to is None or day <= duty.valid_to)


def _for_days(contract: Contract, purpose: PeriodPurpose, days: Period) -> Report | None:
    """The report that is filed once for these days: the one signed for them, else one that nobody has signed yet."""
    known = [each for each in _filed_once(contract, purpose) if each.period.starts_on == days.starts_on]
    signed = [each for each in known if each.revisions and each.period.ends_on == days.ends_on]
    return next(iter([*signed, *(each for each in known if not each.revisions)]), None)


def _filed_once(contract: Contract, purpose: PeriodPurpose) -> list[Report]:
    rows = select(Report).join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
    rows = rows.where(Report.contract_id == contract.id, ReportingPeriod.purpose == purpose).order_by(Report.id)
    return list(db.session.scalars(rows).unique())
