"""Transport with lorries and vans: kilometres, load, fuel or electricity, Euro class, inside and outside the fence."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from portal.kinds import carriers, checks, definitions, reconciling
from portal.kinds.base import (
    Choice,
    Field,
    FieldType,
    Function,
    Hit,
    Indicator,
    Kind,
    Line,
    Measure,
    Parameter,
    Rule,
    Setting,
)
from portal.kinds.carriers import CountedFrom
from portal.kinds.checks import number, said
from portal.kinds.register import EURO_CLASSES
from portal.text import Text

_NAMES = ("vehicle", "carrier")
INSIDE, OUTSIDE = "inside", "outside"


def measures(_kind: Kind, lines: Sequence[Line], setting: Setting) -> dict[str, list[Measure]]:
    """What `carriers.counted` gives, `distance` in km, `transport_work` in tkm, `vehicles`: 1 on each line."""
    return {line.key: _of_line(line, setting) for line in lines}


def _of_line(line: Line, setting: Setting) -> list[Measure]:
    key, distance, load = line.text("carrier"), line.number("distance"), line.number("load")
    if not key:
        return []
    also = {name: line.text(name) for name in ("euro_class", "purpose", "fence") if line.text(name)}
    clean = "yes" if carriers.carrier(key).zero_emission else "no"
    dimensions = {"carrier": key, "zero_emission": clean, **also}
    filled_here = line.text("filled") == reconciling.SITE
    measured = carriers.counted(
        line,
        "carrier",
        "amount",
        setting,
        reported_from=CountedFrom.USE if filled_here else None,
        is_inside=setting.basis.boundary == OUTSIDE or line.text("fence") == INSIDE,
        also=also,
    )
    measured.append(Measure("vehicles", Decimal(1), "", dimensions))
    if distance is not None:
        measured.append(Measure("distance", distance, "km", dimensions))
        if load is not None:
            measured.append(Measure("transport_work", distance * load, "tkm", dimensions))
    return measured


def vehicle_once(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """A vehicle stands once for each carrier, errand and side of the fence."""
    for line, _first in checks.repeated(
        lines, lambda line: tuple(line.text(key) for key in (*_NAMES, "purpose", "fence", "filled"))
    ):
        yield Hit(line.key, "vehicle", said(kind, line, *_NAMES))


def class_fits_carrier(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """Zero-emission carriers and the zero-emission class belong together."""
    for line in lines:
        key, euro = line.text("carrier"), line.text("euro_class")
        if key and euro and carriers.carrier(key).zero_emission != (euro == "zero_emission"):
            yield Hit(line.key, "euro_class", said(kind, line, "vehicle", "carrier", "euro_class"))


def amount_given(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """Kilometres without fuel or current: the energy of the line is then unknown, and is never guessed."""
    for line in lines:
        if line.number("distance") and not line.number("amount"):
            yield Hit(line.key, "amount", said(kind, line, "vehicle"))


def use_a_distance(
    kind: Kind, lines: Sequence[Line], _setting: Setting, parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """More litres to 10 km than any lorry burns: kilometres and litres have likely changed places."""
    for line in lines:
        distance, amount = line.number("distance"), line.number("amount")
        if distance and amount and line.unit("amount") == "l" and amount * 10 / distance > parameters["litres"]:
            values = {**said(kind, line, "vehicle"), "rate": number(amount * 10 / distance, "l")}
            yield Hit(line.key, "amount", values)


FUNCTIONS: Mapping[str, Function] = {
    "transport.measures@1": measures,
    "transport.measures@2": carriers.also_fossil(measures),
    "transport.vehicle_once@1": vehicle_once,
    "transport.class_fits_carrier@1": class_fits_carrier,
    "transport.amount_given@1": amount_given,
    "transport.use_a_distance@1": use_a_distance,
    "transport.ten_times_previous@1": checks.ten_times_previous(*_NAMES),
}

RULES = (
    checks.ALL_REPORTED,
    Rule(
        "vehicle_once",
        "warning",
        Text(
            "{vehicle} står flere ganger med {carrier} og samme oppdrag. Slett linjen hvis den er en kopi.",
            "{vehicle} is listed more than once with {carrier} and the same errand. Delete the line if it is a copy.",
        ),
        "transport.vehicle_once@1",
    ),
    Rule(
        "class_fits_carrier",
        "warning",
        Text(
            "{vehicle}: {carrier} og «{euro_class}» passer ikke sammen. Kontroller begge.",
            "{vehicle}: {carrier} and “{euro_class}” do not go together. Check both.",
        ),
        "transport.class_fits_carrier@1",
    ),
    Rule(
        "amount_given",
        "warning",
        Text(
            "{vehicle} har kjørt, men har ikke ført drivstoff eller strøm. Uten det er energien 0.",
            "{vehicle} has driven but reports no fuel or electricity. Without that its energy is 0.",
        ),
        "transport.amount_given@1",
    ),
    Rule(
        "use_a_distance",
        "flag",
        Text(
            "{vehicle} bruker {rate} på mila. Kontroller kilometer og liter.",
            "{vehicle} uses {rate} for 10 km. Check kilometres and litres.",
        ),
        "transport.use_a_distance@1",
        (Parameter("litres", Decimal(10), checks.ALWAYS, checks.OURS, "l/10 km"),),
    ),
    Rule(
        "ten_times_previous",
        "warning",
        Text(
            "{vehicle}: {amount} nå, {previous} i forrige periode. Kontroller desimaltegn og enhet.",
            "{vehicle}: {amount} now, {previous} in the period before. Check decimal sign and unit.",
        ),
        "transport.ten_times_previous@1",
        (checks.SLIP,),
    ),
)

KIND = Kind(
    key="transport",
    title=Text("Transport", "Transport"),
    fields=(
        Field("vehicle", Text("Kjøretøy", "Vehicle"), FieldType.CHOICE, source="vehicles", identity=True),
        Field(
            "carrier",
            Text("Energibærer", "Energy carrier"),
            FieldType.CHOICE,
            choices=carriers.choices(for_machines=True),
        ),
        Field("euro_class", Text("Euroklasse", "Euro class"), FieldType.CHOICE, choices=EURO_CLASSES),
        Field(
            "purpose",
            Text("Oppdrag", "Errand"),
            FieldType.CHOICE,
            choices=(
                Choice("masses", Text("Masser", "Masses")),
                Choice("materials", Text("Materialer", "Materials")),
                Choice("waste", Text("Avfall", "Waste")),
                Choice("machines", Text("Flytting av maskiner", "Moving machines")),
                Choice("other", Text("Annet", "Other")),
            ),
        ),
        Field(
            "fence",
            Text("Hvor", "Where"),
            FieldType.CHOICE,
            choices=(
                Choice(INSIDE, Text("Innenfor gjerdet", "Inside the fence")),
                Choice(OUTSIDE, Text("Utenfor gjerdet", "Outside the fence")),
            ),
        ),
        Field(
            "distance",
            Text("Kilometer", "Kilometres"),
            FieldType.NUMBER,
            unit="km",
            minimum=Decimal(0),
            maximum=Decimal(100_000),
        ),
        Field(
            "load",
            Text("Last", "Load"),
            FieldType.NUMBER,
            unit="t",
            required=False,
            minimum=Decimal(0),
            maximum=Decimal(1000),
            summed=False,
            hint=Text("Tonn i snitt på turene.", "Tonnes on an average trip."),
        ),
        Field(
            "amount",
            Text("Mengde", "Amount"),
            FieldType.NUMBER,
            unit_from="carrier",
            minimum=Decimal(0),
            maximum=Decimal(1_000_000),
            provenance=True,
            hint=Text("Drivstoff eller strøm brukt i perioden.", "Fuel or electricity used in the period."),
        ),
        Field(
            "filled",
            Text("Fylt eller ladet", "Filled or charged"),
            FieldType.CHOICE,
            choices=(
                Choice("elsewhere", Text("Et annet sted", "Elsewhere")),
                Choice(reconciling.SITE, Text("På plassen", "On the site")),
            ),
        ),
    ),
    indicators=(
        Indicator(
            "zero_emission_share_energy",
            Text("Utslippsfri andel av energien", "Zero-emission share of energy"),
            Text(
                "Energien i strøm og hydrogen til kjøretøyene, delt på energien i alt de har brukt.",
                "The energy in electricity and hydrogen for the vehicles, divided by the energy in all they have used.",
            ),
            "%",
            "share",
            "energy",
            carriers.ZERO_EMISSION,
            definition=definitions.ZERO_EMISSION_ENERGY,
        ),
        Indicator(
            "zero_emission_share_distance",
            Text("Utslippsfri andel av kilometerne", "Zero-emission share of kilometres"),
            Text(
                "Kilometer på strøm og hydrogen, delt på alle.",
                "Kilometres on electricity and hydrogen, divided by all.",
            ),
            "%",
            "share",
            "distance",
            carriers.ZERO_EMISSION,
            definition=definitions.ZERO_EMISSION_DISTANCE,
        ),
        Indicator(
            "lowest_euro_class",
            Text("Laveste euroklasse", "Lowest Euro class"),
            Text(
                "Hvor mange linjer som har et kjøretøy under klassen kontrakten krever.",
                "How many lines have a vehicle below the class that the contract requires.",
            ),
            "",
            "minimum",
            "vehicles",
            choices_of="euro_class",
        ),
        carriers.ENERGY,
        Indicator(
            "distance",
            Text("Kjørte kilometer", "Kilometres driven"),
            Text("Alle kilometer, innenfor og utenfor gjerdet.", "All kilometres, inside and outside the fence."),
            "km",
            "sum",
            "distance",
            lower_is_better=True,
        ),
        Indicator(
            "transport_work",
            Text("Transportarbeid", "Transport work"),
            Text("Tonn ganger kilometer, der lasten er ført.", "Tonnes times kilometres, where the load is given."),
            "tkm",
            "sum",
            "transport_work",
            lower_is_better=True,
        ),
        carriers.LIQUID_FUEL,
        carriers.FOSSIL_LINES,
        *carriers.EMISSION_INDICATORS,
        carriers.MEASURED_SHARE,
    ),
    measures="transport.measures@2",
    rules=RULES,
    tells=CountedFrom.USE.value,
)
