"""The facts of a contract, described once: its forms, its workbook and its import ask for these, and keep them so."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias, cast

from stdnum.no import orgnr

from portal.calendars import Counting, Frequency, Moves
from portal.kinds.base import Choice, Field, FieldType, Parsed, Problem, Raw
from portal.model import Contract, NoticeStart
from portal.text import LANGUAGES, Text, same

Values: TypeAlias = Mapping[str, Parsed]
"""Key of a fact -> what was entered."""
Check: TypeAlias = Callable[[str], Text | None]

YES = "yes"
YES_ONLY = (Choice(YES, Text("ja", "yes")),)
"""A field with this one choice is a tick in a form, and «ja» or nothing in a sheet."""
LARGEST_VALUE = Decimal(999_999_999_999)
_LIST = re.compile(r"\s*[,;]\s*")
_ZONES = {
    "NO": "Europe/Oslo",
    "SE": "Europe/Stockholm",
    "DK": "Europe/Copenhagen",
    "FI": "Europe/Helsinki",
}


@dataclass(frozen=True)
class Fact:
    """One fact: the field that reads it, and how it stands on the contract.

    `check` looks at a text more closely than the field does. `in_sheet`: whether the workbook has a column for it.
    """

    field: Field
    get: Callable[[Contract], Parsed]
    put: Callable[[Contract, Parsed], None]
    check: Check | None = None
    in_sheet: bool = True

    @property
    def key(self) -> str:
        """The field's key."""
        return self.field.key

    def read(self, raw: Raw) -> Parsed | Problem:
        """What is meant, or what is wrong with it."""
        value = self.field.parse(raw)
        if self.check is None or value is None or isinstance(value, Problem):
            return value
        reason = self.check(str(value))
        return value if reason is None else self.problem("form", reason)

    def problem(self, rule: str, reason: Text) -> Problem:
        """A problem at this fact, with its name before the reason."""
        return Problem(rule, Text(*(f"{self.field.label.to(of)}: {reason.to(of)}" for of in LANGUAGES)), self.key)


@dataclass(frozen=True)
class Part:
    """Facts that are asked for together, on one short page. `legend`: the question over a group of ticks."""

    key: str
    title: Text
    facts: tuple[Fact, ...]
    lead: Text
    legend: Text | None = None


# -- how facts stand on a contract -------------------------------------------------------------------------------------


def plain(field: Field, check: Check | None = None) -> Fact:
    """A text, day or amount in the column of the same name."""
    empty = "" if field.type is FieldType.TEXT else None

    def put(contract: Contract, value: Parsed) -> None:
        setattr(contract, field.key, empty if value is None else value)

    return Fact(field, lambda contract: getattr(contract, field.key) or None, put, check)


def counted_days(field: Field, without: int | None) -> Fact:
    """A whole number in the column of the same name; `without`: what stands there when nothing is entered."""

    def get(contract: Contract) -> Parsed:
        number = getattr(contract, field.key)
        return None if number is None or (number == without and not field.required) else Decimal(number)

    def put(contract: Contract, value: Parsed) -> None:
        setattr(contract, field.key, without if value is None else int(cast("Decimal", value)))

    return Fact(field, get, put, _whole)


def code(field: Field, codes: type[StrEnum]) -> Fact:
    """One of a list of codes in the column of the same name."""

    def put(contract: Contract, value: Parsed) -> None:
        setattr(contract, field.key, codes(str(value)))

    return Fact(field, lambda contract: str(getattr(contract, field.key)), put)


def ticked(field: Field, get: Callable[[Contract], bool], put: Callable[[Contract, bool], None]) -> Fact:
    """A yes or nothing."""
    return Fact(
        field,
        lambda contract: YES if get(contract) else None,
        lambda contract, value: put(contract, value == YES),
    )


def _identifiers(field: Field, scheme: str, check: Check | None) -> Fact:
    def get(contract: Contract) -> Parsed:
        return ", ".join(each["value"] for each in contract.identifiers or [] if each["scheme"] == scheme) or None

    def put(contract: Contract, value: Parsed) -> None:
        others = [each for each in contract.identifiers or [] if each["scheme"] != scheme]
        contract.identifiers = [*others, *({"scheme": scheme, "value": each} for each in listed(value))]

    return Fact(field, get, put, check)


def listed(value: Parsed) -> list[str]:
    """What stands in a list that was written with commas or semicolons, each once."""
    return list(dict.fromkeys(each for each in _LIST.split(str(value or "").strip()) if each))


def _each(pattern: re.Pattern[str], reason: Text) -> Check:
    def check(text: str) -> Text | None:
        wrong = next((each for each in listed(text) if not pattern.fullmatch(each)), None)
        return None if wrong is None else reason.with_values(value=wrong[:40])

    return check


def _whole(text: str) -> Text | None:
    whole = Decimal(text) == int(Decimal(text))
    return None if whole else Text("skriv et helt antall dager.", "write a whole number of days.")


def _time_of_day(text: str) -> Text | None:
    if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        return None
    return Text("skriv klokkeslettet slik: 12:00.", "write the time like this: 12:00.")


def _organisation(text: str) -> Text | None:
    if orgnr.is_valid(bare_number(text)):
        return None
    return Text(
        "dette er ikke et gyldig organisasjonsnummer. Det har ni sifre.",
        "this is not a valid organisation number. It has nine digits.",
    )


def bare_number(text: str) -> str:
    """An organisation number as it is kept: «NO 987 654 321 MVA» is nine digits."""
    return re.sub(r"[^0-9A-Z]", "", text.upper()).removeprefix("NO").removesuffix("MVA")


def _procedure(text: str) -> Text | None:
    for each in listed(text):
        try:
            sound = str(uuid.UUID(each)) == each.lower()
        except ValueError:
            sound = False
        if not sound:
            return Text(
                f"«{each[:40]}» er ikke en prosedyre-ID. Den ser slik ut: 34ce13de-399d-49e6-8beb-0ab6354edac4.",
                f"“{each[:40]}” is not a procedure ID. It looks like this: 34ce13de-399d-49e6-8beb-0ab6354edac4.",
            )
    return None


def _place(contract: Contract, value: Parsed) -> None:
    contract.country = str(value)
    contract.time_zone = _ZONES[str(value)]


def _cpv(contract: Contract, value: Parsed) -> None:
    contract.cpv = [each[:8] for each in listed(value)]


def _leave(contract: Contract, value: Parsed) -> None:
    """The supplier is another row: `agreements` finds or registers it."""


# -- the parts of a contract's facts -----------------------------------------------------------------------------------

_A_DAY = Text("dd.mm.åååå, for eksempel 14.03.2026.", "dd.mm.yyyy, for example 14.03.2026.")
_SEVERAL = Text("Flere skilles med komma.", "Separate several with commas.")

PARTIES = Part(
    "parties",
    Text("Kontrakten og partene", "The contract and its parties"),
    (
        plain(
            Field(
                "reference",
                Text("Kontraktsnummer", "Contract number"),
                FieldType.TEXT,
                longest=60,
                hint=Text("Deres eget nummer på kontrakten.", "Your own number for the contract."),
            )
        ),
        plain(Field("title", Text("Navn på kontrakten", "Name of the contract"), FieldType.TEXT, longest=200)),
        Fact(
            Field(
                "supplier_number",
                Text("Leverandørens organisasjonsnummer", "The supplier's organisation number"),
                FieldType.TEXT,
                longest=30,
                hint=Text("Ni sifre.", "Nine digits."),
            ),
            lambda contract: contract.supplier.number,
            _leave,
            _organisation,
        ),
        Fact(
            Field(
                "supplier_name",
                Text("Leverandørens navn", "The supplier's name"),
                FieldType.TEXT,
                required=False,
                longest=200,
                hint=Text(
                    "Bare når leverandøren er ny her. Da registrerer vi den.",
                    "Only when the supplier is new here. We then register it.",
                ),
            ),
            lambda contract: contract.supplier.name,
            _leave,
        ),
        plain(Field("starts_on", Text("Første dag", "First day"), FieldType.DATE, hint=_A_DAY)),
        plain(Field("ends_on", Text("Siste dag", "Last day"), FieldType.DATE, hint=_A_DAY)),
    ),
    Text("Hvem avtalen er med, og hvor lenge den varer.", "Whom the agreement is with, and how long it lasts."),
)

VALUE = Part(
    "value",
    Text("Verdi", "Value"),
    (
        plain(
            Field(
                "value",
                Text("Kontraktsverdi", "Contract value"),
                FieldType.NUMBER,
                required=False,
                minimum=Decimal(0),
                maximum=LARGEST_VALUE,
                hint=Text(
                    "Som signert, uten merverdiavgift. Må være med når en dagmulkt regnes av verdien.",
                    "As signed, without VAT. Needed when a daily amount is counted from the value.",
                ),
            )
        ),
        plain(
            Field(
                "currency",
                Text("Valuta", "Currency"),
                FieldType.CHOICE,
                choices=tuple(Choice(each, same(each)) for each in ("NOK", "SEK", "DKK", "EUR")),
            )
        ),
    ),
    Text("Det som ble avtalt da kontrakten ble signert.", "What was agreed when the contract was signed."),
)

REFERENCES = Part(
    "references",
    Text("Referanser", "References"),
    (
        _identifiers(
            Field(
                "doffin",
                same("Doffin"),
                FieldType.TEXT,
                required=False,
                hint=Text("Som 2026-123456. Flere skilles med komma.", "Like 2026-123456. Separate with commas."),
            ),
            "doffin",
            _each(
                re.compile(r"\d{4}-\d{5,6}"),
                Text("«{value}» ser ikke slik ut: 2026-123456.", "“{value}” does not look like 2026-123456."),
            ),
        ),
        _identifiers(
            Field(
                "ted",
                same("TED"),
                FieldType.TEXT,
                required=False,
                hint=Text("Som 123456-2026. Flere skilles med komma.", "Like 123456-2026. Separate with commas."),
            ),
            "ted",
            _each(
                re.compile(r"\d{1,8}-\d{4}"),
                Text("«{value}» ser ikke slik ut: 123456-2026.", "“{value}” does not look like 123456-2026."),
            ),
        ),
        _identifiers(
            Field(
                "procedure",
                Text("Prosedyre-ID i eForms", "Procedure ID in eForms"),
                FieldType.TEXT,
                required=False,
                hint=Text("36 tegn, fra kunngjøringen.", "36 characters, from the notice."),
            ),
            "procedure",
            _procedure,
        ),
        _identifiers(
            Field(
                "case_number",
                Text("Saksnummer i arkivet", "Case number in the archive"),
                FieldType.TEXT,
                required=False,
                longest=60,
                hint=Text("Som 2026/1234. Flere skilles med komma.", "Like 2026/1234. Separate with commas."),
            ),
            "case",
            None,
        ),
        Fact(
            Field(
                "cpv",
                Text("CPV-koder", "CPV codes"),
                FieldType.TEXT,
                required=False,
                hint=Text(
                    "Åtte sifre, som 45112000. Flere skilles med komma.",
                    "Eight digits, like 45112000. Separate with commas.",
                ),
            ),
            lambda contract: ", ".join(contract.cpv or []) or None,
            _cpv,
            _each(
                re.compile(r"\d{8}(-\d)?"),
                Text("«{value}» har ikke åtte sifre.", "“{value}” does not have eight digits."),
            ),
        ),
    ),
    Text("Hva kontrakten heter andre steder.", "What the contract is called elsewhere."),
)

DEADLINES = Part(
    "deadlines",
    Text("Rapportering og frister", "Reporting and deadlines"),
    (
        code(
            Field(
                "frequency",
                Text("Hvor ofte det rapporteres", "How often reports are due"),
                FieldType.CHOICE,
                choices=(
                    Choice(Frequency.MONTH, Text("hver måned", "each month")),
                    Choice(Frequency.TWO_MONTHS, Text("annenhver måned", "every two months")),
                    Choice(Frequency.QUARTER, Text("hvert kvartal", "each quarter")),
                    Choice(Frequency.HALF_YEAR, Text("hvert halvår", "each half-year")),
                    Choice(Frequency.YEAR, Text("hvert år", "each year")),
                ),
            ),
            Frequency,
        ),
        plain(
            Field(
                "reporting_clause",
                Text("Punkt i kontrakten", "Clause of the contract"),
                FieldType.TEXT,
                longest=60,
                hint=Text("Punktet som sier at det skal rapporteres.", "The clause that says that reports are due."),
            )
        ),
        counted_days(
            Field(
                "due_days",
                Text("Dager etter periodens slutt", "Days after the end of the period"),
                FieldType.NUMBER,
                minimum=Decimal(0),
                maximum=Decimal(365),
                hint=Text("Så mange dager er fristen.", "That many days are the time to report."),
            ),
            10,
        ),
        code(
            Field(
                "due_counting",
                Text("Hvilke dager teller", "Which days count"),
                FieldType.CHOICE,
                choices=(
                    Choice(Counting.WORKING, Text("virkedager", "working days")),
                    Choice(Counting.CALENDAR, Text("alle dager", "all days")),
                ),
            ),
            Counting,
        ),
        code(
            Field(
                "due_moves",
                Text("Fristen faller på en helg eller helligdag", "The deadline falls on a weekend or a holiday"),
                FieldType.CHOICE,
                choices=(
                    Choice(Moves.FORWARD, Text("flyttes til neste virkedag", "moves to the next working day")),
                    Choice(Moves.BACK, Text("flyttes til virkedagen før", "moves to the working day before")),
                    Choice(Moves.STAY, Text("blir stående", "stays")),
                ),
            ),
            Moves,
        ),
        plain(
            Field(
                "due_time",
                Text("Klokkeslett på siste dag", "Time on the last day"),
                FieldType.TEXT,
                required=False,
                longest=5,
                hint=Text("Som 12:00. Tomt: ut dagen.", "Like 12:00. Empty: the whole day."),
            ),
            _time_of_day,
        ),
        Fact(
            Field(
                "country",
                Text("Helligdager i", "Public holidays of"),
                FieldType.CHOICE,
                choices=(
                    Choice("NO", Text("Norge", "Norway")),
                    Choice("SE", Text("Sverige", "Sweden")),
                    Choice("DK", Text("Danmark", "Denmark")),
                    Choice("FI", Text("Finland", "Finland")),
                ),
            ),
            lambda contract: contract.country,
            _place,
        ),
    ),
    Text("Fristen for hver rapport følger av disse reglene.", "The deadline of each report follows from these rules."),
)


def _unattended(contract: Contract, value: bool) -> None:  # noqa: FBT001 - the value that is put
    contract.unattended_review = value


NOTICES = Part(
    "notices",
    Text("Varsel og kontroll", "Notices and review"),
    (
        counted_days(
            Field(
                "reply_working_days",
                Text("Frist for tilsvar", "Time to reply to a notice"),
                FieldType.NUMBER,
                unit="virkedager",
                minimum=Decimal(1),
                maximum=Decimal(120),
            ),
            10,
        ),
        code(
            Field(
                "notice_starts",
                Text("Et varsel regnes som gitt", "A notice counts as given"),
                FieldType.CHOICE,
                choices=(
                    Choice(NoticeStart.DELIVERED, Text("når det er levert", "when it is delivered")),
                    Choice(NoticeStart.OPENED, Text("når det er åpnet", "when it is opened")),
                    Choice(
                        NoticeStart.DEEMED,
                        Text("et antall virkedager etter at det er sendt", "some working days after it was sent"),
                    ),
                ),
            ),
            NoticeStart,
        ),
        counted_days(
            Field(
                "deemed_working_days",
                Text("Virkedager etter sending", "Working days after it was sent"),
                FieldType.NUMBER,
                required=False,
                minimum=Decimal(0),
                maximum=Decimal(60),
                hint=Text("Bare når det er slik varselet regnes.", "Only when that is how the notice counts."),
            ),
            0,
        ),
        counted_days(
            Field(
                "notice_working_days",
                Text("Oppdragsgivers frist for å varsle", "The buyer's time to give notice"),
                FieldType.NUMBER,
                required=False,
                minimum=Decimal(1),
                maximum=Decimal(120),
                hint=Text(
                    "Virkedager fra dere ble kjent med bruddet. Tomt når kontrakten ikke setter noen.",
                    "Working days from when you learnt of the breach. Empty when the contract sets none.",
                ),
            ),
            None,
        ),
        ticked(
            Field(
                "unattended_review",
                Text(
                    "En rapport uten brudd og advarsler kan godkjennes uten at noen ser på den",
                    "A report without breach or warning may be approved without a person",
                ),
                FieldType.CHOICE,
                choices=YES_ONLY,
                required=False,
            ),
            lambda contract: contract.unattended_review,
            _unattended,
        ),
    ),
    Text("Fristene når noe ikke er som avtalt.", "The deadlines when something is not as agreed."),
)

ENDS_FIRST = Text("siste dag kan ikke være før første dag.", "the last day cannot be before the first.")
SAY_HOW_MANY = Text("skriv hvor mange virkedager.", "write how many working days.")


def faults(values: Values) -> Iterator[Problem]:
    """What does not go together in facts of one part, or of all; what is not entered is not looked at."""
    starts_on, ends_on = values.get("starts_on"), values.get("ends_on")
    if isinstance(starts_on, date) and isinstance(ends_on, date) and ends_on < starts_on:
        yield _of(PARTIES, "ends_on").problem("order", ENDS_FIRST)
    if values.get("notice_starts") == NoticeStart.DEEMED and not values.get("deemed_working_days"):
        yield _of(NOTICES, "deemed_working_days").problem("deemed", SAY_HOW_MANY)


def _of(part: Part, key: str) -> Fact:
    return next(fact for fact in part.facts if fact.key == key)


def put(contract: Any, facts: tuple[Fact, ...], values: Values) -> dict[str, list[str]]:
    """Write what was entered on the contract. Returns what changed: key -> before and after, as text."""
    changed: dict[str, list[str]] = {}
    for fact in facts:
        before = fact.get(contract)
        fact.put(contract, values.get(fact.key))
        after = fact.get(contract)
        if before != after:
            changed[fact.key] = [_as_text(before), _as_text(after)]
    return changed


def _as_text(value: Parsed) -> str:
    return "" if value is None else value.isoformat() if isinstance(value, date) else str(value)
