"""Many at once, through the door they use: HTTP against a real server. One wins, and the others are told who."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import calendars, clock
from portal.extensions import db, transaction
from portal.model import HumanTask, Process, Report, ReportState, Review, Role
from portal.operations import accounts, audit
from portal.operations.contracts import contracts
from tests.http import PASSWORD, HttpBrowser
from tests.serving import AT_ONCE, server
from tests.signing_in import stored_once
from tests.world import World, build_world, submit

__all__ = ["server"]


@pytest.mark.parametrize("rounds", [5, pytest.param(20, marks=pytest.mark.soak)])
def test_eight_reviewers_and_one_decision(server: tuple[Flask, int], rounds: int) -> None:
    app, port = server
    with app.app_context():
        with transaction():
            world = build_world()
            emails = _reviewers(world)
        clock.reset()
        browsers = [HttpBrowser(port, email) for email in emails]
        for number in range(rounds):
            report = _submitted_report(world, number)
            address = f"/reports/{report.public_id}/review"
            seen = {"version": str(report.version), "decision": "approve"}
            answers = _at_once([partial(browser.call, "POST", address, seen) for browser in browsers])
            statuses = Counter(status for status, _page in answers)
            assert statuses == {303: 1, 409: AT_ONCE - 1}, (number, statuses)
            winner = _decided_by(report)
            assert all(winner in page for status, page in answers if status == 409)
        _assert_each_was_decided_once(rounds)


def _reviewers(world: World) -> list[str]:
    stored = stored_once(PASSWORD)
    emails = []
    for number in range(AT_ONCE):
        person = accounts.add_person(f"kontroll{number}@prove.example", f"Kontrollør {number}")
        person.password = stored
        accounts.add_membership(person, world.rita.organisation, Role.REVIEWER)
        emails.append(person.email)
    return emails


def _submitted_report(world: World, number: int) -> Report:
    with transaction():
        months = calendars.months_between(world.report.period.starts_on, world.contract.ends_on)
        if number:
            world.report = contracts.open_period(world.contract, months[1])
    submit(world)
    return world.report


def _decided_by(report: Report) -> str:
    db.session.expire_all()
    assert report.state == ReportState.APPROVED
    review = report.revisions[-1].review
    assert review is not None
    assert review.decided_by is not None
    return review.decided_by.name


def _assert_each_was_decided_once(rounds: int) -> None:
    count = db.session.scalar(select(func.count()).select_from(Review))
    closed = db.session.scalar(
        select(func.count())
        .select_from(HumanTask)
        .where(HumanTask.element == "review", HumanTask.closed_at.is_not(None))
    )
    ended = db.session.scalar(select(func.count()).select_from(Process).where(Process.ended_at.is_not(None)))
    assert (count, closed, ended) == (rounds, rounds, rounds)
    assert list(audit.broken_links()) == []


def _at_once(acts: list[Callable[[], tuple[int, str]]]) -> list[tuple[int, str]]:
    barrier, answers = threading.Barrier(len(acts)), []

    def run(act: Callable[[], tuple[int, str]]) -> None:
        barrier.wait()
        answers.append(act())

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
