"""A passkey in a real browser: added, used to sign in and to show once more who one is, and removed."""

from datetime import timedelta

import pytest
from playwright.sync_api import CDPSession, expect

from portal import clock
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal
from tests.browser.visitor import Visitor
from tests.world import IN_APRIL

pytestmark = [pytest.mark.browser, pytest.mark.soak]

BO = "bo@prove.example"


def give_a_device(visitor: Visitor) -> CDPSession:
    """Something like a phone that recognises its owner, at this browser."""
    device = visitor.page.context.new_cdp_session(visitor.page)
    device.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
    }
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return device


@pytest.mark.parametrize("language", ["nb", "en"])
def test_a_passkey_is_added_and_signs_in(small_portal: Portal, visit: Visit, language: str) -> None:
    small_portal.wait_until(IN_APRIL)
    settle(small_portal, language)
    named = Portal(small_portal.app, small_portal.url.replace("127.0.0.1", "localhost"))
    bo = visit(named, language).signs_in(BO)
    say, page = bo.words, bo.page
    give_a_device(bo)
    bo.goes_to("/account/passkeys/new").looks()
    page.get_by_label(say("What do you call it?")).fill("Telefonen min")
    page.get_by_role("button", name=say("Make the passkey")).click()
    expect(page.get_by_text(say("The passkey is added. You are signed out everywhere else."))).to_be_visible()
    bo.looks()

    clock.move_to(clock.now() + timedelta(minutes=16))
    bo.goes_to("/change-password").looks()
    page.get_by_role("button", name=say("Show a passkey instead")).click()
    expect(page.get_by_label(say("Your password now"))).to_be_visible()

    bo.goes_to("/account")
    page.get_by_role("button", name=say("Sign out")).first.click()
    bo.goes_to("/sign-in?next=/account").looks()
    page.get_by_role("button", name=say("Sign in with a passkey")).click()
    expect(page.get_by_text("Telefonen min")).to_be_visible()
    bo.looks()
    page.get_by_role("button", name=say("Remove"), exact=True).click()
    expect(page.get_by_text(say("The passkey is removed. You are signed out everywhere else."))).to_be_visible()
