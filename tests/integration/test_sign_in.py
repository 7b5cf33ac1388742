"""Signing in over HTTP: who gets in, who does not, how often one may try, and where it leads."""

import re
import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest import mock

import pytest
from flask import Flask
from flask_security.utils import verify_password

from portal import clock
from portal.extensions import db
from portal.model import AttemptKind
from portal.web import attempts, passwords
from portal.web.attempts import Limit, Whose
from tests.browsing import (
    BUYER,
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
    database,
    membership_id,
    people_hash,
    with_people,
)

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "/\\evil.example",
    "\\\\evil.example",
    "/%09/evil.example",
    "/%5cevil.example",
    "/%2Fevil.example",
    "/probe/page\u2028x",
    "page",
    "?x",
    "",
    "/no-such-page",
    "/probe/rename",
    "/probe/page//",
    "http://[",
    "/probe/page" + "x" * 3000,
]


__all__ = ["app", "browser", "database"]


def test_the_right_password_opens_the_page_that_was_asked_for(app: Flask, browser: Browser) -> None:
    turned_away = browser.get("/probe/page?a=1")
    assert turned_away.status_code == 303
    assert turned_away.location == "/sign-in?next=/probe/page?a%3D1"
    assert browser.sign_in(next="/probe/page?a=1").location == "/probe/page?a=1"
    assert browser.get("/probe/page").text == "Kari Nordmann for Fjordgraving AS"
    assert attempted(app) == [(KARI, "192.0.2.1", True)]


def test_the_email_may_be_written_in_any_way(browser: Browser) -> None:
    assert browser.sign_in(f"  {KARI.upper()} ").location == "/"


def test_a_token_from_before_sign_in_is_refused_after(browser: Browser) -> None:
    before = browser.token()
    browser.sign_in()
    assert browser.client.post("/probe/rename", data={"csrf_token": before}).status_code == 400


def test_signing_out_without_being_in_is_no_error(browser: Browser) -> None:
    assert browser.post("/sign-out").location == "/sign-in"


def test_the_way_in_and_out_on_both_databases(make_app: Maker, database_url: str) -> None:
    app = with_people(make_app(database_url))
    browser = Browser(app.test_client())
    assert browser.sign_in(OLA).location == "/acting-for"
    browser.post("/acting-for", membership=str(membership_id(app, OLA, BUYER)))
    assert browser.get("/probe/queue").status_code == 200
    with clock.at(clock.now() + timedelta(minutes=30)):
        assert browser.get("/probe/queue").status_code == 200
    browser.post("/sign-out")
    assert not browser.is_in()
    assert [another(app).sign_in(password="wrong").status_code for _ in range(11)] == [422] * 10 + [429]


# -- who does not get in ----------------------------------------------------------------------------------------------


def test_unknown_and_wrong_get_the_same_page(app: Flask) -> None:
    def answer(email: str, password: str) -> tuple[int, str]:
        response = another(app).sign_in(email, password)
        page = re.sub(r'name="csrf_token" value="[^"]+"|X-CSRFToken":"[^"]+"', "", response.text)
        return response.status_code, page.replace(email, "E-MAIL")

    assert answer(KARI, "not this one")[0] == 422
    assert answer("nobody@entreprenor.example", "not this one") == answer(KARI, "not this one")
    change(app, OLA, active=False)
    assert answer(OLA, PASSWORD) == answer(KARI, "not this one")
    change(app, OLA, active=True, password=None)
    assert answer(OLA, PASSWORD) == answer(KARI, "not this one")


def test_the_password_is_not_checked_while_the_database_is_held(app: Flask, browser: Browser) -> None:
    seen = []
    real = verify_password

    def observed(password: str, kept: str) -> bool:
        seen.append(db.session().in_transaction())
        return real(password, kept)

    with mock.patch.object(passwords, "verify_password", observed):
        browser.sign_in()
    assert seen == [False]


def test_the_eleventh_wrong_password_for_a_person_must_wait(app: Flask) -> None:
    with clock.at(NOON):
        for number in range(10):
            assert another(app, f"198.51.100.{number}").sign_in(password="wrong").status_code == 422
    with clock.at(NOON + timedelta(minutes=4, seconds=30)):
        answer = another(app).sign_in()
        assert answer.status_code == 429
        assert 25 <= int(answer.headers["Retry-After"]) <= 45
        assert "Wait 1 min" in answer.text
        assert another(app).sign_in(OLA).status_code == 303
    with clock.at(NOON + timedelta(minutes=5, seconds=15)):
        assert another(app).sign_in().status_code == 303
    assert [succeeded for _email, _address, succeeded in attempted(app)] == [False] * 10 + [True] * 3, (
        "Ola's code is a try too"
    )


def test_the_eleventh_wrong_password_from_an_address_must_wait(app: Flask) -> None:
    for number in range(10):
        assert another(app).sign_in(f"{number}@entreprenor.example", "wrong").status_code == 422
    assert another(app).sign_in().status_code == 429
    assert another(app, "203.0.113.9").sign_in().status_code == 303


def test_a_try_that_must_wait_costs_no_hashing(app: Flask) -> None:
    only_one = (Limit(Whose.PERSON, 1, timedelta(minutes=5)),)
    with mock.patch.dict(attempts.LIMITS, {AttemptKind.SIGN_IN: only_one}):
        another(app).sign_in(password="wrong")
        with mock.patch.object(passwords, "verify_password", side_effect=AssertionError("hashed")):
            assert another(app).sign_in().status_code == 429


def test_wrong_passwords_that_come_at_once_are_counted_all(app: Flask) -> None:
    browsers = [(each, each.token()) for each in (another(app) for _ in range(16))]

    def guess(browser: Browser, token: str) -> int:
        form = {"csrf_token": token, "email": KARI, "password": "wrong"}
        return browser.client.post("/sign-in", data=form).status_code

    room = passwords.HashingRoom(2, waiting=len(browsers))
    with mock.patch.object(passwords, "hashing", room), ThreadPoolExecutor(len(browsers)) as crowd:
        answers = list(crowd.map(guess, *zip(*browsers, strict=True)))
    assert sorted(answers) == [422] * 10 + [429] * 6


def test_the_password_page_cannot_be_used_to_guess(browser: Browser) -> None:
    browser.sign_in()
    new = "tre gule biler i kø"
    tries = [
        browser.post("/change-password", password=f"guess {each}", new_password=new, repeated_password=new).status_code
        for each in range(11)
    ]
    assert tries == [422] * 10 + [429]


def test_tries_are_never_changed_nor_removed(app: Flask, browser: Browser, database: str) -> None:
    browser.sign_in(password="wrong")
    with sqlite3.connect(database) as connection:
        for statement in ("DELETE FROM sign_in_attempt", "UPDATE sign_in_attempt SET succeeded = 1"):
            with pytest.raises(sqlite3.IntegrityError, match="insert-only"):
                connection.execute(statement)


ODD = [("", ""), (KARI, ""), ("", PASSWORD), ("a\0b", "c\0d"), ("x" * 5000, "y" * 100_000), ("kari", "'; DROP TABLE")]


def test_odd_sign_ins_are_refused_in_words(app: Flask) -> None:
    for number, (email, password) in enumerate(ODD):
        answer = another(app, f"198.51.100.{number}").sign_in(email, password)
        assert answer.status_code == 422
        assert "<title>Error:" in answer.text


def test_a_long_password_that_begins_like_the_right_one_is_wrong(app: Flask, browser: Browser) -> None:
    exactly = "a long one " * 11 + "!" * 7
    assert len(exactly) == passwords.LONGEST
    change(app, KARI, password=people_hash(app, exactly))
    assert browser.sign_in(password=exactly + "x").status_code == 422
    assert browser.sign_in(password=exactly).status_code == 303


def test_a_password_is_the_same_however_its_letters_are_put_together(app: Flask, browser: Browser) -> None:
    change(app, KARI, password=people_hash(app, "blåbærsyltetøy på brød"))
    assert browser.sign_in(password="bla\u030abærsyltetøy pa\u030a brød").status_code == 303


def test_passwords_are_kept_with_argon2id(app: Flask) -> None:
    assert people_hash(app, PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


WEAK = [
    ("kort", "from 15 to 128"),
    ("fjorten tegn!!", "from 15 to 128"),
    ("x" * 129, "from 15 to 128"),
    ("abababababababab", "first that somebody would guess"),
    ("password12345678", "first that somebody would guess"),
    ("P@ssw0rdP@ssw0rd", "first that somebody would guess"),
    ("1qaz2wsx3edc4rfv", "first that somebody would guess"),
    ("nordmann1234567", "your name"),
    ("klimakontrakt-2026", "or the portal"),
    ("vi i fjordgraving er best", "your organisation"),
]


def test_weak_passwords_are_refused(browser: Browser) -> None:
    browser.sign_in()
    for new, said in WEAK:
        answer = browser.post("/change-password", password=PASSWORD, new_password=new, repeated_password=new)
        assert answer.status_code == 422
        assert said in answer.text, new


def test_the_new_password_is_written_twice_and_the_old_one_once(browser: Browser) -> None:
    browser.sign_in()
    new = "tre gule biler i kø"
    unlike = browser.post("/change-password", password=PASSWORD, new_password=new, repeated_password=new + "!")
    assert "not alike" in unlike.text
    wrong = browser.post("/change-password", password="wrong", new_password=new, repeated_password=new)
    assert "This is not your password now" in wrong.text
    assert {unlike.status_code, wrong.status_code} == {422}


# -- where to go ------------------------------------------------------------------------------------------------------


def test_signing_in_never_leads_elsewhere(app: Flask) -> None:
    for target in ELSEWHERE:
        assert another(app).sign_in(next=target).location == "/", target


def test_signing_in_leads_back_to_our_own_pages(app: Flask) -> None:
    for target in ("/probe/page", "/probe/page?q=a%20b&side=2", "/", "/account?x=/y"):
        assert another(app).sign_in(next=target).location == target


def test_an_address_elsewhere_does_not_reach_the_form(browser: Browser) -> None:
    assert 'name="next" value=""' in browser.get("/sign-in?next=//evil.example").text
    assert 'name="next" value="/probe/page"' in browser.get("/sign-in?next=/probe/page").text


def test_whoever_is_signed_in_has_no_use_for_the_page(browser: Browser) -> None:
    browser.sign_in()
    assert browser.get("/sign-in?next=/probe/page").location == "/probe/page"


def test_htmx_is_told_to_load_the_sign_in_page(browser: Browser) -> None:
    asked = {"HX-Request": "true", "HX-Current-URL": "http://localhost/probe/page?a=1"}
    for answer in (browser.get("/probe/queue", **asked), browser.post("/probe/machines/" + str(uuid.uuid4()), asked)):
        assert answer.status_code == 401
        assert answer.headers["HX-Redirect"] == "/sign-in?next=/probe/page?a%3D1"
        assert answer.text == ""
