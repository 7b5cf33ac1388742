"""What a requirement may say: its limits, steps, scope and days, checked before it is put into a contract."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation

from sqlalchemy import select

from portal import calendars, forecasts, kinds, quantities
from portal.extensions import db
from portal.kinds import site
from portal.kinds.base import Indicator, Kind
from portal.model import (
    DUTIES_TO_FILE,
    REPORTING_DUTY,
    Comparison,
    Contract,
    Deployment,
    Organisation,
    Requirement,
    Window,
)
from portal.operations.contracts import limits, scopes
from portal.quantities import canonical
from portal.text import Text

MOST_DAYS = 400

NOT_REPORTED = Text("Kontrakten ber ikke om dette.", "The contract does not ask for this.")
CHOOSE = Text("Velg fra listen.", "Choose from the list.")
NOT_A_LIMIT = Text("Skriv et tall, for eksempel 20 eller 12,5.", "Write a number, for example 20 or 12.5.")
NOT_A_SHARE = Text("En andel er mellom 0 og 100.", "A share is between 0 and 100.")
NOT_DAYS = Text("Skriv et helt antall dager fra 1 til {most}.", "Write a whole number of days from 1 to {most}.")
NO_TOLERANCE = Text(
    "Et krav til hver linje har ingen tolleranse. La feltet stå tomt.",
    "A requirement of each line has no tolerance. Leave it empty.",
)
NEGATIVE = Text("Kan ikke være mindre enn 0.", "Cannot be less than 0.")
STEP_OUTSIDE = Text(
    "Trinnet må begynne etter at kravet trer i kraft og før det slutter.",
    "The step must begin after the requirement comes into force and before it ends.",
)
STEP_TWICE = Text("To trinn begynner samme dag.", "Two steps begin on the same day.")
SAY_SOURCE = Text("Skriv hvor i tilbudet det står.", "Say where in the bid it stands.")
SAY_CLAUSE = Text("Skriv hvilket punkt i kontrakten.", "Say which clause of the contract.")
ONLY_BY_PERIOD = Text("Dette vurderes bare for hver periode.", "This is judged for each period only.")
OUTSIDE_CONTRACT = Text("Kontrakten varer fra {first} til {last}.", "The contract runs from {first} to {last}.")
ENDS_FIRST = Text("Siste dag kan ikke være før første.", "The last day cannot be before the first.")
NO_SUCH_SCOPE = Text("«{kind}» kan ikke deles slik.", "“{kind}” cannot be divided like that.")
ONCE_ONLY = Text("Kontrakten har dette kravet allerede.", "The contract has this requirement already.")


@dataclass(frozen=True)
class Terms:
    """One requirement as it is agreed. Thresholds are canonical decimals or keys of choices, as in the model."""

    kind: str
    indicator: str
    comparison: Comparison
    threshold: str
    clause: str
    valid_from: date
    valid_to: date | None = None
    window: Window = Window.PERIOD
    steps: Sequence[tuple[date, str]] = ()
    promised: str = ""
    promised_source: str = ""
    tolerance: str = ""
    scope: Mapping[str, Sequence[str]] = field(default_factory=dict)
    wording: str = ""


def indicators(contract: Contract) -> list[tuple[Kind, Indicator]]:
    """Every figure that a contract's reports give, and a requirement can be about."""
    described = [kinds.described(key) for key in (*contract.kinds, site.KEY)]
    return [(kind, indicator) for kind in described for indicator in kind.indicators]


def read_threshold(indicator: Indicator | None, typed: str) -> str | Text:
    """A threshold as it is stored, from what was typed or chosen; or what is wrong with it. No indicator: days."""
    if indicator is not None and indicator.choices_of:
        return typed
    number = quantities.read(typed) if typed.strip() else None
    if number is None:
        return NOT_A_LIMIT
    return canonical(number) if isinstance(number, Decimal) else number.text


def faults(contract: Contract, terms: Terms, own: Requirement | None) -> Iterator[tuple[str, Text]]:
    """What is wrong with a requirement, each with the field that it stands at. `own`: the one that is changed."""
    if not terms.clause.strip():
        yield "clause", SAY_CLAUSE
    yield from _days_faults(contract, terms)
    if terms.indicator in DUTIES_TO_FILE:
        yield from _duty_faults(contract, terms, own)
        return
    found = [pair for pair in indicators(contract) if (pair[0].key, pair[1].key) == (terms.kind, terms.indicator)]
    if not found:
        yield "kind", NOT_REPORTED
        return
    kind, indicator = found[0]
    yield from _limit_faults(kind, indicator, "threshold", terms.threshold)
    yield from _step_faults(kind, indicator, terms)
    if terms.promised:
        yield from _limit_faults(kind, indicator, "promised", terms.promised)
        if not terms.promised_source.strip():
            yield "promised_source", SAY_SOURCE
    yield from _tolerance_faults(indicator, terms.tolerance)
    yield from _scope_faults(contract, kind, terms.scope)


def _days_faults(contract: Contract, terms: Terms) -> Iterator[tuple[str, Text]]:
    outside = OUTSIDE_CONTRACT.with_values(
        first=calendars.day_name(contract.starts_on), last=calendars.day_name(contract.ends_on)
    )
    if not contract.starts_on <= terms.valid_from <= contract.ends_on:
        yield "valid_from", outside
    if terms.valid_to is not None and terms.valid_to < terms.valid_from:
        yield "valid_to", ENDS_FIRST


def _duty_faults(contract: Contract, terms: Terms, own: Requirement | None) -> Iterator[tuple[str, Text]]:
    """What is to be filed: in days, judged by itself, once in a contract at a time."""
    if terms.window != Window.PERIOD:
        yield "window", ONLY_BY_PERIOD
    if terms.indicator != REPORTING_DUTY and not (
        terms.threshold.isascii() and terms.threshold.isdigit() and 1 <= int(terms.threshold) <= MOST_DAYS
    ):
        yield "threshold", NOT_DAYS.with_values(most=MOST_DAYS)
    again = [each for each in contract.requirements if each is not own and each.indicator == terms.indicator]
    if any(each.valid_to is None or terms.valid_from <= each.valid_to for each in again):
        yield "kind", ONCE_ONLY


def _limit_faults(kind: Kind, indicator: Indicator, place: str, threshold: str) -> Iterator[tuple[str, Text]]:
    try:
        number = limits.rank(kind, indicator, threshold)
    except KeyError:
        yield place, CHOOSE
        return
    except InvalidOperation:
        yield place, NOT_A_LIMIT
        return
    if indicator.aggregate == "share" and not 0 <= number <= forecasts.HUNDRED:
        yield place, NOT_A_SHARE
    elif number < 0:
        yield place, NEGATIVE


def _step_faults(kind: Kind, indicator: Indicator, terms: Terms) -> Iterator[tuple[str, Text]]:
    days = [day for day, _ in terms.steps]
    if len(set(days)) < len(days):
        yield "steps", STEP_TWICE
    for place, (day, threshold) in enumerate(terms.steps):
        if not terms.valid_from < day <= (terms.valid_to or date.max):
            yield f"step_from_{place}", STEP_OUTSIDE
        yield from _limit_faults(kind, indicator, f"step_threshold_{place}", threshold)


def _tolerance_faults(indicator: Indicator, tolerance: str) -> Iterator[tuple[str, Text]]:
    if not tolerance:
        return
    if indicator.breaks_by_line:
        yield "tolerance", NO_TOLERANCE
        return
    try:
        if Decimal(tolerance) < 0:
            yield "tolerance", NEGATIVE
    except InvalidOperation:
        yield "tolerance", NOT_A_LIMIT


def _scope_faults(contract: Contract, kind: Kind, scope: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Text]]:
    possible = scopes.possible(kind)
    known = {
        scopes.TYPES: set(scopes.types_of(kind)),
        scopes.SITES: {str(site_.public_id) for site_ in contract.sites},
        scopes.ORGANISATIONS: {str(each.public_id) for each in organisations(contract)},
    }
    for name, chosen in scope.items():
        if not chosen:
            continue
        if name not in possible:
            yield name, NO_SUCH_SCOPE.with_values(kind=kind.title)
        elif not set(chosen) <= known[name]:
            yield name, CHOOSE


def organisations(contract: Contract) -> list[Organisation]:
    """Whose machines and reports a requirement of a contract can be about: the supplier's, and others' there."""
    rows = select(Deployment).where(Deployment.contract_id == contract.id)
    owners = {row.machine.owner for row in db.session.scalars(rows).unique()}
    return sorted({contract.supplier, *owners}, key=lambda each: (each.id != contract.supplier_id, each.name))
