"""What a clause would have given says what a sanction would say: the same calculation, for every sort of breach."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask, current_app

from portal import calendars, clock
from portal.calendars import Counting
from portal.errors import Conflict
from portal.extensions import db, transaction
from portal.model import ClauseCounts, DailyStart, Deviation, Report, Requirement, SanctionClause
from portal.operations.cases import breach_days, calculations, clauses, deviations, ladder, previews, recalculation
from portal.operations.cases.previews import Would
from portal.operations.contracts import contracts
from portal.operations.reports import extensions
from tests import casework
from tests.amending import HEALED, accept
from tests.desk import sit_down
from tests.sanctioning import (
    broken,
    daily_clause,
    days_after_deadline,
    decided,
    heard,
    missing,
    note_end,
    opened,
    proposed,
    revise,
    send_back,
)
from tests.world import World, case_of, deliver_mail, submit

D = Decimal


@pytest.fixture
def world(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[World]:
    with opened(make_app, sqlite_url) as room:
        yield room.world


def under(world: World, clause: SanctionClause) -> list[Would]:
    db.session.expire_all()
    return next(
        list(each.earlier) for each in previews.of(world.contract, by=world.adam) if each.clause.id == clause.id
    )


def would_be(deviation: Deviation, clause: SanctionClause) -> Decimal:
    """What a sanction proposed now comes to."""
    today = breach_days.today(deviation)
    return calculations.sheet(deviation, clause, step=str(clause.form), on=today).amount


def requirement(world: World, clause: str = "4.2") -> Requirement:
    return next(each for each in world.contract.requirements if each.clause == clause)


def test_a_broken_requirement_under_a_daily_amount_runs_from_the_end_of_the_period(world: World) -> None:
    """March is judged, and ten days of April have gone: no sum before the last day is known; then the sanction's."""
    clause = daily_clause(world, requirement(world), starts=DailyStart.DEADLINE)
    clock.move_to(datetime(2026, 4, 7, 9, tzinfo=UTC))
    deviation = broken(world)
    clock.move_to(calendars.end_of_day(date(2026, 4, 10), "Europe/Oslo") - timedelta(hours=1))
    [would] = under(world, clause)
    assert would.amount is None
    assert "100\u00a0000\u00a0NOK for each day until the breach was put right" in would.gives.en
    note_end(world, deviation, date(2026, 4, 9))
    [would] = under(world, clause)
    assert would.amount == would_be(case_of(world), clause) == 9 * 100_000
    assert "from the day after the days that were judged" in clauses.in_words(clause).en
    assert (
        "put right 5 days after the days that were judged would cost 500\u00a0000\u00a0NOK"
        in previews.example(clause).en
    )
    assert deviation.sentence["en"] in would.found.en


def test_days_that_the_buyer_had_a_request_do_not_count_here_either(world: World) -> None:
    """Asked two days before the deadline, refused five days later: the sanction leaves those days out."""
    clause = daily_clause(world)
    clock.move_to(world.report.due_at - timedelta(days=2))
    with transaction():
        asked = extensions.ask(world.report, date(2026, 5, 30), "Sykdom.", by=world.bo)
    clock.move_to(world.report.due_at + timedelta(days=3, hours=-1))
    with transaction():
        extensions.refuse(asked, "Nei.", by=world.adam)
    days_after_deadline(world, 30)
    missing_now(world)
    [would] = under(world, clause)
    assert would.amount == would_be(case_of(world, "5.1"), clause)


def missing_now(world: World) -> None:
    submit(world)


def test_a_fee_for_each_line_counts_the_lines(world: World) -> None:
    with transaction():
        world.contract.clauses[0].counts = ClauseCounts.LINE
    deviation = broken(world)
    with transaction():
        deviation.facts = {**deviation.facts, "breaches": 3}
    [would] = under(world, world.contract.clauses[0])
    assert would.amount == would_be(case_of(world), world.contract.clauses[0]) == 60_000


def test_from_the_notice_it_is_said_for_each_day_until_the_notice_is_given(world: World) -> None:
    clause = daily_clause(world, requirement(world), starts=DailyStart.NOTICE)
    deviation = broken(world)
    [before] = under(world, clause)
    assert (before.amount, before.gives.en.endswith("from the notice until the breach was put right")) == (None, True)
    heard(world, deviation)
    clock.move_to(clock.now() + timedelta(days=4))
    note_end(world, deviation, clock.today("Europe/Oslo"))
    [after] = under(world, clause)
    assert after.amount == would_be(case_of(world), clause) == 400_000


def test_what_was_dismissed_or_fell_away_gives_nothing(world: World) -> None:
    deviation = broken(world)
    clause = world.contract.clauses[0]
    assert len(under(world, clause)) == 1
    with transaction():
        deviations.dismiss(deviation, "Feil tall.", by=world.adam, version=deviation.version)
    assert under(world, clause) == []


def test_what_an_amended_report_no_longer_shows_gives_nothing(world: World) -> None:
    casework.found(world)
    deliver_mail()
    accept(world, HEALED)
    assert under(world, world.contract.clauses[0]) == []


def test_late_filing_is_as_many_days_as_the_case_says(world: World) -> None:
    clause = daily_clause(world, day_counting=Counting.WORKING)
    missing(world)
    days_after_deadline(world, 6)
    [open_one] = under(world, clause)
    assert open_one.amount == would_be(case_of(world, "5.1"), clause)
    submit(world)
    [would] = under(world, clause)
    assert would.amount == would_be(case_of(world, "5.1"), clause)


def late_by_the_hour(world: World) -> Deviation:
    with transaction():
        world.report.due_at = noon = datetime(2026, 4, 17, 10, tzinfo=UTC)
    clock.move_to(noon + timedelta(hours=2))
    submit(world)
    deviation = case_of(world, "5.1")
    assert deviation.late_by_days == 0
    return deviation


def test_the_same_day_after_the_hour_is_late_and_costs_the_fee(world: World) -> None:
    """Due at 12, filed at 14: no day late, and a fee all the same."""
    deviation = late_by_the_hour(world)
    [would] = under(world, world.contract.clauses[0])
    assert would.amount == calculations.at_stake(deviation) == 20_000
    assert proposed(world, heard(world, deviation)).amount == 20_000


def test_the_same_day_after_the_hour_is_no_day(world: World) -> None:
    late_by_the_hour(world)
    clause = daily_clause(world)
    [by_day] = under(world, clause)
    assert by_day.amount == would_be(case_of(world, "5.1"), clause) == 0


# -- the ladder -------------------------------------------------------------------------------------------------------


def march_and_april(world: World, clause: SanctionClause | None = None) -> tuple[Deviation, Deviation]:
    """Both months in breach of 4.2 under a clause that warns first, with notice, reply and weighing."""
    with transaction():
        (clause or world.contract.clauses[0]).warns_first = True
    first = heard(world, broken(world))
    world.report = next_month(world)
    return first, heard(world, broken(world))


def next_month(world: World) -> Report:
    with transaction():
        following = contracts.open_period(
            world.contract, calendars.month_of(world.report.period.ends_on + timedelta(days=1))
        )
    clock.move_to(max(clock.now(), calendars.end_of_day(following.period.ends_on, "Europe/Oslo") + timedelta(days=7)))
    return following


def amounts_under(world: World) -> list[Decimal | None]:
    return [each.amount for each in under(world, world.contract.clauses[0])]


def test_the_breach_that_was_first_is_warned_of_though_the_next_was_decided_first(world: World) -> None:
    """Before anything is decided the preview is what sanctions in their turn would be: a warning, then 20 000."""
    march, april = march_and_april(world)
    assert amounts_under(world) == [0, 20_000]
    assert decided(world, proposed(world, april)).step == "warning", "nothing had been decided before it"
    assert amounts_under(world) == [0, 0], "what was decided stays"
    assert (ladder.earlier(march), ladder.earlier(april)) == (0, 0)
    sanction = decided(world, proposed(world, march))
    assert (sanction.step, sanction.amount) == ("warning", D(0))
    assert (april.sanction and april.sanction.step) == "warning"


def test_in_its_turn_the_preview_and_the_sanctions_are_the_same(world: World) -> None:
    march, april = march_and_april(world)
    said = amounts_under(world)
    stood = [decided(world, proposed(world, each)).amount for each in (march, april)]
    assert said == stood == amounts_under(world) == [0, 20_000]


def test_two_proposed_before_either_is_decided_the_later_one_is_calculated_again(world: World) -> None:
    march, april = march_and_april(world)
    first, second = proposed(world, march), proposed(world, april)
    assert (first.step, second.step) == ("warning", "warning")
    decided(world, first)
    with pytest.raises(Conflict, match="The step was written warning and is now fee"):
        decided(world, second)
    read = sit_down(current_app, world.dora).reads(f"/cases/{april.public_id}")
    assert "The step, since an earlier breach was decided: written warning → fee" in read
    assert "Approve the sanction" not in read
    send_back(world, second, "Regn på nytt.")
    revise(world, second, "Andre brudd.")
    assert (second.step, second.amount, recalculation.step_change(second)) == ("fee", D(20_000), None)
    assert decided(world, second).amount == 20_000


def test_what_was_closed_without_a_sanction_is_no_step(world: World) -> None:
    march, april = march_and_april(world)
    casework.close(world, march)
    assert amounts_under(world) == [0, 0]
    assert proposed(world, april).step == "warning"
