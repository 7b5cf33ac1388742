"""A report that nobody begins: the clock alone makes it overdue, and coming late does not undo that."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from portal.extensions import db, transaction
from portal.model import Report
from portal.operations.reports import filings, reports
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal
from tests.world import fill_in

pytestmark = pytest.mark.browser

AFTER_THE_DEADLINE = datetime(2026, 4, 18, 9, tzinfo=UTC)
"""The report was due on Friday 17 April: ten working days after March, Easter left out."""
FOUR_DAYS_LATE = datetime(2026, 4, 21, 9, tzinfo=UTC)


def test_a_report_never_begun_is_overdue_and_stays_late(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal)
    small_portal.wait_until(AFTER_THE_DEADLINE)

    anna = visit(small_portal).signs_in("anna@prove.example")
    words = anna.words
    march = anna.row("mars 2026")
    anna.sees(words("Overdue")).looks()
    march.get_by_role("link").click()
    anna.sees(words("Overdue"), words("The report was overdue")).looks()

    adam = visit(small_portal).signs_in("adam@prove.example")
    adam.looks()
    adam.row("mars 2026").get_by_role("link", name=words("Assess the deviation")).click()
    missing = filings.MISSING.nb.format(what="Rapporten for mars 2026", due="17. april 2026")
    adam.reads("Report missing").sees(words("clause %(clause)s", clause="5.1"), missing).looks()

    small_portal.wait_until(FOUR_DAYS_LATE)
    with small_portal.app.app_context():
        world.report = db.session.get_one(Report, world.report.id)
        fill_in(world)
        with transaction():
            reports.make_ready(world.report, by=world.anna, version=world.report.version)
    bo = visit(small_portal).signs_in("bo@prove.example")
    bo.row("mars 2026").get_by_role("link", name=words("Sign and send the report")).click()
    bo.presses("Sign and send")
    bo.sees(
        words.many("It came %(num)d day after the deadline.", "It came %(num)d days after the deadline.", 4)
    ).looks()

    adam.signs_in("adam@prove.example").follows("Deviations").looks()
    adam.row(words("Report late")).filter(has_text="mars 2026").get_by_role("link").click()
    late = filings.DAYS_LATE.nb.format(what="Rapporten for mars 2026", days=4, due="17. april 2026")
    adam.sees(late, words.many("%(num)d day late", "%(num)d days late", 4)).looks()
    expect(adam.page.get_by_role("complementary")).to_contain_text(words("The report came, late"))
