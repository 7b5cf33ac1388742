"""The floor: a report's way as a hand-written state machine. The portal's own operations, without a process engine.

Operations ask `portal.operations.processes` who is next. Here plain Python answers, from the report's own state: the
same work items, audit events and letters are written, by the same operations in the same order, but there is no
diagram, no engine and no process row that carries state.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from unittest.mock import patch
from uuid import uuid4

from flask import current_app
from sqlalchemy import select

from portal import clock
from portal.errors import InvalidTransition
from portal.extensions import db
from portal.model import HumanTask, Membership, Process, ProcessDefinition, Report
from portal.model.cases import MOVED_ON
from portal.operations import processes
from portal.operations.cases import breaches
from portal.operations.reports import reviews, revisions

ANCHOR = "bench floor: number of the process row that all work items hang on"
HELD = "bench floor: transaction, and number of the report that is locked in it"
REVIEW_DAYS, REVIEW_DAYS_OF_BREACH = 10, 5


@contextmanager
def in_place() -> Iterator[None]:
    """Let operations meet the state machine where they would meet the engine."""
    with patch.multiple(processes, start=start, hold=hold, complete=complete, message=message):
        yield


def start(name: str, subject: Report, _data: Mapping[str, object]) -> None:
    """A period opens: somebody is to fill in."""
    if name != "report":
        raise NotImplementedError(f"The floor knows no {name}.")
    wait_for(subject, "fill_in", "Supplier", subject.due_at)


def hold(subject: Report) -> None:
    """Lock the row itself, once in a transaction as the portal does, and see it as it is now."""
    session = db.session()
    if session.info.get(HELD) != (session.get_transaction(), subject.id):
        session.execute(select(Report.id).where(Report.id == subject.id).with_for_update())
        session.info[HELD] = (session.get_transaction(), subject.id)
    session.expire(subject)


def message(_subject: Report, name: str, _payload: Mapping[str, object], *, by: Membership | None = None) -> bool:
    """No report of the benches is withdrawn or amended."""
    raise NotImplementedError(f"The floor does not hear {name} of {by}.")


def complete(subject: Report, element: str, data: Mapping[str, object], *, by: Membership) -> None:
    """A person has done a step; what follows it stands here."""
    task = processes.task_of(subject, element)
    if task is None:
        raise InvalidTransition(MOVED_ON)
    task.close(clock.now(), by)
    if element == "fill_in":
        wait_for(subject, "sign", "Supplier", subject.due_at)
    elif element == "sign" and data["signature"] == "given":
        _submit(subject, by)
    elif element == "review" and data["decision"] == "approve":
        _accept(subject, by.id)
    else:
        raise NotImplementedError(f"The floor does not know what follows {element} with {data}.")


def _submit(report: Report, by: Membership) -> None:
    """What the diagram has between the signature and the review; its table of routes in two lines."""
    revisions.freeze(report_id=report.id, actor_id=by.id)
    revisions.compute(report_id=report.id)
    found = revisions.check(report_id=report.id)
    if found["unattended_allowed"] and not found["breaches"] and not found["warnings"]:
        _accept(report, None)
        return
    reviews.plan(report_id=report.id, review_days=REVIEW_DAYS_OF_BREACH if found["breaches"] else REVIEW_DAYS)
    wait_for(report, "review", "Reviewer", report.review_due_at)


def _accept(report: Report, reviewer: int | None) -> None:
    reviews.approve(report_id=report.id, actor_id=reviewer)
    breaches.open_for_breaches(report_id=report.id)


def wait_for(report: Report, element: str, lane: str, due_at: datetime | None) -> None:
    """Put a step on somebody's list."""
    db.session.add(
        HumanTask(
            process_id=_anchor(report),
            engine_task=str(uuid4()),
            element=element,
            lane=lane,
            subject=report.__tablename__,
            subject_id=report.id,
            **report.parties,
            due_at=due_at,
        )
    )


def _anchor(report: Report) -> int:
    """The one row that the foreign key of every work item asks for: made with the first report, never changed."""
    known: dict[str, int] = current_app.extensions
    if ANCHOR not in known:
        empty = ProcessDefinition(content_hash="0" * 64, name="report", files={}, created_at=clock.now())
        anchor = Process(definition=empty, subject="", subject_id=0, **report.parties, state=b"")
        db.session.add(anchor)
        db.session.flush()
        known[ANCHOR] = anchor.id
    return known[ANCHOR]
