"""The file store on a folder and on an S3 server of its own, what may be evidence, and what a name becomes."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from portal import clock
from portal.errors import NotFound, Unavailable
from portal.files import CSV, DOCX, JPEG, LONGEST_NAME, PDF, PNG, TXT, XLSX, Store, clean_name, media_type

ROOT = Path(__file__).parents[2]
LETTER = "Kvittering for 1 840,5 liter, Blåbærøy".encode()
LETTER_HASH = hashlib.sha256(LETTER).hexdigest()
LIMITED = """
import resource, sys
from portal.errors import Unavailable
from portal.files import Store
store = Store(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
store.put(b"small")
try:
    store.put(b"x" * 1_000_000)
except Unavailable as error:
    print(error)
"""


class Bucket(BaseHTTPRequestHandler):
    """The part of S3's protocol that a store of files needs: one bucket in memory."""

    server: "BucketServer"

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.failing:
            self._answer(507)
        elif self.headers.get("If-None-Match") == "*" and self._key() in self.server.objects:
            self._answer(412)
        else:
            self.server.objects[self._key()] = (content, clock.now())
            self._answer(200)

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._answer(200, self._listing(query.get("prefix", [""])[0]))
        else:
            self.do_HEAD()

    def do_HEAD(self) -> None:
        found = self.server.objects.get(self._key())
        if found is None:
            self._answer(404)
        else:
            self._answer(200, found[0], found[1])

    def do_DELETE(self) -> None:
        self.server.objects.pop(self._key(), None)
        self._answer(204)

    def do_POST(self) -> None:
        """Several deletions at once."""
        wanted = self.rfile.read(int(self.headers["Content-Length"])).decode()
        deleted = [key for key in self.server.objects if f"<Key>{key}</Key>" in wanted]
        for key in deleted:
            del self.server.objects[key]
        told = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in deleted)
        self._answer(200, f"<DeleteResult>{told}</DeleteResult>".encode())

    def log_message(self, *_: object) -> None:
        pass

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/evidence/")

    def _listing(self, prefix: str) -> bytes:
        found = "".join(
            f"<Contents><Key>{key}</Key><LastModified>{when:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>e</ETag><Size>{len(content)}</Size></Contents>"
            for key, (content, when) in sorted(self.server.objects.items())
            if key.startswith(prefix)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()

    def _answer(self, status: int, content: bytes = b"", when: datetime | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", format_datetime((when or clock.now()).astimezone(UTC), usegmt=True))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


class BucketServer(ThreadingHTTPServer):
    daemon_threads = True
    failing = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Bucket)
        self.objects: dict[str, tuple[bytes, datetime]] = {}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketServer]:
    server = BucketServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    environment = {
        "AWS_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-north-1",
        "AWS_ALLOW_HTTP": "true",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "s3":
        request.getfixturevalue("bucket")
        return Store("s3://evidence/2027")
    return Store(f"file://{tmp_path / 'with space' / 'files'}")


# The store


def test_what_is_put_comes_back(store: Store) -> None:
    stored = store.put(LETTER)
    assert stored == (LETTER_HASH, len(LETTER))
    assert store.get(LETTER_HASH) == LETTER
    assert store.exists(LETTER_HASH)


def test_a_large_file_is_put_and_streamed_in_pieces(store: Store) -> None:
    content = os.urandom(7_000_000)
    stored = store.put(io.BytesIO(content))
    pieces = list(store.stream(stored.sha256))
    assert stored.size == len(content)
    assert len(pieces) > 1
    assert b"".join(pieces) == content


def test_the_same_content_twice_is_kept_once(store: Store) -> None:
    assert store.put(LETTER) == store.put(io.BytesIO(LETTER))
    assert store.sweep([], timedelta(days=1)) == 0
    with clock.at(clock.now() + timedelta(days=2)):
        assert store.sweep([], timedelta(days=1)) == 1


@pytest.mark.parametrize("sha256", ["0" * 64, "", "../../etc/passwd", "0" * 63 + "/", LETTER_HASH.upper()])
def test_what_was_never_put_is_not_found(store: Store, sha256: str) -> None:
    with pytest.raises(NotFound):
        store.get(sha256)
    with pytest.raises(NotFound):
        store.stream(sha256)


def test_exists_says_no(store: Store) -> None:
    assert not store.exists("0" * 64)


def test_a_sweep_takes_what_is_old_and_in_no_row(store: Store) -> None:
    kept, orphan = store.put(LETTER).sha256, store.put(b"abandoned").sha256
    with clock.at(clock.now() + timedelta(hours=25)):
        assert store.sweep([kept, "f" * 64]) == 1
    assert store.exists(kept)
    assert not store.exists(orphan)


def test_a_sweep_refuses_to_take_what_is_new(store: Store) -> None:
    with pytest.raises(ValueError, match="younger"):
        store.sweep([], timedelta(minutes=5))


def test_the_folder_is_for_its_owner_and_other_files_in_it_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    store = Store(f"file://{folder}")
    assert folder.stat().st_mode & 0o777 == 0o700
    other = folder / "ab" / "notes.txt"
    other.parent.mkdir()
    other.write_text("mine")
    with clock.at(clock.now() + timedelta(days=2)):
        assert store.sweep([]) == 0
    assert other.exists()


def test_content_that_is_handed_in_again_before_a_sweep_survives_it(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}")
    path = _path(tmp_path, store.put(LETTER).sha256)
    two_days_ago = (clock.now() - timedelta(days=2)).timestamp()
    os.utime(path, (two_days_ago, two_days_ago))
    rows_before_it_was_handed_in_again: list[str] = []
    store.put(LETTER)
    assert store.sweep(rows_before_it_was_handed_in_again) == 0
    assert store.get(LETTER_HASH) == LETTER


def test_a_file_that_a_power_cut_left_short_is_written_again(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}")
    _path(tmp_path, store.put(LETTER).sha256).write_bytes(b"")
    with pytest.raises(Unavailable):
        store.get(LETTER_HASH)
    store.put(LETTER)
    assert store.get(LETTER_HASH) == LETTER


def test_changed_content_is_not_handed_out_as_evidence(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}")
    path = _path(tmp_path, store.put(LETTER).sha256)
    path.write_bytes(LETTER.replace(b"1 840", b"1 040"))
    with pytest.raises(Unavailable, match="no longer as it was handed in"):
        store.get(LETTER_HASH)


def test_a_full_disk_is_said_in_plain_words_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, f"file://{tmp_path}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "nothing was stored" in done.stdout
    store = Store(f"file://{tmp_path}")
    assert store.get(hashlib.sha256(b"small").hexdigest()) == b"small"
    assert not store.exists(hashlib.sha256(b"x" * 1_000_000).hexdigest())


def test_a_folder_that_is_gone_is_said_in_plain_words(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    store = Store(f"file://{folder}")
    shutil.rmtree(folder)
    folder.write_text("a file in its place")
    with pytest.raises(Unavailable) as refusal:
        store.put(LETTER)
    assert "ingenting ble lagret" in refusal.value.text.nb
    for call in (store.get, store.exists):
        with pytest.raises(Unavailable):
            call(LETTER_HASH)
    with pytest.raises(Unavailable):
        Store(f"file://{folder}/below")


def test_an_s3_that_fails_or_is_down_is_said_in_plain_words(bucket: BucketServer) -> None:
    store = Store("s3://evidence")
    bucket.failing = True
    with pytest.raises(Unavailable) as refusal:
        store.put(LETTER)
    assert "nothing was stored" in refusal.value.text.en
    assert bucket.objects == {}

    bucket.failing = False
    store.put(LETTER)
    bucket.shutdown()
    bucket.server_close()
    for call in (store.get, store.exists):
        with pytest.raises(Unavailable):
            call(LETTER_HASH)
    with pytest.raises(Unavailable):
        store.put(b"another")


@pytest.mark.parametrize("url", ["", "files", "file://relative", "ftp://host/files", "gs://bucket"])
def test_other_places_are_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="file:///"):
        Store(url)


def _path(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / sha256


# What may be evidence


def _archive(*parts: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for part in parts:
            archive.writestr(part, "<x/>")
    return file.getvalue()


WORKBOOK = ("[Content_Types].xml", "xl/workbook.xml")
DOCUMENT = ("[Content_Types].xml", "word/document.xml")
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00"


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"%PDF-1.7\n...", "Faktura.PDF", PDF),
        (PICTURE, "maskin.png", PNG),
        (b"\xff\xd8\xff\xe0\x00", "skilt.jpg", JPEG),
        (b"\xff\xd8\xff\xe1\x00", "skilt.jpeg", JPEG),
        (_archive(*WORKBOOK), "timer.xlsx", XLSX),
        (_archive(*DOCUMENT), "svar.docx", DOCX),
        (b"maskin;liter\nhjullaster;12,5\n", "drivstoff.csv", CSV),
        ("maskin;liter\nhjullaster på Blåbærøy;12,5\n".encode("cp1252"), "drivstoff.csv", CSV),
        ("\ufeffmaskin\tliter\r\n".encode("utf-16"), "drivstoff.csv", CSV),
        ("\ufeffNotat: 3 < 4 & 5 > 4".encode(), "notat.txt", TXT),
    ],
)
def test_allowed_evidence(content: bytes, name: str, expected: str) -> None:
    assert media_type(content, name) == expected


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<!doctype html><script>alert(1)</script>", "rapport.html"),
        (b"<!doctype html><script>alert(1)</script>", "rapport.txt"),
        (b"  \n<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>", "tegning.svg"),
        (b"<svg/>", "tegning.png"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "x.csv"),
        ("<html>".encode("utf-16"), "x.txt"),
        (b"MZ\x90\x00\x03", "program.exe"),
        (b"MZ\x90\x00\x03", "program.pdf"),
        (b"\x7fELF\x02\x01", "program.txt"),
        (b"#!/bin/sh\nrm -rf /\n", "liste.txt"),
        (b"@echo off\r\n", "kjor.bat"),
        (b"%PDF-1.7\n@echo off", "faktura.bat"),
        (PICTURE, "maskin.jpg"),
        (PICTURE, "maskin"),
        (_archive(*WORKBOOK, "xl/vbaProject.bin"), "timer.xlsx"),
        (_archive(*WORKBOOK), "timer.xlsm"),
        (_archive(*WORKBOOK), "timer.docx"),
        (_archive("a.txt"), "timer.xlsx"),
        (_archive(*WORKBOOK)[:-30], "timer.xlsx"),
        (_archive(*WORKBOOK, *(f"xl/{number}.xml" for number in range(2001))), "timer.xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "gammel.xls"),
        (b"ole \x00 tekst", "notat.txt"),
        (b"{\\rtf1 hei}", "notat.txt"),
        (b"\x81\x8d", "notat.txt"),
        (b"", "tom.txt"),
        (b"", "tom.pdf"),
    ],
)
def test_refused_as_evidence(content: bytes, name: str) -> None:
    assert media_type(content, name) is None


# Names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Kvittering mai.pdf", "Kvittering mai.pdf"),
        ("Blåbærøy – «drivstoff».xlsx", "Blåbærøy – «drivstoff».xlsx"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Kari\\faktura.pdf", "faktura.pdf"),
        ("faktura\r\nSet-Cookie: x=1.pdf", "fakturaSet-Cookie_ x=1.pdf"),
        ("faktura\u202efdp.exe", "fakturafdp.exe"),
        ("\u2067fak\u200btura\ufeff.pdf", "faktura.pdf"),
        ("a\x00b\x7f.pdf", "ab.pdf"),
        ("  a \u00a0\u2003 b .pdf  ", "a b.pdf"),
        ("rapport.pdf. . ", "rapport.pdf"),
        (".htaccess", "htaccess"),
        ('a"b<c>|d?.pdf', "a_b_c__d_.pdf"),
        ("", "file"),
        ("..", "file"),
        ("folder/", "file"),
        ("\u202e\n", "file"),
        ("o\u0308.pdf", "ö.pdf"),
    ],
)
def test_a_clean_name(name: str, expected: str) -> None:
    assert clean_name(name) == expected
    assert clean_name(expected) == expected


def test_a_long_name_keeps_its_end() -> None:
    short = clean_name("æ" * 500 + ".xlsx")
    assert len(short) == LONGEST_NAME
    assert short.endswith("æ.xlsx")
    assert len(clean_name("a." + "b" * 500)) == LONGEST_NAME
