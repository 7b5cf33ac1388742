"""Keeps Process and HumanTask rows in step with the engine: the one place where the two meet."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar

from sqlalchemy import Select, literal, select, tuple_

from portal import clock
from portal.errors import InvalidTransition
from portal.extensions import db, parts
from portal.model import Deviation, HumanTask, Membership, Process, ProcessDefinition, Report, Sanction
from portal.model.base import Moment
from portal.model.cases import MOVED_ON
from portal.workflow import Definition, Instance, OpenTask

Subject = Report | Deviation | Sanction
Answer = TypeVar("Answer")

_DUE = {
    "fill_in": "due_at",
    "sign": "due_at",
    "review": "review_due_at",
    "assess": "notice_due_at",
    "reply": "reply_due_at",
}
"""User task -> the key in the process's data that holds when it is due."""


def start(name: str, subject: Subject, data: Mapping[str, object]) -> Process:
    """Start the process `name` for a row that is already flushed, and run it to its first wait."""
    definition = parts().engine.definitions[name]
    instance = parts().engine.start(definition, data)
    process = Process(
        definition=_stored(definition),
        subject=subject.__tablename__,
        subject_id=subject.id,
        **subject.parties,
        state=b"",
    )
    db.session.add(process)
    db.session.flush()
    _act(process, instance, instance.run, by=None)
    return process


def of(subject: Subject) -> Process:
    """The newest process of a row, for reading."""
    return db.session.execute(_newest(subject)).scalar_one()


def hold(subject: Subject) -> None:
    """Keep every other decision on this row waiting until we are done, and see it as it is now.

    Whoever waited here sees what the first one did, and can be told.
    """
    _locked(subject)
    db.session.expire(subject)


def _locked(subject: Subject) -> Process:
    return db.session.execute(_newest(subject).with_for_update().execution_options(populate_existing=True)).scalar_one()


def _newest(subject: Subject) -> Select[Process]:
    return (
        select(Process)
        .where(Process.subject == subject.__tablename__, Process.subject_id == subject.id)
        .order_by(Process.id.desc())
        .limit(1)
    )


def task_of(subject: Subject, *elements: str) -> HumanTask | None:
    """The open task of a row, if it is one of `elements`."""
    return db.session.scalar(
        select(HumanTask).where(
            HumanTask.subject == subject.__tablename__,
            HumanTask.subject_id == subject.id,
            HumanTask.closed_at.is_(None),
            HumanTask.element.in_(elements),
        )
    )


def last_closed(subject: Subject, element: str) -> HumanTask | None:
    """The task of this step that was closed last: who was there first."""
    return db.session.scalar(
        select(HumanTask)
        .where(
            HumanTask.subject == subject.__tablename__,
            HumanTask.subject_id == subject.id,
            HumanTask.closed_at.is_not(None),
            HumanTask.element == element,
        )
        .order_by(HumanTask.closed_at.desc(), HumanTask.id.desc())
        .limit(1)
    )


def complete(subject: Subject, element: str, data: Mapping[str, object], *, by: Membership) -> None:
    """A person has done a step; the diagram says what follows. Raises InvalidTransition when it waits no more."""
    process = _locked(subject)
    task = task_of(subject, element)
    if task is None:
        raise InvalidTransition(MOVED_ON)
    task.close(clock.now(), by)
    instance = _restored(process)
    _act(process, instance, partial(instance.complete, task.engine_task, {**data, "actor_id": by.id}), by=by)


def message(subject: Subject, name: str, payload: Mapping[str, object], *, by: Membership | None = None) -> bool:
    """Tell a row's process that something happened outside it. False when nothing in it waited for that.

    `by`, if a person did it, closes the tasks that it ends.

    A process that is just now being advanced (it asked for what sends this message) gets it once it stands still.
    """
    process = _locked(subject)
    if process.id in _running():
        _running()[process.id].append((name, payload))
        return True
    return _deliver(process, name, payload, by)


def _deliver(process: Process, name: str, payload: Mapping[str, object], by: Membership | None = None) -> bool:
    if process.ended_at is not None:
        return False
    instance = _restored(process)
    return _act(process, instance, partial(instance.message, name, payload), by=by)


def _running() -> dict[int, list[tuple[str, Mapping[str, object]]]]:
    """Processes being advanced in this transaction, each with the messages that wait for it."""
    found: dict[int, list[tuple[str, Mapping[str, object]]]] = db.session.info.setdefault("running_processes", {})
    return found


class Due(NamedTuple):
    """A process whose next timer is past, and since when."""

    number: int
    due_at: datetime


def due(after: Due | None = None, limit: int = 100) -> list[Due]:
    """Processes whose next timer is past, longest waiting first; `after` is the last of the batch before."""
    rows = select(Process.id, Process.due_at).where(Process.due_at <= clock.now(), Process.ended_at.is_(None))
    if after is not None:
        rows = rows.where(tuple_(Process.due_at, Process.id) > tuple_(literal(after.due_at, Moment), after.number))
    found = db.session.execute(rows.order_by(Process.due_at, Process.id).limit(limit))
    return [Due(row[0], row[1]) for row in found if row[1] is not None]


def tick(number: int) -> None:
    """Fire the due timers of one process. Safe to repeat: nothing due, nothing done."""
    process = db.session.execute(
        select(Process).where(Process.id == number).with_for_update().execution_options(populate_existing=True)
    ).scalar_one()
    if process.ended_at is not None or process.due_at is None or process.due_at > clock.now():
        return
    instance = _restored(process)
    _act(process, instance, instance.tick, by=None)


def definition_of(process: Process) -> Definition:
    """The diagram that this process started with, whatever the file says today."""
    return Definition.of(process.definition.name, process.definition.files)


def _restored(process: Process) -> Instance:
    return parts().engine.restore(definition_of(process), process.state)


def _stored(definition: Definition) -> ProcessDefinition:
    kept = db.session.get(ProcessDefinition, definition.content_hash)
    if kept is None:
        kept = ProcessDefinition(
            content_hash=definition.content_hash,
            name=definition.name,
            files=dict(definition.files),
            created_at=clock.now(),
        )
        db.session.add(kept)
    return kept


def _act(process: Process, instance: Instance, act: Callable[[], Answer], *, by: Membership | None) -> Answer:
    """Let the instance act and run on to its next wait, store it, then hand it what was sent to it meanwhile."""
    _running()[process.id] = []
    try:
        answer = act()
        _store(process, instance, by)
    finally:
        waiting = _running().pop(process.id)
    for name, payload in waiting:
        _deliver(process, name, payload)
    return answer


def _store(process: Process, instance: Instance, by: Membership | None) -> None:
    process.states = instance.states()
    process.state = instance.dump()
    process.due_at = instance.due_at
    process.ended_at = clock.now() if instance.is_complete else None
    _sync_tasks(process, instance.open_tasks, by)
    db.session.flush()


def _sync_tasks(process: Process, waiting: tuple[OpenTask, ...], by: Membership | None) -> None:
    rows = db.session.scalars(
        select(HumanTask).where(HumanTask.process_id == process.id, HumanTask.closed_at.is_(None))
    )
    known = {row.engine_task: row for row in rows}
    for number, row in known.items():
        if number not in {task.id for task in waiting}:
            row.close(clock.now(), by)
    for task in waiting:
        if task.id not in known:
            db.session.add(_row_for(process, task))


def _row_for(process: Process, task: OpenTask) -> HumanTask:
    due_at = task.data.get(_DUE.get(task.element, ""))
    return HumanTask(
        process=process,
        engine_task=task.id,
        element=task.element,
        lane=task.lane,
        subject=process.subject,
        subject_id=process.subject_id,
        **process.parties,
        due_at=datetime.fromisoformat(due_at) if isinstance(due_at, str) and due_at else None,
    )


def moment(when: datetime | None) -> str:
    """A moment as process data: absolute, so that a deadline survives every reload. Empty when there is none."""
    return (when - timedelta(microseconds=when.microsecond)).isoformat() if when else ""
