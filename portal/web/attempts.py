"""How often anybody may try to come in: counted in the trail of attempts, and refused before anything is hashed."""

import logging
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, cast

from flask import Flask, current_app, request
from sqlalchemy import func, select

from portal import clock
from portal.extensions import db
from portal.mail_domains import domain_of, is_open_to_anybody
from portal.model import AttemptKind, Person, SignInAttempt, SignInMethod

LONGEST_EMAIL = 254
LONGEST_ADDRESS = 45
SHOWN_FOR = timedelta(days=90)
"""How far back a person's own history goes."""
MOST_SHOWN = 500

_ONE_AT_A_TIME = 7_261_001
"""Of PostgreSQL's advisory locks: attempts that come at once are counted one after another."""

_log = logging.getLogger(__name__)


class TooManyTries(Exception):
    """So many tries for one person, organisation or site, or from one address, that the next must wait."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"wait {wait}")
        self.wait = wait


class Whose(StrEnum):
    """Whose attempts are counted together. An organisation is known by what its addresses end in.

    Not by its members: then an address that nobody has would be answered otherwise than one that somebody has. Those at
    a domain where anybody can have an address have nothing else in common, and are not counted together.
    """

    PERSON = "person"
    ADDRESS = "address"
    ORGANISATION = "organisation"
    SITE = "site"


class Limit(NamedTuple):
    """At most so many within this time."""

    whose: Whose
    most: int
    within: timedelta


class Counted(NamedTuple):
    """What is counted together: attempts of one kind by one person, organisation, site or from one address."""

    kind: AttemptKind
    whose: Whose
    value: str


class Full:
    """Which counts have no room, and until when. Each process remembers by itself what the database told it."""

    most = 10_000
    """How many are remembered: whoever comes from ever new addresses fills no memory, but is counted anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[Counted, datetime] = {}

    def note(self, counted: Counted, until: datetime) -> None:
        """Remember that there is no room until then."""
        now = clock.now()
        with self._lock:
            if len(self._until) >= self.most:
                self._until = {each: over for each, over in self._until.items() if over > now}
            if len(self._until) < self.most:
                self._until[counted] = until

    def left(self, counted: Iterable[Counted]) -> timedelta | None:
        """How long until all of these may have room; none when nothing is remembered against them."""
        now = clock.now()
        waits = [self._until[each] - now for each in counted if each in self._until]
        return max((wait for wait in waits if wait > timedelta(0)), default=None)


def init_app(app: Flask) -> None:
    """Give this process its memory."""
    app.extensions["klimakontrakt-full"] = Full()


_SOON, _HOUR, _DAY = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)

LIMITS: dict[AttemptKind, tuple[Limit, ...]] = {
    AttemptKind.SIGN_IN: (
        Limit(Whose.ADDRESS, 10, _SOON),
        Limit(Whose.PERSON, 10, _SOON),
        Limit(Whose.ORGANISATION, 100, _SOON),
        Limit(Whose.SITE, 1000, _SOON),
    ),
    AttemptKind.SECOND_FACTOR: (
        Limit(Whose.PERSON, 5, _SOON),
        Limit(Whose.PERSON, 20, _HOUR),
        Limit(Whose.PERSON, 50, _DAY),
        Limit(Whose.SITE, 1000, _SOON),
    ),
    AttemptKind.RESET: (
        Limit(Whose.ADDRESS, 10, _HOUR),
        Limit(Whose.PERSON, 5, _DAY),
        Limit(Whose.ORGANISATION, 100, _DAY),
        Limit(Whose.SITE, 1000, _SOON),
    ),
    AttemptKind.NEW_EMAIL: (Limit(Whose.PERSON, 3, timedelta(hours=6)), Limit(Whose.SITE, 1000, _SOON)),
}
"""What is tried -> how often. Of the first two those that failed are counted, of letters asked for all."""

_ALL_COUNT = frozenset({AttemptKind.RESET, AttemptKind.NEW_EMAIL})


def tidy(email: str) -> str:
    """An e-mail address as it is looked for and counted, whatever was written."""
    return email.replace("\0", "").strip().lower()[:LONGEST_EMAIL]


def demand_room(kind: AttemptKind, email: str) -> None:
    """Refuse an attempt that is one too many. Raises TooManyTries with the time to wait.

    Inside a writing transaction. Whether there is such a person makes no difference.
    """
    if db.engine.dialect.name == "postgresql":
        db.session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
    now = clock.now()
    for limit in LIMITS[kind]:
        decisive = _counted(kind, limit, email)
        if decisive is not None:
            _log.warning("Too many attempts (%s) counted by %s", kind, limit.whose)
            _full().note(Counted(kind, limit.whose, _value(limit.whose, email)), decisive + limit.within)
            raise TooManyTries(decisive + limit.within - now)


def demand_no_wait(kind: AttemptKind, email: str) -> None:
    """Refuse again whoever was told to wait and does not. Raises TooManyTries with the time that is left.

    From memory alone: a storm of attempts begins no transaction, and leaves the database and the time to the others.
    """
    whose = dict.fromkeys(limit.whose for limit in LIMITS[kind] if _is_counted(limit.whose, email))
    left = _full().left([Counted(kind, each, _value(each, email)) for each in whose])
    if left is not None:
        raise TooManyTries(left)


def note(
    kind: AttemptKind,
    email: str,
    *,
    person: Person | None,
    succeeded: bool,
    method: SignInMethod = SignInMethod.PASSWORD,
) -> None:
    """Write an attempt into the trail. Inside a writing transaction."""
    kept = tidy(email)
    db.session.add(
        SignInAttempt(
            at=clock.now(),
            kind=kind,
            email=kept,
            domain=domain_of(kept),
            address=_address(),
            person_id=person.id if person else None,
            succeeded=succeeded,
            method=method,
        )
    )


def history(person: Person) -> Sequence[SignInAttempt]:
    """Attempts to come in as this person, the newest first."""
    since = clock.now() - SHOWN_FOR
    own = select(SignInAttempt).where(SignInAttempt.person_id == person.id, SignInAttempt.at > since)
    return db.session.scalars(own.order_by(SignInAttempt.at.desc(), SignInAttempt.id.desc()).limit(MOST_SHOWN)).all()


def _counted(kind: AttemptKind, limit: Limit, email: str) -> datetime | None:
    """When the attempt was that must grow old before the next is let through; none when there is room."""
    if not _is_counted(limit.whose, email):
        return None
    counted = [SignInAttempt.kind == kind, SignInAttempt.at > clock.now() - limit.within]
    if limit.whose in _COLUMN:
        counted.append(_COLUMN[limit.whose] == _value(limit.whose, email))
    if kind not in _ALL_COUNT:
        counted.append(SignInAttempt.succeeded.is_(False))
    newest_first = select(SignInAttempt.at).where(*counted).order_by(SignInAttempt.at.desc())
    return db.session.scalar(newest_first.offset(limit.most - 1).limit(1))


def _is_counted(whose: Whose, email: str) -> bool:
    if whose in {Whose.PERSON, Whose.ORGANISATION} and not tidy(email):
        return False  # whoever shows a passkey has named nobody
    return whose != Whose.ORGANISATION or not is_open_to_anybody(domain_of(tidy(email)))


_COLUMN = {
    Whose.PERSON: SignInAttempt.email,
    Whose.ADDRESS: SignInAttempt.address,
    Whose.ORGANISATION: SignInAttempt.domain,
}


def _value(whose: Whose, email: str) -> str:
    kept = tidy(email)
    return {
        Whose.PERSON: kept,
        Whose.ADDRESS: _address(),
        Whose.ORGANISATION: domain_of(kept),
        Whose.SITE: "",
    }[whose]


def _full() -> Full:
    return cast(Full, current_app.extensions["klimakontrakt-full"])


def _address() -> str:
    return (request.remote_addr or "")[:LONGEST_ADDRESS]
