"""A job as DBOS stores it: which of its workflows is which attempt, by what key, and in what state."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from dbos import EnqueueOptions, WorkflowStatus

State = Literal["waiting", "running", "done", "failed", "cancelled"]

DIED = "The worker died each time it was at this."
QUEUE = "jobs"
ATTEMPT = "#"
STORED: Mapping[State, list[str]] = {
    "waiting": ["ENQUEUED", "DELAYED"],
    "running": ["PENDING"],
    "done": ["SUCCESS"],
    "failed": ["ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
    "cancelled": ["CANCELLED"],
}
_STATES: Mapping[str, State] = {stored: state for state, many in STORED.items() for stored in many}


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at a job, as it stands. Times are aware UTC by the database's clock."""

    key: str
    name: str
    state: State
    payload: Mapping[str, object]
    attempt: int
    reason: str
    """Why it failed; empty otherwise."""
    worker: str
    enqueued_at: datetime
    finished_at: datetime | None


def options_of(name: str, identity: str) -> EnqueueOptions:
    """What DBOS is told when an attempt is enqueued."""
    return {"workflow_name": name, "queue_name": QUEUE, "queue_partition_key": name, "workflow_id": identity}


def attempt_id(key: str, attempt: int) -> str:
    """The workflow that is this attempt, 1 or more, at the work under `key`."""
    return key if attempt == 1 else f"{key}{ATTEMPT}{attempt}"


def key_of(identity: str) -> str:
    """The key of the work that a workflow is an attempt at."""
    return identity.partition(ATTEMPT)[0]


def schedule_name(name: str) -> str:
    """The workflow that runs `name` by the clock."""
    return f"{name}@schedule"


def handler_of(stored: WorkflowStatus) -> str:
    """The name of the handler."""
    return stored.name.removesuffix("@schedule")


def worker_of(stored: WorkflowStatus) -> str:
    """The worker that has it or had it last; empty before any did."""
    return stored.executor_id or ""


def job_of(stored: WorkflowStatus) -> Job:
    """As everybody else knows it."""
    arguments = stored.input["args"] if stored.input else ()
    attempt = stored.workflow_id.partition(ATTEMPT)[2]
    return Job(
        key=key_of(stored.workflow_id),
        name=handler_of(stored),
        state=_STATES[stored.status],
        payload={"due": arguments[0]} if stored.schedule_name else arguments[0],
        attempt=int(attempt or 1),
        reason=str(stored.error or (DIED if stored.status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED" else "")),
        worker=worker_of(stored),
        enqueued_at=_moment(stored.created_at),
        finished_at=_moment(stored.completed_at) if stored.completed_at else None,
    )


def _moment(milliseconds: int | None) -> datetime:
    return datetime.fromtimestamp((milliseconds or 0) / 1000, UTC)
