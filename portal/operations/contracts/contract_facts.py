"""The facts of a contract, described once: its forms, its workbook and its import ask for these, and keep them so."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias, cast

from portal import amounts
from portal.kinds.base import Choice, Field, FieldType, Parsed, Problem, Raw
from portal.model import Contract
from portal.text import LANGUAGES, Text

Values: TypeAlias = Mapping[str, Parsed]
"""Key of a fact -> what was entered."""
Check: TypeAlias = Callable[[str], Text | None]

YES = "yes"
YES_ONLY = (Choice(YES, Text("ja", "yes")),)
"""A field with this one choice is a tick in a form, and «ja» or nothing in a sheet."""
LARGEST_VALUE = amounts.LARGEST
_LIST = re.compile(r"\s*[,;]\s*")


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
    """Facts that are asked for together, on one short page. `legend`: the question over a group of ticks.

    `rare`: the title under which the facts that may be empty stand folded, where few contracts need them.
    """

    key: str
    title: Text
    facts: tuple[Fact, ...]
    lead: Text
    legend: Text | None = None
    rare: Text | None = None

    def fact(self, key: str) -> Fact:
        """The fact with this key."""
        return next(fact for fact in self.facts if fact.key == key)


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


def listed(value: Parsed) -> list[str]:
    """What stands in a list that was written with commas or semicolons, each once."""
    return list(dict.fromkeys(each for each in _LIST.split(str(value or "").strip()) if each))


def _whole(text: str) -> Text | None:
    whole = Decimal(text) == int(Decimal(text))
    return None if whole else Text("skriv et helt antall dager.", "write a whole number of days.")


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
