"""What is asked of the lines of machinery: the rules, and the functions that find where each strikes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from portal.kinds import carriers, checks
from portal.kinds.base import Function, Hit, Kind, Line, Parameter, Rule, Setting
from portal.kinds.carriers import CountedFrom
from portal.kinds.checks import number, said
from portal.text import Text

_NAMES = ("machine", "carrier")


def hours_in_period(
    kind: Kind, lines: Sequence[Line], setting: Setting, parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """A machine cannot run more hours than the days that it stood on the contract have."""
    whole = (setting.ends_on - setting.starts_on).days + 1
    for machine, own in by_machine(lines).items():
        days = setting.units[machine].days if machine in setting.units else whole
        most = days * parameters["hours_a_day"]
        hours = sum((line.number("hours") or Decimal(0) for line in own), Decimal(0))
        if hours > most:
            values = {**said(kind, own[0], "machine"), "hours": number(hours), "most": number(most), "days": days}
            yield from (Hit(line.key, "hours", values) for line in own)


def machine_once(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """A machine stands once for each carrier; more is likely a copy."""
    for line, _first in checks.repeated(lines, lambda line: tuple(line.text(key) for key in _NAMES)):
        yield Hit(line.key, "machine", said(kind, line, *_NAMES))


def hours_without_amount(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """The machine ran, and used nothing."""
    yield from (Hit(line.key, "amount", said(kind, line, "machine")) for line in lines if _given(line) == (True, False))


def amount_without_hours(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """The machine used energy, and never ran."""
    yield from (Hit(line.key, "hours", said(kind, line, "machine")) for line in lines if _given(line) == (False, True))


def stage_fits_carrier(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """Zero-emission carriers and the zero-emission stage belong together; a generator's current is on either."""
    for line in lines:
        key, stage = line.text("carrier"), line.text("stage")
        if not key or not stage or carriers.carrier(key).made_on_site:
            continue
        if carriers.carrier(key).zero_emission != (stage == "zero_emission"):
            yield Hit(line.key, "stage", said(kind, line, "machine", "carrier", "stage"))


def counted_at_generator(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """Current made on site counts as the fuel it was made from."""
    for line in lines:
        if line.text("carrier") and carriers.carrier(line.text("carrier")).made_on_site:
            yield Hit(line.key, "carrier", said(kind, line, "machine"))


def generator_told(
    kind: Kind, lines: Sequence[Line], setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """Where machines ran on a generator, somebody tells what the generator burnt; else its energy counts nowhere."""
    fed = [line for line in lines if line.text("carrier") == "electricity_generator" and line.number("amount")]
    generators = {key for key, unit in setting.units.items() if unit.type == "generator"}
    by_machine = any(line.text("machine") in generators and line.number("amount") for line in lines)
    by_delivery = any(line.number("amount") for line in setting.others.get(CountedFrom.DELIVERIES, ()))
    if fed and not by_machine and not by_delivery:
        yield Hit(fed[0].key, "carrier", said(kind, fed[0], "machine"))


def use_an_hour(
    kind: Kind, lines: Sequence[Line], setting: Setting, parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """Litres an hour far from what machines of that type and size use."""
    for line in lines:
        unit, rate = setting.units.get(line.text("machine")), _rate(line)
        usual = parameters.get(f"{unit.type}.{unit.size}") if unit else None
        if usual is None or rate is None or line.unit("amount") != "l":
            continue
        if max(rate, usual) > parameters["times"] * min(rate, usual):
            values = {**said(kind, line, "machine"), "rate": number(rate, "l/h"), "usual": number(usual, "l/h")}
            yield Hit(line.key, "amount", values)


def against_history(
    kind: Kind, lines: Sequence[Line], setting: Setting, parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """Use an hour far from what this very machine used in the periods before."""
    now = _rates(lines)
    of = {tuple(line.text(key) for key in _NAMES): line for line in reversed(lines)}
    for key, rate, mean in checks.jumps(now, [_rates(earlier) for earlier in setting.history], parameters):
        line = of[key]
        unit = f"{line.unit('amount')}/h"
        yield Hit(
            line.key, "amount", {**said(kind, line, *_NAMES), "rate": number(rate, unit), "mean": number(mean, unit)}
        )


def _given(line: Line) -> tuple[bool, bool] | None:
    hours, amount = line.number("hours"), line.number("amount")
    return None if hours is None or amount is None else (bool(hours), bool(amount))


def _rate(line: Line) -> Decimal | None:
    hours, amount = line.number("hours"), line.number("amount")
    return amount / hours if amount and hours else None


def _rates(lines: Sequence[Line]) -> dict[checks.Key, Decimal]:
    hours, amounts = checks.amounts(lines, _NAMES, "hours"), checks.amounts(lines, _NAMES, "amount")
    return {key: amount / hours[key] for key, amount in amounts.items() if amount and hours[key]}


def by_machine(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """The lines of each machine, in the order of the report."""
    found: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        found[line.text("machine")].append(line)
    return found


FUNCTIONS: Mapping[str, Function] = {
    "machinery.hours_in_period@1": hours_in_period,
    "machinery.machine_once@1": machine_once,
    "machinery.hours_without_amount@1": hours_without_amount,
    "machinery.amount_without_hours@1": amount_without_hours,
    "machinery.stage_fits_carrier@1": stage_fits_carrier,
    "machinery.counted_at_generator@1": counted_at_generator,
    "machinery.generator_told@1": generator_told,
    "machinery.ten_times_previous@1": checks.ten_times_previous(*_NAMES),
    "machinery.use_an_hour@1": use_an_hour,
    "machinery.against_history@1": against_history,
}

_CALENDAR = Text("Et døgn har 24 timer.", "A day has 24 hours.")
_UNSOURCED = Text(
    "Vanlig forbruk etter type og vekt, uten kjent kilde. Målinger på norske plasser avviker med en faktor på rundt 4. "
    "Brukes bare til å peke ut tall, aldri i en sanksjon.",
    "Usual consumption by type and weight, of unknown source. Measurements on Norwegian sites differ by a factor of "
    "about 4. Only used to point out figures, never in a sanction.",
)
_EXCAVATOR = {"2_5_to_8": "7", "8_to_15": "15", "15_to_25": "22", "25_to_40": "30", "over_40": "40"}
_LITRES_AN_HOUR = {
    "mini_excavator.under_2_5": "4",
    **{
        f"{type_}.{size}": litres
        for type_ in ("crawler_excavator", "wheel_excavator")
        for size, litres in _EXCAVATOR.items()
    },
    "wheel_loader.2_5_to_8": "12",
    "wheel_loader.8_to_15": "18",
    "wheel_loader.15_to_25": "30",
}

RULES = (
    checks.ALL_REPORTED,
    Rule(
        "hours_in_period",
        "error",
        Text(
            "{machine} har {hours} timer, men sto bare {days} dager på plassen i perioden, det er høyst {most} timer. "
            "Rett timene, eller datoene i maskinregisteret.",
            "{machine} has {hours} hours, but stood only {days} days on site in the period, at most {most} hours. "
            "Correct the hours, or the dates in the machine register.",
        ),
        "machinery.hours_in_period@1",
        (Parameter("hours_a_day", Decimal(24), checks.ALWAYS, _CALENDAR, "h"),),
    ),
    Rule(
        "machine_once",
        "warning",
        Text(
            "{machine} står flere ganger med {carrier}. Slett linjen hvis den er en kopi.",
            "{machine} is listed more than once with {carrier}. Delete the line if it is a copy.",
        ),
        "machinery.machine_once@1",
    ),
    Rule(
        "hours_without_amount",
        "warning",
        Text(
            "{machine} har timer, men har ikke brukt energi. Kontroller mengden.",
            "{machine} has hours but has used no energy. Check the amount.",
        ),
        "machinery.hours_without_amount@1",
    ),
    Rule(
        "amount_without_hours",
        "warning",
        Text(
            "{machine} har brukt energi, men har 0 timer. Kontroller timene.",
            "{machine} has used energy but has 0 hours. Check the hours.",
        ),
        "machinery.amount_without_hours@1",
    ),
    Rule(
        "stage_fits_carrier",
        "warning",
        Text(
            "{machine}: {carrier} og «{stage}» passer ikke sammen. Kontroller begge.",
            "{machine}: {carrier} and “{stage}” do not go together. Check both.",
        ),
        "machinery.stage_fits_carrier@1",
    ),
    Rule(
        "counted_at_generator",
        "info",
        Text(
            "{machine} går på strøm fra et aggregat. Energien regnes som aggregatets diesel, og er ikke utslippsfri.",
            "{machine} runs on a generator. Its energy counts as the generator's diesel, and is not zero-emission.",
        ),
        "machinery.counted_at_generator@1",
    ),
    Rule(
        "generator_told",
        "warning",
        Text(
            "{machine} går på strøm fra et aggregat, men drivstoffet til aggregatet er ikke ført. Før det på "
            "aggregatets egen linje eller som levering.",
            "{machine} runs on a generator, but the generator's fuel is not told. Enter it on the generator's own line "
            "or as a delivery.",
        ),
        "machinery.generator_told@1",
    ),
    Rule(
        "ten_times_previous",
        "warning",
        Text(
            "{machine}: {amount} nå, {previous} i forrige periode. Kontroller desimaltegn og enhet.",
            "{machine}: {amount} now, {previous} in the period before. Check decimal sign and unit.",
        ),
        "machinery.ten_times_previous@1",
        (checks.SLIP,),
    ),
    Rule(
        "use_an_hour",
        "flag",
        Text(
            "{machine} bruker {rate}. Vanlig for type og vekt er rundt {usual}.",
            "{machine} uses {rate}. Usual for its type and weight is about {usual}.",
        ),
        "machinery.use_an_hour@1",
        (
            Parameter("times", Decimal(4), checks.ALWAYS, _UNSOURCED, "x"),
            *(
                Parameter(key, Decimal(litres), checks.ALWAYS, _UNSOURCED, "l/h")
                for key, litres in _LITRES_AN_HOUR.items()
            ),
        ),
    ),
    Rule(
        "against_history",
        "flag",
        Text(
            "{machine}, {carrier}: {rate}. Snittet for denne maskinen før var {mean}.",
            "{machine}, {carrier}: {rate}. This machine's own mean before was {mean}.",
        ),
        "machinery.against_history@1",
        (checks.JUMP, checks.PERIODS),
    ),
)
