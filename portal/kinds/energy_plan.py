"""Filed once, after the start: the energy that the work is planned to take, by carrier and use, and how."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from portal.kinds import carriers, checks, definitions
from portal.kinds.base import Choice, Field, FieldType, Function, Hit, Indicator, Kind, Line, Measure, Rule, Setting
from portal.kinds.checks import said
from portal.text import Text

_MOST_AMOUNT = Decimal(100_000_000)
_NAMES = ("use", "carrier")


def measures(_kind: Kind, lines: Sequence[Line], setting: Setting) -> dict[str, list[Measure]]:
    """What `carriers.counted` gives, counting nowhere: planned is not used. `clean_machines` planned."""
    return {line.key: _of_line(line, setting) for line in lines}


def _of_line(line: Line, setting: Setting) -> list[Measure]:
    also = {"use": line.text("use")}
    measured = carriers.counted(line, "carrier", "amount", setting, reported_from=None, is_inside=False, also=also)
    machines = line.number("machines") or Decimal(0)
    return [*measured, Measure("clean_machines", machines, "", also)] if measured else []


def line_once(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """A carrier stands once for each use."""
    for line, _first in checks.repeated(lines, lambda line: tuple(line.text(key) for key in _NAMES)):
        yield Hit(line.key, "carrier", said(kind, line, *_NAMES))


def machines_are_clean(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """Zero-emission machines run on a zero-emission carrier."""
    for line in lines:
        key = line.text("carrier")
        if key and line.number("machines") and not carriers.carrier(key).zero_emission:
            yield Hit(line.key, "machines", said(kind, line, "carrier"))


FUNCTIONS: Mapping[str, Function] = {
    "energy_plan.measures@1": measures,
    "energy_plan.line_once@1": line_once,
    "energy_plan.machines_are_clean@1": machines_are_clean,
}

FORESEES: Mapping[str, str] = {
    "energy": "energy",
    "zero_emission_share_energy": "zero_emission_share_energy",
    "liquid_fuel": "liquid_fuel",
    "emissions_co2": "emissions_co2",
    "emissions_co2e": "emissions_co2e",
}
"""Indicator of the plan -> that of the whole site which it foresees."""

KIND = Kind(
    key="energy_plan",
    title=Text("Planlagt energi", "Planned energy"),
    fields=(
        Field(
            "use",
            Text("Brukt til", "Used for"),
            FieldType.CHOICE,
            choices=(
                Choice("machines", Text("Maskiner", "Machines")),
                Choice("transport", Text("Transport", "Transport")),
                Choice("heating", Text("Oppvarming og tørking", "Heating and drying")),
                Choice("huts", Text("Brakkerigg og kontor", "Site huts and office")),
                Choice("works", Text("Byggestrøm og annet", "Power for the works and other")),
            ),
        ),
        Field("carrier", Text("Energibærer", "Energy carrier"), FieldType.CHOICE, choices=carriers.choices()),
        Field(
            "amount",
            Text("Mengde i hele kontrakten", "Amount over the whole contract"),
            FieldType.NUMBER,
            unit_from="carrier",
            minimum=Decimal(0),
            maximum=_MOST_AMOUNT,
            provenance=True,
            hint=Text("Det dere regner med å bruke fra start til slutt.", "What you expect to use from start to end."),
        ),
        Field(
            "machines",
            Text("Utslippsfrie maskiner", "Zero-emission machines"),
            FieldType.NUMBER,
            required=False,
            minimum=Decimal(0),
            maximum=Decimal(1000),
            hint=Text("Antall. Bare for strøm og hydrogen.", "How many. Only electricity and hydrogen."),
        ),
        Field(
            "how",
            Text("Slik skal det gjøres", "How it will be done"),
            FieldType.TEXT,
            longest=500,
            hint=Text(
                "For eksempel «Leies av NN fra mars, lades fra byggestrømmen».",
                "For example “Hired from NN from March, charged from the site's power”.",
            ),
        ),
    ),
    indicators=(
        carriers.ENERGY,
        Indicator(
            "zero_emission_share_energy",
            Text("Utslippsfri andel av energien", "Zero-emission share of energy"),
            Text(
                "Planlagt energi i strøm og hydrogen, delt på all planlagt energi.",
                "Planned energy in electricity and hydrogen, divided by all planned energy.",
            ),
            "%",
            "share",
            "energy",
            carriers.ZERO_EMISSION,
            definition=definitions.ZERO_EMISSION_ENERGY,
        ),
        Indicator(
            "clean_machines",
            Text("Utslippsfrie maskiner", "Zero-emission machines"),
            Text("Antall utslippsfrie maskiner i planen.", "How many zero-emission machines are in the plan."),
            "",
            "sum",
            "clean_machines",
        ),
        carriers.LIQUID_FUEL,
        *carriers.EMISSION_INDICATORS,
    ),
    measures="energy_plan.measures@1",
    rules=(
        Rule(
            "line_once",
            "warning",
            Text(
                "{carrier} til «{use}» står flere ganger. Slett linjen hvis den er en kopi.",
                "{carrier} for “{use}” is listed more than once. Delete the line if it is a copy.",
            ),
            "energy_plan.line_once@1",
        ),
        Rule(
            "machines_are_clean",
            "warning",
            Text(
                "Maskiner som går på {carrier}, er ikke utslippsfrie. Kontroller antallet.",
                "Machines that run on {carrier} are not zero-emission. Check the number.",
            ),
            "energy_plan.machines_are_clean@1",
        ),
    ),
)
