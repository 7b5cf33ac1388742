"""A sanction is for what the notice said, what was upheld and what was agreed: once, and with the right amount."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from flask import Flask

from portal.errors import Refused
from portal.extensions import db, transaction
from portal.model import ClauseCounts, ClauseForm, Deviation
from portal.operations import calculations, grounds
from tests.machine_lines import costs_by_line, used
from tests.sanctioning import daily_clause, duty, heard, note_end, opened, proposed
from tests.world import World, case_of

FEE = Decimal(20_000)


@pytest.fixture
def world(make_app: Callable[..., Flask], everyday_database_url: str) -> Iterator[World]:
    with opened(make_app, everyday_database_url) as (_app, world):
        yield world


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
        note_end(three, deviation, calculations.today(deviation))
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
