"""Reviewers at once, against a real server: what is said is told or turned away, and nobody is there twice."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import Claim, Comment
from tests.http import PASSWORD, HttpBrowser
from tests.serving import AT_ONCE, server
from tests.signing_in import stored_once
from tests.world import World, build_world, submit

__all__ = ["server"]

Answer = tuple[int, str]


@pytest.fixture
def world(server: tuple[Flask, int]) -> Iterator[World]:
    with server[0].app_context():
        with transaction():
            found = build_world()
            for by in (found.rita, found.ruth):
                by.person.password = stored_once(PASSWORD)
        clock.reset()
        submit(found)
        yield found


def test_one_person_with_many_tabs_is_there_once(server: tuple[Flask, int], world: World) -> None:
    rita = HttpBrowser(server[1], "rita@prove.example")
    address = f"/reports/{world.report.public_id}/review"
    answers = at_once([partial(rita.call, "GET", address)] * AT_ONCE)
    assert {status for status, _page in answers} == {200}
    assert len(db.session.scalars(select(Claim)).all()) == 1


def test_what_is_said_while_somebody_decides_is_told_or_turned_away(server: tuple[Flask, int], world: World) -> None:
    rita, ruth = (HttpBrowser(server[1], f"{name}@prove.example") for name in ("rita", "ruth"))
    address = f"/reports/{world.report.public_id}"
    said = [
        {"place": "", "category": "question", "revision": "1", "text": f"Spørsmål {number}"}
        for number in range(AT_ONCE - 1)
    ]
    acts = [partial(ruth.call, "POST", f"{address}/comments", form) for form in said]
    acts.insert(
        3,
        partial(rita.call, "POST", f"{address}/review", {"version": str(world.report.version), "decision": "approve"}),
    )
    counted = Counter(status for status, _page in at_once(acts))
    kept = db.session.scalars(select(Comment)).all()
    assert counted == Counter({303: 1 + len(kept), 409: AT_ONCE - 1 - len(kept)})
    assert all(comment.told_at is not None for comment in kept)


def at_once(acts: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """All acts from threads of their own that wait for each other."""
    barrier, answers = threading.Barrier(len(acts)), []

    def run(act: Callable[[], Answer]) -> None:
        barrier.wait()
        answers.append(act())

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
