"""What a case comes to: days from the case's own facts, waivers, and facts that changed after the calculation."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal import calendars, clock
from portal.calendars import Counting
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.extensions import db, transaction
from portal.model import (
    ChangeOrder,
    DailyBase,
    DailyStart,
    Deviation,
    ExtensionRequest,
    Membership,
    OutgoingMail,
    Role,
    Sanction,
    SanctionState,
    Verdict,
)
from portal.operations import processes
from portal.operations.cases import breach_days, calculations, grounds, ladder, recalculation, sanctions
from portal.operations.cases.sanctions import Waiver
from portal.operations.contracts import contracts
from tests import casework
from tests.sanctioning import (
    broken,
    daily_clause,
    days_after_deadline,
    decided,
    heard,
    missing,
    note_end,
    proposed,
    revise,
    send_back,
    world,
)
from tests.world import World, deliver_mail, open_tasks, submit, tick

__all__ = ["world"]

D = Decimal


def filed_late(world: World, days: int) -> Deviation:
    deviation = missing(world)
    days_after_deadline(world, days)
    submit(world)
    return deviation


def rows(sanction: Sanction) -> list[tuple[str, str, str]]:
    return [(row["text"]["en"], row["value"], row["unit"]) for row in sanction.calculation]


def test_a_late_report_costs_each_day_until_it_came(world: World) -> None:
    """Due on 17 April, filed on the 21st: 18, 19, 20, 21 = 4 days × 1 ‰ of 100 million."""
    daily_clause(world)
    deviation = heard(world, filed_late(world, 4))
    clock.move_to(clock.now() + timedelta(days=30))
    sanction = proposed(world, deviation)
    assert (sanction.step, sanction.days, sanction.amount) == ("daily", 4, 4 * D(100_000))
    due_on = calendars.local_day(world.report.due_at, "Europe/Oslo")
    days = (
        f"Days from {calendars.day_name(due_on + timedelta(days=1)).en} (the day after the deadline) to "
        f"{calendars.day_name(due_on + timedelta(days=4)).en} (the day the report came), both included"
    )
    assert rows(sanction)[:2] == [("Sanction clause", "7.2", ""), (days, "4", "")]
    assert rows(sanction)[-1] == ("Amount", "400000", "NOK")
    decided(world, sanction)
    deliver_mail()
    letter = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == "sanction_decided")).first()
    assert letter is not None
    assert "400\u00a0000 NOK" in letter.body
    assert sanction.state == SanctionState.CLOSED


def test_a_report_that_has_not_come_costs_until_the_day_of_the_proposal(world: World) -> None:
    daily_clause(world)
    deviation = heard(world, missing(world))
    days_after_deadline(world, 10)
    sanction = proposed(world, deviation)
    assert (sanction.days, sanction.amount) == (10, 10 * D(100_000))


def test_both_persons_read_that_no_day_after_the_proposal_can_be_asked_for(world: World) -> None:
    """Due on 17 April; proposed on the 27th: 10 days. Approved on 27 May, when 40 have gone, it is still 10."""
    daily_clause(world)
    deviation = heard(world, missing(world))
    words = "he report has not come; the days are counted until {}, and no later day can be asked for in this case"
    days_after_deadline(world, 9)
    day = calendars.day_name(breach_days.today(deviation)).en
    assert [each.en for each in grounds.remarks(deviation)] == [f"T{words.format(day)}."]
    days_after_deadline(world, 10)
    sanction = proposed(world, deviation)
    proposed_on = calendars.day_name(breach_days.today(deviation)).en
    assert f"(t{words.format(proposed_on)})" in rows(sanction)[1][0]
    days_after_deadline(world, 40)
    assert [each.en for each in grounds.remarks(deviation)] == [f"T{words.format(proposed_on)}."]
    said = [each.words.en for each in grounds.of(deviation, sanction.clause) if each.key == "ended"]
    assert said == [f"T{words.format(proposed_on)}."]
    assert recalculation.changes(sanction) == []
    assert decided(world, sanction).amount == 10 * D(100_000)


def test_what_is_sent_back_or_withdrawn_is_counted_anew_and_says_so(world: World) -> None:
    """Proposed a day after the deadline, sent back 20 days later: proposed again it is 21 days, as was read before."""
    daily_clause(world)
    deviation = heard(world, missing(world))
    days_after_deadline(world, 1)
    sanction = proposed(world, deviation)
    first = breach_days.still_missing(breach_days.today(deviation)).en[1:]
    days_after_deadline(world, 21)
    now = breach_days.still_missing(breach_days.today(deviation)).en[1:]
    assert [each.en for each in grounds.remarks(deviation)] == [f"T{first}."]
    send_back(world, sanction)
    assert [each.en for each in grounds.remarks(deviation)] == [f"T{now}."]
    revise(world, sanction)
    assert sanction.days == 21
    assert [each.en for each in grounds.remarks(deviation)] == [f"T{now}."]
    send_back(world, sanction)
    revise(world, sanction, withdraw=True)
    days_after_deadline(world, 30)
    later = breach_days.still_missing(breach_days.today(deviation)).en[1:]
    assert [each.en for each in grounds.remarks(deviation)] == [f"T{later}."]
    assert later != now
    assert proposed(world, deviation).days == 30


def test_once_the_report_has_come_its_days_end_there(world: World) -> None:
    daily_clause(world)
    deviation = heard(world, filed_late(world, 4))
    assert grounds.remarks(deviation) == []
    said = [each.words.en for each in grounds.of(deviation, world.contract.clauses[-1]) if each.key == "ended"]
    assert said == ["The days are counted until the report came."]


def test_filed_in_time_after_all_costs_nothing(world: World) -> None:
    """The buyer granted more time after the deadline had passed: the day it came is before the new deadline."""
    daily_clause(world)
    deviation = heard(world, missing(world))
    with transaction():
        world.report.due_at = clock.now() + timedelta(days=20)
    clock.move_to(clock.now() + timedelta(days=5))
    sanction = proposed(world, deviation)
    assert (sanction.days, sanction.amount) == (0, D(0))


def test_days_on_which_the_buyer_had_a_request_for_more_time_do_not_count(world: World) -> None:
    """Asked on the day of the deadline, refused three days after it: these three are the buyer's; filed on the 5th."""
    daily_clause(world)
    due_at = world.report.due_at
    with transaction() as session:
        session.add(
            ExtensionRequest(
                **world.report.parties,
                report=world.report,
                asked_by=world.anna.person,
                reason="Lagerbrann.",
                due_at=due_at,
                wished_until=due_at + timedelta(days=14),
                created_at=due_at - timedelta(hours=3),
                answered_at=due_at + timedelta(days=3),
            )
        )
    sanction = proposed(world, heard(world, filed_late(world, 5)))
    assert (sanction.days, sanction.amount) == (5 - 3, 2 * D(100_000))
    assert any(text.startswith("– of these with the buyer") and value == "3" for text, value, _unit in rows(sanction))


def test_a_change_order_while_it_runs_moves_the_base_from_its_day(world: World) -> None:
    """Late by 4 days; 20 million more from the third of them: 2 × 100 000 + 2 × 120 000."""
    daily_clause(world)
    third = calendars.local_day(world.report.due_at, "Europe/Oslo") + timedelta(days=3)
    with transaction() as session:
        session.add(
            ChangeOrder(
                **world.report.parties,
                reference="E-1",
                agreed_on=date(2026, 3, 1),
                from_on=third,
                reason="Mer masse.",
                value_change=D(20_000_000),
            )
        )
    sanction = proposed(world, heard(world, filed_late(world, 4)))
    assert sanction.amount == 2 * D(100_000) + 2 * D(120_000)


@pytest.mark.parametrize(
    ("base", "amount"), [(DailyBase.SIGNED_VALUE, D(100_000)), (DailyBase.FIXED, D(5_000)), (DailyBase.VALUE, None)]
)
def test_bases(world: World, base: DailyBase, amount: Decimal | None) -> None:
    daily_clause(world, base=base, base_amount=D(5_000_000) if base == DailyBase.FIXED else None)
    deviation = heard(world, filed_late(world, 1))
    if amount is None:
        with transaction():
            world.contract.value = None
        with pytest.raises(Refused, match="does not have"):
            proposed(world, deviation)
        return
    assert proposed(world, deviation).amount == amount


def test_a_requirement_runs_from_the_notice_until_it_is_put_right(world: World) -> None:
    """Notice in effect on 8 April, put right on the 13th: 9, 10, 11, 12, 13 = 5 days, working days 9, 10, 13 = 3."""
    requirement = next(each for each in world.contract.requirements if each.clause == "4.2")
    clause = daily_clause(world, requirement, starts=DailyStart.NOTICE)
    clock.move_to(datetime(2026, 4, 8, 9, tzinfo=UTC))
    deviation = heard(world, broken(world))
    clock.move_to(datetime(2026, 4, 30, 9, tzinfo=UTC))
    note_end(world, deviation, date(2026, 4, 13))
    assert calculations.sheet(deviation, clause, step="daily", on=date(2026, 4, 30)).days == 5
    with transaction():
        clause.day_counting = Counting.WORKING
    sanction = proposed(world, deviation)
    assert (sanction.days, sanction.amount) == (3, 3 * D(100_000))
    assert "(the day after the notice took effect)" in rows(sanction)[1][0]


def test_a_case_of_an_older_table_follows_the_form_of_its_clause(world: World) -> None:
    """The table that knew no daily amounts answers "fee" for every clause that does not warn."""
    daily_clause(world)
    sanction = proposed(world, heard(world, filed_late(world, 4)))
    with transaction():
        sanctions.calculate(sanction_id=sanction.id, step="fee")
    assert (sanction.step, sanction.amount) == ("daily", D(400_000))


def test_the_ladder_warns_first_and_asks_for_days_then(world: World) -> None:
    daily_clause(world, warns_first=True)
    sanction = decided(world, proposed(world, heard(world, filed_late(world, 4))))
    assert (sanction.step, sanction.amount, sanction.days) == ("warning", D(0), None)
    with transaction():
        following = contracts.open_period(world.contract, calendars.month_of(date(2026, 4, 1)))
    world.report = following
    assert ladder.earlier(missing(world)) == 1
    assert proposed(world, heard(world, missing(world))).step == "daily"


# -- facts that changed ----------------------------------------------------------------------------------------------


def test_a_case_assessed_anew_is_not_approved_but_calculated_again(world: World) -> None:
    daily_clause(world)
    deviation = heard(world, missing(world))
    days_after_deadline(world, 10)
    sanction = proposed(world, deviation)
    submit(world)
    assert deviation.late_by_days == 10
    assert recalculation.is_stale(sanction)
    assert [(each.what.en, each.before.en, each.now.en) for each in recalculation.changes(sanction)] == [
        ("Delay", "not yet", "10 days"),
        ("Put right", "not yet", "27 April 2026"),
    ]
    with pytest.raises(Conflict, match="assessed again"), transaction():
        sanctions.decide(sanction, approve=True, comment="", by=world.dora, version=sanction.version)
    assert sanction.state == SanctionState.PROPOSED
    clock.move_to(clock.now() + timedelta(days=3))
    send_back(world, sanction, "Regn på nytt.")
    revise(world, sanction, "Rapporten kom.")
    assert not recalculation.is_stale(sanction)
    assert sanction.amount == 10 * D(100_000)
    assert decided(world, sanction).state == SanctionState.DECIDED


def test_a_breach_that_is_no_longer_in_the_figures_stops_the_approval(world: World) -> None:
    sanction = proposed(world, heard(world, broken(world)))
    with transaction():
        sanction.deviation.not_found_at = clock.now()
    with pytest.raises(Conflict), transaction():
        sanctions.decide(sanction, approve=True, comment="", by=world.dora, version=sanction.version)
    assert [each.now.en for each in recalculation.changes(sanction)] == ["is no longer there"]


def test_a_stale_proposal_may_be_withdrawn(world: World) -> None:
    sanction = proposed(world, heard(world, broken(world)))
    with transaction():
        sanction.deviation.not_found_at = clock.now()
    send_back(world, sanction, "Rettet.")
    revise(world, sanction, "Rettet.", withdraw=True)
    assert (sanction.state, open_tasks()) == (SanctionState.WITHDRAWN, ["assess_reply"])


def test_decided_figures_stay_when_the_case_and_the_clause_change(world: World) -> None:
    clause = daily_clause(world)
    sanction = decided(world, proposed(world, heard(world, filed_late(world, 4))))
    before = (sanction.amount, sanction.calculation, sanction.days)
    with transaction():
        clause.rates[0].amount, sanction.deviation.late_by_days = D(2), 9
        world.contract.value = D(1)
    deliver_mail()
    db.session.expire_all()
    assert (sanction.amount, sanction.calculation, sanction.days) == before


# -- waived -----------------------------------------------------------------------------------------------------------


def test_a_part_is_waived_with_reasons(world: World) -> None:
    deviation = heard(world, broken(world))
    sanction = proposed(world, deviation, Waiver(D(5000), "Byggestrømmen kom tre uker sent."))
    assert (sanction.amount, sanction.waived) == (D(15_000), D(5_000))
    assert rows(sanction)[-2:] == [
        ("Waived: Byggestrømmen kom tre uker sent.", "5000", "NOK"),
        ("Amount asked for = amount − waived", "15000", "NOK"),
    ]
    decided(world, sanction)
    letters = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == "sanction_decided")).all()
    assert letters
    assert all("Byggestrømmen kom tre uker sent." in letter.body for letter in letters)
    assert all("a sanction of 15\u00a0000 NOK" in letter.body for letter in letters)
    said = "The clause gives 20\u00a0000 NOK. We do not ask for 5\u00a0000 NOK of it: Byggestrømmen kom tre uker sent."
    assert all(said in letter.body for letter in letters)


def test_all_is_waived(world: World) -> None:
    sanction = proposed(world, heard(world, broken(world)), Waiver(None, "Oppdragsgivers egen feil."))
    assert (sanction.amount, sanction.waived) == (D(0), D(20_000))
    assert decided(world, sanction).state == SanctionState.DECIDED


@pytest.mark.parametrize(
    "waiver",
    [Waiver(D(20_001), "x"), Waiver(D(0), "x"), Waiver(D(-1), "x"), Waiver(D("0.001"), "x"), Waiver(None, "  ")],
)
def test_no_more_than_there_is_and_never_without_reasons(world: World, waiver: Waiver) -> None:
    deviation = heard(world, broken(world))
    with pytest.raises(Invalid):
        proposed(world, deviation, waiver)
    assert db.session.scalar(select(Sanction.id)) is None


def test_of_a_warning_nothing_is_waived(world: World) -> None:
    with transaction():
        world.contract.clauses[0].warns_first = True
    with pytest.raises(Invalid, match="no amount to waive"):
        proposed(world, heard(world, broken(world)), Waiver(None, "x"))


def test_a_waiver_is_taken_back_when_the_proposal_is_made_again_without_it(world: World) -> None:
    sanction = proposed(world, heard(world, broken(world)), Waiver(D(5000), "Byggestrømmen."))
    send_back(world, sanction, "Ingen grunn.")
    revise(world, sanction, "Enig.")
    assert (sanction.amount, sanction.waived, sanction.waiver_reason) == (D(20_000), D(0), "")


# -- no way around ----------------------------------------------------------------------------------------------------


def under_the_rule(deviation: Deviation, after: timedelta = timedelta(0)) -> None:
    """The notice took effect by the contract's rule, so long after now."""
    with transaction():
        deviation.notices[-1].takes_effect_at = clock.now() + after


def test_what_nobody_upholds_costs_nothing(world: World) -> None:
    deviation = broken(world)
    casework.give_notice(world, deviation)
    deliver_mail()
    casework.reply(world, deviation)
    casework.weigh(world, deviation, Verdict.DROPPED)
    with pytest.raises(Refused, match="None of the points"):
        proposed(world, deviation)


def test_a_breach_that_is_no_longer_shown_costs_nothing(world: World) -> None:
    deviation = heard(world, broken(world))
    with transaction():
        deviation.not_found_at = clock.now()
    with pytest.raises(Refused, match="no longer shows"):
        proposed(world, deviation)
    assert deviation.sanction is None


def replied_in_part(world: World) -> Deviation:
    """The supplier has said something, and not that it was all."""
    deviation = broken(world)
    casework.give_notice(world, deviation)
    deliver_mail()
    casework.reply(world, deviation, is_complete=False)
    return deviation


def test_a_reply_that_leaves_more_to_come_does_not_end_the_time_to_reply(world: World) -> None:
    deviation = replied_in_part(world)
    with pytest.raises(Conflict):
        proposed(world, deviation)
    casework.reply(world, deviation)
    casework.weigh(world, deviation)
    assert proposed(world, deviation).state == SanctionState.PROPOSED


def test_when_the_time_is_over_no_reply_need_be_complete(world: World) -> None:
    deviation = replied_in_part(world)
    assert deviation.reply_due_at is not None
    clock.move_to(deviation.reply_due_at - timedelta(seconds=1))
    tick()
    with pytest.raises(Conflict):
        proposed(world, deviation)
    clock.move_to(deviation.reply_due_at + timedelta(seconds=1))
    tick()
    casework.weigh(world, deviation)
    assert proposed(world, deviation).amount == D(20_000)


def test_a_notice_that_has_not_taken_effect_carries_no_sanction(world: World) -> None:
    deviation = heard(world, broken(world))
    under_the_rule(deviation, timedelta(days=1))
    with transaction():
        deviation.replies[-1].is_complete = True
    with pytest.raises(Refused):
        proposed(world, deviation)
    clock.move_to(clock.now() + timedelta(days=1))
    assert proposed(world, deviation).state == SanctionState.PROPOSED


def test_a_ground_that_is_lost_while_it_is_revised_ends_the_proposal(world: World) -> None:
    deviation = heard(world, broken(world))
    sanction = proposed(world, deviation)
    send_back(world, sanction, "Se på varselet.")
    under_the_rule(deviation, timedelta(days=30))
    with pytest.raises(Refused, match="must have received the notice"), transaction():
        sanctions.revise(sanction, "Likevel.", withdraw=False, by=world.adam, version=sanction.version)
    with transaction():  # lost in the very moment that it was proposed again: the table says no as well
        processes.complete(sanction, "revise", {"revision": "propose"}, by=world.adam)
    assert (sanction.state, open_tasks()) == (SanctionState.REFUSED, ["assess_reply"])
    assert processes.of(sanction).ended_at is not None


def test_a_contract_manager_may_propose_and_then_not_decide(world: World) -> None:
    with transaction():
        world.ruth.role_codes = [Role.CONTRACT_MANAGER.value, Role.DECISION_MAKER.value]
    deviation = heard(world, broken(world))
    ruth: Membership = world.ruth
    with transaction():
        sanction = sanctions.propose(deviation, "Grunnlaget er klart.", by=ruth, version=deviation.version)
    with pytest.raises(Forbidden, match="yourself"), transaction():
        sanctions.decide(sanction, approve=True, comment="", by=ruth, version=sanction.version)
    asked = select(OutgoingMail.to_address).where(OutgoingMail.letter == "sanction_to_decide")
    assert db.session.scalars(asked).all() == ["dora@prove.example"]
