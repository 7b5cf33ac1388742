"""What the page of an uploaded workbook shows: how far its reading has come, and then what was found, tab by tab."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from flask import url_for
from flask_babel import LazyString
from flask_babel import gettext as _

from portal.kinds import Kind
from portal.model import ImportedFile, ImportState, ImportStep, Report
from portal.operations.contracts import contracts
from portal.operations.entry import comparing, imports
from portal.text import Text
from portal.web import labels

PAGE = 100
"""Rows of a tab that are shown at once."""
_CHANGED = frozenset({"new", "changed"})


class Step(NamedTuple):
    """One step of the reading: done, under way or to come."""

    what: LazyString
    state: str
    note: str


class Reading(NamedTuple):
    """How far the reading has come: the steps, and a share of 100. `seen` names exactly this standing."""

    steps: list[Step]
    percent: int
    seen: str


class Change(NamedTuple):
    """One row of the file that can be stored, and what it would change."""

    kind: Kind
    label: Text
    line: int
    state: str
    columns: list[tuple[Text, Text, Text]]
    """Of each column that differs: its name, before and after."""


class Tab(NamedTuple):
    """One way to look at the result."""

    key: str
    label: str
    number: int
    url: str
    is_current: bool


class Found(NamedTuple):
    """What was found. `problems` or `changes` are those of the current tab, a page at a time."""

    ready: int
    failed: int
    new: int
    changed: int
    unchanged: int
    notes: Sequence[Mapping[str, str]]
    refusal: Mapping[str, Any] | None
    asks: bool
    tabs: list[Tab]
    current: str
    problems: Sequence[Mapping[str, Any]]
    changes: Sequence[Change]
    previous_url: str
    next_url: str
    to_correct: bool
    with_faults: bool

    @property
    def total(self) -> int:
        """How many rows were read."""
        return self.ready + self.failed


def reading(row: ImportedFile) -> Reading:
    """The steps of the reading in words."""
    order = list(ImportStep)
    now = order.index(row.step)
    rows = _("%(checked)s of %(all)s rows", checked=row.rows_checked, all=row.rows_found) if row.rows_found else ""
    steps = [
        Step(
            labels.IMPORT_STEP[step],
            "done" if place < now else "now" if place == now else "next",
            rows if step == row.step == ImportStep.CHECKING else "",
        )
        for place, step in enumerate(order)
    ]
    share = row.rows_checked / row.rows_found if row.step == ImportStep.CHECKING and row.rows_found else 0
    return Reading(steps, round(100 * (now + share) / len(order)), f"{row.step}-{row.rows_checked}")


def found(row: ImportedFile, report: Report, asked: Mapping[str, str]) -> Found | None:
    """The result, with the tab and page that the address asks for; None while there is none."""
    if row.state == ImportState.WAITING:
        return None
    kept = row.result
    kinds = {kind.key: kind for kind in contracts.kinds_of(report)}
    parts = _parts(kept)
    current = asked.get("show", "")
    if current not in parts:
        current = next((key for key in ("errors", "ready", "warnings") if parts[key]), "unchanged")
    number = _page_number(asked.get("page", ""), len(parts[current]))
    shown = parts[current][(number - 1) * PAGE : number * PAGE]
    is_problems = current in {"errors", "warnings"}
    counts = {state: int(kept["counts"].get(state, 0)) for state in ("new", "changed", "unchanged", "failed")}

    def url(page: int) -> str:
        return url_for(".show", public_id=row.public_id, show=current, page=page, _anchor="found")

    return Found(
        **counts,
        ready=sum(counts.values()) - counts["failed"],
        notes=kept["notes"],
        refusal=kept["problems"][0] if kept["refused"] else None,
        asks=not kept["refused"] and imports.asks(row),
        tabs=list(_tabs(row, parts, current)),
        current=current,
        problems=shown if is_problems else (),
        changes=[] if is_problems else [_change(kinds[key], each) for key, each in shown],
        previous_url=url(number - 1) if number > 1 else "",
        next_url=url(number + 1) if number * PAGE < len(parts[current]) else "",
        to_correct=not kept["refused"] and bool(imports.to_correct(row)),
        with_faults=bool(kept.get("with_faults")),
    )


def _parts(kept: Mapping[str, Any]) -> dict[str, list[Any]]:
    rows = [(key, row) for key, found in kept["rows"].items() for row in found]
    return {
        "errors": [problem for problem in kept["problems"] if problem["severity"] == "error"],
        "warnings": [problem for problem in kept["problems"] if problem["severity"] != "error"],
        "ready": [(key, row) for key, row in rows if row["state"] in _CHANGED],
        "unchanged": [(key, row) for key, row in rows if row["state"] == "unchanged"],
    }


def _change(kind: Kind, row: dict[str, Any]) -> Change:
    old, new = row.get("before", {}), row["values"]
    columns = [
        (kind.column(key).label, kind.words(key, old), kind.words(key, new))
        for key in (comparing.changed(kind, old, new) if row["state"] in _CHANGED else ())
    ]
    return Change(kind, comparing.label(kind, row), row["row"], row["state"], columns)


def _tabs(row: ImportedFile, parts: Mapping[str, Sequence[Any]], current: str) -> Iterator[Tab]:
    names = {
        "errors": _("Errors"),
        "warnings": _("Warnings"),
        "ready": _("Ready rows"),
        "unchanged": _("Unchanged rows"),
    }
    for key, label in names.items():
        url = url_for(".show", public_id=row.public_id, show=key, _anchor="found")
        yield Tab(key, label, len(parts[key]), url, key == current)


def _page_number(asked: str, rows: int) -> int:
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < len(str(rows)) + 1 else 1
    return min(max(number, 1), max(1, -(-rows // PAGE)))
