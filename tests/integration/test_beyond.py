"""What lies wholly after a contract's last day, noted late: asked for no more, and back when its days are.

The share of clause 4.2 must be 20 %: 0 and 500 l are 0 %, 1 008 kWh and 400 l are 20 %. The fee is 20 000.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from portal import calendars, clock
from portal.errors import Refused
from portal.extensions import db, transaction
from portal.model import AuditEvent, ContractState, Decision, Deviation, DeviationState, Report, SanctionState, Window
from portal.operations.cases import deviations, grounds
from portal.operations.contracts import contracts
from portal.operations.reports import chasing, reviews
from portal.operations.reports.chasing import Wanted, WhyNot
from tests.assessing import amend, cases_of, file, only, sign_month, windows_of
from tests.assessing import duty as asked_for
from tests.handover import hand_over, hourly, reopen
from tests.sanctioning import decided, duty, heard, proposed, world
from tests.world import World, case_of, submit

__all__ = ["world"]

SHARE = "zero_emission_share_energy"
MARCH, APRIL, MAY = (date(2026, month, 1) for month in (3, 4, 5))
BROKEN = {"electric": "0", "diesel": "500"}
MET = {"electric": "1008", "diesel": "400"}
FOUND, FELL_AWAY = DeviationState.FOUND, DeviationState.FELL_AWAY


def two_months(world: World) -> tuple[Deviation, Deviation, Report]:
    """March and April break the share, each with a case; then it is 20 May."""
    march, april = (file(world, month, **BROKEN) for month in (MARCH, APRIL))
    cases = {each.report_id: each for each in cases_of(duty(world, SHARE))}
    clock.move_to(datetime(2026, 5, 20, 9, tzinfo=UTC))
    return cases[march.id], cases[april.id], april


def test_a_breach_after_the_last_day_falls_away_and_is_back_with_its_days(world: World) -> None:
    first, second, _april = two_months(world)
    hand_over(world, date(2026, 3, 20))
    assert (first.state, second.state) == (FOUND, FELL_AWAY)
    assert (first.at_stake, second.at_stake) == (Decimal(20_000), None)
    assert second.facts["gone"]["why"] == "not_asked"
    assert second.facts["gone"]["sentence"]["en"].startswith("The contract's last day is 20 March 2026.")
    hourly()
    assert (first.state, second.state) == (FOUND, FELL_AWAY)
    reopen(world)
    assert (second.state, second.not_found_at, second.at_stake) == (FOUND, None, Decimal(20_000))
    hand_over(world, date(2026, 4, 15))
    hourly()
    assert (first.state, second.state) == (FOUND, FOUND), "a day of April is one of the contract's"


def test_one_that_was_notified_costs_nothing_until_a_person_closes_it(world: World) -> None:
    first, second, _april = two_months(world)
    for each in (first, second):
        heard(world, each)
    hand_over(world, date(2026, 3, 20))
    hourly()
    clause = world.contract.clauses[0]
    lacking = [[each.key for each in grounds.of(case, clause) if not each.holds] for case in (first, second)]
    assert lacking == [[], ["stands"]]
    with pytest.raises(Refused, match="no longer shows the breach"):
        proposed(world, second)
    db.session.rollback()
    assert second.state == DeviationState.ASSESSING_REPLY
    reopen(world)
    assert proposed(world, second).amount == 20_000


def test_one_that_a_person_closed_meanwhile_is_a_case_anew(world: World) -> None:
    _first, second, april = two_months(world)
    heard(world, second)
    hand_over(world, date(2026, 3, 20))
    with transaction():
        deviations.close(second, "Etter siste dag.", by=world.adam, version=second.version)
    reopen(world)
    hand_over(world, date(2026, 3, 20))
    reopen(world)
    mine = sorted((each for each in cases_of(duty(world, SHARE)) if each.report_id == april.id), key=lambda e: e.id)
    assert [(each.occasion, each.state) for each in mine] == [(1, DeviationState.CLOSED), (2, FOUND)]


def test_what_is_decided_stays(world: World) -> None:
    _first, second, _april = two_months(world)
    sanction = decided(world, proposed(world, heard(world, second)))
    hand_over(world, date(2026, 3, 20))
    hourly()
    assert (second.not_found_at, sanction.amount, sanction.state) == (None, Decimal(20_000), SanctionState.DECIDED)


def test_what_was_amended_meanwhile_is_back_only_if_it_shows_the_breach(world: World) -> None:
    _first, second, april = two_months(world)
    hand_over(world, date(2026, 3, 20))
    amend(world, april, electric="0", diesel="600")
    assert second.state == FELL_AWAY, "nobody asks for it now, whatever it says"
    amend(world, april, **MET)
    reopen(world)
    assert second.state == FELL_AWAY


def test_a_late_report_of_days_after_the_last_one_is_no_case_either(world: World) -> None:
    """April's report comes 5 days late; when the handover of 20 March is noted that costs nothing."""
    file(world, MARCH, **MET)
    april = sign_late(world)
    late = case_of(world, "5.1")
    sentence = late.sentence
    assert (late.report_id, late.late_by_days) == (april.id, 5)
    hand_over(world, date(2026, 3, 20))
    assert late.state == FELL_AWAY
    reopen(world)
    assert (late.state, late.sentence, late.late_by_days, late.at_stake) == (FOUND, sentence, 5, Decimal(20_000))


def test_what_is_rejected_after_the_last_day_is_not_on_the_list_of_what_has_not_come(world: World) -> None:
    april = sign_month(world, APRIL, **MET)
    clock.move_to(datetime(2026, 5, 20, 9, tzinfo=UTC))
    with transaction():
        reviews.decide(april, Decision.REJECT, by=world.rita, version=april.version, reasons="Feil.")
    clock.move_to(datetime(2026, 6, 20, 9, tzinfo=UTC))
    assert april in chasing.unfiled(world.adam, Wanted())
    hand_over(world, date(2026, 3, 20))
    assert april not in chasing.unfiled(world.adam, Wanted())
    assert chasing.told([april])[0].why_not == WhyNot.BEYOND, "nor is anybody reminded who had the page open"
    reopen(world)
    assert chasing.told([april])[0].why_not != WhyNot.BEYOND


def sign_late(world: World) -> Report:
    clock.move_to(datetime(2026, 4, 20, 9, tzinfo=UTC))
    with transaction():
        april = world.report = contracts.open_period(world.contract, calendars.month_of(APRIL))
    clock.move_to(april.due_at + timedelta(days=5) - timedelta(hours=2))
    submit(world, **MET)
    return april


def test_what_stood_open_before_the_portal_knew_is_gone_with_the_worker_s_next_round(world: World) -> None:
    """The handover was noted before its cases were looked at: here, in the row alone."""
    file(world, MARCH, **MET)
    april = sign_month(world, APRIL, **MET)
    with transaction():
        reviews.decide(april, Decision.REJECT, by=world.rita, version=april.version, reasons="Feil maskin.")
    with transaction():
        world.contract.handed_over_on = date(2026, 3, 20)
        world.contract.move(ContractState.COMPLETED, by=world.adam)
    hourly()
    assert [each.state for each in cases_of(duty(world)) if each.report_id == april.id] == [FELL_AWAY]
    told = db.session.query(AuditEvent).filter_by(action="deviation.not_found_again").count()
    hourly()
    assert db.session.query(AuditEvent).filter_by(action="deviation.not_found_again").count() == told == 1


def test_a_running_total_of_days_after_the_last_one_is_gone_with_them(world: World) -> None:
    share = asked_for(world, "20", window=Window.RUNNING)
    only(world, MARCH, date(2026, 12, 31), share)
    for month in (MARCH, APRIL):
        file(world, month, **BROKEN)
    first, second = sorted(cases_of(share), key=lambda each: each.id)
    clock.move_to(datetime(2026, 5, 20, 9, tzinfo=UTC))
    hand_over(world, date(2026, 3, 20))
    hourly()
    assert (first.state, second.state) == (FOUND, FELL_AWAY)
    reopen(world)
    hourly()
    assert (first.state, second.state) == (FOUND, FOUND)


def test_a_window_is_not_judged_by_what_was_done_after_the_last_day(world: World) -> None:
    """0 of 5 040 kWh in March, 5 040 of 5 040 in April: 0 % of the contract's days, and not 50 %."""
    whole = asked_for(world, "20", window=Window.WHOLE)
    only(world, MARCH, date(2026, 12, 31), whole)
    file(world, MARCH, **BROKEN)
    file(world, APRIL, electric="5040", diesel="0")
    clock.move_to(datetime(2026, 5, 20, 9, tzinfo=UTC))
    hand_over(world, date(2026, 3, 20))
    hourly()
    assert [(each.ends_on, each.figure["value"]) for each in windows_of(whole)] == [(date(2026, 3, 20), "0")]
