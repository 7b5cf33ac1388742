"""The page where one section is filled in: its grid, what is wrong, what is asked for, and whose values collide."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from flask import url_for

from portal import calendars, clock
from portal.kinds import Field, Kind, Line, Problem
from portal.model import Answer, Report, Section
from portal.operations.entry import drafts, evidence, lines, sharing, trade_secrets
from portal.operations.entry.drafts import DraftRow, RawLine
from portal.text import Text
from portal.web.reports import grid_rows, kind_forms, report_views
from portal.web.reports.grid_rows import Beside
from portal.web.reports.kind_forms import BLANK_INDEX, BLANK_KEY, SectionForm

SAVED = Text("Lagret kl. {time}", "Saved {time}")
SAVED_WITH_ERRORS = Text("Lagret kl. {time}, med feil", "Saved {time}, with errors")
NOT_SAVED = Text("Ikke lagret. {why}", "Not saved. {why}")
NO_KEY = uuid.UUID(int=0)


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
    clashing: Mapping[uuid.UUID, DraftRow | None] | None = None,
    saved: Mapping[uuid.UUID, Text] | None = None,
) -> dict[str, Any]:
    """Everything that `reports/edit.html` shows.

    Args:
        report: the report.
        kind: the section's kind, with the contract's choices.
        form: the answer and its version, as they are to be shown.
        rows: the lines.
        said: what rules and refusals say; None: nothing is judged yet.
        failed: whether something in the form that was sent is wrong.
        is_stored: whether it was stored all the same.
        collision: what somebody else stored meanwhile.
        clashing: their lines, by key.
        saved: what became of each line, in words; unless it `is_stored`, why it was not.
    """
    beside = beside_lines(report, kind, said=said, clashing=clashing)
    beside = replace(beside, saved=saved or {}, refused=() if is_stored else saved or ())
    return {
        "report": report,
        "kind": kind,
        "form": form,
        "version": form.version.data,
        "secrets": report.section(kind.key).secrets,
        "marked_before": trade_secrets.last_time(report, kind.key, drafts.previous_revision(report)),
        "problems": kind_forms.problems_by_cell(kind, rows, said or ()) if failed and collision is None else [],
        "asked": list(_asked(kind, rows)),
        "collision": collision,
        "is_stored": is_stored,
        "failed": failed,
        **_grid(report, kind, rows, beside),
        **_tools(report, kind, rows, beside),
    }


def _grid(report: Report, kind: Kind, rows: Sequence[DraftRow], beside: Beside) -> dict[str, Any]:
    """The lines as a grid with its sums, the line that is still empty, and one to begin with where there is none."""
    empty, unjudged = drafts.blank_row(report, kind), replace(beside, said=None)
    shown = [grid_rows.grid_row(kind, row, index, beside) for index, row in enumerate(rows)]
    if not shown and not report.corrects_only_lines(kind.key):
        shown = [grid_rows.grid_row(kind, empty, 0, unjudged)]
    return {
        "columns": kind_forms.grid_columns(kind),
        "rows": shown,
        "blank": grid_rows.grid_row(kind, empty, BLANK_INDEX, unjudged),
        "totals": totals(kind, rows),
    }


def _tools(report: Report, kind: Kind, rows: Sequence[DraftRow], beside: Beside) -> dict[str, Any]:
    """What can be done to the lines at once; under correction next to nothing."""
    is_correction = report.corrects_only_lines(kind.key)
    return {
        "is_correction": is_correction,
        "copies_from": beside.month if beside.previous and lines.recurs(kind) and not is_correction else None,
        "divides": sharing.divides(kind) and not is_correction,
        "waits": any(row.unconfirmed for row in rows),
    }


def beside_lines(
    report: Report,
    kind: Kind,
    *,
    said: Sequence[Problem] | None,
    clashing: Mapping[uuid.UUID, DraftRow | None] | None = None,
) -> Beside:
    """What stands beside the lines: the period before, the rules' remarks, the receipts, others' values."""
    before = drafts.previous_revision(report)
    previous = drafts.frozen_lines(before).get(kind.key, []) if before else []
    url = url_for("reports.save_line", public_id=report.public_id, key=kind.key, line=NO_KEY)
    return Beside(
        previous={line.key: line for line in previous},
        month=_month(before.report) if before else grid_rows.NOTHING,
        said=said,
        files=evidence.of_section(report, kind.key),
        clashing=clashing or {},
        save_url=url.replace(str(NO_KEY), BLANK_KEY),
    )


def totals(kind: Kind, rows: Iterable[DraftRow]) -> dict[str, list[tuple[str, Any]]]:
    """Name of each number column of the grid -> its sums, each with its unit."""
    sums = report_views.totals(kind, [Line(str(row.key), row.reading.values) for row in rows])
    return {
        kind_forms.PREFIX + key: [(unit, by_unit[unit]) for unit in sorted(by_unit)] for key, by_unit in sums.items()
    }


def saved_words(report: Report, *, has_errors: bool) -> Text:
    """When a line was saved, by the clock where the contract is."""
    now = clock.now().astimezone(ZoneInfo(report.contract.time_zone))
    words = SAVED_WITH_ERRORS if has_errors else SAVED
    return words.with_values(time=Text(f"{now:%H.%M}", f"{now:%H:%M}"))


def collided(
    report: Report, kind: Kind, text: Text, typed: Sequence[RawLine], clashing: Collection[uuid.UUID]
) -> tuple[list[DraftRow], Collision]:
    """My lines beside what is stored now: what I touched stays mine, all else is as it is stored, with what differs."""
    stored = {row.key: row for row in drafts.rows_of(report, kind)}
    mine = drafts.rows_from(report, kind, typed)
    touched = {line.key for line in typed if lines.is_touched(kind, line)}
    rows = [row if row.key in touched else stored.get(row.key, row) for row in mine]
    theirs = [row for key, row in stored.items() if key not in {row.key for row in rows}]
    names = [kind_forms.line_title(kind, row, len(rows) + place) for place, row in enumerate(theirs)]
    differences = [
        each
        for index, row in enumerate(rows)
        if row.key in clashing and row.key in stored
        for each in _differences(kind, index, row, stored[row.key])
    ]
    return [*rows, *theirs], Collision(text, differences, names)


def their_answer(section: Section) -> Text:
    """What somebody else answered for the whole section, to stand beside one's own."""
    if section.answer == Answer.NOTHING:
        return Text(
            f"De svarte at det ikke er noe å rapportere: {section.reason}",
            f"They answered that there is nothing to report: {section.reason}",
        )
    return Text("De svarte at det er linjer å rapportere.", "They answered that there are lines to report.")


def _month(report: Report) -> Text:
    return calendars.month_alone(report.period.starts_on)


def _differences(kind: Kind, index: int, row: DraftRow, stored: DraftRow) -> Iterator[Difference]:
    for column in kind.columns:
        if column.key in row.raw and row.raw[column.key] != stored.raw.get(column.key, ""):
            yield Difference(
                kind_forms.line_title(kind, row, index),
                column,
                kind_forms.value_in_words(kind, column, stored),
                kind_forms.value_in_words(kind, column, row),
            )


def _asked(kind: Kind, rows: Sequence[DraftRow]) -> Iterator[Asked]:
    for index, row in enumerate(rows):
        title = kind_forms.line_title(kind, row, index)
        for field, comment in row.comments.items():
            place = f"lines-{index}-{kind_forms.PREFIX}{field}" if field else f"lines-{index}"
            yield Asked(place, title, kind.column(field).label if field else None, comment)
