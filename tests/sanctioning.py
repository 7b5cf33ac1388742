"""Clauses and cases for the tests of what a breach costs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from portal import clock
from portal.extensions import transaction
from portal.model import (
    REPORTING_DUTY,
    ClauseForm,
    Contract,
    ContractState,
    Decision,
    Deviation,
    Membership,
    Requirement,
    Sanction,
    SanctionClause,
)
from portal.operations.cases import cures, sanctions
from portal.operations.cases.sanctions import Waiver
from portal.operations.contracts import contracts
from portal.operations.contracts.contracts import Rate
from portal.operations.reports import reviews
from tests import casework
from tests.desk import Desk, give_passwords, sit_down
from tests.world import World, build_world, case_of, deliver_mail, submit, tick

VALUE = Decimal(100_000_000)
"""The contract's value: 1 ‰ of it is 100 000."""


@dataclass
class Room:
    """The application, its world, and a desk for whoever sits down."""

    app: Flask
    world: World

    def at(self, by: Membership) -> Desk:
        """Somebody signed in."""
        return sit_down(self.app, by)


@contextmanager
def opened(make_app: Callable[..., Flask], url: str) -> Iterator[Room]:
    """The application on the small world, whose people can sign in."""
    app = make_app(url)
    with app.app_context():
        with transaction():
            world = build_world()
            world.contract.value = VALUE
        give_passwords(world)
        yield Room(app, world)


@pytest.fixture
def room(make_app: Callable[..., Flask], everyday_database_url: str) -> Iterator[Room]:
    """For tests of the pages."""
    with opened(make_app, everyday_database_url) as room:
        yield room


@pytest.fixture
def world(make_app: Callable[..., Flask], everyday_database_url: str) -> Iterator[World]:
    """For tests that need no page."""
    with opened(make_app, everyday_database_url) as room:
        yield room.world


def duty(world: World, indicator: str = REPORTING_DUTY) -> Requirement:
    """One of the contract's requirements."""
    return next(each for each in world.contract.requirements if each.indicator == indicator)


def daily_clause(world: World, requirement: Requirement | None = None, **terms: Any) -> SanctionClause:
    """1 ‰ of the contract's value for each day, for late reports unless another requirement is named."""
    clause = SanctionClause(
        form=ClauseForm.DAILY,
        clause="7.2",
        wording="Dagmulkt: 1 promille av kontraktsverdien per dag.",
        requirement=requirement or duty(world),
        **terms,
    )
    with transaction():
        return contracts.add_clause(world.contract, clause, Rate(date(2026, 1, 1), Decimal(1)))


def missing(world: World) -> Deviation:
    """The deadline passes, and no report is there."""
    clock.move_to(world.report.due_at + timedelta(minutes=1))
    tick()
    return case_of(world, "5.1")


def broken(world: World) -> Deviation:
    """A report with too much diesel is approved."""
    submit(world, diesel="9000")
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.rita, version=world.report.version)
    deliver_mail()
    return case_of(world)


def heard(world: World, deviation: Deviation, points: list[str] | None = None) -> Deviation:
    """Notice is given and delivered, the supplier has replied, and every point is upheld."""
    casework.give_notice(world, deviation, points)
    deliver_mail()
    casework.reply(world, deviation)
    casework.weigh(world, deviation)
    return deviation


def note_end(world: World, deviation: Deviation, on: date) -> None:
    """Adam notes the last day of a breach."""
    with transaction():
        cures.put_right(deviation, on, "Gravemaskinen ble byttet.", by=world.adam, version=deviation.version)


def proposed(world: World, deviation: Deviation, waiver: Waiver | None = None, *, others: bool = False) -> Sanction:
    """Adam proposes a sanction."""
    with transaction():
        return sanctions.propose(
            deviation,
            "Leverandørens risiko.",
            by=world.adam,
            version=deviation.version,
            waiver=waiver,
            others=others,
        )


def decided(world: World, sanction: Sanction) -> Sanction:
    """Dora approves it."""
    with transaction():
        sanctions.decide(sanction, approve=True, comment="Enig.", by=world.dora, version=sanction.version)
    return sanction


def send_back(world: World, sanction: Sanction, comment: str = "For tynt.", *, by: Membership | None = None) -> None:
    """Dora does not; nor does somebody else, where one is named."""
    with transaction():
        sanctions.decide(sanction, approve=False, comment=comment, by=by or world.dora, version=sanction.version)


def revise(world: World, sanction: Sanction, reason: str = "Likevel.", *, withdraw: bool = False) -> None:
    """Adam proposes anew what was sent back, or takes it back."""
    with transaction():
        sanctions.revise(sanction, reason, withdraw=withdraw, by=world.adam, version=sanction.version)


def drafted(world: World, reference: str = "K-9") -> Contract:
    """A contract of the same parties that is still being drafted."""
    with transaction() as session:
        contract = Contract(
            buyer_id=world.contract.buyer_id,
            supplier_id=world.contract.supplier_id,
            state=ContractState.DRAFT,
            reference=reference,
            title="Nyskolen",
            starts_on=date(2026, 6, 1),
            ends_on=date(2027, 5, 31),
            value=VALUE,
            kinds=world.contract.kinds,
            counted=world.contract.counted,
            basis=world.contract.basis,
            reporting_clause="5.1",
        )
        session.add(contract)
        session.flush()
        return contract


def days_after_deadline(world: World, days: int) -> None:
    """Move the clock to the evening of the day so long after the report's deadline."""
    clock.move_to(world.report.due_at + timedelta(days=days) - timedelta(hours=2))
