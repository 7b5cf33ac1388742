"""Holds what was delivered and metered against what was used: the same energy told twice, which may differ a little.

Nothing here counts; it only compares, in the carrier's own unit, and the difference asks for a reason.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from portal.kinds.base import Line, Parameter
from portal.kinds.carriers import counted_from
from portal.kinds.checks import ALWAYS, OURS

TOLERANCE = Parameter("tolerance", Decimal("0.10"), ALWAYS, OURS)
"""By what share of the larger of the two they may differ without a word."""

MACHINES = "machines"
"""The purpose, on a meter, of what the machines used: those lines tell the machines' own amounts again."""
SITE = "site"
"""Where a vehicle was filled, when it was from the site's own tank or charger."""


class Difference(NamedTuple):
    """One carrier: what this kind reports, what the others report, and by what share of the larger they differ."""

    carrier: str
    own: Decimal
    other: Decimal
    share: Decimal


def used(others: Mapping[str, Sequence[Line]]) -> dict[str, Decimal]:
    """Carrier → what machines, and vehicles filled on the site, report to have used."""
    return _summed([line for line in others.get("use", ()) if line.text("filled") in {"", SITE}], "carrier")


def metered(lines: Sequence[Line], *, for_machines: bool) -> dict[str, Decimal]:
    """Carrier → what meters say the machines got, or all else got."""
    return _summed([line for line in lines if (line.text("purpose") == MACHINES) == for_machines], "carrier")


def untold(
    own: Mapping[str, Decimal], other: Mapping[str, Decimal], counted: Mapping[str, str], place: str
) -> list[tuple[str, Decimal]]:
    """Carriers that count from `place`, where nothing of them is told, though others tell that they were used."""
    return [
        (carrier, amount)
        for carrier, amount in other.items()
        if amount and not own.get(carrier) and counted_from(counted, carrier) == place
    ]


def differences(own: Mapping[str, Decimal], other: Mapping[str, Decimal], tolerance: Decimal) -> list[Difference]:
    """The carriers of `own` that the others tell otherwise by more than the tolerance."""
    found = []
    for carrier, amount in own.items():
        told = other.get(carrier, Decimal(0))
        larger = max(abs(amount), abs(told))
        if larger and abs(amount - told) > tolerance * larger:
            found.append(Difference(carrier, amount, told, abs(amount - told) / larger))
    return found


def _summed(lines: Sequence[Line], carrier: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.text(carrier):
            found[line.text(carrier)] += line.number("amount") or 0
    return found
