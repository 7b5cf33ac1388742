"""Energy carriers: the one home of their keys, words, units and traits, and of how an amount of one is counted.

Frozen reports are recomputed with what stands here: carriers are added, a carrier's traits are never changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from portal.kinds import definitions
from portal.kinds.base import Choice, Indicator, Kind, Line, Measure, Measurer, Setting, missing
from portal.text import Text, same


class CountedFrom(StrEnum):
    """Where a carrier's energy counts in a contract, so that each amount counts once; the others only reconcile."""

    USE = "use"
    DELIVERIES = "deliveries"
    METERS = "meters"


@dataclass(frozen=True)
class Carrier:
    """Fuel, electricity or heat.

    `zero_emission`: emits at most water where it is used. `bio`: sold as pure biofuel. `drives`: machines run on it.
    `made_on_site`: its energy is reported as the fuel it was made from, and counts there. `piped`: it comes by wire or
    pipe, so that no delivery tells of it.
    """

    key: str
    label: Text
    unit: str
    zero_emission: bool = False
    bio: bool = False
    drives: bool = True
    made_on_site: bool = False
    piped: bool = False

    @property
    def fossil(self) -> bool:
        """Whether it is a fossil fuel that is burnt on the site. A generator's current counts as the fuel it burns."""
        return not (self.zero_emission or self.bio or self.made_on_site or self.piped)

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
    Carrier("electricity", Text("Strøm", "Electricity"), "kWh", zero_emission=True, piped=True),
    Carrier(
        "electricity_generator",
        Text("Strøm fra aggregat på plassen", "Electricity from a generator on site"),
        "kWh",
        made_on_site=True,
    ),
    Carrier("hydrogen", Text("Hydrogen", "Hydrogen"), "kg", zero_emission=True),
    Carrier("heating_oil", Text("Fyringsolje", "Heating oil"), "l", drives=False),
    Carrier("paraffin", Text("Parafin", "Paraffin"), "l", drives=False),
    Carrier("pellets", Text("Pellets", "Pellets"), "kg", bio=True, drives=False),
    Carrier("wood_chips", Text("Flis", "Wood chips"), "kg", bio=True, drives=False),
    Carrier("firewood", Text("Ved", "Firewood"), "kg", bio=True, drives=False),
    Carrier("district_heat", Text("Fjernvarme", "District heat"), "kWh", drives=False, piped=True),
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
ENERGY = Indicator(
    "energy",
    Text("Energibruk", "Energy use"),
    Text("Energien i alt som er brukt.", "The energy in all that was used."),
    "kWh",
    "sum",
    "energy",
    lower_is_better=True,
)
FOSSIL_LINES = Indicator(
    "fossil_lines",
    Text("Linjer med fossilt drivstoff", "Lines with fossil fuel"),
    Text(
        "Hvor mange linjer som har brukt diesel, bensin, naturgass, propan, fyringsolje eller parafin.",
        "How many lines have used diesel, petrol, natural gas, propane, heating oil or paraffin.",
    ),
    "",
    "sum",
    "fossil_lines",
    lower_is_better=True,
)
"""Never unknown for want of a factor: a line either used some, or did not."""
ZERO_EMISSION = {"zero_emission": "yes"}
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
    definition=definitions.MEASURED_SHARE,
)

_MEASURED = frozenset({"metered", "telematics"})
_BY_KEY: Mapping[str, Carrier] = {carrier.key: carrier for carrier in CARRIERS}


def carrier(key: str) -> Carrier:
    """The carrier with this key. Raises KeyError."""
    return _BY_KEY[key]


def choices(*, for_machines: bool = False) -> tuple[Choice, ...]:
    """The carriers as answers, each with its unit; for machines only those that drive one."""
    return tuple(each.choice for each in CARRIERS if each.drives or not for_machines)


def is_counted(setting: Setting, carrier_key: str, reported_from: CountedFrom | None) -> bool:
    """Whether energy reported from one place counts in this contract. None: nobody else reports it, so it counts."""
    return reported_from is None or counted_from(setting.counted, carrier_key) == reported_from


def counted_from(counted: Mapping[str, str], carrier_key: str) -> CountedFrom:
    """Where a contract counts a carrier from. What "all others" come by deliveries does not reach what is piped."""
    if carrier_key in counted:
        return CountedFrom(counted[carrier_key])
    others = CountedFrom(counted.get("", CountedFrom.USE))
    is_piped = carrier_key in _BY_KEY and _BY_KEY[carrier_key].piped
    return CountedFrom.USE if is_piped and others == CountedFrom.DELIVERIES else others


def counted_in_words(chosen: Mapping[str, str]) -> tuple[Text, ...]:
    """Where each carrier's energy counts in a contract, to be printed beside the figures."""
    named = {key: place for key, place in chosen.items() if key}
    sentences = [
        _COUNTS[CountedFrom(place)].with_values(what=carrier(key).label) for key, place in sorted(named.items())
    ]
    rest = CountedFrom(chosen.get("", CountedFrom.USE))
    sentences.append(_COUNTS[rest].with_values(what=_OTHER_ENERGY if named else _ALL_ENERGY))
    piped = [each for each in CARRIERS if each.piped and each.key not in named]
    if rest == CountedFrom.DELIVERIES:
        sentences += [_PIPED.with_values(what=each.label) for each in piped]
    return tuple(sentences)


_ALL_ENERGY = Text("All energi", "All energy")
_OTHER_ENERGY = Text("All annen energi", "All other energy")
_PIPED = Text(
    "{what} leveres ikke i tank, og telles derfor der energien er brukt.",
    "{what} comes by no tanker, and is therefore counted where it is used.",
)
_COUNTS = {
    CountedFrom.USE: Text(
        "{what} telles der den er brukt: på linjene for maskiner og kjøretøy. Leveranser og målere sammenlignes.",
        "{what} is counted where it is used: on the lines of machines and vehicles. "
        "Deliveries and meters are compared.",
    ),
    CountedFrom.DELIVERIES: Text(
        "{what} telles fra leveransene, med lager ved start og slutt. Linjene for bruk sammenlignes.",
        "{what} is counted from deliveries, with stock at start and end. The lines of use are compared.",
    ),
    CountedFrom.METERS: Text(
        "{what} telles fra målerne på plassen. Linjene for bruk sammenlignes.",
        "{what} is counted from the meters on site. The lines of use are compared.",
    ),
}


def counted(  # noqa: PLR0913 - a line, where it stands, and what it can be filtered by
    line: Line,
    carrier_field: str,
    amount_field: str,
    setting: Setting,
    *,
    reported_from: CountedFrom | None,
    sign: int = 1,
    is_inside: bool = True,
    also: Mapping[str, str] | None = None,
) -> list[Measure]:
    """Energy, emissions and litres of an amount, with what they can be filtered by (`also` adds to that).

    `quantity` in the carrier's own unit, `energy` in kWh, `work` in kWh at the machine, `emissions_co2` or
    `emissions_co2e` in kg (whichever the basis counts in), `litres` in l (0 for what is not sold by the litre). Where
    no sourced figure says, a missing line stands instead. Nothing for a line without carrier or amount. The dimension
    `counted` says whether the amount counts in the contract (`is_counted`), or only reconciles. `sign` -1 takes away.
    """
    key, amount, unit = line.text(carrier_field), line.number(amount_field), line.unit(amount_field)
    if key not in _BY_KEY or amount is None:
        return []
    each = _BY_KEY[key]
    counts = is_inside and not each.made_on_site and is_counted(setting, key, reported_from)
    dimensions = {**_traits(each), **_provenance(line.source(amount_field)), "counted": _yes(counts), **(also or {})}
    litres = Measure("litres", amount * sign if unit == "l" else Decimal(0), "l", dimensions)
    quantity = Measure("quantity", amount * sign, unit, dimensions)
    # What a generator makes is in the fuel that the generator burns.
    burnt = Decimal(0) if each.made_on_site else amount * sign
    return [quantity, *_energy(key, burnt, unit, setting, dimensions), litres]


def also_fossil(measures: Measurer) -> Measurer:
    """The same measures, and `fossil_lines`: 1 on a line that used some of a fossil fuel, else 0.

    A measure of its own and no filter: reports that were pinned before there was one say that they do not know, and
    not that there was none. It counts where the line's amount counts. Of what was delivered only deliveries are use.
    """

    def measured(kind: Kind, lines: Sequence[Line], setting: Setting) -> dict[str, list[Measure]]:
        found = measures(kind, lines, setting)
        return {line: [*own, *(_fossil(each) for each in own if each.key == "quantity")] for line, own in found.items()}

    return measured


def _fossil(quantity: Measure) -> Measure:
    is_use = quantity.amount > 0 and quantity.dimensions.get("entry", "delivery") == "delivery"
    used = is_use and carrier(quantity.dimensions["carrier"]).fossil
    return Measure("fossil_lines", Decimal(int(used)), "", quantity.dimensions)


def _energy(key: str, amount: Decimal, unit: str, setting: Setting, dimensions: Mapping[str, str]) -> Sequence[Measure]:
    gas = setting.basis.gas_of(key)
    emissions_key = f"emissions_{gas.lower()}"
    if amount == 0:
        return [
            Measure("energy", amount, "kWh", dimensions),
            Measure("work", amount, "kWh", dimensions),
            Measure(emissions_key, amount, f"kg {gas}", dimensions),
        ]
    energy = setting.basis.energy(key, amount, unit)
    work = setting.basis.work(key, energy.kwh, setting.ends_on) if energy else None
    emissions = setting.basis.emissions(key, amount, unit)
    return [
        Measure("energy", energy.kwh, "kWh", dimensions, energy.factor.id) if energy else missing("energy", dimensions),
        Measure("work", work.kwh, "kWh", dimensions, work.factor) if work else missing("work", dimensions),
        Measure(emissions_key, emissions.kg, f"kg {gas}", dimensions, emissions.factor.id)
        if emissions
        else missing(emissions_key, dimensions),
    ]


def _traits(each: Carrier) -> dict[str, str]:
    return {"carrier": each.key, "zero_emission": _yes(each.zero_emission), "bio": _yes(each.bio)}


def _provenance(source: str) -> dict[str, str]:
    return {"source": source, "measured": _yes(source in _MEASURED)} if source else {}


def _yes(trait: bool) -> str:  # noqa: FBT001 - the trait is the whole question
    return "yes" if trait else "no"
