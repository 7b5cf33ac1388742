"""Passwords: whose they are, how they are kept, and which are too weak to be taken."""

import os
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from flask_babel import gettext as _
from flask_security.utils import hash_password, verify_password
from sqlalchemy import select
from zxcvbn import zxcvbn

from portal.errors import Unavailable
from portal.extensions import db, transaction
from portal.model import AttemptKind, Person
from portal.text import Text
from portal.web import attempts

SHORTEST = 15
LONGEST = 128
LONGEST_JUDGED = 72
"""How many characters zxcvbn looks at; its time grows faster than they do."""
HARD_TO_GUESS = 3
"""Of zxcvbn's scores from 0 to 4: somebody with a stolen table would need more than a hundred million guesses."""
FEWEST_LETTERS = 5
"""How long a word must be to be looked for in a password."""
PORTAL = "klimakontrakt"

CROWDED = Text(
    "Det er mange som logger inn akkurat nå. Vent noen sekunder og prøv igjen.",
    "Many are signing in just now. Wait some seconds and try again.",
)


class HashingRoom:
    """Argon2 leaves Python free to run: more at once than there are cores would only make everybody wait.

    Some may wait at the door; the next is sent away, so that a crowd leaves the threads of the server to the others.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._room = threading.BoundedSemaphore(at_once + waiting)
        self._seats = threading.BoundedSemaphore(at_once)

    @contextmanager
    def seat(self) -> Iterator[None]:
        """A seat, now or soon. Raises Unavailable when too many wait."""
        if not self._room.acquire(blocking=False):
            raise Unavailable(CROWDED)
        try:
            with self._seats:
                yield
        finally:
            self._room.release()


hashing = HashingRoom(os.cpu_count() or 1, waiting=4)


def owner(email: str, password: str) -> Person | None:
    """The active person with this e-mail and password. Notes the try. Raises TooManyTries, Unavailable.

    Hashing takes its time, whether or not there is such a person, and nobody waits for the database meanwhile.
    """
    email = attempts.tidy(email)
    with transaction():
        attempts.demand_room(AttemptKind.SIGN_IN, email)
        person = db.session.scalar(select(Person).where(Person.email == email))
    matches = _matches(password, person.password if person and person.active else None)
    with transaction():
        attempts.demand_room(AttemptKind.SIGN_IN, email)  # others may have tried at the same time
        attempts.note(AttemptKind.SIGN_IN, email, person=person, succeeded=matches)
    return person if matches else None


def stored(password: str) -> str:
    """How a password is kept: argon2id, over one form for what looks alike whichever keyboard wrote it."""
    with hashing.seat():
        return str(hash_password(_normal(password)))


def faults(password: str, person: Person, *firms: str) -> list[str]:
    """Why this password is too weak for this person, in words; empty when it will do.

    `firms`: organisations that the person acts for, beside those that are known.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        return [
            _(
                "The password must have from %(fewest)d to %(most)d characters. Four words in a row will do.",
                fewest=SHORTEST,
                most=LONGEST,
            )
        ]
    low = _normal(password).lower()
    own = {PORTAL, person.email.partition("@")[0], *person.name.lower().split()}
    own |= {word for firm in (*firms, *_firms(person)) for word in firm.lower().split()}
    if any(word in low for word in own if len(word) >= FEWEST_LETTERS):
        return [_("The password must not hold your name, your e-mail or the name of your organisation or the portal.")]
    if zxcvbn(low[:LONGEST_JUDGED], user_inputs=sorted(own))["score"] < HARD_TO_GUESS:
        return [_("This password is among the first that somebody would guess. Four words that are yours will do.")]
    return []


def _firms(person: Person) -> list[str]:
    return [own.organisation.name for own in person.memberships]


def _matches(password: str, kept: str | None) -> bool:
    """Whether the password is the one that is kept. It takes as long where none is kept."""
    is_possible = kept is not None and len(password) <= LONGEST
    with hashing.seat():
        same = verify_password(_normal(password[:LONGEST]), kept if kept is not None else _nobodys())
    return bool(same) and is_possible


@cache
def _nobodys() -> str:
    """A hash that belongs to nobody, to be tried where there is none."""
    return str(hash_password(os.urandom(32).hex()))


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
