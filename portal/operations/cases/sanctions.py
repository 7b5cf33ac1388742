"""What a breach costs: proposed from a clause with its arithmetic, decided by a second person, delivered, settled."""

from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm.attributes import set_committed_value

from portal import amounts, clock, impartiality
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import (
    Deviation,
    DeviationState,
    Membership,
    Sanction,
    SanctionClause,
    SanctionState,
    record,
)
from portal.model.base import Json
from portal.model.cases import MOVED_ON
from portal.model.sanctions import IN_FORCE
from portal.operations import accounts, anchors, lookup, mail, papers, processes
from portal.operations.cases import (
    breach_days,
    calculations,
    deciders,
    dropped_points,
    grounds,
    ladder,
    recalculation,
    told,
)
from portal.operations.cases.deviations import SAY_WHY, demand_weighed, is_settled, recipients, unweighed
from portal.permissions import Permission
from portal.quantities import canonical
from portal.text import Text, same

UNDELIVERED_AFTER = timedelta(days=2)
STALE = Text(
    "Saken er vurdert på nytt, eller bestemmelsen eller grunnlaget er endret, etter at beløpet ble beregnet. Send "
    "forslaget tilbake, så det beregnes på nytt.",
    "The case was assessed again, or the clause or its base was changed, after the amount was calculated. Send the "
    "proposal back, so that it is calculated again.",
)
OTHER_STEP = Text(
    "Et tidligere brudd på kravet er avgjort etter at beløpet ble beregnet. Trinnet var {before} og er nå {now}. "
    "Send forslaget tilbake, så det beregnes på nytt.",
    "An earlier breach of the requirement was decided after the amount was calculated. The step was {before} and is "
    "now {now}. Send the proposal back, so that it is calculated again.",
)
SAY_WHY_WAIVED = Text("Skriv hvorfor beløpet frafalles.", "Write why the amount is waived.")
NOTHING_TO_WAIVE = Text(
    "Det er ikke noe beløp å frafalle: bestemmelsen gir ingenting i denne saken.",
    "There is no amount to waive: the clause gives nothing in this case.",
)
WAIVED_TOO_MUCH = Text(
    "Beløpet som frafalles, må være større enn 0 og ikke større enn {amount}.",
    "The amount that is waived must be more than 0 and no more than {amount}.",
)


DECIDED_ALREADY = Text("{name} har allerede avgjort saken.", "{name} has already decided the case.")
SENT_BACK_ALREADY = Text("{name} har sendt forslaget tilbake.", "{name} has sent the proposal back.")
TAKEN_BACK = Text("{name} har trukket forslaget.", "{name} has withdrawn the proposal.")
_LEFT_AS = {
    SanctionState.SENT_BACK: ("approve_sanction", SENT_BACK_ALREADY),
    SanctionState.WITHDRAWN: ("revise", TAKEN_BACK),
    **dict.fromkeys(IN_FORCE, ("approve_sanction", DECIDED_ALREADY)),
}
"""State of a sanction that waits for no decision -> the step that brought it there, and what to say of its person."""
REPLIED_SINCE = Text(
    "Leverandøren har svart etter at punktene ble vurdert. Punktene må vurderes på nytt før saken avgjøres.",
    "The supplier has replied since the points were assessed. They must be assessed again before the case is decided.",
)


class Waiver(NamedTuple):
    """What is not asked for of what the clause gives, and why; no amount: all of it."""

    amount: Decimal | None
    reason: str


def propose(  # noqa: PLR0913 - a proposal, what is left out of it, and what is answered of it
    deviation: Deviation,
    reasons: str,
    *,
    by: Membership,
    version: int,
    waiver: Waiver | None = None,
    others: bool = False,
) -> Sanction:
    """Propose a sanction under the contract's own clause. Raises Refused when it holds none for this requirement.

    `others`: the lines that are left are about other points than those that were dropped.
    """
    impartiality.may_decide(by, Permission.SANCTION_PROPOSE, deviation, involved={})
    processes.hold(deviation)
    if deviation.version != version or processes.task_of(deviation, "assess_reply") is None:
        raise Conflict(MOVED_ON)
    if not reasons.strip():
        raise Invalid(SAY_WHY)
    demand_weighed(deviation)
    clause = told.clause_of(deviation)
    grounds.demand(deviation, clause)
    if clause is None:
        raise Refused(grounds.NO_CLAUSE)
    calculations.demand_computable(deviation, clause)
    sanction = _proposal(deviation, clause, reasons.strip(), by)
    _waive(sanction, waiver)
    dropped_points.answer(sanction, is_other=others)
    dropped_points.demand_said(sanction)
    processes.complete(deviation, "assess_reply", {"outcome": "sanction"}, by=by)
    return sanction


def _demand_read(deviation: Deviation) -> None:
    """What the supplier said after the points were weighed is weighed before a decision. A reply just now waits."""
    processes.hold(deviation)
    if unweighed(deviation):
        raise Conflict(REPLIED_SINCE)


def _demand_step(sanction: Sanction) -> None:
    """Of two proposed before either is decided, the later breach takes the step that the earlier one leaves it."""
    change = recalculation.step_change(sanction)
    if change is not None:
        raise Conflict(OTHER_STEP.with_values(before=change.before, now=change.now))


def _proposal(deviation: Deviation, clause: SanctionClause, reasons: str, by: Membership) -> Sanction:
    earlier = deviation.sanction
    if earlier is not None:
        # A withdrawn proposal is taken up again, with its whole trail, rather than hidden behind a new one.
        earlier.clause = clause
        earlier.propose_by(by, reasons)
        earlier.move(SanctionState.PROPOSED, by=by, reason=reasons, clause=clause.clause)
        return earlier
    sanction = Sanction(
        **deviation.parties,
        contract=deviation.contract,
        deviation=deviation,
        clause=clause,
        currency=deviation.contract.currency,
    )
    sanction.propose_by(by, reasons)
    db.session.add(sanction)
    db.session.flush()
    record(sanction, "sanction.proposed", by=by, reason=reasons, clause=clause.clause)
    return sanction


def propose_sanction(*, deviation_id: int, actor_id: int) -> dict[str, object]:
    """Start the sanction's own process. Asked by the deviation's process."""
    deviation = lookup.by_number(Deviation, deviation_id)
    if deviation.sanction is None:
        raise Refused(grounds.NO_CLAUSE)
    deviation.move(DeviationState.SANCTION_PROPOSED, by=accounts.membership(actor_id))
    processes.start("sanction", deviation.sanction, {"sanction_id": deviation.sanction.id})
    return {}


def ground(*, sanction_id: int) -> dict[str, object]:
    """What a sanction must stand on, as facts for the decision table. Asked by the process."""
    sanction = lookup.by_number(Sanction, sanction_id)
    deviation = sanction.deviation
    return {
        **{ground.key: ground.holds for ground in grounds.of(deviation, sanction.clause)},
        "earlier": ladder.earlier(deviation),
        "warns_first": ladder.warns_first(deviation, sanction.clause),
        "form": str(sanction.clause.form),
    }


def calculate(*, sanction_id: int, step: str) -> dict[str, object]:
    """Write the calculation sheet for the step the decision table chose. Asked by the process."""
    sanction = lookup.by_number(Sanction, sanction_id)
    deviation = sanction.deviation
    # A case that began under an older table answers "fee" for every clause that does not warn: the clause's form holds.
    sanction.step = ladder.WARNING if step == ladder.WARNING else str(sanction.clause.form)
    made_on = breach_days.today(deviation)
    sheet = recalculation.sheet(sanction, on=made_on)
    sanction.amount, sanction.days = Decimal(canonical(sheet.amount)), sheet.days
    sanction.calculation = [row.dump() for row in sheet.rows]
    found, answered = recalculation.found(deviation), dropped_points.answered(sanction)
    sanction.found = {**found, "on": made_on.isoformat(), **answered}
    sanction.found_hash = recalculation.digest(found)
    facts: Json = {
        "amount": canonical(sheet.amount),
        "waived": canonical(sanction.waived),
        "found": sanction.found_hash,
        **answered,
    }
    if sanction.state == SanctionState.SENT_BACK:
        sanction.move(SanctionState.PROPOSED, by=None, **facts)
    else:
        record(sanction, "sanction.calculated", by=None, step=sanction.step, **facts)
    deciders.ask(sanction)
    return {}


def _waive(sanction: Sanction, waiver: Waiver | None) -> None:
    """Note what is not asked for; the calculation gives it a line of its own. None: all is asked for."""
    if waiver is None:
        sanction.waived, sanction.waiver_reason = Decimal(0), ""
        return
    deviation, clause = sanction.deviation, sanction.clause
    given = calculations.least(calculations.today_by_reading(deviation, clause)).amount
    if not given:
        raise Invalid(NOTHING_TO_WAIVE, (Problem("nothing", NOTHING_TO_WAIVE, "waive"),))
    waived = given if waiver.amount is None else waiver.amount
    if not 0 < waived <= given or waived != amounts.whole(waived):
        words = WAIVED_TOO_MUCH.with_values(amount=amounts.with_currency(given, sanction.currency))
        raise Invalid(words, (Problem("range", words, "waived"),))
    if not waiver.reason.strip():
        raise Invalid(SAY_WHY_WAIVED, (Problem("required", SAY_WHY_WAIVED, "waiver_reason"),))
    sanction.waived, sanction.waiver_reason = waived, waiver.reason.strip()


def decide(sanction: Sanction, *, approve: bool, comment: str, by: Membership, version: int) -> None:
    """The second person's word: approve, or send back with a comment."""
    impartiality.may_approve(by, sanction)
    processes.hold(sanction)
    if sanction.version != version or processes.task_of(sanction, "approve_sanction") is None:
        raise Conflict(_moved_on(sanction))
    if not approve and not comment.strip():
        raise Invalid(SAY_WHY)
    if approve and recalculation.is_outdated(sanction):
        raise Conflict(STALE)
    if approve:
        _demand_step(sanction)
        _demand_read(sanction.deviation)
        grounds.demand(sanction.deviation, sanction.clause)
        dropped_points.demand_settled(sanction)
    sanction.comment = comment.strip()
    if approve:
        sanction.decided_by, sanction.decided_at = by.person, clock.now()
    else:
        sanction.move(SanctionState.SENT_BACK, by=by, reason=comment.strip())
    processes.complete(sanction, "approve_sanction", {"decision": "approve" if approve else "send_back"}, by=by)


def revise(  # noqa: PLR0913 - a proposal, what is left out of it, or that it is taken back
    sanction: Sanction,
    reasons: str,
    *,
    withdraw: bool,
    by: Membership,
    version: int,
    waiver: Waiver | None = None,
    others: bool = False,
) -> None:
    """After being sent back: propose anew with better reasons, calculated anew, or withdraw."""
    impartiality.may_decide(by, Permission.SANCTION_PROPOSE, sanction, involved={})
    processes.hold(sanction)
    if sanction.version != version or processes.task_of(sanction, "revise") is None:
        raise Conflict(MOVED_ON)
    if not reasons.strip():
        raise Invalid(SAY_WHY)
    if not withdraw:
        grounds.demand(sanction.deviation, sanction.clause)
        _waive(sanction, waiver)
        dropped_points.answer(sanction, is_other=others)
        dropped_points.demand_said(sanction)
    sanction.propose_by(by, reasons.strip())
    processes.complete(sanction, "revise", {"revision": "withdraw" if withdraw else "propose"}, by=by)


def withdraw(sanction: Sanction, reason: str, *, by: Membership, version: int) -> None:
    """Take a proposal back that waits for a decision: it may be one that nobody is left to decide.

    Whoever may propose may do it, as with one that was sent back; it takes the same way through the diagram, so that a
    process that began under an older one knows it too.
    """
    impartiality.may_decide(by, Permission.SANCTION_PROPOSE, sanction, involved={})
    processes.hold(sanction)
    if sanction.version != version or processes.task_of(sanction, "approve_sanction") is None:
        raise Conflict(_moved_on(sanction))
    if not reason.strip():
        raise Invalid(SAY_WHY)
    sanction.propose_by(by, reason.strip())
    processes.complete(sanction, "approve_sanction", {"decision": "withdraw"}, by=by)
    processes.complete(sanction, "revise", {"revision": "withdraw"}, by=by)


def decide_sanction(*, sanction_id: int, actor_id: int) -> dict[str, object]:
    """Asked by the process once approved."""
    sanction = lookup.by_number(Sanction, sanction_id)
    sanction.move(
        SanctionState.DECIDED,
        by=accounts.membership(actor_id),
        reason=sanction.comment,
        amount=canonical(sanction.amount or Decimal(0)),
        waived=canonical(sanction.waived),
        proposed_by=sanction.proposed_by_id,
        paper=papers.keep_decision(sanction),
    )
    _weigh_ladder_anew(sanction.deviation)
    return {}


def _weigh_ladder_anew(decided: Deviation) -> None:
    """What other open cases of the same requirement may cost: after a warning the next step is no warning."""
    others = select(Deviation).where(
        ladder.of_same(decided.requirement),
        Deviation.id != decided.id,
        Deviation.state.not_in((DeviationState.CLOSED, DeviationState.DISMISSED, DeviationState.FELL_AWAY)),
    )
    db.session.flush()
    for other in db.session.scalars(others).unique():
        if is_settled(other):
            continue
        # Past the row's version: what somebody is doing in that case at this very moment has not changed by it.
        stake = calculations.at_stake(other)
        noted = update(Deviation).where(Deviation.id == other.id).values(at_stake=stake)
        db.session.execute(noted.execution_options(synchronize_session=False))
        set_committed_value(other, "at_stake", stake)


def send_decision(*, sanction_id: int) -> dict[str, object]:
    """Write the decision letters. Asked by the process, also when sending again."""
    sanction = lookup.by_number(Sanction, sanction_id)
    stands = anchors.standing(sanction.contract_id)
    for person in recipients(sanction.supplier_id):
        mail.write(
            person, "sanction_decided", sanction.contract, sanction=sanction, sanction_row=sanction, trail=stands
        )
    return {"undelivered_at": processes.moment(clock.now() + UNDELIVERED_AFTER)}


def note_delivery(sanction: Sanction, how: str) -> None:
    """A decision letter has arrived."""
    processes.hold(sanction)
    if sanction.delivered_at is not None:
        return
    sanction.delivered_at, sanction.delivered_how = clock.now(), how[:400]
    processes.message(sanction, "decision_delivered", {})


def settle_delivery(sanction: Sanction, how: str, *, by: Membership, version: int) -> None:
    """The decision did not get through by mail: say how it was delivered instead, or (nothing said) send it again."""
    impartiality.may_decide(by, Permission.SANCTION_PROPOSE, sanction, involved={})
    processes.hold(sanction)
    if sanction.version != version or processes.task_of(sanction, "confirm_decision_delivery") is None:
        raise Conflict(MOVED_ON)
    if told := how.strip()[:400]:
        is_proof = sanction.delivered_at is None
        # It may name people: it stands in the row, and in the trail only where a letter had arrived first.
        record(sanction, "sanction.delivery_told", by=by, reason="" if is_proof else told)
        if is_proof:
            sanction.delivered_at, sanction.delivered_how = clock.now(), told
    # The letter may have arrived after all while somebody was asked about it: that stays the proof.
    answer = "delivered" if sanction.delivered_at is not None else "resend"
    processes.complete(sanction, "confirm_decision_delivery", {"delivery_answer": answer}, by=by)


def close(*, sanction_id: int) -> dict[str, object]:
    """The decision is delivered: close it and tell the deviation. Asked by the process."""
    sanction = lookup.by_number(Sanction, sanction_id)
    sanction.move(SanctionState.DELIVERED, by=None)
    sanction.move(SanctionState.CLOSED, by=None)
    _tell_deviation(sanction, "closed")
    return {}


def withdraw_sanction(*, sanction_id: int, actor_id: int) -> dict[str, object]:
    """Asked by the process: the proposal is taken back, and the deviation is to be assessed again."""
    sanction = lookup.by_number(Sanction, sanction_id)
    sanction.move(SanctionState.WITHDRAWN, by=accounts.membership(actor_id), reason=sanction.reasons)
    deciders.tell_withdrawn(sanction)
    _tell_deviation(sanction, "withdrawn")
    return {}


def refuse_sanction(*, sanction_id: int) -> dict[str, object]:
    """Asked by the process: the decision table found no ground."""
    sanction = lookup.by_number(Sanction, sanction_id)
    sanction.move(SanctionState.REFUSED, by=None)
    _tell_deviation(sanction, "withdrawn")
    return {}


def reopen_assessment(*, deviation_id: int) -> dict[str, object]:
    """A proposal came to nothing: the reply is to be assessed again. Asked by the deviation's process."""
    lookup.by_number(Deviation, deviation_id).move(DeviationState.ASSESSING_REPLY, by=None)
    return {}


def _tell_deviation(sanction: Sanction, settled: str) -> None:
    processes.message(sanction.deviation, "sanction_settled", {"settled": settled})


def _moved_on(sanction: Sanction) -> Text:
    """Who was first, by where the sanction stands now: whoever closes a step may have a part in another as well."""
    if sanction.state not in _LEFT_AS:
        return MOVED_ON
    step, words = _LEFT_AS[sanction.state]
    task = processes.last_closed(sanction, step)
    return words.with_values(name=same(task.closed_by.name)) if task and task.closed_by else MOVED_ON
