"""All sanctions that somebody may see: narrowed, in order, page by page, and what they come to together."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Select, case, func, literal, select
from sqlalchemy.orm import defaultload, joinedload, lazyload
from sqlalchemy.types import Integer, String

from portal import clock, permissions
from portal.extensions import db
from portal.model import Contract, Deviation, Membership, Report, Sanction, SanctionClause, SanctionState
from portal.model.base import Millionths
from portal.model.sanctions import IN_FORCE, WAITING
from portal.operations.keysets import Key, following


class Order(StrEnum):
    """What comes first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"
    CONTRACT = "contract"
    STEP = "state"


@dataclass(frozen=True)
class SanctionFilter:
    """What is asked for; what is left out narrows nothing."""

    contract: uuid.UUID | None = None
    state: SanctionState | None = None
    older_than_days: int | None = None
    least: Decimal | None = None
    most: Decimal | None = None
    order: Order = Order.NEWEST


class Sum(NamedTuple):
    """How many, and what they come to, in one currency."""

    currency: str
    decided: int
    amount: Decimal
    waiting: int
    waiting_amount: Decimal


def page(by: Membership, chosen: SanctionFilter, after: uuid.UUID | None, limit: int) -> Sequence[Sanction]:
    """Up to `limit` sanctions after the one named, in order. As many statements however many rows."""
    every = permissions.visible(Sanction, by).join(Contract, Sanction.contract_id == Contract.id)
    rows = following(_narrowed(every, chosen), every, Sanction, _KEYS[chosen.order], after).limit(limit)
    return db.session.scalars(rows.options(*_LOADED)).unique().all()


def sums(by: Membership, chosen: SanctionFilter) -> list[Sum]:
    """What the chosen ones come to, for each currency: decided, and waiting for a decision."""
    rows = _narrowed(permissions.visible(Sanction, by), chosen).with_only_columns(
        Sanction.currency, Sanction.state, func.count(), func.sum(Sanction.amount), maintain_column_froms=True
    )
    found: dict[str, Sum] = {}
    for currency, state, count, amount in db.session.execute(rows.group_by(Sanction.currency, Sanction.state)):
        before = found.get(currency, Sum(currency, 0, Decimal(0), 0, Decimal(0)))
        more = Decimal(amount or 0)
        if state in IN_FORCE:
            before = before._replace(decided=before.decided + count, amount=before.amount + more)
        elif state in WAITING:
            before = before._replace(waiting=before.waiting + count, waiting_amount=before.waiting_amount + more)
        found[currency] = before
    return [found[currency] for currency in sorted(found)]


def _narrowed(rows: Select[Any], chosen: SanctionFilter) -> Select[Any]:
    if chosen.contract:
        number = select(Contract.id).where(Contract.public_id == chosen.contract).scalar_subquery()
        rows = rows.where(Sanction.contract_id == number)
    if chosen.state:
        rows = rows.where(Sanction.state == chosen.state)
    if chosen.older_than_days is not None:
        rows = rows.where(Sanction.created_at <= clock.now() - timedelta(days=chosen.older_than_days))
    if chosen.least is not None:
        rows = rows.where(Sanction.amount >= chosen.least)
    if chosen.most is not None:
        rows = rows.where(Sanction.amount <= chosen.most)
    return rows


_PLACES = {state: place for place, state in enumerate(SanctionState)}
_KEYS = {
    Order.NEWEST: Key(Sanction.id, Integer(), is_falling=True),
    Order.OLDEST: Key(Sanction.id, Integer()),
    Order.LARGEST: Key(
        func.coalesce(Sanction.amount, literal(Decimal(0), Millionths()), type_=Millionths()),
        Millionths(),
        is_falling=True,
    ),
    Order.CONTRACT: Key(Contract.reference, String()),
    Order.STEP: Key(
        case(*((Sanction.state == state, place) for state, place in _PLACES.items()), else_=len(_PLACES)), Integer()
    ),
}
_LOADED = (
    defaultload(Sanction.contract).lazyload(Contract.sites),
    defaultload(Sanction.clause).lazyload(SanctionClause.rates),
    joinedload(Sanction.deviation).options(
        lazyload(Deviation.contract),
        lazyload(Deviation.requirement),
        joinedload(Deviation.report).options(joinedload(Report.period), lazyload(Report.contract)),
    ),
)
