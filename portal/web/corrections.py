"""What became of a return: the values commented on or changed between the two newest revisions of a report."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from portal.kinds import Kind, Line
from portal.model import Report, Revision
from portal.operations import letters
from portal.text import Text, same

WHOLE_LINE = Text("Hele linjen", "The whole line")
NOTHING = same("")


class Correction(NamedTuple):
    """A value that was commented on, or changed since the revision before. No `comment`: nobody asked for it."""

    line: Text
    field: Text
    comment: str
    before: Text
    now: Text

    @property
    def is_changed(self) -> bool:
        """Whether the supplier changed it."""
        return self.before != self.now


def corrections(report: Report, kinds: Mapping[str, Kind]) -> list[Correction]:
    """What was asked for and what became of it, line by line, with all else that changed since."""
    if len(report.revisions) == 1:
        return []
    before, now = report.revisions[-2:]
    found: list[Correction] = []
    for kind in kinds.values():
        old, new = _lines(kind, before), _lines(kind, now)
        for place, key in enumerate({**old, **new}, start=1):
            found += _of_line(kind, place, (old.get(key), new.get(key)), _asked(report, before, kind, key))
    return found


def _lines(kind: Kind, revision: Revision) -> dict[str, Line]:
    return {str(line.key): Line(str(line.key), line.values) for line in revision.lines_of(kind.key)}


def _asked(report: Report, revision: Revision, kind: Kind, key: str) -> dict[str, str]:
    """Field, or empty for the whole line -> the reviewer's comment."""
    return {
        unlock.field: unlock.comment
        for unlock in report.unlocks
        if (unlock.revision_id, unlock.kind, str(unlock.line_key)) == (revision.id, kind.key, key)
    }


def _of_line(
    kind: Kind, place: int, lines: tuple[Line | None, Line | None], asked: Mapping[str, str]
) -> Iterator[Correction]:
    old, new = lines
    whole = asked.get("", "")
    if old is None or new is None:
        there = new or old
        if there is not None:
            said = letters.line_words(kind, there)
            before, now = (said, NOTHING) if new is None else (NOTHING, said)
            yield Correction(letters.line_name(kind, there, place), WHOLE_LINE, whole, before, now)
        return
    name = letters.line_name(kind, new, place)
    values = [
        (column, kind.words(column.key, old.values), kind.words(column.key, new.values)) for column in kind.columns
    ]
    told = [each for each in values if each[0].key in asked or each[1] != each[2]]
    for column, before, now in told:
        yield Correction(name, column.label, asked.get(column.key, whole), before, now)
    if whole and not told:
        yield Correction(name, WHOLE_LINE, whole, NOTHING, NOTHING)
