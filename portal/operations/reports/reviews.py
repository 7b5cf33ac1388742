"""The reviewer's decision: one on each revision."""

from collections.abc import Iterator, Sequence

from sqlalchemy import update
from sqlalchemy.orm.attributes import set_committed_value

from portal import clock, impartiality
from portal.errors import Conflict, Invalid
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import (
    Comment,
    Decision,
    Membership,
    Report,
    ReportState,
    Review,
    Revision,
    Role,
    Unlock,
    record,
)
from portal.operations import accounts, deadlines, lookup, mail, processes
from portal.operations.cases.deviations import SAY_WHY
from portal.operations.contracts import contract_days, plans
from portal.operations.reports import claims, comments, filings, periods, revisions, verdicts
from portal.operations.reports.comments import Place
from portal.text import Text

POINT_OUT = Text(
    "Pek ut minst én linje eller verdi som må rettes: skriv en kommentar til den først.",
    "Point out at least one line or value to correct: write a comment on it first.",
)
MUSTS_ARE_OPEN = Text(
    "{count} kommentarer må rettes. Be om retting, eller endre kommentarene først.",
    "{count} comments must be corrected. Return the report, or change the comments first.",
)
ONE_MUST_IS_OPEN = Text(
    "1 kommentar må rettes. Be om retting, eller endre kommentaren først.",
    "1 comment must be corrected. Return the report, or change the comment first.",
)
OPENS_NOTHING = Text(
    "En kommentar til hele rapporten åpner ingenting. Pek også ut en verdi, en linje eller en del som skal rettes.",
    "A comment on the whole report opens nothing. Point out a value, a line or a part to correct as well.",
)
COMMENTED_SINCE = Text(
    "En kollega har skrevet eller endret kommentarer siden du åpnet siden. Les dem før du avgjør.",
    "A colleague has written or changed comments since you opened the page. Read them before you decide.",
)


def begin(report: Report, *, by: Membership) -> None:
    """Somebody who may review the newest revision reads it: from now on the supplier cannot take it back.

    Safe to repeat; when the supplier was first and has withdrawn it, nothing is begun.
    """
    impartiality.may_review(by, report)
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
    seen: str | None = None,
) -> Review:
    """Decide on the newest revision, once.

    A return reopens what the comments that must be corrected stand on. Every decision tells the supplier what was
    said, internal notes apart. `seen` is the seal of the comments that the person has read.

    Raises:
        Forbidden: the person may not review, or had a hand in the report.
        Conflict: somebody else has decided or commented, or the report has moved on; the words say who did what.
        Invalid: reasons or comments are missing, or stand in the way.
    """
    revision = _as_seen(report, by, version, seen)
    said = comments.on(revision)
    musts = [comment for comment in said if comment.must_be_corrected]
    _demand_words(decision, reasons, musts)
    review = Review(
        **report.parties, revision=revision, decision=decision, reasons=reasons.strip(), decided_by=by.person
    )
    db.session.add(review)
    comments.tell(said)
    if decision == Decision.RETURN:
        report.unlocks.extend(_unlocks(report, revision, musts))
    claims.release(report)
    db.session.flush()
    processes.complete(report, "review", {"decision": str(decision)}, by=by)
    periods.spare_correction(report)
    return review


def _as_seen(report: Report, by: Membership, version: int, seen: str | None) -> Revision:
    """The revision under review, if this person may decide on it and it is what they have read."""
    impartiality.may_review(by, report)
    processes.hold(report)
    revision = report.latest
    if report.state != ReportState.SUBMITTED or revision is None or report.version != version:
        raise Conflict(verdicts.who_decided(report))
    if seen is not None and seen != comments.seal(comments.on(revision)):
        raise Conflict(COMMENTED_SINCE)
    return revision


def _demand_words(decision: Decision, reasons: str, musts: Sequence[Comment]) -> None:
    if decision == Decision.REJECT and not reasons.strip():
        raise Invalid(SAY_WHY, (Problem("required", SAY_WHY, "reasons"),))
    if decision == Decision.APPROVE and musts:
        words = ONE_MUST_IS_OPEN if len(musts) == 1 else MUSTS_ARE_OPEN.with_values(count=len(musts))
        raise Invalid(words, (Problem("open_musts", words, "decision"),))
    if decision == Decision.RETURN and not any(comment.kind for comment in musts):
        words = OPENS_NOTHING if musts else POINT_OUT
        raise Invalid(words, (Problem("required", words, "decision"),))


def _unlocks(report: Report, revision: Revision, musts: Sequence[Comment]) -> Iterator[Unlock]:
    """One for each place; two comments on it are two lines of one."""
    said: dict[Place, list[str]] = {}
    for comment in musts:
        if comment.kind:
            said.setdefault(Place.of(comment), []).append(comment.text)
    for place, texts in said.items():
        yield Unlock(
            **report.parties,
            revision_id=revision.id,
            kind=place.kind,
            line_key=place.line_key,
            field=place.field,
            comment="\n".join(texts),
        )


# -- asked by the process -----------------------------------------------------------------------------------------


def plan(*, report_id: int, review_days: int) -> dict[str, object]:
    """Set the buyer's own deadline for the review, in working days, and tell the reviewers."""
    report = lookup.by_number(Report, report_id)
    report.review_due_at = deadlines.end_of_working_day(report.contract, review_days, clock.now())
    for person in accounts.people(report.buyer_id, Role.REVIEWER, about=report.contract_id):
        mail.write(person, "to_review", report.contract, report=report)
    return {"review_due_at": processes.moment(report.review_due_at)}


def remind(*, report_id: int) -> dict[str, object]:
    """The review's deadline is past: remind the reviewers, and tell the administrators."""
    report = lookup.by_number(Report, report_id)
    for person in accounts.people(report.buyer_id, Role.REVIEWER, Role.ADMINISTRATOR, about=report.contract_id):
        mail.write(person, "review_late", report.contract, report=report)
    record(report, "review.late", by=None)
    return {}


def approve(*, report_id: int, actor_id: int | None) -> dict[str, object]:
    """The revision is accepted; each section stands on it. No actor: the contract let it through without a person."""
    report = lookup.by_number(Report, report_id)
    revision = revisions.newest(report)
    for section in report.sections:
        section.accepted_revision_id = revision.id
    report.review_due_at, report.accepted_number, report.amendment_reason = None, revision.number, ""
    if actor_id is None:
        _note_unattended(report, revision)
    by = accounts.membership(actor_id) if actor_id is not None else None
    report.move(ReportState.APPROVED, by=by, revision=revision.number)
    plans.note(report, revision)
    _tell_supplier(report, "approved", revision)
    return {}


def send_back(*, report_id: int, actor_id: int) -> dict[str, object]:
    """Return for correction: only what was commented is open, with a new deadline."""
    report = lookup.by_number(Report, report_id)
    return _reopen(report, ReportState.RETURNED, accounts.membership(actor_id), "returned")


def reject(*, report_id: int, actor_id: int) -> dict[str, object]:
    """Close the revision as not accepted: the whole report is open again, and the breach is noted."""
    report = lookup.by_number(Report, report_id)
    answer = _reopen(report, ReportState.REJECTED, accounts.membership(actor_id), "rejected")
    review = revisions.newest(report).review
    filings.note_not_accepted(report, review.reasons if review else "")
    return answer


def _reopen(report: Report, state: ReportState, by: Membership, letter: str) -> dict[str, object]:
    revision = revisions.newest(report)
    review = revision.review
    report.due_at = deadlines.of_correction(report)
    report.review_due_at = report.overdue_at = None
    report.move(state, by=by, reason=review.reasons if review else "", revision=revision.number)
    _tell_supplier(report, letter, revision)
    return deadlines.process_data(report)


def _tell_supplier(report: Report, letter: str, revision: Revision) -> None:
    for person in accounts.people(report.supplier_id, Role.REPORTER, Role.SIGNATORY):
        mail.write(
            person,
            letter,
            report.contract,
            report=report,
            revision=revision,
            review=revision.review,
            asked=comments.asked(revision),
            asked_until=contract_days.asked_until(report),
        )


def _note_unattended(report: Report, revision: Revision) -> None:
    db.session.add(
        Review(
            **report.parties,
            revision=revision,
            decision=Decision.APPROVE,
        )
    )
