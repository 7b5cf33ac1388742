"""What the contract says that a breach costs: as it stood when the supplier was told of it, and as it stands now.

Part of the reckoning that `case_worth` describes: nothing here asks the portal what anything comes to.

Rule: a notice says which clause a breach falls under and which sanction may follow, and the supplier was heard on that.
So a case is charged by the clause, the rates and the base that were entered when its first notice in effect was
written, or by those of today where they come to less. A clause that was entered later is no clause for the case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from portal import clock
from portal.model import (
    Contract,
    ContractState,
    DailyBase,
    Deviation,
    Notice,
    SanctionClause,
    SanctionRate,
)

Dated = Sequence[tuple[date, Decimal]]
"""Amounts, each with the day from which it holds."""
_OVER = {ContractState.COMPLETED, ContractState.CLOSED}


@dataclass(frozen=True)
class Terms:
    """A clause with the rates and the base that count."""

    clause: SanctionClause
    rates: Dated
    base: Dated

    def rate(self, day: date) -> Decimal:
        """The fee, or the per mille, that holds on a day."""
        return holding(self.rates, day)


def holding(dated: Dated, day: date) -> Decimal:
    """What holds on a day; before the first day of all, what holds first."""
    ordered = sorted(dated)
    return ([amount for first, amount in ordered if first <= day] or [ordered[0][1]])[-1]


def last_day(contract: Contract) -> date:
    """The contract's last day: as agreed, or that of the handover where the work was handed over before."""
    if contract.state in _OVER and contract.handed_over_on is not None:
        return min(contract.ends_on, contract.handed_over_on)
    return contract.ends_on


def told_by(deviation: Deviation) -> Notice:
    """The first notice that has taken effect: nobody is sanctioned without one."""
    given = [each for each in deviation.notices if each.takes_effect_at is not None]
    assert given, "no notice has taken effect"
    return given[0]


def told_and_now(deviation: Deviation) -> tuple[Terms, Terms]:
    """The terms that the supplier was told of, and the same clause as it stands today."""
    written = told_by(deviation).created_at
    clause = _clause(deviation, written)
    told = [rate for rate in clause.rates if rate.created_at <= written]
    assert told, "the clause that the notice named had no rate"
    return _terms(clause, told, written), _terms(clause, clause.rates, clock.now())


def _clause(deviation: Deviation, written: datetime) -> SanctionClause:
    """The requirement's own clause, as it was agreed first, before the one for every requirement."""
    duty = deviation.requirement
    entered = [each for each in deviation.contract.clauses if each.created_at <= written]
    own = [each for each in entered if each.requirement_id == (duty.continues_id or duty.id)]
    general = [each for each in entered if each.requirement_id is None]
    assert own or general, "the contract had no clause for this when the notice was written"
    return (own or general)[0]


def _terms(clause: SanctionClause, rates: Sequence[SanctionRate], until: datetime) -> Terms:
    return Terms(clause, [(each.valid_from, each.amount) for each in rates], _base(clause, until))


def _base(clause: SanctionClause, until: datetime) -> Dated:
    """What the per mille are taken of: the value with the change orders entered until a moment, as signed, or fixed."""
    contract = clause.contract
    signed = contract.value or Decimal(0)
    if clause.base == DailyBase.FIXED:
        return [(date.min, clause.base_amount or Decimal(0))]
    if clause.base == DailyBase.SIGNED_VALUE:
        return [(date.min, signed)]
    orders = [each for each in contract.change_orders if each.created_at <= until]
    days = {date.min, *(each.from_on for each in orders)}
    return [
        (day, signed + sum((each.value_change for each in orders if each.from_on <= day), Decimal(0))) for day in days
    ]
