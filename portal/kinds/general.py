"""Extension functions for any kind, so that one described in the browser counts without a line of Python."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from portal.kinds.base import FieldType, Function, Hit, Kind, Line, Measure, Setting


def measures(kind: Kind, lines: Sequence[Line], _setting: Setting) -> dict[str, list[Measure]]:
    """`lines`, 1 per line, and each number under its field's key; filtered by every choice of the line."""
    return {line.key: _of_line(kind, line) for line in lines}


def _of_line(kind: Kind, line: Line) -> list[Measure]:
    chosen = {each.key: line.text(each.key) for each in kind.fields if each.type is FieldType.CHOICE}
    dimensions = {key: choice for key, choice in chosen.items() if choice}
    measured = [Measure("lines", Decimal(1), "", dimensions)]
    for each in kind.fields:
        amount = line.number(each.key) if each.type is FieldType.NUMBER else None
        if amount is not None:
            measured.append(Measure(each.key, amount, line.unit(each.key), dimensions))
    return measured


def all_reported(
    kind: Kind, lines: Sequence[Line], setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """Every machine or vehicle that stood on the contract has a line. No lines at all is an answer of its own."""
    named = next((each for each in kind.fields if each.identity and each.source), None)
    if named is None or not lines:
        return
    told = {line.text(named.key) for line in lines}
    stood = [choice for choice in named.choices if choice.key in setting.units]
    yield from (Hit(values={"unit": choice.label}) for choice in stood if choice.key not in told)


FUNCTIONS: Mapping[str, Function] = {"general.measures@1": measures, "general.all_reported@1": all_reported}
