"""Templates that are filled in by another program and read back, and whose report they belong to."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO

import pytest
from openpyxl import Workbook as OpenpyxlWorkbook
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from portal.kinds import kinds
from portal.kinds.base import Choice, Raw
from portal.kinds.fields import FieldType
from portal.sheets.importing import read_lines
from portal.sheets.layout import SheetSpec, TemplateLine
from portal.sheets.origin import organisation_number
from portal.sheets.refusal import Refusal
from portal.sheets.template import write_template
from portal.text import Text
from tests.unit.machine_sheet import (
    COLUMNS,
    FIRST,
    KEYS,
    KIND,
    LINES,
    ORIGIN,
    SHEET,
    SPEC,
    cells,
    filled,
    read,
    read_and_validated,
)


class TestRoundTrip:
    def test_an_untouched_template_reads_as_it_was_prefilled(self) -> None:
        imported = read(write_template(SPEC))

        [first, second] = imported.sheets["machinery"]
        assert (first.key, first.row, first.cell("hours")) == (KEYS[0], FIRST, f"D{FIRST}")
        assert second.cells == {key: f"{letter}{FIRST + 1}" for key, letter in COLUMNS.items()}
        assert second.raw == {
            "machine": "0042",
            "carrier": "Strøm",
            "hours": Decimal("12.25"),
            "share": None,
            "litres": None,
            "arrived": date(2026, 3, 2),
            "note": None,
        }
        assert (imported.problems, imported.notes) == ((), ())

    @pytest.mark.parametrize("language", ["nb", "en"])
    def test_what_is_filled_in_comes_back_by_line_with_new_lines_last(self, language: str) -> None:
        fill = cells(D5=7.5, F5=1840.55, G5=datetime(2026, 3, 31), H5=" Flyttet ", B7="Ny dumper", D7=744)  # noqa: DTZ001

        found = read_and_validated(filled(fill, replace(SPEC, language=language)))

        assert found.problems == ()
        lines = {line.key: reading.values for line, reading in found.readings["machinery"]}
        assert lines[KEYS[0]] == {
            "machine": {"value": "Graver 1"},
            "carrier": {"value": "diesel"},
            "hours": {"value": "7.5", "unit": "h"},
            "litres": {"value": "1840.55", "unit": "l"},
            "arrived": {"value": "2026-03-31"},
            "note": {"value": "Flyttet"},
        }
        assert lines[KEYS[1]]["hours"]["value"] == "12.25"
        assert lines[""] == {"machine": {"value": "Ny dumper"}, "hours": {"value": "744", "unit": "h"}}

    def test_columns_moved_rows_inserted_and_headings_rewritten_are_found(self) -> None:
        def fill(sheet: Worksheet) -> None:
            sheet.insert_rows(2, 3)
            sheet.move_range("D4:D12", cols=6)
            sheet["J7"] = "  DRIFTSTIMER [h] "
            sheet["B7"] = "machine"
            sheet["J8"] = 3

        found = read_and_validated(filled(fill))

        assert found.problems == ()
        assert [line.cell("hours") for line, _ in found.readings["machinery"]] == ["J8", "J9"]
        assert found.readings["machinery"][0][1].values["hours"]["value"] == "3"

    def test_a_foreign_template_is_read_by_naming_its_headings(self) -> None:
        book = OpenpyxlWorkbook()
        book["Sheet"].append(["Entreprenørens rapport"])
        book["Sheet"].append(["Utstyr", "Brukstid", "Internt nr."])
        book["Sheet"].append(["Hjullaster", 10, 4711])
        saved = BytesIO()
        book.save(saved)
        spec = replace(SHEET, headings={"machine": ("Utstyr",), "hours": ("Brukstid (t)", "Brukstid")})

        imported = read(saved.getvalue(), spec)

        [line] = imported.sheets["machinery"]
        assert (line.raw["machine"], line.raw["hours"]) == ("Hjullaster", Decimal(10))
        assert [problem.rule for problem in imported.problems] == ["not_our_template"]
        assert "Internt nr." in imported.notes[0].nb

    @pytest.mark.parametrize("key", sorted(kinds()))
    def test_every_kind_that_ships_has_a_template_that_is_understood(self, key: str) -> None:
        chosen = tuple(Choice(f"c{place}", Text(f"Valg {place}", f"Choice {place}")) for place in range(3))
        bare = kinds()[key]
        kind = bare.bound({column.source: chosen for column in bare.fields if column.source})
        values = {column.key: column.choices[0].key for column in kind.columns if column.choices}
        values |= {column.key: "1.5" for column in kind.columns if column.type is FieldType.NUMBER}
        values |= {column.key: "2026-03-01" for column in kind.columns if column.type is FieldType.DATE}
        values |= {column.key: f"{column.key} æ" for column in kind.columns if column.type is FieldType.TEXT}
        sheet = SheetSpec(key, kind, kind.title.nb, (TemplateLine(KEYS[0], values),))

        imported = read(write_template(replace(SPEC, sheets=(sheet,))), sheet)

        [line] = imported.sheets[key]
        assert (imported.problems, imported.notes) == ((), ())
        assert line.raw.keys() == {column.key for column in kind.columns}
        assert kind.flat(kind.read(line.raw).values) == kind.flat(kind.read(values).values)

    def test_sheets_of_several_kinds_are_told_apart(self) -> None:
        other = replace(KIND, key="waste", title=Text("Avfall", "Waste"))
        sheets = (SHEET, SheetSpec("waste", other, "Avfall", (TemplateLine(KEYS[2], {"machine": "Container"}),)))

        imported = read_lines(write_template(replace(SPEC, sheets=sheets)), sheets, ORIGIN)

        assert [line.raw["machine"] for line in imported.sheets["machinery"]] == ["Graver 1", "0042"]
        assert [line.raw["machine"] for line in imported.sheets["waste"]] == ["Container"]

    def test_a_sheet_that_was_deleted_is_noted_and_one_without_headings_is_an_error(self) -> None:
        sheets = (SHEET, SheetSpec("waste", replace(KIND, key="waste", title=Text("Avfall", "Waste")), "Avfall"))
        content = write_template(SPEC)
        assert "Avfall" in read_lines(content, sheets, ORIGIN).notes[0].nb

        book = load_workbook(BytesIO(content))
        book.create_sheet("Avfall").append(["tomt", "for", "overskrifter"])
        saved = BytesIO()
        book.save(saved)
        [problem] = read_lines(saved.getvalue(), sheets, ORIGIN).problems
        assert (problem.sheet, problem.rule) == ("Avfall", "header_missing")

    def test_a_sheet_is_never_read_for_two_kinds_and_one_too_many_is_noted(self) -> None:
        twin = SheetSpec("twin", replace(KIND, key="twin"), "Tvilling")
        book = load_workbook(BytesIO(write_template(SPEC)))
        book.copy_worksheet(book["Maskiner"]).title = "Notater"
        book.copy_worksheet(book["Maskiner"]).title = "Kladd"
        saved = BytesIO()
        book.save(saved)

        imported = read_lines(saved.getvalue(), (twin, SHEET), ORIGIN)

        assert imported.titles == {"machinery": "Maskiner", "twin": "Notater"}
        assert [note.nb for note in imported.notes] == ["Arket «Kladd» er ikke i malen og er ikke lest."]

    def test_the_template_locks_what_is_known_and_helps_with_the_rest(self) -> None:
        book = load_workbook(BytesIO(write_template(SPEC)))
        sheet = book["Maskiner"]

        assert sheet.protection.sheet
        assert not sheet.protection.password
        assert sheet["A5"].protection.locked
        assert sheet["B5"].protection.locked
        assert not sheet["C5"].protection.locked
        assert not sheet.column_dimensions["D"].protection.locked
        assert sheet.column_dimensions["A"].hidden
        assert sheet.freeze_panes == "C5"
        assert sheet["D4"].value == "Driftstimer (h)"
        assert sheet["D4"].comment.text == "hours\nTimer maskinen var i drift."
        assert (book["_meta"].sheet_state, book["_lists"].sheet_state) == ("veryHidden", "hidden")
        validations = {str(rule.sqref).partition(":")[0]: rule for rule in sheet.data_validations.dataValidation}
        assert (validations["D5"].type, validations["D5"].formula1, validations["D5"].formula2) == (
            "decimal",
            "0",
            "744",
        )
        assert validations["C5"].type == "list"
        named = book.defined_names[validations["C5"].formula1.removeprefix("=")].attr_text
        assert [cell.value for [cell] in book["_lists"][named.partition("!")[2].replace("$", "")]] == [
            "Diesel",
            "Strøm",
        ]


class TestWhatHelps:
    """What is in a template for people only."""

    @pytest.mark.parametrize("language", ["nb", "en"])
    def test_last_reports_values_stand_beside_the_lines_grey_locked_and_unread(self, language: str) -> None:
        lines = (replace(LINES[0], before={"hours": "120\u00a0h", "note": "x", "litres": ""}), LINES[1])
        spec = replace(SPEC, language=language, sheets=(replace(SHEET, lines=lines),))

        content = write_template(spec)

        sheet = load_workbook(BytesIO(content))["Maskiner"]
        heading = {"nb": "Forrige rapport: Driftstimer (bare til lesing)", "en": "Last report: Hours (read only)"}
        assert [sheet["I4"].value, sheet["J4"].value] == [heading[language], None]
        assert (sheet["I5"].value, sheet["I6"].value, sheet["I5"].protection.locked) == ("120\u00a0h", None, True)
        imported = read(content, spec.sheets[0])
        assert (imported.problems, imported.notes) == ((), ())
        assert imported.sheets["machinery"][0].raw["hours"] is None
        assert imported.frames["Maskiner"].errors_column == 10

    @pytest.mark.parametrize(("language", "title"), [("nb", "Veiledning"), ("en", "Guide")])
    def test_a_guide_in_the_readers_language_names_every_column(self, language: str, title: str) -> None:
        book = load_workbook(BytesIO(write_template(replace(SPEC, language=language))))

        assert book.sheetnames == ["Maskiner", title, "_lists", "_meta"]
        assert book.active is not None
        assert book.active.title == "Maskiner"
        written = [[str(cell.value or "") for cell in row] for row in book[title].iter_rows()]
        told = {row[1]: row[2:] for row in written if row[0] == "Maskiner"}
        assert set(told) == {column.label.to(language) for column in KIND.columns}
        assert (
            told[KIND.column("hours").label.to(language)]
            == {
                "nb": ["h", "Ja", "Et tall fra 0 til 744. Timer maskinen var i drift."],
                "en": ["h", "Yes", "A number from 0 to 744. Hours the machine ran."],
            }[language]
        )
        assert "Diesel" in told[KIND.column("carrier").label.to(language)][2]

    def test_a_kind_that_is_called_like_the_guide_is_still_read(self) -> None:
        sheet = replace(SHEET, title="Guide")

        imported = read(write_template(replace(SPEC, sheets=(sheet,))), sheet)

        assert imported.titles == {"machinery": "Guide (2)"}

    def test_a_draft_that_has_changed_since_is_worth_a_word(self) -> None:
        content = write_template(replace(SPEC, meta=replace(ORIGIN, draft="3")))

        assert read(content, expected=replace(ORIGIN, draft="3")).notes == ()
        [note] = read(content, expected=replace(ORIGIN, draft="4")).notes
        assert "endret etter at malen ble lastet ned" in note.nb


class TestWhoseFileItIs:
    """Numbers 39, 40, 42, 43."""

    @pytest.mark.parametrize(
        ("change", "rule", "named"),
        [
            ({"period": "2026-02"}, "wrong_period", "2026-03"),
            ({"contract": "K-13"}, "wrong_contract", "K-12"),
            ({"version": "2"}, "old_template", "3"),
            ({"report": "aaaa"}, "wrong_report", "denne rapporten"),
            ({"organisation": "971526920"}, "wrong_organisation", "974760673"),
            ({"organisation": "974760674"}, "bad_organisation", "974760674"),
        ],
    )
    def test_another_report_is_refused_and_the_right_one_named(
        self, change: Mapping[str, str], rule: str, named: str
    ) -> None:
        content = write_template(replace(SPEC, meta=replace(ORIGIN, **change)))

        with pytest.raises(Refusal) as caught:
            read(content)

        assert caught.value.rule == rule
        assert named in caught.value.text.nb

    @pytest.mark.parametrize(
        "written", ["974 760 673", "NO974760673MVA", "974760673", " 974\u00a0760\u00a0673 ", 974760673, 9.74760673e8]
    )
    def test_an_organisation_number_is_the_same_however_it_is_written(self, written: object) -> None:
        book = load_workbook(BytesIO(write_template(SPEC)))
        book["_meta"]["B5"] = written  # type: ignore[assignment]
        saved = BytesIO()
        book.save(saved)

        assert read(saved.getvalue()).sheets["machinery"]

    def test_an_organisation_number_as_excel_writes_large_numbers(self) -> None:
        assert organisation_number("9.74760673E+8") == "974760673"
        assert organisation_number("9.74760673e8") == "974760673"

    def test_a_second_file_for_the_same_period_brings_the_same_lines(self) -> None:
        first, second = (read(filled(cells(D5=hours))) for hours in (1, 2))

        keys = [[line.key for line in each.sheets["machinery"]] for each in (first, second)]
        assert keys[0] == keys[1] == KEYS[:2]
        assert [each.sheets["machinery"][0].raw["hours"] for each in (first, second)] == [1, 2]


def test_a_problem_shows_the_value_that_was_typed() -> None:
    found = read_and_validated(filled(cells(D5="mange", D6=9999)))

    assert {problem.cell: problem.value for problem in found.problems} == {"D5": "mange", "D6": "9999"}


def test_raw_values_are_what_kinds_read() -> None:
    raw: Mapping[str, Raw] = read(write_template(SPEC)).sheets["machinery"][0].raw

    assert KIND.read(raw).problems[0].rule == "required"
