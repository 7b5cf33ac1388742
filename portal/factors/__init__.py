"""Emission factors: published editions as data, and a contract's basis for counting with them."""

from portal.factors.basis import (
    AVOIDED,
    HEATING,
    NON_ROAD_MANDATE,
    REPLACES,
    Avoided,
    Basis,
    Biofuel,
    Emissions,
    Energy,
    Fence,
    Heating,
    Work,
)
from portal.factors.edition import EDITIONS, Boundary, Edition, Factor, Gas, edition, editions
from portal.factors.efficiency import Efficiency, efficiencies, efficiency

__all__ = [
    "AVOIDED",
    "EDITIONS",
    "HEATING",
    "NON_ROAD_MANDATE",
    "REPLACES",
    "Avoided",
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
    "Heating",
    "Work",
    "edition",
    "editions",
    "efficiencies",
    "efficiency",
]
