"""Values and sheets as strangers send them: what is read, and what is refused in which cell."""

from datetime import date
from decimal import Decimal

import pytest
from openpyxl.worksheet.worksheet import Worksheet

from portal.sheets.importing import Imported, Validated
from portal.sheets.refusal import Refusal
from tests import bad_workbooks as bad
from tests.unit.machine_sheet import COLUMNS, KEYS, KIND, cells, filled, read, read_and_validated

VALUES: list[tuple[int, str, str, str | None]] = [
    # number in the list, column, cell, what must come of it: the stored value, the rule that refuses it after a "!",
    # or after a "?" the rule that asks about it and the value that is stored if the answer is yes
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
    (22, "hours", '<c r="D{}"><f>1+1</f><v>500</v></c>', "?formula 500"),
    (22, "note", '<c r="H{}" t="str"><f>B1</f><v>ja</v></c>', "?formula ja"),
    (22, "hours", '<c r="D{}"><f>1+1</f><v>5000</v></c>', "!maximum"),
    (22, "hours", '<c r="D{}"><f>100/3</f><v>33.333333333333336</v></c>', "!digits"),
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

    if outcome.startswith("?"):
        [problem] = here
        rule, value = outcome[1:].split()
        assert (problem.rule, problem.severity) == (rule, "warning")
        assert value in problem.text.nb
        assert reading.values[column]["value"] == value
    elif outcome.startswith("!"):
        problem = next(problem for problem in here if problem.severity == "error")
        assert [other.rule for other in here if other is not problem] in ([], ["formula"])
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
        assert imported.failed == {("Maskiner", 2), ("Maskiner", 3)}

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
        assert ("Maskiner", 0) in read(content, expected=None).failed

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

    def test_a_row_of_sums_below_the_data_is_no_line_and_said_to_be_none(self) -> None:
        rows = (
            bad.row(2, bad.text("A2", "G"), bad.number("B2", "1")),
            bad.row(9, '<c r="B9"><f>SUM(B2:B2)</f><v>1</v></c>'),
        )

        imported = self.lines(*rows)

        assert (len(imported.sheets["machinery"]), imported.problems) == (1, ())
        assert [note.en for note in imported.notes] == [
            "Sheet “Maskiner”: row 9 holds only formulas and was not read. We add up ourselves."
        ]

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
        rows = (bad.row(place, bad.text(f"A{place}", "G"), f'<c r="B{place}"><f>1</f></c>') for place in range(2, 12))

        imported = self.lines(*rows)

        assert [problem.rule for problem in imported.problems] == ["formula_unsaved"] * 3 + ["more_problems"]
        assert "16" in imported.problems[-1].text.nb  # 7 formulas and 9 duplicated rows
        assert {row for sheet, row in imported.failed if sheet} == set(range(2, 12))
