"""The Excel way in, from template to draft, by the job that reads it, on both databases."""

import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from portal.errors import Conflict, Refused
from portal.extensions import db, transaction
from portal.model import AuditEvent, DraftLine, ImportedFile, ImportState, Report
from portal.operations import contracts, drafts, imports
from portal.work import read_import
from tests.world import World, fill_in, submit

Change = Callable[[Any], None]


def test_a_filled_template_becomes_the_draft(world: World) -> None:
    row = _uploaded(world, _filled(world))
    assert (row.state, row.result["counts"]) == (
        ImportState.READY,
        {"new": 0, "changed": 2, "unchanged": 0, "failed": 0},
    )
    assert _raw(world.report) == {}
    _store(world, row)
    assert _raw(world.report) == {"EL-1": ("100", "5000"), "DI-2": ("90", "1000")}


def test_a_second_file_shows_what_differs_and_doubles_nothing(world: World) -> None:
    first = _uploaded(world, _filled(world))
    _store(world, first)
    second = _uploaded(world, _filled(world, diesel=1200))
    assert second.result["counts"] == {"new": 0, "changed": 1, "unchanged": 1, "failed": 0}
    changed = next(change for change in second.result["changes"]["machinery"] if change["state"] == "changed")
    assert changed["label"]["nb"] == "DI-2"
    assert [(cell["column"], cell["before"]["nb"], cell["after"]["nb"]) for cell in changed["columns"]] == [
        ("amount", "1\u00a0000\u00a0l", "1\u00a0200\u00a0l")
    ]
    _store(world, second)
    assert _raw(world.report)["DI-2"] == ("90", "1200")
    assert len(list(db.session.scalars(select(DraftLine)))) == 2
    assert {row.sha256 for row in db.session.scalars(select(ImportedFile))} == {first.sha256, second.sha256}


def test_errors_come_back_by_sheet_cell_and_fix_and_the_draft_stands(world: World) -> None:
    fill_in(world)
    before = _raw(world.report)
    row = _uploaded(world, _filled(world, hours="1,234", diesel="n/a"))
    assert row.state == ImportState.REFUSED
    problems = {problem["rule"]: problem for problem in row.result["problems"]}
    assert set(problems) == {"number", "number_unclear"}
    assert problems["number"]["sheet"] == "Maskiner"
    assert problems["number"]["cell"][-1].isdigit()
    assert "1\u00a0840,5" in problems["number"]["text"]["nb"] or "1 840,5" in problems["number"]["text"]["nb"]
    assert _raw(world.report) == before
    with pytest.raises(Conflict), transaction():
        imports.store(row, by=world.anna)
    marked = openpyxl.load_workbook(io.BytesIO(imports.marked(row)))
    assert any(cell.comment for line in marked["Maskiner"].iter_rows() for cell in line)


def _meta(sheet_value: dict[str, str]) -> Change:
    def change(book: Any) -> None:
        for line in book["_meta"].iter_rows():
            if line[0].value in sheet_value:
                line[1].value = sheet_value[line[0].value]

    return change


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"period": "2026-02"}, "wrong_period"),
        ({"version": "0"}, "old_template"),
        ({"contract": "K-2"}, "wrong_contract"),
        ({"organisation": "310000035"}, "wrong_organisation"),
        ({"organisation": "310000036"}, "bad_organisation"),
    ],
)
def test_a_file_for_something_else_is_refused_with_the_right_one_named(
    world: World, changed: dict[str, str], rule: str
) -> None:
    row = _uploaded(world, _filled(world, change=_meta(changed)))
    assert row.state == ImportState.REFUSED
    assert [problem["rule"] for problem in row.result["problems"]] == [rule]
    on_record = db.session.scalars(select(AuditEvent.action).where(AuditEvent.action == "import.foreign")).all()
    assert len(on_record) == (rule == "wrong_organisation")


@pytest.mark.parametrize(
    "content", [b"hello", b"PK\x03\x04 cut off", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600]
)
def test_what_is_no_workbook_is_refused_in_words_and_kept(world: World, content: bytes) -> None:
    row = _uploaded(world, content)
    assert row.state == ImportState.REFUSED
    assert len(row.result["problems"]) == 1
    assert len(row.result["problems"][0]["text"]["nb"]) > 20


def test_nothing_can_be_uploaded_after_submission(world: World) -> None:
    filled = _filled(world)
    submit(world)
    with pytest.raises(Refused), transaction():
        imports.receive(world.report, "rapport.xlsx", filled, by=world.anna)


def test_reading_twice_changes_nothing(world: World) -> None:
    row = _uploaded(world, _filled(world))
    _store(world, row)
    read_import({"import": row.id})
    assert db.session.get_one(ImportedFile, row.id).state == ImportState.STORED


def _uploaded(world: World, content: bytes) -> ImportedFile:
    with transaction():
        row = imports.receive(world.report, "rapport.xlsx", content, by=world.anna)
    read_import({"import": row.id})
    return db.session.get_one(ImportedFile, row.id)


def _store(world: World, row: ImportedFile) -> None:
    with transaction():
        imports.store(row, by=world.anna)


def _filled(world: World, *, hours: object = 100, diesel: object = 1000, change: Change | None = None) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(imports.template(world.report, "nb")))
    sheet: Any = book["Maskiner"]
    header = next(row for row in sheet.iter_rows() if any(str(cell.value).startswith("Driftstimer") for cell in row))
    columns = {str(cell.value).split(" (")[0]: cell.column for cell in header if cell.value}
    for line in sheet.iter_rows(min_row=header[0].row + 1, max_row=header[0].row + 2):
        electric = "EL-1" in [cell.value for cell in line]
        for title, value in {
            "Driftstimer": hours if electric else 90,
            "Mengde": 5000 if electric else diesel,
            "Kilde": "målt",
        }.items():
            sheet.cell(line[0].row, columns[title], value)
    if change:
        change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _raw(report: Report) -> dict[str, tuple[str, str]]:
    kind = contracts.kind_of(report, "machinery")
    stored = drafts.state_of(report, report.section("machinery"))
    return {
        kind.display("machine", line.values, "nb"): (line.values["hours"]["value"], line.values["amount"]["value"])
        for line in stored.lines
    }
