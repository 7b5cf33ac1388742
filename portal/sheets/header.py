"""Finds the sheet of a kind and its columns by their names: people insert rows, move columns and rename sheets."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from portal.sheets.layout import ERROR_NAMES, LINE_NAMES, SheetSpec, is_only_read, spellings
from portal.sheets.names import folded, sheet_title
from portal.sheets.reader import Cell, Table

_SEARCHED_ROWS = 40


class Frame(NamedTuple):
    """Where a sheet has its header and its last row, and where its column of errors is or may be put."""

    header_row: int
    last_row: int
    errors_column: int


class FoundSheet(NamedTuple):
    """A sheet of the file, with the row and the columns that were recognised."""

    spec: SheetSpec
    table: Table
    header_row: int
    columns: Mapping[str, int]
    """Column key -> number."""
    line_column: int
    unknown: tuple[tuple[int, str], ...]
    twice: tuple[tuple[int, str], ...]
    errors_column: int

    @property
    def frame(self) -> Frame:
        """Where errors may be written: in the column that has them already, else right of everything."""
        beyond = max(len(row) for row in self.table.rows) + 1
        return Frame(self.header_row, len(self.table.rows), self.errors_column or beyond)


def find_sheets(specs: Sequence[SheetSpec], tables: Sequence[Table]) -> dict[str, FoundSheet]:
    """Key of each spec -> its sheet, where there is one; no sheet is given twice.

    First by title, then by any name of the kind, at last by the columns it must have.
    """
    found: dict[str, FoundSheet] = {}
    left = list(tables)
    for match in (_has_title, _has_name, _has_columns):
        for spec in (spec for spec in specs if spec.key not in found):
            candidates = [sheet for table in left if (sheet := _with_header(spec, table)) and match(sheet)]
            if candidates:
                best = max(candidates, key=lambda sheet: len(sheet.columns))
                found[spec.key] = best
                left.remove(best.table)
    return found


def _has_title(sheet: FoundSheet) -> bool:
    return folded(sheet.table.name) == folded(sheet_title(sheet.spec.title, set()))


def _has_name(sheet: FoundSheet) -> bool:
    return folded(sheet.table.name) in sheet.spec.names


def _has_columns(sheet: FoundSheet) -> bool:
    return {column.key for column in sheet.spec.kind.columns if column.required} <= sheet.columns.keys()


def _with_header(spec: SheetSpec, table: Table) -> FoundSheet | None:
    names = spec.columns_by_name()
    rows = islice(enumerate(table.rows, start=1), _SEARCHED_ROWS)
    sheets = [_header(spec, table, number, row, names) for number, row in rows]
    best = max(sheets, key=lambda sheet: len(sheet.columns), default=None)
    enough = min(2, len(spec.kind.columns))
    return best if best and len(best.columns) >= enough else None


def _header(spec: SheetSpec, table: Table, number: int, row: Sequence[Cell], names: Mapping[str, str]) -> FoundSheet:
    columns: dict[str, int] = {}
    unknown: list[tuple[int, str]] = []
    twice: list[tuple[int, str]] = []
    line_column = errors_column = 0
    for column, written in enumerate(row, start=1):
        if not isinstance(written, str) or not written.strip() or is_only_read(written):
            continue
        exact, short = spellings(written)
        key = names.get(exact) or names.get(short)
        if key is None and exact in LINE_NAMES:
            line_column = line_column or column
        elif key is None and exact in ERROR_NAMES:
            errors_column = errors_column or column
        elif key is None:
            unknown.append((column, written.strip()))
        elif key in columns:
            twice.append((column, written.strip()))
        elif key:
            columns[key] = column
    return FoundSheet(spec, table, number, columns, line_column, tuple(unknown), tuple(twice), errors_column)
