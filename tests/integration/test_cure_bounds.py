"""What bounds the last day that a person notes: the contract's agreed last day, and reports that wait for the buyer.

The share of clause 4.2 must be 20 %: 0 and 500 l are 0 %, 1 008 kWh and 400 l are 20 %. The contract's value is 100
million, the clause 1 ‰ for each day: 100 000.
"""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from portal import clock
from portal.errors import Invalid, Refused
from portal.extensions import db, transaction
from portal.model import Decision, Deviation, Report
from portal.operations.cases import breach_days, grounds, told
from portal.operations.contracts.contract_facts import Values
from portal.operations.reports import reviews
from portal.operations.running import change_orders
from portal.work import open_periods
from tests.assessing import approve_it, cases_of, file, sign_month
from tests.sanctioning import daily_clause, decided, duty, heard, note_end, proposed, send_back, world
from tests.world import World

__all__ = ["world"]

SHARE = "zero_emission_share_energy"
MARCH, APRIL, MAY = (date(2026, month, 1) for month in (3, 4, 5))
BROKEN = {"electric": "0", "diesel": "500"}
MET = {"electric": "1008", "diesel": "400"}
PER_DAY = Decimal(100_000)


def march(world: World) -> Deviation:
    """March's report breaks clause 4.2, under a daily clause; the supplier was heard."""
    share = duty(world, SHARE)
    daily_clause(world, share)
    report = file(world, MARCH, **BROKEN)
    return heard(world, next(each for each in cases_of(share) if each.report_id == report.id))


def on(day: date) -> None:
    """The morning of a day, when the worker has been at it."""
    clock.move_to(datetime(day.year, day.month, day.day, 9, tzinfo=UTC))
    hourly()


def hourly() -> None:
    db.session.rollback()
    open_periods({})
    db.session.rollback()
    db.session.expire_all()


def said(deviation: Deviation) -> tuple[date, str] | None:
    end = breach_days.end_of(deviation)
    return (end.on, end.why.en) if end else None


# -- the contract's agreed last day -----------------------------------------------------------------------------------


def agreed_until(world: World, day: date) -> None:
    with transaction():
        world.contract.ends_on = day


def test_a_contract_that_is_past_its_last_day_is_broken_no_longer_though_no_handover_is_noted(world: World) -> None:
    """No report is asked for after 31 March. A person may not note 31 May: not 61 days, but none."""
    agreed_until(world, date(2026, 3, 31))
    deviation = march(world)
    on(date(2026, 6, 1))
    assert said(deviation) == (date(2026, 3, 31), "the contract's last day")
    with pytest.raises(Invalid, match="cannot be later than 31 March 2026: the contract's last day"):
        note_end(world, deviation, date(2026, 5, 31))
    db.session.rollback()
    sanction = proposed(world, deviation)
    assert (sanction.days, sanction.amount) == (0, Decimal(0))


def test_days_before_the_agreed_last_one_that_are_not_judged_leave_it_open(world: World) -> None:
    """April is to be reported on: until it is, a person notes a day up to the 30th."""
    agreed_until(world, date(2026, 4, 30))
    deviation = march(world)
    on(date(2026, 6, 1))
    assert said(deviation) is None
    with pytest.raises(Invalid, match="cannot be later than 30 April 2026: the contract's last day"):
        note_end(world, deviation, MAY)
    db.session.rollback()
    note_end(world, deviation, date(2026, 4, 30))
    sanction = proposed(world, deviation)
    assert (sanction.days, sanction.amount) == (30, 30 * PER_DAY)


def test_its_last_day_itself_is_no_bound_yet(world: World) -> None:
    agreed_until(world, date(2026, 4, 30))
    deviation = march(world)
    on(date(2026, 4, 30))
    note_end(world, deviation, date(2026, 4, 30))
    assert (said(deviation) or ("",))[0] == date(2026, 4, 30)


def test_a_change_order_that_lengthens_the_contract_moves_the_bound(world: World) -> None:
    agreed_until(world, date(2026, 3, 31))
    deviation = march(world)
    on(date(2026, 6, 1))
    assert (said(deviation) or ("",))[0] == date(2026, 3, 31)
    values: Values = {
        "order_reference": "EO-1",
        "agreed_on": date(2026, 6, 1),
        "applies_from": date(2026, 6, 1),
        "change_reason": "Arbeidet tar lengre tid.",
        "new_ends_on": date(2026, 12, 31),
    }
    with transaction():
        change_orders.add(world.contract, values, [], by=world.adam, version=world.contract.version)
    hourly()
    assert said(deviation) is None
    note_end(world, deviation, date(2026, 5, 31))
    assert (said(deviation) or ("",))[0] == date(2026, 5, 31)


# -- reports that wait for the buyer ----------------------------------------------------------------------------------


def waiting(world: World, until: date, *, diesel: str = "400") -> tuple[Deviation, Report]:
    """March is broken; April has come and lies with the buyer; Adam notes a last day. April is met, or broken."""
    deviation = march(world)
    april = sign_month(world, APRIL, electric="1008" if diesel == "400" else "0", diesel=diesel)
    on(date(2026, 5, 5))
    note_end(world, deviation, until)
    return deviation, april


@pytest.mark.parametrize("until", [date(2026, 4, 30), date(2026, 4, 1)])
def test_a_report_within_the_noted_days_is_reviewed_before_a_proposal(world: World, until: date) -> None:
    """April is met: not 30 days, nor 1, but none, whichever of its tasks the buyer does first."""
    deviation, april = waiting(world, until)
    before = deviation.at_stake
    assert before is None
    with pytest.raises(Refused, match="The report for April 2026 has come and is not reviewed") as refused:
        proposed(world, deviation)
    assert f"before {until.day} April 2026, which was noted" in str(refused.value)
    db.session.rollback()
    approve_it(world, april)
    assert deviation.at_stake == 0
    sanction = decided(world, proposed(world, deviation))
    assert (sanction.days, sanction.amount) == (0, Decimal(0))


def test_a_noted_day_before_the_report_s_first_does_not_wait_for_it(world: World) -> None:
    deviation, _ = waiting(world, date(2026, 3, 31))
    assert proposed(world, deviation).days == 0


def test_what_is_sent_back_waits_for_the_supplier_and_holds_nothing(world: World) -> None:
    deviation, april = waiting(world, date(2026, 4, 13))
    with transaction():
        reviews.decide(april, Decision.REJECT, reasons="Feil tall.", by=world.rita, version=april.version)
    assert proposed(world, deviation).days == 13


def test_what_comes_after_the_proposal_is_reviewed_before_the_approval(world: World) -> None:
    """The database's own list has a last day; the approval asks for the whole ground again."""
    deviation = march(world)
    on(date(2026, 4, 20))
    note_end(world, deviation, date(2026, 4, 13))
    sanction = proposed(world, deviation)
    april = sign_month(world, APRIL, **MET)
    db.session.expire_all()
    with pytest.raises(Refused, match="Review the report first"):
        decided(world, sanction)
    db.session.rollback()
    approve_it(world, april)
    send_back(world, sanction)
    assert said(deviation) == (date(2026, 3, 31), "the last day that was judged; in April 2026 the requirement is met")


def test_what_is_decided_does_not_wait_for_what_comes_later(world: World) -> None:
    deviation = march(world)
    on(date(2026, 4, 20))
    note_end(world, deviation, date(2026, 4, 13))
    decided(world, proposed(world, deviation))
    sign_month(world, APRIL, **MET)
    clause = told.clause_of(deviation)
    assert clause is not None
    assert all(each.holds for each in grounds.of(deviation, clause))


def test_a_bound_that_a_person_s_day_was_cut_to_waits_as_well(world: World) -> None:
    """Noted: 3 May. The contract ends on 30 April, which cuts it; April's report lies with the buyer."""
    agreed_until(world, date(2026, 4, 30))
    deviation = march(world)
    with transaction():
        world.contract.ends_on = date(2026, 12, 31)
    april = sign_month(world, APRIL, **MET)
    on(date(2026, 5, 5))
    note_end(world, deviation, date(2026, 5, 3))
    agreed_until(world, date(2026, 4, 30))
    hourly()
    assert said(deviation) == (date(2026, 4, 30), "the contract's last day")
    with pytest.raises(Refused, match="Review the report first"):
        proposed(world, deviation)
    db.session.rollback()
    approve_it(world, april)
    assert proposed(world, deviation).days == 0


def test_a_report_that_does_not_judge_the_requirement_holds_nothing(world: World) -> None:
    """Asked for no longer than to 15 April: April's report, which counts by the 30th, says nothing of it."""
    deviation, _ = waiting(world, date(2026, 4, 13))
    with transaction():
        deviation.requirement.valid_to = date(2026, 4, 15)
    assert proposed(world, deviation).days == 13
