"""What a grid of 300 rows costs the browser beside one of 10: to open, to fill in one value, to paste all of it.

Counted is the processor time of the page's own thread, not the time that passes: what else the machine does is not in it.
"""

import json
from collections.abc import Callable
from statistics import median

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.conftest import Visit, settle
from tests.browser.grid_page import cell, lines_of, paste, saved, with_machines
from tests.browser.server import Portal
from tests.browser.visitor import Visitor
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.soak]

TIMES = 5
FEW, MANY = 10, 300
PATIENCE = 60_000
MOST = {"open": 30.0, "one value": 4.0, "paste of all rows": 30.0}
"""How many times more each may cost with thirty times as many rows: in proportion, but for the one value."""


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
    counter = page.context.new_cdp_session(page)
    counter.send("Performance.enable", {"timeDomain": "threadTicks"})

    def opens() -> None:
        page.goto(lines_of(world))
        expect(page.locator("#grid-rows > tr")).to_have_count(rows, timeout=PATIENCE)

    def fills_in(row: int) -> None:
        cell(visitor, "hours", row).focus()
        page.keyboard.type("12,5", delay=30)
        page.keyboard.press("Tab")
        expect(saved(visitor, row)).to_contain_text("Saved", timeout=PATIENCE)

    opening = [cost(counter, opens) for _time in range(TIMES)]
    filling = [cost(counter, lambda row=row: fills_in(row)) for row in range(TIMES)]
    pasting = cost(counter, lambda: paste_all(visitor, page, rows))
    return {"open": median(opening), "one value": median(filling), "paste of all rows": pasting}


def cost(counter: CDPSession, act: Callable[[], None]) -> float:
    before = spent(counter)
    act()
    return round(1000 * (spent(counter) - before), 1)


def spent(counter: CDPSession) -> float:
    """Seconds that the page's thread has worked since it began."""
    metrics = counter.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def paste_all(visitor: Visitor, page: Page, rows: int) -> None:
    paste(cell(visitor, "hours", 0), "".join(f"{row}\t{row}\tmetered\n" for row in range(1, rows + 1)))
    expect(cell(visitor, "amount_source", rows - 1)).to_have_value("metered")
    for row in (0, rows // 2, rows - 1):
        expect(page.locator(f"#lines-{row} input[name$='-version']")).not_to_have_value("0", timeout=PATIENCE)
        expect(saved(visitor, row)).to_contain_text("Saved", timeout=PATIENCE)
