"""A requirement that a change order ends with effect back in time: what was judged after its last day costs nothing."""

from datetime import date

import pytest

from portal.errors import Refused
from portal.extensions import transaction
from portal.model import ChangeOrder, Deviation, DeviationState, Requirement
from portal.operations.cases import breaches, sanctions
from portal.operations.contracts.contract_facts import Values
from portal.operations.running import change_orders, requirements
from tests.assessing import cases_of, duty, file, only, windows_of
from tests.casework import delivered, found, weighed
from tests.world import World, letters, open_tasks

MARCH, APRIL, END_OF_APRIL = date(2026, 3, 1), date(2026, 4, 1), date(2026, 4, 30)
AT_0 = {"electric": "0", "diesel": "500"}


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


def order(world: World, first: date, ended: list[Requirement]) -> ChangeOrder:
    values: Values = {
        "order_reference": "EO-1",
        "agreed_on": date(2026, 3, 2),
        "applies_from": first,
        "change_reason": "Kravet faller bort.",
        "value_change": None,
        "new_ends_on": None,
    }
    with transaction():
        return change_orders.add(world.contract, values, ended, by=world.adam, version=world.contract.version)


def told(deviation: Deviation) -> str:
    return str(deviation.facts["gone"]["sentence"]["nb"])


def test_before_a_notice_the_case_falls_away(world: World) -> None:
    deviation = found(world)
    order(world, MARCH, [deviation.requirement])
    assert (deviation.state, open_tasks()) == (DeviationState.FELL_AWAY, [])
    assert told(deviation).startswith("Kravet i punkt 4.2 gjaldt til og med 28. februar 2026.")


def test_after_it_the_parties_are_told_and_no_sanction_is_proposed(world: World) -> None:
    deviation = weighed(world)
    order(world, MARCH, [deviation.requirement])
    assert (deviation.not_found_at is not None, deviation.at_stake) == (True, None)
    assert letters("breach_changed") == ["adam@prove.example"]
    assert "bo@prove.example" in letters("case_changed")
    with pytest.raises(Refused, match="was not in force on 31 March 2026"), transaction():
        sanctions.propose(deviation, "Forsinkelsen.", by=world.adam, version=deviation.version)


def test_what_was_judged_while_it_was_in_force_stands(world: World) -> None:
    deviation = delivered(world)
    order(world, APRIL, [deviation.requirement])
    assert (deviation.not_found_at, letters("breach_changed")) == (None, [])


def test_a_requirement_that_is_ended_by_itself_under_an_order(world: World) -> None:
    deviation = delivered(world)
    agreed = order(world, MARCH, [])
    with transaction():
        requirements.end(
            deviation.requirement, date(2026, 3, 30), by=world.adam, version=world.contract.version, order=agreed
        )
    assert deviation.not_found_at is not None
    assert told(deviation).startswith("Kravet i punkt 4.2 gjaldt til og med 30. mars 2026.")


def test_a_window_that_is_shorter_is_judged_anew_for_the_days_that_are_left(world: World) -> None:
    share = duty(world, "20")
    only(world, MARCH, END_OF_APRIL, share)
    file(world, MARCH, **AT_0)
    file(world, APRIL, **AT_0)
    [case] = cases_of(share)
    assert windows_of(share)[0].ends_on == END_OF_APRIL
    order(world, APRIL, [share])
    assert case.state == DeviationState.FELL_AWAY
    with transaction():
        breaches.judge_windows(world.contract.id)
    assert (case.state, windows_of(share)[0].ends_on) == (DeviationState.FOUND, date(2026, 3, 31))
    assert "april" not in case.sentence["nb"]
