"""The other side of the wall: the process that opens a stranger's file, and may die of it.

It reads one JSON line and then the file from standard input, and answers on standard output: one JSON line, then the
file it made, if any. `confinement.py` starts it. Nothing of the portal is loaded here but this package.
"""

import json
import resource
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any, TypeAlias

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from portal.sheets.gate import Limits
from portal.sheets.names import corners, letters
from portal.sheets.parts import Part, Relationship, Relationships, SharedStrings, Styles, WorkbookPart
from portal.sheets.refusal import Refusal, refuse
from portal.sheets.scan import Budget, Findings, SheetPart

Row: TypeAlias = list[Any]
_PIECE = 1 << 16
_LARGEST_FILE = 1_000_000_000
_FIRST_SOUND_DAY = date(1900, 3, 1)  # Excel has a 29 February 1900; days before it are off by one
_MOMENTS = {date, datetime, time, timedelta}
_VOID = {"not_finite", "time_only", "date_impossible"}
"""Faults that leave nothing to read; JSON could not carry some of them either."""
_XML = (".xml", ".rels")
_FIRST = ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/sharedstrings.xml"]


def main() -> None:
    """Answer one request. A refusal is an answer; anything else ends the process, and the parent knows what to say."""
    request = json.loads(sys.stdin.buffer.readline())
    limits = Limits(**request["limits"])
    confine(limits)
    content = sys.stdin.buffer.read()
    made = b""
    try:
        workbook = Unpacked(content, limits)
        if request["task"] == "mark":
            from portal.sheets.marks import mark  # openpyxl takes long to load, and reading does not need it

            made = mark(content, request["marks"], request["heading"])
            answer: dict[str, object] = {}
        else:
            answer = _read(workbook)
    except Refusal as refusal:
        answer = {"refusal": refusal.dump()}
    except MemoryError:
        answer = {"refusal": refuse("inflated").dump()}
    sys.stdout.buffer.write(
        json.dumps(answer, default=_dated, allow_nan=False, ensure_ascii=False).encode() + b"\n" + made
    )
    sys.stdout.buffer.flush()


def confine(limits: Limits) -> None:
    """Take away from this process what reading a file does not need. There is no way back."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))


class Unpacked:
    """The file, every byte of it inflated, counted and scanned, and packed again from what was seen.

    Other readers get the repacked file: what they read is what was scanned, whatever the original's directory says.
    Raises `Refusal`.
    """

    def __init__(self, content: bytes, limits: Limits) -> None:
        self.findings: dict[str, Findings] = {}
        """Sheet name -> findings."""
        self.workbook = WorkbookPart()
        self._limits = limits
        self._left = limits.inflated
        self._budget = Budget(limits.cells, limits.blanks, limits.characters)
        self._links, self._styles, self._strings = Relationships(), Styles(), SharedStrings()
        clean = BytesIO()
        with _damage_refused(), zipfile.ZipFile(BytesIO(content)) as archive, zipfile.ZipFile(clean, "w") as repacked:
            for entry in sorted(archive.infolist(), key=_in_reading_order):
                self._unpack(archive, entry, repacked)
        if self.findings.keys() != set(self._sheets_by_part().values()):
            raise refuse("damaged")
        self.repacked = clean.getvalue()

    def _unpack(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, repacked: zipfile.ZipFile) -> None:
        name = entry.filename.casefold()
        if entry.is_dir():
            return
        if not name.endswith(_XML):
            self._skim(archive, entry)
            return
        part = self._part(name)
        with archive.open(entry) as packed, repacked.open(entry.filename, "w") as copy:
            while piece := packed.read(_PIECE):
                self._spend(len(piece))
                copy.write(piece)
                part.feed(piece)
        part.feed(b"", last=True)

    def _part(self, name: str) -> Part:
        known = {
            "xl/workbook.xml": self.workbook,
            "xl/_rels/workbook.xml.rels": self._links,
            "xl/styles.xml": self._styles,
            "xl/sharedstrings.xml": self._strings,
        }
        if name in known:
            return known[name]
        if title := self._sheets_by_part().get(name):
            sheet = SheetPart(title, self._limits, self._budget, self._strings.lengths, self._styles.percent)
            self.findings[title] = sheet.findings
            return sheet
        return Part()

    def _sheets_by_part(self) -> dict[str, str]:
        nowhere = Relationship("", "")
        links = {title: self._links.get(link, nowhere) for title, link in self.workbook.sheets.items()}
        return {_within(link.target): title for title, link in links.items() if link.kind == "worksheet"}

    def _skim(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        """Inflate a picture or the like, for its size, its checksum, and a DOCTYPE in disguise."""
        seen = b""
        with archive.open(entry) as packed:
            while piece := packed.read(_PIECE):
                self._spend(len(piece))
                seen = (seen + piece.replace(b"\0", b"").upper())[-_PIECE - 16 :]
                if b"<!DOCTYPE" in seen and not entry.filename.casefold().startswith("xl/media/"):
                    raise refuse("doctype")

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise refuse("inflated")


def _in_reading_order(entry: zipfile.ZipInfo) -> int:
    name = entry.filename.casefold()
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def _within(target: str) -> str:
    """The part that a link of the workbook leads to: absolute, or from its own folder."""
    return str(PurePosixPath("/xl") / target).removeprefix("/").casefold()


@contextmanager
def _damage_refused() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise refuse("damaged") from error


def _read(unpacked: Unpacked) -> dict[str, object]:
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(unpacked.repacked))
        visible = {
            sheet.name: sheet.visible == SheetVisibleEnum.Visible
            for sheet in workbook.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet
        }
        rows = {name: workbook.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in visible}
    except CalamineError as error:
        raise refuse("damaged") from error
    if visible.keys() != unpacked.findings.keys():
        raise refuse("damaged")
    sheets = [_sheet(name, visible[name], rows[name], found) for name, found in unpacked.findings.items()]
    return {"sheets": sheets, "dates_from_1904": unpacked.workbook.dates_from_1904}


def _sheet(name: str, visible: bool, rows: list[Row], found: Findings) -> dict[str, object]:  # noqa: FBT001
    filled = sum(not (value == "" or (isinstance(value, str) and not value.strip())) for row in rows for value in row)
    if filled != found.filled:  # the two readers saw different sheets: one of them is being fooled
        raise refuse("damaged", sheet=name)
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if type(value) in _MOMENTS and (fault := _fault(value)):
                found.faults.setdefault(f"{letters(column + 1)}{number}", fault)
    replaced = {cell: "" for cell, (rule, _) in found.faults.items() if rule in _VOID}
    for cell, value in (replaced | found.exact).items():
        if area := corners(cell):
            rows[area[0] - 1][area[1] - 1] = value
    return {
        "name": name,
        "visible": visible,
        "rows": rows,
        "faults": found.faults,
        "percent": found.percent,
        "merged": found.merged,
        "hidden_rows": found.hidden_rows,
        "hidden_columns": sorted(found.hidden_columns),
    }


def _fault(moment: date | time | timedelta) -> tuple[str, str] | None:
    if not isinstance(moment, date):
        return "time_only", str(moment)
    day = moment.date() if isinstance(moment, datetime) else moment
    return ("date_impossible", "") if day < _FIRST_SOUND_DAY else None


def _dated(value: date) -> dict[str, str]:
    return {"date": value.isoformat()}
