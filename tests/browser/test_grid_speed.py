"""How a grid of 300 rows feels beside one of 10: first paint, a keystroke, a row's way to the server and back."""

import json
from statistics import median

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, settle
from tests.browser.grid_page import cell, lines_of, paste, saved, with_machines
from tests.browser.server import Portal
from tests.browser.visitor import Visitor
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.soak]

TIMES = 5
FEW, MANY = 10, 300
ONE_FRAME = 16.7
PATIENCE = 60_000
MOST = {"first paint": 8.0, "page": 20.0, "keystroke": 4.0, "autosave": 8.0, "paste of all rows": 30.0}
"""How many times longer each may take with thirty times as many rows."""

_WATCH = """() => {
  window.keystrokes = [];
  document.addEventListener("keydown", (event) => {
    const from = event.timeStamp;
    requestAnimationFrame(() => setTimeout(() => window.keystrokes.push(performance.now() - from)));
  }, { capture: true });
}"""
_PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_LOADED = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"
_SENT = """() => performance.getEntriesByType('resource').filter((each) => each.name.includes('/lines/'))
  .map((each) => each.duration)"""


def test_three_hundred_rows_stay_fluid(small_portal: Portal, visit: Visit, capsys: pytest.CaptureFixture[str]) -> None:
    world = settle(small_portal, "en")
    with_machines(small_portal, world, FEW)
    few = figures(visit(small_portal, "en", checks=False).signs_in("anna@prove.example"), world, FEW)
    with_machines(small_portal, world, MANY)
    many = figures(visit(small_portal, "en", checks=False).signs_in("anna@prove.example"), world, MANY)
    with capsys.disabled():
        print(json.dumps({"unit": "ms", str(FEW): few, str(MANY): many}, indent=2))  # noqa: T201 - the figures
    for name, most in MOST.items():
        assert many[name] <= most * max(few[name], ONE_FRAME), (name, few[name], many[name])


def figures(visitor: Visitor, world: World, rows: int) -> dict[str, float]:
    """Medians, in milliseconds."""
    page, painted, loaded = visitor.page, [], []
    for _time in range(TIMES):
        page.goto(lines_of(world))
        expect(page.locator("#grid-rows > tr")).to_have_count(rows, timeout=PATIENCE)
        painted.append(page.wait_for_function(_PAINTED).json_value())
        loaded.append(page.evaluate(_LOADED))
    page.evaluate(_WATCH)
    for row in range(TIMES):
        cell(visitor, "hours", row).focus()
        page.keyboard.type("12,5", delay=30)
        page.keyboard.press("Tab")
        expect(saved(visitor, row)).to_contain_text("Saved", timeout=PATIENCE)
    strokes, sent = page.evaluate("() => window.keystrokes"), page.evaluate(_SENT)
    return {
        "first paint": round(median(painted), 1),
        "page": round(median(loaded), 1),
        "keystroke": round(median(strokes), 1),
        "slowest keystroke": round(max(strokes), 1),
        "autosave": round(median(sent), 1),
        "paste of all rows": round(paste_all(visitor, page, rows), 1),
    }


def paste_all(visitor: Visitor, page: Page, rows: int) -> float:
    """From the paste to the last row's answer; the wait for more typing is part of it."""
    page.evaluate("() => { window.pastedAt = performance.now(); }")
    paste(cell(visitor, "hours", 0), "".join(f"{row}\t{row}\tmetered\n" for row in range(1, rows + 1)))
    expect(cell(visitor, "amount_source", rows - 1)).to_have_value("metered")
    for row in (0, rows // 2, rows - 1):
        expect(page.locator(f"#lines-{row} input[name$='-version']")).not_to_have_value("0", timeout=PATIENCE)
        expect(saved(visitor, row)).to_contain_text("Saved", timeout=PATIENCE)
    elapsed: float = page.evaluate("() => performance.now() - window.pastedAt")
    return elapsed
