"""Emission factors: published editions as data, and a contract's basis for counting with them."""

from portal.factors.basis import NON_ROAD_MANDATE, REPLACES, Basis, Biofuel, Emissions, Energy, Fence
from portal.factors.edition import EDITIONS, Boundary, Edition, Factor, Gas, edition, editions

__all__ = [
    "EDITIONS",
    "NON_ROAD_MANDATE",
    "REPLACES",
    "Basis",
    "Biofuel",
    "Boundary",
    "Edition",
    "Emissions",
    "Energy",
    "Factor",
    "Fence",
    "Gas",
    "edition",
    "editions",
]
