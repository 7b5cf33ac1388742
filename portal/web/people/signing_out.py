"""Signing out: here, at the provider that one came from, and here because one signed out there."""

import logging

from flask import Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security.utils import logout_user
from flask_wtf.csrf import CSRFProtect

from portal.extensions import db, transaction
from portal.operations.people import identities
from portal.tokens import BadToken
from portal.web import provider_sessions, sessions
from portal.web.access import public
from portal.web.people.providers import client_of
from portal.web.people.sign_in import blueprint

_log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Let providers tell us of those who signed out there."""
    guard: CSRFProtect = app.extensions["csrf"]
    guard.exempt(ended)  # a provider has no form of ours: it signs what it sends


@blueprint.post("/sign-out")
@public("Signing out is never refused.")
def sign_out() -> ResponseReturnValue:
    """End the session, here and on the server; one that began at a provider is ended there too."""
    with transaction():
        elsewhere = provider_sessions.elsewhere()
        logout_user()
        sessions.current().end()
    if elsewhere:
        # No redirect: the policy of our pages lets a form lead to our own pages only.
        return render_template("people/signed_out.html", url=elsewhere), {"Refresh": f"0; url={elsewhere}"}
    flash(_("You are signed out."), "success")
    return redirect(url_for(".sign_in"), 303)


@blueprint.post("/sign-in/from/<key>/ended")
@public("A provider tells, in a token it has signed, that somebody signed out there.")
def ended(key: str) -> ResponseReturnValue:
    """Back-channel logout: end the sessions that the provider's token names."""
    client, token = client_of(key), request.form.get("logout_token", "")
    db.session.rollback()  # nobody waits for us while the provider's keys are fetched
    try:
        claims = client.signed_out(token)
    except BadToken as wrong:
        _log.warning("A logout token of %s is refused: %s", key, wrong)
        return {"error": "invalid_request"}, 400
    with transaction():
        count = identities.end_sessions_of(client.provider, claims)
    _log.info("%s ended %d sessions", key, count)
    return "", 200


@blueprint.get("/sign-in/from/<key>/signed-out")
@public("A provider's page loads this without the browser's cookie; the session's id there, a secret, names it.")
def signed_out_there(key: str) -> ResponseReturnValue:
    """Front-channel logout: end the session whose id stands in the address."""
    provider, sid = client_of(key).provider, request.args.get("sid", "")
    if request.args.get("iss") != provider.issuer or not sid:
        return "", 400
    with transaction():
        identities.end_sessions_of(provider, {"sid": sid})
    return "", 200
