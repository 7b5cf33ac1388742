"""Signing in by the word of a provider."""

import logging
import secrets
import uuid
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from flask import Flask, Response, flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal import clock, openid
from portal.errors import Forbidden, NotFound, Refused, Unavailable
from portal.extensions import db, parts, transaction
from portal.model import AttemptKind, Identity, SignInMethod
from portal.openid import Client
from portal.operations.lookup import NOT_HERE
from portal.operations.people import identities
from portal.providers import Provider
from portal.text import Text
from portal.tokens import LEEWAY, BadToken, Claims
from portal.web import access, attempts, confirmation, provider_sessions, sessions
from portal.web.access import current_person, public, safe_target, signed_in
from portal.web.confirmation import confirmed
from portal.web.identity import let_in
from portal.web.languages import current_language
from portal.web.people import way_in
from portal.web.people.sign_in import blueprint

ASKED = "asked_provider"
"""Under which name the session keeps what a provider was asked: the newest only."""
ASKED_FOR = 15 * 60
"""Seconds within which the answer must come."""
LONGEST_SID = 255

STALE = Text(
    "Svaret fra {provider} hører ikke til en innlogging som er i gang i denne nettleseren. Du kan ha brukt en gammel "
    "lenke eller to vinduer, eller ventet for lenge.",
    "The answer from {provider} does not belong to a sign-in that is under way in this browser. You may have used an "
    "old link or two windows, or waited for too long.",
)
BROKEN_OFF = Text(
    "Innloggingen hos {provider} ble avbrutt, så du er ikke logget inn.",
    "The sign-in at {provider} was broken off, so you are not signed in.",
)
NOT_BELIEVED = Text(
    "Svaret fra {provider} stemmer ikke med det vi ba om, så du er ikke logget inn. Skjer det igjen, så si fra til den "
    "som driver portalen.",
    "The answer from {provider} is not what we asked for, so you are not signed in. If it happens again, tell whoever "
    "runs the portal.",
)
NO_ANSWER = Text(
    "{provider} svarer ikke akkurat nå. Prøv igjen om litt.",
    "{provider} does not answer just now. Please try again in a moment.",
)

_log = logging.getLogger(__name__)


class Stopped(Exception):
    """A sign-in that came to nothing: what the person is told, and why, for the log."""

    def __init__(self, provider: Provider, status: int, text: Text, why: str) -> None:
        super().__init__(why)
        self.provider, self.status, self.text = provider, status, text.with_values(provider=provider.name)


class What(StrEnum):
    """What somebody is sent to a provider for."""

    SIGNS_IN = "signs_in"
    CONNECTS = "connects"
    CONFIRMS = "confirms"


class Arrival(NamedTuple):
    """What a provider says of somebody who comes back from it."""

    client: Client
    id_token: str
    claims: Claims

    @property
    def sid(self) -> str:
        """What the provider calls its session; empty where it calls it nothing that we can keep."""
        sid = self.claims.get("sid")
        return sid if isinstance(sid, str) and len(sid) <= LONGEST_SID else ""

    @property
    def organisations(self) -> list[str]:
        """Numbers of the organisations for whom the person comes."""
        fixed = self.client.provider.organisation
        return openid.organisations(self.claims) or ([fixed] if fixed else [])


class Button(NamedTuple):
    """One way to sign in elsewhere."""

    key: str
    name: Text


def init_app(app: Flask) -> None:
    """Show the buttons, and answer what stops."""
    app.add_template_global(ways_in, "ways_in")
    app.add_template_global(confirmable, "confirmable")
    app.register_error_handler(Stopped, _stopped)


def ways_in() -> list[Button]:
    """The providers by which one may sign in, as the settings order them."""
    return [Button(key, client.provider.name) for key, client in parts().providers.items()]


@blueprint.get("/sign-in/with/<key>")
@public("Nobody is signed in before.")
def sign_in_with(key: str) -> ResponseReturnValue:
    """Go to a provider to sign in. Nothing is stored but in this browser's own cookie."""
    client, wanted = client_of(key), safe_target(request.args.get("next"))
    if sessions.current().person:
        return redirect(wanted or access.home(), 303)
    return make_response(redirect(_asking(client, wanted, What.SIGNS_IN), 303))


@blueprint.post("/account/connect/<key>")
@signed_in("It connects one's own account only.")
@confirmed
def connect(key: str) -> ResponseReturnValue:
    """Go to a provider to connect what it calls the person to their account."""
    client = client_of(key)
    return _on_the_way(client, _asking(client, None, What.CONNECTS))


@blueprint.post("/account/confirm/<key>")
@signed_in("It is about whoever is signed in only.")
def confirm_at(key: str) -> ResponseReturnValue:
    """Go to a provider to show once more who one is, for those who have nothing else to show it by."""
    client = client_of(key)
    return _on_the_way(client, _asking(client, safe_target(request.form.get("next")), What.CONFIRMS))


@blueprint.get("/sign-in/from/<key>")
@public("The browser comes back here from a provider, before anybody is signed in.")
def back_from(key: str) -> ResponseReturnValue:
    """Sign in, or connect, by the token that the provider gives for the code."""
    client = client_of(key)
    asked = _asked(client)
    db.session.rollback()  # nobody waits for us while we wait for the provider
    arrival = _arrival(client, asked)
    match asked.get("what"):
        case What.CONNECTS:
            return _connected(arrival)
        case What.CONFIRMS:
            return _confirmed(arrival, asked)
        case _:
            return _signed_in(arrival, asked["next"])


@blueprint.post("/account/disconnect/<uuid:public_id>")
@signed_in("It disconnects one's own account only.")
@confirmed
def disconnect(public_id: uuid.UUID) -> ResponseReturnValue:
    """Take away one of one's own ways in."""
    with transaction():
        identities.disconnect(current_person(), public_id)
    flash(_("It is disconnected. You can no longer sign in that way."), "success")
    return redirect(url_for(".account"), 303)


def connected() -> list[tuple[Identity, Text]]:
    """The identities of whoever is signed in, each with the name of its provider."""
    return [(each, identities.provider_name(each)) for each in identities.identities_of(current_person())]


def connectable(own: Iterable[Identity]) -> list[Button]:
    """The providers that one's account is not connected to."""
    issuers = {each.issuer for each in own}
    return [each for each in ways_in() if parts().providers[each.key].provider.issuer not in issuers]


def client_of(key: str) -> Client:
    """The provider of this name, which stands in the address. Raises NotFound."""
    found = parts().providers.get(key)
    if found is None:
        raise NotFound(NOT_HERE)
    return found


def confirmable() -> list[Button]:
    """The providers at which whoever is signed in can show once more who they are."""
    issuers = {each.issuer for each in identities.identities_of(current_person())}
    return [each for each in ways_in() if parts().providers[each.key].provider.issuer in issuers]


def _on_the_way(client: Client, url: str) -> ResponseReturnValue:
    # No redirect: the policy of our pages lets a form lead to our own pages only.
    return render_template("people/on_the_way.html", url=url, provider=client.provider), {"Refresh": f"0; url={url}"}


def _asking(client: Client, wanted: str | None, what: What) -> str:
    """Where the browser is sent at the provider; its session remembers what for."""
    key, state, secret = client.provider.key, secrets.token_urlsafe(32), parts().settings.secret_key
    session[ASKED] = {
        "key": key,
        "state": state,
        "mark": openid.drawn(secret, "mark", state),
        "next": wanted or "",
        "at": int(clock.now().timestamp()),
        "what": what,
    }
    return client.authorize_url(
        state=state,
        nonce=openid.drawn(secret, "nonce", state),
        verifier=openid.drawn(secret, "verifier", state),
        back=_back(key),
        language=current_language(),
        anew=what == What.CONFIRMS,
    )


def _asked(client: Client) -> dict[str, Any]:
    """What this browser asked the provider, once: the answer must be to that. Raises Stopped."""
    provider, asked = client.provider, session.pop(ASKED, None)
    state = request.args.get("state", "")
    is_ours = (
        isinstance(asked, dict)
        and asked["key"] == provider.key
        and secrets.compare_digest(asked["state"].encode(), state.encode())
        and 0 <= clock.now().timestamp() - asked["at"] + 1 <= ASKED_FOR
        and request.args.get("iss", provider.issuer) == provider.issuer
    )
    if not is_ours:
        raise Stopped(provider, 400, STALE, "state")
    if "error" in request.args or not request.args.get("code"):
        raise Stopped(provider, 400, BROKEN_OFF, "the provider gave no code")
    return dict(asked)


def _arrival(client: Client, asked: Mapping[str, Any]) -> Arrival:
    """The provider's token for the code, and what it says. Raises Stopped."""
    provider, state, secret = client.provider, asked["state"], _secret(client.provider, asked)
    verifier, nonce = openid.drawn(secret, "verifier", state), openid.drawn(secret, "nonce", state)
    try:
        token = client.id_token(request.args["code"], verifier=verifier, back=_back(provider.key))
        return Arrival(client, token, client.claims(token, nonce))
    except (BadToken, openid.Refused) as wrong:
        raise Stopped(provider, 400, NOT_BELIEVED, str(wrong)) from wrong
    except Unavailable as silent:
        raise Stopped(provider, 503, NO_ANSWER, str(silent)) from silent


def _secret(provider: Provider, asked: Mapping[str, Any]) -> str:
    """The secret key with which this was asked: it may have been changed while the browser was away. Raises Stopped."""
    own = parts().settings
    for key in (own.secret_key, *own.secret_key_fallbacks):
        if secrets.compare_digest(openid.drawn(key, "mark", asked["state"]), str(asked.get("mark"))):
            return key
    raise Stopped(provider, 400, STALE, "the secret key has been changed")


def _signed_in(arrival: Arrival, wanted: str) -> ResponseReturnValue:
    client, claims = arrival.client, arrival.claims
    provider = client.provider
    try:
        with transaction():
            identity = identities.arriving(provider, claims)
            has_a_role = identities.has_a_role(identity.person)
            is_enough = client.is_strong(claims) or not way_in.owes_more(identity.person)
            if has_a_role and is_enough:
                _let_in(arrival, identity)
            elif not has_a_role and provider.groups:
                sessions.end_all(identity.person)
    except (Forbidden, Refused) as refused:
        raise Stopped(provider, 403, refused.text, refused.text.en) from refused
    if not has_a_role:
        raise Stopped(provider, 403, identities.NO_ROLES, "no role is left")
    if not is_enough:
        came = way_in.Came(identity.id, arrival.sid, arrival.organisations)
        return way_in.proceed(identity.person, SignInMethod.PROVIDER, wanted, came=came)
    wanted = safe_target(wanted) or ""
    if access.acting_membership() is None:
        return redirect(url_for(".acting_for", next=wanted or None), 303)
    return redirect(wanted or access.home(), 303)


def _let_in(arrival: Arrival, identity: Identity) -> None:
    person = identity.person
    membership = identities.membership_for(person, arrival.organisations)
    client, claims = arrival.client, arrival.claims
    # A session there may be old: then it shows who they are well enough to come in, and not for what is grave.
    shown_at = client.shown_at(claims) or clock.now() - confirmation.LASTS
    let_in(person, membership, method=SignInMethod.PROVIDER, is_strong=client.is_strong(claims), shown_at=shown_at)
    provider_sessions.begin(identity.id, arrival.sid, arrival.id_token)
    attempts.note(AttemptKind.SIGN_IN, person.email, person=person, succeeded=True, method=SignInMethod.PROVIDER)


def _connected(arrival: Arrival) -> ResponseReturnValue:
    provider, person = arrival.client.provider, sessions.current().person
    if person is None:
        raise Stopped(provider, 400, STALE, "nobody is signed in any more")
    if not confirmation.is_fresh():
        raise Stopped(provider, 400, STALE, "it is too long since the person showed who they are")
    try:
        with transaction():
            identities.connect(person, provider, arrival.claims)
    except (Forbidden, Refused) as refused:
        raise Stopped(provider, 403, refused.text, refused.text.en) from refused
    name = provider.name.to(current_language())
    flash(_("Your account is connected. From now on you can sign in with %(name)s.", name=name), "success")
    return redirect(url_for(".account"), 303)


def _confirmed(arrival: Arrival, asked: Mapping[str, Any]) -> ResponseReturnValue:
    """Whoever is signed in has shown it anew, if it is they, and since they were asked."""
    client, person = arrival.client, sessions.current().person
    shown_at, claims = client.shown_at(arrival.claims), arrival.claims
    own = identities.identities_of(person) if person is not None else []
    is_theirs = any(each.issuer == client.provider.issuer and each.subject == claims["sub"] for each in own)
    if not is_theirs or shown_at is None or shown_at.timestamp() < asked["at"] - LEEWAY:
        raise Stopped(client.provider, 403, NOT_BELIEVED, "it is another person, or they showed nothing anew")
    with transaction():
        sessions.current().confirm(is_strong=client.is_strong(claims))
    flash(_("Thank you. Now do once more what you were about to do."), "success")
    return redirect(safe_target(asked["next"]) or url_for(".account"), 303)


def _stopped(error: Stopped) -> Response:
    _log.warning("A sign-in through %s stopped: %s", error.provider.key, error)
    db.session.rollback()
    page = render_template("people/provider_stopped.html", message=error.text, provider=error.provider)
    return make_response(page, error.status)


def _back(key: str) -> str:
    return ours(url_for(".back_from", key=key))


def ours(path: str) -> str:
    """An address of ours as others must write it: never what the request claims that we are called."""
    return parts().settings.base_url + path
