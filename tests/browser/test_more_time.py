"""More time with a report: asked for in time, answered by the buyer, never shown as overdue; and who has not filed."""

from datetime import UTC, datetime

import pytest

from portal.extensions import transaction
from portal.model import Role
from portal.operations.reports import extensions
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

BEFORE_THE_DEADLINE = datetime(2026, 4, 15, 9, tzinfo=UTC)
AFTER_THE_DEADLINE = datetime(2026, 4, 20, 9, tzinfo=UTC)
"""The report was due on Friday 17 April."""
AFTER_THE_NEW_ONE = datetime(2026, 4, 27, 9, tzinfo=UTC)


def test_from_a_request_to_a_new_deadline_and_a_reminder(small_portal: Portal, visit: Visit) -> None:
    world = settle(small_portal)
    with small_portal.app.app_context(), transaction() as session:
        session.merge(world.adam).role_codes = [Role.ADMINISTRATOR, Role.CONTRACT_MANAGER]
    small_portal.wait_until(BEFORE_THE_DEADLINE)

    anna = visit(small_portal).signs_in("anna@prove.example")
    words = anna.words
    anna.row("mars 2026").get_by_role("link").first.click()
    anna.follows("Ask for more time").looks()
    anna.presses("Ask for more time").sees(words.of(extensions.SAY_WHY)).looks()
    anna.writes("Until when do you need?", "2026-04-24").writes("Why do you need more time?", "Måleren er på service.")
    anna.presses("Ask for more time").reads("More time has been asked for").looks()

    small_portal.wait_until(AFTER_THE_DEADLINE)
    anna = visit(small_portal).signs_in("anna@prove.example").looks()
    anna.follows("Reports")
    assert not anna.row("mars 2026").get_by_text(words("Overdue")).count()
    anna.row("mars 2026").get_by_text(words("the buyer has not answered the request for more time")).wait_for()
    anna.looks()

    adam = visit(small_portal).signs_in("adam@prove.example").looks()
    adam.row("mars 2026").get_by_role("link", name=words("Answer the request for more time")).click()
    adam.sees("Måleren er på service.").looks()
    adam.presses("Send the answer").looks()
    adam.chooses("Give more time").presses("Send the answer").looks()
    _chase(adam, words("They have been given more time"))

    small_portal.wait_until(AFTER_THE_NEW_ONE)
    anna = visit(small_portal).signs_in("anna@prove.example").follows("Reports")
    anna.row("mars 2026").get_by_text(words("Overdue")).wait_for()
    anna.row("mars 2026").get_by_role("link").first.click()
    anna.sees(words("More time given")).looks()
    adam = visit(small_portal).signs_in("adam@prove.example")
    _chase(adam, words("They were told of the deadline today already"))


def _chase(adam: Visitor, why_not: str) -> None:
    """Adam looks at who has not filed, and sees why nobody is reminded."""
    adam.follows("Who has not filed").looks()
    adam.row("mars 2026").get_by_role("checkbox").check()
    adam.presses("Remind those I chose").sees(why_not).looks()
