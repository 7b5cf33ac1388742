"""Passkeys: keys of a phone, a computer or a security key, made for this portal, that sign somebody in."""

import json
import logging
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
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
SECRET_BYTES = 32
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


class Asked(NamedTuple):
    """What a browser was asked to sign. It keeps that itself, signed by us: anybody may ask, and nothing is stored."""

    secret: str
    until: str
    """The moment, in ISO 8601."""
    whose: str
    """Who may make a new passkey with it, a public id; empty: it is for showing one."""


class Challenge(NamedTuple):
    """What a browser is asked: its words as JSON, and what it must keep to answer."""

    options: str
    asked: Asked


class Shown(NamedTuple):
    """Whose passkey was shown, where it is known and they are active, and whether it answered right."""

    person: Person | None
    is_right: bool


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
    asked = _new(str(person.public_id))
    options = generate_registration_options(
        rp_id=site(parts().settings).rp_id,
        rp_name=SITE,
        user_id=person.public_id.bytes,
        user_name=person.email,
        user_display_name=person.name,
        challenge=base64url_to_bytes(asked.secret),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each.credential_id) for each in of(person)],
    )
    return Challenge(options_to_json(options), asked)


def add(person: Person, answer: str, asked: Asked | None, name: str, *, by: Membership | None) -> Passkey:
    """Keep the passkey that a browser has made. Raises Refused."""
    demand_room(person)
    credential = _read(answer)
    asked = _demand_open(asked, str(person.public_id))
    where = site(parts().settings)
    try:
        made = verify_registration_response(
            credential=dict(credential),
            expected_challenge=base64url_to_bytes(asked.secret),
            expected_rp_id=where.rp_id,
            expected_origin=where.origins,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, LookupError, TypeError) as wrong:
        raise _refused(wrong) from wrong
    is_known = db.session.scalar(select(Passkey.id).where(Passkey.credential_id == made.credential_id)) is not None
    if is_known or not _burn(asked):
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
    asked = _new("")
    own = of(person) if person else []
    options = generate_authentication_options(
        rp_id=site(parts().settings).rp_id,
        challenge=base64url_to_bytes(asked.secret),
        allow_credentials=[PublicKeyCredentialDescriptor(id=each.credential_id) for each in own],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Challenge(options_to_json(options), asked)


def shown(answer: str, asked: Asked | None) -> Shown:
    """Whose passkey has answered, and whether the answer is right.

    Inside a writing transaction: a right answer uses the challenge up, and the passkey has been used.
    """
    found = None
    try:
        credential = _read(answer)
        found = _found(base64url_to_bytes(str(credential.get("rawId", ""))))
        if found is None:
            return Shown(None, is_right=False)
        return Shown(found[1], is_right=_is_right(*found, credential, _demand_open(asked, "")))
    except Refused:
        pass
    except (WebAuthnException, ValueError, LookupError, TypeError) as wrong:
        _log.info("A passkey was not accepted: %s", type(wrong).__name__)
    return Shown(found[1] if found else None, is_right=False)


def _found(credential_id: bytes) -> tuple[Passkey, Person] | None:
    row = db.session.execute(
        select(Passkey, Person)
        .join(Person, Person.id == Passkey.person_id)
        .where(Passkey.credential_id == credential_id)
        .with_for_update(of=Passkey)
    ).one_or_none()
    return (row[0], row[1]) if row is not None and row[1].active else None


def _is_right(passkey: Passkey, person: Person, credential: Mapping[str, Any], asked: Asked) -> bool:
    where = site(parts().settings)
    verified = verify_authentication_response(
        credential=dict(credential),
        expected_challenge=base64url_to_bytes(asked.secret),
        expected_rp_id=where.rp_id,
        expected_origin=where.origins,
        credential_public_key=passkey.public_key,
        credential_current_sign_count=0,  # held against ours below, when it is known that the passkey has signed it
        require_user_verification=True,
    )
    if not _burn(asked):
        return False
    count = verified.new_sign_count
    if count <= passkey.sign_count and (count or passkey.sign_count):
        record(person, "passkey.counted_back", by=None, person=person.id)
        mail.write_personal(person, "passkey_counted_back", name=passkey.name)
        return False
    passkey.sign_count, passkey.last_used_at = count, clock.now()
    return True


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


def _new(whose: str) -> Asked:
    return Asked(secrets.token_urlsafe(SECRET_BYTES), (clock.now() + LASTS).isoformat(), whose)


def _demand_open(asked: Asked | None, whose: str) -> Asked:
    """Refuse a challenge that was never put to this browser, was for something else, or has waited too long."""
    if asked is None or asked.whose != whose or clock.now() >= datetime.fromisoformat(asked.until):
        raise Refused(NOT_TAKEN)
    return asked


def _burn(asked: Asked) -> bool:
    return one_time.burn(OneTimePurpose.PASSKEY, asked.secret, until=datetime.fromisoformat(asked.until))


def _refused(wrong: Exception) -> Refused:
    _log.info("A new passkey was not accepted: %s", type(wrong).__name__)
    return Refused(NOT_TAKEN)


def _tidy(name: str, language: str) -> str:
    return " ".join(name.split())[:LONGEST_NAME] or NAMELESS.to(language)
