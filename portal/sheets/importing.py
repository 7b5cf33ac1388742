"""A filled-in template as raw lines, each value with its cell; what the values mean is for `Kind.read` alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import islice
from uuid import UUID

from portal import quantities
from portal.kinds.base import Field, Kind, Raw, Reading, Severity
from portal.sheets.gate import LIMITS, Limits
from portal.sheets.header import FoundSheet, Frame, find_sheets
from portal.sheets.layout import GUIDE, LISTS_SHEET, SheetSpec
from portal.sheets.names import corners, folded, letters
from portal.sheets.origin import META_SHEET, Origin, check_origin
from portal.sheets.reader import Cell, Fault, Table, Workbook, read_workbook
from portal.sheets.refusal import refuse
from portal.sheets.wording import FAULTS, NOTES
from portal.text import LANGUAGES, Text, repeated

MOST_PROBLEMS = 5_000
"""What is found beyond this is counted, not listed."""
_FORMULAS = frozenset({"formula", "formula_unsaved"})
ROWS_AT_A_TIME = 2_000
"""How often whoever waits hears how far the reading has come."""
NOT_READ = frozenset({META_SHEET, LISTS_SHEET, *GUIDE.dump().values()})
"""Sheets of ours that hold no lines."""


@dataclass(frozen=True, slots=True)
class SheetProblem:
    """What is wrong in a file, where, and how to mend it. `cell` is "" when a sheet as a whole is meant."""

    sheet: str
    cell: str
    rule: str
    text: Text
    severity: Severity = "error"
    field: str = ""
    value: str = ""
    """What the cell shows, for the list of errors."""


@dataclass(frozen=True, slots=True)
class ImportedLine:
    """One row. `key` is that of the prefilled line, "" for a new one; `raw` has every column that the file has."""

    key: str
    row: int
    raw: Mapping[str, Raw]
    letters: Mapping[str, str]
    """Column key -> letters; shared by all lines of a sheet."""

    def cell(self, column: str) -> str:
        """Where a value stands, as C7; a column that the file lacks stands at the beginning of the row."""
        return f"{self.letters.get(column, 'B')}{self.row}"

    @property
    def cells(self) -> dict[str, str]:
        """Column key -> cell."""
        return {column: f"{name}{self.row}" for column, name in self.letters.items()}


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file holds: lines by key of the sheet's spec, problems, and notes that everybody should see."""

    sheets: Mapping[str, tuple[ImportedLine, ...]]
    problems: tuple[SheetProblem, ...]
    notes: tuple[Text, ...]
    titles: Mapping[str, str]
    """Key of the spec -> what the sheet is called in the file."""
    frames: Mapping[str, Frame]
    """Title of the sheet -> where errors may be written, for `mark_errors`."""
    failed: frozenset[tuple[str, int]]
    """Title of the sheet and number of each row that has an error; row 0 fails the whole sheet."""


@dataclass(frozen=True, slots=True)
class Validated:
    """Imported lines with their readings, and everything that is wrong, by cell."""

    readings: Mapping[str, tuple[tuple[ImportedLine, Reading], ...]]
    problems: tuple[SheetProblem, ...]
    failed: frozenset[tuple[str, int]]
    """As of `Imported`, with what the kinds say."""

    def fails(self, title: str, row: int) -> bool:
        """Whether a row of a sheet has an error."""
        return bool(self.failed & {(title, row), (title, 0)})


def read_lines(
    content: bytes, specs: Sequence[SheetSpec], expected: Origin | None = None, limits: Limits = LIMITS
) -> Imported:
    """Read a stranger's file against the sheets it should have; `expected` says which report it must be for.

    Raises `Refusal`, and nothing else, when the file as a whole cannot be taken. What is wrong with single cells comes
    back in `problems`; such cells have the raw value None.
    """
    workbook = read_workbook(content, limits.for_width(max(spec.width for spec in specs)))
    found = _Collected()
    if expected:
        _compare_origin(workbook, expected, found)
    data = [table for table in workbook.tables if table.name not in NOT_READ]
    sheets = find_sheets(specs, data)
    if not sheets:
        wanted = ", ".join(column.label.nb for column in specs[0].kind.columns if column.required)
        raise refuse("no_sheet", title=specs[0].title, columns=wanted)
    lines = {key: tuple(_SheetReader(sheet, found).lines()) for key, sheet in sheets.items()}
    if not any(lines.values()):
        raise refuse("no_rows")
    if workbook.dates_from_1904:
        found.notes.append(NOTES["dates_from_1904"])
    _tell_unread(specs, data, sheets, found)
    for key, sheet in sheets.items():
        found.add(*_duplicates(sheet, lines[key]))
    titles = {key: sheet.table.name for key, sheet in sheets.items()}
    frames = {sheet.table.name: sheet.frame for sheet in sheets.values()}
    return Imported(lines, found.all(), tuple(found.notes), titles, frames, frozenset(found.failed))


def _compare_origin(workbook: Workbook, expected: Origin, found: "_Collected") -> None:
    origin = check_origin(workbook, expected)
    if origin is None:
        found.add(SheetProblem("", "", "not_our_template", FAULTS["not_our_template"], "warning"))
    elif origin.draft != expected.draft:
        found.notes.append(NOTES["draft_changed"])


def _tell_unread(
    specs: Sequence[SheetSpec], tables: Sequence[Table], sheets: Mapping[str, FoundSheet], found: "_Collected"
) -> None:
    """What is not there is noted; a sheet of ours whose header is gone is an error, for its lines would be lost."""
    missing = [spec for spec in specs if spec.key not in sheets]
    found.notes.extend(NOTES["sheet_missing"].with_values(title=spec.title) for spec in missing)
    read = {sheet.table.name for sheet in sheets.values()}
    for table in (table for table in tables if table.rows and table.name not in read):
        if any(folded(table.name) in spec.names for spec in missing):
            found.add(SheetProblem(table.name, "", "header_missing", FAULTS["header_missing"]))
        else:
            found.notes.append(NOTES["sheet_unread"].with_values(sheet=table.name))


def validate(
    imported: Imported, kinds: Mapping[str, Kind], told: Callable[[int], None] = lambda _rows: None
) -> Validated:
    """Read every line by its kind (key of the sheet's spec -> kind with its choices bound).

    A cell that was faulty already is not blamed a second time, and a column that the file lacks is blamed once.
    `told` hears now and then how many rows have been read.
    """
    found = _Collected(imported)
    errors = [problem for problem in imported.problems if problem.severity == "error"]
    blamed = {(problem.sheet, problem.cell) for problem in errors}
    missing = {(problem.sheet, problem.field) for problem in errors if not problem.cell}
    readings: dict[str, tuple[tuple[ImportedLine, Reading], ...]] = {}
    for key, lines in imported.sheets.items():
        title = imported.titles[key]
        readings[key] = tuple(_read_by(kinds[key], lines, told, sum(map(len, readings.values()))))
        for line, reading in readings[key]:
            for problem in reading.problems:
                cell = line.cell(problem.field)
                if (title, cell) in blamed or (title, problem.field) in missing:
                    continue
                value = shown(line.raw.get(problem.field))
                found.add(SheetProblem(title, cell, problem.rule, problem.text, problem.severity, problem.field, value))
    return Validated(readings, found.all(), frozenset(found.failed))


def _read_by(
    kind: Kind, lines: Sequence[ImportedLine], told: Callable[[int], None], before: int
) -> Iterator[tuple[ImportedLine, Reading]]:
    for number, line in enumerate(lines, start=before + 1):
        yield line, kind.read(line.raw)
        if number % ROWS_AT_A_TIME == 0:
            told(number)


def shown(raw: Raw) -> str:
    """A raw value as the list of errors shows it."""
    match raw:
        case None:
            return ""
        case Decimal() if raw.is_finite():
            return quantities.canonical(raw)
        case str():
            return repeated(raw, 80)
        case date():
            return raw.isoformat()
        case _:
            return str(raw)


class _Collected:
    """Problems up to a bound, so that a hostile file cannot fill the memory with them; which rows fail without one."""

    def __init__(self, imported: Imported | None = None) -> None:
        self.notes: list[Text] = []
        self.failed: set[tuple[str, int]] = set(imported.failed if imported else ())
        self._problems = list(imported.problems if imported else ())
        self._more = 0

    def add(self, *problems: SheetProblem) -> None:
        for problem in problems:
            if problem.severity == "error":
                area = corners(problem.cell)
                self.failed.add((problem.sheet, area[0] if area else 0))
        room = MOST_PROBLEMS - len(self._problems)
        self._problems.extend(problems[: max(room, 0)])
        self._more += max(len(problems) - max(room, 0), 0)

    def all(self) -> tuple[SheetProblem, ...]:
        if not self._more:
            return tuple(self._problems)
        text = FAULTS["more_problems"].with_values(number=self._more)
        return (*self._problems, SheetProblem("", "", "more_problems", text))


@dataclass
class _SheetReader:
    """Reads the rows below the header and collects what is wrong on the way."""

    sheet: FoundSheet
    found: _Collected
    _seen: dict[str, int] = field(default_factory=dict)

    def lines(self) -> Iterator[ImportedLine]:
        """Every row that holds something in a known column."""
        self._check_header()
        table, columns = self.sheet.table, self.sheet.columns
        names = {key: letters(column) for key, column in columns.items()}
        fields = [(self.sheet.spec.kind.column(key), column) for key, column in columns.items()]
        areas = [area for cell in table.faults if (area := corners(cell))]
        faulty_rows = {row for row, column, _, _ in areas if column in columns.values()}
        below_header = islice(enumerate(table.rows, start=1), self.sheet.header_row, None)
        only_formulas: list[int] = []
        for number, row in below_header:
            raw = {column.key: self._value(column, row[place - 1], (number, place)) for column, place in fields}
            if number in faulty_rows and self._has_only_formulas(number, raw):
                only_formulas.append(number)
                continue
            if number in faulty_rows:
                self._faults(number, fields, raw)
            elif all(value is None for value in raw.values()):
                continue
            yield ImportedLine(self._key(number), number, raw, names)
        if only_formulas:
            rows = ", ".join(map(str, only_formulas[:20]))
            self.found.notes.append(NOTES["only_formulas"].with_values(sheet=table.name, rows=rows))

    def _has_only_formulas(self, row: int, raw: Mapping[str, Raw]) -> bool:
        """A row of sums: nobody wrote a value in it, and it is no line of ours."""
        if self.sheet.line_column and self.sheet.table.value(row, self.sheet.line_column) != "":
            return False
        faults = {key: self._fault(row, place) for key, place in self.sheet.columns.items()}
        formulas = {key for key, fault in faults.items() if fault and fault.rule in _FORMULAS}
        return bool(formulas) and all(value is None or key in formulas for key, value in raw.items())

    def _value(self, column: Field, written: Cell, place: tuple[int, int]) -> Raw:
        if isinstance(written, str):
            return written if written and written.strip() else None
        percent = self.sheet.table.percent
        if percent and isinstance(written, Decimal) and (cell := self._cell(*place)) in percent:
            return self._percent(column, cell, written)
        return written

    def _percent(self, column: Field, cell: str, raw: Decimal) -> Decimal:
        hundred_fold = raw * 100
        if column.unit == "%":
            return hundred_fold
        text = FAULTS["percent"].with_values(percent=_in_words(hundred_fold), number=_in_words(raw))
        self.found.add(SheetProblem(self.sheet.table.name, cell, "percent", text, "warning", column.key, shown(raw)))
        return raw

    def _faults(self, row: int, fields: Sequence[tuple[Field, int]], raw: dict[str, Raw]) -> None:
        for column, place in fields:
            fault = self._fault(row, place)
            if fault is None:
                continue
            cell = self._cell(row, place)
            if fault.rule == "excel_error":
                raw[column.key] = fault.detail  # for the kind to refuse, as when it is pasted into a form
            elif fault.rule == "formula":
                text = FAULTS["formula"].with_values(value=shown(raw[column.key]))
                title = self.sheet.table.name
                self.found.add(SheetProblem(title, cell, "formula", text, "warning", column.key, fault.detail))
            else:
                self._blame(fault.rule, cell, column.key, fault.detail)
                raw[column.key] = None

    def _fault(self, row: int, column: int) -> Fault | None:
        return self.sheet.table.faults.get(self._cell(row, column))

    def _key(self, row: int) -> str:
        """The line's key; a copied row brings the key of its original along and is a new line."""
        written = str(self.sheet.table.value(row, self.sheet.line_column)).strip() if self.sheet.line_column else ""
        if not written:
            return ""
        try:
            key = str(UUID(written))
        except ValueError:
            key = ""
        if key and key not in self._seen:
            self._seen[key] = row
            return key
        rule = "line_copied" if key else "line_unknown"
        text = FAULTS[rule].with_values(row=self._seen.get(key, 0))
        first = f"{letters(min(self.sheet.columns.values()))}{row}"
        self.found.add(SheetProblem(self.sheet.table.name, first, rule, text, "warning"))
        return ""

    def _check_header(self) -> None:
        sheet, table = self.sheet, self.sheet.table
        for column in sheet.spec.kind.columns:
            if column.required and column.key not in sheet.columns:
                text = FAULTS["column_missing"].with_values(label=column.label)
                self.found.add(SheetProblem(table.name, "", "column_missing", text, "error", column.key))
        for place, written in sheet.twice:
            self._blame("column_twice", self._cell(sheet.header_row, place), "", written)
            self.found.failed.add((table.name, 0))
        for place, written in sheet.unknown:
            if any(table.value(row, place) != "" for row in range(sheet.header_row + 1, len(table.rows) + 1)):
                self.found.notes.append(NOTES["column_unread"].with_values(sheet=table.name, heading=written[:60]))
        self._check_merged()
        self._note_hidden()

    def _check_merged(self) -> None:
        known = set(self.sheet.columns.values())
        for area in self.sheet.table.merged:
            if (
                (found := corners(area))
                and found[2] > self.sheet.header_row
                and known & set(range(found[1], found[3] + 1))
            ):
                self._blame("merged", area.partition(":")[0].replace("$", ""), "", area)
                self.found.failed.update((self.sheet.table.name, row) for row in self._rows_between(found))

    def _rows_between(self, area: tuple[int, int, int, int]) -> range:
        return range(max(area[0], self.sheet.header_row + 1), min(area[2], len(self.sheet.table.rows)) + 1)

    def _note_hidden(self) -> None:
        table = self.sheet.table
        if table.hidden_rows:
            self.found.notes.append(NOTES["hidden_rows"].with_values(sheet=table.name, number=table.hidden_rows))
        hidden = sorted(table.hidden_columns & set(self.sheet.columns.values()))
        if hidden:
            which = ", ".join(letters(column) for column in hidden)
            self.found.notes.append(NOTES["hidden_columns"].with_values(sheet=table.name, columns=which))
        if not table.visible:
            self.found.notes.append(NOTES["hidden_sheet"].with_values(sheet=table.name))

    def _blame(self, rule: str, cell: str, field_key: str, value: str) -> None:
        text = FAULTS[rule].with_values(value=value[:40])
        self.found.add(SheetProblem(self.sheet.table.name, cell, rule, text, "error", field_key, value[:80]))

    @staticmethod
    def _cell(row: int, column: int) -> str:
        return f"{letters(column)}{row}"


def _in_words(number: Decimal) -> Text:
    return Text(*(quantities.shown(number, language) for language in LANGUAGES))


def _duplicates(sheet: FoundSheet, lines: Sequence[ImportedLine]) -> Iterator[SheetProblem]:
    """Lines that say exactly the same: pasted twice, or two of a kind; the person must say which."""
    first: dict[tuple[Raw, ...], int] = {}
    for line in lines:
        original = first.setdefault(tuple(line.raw.values()), line.row)
        if original != line.row:
            text = FAULTS["duplicate_rows"].with_values(row=line.row, original=original)
            place = f"{letters(min(sheet.columns.values()))}{line.row}"
            yield SheetProblem(sheet.table.name, place, "duplicate_rows", text, "warning")
