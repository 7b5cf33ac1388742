"""A case judged anew when an amended report is accepted: against what was accepted, and never against what was sent.

The classes of fault are those that a sister system's users reported: an amendment taken as if what it amends had been
accepted (TFRS 2895, 2901), one that changes nothing and brings a penalty (2679), one that turns the result (2865).
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal import clock
from portal.errors import Conflict
from portal.extensions import db, transaction
from portal.model import (
    ClauseCounts,
    Decision,
    Deviation,
    DeviationState,
    ReportState,
)
from portal.operations import audit, processes
from portal.operations.cases import deviations, sanctions
from portal.operations.entry import drafts
from portal.operations.reports import reports
from portal.operations.reports.comments import Place
from tests.amending import HEALED, LARGER, SAME, SMALLER, accept, amend, decide, snapshot
from tests.casework import close, delivered, found, give_notice, notified, proposed, replied, reply, weigh, weighed
from tests.reviewing import return_for
from tests.world import (
    World,
    actions,
    case_of,
    deliver_mail,
    letters,
    machine_lines,
    open_tasks,
    reasons_for,
    submit,
    tick,
)


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    """PostgreSQL in the soak: test_windows judges anew on both in each run."""
    return everyday_database_url


# -- only what was accepted ---------------------------------------------------------------------------------------


def test_an_amendment_that_is_only_sent_changes_nothing(world: World) -> None:
    deviation = found(world)
    before = snapshot(deviation)
    amend(world, HEALED)
    assert (world.report.state, snapshot(deviation)) == (ReportState.SUBMITTED, before)
    assert letters("breach_changed") == []


@pytest.mark.parametrize("diesel", [HEALED, LARGER])
def test_an_amendment_that_is_refused_changes_nothing(world: World, diesel: str) -> None:
    deviation = notified(world)
    before = snapshot(deviation)
    amend(world, diesel)
    decide(world, Decision.REJECT)
    assert world.report.accepted_number == 1
    assert snapshot(deviation) == before
    assert letters("breach_changed") == []


def test_what_was_returned_and_never_accepted_is_nothing_to_compare_with(world: World) -> None:
    """The first revision broke the requirement and was returned; the second meets it: there was never a case."""
    submit(world, diesel=SAME)
    return_for(world.report, world.rita, (Place("machinery"), "Feil måler."))
    assert db.session.scalars(select(Deviation)).all() == []
    with transaction():
        lines = machine_lines(world, diesel=HEALED)
        drafts.save(world.report, "machinery", lines, by=world.anna, version=world.report.version)
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version, reasons=reasons_for(world.report))
    with transaction():
        reports.sign(world.report, by=world.bo, version=world.report.version)
    decide(world)
    assert db.session.scalars(select(Deviation)).all() == []


def test_an_amendment_that_changes_nothing_leaves_the_case_as_it_is(world: World) -> None:
    deviation = notified(world)
    before = snapshot(deviation)
    accept(world, SAME)
    assert world.report.accepted_number == 2
    assert snapshot(deviation) == before
    assert letters("breach_changed") == []
    assert "deviation.confirmed" in actions(deviation, world)


def test_a_requirement_that_was_met_and_is_broken_now_opens_a_whole_case(world: World) -> None:
    submit(world, diesel=HEALED)
    decide(world)
    assert db.session.scalars(select(Deviation)).all() == []
    accept(world, SAME)
    deviation = case_of(world)
    assert (deviation.state, deviation.at_stake, deviation.facts["revision"]) == (
        DeviationState.FOUND,
        Decimal(20000),
        2,
    )
    assert "5,2" in deviation.sentence["nb"]


# -- before a notice ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("diesel", "share"), [(SMALLER, "6,6"), (LARGER, "2,4")])
def test_it_shrinks_or_grows_with_its_trail(world: World, diesel: str, share: str) -> None:
    deviation = found(world)
    first = deviation.sentence
    accept(world, diesel)
    assert share in deviation.sentence["nb"]
    assert (deviation.facts["revision"], deviation.state) == (2, DeviationState.FOUND)
    event = next(
        event for event, _ in audit.trail([deviation], by=world.adam) if event.action == "deviation.assessed_again"
    )
    assert (event.facts["was"], event.facts["said"]) == (first, deviation.sentence)
    assert letters("breach_changed") == [], "nobody has been told anything yet"


def test_it_falls_away_by_itself_and_asks_nobody(world: World) -> None:
    deviation = found(world)
    accept(world, HEALED)
    assert (deviation.state, open_tasks()) == (DeviationState.FELL_AWAY, [])
    assert deviation.not_found_at is not None
    assert "33,2" in deviation.facts["gone"]["sentence"]["nb"]
    assert "5,2" in deviation.sentence["nb"], "what was found is kept"
    assert processes.of(deviation).ended_at is not None
    assert deviation.at_stake is None


def test_found_again_it_begins_again_with_new_knowledge(world: World) -> None:
    with transaction():
        world.contract.notice_working_days = 10
    deviation = found(world)
    known_at = deviation.known_at
    accept(world, HEALED)
    clock.move_to(clock.now() + timedelta(days=7))
    accept(world, LARGER)
    assert (deviation.state, open_tasks()) == (DeviationState.FOUND, ["assess"])
    assert (deviation.not_found_at, deviation.at_stake) == (None, Decimal(20000))
    assert deviation.known_at - known_at >= timedelta(days=7)
    assert deviation.notice_due_at is not None
    assert deviation.notice_due_at > deviation.known_at
    assert "gone" not in deviation.facts
    accept(world, HEALED)
    assert (deviation.state, open_tasks()) == (DeviationState.FELL_AWAY, [])
    give_up = actions(deviation, world)
    assert give_up.count("deviation.fell_away") == 2
    assert list(audit.broken_links()) == []


def test_a_case_with_an_old_diagram_waits_for_a_person(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A diagram from before knew no such message: nobody waits for it, and the case is dismissed by hand."""
    deviation = found(world)
    monkeypatch.setattr(processes, "message", lambda *_args, **_more: False)
    accept(world, HEALED)
    assert (deviation.state, open_tasks()) == (DeviationState.FOUND, ["assess"])
    assert deviation.not_found_at is not None
    monkeypatch.undo()
    with transaction():
        deviations.dismiss(deviation, "Rettet i endringen.", by=world.adam, version=deviation.version)
    assert deviation.state == DeviationState.DISMISSED


@pytest.mark.parametrize("diesel", [HEALED, SMALLER])
def test_dismissed_stays_dismissed_when_it_is_no_worse(world: World, diesel: str) -> None:
    deviation = found(world)
    with transaction():
        deviations.dismiss(deviation, "Måleren var feil.", by=world.adam, version=deviation.version)
    accept(world, diesel)
    assert (case_of(world).state, open_tasks()) == (DeviationState.DISMISSED, [])
    assert "5,2" in deviation.sentence["nb"]


def occasions(world: World) -> list[tuple[int, DeviationState]]:
    rows = select(Deviation).where(Deviation.report_id == world.report.id, Deviation.clause == "4.2")
    return [(each.occasion, each.state) for each in db.session.scalars(rows.order_by(Deviation.occasion))]


def test_what_was_dismissed_and_grew_is_a_case_anew(world: World) -> None:
    """Dismissed for 5.2 %; an amendment shows 2.4 %: that was never assessed. Sent again it is the same case."""
    first = found(world)
    with transaction():
        deviations.dismiss(first, "Måleren var feil.", by=world.adam, version=first.version)
    accept(world, LARGER)
    assert occasions(world) == [(1, DeviationState.DISMISSED), (2, DeviationState.FOUND)]
    assert open_tasks() == ["assess"]
    assert "5,2" in first.sentence["nb"], "the first case says what was dismissed"
    assert actions(first, world)[-1] == "deviation.found_anew"
    accept(world, LARGER)
    accept(world, HEALED)
    assert occasions(world) == [(1, DeviationState.DISMISSED), (2, DeviationState.FELL_AWAY)]
    accept(world, LARGER)
    assert occasions(world) == [(1, DeviationState.DISMISSED), (2, DeviationState.FOUND)]
    assert list(audit.broken_links()) == []


def test_what_was_closed_and_grew_is_a_case_anew_with_a_notice_and_a_reply_of_its_own(world: World) -> None:
    first = weighed(world)
    close(world, first)
    accept(world, LARGER)
    assert occasions(world) == [(1, DeviationState.CLOSED), (2, DeviationState.FOUND)]
    second = db.session.scalars(select(Deviation).where(Deviation.occasion == 2)).one()
    assert (second.notices, second.replies, second.points) == ([], [], [])
    give_notice(world, second)
    deliver_mail()
    reply(world, second)
    weigh(world, second)
    with transaction():
        sanction = sanctions.propose(second, "Det ble verre.", by=world.adam, version=second.version)
    assert (sanction.amount, first.sanction) == (Decimal(20000), None)


def test_what_was_closed_because_it_was_gone_is_a_case_anew_when_it_is_back(world: World) -> None:
    """As large as it was: nobody closed the case on that."""
    first = replied(world)
    accept(world, HEALED)
    weigh(world, first)
    close(world, first)
    accept(world, SAME)
    assert occasions(world) == [(1, DeviationState.CLOSED), (2, DeviationState.FOUND)]


def test_what_was_sanctioned_is_not_a_case_anew(world: World) -> None:
    sanction = proposed(world)
    with transaction():
        sanctions.decide(sanction, approve=True, comment="Enig.", by=world.dora, version=sanction.version)
    deliver_mail()
    accept(world, LARGER)
    assert occasions(world) == [(1, DeviationState.CLOSED)]


# -- after a notice -----------------------------------------------------------------------------------------------


def test_gone_after_the_notice_a_person_closes_the_case(world: World) -> None:
    deviation = delivered(world)
    accept(world, HEALED)
    assert (deviation.state, open_tasks()) == (DeviationState.AWAITING_REPLY, ["reply"])
    assert deviation.not_found_at is not None
    assert letters("breach_changed") == ["adam@prove.example"]
    with transaction():
        deviations.withdraw_notice(deviation, "Rettet.", by=world.adam, version=deviation.version)
    assert deviation.state == DeviationState.CLOSED


def test_gone_while_the_reply_is_assessed(world: World) -> None:
    deviation = replied(world)
    accept(world, HEALED)
    assert (deviation.state, open_tasks()) == (DeviationState.ASSESSING_REPLY, ["assess_reply"])
    weigh(world, deviation)
    close(world, deviation)
    assert deviation.state == DeviationState.CLOSED


def test_gone_and_back_is_told_both_times(world: World) -> None:
    deviation = delivered(world)
    accept(world, HEALED)
    accept(world, SMALLER)
    assert (deviation.not_found_at, len(letters("breach_changed"))) == (None, 2)
    assert "6,6" in deviation.sentence["nb"]
    assert deviation.points[0].text.startswith("Utslippsfri andel av energien er 5,2"), "the notice said what it said"


def test_a_fee_for_each_line_is_told_for_the_lines_that_are_left(world: World) -> None:
    """Two lines below the stage, of which one is left out of the amendment's breach: one fee, not two."""
    with transaction():
        world.contract.clauses[0].counts = ClauseCounts.LINE
        world.contract.requirements[-1].threshold = "zero_emission"
    found(world)
    deviation = case_of(world, "4.3")
    assert (deviation.facts["breaches"], deviation.at_stake) == (1, Decimal(20000))


def test_a_proposal_on_figures_that_are_gone_stands_on_other_facts(world: World) -> None:
    """What was proposed does not change under the second person's hand, and the case says what is no longer so."""
    sanction = proposed(world)
    facts = dict(sanction.deviation.facts)
    accept(world, HEALED)
    deviation = sanction.deviation
    assert deviation.not_found_at is not None
    assert deviation.facts != facts, "a digest of the facts tells the proposal that it is stale"
    assert letters("breach_changed") == ["adam@prove.example"]


# -- after a decision ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("diesel", [HEALED, LARGER])
def test_what_was_decided_stays_as_it_was_decided(world: World, diesel: str) -> None:
    sanction = proposed(world)
    with transaction():
        sanctions.decide(sanction, approve=True, comment="Enig.", by=world.dora, version=sanction.version)
    deviation = sanction.deviation
    before, amount = snapshot(deviation)[1:], sanction.amount
    accept(world, diesel)
    assert (snapshot(deviation)[1:], sanction.amount) == (before, amount)
    assert letters("breach_changed") == ["adam@prove.example"], "the buyer is told, and decides what it means"
    deliver_mail()
    accept(world, SAME)
    assert deviation.state == DeviationState.CLOSED
    assert sanction.amount == amount


def test_the_trail_of_a_case_judged_anew_can_be_proved(world: World) -> None:
    deviation = weighed(world)
    accept(world, SMALLER)
    tick()
    assert list(audit.broken_links()) == []
    assert deviation.state == DeviationState.ASSESSING_REPLY
    with pytest.raises(Conflict):
        give_notice(world, deviation)
