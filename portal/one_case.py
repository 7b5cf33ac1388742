"""What somebody who is appointed from outside sees and may do: one case, and what that case needs."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, select

from portal import reach
from portal.model import (
    Appointment,
    Contract,
    Deviation,
    Evidence,
    HumanTask,
    Notice,
    Point,
    PointAnswer,
    Reply,
    Report,
    Revision,
    Role,
    Sanction,
    Weighing,
)

ROLES = frozenset({Role.DECISION_MAKER})
"""The roles that somebody can be appointed in."""

Cases = Select[Any]
"""Numbers of cases, as a query."""


def lies_in(entity: type[Any], membership_id: int) -> ColumnElement[bool]:
    """Whether a row belongs to the case that this membership is appointed for; an entity without a rule never does."""
    rule = _RULES.get(entity)
    return rule(entity, reach.appointed(membership_id)) if rule is not None else false()


def _of_case(entity: Any, cases: Cases) -> ColumnElement[bool]:
    found: ColumnElement[bool] = entity.deviation_id.in_(cases)
    return found


def _contracts(entity: Any, cases: Cases) -> ColumnElement[bool]:
    found: ColumnElement[bool] = entity.id.in_(select(Deviation.contract_id).where(Deviation.id.in_(cases)))
    return found


def _reports(cases: Cases) -> Cases:
    """The report that the case grew out of."""
    return select(Deviation.report_id).where(Deviation.id.in_(cases))


def _evidence(entity: Any, cases: Cases) -> ColumnElement[bool]:
    """The files of the letters, and those beside the values of the report."""
    return or_(
        entity.reply_id.in_(select(Reply.id).where(Reply.deviation_id.in_(cases))),
        entity.notice_id.in_(select(Notice.id).where(Notice.deviation_id.in_(cases))),
        entity.report_id.in_(_reports(cases)),
    )


def _tasks(entity: Any, cases: Cases) -> ColumnElement[bool]:
    sanctions = select(Sanction.id).where(Sanction.deviation_id.in_(cases))
    return or_(
        and_(entity.subject == Deviation.__tablename__, entity.subject_id.in_(cases)),
        and_(entity.subject == Sanction.__tablename__, entity.subject_id.in_(sanctions)),
    )


_RULES: Mapping[type[Any], Callable[[Any, Cases], ColumnElement[bool]]] = {
    **dict.fromkeys((Appointment, Notice, Point, Reply, Sanction), _of_case),
    Contract: _contracts,
    Deviation: lambda entity, cases: entity.id.in_(cases),
    Evidence: _evidence,
    HumanTask: _tasks,
    PointAnswer: lambda entity, cases: entity.reply.has(Reply.deviation_id.in_(cases)),
    Report: lambda entity, cases: entity.id.in_(_reports(cases)),
    Revision: lambda entity, cases: entity.report_id.in_(_reports(cases)),
    Weighing: lambda entity, cases: entity.point.has(Point.deviation_id.in_(cases)),
}
"""Entity -> which of its rows the case needs. What stands nowhere here is not seen at all."""
