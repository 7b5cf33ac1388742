"""A fee for each line in breach over a whole window: the case names the lines that it charges, and their reports."""

from datetime import UTC, date, datetime
from decimal import Decimal

from portal import clock
from portal.extensions import transaction
from portal.model import ClauseCounts, Comparison, Deviation, Requirement, Window
from portal.operations.cases import breaches, grounds, letters
from portal.operations.entry import drafts
from portal.operations.reports import amendments
from tests.assessing import approve_it, cases_of, duty, file, only
from tests.reviewing import send_again
from tests.sanctioning import heard, proposed, world
from tests.world import World, machine_lines

__all__ = ["world"]

MARCH, APRIL, END = date(2026, 3, 1), date(2026, 4, 1), date(2026, 4, 30)
FEE = Decimal(20_000)


def judged(world: World, requirement: Requirement) -> Deviation:
    """DI-2 burns diesel in March and in April, and the window ends with them: one case."""
    file(world, MARCH, electric="1008", diesel="400")
    file(world, APRIL, electric="1008", diesel="400")
    clock.move_to(datetime(2026, 5, 5, 9, tzinfo=UTC))
    with transaction():
        breaches.judge_windows(world.contract.id)
    [case] = cases_of(requirement)
    return case


def over_two_months(world: World, threshold: str = "zero_emission") -> Deviation:
    """Two lines of a year in which every machine was to be emission-free."""
    stage = duty(
        world, threshold, indicator="lowest_stage", comparison=Comparison.AT_LEAST, window=Window.YEAR, clause="9.2"
    )
    only(world, MARCH, END, stage)
    with transaction():
        world.contract.clauses[0].counts = ClauseCounts.LINE
    return judged(world, stage)


def test_the_lines_of_a_window_are_named_with_their_reports(world: World) -> None:
    case = over_two_months(world)
    assert (case.facts["breaches"], case.at_stake) == (2, 2 * FEE)
    places = [(each["revision"], each["lines"]) for each in case.facts["lines_in"]]
    assert places == [(1, [world.machines["DI-2"]])] * 2
    assert [line.name.en for line in letters.lines_behind(case)] == ["March 2026: DI-2", "April 2026: DI-2"]
    assert len(letters.points_draft(case)) == 2
    sanction = proposed(world, heard(world, case))
    assert (sanction.amount, grounds.beyond_notice(case)) == (2 * FEE, [])


def test_a_line_of_a_window_that_is_amended_away_is_not_charged(world: World) -> None:
    """The same machine in two reports is two lines: April without it leaves March's, and that was notified."""
    case = heard(world, over_two_months(world))
    april = case.report
    with transaction():
        amendments.propose(april, "Maskinen var borte.", by=world.anna, version=april.version)
    world.report = april
    without = [line for line in machine_lines(world) if str(line.key) != world.machines["DI-2"]]
    with transaction():
        drafts.save(april, "machinery", without, by=world.anna, version=april.version)
    send_again(world)
    approve_it(world, april)
    assert [each["lines"] for each in case.facts["lines_in"]] == [[world.machines["DI-2"]]]
    assert (case.facts["breaches"], case.at_stake) == (1, FEE)
    assert proposed(world, case).amount == FEE


def test_of_a_share_over_a_window_no_line_is_the_breach(world: World) -> None:
    share = duty(world, "90")
    only(world, MARCH, END, share)
    case = judged(world, share)
    assert (case.facts["lines"], case.facts["lines_in"], letters.lines_behind(case)) == ([], [], [])
