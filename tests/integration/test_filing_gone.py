"""A report that was missing and is not any more: no days to report on, a deadline ahead again, a settled case."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from portal import calendars, clock
from portal.extensions import db, transaction
from portal.model import (
    Cause,
    Deviation,
    DeviationState,
    OutgoingMail,
    Report,
    ReportingPeriod,
    ReportState,
)
from portal.operations import audit
from portal.operations.cases import deviations, grounds, sanctions
from portal.operations.reports import periods
from portal.operations.running import contract_life
from tests.casework import give_notice, reply, weigh
from tests.once import ask_for_account
from tests.world import DUE, World, case_of, deliver_mail, half_a_month, letters, submit, the_whole_month, tick_at


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


def missing(world: World) -> Deviation:
    """The report for March is not there when it is due."""
    with transaction():
        world.contract.starts_on = date(2026, 3, 1)
    tick_at(DUE + timedelta(minutes=1))
    return case_of(world, "5.1")


def notified(world: World, deviation: Deviation) -> Deviation:
    give_notice(world, deviation)
    deliver_mail()
    return deviation


def spare(world: World) -> None:
    """The work stood still from the first of March on, as the buyer notes afterwards."""
    with transaction():
        contract = world.contract
        contract_life.pause(contract, date(2026, 3, 1), "Frost.", by=world.adam, version=contract.version)
    with transaction():
        periods.open_due_periods(world.contract.id)
    assert world.report.state == ReportState.SPARED


def stands(deviation: Deviation) -> bool:
    clause = deviation.contract.clause_for(deviation.requirement)
    return next(each.holds for each in grounds.of(deviation, clause) if each.key == "stands")


def occasions(world: World) -> list[tuple[int, DeviationState, Cause, int | None]]:
    rows = select(Deviation).where(Deviation.report_id == world.report.id, Deviation.cause_group == "reporting")
    found = db.session.scalars(rows.order_by(Deviation.occasion))
    return [(each.occasion, each.state, each.cause, each.late_by_days) for each in found]


# -- spared -----------------------------------------------------------------------------------------------------------


def test_what_is_not_to_be_filed_any_more_is_not_missing(world: World) -> None:
    deviation = missing(world)
    spare(world)
    assert deviation.state == DeviationState.FELL_AWAY
    assert deviation.facts["gone"]["sentence"]["nb"] == "Rapporten for mars 2026 skal ikke leveres lenger."
    assert deviation.at_stake is None


def test_after_the_notice_the_parties_are_told_and_nothing_is_charged(world: World) -> None:
    deviation = notified(world, missing(world))
    assert stands(deviation)
    spare(world)
    assert (deviation.state, stands(deviation)) == (DeviationState.AWAITING_REPLY, False)
    assert letters("breach_changed") == ["adam@prove.example"]
    assert "bo@prove.example" in letters("case_changed")
    bodies = db.session.scalars(select(OutgoingMail.body).where(OutgoingMail.letter == "case_changed"))
    assert all("skal ikke leveres lenger" in body or "not to be filed" in body for body in bodies)


def test_an_account_that_rests_again_is_not_missing(world: World) -> None:
    contract = world.contract
    ask_for_account(contract)
    clock.move_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    with transaction():
        contract_life.complete(contract, date(2026, 3, 31), by=world.adam, version=contract.version)
    with transaction():
        periods.open_due_periods(contract.id)
    tick_at(datetime(2026, 6, 1, 9, tzinfo=UTC))
    account = next(each for each in db.session.scalars(select(Report)).unique() if each.period.purpose == "account")
    [case] = db.session.scalars(select(Deviation).where(Deviation.report_id == account.id))
    with transaction():
        contract_life.reopen(contract, "Mangler.", by=world.adam, version=contract.version)
    with transaction():
        periods.open_due_periods(contract.id)
    assert (account.state, case.state) == (ReportState.SPARED, DeviationState.FELL_AWAY)


# -- the deadline is ahead again --------------------------------------------------------------------------------------


def short_period(world: World) -> Deviation:
    """The contract ends on 15 March, and the report of half a month is not there."""
    half_a_month(world)
    tick_at(world.report.due_at + timedelta(minutes=1))
    return case_of(world, "5.1")


def lengthen(world: World) -> None:
    the_whole_month(world)
    assert world.report.due_at == DUE


def test_what_is_filed_by_the_moved_deadline_is_no_breach(world: World) -> None:
    deviation = notified(world, short_period(world))
    lengthen(world)
    assert (stands(deviation), deviation.at_stake) == (False, None)
    submit(world)
    assert (stands(deviation), deviation.late_by_days) == (False, None)
    assert len(letters("breach_changed")) == 1


def test_missed_again_it_is_a_case_of_its_own(world: World) -> None:
    """The notice told of the deadline before; of the one that was missed now nobody was told."""
    first = notified(world, short_period(world))
    lengthen(world)
    tick_at(DUE + timedelta(days=2, hours=12))
    assert [row[:2] for row in occasions(world)] == [
        (1, DeviationState.ASSESSING_REPLY),
        (2, DeviationState.FOUND),
    ]
    assert not stands(first)
    submit(world)
    assert occasions(world)[1][2:] == (Cause.REPORT_LATE, 3)
    assert first.late_by_days is None


def test_missed_again_before_a_notice_it_is_the_same_case(world: World) -> None:
    short_period(world)
    lengthen(world)
    assert occasions(world)[0][1] == DeviationState.FELL_AWAY
    clock.move_to(DUE + timedelta(days=1, hours=12))
    submit(world)
    assert occasions(world) == [(1, DeviationState.FOUND, Cause.REPORT_LATE, 2)]


def test_what_is_lengthened_after_its_new_last_day_is_due_no_sooner_than_what_is_opened_then(world: World) -> None:
    """1 and 2 April were due on 20 April and not filed. On Friday 17 July the report is about all of April.

    By the rule that is due on 18 May, before anybody could file it: five working days, 24 July, as May and June have.
    """
    with transaction():
        world.contract.starts_on, world.contract.ends_on = date(2026, 4, 1), date(2026, 4, 2)
    clock.move_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    settle(world)
    world.report = regular(world)[-1]
    assert day_of(world.report.due_at) == date(2026, 4, 20)
    tick_at(datetime(2026, 7, 17, 9, tzinfo=UTC))
    deviation = notified(world, of(world.report))
    with transaction():
        world.contract.ends_on = date(2026, 6, 30)
    settle(world)
    april, may, june = regular(world)[-3:]
    assert (april.id, april.period.ends_on) == (world.report.id, date(2026, 4, 30))
    assert day_of(april.period.due_at) == date(2026, 5, 18), "as the rule says"
    assert [day_of(each.due_at) for each in (april, may, june)] == [date(2026, 7, 24)] * 3
    assert (april.is_overdue, stands(deviation), deviation.at_stake) == (False, False, None)
    tick_at(datetime(2026, 7, 20, 9, tzinfo=UTC))
    submit(world)
    assert occasions(world) == [(1, DeviationState.AWAITING_REPLY, Cause.REPORT_MISSING, None)]
    assert not stands(deviation)


def test_what_is_cut_and_given_back_is_due_as_it_was(world: World) -> None:
    """March, which nobody filed, is cut by a handover and is whole again: that gives no time anew."""
    deviation = missing(world)
    clock.move_to(datetime(2026, 7, 17, 9, tzinfo=UTC))
    with transaction():
        contract_life.complete(world.contract, date(2026, 3, 20), by=world.adam, version=world.contract.version)
    settle(world)
    assert world.report.period.ends_on == date(2026, 3, 20)
    with transaction():
        contract_life.reopen(world.contract, "Mangler.", by=world.adam, version=world.contract.version)
    settle(world)
    assert (world.report.period.ends_on, world.report.due_at) == (date(2026, 3, 31), DUE)
    assert stands(deviation)


def settle(world: World) -> None:
    with transaction():
        periods.open_due_periods(world.contract.id)


def regular(world: World) -> list[Report]:
    rows = select(Report).join(ReportingPeriod).where(Report.contract_id == world.contract.id)
    return list(db.session.scalars(rows.order_by(ReportingPeriod.starts_on)).unique())


def of(report: Report) -> Deviation:
    return db.session.scalars(select(Deviation).where(Deviation.report_id == report.id)).one()


def day_of(moment: datetime) -> date:
    return calendars.local_day(moment, "Europe/Oslo")


# -- settled before it came -------------------------------------------------------------------------------------------


def dismissed(world: World, on: datetime) -> Deviation:
    deviation = missing(world)
    clock.move_to(on)
    with transaction():
        deviations.dismiss(deviation, "Avtalt på telefon.", by=world.adam, version=deviation.version)
    return deviation


def test_what_comes_long_after_it_was_dismissed_is_found_anew(world: World) -> None:
    first = dismissed(world, DUE + timedelta(days=1, hours=12))
    sentence = first.sentence
    clock.move_to(DUE + timedelta(days=59, hours=12))
    submit(world)
    assert occasions(world) == [
        (1, DeviationState.DISMISSED, Cause.REPORT_MISSING, None),
        (2, DeviationState.FOUND, Cause.REPORT_LATE, 60),
    ]
    assert (first.sentence, first.cured_on) == (sentence, None)
    assert "deviation.report_came_late" not in [event.action for event, _ in audit.trail([first], by=world.adam)]


def test_what_comes_on_the_day_that_it_was_dismissed_is_only_noted(world: World) -> None:
    first = dismissed(world, DUE + timedelta(days=1, hours=12))
    clock.move_to(DUE + timedelta(days=1, hours=13))
    submit(world)
    assert occasions(world) == [(1, DeviationState.DISMISSED, Cause.REPORT_MISSING, None)]
    assert [event.action for event, _ in audit.trail([first], by=world.adam)][-1] == "deviation.report_came_late"


def test_what_was_sanctioned_is_not_rewritten_when_the_report_comes(world: World) -> None:
    deviation = notified(world, missing(world))
    reply(world, deviation)
    weigh(world, deviation)
    with transaction():
        sanction = sanctions.propose(deviation, "Ingen rapport.", by=world.adam, version=deviation.version)
    with transaction():
        sanctions.decide(sanction, approve=True, comment="Enig.", by=world.dora, version=sanction.version)
    before = (deviation.cause, deviation.sentence, deviation.late_by_days, deviation.cured_on)
    clock.move_to(clock.now() + timedelta(days=30))
    submit(world)
    assert (deviation.cause, deviation.sentence, deviation.late_by_days, deviation.cured_on) == before
    assert len(occasions(world)) == 1
