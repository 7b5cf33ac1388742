"""Energy on the site by meter: charging, heating and drying, site huts and the rest, district heat too."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from portal.kinds import carriers, checks, definitions, reconciling
from portal.kinds.base import Choice, Field, FieldType, Function, Hit, Indicator, Kind, Line, Measure, Rule, Setting
from portal.kinds.carriers import CountedFrom
from portal.kinds.checks import number, said
from portal.text import Text

_MOST_AMOUNT = Decimal(10_000_000)
_NAMES = ("meter", "carrier")
HEATING = "heating"


def measures(_kind: Kind, lines: Sequence[Line], setting: Setting) -> dict[str, list[Measure]]:
    """What `carriers.counted` gives. What a meter gave the machines is told by the machines too; the rest is not."""
    return {line.key: _of_line(line, setting) for line in lines}


def _of_line(line: Line, setting: Setting) -> list[Measure]:
    """Fuel for heating may be told by deliveries as well: then it counts there."""
    purpose = line.text("purpose")
    told_elsewhere = purpose == reconciling.MACHINES or _by_delivery(line, setting)
    return carriers.counted(
        line,
        "carrier",
        "amount",
        setting,
        reported_from=CountedFrom.METERS if told_elsewhere else None,
        is_inside=setting.basis.heating != "out" or purpose != HEATING,
        also={"purpose": purpose, "heating": "yes" if purpose == HEATING else "no"},
    )


def _by_delivery(line: Line, setting: Setting) -> bool:
    return carriers.counted_from(setting.counted, line.text("carrier")) == CountedFrom.DELIVERIES


def meter_once(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """A meter is read once a period for each purpose."""
    for line, _first in checks.repeated(
        lines, lambda line: (*(line.text(key) for key in _NAMES), line.text("purpose"))
    ):
        yield Hit(line.key, "meter", said(kind, line, "meter"))


def against_history(
    kind: Kind, lines: Sequence[Line], setting: Setting, parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """Far from what this meter showed in the periods before."""
    of = {tuple(line.text(key) for key in _NAMES): line for line in reversed(lines)}
    earlier = [checks.amounts(lines_before, _NAMES, "amount") for lines_before in setting.history]
    for key, amount, mean in checks.jumps(checks.amounts(lines, _NAMES, "amount"), earlier, parameters):
        unit = of[key].unit("amount")
        values = {"amount": number(amount, unit), "mean": number(mean, unit)}
        yield Hit(of[key].key, "amount", {**said(kind, of[key], *_NAMES), **values})


def reconciles(kind: Kind, lines: Sequence[Line], setting: Setting, parameters: Mapping[str, Decimal]) -> Iterator[Hit]:
    """What the meters gave the machines is what the machines report to have got."""
    if CountedFrom.USE not in setting.others:
        return
    own = reconciling.metered(lines, for_machines=True)
    for each in reconciling.differences(own, reconciling.used(setting.others), parameters["tolerance"]):
        line = next(line for line in lines if line.text("carrier") == each.carrier and _is_for_machines(line))
        unit = line.unit("amount")
        values = {
            "own": number(each.own, unit),
            "other": number(each.other, unit),
            "share": number(each.share * 100, "%"),
        }
        yield Hit(line.key, "amount", {**said(kind, line, "carrier"), **values})


def counted_here(
    kind: Kind, lines: Sequence[Line], setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """What the contract counts from meters, and machines report to have used, has a meter."""
    own = reconciling.metered(lines, for_machines=True)
    used = reconciling.used(setting.others)
    for carrier, amount in reconciling.untold(own, used, setting.counted, CountedFrom.METERS):
        choice = kind.column("carrier").choice(carrier)
        if choice:
            yield Hit(values={"carrier": choice.label, "amount": number(amount, choice.unit)})


def _is_for_machines(line: Line) -> bool:
    return line.text("purpose") == reconciling.MACHINES


FUNCTIONS: Mapping[str, Function] = {
    "energy.measures@1": measures,
    "energy.measures@2": carriers.also_fossil(measures),
    "energy.meter_once@1": meter_once,
    "energy.ten_times_previous@1": checks.ten_times_previous(*_NAMES),
    "energy.against_history@1": against_history,
    "energy.reconciles@1": reconciles,
    "energy.counted_here@1": counted_here,
}

RULES = (
    Rule(
        "meter_once",
        "warning",
        Text(
            "{meter} står flere ganger med samme formål. Slett linjen hvis den er en kopi.",
            "{meter} is listed more than once for the same purpose. Delete the line if it is a copy.",
        ),
        "energy.meter_once@1",
    ),
    Rule(
        "ten_times_previous",
        "warning",
        Text(
            "{meter}: {amount} nå, {previous} i forrige periode. Kontroller desimaltegn og enhet.",
            "{meter}: {amount} now, {previous} in the period before. Check decimal sign and unit.",
        ),
        "energy.ten_times_previous@1",
        (checks.SLIP,),
    ),
    Rule(
        "against_history",
        "flag",
        Text(
            "{meter}, {carrier}: {amount}. Snittet for denne måleren før var {mean}.",
            "{meter}, {carrier}: {amount}. This meter's own mean before was {mean}.",
        ),
        "energy.against_history@1",
        (checks.JUMP, checks.PERIODS),
    ),
    Rule(
        "reconciles",
        "warning",
        Text(
            "{carrier} til maskiner: målerne viser {own}, men maskinene har ført {other}. Forskjellen er {share}. "
            "Rett det som er feil, eller skriv hvorfor.",
            "{carrier} for machines: the meters show {own}, but the machines report {other}. "
            "The difference is {share}. Correct what is wrong, or say why.",
        ),
        "energy.reconciles@1",
        (reconciling.TOLERANCE,),
    ),
    Rule(
        "counted_here",
        "warning",
        Text(
            "{carrier}: {amount} er ført på maskiner og kjøretøy, men her er det ingen måler for lading. Kontrakten "
            "teller fra målerne, så dette teller som 0. Før målerne, eller skriv hvorfor.",
            "{carrier}: {amount} is reported on machines and vehicles, but there is no meter for charging here. The "
            "contract counts from meters, so this counts as 0. Report the meters, or say why.",
        ),
        "energy.counted_here@1",
    ),
)

KIND = Kind(
    key="energy",
    title=Text("Energi på plassen", "Energy on site"),
    fields=(
        Field(
            "meter",
            Text("Måler eller sted", "Meter or place"),
            FieldType.TEXT,
            identity=True,
            longest=60,
            hint=Text(
                "Målernummer, eller for eksempel «Fjernvarme bygg A».",
                "Meter number, or say “District heat, building A”.",
            ),
        ),
        Field(
            "purpose",
            Text("Brukt til", "Used for"),
            FieldType.CHOICE,
            choices=(
                Choice(reconciling.MACHINES, Text("Lading av maskiner og kjøretøy", "Charging machines and vehicles")),
                Choice(HEATING, Text("Oppvarming og tørking", "Heating and drying")),
                Choice("huts", Text("Brakkerigg og kontor", "Site huts and office")),
                Choice("works", Text("Byggestrøm og annet", "Power for the works and other")),
            ),
        ),
        Field("carrier", Text("Energibærer", "Energy carrier"), FieldType.CHOICE, choices=carriers.choices()),
        Field(
            "amount",
            Text("Mengde", "Amount"),
            FieldType.NUMBER,
            unit_from="carrier",
            minimum=Decimal(0),
            maximum=_MOST_AMOUNT,
            provenance=True,
            hint=Text("Forbruket i perioden, ikke målerstanden.", "What was used in the period, not the reading."),
        ),
    ),
    indicators=(
        carriers.ENERGY,
        Indicator(
            "heating_energy",
            Text("Energi til oppvarming og tørking", "Energy for heating and drying"),
            Text("Energien på linjer for oppvarming og tørking.", "The energy on lines for heating and drying."),
            "kWh",
            "sum",
            "energy",
            {"heating": "yes"},
            lower_is_better=True,
        ),
        Indicator(
            "zero_emission_share_energy",
            Text("Utslippsfri andel av energien", "Zero-emission share of energy"),
            Text(
                "Energien i strøm, delt på energien på alle målere.",
                "The energy in electricity, divided by that on all meters.",
            ),
            "%",
            "share",
            "energy",
            carriers.ZERO_EMISSION,
            definition=definitions.ZERO_EMISSION_ENERGY,
        ),
        carriers.FOSSIL_LINES,
        *carriers.EMISSION_INDICATORS,
        carriers.MEASURED_SHARE,
    ),
    measures="energy.measures@2",
    rules=RULES,
    tells=CountedFrom.METERS.value,
)
