"""How a contract ends: its last day, what was signed beyond it, its account, and what keeps it from being closed."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from portal import clock
from portal.errors import Refused
from portal.extensions import db, transaction
from portal.model import (
    ACCOUNT_DUTY,
    REPORTING_DUTY,
    ClauseForm,
    Comparison,
    Contract,
    ContractState,
    Deviation,
    Pause,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    ReportState,
    Requirement,
    SanctionClause,
    Window,
)
from portal.operations.cases import breach_days, breaches, deviations, letters
from portal.operations.contracts import contracts
from portal.operations.contracts.contracts import Rate
from portal.operations.figures import windows
from portal.operations.reports import filings, reports
from portal.operations.running import contract_life
from tests.assessing import amend, approve_it, cases_of, duty, file, findings_of, only, windows_of
from tests.handover import hand_over, hourly, reopen
from tests.once import ask_for_account, fill_in, lines, sign
from tests.statements import counted
from tests.world import World

MARCH, APRIL, MAY, JUNE = (date(2026, month, 1) for month in (3, 4, 5, 6))
END_OF_APRIL, END_OF_DECEMBER = date(2026, 4, 30), date(2026, 12, 31)
# 1 008 kWh and 400 l are 1008 / (1008 + 4032) = 20 %; 0 and 500 l are 0 of 5 040 kWh.
AT_20 = {"electric": "1008", "diesel": "400"}
AT_0 = {"electric": "0", "diesel": "500"}


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


def on(month: int, day: int) -> None:
    clock.move_to(datetime(2026, month, day, 9, tzinfo=UTC))


def spans(requirement: Requirement) -> list[tuple[date, date, str]]:
    return [(each.starts_on, each.ends_on, each.figure["value"]) for each in windows_of(requirement)]


# -- the last day ------------------------------------------------------------------------------------------------------


def test_a_handover_after_the_agreed_end_lets_every_window_be_judged(world: World) -> None:
    """The contract ended on 30 April; the work was handed over on 20 May. 1 008 of 10 080 kWh are 10 %."""
    whole, year = duty(world, "20", window=Window.WHOLE), duty(world, "20")
    only(world, MARCH, END_OF_APRIL, whole, year)
    file(world, MARCH, **AT_0)
    file(world, APRIL, **AT_20)
    on(5, 21)
    hand_over(world, date(2026, 5, 20))
    hourly()
    assert spans(whole) == [(MARCH, END_OF_APRIL, "10")]
    assert spans(year) == [(MARCH, END_OF_APRIL, "10")]
    assert len(cases_of(whole)) == 1


def test_a_handover_inside_a_signed_period_takes_all_of_its_report_in(world: World) -> None:
    """April was signed as a whole; the handover of the 20th was noted in May. 1 008 of 10 080 kWh are 10 %."""
    whole, running = duty(world, "20", window=Window.WHOLE), duty(world, "20", window=Window.RUNNING)
    only(world, MARCH, END_OF_DECEMBER, whole, running)
    file(world, MARCH, **AT_0)
    april = file(world, APRIL, **AT_20)
    assert [each[1] for each in spans(running)] == [date(2026, 3, 31), END_OF_APRIL]
    on(5, 6)
    hand_over(world, date(2026, 4, 20))
    hourly()
    assert spans(whole) == [(MARCH, date(2026, 4, 20), "10")]
    assert [each[1:] for each in spans(running)] == [(date(2026, 3, 31), "0"), (date(2026, 4, 20), "10")]
    before = len(findings_of(whole))
    amend(world, april, electric="2016", diesel="300")  # 2 016 of 5 040 in April, 2 016 of 10 080 in all
    assert findings_of(whole)[before:] == ["on_course"], "it belongs to the window, and is not judged by itself"
    assert spans(whole) == [(MARCH, date(2026, 4, 20), "20")]
    assert [each.state for each in cases_of(whole)] == ["fell_away"]


def test_a_step_that_came_after_the_handover_is_not_said_to_bind(world: World) -> None:
    """Handed over on 20 April, and 50 % from the 25th: the case of April was judged by 20 %, and its page says so."""
    month = duty(world, "20", window=Window.PERIOD, steps=[{"from": "2026-04-25", "threshold": "50"}])
    only(world, MARCH, END_OF_DECEMBER, month)
    file(world, APRIL, **AT_0)
    [case] = cases_of(month)
    on(5, 6)
    hand_over(world, date(2026, 4, 20))
    hourly()
    said = letters.threshold(case)
    assert said is not None
    assert said.en == "20\u00a0%"


def test_a_window_is_open_again_when_the_contract_is_and_is_judged_as_the_same(world: World) -> None:
    """0 of 5 040 at the first handover; 1 008 of 10 080 at the second: one window, one case."""
    whole = duty(world, "20", window=Window.WHOLE)
    only(world, MARCH, END_OF_DECEMBER, whole)
    file(world, MARCH, **AT_0)
    hand_over(world, date(2026, 3, 31))
    hourly()
    assert (spans(whole), windows.standing(whole).so_far) == ([(MARCH, date(2026, 3, 31), "0")], None)
    reopen(world)
    hourly()
    so_far = windows.standing(whole).so_far
    assert so_far is not None
    assert so_far.span == (MARCH, END_OF_DECEMBER)
    file(world, APRIL, **AT_20)
    hand_over(world, END_OF_APRIL)
    hourly()
    assert spans(whole) == [(MARCH, END_OF_APRIL, "10")]
    assert len(cases_of(whole)) == 1


def test_a_window_found_anew_on_another_last_report_knows_the_case_before(world: World) -> None:
    """20 % of 50 % at the first handover, dismissed; 1 008 of 10 080 kWh = 10 % at the second, which is worse."""
    whole = duty(world, "50", window=Window.WHOLE)
    only(world, MARCH, END_OF_DECEMBER, whole)
    file(world, MARCH, **AT_20)
    hand_over(world, date(2026, 3, 31))
    hourly()
    [first] = cases_of(whole)
    with transaction():
        deviations.dismiss(first, "Kontrakten går videre.", by=world.adam, version=first.version)
    reopen(world)
    hourly()
    file(world, APRIL, **AT_0)
    hand_over(world, END_OF_APRIL)
    hourly()
    second = max(cases_of(whole), key=lambda each: each.id)
    assert (second.occasion, second.window_id) == (2, first.window_id)
    assert second.report_id != first.report_id
    assert (deviations.before(second), deviations.before(first)) == (first, None)


def test_a_threshold_from_after_the_handover_binds_nothing(world: World) -> None:
    """April's report reaches ten days past the handover; the step of 25 April is of days that never came."""
    whole = duty(world, "5", window=Window.WHOLE, steps=[{"from": "2026-04-25", "threshold": "50"}])
    later = duty(world, "50", window=Window.YEAR, valid_from=date(2026, 4, 25))
    only(world, MARCH, END_OF_DECEMBER, whole, later)
    file(world, MARCH, **AT_0)
    april = file(world, APRIL, **AT_20)
    on(5, 6)
    hand_over(world, date(2026, 4, 20))
    hourly()
    assert [each.result for each in windows_of(whole)] == ["met"]
    known = len(findings_of(later))
    amend(world, april, electric="1008", diesel="400.5")
    assert findings_of(later)[known:] == [], "it was in force on no day of the contract"
    assert cases_of(later) == []


def test_what_was_to_apply_after_the_handover_binds_no_report(world: World) -> None:
    """March was signed as a whole and handed over on the 20th; from the 25th 50 % and 30 000 were to apply."""
    share = duty(world, "5", window=Window.PERIOD, steps=[{"from": "2026-03-25", "threshold": "50"}])
    filing: dict[str, Any] = {
        "kind": "",
        "indicator": REPORTING_DUTY,
        "comparison": Comparison.AT_MOST,
        "window": Window.PERIOD,
    }
    first = duty(world, "10", valid_to=date(2026, 3, 24), **filing)
    second = duty(world, "10", valid_from=date(2026, 3, 25), **filing)
    only(world, MARCH, END_OF_DECEMBER, share, first, second)
    fee = SanctionClause(form=ClauseForm.FEE, clause="7.1", wording="Gebyr.", requirement=share)
    rates = [Rate(date(2026, 1, 1), Decimal(20_000)), Rate(date(2026, 3, 25), Decimal(30_000))]
    with transaction():
        contracts.add_clause(world.contract, fee, *rates)
    march = file(world, MARCH, **AT_20)
    [case] = cases_of(share)
    assert (case.facts["threshold"], case.at_stake) == ("50", Decimal(30_000))
    assert filings.duty_to_file(march) is second
    on(4, 7)
    hand_over(world, date(2026, 3, 20))
    amend(world, march, electric="1008", diesel="400.5")
    assert (findings_of(share), case.state) == (["broken", "met"], "fell_away")
    amend(world, march, **AT_0)
    assert (case.state, case.facts["threshold"], case.at_stake) == ("found", "5", Decimal(20_000))
    assert breach_days.judged_until(case) == date(2026, 3, 20)
    assert filings.duty_to_file(march) is first


def test_a_period_that_is_spared_keeps_no_window_open(world: World) -> None:
    year = duty(world, "20")
    only(world, MARCH, date(2026, 5, 31), year)
    file(world, MARCH, **AT_20)
    on(4, 10)
    hourly()
    with transaction():
        contract = world.contract
        contract.pauses.append(Pause(**contract.parties, starts_on=APRIL, ends_on=END_OF_APRIL, reason="Frost."))
    hourly()
    file(world, MAY, **AT_20)
    assert ReportState.SPARED in set(db.session.scalars(select(Report.state)))
    assert [each.result for each in windows_of(year)] == ["met"]


def test_days_that_nobody_opened_before_the_handover_are_still_asked_for(world: World) -> None:
    """Nobody was at work from March until the handover was noted: April and May until the 10th are reported too."""
    whole = duty(world, "20", window=Window.WHOLE)
    only(world, MARCH, END_OF_DECEMBER, whole)
    file(world, MARCH, **AT_20)
    on(5, 11)
    hand_over(world, date(2026, 5, 10))
    hourly()
    rows = select(ReportingPeriod.starts_on, ReportingPeriod.ends_on).order_by(ReportingPeriod.starts_on)
    assert [tuple(row) for row in db.session.execute(rows)][1:] == [(APRIL, END_OF_APRIL), (MAY, date(2026, 5, 10))]
    assert windows_of(whole) == [], "two reports are not there yet"


# -- the account -------------------------------------------------------------------------------------------------------


def accounts(world: World) -> list[Report]:
    db.session.expire_all()
    rows = select(Report).join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
    mine = rows.where(Report.contract_id == world.contract.id, ReportingPeriod.purpose == PeriodPurpose.ACCOUNT)
    return list(db.session.scalars(mine.order_by(Report.id)).unique())


def test_an_open_account_rests_while_the_contract_runs_again(world: World) -> None:
    only(world, MARCH, END_OF_DECEMBER)
    ask_for_account(world.contract)
    on(3, 23)
    hand_over(world, date(2026, 3, 20))
    hourly()
    [account] = accounts(world)
    reopen(world)
    hourly()
    [account] = accounts(world)
    assert account.state == ReportState.SPARED
    on(6, 30)
    with transaction():
        reports.catch_up(account.id)
    assert [each for each in db.session.scalars(select(Deviation)) if each.report_id == account.id] == []
    hand_over(world, date(2026, 6, 20))
    hourly()
    [account] = accounts(world)
    assert (account.state, account.period.ends_on) == (ReportState.DRAFT, date(2026, 6, 20))
    # Ten working days after Saturday 20 June is Friday 3 July; five after Tuesday 30 June, when it is asked for again,
    # is Tuesday the 7th: nobody could file it while it rested.
    assert account.due_at == datetime(2026, 7, 7, 21, 59, 59, tzinfo=UTC)


def file_account(world: World, account: Report) -> None:
    fill_in(world, account, lines({"carrier": "diesel", "amount": "500"}))
    sign(world, account)
    approve_it(world, account)


def test_a_signed_account_is_asked_for_anew_at_the_second_handover(world: World) -> None:
    only(world, MARCH, END_OF_DECEMBER)
    ask_for_account(world.contract)
    file(world, MARCH, **AT_0)
    on(4, 7)
    hand_over(world, date(2026, 3, 31))
    hourly()
    file_account(world, accounts(world)[0])
    reopen(world)
    hourly()
    assert [each.state for each in accounts(world)] == [ReportState.APPROVED]
    file(world, APRIL, **AT_0)
    on(5, 7)
    hand_over(world, END_OF_APRIL)
    hourly()
    first, second = accounts(world)
    assert (first.state, first.period.ends_on) == (ReportState.APPROVED, date(2026, 3, 31))
    assert (second.state, second.period.ends_on) == (ReportState.OPEN, END_OF_APRIL)
    assert (second.period.starts_on, second.due_at) == (MARCH, datetime(2026, 5, 18, 21, 59, 59, tzinfo=UTC))
    hourly()
    assert len(accounts(world)) == 2
    fill_in(world, second, lines({"carrier": "diesel", "amount": "1000"}))
    reopen(world)
    hourly()
    hand_over(world, date(2026, 3, 31))
    hourly()
    assert [each.state for each in accounts(world)] == [ReportState.APPROVED, ReportState.SPARED], (
        "the account that was signed for these days stands"
    )


# -- closed ------------------------------------------------------------------------------------------------------------


def close(world: World) -> None:
    with transaction():
        contract_life.close(world.contract, by=world.adam, version=world.contract.version)


def test_a_contract_is_not_closed_before_everything_expected_was_opened_filed_and_judged(world: World) -> None:
    whole = duty(world, "20", window=Window.WHOLE)
    only(world, MARCH, END_OF_DECEMBER, whole)
    ask_for_account(world.contract)
    file(world, MARCH, **AT_20)
    on(4, 10)
    hand_over(world, date(2026, 4, 10))
    matters = contract_life.open_matters(world.contract)
    assert matters.periods == [(APRIL, date(2026, 4, 10))]
    assert [each.indicator for each in matters.duties] == [ACCOUNT_DUTY]
    assert [(each.requirement.id, each.span) for each in matters.windows] == [(whole.id, (MARCH, date(2026, 4, 10)))]
    with pytest.raises(Refused):
        close(world)
    hourly()
    matters = contract_life.open_matters(world.contract)
    assert (matters.periods, matters.duties, len(matters.reports), len(matters.windows)) == ([], [], 2, 1)
    [account] = accounts(world)
    file_account(world, account)
    world.report = april = next(each for each in matters.reports if each.id != account.id)
    with transaction():
        april.contract.pauses.append(
            Pause(**world.contract.parties, starts_on=APRIL, ends_on=date(2026, 4, 10), reason="Frost.")
        )
    hourly()
    assert april.state == ReportState.SPARED
    matters = contract_life.open_matters(world.contract)
    assert (matters.reports, [each.requirement.id for each in matters.windows]) == ([], [whole.id])
    with pytest.raises(Refused):
        close(world)
    on(4, 11)
    hourly()
    assert [each.result for each in windows_of(whole)] == ["met"]
    close(world)
    assert world.contract.state == ContractState.CLOSED


def test_what_a_closed_contract_still_has_is_judged(world: World) -> None:
    """It was closed before closing asked for its windows."""
    whole = duty(world, "20", window=Window.WHOLE)
    only(world, MARCH, END_OF_APRIL, whole)
    file(world, MARCH, **AT_0)
    file(world, APRIL, **AT_20)
    on(5, 21)
    with transaction():
        contract = world.contract
        contract.handed_over_on = date(2026, 5, 20)
        contract.move(ContractState.COMPLETED, by=world.adam)
        contract.move(ContractState.CLOSED, by=world.adam)
    hourly()
    assert [each.result for each in windows_of(whole)] == ["broken"]


# -- judged by the hour, without work for what is judged --------------------------------------------------------------


def asked_in_an_hour(world: World) -> int:
    """How many statements the hourly look at the windows takes, when nothing has changed."""
    number = world.contract.id
    db.session.rollback()
    db.session.expunge_all()
    with counted() as found:
        assert windows.is_waiting(number) is False
        db.session.rollback()
    db.session.expunge_all()
    world.contract = db.session.get_one(Contract, number)
    with counted() as judging, transaction():
        assert breaches.judge_windows(number) == 0
    return len(found) + len(judging)


def test_an_hour_in_which_nothing_changed_asks_no_more_the_more_was_judged(world: World) -> None:
    running, year = duty(world, "20", window=Window.RUNNING), duty(world, "20")
    only(world, MARCH, END_OF_DECEMBER, running, year)
    file(world, MARCH, **AT_20)
    few = asked_in_an_hour(world)
    for month in (APRIL, MAY, JUNE):
        file(world, month, **AT_20)
    assert len(windows_of(running)) == 4
    assert asked_in_an_hour(world) == few


def test_nobody_waits_for_a_writer_when_no_window_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    share = duty(world, "20")
    only(world, MARCH, date(2026, 3, 31), share)
    file(world, MARCH, **AT_0)
    asked: list[int] = []
    monkeypatch.setattr(breaches, "judge_windows", asked.append)
    hourly()
    assert asked == []
    with transaction():
        windows_of(share)[0].revisions = []
    hourly()
    assert asked == [world.contract.id]
