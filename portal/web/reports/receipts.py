"""The receipt of a signed revision, as a page and as a paper: who signed what when, and what happens next."""

from decimal import Decimal
from typing import Any, NamedTuple

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from portal import paper, quantities
from portal.errors import NotFound
from portal.kinds import Kind
from portal.model import Report, Revision
from portal.operations import anchors
from portal.operations.contracts import contracts
from portal.operations.lookup import NOT_HERE
from portal.permissions import Permission
from portal.text import Text
from portal.web import papers
from portal.web.access import requires
from portal.web.costly import costly
from portal.web.languages import current_language
from portal.web.reading import AN_HOUR, reads
from portal.web.reports import corrections, report_views
from portal.web.reports.report_views import FrozenSection
from portal.web.reports.reports import blueprint

NOTHING = "nothing"


class Total(NamedTuple):
    """The sum of one column in one unit, as it was reported."""

    label: str
    amount: str


class AnsweredPart(NamedTuple):
    """One section as it was signed, in short."""

    title: str
    said: str
    totals: list[Total]


class Reason(NamedTuple):
    """A warning, and what the supplier said of it."""

    warning: str
    text: str


class Receipt(NamedTuple):
    """All that a receipt says, in the reader's language."""

    reference: str
    month: str
    signed_at: str
    pairs: list[tuple[str, str]]
    parts: list[AnsweredPart]
    reasons: list[Reason]
    steps: list[str]


@blueprint.get("/<uuid:public_id>/receipt")
@requires(Permission.REPORT_READ, Report)
@reads("report", once_in=AN_HOUR)
def receipt(report: Report) -> ResponseReturnValue:
    """The receipt of the newest revision."""
    if report.latest is None:
        raise NotFound(NOT_HERE)
    return _page(report.latest)


@blueprint.get("/revisions/<uuid:public_id>/receipt")
@requires(Permission.REPORT_READ, Revision)
@reads("report", once_in=AN_HOUR)
def revision_receipt(revision: Revision) -> ResponseReturnValue:
    """The receipt of any revision: it stays what it was, whatever came after."""
    return _page(revision, by_number=True)


@blueprint.get("/revisions/<uuid:public_id>/receipt.pdf")
@requires(Permission.REPORT_READ, Revision)
@costly
@reads("receipt")
def paper_receipt(revision: Revision) -> ResponseReturnValue:
    """The receipt as PDF, to keep: the same revision in the same language is the same file."""
    told = of_revision(revision)
    content = paper.typeset("receipt", _facts(revision, told), made_at=revision.signed_at)
    return papers.answer(content, told.reference)


def _page(revision: Revision, *, by_number: bool = False) -> str:
    report = revision.report
    return render_template(
        "reports/receipt.html",
        report=report,
        revision=revision,
        receipt=of_revision(revision),
        told=corrections.told(report, corrections.for_supplier(report), contracts.counting_kinds(report)),
        may_answer=False,
        reply=None,
        by_number=by_number,
        is_newest=revision is report.latest,
        is_in_force=revision is report.accepted,
    )


def of_revision(revision: Revision) -> Receipt:
    """What the receipt of a revision says."""
    report, said = revision.report, revision.on_paper
    kinds = contracts.counting_kinds(report)
    month = report.period.name.to(current_language())
    signed_at = papers.moment(revision.signed_at, said["zone"])
    supplier = _("%(name)s, org. no. %(number)s", name=said["supplier"], number=said["number"])
    pairs = [
        (_("Reference"), f"{said['reference']}/{report.period.starts_on:%Y-%m}/{revision.number}"),
        (_("Contract"), f"{said['reference']} {said['title']}"),
        (_("Period"), month),
        (_("Revision"), str(revision.number)),
        (_("From"), supplier),
        (_("To"), said["buyer"]),
        (_("Signed by"), said["signed_by"]),
        (_("Received"), signed_at),
    ]
    if proof := anchors.proof_of(revision):
        pairs.append((_("In the audit trail"), papers.in_groups(proof)))
    if revision.amendment_reason:
        pairs.append((_("Amends what was approved"), revision.amendment_reason))
    frozen = report_views.frozen(revision, kinds)
    return Receipt(
        reference=pairs[0][1],
        month=month,
        signed_at=signed_at,
        pairs=pairs,
        parts=[_part(part) for part in frozen.sections],
        reasons=[
            Reason(Text.load(check.text).to(current_language()), check.reason)
            for check in revision.checks
            if check.reason
        ],
        steps=_steps(said["buyer"]),
    )


def _part(part: FrozenSection) -> AnsweredPart:
    if part.answer["answer"] == NOTHING:
        return AnsweredPart(_title(part.kind), _("Nothing to report: %(reason)s", reason=part.answer["reason"]), [])
    totals = [
        Total(column.label.to(current_language()), _amount(sum_, unit))
        for column in part.kind.columns
        for unit, sum_ in sorted(part.totals.get(column.key, {}).items())
    ]
    said = ngettext("%(num)d line", "%(num)d lines", len(part.lines))
    return AnsweredPart(_title(part.kind), said, totals)


def _steps(buyer: str) -> list[str]:
    return [
        _("%(buyer)s reviews the report.", buyer=buyer),
        _("You get an e-mail when it is approved, or when something must be corrected."),
        _(
            "If a requirement is broken, the buyer may send you a notice. "
            "You always get time to reply before anything is decided."
        ),
    ]


# -- on paper ----------------------------------------------------------------------------------------------------------


def _facts(revision: Revision, told: Receipt) -> dict[str, Any]:
    """The receipt as plain data for the paper, with its figures and all their words."""
    late = ngettext(
        "It came %(num)d day after the deadline.", "It came %(num)d days after the deadline.", revision.late_by_days
    )
    return {
        "language": current_language(),
        "portal": "Klimakontrakt",
        "title": _("Receipt for %(month)s, %(contract)s", month=told.month, contract=revision.on_paper["title"]),
        "author": revision.on_paper["supplier"],
        "reference": told.reference,
        "lead": [late] if revision.late_by_days and revision.number == 1 else [],
        "pairs": [list(pair) for pair in told.pairs],
        "hash": papers.in_groups(revision.hash),
        "hash-label": _("Fingerprint (SHA-256)"),
        "hash-says": _(
            "The fingerprint is computed from everything that was signed. "
            "If one digit of the report were changed, the fingerprint would be another."
        ),
        "answers": {
            "title": _("What was sent"),
            "parts": [
                {
                    "title": part.title,
                    "said": part.said,
                    "heads": [_("Field"), _("Total, as reported")],
                    "totals": [list(total) for total in part.totals],
                }
                for part in told.parts
            ],
        },
        "figures": _figures(revision),
        "reasons": {
            "title": _("What you said of the warnings"),
            "heads": [_("Warning"), _("Reason")],
            "rows": [list(reason) for reason in told.reasons],
        },
        "next": {"title": _("What happens next"), "steps": told.steps},
    }


def _figures(revision: Revision) -> dict[str, Any]:
    language = current_language()
    kinds = contracts.counting_kinds(revision.report)
    frozen = report_views.frozen(revision, kinds)
    parts = [
        {
            "title": _("Figures: %(part)s", part=_title(part.kind)),
            "heads": [_("Figure"), _("Value"), _("Factors from")],
            "rows": [_figure_row(row, language) for row in part.figures],
        }
        for part in frozen.sections
        if part.figures and part.answer["answer"] != NOTHING
    ]
    return {
        "title": _("What the figures come to"),
        "basis": [sentence.to(language) for sentence in frozen.basis],
        "parts": parts,
    }


def _figure_row(row: report_views.FigureRow, language: str) -> list[str]:
    if row.value is None:
        return [row.indicator.title.to(language), _("Cannot be computed"), row.unknown.to(language)]
    value = _amount(round(row.value, 1), row.unit)
    return [row.indicator.title.to(language), value, row.basis.to(language) or _("None: counted from the lines")]


def _title(kind: Kind) -> str:
    return kind.title.to(current_language())


def _amount(number: Decimal, unit: str) -> str:
    return f"{quantities.shown(number, current_language())}\u00a0{unit}".rstrip()
