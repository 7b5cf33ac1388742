"""How often one may try: for a person, from an address, at an organisation, on the whole site; alike for all."""

import json
import statistics
import subprocess
import sys
import threading
import time
from datetime import timedelta
from unittest import mock
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import AttemptKind, Person, SignInAttempt
from portal.web import attempts, passwords
from portal.web.attempts import LIMITS, Limit, Whose
from tests.browsing import (
    KARI,
    NOON,
    OLA,
    Browser,
    Maker,
    another,
    app,
    browser,
    change,
    database,
    people_hash,
    with_people,
)
from tests.http import PASSWORD, HttpBrowser
from tests.serving import served

__all__ = ["app", "browser", "database"]

MINUTES = timedelta(minutes=5)


def only(whose: Whose, most: int) -> dict[AttemptKind, tuple[Limit, ...]]:
    """One limit on signing in, small enough to be reached in a test."""
    return {AttemptKind.SIGN_IN: (Limit(whose, most, MINUTES),)}


def status(app: Flask, email: str, address: int, password: str = "not this one") -> int:
    return another(app, f"198.51.100.{address}").sign_in(email, password).status_code


def test_the_limits_are_those_of_the_most_trusted() -> None:
    sign_in, second = LIMITS[AttemptKind.SIGN_IN], LIMITS[AttemptKind.SECOND_FACTOR]
    assert {whose: most for whose, most, within in sign_in if within == MINUTES} == {
        Whose.PERSON: 10,
        Whose.ADDRESS: 10,
        Whose.ORGANISATION: 100,
        Whose.SITE: 1000,
    }
    assert [limit.most for limit in second if limit.whose == Whose.PERSON] == [5, 20, 50]


@pytest.mark.parametrize(
    ("whose", "refused", "let_through"),
    [(Whose.ORGANISATION, "nobody@entreprenor.example", "nobody@kommune.example"), (Whose.SITE, "any@x.example", "")],
)
def test_an_organisation_and_the_site_have_their_own(
    make_app: Maker, database_url: str, whose: Whose, refused: str, let_through: str
) -> None:
    """Counted over all addresses and persons, and answered alike whether or not the organisation is known."""
    app = with_people(make_app(database_url))
    with mock.patch.dict(LIMITS, only(whose, 3)):
        with clock.at(NOON):
            assert [status(app, f"{each}@entreprenor.example", each) for each in range(3)] == [422] * 3
            with mock.patch.object(passwords, "verify_password", side_effect=AssertionError("hashed")):
                assert [status(app, KARI, 10), status(app, refused, 11)] == [429, 429]
            if let_through:
                assert status(app, let_through, 12) == 422
        with clock.at(NOON + MINUTES + timedelta(minutes=1)):
            assert status(app, KARI, 13, "seks hvite svaner") == 303


def test_each_kind_of_attempt_is_counted_alone(app: Flask) -> None:
    with app.app_context(), app.test_request_context(), transaction():
        person = db.session.scalars(select(Person).where(Person.email == KARI)).one()
        for _each in range(5):
            attempts.demand_room(AttemptKind.SECOND_FACTOR, KARI)
            attempts.note(AttemptKind.SECOND_FACTOR, KARI, person=person, succeeded=False)
        with pytest.raises(attempts.TooManyTries) as refused:
            attempts.demand_room(AttemptKind.SECOND_FACTOR, KARI)
        assert timedelta(minutes=4) < refused.value.wait <= MINUTES
        attempts.demand_room(AttemptKind.SIGN_IN, KARI)
        attempts.demand_room(AttemptKind.SECOND_FACTOR, OLA)


def test_what_succeeds_uses_nothing_up_but_every_letter_does(app: Flask) -> None:
    with app.app_context(), app.test_request_context(), transaction():
        for kind, is_refused in ((AttemptKind.SIGN_IN, False), (AttemptKind.NEW_EMAIL, True)):
            for _each in range(10):
                attempts.note(kind, KARI, person=None, succeeded=True)
            if is_refused:
                with pytest.raises(attempts.TooManyTries):
                    attempts.demand_room(kind, KARI)
            else:
                attempts.demand_room(kind, KARI)


def test_the_trail_says_whose_the_address_was(app: Flask) -> None:
    status(app, KARI, 1)
    status(app, "nobody@entreprenor.example", 2)
    with app.app_context():
        kari = db.session.scalars(select(Person.id).where(Person.email == KARI)).one()
        found = db.session.execute(select(SignInAttempt.person_id, SignInAttempt.domain).order_by(SignInAttempt.id))
        assert [tuple(row) for row in found] == [(kari, "entreprenor.example"), (None, "entreprenor.example")]


def test_more_than_may_wait_are_sent_away_at_once(app: Flask) -> None:
    room, entered, go = passwords.HashingRoom(1, waiting=0), threading.Event(), threading.Event()

    def slow(*_given: object) -> bool:
        entered.set()
        assert go.wait(30)
        return False

    answers: list[int] = []
    with mock.patch.object(passwords, "hashing", room), mock.patch.object(passwords, "verify_password", slow):
        first = threading.Thread(target=lambda: answers.append(status(app, KARI, 1)))
        first.start()
        assert entered.wait(30)
        crowded = another(app, "198.51.100.2").sign_in(OLA, "not this one")
        go.set()
        first.join(30)
    assert crowded.status_code == 503
    assert crowded.headers["Retry-After"]
    assert "Many are signing in just now" in crowded.text
    assert answers == [422]


def test_known_and_unknown_take_as_long(app: Flask) -> None:
    """Thirty of each by turns in one run: their medians differ no more than the two halves of one kind may."""

    def seconds(email: str, number: int) -> float:
        browser = another(app, f"198.51.100.{number}")
        token = browser.token()
        begun = time.perf_counter()
        form = {"csrf_token": token, "email": email, "password": "not this one"}
        assert browser.client.post("/sign-in", data=form).status_code == 422
        return time.perf_counter() - begun

    change(app, KARI, password=people_hash(app, PASSWORD))  # at the portal's own cost
    with mock.patch.dict(LIMITS, only(Whose.SITE, 1000)):
        seconds("first@entreprenor.example", 0)  # what is made once is made now
        turns = [(seconds(KARI, each), seconds("nobody@entreprenor.example", each)) for each in range(30)]
    known, unknown = (statistics.median(times) for times in zip(*turns, strict=True))
    assert 0.8 < known / unknown < 1.25, f"known {known * 1000:.1f} ms, unknown {unknown * 1000:.1f} ms"


# -- a storm ----------------------------------------------------------------------------------------------------------

A_SECOND = 200
FOR_SECONDS = 8
AT_ONCE = 8
STORM = """
import json, sys, threading, time
from collections import Counter
from http.client import HTTPConnection

port, seconds, a_second, crowd, body, cookie = json.loads(sys.argv[1])
answers, over = Counter(), time.perf_counter() + seconds


def storm(turn, says_when):
    while turn < over:
        early = turn - time.perf_counter()
        if says_when and early > 0 and answers[429]:
            print("in step", flush=True)
            says_when = False
        time.sleep(max(0, early))
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        kind = "application/x-www-form-urlencoded"
        connection.request("POST", "/sign-in", body, {"Cookie": cookie, "Content-Type": kind})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        answers[answer.status] += 1
        turn += crowd / a_second


begun = time.perf_counter()
threads = [threading.Thread(target=storm, args=(begun + each / a_second, each == 0)) for each in range(crowd)]
for each in threads:
    each.start()
for each in threads:
    each.join()
print(json.dumps(answers))
"""
"""Somebody elsewhere, in a process of their own: what their guessing costs them must not be counted as ours.

Says when it is in step: while the first are hashed the others of the crowd wait, and afterwards make up for it.
"""


def page_seconds(reader: HttpBrowser, times: int = 80) -> float:
    taken = []
    for _each in range(times):
        begun = time.perf_counter()
        assert reader.call("GET", "/account")[0] == 200
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


@pytest.mark.soak
def test_a_storm_of_attempts_leaves_the_others_their_pages(make_app: Maker, database_url: str) -> None:
    """Two hundred attempts a second are refused by the limiter; another's page takes at most three times as long."""
    app = with_people(make_app(database_url))
    change(app, OLA, password=people_hash(app, PASSWORD))
    stormer = Browser(app.test_client())
    body = urlencode({"csrf_token": stormer.token(), "email": KARI, "password": "not this one"})
    with served(app) as port:
        reader = HttpBrowser(port, OLA)
        quiet = page_seconds(reader)
        given = json.dumps([port, FOR_SECONDS, A_SECOND, AT_ONCE, body, f"session={stormer.cookie}"])
        with subprocess.Popen([sys.executable, "-c", STORM, given], stdout=subprocess.PIPE, text=True) as storm:
            assert storm.stdout is not None
            assert storm.stdout.readline() == "in step\n"
            stormy = page_seconds(reader)
            assert storm.poll() is None, "the storm was over before the pages were"
            told, _errors = storm.communicate(timeout=120)
    answers = {int(status): number for status, number in json.loads(told).items()}
    told = f"quiet {quiet * 1000:.1f} ms, stormy {stormy * 1000:.1f} ms, {stormy / quiet:.2f}; answers {answers}"
    assert answers.pop(429) > 0.9 * A_SECOND * FOR_SECONDS, told
    assert answers[422] <= 10, told
    assert set(answers) <= {422, 503}, told
    assert stormy < 3 * quiet, told
