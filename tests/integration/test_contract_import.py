"""Many contracts from a workbook: the template, good rows and bad ones, and drafts only after a yes."""

import io
from collections.abc import Mapping
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage

from portal.extensions import db
from portal.model import Contract, ContractImport, ContractState, ImportState, Membership
from portal.operations import agreements, contract_imports
from portal.web import contract_imports as pages
from portal.work import sweep_files
from tests.contracts import BEGIN, NEW_SUPPLIER, contract_at
from tests.integration.test_supplier_pages import app, seat, world
from tests.pages import Desk, Seat, parsed, words
from tests.unit import bad_workbooks
from tests.world import World

__all__ = ["app", "seat", "world"]

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


def filled(template: bytes, *rows: Mapping[str, Any]) -> bytes:
    """The template with these rows, each value in the column whose remark begins with its key."""
    workbook = openpyxl.load_workbook(io.BytesIO(template))
    page = workbook.worksheets[0]
    header = next(row for row in page.iter_rows(max_row=8) if sum(cell.comment is not None for cell in row) > 3)
    columns: dict[str, Any] = {}
    for cell in header:
        if cell.comment:
            columns[cell.comment.text.splitlines()[0]] = cell.column
    for place, row in enumerate(rows, start=int(str(header[0].row)) + 1):
        for key, value in row.items():
            page.cell(place, columns[key]).value = value
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


def upload(desk: Desk, content: bytes, name: str = "kontrakter.xlsx") -> Any:
    return desk.send("/contracts/import", {"workbook": FileStorage(io.BytesIO(content), name)})  # type: ignore[dict-item]


@pytest.fixture
def template(world: World, seat: Seat) -> bytes:
    answer = seat(world.adam).get("/contracts/import/template.xlsx")
    assert answer.status_code == 200
    return bytes(answer.data)


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
    answer = upload(adam, filled(template, good(**representative), second))
    assert answer.status_code == 303, words(parsed(answer))
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
    kind = contract_imports.sheet()
    assert all(kind.column(key) for key in pages.SHOWN)
