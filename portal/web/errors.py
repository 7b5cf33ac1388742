"""What an error looks like: each refusal of the domain gets its status and a page that says what to do."""

import logging
from http import HTTPStatus

from flask import Flask, Response, make_response, render_template, request
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from portal import tracing
from portal.errors import Conflict, Forbidden, Invalid, LinkOver, NotFound, PortalError, Refused, Unavailable
from portal.extensions import db
from portal.text import Text

STATUS = {NotFound: 404, Forbidden: 403, Conflict: 409, Refused: 422, Invalid: 422, Unavailable: 503}
PAGES = frozenset({400, 403, 404, 409, 413, 422, 429, 500, 503})

SOMEBODY_WAS_FIRST = Text(
    "Noen andre lagret samtidig som deg, og var først. Ingenting av ditt ble lagret. Last siden på nytt.",
    "Somebody else saved at the same time and was first. Nothing of yours was stored. Load the page again.",
)
TOO_LONG = Text(
    "En av verdiene er for lang til å lagres. Ingenting ble lagret. Gå tilbake og kort den ned.",
    "One of the values is too long to be stored. Nothing was stored. Go back and shorten it.",
)
NO_DATABASE = Text(
    "Databasen svarer ikke akkurat nå. Ingenting ble lagret. Prøv igjen om litt.",
    "The database does not answer just now. Nothing was stored. Please try again in a moment.",
)

_WHERE_TO_ASK = {"accounts.new_password": "accounts.ask_reset", "accounts.confirm_email": "accounts.change_email"}
"""Where the link of a letter led -> where one asks for a new letter oneself."""

_log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Map every refusal to a page."""
    app.register_error_handler(PortalError, _refused)
    app.register_error_handler(StaleDataError, lambda _error: page(409, SOMEBODY_WAS_FIRST))
    app.register_error_handler(IntegrityError, _collided)
    app.register_error_handler(LinkOver, _link_over)
    app.register_error_handler(OperationalError, _database_down)
    app.register_error_handler(DataError, lambda _error: page(422, TOO_LONG))
    app.register_error_handler(HTTPException, _http)


API = "/api/"
"""Below this, answers are for programs."""


def page(status: int, text: Text | None = None, headers: dict[str, str] | None = None) -> Response:
    """The page of one status, with the words of whoever refused."""
    # Nothing of a refused request is stored, and no error page is drawn while others wait for the writer's lock.
    db.session.rollback()
    if request.path.startswith(API):
        return _problem(status, text, headers or {})
    shown = status if status in PAGES else 500
    reference = tracing.current() if status >= 500 else ""  # noqa: PLR2004 - HTTP
    response = make_response(render_template(f"errors/{shown}.html", message=text, reference=reference), status)
    response.headers.extend(headers or {})
    return response


def _problem(status: int, text: Text | None, headers: dict[str, str]) -> Response:
    """The same for a program: RFC 9457."""
    said: dict[str, object] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if text is not None:
        said["detail"] = text.en
    if status >= 500:  # noqa: PLR2004 - HTTP
        said["reference"] = tracing.current()
    response = make_response(said, status)
    response.headers.extend(headers)
    response.content_type = "application/problem+json"
    return response


def _refused(error: PortalError) -> Response:
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    return page(status, error.text, {"Retry-After": "5"} if status == 503 else None)  # noqa: PLR2004 - HTTP


def _link_over(error: LinkOver) -> Response:
    db.session.rollback()
    return make_response(
        render_template(
            "errors/link_over.html", message=error.text, ask_anew=_WHERE_TO_ASK.get(request.endpoint or "")
        ),
        STATUS[Refused],
    )


def _collided(error: IntegrityError) -> Response:
    # Not in the words of the database: PostgreSQL repeats the values that collided.
    named = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or type(error.orig).__name__
    _log.warning("Two writers collided at %s on %s", request.endpoint, named)
    return page(409, SOMEBODY_WAS_FIRST)


def _database_down(error: OperationalError) -> Response:
    _log.error("The database refused at %s: %s", request.endpoint, str(error.orig).partition("\n")[0])
    return page(503, NO_DATABASE, {"Retry-After": "5"})


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)
    code = error.code or 500
    if code < 400:  # noqa: PLR2004 - redirects and the like are no errors
        return make_response(error.get_response())
    return page(code, None, {"Retry-After": "60"} if code == 429 else None)  # noqa: PLR2004
