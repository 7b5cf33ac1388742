"""The supplier's two doors as a program knocks on them: the form of a section, and a workbook with its job."""

import contextvars
import io
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import openpyxl
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from portal.extensions import db, transaction
from portal.model import ImportedFile, Membership, Report
from portal.operations.entry import imports
from portal.web.reports.kind_forms import PREFIX
from portal.work import read_import
from tests.signing_in import enter, equip, stored_once

PASSWORD = "åtte kontrollører samtidig"
Element: TypeAlias = Any
"""Of a page. lxml's own types cannot say what an XPath gives."""


@dataclass
class Desk:
    """Somebody signed in. Requests run outside the test's own application context, as they do on a server."""

    client: FlaskClient

    def get(self, path: str, **headers: str) -> TestResponse:
        db.session.rollback()
        return contextvars.Context().run(self.client.get, path, headers=headers)

    def send(self, path: str, form: Mapping[str, object]) -> TestResponse:
        """Post a form; bytes and names of files come as (content, name)."""
        db.session.rollback()
        boundary, body = encode_multipart({name: _part(value) for name, value in form.items()})
        kind = f"multipart/form-data; boundary={boundary}"
        answer = contextvars.Context().run(self.client.post, path, data=body, content_type=kind)
        db.session.rollback()
        db.session.expire_all()
        return answer

    def page(self, path: str, status: int = 200) -> Element:
        answer = self.get(path)
        assert answer.status_code == status, answer.text
        return html.fromstring(answer.text)

    def upload(self, report: Report, content: bytes, name: str = "rapport.xlsx") -> ImportedFile:
        """Upload a workbook, and let the job read it."""
        answer = self.send(f"/reports/{report.public_id}/imports", {"workbook": (content, name)})
        assert answer.status_code == 303, answer.text
        row = db.session.scalars(
            select(ImportedFile).where(ImportedFile.public_id == uuid.UUID(answer.location.rpartition("/")[2]))
        ).one()
        read_import({"import": row.id})
        db.session.rollback()
        return row

    def fill_in(self, report: Report, kind: str, lines: Sequence[tuple[uuid.UUID, Mapping[str, str]]]) -> TestResponse:
        """Send a section's form as it stands, with these lines at its end."""
        path = f"/reports/{report.public_id}/sections/{kind}"
        page = self.page(path)
        [found] = page.xpath("//form[contains(@class, 'section-form')]")
        form = {name: value for name, value in found.form_values() if not name.startswith("lines-")}
        for number, (key, values) in enumerate(lines):
            form[f"lines-{number}-key"] = str(key)
            form |= {f"lines-{number}-{PREFIX}{column}": value for column, value in values.items()}
        return self.send(path, form | {"answer": "filled"})


def _part(value: object) -> object:
    if isinstance(value, tuple):
        content, name = value
        return FileStorage(io.BytesIO(content), name)
    return value


def sit_down(app: Any, by: Membership) -> Desk:
    """Sign somebody in, whose password is set on the way."""
    with transaction():
        person = db.session.merge(by.person)
        person.password = person.password or stored_once(PASSWORD)
        equip(person)
    desk = Desk(app.test_client())
    answer = enter(desk.get, desk.send, {"email": by.person.email, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return desk


def words(element: Element) -> str:
    """What is read, with all gaps as one space."""
    return " ".join(element.text_content().split())


def template_book(report: Report, language: str = "nb") -> Any:
    """The report's template, opened by another program."""
    return openpyxl.load_workbook(io.BytesIO(imports.template(report, language)))


def saved(book: Any) -> bytes:
    """The workbook as that program saves it."""
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def columns_of(sheet: Any) -> dict[str, int]:
    """Machine name of each column, as the comment of its heading says, -> its number."""
    rows = [row for row in sheet.iter_rows(max_row=40) if any(cell.comment for cell in row)]
    return {cell.comment.text.splitlines()[0]: cell.column for cell in rows[0] if cell.comment}


def heading_row(sheet: Any) -> int:
    """The row of the headings."""
    return next(int(row[0].row) for row in sheet.iter_rows(max_row=40) if any(cell.comment for cell in row))


def filled(report: Report, sheet: str, fill: Callable[[Any, dict[str, int], int], None], language: str = "nb") -> bytes:
    """The template, one sheet of it filled in: `fill` gets the sheet, its columns and its first row of lines."""
    book = template_book(report, language)
    page = book[sheet]
    fill(page, columns_of(page), heading_row(page) + 1)
    return saved(book)
