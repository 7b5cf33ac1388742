"""A new password for whoever has forgotten theirs, and a new e-mail: each by a letter that works once."""

import secrets
import uuid
from datetime import timedelta

from sqlalchemy import select

from portal.errors import LinkOver, Refused
from portal.extensions import db
from portal.model import Membership, OneTimePurpose, Person, record
from portal.operations import accounts, mail
from portal.operations.people import domains, identities, one_time
from portal.text import Text

LASTS = timedelta(hours=1)

LINK_OVER = Text(
    "En lenke kan brukes én gang, i én time, og bare den nyeste virker. Be om en ny.",
    "A link can be used once, within an hour, and only the newest works. Ask for a new one.",
)
CANNOT_USE = Text(
    "Denne e-postadressen kan ikke brukes. Velg en annen, eller be administratoren din om hjelp.",
    "This e-mail cannot be used. Choose another, or ask your administrator for help.",
)


def ask(email: str, language: str) -> None:
    """Send a letter with a link to whoever has this address. Where nobody has, as much is done, and undone.

    Who has no password and comes by a provider gets no link: an e-mail account must not be a way round the provider.
    They are told where they sign in.
    """
    person = accounts.by_email(email)
    known = person if person is not None and person.active else None
    elsewhere = identities.identities_of(known) if known is not None and known.password is None else []
    somebody = known or Person(email=email, name="", language=language, public_id=uuid.uuid4(), fs_uniquifier="")
    with db.session.begin_nested() as step:
        key = one_time.issue(OneTimePurpose.RESET, str(somebody.public_id), *_as_it_is(somebody), lasts=LASTS)
        mail.write_personal(somebody, "reset", is_secret=True, key=key)
        if known is None or elsewhere:
            step.rollback()
    if known is not None and elsewhere:
        names = [identities.provider_name(each).to(known.language) for each in elsewhere]
        mail.write_personal(known, "reset_elsewhere", providers=names)


def whose(key: str) -> Person:
    """Who may choose a new password by this key. Raises Refused when it works no longer."""
    return _person(OneTimePurpose.RESET, key)


def reset(key: str, stored: str) -> Person:
    """Give the person a new password, as it is kept. The second factor stays, and they are told by letter.

    Whoever has none sets one up only by a code from another person from now on. The door ends their sessions. Raises
    Refused when the key works no longer.
    """
    person = whose(key)
    if not one_time.use(OneTimePurpose.RESET, key, *_as_it_is(person)):
        raise LinkOver(LINK_OVER)
    _give(person, stored)
    person.set_up_by_code = person.set_up_by_code or person.authenticator is None
    mail.write_personal(person, "password_changed", by_letter=True)
    record(person, "person.password_reset", by=None, person=person.id)
    return person


def change(person: Person, stored: str, *, by: Membership | None) -> None:
    """Give somebody who is signed in the new password that they chose, as it is kept. They are told by letter.

    The door ends their other sessions.
    """
    _give(person, stored)
    mail.write_personal(person, "password_changed", by_letter=False)
    record(person, "person.password_changed", by=by, person=person.id)


def ask_for_email(person: Person, written: str) -> str:
    """Note the address that the person wants, and send a letter there. Gives it as it is kept.

    Where it is somebody's already nothing is sent, and nothing is told. Raises Refused when it is no address, or
    outside the domains of an organisation that they have an address of.
    """
    email = accounts.as_email(written)
    domains.demand_may_move(person, email)
    person.new_email = email
    with db.session.begin_nested() as step:
        key = one_time.issue(OneTimePurpose.NEW_EMAIL, str(person.public_id), *_as_it_is(person), email, lasts=LASTS)
        mail.write_personal(_Reached(person, email), "confirm_email", is_secret=True, key=key)
        if accounts.by_email(email) is not None:
            step.rollback()
    return email


def wanted_by(key: str) -> Person:
    """Who wants to change their e-mail by this key, to `new_email`. Raises Refused when it works no longer."""
    person = _person(OneTimePurpose.NEW_EMAIL, key)
    if not person.new_email:
        raise LinkOver(LINK_OVER)
    return person


def change_email(key: str) -> Person:
    """The person has the new address from now on; the old one is told.

    The door ends their sessions. Raises Refused when the key works no longer, the address is somebody's by now, or
    outside the domains that have been named since.
    """
    person = wanted_by(key)
    email, old = person.new_email or "", person.email
    if not one_time.use(OneTimePurpose.NEW_EMAIL, key, *_as_it_is(person), email):
        raise LinkOver(LINK_OVER)
    if accounts.by_email(email) is not None:
        raise Refused(CANNOT_USE)
    domains.demand_may_move(person, email)
    person.former_emails = [*person.former_emails, old]
    person.email, person.new_email, person.fs_uniquifier = email, None, secrets.token_hex(32)
    person.mail_failed_at, person.mail_failure = None, ""
    mail.write_personal(_Reached(person, old), "email_changed")
    record(person, "person.email_changed", by=None, person=person.id)
    return person


class _Reached:
    """A person at another address than the one they sign in with."""

    def __init__(self, person: Person, email: str) -> None:
        self.name, self.language, self.email = person.name, person.language, email


def _give(person: Person, stored: str) -> None:
    person.password, person.fs_uniquifier = stored, secrets.token_hex(32)


def _person(purpose: OneTimePurpose, key: str) -> Person:
    subject = one_time.subject_of(purpose, key)
    is_theirs = Person.public_id == uuid.UUID(subject) if subject else None
    person = db.session.scalar(select(Person).where(is_theirs, Person.active)) if is_theirs is not None else None
    if person is None:
        raise LinkOver(LINK_OVER)
    return person


def _as_it_is(person: Person) -> tuple[str, ...]:
    """What must still be so when a key is used: the address, and the password in use."""
    return person.email, person.fs_uniquifier
