"""A whole life of a contract in which every name and text is an attack: wherever it is read, it is words."""

import io
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import openpyxl
import pypdf
import pytest
from lxml import html
from werkzeug.test import TestResponse

from portal.application import create_app
from tests.conftest import settings_for, share_what_is_compiled
from tests.crawling import Element, crawl
from tests.standing import OnSqlite
from tests.tenants import ALONE, Tenants, one_life
from tests.world import Names

MARKUP = """<img src=x onerror=alert(1)><a href="javascript:alert(1)">{{7*7}}</a>"""
MARK = f"""=1+1|'">{MARKUP}#panic("set")*b*$x$%d%(x)s"""
"""To a workbook a formula, to a page markup and a template, to a PDF a command, to Python a place to fill in."""
HOSTILE = Names(
    buyer=("310000019", f"By {MARK}"),
    supplier=("310000027", MARK),
    other=("310000035", f"Anlegg {MARK}"),
    surname=MARK,
    reference=MARK,
    title=MARK,
    site=MARK,
)
WRITTEN_AFTER = {
    "contract": ["reporting_clause"],
    "deviation": ["clause"],
    "evidence": ["name"],
    "notice": ["text"],
    "point": ["text"],
    "point_answer": ["text"],
    "reply": ["text"],
    "requirement": ["clause"],
    "sanction": ["reasons"],
    "sanction_clause": ["clause"],
    "section": ["reason"],
    "weighing": ["reasons"],
}
"""Texts that a played life says in plain words, or that the portal writes itself: by table."""
READERS = ("supplier", "buyer")
QR_CODE = "data:image/svg+xml;charset=utf-8,%3Csvg"
FEWEST = {"text/html": 30, "workbook": 3, "pdf": 2, "letter": 20}
"""Pages and papers that show the mark: with fewer, nothing would be shown by the tests below."""


@pytest.fixture(scope="module")
def life(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    folder = tmp_path_factory.mktemp("hostile")
    file = folder / "hostile.db"
    shutil.copy(sqlite_template, file)
    app = create_app(settings_for(f"sqlite:///{file}", folder))
    app.config["WTF_CSRF_ENABLED"] = False
    share_what_is_compiled(app)
    with one_life(app, OnSqlite(file), HOSTILE) as found:
        _write_the_rest(file)
        found.keep(ALONE)
        found.put_back(ALONE)
        yield found


@pytest.fixture(scope="module")
def read(life: Tenants) -> list[TestResponse]:
    """Everything that either party can open from the front page on."""
    return [answer for who in READERS for answer in crawl(life, who).values()]


def _write_the_rest(file: Path) -> None:
    """Past the portal, whose guards are taken off this copy: no form is asked whether it takes such words."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for [guard] in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {guard}")
        for table, columns in WRITTEN_AFTER.items():
            for column in columns:
                changed = connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} <> ''", [MARK]).rowcount
                assert changed, (table, column)


def test_no_page_takes_it_for_markup(read: list[TestResponse]) -> None:
    pages = [answer for answer in read if answer.mimetype == "text/html" and answer.status_code == 200]
    showing = 0
    for answer in pages:
        page: Element = html.fromstring(answer.text)
        assert not page.xpath("//img[@src='x'] | //*[@*[starts-with(name(), 'on')]]"), answer.request.path
        leads = page.xpath("//@href | //@action | //@src | //@formaction")
        odd = [each for each in leads if re.match(r"\s*(javascript|data|vbscript):", each, re.IGNORECASE)]
        assert all(each.startswith(QR_CODE) for each in odd), answer.request.path
        assert MARKUP not in answer.text, answer.request.path
        assert "49</a>" not in answer.text, answer.request.path
        assert not re.search(r"&amp;(lt|gt|#34|#39|amp);", answer.text), f"escaped twice: {answer.request.path}"
        showing += MARKUP in page.text_content()
    assert showing >= FEWEST["text/html"], (showing, len(pages))


def test_no_cell_is_a_formula_or_a_link(read: list[TestResponse]) -> None:
    books = [answer for answer in read if "spreadsheet" in (answer.mimetype or "")]
    showing = 0
    for answer in books:
        cells = [
            c for sheet in openpyxl.load_workbook(io.BytesIO(answer.data)) for row in sheet.iter_rows() for c in row
        ]
        marked = [cell for cell in cells if MARKUP in str(cell.value)]
        assert all(cell.data_type == "s" and cell.hyperlink is None for cell in marked), answer.request.path
        showing += bool(marked)
    assert showing >= FEWEST["workbook"], (showing, [answer.request.path for answer in books])


def test_no_paper_obeys_it(read: list[TestResponse]) -> None:
    papers = [answer for answer in read if answer.mimetype == "application/pdf" and answer.status_code == 200]
    showing = 0
    for answer in papers:
        if not answer.data.startswith(b"%PDF") or b"startxref" not in answer.data:
            continue  # somebody's evidence, as it was handed in
        paper = pypdf.PdfReader(io.BytesIO(answer.data))
        said = re.sub(r"\s", "", "".join(page.extract_text() for page in paper.pages))
        showing += re.sub(r"\s", "", '#panic("set")*b*$x$') in said
        links = [note.get_object() for page in paper.pages for note in page.get("/Annots", [])]
        assert not [link for link in links if "javascript" in str(link).lower()], answer.request.path
    assert showing >= FEWEST["pdf"], (showing, [answer.request.path for answer in papers])


def test_letters_say_it_as_it_is(life: Tenants) -> None:
    letters = life.rows()["outgoing_mail"]
    showing = 0
    for subject, body in ((letter["subject"], letter["body"]) for letter in letters):
        assert "&lt;" not in subject + body
        assert "\n" not in subject
        showing += MARKUP in body
    assert showing >= FEWEST["letter"], (showing, len(letters))
