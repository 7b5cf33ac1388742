"""Every request gets an id, and a line in the log: who runs the portal finds by it what somebody is asking about."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

from portal import tracing
from portal.logs import FACTS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-Id"
NOWHERE = "none"
"""The endpoint of what no rule matches."""

Tell = Callable[[str, str, int, float], None]
"""What hears of every answer: endpoint, method, status, seconds until it began."""

_log = logging.getLogger(__name__)


def init_app(app: Flask, tell: Tell) -> None:
    """Put it around the whole application, so that no answer goes without."""
    app.wsgi_app = Traced(app.wsgi_app, tell)  # type: ignore[method-assign]


class Traced:
    """The application, inside an id that is ours: one that a request brings along could be made up."""

    def __init__(self, inner: "WSGIApplication", tell: Tell) -> None:
        self._inner, self._tell = inner, tell

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        began = time.perf_counter()
        endpoint, code = NOWHERE, 500
        with tracing.request() as identity:

            def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
                nonlocal endpoint, code
                endpoint, code = _endpoint(environ), int(status.partition(" ")[0])
                return start_response(status, [*headers, (HEADER, identity)], *rest)

            try:
                return self._inner(environ, start)
            finally:
                self._note(endpoint, str(environ.get("REQUEST_METHOD", "")), code, time.perf_counter() - began)

    def _note(self, endpoint: str, method: str, status: int, seconds: float) -> None:
        self._tell(endpoint, method, status, seconds)
        facts = {"endpoint": endpoint, "method": method, "status": status, "ms": round(seconds * 1000, 1)}
        _log.info("request", extra={FACTS: facts})


def _endpoint(environ: "WSGIEnvironment") -> str:
    """The name of the view: addresses hold ids, and sometimes secrets. Flask forgets it when it is done."""
    request = environ.get("werkzeug.request")
    return (request.endpoint if request is not None else None) or NOWHERE
