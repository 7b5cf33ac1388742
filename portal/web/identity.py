"""Who is who: Flask-Security guards passwords and signing in; every page is ours."""

from datetime import datetime

from flask import Flask, flash, g
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_security.core import RoleMixin, Security
from flask_security.datastore import SQLAlchemyUserDatastore
from flask_security.utils import login_user
from flask_wtf.csrf import generate_csrf

from portal.config import Settings
from portal.extensions import db
from portal.model import Membership, Person, SignInMethod
from portal.web import access, sessions


class People(SQLAlchemyUserDatastore):
    """Where Flask-Security finds persons."""

    def commit(self) -> None:
        """Nothing: the door commits, once, with everything else."""


def init_app(app: Flask, settings: Settings) -> None:
    """Let persons sign in."""
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


def let_in(
    person: Person,
    membership: Membership | None = None,
    *,
    method: SignInMethod,
    is_strong: bool = False,
    shown_at: datetime | None = None,
) -> None:
    """Sign in under a new session with a new form token. Inside a writing transaction.

    Args:
        person: who comes in.
        membership: for whom they act at once.
        method: how they showed who they are.
        is_strong: whether that was more than a password alone.
        shown_at: when that was, if not now.
    """
    browser = sessions.current()
    browser.clear()
    g.pop("csrf_token", None)
    login_user(person)
    generate_csrf()
    if membership is not None:
        access.act_for(membership)
    if person.mail_failed_at is not None:
        with force_locale(person.language):  # the page that they came from may have been in another
            words = _("Letters to %(email)s come back. Look under your account what to do.", email=person.email)
        flash(words, "warning")
    browser.start(person, method=method, is_strong=is_strong, shown_at=shown_at)
