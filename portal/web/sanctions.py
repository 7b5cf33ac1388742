"""The list of sanctions: what is proposed and decided, in all contracts one is a party to."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for

from portal import quantities
from portal.model import OrganisationKind, SanctionState
from portal.operations import sanction_register
from portal.operations.sanction_register import Order, SanctionFilter
from portal.permissions import Permission
from portal.web import labels, lists
from portal.web.access import current_membership, requires

blueprint = Blueprint("sanctions", __name__, url_prefix="/sanctions")

AGES = {"30": N_("more than 30 days"), "90": N_("more than 90 days"), "365": N_("more than a year")}
ORDERS = {Order.NEWEST: N_("newest first"), Order.OLDEST: N_("oldest first"), Order.LARGEST: N_("largest first")}
NAMES = ("contract", "state", "age", "least", "order")


@blueprint.get("")
@requires(Permission.CASE_READ)
def index() -> ResponseReturnValue:
    """Sanctions the acting organisation is a party to; a supplier's from when they are decided."""
    by = current_membership()
    given = {name: request.args.get(name, "") for name in NAMES}
    chosen = _filter(given)
    after = lists.uuid_of(request.args.get("after", ""))
    rows = sanction_register.page(by, chosen, after, lists.PAGE + 1)
    contracts = lists.contracts_of(by)
    return render_template(
        "sanctions/index.html",
        rows=rows[: lists.PAGE],
        sums=sanction_register.sums(by, chosen),
        given=given,
        least_is_wrong=bool(given["least"]) and chosen.least is None,
        chips=_chips(given, {str(each.public_id): each.title for each in contracts}),
        contracts=contracts,
        ages=AGES,
        orders=ORDERS,
        is_buyer=by.organisation.kind == OrganisationKind.BUYER,
        states=_states(by.organisation.kind),
        next_url=_address(given, after=str(rows[lists.PAGE - 1].public_id)) if len(rows) > lists.PAGE else "",
    )


def _filter(given: Mapping[str, str]) -> SanctionFilter:
    """What the address asks for; what makes no sense is left out."""
    least = quantities.read(given["least"]) if given["least"] else None
    return SanctionFilter(
        contract=lists.uuid_of(given["contract"]),
        state=next((state for state in SanctionState if state == given["state"]), None),
        older_than_days=int(given["age"]) if given["age"] in AGES else None,
        least=least if isinstance(least, Decimal) else None,
        order=next((order for order in Order if order == given["order"]), Order.NEWEST),
    )


def _chips(given: Mapping[str, str], contracts: Mapping[str, str]) -> list[dict[str, Any]]:
    """The filters in force, each with the address that lifts it."""
    words = {
        "contract": contracts.get(given["contract"], ""),
        "state": labels.SANCTION[SanctionState(given["state"])].label if given["state"] in set(SanctionState) else "",
        "age": AGES.get(given["age"], ""),
        "least": _("at least %(amount)s", amount=given["least"]) if _filter(given).least is not None else "",
    }
    return [{"label": label, "url": _address({**given, name: ""})} for name, label in words.items() if label]


def _address(given: Mapping[str, str], **more: str) -> str:
    arguments: dict[str, Any] = {name: value for name, value in {**given, **more}.items() if value}
    return url_for(".index", **arguments)


def _states(kind: OrganisationKind) -> list[SanctionState]:
    from_decision = (SanctionState.DECIDED, SanctionState.DELIVERED, SanctionState.CLOSED)
    return list(SanctionState) if kind == OrganisationKind.BUYER else list(from_decision)
