"""The front door: what waits for whoever is signed in, and the accessibility statement."""

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.extensions import transaction
from portal.operations import first_steps as steps
from portal.permissions import Permission
from portal.web import first_steps, waiting
from portal.web.access import acting_membership, current_membership, public, requires
from portal.web.deadlines import working_days_left
from portal.web.sessions import current

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
