"""From a filled-in template to readings with cell addresses, and the marked file back."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO

import pytest
from openpyxl import Workbook as OpenpyxlWorkbook
from openpyxl import load_workbook
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from portal.kinds import kinds
from portal.kinds.base import Choice, Kind, Raw
from portal.kinds.fields import Field, FieldType
from portal.sheets import confinement
from portal.sheets.importing import Imported, SheetProblem, Validated, read_lines, validate
from portal.sheets.layout import HEADER_ROW, SheetSpec, TemplateLine
from portal.sheets.marking import mark_errors
from portal.sheets.origin import Origin, organisation_number
from portal.sheets.refusal import Refusal
from portal.sheets.template import TemplateSpec, write_template
from portal.text import Text
from tests.unit import bad_workbooks as bad

DIESEL = Choice("diesel", Text("Diesel", "Diesel"), "l")
POWER = Choice("electricity", Text("Strøm", "Electricity"), "kWh")
KIND = Kind(
    "machinery",
    Text("Maskiner", "Machinery"),
    (
        Field("machine", Text("Maskin", "Machine"), FieldType.TEXT, identity=True),
        Field("carrier", Text("Energibærer", "Carrier"), FieldType.CHOICE, choices=(DIESEL, POWER), required=False),
        Field(
            "hours",
            Text("Driftstimer", "Hours"),
            FieldType.NUMBER,
            unit="h",
            minimum=Decimal(0),
            maximum=Decimal(744),
            hint=Text("Timer maskinen var i drift.", "Hours the machine ran."),
        ),
        Field("share", Text("Andel", "Share"), FieldType.NUMBER, unit="%", required=False),
        Field("litres", Text("Mengde", "Amount"), FieldType.NUMBER, unit="l", required=False),
        Field("arrived", Text("Ankomst", "Arrival"), FieldType.DATE, required=False),
        Field("note", Text("Merknad", "Note"), FieldType.TEXT, required=False),
    ),
)
KEYS = [str(uuid.UUID(int=place, version=4)) for place in range(1, 4)]
LINES = (
    TemplateLine(KEYS[0], {"machine": "Graver 1", "carrier": "diesel"}),
    TemplateLine(KEYS[1], {"machine": "0042", "carrier": "electricity", "hours": "12.25", "arrived": "2026-03-02"}),
)
SHEET = SheetSpec("machinery", KIND, "Maskiner", LINES)
ORIGIN = Origin("3", "0f0e0d0c", "2026-03", "K-12", "974760673")
SPEC = TemplateSpec("Klimarapport", "K-12 Testtunnelen", "mars 2026", "nb", ORIGIN, (SHEET,))
COLUMNS = dict(zip((column.key for column in KIND.columns), "BCDEFGH", strict=True))
FIRST = HEADER_ROW + 1


def filled(fill: Callable[[Worksheet], None], spec: TemplateSpec = SPEC) -> bytes:
    """The template as a person sends it back: opened, changed and saved by another program."""
    book = load_workbook(BytesIO(write_template(spec)))
    fill(book[spec.sheets[0].title])
    saved = BytesIO()
    book.save(saved)
    return saved.getvalue()


def cells(**values: object) -> Callable[[Worksheet], None]:
    """Set cells by name: B5=…"""

    def fill(sheet: Worksheet) -> None:
        for name, value in values.items():
            sheet[name] = value  # type: ignore[assignment]

    return fill


def read(content: bytes, spec: SheetSpec = SHEET, expected: Origin | None = ORIGIN) -> Imported:
    return read_lines(content, (spec,), expected)


def read_and_validated(content: bytes, spec: SheetSpec = SHEET, expected: Origin | None = ORIGIN) -> Validated:
    return validate(read(content, spec, expected), {spec.key: spec.kind})


def rules(problems: tuple[SheetProblem, ...]) -> dict[str, str]:
    return {problem.cell: problem.rule for problem in problems}


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


VALUES: list[tuple[int, str, str, str | None]] = [
    # number in the list, column, cell, what must come of it: the stored value, or the rule that refuses it after a "!"
    (1, "hours", bad.text("D{}", "12,5"), "12.5"),
    (2, "litres", bad.text("F{}", "1\u00a0234,50"), "1234.5"),
    (3, "litres", bad.text("F{}", "1.234,5"), "1234.5"),
    (3, "litres", bad.text("F{}", "1,234"), "!number_unclear"),
    (4, "hours", bad.text("D{}", "NaN"), "!number"),
    (4, "hours", bad.text("D{}", "inf"), "!number"),
    (4, "hours", bad.text("D{}", "-"), "!number"),
    (4, "hours", bad.text("D{}", "n/a"), "!number"),
    (4, "hours", "", "!required"),
    (5, "hours", bad.number("D{}", "1e400"), "!not_finite"),
    (5, "hours", bad.number("D{}", "NaN"), "!not_finite"),
    (5, "hours", bad.number("D{}", "-Infinity"), "!not_finite"),
    (6, "hours", bad.number("D{}", "-1"), "!minimum"),
    (7, "hours", bad.number("D{}", "744.000001"), "!maximum"),
    (7, "hours", bad.number("D{}", "744"), "744"),
    (8, "litres", bad.number("F{}", "0.30000000000000004"), "0.3"),
    (8, "litres", bad.number("F{}", "1.1000000000000001"), "1.1"),
    (8, "litres", bad.number("F{}", "12345678901234567"), "!digits"),
    (8, "litres", bad.number("F{}", "33.333333333333336"), "!digits"),
    (9, "arrived", bad.number("G{}", "60", bad.DATE_STYLE), "!date_impossible"),
    (9, "arrived", bad.number("G{}", "-1", bad.DATE_STYLE), "!time_only"),
    (9, "arrived", bad.number("G{}", "3000000", bad.DATE_STYLE), "!date"),
    (9, "arrived", bad.number("G{}", "0.5", bad.DATE_STYLE), "!time_only"),
    (9, "hours", bad.number("D{}", "0.3125", bad.TIME_STYLE), "!time_only"),
    (9, "hours", bad.number("D{}", "46082", bad.DATE_STYLE), "!type"),
    (9, "arrived", bad.number("G{}", "46082.75", bad.DATE_STYLE), "2026-03-01"),
    (11, "arrived", bad.text("G{}", "31.02.2026"), "!date"),
    (11, "arrived", bad.text("G{}", "1/2/26"), "!date"),
    (11, "arrived", bad.text("G{}", "2026-13-01"), "!date"),
    (11, "arrived", bad.text("G{}", "1.3.2026"), "2026-03-01"),
    (20, "hours", '<c r="D{}" t="e"><v>#REF!</v></c>', "!excel_error"),
    (20, "note", '<c r="H{}" t="e"><v>#DIV/0!</v></c>', "!excel_error"),
    (21, "hours", '<c r="D{}"><f>1+1</f></c>', "!formula_unsaved"),
    (21, "note", '<c r="H{}" t="str"><f>""</f><v></v></c>', "!formula_unsaved"),
    (22, "hours", '<c r="D{}"><f>1+1</f><v>500</v></c>', "!formula"),
    (22, "note", '<c r="H{}" t="str"><f>B1</f><v>ja</v></c>', "!formula"),
    (23, "note", bad.text("H{}", "=cmd|' /C calc'!A0"), "!formula_text"),
    (23, "note", bad.text("H{}", "@SUM(1)|x"), "!formula_text"),
    (23, "note", bad.text("H{}", '=HYPERLINK("http://evil.example","hei")'), "!formula_text"),
    (23, "note", bad.text("H{}", "- ingen merknad"), "- ingen merknad"),
    (36, "machine", bad.text("B{}", "\u202eG\u200b1\uff12"), "G12"),
    (36, "note", bad.text("H{}", "av\u202eabc"), "!text_signs"),
    (37, "note", bad.text("H{}", "a_x0000_b"), "!text_signs"),
    (38, "note", bad.text("H{}", "x" * 40_000), "!text_length"),
    (48, "hours", '<c r="D{}" t="b"><v>1</v></c>', "!type"),
    (48, "share", bad.number("E{}", "0.5", bad.PERCENT_STYLE), "50"),
    (48, "share", bad.number("E{}", "0.5"), "0.5"),
]


@pytest.fixture(scope="module")
def values_read() -> Validated:
    """One file with all the values of the list, a row each."""
    heading = bad.row(1, *(bad.text(f"{letter}1", KIND.column(key).label.nb) for key, letter in COLUMNS.items()))
    rows = [heading]
    for place, (_, column, cell, _) in enumerate(VALUES, start=2):
        others = {"machine": bad.text("B{}", f"Maskin {place}"), "hours": bad.number("D{}", "1"), column: cell}
        ordered = [others[key] for key in COLUMNS if key in others]
        rows.append(bad.row(place, *(each.replace("{}", str(place)) for each in ordered)))
    return read_and_validated(bad.workbook(bad.sheet(*rows)), expected=None)


@pytest.mark.parametrize(
    ("place", "column", "outcome"),
    [
        pytest.param(place, column, outcome, id=f"{number} {column} {cell[:40]} {outcome}")
        for place, (number, column, cell, outcome) in enumerate(VALUES, start=2)
    ],
)
def test_a_value_is_read_or_refused_in_its_cell(values_read: Validated, place: int, column: str, outcome: str) -> None:
    reading = next(reading for line, reading in values_read.readings["machinery"] if line.row == place)
    here = [problem for problem in values_read.problems if problem.cell.lstrip("ABCDEFGH") == str(place)]

    if outcome.startswith("!"):
        [problem] = here
        assert (problem.rule, problem.cell, problem.severity) == (outcome[1:], f"{COLUMNS[column]}{place}", "error")
        assert column not in reading.values
    else:
        assert here == []
        assert reading.values[column]["value"] == outcome


class TestSheets:
    """Faults and oddities of whole sheets, by their numbers in the list of bad inputs."""

    @staticmethod
    def lines(*rows: str, before: str = "", after: str = "", **workbook: object) -> Imported:
        names = ("Maskin", "Driftstimer", "Ankomst", "Merknad")
        heading = bad.row(1, *(bad.text(f"{letter}1", name) for letter, name in zip("ABCD", names, strict=True)))
        made = bad.parts(bad.sheet(heading, *rows, before=before, after=after), **workbook)  # type: ignore[arg-type]
        return read(bad.zipped(made), expected=None)

    def test_10_dates_from_1904_are_read_by_the_flag_and_noted(self) -> None:
        row = bad.row(2, bad.text("A2", "Graver"), bad.number("C2", "44620", bad.DATE_STYLE))

        imported = self.lines(row, properties='date1904="1"')

        assert imported.sheets["machinery"][0].raw["arrived"] == date(2026, 3, 1)
        assert "1904" in imported.notes[0].nb

    def test_12_merged_cells_over_data_are_refused(self) -> None:
        rows = [bad.row(place, bad.text(f"A{place}", f"G{place}"), bad.number(f"B{place}", "1")) for place in (2, 3)]

        imported = self.lines(*rows, after='<mergeCells count="1"><mergeCell ref="B2:B3"/></mergeCells>')

        [problem] = imported.problems
        assert (problem.rule, problem.cell, problem.value) == ("merged", "B2", "B2:B3")

    def test_12_merged_cells_above_or_beside_the_data_are_nobodys_business(self) -> None:
        row = bad.row(2, bad.text("A2", "G"), bad.number("B2", "1"))

        assert not self.lines(
            row, after='<mergeCells><mergeCell ref="F1:H1"/><mergeCell ref="F2:H2"/></mergeCells>'
        ).problems

    def test_13_hidden_rows_columns_and_sheets_are_read_and_said(self) -> None:
        rows = (
            bad.row(place, bad.text(f"A{place}", f"G{place}"), bad.number(f"B{place}", "1"), more='hidden="1"')
            for place in (2, 3, 4)
        )

        imported = self.lines(
            *rows,
            bad.row(9, more='hidden="1"'),
            before='<cols><col min="2" max="2" hidden="1"/></cols>',
            states=("veryHidden",) * 3,
        )

        assert len(imported.sheets["machinery"]) == 3
        assert [note.en for note in imported.notes] == [
            "Sheet “Maskiner”: 3 hidden rows are counted.",
            "Sheet “Maskiner”: hidden columns are counted (B).",
            "The sheet “Maskiner” is hidden and is counted.",
        ]

    def test_41_duplicated_rows_are_a_warning_that_names_the_pair(self) -> None:
        rows = (bad.row(place, bad.text(f"A{place}", "G"), bad.number(f"B{place}", "1")) for place in (2, 3))

        [problem] = self.lines(*rows).problems

        assert (problem.rule, problem.severity, problem.cell) == ("duplicate_rows", "warning", "A3")
        assert "Rad 3 er helt lik rad 2" in problem.text.nb

    def test_46_only_a_header_is_no_rows(self) -> None:
        with pytest.raises(Refusal) as caught:
            self.lines()

        assert caught.value.rule == "no_rows"

    def test_46_a_workbook_without_a_known_header_is_refused(self) -> None:
        with pytest.raises(Refusal) as caught:
            read(bad.workbook(bad.sheet(bad.row(1, bad.text("A1", "hei")))), expected=None)

        assert caught.value.rule == "no_sheet"
        assert "Driftstimer" in caught.value.text.nb

    def test_a_missing_column_is_blamed_once_and_not_per_row(self) -> None:
        heading = bad.row(1, bad.text("A1", "Maskin"), bad.text("B1", "Merknad"))
        rows = (bad.row(place, bad.text(f"A{place}", f"G{place}")) for place in range(2, 9))

        found = read_and_validated(bad.workbook(bad.sheet(heading, *rows)), expected=None)

        assert [(problem.rule, problem.cell, problem.field) for problem in found.problems] == [
            ("column_missing", "", "hours")
        ]

    def test_a_heading_that_stands_twice_is_an_error(self) -> None:
        row = bad.row(2, bad.text("A2", "G"), bad.number("B2", "1"))
        content = bad.workbook(
            bad.sheet(
                bad.row(
                    1,
                    *(
                        bad.text(f"{at}1", words)
                        for at, words in zip("ABC", ("Maskin", "Driftstimer", "hours"), strict=True)
                    ),
                ),
                row,
            )
        )

        [problem] = read(content, expected=None).problems

        assert (problem.rule, problem.cell) == ("column_twice", "C1")

    def test_a_percent_cell_where_no_percent_is_asked_for_needs_an_answer(self) -> None:
        row = bad.row(2, bad.text("A2", "G"), bad.number("B2", "0.5", bad.PERCENT_STYLE))

        imported = self.lines(row)

        assert imported.sheets["machinery"][0].raw["hours"] == Decimal("0.5")
        assert [(problem.rule, problem.severity) for problem in imported.problems] == [("percent", "warning")]
        assert "50 %" in imported.problems[0].text.nb

    def test_formulas_beside_the_template_are_the_users_own(self) -> None:
        rows = (
            bad.row(2, bad.text("A2", "G"), bad.number("B2", "1")),
            bad.row(9, '<c r="F9"><f>SUM(B2:B2)</f><v>1</v></c>'),
        )

        imported = self.lines(*rows)

        assert (len(imported.sheets["machinery"]), imported.problems) == (1, ())

    def test_a_sum_below_the_data_is_refused_where_it_stands(self) -> None:
        rows = (
            bad.row(2, bad.text("A2", "G"), bad.number("B2", "1")),
            bad.row(9, '<c r="B9"><f>SUM(B2:B2)</f><v>1</v></c>'),
        )

        assert rules(self.lines(*rows).problems) == {"B9": "formula"}

    def test_a_copied_row_is_a_new_line(self) -> None:
        def fill(sheet: Worksheet) -> None:
            sheet["D5"], sheet["D6"] = 1, 2
            for column, value in enumerate((KEYS[0], "Graver 9", None, 3), start=1):
                sheet.cell(7, column, value)
            sheet["A8"], sheet["B8"], sheet["D8"] = "tull", "Graver 10", 4

        imported = read(filled(fill))

        assert [line.key for line in imported.sheets["machinery"]] == [*KEYS[:2], "", ""]
        assert [(problem.rule, problem.severity) for problem in imported.problems] == [
            ("line_copied", "warning"),
            ("line_unknown", "warning"),
        ]

    def test_a_row_that_was_emptied_is_no_line(self) -> None:
        imported = read(filled(cells(B5=None, C5=None, D6=1)))

        assert [line.key for line in imported.sheets["machinery"]] == [KEYS[1]]

    def test_a_flood_of_errors_is_cut_off_and_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("portal.sheets.importing.MOST_PROBLEMS", 3)
        rows = (
            bad.row(place, bad.text(f"A{place}", "G"), f'<c r="B{place}"><f>1</f><v>1</v></c>')
            for place in range(2, 12)
        )

        problems = self.lines(*rows).problems

        assert [problem.rule for problem in problems] == ["formula"] * 3 + ["more_problems"]
        assert "16" in problems[-1].text.nb  # 7 formulas and 9 duplicated rows


class TestMarking:
    @staticmethod
    def marked(content: bytes, language: str = "nb") -> bytes:
        imported = read(content)
        return mark_errors(content, validate(imported, {"machinery": KIND}).problems, imported.frames, language)

    def test_the_senders_file_comes_back_with_red_cells_comments_and_a_last_column(self) -> None:
        sheet = load_workbook(BytesIO(self.marked(filled(cells(D5=800, G6="i går")))))["Maskiner"]

        assert sheet["D5"].value == 800
        assert sheet["D5"].fill.fgColor.rgb == "FFFFC9CE"
        assert sheet["D5"].comment.text.startswith("Driftstimer: kan ikke være mer enn")
        assert sheet["C5"].comment is None
        assert (sheet["I4"].value, sheet["I5"].value) == ("Feil", f"D5: {sheet['D5'].comment.text}")
        assert sheet["I6"].value.startswith("G6: Ankomst: ")
        assert sheet["D4"].comment.text.startswith("hours\n")
        assert sheet.protection.sheet

    def test_mended_and_uploaded_again_it_is_taken_and_its_marks_are_gone(self) -> None:
        book = load_workbook(BytesIO(self.marked(filled(cells(D5=800, G6="i går")))))
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

    def test_the_senders_own_comments_and_colours_stay(self) -> None:
        def fill(sheet: Worksheet) -> None:
            sheet["D5"], sheet["D6"] = 800, 900
            sheet["D5"].comment = Comment("Se faktura 12", "Ola")
            sheet["H5"].fill = PatternFill("solid", fgColor="FFFFC7CE")

        content = filled(fill)
        once = self.marked(content)
        twice = mark_errors(once, [], read(once).frames)

        for marked in (once, twice):
            sheet = load_workbook(BytesIO(marked))["Maskiner"]
            assert sheet["D5"].comment.text == "Se faktura 12"
            assert sheet["H5"].fill.fgColor.rgb == "FFFFC7CE"
        assert load_workbook(BytesIO(once))["Maskiner"]["I5"].value.startswith("D5: ")
        assert sheet["D5"].fill.fgColor.rgb == "00000000"
        assert (sheet["I5"].value, sheet["D6"].comment) == (None, None)

    def test_in_english_too(self) -> None:
        sheet = load_workbook(BytesIO(self.marked(filled(cells(D5=-1, D6=1)), "en")))["Maskiner"]

        assert (sheet["I4"].value, sheet["I5"].value[:10]) == ("Errors", "D5: Hours:")

    def test_values_survive_the_marking(self) -> None:
        content = filled(cells(D5=0.1, D6=3, F5=1840.55, F6=1e-6, H5="=1+1", G5=datetime(2026, 3, 31)))  # noqa: DTZ001
        before, after = read(content), read(self.marked(content))

        assert after.sheets == before.sheets
        assert after.problems == before.problems

    def test_a_message_that_looks_like_a_formula_stays_text(self) -> None:
        content = filled(cells(D5=1, D6=1))
        problem = SheetProblem("Maskiner", "D5", "rule", Text("=1+1", "=1+1"))

        sheet = load_workbook(BytesIO(mark_errors(content, [problem], read(content).frames)))["Maskiner"]

        assert (sheet["D5"].comment.text, sheet["I5"].data_type) == ("=1+1", "s")

    def test_a_problem_of_the_whole_sheet_stands_at_the_heading(self) -> None:
        content = filled(cells(D4="Noe annet"))
        sheet = load_workbook(BytesIO(self.marked(content)))["Maskiner"]

        assert "Driftstimer" in sheet["I4"].comment.text

    def test_a_formatted_cell_in_the_last_corner_is_no_hindrance(self) -> None:
        far = bad.row(1_048_576, '<c r="XFD1048576" s="1"/>')
        content = bad.workbook(bad.GOOD_SHEET.replace("</sheetData>", f"{far}</sheetData>"))
        imported = read(content, expected=None)
        problem = SheetProblem("Maskiner", "B2", "rule", Text("Feil her", "Wrong here"))

        sheet = load_workbook(BytesIO(mark_errors(content, [problem], imported.frames)))["Maskiner"]

        assert sheet["E2"].value == "B2: Feil her"

    def test_what_cannot_be_marked_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_problem_shows_the_value_that_was_typed() -> None:
    found = read_and_validated(filled(cells(D5="mange", D6=9999)))

    assert {problem.cell: problem.value for problem in found.problems} == {"D5": "mange", "D6": "9999"}


def test_raw_values_are_what_kinds_read() -> None:
    raw: Mapping[str, Raw] = read(write_template(SPEC)).sheets["machinery"][0].raw

    assert KIND.read(raw).problems[0].rule == "required"
