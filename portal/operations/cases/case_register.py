"""All cases that somebody may see: narrowed, in order, page by page, each with what this reader may know of it.

The statements do not grow with the rows: state, deadline and amount are worked out where the rows are chosen.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, case, false, func, literal, or_, type_coerce
from sqlalchemy.orm import defaultload, joinedload, lazyload, load_only, selectinload
from sqlalchemy.types import Integer, String

from portal import clock, permissions
from portal.extensions import db
from portal.model import (
    Contract,
    Deviation,
    DeviationState,
    Membership,
    Notice,
    OrganisationKind,
    Report,
    Sanction,
)
from portal.model.base import Code, Millionths, Moment
from portal.model.cases import SETTLED
from portal.model.sanctions import IN_FORCE, WAITING
from portal.operations.keysets import Key, following

SOON = timedelta(days=7)
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_NO_AMOUNT = Decimal(-1)


class Order(StrEnum):
    """What comes first: the newest, the one known longest, the nearest deadline, the largest amount."""

    NEWEST = ""
    AGE = "age"
    DEADLINE = "deadline"
    AMOUNT = "amount"
    CONTRACT = "contract"
    STEP = "state"


class Due(StrEnum):
    """When the deadline that runs is."""

    PASSED = "passed"
    SOON = "week"
    LATER = "later"
    NONE = "none"


@dataclass(frozen=True)
class CaseFilter:
    """What is asked for; what is left out narrows nothing. `states`: empty for all."""

    contract: uuid.UUID | None = None
    states: frozenset[DeviationState] = frozenset()
    older_than_days: int | None = None
    due: Due | None = None
    least: Decimal | None = None
    most: Decimal | None = None
    order: Order = Order.NEWEST


class Listed(NamedTuple):
    """A case in a list, as its reader may know it.

    `until` is the deadline that runs. `amount` is what was decided, or for the buyer is proposed, also while it is sent
    back; where neither is, what the clause gives for what was found, however its points were weighed. None when there
    is none, or none can be said.
    """

    deviation: Deviation
    state: DeviationState
    until: datetime | None
    amount: Decimal | None


def page(by: Membership, chosen: CaseFilter, after: uuid.UUID | None, limit: int) -> list[Listed]:
    """Up to `limit` cases after the one named, in order."""
    every = permissions.visible(Deviation, by).join(Contract, Deviation.contract_id == Contract.id)
    every = every.outerjoin(Sanction, Sanction.deviation_id == Deviation.id)
    ordered = following(_narrowed(every, chosen, by), every, Deviation, _keys(by)[chosen.order], after)
    found = ordered.limit(limit).add_columns(_state(by), _until(by), _amount(by)).options(*_LOADED)
    return [Listed(*row) for row in db.session.execute(found).unique()]


_LOADED = (
    defaultload(Deviation.contract).options(lazyload(Contract.sites), selectinload(Contract.clauses)),
    joinedload(Deviation.report).options(joinedload(Report.period), lazyload(Report.contract)),
    selectinload(Deviation.notices).options(load_only(Notice.created_at), lazyload("*")),
)


# -- what this reader may know ----------------------------------------------------------------------------------------


def _is_hidden(by: Membership) -> Any:
    """A sanction that is not decided is the buyer's own: to the supplier the reply is still being assessed."""
    if by.organisation.kind == OrganisationKind.BUYER:
        return false()
    undecided = or_(Sanction.id.is_(None), Sanction.state.not_in(IN_FORCE))
    return and_(Deviation.state == DeviationState.SANCTION_PROPOSED, undecided)


def _state(by: Membership) -> Any:
    assessing = literal(DeviationState.ASSESSING_REPLY, Code(DeviationState))
    return type_coerce(case((_is_hidden(by), assessing), else_=Deviation.state), Code(DeviationState))


def _until(by: Membership) -> Any:
    """The supplier's deadline to reply; the buyer's own to give notice, which only the buyer sees."""
    runs = [(Deviation.state == DeviationState.AWAITING_REPLY, Deviation.reply_due_at)]
    if by.organisation.kind == OrganisationKind.BUYER:
        runs.append((Deviation.state == DeviationState.FOUND, Deviation.notice_due_at))
    return type_coerce(case(*runs, else_=None), Moment())


def _amount(by: Membership) -> Any:
    said = IN_FORCE if by.organisation.kind != OrganisationKind.BUYER else WAITING | IN_FORCE
    decided = case(
        (Sanction.state.in_(sorted(said)), Sanction.amount),
        (Deviation.state.in_(sorted(SETTLED)), None),
        else_=Deviation.at_stake,
    )
    return type_coerce(decided, Millionths())


# -- narrowed and in order --------------------------------------------------------------------------------------------


def _narrowed(rows: Select[Any], chosen: CaseFilter, by: Membership) -> Select[Any]:
    if chosen.contract is not None:
        rows = rows.where(Contract.public_id == chosen.contract)
    if chosen.states:
        rows = rows.where(_is_in(chosen.states, by))
    if chosen.older_than_days is not None:
        rows = rows.where(Deviation.known_at <= clock.now() - timedelta(days=chosen.older_than_days))
    if chosen.due is not None:
        rows = rows.where(_is_due(chosen.due, _until(by)))
    if chosen.least is not None:
        rows = rows.where(_amount(by) >= literal(chosen.least, Millionths()))
    if chosen.most is not None:
        rows = rows.where(_amount(by) <= literal(chosen.most, Millionths()))
    return rows


def _is_in(states: frozenset[DeviationState], by: Membership) -> Any:
    found = Deviation.state.in_(sorted(states)) & ~_is_hidden(by)
    return or_(found, _is_hidden(by)) if DeviationState.ASSESSING_REPLY in states else found


def _is_due(due: Due, until: Any) -> Any:
    now = clock.now()
    soon = now + SOON
    return {
        Due.PASSED: until < now,
        Due.SOON: and_(until >= now, until < soon),
        Due.LATER: until >= soon,
        Due.NONE: until.is_(None),
    }[due]


def _keys(by: Membership) -> dict[Order, Key]:
    return {
        Order.NEWEST: Key(Deviation.id, Integer(), is_falling=True),
        Order.AGE: Key(Deviation.known_at, Moment()),
        Order.DEADLINE: Key(func.coalesce(_until(by), literal(_NEVER, Moment()), type_=Moment()), Moment()),
        Order.AMOUNT: Key(
            func.coalesce(_amount(by), literal(_NO_AMOUNT, Millionths()), type_=Millionths()),
            Millionths(),
            is_falling=True,
        ),
        Order.CONTRACT: Key(Contract.reference, String()),
        Order.STEP: Key(_place(by), Integer()),
    }


def _place(by: Membership) -> Any:
    """How far a case has come, as its reader may know it."""
    places = {state: place for place, state in enumerate(DeviationState)}
    known = [(Deviation.state == state, place) for state, place in places.items()]
    return case((_is_hidden(by), places[DeviationState.ASSESSING_REPLY]), *known, else_=len(places))
