"""Sanction clauses: what each says in plain words, and putting them into a contract with their dated rates."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy.orm.attributes import set_committed_value

from portal import amounts, calendars, clock
from portal.amounts import with_currency
from portal.calendars import Counting
from portal.errors import Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import (
    DUTIES_TO_FILE,
    ChangeOrder,
    ClauseCounts,
    ClauseForm,
    Contract,
    ContractState,
    DailyBase,
    DailyStart,
    Membership,
    Requirement,
    SanctionClause,
    SanctionRate,
    record,
)
from portal.operations.cases import calculations
from portal.operations.contracts.contract_gate import demand_editor, touch
from portal.quantities import canonical, shown
from portal.text import LANGUAGES, Text, same

# -- in plain words ---------------------------------------------------------------------------------------------------

FEE_WORDS = {
    ClauseCounts.PERIOD: Text("{amount} for hver periode med brudd.", "{amount} for each period with a breach."),
    ClauseCounts.LINE: Text("{amount} for hver linje i brudd.", "{amount} for each line in breach."),
}
DAILY_WORDS = Text("{rate} ‰ per {day} av {base}{now}, {start}.", "{rate} ‰ per {day} of {base}{now}, {start}.")
NOW = Text(" (nå {amount} om dagen)", " (now {amount} a day)")
DAY_WORDS = {
    Counting.CALENDAR: Text("kalenderdag", "calendar day"),
    Counting.WORKING: Text("virkedag", "working day"),
}


class RunsFrom(StrEnum):
    """What the days of a daily amount are counted from."""

    DEADLINE = "deadline"
    WINDOW = "window"
    EITHER = "either"
    NOTICE = "notice"


START_WORDS = {
    RunsFrom.DEADLINE: Text("fra dagen etter fristen", "from the day after the deadline"),
    RunsFrom.WINDOW: Text("fra dagen etter perioden som er vurdert", "from the day after the days that were judged"),
    RunsFrom.EITHER: Text(
        "fra dagen etter fristen, eller etter perioden som er vurdert",
        "from the day after the deadline, or after the days that were judged",
    ),
    RunsFrom.NOTICE: Text("fra dagen etter at varselet fikk virkning", "from the day after the notice took effect"),
}
GRACE_ONE, GRACE_MANY = (
    Text("Den første dagen koster ikke noe.", "The first day costs nothing."),
    Text("De {days} første dagene koster ikke noe.", "The first {days} days cost nothing."),
)
LEAST_WORDS = Text("Minst {amount} om dagen.", "At least {amount} a day.")
CAP_DAYS_WORDS = Text("Høyst {days} dager.", "At most {days} days.")
CAP_WORDS = Text("Høyst {percent} % av grunnlaget til sammen.", "At most {percent} % of the base altogether.")
LATER_FEE = Text("Fra {day}: {amount}.", "From {day}: {amount}.")
LATER_RATE = Text("Fra {day}: {amount} ‰.", "From {day}: {amount} ‰.")
WARNS_WORDS = Text("Første gang er det en skriftlig advarsel.", "The first time it is a written warning.")
NO_RATE_WORDS = Text("Ingen sats er lagt inn ennå.", "No rate has been entered yet.")


def in_words(clause: SanctionClause, on: date | None = None, known_at: datetime | None = None) -> Text:
    """What a breach costs under a clause, in one short paragraph: as it is on a day (today), and what will change.

    `known_at`: by what had been entered at that moment.
    """
    day = on or clock.today(clause.contract.time_zone)
    rates = [each for each in clause.rates if each.was_there(known_at)]
    if not rates:
        return NO_RATE_WORDS
    is_daily = clause.form == ClauseForm.DAILY
    said = _daily_words(clause, day, known_at) if is_daily else [_fee_words(clause, day, known_at)]
    said += [_later(clause, rate) for rate in rates[1:] if rate.valid_from > day]
    if clause.warns_first:
        said.append(WARNS_WORDS)
    return Text(*(" ".join(each.to(language) for each in said) for language in LANGUAGES))


def runs_from(clause: SanctionClause) -> RunsFrom:
    """What the days are counted from: a duty to file has a deadline, a requirement the days that were judged."""
    if clause.starts == DailyStart.NOTICE:
        return RunsFrom.NOTICE
    if clause.requirement is None:
        return RunsFrom.EITHER
    return RunsFrom.DEADLINE if clause.requirement.indicator in DUTIES_TO_FILE else RunsFrom.WINDOW


def sketch(contract: Contract, terms: "Terms") -> SanctionClause:
    """The clause that these terms would make, for the eye only: the session never learns of it."""
    clause = SanctionClause(**contract.parties)
    set_committed_value(clause, "contract", contract)
    _write(clause, terms)
    clause.rates.append(SanctionRate(valid_from=terms.valid_from, amount=terms.rate))
    return clause


def _fee_words(clause: SanctionClause, day: date, known_at: datetime | None) -> Text:
    fee = calculations.rate_on(clause, day, known_at)
    return FEE_WORDS[clause.counts].with_values(amount=with_currency(fee, clause.contract.currency))


def _daily_words(clause: SanctionClause, day: date, known_at: datetime | None) -> list[Text]:
    currency = clause.contract.currency
    said = [
        DAILY_WORDS.with_values(
            rate=_number(calculations.rate_on(clause, day, known_at)),
            day=DAY_WORDS[clause.day_counting],
            base=calculations.BASES[clause.base],
            now=_now(clause, day, known_at),
            start=START_WORDS[runs_from(clause)],
        )
    ]
    if clause.grace_days:
        said.append(GRACE_ONE if clause.grace_days == 1 else GRACE_MANY.with_values(days=clause.grace_days))
    if clause.least_per_day is not None:
        said.append(LEAST_WORDS.with_values(amount=with_currency(clause.least_per_day, currency)))
    if clause.cap_days is not None:
        said.append(CAP_DAYS_WORDS.with_values(days=clause.cap_days))
    if clause.cap_percent is not None:
        said.append(CAP_WORDS.with_values(percent=_number(clause.cap_percent)))
    return said


def _now(clause: SanctionClause, day: date, known_at: datetime | None) -> Text:
    """What a day costs now; nothing while the contract has no such base."""
    try:
        per_day = calculations.daily_of(clause, known_at).per_day(day)
    except Refused:
        return same("")
    return NOW.with_values(amount=with_currency(per_day, clause.contract.currency))


def _later(clause: SanctionClause, rate: SanctionRate) -> Text:
    day = calendars.day_name(rate.valid_from)
    if clause.form == ClauseForm.DAILY:
        return LATER_RATE.with_values(day=day, amount=_number(rate.amount))
    return LATER_FEE.with_values(day=day, amount=with_currency(rate.amount, clause.contract.currency))


def _number(value: Decimal) -> Text:
    return Text(*(shown(value, language) for language in LANGUAGES))


# -- put into a contract ----------------------------------------------------------------------------------------------

AGREED = Text(
    "Kontrakten løper. Bestemmelsen er avtalt og kan bare få en ny sats fra en dag, etter en endringsordre.",
    "The contract is running. The clause is agreed, and can only get a new rate from a day, under a change order.",
)
NEW_BY_ORDER = Text(
    "Kontrakten løper. En ny bestemmelse kan bare gjelde et nytt krav som kom med samme endringsordre.",
    "The contract is running. A new clause can only be for a new requirement that came by the same change order.",
)
CLAUSE_NEEDS_ORDER = Text(
    "Velg endringsordren som bestemmelsen er avtalt i.", "Choose the change order that the clause was agreed in."
)
NEEDS_BASE = Text(
    "Skriv beløpet som grunnlaget er. Det må være større enn 0.",
    "Enter the amount that the base is. It must be more than 0.",
)
WHOLE_DAYS = Text("Skriv et helt antall dager.", "Enter a whole number of days.")
WHOLE_HUNDREDTHS = Text("Skriv beløpet med høyst to desimaler.", "Enter the amount with at most two decimals.")
NEEDS_ORDER = Text(
    "Velg endringsordren som satsen er avtalt i.", "Choose the change order that the rate was agreed in."
)
BEFORE_ORDER = Text(
    "Satsen kan tidligst gjelde fra endringsordren gjør det, {day}.",
    "The rate can be in force no earlier than the change order is, {day}.",
)
DAY_TAKEN = Text("Det er alt en sats fra denne dagen.", "There is a rate from this day already.")
SAME_CLAUSE = Text(
    "Kontrakten har alt en bestemmelse for dette kravet. Rett den i stedet.",
    "The contract already has a clause for this requirement. Edit that one instead.",
)


@dataclass(frozen=True)
class Terms:
    """Everything that a clause says, as it was agreed; what its form does not ask for is left as it is here."""

    form: ClauseForm
    clause: str
    wording: str
    rate: Decimal
    """The fee, or per mille."""
    valid_from: date
    requirement: Requirement | None = None
    """None: every requirement without a clause of its own."""
    warns_first: bool = False
    counts: ClauseCounts = ClauseCounts.PERIOD
    base: DailyBase = DailyBase.VALUE
    base_amount: Decimal | None = None
    starts: DailyStart = DailyStart.DEADLINE
    grace_days: Decimal = Decimal(0)
    day_counting: Counting = Counting.CALENDAR
    least_per_day: Decimal | None = None
    cap_days: Decimal | None = None
    cap_percent: Decimal | None = None


def add(
    contract: Contract, terms: Terms, *, by: Membership, version: int, order: ChangeOrder | None = None
) -> SanctionClause:
    """Put a clause into a contract: while it is drafted, or for a new requirement by the change order of that."""
    demand_editor(contract, by=by, version=version)
    if contract.state != ContractState.DRAFT:
        _demand_new_by_order(contract, terms, order)
    _check(terms)
    _demand_free(contract, terms.requirement, None)
    clause = SanctionClause(**contract.parties)
    _write(clause, terms)
    clause.rates.append(
        SanctionRate(**contract.parties, valid_from=terms.valid_from, amount=terms.rate, change_order=order)
    )
    contract.clauses.append(clause)
    touch(contract)
    reference = {"change_order": order.reference} if order else {}
    record(contract, "contract.clause_added", by=by, **_facts(clause), **reference)
    return clause


def change(clause: SanctionClause, terms: Terms, *, by: Membership, version: int) -> None:
    """Write a clause anew while the contract is being drafted; its form and its first rate too."""
    _demand_draft(clause.contract, by, version)
    _check(terms)
    _demand_free(clause.contract, terms.requirement, clause)
    first, before = clause.rates[0], _facts(clause)
    if any(rate.valid_from == terms.valid_from for rate in clause.rates[1:]):
        raise Invalid(DAY_TAKEN, (Problem("taken", DAY_TAKEN, "valid_from"),))
    _write(clause, terms)
    first.valid_from, first.amount = terms.valid_from, terms.rate
    touch(clause.contract)
    record(clause.contract, "contract.clause_changed", by=by, before=before, **_facts(clause))


def remove(clause: SanctionClause, *, by: Membership, version: int) -> None:
    """Take a clause out of a contract that is being drafted."""
    contract = clause.contract
    _demand_draft(contract, by, version)
    record(contract, "contract.clause_removed", by=by, **_facts(clause))
    contract.clauses.remove(clause)
    db.session.delete(clause)
    touch(contract)


def add_rate(  # noqa: PLR0913 - a rate, where it comes from, and who says so
    clause: SanctionClause,
    amount: Decimal,
    valid_from: date,
    order: ChangeOrder | None,
    *,
    by: Membership,
    version: int,
) -> None:
    """A new rate from a day on. Once the contract is agreed it takes the change order that says so.

    The day may be past, as agreed. A case whose notice is written by then is charged no more for it: `operations.told`.
    """
    contract = clause.contract
    demand_editor(contract, by=by, version=version)
    if contract.state != ContractState.DRAFT and (order is None or order.contract_id != contract.id):
        raise Invalid(NEEDS_ORDER, (Problem("required", NEEDS_ORDER, "change_order"),))
    if order is not None:
        _demand_from_order(order, valid_from)
    if any(rate.valid_from == valid_from for rate in clause.rates):
        raise Invalid(DAY_TAKEN, (Problem("taken", DAY_TAKEN, "valid_from"),))
    if clause.form == ClauseForm.FEE and amount != amounts.whole(amount):
        raise Invalid(WHOLE_HUNDREDTHS, (Problem("decimals", WHOLE_HUNDREDTHS, "rate"),))
    clause.rates.append(
        SanctionRate(**contract.parties, valid_from=valid_from, amount=amount, change_order=order),
    )
    clause.rates.sort(key=lambda rate: rate.valid_from)
    touch(contract)
    record(
        contract,
        "contract.rate_added",
        by=by,
        clause=clause.clause,
        amount=canonical(amount),
        valid_from=valid_from.isoformat(),
        change_order=order.reference if order else "",
    )


def _demand_draft(contract: Contract, by: Membership, version: int) -> None:
    demand_editor(contract, by=by, version=version)
    if contract.state != ContractState.DRAFT:
        raise Refused(AGREED)


def without_own(contract: Contract) -> list[Requirement]:
    """New requirements of a running contract that a clause of their own can be agreed for by their change order.

    One in the place of another has the clause that the other one had.
    """
    own = {clause.requirement_id for clause in contract.clauses}
    is_open = contract.state not in {ContractState.DRAFT, ContractState.CLOSED}
    return [duty for duty in contract.requirements if is_open and _is_new(duty) and duty.id not in own]


def _is_new(duty: Requirement) -> bool:
    return duty.change_order is not None and duty.continues_id is None


def _demand_new_by_order(contract: Contract, terms: Terms, order: ChangeOrder | None) -> None:
    """No clause for what runs already: only a requirement that the same change order brought in takes one of its own.

    Its day may be past, and a breach found already. A case whose notice told of another clause, or of none, stays with
    that: `operations.told`.
    """
    if order is None or order.contract_id != contract.id:
        raise Invalid(CLAUSE_NEEDS_ORDER, (Problem("required", CLAUSE_NEEDS_ORDER, "change_order"),))
    duty = terms.requirement
    if duty is None or not _is_new(duty) or duty.change_order_id != order.id:
        raise Invalid(NEW_BY_ORDER, (Problem("new", NEW_BY_ORDER, "requirement"),))
    _demand_from_order(order, terms.valid_from)


def _demand_from_order(order: ChangeOrder, valid_from: date) -> None:
    if valid_from < order.from_on:
        words = BEFORE_ORDER.with_values(day=calendars.day_name(order.from_on))
        raise Invalid(words, (Problem("early", words, "valid_from"),))


def _demand_free(contract: Contract, requirement: Requirement | None, own: SanctionClause | None) -> None:
    number = requirement.id if requirement else None
    if any(each is not own and each.requirement_id == number for each in contract.clauses):
        raise Invalid(SAME_CLAUSE, (Problem("taken", SAME_CLAUSE, "requirement"),))


def _check(terms: Terms) -> None:
    """What no single field can tell."""
    found: list[Problem] = []
    if terms.form == ClauseForm.FEE:
        found += _not_whole(terms, "rate")
    else:
        found += _not_whole(terms, "base_amount", "least_per_day")
        for name in ("grace_days", "cap_days"):
            days = getattr(terms, name)
            if days is not None and days != int(days):
                found.append(Problem("whole", WHOLE_DAYS, name))
        if terms.base == DailyBase.FIXED and not terms.base_amount:
            found.append(Problem("required", NEEDS_BASE, "base_amount"))
    if found:
        raise Invalid(found[0].text, tuple(found))


def _not_whole(terms: Terms, *names: str) -> list[Problem]:
    given = {name: getattr(terms, name) for name in names}
    return [
        Problem("decimals", WHOLE_HUNDREDTHS, name)
        for name, amount in given.items()
        if amount is not None and amount != amounts.whole(amount)
    ]


def _write(clause: SanctionClause, terms: Terms) -> None:
    is_daily, is_fixed = terms.form == ClauseForm.DAILY, terms.base == DailyBase.FIXED
    clause.form, clause.clause, clause.wording = terms.form, terms.clause, terms.wording
    clause.requirement, clause.warns_first = terms.requirement, terms.warns_first
    clause.counts = terms.counts
    clause.base, clause.starts, clause.day_counting = terms.base, terms.starts, terms.day_counting
    clause.grace_days = int(terms.grace_days) if is_daily else 0
    clause.base_amount = terms.base_amount if is_daily and is_fixed else None
    clause.least_per_day = terms.least_per_day if is_daily else None
    clause.cap_days = int(terms.cap_days) if is_daily and terms.cap_days is not None else None
    clause.cap_percent = terms.cap_percent if is_daily else None


def _facts(clause: SanctionClause) -> dict[str, Any]:
    """Everything the clause says, for the trail."""
    return {
        "clause": clause.clause,
        "form": str(clause.form),
        "wording": clause.wording,
        "said": in_words(clause).dump(),
        "rates": [[rate.valid_from.isoformat(), canonical(rate.amount)] for rate in clause.rates],
    }
