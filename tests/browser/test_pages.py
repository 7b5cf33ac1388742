"""Every page of the demo, for every role, in both languages and at both widths; what a refusal looks like; two tabs."""

import os
import re
from collections import defaultdict, deque
from datetime import timedelta
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import APIResponse, Route, expect

from portal import clock
from portal.application import LARGEST_UPLOAD
from portal.extensions import db
from portal.kinds import kind
from portal.model import AttemptKind, Report
from portal.operations.entry import drafts
from portal.operations.reports import reports
from portal.web import attempts, sessions
from portal.web.attempts import Limit, Whose
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal
from tests.browser.visitor import Visitor
from tests.world import fill_in

pytestmark = pytest.mark.browser

PERSONAS = {
    "reporter": "Kari",
    "signatory": "Lars",
    "reviewer": "Nina",
    "administrator": "Astrid",
    "decision-maker": "Tor",
    "anonymous": "",
}
LANGUAGES = ("nb", "en")
NB_FIRST = ["nb", pytest.param("en", marks=pytest.mark.soak)]
EN_FIRST = ["en", pytest.param("nb", marks=pytest.mark.soak)]
"""Each state in one language in every run and in the other in the soak: the words are held against both catalogues."""
MOST_OPENED = 4
"""Pages of one route that one person opens."""
MOST_LOOKED_AT = [1, pytest.param(3, marks=pytest.mark.soak)]
"""Of those, how many are looked at: only pages made of other parts than the ones before, whoever opened those."""
NO_PAGES = {
    "languages.choose_language",
    "cases.log",
    "contracts.import_template",
    "demo.practice",
    "contracts.marked_import",
    "exports.workbook",
    "files.evidence",
    "operating.live",
    "operating.metrics",
    "operating.ready",
    "pages.security_txt",
    "reports.imports.marked",
    "reports.paper_receipt",
    "reports.imports.template",
    "static",
}
_UNFOLD = "() => document.querySelectorAll('details').forEach((each) => { each.open = true; })"


class Outline(HTMLParser):
    """What a page is made of: its kinds of elements, whatever they say, and where its links lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: set[str] = set()
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.parts.add(" ".join([tag, given.get("class") or "", *sorted(given)]))
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]).partition("#")[0])


@pytest.mark.parametrize("language", NB_FIRST)
@pytest.mark.parametrize("most", MOST_LOOKED_AT)
@pytest.mark.parametrize("role", PERSONAS)
def test_every_page_is_all_that_a_page_must_be(
    demo_portal: Portal, visit: Visit, role: str, most: int, language: str
) -> None:
    visitor = visit(demo_portal, language)
    if PERSONAS[role]:
        visitor.goes_to("/personas").looks().becomes(PERSONAS[role])
    opened = look_around(visitor, demo_portal, most)
    assert len(opened) >= (9 if PERSONAS[role] else 4), opened


_looked_at: dict[tuple[str, str], list[set[str]]] = defaultdict(list)
"""Language and route -> the parts of each page that somebody has looked at in this process."""


def look_around(visitor: Visitor, portal: Portal, most: int) -> dict[str, int]:
    """Follow every link from the front page, nearest first. Returns how many pages of each route were opened."""
    waiting, known = deque(["/"]), {"/"}
    opened: dict[str, int] = defaultdict(int)
    looks: dict[str, int] = defaultdict(int)
    while waiting:
        path = waiting.popleft()
        route = route_of(portal, path)
        if route in NO_PAGES or opened[route] == MOST_OPENED or looks[route] == most:
            continue
        opened[route] += 1
        answer = visitor.page.request.get(path)
        assert answer.status == 200, (path, answer.status)
        outline = Outline(answer.text())
        seen = _looked_at[visitor.words.language, route]
        if outline.parts not in seen:
            seen.append(outline.parts)
            looks[route] += 1
            visitor.goes_to(path).page.evaluate(_UNFOLD)
            visitor.looks()
        following = [link for link in outline.links if link.startswith("/") and link not in known]
        known.update(following)
        waiting.extend(following)
    return opened


def route_of(portal: Portal, address: str) -> str:
    """The name of the view behind an address. Raises NotFound: a link that leads nowhere."""
    endpoint, _values = portal.app.url_map.bind("localhost").match(urlsplit(address).path)
    return str(endpoint)


# -- what a refusal looks like -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_a_page_that_says_what_to_do(
    small_portal: Portal, visit: Visit, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = settle(small_portal, language)
    report = f"/reports/{world.report.public_id}"

    stranger = visit(small_portal, language).signs_in("sten@prove.example")
    for part in ("", "/sections/machinery", "/receipt", "/review", "/check"):
        assert stranger.status_after(partial(stranger.goes_to, report + part)) == 404, part
    stranger.reads("We cannot find the page").looks()

    rita = visit(small_portal, language).signs_in("rita@prove.example")
    assert rita.status_after(lambda: rita.goes_to("/mail")) == 403
    rita.reads("You may not do this").looks()

    anna = visit(small_portal, language).signs_in("anna@prove.example").goes_to(report)
    (tmp_path / "stor.xlsx").write_bytes(bytes(LARGEST_UPLOAD + 1))
    anna.field("Filled-in Excel file").set_input_files(tmp_path / "stor.xlsx")
    assert anna.status_after(lambda: anna.presses("Upload")) == 413
    anna.reads("The file is too large").looks()

    newcomer = visit(small_portal, language).goes_to("/sign-in")
    assert newcomer.status_after(lambda: newcomer.presses("Sign in")) == 422
    newcomer.reads("Write your e-mail.").looks()
    twice = Limit(Whose.PERSON, 2, timedelta(minutes=5))
    monkeypatch.setitem(attempts.LIMITS, AttemptKind.SIGN_IN, (twice,))
    for _try in range(twice.most):
        newcomer.tries_to_sign_in("anna@prove.example", "feil passord igjen")
        newcomer.reads("The e-mail or the password is wrong. Check both and try again.")
    assert newcomer.status_after(lambda: newcomer.tries_to_sign_in("anna@prove.example", "feil passord igjen")) == 429
    newcomer.reads("Too many tries").looks()


@pytest.mark.parametrize("language", EN_FIRST)
def test_who_comes_second_is_told_so(small_portal: Portal, visit: Visit, language: str) -> None:
    """Three tabs: one hands the report over, one does so too, one still saves lines."""
    world = settle(small_portal, language)
    with small_portal.app.app_context():
        world.report = db.session.get_one(Report, world.report.id)
        fill_in(world)
    report = f"/reports/{world.report.public_id}"
    anna = visit(small_portal, language).signs_in("anna@prove.example").goes_to(f"{report}/check")
    second = anna.in_new_tab().goes_to(f"{report}/check")
    third = anna.in_new_tab().goes_to(f"{report}/sections/machinery")
    anna.presses("Ready to sign").reads("The report is ready. The signatory has been told.")
    assert second.status_after(lambda: second.presses("Ready to sign")) == 409
    second.sees(second.words.of(reports.CHANGED_SINCE)).looks()
    assert third.status_after(lambda: third.presses("Save draft")) == 422
    third.sees(third.words.of(drafts.NOT_EDITABLE)).looks()


# -- nothing that was typed is lost ------------------------------------------------------------------------------------


def test_a_form_that_is_sent_waits_for_the_row_that_is_on_its_way(small_portal: Portal, visit: Visit) -> None:
    """The row is stored and its answer still on the way: a form that overtook it would carry the older version."""
    world = settle(small_portal, "en")
    lines = f"/reports/{world.report.public_id}/sections/machinery"
    anna = visit(small_portal, "en").signs_in("anna@prove.example").goes_to(lines)
    held: list[tuple[Route, APIResponse]] = []
    anna.page.route("**/sections/machinery/lines/*", lambda route: held.append((route, route.fetch())))
    anna.page.locator("#lines-0-in_hours").fill("12")
    anna.page.locator("#lines-0-in_hours").press("Enter")
    while not held:
        anna.page.wait_for_timeout(20)
    anna.page.locator("#lines-0-in_hours").fill("12,5")
    anna.page.get_by_role("button", name="Save draft").click()
    [(route, answer)] = held
    route.fulfill(response=answer)
    anna.reads("“%(part)s” is saved.", part=kind("machinery").title.en)
    with small_portal.app.app_context():
        section = db.session.get_one(Report, world.report.id).section("machinery")
        assert section.lines[0].raw["hours"] == "12,5"


def test_a_form_that_waited_stays_when_its_row_meets_somebody_elses(small_portal: Portal, visit: Visit) -> None:
    """Both values are shown; sent on, the form would have overwritten a value that nobody had seen."""
    world = settle(small_portal, "en")
    lines = f"/reports/{world.report.public_id}/sections/machinery"
    anna = visit(small_portal, "en").signs_in("anna@prove.example").goes_to(lines)
    other = anna.in_new_tab().goes_to(lines)
    other.page.locator("#lines-0-in_hours").fill("77")
    other.presses("Save draft").reads("“%(part)s” is saved.", part=kind("machinery").title.en)
    held: list[tuple[Route, APIResponse]] = []
    anna.page.route("**/sections/machinery/lines/*", lambda route: held.append((route, route.fetch())))
    anna.page.locator("#lines-0-in_hours").fill("12")
    anna.page.locator("#lines-0-in_hours").press("Enter")
    while not held:
        anna.page.wait_for_timeout(20)
    anna.page.get_by_role("button", name="Save draft").click()
    [(route, answer)] = held
    assert answer.status == 409
    route.fulfill(response=answer)
    expect(anna.page.locator("#lines-0")).to_contain_text("77")
    expect(anna.page.locator("#lines-0-in_hours")).to_have_value("12")
    with small_portal.app.app_context():
        section = db.session.get_one(Report, world.report.id).section("machinery")
        assert section.lines[0].raw["hours"] == "77", "nothing is overwritten unseen"
    anna.page.unroute("**/sections/machinery/lines/*")
    anna.presses("Save draft").reads("“%(part)s” is saved.", part=kind("machinery").title.en)


@pytest.mark.parametrize("language", NB_FIRST)
def test_two_tabs_that_collide_show_both_values(small_portal: Portal, visit: Visit, language: str) -> None:
    lines = f"/reports/{settle(small_portal, language).report.public_id}/sections/machinery"
    first = visit(small_portal, language).signs_in("anna@prove.example").goes_to(lines)
    second = first.in_new_tab().goes_to(lines)
    hours = [tab.cell("machinery", "hours", "DI-2") for tab in (first, second)]
    hours[0].fill("100")
    first.presses("Save draft").reads("“%(part)s” is saved.", part=first.words.of(kind("machinery").title))
    hours[1].fill("150")
    assert second.status_after(lambda: second.presses("Save draft")) == 409
    differs = second.row("DI-2").filter(has_text="100 h").first
    expect(differs).to_contain_text("150 h")
    expect(hours[1]).to_have_value("150")
    second.reads("Somebody else saved before you").looks()
    second.presses("Save draft").reads("“%(part)s” is saved.", part=first.words.of(kind("machinery").title))
    first.goes_to(lines)
    expect(hours[0]).to_have_value("150")


@pytest.mark.parametrize("language", EN_FIRST)
def test_a_session_that_ends_in_mid_form_keeps_what_was_typed(
    small_portal: Portal, visit: Visit, language: str
) -> None:
    lines = f"/reports/{settle(small_portal, language).report.public_id}/sections/machinery"
    anna = visit(small_portal, language).signs_in("anna@prove.example").goes_to(lines)
    hours = anna.cell("machinery", "hours", "DI-2")
    hours.fill("123,5")
    small_portal.wait_until(clock.now() + sessions.IDLE + timedelta(minutes=1))
    assert anna.status_after(lambda: anna.presses("Save draft")) == 400
    anna.reads("The form was not sent").looks()
    with anna.page.expect_popup() as opened:
        anna.main.get_by_role("link", name=anna.words("Sign in")).click()
    elsewhere = anna.in_new_tab().signs_in("anna@prove.example")
    opened.value.close()
    if anna.status_after(lambda: anna.presses("Send again")) == 400:  # its token was made before they signed in
        anna.looks().presses("Send again")
    expect(hours).to_have_value("123,5")
    elsewhere.goes_to(lines)
    expect(elsewhere.cell("machinery", "hours", "DI-2")).to_have_value("123,5")


# -- the pictures in the README ----------------------------------------------------------------------------------------


def test_what_the_readme_shows_is_there(demo_portal: Portal, visit: Visit) -> None:
    """Four pages of the demo in bokmål; with SCREENSHOTS=<folder> set, as `make screenshots` does, they are kept."""
    kari = visit(demo_portal, checks=False).becomes("Kari")
    kari.row("Fylkesveg 77").get_by_role("link", name=kari.words("Fill in the report")).first.click()
    kari.main.get_by_role("link", name=kind("machinery").title.nb).click()
    expect(kari.cell("machinery", "hours", "TG-30")).to_have_value("176")
    keep_picture(kari, "grid")

    kari.goes_to("/").row("Skolebygg Lia").get_by_role("link", name=re.compile(r"^Rett \d")).click()
    kari.follows("Check, and hand over for signature").reads("What the figures rest on")
    keep_picture(kari, "check")

    nina = visit(demo_portal, checks=False).becomes("Nina").follows("Review queue")
    nina.row("Vann og avløp Elvegata").get_by_role("link").click()
    nina.reads("Breaks clause %(clause)s", clause="4.3")
    keep_picture(nina, "review")

    astrid = visit(demo_portal, checks=False).becomes("Astrid").goes_to("/cases?state=closed")
    found = astrid.words("clause %(clause)s", clause="4.3")
    astrid.row("Vann og avløp Elvegata").get_by_role("link", name=found).click()
    astrid.reads("Decided and delivered")
    keep_picture(astrid, "case")


def keep_picture(visitor: Visitor, name: str) -> None:
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        visitor.page.evaluate("() => document.fonts.ready")
        visitor.page.screenshot(path=Path(folder) / f"{name}.png")
