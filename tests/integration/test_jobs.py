"""Jobs on both databases: stored with what they are about, done at least once, and never silently lost."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import clock
from portal.jobs import Jobs, JobsError, Retry
from tests.jobbing import PATIENCE, SHORT, Database, asked_for, database, only_sqlite, template, until

__all__ = ["database", "template"]


# What is stored with a job


def test_a_commit_enqueues_and_a_rollback_does_not(database: Database) -> None:
    jobs = database.jobs()
    jobs.launch()
    with database.transaction() as session:
        session.execute(text("INSERT INTO report VALUES (1)"))
        jobs.enqueue(session, "note", {"report": 1, "word": "blåbærøy"}, key="report-1")
    with database.transaction() as session:
        session.execute(text("INSERT INTO report VALUES (2)"))
        jobs.enqueue(session, "note", {"report": 2}, key="report-2")
        session.rollback()
    database.enqueue(jobs, "note", {"report": 3}, key="report-3")

    until(lambda: len(database.given) == 2)
    time.sleep(0.5)

    assert sorted(database.given, key=str) == [{"report": 1, "word": "blåbærøy"}, {"report": 3}]
    with database.engine.connect() as connection:
        assert connection.scalars(text("SELECT id FROM report")).all() == [1]


def test_one_key_is_one_job_before_and_after_it_ran(database: Database) -> None:
    jobs = database.jobs()
    with database.transaction() as session:
        jobs.enqueue(session, "note", {"try": 1}, key="letter-7")
        jobs.enqueue(session, "note", {"try": 2}, key="letter-7")
    jobs.launch()
    until(lambda: database.given)
    until(lambda: asked_for(jobs, "done"))
    database.enqueue(jobs, "note", {"try": 3}, key="letter-7")
    database.enqueue(jobs, "note", {"other": True}, key="letter-8")
    until(lambda: len(database.given) > 1)

    assert database.given == [{"try": 1}, {"other": True}]


@only_sqlite
def test_a_key_cannot_name_two_kinds_of_work(database: Database) -> None:
    jobs = database.jobs(other=lambda _: None)
    database.enqueue(jobs, "note", {}, key="a")
    with pytest.raises(JobsError, match="another name"):
        database.enqueue(jobs, "other", {}, key="a")


@only_sqlite
@pytest.mark.parametrize(
    ("name", "payload", "key", "error"),
    [
        ("nobody", {}, "k", JobsError),
        ("note", {}, "", JobsError),
        ("note", {}, "a b", JobsError),
        ("note", {}, "a#2", JobsError),
        ("note", {"at": object()}, "k", TypeError),
        ("note", {"share": float("nan")}, "k", ValueError),
    ],
)
def test_what_cannot_be_a_job_is_refused_at_once(
    database: Database, name: str, payload: Mapping[str, object], key: str, error: type[Exception]
) -> None:
    jobs = database.jobs()
    with pytest.raises(error):
        database.enqueue(jobs, name, payload, key=key)
    assert not asked_for(jobs, "waiting")


def test_inside_a_writing_transaction_only_enqueue_and_outside_never(database: Database) -> None:
    jobs = database.jobs()
    with Session(database.engine) as session, pytest.raises(JobsError, match="inside the writing transaction"):
        jobs.enqueue(session, "note", {}, key="k")
    calls: list[Callable[[], object]] = [
        lambda: jobs.list("waiting"),
        lambda: jobs.cancel("k"),
        lambda: jobs.run_again("k"),
        lambda: jobs.take_over("worker-2"),
        jobs.launch,
    ]
    with database.transaction():
        for call in calls:
            with pytest.raises(JobsError, match="after the commit"):
                call()
    assert asked_for(jobs, "waiting") == []


def test_a_handler_enqueues_in_a_transaction_of_its_own(database: Database) -> None:
    def first(_payload: Mapping[str, object]) -> None:
        database.enqueue(jobs, "note", {"second": True}, key="second")

    jobs = database.jobs(first=first)
    database.enqueue(jobs, "first", {}, key="first")
    jobs.launch()
    until(lambda: database.given == [{"second": True}])


# Failure


def test_a_failing_job_is_tried_again_and_then_shown(database: Database) -> None:
    tried = []

    def fail(payload: Mapping[str, object]) -> None:
        tried.append(payload)
        raise OSError("the post office is closed")

    jobs = database.jobs(fail=fail)
    database.enqueue(jobs, "fail", {"letter": 4}, key="letter-4")
    jobs.launch()
    until(lambda: jobs.list("failed"))

    [job] = jobs.list("failed")
    assert (job.key, job.name, job.state, job.attempt) == ("letter-4", "fail", "failed", 3)
    assert job.payload == {"letter": 4}
    assert job.reason == "OSError: the post office is closed"
    assert job.finished_at is not None
    assert abs(job.finished_at - clock.now()) < timedelta(minutes=1)
    assert tried == [{"letter": 4}] * 3
    assert asked_for(jobs, "done") == []

    jobs.run_again("letter-4")
    until(lambda: len(tried) == 4)
    until(lambda: jobs.list("failed"))
    with pytest.raises(JobsError, match="letter-5"):
        jobs.run_again("letter-5")


def test_whatever_a_handler_complains_of_can_be_shown(database: Database) -> None:
    def fail(_payload: Mapping[str, object]) -> None:
        raise OSError("\0 " + "x" * 10_000)

    jobs = database.jobs({"fail": "* * * * * *"}, fail=fail)
    jobs.launch()
    until(lambda: jobs.list("failed"))
    [job, *_] = jobs.list("failed")
    assert job.reason.startswith("OSError:   xxx")
    assert len(job.reason) == 2000


@only_sqlite
def test_a_job_that_works_at_the_second_attempt_is_done(database: Database) -> None:
    tried = []

    def shaky(payload: Mapping[str, object]) -> None:
        tried.append(payload)
        if len(tried) < 2:
            raise OSError("busy")

    jobs = database.jobs(shaky=shaky)
    database.enqueue(jobs, "shaky", {}, key="k")
    jobs.launch()
    until(lambda: asked_for(jobs, "done"))

    assert [(job.key, job.attempt) for job in asked_for(jobs, "done")] == [("k", 2)]
    assert jobs.list("failed") == ()


def test_a_cancelled_job_never_runs(database: Database) -> None:
    jobs = database.jobs()
    database.enqueue(jobs, "note", {"n": 1}, key="one")
    database.enqueue(jobs, "note", {"n": 2}, key="two")
    assert {job.key for job in asked_for(jobs, "waiting")} == {"one", "two"}
    jobs.cancel("one")
    jobs.cancel("never heard of")
    jobs.launch()
    until(lambda: database.given)
    time.sleep(0.5)

    assert database.given == [{"n": 2}]
    assert [job.key for job in jobs.list("cancelled")] == ["one"]

    jobs.run_again("one")
    until(lambda: len(database.given) == 2)


@only_sqlite
def test_a_job_that_waits_for_its_next_attempt_can_be_cancelled(database: Database) -> None:
    tried = []

    def fail(payload: Mapping[str, object]) -> None:
        tried.append(payload)
        raise OSError

    jobs = Jobs(
        database.settings,
        {"fail": fail},
        {},
        is_writing=lambda: database.writing,
        retry=Retry(attempts=2, first=timedelta(seconds=1.5)),
        poll=SHORT,
    )
    database.opened.append(jobs)
    database.enqueue(jobs, "fail", {}, key="k")
    jobs.launch()
    until(lambda: [job.attempt for job in asked_for(jobs, "waiting")] == [2])
    jobs.cancel("k")
    time.sleep(2.8)

    assert len(tried) == 1
    assert [(job.key, job.attempt) for job in jobs.list("cancelled")] == [("k", 2)]


def test_one_kind_of_work_does_not_take_the_room_of_another(database: Database) -> None:
    free = threading.Event()

    def slow(_payload: Mapping[str, object]) -> None:
        free.wait(PATIENCE)

    jobs = database.jobs(slow=slow)
    with database.transaction() as session:
        for number in range(12):
            jobs.enqueue(session, "slow", {}, key=f"slow-{number}")
        jobs.enqueue(session, "note", {}, key="quick")
    jobs.launch()
    until(lambda: database.given)
    until(lambda: len(asked_for(jobs, "running")) == 4)
    time.sleep(0.5)
    running, waiting = len(asked_for(jobs, "running")), len(asked_for(jobs, "waiting"))
    free.set()
    assert (running, waiting) == (4, 8)
    until(lambda: len(asked_for(jobs, "done")) == 13)


# Schedules


def test_a_schedule_fires_and_is_forgotten_when_it_is_no_longer_asked_for(database: Database) -> None:
    jobs = database.jobs({"note": "* * * * * *"})
    jobs.launch()
    until(lambda: len(database.given) >= 2)
    due = [str(each["due"]) for each in database.given]
    assert len(due) == len(set(due))
    assert all(each.endswith("Z") for each in due)
    until(lambda: asked_for(jobs, "done"))
    [first, *_] = asked_for(jobs, "done")
    assert (first.name, list(first.payload)) == ("note", ["due"])
    jobs.close()

    again = database.jobs()
    again.launch()
    fired = len(database.given)
    time.sleep(2.2)
    assert len(database.given) == fired


@only_sqlite
def test_a_failing_scheduled_run_is_shown_and_not_tried_again(database: Database) -> None:
    tried = []

    def fail(payload: Mapping[str, object]) -> None:
        tried.append(payload)
        raise OSError("no")

    jobs = database.jobs({"fail": "* * * * * *"}, fail=fail)
    jobs.launch()
    until(lambda: len(jobs.list("failed")) >= 2)
    dues = [str(each) for each in tried]
    assert len(dues) == len(set(dues))


@only_sqlite
def test_a_schedule_needs_a_handler(database: Database) -> None:
    with pytest.raises(JobsError, match="ghost"):
        database.jobs({"ghost": "* * * * *"})
