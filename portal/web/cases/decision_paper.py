"""The decision on a sanction as a paper to keep: what was decided, on what ground, and where it stands in the trail."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal import paper, quantities
from portal.errors import NotFound
from portal.model import Sanction
from portal.model.sanctions import IN_FORCE
from portal.operations import anchors
from portal.operations.lookup import NOT_HERE
from portal.permissions import Permission
from portal.web import papers
from portal.web.access import requires
from portal.web.cases.cases import blueprint
from portal.web.costly import costly
from portal.web.languages import current_language
from portal.web.reading import reads

WARNING = "warning"


@blueprint.get("/sanctions/<uuid:public_id>/decision.pdf")
@requires(Permission.CASE_READ, Sanction)
@costly
@reads("decision")
def paper_decision(sanction: Sanction) -> ResponseReturnValue:
    """The decision as PDF, to keep: the same decision in the same language is the same file, whatever came after."""
    if sanction.state not in IN_FORCE or sanction.decided_at is None:
        raise NotFound(NOT_HERE)
    content = paper.typeset("decision", _facts(sanction), made_at=sanction.decided_at)
    return papers.answer(content, _reference(sanction))


def _reference(sanction: Sanction) -> str:
    said, at = sanction.on_paper, sanction.decided_at or sanction.created_at
    return f"{said['reference']}/{said['clause']}/{at.astimezone(ZoneInfo(said['zone'])):%Y-%m-%d}"


def _facts(sanction: Sanction) -> dict[str, Any]:
    said = sanction.on_paper
    return {
        "language": current_language(),
        "portal": "Klimakontrakt",
        "title": _("Decision, %(contract)s", contract=said["title"]),
        "author": said["buyer"],
        "reference": _reference(sanction),
        "lead": list(_decided(sanction)),
        "pairs": [list(pair) for pair in _pairs(sanction)],
        "parts": [
            {"title": _("What was found"), "paragraphs": [said["found"][current_language()]]},
            {"title": _("The sanction clause"), "paragraphs": [_clause(sanction)]},
            {"title": _("Reasons"), "paragraphs": list(_reasons(sanction))},
        ],
        "calculation": {
            "title": _("How it is calculated"),
            "heads": [_("What"), _("Value")],
            "rows": [[row["text"][current_language()], _value(row)] for row in sanction.calculation],
        },
        "objection": _(
            "If you do not agree, write to %(buyer)s and say which part of the decision you object to and why, as the "
            "contract provides.",
            buyer=said["buyer"],
        ),
    }


def _decided(sanction: Sanction) -> Iterator[str]:
    clause = sanction.on_paper["breach"]
    if sanction.step == WARNING or sanction.amount is None:
        yield _("We have decided to give you a written warning for breach of clause %(clause)s.", clause=clause)
        return
    yield _(
        "We have decided on a sanction of %(amount)s %(currency)s for breach of clause %(clause)s.",
        amount=_shown(sanction.amount),
        currency=sanction.currency,
        clause=clause,
    )
    if sanction.waived:
        yield _(
            "The clause gives %(gross)s %(currency)s. We do not ask for %(waived)s %(currency)s of it: %(reason)s",
            gross=_shown(sanction.amount + sanction.waived),
            waived=_shown(sanction.waived),
            currency=sanction.currency,
            reason=sanction.waiver_reason,
        )


def _pairs(sanction: Sanction) -> Iterator[tuple[str, str]]:
    said = sanction.on_paper
    yield _("Reference"), _reference(sanction)
    yield _("Contract"), f"{said['reference']} {said['title']}"
    yield _("From"), said["buyer"]
    yield _("To"), _("%(name)s, org. no. %(number)s", name=said["supplier"], number=said["number"])
    yield _("Proposed by"), said["proposed_by"]
    yield _("Decided by"), said["decided_by"]
    if sanction.decided_at:
        yield _("Decided"), papers.moment(sanction.decided_at, said["zone"])
    yield _("In the audit trail"), papers.in_groups(anchors.proof_of_decision(sanction))


def _clause(sanction: Sanction) -> str:
    said = sanction.on_paper
    told: str = _("Clause %(clause)s: %(wording)s", clause=said["clause"], wording=said["wording"])
    return told


def _reasons(sanction: Sanction) -> Iterator[str]:
    yield sanction.reasons
    if sanction.comment:
        yield _("Whoever decided adds: %(comment)s", comment=sanction.comment)


def _value(row: dict[str, Any]) -> str:
    return f"{_shown(Decimal(row['value']))}\u00a0{row['unit']}" if row["unit"] else str(row["value"])


def _shown(number: Decimal) -> str:
    return quantities.shown(number, current_language())
