"""One's own account: password, where one is signed in, and who has tried to come in."""

import uuid
from typing import NamedTuple

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import PasswordField

from portal.extensions import transaction
from portal.model import Person, WebSession
from portal.operations.people import passkeys, resets, second_factors
from portal.web import access, attempts, browsers, passwords, sessions
from portal.web.access import current_person, signed_in
from portal.web.confirmation import confirmed
from portal.web.people import providers
from portal.web.people.sign_in import blueprint


class Row(NamedTuple):
    """A browser in which somebody is signed in."""

    session: WebSession
    is_here: bool


class PasswordForm(FlaskForm):
    """The password in use, and the new one twice."""

    password = PasswordField(N_("Your password now"))
    new_password = PasswordField(N_("New password"))
    repeated_password = PasswordField(N_("New password again"))


@blueprint.get("/account")
@signed_in("It shows one's own account only.")
def account() -> ResponseReturnValue:
    """Who one is here, in which language, and where one is signed in."""
    person = current_person()
    connected = providers.connected()
    return render_template(
        "people/account.html",
        person=person,
        browsers=_browsers(person),
        connected=connected,
        connectable=providers.connectable(each for each, _name in connected),
        passkeys=passkeys.of(person),
        codes_left=second_factors.recovery_codes_left(person),
    )


@blueprint.post("/account/end-other-sessions")
@signed_in("It ends one's own sessions only.")
def end_other_sessions() -> ResponseReturnValue:
    """Sign out in all browsers but this one."""
    with transaction():
        sessions.end_all(current_person(), but=sessions.current())
    flash(_("You are signed out everywhere else."), "success")
    return redirect(url_for(".account"), 303)


@blueprint.post("/account/sessions/<uuid:public_id>/end")
@signed_in("It ends one's own sessions only.")
def end_session(public_id: uuid.UUID) -> ResponseReturnValue:
    """Sign out in one other browser, or in this."""
    browser = sessions.current()
    with transaction():
        ended = browsers.end(current_person(), public_id)
        if ended.id_hash == browser.id_hash:
            browser.end()
    flash(_("You are signed out there."), "success")
    return redirect(url_for(".account"), 303)


@blueprint.post("/account/letters-arrive")
@signed_in("It is about one's own e-mail only.")
def letters_arrive() -> ResponseReturnValue:
    """The address is right after all: say no more of the letter that came back."""
    with transaction():
        person = current_person()
        person.mail_failed_at, person.mail_failure = None, ""
    flash(_("Thank you. We go on sending letters to %(email)s.", email=person.email), "success")
    return redirect(url_for(".account"), 303)


@blueprint.get("/account/history")
@signed_in("It shows one's own attempts only.")
def history() -> ResponseReturnValue:
    """When, how and from where somebody has tried to come in as this person."""
    found = attempts.history(current_person())
    return render_template("people/history.html", attempts=found, days=attempts.SHOWN_FOR.days)


@blueprint.route("/change-password", methods=["GET", "POST"])
@signed_in("It changes one's own password only.")
@confirmed
def change_password() -> ResponseReturnValue:
    """Change one's password, which ends every other session of the person."""
    form, person = PasswordForm(), current_person()
    if request.method == "GET" or person.password is None:
        return render_template("people/change_password.html", form=form, person=person)
    new, browser, by = form.new_password.data or "", sessions.current(), access.own_membership()
    form.new_password.errors = passwords.faults(new, person)
    if form.repeated_password.data != form.new_password.data:
        form.repeated_password.errors = [_("The two new passwords are not alike.")]
    if not form.errors and passwords.owner(person.email, form.password.data or "") is None:
        form.password.errors = [_("This is not your password now.")]
    if form.errors:
        return render_template("people/change_password.html", form=form, person=person), 422
    stored = passwords.stored(new)
    with transaction():
        resets.change(person, stored, by=by)
        sessions.end_all(person, but=browser)
        browser.renew()
    flash(_("Your password is changed. You are signed out everywhere else."), "success")
    return redirect(url_for(".account"), 303)


def _browsers(person: Person) -> list[Row]:
    """This browser first, then those that were seen last."""
    here = sessions.current().id_hash
    found = sorted(browsers.of(person), key=lambda row: row.id_hash != here)
    return [Row(row, is_here=row.id_hash == here) for row in found]
