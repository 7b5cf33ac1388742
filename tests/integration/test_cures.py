"""When a breach of a requirement ended: by the accepted figures, by a person; and the days that a clause counts then.

The share of clause 4.2 must be 20 %: 0 and 500 l are 0 %, 1 008 kWh and 400 l are 20 %. The contract's value is 100
million, the clause 1 ‰ for each day: 100 000. March's days are judged when its report is approved on 3 April.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal import calendars, clock
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.extensions import db, transaction
from portal.kinds.base import Problem
from portal.model import (
    AuditEvent,
    DailyStart,
    Deviation,
    DeviationState,
    Pause,
    Report,
    ReportingPeriod,
    ReportState,
    Requirement,
    SanctionState,
    Window,
)
from portal.operations.cases import breach_days, cures, deviations, recalculation
from portal.operations.contracts import contracts
from portal.operations.contracts.contract_facts import Values
from portal.operations.running import change_orders, contract_life
from tests.assessing import amend, approve_it, cases_of, file, only, sign_month
from tests.assessing import duty as asked_for
from tests.handover import hand_over, hourly
from tests.sanctioning import daily_clause, decided, duty, heard, missing, note_end, proposed, revise, send_back, world
from tests.statements import counted
from tests.world import World, submit

__all__ = ["world"]

SHARE = "zero_emission_share_energy"
MARCH, APRIL, MAY, JUNE = (date(2026, month, 1) for month in (3, 4, 5, 6))
BROKEN = {"electric": "0", "diesel": "500"}
MET = {"electric": "1008", "diesel": "400"}
PER_DAY = Decimal(100_000)


def march(world: World) -> Deviation:
    """March's report breaks clause 4.2, under a daily clause that counts from the day after the period."""
    daily_clause(world, duty(world, SHARE))
    return judged(world, MARCH)


def judged(world: World, month: date) -> Deviation:
    """A month that breaks the requirement, and its case."""
    report = file(world, month, **BROKEN)
    return next(each for each in cases_of(duty(world, SHARE)) if each.report_id == report.id)


def in_september() -> None:
    clock.move_to(datetime(2026, 9, 15, 9, tzinfo=UTC))


def days(deviation: Deviation, world: World) -> int | None:
    sanction = proposed(world, deviation)
    assert sanction.amount == PER_DAY * (sanction.days or 0)
    return sanction.days


def said(deviation: Deviation) -> tuple[date, str] | None:
    end = breach_days.end_of(deviation)
    return (end.on, end.why.en) if end else None


# -- by the figures ---------------------------------------------------------------------------------------------------


def test_waiting_with_the_proposal_does_not_set_the_amount(world: World) -> None:
    """March broken, nothing judged since: no day of calculation is an end. The case stays where it was."""
    deviation = heard(world, march(world))
    in_september()
    with pytest.raises(Refused, match=r"Clause 7\.2 counts by the day, and nobody knows yet when the breach ended"):
        proposed(world, deviation)
    assert (deviation.state, deviation.sanction) == (DeviationState.ASSESSING_REPLY, None)


def test_the_next_period_that_meets_it_ends_the_breach_with_the_days_that_were_judged(world: World) -> None:
    deviation = heard(world, march(world))
    file(world, APRIL, **MET)
    assert deviation.cured_on == date(2026, 3, 31)
    assert said(deviation) == (date(2026, 3, 31), "the last day that was judged; in April 2026 the requirement is met")
    in_september()
    assert days(deviation, world) == 0


@pytest.mark.parametrize("proposed_on", [datetime(2026, 6, 20, 9, tzinfo=UTC), datetime(2026, 9, 15, 9, tzinfo=UTC)])
def test_a_breach_that_goes_on_is_counted_once_whenever_it_is_proposed(world: World, proposed_on: datetime) -> None:
    """March and April broken, May met: 1–30 April are March's 30 days; 1–31 May are nobody's, for May was met."""
    first = heard(world, march(world))
    second = heard(world, judged(world, APRIL))
    assert said(first) == (date(2026, 4, 30), "the last day of April 2026, which is a breach of its own")
    file(world, MAY, **MET)
    assert (first.cured_on, second.cured_on) == (date(2026, 4, 30), date(2026, 4, 30))
    clock.move_to(proposed_on)
    assert (days(first, world), days(second, world)) == (30, 0)


def test_counted_from_the_notice_no_day_is_charged_in_two_cases(world: World) -> None:
    """Notice on 3 April and on 4 May: 4–30 April = 27 days, and 5–31 May = 27 days, when June is met."""
    daily_clause(world, duty(world, SHARE), starts=DailyStart.NOTICE)
    found = [heard(world, judged(world, month)) for month in (MARCH, APRIL)]
    judged(world, MAY)
    effects = [each.notices[-1].takes_effect_at for each in found]
    assert [each.date() for each in effects if each] == [date(2026, 4, 3), date(2026, 5, 4)]
    in_september()
    assert [days(each, world) for each in found] == [30 - 3, 31 - 4]


def test_a_period_between_that_nobody_has_approved_leaves_it_open(world: World) -> None:
    deviation = march(world)
    april = sign_month(world, APRIL, **BROKEN)
    file(world, MAY, **MET)
    assert deviation.cured_on is None
    approve_it(world, april)
    assert deviation.cured_on == date(2026, 4, 30)


def test_a_period_that_nobody_reports_is_passed_over(world: World) -> None:
    """April lies in a pause that was agreed after its report was opened; May meets the requirement."""
    deviation = march(world)
    with transaction():
        april = contracts.open_period(world.contract, calendars.month_of(APRIL))
        april.move(ReportState.SPARED, by=None)
    pause(world, APRIL, date(2026, 4, 30))
    file(world, MAY, **MET)
    assert said(deviation) == (date(2026, 3, 31), "the last day that was judged; in May 2026 the requirement is met")


def test_an_amended_report_moves_the_end_and_the_proposal_is_calculated_again(world: World) -> None:
    deviation = heard(world, march(world))
    april = file(world, APRIL, **BROKEN)
    sanction = proposed(world, deviation)
    assert sanction.days == 30
    amend(world, april, **MET)
    assert deviation.cured_on == date(2026, 3, 31)
    assert [(each.what.en, each.before.en, each.now.en) for each in recalculation.changes(sanction)] == [
        ("Put right", "30 April 2026", "31 March 2026"),
        ("The amount that the clause gives", "3\xa0000\xa0000\xa0NOK", "0\xa0NOK"),
    ]
    with pytest.raises(Conflict, match="assessed again"):
        decided(world, sanction)
    db.session.rollback()
    send_back(world, sanction, "Regn på nytt.")
    revise(world, sanction, "April er rettet.")
    assert (sanction.days, sanction.amount) == (0, Decimal(0))
    assert [event.facts.get("on") for event in trail(deviation, "deviation.put_right")] == ["2026-04-30", "2026-03-31"]


def trail(deviation: Deviation, action: str) -> list[AuditEvent]:
    rows = db.session.query(AuditEvent).filter_by(subject_id=str(deviation.public_id), action=action)
    return list(rows.order_by(AuditEvent.id))


def test_an_amendment_that_shows_neither_ends_the_breach_just_as_well(world: World) -> None:
    """April met; amended no machine was used, so that nothing can be said of it: no figure shows a breach in April."""
    deviation = march(world)
    april = file(world, APRIL, **MET)
    amend(world, april, electric="0", diesel="0")
    words = "the last day that was judged; the figures for April 2026 show no breach"
    assert said(deviation) == (date(2026, 3, 31), words)
    assert [event.facts["on"] for event in trail(deviation, "deviation.put_right")] == ["2026-03-31", "2026-03-31"]


def test_a_period_between_that_nobody_opened_leaves_it_open(world: World) -> None:
    """The worker was not at it: April is to be reported on, and has no report yet."""
    deviation = march(world)
    file(world, MAY, **MET)
    assert said(deviation) is None
    hourly()
    april = db.session.scalars(select(Report).join(ReportingPeriod).where(ReportingPeriod.starts_on == APRIL)).one()
    world.report = april
    submit(world, **BROKEN)
    approve_it(world, april)
    assert said(deviation) == (date(2026, 4, 30), "the last day of April 2026, which is a breach of its own")


def test_what_is_decided_stays_when_later_figures_come(world: World) -> None:
    deviation = heard(world, march(world))
    note_end(world, deviation, date(2026, 4, 2))
    sanction = decided(world, proposed(world, deviation))
    file(world, APRIL, **MET)
    assert (sanction.days, deviation.cured_on) == (2, date(2026, 4, 2))


def pause(world: World, first: date, last: date) -> None:
    with transaction() as session:
        session.add(
            Pause(**world.contract.parties, contract=world.contract, starts_on=first, ends_on=last, reason="Frost.")
        )


def fall_away_from(world: World, first: date, requirement: Requirement) -> None:
    values: Values = {
        "order_reference": "EO-1",
        "agreed_on": date(2026, 4, 3),
        "applies_from": first,
        "change_reason": "Kravet faller bort.",
    }
    with transaction():
        change_orders.add(world.contract, values, [requirement], by=world.adam, version=world.contract.version)


def test_a_requirement_that_was_ended_is_broken_no_longer_than_it_held(world: World) -> None:
    """No requirement here is judged by windows: the worker looks at the open cases all the same."""
    deviation = heard(world, march(world))
    fall_away_from(world, date(2026, 4, 16), deviation.requirement)
    hourly()
    assert said(deviation) is None, "its last day is still to come"
    in_september()
    hourly()
    assert said(deviation) == (date(2026, 4, 15), "the last day on which it was required")
    assert days(deviation, world) == 15


def test_the_handover_ends_nothing_while_days_before_it_are_not_judged(world: World) -> None:
    """1–20 April are to be reported on. Until they are, a person notes the day: 1–13 April = 13 days."""
    deviation = heard(world, march(world))
    in_september()
    hand_over(world, date(2026, 4, 20))
    hourly()
    assert (said(deviation), deviation.at_stake) == (None, None)
    with pytest.raises(Refused, match="nobody knows yet when the breach ended"):
        proposed(world, deviation)
    db.session.rollback()
    with pytest.raises(Invalid, match="cannot be later than 20 April 2026: the contract's last day"):
        note_end(world, deviation, date(2026, 4, 21))
    db.session.rollback()
    note_end(world, deviation, date(2026, 4, 13))
    assert days(deviation, world) == 13


def test_what_is_approved_after_the_handover_decides_all_the_same(world: World) -> None:
    """April meets it and waits for the buyer; handed over on 30 April. Not 30 days, but none, whatever comes first."""
    deviation = heard(world, march(world))
    april = sign_month(world, APRIL, **MET)
    clock.move_to(datetime(2026, 5, 5, 9, tzinfo=UTC))
    hand_over(world, date(2026, 4, 30))
    hourly()
    assert said(deviation) is None
    with pytest.raises(Refused, match="nobody knows yet when the breach ended"):
        proposed(world, deviation)
    db.session.rollback()
    approve_it(world, april)
    assert said(deviation) == (date(2026, 3, 31), "the last day that was judged; in April 2026 the requirement is met")
    assert days(deviation, world) == 0


def test_what_is_approved_after_the_requirement_ended_decides_all_the_same(world: World) -> None:
    """Asked for no longer than to 30 June; April meets it and waits for the buyer. Not 91 days, but none."""
    deviation = heard(world, march(world))
    april = sign_month(world, APRIL, **MET)
    clock.move_to(datetime(2026, 7, 2, 9, tzinfo=UTC))
    fall_away_from(world, date(2026, 7, 1), deviation.requirement)
    hourly()
    assert said(deviation) is None
    with pytest.raises(Invalid, match="cannot be later than 30 June 2026"):
        note_end(world, deviation, date(2026, 7, 1))
    db.session.rollback()
    approve_it(world, april)
    assert (said(deviation) or ("",))[0] == date(2026, 3, 31)
    assert days(deviation, world) == 0


def test_a_window_before_the_handover_that_is_not_judged_leaves_it_open(world: World) -> None:
    """0 % at the end of March; 5 040 of 10 080 kWh = 50 % on 30 April, the last day, which the buyer approves late."""
    share = asked_for(world, "20", window=Window.RUNNING)
    only(world, MARCH, date(2026, 12, 31), share)
    daily_clause(world, share)
    file(world, MARCH, **BROKEN)
    [deviation] = cases_of(share)
    april = sign_month(world, APRIL, electric="5040", diesel="0")
    clock.move_to(datetime(2026, 5, 5, 9, tzinfo=UTC))
    hand_over(world, date(2026, 4, 30))
    hourly()
    assert said(deviation) is None
    approve_it(world, april)
    assert (said(deviation) or ("",))[0] == date(2026, 3, 31)


def test_where_nothing_is_left_to_judge_the_contract_s_last_day_is_the_end(world: World) -> None:
    """From 1 April nothing was done, and on the 20th it was handed over: 20 days, all of them in the pause."""
    deviation = heard(world, march(world))
    pause(world, APRIL, date(2026, 4, 20))
    clock.move_to(datetime(2026, 4, 21, 9, tzinfo=UTC))
    hand_over(world, date(2026, 4, 20))
    hourly()
    assert said(deviation) == (date(2026, 4, 20), "the contract's last day")
    noted = len(trail(deviation, "deviation.put_right"))
    hourly()
    assert len(trail(deviation, "deviation.put_right")) == noted == 1
    assert days(deviation, world) == 0


def test_a_handover_before_the_day_that_a_person_noted_cuts_it(world: World) -> None:
    """Noted: until 25 April. The handover, noted later, was on the 20th: no day after it is charged."""
    deviation = heard(world, march(world))
    clock.move_to(datetime(2026, 4, 28, 9, tzinfo=UTC))
    note_end(world, deviation, date(2026, 4, 25))
    hand_over(world, date(2026, 4, 20))
    hourly()
    assert said(deviation) == (date(2026, 4, 20), "the contract's last day")
    assert days(deviation, world) == 20


def test_a_handover_that_is_taken_back_takes_the_end_back(world: World) -> None:
    deviation = march(world)
    clock.move_to(datetime(2026, 4, 3, 12, tzinfo=UTC))
    hand_over(world, date(2026, 3, 31))
    hourly()
    assert deviation.cured_on == date(2026, 3, 31)
    with transaction():
        contract_life.reopen(world.contract, "Mangler.", by=world.adam, version=world.contract.version)
    hourly()
    assert said(deviation) is None
    assert trail(deviation, "deviation.not_put_right")


def test_a_contract_without_news_is_not_written_to(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker asks before it waits for anybody: a contract whose cases say all that is known is not written to."""
    deviation = march(world)
    hourly()
    before = deviation.version
    monkeypatch.setattr(cures, "follow_up", lambda _number: pytest.fail("there is nothing to note"))
    hourly()
    assert deviation.version == before


@pytest.mark.parametrize("window", [Window.PERIOD, Window.RUNNING])
def test_many_cases_are_looked_at_with_as_many_statements_as_one(world: World, window: Window) -> None:
    share = asked_for(world, "20", window=window)
    only(world, MARCH, date(2026, 12, 31), share)
    number, asked = world.contract.id, []
    for month in (MARCH, APRIL, MAY, JUNE):
        file(world, month, **BROKEN)
        db.session.rollback()
        db.session.expunge_all()
        with counted() as found:
            assert not cures.is_waiting(number)
        asked.append(len(found))
        world.contract = db.session.get_one(type(world.contract), number)
    assert len(cases_of(world.contract.requirements[-1])) == 4
    assert asked == [asked[0]] * 4
    assert asked[0] <= 10


@pytest.mark.parametrize("is_noted_by_the_worker", [True, False])
def test_nobody_notes_a_day_after_the_contract_s_last(world: World, is_noted_by_the_worker: bool) -> None:
    """Handed over on 20 May; the buyer would charge until 15 June, also before the worker has noted the handover."""
    deviation = march(world)
    clock.move_to(datetime(2026, 6, 16, 9, tzinfo=UTC))
    hand_over(world, date(2026, 5, 20))
    if is_noted_by_the_worker:
        hourly()
    with pytest.raises(Invalid, match="cannot be later than 20 May 2026: the contract's last day"):
        note_end(world, deviation, date(2026, 6, 15))
    db.session.rollback()
    note_end(world, deviation, date(2026, 5, 20))
    assert deviation.cured_on == date(2026, 5, 20)


def test_of_a_running_total_the_next_window_says_how_long_it_lasted(world: World) -> None:
    """0 % at the end of March; 504 of 6 300 kWh so far = 8 % at the end of April: April's 30 days are March's."""
    share = asked_for(world, "20", window=Window.RUNNING)
    only(world, MARCH, date(2026, 12, 31), share)
    daily_clause(world, share)
    file(world, MARCH, **BROKEN)
    file(world, APRIL, electric="504", diesel="75")
    first, second = sorted(cases_of(share), key=lambda each: each.id)
    assert (first.cured_on, second.cured_on) == (date(2026, 4, 30), None)
    assert days(heard(world, first), world) == 30


def test_a_window_between_that_nobody_has_judged_leaves_it_open(world: World) -> None:
    """Of 2026 only December counts, of 2027 and 2028 only January: the rest is a pause. 2027 is approved last."""
    share = asked_for(world, "20", window=Window.YEAR, valid_from=date(2026, 12, 1))
    only(world, MARCH, date(2028, 1, 31), share)
    pause(world, date(2027, 2, 1), date(2027, 12, 31))
    file(world, date(2026, 12, 1), **BROKEN)
    between = sign_month(world, date(2027, 1, 1), **MET)
    file(world, date(2028, 1, 1), **BROKEN)
    first_case, second_case = sorted(cases_of(share), key=lambda each: each.id)
    assert (first_case.cured_on, second_case.window and second_case.window.starts_on) == (None, date(2028, 1, 1))
    approve_it(world, between)
    assert said(first_case) == (date(2026, 12, 31), "the last day that was judged; in 2027 the requirement is met")


def test_a_warning_costs_no_day_and_needs_no_end(world: World) -> None:
    clause = daily_clause(world, duty(world, SHARE), warns_first=True)
    sanction = proposed(world, heard(world, judged(world, MARCH)))
    assert (sanction.step, sanction.amount, sanction.clause) == ("warning", Decimal(0), clause)
    assert sanction.state == SanctionState.PROPOSED


# -- noted by a person ------------------------------------------------------------------------------------------------


def test_a_person_notes_the_last_day_with_the_reasons(world: World) -> None:
    """1–13 April = 13 days, whenever it is proposed; the sheet says whose day it is."""
    deviation = heard(world, march(world))
    clock.move_to(datetime(2026, 4, 20, 9, tzinfo=UTC))
    note_end(world, deviation, date(2026, 4, 13))
    in_september()
    sanction = proposed(world, deviation)
    assert (sanction.days, sanction.amount) == (13, 13 * PER_DAY)
    assert "to 13 April 2026 (the last day of the breach, noted by Adam Prøve)" in sanction.calculation[1]["text"]["en"]
    [event] = trail(deviation, "deviation.put_right")
    assert (event.reason, event.facts["on"]) == ("Gravemaskinen ble byttet.", "2026-04-13")


def test_the_earlier_of_the_two_days_holds(world: World) -> None:
    """April as a whole is broken; Adam has noted that it ended on the 13th. Noted again, the newest is his."""
    deviation = heard(world, march(world))
    note_end(world, deviation, date(2026, 4, 2))
    file(world, APRIL, **BROKEN)
    assert deviation.cured_on == date(2026, 4, 2)
    note_end(world, deviation, date(2026, 4, 13))
    assert deviation.cured_on == date(2026, 4, 13)
    with pytest.raises(Invalid, match="cannot be later than 30 April 2026"):
        note_end(world, deviation, date(2026, 5, 1))


def test_a_day_noted_after_the_proposal_has_it_calculated_again(world: World) -> None:
    deviation = heard(world, march(world))
    note_end(world, deviation, date(2026, 4, 2))
    sanction = proposed(world, deviation)
    note_end(world, deviation, date(2026, 4, 1))
    with pytest.raises(Conflict, match="assessed again"):
        decided(world, sanction)


@pytest.mark.parametrize(
    ("on", "reason", "field"),
    [
        (None, "Byttet.", "on"),
        (date(2026, 4, 2), "  ", "reason"),
        (date(2026, 2, 28), "Byttet.", "on"),
        (date(2026, 4, 4), "Byttet.", "on"),
    ],
)
def test_a_day_that_cannot_be_is_refused_at_its_field(world: World, on: date | None, reason: str, field: str) -> None:
    """March was judged, and today is 3 April."""
    deviation = march(world)
    with pytest.raises(Invalid) as refused, transaction():
        cures.put_right(deviation, on, reason, by=world.adam, version=deviation.version)
    problems = [each for each in refused.value.problems if isinstance(each, Problem)]
    assert [each.field for each in problems] == [field]
    assert deviation.put_right == {}


def test_only_the_buyer_s_assessor_and_only_an_open_breach_of_a_requirement(world: World) -> None:
    deviation, today = march(world), date(2026, 4, 3)
    for by in (world.bo, world.rita, world.dora):
        with pytest.raises(Forbidden), transaction():
            cures.put_right(deviation, today, "x", by=by, version=deviation.version)
    with pytest.raises(Conflict), transaction():
        cures.put_right(deviation, today, "x", by=world.adam, version=deviation.version - 1)
    with transaction():
        deviations.dismiss(deviation, "Ingen.", by=world.adam, version=deviation.version)
    with pytest.raises(Conflict), transaction():
        cures.put_right(deviation, today, "x", by=world.adam, version=deviation.version)


def test_a_report_that_is_missing_is_put_right_by_coming(world: World) -> None:
    daily_clause(world)
    deviation = missing(world)
    with pytest.raises(Refused, match="noted by itself"):
        note_end(world, deviation, clock.today("Europe/Oslo") - timedelta(days=1))
