"""The facts of a contract that decide how its figures are counted: kinds, editions, policies, counted sources."""

import dataclasses
from collections.abc import Callable
from decimal import Decimal

from portal import kinds
from portal.factors import NON_ROAD_MANDATE, Basis, Edition, edition, editions, efficiencies
from portal.kinds import carriers
from portal.kinds.base import Choice, Field, FieldType, Parsed
from portal.kinds.carriers import CountedFrom
from portal.model import Contract
from portal.operations.contracts.contract_facts import YES_ONLY, Fact, Part, ticked
from portal.quantities import canonical
from portal.text import Text

BASIS_KEY = "basis_"
COUNTED_KEY = "counted_"
_OTHERS = "others"
_HUNDRED = Decimal(100)


def _choices_of_editions(fits: Callable[[Edition], bool]) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            each.key,
            Text(*(f"{title} ({each.publisher}, {each.year})" for title in (each.title.nb, each.title.en))),
        )
        for each in editions()
        if fits(each)
    )


def _tells(carrier: str) -> Callable[[Edition], bool]:
    return lambda each: any(factor.carrier == carrier for factor in each.factors)


def _tells_energy(each: Edition) -> bool:
    return any(factor.energy is not None and factor.carrier != "electricity" for factor in each.factors)


_CHOSEN = (
    Field(
        "basis_boundary",
        Text("Avgrensning", "Boundary"),
        FieldType.CHOICE,
        choices=(
            Choice("inside", Text("innenfor gjerdet", "inside the fence")),
            Choice("outside", Text("innenfor og utenfor gjerdet", "inside and outside the fence")),
        ),
        hint=Text(
            "Innenfor: maskiner, energi, oppvarming og transport på plassen. Utenfor: også transport til og fra.",
            "Inside: machines, energy, heating and transport on site. Outside: also transport to and from it.",
        ),
    ),
    Field(
        "basis_fuel",
        Text("Faktorutgave for drivstoff", "Factor edition for fuel"),
        FieldType.CHOICE,
        choices=_choices_of_editions(_tells("diesel")),
    ),
    Field(
        "basis_biofuel",
        Text("Flytende biodrivstoff", "Liquid biofuel"),
        FieldType.CHOICE,
        choices=(
            Choice("zero", Text("CO2 fra biomassen teller som 0", "CO2 from the biomass counts as 0")),
            Choice("fossil", Text("teller som drivstoffet det erstatter", "counts as the fuel it replaces")),
            Choice(
                "mandate_share",
                Text("teller som blandingen i omsetningskravet", "counts as the sales mandate's mix"),
            ),
        ),
    ),
    Field(
        "basis_mandate",
        Text("Omsetningskrav", "Sales mandate"),
        FieldType.NUMBER,
        unit="%",
        required=False,
        minimum=Decimal(0),
        maximum=_HUNDRED,
        hint=Text(
            "Andelen biodrivstoff som salget må ha. Tomt: 10 %.",
            "The share of biofuel in what is sold. Empty: 10 %.",
        ),
    ),
    Field(
        "basis_electricity",
        Text("Faktorutgave for strøm", "Factor edition for electricity"),
        FieldType.CHOICE,
        required=False,
        choices=_choices_of_editions(_tells("electricity")),
        hint=Text("Tomt: bare direkte utslipp telles.", "Empty: only direct emissions count."),
    ),
    Field(
        "basis_supplement",
        Text("Energiinnhold som mangler, tas fra", "Energy content that is missing comes from"),
        FieldType.CHOICE,
        required=False,
        choices=_choices_of_editions(_tells_energy),
    ),
)
"""What every contract chooses for counting, in the order in which people decide it."""


def _basis_fields() -> tuple[Field, ...]:
    """What a contract of this installation can choose."""
    tables = tuple(Choice(each.key, each.title) for each in efficiencies())
    efficiency = Field(
        "basis_efficiency",
        Text("Tabell over virkningsgrad", "Table of efficiencies"),
        FieldType.CHOICE,
        required=False,
        choices=tables,
    )
    chosen = {each.name for each in dataclasses.fields(Basis)}
    more = (field for field in _MORE if field.key.removeprefix(BASIS_KEY) in chosen)
    return (*_CHOSEN, *((efficiency,) if tables else ()), *more)


_MORE = (
    Field(
        "basis_heating",
        Text("Oppvarming og tørking", "Heating and drying"),
        FieldType.CHOICE,
        required=False,
        choices=(
            Choice("in", Text("med i tallene for hele plassen", "in the figures of the whole site")),
            Choice("out", Text("ikke med i tallene for hele plassen", "not in the figures of the whole site")),
        ),
    ),
    Field(
        "basis_avoided",
        Text("Unngåtte utslipp regnes mot", "Emissions avoided are held against"),
        FieldType.CHOICE,
        required=False,
        choices=(
            Choice("b0", Text("ren fossil diesel (B0)", "pure fossil diesel (B0)")),
            Choice("b7", Text("diesel med 7 % biodrivstoff (B7)", "diesel with 7 % biofuel (B7)")),
            Choice("mandate", Text("blandingen i omsetningskravet", "the sales mandate's mix")),
            Choice("fossil_free", Text("fossilfritt drivstoff (HVO)", "fossil-free fuel (HVO)")),
            Choice("bid", Text("tallene i tilbudet", "the figures of the bid")),
            Choice("budget", Text("klimabudsjettet", "the climate budget")),
        ),
    ),
)
"""Choices that a contract may leave unsaid, of those that the basis of this installation knows."""


def _of_basis(field: Field) -> Fact:
    """One choice of the basis; `Basis.load` reads what the choices make together."""
    name = field.key.removeprefix(BASIS_KEY)
    is_percent = field.unit == "%"

    def get(contract: Contract) -> Parsed:
        stored = (contract.basis or {}).get(name)
        return Decimal(stored) * _HUNDRED if stored and is_percent else stored

    def put(contract: Contract, value: Parsed) -> None:
        basis = {key: kept for key, kept in (contract.basis or {}).items() if key != name}
        if isinstance(value, Decimal):
            basis[name] = canonical(value / _HUNDRED)
        elif value is not None:
            basis[name] = str(value)
        elif is_percent:
            basis[name] = canonical(NON_ROAD_MANDATE)
        contract.basis = basis

    return Fact(field, get, put)


_PLACES = (
    Choice(CountedFrom.USE, Text("maskinene og kjøretøyene som bruker den", "the machines and vehicles that use it")),
    Choice(CountedFrom.DELIVERIES, Text("leveransene", "the deliveries")),
    Choice(CountedFrom.METERS, Text("målerne på plassen", "the meters on site")),
)


def _of_counted(carrier: str, label: Text, *, required: bool) -> Fact:
    """Where a carrier's energy is counted from; `carrier` "" is all that are not named."""

    def get(contract: Contract) -> Parsed:
        return (contract.counted or {}).get(carrier)

    def put(contract: Contract, value: Parsed) -> None:
        others = {key: place for key, place in (contract.counted or {}).items() if key != carrier}
        contract.counted = others if value is None else {**others, carrier: str(value)}

    field = Field(COUNTED_KEY + (carrier or _OTHERS), label, FieldType.CHOICE, choices=_PLACES, required=required)
    return Fact(field, get, put, in_sheet=not carrier)


def _of_kind(kind: kinds.Kind) -> Fact:
    def put(contract: Contract, is_asked: bool) -> None:  # noqa: FBT001 - the value that is put
        chosen = {*(contract.kinds or []), kind.key} if is_asked else {*(contract.kinds or [])} - {kind.key}
        contract.kinds = [key for key in kinds.kinds() if key in chosen]

    field = Field(f"kind_{kind.key}", kind.title, FieldType.CHOICE, choices=YES_ONLY, required=False)
    return ticked(field, lambda contract: kind.key in (contract.kinds or []), put)


KINDS = Part(
    "kinds",
    Text("Hva som rapporteres", "What is reported"),
    tuple(_of_kind(kind) for kind in kinds.kinds().values()),
    Text("Hver rapport får en del for hver av disse.", "Each report has a part for each of these."),
    Text("Rapporttyper", "Kinds of report"),
)
BASIS = Part(
    "basis",
    Text("Hvordan det regnes", "How it is counted"),
    tuple(_of_basis(field) for field in _basis_fields()),
    Text(
        "Valgene skrives ved siden av hvert tall, og kan ikke endres når kontrakten er i gang.",
        "The choices are printed beside each figure, and cannot change once the contract runs.",
    ),
)
COUNTED = Part(
    "counted",
    Text("Hvor energien telles", "Where energy is counted"),
    (
        _of_counted("", Text("Energien telles fra", "Energy is counted from"), required=True),
        *(
            _of_counted(each.key, Text(f"Unntak: {each.label.nb}", f"Exception: {each.label.en}"), required=False)
            for each in carriers.CARRIERS
            if not each.made_on_site
        ),
    ),
    Text(
        "Hver mengde teller én gang. Det andre som rapporteres, brukes til å kontrollere.",
        "Each amount counts once. What else is reported is used to check.",
    ),
    rare=Text("Unntak for enkelte energibærere", "Exceptions for single energy carriers"),
)


SUGGESTED_FUEL = "nir-2021"


def suggested() -> dict[str, str]:
    """A basis to begin with, so that a draft can be read; no contract starts before somebody has gone through it."""
    return Basis(fuel=edition(SUGGESTED_FUEL)).dump()


def not_asked_for() -> set[str]:
    """Choices of `Basis` that no fact asks for. There must be none."""
    asked = {fact.key.removeprefix(BASIS_KEY) for fact in BASIS.facts}
    chosen = {field.name for field in dataclasses.fields(Basis)}
    return chosen - asked - (set() if efficiencies() else {"efficiency"})
