"""The page where one section is filled in: its grid, what is wrong, what is asked for, and whose values collide."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from portal.kinds import Field, Kind, Problem
from portal.model import Report, ReportState
from portal.operations import drafts
from portal.operations.drafts import DraftRow
from portal.text import Text
from portal.web import kind_forms
from portal.web.kind_forms import BLANK_INDEX, SectionForm


class Difference(NamedTuple):
    """A value that somebody else stored while this person was typing another."""

    line: Text
    column: Field
    stored: str
    mine: str


class Collision(NamedTuple):
    """Somebody else was first: the words, and what they stored differently."""

    text: Text
    differences: Sequence[Difference]
    added: Sequence[Text]
    """Lines that they added, now in the form too, so that saving takes nothing away."""


class Asked(NamedTuple):
    """What the reviewer wants corrected, and where it is on the page."""

    place: str
    line: Text
    column: Text | None
    comment: str


def section_page(  # noqa: PLR0913 - what a page shows
    report: Report,
    kind: Kind,
    form: SectionForm,
    rows: Sequence[DraftRow],
    *,
    said: Sequence[Problem] | None,
    failed: bool = False,
    is_stored: bool = False,
    collision: Collision | None = None,
) -> dict[str, Any]:
    """Everything that `reports/edit.html` shows.

    Args:
        report: the report.
        kind: the section's kind, with the contract's choices.
        form: the answer and the version, as they are to be shown.
        rows: the lines.
        said: what rules and refusals say; None: nothing is judged yet.
        failed: whether something in the form that was sent is wrong.
        is_stored: whether it was stored all the same.
        collision: what somebody else stored meanwhile.
    """
    before = {line.key: line for line in drafts.previous_lines(report).get(kind.key, [])}
    is_correction = report.state == ReportState.RETURNED and not report.is_wholly_unlocked(kind.key)
    blank = drafts.blank_row(report, kind)
    shown = [kind_forms.grid_row(kind, row, index, before.get(str(row.key)), said) for index, row in enumerate(rows)]
    return {
        "report": report,
        "kind": kind,
        "form": form,
        "columns": kind_forms.grid_columns(kind),
        "rows": shown if shown or is_correction else [_first_row(kind, blank)],
        "blank": kind_forms.grid_row(kind, blank, BLANK_INDEX, None, None),
        "problems": kind_forms.problems_by_cell(kind, rows, said or ()) if failed and collision is None else [],
        "asked": list(_asked(kind, rows)),
        "collision": collision,
        "is_correction": is_correction,
        "is_stored": is_stored,
        "failed": failed,
    }


def _first_row(kind: Kind, blank: DraftRow) -> dict[str, Any]:
    """A line to begin with where there is none; left empty, it is none when the form is sent."""
    row = kind_forms.grid_row(kind, blank, 0, None, None)
    return {**row, "hidden": dict.fromkeys(row["hidden"], "")}


def collided(
    kind: Kind, text: Text, mine: Sequence[DraftRow], stored: Sequence[DraftRow]
) -> tuple[list[DraftRow], Collision]:
    """My lines and those that somebody else added meanwhile, with all that differs."""
    known = {row.key for row in mine}
    theirs = [row for row in stored if row.key not in known]
    names = [kind_forms.line_title(kind, row, len(mine) + place) for place, row in enumerate(theirs)]
    return [*mine, *theirs], Collision(text, list(_differences(kind, mine, {row.key: row for row in stored})), names)


def _differences(kind: Kind, mine: Sequence[DraftRow], stored: Mapping[uuid.UUID, DraftRow]) -> Iterator[Difference]:
    for index, row in enumerate(mine):
        other = stored.get(row.key)
        if other is None:
            continue
        for column in kind.columns:
            if column.key in row.raw and row.raw[column.key] != other.raw.get(column.key, ""):
                yield Difference(
                    kind_forms.line_title(kind, row, index),
                    column,
                    kind_forms.value_in_words(kind, column, other),
                    kind_forms.value_in_words(kind, column, row),
                )


def _asked(kind: Kind, rows: Sequence[DraftRow]) -> Iterator[Asked]:
    for index, row in enumerate(rows):
        title = kind_forms.line_title(kind, row, index)
        for field, comment in row.comments.items():
            place = f"lines-{index}-{kind_forms.PREFIX}{field}" if field else f"lines-{index}"
            yield Asked(place, title, kind.column(field).label if field else None, comment)
