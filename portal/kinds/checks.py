"""Checks that several kinds share: a slipped decimal point, a jump against one's own history, the same line twice."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from portal.kinds.base import Checker, Hit, Kind, Line, Parameter, Rule, Setting
from portal.quantities import shown
from portal.text import Text

Key = tuple[str, ...]
OURS = Text("Portalens egen grense for når noen bør se en gang til.", "The portal's own limit for when to look again.")
_AMOUNT = "amount"
ALWAYS = date(2020, 1, 1)
"""Before any contract that this portal holds."""

SLIP = Parameter("slip", Decimal(10), ALWAYS, OURS, "x")
"""From how many times more or less an amount looks like a slipped decimal point."""
JUMP = Parameter("jump", Decimal("2.5"), ALWAYS, OURS, "x")
"""From how many times more or less than its own mean before a figure is pointed out to the reviewer."""
PERIODS = Parameter("periods", Decimal(3), ALWAYS, OURS)
"""How many earlier periods a mean needs."""


def amounts(lines: Sequence[Line], named_by: Sequence[str], amount: str) -> dict[Key, Decimal]:
    """The sum of a field over the lines that share what names them."""
    found: dict[Key, Decimal] = defaultdict(Decimal)
    for line in lines:
        found[tuple(line.text(key) for key in named_by)] += line.number(amount) or 0
    return found


def slips(
    lines: Sequence[Line], previous: Sequence[Line], named_by: Sequence[str], times: Decimal
) -> Iterator[tuple[Line, Decimal, Decimal]]:
    """The first line of each name whose sum is `times` more or less than in the period before, with both sums."""
    before, now = amounts(previous, named_by, _AMOUNT), amounts(lines, named_by, _AMOUNT)
    told: set[Key] = set()
    for line in lines:
        key = tuple(line.text(each) for each in named_by)
        sums = now.get(key, Decimal(0)), before.get(key, Decimal(0))
        if key not in told and all(sums) and max(sums) >= times * min(sums):
            told.add(key)
            yield line, *sums


def jumps(
    rates: Mapping[Key, Decimal], earlier: Sequence[Mapping[Key, Decimal]], parameters: Mapping[str, Decimal]
) -> Iterator[tuple[Key, Decimal, Decimal]]:
    """What is `jump` times more or less than its own mean over at least `periods` earlier periods, with that mean."""
    for key, rate in rates.items():
        known = [found[key] for found in earlier if found.get(key)]
        if not rate or len(known) < parameters["periods"]:
            continue
        mean = sum(known, Decimal(0)) / len(known)
        if max(rate, mean) >= parameters["jump"] * min(rate, mean):
            yield key, rate, mean


def repeated(lines: Sequence[Line], name: Callable[[Line], Key]) -> Iterator[tuple[Line, Line]]:
    """Every line that says the same as one before it, with that one."""
    seen: dict[Key, Line] = {}
    for line in lines:
        first = seen.setdefault(name(line), line)
        if first is not line:
            yield line, first


def number(value: Decimal, unit: str = "") -> Text:
    """A number with its unit, as each language writes it, to one decimal."""
    rounded = value if value == value.to_integral_value() else value.quantize(Decimal("0.1"))
    return Text(*(f"{shown(rounded, language)}\u00a0{unit}".rstrip() for language in ("nb", "en")))


def said(kind: Kind, line: Line, *columns: str) -> dict[str, Text | str | int]:
    """What a line says in some columns, to fill the places of the same names."""
    return {column: kind.words(column, line.values) for column in columns}


def ten_times_previous(*named_by: str) -> Checker:
    """A check for ten times more or less than in the period before: a slipped decimal point, or another unit.

    It strikes at the field `amount`; its words have places for what names a line, {amount} and {previous}.
    """

    def check(kind: Kind, lines: Sequence[Line], setting: Setting, parameters: Mapping[str, Decimal]) -> Iterator[Hit]:
        for line, now, before in slips(lines, setting.previous, named_by, parameters["slip"]):
            unit = line.unit(_AMOUNT)
            sums = {"amount": number(now, unit), "previous": number(before, unit)}
            yield Hit(line.key, _AMOUNT, {**said(kind, line, *named_by), **sums})

    return check


ALL_REPORTED = Rule(
    "all_reported",
    "warning",
    Text(
        "{unit} sto på plassen i perioden, men er ikke ført. Legg til en linje, med 0 hvis den ikke ble brukt, "
        "eller skriv hvorfor.",
        "{unit} stood on site in the period but is not reported. Add a line, with 0 if it was not used, or say why.",
    ),
    "general.all_reported@1",
)
"""For every kind whose lines are machines or vehicles of the register."""
