"""The supplier's pages: what is to be filled in, the check before signing, the receipt, and the Excel way in."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import IntegerField, TextAreaField
from wtforms.validators import Optional

from portal import clock
from portal.errors import Conflict, Invalid, NotFound
from portal.extensions import transaction
from portal.kinds import Kind, Problem
from portal.model import Answer, AuditEvent, ImportedFile, ImportState, Person, Report, ReportState, Section
from portal.operations import audit, contracts, drafts, imports, lookup, processes, reports
from portal.operations.drafts import RawLine
from portal.operations.lookup import NOT_HERE
from portal.permissions import Permission, allowed
from portal.web import lists, progress, report_views
from portal.web.access import current_membership, is_htmx, requires
from portal.web.accounts import current_language
from portal.web.kind_forms import SectionForm
from portal.web.process_views import standing
from portal.web.section_views import collided, section_page

blueprint = Blueprint("reports", __name__, url_prefix="/reports")

DONE = frozenset({ReportState.SUBMITTED, ReportState.APPROVED})
"""States in which the newest revision says everything; the draft behind it is of no interest."""
LONG_WAIT = timedelta(minutes=1)
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class VersionForm(FlaskForm):
    """A button that acts on what the person saw: it carries the row version they saw."""

    version = IntegerField()


class WithholdForm(VersionForm):
    """Sending the draft back to whoever fills it in."""

    comment = TextAreaField(lazy_gettext("What should be changed?"), validators=[Optional()])


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
    found = reports.summary(report) if is_supplier and report.state not in DONE else None
    kinds = _kinds(report)
    stands = standing(processes.of(report))
    trail = audit.trail([report], by=current_membership())
    return render_template(
        "reports/show.html",
        report=report,
        revision=report.latest,
        parts=report_views.parts(report, found) if found else [],
        is_ready=found is not None and found.is_ready,
        frozen=report_views.frozen(report, kinds),
        is_supplier=is_supplier,
        standing=stands,
        way=progress.way(stands),
        trail=progress.events(trail),
        given_back=_given_back(trail),
        may_edit=report.is_editable and is_supplier and allowed(by, Permission.REPORT_EDIT),
        may_sign=is_supplier and allowed(by, Permission.REPORT_SIGN),
        may_review=report.state == ReportState.SUBMITTED and not is_supplier and allowed(by, Permission.REPORT_REVIEW),
        upload=upload,
        imported=imports.latest(report) if is_supplier else None,
        failed=bool(upload.errors),
    )


def _given_back(trail: Sequence[tuple[AuditEvent, Person | None]]) -> str:
    """What the signatory wants changed, if the last thing that happened to the report is that they withheld."""
    moves = [event for event, _person in trail if "before" in event.facts]
    last = moves[-1] if moves else None
    return last.reason if last is not None and last.facts["before"] == ReportState.TO_SIGN else ""


# -- filling in --------------------------------------------------------------------------------------------------------


@blueprint.route("/<uuid:public_id>/sections/<key>", methods=["GET", "POST"])
@requires(Permission.REPORT_EDIT, Report)
def edit(report: Report, key: str) -> ResponseReturnValue:
    """The grid of one section. Everything typed is stored, wrong values too, and then judged."""
    section = _section(report, key)
    kind = contracts.kind_of(report, key)
    form = SectionForm.of(kind)()
    if request.method == "GET":
        if not report.is_editable:
            return redirect(url_for(".show", public_id=report.public_id), 303)
        _fill(form, report, section)
        said = _said(report, key) if section.answer else None
        return render_template(
            "reports/edit.html", **section_page(report, kind, form, drafts.rows_of(report, kind), said=said)
        )
    lines = form.raw_lines(kind, without=request.form.get("remove", ""))
    if "add_row" in request.form:
        lines.append(RawLine(uuid.uuid4(), {}))
    try:
        _save(report, key, form, lines)
    except (Conflict, Invalid) as refusal:
        return _shown_again(report, kind, form, lines, refusal)
    return _after_saving(report, kind, form, len(lines))


def _save(report: Report, key: str, form: SectionForm, lines: list[RawLine]) -> None:
    by, version = current_membership(), form.version.data or 0
    with transaction():
        if form.answer.data == Answer.NOTHING:
            drafts.answer_nothing(report, key, form.reason.data or "", by=by, version=version)
        else:
            drafts.save(report, key, lines, by=by, version=version)


def _after_saving(report: Report, kind: Kind, form: SectionForm, count: int) -> ResponseReturnValue:
    """On to where the person wanted, or the form again with what is wrong in it."""
    if "add_row" in request.form:
        return redirect(url_for(".edit", public_id=report.public_id, key=kind.key, _anchor=f"lines-{count - 1}"), 303)
    if "remove" in request.form:
        flash(_("The line is removed."), "success")
        return redirect(url_for(".edit", public_id=report.public_id, key=kind.key, _anchor="lines"), 303)
    part = next(each for each in report_views.parts(report, reports.summary(report)) if each.kind.key == kind.key)
    if part.errors:
        # It is stored all the same: nothing that was typed is lost.
        form.version.data = report.version
        page = section_page(
            report, kind, form, drafts.rows_of(report, kind), said=_said(report, kind.key), failed=True, is_stored=True
        )
        return render_template("reports/edit.html", **page), 422
    flash(_("“%(part)s” is saved.", part=kind.title.to(current_language())), "success")
    if part.missing:
        return redirect(url_for(".edit", public_id=report.public_id, key=kind.key), 303)
    return redirect(url_for(".show", public_id=report.public_id), 303)


def _shown_again(
    report: Report, kind: Kind, form: SectionForm, lines: list[RawLine], refusal: Conflict | Invalid
) -> ResponseReturnValue:
    """What was typed stays in the form; on a conflict the stored values stand beside it, until mine are saved again."""
    report = lookup.one(Report, report.public_id, current_membership())
    form.version.data = report.version
    rows, collision, status = drafts.rows_from(report, kind, lines), None, 422
    said: list[Problem] = []
    if isinstance(refusal, Conflict):
        rows, collision = collided(kind, refusal.text, rows, drafts.rows_of(report, kind))
        status = 409
    else:
        said = [problem for problem in refusal.problems if isinstance(problem, Problem)]
    page = section_page(report, kind, form, rows, said=said, failed=True, collision=collision)
    return render_template("reports/edit.html", **page), status


def _said(report: Report, key: str) -> list[Problem]:
    """What the rules say of a section, and what is wrong with it as a whole."""
    found = reports.summary(report)
    state = next(state for state in found.sections if state.kind.key == key)
    return [*(problem for problem in state.problems if not problem.line), *found.assessment.problems[key]]


def _fill(form: SectionForm, report: Report, section: Section) -> None:
    form.version.data = report.version
    form.answer.data = section.answer or Answer.FILLED
    form.reason.data = section.reason


def _section(report: Report, key: str) -> Section:
    found = next((section for section in report.sections if section.kind == key), None)
    if found is None:
        raise NotFound(NOT_HERE)
    return found


# -- checked and signed ------------------------------------------------------------------------------------------------


@blueprint.get("/<uuid:public_id>/check")
@requires(Permission.REPORT_EDIT, Report)
def check(report: Report) -> ResponseReturnValue:
    """Every answer and what follows from it, before anybody signs."""
    if report.state in DONE:
        return redirect(url_for(".receipt", public_id=report.public_id), 303)
    return _check_page(report, VersionForm(version=report.version))


@blueprint.post("/<uuid:public_id>/ready")
@requires(Permission.REPORT_EDIT, Report)
def make_ready(report: Report) -> ResponseReturnValue:
    """Hand the report to whoever may sign."""
    form = VersionForm()
    try:
        with transaction():
            reports.make_ready(report, by=current_membership(), version=form.version.data or 0)
    except Invalid:
        return _check_page(report, form), 422
    flash(_("The report is ready. The signatory has been told."), "success")
    return redirect(url_for("pages.home"), 303)


@blueprint.post("/<uuid:public_id>/sign")
@requires(Permission.REPORT_SIGN, Report)
def sign(report: Report) -> ResponseReturnValue:
    """Sign and send: one act, one receipt. The same button twice gives the same receipt."""
    form = VersionForm()
    try:
        with transaction():
            reports.sign(report, by=current_membership(), version=form.version.data or 0)
    except Invalid:
        return _check_page(report, form), 422
    except Conflict as refusal:
        if refusal.text != reports.ALREADY_SENT:
            raise
    return redirect(url_for(".receipt", public_id=report.public_id), 303)


@blueprint.post("/<uuid:public_id>/withhold")
@requires(Permission.REPORT_SIGN, Report)
def withhold(report: Report) -> ResponseReturnValue:
    """The signatory wants something changed first."""
    form = WithholdForm()
    with transaction():
        reports.withhold(report, form.comment.data or "", by=current_membership(), version=form.version.data or 0)
    flash(_("The report is open for editing again."), "success")
    return redirect(url_for(".show", public_id=report.public_id), 303)


@blueprint.get("/<uuid:public_id>/receipt")
@requires(Permission.REPORT_READ, Report)
def receipt(report: Report) -> ResponseReturnValue:
    """What was signed, when, by whom, with its hash, and what happens next."""
    if report.latest is None:
        raise NotFound(NOT_HERE)
    may_edit = allowed(current_membership(), Permission.REPORT_EDIT)
    return render_template(
        "reports/receipt.html", report=report, revision=report.latest, kinds=_kinds(report), may_edit=may_edit
    )


def _check_page(report: Report, form: VersionForm) -> str:
    found = reports.summary(report)
    return render_template(
        "reports/check.html",
        report=report,
        parts=report_views.parts(report, found),
        is_ready=found.is_ready,
        figures=report_views.draft_figures(found),
        findings=report_views.draft_findings(found),
        basis=found.assessment.basis,
        form=form,
        withhold=WithholdForm(version=report.version),
        may_sign=allowed(current_membership(), Permission.REPORT_SIGN),
        failed=not found.is_ready,
    )


def _kinds(report: Report) -> dict[str, Kind]:
    return contracts.counting_kinds(report)


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
