"""A decision that mail does not bring across is delivered by hand, and what proved it first goes on proving it."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import AuditEvent, Sanction, SanctionState
from portal.operations.cases import sanctions
from tests.sanctioning import broken, decided, heard, opened, proposed
from tests.world import World, tick


@pytest.fixture
def world(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[World]:
    with opened(make_app, sqlite_url) as room:
        yield room.world


def undelivered(world: World) -> Sanction:
    """The letters do not leave, and the buyer is asked to see to it."""
    sanction = decided(world, proposed(world, heard(world, broken(world))))
    clock.move_to(clock.now() + sanctions.UNDELIVERED_AFTER + timedelta(minutes=1))
    tick()
    db.session.expire_all()
    return sanction


def settle(world: World, sanction: Sanction, how: str) -> None:
    with transaction():
        sanctions.settle_delivery(sanction, how, by=world.adam, version=sanction.version)


def told(sanction: Sanction) -> list[str]:
    rows = select(AuditEvent.reason).where(AuditEvent.action == "sanction.delivery_told")
    return list(db.session.scalars(rows.where(AuditEvent.subject_id == str(sanction.public_id))))


def test_what_the_buyer_says_of_the_delivery_is_kept(world: World) -> None:
    sanction = undelivered(world)
    settle(world, sanction, "Rekommandert brev")
    assert (sanction.delivered_how, sanction.state) == ("Rekommandert brev", SanctionState.CLOSED)
    assert told(sanction) == [""], "it stands in the row: nothing is ever taken out of the trail"


def test_the_first_proof_is_not_overwritten(world: World) -> None:
    sanction = undelivered(world)
    with transaction():
        sanctions.note_delivery(sanction, "e-post til bo@prove.example")
    arrived_at = sanction.delivered_at
    clock.move_to(clock.now() + timedelta(hours=3))
    settle(world, sanction, "Rekommandert brev")
    assert (sanction.delivered_at, sanction.delivered_how) == (arrived_at, "e-post til bo@prove.example")
    assert told(sanction) == ["Rekommandert brev"], "what was said is in the trail all the same"
