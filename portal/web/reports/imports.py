"""The Excel way in: the template, the upload, what was found in a workbook, and the yes that stores it."""

from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField

from portal import clock
from portal.errors import Conflict, Invalid
from portal.extensions import transaction
from portal.files import XLSX
from portal.kinds import Problem
from portal.model import ImportedFile, ImportState, Report
from portal.operations import lookup
from portal.operations.entry import imports
from portal.permissions import Permission
from portal.web.access import current_membership, is_htmx, requires
from portal.web.costly import costly
from portal.web.languages import current_language
from portal.web.reading import reads
from portal.web.reports import import_views

blueprint = Blueprint("imports", __name__)

LONG_WAIT = timedelta(minutes=1)
WRONG = frozenset({ImportState.REFUSED, ImportState.FAULTY})
"""States of a file whose page answers 422: its sender has something to correct."""


class UploadForm(FlaskForm):
    """A filled-in template."""

    workbook = FileField(lazy_gettext("Filled-in Excel file"))


class StoreForm(FlaskForm):
    """The yes to what would change, and to what the file makes us ask about."""

    confirmed = BooleanField(lazy_gettext("I have looked at the warnings, and the values are right"))


@blueprint.get("/<uuid:public_id>/excel")
@requires(Permission.REPORT_EDIT, Report)
def index(report: Report) -> ResponseReturnValue:
    """The template, the way to upload it, and every file that was uploaded."""
    return _upload_page(report, UploadForm())


def _upload_page(report: Report, form: UploadForm) -> str:
    return render_template(
        "reports/excel.html", report=report, upload=form, files=imports.newest(report), failed=bool(form.errors)
    )


@blueprint.get("/<uuid:public_id>/template.xlsx")
@requires(Permission.REPORT_EDIT, Report)
@costly
def template(report: Report) -> ResponseReturnValue:
    """The workbook for this contract and period, with its machines filled in."""
    content = imports.template(report, current_language())
    name = f"{report.contract.reference}-{report.period.starts_on:%Y-%m}.xlsx"
    return send_file(BytesIO(content), mimetype=XLSX, as_attachment=True, download_name=name)


@blueprint.post("/<uuid:public_id>/imports")
@requires(Permission.REPORT_EDIT, Report)
@costly
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
        return _upload_page(report, form), 422
    return redirect(url_for(".show", public_id=row.public_id), 303)


@blueprint.get("/imports/<uuid:public_id>")
@requires(Permission.REPORT_EDIT, ImportedFile)
def show(row: ImportedFile) -> ResponseReturnValue:
    """How far the reading has come; then what was found: errors by sheet and cell, and what would change."""
    if is_htmx():
        return _progress(row)
    return _page(row, StoreForm()), 422 if row.state in WRONG else 200


def _progress(row: ImportedFile) -> ResponseReturnValue:
    """The page asks how far the job is, and loads itself anew when it is done."""
    if row.state != ImportState.WAITING:
        return "", 200, {"HX-Refresh": "true"}
    reading = import_views.reading(row)
    if request.args.get("seen") == reading.seen:
        return "", 204
    return render_template("reports/_reading.html", row=row, reading=reading)


def _page(
    row: ImportedFile, form: StoreForm, problems: Sequence[tuple[str, object]] = (), *, failed: bool = False
) -> str:
    report = imports.report_of(row)
    return render_template(
        "reports/imported.html",
        row=row,
        report=report,
        form=form,
        problems=problems,
        reading=import_views.reading(row),
        found=import_views.found(row, report, request.args),
        may_edit=report.is_editable,
        is_outdated=imports.is_outdated(row),
        outdated=imports.CHANGED_SINCE_READ,
        waits_long=clock.now() - row.created_at > LONG_WAIT,
        upload=UploadForm(),
        failed=failed or row.state in WRONG,
    )


@blueprint.post("/imports/<uuid:public_id>/store")
@requires(Permission.REPORT_EDIT, ImportedFile)
def store(row: ImportedFile) -> ResponseReturnValue:
    """Yes: put the rows that are ready into the draft; and the wrong ones too, when they are to be corrected there."""
    if row.state == ImportState.STORED:  # a double click: the answer is the same page
        return redirect(url_for(".show", public_id=row.public_id), 303)
    form, with_faults = StoreForm(), "with_faults" in request.form
    try:
        with transaction():
            report = imports.store(
                row, by=current_membership(), is_confirmed=bool(form.confirmed.data), with_faults=with_faults
            )
    except (Conflict, Invalid) as refusal:
        return _shown_again(row, form, refusal)
    if with_faults and (keys := imports.to_correct(row)):
        _tell_left_out(imports.left_out(row))
        return redirect(url_for("reports.edit", public_id=report.public_id, key=keys[0], _anchor="lines"), 303)
    return redirect(url_for(".show", public_id=row.public_id), 303)


def _tell_left_out(cells: list[str]) -> None:
    flash(_("The rows of the file are in the draft, the wrong ones too. Correct them here."), "success")
    if cells:
        flash(
            ngettext(
                "%(num)d value could not be brought along, so that you must write it here: %(cells)s.",
                "%(num)d values could not be brought along, so that you must write them here: %(cells)s.",
                len(cells),
                cells=", ".join(cells[:20]),
            ),
            "warning",
        )


def _shown_again(row: ImportedFile, form: StoreForm, refusal: Conflict | Invalid) -> ResponseReturnValue:
    """The page with what stops the storing; a draft that has changed meanwhile is compared anew by one button."""
    row = lookup.one(ImportedFile, row.public_id, current_membership())
    if isinstance(refusal, Conflict):
        if not imports.is_outdated(row):
            raise refusal
        return _page(row, form, failed=True), 409
    found = [problem for problem in refusal.problems if isinstance(problem, Problem)]
    if any(problem.field == form.confirmed.name for problem in found):
        form.confirmed.errors = [refusal.text.to(current_language())]
    return _page(row, form, [(problem.field, problem.text) for problem in found], failed=True), 422


@blueprint.post("/imports/<uuid:public_id>/again")
@requires(Permission.REPORT_EDIT, ImportedFile)
@costly
def read_again(row: ImportedFile) -> ResponseReturnValue:
    """Hold the same file against the draft as it is now."""
    with transaction():
        imports.read_again(row, by=current_membership())
    return redirect(url_for(".show", public_id=row.public_id), 303)


@blueprint.get("/imports/<uuid:public_id>/marked.xlsx")
@requires(Permission.REPORT_EDIT, ImportedFile)
@costly
@reads("import")
def marked(row: ImportedFile) -> ResponseReturnValue:
    """The person's own file with the errors marked in it."""
    # TRANSLATORS: the name of a person's own file that comes back with its errors marked
    name = _("errors-%(file)s", file=row.name)
    return send_file(BytesIO(imports.marked(row)), mimetype=XLSX, as_attachment=True, download_name=name)
