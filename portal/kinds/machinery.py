"""Machines on site: hours, energy carrier, amount and emission stage, one line per machine and carrier."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from portal.kinds import carriers, definitions, machinery_checks
from portal.kinds.base import Field, FieldType, Function, Indicator, Kind, Line, Measure, Setting
from portal.kinds.carriers import CountedFrom
from portal.kinds.machinery_checks import by_machine
from portal.kinds.register import STAGES
from portal.text import Text

_MOST_AMOUNT = Decimal(1_000_000)


def measures(_kind: Kind, lines: Sequence[Line], setting: Setting) -> dict[str, list[Measure]]:
    """What `carriers.counted` gives, `hours` in h, `machines`: 1 on one line of each machine."""
    counting = _line_that_counts(lines)
    return {line.key: _of_line(line, setting, counts=counting[line.text("machine")] == line.key) for line in lines}


def _of_line(line: Line, setting: Setting, *, counts: bool) -> list[Measure]:
    carrier, stage, hours = line.text("carrier"), line.text("stage"), line.number("hours")
    if not carrier or not stage:
        return []
    clean = "yes" if carriers.carrier(carrier).zero_emission else "no"
    dimensions = {"carrier": carrier, "zero_emission": clean, "stage": stage}
    measured = carriers.counted(
        line,
        "carrier",
        "amount",
        setting,
        reported_from=CountedFrom.USE,
        is_inside=setting.basis.heating != "out" or not _is_heater(line, setting),
        also={"stage": stage},
    )
    measured.append(Measure("machines", Decimal(int(counts)), "", dimensions))
    return measured if hours is None else [*measured, Measure("hours", hours, "h", dimensions)]


def _is_heater(line: Line, setting: Setting) -> bool:
    unit = setting.units.get(line.text("machine"))
    return unit is not None and unit.type == "heater"


def _line_that_counts(lines: Sequence[Line]) -> dict[str, str]:
    """Machine → key of the line that stands for it: one that burnt something, if any, so no hybrid is zero-emission."""

    def weight(line: Line) -> tuple[bool, bool, bool]:
        carrier, used = line.text("carrier"), bool(line.number("amount"))
        burns = bool(carrier) and not carriers.carrier(carrier).zero_emission
        return burns and used, used, burns

    return {machine: max(own, key=weight).key for machine, own in by_machine(lines).items()}


FUNCTIONS: Mapping[str, Function] = {
    "machinery.measures@1": measures,
    "machinery.measures@2": carriers.also_fossil(measures),
    **machinery_checks.FUNCTIONS,
}

KIND = Kind(
    key="machinery",
    title=Text("Maskiner", "Machinery"),
    fields=(
        Field("machine", Text("Maskin", "Machine"), FieldType.CHOICE, source="machines", identity=True),
        Field(
            "carrier",
            Text("Energibærer", "Energy carrier"),
            FieldType.CHOICE,
            choices=carriers.choices(for_machines=True),
            hint=Text(
                "Bruker maskinen to, fører du én linje for hver.", "If the machine uses two, give a line for each."
            ),
        ),
        Field("stage", Text("Utslippssteg", "Emission stage"), FieldType.CHOICE, choices=STAGES),
        Field(
            "hours",
            Text("Driftstimer", "Operating hours"),
            FieldType.NUMBER,
            unit="h",
            minimum=Decimal(0),
            maximum=Decimal(744),
        ),
        Field(
            "amount",
            Text("Mengde", "Amount"),
            FieldType.NUMBER,
            unit_from="carrier",
            minimum=Decimal(0),
            maximum=_MOST_AMOUNT,
            provenance=True,
            hint=Text("Drivstoff eller strøm brukt i perioden.", "Fuel or electricity used in the period."),
        ),
    ),
    indicators=(
        Indicator(
            "zero_emission_share_energy",
            Text("Utslippsfri andel av energien", "Zero-emission share of energy"),
            Text(
                "Energien i strøm og hydrogen til maskinene, delt på energien i alt maskinene har brukt.",
                "The energy in electricity and hydrogen for the machines, divided by the energy in all they have used.",
            ),
            "%",
            "share",
            "energy",
            carriers.ZERO_EMISSION,
            definition=definitions.ZERO_EMISSION_ENERGY,
        ),
        Indicator(
            "zero_emission_share_work",
            Text("Utslippsfri andel ved maskinen", "Zero-emission share at the machine"),
            Text(
                "Som andelen av energien, men hver energibærer ganges først med virkningsgraden.",
                "As the share of energy, but each carrier is first multiplied by its efficiency.",
            ),
            "%",
            "share",
            "work",
            carriers.ZERO_EMISSION,
            definition=definitions.ZERO_EMISSION_WORK,
        ),
        Indicator(
            "zero_emission_share_hours",
            Text("Utslippsfri andel av timene", "Zero-emission share of hours"),
            Text(
                "Timer på strøm og hydrogen, delt på alle driftstimer.",
                "Hours on electricity and hydrogen, divided by all operating hours.",
            ),
            "%",
            "share",
            "hours",
            carriers.ZERO_EMISSION,
            definition=definitions.ZERO_EMISSION_HOURS,
        ),
        Indicator(
            "zero_emission_share_machines",
            Text("Utslippsfri andel av maskinene", "Zero-emission share of machines"),
            Text(
                "Maskiner som bare har brukt strøm eller hydrogen, delt på alle maskiner.",
                "Machines that have used only electricity or hydrogen, divided by all machines.",
            ),
            "%",
            "share",
            "machines",
            carriers.ZERO_EMISSION,
            definition=definitions.ZERO_EMISSION_MACHINES,
        ),
        Indicator(
            "lowest_stage",
            Text("Laveste utslippssteg", "Lowest emission stage"),
            Text(
                "Hvor mange linjer som har en maskin under steget kontrakten krever.",
                "How many lines have a machine below the stage that the contract requires.",
            ),
            "",
            "minimum",
            "machines",
            choices_of="stage",
        ),
        carriers.ENERGY,
        carriers.LIQUID_FUEL,
        carriers.FOSSIL_LINES,
        *carriers.EMISSION_INDICATORS,
        carriers.MEASURED_SHARE,
    ),
    measures="machinery.measures@2",
    rules=machinery_checks.RULES,
    tells=CountedFrom.USE.value,
)
