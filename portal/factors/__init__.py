"""Emission factors: published editions as data, and a contract's basis for counting with them."""

from portal.factors.basis import NON_ROAD_MANDATE, REPLACES, Basis, Biofuel, Emissions, Energy, Fence, Work
from portal.factors.edition import EDITIONS, Boundary, Edition, Factor, Gas, edition, editions
from portal.factors.efficiency import Efficiency, efficiencies, efficiency

__all__ = [
    "EDITIONS",
    "NON_ROAD_MANDATE",
    "REPLACES",
    "Basis",
    "Biofuel",
    "Boundary",
    "Edition",
    "Efficiency",
    "Emissions",
    "Energy",
    "Factor",
    "Fence",
    "Gas",
    "Work",
    "edition",
    "editions",
    "efficiencies",
    "efficiency",
]
