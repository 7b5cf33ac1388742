"""The pages of who sees what: a unit is made, somebody is limited to it, and what is missing is said where it is."""

import pytest
from sqlalchemy import select

from portal.extensions import db, transaction
from portal.model import Membership, Unit
from portal.operations import audit
from portal.reach import Sight
from tests.pages import Seat, database_url, seat, words, world
from tests.world import World

__all__ = ["database_url", "seat", "world"]


def sight_of(who: Membership) -> tuple[Sight, str]:
    db.session.expire_all()
    found = db.session.get_one(Membership, who.id)
    return found.sight, found.unit.name if found.unit else ""


def test_a_unit_is_made_and_somebody_sees_its_contracts_only(seat: Seat, world: World) -> None:
    desk = seat(world.adam)
    contract = str(world.contract.public_id)
    assert (
        desk.send("/who-sees-what/units/new", {"name": "Department of roads", "contracts": [contract]}).status_code
        == 303
    )
    unit = db.session.scalars(select(Unit)).one()
    form = {"sight": "unit", "unit": str(unit.public_id)}
    assert desk.send(f"/who-sees-what/{world.rita.public_id}", form).status_code == 303
    assert sight_of(world.rita) == (Sight.UNIT, "Department of roads")
    page = words(desk.page("/who-sees-what"))
    assert "Rita Prøve reviewer The contracts of Department of roads" in page
    assert "Ruth Prøve reviewer Every contract" in page
    assert "Prøveby kommune, Department of roads" in words(desk.page(f"/contracts/{contract}"))
    assert "The contract got another unit" not in page
    desk.send(f"/who-sees-what/units/{unit.public_id}", {"name": "Roads"})
    assert desk.get(f"/contracts/{contract}").status_code == 200
    assert seat(world.rita).get(f"/contracts/{contract}").status_code == 404


def test_named_contracts_are_chosen_and_the_trail_says_so(seat: Seat, world: World) -> None:
    contract = str(world.contract.public_id)
    path = f"/who-sees-what/{world.rita.public_id}"
    desk = seat(world.adam)
    assert desk.send(path, {"sight": "named", "contracts": [contract]}).status_code == 303
    assert "K-1" in words(desk.page("/who-sees-what"))
    assert desk.page(path).xpath("//input[@name='contracts']/@checked")
    rita = db.session.get_one(Membership, world.rita.id)
    said = [event.facts for event, _by in audit.trail([rita], by=world.adam) if event.action == "membership.limited"]
    assert said[-1]["after"] == {"sight": "named", "unit": "", "contracts": ["K-1"]}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, "Choose which contracts they see."),
        ({"sight": "named"}, "Choose at least one contract."),
        ({"sight": "named", "contracts": "no such"}, "Choose at least one contract."),
        ({"sight": "unit", "unit": "no such"}, "Choose the unit."),
    ],
)
def test_what_is_missing_is_said(seat: Seat, world: World, form: dict[str, str | list[str]], expected: str) -> None:
    with transaction() as session:
        session.add(Unit(organisation_id=world.contract.buyer_id, name="Roads"))
    answer = seat(world.adam).send(f"/who-sees-what/{world.rita.public_id}", form)
    assert answer.status_code == 422
    assert answer.text.count(expected) == 2, "above the form and at the field"
    assert sight_of(world.rita) == (Sight.ALL, "")


def test_an_administrator_is_not_limited_and_who_is_limited_is_made_none(seat: Seat, world: World) -> None:
    desk, contract = seat(world.adam), str(world.contract.public_id)
    ruth, rita = (f"/people/{each.public_id}" for each in (world.ruth, world.rita))
    both: dict[str, str | list[str]] = {"roles": ["reviewer", "administrator"]}
    assert desk.send(ruth, both).status_code == 303
    some: dict[str, str | list[str]] = {"sight": "named", "contracts": [contract]}
    answer = desk.send(f"/who-sees-what/{world.ruth.public_id}", some)
    assert (answer.status_code, "An administrator sees every contract" in answer.text) == (422, True)
    assert sight_of(world.ruth) == (Sight.ALL, "")

    assert desk.send(f"/who-sees-what/{world.rita.public_id}", some).status_code == 303
    answer = desk.send(rita, both)
    assert (answer.status_code, "Rita Prøve sees some of the contracts only" in answer.text) == (422, True)
    assert db.session.get_one(Membership, world.rita.id).role_codes == ["reviewer"]
    desk.send(ruth, {"roles": "reviewer"})
    left = desk.send(f"/people/{world.adam.public_id}/retire", {"heir": str(world.rita.public_id)})
    assert (left.status_code, "Rita Prøve sees some of the contracts only" in left.text) == (422, True)
    desk.send(f"/who-sees-what/{world.rita.public_id}", {"sight": "all"})
    assert desk.send(rita, both).status_code == 303


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("  ", "Write the name of the unit."),
        ("roads", "You already have a unit called roads."),
        ("x" * 201, "at most 200"),
    ],
)
def test_a_unit_has_a_name_of_its_own(seat: Seat, world: World, name: str, expected: str) -> None:
    desk = seat(world.adam)
    desk.send("/who-sees-what/units/new", {"name": "Roads"})
    answer = desk.send("/who-sees-what/units/new", {"name": name})
    assert answer.status_code == 422
    assert expected in answer.text
