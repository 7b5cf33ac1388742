"""Who has not filed: reports that are overdue or soon due, and reminders of many at once, sent by a person."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select

from portal import calendars, clock, permissions
from portal.extensions import db
from portal.model import (
    AuditEvent,
    Contract,
    ExtensionRequest,
    ExtensionState,
    Membership,
    Organisation,
    Person,
    Report,
    ReportingPeriod,
    ReportState,
    Role,
    record,
)
from portal.operations import accounts, mail, processes
from portal.operations.contracts import contract_days
from portal.operations.reports import reports
from portal.permissions import Permission

PAGE = 50
SOON = timedelta(days=14)
"""How far ahead a deadline is soon."""
REMINDERS = ("report.reminded", "report.chased", "report.overdue", "report.escalated")
"""What the supplier has been told about a deadline, by the portal or by a person."""


class WhyNot(StrEnum):
    """Why nobody is reminded of a report."""

    TODAY = "today"
    """It was done today already."""
    ASKED = "asked"
    """The supplier has asked for more time, and the buyer has not answered."""
    GRANTED = "granted"
    """The buyer gave more time, and it is not over."""
    FILED = "filed"
    """It has come meanwhile."""
    BEYOND = "beyond"
    """It lies wholly after the contract's last day: it is asked for no more."""
    NOBODY = "nobody"
    """The supplier has nobody who fills in or signs."""


class Chased(NamedTuple):
    """A report that has not come: what was said of its deadline, when its supplier was last reminded, and of whom."""

    report: Report
    request: ExtensionRequest | None
    """The newest request for more time."""
    reminded_at: datetime | None
    people: list[Person]
    why_not: WhyNot | None
    """Why nobody would be reminded now; None when somebody would."""


class Wanted(NamedTuple):
    """What the list is narrowed to. `period`: the month that the period begins in, as «2026-03»."""

    contract: UUID | None = None
    supplier: UUID | None = None
    period: str = ""
    overdue: bool = False


def unfiled(by: Membership, wanted: Wanted, after: UUID | None = None, limit: int = PAGE) -> list[Report]:
    """Reports, and corrections, that are overdue or due soon and have not come, the longest waiting first."""
    permissions.demand(by, Permission.REPORT_CHASE)
    rows = _unfiled(by, wanted)
    last = db.session.scalar(permissions.visible(Report, by).where(Report.public_id == after)) if after else None
    if last is not None:
        further = and_(Report.due_at == last.due_at, Report.id > last.id)
        rows = rows.where(or_(Report.due_at > last.due_at, further))
    return list(db.session.scalars(rows.order_by(Report.due_at, Report.id).limit(limit)).unique())


def count(by: Membership, wanted: Wanted) -> int:
    """How many there are of them."""
    rows = _unfiled(by, wanted).with_only_columns(func.count()).order_by(None)
    return db.session.scalar(rows) or 0


def chosen(by: Membership, public_ids: Sequence[UUID]) -> list[Report]:
    """The reports with these ids, as far as they are this buyer's."""
    permissions.demand(by, Permission.REPORT_CHASE)
    rows = permissions.visible(Report, by).where(
        Report.buyer_id == by.organisation_id, Report.public_id.in_(public_ids)
    )
    return list(db.session.scalars(rows.order_by(Report.due_at, Report.id)).unique())


def told(found: Sequence[Report]) -> list[Chased]:
    """What was said of each; a few statements however many they are."""
    numbers = [report.id for report in found]
    requests = {
        row.report_id: row
        for row in db.session.scalars(
            select(ExtensionRequest).where(ExtensionRequest.report_id.in_(numbers)).order_by(ExtensionRequest.id)
        )
    }
    reminded = _reminded_at(found)
    people = {
        supplier: accounts.people(supplier, Role.REPORTER, Role.SIGNATORY)
        for supplier in {report.supplier_id for report in found}
    }
    return [
        Chased(
            report,
            requests.get(report.id),
            reminded.get(str(report.public_id)),
            people[report.supplier_id],
            _why_not(report, requests.get(report.id), reminded.get(str(report.public_id)), people[report.supplier_id]),
        )
        for report in found
    ]


def remind(by: Membership, public_ids: Sequence[UUID]) -> list[Chased]:
    """Remind the suppliers of these reports, but where there is a reason not to. Returns those it was done for."""
    done = []
    for report in sorted(chosen(by, public_ids), key=lambda each: each.id):
        processes.hold(report)  # two who press the button at once: the second one finds it done
        [row] = told([report])
        if row.why_not is None:
            for person in row.people:
                mail.write(person, "chased", report.contract, report=report)
            record(report, "report.chased", by=by, to=[person.id for person in row.people])
            done.append(row)
    return done


def _why_not(
    report: Report, request: ExtensionRequest | None, reminded_at: datetime | None, people: Sequence[Person]
) -> WhyNot | None:
    zone = report.contract.time_zone
    if report.state == ReportState.SPARED or contract_days.is_asked_no_more(report):
        return WhyNot.BEYOND
    if not report.can_be_late:
        return WhyNot.FILED
    if report.is_held:
        return WhyNot.ASKED
    if _is_extended(report, request):
        return WhyNot.GRANTED
    if reminded_at is not None and calendars.local_day(reminded_at, zone) == clock.today(zone):
        return WhyNot.TODAY
    return None if people else WhyNot.NOBODY


def _is_extended(report: Report, request: ExtensionRequest | None) -> bool:
    granted = request is not None and request.state == ExtensionState.GRANTED
    return granted and clock.now() <= report.due_at


def _reminded_at(found: Sequence[Report]) -> dict[str, datetime]:
    """Public id -> when the supplier was told of the deadline last."""
    rows = db.session.execute(
        select(AuditEvent.subject_id, func.max(AuditEvent.at))
        .where(
            AuditEvent.subject == Report.__tablename__,
            AuditEvent.subject_id.in_([str(report.public_id) for report in found]),
            AuditEvent.action.in_(REMINDERS),
        )
        .group_by(AuditEvent.subject_id)
    )
    return {row[0]: row[1] for row in rows}


def _unfiled(by: Membership, wanted: Wanted) -> Select[Report]:
    rows = (
        select(Report)
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .join(Contract, Report.contract_id == Contract.id)
        .where(
            permissions.seen(Report, by),
            Report.buyer_id == by.organisation_id,
            Report.state.in_(reports.WITH_SUPPLIER),
            Report.accepted_number.is_(None),
            Report.due_at <= clock.now() + SOON,
            contract_days.ASKED_FOR,
        )
    )
    if wanted.contract:
        rows = rows.where(Contract.public_id == wanted.contract)
    if wanted.supplier:
        rows = rows.join(Organisation, Report.supplier_id == Organisation.id)
        rows = rows.where(Organisation.public_id == wanted.supplier)
    if wanted.period:
        month = calendars.month_of(date.fromisoformat(f"{wanted.period}-01"))
        rows = rows.where(ReportingPeriod.starts_on.between(*month))
    if wanted.overdue:
        rows = rows.where(Report.due_at < clock.now(), reports.not_held())
    return rows
