"""What the open cases come to, counted anew every hour: right for each, and with as little work for many as for few."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, inspect, select

from portal import calendars, clock
from portal.extensions import db, transaction
from portal.model import ClauseForm, Contract, Decision, Deviation, Membership, SanctionClause, SanctionRate
from portal.operations.cases import previews, stakes
from portal.operations.contracts import contracts
from portal.operations.contracts.contracts import Rate
from portal.operations.reports import reviews
from portal.work import HANDLERS
from tests.assessing import cases_of, file
from tests.reviewing import send_again
from tests.sanctioning import daily_clause, duty, missing, world
from tests.statements import counted
from tests.world import World, submit, tick

__all__ = ["world"]

SHARE = "zero_emission_share_energy"
BROKEN = {"electric": "0", "diesel": "500"}


def asked() -> int:
    """How many statements the look takes, from a session that knows nothing yet; no case is outdated."""
    db.session.rollback()
    db.session.expunge_all()
    with counted() as found:
        assert stakes.outdated() == []
    return len(found)


def test_many_cases_under_a_fee_are_looked_at_with_as_many_statements_as_one(world: World) -> None:
    """The share of clause 4.2 is broken in March; then in April, May and June too."""
    share = duty(world, SHARE)
    fee = SanctionClause(form=ClauseForm.FEE, clause="7.1", wording="Gebyr.", requirement=share)
    with transaction():
        contracts.add_clause(world.contract, fee, Rate(date(2026, 1, 1), Decimal(20_000)))
    number = world.contract.id
    file(world, date(2026, 3, 1), **BROKEN)
    for_one = asked()
    world.contract = db.session.get_one(type(world.contract), number)
    for month in (4, 5, 6):
        file(world, date(2026, month, 1), **BROKEN)
    assert len(cases_of(duty(world, SHARE))) == 4
    assert asked() == for_one <= 13


@pytest.mark.parametrize("warns_first", [True, False])
def test_breaches_that_are_found_twice_are_looked_at_with_as_many_statements_as_one(
    world: World, *, warns_first: bool
) -> None:
    """A month is rejected and corrected too late; then the three months after it are too."""
    with transaction():
        world.contract.clauses[0].warns_first = warns_first
    twice(world)
    number = world.contract.id
    for_one = asked(), shown(number)
    for name in ("contract", "report", "anna", "bo", "rita"):  # the looks begin with a session that knows nothing
        kept = getattr(world, name)
        setattr(world, name, db.session.get_one(type(kept), identity(kept)))
    for _month in range(3):
        with transaction():
            world.report = contracts.open_period(
                world.contract, calendars.month_of(world.report.period.ends_on + timedelta(days=1))
            )
        clock.move_to(max(clock.now(), calendars.end_of_day(world.report.period.ends_on, "Europe/Oslo")))
        twice(world)
    assert db.session.scalar(select(func.count()).select_from(Deviation)) == 8
    assert (asked(), shown(number)) == for_one


def twice(world: World) -> None:
    """The report that is open is rejected, and its correction comes three days late."""
    submit(world)
    with transaction():
        reviews.decide(world.report, Decision.REJECT, by=world.rita, version=world.report.version, reasons="Feil.")
    clock.move_to(world.report.due_at + timedelta(minutes=1))
    tick()
    clock.move_to(world.report.due_at + timedelta(days=3, hours=-1))
    send_again(world)
    HANDLERS["cases.recount"]({})


def identity(row: object) -> int:
    """The number of a row that no session holds any more."""
    return int(inspect(row, raiseerr=True).identity[0])


def shown(number: int) -> int:
    """How many statements the previews of a contract take."""
    contract = db.session.get_one(Contract, number)
    reader = db.session.scalars(select(Membership).where(Membership.organisation_id == contract.buyer_id)).first()
    assert reader is not None
    with counted() as found:
        assert any(each.earlier for each in previews.of(contract, by=reader))
    return len(found)


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
