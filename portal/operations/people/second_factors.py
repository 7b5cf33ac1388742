"""The second factor: codes of an app, set up, asked for and taken away, and codes on paper that stand in for it."""

import hashlib
import logging
import secrets
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from sqlalchemy import delete, select, update

from portal import clock, keys
from portal.errors import Refused
from portal.extensions import db, parts
from portal.model import Authenticator, Membership, Passkey, Person, RecoveryCode, SignInMethod, record
from portal.operations import mail
from portal.operations.people import set_up_codes, totp
from portal.text import Text

DRIFT = 1
"""How many steps a phone's clock may be off."""
FAR_DRIFT = 20
"""Ten minutes: a code so far off is still refused, but told apart from one that is made up."""
RECOVERY_CODES = 10
RECOVERY_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""What nobody mistakes for another: no I, no O, no 0, no 1."""
RECOVERY_GROUPS, RECOVERY_GROUP = 4, 6
PURPOSE = "authenticator"

COMPULSORY = Text(
    "Du må ha kode fra app, for du handler for en oppdragsgiver eller signerer eller gir roller for en leverandør. "
    "Har du fått ny telefon, sett opp appen på nytt.",
    "You must have codes from an app, for you act for a buyer, or sign or give roles for a supplier. "
    "If you have a new phone, set up the app again.",
)

NOT_GIVEN = Text(
    "Oppsettskoden er feil, brukt eller for gammel. Be om en ny.",
    "The set-up code is wrong, used or too old. Ask for a new one.",
)

_log = logging.getLogger(__name__)


class Verdict(Enum):
    """What a code was."""

    RIGHT = "right"
    WRONG = "wrong"
    USED = "used"
    OUT_OF_STEP = "out of step"
    """Right for another time than now: the clock of the phone or of the server is wrong."""


def sealed(secret: bytes, person: Person) -> bytes:
    """A secret as it may leave the portal and come back, and as it is kept."""
    return keys.sealed(parts().settings, PURPOSE, secret, owner=str(person.public_id))


def opened(kept: bytes, person: Person) -> bytes:
    """The secret that was sealed for this person. Raises keys.Unreadable."""
    return keys.opened(parts().settings, PURPOSE, kept, owner=str(person.public_id))


class Resealed(NamedTuple):
    """How many secrets were sealed anew, and how many no key opens any more."""

    done: int
    lost: int


def reseal() -> Resealed:
    """Seal with the present secret key what a former one sealed. Inside a writing transaction."""
    done = lost = 0
    for app in db.session.scalars(select(Authenticator).with_for_update()):
        owner = str(app.person.public_id)
        if keys.is_sealed_anew(parts().settings, PURPOSE, app.sealed_secret, owner=owner):
            continue
        try:
            app.sealed_secret = sealed(opened(app.sealed_secret, app.person), app.person)
            done += 1
        except keys.Unreadable:
            lost += 1
    return Resealed(done, lost)


def turn_on(person: Person, secret: bytes, code: str, *, by: Membership | None, given: str = "") -> bool:
    """Take an app into use, in place of any other, if `code` shows that it makes the right ones.

    `given`: the set-up code from another person, where one is needed; it is used up. Raises Refused when it is wrong.
    """
    step = totp.step_of(_digits(code), secret, totp.step_at(clock.now()), reach=DRIFT)
    if step is None:
        return False
    if set_up_codes.needs_one(person) and not set_up_codes.use(person, given):
        raise Refused(NOT_GIVEN)
    _remove(person)
    person.set_up_by_code = False
    person.authenticator = Authenticator(sealed_secret=sealed(secret, person), last_step=step)
    db.session.flush()
    record(person, "second_factor.added", by=by, person=person.id)
    mail.write_personal(person, "second_factor_added")
    return True


def turn_off(person: Person, *, by: Membership | None) -> None:
    """Be content with a password from now on. Raises Refused where a second factor is compulsory."""
    if person.needs_second_factor:
        raise Refused(COMPULSORY)
    _remove_all(person)
    record(person, "second_factor.removed", by=by, person=person.id)
    mail.write_personal(person, "second_factor_removed")


def reset(person: Person) -> str:
    """Take away what somebody has lost, by the operator's hand. Gives the code that they set up an app anew with."""
    _remove_all(person)
    person.set_up_by_code = True
    record(person, "second_factor.reset", by=None, person=person.id)
    mail.write_personal(person, "second_factor_removed")
    return set_up_codes.issue(person)


def new_recovery_codes(person: Person, *, by: Membership | None) -> Sequence[str]:
    """Ten new codes on paper. They are shown this once; older ones are void."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    db.session.add_all(RecoveryCode(hash=hash_of(code), person_id=person.id) for code in codes)
    record(person, "second_factor.recovery_codes", by=by, person=person.id)
    return codes


def recovery_codes_left(person: Person) -> int:
    """How many of a person's codes on paper are unused."""
    unused = (RecoveryCode.person_id == person.id, RecoveryCode.used_at.is_(None))
    return len(db.session.scalars(select(RecoveryCode.hash).where(*unused)).all())


def method_of(written: str) -> SignInMethod:
    """What somebody wrote: a code of the app or, longer, one from paper."""
    return SignInMethod.CODE if len(_digits(written)) == totp.DIGITS else SignInMethod.RECOVERY_CODE


def check(person: Person, written: str) -> Verdict:
    """Whether this is the person's code now; if so it is used up. Inside a writing transaction."""
    is_of_app = method_of(written) == SignInMethod.CODE
    return _of_app(person, _digits(written)) if is_of_app else _on_paper(person, written)


def hash_of(code: str) -> str:
    """How a recovery code is kept, however it was typed."""
    bare = "".join(letter for letter in code.upper() if letter in RECOVERY_LETTERS)
    return hashlib.sha256(bare.encode()).hexdigest()


def _of_app(person: Person, digits: str) -> Verdict:
    app = db.session.scalar(
        select(Authenticator)
        .where(Authenticator.person_id == person.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if app is None:
        return Verdict.WRONG
    try:
        secret = opened(app.sealed_secret, person)
    except keys.Unreadable:
        _log.error("The secret of an authenticator cannot be read: was the secret key changed?")
        return Verdict.WRONG
    now = totp.step_at(clock.now())
    step = totp.step_of(digits, secret, now, reach=FAR_DRIFT)
    if step is None:
        return Verdict.WRONG
    if abs(step - now) > DRIFT:
        return Verdict.OUT_OF_STEP
    if step <= app.last_step:
        return Verdict.USED
    app.last_step = step
    return Verdict.RIGHT


def _on_paper(person: Person, written: str) -> Verdict:
    mine = (RecoveryCode.hash == hash_of(written), RecoveryCode.person_id == person.id)
    burnt = update(RecoveryCode).where(*mine, RecoveryCode.used_at.is_(None)).values(used_at=clock.now())
    if db.session.execute(burnt.returning(RecoveryCode.hash)).first() is not None:
        return Verdict.RIGHT
    return Verdict.USED if db.session.scalar(select(RecoveryCode.hash).where(*mine)) else Verdict.WRONG


def _remove_all(person: Person) -> None:
    """Passkeys go too: without the app there is no other way in beside the password."""
    db.session.execute(delete(Passkey).where(Passkey.person_id == person.id))
    _remove(person)


def _remove(person: Person) -> None:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    if person.authenticator is not None:
        db.session.delete(person.authenticator)
        db.session.flush()
        db.session.expire(person, ["authenticator"])


def _digits(written: str) -> str:
    return "".join(written.split())


def _recovery_code() -> str:
    groups = ("".join(secrets.choice(RECOVERY_LETTERS) for _ in range(RECOVERY_GROUP)) for _ in range(RECOVERY_GROUPS))
    return "-".join(groups)
