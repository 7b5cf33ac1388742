"""A section line by line: each line guarded by its own version, so that several people can fill in the same part."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from portal.errors import Conflict, Refused
from portal.kinds.base import Field, FieldType, Kind, Line
from portal.model import Answer, DraftLine, Membership, Report, Section
from portal.operations import typed
from portal.operations.contracts import contracts
from portal.operations.entry import drafts, trade_secrets
from portal.operations.entry.drafts import COPIED, RawLine
from portal.operations.entry.trade_secrets import LastTime
from portal.text import Text

ANSWER_CHANGED = Text(
    "Noen andre svarte på denne delen etter at du åpnet den. Se hva de svarte, og lagre på nytt.",
    "Somebody else answered this part after you opened it. See what they answered, and save again.",
)
NOTHING_BEFORE = Text("Det er ingen tidligere rapport å kopiere fra.", "There is no earlier report to copy from.")


class Clash(Conflict):
    """Somebody else changed these lines, or the section's answer, after the person had opened the page."""

    def __init__(self, text: Text, lines: Collection[uuid.UUID] = ()) -> None:
        super().__init__(text)
        self.lines = frozenset(lines)


class Removed(NamedTuple):
    """A line that was taken away, so that it can be put back as it was."""

    key: uuid.UUID
    raw: Mapping[str, str]
    position: int
    unconfirmed: Sequence[str]


class Copied(NamedTuple):
    """What came of copying."""

    values: int
    """How many."""
    left_out: list[Text]
    """The names of the lines that have no place in this period."""
    marked: LastTime | None
    """What is marked as trade secrets here now because it was then."""


def save(  # noqa: PLR0913 - what can be done to lines in one save
    report: Report,
    kind_key: str,
    lines: Sequence[RawLine],
    *,
    by: Membership,
    answer_seen: int,
    removed: Sequence[RawLine] = (),
    confirmed: Collection[uuid.UUID] = (),
) -> Section:
    """Store the lines that the person changed, wrong values too; all other lines stay as they are.

    Args:
        report: the report.
        kind_key: the section's kind.
        lines: as typed, each with the version that the person saw and what it meant then.
        by: who saves.
        answer_seen: the section's version that the person saw.
        removed: lines to take away, with the versions seen.
        confirmed: lines whose copied amounts are right.

    Raises:
        Clash: somebody else changed one of these lines in between, and means something else. Nothing is stored.
        Refused: the report is not open for change.
        Invalid: under correction, something locked was changed.
    """
    section = drafts.open_section(report, kind_key, by)
    kind = contracts.kind_of(report, kind_key)
    if report.corrects_only_lines(kind_key):
        drafts.refuse_locked(report, kind, section, lines)
        if removed:
            raise Refused(drafts.NO_NEW_LINES)
    stored = _all_lines(report, kind, section)
    touched = [line for line in lines if is_touched(kind, line)]
    # What somebody removes or confirms they must have seen as it is.
    read = [*touched, *removed, *(line for line in lines if line.key in confirmed)]
    clashing = [line.key for line in read if _clashes(kind, line, stored.get(line.key))]
    if clashing:
        raise Clash(drafts.CHANGED_BY_OTHER, clashing)
    changed = [
        *(line.key for line in touched if _put(kind, section, stored, line)),
        *(line.key for line in removed if _remove(section, stored.get(line.key))),
        *(key for key in confirmed if _confirm(stored.get(key))),
    ]
    is_answered = _answer(section, Answer.FILLED, "", answer_seen)
    if changed or is_answered:
        drafts.touch(report, section, by, [str(key) for key in dict.fromkeys(changed)])
    return section


def answer_nothing(report: Report, kind_key: str, reason: str, *, by: Membership, answer_seen: int) -> Section:
    """Answer that there is nothing to report, with the reason. Lines typed before are kept, and do not count.

    Raises:
        Clash: somebody else answered in between, and otherwise.
        Refused: the report is not open for change.
        Invalid: no reason is given.
    """
    section = drafts.open_section(report, kind_key, by)
    drafts.demand_reason(report, kind_key, reason)
    if _answer(section, Answer.NOTHING, reason.strip(), answer_seen):
        drafts.touch(report, section, by)
    return section


def removal(report: Report, kind_key: str, line: RawLine) -> Removed:
    """What is needed to put a line back that is about to be removed, with what was typed in it last."""
    kind = contracts.kind_of(report, kind_key)
    there = report.section(kind_key).lines or drafts.prefilled(report, kind)
    place, row = next(((n, each) for n, each in enumerate(there) if each.key == line.key), (len(there), None))
    raw = {**(row.raw if row else {}), **typed.as_text(kind, line.raw)}
    return Removed(line.key, raw, place, (row.unconfirmed or []) if row else [])


def put_back(report: Report, kind_key: str, removed: Removed, *, by: Membership) -> None:
    """Undo a removal. Nothing happens when the line is there already."""
    section = drafts.open_section(report, kind_key, by)
    if report.corrects_only_lines(kind_key):
        raise Refused(drafts.NO_NEW_LINES)
    if removed.key in {line.key for line in section.lines}:
        return
    row = DraftLine(key=removed.key, raw=dict(removed.raw), version=1, unconfirmed=list(removed.unconfirmed))
    section.lines.insert(removed.position, row)
    for position, line in enumerate(section.lines):
        line.position = position
    drafts.touch(report, section, by, [str(removed.key)])


def recurs(kind: Kind) -> bool:
    """Whether the kind's lines stand for things that come back each period, such as machines."""
    return any(field.identity for field in kind.fields)


def copy_previous(report: Report, kind_key: str, *, by: Membership) -> Copied:
    """Fill what is empty with what the newest revision of the period before says; amounts wait to be confirmed.

    What somebody has typed already stays. Days and evidence belong to their period and are not copied. What was marked
    as trade secrets then is marked here too, unless something else is.

    Raises:
        Refused: the report is not open for change, or there is nothing to copy from.
    """
    section = drafts.open_section(report, kind_key, by)
    before = drafts.previous_revision(report)
    kind = contracts.kind_of(report, kind_key)
    if report.corrects_only_lines(kind_key) or before is None or not recurs(kind):
        raise Refused(NOTHING_BEFORE if before is None else drafts.NO_NEW_LINES)
    stored = _all_lines(report, kind, section)
    values, changed, left_out = 0, [], []
    for place, line in enumerate(drafts.frozen_lines(before).get(kind_key, []), start=1):
        if not _has_place(kind, line):
            left_out.append(contracts.kind_of(before.report, kind_key).line_name(line, place))
            continue
        row = stored.get(uuid.UUID(line.key)) or _added(section, uuid.UUID(line.key))
        copied = _fill(kind, row, line)
        values += copied
        changed += [line.key] if copied else []
    drafts.set_answer(section, Answer.FILLED)
    drafts.touch(report, section, by, changed)
    return Copied(values, left_out, trade_secrets.mark_again(report, kind_key, by=by))


def is_touched(kind: Kind, line: RawLine) -> bool:
    """Whether the person made something else of the line than what the page had shown them."""
    said = typed.as_text(kind, line.raw)
    return not line.seen or typed.fingerprint(kind, said, said.keys()) != line.seen


def zeros(kind: Kind) -> list[Field]:
    """The number fields that say 0 when a machine was not used."""
    return [field for field in kind.fields if field.type is FieldType.NUMBER and field.minimum == 0]


def _all_lines(report: Report, kind: Kind, section: Section) -> dict[uuid.UUID, DraftLine]:
    """The section's lines; at the first save those that were prefilled become lines like all others."""
    if not section.lines:
        section.lines = drafts.prefilled(report, kind)
        for position, line in enumerate(section.lines):
            line.position, line.version = position, 0
    return {line.key: line for line in section.lines}


def _put(kind: Kind, section: Section, stored: Mapping[uuid.UUID, DraftLine], line: RawLine) -> bool:
    row = stored.get(line.key)
    is_new = row is None
    return drafts.change(kind, row or _added(section, line.key), typed.as_text(kind, line.raw)) or is_new


def _added(section: Section, key: uuid.UUID) -> DraftLine:
    last = max((each.position for each in section.lines), default=-1)
    row = DraftLine(key=key, raw={}, position=last + 1, version=0, unconfirmed=[])
    section.lines.append(row)
    return row


def _clashes(kind: Kind, line: RawLine, stored: DraftLine | None) -> bool:
    """Whether somebody else changed the line since the person saw it, and to something else than they say now."""
    if stored is None:
        return bool(line.seen)  # it was there when the person saw it, and is gone
    if stored.version == line.version:
        return False
    said = typed.as_text(kind, line.raw)
    return bool(typed.differing(kind, stored.raw, said, said.keys()))


def _remove(section: Section, row: DraftLine | None) -> bool:
    if row is None:
        return False
    section.lines.remove(row)
    return True


def _confirm(row: DraftLine | None) -> bool:
    if row is None or not row.unconfirmed:
        return False
    row.unconfirmed, row.version = [], row.version + 1
    return True


def _answer(section: Section, answer: Answer, reason: str, seen: int) -> bool:
    is_other = section.answer is not None and (section.answer, section.reason) != (answer, reason)
    if is_other and section.version != seen:
        raise Clash(ANSWER_CHANGED)
    return drafts.set_answer(section, answer, reason)


def _has_place(kind: Kind, line: Line) -> bool:
    """Whether what the line stands for is still among the contract's choices."""
    names = [field for field in kind.fields if field.identity and field.type is FieldType.CHOICE]
    return all(field.choice(line.text(field.key)) is not None for field in names)


def _fill(kind: Kind, row: DraftLine, line: Line) -> int:
    """Copy into what is empty; returns how many values that were."""
    before = kind.inputs(line.values, "nb")
    fields = [field for field in kind.fields if field.type is not FieldType.DATE]
    empty = [field for field in fields if before[field.key] and not row.raw.get(field.key, "").strip()]
    if not empty:
        return 0
    row.raw = {**row.raw, **dict(_as_copied(empty, before, line))}
    amounts = [field.key for field in empty if field.type is FieldType.NUMBER]
    row.unconfirmed, row.version = [*(row.unconfirmed or []), *amounts], row.version + 1
    return len(empty)


def _as_copied(fields: Sequence[Field], before: Mapping[str, str], line: Line) -> Iterator[tuple[str, str]]:
    for field in fields:
        yield field.key, before[field.key]
        if field.provenance:
            yield f"{field.key}_source", COPIED if line.number(field.key) else ""
