"""What a session that began at a provider is good for, and what a way in takes that is added or taken away."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock, work
from portal.extensions import db, transaction
from portal.model import AuditEvent, Identity, Membership, OutgoingMail, Person, ProviderSession
from portal.operations.people import second_factors
from portal.outgoing import CallFailed, Outgoing
from portal.tokens import BadToken, Keys
from tests import signing_in
from tests.arriving import LEVEL, MAIL, STAFF, TRUSTED, come, connect, linked, portal, there
from tests.browsing import BUYER, NOON, OLA, Browser, Maker, another, attempted, change, count
from tests.conftest import SECRET
from tests.provider import Provider

__all__ = ["portal", "there"]

MONTH = timedelta(days=31)


def letters(app: Flask) -> list[tuple[str, str]]:
    """Kind and recipient of each personal letter, in order."""
    with app.app_context():
        rows = db.session.scalars(select(OutgoingMail).order_by(OutgoingMail.id))
        return [(row.letter, row.to_address) for row in rows]


def ended(app: Flask) -> list[str]:
    """Whose memberships have ended, and why."""
    with app.app_context():
        rows = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "membership.ended"))
        return [row.reason for row in rows]


# -- a way in that is added or taken away -----------------------------------------------------------------------------


def test_ways_in_are_changed_only_by_who_has_just_shown_who_they_are(
    portal: Callable[..., Flask], there: Provider
) -> None:
    app = portal("")
    browser = another(app)
    with clock.at(NOON):
        browser.sign_in(OLA)
    with clock.at(NOON + timedelta(minutes=14)):
        assert connect(browser, there).location == "/account"
        [way] = re.findall(r'action="(/account/disconnect/[^"]+)"', browser.get("/account").text)
    with clock.at(NOON + timedelta(minutes=16)):
        for path in ("/account/connect/lillevik", way):
            answer = browser.post(path)
            assert (answer.status_code, "Show that it is you" in answer.text) == (401, True), path
    assert count(app, Identity) == 1
    with clock.at(NOON + timedelta(minutes=17)):
        browser.post(way, None, **{"confirm-code": signing_in.phones.of(OLA).code()})
    assert count(app, Identity) == 0
    assert letters(app) == [("provider_connected", OLA), ("provider_disconnected", OLA)]


def test_an_answer_that_comes_long_after_one_was_confirmed_connects_nothing(
    portal: Callable[..., Flask], there: Provider
) -> None:
    app = portal("")
    browser = another(app)
    with clock.at(NOON):
        browser.sign_in(OLA)
    with clock.at(NOON + timedelta(minutes=10)):
        away = browser.post("/account/connect/lillevik")
    with clock.at(NOON + timedelta(minutes=20)):
        answer = browser.get(there.visit(away.headers["Refresh"].removeprefix("0; url=")))
    assert (answer.status_code, count(app, Identity)) == (400, 0)


def test_who_comes_by_a_provider_alone_gets_no_password_by_mail(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal()
    linked(app, there)
    change(app, OLA, password=None)
    forgetful = another(app)
    known, unknown = (
        re.sub(r'name="csrf_token" value="[^"]+"|X-CSRFToken":"[^"]+"', "", answer.text).replace(email, "E-MAIL")
        for email in (OLA, "x" + OLA)
        if (answer := forgetful.post("/forgotten-password", email=email))
    )
    assert known == unknown
    assert letters(app) == [("reset_elsewhere", OLA)]
    with app.app_context():
        [letter] = db.session.scalars(select(OutgoingMail))
        assert "Lillevik" in letter.body
        assert "key=" not in letter.body


# -- what the groups say, and how long --------------------------------------------------------------------------------


def test_roles_that_groups_give_act_only_in_a_session_that_began_there(
    portal: Callable[..., Flask], there: Provider, database_url: str
) -> None:
    app = portal(STAFF, database_url)
    there.says = {**MAIL, "groups": ["g-review"]}
    come(inside := another(app), there)
    assert inside.get("/probe/queue").status_code == 200

    round_it = another(app)
    round_it.sign_in(OLA)
    page = round_it.get("/acting-for").text
    assert "You act for Lillevik kommune only when you sign in with Lillevik" in page
    with app.app_context():
        held = db.session.scalars(select(Membership).where(Membership.organisation.has(number=BUYER))).one()
        number = str(held.public_id)
    assert number not in page
    assert round_it.post("/acting-for", membership=number).status_code == 404
    assert round_it.get("/probe/queue").status_code != 200


def test_whoever_stays_away_from_the_provider_is_taken_to_have_left(
    portal: Callable[..., Flask], there: Provider, database_url: str
) -> None:
    app = portal(STAFF, database_url)
    there.says = {**MAIL, "groups": ["g-review"]}
    with clock.at(NOON):
        come(another(app), there)
    with app.app_context():
        with clock.at(NOON + timedelta(days=29)):
            work.end_lapsed({})
        assert ended(app) == []
        with clock.at(NOON + MONTH):
            work.end_lapsed({})
            work.end_lapsed({})
    assert ended(app) == ["not seen at lillevik"]
    with app.app_context():
        own = db.session.scalars(select(Person).where(Person.email == OLA)).one()
        assert BUYER not in {each.organisation.number for each in own.memberships}


def test_the_last_administrator_does_not_lapse(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal(STAFF)
    linked(app, there)
    with app.app_context(), transaction():
        [held] = db.session.scalars(select(Membership).where(Membership.organisation.has(number=BUYER)))
        held.role_codes = ["administrator"]
    with app.app_context(), clock.at(clock.now() + MONTH):
        work.end_lapsed({})
    assert ended(app) == []


# -- the second step, and what is kept --------------------------------------------------------------------------------


def test_the_second_step_keeps_where_one_came_from_and_for_whom(
    portal: Callable[..., Flask], there: Provider, database_url: str
) -> None:
    app = portal(f"{TRUSTED}\n{LEVEL}", database_url)
    linked(app, there)
    details = {"type": "ansattporten:altinn:resource", "authorized_parties": [{"orgno": {"ID": f"0192:{BUYER}"}}]}
    there.says = {"acr": "substantial", "sid": "there-7", "authorization_details": [details]}
    browser = another(app)
    assert come(browser, there).location == "/sign-in/code"
    browser.post("/sign-in/code", code=signing_in.phones.of(OLA).code())
    assert browser.get("/probe/page").text == "Ola Hansen for Lillevik kommune"
    token = there.logout_token(sid="there-7")
    assert app.test_client().post("/sign-in/from/lillevik/ended", data={"logout_token": token}).status_code == 200
    assert not browser.is_in()


def test_the_token_is_kept_sealed(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal(LEVEL)
    linked(app, there)
    browser = another(app)
    come(browser, there)
    with app.app_context():
        kept = db.session.scalars(select(ProviderSession.id_token)).one()
    assert kept
    assert not kept.startswith("ey"), "a token is three parts of base64, the first a JSON object"
    assert kept.count(".") == 0
    assert "id_token_hint=ey" in browser.post("/sign-out").headers["Refresh"]


@pytest.mark.parametrize("former", [(SECRET,), ()])
def test_a_secret_key_that_is_changed_on_the_way(
    portal: Callable[..., Flask], make_app: Maker, sqlite_url: str, there: Provider, former: tuple[str, ...]
) -> None:
    old = portal(LEVEL)
    linked(old, there)
    before = Browser(old.test_client())
    back = there.visit(before.get("/sign-in/with/lillevik").location)
    own = old.extensions["klimakontrakt"].settings
    new = make_app(
        sqlite_url,
        providers=own.providers,
        outgoing_allowed=own.outgoing_allowed,
        secret_key="en helt ny og lang nok nøkkel " * 2,
        secret_key_fallbacks=former,
    )
    after = Browser(new.test_client())
    after.client.set_cookie("session", before.cookie)
    assert after.get(back).status_code == (303 if former else 400)
    assert attempted(new) == ([(OLA, "192.0.2.1", True)] if former else [])


# -- how long ago they showed it there --------------------------------------------------------------------------------


@pytest.mark.parametrize("says", [{}, {"auth_time": None}])
def test_a_session_at_the_provider_lets_in_and_confirms_nothing(
    portal: Callable[..., Flask], there: Provider, says: dict[str, None]
) -> None:
    app = portal(LEVEL)
    linked(app, there)
    change(app, OLA, password=None)
    with app.app_context(), transaction():
        second_factors.reset(db.session.scalars(select(Person).where(Person.email == OLA)).one())
    there.signed_in_at = int((clock.now() - timedelta(hours=2)).timestamp())
    there.says = says
    browser = another(app)
    assert come(browser, there).status_code == 303
    asked = browser.post("/account/connect/lillevik")
    assert asked.status_code == 401
    assert "Go to Lillevik" in asked.text

    there.says = {}
    away = browser.post("/account/confirm/lillevik", next="/account")
    url = away.headers["Refresh"].removeprefix("0; url=")
    assert "prompt=login" in url
    assert browser.get(there.visit(url)).location == "/account"
    assert browser.post("/account/connect/lillevik").status_code == 200


@pytest.mark.parametrize("says", [{"sub": "somebody-else"}, {"auth_time": 1}, {"auth_time": None}])
def test_only_they_confirm_and_only_anew(
    portal: Callable[..., Flask], there: Provider, says: dict[str, object]
) -> None:
    app = portal(LEVEL)
    linked(app, there)
    browser = another(app)
    there.signed_in_at = int((clock.now() - timedelta(hours=2)).timestamp())
    come(browser, there)
    there.says = says
    away = browser.post("/account/confirm/lillevik", next="/account")
    assert browser.get(there.visit(away.headers["Refresh"].removeprefix("0; url="))).status_code == 403
    assert browser.post("/account/connect/lillevik").status_code == 401


def test_whose_roles_a_provider_gives_stays_connected_to_it(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal(STAFF)
    there.says = {**MAIL, "groups": ["g-review"]}
    come(browser := another(app), there)
    [way] = re.findall(r'action="(/account/disconnect/[^"]+)"', browser.get("/account").text)
    answer = browser.post(way)
    assert (answer.status_code, "which roles you have at Lillevik kommune" in answer.text) == (422, True)
    assert count(app, Identity) == 1


def test_a_code_is_not_taken_once_the_way_that_led_to_it_is_gone(portal: Callable[..., Flask], there: Provider) -> None:
    app = portal(LEVEL)
    linked(app, there)
    there.says = {"acr": "substantial"}
    browser = another(app)
    assert come(browser, there).location == "/sign-in/code"
    with app.app_context(), transaction():
        db.session.delete(db.session.scalars(select(Identity)).one())
    assert browser.post("/sign-in/code", code=signing_in.phones.of(OLA).code()).location == "/sign-in"
    assert not browser.is_in()


# -- keys that cannot be fetched --------------------------------------------------------------------------------------


def test_a_server_of_keys_that_is_down_is_asked_once_in_a_while_and_by_one(there: Provider) -> None:
    keys = Keys(f"{there.issuer}/jwks", Outgoing(allowed=("127.0.0.1/32",)))
    there.is_down = True

    def ask(_each: int) -> type[Exception]:
        with pytest.raises((CallFailed, BadToken)) as raised:
            keys.named("known")
        return raised.type

    with clock.at(NOON), ThreadPoolExecutor(8) as many:
        assert set(many.map(ask, range(8))) == {CallFailed}
    assert len(there.server.asked) == 1
    there.is_down = False
    with clock.at(NOON + timedelta(seconds=9)):
        assert ask(0) is CallFailed
    with clock.at(NOON + timedelta(seconds=11)):
        assert keys.named("known") is keys.named("known")
        assert ask_for_another(keys) is BadToken
    assert len(there.server.asked) == 2


def ask_for_another(keys: Keys) -> type[Exception]:
    with pytest.raises(BadToken) as raised:
        keys.named("another")
    return raised.type
