"""What one request may weigh, how long it may take, how often costly work may be asked for, and whom we believe."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from flask import Flask, request
from flask.typing import ResponseReturnValue

from portal import clock
from portal import server as serving
from portal.config import BadSetting, Settings
from portal.web import access
from portal.web.costly import costly
from portal.web.security import HEADERS
from tests.browsing import NOON, OLA, Browser, Maker, another, with_people
from tests.serving import served

HTTPS = "https://klima.example"


@pytest.fixture
def port(make_app: Maker, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A portal served as in earnest, whose patience is short."""
    monkeypatch.setattr(serving, "LARGEST_BODY", 1_000_000)
    monkeypatch.setattr(serving.Incoming, "longest_seconds", 0.3)
    with served(make_app(sqlite_url)) as found:
        yield found


def said(port: int, *pieces: bytes, rest: float = 0.0) -> tuple[str, dict[str, str]]:
    """The first line and the headers of what is answered to these bytes, sent with a rest before each."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        with suppress(OSError):  # it may have answered and hung up by now
            for piece in pieces:
                time.sleep(rest)
                connection.sendall(piece)
        answer = b""
        while b"\r\n\r\n" not in answer and (more := connection.recv(65536)):
            answer += more
    head = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return head[0], dict(line.split(": ", 1) for line in head[1:])


START = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.mark.parametrize(
    ("pieces", "line"),
    [
        ((START + b"Content-Length: 1000001\r\n\r\n",), "413 Request Entity Too Large"),
        ((START + b"X-Much: " + b"x" * 70_000 + b"\r\n\r\n",), "431 Request Header Fields Too Large"),
        ((START + b"Content-Length: x\r\n\r\n",), "400 Bad Request"),
        (
            (START + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",),
            "400 Bad Request",
        ),
        ((b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",), "400 Bad Request"),
    ],
)
def test_what_the_server_refuses_carries_our_headers_too(port: int, pieces: tuple[bytes, ...], line: str) -> None:
    first, headers = said(port, *pieces)
    assert first.partition(" ")[2] == line
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert (headers["Cache-Control"], headers["Content-Type"]) == ("no-store", "text/plain; charset=utf-8")


def test_a_request_that_drips_is_given_up(port: int) -> None:
    first, headers = said(port, START, b"Content-Length: 100\r\n\r\n", *[b"x"] * 3, rest=0.15)
    assert first.endswith(" 408 Request Timeout")
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_those_who_drip_keep_nobody_else_waiting(port: int) -> None:
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(serving.THREADS * 3)]
    for each in slow:
        each.sendall(START + b"Content-Length: 100\r\n\r\nx")
    first, _headers = said(port, b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    for each in slow:
        each.close()
    assert first == "HTTP/1.1 200 OK"


# -- costly work ------------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(make_app: Maker, sqlite_url: str) -> Flask:
    """Where three files a minute are enough."""
    app = make_app(sqlite_url, costly_per_minute=3)

    @app.get("/probe/costly")
    @access.signed_in("a test")
    @costly
    def work() -> ResponseReturnValue:
        return "done"

    return with_people(app)


def test_costly_work_is_done_so_often_a_minute(busy: Flask) -> None:
    with clock.at(NOON):
        kari = Browser(busy.test_client())
        kari.sign_in()
        assert [kari.get("/probe/costly").status_code for _ in range(4)] == [200, 200, 200, 429]
    with clock.at(NOON + timedelta(seconds=40)):
        answer = kari.get("/probe/costly")
        wait = answer.headers["Retry-After"]
        assert (answer.status_code, int(wait) in range(10, 22)) == (429, True)
        assert f"Wait {wait} seconds and try again" in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        assert kari.is_in()  # nothing else is kept from her
    with clock.at(NOON + timedelta(seconds=61)):
        assert kari.get("/probe/costly").status_code == 200


def test_colleagues_share_what_their_organisation_has(busy: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.web.costly.PERSONS_WORTH", 1)
    with clock.at(NOON):
        kari, ola = Browser(busy.test_client()), another(busy)
        kari.sign_in()
        for _ in range(3):
            kari.get("/probe/costly")
        ola.sign_in(OLA)
        page = ola.get("/acting-for").text
        first = page.split('name="membership" value="')[1].partition('"')[0]
        ola.post("/acting-for", None, membership=first)
        statuses = {ola.get("/probe/costly").status_code}
        second = page.split('name="membership" value="')[2].partition('"')[0]
        ola.post("/acting-for", None, membership=second)
        statuses.add(ola.get("/probe/costly").status_code)
    assert statuses == {200, 429}  # for the organisation of Kari none is left, for the other there is


def test_every_way_in_and_out_of_files_that_costs_is_counted(make_app: Maker, sqlite_url: str) -> None:
    app = make_app(sqlite_url)
    counted = {name for name, view in app.view_functions.items() if _is_costly(view)}
    assert counted >= {
        "cases.paper_decision",
        "contracts.import_many",
        "contracts.import_template",
        "contracts.marked_import",
        "exports.workbook",
        "reports.attach",
        "reports.imports.marked",
        "reports.imports.read_again",
        "reports.imports.template",
        "reports.imports.upload",
        "reports.paper_receipt",
        "trail.workbook",
    }
    made = {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.endswith((".xlsx", ".pdf"))}
    assert made <= counted


def _is_costly(view: Callable[..., object] | None) -> bool:
    while view is not None:
        if view.__code__.co_name == "counted":
            return True
        view = getattr(view, "__wrapped__", None)
    return False


# -- whom we believe --------------------------------------------------------------------------------------------------

FORGED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=203.0.113.9;host=evil.example;proto=https",
}


def with_mirror(app: Flask) -> Flask:
    @app.get("/probe/mirror")
    @access.public("a test")
    def mirror() -> ResponseReturnValue:
        return {
            "address": request.remote_addr,
            "host": request.host,
            "scheme": request.scheme,
            "root": request.url_root,
        }

    return app


def test_without_a_proxy_nobody_is_believed(make_app: Maker, sqlite_url: str) -> None:
    client = with_mirror(make_app(sqlite_url)).test_client()
    plain = client.get("/probe/mirror").json
    assert client.get("/probe/mirror", headers=FORGED).json == plain


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [(1, "198.51.100.1, 203.0.113.9", "203.0.113.9"), (2, "198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9")],
)
def test_of_what_proxies_say_only_the_client_and_https_are_believed(
    make_app: Maker, sqlite_url: str, proxies: int, forwarded: str, address: str
) -> None:
    app = with_mirror(make_app(sqlite_url, base_url=HTTPS, proxies=proxies))
    heard = {**FORGED, "X-Forwarded-For": forwarded, "X-Forwarded-Proto": ", ".join(["https"] * proxies)}
    found = app.test_client().get("/probe/mirror", headers={**heard, "Host": "klima.example"}).json
    assert found == {"address": address, "host": "klima.example", "scheme": "https", "root": "https://klima.example/"}


@pytest.mark.parametrize("given", ["one", "-1", "1.5", "²"])
def test_a_number_that_is_none_is_refused_by_its_name(given: str) -> None:
    with pytest.raises(BadSetting, match="KLIMAKONTRAKT_PROXIES"):
        Settings.from_environment({"KLIMAKONTRAKT_PROXIES": given, "KLIMAKONTRAKT_SECRET_KEY": "x"})
