"""Passkeys as the server meets them: added, used, removed, and each thing wrong once."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from lxml import html
from sqlalchemy import select
from webauthn.helpers import bytes_to_base64url

from portal import clock
from portal.extensions import db, transaction
from portal.model import (
    AuditEvent,
    OneTimeSecret,
    OutgoingMail,
    Passkey,
    Person,
    SignInAttempt,
    SignInMethod,
    WebSession,
)
from tests import signing_in
from tests.browsing import (
    KARI,
    NOON,
    OLA,
    PASSWORD,
    Browser,
    Maker,
    another,
    app,
    attempted,
    browser,
    change,
    count,
    database,
    dump,
    with_people,
)
from tests.pages import fields
from tests.passkey_device import PRESENT, VERIFIED, Device

__all__ = ["app", "browser", "database"]


def asked(browser: Browser, path: str = "/sign-in/passkey/challenge") -> dict[str, Any]:
    answer = browser.post(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = json.loads(answer.text)
    return found


def add(browser: Browser, device: Device, name: str = "Telefonen min") -> int:
    credential = device.makes(asked(browser, "/account/passkeys/challenge"))
    return browser.post("/account/passkeys/new", name=name, credential=credential).status_code


def come(app: Flask, device: Device) -> bool:
    """Whether the passkey lets its owner in."""
    visitor = another(app)
    visitor.post("/sign-in/passkey", credential=device.shows(asked(visitor)))
    return visitor.is_in()


@pytest.fixture
def device(browser: Browser) -> Device:
    """Ola's, added."""
    browser.sign_in(OLA)
    made = Device()
    assert add(browser, made) == 303
    return made


def test_the_way_in_on_both_databases(make_app: Maker, database_url: str) -> None:
    app = with_people(make_app(database_url))
    browser, device = Browser(app.test_client()), Device()
    browser.sign_in(OLA)
    before, other = browser.cookie, another(app)
    other.sign_in(OLA)
    assert add(browser, device) == 303
    assert (browser.is_in(), browser.cookie != before, other.is_in()) == (True, True, False)
    assert "Telefonen min" in browser.get("/account").text
    visitor = another(app)
    answer = visitor.post("/sign-in/passkey", credential=device.shows(asked(visitor)), next="/account?a=1")
    assert answer.location == "/acting-for?next=/account?a%3D1"
    assert visitor.is_in()
    with app.app_context():
        rows = db.session.scalars(select(WebSession).where(WebSession.method == SignInMethod.PASSKEY)).all()
        assert [row.strong_at is not None for row in rows] == [True]
        assert db.session.scalars(select(Passkey.sign_count)).all() == [2]
    assert attempted(app)[-1] == (OLA, "192.0.2.2", True)


def test_what_the_browser_is_asked(app: Flask, browser: Browser, device: Device) -> None:
    new = asked(browser, "/account/passkeys/challenge")
    assert (new["rp"]["id"], new["authenticatorSelection"]["userVerification"]) == ("localhost", "required")
    assert [each["type"] for each in new["excludeCredentials"]] == ["public-key"], "one device, one passkey"
    get = asked(another(app))
    assert (get["userVerification"], get.get("allowCredentials", [])) == ("required", []), "nobody's is named"
    assert len(get["challenge"]) >= 43
    [own] = asked(browser)["allowCredentials"]
    assert own["id"] == bytes_to_base64url(device.credential_id), "whoever is signed in shows their own"


def other_key(device: Device) -> None:
    device.key = Device().key


WRONG: dict[str, Callable[[Device], None]] = {
    "another site": lambda device: setattr(device, "origin", "https://evil.example"),
    "another port": lambda device: setattr(device, "origin", "http://localhost:9999"),
    "made for another": lambda device: setattr(device, "rp_id", "evil.example"),
    "nobody there": lambda device: setattr(device, "flags", VERIFIED),
    "nobody recognised": lambda device: setattr(device, "flags", PRESENT),
    "a copy that counts behind": lambda device: setattr(device, "count", 1),
    "another key": other_key,
    "unknown": lambda device: setattr(device, "credential_id", b"unknown"),
}


@pytest.mark.parametrize(
    "what", [what for what in WRONG if what not in {"a copy that counts behind", "another key", "unknown"}]
)
def test_a_wrong_new_passkey_is_not_kept(app: Flask, browser: Browser, what: str) -> None:
    browser.sign_in(OLA)
    device = Device()
    WRONG[what](device)
    assert add(browser, device) == 422
    assert count(app, Passkey) == 0


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_answer_lets_nobody_in(app: Flask, device: Device, what: str) -> None:
    WRONG[what](device)
    assert not come(app, device)


@pytest.mark.parametrize(
    "answer", ["", "x", "[]", "null", "{}", "[" * 9000, '{"rawId": 1}', '{"rawId": "æ"}', "{" + "x" * 30_000]
)
def test_an_odd_answer_lets_nobody_in(app: Flask, answer: str) -> None:
    visitor = another(app)
    asked(visitor)
    assert visitor.post("/sign-in/passkey", credential=answer).location == "/sign-in"
    assert "The passkey was not accepted" in visitor.get("/sign-in").text


def test_a_challenge_works_once_in_the_browser_that_was_asked(app: Flask, device: Device) -> None:
    visitor, thief = another(app), another(app)
    answer = device.shows(asked(visitor))
    halfway = visitor.cookie
    asked(thief)
    thief.post("/sign-in/passkey", credential=answer)
    assert not thief.is_in()
    visitor.post("/sign-in/passkey", credential=answer)
    assert visitor.is_in()
    again = another(app)
    again.client.set_cookie("session", halfway)
    again.post("/sign-in/passkey", credential=answer)
    assert not again.is_in()


def test_a_challenge_waits_five_minutes_and_is_not_remembered(app: Flask, device: Device) -> None:
    visitor = another(app)
    now = clock.now()
    answer = device.shows(asked(visitor))
    with clock.at(now + timedelta(minutes=6)):
        visitor.post("/sign-in/passkey", credential=answer)
        assert not visitor.is_in()
        assert count(app, OneTimeSecret) == 1, "the one that added the passkey"
        device.shows(late := asked(visitor))
        visitor.post("/sign-in/passkey", credential=device.shows(late))
        assert visitor.is_in()
    assert count(app, OneTimeSecret) == 1, "what has run out goes"


def test_asking_writes_nothing(app: Flask, database: str) -> None:
    visitor = another(app)
    before = dump(database)
    for _each in range(5):
        asked(visitor)
    assert dump(database) == before


def test_a_wrong_try_stands_in_its_owners_history_and_locks_nobody_out(app: Flask, device: Device) -> None:
    other_key(device)
    for number in range(12):
        visitor = another(app, f"192.0.2.{number + 20}")
        visitor.post("/sign-in/passkey", credential=device.shows(asked(visitor)))
    with app.app_context():
        ola = db.session.scalars(select(Person.id).where(Person.email == OLA)).one()
        wrong = select(SignInAttempt).where(SignInAttempt.person_id == ola, SignInAttempt.succeeded.is_(False))
        assert [row.method for row in db.session.scalars(wrong)] == [SignInMethod.PASSKEY] * 12
    assert another(app).sign_in(OLA).status_code == 303


def test_a_copy_that_counts_behind_is_told_of(app: Flask, device: Device) -> None:
    assert come(app, device)
    device.count = 1
    assert not come(app, device)
    with app.app_context():
        assert db.session.scalars(select(OutgoingMail.letter).order_by(OutgoingMail.id.desc())).first() == (
            "passkey_counted_back"
        )
        assert "passkey.counted_back" in db.session.scalars(select(AuditEvent.action)).all()
    assert attempted(app)[-1] == ("", "192.0.2.2", False)


def test_tries_are_counted_with_the_other_ways_in(app: Flask, device: Device) -> None:
    visitor = another(app, "192.0.2.9")
    tries = [visitor.post("/sign-in", email=KARI, password="wrong").status_code for _ in range(4)]
    tries += [visitor.post("/sign-in/passkey", credential="x").status_code for _ in range(7)]
    assert tries == [422] * 4 + [303] * 6 + [429]
    assert visitor.post("/sign-in/passkey/challenge").status_code == 429
    assert visitor.post("/sign-in", email=KARI, password=PASSWORD).status_code == 429
    assert come(app, device), "from elsewhere"


def test_who_must_have_a_second_factor_keeps_one(app: Flask, browser: Browser, device: Device) -> None:
    assert browser.post("/account/authenticator/remove").status_code == 422
    assert count(app, Passkey) == 1
    assert come(app, device)


# -- showing once more who one is -------------------------------------------------------------------------------------


LATER = NOON + timedelta(minutes=16)


@pytest.fixture
def later(app: Flask) -> Iterator[tuple[Browser, Device]]:
    """Ola with a passkey, sixteen minutes after he signed in."""
    browser, device = another(app), Device()
    with clock.at(NOON):
        browser.sign_in(OLA)
        assert add(browser, device) == 303
    with clock.at(LATER):
        yield browser, device


def test_a_passkey_shows_once_more_who_one_is(later: tuple[Browser, Device]) -> None:
    browser, device = later
    form = fields(html.fromstring(browser.post("/account/recovery-codes").text), "//main//form[@data-passkey]")
    form["confirm-credential"] = device.shows(asked(browser))
    assert "Your recovery codes" in browser.post("/account/recovery-codes", None, **form).text
    assert browser.get("/change-password").status_code == 200


def test_only_ones_own_passkey_shows_it_and_only_once(app: Flask, later: tuple[Browser, Device]) -> None:
    browser, device = later
    kari, hers = another(app), Device(credential_id=b"another passkey")
    kari.sign_in(KARI)
    signing_in.set_up(kari.get, lambda to, form: kari.post(to, None, **form), KARI, "/account/authenticator")
    assert add(kari, hers) == 303
    for answer in (hers.shows(asked(browser)), "x", device.shows({"challenge": "b3RoZXI"})):
        refused = browser.post("/account/recovery-codes", None, **{"confirm-credential": answer})
        assert (refused.status_code, "passkey was not accepted" in refused.text) == (422, True)
    assert browser.get("/change-password").status_code == 401
    tries = [browser.post("/change-password", None, **{"confirm-code": "12345A"}).status_code for _ in range(3)]
    assert tries == [422, 422, 429], "codes and passkeys are counted together"


# -- what is refused --------------------------------------------------------------------------------------------------


def test_a_challenge_for_a_new_one_is_for_that_person(app: Flask, browser: Browser) -> None:
    browser.sign_in(OLA)
    options = asked(browser, "/account/passkeys/challenge")
    anybody = asked(browser)
    assert options["challenge"] != anybody["challenge"]
    answer = browser.post("/account/passkeys/new", name="x", credential=Device().makes(anybody))
    assert (answer.status_code, count(app, Passkey)) == (422, 0)


def test_who_has_left_does_not_come_in(app: Flask, device: Device) -> None:
    change(app, OLA, active=False)
    assert not come(app, device)


def test_a_passkey_comes_after_the_app(browser: Browser) -> None:
    browser.sign_in(KARI)
    assert browser.get("/account/passkeys/new").status_code == 422
    assert browser.post("/account/passkeys/challenge").status_code == 422


def test_removed_by_its_owner_only(app: Flask, browser: Browser, device: Device) -> None:
    found = re.search(r'action="(/account/passkeys/[0-9a-f-]{36}/remove)"', browser.get("/account").text)
    assert found
    kari = another(app)
    kari.sign_in(KARI)
    assert kari.post(found[1]).status_code == 404
    assert come(app, device)
    assert browser.post(found[1]).status_code == 303
    assert browser.is_in()
    assert not come(app, device)
    with app.app_context():
        letters = db.session.scalars(select(OutgoingMail.letter).order_by(OutgoingMail.id)).all()
    assert letters == ["passkey_added", "passkey_removed"]


def test_gone_with_the_app(app: Flask, browser: Browser) -> None:
    browser.sign_in(KARI)
    signing_in.set_up(browser.get, lambda to, form: browser.post(to, None, **form), KARI, "/account/authenticator")
    device = Device()
    assert add(browser, device) == 303
    assert come(app, device)
    browser.post("/account/authenticator/remove")
    assert (count(app, Passkey), come(app, device)) == (0, False)


def test_a_new_phone_leaves_the_passkeys(app: Flask, browser: Browser, device: Device) -> None:
    signing_in.set_up(browser.get, lambda to, form: browser.post(to, None, **form), OLA, "/account/authenticator")
    assert come(app, device)


def test_no_more_than_there_is_use_for(app: Flask, browser: Browser, device: Device) -> None:
    with app.app_context(), transaction() as writing:
        person = db.session.scalars(select(Person.id).where(Person.email == OLA)).one()
        more = [
            Passkey(person_id=person, credential_id=b"%d" % n, public_key=b"", sign_count=0, name="x")
            for n in range(19)
        ]
        writing.add_all(more)
    assert browser.post("/account/passkeys/challenge").status_code == 422
    assert come(app, device)


def test_nobody_stops_passkeys_by_writing_an_address_for_an_e_mail(app: Flask) -> None:
    for _each in range(12):
        another(app, "203.0.113.9").sign_in("198.51.100.7", "wrong")
    at_the_office = another(app, "198.51.100.7")
    assert at_the_office.post("/sign-in/passkey/challenge").status_code == 200
