"""Knowledge, notice and proof: who was told, when it arrived, was opened and counts as given; what runs from then."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from portal import calendars, clock
from portal.errors import Conflict, Forbidden, Invalid
from portal.extensions import db, transaction
from portal.model import (
    Deviation,
    DeviationState,
    ExtensionRequest,
    ExtensionState,
    NoticeStart,
    OutgoingMail,
    Role,
)
from portal.operations import accounts, processes
from portal.operations.cases import deviations, notices
from portal.operations.cases.letters import Claim
from tests.casework import (
    ZONE,
    arrive,
    close,
    delivered,
    end_of,
    found,
    name_representative,
    notified,
    replied,
    reply,
    served,
    weigh,
)
from tests.world import World, deliver_mail, letters, open_tasks, tick

FRIDAY_BEFORE_EASTER_WEEK = datetime(2026, 3, 27, 9, tzinfo=UTC)


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    """PostgreSQL in the soak: test_case puts what a notice asks of the database to both in each run."""
    return everyday_database_url


# -- knowledge ----------------------------------------------------------------------------------------------------


def test_no_limit_in_the_contract_no_deadline_for_the_buyer(world: World) -> None:
    deviation = found(world)
    assert (deviation.notice_due_at, processes.of(deviation).due_at) == (None, None)


def test_the_buyer_s_own_time_runs_from_knowledge_in_working_days(world: World) -> None:
    """Known on Friday 27 March; three holidays and two weekends later the fifth working day is 8 April."""
    with transaction():
        world.contract.notice_working_days = 5
    clock.move_to(FRIDAY_BEFORE_EASTER_WEEK)
    deviation = found(world)
    assert deviation.notice_due_at == end_of(date(2026, 4, 8))
    task = processes.task_of(deviation, "assess")
    assert task is not None
    assert task.due_at == deviation.notice_due_at


def test_who_can_give_notice_is_warned_once_before_it_is_late(world: World) -> None:
    with transaction():
        world.contract.notice_working_days = 10
        accounts.add_membership(
            accounts.add_person("kim@prove.example", "Kim Prøve"), world.adam.organisation, Role.CONTRACT_MANAGER
        )
    deviation = found(world)
    due_at = deviation.notice_due_at
    assert due_at == end_of(date(2026, 3, 24))
    clock.move_to(datetime(2026, 3, 19, 6, 59, tzinfo=UTC))  # three working days ahead, at eight in Oslo
    tick()
    assert letters("notice_to_give") == []
    clock.move_to(datetime(2026, 3, 19, 7, 1, tzinfo=UTC))
    tick()
    assert letters("notice_to_give") == ["adam@prove.example", "kim@prove.example"]
    clock.move_to(datetime(2026, 3, 24, 23, 30, tzinfo=UTC))
    tick()
    assert len(letters("notice_to_give")) == 2
    assert open_tasks() == ["assess"], "a late notice can still be given"


def test_a_short_limit_is_warned_of_half_way(world: World) -> None:
    """Known on Tuesday 10 March at nine, due on Thursday at the day's end: three working days ahead lies before it."""
    with transaction():
        world.contract.notice_working_days = 2
    deviation = found(world)
    assert deviation.notice_due_at == end_of(date(2026, 3, 12))
    half = deviation.known_at + (deviation.notice_due_at - deviation.known_at) / 2
    due = processes.of(deviation).due_at
    assert due is not None
    assert abs(due - half) < timedelta(seconds=1)


def test_the_contract_manager_assesses_too(world: World) -> None:
    with transaction():
        kim = accounts.add_membership(
            accounts.add_person("kim@prove.example", "Kim Prøve"), world.adam.organisation, Role.CONTRACT_MANAGER
        )
    deviation = found(world)
    with transaction():
        notices.give_notice(deviation, "Varsel.", 5, by=kim, version=deviation.version)
    assert deviation.notices[0].sent_by_id == kim.person_id
    with pytest.raises(Forbidden), transaction():
        notices.settle_delivery(deviation, served("Levert."), by=world.rita, version=deviation.version)


# -- the notice and its points ------------------------------------------------------------------------------------


def test_the_letter_lists_the_points_by_number(world: World) -> None:
    notified(world, ["Andelen er for lav.", "Planen ble ikke fulgt."])
    body = db.session.scalars(select(OutgoingMail.body).where(OutgoingMail.to_address == "bo@prove.example")).all()[-1]
    assert "1. Andelen er for lav.\n2. Planen ble ikke fulgt.\n" in body


def test_without_points_of_its_own_the_breach_is_the_point(world: World) -> None:
    [point] = notified(world).points
    assert point.number == 1
    assert "energien er 5,2" in point.text


def test_empty_points_are_left_out_and_a_notice_without_any_is_refused(world: World) -> None:
    deviation = found(world)
    empty, one = [Claim(" "), Claim("")], [Claim(""), Claim("B"), Claim(" ")]
    with pytest.raises(Invalid) as refused, transaction():
        notices.give_notice(deviation, "Varsel.", 5, points=empty, by=world.adam, version=deviation.version)
    assert refused.value.text == notices.NO_POINT
    assert (deviation.points, deviation.notices, open_tasks()) == ([], [], ["assess"])
    with transaction():
        notices.give_notice(deviation, "Varsel.", 5, points=one, by=world.adam, version=deviation.version)
    assert [(point.number, point.text) for point in deviation.points] == [(1, "B")]


def test_a_notice_is_always_a_person_s(world: World) -> None:
    """However long nobody does anything, nothing goes to the supplier."""
    with transaction():
        world.contract.notice_working_days = 5
    found(world)
    clock.move_to(clock.now() + timedelta(days=200))
    tick()
    assert letters("notice") == []


# -- delivered ----------------------------------------------------------------------------------------------------


def test_it_goes_to_the_representative_who_need_not_sign_in_here(world: World) -> None:
    name_representative(world)
    deviation = notified(world)
    assert letters("notice") == ["anna@prove.example", "bo@prove.example", "egil@prove.example"]
    letter = db.session.scalars(select(OutgoingMail).where(OutgoingMail.to_address == "egil@prove.example")).one()
    assert letter.body.startswith("Hello Egil Ekstern,")
    assert deviation.notices[0].sent_to[0] == {
        "name": "Egil Ekstern",
        "email": "egil@prove.example",
        "as": "representative",
    }
    arrive("bo@prove.example")
    assert (deviation.notices[0].delivered_at, open_tasks()) == (None, []), "a copy does not stand in for the named one"
    assert deviation.notices[0].sent_at is not None
    arrive("egil@prove.example")
    assert (deviation.state, open_tasks()) == (DeviationState.AWAITING_REPLY, ["reply"])


def test_a_representative_who_signs_in_gets_one_letter(world: World) -> None:
    name_representative(world, email="BO@prove.example")
    notified(world)
    assert [each.lower() for each in letters("notice")] == ["bo@prove.example", "anna@prove.example"]


def test_somebody_who_was_representative_before_gets_nothing(world: World) -> None:
    name_representative(world)
    with transaction():
        world.contract.representatives[0].to_on = date(2026, 3, 9)
    notified(world)
    assert letters("notice") == ["anna@prove.example", "bo@prove.example"]


def test_the_first_who_may_answer_and_opens_it_is_noted_once(world: World) -> None:
    deviation = delivered(world)
    notice = deviation.notices[0]
    for who in (world.adam, world.rita, world.stranger):
        assert not notices.is_unopened(deviation, who)
    first = clock.now() + timedelta(hours=1)
    clock.move_to(first)
    with transaction():
        notices.note_opened(deviation, by=world.bo)
    clock.move_to(clock.now() + timedelta(hours=1))
    with transaction():
        notices.note_opened(deviation, by=world.anna)
    assert notice.opened_by_id == world.bo.person_id
    assert notice.opened_at is not None
    assert notice.opened_at - first < timedelta(minutes=1)


def test_opening_is_delivery_where_no_mail_server_has_taken_it(world: World) -> None:
    deviation = notified(world)
    with transaction():
        notices.note_opened(deviation, by=world.anna)
    assert (deviation.state, open_tasks()) == (DeviationState.AWAITING_REPLY, ["reply"])
    assert deviation.notices[0].delivered_how == "opened in the portal by Anna Prøve"


def test_counted_from_when_it_is_opened(world: World) -> None:
    """Sent on Tuesday 10 March, opened on Thursday: five working days are up on Thursday 19 March."""
    with transaction():
        world.contract.notice_starts = NoticeStart.OPENED
    deviation = delivered(world)
    assert (deviation.state, deviation.notices[0].takes_effect_at, open_tasks()) == (DeviationState.NOTIFIED, None, [])
    clock.move_to(datetime(2026, 3, 12, 9, tzinfo=UTC))
    with transaction():
        notices.note_opened(deviation, by=world.bo)
    assert (deviation.state, deviation.reply_due_at) == (DeviationState.AWAITING_REPLY, end_of(date(2026, 3, 19)))


def test_never_opened_becomes_a_task_and_opening_it_then_is_enough(world: World) -> None:
    with transaction():
        world.contract.notice_starts = NoticeStart.OPENED
    deviation = delivered(world)
    clock.move_to(end_of(date(2026, 3, 13)) - timedelta(seconds=5))
    tick()
    assert open_tasks() == []
    clock.move_to(end_of(date(2026, 3, 13)) + timedelta(seconds=5))
    tick()
    assert open_tasks() == ["confirm_delivery"], "three working days unopened"
    with transaction():
        notices.settle_delivery(deviation, None, by=world.adam, version=deviation.version)
    assert deviation.notices[0].reminded_at is not None, "sending it again reminds"
    clock.move_to(datetime(2026, 3, 23, 9, tzinfo=UTC))
    tick()
    assert open_tasks() == ["confirm_delivery"]
    with transaction():
        notices.note_opened(deviation, by=world.bo)
    assert (open_tasks(), deviation.reply_due_at) == (["reply"], end_of(date(2026, 3, 30)))


def test_never_opened_can_be_handed_over_by_a_person(world: World) -> None:
    with transaction():
        world.contract.notice_starts = NoticeStart.OPENED
    deviation = delivered(world)
    clock.move_to(datetime(2026, 3, 16, 9, tzinfo=UTC))
    tick()
    with transaction():
        notices.settle_delivery(deviation, served("Rekommandert post"), by=world.adam, version=deviation.version)
    notice = deviation.notices[0]
    assert (notice.served_how, notice.opened_at, open_tasks()) == ("Rekommandert post", None, ["reply"])
    assert deviation.reply_due_at == end_of(date(2026, 3, 23))


def test_deemed_given_so_many_working_days_after_it_was_sent(world: World) -> None:
    """Sent on Tuesday 10 March, given on Friday, and five working days from there are up on Friday 20 March."""
    with transaction():
        world.contract.notice_starts, world.contract.deemed_working_days = NoticeStart.DEEMED, 3
    deviation = delivered(world)
    assert deviation.notices[0].takes_effect_at == calendars.start_of_day(date(2026, 3, 13), ZONE)
    assert deviation.reply_due_at == end_of(date(2026, 3, 20))


def test_opening_it_at_once_does_not_shorten_what_the_contract_gives(world: World) -> None:
    with transaction():
        world.contract.notice_starts, world.contract.deemed_working_days = NoticeStart.DEEMED, 3
    deviation = notified(world)
    with transaction():
        notices.note_opened(deviation, by=world.bo)
    assert deviation.reply_due_at == end_of(date(2026, 3, 20))


def test_the_rule_is_the_one_that_held_when_it_was_sent(world: World) -> None:
    deviation = notified(world)
    with transaction():
        world.contract.notice_starts = NoticeStart.OPENED
    deliver_mail()
    assert deviation.state == DeviationState.AWAITING_REPLY


# -- the time to reply --------------------------------------------------------------------------------------------


def test_a_reminder_before_the_time_is_over_and_only_one(world: World) -> None:
    """Due on Tuesday 17 March; half of five working days lies later than three working days ahead."""
    deviation = delivered(world)
    assert deviation.reply_due_at == end_of(date(2026, 3, 17))
    clock.move_to(datetime(2026, 3, 13, 7, tzinfo=UTC))
    tick()
    assert letters("reply_reminder") == []
    clock.move_to(datetime(2026, 3, 14, 7, tzinfo=UTC))
    tick()
    assert letters("reply_reminder") == ["anna@prove.example", "bo@prove.example"]
    assert (deviation.notices[0].reminded_at is not None, open_tasks()) == (True, ["reply"])
    clock.move_to(datetime(2026, 3, 16, 7, tzinfo=UTC))
    tick()
    assert len(letters("reply_reminder")) == 2


def test_who_has_replied_is_not_reminded(world: World) -> None:
    replied(world)
    clock.move_to(datetime(2026, 3, 17, 7, tzinfo=UTC))
    tick()
    assert letters("reply_reminder") == []


def granted(world: World, deviation: Deviation, until: datetime) -> None:
    """The buyer has granted more time."""
    assert deviation.reply_due_at is not None
    with transaction() as session:
        session.add(
            ExtensionRequest(
                **deviation.parties,
                deviation_id=deviation.id,
                state=ExtensionState.GRANTED,
                asked_by_id=world.bo.person_id,
                reason="Ferie.",
                due_at=deviation.reply_due_at,
                wished_until=until,
                granted_until=until,
                answered_by_id=world.adam.person_id,
                answered_at=clock.now(),
            )
        )
        session.flush()
        assert processes.message(deviation, "reply_extended", {})


def test_more_time_moves_the_deadline_of_the_case_and_of_the_task(world: World) -> None:
    deviation = delivered(world)
    notice_due_at = deviation.notices[0].reply_due_at
    until = end_of(date(2026, 3, 24))
    granted(world, deviation, until)
    task = processes.task_of(deviation, "reply")
    assert task is not None
    assert (deviation.reply_due_at, task.due_at) == (until, until)
    assert deviation.notices[0].reply_due_at == notice_due_at, "what the notice said stays"
    clock.move_to(end_of(date(2026, 3, 17)) + timedelta(minutes=1))
    tick()
    assert (deviation.state, open_tasks()) == (DeviationState.AWAITING_REPLY, ["reply"]), "never overdue meanwhile"
    clock.move_to(until + timedelta(minutes=1))
    tick()
    assert open_tasks() == ["assess_reply"]


def test_more_time_twice_and_what_was_written_stays(world: World) -> None:
    deviation = delivered(world)
    reply(world, deviation, is_complete=False)
    granted(world, deviation, end_of(date(2026, 3, 24)))
    granted(world, deviation, end_of(date(2026, 3, 31)))
    assert (deviation.reply_due_at, len(deviation.replies)) == (end_of(date(2026, 3, 31)), 1)
    reply(world, deviation)
    assert open_tasks() == ["assess_reply"]


# -- taken back ---------------------------------------------------------------------------------------------------


def test_a_notice_can_be_taken_back_while_the_supplier_has_the_case(world: World) -> None:
    deviation = delivered(world)
    with pytest.raises(Invalid), transaction():
        deviations.withdraw_notice(deviation, " ", by=world.adam, version=deviation.version)
    with pytest.raises(Forbidden), transaction():
        deviations.withdraw_notice(deviation, "Nei.", by=world.bo, version=deviation.version)
    with transaction():
        deviations.withdraw_notice(deviation, "Måleren var feil.", by=world.adam, version=deviation.version)
    assert (deviation.state, deviation.outcome, open_tasks()) == (DeviationState.CLOSED, "Måleren var feil.", [])
    assert letters("case_closed") == ["anna@prove.example", "bo@prove.example"]


def test_after_the_reply_the_case_is_closed_in_the_ordinary_way(world: World) -> None:
    deviation = replied(world)
    with pytest.raises(Conflict), transaction():
        deviations.withdraw_notice(deviation, "For sent.", by=world.adam, version=deviation.version)
    weigh(world, deviation)
    close(world, deviation)
    assert deviation.state == DeviationState.CLOSED
