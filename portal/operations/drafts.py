"""The supplier's draft: what was typed, what it means, and what is open for change."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from portal import permissions, quantities
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Kind, Line, Problem, Raw, Reading
from portal.model import Answer, DraftLine, Membership, Report, ReportingPeriod, ReportState, Revision, Section, record
from portal.operations import contracts
from portal.permissions import Permission
from portal.text import Text

NOT_EDITABLE = Text(
    "Rapporten er sendt inn og kan ikke endres nå.", "The report has been submitted and cannot be changed now."
)
CHANGED_BY_OTHER = Text(
    "Noen andre lagret denne delen etter at du åpnet den. Se hva som er nytt, og lagre på nytt.",
    "Somebody else saved this part after you opened it. See what is new, and save again.",
)
LOCKED = Text("Dette feltet er ikke åpnet for retting.", "This field is not open for correction.")
NO_NEW_LINES = Text(
    "Under retting kan det ikke legges til eller fjernes linjer.", "Lines cannot be added or removed under correction."
)
SAY_WHY_NOTHING = Text(
    "Skriv kort hvorfor det ikke er noe å rapportere.", "Say briefly why there is nothing to report."
)
NO_LINES = Text(
    "Legg inn minst én linje, eller svar at det ikke er noe å rapportere.",
    "Enter at least one line, or answer that there is nothing to report.",
)
UNANSWERED = Text("«{title}» er ikke fylt ut.", "“{title}” is not filled in.")
REGISTER_FIELDS = {"carrier": "carrier", "stage": "stage", "euro_class": "stage"}
"""Column -> what the register knows, to be filled in for the person."""
PERIODS_BACK = 6
"""How many periods before are looked at, to see what is usual."""


@dataclass(frozen=True)
class RawLine:
    """A line as it arrives from a form, a file or the API."""

    key: uuid.UUID
    raw: Mapping[str, Raw]


@dataclass(frozen=True)
class DraftRow:
    """A line for a form: what was typed, what is wrong with it, and which columns may be changed."""

    key: uuid.UUID
    raw: Mapping[str, str]
    reading: Reading
    open_columns: frozenset[str]
    comments: Mapping[str, str]


@dataclass(frozen=True)
class SectionState:
    """A section as read: ready or not, and why."""

    section: Section
    kind: Kind
    lines: tuple[Line, ...]
    problems: tuple[Problem, ...]

    @property
    def is_complete(self) -> bool:
        """Whether nothing stops this section from being signed."""
        return self.section.answer is not None and not any(problem.severity == "error" for problem in self.problems)


def rows_of(report: Report, kind: Kind) -> list[DraftRow]:
    """The lines to show in a form: the draft's, or, before anything is saved, one for each machine on the contract."""
    section = report.section(kind.key)
    lines = section.lines or _prefilled(report, kind)
    return [_row(report, kind, line) for line in lines]


def rows_from(report: Report, kind: Kind, lines: Iterable[RawLine]) -> list[DraftRow]:
    """Lines as somebody has just typed them, for showing again beside what is wrong."""
    return [_row(report, kind, DraftLine(key=line.key, raw=_typed(kind, line.raw))) for line in lines]


def blank_row(report: Report, kind: Kind) -> DraftRow:
    """One empty line to fill in."""
    row = _row(report, kind, DraftLine(key=uuid.uuid4(), raw={}))
    return DraftRow(row.key, row.raw, Reading({}, ()), row.open_columns, row.comments)


def state_of(report: Report, section: Section) -> SectionState:
    """Read one section with all rules that need no other section."""
    kind = contracts.kind_of(report, section.kind)
    readings = [(line, kind.read(line.raw)) for line in section.lines] if section.answer != Answer.NOTHING else []
    problems = [_placed(problem, line.key) for line, reading in readings for problem in reading.problems]
    if section.answer is None:
        problems.append(Problem("unanswered", UNANSWERED.with_values(title=kind.title)))
    elif section.answer == Answer.FILLED and not readings:
        problems.append(Problem("no_lines", NO_LINES))
    lines = tuple(Line(str(line.key), reading.values) for line, reading in readings if not _fails(reading))
    return SectionState(section, kind, lines, tuple(problems))


def previous_lines(report: Report) -> dict[str, list[Line]]:
    """The lines of the newest revision of the period before, per kind; empty when there is none."""
    return next(iter(history(report, most=1)), {})


def history(report: Report, most: int = PERIODS_BACK) -> list[dict[str, list[Line]]]:
    """The lines of the newest revisions of the periods before, per kind, the newest period first."""
    newest = (
        select(func.max(Revision.id))
        .join(Revision.report)
        .join(Report.period)
        .where(Report.contract_id == report.contract_id, ReportingPeriod.starts_on < report.period.starts_on)
        .group_by(Revision.report_id)
        .order_by(func.max(ReportingPeriod.starts_on).desc())
        .limit(most)
    )
    rows = (
        select(Revision)
        .join(Revision.report)
        .join(Report.period)
        .where(Revision.id.in_(newest))
        .order_by(ReportingPeriod.starts_on.desc())
        .options(selectinload(Revision.lines))
    )
    return [frozen_lines(revision) for revision in db.session.scalars(rows).unique()]


def frozen_lines(revision: Revision) -> dict[str, list[Line]]:
    """A revision's lines, per kind."""
    found: dict[str, list[Line]] = {}
    for line in revision.lines:
        found.setdefault(line.kind, []).append(Line(str(line.key), line.values))
    return found


def save(report: Report, kind_key: str, lines: Sequence[RawLine], *, by: Membership, version: int) -> SectionState:
    """Store a section's lines as typed, wrong ones too, so that nothing is lost.

    Raises:
        Conflict: somebody saved in between.
        Refused: the report is not open for change.
        Invalid: under correction, something locked was changed.
    """
    section = _open_section(report, kind_key, by, version)
    kind = contracts.kind_of(report, kind_key)
    if report.state == ReportState.RETURNED:
        _refuse_locked(report, kind, section, lines)
    _store(section, kind, lines)
    section.answer, section.reason = Answer.FILLED, ""
    _touch(report, section, by)
    return state_of(report, section)


def answer_nothing(report: Report, kind_key: str, reason: str, *, by: Membership, version: int) -> SectionState:
    """Answer that there is nothing to report, with the reason. Lines typed before are kept, and do not count."""
    section = _open_section(report, kind_key, by, version)
    if report.state == ReportState.RETURNED:
        raise Refused(NO_NEW_LINES)
    if not reason.strip():
        raise Invalid(SAY_WHY_NOTHING, (Problem("required", SAY_WHY_NOTHING, "reason"),))
    section.answer, section.reason = Answer.NOTHING, reason.strip()
    _touch(report, section, by)
    return state_of(report, section)


def open_columns(report: Report, kind: Kind, key: uuid.UUID) -> frozenset[str]:
    """Which columns of a line may be changed now: all while drafting, the commented ones under correction."""
    every = frozenset(column.key for column in kind.columns)
    if report.state != ReportState.RETURNED:
        return every if report.is_editable else frozenset()
    unlocked = [unlock.field for unlock in report.current_unlocks if unlock.kind == kind.key and unlock.line_key == key]
    if "" in unlocked:
        return every
    return frozenset(unlocked) | {f"{field}_source" for field in unlocked if f"{field}_source" in every}


def _open_section(report: Report, kind_key: str, by: Membership, version: int) -> Section:
    permissions.demand(by, Permission.REPORT_EDIT)
    if not report.is_editable:
        raise Refused(NOT_EDITABLE)
    if report.version != version:
        raise Conflict(CHANGED_BY_OTHER)
    if report.state == ReportState.RETURNED and kind_key not in {unlock.kind for unlock in report.current_unlocks}:
        raise Refused(LOCKED)
    return report.section(kind_key)


def _touch(report: Report, section: Section, by: Membership) -> None:
    if report.state == ReportState.OPEN:
        report.move(ReportState.DRAFT, by=by)
    report.note_preparer(by)
    # The row version guards the whole report: two who save at once cannot both win.
    report.version = report.version + 1
    record(section, "draft.saved", by=by, report=str(report.public_id), kind=section.kind, answer=str(section.answer))
    db.session.flush()


def _store(section: Section, kind: Kind, lines: Sequence[RawLine]) -> None:
    known = {line.key: line for line in section.lines}
    section.lines = [known.get(line.key) or DraftLine(key=line.key) for line in lines]
    for position, (row, line) in enumerate(zip(section.lines, lines, strict=True)):
        row.position, row.raw = position, {**(row.raw or {}), **_typed(kind, line.raw)}


def _typed(kind: Kind, raw: Mapping[str, Raw]) -> dict[str, str]:
    """What arrived, as text that reads back as the same value."""
    return {column.key: _as_typed(raw[column.key]) for column in kind.columns if column.key in raw}


def _as_typed(value: Raw) -> str:
    if isinstance(value, Decimal):
        return quantities.for_input(value, "nb") if value.is_finite() else str(value)
    if isinstance(value, date):
        return value.strftime("%d.%m.%Y")
    return "" if value is None else str(value)


def _refuse_locked(report: Report, kind: Kind, section: Section, lines: Sequence[RawLine]) -> None:
    known = {line.key: line for line in section.lines}
    if {line.key for line in lines} != set(known):
        raise Invalid(NO_NEW_LINES, (Problem("locked_lines", NO_NEW_LINES),))
    problems = [
        Problem("locked", LOCKED, column, str(line.key))
        for line in lines
        for column, value in _typed(kind, line.raw).items()
        if column not in open_columns(report, kind, line.key)
        and _meant(kind, column, value) != _meant(kind, column, known[line.key].raw.get(column, ""))
    ]
    if problems:
        raise Invalid(LOCKED, tuple(problems))


def _meant(kind: Kind, column: str, typed: str) -> object:
    """What a typed value means, so that 100 and 100,0 are the same; what means nothing is itself."""
    value = kind.column(column).parse(typed)
    return typed if isinstance(value, Problem) else value


def _row(report: Report, kind: Kind, line: DraftLine) -> DraftRow:
    return DraftRow(
        key=line.key,
        raw=line.raw,
        reading=kind.read(line.raw),
        open_columns=open_columns(report, kind, line.key),
        comments={
            unlock.field: unlock.comment
            for unlock in report.current_unlocks
            if unlock.kind == kind.key and unlock.line_key == line.key and report.state == ReportState.RETURNED
        },
    )


def _prefilled(report: Report, kind: Kind) -> list[DraftLine]:
    """One line for each machine of the period, with what the register knows; amounts are never filled in."""
    named = next((column for column in kind.columns if column.source in {"machines", "vehicles"}), None)
    if named is None:
        return []
    known = {str(row.machine.public_id): row.machine for row in contracts.deployments_in(report)}
    columns = {column.key for column in kind.columns}
    return [
        DraftLine(
            key=uuid.UUID(choice.key),
            raw={
                named.key: choice.key,
                **{
                    column: getattr(known[choice.key], fact)
                    for column, fact in REGISTER_FIELDS.items()
                    if column in columns
                },
            },
        )
        for choice in named.choices
    ]


def _placed(problem: Problem, key: uuid.UUID) -> Problem:
    return Problem(problem.rule, problem.text, problem.field, str(key), problem.severity)


def _fails(reading: Reading) -> bool:
    return any(problem.severity == "error" for problem in reading.problems)
