"""The page of one review, put together: what the decision, a comment and a refusal of either all show again."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from flask import render_template, request
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import IntegerField, RadioField, StringField, TextAreaField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import Optional

from portal import clock, impartiality
from portal.errors import Forbidden, NotFound
from portal.model import Comment, CommentCategory, Decision, Report, ReportState, Revision
from portal.operations import audit, processes
from portal.operations.contracts import contracts
from portal.operations.lookup import NOT_HERE
from portal.operations.reports import claims, comments, review_queue
from portal.text import Text
from portal.web import labels, lists
from portal.web.access import current_membership
from portal.web.choices import uuid_of
from portal.web.process_views import standing
from portal.web.progress import events, way
from portal.web.reports import comparisons, corrections, review_views
from portal.web.reports.comparisons import Compare
from portal.web.reports.review_views import Lens


class DecisionForm(FlaskForm):
    """The reviewer's one decision. `seen` seals the comments that were on the page."""

    version = IntegerField()
    seen = StringField()
    decision = RadioField(
        N_("What is the result of the review?"),
        choices=[SelectChoice(each.value, labels.DECISION[each]) for each in Decision],
    )
    reasons = TextAreaField(N_("Reasons"), validators=[Optional()])


class Draft(NamedTuple):
    """A comment being written: where, which of ours it changes (none: a new one), and why it was not stored, if so."""

    place: str
    category: str
    text: str
    comment: Comment | None = None
    problem: Text | None = None

    @property
    def line(self) -> str:
        """The place of the whole line, where its form stands; "" for what is not about a line."""
        kind, key, _field = (*self.place.split("/"), "", "")[:3]
        return f"{kind}/{key}/" if key else ""

    @property
    def target(self) -> str:
        """The id of what holds the comments of its place on the page."""
        kind, key, _field = (*self.place.split("/"), "", "")[:3]
        if key:
            return f"line-{kind}-{key}"
        return f"comments-{kind}" if kind else "comments"


def page(
    report: Report, *, form: DecisionForm | None = None, draft: Draft | None = None, first: Text | None = None
) -> str:
    """The page of the newest revision, with the decision as it was sent and the comment that is being written.

    `first`: what somebody else did first; what was typed stays to be sent again.
    """
    revision, by = report.latest, current_membership()
    if revision is None:
        raise NotFound(NOT_HERE)
    form = form or DecisionForm(formdata=None)
    draft = draft or _asked_for(report)
    barred = why_barred(report)
    chosen = lists.queue_filter(request.args)
    found = standing(processes.of(report))
    return render_template(
        "reviews/review.html",
        report=report,
        revision=revision,
        form=form,
        draft=draft,
        first=first,
        failed=first is not None or bool(form.errors) or bool(draft and draft.problem),
        **_reported(report, revision, draft),
        barred=barred,
        waiting=report.state == ReportState.SUBMITTED,
        may_decide=report.state == ReportState.SUBMITTED and barred is None,
        others=claims.others_at(report, by=by),
        around=review_queue.around(report, by, chosen, now=clock.now()),
        by=by,
        arguments=lists.queue_arguments(chosen),
        view=view_arguments(),
        standing=found,
        way=way(found),
        events=events(audit.trail([report], by=by)),
    )


def _reported(report: Report, revision: Revision, draft: Draft | None) -> dict[str, Any]:
    """What the revision says, what the rules say of it, and what was said of it."""
    kinds = contracts.counting_kinds(report)
    said = comments.of(report, by=current_membership())
    told = corrections.told(report, said, kinds)
    lens = _lens(report, revision, draft)
    return {
        "lens": lens,
        "choices": comparisons.choices(report),
        "sections": [review_views.section(kind, revision, lens, told) for kind in kinds.values() if kind.fields],
        "on_the_whole": [each for each in told if not each.place.kind],
        **_to_send([comment for comment in said if comment.revision_id == revision.id]),
        "figure_groups": review_views.figure_groups(revision, kinds),
        "basis": review_views.basis_of(revision),
        "findings": review_views.shown_findings(revision, kinds),
        "before": report.baseline.review if report.baseline else None,
    }


def _to_send(own: Sequence[Comment]) -> dict[str, Any]:
    """What a decision on the revision would tell the supplier, counted and sealed."""
    musts = [comment for comment in own if comment.must_be_corrected]
    return {
        "musts": musts,
        "must_lines": len({(comment.kind, comment.line_key) for comment in musts if comment.line_key}),
        "must_parts": len({comment.kind for comment in musts if comment.kind and not comment.line_key}),
        "questions": sum(comment.is_for_supplier and comment.category == CommentCategory.QUESTION for comment in own),
        "seal": comments.seal(own),
    }


def view_arguments() -> dict[str, Any]:
    """How the reviewer looks at the lines, as arguments of an address; what is so anyway is left out."""
    found = {"compare": request.args.get("compare", ""), "rows": request.args.get("rows", "")}
    return {name: value for name, value in found.items() if value in {*Compare, "all"}}


def _lens(report: Report, revision: Revision, draft: Draft | None) -> Lens:
    against = comparisons.chosen(report, request.args.get("compare", ""))
    kept = draft.line if draft else request.args.get("line", "")
    files = review_views.files_of(revision, current_membership())
    return Lens(comparisons.earlier(report, against), request.args.get("rows") == "all", kept, files)


def _asked_for(report: Report) -> Draft | None:
    """The comment that the address asks to write or to change."""
    if "about" in request.args:
        place = request.args["about"]
        usual = CommentCategory.MUST if place else CommentCategory.QUESTION
        return Draft(place, usual, "")
    wanted, by = uuid_of(request.args.get("edit", "")), current_membership()
    for comment in comments.of(report, by=by) if wanted else ():
        if comment.public_id == wanted and comment.written_by_id == by.person_id:
            return Draft(str(comments.Place.of(comment)), comment.category, comment.text, comment)
    return None


def why_barred(report: Report) -> Text | None:
    """Why this person may not decide; None when they may."""
    try:
        impartiality.may_review(current_membership(), report)
    except Forbidden as refusal:
        return refusal.text
    return None
