"""What was typed: as text that can be shown again, and what it means."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal

from portal import calendars, quantities
from portal.kinds.base import FieldType, Kind, Problem, Raw


def as_text(kind: Kind, raw: Mapping[str, Raw]) -> dict[str, str]:
    """What arrived, column by column, as text that reads back as the same value."""
    return {column.key: _text(raw[column.key]) for column in kind.columns if column.key in raw}


def meant(kind: Kind, column: str, text: str) -> object:
    """What a typed value means, so that 100 and 100,0 are the same; what means nothing is itself."""
    value = kind.column(column).parse(text)
    return text.strip() if isinstance(value, Problem) else value


def differing(kind: Kind, one: Mapping[str, str], other: Mapping[str, str], columns: Iterable[str]) -> list[str]:
    """Which of the columns mean something else in the other line."""
    pairs = ((key, one.get(key, ""), other.get(key, "")) for key in columns)
    return [
        key for key, before, after in pairs if before != after and meant(kind, key, before) != meant(kind, key, after)
    ]


def fingerprint(kind: Kind, raw: Mapping[str, str], columns: Collection[str]) -> str:
    """What these columns of a line mean, in short: alike for 100 and 100,0, other once somebody changed it."""
    said = {key: _shown_meaning(kind, key, raw.get(key, "")) for key in sorted(columns)}
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _shown_meaning(kind: Kind, key: str, text: str) -> str:
    column = kind.column(key)
    value = column.parse(text)
    if isinstance(value, Problem):
        # A drop-down shows nothing for what is none of its choices, and sends nothing.
        return "" if column.type is FieldType.CHOICE else text.strip()
    return _text(value)


def _text(value: Raw) -> str:
    if isinstance(value, Decimal):
        return quantities.for_input(value, "nb") if value.is_finite() else str(value)
    if isinstance(value, date):
        return calendars.as_typed(value)
    return "" if value is None else str(value)
