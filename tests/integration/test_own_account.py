"""What one does with one's own account: forgotten passwords, another e-mail, browsers, and who has tried to come in."""

import re
import statistics
import time
from datetime import timedelta
from unittest import mock

from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import AttemptKind, AuditEvent, MailState, OutgoingMail, Person, WebSession
from portal.operations import accounts, mail
from portal.operations.mail import Outcome
from portal.web import browsers
from portal.web.attempts import LIMITS, Limit, Whose
from tests.browsing import (
    KARI,
    NOON,
    OLA,
    PASSWORD,
    Browser,
    Maker,
    another,
    app,
    browser,
    change,
    count,
    database,
    with_people,
)

__all__ = ["app", "browser", "database"]

NEW = "tre gule biler i kø"
NEW_EMAIL = "kari.ny@entreprenor.example"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"


def letters(app: Flask, kind: str) -> list[OutgoingMail]:
    with app.app_context():
        return list(db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == kind).order_by("id")))


def link(app: Flask, kind: str) -> str:
    """The address in the newest letter of a kind."""
    body = letters(app, kind)[-1].body
    found = re.search(r"http://127\.0\.0\.1:8000(/\S+\?key=\S+)", body)
    assert found, body
    return found[1]


def ask(app: Flask, email: str = KARI, address: str = "192.0.2.1") -> str:
    """Ask for a new password; the page that is answered, without what is each one's own."""
    asking = another(app, address)
    answer = asking.post("/forgotten-password", email=email)
    assert answer.status_code == 200
    page = re.sub(r'name="csrf_token" value="[^"]+"|X-CSRFToken":"[^"]+"', "", answer.text)
    return page.replace(email, "E-MAIL")


def choose(browser: Browser, new: str = NEW) -> int:
    return browser.post("/new-password", new_password=new, repeated_password=new).status_code


# -- a forgotten password ---------------------------------------------------------------------------------------------


def test_a_letter_leads_to_a_new_password_once(make_app: Maker, database_url: str) -> None:
    app = with_people(make_app(database_url))
    signed_in, forgetful = another(app), another(app)
    signed_in.sign_in()
    ask(app)
    [letter] = letters(app, "reset")
    assert (letter.to_address, letter.is_secret) == (KARI, True)
    followed = forgetful.get(link(app, "reset"))
    assert (followed.status_code, followed.location) == (303, "/new-password")
    assert "Choose a new password" in forgetful.get("/new-password").text
    assert choose(forgetful, "too short") == 422
    assert choose(forgetful) == 303
    assert not signed_in.is_in()
    assert not forgetful.is_in()
    assert another(app).sign_in().status_code == 422
    assert another(app).sign_in(password=NEW).status_code == 303
    assert [each.to_address for each in letters(app, "password_changed")] == [KARI]
    again = another(app)
    again.get(link(app, "reset"))
    assert again.get("/new-password").status_code == 422
    assert choose(again, "fire nye svarte svaner") == 422
    with app.app_context():
        kari = db.session.scalars(select(Person.id).where(Person.email == KARI)).one()
        found = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "person.password_reset")).one()
        assert found.facts == {"person": kari}


def test_known_and_unknown_get_the_same_answer(app: Flask) -> None:
    change(app, OLA, active=False)
    assert ask(app) == ask(app, "nobody@entreprenor.example") == ask(app, OLA)
    assert [letter.to_address for letter in letters(app, "reset")] == [KARI]


def test_known_and_unknown_take_as_long(app: Flask) -> None:
    def seconds(email: str, number: int) -> float:
        browser = another(app, f"198.51.100.{number}")
        token = browser.token()
        begun = time.perf_counter()
        answer = browser.client.post("/forgotten-password", data={"csrf_token": token, "email": email})
        assert answer.status_code == 200
        return time.perf_counter() - begun

    with mock.patch.dict(LIMITS, {AttemptKind.RESET: (Limit(Whose.SITE, 1000, timedelta(hours=1)),)}):
        seconds(KARI, 0)
        turns = [(seconds(KARI, each), seconds("nobody@entreprenor.example", each)) for each in range(30)]
    known, unknown = (statistics.median(times) for times in zip(*turns, strict=True))
    assert 0.7 < known / unknown < 1.43, f"known {known * 1000:.1f} ms, unknown {unknown * 1000:.1f} ms"


def test_a_key_is_worth_nothing_after_an_hour_or_another_change(app: Flask) -> None:
    def is_alive() -> bool:
        browser = another(app)
        browser.get(link(app, "reset"))
        page = browser.get("/new-password").text
        works = "link works no longer" not in page
        assert works or 'href="/forgotten-password"' in page
        return choose(browser, "") == 422 and works

    with clock.at(NOON):
        ask(app)
        first = link(app, "reset")
        assert is_alive()
        ask(app)
        older = another(app)
        older.get(first)
        assert older.get("/new-password").status_code == 422
        assert is_alive()
    with clock.at(NOON + timedelta(minutes=61)):
        assert not is_alive()
    with clock.at(NOON + timedelta(hours=2)):
        ask(app)
        kari = another(app)
        kari.sign_in()
        kari.post("/change-password", password=PASSWORD, new_password=NEW, repeated_password=NEW)
        stale = another(app)
        stale.get(link(app, "reset"))
        assert choose(stale, "fire nye svarte svaner") == 422
    assert another(app).sign_in(password=NEW).status_code == 303


def test_letters_are_asked_for_five_times_a_day(app: Flask) -> None:
    for each in range(5):
        ask(app, address=f"198.51.100.{each}")
    assert another(app, "198.51.100.9").post("/forgotten-password", email=KARI).status_code == 429
    assert len(letters(app, "reset")) == 5


def test_the_key_is_neither_in_the_address_nor_kept_when_the_letter_has_gone(app: Flask, browser: Browser) -> None:
    ask(app)
    key = link(app, "reset").partition("=")[2]
    assert browser.get(link(app, "reset")).location == "/new-password"
    page = browser.get("/new-password")
    assert (page.status_code, key in page.text) == (200, False)
    with app.app_context(), transaction():
        letter = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == "reset")).one()
        mail.note(letter, Outcome(MailState.SENT))
        assert letter.body == ""


# -- another e-mail ---------------------------------------------------------------------------------------------------


def test_another_email_is_confirmed_from_there_and_told_to_the_old(make_app: Maker, database_url: str) -> None:
    app = with_people(make_app(database_url))
    kari, elsewhere = another(app), another(app)
    kari.sign_in()
    elsewhere.sign_in()
    assert kari.post("/change-email", email=NEW_EMAIL, password="wrong").status_code == 422
    assert kari.post("/change-email", email=NEW_EMAIL, password=PASSWORD).status_code == 303
    assert NEW_EMAIL in kari.get("/account").text
    assert [letter.to_address for letter in letters(app, "confirm_email")] == [NEW_EMAIL]
    assert elsewhere.is_in(), "nothing has changed yet"
    at_home = another(app)
    assert at_home.get(link(app, "confirm_email")).location == "/new-email"
    assert NEW_EMAIL in at_home.get("/new-email").text
    assert at_home.post("/new-email").location == "/sign-in"
    assert [letter.to_address for letter in letters(app, "email_changed")] == [KARI]
    assert not kari.is_in()
    assert not elsewhere.is_in()
    assert another(app).sign_in(KARI).status_code == 422
    assert another(app).sign_in(NEW_EMAIL).status_code == 303
    assert at_home.post("/new-email").status_code == 422


def test_an_email_that_somebody_has_is_not_told_of(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    answer = browser.post("/change-email", email=OLA, password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/account")
    assert letters(app, "confirm_email") == []
    assert browser.post("/change-email", email="no address", password=PASSWORD).status_code == 422


def test_an_email_that_somebody_got_meanwhile_is_refused(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    browser.post("/change-email", email=NEW_EMAIL, password=PASSWORD)
    browser.get(link(app, "confirm_email"))
    with app.app_context(), transaction():
        accounts.add_person(NEW_EMAIL, "Kari Nykommen")
    assert browser.post("/new-email").status_code == 422
    assert browser.is_in()


# -- browsers and attempts --------------------------------------------------------------------------------------------


def test_one_sees_and_ends_ones_own_sessions(make_app: Maker, database_url: str) -> None:
    app = with_people(make_app(database_url))
    here, there, ola = another(app), another(app), another(app)
    here.sign_in()
    there.post("/sign-in", headers={"User-Agent": FIREFOX}, email=KARI, password=PASSWORD)
    ola.sign_in(OLA)
    page = here.get("/account").text
    assert "Firefox, Windows" in page
    assert page.count("/end") == 2, "one for the other browser, one for all others"
    with app.app_context():
        theirs = db.session.scalars(select(WebSession.public_id).where(WebSession.browser == "Firefox, Windows")).one()
    assert ola.post(f"/account/sessions/{theirs}/end").status_code == 404
    assert there.is_in()
    assert here.post(f"/account/sessions/{theirs}/end").status_code == 303
    assert not there.is_in()
    assert here.is_in()
    assert count(app, WebSession) == 2


def test_browsers_are_called_what_people_call_them() -> None:
    said = {
        FIREFOX: "Firefox, Windows",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1": "Safari, iPhone",
        "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36": "Chrome, Android",
        "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 Edg/130.0": "Edge, Windows",
        "curl/8": "",
        "": "",
    }
    assert {words: browsers.name_of(words) for words in said} == said


def test_one_sees_who_has_tried_for_ninety_days(app: Flask) -> None:
    with clock.at(NOON - timedelta(days=91)):
        another(app, "203.0.113.1").sign_in(password="wrong")
    with clock.at(NOON - timedelta(days=2)):
        another(app, "203.0.113.2").sign_in(password="wrong")
        another(app, "203.0.113.3").sign_in(OLA, "wrong")
    with clock.at(NOON):
        kari = another(app)
        kari.sign_in()
        page = kari.get("/account/history").text
    assert "203.0.113.2" in page
    assert "Refused" in page
    assert "Succeeded" in page
    assert "203.0.113.1" not in page
    assert "203.0.113.3" not in page
