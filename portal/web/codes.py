"""The code that somebody writes: of their app, or from paper."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for

from portal.extensions import transaction
from portal.model import AttemptKind, Person
from portal.operations.people import second_factors
from portal.operations.people.second_factors import Verdict
from portal.web import attempts

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
