"""The workbook of approved reports: what it holds, whose it is, and that nothing typed becomes a formula."""

import io
from datetime import date
from typing import Any
from uuid import uuid4

import openpyxl

from portal.extensions import transaction
from portal.model import Decision
from portal.operations.entry import drafts
from portal.operations.entry.drafts import RawLine
from portal.operations.figures import exports
from portal.operations.reports import reviews
from tests.world import World, hand_in, machine_lines

EVIL = '=HYPERLINK("http://evil.example","klikk")'


def approve_with_evil_words(world: World) -> None:
    report = world.report
    with transaction():
        report.contract.title, report.contract.supplier.name = EVIL, "+1+1"
    delivery = {
        "entry": "delivery",
        "product": "diesel",
        "amount": "1000",
        "amount_source": "invoice",
        "supplier": "Drivstoff AS",
        "invoice": "F-1",
        "delivered_on": "10.03.2026",
    }
    with transaction():
        drafts.save(report, "machinery", machine_lines(world), by=world.anna, version=report.version)
    with transaction():
        drafts.save(report, "fuel", [RawLine(uuid4(), delivery)], by=world.anna, version=report.version)
    hand_in(report, world)
    with transaction():
        reviews.decide(report, Decision.APPROVE, by=world.rita, version=report.version)


def book_for(world: World, who: str, **chosen: Any) -> Any:
    return openpyxl.load_workbook(io.BytesIO(exports.workbook(getattr(world, who), "en", **chosen)))


def test_summary_figures_and_a_sheet_for_each_kind(world: World) -> None:
    approve_with_evil_words(world)
    book = book_for(world, "rita")
    assert book.sheetnames == ["Summary", "Figures", "Machinery", "Fuel and energy delivered", "Definitions"]
    header, share, stage = [[cell.value for cell in row] for row in book["Summary"].iter_rows()]
    row = dict(zip(header, share, strict=True))
    assert (row["Clause"], row["Unit"], row["Threshold"], row["Result"]) == ("4.2", "%", "20\u00a0%", "met")
    assert round(row["Figure"], 2) == 33.16  # 5000 / (5000 + 1000 × 0.84 × 12) × 100
    assert "National Inventory Report 2021" in row["Factor edition"]
    assert "TTW" in row["Basis"]
    assert dict(zip(header, stage, strict=True))["Clause"] == "4.3"
    figures = [[cell.value for cell in line] for line in book["Figures"].iter_rows()]
    co2 = next(dict(zip(figures[0], line, strict=True)) for line in figures if "Emissions, CO2" in str(line[4]))
    assert (co2["Figure"], co2["Unit"]) == (2660, "kg CO2")


def test_nothing_typed_becomes_a_formula_or_a_link(world: World) -> None:
    approve_with_evil_words(world)
    cells = [cell for sheet in book_for(world, "rita") for row in sheet.iter_rows() for cell in row]
    said = [str(cell.value) for cell in cells]
    assert any(EVIL in each for each in said)
    assert "+1+1" in said
    assert all(cell.data_type != "f" and cell.hyperlink is None for cell in cells)


def test_only_the_parties_get_it_and_only_what_is_approved(world: World) -> None:
    assert book_for(world, "rita").sheetnames == ["Summary", "Figures"]
    approve_with_evil_words(world)
    assert len(list(book_for(world, "anna")["Machinery"].iter_rows())) == 3
    assert book_for(world, "stranger").sheetnames == ["Summary", "Figures"]
    assert len(list(book_for(world, "rita", first=date(2026, 4, 1))["Summary"].iter_rows())) == 1
    assert len(list(book_for(world, "rita", contract=world.contract.public_id)["Summary"].iter_rows())) == 3
