"""The list of sanctions: what is proposed and decided, in all contracts one is a party to."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for

from portal.model import OrganisationKind, Sanction, SanctionState
from portal.operations.cases import sanction_register
from portal.operations.cases.sanction_register import Order, SanctionFilter
from portal.permissions import Permission
from portal.web import choices, labels, lists
from portal.web.access import current_membership, requires
from portal.web.narrowing import AGES, Narrowed

blueprint = Blueprint("sanctions", __name__, url_prefix="/sanctions")

ORDERS = {
    Order.NEWEST: N_("Newest first"),
    Order.OLDEST: N_("Oldest first"),
    Order.LARGEST: N_("Largest amount"),
    Order.CONTRACT: N_("Contract"),
    Order.STEP: N_("Step"),
}
NAMES = ("contract", "state", "age", "least", "most", "order")


@blueprint.get("")
@requires(Permission.CASE_READ)
def index() -> ResponseReturnValue:
    """Sanctions the acting organisation is a party to; a supplier's from when they are decided."""
    by = current_membership()
    given = {name: request.args.get(name, "").strip() for name in NAMES}
    given["contract"] = str(choices.contract_of(by, given["contract"]) or "")
    narrowed = Narrowed("sanctions.index", given)
    chosen = _filter(narrowed)
    rows = sanction_register.page(by, chosen, choices.uuid_of(request.args.get("after", "")), lists.PAGE + 1)
    contracts = choices.contracts(by, Sanction, given["contract"])
    following = narrowed.address(after=str(rows[lists.PAGE - 1].public_id)) if len(rows) > lists.PAGE else ""
    return render_template(
        "sanctions/index.html",
        rows=rows[: lists.PAGE],
        sums=sanction_register.sums(by, chosen),
        given=given,
        wrong=narrowed.wrong,
        chips=narrowed.chips(_in_words(narrowed, contracts)),
        contracts=contracts,
        ages=AGES,
        orders=ORDERS,
        is_buyer=by.organisation.kind == OrganisationKind.BUYER,
        states=_states(by.organisation.kind),
        next_url=following,
    )


def _filter(narrowed: Narrowed) -> SanctionFilter:
    """What the address asks for; what makes no sense is left out."""
    given = narrowed.given
    return SanctionFilter(
        contract=choices.uuid_of(given["contract"]),
        state=next((state for state in SanctionState if state == given["state"]), None),
        older_than_days=narrowed.older_than_days(),
        least=narrowed.amount("least"),
        most=narrowed.amount("most"),
        order=next((order for order in Order if order == given["order"]), Order.NEWEST),
    )


def _in_words(narrowed: Narrowed, contracts: choices.Choices) -> dict[str, str]:
    given = narrowed.given
    state = given["state"]
    return {
        "contract": contracts.named(given["contract"]),
        "state": str(labels.SANCTION[SanctionState(state)].label) if state in set(SanctionState) else "",
        "age": str(AGES.get(given["age"], "")),
        **narrowed.amounts_in_words(),
    }


def _states(kind: OrganisationKind) -> list[SanctionState]:
    from_decision = (SanctionState.DECIDED, SanctionState.DELIVERED, SanctionState.CLOSED)
    return list(SanctionState) if kind == OrganisationKind.BUYER else list(from_decision)
