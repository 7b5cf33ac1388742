"""Divides what one tank or charger gave over the machines that used it, by their hours."""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal

STEP = Decimal("0.1")
"""Shares are told to a tenth of the unit; what is left over goes to whoever ran longest: the sum is the whole."""

ALLOCATED = "allocated"
"""The provenance of a share."""


def shared(total: Decimal, hours: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Key → share of `total`, in its unit. Raises ValueError when there are no hours to divide by."""
    whole = sum(hours.values(), Decimal(0))
    if whole <= 0:
        raise ValueError("nothing to divide by")
    shares = {key: (total * own / whole).quantize(STEP, ROUND_DOWN) for key, own in hours.items()}
    longest = max(hours, key=lambda key: hours[key])
    shares[longest] += total - sum(shares.values(), Decimal(0))
    return shares
