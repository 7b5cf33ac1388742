"""A draft that came to nothing is deleted: with all below it, and not without a trail."""

from decimal import Decimal

import pytest
from sqlalchemy import func, inspect, select

from portal.extensions import Base, db, transaction
from portal.model import AuditEvent, Contract, ContractState, FigureOrigin, PlannedFigure, SanctionClause, SanctionRate
from portal.operations import audit
from tests.contracts import begin, contract_at, go_through, require_something, send_form, version_on
from tests.pages import Seat, database_url, parsed, seat, words, world
from tests.world import World

__all__ = ["database_url", "seat", "world"]

ACT = "acts/discard"


@pytest.fixture
def draft(world: World, seat: Seat) -> str:
    """The address of a draft with something in each of its parts."""
    address = begin(seat(world.adam))
    go_through(seat(world.adam), address)
    with transaction():
        contract = contract_at(address)
        duty = require_something(contract)
        db.session.flush()
        clause = SanctionClause(**contract.parties, clause="7.1", wording="", requirement_id=duty.id)
        clause.rates.append(SanctionRate(**contract.parties, valid_from=contract.starts_on, amount=Decimal(20000)))
        contract.clauses.append(clause)
        energy = {"kind": "machinery", "indicator": "energy", "amount": Decimal(1), "unit": "kWh", "source": "Tilbudet"}
        contract.planned.append(PlannedFigure(**contract.parties, origin=FigureOrigin.BID, **energy))
    return address


def rows_of(number: int) -> dict[str, int]:
    """Table -> how many rows it has that belong to a contract, of those that have any."""
    found: dict[str, int] = {}
    for mapper in Base.registry.mappers:
        if "contract_id" in inspect(mapper.class_).columns and mapper.class_ is not AuditEvent:
            count = select(func.count()).select_from(mapper.class_).where(mapper.class_.contract_id == number)
            found[str(mapper.local_table)] = db.session.scalar(count) or 0
    return {name: count for name, count in found.items() if count}


def test_a_draft_is_deleted_with_all_below_it_and_leaves_a_trail(world: World, seat: Seat, draft: str) -> None:
    adam, number = seat(world.adam), contract_at(draft).id
    assert set(rows_of(number)) == {
        "site",
        "representative",
        "requirement",
        "sanction_clause",
        "sanction_rate",
        "planned_figure",
    }
    assert adam.page(f"{draft}/set-up").xpath(f"//a[@href='{draft}/{ACT}']")
    asked = words(adam.page(f"{draft}/{ACT}"))
    assert "K-2" in asked
    assert "cannot be undone" in asked
    answer = send_form(adam, f"{draft}/{ACT}", {})
    assert (answer.status_code, answer.location) == (303, "/contracts")
    listed = words(adam.page("/contracts"))
    assert "The draft is deleted." in listed
    assert "Prøvebrua" not in listed
    for path in (draft, f"{draft}/set-up", f"{draft}/{ACT}", f"{draft}/requirements"):
        assert adam.get(path).status_code == 404, path
    assert rows_of(number) == {}
    kept = db.session.get_one(Contract, number)
    assert (kept.state, kept.title, kept.value, kept.identifiers) == (ContractState.DISCARDED, "", None, [])
    trail = select(AuditEvent).where(AuditEvent.contract_id == number).order_by(AuditEvent.id)
    events = list(db.session.scalars(trail))
    assert (events[0].action, events[-1].action) == ("contract.drafted", "contract.discarded")
    assert events[-1].person_id == world.adam.person_id
    assert {"reference": "K-2", "title": "Prøvebrua", "supplier": "310000027"}.items() <= events[-1].facts.items()
    assert list(audit.broken_links()) == []


def test_its_number_is_free_again(world: World, seat: Seat, draft: str) -> None:
    adam = seat(world.adam)
    send_form(adam, f"{draft}/{ACT}", {})
    again = begin(adam)
    assert contract_at(again).reference == "K-2"
    assert send_form(adam, f"{again}/{ACT}", {}).status_code == 303, "and twice"


def test_only_a_draft_is_deleted_by_its_own_editors_who_have_seen_it(world: World, seat: Seat, draft: str) -> None:
    adam = seat(world.adam)
    strangers = (world.rita, world.anna, world.stranger)
    assert [seat(by).get(f"{draft}/{ACT}").status_code for by in strangers] == [403, 404, 404]
    seen = version_on(adam.page(f"{draft}/{ACT}"))
    send_form(adam, f"{draft}/facts/value", {"value": "1", "currency": "NOK"})
    late = adam.send(f"{draft}/{ACT}", {"version": seen})
    assert late.status_code == 409
    assert "has changed since" in words(parsed(late))
    running = f"/contracts/{world.contract.public_id}"
    assert adam.get(f"{running}/{ACT}").status_code == 303
    refused = adam.send(f"{running}/{ACT}", {"version": str(contract_at(running).version)})
    assert refused.status_code in {409, 422}
    assert contract_at(running).state == ContractState.RUNNING
    assert rows_of(contract_at(running).id)["requirement"] == 3
