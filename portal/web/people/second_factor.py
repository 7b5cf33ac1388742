"""The second factor: the code at sign-in, and setting up the app that makes it."""

import base64
from typing import NamedTuple

import segno
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField

from portal import keys
from portal.extensions import transaction
from portal.model import Membership, Person
from portal.operations.people import second_factors, set_up_codes, totp
from portal.operations.people.second_factors import Verdict
from portal.web import access, codes, sessions
from portal.web.access import current_person, public, signed_in
from portal.web.confirmation import confirmed
from portal.web.people import way_in
from portal.web.people.sign_in import blueprint
from portal.web.people.way_in import Halfway

QR_SCALE = 5


class CodeForm(FlaskForm):
    """A code of the app, or one of the recovery codes."""

    code = StringField(N_("Code"))


class SetUpForm(FlaskForm):
    """The first code of a new app, and its secret, sealed; the set-up code from another person, where it is needed."""

    sealed = HiddenField()
    given = StringField(N_("Set-up code from an administrator"))
    code = StringField(N_("Code that the app shows"))


class NewApp(NamedTuple):
    """What an app is set up with: as an image to point the phone at, and as a key to type."""

    sealed: str
    key: str
    image: str


# -- signing in -------------------------------------------------------------------------------------------------------


@blueprint.route("/sign-in/code", methods=["GET", "POST"])
@public("Whoever is asked for a code is not signed in yet.")
def code() -> ResponseReturnValue:
    """Ask for the code of the app, after the password."""
    who = way_in.halfway()
    if who is None or who.person.authenticator is None:
        return _from_the_start()
    form = CodeForm()
    if request.method == "GET":
        return render_template("people/code.html", form=form)
    fault = codes.fault(who.person, form.code.data)
    if fault:
        form.code.errors = [fault]
        return render_template("people/code.html", form=form), 422
    with transaction():
        way_in.finish(who)
    return redirect(way_in.onward(who.target), 303)


@blueprint.route("/sign-in/set-up", methods=["GET", "POST"])
@public("Whoever must set up an app before they come in is not signed in yet.")
def set_up_first() -> ResponseReturnValue:
    """Set up the app on the way in, for those who must have one."""
    who = way_in.halfway()
    if who is None or who.person.authenticator is not None:
        return _from_the_start()
    return _set_up(who.person, None, url_for(".sign_in"), who)


# -- one's own account ------------------------------------------------------------------------------------------------


@blueprint.route("/account/authenticator", methods=["GET", "POST"])
@signed_in("It sets up one's own app only.")
@confirmed
def authenticator() -> ResponseReturnValue:
    """Set up an app, or the app on a new phone."""
    return _set_up(current_person(), access.own_membership(), url_for(".account"), None)


@blueprint.post("/account/authenticator/remove")
@signed_in("It takes away one's own app only.")
@confirmed
def remove_authenticator() -> ResponseReturnValue:
    """Be content with the password again, where that may be."""
    person, by, browser = current_person(), access.own_membership(), sessions.current()
    if person.authenticator is None:
        return redirect(url_for(".account"), 303)
    with transaction():
        second_factors.turn_off(person, by=by)
        sessions.end_all(person, but=browser)
        browser.strong_at = None
        browser.renew()
    flash(_("You sign in with the password alone from now on. You are signed out everywhere else."), "success")
    return redirect(url_for(".account"), 303)


@blueprint.post("/account/recovery-codes")
@signed_in("It makes one's own codes only.")
@confirmed
def recovery_codes() -> ResponseReturnValue:
    """New recovery codes; the old ones are void."""
    person, by = current_person(), access.own_membership()
    if person.authenticator is None:
        return redirect(url_for(".account"), 303)
    with transaction():
        paper = second_factors.new_recovery_codes(person, by=by)
    return render_template("people/recovery_codes.html", codes=paper, onward=url_for(".account"))


def _set_up(person: Person, by: Membership | None, back: str, who: Halfway | None) -> ResponseReturnValue:
    """The page that sets up an app; `who`: somebody on the way in, whom it lets in when it is done."""
    form = SetUpForm()
    secret = _secret_sent(form, person) if request.method == "POST" else None
    if secret is None:
        return _set_up_page(form, person, totp.new_secret(), back)
    fault = codes.set_up_fault(person, form.given.data)
    if fault:
        form.given.errors = [fault]
        return _set_up_page(form, person, secret, back), 422
    with transaction():
        if codes.turn_on(person, secret, form.code.data or "", form.given.data or "", by=by):
            paper = second_factors.new_recovery_codes(person, by=by)
            browser = sessions.current()
            sessions.end_all(person, but=browser)
            if who:
                way_in.finish(who)
            else:
                browser.confirm(is_strong=True)
        else:
            paper = None
    if paper is None:
        form.code.errors = [codes.FAULTS[Verdict.WRONG]]
        return _set_up_page(form, person, secret, back), 422
    onward = way_in.onward(who.target) if who else url_for(".account")
    return render_template("people/recovery_codes.html", codes=paper, onward=onward, is_new=True)


def _set_up_page(form: SetUpForm, person: Person, secret: bytes, back: str) -> str:
    address = totp.as_address(secret, person.email)
    app = NewApp(
        base64.urlsafe_b64encode(second_factors.sealed(secret, person)).decode(),
        totp.as_key(secret),
        segno.make(address, error="m").svg_data_uri(scale=QR_SCALE, border=4),
    )
    form.sealed.data = app.sealed
    needs_code = set_up_codes.needs_one(person)
    return render_template(
        "people/authenticator.html", form=form, app=app, person=person, back=back, needs_code=needs_code
    )


def _secret_sent(form: SetUpForm, person: Person) -> bytes | None:
    """The secret that the page was made with; none when it was tampered with, so that the page is made anew."""
    try:
        return second_factors.opened(base64.urlsafe_b64decode(form.sealed.data or ""), person)
    except (keys.Unreadable, ValueError):
        return None


def _from_the_start() -> ResponseReturnValue:
    if sessions.current().person is None:
        flash(_("It took too long, or you had not written your password. Sign in from the start."), "info")
    return redirect(url_for(".sign_in"), 303)
