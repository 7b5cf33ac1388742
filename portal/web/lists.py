"""Lists with their filters in the address, page by page by key, never by number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import url_for
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import joinedload, lazyload, selectinload

from portal import permissions
from portal.extensions import db
from portal.model import (
    Contract,
    ContractState,
    Deployment,
    Machine,
    Membership,
    OutgoingMail,
    Report,
    ReportingPeriod,
    ReportState,
)
from portal.operations.reports.review_queue import QueueFilter, Why
from portal.web import choices
from portal.web.access import current_membership
from portal.web.choices import Choices, contract_of, supplier_of, uuid_of

PAGE = 50
MOST_CONTRACTS = 200
NONE = Choices([], True, None)
"""Nothing to narrow to."""


@dataclass(frozen=True)
class Page:
    """Rows, where the next page begins, and what was chosen."""

    rows: Sequence[Any]
    next_url: str
    chosen: Mapping[str, str]
    contracts: Choices
    """What it can be narrowed to."""


def reports(by: Membership, arguments: Mapping[str, str]) -> Page:
    """Reports the acting organisation is a party to, newest period first; filters `contract` and `state`."""
    rows = permissions.visible(Report, by).join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
    chosen = _chosen(by, arguments, "contract", "state")
    rows = _of_contract(rows, Report, chosen)
    if chosen["state"] in set(ReportState):
        rows = rows.where(Report.state == chosen["state"])
    last = _last(Report, by, arguments)
    if last is not None:
        rows = rows.where(tuple_(ReportingPeriod.starts_on, Report.id) < tuple_(last.period.starts_on, last.id))
    return _paged(
        rows.order_by(ReportingPeriod.starts_on.desc(), Report.id.desc()), by, chosen, "reports.index", Report
    )


def mails(by: Membership, arguments: Mapping[str, str]) -> Page:
    """Letters, newest first."""
    rows = _newest_first(permissions.visible(OutgoingMail, by), OutgoingMail, by, arguments)
    return _paged(rows, by, {}, "mail.index")


def machines(by: Membership, arguments: Mapping[str, str]) -> Page:
    """Machines by name; filter `contract`: those that work or worked on it."""
    chosen = _chosen(by, arguments, "contract")
    number = uuid_of(chosen["contract"])
    rows = permissions.visible(Machine, by)
    if number:
        rows = rows.where(Machine.deployments.any(Deployment.contract.has(public_id=number)))
    last = _last(Machine, by, arguments)
    if last is not None:
        rows = rows.where(tuple_(Machine.name, Machine.id) > (last.name, last.id))
    rows = rows.options(joinedload(Machine.owner), selectinload(Machine.deployments).joinedload(Deployment.contract))
    return _paged(rows.order_by(Machine.name, Machine.id), by, chosen, "machines.index", Deployment)


def contracts(by: Membership, arguments: Mapping[str, str]) -> Page:
    """Contracts by reference; filters `state` and `supplier`."""
    rows = permissions.visible(Contract, by)
    chosen = _chosen(by, arguments, "state", "supplier")
    if chosen["state"] in set(ContractState):
        rows = rows.where(Contract.state == chosen["state"])
    supplier = uuid_of(chosen["supplier"])
    if supplier:
        rows = rows.where(Contract.supplier.has(public_id=supplier))
    last = _last(Contract, by, arguments)
    if last is not None:
        rows = rows.where(tuple_(Contract.reference, Contract.id) > (last.reference, last.id))
    return _paged(rows.order_by(Contract.reference, Contract.id), by, chosen, "contracts.index")


def contracts_of(by: Membership) -> list[Contract]:
    """The newest contracts the acting organisation is a party to, by reference, to put something on or begin from."""
    newest = permissions.visible(Contract, by).order_by(Contract.id.desc()).limit(MOST_CONTRACTS)
    found = db.session.scalars(newest.options(lazyload(Contract.sites))).unique()
    return sorted(found, key=lambda each: each.reference)


def contracts_with(by: Membership, numbers: "set[int | None]") -> dict[int, Contract]:
    """Contracts by their inside number, as far as this membership may see them."""
    rows = permissions.visible(Contract, by).where(Contract.id.in_([each for each in numbers if each is not None]))
    return {each.id: each for each in db.session.scalars(rows.options(lazyload(Contract.sites))).unique()}


def queue_filter(arguments: Mapping[str, str]) -> QueueFilter:
    """The review queue's filter as the address says; what makes no sense is left out."""
    by = current_membership()
    return QueueFilter(
        contract=contract_of(by, arguments.get("contract", "")),
        supplier=supplier_of(by, arguments.get("supplier", "")),
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


def _paged(
    rows: Select[Any], by: Membership, chosen: Mapping[str, str], endpoint: str, entity: "type[Any] | None" = None
) -> Page:
    found = list(db.session.scalars(rows.limit(PAGE + 1)).unique())
    more = len(found) > PAGE
    given: dict[str, Any] = {name: value for name, value in chosen.items() if value}
    following = url_for(endpoint, **{**given, "after": str(found[PAGE - 1].public_id)}) if more else ""
    narrowing = choices.contracts(by, entity, chosen["contract"]) if entity else NONE
    return Page(found[:PAGE], following, chosen, narrowing)


def _of_contract(rows: Select[Any], entity: Any, chosen: Mapping[str, str]) -> Select[Any]:
    number = uuid_of(chosen["contract"])
    return (
        rows.join(Contract, entity.contract_id == Contract.id).where(Contract.public_id == number) if number else rows
    )


def _chosen(by: Membership, arguments: Mapping[str, str], *names: str) -> dict[str, str]:
    given = {name: arguments.get(name, "") for name in names}
    if "contract" in given:
        given["contract"] = str(contract_of(by, given["contract"]) or "")
    if "supplier" in given:
        given["supplier"] = str(supplier_of(by, given["supplier"]) or "")
    return given


def _month(text: str) -> str:
    try:
        return f"{date.fromisoformat(f'{text}-01'):%Y-%m}"
    except ValueError:
        return ""
