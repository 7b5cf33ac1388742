"""Somebody from outside is appointed to decide one case, and is so no longer."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField

from portal.errors import Invalid, Refused
from portal.extensions import db, transaction
from portal.model import Appointment, Deviation
from portal.operations.people import appointments, invitations
from portal.permissions import Permission
from portal.web.access import current_membership, requires
from portal.web.cases.cases import blueprint
from portal.web.confirmation import confirmed
from portal.web.words import words


class AppointForm(FlaskForm):
    """Who is to decide, and why nobody of the buyer's own does."""

    email = StringField(N_("E-mail"))
    reason = TextAreaField(N_("Why do you appoint somebody from outside?"))


@blueprint.route("/<uuid:public_id>/outsider", methods=["GET", "POST"])
@requires(Permission.SIGHT_EDIT, Deviation)
@confirmed
def appoint(deviation: Deviation) -> ResponseReturnValue:
    """Ask somebody from outside to decide this case, and nothing else."""
    form = AppointForm()
    if request.method == "GET":
        return _page(form, deviation)
    try:
        with transaction():
            row = invitations.appoint(deviation, form.email.data or "", form.reason.data or "", by=current_membership())
    except Invalid as refusal:
        form.reason.errors = [words(refusal.text)]
    except Refused as refusal:
        form.email.errors = [words(refusal.text)]
    if form.errors:
        db.session.rollback()
        return _page(form, deviation), 422
    flash(_("An invitation is on its way to %(email)s. It can be used for seven days.", email=row.invitation.email))
    return redirect(url_for(".show", public_id=deviation.public_id), 303)


@blueprint.post("/outsiders/<uuid:public_id>/end")
@requires(Permission.SIGHT_EDIT, Appointment)
def end_appointment(row: Appointment) -> ResponseReturnValue:
    """They see nothing any more, from the next page they open."""
    with transaction():
        appointments.end(row, by=current_membership())
    flash(_("The appointment has ended. They see nothing of the case any more."), "success")
    return redirect(url_for(".show", public_id=row.deviation.public_id), 303)


def _page(form: AppointForm, deviation: Deviation) -> str:
    return render_template("cases/outsider.html", form=form, deviation=deviation)
