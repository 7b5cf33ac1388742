"""What tests of a contract's set-up write in its forms."""

import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import openpyxl
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.extensions import db
from portal.model import Comparison, Contract, Requirement
from tests.pages import Desk, Element
from tests.world import World

SUPPLIER = "310000027"
"""Annas Graving AS, the supplier of the small world."""
TODAY = datetime(2026, 3, 20, 9, tzinfo=UTC)
"""When something is done with a contract that runs."""
NEW_SUPPLIER = "312000024"

BEGIN = {
    "reference": "K-2",
    "title": "Prøvebrua",
    "supplier_number": SUPPLIER,
    "supplier_name": "",
    "starts_on": "01.02.2026",
    "ends_on": "31.01.2027",
    "like": "",
}
PARTS: dict[str, dict[str, str]] = {
    "value": {"value": "12 500 000", "currency": "NOK"},
    "references": {
        "doffin": "2026-123456",
        "ted": "",
        "procedure": "",
        "case_number": "2026/77",
        "cpv": "45112000, 45221100-3",
    },
    "kinds": {"kind_machinery": "y", "kind_fuel": "y"},
    "basis": {
        "basis_boundary": "inside",
        "basis_fuel": "nir-2021",
        "basis_biofuel": "zero",
        "basis_mandate": "",
        "basis_electricity": "",
        "basis_supplement": "",
    },
    "counted": {"counted_others": "use", "counted_diesel": "deliveries"},
    "deadlines": {
        "frequency": "month",
        "reporting_clause": "5.1",
        "due_days": "7",
        "due_counting": "calendar",
        "due_moves": "back",
        "due_time": "12:00",
        "country": "NO",
    },
    "notices": {
        "reply_working_days": "15",
        "notice_starts": "opened",
        "deemed_working_days": "",
        "notice_working_days": "20",
        "unattended_review": "",
    },
}
SITE = {"site_name": "Brukaret nord", "site_address": "Elveveien 3"}
OURS = {"side": "buyer", "name": "Berit Byggherre", "job": "Prosjektleder", "email": "berit@prove.example"}
THEIRS = {"side": "supplier", "name": "Anna Prøve", "job": "", "email": "ANNA@prove.example"}


def version_on(page: Element) -> str:
    """The version that a page's form was made with."""
    return str(page.xpath("//form//input[@name='version']/@value")[0])


def send_form(desk: Desk, path: str, form: dict[str, str]) -> TestResponse:
    """Open a page and send its form filled in."""
    return desk.send(path, {**form, "version": version_on(desk.page(path))})


def begin(desk: Desk, **changes: str) -> str:
    """Draft a contract. Returns its address."""
    answer = desk.send("/contracts/new", {**BEGIN, **changes})
    assert answer.status_code == 303, answer.text
    return str(answer.location).removesuffix("/set-up")


def go_through(desk: Desk, address: str, *, leave_out: str = "") -> None:
    """Fill in every page of the set-up but one."""
    for key, form in PARTS.items():
        if key != leave_out:
            assert send_form(desk, f"{address}/facts/{key}", form).status_code == 303, key
    lists = {"sites": [SITE], "representatives": [OURS, THEIRS]}
    for key, rows in lists.items():
        for form in rows if key != leave_out else []:
            more = {"speaks": "nb", "from_on": ""} if key == "representatives" else {}
            assert send_form(desk, f"{address}/{key}", {**form, **more}).status_code == 303, key


def contract_at(address: str) -> Contract:
    """The contract with this address, as it is stored."""
    db.session.rollback()
    db.session.expire_all()
    number = re.findall(r"[0-9a-f-]{36}", address)[0]
    return next(each for each in db.session.scalars(select(Contract)).unique() if str(each.public_id) == number)


def require_something(contract: Contract, **changes: Any) -> Requirement:
    """Give a draft one requirement, as the pages for requirements do."""
    duty = Requirement(
        **contract.parties,
        **{
            "kind": "machinery",
            "indicator": "zero_emission_share_energy",
            "comparison": Comparison.AT_LEAST,
            "threshold": "20",
            "clause": "4.2",
            "valid_from": contract.starts_on,
            **changes,
        },
    )
    contract.requirements.append(duty)
    return duty


def place(world: World) -> str:
    """The address of the small world's contract."""
    return f"/contracts/{world.contract.public_id}"


def filled(template: bytes, *rows: Mapping[str, Any], sheet: int = 0) -> bytes:
    """The template with these rows, each value in the column whose remark begins with its key."""
    workbook = openpyxl.load_workbook(io.BytesIO(template))
    page = workbook.worksheets[sheet]
    header = next(row for row in page.iter_rows(max_row=8) if sum(cell.comment is not None for cell in row) > 2)
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
