"""A browser as far as HTTP goes: one cookie, forms with their token, whatever server stands behind the port."""

import re
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode

from tests import signing_in

PASSWORD = "åtte kontrollører samtidig"


@dataclass(frozen=True)
class Page:
    """What a page answered."""

    status: int
    text: str
    location: str | None


class HttpBrowser:
    """Somebody signed in at a portal on a loopback port."""

    def __init__(self, port: int, email: str) -> None:
        self.port, self.cookie = port, ""
        way_in = signing_in.enter(
            lambda path: self.ask("GET", path),
            lambda path, values: self.ask("POST", path, {**self.form(path), **values}),
            {"email": email, "password": PASSWORD},
        )
        assert way_in.status in {200, 303}, way_in

    def call(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """One request: its status, and the page."""
        page = self.ask(method, path, form)
        return page.status, page.text

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> Page:
        """One request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        try:
            connection.request(method, path, urlencode(form) if form else None, headers)
            answer = connection.getresponse()
            for cookie in answer.headers.get_all("Set-Cookie") or []:
                self.cookie = cookie.split(";", 1)[0]
            return Page(answer.status, answer.read().decode(), answer.headers["Location"])
        finally:
            connection.close()

    def form(self, page: str) -> dict[str, str]:
        """The hidden inputs of a page: its token and the version that was seen."""
        return dict(
            re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', self.call("GET", page)[1])
        )

    def submit(self, page: str, path: str, **values: str) -> tuple[int, str]:
        """Fill in a page's form and send it."""
        return self.call("POST", path, {**self.form(page), **values})
