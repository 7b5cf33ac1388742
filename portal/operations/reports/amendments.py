"""Amending what was approved: proposed with a reason, reviewed like any revision, in force only when approved."""

from portal import permissions
from portal.errors import Conflict, Invalid, InvalidTransition
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import Answer, ContractState, DraftLine, Membership, Report, ReportState, Revision, Role
from portal.model.cases import MOVED_ON
from portal.operations import accounts, lookup, mail, processes
from portal.operations.contracts import contracts
from portal.operations.entry import evidence
from portal.operations.reports import comments, reports
from portal.permissions import Permission
from portal.text import Text

SAY_WHY = Text("Skriv hvorfor rapporten skal endres.", "Say why the report is to be amended.")
NOT_APPROVED = Text(
    "Bare en godkjent rapport kan endres på denne måten. Les rapporten på nytt.",
    "Only an approved report can be amended. Read the report again.",
)
CONTRACT_CLOSED = Text(
    "Kontrakten er avsluttet, så rapportene i den kan ikke endres lenger.",
    "The contract is closed, so its reports can no longer be amended.",
)
NO_AMENDMENT = Text(
    "Endringen er allerede sendt, avgjort eller droppet. Les rapporten på nytt.",
    "The amendment has already been sent, decided or dropped. Read the report again.",
)


def propose(report: Report, reason: str, *, by: Membership, version: int) -> None:
    """Open an approved report for amendment, filled in as it was approved. What was approved stays in force.

    Raises:
        Conflict: the report is not approved, or has changed since it was read.
        Invalid: the contract is closed, or the reason is missing.
    """
    permissions.demand(by, Permission.REPORT_EDIT)
    processes.hold(report)
    accepted = report.accepted
    if report.state != ReportState.APPROVED or accepted is None:
        raise Conflict(NOT_APPROVED)
    if report.version != version:
        raise Conflict(reports.CHANGED_SINCE)
    if report.contract.state == ContractState.CLOSED:
        # Invalid: the page comes back with the words, and with what was written.
        raise Invalid(CONTRACT_CLOSED, (Problem("closed", CONTRACT_CLOSED, "reason"),))
    if not reason.strip():
        raise Invalid(SAY_WHY, (Problem("required", SAY_WHY, "reason"),))
    report.amendment_reason = reason.strip()
    _fill_from(report, accepted)
    report.note_preparer(by)
    report.move(ReportState.AMENDING, by=by, reason=reason.strip(), revision=accepted.number)
    db.session.flush()
    processes.start("amendment", report, {"report_id": report.id})


def is_open_to(report: Report) -> bool:
    """Whether an amendment of the report can be proposed: it is approved, and its contract is not closed."""
    return report.state == ReportState.APPROVED and report.contract.state != ContractState.CLOSED


def drop(report: Report, *, by: Membership, version: int) -> None:
    """Give the amendment up while the supplier still has it. What was approved stays in force, as it did all along."""
    permissions.demand(by, Permission.REPORT_EDIT)
    processes.hold(report)
    if not report.is_amendment or report.state == ReportState.SUBMITTED:
        raise Conflict(NO_AMENDMENT)
    if report.version != version:
        raise Conflict(reports.CHANGED_SINCE)
    if not processes.message(report, "amendment_dropped", {"actor_id": by.id}, by=by):
        raise InvalidTransition(MOVED_ON)


def _fill_from(report: Report, revision: Revision) -> None:
    """The draft as it was signed: the same answers, and lines that read back as the same values."""
    for section in report.sections:
        kind = contracts.kind_of(report, section.kind)
        answer = revision.answers[section.kind]
        section.answer, section.reason = Answer(answer["answer"]), answer["reason"]
        section.secrets = revision.secrets.get(section.kind, {})
        known = {line.key: line for line in section.lines}
        section.lines = [known.get(line.key) or DraftLine(key=line.key) for line in revision.lines_of(section.kind)]
        for row, line in zip(section.lines, revision.lines_of(section.kind), strict=True):
            row.position, row.raw = line.position, kind.inputs(line.values, "nb")
            row.version, row.unconfirmed = (row.version or 0) + 1, []
    evidence.put_back_as(revision)


# -- asked by the process -----------------------------------------------------------------------------------------


def put_aside(*, report_id: int, actor_id: int) -> dict[str, object]:
    """The supplier gave the amendment up."""
    report = lookup.by_number(Report, report_id)
    _close(report, accounts.membership(actor_id), "report.amendment_dropped", "")
    return {}


def refuse(*, report_id: int, actor_id: int) -> dict[str, object]:
    """The buyer does not accept the amendment: the revision that was approved stays in force."""
    report = lookup.by_number(Report, report_id)
    revision = report.revisions[-1]
    review = revision.review
    reasons = review.reasons if review else ""
    _close(report, accounts.membership(actor_id), "report.amendment_refused", reasons)
    for person in accounts.people(report.supplier_id, Role.REPORTER, Role.SIGNATORY):
        mail.write(
            person,
            "amendment_refused",
            report.contract,
            report=report,
            revision=revision,
            review=review,
            asked=comments.asked(revision),
        )
    return {}


def _close(report: Report, by: Membership, action: str, reason: str) -> None:
    report.amendment_reason, report.review_due_at = "", None
    report.move(ReportState.APPROVED, by=by, reason=reason, action=action, in_force=report.accepted_number)
