"""Extension functions for any kind, so that one described in the browser counts without a line of Python."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from portal.kinds.base import FieldType, Function, Kind, Line, Measure, Setting


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


FUNCTIONS: Mapping[str, Function] = {"general.measures@1": measures}
