"""The reviewers' queue: what waits, narrowed and in order, and what lies beside one report in it."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from portal import calendars, impartiality, permissions
from portal.extensions import db
from portal.model import (
    Claim,
    Contract,
    Finding,
    FindingResult,
    HumanTask,
    Membership,
    Organisation,
    Report,
    ReportingPeriod,
    Revision,
)
from portal.operations.reports import claims

PAGE = 25
_LOOK_AHEAD = 100


class Why(StrEnum):
    """Why a report is in the queue, to narrow it by."""

    NEW = "new"
    CORRECTED = "corrected"
    BREACH = "breach"
    UNSEEN = "unseen"


@dataclass(frozen=True)
class QueueFilter:
    """What the reviewer narrows the queue to; lives in the address."""

    contract: uuid.UUID | None = None
    supplier: uuid.UUID | None = None
    period: str = ""
    """YYYY-MM, or empty for all."""
    why: Why | None = None
    late: bool = False
    """Only those past the review's own deadline."""


@dataclass(frozen=True)
class QueueRow:
    """One waiting report."""

    task: HumanTask
    report: Report


class Around(NamedTuple):
    """Where a report stands in the filtered queue (from 1; none: not in it), of how many, and what lies beside it."""

    position: int | None
    total: int
    previous: Report | None
    following: Report | None


def queue(
    by: Membership, chosen: QueueFilter, *, now: datetime, after: uuid.UUID | None = None, limit: int = PAGE
) -> list[QueueRow]:
    """Open review tasks of the acting buyer, the most urgent first; `after` is the last task of the page before."""
    rows = _waiting(by, chosen, now).order_by(HumanTask.due_at, HumanTask.id)
    last = db.session.scalar(permissions.visible(HumanTask, by).where(HumanTask.public_id == after)) if after else None
    if last is not None:
        rows = rows.where(_after(last))
    return [QueueRow(row[0], row[1]) for row in db.session.execute(rows.limit(limit))]


def count(by: Membership, chosen: QueueFilter, *, now: datetime) -> int:
    """How many wait in the filter."""
    inner = _waiting(by, chosen, now).with_only_columns(HumanTask.id).subquery()
    return db.session.execute(select(func.count()).select_from(inner)).scalar_one()


def around(report: Report, by: Membership, chosen: QueueFilter, *, now: datetime) -> Around:
    """A report's place in the filtered queue, and its neighbours that this person could go on with."""
    task = _task_of(report)
    if task is None:
        return Around(None, count(by, chosen, now=now), None, None)
    rows = _waiting(by, chosen, now).with_only_columns(
        func.count(),
        func.coalesce(func.sum(case((_after(task), 0), else_=1)), 0),
        func.coalesce(func.sum(case((HumanTask.id == task.id, 1), else_=0)), 0),
    )
    counted, place, is_in = db.session.execute(rows).one()
    return Around(
        position=int(place) if is_in else None,
        total=counted,
        previous=_first(_before(task), by, chosen, now, backwards=True),
        following=_first(_after(task), by, chosen, now),
    )


def next_after(report: Report, by: Membership, chosen: QueueFilter, *, now: datetime) -> Report | None:
    """The report to go on with: the next in the filter, from the top again at its end; None when nothing is left.

    Those that somebody else is at, and those that this person may not review, are passed by.
    """
    task = _task_of(report)
    following = _first(_after(task), by, chosen, now) if task else None
    return following or _first(Report.id != report.id, by, chosen, now)


def _task_of(report: Report) -> HumanTask | None:
    """The report's newest review, open or done: it says where in the queue the report stands, or stood."""
    return db.session.scalar(
        select(HumanTask)
        .where(HumanTask.subject == "report", HumanTask.subject_id == report.id, HumanTask.element == "review")
        .order_by(HumanTask.id.desc())
        .limit(1)
    )


def _first(
    where: ColumnElement[bool], by: Membership, chosen: QueueFilter, now: datetime, *, backwards: bool = False
) -> Report | None:
    order = (HumanTask.due_at.desc(), HumanTask.id.desc()) if backwards else (HumanTask.due_at, HumanTask.id)
    interested = impartiality.has_interest(by.person_id, Report.supplier_id, Report.contract_id)
    rows = (
        _waiting(by, chosen, now).where(where, ~claims.by_others(by), ~interested).order_by(*order).limit(_LOOK_AHEAD)
    )
    reports = (row[1] for row in db.session.execute(rows))
    return next((report for report in reports if by.person_id not in report.preparers), None)


def _after(task: HumanTask) -> ColumnElement[bool]:
    return or_(HumanTask.due_at > task.due_at, and_(HumanTask.due_at == task.due_at, HumanTask.id > task.id))


def _before(task: HumanTask) -> ColumnElement[bool]:
    return or_(HumanTask.due_at < task.due_at, and_(HumanTask.due_at == task.due_at, HumanTask.id < task.id))


def _waiting(by: Membership, chosen: QueueFilter, now: datetime) -> Select[HumanTask, Report]:
    rows = (
        select(HumanTask, Report)
        .join(Report, (HumanTask.subject == "report") & (HumanTask.subject_id == Report.id))
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .where(HumanTask.closed_at.is_(None), HumanTask.element == "review", permissions.seen(HumanTask, by))
        .where(HumanTask.buyer_id == by.organisation_id)
    )
    if chosen.contract:
        rows = rows.join(Contract, Report.contract_id == Contract.id).where(Contract.public_id == chosen.contract)
    if chosen.supplier:
        rows = rows.join(Organisation, Report.supplier_id == Organisation.id).where(
            Organisation.public_id == chosen.supplier
        )
    if chosen.period:
        month = calendars.month_of(date.fromisoformat(f"{chosen.period}-01"))
        rows = rows.where(ReportingPeriod.starts_on.between(*month))
    if chosen.why:
        rows = rows.where(_is_there_for(chosen.why))
    return rows.where(HumanTask.due_at < now) if chosen.late else rows


def _is_there_for(why: Why) -> ColumnElement[bool]:
    if why is Why.UNSEEN:
        return ~exists().where(Claim.report_id == Report.id)
    if why is Why.BREACH:
        newer = aliased(Revision)
        is_newest = ~exists().where(newer.report_id == Revision.report_id, newer.number > Revision.number)
        broken = Finding.result == FindingResult.BROKEN
        return exists().where(Revision.report_id == Report.id, is_newest, Finding.revision_id == Revision.id, broken)
    again = exists().where(Revision.report_id == Report.id, Revision.review.has())
    return again if why is Why.CORRECTED else ~again
