"""The reviewer's pages: the queue, and one report with everything needed to decide on it."""

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import IntegerField, RadioField, TextAreaField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import Optional

from portal import clock, permissions
from portal.errors import Conflict, Forbidden, Invalid, NotFound
from portal.extensions import transaction
from portal.model import Decision, Report, ReportState
from portal.operations import audit, contracts, drafts, lookup, processes, reviews
from portal.operations.lookup import NOT_HERE
from portal.operations.reviews import Correction
from portal.permissions import Permission
from portal.text import Text
from portal.web import corrections, labels, lists, queue_views, review_views
from portal.web.access import current_membership, requires
from portal.web.process_views import standing
from portal.web.progress import events, way

blueprint = Blueprint("reviews", __name__)


CHOOSE = Text("Velg hva kontrollen førte til.", "Choose the result of the review.")
UNSENT_COMMENTS = Text(
    "Du har skrevet kommentarer til linjene. De blir bare sendt når du ber om retting. Velg det, eller fjern dem.",
    "You have commented on lines. Comments are only sent when you return the report. Choose that, or remove them.",
)


class DecisionForm(FlaskForm):
    """The reviewer's one decision. Comments that reopen values are read beside it, for they follow the lines."""

    version = IntegerField()
    decision = RadioField(
        N_("What is the result of the review?"),
        choices=[SelectChoice(each.value, labels.DECISION[each]) for each in Decision],
    )
    reasons = TextAreaField(N_("Reasons"), validators=[Optional()])


@blueprint.get("/queue")
@requires(Permission.REPORT_REVIEW)
def queue() -> ResponseReturnValue:
    """Open review tasks, the most urgent first. The filter lives in the address."""
    by = current_membership()
    chosen = lists.queue_filter(request.args)
    last = lists.uuid_of(request.args.get("after", ""))
    rows = reviews.queue(by, chosen, now=clock.now(), after=last, limit=reviews.PAGE + 1)
    arguments: dict[str, Any] = dict(lists.queue_arguments(chosen))
    shown = rows[: reviews.PAGE]
    following = url_for(".queue", **arguments, after=shown[-1].task.public_id) if len(rows) > reviews.PAGE else ""
    choices = queue_views.choices(by)
    return render_template(
        "reviews/queue.html",
        rows=queue_views.waiting(shown, by),
        choices=choices,
        arguments=arguments,
        filters=[
            {"label": choices.named(name, value), "url": url_for(".queue", **{**arguments, name: None})}
            for name, value in arguments.items()
        ],
        next_url=following,
        is_first_page=last is None,
    )


@blueprint.route("/reports/<uuid:public_id>/review", methods=["GET", "POST"])
@requires(Permission.REPORT_REVIEW, Report)
def review(report: Report) -> ResponseReturnValue:
    """Lines, what the rules say, the period before; and the decision."""
    chosen = lists.queue_filter(request.args)
    form = DecisionForm()
    if request.method == "GET":
        return _page(report, form, {})
    comments = {
        name.removeprefix("comment:"): text
        for name, text in request.form.items()
        if name.startswith("comment:") and text.strip()
    }
    decision = next((each for each in Decision if each.value == form.decision.data), None)
    if decision is None or (comments and decision != Decision.RETURN):
        form["decision"].errors = [CHOOSE if decision is None else UNSENT_COMMENTS]
        return _page(report, form, comments), 422
    try:
        with transaction():
            reviews.decide(
                report,
                decision,
                by=current_membership(),
                version=form.version.data or 0,
                reasons=form.reasons.data or "",
                corrections=[_correction(place, text) for place, text in comments.items()],
            )
    except Conflict as first:
        return _page(lookup.one(Report, report.public_id, current_membership()), form, comments, first.text), 409
    except Invalid as refusal:
        form["reasons" if decision == Decision.REJECT else "decision"].errors = [refusal.text]
        return _page(report, form, comments), 422
    flash(_done(decision, report), "success")
    following = reviews.next_after(report, current_membership(), chosen, now=clock.now())
    arguments: dict[str, Any] = dict(lists.queue_arguments(chosen))
    if following is None:
        return redirect(url_for(".queue", **arguments), 303)
    return redirect(url_for(".review", public_id=following.public_id, **arguments), 303)


def _done(decision: Decision, report: Report) -> str:
    words = {"title": report.contract.title}
    if decision == Decision.APPROVE:
        return str(_("%(title)s: the report is approved.", **words))
    if decision == Decision.RETURN:
        return str(_("%(title)s: the report is returned for correction, and the supplier has been told.", **words))
    return str(_("%(title)s: the report is rejected, and the supplier has been told.", **words))


def _correction(place: str, text: str) -> Correction:
    """A comment's place is "kind/line key/field"; a place that is none is a page that was tampered with."""
    kind, _slash, rest = place.partition("/")
    key, _slash, field = rest.partition("/")
    try:
        return Correction(kind, uuid.UUID(key), field, text)
    except ValueError:
        raise NotFound(NOT_HERE) from None


def _page(report: Report, form: DecisionForm, comments: dict[str, str], first: Text | None = None) -> str:
    """The page of the newest revision. `first` says who was first; what was typed stays to be sent again."""
    revision = report.latest
    if revision is None:
        raise NotFound(NOT_HERE)
    previous = drafts.previous_lines(report)
    kinds = contracts.counting_kinds(report)
    found = standing(processes.of(report))
    return render_template(
        "reviews/review.html",
        report=report,
        revision=revision,
        form=form,
        comments=comments,
        first=first,
        failed=first is not None or bool(form.errors),
        sections=[
            review_views.section(kind, revision, previous.get(kind.key, [])) for kind in contracts.kinds_of(report)
        ],
        figure_groups=review_views.figure_groups(revision, kinds),
        basis=review_views.basis_of(revision),
        findings=review_views.shown_findings(revision, kinds),
        corrections=corrections.corrections(report, kinds),
        before=report.revisions[-2].review if len(report.revisions) > 1 else None,
        barred=_barred(report),
        waiting=report.state == ReportState.SUBMITTED,
        arguments=lists.queue_arguments(lists.queue_filter(request.args)),
        standing=found,
        way=way(found),
        events=events(audit.trail([report], by=current_membership())),
    )


def _barred(report: Report) -> Text | None:
    """Why this person may not decide; None when they may."""
    try:
        permissions.may_review(current_membership(), report)
    except Forbidden as refusal:
        return refusal.text
    return None
