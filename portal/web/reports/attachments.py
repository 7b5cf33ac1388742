"""Receipts and photos beside the figures of one line."""

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_wtf import FlaskForm
from flask_wtf.file import MultipleFileField
from wtforms.validators import Optional

from portal.errors import Invalid, NotFound, Refused
from portal.extensions import transaction
from portal.kinds import Field, Kind
from portal.model import Evidence, Report
from portal.operations import lookup
from portal.operations.contracts import contracts
from portal.operations.entry import drafts, evidence
from portal.operations.entry.drafts import DraftRow
from portal.operations.entry.evidence import Place, Upload
from portal.operations.lookup import NOT_HERE
from portal.permissions import Permission
from portal.text import Text
from portal.web.access import current_membership, requires
from portal.web.costly import costly
from portal.web.reports import kind_forms


class AttachForm(FlaskForm):
    """Files for one figure: from the camera, or chosen."""

    photo = MultipleFileField(lazy_gettext("Take a photo"), validators=[Optional()])
    files = MultipleFileField(lazy_gettext("Choose files"), validators=[Optional()])


@requires(Permission.REPORT_EDIT, Report)
def page(report: Report, key: str, line: uuid.UUID) -> ResponseReturnValue:
    """What documents the figures of a line, and where more is added."""
    if not report.is_editable:
        return redirect(url_for("reports.show", public_id=report.public_id), 303)
    return _page(report, key, line)


@requires(Permission.REPORT_EDIT, Report)
@costly
def attach(report: Report, key: str, line: uuid.UUID) -> ResponseReturnValue:
    """Add files, and back to the line."""
    given = [*request.files.getlist("photo"), *request.files.getlist("files")]
    uploads = [Upload(each.filename or "", each.read()) for each in given if each and each.filename]
    try:
        with transaction():
            place = Place(key, line, request.form.get("field", ""))
            added = evidence.add(report, place, uploads, by=current_membership())
    except (Invalid, Refused) as refusal:
        report = lookup.one(Report, report.public_id, current_membership())
        return _page(report, key, line, refusal.text), 422
    flash(ngettext("%(num)d file is attached.", "%(num)d files are attached.", len(added)), "success")
    return _back(report, key, line)


@requires(Permission.REPORT_EDIT, Report)
def detach(report: Report, key: str, line: uuid.UUID, file: uuid.UUID) -> ResponseReturnValue:
    """Take a file away, and back to the others."""
    row = lookup.one(Evidence, file, current_membership())
    if (row.kind, row.line_key) != (key, line):
        raise NotFound(NOT_HERE)
    with transaction():
        evidence.remove(report, row, by=current_membership())
    flash(_("“%(name)s” is taken away.", name=row.name), "success")
    return redirect(url_for("reports.attachments", public_id=report.public_id, key=key, line=line), 303)


def _page(report: Report, key: str, line: uuid.UUID, refused: Text | None = None) -> str:
    kind, index, row = _line(report, key, line)
    files = evidence.of_section(report, key).get(line, [])
    open_fields = [field for field in kind.fields if field.provenance and field.key in row.open_columns]
    form = AttachForm(None)
    if refused is not None:
        form.files.errors = [refused]
    return render_template(
        "reports/attachments.html",
        report=report,
        kind=kind,
        line=line,
        name=kind_forms.line_title(kind, row, index),
        figures=[_figure(kind, field, row, files) for field in open_fields],
        form=form,
        back=f"{url_for('reports.edit', public_id=report.public_id, key=key)}#lines-{index}",
        failed=refused is not None,
    )


def _figure(kind: Kind, field: Field, row: DraftRow, files: list[Evidence]) -> dict[str, Any]:
    return {
        "field": field,
        "value": kind_forms.value_in_words(kind, field, row),
        "files": [file for file in files if file.field == field.key],
    }


def _line(report: Report, key: str, line: uuid.UUID) -> tuple[Kind, int, DraftRow]:
    """The line with its place among those that are stored. Raises NotFound."""
    section = next((each for each in report.sections if each.kind == key), None)
    if section is None or line not in {each.key for each in section.lines}:
        raise NotFound(NOT_HERE)
    kind = contracts.kind_of(report, key)
    return next((kind, index, row) for index, row in enumerate(drafts.rows_of(report, kind)) if row.key == line)


def _back(report: Report, key: str, line: uuid.UUID) -> ResponseReturnValue:
    _kind, index, _row = _line(report, key, line)
    return redirect(url_for("reports.edit", public_id=report.public_id, key=key, _anchor=f"lines-{index}"), 303)
