"""Taking a signed report back, as long as nobody on the buyer's side has begun to review it."""

from datetime import datetime

from portal import calendars, clock, permissions
from portal.errors import Conflict
from portal.extensions import db
from portal.model import Membership, Report, ReportState, Role, Withdrawal
from portal.operations import accounts, deadlines, lookup, mail, processes
from portal.operations.contracts import contract_days
from portal.operations.reports import periods, reports, verdicts
from portal.permissions import Permission
from portal.text import Text

BEGUN = Text(
    "Kontrollen begynte {day}, så rapporten kan ikke trekkes tilbake. Be kontrolløren om å få den i retur.",
    "The review began on {day}, so the report cannot be withdrawn. Ask the reviewer to return it.",
)
NOT_WITH_BUYER = Text(
    "Rapporten er allerede trukket tilbake, eller ikke sendt inn. Les den på nytt.",
    "The report has already been withdrawn, or was not submitted. Read it again.",
)


def due_after(report: Report) -> datetime | None:
    """When the report is due again if what was sent last is taken back today: a correction's deadline, the first time.

    After that no more days, or whoever withdraws again and again would move the deadline for ever: the deadline it has,
    and where that is past, the end of today, for the days before it lay with the buyer, or were counted when it came.
    None for an amendment: what it amends is in force.
    """
    if report.is_amendment:
        return None
    if not was_taken_back(report):
        return deadlines.of_correction(report)
    zone = report.contract.time_zone
    return max(report.due_at, calendars.end_of_day(clock.today(zone), zone))


def was_taken_back(report: Report) -> bool:
    """Whether a revision before the newest one was withdrawn."""
    return any(each.withdrawal is not None for each in report.revisions[:-1])


def withdraw(report: Report, reason: str, *, by: Membership, version: int) -> None:
    """Take back what was submitted; the revision stays as it was signed, and the draft is open as before.

    Raises:
        Conflict: the review has begun, or the report has moved on; the words say which.
    """
    permissions.demand(by, Permission.REPORT_SIGN)
    processes.hold(report)
    revision = report.latest
    if report.state != ReportState.SUBMITTED or revision is None:
        raise Conflict(_why_not(report))
    if report.review_begun_at is not None:
        day = calendars.day_name(calendars.local_day(report.review_begun_at, report.contract.time_zone))
        raise Conflict(BEGUN.with_values(day=day))
    if report.version != version:
        raise Conflict(reports.CHANGED_SINCE)
    revision.withdrawal = Withdrawal(**report.parties, withdrawn_by=by.person, reason=reason.strip())
    db.session.flush()
    if not processes.message(report, "report_withdrawn", {"actor_id": by.id}, by=by):
        raise Conflict(verdicts.NEWER)
    periods.spare_correction(report)


def _why_not(report: Report) -> Text:
    was_decided = report.standing is not None and report.standing.review is not None
    return verdicts.who_decided(report) if was_decided and not report.is_editable else NOT_WITH_BUYER


# -- asked by the process -----------------------------------------------------------------------------------------


def take_back(*, report_id: int, actor_id: int) -> dict[str, object]:
    """The report is open again as it was before it was signed, and the reviewers who were told are told again.

    It was delivered when its first revision was, so nothing is missing; yet the new one has a deadline of its own.
    """
    report, by = lookup.by_number(Report, report_id), accounts.membership(actor_id)
    revision = report.revisions[-1]
    report.review_due_at = None
    due_at = due_after(report)
    if due_at is not None:
        report.due_at, report.overdue_at = due_at, None
    reason = revision.withdrawal.reason if revision.withdrawal else ""
    report.move(report.edited_as, by=by, reason=reason, action="report.withdrawn", revision=revision.number)
    for person in accounts.people(report.buyer_id, Role.REVIEWER, about=report.contract_id):
        mail.write(
            person,
            "withdrawn",
            report.contract,
            report=report,
            revision=revision,
            asked_until=contract_days.asked_until(report),
        )
    return deadlines.process_data(report)
