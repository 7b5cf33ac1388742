"""One line of a section as a row of the grid: what was typed, what is said of it, and what can be done with it."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _

from portal.kinds.base import Field, FieldType, Kind, Line, Problem
from portal.model import Evidence
from portal.operations import typed
from portal.operations.entry import lines
from portal.operations.entry.drafts import DraftRow
from portal.text import Text, same
from portal.web.reports import kind_forms
from portal.web.reports.kind_forms import BLANK_INDEX, BLANK_KEY, MISSING, PREFIX, UNFINISHED

TO_CORRECT = Text("Å rette: {comment}", "To correct: {comment}")
NOTHING = same("")
BEFORE = Text("{month}: {value}", "{month}: {value}")
THEIRS = Text("Lagret av en annen: {value}", "Stored by somebody else: {value}")
EMPTY = Text("tomt", "empty")
NOT_CONFIRMED = Text("Kopiert, ikke bekreftet", "Copied, not confirmed")
GONE = Text("En annen har fjernet linjen.", "Somebody else has removed the line.")


@dataclass(frozen=True)
class Beside:
    """What stands beside the lines of a section while they are typed.

    Attributes:
        previous: the lines of the period before, by key.
        month: that period, as the hints name it.
        said: what rules and refusals say of the section, beside how each line reads; None: nothing is said yet.
        files: the receipts of each line.
        clashing: lines that somebody else changed meanwhile, each as it is stored; None for one that is gone.
        saved: what became of the last save, in words.
        refused: lines that were not saved.
        save_url: where one line is saved, with BLANK_KEY for its key; empty: nothing is saved line by line.
    """

    previous: Mapping[str, Line] = field(default_factory=dict)
    month: Text = NOTHING
    said: Sequence[Problem] | None = None
    files: Mapping[uuid.UUID, Sequence[Evidence]] = field(default_factory=dict)
    clashing: Mapping[uuid.UUID, DraftRow | None] = field(default_factory=dict)
    saved: Mapping[uuid.UUID, Text] = field(default_factory=dict)
    refused: Collection[uuid.UUID] = ()
    save_url: str = ""


def grid_row(kind: Kind, row: DraftRow, index: int | str, beside: Beside) -> dict[str, Any]:
    """One line for the grid macro. `index`: the row's number, or BLANK_INDEX for the pattern of a new row."""
    identifier = f"lines-{index}"
    key = BLANK_KEY if index == BLANK_INDEX else str(row.key)
    found = _found(row, beside.said)
    problems = [problem for problem in found if problem.rule not in UNFINISHED]
    columns = [column.key for column in kind.columns]
    return {
        "id": identifier,
        "label": kind_forms.line_title(kind, row, index),
        "cells": {PREFIX + column.key: _cell(kind, column, row, beside, problems) for column in kind.columns},
        "version": row.version,
        "hidden": {
            f"{identifier}-key": key,
            f"{identifier}-seen": "" if index == BLANK_INDEX else row.seen,
            **_fixed(kind, row, identifier),
        },
        "notes": [
            *(TO_CORRECT.with_values(comment=comment) for column, comment in row.comments.items() if not column),
            *(problem.text for problem in problems if problem.field not in columns),
            *([GONE] if row.key in beside.clashing and beside.clashing[row.key] is None else []),
        ],
        # What is copied and waits is said at each value.
        "state": kind_forms.missing_in_words(kind, [problem for problem in found if problem.rule == MISSING]),
        "saved": beside.saved.get(row.key, NOTHING),
        "is_refused": row.key in beside.refused,
        "files": beside.files.get(row.key, ()),
        "actions": list(_actions(kind, row, identifier, beside)),
        "save_url": beside.save_url.replace(BLANK_KEY, key),
    }


def has_errors(row: DraftRow, said: Sequence[Problem]) -> bool:
    """Whether something in the line is wrong, and not only unfinished."""
    return any(problem.severity == "error" and problem.rule not in UNFINISHED for problem in _found(row, said))


def _found(row: DraftRow, said: Sequence[Problem] | None) -> list[Problem]:
    if said is None:
        return []
    return [*row.reading.problems, *(each for each in said if each.line == str(row.key))]


def _fixed(kind: Kind, row: DraftRow, identifier: str) -> dict[str, str]:
    """What names the line already is sent along unseen; another machine is another line."""
    named = kind_forms.naming(kind)
    if named is None or named.key not in row.open_columns or named.key not in row.reading.values:
        return {}
    return {f"{identifier}-{PREFIX}{named.key}": row.reading.values[named.key]["value"]}


def _actions(kind: Kind, row: DraftRow, identifier: str, beside: Beside) -> Iterator[dict[str, object]]:
    """What can be done with the line by one press. `does` is done by the browser where it can, else by the server."""
    is_whole = row.open_columns == frozenset(column.key for column in kind.columns)
    if row.key in beside.clashing:
        yield {"name": "save", "value": identifier, "label": _("Store mine"), "does": "save"}
    if row.unconfirmed:
        yield {"name": "confirm", "value": identifier, "label": _("Confirm"), "does": "confirm"}
    if is_whole and lines.recurs(kind) and not _is_unused(kind, row):
        yield {"name": "unused", "value": identifier, "label": _("Not used in the period"), "does": "unused"}
    if any(column.provenance and column.key in row.open_columns for column in kind.fields):
        yield {"name": "attach", "value": identifier, "label": _("Attach a receipt")}
    if is_whole:
        yield {"name": "remove", "value": identifier, "label": _("Remove")}


def _is_unused(kind: Kind, row: DraftRow) -> bool:
    zeros = [column.key for column in lines.zeros(kind)]
    return not zeros or all(row.reading.values.get(key, {}).get("value") == "0" for key in zeros)


def _cell(kind: Kind, column: Field, row: DraftRow, beside: Beside, problems: Sequence[Problem]) -> dict[str, Any]:
    is_open = column.key in row.open_columns
    is_fixed = column is kind_forms.naming(kind) and column.key in row.reading.values
    cell: dict[str, Any] = {"locked": not is_open or is_fixed}
    if cell["locked"]:
        cell["value"] = kind_forms.value_in_words(kind, column, row)
    elif column.type is FieldType.CHOICE:
        cell["value"] = kind.flat(row.reading.values)[column.key] or row.raw.get(column.key, "")
    else:
        cell["value"] = row.raw.get(column.key, "")
    if is_open:
        own = [problem for problem in problems if problem.field == column.key]
        cell["errors"] = [problem.text for problem in own if problem.severity == "error"]
        cell["warnings"] = [problem.text for problem in own if problem.severity == "warning"]
    cell["hint"] = _hint(kind, column, row, beside)
    cell["theirs"] = _theirs(kind, column, row, beside)
    cell["state"] = NOT_CONFIRMED if column.key in row.unconfirmed else None
    return cell


def _hint(kind: Kind, column: Field, row: DraftRow, beside: Beside) -> Text | None:
    if comment := row.comments.get(column.key):
        return TO_CORRECT.with_values(comment=comment)
    previous = beside.previous.get(str(row.key))
    if previous is None or column.type is not FieldType.NUMBER:
        return None
    before = kind.words(column.key, previous.values)
    month = Text(*(name[:1].upper() + name[1:] for name in (beside.month.nb, beside.month.en)))
    return BEFORE.with_values(month=month, value=before) if before.nb else None


def _theirs(kind: Kind, column: Field, row: DraftRow, beside: Beside) -> Text | None:
    stored = beside.clashing.get(row.key)
    if stored is None or not typed.differing(kind, stored.raw, row.raw, [column.key]):
        return None
    value = kind.words(column.key, stored.reading.values)
    if not value.nb:
        unread = stored.raw.get(column.key, "")
        value = same(unread) if unread else EMPTY
    return THEIRS.with_values(value=value)
