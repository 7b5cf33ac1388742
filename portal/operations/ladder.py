"""Which step of its clause a breach comes to: the first one warned of where the clause warns first."""

import sys
from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, or_, select

from portal.extensions import db
from portal.model import ClauseForm, Deviation, Requirement, Sanction, SanctionClause
from portal.model.sanctions import IN_FORCE
from portal.operations import breach_days
from portal.text import Text

WARNING = "warning"
"""The step of a clause that warns first; the others are named as the forms of clauses are."""
STEPS = {
    WARNING: Text("skriftlig advarsel", "written warning"),
    str(ClauseForm.FEE): Text("gebyr", "fee"),
    str(ClauseForm.DAILY): Text("dagmulkt", "daily amount"),
}


def step_of(deviation: Deviation, clause: SanctionClause, taken: Iterable[Deviation] | None = None) -> str:
    """The step that the clause comes to for this case: a warning where it warns first and none was taken before.

    One that is decided keeps its step. `taken`: as in `earlier`.
    """
    if is_sanctioned(deviation) and deviation.sanction is not None:
        return deviation.sanction.step
    return WARNING if clause.warns_first and not earlier(deviation, taken) else str(clause.form)


def earlier(deviation: Deviation, taken: Iterable[Deviation] | None = None) -> int:
    """How many earlier breaches of the same requirement, in whatever form a change order gave it, have been sanctioned.

    Earlier is what was judged for days that ended before, and of the same days what was found first: never what
    somebody happened to decide first, for the parties agreed that the first breach is warned of. `taken`: the cases
    that count as sanctioned; those with a decision, unless a preview asks as if others had one too.
    """
    others = _sanctioned(deviation) if taken is None else taken
    mine = _place(deviation)
    origin = deviation.requirement.origin_id
    return sum(each.requirement.origin_id == origin and _place(each) < mine for each in others)


def is_sanctioned(deviation: Deviation) -> bool:
    """Whether a sanction for the case has been decided."""
    return deviation.sanction is not None and deviation.sanction.state in IN_FORCE


def _sanctioned(deviation: Deviation) -> Iterable[Deviation]:
    rows = select(Deviation).join(Sanction, Sanction.deviation_id == Deviation.id)
    return db.session.scalars(
        rows.where(
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
