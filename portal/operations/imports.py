"""The Excel way in: a template for each contract and period, an upload a job reads, stored when a person agrees."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from portal import calendars, permissions
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import db, enqueue, parts
from portal.files import clean_name
from portal.kinds.base import Kind, Reading
from portal.model import ImportedFile, ImportState, Membership, Report, record
from portal.model.base import Json
from portal.operations import accounts, contracts, drafts, lookup
from portal.operations.drafts import DraftRow, RawLine
from portal.permissions import Permission
from portal.sheets.importing import ImportedLine, SheetProblem, Validated, read_lines, validate
from portal.sheets.layout import SheetSpec, TemplateLine
from portal.sheets.marking import mark_errors
from portal.sheets.origin import Origin
from portal.sheets.refusal import Refusal
from portal.sheets.template import TemplateSpec, write_template
from portal.text import Text

TEMPLATE_VERSION = "1"
MOST_PROBLEMS_KEPT = 500
FOREIGN = "wrong_organisation"
"""The rule of the reader that says: this file was made for another company. It goes on record."""

NO_FILE = Text("Velg en Excel-fil først.", "Choose an Excel file first.")
CHANGED_SINCE_READ = Text(
    "Utkastet er endret siden filen ble lest. Last opp filen på nytt for å se hva som er nytt.",
    "The draft has changed since the file was read. Upload the file again to see what is new.",
)
NOT_READY = Text("Filen er ikke klar til å lagres.", "The file is not ready to be stored.")
TITLE = Text("Månedsrapport", "Monthly report")


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


def template(report: Report, language: str) -> bytes:
    """The workbook for this report: a sheet per kind, lines and machines filled in, what is locked locked."""
    return write_template(
        TemplateSpec(
            title=TITLE.to(language),
            contract=f"{report.contract.reference} {report.contract.title}",
            period=calendars.month_name(report.period.starts_on).to(language),
            language=language,
            meta=_origin(report),
            sheets=tuple(_spec(report, kind, language) for kind in contracts.kinds_of(report)),
        )
    )


def receive(report: Report, name: str, content: bytes, *, by: Membership) -> ImportedFile:
    """Keep an uploaded workbook under its hash and ask for it to be read."""
    permissions.demand(by, Permission.REPORT_EDIT)
    if not report.is_editable:
        raise Refused(drafts.NOT_EDITABLE)
    if not content:
        raise Invalid(NO_FILE)
    stored = parts().store.put(content)
    row = ImportedFile(
        **report.parties,
        report_id=report.id,
        uploaded_by_id=by.id,
        sha256=stored.sha256,
        name=clean_name(name),
        size=stored.size,
    )
    db.session.add(row)
    db.session.flush()
    record(row, "import.uploaded", by=by, report=str(report.public_id), sha256=stored.sha256)
    enqueue("imports.read", {"import": row.id}, key=f"import-{row.public_id}")
    return row


def latest(report: Report) -> ImportedFile | None:
    """The newest workbook uploaded for a report."""
    return db.session.scalar(
        select(ImportedFile).where(ImportedFile.report_id == report.id).order_by(ImportedFile.id.desc()).limit(1)
    )


def report_of(row: ImportedFile) -> Report:
    """The report a workbook was uploaded for."""
    return lookup.by_number(Report, row.report_id)


def prepare(row: ImportedFile) -> ReadingOrder | None:
    """Gather what reading needs; None when the file has been read already."""
    return _order(row) if row.state == ImportState.WAITING else None


def read(order: ReadingOrder) -> Json:
    """Read and judge the workbook in the limited child process. Never raises for what a file may hold."""
    try:
        imported = read_lines(order.content, order.specs, order.origin)
    except Refusal as refusal:
        problem = {"sheet": refusal.sheet, "cell": refusal.cell, "rule": refusal.rule, "severity": "error"}
        return {
            "refused": True,
            "problems": [{**problem, "text": refusal.text.dump()}],
            "notes": [],
            "changes": {},
            "counts": {},
        }
    found = validate(imported, order.kinds)
    changes = {key: _changes(order, key, found) for key in found.readings}
    states = [change["state"] for rows in changes.values() for change in rows]
    return {
        "refused": False,
        "problems": [_dumped(problem) for problem in found.problems[:MOST_PROBLEMS_KEPT]],
        "notes": [note.dump() for note in imported.notes],
        "changes": changes,
        "lines": {key: _read_lines(order.kinds[key], found, key) for key in found.readings},
        "version": order.version,
        "counts": {state: states.count(state) for state in ("new", "changed", "unchanged", "failed")},
    }


def note(row: ImportedFile, found: Json) -> None:
    """Keep what was found. A file with errors is refused as a whole, with every error in its place."""
    failed = found["refused"] or any(problem["severity"] == "error" for problem in found["problems"])
    row.state = ImportState.REFUSED if failed else ImportState.READY
    row.result = found
    if any(problem["rule"] == FOREIGN for problem in found["problems"]):
        record(row, "import.foreign", by=lookup.by_number(Membership, row.uploaded_by_id), sha256=row.sha256)


def store(row: ImportedFile, *, by: Membership) -> Report:
    """Put the lines that were shown into the draft, matched by their key: a second upload doubles nothing.

    Raises Conflict when somebody has saved since the file was read: what was shown is no longer the difference.
    """
    permissions.demand(by, Permission.REPORT_EDIT)
    report = report_of(row)
    if row.state != ImportState.READY:
        raise Conflict(NOT_READY)
    if report.version != row.result["version"]:
        raise Conflict(CHANGED_SINCE_READ)
    for key, lines in row.result["lines"].items():
        if not lines:
            continue  # an empty sheet says nothing, and must not overwrite the answer that there is nothing to report
        kind = contracts.kind_of(report, key)
        kept = {line.key: RawLine(line.key, line.raw) for line in drafts.rows_of(report, kind)}
        for line in lines:
            kept[UUID(line["key"])] = RawLine(UUID(line["key"]), line["raw"])
        drafts.save(report, key, list(kept.values()), by=by, version=report.version)
    row.state = ImportState.STORED
    record(row, "import.stored", by=by, report=str(report.public_id))
    return report


def marked(row: ImportedFile) -> bytes:
    """The person's own file with the errors in it. Raises Refusal when it cannot be marked."""
    order = _order(row)
    imported = read_lines(order.content, order.specs, order.origin)
    found = validate(imported, order.kinds)
    language = lookup.by_number(Membership, row.uploaded_by_id).person.language
    return mark_errors(order.content, found.problems, imported.frames, language)


def _order(row: ImportedFile) -> ReadingOrder:
    report = report_of(row)
    kinds = {kind.key: kind for kind in contracts.kinds_of(report)}
    language = accounts.membership(row.uploaded_by_id).person.language
    return ReadingOrder(
        content=parts().store.get(row.sha256),
        specs=tuple(_spec(report, kind, language) for kind in kinds.values()),
        kinds=kinds,
        origin=_origin(report),
        stored={key: tuple(drafts.rows_of(report, kind)) for key, kind in kinds.items()},
        version=report.version,
    )


def _origin(report: Report) -> Origin:
    return Origin(
        version=TEMPLATE_VERSION,
        report=str(report.public_id),
        period=f"{report.period.starts_on:%Y-%m}",
        contract=report.contract.reference,
        organisation=report.contract.supplier.number,
    )


def _spec(report: Report, kind: Kind, language: str) -> SheetSpec:
    lines = tuple(TemplateLine(str(row.key), kind.flat(row.reading.values)) for row in drafts.rows_of(report, kind))
    return SheetSpec(key=kind.key, kind=kind, title=kind.title.to(language), lines=lines)


def _line_key(line: ImportedLine) -> UUID:
    try:
        return UUID(line.key)
    except ValueError:
        return uuid4()


def _read_lines(kind: Kind, found: Validated, key: str) -> list[Json]:
    """The lines as they will be stored: each with its key, and its values as a person would type them."""
    return [
        {"key": str(_line_key(line)), "raw": kind.inputs(reading.values, "nb")} for line, reading in found.readings[key]
    ]


def _changes(order: ReadingOrder, key: str, found: Validated) -> list[dict[str, Any]]:
    stored = {str(row.key): row for row in order.stored[key]}
    return [_change(order.kinds[key], line, reading, stored.get(line.key)) for line, reading in found.readings[key]]


def _change(kind: Kind, line: ImportedLine, reading: Reading, before: DraftRow | None) -> dict[str, Any]:
    old, new = (before.reading.values if before else {}), reading.values
    columns = [
        {
            "column": column.key,
            "before": kind.words(column.key, old).dump(),
            "after": kind.words(column.key, new).dump(),
        }
        for column in kind.columns
        if kind.display(column.key, old, "nb") != kind.display(column.key, new, "nb")
    ]
    failed = any(problem.severity == "error" for problem in reading.problems)
    state = "failed" if failed else "new" if before is None or not before.raw else "changed" if columns else "unchanged"
    return {"line": line.row, "label": _label(kind, new, line.row).dump(), "state": state, "columns": columns}


def _label(kind: Kind, values: Mapping[str, Mapping[str, str]], row: int) -> Text:
    identity = next((column for column in kind.columns if column.identity), None)
    if identity is not None and identity.key in values:
        return Text(kind.display(identity.key, values, "nb"), kind.display(identity.key, values, "en"))
    return Text(f"Rad {row}", f"Row {row}")


def _dumped(problem: SheetProblem) -> Json:
    return {
        "sheet": problem.sheet,
        "cell": problem.cell,
        "rule": problem.rule,
        "severity": problem.severity,
        "text": problem.text.dump(),
        "value": problem.value,
    }
