"""Each act on a contract is taken in its own states only, whatever form somebody sends."""

import pytest

from portal import clock
from portal.extensions import transaction
from portal.model import Contract, ContractState
from tests.contracts import TODAY, contract_at, place
from tests.pages import Desk, Seat, database_url, parsed, seat, world
from tests.world import World

__all__ = ["database_url", "seat", "world"]

FORM = {"reason": "Feil.", **dict.fromkeys(("starts_on", "resumes_on", "handed_over_on"), "20.03.2026")}


@pytest.fixture(autouse=True)
def _in_march(world: World) -> None:
    del world
    clock.move_to(TODAY)


def did(desk: Desk, address: str, act: str) -> Contract:
    version = str(contract_at(address).version)
    answer = desk.send(f"{address}/acts/{act}", {**FORM, "version": version})
    told = parsed(answer).xpath("//*[@role='alert'] | //*[@id='error-summary']") if answer.status_code != 303 else []
    assert answer.status_code == 303 or (answer.status_code == 409 and told), (act, answer.status_code)
    return contract_at(address)


def test_a_handover_is_taken_back_and_never_resumed(world: World, seat: Seat) -> None:
    """A form that was open before the handover: the contract would run again, and be handed over all the same."""
    adam, address = seat(world.adam), place(world)
    assert did(adam, address, "complete").state == ContractState.COMPLETED
    contract = did(adam, address, "resume")
    assert (contract.state, contract.handed_over_on is None) == (ContractState.COMPLETED, False)
    assert did(adam, address, "pause").state == ContractState.COMPLETED
    contract = did(adam, address, "reopen")
    assert (contract.state, contract.handed_over_on) == (ContractState.RUNNING, None)


def test_a_pause_is_ended_and_never_taken_back(world: World, seat: Seat) -> None:
    """It would run, with a pause that goes on."""
    adam, address = seat(world.adam), place(world)
    assert did(adam, address, "pause").state == ContractState.PAUSED
    contract = did(adam, address, "reopen")
    assert (contract.state, [each.ends_on for each in contract.pauses]) == (ContractState.PAUSED, [None])


def test_a_change_order_sent_to_a_closed_contract_is_refused_with_words(world: World, seat: Seat) -> None:
    """The page was open when a colleague closed the contract."""
    adam, address = seat(world.adam), place(world)
    contract = contract_at(address)
    with transaction():
        contract.state = ContractState.CLOSED
    form = {"order_reference": "EO-9", "agreed_on": "20.03.2026", "applies_from": "20.03.2026"}
    words = {"change_reason": "Avtalt.", "version": str(contract.version)}
    answer = adam.send(f"{address}/change-orders/new", {**form, **words})
    assert answer.status_code == 422
    assert "closed" in parsed(answer).xpath("string(//main)")
    assert contract_at(address).change_orders == []
