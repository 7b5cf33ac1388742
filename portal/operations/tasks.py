"""«Mine oppgaver»: the open user tasks that wait for this person, whatever process they belong to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import ColumnElement, func, select

from portal import impartiality, permissions
from portal.extensions import db
from portal.model import Deviation, HumanTask, Membership, OrganisationKind, Report, Sanction
from portal.operations.processes import Subject
from portal.permissions import Permission

PERMISSION_OF = {
    "fill_in": Permission.REPORT_EDIT,
    "sign": Permission.REPORT_SIGN,
    "review": Permission.REPORT_REVIEW,
    "assess": Permission.CASE_ASSESS,
    "confirm_delivery": Permission.CASE_ASSESS,
    "reply": Permission.CASE_REPLY,
    "assess_reply": Permission.CASE_ASSESS,
    "approve_sanction": Permission.SANCTION_DECIDE,
    "revise": Permission.SANCTION_PROPOSE,
    "confirm_decision_delivery": Permission.SANCTION_PROPOSE,
}
"""User task -> what it takes to do it. A test holds this against the diagrams."""
_APPROVAL = "approve_sanction"

_ENTITIES: dict[str, type[Subject]] = {entity.__tablename__: entity for entity in (Report, Deviation, Sanction)}


@dataclass(frozen=True)
class TaskRow:
    """One thing to do, and what it is about."""

    task: HumanTask
    subject: Subject

    @property
    def report(self) -> Report:
        """The report behind it, whether it is the task itself or the case grew out of it."""
        if isinstance(self.subject, Report):
            return self.subject
        return self.subject.report if isinstance(self.subject, Deviation) else self.subject.deviation.report


def mine(by: Membership, *elements: str, limit: int = 100) -> list[TaskRow]:
    """Open tasks this person may do, the nearest deadline first; all kinds, or only `elements`.

    The approval of a sanction is no task for whoever prepared it.
    """
    chosen = [name for name in elements or PERMISSION_OF if permissions.allowed(by, PERMISSION_OF[name])]
    rows = db.session.scalars(
        select(HumanTask)
        .where(*_waits_for(by, chosen))
        .order_by(HumanTask.due_at.is_(None), HumanTask.due_at, HumanTask.id)
        .limit(limit)
    ).all()
    return _with_subjects(rows)


def counts(by: Membership) -> dict[str, int]:
    """How many open tasks of each step wait for this person."""
    chosen = [name for name, needed in PERMISSION_OF.items() if permissions.allowed(by, needed)]
    rows = db.session.execute(
        select(HumanTask.element, func.count()).where(*_waits_for(by, chosen)).group_by(HumanTask.element)
    )
    return {row[0]: row[1] for row in rows}


def _waits_for(by: Membership, chosen: Sequence[str]) -> list[ColumnElement[bool]]:
    """Open tasks of the chosen steps at this person's organisation, but for what somebody else must decide."""
    conditions = [
        HumanTask.closed_at.is_(None),
        HumanTask.element.in_(chosen),
        permissions.seen(HumanTask, by),
        *_of_the_impartial(by),
    ]
    return [*conditions, ~_is_prepared(by)] if _APPROVAL in chosen else conditions


def _of_the_impartial(by: Membership) -> list[ColumnElement[bool]]:
    """A buyer's task waits for nobody who has declared an interest in the matter."""
    interested = impartiality.has_interest(by.person_id, HumanTask.supplier_id, HumanTask.contract_id)
    return [~interested] if by.organisation.kind == OrganisationKind.BUYER else []


def _is_prepared(by: Membership) -> ColumnElement[bool]:
    """Whether a task is the approval of a sanction that this person prepared. Asked of the database: no row is read."""
    approvals = (
        select(Sanction.id)
        .join(Deviation, Deviation.id == Sanction.deviation_id)
        .where(HumanTask.element == _APPROVAL, Sanction.id == HumanTask.subject_id)
        .where(impartiality.was_prepared_by(by.person_id))
        .correlate(HumanTask)
    )
    return approvals.exists()


def _with_subjects(tasks: Sequence[HumanTask]) -> list[TaskRow]:
    found: dict[tuple[str, int], Subject] = {}
    for name, entity in _ENTITIES.items():
        numbers = [task.subject_id for task in tasks if task.subject == name]
        if numbers:
            rows = cast(
                "Sequence[Subject]", db.session.scalars(select(entity).where(entity.id.in_(numbers))).unique().all()
            )
            found.update({(name, subject.id): subject for subject in rows})
    return [TaskRow(task, found[task.subject, task.subject_id]) for task in tasks]
