"""Showing once more who one is before what is grave: when it is asked, by what, and that nothing sent is lost."""

from datetime import datetime, timedelta

import pytest
from flask import Flask, request
from flask.typing import ResponseReturnValue
from lxml import html
from sqlalchemy import select

from portal import clock
from portal.extensions import db
from portal.model import Person, RecoveryCode, Sanction, SanctionState, WebSession
from portal.web import access
from portal.web.confirmation import confirmed
from tests import signing_in
from tests.browsing import (
    KARI,
    NOON,
    OLA,
    PASSWORD,
    Browser,
    another,
    app,
    browser,
    make_demo,
    membership_id,
    with_cookie,
)
from tests.browsing import SUPPLIER as FIRM
from tests.pages import fields
from tests.sanctioning import Room, broken, heard, proposed, room

__all__ = ["app", "browser", "room"]

LATER = NOON + timedelta(minutes=16)


@pytest.fixture
def grave(app: Flask) -> Flask:
    """A page that asks who one is, and says what reached it."""

    @app.route("/probe/grave", methods=["GET", "POST"])
    @access.signed_in("It is a test.")
    @confirmed
    def grave() -> ResponseReturnValue:
        return "".join(f"[{name}={value}]" for name, value in request.form.items(multi=True) if name != "csrf_token")

    return app


def code(email: str = OLA) -> str:
    return signing_in.phones.of(email).code()


def in_the_form(page: str, action: str) -> dict[str, str]:
    """What the form that waits would send as it stands."""
    return fields(html.fromstring(page), f"//main//form[@action='{action}']")


@pytest.fixture
def ola(grave: Flask, browser: Browser) -> Browser:
    """Ola, who signed in at noon."""
    assert grave
    with clock.at(NOON):
        browser.sign_in(OLA)
    return browser


def test_nobody_is_asked_who_has_just_signed_in(ola: Browser) -> None:
    with clock.at(NOON + timedelta(minutes=14)):
        assert ola.post("/probe/grave", a="1").text == "[a=1]"


def test_what_was_sent_is_kept_until_the_code_is_there(ola: Browser) -> None:
    sent = {"a": "<b>'\"&", "b": "line\r\nline æøå", "empty": ""}
    with clock.at(LATER):
        asked = ola.post("/probe/grave?x=1", None, **sent)
        assert (asked.status_code, "Show that it is you" in asked.text) == (401, True)
        kept = in_the_form(asked.text, "/probe/grave?x=1")
        wrong = ola.post("/probe/grave?x=1", None, **{**kept, "confirm-code": "12345A"})
        assert (wrong.status_code, "code is wrong" in wrong.text) == (422, True)
        kept = in_the_form(wrong.text, "/probe/grave?x=1")
        answer = ola.post("/probe/grave?x=1", None, **{**kept, "confirm-code": code()})
    said = answer.text.replace("\r", "")
    assert all(f"[{name}={value}]".replace("\r", "") in said for name, value in sent.items())
    with clock.at(LATER + timedelta(minutes=14)):
        assert ola.post("/probe/grave", a="1").text == "[a=1]"
    with clock.at(LATER + timedelta(minutes=17)):
        assert ola.post("/probe/grave", a="1").status_code == 401


def test_a_page_is_opened_after_the_answer(ola: Browser) -> None:
    with clock.at(LATER):
        asked = ola.get("/probe/grave?x=1")
        assert asked.status_code == 401
        kept = in_the_form(asked.text, "/probe/grave?x=1")
        assert ola.post("/probe/grave?x=1", None, **{**kept, "confirm-code": code()}).location == "/probe/grave?x=1"
        assert ola.get("/probe/grave").status_code == 200


def test_the_answer_gives_a_new_id_and_no_longer_session(grave: Flask, ola: Browser) -> None:
    def ends() -> list[datetime]:
        with grave.app_context():
            return list(db.session.scalars(select(WebSession.expires_at)))

    before, until = ola.cookie, ends()
    with clock.at(LATER):
        ola.post("/probe/grave", None, **{"confirm-code": code()})
        assert ola.cookie != before
        assert ends() == until
        assert ola.is_in()
        assert not with_cookie(grave, before).is_in()


def test_without_an_app_the_password_is_asked_for(grave: Flask) -> None:
    kari = another(grave)
    with clock.at(NOON):
        kari.sign_in(KARI)
    with clock.at(LATER):
        assert "confirm-password" in kari.post("/probe/grave").text
        assert kari.post("/probe/grave", None, **{"confirm-password": "wrong"}).status_code == 422
        assert kari.post("/probe/grave", None, **{"confirm-code": "123456"}).status_code == 401
        assert kari.post("/probe/grave", None, a="1", **{"confirm-password": PASSWORD}).status_code == 200


def test_with_an_app_the_password_is_no_answer(ola: Browser) -> None:
    with clock.at(LATER):
        assert ola.post("/probe/grave", None, **{"confirm-password": PASSWORD}).status_code == 401


def test_tries_are_limited_here_too(ola: Browser) -> None:
    with clock.at(LATER):
        tries = [ola.post("/probe/grave", None, **{"confirm-code": "12345A"}).status_code for _ in range(6)]
        assert tries == [422] * 5 + [429]


def test_who_came_in_by_one_click_has_nothing_to_show(grave: Flask) -> None:
    make_demo(grave)
    persona = another(grave, "127.0.0.1")
    with clock.at(NOON):
        persona.post(f"/persona/{membership_id(grave, OLA, FIRM)}")
    with clock.at(LATER):
        assert persona.post("/probe/grave", a="1").text == "[a=1]"


CHANGES = ("/account/authenticator", "/account/authenticator/remove", "/account/recovery-codes")


def test_the_second_factor_is_not_changed_without_it(grave: Flask, ola: Browser) -> None:
    def kept() -> tuple[bytes, set[str]]:
        with grave.app_context():
            person = db.session.scalars(select(Person).where(Person.email == OLA)).one()
            assert person.authenticator
            return person.authenticator.sealed_secret, set(db.session.scalars(select(RecoveryCode.hash)))

    before = kept()
    with clock.at(LATER):
        for path in CHANGES:
            assert ola.post(path).status_code == 401, path
        assert ola.get(CHANGES[0]).status_code == 401
        assert kept() == before
        assert "Your recovery codes" in ola.post(CHANGES[2], None, **{"confirm-code": code()}).text
    assert kept()[1] != before[1]


NEW = {"password": PASSWORD, "new_password": "tre gule biler i kø", "repeated_password": "tre gule biler i kø"}


def test_the_password_is_not_changed_without_it(grave: Flask, ola: Browser) -> None:
    with clock.at(LATER):
        assert ola.get("/change-password").status_code == 401
        asked = ola.post("/change-password", None, **NEW)
        assert (asked.status_code, PASSWORD in asked.text) == (401, False)
        kept = in_the_form(asked.text, "/change-password")
        empty = ola.post("/change-password", None, **{**kept, "confirm-code": code()})
        assert (empty.status_code, "Change your password" in empty.text) == (422, True)
        assert ola.post("/change-password", None, **NEW).location == "/account"


def test_a_new_password_confirms_nothing(grave: Flask, ola: Browser) -> None:
    def shown() -> list[tuple[datetime, datetime | None, datetime]]:
        with grave.app_context():
            rows = db.session.scalars(select(WebSession))
            return [(row.confirmed_at, row.strong_at, row.expires_at) for row in rows]

    before, cookie = shown(), ola.cookie
    with clock.at(NOON + timedelta(minutes=14)):
        assert ola.post("/change-password", None, **NEW).status_code == 303
        assert ola.cookie != cookie
        assert shown() == before
    with clock.at(LATER):
        assert ola.is_in()
        assert ola.post("/probe/grave").status_code == 401


def test_money_is_not_decided_without_it(room: Room) -> None:
    sanction = proposed(room.world, heard(room.world, broken(room.world)))
    dora = room.at(room.world.dora)
    path = f"/cases/sanctions/{sanction.public_id}/decide"
    form = {"decide-version": str(sanction.version), "decide-comment": "Enig i «alt».", "approve": "1"}
    clock.move_to(clock.now() + timedelta(minutes=16))
    asked = dora.send(path, **form)
    assert asked.status_code == 401
    assert sanction.state == SanctionState.PROPOSED
    kept = in_the_form(asked.text, path)
    assert form.items() <= kept.items()
    answer = dora.send(path, **{**kept, "confirm-code": code(room.world.dora.person.email)})
    assert answer.status_code == 303, answer.text
    db.session.expire_all()
    decided = db.session.scalars(select(Sanction)).one()
    assert (decided.state, decided.comment) == (SanctionState.DECIDED, "Enig i «alt».")
