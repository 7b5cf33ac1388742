"""What the supplier was told that a breach costs holds: entered later, a rate, a clause or a base takes only away."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from portal import clock
from portal.errors import Conflict, Refused
from portal.extensions import db, transaction
from portal.model import (
    ChangeOrder,
    ClauseForm,
    Comparison,
    Deviation,
    DeviationState,
    Requirement,
    SanctionClause,
    SanctionState,
    Window,
)
from portal.operations.cases import (
    calculations,
    clauses,
    grounds,
    letters,
    previews,
    recalculation,
    sanctions,
    stakes,
    told,
)
from portal.operations.contracts import contracts
from portal.operations.contracts.contract_facts import Values
from portal.operations.contracts.contracts import Rate
from portal.operations.contracts.duties import Terms
from portal.operations.running import change_orders, requirements
from tests import casework
from tests.assessing import cases_of, file
from tests.desk import sit_down
from tests.sanctioning import (
    Room,
    broken,
    daily_clause,
    days_after_deadline,
    decided,
    duty,
    heard,
    missing,
    note_end,
    proposed,
    room,
)
from tests.world import World, case_of, deliver_mail, submit

__all__ = ["room"]

D = Decimal
FEE = D(20_000)
SHARE = "zero_emission_share_energy"


@pytest.fixture
def there(room: Room) -> tuple[Flask, World]:
    return room.app, room.world


@pytest.fixture
def world(there: tuple[Flask, World]) -> World:
    return there[1]


def agreed(world: World, applies_from: date, value_change: int = 0) -> ChangeOrder:
    """Adam enters a change order; it may be in force from a day that is past."""
    values: Values = {
        "order_reference": f"EO-{len(world.contract.change_orders) + 1}",
        "agreed_on": clock.today("Europe/Oslo"),
        "applies_from": applies_from,
        "change_reason": "Avtalt på byggemøte.",
        "value_change": Decimal(value_change),
    }
    with transaction():
        return change_orders.add(world.contract, values, [], by=world.adam, version=world.contract.version)


def rate(world: World, clause: SanctionClause, amount: str, valid_from: date) -> None:
    order, version = agreed(world, world.contract.starts_on), world.contract.version
    with transaction():
        clauses.add_rate(clause, Decimal(amount), valid_from, order, by=world.adam, version=version)
    db.session.expire_all()


def remarks(deviation: Deviation) -> list[str]:
    return [each.en for each in grounds.remarks(deviation)]


# -- the rate ---------------------------------------------------------------------------------------------------------


def test_a_fee_that_is_raised_after_the_notice_is_charged_as_it_was_told(there: tuple[Flask, World]) -> None:
    """Told of 20 000; a change order of today says 900 000 from within the period: 20 000, and both read why."""
    app, world = there
    case = broken(world)
    assert "20\u00a0000" in letters.notice_draft(case)
    heard(world, case)
    rate(world, world.contract.clauses[0], "900000", world.contract.starts_on + timedelta(days=20))
    assert calculations.at_stake(case) == FEE
    said = [each for each in remarks(case) if "the rate or the base was changed" in each]
    assert len(said) == 1
    assert "gives 20\u00a0000\u00a0NOK, now 900\u00a0000\u00a0NOK. The lower one holds." in said[0]
    here = f"/cases/{case.public_id}"
    assert "now 900 000 NOK. The lower one holds." in sit_down(app, world.adam).reads(here)
    sanction = proposed(world, case)
    assert (sanction.amount, recalculation.changes(sanction)) == (FEE, [])
    assert "now 900 000 NOK. The lower one holds." in sit_down(app, world.dora).reads(here)
    assert "20 000 NOK for each period with a breach" in sit_down(app, world.bo).reads(here)
    assert decided(world, sanction).amount == FEE
    [shown] = previews.of(world.contract, by=world.adam)
    assert [each.amount for each in shown.earlier] == [FEE]


def test_before_the_notice_a_case_follows_the_contract(world: World) -> None:
    case = broken(world)
    rate(world, world.contract.clauses[0], "30000", world.contract.starts_on + timedelta(days=20))
    assert calculations.at_stake(case) == Decimal(30_000)
    assert "30\u00a0000" in letters.notice_draft(case)
    assert (proposed(world, heard(world, case)).amount, remarks(case)) == (Decimal(30_000), [])


def test_a_proposal_is_not_put_back_by_a_rate_that_is_raised(world: World) -> None:
    sanction = proposed(world, heard(world, broken(world)))
    rate(world, world.contract.clauses[0], "900000", world.contract.starts_on + timedelta(days=20))
    assert recalculation.changes(sanction) == []
    assert decided(world, sanction).amount == FEE


def test_a_fee_that_is_lowered_after_the_notice_is_charged_as_it_stands(world: World) -> None:
    case = heard(world, broken(world))
    sanction = proposed(world, case)
    rate(world, world.contract.clauses[0], "5000", world.contract.starts_on + timedelta(days=20))
    with pytest.raises(Conflict, match="Send the proposal back"):
        decided(world, sanction)
    db.session.rollback()
    with transaction():
        sanctions.decide(sanction, approve=False, comment="Ny sats.", by=world.dora, version=sanction.version)
    with transaction():
        sanctions.revise(sanction, "Ny sats.", withdraw=False, by=world.adam, version=sanction.version)
    assert [row["value"] for row in sanction.calculation] == ["7.1", "5000", "1", "5000"]
    assert "gives 20\u00a0000\u00a0NOK, now 5\u00a0000\u00a0NOK" in " ".join(remarks(case))
    assert decided(world, sanction).amount == 5000
    rate(world, world.contract.clauses[0], "1000", world.contract.starts_on + timedelta(days=21))
    assert (sanction.amount, sanction.state) == (D(5000), SanctionState.DECIDED), "what is decided stays what it is"


def test_a_daily_rate_that_is_lowered_after_the_notice_is_charged_as_it_stands(world: World) -> None:
    """Ten days at 1 ‰ of 100 million were told; 0.6 ‰ from the fourth of them: 3 x 100 000 + 7 x 60 000."""
    clause = daily_clause(world)
    case = missing(world)
    days_after_deadline(world, 10)
    submit(world)
    heard(world, case)
    assert calculations.at_stake(case) == 1_000_000
    due_on = clock.today("Europe/Oslo") - timedelta(days=10)
    rate(world, clause, "0.6", due_on + timedelta(days=4))
    assert proposed(world, case).amount == 3 * 100_000 + 7 * 60_000
    assert "gives 1\u00a0000\u00a0000\u00a0NOK, now 720\u00a0000\u00a0NOK." in " ".join(remarks(case))


# -- the base ---------------------------------------------------------------------------------------------------------


def test_a_value_that_rises_after_the_notice_makes_no_day_dearer(world: World) -> None:
    """A breach that goes on: the day costs 100 000 as told, though the value is doubled from the day of the notice."""
    daily_clause(world, duty(world, SHARE))
    clock.move_to(datetime(2026, 4, 7, 9, tzinfo=UTC))
    case = heard(world, broken(world))
    agreed(world, clock.today("Europe/Oslo"), 100_000_000)
    db.session.expire_all()
    cost = letters.may_cost(case)
    assert cost is not None
    assert (cost.sheet, cost.per_day) == (None, D(100_000))
    assert "now 100\u00a0000\u00a0NOK a day" in cost.words.en
    assert "gives 100\u00a0000\u00a0NOK, now 200\u00a0000\u00a0NOK a day. The lower one holds." in " ".join(
        remarks(case)
    )
    clock.move_to(datetime(2026, 4, 12, 9, tzinfo=UTC))
    note_end(world, case, date(2026, 4, 10))
    sanction = proposed(world, case)
    assert (sanction.days, sanction.amount) == (10, D(1_000_000))
    assert recalculation.changes(sanction) == []


def test_a_value_that_was_raised_before_the_notice_counts(world: World) -> None:
    daily_clause(world)
    case = missing(world)
    agreed(world, date(2026, 4, 1), 100_000_000)
    days_after_deadline(world, 10)
    submit(world)
    assert (proposed(world, heard(world, case)).amount, remarks(case)) == (D(2_000_000), [])


# -- the clause -------------------------------------------------------------------------------------------------------


def new_requirement(world: World) -> tuple[Requirement, ChangeOrder]:
    """From 2 March a change order asks for a share anew; it falls under the general clause."""
    clock.move_to(datetime(2026, 3, 2, 9, tzinfo=UTC))
    old = duty(world, SHARE)
    values: Values = {
        "order_reference": "EO-1",
        "agreed_on": date(2026, 3, 2),
        "applies_from": date(2026, 3, 2),
        "change_reason": "Nytt krav.",
    }
    with transaction():
        order = change_orders.add(world.contract, values, [old], by=world.adam, version=world.contract.version)
    terms = Terms(
        kind="machinery",
        indicator=SHARE,
        comparison=Comparison.AT_LEAST,
        threshold="20",
        window=Window.PERIOD,
        clause="4.9",
        wording="Ny andel.",
        valid_from=date(2026, 3, 2),
    )
    with transaction():
        new = requirements.add(world.contract, terms, by=world.adam, version=world.contract.version, order=order)
    return new, order


def own_clause(world: World, new: Requirement, order: ChangeOrder, asks: int = 500_000, **more: Any) -> SanctionClause:
    terms = clauses.Terms(
        form=ClauseForm.FEE,
        clause="7.9",
        wording="Gebyr.",
        requirement=new,
        rate=Decimal(asks),
        valid_from=date(2026, 3, 2),
    )
    terms = replace(terms, **more)
    with transaction():
        clause = clauses.add(world.contract, terms, by=world.adam, version=world.contract.version, order=order)
    db.session.expire_all()
    return clause


def test_a_clause_that_is_entered_after_the_notice_is_none_for_the_case(world: World) -> None:
    """Told of the general clause, 20 000; a clause of its own of 500 000 is entered after that."""
    new, order = new_requirement(world)
    file(world, date(2026, 3, 1), electric="0", diesel="500")
    [case] = cases_of(new)
    heard(world, case)
    general, own = told.clause_of(case), own_clause(world, new, order)
    assert world.contract.clause_for(new) is own
    assert (told.clause_of(case), calculations.at_stake(case)) == (general, FEE)
    [said] = remarks(case)
    assert said.replace("\u00a0", " ").endswith(
        "a clause for the requirement was entered, 7.9: 500 000 NOK. "
        "The case goes by clause 7.1, which applied then: 20 000 NOK."
    )
    sanction = proposed(world, case)
    assert (sanction.clause, sanction.amount) == (general, FEE)
    shown = {
        each.clause: [would.amount for would in each.earlier] for each in previews.of(world.contract, by=world.adam)
    }
    assert shown == {general: [FEE], own: []}
    with transaction():
        sanction.clause = own
    assert [each.key for each in grounds.of(case, own) if not each.holds] == ["clause"]
    with pytest.raises(Refused, match="was entered after the notice was written"):
        grounds.demand(case, own)


@pytest.mark.parametrize(
    ("asks", "more", "gives"),
    [
        (5000, {}, "5 000 NOK"),
        (1, {"form": ClauseForm.DAILY}, "100 000 NOK a day"),
        (5000, {"warns_first": True}, "written warning"),
    ],
)
def test_a_cheaper_clause_is_none_for_the_case_either_and_both_amounts_are_read(
    world: World, asks: int, more: dict[str, Any], gives: str
) -> None:
    """Rates and base go by the lower reading of the clause that was told; which clause, by the notice alone."""
    new, order = new_requirement(world)
    file(world, date(2026, 3, 1), electric="0", diesel="500")
    [case] = cases_of(new)
    heard(world, case)
    own = own_clause(world, new, order, asks, **more)
    [said] = remarks(case)
    assert said.replace("\u00a0", " ").endswith(
        f", 7.9: {gives}. The case goes by clause 7.1, which applied then: 20 000 NOK."
    )
    sanction = proposed(world, case)
    assert (sanction.amount, sanction.clause is own) == (FEE, False)


def test_before_the_notice_a_clause_that_is_entered_is_the_case_s(world: World) -> None:
    new, order = new_requirement(world)
    file(world, date(2026, 3, 1), electric="0", diesel="500")
    [case] = cases_of(new)
    own = own_clause(world, new, order)
    assert (proposed(world, heard(world, case)).clause, remarks(case)) == (own, [])


def test_where_the_notice_told_of_no_clause_there_is_none(there: tuple[Flask, World]) -> None:
    app, world = there
    with transaction() as session:
        session.delete(world.contract.clauses[0])
    db.session.expire_all()
    case = heard(world, broken(world))
    fee = SanctionClause(form=ClauseForm.FEE, clause="7.3", wording="Gebyr.")
    with transaction():
        contracts.add_clause(world.contract, fee, Rate(date(2026, 1, 1), FEE))
    assert (told.clause_of(case), calculations.at_stake(case)) == (None, None)
    with pytest.raises(Refused, match="When the notice was written, the contract had no sanction clause"):
        proposed(world, case)
    db.session.rollback()
    page = sit_down(app, world.adam).reads(f"/cases/{case.public_id}")
    assert page.count("When the notice was written, the contract had no sanction clause") == 3
    assert "Propose the sanction" not in page
    assert "No clause" in sit_down(app, world.adam).reads("/cases")


def test_the_hourly_count_keeps_what_was_told(world: World) -> None:
    case = heard(world, broken(world))
    rate(world, world.contract.clauses[0], "900000", world.contract.starts_on + timedelta(days=20))
    assert stakes.outdated() == []
    rate(world, world.contract.clauses[0], "5000", world.contract.starts_on + timedelta(days=21))
    assert stakes.outdated() == [case.id]
    with transaction():
        stakes.recount(case.id)
    db.session.expire_all()
    assert (case_of(world).at_stake, case_of(world).state) == (D(5000), DeviationState.ASSESSING_REPLY)


def test_a_rate_counts_from_when_the_notice_was_written_not_from_when_it_arrived(world: World) -> None:
    case = broken(world)
    casework.give_notice(world, case)
    rate(world, world.contract.clauses[0], "900000", world.contract.starts_on + timedelta(days=20))
    deliver_mail()
    assert calculations.at_stake(case) == FEE
