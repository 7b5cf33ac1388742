"""A kind of report: one description from which form, grid, Excel, JSON, diff and export are all drawn."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias, cast

from portal import calendars, quantities
from portal.kinds.faults import faults
from portal.kinds.fields import (
    PROVENANCE,
    Choice,
    Field,
    FieldType,
    Parsed,
    Problem,
    Raw,
    Severity,
)
from portal.kinds.indicators import Aggregate, Comparison, Definition, Indicator, Measure, Measures, Tally, missing
from portal.kinds.lines import Line, Setting, Unit, Values
from portal.kinds.rules import Hit, Parameter, Rule
from portal.kinds.stored import dumped, field_from, indicator_from, rule_from
from portal.text import Text

__all__ = [
    "PROVENANCE",
    "Aggregate",
    "Checker",
    "Choice",
    "Comparison",
    "Definition",
    "Field",
    "FieldType",
    "Function",
    "Hit",
    "Indicator",
    "Kind",
    "Line",
    "Measure",
    "Measurer",
    "Measures",
    "Parameter",
    "Parsed",
    "Problem",
    "Raw",
    "Reading",
    "Rule",
    "Setting",
    "Severity",
    "Tally",
    "Unit",
    "UnknownFunction",
    "Values",
    "missing",
]

NO_BREAK_SPACE = "\u00a0"
_SOURCE = "_source"


class Reading(NamedTuple):
    """One line as read: what can be stored, and what is wrong."""

    values: dict[str, dict[str, str]]
    problems: tuple[Problem, ...]


Checker: TypeAlias = Callable[["Kind", Sequence[Line], Setting, Mapping[str, Decimal]], Iterable[Hit]]
"""Finds where a rule strikes, given the rule's parameters in force on the period's last day."""
Measurer: TypeAlias = Callable[["Kind", Sequence[Line], Setting], Mapping[str, list[Measure]]]
Function: TypeAlias = Checker | Measurer
"""A named, versioned extension (`machinery.measures@1`): never edited once a report rests on it, only added to."""


class UnknownFunction(LookupError):
    """A kind names an extension function that this installation does not have."""


@dataclass(frozen=True)
class Kind:
    """A description of what is reported and how it is counted. Serialisable; the same for built-in and own kinds.

    `tells`: from which place its lines tell energy (`carriers.CountedFrom`); "" when they tell none.
    `measures` and each rule name an extension function; `functions` (no part of it) is where they are found.
    """

    key: str
    title: Text
    fields: tuple[Field, ...]
    indicators: tuple[Indicator, ...] = ()
    measures: str = "general.measures@1"
    rules: tuple[Rule, ...] = ()
    tells: str = ""
    functions: Mapping[str, Function] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        fault = next(
            faults(
                self.key,
                self.title,
                fields=self.fields,
                columns=self.columns,
                indicators=self.indicators,
                rules=self.rules,
            ),
            None,
        )
        if fault:
            raise ValueError(f"kind {self.key!r}: {fault}")

    # What there is

    @cached_property
    def columns(self) -> tuple[Field, ...]:
        """Every column of every surface, in order: the fields, each `provenance` field followed by its source."""
        with_source = [each for each in self.fields if each.provenance]
        columns: list[Field] = []
        for each in self.fields:
            columns.append(each)
            if each.provenance:
                columns.append(each.source_field() if len(with_source) == 1 else each.source_field(_source_of(each)))
        return tuple(columns)

    def column(self, key: str) -> Field:
        """A column by its key. Raises KeyError."""
        return self._column_by_key[key]

    def indicator(self, key: str) -> Indicator:
        """An indicator by its key. Raises KeyError."""
        return self._indicator_by_key[key]

    def bound(self, choices: Mapping[str, tuple[Choice, ...]]) -> "Kind":
        """The same kind with the contract's own choices (source → choices) filled in; its description is unchanged."""
        fields = tuple(
            each.with_choices(choices[each.source]) if each.source in choices else each for each in self.fields
        )
        return replace(self, fields=fields)

    # In and out

    def read(self, raw: Mapping[str, Raw]) -> Reading:
        """Read one line from column key → what was entered. Keys that are no columns are ignored."""
        values: dict[str, dict[str, str]] = {}
        problems: list[Problem] = []
        for each in self.fields:
            found = each.parse(raw.get(each.key))
            if isinstance(found, Problem):
                problems.append(found)
            elif found is not None:
                values[each.key] = {"value": _canonical(found)}
            if each.provenance and not _is_empty(found):
                self._read_source(each.key, raw, values, problems)
        for key, stored in values.items():
            if unit := self.unit(key, values):
                stored["unit"] = unit
        return Reading(values, tuple(problems))

    def unit(self, column_key: str, values: Values) -> str:
        """The unit of a column on a line: its own, or that of the chosen carrier; "" while none is chosen."""
        column = self.column(column_key)
        if not column.unit_from:
            return column.unit
        chosen = self.column(column.unit_from).choice(values.get(column.unit_from, {}).get("value", ""))
        return chosen.unit if chosen else ""

    def flat(self, values: Values) -> dict[str, str]:
        """Column key → canonical text, for machines; "" where nothing is stored."""
        return {column.key: _stored(column.key, values) for column in self.columns}

    def typed(self, values: Values) -> dict[str, Parsed]:
        """Column key → typed value, as a cell of Excel or JSON; `read` gives the same line back."""
        return {column.key: _typed(column, _stored(column.key, values)) for column in self.columns}

    def inputs(self, values: Values, language: str) -> dict[str, str]:
        """Column key → text as a person would type it; `read` gives the same line back."""
        return {key: _as_input(value, language) for key, value in self.typed(values).items()}

    def display(self, column_key: str, values: Values, language: str) -> str:
        """A value for people: label of a choice, number with its unit, date as dd.mm.yyyy; "" when empty."""
        column = self.column(column_key)
        value = _typed(column, _stored(column_key, values))
        if isinstance(value, Decimal):
            unit = values[column_key].get("unit", "")
            return f"{quantities.shown(value, language)}{NO_BREAK_SPACE}{unit}".rstrip()
        if column.type is FieldType.CHOICE and isinstance(value, str):
            chosen = column.choice(value)
            return chosen.label.to(language) if chosen else value
        return _as_input(value, language)

    def words(self, column_key: str, values: Values) -> Text:
        """`display` in every language, to be part of a sentence."""
        return Text(self.display(column_key, values, "nb"), self.display(column_key, values, "en"))

    def line_name(self, line: Line, place: int) -> Text:
        """What a line is called: its identity in words, else its place on the list."""
        identity = next((field for field in self.fields if field.identity), None)
        if identity is not None and line.text(identity.key):
            return self.words(identity.key, line.values)
        return Text(f"Linje {place}", f"Line {place}")

    def line_words(self, line: Line) -> Text:
        """What a line says beside its name, in one sentence."""
        given = [self.words(each.key, line.values) for each in self.fields if not each.identity and line.text(each.key)]
        return Text(", ".join(each.nb for each in given), ", ".join(each.en for each in given))

    # Checked and counted

    def check(self, lines: Sequence[Line], setting: Setting) -> tuple[Problem, ...]:
        """What the rules find in lines that were read without problems (empty fields are allowed)."""
        return tuple(
            Problem(f"{self.key}.{rule.key}", rule.text.with_values(**hit.values), hit.field, hit.line, rule.severity)
            for rule in self.rules
            for hit in cast("Checker", self._function(rule.function))(
                self, lines, setting, rule.parameters_on(setting.ends_on)
            )
        )

    def measure(self, lines: Sequence[Line], setting: Setting) -> dict[str, list[Measure]]:
        """Line key → additive measures; every line has an entry."""
        measured = cast("Measurer", self._function(self.measures))(self, lines, setting)
        return {line.key: list(measured.get(line.key, ())) for line in lines}

    def figure(self, indicator_key: str, measures: Measures, threshold: Decimal | str | None = None) -> Tally:
        """An indicator over measures. A threshold of a stage is the key of the choice."""
        indicator = self.indicator(indicator_key)
        order = [choice.key for choice in self.column(indicator.choices_of).choices] if indicator.choices_of else []
        return indicator.figure(measures, threshold, order)

    # Stored

    def dump(self) -> dict[str, Any]:
        """As JSON. Choices that come from the contract are no part of it; what has its default is left out."""
        described = self.bound({each.source: () for each in self.fields if each.source})
        return {
            "key": self.key,
            "title": self.title.dump(),
            "fields": [dumped(each) for each in described.fields],
            "indicators": [dumped(each) for each in self.indicators],
            "measures": self.measures,
            "rules": [dumped(each) for each in self.rules],
            "tells": self.tells,
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any], functions: Mapping[str, Function] | None = None) -> "Kind":
        """Back from `dump`, with the installation's extension functions (`portal.kinds.load` gives them)."""
        return cls(
            key=stored["key"],
            title=Text.load(stored["title"]),
            fields=tuple(field_from(each) for each in stored["fields"]),
            indicators=tuple(indicator_from(each) for each in stored["indicators"]),
            measures=stored["measures"],
            rules=tuple(rule_from(each) for each in stored["rules"]),
            tells=stored["tells"],
            functions=functions or {},
        )

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the description: the version that a contract pins."""
        canonical = json.dumps(self.dump(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @cached_property
    def _column_by_key(self) -> dict[str, Field]:
        return {column.key: column for column in self.columns}

    @cached_property
    def _indicator_by_key(self) -> dict[str, Indicator]:
        return {indicator.key: indicator for indicator in self.indicators}

    @cached_property
    def _sources(self) -> dict[str, Field]:
        """The source columns beside a figure that is given: even an optional figure needs its source then."""
        given = (each for each in self.fields if each.provenance)
        return {each.key: replace(self.column(each.key + _SOURCE), required=True) for each in given}

    def _read_source(
        self, key: str, raw: Mapping[str, Raw], values: dict[str, dict[str, str]], problems: list[Problem]
    ) -> None:
        source = self._sources[key].parse(raw.get(key + _SOURCE))
        if _is_empty(source) and values.get(key, {}).get("value") == "0":
            return  # nothing was used: there is nothing that could have been measured or invoiced
        if isinstance(source, Problem):
            problems.append(source)
        elif key in values:
            values[key]["source"] = str(source)

    def _function(self, name: str) -> Function:
        try:
            return self.functions[name]
        except KeyError:
            raise UnknownFunction(f"kind {self.key!r} names {name!r}, which is not here") from None


def _source_of(each: Field) -> Text:
    return Text(f"Kilde: {each.label.nb}", f"Source: {each.label.en}")


def _stored(column_key: str, values: Values) -> str:
    if column_key in values:
        return values[column_key].get("value", "")
    return values.get(column_key.removesuffix(_SOURCE), {}).get("source", "") if column_key.endswith(_SOURCE) else ""


def _canonical(value: str | Decimal | date) -> str:
    if isinstance(value, Decimal):
        return quantities.canonical(value)
    return value if isinstance(value, str) else value.isoformat()


def _typed(column: Field, stored: str) -> Parsed:
    if not stored:
        return None
    if column.type is FieldType.NUMBER:
        return Decimal(stored)
    return date.fromisoformat(stored) if column.type is FieldType.DATE else stored


def _as_input(value: Parsed, language: str) -> str:
    if isinstance(value, Decimal):
        return quantities.for_input(value, language)
    if isinstance(value, date):
        return calendars.as_typed(value)
    return value or ""


def _is_empty(found: Parsed | Problem) -> bool:
    return found is None or (isinstance(found, Problem) and found.rule == "required")
