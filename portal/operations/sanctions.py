"""What a breach costs: proposed from a clause with its arithmetic, decided by a second person, delivered, settled."""

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import func, select

from portal import clock, permissions
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import db
from portal.model import (
    Deviation,
    DeviationState,
    Membership,
    Role,
    Sanction,
    SanctionClause,
    SanctionState,
    record,
)
from portal.model.base import Json
from portal.model.cases import MOVED_ON
from portal.operations import accounts, lookup, mail, processes
from portal.operations.deviations import SAY_WHY, recipients
from portal.permissions import PROPOSED_IT, Permission
from portal.quantities import canonical
from portal.text import Text, same

UNDELIVERED_AFTER = timedelta(days=2)
NO_CLAUSE = Text(
    "Kontrakten har ingen sanksjonsbestemmelse for dette kravet. Uten bestemmelse kan det ikke foreslås sanksjon.",
    "The contract has no sanction clause for this requirement. Without a clause no sanction can be proposed.",
)
NOT_HEARD = Text(
    "Leverandøren må ha fått varselet og tid til å svare før det kan foreslås sanksjon.",
    "The supplier must have received the notice and had time to reply before a sanction can be proposed.",
)
CLAUSE, FEE, BREACHES, AMOUNT, WARNING = (
    Text("Sanksjonsbestemmelse", "Sanction clause"),
    Text("Gebyr per brudd", "Fee per breach"),
    Text("Antall brudd", "Number of breaches"),
    Text("Beløp = gebyr × antall brudd", "Amount = fee × number of breaches"),
    Text(
        "Skriftlig advarsel: første brudd, bestemmelsen krever advarsel først",
        "Written warning: first breach, the clause asks for a warning first",
    ),
)


def propose(deviation: Deviation, reasons: str, *, by: Membership, version: int) -> Sanction:
    """Propose a sanction under the contract's own clause. Raises Refused when it holds none for this requirement."""
    permissions.may_decide(by, Permission.SANCTION_PROPOSE, buyer_id=deviation.buyer_id, involved={})
    processes.hold(deviation)
    if deviation.version != version or processes.task_of(deviation, "assess_reply") is None:
        raise Conflict(MOVED_ON)
    if not reasons.strip():
        raise Invalid(SAY_WHY)
    clause = deviation.contract.clause_for(deviation.requirement)
    if clause is None:
        raise Refused(NO_CLAUSE)
    if not _was_heard(deviation):
        raise Refused(NOT_HEARD)
    sanction = _proposal(deviation, clause, reasons.strip(), by)
    processes.complete(deviation, "assess_reply", {"outcome": "sanction"}, by=by)
    return sanction


def _proposal(deviation: Deviation, clause: SanctionClause, reasons: str, by: Membership) -> Sanction:
    earlier = deviation.sanction
    if earlier is not None:
        # A withdrawn proposal is taken up again, with its whole trail, rather than hidden behind a new one.
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
        raise Refused(NO_CLAUSE)
    deviation.move(DeviationState.SANCTION_PROPOSED, by=accounts.membership(actor_id))
    processes.start("sanction", deviation.sanction, {"sanction_id": deviation.sanction.id})
    return {}


def ground(*, sanction_id: int) -> dict[str, object]:
    """What a sanction must stand on, as facts for the decision table. Asked by the process."""
    sanction = lookup.by_number(Sanction, sanction_id)
    deviation = sanction.deviation
    return {
        "clause": sanction.clause.contract_id == deviation.contract_id,
        "notice_delivered": _was_delivered(deviation),
        "reply_period_over": _was_heard(deviation),
        "earlier": _earlier(sanction),
        "warns_first": sanction.clause.warns_first,
    }


def _was_delivered(deviation: Deviation) -> bool:
    return bool(deviation.notices) and deviation.notices[-1].delivered_at is not None


def _was_heard(deviation: Deviation) -> bool:
    over = deviation.reply_due_at is not None and clock.now() > deviation.reply_due_at
    return _was_delivered(deviation) and (bool(deviation.replies) or over)


def calculate(*, sanction_id: int, step: str) -> dict[str, object]:
    """Write the calculation sheet for the step the decision table chose. Asked by the process."""
    sanction = lookup.by_number(Sanction, sanction_id)
    sanction.step = step
    sanction.amount, sanction.calculation = _sheet(sanction, step)
    if sanction.state == SanctionState.SENT_BACK:
        sanction.move(SanctionState.PROPOSED, by=None, amount=canonical(sanction.amount))
    else:
        record(sanction, "sanction.calculated", by=None, step=step, amount=canonical(sanction.amount))
    for person in accounts.people(sanction.buyer_id, Role.DECISION_MAKER):
        if person.id != sanction.proposed_by_id:
            mail.write(person, "sanction_to_decide", sanction.contract, sanction_row=sanction)
    return {}


def _sheet(sanction: Sanction, step: str) -> tuple[Decimal, list[Json]]:
    clause = sanction.clause
    first = _row(CLAUSE, clause.clause)
    if step == "warning":
        return Decimal(0), [first, _row(WARNING, "0", sanction.currency)]
    counted = clause.counted(int(sanction.deviation.facts["breaches"]))
    fee = clause.rate_on(sanction.deviation.report.period.ends_on)
    amount = fee * Decimal(counted)
    return amount, [
        first,
        _row(FEE, canonical(fee), sanction.currency),
        _row(BREACHES, str(counted)),
        _row(AMOUNT, canonical(amount), sanction.currency),
    ]


def _row(text: Text, value: str, unit: str = "") -> Json:
    return {"text": text.dump(), "value": value, "unit": unit}


def _earlier(sanction: Sanction) -> int:
    decided = (SanctionState.DECIDED, SanctionState.DELIVERED, SanctionState.CLOSED)
    return (
        db.session.scalar(
            select(func.count())
            .select_from(Sanction)
            .join(Sanction.deviation)
            .where(
                Sanction.contract_id == sanction.contract_id,
                Sanction.id != sanction.id,
                Sanction.state.in_(decided),
                Deviation.requirement_id == sanction.deviation.requirement_id,
            )
        )
        or 0
    )


def decide(sanction: Sanction, *, approve: bool, comment: str, by: Membership, version: int) -> None:
    """The second person's word: approve, or send back with a comment."""
    permissions.may_decide(
        by,
        Permission.SANCTION_DECIDE,
        buyer_id=sanction.buyer_id,
        involved=dict.fromkeys(sanction.proposers, PROPOSED_IT),
    )
    processes.hold(sanction)
    if sanction.version != version or processes.task_of(sanction, "approve_sanction") is None:
        raise Conflict(_decided_already(sanction))
    if not approve and not comment.strip():
        raise Invalid(SAY_WHY)
    sanction.comment = comment.strip()
    if approve:
        sanction.decided_by, sanction.decided_at = by.person, clock.now()
    else:
        sanction.move(SanctionState.SENT_BACK, by=by, reason=comment.strip())
    processes.complete(sanction, "approve_sanction", {"decision": "approve" if approve else "send_back"}, by=by)


def revise(sanction: Sanction, reasons: str, *, withdraw: bool, by: Membership, version: int) -> None:
    """After being sent back: propose anew with better reasons, or withdraw."""
    permissions.may_decide(by, Permission.SANCTION_PROPOSE, buyer_id=sanction.buyer_id, involved={})
    processes.hold(sanction)
    if sanction.version != version or processes.task_of(sanction, "revise") is None:
        raise Conflict(MOVED_ON)
    if not reasons.strip():
        raise Invalid(SAY_WHY)
    sanction.propose_by(by, reasons.strip())
    processes.complete(sanction, "revise", {"revision": "withdraw" if withdraw else "propose"}, by=by)


def decide_sanction(*, sanction_id: int, actor_id: int) -> dict[str, object]:
    """Asked by the process once approved."""
    sanction = lookup.by_number(Sanction, sanction_id)
    sanction.move(
        SanctionState.DECIDED,
        by=accounts.membership(actor_id),
        reason=sanction.comment,
        amount=canonical(sanction.amount or Decimal(0)),
        proposed_by=sanction.proposed_by_id,
    )
    return {}


def send_decision(*, sanction_id: int) -> dict[str, object]:
    """Write the decision letters. Asked by the process, also when sending again."""
    sanction = lookup.by_number(Sanction, sanction_id)
    for person in recipients(sanction.supplier_id):
        mail.write(person, "sanction_decided", sanction.contract, sanction=sanction, sanction_row=sanction)
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
    permissions.may_decide(by, Permission.SANCTION_PROPOSE, buyer_id=sanction.buyer_id, involved={})
    processes.hold(sanction)
    if sanction.version != version or processes.task_of(sanction, "confirm_decision_delivery") is None:
        raise Conflict(MOVED_ON)
    if how.strip():
        sanction.delivered_at, sanction.delivered_how = clock.now(), how.strip()[:400]
    # The letter may have arrived after all while somebody was asked about it: then it is not sent again.
    answer = "delivered" if sanction.delivered_at is not None else "resend"
    processes.complete(sanction, "confirm_decision_delivery", {"delivery_answer": answer}, by=by)


def close(*, sanction_id: int) -> dict[str, object]:
    """The decision is delivered: close it and tell the deviation. Asked by the process."""
    sanction = lookup.by_number(Sanction, sanction_id)
    sanction.move(SanctionState.DELIVERED, by=None, how=sanction.delivered_how)
    sanction.move(SanctionState.CLOSED, by=None)
    _tell_deviation(sanction, "closed")
    return {}


def withdraw_sanction(*, sanction_id: int, actor_id: int) -> dict[str, object]:
    """Asked by the process: the proposal is taken back, and the deviation is to be assessed again."""
    sanction = lookup.by_number(Sanction, sanction_id)
    sanction.move(SanctionState.WITHDRAWN, by=accounts.membership(actor_id), reason=sanction.reasons)
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


def _decided_already(sanction: Sanction) -> Text:
    task = processes.last_closed(sanction, "approve_sanction")
    if task is None or task.closed_by is None:
        return MOVED_ON
    return Text("{name} har allerede avgjort saken.", "{name} has already decided the case.").with_values(
        name=same(task.closed_by.name)
    )
