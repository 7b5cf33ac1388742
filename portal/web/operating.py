"""What the machines of those who run the portal ask: does it live, can it take anybody in, how much does it do.

They ask by whatever name or address they have, and are told nothing about anybody.
"""

import hmac
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, abort, current_app, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.config import METRICS_ON_LOOPBACK, Settings
from portal.extensions import parts
from portal.operations import vitals
from portal.web import traced
from portal.web.access import public

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BY_ANY_NAME = frozenset({"/health/live", "/health/ready", "/metrics"})
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
LOOPBACK = frozenset({"127.0.0.1", "::1"})
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
WHAT_WAITS = {
    "jobs_waiting": "Jobs that nobody has begun.",
    "jobs_running": "Jobs that somebody is at.",
    "jobs_failed": "Jobs that failed for good; they are remembered for 90 days.",
    "mail_waiting": "Letters that are not yet sent.",
    "sign_ins_refused": "Sign-ins refused in the last hour.",
}

blueprint = Blueprint("operating", __name__)


class Figures:
    """The figures of this process, apart from any other registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers = Counter(
            "klimakontrakt_answers",
            "Answers by page, method and status.",
            ["endpoint", "method", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "klimakontrakt_answer_seconds",
            "Seconds until an answer began.",
            ["endpoint"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._waiting = {
            name: Gauge(f"klimakontrakt_{name}", words, registry=self.registry) for name, words in WHAT_WAITS.items()
        }

    def tell(self, endpoint: str, method: str, status: int, seconds: float) -> None:
        """Count one answer. A method that nobody knows must not make a series of its own."""
        self._answers.labels(endpoint, method if method in METHODS else "other", str(status)).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def page(self, waiting: dict[str, int]) -> bytes:
        """All of them, in Prometheus' own form."""
        for name, count in waiting.items():
            self._waiting[name].set(count)
        return generate_latest(self.registry)


class AnyName:
    """The application, for whom some pages may be asked for by any host name: nothing on them is a link."""

    def __init__(self, inner: "WSGIApplication", host: str) -> None:
        self._inner, self._host = inner, host

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("PATH_INFO") in BY_ANY_NAME:
            environ["HTTP_HOST"] = self._host
        return self._inner(environ, start_response)


def init_app(app: Flask, settings: Settings) -> None:
    """Count and trace every answer of this application."""
    figures = Figures()
    app.extensions["klimakontrakt-figures"] = figures
    app.wsgi_app = AnyName(app.wsgi_app, urlsplit(settings.base_url).netloc)  # type: ignore[method-assign]
    if settings.proxies:
        # Not the host: links are built on the address of the settings, and no other is answered.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=0)  # type: ignore[method-assign]
    traced.init_app(app, figures.tell)


@blueprint.get("/health/live")
@public("whoever starts and stops processes asks it; it says nothing about anybody")
def live() -> ResponseReturnValue:
    """200 as long as this process answers at all."""
    return {"status": "ok"}


@blueprint.get("/health/ready")
@public("load balancers and monitoring ask it; it says nothing about anybody")
def ready() -> ResponseReturnValue:
    """200 when database, worker and disk are well; else 503, and which of them fails."""
    found = vitals.standing()
    is_well = all(found.values())
    told = {name: "ok" if fine else "fails" for name, fine in found.items()}
    return {"status": "ok" if is_well else "fails", **told}, 200 if is_well else 503


@blueprint.get("/metrics")
@public("monitoring asks it, with the token of the settings or from this machine; to others it is not there")
def metrics() -> ResponseReturnValue:
    """Figures for Prometheus: answers by page, seconds, and what waits. No ids, no names."""
    if not _may_read_metrics(parts().settings.metrics):
        abort(404)
    figures = cast(Figures, current_app.extensions["klimakontrakt-figures"])
    return Response(figures.page(vitals.waiting()), content_type=CONTENT_TYPE_LATEST)


def _may_read_metrics(setting: str) -> bool:
    if setting == METRICS_ON_LOOPBACK:
        # A proxy on this machine speaks for everybody, and says so.
        is_passed_on = any(name in request.headers for name in ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded"))
        return request.remote_addr in LOOPBACK and not is_passed_on
    given = request.headers.get("Authorization", "")
    return bool(setting) and hmac.compare_digest(given.encode(), f"Bearer {setting}".encode())
