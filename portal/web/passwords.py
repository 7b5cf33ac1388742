"""Passwords: whose they are, how often a wrong one may be tried, and which are too weak to be taken."""

import logging
import os
import threading
import unicodedata
from datetime import timedelta

from flask import request
from flask_babel import gettext as _
from flask_security.utils import hash_password, verify_password
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import Person, SignInAttempt

MOST_FAILURES = 10
FAILURES_COUNT_FOR = timedelta(minutes=5)
SHORTEST = 12
LONGEST = 128
FEWEST_CHARACTERS = 5
LONGEST_EMAIL = 254

# argon2 leaves Python free to run: more at once than there are cores would only make everybody wait.
_hashing = threading.BoundedSemaphore(os.cpu_count() or 1)


_log = logging.getLogger(__name__)


class TooManyTries(Exception):
    """So many wrong passwords for one person, or from one address, that the next try must wait."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"wait {wait}")
        self.wait = wait


def owner(email: str, password: str) -> Person | None:
    """The active person with this e-mail and password. Notes the try. Raises TooManyTries.

    Hashing takes its time, whether or not there is such a person, and nobody waits for the database meanwhile.
    """
    email, address = email.replace("\0", "")[:LONGEST_EMAIL], request.remote_addr or ""
    with transaction():
        _refuse_too_many(email, address)
        person = db.session.scalar(select(Person).where(Person.email == email))
    matches = _matches(password, person.password if person and person.active else None)
    with transaction():
        _refuse_too_many(email, address)  # others may have tried at the same time
        db.session.add(SignInAttempt(at=clock.now(), email=email, address=address, succeeded=matches))
    return person if matches else None


def stored(password: str) -> str:
    """How a password is kept: argon2id, over one form for what looks alike whichever keyboard wrote it."""
    with _hashing:
        return hash_password(_normal(password))


def faults(password: str, person: Person) -> list[str]:
    """Why this password is too weak for this person, in words; empty when it will do."""
    low = _normal(password).lower()
    about = {"klimakontrakt", person.email.partition("@")[0], *person.name.lower().split()}
    if not SHORTEST <= len(password) <= LONGEST:
        return [
            _(
                "The password must have from %(fewest)d to %(most)d characters. Four words in a row will do.",
                fewest=SHORTEST,
                most=LONGEST,
            )
        ]
    if len(set(low)) < FEWEST_CHARACTERS:
        return [_("The password must not be the same few characters over and over.")]
    if any(word in low for word in about if len(word) >= FEWEST_CHARACTERS):
        return [_("The password must not hold your name, your e-mail or the name of the portal.")]
    return []


def _refuse_too_many(email: str, address: str) -> None:
    since = clock.now() - FAILURES_COUNT_FOR
    for column, value in ((SignInAttempt.email, email), (SignInAttempt.address, address)):
        decisive = db.session.scalar(
            select(SignInAttempt.at)
            .where(column == value, SignInAttempt.at > since, SignInAttempt.succeeded.is_(False))
            .order_by(SignInAttempt.at.desc())
            .offset(MOST_FAILURES - 1)
            .limit(1)
        )
        if decisive is not None:
            _log.warning("Too many wrong passwords from %s", address)
            raise TooManyTries(decisive - since)


def _matches(password: str, kept: str | None) -> bool:
    if kept is None or len(password) > LONGEST:
        stored(password[:LONGEST])
        return False
    with _hashing:
        return verify_password(_normal(password), kept)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
