"""A case whose breach nothing in force shows any more: nothing is charged, the parties are told, a person closes it."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from portal import clock
from portal.errors import Conflict, Refused
from portal.extensions import db, transaction
from portal.model import Deviation, DeviationState, OutgoingMail
from portal.operations.cases import deviations, grounds, sanctions
from tests.assessing import amend, cases_of, duty, file, only, windows_of
from tests.casework import close, delivered, found, give_notice, proposed, reply, weigh, weighed
from tests.world import World, actions, deliver_mail, letters, open_tasks, tick

NOTHING = {"electric": "0", "diesel": "0"}
"""No energy at all: a share of it cannot be computed."""
BROKEN = {"electric": "5000", "diesel": "9000"}
AT_0 = {"electric": "0", "diesel": "500"}
MARCH, END_OF_MARCH = date(2026, 3, 1), date(2026, 3, 31)


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


def bodies(kind: str) -> list[str]:
    return list(db.session.scalars(select(OutgoingMail.body).where(OutgoingMail.letter == kind)))


def stands(deviation: Deviation) -> bool:
    clause = deviation.contract.clause_for(deviation.requirement)
    return next(each.holds for each in grounds.of(deviation, clause) if each.key == "stands")


# -- what cannot be judged --------------------------------------------------------------------------------------------


def test_an_amendment_that_cannot_be_judged_is_no_ground_for_a_sanction(world: World) -> None:
    deviation = weighed(world)
    amend(world, world.report, **NOTHING)
    assert deviation.not_found_at is not None
    assert "kan ikke beregnes" in deviation.facts["gone"]["sentence"]["nb"]
    assert (stands(deviation), deviation.at_stake) == (False, None)
    assert actions(deviation, world)[-1] == "deviation.not_found_again"
    assert letters("breach_changed") == ["adam@prove.example"]
    assert letters("case_changed") != []
    assert "Ingenting" in bodies("breach_changed")[0] or "Nothing that is in force" in bodies("breach_changed")[0]
    with pytest.raises(Refused, match="no longer shows the breach"), transaction():
        sanctions.propose(deviation, "Forsinkelsen.", by=world.adam, version=deviation.version)


def test_nobody_is_reminded_of_a_reply_to_what_is_gone(world: World) -> None:
    """A reply is due on Tuesday 17 March, and two reminders go out on Saturday: see `test_case_notice`."""
    deviation = delivered(world)
    amend(world, world.report, **NOTHING)
    clock.move_to(datetime(2026, 3, 16, 7, tzinfo=UTC))
    tick()
    assert deviation.not_found_at is not None
    assert (letters("reply_reminder"), deviation.notices[0].reminded_at) == ([], None)


def test_what_was_proposed_is_not_approved_on_what_cannot_be_judged(world: World) -> None:
    sanction = proposed(world)
    amend(world, world.report, **NOTHING)
    with pytest.raises(Conflict, match="assessed again"), transaction():
        sanctions.decide(sanction, approve=True, comment="Enig.", by=world.dora, version=sanction.version)


def test_it_stands_again_when_it_is_shown_again(world: World) -> None:
    deviation = weighed(world)
    amend(world, world.report, **NOTHING)
    amend(world, world.report, **NOTHING)
    assert len(letters("breach_changed")) == 1, "told once"
    amend(world, world.report, **BROKEN)
    assert (deviation.not_found_at, stands(deviation), len(letters("breach_changed"))) == (None, True, 2)


def test_what_cannot_be_judged_does_not_fall_away_by_itself(world: World) -> None:
    deviation = found(world)
    amend(world, world.report, **NOTHING)
    assert (deviation.state, open_tasks()) == (DeviationState.FOUND, ["assess"])
    assert letters("breach_changed") == ["adam@prove.example"]
    with transaction():
        deviations.dismiss(deviation, "Feil linjer.", by=world.adam, version=deviation.version)
    assert deviation.state == DeviationState.DISMISSED


def test_what_cannot_be_judged_and_is_met_later_falls_away(world: World) -> None:
    deviation = found(world)
    amend(world, world.report, **NOTHING)
    amend(world, world.report, electric="5000", diesel="1000")
    assert (deviation.state, open_tasks()) == (DeviationState.FELL_AWAY, [])


def test_a_requirement_that_is_no_longer_among_what_is_judged(world: World) -> None:
    deviation = weighed(world)
    with transaction():
        deviation.requirement.valid_to = date(2026, 3, 15)
    amend(world, world.report, **BROKEN)
    assert (deviation.not_found_at is not None, stands(deviation)) == (True, False)
    assert "er ikke vurdert i revisjon 2" in deviation.facts["gone"]["sentence"]["nb"]
    weigh(world, deviation)
    close(world, deviation)
    assert deviation.state == DeviationState.CLOSED


def test_a_window_that_cannot_be_judged_any_more(world: World) -> None:
    share = duty(world, "20")
    only(world, MARCH, END_OF_MARCH, share)
    report = file(world, MARCH, **AT_0)
    [case] = cases_of(share)
    give_notice(world, case)
    deliver_mail()
    reply(world, case)
    weigh(world, case)
    amend(world, report, **NOTHING)
    assert windows_of(share)[0].result == "unknown"
    assert (case.not_found_at is not None, stands(case), case.at_stake) == (True, False, None)
    assert len(letters("breach_changed")) == 1
    amend(world, report, **AT_0)
    assert (case.not_found_at, stands(case)) == (None, True)


# -- settled ----------------------------------------------------------------------------------------------------------


MET = {"electric": "90000", "diesel": "100"}
SHOWN_AGAIN = {"electric": "5000", "diesel": "7000"}
"""6.6 %: less of a breach than the case was closed with, and so no case anew."""


def closed(world: World) -> Deviation:
    deviation = weighed(world)
    close(world, deviation)
    return deviation


def sanctioned(world: World) -> Deviation:
    sanction = proposed(world)
    with transaction():
        sanctions.decide(sanction, approve=True, comment="Enig.", by=world.dora, version=sanction.version)
    return sanction.deviation


@pytest.mark.parametrize("settled", [closed, sanctioned])
def test_that_the_breach_of_a_settled_case_is_gone_is_said_once(
    world: World, settled: Callable[[World], Deviation]
) -> None:
    deviation = settled(world)
    kept = (deviation.state, deviation.facts, deviation.sentence)
    for diesel in ("100", "101", "102"):
        amend(world, world.report, **{**MET, "diesel": diesel})
    assert letters("breach_changed") == ["adam@prove.example"]
    assert actions(deviation, world).count("deviation.not_found_again") == 1
    assert (deviation.state, deviation.facts, deviation.sentence) == kept


def test_gone_once_more_after_it_was_shown_it_is_said_once_more(world: World) -> None:
    deviation = closed(world)
    amend(world, world.report, **MET)
    amend(world, world.report, **SHOWN_AGAIN)
    amend(world, world.report, **MET)
    assert actions(deviation, world)[-3:] == [
        "deviation.not_found_again",
        "deviation.assessed_again",
        "deviation.not_found_again",
    ]
    assert len(letters("breach_changed")) == 3


def test_gone_for_another_reason_is_said_too(world: World) -> None:
    deviation = closed(world)
    amend(world, world.report, **NOTHING)
    amend(world, world.report, **MET)
    amend(world, world.report, **MET)
    assert actions(deviation, world).count("deviation.not_found_again") == len(letters("breach_changed")) == 2


def test_what_was_closed_because_it_was_gone_is_not_said_to_be_gone_again(world: World) -> None:
    deviation = weighed(world)
    amend(world, world.report, **MET)
    close(world, deviation)
    amend(world, world.report, **{**MET, "diesel": "101"})
    assert letters("breach_changed") == ["adam@prove.example"]
