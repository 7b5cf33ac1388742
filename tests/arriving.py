"""Coming by a provider: a portal that knows one, the way there and back, and whoever is linked to it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from markupsafe import escape
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal import clock
from portal.extensions import db, transaction
from portal.model import Identity, Person
from tests.browsing import BUYER, OLA, Browser, Maker, with_people
from tests.provider import Provider, provider

MAIL = {"email": OLA, "email_verified": True}
TRUSTED = 'domains = ["entreprenor.example"]'
LEVEL = 'acr_values = ["high", "substantial"]\nstrong = ["high"]'
STAFF = f"""{TRUSTED}
organisation = "{BUYER}"
groups = {{ "g-review" = ["reviewer"], "g-lead" = ["contract_manager", "decision_maker"] }}"""


@pytest.fixture
def there() -> Iterator[Provider]:
    """Somebody else's provider."""
    with provider() as running:
        yield running


@pytest.fixture
def portal(make_app: Maker, sqlite_url: str, tmp_path: Path, there: Provider) -> Callable[..., Flask]:
    """Makes a portal that knows the provider, with these further lines in its settings."""

    def make(more: str = TRUSTED, url: str = sqlite_url) -> Flask:
        file = there.settings(tmp_path, more=more if "strong" in more else f"{more}\nstrong = ['mfa']")
        return with_people(make_app(url, providers=file, outgoing_allowed=("127.0.0.1/32",)))

    return make


def connect(browser: Browser, there: Provider) -> TestResponse:
    """Go to the provider to connect one's account, and come back."""
    away = browser.post("/account/connect/lillevik")
    assert away.status_code == 200, away.text
    url = away.headers["Refresh"].removeprefix("0; url=")
    assert escape(url) in away.text, "who is not sent on by the browser has a button"
    return browser.get(there.visit(url))


def come(browser: Browser, there: Provider, start: str = "/sign-in/with/lillevik") -> TestResponse:
    """Go to the provider and come back."""
    away = browser.get(start)
    assert away.status_code == 303, away.text
    return browser.get(there.visit(away.location))


def linked(app: Flask, there: Provider, email: str = OLA, subject: str = "ola-1") -> None:
    with app.app_context(), transaction():
        person = db.session.scalars(select(Person).where(Person.email == email)).one()
        now = clock.now()
        db.session.add(Identity(person=person, issuer=there.issuer, subject=subject, used_at=now))
