"""Bad inputs and their outcome, through the doors: the form that is sent, and the workbook that is uploaded and read.

Each case bears the number of its row in the list of bad inputs (`security.md`, part 5). Not here:

- 44 and 45, CSV in several encodings: CSV is no way in yet.
- 47, a slow upload: a connection that sends nothing is closed by the server in front (waitress' `channel_timeout`), not
  by the portal; the queue is the job queue, one job for each file. What is too large or has too many parts is here.
- 7, 24 hours a person and day: no kind reports by person and day. The most hours of a month are here.
- 36, free text that turns itself around: it is refused with words instead of being shown with a mark, because exports,
  letters and other programs would show it without one.
- 50, the receipt that shows both clocks: the client's clock is never asked for, so only the server's is shown.
"""

import io
import re
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from sqlalchemy import select

from portal import calendars, clock
from portal.application import LARGEST_UPLOAD, MOST_FORM_PARTS, create_app
from portal.extensions import db, parts, transaction
from portal.kinds.base import Field, FieldType, Kind
from portal.model import AuditEvent, ImportedFile, ImportState, Report
from portal.operations import contracts, drafts, imports, reports
from portal.sheets.names import letters
from tests.conftest import settings_for
from tests.doors import Desk, Element, columns_of, filled, saved, sit_down, template_book, words
from tests.unit import bad_workbooks as bad
from tests.world import IN_MARCH, MARCH, World, build_world, fill_in, submit

APRIL = date(2026, 4, 1)
FUEL = "fuel"
MARKED = "sustainability"


@dataclass
class Office:
    """Anna at her desk, with the report that all these cases are about; nothing of a refused file changes it."""

    app: Flask
    world: World
    anna: Desk

    @property
    def report(self) -> Report:
        """As it is now."""
        return db.session.get_one(Report, self.world.report.id)

    @property
    def kind(self) -> Kind:
        """Deliveries: they have every type of column, and any number of lines."""
        return contracts.kind_of(self.report, FUEL)

    def draft(self) -> list[Mapping[str, str]]:
        """What stands in the draft."""
        db.session.rollback()
        return [line.raw for section in self.report.sections for line in section.lines]

    def refusal(self, content: bytes) -> tuple[ImportedFile, Element]:
        """Upload what must be turned away as a whole: the page says so, and the draft is as it was."""
        before = self.draft()
        row = self.anna.upload(self.report, content)
        assert row.state == ImportState.REFUSED, row.result
        page = self.anna.page(f"/reports/imports/{row.public_id}", 422)
        assert self.draft() == before
        assert parts().store.get(row.sha256) == content
        [problem] = row.result["problems"]
        assert problem["rule"] not in words(page)
        return row, page


@pytest.fixture(scope="module")
def office(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One for all cases: they leave no trace, or a report of their own."""
    folder = tmp_path_factory.mktemp("office")
    (folder / "office.db").write_bytes(sqlite_template.read_bytes())
    app = create_app(settings_for(f"sqlite:///{folder / 'office.db'}", folder))
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context(), clock.at(IN_MARCH):
        with transaction():
            world = build_world()
        yield Office(app, world, sit_down(app, world.anna))
        parts().jobs.close()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(autouse=True)
def _in_march(_clock: None) -> Iterator[None]:
    with clock.at(IN_MARCH):
        yield


@pytest.fixture
def month(office: Office) -> Iterator[World]:
    """A report of its own for a case that changes one: each in a later month than the last."""
    kept = office.world.report
    office.world.report = another_month(office)
    yield office.world
    office.world.report = kept


# -- single values, by both doors --------------------------------------------------------------------------------------

VALUES: list[tuple[int, str, str | None, str | None, str]] = [
    # number in the list, column, as typed in the form, as a cell, what must come of it: the stored value, the rule that
    # refuses it after a "!", or after a "?" the rule that asks about it and the value that is stored if it is right
    (1, "amount", "12,5", bad.text("{}", "12,5"), "12.5"),
    (2, "amount", "1\u00a0234,50", bad.text("{}", "1\u00a0234,50"), "1234.5"),
    (3, "amount", "1.234,5", bad.text("{}", "1.234,5"), "1234.5"),
    (3, "amount", "1,234", bad.text("{}", "1,234"), "!number_unclear"),
    (4, "amount", "NaN", bad.text("{}", "NaN"), "!number"),
    (4, "amount", "inf", bad.text("{}", "inf"), "!number"),
    (4, "amount", "-", bad.text("{}", "-"), "!number"),
    (4, "amount", "n/a", bad.text("{}", "n/a"), "!number"),
    (4, "amount", "", "", "!required"),
    (5, "amount", "1e400", bad.text("{}", "1e400"), "!number"),
    (5, "amount", None, bad.number("{}", "1e400"), "!not_finite"),
    (5, "amount", None, bad.number("{}", "NaN"), "!not_finite"),
    (6, "amount", "-1", bad.number("{}", "-1"), "!minimum"),
    (8, "amount", "0,30", bad.number("{}", "0.30000000000000004"), "0.3"),
    (8, "amount", "12345678901234567", bad.number("{}", "12345678901234567"), "!number_digits or !digits"),
    (8, "amount", "33,3333333", bad.number("{}", "33.3333333"), "!number_decimals"),
    (9, "delivered_on", None, bad.number("{}", "60", bad.DATE_STYLE), "!date_impossible"),
    (9, "delivered_on", None, bad.number("{}", "-1", bad.DATE_STYLE), "!time_only"),
    (9, "delivered_on", None, bad.number("{}", "3000000", bad.DATE_STYLE), "!date"),
    (9, "delivered_on", None, bad.number("{}", "0.5", bad.DATE_STYLE), "!time_only"),
    (9, "amount", None, bad.number("{}", "0.3125", bad.TIME_STYLE), "!time_only"),
    (11, "delivered_on", "31.02.2026", bad.text("{}", "31.02.2026"), "!date"),
    (11, "delivered_on", "1/2/26", bad.text("{}", "1/2/26"), "!date"),
    (11, "delivered_on", "2026-13-01", bad.text("{}", "2026-13-01"), "!date"),
    (11, "delivered_on", "1.3.26", bad.text("{}", "1.3.26"), "2026-03-01"),
    (20, "amount", "#REF!", '<c r="{}" t="e"><v>#REF!</v></c>', "!excel_error"),
    (20, "supplier", "#DIV/0!", '<c r="{}" t="e"><v>#DIV/0!</v></c>', "!excel_error"),
    (21, "amount", None, '<c r="{}"><f>1+1</f></c>', "!formula_unsaved"),
    (22, "amount", None, '<c r="{}"><f>1+1</f><v>5000</v></c>', "?formula 5000"),
    (22, "supplier", None, '<c r="{}" t="str"><f>B1</f><v>ja</v></c>', "?formula ja"),
    (23, "supplier", "=cmd|' /C calc'!A0", bad.text("{}", "=cmd|' /C calc'!A0"), "!formula_text"),
    (23, "supplier", "@SUM(1)|x", bad.text("{}", "@SUM(1)|x"), "!formula_text"),
    (
        23,
        "invoice",
        '=HYPERLINK("http://evil.example","hei")',
        bad.text("{}", '=HYPERLINK("http://evil.example","hei")'),
        "!formula_text",
    ),
    (36, "product", "\u200bDie\u200bsel", bad.text("{}", "\u200bDie\u200bsel"), "diesel"),
    (36, "product", "ＤＩＥＳＥＬ", bad.text("{}", "ＤＩＥＳＥＬ"), "diesel"),  # noqa: RUF001
    (36, "amount", "１２，５", bad.text("{}", "１２，５"), "12.5"),  # noqa: RUF001
    (36, "amount", "1\u200b2", bad.text("{}", "1\u200b2"), "12"),
    (36, "amount", "\u202e12", bad.text("{}", "\u202e12"), "!number"),
    (36, "supplier", "av\u202eabc", bad.text("{}", "av\u202eabc"), "!text_signs"),
    (37, "supplier", "a\0b", bad.text("{}", "a_x0000_b"), "!text_signs"),
    (37, "product", "Biogass,\nkomprimert", bad.text("{}", "Biogass,\nkomprimert"), "biogas"),
    (38, "supplier", "x" * 40_000, bad.text("{}", "x" * 40_000), "!text_length"),
    (48, "amount", None, '<c r="{}" t="b"><v>1</v></c>', "!type"),
    (48, "supplier", None, '<c r="{}" t="b"><v>1</v></c>', "!type"),
    (48, "amount", None, bad.number("{}", "0.5", bad.PERCENT_STYLE), "?percent 0.5"),
]


def case_name(place: int) -> str:
    number, column, typed, cell, _outcome = VALUES[place]
    return f"{number} {column} {(typed or cell or 'empty')[:30]!a}"


def plain(column: Field) -> str:
    """A value that any column takes, as typed."""
    match column.type:
        case FieldType.NUMBER:
            return str(max(column.minimum or 1, 1))
        case FieldType.CHOICE:
            return column.choices[0].label.nb
        case FieldType.DATE:
            return f"{MARCH:%d.%m.%Y}"
        case FieldType.TEXT:
            return "tekst"


def key(place: int) -> uuid.UUID:
    return uuid.UUID(int=place + 1, version=4)


def mark(place: int) -> str:
    """What a line of these cases is known by, wherever it ends up."""
    return f"case {place}"


@dataclass
class Outcome:
    """What came of one line: what is stored, and what is said about it by column."""

    values: Mapping[str, Mapping[str, str]]
    said: Mapping[str, list[tuple[str, str]]]
    """Column -> rule and severity."""


@pytest.fixture(scope="module")
def by_form(office: Office) -> Mapping[int, Outcome]:
    """Every value typed into a form, a line each."""
    with clock.at(IN_MARCH):
        report = another_month(office)
        lines = [
            (key(place), {each.key: plain(each) for each in office.kind.columns} | {MARKED: mark(place), column: typed})
            for place, (_number, column, typed, _cell, _outcome) in enumerate(VALUES)
            if typed is not None
        ]
        answer = office.anna.fill_in(report, FUEL, lines)
        assert answer.status_code == 422, answer.text
        section = db.session.get_one(Report, report.id).section(FUEL)
        state = drafts.state_of(section.report, section)
        return {
            line.key.int - key(0).int: Outcome(
                office.kind.read(line.raw).values,
                said((each.field, each.rule, each.severity) for each in state.problems if each.line == str(line.key)),
            )
            for line in section.lines
        }


@pytest.fixture(scope="module")
def by_workbook(office: Office) -> Mapping[int, Outcome]:
    """Every value in one workbook, a row each; then all of it put into the draft, wrong rows too."""
    with clock.at(IN_MARCH):
        report = another_month(office)
        columns = office.kind.columns
        names = {column.key: letters(place) for place, column in enumerate(columns, start=1)}
        rows = [bad.row(1, *(bad.text(f"{names[column.key]}1", column.label.nb) for column in columns))]
        for place, (_number, wrong, _typed, cell, _outcome) in enumerate(VALUES):
            cells = {each.key: bad.text("{}", plain(each)) for each in columns}
            cells |= {MARKED: bad.text("{}", mark(place)), wrong: cell or ""}
            filled_in = (cells[each.key].replace("{}", f"{names[each.key]}{place + 2}", 1) for each in columns)
            rows.append(bad.row(place + 2, *filled_in))
        row = office.anna.upload(report, bad.zipped(bad.parts(bad.sheet(*rows), names=(office.kind.title.nb,))))
        assert row.state == ImportState.FAULTY
        found = list(row.result["problems"])
        with transaction():
            imports.store(row, by=office.world.anna, is_confirmed=True, with_faults=True)
        lines = {line.raw[MARKED]: line.raw for line in db.session.get_one(Report, report.id).section(FUEL).lines}
        keys = {column.label.nb: column.key for column in columns}
        return {
            place: Outcome(
                office.kind.read(lines[mark(place)]).values,
                said(
                    (keys[each["column"]["nb"]], each["rule"], each["severity"])
                    for each in found
                    if each["row"] == place + 2 and each["cell"] == f"{names[keys[each['column']['nb']]]}{place + 2}"
                ),
            )
            for place in range(len(VALUES))
        }


def said(problems: Iterator[tuple[str, str, str]]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for column, rule, severity in problems:
        if "." not in rule:  # rules over all lines together have tests of their own
            found.setdefault(column, []).append((rule, severity))
    return found


def another_month(office: Office) -> Report:
    """A report for a later month than any that there is."""
    with transaction() as session:
        latest = max(report.period.starts_on for report in session.scalars(select(Report)))
        return contracts.open_period(session.merge(office.world.contract), calendars.month_after(latest))


def came_to(outcome: Outcome, column: str, expected: str) -> None:
    verdict, _, value = expected.lstrip("!?").partition(" ")
    if expected.startswith("!"):
        assert outcome.said == {column: [(verdict, "error")]}
        assert column not in outcome.values
    elif expected.startswith("?"):
        assert outcome.said == {column: [(verdict, "warning")]}
        assert outcome.values[column]["value"] == value
    else:
        assert outcome.said == {}
        assert outcome.values[column]["value"] == expected


@pytest.mark.parametrize("place", [each for each, case in enumerate(VALUES) if case[2] is not None], ids=case_name)
def test_a_value_in_the_form(by_form: Mapping[int, Outcome], place: int) -> None:
    _number, column, _typed, _cell, expected = VALUES[place]
    came_to(by_form[place], column, expected.partition(" or ")[0])


@pytest.mark.parametrize("place", range(len(VALUES)), ids=case_name)
def test_a_value_in_a_workbook(by_workbook: Mapping[int, Outcome], place: int) -> None:
    _number, column, _typed, _cell, expected = VALUES[place]
    verdict = expected.rpartition(" or ")[2]
    outcome = by_workbook[place]
    if verdict.startswith("!"):  # the cell was refused; what could be typed of it waits in the draft for its correction
        assert outcome.said == {column: [(verdict[1:], "error")]}
        assert column not in outcome.values
    else:
        came_to(outcome, column, verdict)


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
