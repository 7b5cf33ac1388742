"""Many contracts from a workbook: the template, the upload, what was read, and the yes that makes drafts of it."""

from io import BytesIO
from typing import Any

from flask import flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_wtf import FlaskForm
from wtforms import FileField

from portal.errors import Invalid
from portal.extensions import db, transaction
from portal.files import XLSX
from portal.model import ContractImport, ImportState
from portal.operations.contracts import contract_imports, contract_sheets
from portal.permissions import Permission
from portal.text import Text
from portal.web.access import current_membership, requires
from portal.web.contracts.contracts import blueprint
from portal.web.costly import costly
from portal.web.languages import current_language
from portal.web.reading import reads

SHOWN = ("reference", "title", "supplier_number", "starts_on", "ends_on")
"""Facts that tell the rows of the list apart."""


class ContractsForm(FlaskForm):
    """The upload."""

    workbook = FileField(lazy_gettext("Excel file"))


@blueprint.route("/import", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT)
@costly
def import_many() -> ResponseReturnValue:
    """Take in a workbook; it is read at once, for it is small, and nothing is made of it yet."""
    form = ContractsForm()
    if not form.is_submitted():
        return render_template("contracts/import.html", form=form)
    by = current_membership()
    given = request.files.get("workbook")
    name, content = (given.filename or "", given.read()) if given else ("", b"")
    db.session.rollback()  # reading a file may take seconds, and nobody is to wait for it
    try:
        found = contract_imports.read(name, content, current_language())
        with transaction():
            row = contract_imports.keep(name, content, found, by=by)
    except Invalid as refusal:
        form.workbook.errors = [refusal.text.to(current_language())]
        return render_template("contracts/import.html", form=form, failed=True), 422
    return redirect(url_for(".imported", public_id=row.public_id), 303)


@blueprint.get("/import/template.xlsx")
@requires(Permission.CONTRACT_EDIT)
@costly
def import_template() -> ResponseReturnValue:
    """An empty workbook with a column for each fact."""
    content = contract_sheets.template(current_membership(), current_language())
    # TRANSLATORS: the name of a file
    return send_file(BytesIO(content), mimetype=XLSX, as_attachment=True, download_name=_("contracts.xlsx"))


@blueprint.get("/imports/<uuid:public_id>")
@requires(Permission.CONTRACT_EDIT, ContractImport)
def imported(row: ContractImport) -> ResponseReturnValue:
    """What was read: rows that are ready, and what is wrong, by sheet and cell."""
    status = 422 if row.state in {ImportState.FAULTY, ImportState.REFUSED} else 200
    return _page(row), status


def _page(row: ContractImport, problems: tuple[Text, ...] = ()) -> str:
    rows = row.result["rows"]
    wrong = contract_imports.faults(row)
    return render_template(
        "contracts/imported.html",
        row=row,
        ready=contract_imports.ready(row),
        rows=rows,
        errors=[each for each in wrong if each["severity"] == "error"],
        warnings=[each for each in wrong if each["severity"] != "error"],
        labels_of=_labels(),
        say=_said,
        problems=problems,
        can_be_marked=contract_imports.can_be_marked(row),
        created=contract_imports.created(row, current_membership()),
        failed=bool(problems) or row.state in {ImportState.FAULTY, ImportState.REFUSED},
    )


@blueprint.get("/imports/<uuid:public_id>/marked.xlsx")
@requires(Permission.CONTRACT_EDIT, ContractImport)
@costly
@reads("import")
def marked_import(row: ContractImport) -> ResponseReturnValue:
    """The person's own file with the errors marked in it, to be mended there and uploaded again."""
    # TRANSLATORS: the name of a person's own file that comes back with its errors marked
    name = _("errors-%(file)s", file=row.name)
    content = BytesIO(contract_imports.marked(row))
    return send_file(content, mimetype=XLSX, as_attachment=True, download_name=name)


def _labels() -> list[Text]:
    kind = contract_sheets.contract()
    return [kind.column(key).label for key in SHOWN]


def _said(row: dict[str, Any]) -> list[Text]:
    return [contract_imports.row_words(row, key) for key in SHOWN]


@blueprint.post("/imports/<uuid:public_id>/create")
@requires(Permission.CONTRACT_EDIT, ContractImport)
def create_drafts(row: ContractImport) -> ResponseReturnValue:
    """Yes: make a draft of each row that is ready."""
    by = current_membership()
    if row.state == ImportState.STORED:  # a double click: the answer is the same page
        return redirect(url_for(".imported", public_id=row.public_id), 303)
    try:
        with transaction():
            made = contract_imports.create(row, by=by)
    except Invalid as refusal:
        return _page(row, tuple(getattr(each, "text", refusal.text) for each in refusal.problems)), 422
    flash(
        ngettext("%(num)d draft was made.", "%(num)d drafts were made.", len(made)),
        "success",
    )
    return redirect(url_for(".imported", public_id=row.public_id), 303)
