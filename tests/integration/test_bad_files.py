"""Bad workbooks as a whole, and answers that do not go together. The numbers are those of test_bad_values.py."""

import io
import re
import uuid
import zipfile
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from sqlalchemy import select

from portal import clock
from portal.application import LARGEST_UPLOAD, MOST_FORM_PARTS
from portal.extensions import db, parts, transaction
from portal.model import AuditEvent, ImportedFile, ImportState, Report
from portal.operations.reports import reports
from portal.sheets.names import letters
from tests import bad_workbooks as bad
from tests.doors import columns_of, filled, saved, sit_down, template_book, words
from tests.refusals import FUEL, Office, _in_march, another_month, month, office
from tests.world import IN_MARCH, World, fill_in, submit

__all__ = ["_in_march", "month", "office"]
APRIL = date(2026, 4, 1)
MARKED = "sustainability"


# -- whole files -------------------------------------------------------------------------------------------------------

REFUSED = list(bad.refused())
_FIRST = {file.number: file for file in reversed(REFUSED)}
SLOW = frozenset({"a file that becomes 200 MB", "70,000 entries", "one long text shown 3,000 times"})


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(
            file,
            id=f"{file.number} {file.what}",
            marks=[pytest.mark.soak] if file is not _FIRST[file.number] or file.what in SLOW else [],
        )
        for file in REFUSED
    ],
)
def test_a_file_that_is_refused(office: Office, file: bad.BadFile) -> None:
    row, page = office.refusal(file.make())
    [problem] = row.result["problems"]
    assert problem["rule"] == file.rule
    summary = words(page.xpath("//*[@id='error-summary']")[0])
    assert problem["text"]["nb"] in summary
    assert "rapport.xlsx" in words(page)
    for place in (problem["sheet"], problem["cell"]):
        assert place in summary


class TestWholeFiles:
    def test_33_what_hangs_on_behind_is_read_over_and_handed_out_only_as_a_download(self, office: Office) -> None:
        row = office.anna.upload(office.report, deliveries(office.report) + b"<html><script>alert(1)</script></html>")
        assert row.state == ImportState.READY
        wrong = office.anna.upload(office.report, deliveries(office.report, amount="mye") + b"<html></html>")
        answer = office.anna.get(f"/reports/imports/{wrong.public_id}/marked.xlsx")
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_18_a_dimension_that_lies_is_ignored(self, office: Office) -> None:
        row = office.anna.upload(office.report, rewritten(deliveries(office.report), dimension="A1:XFD1048576"))
        assert row.state == ImportState.READY

    def test_12_merged_cells_over_data(self, office: Office) -> None:
        def merge(sheet: Any, columns: dict[str, int], first: int) -> None:
            name = letters(columns["amount"])
            sheet.merge_cells(f"{name}{first}:{name}{first + 1}")

        row = office.anna.upload(office.report, deliveries(office.report, copies=2, change=merge))
        assert {problem["rule"] for problem in row.result["problems"] if problem["severity"] == "error"} >= {"merged"}
        assert row.result["counts"]["failed"] == 2

    def test_13_hidden_rows_columns_and_sheets_are_counted_and_said(self, office: Office) -> None:
        def hide(sheet: Any, columns: dict[str, int], first: int) -> None:
            sheet.row_dimensions[first].hidden = True
            sheet.column_dimensions[letters(columns["invoice"])].hidden = True
            sheet.sheet_state = "veryHidden"

        row = office.anna.upload(office.report, deliveries(office.report, change=hide))
        page = words(office.anna.page(f"/reports/imports/{row.public_id}"))
        assert row.result["counts"]["new"] == 1
        for note in ("1 skjulte rader er tatt med", "skjulte kolonner er tatt med", "er skjult og er tatt med"):
            assert note in page

    def test_10_dates_from_1904_are_read_by_the_flag_and_shown(self, office: Office) -> None:
        row = office.anna.upload(
            office.report, deliveries(office.report, since_1904=True, delivered_on=date(2026, 3, 12))
        )
        page = words(office.anna.page(f"/reports/imports/{row.public_id}?show=ready"))
        assert row.state == ImportState.READY
        assert "12.03.2026" in page
        assert "Filen regner datoer fra 1904" in page

    def test_42_another_period(self, office: Office) -> None:
        other = another_month(office)
        row, page = office.refusal(deliveries(other))
        assert row.result["problems"][0]["rule"] == "wrong_period"
        assert "rapporten gjelder 2026-03" in words(page)

    @pytest.mark.parametrize(
        ("name", "value", "rule", "shown"),
        [
            (42, ("version", "1"), "old_template", "Malen er versjon 1"),
            (42, ("contract", "K-2"), "wrong_contract", "kontrakt K-1"),
            (42, ("report", str(uuid.UUID(int=7))), "wrong_report", "Malen hører til en annen rapport"),
            (40, ("organisation", "310000035"), "wrong_organisation", "du rapporterer for 310000027"),
            (40, ("organisation", "310000036"), "bad_organisation", "ikke et gyldig organisasjonsnummer"),
        ],
    )
    def test_a_template_for_something_else(
        self, office: Office, name: int, value: tuple[str, str], rule: str, shown: str
    ) -> None:
        row, page = office.refusal(deliveries(office.report, meta=dict([value])))
        assert row.result["problems"][0]["rule"] == rule, name
        assert shown in words(page)
        foreign = select(AuditEvent).where(AuditEvent.action == "import.foreign")
        on_record = [event for event in db.session.scalars(foreign) if event.facts["sha256"] == row.sha256]
        assert len(on_record) == (rule == "wrong_organisation")

    @pytest.mark.parametrize("written", ["310 000 027", "NO310000027MVA", 310000027, 3.10000027e8])
    def test_39_an_organisation_number_is_the_same_however_it_is_written(self, office: Office, written: object) -> None:
        row = office.anna.upload(office.report, deliveries(office.report, meta={"organisation": written}))
        assert row.state == ImportState.READY

    @pytest.mark.parametrize("content", [b"", None], ids=["no bytes", "only a header"])
    def test_46_no_rows(self, office: Office, content: bytes | None) -> None:
        empty = template_book(office.report)
        for sheet in ("Maskiner", "Levert drivstoff og energi"):
            empty[sheet].delete_rows(5, 50)
        row, page = office.refusal(saved(empty) if content is None else content)
        assert row.result["problems"][0]["rule"] == "no_rows"
        assert "krysser du av for det i rapporten" in words(page)

    def test_46_no_file_is_said_at_the_field(self, office: Office) -> None:
        answer = office.anna.send(f"/reports/{office.report.public_id}/imports", {"workbook": (b"", "")})
        assert answer.status_code == 422
        assert "Velg en Excel-fil først." in answer.text

    def test_47_too_large_is_refused_before_it_is_read(self, office: Office) -> None:
        before = len(list(db.session.scalars(select(ImportedFile))))
        much = {"workbook": (bytes(LARGEST_UPLOAD + 1), "stor.xlsx")}
        path = f"/reports/{office.report.public_id}/imports"
        assert office.anna.send(path, much).status_code == 413
        many: dict[str, object] = {f"x{place}": "1" for place in range(MOST_FORM_PARTS + 1)}
        assert office.anna.send(path, many | {"workbook": (b"x", "a.xlsx")}).status_code == 413
        assert len(list(db.session.scalars(select(ImportedFile)))) == before


# -- against the rest of the report ------------------------------------------------------------------------------------


class TestTogether:
    def test_7_more_hours_than_the_month_has(self, office: Office) -> None:
        def hours(written: str) -> Callable[[Any, dict[str, int], int], None]:
            return lambda sheet, columns, first: sheet.cell(first, columns["hours"], written)

        row = office.anna.upload(office.report, filled(office.report, "Maskiner", hours("744,000001")))
        told = [each["text"]["nb"] for each in row.result["problems"] if each["column"]["en"] == "Operating hours"]
        assert any("kan ikke være mer enn 744\u00a0h" in text for text in told)

    def test_9_a_day_outside_the_period(self, office: Office) -> None:
        row = office.anna.upload(office.report, deliveries(office.report, delivered_on=APRIL))
        [problem] = [each for each in row.result["problems"] if each["severity"] == "error"]
        assert "Levert 01.04.2026, men perioden er 01.03.2026–31.03.2026" in problem["text"]["nb"]
        assert row.result["counts"]["failed"] == 1

    def test_41_copies_are_listed_in_pairs_and_need_a_tick(self, office: Office, month: World) -> None:
        row = office.anna.upload(
            month.report, deliveries(month.report, copies=2, delivered_on=month.report.period.starts_on)
        )
        path = f"/reports/imports/{row.public_id}"
        assert "er helt lik rad" in words(office.anna.page(f"{path}?show=warnings"))
        unticked = office.anna.send(f"{path}/store", {})
        assert unticked.status_code == 422
        assert 'href="#confirmed"' in unticked.text
        assert office.anna.send(f"{path}/store", {"confirmed": "y"}).status_code == 303
        assert len(db.session.get_one(Report, month.report.id).section(FUEL).lines) == 2

    def test_43_a_second_file_for_the_same_period(self, office: Office, month: World) -> None:
        first = office.anna.upload(month.report, deliveries(month.report))
        assert office.anna.send(f"/reports/imports/{first.public_id}/store", {}).status_code == 303
        again = db.session.get_one(Report, month.report.id)
        second = office.anna.upload(again, deliveries(again, amount=700, known=True))
        page = words(office.anna.page(f"/reports/imports/{second.public_id}?show=ready", 422)).replace("\u00a0", " ")
        assert "før: 500 l nå: 700 l" in page
        assert second.result["counts"] == {"new": 0, "changed": 1, "unchanged": 0, "failed": 2}
        assert office.anna.send(f"/reports/imports/{second.public_id}/store", {}).status_code == 303
        section = db.session.get_one(Report, month.report.id).section(FUEL)
        assert [line.raw["amount"] for line in section.lines] == ["700"]
        files = words(office.anna.page(f"/reports/{month.report.public_id}/excel"))
        assert files.count("rapport.xlsx") == 2
        assert parts().store.exists(first.sha256)

    def test_43_after_submission_only_by_return(self, office: Office, month: World) -> None:
        content = deliveries(month.report)
        submit(month)
        path = f"/reports/{month.report.public_id}/imports"
        answer = office.anna.send(path, {"workbook": (content, "rapport.xlsx")})
        assert answer.status_code == 422
        assert "Rapporten er sendt inn" in answer.text

    def test_49_ten_times_the_last_period_is_flagged_and_not_refused(self, office: Office, month: World) -> None:
        submit(month)
        month.report = another_month(office)

        def fill(sheet: Any, columns: dict[str, int], first: int) -> None:
            for row in range(first, first + 2):
                values = {"hours": 100, "amount": 50_000, "amount_source": "målt"}
                for column, value in values.items():
                    sheet.cell(row, columns[column], value)

        row = office.anna.upload(month.report, filled(month.report, "Maskiner", fill))
        assert row.state == ImportState.READY
        told = words(office.anna.page(f"/reports/imports/{row.public_id}?show=warnings"))
        assert "i forrige periode. Kontroller desimaltegn og enhet." in told

    def test_50_one_second_late_is_taken_and_marked(self, month: World) -> None:
        fill_in(month)
        with clock.at(month.report.due_at + timedelta(seconds=1)):
            with transaction():
                reports.make_ready(month.report, by=month.anna, version=month.report.version)
            with transaction():
                revision = reports.sign(month.report, by=month.bo, version=month.report.version)
        assert revision.signed_at > month.report.due_at
        assert revision.late_by_days == 1

    def test_51_a_double_click_stores_once(self, office: Office, month: World) -> None:
        row = office.anna.upload(month.report, deliveries(month.report))
        path = f"/reports/imports/{row.public_id}"
        answers = [office.anna.send(f"{path}/store", {}) for _click in range(2)]
        assert [(answer.status_code, answer.location) for answer in answers] == [(303, path)] * 2
        assert len(db.session.get_one(Report, month.report.id).section(FUEL).lines) == 1

    def test_51_two_tabs_the_second_sees_what_the_first_did(self, office: Office, month: World) -> None:
        row = office.anna.upload(month.report, deliveries(month.report))
        fill_in(month)
        path = f"/reports/imports/{row.public_id}"
        answer = office.anna.send(f"{path}/store", {})
        assert answer.status_code == 409
        assert "Utkastet er endret siden filen ble lest" in answer.text
        assert office.anna.send(f"{path}/again", {}).status_code == 303
        assert db.session.get_one(ImportedFile, row.id).state == ImportState.WAITING

    def test_51_a_session_that_ends_keeps_the_file(self, office: Office, month: World) -> None:
        row = office.anna.upload(month.report, deliveries(month.report))
        path = f"/reports/imports/{row.public_id}"
        with clock.at(IN_MARCH + timedelta(days=3)):
            turned_away = office.anna.get(path)
            assert turned_away.status_code == 303
            assert turned_away.location.startswith("/sign-in")
            again = sit_down(office.app, office.world.anna)
            assert again.get(path).status_code == 200


# -- files of these cases ----------------------------------------------------------------------------------------------


def deliveries(
    report: Report,
    *,
    copies: int = 1,
    change: Callable[[Any, dict[str, int], int], None] | None = None,
    meta: Mapping[str, object] | None = None,
    since_1904: bool = False,
    known: bool = False,
    **values: object,
) -> bytes:
    """The report's template with one delivery of diesel, or exact copies of it. `known`: in the line that is there."""
    given: dict[str, object] = {
        "entry": "Leveranse",
        "product": "Diesel",
        "amount": 500,
        "amount_source": "faktura",
        "supplier": "Drivstoff AS",
        "invoice": "F-1",
        "delivered_on": report.period.starts_on,
        **values,
    }
    if known:
        given = values
    book = template_book(report)
    if since_1904:
        book.epoch = CALENDAR_MAC_1904
    if not known:
        book["Maskiner"].delete_rows(5, 50)
    sheet = book["Levert drivstoff og energi"]
    columns = columns_of(sheet)
    for number in range(copies):
        for column, value in given.items():
            sheet.cell(5 + number, columns[column], value)
    if change:
        change(sheet, columns, 5)
    _say_it_is_for(book["_meta"], meta or {})
    return saved(book)


def _say_it_is_for(sheet: Any, meta: Mapping[str, object]) -> None:
    for row in sheet.iter_rows():
        row[1].value = meta.get(row[0].value, row[1].value)


def rewritten(content: bytes, dimension: str) -> bytes:
    """The same workbook, whose sheets lie about how far they reach."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            part = source.read(name)
            if name.startswith("xl/worksheets/sheet"):
                part = re.sub(rb'<dimension ref="[^"]*"', f'<dimension ref="{dimension}"'.encode(), part)
            target.writestr(name, part)
    return made.getvalue()
