"""The Excel way in: a template for each contract and period, an upload a job reads, stored when a person agrees."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select

from portal import permissions
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import db, enqueue, parts
from portal.files import clean_name
from portal.kinds.base import Kind, Line, Problem
from portal.model import ImportedFile, ImportState, ImportStep, Membership, Report, record
from portal.model.base import Json
from portal.operations import accounts, lookup
from portal.operations.contracts import contracts
from portal.operations.entry import comparing, drafts
from portal.operations.entry.comparing import Read, ReadingOrder
from portal.operations.entry.drafts import RawLine
from portal.permissions import Permission
from portal.sheets.header import Frame
from portal.sheets.importing import SheetProblem, read_lines, validate
from portal.sheets.layout import SheetSpec, TemplateLine
from portal.sheets.marking import mark_errors
from portal.sheets.origin import Origin
from portal.sheets.refusal import Refusal
from portal.sheets.template import TemplateSpec, write_template
from portal.text import Text

TEMPLATE_VERSION = "2"
MOST_LISTED = 20
FOREIGN = "wrong_organisation"
"""The rule of the reader that says: this file was made for another company. It goes on record."""
READ_WELL = frozenset({ImportState.READY, ImportState.FAULTY})
"""States in which there is a difference to show, and rows to store."""

NO_FILE = Text("Velg en Excel-fil først.", "Choose an Excel file first.")
CHANGED_SINCE_READ = Text(
    "Utkastet er endret siden filen ble lest. Sammenlign på nytt for å se hva filen endrer nå.",
    "The draft has changed since the file was read. Compare again to see what the file changes now.",
)
NOT_READY = Text("Filen er ikke klar til å lagres.", "The file is not ready to be stored.")
CONFIRM = Text(
    "Se på advarslene, og kryss av for at verdiene stemmer.",
    "Look at the warnings, and tick that the values are right.",
)
NOTHING_READY = Text("Ingen rader i filen er klare til å lagres.", "No rows of the file are ready to be stored.")
TITLE = Text("Månedsrapport", "Monthly report")

Told = Callable[[ImportStep, int, int], None]
"""Hears what is being done: the step, how many rows are checked, and how many there are."""


def template(report: Report, language: str) -> bytes:
    """The workbook for this report: a sheet per kind, lines and machines filled in, what is locked locked."""
    return write_template(described(report, language))


def described(report: Report, language: str) -> TemplateSpec:
    """What stands in the workbook for this report."""
    return TemplateSpec(
        title=TITLE.to(language),
        contract=f"{report.contract.reference} {report.contract.title}",
        period=report.period.name.to(language),
        language=language,
        meta=_origin(report),
        sheets=_specs(report, contracts.kinds_of(report), language),
    )


def receive(report: Report, name: str, content: bytes, *, by: Membership) -> ImportedFile:
    """Keep an uploaded workbook under its hash and ask for it to be read."""
    permissions.demand(by, Permission.REPORT_EDIT)
    if not report.is_editable:
        raise Refused(drafts.NOT_EDITABLE)
    if not name and not content:
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
    return next(iter(newest(report, 1)), None)


def newest(report: Report, most: int = MOST_LISTED) -> list[ImportedFile]:
    """The workbooks uploaded for a report, newest first: none is thrown away when another comes."""
    rows = select(ImportedFile).where(ImportedFile.report_id == report.id).order_by(ImportedFile.id.desc())
    return list(db.session.scalars(rows.limit(most)))


def report_of(row: ImportedFile) -> Report:
    """The report a workbook was uploaded for."""
    return lookup.by_number(Report, row.report_id)


# -- read by the job ---------------------------------------------------------------------------------------------------


def prepare(row: ImportedFile) -> ReadingOrder | None:
    """Gather what reading needs; None when the file has been read already."""
    if row.state != ImportState.WAITING:
        return None
    report = report_of(row)
    kinds = {kind.key: kind for kind in contracts.kinds_of(report)}
    language = accounts.membership(row.uploaded_by_id).person.language
    row.step, row.rows_checked, row.rows_found = ImportStep.OPENING, 0, 0
    return ReadingOrder(
        content=parts().store.get(row.sha256),
        specs=_specs(report, list(kinds.values()), language),
        kinds=kinds,
        origin=_origin(report),
        stored={key: tuple(drafts.rows_of(report, kind)) for key, kind in kinds.items()},
        version=report.version,
    )


def read(order: ReadingOrder, told: Told) -> Read | Refusal:
    """Read and judge the workbook in the limited child process. Never raises for what a file may hold."""
    try:
        imported = read_lines(order.content, order.specs, order.origin)
    except Refusal as refusal:
        return refusal
    number = sum(map(len, imported.sheets.values()))
    told(ImportStep.CHECKING, 0, number)
    judged = validate(imported, order.kinds, lambda checked: told(ImportStep.CHECKING, checked, number))
    told(ImportStep.COMPARING, number, number)
    return Read(imported, judged)


def compare(row: ImportedFile, order: ReadingOrder, read: Read | Refusal) -> Json:
    """What is found, held against the draft, as it is kept and shown. Only reads the database."""
    if isinstance(read, Refusal):
        return comparing.refused(read)
    return comparing.result(report_of(row), order, read)


def progress(row: ImportedFile, step: ImportStep, checked: int, found: int) -> None:
    """Let whoever waits see how far the reading has come."""
    row.step, row.rows_checked, row.rows_found = step, checked, found


def note(row: ImportedFile, found: Json) -> None:
    """Keep what was found. Rows with errors do not keep the others from being stored."""
    if found["refused"]:
        row.state = ImportState.REFUSED
    else:
        is_faulty = any(problem["severity"] == "error" for problem in found["problems"])
        row.state = ImportState.FAULTY if is_faulty else ImportState.READY
    row.result = found
    if any(problem["rule"] == FOREIGN for problem in found["problems"]):
        record(row, "import.foreign", by=lookup.by_number(Membership, row.uploaded_by_id), sha256=row.sha256)


# -- said yes to -------------------------------------------------------------------------------------------------------


def is_outdated(row: ImportedFile) -> bool:
    """Whether the draft has changed since the file was read, so that what is shown is no longer the difference."""
    return row.state in READ_WELL and bool(report_of(row).version != row.result["version"])


def read_again(row: ImportedFile, *, by: Membership) -> None:
    """Hold the same file against the draft as it is now. Raises Conflict when nothing has changed, or it is stored."""
    permissions.demand(by, Permission.REPORT_EDIT)
    report = report_of(row)
    if not report.is_editable:
        raise Refused(drafts.NOT_EDITABLE)
    if not is_outdated(row):
        raise Conflict(NOT_READY)
    row.state, row.step, row.result = ImportState.WAITING, ImportStep.QUEUED, {}
    record(row, "import.read_again", by=by, report=str(report.public_id))
    enqueue("imports.read", {"import": row.id})


def asks(row: ImportedFile) -> bool:
    """Whether the file raises questions that its sender must answer yes to: copies, formulas, another template."""
    return any(problem["asks"] for problem in row.result["problems"])


def store(row: ImportedFile, *, by: Membership, is_confirmed: bool = False, with_faults: bool = False) -> Report:
    """Put the rows that are ready into the draft, matched by their key: a second upload doubles nothing.

    Args:
        row: the file, after it was read.
        by: who agrees to the difference that was shown.
        is_confirmed: whether they say that what the file makes us ask about is right.
        with_faults: put the wrong rows in too, as they are typed, to be corrected in the form; else their lines stay
            as they are in the draft.

    Raises:
        Conflict: somebody has saved since the file was read, or it is stored already.
        Invalid: there are questions, and they are not answered; or nothing would be stored.
    """
    permissions.demand(by, Permission.REPORT_EDIT)
    report = report_of(row)
    if row.state not in READ_WELL:
        raise Conflict(NOT_READY)
    if report.version != row.result["version"]:
        raise Conflict(CHANGED_SINCE_READ)
    if asks(row) and not is_confirmed:
        raise Invalid(CONFIRM, (Problem("confirm", CONFIRM, "confirmed"),))
    taken = {kind.key: _taken(row, kind, with_faults) for kind in contracts.kinds_of(report)}
    if not any(taken.values()):
        raise Invalid(NOTHING_READY, (Problem("nothing_ready", NOTHING_READY),))
    for key, lines in taken.items():
        if lines and _says_something(row, report, key, with_faults):
            _put(report, key, lines, by)
    row.state, row.result = ImportState.STORED, {**row.result, "with_faults": with_faults}
    record(row, "import.stored", by=by, report=str(report.public_id), with_faults=with_faults)
    return report


def to_correct(row: ImportedFile) -> list[str]:
    """Keys of the kinds that have wrong rows which can be corrected in the form."""
    return [key for key, rows in row.result["rows"].items() if any("typed" in each for each in rows)]


def left_out(row: ImportedFile) -> list[str]:
    """Cells whose content could not be brought along to the form."""
    return [cell for rows in row.result["rows"].values() for each in rows for cell in each.get("left_out", ())]


def marked(row: ImportedFile) -> bytes:
    """The person's own file with the errors in it. Raises Refusal when it cannot be marked."""
    language = accounts.membership(row.uploaded_by_id).person.language
    problems = [_problem(stored) for stored in row.result["problems"] if stored["severity"] == "error"]
    frames = {title: Frame(*frame) for title, frame in row.result.get("frames", {}).items()}
    return mark_errors(parts().store.get(row.sha256), problems, frames, language)


def _taken(row: ImportedFile, kind: Kind, with_faults: bool) -> dict[UUID, Mapping[str, str]]:  # noqa: FBT001 - as asked
    """Line key -> what it will say, as a person would type it, in the order of the file."""
    rows = row.result["rows"].get(kind.key, ())
    return {
        UUID(each["key"]): each["typed"] if each["state"] == "failed" else kind.inputs(each["values"], "nb")
        for each in rows
        if each["state"] != "failed" or (with_faults and "typed" in each)
    }


def _says_something(row: ImportedFile, report: Report, key: str, with_faults: bool) -> bool:  # noqa: FBT001 - as asked
    """Whether a sheet changes its section: what is there already must not turn "nothing to report" into lines."""
    states = {each["state"] for each in row.result["rows"][key]}
    told = {"new", "changed", "failed"} if with_faults else {"new", "changed"}
    return bool(states & told) or report.section(key).answer is None


def _put(report: Report, key: str, lines: Mapping[UUID, Mapping[str, str]], by: Membership) -> None:
    kind = contracts.kind_of(report, key)
    kept: dict[UUID, Mapping[str, str]] = {line.key: line.raw for line in drafts.rows_of(report, kind)}
    kept |= {number: {**kept.get(number, {}), **raw} for number, raw in lines.items()}
    drafts.save(report, key, [RawLine(number, raw) for number, raw in kept.items()], by=by, version=report.version)


def _origin(report: Report) -> Origin:
    return Origin(
        version=TEMPLATE_VERSION,
        report=str(report.public_id),
        period=f"{report.period.starts_on:%Y-%m}",
        contract=report.contract.reference,
        organisation=report.contract.supplier.number,
        draft=str(report.version),
    )


def _specs(report: Report, kinds: list[Kind], language: str) -> tuple[SheetSpec, ...]:
    previous = drafts.previous_lines(report)
    return tuple(_spec(report, kind, previous.get(kind.key, ()), language) for kind in kinds)


def _spec(report: Report, kind: Kind, previous: Sequence[Line], language: str) -> SheetSpec:
    before = {line.key: line.values for line in previous}
    lines = [
        TemplateLine(
            key=str(row.key),
            values=kind.flat(row.reading.values),
            before={
                column.key: kind.display(column.key, before.get(str(row.key), {}), language) for column in kind.columns
            },
        )
        for row in drafts.rows_of(report, kind)
    ]
    return SheetSpec(key=kind.key, kind=kind, title=kind.title.to(language), lines=tuple(lines))


def _problem(stored: Json) -> SheetProblem:
    return SheetProblem(stored["sheet"], stored["cell"], stored["rule"], Text.load(stored["text"]), stored["severity"])
