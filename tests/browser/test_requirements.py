"""Requirements by browser: read with how they stand, chosen from the catalogue, mended when wrong, ended in time."""

from datetime import date

import pytest
from playwright.sync_api import expect

from portal.extensions import db, transaction
from portal.model import ChangeOrder, Contract, ContractState, Report
from tests.assessing import duty, file, only
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal
from tests.world import World

pytestmark = [pytest.mark.browser]

MARCH, MAY = date(2026, 3, 1), date(2026, 5, 31)


def judged_world(portal: Portal) -> World:
    """A requirement of the year on course or behind, one judged and broken, and one of machines of a type."""
    world = settle(portal, "en")
    with portal.app.app_context():
        world.report = db.session.get_one(Report, world.report.id)
        world.contract = db.session.get_one(Contract, world.contract.id)
        year = duty(world, "35", steps=[{"from": "2026-05-01", "threshold": "40"}], wording="Minst 35 %.")
        first = duty(world, "50", clause="9.2", valid_to=date(2026, 3, 31), scope={"types": ["wheel_loader"]})
        only(world, MARCH, MAY, year, first)
        file(world, MARCH, electric="5000", diesel="1000")
    return world


@pytest.mark.parametrize("scripts", [True, False])
def test_a_requirement_is_chosen_mended_and_read(small_portal: Portal, visit: Visit, scripts: bool) -> None:
    world = judged_world(small_portal)
    with small_portal.app.app_context(), transaction():
        db.session.get_one(Contract, world.contract.id).state = ContractState.DRAFT
    adam = visit(small_portal, "en", scripts=scripts).signs_in("adam@prove.example")
    adam.goes_to(f"/contracts/{world.contract.public_id}").looks()
    adam.goes_to(f"/contracts/{world.contract.public_id}/requirements").looks()
    adam.sees("Behind", "33.2", "Broken", "Only about those of type Wheel loader.")
    adam.follows("Zero-emission share: operating hours").looks()
    adam.writes("Clause of the contract", "4.5")
    adam.unfolds("Thresholds that change over time")
    adam.main.get_by_label("Threshold from then").first.fill("30")
    adam.presses("Add the requirement").sees("A step needs both a day and a threshold.").looks()
    expect(adam.field("Clause of the contract")).to_have_value("4.5")
    adam.main.locator("#step_from_0").fill("01.05.2026")
    adam.presses("Add the requirement").sees("The requirement is added.", "at least 20").looks()
    adam.follows("Minimum emission stage").looks()


def test_what_runs_is_ended_by_a_change_order(small_portal: Portal, visit: Visit) -> None:
    world = judged_world(small_portal)
    adam = visit(small_portal, "en").signs_in("adam@prove.example")
    adam.goes_to(f"/contracts/{world.contract.public_id}/requirements").sees("The contract is running").looks()
    with small_portal.app.app_context(), transaction():
        contract = db.session.get_one(Contract, world.contract.id)
        contract.change_orders.append(
            ChangeOrder(
                **contract.parties,
                reference="EO-1",
                agreed_on=date(2026, 4, 20),
                from_on=date(2026, 5, 1),
                reason="Avtalt.",
            )
        )
    adam.page.reload()
    adam.looks().follows("End by a change order").looks()
    adam.presses("End the requirement").sees("Last day").looks()
    adam.field("Change order").select_option(label="EO-1 (1 May 2026)")
    adam.writes("Last day in force", "30.04.2026")
    adam.presses("End the requirement").sees("The requirement ends on 30 April 2026.").looks()
    bo = visit(small_portal, "en").signs_in("bo@prove.example")
    bo.goes_to(f"/contracts/{world.contract.public_id}/requirements").sees("In force from").looks()
