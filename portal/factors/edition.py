"""Published tables of emission factors, as data files that are added and never edited."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from portal.text import Text

EDITIONS = Path(__file__).parent / "editions"

Boundary: TypeAlias = Literal["TTW", "WTT", "WTW"]
"""Tank to wheel (direct, at the machine), well to tank (before it), well to wheel (both)."""

Gas: TypeAlias = Literal["CO2", "CO2e"]

_MEGAJOULES_PER_KWH = Decimal("3.6")
_GRAMS_PER_KG = Decimal(1000)
_NO_NOTE = Text("", "")


@dataclass(frozen=True)
class Factor:
    """What one unit of a carrier emits and holds.

    `value`: kg of the edition's gas per `unit`; biogenic CO2 is never in it but apart in `biogenic` (kg per unit, None
    where the source does not say). `energy`: kWh per unit, lower heating value, None where the source gives none.
    `blended`: the figure is for the fuel as sold, with its share of biofuel. `doubtful`: the source leaves the figure
    in doubt, `note` says why.
    """

    id: str
    carrier: str
    unit: str
    value: Decimal
    energy: Decimal | None = None
    biogenic: Decimal | None = None
    doubtful: bool = False
    blended: bool = False
    note: Text = _NO_NOTE


@dataclass(frozen=True)
class Edition:
    """One published table. `valid_from` and `valid_to` are the time the publisher meant it for; None is open."""

    key: str
    title: Text
    publisher: str
    year: int
    source: str
    geography: str
    boundary: Boundary
    gas: Gas
    gwp: str
    valid_from: date | None
    valid_to: date | None
    factors: tuple[Factor, ...]
    note: Text = _NO_NOTE

    def factor(self, carrier: str, unit: str = "", *, allow_doubtful: bool = False) -> Factor | None:
        """The figure for a carrier in `unit` (any unit when empty). A doubtful figure only when asked for."""
        found = self._by_carrier.get((carrier, unit)) if unit else self._first_by_carrier.get(carrier)
        return None if found is None or (found.doubtful and not allow_doubtful) else found

    @property
    def unit(self) -> str:
        """What its emissions are counted in: `kg CO2` or `kg CO2e`, two things that are never added."""
        return f"kg {self.gas}"

    @cached_property
    def _by_carrier(self) -> dict[tuple[str, str], Factor]:
        return {(factor.carrier, factor.unit): factor for factor in self.factors}

    @cached_property
    def _first_by_carrier(self) -> dict[str, Factor]:
        return {factor.carrier: factor for factor in reversed(self.factors)}


def editions() -> tuple[Edition, ...]:
    """Every edition that ships, by key."""
    return tuple(_shipped().values())


def edition(key: str) -> Edition:
    """The edition with this key. Raises KeyError."""
    return _shipped()[key]


@cache
def _shipped() -> dict[str, Edition]:
    read = (_edition(json.loads(file.read_text(encoding="utf-8"))) for file in sorted(EDITIONS.glob("*.json")))
    return {shipped.key: shipped for shipped in read}


def _edition(stored: Mapping[str, Any]) -> Edition:
    return Edition(
        key=stored["key"],
        title=Text.load(stored["title"]),
        publisher=stored["publisher"],
        year=stored["year"],
        source=stored["source"],
        geography=stored["geography"],
        boundary=cast("Boundary", stored["boundary"]),
        gas=cast("Gas", stored["gas"]),
        gwp=stored["gwp"],
        valid_from=_day(stored["valid_from"]),
        valid_to=_day(stored["valid_to"]),
        factors=tuple(_factor(stored["key"], figures) for figures in stored["factors"]),
        note=Text.load(stored["note"]) if "note" in stored else _NO_NOTE,
    )


def _factor(edition_key: str, figures: Mapping[str, Any]) -> Factor:
    """The files keep each figure as its source prints it: grams or kg, MJ, kWh, or density and kWh per kg."""
    return Factor(
        id=f"{edition_key}/{figures['carrier']}/{figures['unit']}",
        carrier=figures["carrier"],
        unit=figures["unit"],
        value=Decimal(figures["kg"]) if "kg" in figures else Decimal(figures["g"]) / _GRAMS_PER_KG,
        energy=_energy(figures),
        biogenic=Decimal(figures["biogenic"]) if "biogenic" in figures else None,
        doubtful=figures.get("doubtful", False),
        blended=figures.get("blended", False),
        note=Text.load(figures["note"]) if "note" in figures else _NO_NOTE,
    )


def _energy(figures: Mapping[str, Any]) -> Decimal | None:
    if "kwh" in figures:
        return Decimal(figures["kwh"])
    if "mj" in figures:
        return Decimal(figures["mj"]) / _MEGAJOULES_PER_KWH
    if "kwh_per_kg" in figures:
        return Decimal(figures["kwh_per_kg"]) * Decimal(figures.get("density", "1"))
    return None


def _day(stored: str | None) -> date | None:
    return None if stored is None else date.fromisoformat(stored)
