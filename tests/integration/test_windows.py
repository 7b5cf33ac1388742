"""Requirements that are judged over more than a report: when, on what, again, and what they say until then."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import (
    AuditEvent,
    Cause,
    Comparison,
    ContractState,
    FindingResult,
    Pause,
    Requirement,
    Window,
)
from portal.operations.cases import breaches
from portal.operations.figures import stretches, windows
from tests.assessing import amend, approve_it, cases_of, duty, file, findings_of, only, sign_month, windows_of
from tests.world import World

MARCH, APRIL, MAY = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)
END_OF_MAY = date(2026, 5, 31)
# 1 008 kWh and 400 l are 1008 / (1008 + 4032) = 20 %; 0 and 500 l are 0 of 5 040 kWh; 5 040 kWh and 0 l all of it.
AT_20 = {"electric": "1008", "diesel": "400"}
AT_0 = {"electric": "0", "diesel": "500"}
AT_100 = {"electric": "5040", "diesel": "0"}


def test_a_year_is_judged_when_it_is_over_and_every_report_approved(world: World) -> None:
    share = duty(world, "20")
    only(world, MARCH, END_OF_MAY, share)
    file(world, MARCH, **AT_0)
    assert (windows_of(share), cases_of(share)) == ([], []), "no breach before the window closes"
    file(world, APRIL, **AT_20)
    may = sign_month(world, MAY, **AT_0)
    assert windows_of(share) == []
    assert findings_of(share) == ["behind", "behind", "behind"]
    clock.move_to(datetime(2026, 6, 8, 9, tzinfo=UTC))
    approve_it(world, may)
    [window] = windows_of(share)
    # 1 008 of 15 120 kWh are 6.666… %; the three months' own shares, 0, 20 and 0, would have the same mean by chance
    assert (window.starts_on, window.ends_on, window.result) == (MARCH, END_OF_MAY, "broken")
    assert window.figure["numerator"] == "1008"
    assert window.figure["denominator"] == "15120"
    assert window.figure["value"] == "6.666667"
    assert len(window.revisions) == 3
    [case] = cases_of(share)
    assert (case.window_id, case.report_id, case.cause) == (window.id, may.id, Cause.REQUIREMENT_BROKEN)
    assert case.sentence["en"].startswith("1 March–31 May 2026: Zero-emission share of energy is 6.7")
    assert case.facts["window"] == ["2026-03-01", "2026-05-31"]
    assert case.facts["breaches"] == 1


def test_ratios_are_never_averaged(world: World) -> None:
    share = duty(world, "20")
    only(world, MARCH, date(2026, 4, 30), share)
    file(world, MARCH, electric="100", diesel="0")  # 100 % of 100 kWh
    file(world, APRIL, electric="0", diesel="1000")  # 0 % of 10 080 kWh: the mean of the two would be 50 %
    [window] = windows_of(share)
    # 100 / 10 180 = 0.98 %
    assert (window.result, window.figure["value"]) == ("broken", "0.982318")


def test_exactly_at_the_threshold_is_met_and_a_hair_below_is_not(world: World) -> None:
    exact, hair = duty(world, "20"), duty(world, "20.0001")
    only(world, MARCH, date(2026, 3, 31), exact, hair)
    file(world, MARCH, **AT_20)
    assert [windows_of(each)[0].result for each in (exact, hair)] == ["met", "broken"]
    [case] = cases_of(hair)
    assert "20.0001" in case.sentence["en"]


def test_an_amended_report_has_the_window_judged_again_and_the_breach_shrinks_grows_and_falls_away(
    world: World,
) -> None:
    share = duty(world, "20")
    only(world, MARCH, date(2026, 4, 30), share)
    march = file(world, MARCH, **AT_0)
    file(world, APRIL, **AT_20)
    [window] = windows_of(share)
    first, revisions = window.figure["value"], window.revisions
    assert (window.result, first) == ("broken", "10")  # 1 008 of 10 080
    amend(world, march, electric="504", diesel="450")  # 504 of 504 + 4 536 = 5 040
    [again] = windows_of(share)
    assert (again.id, again.result, again.figure["value"]) == (window.id, "broken", "15")
    assert again.revisions != revisions
    [case] = cases_of(share)
    assert case.facts["figure"]["value"] == "15"
    amend(world, march, **AT_20)
    [healed] = windows_of(share)
    assert (healed.result, healed.figure["value"]) == ("met", "20")
    assert len(cases_of(share)) == 1
    trail = [
        event.action
        for event in db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))
        if event.subject_id == str(case.public_id)
    ]
    assert trail == [
        "deviation.found",
        "deviation.put_right",  # by the contract's last day, which is past
        "deviation.assessed_again",
        "deviation.not_found_again",
        "deviation.fell_away",
    ]


def test_an_amended_last_report_tells_the_case_by_its_window_only(world: World) -> None:
    share = duty(world, "20")
    only(world, MARCH, date(2026, 4, 30), share)
    file(world, MARCH, **AT_0)
    april = file(world, APRIL, **AT_0)
    amend(world, april, electric="504", diesel="450")  # 504 of 10 080: less of a breach, and still one
    [case] = cases_of(share)
    assert case.facts["figure"]["value"] == "5"
    trail = select(AuditEvent.action).where(AuditEvent.subject_id == str(case.public_id)).order_by(AuditEvent.id)
    found = ["deviation.found", "deviation.put_right", "deviation.assessed_again"]
    assert list(db.session.scalars(trail)) == found, "put right by the contract's last day, which is past"


def test_what_rests_on_the_same_reports_is_not_judged_again(world: World) -> None:
    share = duty(world, "20")
    only(world, MARCH, date(2026, 3, 31), share)
    file(world, MARCH, **AT_0)
    judged_at = windows_of(share)[0].judged_at
    clock.move_to(datetime(2026, 7, 1, 9, tzinfo=UTC))
    with transaction():
        assert breaches.judge_windows(world.contract.id) == 0
    assert windows_of(share)[0].judged_at == judged_at


def test_running_windows_are_judged_at_the_end_of_each_period_over_all_so_far(world: World) -> None:
    share = duty(world, "20", window=Window.RUNNING)
    only(world, MARCH, END_OF_MAY, share)
    file(world, MARCH, **AT_100)
    april = file(world, APRIL, **AT_0)
    may = file(world, MAY, electric="0", diesel="2000")  # 20 160 kWh
    found = [(each.ends_on.month, each.result, each.figure["value"]) for each in windows_of(share)]
    # 5 040/5 040; 5 040/10 080; 5 040/30 240
    assert found == [(3, "met", "100"), (4, "met", "50"), (5, "broken", "16.666667")]
    assert [case.report_id for case in cases_of(share)] == [may.id]
    amend(world, april, electric="5040", diesel="1500")  # 5 040 of 20 160 in April
    values = [each.figure["value"] for each in windows_of(share)]
    # April's amendment changes April's window and May's, and not March's: 10 080/25 200 = 40, 10 080/45 360 = 22.2
    assert values == ["100", "40", "22.222222"]
    assert windows_of(share)[2].result == "met"


def test_the_whole_contract_is_judged_only_after_the_handover(world: World) -> None:
    share = duty(world, "20", window=Window.WHOLE)
    only(world, MARCH, date(2026, 4, 30), share)
    file(world, MARCH, **AT_0)
    file(world, APRIL, **AT_20)
    assert windows_of(share) == []
    with transaction():
        world.contract.handed_over_on = date(2026, 4, 30)
        world.contract.move(ContractState.COMPLETED, by=world.adam)
    with transaction():
        assert breaches.judge_windows(world.contract.id) == 1
    [window] = windows_of(share)
    assert (window.starts_on, window.ends_on, window.figure["value"]) == (MARCH, date(2026, 4, 30), "10")


def test_a_month_that_is_not_opened_keeps_the_window_open_and_a_paused_one_does_not(world: World) -> None:
    share = duty(world, "20")
    only(world, MARCH, END_OF_MAY, share)
    file(world, MARCH, **AT_20)
    file(world, MAY, **AT_20)
    assert windows_of(share) == [], "nobody has reported April"
    with transaction():
        world.contract.pauses.append(
            Pause(**world.contract.parties, starts_on=APRIL, ends_on=date(2026, 4, 30), reason="Frost.")
        )
    with transaction():
        breaches.judge_windows(world.contract.id)
    assert [window.result for window in windows_of(share)] == ["met"]


def test_until_it_closes_pages_say_how_it_stands_and_what_the_rest_must_reach(world: World) -> None:
    share = duty(world, "20")
    only(world, MARCH, END_OF_MAY, share)
    file(world, MARCH, electric="504", diesel="450")  # 10 % of 5 040
    clock.move_to(datetime(2026, 4, 10, 9, tzinfo=UTC))
    standing = windows.standing(share)
    assert standing.so_far is not None
    assert (standing.so_far.result, standing.so_far.shown.en) == (FindingResult.BEHIND, "10\u00a0%")
    assert (standing.so_far.reports, standing.so_far.of) == (1, 3)
    # 31 of 92 days: 61/31 of 5 040 = 9 917.4 come; 20 % of 14 957.4 is 2 991.5, less 504 is 2 487.5: 25.1 % of them
    assert standing.so_far.sentence.en == "Until 31 May 2026 the rest must be at least 25.1\u00a0% to reach it."
    assert standing.judged == []


def test_what_pages_say_is_held_against_the_step_that_decides_when_the_window_closes(world: World) -> None:
    share = duty(world, "5", steps=[{"from": "2026-05-31", "threshold": "20"}])
    only(world, MARCH, END_OF_MAY, share)
    file(world, MARCH, electric="504", diesel="450")  # 10 %: more than 5, less than the 20 that May's last day brings
    assert findings_of(share) == ["behind"]
    assert "asks for at least 20\u00a0%" in world.report.revisions[0].findings[0].sentence["en"]
    so_far = windows.standing(share).so_far
    assert so_far is not None
    assert so_far.result == FindingResult.BEHIND


def test_unknown_stays_unknown(world: World) -> None:
    """The contract names no table of efficiencies: no share of the work is known, in a month or in a year."""
    share = duty(world, "20", indicator="zero_emission_share_work")
    only(world, MARCH, date(2026, 4, 30), share)
    file(world, MARCH, **AT_20)
    assert windows.standing(share).so_far is not None
    assert findings_of(share) == ["unknown"]
    file(world, APRIL, **AT_20)
    [window] = windows_of(share)
    assert (window.result, window.figure["value"]) == ("unknown", None)
    assert cases_of(share) == []


def test_a_sum_is_forecast_at_the_pace_so_far(world: World) -> None:
    litres = duty(world, "1000", indicator="liquid_fuel", comparison=Comparison.AT_MOST)
    only(world, MARCH, END_OF_MAY, litres)
    file(world, MARCH, electric="0", diesel="400")
    clock.move_to(datetime(2026, 4, 10, 9, tzinfo=UTC))
    so_far = windows.standing(litres).so_far
    assert so_far is not None
    # 400 l in 31 of 92 days: 400 * 92/31 = 1 187.1 l
    assert (so_far.result, so_far.sentence.en) == (
        FindingResult.BEHIND,
        "At this pace it comes to 1\u00a0187.1\u00a0l on 31 May 2026.",
    )


def test_lines_that_break_a_minimum_are_counted_over_the_window(world: World) -> None:
    stage = duty(world, "zero_emission", indicator="lowest_stage", window=Window.YEAR)
    only(world, MARCH, date(2026, 4, 30), stage)
    file(world, MARCH, **AT_20)
    assert findings_of(stage) == ["behind"]
    file(world, APRIL, **AT_20)
    [case] = cases_of(stage)
    assert case.facts["breaches"] == 2, "the diesel loader in March and in April"


def test_a_requirement_that_ends_in_the_middle_of_a_month_is_not_about_that_month(world: World) -> None:
    old = duty(world, "50", valid_to=date(2026, 4, 15))
    new = duty(world, "20", valid_from=date(2026, 4, 16))
    only(world, MARCH, END_OF_MAY, old, new)
    for month in (MARCH, APRIL, MAY):
        file(world, month, **AT_20)
    assert [(each.starts_on, each.ends_on, each.result) for each in windows_of(old)] == [
        (MARCH, date(2026, 4, 15), "broken")
    ]
    [window] = windows_of(new)
    assert (window.result, window.figure["denominator"]) == ("met", "10080")  # April and May
    assert (len(findings_of(old)), len(findings_of(new))) == (1, 2)


@pytest.mark.parametrize(
    ("agreed", "diesel", "result"),
    [
        ({"steps": [{"from": "2026-03-31", "threshold": "25"}]}, "400", "broken"),  # the step is on the last day
        ({"steps": [{"from": "2026-04-01", "threshold": "25"}]}, "400", "met"),  # the day after
        ({"promised": "25", "promised_source": "Tilbudet s. 4"}, "400", "broken"),  # stricter than 20
        ({"promised": "15", "promised_source": "Tilbudet s. 4"}, "400", "met"),  # the contract's 20 is stricter
        ({"tolerance": "0.5"}, "412", "met"),  # 1008 / 5160.96 = 19.53 %
        ({"tolerance": "0.4"}, "412", "broken"),
        ({}, "400.01", "broken"),  # 1008 / 5040.1008 = 19.9996 %
        ({}, "400", "met"),
    ],
)
def test_a_month_is_held_against_what_binds_on_its_last_day(
    world: World, agreed: dict[str, object], diesel: str, result: str
) -> None:
    share = duty(world, "20", window=Window.PERIOD, **agreed)
    only(world, MARCH, END_OF_MAY, share)
    file(world, MARCH, electric="1008", diesel=diesel)
    assert findings_of(share) == [result]
    assert len(cases_of(share)) == (result == "broken")
    if "promised" in agreed and result == "broken":
        [case] = cases_of(share)
        assert "25\u00a0% was promised in the bid" in case.sentence["en"]
        assert case.facts["threshold"] == "25"
    if diesel == "400.01":
        assert "is 19.9996\u00a0%" in cases_of(share)[0].sentence["en"], "never shown as 20 %"


def test_days_of_a_window_follow_the_contract(world: World) -> None:
    share: Requirement = duty(world, "20", window=Window.WHOLE)
    only(world, MARCH, END_OF_MAY, share)
    assert stretches.span_at(share, date(2026, 3, 31)) == (MARCH, END_OF_MAY)
    assert stretches.expected_days(share, stretches.days_of(share)) == 92
    world.contract.ends_on = date(2026, 6, 30)
    assert stretches.span_at(share, date(2026, 3, 31)) == (MARCH, date(2026, 6, 30))
    assert Decimal(stretches.expected_days(share, stretches.days_of(share))) == 122
