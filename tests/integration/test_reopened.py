"""A handover that is taken back: what comes back with its days is due anew, and what cost nothing meanwhile is said.

A report for late filing costs 1 ‰ of 100 million a day. 0 and 500 l are 0 %, where 20 % is required.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import AuditEvent, Cause, Decision, Deviation, DeviationState, OutgoingMail, Report, ReportState
from portal.operations import time_asked
from portal.operations.cases import breaches, grounds
from portal.operations.reports import extensions, reviews
from portal.operations.running import contract_life
from portal.work import mark_overdue, open_periods
from tests import casework
from tests.assessing import approve_it, file, sign_month
from tests.handover import hand_over, reopen
from tests.sanctioning import daily_clause, decided, heard, missing, proposed, world
from tests.world import World, case_of, deliver_mail, letters, submit, tick

__all__ = ["world"]

SHARE = "zero_emission_share_energy"
MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
BROKEN, MET = {"electric": "0", "diesel": "500"}, {"electric": "1008", "diesel": "400"}
A_DAY = timedelta(days=1)
# Friday 17 July, and five working days on: Friday 24 July
MID_JULY, DUE_ANEW = datetime(2026, 7, 17, 9, tzinfo=UTC), datetime(2026, 7, 24, 21, 59, 59, tzinfo=UTC)


def hourly() -> None:
    """What the worker does every hour, in transactions of its own."""
    db.session.rollback()
    open_periods({})
    mark_overdue({})
    tick()
    db.session.expire_all()


def cases(report: Report) -> list[tuple[str, DeviationState, bool]]:
    rows = select(Deviation).where(Deviation.report_id == report.id).order_by(Deviation.id)
    return [(each.cause_group, each.state, each.not_found_at is None) for each in db.session.scalars(rows)]


def reject(world: World, report: Report) -> None:
    with transaction():
        reviews.decide(report, Decision.REJECT, by=world.rita, version=report.version, reasons="Feil maskin.")


# -- what is missing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_spared", [True, False])
def test_a_missing_report_is_due_anew_and_costs_only_what_is_missed_then(world: World, *, is_spared: bool) -> None:
    """March was due on 17 April; nobody could, or had to, file it from the handover to 17 July."""
    daily_clause(world)
    first = heard(world, missing(world))
    hand_over(world, date(2026, 2, 28))
    if is_spared:
        hourly()
    assert world.report.state == (ReportState.SPARED if is_spared else ReportState.OPEN)
    clock.move_to(MID_JULY)
    reopen(world)
    hourly()
    assert (world.report.state, world.report.due_at, world.report.is_overdue) == (
        ReportState.DRAFT if is_spared else ReportState.OPEN,
        DUE_ANEW,
        False,
    )
    assert cases(world.report) == [("reporting", DeviationState.ASSESSING_REPLY, False)]
    assert first.facts["gone"]["sentence"]["en"].endswith("the deadline was moved to 24 July 2026.")
    clock.move_to(DUE_ANEW + 2 * A_DAY - timedelta(hours=2))
    hourly()
    assert cases(world.report)[1:] == [("reporting", DeviationState.FOUND, True)]
    second = db.session.scalars(select(Deviation).where(Deviation.occasion == 2)).one()
    sanction = decided(world, proposed(world, heard(world, second)))
    assert (sanction.days, sanction.amount) == (2, 2 * Decimal(100_000))


def test_a_report_that_was_never_late_is_not_late_the_minute_it_is_taken_up(world: World) -> None:
    clock.move_to(datetime(2026, 4, 2, 9, tzinfo=UTC))
    open_periods({})
    april = next(each for each in db.session.scalars(select(Report)).unique() if each.period.starts_on == APRIL)
    clock.move_to(datetime(2026, 5, 2, 9, tzinfo=UTC))
    hand_over(world, date(2026, 3, 31))
    hourly()
    assert april.state == ReportState.SPARED
    clock.move_to(MID_JULY)
    reopen(world)
    hourly()
    assert (april.state, april.due_at, cases(april)) == (ReportState.DRAFT, DUE_ANEW, [])


def test_what_is_taken_up_in_good_time_keeps_the_deadline_of_the_rule(world: World) -> None:
    due_at = world.report.due_at
    hand_over(world, date(2026, 2, 28))
    hourly()
    reopen(world)
    hourly()
    assert (world.report.state, world.report.due_at) == (ReportState.DRAFT, due_at)


def test_a_no_to_the_deadline_before_bars_nothing_under_the_new_one(world: World) -> None:
    """More time was refused against 17 April; the report is due anew on 24 July, and that deadline waits once more."""
    with transaction():
        first = extensions.ask(world.report, date(2026, 4, 24), "Måleren er på service.", by=world.anna)
    with transaction():
        extensions.refuse(first, "Nei.", by=world.adam)
    assert time_asked.was_refused(world.report)
    hand_over(world, date(2026, 2, 28))
    hourly()
    clock.move_to(MID_JULY)
    reopen(world)
    hourly()
    assert not time_asked.was_refused(world.report)
    with transaction():
        second = extensions.ask(world.report, date(2026, 7, 29), "Måleren er på service igjen.", by=world.anna)
    assert (second.holds, world.report.is_held) == (True, True)


# -- what is to be corrected -------------------------------------------------------------------------------------------


def test_what_is_rejected_after_the_last_day_is_asked_for_no_more(world: World) -> None:
    file(world, MARCH, **MET)
    april = sign_month(world, APRIL, **MET)
    hand_over(world, date(2026, 3, 31))
    reject(world, april)
    with transaction():
        world.contract.starts_on = MARCH
    clock.move_to(april.due_at + 30 * A_DAY)
    hourly()
    assert (cases(april), april.overdue_at) == ([], None)
    assert [letters(each) for each in ("reminder", "overdue", "escalated")] == [[], [], []]
    assert contract_life.open_matters(world.contract).reports == []
    with transaction():
        contract_life.close(world.contract, by=world.adam, version=world.contract.version)


def test_what_waits_for_the_review_keeps_the_contract_open(world: World) -> None:
    """Nobody owes it, and the buyer has it: its review would go on in a contract that is closed."""
    file(world, MARCH, **MET)
    april = sign_month(world, APRIL, **MET)
    hand_over(world, date(2026, 3, 31))
    with transaction():
        world.contract.starts_on = MARCH
    hourly()
    assert contract_life.open_matters(world.contract).reports == [april]
    approve_it(world, april)
    assert contract_life.open_matters(world.contract).reports == []


def test_its_correction_is_due_anew_and_the_rejection_is_a_case_when_the_days_are_back(world: World) -> None:
    file(world, MARCH, **MET)
    april = sign_month(world, APRIL, **MET)
    hand_over(world, date(2026, 3, 31))
    reject(world, april)
    clock.move_to(MID_JULY)
    hourly()
    reopen(world)
    hourly()
    assert (april.due_at, april.is_overdue) == (DUE_ANEW, False)
    assert cases(april) == [("not_accepted-1", DeviationState.FOUND, True)]
    clock.move_to(DUE_ANEW + A_DAY)
    hourly()
    assert [each[0] for each in cases(april)] == ["not_accepted-1", "correction"]


def test_a_correction_that_was_missing_is_missing_again_only_after_the_new_deadline(world: World) -> None:
    file(world, MARCH, **MET)
    april = sign_month(world, APRIL, **MET)
    reject(world, april)
    clock.move_to(april.due_at + A_DAY)
    hourly()
    hand_over(world, date(2026, 3, 31))
    fell_away = [("not_accepted-1", DeviationState.FELL_AWAY, False), ("correction", DeviationState.FELL_AWAY, False)]
    assert cases(april) == fell_away
    clock.move_to(MID_JULY)
    reopen(world)
    hourly()
    assert cases(april) == [("not_accepted-1", DeviationState.FOUND, True), fell_away[1]]
    assert april.due_at == DUE_ANEW
    clock.move_to(DUE_ANEW + A_DAY)
    hourly()
    assert cases(april)[1] == ("correction", DeviationState.FOUND, True)


# -- what is judged ----------------------------------------------------------------------------------------------------


def test_what_was_approved_meanwhile_is_judged_when_its_days_are_back(world: World) -> None:
    file(world, MARCH, **MET)
    april = sign_month(world, APRIL, **BROKEN)
    hand_over(world, date(2026, 3, 31))
    approve_it(world, april)
    assert cases(april) == []
    reopen(world)
    assert cases(april) == [("breach", DeviationState.FOUND, True)]


def test_a_report_with_several_cases_is_judged_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    file(world, MARCH, **MET)
    april = file(world, APRIL, **BROKEN)
    hand_over(world, date(2026, 3, 31))
    with transaction():
        second = db.session.scalars(select(Deviation).where(Deviation.report_id == april.id)).one()
        stage = next(each for each in world.contract.requirements if each.indicator == "lowest_stage")
        second.requirement_id = stage.id  # another one that is gone, beside that which is found now
    asked: list[int] = []
    judge = breaches.open_for_breaches

    def count(*, report_id: int) -> dict[str, object]:
        asked.append(report_id)
        return judge(report_id=report_id)

    monkeypatch.setattr(breaches, "open_for_breaches", count)
    reopen(world)
    assert asked == [april.id]


# -- told of it --------------------------------------------------------------------------------------------------------


def notified_and_back(world: World, *, left: timedelta | None = None, is_replied: bool = False) -> Deviation:
    """April is broken, and notified; the days to reply, all but what is left, go by between a handover and its end.

    `is_replied`: the supplier had declared its reply complete before the handover.
    """
    file(world, MARCH, **MET)
    april = file(world, APRIL, **BROKEN)
    case = db.session.scalars(select(Deviation).where(Deviation.report_id == april.id)).one()
    with transaction():
        world.anna.person.language = "en"
    casework.give_notice(world, case)
    deliver_mail()
    if is_replied:
        casework.reply(world, case)
    hand_over(world, date(2026, 3, 31))
    deliver_mail()
    due_at = case.reply_due_at
    assert due_at is not None
    clock.move_to(due_at - left if left else due_at + 60 * A_DAY)
    hourly()
    reopen(world)
    db.session.expire_all()
    return case


BEING_ASSESSED = "The case is being assessed. You can still say what you think of it, until the case is decided."


def letter_to(address: str) -> str:
    rows = select(OutgoingMail).where(OutgoingMail.letter == "case_changed", OutgoingMail.to_address == address)
    row = db.session.scalars(rows.order_by(OutgoingMail.id.desc())).first()
    assert row is not None
    return row.body


def unheard(case: Deviation) -> list[str]:
    return [each.en for each in grounds.remarks(case) if "time to reply" in each.en]


def test_the_letters_say_that_the_contract_is_reopened_and_no_report_approved(world: World) -> None:
    case = notified_and_back(world)
    assert case.not_found_at is None
    for letter in ("breach_changed", "case_changed"):
        row = db.session.scalars(
            select(OutgoingMail).where(OutgoingMail.letter == letter).order_by(OutgoingMail.id.desc())
        ).first()
        assert row is not None
        assert "gjenåpnet" in row.body or "reopened" in row.body
        assert "approved" not in row.body
        assert "accepted" not in row.body
        assert "godkjent" not in row.body
        assert row.body.count(case.sentence["nb"]) + row.body.count(case.sentence["en"]) == 1
        assert "31. desember 2027" in row.body or "31 December 2027" in row.body


def test_both_persons_read_that_the_time_to_reply_ran_out_meanwhile(world: World) -> None:
    case = notified_and_back(world)
    [said] = unheard(case)
    assert "had been told that no sanction could be decided" in said
    assert BEING_ASSESSED in letter_to("anna@prove.example")
    casework.reply(world, case, is_complete=False)
    assert not unheard(case), "it has been heard since"


def test_who_has_declared_its_reply_complete_does_not_read_that_its_time_is_over(world: World) -> None:
    """Four of five working days are left of the time it was given."""
    case = notified_and_back(world, left=timedelta(days=4), is_replied=True)
    assert case.state == DeviationState.ASSESSING_REPLY
    assert case.reply_due_at is not None
    assert clock.now() < case.reply_due_at
    assert BEING_ASSESSED in letter_to("anna@prove.example")
    assert "The time to reply is over" not in letter_to("anna@prove.example")


@pytest.mark.parametrize("says_something", [True, False])
def test_both_persons_read_that_most_of_the_time_to_reply_went_by_meanwhile(
    world: World, *, says_something: bool
) -> None:
    """Two hours are left of five working days when the case is back."""
    case = notified_and_back(world, left=timedelta(hours=2))
    assert "in your reply, until 11 May 2026 at 23:59." in letter_to("anna@prove.example")
    assert not unheard(case), "the time to reply runs"
    if says_something:
        casework.reply(world, case, is_complete=False)
    clock.move_to(clock.now() + timedelta(hours=4))
    hourly()
    assert len(unheard(case)) == (0 if says_something else 1)


def test_nothing_is_said_of_an_absence_before_the_notice(world: World) -> None:
    file(world, MARCH, **MET)
    april = file(world, APRIL, **BROKEN)
    case = db.session.scalars(select(Deviation).where(Deviation.report_id == april.id)).one()
    hand_over(world, date(2026, 3, 31))
    clock.move_to(clock.now() + A_DAY)
    reopen(world)
    casework.give_notice(world, case)
    deliver_mail()
    clock.move_to(clock.now() + 60 * A_DAY)
    hourly()
    assert case.state == DeviationState.ASSESSING_REPLY
    assert not unheard(case)


def test_nothing_is_said_where_the_supplier_was_heard_before(world: World) -> None:
    file(world, MARCH, **MET)
    april = file(world, APRIL, **BROKEN)
    case = heard(world, db.session.scalars(select(Deviation).where(Deviation.report_id == april.id)).one())
    hand_over(world, date(2026, 3, 31))
    clock.move_to(clock.now() + 60 * A_DAY)
    reopen(world)
    assert grounds.remarks(case) == []


def test_a_late_report_is_back_as_it_was(world: World) -> None:
    clock.move_to(world.report.due_at + 5 * A_DAY)
    submit(world, **MET)
    late = case_of(world, "5.1")
    hand_over(world, date(2026, 2, 28))
    assert late.state == DeviationState.FELL_AWAY
    clock.move_to(MID_JULY)
    reopen(world)
    hourly()
    assert (late.state, late.cause, late.late_by_days) == (DeviationState.FOUND, Cause.REPORT_LATE, 5)
    told = select(AuditEvent).where(AuditEvent.action == "deviation.confirmed")
    assert db.session.scalars(told).all() == []


def test_a_late_report_whose_case_was_closed_meanwhile_is_late_by_as_many_days(world: World) -> None:
    """Ten days late, and rejected. The correction is due anew in July, and is no deadline of those days: 1 000 000."""
    daily_clause(world)
    clock.move_to(world.report.due_at + 10 * A_DAY - timedelta(hours=2))
    submit(world, **MET)
    first = heard(world, case_of(world, "5.1"))
    reject(world, world.report)
    hand_over(world, date(2026, 2, 28))
    casework.close(world, first)
    clock.move_to(MID_JULY)
    reopen(world)
    hourly()
    assert world.report.due_at == DUE_ANEW
    second = db.session.scalars(select(Deviation).where(Deviation.occasion == 2)).one()
    assert (second.late_by_days, second.cured_on, second.sentence) == (10, first.cured_on, first.sentence)
    assert second.at_stake == 10 * Decimal(100_000)
    sanction = decided(world, proposed(world, heard(world, second)))
    assert (sanction.days, sanction.amount) == (10, 10 * Decimal(100_000))
