"""The other end of an invitation: joining with an account that one has, or with a new one."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField

from portal.extensions import db, transaction
from portal.model import Invitation, Person
from portal.operations import accounts
from portal.operations.people import invitations
from portal.web import access, passwords, sessions
from portal.web.access import public
from portal.web.labels import in_words
from portal.web.languages import current_language
from portal.web.people import keys
from portal.web.people.reset import OUT_OF_A_LETTER
from portal.web.people.sign_in import blueprint

LONGEST_NAME = 200


class NewcomerForm(FlaskForm):
    """Who somebody new is, and the password twice."""

    name = StringField(N_("Your name"))
    new_password = PasswordField(N_("Password"))
    repeated_password = PasswordField(N_("Password again"))


@blueprint.route("/invitation", methods=["GET", "POST"])
@public(OUT_OF_A_LETTER)
def invitation() -> ResponseReturnValue:
    """Join an organisation by the key of a letter: as oneself, or as somebody new."""
    if away := keys.taken("invitation", ".invitation"):
        return away
    key = keys.kept("invitation")
    found = invitations.found(key)
    known = accounts.by_email(found.email)
    if known is None:
        return _newcomer(key, found)
    person = sessions.current().person
    if request.method == "GET" or person is None:
        again = url_for(".invitation", key=key)
        sign_in = url_for(".sign_in", next=again)
        page = render_template(
            "people/invitation.html", found=found, roles=in_words(found.roles), person=person, sign_in=sign_in
        )
        return page if request.method == "GET" else (page, 422)
    with transaction():
        access.act_for(invitations.accept(key, person))
    flash(_("You now act for %(firm)s.", firm=found.organisation.name), "success")
    return redirect(access.home(), 303)


def _newcomer(key: str, found: Invitation) -> ResponseReturnValue:
    form = NewcomerForm()
    if request.method == "GET":
        return _newcomer_page(form, found)
    name, new = " ".join((form.name.data or "").split()), form.new_password.data or ""
    if not 0 < len(name) <= LONGEST_NAME:
        form.name.errors = [_("Write your name.")]
    form.new_password.errors = passwords.faults(new, Person(email=found.email, name=name), found.organisation.name)
    if form.repeated_password.data != new:
        form.repeated_password.errors = [_("The two passwords are not alike.")]
    if form.errors:
        return _newcomer_page(form, found), 422
    firm = found.organisation.name
    db.session.rollback()  # nobody waits for the database while the password is hashed
    stored = passwords.stored(new)
    with transaction():
        invitations.accept_anew(key, name, stored, current_language())
        sessions.current().end()
    flash(_("You now act for %(firm)s. Sign in with your e-mail and the password that you chose.", firm=firm))
    return redirect(url_for(".sign_in"), 303)


def _newcomer_page(form: NewcomerForm, found: Invitation) -> str:
    return render_template("people/newcomer.html", form=form, found=found, roles=in_words(found.roles))
