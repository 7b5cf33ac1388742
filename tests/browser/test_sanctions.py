"""What a breach costs, in a browser: a clause written, an amount waived and sent back, the list; by both parties."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import Page

from portal import clock
from portal.extensions import db, transaction
from portal.model import Contract, Report, Role
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal
from tests.sanctioning import VALUE, broken, daily_clause, days_after_deadline, drafted, heard
from tests.world import case_of

pytestmark = pytest.mark.browser


def test_a_clause_is_written_and_read(small_portal: Portal, visit: Visit) -> None:
    """The form is chosen first; what it means is shown before it is stored; without JavaScript too."""
    world = settle(small_portal, "en")
    with small_portal.app.app_context():
        with transaction():
            db.session.merge(world.ruth).role_codes = [Role.CONTRACT_MANAGER.value]
        contract = f"/contracts/{drafted(world).public_id}/sanction-clauses"
    ruth = visit(small_portal, "en", scripts=False, checks=False).signs_in("ruth@prove.example")
    ruth.goes_to(contract).reads("The contract has no sanction clause. A breach is registered, and costs nothing.")
    ruth.follows("Add a sanction clause").chooses("A daily amount: an amount for each day").presses("Next")
    ruth.presses("Save the clause").sees("the field is empty")
    seated = visit(small_portal, "en").signs_in("ruth@prove.example").goes_to(contract).looks()
    seated.follows("Add a sanction clause").looks()
    seated.chooses("A daily amount: an amount for each day").presses("Next").looks()
    seated.presses("Save the clause").sees("the field is empty").looks()
    seated.writes("Clause in the contract", "7.2").writes("What the clause says", "Dagmulkt ved forsinkelse.")
    seated.field("Applies to").select_option("all")
    seated.field("Warning before amount").select_option("no")
    seated.writes("Rate per day", "1").writes("The rate is in force from", "01.06.2026")
    seated.main.get_by_label("Base", exact=True).select_option("value")
    seated.field("Runs from").select_option("deadline")
    seated.field("Days that count").select_option("working")
    seated.writes("At most so much of the base", "10")
    seated.presses("Show what it means").sees("1 ‰ per working day of the contract's value").looks()
    seated.presses("Save the clause").reads("The sanction clause is added.").looks()
    seated.sees("A report that comes 5 working days late would cost 500\u00a0000\u00a0NOK.")


def hidden_amounts(page: Page) -> list[str]:
    """The rows of a calculation whose amount is out of sight on the narrowest phone."""
    before = page.viewport_size
    page.set_viewport_size({"width": 320, "height": 900})
    region = page.locator(".table-region:has(.sheet):visible")
    assert region.count() == 1
    found: list[str] = region.evaluate(
        "region => [...region.querySelectorAll('td')]"
        ".filter(cell => cell.getBoundingClientRect().right > region.getBoundingClientRect().right + 1)"
        ".map(cell => cell.textContent)"
    )
    if before:
        page.set_viewport_size(before)
    return found


def test_a_sanction_is_waived_in_part_sent_back_and_listed(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal, "en")
    with small_portal.app.app_context():
        with transaction():
            world.contract = db.session.get_one(Contract, world.contract.id)
            world.report = db.session.get_one(Report, world.report.id)
            world.contract.value = VALUE
        daily_clause(world, grace_days=2, cap_percent=Decimal(10))
        days_after_deadline(world, 6)
        heard(world, broken(world))
        case = f"/cases/{case_of(world).public_id}"
        contract = f"/contracts/{world.contract.public_id}"
    small_portal.wait_until(max(clock.now(), datetime(2026, 5, 4, 9, tzinfo=UTC)))
    adam = visit(small_portal, "en").signs_in("adam@prove.example").goes_to(contract).looks()
    adam.goes_to(case).unfolds("Propose a sanction").looks()
    assert hidden_amounts(adam.page) == [], "on a phone the amounts stand below their names"
    proposal = adam.main.get_by_role("group").filter(has=adam.page.get_by_role("button", name="Propose the sanction"))
    proposal.get_by_label("Reasons").fill("Leverandørens risiko.")
    adam.chooses("Waive part of it").writes("How much is waived", "25 000")
    adam.writes("Why it is waived", "Byggestrømmen kom sent.").presses("Propose the sanction")
    adam.sees("no more than 20\u00a0000\u00a0NOK").looks()
    adam.writes("How much is waived", "5 000").presses("Propose the sanction")
    adam.reads("The sanction is proposed. Another person decides.").looks()

    dora = visit(small_portal, "en").signs_in("dora@prove.example").goes_to(case).looks()
    dora.writes("Comment", "Vurder strømmen.").presses("Send back").reads("The proposal is sent back.")
    dora.follows("Sanctions").reads("Sent back").looks()
    adam.goes_to(case).sees("Vurder strømmen.").looks()
    adam.presses("Propose again").reads("The sanction is proposed again.")
    dora.goes_to(case).presses("Approve the sanction")
    dora.follows("Sanctions").sees("15\u00a0000\u00a0NOK").looks()
    dora.goes_to("/sanctions?state=withdrawn").reads("No sanction fits this filter.").looks()

    anna = visit(small_portal, "en").signs_in("anna@prove.example").goes_to("/sanctions").looks()
    anna.sees("15\u00a0000\u00a0NOK")
    anna.goes_to(f"{contract}/sanction-clauses").sees("was filed 6 days after it was due").looks()
    anna.goes_to(case).sees("Byggestrømmen kom sent.").looks()
