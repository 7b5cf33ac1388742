"""What whoever tried too often is told, and how those who go on trying are turned away at next to no cost."""

import math
from http import HTTPStatus

from flask import Flask, Response, current_app, make_response, render_template, request
from werkzeug.test import EnvironBuilder

from portal.model import AttemptKind
from portal.text import Text
from portal.web import attempts, errors, languages
from portal.web.attempts import TooManyTries
from portal.web.sessions import READING

DOORS = {
    "accounts.sign_in": AttemptKind.SIGN_IN,
    "accounts.passkey_challenge": AttemptKind.SIGN_IN,
    "accounts.sign_in_by_passkey": AttemptKind.SIGN_IN,
    "accounts.ask_reset": AttemptKind.RESET,
}
"""Where anybody in the world may try -> what is tried there."""

TOO_MANY_TRIES = Text(
    "Det er prøvd for mange ganger. Vent {minutes} min og prøv igjen.",
    "There were too many tries. Wait {minutes} min and try again.",
)
MOST_PAGES = 200
_PAGES = "klimakontrakt-refusals"


def init_app(app: Flask) -> None:
    """Stand before the doors: before a transaction begins, and after the form is received."""
    app.extensions[_PAGES] = {}
    app.before_request(_turn_away)
    app.register_error_handler(TooManyTries, _too_many_tries)


def _too_many_tries(error: TooManyTries) -> Response:
    return errors.page(429, _said(error), _retry(error))


def _turn_away() -> Response | None:
    """Whoever was told to wait and does not, gets a page that is drawn once a minute."""
    kind = DOORS.get(request.endpoint or "")
    if kind is None or request.method in READING:
        return None
    try:
        attempts.demand_no_wait(kind, request.form.get("email", ""))
    except TooManyTries as error:
        return make_response(_drawn(_said(error)), HTTPStatus.TOO_MANY_REQUESTS, _retry(error))
    return None


def _drawn(said: Text) -> str:
    pages: dict[str, str] = current_app.extensions[_PAGES]
    language = languages.of_browser()
    words = said.to(language)
    if words not in pages:
        if len(pages) >= MOST_PAGES:
            pages.clear()
        pages[words] = _for_nobody(said, language)
    return pages[words]


def _for_nobody(said: Text, language: str) -> str:
    """The page as somebody sees it of whom nothing is known but the language: it is shown to many."""
    asked = EnvironBuilder(request.path, method="POST", base_url=request.host_url).get_environ()
    with current_app.request_context(asked):
        languages.answer_in(language)
        return render_template("errors/429.html", message=said, csrf_token=None)


def _said(error: TooManyTries) -> Text:
    return TOO_MANY_TRIES.with_values(minutes=math.ceil(error.wait.total_seconds() / 60))


def _retry(error: TooManyTries) -> dict[str, str]:
    return {"Retry-After": str(math.ceil(error.wait.total_seconds()))}
