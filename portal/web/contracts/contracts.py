"""What was agreed: contracts with their requirements, sanction clauses, basis and reporting periods."""

from typing import NamedTuple

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import calendars, kinds
from portal.factors import Basis
from portal.kinds import carriers
from portal.kinds.base import Field, Parsed
from portal.model import DUTIES_TO_FILE, REPORTING_DUTY, Contract, ContractState, Requirement, SanctionClause
from portal.operations.cases import previews
from portal.operations.contracts import contract_lists
from portal.operations.contracts.contract_facts import YES_ONLY
from portal.operations.contracts.deadline_facts import DEADLINES, NOTICES
from portal.operations.figures import figures
from portal.operations.people import staffing
from portal.operations.running import contract_accounts, contract_life
from portal.permissions import Permission, allowed
from portal.text import Text
from portal.web import choices, lists
from portal.web.access import current_membership, requires
from portal.web.contracts import requirement_views

blueprint = Blueprint("contracts", __name__, url_prefix="/contracts")
blueprint.add_app_template_filter(calendars.period_name, "period_in_words")

REPORT_ON_TIME = Text("Rapportere innen fristen", "Report in time")
REPORT_ON_TIME_MEANS = Text(
    "Hver rapport er sendt inn innen fristen som kontrakten setter.",
    "Each report is filed by the deadline that the contract sets.",
)


LINKS = {
    "doffin": "https://www.doffin.no/notices/{value}",
    "ted": "https://ted.europa.eu/en/notice/-/detail/{value}",
}
"""Scheme of a reference -> where the public reads it; a scheme that is not here has no such place."""


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
    by = current_membership()
    page = lists.contracts(by, request.args)
    return render_template(
        "contracts/index.html",
        page=page,
        suppliers=choices.suppliers(by, page.chosen["supplier"]),
        may_edit=allowed(by, Permission.CONTRACT_EDIT),
    )


@blueprint.get("/<uuid:public_id>")
@requires(Permission.CONTRACT_READ, Contract)
def show(contract: Contract) -> ResponseReturnValue:
    """Everything that the reports of a contract are held against, and the reports."""
    if contract.state == ContractState.DRAFT:
        return redirect(url_for(".set_up", public_id=contract.public_id), 303)
    known, by = kinds.kinds(), current_membership()
    may_edit = allowed(by, Permission.CONTRACT_EDIT)
    is_over = contract.state in {ContractState.COMPLETED, ContractState.CLOSED}
    return render_template(
        "contracts/show.html",
        contract=contract,
        may_edit=may_edit and contract.state != ContractState.CLOSED,
        acts=contract_life.may(contract) if may_edit else [],
        progress=contract_accounts.plan_against_actual(contract),
        time_used=contract_accounts.time_used(contract),
        account=contract_accounts.final_account(contract) if is_over else None,
        may_redact=by.organisation_id == contract.buyer_id and allowed(by, Permission.ACCESS_GIVE),
        is_supplier=by.organisation_id == contract.supplier_id,
        named=contract_lists.named,
        links=LINKS,
        rules=_rules(contract),
        duties=[in_words(contract, duty) for duty in contract.requirements],
        kinds=[known[key] for key in contract.kinds if key in known],
        previews=previews.of(contract, by=by),
        basis=(*Basis.load(contract.basis).sentences(), *carriers.counted_in_words(contract.counted)),
        page=lists.reports(by, {"contract": str(contract.public_id)}),
        **staffing_of(contract),
    )


def staffing_of(contract: Contract) -> dict[str, object]:
    """Who can do what at the buyer, for the buyer's own eyes, and whether one may declare an interest."""
    by = current_membership()
    return {
        "staffing": staffing.of(contract) if by.organisation_id == contract.buyer_id else None,
        "may_declare": allowed(by, Permission.INTEREST_DECLARE),
    }


def _rules(contract: Contract) -> list[tuple[Field, Parsed]]:
    """The rules of its deadlines, as they were entered; what was left open is left out."""
    facts = [fact for part in (DEADLINES, NOTICES) for fact in part.facts if fact.field.choices != YES_ONLY]
    found = [(fact.field, fact.get(contract)) for fact in facts]
    return [(field, value) for field, value in found if value is not None]


def in_words(contract: Contract, duty: Requirement) -> Duty:
    """A requirement as people read it."""
    sanction = contract.clause_for(duty)
    if duty.indicator == REPORTING_DUTY:
        return Duty(duty, REPORT_ON_TIME, REPORT_ON_TIME_MEANS, None, sanction)
    if duty.indicator in DUTIES_TO_FILE:
        once = requirement_views.of(duty)
        return Duty(duty, once.title, once.means, once.limit, sanction)
    kind = kinds.described(duty.kind)
    indicator = kind.indicator(duty.indicator)
    return Duty(duty, indicator.title, indicator.sentence, figures.threshold_in_words(kind, duty), sanction)
