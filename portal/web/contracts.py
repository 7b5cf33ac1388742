"""What was agreed: contracts with their requirements, sanction clauses, basis and reporting periods."""

from typing import NamedTuple

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from portal import kinds
from portal.factors import Basis
from portal.kinds import carriers
from portal.model import DUTIES_TO_FILE, REPORTING_DUTY, Contract, Requirement, SanctionClause
from portal.operations import figures, previews
from portal.permissions import Permission
from portal.text import Text
from portal.web import lists, requirement_views
from portal.web.access import current_membership, requires

blueprint = Blueprint("contracts", __name__, url_prefix="/contracts")

REPORT_ON_TIME = Text("Rapportere innen fristen", "Report in time")
REPORT_ON_TIME_MEANS = Text(
    "Hver månedsrapport er sendt inn senest {days} virkedager etter at måneden er slutt.",
    "Each monthly report is filed no later than {days} working days after the end of the month.",
)


class Duty(NamedTuple):
    """A requirement as people read it."""

    requirement: Requirement
    title: Text
    means: Text
    threshold: Text | None
    sanction: SanctionClause | None


@blueprint.get("")
@requires(Permission.CONTRACT_READ)
def index() -> ResponseReturnValue:
    """The contracts the acting organisation is a party to."""
    return render_template("contracts/index.html", page=lists.contracts(current_membership(), request.args))


@blueprint.get("/<uuid:public_id>")
@requires(Permission.CONTRACT_READ, Contract)
def show(contract: Contract) -> ResponseReturnValue:
    """Everything that the reports of a contract are held against, and the reports."""
    known = kinds.kinds()
    return render_template(
        "contracts/show.html",
        contract=contract,
        duties=[_in_words(contract, duty) for duty in contract.requirements],
        kinds=[known[key] for key in contract.kinds if key in known],
        previews=previews.of(contract),
        basis=(*Basis.load(contract.basis).sentences(), *carriers.counted_in_words(contract.counted)),
        page=lists.reports(current_membership(), {"contract": str(contract.public_id)}),
    )


def _in_words(contract: Contract, duty: Requirement) -> Duty:
    sanction = contract.clause_for(duty)
    if duty.indicator == REPORTING_DUTY:
        means = REPORT_ON_TIME_MEANS.with_values(days=contract.due_days)
        return Duty(duty, REPORT_ON_TIME, means, None, sanction)
    if duty.indicator in DUTIES_TO_FILE:
        once = requirement_views.of(duty)
        return Duty(duty, once.title, once.means, once.limit, sanction)
    kind = kinds.described(duty.kind)
    indicator = kind.indicator(duty.indicator)
    return Duty(duty, indicator.title, indicator.sentence, figures.threshold_in_words(kind, duty), sanction)
