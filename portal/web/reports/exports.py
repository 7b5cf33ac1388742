"""Approved reports as a workbook, for whoever wants to count for themselves."""

import uuid
from datetime import date
from io import BytesIO

from flask import Blueprint, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from wtforms import Form, SelectField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]

from portal import calendars, clock
from portal.extensions import transaction
from portal.model import Contract, Membership, Report
from portal.operations.figures import exports
from portal.operations.reports import redactions
from portal.permissions import Permission
from portal.text import Text
from portal.web import choices
from portal.web.access import current_membership, requires
from portal.web.costly import costly
from portal.web.languages import current_language
from portal.web.reading import reads

blueprint = Blueprint("exports", __name__, url_prefix="/exports")

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ENDS_BEFORE_IT_BEGINS = Text(
    "Siste måned kan ikke være før første måned.", "The last month cannot be before the first month."
)

REDACTED = Text("sladdet", "redacted")


class ExportForm(Form):
    """What to take out; everything when nothing is chosen. It lives in the address, so that it can be fetched again."""

    contract = SelectField(_("Contract"))
    first = SelectField(_("From"))
    last = SelectField(_("To"))


@blueprint.get("")
@requires(Permission.EXPORT_READ)
def index() -> ResponseReturnValue:
    """Choose contract and months; what makes no sense in the address is said."""
    form = _form(current_membership())
    return render_template("exports/index.html", form=form), 422 if form.errors else 200


@blueprint.get("/reports.xlsx")
@requires(Permission.EXPORT_READ)
@costly
@reads("export")
def workbook() -> ResponseReturnValue:
    """The workbook for the choice in the address; for one that makes no sense, the page that says why."""
    by = current_membership()
    form = _form(by)
    if form.errors:
        return redirect(url_for(".index", contract=form.contract.data, first=form.first.data, last=form.last.data), 303)
    content = exports.workbook(
        by,
        current_language(),
        contract=uuid.UUID(form.contract.data) if form.contract.data else None,
        first=_first_day(form.first.data),
        last=_first_day(form.last.data),
    )
    name = f"klimakontrakt-{clock.now():%Y-%m-%d}.xlsx"
    return send_file(BytesIO(content), mimetype=EXCEL, as_attachment=True, download_name=name)


@blueprint.post("/<uuid:public_id>/redacted.xlsx")
@requires(Permission.ACCESS_GIVE, Contract)
@costly
@reads("redacted")
def redacted(contract: Contract) -> ResponseReturnValue:
    """The approved reports of a contract without trade secrets and names, for whoever asks the buyer for access."""
    with transaction():
        found = redactions.take_out(contract, current_language(), by=current_membership())
    name = f"klimakontrakt-{REDACTED.to(current_language())}-{clock.now():%Y-%m-%d}.xlsx"
    return send_file(BytesIO(found.content), mimetype=EXCEL, as_attachment=True, download_name=name)


def _form(by: Membership) -> ExportForm:
    """The form as the address fills it, judged."""
    form = ExportForm(request.args)
    contracts = choices.contracts(by, Report, request.args.get("contract", ""))
    offered = list(contracts.rows)
    if contracts.chosen is not None and contracts.chosen not in offered:
        offered.insert(0, contracts.chosen)
    months = [SelectChoice(f"{day:%Y-%m}", calendars.month_name(day).to(current_language())) for day in _months(by)]
    form.contract.choices = [SelectChoice("", _("All contracts"))]
    form.contract.choices += [SelectChoice(each.value, each.label) for each in offered]
    form.first.choices = [SelectChoice("", _("The first month")), *months]
    form.last.choices = [SelectChoice("", _("The last month")), *months]
    for field in form:
        field.data = field.data or ""
    if form.validate() and form.first.data and form.last.data and form.first.data > form.last.data:
        form.last.errors = [ENDS_BEFORE_IT_BEGINS.to(current_language())]
    return form


def _months(by: Membership) -> list[date]:
    """The first day of every month that any of the contracts may have reported on, newest first."""
    first, zone = choices.first_day(by)
    if first is None:
        return []
    months = calendars.months_between(first, clock.today(zone))
    return [month.starts_on for month in reversed(months)]


def _first_day(month: str) -> date | None:
    return date.fromisoformat(f"{month}-01") if month else None
