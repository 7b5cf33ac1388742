"""Comments on a report: written and changed by reviewers on the review page, answered by the supplier."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import IntegerField, StringField

from portal.errors import Conflict, Invalid, NotFound
from portal.extensions import transaction
from portal.model import Comment, CommentCategory, Report
from portal.operations import lookup
from portal.operations.lookup import NOT_HERE
from portal.operations.reports import comments
from portal.operations.reports.comments import Place
from portal.permissions import Permission
from portal.text import Text
from portal.web import lists
from portal.web.access import current_membership, requires
from portal.web.reports import reports, review_page
from portal.web.reports.corrections import Reply
from portal.web.reports.review_page import Draft

blueprint = Blueprint("comments", __name__)

CHOOSE_CATEGORY = Text("Velg hva slags kommentar det er.", "Choose what sort of comment it is.")


class CommentForm(FlaskForm):
    """A comment. What it is about, and on which revision it was written, come from the page."""

    revision = IntegerField()
    place = StringField()
    category = StringField()
    text = StringField()


@blueprint.post("/reports/<uuid:public_id>/comments")
@requires(Permission.REPORT_REVIEW, Report)
def add(report: Report) -> ResponseReturnValue:
    """Store a comment, and back to the line it stands on."""
    form, by = CommentForm(), current_membership()
    draft = Draft(form.place.data or "", form.category.data or "", form.text.data or "")
    category, place = _category(draft), _place(draft)
    if category is None:
        return _again(report, draft, CHOOSE_CATEGORY)
    try:
        with transaction():
            comments.add(report, place, category, draft.text, by=by, revision=form.revision.data or 0)
    except (Invalid, Conflict) as refusal:
        return _again(report, draft, refusal.text, was_late=isinstance(refusal, Conflict))
    flash(_("The comment is saved."), "success")
    return _back(report, draft)


@blueprint.post("/comments/<uuid:public_id>")
@requires(Permission.REPORT_REVIEW, Comment)
def change(comment: Comment) -> ResponseReturnValue:
    """Store a comment in other words."""
    form, by = CommentForm(), current_membership()
    report = lookup.by_number(Report, comment.report_id)
    draft = Draft(str(Place.of(comment)), form.category.data or "", form.text.data or "", comment)
    category = _category(draft)
    if category is None:
        return _again(report, draft, CHOOSE_CATEGORY)
    try:
        with transaction():
            comments.change(comment, category, draft.text, by=by)
    except (Invalid, Conflict) as refusal:
        return _again(report, draft, refusal.text, was_late=isinstance(refusal, Conflict))
    flash(_("The comment is changed."), "success")
    return _back(report, draft)


@blueprint.post("/comments/<uuid:public_id>/remove")
@requires(Permission.REPORT_REVIEW, Comment)
def remove(comment: Comment) -> ResponseReturnValue:
    """Take a comment away."""
    return _without(comment, comments.remove, _("The comment is removed."))


@blueprint.post("/comments/<uuid:public_id>/set-aside")
@requires(Permission.REPORT_REVIEW, Comment)
def set_aside(comment: Comment) -> ResponseReturnValue:
    """Find that what a colleague wants corrected need not be."""
    return _without(comment, comments.set_aside, _("The comment is set aside, and is not sent."))


@blueprint.post("/comments/<uuid:public_id>/reply")
@requires(Permission.REPORT_EDIT, Comment)
def reply(comment: Comment) -> ResponseReturnValue:
    """The supplier's answer to a question."""
    report, text = lookup.by_number(Report, comment.report_id), request.form.get("reply", "")
    try:
        with transaction():
            comments.answer(comment, text, by=current_membership())
    except Invalid as refusal:
        return reports.page(report, Reply(comment, text, refusal.text)), 422
    flash(_("Your answer is saved. The reviewer reads it when the report is sent."), "success")
    return redirect(url_for("reports.show", public_id=report.public_id, _anchor=f"comment-{comment.public_id}"), 303)


def _without(comment: Comment, act: Callable[..., None], words: str) -> ResponseReturnValue:
    """Do something with a comment after which it is not sent, and go back to where it stood."""
    report, draft = lookup.by_number(Report, comment.report_id), Draft(str(Place.of(comment)), "", "")
    with transaction():
        act(comment, by=current_membership())
    flash(words, "success")
    return _back(report, draft)


def _category(draft: Draft) -> CommentCategory | None:
    return next((each for each in CommentCategory if each == draft.category), None)


def _place(draft: Draft) -> Place:
    """A place that is none is a page that was tampered with."""
    try:
        return Place.read(draft.place)
    except ValueError:
        raise NotFound(NOT_HERE) from None


def _again(report: Report, draft: Draft, why: Text, *, was_late: bool = False) -> ResponseReturnValue:
    """The page with what was typed still in it, and why it was not stored."""
    report = lookup.one(Report, report.public_id, current_membership())
    return review_page.page(report, draft=draft._replace(problem=why)), 409 if was_late else 422


def _back(report: Report, draft: Draft) -> ResponseReturnValue:
    """To where the comment stands, in the same filter and the same view."""
    arguments: dict[str, Any] = dict(lists.queue_arguments(lists.queue_filter(request.args)))
    arguments |= review_page.view_arguments()
    line = draft.line or None
    address = url_for("reviews.review", public_id=report.public_id, **arguments, line=line, _anchor=draft.target)
    return redirect(address, 303)
