"""The supplier's pages: where a report stands, what is to be filled in, and the Excel way in."""

from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField

from portal import clock
from portal.errors import Invalid
from portal.extensions import transaction
from portal.kinds import Kind
from portal.model import AuditEvent, ImportedFile, ImportState, Person, Report, ReportState
from portal.operations import audit, contracts, imports, processes, reports
from portal.permissions import Permission, allowed
from portal.web import attachments, corrections, lines, lists, progress, report_views
from portal.web.access import current_membership, is_htmx, requires
from portal.web.accounts import current_language
from portal.web.process_views import standing

blueprint = Blueprint("reports", __name__, url_prefix="/reports")

LONG_WAIT = timedelta(minutes=1)
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class UploadForm(FlaskForm):
    """A filled-in template."""

    workbook = FileField(lazy_gettext("Filled-in Excel file"))


@blueprint.get("")
@requires(Permission.REPORT_READ)
def index() -> ResponseReturnValue:
    """Every report the acting organisation is a party to, newest period first."""
    by = current_membership()
    return render_template("reports/index.html", page=lists.reports(by, request.args), by=by)


@blueprint.get("/<uuid:public_id>")
@requires(Permission.REPORT_READ, Report)
def show(report: Report) -> ResponseReturnValue:
    """One report: its parts, where it stands, what happened."""
    return _report_page(report, UploadForm())


def _report_page(report: Report, upload: UploadForm) -> str:
    by = current_membership()
    is_supplier = by.organisation_id == report.supplier_id
    found = reports.summary(report) if is_supplier and report.state not in reports.DONE else None
    kinds = _kinds(report)
    revision = report.accepted or report.latest
    is_proposed = report.is_amendment and report.state in {ReportState.SUBMITTED, ReportState.RETURNED}
    proposed = report.standing if is_proposed else None
    stands = standing(processes.of(report))
    trail = audit.trail([report], by=current_membership())
    return render_template(
        "reports/show.html",
        report=report,
        revision=revision,
        proposed=proposed,
        review=report.standing.review if report.standing else None,
        parts=report_views.parts(report, found) if found else [],
        is_ready=found is not None and found.is_ready,
        frozen=report_views.frozen(revision, kinds) if revision else None,
        proposal=report_views.frozen(proposed, kinds) if proposed else None,
        told=corrections.told(report, corrections.for_supplier(report), kinds),
        may_answer=is_supplier and allowed(by, Permission.REPORT_EDIT),
        is_supplier=is_supplier,
        standing=stands,
        way=progress.way(stands),
        trail=progress.events(trail),
        given_back=_given_back(trail),
        revision_tag=report_views.revision_tag,
        may_edit=report.is_editable and is_supplier and allowed(by, Permission.REPORT_EDIT),
        may_sign=is_supplier and allowed(by, Permission.REPORT_SIGN),
        may_withdraw=is_supplier and allowed(by, Permission.REPORT_SIGN) and report.state == ReportState.SUBMITTED,
        may_amend=is_supplier and allowed(by, Permission.REPORT_EDIT),
        may_review=report.state == ReportState.SUBMITTED and not is_supplier and allowed(by, Permission.REPORT_REVIEW),
        upload=upload,
        imported=imports.latest(report) if is_supplier else None,
        failed=bool(upload.errors),
    )


def _given_back(trail: Sequence[tuple[AuditEvent, Person | None]]) -> str:
    """What the signatory wants changed, if the last thing that happened to the report is that they withheld."""
    moves = [event for event, _person in trail if "before" in event.facts]
    last = moves[-1] if moves else None
    return last.reason if last is not None and last.action == "report.withheld" else ""


# -- filling in (portal/web/lines.py) ----------------------------------------------------------------------------------

blueprint.add_url_rule("/<uuid:public_id>/sections/<key>", "edit", lines.edit, methods=["GET", "POST"])
_LINE = "/<uuid:public_id>/sections/<key>/lines/<uuid:line>"
blueprint.add_url_rule(_LINE, "save_line", lines.save_line, methods=["POST"])
blueprint.add_url_rule(f"{_LINE}/undo", "put_back", lines.put_back, methods=["POST"])
blueprint.add_url_rule(f"{_LINE}/files", "attachments", attachments.page, methods=["GET"])
blueprint.add_url_rule(f"{_LINE}/files", "attach", attachments.attach, methods=["POST"])
blueprint.add_url_rule(f"{_LINE}/files/<uuid:file>/remove", "detach", attachments.detach, methods=["POST"])


def _kinds(report: Report) -> dict[str, Kind]:
    return {kind.key: kind for kind in contracts.kinds_of(report)}


# -- Excel -------------------------------------------------------------------------------------------------------------


@blueprint.get("/<uuid:public_id>/template.xlsx")
@requires(Permission.REPORT_EDIT, Report)
def template(report: Report) -> ResponseReturnValue:
    """The workbook for this contract and period, with its machines filled in."""
    content = imports.template(report, current_language())
    name = f"{report.contract.reference}-{report.period.starts_on:%Y-%m}.xlsx"
    return send_file(BytesIO(content), mimetype=EXCEL, as_attachment=True, download_name=name)


@blueprint.post("/<uuid:public_id>/imports")
@requires(Permission.REPORT_EDIT, Report)
def upload(report: Report) -> ResponseReturnValue:
    """Take in a workbook; a job reads it."""
    form = UploadForm()
    given = request.files.get("workbook")
    name, content = (given.filename or "", given.read()) if given else ("", b"")
    try:
        with transaction():
            row = imports.receive(report, name, content, by=current_membership())
    except Invalid as refusal:
        form.workbook.errors = [refusal.text]
        return _report_page(report, form), 422
    return redirect(url_for(".imported", public_id=row.public_id), 303)


@blueprint.get("/imports/<uuid:public_id>")
@requires(Permission.REPORT_EDIT, ImportedFile)
def imported(row: ImportedFile) -> ResponseReturnValue:
    """What was found in the workbook: errors by sheet and cell, or what would change."""
    if is_htmx():
        # The page asks whether the job is done, and loads itself anew when it is.
        return ("", 204) if row.state == ImportState.WAITING else ("", 200, {"HX-Refresh": "true"})
    report = imports.report_of(row)
    was_refused = row.state == ImportState.REFUSED
    page = render_template(
        "reports/imported.html",
        row=row,
        report=report,
        kinds=_kinds(report),
        may_edit=report.is_editable,
        waits_long=clock.now() - row.created_at > LONG_WAIT,
        upload=UploadForm(),
        failed=was_refused,
    )
    return page, 422 if was_refused else 200


@blueprint.post("/imports/<uuid:public_id>/store")
@requires(Permission.REPORT_EDIT, ImportedFile)
def store(row: ImportedFile) -> ResponseReturnValue:
    """Yes: put the workbook's lines into the draft."""
    with transaction():
        report = imports.store(row, by=current_membership())
    flash(_("The lines from the workbook are in the draft."), "success")
    return redirect(url_for(".show", public_id=report.public_id), 303)


@blueprint.get("/imports/<uuid:public_id>/marked.xlsx")
@requires(Permission.REPORT_EDIT, ImportedFile)
def marked(row: ImportedFile) -> ResponseReturnValue:
    """The person's own file with the errors marked in it."""
    return send_file(BytesIO(imports.marked(row)), mimetype=EXCEL, as_attachment=True, download_name=f"feil-{row.name}")
