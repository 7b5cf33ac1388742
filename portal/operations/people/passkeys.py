"""Passkeys: keys of a phone, a computer or a security key, made for this portal, that sign somebody in."""

import json
import logging
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import select
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from portal import clock
from portal.config import Settings
from portal.errors import Refused
from portal.extensions import db, parts
from portal.model import Membership, OneTimePurpose, Passkey, Person, record
from portal.operations import mail
from portal.operations.people import one_time
from portal.text import Text

LASTS = timedelta(minutes=5)
"""How long a challenge waits for its answer."""
MOST = 20
LONGEST_NAME = 60
LONGEST_ANSWER = 20_000
SITE = "Klimakontrakt"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

NOT_TAKEN = Text(
    "Passnøkkelen ble ikke godtatt. Ingenting er lagret. Prøv igjen.",
    "The passkey was not accepted. Nothing was stored. Try again.",
)
TOO_MANY = Text(
    "Du har {most} passnøkler. Fjern en som du ikke bruker, og prøv igjen.",
    "You have {most} passkeys. Remove one that you do not use, and try again.",
)
APP_FIRST = Text(
    "Sett opp koder fra app først. De er veien inn når passnøkkelen ikke er for hånden.",
    "Set up codes from an app first. They are the way in when the passkey is not at hand.",
)
NAMELESS = Text("Passnøkkel", "Passkey")

_log = logging.getLogger(__name__)

USUAL_PORT = {"http": 80, "https": 443}
"""What a browser leaves out of an origin."""


class Site(NamedTuple):
    """Whom a passkey is made for, and from where it may be used."""

    rp_id: str
    origins: list[str]


class Challenge(NamedTuple):
    """What a browser is asked: its words as JSON, and the secret in them, that works once."""

    options: str
    secret: str


def site(settings: Settings) -> Site:
    """This portal, as browsers know it. A passkey cannot be made for an address in numbers: this machine is a name."""
    address = urlsplit(settings.base_url)
    host = address.hostname or ""
    name = "localhost" if host in LOOPBACK else host
    port = f":{address.port}" if address.port not in {None, USUAL_PORT.get(address.scheme)} else ""
    return Site(name, [f"{address.scheme}://{name}{port}"])


def ask_for_new(person: Person) -> Challenge:
    """Ask a browser to make a passkey for a person. Raises Refused."""
    demand_room(person)
    secret = one_time.issue(OneTimePurpose.PASSKEY, f"new {person.public_id}", lasts=LASTS)
    options = generate_registration_options(
        rp_id=site(parts().settings).rp_id,
        rp_name=SITE,
        user_id=person.public_id.bytes,
        user_name=person.email,
        user_display_name=person.name,
        challenge=base64url_to_bytes(secret),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each.credential_id) for each in of(person)],
    )
    return Challenge(options_to_json(options), secret)


def add(person: Person, answer: str, secret: str, name: str, *, by: Membership | None) -> Passkey:
    """Keep the passkey that a browser has made. Raises Refused."""
    demand_room(person)
    credential = _read(answer)
    _use(secret, f"new {person.public_id}")
    where = site(parts().settings)
    try:
        made = verify_registration_response(
            credential=dict(credential),
            expected_challenge=base64url_to_bytes(secret),
            expected_rp_id=where.rp_id,
            expected_origin=where.origins,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, LookupError, TypeError) as wrong:
        raise _refused(wrong) from wrong
    if db.session.scalar(select(Passkey.id).where(Passkey.credential_id == made.credential_id)) is not None:
        raise Refused(NOT_TAKEN)
    row = Passkey(
        person_id=person.id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=_tidy(name, person.language),
    )
    db.session.add(row)
    db.session.flush()
    record(person, "passkey.added", by=by, person=person.id)
    mail.write_personal(person, "passkey_added", name=row.name)
    return row


def remove(passkey: Passkey, person: Person, *, by: Membership | None) -> None:
    """Take away a passkey of this person's."""
    db.session.delete(passkey)
    db.session.flush()
    record(person, "passkey.removed", by=by, person=person.id)
    mail.write_personal(person, "passkey_removed", name=passkey.name)


def ask_who(person: Person | None = None) -> Challenge:
    """Ask a browser for a passkey of this person's, or of anybody who has one for this portal."""
    secret = one_time.issue(OneTimePurpose.PASSKEY, secrets.token_hex(16), lasts=LASTS)
    own = of(person) if person else []
    options = generate_authentication_options(
        rp_id=site(parts().settings).rp_id,
        challenge=base64url_to_bytes(secret),
        allow_credentials=[PublicKeyCredentialDescriptor(id=each.credential_id) for each in own],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Challenge(options_to_json(options), secret)


def owner(answer: str, secret: str) -> Person | None:
    """The active person whose passkey has answered the challenge; none when it is wrong in any way.

    Inside a writing transaction: the challenge is used up, and the passkey has been used.
    """
    where = site(parts().settings)
    try:
        credential = _read(answer)
        _use(secret)
        sought = Passkey.credential_id == base64url_to_bytes(str(credential.get("rawId", "")))
        found = db.session.execute(
            select(Passkey, Person)
            .join(Person, Person.id == Passkey.person_id)
            .where(sought)
            .with_for_update(of=Passkey)
        ).one_or_none()
        if found is None or not found[1].active:
            return None
        passkey, person = found
        shown = verify_authentication_response(
            credential=dict(credential),
            expected_challenge=base64url_to_bytes(secret),
            expected_rp_id=where.rp_id,
            expected_origin=where.origins,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Refused:
        return None
    except (WebAuthnException, ValueError, LookupError, TypeError) as wrong:
        _log.info("A passkey was not accepted: %s", type(wrong).__name__)
        return None
    passkey.sign_count, passkey.last_used_at = shown.new_sign_count, clock.now()
    return person


def of(person: Person) -> list[Passkey]:
    """A person's passkeys, the oldest first."""
    return list(db.session.scalars(select(Passkey).where(Passkey.person_id == person.id).order_by(Passkey.id)))


def demand_room(person: Person) -> None:
    """Refuse one too many, and a first one before there is another way in."""
    if person.authenticator is None:
        raise Refused(APP_FIRST)
    if len(of(person)) >= MOST:
        raise Refused(TOO_MANY.with_values(most=MOST))


def _read(answer: str) -> Mapping[str, Any]:
    try:
        credential = json.loads(answer) if len(answer) <= LONGEST_ANSWER else None
    except (ValueError, RecursionError):
        credential = None
    if not isinstance(credential, dict):
        raise Refused(NOT_TAKEN)
    return credential


def _use(secret: str, subject: str | None = None) -> None:
    is_theirs = subject is None or one_time.subject_of(OneTimePurpose.PASSKEY, secret) == subject
    if not is_theirs or not one_time.use(OneTimePurpose.PASSKEY, secret):
        raise Refused(NOT_TAKEN)


def _refused(wrong: Exception) -> Refused:
    _log.info("A new passkey was not accepted: %s", type(wrong).__name__)
    return Refused(NOT_TAKEN)


def _tidy(name: str, language: str) -> str:
    return " ".join(name.split())[:LONGEST_NAME] or NAMELESS.to(language)
