"""Filed once, at handover: the supplier's own totals per carrier, held against what the approved reports add up to."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from portal.kinds import carriers, checks
from portal.kinds.base import Field, FieldType, Function, Hit, Kind, Line, Measure, Parameter, Rule, Setting
from portal.kinds.checks import number, said
from portal.text import Text

_MOST_AMOUNT = Decimal(100_000_000)
_ROUNDING = Parameter(
    "rounding",
    Decimal(1),
    checks.ALWAYS,
    Text("Mindre enn en hel enhet er avrunding.", "Less than one whole unit is rounding."),
)


def measures(_kind: Kind, lines: Sequence[Line], setting: Setting) -> dict[str, list[Measure]]:
    """What `carriers.counted` gives, counting nowhere: each amount has counted in its own period."""
    return {
        line.key: carriers.counted(line, "carrier", "amount", setting, reported_from=None, is_inside=False)
        for line in lines
    }


def carrier_once(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """Each carrier has one total."""
    for line, _first in checks.repeated(lines, lambda line: (line.text("carrier"),)):
        yield Hit(line.key, "carrier", said(kind, line, "carrier"))


def reconciles(kind: Kind, lines: Sequence[Line], setting: Setting, parameters: Mapping[str, Decimal]) -> Iterator[Hit]:
    """The total is what the approved reports add up to."""
    if setting.accepted is None:
        return
    told: set[str] = set()
    for line in lines:
        carrier = line.text("carrier")
        own, reported = _totals(lines)[carrier], setting.accepted.get(carrier, Decimal(0))
        if carrier in told or abs(own - reported) < parameters["rounding"]:
            continue
        told.add(carrier)
        unit = line.unit("amount")
        values = {
            "own": number(own, unit),
            "reported": number(reported, unit),
            "difference": number(abs(own - reported), unit),
        }
        yield Hit(line.key, "amount", {**said(kind, line, "carrier"), **values})


def all_carriers(
    kind: Kind, lines: Sequence[Line], setting: Setting, parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """What the approved reports have counted stands in the account."""
    for carrier, amount in (setting.accepted or {}).items():
        choice = kind.column("carrier").choice(carrier)
        if choice and abs(amount) >= parameters["rounding"] and carrier not in _totals(lines):
            yield Hit(values={"carrier": choice.label, "reported": number(amount, choice.unit)})


def _totals(lines: Sequence[Line]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        found[line.text("carrier")] += line.number("amount") or 0
    return found


FUNCTIONS: Mapping[str, Function] = {
    "energy_account.measures@1": measures,
    "energy_account.carrier_once@1": carrier_once,
    "energy_account.reconciles@1": reconciles,
    "energy_account.all_carriers@1": all_carriers,
}

KIND = Kind(
    key="energy_account",
    title=Text("Samlet energibruk", "Energy used in all"),
    fields=(
        Field("carrier", Text("Energibærer", "Energy carrier"), FieldType.CHOICE, choices=carriers.choices()),
        Field(
            "amount",
            Text("Brukt i hele kontrakten", "Used over the whole contract"),
            FieldType.NUMBER,
            unit_from="carrier",
            minimum=Decimal(0),
            maximum=_MOST_AMOUNT,
            provenance=True,
            hint=Text("Fra deres eget regnskap.", "From your own accounts."),
        ),
        Field("remark", Text("Merknad", "Remark"), FieldType.TEXT, required=False, longest=500),
    ),
    indicators=(carriers.ENERGY, carriers.LIQUID_FUEL, *carriers.EMISSION_INDICATORS),
    measures="energy_account.measures@1",
    rules=(
        Rule(
            "carrier_once",
            "error",
            Text(
                "{carrier} står flere ganger. Skriv én sum for hver energibærer.",
                "{carrier} is listed more than once. Give one total for each carrier.",
            ),
            "energy_account.carrier_once@1",
        ),
        Rule(
            "reconciles",
            "warning",
            Text(
                "{carrier}: regnskapet sier {own}, men de godkjente rapportene {reported}. Forskjellen er "
                "{difference}. Rett det som er feil, eller skriv hvorfor.",
                "{carrier}: the account says {own}, but the approved reports {reported}. The difference is "
                "{difference}. Correct what is wrong, or say why.",
            ),
            "energy_account.reconciles@1",
            (_ROUNDING,),
        ),
        Rule(
            "all_carriers",
            "warning",
            Text(
                "{carrier}: de godkjente rapportene har {reported}, men det står ikke i regnskapet. "
                "Legg det til, eller skriv hvorfor.",
                "{carrier}: the approved reports have {reported}, but it is not in the account. Add it, or say why.",
            ),
            "energy_account.all_carriers@1",
            (_ROUNDING,),
        ),
    ),
)
