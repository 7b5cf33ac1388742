"""A made-up kind, added by one module and its name in the list, goes the whole way; no other code names it."""

import io
import types
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from flask import Flask

from portal import calendars, kinds
from portal.extensions import db, transaction
from portal.kinds.base import Choice, Field, FieldType, Hit, Indicator, Kind, Line, Measure, Parameter, Rule, Setting
from portal.model import Comparison, Decision, FindingResult, ImportedFile, ImportState, Requirement
from portal.operations.contracts import contracts
from portal.operations.entry import drafts, imports
from portal.operations.entry.drafts import RawLine
from portal.operations.figures import exports
from portal.operations.reports import reports, reviews
from portal.text import Text
from portal.work import read_import
from tests.world import World, build_world, reasons_for


def measures(_kind: Kind, lines: Any, _setting: Setting) -> dict[str, list[Measure]]:
    return {
        line.key: [Measure("mass", line.number("mass") or Decimal(0), "tonn", {"treatment": line.text("treatment")})]
        for line in lines
    }


def heavy(_kind: Kind, lines: Any, _setting: Setting, parameters: Mapping[str, Decimal]) -> Iterator[Hit]:
    for line in lines:
        if (line.number("mass") or Decimal(0)) > parameters["most"]:
            yield Hit(line.key, "mass")


KIND = Kind(
    key="rubble",
    title=Text("Rivemasser", "Rubble"),
    fields=(
        Field("fraction", Text("Avfallstype", "Fraction"), FieldType.TEXT, longest=40),
        Field(
            "treatment",
            Text("Behandling", "Treatment"),
            FieldType.CHOICE,
            choices=(Choice("reused", Text("Ombruk", "Reused")), Choice("landfill", Text("Deponi", "Landfill"))),
        ),
        Field("mass", Text("Vekt", "Mass"), FieldType.NUMBER, unit="tonn", minimum=Decimal(0), provenance=True),
    ),
    indicators=(
        Indicator(
            "reused_share",
            Text("Andel ombruk", "Share reused"),
            Text("Tonn til ombruk, delt på alle tonn.", "Tonnes reused, divided by all tonnes."),
            "%",
            "share",
            "mass",
            {"treatment": "reused"},
        ),
    ),
    measures="rubble.measures@1",
    rules=(
        Rule(
            "heavy",
            "warning",
            Text("Mer enn 500 tonn?", "More than 500 tonnes?"),
            "rubble.heavy@1",
            (Parameter("most", Decimal(500), date(2020, 1, 1), Text("skjønn", "judgement"), "tonn"),),
        ),
    ),
)
FUNCTIONS = {"rubble.measures@1": measures, "rubble.heavy@1": heavy}


@pytest.fixture
def rubble_world(monkeypatch: pytest.MonkeyPatch, make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[World]:
    """The world with a third kind in the list, reported on instead of the two that ship."""
    module = types.ModuleType("rubble")
    module.KIND, module.FUNCTIONS = KIND, FUNCTIONS  # type: ignore[attr-defined]
    monkeypatch.setattr(kinds, "MODULES", (*kinds.MODULES, module))
    with make_app(sqlite_url).app_context():
        with transaction():
            world = build_world()
            world.contract.kinds, world.contract.counted = ["rubble"], {}
            db.session.add(
                Requirement(
                    **world.contract.parties,
                    kind="rubble",
                    indicator="reused_share",
                    comparison=Comparison.AT_LEAST,
                    threshold="50",
                    clause="6.1",
                    valid_from=world.contract.starts_on,
                )
            )
            following = calendars.month_after(world.report.period.starts_on)
            world.report = contracts.open_period(world.contract, following)
        yield world


def test_a_third_kind_goes_the_whole_way(rubble_world: World) -> None:
    world, report = rubble_world, rubble_world.report
    filled = _filled_template(imports.template(report, "nb"))
    with transaction():
        row = imports.receive(report, "rivemasser.xlsx", filled, by=world.anna)
    read_import({"import": row.id})
    row = db.session.get_one(ImportedFile, row.id)
    assert (row.state, row.result["counts"]["new"]) == (ImportState.READY, 2), row.result
    with transaction():
        imports.store(row, by=world.anna)
    stored = drafts.state_of(report, report.section("rubble"))
    assert [line.values["mass"] for line in stored.lines] == [
        {"value": "30.5", "unit": "tonn", "source": "metered"},
        {"value": "600", "unit": "tonn", "source": "invoice"},
    ]
    summary = reports.summary(report)
    assert [judgement.result for judgement in summary.assessment.judgements] == [FindingResult.BROKEN]
    assert [problem.rule for problem in summary.assessment.problems["rubble"]] == ["rubble.heavy"]
    with transaction():
        reports.make_ready(report, by=world.anna, version=report.version, reasons=reasons_for(report))
    with transaction():
        revision = reports.sign(report, by=world.bo, version=report.version)
    assert [(check.rule, check.reason) for check in revision.checks] == [("rubble.heavy", "Tallet er kontrollert.")]
    figure = next(figure for figure in revision.figures if figure.indicator == "reused_share")
    assert (figure.numerator, figure.denominator) == (Decimal("30.5"), Decimal("630.5"))
    with transaction():
        reviews.decide(report, Decision.APPROVE, by=world.rita, version=report.version)
    book = openpyxl.load_workbook(io.BytesIO(exports.workbook(world.rita, "nb")), read_only=True)
    assert book.sheetnames == ["Sammendrag", "Nøkkeltall", "Rivemasser", "Definisjoner"]
    rows = list(book["Rivemasser"].iter_rows(values_only=True))
    assert rows[1][4:8] == ("Betong", "Ombruk", 30.5, "tonn")
    assert list(book["Sammendrag"].iter_rows(values_only=True))[1][9] == "brutt"


def test_its_form_is_drawn_from_the_description(rubble_world: World) -> None:
    report = rubble_world.report
    kind = contracts.kind_of(report, "rubble")
    line = RawLine(drafts.blank_row(report, kind).key, {"fraction": "=cmd", "treatment": "Ombruk", "mass": "n/a"})
    with transaction():
        state = drafts.save(report, "rubble", [line], by=rubble_world.anna, version=report.version)
    assert {problem.field for problem in state.problems} == {"fraction", "mass", "mass_source"}
    assert Line(str(line.key), {}).key == str(report.section("rubble").lines[0].key)


def _filled_template(content: bytes) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet: Any = book["Rivemasser"]
    header = next(row for row in sheet.iter_rows() if any(str(cell.value).startswith("Avfallstype") for cell in row))
    columns = {str(cell.value).split(" (")[0]: cell.column for cell in header if cell.value}
    for number, values in enumerate((("Betong", "Ombruk", 30.5, "målt"), ("Tegl", "Deponi", 600, "faktura")), start=1):
        for title, value in zip(("Avfallstype", "Behandling", "Vekt", "Kilde"), values, strict=True):
            sheet.cell(header[0].row + number, columns[title], value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
