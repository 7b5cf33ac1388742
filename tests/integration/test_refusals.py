"""Whoever was told to wait and does not: turned away from memory, by a page that is nobody's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from unittest import mock

import pytest
from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from portal import clock
from portal.extensions import db
from portal.model import AttemptKind
from portal.web import attempts, refusals
from portal.web.attempts import LIMITS, Counted, Full, Limit, Whose
from portal.web.sessions import READING
from tests.browsing import (
    KARI,
    NOON,
    OLA,
    Browser,
    Maker,
    another,
    app,
    browser,
    database,
    with_people,
)

__all__ = ["app", "browser", "database"]

MINUTES, A_MOMENT, NONE = timedelta(minutes=5), timedelta(seconds=30), timedelta(0)
ELSEWHERE = "198.51.100.7"


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        said.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


def try_at(browser: Browser, url: str, email: str = KARI, **more: str) -> TestResponse:
    """One try without looking at the page before it, as whoever storms the door does."""
    form = {"email": email, "password": "not this one", **more}
    return browser.client.post(url, data=form, environ_base={"REMOTE_ADDR": browser.address})


def used_up(browser: Browser, email: str = KARI) -> None:
    """Try until the count itself says no."""
    for _each in range(10):
        assert browser.sign_in(email, "not this one").status_code == 422
    assert browser.sign_in(email, "not this one").status_code == 429


def test_whoever_goes_on_is_refused_without_a_word_to_the_database(make_app: Maker, database_url: str) -> None:
    app = with_people(make_app(database_url))
    stormer = another(app, ELSEWHERE)
    with clock.at(NOON):
        used_up(stormer)
        first = try_at(stormer, "/sign-in")
        with statements(app) as said:
            again = [try_at(stormer, "/sign-in", email) for email in (KARI, OLA, "", "nobody@x.example")]
        assert said == []
    assert [each.status_code for each in again] == [429] * 4
    assert {each.text for each in again} == {first.text}
    assert again[0].headers["Retry-After"] == "300"
    assert again[0].headers["Cache-Control"] == "no-store"
    assert "Content-Security-Policy" in again[0].headers
    assert "There were too many tries. Wait 5 min and try again." in again[0].text


def test_the_page_is_nobody_s_whoever_asked_first(app: Flask) -> None:
    """Somebody who is signed in goes on at the door: the next reads neither their name nor their form token."""
    known = another(app, ELSEWHERE)
    with clock.at(NOON):
        used_up(another(app, ELSEWHERE), OLA)
        known.address = "198.51.100.8"
        assert known.sign_in().status_code == 303
        known.address = ELSEWHERE
        assert "Kari" in known.get("/account").text
        drawn = try_at(known, "/sign-in")
        bokmal = another(app, ELSEWHERE)
        bokmal.client.set_cookie("language", "nb")
        theirs = try_at(bokmal, "/sign-in")
        assert known.is_in()
    assert (drawn.status_code, theirs.status_code) == (429, 429)
    assert "Kari" not in drawn.text
    assert "X-CSRFToken" not in drawn.text
    assert 'lang="en"' in drawn.text
    assert "Det er prøvd for mange ganger. Vent 5 min og prøv igjen." in theirs.text
    assert 'lang="nb"' in theirs.text


def test_the_others_come_in_meanwhile_and_the_same_when_the_time_is_over(app: Flask) -> None:
    with clock.at(NOON):
        used_up(another(app, ELSEWHERE), OLA)
        assert another(app, "198.51.100.8").sign_in().status_code == 303
        assert another(app, "198.51.100.8").sign_in(OLA).status_code == 429, "the person's tries are used up everywhere"
        assert another(app, ELSEWHERE).sign_in().status_code == 429
    with clock.at(NOON + timedelta(minutes=3, seconds=30)):
        left = try_at(another(app, ELSEWHERE), "/sign-in")
        assert "Wait 2 min" in left.text
        assert 60 < int(left.headers["Retry-After"]) <= 120
    with clock.at(NOON + timedelta(minutes=6)):
        assert another(app, ELSEWHERE).sign_in().status_code == 303


@pytest.mark.parametrize("endpoint", refusals.DOORS)
def test_each_door_turns_away_by_itself(app: Flask, endpoint: str) -> None:
    """What was refused at one door is remembered for its kind only, and every door knows its kind."""
    kind = refusals.DOORS[endpoint]
    rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)
    assert rule.methods is not None
    assert rule.methods - READING == {"POST"}
    assert getattr(app.view_functions[endpoint], "public", "")
    other = next(each for each in LIMITS if each != kind)
    with app.app_context(), clock.at(NOON):
        remembered: Full = app.extensions["klimakontrakt-full"]
        remembered.note(Counted(other, Whose.SITE, ""), NOON + MINUTES)
        assert try_at(another(app, ELSEWHERE), rule.rule).status_code != 429
        remembered.note(Counted(kind, Whose.SITE, ""), NOON + MINUTES)
        assert try_at(another(app, ELSEWHERE), rule.rule).status_code == 429


def test_letters_asked_for_too_often_are_refused_from_memory_too(app: Flask) -> None:
    limit = {AttemptKind.RESET: (Limit(Whose.PERSON, 2, MINUTES),)}
    with mock.patch.dict(LIMITS, limit), clock.at(NOON):
        asking = another(app, ELSEWHERE)
        answers = [asking.post("/forgotten-password", email=KARI).status_code for _each in range(3)]
        assert try_at(asking, "/forgotten-password").status_code == 429  # by a page drawn for this minute
        with statements(app) as said:
            again = try_at(another(app, "198.51.100.9"), "/forgotten-password")
        assert (answers, again.status_code, said) == ([200, 200, 429], 429, [])
        assert asking.post("/forgotten-password", email=OLA).status_code == 200


def test_ever_new_addresses_fill_no_memory() -> None:
    remembered = Full()
    with mock.patch.object(Full, "most", 3), clock.at(NOON):
        for each in range(5):
            remembered.note(_from(each), NOON + MINUTES)
        assert [remembered.left([_from(each)]) is not None for each in range(5)] == [True, True, True, False, False]
    with mock.patch.object(Full, "most", 3), clock.at(NOON + MINUTES):
        remembered.note(_from(9), NOON + 2 * MINUTES)  # the time of the first is over: there is room again
        assert remembered.left([_from(0)]) is None
        assert (remembered.left([_from(9), _from(0)]) or NONE) > MINUTES - A_MOMENT


def _from(number: int) -> Counted:
    return Counted(AttemptKind.SIGN_IN, Whose.ADDRESS, f"2001:db8::{number}")


def test_it_is_remembered_per_limit_and_not_longer(app: Flask) -> None:
    """The longest of what is remembered counts; a domain where anybody can have an address is counted for nobody."""
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": ELSEWHERE}), clock.at(NOON):
        remembered: Full = app.extensions["klimakontrakt-full"]
        remembered.note(Counted(AttemptKind.SIGN_IN, Whose.PERSON, KARI), NOON + MINUTES)
        remembered.note(Counted(AttemptKind.SIGN_IN, Whose.ADDRESS, ELSEWHERE), NOON + 2 * MINUTES)
        with pytest.raises(attempts.TooManyTries) as refused:
            attempts.demand_no_wait(AttemptKind.SIGN_IN, f" {KARI.upper()} ")
        assert 2 * MINUTES - A_MOMENT < refused.value.wait <= 2 * MINUTES
        attempts.demand_no_wait(AttemptKind.SECOND_FACTOR, KARI)
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": "198.51.100.8"}), clock.at(NOON):
        remembered.note(Counted(AttemptKind.SIGN_IN, Whose.ORGANISATION, "gmail.com"), NOON + MINUTES)
        attempts.demand_no_wait(AttemptKind.SIGN_IN, "somebody@gmail.com")
