"""Codes that let somebody set up a second factor, from hand to hand and not by letter.

Whoever has chosen a new password by a letter, or lost their second factor, has shown no more than that they read an
e-mail account. Setting up an app then takes a code that another person gives them, who knows that it is they. The first
password after an invitation is another matter: docs/sign-in.md says why.
"""

import secrets
from datetime import timedelta

from portal import permissions
from portal.errors import Refused
from portal.model import Membership, OneTimePurpose, Person, record
from portal.operations.people import one_time, powers
from portal.permissions import Permission
from portal.text import Text

LASTS = timedelta(hours=1)
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""What nobody mistakes for another when it is read aloud: no I, no O, no 0, no 1."""
GROUPS, GROUP = 3, 4
"""60 random bits: enough for an hour in which few tries are let through."""

NOT_YOURS = Text(
    "Du kan ikke gi {name} en oppsettskode. Be den som drifter portalen, om hjelp.",
    "You cannot give {name} a set-up code. Ask those who run the portal for help.",
)


def needs_one(person: Person) -> bool:
    """Whether this person cannot set up an app on their own. Whoever has an app shows that one instead."""
    return person.authenticator is None and person.set_up_by_code


def may_be_given_by(by: Membership, member: Membership) -> bool:
    """Whether an administrator can give a member a code: not to themselves, and to nobody who is with others too.

    The second factor opens every organisation that the person acts for, and what they come to do there later: nobody of
    the others has been asked.
    """
    theirs = {own.organisation_id for own in member.person.memberships}
    return (
        needs_one(member.person)
        and member.ended_at is None
        and member.person_id != by.person_id
        and theirs <= {by.organisation_id}
    )


def give(member: Membership, *, by: Membership) -> str:
    """A new code for a member, to be told by telephone or in person; older ones are void.

    The other administrators get a letter. Raises Refused.
    """
    permissions.demand(by, Permission.MEMBER_MANAGE)
    if not may_be_given_by(by, member):
        raise Refused(NOT_YOURS.with_values(name=member.person.name))
    record(member, "second_factor.code_given", by=by)
    powers.tell_of_set_up_code(member, by=by)
    return issue(member.person)


def issue(person: Person) -> str:
    """A new code, by the operator's hand; older ones are void."""
    code = "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))
    one_time.issue(OneTimePurpose.SET_UP, str(person.public_id), person.email, lasts=LASTS, secret=_bare(code))
    return code


def is_theirs(person: Person, written: str) -> bool:
    """Whether this is a code that the person was given and has not used, however it is typed."""
    return one_time.subject_of(OneTimePurpose.SET_UP, _bare(written)) == str(person.public_id)


def use(person: Person, written: str) -> bool:
    """Use the person's code up, if it is one. Inside a writing transaction."""
    return is_theirs(person, written) and one_time.use(OneTimePurpose.SET_UP, _bare(written), person.email)


def _bare(written: str) -> str:
    return "".join(letter for letter in written.upper() if letter in LETTERS)
