"""When a report is due: as its process knows it, so many working days from now, and after it was moved."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm.attributes import set_committed_value

from portal import calendars, clock
from portal.calendars import DeadlineRule
from portal.extensions import db
from portal.model import Contract, Report, ReportState
from portal.operations import processes

REMINDER_WORKING_DAYS = 3
"""Working days before the deadline that a reminder goes out."""
ESCALATION_WORKING_DAYS = 5
"""Working days after a missed deadline before those in charge on both sides are told."""
MORNING = "08:00"
"""Local time at which reminders go out."""


def process_data(report: Report) -> dict[str, object]:
    """What the report's process is to know: its deadline, what to do about it when, and the step to go on at.

    While the buyer has to answer a request for more time, the deadline is not missed.
    """
    contract = report.contract
    due_on = calendars.local_day(report.due_at, contract.time_zone)
    missed_on = max(due_on, clock.today(contract.time_zone))
    escalate_on = calendars.add_working_days(missed_on, ESCALATION_WORKING_DAYS, contract.country)
    waits = report.more_time_asked_at is not None
    return {
        "due_at": processes.moment(report.due_at),
        "remind_at": processes.moment(_reminder(report)),
        "missed_at": "" if waits else processes.moment(report.due_at),
        "escalate_at": "" if waits else processes.moment(calendars.at_time(escalate_on, MORNING, contract.time_zone)),
        "begin_at": "sign" if report.state == ReportState.TO_SIGN else "fill_in",
    }


def _reminder(report: Report) -> datetime | None:
    """Some working days before the deadline; on its morning when that is past; never when the deadline is."""
    contract = report.contract
    due_on = calendars.local_day(report.due_at, contract.time_zone)
    days = (calendars.add_working_days(due_on, -REMINDER_WORKING_DAYS, contract.country), due_on)
    mornings = (calendars.at_time(day, MORNING, contract.time_zone) for day in days)
    return next((each for each in mornings if clock.now() < each < report.due_at), None)


def in_working_days(contract: Contract, days: int) -> datetime:
    """A deadline so many working days from today, at the contract's time of day."""
    rule = DeadlineRule(days, at=contract.due_time)
    return rule.due(clock.today(contract.time_zone), contract.country, contract.time_zone)


def days_late(report: Report, at: datetime) -> int:
    """Days from that of the deadline in force to that of `at`, where the contract is; 0 on the day itself."""
    zone = report.contract.time_zone
    return max((calendars.local_day(at, zone) - calendars.local_day(report.due_at, zone)).days, 0)


def move(report: Report, due_at: datetime) -> None:
    """The report is due at another moment: its row, the task that waits, and every timer that has not fired.

    A process with an older diagram knows no message for this; its timers are set anew where they stand.
    """
    note(report, due_at=due_at)
    if not processes.message(report, "deadline_moved", {}):
        tell(report)


def tell(report: Report) -> None:
    """Let the report's process know what is so now; every timer that has not fired is set anew where it stands."""
    processes.change(report, process_data(report))


def note(report: Report, **values: object) -> None:
    """Write facts past the row's version: the portal's own note must not turn away whoever is saving at this moment."""
    noted = update(Report).where(Report.id == report.id).values(**values)
    db.session.execute(noted.execution_options(synchronize_session=False))
    for name, value in values.items():
        set_committed_value(report, name, value)
