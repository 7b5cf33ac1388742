"""Malware is looked for before anything is kept; a scanner that does not answer keeps everything out."""

import contextvars
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.config import BadSetting
from portal.errors import Refused, Unavailable
from portal.extensions import db, parts, transaction
from portal.model import Evidence, ImportedFile
from portal.scanning import Scanner
from tests.browsing import Maker, count
from tests.clamd import EICAR, Clamd, clamd
from tests.desk import give_passwords
from tests.pages import Desk
from tests.terminal import Terminal
from tests.world import World, build_world, fill_in

INFECTED = b"%PDF-1.7 " + EICAR
SOUND = b"%PDF-1.7 an invoice"


@pytest.fixture
def scanner() -> Iterator[Clamd]:
    with clamd() as found:
        yield found


def peopled(app: Flask) -> World:
    with transaction():
        world = build_world()
    give_passwords(world)
    return world


def sent(app: Flask, content: bytes, name: str) -> TestResponse:
    """Anna puts a file beside her diesel, or sends the workbook of her report."""
    with app.app_context():
        world = peopled(app)
        anna = Desk(app.test_client()).sign_in(world.anna)
        fill_in(world)
        report = f"/reports/{world.report.public_id}"
        is_book = name.endswith(".xlsx")
        line = f"{report}/sections/machinery/lines/{world.machines['DI-2']}/files"
        data = {"workbook" if is_book else "files": [(io.BytesIO(content), name)], "field": "amount"}
        return contextvars.Context().run(anna.client.post, f"{report}/imports" if is_book else line, data=data)


def kept(app: Flask, folder: Path) -> tuple[int, int, int]:
    """Rows of evidence, rows of workbooks, files in the store."""
    files = [each for each in (folder / "files").rglob("*") if each.is_file()]
    return count(app, Evidence), count(app, ImportedFile), len(files)


@pytest.mark.parametrize("entity", [Evidence, ImportedFile])
def test_a_file_is_kept_by_a_name_that_is_only_a_name(
    make_app: Maker, sqlite_url: str, tmp_path: Path, entity: type[Evidence | ImportedFile]
) -> None:
    """Whatever the browser calls it; in the store it has no name of its own, but that of its content."""
    app, suffix = make_app(sqlite_url), "pdf" if entity is Evidence else "xlsx"
    content = SOUND if entity is Evidence else workbook(b"x")
    assert sent(app, content, f"../../etc/\u202efak<tura>.{suffix}").status_code == 303
    with app.app_context():
        assert db.session.scalars(select(entity.name)).all() == [f"fak_tura_.{suffix}"]
    stored = [each for each in (tmp_path / "files").rglob("*") if each.is_file()]
    assert [each.name for each in stored if "fak" in str(each)] == []
    assert hashlib.sha256(content).hexdigest() in {each.name for each in stored}


@pytest.mark.parametrize("name", ["faktura.pdf", "rapport.xlsx"])
def test_malware_is_refused_with_words_and_nothing_is_kept(
    make_app: Maker, sqlite_url: str, scanner: Clamd, tmp_path: Path, name: str
) -> None:
    app = make_app(sqlite_url, scanner_url=scanner.url)
    content = INFECTED if name.endswith("pdf") else workbook(EICAR)
    answer = sent(app, content, name)
    assert answer.status_code == 422
    assert "malware" in answer.text
    assert kept(app, tmp_path) == (0, 0, 0)
    assert scanner.looked_at == [content]


def test_a_sound_file_is_looked_at_and_kept_whole(
    make_app: Maker, sqlite_url: str, scanner: Clamd, tmp_path: Path
) -> None:
    app = make_app(sqlite_url, scanner_url=scanner.url)
    assert sent(app, SOUND, "faktura.pdf").status_code == 303
    assert kept(app, tmp_path) == (1, 0, 1)
    with app.app_context():
        row = db.session.query(Evidence).one()
        assert parts().store.get(row.sha256) == SOUND
    assert scanner.looked_at == [SOUND]


def test_nothing_is_taken_while_the_scanner_is_away(make_app: Maker, sqlite_url: str, tmp_path: Path) -> None:
    with clamd() as gone:
        url = gone.url
    app = make_app(sqlite_url, scanner_url=url)
    answer = sent(app, SOUND, "faktura.pdf")
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert "could not be searched" in answer.text
    assert kept(app, tmp_path) == (0, 0, 0)


def test_a_file_that_the_scanner_would_not_look_at_is_not_taken(scanner: Clamd) -> None:
    scanner.most = 10
    with pytest.raises(Unavailable):
        Scanner(scanner.url).look(io.BytesIO(SOUND))


def test_large_files_are_sent_in_pieces(scanner: Clamd) -> None:
    large = bytes(range(256)) * 4000
    file = io.BytesIO(large)
    Scanner(scanner.url).look(file)
    assert (scanner.looked_at, file.tell()) == ([large], 0)
    with pytest.raises(Refused):
        Scanner(scanner.url).look(io.BytesIO(large + EICAR))


@pytest.mark.parametrize("url", ["http://127.0.0.1:3310", "clamd://", "127.0.0.1"])
def test_a_scanner_is_named_in_one_way(url: str) -> None:
    with pytest.raises(BadSetting, match="clamd://host:port"):
        Scanner(url)


def test_check_tells_whether_the_scanner_is_there(tmp_path: Path, sqlite_url: str, scanner: Clamd) -> None:
    terminal = Terminal(tmp_path, DATABASE_URL=sqlite_url)

    def told(url: str) -> str:
        lines = terminal.run("check", KLIMAKONTRAKT_SCANNER_URL=url).output.splitlines()
        return next(line for line in lines if "Malware" in line)

    assert told(scanner.url).startswith("fine ")
    assert told("").startswith("warning ")
    assert told("clamd:///no/such/socket").startswith("fault ")
    assert told("ftp://x").startswith("fault ")


def workbook(content: bytes) -> bytes:
    """Bytes that begin as a workbook does; whoever looks for malware looks before anybody unpacks it."""
    return b"PK\x03\x04" + content
