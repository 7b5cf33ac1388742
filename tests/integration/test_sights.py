"""Who sees what at a buyer: limited to named contracts or to a unit's, everything else is not there for them."""

import io
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select

from portal import clock, permissions
from portal.errors import Forbidden, Invalid, NotFound
from portal.extensions import db, transaction
from portal.model import (
    Contract,
    Decision,
    Deviation,
    HumanTask,
    Machine,
    Membership,
    OutgoingMail,
    Report,
    Role,
    Unit,
)
from portal.operations import accounts, lookup, tasks
from portal.operations.contracts import agreements
from portal.operations.figures import exports
from portal.operations.people import members, sights
from portal.operations.reports import chasing, extensions, review_queue, reviews
from portal.operations.reports.chasing import Wanted
from portal.operations.reports.review_queue import QueueFilter
from portal.reach import Sight
from tests.tenants import Tenants
from tests.world import World, another_contract, letters, submit

ROUTES = Path(__file__).parent.parent / "routes.txt"
NAMELESS = frozenset({"membership", "buyer_membership", "invitation", "line", "substitution", "unit"})


@pytest.fixture
def second(world: World) -> Contract:
    """Another contract of the same two, that runs."""
    with transaction():
        return another_contract(world)


def limited(world: World, who: Membership, *named: Contract) -> None:
    with transaction():
        sights.limit(who, Sight.NAMED, by=world.adam, named={each.public_id for each in named})


def references(by: Membership) -> set[str]:
    return set(db.session.scalars(permissions.visible(Contract, by).with_only_columns(Contract.reference)))


def waiting(by: Membership) -> tuple[int, int, int]:
    """Of one's reviews: on the work list, by its count, in the queue."""
    now = clock.now()
    queue = review_queue.queue(by, QueueFilter(), now=now)
    assert len(queue) == review_queue.count(by, QueueFilter(), now=now)
    return len(tasks.mine(by)), tasks.counts(by).get("review", 0), len(queue)


def test_who_is_limited_sees_the_named_contracts_and_nothing_of_others(world: World, second: Contract) -> None:
    limited(world, world.rita, second)
    assert references(world.rita) == {"K-2"}
    assert references(world.ruth) == {"K-1", "K-2"}
    submit(world, diesel="9000")
    assert letters("to_review") == ["ruth@prove.example"]
    assert waiting(world.rita) == (0, 0, 0)
    assert waiting(world.ruth) == (1, 1, 1)
    with pytest.raises(NotFound):
        lookup.one(Report, world.report.public_id, world.rita)
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.ruth, version=world.report.version)
    counted = {
        entity: db.session.scalar(select(func.count()).select_from(permissions.visible(entity, world.rita).subquery()))
        for entity in (Deviation, OutgoingMail, HumanTask, Machine)
    }
    assert counted[Deviation] == counted[OutgoingMail] == counted[Machine] == 0
    assert counted[HumanTask] == 1  # the supplier's, on the contract that is theirs to see
    assert "K-1 Prøveskolen" in exported(world.ruth)
    assert "K-1 Prøveskolen" not in exported(world.rita)


def test_who_left_comes_back_to_what_they_saw_but_an_administrator_sees_all(world: World, second: Contract) -> None:
    limited(world, world.rita, second)
    for role, seen in ((Role.REVIEWER, {"K-2"}), (Role.ADMINISTRATOR, {"K-1", "K-2"})):
        with transaction():
            members.retire(world.rita, by=world.adam, heir=world.ruth)
            accounts.join(world.rita.person, world.contract.buyer, role)
        assert references(world.rita) == seen


def exported(by: Membership) -> set[Any]:
    book = openpyxl.load_workbook(io.BytesIO(exports.workbook(by, "en")))
    return {cell for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row}


def test_who_has_not_filed_and_asks_for_time_is_told_to_those_who_see_it(world: World, second: Contract) -> None:
    limited(world, world.rita, second)
    with clock.at(datetime(2026, 4, 7, 9, tzinfo=UTC)):
        with transaction():
            extensions.ask(world.report, date(2026, 4, 30), "Ferie.", by=world.anna)
        assert {each.contract.reference for each in chasing.unfiled(world.rita, Wanted())} == {"K-2"}
        assert chasing.count(world.rita, Wanted()) == 1
        assert chasing.count(world.ruth, Wanted()) == 2
        with transaction():
            world.ruth.role_codes = world.rita.role_codes = [Role.CONTRACT_MANAGER.value]
        assert (extensions.count_to_answer(world.ruth), len(extensions.to_answer(world.ruth))) == (1, 1)
        assert (extensions.count_to_answer(world.rita), len(extensions.to_answer(world.rita))) == (0, 0)


def test_a_unit_has_contracts_and_its_people_see_those(world: World, second: Contract) -> None:
    with transaction():
        unit = sights.add_unit("Avdeling veg", {second.public_id}, by=world.adam)
        sights.limit(world.rita, Sight.UNIT, by=world.adam, unit=unit.public_id)
    assert references(world.rita) == {"K-2"}
    with transaction():
        sights.change_unit(unit, "Avdeling bru", {world.contract.public_id}, by=world.adam)
    assert references(world.rita) == {"K-1"}
    with transaction():
        sights.limit(world.rita, Sight.ALL, by=world.adam)
    assert references(world.rita) == {"K-1", "K-2"}


def test_two_units_share_no_contract(world: World, second: Contract) -> None:
    with transaction():
        roads = sights.add_unit("Veg", {second.public_id}, by=world.adam)
        bridges = sights.add_unit("Bru", {second.public_id, world.contract.public_id}, by=world.adam)
    assert sights.counts(world.adam) == {bridges.id: 2}
    assert roads.id not in sights.counts(world.adam)


def test_what_somebody_limited_drafts_is_theirs_to_see(world: World, second: Contract) -> None:
    with transaction():
        unit = sights.add_unit("Veg", set(), by=world.adam)
        world.rita.role_codes = world.ruth.role_codes = [Role.CONTRACT_MANAGER.value]
        sights.limit(world.rita, Sight.UNIT, by=world.adam, unit=unit.public_id)
        sights.limit(world.ruth, Sight.NAMED, by=world.adam, named={second.public_id})
    for number, who in enumerate((world.rita, world.ruth)):
        with transaction():
            agreements.draft(facts(world, f"NY-{number}"), by=who)
    assert references(world.rita) == {"NY-0"}
    assert references(world.ruth) == {"K-2", "NY-1"}


def facts(world: World, reference: str) -> dict[str, Any]:
    return {
        "reference": reference,
        "title": "Ny",
        "supplier_number": world.contract.supplier.number,
        "starts_on": date(2026, 1, 1),
        "ends_on": date(2026, 12, 31),
    }


def test_an_administrator_is_never_limited_and_nobody_else_decides_it(world: World, second: Contract) -> None:
    with pytest.raises(Invalid, match="An administrator sees every contract"):
        limited(world, world.adam, second)
    for by in (world.rita, world.anna):
        with pytest.raises(Forbidden):
            sights.limit(world.ruth, Sight.NAMED, by=by, named={second.public_id})
    with transaction():
        sights.limit(world.rita, Sight.NAMED, by=world.adam, named={second.public_id})
        world.rita.role_codes = [Role.ADMINISTRATOR.value]
    with pytest.raises(Forbidden):
        sights.members(world.rita)


@pytest.mark.parametrize("sight", [Sight.NAMED, Sight.UNIT])
def test_a_limit_names_what_is_seen(world: World, sight: Sight) -> None:
    with pytest.raises(Invalid):
        sights.limit(world.rita, sight, by=world.adam)
    assert world.rita.sight == Sight.ALL


def test_a_strangers_unit_and_contract_cannot_be_named(world: World) -> None:
    with transaction() as session:
        session.add(Unit(organisation_id=world.contract.supplier_id, name="Deres"))
    unit = db.session.scalars(select(Unit)).one()
    with pytest.raises(Invalid, match="Choose the unit"):
        sights.limit(world.rita, Sight.UNIT, by=world.adam, unit=unit.public_id)


def test_every_address_of_another_contract_is_not_there(tenants: Tenants) -> None:
    """The whole table of routes, asked by three who are limited to a draft that nothing lies below."""
    people = tenants.first.people
    limited_ones = ("reviewer", "manager", "decider")
    with tenants.unchanged():
        with tenants.app.app_context(), transaction():
            adam, draft = db.session.merge(people["buyer_admin"]), tenants.first.things["draft"]
            for who in limited_ones:
                named = {each.public_id for each in sights.contracts(adam) if str(each.public_id) == draft}
                sights.limit(db.session.merge(people[who]), Sight.NAMED, by=adam, named=named)
        asked = listed = 0
        for address, method in _rows_of_others():
            for who in limited_ones:
                answer = tenants.ask(who, method, address.format(**tenants.first.things))
                assert answer.status_code == 404, (address, method, who)
                asked += 1
        for path in ("/", "/reports", "/cases", "/sanctions", "/machines", "/contracts", "/review", "/missing-reports"):
            for who in limited_ones:
                answer = tenants.ask(who, "GET", path)
                if answer.status_code == 200:
                    assert "K-1" not in answer.text, (path, who)
                    listed += 1
    assert asked > 150
    assert listed > 12


def _rows_of_others() -> list[tuple[str, str]]:
    lines = [line.split() for line in ROUTES.read_text(encoding="utf-8").splitlines() if line.startswith("/")]
    found = []
    for address, method, *_answers in lines:
        names = re.findall(r"\{(\w+)\}", address)
        is_for_programs = address.startswith("/api/")
        if names and not is_for_programs and not any(n in NAMELESS or n.startswith("draft") for n in names[:1]):
            found.append((address, method))
    return found
