"""What every page must be, whatever it shows: accessible, within the content policy, valid, no wider than the screen.

A journey asks for the fixture `check_page` and calls `check_page(page)` in each state that it reaches: filled, refused,
empty, narrow. All that is wrong is gathered before the test fails, so that one run tells everything.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self, TypedDict
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import pytest
from playwright.sync_api import ConsoleMessage, Error, Page

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (1280, 320)
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"]

_IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", re.IGNORECASE)
_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
_WIDE = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const scrolls = (e) => e && (["auto", "scroll"].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  return [...document.body.querySelectorAll("*")]
    .filter((e) => e.getBoundingClientRect().right > room + 1 && !scrolls(e.parentElement))
    .map((e) => e.outerHTML.slice(0, 120)).slice(0, 5).concat(["the page is wider than its window"]);
}"""


_HEIGHT = "() => document.documentElement.scrollHeight"
STILL = 4
"""Readings of the same height, 60 ms apart, after which nothing unfolds any more."""


class Violation(TypedDict):
    """One rule of axe that a page breaks."""

    id: str
    help: str
    nodes: list[dict[str, object]]


def chromium() -> str:
    """The path of Debian's Chromium, or another that the machine has. Never downloads one."""
    for name in CHROMIUM_NAMES:
        if path := shutil.which(name):
            return path
    raise RuntimeError("The tests need Chromium; `make chromium` installs it or says how.")


class HtmlValidator:
    """html-validate in one Node process, asked a page at a time."""

    def __init__(self) -> None:
        node = ROOT / ".venv" / "bin" / "node"
        self._process = subprocess.Popen(
            [str(node) if node.exists() else "node", str(Path(__file__).with_name("validate_html.mjs"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def problems(self, html: str) -> list[str]:
        """What is wrong with a page, as "rule: message: source"; empty when nothing is."""
        wire, answers = self._wires()
        wire.write(json.dumps(html) + "\n")
        wire.flush()
        answer = answers.readline()
        if not answer:
            raise RuntimeError(f"html-validate stopped with {self._process.wait(5)}")
        found: list[str] = json.loads(answer)
        return found

    def _wires(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for wire in self._wires():
            wire.close()
        self._process.wait(10)


class PageChecks:
    """Checks pages of one run. Call it; `watch` a page first to hear what its console says from the start."""

    def __init__(self, validator: HtmlValidator) -> None:
        self._validator = validator
        self._said: WeakKeyDictionary[Page, list[str]] = WeakKeyDictionary()
        self._titles: dict[str, str] = {}

    def watch(self, page: Page) -> Page:
        """Keep what the page's console complains of; the next check of the page fails by it."""
        said = self._said.setdefault(page, [])
        page.on("console", lambda message: said.extend(_complaint(message)))
        page.on("pageerror", lambda error: said.append(f"script error: {_in_words(error)}"))
        return page

    def __call__(self, page: Page, *, widths: tuple[int, ...] = WIDTHS) -> None:
        """Fail with all that is wrong with the page as it stands. `widths` of the window in pixels; put back after."""
        if page not in self._said:
            raise RuntimeError("Let check_page.watch(page) listen before the page loads.")
        _wait_until_still(page)
        found = [f"console: {said}" for said in self._said[page]]
        self._said[page].clear()
        found += [f"html: {problem}" for problem in self._validator.problems(page.content())]
        found += self._title_problems(page)
        before = page.viewport_size
        with _awake(page) as read:
            for width in widths:
                for window in {page, read}:
                    window.set_viewport_size({"width": width, "height": 900})
                found += [f"{width} px wide: {problem}" for problem in page.evaluate(_WIDE)]
                found += [f"{width} px, axe: {problem}" for problem in axe_problems(read)]
        if before:
            page.set_viewport_size(before)
        assert not found, f"{page.url}\n" + "\n".join(dict.fromkeys(found))

    def _title_problems(self, page: Page) -> list[str]:
        """A title names one page. Pages that differ only in an identifier are one; so are a form and its refusal."""
        title = page.title().strip()
        path = _IDENTIFIER.sub("*", urlsplit(page.url).path)
        first = self._titles.setdefault(title, path)
        if not title or title.startswith("–"):
            return ["title: the page has none"]
        return [] if first == path else [f"title: “{title}” is also the title of {first}"]


def _wait_until_still(page: Page) -> None:
    """Wait until nothing unfolds: on its way it lies below its neighbours. The height is asked for again and again,
    since nothing that waits ever ends in a page without scripts, and this is none of what a browser calls animations.
    """
    heights: list[int] = []
    while len(heights) < STILL or len(set(heights[-STILL:])) > 1:
        assert len(heights) < 100, "the page never comes to rest"
        heights.append(page.evaluate(_HEIGHT))
        page.wait_for_timeout(60)


@contextmanager
def _awake(page: Page) -> Iterator[Page]:
    """The page, or where scripts are off a copy that axe can run in: nothing that waits ever ends in such a page.

    The copy is what the browser made of the page without its scripts, at its own address and with its own styles.
    """
    browser = page.context.browser
    if browser is None or not page.evaluate("matchMedia('(scripting: none)').matches"):
        yield page
        return
    html = _SCRIPT.sub("", page.content())
    assert "<noscript" not in html, "The copy would hide what only readers without scripts are shown."
    context = browser.new_context(locale="nb-NO")
    copy = context.new_page()
    copy.route(page.url, lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
    copy.goto(page.url)
    yield copy
    context.close()


def axe_problems(page: Page) -> list[str]:
    """What axe finds, as "rule: help: element". Evaluated, so that the page's content policy need not allow it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    options = {"runOnly": TAGS, "resultTypes": ["violations"], "preload": False}
    violations: list[Violation] = page.evaluate(
        "async (options) => (await axe.run(document, options)).violations", options
    )
    return [
        f"{violation['id']}: {violation['help']}: {str(node['html'])[:160]}"
        for violation in violations
        for node in violation["nodes"][:5]
    ]


def _complaint(message: ConsoleMessage) -> list[str]:
    """Errors and the content policy's refusals; an answer of 4xx or 5xx is for the journey to judge."""
    if "Failed to load resource: the server responded with a status of" in message.text:
        return []
    return [message.text] if message.type in {"error", "warning"} or "Content Security Policy" in message.text else []


def _in_words(error: Error) -> str:
    return str(error).splitlines()[0]


@pytest.fixture(scope="session")
def check_page() -> Iterator[PageChecks]:
    """The checks, with one Node process for all pages of this worker."""
    with HtmlValidator() as validator:
        yield PageChecks(validator)
