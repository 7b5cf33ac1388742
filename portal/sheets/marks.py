"""In the child process: paint the errors into the sender's own workbook."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TypedDict

from openpyxl import load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from portal.sheets.names import corners
from portal.sheets.refusal import refuse

_AUTHOR = "Klimakontrakt: feil"
_RED = "FFFFC9CE"
"""Not quite the red of Excel's own style «Bad»: what people painted themselves must be told from our marks."""
_PAINT = PatternFill("solid", fgColor=_RED)
_DARK_RED = "FF9C0006"
_LONGEST_TEXT = 32_000


class SheetMarks(TypedDict):
    """What to write on one sheet, between its header and its last row; `errors_column` is where messages go."""

    header_row: int
    last_row: int
    errors_column: int
    cells: dict[str, list[str]]
    """Cell -> messages; the cell "" is the sheet as a whole."""


def mark(content: bytes, sheets: Mapping[str, SheetMarks], heading: str) -> bytes:
    """The workbook with red cells, comments and a last column of errors; earlier marks are taken away first.

    Raises `Refusal` (unmarkable) for whatever openpyxl trips over in a file that Excel itself can open.
    """
    try:
        book = load_workbook(BytesIO(content), rich_text=True)
        for title, marks in sheets.items():
            _clean(book[title], marks)
            _paint(book[title], marks, heading)
        made = BytesIO()
        book.save(made)
    except Exception as error:  # openpyxl has no error of its own for what it cannot read
        raise refuse("unmarkable") from error
    return made.getvalue()


def _clean(sheet: Worksheet, marks: SheetMarks) -> None:
    """Take away earlier marks; only within the frame, for a sheet may have formatted cells down to its last row."""
    for row in sheet.iter_rows(marks["header_row"], marks["last_row"], 1, marks["errors_column"]):
        for cell in row:
            if isinstance(cell, Cell) and cell.comment and cell.comment.author == _AUTHOR:
                cell.comment = None
            if isinstance(cell, Cell) and cell.fill.fgColor.rgb == _RED:
                cell.fill = PatternFill()
        _say(row[-1], [])


def _paint(sheet: Worksheet, marks: SheetMarks, heading: str) -> None:
    column = marks["errors_column"]
    sheet.column_dimensions[get_column_letter(column)].width = 70
    head = sheet.cell(marks["header_row"], column)
    _say(head, [heading])
    by_row: dict[int, list[str]] = {}
    for place, messages in marks["cells"].items():
        area = corners(place)
        cell = sheet.cell(area[0], area[1]) if area else head
        if isinstance(cell, Cell):  # within a merged area only the first cell can be painted
            cell.fill = _PAINT
            cell.comment = cell.comment or Comment(_clear("\n".join(messages)), _AUTHOR, height=120, width=320)
        if area and area[0] > marks["header_row"]:
            by_row.setdefault(area[0], []).extend(f"{place}: {message}" for message in messages)
    for number, lines in by_row.items():
        _say(sheet.cell(number, column), lines)


def _say(cell: object, lines: Sequence[str]) -> None:
    """Write text as text: `value` alone would make a formula of a leading equals sign."""
    if not isinstance(cell, Cell) or not (lines or cell.value):
        return
    cell.value = _clear("\n".join(lines)) or None
    if lines:
        cell.data_type = "s"
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        cell.font = Font(color=_DARK_RED)


def _clear(text: str) -> str:
    return ILLEGAL_CHARACTERS_RE.sub(" ", text)[:_LONGEST_TEXT]
