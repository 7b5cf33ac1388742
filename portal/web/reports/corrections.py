"""What became of comments: the commented revision held against the newest, value by value."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from flask_babel import ngettext

from portal.kinds import Kind, Line
from portal.model import Comment, Report, Revision
from portal.operations.entry import drafts
from portal.operations.reports import comments
from portal.operations.reports.comments import Place
from portal.text import Text, same
from portal.web.access import current_membership

NOTHING = same("")
THE_LINE = Text("Linjen", "The line")


class Change(NamedTuple):
    """A value that is another now. `label`: its column, or the line as such when that came or went."""

    label: Text
    before: Text
    now: Text


class Outcome(NamedTuple):
    """What became of a comment in later revisions: the values that changed, or in a few words how much did."""

    changes: Sequence[Change]
    summary: str = ""

    @property
    def is_changed(self) -> bool:
        """Whether anything was done where the comment stands."""
        return bool(self.changes or self.summary)


class ToldComment(NamedTuple):
    """A comment with what it is about in words, and what became of it (None: the report has not been sent again)."""

    comment: Comment
    line: Text
    field: Text
    place: Place
    outcome: Outcome | None
    may_answer: bool


class Reply(NamedTuple):
    """An answer to a question as it was written, and why it is not stored."""

    comment: Comment
    text: str
    problem: Text


def for_supplier(report: Report) -> list[Comment]:
    """What reviewers have told the supplier; what the buyer keeps to itself is on the review page only."""
    return [comment for comment in comments.of(report, by=current_membership()) if comment.told_at is not None]


def told(report: Report, comments_: Sequence[Comment], kinds: Mapping[str, Kind]) -> list[ToldComment]:
    """Comments as pages show them, each with what became of it; a few statements however many they are."""
    latest = report.standing
    lines = {revision.id: drafts.frozen_lines(revision) for revision in _needed(report, comments_)}
    found = []
    for comment in comments_:
        line, field = comments.place_in_words(kinds, comment.revision, Place.of(comment))
        outcome = None
        if latest is not None and comment.revision_id != latest.id:
            outcome = _outcome(Place.of(comment), kinds, lines[comment.revision_id], lines[latest.id])
        found.append(
            ToldComment(comment, line, field, Place.of(comment), outcome, comments.may_answer(comment, report))
        )
    return found


def _needed(report: Report, comments_: Sequence[Comment]) -> list[Revision]:
    wanted = {comment.revision_id for comment in comments_}
    latest = report.standing
    return [revision for revision in report.revisions if revision.id in wanted or revision is latest]


def _outcome(
    place: Place,
    kinds: Mapping[str, Kind],
    before: Mapping[str, Sequence[Line]],
    now: Mapping[str, Sequence[Line]],
) -> Outcome:
    if place.line_key is None:
        keys = [place.kind] if place.kind else list(kinds)
        number = sum(_changed_lines(kinds[key], before.get(key, ()), now.get(key, ())) for key in keys)
        words = ngettext("%(num)d line changed", "%(num)d lines changed", number) if number else ""
        return Outcome((), words)
    kind = kinds[place.kind]
    old, new = (_line(lines.get(kind.key, ()), str(place.line_key)) for lines in (before, now))
    if new is None or old is None:
        gone = kind.line_words(old) if old else NOTHING
        return Outcome([Change(THE_LINE, gone, NOTHING)] if old else ())
    columns = {place.field, f"{place.field}_source"} if place.field else {column.key for column in kind.columns}
    return Outcome(list(_changes(kind, old, new, columns)))


def _changes(kind: Kind, old: Line, new: Line, columns: set[str]) -> Iterator[Change]:
    for column in kind.columns:
        before, now = kind.words(column.key, old.values), kind.words(column.key, new.values)
        if column.key in columns and before != now:
            yield Change(column.label, before, now)


def _changed_lines(kind: Kind, before: Sequence[Line], now: Sequence[Line]) -> int:
    """How many lines are others now, have come or have gone."""
    old, new = ({line.key: line for line in lines} for lines in (before, now))
    every = {column.key for column in kind.columns}
    moved = len(old.keys() ^ new.keys())
    return moved + sum(any(_changes(kind, old[key], new[key], every)) for key in old.keys() & new.keys())


def _line(lines: Sequence[Line], key: str) -> Line | None:
    return next((line for line in lines if line.key == key), None)
