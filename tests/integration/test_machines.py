"""The register: what a machine is, where it works, what the contract says of it at once, and what looks like it."""

import uuid
from datetime import date

import pytest
from sqlalchemy import select

from portal.errors import Invalid
from portal.extensions import db, transaction
from portal.model import FindingResult, Machine
from portal.operations.contracts import contracts
from portal.operations.entry import drafts
from portal.operations.entry.drafts import RawLine
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts
from tests.pages import Seat, database_url, parsed, seat, words, world
from tests.reviewing import send_again
from tests.world import World, machine_lines

__all__ = ["database_url", "seat", "world"]
TIPPER = MachineFacts("LB-1", "tipper", "diesel", "euro_6", serial="AB 12345")


def given(world: World, **changes: str) -> dict[str, str]:
    facts = {"name": "NY-9", "type": "crane", "carrier": "diesel", "stage": "IIIA", "serial": "SN-77"}
    return {**facts, "contract": str(world.contract.public_id), "arrived_on": "1.3.2026", **changes}


def test_a_contract_judges_a_machine_the_moment_it_is_put_there(world: World, seat: Seat) -> None:
    """The world's contract asks for stage IIIB or better in clause 4.3."""
    anna = seat(world.anna)
    old = words(anna.page(str(anna.send("/machines/new", given(world)).location)))
    assert "Broken Lowest emission stage: at least Stage IIIB (clause 4.3)" in old
    clean = given(world, name="NY-10", stage="V", serial="SN-78")
    assert "Met Lowest emission stage" in words(anna.page(str(anna.send("/machines/new", clean).location)))


def test_a_vehicle_has_a_euro_class_and_a_machine_a_stage(world: World, seat: Seat) -> None:
    anna = seat(world.anna)
    lorry = given(world, type="lorry", stage="V", euro_class="")
    answer = anna.send("/machines/new", lorry)
    assert parsed(answer).xpath("//*[@id='error-summary']//a/@href") == ["#euro_class"]
    assert anna.send("/machines/new", {**lorry, "euro_class": "euro_6"}).status_code == 303
    row = db.session.scalars(select(Machine).where(Machine.name == "NY-9")).one()
    assert row.stage == "euro_6"


@pytest.mark.parametrize(("year", "status"), [("2019", 303), ("2999", 422), ("1890", 422), ("tolv", 422)])
def test_an_engine_is_made_in_a_year_that_has_been(world: World, seat: Seat, year: str, status: int) -> None:
    answer = seat(world.anna).send("/machines/new", given(world, engine_year=year))
    assert answer.status_code == status
    if status == 422:
        assert parsed(answer).xpath("//*[@id='error-summary']//a/@href") == ["#engine_year"]


def test_a_machine_that_may_be_there_already_is_pointed_out_once(world: World, seat: Seat) -> None:
    anna = seat(world.anna)
    assert anna.send("/machines/new", given(world)).status_code == 303
    again = given(world, name="SAMME", serial="sn-77")
    answer = anna.send("/machines/new", again)
    assert answer.status_code == 422
    assert "You may have this machine already" in words(parsed(answer))
    assert "NY-9" in words(parsed(answer))
    assert db.session.scalars(select(Machine).where(Machine.name == "SAMME")).all() == []
    assert anna.send("/machines/new", {**again, "another_one": "1"}).status_code == 303


def test_another_suppliers_machine_is_never_shown_as_a_duplicate(world: World) -> None:
    with transaction():
        machines.register(TIPPER, by=world.stranger)
    assert machines.alike(TIPPER, by=world.stranger)
    assert machines.alike(TIPPER, by=world.anna) == []


def test_arrival_and_departure_keep_an_order_and_never_overlap(world: World) -> None:
    with transaction():
        machine = machines.register(TIPPER, by=world.anna)
        stay = machines.deploy(machine, world.contract, date(2026, 3, 1), None, by=world.anna)
    with pytest.raises(Invalid, match=r"since 1 March 2026"):
        machines.deploy(machine, world.contract, date(2026, 4, 1), None, by=world.anna)
    with pytest.raises(Invalid, match="leave before"):
        machines.depart(stay, date(2026, 2, 28), by=world.anna)
    with transaction():
        machines.depart(stay, date(2026, 3, 10), by=world.anna)
    with transaction():
        machines.deploy(machine, world.contract, date(2026, 3, 20), None, by=world.anna)
    units = contracts.units_in(world.report)
    assert units[str(machine.public_id)].days == 10 + 12


def test_a_machine_does_not_leave_before_a_period_that_a_signed_line_names_it_in(world: World) -> None:
    """Also when that is not the line which the portal made for it."""
    report, lines = world.report, machine_lines(world)
    with transaction():
        machine = machines.register(MachineFacts("EL-3", "crane", "electricity", "zero_emission"), by=world.anna)
        stay = machines.deploy(machine, world.contract, date(2026, 1, 1), None, by=world.anna)
    added = RawLine(uuid.uuid4(), {**lines[0].raw, "machine": str(machine.public_id)})
    with transaction():
        drafts.save(report, "machinery", [*lines, added], by=world.anna, version=report.version)
    with transaction():
        drafts.answer_nothing(report, "fuel", "Ingen leveranser.", by=world.anna, version=report.version)
    send_again(world)
    assert all(line.key != machine.public_id for line in report.revisions[0].lines)
    with pytest.raises(Invalid, match=r"1 March 2026"):
        machines.depart(stay, date(2026, 2, 27), by=world.anna)
    with transaction():
        machines.depart(stay, date(2026, 3, 2), by=world.anna)


def test_a_departure_is_stored_and_refused_on_the_page(world: World, seat: Seat) -> None:
    anna = seat(world.anna)
    machine = db.session.scalars(select(Machine).where(Machine.name == "DI-2")).one()
    url = f"/machines/deployments/{machine.deployments[0].public_id}/departure"
    answer = anna.send(url, {"left_on": "1.1.1999"})
    assert answer.status_code == 422
    assert parsed(answer).xpath("//*[@id='error-summary']//a/@href") == ["#left_on"]
    assert anna.send(url, {"left_on": "31.3.2026"}).location == f"/machines/{machine.public_id}"
    assert machine.deployments[0].departed_on == date(2026, 3, 31)
    assert seat(world.stranger).send(url, {"left_on": "1.4.2026"}).status_code == 404
    assert seat(world.rita).send(url, {"left_on": "1.4.2026"}).status_code == 403


def test_a_buyer_sees_the_machine_and_only_its_own_contracts(world: World, seat: Seat) -> None:
    machine = db.session.scalars(select(Machine).where(Machine.name == "DI-2")).one()
    page = words(seat(world.rita).page(f"/machines/{machine.public_id}"))
    assert "Prøveskolen" in page
    assert "Put it on a contract" not in page
    assert seat(world.stranger).get(f"/machines/{machine.public_id}").status_code == 404


def test_what_single_machines_must_keep_to_is_judged_and_shares_are_not(world: World) -> None:
    machine = db.session.scalars(select(Machine).where(Machine.name == "DI-2")).one()
    found = machines.verdicts(machine, world.contract)
    assert [(each.requirement.clause, each.result) for each in found] == [("4.3", FindingResult.MET)]
