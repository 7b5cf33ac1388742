"""Enough different persons for a contract, and what a declared interest bars somebody from."""

import pytest
from flask import Flask
from sqlalchemy import select

from portal import impartiality
from portal.errors import Forbidden, Invalid
from portal.extensions import db, transaction
from portal.model import Interest, Membership, Role
from portal.operations import tasks
from portal.operations.cases import deciders, sanctions
from portal.operations.contracts.contract_gate import demand_editor
from portal.operations.people import interests, sights, staffing
from portal.operations.people.staffing import NO_THIRD, NOBODY, Post
from portal.reach import Sight
from tests import casework
from tests.desk import give_passwords
from tests.pages import Desk, words
from tests.world import World, letters, submit


def roles(who: Membership, *held: Role) -> None:
    with transaction():
        who.role_codes = [each.value for each in held]


def faults(world: World) -> list[str]:
    db.session.expire_all()
    return [each.en for each in staffing.of(world.contract).faults]


def declared(world: World, who: Membership, *, every_contract: bool = False) -> Interest:
    with transaction():
        return interests.declare(world.contract, "Min bror eier firmaet.", every_contract=every_contract, by=who)


def test_what_is_lacking_is_told_and_what_to_do(world: World) -> None:
    assert faults(world) == [NO_THIRD.en]
    roles(world.ruth, Role.DECISION_MAKER)
    assert faults(world) == []
    roles(world.ruth, Role.REVIEWER)
    roles(world.dora, Role.REVIEWER)
    assert faults(world) == [NOBODY[Post.DECIDE].en]
    roles(world.rita, Role.REVIEWER, Role.CONTRACT_MANAGER, Role.DECISION_MAKER)
    for who in (world.ruth, world.dora, world.adam):
        roles(who, Role.AUDITOR)
    [fault] = faults(world)
    assert "Rita Prøve cannot be both. Give one more person the role decision-maker." in fault


def test_whoever_does_not_see_the_contract_or_is_not_impartial_does_not_count(world: World) -> None:
    roles(world.ruth, Role.DECISION_MAKER)
    assert faults(world) == []
    declared(world, world.ruth)
    assert faults(world) == [NO_THIRD.en]
    with transaction():
        unit = sights.add_unit("Veg", set(), by=world.adam)
        sights.limit(world.dora, Sight.UNIT, by=world.adam, unit=unit.public_id)
    assert faults(world) == [NOBODY[Post.DECIDE].en]


@pytest.mark.parametrize("every_contract", [False, True])
def test_who_has_an_interest_reviews_nothing_and_is_not_asked_to(world: World, every_contract: bool) -> None:
    declared(world, world.rita, every_contract=every_contract)
    submit(world)
    assert letters("to_review") == ["ruth@prove.example"]
    assert tasks.mine(world.rita) == []
    assert tasks.counts(world.rita) == {}
    assert len(tasks.mine(world.ruth)) == 1
    with pytest.raises(Forbidden, match="You have declared an interest here"):
        impartiality.may_review(world.rita, world.report)
    impartiality.may_review(world.ruth, world.report)


def test_nor_decides_on_a_sanction_or_edits_the_contract(world: World) -> None:
    sanction = casework.proposed(world)
    assert [each.id for each in deciders.of(sanction.deviation)] == [world.dora.person_id]
    declared(world, world.dora)
    assert deciders.of(sanction.deviation) == []
    with pytest.raises(Forbidden, match="interest"):
        sanctions.decide(sanction, approve=True, comment="", by=world.dora, version=sanction.version)
    declared(world, world.adam)
    with pytest.raises(Forbidden, match="interest"):
        demand_editor(world.contract, by=world.adam)


def test_it_is_ended_by_another_administrator(world: World) -> None:
    interest = declared(world, world.rita)
    for by in (world.rita, world.dora, world.anna):
        with pytest.raises(Forbidden):
            interests.end(interest, by=by)
    with pytest.raises(Invalid, match="declared this already"):
        declared(world, world.rita, every_contract=False)
    with transaction():
        interests.end(interest, by=world.adam)
    assert interests.of(world.contract, by=world.adam) == []
    impartiality.may_review(world.rita, world.report)
    own = declared(world, world.adam)
    with pytest.raises(Forbidden, match="Ask another administrator"):
        interests.end(own, by=world.adam)


def test_the_pages_say_who_does_what_and_take_an_interest(world: World, app: Flask) -> None:
    give_passwords(world)

    def seat_at(by: Membership) -> Desk:
        return Desk(app.test_client()).sign_in(by)

    rita, anna = seat_at(world.rita), seat_at(world.anna)
    path = f"/contracts/{world.contract.public_id}"
    page = words(rita.page(path))
    assert "Decide on sanctionsDora Prøve" in page
    assert "An objection to a sanction must be handled by a third person" in page
    assert "Who does what" not in words(anna.page(path))
    assert "Write in short what the interest is." in rita.send(f"{path}/interests", {"words": " "}).text
    form = {"wide": "every", "words": "My brother owns it."}
    assert rita.send(f"{path}/interests", form).status_code == 303
    assert "My brother owns it." in words(rita.page(f"{path}/interests"))
    assert "My brother owns it." not in words(seat_at(world.dora).page(f"{path}/interests"))
    assert anna.get(f"{path}/interests").status_code == 403
    interest = db.session.scalars(select(Interest)).one()
    assert rita.send(f"/contracts/interests/{interest.public_id}/end", {}).status_code == 403
    assert seat_at(world.adam).send(f"/contracts/interests/{interest.public_id}/end", {}).status_code == 303
