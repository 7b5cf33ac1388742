"""Signing in and out, for whom one acts, and one's own account."""

import math
import secrets
import uuid
from datetime import timedelta

from flask import Blueprint, Flask, Response, flash, g, has_request_context, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_security.core import RoleMixin, Security
from flask_security.datastore import SQLAlchemyUserDatastore
from flask_security.utils import login_user, logout_user
from flask_wtf import FlaskForm
from flask_wtf.csrf import generate_csrf
from wtforms import HiddenField, PasswordField, StringField

from portal.config import Settings
from portal.errors import NotFound
from portal.extensions import db, parts, transaction
from portal.model import Membership, Person, Role
from portal.operations import accounts
from portal.operations.lookup import NOT_HERE
from portal.text import LANGUAGES, Text
from portal.web import access, errors, labels, passwords, sessions
from portal.web.access import current_person, public, safe_target, signed_in

blueprint = Blueprint("accounts", __name__)

TOO_MANY_TRIES = Text(
    "Det er prøvd feil passord for mange ganger. Vent {minutes} min og prøv igjen.",
    "The wrong password was tried too many times. Wait {minutes} min and try again.",
)
LANGUAGE_KEPT_FOR = timedelta(days=365)


class People(SQLAlchemyUserDatastore):
    """Where Flask-Security finds persons."""

    def commit(self) -> None:
        """Nothing: the door commits, once, with everything else."""


def init_app(app: Flask, settings: Settings) -> None:
    """Let persons sign in. Flask-Security guards passwords and sign-in; every page is ours."""
    sessions.init_app(app, settings)
    app.config.update(
        SESSION_PROTECTION=None,  # it signs out whoever changes network
        SECURITY_CLI_USERS_NAME=None,
        SECURITY_CLI_ROLES_NAME=None,
        SECURITY_JOIN_USER_ROLES=False,
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 - the name of an algorithm
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_SINGLE_HASH={"argon2"},  # a lost or changed secret key locks nobody out
        SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS={
            "argon2__type": "ID",
            "argon2__memory_cost": 19456,
            "argon2__time_cost": 2,
            "argon2__parallelism": 1,
        },
    )
    security = Security()
    security.init_app(app, People(db, Person, RoleMixin), register_blueprint=False)
    security.login_manager.user_loader(lambda _id: sessions.current().person)
    security.login_manager.request_loader(None)  # no way in by a token in the address
    app.register_error_handler(passwords.TooManyTries, _too_many_tries)


# -- signing in -------------------------------------------------------------------------------------------------------


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
        return redirect(_onward(request.args.get("next")), 303)
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
    with transaction():
        let_in(person)
    return redirect(_onward(form.next.data), 303)


@blueprint.post("/sign-out")
@public("Signing out is never refused.")
def sign_out() -> ResponseReturnValue:
    """End the session, here and on the server."""
    with transaction():
        logout_user()
        sessions.current().end()
    flash(_("You are signed out."), "success")
    return redirect(url_for(".sign_in"), 303)


def _sign_in_page(form: SignInForm) -> str:
    return render_template("accounts/sign_in.html", form=form)


def _onward(target: str | None) -> str:
    wanted = safe_target(target)
    if access.acting_membership() is None:
        return url_for(".acting_for", next=wanted)
    return wanted or access.home()


def _too_many_tries(error: passwords.TooManyTries) -> Response:
    seconds = math.ceil(error.wait.total_seconds())
    text = TOO_MANY_TRIES.with_values(minutes=math.ceil(seconds / 60))
    return errors.page(429, text, {"Retry-After": str(seconds)})


def let_in(person: Person, membership: Membership | None = None) -> None:
    """Sign in under a new session with a new form token. Inside a writing transaction."""
    browser = sessions.current()
    browser.clear()
    g.pop("csrf_token", None)
    login_user(person)
    generate_csrf()
    if membership is not None:
        access.act_for(membership)
    browser.start(person)


# -- for whom one acts ------------------------------------------------------------------------------------------------


@blueprint.route("/acting-for", methods=["GET", "POST"])
@signed_in("One chooses here for whom to act.")
def acting_for() -> ResponseReturnValue:
    """Choose for whom to act; only one's own memberships can be chosen."""
    person = current_person()
    if request.method == "GET":
        target = safe_target(request.args.get("next"))
        return render_template(
            "accounts/acting_for.html", memberships=person.memberships, next=target, roles_of=roles_of
        )
    membership = accounts.membership_of(person, _as_uuid(request.form.get("membership", "")))
    if membership is None:
        raise NotFound(NOT_HERE)
    access.act_for(membership)
    return redirect(safe_target(request.form.get("next")) or access.home(), 303)


def roles_of(membership: Membership) -> str:
    """The roles of a membership in words."""
    return ", ".join(str(labels.ROLE[role]) for role in Role if role in membership.roles)


def _as_uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound(NOT_HERE) from None


# -- one's own account ------------------------------------------------------------------------------------------------


class PasswordForm(FlaskForm):
    """The password in use, and the new one twice."""

    password = PasswordField(N_("Your password now"))
    new_password = PasswordField(N_("New password"))
    repeated_password = PasswordField(N_("New password again"))


@blueprint.get("/account")
@signed_in("It shows one's own account only.")
def account() -> ResponseReturnValue:
    """Who one is here, in which language, and in how many browsers one is signed in."""
    person = current_person()
    return render_template("accounts/account.html", person=person, browsers=sessions.count_of(person))


@blueprint.post("/account/end-other-sessions")
@signed_in("It ends one's own sessions only.")
def end_other_sessions() -> ResponseReturnValue:
    """Sign out in all browsers but this one."""
    with transaction():
        sessions.end_all(current_person(), but=sessions.current())
    flash(_("You are signed out everywhere else."), "success")
    return redirect(url_for(".account"), 303)


@blueprint.route("/change-password", methods=["GET", "POST"])
@signed_in("It changes one's own password only.")
def change_password() -> ResponseReturnValue:
    """Change one's password, which ends every other session of the person."""
    form, person = PasswordForm(), current_person()
    if request.method == "GET" or person.password is None:
        return render_template("accounts/change_password.html", form=form, person=person)
    new, by = form.new_password.data or "", access.acting_membership()
    form.new_password.errors = passwords.faults(new, person)
    if form.repeated_password.data != form.new_password.data:
        form.repeated_password.errors = [_("The two new passwords are not alike.")]
    if not form.errors and passwords.owner(person.email, form.password.data or "") is None:
        form.password.errors = [_("This is not your password now.")]
    if form.errors:
        return render_template("accounts/change_password.html", form=form, person=person), 422
    stored = passwords.stored(new)
    with transaction():
        person.password, person.fs_uniquifier = stored, secrets.token_hex(32)
        sessions.end_all(person)
        let_in(person, by)
    flash(_("Your password is changed. You are signed out everywhere else."), "success")
    return redirect(url_for(".account"), 303)


# -- language ---------------------------------------------------------------------------------------------------------


def current_language() -> str:
    """The reader's language: chosen in this browser, else the person's own, else bokmål."""
    if not has_request_context():
        return LANGUAGES[0]
    browser = sessions.current()
    if browser.language is None:  # a page asks a thousand times
        wanted = (request.cookies.get(_language_cookie()), browser.person.language if browser.person else None)
        browser.language = next((code for code in wanted if code in LANGUAGES), LANGUAGES[0])
    return browser.language


@blueprint.route("/language/<code>", methods=["GET", "POST"])
@public("Everybody chooses in which language to read.")
def choose_language(code: str) -> ResponseReturnValue:
    """Read in another language. A link does it for this browser only; a form for the person's letters too."""
    if code not in LANGUAGES:
        raise NotFound(NOT_HERE)
    person = sessions.current().person
    if request.method == "POST" and person:
        with transaction():
            person.language = code
    response = redirect(safe_target(request.values.get("next")) or access.home(), 303)
    response.set_cookie(
        _language_cookie(),
        code,
        max_age=LANGUAGE_KEPT_FOR,
        secure=parts().settings.secure_cookies,
        httponly=True,
        samesite="Lax",
    )
    return response


def _language_cookie() -> str:
    return sessions.cookie_name("language", parts().settings)
