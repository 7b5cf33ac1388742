"""The last day of a breach noted in a browser, without scripts too; the second person reads the grounds."""

from datetime import UTC, datetime

import pytest

from portal import clock
from portal.extensions import db, transaction
from portal.model import Contract, Report
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal
from tests.sanctioning import VALUE, broken, daily_clause, duty, heard
from tests.world import case_of

pytestmark = pytest.mark.browser


def test_no_days_are_proposed_before_the_last_one_is_noted(small_portal: Portal, visit: Visit) -> None:
    """Broken in March, noticed on 8 April, put right on the 13th: 1–13 April are 13 days of 100 000."""
    world = settle(small_portal, "en")
    with small_portal.app.app_context():
        with transaction():
            world.contract = db.session.get_one(Contract, world.contract.id)
            world.report = db.session.get_one(Report, world.report.id)
            world.contract.value, world.contract.notice_working_days = VALUE, 1
        daily_clause(world, duty(world, "zero_emission_share_energy"))
        clock.move_to(datetime(2026, 4, 8, 9, tzinfo=UTC))
        found = broken(world)
        clock.move_to(datetime(2026, 4, 20, 9, tzinfo=UTC))
        heard(world, found)
        case = f"/cases/{case_of(world).public_id}"
    small_portal.wait_until(clock.now())
    adam = visit(small_portal, "en", scripts=False, checks=False).signs_in("adam@prove.example").goes_to(case)
    adam.unfolds("Propose a sanction")
    adam.sees("nobody knows yet when the breach ended").sees("no sanction can be proposed")
    adam.unfolds("Note the last day of the breach").presses("Note the day").sees("Write the last day of the breach.")
    seated = visit(small_portal, "en").signs_in("adam@prove.example").goes_to(case).looks()
    seated.unfolds("Note the last day of the breach").looks()
    seated.writes("Last day of the breach", "2026-04-30").writes("How you know", "Ny maskin.").presses("Note the day")
    seated.sees("The day cannot be later than today.").looks()
    seated.writes("Last day of the breach", "2026-04-13").presses("Note the day")
    seated.reads("The last day of the breach is noted.").unfolds("Propose a sanction").looks()
    seated.sees("Last day counted: 13 April 2026").sees("1\u00a0300\u00a0000\u00a0NOK")
    proposal = seated.main.get_by_role("group").filter(
        has=seated.page.get_by_role("button", name="Propose the sanction")
    )
    proposal.get_by_label("Reasons").fill("Leverandørens risiko.")
    seated.presses("Propose the sanction").reads("The sanction is proposed. Another person decides.").looks()

    dora = visit(small_portal, "en").signs_in("dora@prove.example").goes_to(case).looks()
    dora.sees("What the sanction stands on").sees("The notice was late")
    anna = visit(small_portal, "en").signs_in("anna@prove.example").goes_to(case).looks()
    anna.sees("Noted by Adam Prøve")
