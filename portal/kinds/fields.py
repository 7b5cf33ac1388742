"""One column of a report: what it holds, and the one place where an entered value is read and checked."""

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Literal, TypeAlias

from portal import quantities
from portal.text import Text, repeated

Raw: TypeAlias = str | Decimal | date | bool | None
"""What arrives: text from a form or a file, or a typed cell from Excel or JSON."""

Parsed: TypeAlias = str | Decimal | date | None
"""What is meant: a text or choice key, a number, a day, or nothing."""

Severity: TypeAlias = Literal["error", "warning", "flag", "info"]
"""`error` stops submission, `warning` asks for a reason, `flag` is for the reviewer, `info` for everybody."""

LARGEST = Decimal(999_999_999)
"""No reported number is larger unless its field says so: a factor times it, summed, must stay within 64 bits."""

YEARS = range(1950, 2100)
"""The years a date may lie in; anything else is a slip of the keyboard."""


class FieldType(StrEnum):
    """What a field holds."""

    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    DATE = "date"


@dataclass(frozen=True)
class Choice:
    """One of the answers a CHOICE field allows; `unit` is the unit of the amounts that go with it."""

    key: str
    label: Text
    unit: str = ""


@dataclass(frozen=True)
class Problem:
    """What a check found: the rule that says so, words for the person, and where: field or column key, line key."""

    rule: str
    text: Text
    field: str = ""
    line: str = ""
    severity: Severity = "error"


PROVENANCE = (
    Choice("metered", Text("målt", "metered")),
    Choice("telematics", Text("telematikk", "telematics")),
    Choice("invoice", Text("faktura", "invoice")),
    Choice("estimate", Text("anslag", "estimate")),
    Choice("allocated", Text("fordelt", "allocated")),
    Choice("copied", Text("kopiert", "copied")),
)
"""How a figure came about; kept beside every value of a field with `provenance`.

`allocated`: a shared tank's or charger's amount, divided over the machines that used it by their hours.
"""

_SOURCE_LABEL = Text("Kilde", "Source")

_ORDERS_OF_DAY = (
    re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4}|\d{2})", re.ASCII),
    re.compile(r"(?P<day>\d{2})(?P<month>\d{2})(?P<year>\d{4})", re.ASCII),
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", re.ASCII),
)
_TURNS_TEXT_AROUND = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSTORABLE = frozenset({"Cc", "Cs"})
_LINE_BREAKS = re.compile(r"[\t\r\n]+")
_SLIPS = {
    "formula_text": (
        re.compile(r"=|[+\-@][^|]*\|", re.ASCII),
        Text(
            "«{value}» ser ut som en formel. Skriv verdien selv.",
            "“{value}” looks like a formula. Write the value itself.",
        ),
    ),
    "excel_error": (
        # In English and in Norwegian; it comes along when cells are pasted.
        re.compile(r"#(N/A|I/T|DIV/0!|GETTING_DATA|[A-ZÆØÅ]+[!?])$"),
        Text(
            "«{value}» er en feil fra Excel. Skriv riktig verdi.",
            "“{value}” is an error of Excel. Write the right value.",
        ),
    ),
}


@dataclass(frozen=True)
class Field:
    """One column that a person fills in. `parse` is the validation core: every way in calls it.

    `unit` is fixed, or `unit_from` names the CHOICE field whose chosen `Choice.unit` is the unit. `choices` are in rank
    order where rank means something; with `source` they come from the contract (`Kind.bound`). `minimum` and `maximum`
    are in the field's unit, `longest` in characters. `provenance` adds the column `<key>_source`; `identity` marks what
    is prefilled and locked in a template. `summed`: whether a sum over lines means anything.
    """

    key: str
    label: Text
    type: FieldType
    unit: str = ""
    unit_from: str = ""
    choices: tuple[Choice, ...] = ()
    source: str = ""
    required: bool = True
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    longest: int = 200
    provenance: bool = False
    identity: bool = False
    summed: bool = True
    hint: Text | None = None

    def parse(self, raw: Raw) -> Parsed | Problem:
        """The value meant by `raw`, None for an empty optional field, or the problem and how to mend it."""
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return self._empty()
        if isinstance(raw, bool):
            return self._problem("type", Text("sann/usann kan ikke stå her.", "true/false cannot stand here."))
        return self._slip(raw) or self._value(raw)

    def _value(self, raw: str | Decimal | date) -> Parsed | Problem:
        match self.type:
            case FieldType.NUMBER:
                return self._number(raw)
            case FieldType.CHOICE:
                return self._choice(raw)
            case FieldType.DATE:
                return self._date(raw)
            case FieldType.TEXT:
                return self._text(raw)

    def choice(self, key: str) -> Choice | None:
        """The choice with this key, if the field has it."""
        return self._choice_by_key.get(key)

    def rank(self, key: str) -> int:
        """Where a choice stands in the field's order, the lowest being 0. Raises KeyError for an unknown key."""
        return self._rank_by_key[key]

    def source_field(self, label: Text = _SOURCE_LABEL) -> "Field":
        """The derived column that says how this field's figure came about."""
        return Field(f"{self.key}_source", label, FieldType.CHOICE, choices=PROVENANCE, required=self.required)

    def with_choices(self, choices: tuple[Choice, ...]) -> "Field":
        """The same field with the contract's choices filled in."""
        return replace(self, choices=choices)

    @cached_property
    def _choice_by_key(self) -> dict[str, Choice]:
        return {choice.key: choice for choice in self.choices}

    @cached_property
    def _rank_by_key(self) -> dict[str, int]:
        return {choice.key: rank for rank, choice in enumerate(self.choices)}

    @cached_property
    def _keys_by_spelling(self) -> dict[str, frozenset[str]]:
        """Which choices a folded key or label may mean; more than one makes that spelling unclear."""
        found: dict[str, frozenset[str]] = {}
        for choice in self.choices:
            for spelling in {_folded(choice.label.nb), _folded(choice.label.en)}:
                found[spelling] = found.get(spelling, frozenset()) | {choice.key}
        return found | {_folded(choice.key): frozenset({choice.key}) for choice in self.choices}

    def _slip(self, raw: str | Decimal | date) -> Problem | None:
        """What no field takes: a formula, which others would calculate, or an error that Excel shows for a value."""
        if not isinstance(raw, str):
            return None
        code = _code(raw)
        for rule, (sign, words) in _SLIPS.items():
            if sign.match(code):
                return self._problem(rule, words.with_values(value=repeated(raw)))
        return None

    def _problem(self, rule: str, reason: Text) -> Problem:
        return Problem(rule, _joined(self.label, reason), self.key)

    def _empty(self) -> Problem | None:
        if not self.required:
            return None
        if self.type is FieldType.NUMBER:
            reason = Text("feltet er tomt. Skriv 0 hvis mengden er null.", "the field is empty. Write 0 if it is zero.")
        else:
            reason = Text("feltet er tomt. Fyll det ut.", "the field is empty. Fill it in.")
        return self._problem("required", reason)

    def _number(self, raw: str | Decimal | date) -> Decimal | Problem:
        if isinstance(raw, date):
            return self._problem("type", Text("dette er en dato. Skriv et tall.", "this is a date. Write a number."))
        number = quantities.read(raw) if isinstance(raw, str) else quantities.checked(raw)
        if isinstance(number, quantities.Unreadable):
            return self._problem(number.rule, number.text)
        maximum = LARGEST if self.maximum is None else self.maximum
        if self.minimum is not None and number < self.minimum:
            return self._limit("minimum", Text("kan ikke være mindre enn", "cannot be less than"), self.minimum)
        if number > maximum:
            return self._limit("maximum", Text("kan ikke være mer enn", "cannot be more than"), maximum)
        if number < -LARGEST:
            return self._limit("minimum", Text("kan ikke være mindre enn", "cannot be less than"), -LARGEST)
        return number

    def _limit(self, rule: str, words: Text, limit: Decimal) -> Problem:
        def reason(language: str) -> str:
            return f"{words.to(language)} {quantities.shown(limit, language)}\u00a0{self.unit}".rstrip() + "."

        return self._problem(rule, Text(reason("nb"), reason("en")))

    def _choice(self, raw: str | Decimal | date) -> str | Problem:
        written = _as_text(raw)
        if written in self._choice_by_key:
            return written
        known = self._keys_by_spelling
        keys = known.get(_folded(written), frozenset()) if len(written) <= self.longest else frozenset()
        if len(keys) == 1:
            return next(iter(keys))
        short = repeated(written)
        if keys:
            which = ", ".join(sorted(keys))
            unclear = Text(f"«{short}» kan bety flere: {which}.", f"“{short}” may mean several: {which}.")
            return self._problem("choice_unclear", unclear)
        reason = Text(
            f"«{short}» er ikke et av valgene. Velg fra listen.", f"“{short}” is not a choice. Pick from the list."
        )
        return self._problem("choice", reason)

    def _date(self, raw: str | Decimal | date) -> date | Problem:
        if isinstance(raw, datetime):
            raw = raw.date()
        day = raw if isinstance(raw, date) else _day(_as_text(raw).strip())
        if day is not None and day.year in YEARS:
            return day
        short = repeated(_as_text(raw))
        return self._problem(
            "date",
            Text(f"«{short}» er ikke en dato. Skriv dd.mm.åååå.", f"“{short}” is not a date. Write dd.mm.yyyy."),
        )

    def _text(self, raw: str | Decimal | date) -> str | Problem | None:
        text = _code(_as_text(raw)) if self.identity else _as_text(raw).strip()
        if not text:
            return self._empty()
        if not text.isprintable() and any(
            unicodedata.category(sign) in _UNSTORABLE or sign in _TURNS_TEXT_AROUND for sign in text
        ):
            reason = Text(
                "teksten har skjulte tegn eller linjeskift. Skriv den på nytt på én linje.",
                "the text has hidden signs or line breaks. Write it again on one line.",
            )
            return self._problem("text_signs", reason)
        if len(text) > self.longest:
            reason = Text(
                f"teksten har {len(text)} tegn. Kort den ned til {self.longest}.",
                f"the text has {len(text)} characters. Shorten it to {self.longest}.",
            )
            return self._problem("text_length", reason)
        return text


def _joined(label: Text, reason: Text) -> Text:
    return Text(f"{label.nb}: {reason.nb}", f"{label.en}: {reason.en}")


def _as_text(raw: str | Decimal | date) -> str:
    if isinstance(raw, Decimal):
        return quantities.canonical(raw) if raw.is_finite() else str(raw)
    return raw if isinstance(raw, str) else raw.isoformat()


def _code(text: str) -> str:
    """A code as it is compared and stored: compatibility forms folded, invisible signs gone, all on one line."""
    if text.isascii() and text.isprintable():
        return text.strip()
    folded = _LINE_BREAKS.sub(" ", unicodedata.normalize("NFKC", text))
    return "".join(sign for sign in folded if unicodedata.category(sign) != "Cf").strip()


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    return " ".join(_code(text).casefold().split())


def _day(text: str) -> date | None:
    for order in _ORDERS_OF_DAY:
        if found := order.fullmatch(text):
            year = int(found["year"])
            try:
                return date(year + 2000 if len(found["year"]) == 2 else year, int(found["month"]), int(found["day"]))  # noqa: PLR2004
            except ValueError:
                return None
    return None
