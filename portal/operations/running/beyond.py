"""Cases and corrections of what lies wholly after the contract's last day: asked for no more, back with its days."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import joinedload

from portal import calendars
from portal.extensions import db
from portal.model import (
    Cause,
    Contract,
    Deviation,
    FindingResult,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    ReportState,
    Revision,
    Window,
)
from portal.model.cases import SETTLED
from portal.operations import deadlines, processes
from portal.operations.cases import breaches, calculations, cures, deviations, gone
from portal.operations.cases.deviations import Breach
from portal.operations.cases.gone import Gone, Why
from portal.operations.contracts import contract_days
from portal.operations.reports import filings, periods
from portal.text import Text

AFTER_THE_LAST = Text(
    "Kontraktens siste dag er {day}. Saken gjelder bare dager etter den, og de skal ikke rapporteres.",
    "The contract's last day is {day}. The case is only about days after it, and they are not to be reported.",
)
_READ = (joinedload(Deviation.report).joinedload(Report.period), joinedload(Deviation.window))


def watched() -> list[int]:
    """Numbers of the contracts with an open case or a correction of what lies after their last day. Only reads.

    A case is gone as soon as its days are (`follow`), and none is opened of days after the last; a correction is spared
    as soon as it is with the supplier: this finds what is from before the portal did so.
    """
    rows = select(Deviation.contract_id).where(Deviation.not_found_at.is_(None), Deviation.state.not_in(SETTLED))
    rows = rows.join(Contract, Deviation.contract_id == Contract.id).join(Report, Deviation.report_id == Report.id)
    rows = rows.join(ReportingPeriod, Report.period_id == ReportingPeriod.id).where(~contract_days.ASKED_FOR)
    return sorted({*db.session.scalars(rows.distinct()), *db.session.scalars(_owed(Report.contract_id).distinct())})


def is_waiting(number: int) -> bool:
    """Whether there is something to note in a contract. Only reads."""
    owed = _owed(Report.id).where(Report.contract_id == number).limit(1)
    is_owed = db.session.scalar(owed) is not None
    return is_owed or any(True for _each in _asked_no_more(db.session.get_one(Contract, number)))


def follow_up(number: int) -> None:
    """What `follow` does, where the worker found that something is waiting: the last day is the one that it was."""
    contract = db.session.get_one(Contract, number)
    follow(contract, contract_days.last_day(contract))


def follow(contract: Contract, before: date) -> None:
    """Asked when a contract's last day may be another one than it was before; what is decided stays as it was decided.

    What is asked for no more costs nothing. What is back is judged by what is in force, and is due anew.
    """
    db.session.flush()  # to hold a case is to read it again
    last_day = contract_days.last_day(contract)
    sentence = AFTER_THE_LAST.with_values(day=calendars.day_name(last_day))
    for known in list(_asked_no_more(contract)):
        processes.hold(known)
        gone.note(known, Gone(Why.NOT_ASKED, sentence, {"last_day": last_day.isoformat()}, is_beyond=True))
    for report in db.session.scalars(_owed(Report).where(Report.contract_id == contract.id).order_by(Report.id)).all():
        processes.hold(report)
        periods.spare_correction(report)
        if report.state == ReportState.SPARED:
            # That it came back was told with a deadline; what comes back when it is beyond already is told without one.
            periods.tell_supplier(report, "spared")
    back = _reports_between(contract, before, last_day)
    for report in back:
        _ask_again(report)
    again = list(_asked_again(contract))
    judged = {each.id for each in back if each.accepted_number is not None}
    judged |= {each.report_id for each in again if _is_shown_by_report(each)}
    for number in sorted(judged):
        breaches.open_for_breaches(report_id=number)
    for known in again:
        if not _is_shown_by_report(known):
            _find_again(known)
    # In the same transaction: nobody is to approve a sum of days that the contract has no longer, or has again.
    cures.follow(contract)


def _owed(what: Any) -> Select[Any]:
    """Corrections that are with the supplier, and asked for no more; what was never signed `periods` spares."""
    rows = select(what).select_from(Report).join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
    rows = rows.join(Contract, Report.contract_id == Contract.id).where(contract_days.ASKED_NO_MORE)
    return rows.where(exists().where(Revision.report_id == Report.id))


def _asked_no_more(contract: Contract) -> Iterator[Deviation]:
    rows = select(Deviation).where(Deviation.contract_id == contract.id, Deviation.not_found_at.is_(None))
    rows = rows.where(Deviation.state.not_in(SETTLED)).options(*_READ).order_by(Deviation.id)
    for known in db.session.scalars(rows).unique():
        if _is_beyond(known) and not deviations.is_settled(known):
            yield known


def _asked_again(contract: Contract) -> Iterator[Deviation]:
    """The newest case of each breach that was gone with its days, and has them back.

    Not one of what was missing: that is due anew, and is missing only when it has not come by then.
    """
    rows = select(Deviation).where(Deviation.contract_id == contract.id, Deviation.not_found_at.is_not(None))
    rows = rows.where(Deviation.cause != Cause.REPORT_MISSING)
    for known in db.session.scalars(rows.options(*_READ).order_by(Deviation.id)).unique():
        if known.facts.get("gone", {}).get("is_beyond") and not _is_beyond(known):
            newest = deviations.find(known.report, known.requirement, known.cause_group, known.window)
            if newest is known:
                yield known


def _is_beyond(known: Deviation) -> bool:
    """Whether no day that the case is about is a day of the contract; what is filed once is about all of it.

    Running windows all begin on the first day: such a one is about the days of its last report.
    """
    last_day, window = contract_days.last_day(known.contract), known.window
    if window is None:
        return contract_days.is_beyond(known.report)
    first: date = window.starts_on
    if known.requirement.window == Window.RUNNING:
        first = known.report.period.starts_on
    return first > last_day and window.ends_on > last_day


def _is_shown_by_report(known: Deviation) -> bool:
    return known.cause == Cause.REQUIREMENT_BROKEN and known.window is None


def _find_again(known: Deviation) -> None:
    """What was filed late, or not accepted, was so all the time; a window shows its breach, or does not."""
    is_back = known.not_found_at is None  # its window was judged anew with a report
    if not is_back and (known.window is None or known.window.result == FindingResult.BROKEN):
        facts = {name: value for name, value in known.facts.items() if name != "gone"}
        breach = Breach(known.cause, known.cause_group, Text.load(known.sentence), facts)
        found = deviations.note_breach(known.report, known.requirement, breach, known.window)
        if found is not known and known.late_by_days is not None:
            # The same delay in a new case: counted from the deadline that was missed, not from the new one.
            found.late_by_days, found.cured_on = known.late_by_days, known.cured_on
            found.at_stake = calculations.at_stake(found)


def _reports_between(contract: Contract, before: date, last_day: date) -> list[Report]:
    """The regular reports that were wholly after the last day before, and are not any more."""
    rows = select(Report).join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
    rows = rows.where(Report.contract_id == contract.id, ReportingPeriod.purpose == PeriodPurpose.REGULAR)
    rows = rows.where(ReportingPeriod.starts_on > before, ReportingPeriod.starts_on <= last_day)
    return list(db.session.scalars(rows.order_by(Report.id)).unique())


def _ask_again(report: Report) -> None:
    """A report, or a correction, that the supplier has or had is due anew.

    What was spared and never signed is taken up by `periods`, which knows its days.
    """
    processes.hold(report)
    if report.state == ReportState.SPARED and report.revisions:
        periods.take_up_correction(report)
    elif report.can_be_late:
        due_at = deadlines.of_correction(report)
        if due_at > report.due_at:
            deadlines.move(report, due_at)
            periods.tell_supplier(report, "to_file", is_after_all=True)
        filings.note_asked_again(report)
    if report.can_be_late:
        filings.note_back(report)
