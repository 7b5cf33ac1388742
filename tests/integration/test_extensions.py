"""More time with a report or a reply: asked for in time, granted or refused, over HTTP and with the clock."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.extensions import db, parts, transaction
from portal.model import (
    Deviation,
    DeviationState,
    ExtensionRequest,
    ExtensionState,
    HumanTask,
    Membership,
    OutgoingMail,
    Process,
    ReportState,
    Role,
)
from portal.operations import accounts, audit, processes
from portal.operations.reports import extensions, reports
from portal.workflow import Definition
from tests.casework import notified as given_notice
from tests.desk import Desk, give_passwords, sit_down, words
from tests.world import DUE, World, case_of, deliver_mail, fill_in, letters, open_tasks, submit, tick_at

LATER = datetime(2026, 4, 24, 21, 59, 59, tzinfo=UTC)
"""A week more: Friday 24 April."""


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


@pytest.fixture
def mona(world: World) -> Membership:
    """Contract manager of the buyer."""
    return manager(world)


def manager(world: World, name: str = "Mona") -> Membership:
    with transaction():
        person = accounts.add_person(f"{name.lower()}@prove.example", f"{name} Prøve", language="en")
        return accounts.add_membership(person, world.rita.organisation, Role.CONTRACT_MANAGER)


def ask(world: World, until: date = date(2026, 4, 24)) -> ExtensionRequest:
    with transaction():
        return extensions.ask(world.report, until, "Måleren er på service.", by=world.anna)


def grant(request: ExtensionRequest, by: Membership, until: date = date(2026, 4, 24)) -> None:
    with transaction():
        extensions.grant(request, until, "", by=by)


def due_tasks(world: World) -> list[tuple[str, datetime | None]]:
    rows = select(HumanTask).where(HumanTask.subject_id == world.report.id, HumanTask.subject == "report")
    return [(row.element, row.due_at) for row in db.session.scalars(rows.where(HumanTask.closed_at.is_(None)))]


# -- granted -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["fill_in", "sign"])
def test_a_granted_extension_moves_the_deadline_the_task_and_the_timers(
    world: World, mona: Membership, step: str
) -> None:
    fill_in(world)
    if step == "sign":
        with transaction():
            reports.make_ready(world.report, by=world.anna, version=world.report.version)
    version = world.report.version
    request = ask(world)
    assert letters("extension_asked") == ["mona@prove.example"]
    grant(request, mona)
    assert (world.report.due_at, world.report.period.due_at) == (LATER, DUE), "the contract's own deadline stays known"
    assert (world.report.version, due_tasks(world)) == (version, [(step, LATER)]), "nobody's work is turned away"
    assert letters("extension_granted") == ["anna@prove.example", "bo@prove.example"]
    tick_at(DUE + timedelta(hours=12))
    assert (world.report.is_overdue, world.report.overdue_at) == (False, None), "class 19: never shown as overdue"
    assert letters("overdue") == []
    tick_at(datetime(2026, 4, 21, 6, 1, tzinfo=UTC))
    assert letters("reminder") == ["anna@prove.example", "bo@prove.example"], "three working days before the new one"
    tick_at(LATER + timedelta(minutes=1))
    assert world.report.is_overdue
    assert case_of(world, "5.1").sentence["nb"].endswith("Fristen var 24. april 2026.")
    clock.move_to(LATER + timedelta(days=2))
    with transaction():
        reports.sign(world.report, by=world.bo, version=world.report.version)
    assert case_of(world, "5.1").late_by_days == 2, "counted from the deadline in force"


def test_the_buyer_may_give_another_day_than_was_wished(world: World, mona: Membership) -> None:
    request = ask(world)
    with transaction():
        extensions.grant(request, date(2026, 4, 20), "Tre dager må holde.", by=mona)
    assert (request.state, request.granted_until) == (
        ExtensionState.GRANTED,
        datetime(2026, 4, 20, 21, 59, 59, tzinfo=UTC),
    )
    assert world.report.due_at == request.granted_until
    body = db.session.scalars(select(OutgoingMail.body).where(OutgoingMail.letter == "extension_granted")).first() or ""
    assert "20. apr. 2026" in body
    assert "Tre dager må holde." in body


def test_a_day_off_is_moved_by_the_contracts_rule_and_its_time_of_day(world: World, mona: Membership) -> None:
    """Friday 1 May is a holiday: forward is Monday 4 May, at noon."""
    with transaction():
        world.contract.due_time = "12:00"
    request = ask(world, date(2026, 5, 1))
    grant(request, mona, date(2026, 5, 1))
    assert world.report.due_at == datetime(2026, 5, 4, 10, tzinfo=UTC)


def test_while_the_buyer_has_not_answered_the_report_is_not_overdue(world: World, mona: Membership) -> None:
    request = ask(world)
    tick_at(DUE + timedelta(days=2))
    assert (world.report.is_overdue, world.report.overdue_at, reports.overdue_unmarked()) == (False, None, [])
    grant(request, mona)
    assert (world.report.is_overdue, world.report.due_at) == (False, LATER)
    tick_at(LATER + timedelta(minutes=1))
    assert world.report.is_overdue


# -- refused -----------------------------------------------------------------------------------------------------------


def test_refused_in_time_leaves_the_deadline(world: World, mona: Membership) -> None:
    request = ask(world)
    with pytest.raises(Invalid), transaction():
        extensions.refuse(request, " ", by=mona)
    with transaction():
        extensions.refuse(request, "Vi trenger tallene.", by=mona)
    assert (request.state, world.report.due_at, world.report.held_until) == (ExtensionState.REFUSED, DUE, None)
    assert letters("extension_refused") == ["anna@prove.example", "bo@prove.example"]
    tick_at(DUE + timedelta(minutes=1))
    assert world.report.is_overdue


def test_refused_after_the_deadline_the_days_with_the_buyer_do_not_count(world: World, mona: Membership) -> None:
    """Answered on Sunday 19 April: due on Monday the 20th, not two days late."""
    request = ask(world)
    tick_at(DUE + timedelta(days=1, hours=12))
    with transaction():
        extensions.refuse(request, "Vi trenger tallene.", by=mona)
    monday = datetime(2026, 4, 20, 21, 59, 59, tzinfo=UTC)
    assert (world.report.due_at, due_tasks(world)) == (monday, [("fill_in", monday)])
    tick_at(monday + timedelta(minutes=1))
    submit(world)
    assert case_of(world, "5.1").late_by_days == 1


def test_what_comes_before_the_answer_is_in_time_and_needs_none(world: World, mona: Membership) -> None:
    request = ask(world)
    clock.move_to(DUE + timedelta(days=2, hours=-1))
    submit(world)
    assert world.report.latest is not None
    assert (request.state, world.report.latest.late_by_days) == (ExtensionState.LAPSED, 0)
    assert request.answered_at is not None, "from now on it keeps nobody waiting"
    assert db.session.scalars(select(Deviation).where(Deviation.clause == "5.1")).all() == []
    with pytest.raises(Conflict), transaction():
        extensions.grant(request, date(2026, 4, 30), "", by=mona)
    assert world.report.due_at == DUE


# -- asked -------------------------------------------------------------------------------------------------------------


def test_after_the_deadline_nothing_can_be_asked_for(world: World) -> None:
    tick_at(DUE + timedelta(minutes=1))
    with pytest.raises(Refused) as refused, transaction():
        extensions.ask(world.report, date(2026, 4, 30), "For sent.", by=world.anna)
    assert refused.value.text.nb == extensions.TOO_LATE.nb.format(due="17. april 2026")


def test_one_request_at_a_time_and_another_when_it_is_answered(world: World, mona: Membership) -> None:
    first = ask(world)
    with pytest.raises(Conflict), transaction():
        extensions.ask(world.report, date(2026, 4, 30), "Mer.", by=world.bo)
    grant(first, mona)
    second = ask(world, date(2026, 4, 30))
    assert second.due_at == LATER
    grant(second, mona, date(2026, 4, 30))
    assert world.report.due_at == datetime(2026, 4, 30, 21, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("until", "reason", "problem"),
    [
        (None, "Derfor.", extensions.CHOOSE_A_DAY.en),
        (date(2026, 4, 17), "Derfor.", "Choose a day after the deadline, which is 17 April 2026."),
        (date(2027, 4, 19), "Derfor.", extensions.TOO_FAR.en),
        (date(2026, 4, 24), " ", extensions.SAY_WHY.en),
    ],
)
def test_a_day_or_reason_that_will_not_do(world: World, until: date | None, reason: str, problem: str) -> None:
    with pytest.raises(Invalid) as refused, transaction():
        extensions.ask(world.report, until, reason, by=world.anna)
    assert refused.value.text.en == problem


def test_who_may_ask_and_who_may_answer(world: World, mona: Membership) -> None:
    for by in (world.rita, mona):
        with pytest.raises(Forbidden), transaction():
            extensions.ask(world.report, date(2026, 4, 24), "Nei.", by=by)
    request = ask(world)
    for by in (world.anna, world.bo, world.rita, world.dora):
        with pytest.raises(Forbidden), transaction():
            extensions.grant(request, date(2026, 4, 24), "", by=by)
    with transaction():
        anna_at_buyer = accounts.add_membership(world.anna.person, world.rita.organisation, Role.ADMINISTRATOR)
    with pytest.raises(Forbidden), transaction():
        extensions.grant(request, date(2026, 4, 24), "", by=anna_at_buyer)
    grant(request, world.adam)


def test_nothing_submitted_needs_more_time(world: World) -> None:
    submit(world)
    with pytest.raises(Refused), transaction():
        extensions.ask(world.report, date(2026, 4, 24), "Nei.", by=world.anna)


def test_the_trail_says_it_all(world: World, mona: Membership) -> None:
    grant(ask(world), mona)
    actions = [event.action for event, _person in audit.trail([world.report], by=world.rita)]
    assert actions[-2:] == ["extension.asked", "extension.granted"]
    assert list(audit.broken_links()) == []


# -- older diagrams ----------------------------------------------------------------------------------------------------


def test_a_report_whose_diagram_knows_no_moved_deadlines_is_moved_all_the_same(world: World, mona: Membership) -> None:
    on_an_older_diagram(world)
    grant(ask(world), mona)
    assert (world.report.due_at, due_tasks(world)) == (LATER, [("fill_in", LATER)])
    tick_at(DUE + timedelta(hours=12))
    assert world.report.overdue_at is None
    tick_at(LATER + timedelta(minutes=1))
    assert world.report.is_overdue
    assert world.report.overdue_at is not None


def test_an_older_diagram_waits_for_the_buyer_too(world: World, mona: Membership) -> None:
    on_an_older_diagram(world)
    request = ask(world)
    tick_at(DUE + timedelta(minutes=1))
    assert (world.report.overdue_at, due_tasks(world)) == (None, [("fill_in", LATER)])
    with transaction():
        extensions.grant(request, date(2026, 4, 29), "", by=mona)
    tick_at(LATER + timedelta(minutes=1))
    assert world.report.overdue_at is None
    tick_at(datetime(2026, 4, 29, 22, 1, tzinfo=UTC))
    assert world.report.overdue_at is not None


def on_an_older_diagram(world: World) -> None:
    """Start the report's process anew on a diagram from before there were messages for this."""
    definition = processes.definition_of(processes.of(world.report))
    files = {
        name: content.replace('name="deadline_moved"', 'name="not_yet"')
        .replace(">missed_at<", ">due_at<")
        .replace('name="period_spared"', 'name="nor_yet"')
        for name, content in definition.files.items()
    }
    older = Definition.of(definition.name, files)
    older.check()
    with transaction():
        process = processes.of(world.report)
        data = parts().engine.restore(definition, process.state).data
        instance = parts().engine.start(older, data)
        instance.run()
        processes._store(_moved_to(process, older), instance, (), None)  # noqa: SLF001 - only tests go back in time


def _moved_to(process: Process, definition: Definition) -> Process:
    processes._keep(definition)  # noqa: SLF001
    process.definition_hash = definition.content_hash
    db.session.flush()
    return process


# -- the reply to a notice ---------------------------------------------------------------------------------------------


def test_more_time_to_reply(world: World, mona: Membership) -> None:
    deviation = notified(world)
    due_at = deviation.reply_due_at
    assert due_at is not None
    until = date(2026, 5, 29)
    with transaction():
        request = extensions.ask(deviation, until, "Vi venter på leverandøren av laderen.", by=world.bo)
    assert (request.subject, request.due_at) == (deviation, due_at)
    grant(request, mona, until)
    end = datetime(2026, 5, 29, 21, 59, 59, tzinfo=UTC)
    assert (deviation.reply_due_at, deviation.notices[-1].reply_due_at) == (end, end)
    tick_at(due_at + timedelta(days=1))
    assert (deviation.state, open_tasks()) == (DeviationState.AWAITING_REPLY, ["reply"])
    task = db.session.scalars(select(HumanTask).where(HumanTask.closed_at.is_(None))).one()
    assert task.due_at == end
    tick_at(end + timedelta(minutes=1))
    assert deviation.state == DeviationState.ASSESSING_REPLY


def test_no_more_time_when_the_reply_is_being_assessed(world: World) -> None:
    deviation = notified(world)
    assert deviation.reply_due_at is not None
    tick_at(deviation.reply_due_at + timedelta(minutes=1))
    assert deviation.state == DeviationState.ASSESSING_REPLY
    with pytest.raises(Refused), transaction():
        extensions.ask(deviation, date(2026, 6, 29), "Nå da?", by=world.bo)


def notified(world: World) -> Deviation:
    """4.2 is broken, the notice is delivered, and its time to reply runs."""
    deviation = given_notice(world)
    deliver_mail()
    assert deviation.state == DeviationState.AWAITING_REPLY
    return deviation


# -- over HTTP ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def seats(app: Flask, world: World, mona: Membership) -> dict[str, Desk]:
    give_passwords(world)
    with transaction():
        mona.person.password = world.anna.person.password
    people = {"anna": world.anna, "bo": world.bo, "rita": world.rita, "mona": mona, "stranger": world.stranger}
    return {name: sit_down(app, by) for name, by in people.items()}


def test_asked_and_granted_on_the_pages(world: World, seats: dict[str, Desk]) -> None:
    page = f"/reports/{world.report.public_id}"
    anna, mona = seats["anna"], seats["mona"]
    assert f"{page}/more-time" in anna.get(page).text
    assert f"{page}/more-time" not in mona.get(page).text
    assert "The deadline is Fri 17 Apr 2026 at 23:59" in anna.reads(f"{page}/more-time")
    wrong = anna.send(f"{page}/more-time", until="2026-04-01", words="")
    assert wrong.status_code == 422
    assert "Choose a day after the deadline" in words(wrong)
    assert "Say why you need more time." in words(wrong)
    assert anna.send(f"{page}/more-time", until="i morgen", words="Derfor.").status_code == 422
    assert anna.send(f"{page}/more-time", until="2026-04-24", words="Måleren er på service.").status_code == 303
    assert "The report does not turn overdue before they have answered." in anna.reads(page)
    assert anna.get(f"{page}/more-time").status_code == 303, "one at a time"
    home = mona.get("/")
    assert "Answer the request for more time" in words(home)
    request = db.session.scalars(select(ExtensionRequest)).one()
    answer = f"/more-time/{request.public_id}"
    assert answer in home.text
    assert answer in mona.get(page).text
    assert "Måleren er på service." in mona.reads(answer)
    nothing = mona.send(answer, until="2026-04-24", words="")
    assert nothing.status_code == 422
    assert "Choose whether you give more time or not." in words(nothing)
    no_reason = mona.send(answer, answer="refuse", until="2026-04-24", words="")
    assert no_reason.status_code == 422
    assert "Say why the request is refused." in words(no_reason)
    assert mona.send(answer, answer="grant", until="2026-04-24", words="Greit.").status_code == 303
    assert "Answer the request" not in mona.reads("/")
    assert "More time given" in anna.reads(page)
    again = mona.send(answer, answer="refuse", until="2026-04-24", words="Nei likevel.")
    assert again.status_code == 409
    assert "has already been answered" in words(again)


def test_while_it_waits_every_page_says_that_the_clock_stands_still(app: Flask, world: World) -> None:
    page = f"/reports/{world.report.public_id}"
    ask(world)
    tick_at(DUE + timedelta(days=3))
    give_passwords(world)
    seats = {"anna": sit_down(app, world.anna), "rita": sit_down(app, world.rita)}
    for path in ("/", page, "/reports", f"/contracts/{world.contract.public_id}"):
        for name in ("anna", "rita") if path != "/" else ("anna",):
            shown = seats[name].reads(path)
            assert "The clock stands still" in shown, (path, name)
            assert "working days late" not in shown, (path, name)
            assert "Overdue: done" not in shown, (path, name)
            assert 'status" data-color="danger"' not in seats[name].get(path).text, (path, name)


def test_a_stranger_finds_nothing_and_the_wrong_side_may_not(world: World, seats: dict[str, Desk]) -> None:
    page = f"/reports/{world.report.public_id}/more-time"
    assert seats["stranger"].get(page).status_code == 404
    assert seats["rita"].get(page).status_code == 403
    seats["anna"].send(page, until="2026-04-24", words="Derfor.")
    answer = f"/more-time/{db.session.scalars(select(ExtensionRequest)).one().public_id}"
    assert seats["stranger"].get(answer).status_code == 404
    assert seats["anna"].get(answer).status_code == 403
    assert seats["rita"].get(answer).status_code == 403


def test_past_the_deadline_the_page_says_so(app: Flask, world: World) -> None:
    page = f"/reports/{world.report.public_id}"
    tick_at(DUE + timedelta(minutes=1))
    give_passwords(world)
    anna = sit_down(app, world.anna)
    assert f"{page}/more-time" not in anna.get(page).text
    assert anna.get(f"{page}/more-time").status_code == 303
    assert "The deadline is past" in anna.reads(page)
    late = anna.send(f"{page}/more-time", until="2026-04-30", words="For sent.")
    assert late.status_code == 422
    assert "The deadline is past" in words(late)
    assert world.report.state == ReportState.OPEN


@pytest.mark.parametrize("day", ["2026-04-30", "i morgen", ""])
def test_where_no_deadline_runs_no_day_is_looked_at(world: World, seats: dict[str, Desk], day: str) -> None:
    submit(world)
    answer = seats["anna"].send(f"/reports/{world.report.public_id}/more-time", until=day, words="Derfor.")
    assert (answer.status_code, "No deadline runs here that could be extended." in words(answer)) == (422, True)


def test_more_time_to_reply_on_the_pages(world: World, app: Flask, mona: Membership) -> None:
    deviation = notified(world)
    give_passwords(world)
    with transaction():
        mona.person.password = world.anna.person.password
    bo, boss = sit_down(app, world.bo), sit_down(app, mona)
    page = f"/cases/{deviation.public_id}/more-time"
    assert bo.get(page).status_code == 200
    assert bo.send(page, until="2026-05-29", words="Vi venter.").status_code == 303
    answer = f"/more-time/{db.session.scalars(select(ExtensionRequest)).one().public_id}"
    assert "The reply to the notice, clause 4.2" in boss.reads(answer)
    assert boss.send(answer, answer="grant", until="2026-05-29", words="").status_code == 303
    db.session.expire_all()
    assert deviation.reply_due_at == datetime(2026, 5, 29, 21, 59, 59, tzinfo=UTC)
