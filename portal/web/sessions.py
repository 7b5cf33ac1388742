"""Who sits at the browser: a session on the server, so that signing out ends it and a stolen table opens nothing.

A browser that nobody has signed in with carries a signed cookie with its form token: no row, no query. Signing in
gives it a random id instead; its session is the row found by the hash of that id.
"""

import hashlib
import json
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, cast

from flask import Flask, Request, Response, request, session
from flask.sessions import SecureCookieSessionInterface, SessionInterface, SessionMixin, session_json_serializer
from itsdangerous import BadSignature
from sqlalchemy import Connection, Update, delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from portal import clock
from portal.config import Settings
from portal.errors import Unavailable
from portal.extensions import db, transaction
from portal.model import Person, SignInMethod, WebSession
from portal.web import browsers

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

IDLE = browsers.IDLE
LONGEST = timedelta(hours=12)
TOUCHED_EVERY = timedelta(minutes=5)
ID_BYTES = 32
PATIENCE_MS = 250
"""How long a page that only reads waits to note that the browser was seen."""

_KEPT = (
    WebSession.data,
    WebSession.seen_at,
    WebSession.expires_at,
    WebSession.method,
    WebSession.strong_at,
    WebSession.confirmed_at,
)

_log = logging.getLogger(__name__)


def init_app(app: Flask, settings: Settings) -> None:
    """Keep this application's sessions."""
    app.config.update(
        SESSION_COOKIE_NAME=cookie_name("session", settings),
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=LONGEST,
    )
    app.session_interface = Sessions()


def cookie_name(name: str, settings: Settings) -> str:
    """The name under which a cookie is kept; over https no other host can set one with this prefix."""
    return f"__Host-{name}" if settings.secure_cookies else name


def current() -> "BrowserSession":
    """The session of this request."""
    return cast(BrowserSession, session._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 - a LocalProxy's way


def end_all(person: Person, *, but: "BrowserSession | None" = None) -> None:
    """Sign a person out everywhere, `but` in this browser. Inside a writing transaction."""
    doomed = delete(WebSession).where(WebSession.person_id == person.id)
    db.session.execute(doomed.where(WebSession.id_hash != but.id_hash) if but and but.id_hash else doomed)


class BrowserSession(SessionMixin):
    """What the portal remembers of one browser. Nothing is read until somebody asks.

    Attributes:
        method: how its person came in.
        strong_at: when they last showed a second factor; None: came in by a password alone.
        confirmed_at: when they last showed who they are by all that they have.
        fresh_id: the id to hand to the browser with this response, when it just signed in.
        is_over: the cookie named a session that has ended.
        is_unreadable: the database failed while the session was read; the cookie must outlive that.
        language: what this request is answered in, once somebody asked.
    """

    modified = False
    accessed = False

    def __init__(self, app: Flask, cookie: str) -> None:
        self._app, self._cookie = app, cookie
        self._data: dict[str, Any] | None = None
        self._person: Person | None = None
        self._id_hash: str | None = None
        self._seen_at = self.confirmed_at = clock.now()
        self.strong_at: datetime | None = None
        self.method = SignInMethod.PASSWORD
        self.fresh_id: str | None = None
        self.is_over = False
        self.is_unreadable = False
        self.language: str | None = None

    def __getitem__(self, key: str) -> Any:
        return self._content[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._content[key] = value
        self.modified = True

    def __delitem__(self, key: str) -> None:
        del self._content[key]
        self.modified = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    @property
    def is_read(self) -> bool:
        """Whether anybody has asked for anything."""
        return self._data is not None

    @property
    def person(self) -> Person | None:
        """Who is signed in: active, and with the password they signed in with."""
        self._read()
        return self._person

    @property
    def id_hash(self) -> str | None:
        """The row of this session, or none while nobody is signed in."""
        self._read()
        return self._id_hash

    def start(self, person: Person, *, method: SignInMethod, is_strong: bool, shown_at: datetime | None = None) -> None:
        """Sign `person` in under a new id; the old one is dead. `shown_at`: when they showed who they are, if not now.

        Inside a writing transaction.
        """
        content = self._content
        self._forget()
        now = clock.now()
        self.fresh_id = secrets.token_urlsafe(ID_BYTES)
        self._id_hash, self._person, self._seen_at = _hash(self.fresh_id), person, now
        self.method, self.strong_at, self.confirmed_at = method, now if is_strong else None, shown_at or now
        db.session.execute(delete(WebSession).where(WebSession.expires_at < now))
        db.session.add(
            WebSession(
                id_hash=self._id_hash,
                person_id=person.id,
                method=method,
                browser=browsers.name_of(request.user_agent.string),
                strong_at=self.strong_at,
                confirmed_at=self.confirmed_at,
                data=_packed(content),
                created_at=now,
                seen_at=now,
                expires_at=now + LONGEST,
            )
        )
        db.session.flush()
        self.modified = False

    def confirm(self, *, is_strong: bool) -> None:
        """Note that the person has just shown who they are. Inside a writing transaction."""
        self._read()
        self.confirmed_at = now = clock.now()
        self.strong_at = now if is_strong else self.strong_at
        self.renew()

    def renew(self) -> None:
        """Go on under a new id, also where the person's password is another now. Inside a writing transaction.

        What they have shown is as old as it was, and the session lasts no longer for it.
        """
        before, person = self.id_hash, self.person
        if person is not None:
            self._content["_user_id"] = person.fs_uniquifier
        self.fresh_id = secrets.token_urlsafe(ID_BYTES)
        self._id_hash = _hash(self.fresh_id)
        changes = {
            "id_hash": self._id_hash,
            "strong_at": self.strong_at,
            "confirmed_at": self.confirmed_at,
            "data": _packed(self._content),
        }
        db.session.execute(update(WebSession).where(WebSession.id_hash == before).values(changes))

    def end(self) -> None:
        """Sign out. Inside a writing transaction."""
        self.clear()
        self._forget()
        self.modified = True

    def keep(self) -> None:
        """Write down what changed and, once in a while, that the browser was seen."""
        now = clock.now()
        if not self.modified and now - self._seen_at < TOUCHED_EVERY:
            return
        changes: dict[str, object] = {"seen_at": now}
        if self.modified:
            changes["data"] = _packed(self._content)
        # Never an insert: a session that was ended elsewhere meanwhile stays dead.
        _write(update(WebSession).where(WebSession.id_hash == self._id_hash).values(changes))

    def _forget(self) -> None:
        if self._id_hash is not None:
            db.session.execute(delete(WebSession).where(WebSession.id_hash == self._id_hash))
        self._id_hash = self._person = self.fresh_id = None

    @property
    def _content(self) -> dict[str, Any]:
        return self._read()

    def _read(self) -> dict[str, Any]:
        self.accessed = True
        if self._data is None:
            self._data, self.is_unreadable = {}, True  # an error page that asks again finds nobody, not the same error
            if self._cookie:
                self._data = self._signed() if "." in self._cookie else self._kept(_hash(self._cookie))
            self.is_unreadable = False
        return self._data

    def _signed(self) -> dict[str, Any]:
        signer = SecureCookieSessionInterface().get_signing_serializer(self._app)
        if signer is None:
            return {}
        try:
            return dict(signer.loads(self._cookie, max_age=int(LONGEST.total_seconds())))
        except BadSignature:
            return {}

    def _kept(self, id_hash: str) -> dict[str, Any]:
        found = db.session.execute(
            select(*_KEPT, Person).join(Person, Person.id == WebSession.person_id).where(WebSession.id_hash == id_hash)
        ).one_or_none()
        if found is not None:
            data, seen_at, expires_at, method, strong_at, confirmed_at, person = found
            content = _unpacked(data)
            is_theirs = person.active and content.get("_user_id") == person.fs_uniquifier
            if _is_alive(seen_at, expires_at) and is_theirs and _is_strong_enough(strong_at, person):
                self._id_hash, self._person, self._seen_at = id_hash, person, seen_at
                self.method, self.strong_at, self.confirmed_at = method, strong_at, confirmed_at
                return content
        self.is_over = self.modified = True
        return {}


class Sessions(SessionInterface):
    """How Flask opens and saves a session."""

    def __init__(self) -> None:
        self._cookies = SecureCookieSessionInterface()

    def open_session(self, app: Flask, request: Request) -> BrowserSession:
        """The session of a request; a static file has none."""
        is_static = request.path.startswith(f"{app.static_url_path}/")
        return BrowserSession(app, "" if is_static else request.cookies.get(self.get_cookie_name(app), ""))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Keep what changed, and hand the browser its new id after signing in."""
        browser = cast(BrowserSession, session)
        if not browser.is_read or browser.is_unreadable:
            return
        if browser.id_hash is None:
            self._cookies.save_session(app, browser, response)
            return
        response.vary.add("Cookie")
        browser.keep()
        if browser.fresh_id is not None:
            response.set_cookie(
                self.get_cookie_name(app),
                browser.fresh_id,
                path=self.get_cookie_path(app),
                secure=self.get_cookie_secure(app),
                httponly=self.get_cookie_httponly(app),
                samesite=self.get_cookie_samesite(app),
            )


def _hash(browser_id: str) -> str:
    return hashlib.sha256(browser_id.encode()).hexdigest()


def _is_alive(seen_at: datetime, expires_at: datetime) -> bool:
    now = clock.now()
    return now < expires_at and now - seen_at < IDLE


def _is_strong_enough(strong_at: datetime | None, person: Person) -> bool:
    """A role that asks for a second factor may have come after a sign-in without one."""
    return strong_at is not None or not person.needs_second_factor


def _packed(content: dict[str, Any]) -> dict[str, Any]:
    """As plain JSON, with Flask's tags for what JSON has no word for."""
    return cast(dict[str, Any], json.loads(session_json_serializer.dumps(content)))


def _unpacked(stored: dict[str, Any]) -> dict[str, Any]:
    return cast(dict[str, Any], session_json_serializer.loads(json.dumps(stored)))


def _write(statement: Update) -> None:
    """Write after the view is done. Nobody's page fails because this could not be noted."""
    db.session.rollback()  # what the view did not commit is not to be, and its lock would be in our way
    try:
        if request.method in READING:
            _write_if_free(statement)
        else:
            with transaction() as writing:
                writing.execute(statement)
    except (SQLAlchemyError, Unavailable) as trouble:
        _log.warning("The session could not be written now: %s", trouble)


def _write_if_free(statement: Update) -> None:
    """Write unless somebody else does: past the queue of writers, with little patience."""
    with db.engine.connect() as connection, _little_patience(connection):
        connection.execute(statement)
        connection.commit()


@contextmanager
def _little_patience(connection: Connection) -> Iterator[None]:
    if connection.dialect.name != "sqlite":
        yield
        return
    before = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {PATIENCE_MS}")
    try:
        yield
    finally:
        connection.rollback()
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {before}")
