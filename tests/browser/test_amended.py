"""An amended report that heals a deviation: the case shrinks and falls away, and both parties read how."""

import re

import pytest
from playwright.sync_api import expect

from portal.extensions import db
from portal.kinds import kind
from portal.model import Report
from tests import casework
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal
from tests.browser.visitor import Visitor
from tests.world import World, case_of

pytestmark = pytest.mark.browser

MACHINERY = kind("machinery")
WRONG_METER = "Måleren på DI-2 var avlest feil."
CLOSED_WITHOUT = "Endret rapport viser at kravet er oppfylt."


def case_after(portal: Portal, language: str, *, notice: bool) -> World:
    """An approved report with a share of 5.2 %, where 20 % are asked for, and its case. `notice`: delivered too."""
    world = settle(portal, language)
    with portal.app.app_context():
        world.report = db.session.get_one(Report, world.report.id)
        if notice:
            casework.delivered(world)
        else:
            casework.found(world)
    return world


def case_path(portal: Portal, world: World) -> str:
    with portal.app.app_context():
        return f"/cases/{case_of(world).public_id}"


def amended(portal: Portal, visit: Visit, world: World, litres: str, language: str, *, look: bool) -> None:
    """Anna amends, Bo signs, Rita approves: each at a browser of their own. `look`: at each page on the way."""
    report = f"/reports/{world.report.public_id}"
    anna, bo, rita = (
        visit(portal, language, checks=look).signs_in(f"{name}@prove.example") for name in ("anna", "bo", "rita")
    )
    words = anna.words
    anna.goes_to(report).follows("Amend the report").looks()
    anna.presses("Begin the amendment")
    expect(anna.page).to_have_title(re.compile(f"^{words('Error:')} "))
    anna.looks().writes("Why is the report to be amended?", WRONG_METER).presses("Begin the amendment")
    anna.reads("You are amending an approved report").sees(WRONG_METER).looks()
    anna.goes_to(f"{report}/sections/machinery").cell("machinery", "amount", "DI-2").fill(litres)
    anna.presses("Save draft").reads("“%(part)s” is saved.", part=words.of(MACHINERY.title))
    anna.follows("Check, and hand over for signature").looks().presses("Ready to sign")
    anna.reads("The report is ready. The signatory has been told.")
    bo.goes_to(f"{report}/check").presses("Sign and send").reads("The report is received").looks()
    rita.goes_to("/queue").looks().follows("Prøveskolen").sees(WRONG_METER).looks()
    rita.chooses("Approve").main.get_by_role("button", name=words("Save"), exact=True).click()
    rita.reads("%(title)s: the report is approved.", title="Prøveskolen")


def trail(visitor: Visitor, *parts: str) -> None:
    """What has happened in the case, by the words of its events."""
    happened = visitor.page.get_by_role("complementary")
    for part in parts:
        expect(happened).to_contain_text(part)


def test_an_amendment_makes_the_breach_smaller_and_another_heals_it(small_portal: Portal, visit: Visit) -> None:
    """Before any notice: the figures alone say what becomes of the case, and nobody has to act."""
    world = case_after(small_portal, "nb", notice=False)
    case = case_path(small_portal, world)
    adam = visit(small_portal, "nb").signs_in("adam@prove.example").goes_to(case).sees("5,2\u00a0%")
    words = adam.words

    amended(small_portal, visit, world, "7000", "nb", look=True)
    adam.goes_to(case).sees("6,6\u00a0%").looks()
    trail(adam, words("The deviation was assessed again"), "5,2\u00a0%")

    amended(small_portal, visit, world, "1000", "nb", look=False)
    adam.goes_to("/")
    assert not adam.main.get_by_role("link", name=re.compile(re.escape(words("Assess the deviation")))).count()
    bo = visit(small_portal, "nb").signs_in("bo@prove.example")
    for reader in (adam, bo):
        reader.goes_to(case).reads("The amended report no longer shows the breach").sees("33,2\u00a0%")
        reader.reads("The deviation fell away: an amended report no longer shows the breach.").looks()
        trail(reader, words("The deviation was assessed again"), words("The deviation fell away"))
        expect(reader.page.get_by_text("20\u00a0000\u00a0NOK", exact=True)).to_have_count(0)


def test_after_a_notice_a_person_takes_it_back(small_portal: Portal, visit: Visit) -> None:
    """The supplier was told of a breach by a person; so a person tells them that it is no more."""
    world = case_after(small_portal, "en", notice=True)
    case = case_path(small_portal, world)
    amended(small_portal, visit, world, "1000", "en", look=False)
    bo = visit(small_portal, "en").signs_in("bo@prove.example").goes_to(case)
    bo.reads("The amended report no longer shows the breach").sees("33.2\u00a0%").looks()
    adam = visit(small_portal, "en").signs_in("adam@prove.example").looks().goes_to(case)
    adam.sees("Take it back and say why, and the case is closed.").looks()
    adam.presses("Take the notice back")
    expect(adam.page).to_have_title(re.compile("^Error: Take the notice back: "))
    adam.looks().writes("Reasons", CLOSED_WITHOUT).presses("Take the notice back")
    adam.reads("The notice is taken back, and the case is closed.").looks()
    for reader in (adam, bo):
        reader.goes_to(case).sees(CLOSED_WITHOUT, "5.2\u00a0%").looks()
        trail(reader, "An amended report was approved, and the breach is not in it", CLOSED_WITHOUT)
