"""The grid in the browser: a month by keys, paste and thumb, saved as it is typed and never lost in silence."""

import re
import time
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from playwright.sync_api import FilePayload, Route, expect

from portal import calendars, clock
from portal.extensions import db, transaction
from portal.kinds import kind
from portal.model import Report
from portal.operations.contracts import contracts
from portal.web import sessions
from tests.browser.conftest import Visit, settle
from tests.browser.grid_page import cell, lines_of, paste, saved, with_machines
from tests.browser.server import Portal
from tests.browser.visitor import Visitor
from tests.world import World, submit

pytestmark = [pytest.mark.browser, pytest.mark.soak]

PHONE = {"width": 390, "height": 844}
PHOTO = b"\xff\xd8\xff\xe0 a photo of a receipt"


def stored(portal: Portal, world: World) -> list[dict[str, str]]:
    with portal.app.app_context():
        report = db.session.get_one(Report, world.report.id)
        return [line.raw for line in report.section("machinery").lines]


def seated(portal: Portal, visit: Visit, world: World, name: str = "anna") -> Visitor:
    return visit(portal, "en").signs_in(f"{name}@prove.example").goes_to(lines_of(world))


# -- the month ---------------------------------------------------------------------------------------------------------


def test_sixty_machines_by_keys_and_paste(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal, "en")
    with_machines(small_portal, world, 60)
    anna = seated(small_portal, visit, world).looks()
    keys = anna.page.keyboard
    cell(anna, "hours", 0).focus()
    for hours in ("11", "12", "13"):
        keys.type(hours)
        keys.press("Enter")
    expect(cell(anna, "hours", 3)).to_be_focused()
    for row in range(3):
        expect(saved(anna, row)).to_contain_text("Saved")
    keys.press("Control+d")
    expect(cell(anna, "hours", 3)).to_have_value("13")
    expect(saved(anna, 3)).to_contain_text("Saved")
    paste(cell(anna, "hours", 4), "\n".join(f"{row}\t{10 * row}\tmetered" for row in range(4, 60)) + "\n")
    for row in (4, 30, 59):
        expect(saved(anna, row)).to_contain_text("Saved")
    paste(cell(anna, "amount", 0), "100\tmetered\n200\tinvoice\n300\testimate\n400\tmetered\n")
    for row, hours in enumerate(("11", "12", "13", "13")):
        expect(saved(anna, row)).to_contain_text("Saved")
        expect(cell(anna, "hours", row)).to_have_value(hours)
    everything = sum(range(4, 60)) + 11 + 12 + 13 + 13
    expect(anna.page.locator("#grid-totals")).to_contain_text(f"{everything:,} h".replace(",", " "))
    anna.looks()
    lines = stored(small_portal, world)
    assert [line["hours"] for line in lines] == ["11", "12", "13", "13", *(str(row) for row in range(4, 60))]
    assert {line["amount_source"] for line in lines} == {"metered", "invoice", "estimate"}
    anna.presses("Save draft").reads("“%(part)s” is saved.", part=kind("machinery").title.en)


def test_twelve_machines_on_a_phone_with_one_photo(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal, "en")
    with_machines(small_portal, world, 12)
    anna = visit(small_portal, "en")
    anna.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    anna.signs_in("anna@prove.example").goes_to(lines_of(world))
    for row in range(6):
        for column, value in (("hours", "8"), ("amount", "80")):
            box = cell(anna, column, row)
            assert box.get_attribute("inputmode") == "decimal"
            box.fill(value)
        cell(anna, "amount_source", row).select_option("invoice")
    for row in range(6, 12):
        anna.page.locator(f"#lines-{row} [name='unused']").click()
    for row in range(12):
        expect(saved(anna, row)).to_contain_text("Saved")
    assert anna.page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    anna.page.locator("#lines-0 [name='attach']").click()
    camera = anna.main.get_by_label("Take a photo")
    expect(camera).to_have_attribute("capture", "environment")
    camera.set_input_files({"name": "kvittering.jpg", "mimeType": "image/jpeg", "buffer": PHOTO})
    anna.looks().presses("Attach").reads("1 file is attached.")
    expect(anna.page.locator("#lines-0").get_by_role("link", name="kvittering.jpg")).to_be_visible()
    anna.looks()
    lines = stored(small_portal, world)
    assert [(line["hours"], line["amount"]) for line in lines] == [("8", "80")] * 6 + [("0", "0")] * 6
    anna.presses("Save draft").reads("“%(part)s” is saved.", part=kind("machinery").title.en)


def test_last_month_is_copied_and_each_amount_confirmed(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal, "en")
    with small_portal.app.app_context():
        world.report = db.session.get_one(Report, world.report.id)
        submit(world)
        with transaction() as writing:
            april = calendars.month_of(date(2026, 4, 1))
            world.report = contracts.open_period(writing.merge(world.contract), april)
    anna = seated(small_portal, visit, world)
    expect(anna.page.locator("#lines-0-in_amount-hint")).to_have_text("March: 1\u00a0000\u00a0l")
    anna.looks().presses("Copy all from %(month)s", month="March")
    expect(cell(anna, "amount", 0)).to_have_value("1000")
    expect(anna.page.locator("#lines-0-in_amount-state")).to_have_text("Copied, not confirmed")
    anna.looks()
    anna.page.locator("#lines-0 [name='confirm']").click()
    expect(anna.page.locator("#lines-0-in_amount-state")).to_have_count(0)
    expect(saved(anna, 0)).to_contain_text("Saved")
    cell(anna, "amount", 1).fill("4900")
    cell(anna, "amount", 1).press("Tab")
    expect(anna.page.locator("#lines-1-in_amount-state")).to_have_count(0)
    expect(cell(anna, "amount_source", 1)).to_have_value("")
    cell(anna, "amount_source", 1).select_option("metered")
    expect(saved(anna, 1)).to_contain_text("Saved")
    anna.presses("Confirm all copied amounts")
    expect(anna.page.locator(".grid-unconfirmed")).to_have_count(0)
    anna.presses("Save draft").reads("“%(part)s” is saved.", part=kind("machinery").title.en)


# -- nothing is lost ---------------------------------------------------------------------------------------------------


def test_two_tabs_on_one_line_show_both_values(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal, "en")
    first = seated(small_portal, visit, world)
    second = first.in_new_tab().goes_to(lines_of(world))
    cell(first, "hours", 0).fill("100")
    cell(first, "hours", 0).press("Tab")
    expect(saved(first, 0)).to_contain_text("Saved")
    cell(second, "hours", 1).fill("7")
    cell(second, "hours", 1).press("Tab")
    expect(saved(second, 1)).to_contain_text("Saved")
    cell(second, "hours", 0).fill("150")
    cell(second, "hours", 0).press("Tab")
    expect(saved(second, 0)).to_contain_text("Not saved")
    expect(second.page.locator("#lines-0-in_hours-theirs")).to_have_text("Stored by somebody else: 100\u00a0h")
    expect(cell(second, "hours", 0)).to_have_value("150")
    second.looks()
    second.page.get_by_role("button", name="Store mine DI-2").click()
    expect(saved(second, 0)).to_contain_text("Saved")
    expect(second.page.locator("#lines-0-in_hours-theirs")).to_have_count(0)
    assert [line["hours"] for line in stored(small_portal, world)] == ["150", "7"]


def test_a_wrong_value_is_said_at_its_row_and_kept(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal, "en")
    anna = seated(small_portal, visit, world)
    cell(anna, "hours", 0).fill("twelve")
    cell(anna, "hours", 0).press("Tab")
    expect(saved(anna, 0)).to_contain_text("with errors")
    expect(cell(anna, "hours", 0)).to_have_attribute("aria-invalid", "true")
    expect(anna.page.locator("[data-grid-said]")).to_contain_text("DI-2")
    anna.looks()
    cell(anna, "hours", 0).fill("12")
    cell(anna, "hours", 0).press("Tab")
    expect(cell(anna, "hours", 0)).not_to_have_attribute("aria-invalid", "true")
    assert stored(small_portal, world)[0]["hours"] == "12"


def test_what_is_typed_while_a_row_is_on_its_way_stays(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal, "en")
    anna = seated(small_portal, visit, world)
    held: list[Route] = []
    anna.page.route("**/lines/*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright wants a function
    cell(anna, "hours", 0).fill("1")
    cell(anna, "hours", 0).press("Tab")
    expect(saved(anna, 0)).to_have_text("Saving …")
    cell(anna, "hours", 0).fill("2")
    cell(anna, "amount", 0).fill("30")
    held[0].continue_()
    anna.page.unroute("**/lines/*")
    cell(anna, "amount", 0).press("Tab")
    expect(saved(anna, 0)).to_contain_text("Saved")
    expect(cell(anna, "hours", 0)).to_have_value("2")
    expect(cell(anna, "amount", 0)).to_have_value("30")
    until(lambda: stored(small_portal, world)[0].items() >= {"hours": "2", "amount": "30"}.items())


def test_when_the_portal_cannot_be_reached_the_page_says_so_and_tries_again(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal, "en")
    anna = visit(small_portal, "en", checks=False).signs_in("anna@prove.example").goes_to(lines_of(world))
    anna.page.route("**/lines/*", lambda route: route.abort())
    cell(anna, "hours", 0).fill("5")
    cell(anna, "hours", 0).press("Tab")
    expect(saved(anna, 0)).to_have_text("Not saved")
    anna.sees("Not saved: the portal cannot be reached.")
    assert anna.page.evaluate(LEAVING_WARNS)
    anna.page.unroute("**/lines/*")
    anna.presses("Try again")
    expect(saved(anna, 0)).to_contain_text("Saved")
    assert not anna.page.evaluate(LEAVING_WARNS)
    assert stored(small_portal, world)[0]["hours"] == "5"


LEAVING_WARNS = """() => {
  const leaving = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(leaving);
  return leaving.defaultPrevented;
}"""


def test_a_session_that_ends_in_mid_row_loses_nothing(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal, "en")
    anna = seated(small_portal, visit, world)
    cell(anna, "hours", 0).fill("123,5")
    small_portal.wait_until(clock.now() + sessions.IDLE + timedelta(minutes=1))
    cell(anna, "hours", 0).press("Tab")
    expect(saved(anna, 0)).to_have_text("Not saved")
    anna.sees("Not saved: you have been signed out.").looks()
    with anna.page.expect_popup() as opened:
        anna.page.locator("[data-grid-sign-in]").click()
    elsewhere = anna.in_new_tab().signs_in("anna@prove.example")
    opened.value.close()
    anna.presses("Try again")
    expect(saved(anna, 0)).to_contain_text("Saved")
    expect(cell(anna, "hours", 0)).to_have_value("123,5")
    elsewhere.goes_to(lines_of(world))
    expect(cell(elsewhere, "hours", 0)).to_have_value("123,5")


def test_a_line_that_was_removed_is_put_back(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal, "en")
    anna = seated(small_portal, visit, world)
    cell(anna, "hours", 0).fill("31")
    anna.page.locator("#lines-0 [name='remove']").click()
    anna.sees("DI-2 is removed.").looks()
    anna.page.get_by_role("button", name="Undo").click()
    anna.reads("The line is back.")
    expect(cell(anna, "hours", 0)).to_have_value("31")
    anna.presses("Add a line")
    expect(anna.page.locator("[data-grid-said]")).to_contain_text("Row 3 was added.")
    expect(cell(anna, "machine", 2)).to_be_focused()
    cell(anna, "machine", 2).select_option(label="EL-1")
    cell(anna, "hours", 2).fill("4")
    cell(anna, "hours", 2).press("Tab")
    expect(saved(anna, 2)).to_contain_text("Saved")
    until(lambda: len(stored(small_portal, world)) == 3)


def test_without_javascript_everything_has_its_button(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal, "en")
    anna = (
        visit(small_portal, "en", scripts=False, checks=False).signs_in("anna@prove.example").goes_to(lines_of(world))
    )
    cell(anna, "hours", 0).fill("8")
    anna.page.locator("#lines-1 [name='unused']").click()
    expect(cell(anna, "hours", 1)).to_have_value("0")
    expect(cell(anna, "hours", 0)).to_have_value("8")
    anna.page.locator("#lines-0 [name='attach']").click()
    papers = [FilePayload(name=f"{n}.pdf", mimeType="application/pdf", buffer=b"%%PDF-1.7 %d" % n) for n in (1, 2)]
    anna.main.get_by_label("Choose files").set_input_files(papers)
    anna.presses("Attach").reads("2 files are attached.")
    anna.page.locator("#lines-0 [name='remove']").click()
    anna.page.get_by_role("button", name=re.compile("^Undo")).click()
    expect(anna.page.locator("#lines-0").get_by_role("link", name="2.pdf")).to_be_visible()


def until(seen: Callable[[], bool]) -> None:
    """Wait for what no page shows."""
    for _try in range(100):
        if seen():
            return
        time.sleep(0.05)
    raise AssertionError("Waited in vain")
