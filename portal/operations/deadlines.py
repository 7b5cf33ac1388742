"""When a report is due: as its process knows it, so many working days from now, and after it was moved."""

from datetime import date, datetime
from typing import Protocol

from sqlalchemy import update
from sqlalchemy.orm.attributes import set_committed_value

from portal import calendars, clock
from portal.calendars import DeadlineRule
from portal.extensions import db
from portal.model import Contract, Report, ReportState
from portal.operations import processes

CORRECTION_WORKING_DAYS = 5
"""Working days that the supplier has for what is sent back."""
REMINDER_WORKING_DAYS = 3
"""Working days before the deadline that a reminder goes out."""
ESCALATION_WORKING_DAYS = 5
"""Working days after a missed deadline before those in charge on both sides are told."""
MORNING = "08:00"
"""Local time at which reminders go out."""


def process_data(report: Report) -> dict[str, object]:
    """What the report's process is to know: its deadline, what to do about it when, and the step to go on at.

    While a request for more time holds the deadline, it is missed on the day that was asked for at the earliest.
    """
    contract = report.contract
    missed_at = max(report.due_at, report.held_until or report.due_at)
    missed_on = max(calendars.local_day(missed_at, contract.time_zone), clock.today(contract.time_zone))
    escalate_on = calendars.add_working_days(missed_on, ESCALATION_WORKING_DAYS, contract.country)
    return {
        "due_at": processes.moment(missed_at),
        "remind_at": processes.moment(_reminder(report)),
        "missed_at": processes.moment(missed_at),
        "escalate_at": processes.moment(calendars.at_time(escalate_on, MORNING, contract.time_zone)),
        "begin_at": "sign" if report.state == ReportState.TO_SIGN else "fill_in",
    }


def _reminder(report: Report) -> datetime | None:
    """Some working days before the deadline; on its morning when that is past; never when the deadline is."""
    contract = report.contract
    due_on = calendars.local_day(report.due_at, contract.time_zone)
    days = (calendars.add_working_days(due_on, -REMINDER_WORKING_DAYS, contract.country), due_on)
    mornings = (calendars.at_time(day, MORNING, contract.time_zone) for day in days)
    return next((each for each in mornings if clock.now() < each < report.due_at), None)


class Place(Protocol):
    """Whose working days and clock count: a contract, or what has kept them as they were."""

    @property
    def country(self) -> str:
        """Whose holidays count."""

    @property
    def time_zone(self) -> str:
        """Where a day ends."""


def end_of_working_day(place: Place, days: int, after: datetime) -> datetime:
    """The end of the day that lies so many working days after that of `after`, there."""
    return working_day(place, days, after, "")


def in_working_days(contract: Contract, days: int) -> datetime:
    """When something is to be filed so many working days from today: at the contract's time of day."""
    return working_day(contract, days, clock.now(), contract.due_time)


def of_correction(report: Report) -> datetime:
    """When a correction is due: so many working days from today, and never before the report itself was to come."""
    return max(report.due_at, of_what_is_sent_back(report.contract))


def of_what_is_sent_back(contract: Contract) -> datetime:
    """The least time that the supplier has for what comes back to it today."""
    return in_working_days(contract, CORRECTION_WORKING_DAYS)


def of_what_is_opened(contract: Contract, ruled: datetime, counted_from: date) -> datetime:
    """When it is due that nobody could file before today: by its rule, if all the time that the rule gives is left.

    If not (the contract was started or lengthened late), no sooner than what is sent back today.
    """
    has_all_its_time = clock.today(contract.time_zone) <= counted_from
    return ruled if has_all_its_time else max(ruled, of_what_is_sent_back(contract))


def working_day(place: Place, days: int, after: datetime, at: str) -> datetime:
    """The one place where working days are counted from a moment; the day itself does not count."""
    return DeadlineRule(days, at=at).due(calendars.local_day(after, place.time_zone), place.country, place.time_zone)


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
