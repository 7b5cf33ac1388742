"""Signing in by the word of a provider that speaks the protocol in earnest, and every way in which it may be wrong."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal import clock
from portal.extensions import db, transaction
from portal.model import AuditEvent, Identity, OutgoingMail, Person, ProviderSession, Role, SignInMethod, WebSession
from portal.operations import accounts
from portal.reach import Sight
from tests import signing_in
from tests.arriving import LEVEL, MAIL, STAFF, TRUSTED, come, connect, linked, portal, there
from tests.browsing import BUYER, KARI, OLA, SUPPLIER, Browser, another, attempted, change, count
from tests.provider import BASE, CLIENT, Provider, provider, rsa

__all__ = ["portal", "there"]


def session_row(app: Flask) -> WebSession:
    with app.app_context():
        return db.session.scalars(select(WebSession)).one()


def recorded(app: Flask) -> list[str]:
    with app.app_context():
        wanted = ("identity.", "membership.roles")
        rows = db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id))
        return [each for each in rows if each.startswith(wanted)]


def member_of(email: str) -> Person:
    return db.session.scalars(select(Person).where(Person.email == email)).one()


def roles_at(app: Flask, number: str, email: str) -> list[str]:
    with app.app_context():
        person = db.session.scalars(select(Person).where(Person.email == email)).one()
        return [code for each in person.memberships if each.organisation.number == number for code in each.role_codes]


# -- the way in and out -----------------------------------------------------------------------------------------------


def test_the_way_in_and_out_on_both_databases(portal: Callable[..., Flask], database_url: str, there: Provider) -> None:
    app = portal(f"{TRUSTED}\n{LEVEL}", database_url)
    browser = Browser(app.test_client())
    assert "Sign in with Lillevik" in browser.get("/sign-in").text
    there.says = MAIL
    before = browser.cookie
    back = come(browser, there, "/sign-in/with/lillevik?next=/probe/page")
    assert back.location == "/acting-for?next=/probe/page"
    assert browser.is_in()
    assert browser.cookie not in {"", before}
    row = session_row(app)
    assert (row.method, row.strong_at is not None) == (SignInMethod.PROVIDER, True)
    assert attempted(app) == [(OLA, "192.0.2.1", True)]
    assert recorded(app) == ["identity.connected"]

    gone = browser.post("/sign-out")
    assert gone.status_code == 200
    elsewhere = gone.headers["Refresh"].removeprefix("0; url=")
    assert elsewhere.startswith(f"{there.issuer}/logout?id_token_hint=")
    assert there.visit(elsewhere) == "/sign-in?"
    assert not browser.is_in()
    assert count(app, WebSession) == count(app, ProviderSession) == 0

    assert come(another(app), there).location == "/acting-for"
    assert recorded(app) == ["identity.connected"]


def test_what_is_asked_is_bound_to_this_browser_and_this_time(portal: Callable[..., Flask], there: Provider) -> None:
    browser = Browser(portal(LEVEL).test_client())
    asked = browser.get("/sign-in/with/lillevik").location
    for part in ("state=", "nonce=", "code_challenge=", "code_challenge_method=S256", "acr_values=high+substantial"):
        assert part in asked, part
    assert f"redirect_uri={BASE}".replace(":", "%3A").replace("/", "%2F") in asked
    again = browser.get("/sign-in/with/lillevik").location
    for name in ("state", "nonce", "code_challenge"):
        assert re.search(f"[?&]{name}=([^&]+)", asked)[1] != re.search(f"[?&]{name}=([^&]+)", again)[1]  # type: ignore[index]


def test_a_signature_stands_for_the_secret(portal: Callable[..., Flask], there: Provider) -> None:
    there.client_key = rsa("ours")
    app = portal()
    linked(app, there)
    browser = another(app)
    assert come(browser, there).status_code == 303
    assert browser.is_in()
    assert len(there.used) == 1


def test_less_than_strong_is_not_strong(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal(LEVEL)
    linked(app, there)
    there.says = {"acr": "substantial"}
    browser = another(app)
    assert come(browser, there).location == "/sign-in/code"
    assert count(app, WebSession) == 0
    assert browser.post("/sign-in/code", code=signing_in.phones.of(OLA).code()).status_code == 303
    assert session_row(app).method == SignInMethod.PROVIDER


# -- each thing wrong once --------------------------------------------------------------------------------------------

HOUR = 3600
WRONG: dict[str, Callable[[int], dict[str, Any]]] = {
    "another issuer": lambda _now: {"iss": "https://evil.example"},
    "an issuer that only begins alike": lambda _now: {"iss": "http://127.0.0.1"},
    "no issuer": lambda _now: {"iss": None},
    "for somebody else": lambda _now: {"aud": "another"},
    "for nobody": lambda _now: {"aud": None},
    "for several, given to nobody": lambda _now: {"aud": [CLIENT, "another"]},
    "given to another": lambda _now: {"azp": "another"},
    "run out": lambda now: {"exp": now - HOUR},
    "without end": lambda _now: {"exp": None},
    "with an odd end": lambda _now: {"exp": "tomorrow"},
    "from the future": lambda now: {"iat": now + HOUR, "exp": now + 2 * HOUR},
    "from long ago": lambda now: {"iat": now - HOUR},
    "made at no time": lambda _now: {"iat": None},
    "not valid yet": lambda now: {"nbf": now + HOUR},
    "another nonce": lambda _now: {"nonce": "another"},
    "no nonce": lambda _now: {"nonce": None},
    "many nonces": lambda _now: {"nonce": ["a", "b"]},
    "a lower level": lambda _now: {"acr": "low"},
    "no level": lambda _now: {"acr": None},
    "a level of another kind": lambda _now: {"acr": ["high"]},
    "nobody": lambda _now: {"sub": None},
    "an empty name": lambda _now: {"sub": ""},
    "a number for a name": lambda _now: {"sub": 17},
    "a name without end": lambda _now: {"sub": "x" * 300},
}


@pytest.fixture
def wronged(portal: Callable[..., Flask], there: Provider) -> Flask:
    """A portal where a right answer would let somebody in."""
    app = portal(LEVEL)
    linked(app, there)
    return app


def refused(app: Flask, browser: Browser, answer: TestResponse) -> None:
    assert answer.status_code == 400
    assert "You are not signed in" in answer.text
    assert "Try again with Lillevik" in answer.text
    assert not browser.is_in()
    assert count(app, WebSession) == 0


def test_a_right_answer_lets_in(wronged: Flask, there: Provider) -> None:
    browser = another(wronged)
    come(browser, there)
    assert browser.is_in()


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_claim_gives_no_session(wronged: Flask, there: Provider, what: str) -> None:
    there.says = WRONG[what](int(clock.now().timestamp()))
    browser = another(wronged)
    refused(wronged, browser, come(browser, there))


WAYS = (
    "unsigned",
    "with_our_public_key",
    "with_the_secret",
    "by_an_unknown_key",
    "by_nobody_named",
    "by_another_under_its_name",
    "with_its_own_key_along",
    "under_a_strange_condition",
    "changed_on_the_way",
)


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_signature_gives_no_session(wronged: Flask, there: Provider, way: str) -> None:
    there.signs = getattr(there, way)
    browser = another(wronged)
    refused(wronged, browser, come(browser, there))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "." * 40_000, "e30.e30.e30", "é.é.é"])
def test_what_is_no_token_gives_no_session(wronged: Flask, there: Provider, token: str) -> None:
    there.signs = lambda _claims: token
    browser = another(wronged)
    refused(wronged, browser, come(browser, there))


def test_a_state_that_is_not_this_browsers_gives_no_session(wronged: Flask, there: Provider) -> None:
    victim, thief = another(wronged), another(wronged)
    of_the_thief = there.visit(thief.get("/sign-in/with/lillevik").location)
    refused(wronged, victim, victim.get(of_the_thief))
    victim.get("/sign-in/with/lillevik")
    refused(wronged, victim, victim.get(of_the_thief))
    mine = there.visit(victim.get("/sign-in/with/lillevik").location)
    refused(wronged, victim, victim.get(re.sub(r"state=[^&]+", "state=", mine)))
    assert not there.server.asked[-1].path.endswith("/token")


def test_a_code_that_another_browser_asked_for_gives_no_session(wronged: Flask, there: Provider) -> None:
    """The provider compares what we can show with what was asked: a code that was put in our way is worth nothing."""
    victim, thief = another(wronged), another(wronged)
    code = re.search(r"code=([^&]+)", there.visit(thief.get("/sign-in/with/lillevik").location))
    assert code
    mine = there.visit(victim.get("/sign-in/with/lillevik").location)
    refused(wronged, victim, victim.get(re.sub(r"code=[^&]+", code[0], mine)))


def test_an_answer_is_good_once_and_for_a_while(wronged: Flask, there: Provider) -> None:
    browser = another(wronged)
    answer = there.visit(browser.get("/sign-in/with/lillevik").location)
    assert browser.get(answer).status_code == 303
    browser.post("/sign-out")
    refused(wronged, browser, browser.get(answer))
    late = there.visit(browser.get("/sign-in/with/lillevik").location)
    with clock.at(clock.now() + timedelta(minutes=16)):
        refused(wronged, browser, browser.get(late))


def test_the_answer_of_another_provider_gives_no_session(
    portal: Callable[..., Flask], there: Provider, tmp_path: Path
) -> None:
    with provider() as other:
        other.settings(tmp_path, key="other")
        app = portal()
        linked(app, there)
        browser = another(app)
        answer = other.visit(browser.get("/sign-in/with/other").location)
        refused(app, browser, browser.get(answer.replace("/from/other", "/from/lillevik")))
        mine = there.visit(browser.get("/sign-in/with/lillevik").location)
        refused(app, browser, browser.get(mine.replace(f"%3A{there.server.port}", f"%3A{other.server.port}")))


def test_a_sign_in_that_was_broken_off_is_told_in_words(wronged: Flask, there: Provider) -> None:
    browser = another(wronged)
    state = re.search(r"state=([^&]+)", browser.get("/sign-in/with/lillevik").location)
    assert state
    answer = browser.get(f"/sign-in/from/lillevik?error=access_denied&{state[0]}")
    assert "was broken off" in answer.text
    refused(wronged, browser, answer)


def test_a_provider_that_is_down_is_told_in_words(wronged: Flask, there: Provider) -> None:
    browser = another(wronged)
    back = there.visit(browser.get("/sign-in/with/lillevik").location)
    there.server.shutdown()
    there.server.server_close()
    answer = browser.get(back)
    assert answer.status_code == 503
    assert "does not answer just now" in answer.text
    assert not browser.is_in()


def test_a_new_key_of_the_provider_is_found_and_not_asked_for_without_end(wronged: Flask, there: Provider) -> None:
    come(another(wronged), there)
    there.signs = there.by_an_unknown_key
    asked = len(there.server.asked)
    for _ in range(3):
        assert come(another(wronged), there).status_code == 400
    keys = [each for each in there.server.asked[asked:] if each.path.endswith("/jwks")]
    assert keys == []
    there.shows.append(rsa("strange"))
    with clock.at(clock.now() + timedelta(minutes=2)):
        assert come(another(wronged), there).status_code == 303


# -- whose identity it is ---------------------------------------------------------------------------------------------

UNTRUSTED: dict[str, dict[str, Any]] = {
    "no address": {},
    "not checked": {"email": OLA},
    "said not to be checked": {"email": OLA, "email_verified": False},
    "checked in words only": {"email": OLA, "email_verified": "yes"},
    "of another domain": {"email": OLA, "email_verified": True},
    "of a domain below": {"email": "ola@a.entreprenor.example", "email_verified": True},
}


@pytest.mark.parametrize("what", UNTRUSTED)
def test_nobody_is_known_by_an_address_that_is_not_trusted(
    portal: Callable[..., Flask], there: Provider, what: str
) -> None:
    app = portal('domains = ["lillevik.example"]' if what == "of another domain" else TRUSTED)
    there.says = UNTRUSTED[what]
    browser = another(app)
    answer = come(browser, there)
    assert answer.status_code == 403
    assert "nobody here is connected to that sign-in" in answer.text
    assert not browser.is_in()
    assert count(app, Identity) == 0


def test_the_subject_and_not_the_address_says_who_it_is(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal()
    linked(app, there, KARI, "kari-1")
    there.says = {**MAIL, "sub": "kari-1"}
    browser = another(app)
    come(browser, there)
    assert "Kari Nordmann" in browser.get("/account").text


def test_the_same_subject_of_another_issuer_is_somebody_else(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal("")
    with app.app_context(), transaction():
        kari = db.session.scalars(select(Person).where(Person.email == KARI)).one()
        now = clock.now()
        db.session.add(Identity(person=kari, issuer="https://other.example", subject="ola-1", used_at=now))
    assert come(another(app), there).status_code == 403


def test_a_closed_account_stays_closed(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal()
    linked(app, there)
    change(app, OLA, active=False)
    answer = come(another(app), there)
    assert (answer.status_code, "is closed" in answer.text) == (403, True)


def test_one_connects_and_disconnects_ones_own(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal("")
    browser = another(app)
    browser.sign_in(OLA)
    assert "Connect Lillevik" in browser.get("/account").text
    assert connect(browser, there).location == "/account"
    page = browser.get("/account").text
    assert "Disconnect Lillevik" in page
    assert "Connect Lillevik" not in page
    come(other := another(app), there)
    assert other.is_in()

    kari = another(app)
    kari.sign_in(KARI)
    answer = connect(kari, there)
    assert (answer.status_code, "connected to another person" in answer.text) == (403, True)
    [way] = re.findall(r'action="(/account/disconnect/[^"]+)"', page)
    assert kari.post(way).status_code == 404
    assert browser.post(f"/account/disconnect/{uuid.uuid4()}").status_code == 404

    assert browser.post(way).status_code == 303
    assert browser.is_in()
    assert not other.is_in()
    assert come(another(app), there).status_code == 403
    assert recorded(app) == ["identity.connected", "identity.disconnected"]


def test_the_only_way_in_is_not_taken_away(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal()
    linked(app, there)
    change(app, OLA, password=None)
    browser = another(app)
    come(browser, there)
    [way] = re.findall(r'action="(/account/disconnect/[^"]+)"', browser.get("/account").text)
    assert browser.post(way).status_code == 422
    assert count(app, Identity) == 1


# -- for whom, and in which roles -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "details",
    [
        {"type": "ansattporten:altinn:resource", "authorized_parties": [{"orgno": {"ID": f"0192:{BUYER}"}}]},
        {"type": "ansattporten:altinn:service", "reportees": [{"ID": f"0192:{BUYER}", "Name": "Lillevik"}]},
    ],
)
def test_the_organisation_that_was_chosen_there_is_the_one_acted_for(
    portal: Callable[..., Flask], there: Provider, details: dict[str, object]
) -> None:
    app = portal("")
    linked(app, there)
    there.says = {"authorization_details": [details]}
    browser = another(app)
    assert come(browser, there, "/sign-in/with/lillevik?next=/probe/page").location == "/probe/page"
    assert browser.get("/probe/page").text == "Ola Hansen for Lillevik kommune"


@pytest.mark.parametrize(
    "details",
    [
        "x",
        [7],
        [{"reportees": "x"}],
        [{"reportees": [{"ID": f"9999:{BUYER}"}]}],
        [{"reportees": [{"ID": 5}, {}]}],
        [{"reportees": [{"ID": f"0192:{BUYER}"}, {"ID": f"0192:{SUPPLIER}"}]}],
        [{"reportees": [{"ID": "0192:999888777"}]}],
    ],
)
def test_what_names_no_single_organisation_leaves_the_choice_to_the_person(
    portal: Callable[..., Flask], there: Provider, details: object
) -> None:
    app = portal("")
    linked(app, there)
    there.says = {"authorization_details": details}
    assert come(another(app), there).location == "/acting-for"


def test_roles_follow_the_groups_at_each_sign_in_and_leavers_lose_theirs(
    portal: Callable[..., Flask], there: Provider, database_url: str
) -> None:
    app = portal(STAFF, database_url)
    there.says = {**MAIL, "groups": ["g-review", "g-other"]}
    browser = another(app)
    come(browser, there)
    assert browser.get("/probe/queue").status_code == 200
    assert recorded(app) == ["identity.connected"]

    there.says["groups"] = ["g-lead"]
    come(other := another(app), there)
    assert roles_at(app, BUYER, OLA) == ["contract_manager", "decision_maker"]
    assert (browser.get("/probe/queue").status_code, other.get("/probe/queue").status_code) == (403, 403)
    assert roles_at(app, SUPPLIER, OLA) == ["signatory"]
    assert recorded(app) == ["identity.connected", "membership.roles_replaced"]

    there.says["groups"] = []
    come(another(app), there)
    assert roles_at(app, BUYER, OLA) == []


LAST = f"""{TRUSTED}
organisation = "{BUYER}"
groups = {{ "g-review" = ["reviewer"], "g-read" = ["reader"], "g-run" = ["administrator"] }}"""


def test_the_last_administrator_keeps_the_role_that_the_groups_take_away(
    portal: Callable[..., Flask], there: Provider, database_url: str
) -> None:
    app = portal(LAST, database_url)
    with app.app_context(), transaction():
        [held] = [each for each in member_of(OLA).memberships if each.organisation.number == BUYER]
        held.role_codes = ["administrator"]
    there.says = {**MAIL, "groups": ["g-review"]}
    come(browser := another(app), there)
    assert browser.get("/probe/queue").status_code == 200
    assert roles_at(app, BUYER, OLA) == ["administrator", "reviewer"]
    there.says["groups"] = ["g-read"]
    come(browser := another(app), there)
    browser.get("/probe/page")
    assert roles_at(app, BUYER, OLA) == ["administrator"], "who only reads holds no other role"
    assert "The role stays: nobody else has it" in browser.get("/people").text
    changed = ["membership.roles_replaced", "membership.roles_kept", "membership.roles_replaced"]
    assert recorded(app) == ["identity.connected", *changed]
    with app.app_context():
        [letter] = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == "roles_kept"))
        assert letter.to_address == OLA, "there is nobody else to tell, and once is enough"
        assert "Ola Hansen er den siste administratoren for Lillevik kommune" in letter.body

    with app.app_context(), transaction():
        [own] = [each for each in member_of(OLA).memberships if each.organisation.number == BUYER]
        accounts.add_membership(member_of(KARI), own.organisation, Role.ADMINISTRATOR)
    come(another(app), there)
    assert roles_at(app, BUYER, OLA) == ["reader"]


def test_the_administrators_are_told_that_nobody_else_can_sign(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal(LAST.replace(BUYER, SUPPLIER).replace('"reviewer"', '"reporter"').replace("reader", "reporter"))
    with app.app_context(), transaction():
        [held] = member_of(KARI).memberships
        held.role_codes = ["administrator"]
    there.says = {**MAIL, "groups": []}
    come(another(app), there)
    assert roles_at(app, SUPPLIER, OLA) == ["signatory"]
    with app.app_context():
        told = select(OutgoingMail.to_address).where(OutgoingMail.letter == "roles_kept")
        assert sorted(db.session.scalars(told)) == [KARI, OLA]


def test_whoever_sees_some_contracts_only_is_not_made_administrator_by_a_group(
    portal: Callable[..., Flask], there: Provider
) -> None:
    app = portal(LAST)
    with app.app_context(), transaction():
        [held] = [each for each in member_of(OLA).memberships if each.organisation.number == BUYER]
        held.sight = Sight.NAMED
    there.says = {**MAIL, "groups": ["g-run", "g-review"]}
    assert come(another(app), there).status_code == 303
    assert roles_at(app, BUYER, OLA) == ["reviewer"]
    assert recorded(app) == ["identity.connected", "membership.roles_withheld"]


def test_whoever_left_comes_back_when_the_groups_say_so(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal(STAFF)
    with app.app_context(), transaction():
        [held] = [each for each in member_of(OLA).memberships if each.organisation.number == BUYER]
        held.ended_at = clock.now()
    there.says = {**MAIL, "groups": ["g-review"]}
    assert come(another(app), there).status_code == 303
    assert roles_at(app, BUYER, OLA) == ["reviewer"]


def test_whoever_is_left_without_any_role_is_out_everywhere(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal(STAFF)
    there.says = {"email": "ny@entreprenor.example", "email_verified": True, "name": "Ny Prøve", "groups": ["g-review"]}
    browser = another(app)
    come(browser, there)
    assert browser.get("/probe/queue").status_code == 200
    there.says["groups"] = ["g-other"]
    answer = come(another(app), there)
    assert (answer.status_code, "gives you no role here now" in answer.text) == (403, True)
    assert not browser.is_in()
    assert roles_at(app, BUYER, "ny@entreprenor.example") == []


def test_nobody_is_made_without_a_role_or_a_trusted_address(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal(STAFF)
    before = count(app, Person)
    new = {"email": "ny@entreprenor.example", "email_verified": True, "name": "Ny"}
    for says in ({**new, "groups": ["g-other"]}, {**new, "email": "ny@evil.example", "groups": ["g-review"]}):
        there.says = says
        assert come(another(app), there).status_code == 403
    assert (count(app, Person), count(app, Identity)) == (before, 0)


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ({"_claim_names": {"groups": "src1"}}, "in too many"),
        ({"hasgroups": True}, "in too many"),
        ({"groups": "g-review"}, "cannot be read"),
        ({"groups": [7]}, "cannot be read"),
    ],
)
def test_groups_that_are_left_out_or_odd_take_no_role_away(
    portal: Callable[..., Flask], there: Provider, says: dict[str, object], told: str
) -> None:
    app = portal(STAFF)
    linked(app, there)
    there.says = says
    answer = come(another(app), there)
    assert (answer.status_code, told in answer.text) == (403, True)
    assert roles_at(app, BUYER, OLA) == ["reviewer"]


# -- signed out there -------------------------------------------------------------------------------------------------


@pytest.fixture
def two_browsers(portal: Callable[..., Flask], there: Provider) -> tuple[Flask, Browser, Browser]:
    """The same person came by the provider in two, and in a third by password."""
    app = portal("")
    linked(app, there)
    here, elsewhere = another(app), another(app)
    come(here, there)
    there.says = {"sid": "there-2"}
    come(elsewhere, there)
    return app, here, elsewhere


def tell(app: Flask, token: str) -> int:
    return app.test_client().post("/sign-in/from/lillevik/ended", data={"logout_token": token}).status_code


def test_who_signs_out_there_is_signed_out_here(two_browsers: tuple[Flask, Browser, Browser], there: Provider) -> None:
    app, here, elsewhere = two_browsers
    by_password = another(app)
    by_password.sign_in(OLA)
    assert tell(app, there.logout_token(sid="there-1", sub="ola-1")) == 200
    assert [each.is_in() for each in (here, elsewhere, by_password)] == [False, True, True]
    assert tell(app, there.logout_token(sub="ola-1")) == 200
    assert [each.is_in() for each in (here, elsewhere, by_password)] == [False, False, True]


WRONG_TOKENS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "for another": {"aud": "another"},
    "no event": {"events": None},
    "another event": {"events": {"x": {}}},
    "an odd event": {"events": ["http://schemas.openid.net/event/backchannel-logout"]},
    "an id_token": {"nonce": "x"},
    "nobody": {"sub": None},
    "run out": {"exp": 1},
    "without a time": {"iat": None},
    "long ago": {"iat": 1},
}


@pytest.mark.parametrize("what", WRONG_TOKENS)
def test_a_wrong_logout_token_ends_nothing(
    two_browsers: tuple[Flask, Browser, Browser], there: Provider, what: str
) -> None:
    app, here, _elsewhere = two_browsers
    assert tell(app, there.logout_token(**{"sub": "ola-1", **WRONG_TOKENS[what]})) == 400
    assert here.is_in()


@pytest.mark.parametrize("way", WAYS)
def test_a_logout_token_that_is_not_signed_by_the_provider_ends_nothing(
    two_browsers: tuple[Flask, Browser, Browser], there: Provider, way: str
) -> None:
    app, here, _elsewhere = two_browsers
    there.signs = getattr(there, way)
    assert tell(app, there.logout_token(sub="ola-1")) == 400
    assert here.is_in()


def test_a_page_of_the_provider_may_end_the_session_it_can_name(
    two_browsers: tuple[Flask, Browser, Browser], there: Provider
) -> None:
    app, here, elsewhere = two_browsers
    stranger = app.test_client()
    for query in ("", f"?iss={there.issuer}", "?sid=there-1", f"?iss={there.issuer}x&sid=there-1"):
        assert stranger.get(f"/sign-in/from/lillevik/signed-out{query}").status_code == 400
    assert stranger.get(f"/sign-in/from/lillevik/signed-out?iss={there.issuer}&sid=unknown").status_code == 200
    assert here.is_in()
    assert stranger.get(f"/sign-in/from/lillevik/signed-out?iss={there.issuer}&sid=there-1").status_code == 200
    assert [each.is_in() for each in (here, elsewhere)] == [False, True]


@pytest.mark.parametrize("path", ["/sign-in/with/x", "/sign-in/from/x", "/sign-in/from/x/signed-out"])
def test_a_provider_that_nobody_named_is_not_there(portal: Callable[..., Flask], path: str) -> None:
    browser = another(portal())
    browser.sign_in()
    answer = browser.get(path)
    assert answer.status_code == 404
