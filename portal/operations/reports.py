"""A report's way: ready, signed, frozen, computed, checked, and open again when it is returned or rejected."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.orm.attributes import set_committed_value

from portal import calendars, clock, permissions
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Line, Problem
from portal.model import (
    Answer,
    Check,
    Decision,
    Figure,
    Finding,
    Measured,
    Membership,
    Report,
    ReportState,
    Review,
    Revision,
    RevisionLine,
    Role,
    record,
)
from portal.model.base import Json
from portal.operations import (
    accounts,
    contracts,
    deviations,
    drafts,
    evidence,
    explanations,
    figures,
    letters,
    lookup,
    mail,
    processes,
)
from portal.operations.drafts import SectionState
from portal.operations.explanations import Place, Reasons, Warned
from portal.operations.figures import Assessment
from portal.permissions import Permission
from portal.quantities import canonical, rounded
from portal.text import Text

CORRECTION_WORKING_DAYS = 5
DONE = frozenset({ReportState.SUBMITTED, ReportState.APPROVED})
"""States in which a signature has been given and stands."""

NOT_READY = Text("Rapporten kan ikke sendes før dette er rettet.", "The report cannot be sent until this is mended.")
CHANGED_SINCE = Text(
    "Rapporten er endret siden du åpnet denne siden. Les svarene på nytt før du sender.",
    "The report has changed since you opened this page. Read the answers again before you send.",
)
NEEDS_REASONS = Text(
    "Rapporten kan ikke sendes før hver advarsel har en begrunnelse.",
    "The report cannot be sent before each warning has a reason.",
)
SAY_WHAT = Text("Skriv hva som skal endres.", "Say what is to be changed.")
ALREADY_SENT = Text("Rapporten er allerede sendt inn.", "The report has already been submitted.")


@dataclass(frozen=True)
class Summary:
    """A draft as the check page shows it: every section read, and, when nothing stops it, what follows from it."""

    sections: tuple[SectionState, ...]
    assessment: Assessment

    @property
    def said(self) -> dict[str, list[Problem]]:
        """Kind -> all that is said of it, whatever it leads to."""
        ruled = self.assessment.problems
        return {state.kind.key: [*state.problems, *ruled[state.kind.key]] for state in self.sections}

    @property
    def problems(self) -> list[Problem]:
        """What stops the signature, whatever reasons are given."""
        return [problem for said in self.said.values() for problem in said if problem.severity == "error"]

    @property
    def is_ready(self) -> bool:
        """Whether it may be signed."""
        return not self.problems


def summary(report: Report) -> Summary:
    """Read the whole draft and compute what it would say."""
    sections = tuple(drafts.state_of(report, section) for section in report.sections)
    lines = {state.kind.key: state.lines for state in sections if state.section.answer is not None}
    return Summary(sections, figures.assess(report, lines, drafts.history(report)))


def warnings(report: Report, found: Summary) -> list[Warned]:
    """What asks for a reason before the report is sent, and what has been said of it."""
    return explanations.warned(report, found.said)


def explain(report: Report, reasons: Reasons, *, by: Membership) -> None:
    """Store what is said of warnings without going on: nobody loses what they wrote because something else is amiss."""
    permissions.demand(by, Permission.REPORT_EDIT)
    processes.hold(report)
    explanations.keep(report, reasons, warnings(report, summary(report)), by=by)


def make_ready(report: Report, *, by: Membership, version: int, reasons: Reasons | None = None) -> None:
    """The reporter is done: the report goes to whoever may sign. `reasons`: what they say of warnings, with the act."""
    permissions.demand(by, Permission.REPORT_EDIT)
    _expect(report, version)
    _demand_complete(report, reasons or {}, by)
    _hand_over(report, by)
    for person in accounts.people(report.supplier_id, Role.SIGNATORY):
        if person.id != by.person_id:
            mail.write(person, "to_sign", report.contract, report=report)


def sign(report: Report, *, by: Membership, version: int, reasons: Reasons | None = None) -> Revision:
    """The signatory's signature: the revision is frozen, computed, checked and sent to review in this one act.

    Whoever fills in and signs does both here; nobody else is asked to sign what is signed already.
    """
    permissions.demand(by, Permission.REPORT_SIGN)
    processes.hold(report)
    if report.state in DONE:
        raise Conflict(ALREADY_SENT)
    _expect(report, version)
    _demand_complete(report, reasons or {}, by)
    if report.state != ReportState.TO_SIGN:
        _hand_over(report, by)
    report.note_preparer(by)
    processes.complete(report, "sign", {"signature": "given"}, by=by)
    revision = report.latest
    if revision is None:
        raise RuntimeError("The report's process did not freeze a revision.")
    for person in {person.id: person for person in (by.person, *deviations.recipients(report.supplier_id))}.values():
        mail.write(person, "receipt", report.contract, report=report, revision=revision)
    return revision


def withhold(report: Report, comment: str, *, by: Membership, version: int) -> None:
    """The signatory sends the draft back to whoever fills it in, who is told what to change."""
    permissions.demand(by, Permission.REPORT_SIGN)
    _expect(report, version)
    if report.state != ReportState.TO_SIGN:
        raise Conflict(CHANGED_SINCE)
    if not comment.strip():
        raise Invalid(SAY_WHAT, (Problem("required", SAY_WHAT, "comment"),))
    report.move(report.edited_as, by=by, reason=comment.strip(), action="report.withheld")
    processes.complete(report, "sign", {"signature": "withheld"}, by=by)
    for person in accounts.people(report.supplier_id, Role.REPORTER):
        if person.id != by.person_id:
            mail.write(person, "given_back", report.contract, report=report, by=by.person, comment=comment.strip())


def _demand_complete(report: Report, reasons: Reasons, by: Membership) -> None:
    """Nothing may stand against the draft, and each warning must have its reason."""
    if not report.is_editable and report.state != ReportState.TO_SIGN:
        raise Refused(drafts.NOT_EDITABLE)
    found = summary(report)
    explanations.keep(report, reasons, warnings(report, found), by=by)
    if not found.is_ready:
        raise Invalid(NOT_READY, tuple(found.problems))
    lacking = explanations.lacking(warnings(report, found))
    if lacking:
        raise Invalid(NEEDS_REASONS, tuple(lacking))


def _hand_over(report: Report, by: Membership) -> None:
    if not report.is_editable:
        raise Refused(drafts.NOT_EDITABLE)
    report.note_preparer(by)
    report.move(ReportState.TO_SIGN, by=by)
    processes.complete(report, "fill_in", {}, by=by)


def _expect(report: Report, version: int) -> None:
    processes.hold(report)
    if report.version != version:
        raise Conflict(CHANGED_SINCE)


# -- asked by the process -----------------------------------------------------------------------------------------


def freeze(*, report_id: int, actor_id: int) -> dict[str, object]:
    """Freeze what was signed as a revision that nothing can change."""
    report, by = lookup.by_number(Report, report_id), accounts.membership(actor_id)
    signed_at = clock.now()
    zone = report.contract.time_zone
    late = (calendars.local_day(signed_at, zone) - calendars.local_day(report.period.due_at, zone)).days
    if report.is_amendment:
        late = 0  # what it amends was delivered
    revision = Revision(
        **report.parties,
        number=len(report.revisions) + 1,
        answers={
            section.kind: {"answer": str(section.answer), "reason": section.reason} for section in report.sections
        },
        pins=report.pins,
        preparers=report.preparers,
        signed_by=by.person,
        signed_at=signed_at,
        late_by_days=max(late, 0),
        amendment_reason=report.amendment_reason,
    )
    found = summary(report)
    revision.reasons = explanations.frozen(warnings(report, found))
    for state in found.sections:
        if state.section.answer == Answer.FILLED:
            revision.lines.extend(_frozen(position, state.kind.key, line) for position, line in enumerate(state.lines))
    evidence.freeze(report, revision)
    revision.hash = content_hash(report, revision)
    report.revisions.append(revision)
    report.review_begun_at = report.review_begun_by_id = None
    report.move(ReportState.SUBMITTED, by=by, revision=revision.number, hash=revision.hash)
    db.session.flush()
    evidence.note_signed(revision)
    if revision.number == 1 and late > 0:
        deviations.note_late(report, late)
    return {}


def content_hash(report: Report, revision: Revision) -> str:
    """SHA-256 over everything that was signed, in one canonical form; printed on the receipt."""
    said = {
        "report": str(report.public_id),
        "contract": report.contract.reference,
        "period": [report.period.starts_on.isoformat(), report.period.ends_on.isoformat()],
        "revision": revision.number,
        "answers": revision.answers,
        "pins": revision.pins,
        "preparers": revision.preparers,
        "signed_by": revision.signed_by.id,
        "signed_at": revision.signed_at.isoformat(timespec="microseconds"),
        "lines": [[line.kind, str(line.key), line.position, line.values] for line in revision.lines],
    }
    # Left out when empty: revisions that were signed before there was such a thing keep their hash.
    said |= {"reasons": revision.reasons} if revision.reasons else {}
    said |= {"amendment_reason": revision.amendment_reason} if revision.amendment_reason else {}
    return hashlib.sha256(
        json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    ).hexdigest()


def compute(*, report_id: int) -> dict[str, object]:
    """Store the measures, figures and findings of the newest revision."""
    report = lookup.by_number(Report, report_id)
    revision = _latest(report)
    found = _assessed(report, revision)
    rows = {(line.kind, str(line.key)): line for line in revision.lines}
    for kind, by_line in found.measures.items():
        for key, measures in by_line.items():
            db.session.add_all(
                Measured(
                    line_id=rows[kind, key].id,
                    **report.parties,
                    period_id=report.period_id,
                    kind=kind,
                    key=measure.key,
                    unit=measure.unit,
                    dimensions=dict(measure.dimensions),
                    amount=measure.amount,
                )
                for measure in measures
            )
    basis = [text.dump() for text in found.basis]
    revision.figures.extend(_figure_row(figure, basis) for figure in found.figures)
    revision.findings.extend(_finding_row(judgement) for judgement in found.judgements)
    db.session.flush()
    return {}


def check(*, report_id: int) -> dict[str, object]:
    """Store what the rules say about the newest revision; the answer is what the routing table decides on."""
    report = lookup.by_number(Report, report_id)
    revision = _latest(report)
    found, reasons = _assessed(report, revision), explanations.signed(revision.reasons)
    revision.checks.extend(
        Check(
            kind=kind,
            line_key=problem.line,
            field=problem.field,
            rule=problem.rule,
            severity=problem.severity,
            text=problem.text.dump(),
            reason=reasons.get(Place(kind, problem.rule, problem.line, problem.field), ""),
        )
        for kind, problems in found.problems.items()
        for problem in problems
    )
    db.session.flush()
    unclear = sum(judgement.result == "unknown" for judgement in found.judgements)
    return {
        "breaches": len(found.broken),
        "warnings": found.count("warning") + found.count("flag") + unclear,
        "unattended_allowed": report.contract.unattended_review,
    }


def remind(*, report_id: int) -> dict[str, object]:
    """Tell those who fill in that the deadline is near."""
    report = lookup.by_number(Report, report_id)
    for person in accounts.people(report.supplier_id, Role.REPORTER, Role.SIGNATORY):
        mail.write(person, "reminder", report.contract, report=report)
    record(report, "report.reminded", by=None)
    return {}


def mark_overdue(*, report_id: int) -> dict[str, object]:
    """The deadline is past and no report, or no correction of it, is in: the duty to report is broken."""
    report = lookup.by_number(Report, report_id)
    if report.state in DONE or (report.overdue_at is not None and report.overdue_at >= report.due_at):
        return {}
    # Past the row's version: the portal's own note must not turn away whoever is saving at this very moment.
    now = clock.now()
    noted = update(Report).where(Report.id == report.id).values(overdue_at=now)
    db.session.execute(noted.execution_options(synchronize_session=False))
    set_committed_value(report, "overdue_at", now)
    record(report, "report.overdue", by=None, due_at=report.due_at.isoformat())
    if report.revisions:
        deviations.note_correction_missing(report)
    else:
        deviations.note_missing(report)
    for person in deviations.recipients(report.supplier_id):
        mail.write(person, "overdue", report.contract, report=report)
    return {}


def approve(*, report_id: int, actor_id: int | None) -> dict[str, object]:
    """The revision is accepted; each section stands on it. No actor: the contract let it through without a person."""
    report = lookup.by_number(Report, report_id)
    revision = _latest(report)
    for section in report.sections:
        section.accepted_revision_id = revision.id
    report.review_due_at, report.accepted_number, report.amendment_reason = None, revision.number, ""
    if actor_id is None:
        _note_unattended(report, revision)
    by = accounts.membership(actor_id) if actor_id is not None else None
    report.move(ReportState.APPROVED, by=by, revision=revision.number)
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
    review = _latest(report).review
    deviations.note_not_accepted(report, review.reasons if review else "")
    return answer


def _reopen(report: Report, state: ReportState, by: Membership, letter: str) -> dict[str, object]:
    revision = _latest(report)
    review = revision.review
    report.due_at = contracts.new_deadline(report.contract, CORRECTION_WORKING_DAYS)
    report.review_due_at = report.overdue_at = None
    report.move(state, by=by, reason=review.reasons if review else "", revision=revision.number)
    _tell_supplier(report, letter, revision)
    return contracts.deadlines(report)


def _tell_supplier(report: Report, letter: str, revision: Revision) -> None:
    for person in accounts.people(report.supplier_id, Role.REPORTER, Role.SIGNATORY):
        mail.write(
            person,
            letter,
            report.contract,
            report=report,
            revision=revision,
            review=revision.review,
            asked=letters.asked(revision),
        )


def _latest(report: Report) -> Revision:
    if report.latest is None:
        raise RuntimeError(f"Report {report.public_id} has no revision.")
    return report.latest


def _assessed(report: Report, revision: Revision) -> Assessment:
    lines: Mapping[str, list[Line]] = {**{kind: [] for kind in revision.answers}, **drafts.frozen_lines(revision)}
    return figures.assess(report, lines, drafts.history(report))


def _note_unattended(report: Report, revision: Revision) -> None:
    db.session.add(
        Review(
            **report.parties,
            revision=revision,
            decision=Decision.APPROVE,
        )
    )


def _frozen(position: int, kind: str, line: Line) -> RevisionLine:
    return RevisionLine(kind=kind, key=uuid.UUID(line.key), position=position, values=dict(line.values))


def _figure_row(figure: figures.ComputedFigure, basis: list[dict[str, str]]) -> Figure:
    tally = figure.tally
    known = tally.value is not None
    return Figure(
        kind=figure.kind,
        indicator=figure.indicator.key,
        unit=tally.unit,
        numerator=tally.numerator if known else None,
        denominator=tally.denominator if known else None,
        factors=list(figure.factors),
        basis=basis,
        unknown=None if known or tally.reason is None else tally.reason.dump(),
    )


def _finding_row(judgement: figures.Judgement) -> Finding:
    value: Json = {
        "value": canonical(rounded(judgement.value)) if judgement.value is not None else None,
        "unit": judgement.unit,
        "shown": judgement.shown.dump(),
        "breaches": judgement.breaches,
    }
    return Finding(
        requirement_id=judgement.requirement.id,
        requirement=judgement.requirement,
        result=judgement.result,
        figure=value,
        lines=list(judgement.lines),
        sentence=judgement.sentence.dump(),
    )
