"""Workbooks out: exact numbers, typed dates, and no text that Excel would run."""

import re
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from portal import clock
from portal.sheets.export import Column, Properties, Sheet, Value, write_workbook
from portal.sheets.gate import LIMITS
from portal.sheets.layout import SheetSpec, TemplateLine
from portal.sheets.names import sheet_title
from portal.sheets.reader import read_workbook
from portal.sheets.template import TemplateSpec, write_template
from tests.unit.machine_sheet import KEYS, KIND, ORIGIN

PROPERTIES = Properties("Uttrekk")
DANGEROUS = (
    "=1+1",
    "@SUM(A1)",
    "+1",
    "-1",
    "=cmd|' /C calc'!A0",
    "http://evil.example/",
    "mailto:a@example.no",
    "internal:Ark!A1",
    "external:\\\\server\\share\\x.xlsx",
    "{=1+1}",
    "007",
    "\t=1",
)
COLUMNS = (Column("Navn"), Column("Mengde", "number", "kWh"), Column("Dag", "date"))


def written(*rows: tuple[Value, ...], columns: tuple[Column, ...] = COLUMNS) -> bytes:
    return write_workbook([Sheet("Linjer", columns, rows)], PROPERTIES)


def active_content(content: bytes) -> list[str]:
    """Formulas and links in any sheet's XML."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if name.startswith("xl/worksheets/")]
    return [found for xml in sheets for found in re.findall(r"<f\b[^>]*>|<hyperlink\b|hyperlink\"", xml)]


@pytest.mark.parametrize("text", DANGEROUS)
def test_nothing_written_becomes_a_formula_a_link_or_a_number(text: str) -> None:
    export = write_workbook([Sheet(text, (Column(text, unit=text),), [(text,)])], Properties(text, text, text))
    kind_title = TemplateSpec(text, text, text, "nb", ORIGIN, (SheetSpec("machinery", KIND, "Maskiner", _line(text)),))
    template = write_template(kind_title)

    assert active_content(export) == active_content(template) == []
    cell = load_workbook(BytesIO(export)).worksheets[0]["A2"]
    assert (cell.value, cell.data_type) == (text, "s")
    cell = load_workbook(BytesIO(template))["Maskiner"]["H5"]
    assert (cell.value, cell.data_type) == (text, "s")


def _line(text: str) -> tuple[TemplateLine, ...]:
    return (TemplateLine(KEYS[0], {"machine": text, "note": text}),)


def test_types_header_filter_and_print_are_set() -> None:
    sheet = load_workbook(BytesIO(written(("a", Decimal("12.50"), date(2026, 3, 1)), ("b", None, None))))["Linjer"]

    assert [cell.value for cell in sheet[1]] == ["Navn", "Mengde (kWh)", "Dag"]
    assert (sheet["B2"].value, sheet["B2"].number_format) == (12.5, "#,##0.0#####")
    assert sheet["C2"].is_date
    assert sheet["B3"].value is None
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:C3")
    assert sheet.page_setup.fitToHeight == 0


@settings(max_examples=5)
@given(st.lists(st.decimals(-(10**9), 10**9, places=6), min_size=20, max_size=30))
def test_numbers_come_back_exactly(numbers: list[Decimal]) -> None:
    [table] = read_workbook(written(*((None, number, None) for number in numbers))).tables

    assert [table.value(row, 2) for row in range(2, len(numbers) + 2)] == numbers


def test_what_excel_cannot_hold_stays_text() -> None:
    long, huge = Decimal("1234567890.1234567"), Decimal("1E+400")
    rows = [
        ("a", long, date(1899, 1, 1)),
        ("b", Decimal("NaN"), datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
        ("c", huge, None),
    ]

    sheet = load_workbook(BytesIO(written(*rows)))["Linjer"]

    assert (sheet["B2"].value, sheet["C2"].value) == ("1234567890.1234567", "1899-01-01")
    assert (sheet["B3"].value, sheet["C3"].value) == ("NaN", "2026-03-01 12:30:00+00:00")
    assert sheet["B4"].value == "1" + "0" * 400


def test_odd_texts_are_storable() -> None:
    rows = [("\ud800x", None, None), ("å" * 40_000, None, None), ("a\x00b\x1f\nc", None, None), ("_x0041_", None, None)]

    sheet = load_workbook(BytesIO(written(*rows)))["Linjer"]

    assert sheet["A2"].value == "?x"
    assert len(sheet["A3"].value) == 32_767
    [table] = read_workbook(written(*rows)).tables
    assert (table.value(4, 1), table.value(5, 1)) == ("a\x00b\x1f\nc", "_x0041_")


def test_rows_that_break_off_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with pytest.raises(ValueError, match="shorter"):
        write_workbook([Sheet("Linjer", COLUMNS, [("a", None, None), ("b",)])], PROPERTIES, tmp_path / "halv.xlsx")

    assert list(tmp_path.iterdir()) == []


def test_titles_of_sheets_are_taken_by_excel_and_unique() -> None:
    taken: set[str] = set()

    titles = [
        sheet_title(wanted, taken) for wanted in ("A/B: [x]*?\\'", "ab x", "x" * 40, "x" * 40, "", "History", "\n")
    ]

    assert titles == ["AB x", "ab x (2)", "x" * 31, "x" * 27 + " (2)", "Ark", "History (2)", "Ark (2)"]


def test_an_export_of_nothing_can_be_opened() -> None:
    assert load_workbook(BytesIO(write_workbook([], PROPERTIES))).sheetnames == ["Ark"]
    assert load_workbook(BytesIO(written()))["Linjer"].max_row == 1


def test_more_rows_than_a_sheet_has_go_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.sheets.export.LAST_ROW", 3)

    book = load_workbook(BytesIO(written(*((str(number), None, None) for number in range(5)))))

    assert {sheet.title: [row[0] for row in sheet.iter_rows(2, values_only=True)] for sheet in book} == {
        "Linjer": ["0", "1"],
        "Linjer (2)": ["2", "3"],
        "Linjer (3)": ["4"],
    }


def test_it_is_dated_by_our_clock_and_says_what_it_is() -> None:
    with clock.at(datetime(2031, 5, 17, 10, tzinfo=UTC)):
        properties = load_workbook(BytesIO(write_workbook([], Properties("Uttrekk", comments="Kilde")))).properties

    assert (properties.title, properties.description, properties.creator) == ("Uttrekk", "Kilde", "Klimakontrakt")
    assert properties.created is not None
    assert properties.created.year == 2031


def test_a_large_export_is_streamed_to_a_file(tmp_path: Path) -> None:
    target = tmp_path / "stor.xlsx"

    def rows() -> Iterator[tuple[Value, ...]]:
        for number in range(6_000):
            yield f"linje {number}", Decimal(number) / 4, date(2026, 3, 1)

    tracemalloc.start()
    assert write_workbook([Sheet("Linjer", COLUMNS, rows())], PROPERTIES, target) == b""
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 2_000_000
    [table] = read_workbook(target.read_bytes(), LIMITS.for_width(3)).tables
    assert len(table.rows) == 6_001
    assert table.value(6_001, 2) == Decimal("1499.75")
