"""What holds for every request: whose host we answer to, when writing begins and ends, form tokens and headers."""

import logging
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, SecurityError

from portal.config import Settings
from portal.extensions import begin_writing, db
from portal.web import access, attempts, refusals
from portal.web.sessions import READING

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"

# The referrer is kept for our own pages: the form token is refused over https when it is missing.
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
TRANSPORT_POLICY = "max-age=31536000; includeSubDomains"

LOOPBACK = ("127.0.0.1", "localhost")
"""Names that can only mean this machine."""

_log = logging.getLogger(__name__)


class Asked(Request):
    """A request as views see it: a HEAD is a GET, whose body the server leaves out. So no view takes it for a form."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        if self.method == "HEAD":
            self.method = "GET"


def init_app(app: Flask, settings: Settings) -> None:
    """Put the guards in place. Comes before anything else that has a say in a request."""
    app.request_class = Asked
    app.config["TRUSTED_HOSTS"] = _hosts(settings)
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # a form may stay open for as long as the session lasts
    app.config["WTF_CSRF_SECRET_KEY"] = [*settings.secret_key_fallbacks, settings.secret_key]  # the last one signs
    app.config["WTF_CSRF_HEADERS"] = ["X-CSRFToken"]
    app.before_request(_refuse_other_hosts)
    app.before_request(_refuse_json)
    app.before_request(_receive)
    attempts.init_app(app)
    refusals.init_app(app)
    app.before_request(_begin)
    app.teardown_request(_end)
    CSRFProtect(app)
    app.register_error_handler(CSRFError, _token_refused)

    @app.after_request
    def add_headers(response: Response) -> Response:
        if settings.secure_cookies:
            response.headers.setdefault("Strict-Transport-Security", TRANSPORT_POLICY)
        return _with_headers(response)


def sandboxed(response: Response) -> Response:
    """Make a response that carries somebody's file harmless: it is saved, and can do nothing if it is opened."""
    response.headers["Content-Security-Policy"] = FILE_POLICY
    if not response.headers.get("Content-Disposition", "").startswith("attachment"):
        response.headers["Content-Disposition"] = "attachment"
    return response


def _hosts(settings: Settings) -> list[str]:
    host = urlsplit(settings.base_url).hostname or ""
    return sorted({host, *LOOPBACK}) if host in LOOPBACK else [host]


def _refuse_other_hosts() -> ResponseReturnValue | None:
    """Answer in plain words: a page has links, and there is no address to build them on."""
    if isinstance(request.routing_exception, SecurityError):
        return Response("The host name of this request is not ours.\n", 400, mimetype="text/plain")
    return None


def _refuse_json() -> ResponseReturnValue | None:
    """No page takes JSON, yet what reads forms would read it: one that is nested without end runs it out of stack."""
    if request.is_json:
        return Response("Forms are sent as forms here, not as JSON.\n", 415, mimetype="text/plain")
    return None


def _receive() -> None:
    """Receive the body before writing begins: one slow sender must not keep all other writers waiting."""
    if _is_to_write():
        request.get_data(parse_form_data=True)
        if None in request.form or None in request.files:
            raise BadRequest  # a part without a name, that no browser sends


def _begin() -> None:
    """Begin writing before anything is read: SQLite refuses a transaction that turns to writing after others did."""
    if _is_to_write():
        begin_writing()


def _is_to_write() -> bool:
    return request.method not in READING and request.routing_exception is None


def _end(_error: BaseException | None) -> None:
    """What no view committed never was."""
    if db.session.registry.has():
        session: Session = db.session()
        session.rollback()


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
        response.vary.add("HX-Request")
    return response


def _token_refused(error: CSRFError) -> Response:
    """Hand back what was typed, to be sent again: the session had ended, or began anew in another window."""
    _log.info("Form token refused at %s: %s", request.endpoint, error.description)
    db.session.rollback()
    if access.is_htmx():
        return access.sent_elsewhere(access.sign_in_url())
    typed = _typed() if access.is_from_here() else []
    return make_response(render_template("people/expired.html", typed=typed, again=access.here()), 400)


def _typed() -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name != "csrf_token" and "password" not in name
    ]
