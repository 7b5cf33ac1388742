"""The form and grid of a kind, drawn from its description: no kind's columns are listed here or anywhere else."""

import uuid
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import FieldList, Form, FormField, HiddenField, IntegerField, RadioField, StringField, TextAreaField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]

from portal.kinds.base import Choice, Field, FieldType, Kind, Line, Problem
from portal.model import Answer
from portal.operations.drafts import DraftRow, RawLine
from portal.text import Text
from portal.web.accounts import current_language

PREFIX = "in_"
"""Before a column's key in a line form, so that no column can collide with what WTForms calls its own."""
BLANK_INDEX = "__new__"
MISSING = "required"
"""The rule of an empty value: it stops a signature, and is nothing wrong while the draft is being written."""
NEW_LINE = Text("Ny linje", "New line")


class SectionForm(FlaskForm):
    """One section: its lines under one answer. `of(kind)` gives the class for a kind."""

    version = IntegerField()
    answer = RadioField(
        lazy_gettext("Is there anything to report?"),
        choices=[
            SelectChoice(Answer.FILLED.value, lazy_gettext("Yes, I will fill in lines")),
            SelectChoice(Answer.NOTHING.value, lazy_gettext("No, nothing to report in this period")),
        ],
        default=Answer.FILLED.value,
    )
    reason = TextAreaField(lazy_gettext("Why is there nothing to report?"))
    lines: "FieldList[Any]"

    @classmethod
    def of(cls, kind: Kind) -> "type[SectionForm]":
        """The form for one kind: its columns as text fields, whose meaning the kind itself reads."""
        columns = {PREFIX + column.key: StringField(column.key) for column in kind.columns}
        line = type("LineForm", (Form,), {"key": HiddenField(), **columns})
        return type("SectionForm", (cls,), {"lines": FieldList(FormField(line), min_entries=0)})

    def raw_lines(self, kind: Kind, *, without: str = "") -> list[RawLine]:
        """The lines as typed, but for the row named `without`. A line without a key is new; empty, it is none."""
        return [
            RawLine(
                key=_key(entry.form.key.data),
                raw={
                    column.key: entry.form[PREFIX + column.key].data or ""
                    for column in kind.columns
                    if entry.form[PREFIX + column.key].raw_data
                },
            )
            for entry in self.lines
            if entry.name != without and (entry.form.key.data or any(value.strip() for value in _typed(entry, kind)))
        ]


def _typed(entry: Any, kind: Kind) -> list[str]:
    return [entry.form[PREFIX + column.key].data or "" for column in kind.columns]


def grid_columns(kind: Kind) -> list[dict[str, Any]]:
    """The kind's columns for the grid macro; what names a line stands at its head."""
    named, unit_givers = _naming(kind), {field.unit_from for field in kind.fields}
    return [
        {
            "name": PREFIX + column.key,
            "label": column.label,
            "unit": column.unit,
            "hint": column.hint,
            "type": _widget(column),
            "choices": [
                ("", ""),
                *((choice.key, _choice_label(choice, column.key in unit_givers)) for choice in column.choices),
            ],
            "width": "s" if column.type == FieldType.NUMBER else "m",
            "heads": column is named,
        }
        for column in kind.columns
    ]


def grid_row(
    kind: Kind, row: DraftRow, index: int | str, previous: Line | None, said: Sequence[Problem] | None
) -> dict[str, Any]:
    """One line for the grid macro.

    Args:
        kind: the kind, with the contract's choices.
        row: what was typed and how it reads.
        index: the row's number, or BLANK_INDEX for the pattern of a new row.
        previous: the same line of the period before, shown as a hint.
        said: what rules and refusals say of the section, beside how the line reads; None: nothing is said yet.
    """
    identifier = f"lines-{index}"
    found = [] if said is None else [*row.reading.problems, *(each for each in said if each.line == str(row.key))]
    problems = [problem for problem in found if problem.rule != MISSING]
    columns = [column.key for column in kind.columns]
    return {
        "id": identifier,
        "label": line_title(kind, row, index),
        "cells": {PREFIX + column.key: _cell(kind, column, row, previous, problems) for column in kind.columns},
        "hidden": {f"{identifier}-key": "" if index == BLANK_INDEX else str(row.key), **_fixed(kind, row, identifier)},
        "notes": [
            *(
                Text(f"Å rette: {comment}", f"To correct: {comment}")
                for field, comment in row.comments.items()
                if not field
            ),
            *(problem.text for problem in problems if problem.field not in columns),
        ],
        "state": missing_in_words(kind, found),
        "actions": [_removal(identifier, row)] if row.open_columns == frozenset(columns) else [],
    }


def problems_by_cell(kind: Kind, rows: Sequence[DraftRow], said: Sequence[Problem]) -> list[tuple[str, Text]]:
    """For the error summary: the id of the input and the words, line by line, then what concerns the whole section.

    What is only missing is no error in a draft.
    """
    found: list[tuple[str, Text]] = []
    for index, row in enumerate(rows):
        title = line_title(kind, row, index)
        found += [
            (place_of(index, problem), Text(f"{title.nb}: {problem.text.nb}", f"{title.en}: {problem.text.en}"))
            for problem in row.reading.problems
            if problem.severity == "error" and problem.rule != MISSING
        ]
    numbers = {str(row.key): index for index, row in enumerate(rows)}
    for problem in (each for each in said if each.severity == "error"):
        index = numbers.get(problem.line, -1)
        found.append((place_of(index, problem) if index >= 0 else problem.field, problem.text))
    return found


def place_of(index: int, problem: Problem) -> str:
    """The id of the input that a problem of a line is about; of the whole row when it is about no single value."""
    return f"lines-{index}-{PREFIX}{problem.field}" if problem.field else f"lines-{index}"


def line_title(kind: Kind, row: DraftRow, index: int | str) -> Text:
    """What a line is called: what names it, in words, else its number."""
    named = _naming(kind)
    if named is not None and (words := kind.words(named.key, row.reading.values)).nb:
        return words
    return NEW_LINE if index == BLANK_INDEX else Text(f"Linje {int(index) + 1}", f"Line {int(index) + 1}")


def missing_in_words(kind: Kind, problems: Sequence[Problem]) -> Text | None:
    """Which values of a line are still empty; None when none is."""
    labels = [kind.column(problem.field).label for problem in problems if problem.rule == MISSING]
    if not labels:
        return None
    return Text(
        f"Mangler: {', '.join(label.nb for label in labels)}", f"Missing: {', '.join(label.en for label in labels)}"
    )


def value_in_words(kind: Kind, column: Field, row: DraftRow) -> str:
    """A value as it reads, or as it was typed where it does not."""
    return kind.display(column.key, row.reading.values, current_language()) or row.raw.get(column.key, "")


def _naming(kind: Kind) -> Field | None:
    """The choice that names a line of this kind, such as its machine."""
    return next((column for column in kind.columns if column.identity and column.type is FieldType.CHOICE), None)


def _fixed(kind: Kind, row: DraftRow, identifier: str) -> dict[str, str]:
    """What names the line already is sent along unseen; another machine is another line."""
    named = _naming(kind)
    if named is None or named.key not in row.open_columns or named.key not in row.reading.values:
        return {}
    return {f"{identifier}-{PREFIX}{named.key}": row.reading.values[named.key]["value"]}


def _removal(identifier: str, row: DraftRow) -> dict[str, object]:
    action: dict[str, object] = {"name": "remove", "value": identifier, "label": _("Remove")}
    if any(row.raw.values()):
        action["confirm"] = _("Remove this line and what is typed in it?")
    return action


def _cell(
    kind: Kind, column: Field, row: DraftRow, previous: Line | None, problems: Sequence[Problem]
) -> dict[str, Any]:
    is_open = column.key in row.open_columns
    is_fixed = column is _naming(kind) and column.key in row.reading.values
    cell: dict[str, Any] = {"locked": not is_open or is_fixed}
    if cell["locked"]:
        cell["value"] = value_in_words(kind, column, row)
    elif column.type is FieldType.CHOICE:
        cell["value"] = kind.flat(row.reading.values)[column.key] or row.raw.get(column.key, "")
    else:
        cell["value"] = row.raw.get(column.key, "")
    if is_open:
        own = [problem for problem in problems if problem.field == column.key]
        cell["errors"] = [problem.text for problem in own if problem.severity == "error"]
        cell["warnings"] = [problem.text for problem in own if problem.severity == "warning"]
    cell["hint"] = _hint(kind, column, row, previous)
    return cell


def _hint(kind: Kind, column: Field, row: DraftRow, previous: Line | None) -> Text | None:
    if comment := row.comments.get(column.key):
        return Text(f"Å rette: {comment}", f"To correct: {comment}")
    if (
        previous is None
        or column.type is not FieldType.NUMBER
        or not (before := kind.words(column.key, previous.values)).nb
    ):
        return None
    return Text(f"Sist: {before.nb}", f"Last: {before.en}")


def _choice_label(choice: Choice, gives_unit: bool) -> Text:  # noqa: FBT001 - the one question
    """A choice that decides the unit of an amount says which, so that the amount is written in it."""
    if not gives_unit or not choice.unit:
        return choice.label
    return Text(f"{choice.label.nb} ({choice.unit})", f"{choice.label.en} ({choice.unit})")


def _widget(column: Field) -> str:
    if column.type == FieldType.CHOICE:
        return "choice"
    return {FieldType.NUMBER: "number", FieldType.DATE: "date"}.get(column.type, "text")


def _key(text: str | None) -> uuid.UUID:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return uuid.uuid4()
