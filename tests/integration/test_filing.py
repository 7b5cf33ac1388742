"""Filed in time, late by n days, or not at all; and the classes of fault that deadlines of others had (peers 17-19)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import Cause, Decision, Deviation, DeviationState, ReportState, Role
from portal.operations import accounts, deadlines, processes
from portal.operations.reports import extensions, reports, reviews, withdrawals
from portal.operations.reports.comments import Place
from portal.work import mark_overdue
from tests.reviewing import return_for
from tests.world import DUE, World, case_of, fill_in, half_a_month, letters, submit, the_whole_month, tick, tick_at


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


def sign(world: World) -> None:
    """What is filled in is handed over and signed, without a change."""
    with transaction():
        reports.sign(world.report, by=world.bo, version=world.report.version)


def returned(world: World) -> datetime:
    """Submitted in time and returned; the deadline of the correction."""
    submit(world)
    row = world.report.revisions[-1].lines_of("machinery")[0]
    return_for(world.report, world.rita, (Place("machinery", row.key, "amount"), "Stemmer tallet?"))
    return world.report.due_at


def cases(world: World) -> dict[str, Deviation]:
    rows = db.session.scalars(select(Deviation).where(Deviation.report_id == world.report.id))
    return {row.cause_group: row for row in rows}


# -- the report --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("came_at", [DUE - timedelta(hours=3, minutes=35), DUE - timedelta(seconds=30)])
def test_in_time_to_the_last_minute(world: World, came_at: datetime) -> None:
    """Class 17: 20:25 on the day is no day late, nor is the last minute."""
    fill_in(world)
    clock.move_to(DUE - timedelta(hours=3, minutes=34))
    tick()
    with clock.at(came_at):
        assert not world.report.is_past(came_at)
        sign(world)
    assert world.report.latest is not None
    assert (world.report.latest.late_by_days, cases(world)) == (0, {})


def test_missing_becomes_late_by_n_days_and_the_day_it_came_is_kept(world: World) -> None:
    tick_at(DUE + timedelta(minutes=1))
    missing = case_of(world, "5.1")
    assert missing.sentence["nb"] == "Rapporten for mars 2026 er ikke levert. Fristen var 17. april 2026."
    assert (missing.cause, missing.late_by_days, missing.cured_on) == (Cause.REPORT_MISSING, None, None)
    clock.move_to(DUE + timedelta(days=4, hours=-1))
    submit(world)
    assert list(cases(world).values()) == [missing], "told anew, never erased"
    assert (missing.cause, missing.late_by_days, missing.cured_on) == (Cause.REPORT_LATE, 4, date(2026, 4, 21))
    assert missing.sentence["nb"] == "Rapporten for mars 2026 ble levert 4 dager etter fristen 17. april 2026."
    assert missing.sentence["en"] == "The report for March 2026 was filed 4 days after it was due, 17 April 2026."
    assert world.report.latest is not None
    assert world.report.latest.late_by_days == 4


def test_one_day_is_said_in_words(world: World) -> None:
    tick_at(DUE + timedelta(hours=9))
    submit(world)
    assert (
        case_of(world, "5.1").sentence["nb"]
        == "Rapporten for mars 2026 ble levert én dag etter fristen 17. april 2026."
    )


def test_what_comes_late_before_anybody_noted_it_is_a_deviation_all_the_same(world: World) -> None:
    """At half past midnight, before the portal's clock has struck."""
    fill_in(world)
    clock.move_to(DUE + timedelta(minutes=30))
    sign(world)
    found = case_of(world, "5.1")
    assert (found.cause, found.late_by_days, found.cured_on) == (Cause.REPORT_LATE, 1, date(2026, 4, 18))
    tick()
    assert len(cases(world)) == 1


def test_after_the_time_of_day_it_is_late_and_by_no_day(world: World) -> None:
    """Class 17: a deadline has a time of day. At noon on the 17th; filed at 14:00."""
    noon = datetime(2026, 4, 17, 10, tzinfo=UTC)
    with transaction():
        world.contract.due_time = "12:00"
        world.report.due_at = world.report.period.due_at = noon
        deadlines.tell(world.report)
    tick_at(noon - timedelta(minutes=1))
    assert cases(world) == {}
    tick_at(noon + timedelta(minutes=1))
    assert case_of(world, "5.1").sentence["nb"].endswith("Fristen var 17. april 2026 kl. 12:00.")
    clock.move_to(noon + timedelta(hours=2))
    submit(world)
    found = case_of(world, "5.1")
    assert (found.cause, found.late_by_days, found.cured_on) == (Cause.REPORT_LATE, 0, date(2026, 4, 17))
    assert "samme dag som fristen, men etter klokkeslettet" in found.sentence["nb"]


def test_a_deadline_that_was_moved_after_it_was_missed(world: World) -> None:
    """The contract got longer, and the period with it: what was missing is not, and comes in time."""
    half_a_month(world)
    tick_at(world.report.due_at + timedelta(minutes=1))
    assert world.report.is_overdue
    the_whole_month(world)
    assert (world.report.due_at, world.report.is_overdue) == (DUE, False)
    submit(world)
    found = case_of(world, "5.1")
    assert (found.state, found.late_by_days, found.cured_on) == (DeviationState.FELL_AWAY, None, None)
    assert (
        found.facts["gone"]["sentence"]["nb"]
        == "Rapporten for mars 2026 kan leveres i tide: Fristen er flyttet til 17. april 2026."
    )


# -- corrections -------------------------------------------------------------------------------------------------------


def test_days_with_the_buyer_never_count(world: World) -> None:
    """Class 19. Filed in time, reviewed long after the period's deadline; the correction has a deadline of its own."""
    submit(world)
    clock.move_to(DUE + timedelta(days=40, hours=-1))
    with transaction():
        reviews.decide(world.report, Decision.REJECT, by=world.rita, version=world.report.version, reasons="Feil.")
    assert world.report.due_at > DUE + timedelta(days=40)
    assert not world.report.is_overdue
    sign(world)
    assert world.report.latest is not None
    assert (world.report.latest.late_by_days, set(cases(world))) == (0, {"not_accepted-1"})


@pytest.mark.parametrize("decision", [Decision.RETURN, Decision.REJECT])
def test_what_is_sent_back_early_is_not_due_before_the_report_itself(world: World, decision: Decision) -> None:
    """Signed and sent back on 10 March: five working days would be 17 March, but the report itself is due in April."""
    submit(world)
    if decision == Decision.RETURN:
        row = world.report.revisions[-1].lines_of("machinery")[0]
        return_for(world.report, world.rita, (Place("machinery", row.key, "amount"), "Stemmer tallet?"))
    else:
        with transaction():
            reviews.decide(world.report, decision, by=world.rita, version=world.report.version, reasons="Feil.")
    assert world.report.due_at == DUE
    tick_at(DUE - timedelta(minutes=1))
    assert not world.report.is_overdue
    sign(world)
    assert [revision.late_by_days for revision in world.report.revisions] == [0, 0]


def test_a_correction_that_comes_late_is_late_by_its_own_deadline(world: World) -> None:
    due_at = returned(world)
    tick_at(due_at + timedelta(minutes=1))
    missing = cases(world)["correction"]
    assert missing.sentence["nb"].startswith("Rettingen av rapporten for mars 2026 er ikke levert.")
    clock.move_to(due_at + timedelta(days=2, minutes=1))
    sign(world)
    assert (missing.cause, missing.late_by_days) == (Cause.REPORT_LATE, 3)
    assert missing.sentence["en"].startswith("The correction of the report for March 2026 was filed 3 days after")
    assert [revision.late_by_days for revision in world.report.revisions] == [0, 3]


def test_each_correction_is_late_by_itself(world: World) -> None:
    """A second correction that comes late does not rewrite what was found of the first."""
    for number in (1, 2):
        due_at = returned(world) if number == 1 else _returned_again(world)
        tick_at(due_at + timedelta(minutes=1))
        clock.move_to(due_at + timedelta(days=number, hours=-1))
        sign(world)
    found = {group: case.late_by_days for group, case in cases(world).items()}
    assert found == {"correction": 1, "correction-2": 2}


def test_withdrawn_and_sent_late_is_settled_by_the_same_rule(world: World) -> None:
    submit(world)
    with transaction():
        withdrawals.withdraw(world.report, "Feil måler.", by=world.bo, version=world.report.version)
    due_at = world.report.due_at
    assert due_at == DUE, "the period's deadline is later than that of a correction"
    tick_at(due_at + timedelta(minutes=1))
    missing = cases(world)["correction"]
    clock.move_to(due_at + timedelta(days=2, hours=-1))
    sign(world)
    assert (missing.cause, missing.late_by_days, missing.cured_on) == (Cause.REPORT_LATE, 2, date(2026, 4, 19))


def test_taken_back_after_more_time_was_given_it_keeps_that_time(world: World) -> None:
    with transaction():
        request = extensions.ask(world.report, date(2026, 4, 30), "Venter på strømmåler.", by=world.bo)
    with transaction():
        extensions.grant(request, date(2026, 4, 30), "", by=world.adam)
    given = world.report.due_at
    assert given == DUE + timedelta(days=13)
    submit(world)
    with transaction():
        withdrawals.withdraw(world.report, "Feil måler.", by=world.bo, version=world.report.version)
    assert world.report.due_at == given


def _returned_again(world: World) -> datetime:
    row = world.report.revisions[-1].lines_of("machinery")[0]
    return_for(world.report, world.rita, (Place("machinery", row.key, "amount"), "Fortsatt feil."))
    return world.report.due_at


# -- never started, escalated ------------------------------------------------------------------------------------------


def test_a_report_that_nobody_started_turns_overdue_by_itself(world: World) -> None:
    """Class 18."""
    assert world.report.state == ReportState.OPEN
    tick_at(DUE + timedelta(minutes=1))
    assert (world.report.is_overdue, world.report.overdue_at is not None) == (True, True)
    assert letters("overdue") == ["anna@prove.example", "bo@prove.example"]


def test_a_report_that_waits_for_a_signature_turns_overdue_too(world: World) -> None:
    fill_in(world)
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version)
    tick_at(DUE + timedelta(minutes=1))
    assert (world.report.state, world.report.is_overdue) == (ReportState.TO_SIGN, True)


def test_no_report_waits_for_a_timer_that_never_comes(world: World) -> None:
    """Class 18, with the timer lost: the sweep marks it, once."""
    with transaction():
        processes.of(world.report).due_at = None
    clock.move_to(DUE + timedelta(minutes=1))
    tick()
    assert world.report.overdue_at is None
    assert reports.overdue_unmarked() == [world.report.id]
    db.session.rollback()
    mark_overdue({})
    db.session.expire_all()
    assert (world.report.overdue_at is not None, reports.overdue_unmarked()) == (True, [])
    mark_overdue({})
    assert len(cases(world)) == 1


def test_what_is_in_time_is_never_marked(world: World) -> None:
    """Class 19, the other direction of the window."""
    tick_at(DUE - timedelta(minutes=1))
    assert (world.report.overdue_at, world.report.is_overdue, reports.overdue_unmarked()) == (None, False, [])
    with transaction():
        reports.mark_overdue(report_id=world.report.id)
    assert (world.report.overdue_at, cases(world)) == (None, {})


def test_those_in_charge_are_told_when_it_is_long_overdue(world: World) -> None:
    """Five working days after Friday 17 April is Friday the 24th, at 8 in the morning."""
    with transaction():
        for name, organisation, role in (
            ("Mona", world.rita.organisation, Role.CONTRACT_MANAGER),
            ("Sjef", world.anna.organisation, Role.ADMINISTRATOR),
        ):
            person = accounts.add_person(f"{name.lower()}@prove.example", name)
            accounts.add_membership(person, organisation, role)
    tick_at(DUE + timedelta(minutes=1))
    tick_at(datetime(2026, 4, 24, 5, 59, tzinfo=UTC))
    assert letters("escalated") == []
    tick_at(datetime(2026, 4, 24, 6, 0, tzinfo=UTC))
    assert letters("escalated") == ["mona@prove.example", "sjef@prove.example"]
    tick_at(datetime(2026, 5, 24, 6, 0, tzinfo=UTC))
    assert len(letters("escalated")) == 2, "once"


def test_where_nobody_is_in_charge_it_goes_to_who_signs_and_who_administers(world: World) -> None:
    tick_at(DUE + timedelta(minutes=1))
    tick_at(datetime(2026, 4, 24, 6, 0, tzinfo=UTC))
    assert letters("escalated") == ["adam@prove.example", "bo@prove.example"]


def test_nobody_is_told_when_it_has_come(world: World) -> None:
    tick_at(DUE + timedelta(minutes=1))
    submit(world)
    tick_at(datetime(2026, 4, 24, 6, 0, tzinfo=UTC))
    assert letters("escalated") == []


def test_no_reminder_goes_out_when_the_deadline_is_past(world: World) -> None:
    """The portal stood still over the whole time: one letter that it is overdue, and no reminder of what is over."""
    tick_at(DUE + timedelta(days=1))
    assert (letters("reminder"), len(letters("overdue"))) == ([], 2)
