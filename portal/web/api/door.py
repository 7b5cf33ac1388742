"""Who comes with a token, and may therefore read: the same rows and the same permissions as for people."""

import threading
import uuid
from collections.abc import Callable
from functools import wraps

from flask import Flask, Response, current_app, request
from flask.typing import ResponseReturnValue

from portal import clock, permissions, tenancy
from portal.extensions import db, parts, transaction
from portal.model import Program, Row
from portal.operations import lookup, readings
from portal.operations.people import programs
from portal.permissions import Permission
from portal.text import Text
from portal.tokens import BadToken
from portal.web import errors
from portal.web.access import marked

MOST_A_MINUTE = 600
"""Requests of one organisation, in each process that serves."""

NO_TOKEN = Text(
    "Kom med et token fra Maskinporten: «Authorization: Bearer …». Det må gjelde denne tjenesten, ha riktig scope og "
    "ikke være utløpt.",
    "Bring a token of Maskinporten: “Authorization: Bearer …”. It must be for this service, have the scope, and not "
    "have run out.",
)
NOT_OPEN = Text("Denne portalen tar ikke imot programmer.", "This portal lets no programs in.")
TOO_MANY = Text(
    "Det kommer for mange forespørsler fra virksomheten. Vent litt.",
    "There are too many requests from this organisation. Wait a moment.",
)

PACE = "klimakontrakt-pace"

Read = Callable[..., dict[str, object]]


class Pace:
    """How many requests each organisation has made in the minute we are in."""

    def __init__(self) -> None:
        self._lock, self._minute, self._made = threading.Lock(), 0, dict[int, int]()

    def seconds_to_wait(self, organisation_id: int) -> int:
        """Count one more; how long it must wait when that is too many, else 0."""
        now = int(clock.now().timestamp())
        with self._lock:
            if now // 60 != self._minute:
                self._minute, self._made = now // 60, {}
            made = self._made[organisation_id] = self._made.get(organisation_id, 0) + 1
        return 60 - now % 60 if made > MOST_A_MINUTE else 0


def init_app(app: Flask) -> None:
    """Begin to count."""
    app.extensions[PACE] = Pace()


def reads(permission: Permission, about: type[Row] | None) -> Callable[[Read], Callable[..., ResponseReturnValue]]:
    """Let a view be read by a program whose organisation has let it in, and note what it read.

    The view is given what the program acts as, and of `about` the row that the address names.
    """

    def decorate(view: Read) -> Callable[..., ResponseReturnValue]:
        @wraps(view)
        def guarded(public_id: uuid.UUID | None = None) -> ResponseReturnValue:
            program = _program()
            if isinstance(program, Response):
                return program
            by = programs.reader(program)
            permissions.demand(by, permission)
            if about is None or public_id is None:
                return view(by)
            row = lookup.one(about, public_id, by)
            found = view(by, row)
            with transaction():
                readings.note("program", row, by=by, program=program)
            return found

        return marked(guarded, permission=permission)

    return decorate


def _program() -> Program | Response:
    """Who comes; else the answer that turns it away. Raises Forbidden, CallFailed."""
    gate = parts().gate
    if gate is None:
        return errors.page(401, NOT_OPEN, {"WWW-Authenticate": "Bearer"})
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        consumer = gate.consumer(token.strip() if scheme.lower() == "bearer" else "")
    except BadToken:
        return errors.page(401, NO_TOKEN, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
    db.session.rollback()
    program = programs.of(consumer)
    pace: Pace = current_app.extensions[PACE]
    if wait := pace.seconds_to_wait(program.organisation_id):
        return errors.page(429, TOO_MANY, {"Retry-After": str(wait)})
    tenancy.act_for(program.organisation_id)
    return program
