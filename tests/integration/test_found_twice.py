"""Each revision that is rejected is a breach by itself; with a late correction it is found twice, and still one.

One breach takes one rung of its clause and costs one fee, whichever of its two cases is decided first.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from portal import calendars, clock
from portal.extensions import db, transaction
from portal.model import Cause, Decision, Deviation, DeviationState, ReportState, Sanction
from portal.operations.cases import calculations, grounds, ladder, recalculation
from portal.operations.contracts import contracts
from portal.operations.reports import reviews, withdrawals
from portal.operations.reports.comments import Place
from tests import casework
from tests.reviewing import return_for, send_again
from tests.sanctioning import daily_clause, decided, heard, missing, opened, proposed
from tests.world import World, submit, tick

FEE = Decimal(20_000)
A_DAY = Decimal(100_000)
"""1 ‰ of the contract's value."""
NOTHING = Decimal(0)
THREE_DAYS = timedelta(days=3, hours=-1)
"""An hour off the end of the third day, so that it stays that day however long the test takes."""


@pytest.fixture
def world(make_app: Callable[..., Flask], everyday_database_url: str) -> Iterator[World]:
    with opened(make_app, everyday_database_url) as room:
        yield room.world


# -- what happens -----------------------------------------------------------------------------------------------------


def reject(world: World) -> Deviation:
    """Rita rejects the revision that waits for her."""
    with transaction():
        reviews.decide(world.report, Decision.REJECT, by=world.rita, version=world.report.version, reasons="Feil.")
    return newest(world, Cause.NOT_ACCEPTED)


def rejected(world: World) -> Deviation:
    submit(world)
    return reject(world)


def overdue(world: World) -> Deviation:
    """The deadline of the correction passes, and it is not there."""
    clock.move_to(world.report.due_at + timedelta(minutes=1))
    tick()
    assert world.report.overdue_at is not None
    return newest(world, Cause.REPORT_MISSING)


def corrected_late(world: World) -> Deviation:
    """It comes three days later."""
    deviation = overdue(world)
    clock.move_to(world.report.due_at + THREE_DAYS)
    send_again(world)
    assert deviation.late_by_days == 3
    return deviation


def newest(world: World, cause: Cause) -> Deviation:
    rows = select(Deviation).where(Deviation.report_id == world.report.id, Deviation.cause == cause)
    return db.session.scalars(rows.order_by(Deviation.id.desc())).first() or pytest.fail(cause)


def next_missing(world: World) -> Deviation:
    """The report for the month after is not there when it is due: another breach of the same duty."""
    return missing(next_month(world))


def next_month(world: World) -> World:
    with transaction():
        world.report = contracts.open_period(
            world.contract, calendars.month_of(world.report.period.ends_on + timedelta(days=1))
        )
    clock.move_to(max(clock.now(), calendars.end_of_day(world.report.period.ends_on, "Europe/Oslo")))
    return world


def sanctioned(world: World, deviation: Deviation) -> Sanction:
    return decided(world, proposed(world, heard(world, deviation)))


# -- the clauses ------------------------------------------------------------------------------------------------------


def fee(world: World) -> None:
    """20 000 for each breach, as the small world has it."""


def day(world: World) -> None:
    daily_clause(world)


def warned_fee(world: World) -> None:
    with transaction():
        world.contract.clauses[0].warns_first = True


def warned_day(world: World) -> None:
    daily_clause(world, warns_first=True)


Clause = Callable[[World], None]
CLAUSES: list[tuple[Clause, str, str]] = [
    (fee, "fee", "fee"),
    (day, "daily", "daily"),
    (warned_fee, "warning", "fee"),
    (warned_day, "warning", "daily"),
]
"""What is agreed, the step of the first breach, and that of the next."""
WHOLE: dict[Clause, Decimal] = {fee: FEE, day: 3 * A_DAY, warned_fee: NOTHING, warned_day: NOTHING}
"""What the first breach comes to, with a correction that is three days late."""
WARNED = [warned_fee, warned_day]


# -- found at all -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agreed", WARNED)
def test_a_report_that_was_missing_and_warned_of_can_be_rejected(world: World, agreed: Clause) -> None:
    """The second case of the same days as one that is decided, found before it has a number."""
    agreed(world)
    assert sanctioned(world, missing(world)).step == "warning"
    rejection = rejected(world)
    assert (world.report.state, rejection.state) == (ReportState.REJECTED, DeviationState.FOUND)
    assert ladder.earlier(rejection) == 1, "what was missing is a breach of its own"


@pytest.mark.parametrize("agreed", WARNED)
def test_a_correction_is_missed_and_signed_after_its_rejection_was_warned_of(world: World, agreed: Clause) -> None:
    agreed(world)
    assert sanctioned(world, rejected(world)).step == "warning"
    correction = overdue(world)
    assert correction.at_stake == 0, "a warning is all that it comes to"
    clock.move_to(world.report.due_at + THREE_DAYS)
    send_again(world)
    assert (world.report.state, correction.late_by_days) == (ReportState.SUBMITTED, 3)


# -- one rung, one fee ------------------------------------------------------------------------------------------------


def rejection_before_it_is_late(world: World) -> tuple[Sanction, Sanction]:
    first = sanctioned(world, rejected(world))
    return first, sanctioned(world, corrected_late(world))


def rejection_first(world: World) -> tuple[Sanction, Sanction]:
    rejection = rejected(world)
    correction = corrected_late(world)
    first = sanctioned(world, rejection)
    return first, sanctioned(world, correction)


def correction_first(world: World) -> tuple[Sanction, Sanction]:
    rejection = rejected(world)
    second = sanctioned(world, corrected_late(world))
    return sanctioned(world, rejection), second


ORDERS = [rejection_before_it_is_late, rejection_first, correction_first]
Decides = Callable[[World], tuple[Sanction, Sanction]]


@pytest.mark.parametrize("decides", ORDERS)
@pytest.mark.parametrize(("agreed", "step", "after"), CLAUSES)
def test_a_rejection_and_its_late_correction_take_one_rung_and_one_fee(
    world: World, agreed: Clause, step: str, after: str, decides: Decides
) -> None:
    agreed(world)
    rejection, correction = decides(world)
    assert (rejection.step, correction.step) == (step, step)
    took_the_fee = agreed is fee and decides is rejection_before_it_is_late
    assert [rejection.amount, correction.amount] == sorted([NOTHING, WHOLE[agreed]], reverse=took_the_fee)

    third = next_missing(world)
    assert ladder.earlier(third) == 1
    clock.move_to(world.report.due_at + timedelta(days=2, hours=-2))
    submit(world)
    sanction = sanctioned(world, third)
    assert (sanction.step, sanction.amount) == (after, FEE if after == "fee" else 2 * A_DAY)


@pytest.mark.parametrize(("agreed", "step", "after"), CLAUSES)
def test_the_revision_after_it_that_is_rejected_takes_the_next_rung(
    world: World, agreed: Clause, step: str, after: str
) -> None:
    """The late correction is rejected too: that is another breach, of the same report."""
    agreed(world)
    correction_first(world)
    again = reject(world)
    assert (again.cause_group, ladder.earlier(again)) == ("not_accepted-2", 1)
    sanction = sanctioned(world, again)
    assert (sanction.step, sanction.amount) == (after, FEE if after == "fee" else NOTHING)
    assert sanction.step != "warning" or step != "warning"


@pytest.mark.parametrize(("agreed", "step", "_after"), CLAUSES)
def test_of_two_proposed_the_other_stays_as_it_was_proposed(
    world: World, agreed: Clause, step: str, _after: str
) -> None:
    agreed(world)
    rejection, correction = heard(world, rejected(world)), heard(world, corrected_late(world))
    first, second = proposed(world, rejection), proposed(world, correction)
    assert [first.amount, second.amount] == [NOTHING, WHOLE[agreed]]
    decided(world, second)
    assert (recalculation.changes(first), decided(world, first).step) == ([], step)


@pytest.mark.parametrize("agreed", WARNED)
def test_what_was_warned_of_is_not_charged_because_an_earlier_breach_was_decided_since(
    world: World, agreed: Clause
) -> None:
    """April is rejected, and warned of; then March, that was missing, is. April's late correction is April's breach."""
    agreed(world)
    march = missing(world)
    next_month(world)
    assert sanctioned(world, rejected(world)).step == "warning"
    assert sanctioned(world, march).step == "warning"
    correction = corrected_late(world)
    assert correction.at_stake == 0
    assert (sanctioned(world, correction).step, ladder.earlier(correction)) == ("warning", 0)


def test_a_clause_that_warns_of_nothing_does_not_charge_what_was_warned_of(world: World) -> None:
    warned_fee(world)
    assert sanctioned(world, rejected(world)).step == "warning"
    daily_clause(world)
    correction = sanctioned(world, corrected_late(world))
    assert (correction.clause.clause, correction.step, correction.amount) == ("7.2", "warning", NOTHING)


def test_what_was_charged_already_is_not_at_stake_again_from_the_moment_it_is_found(world: World) -> None:
    assert sanctioned(world, rejected(world)).amount == FEE
    assert overdue(world).at_stake == 0


def taken_back(world: World) -> None:
    """Bo takes back what waits for review."""
    with transaction():
        withdrawals.withdraw(world.report, "Feil fil.", by=world.bo, version=world.report.version)


@pytest.mark.parametrize(("agreed", "step", "after"), CLAUSES)
def test_a_correction_that_was_taken_back_and_is_late_then_is_the_same_breach(
    world: World, agreed: Clause, step: str, after: str
) -> None:
    agreed(world)
    first = sanctioned(world, rejected(world))
    send_again(world)
    taken_back(world)
    second = sanctioned(world, corrected_late(world))
    assert (first.step, second.step, second.deviation.cause_group) == (step, step, "correction-2")
    assert first.amount == (FEE if agreed is fee else 0)
    assert second.amount == (3 * A_DAY if agreed is day else 0)
    assert ladder.earlier(next_missing(world)) == 1


def test_a_correction_that_is_late_twice_costs_one_fee(world: World) -> None:
    rejection = rejected(world)
    first = corrected_late(world)
    taken_back(world)
    second = corrected_late(world)
    amounts = [sanctioned(world, each).amount for each in (first, second, rejection)]
    assert amounts == [FEE, 0, 0]
    assert ladder.earlier(next_missing(world)) == 1


def test_a_correction_that_is_taken_back_again_pays_no_day_twice(world: World) -> None:
    """Three days late, with the buyer for four, taken back with no more time, and there after two days: five in all."""
    day(world)
    rejected(world)
    send_again(world)
    taken_back(world)
    first = corrected_late(world)
    clock.move_to(clock.now() + timedelta(days=4))
    taken_back(world)
    tick()
    clock.move_to(clock.now() + timedelta(days=2))
    send_again(world)
    second = newest(world, Cause.REPORT_LATE)
    assert (first.cause_group, second.cause_group) == ("correction-2", "correction-3")
    assert [sanctioned(world, each).amount for each in (first, second)] == [3 * A_DAY, 2 * A_DAY]


def test_the_late_correction_of_what_was_only_returned_is_a_breach_of_its_own(world: World) -> None:
    """Revision 1 is returned and corrected late, revision 2 rejected: one has nothing to do with the other."""
    submit(world)
    return_for(world.report, world.rita, (Place("machinery"), "Feil måler."))
    late = sanctioned(world, corrected_late(world))
    assert (late.amount, sanctioned(world, reject(world)).amount) == (FEE, FEE)
    assert ladder.earlier(next_missing(world)) == 2


def test_a_rejection_that_came_to_nothing_is_no_rung(world: World) -> None:
    """Its fee was to be asked for in the correction's case, which was settled without a sanction."""
    rejection = rejected(world)
    correction = heard(world, corrected_late(world))
    assert sanctioned(world, rejection).amount == 0
    casework.close(world, correction)
    assert ladder.earlier(next_missing(world)) == 0


def test_a_rejection_that_has_no_days_of_its_own_is_no_rung(world: World) -> None:
    day(world)
    sanction = sanctioned(world, rejected(world))
    send_again(world)
    assert (sanction.step, sanction.days, sanction.amount) == ("daily", 0, NOTHING)
    assert ladder.earlier(next_missing(world)) == 0


# -- each rejection by itself -----------------------------------------------------------------------------------------


def test_each_revision_that_is_rejected_has_a_case_of_its_own(world: World) -> None:
    """The supplier was heard on revision 1; revision 2 is rejected: the first case is what it was."""
    first = heard(world, rejected(world))
    said = first.sentence
    send_again(world)
    second = reject(world)
    assert (first.cause_group, first.facts["revision"], first.sentence) == ("not_accepted-1", 1, said)
    assert (second.cause_group, second.facts["revision"], second.occasion) == ("not_accepted-2", 2, 1)
    assert (second.state, second.notices) == (DeviationState.FOUND, [])
    assert proposed(world, first).amount == FEE
    assert sanctioned(world, second).amount == FEE
    assert ["revisjon 2" in point.text for point in second.points] == [True], "with a notice of its own"


@pytest.mark.parametrize("settle", [sanctioned, lambda world, case: casework.close(world, heard(world, case))])
def test_a_revision_that_is_rejected_after_the_first_was_settled_is_a_breach_too(
    world: World, settle: Callable[[World, Deviation], object]
) -> None:
    first = rejected(world)
    settle(world, first)
    before = (first.state, first.facts, first.sentence)
    send_again(world)
    second = reject(world)
    assert (second.state, second.at_stake) == (DeviationState.FOUND, FEE)
    assert (first.state, first.facts, first.sentence) == before


def test_a_late_correction_takes_the_fee_of_its_own_revision_only(world: World) -> None:
    """Revision 1 is rejected and corrected late, and that revision is rejected: two breaches, two fees."""
    first, correction = heard(world, rejected(world)), heard(world, corrected_late(world))
    second = heard(world, reject(world))
    amounts = [decided(world, proposed(world, each)).amount for each in (first, correction, second)]
    assert amounts == [0, FEE, FEE]


def test_a_case_from_before_that_was_told_anew_costs_nothing_that_its_notice_did_not_name(world: World) -> None:
    """Cases of earlier releases were told anew at each rejection, whatever the supplier had been told."""
    case = heard(world, rejected(world))
    with transaction():
        case.facts, case.cause_group = {**case.facts, "revision": 2}, "not_accepted-2"
    assert calculations.breaches(case) == 0
    lacking = [each.key for each in grounds.of(case, world.contract.clauses[0]) if not each.holds]
    assert lacking == ["notified"]
