"""Who prepares a sanction, and who is asked to decide it, as the people of the small world do it."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal import impartiality
from portal.extensions import db, transaction
from portal.model import Deviation, Membership, OutgoingMail, Person, Role, Sanction, Verdict
from portal.operations import tasks
from portal.operations.cases import cures, notices, replies, sanctions
from portal.operations.cases.replies import PointVerdict
from tests import casework
from tests.assessing import cases_of, file
from tests.sanctioning import VALUE, Room, broken, daily_clause, duty, heard, opened, proposed
from tests.world import World, deliver_mail

BOTH = [Role.REVIEWER.value, Role.CONTRACT_MANAGER.value, Role.DECISION_MAKER.value]


def prepared(world: World, *, notice: Membership, weighing: Membership, proposal: Membership) -> Sanction:
    """A case whose three steps up to the decision are three persons'."""
    deviation = broken(world)
    with transaction():
        notices.give_notice(deviation, "Varsel om brudd.", 5, by=notice, version=deviation.version)
    deliver_mail()
    casework.reply(world, deviation)
    with transaction():
        replies.weigh(
            deviation,
            [PointVerdict(point, Verdict.UPHELD, "Står fast.") for point in deviation.points],
            by=weighing,
            version=deviation.version,
        )
    with transaction():
        return sanctions.propose(deviation, "Leverandørens risiko.", by=proposal, version=deviation.version)


@pytest.fixture
def three(world: World) -> World:
    """Ruth and Rita assess cases, and may decide on sanctions as Dora may."""
    with transaction():
        world.ruth.role_codes = world.rita.role_codes = BOTH
    return world


@pytest.fixture
def room(make_app: Callable[..., Flask], everyday_database_url: str) -> Iterator[Room]:
    """For tests of the pages; Ruth assesses and decides too."""
    with opened(make_app, everyday_database_url) as room:
        with transaction():
            room.world.ruth.role_codes = BOTH
        yield room


def approve(sanction: Sanction, by: Membership) -> None:
    with transaction():
        sanctions.decide(sanction, approve=True, comment="", by=by, version=sanction.version)


def noted_of(world: World, *people: Membership, **terms: Any) -> Deviation:
    """Clause 4.2 is broken under a daily clause, the supplier is heard, and each of `people` notes when that ended."""
    with transaction():
        world.contract.value = VALUE
    share = duty(world, "zero_emission_share_energy")
    daily_clause(world, share, **terms)
    report = file(world, date(2026, 3, 1), electric="0", diesel="500")
    deviation = heard(world, next(each for each in cases_of(share) if each.report_id == report.id))
    for by in people:
        with transaction():
            cures.put_right(deviation, date(2026, 4, 2), "Byttet.", by=by, version=deviation.version)
    return deviation


def noted(world: World, *people: Membership, **terms: Any) -> Sanction:
    """The same, and Adam proposes."""
    return proposed(world, noted_of(world, *people, **terms))


def approvals(by: Membership) -> tuple[list[int], int]:
    """The sanctions that wait for a person by the work list, and how many by its count."""
    found = [row.subject.id for row in tasks.mine(by) if row.task.element == "approve_sanction"]
    assert found == [row.subject.id for row in tasks.mine(by, "approve_sanction")]
    return found, tasks.counts(by).get("approve_sanction", 0)


def letters(letter: str) -> list[str]:
    rows = select(OutgoingMail.to_address).where(OutgoingMail.letter == letter).order_by(OutgoingMail.id)
    return list(db.session.scalars(rows))


def by_rows(sanction: Sanction) -> set[int]:
    """Who prepared a sanction as the database says."""
    cases = select(Sanction.id).join(Deviation, Deviation.id == Sanction.deviation_id)
    return {
        number
        for number in db.session.scalars(select(Person.id))
        if db.session.scalars(cases.where(Sanction.id == sanction.id, impartiality.was_prepared_by(number))).all()
    }
