"""Workbooks out: streamed row by row, and no text of anybody's ever becomes a formula or a link."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeAlias

import xlsxwriter

from portal import clock
from portal.sheets.names import LAST_ROW, sheet_title
from portal.sheets.scan import EXCEL_DIGITS

Value: TypeAlias = str | Decimal | int | date | None
SAFE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
"""Without these, xlsxwriter makes `=…` a formula, an address a link, and "007" the number 7."""
LONGEST_TEXT = 32_767
_FIRST_EXCEL_DAY = date(1900, 3, 1)
_WIDTHS = {"text": 28, "number": 16, "date": 13}
_DARK = "#1E2B3C"
_POWERS = range(-300, 301)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export. A number column keeps up to 15 digits as a number; what is longer stays text, exact."""

    title: str
    type: Literal["text", "number", "date"] = "text"
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of an export. `rows` is read once, one row at a time; each has a value for every column."""

    title: str
    columns: tuple[Column, ...]
    rows: Iterable[Sequence[Value]]


@dataclass(frozen=True, slots=True)
class Properties:
    """What the file says of itself."""

    title: str
    author: str = "Klimakontrakt"
    comments: str = ""


def write_workbook(sheets: Iterable[Sheet], properties: Properties, target: Path | None = None) -> bytes:
    """Write a workbook, one sheet after the other, holding one row at a time.

    Into the file `target`, answering b"", or into memory, answering the file. A sheet with more rows than Excel has
    goes on in a further one.
    """
    memory = BytesIO()
    taken: set[str] = set()
    try:
        with xlsxwriter.Workbook(str(target) if target else memory, {"constant_memory": True, **SAFE}) as workbook:
            set_properties(workbook, properties)
            looks = _Looks(workbook)
            for sheet in sheets:
                rows = iter(sheet.rows)
                while _write_sheet(workbook, sheet, rows, looks, taken) == LAST_ROW - 1:
                    pass
            if not taken:
                workbook.add_worksheet(sheet_title("", taken))
    except BaseException:
        if target:
            target.unlink(missing_ok=True)
        raise
    return memory.getvalue()


def set_properties(workbook: Any, properties: Properties) -> None:
    """Name the file and date it by our clock."""
    workbook.set_properties(
        {
            "title": properties.title,
            "author": properties.author,
            "comments": properties.comments,
            "created": clock.now(),
        }
    )


def write_text(worksheet: Any, row: int, column: int, text: str, look: Any = None) -> None:
    """Put a text into a cell as a text, whatever it looks like; shortened to what a cell can hold."""
    storable = text.encode("utf-8", "replace").decode()
    if len(storable) > LONGEST_TEXT:
        storable = storable[: LONGEST_TEXT - 1] + "…"
    worksheet.write_string(row, column, storable, look)


class _Looks:
    """How cells look. Numbers show the decimals they have."""

    def __init__(self, workbook: Any) -> None:
        self.header = workbook.add_format(
            {"bold": True, "bg_color": _DARK, "font_color": "#FFFFFF", "text_wrap": True, "valign": "vcenter"}
        )
        self.date = workbook.add_format({"num_format": "yyyy-mm-dd"})
        self.whole = workbook.add_format({"num_format": "#,##0"})
        self.decimal = workbook.add_format({"num_format": "#,##0.0#####"})


def _write_sheet(workbook: Any, sheet: Sheet, rows: Iterator[Sequence[Value]], looks: _Looks, taken: set[str]) -> int:
    worksheet = workbook.add_worksheet(sheet_title(sheet.title, taken))
    for number, column in enumerate(sheet.columns):
        worksheet.set_column(number, number, max(_WIDTHS[column.type], min(len(column.title) + 4, 40)))
    worksheet.freeze_panes(1, 0)
    worksheet.set_landscape()
    worksheet.set_paper(9)
    worksheet.fit_to_pages(1, 0)
    worksheet.repeat_rows(0)
    for number, column in enumerate(sheet.columns):
        title = f"{column.title} ({column.unit})" if column.unit else column.title
        write_text(worksheet, 0, number, title, looks.header)
    written = 0
    for written, values in enumerate(islice(rows, LAST_ROW - 1), start=1):
        for number, (column, value) in enumerate(zip(sheet.columns, values, strict=True)):
            _write_value(worksheet, (written, number), column, value, looks)
    if sheet.columns:
        worksheet.autofilter(0, 0, written, len(sheet.columns) - 1)
    return written


def _write_value(worksheet: Any, place: tuple[int, int], column: Column, value: Value, looks: _Looks) -> None:
    match value:
        case None | "":
            return
        case Decimal() | int() if column.type == "number" and fits(value):
            worksheet.write_number(*place, value, looks.whole if value == int(value) else looks.decimal)
        case date() if column.type == "date" and not isinstance(value, datetime) and value >= _FIRST_EXCEL_DAY:
            worksheet.write_datetime(*place, value, looks.date)
        case _:
            write_text(worksheet, *place, as_text(value))


def fits(number: Decimal | int) -> bool:
    """Whether Excel can hold the number without losing digits."""
    exact = Decimal(number)
    return (
        exact.is_finite() and len(exact.normalize().as_tuple().digits) <= EXCEL_DIGITS and exact.adjusted() in _POWERS
    )


def as_text(value: str | Decimal | int | date) -> str:
    """A value in words that nobody can misread: numbers without exponent, moments in ISO with their zone."""
    match value:
        case Decimal() if value.is_finite():
            return format(value, "f")
        case datetime():
            return value.isoformat(" ", "seconds")
        case _:
            return str(value)
