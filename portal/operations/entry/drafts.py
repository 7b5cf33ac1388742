"""The supplier's draft: what was typed, what it means, and what is open for change."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from portal import permissions
from portal.errors import Conflict, Invalid, NotFound, Refused
from portal.extensions import db
from portal.kinds.base import Kind, Line, Problem, Raw, Reading
from portal.model import (
    Answer,
    DraftLine,
    Membership,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    ReportState,
    Revision,
    Section,
    record,
)
from portal.operations import processes, typed
from portal.operations.contracts import contracts
from portal.operations.lookup import NOT_HERE
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
NOT_CONFIRMED = Text(
    "{label}: kopiert, ikke bekreftet. Bekreft tallet, eller skriv det som er riktig.",
    "{label}: copied, not confirmed. Confirm the figure, or write what is right.",
)
UNANSWERED = Text("«{title}» er ikke fylt ut.", "“{title}” is not filled in.")
UNCONFIRMED = "unconfirmed"
"""The rule of an amount that was copied from the period before and that nobody has looked at."""
COPIED = "copied"
"""The provenance of such an amount."""
REGISTER_FIELDS = {"carrier": "carrier", "stage": "stage", "euro_class": "stage"}
"""Column -> what the register knows, to be filled in for the person."""
PERIODS_BACK = 6
"""How many periods before are looked at, to see what is usual."""


@dataclass(frozen=True)
class RawLine:
    """A line as it arrives from a form, a file or the API.

    `version` is the line's own that the person saw, and `seen` what it meant then (`typed.fingerprint`): where lines
    are saved one by one (`operations.lines`), what somebody else changed meanwhile is not overwritten.
    """

    key: uuid.UUID
    raw: Mapping[str, Raw]
    version: int = 0
    seen: str = ""


@dataclass(frozen=True)
class DraftRow:
    """A line for a form: what was typed, what is wrong with it, and which columns may be changed."""

    key: uuid.UUID
    raw: Mapping[str, str]
    reading: Reading
    open_columns: frozenset[str]
    comments: Mapping[str, str]
    version: int = 0
    seen: str = ""
    unconfirmed: frozenset[str] = frozenset()


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
    return [_row(report, kind, line) for line in section.lines or prefilled(report, kind)]


def rows_from(report: Report, kind: Kind, lines: Iterable[RawLine]) -> list[DraftRow]:
    """Lines as somebody has just typed them, for showing again beside what is wrong; saved again, they win."""
    section = report.section(kind.key)
    stored = {line.key: line for line in section.lines or prefilled(report, kind)}
    return [_as_typed_over(report, kind, line, stored.get(line.key)) for line in lines]


def _as_typed_over(report: Report, kind: Kind, line: RawLine, stored: DraftLine | None) -> DraftRow:
    if stored is None:
        return replace(_row(report, kind, DraftLine(key=line.key, raw=typed.as_text(kind, line.raw))), seen="")
    now = _row(report, kind, stored)
    mine = DraftLine(key=line.key, raw={**stored.raw, **typed.as_text(kind, line.raw)}, unconfirmed=stored.unconfirmed)
    return replace(_row(report, kind, mine), version=now.version, seen=now.seen)


def blank_row(report: Report, kind: Kind) -> DraftRow:
    """One empty line to fill in."""
    row = _row(report, kind, DraftLine(key=uuid.uuid4(), raw={}))
    return replace(row, reading=Reading({}, ()))


def state_of(report: Report, section: Section) -> SectionState:
    """Read one section with all rules that need no other section."""
    kind = contracts.kind_of(report, section.kind)
    readings = [(line, kind.read(line.raw)) for line in section.lines] if section.answer != Answer.NOTHING else []
    problems = [_placed(problem, line.key) for line, reading in readings for problem in reading.problems]
    problems += [problem for line, _reading in readings for problem in _not_confirmed(kind, line)]
    if section.answer is None:
        problems.append(Problem("unanswered", UNANSWERED.with_values(title=kind.title)))
    elif section.answer == Answer.FILLED and not readings:
        problems.append(Problem("no_lines", NO_LINES))
    lines = tuple(Line(str(line.key), reading.values) for line, reading in readings if not _fails(reading))
    return SectionState(section, kind, lines, tuple(problems))


def previous_lines(report: Report) -> dict[str, list[Line]]:
    """The lines of the period before, per kind; empty when there is none."""
    return next(iter(history(report, most=1)), {})


def previous_revision(report: Report) -> Revision | None:
    """Of the last period before this one that has any: the revision in force, else the newest not withdrawn."""
    return next(iter(_revisions_before(report, most=1)), None)


def history(report: Report, most: int = PERIODS_BACK) -> list[dict[str, list[Line]]]:
    """The lines of each period before, per kind, the newest period first; of which revision: as `previous_revision`."""
    return [frozen_lines(revision) for revision in _revisions_before(report, most)]


def _revisions_before(report: Report, most: int) -> Sequence[Revision]:
    order = ((Revision.number == Report.accepted_number).desc(), Revision.number.desc())
    ranked = (
        select(Revision.id, func.row_number().over(partition_by=Revision.report_id, order_by=order).label("rank"))
        .join(Revision.report)
        .join(Report.period)
        .where(Report.contract_id == report.contract_id, ReportingPeriod.starts_on < report.period.starts_on)
        .where(ReportingPeriod.purpose == PeriodPurpose.REGULAR)  # a plan or an account is no period before
        .where(~Revision.withdrawal.has())
        .subquery()
    )
    rows = (
        select(Revision)
        .join(Revision.report)
        .join(Report.period)
        .where(Revision.id.in_(select(ranked.c.id).where(ranked.c.rank == 1)))
        .order_by(ReportingPeriod.starts_on.desc())
        .limit(most)
        .options(selectinload(Revision.lines))
    )
    return db.session.scalars(rows).unique().all()


def frozen_lines(revision: Revision) -> dict[str, list[Line]]:
    """A revision's lines, per kind."""
    found: dict[str, list[Line]] = {}
    for line in revision.lines:
        found.setdefault(line.kind, []).append(Line(str(line.key), line.values))
    return found


def save(report: Report, kind_key: str, lines: Sequence[RawLine], *, by: Membership, version: int) -> SectionState:
    """Store a section's lines as typed, wrong ones too, so that nothing is lost. Lines that are not among them go.

    Guarded as a whole by the report's version; `operations.lines` saves line by line.

    Raises:
        Conflict: somebody saved in between.
        Refused: the report is not open for change.
        Invalid: under correction, something locked was changed.
    """
    section = open_section(report, kind_key, by, version)
    kind = contracts.kind_of(report, kind_key)
    if report.corrects_only_lines(kind_key):
        if {line.key for line in lines} != {line.key for line in section.lines}:
            raise Invalid(NO_NEW_LINES, (Problem("locked_lines", NO_NEW_LINES),))
        refuse_locked(report, kind, section, lines)
    known = {line.key: line for line in section.lines}
    section.lines = [known.get(line.key) or DraftLine(key=line.key, raw={}) for line in lines]
    for position, (row, line) in enumerate(zip(section.lines, lines, strict=True)):
        row.position = position
        change(kind, row, typed.as_text(kind, line.raw))
    set_answer(section, Answer.FILLED)
    touch(report, section, by)
    return state_of(report, section)


def answer_nothing(report: Report, kind_key: str, reason: str, *, by: Membership, version: int) -> SectionState:
    """Answer that there is nothing to report, with the reason. Lines typed before are kept, and do not count."""
    section = open_section(report, kind_key, by, version)
    demand_reason(report, kind_key, reason)
    set_answer(section, Answer.NOTHING, reason.strip())
    touch(report, section, by)
    return state_of(report, section)


def open_columns(report: Report, kind: Kind, key: uuid.UUID) -> frozenset[str]:
    """Which columns of a line may be changed now: all while drafting, the commented ones under correction."""
    every = frozenset(column.key for column in kind.columns)
    if report.state != ReportState.RETURNED:
        return every if report.is_editable else frozenset()
    if report.is_wholly_unlocked(kind.key):
        return every
    unlocked = [unlock.field for unlock in report.current_unlocks if unlock.kind == kind.key and unlock.line_key == key]
    if "" in unlocked:
        return every
    return frozenset(unlocked) | {f"{field}_source" for field in unlocked if f"{field}_source" in every}


def open_section(report: Report, kind_key: str, by: Membership, version: int | None = None) -> Section:
    """The section, held and as it is now, if `by` may change it. `version` of the report, where that is the guard."""
    permissions.demand(by, Permission.REPORT_EDIT)
    processes.hold(report)
    if all(section.kind != kind_key for section in report.sections):
        raise NotFound(NOT_HERE)
    if not report.is_editable:
        raise Refused(NOT_EDITABLE)
    if version is not None and report.version != version:
        raise Conflict(CHANGED_BY_OTHER)
    if report.state == ReportState.RETURNED and kind_key not in {unlock.kind for unlock in report.current_unlocks}:
        raise Refused(LOCKED)
    section = report.section(kind_key)
    db.session.refresh(section)
    return section


def touch(report: Report, section: Section, by: Membership, lines: Sequence[str] = ()) -> None:
    """Note that somebody changed the section; `lines`: the keys of those that changed, where that is known."""
    if report.state == ReportState.OPEN:
        report.move(ReportState.DRAFT, by=by)
    report.note_preparer(by)
    # Whoever signs must sign what they saw: every save makes another version of the whole.
    report.version = report.version + 1
    report_id, answer = str(report.public_id), str(section.answer)
    record(section, "draft.saved", by=by, report=report_id, kind=section.kind, answer=answer, lines=list(lines))
    db.session.flush()


def set_answer(section: Section, answer: Answer, reason: str = "") -> bool:
    """Give the section's answer; whether it is another one than before."""
    if (section.answer, section.reason) == (answer, reason):
        return False
    section.answer, section.reason, section.version = answer, reason, section.version + 1
    return True


def demand_reason(report: Report, kind_key: str, reason: str) -> None:
    """Refuse an answer that there is nothing to report without its reason, or under correction."""
    if report.corrects_only_lines(kind_key):
        raise Refused(NO_NEW_LINES)
    if not reason.strip():
        raise Invalid(SAY_WHY_NOTHING, (Problem("required", SAY_WHY_NOTHING, "reason"),))


def change(kind: Kind, row: DraftLine, said: Mapping[str, str]) -> bool:
    """Put what was typed into a line; whether that changed anything.

    A copied amount that the person changes is theirs: it is confirmed, and says no longer that it was copied.
    """
    before: Mapping[str, str] = row.raw
    if all(value == before.get(key, "") for key, value in said.items()):
        return False
    raw = {**before, **said}
    waiting = row.unconfirmed or []
    theirs = [key for key in waiting if typed.differing(kind, before, raw, (key, f"{key}_source"))]
    for key in theirs:
        if raw.get(f"{key}_source") == COPIED:
            raw[f"{key}_source"] = ""
    row.raw, row.version = raw, (row.version or 0) + 1
    row.unconfirmed = [key for key in waiting if key not in theirs]
    return True


def refuse_locked(report: Report, kind: Kind, section: Section, lines: Sequence[RawLine]) -> None:
    """Under correction: refuse new lines, and changes of what was not reopened."""
    known = {line.key: line for line in section.lines}
    if not {line.key for line in lines} <= set(known):
        raise Invalid(NO_NEW_LINES, (Problem("locked_lines", NO_NEW_LINES),))
    problems = [
        Problem("locked", LOCKED, column, str(line.key))
        for line in lines
        for column, value in typed.as_text(kind, line.raw).items()
        if column not in open_columns(report, kind, line.key)
        and typed.meant(kind, column, value) != typed.meant(kind, column, known[line.key].raw.get(column, ""))
    ]
    if problems:
        raise Invalid(LOCKED, tuple(problems))


def _not_confirmed(kind: Kind, line: DraftLine) -> list[Problem]:
    labels = [(key, kind.column(key).label) for key in line.unconfirmed or []]
    return [Problem(UNCONFIRMED, NOT_CONFIRMED.with_values(label=label), key, str(line.key)) for key, label in labels]


def _row(report: Report, kind: Kind, line: DraftLine) -> DraftRow:
    may_change = open_columns(report, kind, line.key)
    return DraftRow(
        key=line.key,
        raw=line.raw,
        reading=kind.read(line.raw),
        open_columns=may_change,
        comments={
            unlock.field: unlock.comment
            for unlock in report.current_unlocks
            if unlock.kind == kind.key and unlock.line_key == line.key and report.state == ReportState.RETURNED
        },
        version=line.version or 0,
        seen=typed.fingerprint(kind, line.raw, may_change),
        unconfirmed=frozenset(line.unconfirmed or ()),
    )


def prefilled(report: Report, kind: Kind) -> list[DraftLine]:
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
