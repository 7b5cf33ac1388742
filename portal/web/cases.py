"""Case pages: a deviation from found to closed, with its notice, reply and sanction, for both parties."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from flask_wtf.file import MultipleFileField
from wtforms import IntegerField, StringField, TextAreaField
from wtforms.validators import Optional

from portal.errors import Conflict, Invalid, Refused
from portal.extensions import transaction
from portal.model import AuditEvent, Deviation, DeviationState, HumanTask, Membership, Person, Sanction
from portal.operations import audit, deviations, letters, lookup, processes, sanctions, tasks
from portal.operations.evidence import Upload
from portal.operations.processes import Subject
from portal.permissions import PROPOSED_IT, Permission, allowed
from portal.text import Text
from portal.web import case_views, lists
from portal.web.access import current_membership, requires
from portal.web.process_views import Standing, standing
from portal.web.progress import events, way

blueprint = Blueprint("cases", __name__, url_prefix="/cases")

TAKES_REPLIES = frozenset({DeviationState.AWAITING_REPLY, DeviationState.ASSESSING_REPLY})
WRITTEN = ("text", "reason", "comment", "how")
"""Where a person writes, in whichever form it is."""
STEPS = (
    "assess",
    "confirm_delivery",
    "reply",
    "assess_reply",
    "approve_sanction",
    "revise",
    "confirm_decision_delivery",
)


class NoticeForm(FlaskForm):
    """The formal notice."""

    version = IntegerField()
    text = TextAreaField(N_("Text of the notice"))
    working_days = IntegerField(N_("Time to reply, in working days"))


class ReasonForm(FlaskForm):
    """A choice that needs its reasons."""

    version = IntegerField()
    reason = TextAreaField(N_("Reasons"))


class DeliveryForm(FlaskForm):
    """How a letter that did not get through was delivered instead."""

    version = IntegerField()
    how = StringField(N_("How and when was it delivered?"), validators=[Optional()])


class ReplyForm(FlaskForm):
    """The supplier's answer."""

    text = TextAreaField(N_("Your reply"), validators=[Optional()])
    files = MultipleFileField(N_("Files"), validators=[Optional()])


class DecisionForm(FlaskForm):
    """The second person's word."""

    version = IntegerField()
    comment = TextAreaField(N_("Comment"), validators=[Optional()])


@blueprint.get("")
@requires(Permission.CASE_READ)
def index() -> ResponseReturnValue:
    """Deviations the acting organisation is a party to."""
    by = current_membership()
    page = lists.deviations(by, request.args)
    return render_template(
        "cases/index.html",
        page=page,
        rows=case_views.with_reports(page.rows),
        by=by,
        turn=case_views.turn,
        shown_state=case_views.shown_state,
    )


@blueprint.get("/<uuid:public_id>")
@requires(Permission.CASE_READ, Deviation)
def show(deviation: Deviation) -> ResponseReturnValue:
    """The whole case: what was found, what was said, where it stands, and what this person can do now."""
    return _page(deviation)


@blueprint.post("/<uuid:public_id>/dismiss")
@requires(Permission.CASE_ASSESS, Deviation)
def dismiss(deviation: Deviation) -> ResponseReturnValue:
    """There was no breach after all."""
    form = ReasonForm(prefix="dismiss")
    return _act(
        deviation,
        {"dismiss": form},
        lambda: deviations.dismiss(
            deviation, form.reason.data or "", by=current_membership(), version=form.version.data or 0
        ),
        _("The deviation is dismissed."),
    )


@blueprint.post("/<uuid:public_id>/notice")
@requires(Permission.CASE_ASSESS, Deviation)
def give_notice(deviation: Deviation) -> ResponseReturnValue:
    """Send the notice."""
    form = NoticeForm(prefix="notice")
    days = form.working_days.data or 0
    text = letters.with_deadline(form.text.data or "", deviation.contract, days)
    return _act(
        deviation,
        {"notice": form},
        lambda: deviations.give_notice(deviation, text, days, by=current_membership(), version=form.version.data or 0),
        _("The notice is on its way. The time to reply runs from when it is delivered."),
    )


@blueprint.post("/<uuid:public_id>/delivery")
@requires(Permission.CASE_ASSESS, Deviation)
def settle_delivery(deviation: Deviation) -> ResponseReturnValue:
    """The notice did not arrive by mail: send again, or say how it was delivered."""
    form = DeliveryForm(prefix="delivery")
    how = "" if "resend" in request.form else form.how.data or ""
    return _act(
        deviation,
        {"delivery": form},
        lambda: deviations.settle_delivery(deviation, how, by=current_membership(), version=form.version.data or 0),
        _("Noted."),
    )


@blueprint.post("/<uuid:public_id>/reply")
@requires(Permission.CASE_REPLY, Deviation)
def reply(deviation: Deviation) -> ResponseReturnValue:
    """The supplier answers, with files."""
    form = ReplyForm(prefix="reply")
    uploads = [
        Upload(given.filename or "", given.read()) for given in form.files.data or [] if given and given.filename
    ]
    return _act(
        deviation,
        {"reply": form},
        lambda: deviations.reply(deviation, form.text.data or "", uploads, by=current_membership()),
        _("Your reply is received. You can read it on this page."),
    )


@blueprint.post("/<uuid:public_id>/close")
@requires(Permission.CASE_ASSESS, Deviation)
def close(deviation: Deviation) -> ResponseReturnValue:
    """Settle without a sanction."""
    form = ReasonForm(prefix="close")
    return _act(
        deviation,
        {"close": form},
        lambda: deviations.close(
            deviation, form.reason.data or "", by=current_membership(), version=form.version.data or 0
        ),
        _("The case is closed."),
    )


@blueprint.post("/<uuid:public_id>/sanction")
@requires(Permission.SANCTION_PROPOSE, Deviation)
def propose(deviation: Deviation) -> ResponseReturnValue:
    """Propose a sanction under the contract's clause."""
    form = ReasonForm(prefix="propose")
    return _act(
        deviation,
        {"propose": form},
        lambda: sanctions.propose(
            deviation, form.reason.data or "", by=current_membership(), version=form.version.data or 0
        ),
        _("The sanction is proposed. Another person decides."),
    )


@blueprint.post("/sanctions/<uuid:public_id>/decide")
@requires(Permission.SANCTION_DECIDE, Sanction)
def decide(sanction: Sanction) -> ResponseReturnValue:
    """Approve, or send back."""
    form = DecisionForm(prefix="decide")
    approve = "approve" in request.form
    return _act(
        sanction.deviation,
        {"decide": form},
        lambda: sanctions.decide(
            sanction,
            approve=approve,
            comment=form.comment.data or "",
            by=current_membership(),
            version=form.version.data or 0,
        ),
        _("The sanction is decided, and the letter is on its way.") if approve else _("The proposal is sent back."),
    )


@blueprint.post("/sanctions/<uuid:public_id>/revise")
@requires(Permission.SANCTION_PROPOSE, Sanction)
def revise(sanction: Sanction) -> ResponseReturnValue:
    """Propose anew, or withdraw."""
    form = ReasonForm(prefix="revise")
    withdraw = "withdraw" in request.form
    return _act(
        sanction.deviation,
        {"revise": form},
        lambda: sanctions.revise(
            sanction, form.reason.data or "", withdraw=withdraw, by=current_membership(), version=form.version.data or 0
        ),
        _("The proposal is withdrawn.") if withdraw else _("The sanction is proposed again."),
    )


@blueprint.post("/sanctions/<uuid:public_id>/delivery")
@requires(Permission.SANCTION_PROPOSE, Sanction)
def settle_decision_delivery(sanction: Sanction) -> ResponseReturnValue:
    """The decision did not arrive by mail: send again, or say how it was delivered."""
    form = DeliveryForm(prefix="decision_delivery")
    how = "" if "resend" in request.form else form.how.data or ""
    return _act(
        sanction.deviation,
        {"decision_delivery": form},
        lambda: sanctions.settle_delivery(sanction, how, by=current_membership(), version=form.version.data or 0),
        _("Noted."),
    )


def _act(
    deviation: Deviation, filled: "dict[str, FlaskForm]", act: Callable[[], object], done: str
) -> ResponseReturnValue:
    """Do one act and go back to the case; what cannot be done is said there, with everything still in the form."""
    try:
        with transaction():
            act()
    except Conflict as first:
        return _page(_again(deviation), filled, first=first.text), 409
    except (Invalid, Refused) as refusal:
        _blame(next(iter(filled.values())), refusal)
        return _page(_again(deviation), filled), 422
    flash(done, "success")
    return redirect(url_for(".show", public_id=deviation.public_id), 303)


def _again(deviation: Deviation) -> Deviation:
    """The case as it is stored, after an act that came to nothing."""
    return lookup.one(Deviation, deviation.public_id, current_membership())


def _blame(form: FlaskForm, refusal: Invalid | Refused) -> None:
    """Put the words at the field they are about."""
    if refusal.text == deviations.DAYS_OUT_OF_RANGE:
        name = "working_days"
    elif isinstance(refusal, Refused) and "files" in form:
        name = "files"
    else:
        name = next(name for name in WRITTEN if name in form)
    form[name].errors = [refusal.text]


def _page(deviation: Deviation, filled: "dict[str, FlaskForm] | None" = None, first: Text | None = None) -> str:
    """The case. `filled` is the form that was refused; `first` says who was first."""
    by = current_membership()
    sanction = case_views.shown_sanction(deviation, by)
    subjects: list[Subject] = [deviation, *([sanction] if sanction else [])]
    task = _task(deviation)
    may = task is not None and allowed(by, tasks.PERMISSION_OF[task.element])
    own = may and task is not None and task.element == "approve_sanction" and _proposed_by(deviation, by)
    standings = [_standing(subject, deviation, by) for subject in subjects]
    return render_template(
        "cases/show.html",
        deviation=deviation,
        sanction=sanction,
        task=task,
        may=may and not own,
        may_reply=deviation.state in TAKES_REPLIES and allowed(by, Permission.CASE_REPLY),
        barred=PROPOSED_IT if own else None,
        state=case_views.shown_state(deviation, by),
        is_buyer=by.organisation_id == deviation.buyer_id,
        turn=case_views.turn(deviation, task),
        cost=letters.may_cost(deviation),
        threshold=letters.threshold(deviation),
        lines=letters.lines_behind(deviation),
        breaks_by_line=letters.breaks_by_line(deviation),
        delivered=case_views.delivered,
        forms={**_empty_forms(deviation), **(filled or {})},
        refused=next(iter(filled.values())) if filled and first is None else None,
        first=first,
        failed=filled is not None,
        standings=[(found, way(found)) for found in standings],
        events=events(case_views.shown_trail(_trail(deviation), deviation, by)),
    )


def _standing(subject: Subject, deviation: Deviation, by: Membership) -> Standing:
    process = processes.of(subject)
    if case_views.shown_state(deviation, by) == deviation.state:
        return standing(process)
    known = {step: state for step, state in process.states.items() if "sanction" not in step}
    return standing(process, {**known, "assess_reply": "active"})


def _task(deviation: Deviation) -> HumanTask | None:
    """The step that somebody is waited for in: the sanction's while there is one."""
    subjects: list[Subject] = [*([deviation.sanction] if deviation.sanction else []), deviation]
    return next((task for subject in subjects if (task := processes.task_of(subject, *STEPS))), None)


def _proposed_by(deviation: Deviation, by: Membership) -> bool:
    return deviation.sanction is not None and by.person_id in deviation.sanction.proposers


def _trail(deviation: Deviation) -> list[tuple[AuditEvent, Person | None]]:
    sanction = [deviation.sanction] if deviation.sanction else []
    return audit.trail([deviation, *deviation.notices, *deviation.replies, *sanction], by=current_membership())


def _empty_forms(deviation: Deviation) -> "dict[str, FlaskForm]":
    version = deviation.version
    sanction_version = deviation.sanction.version if deviation.sanction else 0
    return {
        "dismiss": ReasonForm(None, prefix="dismiss", version=version),
        "notice": NoticeForm(
            None,
            prefix="notice",
            version=version,
            text=letters.notice_draft(deviation) if deviation.state == DeviationState.FOUND else "",
            working_days=deviation.contract.reply_working_days,
        ),
        "delivery": DeliveryForm(None, prefix="delivery", version=version),
        "reply": ReplyForm(None, prefix="reply"),
        "close": ReasonForm(None, prefix="close", version=version),
        "propose": ReasonForm(None, prefix="propose", version=version),
        "decide": DecisionForm(None, prefix="decide", version=sanction_version),
        "revise": ReasonForm(
            None,
            prefix="revise",
            version=sanction_version,
            reason=deviation.sanction.reasons if deviation.sanction else "",
        ),
        "decision_delivery": DeliveryForm(None, prefix="decision_delivery", version=sanction_version),
    }
