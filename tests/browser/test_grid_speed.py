"""What a grid of 300 rows costs the browser beside one of 10: to fill in one value, and to paste all of it.

Counted is the processor time of the page's own thread, not the time that passes: what else the machine does is not
in it.
"""

import json
from collections.abc import Callable
from functools import partial
from statistics import median

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.conftest import Visit, settle
from tests.browser.grid_page import cell, lines_of, paste, with_machines
from tests.browser.server import Portal
from tests.browser.visitor import Visitor
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.soak]

TIMES = 5
FEW, MANY = 10, 300
PATIENCE = 60_000
MOST = {"typing": 4.0, "saving": 30.0, "paste of all rows": 30.0}
"""How many times more each may cost with thirty times as many rows. What is typed is laid out by itself. When a row is
saved the browser styles the whole table anew, for the sake of rules with :has(): that is in proportion to the rows."""

_SAVED = "row => document.querySelector(`#lines-${row} [data-grid-saved]`).textContent.includes('Saved')"


def test_three_hundred_rows_stay_fluid(small_portal: Portal, visit: Visit, capsys: pytest.CaptureFixture[str]) -> None:
    world = settle(small_portal, "en")
    with_machines(small_portal, world, FEW)
    few = figures(visit(small_portal, "en", checks=False).signs_in("anna@prove.example"), world, FEW)
    with_machines(small_portal, world, MANY)
    many = figures(visit(small_portal, "en", checks=False).signs_in("anna@prove.example"), world, MANY)
    with capsys.disabled():
        print(json.dumps({"unit": "ms of CPU", str(FEW): few, str(MANY): many}, indent=2))  # noqa: T201 - the figures
    for name, most in MOST.items():
        assert many[name] <= most * few[name], (name, few[name], many[name])


def figures(visitor: Visitor, world: World, rows: int) -> dict[str, float]:
    """Milliseconds of the page's thread; medians where a thing is done several times."""
    page = visitor.page
    page.goto(lines_of(world))
    expect(page.locator("#grid-rows > tr")).to_have_count(rows, timeout=PATIENCE)
    counter = page.context.new_cdp_session(page)
    counter.send("Performance.enable", {"timeDomain": "threadTicks"})
    typing, saving = [], []
    for row in range(TIMES):
        cell(visitor, "hours", row).focus()
        typing.append(cost(counter, lambda: page.keyboard.type("12,5", delay=30)))
        saving.append(cost(counter, partial(leave, page, row)))
    pasting = cost(counter, lambda: paste_all(visitor, rows))
    return {"typing": median(typing), "saving": median(saving), "paste of all rows": pasting}


def cost(counter: CDPSession, act: Callable[[], None]) -> float:
    before = spent(counter)
    act()
    return round(1000 * (spent(counter) - before), 1)


def spent(counter: CDPSession) -> float:
    """Seconds that the page's thread has worked."""
    metrics = counter.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def leave(page: Page, row: int) -> None:
    page.keyboard.press("Tab")
    until_saved(page, row)


def until_saved(page: Page, row: int) -> None:
    # Not by a locator: what that does between its looks would be counted too.
    page.wait_for_function(_SAVED, arg=row, polling=200, timeout=PATIENCE)


def paste_all(visitor: Visitor, rows: int) -> None:
    paste(cell(visitor, "hours", 0), "".join(f"{row}\t{row}\tmetered\n" for row in range(1, rows + 1)))
    for row in (0, rows // 2, rows - 1):
        visitor.page.wait_for_function(
            "row => document.querySelector(`#lines-${row} input[name$='-version']`).value !== '0'",
            arg=row,
            polling=200,
            timeout=PATIENCE,
        )
        until_saved(visitor.page, row)
