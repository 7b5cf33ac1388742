"""The sender's own file back, with the errors in it."""

from datetime import datetime
from io import BytesIO

import pytest
from openpyxl import load_workbook
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from portal.sheets import confinement
from portal.sheets.importing import SheetProblem, validate
from portal.sheets.marking import mark_errors
from portal.sheets.refusal import Refusal
from portal.text import Text
from tests import bad_workbooks as bad
from tests.unit.machine_sheet import KEYS, KIND, cells, filled, read, rules


def marked(content: bytes, language: str = "nb") -> bytes:
    imported = read(content)
    return mark_errors(content, validate(imported, {"machinery": KIND}).problems, imported.frames, language)


def test_the_senders_file_comes_back_with_red_cells_comments_and_a_last_column() -> None:
    sheet = load_workbook(BytesIO(marked(filled(cells(D5=800, G6="i går")))))["Maskiner"]

    assert sheet["D5"].value == 800
    assert sheet["D5"].fill.fgColor.rgb == "FFFFC9CE"
    assert sheet["D5"].comment.text.startswith("Driftstimer: kan ikke være mer enn")
    assert sheet["C5"].comment is None
    assert (sheet["I4"].value, sheet["I5"].value) == ("Feil", f"D5: {sheet['D5'].comment.text}")
    assert sheet["I6"].value.startswith("G6: Ankomst: ")
    assert sheet["D4"].comment.text.startswith("hours\n")
    assert sheet.protection.sheet


def test_mended_and_uploaded_again_it_is_taken_and_its_marks_are_gone() -> None:
    book = load_workbook(BytesIO(marked(filled(cells(D5=800, G6="i går")))))
    book["Maskiner"]["D5"] = 80
    saved = BytesIO()
    book.save(saved)

    imported = read(saved.getvalue())
    found = validate(imported, {"machinery": KIND})
    assert [line.key for line in imported.sheets["machinery"]] == KEYS[:2]
    assert imported.notes == ()
    assert rules(found.problems) == {"G6": "date"}

    again = load_workbook(BytesIO(mark_errors(saved.getvalue(), found.problems, imported.frames)))["Maskiner"]
    assert again["D5"].comment is None
    assert again["D5"].fill.fgColor.rgb != "FFFFC9CE"
    assert (again["I4"].value, again["I5"].value, again["J4"].value) == ("Feil", None, None)
    assert again["I6"].value.startswith("G6: ")


def test_the_senders_own_comments_and_colours_stay() -> None:
    def fill(sheet: Worksheet) -> None:
        sheet["D5"], sheet["D6"] = 800, 900
        sheet["D5"].comment = Comment("Se faktura 12", "Ola")
        sheet["H5"].fill = PatternFill("solid", fgColor="FFFFC7CE")

    content = filled(fill)
    once = marked(content)
    twice = mark_errors(once, [], read(once).frames)

    for file in (once, twice):
        sheet = load_workbook(BytesIO(file))["Maskiner"]
        assert sheet["D5"].comment.text == "Se faktura 12"
        assert sheet["H5"].fill.fgColor.rgb == "FFFFC7CE"
    assert load_workbook(BytesIO(once))["Maskiner"]["I5"].value.startswith("D5: ")
    assert sheet["D5"].fill.fgColor.rgb == "00000000"
    assert (sheet["I5"].value, sheet["D6"].comment) == (None, None)


def test_in_english_too() -> None:
    sheet = load_workbook(BytesIO(marked(filled(cells(D5=-1, D6=1)), "en")))["Maskiner"]

    assert (sheet["I4"].value, sheet["I5"].value[:10]) == ("Errors", "D5: Hours:")


def test_values_survive_the_marking() -> None:
    content = filled(cells(D5=0.1, D6=3, F5=1840.55, F6=1e-6, H5="=1+1", G5=datetime(2026, 3, 31)))  # noqa: DTZ001
    before, after = read(content), read(marked(content))

    assert after.sheets == before.sheets
    assert after.problems == before.problems


def test_a_message_that_looks_like_a_formula_stays_text() -> None:
    content = filled(cells(D5=1, D6=1))
    problem = SheetProblem("Maskiner", "D5", "rule", Text("=1+1", "=1+1"))

    sheet = load_workbook(BytesIO(mark_errors(content, [problem], read(content).frames)))["Maskiner"]

    assert (sheet["D5"].comment.text, sheet["I5"].data_type) == ("=1+1", "s")


def test_a_problem_of_the_whole_sheet_stands_at_the_heading() -> None:
    content = filled(cells(D4="Noe annet"))
    sheet = load_workbook(BytesIO(marked(content)))["Maskiner"]

    assert "Driftstimer" in sheet["I4"].comment.text


def test_a_formatted_cell_in_the_last_corner_is_no_hindrance() -> None:
    far = bad.row(1_048_576, '<c r="XFD1048576" s="1"/>')
    content = bad.workbook(bad.GOOD_SHEET.replace("</sheetData>", f"{far}</sheetData>"))
    imported = read(content, expected=None)
    problem = SheetProblem("Maskiner", "B2", "rule", Text("Feil her", "Wrong here"))

    sheet = load_workbook(BytesIO(mark_errors(content, [problem], imported.frames)))["Maskiner"]

    assert sheet["E2"].value == "B2: Feil her"


def test_what_cannot_be_marked_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    styles = bad.parts()["xl/styles.xml"].replace(b'<fill><patternFill patternType="none"/></fill>', b"<fill/>")
    unpaintable = bad.good({"xl/styles.xml": styles})
    frames = read(unpaintable, expected=None).frames

    with pytest.raises(Refusal) as caught:
        mark_errors(unpaintable, [], frames)
    assert caught.value.rule == "unmarkable"

    monkeypatch.setattr(confinement, "START", "import os; os.abort()")
    with pytest.raises(Refusal) as caught:
        mark_errors(bad.good(), [], frames)
    assert caught.value.rule == "unmarkable"
