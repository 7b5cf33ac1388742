"""One gate to whatever is edited on a contract: whose it is, what was seen, nobody else meanwhile, nothing closed."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from portal.errors import Conflict, Forbidden, Refused
from portal.extensions import db, transaction
from portal.model import ClauseForm, Comparison, Contract, ContractState, Membership, OrganisationKind, Role, Window
from portal.operations import accounts
from portal.operations.cases import clauses
from portal.operations.contracts import agreements, contract_lists, duties
from portal.operations.contracts.contract_facts import Values
from portal.operations.running import change_orders, contract_life, requirements
from tests.statements import counted
from tests.world import World

Edit = Callable[[Contract, Membership, int], Any]


def _requirement(contract: Contract, by: Membership, version: int) -> object:
    terms = duties.Terms(
        kind="machinery",
        indicator="zero_emission_share_energy",
        comparison=Comparison.AT_LEAST,
        threshold="30",
        window=Window.PERIOD,
        clause="4.9",
        wording="",
        valid_from=contract.starts_on,
    )
    return requirements.add(contract, terms, by=by, version=version)


def _clause(contract: Contract, by: Membership, version: int) -> object:
    terms = clauses.Terms(
        ClauseForm.FEE, "7.9", "", Decimal(100), contract.starts_on, requirement=contract.requirements[1]
    )
    return clauses.add(contract, terms, by=by, version=version)


def _fact(contract: Contract, by: Membership, version: int) -> None:
    agreements.edit(contract, agreements.PARTS["references"], {"case_number": "2026/1"}, by=by, version=version)


def _site(contract: Contract, by: Membership, version: int) -> object:
    return contract_lists.add_site(contract, {"site_name": "Ny", "site_address": None}, by=by, version=version)


def _pause(contract: Contract, by: Membership, version: int) -> object:
    return contract_life.pause(contract, date(2026, 3, 5), "Frost.", by=by, version=version)


def _order(contract: Contract, by: Membership, version: int) -> object:
    values: Values = {
        "order_reference": "EO-1",
        "agreed_on": date(2026, 3, 1),
        "applies_from": date(2026, 4, 1),
        "change_reason": "Mer fjell.",
        "value_change": None,
        "new_ends_on": date(2028, 1, 31),
    }
    return change_orders.add(contract, values, [], by=by, version=version)


IN_A_DRAFT = (_requirement, _clause, _fact, _site)
RUNNING = (_pause, _order)
every_edit = pytest.mark.parametrize("edit", [*IN_A_DRAFT, *RUNNING], ids=lambda edit: edit.__name__.strip("_"))


def editable(world: World, edit: Edit) -> tuple[int, int]:
    """The contract as this edit asks for it. Returns its number and version."""
    with transaction():
        world.contract.state = ContractState.DRAFT if edit in IN_A_DRAFT else ContractState.RUNNING
    return world.contract.id, world.contract.version


def attempt(number: int, edit: Edit, by: Membership, version: int) -> None:
    db.session.rollback()
    with transaction():
        edit(db.session.get_one(Contract, number), db.session.merge(by), version)


@every_edit
def test_an_edit_makes_one_new_version_and_holds_the_contract_meanwhile(world: World, edit: Edit) -> None:
    number, version = editable(world, edit)
    with counted() as asked:
        attempt(number, edit, world.adam, version)
    assert db.session.get_one(Contract, number).version == version + 1
    if db.engine.dialect.name == "postgresql":
        assert any("FROM contract" in each and "FOR UPDATE" in each for each in asked)


@every_edit
def test_who_may_not_who_has_not_seen_and_what_is_closed_is_turned_away(world: World, edit: Edit) -> None:
    number, version = editable(world, edit)
    with transaction():
        other = accounts.add_organisation("310000043", "Naboby kommune", OrganisationKind.BUYER)
        nora = accounts.add_membership(
            accounts.add_person("nora@prove.example", "Nora Prøve"), other, Role.CONTRACT_MANAGER, Role.ADMINISTRATOR
        )
    for stranger in (nora, world.anna, world.rita):
        with pytest.raises(Forbidden):
            attempt(number, edit, stranger, version)
    with pytest.raises(Conflict):
        attempt(number, edit, world.adam, version - 1)
    assert db.session.get_one(Contract, number).version == version
    with transaction():
        db.session.get_one(Contract, number).state = ContractState.CLOSED
    with pytest.raises(Refused) as refusal:
        attempt(number, edit, world.adam, version + 1)
    assert refusal.value.text.en == "The contract is closed, and changes no more."
