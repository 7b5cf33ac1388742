"""What a revision is held against: the period before, the revision before, or what was sent first."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from portal.kinds import Kind, Line
from portal.model import Report, Revision
from portal.operations.entry import drafts


class Compare(StrEnum):
    """What the reviewer wants to see the newest revision beside."""

    PERIOD = "period"
    REVISION = "revision"
    ORIGINAL = "original"


class Earlier(NamedTuple):
    """The lines that a revision is held against. `revision`: the number, None where it is the period before."""

    against: Compare
    revision: int | None
    lines: Mapping[str, Sequence[Line]]

    def matching(self, kind: Kind, line: Line) -> Line | None:
        """The same line as it was.

        Within a report a line keeps its key. From one period to the next it is the same when it is about the same
        thing; a line without an identity is of its period alone.
        """
        lines = self.lines.get(kind.key, ())
        if self.against is not Compare.PERIOD:
            return next((each for each in lines if each.key == line.key), None)
        identity = next((field.key for field in kind.fields if field.identity), "")
        if not identity or not line.text(identity):
            return None
        same = [each for each in lines if each.text(identity) == line.text(identity)]
        return next((each for each in same if each.key == line.key), next(iter(same), None))

    def can_match(self, kind: Kind) -> bool:
        """Whether lines of this kind can be told to be the same, and there are any to hold them against."""
        has_identity = any(field.identity for field in kind.fields)
        return bool(self.lines.get(kind.key)) and (has_identity or self.against is not Compare.PERIOD)


def choices(report: Report) -> list[Compare]:
    """What there is to hold the newest revision against; of two revisions the last is also the first."""
    if report.baseline is None:
        return [Compare.PERIOD]
    is_first = report.baseline.number == _original(report).number
    return [Compare.PERIOD, Compare.REVISION] if is_first else list(Compare)


def chosen(report: Report, wanted: str) -> Compare:
    """What the address asks for; else, for a corrected report, the revision before, and for a new one the period."""
    possible = choices(report)
    found = next((each for each in possible if each == wanted), None)
    return found or (Compare.REVISION if Compare.REVISION in possible else Compare.PERIOD)


def earlier(report: Report, against: Compare) -> Earlier:
    """The lines to hold the newest revision against."""
    if against is Compare.PERIOD:
        return Earlier(against, None, drafts.previous_lines(report))
    revision = report.baseline if against is Compare.REVISION and report.baseline else _original(report)
    return Earlier(against, revision.number, drafts.frozen_lines(revision))


def _original(report: Report) -> Revision:
    """The first revision that the buyer had."""
    return next((each for each in report.revisions if each.withdrawal is None), report.revisions[0])
