"""Going through the portal as a browser would: every link that is followed, every form that is filled in and sent."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from lxml import html
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from tests.tenants import Tenants

Element: TypeAlias = Any
"""Of a page. lxml's own types cannot say what an XPath gives."""
ALIKE = 3
"""How many addresses are followed that differ in their query only."""
ONES_OWN = "/account"
"""Pages of the person's own, with keys and codes that are new each time they are shown."""
DAY, WORDS, NUMBER = "2026-06-22", "Tekst", "1"
_DAYS = re.compile(r"(_on|_from|_to|day|until|date|first|last)$")
_TOKEN = re.compile(r"\bI[\w-]{20,}\.[\w-]{6}\.[\w-]{20,}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HASH = re.compile(r"\b(?:[0-9a-f]{16}|[0-9a-f]{32,64})\b")
_TODAY = re.compile(
    r"2026-06-08[T ]\d\d:\d\d:\d\d(\.\d+)?([+]00:00|Z)?|\b2026-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{6}([+]00:00)?"
)


@dataclass(frozen=True)
class Form:
    """A form as it would be sent: the button that is pressed is one of its values."""

    page: str
    method: str
    action: str
    values: tuple[tuple[str, str], ...]

    @property
    def names(self) -> frozenset[str]:
        """What is sent, but for the token."""
        return frozenset(name for name, _value in self.values) - {"csrf_token"}

    def having(self, **changes: str) -> "Form":
        """The form with other values, or more of them."""
        kept = tuple((name, changes.get(name, value)) for name, value in self.values)
        return replace(self, values=kept + tuple((name, changes[name]) for name in changes.keys() - dict(kept).keys()))


def pages(tenants: Tenants, who: str) -> dict[str, TestResponse]:
    """Every page that can be reached by links from the front page: address -> answer. They are asked for once a run."""
    if who not in tenants.crawled:
        with tenants.unchanged():
            tenants.crawled[who] = crawl(tenants, who)
    return tenants.crawled[who]


def crawl(tenants: Tenants, who: str) -> dict[str, TestResponse]:
    """The same, asked for now; what looking at them writes stays written."""
    waiting, found, seen = ["/"], {}, dict[tuple[str, str], int]()
    while waiting:
        address = waiting.pop(0)
        shape = _shape(address)
        if address in found or seen.get(shape, 0) >= (ALIKE if "?" in address else 1):
            continue
        seen[shape] = seen.get(shape, 0) + 1
        found[address] = answer = tenants.ask(who, "GET", address)
        if answer.status_code in {301, 302, 303}:
            waiting.append(urlsplit(answer.location).path)
        waiting += list(_links(answer, address))
    return found


def _parsed(answer: TestResponse) -> Element:
    return html.fromstring(answer.text)


def _links(answer: TestResponse, address: str) -> Iterator[str]:
    if answer.mimetype == "text/html" and answer.text.strip():
        for href in _parsed(answer).xpath("//a/@href"):
            parts = urlsplit(urljoin(address, href))
            if not (parts.scheme or parts.netloc) and parts.path and not parts.path.startswith("/static/"):
                yield f"{parts.path}?{parts.query}" if parts.query else parts.path


def _shape(address: str) -> tuple[str, str]:
    """What makes two addresses alike: the path, and which names its query has."""
    parts = urlsplit(address)
    return parts.path, ",".join(sorted({name for name, _value in parse_qsl(parts.query)}))


def forms(found: dict[str, TestResponse]) -> Iterator[Form]:
    """Every form on these pages, filled in, once for each of its buttons."""
    known = set()
    for address, answer in found.items():
        if answer.status_code == 200 and answer.mimetype == "text/html":
            for form in _parsed(answer).xpath("//form"):
                for filled in _filled(form, address):
                    place = (filled.method, filled.action, filled.names)
                    if place not in known:
                        known.add(place)
                        yield filled


def _filled(form: Element, address: str) -> Iterator[Form]:
    action = urljoin(address, form.get("action") or address)
    values = [pair for field in form.inputs if field.get("name") for pair in _values(field)]
    buttons = {
        button.get("name"): (button.get("name"), button.get("value") or "")
        for button in form.xpath(".//button[@name] | .//input[@type='submit'][@name]")
    }
    for pressed in [[each] for each in buttons.values()] or [[]]:
        yield Form(address, (form.get("method") or "get").upper(), action, tuple(values + pressed))


def _values(field: Element) -> Iterator[tuple[str, str]]:
    name, kind = field.get("name"), field.get("type", "")
    if field.tag == "select":
        options = [each.get("value", each.text or "") for each in field.xpath(".//option")]
        yield name, field.value or next((each for each in options if each), "")
    elif kind in {"submit", "button", "file", "image", "reset"} or field.get("disabled") is not None:
        return
    elif kind == "checkbox":
        yield name, field.get("value", "on")
    elif kind == "radio":
        group = field.xpath("ancestor::form[1]//input[@type='radio'][@name=$name]", name=name)
        chosen = next((each for each in group if each.get("checked") is not None), group[0])
        if field is chosen:
            yield name, field.get("value", "on")
    else:
        yield name, field.value or _typed(field, name)


def _typed(field: Element, name: str) -> str:
    if field.get("type") == "hidden":
        return ""
    if field.get("type") == "email" or name == "email":
        return "ny@prove.example"
    if field.get("type") == "date" or _DAYS.search(name):
        return DAY
    return NUMBER if field.get("inputmode") in {"numeric", "decimal"} or field.get("type") == "number" else WORDS


def send(tenants: Tenants, who: str, form: Form, **more: Any) -> TestResponse:
    """Send a form as a browser does."""
    body = urlencode(form.values)
    if form.method == "GET":
        return tenants.ask(who, "GET", f"{form.action.partition('?')[0]}?{body}", **more)
    headers = {"Content-Type": "application/x-www-form-urlencoded", **more.pop("headers", {})}
    return tenants.ask(who, "POST", form.action, data=body, headers=headers, **more)


def endpoint(tenants: Tenants, method: str, address: str) -> str:
    """Which view answers an address; empty for none."""
    try:
        return str(tenants.app.url_map.bind("127.0.0.1").match(urlsplit(address).path, method=method)[0])
    except HTTPException:
        return ""


def text(answer: TestResponse) -> str:
    """The body of an answer, whatever it is."""
    return str(answer.data, "utf-8", "replace")


def bare(answer: TestResponse, *ids: str) -> str:
    """The body of an answer, in which neither ids nor tokens nor moments of today make a difference."""
    return told_apart(_TOKEN.sub("<token>", text(answer)), *ids)


def told_apart(text: str, *ids: str) -> str:
    """A text in which ids and moments of today stand for themselves no more, so that two runs can be compared."""
    names: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        return names.setdefault(found[0].replace("-", ""), f"<{len(names)}>")

    for each in ids:
        text = text.replace(each, "<asked>")
    return _TODAY.sub("<now>", _HASH.sub(named, UUID.sub(named, text)))


def difference(first: str, second: str) -> tuple[str | None, str | None] | None:
    """The first line in which two answers do not say the same."""
    lines = itertools.zip_longest(first.splitlines(), second.splitlines())
    return next(((one, other) for one, other in lines if one != other), None)
