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

WARNING = "warning"


@blueprint.get("/sanctions/<uuid:public_id>/decision.pdf")
@requires(Permission.CASE_READ, Sanction)
@costly
def paper_decision(sanction: Sanction) -> ResponseReturnValue:
    """The decision as PDF, to keep, set from what the portal holds of it now."""
    if sanction.state not in IN_FORCE or sanction.decided_at is None:
        raise NotFound(NOT_HERE)
    content = paper.typeset("decision", _facts(sanction), made_at=sanction.decided_at)
    return papers.answer(content, _reference(sanction))


def _reference(sanction: Sanction) -> str:
    contract, at = sanction.contract, sanction.decided_at or sanction.created_at
    return f"{contract.reference}/{sanction.clause.clause}/{at.astimezone(ZoneInfo(contract.time_zone)):%Y-%m-%d}"


def _facts(sanction: Sanction) -> dict[str, Any]:
    contract, case = sanction.contract, sanction.deviation
    return {
        "language": current_language(),
        "portal": "Klimakontrakt",
        "title": _("Decision, %(contract)s", contract=contract.title),
        "author": contract.buyer.name,
        "reference": _reference(sanction),
        "lead": list(_decided(sanction)),
        "pairs": [list(pair) for pair in _pairs(sanction)],
        "parts": [
            {"title": _("What was found"), "paragraphs": [case.sentence[current_language()]]},
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
            buyer=contract.buyer.name,
        ),
    }


def _decided(sanction: Sanction) -> Iterator[str]:
    clause = sanction.deviation.clause
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
    contract = sanction.contract
    yield _("Reference"), _reference(sanction)
    yield _("Contract"), f"{contract.reference} {contract.title}"
    yield _("From"), contract.buyer.name
    yield _("To"), _("%(name)s, org. no. %(number)s", name=contract.supplier.name, number=contract.supplier.number)
    yield _("Proposed by"), sanction.proposed_by.name
    if sanction.decided_by and sanction.decided_at:
        yield _("Decided by"), sanction.decided_by.name
        yield _("Decided"), papers.moment(sanction.decided_at, contract.time_zone)
    yield _("In the audit trail"), papers.in_groups(anchors.proof_of_decision(sanction))


def _clause(sanction: Sanction) -> str:
    told: str = _("Clause %(clause)s: %(wording)s", clause=sanction.clause.clause, wording=sanction.clause.wording)
    return told


def _reasons(sanction: Sanction) -> Iterator[str]:
    yield sanction.reasons
    if sanction.comment:
        yield _("Whoever decided adds: %(comment)s", comment=sanction.comment)


def _value(row: dict[str, Any]) -> str:
    return f"{_shown(Decimal(row['value']))}\u00a0{row['unit']}" if row["unit"] else str(row["value"])


def _shown(number: Decimal) -> str:
    return quantities.shown(number, current_language())
