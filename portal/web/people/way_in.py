"""The way in: what is asked after the first proof of who somebody is, and where it leads.

Whoever has shown a password and owes a code is not signed in: there is no session, and no page knows them but the one
that asks for the code, or has them set up the app. That they have come so far stands in their signed cookie.
"""

import uuid
from datetime import datetime, timedelta
from typing import NamedTuple

from flask import g, redirect, url_for
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from werkzeug.wrappers import Response

from portal import clock
from portal.extensions import db, transaction
from portal.model import Person, SignInMethod
from portal.operations.people import identities
from portal.web import access, provider_sessions, sessions
from portal.web.access import safe_target
from portal.web.identity import let_in

LASTS = timedelta(minutes=15)
"""How long the first proof is good for: time enough to install an app."""
KEPT_AS = "halfway"


class Came(NamedTuple):
    """By which identity somebody came from a provider, in which session of its, and for which organisations."""

    identity_id: int
    sid: str
    organisations: list[str]


class Halfway(NamedTuple):
    """Somebody who has shown who they are once, and has to once more."""

    person: Person
    method: SignInMethod
    target: str | None
    came: Came | None


def proceed(person: Person, method: SignInMethod, target: str | None, came: Came | None = None) -> Response:
    """Go on after a first proof, such as the password: to the code, to setting up the app where it is a must, or in.

    `came`: from which provider, where it was one whose word is too little.
    """
    if not owes_more(person):
        with transaction():
            let_in(person, method=method)
        return redirect(onward(target), 303)
    browser = sessions.current()
    browser.clear()
    g.pop("csrf_token", None)
    browser[KEPT_AS] = {
        "person": str(person.public_id),
        "stamp": person.fs_uniquifier,
        "since": clock.now().isoformat(),
        "method": method.value,
        "target": safe_target(target),
        "came": came,
    }
    generate_csrf()
    return redirect(url_for(".code" if person.authenticator else ".set_up_first"), 303)


def owes_more(person: Person) -> bool:
    """Whether something like a password is too little: they have a second factor, or must have one."""
    return person.authenticator is not None or person.needs_second_factor


def halfway() -> Halfway | None:
    """Who is halfway in at this browser: active, with the password they showed, and not for too long."""
    kept = sessions.current().get(KEPT_AS)
    if kept is None or not timedelta() <= clock.now() - datetime.fromisoformat(kept["since"]) < LASTS:
        return None
    person = db.session.scalar(select(Person).where(Person.public_id == uuid.UUID(kept["person"]), Person.active))
    if person is None or person.fs_uniquifier != kept["stamp"]:
        return None
    came = Came(*kept["came"]) if kept.get("came") else None
    if came is not None and came.identity_id not in {each.id for each in identities.identities_of(person)}:
        return None
    return Halfway(person, SignInMethod(kept["method"]), kept["target"], came)


def finish(who: Halfway) -> None:
    """Let in whoever has shown the second thing, too. Inside a writing transaction."""
    membership = identities.membership_for(who.person, who.came.organisations) if who.came else None
    let_in(who.person, membership, method=who.method, is_strong=True)
    if who.came:
        provider_sessions.begin(who.came.identity_id, who.came.sid, "")


def onward(target: str | None) -> str:
    """Where to go once signed in."""
    wanted = safe_target(target)
    if access.acting_membership() is None:
        return url_for("accounts.acting_for", next=wanted)
    return wanted or access.home()
