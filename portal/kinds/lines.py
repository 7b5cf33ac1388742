"""Lines as they are stored, and what they are checked and counted against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from portal.factors import Basis

Values: TypeAlias = Mapping[str, Mapping[str, str]]
"""A line as it is stored: field key → {"value": canonical text, "unit": …, "source": …}; what is empty is left out."""


@dataclass(frozen=True)
class Line:
    """One reported line: its key (never shown) and its values."""

    key: str
    values: Values

    def number(self, field_key: str) -> Decimal | None:
        """The number in a field, None when it is empty."""
        stored = self.values.get(field_key)
        return None if stored is None else Decimal(stored["value"])

    def text(self, field_key: str) -> str:
        """The text, choice key or ISO date in a field, "" when it is empty."""
        return self.values.get(field_key, {}).get("value", "")

    def day(self, field_key: str) -> date | None:
        """The day in a field, None when it is empty."""
        stored = self.text(field_key)
        return date.fromisoformat(stored) if stored else None

    def unit(self, field_key: str) -> str:
        """The unit a number was reported in."""
        return self.values.get(field_key, {}).get("unit", "")

    def source(self, field_key: str) -> str:
        """How a number came about (`PROVENANCE`)."""
        return self.values.get(field_key, {}).get("source", "")


class Unit(NamedTuple):
    """What the register knows of a machine or vehicle, and how many days of the period it stood on the contract."""

    type: str
    size: str
    days: int


@dataclass(frozen=True)
class Setting:
    """What lines are checked and counted against.

    `previous`: the lines of the period before; `older`: those of the periods before that, newest first. `others`: the
    lines of the report's other kinds, by the place they tell energy from (`Kind.tells`); a place that the contract
    does not ask for is not in it. `counted`:
    carrier → where its energy counts (`carriers.CountedFrom`); the key "" is for every carrier that is not named.
    `units`: line identity → what the register knows. `accepted`: carrier → what approved reports have counted so far
    over the whole contract, in the carrier's own unit; None where nobody asks.
    """

    starts_on: date
    ends_on: date
    basis: Basis
    previous: Sequence[Line] = ()
    older: Sequence[Sequence[Line]] = ()
    others: Mapping[str, Sequence[Line]] = field(default_factory=dict)
    counted: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    accepted: Mapping[str, Decimal] | None = None

    @property
    def history(self) -> tuple[Sequence[Line], ...]:
        """The lines of every period before that is known, newest first."""
        return tuple(lines for lines in (self.previous, *self.older) if lines)
