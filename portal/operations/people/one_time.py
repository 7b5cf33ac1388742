"""Secrets that each work once, for one purpose, for a while, and for what it was made for only.

Those of letters, those given from hand to hand, and those that a passkey has signed.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from portal import clock
from portal.extensions import db
from portal.model import OneTimePurpose, OneTimeSecret

BYTES = 32
KEPT_FOR = timedelta(days=30)
"""How long one that has run out is remembered."""


def issue(purpose: OneTimePurpose, subject: str, *stamp: str, lasts: timedelta, secret: str | None = None) -> str:
    """A new secret; older ones of the same purpose and subject are void from now on.

    Args:
        purpose: what it may be used for.
        subject: whose it is, a public id.
        stamp: what must still be so when it is used, such as the person's address and password hash.
        lasts: how long it works.
        secret: one that people can read aloud; else it is made here.
    """
    now, secret = clock.now(), secret or secrets.token_urlsafe(BYTES)
    older = (OneTimeSecret.purpose == purpose) & (OneTimeSecret.subject == subject)
    over = (OneTimeSecret.purpose == purpose) & (OneTimeSecret.expires_at < now - KEPT_FOR)
    db.session.execute(delete(OneTimeSecret).where(older | over))
    row = OneTimeSecret(hash=_hash(secret), purpose=purpose, subject=subject, stamp=_stamp(stamp))
    row.created_at, row.expires_at = now, now + lasts
    db.session.add(row)
    db.session.flush()
    return secret


def subject_of(purpose: OneTimePurpose, secret: str) -> str | None:
    """Whose secret it is, if it would work now; None for one that is unknown, used, void or too old."""
    row = _alive(purpose, secret)
    return row.subject if row else None


def use(purpose: OneTimePurpose, secret: str, *stamp: str) -> bool:
    """Use it up, if it works for what is so now. Inside a writing transaction."""
    row = _alive(purpose, secret)
    if row is None or row.stamp != _stamp(stamp):
        return False
    row.used_at = clock.now()
    return True


def burn(purpose: OneTimePurpose, secret: str, *, until: datetime) -> bool:
    """Use up a secret that was not kept here before, which works `until` then; False when it was used already.

    Inside a writing transaction. It is remembered no longer than it would have worked.
    """
    over = (OneTimeSecret.purpose == purpose) & (OneTimeSecret.expires_at < clock.now())
    db.session.execute(delete(OneTimeSecret).where(over))
    if db.session.scalar(select(OneTimeSecret.hash).where(OneTimeSecret.hash == _hash(secret))) is not None:
        return False
    row = OneTimeSecret(hash=_hash(secret), purpose=purpose, subject="", stamp=_stamp(()))
    row.created_at, row.expires_at, row.used_at = clock.now(), until, clock.now()
    db.session.add(row)
    db.session.flush()
    return True


def _alive(purpose: OneTimePurpose, secret: str) -> OneTimeSecret | None:
    alive = (OneTimeSecret.used_at.is_(None), OneTimeSecret.expires_at > clock.now())
    which = (OneTimeSecret.hash == _hash(secret), OneTimeSecret.purpose == purpose)
    return db.session.scalar(select(OneTimeSecret).where(*which, *alive).with_for_update())


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _stamp(parts: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
