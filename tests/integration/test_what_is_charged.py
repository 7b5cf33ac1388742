"""A sanction is for what the notice said, what was upheld and what was agreed: once, and with the right amount."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal import clock
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import db, transaction
from portal.kinds.base import Problem
from portal.model import (
    AuditEvent,
    Cause,
    ClauseCounts,
    ClauseForm,
    Decision,
    Deviation,
    Requirement,
    Sanction,
    SanctionRate,
    SanctionState,
    Verdict,
    Weighing,
)
from portal.operations.cases import breach_days, calculations, dropped_points, grounds, recalculation, sanctions
from portal.operations.cases.sanctions import Waiver
from portal.operations.contracts.contract_facts import Values
from portal.operations.reports import reviews
from portal.operations.running import change_orders, contract_life
from tests import casework
from tests.assessing import cases_of, file
from tests.machine_lines import costs_by_line, used
from tests.reviewing import send_again
from tests.sanctioning import (
    broken,
    daily_clause,
    days_after_deadline,
    decided,
    duty,
    heard,
    missing,
    note_end,
    proposed,
    revise,
    send_back,
    world,
)
from tests.world import World, case_of, deliver_mail, submit, tick

__all__ = ["world"]

FEE = Decimal(20_000)
UPHELD, PARTLY, DROPPED = Verdict.UPHELD, Verdict.PARTLY, Verdict.DROPPED


@pytest.fixture
def three(world: World) -> World:
    return costs_by_line(world)


def lacking(deviation: Deviation) -> list[str]:
    clause = deviation.contract.clause_for(deviation.requirement)
    return [each.key for each in grounds.of(deviation, clause) if not each.holds]


# -- what the notice said ---------------------------------------------------------------------------------------------


def by_line(world: World) -> None:
    """The clause of the small world asks for a fee for each line."""


def by_period(world: World) -> None:
    with transaction():
        world.contract.clauses[0].counts = ClauseCounts.PERIOD


def by_day(world: World) -> None:
    daily_clause(world, duty(world, "lowest_stage"))


@pytest.mark.parametrize("asks", [by_line, by_period, by_day])
def test_other_lines_than_the_notified_ones_are_no_ground(three: World, asks: Callable[[World], None]) -> None:
    """As many as before, and none that the supplier was told of: DI-3 in the place of DI-2."""
    asks(three)
    used(three, "DI-2")
    deviation = heard(three, case_of(three, "4.3"))
    assert "notified" not in lacking(deviation)
    used(three, "DI-3")
    assert (deviation.facts["breaches"], calculations.breaches(deviation)) == (1, 0)
    clause = three.contract.clause_for(deviation.requirement)
    assert clause is not None
    if clause.form == ClauseForm.DAILY:
        note_end(three, deviation, breach_days.today(deviation))
    else:
        assert deviation.at_stake == 0
    assert lacking(deviation) == ["notified"]
    with pytest.raises(Refused, match="says nothing of any of the lines that break the requirement now"):
        proposed(three, deviation)
    db.session.rollback()
    assert deviation.sanction is None


def test_one_period_with_one_notified_line_left_costs_once(three: World) -> None:
    by_period(three)
    used(three, "DI-2", "DI-3")
    deviation = heard(three, case_of(three, "4.3"))
    used(three, "DI-3", "DI-4")
    said = [each.words.en for each in grounds.of(deviation, three.contract.clauses[0]) if each.key == "notified"]
    assert said == ["The notice covers 1 of 2 breaches in the figures in force."]
    assert proposed(three, deviation).amount == FEE


# -- what was upheld --------------------------------------------------------------------------------------------------


def weighed(world: World, *verdicts: Verdict) -> Deviation:
    """DI-2, DI-3 and DI-4 break the requirement; notice with these points, answered and weighed one by one."""
    used(world, "DI-2", "DI-3", "DI-4")
    deviation = case_of(world, "4.3")
    casework.give_notice(world, deviation, [f"Punkt {number}." for number, _verdict in enumerate(verdicts, 1)])
    deliver_mail()
    casework.reply(world, deviation)
    casework.weigh(world, deviation)
    weigh_again(world, deviation, *verdicts)
    return deviation


def weigh_again(world: World, deviation: Deviation, *verdicts: Verdict) -> None:
    with transaction() as session:
        for point, verdict in zip(deviation.points, verdicts, strict=True):
            row = Weighing(**point.parties, point=point, verdict=verdict, reasons="Vurdert.")
            row.weighed_by = world.adam.person
            session.add(row)


def test_no_fee_is_charged_for_a_line_whose_point_was_dropped(three: World) -> None:
    """Two of three points dropped: 60 000 is refused, and so is less than 40 000 waived; 20 000 is what is left."""
    deviation = weighed(three, DROPPED, DROPPED, UPHELD)
    least = "These points are dropped: 1, 2. The fee counts each line. Waive at least 40\u00a0000\u00a0NOK"
    for waiver in (None, Waiver(Decimal(39_999), "Nesten.")):
        with pytest.raises(Refused, match=least):
            proposed(three, deviation, waiver)
        db.session.rollback()
        assert deviation.sanction is None
    sanction = proposed(three, deviation, Waiver(2 * FEE, "Punkt 1 og 2 er frafalt."))
    assert sanction.amount == FEE
    assert decided(three, sanction).state == SanctionState.DECIDED


def test_a_point_for_several_lines_needs_what_the_proposer_holds_that_it_is_about(three: World) -> None:
    """Four points for three lines, one dropped: which line it is about, if any, a person must say."""
    deviation = weighed(three, DROPPED, UPHELD, UPHELD, UPHELD)
    with pytest.raises(Invalid, match="Waive the amount for the lines") as refused:
        proposed(three, deviation)
    assert [each.field for each in refused.value.problems if isinstance(each, Problem)] == ["others"]
    db.session.rollback()
    assert proposed(three, deviation, Waiver(FEE, "Punkt 1 gjaldt DI-4.")).amount == 2 * FEE


@pytest.mark.parametrize(
    ("left", "verdicts"), [("DI-2", (DROPPED, UPHELD, UPHELD)), ("DI-4", (DROPPED, DROPPED, UPHELD))]
)
def test_of_the_one_line_that_is_left_a_person_says_which_point_it_is_about(
    three: World, left: str, verdicts: tuple[Verdict, ...]
) -> None:
    """An amendment leaves one line: whether a dropped point or one that is upheld was about it, no figures show."""
    deviation = weighed(three, *verdicts)
    used(three, left)
    db.session.expire_all()
    assert calculations.breaches(deviation) == 1
    assert dropped_points.is_asked(deviation)
    with pytest.raises(Invalid, match="or tick that the lines that are left are about other points"):
        proposed(three, deviation)
    db.session.rollback()
    sanction = proposed(three, deviation, others=True)
    numbers = [number for number, verdict in enumerate(verdicts, 1) if verdict == DROPPED]
    assert (sanction.amount, sanction.found["left_are_of_others"]) == (FEE, numbers)
    said = ", ".join(map(str, numbers))
    assert [each.en for each in grounds.remarks(deviation)] == [
        f"These points are dropped: {said}. Adam Prøve has ticked that the lines that are left are about other points."
    ]
    assert decided(three, sanction).state == SanctionState.DECIDED
    assert sanction.found["left_are_of_others"] == numbers
    calculated = select(AuditEvent).filter_by(action="sanction.calculated")
    assert [each.facts["left_are_of_others"] for each in db.session.scalars(calculated)] == [numbers]


def test_the_tick_holds_of_the_points_that_were_dropped_when_it_was_given(three: World) -> None:
    deviation = weighed(three, DROPPED, UPHELD, UPHELD)
    used(three, "DI-2")
    sanction = proposed(three, deviation, others=True)
    weigh_again(three, deviation, DROPPED, DROPPED, UPHELD)
    db.session.expire_all()
    with pytest.raises(Refused, match=r"These points are dropped: 1, 2\."):
        decided(three, sanction)
    db.session.rollback()
    send_back(three, sanction, "Punkt 2 også.")
    with pytest.raises(Invalid, match="1, 2"):
        revise(three, sanction)
    db.session.rollback()
    with transaction():
        sanctions.revise(sanction, "Ja.", withdraw=False, by=three.adam, version=sanction.version, others=True)
    assert sanction.found["left_are_of_others"] == [1, 2]
    assert decided(three, sanction).amount == FEE


def test_where_it_is_not_asked_a_tick_is_not_kept(three: World) -> None:
    deviation = weighed(three, UPHELD, UPHELD, UPHELD)
    assert not dropped_points.is_asked(deviation)
    assert "left_are_of_others" not in proposed(three, deviation, others=True).found


def test_a_point_that_is_dropped_after_the_proposal_stops_the_approval(three: World) -> None:
    deviation = weighed(three, UPHELD, PARTLY, UPHELD)
    sanction = proposed(three, deviation)
    assert sanction.amount == 3 * FEE
    weigh_again(three, deviation, UPHELD, DROPPED, UPHELD)
    db.session.expire_all()
    with pytest.raises(Refused, match="These points are dropped: 2"):
        decided(three, sanction)
    db.session.rollback()
    send_back(three, sanction, "Punkt 2.")
    with pytest.raises(Refused), transaction():
        sanctions.revise(sanction, "Likevel.", withdraw=False, by=three.adam, version=sanction.version)
    db.session.rollback()
    less = Waiver(FEE, "Punkt 2 er frafalt.")
    with transaction():
        sanctions.revise(sanction, "Uten.", withdraw=False, by=three.adam, version=sanction.version, waiver=less)
    assert decided(three, sanction).amount == 2 * FEE


@pytest.mark.parametrize("asks", [by_period, by_day])
def test_a_clause_that_counts_no_lines_asks_for_no_waiver(three: World, asks: Callable[[World], None]) -> None:
    asks(three)
    deviation = weighed(three, DROPPED, UPHELD, UPHELD)
    note_end(three, deviation, breach_days.today(deviation)) if asks is by_day else None
    assert proposed(three, deviation).waived == 0


# -- what was agreed --------------------------------------------------------------------------------------------------


def late(world: World) -> Sanction:
    """Ten days late under 1 ‰ of 100 million a day: 1 million is proposed."""
    daily_clause(world)
    deviation = missing(world)
    days_after_deadline(world, 10)
    submit(world)
    sanction = proposed(world, heard(world, deviation))
    assert (sanction.days, sanction.amount) == (10, Decimal(1_000_000))
    return sanction


def less_value(world: World) -> None:
    """Agreed on the day of the proposal, and from a day before the deadline: 40 million less."""
    values: Values = {
        "order_reference": "EO-1",
        "agreed_on": clock.today("Europe/Oslo"),
        "applies_from": date(2026, 4, 1),
        "change_reason": "Mindre omfang.",
        "value_change": Decimal(-40_000_000),
    }
    with transaction():
        change_orders.add(world.contract, values, [], by=world.adam, version=world.contract.version)


def test_a_requirement_that_fell_away_from_before_what_was_judged_is_no_ground(world: World) -> None:
    """Agreed in May, with effect from 1 March: March's breach was none, whether or not it is proposed already."""
    deviation = heard(world, broken(world))
    sanction = proposed(world, deviation)
    ends(world, deviation.requirement, date(2026, 3, 1))
    assert lacking(deviation) == ["in_force", "stands"], "the case is taken away by it too"
    with pytest.raises(Refused, match="was not in force on 31 March 2026"):
        grounds.demand(deviation, sanction.clause)
    with pytest.raises(Conflict, match="Send the proposal back"):
        decided(world, sanction)
    db.session.rollback()
    assert sanction.state == SanctionState.PROPOSED


def test_a_requirement_that_falls_away_after_what_was_judged_binds_all_the_same(world: World) -> None:
    deviation = heard(world, broken(world))
    ends(world, deviation.requirement, date(2026, 4, 1))
    assert lacking(deviation) == []
    assert decided(world, proposed(world, deviation)).amount == FEE


def ends(world: World, requirement: Requirement, applies_from: date) -> None:
    values: Values = {
        "order_reference": "EO-2",
        "agreed_on": clock.today("Europe/Oslo"),
        "applies_from": applies_from,
        "change_reason": "Kravet faller bort.",
    }
    with transaction():
        change_orders.add(world.contract, values, [requirement], by=world.adam, version=world.contract.version)


def another_rate(world: World) -> None:
    with transaction() as session:
        clause = world.contract.clauses[-1]
        clause.rates.append(SanctionRate(**world.contract.parties, valid_from=date(2026, 4, 2), amount=Decimal("0.6")))
        session.flush()


def nothing_to_count(world: World) -> None:
    with transaction():
        world.contract.value = None


def other_figures(world: World) -> None:
    """The same amount from another rate and another base: the sheet that would be kept is not what was agreed."""
    with transaction():
        clause = world.contract.clauses[-1]
        clause.rates[0].amount, world.contract.value = Decimal(2), Decimal(50_000_000)


MONEY = [
    (less_value, "600\u00a0000\u00a0NOK"),
    (another_rate, "600\u00a0000\u00a0NOK"),
    (nothing_to_count, "cannot be computed"),
    (other_figures, "same amount from other rates, base or days"),
]


@pytest.mark.parametrize(("change", "now"), MONEY, ids=[change.__name__ for change, _now in MONEY])
def test_no_amount_is_approved_that_the_clause_no_longer_gives(
    world: World, change: Callable[[World], None], now: str
) -> None:
    sanction = late(world)
    assert recalculation.changes(sanction) == []
    change(world)
    assert [each.now.en for each in recalculation.changes(sanction)] == [now]
    with pytest.raises(Conflict, match="the clause or its base was changed"), transaction():
        sanctions.decide(sanction, approve=True, comment="", by=world.dora, version=sanction.version)
    db.session.rollback()
    assert (sanction.state, sanction.decided_at) == (SanctionState.PROPOSED, None)


def test_calculated_anew_it_can_be_approved_and_days_alone_change_nothing(world: World) -> None:
    sanction = late(world)
    less_value(world)
    send_back(world, sanction, "Grunnlaget.")
    revise(world, sanction, "Nytt grunnlag.")
    assert sanction.amount == 600_000
    clock.move_to(clock.now() + timedelta(days=40))
    assert not recalculation.is_outdated(sanction)
    assert decided(world, sanction).state == SanctionState.DECIDED
    with transaction():
        world.contract.value = Decimal(1)
    assert recalculation.changes(sanction) == [], "what is decided stays what it is"


# -- days that are nobody's -------------------------------------------------------------------------------------------

SHARE = "zero_emission_share_energy"
BROKEN, NOTHING = {"electric": "0", "diesel": "500"}, {"electric": "0", "diesel": "0"}


def march_and_may(world: World, april: Callable[[World], None]) -> list[Sanction]:
    """March and May break the share of clause 4.2, at 1 ‰ of 100 million = 100 000 a day; June's figures meet it."""
    daily_clause(world, duty(world, SHARE))
    march = file(world, date(2026, 3, 1), **BROKEN)
    april(world)
    may = file(world, date(2026, 5, 1), **BROKEN)
    file(world, date(2026, 6, 1), electric="1008", diesel="400")
    cases = {each.report_id: each for each in cases_of(duty(world, SHARE))}
    return [proposed(world, heard(world, cases[report.id])) for report in (march, may)]


def stood_still(world: World) -> None:
    """The contract was paused 1–30 April: no report is asked for."""
    with transaction():
        contract_life.pause(world.contract, date(2026, 4, 1), "Frost.", by=world.adam, version=world.contract.version)
    clock.move_to(datetime(2026, 5, 1, 10, tzinfo=UTC))
    with transaction():
        contract_life.resume(world.contract, date(2026, 5, 1), by=world.adam, version=world.contract.version)


def in_words(sanction: Sanction) -> list[tuple[str, str]]:
    return [(row["text"]["en"], row["value"]) for row in sanction.calculation]


def test_days_of_a_pause_between_two_breaches_cost_nothing(world: World) -> None:
    """1 April–31 May = 30 + 31 = 61 days, less 30 of the pause: 31 × 100 000. May's own: 1 June is met, so none."""
    march, may = march_and_may(world, stood_still)
    days = (
        "Days from 1 April 2026 (the day after the days that were judged) to 31 May 2026 (the last day of May 2026, "
        "which is a breach of its own), both included"
    )
    assert in_words(march)[1:4] == [
        (days, "61"),
        ("– of these the contract was paused, not counted: April 2026", "30"),
        ("Days with a daily amount", "31"),
    ]
    assert [(each.days, each.amount) for each in (march, may)] == [(31, 31 * Decimal(100_000)), (0, Decimal(0))]


def nothing_used(world: World) -> None:
    """April's report is approved; no machine was used, so that no share can be computed."""
    april = file(world, date(2026, 4, 1), **NOTHING)
    assert april.accepted is not None
    assert "unknown" in [str(each.result) for each in april.accepted.findings]


def test_days_on_which_no_figure_shows_a_breach_cost_nothing(world: World) -> None:
    """April shows nothing, so March ends on 31 March: 0 days × 100 000. May's own: 1 June is met, so none."""
    march, may = march_and_may(world, nothing_used)
    days = (
        "Days: the last day that was judged; the figures for April 2026 show no breach, 31 March 2026, is before "
        "the first day that can count, 1 April 2026 (the day after the days that were judged)"
    )
    assert in_words(march)[1:3] == [(days, "0"), ("Days with a daily amount", "0")]
    assert [(each.days, each.amount) for each in (march, may)] == [(0, Decimal(0)), (0, Decimal(0))]


# -- once -------------------------------------------------------------------------------------------------------------


def corrected_late(world: World) -> Deviation:
    """The deadline of the correction passes, and it comes three days later."""
    due_at = world.report.due_at
    clock.move_to(due_at + timedelta(minutes=1))
    tick()
    rows = select(Deviation).where(Deviation.report_id == world.report.id, Deviation.cause_group == "correction")
    clock.move_to(due_at + timedelta(days=3, hours=-1))
    send_again(world)
    return db.session.scalars(rows).one()


def rejected(world: World) -> Deviation:
    submit(world)
    with transaction():
        reviews.decide(world.report, Decision.REJECT, by=world.rita, version=world.report.version, reasons="Feil.")
    rows = select(Deviation).where(Deviation.report_id == world.report.id, Deviation.cause == Cause.NOT_ACCEPTED)
    return db.session.scalars(rows).one()


def test_a_rejected_report_costs_its_fee_when_the_correction_comes_in_time(world: World) -> None:
    deviation = rejected(world)
    assert deviation.at_stake == FEE
    send_again(world)
    assert proposed(world, heard(world, deviation)).amount == FEE


def test_a_rejected_report_with_a_late_correction_costs_one_fee(world: World) -> None:
    not_accepted = heard(world, rejected(world))
    before = proposed(world, not_accepted)
    assert before.amount == FEE
    correction = corrected_late(world)
    with pytest.raises(Conflict, match="Send the proposal back"):
        decided(world, before)
    db.session.rollback()
    send_back(world, before, "Se på nytt.")
    revise(world, before, "Nytt beløp.")
    assert (before.amount, proposed(world, heard(world, correction)).amount) == (Decimal(0), FEE)
    assert before.calculation[2]["text"]["en"].endswith("the correction was late, and counts in its own case")


def test_a_rejection_that_was_charged_leaves_nothing_for_the_late_correction(world: World) -> None:
    decided(world, proposed(world, heard(world, rejected(world))))
    later = proposed(world, heard(world, corrected_late(world)))
    assert later.amount == 0
    assert later.calculation[2]["text"]["en"].endswith("in the case of the report that was rejected")


def test_a_late_correction_that_is_closed_without_sanction_counts_nothing(world: World) -> None:
    not_accepted, correction = heard(world, rejected(world)), heard(world, corrected_late(world))
    assert calculations.at_stake(not_accepted) == 0
    casework.close(world, correction)
    assert calculations.at_stake(not_accepted) == FEE
