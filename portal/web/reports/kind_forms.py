"""The form of a kind, drawn from its description: no kind's columns are listed here or anywhere else."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import FieldList, Form, FormField, HiddenField, IntegerField, RadioField, StringField, TextAreaField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]

from portal import quantities
from portal.kinds.base import Choice, Field, FieldType, Kind, Problem
from portal.model import Answer
from portal.operations.entry import lines
from portal.operations.entry.drafts import UNCONFIRMED, DraftRow, RawLine
from portal.text import Text
from portal.web.languages import current_language

PREFIX = "in_"
"""Before a column's key in a line form, so that no column can collide with what WTForms calls its own."""
BLANK_INDEX = "__new__"
BLANK_KEY = "__key__"
"""Where a new row's own key goes."""
MISSING = "required"
"""The rule of an empty value: it stops a signature, and is nothing wrong while the draft is being written."""
UNFINISHED = frozenset({MISSING, UNCONFIRMED})
"""What stops a signature and is no mistake in a draft."""
NEW_LINE = Text("Ny linje", "New line")
IS_MISSING = Text("Mangler: {columns}", "Missing: {columns}")
IS_UNCONFIRMED = Text("Kopiert, ikke bekreftet: {columns}", "Copied, not confirmed: {columns}")


class Rows(FieldList):  # type: ignore[type-arg]  # the class itself takes no argument
    """Rows that keep the numbers they have in the page, so that the answer goes back to the same place."""

    def _compact_indices(self) -> None:
        """Do not number the entries anew, as WTForms would: rows may be missing, or only one be sent."""

    def _extract_indices(self, prefix: str, formdata: Iterable[str]) -> Any:
        """The rows' numbers; WTForms would stumble over digits such as ², which are none to Python."""
        names = [name for name in formdata if name.isascii()]
        return super()._extract_indices(prefix, names)  # type: ignore[misc]  # not in the stubs


class SectionForm(FlaskForm):
    """One section: its lines under one answer. `of(kind)` gives the class for a kind.

    `version` is the section's own, for its answer; each line has its version and what it meant when it was shown.
    """

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
    lines: Rows

    @classmethod
    def of(cls, kind: Kind) -> "type[SectionForm]":
        """The form for one kind: its columns as text fields, whose meaning the kind itself reads."""
        columns = {PREFIX + column.key: StringField(column.key) for column in kind.columns}
        hidden = {name: HiddenField() for name in ("key", "version", "seen")}
        line = type("LineForm", (Form,), {**hidden, **columns})
        return type("SectionForm", (cls,), {"lines": Rows(FormField(line), min_entries=0)})

    def raw_lines(self, kind: Kind) -> dict[str, RawLine]:
        """Name of each row -> its line as typed. A new row that is empty is no line."""
        return {
            entry.name: RawLine(
                key=_key(entry.form.key.data),
                raw={
                    column.key: entry.form[PREFIX + column.key].data or ""
                    for column in kind.columns
                    if entry.form[PREFIX + column.key].raw_data
                },
                version=_number(entry.form.version.data),
                seen=entry.form.seen.data or "",
            )
            for entry in self.lines
            if not _is_none(entry, kind)
        }


def _is_none(entry: Any, kind: Kind) -> bool:
    is_new = not entry.form.key.data or entry.form.version.data == "0"
    return is_new and not any((entry.form[PREFIX + column.key].data or "").strip() for column in kind.columns)


def grid_columns(kind: Kind) -> list[dict[str, Any]]:
    """The kind's columns for the grid macro; what names a line stands at its head."""
    named, unit_givers = naming(kind), {field.unit_from for field in kind.fields}
    zeros = {field.key for field in lines.zeros(kind)}
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
            "zero": column.key in zeros,
        }
        for column in kind.columns
    ]


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
            if problem.severity == "error" and problem.rule not in UNFINISHED
        ]
    numbers = {str(row.key): index for index, row in enumerate(rows)}
    for problem in (each for each in said if each.severity == "error" and each.rule != UNCONFIRMED):
        index = numbers.get(problem.line, -1)
        found.append((place_of(index, problem) if index >= 0 else problem.field, problem.text))
    return found


def place_of(index: int, problem: Problem) -> str:
    """The id of the input that a problem of a line is about; of the whole row when it is about no single value."""
    return f"lines-{index}-{PREFIX}{problem.field}" if problem.field else f"lines-{index}"


def line_title(kind: Kind, row: DraftRow, index: int | str) -> Text:
    """What a line is called: what names it, in words, else its number."""
    named = naming(kind)
    if named is not None and (words := kind.words(named.key, row.reading.values)).nb:
        return words
    return NEW_LINE if index == BLANK_INDEX else Text(f"Linje {int(index) + 1}", f"Line {int(index) + 1}")


def missing_in_words(kind: Kind, problems: Sequence[Problem]) -> Text | None:
    """Which values of a line are still empty, and which were copied and wait for a word; None when none is."""
    said = [
        words.with_values(columns=_listed([kind.column(each.field).label for each in problems if each.rule == rule]))
        for rule, words in ((MISSING, IS_MISSING), (UNCONFIRMED, IS_UNCONFIRMED))
        if any(each.rule == rule for each in problems)
    ]
    return Text(" ".join(each.nb for each in said), " ".join(each.en for each in said)) if said else None


def _listed(labels: Sequence[Text]) -> Text:
    return Text(", ".join(label.nb for label in labels), ", ".join(label.en for label in labels))


def value_in_words(kind: Kind, column: Field, row: DraftRow) -> str:
    """A value as it reads, or as it was typed where it does not."""
    return kind.display(column.key, row.reading.values, current_language()) or row.raw.get(column.key, "")


def naming(kind: Kind) -> Field | None:
    """The choice that names a line of this kind, such as its machine."""
    return next((column for column in kind.columns if column.identity and column.type is FieldType.CHOICE), None)


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


def _number(text: str | None) -> int:
    return quantities.whole_number(text or "") or 0
