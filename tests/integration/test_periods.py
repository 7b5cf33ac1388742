"""Periods follow the contract's days: frequency, parts, pauses, change orders, handover; and what is filed once."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal import calendars, clock, kinds
from portal.calendars import Counting, Frequency, Moves
from portal.extensions import db, transaction
from portal.model import (
    PLAN_DUTY,
    Cause,
    Contract,
    ContractState,
    Deviation,
    HumanTask,
    Pause,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    ReportState,
)
from portal.operations import processes
from portal.operations.entry import drafts
from portal.operations.reports import extensions, periods, reports
from tests.once import ask_for, ask_for_account
from tests.world import World, fill_in, machine_lines, submit, tick

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


def on(day: str) -> None:
    clock.move_to(NOON.replace(**dict(zip(("year", "month", "day"), map(int, day.split("-")), strict=True))))  # type: ignore[arg-type]


def settle(contract: Contract) -> int:
    with transaction():
        return periods.open_due_periods(contract.id)


def days(contract: Contract) -> str:
    """The periods that are to be reported on, as «1.3.–31.3.»."""
    db.session.rollback()
    rows = db.session.scalars(
        select(ReportingPeriod)
        .join(Report, Report.period_id == ReportingPeriod.id)
        .where(ReportingPeriod.contract_id == contract.id, Report.state != ReportState.SPARED)
        .where(ReportingPeriod.purpose == PeriodPurpose.REGULAR)
        .order_by(ReportingPeriod.starts_on)
    )
    return " ".join(f"{_day(row.starts_on)}–{_day(row.ends_on)}" for row in rows)


def _day(day: date) -> str:
    return f"{day.day}.{day.month}."


def change(contract: Contract | Pause, **facts: Any) -> None:
    with transaction():
        for name, value in facts.items():
            setattr(contract, name, value)


def pause(contract: Contract, first: str, last: str | None = None) -> Pause:
    with transaction() as session:
        row = Pause(
            **contract.parties,
            contract=contract,
            starts_on=date.fromisoformat(first),
            ends_on=date.fromisoformat(last) if last else None,
            reason="Frost.",
        )
        session.add(row)
        contract.move(ContractState.PAUSED, by=None)
    return row


def resume(contract: Contract, row: Pause, last: str) -> None:
    with transaction():
        row.ends_on = date.fromisoformat(last)
        contract.move(ContractState.RUNNING, by=None)


def hand_over(contract: Contract, day: str) -> None:
    with transaction():
        contract.handed_over_on = date.fromisoformat(day)
        contract.move(ContractState.COMPLETED, by=None)


# -- opened ------------------------------------------------------------------------------------------------------------


def test_only_a_running_contract_opens_periods(world: World) -> None:
    contract = world.contract
    on("2026-05-02")
    change(contract, state=ContractState.DRAFT)
    assert contract.id not in periods.running()
    assert settle(contract) == 0
    change(contract, state=ContractState.CLOSED)
    assert contract.id not in periods.running()
    assert settle(contract) == 0
    change(contract, state=ContractState.RUNNING)
    assert contract.id in periods.running()
    assert settle(contract) == 4
    assert settle(contract) == 0, "safe to repeat"
    assert days(contract) == "1.1.–31.1. 1.2.–28.2. 1.3.–31.3. 1.4.–30.4. 1.5.–31.5."


def test_what_is_opened_after_its_last_day_is_due_no_sooner_than_a_correction(world: World) -> None:
    """Opened on Friday 17 July: April to June were due before, and nobody could file them; July goes by the rule."""
    contract = world.contract
    change(contract, ends_on=date(2026, 3, 31))
    on("2026-07-17")
    settle(contract)
    change(contract, ends_on=date(2026, 12, 31))
    settle(contract)
    rows = select(Report).join(ReportingPeriod).where(ReportingPeriod.starts_on > date(2026, 3, 31))
    opened = list(db.session.scalars(rows.order_by(ReportingPeriod.starts_on)).unique())
    due = [_day(calendars.local_day(each.period.due_at, "Europe/Oslo")) for each in opened]
    assert due == ["18.5.", "12.6.", "14.7.", "14.8."], "as the rule says"
    due = [_day(calendars.local_day(each.due_at, "Europe/Oslo")) for each in opened]
    assert due == ["24.7.", "24.7.", "24.7.", "14.8."]
    tick()
    with transaction():
        reports.catch_up(opened[0].id)
    assert [(each.is_overdue, each.overdue_at) for each in opened] == [(False, None)] * 4
    assert db.session.scalars(select(Deviation).where(Deviation.report_id == opened[0].id)).all() == []


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [
        (Frequency.TWO_MONTHS, "12.2.–28.2. 1.3.–30.4. 1.5.–30.6."),
        (Frequency.QUARTER, "12.2.–31.3. 1.4.–30.6."),
        (Frequency.HALF_YEAR, "12.2.–30.6."),
        (Frequency.YEAR, "12.2.–31.12."),
    ],
)
def test_periods_are_as_long_as_the_contract_says_and_begin_with_it(
    world: World, frequency: Frequency, expected: str
) -> None:
    on("2026-05-02")
    contract = _fresh(world, starts_on=date(2026, 2, 12), frequency=frequency)
    settle(contract)
    assert days(contract) == expected


def test_the_last_period_ends_with_the_contract_and_its_deadline_counts_from_there(world: World) -> None:
    on("2026-06-02")
    contract = _fresh(world, starts_on=date(2026, 6, 1), ends_on=date(2026, 6, 15))
    settle(contract)
    assert days(contract) == "1.6.–15.6."
    period = db.session.scalars(select(ReportingPeriod).where(ReportingPeriod.contract_id == contract.id)).one()
    assert period.due_at == datetime(2026, 6, 29, 21, 59, 59, tzinfo=UTC), "16–19, 22–26 and 29 June"
    on("2026-08-02")
    assert settle(contract) == 0, "nothing opens after the last day"


def test_every_choice_of_the_deadline_rule_counts(world: World) -> None:
    """31 May 2027 and 14 calendar days is Monday 14 June; noon there is 10 UTC."""
    on("2027-05-02")
    contract = _fresh(world, starts_on=date(2027, 5, 1), due_days=14, due_counting=Counting.CALENDAR, due_time="12:00")
    settle(contract)
    assert _report(contract, "2027-05-01").due_at == datetime(2027, 6, 14, 10, tzinfo=UTC)


def test_a_change_order_that_moves_the_end_opens_further_periods_by_itself(world: World) -> None:
    on("2026-04-20")
    contract = _fresh(world, starts_on=date(2026, 4, 1), ends_on=date(2026, 4, 15))
    settle(contract)
    report = _report(contract, "2026-04-01")
    due_at = report.due_at
    change(contract, ends_on=date(2026, 6, 30))
    settle(contract)
    assert days(contract) == "1.4.–30.4.", "the open part is the whole month again"
    assert report.due_at > due_at, "and its deadline counts from the month's last day"
    on("2026-06-02")
    settle(contract)
    assert days(contract) == "1.4.–30.4. 1.5.–31.5. 1.6.–30.6."


def test_what_was_signed_stays_and_the_rest_of_its_days_is_a_part_of_its_own(world: World) -> None:
    contract = world.contract
    change(contract, starts_on=date(2026, 3, 1), ends_on=date(2026, 3, 15))
    settle(contract)
    assert days(contract) == "1.3.–15.3."
    submit(world)
    change(contract, ends_on=date(2026, 12, 31))
    on("2026-03-20")
    settle(contract)
    assert days(contract) == "1.3.–15.3. 16.3.–31.3."


# -- paused ------------------------------------------------------------------------------------------------------------


def test_a_paused_contract_opens_no_period(world: World) -> None:
    contract = world.contract
    change(contract, starts_on=date(2026, 3, 1))
    settle(contract)
    on("2026-03-20")
    row = pause(contract, "2026-04-01")
    on("2026-05-02")
    assert settle(contract) == 0
    assert days(contract) == "1.3.–31.3."
    on("2026-06-11")
    resume(contract, row, "2026-06-10")
    assert settle(contract) == 1
    assert days(contract) == "1.3.–31.3. 11.6.–30.6."


def test_a_pause_inside_an_open_period_cuts_it_and_leaves_its_deadline(world: World) -> None:
    contract, report = world.contract, world.report
    change(contract, starts_on=date(2026, 3, 1))
    due_at = report.due_at
    on("2026-03-20")
    pause(contract, "2026-03-16")
    settle(contract)
    assert days(contract) == "1.3.–15.3."
    assert (report.due_at, report.period.due_at) == (due_at, due_at), "never earlier than it was"
    assert _tasks(report) == [("fill_in", due_at)]


def test_a_pause_that_ends_in_the_same_period_gives_a_second_part(world: World) -> None:
    contract = world.contract
    change(contract, starts_on=date(2026, 3, 1))
    on("2026-03-12")
    row = pause(contract, "2026-03-10")
    settle(contract)
    on("2026-03-16")
    resume(contract, row, "2026-03-15")
    assert settle(contract) == 1
    assert days(contract) == "1.3.–9.3. 16.3.–31.3."


def test_a_signed_period_stays_as_it_is_through_a_pause(world: World) -> None:
    contract = world.contract
    change(contract, starts_on=date(2026, 3, 1))
    submit(world)
    pause(contract, "2026-03-10")
    settle(contract)
    assert days(contract) == "1.3.–31.3."


def test_a_period_that_is_paused_altogether_is_spared(world: World) -> None:
    contract, report = world.contract, world.report
    change(contract, starts_on=date(2026, 3, 1))
    fill_in(world)
    with transaction():
        extensions.ask(report, date(2026, 4, 30), "Frost.", by=world.anna)
    pause(contract, "2026-03-01")
    settle(contract)
    assert (report.state, days(contract), _tasks(report)) == (ReportState.SPARED, "", [])
    assert processes.of(report).ended_at is not None
    assert report.held_until is None
    on("2027-01-10")
    tick()
    with transaction():
        reports.catch_up(report.id)
    assert db.session.scalars(select(Deviation)).all() == [], "nothing is missing"


def test_a_spared_period_is_taken_up_again_when_its_days_come_back(world: World) -> None:
    contract, report = world.contract, world.report
    change(contract, starts_on=date(2026, 3, 1))
    fill_in(world)
    row = pause(contract, "2026-03-01")
    settle(contract)
    with transaction() as session:
        session.delete(row)
        contract.move(ContractState.RUNNING, by=None)
    db.session.expire_all()
    assert settle(contract) == 1
    assert (report.state, days(contract)) == (ReportState.DRAFT, "1.3.–31.3.")
    assert _tasks(report) == [("fill_in", report.due_at)]
    assert {line.raw["amount"] for line in report.section("machinery").lines} == {"5000", "1000"}, "what was filled in"
    submit(world)
    assert report.state == ReportState.SUBMITTED


def test_a_pause_that_was_noted_too_long_gives_its_days_back(world: World) -> None:
    contract = world.contract
    change(contract, starts_on=date(2026, 3, 1))
    row = pause(contract, "2026-03-10")
    settle(contract)
    assert days(contract) == "1.3.–9.3."
    on("2026-03-25")
    resume(contract, row, "2026-03-20")
    settle(contract)
    assert days(contract) == "1.3.–9.3. 21.3.–31.3."
    change(row, ends_on=date(2026, 3, 14))
    settle(contract)
    assert days(contract) == "1.3.–9.3. 15.3.–31.3."


def test_a_pause_noted_after_it_was_over_moves_the_first_day(world: World) -> None:
    contract = world.contract
    change(contract, starts_on=date(2026, 3, 1))
    on("2026-03-20")
    row = pause(contract, "2026-03-01", "2026-03-10")
    resume(contract, row, "2026-03-10")
    settle(contract)
    assert days(contract) == "11.3.–31.3."


# -- handed over -------------------------------------------------------------------------------------------------------


def test_a_handover_before_the_agreed_end_cuts_the_open_period_and_opens_no_other(world: World) -> None:
    contract, report = world.contract, world.report
    change(contract, starts_on=date(2026, 3, 1))
    on("2026-03-21")
    hand_over(contract, "2026-03-20")
    settle(contract)
    assert days(contract) == "1.3.–20.3."
    assert report.can_be_late, "it is still to be filed"
    on("2026-05-02")
    assert settle(contract) == 0


def test_a_handover_noted_late_spares_the_period_that_began_after_it(world: World) -> None:
    contract = world.contract
    change(contract, starts_on=date(2026, 3, 1))
    on("2026-04-03")
    settle(contract)
    april = _report(contract, "2026-04-01")
    hand_over(contract, "2026-03-31")
    settle(contract)
    assert (days(contract), april.state) == ("1.3.–31.3.", ReportState.SPARED)


# -- filed once --------------------------------------------------------------------------------------------------------


@pytest.fixture
def filed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan and an account of the kinds that there are."""
    monkeypatch.setattr(kinds, "ONCE", {"plan": ("machinery",), "account": ("machinery", "fuel")})


def once(contract: Contract, purpose: PeriodPurpose) -> Report | None:
    db.session.rollback()
    rows = select(Report).join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
    return db.session.scalars(
        rows.where(Report.contract_id == contract.id, ReportingPeriod.purpose == purpose)
    ).one_or_none()


def test_a_purpose_without_kinds_opens_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "ONCE", {})
    ask_for(world.contract, PLAN_DUTY, "14")
    settle(world.contract)
    assert once(world.contract, PeriodPurpose.PLAN) is None


@pytest.mark.usefixtures("filed_once")
def test_the_plan_opens_at_the_start_and_is_due_so_many_days_after(world: World) -> None:
    """Starts on Monday 16 March; five working days after is Monday the 23rd."""
    on("2026-03-16")
    contract = _fresh(world, starts_on=date(2026, 3, 16))
    ask_for(contract, PLAN_DUTY, "5")
    settle(contract)
    plan = once(contract, PeriodPurpose.PLAN)
    assert plan is not None
    assert plan.due_at == datetime(2026, 3, 23, 22, 59, 59, tzinfo=UTC)
    assert [section.kind for section in plan.sections] == ["machinery"]
    assert plan.period.name.nb == "planen etter oppstart"
    assert settle(contract) == 0
    clock.move_to(plan.due_at + timedelta(minutes=1))
    tick()
    missing = db.session.scalars(select(Deviation).where(Deviation.report_id == plan.id)).one()
    assert (missing.cause, missing.clause) == (Cause.REPORT_MISSING, "5.2")
    assert missing.sentence["nb"] == "Planen etter oppstart er ikke levert. Fristen var 23. mars 2026."
    assert missing.sentence["en"] == "The plan after the start has not been filed. It was due 23 March 2026."


@pytest.mark.usefixtures("filed_once")
def test_a_plan_asked_for_by_a_change_order_counts_from_its_day(world: World) -> None:
    """In force from 1 April; ten calendar days after is Saturday the 11th, moved back to Friday."""
    contract = world.contract
    change(contract, due_counting=Counting.CALENDAR, due_moves=Moves.BACK)
    ask_for(contract, PLAN_DUTY, "10", valid_from=date(2026, 4, 1))
    settle(contract)
    assert once(contract, PeriodPurpose.PLAN) is None, "not before its day"
    on("2026-04-01")
    settle(contract)
    plan = once(contract, PeriodPurpose.PLAN)
    assert plan is not None
    assert calendars.local_day(plan.due_at, "Europe/Oslo") == date(2026, 4, 10)


@pytest.mark.usefixtures("filed_once")
def test_the_account_opens_at_handover_and_covers_the_whole_contract(world: World) -> None:
    """Handed over on Friday 20 March; ten working days: 23–27 March, 30 March–1 April, 7 and 8 April."""
    contract = world.contract
    ask_for_account(contract)
    settle(contract)
    assert once(contract, PeriodPurpose.ACCOUNT) is None
    on("2026-03-23")
    hand_over(contract, "2026-03-20")
    settle(contract)
    account = once(contract, PeriodPurpose.ACCOUNT)
    assert account is not None
    assert (account.period.starts_on, account.period.ends_on) == (date(2026, 1, 1), date(2026, 3, 20))
    assert account.due_at == datetime(2026, 4, 8, 21, 59, 59, tzinfo=UTC)
    assert [section.kind for section in account.sections] == ["machinery", "fuel"]
    with transaction():
        contract.move(ContractState.RUNNING, by=None)
        contract.handed_over_on = None
    settle(contract)
    hand_over(contract, "2026-04-01")
    settle(contract)
    db.session.expire_all()
    assert account.period.ends_on == date(2026, 4, 1), "handed over anew: the same account, with other days"


@pytest.mark.usefixtures("filed_once")
def test_a_plan_is_no_period_before_a_report(world: World) -> None:
    """What was planned is not what this month is compared with."""
    assert machine_lines(world)
    contract = world.contract
    ask_for(contract, PLAN_DUTY, "14")
    settle(contract)
    plan = once(contract, PeriodPurpose.PLAN)
    assert plan is not None
    assert plan.period.starts_on == contract.starts_on
    assert drafts.previous_lines(world.report) == {}


def _fresh(world: World, **facts: Any) -> Contract:
    """A contract like the known one, without a period."""
    known = world.contract
    with transaction() as session:
        contract = Contract(
            buyer=known.buyer,
            supplier=known.supplier,
            buyer_id=known.buyer_id,
            supplier_id=known.supplier_id,
            reference="K-2",
            title="Prøvebrua",
            kinds=known.kinds,
            counted=known.counted,
            basis=known.basis,
            reporting_clause="5.1",
            **{"starts_on": date(2026, 1, 1), "ends_on": date(2027, 12, 31), **facts},
        )
        session.add(contract)
        session.flush()
        contract.move(ContractState.RUNNING, by=None)
    return contract


def _report(contract: Contract, first_day: str) -> Report:
    rows = select(Report).join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
    day = date.fromisoformat(first_day)
    return db.session.scalars(rows.where(Report.contract_id == contract.id, ReportingPeriod.starts_on == day)).one()


def _tasks(report: Report) -> list[tuple[str, datetime | None]]:
    rows = select(HumanTask).where(
        HumanTask.subject == "report", HumanTask.subject_id == report.id, HumanTask.closed_at.is_(None)
    )
    return [(row.element, row.due_at) for row in db.session.scalars(rows)]
