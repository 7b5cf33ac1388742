"""The reviewer's pages: the queue, and the decision on one report."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal import clock
from portal.errors import Conflict, Invalid
from portal.extensions import transaction
from portal.model import Decision, Report, ReportState
from portal.operations import accounts, lookup
from portal.operations.reports import claims, review_queue, reviews
from portal.permissions import Permission
from portal.text import Text
from portal.web import lists
from portal.web.access import current_membership, requires, safe_target
from portal.web.choices import uuid_of
from portal.web.reading import AN_HOUR, reads
from portal.web.reports import queue_views, review_page
from portal.web.reports.review_page import DecisionForm

blueprint = Blueprint("reviews", __name__)

CHOOSE = Text("Velg hva kontrollen førte til.", "Choose the result of the review.")


@blueprint.get("/queue")
@requires(Permission.REPORT_REVIEW)
def queue() -> ResponseReturnValue:
    """Open review tasks, the most urgent first. The filter lives in the address."""
    by, now = current_membership(), clock.now()
    chosen = lists.queue_filter(request.args)
    last = uuid_of(request.args.get("after", ""))
    rows = review_queue.queue(by, chosen, now=now, after=last, limit=review_queue.PAGE + 1)
    arguments: dict[str, Any] = dict(lists.queue_arguments(chosen))
    shown = rows[: review_queue.PAGE]
    more = len(rows) > review_queue.PAGE
    choices = queue_views.narrowing(by, arguments)
    return render_template(
        "reviews/queue.html",
        rows=queue_views.waiting(shown, by),
        count=review_queue.count(by, chosen, now=now),
        choices=choices,
        arguments=arguments,
        filters=[
            {"label": choices.named(name, value), "url": url_for(".queue", **{**arguments, name: None})}
            for name, value in arguments.items()
        ],
        next_url=url_for(".queue", **arguments, after=shown[-1].task.public_id) if more else "",
        is_first_page=last is None,
    )


@blueprint.route("/reports/<uuid:public_id>/review", methods=["GET", "POST"])
@requires(Permission.REPORT_REVIEW, Report)
@reads("report", once_in=AN_HOUR)
def review(report: Report) -> ResponseReturnValue:
    """Lines, what the rules say, the period before; and the decision."""
    if request.method == "GET":
        _note_presence(report)
        _begin(report)
        return review_page.page(report)
    form, by = DecisionForm(), current_membership()
    decision = next((each for each in Decision if each.value == form.decision.data), None)
    if decision is None:
        form["decision"].errors = [CHOOSE]
        return review_page.page(report, form=form), 422
    try:
        with transaction():
            reviews.decide(
                report,
                decision,
                by=by,
                version=form.version.data or 0,
                reasons=form.reasons.data or "",
                seen=form.seen.data or None,
            )
    except Conflict as first:
        return review_page.page(lookup.one(Report, report.public_id, by), form=form, first=first.text), 409
    except Invalid as refusal:
        form["reasons" if decision == Decision.REJECT else "decision"].errors = [refusal.text]
        return review_page.page(report, form=form), 422
    flash(_done(decision, report), "success")
    return redirect(_onwards(report), 303)


@blueprint.post("/reports/<uuid:public_id>/review/here")
@requires(Permission.REPORT_REVIEW, Report)
def here(report: Report) -> ResponseReturnValue:
    """A sign of life from somebody who still reads."""
    _note_presence(report)
    return "", 204


@blueprint.post("/review-keys")
@requires(Permission.REPORT_REVIEW)
def keys() -> ResponseReturnValue:
    """Turn single-letter shortcuts on or off, for good."""
    with transaction():
        accounts.choose_single_keys(current_membership().person, on=request.form.get("keys") == "on")
    return redirect(safe_target(request.form.get("next")) or url_for(".queue"), 303)


def _note_presence(report: Report) -> None:
    by = current_membership()
    if claims.is_due(report, by=by):
        with transaction():
            claims.take(report, by=by)


def _onwards(report: Report) -> str:
    """Where the reviewer wants to be after a decision: at the next in the queue, unless they asked to stay."""
    chosen = lists.queue_filter(request.args)
    arguments: dict[str, Any] = dict(lists.queue_arguments(chosen))
    if request.form.get("then") == "stay":
        return url_for(".review", public_id=report.public_id, **arguments)
    following = review_queue.next_after(report, current_membership(), chosen, now=clock.now())
    if following is None:
        return url_for(".queue", **arguments)
    return url_for(".review", public_id=following.public_id, **arguments)


def _begin(report: Report) -> None:
    """Whoever may decide and opens the page has begun the review; from then on the supplier cannot withdraw."""
    if (
        report.state == ReportState.SUBMITTED
        and report.review_begun_at is None
        and review_page.why_barred(report) is None
    ):
        with transaction():
            reviews.begin(report, by=current_membership())


def _done(decision: Decision, report: Report) -> str:
    words = {"title": report.contract.title}
    if decision == Decision.APPROVE:
        return str(_("%(title)s: the report is approved.", **words))
    if report.state == ReportState.SPARED:
        return str(
            _(
                "%(title)s: the decision is kept. The period lies after the contract's last day: nothing is asked for.",
                **words,
            )
        )
    if decision == Decision.RETURN:
        return str(_("%(title)s: the report is returned for correction, and the supplier has been told.", **words))
    return str(_("%(title)s: the report is rejected, and the supplier has been told.", **words))
