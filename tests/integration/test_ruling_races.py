"""Two who say something of one mark at once, against a real server: one is told, and the other is to read it anew."""

import re
from collections.abc import Iterator
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import Decision, Ruling
from portal.operations.entry import trade_secrets
from portal.operations.reports import reviews, rulings
from portal.operations.reports.rulings import Word
from tests.http import PASSWORD, HttpBrowser
from tests.integration.test_review_races import at_once
from tests.serving import server
from tests.signing_in import stored_once
from tests.world import World, build_world, fill_in, hand_in

__all__ = ["server"]


@pytest.fixture
def world(server: tuple[Flask, int]) -> Iterator[World]:
    """March is approved, with the files of its machines marked."""
    with server[0].app_context():
        with transaction():
            found = build_world()
            for by in (found.anna, found.rita, found.ruth):
                by.person.password, by.person.language = stored_once(PASSWORD), "en"
        clock.reset()
        fill_in(found)
        report = found.report
        with transaction():
            trade_secrets.mark(report, "machinery", ["files"], "Prisene våre.", by=found.anna)
        hand_in(report, found)
        with transaction():
            reviews.decide(report, Decision.APPROVE, by=found.rita, version=report.version)
        yield found


def test_of_two_first_words_at_once_one_is_given(server: tuple[Flask, int], world: World) -> None:
    rita, ruth = (HttpBrowser(server[1], f"{name}@prove.example") for name in ("rita", "ruth"))
    address = f"/contracts/{world.contract.public_id}/trade-secrets"
    words = [{"marks": _mark(rita, address), "word": word, "reason": "Vurdert."} for word in ("lift", "uphold")]
    answers = at_once([partial(by.call, "POST", address, form) for by, form in zip((rita, ruth), words, strict=True)])
    assert sorted(status for status, _page in answers) == [303, 409]
    [read_anew] = [page for status, page in answers if status == 409]
    assert "Vurdert." in read_anew, "nothing typed is lost"
    assert [each.version for each in db.session.scalars(select(Ruling))] == [2], "stored once, and judged once"


def test_an_objection_and_a_word_at_once_do_not_pass_each_other_unread(server: tuple[Flask, int], world: World) -> None:
    with transaction():
        [mark] = rulings.of_contract(world.contract, by=world.rita)
        [lifted] = rulings.rule(world.contract, {mark.key: mark.version}, Word.LIFT, "Nei.", by=world.rita)
        assert lifted.ruling is not None
        objection = f"/rulings/{lifted.ruling.public_id}/objection"
    rita, anna = (HttpBrowser(server[1], f"{name}@prove.example") for name in ("rita", "anna"))
    address = f"/contracts/{world.contract.public_id}/trade-secrets"
    form = {"marks": _mark(rita, address), "word": "uphold", "reason": "Likevel."}
    acts = [partial(rita.call, "POST", address, form), partial(anna.call, "POST", objection, {"words": "Den er det."})]
    ruled, objected = _statuses(acts)
    assert sorted([ruled, objected]) == [303, 409]
    db.session.rollback()
    assert db.session.scalars(select(Ruling.state)).one() == ("upheld" if ruled == 303 else "objected")


def _statuses(acts: list[partial[tuple[int, str]]]) -> list[int]:
    """What each act was answered, in the order of the acts."""
    found: dict[int, int] = {}

    def run(number: int) -> tuple[int, str]:
        answer = acts[number]()
        found[number] = answer[0]
        return answer

    at_once([partial(run, number) for number in range(len(acts))])
    return [found[number] for number in range(len(acts))]


def _mark(by: HttpBrowser, address: str) -> str:
    [value] = re.findall(r'name="marks"[^>]* value="([^"]+)"', by.call("GET", address)[1])
    return str(value)
