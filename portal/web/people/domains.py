"""«E-postdomener»: what the addresses of one's own people end in."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import TextAreaField

from portal.errors import Invalid
from portal.extensions import db, transaction
from portal.kinds import Problem
from portal.operations.people import domains
from portal.permissions import Permission
from portal.web.access import current_membership, requires
from portal.web.confirmation import confirmed
from portal.web.words import words

blueprint = Blueprint("domains", __name__, url_prefix="/people/domains")


class DomainsForm(FlaskForm):
    """The domains, one on each line."""

    domains = TextAreaField(N_("Domains, one on each line"))


@blueprint.route("", methods=["GET", "POST"])
@requires(Permission.MEMBER_MANAGE)
@confirmed
def edit() -> ResponseReturnValue:
    """See and change the domains of one's organisation."""
    by, form = current_membership(), DomainsForm()
    if request.method == "GET":
        form.domains.data = "\n".join(domains.of(by.organisation))
        return render_template("people/domains.html", form=form, by=by)
    try:
        with transaction():
            domains.change(form.domains.data or "", by=by)
    except Invalid as refusal:
        db.session.rollback()
        form.domains.errors = [" ".join(words(each.text) for each in refusal.problems if isinstance(each, Problem))]
        return render_template("people/domains.html", form=form, by=by), 422
    flash(_("Stored. Those who have an address elsewhere are marked in the list."), "success")
    return redirect(url_for("members.index"), 303)
