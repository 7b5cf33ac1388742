"""Sessions: what the cookie is worth, how long, and what a request does to the database."""

import io
import re
import sqlite3
import time
from datetime import datetime, timedelta
from unittest import mock

from flask import Flask, session
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from typing_extensions import Buffer

from portal import clock
from portal.extensions import db, transaction
from portal.model import AuditEvent, OutgoingMail, Person, WebSession
from portal.web import sessions
from tests.browsing import (
    BUYER,
    KARI,
    NOON,
    OLA,
    PASSWORD,
    SUPPLIER,
    Browser,
    Maker,
    another,
    app,
    browser,
    change,
    count,
    database,
    dump,
    make_demo,
    membership_id,
    people_hash,
    with_cookie,
    with_people,
)

__all__ = ["app", "browser", "database"]


# -- what the cookie is worth -----------------------------------------------------------------------------------------


def test_a_new_id_at_sign_in_and_the_old_one_is_dead(app: Flask, browser: Browser) -> None:
    browser.get("/sign-in")
    anonymous = browser.cookie
    browser.sign_in()
    first = browser.cookie
    assert first != anonymous
    assert re.fullmatch(r"[\w-]{43}", first)
    change(app, KARI, password=people_hash(app, "fire nye svarte svaner"))
    token = browser.token()
    assert browser.post("/sign-out", csrf_token=token).location == "/sign-in"
    browser.sign_in(password="fire nye svarte svaner")
    assert browser.cookie != first
    assert not with_cookie(app, first).is_in()
    assert not with_cookie(app, anonymous).is_in()


def test_the_old_cookie_is_dead_after_sign_out(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    stolen = with_cookie(app, browser.cookie)
    assert stolen.is_in()
    browser.post("/sign-out")
    assert not browser.is_in()
    assert not stolen.is_in()
    assert count(app, WebSession) == 0


def test_the_table_of_sessions_opens_nothing(app: Flask, browser: Browser, database: str) -> None:
    browser.sign_in()
    with sqlite3.connect(database) as connection:
        rows = list(connection.execute("SELECT * FROM web_session"))
    assert len(rows) == 1
    assert browser.cookie not in str(rows)
    for value in map(str, rows[0]):
        assert not with_cookie(app, value).is_in()


def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_others(browser: Browser) -> None:
    set_cookie = browser.sign_in().headers.getlist("Set-Cookie")
    assert len(set_cookie) == 1
    assert set(set_cookie[0].split("; ")[1:]) == {"HttpOnly", "Path=/", "SameSite=Lax"}


def test_over_https_the_cookies_belong_to_this_host_alone(make_app: Maker, sqlite_url: str) -> None:
    app = with_people(make_app(sqlite_url, base_url="https://klima.example", secure_cookies=True))
    client = app.test_client()
    page = client.get("/sign-in", base_url="https://klima.example")
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page.text)[0]
    answer = client.post(
        "/sign-in",
        data={"csrf_token": token, "email": KARI, "password": PASSWORD},
        base_url="https://klima.example",
        headers={"Referer": "https://klima.example/sign-in"},
    )
    told = [*page.headers.getlist("Set-Cookie"), *answer.headers.getlist("Set-Cookie")]
    assert len(told) == 2
    for header in told:
        assert header.startswith("__Host-session=")
        assert set(header.split("; ")[1:]) == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}
    assert answer.status_code == 303


def test_a_forged_cookie_is_nobody(app: Flask) -> None:
    for value in ("x", "a" * 43, "a.b.c", "eyJfdXNlcl9pZCI6IjEifQ.aaaa.bbbb", "æ", ".", "a" * 4000):
        assert not with_cookie(app, value).is_in()


def test_a_signed_cookie_signs_nobody_in(app: Flask) -> None:
    with app.app_context():
        uniquifier = db.session.scalars(select(Person.fs_uniquifier).where(Person.email == KARI)).one()
        signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer
    assert not with_cookie(app, signer.dumps({"_user_id": uniquifier, "_fresh": True})).is_in()


def test_nothing_of_the_session_stays_after_sign_out(app: Flask, browser: Browser) -> None:
    browser.sign_in(OLA)
    browser.post("/acting-for", membership=str(membership_id(app, OLA, BUYER)))
    browser.post("/sign-out")
    with browser.client as client:
        client.get("/sign-in")
        assert set(session) <= {"csrf_token", "_flashes"}


# -- how long ---------------------------------------------------------------------------------------------------------


def test_an_idle_session_ends_after_an_hour(browser: Browser) -> None:
    with clock.at(NOON):
        browser.sign_in()
    with clock.at(NOON + timedelta(minutes=59)):
        assert browser.is_in()
    with clock.at(NOON + timedelta(minutes=118)):
        assert browser.is_in()
    with clock.at(NOON + timedelta(minutes=179)):
        turned_away = browser.get("/probe/page")
        assert turned_away.status_code == 303
        assert "You have been signed out" in browser.get(turned_away.location).text
    with clock.at(NOON + timedelta(minutes=120)):
        assert not browser.is_in()


def test_a_session_ends_after_twelve_hours_however_busy(browser: Browser) -> None:
    with clock.at(NOON):
        browser.sign_in()
    for minutes in range(30, 12 * 60, 30):
        with clock.at(NOON + timedelta(minutes=minutes)):
            assert browser.is_in()
    with clock.at(NOON + timedelta(hours=12, minutes=1)):
        assert not browser.is_in()


def test_a_disabled_person_is_out_at_once(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    change(app, KARI, active=False)
    assert not browser.is_in()
    answer = browser.sign_in()
    assert answer.status_code == 422
    assert "The e-mail or the password is wrong" in answer.text


def test_a_session_is_never_older_than_the_password(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    other = another(app)
    other.sign_in()
    new = "tre gule biler i kø"
    answer = browser.post("/change-password", password=PASSWORD, new_password=new, repeated_password=new)
    assert answer.status_code == 303
    with app.app_context():
        assert db.session.scalars(select(OutgoingMail.letter)).all() == ["password_changed"]
        told = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert told is not None
        assert (told.action, told.facts) == ("person.password_changed", {"person": told.person_id})
    assert count(app, WebSession) == 1
    assert browser.is_in()
    assert not other.is_in()
    assert other.sign_in().status_code == 422
    assert other.sign_in(password=new).status_code == 303


def test_a_session_with_another_stamp_is_over(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    change(app, KARI, fs_uniquifier="another")
    assert not browser.is_in()


def test_ending_the_other_sessions_keeps_this_one(app: Flask, browser: Browser) -> None:
    other = another(app)
    for each in (browser, other):
        each.sign_in()
    assert browser.get("/account").text.count("Sign out there") == 1
    browser.post("/account/end-other-sessions")
    assert browser.is_in()
    assert not other.is_in()


def test_sessions_past_their_end_are_swept_at_the_next_sign_in(app: Flask, browser: Browser) -> None:
    with clock.at(NOON):
        browser.sign_in()
    with clock.at(NOON + timedelta(hours=13)):
        another(app).sign_in()
    assert count(app, WebSession) == 1


def test_a_session_ended_elsewhere_is_not_revived_by_a_request_under_way(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    real = sessions.BrowserSession.keep

    def ended_meanwhile(self: sessions.BrowserSession) -> None:
        db.session.rollback()
        with transaction() as writing:
            sessions.end_all(writing.scalars(select(Person).where(Person.email == KARI)).one())
        real(self)

    with mock.patch.object(sessions.BrowserSession, "keep", ended_meanwhile):
        browser.post("/acting-for", membership=str(membership_id(app, KARI, SUPPLIER)))
    assert count(app, WebSession) == 0
    assert not browser.is_in()


# -- what a request does to the database ------------------------------------------------------------------------------


def test_reading_changes_nothing(app: Flask, browser: Browser, database: str) -> None:
    make_demo(app)
    browser.address = "127.0.0.1"
    pages = [
        "/",
        "/sign-in",
        "/personas",
        "/account",
        "/change-password",
        "/acting-for",
        "/probe/page",
        "/probe/queue",
        "/no-such",
    ]
    before = dump(database)
    for page in pages:
        browser.get(page)
    assert dump(database) == before
    browser.sign_in()
    before = dump(database)
    for page in [*pages, "/language/en", "/sign-out", f"/persona/{membership_id(app, OLA, BUYER)}"]:
        browser.get(page)
    assert dump(database) == before


def test_what_a_view_does_not_commit_is_not_stored_though_its_message_is(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    assert browser.post("/probe/break").status_code == 422
    assert browser.post("/probe/rename").text == "not committed"
    with app.app_context():
        assert db.session.scalars(select(Person.name).where(Person.email == KARI)).one() == "Kari Nordmann"
    assert "Not saved." in browser.get("/account").text
    assert "Not saved." not in browser.get("/account").text


def test_writing_begins_once_the_body_is_there(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    token, seen = browser.token(), []
    with app.app_context():
        event.listen(db.engine, "begin", lambda _connection: seen.append("begun"))

    class Slow(io.BytesIO):
        def readinto(self, buffer: Buffer) -> int:
            seen.append("received")
            return super().readinto(buffer)

    body = f"csrf_token={token}".encode()
    answer = browser.client.post(
        "/probe/rename",
        input_stream=Slow(body),
        content_length=len(body),
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.text == "not committed"
    assert seen[0] == "received"
    assert "received" not in seen[seen.index("begun") :]


def test_a_reading_page_does_not_wait_for_a_writer(browser: Browser, database: str) -> None:
    with clock.at(NOON):
        browser.sign_in()
    writer = sqlite3.connect(database, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with clock.at(NOON + timedelta(minutes=30)):
        begun = time.perf_counter()
        assert browser.get("/probe/page").status_code == 200
        assert time.perf_counter() - begun < 2
    writer.execute("ROLLBACK")
    writer.close()
    with clock.at(NOON + timedelta(minutes=61)):
        assert not browser.is_in()  # the visit could not be noted, and nothing else came of it


def test_being_seen_is_noted_every_five_minutes_at_most(app: Flask, browser: Browser) -> None:
    def seen_at() -> datetime:
        with app.app_context():
            return db.session.scalars(select(WebSession.seen_at)).one()

    with clock.at(NOON):
        browser.sign_in()
    first = seen_at()
    with clock.at(NOON + timedelta(minutes=4)):
        browser.get("/probe/page")
    assert seen_at() == first
    with clock.at(NOON + timedelta(minutes=6)):
        browser.get("/probe/page")
    assert seen_at() - first > timedelta(minutes=5)


def test_when_the_database_fails_nobody_is_signed_out(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    before = browser.cookie
    with mock.patch.object(sessions.BrowserSession, "_kept", side_effect=broken()):
        assert browser.get("/probe/page").status_code == 503
    assert browser.cookie == before
    assert browser.is_in()


def broken() -> Exception:
    return OperationalError("SELECT", {}, sqlite3.OperationalError("disk I/O error"))
