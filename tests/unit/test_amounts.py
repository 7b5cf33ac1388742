"""What a breach costs: each case with its arithmetic written out, as a person does it on paper."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from portal import amounts, calendars
from portal.amounts import Daily, Fee, Run, Step
from portal.calendars import Counting, Period
from portal.text import same

D = Decimal
MILLION = D(1_000_000)
SIGNED = (Step(date.min, 100 * MILLION),)
"""A contract of 100 million: 1 ‰ of it is 100 000."""
ONE = (Step(date(2026, 1, 1), D(1)),)
"""1 ‰ from the new year."""


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}" if len(text) == len("01-01") else text)


def clause(**changes: Any) -> Daily:
    given: dict[str, Any] = {"per_mille": ONE, "base": SIGNED, **changes}
    return Daily("7.2", "NOK", base_name=same("value"), **given)


def run(first: str, last: str, *away: tuple[str, str]) -> Run:
    stretches = [Period(day(start), day(end)) for start, end in away]
    return Run(day(first), day(last), same("after the deadline"), same("filed"), stretches)


def paused(days: Run, *stretches: tuple[str, str]) -> Run:
    return replace(days, paused=[Period(day(start), day(end)) for start, end in stretches])


FEES = {
    "one breach: 20 000 × 1": (Fee("7.1", "NOK", (Step(day("01-01"), D(20000)),)), 1, "03-31", D(20000)),
    "three lines, fee per period: 20 000 × 1": (
        Fee("7.1", "NOK", (Step(day("01-01"), D(20000)),)),
        3,
        "03-31",
        D(20000) * 1,
    ),
    "three lines, fee per line: 20 000 × 3 = 60 000": (
        Fee("7.1", "NOK", (Step(day("01-01"), D(20000)),), by_line=True),
        3,
        "03-31",
        D(20000) * 3,
    ),
    "no line left in breach: 20 000 × 0 = 0": (
        Fee("7.1", "NOK", (Step(day("01-01"), D(20000)),), by_line=True),
        0,
        "03-31",
        D(0),
    ),
    "the day before the new rate: 20 000": (
        Fee("7.1", "NOK", (Step(day("01-01"), D(20000)), Step(day("04-01"), D(25000)))),
        1,
        "03-31",
        D(20000),
    ),
    "the day of the new rate: 25 000": (
        Fee("7.1", "NOK", (Step(day("01-01"), D(20000)), Step(day("04-01"), D(25000)))),
        1,
        "04-01",
        D(25000),
    ),
    "before the first rate began the first one holds: 20 000": (
        Fee("7.1", "NOK", (Step(day("01-01"), D(20000)),)),
        1,
        "2025-12-31",
        D(20000),
    ),
    "a fee of 33.335, once: half to the even neighbour, 33.34": (
        Fee("7.1", "NOK", (Step(day("01-01"), D("33.335")),)),
        1,
        "03-31",
        D("33.34"),
    ),
    "a fee of 33.325, once: half to the even neighbour, 33.32": (
        Fee("7.1", "NOK", (Step(day("01-01"), D("33.325")),)),
        1,
        "03-31",
        D("33.32"),
    ),
    "a fee of 0.333333 × 3 = 0.999999, rounded once: 1.00": (
        Fee("7.1", "NOK", (Step(day("01-01"), D("0.333333")),), by_line=True),
        3,
        "03-31",
        D("1.00"),
    ),
}


@pytest.mark.parametrize(("terms", "breaches", "on", "amount"), FEES.values(), ids=FEES.keys())
def test_fee(terms: Fee, breaches: int, on: str, amount: Decimal) -> None:
    assert amounts.fee(terms, breaches, day(on)).amount == amount


@pytest.mark.parametrize(
    ("by_line", "found", "notified", "amount", "told"),
    [(True, 5, 1, 1, True), (True, 3, 3, 3, False), (True, 2, 0, 0, True), (False, 5, 1, 1, False)],
)
def test_no_more_is_charged_than_was_notified(
    *, by_line: bool, found: int, notified: int, amount: int, told: bool
) -> None:
    """At 20 000 each: of five lines one was notified; a period is one breach however many lines there are."""
    terms = Fee("7.1", "NOK", (Step(date(2026, 1, 1), D(20_000)),), by_line=by_line)
    sheet = amounts.fee(terms, notified, date(2026, 3, 31), found)
    assert sheet.amount == amount * D(20_000)
    said = f"– of {found} in the figures in force now; only what the notice said is counted"
    assert (said in [row.text.en for row in sheet.rows]) == told


@pytest.mark.parametrize(("by_line", "dropped", "times"), [(True, 2, 1), (True, 3, 0), (False, 2, 1), (False, 3, 0)])
def test_lines_whose_point_was_dropped_cost_nothing(*, by_line: bool, dropped: int, times: int) -> None:
    """Of five lines three were notified, and of these some are dropped; a period costs once while a line is left."""
    terms = Fee("7.1", "NOK", (Step(date(2026, 1, 1), D(20_000)),), by_line=by_line)
    sheet = amounts.fee(terms, 3, date(2026, 3, 31), 5, dropped=dropped)
    assert sheet.amount == times * D(20_000)
    said = {row.text.en: row.value for row in sheet.rows}
    assert said.get("– besides lines whose point was dropped, not counted") == (str(dropped) if by_line else None)
    covered = said.get("– of 5 in the figures in force now; only what the notice said is counted")
    assert covered == ("3" if by_line else None)


DAILY: dict[str, tuple[Daily, Run, int, Decimal]] = {
    # Due on 10 March: the 11th is the first day. Filed on the 13th: 11, 12, 13 = 3 days × 100 000.
    "three days late": (clause(), run("03-11", "03-13"), 3, 3 * D(100_000)),
    "filed the day after the deadline: one day": (clause(), run("03-11", "03-11"), 1, D(100_000)),
    # Filed on the day of the deadline: the last day is before the first.
    "filed on the day of the deadline: none": (clause(), run("03-11", "03-10"), 0, D(0)),
    "filed long before": (clause(), run("03-11", "02-20"), 0, D(0)),
    # 27 Feb – 2 March 2028: 27, 28, 29 Feb, 1, 2 March = 5, for 2028 has a 29th of February.
    "leap day counts": (clause(), run("2028-02-27", "2028-03-02"), 5, 5 * D(100_000)),
    "no leap day in 2027: 27, 28 Feb, 1, 2 March = 4": (
        clause(),
        run("2027-02-27", "2027-03-02"),
        4,
        4 * D(100_000),
    ),
    "across the new year: 30, 31 Dec, 1, 2 Jan = 4": (
        clause(),
        run("2026-12-30", "2027-01-02"),
        4,
        4 * D(100_000),
    ),
    # Clocks go forward on 29 March 2026: a day is a day. 28, 29, 30 = 3.
    "the short day in spring counts as one": (clause(), run("03-28", "03-30"), 3, 3 * D(100_000)),
    # Wed 1 April works; 2 (Maundy Thursday), 3 (Good Friday), 4, 5, 6 (Easter Monday) do not; Tue 7 works: 2 days.
    "Easter, in working days": (
        clause(counting=Counting.WORKING),
        run("04-01", "04-07"),
        2,
        2 * D(100_000),
    ),
    "Easter, in calendar days: 1–7 April = 7": (clause(), run("04-01", "04-07"), 7, 7 * D(100_000)),
    # 2027: Fri 14 May works; Sat 15, Sun 16, Mon 17 (the national day) do not; Tue 18 works: 2 days.
    "17 May, in working days": (
        clause(counting=Counting.WORKING),
        run("2027-05-14", "2027-05-18"),
        2,
        2 * D(100_000),
    ),
    # Sweden works on 17 May 2027: Fri 14, Mon 17, Tue 18 = 3.
    "17 May in Sweden is a day like others": (
        clause(counting=Counting.WORKING, country="SE"),
        run("2027-05-14", "2027-05-18"),
        3,
        3 * D(100_000),
    ),
    "only days off: Sat 7 and Sun 8 March = 0": (clause(counting=Counting.WORKING), run("03-07", "03-08"), 0, D(0)),
    # 11–20 March is 10 days; the first 3 are free: 7 × 100 000.
    "grace": (clause(grace_days=3), run("03-11", "03-20"), 7, 7 * D(100_000)),
    "grace is as long as the delay: 3 − 3 = 0": (clause(grace_days=3), run("03-11", "03-13"), 0, D(0)),
    "grace is longer than the delay": (clause(grace_days=14), run("03-11", "03-13"), 0, D(0)),
    # Fri 6, Mon 9, Tue 10 March work; the first is free: 2.
    "grace is counted as the days are": (
        clause(grace_days=1, counting=Counting.WORKING),
        run("03-06", "03-10"),
        2,
        2 * D(100_000),
    ),
    # 11–20 March is 10 days, 14–16 lay with the buyer: 10 − 3 = 7.
    "days with the buyer": (clause(), run("03-11", "03-20", ("03-14", "03-16")), 7, 7 * D(100_000)),
    # The buyer had it from 5 to 12 March; only 11 and 12 are in the run: 10 − 2 = 8.
    "days with the buyer from before": (clause(), run("03-11", "03-20", ("03-05", "03-12")), 8, 8 * D(100_000)),
    # 12–14 and 14–16 overlap on the 14th: 12, 13, 14, 15, 16 = 5 of 10.
    "two stretches that overlap": (
        clause(),
        run("03-11", "03-20", ("03-12", "03-14"), ("03-14", "03-16")),
        5,
        5 * D(100_000),
    ),
    "all days with the buyer": (clause(), run("03-11", "03-13", ("03-01", "03-31")), 0, D(0)),
    "a stretch outside the run": (clause(), run("03-11", "03-13", ("03-20", "03-22")), 3, 3 * D(100_000)),
    # 11–13 with the buyer leaves 14, 15, 16, 17, 18, 19, 20; the first two of these are free: 5.
    "grace is not used up by days with the buyer": (
        clause(grace_days=2),
        run("03-11", "03-20", ("03-11", "03-13")),
        5,
        5 * D(100_000),
    ),
    # 1 ‰ to 31 March, 1.5 ‰ from 1 April. 30, 31 March: 2 × 100 000; 1, 2, 3 April: 3 × 150 000.
    "the rate changes while it runs": (
        clause(per_mille=(Step(day("01-01"), D(1)), Step(day("04-01"), D("1.5")))),
        run("03-30", "04-03"),
        5,
        2 * D(100_000) + 3 * D(150_000),
    ),
    # A change order of 20 million from 13 March. 11, 12: 2 × 100 000; 13, 14: 2 × 120 000.
    "a change order while it runs": (
        clause(base=(*SIGNED, Step(day("03-13"), 120 * MILLION))),
        run("03-11", "03-14"),
        4,
        2 * D(100_000) + 2 * D(120_000),
    ),
    # One that takes 40 million away: 11: 100 000; 12, 13: 2 × 60 000.
    "a change order that lowers the value": (
        clause(base=(*SIGNED, Step(day("03-12"), 60 * MILLION))),
        run("03-11", "03-13"),
        3,
        D(100_000) + 2 * D(60_000),
    ),
    # Both on the same day, 1 April: 31 March 100 000; 1, 2 April 2 × (120 million × 1.5 ‰ = 180 000).
    "rate and value change on the same day": (
        clause(
            per_mille=(Step(day("01-01"), D(1)), Step(day("04-01"), D("1.5"))),
            base=(*SIGNED, Step(day("04-01"), 120 * MILLION)),
        ),
        run("03-31", "04-02"),
        3,
        D(100_000) + 2 * D(180_000),
    ),
    # 1 ‰ of 900 000 is 900, less than 1 500: 4 × 1 500.
    "least per day": (
        clause(base=(Step(date.min, D(900_000)),), least_per_day=D(1500)),
        run("03-11", "03-14"),
        4,
        4 * D(1500),
    ),
    # 1 ‰ of 1 500 000 is exactly 1 500.
    "least per day, exactly": (
        clause(base=(Step(date.min, D(1_500_000)),), least_per_day=D(1500)),
        run("03-11", "03-12"),
        2,
        2 * D(1500),
    ),
    # 1 ‰ of 0 is 0: the least holds, and 10 % of 0 is 0, so the cap takes it all.
    "the cap goes before the least": (
        clause(base=(Step(date.min, D(0)),), least_per_day=D(1500), cap_percent=D(10)),
        run("03-11", "03-12"),
        2,
        D(0),
    ),
    # 120 days from 1 January, at most 100: 100 × 100 000.
    "cap in days": (clause(cap_days=100), run("01-01", "04-30"), 100, 100 * D(100_000)),
    "cap in days, reached exactly: 1 January – 10 April = 31 + 28 + 31 + 10 = 100": (
        clause(cap_days=100),
        run("01-01", "04-10"),
        100,
        100 * D(100_000),
    ),
    # 12 days, 2 free, of the 10 that are left at most 5.
    "cap in days counts after the grace": (
        clause(cap_days=5, grace_days=2),
        run("03-11", "03-22"),
        5,
        5 * D(100_000),
    ),
    # 1 January – 30 April is 120 days = 12 million; 10 % of 100 million is 10 million.
    "cap in percent": (clause(cap_percent=D(10)), run("01-01", "04-30"), 120, 10 * MILLION),
    "cap in percent, reached exactly: 100 × 100 000 = 10 million": (
        clause(cap_percent=D(10)),
        run("01-01", "04-10"),
        100,
        10 * MILLION,
    ),
    # 11 × 1 000 000 + 1 × 1 200 000 = 12.2 million; 10 % of the 120 million in force on the last day is 12 million.
    "cap in percent of the base on the last day": (
        clause(
            per_mille=(Step(day("01-01"), D(10)),),
            base=(*SIGNED, Step(day("03-22"), 120 * MILLION)),
            cap_percent=D(10),
        ),
        run("03-11", "03-22"),
        12,
        12 * MILLION,
    ),
    # Both caps: at most 5 days = 500 000, at most 0.3 % = 300 000.
    "both caps, the smaller holds": (
        clause(cap_days=5, cap_percent=D("0.3")),
        run("03-11", "03-22"),
        5,
        D(300_000),
    ),
    # 1 ‰ of 12 345 678.90 is 12 345.678 9, rounded 12 345.68; three days 37 037.04 (and not 37 037.036 7).
    "rounded once a day": (
        clause(base=(Step(date.min, D("12345678.90")),)),
        run("03-11", "03-13"),
        3,
        3 * D("12345.68"),
    ),
    # 1 ‰ of 5 005 is 5.005: the even neighbour is 5.00; 1 ‰ of 5 015 is 5.015: 5.02.
    "half down to even": (clause(base=(Step(date.min, D(5005)),)), run("03-11", "03-11"), 1, D("5.00")),
    "half up to even": (clause(base=(Step(date.min, D(5015)),)), run("03-11", "03-11"), 1, D("5.02")),
    "a rate of nothing": (clause(per_mille=(Step(day("01-01"), D(0)),)), run("03-11", "03-13"), 3, D(0)),
    # March broken, a pause 1–30 April, May broken: 1 April–31 May = 61 days, 30 of them in the pause: 31.
    "a pause in between": (clause(), paused(run("04-01", "05-31"), ("04-01", "04-30")), 31, 31 * D(100_000)),
    # 1–10 April = 10; with the buyer 3–6 = 4; of the pause 5–8 two more (7, 8): 10 − 4 − 2 = 4. It goes on: so does 12.
    "a day with the buyer in a pause is left out once": (
        clause(),
        paused(run("04-01", "04-10", ("04-03", "04-06")), ("04-05", "04-08"), ("04-12", "9999-12-31")),
        4,
        4 * D(100_000),
    ),
    # 1–20 April = 20, of them 6–15 in the pause = 10; of the 10 left the first 2 cost nothing: 8.
    "days of grace are days that count": (
        clause(grace_days=2),
        paused(run("04-01", "04-20"), ("04-06", "04-15")),
        8,
        8 * D(100_000),
    ),
    # Rates given in whatever order: 2 ‰ from 1 March holds on the 11th.
    "rates out of order": (
        clause(per_mille=(Step(day("03-01"), D(2)), Step(day("01-01"), D(1)))),
        run("03-11", "03-11"),
        1,
        D(200_000),
    ),
}


@pytest.mark.parametrize(("terms", "days", "count", "amount"), DAILY.values(), ids=DAILY.keys())
def test_daily_amount(terms: Daily, days: Run, count: int, amount: Decimal) -> None:
    found = amounts.daily(terms, days)
    assert (found.days, found.amount) == (count, amount)


def test_there_are_at_least_thirty_cases() -> None:
    assert len(FEES) + len(DAILY) >= 30


def test_a_sheet_reads_like_a_sum_on_paper() -> None:
    terms = clause(
        per_mille=(Step(day("01-01"), D(1)), Step(day("04-01"), D("1.5"))),
        grace_days=2,
        cap_days=10,
        cap_percent=D(10),
    )
    found = amounts.daily(terms, run("03-25", "04-12", ("03-26", "03-27")))
    assert [(row.text.en, row.value, row.unit) for row in found.rows] == [
        ("Sanction clause", "7.2", ""),
        ("Days from 25 March 2026 (after the deadline) to 12 April 2026 (filed), both included", "19", ""),
        ("– of these with the buyer, not counted: 26–27 March 2026", "2", ""),
        ("– of these the first ones, which cost nothing under the clause (2)", "2", ""),
        ("– of these after the highest number of days (10)", "5", ""),
        ("Days with a daily amount", "10", ""),
        ("29–31 March 2026: base, value", "100000000", "NOK"),
        ("29–31 March 2026: rate", "1", "‰"),
        ("29–31 March 2026: amount per day = base × rate", "100000", "NOK"),
        ("29–31 March 2026: number of days", "3", ""),
        ("29–31 March 2026: amount per day × number of days", "300000", "NOK"),
        ("1–7 April 2026: base, value", "100000000", "NOK"),
        ("1–7 April 2026: rate", "1.5", "‰"),
        ("1–7 April 2026: amount per day = base × rate", "150000", "NOK"),
        ("1–7 April 2026: number of days", "7", ""),
        ("1–7 April 2026: amount per day × number of days", "1050000", "NOK"),
        ("Sum", "1350000", "NOK"),
        ("Highest amount: 10 % of the base 100\u00a0000\u00a0000\u00a0NOK", "10000000", "NOK"),
        ("Amount", "1350000", "NOK"),
    ]
    assert [row.text.nb for row in found.rows][2] == "– hvorav hos oppdragsgiveren, som ikke teller: 26.–27. mars 2026"


def test_days_of_a_pause_are_a_row_of_their_own() -> None:
    found = amounts.daily(clause(), paused(run("04-01", "04-10", ("04-03", "04-06")), ("04-05", "04-08")))
    assert [(row.text.nb, row.value) for row in found.rows][2:4] == [
        ("– hvorav hos oppdragsgiveren, som ikke teller: 3.–6. april 2026", "4"),
        ("– hvorav kontrakten sto i pause, som ikke teller: 7.–8. april 2026", "2"),
    ]


def test_a_waiver_is_a_line_of_its_own() -> None:
    found = amounts.less_waived(amounts.daily(clause(), run("03-11", "03-13")), D(120_000), "Byggestrømmen.", "NOK")
    assert found.amount == D(300_000) - D(120_000)
    assert [(row.text.nb, row.value) for row in found.rows[-2:]] == [
        ("Frafalt: Byggestrømmen.", "120000"),
        ("Beløp som kreves = beløp − frafalt", "180000"),
    ]


@pytest.mark.parametrize("waived", [D(0), D(-1), D("300000.01")])
def test_no_more_is_waived_than_there_is(waived: Decimal) -> None:
    with pytest.raises(ValueError, match="cannot be waived"):
        amounts.less_waived(amounts.daily(clause(), run("03-11", "03-13")), waived, "x", "NOK")


def test_a_warning_costs_nothing() -> None:
    assert amounts.warned("7.1", "NOK").amount == 0


def test_without_a_rate_nothing_is_computed() -> None:
    with pytest.raises(ValueError, match="no amount is agreed"):
        amounts.in_force((), day("03-11"))


FIRST = date(2026, 1, 1)
DAYS = st.dates(FIRST, date(2028, 12, 31))


def test_no_sheet_comes_to_more_than_can_be_kept() -> None:
    """9 lines at 999 999 999 999 are 8 999 999 999 991; 100 ‰ of it for 11 days is 1 099 999 999 998.90."""
    most = amounts.LARGEST
    fee = amounts.fee(Fee("7.1", "NOK", (Step(day("01-01"), most),), by_line=True), 9, day("03-31"))
    assert (fee.amount, fee.rows[-2].value, fee.rows[-1].value) == (most, "8999999999991", "999999999999")
    daily = amounts.daily(
        clause(base=(Step(date.min, most),), per_mille=(Step(day("01-01"), D(100)),)), run("03-01", "03-11")
    )
    assert (daily.amount, daily.days, daily.rows[-2].value) == (most, 11, "1099999999998.9")
    assert amounts.fee(Fee("7.1", "NOK", (Step(day("01-01"), most),)), 1, day("03-31")).rows[-1].value == str(most)


MONEY = st.decimals(D(0), D(10) ** 9, places=2)


@st.composite
def steps(draw: st.DrawFn, amount: st.SearchStrategy[Decimal]) -> Sequence[Step]:
    return draw(st.lists(st.builds(Step, DAYS, amount), min_size=1, max_size=3, unique_by=lambda step: step.from_on))


@given(
    base=steps(MONEY),
    per_mille=steps(st.decimals(D(0), D(20), places=3)),
    first=DAYS,
    length=st.integers(0, 120),
    grace=st.integers(0, 20),
    cap=st.none() | st.integers(1, 60),
    percent=st.none() | st.decimals(D(0), D(100), places=2),
    working=st.booleans(),
)
def test_what_always_holds(
    *,
    base: Sequence[Step],
    per_mille: Sequence[Step],
    first: date,
    length: int,
    grace: int,
    cap: int | None,
    percent: Decimal | None,
    working: bool,
) -> None:
    terms = clause(
        base=base,
        per_mille=per_mille,
        grace_days=grace,
        cap_days=cap,
        cap_percent=percent,
        counting=Counting.WORKING if working else Counting.CALENDAR,
    )
    last = first + timedelta(days=length)
    found = amounts.daily(terms, Run(first, last, same("a"), same("b")))
    longer = amounts.daily(terms, Run(first, last + timedelta(days=1), same("a"), same("b")))
    assert found.days is not None
    assert found.days <= min(length + 1, cap if cap is not None else 10**6)
    assert found.amount == amounts.whole(found.amount) >= 0
    assert longer.days is not None
    assert longer.days - found.days in {0, 1}, "a day more never costs more than one day"
    assert all(row.text.nb and row.text.en for row in found.rows)
    if found.days:
        assert percent is None or found.amount <= max(step.amount for step in base) * percent / 100 + D("0.01")
    costing = _counted(terms, first, last)
    assert found.days == len(costing)
    total = sum((terms.per_day(each) for each in costing), D(0))
    limit = terms.cap(costing[-1]) if costing else None
    assert found.amount == (total if limit is None else min(total, limit)), "day by day it comes to the same"


def _counted(terms: Daily, first: date, last: date) -> list[date]:
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if terms.counting == Counting.WORKING:
        days = [each for each in days if calendars.is_working_day(each)]
    return days[terms.grace_days :][: terms.cap_days]
