"""All sanctions that somebody may see: narrowed, in order, page by page, and what they come to together."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Select, func, literal, select, tuple_
from sqlalchemy.orm import joinedload

from portal import clock, permissions
from portal.extensions import db
from portal.model import Contract, Deviation, Membership, Sanction, SanctionState
from portal.model.base import Millionths
from portal.model.sanctions import IN_FORCE

WAITING = frozenset({SanctionState.PROPOSED, SanctionState.SENT_BACK})
"""Proposed, and nothing decided yet."""


class Order(StrEnum):
    """What comes first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"


@dataclass(frozen=True)
class SanctionFilter:
    """What is asked for; what is left out narrows nothing."""

    contract: uuid.UUID | None = None
    state: SanctionState | None = None
    older_than_days: int | None = None
    least: Decimal | None = None
    order: Order = Order.NEWEST


class Sum(NamedTuple):
    """How many, and what they come to, in one currency."""

    currency: str
    decided: int
    amount: Decimal
    waiting: int
    waiting_amount: Decimal


def page(by: Membership, chosen: SanctionFilter, after: uuid.UUID | None, limit: int) -> Sequence[Sanction]:
    """Up to `limit` sanctions after the one named, in order."""
    rows = _narrowed(permissions.visible(Sanction, by), chosen)
    last = db.session.scalar(permissions.visible(Sanction, by).where(Sanction.public_id == after)) if after else None
    if last is not None:
        rows = _after(rows, last, chosen.order)
    rows = rows.order_by(*_ordering(chosen.order)).limit(limit)
    return db.session.scalars(rows.options(joinedload(Sanction.deviation).joinedload(Deviation.report))).unique().all()


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
    return rows


def _ordering(order: Order) -> tuple[Any, ...]:
    if order == Order.LARGEST:
        return (_amount().desc(), Sanction.id.desc())
    return (Sanction.id.asc(),) if order == Order.OLDEST else (Sanction.id.desc(),)


def _after(rows: Select[Any], last: Sanction, order: Order) -> Select[Any]:
    if order == Order.LARGEST:
        return rows.where(
            tuple_(_amount(), Sanction.id) < tuple_(literal(last.amount or Decimal(0), Millionths), last.id)
        )
    return rows.where(Sanction.id > last.id if order == Order.OLDEST else Sanction.id < last.id)


def _amount() -> Any:
    return func.coalesce(Sanction.amount, Decimal(0))
