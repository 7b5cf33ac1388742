"""From a finished draft to a receipt: the check with its reasons, the signature, and taking either back."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import IntegerField, TextAreaField
from wtforms.validators import Optional

from portal.errors import Invalid
from portal.extensions import transaction
from portal.kinds import Problem
from portal.model import Report, ReportState
from portal.operations import lookup
from portal.operations.contracts import contract_days
from portal.operations.entry import explanations
from portal.operations.entry.explanations import Subject, Warned
from portal.operations.reports import amendments, reports, withdrawals
from portal.operations.reports.reports import DONE, AlreadySent, ChangedSince
from portal.permissions import Permission, allowed
from portal.text import Text
from portal.web.access import current_membership, requires
from portal.web.reports import report_views
from portal.web.reports.report_views import Part, Remark
from portal.web.reports.reports import blueprint

REASON = "reason:"
"""Before the name of a field that holds a reason; the rest says what for."""
CHECK = "check"
"""Where a section that was changed from the check page leads back to."""


class VersionForm(FlaskForm):
    """A button that acts on what the person saw: it carries the row version they saw."""

    version = IntegerField()


class WithholdForm(VersionForm):
    """Sending the draft back to whoever fills it in."""

    comment = TextAreaField(lazy_gettext("What should be changed?"))


class WithdrawForm(VersionForm):
    """Taking back what was sent."""

    reason = TextAreaField(lazy_gettext("Why do you withdraw it?"), validators=[Optional()])


class AmendForm(VersionForm):
    """Amending what was approved."""

    reason = TextAreaField(lazy_gettext("Why is the report to be amended?"))


class Asked(NamedTuple):
    """A warning on the check page, with the field for its reason."""

    id: str
    name: str
    text: Text
    url: str
    reason: str
    error: Text | None
    is_other: bool
    """Whether the warning read otherwise when the reason was written."""


# -- checked and signed ------------------------------------------------------------------------------------------------


@blueprint.get("/<uuid:public_id>/check")
@requires(Permission.REPORT_EDIT, Report)
def check(report: Report) -> ResponseReturnValue:
    """Every answer and what follows from it, before anybody signs."""
    if report.state in DONE:
        return redirect(url_for(".receipt", public_id=report.public_id), 303)
    return _check_page(report, VersionForm(version=report.version))


@blueprint.post("/<uuid:public_id>/explain")
@requires(Permission.REPORT_EDIT, Report)
def explain(report: Report) -> ResponseReturnValue:
    """Keep the reasons that are written so far."""
    form = VersionForm()
    try:
        with transaction():
            reports.explain(report, _given(), by=current_membership())
    except Invalid as refusal:
        return _check_page(report, form, refusal), 422
    flash(_("The reasons are saved."), "success")
    return redirect(url_for(".check", public_id=report.public_id), 303)


@blueprint.post("/<uuid:public_id>/ready")
@requires(Permission.REPORT_EDIT, Report)
def make_ready(report: Report) -> ResponseReturnValue:
    """Hand the report to whoever may sign."""
    form = VersionForm()
    try:
        with transaction():
            reports.make_ready(report, by=current_membership(), version=form.version.data or 0, reasons=_given())
    except Invalid as refusal:
        return _stopped(report, form, refusal), 422
    except ChangedSince as refusal:
        return _overtaken(report, refusal)
    flash(_("The report is ready. The signatory has been told."), "success")
    return redirect(url_for("pages.home"), 303)


@blueprint.post("/<uuid:public_id>/sign")
@requires(Permission.REPORT_SIGN, Report)
def sign(report: Report) -> ResponseReturnValue:
    """Sign and send: one act, one receipt. The same button twice gives the same receipt."""
    form = VersionForm()
    try:
        with transaction():
            reports.sign(report, by=current_membership(), version=form.version.data or 0, reasons=_given())
    except Invalid as refusal:
        return _stopped(report, form, refusal), 422
    except ChangedSince as refusal:
        return _overtaken(report, refusal)
    except AlreadySent:
        pass
    return redirect(url_for(".receipt", public_id=report.public_id), 303)


@blueprint.post("/<uuid:public_id>/withhold")
@requires(Permission.REPORT_SIGN, Report)
def withhold(report: Report) -> ResponseReturnValue:
    """The signatory wants something changed first, and says what."""
    form = WithholdForm()
    try:
        with transaction():
            reports.withhold(report, form.comment.data or "", by=current_membership(), version=form.version.data or 0)
    except Invalid as refusal:
        form["comment"].errors = [refusal.text]
        return _check_page(report, VersionForm(version=report.version), withhold=form), 422
    except ChangedSince as refusal:
        return _overtaken(report, refusal, form)
    flash(_("The report is open for editing again. Whoever fills it in has been told."), "success")
    return redirect(url_for(".show", public_id=report.public_id), 303)


def _given() -> dict[Subject, str]:
    """The reasons that were sent along."""
    named = {name.removeprefix(REASON): text for name, text in request.form.items() if name.startswith(REASON)}
    return {about: text for name, text in named.items() if (about := Subject.load(name)) is not None}


def _overtaken(report: Report, refusal: ChangedSince, withhold: WithholdForm | None = None) -> ResponseReturnValue:
    """The page again as the answers are now, with what was written still in it."""
    report = lookup.one(Report, report.public_id, current_membership())
    if not report.is_editable and report.state != ReportState.TO_SIGN:
        raise refusal
    if withhold is not None:
        withhold.version.data = report.version
    form = VersionForm(formdata=None, version=report.version)
    return _check_page(report, form, Invalid(refusal.text), withhold=withhold, overtaken=refusal.text), 409


def _stopped(report: Report, form: VersionForm, refusal: Invalid) -> str:
    """The page again with what stops it. The reasons that were written are kept all the same."""
    rules = {problem.rule for problem in refusal.problems if isinstance(problem, Problem)}
    if explanations.TOO_LONG not in rules:
        with transaction():
            reports.explain(report, _given(), by=current_membership())
    return _check_page(report, form, refusal)


def _check_page(
    report: Report,
    form: VersionForm,
    refusal: Invalid | None = None,
    *,
    withhold: WithholdForm | None = None,
    overtaken: Text | None = None,
) -> str:
    by = current_membership()
    found = reports.summary(report)
    parts = report_views.parts(report, found, back=CHECK)
    reasons = _asked(reports.warnings(report, found), parts, refusal)
    return render_template(
        "reports/check.html",
        report=report,
        parts=parts,
        is_ready=found.is_ready,
        reasons=reasons,
        may_explain=report.is_editable or allowed(by, Permission.REPORT_SIGN),
        figures=report_views.draft_figures(found),
        findings=report_views.draft_findings(found),
        basis=found.assessment.basis,
        form=form,
        overtaken=overtaken,
        withhold=withhold or WithholdForm(formdata=None, version=report.version),
        may_sign=allowed(by, Permission.REPORT_SIGN),
        failed=not found.is_ready or refusal is not None or withhold is not None,
    )


def _asked(found: Sequence[Warned], parts: Sequence[Part], refusal: Invalid | None) -> list[Asked]:
    """The warnings in words, with what was said of them: as it was just written, else as it is stored."""
    given = _given() if refusal is not None else {}
    rules = {problem.rule for problem in (refusal.problems if refusal else ()) if isinstance(problem, Problem)}
    stops = bool(rules & {explanations.NEEDS_REASON, explanations.TOO_LONG})
    remarks = {remark.subject: remark for part in parts for remark in part.warnings}
    return [
        _question(number, each, remarks[each.subject], given.get(each.subject), stops=stops)
        for number, each in enumerate(found, start=1)
    ]


def _question(number: int, warned: Warned, remark: Remark, given: str | None, *, stops: bool) -> Asked:
    reason = (warned.reason or warned.earlier) if given is None else given
    error = explanations.wrong(warned, reason) if stops else None
    name = f"{REASON}{warned.subject.name}"
    return Asked(f"reason-{number}", name, remark.text, remark.url, reason, error, bool(warned.earlier))


# -- taken back, and amended -------------------------------------------------------------------------------------------


@blueprint.route("/<uuid:public_id>/withdraw", methods=["GET", "POST"])
@requires(Permission.REPORT_SIGN, Report)
def withdraw(report: Report) -> ResponseReturnValue:
    """Take back what was sent, before anybody has begun to review it."""
    form = WithdrawForm()
    if request.method == "GET":
        if report.state != ReportState.SUBMITTED or report.review_begun_at is not None:
            return redirect(url_for(".show", public_id=report.public_id), 303)
        form.version.data = report.version
        return render_template(
            "reports/withdraw.html",
            report=report,
            form=form,
            due_at=withdrawals.due_after(report),
            was_taken_back=withdrawals.was_taken_back(report),
            asked_no_more=contract_days.would_be_asked_no_more(report),
        )
    with transaction():
        withdrawals.withdraw(report, form.reason.data or "", by=current_membership(), version=form.version.data or 0)
    flash(_withdrawn(report), "success")
    return redirect(url_for(".show", public_id=report.public_id), 303)


def _withdrawn(report: Report) -> str:
    if report.state == ReportState.SPARED:
        return str(_("The report is withdrawn, and asked for no more. The reviewers have been told."))
    return str(_("The report is withdrawn and open for editing. The reviewers have been told."))


@blueprint.route("/<uuid:public_id>/amend", methods=["GET", "POST"])
@requires(Permission.REPORT_EDIT, Report)
def amend(report: Report) -> ResponseReturnValue:
    """Propose to amend what was approved, with a reason."""
    form = AmendForm()
    if request.method == "GET":
        if not amendments.is_open_to(report):
            return redirect(url_for(".show", public_id=report.public_id), 303)
        form.version.data = report.version
        return _amend_page(report, form)
    try:
        with transaction():
            amendments.propose(report, form.reason.data or "", by=current_membership(), version=form.version.data or 0)
    except Invalid as refusal:
        form["reason"].errors = [refusal.text]
        return _amend_page(report, form), 422
    flash(_("The report is open for amendment. Change what is to be changed, then check and send it."), "success")
    return redirect(url_for(".show", public_id=report.public_id), 303)


def _amend_page(report: Report, form: AmendForm) -> str:
    return render_template("reports/amend.html", report=report, form=form, failed=bool(form.errors))


@blueprint.route("/<uuid:public_id>/amend/drop", methods=["GET", "POST"])
@requires(Permission.REPORT_EDIT, Report)
def drop_amendment(report: Report) -> ResponseReturnValue:
    """Give an amendment up; what was approved stays in force."""
    form = VersionForm()
    if request.method == "GET":
        if not report.is_amendment or report.state == ReportState.SUBMITTED:
            return redirect(url_for(".show", public_id=report.public_id), 303)
        form.version.data = report.version
        return render_template("reports/drop_amendment.html", report=report, form=form)
    with transaction():
        amendments.drop(report, by=current_membership(), version=form.version.data or 0)
    flash(_("The amendment is dropped. What was approved is in force, as before."), "success")
    return redirect(url_for(".show", public_id=report.public_id), 303)
