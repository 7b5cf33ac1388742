"""The page of a section with many machines: its cells, what stands beside a row, and what is pasted."""

from datetime import date

from playwright.sync_api import Locator
from sqlalchemy import func, select

from portal.extensions import transaction
from portal.model import Machine, Report
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts
from tests.browser.server import Portal
from tests.browser.visitor import Visitor
from tests.world import World


def with_machines(portal: Portal, world: World, number: int) -> None:
    """So many machines in all, the two that everybody knows among them, and no line filled in yet."""
    with portal.app.app_context(), transaction() as writing:
        contract, anna = writing.merge(world.contract), writing.merge(world.anna)
        there = writing.scalar(select(func.count()).select_from(Machine)) or 0
        for place in range(there, number):
            machine = machines.register(MachineFacts(f"M-{place:03}", "crane", "diesel", "V"), by=anna)
            machines.deploy(machine, contract, date(2026, 1, 1), None, by=anna)
        report = writing.get_one(Report, world.report.id)
        report.section("machinery").lines = []


def lines_of(world: World) -> str:
    return f"/reports/{world.report.public_id}/sections/machinery"


def cell(visitor: Visitor, column: str, row: int) -> Locator:
    return visitor.page.locator(f"#lines-{row}-in_{column}")


def saved(visitor: Visitor, row: int) -> Locator:
    return visitor.page.locator(f"#lines-{row} [data-grid-saved]")


def paste(at: Locator, text: str) -> None:
    at.focus()
    at.evaluate(
        """(cell, text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text/plain", text);
          cell.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )
