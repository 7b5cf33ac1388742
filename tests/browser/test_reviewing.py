"""A review by keyboard: read, comment, return; the supplier corrects what was opened and nothing else; approve."""

import pytest
from playwright.sync_api import Locator, expect

from portal.extensions import db
from portal.kinds import kind
from portal.model import Report
from portal.operations.reports import reviews
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal
from tests.browser.visitor import Visitor, Words
from tests.world import World, submit

pytestmark = [pytest.mark.browser]

MACHINERY = kind("machinery")
DIESEL, ELECTRIC = "DI-2", "EL-1"
MUST, QUESTION, NOTE = "Fakturaen sier 900 liter.", "Sto den på verksted?", "Ring dem om måleren."
ANSWER = "Ja, i to uker."
EITHER_LANGUAGE = pytest.mark.parametrize("language", ["nb", pytest.param("en", marks=pytest.mark.soak)])


def start(portal: Portal, language: str) -> World:
    """The small world with its report of March under review."""
    world = settle(portal, language)
    with portal.app.app_context():
        world.report = db.session.get_one(Report, world.report.id)
        submit(world)
    return world


def head(visitor: Visitor, machine: str) -> Locator:
    """Where a line begins."""
    return visitor.main.get_by_role("rowheader").filter(has_text=machine)


def comments_by_keyboard(rita: Visitor, words: Words, text: str, about: str = "") -> None:
    """`c` on the line one is at, choose, write, save; without a mouse."""
    keyboard = rita.page.keyboard
    keyboard.press("c")
    writing = rita.main.get_by_role("textbox", name=words("Comment"), exact=True)
    expect(writing).to_be_focused()
    keyboard.type(text)
    if about:
        rita.field("What is it about?").select_option(label=about)
    rita.looks()
    rita.main.get_by_role("button", name=words("Save the comment"), exact=True).press("Enter")
    expect(rita.main.get_by_text(text, exact=True)).to_be_visible()
    expect(rita.page.get_by_role("status").filter(has_text=words("The comment is saved."))).to_have_count(1)


@EITHER_LANGUAGE
def test_by_keyboard_from_return_to_approval(small_portal: Portal, visit: Visit, language: str) -> None:
    world, words = start(small_portal, language), Words(language)
    rita = visit(small_portal, language).signs_in("rita@prove.example")
    rita_returns(rita, words)
    anna_corrects_exactly_that(visit(small_portal, language).signs_in("anna@prove.example"), words)
    bo = visit(small_portal, language).signs_in("bo@prove.example")
    bo.goes_to(f"/reports/{world.report.public_id}/check").presses("Sign and send").reads("The report is received")
    bo.sees(MUST, QUESTION).looks()
    expect(bo.main).not_to_contain_text(NOTE)
    rita_approves(rita.goes_to("/queue"), words)


def rita_returns(rita: Visitor, words: Words) -> None:
    keyboard = rita.page.keyboard
    rita.goes_to("/queue").reads("Not opened yet").looks()
    rita.follows("Prøveskolen").looks()
    keyboard.press("j")
    expect(head(rita, DIESEL)).to_be_focused()
    keyboard.press("k")
    expect(rita.page.get_by_role("status").filter(has_text=words("This is the first line."))).to_have_count(1)
    comments_by_keyboard(rita, words, MUST, words.of(MACHINERY.column("amount").label))
    expect(head(rita, DIESEL)).to_be_focused()
    keyboard.press("j")
    expect(head(rita, ELECTRIC)).to_be_focused()
    keyboard.press("c")
    rita.chooses("Question")
    comments_on_open_form(rita, words, QUESTION)
    keyboard.press("c")
    rita.chooses("Internal note")
    comments_on_open_form(rita, words, NOTE)
    rita.looks()
    keyboard.press("?")
    rita.reads("They do nothing while you write in a field.").looks()
    keyboard.press("?")
    keyboard.press("g")
    expect(rita.main.get_by_role("radio", name=words("Approve"), exact=True)).to_be_focused()
    rita.presses("Save and go to the next")
    rita.sees(words.of(reviews.ONE_MUST_IS_OPEN)).looks()
    keyboard.press("r")
    expect(rita.main.get_by_role("radio", name=words("Return for correction"), exact=True)).to_be_checked()
    rita.main.get_by_role("button", name=words("Save and go to the next"), exact=True).press("Enter")
    rita.reads("The queue is empty").looks()


def comments_on_open_form(rita: Visitor, words: Words, text: str) -> None:
    rita.main.get_by_role("textbox", name=words("Comment"), exact=True).fill(text)
    rita.presses("Save the comment")
    expect(rita.main.get_by_text(text, exact=True)).to_be_visible()


def anna_corrects_exactly_that(anna: Visitor, words: Words) -> None:
    anna.sees(words.many("Correct %(num)d line", "Correct %(num)d lines", 1)).looks()
    anna.page.get_by_role("link", name=words.many("Correct %(num)d line", "", 1)).click()
    anna.sees(MUST, QUESTION).looks()
    expect(anna.main).not_to_contain_text(NOTE)
    anna.writes("Your answer", ANSWER).presses("Save the answer").sees(ANSWER).looks()
    anna.follows("Correct “%(part)s”", part=words.of(MACHINERY.title)).sees(MUST).looks()
    expect(anna.main.get_by_role("textbox")).to_have_count(1)
    amount = anna.cell("machinery", "amount", DIESEL)
    amount.fill("900")
    anna.presses("Save draft")
    anna.follows("Check, and hand over for signature").presses("Ready to sign")
    anna.reads("The report is ready. The signatory has been told.")


def rita_approves(rita: Visitor, words: Words) -> None:
    keyboard = rita.page.keyboard
    rita.sees(words("Corrected, revision %(number)s", number=2)).looks()
    rita.follows("Prøveskolen").sees(MUST, ANSWER, NOTE).looks()
    line = rita.main.locator("tbody.line").filter(has_text=DIESEL)
    expect(line.locator("del").first).to_contain_text("1 000 l")
    expect(line.locator("ins").first).to_contain_text("900 l")
    expect(line.get_by_role("listitem").filter(has_text=MUST)).to_contain_text(words("Corrected"))
    rita.follows("Last period").looks()
    rita.follows("Last revision").page.wait_for_url("**compare=revision**")
    keyboard.press("u")
    rita.page.wait_for_url("**/queue")
    rita.follows("Prøveskolen").page.wait_for_url("**/review")
    keyboard.press("g")
    rita.main.get_by_role("button", name=words("Save"), exact=True).press("Enter")
    rita.reads("%(title)s: the report is approved.", title="Prøveskolen").looks()


def test_letters_typed_into_fields_and_keys_turned_off_do_nothing(small_portal: Portal, visit: Visit) -> None:
    world, words = start(small_portal, "en"), Words("en")
    rita = visit(small_portal, "en").signs_in("rita@prove.example")
    rita.goes_to(f"/reports/{world.report.public_id}/review")
    reasons = rita.field("Reasons")
    reasons.press_sequentially("jkcgru?")
    expect(reasons).to_have_value("jkcgru?")
    expect(rita.main.get_by_role("radio", name="Approve", exact=True)).not_to_be_checked()
    rita.unfolds("Keyboard shortcuts").presses("Turn the shortcuts off")
    rita.page.keyboard.press("g")
    expect(rita.main.get_by_role("radio", name="Approve", exact=True)).not_to_be_checked()
    expect(rita.main.locator("kbd:visible")).to_have_count(0)
    rita.main.get_by_role("button", name=words("Next line"), exact=True).click()
    expect(head(rita, DIESEL)).to_be_focused()
    rita.looks()


def test_without_javascript_a_comment_is_written_and_the_report_returned(small_portal: Portal, visit: Visit) -> None:
    world = start(small_portal, "nb")
    rita = visit(small_portal, "nb", scripts=False).signs_in("rita@prove.example")
    words = rita.words
    rita.goes_to(f"/reports/{world.report.public_id}/review")
    rita.page.get_by_role("link", name=f"{words('Comment on it')} {DIESEL}", exact=True).click()
    rita.presses("Save the comment").reads("You must correct %(num)d error before you can go on", num=1)
    comments_on_open_form(rita, words, MUST)
    rita.chooses("Return for correction").presses("Save and go to the next").reads("The queue is empty")


def test_two_reviewers_and_one_report(small_portal: Portal, visit: Visit) -> None:
    """Ruth sees that Rita is there, decides all the same; Rita's comment comes too late and is not lost."""
    world = start(small_portal, "en")
    address = f"/reports/{world.report.public_id}/review"
    rita = visit(small_portal, "en").signs_in("rita@prove.example").goes_to(address)
    ruth = visit(small_portal, "en").signs_in("ruth@prove.example").goes_to(address)
    ruth.sees("Rita Prøve is looking at this report").looks()
    ruth.goes_to("/queue").sees("Rita Prøve is looking at it").looks()
    rita.page.get_by_role("link", name=f"Comment on it {DIESEL}", exact=True).click()
    rita.main.get_by_role("textbox", name="Comment", exact=True).fill(MUST)
    ruth.goes_to(address).chooses("Approve").presses("Save and go to the next").reads("The queue is empty")
    rita.presses("Save the comment")
    rita.sees("Ruth Prøve has approved the report. Your comment was not stored.", MUST).looks()
    assert rita.status_after(lambda: rita.chooses("Return for correction").presses("Save and go to the next")) == 409
    rita.reads("Somebody else was first").looks()
