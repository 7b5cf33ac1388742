"""The code that somebody writes: of their app, or from paper."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for

from portal.extensions import transaction
from portal.model import AttemptKind, Membership, Person, SignInMethod
from portal.operations.people import second_factors, set_up_codes
from portal.operations.people.second_factors import Verdict
from portal.web import attempts
from portal.web.words import words

LONGEST = 60
FAULTS = {
    Verdict.WRONG: N_("The code is wrong. Look in the app and write the six digits that it shows now."),
    Verdict.USED: N_("This code has been used. Wait until the app shows the next one, and write that."),
    Verdict.OUT_OF_STEP: N_(
        "The code belongs to another time. The clock of your phone is wrong: set it to automatic and try again."
    ),
}


def fault(person: Person, written: str | None) -> str:
    """Why this is not the person's code now, in words; empty when it is, and then it is used up.

    Notes the try. Raises TooManyTries.
    """
    if not written or not written.strip():
        return str(_("Write the code."))
    with transaction():
        attempts.demand_room(AttemptKind.SECOND_FACTOR, person.email)
        code, method = written[:LONGEST], second_factors.method_of(written)
        verdict = second_factors.check(person, code)
        is_right = verdict == Verdict.RIGHT
        attempts.note(AttemptKind.SECOND_FACTOR, person.email, person=person, succeeded=is_right, method=method)
    return "" if is_right else str(FAULTS[verdict])


def set_up_fault(person: Person, written: str | None) -> str:
    """Why this is not the set-up code that the person needs, in words; empty when it is, or when they need none.

    Notes a wrong try. Raises TooManyTries.
    """
    if not set_up_codes.needs_one(person):
        return ""
    if not written or not written.strip():
        return str(_("Write the set-up code that you were given."))
    with transaction():
        attempts.demand_room(AttemptKind.SECOND_FACTOR, person.email)
        is_right = set_up_codes.is_theirs(person, written[:LONGEST])
        if not is_right:
            _note_set_up(person, succeeded=False)
    return "" if is_right else str(words(second_factors.NOT_GIVEN))


def turn_on(person: Person, secret: bytes, code: str, given: str, *, by: Membership | None) -> bool:
    """Take an app into use, and note the set-up code if it took one. Inside a writing transaction. Raises Refused."""
    takes_code = set_up_codes.needs_one(person)
    is_on = second_factors.turn_on(person, secret, code, by=by, given=given[:LONGEST])
    if is_on and takes_code:
        _note_set_up(person, succeeded=True)
    return is_on


def _note_set_up(person: Person, *, succeeded: bool) -> None:
    attempts.note(
        AttemptKind.SECOND_FACTOR, person.email, person=person, succeeded=succeeded, method=SignInMethod.SET_UP_CODE
    )
