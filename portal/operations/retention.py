"""What has been kept long enough, and goes: kind by kind, counted first by whoever wants to know."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, func, select

from portal import clock
from portal.extensions import db
from portal.model import OneTimeSecret, OutgoingMail, Reading, SignInAttempt, WebSession
from portal.text import Text


class Kind(NamedTuple):
    """One kind of data that is not kept for good."""

    entity: type[Any]
    words: Text
    days: int
    is_old: Callable[[datetime], ColumnElement[bool]]


class Due(NamedTuple):
    """How much of a kind has been kept for longer than its days."""

    kind: Kind
    rows: int


KINDS = (
    Kind(
        SignInAttempt,
        Text("forsøk på å logge inn", "attempts to sign in"),
        365,
        lambda before: SignInAttempt.at < before,
    ),
    Kind(Reading, Text("hvem som har lest hva", "who has read what"), 365, lambda before: Reading.at < before),
    Kind(
        OutgoingMail,
        Text("brev om kontoer", "letters about accounts"),
        90,
        lambda before: OutgoingMail.contract_id.is_(None) & (OutgoingMail.created_at < before),
    ),
    Kind(
        WebSession,
        Text("økter som er utløpt", "sessions that have run out"),
        30,
        lambda before: WebSession.expires_at < before,
    ),
    Kind(
        OneTimeSecret,
        Text("engangskoder som er utløpt", "secrets that worked once and have run out"),
        30,
        lambda before: OneTimeSecret.expires_at < before,
    ),
)
"""All that goes by itself. What belongs to a contract stays as long as the contract's record does."""


def due() -> Iterator[Due]:
    """What would go now."""
    for kind in KINDS:
        yield Due(kind, db.session.scalar(select(func.count()).select_from(kind.entity).where(_old(kind))) or 0)


def remove() -> Iterator[Due]:
    """Remove what has been kept long enough, inside the caller's transaction; how much of each kind it was."""
    for found in list(due()):
        db.session.execute(
            delete(found.kind.entity).where(_old(found.kind)).execution_options(synchronize_session=False)
        )
        yield found


def _old(kind: Kind) -> ColumnElement[bool]:
    return kind.is_old(clock.now() - timedelta(days=kind.days))
