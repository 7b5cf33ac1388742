"""Comments on a report under review: written while reading, told by the decision, answered by the supplier."""

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from sqlalchemy import select

from portal import clock, permissions
from portal.errors import Forbidden, Invalid, Refused
from portal.extensions import db
from portal.kinds import Kind, Line
from portal.kinds.base import Problem
from portal.model import Comment, CommentCategory, Membership, Report, Revision, record
from portal.operations import lookup, processes
from portal.operations.contracts import contracts
from portal.operations.reports import verdicts
from portal.permissions import Permission
from portal.text import Text, same

LONGEST = 4000
LONGEST_REPLY = 1000

SAY_SOMETHING = Text("Skriv hva du vil si.", "Write what you want to say.")
TOO_LONG = Text("Skriv høyst {most} tegn.", "Write at most {most} characters.")
UNKNOWN_PLACE = Text("Det du kommenterer, finnes ikke i rapporten.", "What you comment on is not in the report.")
NOT_YOURS = Text(
    "Bare den som skrev kommentaren, kan endre eller fjerne den.",
    "Only whoever wrote the comment can change or remove it.",
)
YOUR_OWN = Text("Kommentaren er din egen. Endre eller fjern den.", "The comment is your own. Change or remove it.")
THE_WHOLE_REPORT = Text("Hele rapporten", "The whole report")
NO_QUESTION = Text("Her er det ikke noe spørsmål å svare på nå.", "There is no question to answer here now.")


@dataclass(frozen=True)
class Place:
    """What a comment is about: a value, a line (no field), a part (no line), or the whole report (no kind)."""

    kind: str = ""
    line_key: uuid.UUID | None = None
    field: str = ""

    @classmethod
    def read(cls, text: str) -> Self:
        """Back from `str(place)`. Raises ValueError when it is none."""
        kind, _slash, rest = text.partition("/")
        key, _slash, field = rest.partition("/")
        return cls(kind, uuid.UUID(key) if key else None, field)

    @classmethod
    def of(cls, comment: Comment) -> Self:
        """Where a comment stands."""
        return cls(comment.kind, comment.line_key, comment.field)

    def __str__(self) -> str:
        return f"{self.kind}/{self.line_key or ''}/{self.field}" if self.kind else ""


class Asked(NamedTuple):
    """What a decision told the supplier: what it is about, the field («» for the whole of it), the reviewer's words."""

    line: Text
    field: Text
    comment: str
    is_question: bool


# -- by the buyer -----------------------------------------------------------------------------------------------------


def add(  # noqa: PLR0913 - a comment and all it hangs on
    report: Report, place: Place, category: CommentCategory, text: str, *, by: Membership, revision: int
) -> Comment:
    """Say something of revision number `revision` while it waits for its review.

    Raises:
        Forbidden: the person may not review the report.
        Conflict: it is decided, or a newer revision has come.
        Invalid: there is nothing said, or no such place.
    """
    waiting = verdicts.demand_waiting(report, by=by, revision=revision)
    _demand_place(report, waiting, place)
    comment = Comment(
        **report.parties,
        report_id=report.id,
        revision=waiting,
        category=category,
        kind=place.kind,
        line_key=place.line_key,
        field=place.field,
        text=_worded(text, LONGEST),
        written_by=by.person,
    )
    db.session.add(comment)
    db.session.flush()
    record(comment, "comment.added", by=by, category=str(category), place=str(place), revision=waiting.number)
    return comment


def change(comment: Comment, category: CommentCategory, text: str, *, by: Membership) -> None:
    """Say it otherwise, before the decision. Raises as `add` does, and Forbidden for somebody else's comment."""
    _demand_open(comment, by)
    if comment.written_by_id != by.person_id:
        raise Forbidden(NOT_YOURS)
    comment.category, comment.text = category, _worded(text, LONGEST)
    record(comment, "comment.changed", by=by, category=str(category))
    db.session.flush()


def remove(comment: Comment, *, by: Membership) -> None:
    """Take one's own comment away, before the decision. Raises as `change` does."""
    _demand_open(comment, by)
    if comment.written_by_id != by.person_id:
        raise Forbidden(NOT_YOURS)
    record(comment, "comment.removed", by=by, category=str(comment.category))
    db.session.delete(comment)
    db.session.flush()


def set_aside(comment: Comment, *, by: Membership) -> None:
    """Find that what a colleague wants corrected need not be. It stays to be read, and is sent to nobody.

    Without this a report could wait for ever for somebody who has left.
    """
    _demand_open(comment, by)
    if comment.written_by_id == by.person_id:
        raise Refused(YOUR_OWN)
    comment.set_aside_by = by.person
    record(comment, "comment.set_aside", by=by)
    db.session.flush()


def on(revision: Revision) -> list[Comment]:
    """Everything said of one revision, for the decision on it."""
    return list(
        db.session.scalars(select(Comment).where(Comment.revision_id == revision.id).order_by(Comment.id)).unique()
    )


def seal(comments: Iterable[Comment]) -> str:
    """A mark of what goes to the supplier: whoever decides has read the comments if theirs is the same."""
    said = [f"{each.id}:{each.category}:{each.text}" for each in comments if each.is_for_supplier]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def tell(comments: Iterable[Comment]) -> None:
    """The decision is made: what is for the supplier may be read by the supplier."""
    for comment in comments:
        if comment.is_for_supplier:
            comment.told_at = clock.now()


# -- by both ----------------------------------------------------------------------------------------------------------


def of(report: Report, *, by: Membership) -> list[Comment]:
    """What was said of a report over all its revisions, as far as `by` may see it, in the order it was said."""
    rows = permissions.visible(Comment, by).where(Comment.report_id == report.id).order_by(Comment.id)
    return list(db.session.scalars(rows).unique())


def told(revision: Revision) -> list[Comment]:
    """What the decision on a revision told the supplier."""
    return [comment for comment in on(revision) if comment.told_at is not None]


def asked(revision: Revision) -> list[Asked]:
    """What the reviewers of this revision said to the supplier, by name. Internal notes are never among it."""
    kinds = {kind.key: kind for kind in contracts.kinds_of(revision.report)}
    return [
        Asked(
            *place_in_words(kinds, revision, Place.of(comment)),
            comment.text,
            comment.category == CommentCategory.QUESTION,
        )
        for comment in told(revision)
    ]


def place_in_words(kinds: Mapping[str, Kind], revision: Revision, place: Place) -> tuple[Text, Text]:
    """What a comment is about: the line, the part or the whole report, and the field («» for all of it)."""
    if not place.kind:
        return THE_WHOLE_REPORT, same("")
    kind = kinds[place.kind]
    if place.line_key is None:
        return kind.title, same("")
    frozen = enumerate(revision.lines_of(place.kind), start=1)
    name = next(kind.line_name(Line(str(row.key), row.values), n) for n, row in frozen if row.key == place.line_key)
    return name, kind.column(place.field).label if place.field else same("")


# -- by the supplier --------------------------------------------------------------------------------------------------


def may_answer(comment: Comment, report: Report) -> bool:
    """Whether a question waits for the supplier's answer: it is told, and the report is open again because of it."""
    standing = report.standing
    return (
        comment.category == CommentCategory.QUESTION
        and comment.told_at is not None
        and report.is_editable
        and standing is not None
        and comment.revision_id == standing.id
    )


def answer(comment: Comment, text: str, *, by: Membership) -> None:
    """The supplier's answer to a question, to be read by the next review. It can be changed until the report is sent.

    Raises:
        Forbidden: the person does not fill in reports.
        Refused: nothing is asked here now.
        Invalid: there is no answer in it.
    """
    permissions.demand(by, Permission.REPORT_EDIT)
    report = lookup.by_number(Report, comment.report_id)
    processes.hold(report)
    if not may_answer(comment, report):
        raise Refused(NO_QUESTION)
    comment.reply, comment.replied_by, comment.replied_at = _worded(text, LONGEST_REPLY), by.person, clock.now()
    record(comment, "comment.answered", by=by)
    db.session.flush()


def _demand_open(comment: Comment, by: Membership) -> None:
    report = lookup.by_number(Report, comment.report_id)
    verdicts.demand_waiting(report, by=by, revision=comment.revision.number)


def _demand_place(report: Report, revision: Revision, place: Place) -> None:
    if not place.kind:
        known = place == Place()
    elif place.kind not in {section.kind for section in report.sections}:
        known = False
    elif place.line_key is None:
        known = not place.field
    else:
        fields = {field.key for field in contracts.kind_of(report, place.kind).fields}
        lines = {line.key for line in revision.lines_of(place.kind)}
        known = place.line_key in lines and place.field in {"", *fields}
    if not known:
        raise Invalid(UNKNOWN_PLACE, (Problem("unknown_place", UNKNOWN_PLACE, "place"),))


def _worded(text: str, most: int) -> str:
    """Raises Invalid when nothing is said, or too much."""
    said = text.strip()
    if not said:
        raise Invalid(SAY_SOMETHING, (Problem("required", SAY_SOMETHING, "text"),))
    if len(said) > most:
        words = TOO_LONG.with_values(most=most)
        raise Invalid(words, (Problem("too_long", words, "text"),))
    return said
