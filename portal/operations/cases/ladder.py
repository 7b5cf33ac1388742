"""Which step of its clause a breach comes to: the first one warned of where the clause warns first."""

import sys
from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import contains_eager

from portal.extensions import db
from portal.model import Cause, ClauseForm, Deviation, Requirement, Sanction, SanctionClause
from portal.model.sanctions import IN_FORCE
from portal.operations.cases import breach_days, counted_once
from portal.text import Text

WARNING = "warning"
"""The step of a clause that warns first; the others are named as the forms of clauses are."""
STEPS = {
    WARNING: Text("skriftlig advarsel", "written warning"),
    str(ClauseForm.FEE): Text("gebyr", "fee"),
    str(ClauseForm.DAILY): Text("dagmulkt", "daily amount"),
}


def step_of(
    deviation: Deviation,
    clause: SanctionClause,
    taken: Iterable[Deviation] | None = None,
    among: Sequence[Deviation] | None = None,
) -> str:
    """The step that the clause comes to for this case: a warning where it warns first and none was taken before.

    One that is decided keeps its step. `taken`, `among`: as in `earlier`.
    """
    if is_sanctioned(deviation) and deviation.sanction is not None:
        return deviation.sanction.step
    is_warned = warns_first(deviation, clause, among) and not earlier(deviation, taken, among)
    return WARNING if is_warned else str(clause.form)


def warns_first(deviation: Deviation, clause: SanctionClause, among: Sequence[Deviation] | None = None) -> bool:
    """Whether the breach is warned of before it costs anything: by its clause, or since it was, found otherwise."""
    return clause.warns_first or _was_warned_of(deviation, among)


def earlier(
    deviation: Deviation, taken: Iterable[Deviation] | None = None, among: Sequence[Deviation] | None = None
) -> int:
    """How many earlier breaches of the same requirement, in whatever form a change order gave it, have been sanctioned.

    Earlier is what was judged for days that ended before, and of the same days what was found first: never what
    somebody happened to decide first, for the parties agreed that the first breach is warned of. A breach that is found
    twice is one, and stays on the rung on which it was warned of. `taken`: the cases that count as sanctioned; those
    with a decision, unless a preview asks as if others had one too. `among`: the cases of the contract, where a list
    has read them at once; else they are asked for.
    """
    if _was_warned_of(deviation, among):
        return 0
    others = _sanctioned(deviation, among) if taken is None else taken
    mine = _place(deviation)
    origin = deviation.requirement.origin_id
    before = (each for each in others if each.requirement.origin_id == origin and _place(each) < mine)
    rungs = {counted_once.identity(each) for each in before if _is_rung(each)}
    return len(rungs - {counted_once.identity(deviation)})


def _was_warned_of(deviation: Deviation, among: Sequence[Deviation] | None) -> bool:
    """Whether the other case about the same breach was decided with a warning."""
    others = counted_once.found_otherwise(deviation, among)
    return any(is_sanctioned(each) and each.sanction is not None and each.sanction.step == WARNING for each in others)


def _is_rung(case: Deviation) -> bool:
    """Not a rejection that was decided and came to nothing: its fee, or its days, count in the correction's case."""
    if not is_sanctioned(case) or case.sanction is None or case.cause != Cause.NOT_ACCEPTED:
        return True
    return case.sanction.step == WARNING or counted_once.costs_something(case.sanction)


def is_sanctioned(deviation: Deviation) -> bool:
    """Whether a sanction for the case has been decided."""
    return deviation.sanction is not None and deviation.sanction.state in IN_FORCE


def _sanctioned(deviation: Deviation, among: Sequence[Deviation] | None) -> Iterable[Deviation]:
    if among is not None:
        return filter(is_sanctioned, among)
    rows = select(Deviation).join(Sanction, Sanction.deviation_id == Deviation.id)
    return db.session.scalars(
        rows.options(contains_eager(Deviation.sanction)).where(
            Deviation.contract_id == deviation.contract_id,
            of_same(deviation.requirement),
            Deviation.id != deviation.id,
            Sanction.state.in_(IN_FORCE),
        )
    ).unique()


def of_same(requirement: Requirement) -> ColumnElement[bool]:
    """Cases of a requirement and of what it continues, or what continues it: one ladder."""
    origin = requirement.origin_id
    forms = select(Requirement.id).where(or_(Requirement.id == origin, Requirement.continues_id == origin))
    return Deviation.requirement_id.in_(forms)


def _place(deviation: Deviation) -> tuple[date, int]:
    """Where a breach stands among those of its requirement; one that is not stored yet was found last."""
    return breach_days.judged_until(deviation), deviation.id or sys.maxsize
