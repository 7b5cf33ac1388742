"""A workbook as values: read in a child process, behind the gate, with what other readers forget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from portal.sheets import confinement
from portal.sheets.gate import LIMITS, Limits, admit
from portal.sheets.refusal import refuse

Cell: TypeAlias = str | Decimal | date | datetime | bool
"""What a cell holds; an empty one holds the empty text. Numbers are exact, texts as written."""


class Fault(NamedTuple):
    """What is wrong with a cell before its meaning is asked for.

    Rules: formula, formula_unsaved, excel_error, not_finite, digits, time_only, date_impossible. `detail`: its content,
    of a formula what it says (the cell's value is then what it came to when the file was saved).
    """

    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet. `rows` starts with row 1 and column A, and all rows are equally long."""

    name: str
    visible: bool
    rows: Sequence[Sequence[Cell]]
    faults: Mapping[str, Fault]
    """By cell, as C7."""
    percent: frozenset[str]
    """Number cells that show percent; their value is the hundredth part."""
    merged: tuple[str, ...]
    hidden_rows: int
    hidden_columns: frozenset[int]

    def value(self, row: int, column: int) -> Cell:
        """What the cell holds, both counted from 1; the empty text outside the sheet."""
        cells = self.rows[row - 1] if 0 < row <= len(self.rows) else ()
        return cells[column - 1] if 0 < column <= len(cells) else ""


@dataclass(frozen=True, slots=True)
class Workbook:
    """All worksheets of a file, hidden ones too, in order."""

    tables: tuple[Table, ...]
    dates_from_1904: bool


def read_workbook(content: bytes, limits: Limits = LIMITS) -> Workbook:
    """Read a stranger's .xlsx. Raises `Refusal`, and nothing else, whatever the bytes are."""
    admit(content, limits)
    answer, _ = confinement.run(content, limits, task="read")
    try:
        return Workbook(tuple(_table(sheet) for sheet in answer["sheets"]), answer["dates_from_1904"])
    except (KeyError, TypeError, AttributeError) as error:
        raise refuse("damaged") from error


def _table(sheet: dict[str, Any]) -> Table:
    return Table(
        name=sheet["name"],
        visible=sheet["visible"],
        rows=sheet["rows"],
        faults={cell: Fault(*fault) for cell, fault in sheet["faults"].items()},
        percent=frozenset(sheet["percent"]),
        merged=tuple(sheet["merged"]),
        hidden_rows=int(sheet["hidden_rows"]),
        hidden_columns=frozenset(int(column) for column in sheet["hidden_columns"]),
    )
