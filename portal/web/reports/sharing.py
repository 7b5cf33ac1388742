"""The page where one tank's or charger's amount is divided over the machines that used it."""

import uuid

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, SelectMultipleField, StringField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.widgets import CheckboxInput, ListWidget

from portal.errors import Invalid, NotFound
from portal.extensions import transaction
from portal.kinds import Kind, Problem
from portal.model import Report
from portal.operations.contracts import contracts
from portal.operations.entry import sharing
from portal.operations.lookup import NOT_HERE
from portal.permissions import Permission
from portal.web.access import current_membership, requires
from portal.web.languages import current_language

blueprint = Blueprint("sharing", __name__)


class ShareForm(FlaskForm):
    """What the tank gave, and which lines it is divided over."""

    version = IntegerField()
    carrier = SelectField(lazy_gettext("What was filled or charged"), validate_choice=False)
    total = StringField(lazy_gettext("How much the tank or charger gave"))
    over = SelectMultipleField(
        lazy_gettext("Machines that used it"),
        validate_choice=False,
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )


@blueprint.route("/reports/<uuid:public_id>/sections/<key>/share", methods=["GET", "POST"])
@requires(Permission.REPORT_EDIT, Report)
def share(report: Report, key: str) -> ResponseReturnValue:
    """Divide by hours; every share is marked as allocated and can be changed afterwards."""
    if key not in {section.kind for section in report.sections}:
        raise NotFound(NOT_HERE)
    kind = contracts.kind_of(report, key)
    if not sharing.divides(kind):
        raise NotFound(NOT_HERE)
    edit = url_for("reports.edit", public_id=report.public_id, key=key)
    if not report.is_editable:
        return redirect(edit, 303)
    form = _form(report, kind)
    if request.method == "GET":
        form.version.data = report.version
        return render_template("reports/share.html", report=report, kind=kind, form=form)
    try:
        with transaction():
            sharing.share(
                report,
                key,
                carrier=form.carrier.data or "",
                amount=form.total.data or "",
                over=[uuid.UUID(each) for each in form.over.data or () if _is_key(each)],
                by=current_membership(),
                version=form.version.data or 0,
            )
    except Invalid as refusal:
        places = {problem.field for problem in refusal.problems if isinstance(problem, Problem)}
        form[next((place for place in ("carrier", "total", "over") if place in places), "over")].errors = [refusal.text]
        form.version.data = report.version
        return render_template("reports/share.html", report=report, kind=kind, form=form, failed=True), 422
    flash(_("The amount is divided. Each share is marked “allocated”."), "success")
    return redirect(edit, 303)


def _form(report: Report, kind: Kind) -> ShareForm:
    form, language = ShareForm(), current_language()
    lines = sharing.lines_with_hours(report, kind)
    used = {line.text("carrier") for line in lines}
    form.carrier.choices = [
        SelectChoice(choice.key, f"{choice.label.to(language)} ({choice.unit})")
        for choice in kind.column("carrier").choices
        if choice.key in used
    ]
    named = next(field.key for field in kind.fields if field.identity)
    form.over.choices = [
        SelectChoice(
            line.key, ", ".join(kind.display(column, line.values, language) for column in (named, "carrier", "hours"))
        )
        for line in lines
    ]
    if not form.is_submitted():
        form.over.data = [line.key for line in lines]
    return form


def _is_key(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
