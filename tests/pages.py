"""Somebody at the portal's pages, asked and answered as a server would, without one."""

import contextvars
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from werkzeug.test import TestResponse

from portal.extensions import db, transaction
from portal.model import Membership, Report
from tests.desk import give_passwords
from tests.http import PASSWORD
from tests.signing_in import enter
from tests.world import World, build_world

Element: TypeAlias = Any
"""Of a page. lxml's own types cannot say what an XPath gives."""
Seat = Callable[[Membership], "Desk"]


@dataclass
class Desk:
    """Somebody at the pages. Requests run outside the test's own application context, as they do on a server."""

    client: FlaskClient

    def sign_in(self, by: Membership) -> Self:
        answer = enter(self.get, self.send, {"email": by.person.email, "password": PASSWORD})
        assert answer.status_code in {200, 303}, answer.text
        return self

    def get(self, path: str, **headers: str) -> TestResponse:
        return contextvars.Context().run(self.client.get, path, headers=headers)

    def send(self, path: str, form: Mapping[str, str | list[str]]) -> TestResponse:
        db.session.rollback()
        answer = contextvars.Context().run(self.client.post, path, data=form)
        db.session.rollback()
        return answer

    def page(self, path: str, status: int = 200) -> Element:
        answer = self.get(path)
        assert answer.status_code == status, answer.text
        return parsed(answer)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Only SQLite: other tests put the statements of these pages to both."""
    return sqlite_url


@pytest.fixture
def world(app: Flask) -> World:
    """The small world, whose people can sign in and read English."""
    del app
    with transaction():
        found = build_world()
    give_passwords(found)
    return found


@pytest.fixture
def seat(app: Flask) -> Seat:
    """Seats people at their desks."""
    return lambda by: Desk(app.test_client()).sign_in(by)


def parsed(answer: TestResponse) -> Element:
    return html.fromstring(answer.text)


def words(element: Element) -> str:
    """What is read, with all gaps as one space."""
    return " ".join(element.text_content().split())


def fields(page: Element, form: str = "//form[contains(@class, 'section-form')]") -> dict[str, str]:
    """Every value that a form would send as it stands."""
    (found,) = page.xpath(form)
    return {name: value or "" for name, value in found.form_values()}


def section(world: World, key: str = "machinery") -> str:
    """The address of a section of the report."""
    return f"/reports/{world.report.public_id}/sections/{key}"


def stored(world: World, key: str = "machinery") -> list[dict[str, str]]:
    """What is typed in a section's lines, as it is stored."""
    db.session.rollback()
    db.session.expire_all()
    return [line.raw for line in db.session.get_one(Report, world.report.id).section(key).lines]


def blamed(answer: TestResponse) -> list[str]:
    """The fields that the error summary leads to."""
    return [link.removeprefix("#") for link in parsed(answer).xpath("//*[@id='error-summary']//a/@href")]
