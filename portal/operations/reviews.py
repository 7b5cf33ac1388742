"""The reviewer's work: a queue of what waits, and one decision on each revision."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, select, update
from sqlalchemy.orm.attributes import set_committed_value

from portal import clock, permissions
from portal.errors import Conflict, Invalid
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import (
    Contract,
    Decision,
    HumanTask,
    Membership,
    Organisation,
    Report,
    ReportingPeriod,
    ReportState,
    Review,
    Role,
    Unlock,
    record,
)
from portal.operations import accounts, contracts, lookup, mail, processes
from portal.operations.deviations import SAY_WHY
from portal.text import Text, same

PAGE = 25

POINT_OUT = Text(
    "Pek ut minst én linje eller ett felt som skal rettes.", "Point out at least one line or value to correct."
)
EXPLAIN_EACH = Text("Skriv hva som skal rettes på linjen.", "Say what is to be corrected on the line.")
UNKNOWN_LINE = Text("Linjen finnes ikke i rapporten.", "The line is not in the report.")
DECIDED = {
    Decision.APPROVE: Text("{name} har godkjent rapporten.", "{name} has approved the report."),
    Decision.RETURN: Text("{name} har bedt om retting.", "{name} has returned the report for correction."),
    Decision.REJECT: Text("{name} har avvist rapporten.", "{name} has rejected the report."),
}
NEWER = Text(
    "Det er kommet en ny revisjon siden du åpnet siden. Les den på nytt.",
    "A new revision has come since you opened the page. Read it again.",
)
WITHDRAWN = Text(
    "{name} har trukket rapporten tilbake. Den kommer på nytt når den er endret.",
    "{name} has withdrawn the report. It comes again when it has been changed.",
)
THE_PORTAL = Text("Portalen", "The portal")


@dataclass(frozen=True)
class QueueFilter:
    """What the reviewer narrows the queue to; lives in the address."""

    contract: uuid.UUID | None = None
    supplier: uuid.UUID | None = None
    period: str = ""
    """YYYY-MM, or empty for all."""
    late: bool = False
    """Only those past the review's own deadline."""


@dataclass(frozen=True)
class QueueRow:
    """One waiting report."""

    task: HumanTask
    report: Report


@dataclass(frozen=True)
class Correction:
    """A reviewer's comment that reopens one value, or (no field) a whole line."""

    kind: str
    line_key: uuid.UUID
    field: str
    comment: str


def queue(
    by: Membership, chosen: QueueFilter, *, now: datetime, after: uuid.UUID | None = None, limit: int = PAGE
) -> list[QueueRow]:
    """Open review tasks of the acting buyer, the most urgent first; `after` is the last task of the page before."""
    rows = _waiting(by, chosen, now)
    last = db.session.scalar(permissions.visible(HumanTask, by).where(HumanTask.public_id == after)) if after else None
    if last is not None:
        rows = rows.where(
            (HumanTask.due_at > last.due_at) | ((HumanTask.due_at == last.due_at) & (HumanTask.id > last.id))
        )
    return [QueueRow(row[0], row[1]) for row in db.session.execute(rows.limit(limit))]


def next_after(report: Report, by: Membership, chosen: QueueFilter, *, now: datetime) -> Report | None:
    """The next waiting report in the same filter, leaving out what this person may not review."""
    for row in queue(by, chosen, now=now, limit=100):
        if row.report.id != report.id and by.person_id not in row.report.preparers:
            return row.report
    return None


def _waiting(by: Membership, chosen: QueueFilter, now: datetime) -> Select[HumanTask, Report]:
    rows = (
        select(HumanTask, Report)
        .join(Report, (HumanTask.subject == "report") & (HumanTask.subject_id == Report.id))
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .where(HumanTask.closed_at.is_(None), HumanTask.element == "review", HumanTask.buyer_id == by.organisation_id)
        .order_by(HumanTask.due_at, HumanTask.id)
    )
    if chosen.contract:
        rows = rows.join(Contract, Report.contract_id == Contract.id).where(Contract.public_id == chosen.contract)
    if chosen.supplier:
        rows = rows.join(Organisation, Report.supplier_id == Organisation.id).where(
            Organisation.public_id == chosen.supplier
        )
    if chosen.period:
        rows = rows.where(ReportingPeriod.starts_on == date.fromisoformat(f"{chosen.period}-01"))
    if chosen.late:
        rows = rows.where(HumanTask.due_at < now)
    return rows


def begin(report: Report, *, by: Membership) -> None:
    """Somebody who may review the newest revision reads it: from now on the supplier cannot take it back.

    Safe to repeat; when the supplier was first and has withdrawn it, nothing is begun.
    """
    permissions.may_review(by, report)
    processes.hold(report)
    if report.state != ReportState.SUBMITTED or report.review_begun_at is not None:
        return
    # Past the row's version: what somebody else is deciding at this very moment has not changed by it.
    now = clock.now()
    noted = update(Report).where(Report.id == report.id).values(review_begun_at=now, review_begun_by_id=by.person_id)
    db.session.execute(noted.execution_options(synchronize_session=False))
    set_committed_value(report, "review_begun_at", now)
    set_committed_value(report, "review_begun_by_id", by.person_id)
    record(report, "review.begun", by=by, revision=report.latest.number if report.latest else 0)


def decide(  # noqa: PLR0913 - a decision and all it stands on
    report: Report,
    decision: Decision,
    *,
    by: Membership,
    version: int,
    reasons: str = "",
    corrections: Sequence[Correction] = (),
) -> Review:
    """Decide on the newest revision, once.

    Raises:
        Forbidden: the person may not review, or had a hand in the report.
        Conflict: somebody else has decided, or the report has moved on; the words say who did what.
        Invalid: reasons or comments are missing.
    """
    permissions.may_review(by, report)
    processes.hold(report)
    revision = report.latest
    if report.state != ReportState.SUBMITTED or revision is None or report.version != version:
        raise Conflict(who_decided(report))
    _demand_words(report, decision, reasons, corrections)
    review = Review(
        **report.parties,
        revision=revision,
        decision=decision,
        reasons=reasons.strip(),
        decided_by=by.person,
    )
    db.session.add(review)
    for correction in corrections if decision == Decision.RETURN else ():
        report.unlocks.append(
            Unlock(
                **report.parties,
                revision_id=revision.id,
                kind=correction.kind,
                line_key=correction.line_key,
                field=correction.field,
                comment=correction.comment.strip(),
            )
        )
    db.session.flush()
    processes.complete(report, "review", {"decision": str(decision)}, by=by)
    return review


def who_decided(report: Report) -> Text:
    """What happened to the report while somebody was reading it, and by whom."""
    withdrawal = report.latest.withdrawal if report.latest else None
    if withdrawal is not None:
        return WITHDRAWN.with_values(name=same(withdrawal.withdrawn_by.name))
    reviewed = next((revision.review for revision in reversed(report.revisions) if revision.review), None)
    if report.state == ReportState.SUBMITTED or reviewed is None:
        return NEWER
    name = same(reviewed.decided_by.name) if reviewed.decided_by else THE_PORTAL
    return DECIDED[reviewed.decision].with_values(name=name)


def _demand_words(report: Report, decision: Decision, reasons: str, corrections: Sequence[Correction]) -> None:
    if decision == Decision.REJECT and not reasons.strip():
        raise Invalid(SAY_WHY, (Problem("required", SAY_WHY, "reasons"),))
    if decision != Decision.RETURN:
        return
    if not corrections:
        raise Invalid(POINT_OUT, (Problem("required", POINT_OUT, "corrections"),))
    revision = report.latest
    known = {(line.kind, line.key) for line in revision.lines} if revision else set()
    for correction in corrections:
        where = str(correction.line_key)
        if (correction.kind, correction.line_key) not in known:
            raise Invalid(UNKNOWN_LINE, (Problem("unknown_line", UNKNOWN_LINE, correction.field, where),))
        fields = {field.key for field in contracts.kind_of(report, correction.kind).fields}
        if correction.field not in {"", *fields}:
            raise Invalid(UNKNOWN_LINE, (Problem("unknown_field", UNKNOWN_LINE, "", where),))
        if not correction.comment.strip():
            raise Invalid(EXPLAIN_EACH, (Problem("required", EXPLAIN_EACH, correction.field, where),))


# -- asked by the process -----------------------------------------------------------------------------------------


def plan(*, report_id: int, review_days: int) -> dict[str, object]:
    """Set the buyer's own deadline for the review, in working days, and tell the reviewers."""
    report = lookup.by_number(Report, report_id)
    report.review_due_at = contracts.new_deadline(report.contract, review_days)
    for person in accounts.people(report.buyer_id, Role.REVIEWER):
        mail.write(person, "to_review", report.contract, report=report)
    return {"review_due_at": processes.moment(report.review_due_at)}


def remind(*, report_id: int) -> dict[str, object]:
    """The review's deadline is past: remind the reviewers, and tell the administrators."""
    report = lookup.by_number(Report, report_id)
    for person in accounts.people(report.buyer_id, Role.REVIEWER, Role.ADMINISTRATOR):
        mail.write(person, "review_late", report.contract, report=report)
    record(report, "review.late", by=None)
    return {}
