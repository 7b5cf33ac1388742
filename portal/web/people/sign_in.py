"""Signing in by e-mail and password."""

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField

from portal.model import SignInMethod
from portal.web import passwords, sessions
from portal.web.access import public, safe_target
from portal.web.people import way_in

blueprint = Blueprint("accounts", __name__)


class SignInForm(FlaskForm):
    """E-mail and password."""

    email = StringField(N_("E-mail"))
    password = PasswordField(N_("Password"))
    next = HiddenField()


@blueprint.route("/sign-in", methods=["GET", "POST"])
@public("Nobody is signed in before this page.")
def sign_in() -> ResponseReturnValue:
    """Sign in by e-mail and password. Whether the e-mail or the password is wrong is not told."""
    form = SignInForm()
    if sessions.current().person:
        return redirect(way_in.onward(request.args.get("next")), 303)
    if request.method == "GET":
        form.next.data = safe_target(request.args.get("next"))
        return _sign_in_page(form)
    email = (form.email.data or "").strip().lower()
    for field, missing in ((form.email, _("Write your e-mail.")), (form.password, _("Write your password."))):
        if not field.data:
            field.errors = [missing]
    if form.errors:
        return _sign_in_page(form), 422
    person = passwords.owner(email, form.password.data or "")
    if person is None:
        form.form_errors.append(_("The e-mail or the password is wrong. Check both and try again."))
        return _sign_in_page(form), 422
    return way_in.proceed(person, SignInMethod.PASSWORD, form.next.data)


def _sign_in_page(form: SignInForm) -> str:
    return render_template("people/sign_in.html", form=form)
