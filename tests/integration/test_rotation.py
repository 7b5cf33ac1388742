"""The secret key is changed while people are signed in and forms are open; what it sealed is sealed anew."""

import re
import secrets
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal import keys
from portal.extensions import db
from portal.model import Authenticator
from portal.operations.people import second_factors
from tests.browsing import KARI, Browser, Maker, with_people
from tests.conftest import SECRET
from tests.signing_in import SECRET as SECRET_OF_APP
from tests.terminal import Terminal

NEW = secrets.token_urlsafe(48)


def read_by(app: Flask) -> bytes | None:
    with app.app_context():
        kept = db.session.scalars(select(Authenticator)).one()
        try:
            return second_factors.opened(kept.sealed_secret, kept.person)
        except keys.Unreadable:
            return None


def moved(old: Browser, app: Flask) -> Browser:
    """The same browser, at the portal that was started anew with another key."""
    new = Browser(app.test_client())
    new.client.set_cookie("session", old.cookie)
    return new


@pytest.mark.parametrize(("former", "status"), [((SECRET,), 303), ((), 400)])
def test_a_form_that_was_open_is_taken_as_long_as_the_former_key_counts(
    make_app: Maker, sqlite_url: str, former: tuple[str, ...], status: int
) -> None:
    browser = Browser(with_people(make_app(sqlite_url)).test_client())
    browser.sign_in()
    token = browser.token()
    app = make_app(sqlite_url, secret_key=NEW, secret_key_fallbacks=former)
    app.config["WTF_CSRF_ENABLED"] = True
    after = moved(browser, app)
    assert after.is_in()  # sessions are rows, whatever the key
    answer = after.client.post("/sign-out", data={"csrf_token": token})
    assert answer.status_code == status


def test_whoever_was_about_to_sign_in_gets_in(make_app: Maker, sqlite_url: str) -> None:
    browser = Browser(with_people(make_app(sqlite_url)).test_client())
    token = browser.token()
    app = make_app(sqlite_url, secret_key=NEW, secret_key_fallbacks=(SECRET,))
    app.config["WTF_CSRF_ENABLED"] = True
    after = moved(browser, app)
    answer = after.client.post("/sign-in", data={"csrf_token": token, "email": KARI, "password": "wrong"})
    assert answer.status_code == 422  # and not 400: the form itself is taken


def test_what_a_former_key_sealed_is_sealed_anew(make_app: Maker, database_url: str, tmp_path: Path) -> None:
    with_people(make_app(database_url))  # one of them has an app
    alone = make_app(database_url, secret_key=NEW)
    both = make_app(database_url, secret_key=NEW, secret_key_fallbacks=(SECRET,))
    assert (read_by(alone), read_by(both)) == (None, SECRET_OF_APP)
    terminal = Terminal(tmp_path, DATABASE_URL=database_url, KLIMAKONTRAKT_SECRET_KEY=NEW)
    refused = terminal.run("rotate-secret")
    assert (refused.exit_code, "No key opens 1 more" in refused.output) == (1, True)
    assert read_by(both) == SECRET_OF_APP
    done = terminal.run("rotate-secret", KLIMAKONTRAKT_SECRET_KEY_FALLBACKS=SECRET)
    assert (done.exit_code, re.match(r"1 secrets are sealed anew", done.output) is not None) == (0, True)
    assert read_by(alone) == SECRET_OF_APP
    again = terminal.run("rotate-secret", KLIMAKONTRAKT_SECRET_KEY_FALLBACKS=SECRET)
    assert again.output.startswith("0 secrets")
