"""For whom one acts."""

import uuid

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from portal.errors import NotFound, Refused
from portal.model import Membership, Person
from portal.operations import accounts
from portal.operations.lookup import NOT_HERE
from portal.operations.people import groups, identities, substitutes
from portal.text import Text
from portal.web import access, provider_sessions, sessions
from portal.web.access import current_person, safe_target, signed_in
from portal.web.labels import in_words
from portal.web.people.sign_in import blueprint

TOO_LITTLE = Text(
    "Her trengs mer enn et passord. Sett opp koder fra en app under kontoen din, og logg inn på nytt.",
    "This takes more than a password. Set up codes from an app under your account, and sign in again.",
)


@blueprint.route("/acting-for", methods=["GET", "POST"])
@signed_in("One chooses here for whom to act.")
def acting_for() -> ResponseReturnValue:
    """Choose for whom to act; only one's own memberships can be chosen."""
    person = current_person()
    if request.method == "GET":
        target = safe_target(request.args.get("next"))
        return render_template(
            "people/acting_for.html",
            memberships=[each for each in person.memberships if provider_sessions.lets_act(each)],
            elsewhere=_elsewhere(person),
            readable=groups.read_by(person),
            substitutions=substitutes.for_person(person),
            next=target,
            in_words=in_words,
        )
    if as_whom := request.form.get("substitution"):
        running = substitutes.running(person, _as_uuid(as_whom))
        if running is None:
            raise NotFound(NOT_HERE)
        if running.absent.needs_second_factor and sessions.current().strong_at is None:
            raise Refused(TOO_LITTLE)
        access.act_for(running.substitute, running)
        return redirect(safe_target(request.form.get("next")) or access.home(), 303)
    if chosen := request.form.get("group"):
        _read_for(person, _as_uuid(chosen))
        return redirect(safe_target(request.form.get("next")) or access.home(), 303)
    membership = accounts.membership_of(person, _as_uuid(request.form.get("membership", "")))
    if membership is None or not provider_sessions.lets_act(membership):
        raise NotFound(NOT_HERE)
    access.act_for(membership)
    return redirect(safe_target(request.form.get("next")) or access.home(), 303)


def _read_for(person: Person, public_id: uuid.UUID) -> None:
    """Read for a buyer of a group. Raises NotFound where they may not, or act here for its head by another way only."""
    row = next((each for each in groups.read_by(person) if each.public_id == public_id), None)
    own = next((each for each in person.memberships if row is not None and each.organisation_id == row.head_id), None)
    if row is None or own is None or not provider_sessions.lets_act(own):
        raise NotFound(NOT_HERE)
    access.act_for(own, reading=row)


def _elsewhere(person: Person) -> list[tuple[Membership, Text]]:
    """The memberships that one acts in only when one came by another way, each with the name of that way."""
    ruled = [(each, identities.governing(each)) for each in person.memberships if not provider_sessions.lets_act(each)]
    return [(membership, provider.name) for membership, provider in ruled if provider is not None]


def _as_uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound(NOT_HERE) from None
