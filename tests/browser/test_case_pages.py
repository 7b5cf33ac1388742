"""A case between two tired people: notice point by point, a reply that keeps its files, points weighed, and the log."""

import re
from datetime import UTC, date, datetime

import pytest
from playwright.sync_api import expect

from portal.extensions import db, transaction
from portal.model import Contract, Report, Representative
from portal.operations.cases import replies
from tests import casework
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal
from tests.browser.visitor import Visitor
from tests.world import World, deliver_mail

pytestmark = pytest.mark.browser

SITE_POWER = "Strømmen på plassen ble koblet til tre uker etter avtalt dato, og det er byggherrens ansvar. " * 6
SOON_AFTER = datetime(2026, 3, 10, 9, 20, tzinfo=UTC)


@pytest.fixture(params=["nb", pytest.param("en", marks=pytest.mark.soak)])
def language(request: pytest.FixtureRequest) -> str:
    """Bokmål in each run, English in the soak: the words are held against both catalogues."""
    return str(request.param)


def breach(portal: Portal, language: str) -> World:
    """A breach of clause 4.2 in a contract that names a representative and a limit for the buyer's notice."""
    world = settle(portal, language)
    with portal.app.app_context():
        with transaction() as session:
            contract = session.get_one(Contract, world.contract.id)
            contract.notice_working_days = 10
            session.add(
                Representative(
                    **contract.parties,
                    organisation_id=contract.supplier_id,
                    name="Egil Ekstern",
                    title="Prosjektleder",
                    email="egil@prove.example",
                    from_on=date(2026, 1, 1),
                )
            )
        world.report = db.session.get_one(Report, world.report.id)
        casework.found(world)
    return world


def test_notice_reply_and_weighing_point_by_point(small_portal: Portal, visit: Visit, language: str) -> None:
    breach(small_portal, language)
    adam = visit(small_portal, language).signs_in("adam@prove.example")
    _adam_gives_notice(adam)
    small_portal.wait_until(SOON_AFTER)
    with small_portal.app.app_context():
        deliver_mail()

    bo = visit(small_portal, language).signs_in("bo@prove.example")
    _bo_replies(bo)

    adam.goes_to("/").follows(re.compile(re.escape(adam.words("Assess the reply"))))
    adam.sees("Egil Ekstern (egil@prove.example", "Bo Prøve", SITE_POWER.strip()).looks()
    adam.presses("Save what you hold of the points").sees(
        adam.words.of(replies.CHOOSE_VERDICT.with_values(number=1))
    ).looks()
    for number in (1, 2):
        part = adam.main.locator(f"section[aria-labelledby=weigh-{number}]")
        part.get_by_role("radio", name=adam.words("Upheld"), exact=True).check()
        part.get_by_label(adam.words("Reasons")).fill("Bestillingen kom etter at arbeidet var i gang.")
    adam.presses("Save what you hold of the points")
    adam.reads("The points are weighed. You can close the case or propose a sanction.").looks()
    adam.unfolds(adam.words("Close the case")).main.get_by_role("group").filter(
        has=adam.page.get_by_role("button", name=adam.words("Close without sanction"))
    ).get_by_label(adam.words("Reasons")).fill("Forholdet er rettet.")
    adam.presses("Close without sanction").reads("The case is closed.").looks()

    bo.goes_to("/cases?state=all").row(bo.words("clause %(clause)s", clause="4.2")).get_by_role("link").click()
    bo.sees("Forholdet er rettet.", "Bestillingen kom etter at arbeidet var i gang.").looks()
    bo.follows("Decisions").looks()
    expect(bo.page.get_by_role("complementary")).not_to_contain_text(bo.words("The notice was delivered"))


def _adam_gives_notice(adam: Visitor) -> None:
    adam.follows(re.compile(re.escape(adam.words("Assess the deviation"))))
    adam.sees("Egil Ekstern (egil@prove.example)", adam.words("Deadline for %(name)s:", name="Prøveby kommune")).looks()
    adam.presses("Add a point")
    adam.main.get_by_label(adam.words("Point %(number)s", number=2)).fill("Ladeplan.")
    adam.presses("Add a point").presses("Remove point %(number)s", number=3)
    expect(adam.main.get_by_label(adam.words("Point %(number)s", number=2))).to_have_value("Ladeplan.")
    adam.looks()
    adam.writes("Time to reply, in working days", "5").presses("Send the notice")
    adam.reads("The notice is on its way. The time to reply runs from when it counts as given.").looks()


def _bo_replies(bo: Visitor) -> None:
    bo.follows(re.compile(re.escape(bo.words("Reply to the notice")))).looks()
    bo.presses("Send the reply").sees(bo.words.of(replies.WRITE_SOMETHING)).looks()
    first, second = (bo.main.locator(f"section[aria-labelledby=answer-{number}]") for number in (1, 2))
    first.get_by_label(bo.words("Your answer to this point")).fill(SITE_POWER)
    first.get_by_label(bo.words("Files for this point")).set_input_files(
        {"name": "vedtak.txt", "mimeType": "text/plain", "buffer": b"Strom fra 20. mars"}
    )
    bo.presses("Send the reply").sees(bo.words.of(replies.CHOOSE_STANCE.with_values(number=1)), "vedtak.txt").looks()
    first.get_by_role("radio", name=bo.words("We do not agree"), exact=True).check()
    bo.presses("Send the reply").reads("Your reply is received. You can add to it until the deadline.")
    bo.sees("vedtak.txt").looks()
    assert bo.downloads("vedtak.txt") == b"Strom fra 20. mars"
    second.get_by_role("radio", name=bo.words("We agree"), exact=True).check()
    bo.main.get_by_label(bo.words("I have nothing more to add")).check()
    bo.presses("Send the reply").reads("Your reply is received, and is now assessed.").looks()
    bo.follows("Deviations").looks()
