"""The questions about a sanction clause, only those that its form needs, described as a kind's columns are."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import cast

from portal import amounts, calendars
from portal.calendars import Counting
from portal.kinds.base import Choice, Field, FieldType, Parsed
from portal.model import (
    REPORTING_DUTY,
    ChangeOrder,
    ClauseCounts,
    ClauseForm,
    Contract,
    DailyBase,
    DailyStart,
    Requirement,
    SanctionClause,
)
from portal.operations.cases import calculations
from portal.operations.cases.clauses import Terms, without_own
from portal.quantities import for_input
from portal.text import Text
from portal.web.languages import current_language

FORMS = {
    ClauseForm.FEE: Text("Gebyr for hvert brudd", "A fee for each breach"),
    ClauseForm.DAILY: Text("Dagmulkt: et beløp for hver dag", "A daily amount: an amount for each day"),
}
FORM_MEANS = {
    ClauseForm.FEE: Text(
        "Et fast beløp for hver periode med brudd, eller for hver linje i brudd.",
        "A fixed amount for each period with a breach, or for each line in breach.",
    ),
    ClauseForm.DAILY: Text(
        "Promille av kontraktsverdien eller et annet grunnlag, for hver dag bruddet varer.",
        "Per mille of the contract's value or another base, for each day that the breach lasts.",
    ),
}
_SMALLEST = Decimal("0.001")
_YES_NO = (Choice("no", Text("Nei", "No")), Choice("yes", Text("Ja, advarsel først", "Yes, a warning first")))
_DATE_HINT = Text("dd.mm.åååå, for eksempel 14.03.2026.", "dd.mm.yyyy, for example 14.03.2026.")
_ALL = Choice("all", Text("Alle krav uten egen bestemmelse", "All requirements without a clause of their own"))
ON_TIME = Text("Rapportere innen fristen", "Report in time")

VALID_FROM = Field(
    "valid_from", Text("Satsen gjelder fra", "The rate is in force from"), FieldType.DATE, hint=_DATE_HINT
)
ORDER = Field("change_order", Text("Avtalt i endringsordre", "Agreed in change order"), FieldType.CHOICE)
_FEE = Field(
    "rate",
    Text("Gebyr", "Fee"),
    FieldType.NUMBER,
    minimum=Decimal("0.01"),
    maximum=amounts.LARGEST,
)
_PER_MILLE = Field(
    "rate",
    Text("Sats per dag", "Rate per day"),
    FieldType.NUMBER,
    unit="‰",
    minimum=_SMALLEST,
    maximum=Decimal(100),
    hint=Text("1 ‰ av 100 millioner er 100 000.", "1 ‰ of 100 million is 100 000."),
)
_FIRST = (
    Field("clause", Text("Punkt i kontrakten", "Clause in the contract"), FieldType.TEXT, longest=60),
    Field(
        "wording",
        Text("Hva punktet sier", "What the clause says"),
        FieldType.TEXT,
        longest=4000,
        hint=Text("Skriv det av fra kontrakten.", "Copy it from the contract."),
    ),
    Field("requirement", Text("Gjelder", "Applies to"), FieldType.CHOICE, source="requirements"),
    Field("warns_first", Text("Advarsel før beløp", "Warning before amount"), FieldType.CHOICE, choices=_YES_NO),
)
_OF_FEE = (
    _FEE,
    VALID_FROM,
    Field(
        "counts",
        Text("Ett brudd er", "One breach is"),
        FieldType.CHOICE,
        choices=(
            Choice(ClauseCounts.PERIOD, Text("En periode med brudd", "A period with a breach")),
            Choice(ClauseCounts.LINE, Text("Hver linje i brudd", "Each line in breach")),
        ),
    ),
)
_OF_DAILY = (
    _PER_MILLE,
    VALID_FROM,
    Field(
        "base",
        Text("Grunnlag", "Base"),
        FieldType.CHOICE,
        choices=tuple(Choice(base, name) for base, name in calculations.BASES.items()),
    ),
    Field(
        "base_amount",
        Text("Fast grunnlag", "Fixed base"),
        FieldType.NUMBER,
        required=False,
        minimum=Decimal(0),
        maximum=amounts.LARGEST,
        hint=Text("Bare når grunnlaget er fast.", "Only when the base is fixed."),
    ),
    Field(
        "starts",
        Text("Løper fra", "Runs from"),
        FieldType.CHOICE,
        choices=(
            Choice(DailyStart.DEADLINE, Text("Dagen etter fristen", "The day after the deadline")),
            Choice(
                DailyStart.NOTICE,
                Text("Dagen etter at varselet fikk virkning", "The day after the notice took effect"),
            ),
        ),
    ),
    Field(
        "grace_days",
        Text("Dager som ikke koster noe", "Days that cost nothing"),
        FieldType.NUMBER,
        minimum=Decimal(0),
        maximum=Decimal(365),
        hint=Text("Skriv 0 når mulkten løper fra første dag.", "Write 0 when it runs from the first day."),
    ),
    Field(
        "day_counting",
        Text("Dager som teller", "Days that count"),
        FieldType.CHOICE,
        choices=(
            Choice(Counting.CALENDAR, Text("Alle dager", "All days")),
            Choice(
                Counting.WORKING,
                Text("Virkedager: ikke lørdager, søndager og helligdager", "Working days: no weekends or holidays"),
            ),
        ),
    ),
    Field(
        "least_per_day",
        Text("Minste beløp per dag", "Least amount per day"),
        FieldType.NUMBER,
        required=False,
        minimum=Decimal("0.01"),
        maximum=amounts.LARGEST,
    ),
    Field(
        "cap_days",
        Text("Høyst så mange dager", "At most so many days"),
        FieldType.NUMBER,
        required=False,
        minimum=Decimal(1),
        maximum=Decimal(3650),
    ),
    Field(
        "cap_percent",
        Text("Høyst så mye av grunnlaget", "At most so much of the base"),
        FieldType.NUMBER,
        unit="%",
        required=False,
        minimum=_SMALLEST,
        maximum=Decimal(100),
    ),
)


def fields(form: ClauseForm, contract: Contract, names: Mapping[int, Text], *, by_order: bool) -> tuple[Field, ...]:
    """The questions about a clause of this form. `names`: the contract's requirements in words, by number.

    `by_order`: a new one in a contract that runs, for a new requirement, by the change order that brought that.
    """
    own = tuple(
        Choice(str(duty.public_id), Text(f"{duty.clause} {name.nb}", f"{duty.clause} {name.en}"))
        for duty in (without_own(contract) if by_order else contract.requirements)
        if (name := names[duty.id])
    )
    first = (*_FIRST, ORDER.with_choices(_orders(contract))) if by_order else _FIRST
    every = (*first, *(_OF_DAILY if form == ClauseForm.DAILY else _OF_FEE))
    about = own if by_order else (_ALL, *own)
    return tuple(each.with_choices(about) if each.key == "requirement" else each for each in every)


def rate_fields(clause: SanctionClause) -> tuple[Field, ...]:
    """The questions about a new rate: how much, from when, and by which change order."""
    orders = _orders(clause.contract)
    rate = _PER_MILLE if clause.form == ClauseForm.DAILY else _FEE
    return (rate, VALID_FROM, *([ORDER.with_choices(orders)] if orders else []))


def order_of(contract: Contract, found: Mapping[str, Parsed]) -> ChangeOrder | None:
    """The change order that was chosen."""
    chosen = str(found.get("change_order") or "")
    return next((each for each in contract.change_orders if str(each.public_id) == chosen), None)


def _orders(contract: Contract) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(order.public_id), Text(f"{order.reference}: {order.reason}", f"{order.reference}: {order.reason}"))
        for order in contract.change_orders
    )


def terms(form: ClauseForm, contract: Contract, found: Mapping[str, Parsed]) -> Terms:
    """What was entered, as the operation takes it."""
    plain: dict[str, object] = {
        "clause": str(found["clause"]),
        "wording": str(found["wording"]),
        "requirement": _requirement(contract, str(found["requirement"])),
        "warns_first": found["warns_first"] == "yes",
        "rate": cast("Decimal", found["rate"]),
        "valid_from": cast("date", found["valid_from"]),
    }
    if form == ClauseForm.FEE:
        plain["counts"] = ClauseCounts(str(found["counts"]))
    else:
        names = ("base_amount", "grace_days", "least_per_day", "cap_days", "cap_percent")
        plain |= {name: found[name] for name in names}
        plain["base"] = DailyBase(str(found["base"]))
        plain["starts"] = DailyStart(str(found["starts"]))
        plain["day_counting"] = Counting(str(found["day_counting"]))
    return Terms(form=form, **plain)  # type: ignore[arg-type]


def filled(clause: SanctionClause) -> dict[str, str]:
    """A clause as the form shows it."""
    language, first = current_language(), clause.rates[0]
    numbers = {
        "rate": first.amount,
        "base_amount": clause.base_amount,
        "grace_days": Decimal(clause.grace_days),
        "least_per_day": clause.least_per_day,
        "cap_days": Decimal(clause.cap_days) if clause.cap_days is not None else None,
        "cap_percent": clause.cap_percent,
    }
    return {
        "clause": clause.clause,
        "wording": clause.wording,
        "requirement": str(clause.requirement.public_id) if clause.requirement else _ALL.key,
        "warns_first": "yes" if clause.warns_first else "no",
        "valid_from": calendars.as_typed(first.valid_from),
        "counts": clause.counts,
        "base": clause.base,
        "starts": clause.starts,
        "day_counting": clause.day_counting,
        **{name: "" if number is None else for_input(number, language) for name, number in numbers.items()},
    }


def name_of(duty: Requirement, title: Text | None) -> Text:
    """What a requirement is called in a list."""
    return ON_TIME if duty.indicator == REPORTING_DUTY or title is None else title


def _requirement(contract: Contract, key: str) -> Requirement | None:
    return next((duty for duty in contract.requirements if str(duty.public_id) == key), None)
