"""How much of the energy delivered to a machine does work: published tables, as data files, added and never edited.

No table ships: none was found whose source, date and field of use stand up. A contract without one cannot compute
energy at the machine, and says so.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from portal.text import Text

TABLES = Path(__file__).parent / "efficiencies"


@dataclass(frozen=True)
class Efficiency:
    """One published table: carrier → the share (0 to 1) of the delivered energy that reaches the machine's work."""

    key: str
    title: Text
    publisher: str
    year: int
    source: str
    valid_from: date
    shares: Mapping[str, Decimal] = field(hash=False)


def efficiencies() -> tuple[Efficiency, ...]:
    """Every table that this installation has, by key."""
    return tuple(_kept().values())


def efficiency(key: str) -> Efficiency:
    """The table with this key. Raises KeyError."""
    return _kept()[key]


def read(stored: Mapping[str, Any]) -> Efficiency:
    """A table from its file's JSON. Raises ValueError for a share outside 0 to 1."""
    shares = {carrier: Decimal(share) for carrier, share in stored["shares"].items()}
    if wrong := [carrier for carrier, share in shares.items() if not 0 < share <= 1]:
        raise ValueError(f"{stored['key']}: an efficiency lies between 0 and 1: {', '.join(wrong)}")
    return Efficiency(
        key=stored["key"],
        title=Text.load(stored["title"]),
        publisher=stored["publisher"],
        year=stored["year"],
        source=stored["source"],
        valid_from=date.fromisoformat(stored["valid_from"]),
        shares=shares,
    )


@cache
def _kept() -> dict[str, Efficiency]:
    tables = (read(json.loads(file.read_text(encoding="utf-8"))) for file in sorted(TABLES.glob("*.json")))
    return {table.key: table for table in tables}
