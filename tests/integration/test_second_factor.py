"""The second factor: who is asked for it, what a code is good for, and what happens when the phone is gone."""

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock, keys
from portal.extensions import db, parts, transaction
from portal.model import AuditEvent, Authenticator, Membership, OutgoingMail, Person, Role, SignInAttempt, WebSession
from portal.operations.people import totp
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
    browser,
    change,
    count,
    database,
    dump,
    with_people,
)
from tests.signing_in import SECRET, paper_of
from tests.terminal import Terminal

__all__ = ["app", "browser", "database"]


@pytest.fixture
def terminal(tmp_path: Path, sqlite_url: str) -> Terminal:
    """The operator's, on the same database."""
    return Terminal(tmp_path, DATABASE_URL=sqlite_url)


VECTORS = [(59, "94287082"), (1111111109, "07081804"), (1234567890, "89005924"), (20000000000, "65353130")]
"""RFC 6238, appendix B, SHA-1: the time, and the code of eight digits."""


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert totp.code_of(b"12345678901234567890", seconds // totp.STEP_SECONDS) == code[-6:]


def code_now(steps: int = 0, secret: bytes = SECRET) -> str:
    return totp.code_of(secret, totp.step_at(clock.now()) + steps)


def password_only(browser: Browser, email: str = OLA) -> str | None:
    return browser.post("/sign-in", email=email, password=PASSWORD).location


def set_up(browser: Browser, email: str, path: str) -> str:
    return signing_in.set_up(browser.get, lambda to, form: browser.post(to, None, **form), email, path).text


# -- the password alone -----------------------------------------------------------------------------------------------


def test_the_password_alone_reaches_the_page_for_the_code_and_no_other(app: Flask, browser: Browser) -> None:
    assert password_only(browser) == "/sign-in/code"
    assert "Write your code" in browser.get("/sign-in/code").text
    assert count(app, WebSession) == 0
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.arguments:
            assert "Ola Hansen" not in browser.get(rule.rule).text, rule.rule
    for path in ("/account", "/probe/page", "/probe/queue", "/sign-in/set-up", "/account/authenticator"):
        assert (browser.get(path).location or "").startswith("/sign-in"), path
    for path in ("/account/recovery-codes", "/account/authenticator/remove", "/change-password"):
        assert (browser.post(path).location or "").startswith("/sign-in"), path


def test_the_page_for_the_code_asks_for_the_password_first(browser: Browser) -> None:
    for path in ("/sign-in/code", "/sign-in/set-up"):
        assert browser.get(path).location == "/sign-in"
        assert browser.post(path, code=code_now()).location == "/sign-in"
    assert not browser.is_in()


def test_the_password_is_good_for_a_quarter_of_an_hour(browser: Browser) -> None:
    with clock.at(NOON):
        password_only(browser)
    with clock.at(NOON + timedelta(minutes=16)):
        assert browser.post("/sign-in/code", code=code_now()).location == "/sign-in"
    with clock.at(NOON - timedelta(minutes=1)):
        assert browser.post("/sign-in/code", code=code_now()).location == "/sign-in"


@pytest.mark.parametrize("changes", [{"active": False}, {"fs_uniquifier": "another"}])
def test_what_was_shown_is_void_when_the_account_changes(
    app: Flask, browser: Browser, changes: dict[str, object]
) -> None:
    password_only(browser)
    change(app, OLA, **changes)
    assert browser.post("/sign-in/code", code=code_now()).location == "/sign-in"
    assert not browser.is_in()


def test_the_code_leads_to_the_page_that_was_asked_for_under_a_new_id(browser: Browser) -> None:
    before = browser.post("/sign-in", email=OLA, password=PASSWORD, next="/account?a=1")
    assert before.location == "/sign-in/code"
    halfway, token = browser.cookie, browser.token()
    assert browser.post("/sign-in/code", code=f" {code_now()[:3]} {code_now()[3:]} ").location.startswith("/acting-for")
    assert browser.cookie != halfway
    assert browser.is_in()
    assert browser.client.post("/probe/rename", data={"csrf_token": token}).status_code == 400


def test_on_both_databases(make_app: Maker, database_url: str) -> None:
    app = with_people(make_app(database_url))
    browser = Browser(app.test_client())
    assert browser.sign_in(OLA).location == "/acting-for"
    assert another(app).sign_in(OLA).location == "/acting-for"
    assert "Your recovery codes" in set_up(browser, OLA, "/account/authenticator")
    password_only(other := another(app))
    assert other.post("/sign-in/code", code=signing_in.phones.of(OLA).paper[0]).status_code == 303
    assert "used" in _after_password(app, code=signing_in.phones.of(OLA).paper[0])


# -- what a code is good for ------------------------------------------------------------------------------------------


def _after_password(app: Flask, **form: str) -> str:
    visitor = another(app)
    assert password_only(visitor) == "/sign-in/code"
    return visitor.post("/sign-in/code", None, **form).text


def test_no_code_works_twice(app: Flask) -> None:
    with clock.at(NOON):
        first = another(app)
        password_only(first)
        assert first.post("/sign-in/code", code=code_now()).status_code == 303
        assert "has been used" in _after_password(app, code=code_now())
        assert "has been used" in _after_password(app, code=code_now(-1)), "nor does one from before it"


def test_one_code_sent_at_once_by_many_lets_one_in(app: Flask) -> None:
    visitors = [another(app, f"198.51.100.{number}") for number in range(4)]
    for visitor in visitors:
        password_only(visitor)
    code = code_now(1)
    forms = [{"csrf_token": visitor.token(), "code": code} for visitor in visitors]

    def send(visitor: Browser, form: dict[str, str]) -> int:
        return visitor.client.post("/sign-in/code", data=form).status_code

    with ThreadPoolExecutor(len(visitors)) as crowd:
        assert sorted(crowd.map(send, visitors, forms)) == [303, 422, 422, 422]


@pytest.mark.parametrize(
    ("steps", "words"),
    [(-1, ""), (0, ""), (1, ""), (2, "another time"), (-20, "another time"), (21, "code is wrong")],
)
def test_a_clock_that_is_a_little_off_will_do_and_one_far_off_is_named(app: Flask, steps: int, words: str) -> None:
    with clock.at(NOON + timedelta(seconds=10)):
        page = _after_password(app, code=code_now(steps))
    assert words in page
    assert ("Write your code" in page) == bool(words)


@pytest.mark.parametrize("code", ["", "   ", "12345", "abcdef", "1" * 5000, "000000\0", "\u0660" * 6, "'; DROP TABLE"])
def test_odd_codes_are_refused_in_words(app: Flask, code: str) -> None:
    page = _after_password(app, code=code)
    assert "<title>Error:" in page


def test_wrong_codes_are_limited_and_the_right_one_must_wait_too(app: Flask) -> None:
    with clock.at(NOON):
        for _ in range(5):
            assert "code is wrong" in _after_password(app, code="ABCDEF")
        visitor = another(app, "203.0.113.7")
        password_only(visitor)
        answer = visitor.post("/sign-in/code", code=code_now())
        assert answer.status_code == 429
        assert re.search(r"Wait [45] min", answer.text)
        assert 200 <= int(answer.headers["Retry-After"]) <= 300
    with clock.at(NOON + timedelta(minutes=5, seconds=1)):
        assert visitor.post("/sign-in/code", code=code_now()).status_code == 303


def test_no_more_than_twenty_wrong_codes_in_an_hour(app: Flask) -> None:
    for minutes in (0, 6, 12, 18):
        with clock.at(NOON + timedelta(minutes=minutes)):
            for _ in range(5):
                assert "code is wrong" in _after_password(app, code="ABCDEF")
    with clock.at(NOON + timedelta(minutes=30)):
        assert re.search(r"Wait (30|31) min", _after_password(app, code=code_now()))
    with clock.at(NOON + timedelta(minutes=61)):
        assert "Wait" not in _after_password(app, code=code_now())


def test_tries_stand_in_the_trail_by_what_was_tried(app: Flask) -> None:
    _after_password(app, code="ABCDEF")
    _after_password(app, code=paper_of(OLA)[0])
    _after_password(app, code=code_now())
    with app.app_context():
        rows = db.session.scalars(select(SignInAttempt).order_by(SignInAttempt.id)).all()
        assert [(row.method.value, row.succeeded) for row in rows if row.method != "password"] == [
            ("code", False),
            ("recovery_code", True),
            ("code", True),
        ]


# -- codes on paper ---------------------------------------------------------------------------------------------------


def test_a_recovery_code_lets_in_once_however_it_is_typed(app: Flask) -> None:
    code = paper_of(OLA)[3]
    assert "Write your code" not in _after_password(app, code=f" {code[:6].lower()}-{code[6:]} ")
    assert "has been used" in _after_password(app, code=code)


def test_new_recovery_codes_void_the_old_ones(app: Flask, browser: Browser) -> None:
    browser.sign_in(OLA)
    assert "You have 20 recovery codes left" in browser.get("/account").text
    page = browser.post("/account/recovery-codes").text
    codes = re.findall(r'class="key">([A-Z2-9-]+)<', page)
    assert (len(codes), len(set(codes)), {len(code) for code in codes}) == (10, 10, {27})
    assert "code is wrong" in _after_password(app, code=paper_of(OLA)[0])
    assert "Write your code" not in _after_password(app, code=codes[0])
    assert "You have 9 recovery codes left" in browser.get("/account").text


def test_one_persons_codes_are_nothing_to_another(app: Flask, browser: Browser) -> None:
    browser.sign_in(KARI)
    set_up(browser, KARI, "/account/authenticator")
    assert "code is wrong" in _after_password(app, code=signing_in.phones.of(KARI).paper[0])
    assert "code is wrong" in _after_password(app, code=signing_in.phones.of(KARI).code())


# -- setting up -------------------------------------------------------------------------------------------------------


def test_who_must_have_it_sets_it_up_before_anything_else(app: Flask, browser: Browser) -> None:
    _reset(app, OLA)
    assert password_only(browser) == "/sign-in/set-up"
    assert (browser.get("/account").location or "").startswith("/sign-in")
    page = browser.get("/sign-in/set-up")
    assert "data:image/svg+xml" in page.text
    sealed = re.search(r'name="sealed" value="([^"]+)"', page.text)
    assert sealed
    assert "code is wrong" in browser.post("/sign-in/set-up", sealed=sealed[1], code="123456").text
    assert count(app, WebSession) == 0
    text = set_up(browser, OLA, "/sign-in/set-up")
    assert "Your recovery codes" in text
    assert "/acting-for" in text
    assert browser.is_in()
    assert another(app).sign_in(OLA).location == "/acting-for"


def test_a_key_that_was_not_given_out_to_this_person_is_not_taken(app: Flask, browser: Browser) -> None:
    browser.sign_in(KARI)
    page = browser.get("/account/authenticator").text
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)
    assert sealed
    other = another(app)
    other.sign_in(OLA)
    for forged in (sealed[1], "", "x", "AAAA", "æ"):
        answer = other.post("/account/authenticator", sealed=forged, code=code_now(0, b""))
        assert "Set up codes from an app" in answer.text
    assert count(app, Authenticator) == 1


def test_who_need_not_may_and_may_stop(app: Flask, browser: Browser) -> None:
    browser.sign_in(KARI)
    other = another(app)
    other.sign_in(KARI)
    before = browser.cookie
    set_up(browser, KARI, "/account/authenticator")
    assert (browser.cookie != before, browser.is_in(), other.is_in()) == (True, True, False)
    assert password_only(another(app), KARI) == "/sign-in/code"
    assert "Stop using codes" in browser.get("/account").text
    browser.post("/account/authenticator/remove")
    assert browser.is_in()
    assert password_only(another(app), KARI) == "/"
    assert _letters(app) == [(KARI, "second_factor_added"), (KARI, "second_factor_removed")]
    assert _trail(app)[-3:] == ["second_factor.added", "second_factor.recovery_codes", "second_factor.removed"]


def test_who_must_cannot_stop(browser: Browser) -> None:
    browser.sign_in(OLA)
    assert "Stop using codes" not in browser.get("/account").text
    answer = browser.post("/account/authenticator/remove")
    assert (answer.status_code, "You must have codes from an app" in answer.text) == (422, True)


@pytest.mark.parametrize("role", [Role.SIGNATORY, Role.ADMINISTRATOR])
def test_a_role_that_asks_for_it_ends_a_session_without_it(app: Flask, browser: Browser, role: Role) -> None:
    browser.sign_in(KARI)
    with app.app_context(), transaction():
        membership = db.session.scalars(select(Membership).join(Membership.person).where(Person.email == KARI)).one()
        membership.role_codes = [role.value]
    assert not browser.is_in()
    assert password_only(another(app), KARI) == "/sign-in/set-up"


def test_a_new_password_leaves_the_session_as_strong_as_it_was(app: Flask, browser: Browser) -> None:
    browser.sign_in(OLA)
    new = "tre gule biler i kø"
    answer = browser.post("/change-password", password=PASSWORD, new_password=new, repeated_password=new)
    assert answer.status_code == 303
    assert browser.is_in()
    assert another(app).post("/sign-in", email=OLA, password=new).location == "/sign-in/code"


# -- what is kept -----------------------------------------------------------------------------------------------------


def test_the_database_gives_no_code_away(database: str, browser: Browser) -> None:
    browser.sign_in(OLA)
    set_up(browser, OLA, "/account/authenticator")
    phone = signing_in.phones.of(OLA)
    kept = str(dump(database))
    assert phone.paper[0] not in kept
    assert totp.as_key(phone.secret) not in kept
    assert str(phone.secret)[2:-1] not in kept


def test_a_secret_moved_to_another_person_is_unreadable(app: Flask, browser: Browser, database: str) -> None:
    browser.sign_in(KARI)
    set_up(browser, KARI, "/account/authenticator")
    with sqlite3.connect(database) as connection:
        connection.execute(
            "UPDATE authenticator SET sealed_secret = (SELECT sealed_secret FROM authenticator a JOIN person p "
            "ON p.id = a.person_id WHERE p.email = ?) WHERE person_id = (SELECT id FROM person WHERE email = ?)",
            (KARI, OLA),
        )
    assert "code is wrong" in _after_password(app, code=signing_in.phones.of(KARI).code())


def test_each_purpose_has_a_key_of_its_own(app: Flask) -> None:
    with app.app_context():
        settings = parts().settings
        kept = keys.sealed(settings, "one", b"content", owner="a")
        assert keys.opened(settings, "one", kept, owner="a") == b"content"
        assert b"content" not in kept
        assert keys.derived(settings, "one") != keys.derived(settings, "two")
        for purpose, owner, what in (
            ("two", "a", kept),
            ("one", "b", kept),
            ("one", "a", kept[:-1]),
            ("one", "a", b""),
        ):
            with pytest.raises(keys.Unreadable):
                keys.opened(settings, purpose, what, owner=owner)


# -- the operator -----------------------------------------------------------------------------------------------------


def test_the_operator_takes_away_what_is_lost(app: Flask, browser: Browser, terminal: Terminal) -> None:
    browser.sign_in(OLA)
    said = terminal.run("reset-factor", f" {OLA.upper()}")
    assert said.exit_code == 0
    assert said.output.startswith(f"{OLA} has no second factor now, and is signed out everywhere.\n")
    assert not browser.is_in()
    assert password_only(browser) == "/sign-in/set-up"
    assert (_letters(app), _trail(app)[-1]) == ([(OLA, "second_factor_removed")], "second_factor.reset")
    assert terminal.run("verify-audit").exit_code == 0
    unknown = terminal.run("reset-factor", "nobody@entreprenor.example")
    assert unknown.exit_code == 1
    assert "Nobody here has the e-mail" in unknown.output


def _reset(app: Flask, email: str) -> None:
    with app.app_context(), transaction():
        person = db.session.scalars(select(Person).where(Person.email == email)).one()
        db.session.delete(person.authenticator)


def _letters(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        rows = db.session.scalars(select(OutgoingMail).order_by(OutgoingMail.id))
        return [(row.to_address, row.letter) for row in rows]


def _trail(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))
