"""The frame and its macros in Chromium: every state passes the page checks, and the grid obeys keys, paste and rows."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect
from werkzeug.serving import make_server

from portal import resources
from tests.browser.frame_pages import frame_application
from tests.browser.page_checks import PageChecks, check_page

pytestmark = pytest.mark.browser

__all__ = ["check_page"]

PASTED = "2\t400\n3\t1 200,5\tfor mye\n"
ERROR_CODES = sorted(path.stem for path in (resources.TEMPLATES / "errors").glob("[0-9]*.html"))


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = make_server("127.0.0.1", 0, frame_application(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(browser: Browser, site: str, check_page: PageChecks) -> Iterator[Page]:
    context = browser.new_context(base_url=site, locale="nb-NO", viewport={"width": 1280, "height": 900})
    yield check_page.watch(context.new_page())
    context.close()


@pytest.mark.parametrize("path", ["/form", "/lists", "/grid"])
def test_a_page_passes_all_checks(page: Page, check_page: PageChecks, path: str) -> None:
    page.goto(path)
    check_page(page)


@pytest.mark.parametrize("code", ERROR_CODES)
def test_an_error_page_passes_all_checks(page: Page, check_page: PageChecks, code: str) -> None:
    page.goto(f"/error/{code}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    check_page(page)


def test_a_refused_form_starts_at_its_summary_and_leads_to_the_field(page: Page, check_page: PageChecks) -> None:
    page.goto("/form")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Neste oppgave").click()
    expect(page).to_have_title("Error: Drivstoff og energi – Klimakontrakt")
    expect(page.locator("#error-summary")).to_be_focused()
    expect(page.locator("#error-summary li")).to_have_count(3)
    check_page(page)
    page.get_by_role("link", name="Vekt må fylles ut").click()
    expect(page.get_by_label("Vekt (tonn)")).to_be_focused()
    page.get_by_role("link", name="Not a valid choice").click()
    expect(page.get_by_label("I skjemaet")).to_be_focused()
    expect(page.get_by_label("Mengde (liter)")).to_have_accessible_description(
        "August 2026: 2 110 liter Mengde må fylles ut, for eksempel 1 840,5"
    )


def test_the_menu_that_unfolds_works_by_keys_and_folds_again(page: Page, check_page: PageChecks) -> None:
    page.goto("/lists")
    menu, place = page.locator(".site-nav summary"), page.get_by_role("link", name="Personer")
    expect(menu).to_have_attribute("aria-current", "true")
    menu.press("Enter")
    expect(place).to_be_visible()
    check_page(page)
    place.press("Escape")
    expect(place).to_be_hidden()
    expect(menu).to_be_focused()
    menu.press("Enter")
    place.press("Enter")
    page.wait_for_url("**/form")
    page.locator(".site-nav summary").click()
    page.get_by_role("heading", level=1).click()
    expect(place).to_be_hidden()


def test_a_question_can_be_answered_no(page: Page) -> None:
    page.goto("/form")
    asked: list[str] = []

    def answer_no(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", answer_no)
    page.get_by_role("button", name="Neste oppgave").click()
    expect(page).to_have_title("Drivstoff og energi – Klimakontrakt")
    assert asked == ["Sikker?"]


def test_no_field_is_kept_from_being_sent_by_the_browser(page: Page) -> None:
    page.goto("/form")
    assert page.locator("[required], [maxlength], [minlength], [style], [onclick]").count() == 0


def test_too_long_a_text_is_counted_and_not_cut(page: Page) -> None:
    page.goto("/form")
    page.get_by_label("Kommentar").fill("Dette er mer enn tjue tegn")
    expect(page.locator("[data-count-for]")).to_have_text("6 characters too many")
    expect(page.get_by_label("Kommentar")).to_have_value("Dette er mer enn tjue tegn")


def test_keys_walk_down_a_column_past_what_is_locked(page: Page) -> None:
    page.goto("/grid")
    page.get_by_label("Forbruk Gravemaskin 0").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Forbruk Gravemaskin 1")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Forbruk Gravemaskin 2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Forbruk Gravemaskin 2")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("Forbruk Gravemaskin 1")).to_be_focused()
    page.get_by_label("Driftstimer Gravemaskin 0").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Driftstimer Gravemaskin 2")).to_be_focused()


def test_ctrl_d_copies_from_above(page: Page) -> None:
    page.goto("/grid")
    page.get_by_label("Forbruk Gravemaskin 1").fill("77")
    page.get_by_label("Forbruk Gravemaskin 2").focus()
    page.keyboard.press("Control+d")
    expect(page.get_by_label("Forbruk Gravemaskin 2")).to_have_value("77")


def test_paste_fills_cells_makes_rows_and_says_what_was_left_out(page: Page, check_page: PageChecks) -> None:
    page.goto("/grid")
    _paste(page, "Driftstimer Gravemaskin 2", PASTED)
    expect(page.get_by_label("Driftstimer Gravemaskin 2")).to_have_value("2")
    expect(page.get_by_label("Forbruk Gravemaskin 2")).to_have_value("400")
    expect(page.locator("#lines-3-amount")).to_have_value("1 200,5")
    expect(page.locator("[data-grid-said]")).to_have_text("Pasted 4 values. 1 values did not fit and were not pasted.")
    check_page(page)


def test_a_choice_is_pasted_by_its_words_and_an_unknown_one_is_reported(page: Page) -> None:
    page.goto("/grid")
    _paste(page, "Energi Gravemaskin 0", "elektrisitet\nkull\n", selector="#lines-0-fuel")
    expect(page.get_by_label("Energi Gravemaskin 0")).to_have_value("el")
    expect(page.get_by_label("Energi Gravemaskin 1")).to_have_value("hvo")
    expect(page.locator("[data-grid-said]")).to_contain_text("1 values did not fit")


def test_an_added_row_is_announced_gets_the_focus_and_is_sent(page: Page) -> None:
    page.goto("/grid")
    page.get_by_role("button", name="Legg til maskin").click()
    expect(page.locator("#lines-3-fuel")).to_be_focused()
    expect(page.locator("[data-grid-said]")).to_have_text("Row 4 was added.")
    page.locator("#lines-3-hours").fill("12")
    page.get_by_role("button", name="Lagre").click()
    expect(page.locator("body")).to_contain_text("lines-3-hours=12")
    expect(page.locator("body")).not_to_contain_text("lines-1-hours")


def test_without_javascript_the_grid_is_a_form(browser: Browser, site: str) -> None:
    context = browser.new_context(base_url=site, java_script_enabled=False)
    page = context.new_page()
    page.goto("/grid")
    page.get_by_label("Forbruk Gravemaskin 0").fill("9,5")
    page.get_by_role("button", name="Legg til maskin").click()
    expect(page.locator("body")).to_contain_text("add_row=1")
    expect(page.locator("body")).to_contain_text("lines-0-amount=9,5")
    context.close()


def test_checks_catch_what_they_are_there_for(page: Page, check_page: PageChecks) -> None:
    page.goto("/form")
    page.evaluate(
        """() => {
          const main = document.querySelector("main");
          const faults = '<input id="unnamed"><img src="/x.png"><p class="broad">x</p><div id="main"></div>';
          main.insertAdjacentHTML("beforeend", faults);
          const broad = main.querySelector(".broad");
          broad.style.width = "2000px";
          const script = document.createElement("script");
          script.textContent = "1";
          main.append(script);
        }"""
    )
    with pytest.raises(AssertionError) as failure:
        check_page(page)
    told = str(failure.value)
    for fault in (
        "axe: label",
        "axe: image-alt",
        "html: no-dup-id",
        "wider than its window",
        "Content Security Policy",
    ):
        assert fault in told


def test_forced_colours_keep_the_states_visible(browser: Browser, site: str, check_page: PageChecks) -> None:
    context = browser.new_context(base_url=site, forced_colors="active")
    page = check_page.watch(context.new_page())
    page.goto("/lists")
    check_page(page)
    context.close()


def _paste(page: Page, label: str, text: str, selector: str = "") -> None:
    """As the browser does: an event with the clipboard's text at the focused control."""
    control = page.locator(selector) if selector else page.get_by_label(label)
    control.evaluate(
        """(control, text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text/plain", text);
          control.focus();
          control.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
        }""",
        text,
    )
