"""Asking for more time with a report or a reply, and the buyer's answer."""

from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import DateField, TextAreaField

from portal import calendars
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import transaction
from portal.kinds import Problem
from portal.model import Deviation, ExtensionRequest, ExtensionState, Report
from portal.operations import lookup, time_asked
from portal.operations.reports import extensions
from portal.operations.time_asked import Subject
from portal.permissions import Permission
from portal.text import Text
from portal.web.access import current_membership, requires
from portal.web.languages import current_language

blueprint = Blueprint("extensions", __name__)

GRANT, REFUSE = "grant", "refuse"
CHOOSE = Text("Velg om dere gir mer tid eller ikke.", "Choose whether you give more time or not.")
NO_SUCH_DAY = Text("Skriv dagen som 2026-10-16.", "Write the day as 2026-10-16.")


class AskForm(FlaskForm):
    """What the supplier asks for."""

    until = DateField(N_("Until when do you need?"))
    words = TextAreaField(N_("Why do you need more time?"))


class AnswerForm(FlaskForm):
    """What the buyer answers. `until` is for a yes, `words` are needed for a no."""

    until = DateField(N_("New deadline"))
    words = TextAreaField(N_("Message to the supplier"))


@blueprint.route("/reports/<uuid:public_id>/more-time", methods=["GET", "POST"])
@requires(Permission.DEADLINE_ASK, Report)
def ask_report(report: Report) -> ResponseReturnValue:
    """Ask for more time with a report."""
    return _ask(report, url_for("reports.show", public_id=report.public_id))


@blueprint.route("/cases/<uuid:public_id>/more-time", methods=["GET", "POST"])
@requires(Permission.DEADLINE_ASK, Deviation)
def ask(deviation: Deviation) -> ResponseReturnValue:
    """Ask for more time to reply to a notice."""
    return _ask(deviation, url_for("cases.show", public_id=deviation.public_id))


@blueprint.route("/more-time/<uuid:public_id>", methods=["GET", "POST"])
@requires(Permission.DEADLINE_GRANT, ExtensionRequest)
def answer(wish: ExtensionRequest) -> ResponseReturnValue:
    """Give more time, or say why not."""
    form = AnswerForm()
    if request.method == "GET":
        form.until.data = calendars.local_day(wish.wished_until, wish.subject.contract.time_zone)
        return _answer_page(wish, form)
    choice = request.form.get("answer")
    if choice not in {GRANT, REFUSE}:
        return _answer_page(wish, form, choose=CHOOSE), 422
    try:
        with transaction():
            _give(wish, form, granted=choice == GRANT)
    except Invalid as refusal:
        _put(form, refusal)
        return _answer_page(wish, form, choice=choice), 422
    except Conflict as first:
        fresh = lookup.one(ExtensionRequest, wish.public_id, current_membership())
        return _answer_page(fresh, form, choice=choice, overtaken=first.text), 409
    flash(_("The supplier has been told of the new deadline.") if choice == GRANT else _("The supplier has been told."))
    return redirect(url_for("pages.home"), 303)


def _give(wish: ExtensionRequest, form: AnswerForm, *, granted: bool) -> None:
    by, words = current_membership(), form.words.data or ""
    if granted:
        extensions.grant(wish, _day(form), words, by=by)
    else:
        extensions.refuse(wish, words, by=by)


def _ask(subject: Subject, back: str) -> ResponseReturnValue:
    form, by = AskForm(), current_membership()
    if request.method == "GET":
        if not extensions.may_ask(subject, by):
            flash(_why_not(subject).to(current_language()), "info")
            return redirect(back, 303)
        return _ask_page(subject, form, back)
    try:
        with transaction():
            extensions.ask(subject, _day(form), form.words.data or "", by=by)
    except Invalid as refusal:
        if not extensions.may_ask(subject, by):
            raise Refused(_why_not(subject)) from refusal  # a day that cannot be read comes before any deadline
        _put(form, refusal)
        return _ask_page(subject, form, back), 422
    flash(_("The buyer has been told. You get an e-mail when they have answered."), "success")
    return redirect(back, 303)


def _why_not(subject: Subject) -> Text:
    if time_asked.waiting_for(subject) is not None:
        return extensions.ASKED_ALREADY
    if extensions.due_of(subject) is None:
        return extensions.NO_DEADLINE
    return extensions.TOO_LATE.with_values(due=extensions.due_in_words(subject))


def _ask_page(subject: Subject, form: AskForm, back: str) -> str:
    return render_template(
        "extensions/ask.html",
        subject=subject,
        report=_report(subject),
        deviation=subject if isinstance(subject, Deviation) else None,
        due_at=extensions.due_of(subject),
        form=form,
        back=back,
        was_refused=time_asked.was_refused(subject),
        failed=bool(form.errors),
    )


def _answer_page(
    wish: ExtensionRequest,
    form: AnswerForm,
    *,
    choice: str = "",
    choose: Text | None = None,
    overtaken: Text | None = None,
) -> str:
    return render_template(
        "extensions/answer.html",
        wish=wish,
        report=_report(wish.subject),
        deviation=wish.deviation,
        is_open=wish.state == ExtensionState.ASKED,
        earlier=[each for each in time_asked.of(wish.subject) if each.id != wish.id],
        form=form,
        choice=choice,
        choose=choose,
        overtaken=overtaken,
        failed=bool(form.errors or choose or overtaken),
    )


def _report(subject: Subject) -> Report:
    return subject if isinstance(subject, Report) else subject.report


def _day(form: AskForm | AnswerForm) -> date | None:
    """The day that was chosen. Raises Invalid when it is none."""
    if not any(form.until.raw_data or ()):
        return None
    if form.until.process_errors:
        raise Invalid(NO_SUCH_DAY, (Problem("until", NO_SUCH_DAY, "until"),))
    day: date | None = form.until.data
    return day


def _put(form: AskForm | AnswerForm, refusal: Invalid) -> None:
    """What is wrong, beside its field."""
    for problem in refusal.problems:
        if isinstance(problem, Problem):
            form[problem.field].errors = [problem.text]
