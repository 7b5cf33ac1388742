"""What makes a sanction lawful: the one list, asked at the proposal, by the table, at the approval; what is to be seen.

And what a sanction covers: no more than the notice said, no more than the figures show, no day in two cases.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal import calendars, clock
from portal.errors import Conflict, Refused
from portal.extensions import db, transaction
from portal.model import (
    DailyStart,
    Decision,
    Deviation,
    DeviationState,
    NoticeStart,
    OutgoingMail,
    SanctionClause,
    SanctionState,
    Verdict,
    Weighing,
)
from portal.operations import processes
from portal.operations.cases import breach_days, calculations, grounds, letters, sanctions
from portal.operations.contracts import contracts
from portal.operations.contracts.contracts import Rate
from portal.operations.reports import amendments, reviews
from tests import casework
from tests.machine_lines import costs_by_line, used
from tests.reviewing import send_again
from tests.sanctioning import broken, daily_clause, decided, duty, heard, note_end, proposed, send_back, world
from tests.world import World, case_of, deliver_mail, submit, tick

__all__ = ["world"]

KEYS = ["clause", "in_force", "notice_delivered", "reply_period_over", "upheld", "notified", "stands", "ended"]
FEE = Decimal(20_000)


def lacking(deviation: Deviation) -> list[str]:
    clause = deviation.contract.clause_for(deviation.requirement)
    return [each.key for each in grounds.of(deviation, clause) if not each.holds]


# -- the list ---------------------------------------------------------------------------------------------------------


def test_the_list_is_whole_and_fills_itself_as_the_case_goes(world: World) -> None:
    deviation = broken(world)
    assert [each.key for each in grounds.of(deviation, world.contract.clauses[0])] == KEYS
    assert lacking(deviation) == ["notice_delivered", "reply_period_over"]
    casework.give_notice(world, deviation)
    assert lacking(deviation) == ["notice_delivered", "reply_period_over", "upheld"]
    deliver_mail()
    assert lacking(deviation) == ["reply_period_over", "upheld"]
    casework.reply(world, deviation)
    assert lacking(deviation) == ["upheld"]
    casework.weigh(world, deviation)
    assert lacking(deviation) == []
    assert [each.words.en for each in grounds.of(deviation, world.contract.clauses[0])] == [
        "The contract has a clause for it: 7.1.",
        "The requirement was in force on 31 March 2026.",
        f"The notice counts as given on {calendars.day_name(clock.today('Europe/Oslo')).en}.",
        f"The supplier said on {calendars.day_name(clock.today('Europe/Oslo')).en} that its reply was complete.",
        "1 of 1 points are upheld, wholly or partly.",
        "The breach is the one that the notice said.",
        "The figures in force show the breach.",
        "The amount does not depend on when the breach ended.",
    ]


def dropped(world: World, deviation: Deviation) -> None:
    with transaction() as session:
        for point in deviation.points:
            row = Weighing(**point.parties, point=point, verdict=Verdict.DROPPED, reasons="Likevel ikke.")
            row.weighed_by = world.adam.person
            session.add(row)


def gone(world: World, deviation: Deviation) -> None:
    del world
    with transaction():
        deviation.not_found_at = clock.now()


def of_another_requirement(world: World, deviation: Deviation) -> None:
    del deviation
    with transaction():
        world.contract.clauses[0].requirement = duty(world, "lowest_stage")


def not_in_effect(world: World, deviation: Deviation) -> None:
    del world
    with transaction():
        deviation.notices[-1].takes_effect_at = clock.now() + timedelta(days=90)


def never_opened(world: World, deviation: Deviation) -> None:
    """Delivered, under a rule that counts from when it is opened."""
    del world
    with transaction():
        notice = deviation.notices[-1]
        notice.starts, notice.takes_effect_at = NoticeStart.OPENED, None


LOST = {
    "upheld": dropped,
    "stands": gone,
    "clause": of_another_requirement,
    "notice_delivered": not_in_effect,
    "reply_period_over": never_opened,
}


@pytest.mark.parametrize(("key", "lose"), LOST.items(), ids=LOST.keys())
def test_a_ground_that_is_lost_is_refused_at_the_approval_and_when_it_is_proposed_again(
    world: World, key: str, lose: Callable[[World, Deviation], None]
) -> None:
    """Whatever the figures that were calculated on say: also where nothing of them has changed."""
    deviation = heard(world, broken(world))
    sanction = proposed(world, deviation)
    lose(world, deviation)
    assert key in {each.key for each in grounds.of(deviation, sanction.clause) if not each.holds}
    with pytest.raises((Refused, Conflict)), transaction():
        sanctions.decide(sanction, approve=True, comment="", by=world.dora, version=sanction.version)
    db.session.rollback()
    assert (sanction.state, sanction.decided_at) == (SanctionState.PROPOSED, None)
    send_back(world, sanction, "Se på nytt.")
    with pytest.raises(Refused), transaction():
        sanctions.revise(sanction, "Likevel.", withdraw=False, by=world.adam, version=sanction.version)
    db.session.rollback()
    with transaction():  # and by the table, should it be lost in the very moment
        processes.complete(sanction, "revise", {"revision": "propose"}, by=world.adam)
    assert (sanction.state, deviation.state) == (SanctionState.REFUSED, DeviationState.ASSESSING_REPLY)


def test_healed_before_the_proposal_and_nobody_looked(world: World) -> None:
    """The amendment is accepted before anybody proposes: the digest of the calculation would never have changed."""
    deviation = heard(world, broken(world))
    amended(world, diesel="1000")
    with pytest.raises(Refused, match="no longer shows the breach"):
        proposed(world, deviation)
    assert deviation.sanction is None


def amended(world: World, *, diesel: str) -> None:
    """A further revision is proposed, signed and accepted."""
    report = world.report
    with transaction():
        amendments.propose(report, "Feil måler.", by=world.anna, version=report.version)
    submit(world, diesel=diesel)
    with transaction():
        reviews.decide(report, Decision.APPROVE, by=world.rita, version=report.version)


# -- to be seen -------------------------------------------------------------------------------------------------------


def test_a_late_notice_stands_in_the_grounds_with_its_words(world: World) -> None:
    """Known on 3 April (Good Friday); two working days are the 7th and the 8th; given on the 20th."""
    with transaction():
        world.contract.notice_working_days = 2
    clock.move_to(datetime(2026, 4, 3, 9, tzinfo=UTC))
    deviation = broken(world)
    clock.move_to(datetime(2026, 4, 20, 9, tzinfo=UTC))
    heard(world, deviation)
    [said] = grounds.remarks(deviation)
    assert said.en.startswith(
        "The notice was late: it was sent on 20 April 2026, and the contract's deadline was 8 April 2026, counted from "
        "3 April 2026, when the buyer knew of the breach."
    )
    assert lacking(deviation) == []


def test_a_notice_in_time_and_a_contract_without_a_limit_say_nothing(world: World) -> None:
    deviation = heard(world, broken(world))
    assert grounds.remarks(deviation) == []
    with transaction():
        deviation.notice_due_at = deviation.notices[0].created_at
    assert grounds.remarks(deviation) == []


def test_points_that_are_dropped_and_words_that_came_since_are_to_be_seen(world: World) -> None:
    deviation = casework.replied(world, ["Andelen er for lav.", "Maskinen var ikke meldt."])
    casework.weigh(world, deviation)
    with transaction() as session:
        row = Weighing(
            **deviation.parties, point=deviation.points[1], verdict=Verdict.DROPPED, reasons="Den var meldt."
        )
        row.weighed_by = world.adam.person
        session.add(row)
    assert [each.en for each in grounds.remarks(deviation)] == [
        "These points are dropped: 2. See whether the amount is about them all the same."
    ]
    casework.reply(world, deviation)
    assert grounds.SAID_SINCE in grounds.remarks(deviation)


# -- no more than the notice said -------------------------------------------------------------------------------------


@pytest.fixture
def three(world: World) -> World:
    return costs_by_line(world)


def told(letter: str) -> list[str]:
    return sorted(db.session.scalars(select(OutgoingMail.to_address).where(OutgoingMail.letter == letter)))


def test_a_breach_that_grew_after_the_notice_costs_what_the_notice_said(three: World) -> None:
    """Notice on DI-2; the amendment shows DI-2, DI-3 and DI-4: 1 × 20 000, and both parties are told why."""
    used(three, "DI-2")
    deviation = case_of(three, "4.3")
    assert deviation.at_stake == FEE
    casework.give_notice(three, deviation)
    deliver_mail()
    used(three, "DI-2", "DI-3", "DI-4")
    assert (deviation.facts["breaches"], deviation.at_stake) == (3, FEE)
    assert (told("breach_changed"), told("case_changed")) == (
        ["adam@prove.example"],
        ["anna@prove.example", "bo@prove.example"],
    )
    assert [each.en for each in grounds.beyond_notice(deviation)] == [
        "The figures in force now show 3 breaches. The notice covers 1 of them, and a sanction only those."
    ]
    casework.reply(three, deviation)
    casework.weigh(three, deviation)
    sanction = proposed(three, deviation)
    assert sanction.amount == FEE
    assert [(row["text"]["en"], row["value"]) for row in sanction.calculation][2:] == [
        ("Number of breaches: each line in breach counts", "1"),
        ("– of 3 in the figures in force now; only what the notice said is counted", "1"),
        ("Amount = fee × number of breaches", "20000"),
    ]
    assert decided(three, sanction).state == SanctionState.DECIDED


def test_a_breach_that_shrank_after_the_notice_costs_what_is_left(three: World) -> None:
    used(three, "DI-2", "DI-3", "DI-4")
    deviation = case_of(three, "4.3")
    casework.give_notice(three, deviation)
    deliver_mail()
    used(three, "DI-2", "DI-3")
    assert (deviation.at_stake, grounds.beyond_notice(deviation)) == (2 * FEE, [])
    casework.reply(three, deviation)
    casework.weigh(three, deviation)
    assert proposed(three, deviation).amount == 2 * FEE


def test_what_a_notice_from_before_it_was_kept_said_is_not_guessed(three: World) -> None:
    used(three, "DI-2")
    deviation = heard(three, case_of(three, "4.3"))
    with transaction():
        deviation.notices[-1].said = {}
    used(three, "DI-2", "DI-3")
    assert calculations.breaches(deviation) == 2


def test_a_share_that_is_further_off_costs_the_same_and_the_supplier_is_told(world: World) -> None:
    deviation = heard(world, broken(world))
    amended(world, diesel="20000")
    assert told("case_changed") == ["anna@prove.example", "bo@prove.example"]
    assert proposed(world, deviation).amount == FEE


def test_before_a_notice_nobody_outside_is_told(world: World) -> None:
    broken(world)
    amended(world, diesel="20000")
    assert told("case_changed") == []


# -- no day in two cases ----------------------------------------------------------------------------------------------


def rejected(world: World) -> Deviation:
    submit(world)
    with transaction():
        reviews.decide(world.report, Decision.REJECT, by=world.rita, version=world.report.version, reasons="Feil.")
    return case_of_group(world, "not_accepted-1")


def case_of_group(world: World, group: str) -> Deviation:
    rows = select(Deviation).where(Deviation.report_id == world.report.id, Deviation.cause_group == group)
    return db.session.scalars(rows.order_by(Deviation.occasion.desc())).first() or pytest.fail(group)


@pytest.mark.parametrize("starts", list(DailyStart))
def test_the_days_of_a_late_correction_cost_once(world: World, starts: DailyStart) -> None:
    """Rejected, and corrected three days after the new deadline: the correction's case counts them, not the other."""
    daily_clause(world, starts=starts)
    not_accepted = heard(world, rejected(world))
    due_at = world.report.due_at
    clock.move_to(due_at + timedelta(minutes=1))
    tick()
    correction = case_of_group(world, "correction")
    clock.move_to(due_at + timedelta(days=3, hours=-1))
    send_again(world)
    first, second = proposed(world, not_accepted), proposed(world, heard(world, correction))
    expected = 3 if starts == DailyStart.DEADLINE else 0
    assert (first.days, second.days) == (0, expected)
    assert "if that comes later, it is a case of its own" in first.calculation[1]["text"]["en"]


def test_a_rejected_report_keeps_its_deadline_when_the_report_gets_another(world: World) -> None:
    daily_clause(world)
    not_accepted = rejected(world)
    clause = world.contract.clauses[-1]
    before = breach_days.run_of(not_accepted, clause, clock.today("Europe/Oslo"))
    clock.move_to(datetime(2026, 4, 15, 9, tzinfo=UTC))  # five working days from now are after 17 April
    send_again(world)
    with transaction():
        reviews.decide(world.report, Decision.REJECT, by=world.rita, version=world.report.version, reasons="Igjen.")
    with transaction():
        world.report.due_at += timedelta(days=40)
    after = breach_days.run_of(not_accepted, clause, clock.today("Europe/Oslo"))
    assert after == before, "neither the second rejection's deadline nor 40 days more"
    second = breach_days.run_of(case_of_group(world, "not_accepted-2"), clause, clock.today("Europe/Oslo"))
    assert (before.last, second.last) == (date(2026, 4, 17), date(2026, 4, 22)), "each its own, and not 40 days more"


# -- what it may cost -------------------------------------------------------------------------------------------------


def test_at_stake_is_a_warning_where_the_clause_warns_first_and_the_fee_from_then_on(world: World) -> None:
    """The second case was found before the first was decided: what it may cost changes with that decision."""
    with transaction():
        world.contract.clauses[0].warns_first = True
    first = heard(world, broken(world))
    assert first.at_stake == 0
    with transaction():
        world.report = contracts.open_period(
            world.contract, calendars.month_of(world.report.period.ends_on + timedelta(1))
        )
    clock.move_to(clock.now() + timedelta(days=20))
    second = broken(world)
    assert second.at_stake == 0
    version = second.version
    decided(world, proposed(world, first))
    db.session.expire_all()
    assert (second.at_stake, second.version) == (FEE, version), "nobody's form on the second case is out of date by it"


def test_at_stake_is_no_sum_before_the_last_day_is_known_and_nothing_without_a_clause(world: World) -> None:
    """1 ‰ of 100 000 000 for each day after the period that was judged: a day costs 100 000, and no sum can be said.

    What it would come to until today stood here before: more than any sanction for the breach can be.
    """
    daily_clause(world, duty(world, "zero_emission_share_energy"))
    deviation = broken(world)
    assert deviation.at_stake is None
    clock.move_to(calendars.start_of_day(deviation.report.period.ends_on + timedelta(days=4), "Europe/Oslo"))
    assert calculations.at_stake(deviation) is None
    cost = letters.may_cost(deviation)
    assert cost is not None
    assert (cost.sheet, cost.amount, cost.per_day) == (None, None, Decimal(100_000))
    note_end(world, deviation, clock.today("Europe/Oslo"))
    assert calculations.at_stake(deviation) == 4 * 100_000
    cost = letters.may_cost(deviation)
    assert cost is not None
    assert (cost.amount, cost.per_day) == (Decimal(400_000), None)
    with transaction() as session:
        for clause in list(world.contract.clauses):
            session.delete(clause)
    db.session.expire_all()
    assert calculations.at_stake(case_of(world)) is None


def test_the_clause_of_the_requirement_itself_comes_first(world: World) -> None:
    with transaction():
        own = contracts.add_clause(
            world.contract,
            SanctionClause(clause="7.9", wording="Eget gebyr.", requirement=duty(world, "zero_emission_share_energy")),
            Rate(world.contract.starts_on, Decimal(5000)),
        )
    sanction = proposed(world, heard(world, broken(world)))
    assert (sanction.clause_id, sanction.amount) == (own.id, Decimal(5000))
