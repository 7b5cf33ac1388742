"""The demo: become one of its persons by one click, try a file with errors, start again."""

import ipaddress
import uuid
from io import BytesIO
from typing import TypedDict
from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Select, select
from sqlalchemy.exc import SQLAlchemyError

from portal.errors import NotFound
from portal.extensions import db, parts, transaction
from portal.files import XLSX
from portal.model import AttemptKind, Membership, OrganisationKind, Person, Report, SignInMethod
from portal.operations import accounts, demo_copy
from portal.operations.entry import practice as practice_files
from portal.operations.lookup import NOT_HERE
from portal.permissions import Permission
from portal.web import access, attempts, waiting
from portal.web.access import public, requires
from portal.web.identity import let_in
from portal.web.labels import roles_of
from portal.web.languages import current_language
from portal.web.security import LOOPBACK

blueprint = Blueprint("demo", __name__)
MADE_UP = "The persons of the demo are made up, and served to this machine only."


class Card(TypedDict):
    """One person of the demo, to become by one click."""

    name: str
    role: str
    organisation: str
    side: OrganisationKind
    waiting: str
    begin: str
    """What is first in the person's list."""
    url: str


@blueprint.get("/personas")
@public(MADE_UP)
def personas() -> ResponseReturnValue:
    """Everybody one can be in the demo."""
    _demand_here()
    can_reset = demo_copy.is_kept(parts().settings)
    return render_template("people/personas.html", personas=_cards(), can_reset=can_reset)


@blueprint.post("/persona/<uuid:public_id>")
@public(MADE_UP)
def become(public_id: uuid.UUID) -> ResponseReturnValue:
    """Become one of the persons of the demo, without a password."""
    _demand_here()
    with transaction():
        membership = db.session.scalar(_playable().where(Membership.public_id == public_id))
        if membership is None:
            raise NotFound(NOT_HERE)
        attempts.note(
            AttemptKind.SIGN_IN,
            membership.person.email,
            person=membership.person,
            succeeded=True,
            method=SignInMethod.PERSONA,
        )
        let_in(membership.person, membership, method=SignInMethod.PERSONA, is_strong=True)
    return redirect(access.home(), 303)


@blueprint.post("/demo/reset")
@public(MADE_UP)
def reset() -> ResponseReturnValue:
    """Put everything back as it was when the demo was made; everybody is signed out by it."""
    _demand_here()
    with transaction():
        demo_copy.bring_back(parts().settings)
    flash(_("The demo is as it was when it was made. Choose who you want to be."), "success")
    return redirect(url_for(".personas"), 303)


@blueprint.get("/demo/practice/<uuid:public_id>")
@requires(Permission.REPORT_EDIT, Report)
def practice(report: Report) -> ResponseReturnValue:
    """A filled-in template of this report with errors in it, to upload and see what happens."""
    _demand_here()
    content = practice_files.spoilt_workbook(report, current_language())
    # TRANSLATORS: the name of a file with errors in it, to try the upload with
    name = _("with-errors-%(reference)s.xlsx", reference=report.contract.reference)
    return send_file(BytesIO(content), mimetype=XLSX, as_attachment=True, download_name=name)


@blueprint.app_template_global("personas")
def cards_for_visitors() -> list[Card]:
    """The persons to choose from beside the sign-in form; none where this is no demo, or the visitor is not here."""
    return _cards() if is_here() else []


def is_demo() -> bool:
    """Whether the demo made this database, so that everybody in it is made up. Not, when it does not answer."""
    try:
        return accounts.is_demo()
    except SQLAlchemyError:  # an error page asks too
        return False


def is_here() -> bool:
    """Only in a demo, and only for somebody who sits at this machine with no proxy in between."""
    if not is_demo() or urlsplit(parts().settings.base_url).hostname not in LOOPBACK:
        return False
    return ipaddress.ip_address(request.remote_addr or "0.0.0.0").is_loopback  # noqa: S104 - an address that is none


def _demand_here() -> None:
    if not is_here():
        raise NotFound(NOT_HERE)


def _playable() -> Select[Membership]:
    here = Person.active, Membership.ended_at.is_(None)
    return select(Membership).join(Membership.person).where(*here).order_by(Membership.id)


def _cards() -> list[Card]:
    return [_card(membership) for membership in db.session.scalars(_playable())]


def _card(membership: Membership) -> Card:
    rows = waiting.everything(membership)
    told = ngettext("%(num)d task waits", "%(num)d tasks wait", len(rows)) if rows else ""
    return {
        "name": membership.person.name,
        "role": roles_of(membership),
        "organisation": membership.organisation.name,
        "side": membership.organisation.kind,
        "waiting": told,
        "begin": f"{rows[0].verb}: {rows[0].contract.title}" if rows else "",
        "url": url_for("demo.become", public_id=membership.public_id),
    }
