"""What the API says of each thing: one description, from which both the answers and their schema are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from portal.model import Contract, Organisation, RevisionLine

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
DAY: Schema = {"type": "string", "format": "date"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
ID: Schema = {"type": "string", "format": "uuid"}
COUNT: Schema = {"type": "integer"}
TEXTS: Schema = {"type": "array", "items": TEXT}
DECIMAL: Schema = {
    "type": "string",
    "pattern": r"^-?\d+(\.\d+)?$",
    "description": "A number, exact: read it as decimal.",
}


def or_null(schema: Schema) -> Schema:
    """The same, or nothing."""
    return {**schema, "type": [schema["type"], "null"]}


@dataclass(frozen=True)
class Field:
    """One thing that is said: its name, its schema, and where it is read."""

    name: str
    schema: Schema
    of: Callable[[Any], object]
    words: str = ""


@dataclass(frozen=True)
class Shape:
    """An object of the API."""

    name: str
    fields: tuple[Field, ...]

    def dump(self, row: object) -> dict[str, object]:
        """What is said of one row."""
        return {field.name: _plain(field.of(row)) for field in self.fields}

    def schema(self) -> dict[str, object]:
        """The JSON schema that every answer fits."""
        told = {
            field.name: {**field.schema, **({"description": field.words} if field.words else {})}
            for field in self.fields
        }
        return {"type": "object", "properties": told, "required": list(told), "additionalProperties": False}


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else value


def _party(of: Callable[[Contract], Organisation]) -> Callable[[Contract], object]:
    return lambda contract: {"number": of(contract).number, "name": of(contract).name}


def _values(line: RevisionLine) -> object:
    return {
        name: {"value": _text(said.get("value")), "unit": _text(said.get("unit")), "source": _text(said.get("source"))}
        for name, said in line.values.items()
        if isinstance(said, Mapping)
    }


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


_PARTY: Schema = {
    "type": "object",
    "properties": {"number": {"type": "string", "pattern": r"^\d{9}$"}, "name": TEXT},
    "required": ["number", "name"],
    "additionalProperties": False,
}
_VALUE: Schema = {
    "type": "object",
    "properties": {name: or_null(TEXT) for name in ("value", "unit", "source")},
    "required": ["value", "unit", "source"],
    "additionalProperties": False,
}

CONTRACT = Shape(
    "Contract",
    (
        Field("id", ID, lambda row: str(row.public_id)),
        Field("reference", TEXT, lambda row: row.reference, "The buyer's own number for it."),
        Field("title", TEXT, lambda row: row.title),
        Field("state", TEXT, lambda row: row.state.value),
        Field("starts_on", DAY, lambda row: row.starts_on),
        Field("ends_on", DAY, lambda row: row.ends_on),
        Field("buyer", _PARTY, _party(lambda row: row.buyer)),
        Field("supplier", _PARTY, _party(lambda row: row.supplier)),
        Field("kinds", TEXTS, lambda row: list(row.kinds), "The sections that its reports have."),
    ),
)

REPORT = Shape(
    "Report",
    (
        Field("id", ID, lambda row: str(row.public_id)),
        Field("contract", ID, lambda row: str(row.contract.public_id)),
        Field("starts_on", DAY, lambda row: row.period.starts_on),
        Field("ends_on", DAY, lambda row: row.period.ends_on),
        Field("state", TEXT, lambda row: row.state.value),
        Field("due_at", MOMENT, lambda row: row.due_at),
        Field(
            "revision",
            or_null(COUNT),
            lambda row: row.accepted_number,
            "Number of the approved revision in force; its lines and figures are those that are given.",
        ),
    ),
)

LINE = Shape(
    "Line",
    (
        Field("key", ID, lambda row: str(row.key)),
        Field("section", TEXT, lambda row: row.kind),
        Field(
            "values",
            {"type": "object", "additionalProperties": _VALUE},
            _values,
            "By column: what was reported, its unit, and how it was found.",
        ),
    ),
)

FIGURE = Shape(
    "Figure",
    (
        Field("section", TEXT, lambda row: row.kind),
        Field("indicator", TEXT, lambda row: row.indicator),
        Field("unit", TEXT, lambda row: row.unit),
        Field("numerator", or_null(DECIMAL), lambda row: row.numerator),
        Field("denominator", or_null(DECIMAL), lambda row: row.denominator, "Of a share; else nothing."),
        Field("factors", TEXTS, lambda row: list(row.factors), "Editions of the factors that it rests on."),
    ),
)

SHAPES = (CONTRACT, REPORT, LINE, FIGURE)
