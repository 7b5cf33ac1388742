"""How a contract comes out: plan against actual while it runs, and its final account from the handover on."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import func, select

from portal import calendars, clock, kinds
from portal.calendars import Frequency, Period
from portal.extensions import db
from portal.kinds.base import Indicator, Kind
from portal.model import (
    ChangeOrder,
    Contract,
    Figure,
    PeriodPurpose,
    PlannedFigure,
    Report,
    ReportingPeriod,
    ReportState,
    Revision,
    Sanction,
)
from portal.model.sanctions import IN_FORCE
from portal.operations.contracts import contract_days
from portal.operations.running.contract_life import OpenMatters, open_matters

_HUNDRED = Decimal(100)


class Progress(NamedTuple):
    """One planned figure beside what the accepted reports come to so far.

    `used`: actual in percent of the plan, only where sums are planned. `unknown`: accepted reports whose figure could
    not be computed, so that the sum is without them.
    """

    planned: PlannedFigure
    kind: Kind
    indicator: Indicator
    actual: Decimal | None
    used: Decimal | None
    unknown: int
    basis: tuple[dict[str, str], ...]


class Account(NamedTuple):
    """The account of a whole contract."""

    signed: Decimal | None
    orders: list[ChangeOrder]
    now: Decimal | None
    sanctions: list[Sanction]
    sanctioned: Decimal
    accepted: int
    periods: int
    open_matters: OpenMatters


class _Sum(NamedTuple):
    numerator: Decimal
    denominator: Decimal
    unknown: int
    basis: tuple[dict[str, str], ...]


def plan_against_actual(contract: Contract) -> list[Progress]:
    """Each planned figure with what the accepted reports come to."""
    actual = _accepted(contract)
    found: list[Progress] = []
    for row in contract.planned:
        kind = kinds.WHOLE_SITE if row.kind == kinds.WHOLE_SITE.key else kinds.kinds().get(row.kind)
        if kind is None or row.indicator not in {each.key for each in kind.indicators}:
            continue
        indicator = kind.indicator(row.indicator)
        summed = actual.get((row.kind, row.indicator))
        value = indicator.value(summed.numerator, summed.denominator) if summed else None
        is_sum = indicator.aggregate == "sum"
        used = value * _HUNDRED / row.amount if is_sum and value is not None and row.amount else None
        unknown, basis = (summed.unknown, summed.basis) if summed else (0, ())
        found.append(Progress(row, kind, indicator, value, used, unknown, basis))
    return found


def _accepted(contract: Contract) -> dict[tuple[str, str], _Sum]:
    """(kind, indicator) -> sums over the revisions in force; ratios are never summed, their two parts are."""
    rows = db.session.scalars(
        select(Figure)
        .join(Revision, Figure.revision_id == Revision.id)
        .join(Report, Revision.report_id == Report.id)
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .where(
            Report.contract_id == contract.id,
            Revision.number == Report.accepted_number,
            ReportingPeriod.purpose == PeriodPurpose.REGULAR,
        )
        .order_by(ReportingPeriod.starts_on)
    )
    found: dict[tuple[str, str], _Sum] = {}
    for row in rows:
        before = found.get((row.kind, row.indicator), _Sum(Decimal(0), Decimal(0), 0, ()))
        if row.unknown is not None:
            found[row.kind, row.indicator] = before._replace(unknown=before.unknown + 1)
            continue
        found[row.kind, row.indicator] = _Sum(
            before.numerator + (row.numerator or Decimal(0)),
            before.denominator + (row.denominator or Decimal(0)),
            before.unknown,
            tuple(row.basis),
        )
    return {key: summed for key, summed in found.items() if summed.basis}


def time_used(contract: Contract) -> Decimal:
    """How much of the contract's days have passed, in percent; days on which it was paused do not count."""
    last = min(contract_days.last_day(contract), clock.today(contract.time_zone))
    return _days(contract, last) * _HUNDRED / max(_days(contract, contract.ends_on), Decimal(1))


def _days(contract: Contract, last: date) -> Decimal:
    paused = [Period(each.starts_on, min(each.ends_on, contract.ends_on)) for each in contract.paused_days]
    stretches = (
        calendars.periods(contract.starts_on, last, Frequency.YEAR, paused) if last >= contract.starts_on else ()
    )
    return Decimal(sum(each.days for each in stretches))


def final_account(contract: Contract) -> Account:
    """Value, change orders, decided sanctions, accepted periods, and what is still open."""
    decided = select(Sanction).where(Sanction.contract_id == contract.id, Sanction.state.in_(IN_FORCE))
    sanctions = list(db.session.scalars(decided.order_by(Sanction.id)).unique())
    periods = select(func.count(Report.id)).where(Report.contract_id == contract.id, Report.state != ReportState.SPARED)
    return Account(
        signed=contract.value,
        orders=list(contract.change_orders),
        now=contract.value_on(date.max),
        sanctions=sanctions,
        sanctioned=sum((each.amount or Decimal(0) for each in sanctions), Decimal(0)),
        accepted=db.session.scalar(periods.where(Report.state == ReportState.APPROVED)) or 0,
        periods=db.session.scalar(periods) or 0,
        open_matters=open_matters(contract),
    )
