"""The Excel way in, from template to draft, by the job that reads it, on both databases."""

import io
from collections.abc import Callable
from datetime import date
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from portal import calendars
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import db, transaction
from portal.kinds import Problem
from portal.model import (
    Answer,
    AuditEvent,
    DraftLine,
    ImportedFile,
    ImportState,
    ImportStep,
    Report,
)
from portal.operations.contracts import contracts
from portal.operations.entry import comparing, drafts, imports
from portal.operations.reports.comments import Place
from portal.sheets import importing
from portal.sheets.names import letters
from portal.work import read_import
from tests import bad_workbooks as bad
from tests.doors import columns_of, saved, template_book
from tests.reviewing import return_for
from tests.world import World, fill_in, submit

Change = Callable[[Any], None]


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


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
    kind = contracts.kind_of(world.report, "machinery")
    [changed] = [row for row in second.result["rows"]["machinery"] if row["state"] == "changed"]
    assert comparing.label(kind, changed).nb == "DI-2"
    assert comparing.changed(kind, changed["before"], changed["values"]) == ("amount",)
    assert [changed[when]["amount"]["value"] for when in ("before", "values")] == ["1000", "1200"]
    _store(world, second)
    assert _raw(world.report)["DI-2"] == ("90", "1200")
    assert len(list(db.session.scalars(select(DraftLine)))) == 2
    assert {row.sha256 for row in db.session.scalars(select(ImportedFile))} == {first.sha256, second.sha256}


def test_errors_come_back_by_sheet_cell_and_fix_and_the_draft_stands(world: World) -> None:
    fill_in(world)
    before = _raw(world.report)
    row = _uploaded(world, _filled(world, hours="1,234", diesel="n/a"))
    assert row.state == ImportState.FAULTY
    assert row.result["counts"] == {"new": 0, "changed": 0, "unchanged": 0, "failed": 2}
    problems = {problem["rule"]: problem for problem in row.result["problems"]}
    assert set(problems) == {"number", "number_unclear"}
    assert problems["number"]["sheet"] == "Maskiner"
    assert problems["number"]["cell"][-1].isdigit()
    assert "1\u00a0840,5" in problems["number"]["text"]["nb"] or "1 840,5" in problems["number"]["text"]["nb"]
    assert _raw(world.report) == before
    with pytest.raises(Invalid) as nothing, transaction():
        imports.store(row, by=world.anna)
    assert nothing.value.text == imports.NOTHING_READY
    marked = openpyxl.load_workbook(io.BytesIO(imports.marked(row)))
    comments = [cell.comment for line in marked["Maskiner"].iter_rows(min_row=5) for cell in line if cell.comment]
    assert len(comments) == 2


def test_the_ready_rows_are_kept_and_the_others_stay_as_they_were(world: World) -> None:
    fill_in(world)
    row = _uploaded(world, _filled(world, hours=120, diesel="n/a"))
    assert row.result["counts"] == {"new": 0, "changed": 1, "unchanged": 0, "failed": 1}
    _store(world, row)
    assert _raw(world.report) == {"EL-1": ("120", "5000"), "DI-2": ("100", "1000")}
    assert db.session.get_one(ImportedFile, row.id).state == ImportState.STORED


def test_correct_here_brings_the_wrong_values_along_as_they_were_typed(world: World) -> None:
    row = _uploaded(world, _filled(world, diesel="n/a"))
    with transaction():
        report = imports.store(row, by=world.anna, with_faults=True)
    assert imports.to_correct(row) == ["machinery"]
    assert imports.left_out(row) == []
    typed = {line.raw["amount"] for line in report.section("machinery").lines}
    assert typed == {"5000", "n/a"}
    state = drafts.state_of(report, report.section("machinery"))
    assert [(problem.rule, problem.field) for problem in state.problems] == [("number", "amount")]


def test_what_cannot_be_typed_is_left_out_and_named(world: World) -> None:
    row = _uploaded(world, _delivery(world, supplier=True))
    assert [problem["rule"] for problem in row.result["problems"]] == ["type"]
    with transaction():
        report = imports.store(row, by=world.anna, with_faults=True)
    assert [line.raw["supplier"] for line in report.section("fuel").lines] == [""]
    [cell] = imports.left_out(row)
    assert cell.startswith("Levert drivstoff og energi ")


def test_signs_that_no_database_likes_come_to_no_harm(world: World) -> None:
    kind = contracts.kind_of(world.report, "fuel")
    given = {
        "entry": "Leveranse",
        "product": "Diesel",
        "amount": "5",
        "amount_source": "faktura",
        "supplier": "a_x0000_b",
        "invoice": "F",
    }
    cells = [(column, letters(place)) for place, column in enumerate(kind.columns, start=1)]
    rows = (
        bad.row(1, *(bad.text(f"{name}1", column.label.nb) for column, name in cells)),
        bad.row(2, *(bad.text(f"{name}2", given.get(column.key, "12.03.2026")) for column, name in cells)),
    )
    row = _uploaded(world, bad.zipped(bad.parts(bad.sheet(*rows), names=(kind.title.nb,))))
    assert [problem["rule"] for problem in row.result["problems"]] == ["not_our_template", "text_signs"]
    with transaction():
        imports.store(row, by=world.anna, is_confirmed=True, with_faults=True)
    state = drafts.state_of(world.report, world.report.section("fuel"))
    assert [(problem.rule, problem.field) for problem in state.problems] == [("text_signs", "supplier")]


def test_the_rules_speak_before_anything_is_stored(world: World) -> None:
    _report_february(world)
    outside = _uploaded(world, _delivery(world, delivered_on=date(2026, 4, 2)))
    [problem] = outside.result["problems"]
    assert (outside.state, problem["severity"], problem["column"]["en"]) == (ImportState.FAULTY, "error", "Delivered")
    assert "perioden er 01.03.2026–31.03.2026" in problem["text"]["nb"]
    tenfold = _uploaded(world, _filled(world, diesel=10000))
    slipped = [each for each in tenfold.result["problems"] if "forrige periode" in each["text"]["nb"]]
    assert [(each["severity"], each["asks"], each["value"]) for each in slipped] == [("warning", False, "10000")]
    assert tenfold.state == ImportState.READY


def test_the_template_shows_what_the_last_report_said(world: World) -> None:
    _report_february(world)
    book = template_book(world.report)
    sheet: Any = book["Maskiner"]
    headings = {cell.value: cell.column for cell in sheet[4]}
    amount = headings["Forrige rapport: Mengde (bare til lesing)"]
    assert [sheet.cell(row, amount).value for row in (5, 6)] == ["1\u00a0000\u00a0l", "5\u00a0000\u00a0kWh"]
    assert [sheet.cell(row, columns_of(sheet)["amount"]).value for row in (5, 6)] == [None, None]
    row = _uploaded(world, _filled(world))
    assert (row.state, row.result["notes"]) == (ImportState.READY, [])


def test_a_template_of_an_older_draft_is_taken_with_a_word(world: World) -> None:
    content = _filled(world)
    fill_in(world)
    row = _uploaded(world, content)
    assert row.state == ImportState.READY
    assert [note["en"][:39] for note in row.result["notes"]] == ["The draft has changed since the template"[:39]]


def test_copies_and_formulas_need_a_yes(world: World) -> None:
    row = _uploaded(world, _delivery(world, copies=2))
    assert [problem["rule"] for problem in row.result["problems"] if problem["asks"]] == ["duplicate_rows"]
    with pytest.raises(Invalid) as unanswered, transaction():
        imports.store(row, by=world.anna)
    assert [problem.field for problem in unanswered.value.problems if isinstance(problem, Problem)] == ["confirmed"]
    assert world.report.section("fuel").lines == []
    with transaction():
        imports.store(row, by=world.anna, is_confirmed=True)
    assert len(world.report.section("fuel").lines) == 2


def test_a_draft_that_changes_meanwhile_is_compared_again(world: World) -> None:
    row = _uploaded(world, _filled(world))
    assert not imports.is_outdated(row)
    with pytest.raises(Conflict), transaction():
        imports.read_again(row, by=world.anna)
    fill_in(world)
    assert imports.is_outdated(row)
    with pytest.raises(Conflict), transaction():
        imports.store(row, by=world.anna)
    with transaction():
        imports.read_again(row, by=world.anna)
    assert row.state == ImportState.WAITING
    read_import({"import": row.id})
    assert row.result["counts"] == {"new": 0, "changed": 1, "unchanged": 1, "failed": 0}
    _store(world, row)
    assert _raw(world.report) == {"EL-1": ("100", "5000"), "DI-2": ("90", "1000")}


def test_a_sheet_that_says_nothing_new_does_not_undo_that_there_was_nothing(world: World) -> None:
    row = _uploaded(world, _delivery(world))
    _store(world, row)
    report = world.report
    with transaction():
        drafts.answer_nothing(report, "fuel", "Feil måned.", by=world.anna, version=report.version)
    again = _uploaded(world, _filled(world))
    assert again.result["counts"] == {"new": 0, "changed": 2, "unchanged": 1, "failed": 0}
    _store(world, again)
    assert report.section("fuel").answer == Answer.NOTHING
    assert report.section("machinery").answer == Answer.FILLED


def test_a_file_whose_rows_have_no_key_doubles_nothing_either(world: World) -> None:
    content = _delivery(world, copies=2)
    with transaction():
        imports.store(_uploaded(world, content), by=world.anna, is_confirmed=True)
    again = _uploaded(world, content)
    assert again.result["counts"] == {"new": 0, "changed": 0, "unchanged": 2, "failed": 0}
    third = _uploaded(world, _delivery(world, copies=3))
    assert third.result["counts"] == {"new": 1, "changed": 0, "unchanged": 2, "failed": 0}

    def without_keys(book: Any) -> None:
        for row in (5, 6):
            book["Maskiner"].cell(row, 1).value = None

    _store(world, _uploaded(world, _filled(world, change=without_keys)))
    changed = _uploaded(world, _filled(world, diesel=1200, change=without_keys))
    assert changed.result["counts"] == {"new": 0, "changed": 1, "unchanged": 3, "failed": 0}
    _store(world, changed)
    assert _raw(world.report) == {"EL-1": ("100", "5000"), "DI-2": ("90", "1200")}


def test_lines_that_the_file_lacks_stay_and_are_named(world: World) -> None:
    _store(world, _uploaded(world, _filled(world)))

    def without_second(book: Any) -> None:
        book["Maskiner"].delete_rows(6)

    row = _uploaded(world, _filled(world, hours=110, change=without_second))
    assert any("som ikke står i filen: 1." in note["nb"] for note in row.result["notes"])
    _store(world, row)
    assert len(_raw(world.report)) == 2


def test_a_file_keeps_to_what_is_open_for_correction(world: World) -> None:
    submit(world)
    report = world.report
    assert report.latest is not None
    line = next(line for line in report.latest.lines_of("machinery") if line.values["amount"]["value"] == "1000")
    return_for(report, world.rita, (Place("machinery", line.key, "amount"), "Se på fakturaen."))

    locked = _uploaded(world, _filled(world, hours=101, diesel=1200))
    assert {problem["rule"] for problem in locked.result["problems"]} == {"locked"}
    assert locked.result["counts"] == {"new": 0, "changed": 0, "unchanged": 0, "failed": 2}

    def same_hours(book: Any) -> None:
        sheet = book["Maskiner"]
        for row in sheet.iter_rows(min_row=5, max_row=6):
            sheet.cell(row[0].row, columns_of(sheet)["hours"], 100)

    right = _uploaded(world, _filled(world, diesel=1200, change=same_hours))
    assert right.result["counts"] == {"new": 0, "changed": 1, "unchanged": 1, "failed": 0}
    _store(world, right)
    assert _raw(report) == {"EL-1": ("100", "5000"), "DI-2": ("100", "1200")}


def test_the_marked_file_is_mended_and_taken(world: World) -> None:
    row = _uploaded(world, _filled(world, diesel="n/a"))
    book = openpyxl.load_workbook(io.BytesIO(imports.marked(row)))
    sheet: Any = book["Maskiner"]
    [wrong] = [cell for line in sheet.iter_rows(min_row=5) for cell in line if cell.comment]
    assert (wrong.value, wrong.fill.fgColor.rgb) == ("n/a", "FFFFC9CE")
    wrong.value = 900
    again = _uploaded(world, saved(book))
    assert (again.state, again.result["problems"], again.result["notes"]) == (ImportState.READY, [], [])
    _store(world, again)
    assert _raw(world.report) == {"EL-1": ("100", "5000"), "DI-2": ("90", "900")}


def test_whoever_waits_sees_how_far_the_reading_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "ROWS_AT_A_TIME", 1)
    content = _filled(world)
    with transaction():
        row = imports.receive(world.report, "rapport.xlsx", content, by=world.anna)
    seen = []
    told = imports.progress

    def watched(file: ImportedFile, step: ImportStep, checked: int, found: int) -> None:
        told(file, step, checked, found)
        seen.append((step.value, checked, found))

    monkeypatch.setattr(imports, "progress", watched)
    read_import({"import": row.id})
    assert seen == [("checking", 0, 2), ("checking", 1, 2), ("checking", 2, 2), ("comparing", 2, 2)]


def _report_february(world: World) -> None:
    """A signed report for the month before, to be compared with."""
    march = world.report
    with transaction():
        world.report = contracts.open_period(world.contract, calendars.month_of(date(2026, 2, 1)))
    submit(world)
    world.report = march


def _delivery(world: World, *, copies: int = 1, **values: object) -> bytes:
    """One delivery of diesel, or exact copies of it."""
    given: dict[str, object] = {
        "entry": "Leveranse",
        "product": "Diesel",
        "amount": 500,
        "amount_source": "faktura",
        "supplier": "Drivstoff AS",
        "invoice": "F-1",
        "delivered_on": date(2026, 3, 12),
        **values,
    }

    def fill(sheet: Any, columns: dict[str, int], first: int) -> None:
        for number in range(copies):
            for column, value in given.items():
                sheet.cell(first + number, columns[column], value)

    book = template_book(world.report)
    for row in book["Maskiner"].iter_rows(min_row=5, max_row=6):
        for cell in row:
            cell.value = None
    fill(book["Levert drivstoff og energi"], columns_of(book["Levert drivstoff og energi"]), 5)
    return saved(book)


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
