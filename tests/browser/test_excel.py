"""A month of sixty machines by Excel, from the template through its errors to the values in the grid."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from portal.extensions import db, transaction
from portal.files import XLSX
from portal.model import ImportedFile, ImportStep, Report
from portal.operations.entry import imports
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts
from portal.work import read_import
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal, serving
from tests.browser.visitor import Visitor
from tests.doors import columns_of, heading_row, saved
from tests.world import MARCH, World, fill_in

pytestmark = [pytest.mark.browser, pytest.mark.soak]

MACHINES = 60
WRONG = {4: "mange", 17: "1,234", 30: "=1+", 55: -5}
"""Row of a machine among the lines -> what stands where its amount should."""


@pytest.fixture
def portal(sqlite_url: str, tmp_path: Path) -> Iterator[Portal]:
    """A portal whose worker reads what is uploaded."""
    with serving(sqlite_url, tmp_path, with_worker=True) as served:
        yield served


def many_machines(portal: Portal, language: str) -> World:
    world = settle(portal, language)
    with portal.app.app_context(), transaction() as session:
        anna, contract = session.merge(world.anna), session.merge(world.contract)
        for number in range(3, MACHINES + 1):
            machine = machines.register(MachineFacts(f"M-{number:02}", "dumper", "diesel", "V"), by=anna)
            machines.deploy(machine, contract, contract.starts_on, None, by=anna)
    return world


def test_sixty_machines_from_the_template_to_the_grid(portal: Portal, visit: Visit) -> None:
    world = many_machines(portal, "nb")
    anna = visit(portal, "nb").signs_in("anna@prove.example")
    report = f"/reports/{world.report.public_id}"
    anna.goes_to(report).follows("See every file that was uploaded")
    anna.reads("None yet.").looks()

    uploads(anna, filled_in(anna.downloads(anna.words("Download the Excel template")), WRONG), "mars.xlsx")
    is_read(anna, f"{anna.words('Error:')} ")
    anna.reads("%(ready)s of %(all)s rows are ready", ready=MACHINES - len(WRONG), all=MACHINES)
    anna.sees(anna.words.many("%(num)d row has errors", "%(num)d rows have errors", len(WRONG))).looks()
    expect(anna.main.get_by_role("row")).to_have_count(1 + len(WRONG))
    anna.sees("mange", "1,234", "-5")
    for tab in ("Warnings", "Unchanged rows", "Ready rows"):
        anna.follows(re.compile(f"^{anna.words(tab)} \\d")).looks()
    expect(anna.main.get_by_role("row")).to_have_count(1 + MACHINES - len(WRONG))

    marked = anna.downloads(anna.words("Download your file with the errors marked"))
    uploads(anna, corrected(marked), "mars rettet.xlsx")
    is_read(anna, anna.words("See what would change, and store %(file)s", file="mars rettet.xlsx"))
    anna.reads("%(ready)s of %(all)s rows are ready", ready=MACHINES, all=MACHINES).looks()
    anna.presses("Store in the draft")
    anna.reads("The lines are in the draft").looks()

    anna.goes_to(f"{report}/sections/machinery")
    for name, amount in {"DI-2": "101", "EL-1": "102", "M-05": "105", "M-60": "160"}.items():
        expect(anna.cell("machinery", "amount", name)).to_have_value(amount)
        expect(anna.cell("machinery", "hours", name)).to_have_value("100")
    anna.goes_to(f"{report}/excel").sees("mars.xlsx", "mars rettet.xlsx").looks()


def test_what_cannot_be_taken_in_is_refused_in_words(portal: Portal, visit: Visit) -> None:
    world = settle(portal, "en")
    anna = visit(portal, "en").signs_in("anna@prove.example")
    anna.goes_to(f"/reports/{world.report.public_id}/excel")
    assert anna.status_after(lambda: anna.presses("Upload")) == 422
    anna.sees("Choose an Excel file first.").looks()
    uploads(anna, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old.xls")
    is_read(anna, f"{anna.words('Error:')} ")
    anna.reads("Nothing of the file is taken in").sees("The file is in an old Office format.").looks()


def test_wrong_values_are_corrected_in_the_form(portal: Portal, visit: Visit) -> None:
    world = settle(portal, "nb")
    anna = visit(portal, "nb").signs_in("anna@prove.example")
    anna.goes_to(f"/reports/{world.report.public_id}/excel")
    template = anna.downloads(anna.words("Download the Excel template"))
    uploads(anna, filled_in(template, {1: "mange"}), "mars.xlsx")
    is_read(anna, f"{anna.words('Error:')} ")
    anna.presses("Correct here")
    wrong = anna.cell("machinery", "amount", "EL-1")
    expect(wrong).to_have_value("mange")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(anna.cell("machinery", "amount", "DI-2")).to_have_value("101")
    anna.looks()


def test_the_page_tells_how_far_the_reading_is(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal, "en")
    anna = visit(small_portal, "en").signs_in("anna@prove.example")
    anna.goes_to(f"/reports/{world.report.public_id}/excel")
    uploads(anna, filled_in(anna.downloads("Download the Excel template"), {}), "march.xlsx")
    anna.reads("The file is received and waits for its turn").looks()
    with the_newest(small_portal) as row:
        imports.progress(row, ImportStep.CHECKING, 40, 80)
    anna.sees("40 of 80 rows")
    expect(anna.page.get_by_role("progressbar", name="The rows are checked: 40 of 80 rows.")).to_be_visible()
    anna.looks()
    the_job_is_done(small_portal)
    is_read(anna, "See what would change")


def test_questions_and_a_draft_that_changes_meanwhile(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal, "en")
    anna = visit(small_portal, "en").signs_in("anna@prove.example")
    anna.goes_to(f"/reports/{world.report.public_id}/excel")
    uploads(anna, copied(anna.downloads("Download the Excel template")), "march.xlsx")
    the_job_is_done(small_portal)
    is_read(anna, "See what would change")
    anna.follows(re.compile(r"^Warnings \d")).looks()
    assert anna.status_after(lambda: anna.presses("Store in the draft")) == 422
    anna.sees("Look at the warnings, and tick that the values are right.").looks()
    with small_portal.app.app_context():
        world.report = db.session.get_one(Report, world.report.id)
        fill_in(world)
    anna.field("I have looked at the warnings").check()
    assert anna.status_after(lambda: anna.presses("Store in the draft")) == 409
    anna.sees("The draft has changed since the file was read.").looks()
    anna.presses("Compare again").reads("The file is received and waits for its turn")
    the_job_is_done(small_portal)
    is_read(anna, "See what would change")
    anna.field("I have looked at the warnings").check()
    anna.presses("Store in the draft").reads("The lines are in the draft").looks()


def test_it_works_without_javascript(portal: Portal, visit: Visit) -> None:
    world = settle(portal, "en")
    anna = visit(portal, "en", scripts=False, checks=False).signs_in("anna@prove.example")
    anna.goes_to(f"/reports/{world.report.public_id}/excel")
    uploads(anna, filled_in(anna.downloads("Download the Excel template"), {}), "march.xlsx")
    anna.waits_for(lambda: anna.main.get_by_role("button", name="Store in the draft"))
    anna.presses("Store in the draft").reads("The lines are in the draft")


@contextmanager
def the_newest(portal: Portal) -> Iterator[ImportedFile]:
    """The file that was uploaded last, to be changed as the job would."""
    with portal.app.app_context(), transaction() as session:
        yield session.scalars(select(ImportedFile).order_by(ImportedFile.id.desc()).limit(1)).one()


def the_job_is_done(portal: Portal) -> None:
    """What the worker does, where there is none."""
    with the_newest(portal) as row:
        number = row.id
    with portal.app.app_context():
        read_import({"import": number})


def uploads(visitor: Visitor, content: bytes, name: str) -> None:
    """By the form of the page, wherever it stands."""
    visitor.field("Filled-in Excel file").set_input_files({"name": name, "mimeType": XLSX, "buffer": content})
    visitor.presses("Upload")


def is_read(visitor: Visitor, title: str) -> None:
    """The page shows the result by itself, in a browser that runs scripts."""
    expect(visitor.page).to_have_title(re.compile(f"^{re.escape(title)}"), timeout=30_000)


def machinery(book: Any) -> Any:
    """The first sheet, whatever it is called in the reader's language."""
    return book.worksheets[0]


def filled_in(template: bytes, wrong: dict[int, object]) -> bytes:
    """Every machine with its hours and amount: 101 litres on the first line, 102 on the next."""
    book = openpyxl.load_workbook(io.BytesIO(template))
    sheet = machinery(book)
    columns, first = columns_of(sheet), heading_row(sheet) + 1
    for number in range(MACHINES):
        if sheet.cell(first + number, 1).value:
            amount = wrong.get(number, 101 + number)
            values: dict[str, Any] = {"hours": 100, "amount": amount, "amount_source": "metered"}
            for column, value in values.items():
                cell = sheet.cell(first + number, columns[column], value)
                cell.data_type = "s" if isinstance(value, str) else cell.data_type
    return saved(book)


def copied(template: bytes) -> bytes:
    """One delivery, twice; no machines."""
    book = openpyxl.load_workbook(io.BytesIO(template))
    machinery(book).delete_rows(5, 50)
    sheet = book.worksheets[1]
    columns, first = columns_of(sheet), heading_row(sheet) + 1
    values: dict[str, Any] = {
        "entry": "Leveranse",
        "product": "Diesel",
        "amount": 500,
        "amount_source": "invoice",
        "supplier": "Drivstoff AS",
        "invoice": "F-1",
        "delivered_on": MARCH,
    }
    for row in (first, first + 1):
        for column, value in values.items():
            sheet.cell(row, columns[column], value)
    return saved(book)


def corrected(marked: bytes) -> bytes:
    """The person's own file, each red cell mended; the comments tell where."""
    book = openpyxl.load_workbook(io.BytesIO(marked))
    sheet = machinery(book)
    columns, first = columns_of(sheet), heading_row(sheet) + 1
    red = [cell for row in sheet.iter_rows(min_row=first) for cell in row if cell.comment]
    assert [cell.row - first for cell in red] == sorted(WRONG)
    assert {cell.column for cell in red} == {columns["amount"]}
    for cell in red:
        cell.value = 101 + cell.row - first
    return saved(book)
