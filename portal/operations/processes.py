"""Keeps Process and HumanTask rows in step with the engine: the one place where the two meet."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import NamedTuple, TypeVar

from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.orm import undefer

from portal import clock, tenancy
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
    _keep(definition)
    process = Process(
        definition_hash=definition.content_hash,
        subject=subject.__tablename__,
        subject_id=subject.id,
        **subject.parties,
        state=b"",
    )
    db.session.add(process)
    db.session.flush()
    _held()[subject.__tablename__, subject.id] = process
    _act(process, instance, instance.run, (), by=None)
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
    """The newest process of a row, locked and read as it is now. Until the transaction ends nobody else changes it."""
    held, name = _held(), (subject.__tablename__, subject.id)
    if name not in held:
        held[name] = db.session.execute(_as_it_is(_newest(subject))).scalar_one()
    return held[name]


def _held() -> dict[tuple[str, int], Process]:
    """What `_locked` has found in this very transaction."""
    now, known = db.session().get_transaction(), db.session.info.get("held_processes")
    if known is None or known[0] is not now:
        known = db.session.info["held_processes"] = (now, {})
    found: dict[tuple[str, int], Process] = known[1]
    return found


def _as_it_is(processes: Select[Process]) -> Select[Process]:
    """Locked, with its state in the same statement: whoever asks goes on to act on it."""
    return processes.options(undefer(Process.state)).with_for_update().execution_options(populate_existing=True)


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


def first_opened(subject: Subject, element: str) -> datetime | None:
    """When somebody was first waited for in this step; None when nobody has been."""
    return db.session.scalar(
        select(HumanTask.created_at)
        .where(
            HumanTask.subject == subject.__tablename__,
            HumanTask.subject_id == subject.id,
            HumanTask.element == element,
        )
        .order_by(HumanTask.id)
        .limit(1)
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
    tasks = _open_tasks(process)
    task = next((task for task in tasks if task.element == element), None)
    if task is None:
        raise InvalidTransition(MOVED_ON)
    task.close(clock.now(), by)
    instance = _restored(process)
    _act(process, instance, partial(instance.complete, task.engine_task, {**data, "actor_id": by.id}), tasks, by=by)


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


def change(subject: Subject, data: Mapping[str, object]) -> None:
    """Give a row's process new values where it stands: open deadlines that read them move, and fire if past."""
    process = _locked(subject)
    if process.ended_at is None:
        instance = _restored(process)
        _act(process, instance, partial(instance.change, data), _open_tasks(process), by=None)


def stop(subject: Subject) -> None:
    """End a row's process where it stands: what it waits for will never come, and its diagram knows no end for that."""
    process = _locked(subject)
    process.ended_at, process.due_at = clock.now(), None
    process.states = {element: state for element, state in process.states.items() if state == "done"}
    _sync_tasks(process, (), _open_tasks(process), None)
    db.session.flush()


def _deliver(process: Process, name: str, payload: Mapping[str, object], by: Membership | None = None) -> bool:
    if process.ended_at is not None:
        return False
    instance = _restored(process)
    return _act(process, instance, partial(instance.message, name, payload), _open_tasks(process), by=by)


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
    process = db.session.execute(_as_it_is(select(Process).where(Process.id == number))).scalar_one()
    if process.ended_at is not None or process.due_at is None or process.due_at > clock.now():
        return
    instance = _restored(process)
    _act(process, instance, instance.tick, _open_tasks(process), by=None)


def definition_of(process: Process) -> Definition:
    """The diagram that this process started with, whatever the file says today."""
    return _definition(process.definition_hash)


@lru_cache(maxsize=256)
def _definition(content_hash: str) -> Definition:
    """A hash never changes its meaning, so it is read once a process."""
    kept = db.session.get_one(ProcessDefinition, content_hash)
    return Definition.of(kept.name, kept.files)


def _restored(process: Process) -> Instance:
    return parts().engine.restore(definition_of(process), process.state)


def _keep(definition: Definition) -> None:
    known = select(ProcessDefinition.content_hash).where(ProcessDefinition.content_hash == definition.content_hash)
    if db.session.scalar(known) is None:
        db.session.add(
            ProcessDefinition(
                content_hash=definition.content_hash,
                name=definition.name,
                files=dict(definition.files),
                created_at=clock.now(),
            )
        )


def _act(
    process: Process,
    instance: Instance,
    act: Callable[[], Answer],
    tasks: Sequence[HumanTask],
    *,
    by: Membership | None,
) -> Answer:
    """Let the instance act and run on to its next wait, store it, then hand it what was sent to it meanwhile.

    `tasks` are those that were open before.
    """
    number = process.id  # after a refusal by the database nothing can be read from it
    _running()[number] = []
    try:
        with tenancy.beside_contract(process.contract_id):
            answer = act()
            _store(process, instance, tasks, by)
    finally:
        waiting = _running().pop(number)
    for name, payload in waiting:
        _deliver(process, name, payload)
    return answer


def _store(process: Process, instance: Instance, tasks: Sequence[HumanTask], by: Membership | None) -> None:
    process.states = instance.states()
    process.state = instance.dump()
    process.due_at = instance.due_at
    process.ended_at = clock.now() if instance.is_complete else None
    _sync_tasks(process, instance.open_tasks, tasks, by)
    db.session.flush()


def _open_tasks(process: Process) -> Sequence[HumanTask]:
    return db.session.scalars(
        select(HumanTask).where(HumanTask.process_id == process.id, HumanTask.closed_at.is_(None))
    ).all()


def _sync_tasks(
    process: Process, waiting: tuple[OpenTask, ...], tasks: Sequence[HumanTask], by: Membership | None
) -> None:
    known = {row.engine_task: row for row in tasks}
    for number, row in known.items():
        if row.closed_at is None and number not in {task.id for task in waiting}:
            row.close(clock.now(), by)
    for task in waiting:
        if task.id in known:
            known[task.id].due_at = _due_at(task)
        else:
            db.session.add(_row_for(process, task))


def _due_at(task: OpenTask) -> datetime | None:
    due_at = task.data.get(_DUE.get(task.element, ""))
    return datetime.fromisoformat(due_at) if isinstance(due_at, str) and due_at else None


def _row_for(process: Process, task: OpenTask) -> HumanTask:
    return HumanTask(
        process=process,
        engine_task=task.id,
        element=task.element,
        lane=task.lane,
        subject=process.subject,
        subject_id=process.subject_id,
        **process.parties,
        due_at=_due_at(task),
    )


def moment(when: datetime | None) -> str:
    """A moment as process data: absolute, so that a deadline survives every reload. Empty when there is none."""
    return (when - timedelta(microseconds=when.microsecond)).isoformat() if when else ""
