"""What was signed: frozen as a revision that nothing can change, computed, and checked by the rules."""

import hashlib
import json
import uuid
from collections.abc import Mapping

from portal import clock
from portal.extensions import db
from portal.kinds.base import Line
from portal.model import (
    Answer,
    Check,
    Figure,
    Finding,
    Measured,
    Report,
    ReportState,
    Revision,
    RevisionLine,
)
from portal.model.audit import add_facts
from portal.model.base import Json
from portal.operations import accounts, deadlines, lookup, papers, time_asked
from portal.operations.entry import drafts, evidence, explanations
from portal.operations.entry.explanations import Subject
from portal.operations.figures import figures
from portal.operations.figures.figures import Assessment
from portal.operations.reports import filings, reports
from portal.quantities import canonical, rounded

# -- asked by the process ---------------------------------------------------------------------------------------------


def freeze(*, report_id: int, actor_id: int) -> dict[str, object]:
    """Freeze what was signed as a revision that nothing can change."""
    report, by = lookup.by_number(Report, report_id), accounts.membership(actor_id)
    signed_at = clock.now()
    # What it amends was delivered; and days that the buyer took to answer a request for more time never count.
    in_time = time_asked.lapse(report) or report.is_amendment
    late = 0 if in_time else deadlines.days_late(report, signed_at)
    if not in_time:
        filings.note_delivered(report, signed_at)
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
        late_by_days=late,
        amendment_reason=report.amendment_reason,
        secrets={section.kind: section.secrets for section in report.sections if section.secrets},
    )
    found = reports.summary(report)
    revision.reasons = explanations.frozen(reports.warnings(report, found))
    for state in found.sections:
        if state.section.answer == Answer.FILLED:
            revision.lines.extend(_frozen(position, state.kind.key, line) for position, line in enumerate(state.lines))
    evidence.freeze(report, revision)
    revision.hash = content_hash(report, revision)
    report.revisions.append(revision)
    revision.public_id = uuid.uuid4()
    paper = papers.keep_receipt(revision)
    report.review_begun_at = report.review_begun_by_id = None
    report.move(ReportState.SUBMITTED, by=by, revision=revision.number, hash=revision.hash, paper=paper)
    db.session.flush()
    evidence.note_signed(revision)
    return {}


def compute(*, report_id: int) -> dict[str, object]:
    """Store the measures, figures and findings of the newest revision."""
    report = lookup.by_number(Report, report_id)
    revision = newest(report)
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
    revision = newest(report)
    found, reasons = _assessed(report, revision), explanations.signed(revision.reasons)
    revision.checks.extend(
        Check(
            kind=kind,
            line_key=problem.line,
            field=problem.field,
            rule=problem.rule,
            severity=problem.severity,
            text=problem.text.dump(),
            reason=reasons.get(Subject.of(kind, problem), ""),
        )
        for kind, problems in found.problems.items()
        for problem in problems
    )
    db.session.flush()
    add_facts(report, "report.submitted", computed=papers.of_computed(revision))
    unclear = sum(judgement.result == "unknown" for judgement in found.judgements)
    return {
        "breaches": len(found.broken),
        "warnings": found.count("warning") + found.count("flag") + unclear,
        "unattended_allowed": report.contract.unattended_review,
    }


# -- read -----------------------------------------------------------------------------------------------------------


def newest(report: Report) -> Revision:
    """The revision that the process is about."""
    if report.latest is None:
        raise RuntimeError(f"Report {report.public_id} has no revision.")
    return report.latest


def content_hash(report: Report, revision: Revision) -> str:
    """SHA-256 over everything that was signed, in one canonical form; printed on the receipt.

    The lines come as they were signed, part by part in the report's own order: the one they were stored in.
    """
    lines = sorted(revision.lines, key=lambda line: line.id or 0)
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
        "lines": [[line.kind, str(line.key), line.position, line.values] for line in lines],
    }
    # Left out when empty: revisions that were signed before there was such a thing keep their hash.
    said |= {"reasons": revision.reasons} if revision.reasons else {}
    said |= {"amendment_reason": revision.amendment_reason} if revision.amendment_reason else {}
    said |= {"secrets": revision.secrets} if revision.secrets else {}
    return hashlib.sha256(
        json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    ).hexdigest()


def _assessed(report: Report, revision: Revision) -> Assessment:
    lines: Mapping[str, list[Line]] = {**{kind: [] for kind in revision.answers}, **drafts.frozen_lines(revision)}
    return figures.assess(report, lines, drafts.history(report))


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
