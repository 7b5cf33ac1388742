"""What a workbook says, held against the draft: every row ready, unchanged or wrong, and what would change."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from portal import calendars, quantities
from portal.kinds.base import Kind, Line, Raw, Reading, Values
from portal.model import Report
from portal.model.base import Json
from portal.operations.entry import drafts
from portal.operations.entry.drafts import DraftRow
from portal.operations.figures import figures
from portal.sheets.importing import Imported, ImportedLine, SheetProblem, Validated, shown
from portal.sheets.layout import SheetSpec
from portal.sheets.names import corners
from portal.sheets.origin import Origin
from portal.sheets.refusal import Refusal
from portal.sheets.wording import FAULTS
from portal.text import Text

NOT_IN_FILE = Text(
    "Linjer i utkastet av «{part}» som ikke står i filen: {number}. De blir som de er.",
    "Lines of the draft of “{part}” that are not in the file: {number}. They stay as they are.",
)
STATES = ("new", "changed", "unchanged", "failed")


@dataclass(frozen=True)
class ReadingOrder:
    """All that reading a workbook needs, so that no transaction is open while the child process works."""

    content: bytes
    specs: tuple[SheetSpec, ...]
    kinds: Mapping[str, Kind]
    origin: Origin
    stored: Mapping[str, tuple[DraftRow, ...]]
    version: int
    """The report's row version when the file was read: what the shown difference is a difference from."""


class Read(NamedTuple):
    """A workbook that could be taken in, and what its values mean."""

    imported: Imported
    judged: Validated


def refused(refusal: Refusal) -> Json:
    """The result of a file that cannot be taken as a whole."""
    problem = SheetProblem(refusal.sheet, refusal.cell, refusal.rule, refusal.text)
    return {"refused": True, "problems": [_dumped(problem)], "notes": [], "rows": {}, "counts": {}}


def result(report: Report, order: ReadingOrder, read: Read) -> Json:
    """What is found, as it is kept and shown.

    {"refused", "problems", "notes", "rows": {kind: [{"row", "key", "state", "values", "before"}]}, "counts": {state:
    number}, "version", "frames"}; a failed row has "typed" and "left_out" too, if it can be corrected in the form.
    """
    rows = {key: _rows(report, order, read, key) for key in read.judged.readings}
    problems = [*read.judged.problems, *(problem for found in rows.values() for row in found for problem in row.locked)]
    problems += _ruled(report, order, read, rows)
    failed = read.judged.failed | {_place(problem) for problem in problems if problem.severity == "error"}
    by_row: dict[tuple[str, int], list[SheetProblem]] = {}
    for problem in problems:
        by_row.setdefault(_place(problem), []).append(problem)
    stated = {key: [(row, row.state(failed)) for row in found] for key, found in rows.items()}
    every = [state for found in stated.values() for _row, state in found]
    known = {row.place for found in stated.values() for row, state in found if state == "unchanged"}
    kinds = {read.imported.titles[key]: order.kinds[key] for key in rows}
    return {
        "refused": False,
        "problems": [
            _dumped(problem, kinds.get(problem.sheet), is_known=_place(problem) in known)
            for problem in _in_order(problems)
        ],
        "notes": [note.dump() for note in (*read.imported.notes, *_not_in_file(order, rows))],
        "rows": {
            key: [row.dump(state, by_row.get(row.place, ())) for row, state in found] for key, found in stated.items()
        },
        "counts": {state: every.count(state) for state in STATES},
        "version": order.version,
        "frames": {title: list(frame) for title, frame in read.imported.frames.items()},
    }


def changed(kind: Kind, before: Values, after: Values) -> tuple[str, ...]:
    """The columns in which two lines differ, by value or by unit."""
    old, new = kind.flat(before), kind.flat(after)
    return tuple(
        column.key
        for column in kind.columns
        if old[column.key] != new[column.key]
        or before.get(column.key, {}).get("unit") != after.get(column.key, {}).get("unit")
    )


def label(kind: Kind, row: Json) -> Text:
    """What a kept row is called: by what names it, such as its machine, else by its number."""
    identity = next((column for column in kind.columns if column.identity), None)
    if identity is not None and identity.key in row["values"]:
        return kind.words(identity.key, row["values"])
    return Text(f"Rad {row['row']}", f"Row {row['row']}")


@dataclass(frozen=True)
class _Row:
    """One row of the file beside the line of the draft that it is about, if there is one."""

    kind: Kind
    sheet: str
    line: ImportedLine
    reading: Reading
    before: DraftRow | None
    is_correction: bool
    key: UUID

    @property
    def is_barred(self) -> bool:
        """Whether the line cannot be put into the draft at all now."""
        return self.is_correction and self.before is None

    @property
    def place(self) -> tuple[str, int]:
        """Its sheet and number."""
        return self.sheet, self.line.row

    @cached_property
    def changed(self) -> tuple[str, ...]:
        """The columns that differ from the draft."""
        return changed(self.kind, self.before.reading.values if self.before else {}, self.reading.values)

    @property
    def locked(self) -> tuple[SheetProblem, ...]:
        """What the file changes though it is not open for correction."""
        if not self.is_correction:
            return ()
        if self.before is None:
            return (SheetProblem(self.sheet, self.line.cell(""), "locked_lines", drafts.NO_NEW_LINES),)
        wanted = [column for column in self.changed if column not in self.before.open_columns]
        return tuple(
            SheetProblem(
                self.sheet,
                self.line.cell(column),
                "locked",
                drafts.LOCKED,
                field=column,
                value=shown(self.line.raw.get(column)),
            )
            for column in wanted
        )

    def state(self, failed: frozenset[tuple[str, int]]) -> str:
        if failed & {self.place, (self.sheet, 0)}:
            return "failed"
        if self.before is None or not any(self.before.raw.values()):
            return "new"
        return "changed" if self.changed else "unchanged"

    def dump(self, state: str, problems: Sequence[SheetProblem]) -> Json:
        """As it is kept."""
        row: Json = {"row": self.line.row, "key": str(self.key), "state": state, "values": self.reading.values}
        if state == "changed" and self.before:
            row["before"] = self.before.reading.values
        return row | self._typed(problems) if state == "failed" and not self.is_barred else row

    def _typed(self, problems: Sequence[SheetProblem]) -> Json:
        """The line as it stands in the file, for correcting in the form; where that would pass there, it is empty."""
        own = {problem.field: problem for problem in problems}
        raw = {column: _as_typed(value) for column, value in self.line.raw.items()}
        raw |= {field: problem.value for field, problem in own.items() if field in raw and not raw[field]}
        complained = {problem.field for problem in self.kind.read(raw).problems}
        left_out = [
            field
            for field, problem in own.items()
            if field in raw and problem.severity == "error" and "." not in problem.rule and field not in complained
        ]
        open_columns = self.before.open_columns if self.before else frozenset(raw)
        typed = {column: "" if column in left_out else text for column, text in raw.items() if column in open_columns}
        return {"typed": typed, "left_out": [f"{self.sheet} {self.line.cell(column)}" for column in left_out]}


def _rows(report: Report, order: ReadingOrder, read: Read, key: str) -> list[_Row]:
    readings = read.judged.readings[key]
    lines_of_draft = _matched(order.kinds[key], order.stored[key], readings)
    return [
        _Row(
            kind=order.kinds[key],
            sheet=read.imported.titles[key],
            line=line,
            reading=reading,
            before=(before := lines_of_draft.get(line.row)),
            is_correction=report.corrects_only_lines(key),
            key=before.key if before else UUID(line.key) if line.key else uuid4(),
        )
        for line, reading in readings
    ]


def _matched(
    kind: Kind, stored: Sequence[DraftRow], readings: Sequence[tuple[ImportedLine, Reading]]
) -> dict[int, DraftRow]:
    """Row of the file -> the line of the draft that it is about.

    By its key; without one, the line that says exactly the same, so that a second upload doubles nothing; at last the
    only line with the same identity, such as its machine, if the file has one such row.
    """
    left = {str(row.key): row for row in stored}
    found = {line.row: left.pop(line.key) for line, _reading in readings if line.key in left}
    _match(found, left, readings, lambda values: json.dumps(values, sort_keys=True), only_one=False)
    identity = next((column.key for column in kind.columns if column.identity), "")
    _match(found, left, readings, lambda values: values.get(identity, {}).get("value", ""), only_one=True)
    return found


def _match(
    found: dict[int, DraftRow],
    left: dict[str, DraftRow],
    readings: Sequence[tuple[ImportedLine, Reading]],
    name: Callable[[Values], str],
    *,
    only_one: bool,
) -> None:
    """Pair the rows that have no line yet with the lines that no row is about, where `name` calls both the same."""
    rows: dict[str, list[int]] = defaultdict(list)
    lines: dict[str, list[str]] = defaultdict(list)
    for line, reading in readings:
        if line.row not in found and reading.values:
            rows[name(reading.values)].append(line.row)
    for key, stored in left.items():
        if stored.reading.values:
            lines[name(stored.reading.values)].append(key)
    for called in rows.keys() & lines.keys() - {""}:
        if only_one and len(rows[called]) + len(lines[called]) > 2:  # noqa: PLR2004 - one of each
            continue
        found |= {row: left.pop(key) for row, key in zip(rows[called], lines[called], strict=False)}


def _ruled(
    report: Report, order: ReadingOrder, read: Read, rows: Mapping[str, Sequence[_Row]]
) -> Iterator[SheetProblem]:
    """What the rules of the kinds would say of the draft with the file's rows in it, each in its cell."""
    lines = {
        section.kind: list(drafts.state_of(report, section).lines)
        for section in report.sections
        if section.answer is not None
    }
    for key, found in rows.items():
        sound = {str(row.key): row for row in found if not read.judged.fails(row.sheet, row.line.row)}
        if sound:
            kept = {str(row.key): row.reading for row in order.stored[key] if not row.reading.problems}
            kept |= {line: row.reading for line, row in sound.items()}
            lines[key] = [Line(line, reading.values) for line, reading in kept.items()]
    assessment = figures.assess(report, lines, drafts.history(report))
    for key, found in rows.items():
        places = {str(row.key): row for row in found}
        for problem in assessment.problems[key]:
            if (row := places.get(problem.line)) and not read.judged.fails(row.sheet, row.line.row):
                value = shown(row.line.raw.get(problem.field))
                cell = row.line.cell(problem.field)
                yield SheetProblem(row.sheet, cell, problem.rule, problem.text, problem.severity, problem.field, value)


def _not_in_file(order: ReadingOrder, rows: Mapping[str, Sequence[_Row]]) -> Iterator[Text]:
    for key, found in rows.items():
        left = {row.key for row in order.stored[key] if any(row.raw.values())} - {row.key for row in found}
        if found and left:
            yield NOT_IN_FILE.with_values(part=order.kinds[key].title, number=len(left))


def _in_order(problems: Sequence[SheetProblem]) -> list[SheetProblem]:
    """By sheet and row, as they stand in the file."""
    sheets = list(dict.fromkeys(problem.sheet for problem in problems))
    return sorted(problems, key=lambda problem: (sheets.index(problem.sheet), corners(problem.cell) or (0, 0)))


def _place(problem: SheetProblem) -> tuple[str, int]:
    area = corners(problem.cell)
    return problem.sheet, area[0] if area else 0


def _as_typed(value: Raw) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case Decimal():
            return quantities.for_input(value, "nb") if value.is_finite() else str(value)
        case date():
            return calendars.as_typed(value)
        case _:
            return value


def _dumped(problem: SheetProblem, kind: Kind | None = None, *, is_known: bool = False) -> dict[str, Any]:
    """As it is kept. `asks`: the file raises a question, which the person answers before it is stored.

    What the draft says already (`is_known`) is no question any more.
    """
    column = kind.column(problem.field).label if kind and problem.field else None
    return {
        "sheet": problem.sheet,
        "cell": problem.cell,
        "row": _place(problem)[1],
        "column": column.dump() if column else None,
        "rule": problem.rule,
        "severity": problem.severity,
        "text": problem.text.dump(),
        "value": problem.value,
        "asks": problem.severity == "warning" and problem.rule in FAULTS and not is_known,
    }
