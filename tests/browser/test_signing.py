"""Check, reasons, signature, receipt, withdrawal and amendment in the browser; each state is looked at."""

from io import BytesIO

import pytest
from flask import Flask
from playwright.sync_api import expect
from pypdf import PdfReader

from portal.extensions import db, transaction
from portal.model import Decision, Report, ReportState
from portal.operations.entry import drafts
from portal.operations.reports import reports, reviews
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal
from tests.browser.visitor import Visitor
from tests.world import IN_APRIL, World, fill_in, machine_lines

pytestmark = [pytest.mark.browser, pytest.mark.soak]


def at(world: World, act: str = "") -> str:
    return f"/reports/{world.report.public_id}{act}"


def now(app: Flask, world: World) -> Report:
    """The report as it is; inside the application's context."""
    del app
    db.session.expire_all()
    world.report = db.session.get_one(Report, world.report.id)
    return world.report


def state_of(portal: Portal, world: World) -> ReportState:
    with portal.app.app_context():
        return now(portal.app, world).state


def fill_in_with_a_warning(portal: Portal, world: World) -> None:
    """DI-2 has hours and has used nothing."""
    with portal.app.app_context():
        now(portal.app, world)
        fill_in(world, diesel="0")


def sees_an_error_at(visitor: Visitor, field: str) -> None:
    """The summary has the focus, and its link leads to the field."""
    summary = visitor.main.locator("#error-summary")
    expect(summary).to_be_focused()
    visitor.looks()
    summary.locator(f"a[href='#{field}']").click()
    expect(visitor.main.locator(f"#{field}")).to_be_focused()


def test_a_warning_asks_for_a_reason_that_travels_to_the_receipt(small_portal: Portal, visit: Visit) -> None:
    small_portal.wait_until(IN_APRIL)
    world = settle(small_portal, "en")
    fill_in_with_a_warning(small_portal, world)
    anna = visit(small_portal, "en").signs_in("anna@prove.example").goes_to(at(world, "/check")).looks()
    anna.sees("DI-2 has hours but has used no energy.")
    assert anna.status_after(lambda: anna.presses("Ready to sign")) == 422
    sees_an_error_at(anna, "reason-1")
    anna.main.locator("#reason-1").fill("Gikk på tomgang.")
    anna.presses("Save the reasons").reads("The reasons are saved.")
    anna.presses("Ready to sign").looks()
    anna.goes_to(at(world, "/check")).sees("Gikk på tomgang.").looks()

    bo = visit(small_portal, "en").signs_in("bo@prove.example").goes_to(at(world, "/check")).looks()
    expect(bo.main.locator("#reason-1")).to_have_value("Gikk på tomgang.")
    assert bo.status_after(lambda: bo.presses("Give it back")) == 422
    sees_an_error_at(bo, "comment")
    bo.presses("Sign and send").reads("The report is received").sees("Gikk på tomgang.").looks()
    paper = PdfReader(BytesIO(bo.downloads("Download as PDF")))
    said = " ".join(page.extract_text() for page in paper.pages)
    assert "Gikk på tomgang." in said


def test_withdrawing_amending_and_dropping(small_portal: Portal, visit: Visit) -> None:
    small_portal.wait_until(IN_APRIL)
    world = settle(small_portal, "en")
    sign(small_portal, world)
    bo = visit(small_portal, "en").signs_in("bo@prove.example").goes_to(at(world)).looks()
    bo.follows("Withdraw the report").looks().writes("Why do you withdraw it?", "Feil måler.")
    bo.presses("Withdraw the report").reads(
        "The report is withdrawn and open for editing. The reviewers have been told."
    )
    bo.sees("Feil måler.").looks()
    assert state_of(small_portal, world) == ReportState.DRAFT

    sign(small_portal, world)
    rita = visit(small_portal, "en").signs_in("rita@prove.example").goes_to(at(world, "/review")).looks()
    bo.goes_to(at(world)).sees("can no longer be withdrawn").looks()
    expect(bo.main.get_by_role("link", name="Withdraw the report")).to_have_count(0)

    approve(small_portal, world)
    bo.goes_to(at(world)).follows("Amend the report").looks()
    assert bo.status_after(lambda: bo.presses("Begin the amendment")) == 422
    sees_an_error_at(bo, "reason")
    bo.writes("Why is the report to be amended?", "Målerstanden var feil.").presses("Begin the amendment")
    bo.reads("You are amending an approved report").sees("Målerstanden var feil.").looks()
    bo.follows("Drop the amendment").looks().presses("Drop the amendment")
    bo.reads("The amendment is dropped. What was approved is in force, as before.").looks()

    bo.follows("Amend the report").writes("Why is the report to be amended?", "Målerstanden var feil.")
    bo.presses("Begin the amendment")
    sign(small_portal, world, diesel="1100")
    bo.goes_to(at(world)).sees("Proposed: revision 3").looks()
    bo.follows("See the receipt").sees("Målerstanden var feil.").looks()
    rita.goes_to(at(world, "/review")).reads("An amendment of what was approved").looks()
    approve(small_portal, world)
    bo.goes_to(at(world)).sees("Approved, in force", "Approved, amended since", "Withdrawn").looks()


def sign(portal: Portal, world: World, diesel: str = "1000") -> None:
    """Filled in and signed."""
    with portal.app.app_context():
        report = now(portal.app, world)
        with transaction():
            lines = machine_lines(world, diesel=diesel)
            drafts.save(report, "machinery", lines, by=world.anna, version=report.version)
        if report.section("fuel").answer is None:
            with transaction():
                drafts.answer_nothing(report, "fuel", "Ingen leveranser.", by=world.anna, version=report.version)
        with transaction():
            reports.sign(report, by=world.bo, version=report.version)


def approve(portal: Portal, world: World) -> None:
    with portal.app.app_context():
        report = now(portal.app, world)
        with transaction():
            reviews.decide(report, Decision.APPROVE, by=world.rita, version=report.version)
