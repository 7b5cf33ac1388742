"""The front door: what waits for whoever is signed in, the accessibility statement, and how the portal is guarded."""

from datetime import timedelta

from flask import Blueprint, Response, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.extensions import parts, transaction
from portal.operations import first_steps as steps
from portal.permissions import Permission
from portal.web import first_steps, passwords, waiting
from portal.web.access import acting_membership, current_membership, public, requires
from portal.web.deadlines import working_days_left
from portal.web.sessions import current

SECURITY_TXT_LASTS = timedelta(days=180)

blueprint = Blueprint("pages", __name__)
blueprint.add_app_template_filter(working_days_left)


@blueprint.get("/")
@public("a welcome for everybody, and for those who are signed in what waits for them")
def home() -> ResponseReturnValue:
    """«Mine oppgaver», or what this is."""
    by = acting_membership()
    if by is not None:
        rows = waiting.everything(by)
        return render_template("pages/home.html", rows=rows, by=by, steps=first_steps.shown(by))
    if current().person is not None:
        return redirect(url_for("accounts.acting_for"), 303)
    return render_template("pages/welcome.html")


@blueprint.post("/first-steps/hide")
@requires(Permission.OWN_ACCOUNT)
def hide_first_steps() -> ResponseReturnValue:
    """Put «Kom i gang» away, for good."""
    with transaction():
        steps.hide(current_membership())
    return redirect(url_for(".home"), 303)


@blueprint.get("/accessibility")
@public("a statement that the law wants everybody to be able to read")
def accessibility() -> ResponseReturnValue:
    """How accessible the portal is, what is known to be missing, and where to tell."""
    return render_template("pages/accessibility.html")


@blueprint.get("/security")
@public("whoever files here may know how it is guarded, and where to tell of a fault")
def security() -> ResponseReturnValue:
    """What is in place, and where to tell of a fault."""
    settings = parts().settings
    return render_template(
        "pages/security.html",
        is_searched=bool(settings.scanner_url),
        contact=settings.security_contact,
        fewest=passwords.SHORTEST,
    )


@blueprint.get("/.well-known/security.txt")
@public("who looks for faults looks here first")
def security_txt() -> ResponseReturnValue:
    """Where to tell of a fault, as RFC 9116 wants it; not there while nobody is named."""
    settings = parts().settings
    if not settings.security_contact:
        abort(404)
    lines = (
        f"Contact: {settings.security_contact}",
        f"Expires: {clock.now() + SECURITY_TXT_LASTS:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: nb, en",
        f"Canonical: {settings.base_url}{url_for('.security_txt')}",
        f"Policy: {settings.base_url}{url_for('.security')}",
    )
    return Response("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
