"""From breach to settled sanction, with the real engine, on both databases."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal import calendars, clock
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.extensions import db, parts, transaction
from portal.model import (
    Cause,
    ClauseCounts,
    Decision,
    Deviation,
    DeviationState,
    MailState,
    OutgoingMail,
    Sanction,
    SanctionState,
)
from portal.operations import audit, processes
from portal.operations.cases import deviations, notices, replies, sanctions
from portal.operations.entry.evidence import Upload
from portal.operations.mail import Outcome
from portal.operations.reports import deliveries, reviews
from tests.casework import CHARGER, answer, found, notified, proposed, served, weigh, weighed
from tests.world import World, case_of, deliver_mail, open_tasks, submit, tick


def test_the_whole_arc(world: World) -> None:
    deviation = found(world)
    assert (deviation.cause, deviation.clause, open_tasks()) == (Cause.REQUIREMENT_BROKEN, "4.2", ["assess"])
    assert "5,2" in deviation.sentence["nb"]
    assert deviation.facts["threshold"] == "20"
    with transaction():
        notices.give_notice(deviation, "Varsel.", 5, by=world.adam, version=deviation.version)
    assert (deviation.state, open_tasks()) == (DeviationState.NOTIFIED, [])
    deliver_mail()
    today = calendars.local_day(clock.now(), "Europe/Oslo")
    assert deviation.reply_due_at == calendars.end_of_day(calendars.add_working_days(today, 5), "Europe/Oslo")
    assert (deviation.state, open_tasks()) == (DeviationState.AWAITING_REPLY, ["reply"])
    with transaction():
        reply = replies.reply(
            deviation, "Se vedlegg.", [CHARGER], answers=answer(deviation), is_complete=True, by=world.bo
        )
    assert parts().store.get(reply.evidence[0].sha256) == b"Levert uke 14.\n"
    assert open_tasks() == ["assess_reply"]
    weigh(world, deviation)
    with transaction():
        sanction = sanctions.propose(deviation, "Leverandørens risiko.", by=world.adam, version=deviation.version)
    assert (sanction.amount, sanction.step, open_tasks()) == (Decimal(20000), "fee", ["approve_sanction"])
    assert [row["value"] for row in sanction.calculation] == ["7.1", "20000", "1", "20000"]
    with transaction():
        sanctions.decide(sanction, approve=True, comment="Enig.", by=world.dora, version=sanction.version)
    assert sanction.state == SanctionState.DECIDED
    deliver_mail()
    assert (sanction.state, deviation.state, open_tasks()) == (SanctionState.CLOSED, DeviationState.CLOSED, [])
    assert processes.of(deviation).ended_at is not None
    actions = [event.action for event, _person in audit.trail([deviation, sanction], by=world.rita)]
    assert actions.index("sanction.proposed") < actions.index("sanction.decided") < actions.index("deviation.closed")
    assert list(audit.broken_links()) == []


def test_the_proposer_never_decides(world: World) -> None:
    sanction = proposed(world)
    with transaction():
        world.adam.role_codes = ["administrator", "decision_maker"]
    with pytest.raises(Forbidden, match="yourself"), transaction():
        sanctions.decide(sanction, approve=True, comment="", by=world.adam, version=sanction.version)
    with pytest.raises(Forbidden), transaction():
        sanctions.decide(sanction, approve=True, comment="", by=world.bo, version=sanction.version)
    assert sanction.state == SanctionState.PROPOSED


def test_sent_back_revised_and_decided(world: World) -> None:
    sanction = proposed(world)
    with pytest.raises(Invalid), transaction():
        sanctions.decide(sanction, approve=False, comment=" ", by=world.dora, version=sanction.version)
    with transaction():
        sanctions.decide(
            sanction, approve=False, comment="Vurder svaret punkt for punkt.", by=world.dora, version=sanction.version
        )
    assert (sanction.state, open_tasks()) == (SanctionState.SENT_BACK, ["revise"])
    with transaction():
        sanctions.revise(sanction, "Svaret er vurdert.", withdraw=False, by=world.adam, version=sanction.version)
    assert (sanction.state, open_tasks()) == (SanctionState.PROPOSED, ["approve_sanction"])
    with transaction():
        sanctions.decide(sanction, approve=True, comment="", by=world.dora, version=sanction.version)
    assert sanction.state == SanctionState.DECIDED


def test_a_withdrawn_proposal_gives_the_case_back_and_can_be_taken_up_again(world: World) -> None:
    sanction = proposed(world)
    with transaction():
        sanctions.decide(sanction, approve=False, comment="For tynt.", by=world.dora, version=sanction.version)
    with transaction():
        sanctions.revise(sanction, "Vi har ikke grunnlag.", withdraw=True, by=world.adam, version=sanction.version)
    deviation = sanction.deviation
    assert (sanction.state, deviation.state, open_tasks()) == (
        SanctionState.WITHDRAWN,
        DeviationState.ASSESSING_REPLY,
        ["assess_reply"],
    )
    with transaction():
        again = sanctions.propose(deviation, "Nye opplysninger.", by=world.adam, version=deviation.version)
    assert (again.id, again.state, open_tasks()) == (sanction.id, SanctionState.PROPOSED, ["approve_sanction"])


def test_no_sanction_without_a_clause(world: World) -> None:
    deviation = weighed(world)
    with transaction() as session:
        for clause in list(world.contract.clauses):
            session.delete(clause)
    db.session.expire_all()
    with pytest.raises(Refused, match="no sanction clause"), transaction():
        sanctions.propose(deviation, "Likevel.", by=world.adam, version=deviation.version)
    assert db.session.scalar(select(Sanction.id)) is None


def test_a_clause_that_warns_first_warns_first(world: World) -> None:
    with transaction():
        world.contract.clauses[0].warns_first = True
    sanction = proposed(world)
    assert (sanction.step, sanction.amount) == ("warning", Decimal(0))


def test_a_fee_for_each_line_counts_the_lines(world: World) -> None:
    with transaction():
        world.contract.clauses[0].counts = ClauseCounts.LINE
        world.contract.requirements[-1].threshold = "zero_emission"
    submit(world)
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.rita, version=world.report.version)
    deviation = case_of(world, "4.3")
    assert deviation.facts["lines"] == [world.machines["DI-2"]]


def test_silence_ends_when_the_deadline_does(world: World) -> None:
    deviation = notified(world)
    deliver_mail()
    assert deviation.reply_due_at is not None
    clock.move_to(deviation.reply_due_at - timedelta(seconds=5))
    tick()
    assert open_tasks() == ["reply"]
    clock.move_to(deviation.reply_due_at + timedelta(seconds=5))
    tick()
    assert (deviation.state, open_tasks()) == (DeviationState.ASSESSING_REPLY, ["assess_reply"])
    with transaction():
        replies.reply(deviation, "Beklager sent svar.", [], by=world.bo)
    assert (len(deviation.replies), open_tasks()) == (1, ["assess_reply"])


def test_a_notice_that_does_not_arrive_becomes_a_task(world: World) -> None:
    deviation = notified(world)
    with transaction():
        for row in db.session.scalars(select(OutgoingMail).where(OutgoingMail.notice_id.is_not(None))):
            deliveries.note(row, Outcome(MailState.FAILED, "no such user"))
    clock.move_to(clock.now() + timedelta(days=2, minutes=1))
    tick()
    assert open_tasks() == ["confirm_delivery"]
    with transaction():
        notices.settle_delivery(deviation, None, by=world.adam, version=deviation.version)
    assert (open_tasks(), deviation.state) == ([], DeviationState.NOTIFIED)
    clock.move_to(clock.now() + timedelta(days=2, minutes=1))
    tick()
    with transaction():
        notices.settle_delivery(deviation, served("Overlevert i byggemøte"), by=world.adam, version=deviation.version)
    assert (open_tasks(), deviation.notices[-1].delivered_how) == (["reply"], "Overlevert i byggemøte")


def test_dismissed_with_a_reason(world: World) -> None:
    deviation = found(world)
    with pytest.raises(Invalid), transaction():
        deviations.dismiss(deviation, "  ", by=world.adam, version=deviation.version)
    with pytest.raises(Forbidden), transaction():
        deviations.dismiss(deviation, "Nei", by=world.bo, version=deviation.version)
    with transaction():
        deviations.dismiss(deviation, "Måleren var feil.", by=world.adam, version=deviation.version)
    assert (deviation.state, open_tasks()) == (DeviationState.DISMISSED, [])


def test_two_who_assess_at_once(world: World) -> None:
    deviation = found(world)
    seen = deviation.version
    with transaction():
        deviations.dismiss(deviation, "Måleren var feil.", by=world.adam, version=seen)
    with pytest.raises(Conflict), transaction():
        notices.give_notice(deviation, "Varsel.", 5, by=world.adam, version=seen)


def test_overdue_by_itself_then_late_then_never_erased(world: World) -> None:
    clock.move_to(world.report.due_at + timedelta(minutes=1))
    tick()
    deviation = case_of(world, "5.1")
    assert (deviation.cause, open_tasks()) == (Cause.REPORT_MISSING, ["assess", "fill_in"])
    assert world.report.overdue_at is not None
    tick()
    assert db.session.scalars(select(Deviation)).all() == [deviation]
    clock.move_to(world.report.due_at + timedelta(days=4, hours=-1))
    submit(world)
    assert (deviation.cause, deviation.late_by_days) == (Cause.REPORT_LATE, 4)


def test_a_reply_with_a_program_is_refused_and_nothing_is_stored(world: World) -> None:
    deviation = notified(world)
    deliver_mail()
    with pytest.raises(Refused), transaction():
        replies.reply(deviation, "Se vedlegg.", [Upload("svar.html", b"<script>alert(1)</script>")], by=world.bo)
    assert (deviation.replies, open_tasks()) == ([], ["reply"])


def test_nobody_who_ever_proposed_it_decides(world: World) -> None:
    """A proposal that another has taken over is still the first one's too."""
    sanction = proposed(world)
    with transaction():
        world.adam.role_codes = ["administrator", "decision_maker"]
        world.ruth.role_codes = ["administrator"]
    with transaction():
        sanctions.decide(sanction, approve=False, comment="For tynt.", by=world.dora, version=sanction.version)
    with transaction():
        sanctions.revise(sanction, "Bedre.", withdraw=False, by=world.ruth, version=sanction.version)
    with pytest.raises(Forbidden), transaction():
        sanctions.decide(sanction, approve=True, comment="", by=world.adam, version=sanction.version)
    with transaction():
        sanctions.decide(sanction, approve=True, comment="", by=world.dora, version=sanction.version)


def test_a_letter_that_arrives_while_somebody_asks_is_not_sent_again(world: World) -> None:
    deviation = notified(world)
    clock.move_to(clock.now() + timedelta(days=2, minutes=1))
    tick()
    assert open_tasks() == ["confirm_delivery"]
    deliver_mail()
    assert (open_tasks(), deviation.state) == (["reply"], DeviationState.AWAITING_REPLY)
    with pytest.raises(Conflict), transaction():
        notices.settle_delivery(deviation, None, by=world.adam, version=deviation.version)
    assert len(deviation.notices) == 1


def test_long_words_are_kept_whole(world: World) -> None:
    deviation = notified(world)
    deliver_mail()
    words = "Laderen kom sent. " * 600
    with transaction():
        reply = replies.reply(deviation, words, [], by=world.bo)
    db.session.expire_all()
    assert reply.text == words.strip()
