"""Requests that no browser sends: whatever comes, the answer is one of ours, and never a fault of the portal's."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.crawling import Form, forms, pages, send
from tests.integration.test_routes import Line, table
from tests.tenants import Tenants

READERS = ("supplier", "buyer")
FORM = "application/x-www-form-urlencoded"
DEEP = b"[" * 100_000
BODIES: list[tuple[str, bytes]] = [
    (FORM, b"version=%00&reason=%00&text=a%00b"),
    (FORM, b"version=%ff%fe&reason=%c3%28&text=%ed%a0%80&%ff=%ff"),
    (FORM, b"&".join([b"version=1", b"version=2", b"version=", b"reason=a", b"reason=b", b"answer=x&answer=y"])),
    (FORM, b"version=99999999999999999999999999&amount=1e400&day=0000-00-00&until=9999-99-99"),
    (FORM, b"version=-1&version[]=1&version[a][b]=2&=&&&=x&a"),
    (FORM, b"reason=" + b"x" * 200_000),
    (FORM, b"lines-999999999-key=x&lines--1-key=&lines-0-key=NULL&lines-a-key=1"),
    ("application/json", DEEP),
    ("application/json", b'{"version": NaN, "a": 1e400, "a": true}'),
    ("text/plain", b"\x00\xff"),
    ("multipart/form-data", b"--x\r\n"),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--"),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="workbook"; filename="a\r\n\x00.xlsx"\r\n\r\nPK\x03\x04\r\n--x--',
    ),
    ("multipart/form-data; boundary=" + "y" * 300, b"\xff" * 100),
    ("", b"version=1"),
]
QUERIES = [
    "%00",
    "a=%00&contract=%00&state=%00&after=%00&sort=%00",
    "contract=%ff&state=%c3%28&after=%ed%a0%80",
    "contract=a&contract=b&state=1&state=2&after=&after=x",
    "first=9999-12-31&last=0001-01-01&period=99999-99&period=0000-00&age=1e9&due=x&least=1e400&most=-1",
    "least=99999999999999999999999999999999&most=%E2%91%A0&rows=x&compare=-1&line=///&about=a/b/c/d&edit=x&show=x",
    "x=" + "y" * 20_000,
]
HEADERS: list[dict[str, str]] = [
    {"Referer": "http://[", "Origin": "http://[", "HX-Request": "true", "HX-Current-URL": "http://["},
    {"Accept-Language": "nb;q=x, *;q=-1, " + "a" * 5000, "Range": "bytes=5-1,x", "If-None-Match": "\xff"},
    {"If-Modified-Since": "Sun, 99 Foo 99999 99:99:99 GMT", "Accept": "x/y;q=NaN", "X-Forwarded-For": "x, ,"},
    {"Content-Length": "abc", "Transfer-Encoding": "chunked"},
]
PARTS = ["%00", "%ff", "..%2f..%2fetc%2fpasswd", "a%0d%0ab", "%E2%80%AE", "x" * 300, "{{7*7}}", "%25s", "é"]
"""Where an address has a word of its own: a kind, an act, a language."""
SOMETIMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUES = st.one_of(
    SOMETIMES,
    st.sampled_from(
        ["", "0", "-1", "NaN", "1e400", "9" * 40, "31.12.9999", "0001-01-01", "2026-02-30", "\0", "\u202e"]
    ),
    st.decimals(allow_nan=True).map(str),
    st.dates().map(str),
    st.uuids().map(str),
)
QUICK = settings(
    max_examples=40, derandomize=True, suppress_health_check=list(HealthCheck), deadline=None, database=None
)
LONG = settings(max_examples=3000, suppress_health_check=list(HealthCheck), deadline=None)


def ask(tenants: Tenants, who: str, method: str, address: str, **more: Any) -> None:
    """Whatever is answered, it is no fault; a fault of a view is raised here, as the application is being tested."""
    with tenants.unchanged():
        answer = tenants.ask(who, method, address, **more)
    assert answer.status_code < 500, (method, address, more, answer.text[:500])


def readers(line: Line) -> Iterator[str]:
    """Who of the two is let through."""
    yield READERS[line.answers[1:4] == ("403", "403", "403") or "{draft" in line.address]


def oddities(line: Line) -> list[tuple[str, dict[str, Any]]]:
    """What may be sent with one request: query, and the rest."""
    posted = [("", {"data": data, "headers": {"Content-Type": kind}}) for kind, data in BODIES]
    asked: list[tuple[str, dict[str, Any]]] = [(query, {}) for query in QUERIES]
    return [*(posted if line.method == "POST" else asked), *(("", {"headers": each}) for each in HEADERS)]


def ask_oddly(tenants: Tenants, each: int) -> None:
    """Ask every line of the table with every oddity, or with `each` one of so many."""
    for place, line in enumerate(line for line in table() if "503" not in line.answers):
        address = line.address.format(**tenants.first.things)
        for who in readers(line):
            for query, more in oddities(line)[place % each :: each]:
                ask(tenants, who, line.method, f"{address}?{query}" if query else address, **more)


def test_an_odd_request_is_answered(tenants: Tenants) -> None:
    ask_oddly(tenants, 12)


@pytest.mark.parametrize("body", [DEEP, b'{"version": NaN}', b"{}"], ids=["nested", "not a number", "empty"])
def test_no_page_reads_json(tenants: Tenants, body: bytes) -> None:
    """Whatever reads a form would read it too, and a page that is nested without end runs that out of stack."""
    posted = [line for line in table() if line.method == "POST" and line.answers[0] != "404"]
    for line in (line for line in posted if "503" not in line.answers):
        address = line.address.format(**tenants.first.things)
        with tenants.unchanged():
            answer = tenants.ask("buyer", "POST", address, data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 415, (address, answer.status_code)


@pytest.mark.soak
def test_every_odd_request_is_answered(tenants: Tenants) -> None:
    ask_oddly(tenants, 1)


def test_an_odd_address_is_answered(tenants: Tenants) -> None:
    lines = [
        line
        for line in table()
        if "/machinery" in line.address or "/acts/" in line.address or "/facts/" in line.address
    ]
    for line in [*lines, Line("/language/pause", "GET", ()), Line("/cases/{deviation}/pause", "POST", ())]:
        for part in PARTS:
            odd = line.address.replace("machinery", part).replace("/pause", f"/{part}").replace("/value", f"/{part}")
            ask(tenants, READERS["contracts" in odd], line.method, odd.format(**tenants.first.things))
    for line in table():
        for name in re.findall(r"{(\w+)}", line.address)[:1]:
            for part in ("%00", "00000000-0000-0000-0000-000000000000"):
                odd = line.address.replace("{" + name + "}", part, 1).format(**tenants.first.things)
                answer = tenants.ask("buyer", line.method, odd)
                assert answer.status_code in {401, 403, 404}, (odd, answer.status_code)


def fuzzed(form: Form, values: dict[str, str]) -> Form:
    return form.having(**{name: value for name, value in values.items() if name in form.names})


def fuzz(tenants: Tenants, who: str, every: list[Form], data: st.DataObject) -> None:
    """One form or filter of those that are shown, some of its fields filled in with anything."""
    form = data.draw(st.sampled_from(every))
    names = sorted(form.names)
    odd = data.draw(st.dictionaries(st.sampled_from(names), VALUES, min_size=1))
    with tenants.unchanged():
        answer = send(tenants, who, fuzzed(form, odd))
    assert answer.status_code < 500, (form, odd)


@pytest.mark.parametrize("who", READERS)
def test_a_form_or_filter_takes_anything(tenants: Tenants, who: str) -> None:
    every = [form for form in forms(pages(tenants, who)) if form.names]

    @QUICK
    @given(st.data())
    def check(data: st.DataObject) -> None:
        fuzz(tenants, who, every, data)

    check()


@pytest.mark.soak
@pytest.mark.parametrize("who", READERS)
def test_every_form_and_filter_takes_anything(tenants: Tenants, who: str) -> None:
    every = [form for form in forms(pages(tenants, who)) if form.names]

    @LONG
    @given(st.data())
    def check(data: st.DataObject) -> None:
        fuzz(tenants, who, every, data)

    check()
