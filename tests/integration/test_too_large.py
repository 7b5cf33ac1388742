"""Numbers that no column can hold: wrong input, said at the field, wherever a number is typed. And what comes of them.

An amount is kept as millionths in 64 bits, a little more than nine million millions; a whole number in 32.
"""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select

from portal import amounts, quantities
from portal.extensions import db, transaction
from portal.model import ClauseCounts, ClauseForm, Membership, PlannedFigure, Sanction, SanctionClause
from portal.operations.cases import sanction_register
from portal.operations.cases.sanction_register import SanctionFilter
from portal.operations.contracts import contracts
from portal.operations.contracts.contracts import Rate
from tests.clause_pages import DAILY, FEE, version
from tests.desk import words
from tests.sanctioning import (
    VALUE,
    Room,
    broken,
    days_after_deadline,
    decided,
    drafted,
    duty,
    heard,
    missing,
    proposed,
    room,
)
from tests.world import World

__all__ = ["room"]

FIFTEEN = "999999999999999"
LONG = "9" * 5000
"""More digits than Python itself reads as a whole number."""
MOST = "999 999 999 999"


@pytest.mark.parametrize("name", ["least", "most"])
@pytest.mark.parametrize("page", ["/cases", "/sanctions"])
def test_a_list_is_narrowed_by_an_amount_that_there_can_be(room: Room, page: str, name: str) -> None:
    adam = room.at(room.world.adam)
    largest = adam.get(f"{page}?{name}={quantities.LARGEST}")
    assert largest.status_code == 200
    assert "aria-invalid" not in largest.text
    for typed, said in (
        (FIFTEEN, "“999999999999999” is too large. Write at most 9 000 000 000 000."),
        (f"-{FIFTEEN}", "“-999999999999999” is too large."),
        (LONG, "has more than 15 digits. Check the number."),
        ("9000000000000,1", "is too large"),
    ):
        answer = adam.get(f"{page}?{name}={typed}")
        assert answer.status_code == 200
        assert said in words(answer)
        assert f'aria-describedby="{name}-error"' in answer.text
        assert typed in answer.text, "what was written is there to be corrected"


def test_the_two_largest_amounts_narrow_both_ways(room: Room) -> None:
    """The database compares with them; nothing is that large."""
    sanction = proposed(room.world, heard(room.world, broken(room.world)))
    adam, most = room.at(room.world.adam), quantities.LARGEST
    assert sanction.deviation.clause in adam.reads(f"/sanctions?most={most}")
    assert "No sanction fits this filter." in adam.reads(f"/sanctions?least={most}")
    assert "4.2" in adam.reads(f"/cases?most={most}")
    assert "No case fits this filter." in adam.reads(f"/cases?least={most}")


def test_a_waiver(room: Room) -> None:
    case = f"/cases/{heard(room.world, broken(room.world)).public_id}"
    adam = room.at(room.world.adam)
    seen = version(adam.get(case).text)
    for typed in (FIFTEEN, "9000000000001", LONG):
        form = {"reason": "Grunner.", "waive": "part", "waived": typed, "waiver_reason": "x"}
        answer = adam.send(f"{case}/sanction", **seen, **{f"propose-{name}": said for name, said in form.items()})
        assert answer.status_code == 422
        assert 'id="propose-waived-error"' in answer.text
    assert db.session.scalar(select(Sanction.id)) is None


FIELDS = [
    ("facts/value", {"currency": "NOK"}, "value"),
    ("planned", {"origin": "bid", "source": "Tilbudet."}, "amount"),
    ("sanction-clauses/new", FEE, "rate"),
    ("sanction-clauses/new", DAILY, "rate"),
    ("sanction-clauses/new", {**DAILY, "base": "fixed"}, "base_amount"),
    ("sanction-clauses/new", DAILY, "least_per_day"),
    ("sanction-clauses/new", DAILY, "grace_days"),
    ("sanction-clauses/new", DAILY, "cap_days"),
    ("sanction-clauses/new", DAILY, "cap_percent"),
    ("facts/notices", {}, "reply_working_days"),
    ("facts/deadlines", {}, "due_days"),
]


def test_what_a_contract_says(room: Room) -> None:
    contract, adam = drafted(room.world), room.at(room.world.adam)
    for page, form, field in FIELDS:
        address = f"/contracts/{contract.public_id}/{page}"
        seen = {"version": str(contract.version), **version(adam.get(address).text)}
        for typed in ("1000000000000", FIFTEEN, LONG):
            answer = adam.send(address, **seen, **{**form, field: typed})
            assert answer.status_code == 422, (page, field, typed)
            assert f'href="#{field}"' in answer.text, "the summary leads to the field"
    db.session.expire_all()
    assert (contract.value, contract.clauses) == (VALUE, [])
    assert db.session.scalar(select(PlannedFigure.id)) is None


def test_a_change_order(room: Room) -> None:
    contract, adam = room.world.contract, room.at(room.world.adam)
    form = {
        "order_reference": "EO-1",
        "agreed_on": "09.03.2026",
        "applies_from": "09.03.2026",
        "change_reason": "Mer.",
        "version": str(contract.version),
    }
    for typed in ("1000000000000", f"-{FIFTEEN}", LONG):
        answer = adam.send(f"/contracts/{contract.public_id}/change-orders/new", **{**form, "value_change": typed})
        assert answer.status_code == 422
        assert 'href="#value_change"' in answer.text
    assert contract.change_orders == []


def test_the_version_that_a_form_carries(room: Room) -> None:
    """A form that was tampered with is out of date, and no fault of the portal."""
    contract, adam = drafted(room.world), room.at(room.world.adam)
    sanction = proposed(room.world, heard(room.world, broken(room.world)))
    case, dora = f"/cases/{sanction.deviation.public_id}", room.at(room.world.dora)
    here = f"/contracts/{contract.public_id}"
    for who, address, name, form in (
        (adam, f"{here}/sanction-clauses/new", "version", FEE),
        (adam, f"{here}/facts/value", "version", {"value": "1", "currency": "NOK"}),
        (adam, f"{case}/close", "close-version", {"close-reason": "x"}),
        (dora, f"/cases/sanctions/{sanction.public_id}/decide", "decide-version", {"approve": "1"}),
    ):
        for typed in ("4294967296", "9223372036854775808", LONG):
            assert who.send(address, **{**form, name: typed}).status_code in {409, 422}, address
    assert (contract.value, contract.clauses) == (VALUE, [])


# -- what comes of the largest that may be entered ------------------------------------------------------------------


def largest_daily(world: World) -> SanctionClause:
    clause = SanctionClause(
        form=ClauseForm.DAILY, clause="7.2", wording="x", requirement=duty(world), least_per_day=amounts.LARGEST
    )
    with transaction():
        return contracts.add_clause(world.contract, clause, Rate(date(2026, 1, 1), Decimal(100)))


def test_days_at_the_largest_amount_come_to_no_more_than_can_be_kept(room: Room) -> None:
    """10 days at 999 999 999 999 are 9 999 999 999 990, more than 64 bits hold of millionths."""
    largest_daily(room.world)
    case = heard(room.world, missing(room.world))
    days_after_deadline(room.world, 10)
    sanction = decided(room.world, proposed(room.world, case))
    assert (sanction.amount, sanction.days) == (amounts.LARGEST, 10)
    assert sanction.calculation[-2]["value"] == str(amounts.LARGEST * 10)
    assert "Amount = the highest that the portal can hold 999 999 999 999 NOK" in _of(
        room, room.world.bo, case.public_id
    )


def _of(room: Room, by: Membership, number: UUID) -> str:
    return room.at(by).reads(f"/cases/{number}")


def test_lines_at_the_largest_fee_come_to_no_more_and_the_list_adds_them_up(room: Room) -> None:
    clause = room.world.contract.clauses[0]
    with transaction():
        clause.rates[0].amount, clause.counts = amounts.LARGEST, ClauseCounts.LINE
    case = broken(room.world)
    assert case.at_stake == amounts.LARGEST
    sanction = proposed(room.world, heard(room.world, case))
    assert sanction.amount == amounts.LARGEST
    found = sanction_register.sums(room.world.adam, SanctionFilter())
    assert [each.waiting_amount for each in found] == [amounts.LARGEST]
