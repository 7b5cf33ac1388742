"""Machines on site: hours, energy carrier, amount and emission stage, one line per machine and carrier."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from portal.kinds import carriers
from portal.kinds.base import Choice, Field, FieldType, Function, Indicator, Kind, Line, Measure, Problem, Setting
from portal.quantities import shown
from portal.text import Text

STAGES = (
    Choice("older", Text("Eldre enn steg I", "Older than stage I")),
    *(Choice(stage, Text(f"Steg {stage}", f"Stage {stage}")) for stage in ("I", "II", "IIIA", "IIIB", "IV", "V")),
    Choice("zero_emission", Text("Utslippsfri", "Zero-emission")),
)
"""Emission stages from the lowest to the highest (Regulation (EU) 2016/1628 and its forerunners)."""

_HOURS_A_DAY = 24
_SLIP = 10
_MOST_AMOUNT = Decimal(1_000_000)


def measures(_kind: Kind, lines: Sequence[Line], setting: Setting) -> dict[str, list[Measure]]:
    """Energy, emissions and litres (`carriers.counted`), `hours` in h, `machines`: 1 on one line of each machine."""
    counting = _line_that_counts(lines)
    return {line.key: _of_line(line, setting, counts=counting[line.text("machine")] == line.key) for line in lines}


def hours_in_period(kind: Kind, lines: Sequence[Line], setting: Setting) -> Iterator[Problem]:
    """A machine cannot run more hours than the period has."""
    most = Decimal(((setting.ends_on - setting.starts_on).days + 1) * _HOURS_A_DAY)
    for own in _by_machine(lines).values():
        hours = sum((line.number("hours") or Decimal(0) for line in own), Decimal(0))
        if hours > most:
            words = _TOO_MANY_HOURS.with_values(
                machine=_machine(kind, own[0]), hours=_number(hours), most=_number(most)
            )
            yield from (Problem("machinery.hours_in_period@1", words, "hours", line.key) for line in own)


def machine_once(kind: Kind, lines: Sequence[Line], _setting: Setting) -> Iterator[Problem]:
    """A machine stands once for each carrier; more is likely a copy."""
    seen: set[tuple[str, str]] = set()
    for line in lines:
        same_line = (line.text("machine"), line.text("carrier"))
        if same_line in seen:
            words = _TWICE.with_values(machine=_machine(kind, line), carrier=kind.words("carrier", line.values))
            yield Problem("machinery.machine_once@1", words, "machine", line.key, "warning")
        seen.add(same_line)


def hours_and_amount(kind: Kind, lines: Sequence[Line], _setting: Setting) -> Iterator[Problem]:
    """Energy without hours, or hours without energy."""
    for line in lines:
        hours, amount = line.number("hours"), line.number("amount")
        if hours is None or amount is None or bool(hours) == bool(amount):
            continue
        words, field = (_NO_AMOUNT, "amount") if hours else (_NO_HOURS, "hours")
        text = words.with_values(machine=_machine(kind, line))
        yield Problem("machinery.hours_and_amount@1", text, field, line.key, "warning")


def stage_fits_carrier(kind: Kind, lines: Sequence[Line], _setting: Setting) -> Iterator[Problem]:
    """Zero-emission carriers and the zero-emission stage belong together."""
    clean = {each.key for each in carriers.CARRIERS if each.zero_emission}
    for line in lines:
        carrier, stage = line.text("carrier"), line.text("stage")
        if carrier and stage and (carrier in clean) != (stage == "zero_emission"):
            text = _STAGE.with_values(
                machine=_machine(kind, line),
                carrier=kind.words("carrier", line.values),
                stage=kind.words("stage", line.values),
            )
            yield Problem("machinery.stage_fits_carrier@1", text, "stage", line.key, "warning")


def ten_times_previous(kind: Kind, lines: Sequence[Line], setting: Setting) -> Iterator[Problem]:
    """Ten times more or less than in the period before: a slipped decimal point, or another unit."""
    before = _amounts(setting.previous)
    now = _amounts(lines)
    for line in lines:
        key = (line.text("machine"), line.text("carrier"))
        amount, previous = now.get(key, Decimal(0)), before.get(key, Decimal(0))
        if amount and previous and max(amount, previous) >= _SLIP * min(amount, previous):
            unit = line.unit("amount")
            text = _SLIPPED.with_values(
                machine=_machine(kind, line), amount=_number(amount, unit), previous=_number(previous, unit)
            )
            yield Problem("machinery.ten_times_previous@1", text, "amount", line.key, "warning")


def _of_line(line: Line, setting: Setting, *, counts: bool) -> list[Measure]:
    carrier, stage, hours = line.text("carrier"), line.text("stage"), line.number("hours")
    if not carrier or not stage:
        return []
    clean = "yes" if carriers.carrier(carrier).zero_emission else "no"
    dimensions = {"carrier": carrier, "zero_emission": clean, "stage": stage}
    measured = carriers.counted(line, "carrier", "amount", setting, stage=stage)
    measured.append(Measure("machines", Decimal(int(counts)), "", dimensions))
    return measured if hours is None else [*measured, Measure("hours", hours, "h", dimensions)]


def _line_that_counts(lines: Sequence[Line]) -> dict[str, str]:
    """Machine → key of the line that stands for it: one that burns something, if any, so no hybrid is zero-emission."""

    def burns(line: Line) -> bool:
        carrier = line.text("carrier")
        return bool(carrier) and not carriers.carrier(carrier).zero_emission

    return {machine: max(own, key=burns).key for machine, own in _by_machine(lines).items()}


def _by_machine(lines: Sequence[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        found[line.text("machine")].append(line)
    return found


def _amounts(lines: Sequence[Line]) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in lines:
        found[line.text("machine"), line.text("carrier")] += line.number("amount") or 0
    return found


def _machine(kind: Kind, line: Line) -> Text:
    return kind.words("machine", line.values)


def _number(number: Decimal, unit: str = "") -> Text:
    return Text(*(f"{shown(number, language)}\u00a0{unit}".rstrip() for language in ("nb", "en")))


_TOO_MANY_HOURS = Text(
    "{machine} har {hours} timer, men perioden har bare {most}. Rett timene.",
    "{machine} has {hours} hours, but the period has only {most}. Correct the hours.",
)
_TWICE = Text(
    "{machine} står flere ganger med {carrier}. Slett linjen hvis den er en kopi.",
    "{machine} is listed more than once with {carrier}. Delete the line if it is a copy.",
)
_NO_HOURS = Text(
    "{machine} har brukt energi, men har 0 timer. Kontroller timene.",
    "{machine} has used energy but has 0 hours. Check the hours.",
)
_NO_AMOUNT = Text(
    "{machine} har timer, men har ikke brukt energi. Kontroller mengden.",
    "{machine} has hours but has used no energy. Check the amount.",
)
_STAGE = Text(
    "{machine}: {carrier} og «{stage}» passer ikke sammen. Kontroller begge.",
    "{machine}: {carrier} and “{stage}” do not go together. Check both.",
)
_SLIPPED = Text(
    "{machine}: {amount} nå, {previous} i forrige periode. Kontroller desimaltegn og enhet.",
    "{machine}: {amount} now, {previous} in the period before. Check decimal sign and unit.",
)

FUNCTIONS: Mapping[str, Function] = {
    "machinery.measures@1": measures,
    "machinery.hours_in_period@1": hours_in_period,
    "machinery.machine_once@1": machine_once,
    "machinery.hours_and_amount@1": hours_and_amount,
    "machinery.stage_fits_carrier@1": stage_fits_carrier,
    "machinery.ten_times_previous@1": ten_times_previous,
}

_ZERO_EMISSION = {"zero_emission": "yes"}

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
            _ZERO_EMISSION,
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
            _ZERO_EMISSION,
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
            _ZERO_EMISSION,
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
        Indicator(
            "energy",
            Text("Energibruk", "Energy use"),
            Text("Energien i alt maskinene har brukt.", "The energy in all that the machines have used."),
            "kWh",
            "sum",
            "energy",
            lower_is_better=True,
        ),
        carriers.LIQUID_FUEL,
        *carriers.EMISSION_INDICATORS,
        carriers.MEASURED_SHARE,
    ),
    measures="machinery.measures@1",
    rules=(
        "machinery.hours_in_period@1",
        "machinery.machine_once@1",
        "machinery.hours_and_amount@1",
        "machinery.stage_fits_carrier@1",
        "machinery.ten_times_previous@1",
    ),
)
