"""Work that outlives the request and the process: jobs, schedules and their worker. The only package that speaks DBOS.

A job is enqueued in the transaction that stores what it is about: both are there, or neither. It runs at least once,
so a handler must do no harm when it runs again. Everything else asked of `Jobs` needs a connection of its own and
waits for SQLite's only writer; asked for inside a writing transaction it would wait for itself, and is refused.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, WorkflowStatus, error
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal import clock, tracing
from portal.config import Settings
from portal.jobs.database import (
    OWN_TABLES,
    SCHEMA,
    count_by_state,
    is_jobs_table,
    is_migrated,
    last_done,
    migrate,
    worker_lock,
)
from portal.jobs.entries import (
    ATTEMPT,
    QUEUE,
    STORED,
    Job,
    State,
    attempt_id,
    handler_of,
    job_of,
    key_of,
    options_of,
    schedule_name,
    worker_of,
)
from portal.logs import FACTS

__all__ = [
    "OWN_TABLES",
    "SCHEMA",
    "Handler",
    "Job",
    "Jobs",
    "JobsError",
    "Retry",
    "State",
    "is_jobs_table",
    "is_migrated",
    "last_done",
    "migrate",
]

Handler = Callable[[Mapping[str, object]], None]


SOLE_WORKER = "worker-1"
UPKEEP = "jobs.upkeep"
LONGEST_REASON = 2000

_APPLICATION = "klimakontrakt"
# Work of another version is left alone by a worker, so this never moves: payloads change compatibly instead.
_VERSION = "1"

_log = logging.getLogger(__name__)
# A handler of ours, or DBOS adds one of its own and stops its records from reaching the application's.
logging.getLogger("dbos").addHandler(logging.NullHandler())
logging.getLogger("dbos").setLevel(logging.WARNING)


class JobsError(RuntimeError):
    """A job was asked for in a way that cannot work, or a worker may not start. The message says what to do."""


class _Failed(Exception):
    """What makes DBOS record a job as failed."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a job is tried in all, and how long it rests after the first failure; then `factor` times longer."""

    attempts: int = 5
    first: timedelta = timedelta(seconds=10)
    factor: int = 3
    deaths: int = 20
    """How often a worker may die while at one job and take it up again."""

    def rest_before(self, attempt: int) -> timedelta:
        """The wait before attempt number `attempt`, which is 2 or more."""
        return self.first * int(self.factor ** (attempt - 2))


class Jobs:
    """The jobs of one database: everybody may enqueue, a process that has called `launch` works.

    `handlers` by name; `schedules` maps some of those names to cron expressions, read in the settings' time zone. A
    scheduled run gets {"due": RFC 3339 in UTC} and is not tried again: the next comes by itself, and runs missed while
    no worker was up are not made up for. What must not be missed is enqueued by the handler as a job.
    `is_writing` tells whether the caller is inside a writing transaction.
    """

    _at_work: ClassVar["Jobs | None"] = None
    """DBOS is one per process, and would go on working for the first that launched it."""

    def __init__(  # noqa: PLR0913 - what has a default fits
        self,
        settings: Settings,
        handlers: Mapping[str, Handler],
        schedules: Mapping[str, str],
        *,
        is_writing: Callable[[], bool],
        retry: Retry = Retry(),
        slots: int = 4,
        keep_done: timedelta = timedelta(days=7),
        keep_failed: timedelta = timedelta(days=90),
        poll: timedelta = timedelta(seconds=0.5),
    ) -> None:
        if unknown := schedules.keys() - handlers.keys():
            raise JobsError(f"Scheduled without a handler: {', '.join(sorted(unknown))}.")
        self._settings = settings
        self._handlers = {**handlers, UPKEEP: lambda _: self._keep_up()}
        self._schedules = {**schedules, UPKEEP: "*/2 * * * *"}
        self._is_writing = is_writing
        self._retry, self._slots, self._poll = retry, slots, poll
        self._keep_done, self._keep_failed = keep_done, keep_failed
        self._client = DBOSClient(
            system_database_url=settings.database_url,
            system_database_pool_size=2,
            dbos_system_schema=SCHEMA,
            serializer=DBOSPortableJSONSerializer(),
            application_name=_APPLICATION,
            lazy=True,
            retry_connection_errors=False,
        )
        self._lock = worker_lock(settings)
        self._worker = ""
        self._running: set[str] = set()

    def enqueue(self, session: Session, name: str, payload: Mapping[str, object], *, key: str) -> None:
        """Have `name` run with `payload` once the session's writing transaction is committed; never if it is not.

        `payload` is JSON: ids and words, no personal data. `key` names this one piece of work in the whole portal;
        enqueued again under the same key, it is still one job, as long as the finished job is remembered.
        """
        if not self._is_writing():
            raise JobsError(f"{name} must be enqueued inside the writing transaction that it belongs to.")
        if name not in self._handlers:
            raise JobsError(f"No handler is called {name}.")
        if not re.fullmatch(rf"[^\s{ATTEMPT}]+", key):
            raise JobsError(f"«{key}» is no key: it must not be empty nor hold spaces or {ATTEMPT}.")
        json.dumps(payload, allow_nan=False)
        options = options_of(name, key)
        try:
            self._client.enqueue_in_transaction(session, options, payload, 1)
        except error.DBOSConflictingWorkflowError as clash:
            raise JobsError(f"The key {key} belongs to a job of another name than {name}.") from clash

    def launch(self, worker: str = SOLE_WORKER) -> None:
        """Start working in threads of this process, first of all at what this worker left unfinished when it died.

        `worker` must be the same after each start and another for each process. On SQLite there is only one worker
        and the name is of no matter. Raises JobsError when such a worker is alive or the tables are not migrated.
        """
        self._refuse_inside_a_transaction()
        if Jobs._at_work:
            raise JobsError("This process has a worker already.")
        if self._settings.is_sqlite:
            worker = SOLE_WORKER
        if not self._lock.take(worker):
            raise JobsError(f"Another process works as {worker} on this database: stop it, or do without this one.")
        try:
            self._start(worker)
        except BaseException:
            DBOS.destroy(destroy_registry=True)
            self._lock.release()
            raise
        self._worker, Jobs._at_work = worker, self

    def close(self, patience: timedelta = timedelta(seconds=10)) -> None:
        """Take no more work, wait `patience` for what is running and let go; the next launch finishes the rest."""
        if self._worker:
            seconds = int(patience.total_seconds()) if self._running else 0
            DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=seconds)
            self._lock.release()
            self._worker, Jobs._at_work = "", None
        self._client.destroy()

    def list(self, state: State, *, limit: int = 100) -> Sequence[Job]:
        """At most `limit` jobs in a state, the newest first. Attempts that were followed by another are left out."""
        self._refuse_inside_a_transaction()
        found = self._client.list_workflows(status=STORED[state], limit=limit, sort_desc=True)
        return tuple(job_of(each) for each in found if each.output is None)

    @property
    def is_at_work(self) -> bool:
        """Whether this process has the worker."""
        return bool(self._worker)

    def counts(self, connection: Connection) -> Mapping[State, int]:
        """How many jobs are in each state. Attempts that were followed by another count as done."""
        found = count_by_state(connection)
        return {state: sum(found.get(each, 0) for each in stored) for state, stored in STORED.items()}

    def cancel(self, key: str) -> None:
        """Let the job never begin, nor be tried again. What a handler is at this moment doing goes on to its end."""
        self._refuse_inside_a_transaction()
        self._client.cancel_workflows([attempt_id(key, number) for number in range(1, self._retry.attempts + 1)])

    def run_again(self, key: str) -> None:
        """Give a job that failed or was cancelled one more attempt. Raises JobsError when it is not such a one."""
        self._refuse_inside_a_transaction()
        ids = [attempt_id(key, number) for number in range(1, self._retry.attempts + 1)]
        ended = self._client.list_workflows(workflow_ids=ids, status=STORED["failed"] + STORED["cancelled"])
        if not ended:
            raise JobsError(f"No job {key} has failed or was cancelled.")
        last = ended[-1]
        self._client.rewind_workflow(last.workflow_id, queue_name=QUEUE, queue_partition_key=handler_of(last))

    def take_over(self, worker: str) -> Sequence[str]:
        """Set the unfinished work of a dead worker free for the living, and return its keys.

        A worker that starts again under its name does so for itself. Raises JobsError when `worker` is alive.
        """
        self._refuse_inside_a_transaction()
        if self._lock.is_held(worker):
            raise JobsError(f"{worker} is alive and keeps its work.")
        return self._set_free(each for each in self._unfinished() if worker_of(each) == worker)

    def _refuse_inside_a_transaction(self) -> None:
        if self._is_writing():
            raise JobsError("Inside a writing transaction a job can only be enqueued; ask again after the commit.")

    def _start(self, worker: str) -> None:
        config: DBOSConfig = {
            "name": _APPLICATION,
            "application_version": _VERSION,
            "executor_id": worker,
            "system_database_url": self._settings.database_url,
            "sys_db_pool_size": 10,
            "dbos_system_schema": SCHEMA,
            "serializer": DBOSPortableJSONSerializer(),
            "run_migrations": False,
            "notification_listener_polling_interval_sec": self._poll.total_seconds(),
            "log_level": "WARNING",
            "enable_otlp": False,
        }
        DBOS(config=config)
        for name in self._handlers:
            self._register(name)
        try:
            # By name, so that no kind of work takes all the room from another.
            self._client.register_queue(
                QUEUE,
                partition_worker_concurrency=self._slots,
                polling_interval_sec=self._poll.total_seconds(),
                application_name=_APPLICATION,
            )
            DBOS.launch()
        except (error.DBOSInitializationError, DBAPIError) as unusable:
            raise JobsError("The tables of the jobs are missing or old. Run `portal migrate` first.") from unusable
        self._apply_schedules()

    def _register(self, name: str) -> None:
        def enqueued(payload: Mapping[str, object], attempt: int) -> str | None:
            return self._work(name, payload, attempt)

        def scheduled(due: str, _context: object) -> str | None:
            return self._work(name, {"due": due}, self._retry.attempts)

        DBOS.workflow(name=name, max_recovery_attempts=self._retry.deaths)(enqueued)
        if name in self._schedules:
            DBOS.workflow(name=schedule_name(name), max_recovery_attempts=self._retry.deaths)(scheduled)

    def _apply_schedules(self) -> None:
        for known in self._client.list_schedules():
            if known["schedule_name"] not in self._schedules:
                self._client.delete_schedule(known["schedule_name"])
        self._client.apply_schedules(
            [
                {
                    "schedule_name": name,
                    "workflow_name": schedule_name(name),
                    "schedule": cron,
                    "cron_timezone": self._settings.time_zone,
                }
                for name, cron in self._schedules.items()
            ]
        )

    def _work(self, name: str, payload: Mapping[str, object], attempt: int) -> str | None:
        """One attempt. Returns the reason when it failed and another attempt waits; raises when it was the last."""
        identity = DBOS.workflow_id or ""
        self._running.add(identity)
        try:
            reason = DBOS.run_step({"name": name}, _tried, self._handlers[name], name, payload)
            if reason is None:
                return None
            if attempt >= self._retry.attempts:
                raise _Failed(reason)
            options = options_of(name, attempt_id(key_of(identity), attempt + 1))
            options["delay_seconds"] = self._retry.rest_before(attempt + 1).total_seconds()
            self._client.enqueue(options, payload, attempt + 1)
            return reason
        finally:
            self._running.discard(identity)

    def _keep_up(self) -> None:
        """Forget what ended long ago; set free what a dead worker, or a full disk under this one, left half done."""
        self._forget(STORED["done"] + STORED["cancelled"], clock.now() - self._keep_done)
        self._forget(STORED["failed"], clock.now() - self._keep_failed)
        # What was taken this very minute may not have reached its thread yet.
        unfinished = self._unfinished(taken_before=clock.now() - timedelta(minutes=1))
        alive = {worker: self._lock.is_held(worker) for worker in {worker_of(each) for each in unfinished}}
        stranded = [
            each
            for each in unfinished
            if not alive[worker_of(each)] or (worker_of(each) == self._worker and each.workflow_id not in self._running)
        ]
        if stranded:
            _log.warning("Unfinished, and nobody at it; set free: %s", ", ".join(self._set_free(stranded)))

    def _unfinished(self, taken_before: datetime | None = None) -> Sequence[WorkflowStatus]:
        return self._client.list_workflows(
            status=STORED["running"],
            dequeued_before=taken_before.isoformat() if taken_before else None,
            load_input=False,
            load_output=False,
        )

    def _set_free(self, unfinished: Iterable[WorkflowStatus]) -> Sequence[str]:
        ids = [each.workflow_id for each in unfinished]
        if ids:
            self._client.resume_workflows(ids)
        return tuple(key_of(each) for each in ids)

    def _forget(self, stored: Sequence[str], before: datetime) -> None:
        while ended := self._client.list_workflows(
            status=[*stored], completed_before=before.isoformat(), limit=500, load_input=False, load_output=False
        ):
            self._client.delete_workflows([each.workflow_id for each in ended])


def _tried(handler: Handler, name: str, payload: Mapping[str, object]) -> str | None:
    """Why the handler failed, None when it did not. A string, as errors do not survive storage."""
    began = time.perf_counter()
    with tracing.request():
        try:
            handler(payload)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the worker goes on
            _log.exception("Job %s failed with %s", name, payload)
            return _storable(f"{type(problem).__name__}: {problem}")
        _log.info("job", extra={FACTS: {"job": name, "ms": round((time.perf_counter() - began) * 1000, 1)}})
    return None


def _storable(reason: str) -> str:
    """Without what PostgreSQL does not take as text, and no longer than a person will read."""
    return reason.replace("\0", " ").encode(errors="replace").decode()[:LONGEST_REASON]
