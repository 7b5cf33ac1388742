"""What bounds the last day that a person notes: the contract's agreed last day, and reports that wait for the buyer.

The share of clause 4.2 must be 20 %: 0 and 500 l are 0 %, 1 008 kWh and 400 l are 20 %. The contract's value is 100
million, the clause 1 ‰ for each day: 100 000.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from portal import clock
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import db, transaction
from portal.model import ChangeOrder, Decision, Deviation, Pause, Report, Window
from portal.operations.cases import breach_days, grounds, judged_next, told
from portal.operations.contracts.contract_facts import Values
from portal.operations.reports import reviews
from portal.operations.reports.comments import Place
from portal.operations.running import change_orders, requirements
from portal.work import open_periods
from tests.assessing import amend, approve_it, cases_of, file, only, sign_month
from tests.assessing import duty as asked_for
from tests.handover import hand_over
from tests.reviewing import return_for
from tests.sanctioning import daily_clause, decided, duty, heard, note_end, proposed, send_back, world
from tests.world import World, submit

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


def order(world: World, last_day: date | None, *, applies_from: date = date(2026, 6, 1)) -> ChangeOrder:
    """A change order of 1 June moves the last day, or not."""
    values: Values = {
        "order_reference": "EO-1",
        "agreed_on": date(2026, 6, 1),
        "applies_from": applies_from,
        "change_reason": "Arbeidet tar en annen tid.",
        "new_ends_on": last_day,
    }
    with transaction():
        return change_orders.add(world.contract, values, [], by=world.adam, version=world.contract.version)


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
    order(world, date(2026, 12, 31))
    hourly()
    assert said(deviation) is None
    note_end(world, deviation, date(2026, 5, 31))
    assert (said(deviation) or ("",))[0] == date(2026, 5, 31)


def move_by_order(world: World) -> None:
    order(world, date(2026, 4, 15))


def move_by_handover(world: World) -> None:
    hand_over(world, date(2026, 4, 15))


def end_the_requirement(world: World) -> None:
    agreed, share = order(world, None, applies_from=date(2026, 4, 16)), duty(world, SHARE)
    with transaction():
        requirements.end(share, date(2026, 4, 15), by=world.adam, version=world.contract.version, order=agreed)


@pytest.mark.parametrize("move", [move_by_order, move_by_handover, end_the_requirement])
def test_a_proposal_of_days_that_are_none_any_more_is_not_approved(world: World, move: Callable[[World], None]) -> None:
    """Noted and proposed until 30 April; then the last day is 15 April, and the worker has not been at it."""
    deviation = march(world)
    on(date(2026, 6, 1))
    note_end(world, deviation, date(2026, 4, 30))
    sanction = proposed(world, deviation)
    assert sanction.amount == 30 * PER_DAY
    move(world)
    assert ((said(deviation) or ("",))[0], deviation.at_stake) == (date(2026, 4, 15), 15 * PER_DAY)
    with pytest.raises(Conflict):
        decided(world, sanction)


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


def test_of_a_year_the_last_of_its_reports_is_reviewed_first(world: World) -> None:
    """Of 2026 December is broken; 2027 has three months, and March lies with the buyer: not 59 days, but none."""
    share = asked_for(world, "20", window=Window.YEAR, valid_from=date(2026, 12, 1))
    only(world, MARCH, date(2027, 3, 31), share)
    daily_clause(world, share)
    file(world, date(2026, 12, 1), **BROKEN)
    [deviation] = cases_of(share)
    heard(world, deviation)
    for month in (date(2027, 1, 1), date(2027, 2, 1)):
        file(world, month, **MET)
    last = sign_month(world, date(2027, 3, 1), **MET)
    note_end(world, deviation, date(2027, 2, 28))
    assert deviation.at_stake is None
    with pytest.raises(Refused, match="The report for March 2027 has come and is not reviewed"):
        proposed(world, deviation)
    db.session.rollback()
    approve_it(world, last)
    sanction = decided(world, proposed(world, deviation))
    assert (sanction.days, sanction.amount) == (0, Decimal(0))


def waits_for(deviation: Deviation) -> str | None:
    """The report that is to be reviewed first."""
    waits = judged_next.to_review(deviation)
    return waits.period.name.en if waits else None


@pytest.mark.parametrize("window", [Window.PERIOD, Window.RUNNING])
def test_a_report_that_begins_by_the_noted_day_is_reviewed_though_another_decides(world: World, window: Window) -> None:
    """April says next when March's breach ended, and is with the supplier; May may say that it ended by 30 April."""
    share = asked_for(world, "20", window=window)
    only(world, MARCH, date(2026, 12, 31), share)
    daily_clause(world, share)
    file(world, MARCH, **BROKEN)
    [deviation] = cases_of(share)
    heard(world, deviation)
    sign_month(world, MAY, **MET)
    note_end(world, deviation, date(2026, 5, 15))
    assert waits_for(deviation) == "May 2026"
    with pytest.raises(Refused, match="The report for May 2026 has come and is not reviewed"):
        proposed(world, deviation)
    db.session.rollback()
    note_end(world, deviation, date(2026, 4, 30))
    assert waits_for(deviation) is None
    note_end(world, deviation, date(2026, 5, 15))
    sign_month(world, APRIL, electric="5040", diesel="0")
    db.session.expire_all()
    assert waits_for(deviation) == "April 2026"


# -- later figures that meet the requirement --------------------------------------------------------------------------

CAN_HAVE_BEEN = "the last day on which there can have been a breach; in {} the requirement is met"
ONLY_APRIL = (date(2026, 4, 30), CAN_HAVE_BEEN.format("May 2026"))


@pytest.mark.parametrize("is_returned", [False, True])
def test_a_later_month_that_meets_it_bounds_the_day_that_is_noted(world: World, is_returned: bool) -> None:
    """March is broken; April was never signed, or is returned; May is met and in force: 30 days at most, not 61."""
    deviation = march(world)
    if is_returned:
        april = sign_month(world, APRIL, **MET)
        return_for(april, world.rita, (Place("machinery"), "Legg ved kvittering."))
    file(world, MAY, **MET)
    assert said(deviation) is None, "April may still say that it ended with March"
    with pytest.raises(Invalid, match=f"cannot be later than 30 April 2026: {ONLY_APRIL[1]}"):
        note_end(world, deviation, date(2026, 5, 31))
    db.session.rollback()
    note_end(world, deviation, date(2026, 4, 30))
    sanction = proposed(world, deviation)
    assert (sanction.days, sanction.amount) == (30, 30 * PER_DAY)


def test_a_day_that_was_noted_before_such_a_month_is_accepted_is_cut(world: World) -> None:
    """Noted: 31 May. May, accepted after that, is met: 30 days. Then April comes and is met: none."""
    deviation = march(world)
    april = sign_month(world, APRIL, **MET)
    with transaction():
        reviews.decide(april, Decision.REJECT, reasons="Feil tall.", by=world.rita, version=april.version)
    may = sign_month(world, MAY, **MET)
    note_end(world, deviation, date(2026, 5, 31))
    assert (said(deviation) or ("",))[0] == date(2026, 5, 31)
    approve_it(world, may)
    assert said(deviation) == ONLY_APRIL
    assert waits_for(deviation) is None
    sanction = proposed(world, deviation)
    assert (sanction.days, sanction.amount) == (30, 30 * PER_DAY)
    world.report = april
    submit(world, **MET)
    assert waits_for(deviation) == "April 2026"
    approve_it(world, april)
    assert said(deviation) == (date(2026, 3, 31), "the last day that was judged; in April 2026 the requirement is met")
    with pytest.raises(Conflict):
        decided(world, sanction)


def test_a_later_month_that_is_broken_again_bounds_it_at_its_own_last_day(world: World) -> None:
    """April, which is with the supplier, and May may be one breach with March; the days after May are May's case's."""
    deviation = march(world)
    may = file(world, MAY, **BROKEN)
    note_end(world, deviation, date(2026, 5, 31))
    assert (said(deviation) or ("",))[0] == date(2026, 5, 31)
    clock.move_to(datetime(2026, 6, 20, 9, tzinfo=UTC))
    with pytest.raises(Invalid, match="cannot be later than 31 May 2026: the last day of May 2026, which is a breach"):
        note_end(world, deviation, date(2026, 6, 15))
    amend(world, may, **MET)
    assert said(deviation) == ONLY_APRIL


def test_a_later_window_that_meets_it_bounds_the_day_that_is_noted(world: World) -> None:
    """Of 2026 December is broken, of 2027 nobody filed January, of 2028 January is met; the rest is a pause."""
    share = asked_for(world, "20", window=Window.YEAR, valid_from=date(2026, 12, 1))
    only(world, MARCH, date(2028, 1, 31), share)
    with transaction() as session:
        days = {"starts_on": date(2027, 2, 1), "ends_on": date(2027, 12, 31)}
        session.add(Pause(**world.contract.parties, contract=world.contract, reason="Frost.", **days))
    file(world, date(2026, 12, 1), **BROKEN)
    [deviation] = cases_of(share)
    january = sign_month(world, date(2028, 1, 1), **MET)
    note_end(world, deviation, date(2028, 1, 20))
    assert waits_for(deviation) == "January 2028"
    approve_it(world, january)
    hourly()
    assert said(deviation) == (date(2027, 12, 31), CAN_HAVE_BEEN.format("January 2028"))
    with pytest.raises(Invalid, match="cannot be later than 31 December 2027"):
        note_end(world, deviation, date(2028, 1, 20))
