"""What the open cases come to, counted anew every hour: right for each, and with as little work for many as for few."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask

from portal import clock
from portal.extensions import db, transaction
from portal.model import ClauseForm, SanctionClause, SanctionRate
from portal.operations import contracts, stakes
from portal.operations.contracts import Rate
from portal.work import HANDLERS
from tests.assessing import cases_of, file
from tests.sanctioning import daily_clause, duty, missing, opened
from tests.statements import statements
from tests.world import World

SHARE = "zero_emission_share_energy"
BROKEN = {"electric": "0", "diesel": "500"}


@pytest.fixture
def world(make_app: Callable[..., Flask], everyday_database_url: str) -> Iterator[World]:
    with opened(make_app, everyday_database_url) as (_app, world):
        yield world


def test_many_cases_under_a_fee_are_looked_at_with_as_many_statements_as_one(world: World) -> None:
    """The share of clause 4.2 is broken in March; then in April, May and June too."""
    share = duty(world, SHARE)
    fee = SanctionClause(form=ClauseForm.FEE, clause="7.1", wording="Gebyr.", requirement=share)
    with transaction():
        contracts.add_clause(world.contract, fee, Rate(date(2026, 1, 1), Decimal(20_000)))
    number = world.contract.id
    file(world, date(2026, 3, 1), **BROKEN)
    with statements() as for_one:
        assert stakes.outdated() == []
    world.contract = db.session.get_one(type(world.contract), number)
    for month in (4, 5, 6):
        file(world, date(2026, month, 1), **BROKEN)
    assert len(cases_of(duty(world, SHARE))) == 4
    with statements() as for_four:
        assert stakes.outdated() == []
    assert len(for_four) == len(for_one) <= 12


def test_a_fee_that_was_changed_is_noticed(world: World) -> None:
    """No day changes a fee, and yet what was agreed of it may be other from a day that is past."""
    share = duty(world, SHARE)
    fee = SanctionClause(form=ClauseForm.FEE, clause="7.1", wording="Gebyr.", requirement=share)
    with transaction():
        contracts.add_clause(world.contract, fee, Rate(date(2026, 1, 1), Decimal(20_000)))
    file(world, date(2026, 3, 1), **BROKEN)
    with transaction():
        terms = world.contract.parties
        fee.rates.append(SanctionRate(**terms, valid_from=date(2026, 3, 1), amount=Decimal(25_000)))
    db.session.expire_all()
    HANDLERS["cases.recount"]({})
    assert [each.at_stake for each in cases_of(share)] == [Decimal(25_000)]
    assert stakes.outdated() == []


def test_a_daily_amount_is_counted_anew_as_the_days_go_by(world: World) -> None:
    daily_clause(world)
    deviation = missing(world)
    with transaction():
        stakes.recount(deviation.id)
    assert stakes.outdated() == []
    clock.move_to(clock.now() + timedelta(days=3))
    assert stakes.outdated() == [deviation.id]
    HANDLERS["cases.recount"]({})
    db.session.expire_all()
    assert deviation.at_stake == 4 * Decimal(100_000), "the day after the deadline, and three more"
