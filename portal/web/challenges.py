"""What a passkey is asked to sign, kept with the browser that was asked, and what it answers."""

from flask import Response
from flask_babel import gettext as _

from portal.extensions import transaction
from portal.model import AttemptKind, Person, SignInMethod
from portal.operations.people import passkeys
from portal.operations.people.passkeys import Asked, Challenge
from portal.web import attempts, sessions

_ASKED = "passkey"


def page(asked: Challenge) -> Response:
    """The challenge for the browser, which alone may answer it."""
    sessions.current()[_ASKED] = list(asked.asked)
    return Response(asked.options, mimetype="application/json")


def taken() -> Asked | None:
    """The challenge that this browser was given last; it is given out once."""
    kept = sessions.current().pop(_ASKED, None)
    return Asked(*kept) if isinstance(kept, list) else None


def fault(person: Person, answer: str) -> str:
    """Why this is no answer of a passkey of the person's, in words; empty when it is. Notes the try.

    Raises TooManyTries.
    """
    asked = taken()
    with transaction():
        attempts.demand_room(AttemptKind.SECOND_FACTOR, person.email)
        shown = passkeys.shown(answer, asked)
        is_right = shown.is_right and shown.person is person
        attempts.note(
            AttemptKind.SECOND_FACTOR, person.email, person=person, succeeded=is_right, method=SignInMethod.PASSKEY
        )
    return "" if is_right else str(_("The passkey was not accepted. Try again, or write a code from the app."))
