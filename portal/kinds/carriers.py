"""Energy carriers: the one home of their keys, words, units and traits, and of how an amount of one is counted.

Frozen reports are recomputed with what stands here: carriers are added, a carrier's traits are never changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from portal.kinds.base import Choice, Indicator, Line, Measure, Setting, missing
from portal.text import Text, same


@dataclass(frozen=True)
class Carrier:
    """Fuel, electricity or heat.

    `zero_emission`: emits at most water where it is used. `bio`: sold as pure biofuel. `drives`: machines run on it.
    """

    key: str
    label: Text
    unit: str
    zero_emission: bool = False
    bio: bool = False
    drives: bool = True

    @property
    def choice(self) -> Choice:
        """As an answer in a report."""
        return Choice(self.key, self.label, self.unit)


CARRIERS = (
    Carrier("diesel", same("Diesel"), "l"),
    Carrier("petrol", Text("Bensin", "Petrol"), "l"),
    Carrier("hvo", Text("HVO (fornybar diesel)", "HVO (renewable diesel)"), "l", bio=True),
    Carrier("fame", Text("Biodiesel (FAME)", "Biodiesel (FAME)"), "l", bio=True),
    Carrier("ethanol", Text("Bioetanol", "Bioethanol"), "l", bio=True),
    Carrier("biogas", Text("Biogass, komprimert", "Biogas, compressed"), "kg", bio=True),
    Carrier("biogas_liquid", Text("Biogass, flytende", "Biogas, liquefied"), "kg", bio=True),
    Carrier("cng", Text("Naturgass, komprimert (CNG)", "Natural gas, compressed (CNG)"), "kg"),
    Carrier("lng", Text("Naturgass, flytende (LNG)", "Natural gas, liquefied (LNG)"), "kg"),
    Carrier("lpg", Text("Propan (LPG)", "Propane (LPG)"), "kg"),
    Carrier("electricity", Text("Strøm", "Electricity"), "kWh", zero_emission=True),
    Carrier("hydrogen", Text("Hydrogen", "Hydrogen"), "kg", zero_emission=True),
    Carrier("heating_oil", Text("Fyringsolje", "Heating oil"), "l", drives=False),
    Carrier("paraffin", Text("Parafin", "Paraffin"), "l", drives=False),
    Carrier("pellets", Text("Pellets", "Pellets"), "kg", bio=True, drives=False),
    Carrier("wood_chips", Text("Flis", "Wood chips"), "kg", bio=True, drives=False),
    Carrier("firewood", Text("Ved", "Firewood"), "kg", bio=True, drives=False),
    Carrier("district_heat", Text("Fjernvarme", "District heat"), "kWh", drives=False),
)
"""In the order in which people look for them."""

LIQUID_FUEL = Indicator(
    "liquid_fuel",
    Text("Flytende drivstoff", "Liquid fuel"),
    Text("Liter flytende drivstoff, fossilt og fornybart.", "Litres of liquid fuel, fossil and renewable."),
    "l",
    "sum",
    "litres",
    lower_is_better=True,
)
EMISSION_INDICATORS = (
    Indicator(
        "emissions_co2",
        Text("Utslipp, CO2", "Emissions, CO2"),
        Text(
            "Utslipp regnet bare i CO2. Linjer regnet i CO2e er ikke med.",
            "Emissions counted in CO2 only. Lines counted in CO2e are not in it.",
        ),
        "kg CO2",
        "sum",
        "emissions_co2",
        lower_is_better=True,
    ),
    Indicator(
        "emissions_co2e",
        Text("Utslipp, CO2e", "Emissions, CO2e"),
        Text(
            "Utslipp av CO2 og andre klimagasser, regnet om til CO2e. Linjer regnet bare i CO2 er ikke med.",
            "Emissions of CO2 and other greenhouse gases, converted to CO2e. Lines counted in CO2 only are not in it.",
        ),
        "kg CO2e",
        "sum",
        "emissions_co2e",
        lower_is_better=True,
    ),
)
MEASURED_SHARE = Indicator(
    "measured_share",
    Text("Målt andel av energien", "Measured share of energy"),
    Text(
        "Energi der mengden er målt eller kommer fra telematikk, delt på all energi.",
        "Energy whose amount is metered or from telematics, divided by all energy.",
    ),
    "%",
    "share",
    "energy",
    {"measured": "yes"},
)

_MEASURED = frozenset({"metered", "telematics"})
_BY_KEY: Mapping[str, Carrier] = {carrier.key: carrier for carrier in CARRIERS}


def carrier(key: str) -> Carrier:
    """The carrier with this key. Raises KeyError."""
    return _BY_KEY[key]


def choices(*, for_machines: bool = False) -> tuple[Choice, ...]:
    """The carriers as answers, each with its unit; for machines only those that drive one."""
    return tuple(each.choice for each in CARRIERS if each.drives or not for_machines)


def counted(line: Line, carrier_field: str, amount_field: str, setting: Setting, **also: str) -> list[Measure]:
    """Energy, emissions and litres of an amount, with what they can be filtered by (`also` adds to that).

    `energy` in kWh, `emissions_co2` or `emissions_co2e` in kg (whichever the basis counts in), `litres` in l (0 for
    what is not sold by the litre). Where no sourced figure says, a missing line stands instead. Nothing for a line
    without carrier or amount.
    """
    key, amount, unit = line.text(carrier_field), line.number(amount_field), line.unit(amount_field)
    if key not in _BY_KEY or amount is None:
        return []
    dimensions = {**_traits(_BY_KEY[key]), **_provenance(line.source(amount_field)), **also}
    gas = setting.basis.gas_of(key)
    emissions_key = f"emissions_{gas.lower()}"
    litres = Measure("litres", amount if unit == "l" else Decimal(0), "l", dimensions)
    if amount == 0:
        return [
            Measure("energy", amount, "kWh", dimensions),
            Measure(emissions_key, amount, f"kg {gas}", dimensions),
            litres,
        ]
    energy = setting.basis.energy(key, amount, unit)
    emissions = setting.basis.emissions(key, amount, unit)
    return [
        Measure("energy", energy.kwh, "kWh", dimensions, energy.factor.id) if energy else missing("energy", dimensions),
        Measure(emissions_key, emissions.kg, f"kg {gas}", dimensions, emissions.factor.id)
        if emissions
        else missing(emissions_key, dimensions),
        litres,
    ]


def _traits(each: Carrier) -> dict[str, str]:
    return {"carrier": each.key, "zero_emission": _yes(each.zero_emission), "bio": _yes(each.bio)}


def _provenance(source: str) -> dict[str, str]:
    return {"source": source, "measured": _yes(source in _MEASURED)} if source else {}


def _yes(trait: bool) -> str:  # noqa: FBT001 - the trait is the whole question
    return "yes" if trait else "no"
