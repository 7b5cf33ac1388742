"""A new password for whoever has forgotten theirs."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField

from portal.extensions import db, transaction
from portal.model import AttemptKind
from portal.operations import accounts
from portal.operations.people import resets
from portal.web import attempts, passwords, sessions
from portal.web.access import public
from portal.web.languages import current_language
from portal.web.people import keys
from portal.web.people.sign_in import blueprint

OUT_OF_A_LETTER = "Whoever has the link in the letter may."


class AskForm(FlaskForm):
    """Whose password was forgotten."""

    email = StringField(N_("E-mail"))


class NewPasswordForm(FlaskForm):
    """The new password twice."""

    new_password = PasswordField(N_("New password"))
    repeated_password = PasswordField(N_("New password again"))


@blueprint.route("/forgotten-password", methods=["GET", "POST"])
@public("Whoever has forgotten the password cannot sign in.")
def ask_reset() -> ResponseReturnValue:
    """Ask for a letter with a link. The answer is the same whether or not somebody has the address."""
    form = AskForm()
    if request.method == "GET":
        return render_template("people/ask_reset.html", form=form, sent_to=None)
    email = attempts.tidy(form.email.data or "")
    if not email:
        form.email.errors = [_("Write your e-mail.")]
        return render_template("people/ask_reset.html", form=form, sent_to=None), 422
    with transaction():
        attempts.demand_room(AttemptKind.RESET, email)
        attempts.note(AttemptKind.RESET, email, person=accounts.by_email(email), succeeded=True)
        resets.ask(email, current_language())
    return render_template("people/ask_reset.html", form=form, sent_to=email)


@blueprint.route("/new-password", methods=["GET", "POST"])
@public(OUT_OF_A_LETTER)
def new_password() -> ResponseReturnValue:
    """Choose a new password by the key of a letter. The second factor stays, and every session ends."""
    if away := keys.taken("reset", ".new_password"):
        return away
    form, person = NewPasswordForm(), resets.whose(keys.kept("reset"))
    if request.method == "GET":
        return render_template("people/new_password.html", form=form, person=person)
    new = form.new_password.data or ""
    form.new_password.errors = passwords.faults(new, person)
    if form.repeated_password.data != form.new_password.data:
        form.repeated_password.errors = [_("The two new passwords are not alike.")]
    if form.errors:
        return render_template("people/new_password.html", form=form, person=person), 422
    db.session.rollback()  # nobody waits for the database while the password is hashed
    stored = passwords.stored(new)
    with transaction():
        sessions.end_all(resets.reset(keys.kept("reset"), stored))
        sessions.current().end()
    flash(_("Your password is changed. Sign in with the new one."), "success")
    return redirect(url_for(".sign_in"), 303)
