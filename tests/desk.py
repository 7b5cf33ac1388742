"""Somebody at the portal's pages over HTTP, for tests that look into the database between two pages."""

import contextvars
import html
import re
from dataclasses import dataclass

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.extensions import db, transaction
from portal.model import Membership
from tests.http import PASSWORD
from tests.signing_in import enter, equip, stored_once
from tests.world import World

_TAG = re.compile(r"<[^>]+>")


@dataclass
class Desk:
    """A signed-in browser. Requests run outside the test's own application context, as they do on a server."""

    client: FlaskClient

    def get(self, path: str, **headers: str) -> TestResponse:
        """A page."""
        db.session.rollback()
        return contextvars.Context().run(self.client.get, path, headers=headers)

    def send(self, path: str, **form: object) -> TestResponse:
        """A form; a file in it is its content and its name."""
        db.session.rollback()
        answer = contextvars.Context().run(self.client.post, path, data=form)
        db.session.rollback()
        db.session.expire_all()
        return answer

    def reads(self, path: str) -> str:
        """A page as it is read."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return words(answer)


def give_passwords(world: World, language: str = "en") -> None:
    """Everybody of the small world can sign in, and reads one language."""
    kept = stored_once(PASSWORD)
    people = [
        by.person for by in (world.anna, world.bo, world.stranger, world.rita, world.ruth, world.adam, world.dora)
    ]
    with transaction():
        for person in people:
            person.password, person.language = kept, language
        equip(*people)


def sit_down(app: Flask, by: Membership) -> Desk:
    """Sign in."""
    desk = Desk(app.test_client())
    form = {"email": by.person.email, "password": PASSWORD}
    answer = enter(desk.get, lambda path, values: desk.send(path, **values), form)
    assert answer.status_code in {200, 303}, answer.text
    return desk


def words(answer: TestResponse) -> str:
    """What is read, with all gaps as one space."""
    return " ".join(html.unescape(_TAG.sub(" ", answer.text)).replace("\u00a0", " ").split())
