"""Lists with their filters in the address, page by page by key, never by number."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from flask import url_for
from sqlalchemy import Select, case, func, literal, select, tuple_
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.types import TypeEngine

from portal import permissions
from portal.extensions import db
from portal.model import (
    Contract,
    ContractState,
    Deployment,
    Deviation,
    DeviationState,
    Machine,
    Membership,
    Organisation,
    OrganisationKind,
    OutgoingMail,
    Report,
    ReportingPeriod,
    ReportState,
)
from portal.model.base import Millionths, Moment
from portal.model.cases import SETTLED
from portal.operations.review_queue import QueueFilter, Why

PAGE = 50


@dataclass(frozen=True)
class Page:
    """Rows, where the next page begins, and what was chosen."""

    rows: list[Any]
    next_url: str
    chosen: Mapping[str, str]
    contracts: list[Contract]


def reports(by: Membership, arguments: Mapping[str, str]) -> Page:
    """Reports the acting organisation is a party to, newest period first; filters `contract` and `state`."""
    rows = permissions.visible(Report, by).join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
    chosen = _chosen(arguments, "contract", "state")
    rows = _of_contract(rows, Report, chosen)
    if chosen["state"] in set(ReportState):
        rows = rows.where(Report.state == chosen["state"])
    last = _last(Report, by, arguments)
    if last is not None:
        rows = rows.where(tuple_(ReportingPeriod.starts_on, Report.id) < tuple_(last.period.starts_on, last.id))
    return _paged(rows.order_by(ReportingPeriod.starts_on.desc(), Report.id.desc()), by, chosen, "reports.index")


def deviations(by: Membership, arguments: Mapping[str, str]) -> Page:
    """Cases the acting organisation is a party to; filters `contract`, `state` (default: open ones), and `sort`."""
    rows = permissions.visible(Deviation, by)
    chosen = _chosen(arguments, "contract", "state", "sort")
    rows = _of_contract(rows, Deviation, chosen)
    if chosen["state"] in set(DeviationState):
        rows = rows.where(Deviation.state == chosen["state"])
    elif chosen["state"] != "all":
        rows = rows.where(Deviation.state.not_in(SETTLED))
    order = _case_orders(by).get(chosen["sort"])
    if order is None:
        return _paged(_newest_first(rows, Deviation, by, arguments), by, chosen, "cases.index")
    last = _last(Deviation, by, arguments)
    if last is not None:
        key = db.session.scalars(select(order.key).where(Deviation.id == last.id)).one()
        after = tuple_(literal(key, order.kind), last.id)
        here = tuple_(order.key, Deviation.id)
        rows = rows.where(here < after if order.is_falling else here > after)
    columns = (order.key, Deviation.id)
    ordered = rows.order_by(*(column.desc() for column in columns) if order.is_falling else columns)
    return _paged(ordered, by, chosen, "cases.index")


class _Order(NamedTuple):
    """What a list is sorted by: never empty, so that the page after a row can be found."""

    key: Any
    kind: TypeEngine[Any]
    is_falling: bool = False


def _case_orders(by: Membership) -> dict[str, _Order]:
    """By age, by the deadline that runs for whom it concerns, by the amount at stake."""
    waits_for_reply = (Deviation.state == DeviationState.AWAITING_REPLY, Deviation.reply_due_at)
    to_be_notified = (Deviation.state == DeviationState.FOUND, Deviation.notice_due_at)
    is_buyer = by.organisation.kind == OrganisationKind.BUYER
    deadline = case(waits_for_reply, *([to_be_notified] if is_buyer else []), else_=None)
    never = literal(datetime(9999, 12, 31, tzinfo=UTC), Moment())
    return {
        "age": _Order(Deviation.known_at, Moment()),
        "deadline": _Order(func.coalesce(deadline, never, type_=Moment()), Moment()),
        "amount": _Order(
            func.coalesce(Deviation.at_stake, literal(Decimal(-1), Millionths()), type_=Millionths()),
            Millionths(),
            is_falling=True,
        ),
    }


def mails(by: Membership, arguments: Mapping[str, str]) -> Page:
    """Letters, newest first."""
    rows = _newest_first(permissions.visible(OutgoingMail, by), OutgoingMail, by, arguments)
    return _paged(rows, by, {}, "mail.index")


def machines(by: Membership, arguments: Mapping[str, str]) -> Page:
    """Machines by name; filter `contract`: those that work or worked on it."""
    chosen = _chosen(arguments, "contract")
    number = uuid_of(chosen["contract"])
    rows = permissions.visible(Machine, by)
    if number:
        rows = rows.where(Machine.deployments.any(Deployment.contract.has(public_id=number)))
    last = _last(Machine, by, arguments)
    if last is not None:
        rows = rows.where(tuple_(Machine.name, Machine.id) > (last.name, last.id))
    rows = rows.options(joinedload(Machine.owner), selectinload(Machine.deployments).joinedload(Deployment.contract))
    return _paged(rows.order_by(Machine.name, Machine.id), by, chosen, "machines.index")


def contracts(by: Membership, arguments: Mapping[str, str]) -> Page:
    """Contracts by reference; filters `state` and `supplier`."""
    rows = permissions.visible(Contract, by)
    chosen = _chosen(arguments, "state", "supplier")
    if chosen["state"] in set(ContractState):
        rows = rows.where(Contract.state == chosen["state"])
    supplier = uuid_of(chosen["supplier"])
    if supplier:
        rows = rows.where(Contract.supplier.has(public_id=supplier))
    last = _last(Contract, by, arguments)
    if last is not None:
        rows = rows.where(tuple_(Contract.reference, Contract.id) > (last.reference, last.id))
    return _paged(rows.order_by(Contract.reference, Contract.id), by, chosen, "contracts.index")


def suppliers_of(by: Membership) -> list[Organisation]:
    """The suppliers of one's contracts, by name, for a drop-down."""
    found = {each.supplier for each in contracts_of(by)}
    return sorted(found, key=lambda each: each.name.casefold())


def contracts_of(by: Membership) -> list[Contract]:
    """Every contract the acting organisation is a party to, for a drop-down."""
    return list(db.session.scalars(permissions.visible(Contract, by).order_by(Contract.reference)).unique())


def queue_filter(arguments: Mapping[str, str]) -> QueueFilter:
    """The review queue's filter as the address says; what makes no sense is left out."""
    return QueueFilter(
        contract=uuid_of(arguments.get("contract", "")),
        supplier=uuid_of(arguments.get("supplier", "")),
        period=_month(arguments.get("period", "")),
        why=next((each for each in Why if each == arguments.get("why")), None),
        late=arguments.get("late") == "1",
    )


def queue_arguments(chosen: QueueFilter) -> dict[str, str]:
    """The filter back as arguments of an address."""
    every = {
        "contract": str(chosen.contract or ""),
        "supplier": str(chosen.supplier or ""),
        "period": chosen.period,
        "why": str(chosen.why or ""),
        "late": "1" if chosen.late else "",
    }
    return {name: value for name, value in every.items() if value}


def _newest_first(rows: Select[Any], entity: Any, by: Membership, arguments: Mapping[str, str]) -> Select[Any]:
    last = _last(entity, by, arguments)
    return (rows.where(entity.id < last.id) if last is not None else rows).order_by(entity.id.desc())


def _last(entity: Any, by: Membership, arguments: Mapping[str, str]) -> Any | None:
    """The last row of the page before, which the address names."""
    number = uuid_of(arguments.get("after", ""))
    return db.session.scalar(permissions.visible(entity, by).where(entity.public_id == number)) if number else None


def _paged(rows: Select[Any], by: Membership, chosen: Mapping[str, str], endpoint: str) -> Page:
    found = list(db.session.scalars(rows.limit(PAGE + 1)).unique())
    more = len(found) > PAGE
    given: dict[str, Any] = {name: value for name, value in chosen.items() if value}
    following = url_for(endpoint, **{**given, "after": str(found[PAGE - 1].public_id)}) if more else ""
    return Page(found[:PAGE], following, chosen, contracts_of(by))


def _of_contract(rows: Select[Any], entity: Any, chosen: Mapping[str, str]) -> Select[Any]:
    number = uuid_of(chosen["contract"])
    return (
        rows.join(Contract, entity.contract_id == Contract.id).where(Contract.public_id == number) if number else rows
    )


def _chosen(arguments: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: arguments.get(name, "") for name in names}


def uuid_of(text: str) -> uuid.UUID | None:
    """A public id from an address; None when it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _month(text: str) -> str:
    try:
        return f"{date.fromisoformat(f'{text}-01'):%Y-%m}"
    except ValueError:
        return ""
