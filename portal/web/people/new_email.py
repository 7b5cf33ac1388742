"""Another e-mail: asked for with the password, confirmed from the new address, told to the old one."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField

from portal.errors import Refused
from portal.extensions import db, transaction
from portal.model import AttemptKind
from portal.operations import accounts
from portal.operations.people import domains, resets
from portal.web import attempts, passwords, sessions
from portal.web.access import current_person, public, signed_in
from portal.web.confirmation import confirmed
from portal.web.people import keys
from portal.web.people.reset import OUT_OF_A_LETTER
from portal.web.people.sign_in import blueprint
from portal.web.words import words


class EmailForm(FlaskForm):
    """The address that is wanted, and the password."""

    email = StringField(N_("New e-mail"))
    password = PasswordField(N_("Your password"))


@blueprint.route("/change-email", methods=["GET", "POST"])
@signed_in("It changes one's own e-mail only.")
@confirmed
def change_email() -> ResponseReturnValue:
    """Ask for another e-mail. Whether somebody has it already is not told."""
    form, person = EmailForm(), current_person()
    if request.method == "GET" or person.password is None:
        return render_template("people/change_email.html", form=form, person=person)
    email = _checked(form)
    if not form.errors:
        with transaction():
            attempts.demand_room(AttemptKind.NEW_EMAIL, person.email)
        if passwords.owner(person.email, form.password.data or "") is None:
            form.password.errors = [_("This is not your password.")]
    if form.errors:
        return render_template("people/change_email.html", form=form, person=person), 422
    with transaction():
        attempts.note(AttemptKind.NEW_EMAIL, person.email, person=person, succeeded=True)
        resets.ask_for_email(person, email)
    flash(_("We have sent a letter to %(email)s. Follow its link within an hour.", email=email), "success")
    return redirect(url_for(".account"), 303)


@blueprint.route("/new-email", methods=["GET", "POST"])
@public(OUT_OF_A_LETTER)
def confirm_email() -> ResponseReturnValue:
    """Confirm the new address by the key of the letter that came there. Every session ends."""
    if away := keys.taken("email", ".confirm_email"):
        return away
    key = keys.kept("email")
    person = resets.wanted_by(key)
    if request.method == "GET":
        return render_template("people/confirm_email.html", person=person)
    with transaction():
        sessions.end_all(resets.change_email(key))
        sessions.current().end()
    flash(_("Your e-mail is changed. Sign in with the new one."), "success")
    return redirect(url_for(".sign_in"), 303)


def _checked(form: EmailForm) -> str:
    try:
        email = accounts.as_email(form.email.data or "")
        domains.demand_may_move(current_person(), email)
    except Refused as refusal:
        form.email.errors = [words(refusal.text)]
        return ""
    if email == current_person().email:
        form.email.errors = [_("This is your e-mail already.")]
    db.session.rollback()  # nobody waits for the database while the password is looked at
    return email
