"""Somebody at the portal's pages, asked and answered as a server would, without one."""

import contextvars
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from flask.testing import FlaskClient
from lxml import html
from werkzeug.test import TestResponse

from portal.extensions import db
from portal.model import Membership

Element: TypeAlias = Any
"""Of a page. lxml's own types cannot say what an XPath gives."""
Seat = Callable[[Membership], "Desk"]


@dataclass
class Desk:
    """Somebody at the pages. Requests run outside the test's own application context, as they do on a server."""

    client: FlaskClient

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


def parsed(answer: TestResponse) -> Element:
    return html.fromstring(answer.text)


def words(element: Element) -> str:
    """What is read, with all gaps as one space."""
    return " ".join(element.text_content().split())
