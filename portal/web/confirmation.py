"""Showing once more who one is, before what a borrowed or forgotten browser must not be good for."""

from datetime import timedelta
from functools import wraps
from typing import Any

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField

from portal import clock
from portal.extensions import begin_writing, db, transaction
from portal.model import Person, SignInMethod
from portal.operations.people import passkeys
from portal.web import access, challenges, codes, passwords, sessions
from portal.web.access import View, current_person, marked

LASTS = timedelta(minutes=15)
"""How long somebody who has shown who they are is taken at their word."""
PREFIX = "confirm"


class ConfirmForm(FlaskForm):
    """What shows who somebody is: a code or a passkey where they have an app for it, else the password."""

    code = StringField(N_("Code"))
    credential = HiddenField()
    password = PasswordField(N_("Your password"))


def confirmed(view: View) -> View:
    """Let a view act only for somebody who has shown within LASTS who they are. Goes below `requires` or `signed_in`.

    Others are asked first. The fields that they sent travel through that page and reach the view with the answer, so
    nothing is lost; files do not. A view that is read this way must take a POST too, for the answer.
    """

    @wraps(view)
    def guarded(*found: Any, **values: Any) -> ResponseReturnValue:
        if is_fresh():
            return view(*found, **values)
        form, person = ConfirmForm(prefix=PREFIX), current_person()
        if request.method != "POST" or _answer(form, person) is None:
            return _page(form, person), 401
        fault = _fault(form, person)
        if fault:
            (form.code if person.authenticator else form.password).errors = [fault]
            return _page(form, person), 422
        with transaction():
            sessions.current().confirm(is_strong=person.authenticator is not None)
        if _was_reading():
            return redirect(access.here(), 303)
        begin_writing()
        db.session.expire_all()  # others may have written while the answer was looked at
        return view(*found, **values)

    return marked(guarded, confirmed=True)


def is_fresh() -> bool:
    """Whether somebody has shown who they are within LASTS.

    A person of the demo is made up, has nothing to show, and came in by one click.
    """
    browser = sessions.current()
    return browser.method == SignInMethod.PERSONA or clock.now() - browser.confirmed_at < LASTS


def _answer(form: ConfirmForm, person: Person) -> str | None:
    """What was answered; None when nobody has been asked yet."""
    fields = (form.credential, form.code) if person.authenticator else (form.password,)
    return next((request.form[field.name] for field in fields if field.name in request.form), None)


def _fault(form: ConfirmForm, person: Person) -> str:
    """Why the answer does not show who they are, in words; empty when it does. Raises TooManyTries."""
    if person.authenticator and form.credential.name in request.form:
        return challenges.fault(person, form.credential.data or "")
    if person.authenticator:
        return codes.fault(person, form.code.data)
    if passwords.owner(person.email, form.password.data or "") is None:
        return str(_("This is not your password now."))
    return ""


def _was_reading() -> bool:
    return f"{PREFIX}-reading" in request.form


def _page(form: ConfirmForm, person: Person) -> str:
    is_reading = request.method != "POST" or _was_reading()
    carried = [] if is_reading else [each for each in request.form.items(multi=True) if _is_carried(each[0])]
    back = access.page_in_view() if request.method == "POST" else None
    return render_template(
        "people/confirm.html",
        form=form,
        person=person,
        has_passkey=bool(passkeys.of(person)),
        carried=carried,
        reading=f"{PREFIX}-reading" if is_reading else "",
        again=access.here(),
        back=back or access.home(),
    )


def _is_carried(name: str) -> bool:
    return name != "csrf_token" and not name.startswith(f"{PREFIX}-") and "password" not in name
