"""While a request for more time waits: whose days they are, how it ends without an answer, who is reminded of it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock, work
from portal.errors import Conflict, Invalid
from portal.extensions import db, transaction
from portal.model import (
    Deviation,
    DeviationState,
    ExtensionRequest,
    ExtensionState,
    HumanTask,
    OutgoingMail,
    Sanction,
    SanctionClause,
)
from portal.operations import audit, time_asked
from portal.operations.cases import breach_days, calculations, clocks, deviations, replies
from portal.operations.reports import extensions, reports
from tests.casework import delivered, reply
from tests.desk import give_passwords, sit_down
from tests.sanctioning import VALUE, daily_clause
from tests.world import DUE, World, actions, case_of, letters, open_tasks, submit, tick, tick_at

WISHED = datetime(2026, 4, 24, 21, 59, 59, tzinfo=UTC)
"""Until when more time is asked for: Friday 24 April."""
REPLY_DUE = datetime(2026, 3, 17, 22, 59, 59, tzinfo=UTC)
"""When the reply is due: Tuesday 17 March."""
REPLY_WISHED = datetime(2026, 3, 20, 22, 59, 59, tzinfo=UTC)
"""Until when more time to reply is asked for: Friday 20 March."""
A_MINUTE = timedelta(minutes=1)


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


def ask(world: World) -> ExtensionRequest:
    """Anna asks for a week more with the report."""
    with transaction():
        return extensions.ask(world.report, date(2026, 4, 24), "Måleren er på service.", by=world.anna)


def ask_to_reply(world: World, deviation: Deviation) -> ExtensionRequest:
    """Bo asks for three days more with the reply."""
    with transaction():
        return extensions.ask(deviation, date(2026, 3, 20), "Vi venter på leverandøren av laderen.", by=world.bo)


def task_due() -> datetime | None:
    return db.session.scalars(select(HumanTask).where(HumanTask.closed_at.is_(None))).one().due_at


def priced(world: World) -> SanctionClause:
    """What a late report costs by the day."""
    with transaction():
        world.contract.value = VALUE
    return daily_clause(world)


def days_that_cost(world: World, clause: SanctionClause) -> int | None:
    """The days that the clause counts for the late report, as of today."""
    deviation = case_of(world, "5.1")
    on = breach_days.today(deviation)
    return calculations.sheet(deviation, clause, step=str(clause.form), on=on).days


# -- a report that nobody answers for ----------------------------------------------------------------------------------


def test_the_day_that_was_wished_for_is_the_deadline_when_nobody_answers(world: World) -> None:
    """Due 17 April, asked until the 24th, filed on the 27th: three days late, not ten and not none."""
    request = ask(world)
    assert task_due() == WISHED
    tick_at(WISHED - A_MINUTE)
    assert (world.report.is_overdue, world.report.is_held, world.report.due_at) == (False, True, DUE)
    tick_at(WISHED + A_MINUTE)
    assert (world.report.is_overdue, world.report.is_held, world.report.due_at) == (True, False, WISHED)
    assert (request.state, request.answered_at) == (ExtensionState.UNANSWERED, WISHED)
    assert letters("overdue") == ["anna@prove.example", "bo@prove.example"]
    assert case_of(world, "5.1").sentence["nb"].endswith("Fristen var 24. april 2026.")
    clock.move_to(datetime(2026, 4, 27, 9, tzinfo=UTC))
    submit(world)
    assert world.report.latest is not None
    assert (world.report.latest.late_by_days, case_of(world, "5.1").late_by_days) == (3, 3)
    assert actions(request, world) == ["extension.unanswered"]
    assert list(audit.broken_links()) == []


def test_filed_before_any_timer_has_run_it_counts_from_the_day_wished_for(world: World) -> None:
    request = ask(world)
    clock.move_to(datetime(2026, 11, 3, 9, tzinfo=UTC))
    submit(world)
    assert world.report.latest is not None
    assert (request.state, world.report.latest.late_by_days) == (ExtensionState.UNANSWERED, 193)
    assert case_of(world, "5.1").late_by_days == 193


def test_only_the_days_up_to_the_wish_were_the_buyer_s(world: World) -> None:
    """A daily amount runs from 25 April to the 27th: the days from 18 to 24 April are nobody's delay."""
    clause = priced(world)
    ask(world)
    tick_at(WISHED + A_MINUTE)
    clock.move_to(datetime(2026, 4, 27, 9, tzinfo=UTC))
    submit(world)
    assert days_that_cost(world, clause) == 3


def test_a_worker_that_was_away_makes_up_for_it(world: World) -> None:
    ask(world)
    clock.move_to(WISHED - A_MINUTE)
    assert reports.overdue_unmarked() == []
    clock.move_to(WISHED + A_MINUTE)
    assert world.report.is_overdue, "pages say so before any timer has run"
    assert reports.overdue_unmarked() == [world.report.id]
    with transaction():
        reports.catch_up(world.report.id)
    assert (world.report.due_at, world.report.overdue_at is not None) == (WISHED, True)
    tick_at(WISHED + 2 * A_MINUTE)
    assert len(letters("overdue")) == 2, "told once"


def test_after_its_day_a_request_can_no_longer_be_answered(world: World) -> None:
    request = ask(world)
    clock.move_to(WISHED + A_MINUTE)
    assert extensions.to_answer(world.adam) == []
    assert extensions.count_to_answer(world.adam) == 0
    for _ in ("before any timer has run", "after"):
        with pytest.raises(Conflict) as refused, transaction():
            extensions.grant(request, date(2026, 4, 30), "", by=world.adam)
        assert refused.value.text.en.startswith("The request can no longer be answered")
        tick()
    assert request.state == ExtensionState.UNANSWERED


def test_refused_on_the_last_day_leaves_a_working_day(world: World) -> None:
    """Refused on Friday 17 April at ten, due that day: now due on Monday the 20th."""
    request = ask(world)
    tick_at(datetime(2026, 4, 17, 8, tzinfo=UTC))
    with transaction():
        extensions.refuse(request, "Vi trenger tallene.", by=world.adam)
    monday = datetime(2026, 4, 20, 21, 59, 59, tzinfo=UTC)
    assert (world.report.due_at, task_due()) == (monday, monday)
    body = db.session.scalars(select(OutgoingMail.body).where(OutgoingMail.letter == "extension_refused")).first() or ""
    assert "20. apr. 2026" in body


def test_both_sides_see_the_day_it_ends(world: World, app: Flask) -> None:
    page = f"/reports/{world.report.public_id}"
    ask(world)
    give_passwords(world)
    anna, adam = sit_down(app, world.anna), sit_down(app, world.adam)
    assert "If nobody answers, it is due 24 Apr 2026 ." in anna.reads(page)
    assert "If nobody answers before 24 Apr 2026 , the days up to then do not count" in adam.reads(page)
    assert "Waits since 10 Mar 2026" in adam.reads("/")
    tick_at(WISHED - A_MINUTE)
    give_passwords(world)
    anna, adam = sit_down(app, world.anna), sit_down(app, world.adam)
    assert "The clock stands still" in anna.reads(page)
    assert "Overdue" not in anna.reads("/reports")
    tick_at(datetime(2026, 4, 27, 9, tzinfo=UTC))
    give_passwords(world)
    anna, adam = sit_down(app, world.anna), sit_down(app, world.adam)
    shown = anna.reads(page)
    assert "The clock stands still" not in shown
    assert "became the day that was asked for, 24 Apr 2026 ." in shown
    assert "1 working day late" in shown, "Saturday and Sunday do not count, Monday does"
    assert "Answer the request" not in adam.reads("/")


# -- the buyer is reminded ---------------------------------------------------------------------------------------------


def test_the_buyer_is_reminded_every_second_working_day_until_it_answers(world: World) -> None:
    """Asked on Tuesday 10 March: reminded on Thursday, on Monday, and no more once it has answered."""
    request = ask(world)
    work.chase_requests({})
    assert letters("extension_waiting") == []
    told = []
    for day in (11, 12, 13, 16):
        clock.move_to(datetime(2026, 3, day, 9, tzinfo=UTC))
        work.chase_requests({})
        work.chase_requests({})
        told.append(len(letters("extension_waiting")))
    assert told == [0, 1, 1, 2]
    assert set(letters("extension_waiting")) == {"adam@prove.example"}
    assert actions(request, world) == ["extension.chased", "extension.chased"]
    with transaction():
        extensions.refuse(request, "Nei.", by=world.adam)
    clock.move_to(datetime(2026, 3, 20, 9, tzinfo=UTC))
    work.chase_requests({})
    assert len(letters("extension_waiting")) == 2


def test_nobody_is_reminded_of_what_can_no_longer_be_answered(world: World) -> None:
    ask(world)
    clock.move_to(WISHED + A_MINUTE)
    assert time_asked.to_chase() == []


def test_the_worker_does_it_by_itself() -> None:
    assert work.HANDLERS["requests.chase"] is work.chase_requests
    assert "requests.chase" in work.SCHEDULES


# -- a reply -----------------------------------------------------------------------------------------------------------


def test_the_time_to_reply_does_not_run_out_while_the_buyer_is_silent(world: World) -> None:
    deviation = delivered(world)
    request = ask_to_reply(world, deviation)
    assert (deviation.reply_due_at, task_due()) == (REPLY_DUE, REPLY_WISHED)
    tick_at(REPLY_DUE + timedelta(days=2))
    assert (deviation.state, open_tasks(), deviation.is_held) == (DeviationState.AWAITING_REPLY, ["reply"], True)
    with transaction():
        extensions.grant(request, date(2026, 3, 27), "", by=world.adam)
    until = datetime(2026, 3, 27, 22, 59, 59, tzinfo=UTC)
    assert (deviation.reply_due_at, task_due(), deviation.is_held) == (until, until, False)
    tick_at(REPLY_WISHED + A_MINUTE)
    assert open_tasks() == ["reply"]
    tick_at(until + A_MINUTE)
    assert open_tasks() == ["assess_reply"]


def test_refused_after_the_deadline_there_is_a_working_day_to_reply(world: World) -> None:
    """Due on Tuesday 17 March, refused on Thursday: due on Friday."""
    deviation = delivered(world)
    request = ask_to_reply(world, deviation)
    tick_at(datetime(2026, 3, 19, 9, tzinfo=UTC))
    with transaction():
        extensions.refuse(request, "Nei.", by=world.adam)
    assert (deviation.reply_due_at, task_due()) == (REPLY_WISHED, REPLY_WISHED)
    assert open_tasks() == ["reply"]
    tick_at(REPLY_WISHED - A_MINUTE)
    assert open_tasks() == ["reply"]
    tick_at(REPLY_WISHED + A_MINUTE)
    assert open_tasks() == ["assess_reply"]


def test_refused_in_time_the_deadline_is_what_it_was(world: World) -> None:
    deviation = delivered(world)
    request = ask_to_reply(world, deviation)
    with transaction():
        extensions.refuse(request, "Nei.", by=world.adam)
    assert (deviation.reply_due_at, task_due(), deviation.is_held) == (REPLY_DUE, REPLY_DUE, False)
    tick_at(REPLY_DUE + A_MINUTE)
    assert deviation.state == DeviationState.ASSESSING_REPLY


def test_after_a_no_asking_again_holds_nothing(world: World) -> None:
    """Otherwise a request on each last day would put the end off for ever."""
    deviation = delivered(world)
    first = ask_to_reply(world, deviation)
    with transaction():
        extensions.refuse(first, "Nei.", by=world.adam)
    second = ask_to_reply(world, deviation)
    assert (first.holds, second.holds, deviation.is_held, task_due()) == (True, False, False, REPLY_DUE)
    tick_at(REPLY_DUE + A_MINUTE)
    assert open_tasks() == ["assess_reply"]
    assert (second.state, deviation.reply_due_at) == (ExtensionState.UNANSWERED, REPLY_DUE)
    assert extensions.to_answer(world.adam) == []


def test_a_second_no_on_the_last_day_gives_nothing(world: World) -> None:
    deviation = delivered(world)
    first = ask_to_reply(world, deviation)
    tick_at(REPLY_DUE - timedelta(hours=3))
    with transaction():
        extensions.refuse(first, "Nei.", by=world.adam)
    next_day = REPLY_DUE + timedelta(days=1)
    assert deviation.reply_due_at == next_day, "the first one gives a working day"
    second = ask_to_reply(world, deviation)
    with transaction():
        extensions.refuse(second, "Fortsatt nei.", by=world.adam)
    assert (deviation.reply_due_at, task_due()) == (next_day, next_day)


def test_after_a_no_a_yes_still_counts_and_the_next_request_holds_again(world: World) -> None:
    deviation = delivered(world)
    for answer in ("no", "yes"):
        request = ask_to_reply(world, deviation)
        with transaction():
            if answer == "no":
                extensions.refuse(request, "Nei.", by=world.adam)
            else:
                extensions.grant(request, date(2026, 3, 19), "", by=world.adam)
    assert ask_to_reply(world, deviation).holds


def test_after_a_no_a_report_is_late_from_its_own_deadline(world: World) -> None:
    """Due on Friday 17 April; asked twice, refused once, filed on Monday: three days late, none of them the buyer's."""
    clause = priced(world)
    first = ask(world)
    with transaction():
        extensions.refuse(first, "Nei.", by=world.adam)
    second = ask(world)
    tick_at(DUE + A_MINUTE)
    assert (world.report.is_overdue, extensions.to_answer(world.adam)) == (True, [second])
    clock.move_to(datetime(2026, 4, 20, 9, tzinfo=UTC))
    submit(world)
    deviation = case_of(world, "5.1")
    assert (second.state, deviation.late_by_days, days_that_cost(world, clause)) == (ExtensionState.LAPSED, 3, 3)


def test_a_yes_after_the_deadline_that_did_not_wait_moves_it_all_the_same(world: World) -> None:
    first = ask(world)
    with transaction():
        extensions.refuse(first, "Nei.", by=world.adam)
    second = ask(world)
    tick_at(DUE + timedelta(days=2))
    assert world.report.overdue_at is not None
    with transaction():
        extensions.grant(second, date(2026, 4, 24), "Greit.", by=world.adam)
    assert (world.report.is_overdue, world.report.due_at) == (False, WISHED)


def test_a_reply_while_the_buyer_had_to_answer_is_in_time(world: World, app: Flask) -> None:
    """Due on Tuesday 17 March, a part of it comes on Wednesday while the request waits, the rest on Thursday."""
    deviation = delivered(world)
    ask_to_reply(world, deviation)
    for day, is_complete in ((18, False), (19, True)):
        tick_at(datetime(2026, 3, day, 9, tzinfo=UTC))
        reply(world, deviation, is_complete=is_complete)
    assert [replies.came_late(each) for each in deviation.replies] == [False, False]
    tick_at(datetime(2026, 3, 23, 9, tzinfo=UTC))
    assert replies.came_late(reply(world, deviation))
    give_passwords(world)
    shown = sit_down(app, world.adam).reads(f"/cases/{deviation.public_id}")
    assert (shown.count("Came in time"), shown.count("Came after the deadline")) == (2, 1)


def test_the_days_that_the_supplier_waited_are_the_buyer_s_on_the_case(world: World) -> None:
    """Delivered on Tuesday 10 March, due on the 17th, asked; on Friday the 20th three days more are the buyer's."""
    deviation = delivered(world)
    ask_to_reply(world, deviation)
    tick_at(datetime(2026, 3, 20, 9, tzinfo=UTC))
    assert clocks.of_case(deviation) == {clocks.Side.SUPPLIER: 5, clocks.Side.BUYER: 3}


def test_nobody_answers_and_the_day_wished_for_is_the_end_of_the_time_to_reply(world: World) -> None:
    deviation = delivered(world)
    request = ask_to_reply(world, deviation)
    tick_at(REPLY_WISHED - A_MINUTE)
    assert open_tasks() == ["reply"]
    tick_at(REPLY_WISHED + A_MINUTE)
    assert (deviation.state, open_tasks()) == (DeviationState.ASSESSING_REPLY, ["assess_reply"])
    assert (request.state, deviation.reply_due_at) == (ExtensionState.UNANSWERED, REPLY_WISHED)
    assert (extensions.to_answer(world.adam), deviation.is_held) == ([], False)
    assert db.session.scalars(select(Sanction)).all() == []


@pytest.mark.parametrize("how", ["replied", "taken back"])
def test_what_needs_no_answer_any_more_leaves_the_buyer_s_tasks(world: World, how: str) -> None:
    deviation = delivered(world)
    request = ask_to_reply(world, deviation)
    assert extensions.count_to_answer(world.adam) == 1
    if how == "replied":
        reply(world, deviation, is_complete=False)
        assert extensions.count_to_answer(world.adam) == 1, "more may come"
        reply(world, deviation)
    else:
        with transaction():
            deviations.withdraw_notice(deviation, "Måleren var feil.", by=world.adam, version=deviation.version)
    assert (request.state, request.answered_at is not None) == (ExtensionState.LAPSED, True)
    assert (extensions.to_answer(world.adam), extensions.count_to_answer(world.adam)) == ([], 0)
    with pytest.raises(Conflict), transaction():
        extensions.grant(request, date(2026, 3, 27), "", by=world.adam)
    tick_at(REPLY_WISHED + A_MINUTE)
    assert deviation.state in {DeviationState.ASSESSING_REPLY, DeviationState.CLOSED}
    assert request.state == ExtensionState.LAPSED


def test_the_case_s_page_says_that_the_clock_stands_still_and_where_to_answer(world: World, app: Flask) -> None:
    deviation = delivered(world)
    ask_to_reply(world, deviation)
    tick_at(REPLY_DUE + timedelta(days=1))
    give_passwords(world)
    bo, adam = sit_down(app, world.bo), sit_down(app, world.adam)
    page = f"/cases/{deviation.public_id}"
    for shown in (bo.reads(page), adam.reads(page), bo.reads("/")):
        assert "The clock stands still" in shown
        assert "working day late" not in shown
    assert "the time to reply does not run out before that" in bo.reads(page)
    assert f"/more-time/{db.session.scalars(select(ExtensionRequest)).one().public_id}" in adam.get(page).text
    assert f"{page}/more-time" not in bo.get(page).text, "one at a time"


def test_a_wish_that_is_no_day_is_refused_before_anything_is_held(world: World) -> None:
    deviation = delivered(world)
    with pytest.raises(Invalid), transaction():
        extensions.ask(deviation, None, "Vi venter.", by=world.bo)
    assert (deviation.is_held, task_due()) == (False, REPLY_DUE)
