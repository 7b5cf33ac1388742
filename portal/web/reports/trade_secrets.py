"""The page where the supplier says what of a part of the report is a trade secret, and why."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import SelectMultipleField, TextAreaField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.widgets import CheckboxInput, ListWidget

from portal.errors import Invalid, NotFound
from portal.extensions import transaction
from portal.kinds import Kind, Problem
from portal.kinds.secrecy import may_be_secret
from portal.model import Report
from portal.operations.contracts import contracts
from portal.operations.entry import trade_secrets
from portal.operations.lookup import NOT_HERE
from portal.permissions import Permission
from portal.web.access import current_membership, requires
from portal.web.languages import current_language

blueprint = Blueprint("trade_secrets", __name__)


class SecretsForm(FlaskForm):
    """Which fields of the part, and why."""

    secrets = SelectMultipleField(
        lazy_gettext("What is a trade secret?"),
        validate_choice=False,
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    reason = TextAreaField(lazy_gettext("Why is it a trade secret?"))


@blueprint.route("/reports/<uuid:public_id>/sections/<key>/trade-secrets", methods=["GET", "POST"])
@requires(Permission.REPORT_EDIT, Report)
def mark(report: Report, key: str) -> ResponseReturnValue:
    """Choose the fields once for all lines of the part; nothing chosen takes the mark away."""
    section = next((each for each in report.sections if each.kind == key), None)
    if section is None:
        raise NotFound(NOT_HERE)
    edit = url_for("reports.edit", public_id=report.public_id, key=key)
    if not report.is_editable:
        return redirect(edit, 303)
    kind, form = contracts.kind_of(report, key), SecretsForm()
    language = current_language()
    form.secrets.choices = [SelectChoice(each.key, each.label.to(language)) for each in may_be_secret(kind)]
    form.secrets.choices += [SelectChoice(trade_secrets.FILES, _("The files that are attached"))]
    if request.method == "GET":
        form.secrets.data = section.secrets.get("fields", [])
        form.reason.data = section.secrets.get("reason", "")
        return _page(report, kind, form)
    try:
        with transaction():
            chosen, reason = form.secrets.data or [], form.reason.data or ""
            trade_secrets.mark(report, key, chosen, reason, by=current_membership())
    except Invalid as refusal:
        for problem in refusal.problems:
            if isinstance(problem, Problem):
                form[problem.field].errors = [problem.text]
        return _page(report, kind, form), 422
    flash(_("What is a trade secret is stored. The buyer sees it when you have signed."), "success")
    return redirect(edit, 303)


@blueprint.post("/reports/<uuid:public_id>/sections/<key>/trade-secrets/again")
@requires(Permission.REPORT_EDIT, Report)
def again(report: Report, key: str) -> ResponseReturnValue:
    """Mark what was marked for the period before, and come back to where the button was."""
    with transaction():
        marked = trade_secrets.mark_again(report, key, by=current_membership())
    if marked:
        flash(_("What is a trade secret is stored. The buyer sees it when you have signed."), "success")
    if request.form.get("back") == "check":
        return redirect(url_for("reports.check", public_id=report.public_id, _anchor=f"part-{key}"), 303)
    return redirect(url_for("reports.edit", public_id=report.public_id, key=key), 303)


def _page(report: Report, kind: Kind, form: SecretsForm) -> str:
    return render_template("reports/trade_secrets.html", report=report, kind=kind, form=form, failed=bool(form.errors))
