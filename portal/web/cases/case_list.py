"""The list of cases: what it is narrowed by and in which order, as the address says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for

from portal.model import Deviation, DeviationState, Membership
from portal.model.cases import SETTLED
from portal.operations.cases import case_register
from portal.operations.cases.case_register import CaseFilter, Due, Listed, Order
from portal.text import Text
from portal.web import choices, labels
from portal.web.lists import PAGE
from portal.web.narrowing import AGES, Narrowed

ALL = "all"
NAMES = ("contract", "state", "age", "due", "least", "most", "sort")
DUE = {
    Due.PASSED: N_("Passed"),
    Due.SOON: N_("Within a week"),
    Due.LATER: N_("Later"),
    Due.NONE: N_("None that runs"),
}
ORDERS = {
    Order.NEWEST: N_("Newest first"),
    Order.AGE: N_("Known longest"),
    Order.DEADLINE: N_("Nearest deadline"),
    Order.AMOUNT: N_("Largest amount"),
    Order.CONTRACT: N_("Contract"),
    Order.STEP: N_("Step"),
}


@dataclass(frozen=True)
class CaseList:
    """A page of the list with what it was narrowed by."""

    rows: list[Listed]
    next_url: str
    given: Mapping[str, str]
    wrong: Mapping[str, Text]
    """What is wrong with an amount, by the name of its field."""
    contracts: choices.Choices
    chips: list[dict[str, Any]]


def asked_for(by: Membership, arguments: Mapping[str, str]) -> CaseList:
    """The page that an address asks for; what makes no sense in it is left out."""
    given = {name: arguments.get(name, "").strip() for name in NAMES}
    given["contract"] = str(choices.contract_of(by, given["contract"]) or "")
    narrowed = Narrowed("cases.index", given)
    rows = case_register.page(by, _filter(narrowed), choices.uuid_of(arguments.get("after", "")), PAGE + 1)
    contracts = choices.contracts(by, Deviation, given["contract"])
    return CaseList(
        rows=rows[:PAGE],
        next_url=narrowed.address(after=str(rows[PAGE - 1].deviation.public_id)) if len(rows) > PAGE else "",
        given=given,
        wrong=narrowed.wrong,
        contracts=contracts,
        chips=narrowed.chips(_in_words(narrowed, contracts)),
    )


def _filter(narrowed: Narrowed) -> CaseFilter:
    given = narrowed.given
    return CaseFilter(
        contract=choices.uuid_of(given["contract"]),
        states=_states(given["state"]),
        older_than_days=narrowed.older_than_days(),
        due=next((each for each in Due if each == given["due"]), None),
        least=narrowed.amount("least"),
        most=narrowed.amount("most"),
        order=next((each for each in Order if each == given["sort"]), Order.NEWEST),
    )


def _states(asked: str) -> frozenset[DeviationState]:
    if asked in set(DeviationState):
        return frozenset({DeviationState(asked)})
    return frozenset() if asked == ALL else frozenset(DeviationState) - SETTLED


def _in_words(narrowed: Narrowed, contracts: choices.Choices) -> dict[str, str]:
    given = narrowed.given
    deadline = DUE.get(Due(given["due"])) if given["due"] in set(Due) else None
    return {
        "contract": contracts.named(given["contract"]),
        "state": _state_in_words(given["state"]),
        "age": str(AGES.get(given["age"], "")),
        "due": _("Deadline: %(when)s", when=str(deadline).lower()) if deadline else "",
        **narrowed.amounts_in_words(),
    }


def _state_in_words(state: str) -> str:
    if state == ALL:
        return str(_("All, settled ones too"))
    return str(labels.DEVIATION[DeviationState(state)].label) if state in set(DeviationState) else ""
