"""Many contracts from a workbook: the template, good rows and bad ones, and drafts only after a yes."""

import io
from collections.abc import Sequence
from datetime import date
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage

from portal.extensions import db
from portal.model import Contract, ContractImport, ContractState, ImportState, Membership
from portal.operations.contracts import agreements, contract_sheets
from portal.web.contracts import contract_imports as pages
from portal.work import sweep_files
from tests import bad_workbooks
from tests.contracts import BEGIN, NEW_SUPPLIER, contract_at, filled
from tests.pages import Desk, Seat, database_url, parsed, seat, words, world
from tests.world import World

__all__ = ["database_url", "seat", "world"]

ROW = {
    "reference": "K-20",
    "title": "Vannledning sør",
    "supplier_number": "310 000 027",
    "starts_on": "01.02.2026",
    "ends_on": "31.12.2026",
    "value": 4_500_000,
    "kind_machinery": "yes",
    "basis_boundary": "inside the fence",
    "basis_fuel": "nir-2021",
    "basis_biofuel": "zero",
    "counted_others": "use",
    "frequency": "each quarter",
    "reporting_clause": "5.1",
    "site_name": "Sørveien",
}
"""A good row, as people write it: keys of facts -> what they write."""


def upload(desk: Desk, content: bytes, name: str = "kontrakter.xlsx") -> Any:
    return desk.send("/contracts/import", {"workbook": FileStorage(io.BytesIO(content), name)})  # type: ignore[dict-item]


@pytest.fixture
def template(world: World, seat: Seat) -> bytes:
    answer = seat(world.adam).get("/contracts/import/template.xlsx")
    assert answer.status_code == 200
    return bytes(answer.data)


@pytest.fixture
def desk(world: World, seat: Seat) -> Desk:
    return seat(world.adam)


def good(**changes: Any) -> dict[str, Any]:
    return {**ROW, **changes}


def test_the_sheet_has_a_column_for_every_fact(template: bytes) -> None:
    page = openpyxl.load_workbook(io.BytesIO(template)).worksheets[0]
    remarks = {cell.comment.text.splitlines()[0] for row in page.iter_rows(max_row=8) for cell in row if cell.comment}
    asked = {fact.key for part in agreements.PARTS.values() for fact in part.facts if fact.in_sheet}
    assert asked <= remarks
    assert "Machines" not in str(page["B3"].value)


def test_rows_are_shown_first_and_become_drafts_after_a_yes(world: World, seat: Seat, template: bytes) -> None:
    adam = seat(world.adam)
    before = db.session.scalar(select(func.count(Contract.id)))
    representative = {"supplier_rep_name": "Anna Prøve", "supplier_rep_email": "anna@prove.example"}
    second = good(reference="K-21", title="Gang- og sykkelvei", supplier_number=NEW_SUPPLIER, supplier_name="Nye AS")
    answer = upload(adam, filled(template, good(**representative), second), "../../nye\u202e.xlsx")
    assert answer.status_code == 303, words(parsed(answer))
    assert db.session.scalars(select(ContractImport.name)).all() == ["nye.xlsx"]
    page = adam.page(str(answer.location))
    assert "2 rows are ready" in words(page)
    assert "Vannledning sør" in words(page)
    assert db.session.scalar(select(func.count(Contract.id))) == before
    made = adam.send(f"{answer.location}/create", {})
    assert made.status_code == 303, words(parsed(made))
    after = adam.page(str(answer.location))
    assert "2 drafts were made" in words(after)
    (link,) = after.xpath("//a[contains(., 'K-20')]/@href")
    contract = contract_at(link)
    assert (contract.state, contract.frequency, contract.kinds) == (ContractState.DRAFT, "quarter", ["machinery"])
    assert contract.basis == {"fuel": "nir-2021", "biofuel": "zero", "boundary": "inside", "mandate": "0.1"}
    assert contract.value == 4_500_000
    assert [site.name for site in contract.sites] == ["Sørveien"]
    assert [row.person_id for row in contract.representatives] == [world.anna.person_id]
    assert adam.send(f"{answer.location}/create", {}).status_code == 303
    assert db.session.scalar(select(func.count(Contract.id))) == (before or 0) + 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reference": None}, "Contract number: the field is empty"),
        ({"reference": "K-1"}, "You already have a contract with number K-1"),
        ({"supplier_number": "310000026"}, "not a valid organisation number"),
        ({"supplier_number": NEW_SUPPLIER}, "Write the name"),
        ({"ends_on": "31.12.2025"}, "cannot be before the first"),
        ({"starts_on": "snart"}, "is not a date"),
        ({"doffin": "x"}, "does not look like"),
        ({"frequency": "av og til"}, "is not a choice"),
        ({"due_days": 7.5}, "whole number of days"),
        ({"supplier_rep_name": "Anna"}, "both a name and an e-mail address"),
        ({"supplier_rep_name": "Anna", "supplier_rep_email": "nei"}, "write it all"),
    ],
)
def test_a_wrong_cell_is_named_with_its_rule_and_the_good_rows_stay(
    world: World, seat: Seat, template: bytes, changes: dict[str, Any], said: str
) -> None:
    adam = seat(world.adam)
    answer = upload(adam, filled(template, good(), good(reference="K-21") | changes))
    page = adam.page(str(answer.location), 422)
    assert said in words(page)
    assert "1 row is ready" in words(page)
    row = db.session.scalars(select(ContractImport)).one()
    (problem,) = [each for found in row.result["rows"] for each in found["problems"]]
    assert problem["cell"].endswith("6"), problem
    assert adam.send(f"{answer.location}/create", {}).status_code == 303
    drafts = db.session.scalars(select(Contract.reference).where(Contract.state == ContractState.DRAFT)).all()
    assert drafts == ["K-20"]


def test_a_number_twice_in_the_file_is_named(world: World, seat: Seat, template: bytes) -> None:
    adam = seat(world.adam)
    answer = upload(adam, filled(template, good(), good(title="En annen")))
    assert "stands in row 5 too" in words(adam.page(str(answer.location), 422))


def test_a_number_that_was_taken_meanwhile_stores_nothing(world: World, seat: Seat, template: bytes) -> None:
    adam = seat(world.adam)
    answer = upload(adam, filled(template, good(), good(reference="K-21")))
    adam.send("/contracts/new", {**BEGIN, "reference": "K-21"})
    refused = adam.send(f"{answer.location}/create", {})
    assert refused.status_code == 422
    assert "You already have a contract with number K-21" in words(parsed(refused))
    assert db.session.scalars(select(Contract).where(Contract.reference == "K-20")).all() == []


@pytest.mark.parametrize("name", ["not_a_zip", "macros", "nothing", "empty"])
def test_a_file_that_is_none_is_turned_away(world: World, seat: Seat, template: bytes, name: str) -> None:
    adam = seat(world.adam)
    content = {
        "not_a_zip": b"PK nei",
        "macros": bad_workbooks.good({"xl/vbaProject.bin": b"x"}),
        "nothing": b"",
        "empty": template,
    }[name]
    before = db.session.scalar(select(func.count(Contract.id)))
    answer = upload(adam, content, "" if name == "nothing" else "x.xlsx")
    if name == "nothing":
        assert answer.status_code == 422
        assert "Choose an Excel file first" in words(parsed(answer))
    else:
        page = adam.page(str(answer.location), 422)
        assert "The file cannot be used" in words(page)
        assert adam.send(f"{answer.location}/create", {}).status_code == 422
        if name == "empty":
            assert "Write at least one contract" in words(page)
    assert db.session.scalar(select(func.count(Contract.id))) == before


# -- the file comes back with its faults marked ------------------------------------------------------------------------


def test_the_file_comes_back_with_its_faults_marked_and_nothing_is_typed_again(
    world: World, seat: Seat, template: bytes
) -> None:
    adam = seat(world.adam)
    wrong = good(reference="K-21", title="Gang- og sykkelvei", starts_on="snart", supplier_rep_name="Anna")
    answer = upload(adam, filled(template, good(), wrong), "mine kontrakter.xlsx")
    page = adam.page(str(answer.location), 422)
    [link] = page.xpath("//a[contains(., 'with the errors marked')]/@href")
    marked = adam.get(link)
    assert marked.status_code == 200
    assert "mine kontrakter.xlsx" in marked.headers["Content-Disposition"]
    book = openpyxl.load_workbook(io.BytesIO(marked.data))
    sheet = book.worksheets[0]
    [start] = [cell for row in sheet.iter_rows() for cell in row if cell.value == "snart"]
    assert start.comment is not None
    assert "is not a date" in start.comment.text
    told = [str(cell.value) for cell in sheet[start.row] if "is not a date" in str(cell.value)]
    assert "both a name and an e-mail address" in told[0], "the last column says all that is wrong with the row"
    start.value = "01.03.2026"
    [rep] = [cell for cell in sheet[start.row] if cell.value == "Anna"]
    sheet.cell(start.row, rep.column + 1).value = "anna@prove.example"
    mended = io.BytesIO()
    book.save(mended)
    again = upload(adam, mended.getvalue())
    page = adam.page(str(again.location))
    assert "2 rows are ready" in words(page)
    assert not page.xpath("//a[contains(., 'with the errors marked')]")


def test_a_marked_file_is_the_buyers_own(world: World, seat: Seat, template: bytes) -> None:
    answer = upload(seat(world.adam), filled(template, good(reference=None)))
    path = f"{answer.location}/marked.xlsx"
    assert [seat(by).get(path).status_code for by in (world.adam, world.rita, world.anna)] == [200, 403, 404]


def test_a_file_that_could_not_be_read_is_not_marked(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    answer = upload(adam, b"PK nei")
    assert not adam.page(str(answer.location), 422).xpath("//a[contains(., 'with the errors marked')]")
    refused = adam.get(f"{answer.location}/marked.xlsx")
    assert refused.status_code == 422
    assert "cannot be marked" in words(parsed(refused))


# -- several sites and representatives ---------------------------------------------------------------------------------

SITE_ROWS = (
    {"reference": "k-20", "site_name": "Nordveien", "site_address": "Nordveien 4"},
    {"reference": "K-20", "site_name": "Vestveien"},
    {"reference": "K-21", "site_name": "Brua"},
)
OUR_ROW = {"reference": "K-20", "side": "the buyer", "name": "Berit Byggherre", "email": "berit@prove.example"}
THEIR_ROW = {"reference": "K-20", "side": "the supplier", "name": "Anna Prøve", "email": "ANNA@prove.example"}


def with_more(template: bytes, sites: Sequence[Any] = SITE_ROWS, people: Sequence[Any] = (OUR_ROW, THEIR_ROW)) -> bytes:
    """Two good contracts, with rows in the two sheets for more."""
    content = filled(template, good(), good(reference="K-21", site_name=None))
    return filled(filled(content, *sites, sheet=1), *people, sheet=2)


def test_a_contract_has_as_many_sites_and_representatives_as_the_further_sheets_say(
    world: World, seat: Seat, template: bytes
) -> None:
    adam = seat(world.adam)
    more = {**THEIR_ROW, "name": "Ole Formann", "email": "ole@prove.example", "job": "Formann", "from_on": "01.03.2026"}
    answer = upload(adam, with_more(template, people=(OUR_ROW, THEIR_ROW, more)))
    assert "2 rows are ready" in words(adam.page(str(answer.location)))
    assert adam.send(f"{answer.location}/create", {}).status_code == 303
    found = {each.reference: each for each in db.session.scalars(select(Contract)).unique()}
    assert [each.name for each in found["K-20"].sites] == ["Sørveien", "Nordveien", "Vestveien"]
    assert found["K-20"].sites[1].address == "Nordveien 4"
    assert [each.name for each in found["K-21"].sites] == ["Brua"]
    people = {each.name: each for each in found["K-20"].representatives}
    assert people["Berit Byggherre"].organisation_id == world.adam.organisation_id
    assert people["Anna Prøve"].person_id == world.anna.person_id
    assert (people["Ole Formann"].title, people["Ole Formann"].from_on) == ("Formann", date(2026, 3, 1))
    assert people["Anna Prøve"].from_on == found["K-20"].starts_on
    assert found["K-21"].representatives == []


@pytest.mark.parametrize(
    ("sites", "people", "said"),
    [
        ([{"reference": "K-20", "site_name": "sørveien"}], [], "site of that name"),
        ([{"reference": "K-20", "site_address": "x"}], [], "Name of the site: the field is empty"),
        ([], [{**OUR_ROW, "email": "nei"}], "write it all"),
        ([], [{**OUR_ROW, "side": "naboen"}], "is not a choice"),
        ([{"reference": "K-99", "site_name": "x"}], [], "no contract with that number"),
        ([{"site_name": "x"}], [], "Contract number: the field is empty"),
    ],
)
def test_a_wrong_row_of_a_further_sheet_holds_back_its_contract_and_without_one_the_file(
    desk: Desk, template: bytes, sites: list[Any], people: list[Any], said: str
) -> None:
    answer = upload(desk, with_more(template, sites, people))
    page = words(desk.page(str(answer.location), 422))
    assert said in page
    is_known = all(each.get("reference") == "K-20" for each in (*sites, *people))
    assert ("1 row is ready" if is_known else "No rows are ready") in page
    assert f"{'Sites' if sites else 'Representatives'} " in page
    marked = openpyxl.load_workbook(io.BytesIO(desk.get(f"{answer.location}/marked.xlsx").data))
    told = [str(cell.value) for row in marked.worksheets[1 if sites else 2].iter_rows() for cell in row]
    assert any(said in each for each in told)


def test_a_file_without_the_further_sheets_is_as_good(world: World, seat: Seat, template: bytes) -> None:
    book = openpyxl.load_workbook(io.BytesIO(filled(template, good())))
    del book["Sites"], book["Representatives"]
    content = io.BytesIO()
    book.save(content)
    adam = seat(world.adam)
    page = words(adam.page(str(upload(adam, content.getvalue()).location)))
    assert "1 row is ready" in page
    assert "is not in the file" not in page


def test_an_import_is_the_buyers_own_and_its_file_is_kept(world: World, seat: Seat, template: bytes) -> None:
    adam = seat(world.adam)
    answer = upload(adam, filled(template, good()))

    def status(by: Membership) -> int:
        return seat(by).get(str(answer.location)).status_code

    assert [status(by) for by in (world.anna, world.stranger, world.rita)] == [404, 404, 403]
    assert seat(world.anna).get("/contracts/import").status_code == 403
    row = db.session.scalars(select(ContractImport)).one()
    assert row.state == ImportState.READY
    sweep_files({})
    from portal.extensions import parts

    assert parts().store.get(row.sha256)


def test_the_facts_that_tell_rows_apart_are_columns_of_the_sheet() -> None:
    kind = contract_sheets.contract()
    assert all(kind.column(key) for key in pages.SHOWN)
