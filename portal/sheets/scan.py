"""Our own look at a sheet's XML, as a stream and before any other reader: how far it reaches, and what readers hide.

calamine forgets formulas, shows errors as empty, rounds long numbers, and asks for 549 GB when two cells lie in
opposite corners of a sheet; all of that is found here, cell by cell, in memory that does not grow with the sheet.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TypeVar

from portal.sheets.gate import Limits
from portal.sheets.names import LAST_COLUMN, LAST_ROW, column_number, letters
from portal.sheets.parts import Part, length
from portal.sheets.refusal import Refusal, refuse

EXCEL_DIGITS = 15
_STORED_DIGITS = 17
_LONGEST_TEXT = 1_000_000
_FORMULA_SHOWN = 60
_MAIN = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)(E[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_Step = TypeVar("_Step", bound=Callable[..., None])
_AS_EXCEL_SHOWS = Context(prec=EXCEL_DIGITS, rounding=ROUND_HALF_EVEN)


@dataclass(slots=True)
class Findings:
    """What one sheet holds. Cells are named as in Excel: C7."""

    filled: int = 0
    """Cells that hold something and no error; the other reader must count as many."""
    faults: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Cell -> rule and detail: formula and formula_unsaved (what it says), excel_error, not_finite, digits."""
    exact: dict[str, float] = field(default_factory=dict)
    """Cell -> number as Excel shows it, where binary arithmetic has left noise; its repr has those digits exactly."""
    percent: list[str] = field(default_factory=list)
    """Number cells shown as percent: 50 % is stored as 0.5."""
    merged: list[str] = field(default_factory=list)
    hidden_rows: int = 0
    """Hidden rows that hold something."""
    hidden_columns: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Budget:
    """What is left of the limits that count over all sheets."""

    cells: int
    blanks: int
    characters: int


class SheetPart(Part):
    """Scans the worksheet called `title`.

    `strings` are the lengths of the shared texts, `percent` the styles that show percent.

    Raises `Refusal`: too_many_rows, too_many_columns, too_many_cells, too_much_text, damaged, doctype.
    """

    def __init__(self, title: str, limits: Limits, budget: Budget, strings: Sequence[int], percent: set[str]) -> None:
        super().__init__()
        self.findings = Findings()
        self._title = title
        self._limits, self._budget, self._strings, self._percent = limits, budget, strings, percent
        self._row = self._column = 0
        self._row_name = ""
        self._row_hidden = self._row_filled = self._in_cell = self._formula = self._in_formula = self._deaf = False
        self._type = self._style = self._text = self._formula_text = ""
        self._columns = {letters(number): number for number in range(1, limits.columns + 1)}
        self._starts = _in_main_language(
            c=self._cell_started,
            f=self._formula_started,
            rPh=self._deafened,
            row=self._row_started,
            mergeCell=self._merge_found,
            col=self._column_found,
        )
        self._ends = _in_main_language(
            c=self._cell_ended, f=self._listening_again, rPh=self._listening_again, row=self._row_ended
        )

    def started(self, name: str, attributes: dict[str, str]) -> None:
        """Hand the element to its step."""
        if step := self._starts.get(name):
            step(attributes)

    def ended(self, name: str) -> None:
        """Hand the end of the element to its step."""
        if step := self._ends.get(name):
            step()

    def said(self, text: str) -> None:
        """Collect what a cell holds, apart from formulas and phonetic help."""
        if self._in_formula:
            self._formula_text = (self._formula_text + text)[:_FORMULA_SHOWN]
        elif self._in_cell and not self._deaf:
            self._text += text
            if len(self._text) > _LONGEST_TEXT:
                raise self._refusal("too_much_text")

    def _row_started(self, attributes: dict[str, str]) -> None:
        number = _row_number(attributes["r"]) if "r" in attributes else self._row + 1
        if not self._row < number <= LAST_ROW:
            raise self._refusal("damaged")
        self._row, self._row_name, self._column = number, str(number), 0
        self._row_hidden, self._row_filled = attributes.get("hidden") in {"1", "true"}, False

    def _row_ended(self) -> None:
        self.findings.hidden_rows += self._row_hidden and self._row_filled

    def _cell_started(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        if reference is None:
            column = self._column + 1
        else:
            name = reference.removesuffix(self._row_name)
            column = self._columns.get(name) or column_number(name)
            if len(name) == len(reference):
                column = 0  # the cell says another row than its row does
        if self._in_cell or not self._column < column <= LAST_COLUMN:
            raise self._refusal("damaged")
        self._column, self._in_cell, self._formula, self._text = column, True, False, ""
        self._type, self._style = attributes.get("t", "n"), attributes.get("s", "0")

    def _formula_started(self, _attributes: dict[str, str]) -> None:
        self._formula = self._in_formula = self._in_cell
        self._formula_text = ""
        self._deaf = True

    def _deafened(self, _attributes: dict[str, str]) -> None:
        self._deaf = True

    def _listening_again(self) -> None:
        self._deaf = self._in_formula = False

    def _merge_found(self, attributes: dict[str, str]) -> None:
        self._spend_blank()
        self.findings.merged.append(attributes.get("ref", ""))

    def _column_found(self, attributes: dict[str, str]) -> None:
        if attributes.get("hidden") not in {"1", "true"}:
            return
        first, last = attributes.get("min", ""), attributes.get("max", "")
        if not (first.isdecimal() and last.isdecimal()):
            raise self._refusal("damaged")
        self._spend_blank()
        self.findings.hidden_columns.update(range(int(first), min(int(last), self._limits.columns) + 1))

    def _cell_ended(self) -> None:
        self._in_cell = False
        text, kind = self._text.strip() if self._type == "n" else self._text, self._type
        if not text and not self._formula:
            self._spend_blank()
            return
        self._check_reach()
        if kind == "n":
            self._number(text)
        elif kind == "e":
            self._fault("excel_error", text)
        elif kind == "s":
            self._shared_text(text)
        else:
            self._plain_text(text)
        if self._formula:
            self._fault("formula" if text else "formula_unsaved", f"={self._formula_text}")

    def _check_reach(self) -> None:
        if self._row > self._limits.rows:
            raise self._refusal("too_many_rows", most=self._limits.rows)
        if self._column > self._limits.columns:
            raise self._refusal("too_many_columns", most=letters(self._limits.columns))
        self._row_filled = True
        self._budget.cells -= 1
        if self._budget.cells < 0:
            raise self._refusal("too_many_cells")

    def _spend_blank(self) -> None:
        self._budget.blanks -= 1
        if self._budget.blanks < 0:
            raise self._refusal("too_many_cells")

    def _shared_text(self, index: str) -> None:
        if not index.isdecimal() or int(index) >= len(self._strings):
            raise self._refusal("damaged")
        self._count_text(self._strings[int(index)])

    def _plain_text(self, text: str) -> None:
        self._count_text(length(text))

    def _count_text(self, characters: int) -> None:
        if not characters:
            return
        self.findings.filled += 1
        self._budget.characters -= characters
        if self._budget.characters < 0:
            raise self._refusal("too_much_text")

    def _number(self, text: str) -> None:
        if not text:
            return
        if not _NUMBER.fullmatch(text):
            if is_nonsense(text):
                self._fault("not_finite", text)
            self._plain_text(text)
            return
        self.findings.filled += 1
        if self._style in self._percent:
            self.findings.percent.append(self._name)
        if len(text) > EXCEL_DIGITS or "E" in text or "e" in text:
            self._long_number(text)

    def _long_number(self, text: str) -> None:
        binary = float(text)
        if not math.isfinite(binary):
            self._fault("not_finite", text)
            return
        shown = as_excel_shows(text)
        if shown is None:
            self._fault("digits", text)
        elif shown != Decimal(repr(binary)):
            self.findings.exact[self._name] = float(shown)

    @property
    def _name(self) -> str:
        return f"{letters(self._column)}{self._row}"

    def _refusal(self, rule: str, **values: str | int) -> Refusal:
        return refuse(rule, sheet=self._title, cell=self._name if self._column else "", **values)

    def _fault(self, rule: str, detail: str = "") -> None:
        self.findings.faults.setdefault(self._name, (rule, detail[:100]))


def _in_main_language(**steps: _Step) -> dict[str, _Step]:
    """Steps by the full names of their elements; elements of other languages are nobody's."""
    return {f"{space} {name}": step for space in _MAIN for name, step in steps.items()}


def _row_number(written: str) -> int:
    """A row's own number; 0 when it is none."""
    return int(written) if written.isdecimal() and len(written) <= len(str(LAST_ROW)) else 0


def is_nonsense(text: str) -> bool:
    """Whether a number cell holds NaN or an infinity, which readers pass on as numbers."""
    try:
        return not math.isfinite(float(text))
    except ValueError:
        return False


def as_excel_shows(text: str) -> Decimal | None:
    """The number that a person sees in a cell, exact; None when it has more than 15 digits that mean something.

    Excel calculates in binary and keeps 17 digits: 1.1 is stored as 1.1000000000000001 and the sum of 0.1 and 0.2 as
    0.30000000000000004. Rounding to the 15 digits that Excel shows removes such noise. Where a value still needs all
    15 digits afterwards, or has more than 17, or is a whole number that would change, digits would really be lost.
    """
    number = Decimal(text)
    exact = number.normalize(_AS_EXCEL_SHOWS)
    if exact == number:
        return exact
    if len(number.as_tuple().digits) > _STORED_DIGITS or number == number.to_integral_value():
        return None
    is_noise = len(exact.as_tuple().digits) < EXCEL_DIGITS or float(exact) == float(number)
    return exact if is_noise else None
