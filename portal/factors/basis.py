"""How one contract counts: which editions, and the choices that change a figure, each printed in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias, cast

from portal.factors.edition import Edition, Factor, Gas, edition
from portal.factors.efficiency import Efficiency, efficiency
from portal.quantities import canonical, rounded, shown
from portal.text import Text

Biofuel: TypeAlias = Literal["zero", "fossil", "mandate_share"]
"""Liquid biofuel counts with biogenic CO2 as nothing, as the fossil fuel it replaces, or as the mix of the mandate."""

Fence: TypeAlias = Literal["inside", "outside"]
"""Inside the fence: NS 3720 module A5. Outside: transport of materials, waste, masses and people."""

Heating: TypeAlias = Literal["", "in", "out"]
"""Whether energy for heating and drying counts in the figures of the whole site. "": nobody has said; it counts."""

Avoided: TypeAlias = Literal["", "b0", "b7", "mandate", "fossil_free", "bid", "budget"]
"""What the emissions are held against to say what was avoided. "": the contract names nothing."""

NON_ROAD_MANDATE = Decimal("0.10")
"""The Norwegian sales mandate for non-road liquid fuel from 1 January 2024 (DFØ, drivstoffmatrise)."""

REPLACES = {"hvo": "diesel", "fame": "diesel", "ethanol": "petrol"}
"""Each liquid biofuel and the fossil product whose place it takes."""

_WITHOUT_BIOFUEL = {"diesel": "diesel_mineral", "petrol": "petrol_mineral"}
_NO_CARBON_AT_USE = frozenset({"electricity", "hydrogen", "district_heat"})


class Emissions(NamedTuple):
    """What an amount emits: kg of `gas`, the figure used and where it was published."""

    kg: Decimal
    gas: Gas
    factor: Factor
    edition: Edition


class Energy(NamedTuple):
    """What an amount holds: kWh, and the figure used."""

    kwh: Decimal
    factor: Factor


class Work(NamedTuple):
    """What of the energy does work in the machine: kWh, and the id of the figure used."""

    kwh: Decimal
    factor: str


@dataclass(frozen=True)
class Basis:
    """A contract's way of counting; results are rounded to millionths (`quantities.rounded`), once, at the end.

    `mandate` is the share that `mandate_share` counts as biofuel. `supplement` gives the energy content of carriers
    that the fuel edition has none for; it never gives emissions. `efficiency` turns delivered energy into energy at
    the machine. `heating` and `avoided` are left out of what is stored where nobody has chosen: a contract from before
    there was a choice keeps its figures, its sentences and its pins.
    """

    fuel: Edition
    electricity: Edition | None = None
    biofuel: Biofuel = "zero"
    boundary: Fence = "inside"
    mandate: Decimal = NON_ROAD_MANDATE
    supplement: Edition | None = None
    efficiency: Efficiency | None = None
    heating: Heating = ""
    avoided: Avoided = ""

    def emissions(self, carrier: str, amount: Decimal, unit: str = "") -> Emissions | None:
        """The emissions of `amount` (in `unit`, else the edition's own), or None when no sourced figure says."""
        source = self.electricity if carrier == "electricity" and self.electricity else self.fuel
        factor = source.factor(carrier, unit) if source is self.electricity else self._fuel_factor(carrier, unit)
        return None if factor is None else Emissions(rounded(amount * factor.value), source.gas, factor, source)

    def energy(self, carrier: str, amount: Decimal, unit: str = "") -> Energy | None:
        """The energy of `amount` in kWh, or None when no sourced figure says."""
        if unit == "kWh" or (carrier == "electricity" and not unit):
            return Energy(rounded(amount), Factor(f"definition/{carrier}/kWh", carrier, "kWh", Decimal(0), Decimal(1)))
        for source in (self.fuel, self.supplement):
            factor = source.factor(carrier, unit) if source else None
            if factor and factor.energy is not None:
                return Energy(rounded(amount * factor.energy), factor)
        return None

    def work(self, carrier: str, kwh: Decimal, on: date) -> Work | None:
        """What of `kwh` delivered does work at the machine on a day, or None when no sourced figure says."""
        share = self.efficiency.shares.get(carrier) if self.efficiency else None
        if self.efficiency is None or share is None or on < self.efficiency.valid_from:
            return None
        return Work(rounded(kwh * share), f"{self.efficiency.key}/{carrier}")

    def gas_of(self, carrier: str) -> Gas:
        """What the emissions of a carrier are counted in on this basis, whether or not they can be computed."""
        return (self.electricity if carrier == "electricity" and self.electricity else self.fuel).gas

    def sentences(self) -> tuple[Text, ...]:
        """The basis in plain words, to be printed beside the figures."""
        lines = [self._fuel_sentence(), _FENCE[self.boundary], self._biofuel_sentence(), self._electricity_sentence()]
        if self.electricity and self.electricity.gas != self.fuel.gas:
            lines.append(_TWO_GASES)
        if self.supplement:
            lines.append(_SUPPLEMENT.with_values(edition=_named(self.supplement)))
        lines.append(_efficiency_sentence(self.efficiency))
        lines += [HEATING[self.heating]] if self.heating else []
        lines += [AVOIDED[self.avoided]] if self.avoided else []
        return tuple(lines)

    def dump(self) -> dict[str, str]:
        """As JSON: the editions by key; what is not chosen is left out."""
        stored = {"fuel": self.fuel.key, "biofuel": self.biofuel, "boundary": self.boundary}
        stored["mandate"] = canonical(self.mandate)
        if self.electricity:
            stored["electricity"] = self.electricity.key
        if self.supplement:
            stored["supplement"] = self.supplement.key
        if self.efficiency:
            stored["efficiency"] = self.efficiency.key
        stored |= {"heating": self.heating} if self.heating else {}
        stored |= {"avoided": self.avoided} if self.avoided else {}
        return stored

    @classmethod
    def load(cls, stored: Mapping[str, str]) -> "Basis":
        """Back from `dump`. Raises KeyError for an edition that does not ship."""
        return cls(
            fuel=edition(stored["fuel"]),
            electricity=edition(stored["electricity"]) if "electricity" in stored else None,
            biofuel=cast("Biofuel", stored["biofuel"]),
            boundary=cast("Fence", stored["boundary"]),
            mandate=Decimal(stored["mandate"]),
            supplement=edition(stored["supplement"]) if "supplement" in stored else None,
            efficiency=efficiency(stored["efficiency"]) if "efficiency" in stored else None,
            heating=cast("Heating", stored.get("heating", "")),
            avoided=cast("Avoided", stored.get("avoided", "")),
        )

    def _fuel_factor(self, carrier: str, unit: str) -> Factor | None:
        if self.biofuel == "mandate_share" and (carrier in REPLACES or carrier in REPLACES.values()):
            return self._mandated(REPLACES.get(carrier, carrier), unit)
        if self.biofuel == "fossil" and carrier in REPLACES:
            return self._without_biofuel(REPLACES[carrier], unit)
        return self.fuel.factor(carrier, unit) or self._nothing_at_use(carrier, unit)

    def _mandated(self, fossil: str, unit: str) -> Factor | None:
        """The fuel as sold. A blended figure is that already; else, of direct emissions, the fossil part counts."""
        factor = self.fuel.factor(fossil, unit)
        if factor is None or factor.blended:
            return factor
        if self.fuel.boundary != "TTW":
            return None
        share = canonical(self.mandate)
        return replace(factor, id=f"{factor.id}#mandate-{share}", value=factor.value * (1 - self.mandate))

    def _without_biofuel(self, fossil: str, unit: str) -> Factor | None:
        factor = self.fuel.factor(fossil, unit)
        return self.fuel.factor(_WITHOUT_BIOFUEL[fossil], unit) if factor and factor.blended else factor

    def _nothing_at_use(self, carrier: str, unit: str) -> Factor | None:
        """Direct emissions that are 0 without a table: no carbon in the carrier, or only biogenic where CO2 is counted.

        In CO2e a burnt biofuel is not 0: methane and nitrous oxide count there, and need a figure.
        """
        known = self.fuel.factor(carrier, unit, allow_doubtful=True)
        is_nothing = carrier in _NO_CARBON_AT_USE or (carrier in REPLACES and self.fuel.gas == "CO2")
        if known or self.fuel.boundary != "TTW" or not is_nothing:
            return None
        return Factor(f"{self.fuel.key}/{carrier}#zero", carrier, unit, Decimal(0))

    def _fuel_sentence(self) -> Text:
        gwp = f", {self.fuel.gwp}" if self.fuel.gwp else ""
        return _FUEL.with_values(
            edition=_named(self.fuel), boundary=_BOUNDARY[self.fuel.boundary], unit=self.fuel.unit, gwp=gwp
        )

    def _biofuel_sentence(self) -> Text:
        share = Text(*(shown(self.mandate * 100, language) for language in ("nb", "en")))
        return _BIOFUEL[self.biofuel].with_values(share=share)

    def _electricity_sentence(self) -> Text:
        if self.electricity:
            unit = self.electricity.unit
            return _ELECTRICITY.with_values(edition=_named(self.electricity), unit=unit)
        return _NO_ELECTRICITY if self.fuel.boundary == "TTW" else _ELECTRICITY_FROM_FUEL


def _efficiency_sentence(table: Efficiency | None) -> Text:
    if table is None:
        return _NO_EFFICIENCY
    title = Text(
        f"{table.title.nb} ({table.publisher}, {table.year})", f"{table.title.en} ({table.publisher}, {table.year})"
    )
    return _EFFICIENCY.with_values(table=title)


def _named(source: Edition) -> Text:
    tail = f" ({source.publisher}, {source.year}, {source.geography})"
    return Text(source.title.nb + tail, source.title.en + tail)


_FUEL = Text(
    "Drivstoff: {edition}. {boundary}, i {unit}{gwp}.",
    "Fuel: {edition}. {boundary}, in {unit}{gwp}.",
)
_BOUNDARY = {
    "TTW": Text("Direkte utslipp der energien brukes (TTW)", "Direct emissions where the energy is used (TTW)"),
    "WTT": Text("Utslipp før energien når fram (WTT)", "Emissions before the energy arrives (WTT)"),
    "WTW": Text("Utslipp gjennom hele kjeden (WTW)", "Emissions through the whole chain (WTW)"),
}
_FENCE = {
    "inside": Text(
        "Innenfor gjerdet: maskiner, energi og oppvarming, og transport på plassen.",
        "Inside the fence: machines, energy and heating, and transport on the site.",
    ),
    "outside": Text(
        "Innenfor og utenfor gjerdet: maskiner, energi og oppvarming, og all transport av materialer, avfall, masser "
        "og folk.",
        "Inside and outside the fence: machines, energy and heating, and all transport of materials, waste, masses and "
        "people.",
    ),
}
_BIOFUEL = {
    "zero": Text(
        "Flytende biodrivstoff: CO2 fra biomassen teller som 0.",
        "Liquid biofuel: CO2 from the biomass counts as 0.",
    ),
    "fossil": Text(
        "Flytende biodrivstoff teller som drivstoffet det erstatter, liter for liter. "
        "Biodrivstoff i vanlig diesel og bensin følger faktorutgaven.",
        "Liquid biofuel counts as the fuel it replaces, litre for litre. "
        "Biofuel in ordinary diesel and petrol follows the factor edition.",
    ),
    "mandate_share": Text(
        "Hver liter diesel, bensin og biodrivstoff teller som drivstoff med den andelen biodrivstoff som "
        "omsetningskravet gir: {share} % der faktorutgaven ikke alt har den med.",
        "Each litre of diesel, petrol and biofuel counts as fuel with the share of biofuel that the sales mandate "
        "gives: {share} % where the factor edition does not already have it.",
    ),
}
_ELECTRICITY = Text("Strøm: {edition}, i {unit}.", "Electricity: {edition}, in {unit}.")
_NO_ELECTRICITY = Text(
    "Strøm teller som 0: den gir ingen direkte utslipp, og kontrakten regner ikke med hvordan den er laget.",
    "Electricity counts as 0: it has no direct emissions, and the contract does not count how it is made.",
)
_ELECTRICITY_FROM_FUEL = Text(
    "Strøm: samme utgave som drivstoff. Har den ikke tall for strøm, kan utslippet ikke beregnes.",
    "Electricity: the same edition as fuel. Where that has no figure for it, emissions cannot be computed.",
)
_TWO_GASES = Text(
    "Drivstoff og strøm er regnet i CO2 og CO2e. De to legges aldri sammen.",
    "Fuel and electricity are counted in CO2 and CO2e. The two are never added.",
)
_SUPPLEMENT = Text(
    "Energiinnhold som mangler i utgaven for drivstoff: {edition}.",
    "Energy content that the fuel edition lacks: {edition}.",
)
_EFFICIENCY = Text(
    "Energi ved maskinen: levert energi ganger virkningsgraden i {table}.",
    "Energy at the machine: energy delivered times the efficiency in {table}.",
)
_NO_EFFICIENCY = Text(
    "Energi ved maskinen kan ikke beregnes: kontrakten viser ikke til noen tabell over virkningsgrad.",
    "Energy at the machine cannot be computed: the contract refers to no table of efficiencies.",
)
HEATING: Mapping[Heating, Text] = {
    "in": Text(
        "Oppvarming og tørking: energien er med i tallene for hele plassen.",
        "Heating and drying: the energy is in the figures of the whole site.",
    ),
    "out": Text(
        "Oppvarming og tørking: energien på slike målere og byggvarmere er ikke med i tallene for hele plassen. "
        "Drivstoff som telles fra leveransene, kan ikke skilles ut og er med.",
        "Heating and drying: the energy on such meters and heaters is not in the figures of the whole site. "
        "Fuel that is counted from deliveries cannot be told apart and is in them.",
    ),
}
"""Choice -> the sentence that says so beside the figures; "" has none."""
AVOIDED: Mapping[Avoided, Text] = {
    "b0": Text(
        "Unngåtte utslipp: mot de samme literne som ren fossil diesel (B0).",
        "Emissions avoided: against the same litres of pure fossil diesel (B0).",
    ),
    "b7": Text(
        "Unngåtte utslipp: mot de samme literne som diesel med 7 % biodrivstoff (B7).",
        "Emissions avoided: against the same litres of diesel with 7 % biofuel (B7).",
    ),
    "mandate": Text(
        "Unngåtte utslipp: mot de samme literne med den andelen biodrivstoff som omsetningskravet gir.",
        "Emissions avoided: against the same litres with the share of biofuel that the sales mandate gives.",
    ),
    "fossil_free": Text(
        "Unngåtte utslipp: mot en plass som bare bruker fossilfritt drivstoff (HVO).",
        "Emissions avoided: against a site that uses only fossil-free fuel (HVO).",
    ),
    "bid": Text(
        "Unngåtte utslipp: mot det leverandøren regnet med i tilbudet.",
        "Emissions avoided: against what the supplier reckoned with in the bid.",
    ),
    "budget": Text(
        "Unngåtte utslipp: mot oppdragsgiverens klimabudsjett.",
        "Emissions avoided: against the buyer's climate budget.",
    ),
}
"""Choice -> the sentence that says so beside the figures; "" has none."""
