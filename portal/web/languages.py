"""In which language the reader is answered."""

from datetime import timedelta

from flask import Blueprint, has_request_context, redirect, request
from flask.typing import ResponseReturnValue

from portal.errors import NotFound
from portal.extensions import parts, transaction
from portal.operations.lookup import NOT_HERE
from portal.text import LANGUAGES
from portal.web import access, sessions
from portal.web.access import public, safe_target

blueprint = Blueprint("languages", __name__)

LANGUAGE_KEPT_FOR = timedelta(days=365)


def current_language() -> str:
    """The reader's language: chosen in this browser, else the person's own, else bokmål."""
    if not has_request_context():
        return LANGUAGES[0]
    browser = sessions.current()
    if browser.language is None:  # a page asks a thousand times
        browser.language = _first_known(_chosen_here(), browser.person.language if browser.person else None)
    return browser.language


def of_browser() -> str:
    """The language chosen in this browser, else bokmål: without asking who the reader is."""
    return _first_known(_chosen_here())


def answer_in(language: str) -> None:
    """Answer this request in a language, whoever asks."""
    sessions.current().language = language


@blueprint.route("/language/<code>", methods=["GET", "POST"])
@public("Everybody chooses in which language to read.")
def choose_language(code: str) -> ResponseReturnValue:
    """Read in another language. A link does it for this browser only; a form for the person's letters too."""
    if code not in LANGUAGES:
        raise NotFound(NOT_HERE)
    person = sessions.current().person
    if request.method == "POST" and person:
        with transaction():
            person.language = code
    response = redirect(safe_target(request.values.get("next")) or access.home(), 303)
    response.set_cookie(
        _language_cookie(),
        code,
        max_age=LANGUAGE_KEPT_FOR,
        secure=parts().settings.secure_cookies,
        httponly=True,
        samesite="Lax",
    )
    return response


def _first_known(*wanted: str | None) -> str:
    return next((code for code in wanted if code in LANGUAGES), LANGUAGES[0])


def _chosen_here() -> str | None:
    return request.cookies.get(_language_cookie())


def _language_cookie() -> str:
    return sessions.cookie_name("language", parts().settings)
