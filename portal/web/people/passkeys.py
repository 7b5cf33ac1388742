"""Passkeys: signing in by one, and keeping one's own."""

import uuid

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField

from portal.errors import NotFound
from portal.extensions import transaction
from portal.model import AttemptKind, Passkey, SignInMethod
from portal.operations.lookup import NOT_HERE
from portal.operations.people import passkeys
from portal.web import access, attempts, challenges, sessions
from portal.web.access import current_person, public, signed_in
from portal.web.confirmation import confirmed
from portal.web.identity import let_in
from portal.web.people import way_in
from portal.web.people.sign_in import blueprint


class PasskeyForm(FlaskForm):
    """What the browser made, and what its owner calls it."""

    name = StringField(N_("What do you call it?"))
    credential = HiddenField()


@blueprint.post("/sign-in/passkey/challenge")
@public("Nobody is signed in before.")
def passkey_challenge() -> ResponseReturnValue:
    """What the browser is to answer with a passkey of anybody here, or of whoever is signed in."""
    with transaction():
        attempts.demand_room(AttemptKind.SIGN_IN, _whoever())
    asked = passkeys.ask_who(sessions.current().person)
    return challenges.page(asked)


@blueprint.post("/sign-in/passkey")
@public("Nobody is signed in before.")
def sign_in_by_passkey() -> ResponseReturnValue:
    """Sign in by the answer of a passkey: it is two factors at once, the device and what unlocks it."""
    asked = challenges.taken()
    with transaction():
        attempts.demand_room(AttemptKind.SIGN_IN, _whoever())
        person, is_right = passkeys.shown(request.form.get("credential", ""), asked)
        # A wrong try stands in its owner's history, and under no e-mail: nobody is locked out by it.
        email = person.email if person and is_right else _whoever()
        attempts.note(AttemptKind.SIGN_IN, email, person=person, succeeded=is_right, method=SignInMethod.PASSKEY)
        if person is not None and is_right:
            let_in(person, method=SignInMethod.PASSKEY, is_strong=True)
    if not is_right:
        flash(_("The passkey was not accepted. Try again, or use e-mail and password."), "warning")
        return redirect(url_for(".sign_in", next=access.safe_target(request.form.get("next"))), 303)
    return redirect(way_in.onward(request.form.get("next")), 303)


@blueprint.post("/account/passkeys/challenge")
@signed_in("It asks for a passkey of one's own only.")
@confirmed
def new_passkey_challenge() -> ResponseReturnValue:
    """What the browser is to make a passkey with."""
    return challenges.page(passkeys.ask_for_new(current_person()))


@blueprint.route("/account/passkeys/new", methods=["GET", "POST"])
@signed_in("It adds a passkey of one's own only.")
@confirmed
def new_passkey() -> ResponseReturnValue:
    """Name a passkey and have the browser make it."""
    form, person, by = PasskeyForm(), current_person(), access.own_membership()
    passkeys.demand_room(person)
    if request.method == "GET":
        return render_template("people/new_passkey.html", form=form)
    browser, asked = sessions.current(), challenges.taken()
    with transaction():
        passkeys.add(person, form.credential.data or "", asked, form.name.data or "", by=by)
        sessions.end_all(person, but=browser)
        browser.renew()
    flash(_("The passkey is added. You are signed out everywhere else."), "success")
    return redirect(url_for(".account"), 303)


@blueprint.post("/account/passkeys/<uuid:public_id>/remove")
@signed_in("It removes a passkey of one's own only.")
@confirmed
def remove_passkey(public_id: uuid.UUID) -> ResponseReturnValue:
    """Remove one of one's own passkeys."""
    person, by, browser = current_person(), access.own_membership(), sessions.current()
    own: Passkey | None = next((each for each in passkeys.of(person) if each.public_id == public_id), None)
    if own is None:
        raise NotFound(NOT_HERE)
    with transaction():
        passkeys.remove(own, person, by=by)
        sessions.end_all(person, but=browser)
        browser.renew()
    flash(_("The passkey is removed. You are signed out everywhere else."), "success")
    return redirect(url_for(".account"), 303)


def _whoever() -> str:
    """Nobody's e-mail: who tries is not known before a passkey has answered, so only where they come from counts."""
    return ""
