"""The reply, point by point, and what is held of each point: nothing is decided before everything was heard."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DatabaseError

from portal import clock, permissions
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.extensions import db, transaction
from portal.model import DeviationState, OutgoingMail, PointAnswer, Stance, Verdict, Weighing
from portal.operations.cases import deviations, replies, sanctions, told
from portal.operations.cases.replies import PointReply, PointVerdict
from portal.operations.entry.evidence import Upload
from tests.casework import CHARGER, close, delivered, proposed, replied, reply, weigh
from tests.world import World, deliver_mail, open_tasks, tick

TWO = ["Andelen er for lav.", "Planen ble ikke fulgt."]


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    """PostgreSQL in the soak: test_case puts what a reply asks of the database to both in each run."""
    return everyday_database_url


def problems(refused: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [getattr(each, "field", "") for each in refused.value.problems]


# -- by the supplier ----------------------------------------------------------------------------------------------


def test_point_by_point_with_files_for_each_and_for_the_whole(world: World) -> None:
    deviation = delivered(world, TWO)
    first, second = deviation.points
    with transaction():
        given = replies.reply(
            deviation,
            "Se vedlegg.",
            [CHARGER],
            answers=[
                PointReply(first, Stance.PARTLY, " Laderen kom sent. ", [Upload("vedtak.txt", b"20. mars")]),
                PointReply(second, Stance.AGREES),
            ],
            is_complete=True,
            by=world.bo,
        )
    assert [(each.point.number, each.stance, each.text) for each in given.answers] == [
        (1, Stance.PARTLY, "Laderen kom sent."),
        (2, Stance.AGREES, ""),
    ]
    assert {file.name: file.point_id for file in given.evidence} == {"lader.txt": None, "vedtak.txt": first.id}
    assert (deviation.state, open_tasks()) == (DeviationState.ASSESSING_REPLY, ["assess_reply"])


def test_without_the_tick_the_case_stays_with_the_supplier_until_the_time_is_over(world: World) -> None:
    deviation = delivered(world)
    reply(world, deviation, is_complete=False)
    assert (deviation.state, open_tasks()) == (DeviationState.AWAITING_REPLY, ["reply"])
    reply(world, deviation, is_complete=False)
    assert deviation.reply_due_at is not None
    clock.move_to(deviation.reply_due_at + timedelta(seconds=5))
    tick()
    assert (len(deviation.replies), open_tasks()) == (2, ["assess_reply"])


def test_complete_can_be_said_of_what_was_sent_before(world: World) -> None:
    deviation = delivered(world)
    reply(world, deviation, is_complete=False)
    with transaction():
        replies.reply(deviation, "", is_complete=True, by=world.anna)
    assert open_tasks() == ["assess_reply"]


def test_complete_asks_for_an_answer_to_every_point(world: World) -> None:
    deviation = delivered(world, TWO)
    first = PointReply(deviation.points[0], Stance.AGREES)
    with pytest.raises(Invalid) as refused, transaction():
        replies.reply(deviation, "Alt.", answers=[first], is_complete=True, by=world.bo)
    assert problems(refused) == ["stance-2"]
    with transaction():
        replies.reply(deviation, "Alt.", answers=[first], by=world.bo)
    second = PointReply(deviation.points[1], Stance.AGREES)
    with transaction():
        replies.reply(deviation, "", answers=[second], is_complete=True, by=world.bo)
    assert open_tasks() == ["assess_reply"]


def test_a_point_answered_by_halves_is_refused_and_nothing_is_stored(world: World) -> None:
    deviation = delivered(world, TWO)
    first, second = deviation.points
    with pytest.raises(Invalid) as refused, transaction():
        replies.reply(
            deviation,
            "",
            answers=[PointReply(first, None, "Uten standpunkt."), PointReply(second, Stance.DISAGREES, " ")],
            by=world.bo,
        )
    assert problems(refused) == ["stance-1", "text-2"]
    with pytest.raises(Refused), transaction():
        replies.reply(
            deviation, "", answers=[PointReply(first, Stance.AGREES, "", [Upload("x.exe", b"MZ\x90")])], by=world.bo
        )
    assert (deviation.replies, db.session.scalars(select(PointAnswer)).all(), open_tasks()) == ([], [], ["reply"])


def test_saying_nothing_is_no_reply(world: World) -> None:
    deviation = delivered(world)
    empty = [PointReply(point, None) for point in deviation.points]
    for is_complete in (False, True):
        with pytest.raises(Invalid), transaction():
            replies.reply(deviation, " ", answers=empty, is_complete=is_complete, by=world.bo)
    assert deviation.replies == []


def test_only_those_who_may_answer_for_the_supplier_reply(world: World) -> None:
    deviation = delivered(world)
    for who in (world.adam, world.rita):
        with pytest.raises(Forbidden), transaction():
            replies.reply(deviation, "Nei.", by=who)


def test_what_comes_late_is_kept_said_to_be_late_and_has_to_be_weighed(world: World) -> None:
    deviation = replied(world)
    weigh(world, deviation)
    clock.move_to(clock.now() + timedelta(minutes=1))
    reply(world, deviation)
    assert (len(deviation.replies), open_tasks()) == (2, ["assess_reply"])
    with pytest.raises(Invalid, match="1"), transaction():
        deviations.close(deviation, "Rettet.", by=world.adam, version=deviation.version)
    clock.move_to(clock.now() + timedelta(minutes=1))
    weigh(world, deviation)
    close(world, deviation)
    with pytest.raises(Conflict), transaction():
        replies.reply(deviation, "Enda mer.", by=world.bo)


# -- by the buyer -------------------------------------------------------------------------------------------------


def test_nothing_is_closed_before_each_point_is_weighed(world: World) -> None:
    deviation = replied(world, TWO)
    first, second = deviation.points
    with pytest.raises(Invalid, match=r"1, 2"), transaction():
        deviations.close(deviation, "Rettet.", by=world.adam, version=deviation.version)
    with transaction():
        replies.weigh(deviation, [PointVerdict(first, Verdict.UPHELD, "Ja.")], by=world.adam, version=deviation.version)
    with pytest.raises(Invalid, match=r": 2\."), transaction():
        deviations.close(deviation, "Rettet.", by=world.adam, version=deviation.version)
    with transaction():
        replies.weigh(
            deviation, [PointVerdict(second, Verdict.DROPPED, "Nei.")], by=world.adam, version=deviation.version
        )
    close(world, deviation)
    assert deviation.state == DeviationState.CLOSED
    body = db.session.scalars(select(OutgoingMail.body).where(OutgoingMail.letter == "case_closed")).all()[0]
    assert "1. opprettholdt: Ja.\n2. frafalt: Nei.\n" in body


def test_a_verdict_needs_its_reasons(world: World) -> None:
    deviation = replied(world, TWO)
    first, second = deviation.points
    with pytest.raises(Invalid) as refused, transaction():
        replies.weigh(
            deviation,
            [PointVerdict(first, Verdict.UPHELD, " "), PointVerdict(second, None, "Nei.")],
            by=world.adam,
            version=deviation.version,
        )
    assert problems(refused) == ["reasons-1", "verdict-2"]
    assert db.session.scalars(select(Weighing)).all() == []


def test_weighing_again_adds_and_never_changes(world: World) -> None:
    deviation = replied(world)
    weigh(world, deviation)
    weigh(world, deviation)
    assert len(deviation.points[0].weighings) == 1, "the same again is nothing new"
    weigh(world, deviation, Verdict.PARTLY)
    db.session.expire_all()
    assert [each.verdict for each in deviation.points[0].weighings] == [Verdict.UPHELD, Verdict.PARTLY]
    with pytest.raises(DatabaseError, match="insert-only"), transaction():
        deviation.points[0].weighings[0].reasons = "Endret."


def test_a_withdrawn_proposal_can_be_weighed_anew(world: World) -> None:
    sanction = proposed(world)
    with transaction():
        sanctions.decide(sanction, approve=False, comment="For tynt.", by=world.dora, version=sanction.version)
    deviation = sanction.deviation
    with pytest.raises(Conflict), transaction():
        replies.weigh(deviation, [], by=world.adam, version=deviation.version)
    with transaction():
        sanctions.revise(sanction, "Uten grunnlag.", withdraw=True, by=world.adam, version=sanction.version)
    weigh(world, deviation, Verdict.DROPPED)
    close(world, deviation)
    assert deviation.points[0].weighings[-1].verdict == Verdict.DROPPED


def test_who_weighs_is_the_buyer_s_assessor_while_it_is_assessed(world: World) -> None:
    deviation = delivered(world)
    with pytest.raises(Conflict), transaction():
        replies.weigh(deviation, [], by=world.adam, version=deviation.version)
    reply(world, deviation)
    for who in (world.bo, world.rita, world.dora):
        with pytest.raises(Forbidden), transaction():
            replies.weigh(deviation, [], by=who, version=deviation.version)
    with pytest.raises(Conflict), transaction():
        replies.weigh(deviation, [], by=world.adam, version=deviation.version - 1)


def test_no_reply_at_all_is_weighed_too(world: World) -> None:
    deviation = delivered(world)
    assert deviation.reply_due_at is not None
    clock.move_to(deviation.reply_due_at + timedelta(seconds=5))
    tick()
    with pytest.raises(Invalid), transaction():
        deviations.close(deviation, "Rettet.", by=world.adam, version=deviation.version)
    weigh(world, deviation)
    close(world, deviation)
    assert open_tasks() == []


def test_what_was_held_is_the_supplier_s_to_see_when_it_is_decided(world: World) -> None:
    deviation = replied(world)
    weigh(world, deviation)
    seen = {
        name: len(db.session.scalars(permissions.visible(Weighing, by)).all())
        for name, by in (("bo", world.bo), ("adam", world.adam), ("sten", world.stranger))
    }
    assert seen == {"bo": 0, "adam": 1, "sten": 0}
    close(world, deviation)
    deliver_mail()
    assert len(db.session.scalars(permissions.visible(Weighing, world.bo)).all()) == 1
    assert db.session.scalars(permissions.visible(Weighing, world.stranger)).all() == []


def test_it_is_told_by_one_rule_to_whoever_asks(world: World) -> None:
    """Neither proposed nor noted as approved does a sanction tell it: decided it does, by the rows and by the words."""

    def is_told() -> tuple[bool, bool]:
        db.session.flush()
        seen = bool(db.session.scalars(permissions.visible(Weighing, world.bo)).all())
        return seen, told.of_weighings(deviation)

    sanction = proposed(world)
    deviation = sanction.deviation
    assert is_told() == (False, False)
    with transaction():
        sanction.decided_at = clock.now()
        assert is_told() == (False, False)
    with transaction():
        sanctions.decide(sanction, approve=True, comment="", by=world.dora, version=sanction.version)
    assert is_told() == (True, True)
