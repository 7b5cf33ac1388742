"""Case pages: a deviation from found to closed, with its notice, reply and sanction, for both parties."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for

from portal.errors import Conflict, Invalid, Refused
from portal.extensions import transaction
from portal.model import Deviation, Sanction
from portal.operations import lookup
from portal.operations.cases import cures, deviations, letters, notices, replies, sanctions, told
from portal.operations.cases.letters import Claim
from portal.permissions import Permission
from portal.web import kept_files
from portal.web.access import current_membership, requires
from portal.web.cases import case_forms, case_list, case_log, case_page, case_views, sanction_forms
from portal.web.cases.case_forms import DecisionForm, DeliveryForm, ReasonForm
from portal.web.cases.case_grounds import PutRightForm
from portal.web.cases.case_page import Refusal
from portal.web.confirmation import confirmed
from portal.web.narrowing import AGES
from portal.web.reading import reads

blueprint = Blueprint("cases", __name__, url_prefix="/cases")


_ENDS: dict[str, tuple[Callable[..., None], LazyString]] = {
    "dismiss": (deviations.dismiss, N_("The deviation is dismissed.")),
    "withdraw": (deviations.withdraw_notice, N_("The notice is taken back, and the case is closed.")),
    "close": (deviations.close, N_("The case is closed.")),
}
"""The ways to end a case without a sanction, each with its reasons, and what is said when it is done."""


@blueprint.get("")
@requires(Permission.CASE_READ)
def index() -> ResponseReturnValue:
    """Deviations the acting organisation is a party to."""
    by = current_membership()
    return render_template(
        "cases/index.html",
        page=case_list.asked_for(by, request.args),
        by=by,
        turn=case_views.turn,
        clause_of=told.clause_of,
        ages=AGES,
        dues=case_list.DUE,
        orders=case_list.ORDERS,
    )


@blueprint.get("/<uuid:public_id>")
@requires(Permission.CASE_READ, Deviation)
@reads("case")
def show(deviation: Deviation) -> ResponseReturnValue:
    """The whole case: what was found, what was said, where it stands, and what this person can do now."""
    by = current_membership()
    if notices.is_unopened(deviation, by):
        with transaction():
            notices.note_opened(deviation, by=by)
        deviation = _again(deviation)
    return case_page.page(deviation, by)


@blueprint.get("/<uuid:public_id>/log.csv")
@requires(Permission.CASE_READ, Deviation)
@reads("case_log")
def log(deviation: Deviation) -> ResponseReturnValue:
    """The whole log as a file."""
    content = case_log.as_csv(deviation, case_log.trail(deviation, current_membership()))
    name = f"case-{deviation.contract.reference}-{deviation.clause}.csv"
    answer = Response(content, mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


@blueprint.post("/<uuid:public_id>/<any(dismiss, withdraw, close):act>")
@requires(Permission.CASE_ASSESS, Deviation)
def settle(deviation: Deviation, act: str) -> ResponseReturnValue:
    """End the case without a sanction: there was no breach, the notice is taken back, the reply was good enough."""
    form, (end, done) = ReasonForm(prefix=act), _ENDS[act]
    return _act(
        deviation,
        {act: form},
        lambda: end(deviation, form.reason.data or "", by=current_membership(), version=form.version.data or 0),
        str(done),
    )


@blueprint.post("/<uuid:public_id>/notice")
@requires(Permission.CASE_ASSESS, Deviation)
def give_notice(deviation: Deviation) -> ResponseReturnValue:
    """Send the notice; or give it a point more or less, and nothing is sent."""
    form = case_forms.given_notice()
    points = case_forms.points_of(form)
    if "add_point" in request.form or "remove_point" in request.form:
        left = [each for place, each in enumerate(points) if str(place) != request.form.get("remove_point")]
        form = case_forms.with_points(form, [*left, *([Claim("")] if "add_point" in request.form else [])])
        return case_page.page(deviation, current_membership(), {"notice": form})
    days = form.working_days.data or 0
    text = letters.with_deadline(form.text.data or "", deviation.contract, days)
    return _act(
        deviation,
        {"notice": form},
        lambda: notices.give_notice(
            deviation, text, days, points=points, by=current_membership(), version=form.version.data or 0
        ),
        _("The notice is on its way. The time to reply runs from when it counts as given."),
    )


@blueprint.post("/<uuid:public_id>/delivery")
@requires(Permission.CASE_ASSESS, Deviation)
def settle_delivery(deviation: Deviation) -> ResponseReturnValue:
    """The notice did not arrive by mail, or was not opened: send again, or say how it was delivered."""
    form = case_forms.ServiceForm(prefix="delivery")
    service = None if "resend" in request.form else case_forms.service_of(form)
    return _act(
        deviation,
        {"delivery": form},
        lambda: notices.settle_delivery(deviation, service, by=current_membership(), version=form.version.data or 0),
        _("Noted."),
    )


@blueprint.post("/<uuid:public_id>/put-right")
@requires(Permission.CASE_ASSESS, Deviation)
def put_right(deviation: Deviation) -> ResponseReturnValue:
    """Note the last day of the breach."""
    form = PutRightForm(prefix="put_right")
    return _act(
        deviation,
        {"put_right": form},
        lambda: cures.put_right(
            deviation,
            form.on.data,
            form.reason.data or "",
            by=current_membership(),
            version=form.version.data or 0,
        ),
        _("The last day of the breach is noted."),
    )


@blueprint.post("/<uuid:public_id>/reply")
@requires(Permission.CASE_REPLY, Deviation)
def reply(deviation: Deviation) -> ResponseReturnValue:
    """The supplier answers, point by point, with files. What was attached outlives an error."""
    form, by = case_forms.reply_form(deviation, is_sent=True), current_membership()
    along = kept_files.taken_along(deviation, by)
    answers = case_forms.answers_of(form, deviation, along)
    uploads = [*along.get(0, ()), *case_forms.uploads_of(form.files)]
    is_complete = bool(form.is_complete.data)
    return _act(
        deviation,
        {"reply": form},
        lambda: replies.reply(
            deviation, form.text.data or "", uploads, answers=answers, is_complete=is_complete, by=by
        ),
        _("Your reply is received, and is now assessed.")
        if is_complete
        else _("Your reply is received. You can add to it until the deadline."),
        lambda: kept_files.keep(deviation, by, {0: uploads, **{each.point.number: each.uploads for each in answers}}),
    )


@blueprint.post("/<uuid:public_id>/weigh")
@requires(Permission.CASE_ASSESS, Deviation)
def weigh(deviation: Deviation) -> ResponseReturnValue:
    """Say of each point what it is worth, and why."""
    form = case_forms.weigh_form(deviation, is_sent=True)
    verdicts = case_forms.verdicts_of(form, deviation)
    return _act(
        deviation,
        {"weigh": form},
        lambda: replies.weigh(deviation, verdicts, by=current_membership(), version=form.version.data or 0),
        _("The points are weighed. You can close the case or propose a sanction."),
    )


@blueprint.post("/<uuid:public_id>/sanction")
@requires(Permission.SANCTION_PROPOSE, Deviation)
def propose(deviation: Deviation) -> ResponseReturnValue:
    """Propose a sanction under the contract's clause."""
    form = sanction_forms.ProposalForm(prefix="propose")
    return _act(
        deviation,
        {"propose": form},
        lambda: sanctions.propose(
            deviation,
            form.reason.data or "",
            by=current_membership(),
            version=form.version.data or 0,
            waiver=form.waiver(),
            others=bool(form.others.data),
        ),
        _("The sanction is proposed. Another person decides."),
    )


@blueprint.post("/sanctions/<uuid:public_id>/decide")
@requires(Permission.SANCTION_DECIDE, Sanction)
@confirmed
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


@blueprint.post("/sanctions/<uuid:public_id>/withdraw")
@requires(Permission.SANCTION_PROPOSE, Sanction)
def take_back(sanction: Sanction) -> ResponseReturnValue:
    """Take back a proposal that waits for a decision."""
    form = ReasonForm(prefix="take_back")
    return _act(
        sanction.deviation,
        {"take_back": form},
        lambda: sanctions.withdraw(
            sanction, form.reason.data or "", by=current_membership(), version=form.version.data or 0
        ),
        _("The proposal is withdrawn."),
    )


@blueprint.post("/sanctions/<uuid:public_id>/revise")
@requires(Permission.SANCTION_PROPOSE, Sanction)
def revise(sanction: Sanction) -> ResponseReturnValue:
    """Propose anew, or withdraw."""
    form = sanction_forms.ProposalForm(prefix="revise")
    withdraw = "withdraw" in request.form
    return _act(
        sanction.deviation,
        {"revise": form},
        lambda: sanctions.revise(
            sanction,
            form.reason.data or "",
            withdraw=withdraw,
            by=current_membership(),
            version=form.version.data or 0,
            waiver=None if withdraw else form.waiver(),
            others=bool(form.others.data),
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
    deviation: Deviation,
    filled: "dict[str, Any]",
    act: Callable[[], object],
    done: str,
    keep: "Callable[[], list[kept_files.KeptFile]] | None" = None,
) -> ResponseReturnValue:
    """Do one act and go back to the case; what cannot be done is said there, with everything still in the form.

    `keep` keeps the files of a form that was refused.
    """
    by = current_membership()
    try:
        with transaction():
            act()
    except Conflict as first:
        again = Refusal(first=first.text, kept=keep() if keep else [])
        return case_page.page(_again(deviation), by, filled, again), 409
    except (Invalid, Refused) as refusal:
        form = next(iter(filled.values()))
        case_forms.blame(form, refusal)
        again = Refusal(form=form, kept=keep() if keep else [])
        return case_page.page(_again(deviation), by, filled, again), 422
    flash(done, "success")
    return redirect(url_for(".show", public_id=deviation.public_id), 303)


def _again(deviation: Deviation) -> Deviation:
    """The case as it is stored, after an act that came to nothing."""
    return lookup.one(Deviation, deviation.public_id, current_membership())
