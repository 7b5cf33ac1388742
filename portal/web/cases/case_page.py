"""The page of a case: one view of everything, whoever looks, and the forms for what they can do now."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flask import render_template, request
from flask_babel import gettext as _

from portal.impartiality import prepared
from portal.model import Deviation, DeviationState, HumanTask, Membership
from portal.model.cases import SETTLED
from portal.operations import processes, tasks, time_asked
from portal.operations.cases import clocks, deciders, deviations, letters, notices, recalculation, replies
from portal.operations.people import appointments
from portal.operations.processes import Subject
from portal.operations.reports import extensions
from portal.permissions import Permission, allowed
from portal.reach import Sight
from portal.text import Text
from portal.web.cases import case_forms, case_grounds, case_ladder, case_log, case_undecided, case_views, sanction_forms
from portal.web.cases.case_forms import DecisionForm, DeliveryForm, ReasonForm
from portal.web.cases.case_log import Link
from portal.web.kept_files import KeptFile
from portal.web.process_views import Standing, standing
from portal.web.progress import way

TAKEN_BACK = frozenset({DeviationState.NOTIFIED, DeviationState.AWAITING_REPLY})
"""As long as a notice is on its way, or the supplier has time to reply, it can be taken back."""
PROPOSING = frozenset({"assess_reply", "approve_sanction", "revise"})
"""The steps in which it matters who can be the second person."""
STEPS = (
    "assess",
    "confirm_delivery",
    "reply",
    "assess_reply",
    "approve_sanction",
    "revise",
    "confirm_decision_delivery",
)


class Refusal(NamedTuple):
    """Why an act came to nothing: the form with its errors, or the words on who was first; and the files of it."""

    form: Any = None
    first: Text | None = None
    kept: Sequence[KeptFile] = ()


def page(
    deviation: Deviation, by: Membership, filled: Mapping[str, Any] | None = None, refusal: Refusal | None = None
) -> str:
    """The case. `filled` is a form as it was sent in, `refusal` says why it was not taken."""
    sanction = case_undecided.shown_sanction(deviation, by)
    show = case_log.chosen(request.args.get("show"))
    subjects: list[Subject] = [deviation, *([sanction] if sanction else [])]
    standings = [_standing(subject, deviation, by) for subject in subjects]
    state = case_undecided.shown_state(deviation, by)
    return render_template(
        "cases/show.html",
        deviation=deviation,
        sanction=sanction,
        state=state,
        is_buyer=by.organisation_id == deviation.buyer_id,
        is_outsider=by.acts_as.sight == Sight.CASE,
        outsiders=appointments.of(deviation, by),
        may_appoint=allowed(by, Permission.SIGHT_EDIT) and deviation.state not in SETTLED,
        **_what_can_be_done(deviation, by),
        **_what_was_found(deviation, by),
        **case_grounds.shown(deviation, by),
        assessed_since=recalculation.changes(sanction) if sanction else [],
        deadline_now=case_views.deadline(deviation, by),
        days=clocks.of_case(deviation),
        ladder=case_ladder.ladder(deviation, state, sanction),
        points=case_views.shown_points(deviation, by),
        representatives=notices.representatives(deviation),
        views=case_views,
        line_of=case_forms.line_of,
        forms={**_empty_forms(deviation), **(filled or {})},
        refused=refusal.form if refusal else None,
        first=refusal.first if refusal else None,
        kept=refusal.kept if refusal else (),
        failed=next(iter(filled or {}), "") if refusal else "",
        drafting=bool(filled) and refusal is None,
        standings=[(found, way(found)) for found in standings],
        show=show,
        shows=case_log.SHOW,
        events=case_log.told(case_log.trail(deviation, by), show, _links(deviation)),
    )


def _what_can_be_done(deviation: Deviation, by: Membership) -> dict[str, Any]:
    task = case_undecided.shown_task(deviation, _task(deviation), by)
    may = task is not None and allowed(by, tasks.PERMISSION_OF[task.element])
    element, first = task.element if task else "", prepared(deviation)
    barred = first.get(by.person_id) if may and element == "approve_sanction" else None
    may_reply = replies.takes_more(deviation) and allowed(by, Permission.CASE_REPLY)
    weighs_again = replies.is_weighed_again(deviation) and allowed(by, Permission.CASE_ASSESS)
    return {
        "task": task,
        "may": may and barred is None,
        "barred": barred,
        "deciders": _deciders(deviation, by, element),
        "is_decider": allowed(by, Permission.SANCTION_DECIDE) and by.person_id not in first,
        "may_reply": may_reply,
        "may_ask": extensions.may_ask(deviation, by),
        "may_grant": allowed(by, Permission.DEADLINE_GRANT),
        "requests": time_asked.of(deviation),
        "may_withdraw": deviation.state in TAKEN_BACK and allowed(by, Permission.CASE_ASSESS),
        "may_take_back": element == "approve_sanction" and allowed(by, Permission.SANCTION_PROPOSE),
        "weighs_again": weighs_again,
        "answers_at": _answers_at(element if may else "", weighs_again=weighs_again),
        "turn": case_views.turn(deviation, case_views.since(deviation, task)),
    }


def _answers_at(element: str, *, weighs_again: bool) -> str:
    """Where on the page the answer to a point stands, by its number."""
    if weighs_again:
        return "weigh-%s"
    return {"assess_reply": "weigh-%s", "reply": "answer-%s"}.get(element, "point-%s-title")


def _what_was_found(deviation: Deviation, by: Membership) -> dict[str, Any]:
    return {
        "cost": letters.may_cost(deviation, as_weighed=by.organisation_id == deviation.buyer_id),
        "threshold": letters.threshold(deviation),
        "lines": letters.lines_behind(deviation),
        "breaks_by_line": letters.breaks_by_line(deviation),
        "delivered": case_views.delivered,
        "unweighed": deviations.unweighed(deviation),
    }


def _links(deviation: Deviation) -> dict[str, Link]:
    """Where the letters stand on the page."""
    notice = {
        str(each.public_id): Link(f"#notice-{each.public_id}", _("Read the notice")) for each in deviation.notices
    }
    reply = {str(each.public_id): Link(f"#reply-{each.public_id}", _("Read the reply")) for each in deviation.replies}
    return notice | reply


def _standing(subject: Subject, deviation: Deviation, by: Membership) -> Standing:
    process = processes.of(subject)
    if subject is not deviation:
        return standing(process)
    return standing(process, case_undecided.shown_standing(process, deviation, by))


def _task(deviation: Deviation) -> HumanTask | None:
    """The step that somebody is waited for in: the sanction's while there is one."""
    subjects: list[Subject] = [*([deviation.sanction] if deviation.sanction else []), deviation]
    return next((task for subject in subjects if (task := processes.task_of(subject, *STEPS))), None)


def _deciders(deviation: Deviation, by: Membership, element: str) -> list[str]:
    """The names of those who can decide: when it is proposed, or once this person has proposed it."""
    if by.organisation_id != deviation.buyer_id or element not in PROPOSING:
        return []
    besides = None if element == "approve_sanction" else by
    return [person.name for person in deciders.of(deviation, besides=besides)]


def _empty_forms(deviation: Deviation) -> dict[str, Any]:
    version = deviation.version
    sanction = deviation.sanction
    of_sanction = sanction.version if sanction else 0
    return {
        "dismiss": ReasonForm(None, prefix="dismiss", version=version),
        "notice": case_forms.notice_form(deviation),
        "delivery": case_forms.service_form(deviation),
        "withdraw": ReasonForm(None, prefix="withdraw", version=version),
        "put_right": case_grounds.form(deviation),
        "reply": case_forms.reply_form(deviation),
        "weigh": case_forms.weigh_form(deviation),
        "close": ReasonForm(None, prefix="close", version=version),
        "propose": sanction_forms.ProposalForm(None, prefix="propose", version=version),
        "decide": DecisionForm(None, prefix="decide", version=of_sanction),
        "take_back": ReasonForm(None, prefix="take_back", version=of_sanction),
        "revise": sanction_forms.revision(sanction),
        "decision_delivery": DeliveryForm(None, prefix="decision_delivery", version=of_sanction),
    }
