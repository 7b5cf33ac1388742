"""Windows and how they stand, counted by hand."""

from datetime import date
from decimal import Decimal

import pytest

from portal import forecasts
from portal.calendars import Period
from portal.forecasts import Limit, Outlook

MONTH_ENDS = [date(2026, month, day) for month, day in ((1, 31), (2, 28), (3, 31), (4, 30))]


def days(first: str, last: str) -> Period:
    return Period(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("window", "in_force", "found"),
    [
        ("period", ("2026-01-01", "2026-12-31"), []),
        ("whole", ("2026-03-15", "2027-02-01"), [("2026-03-15", "2027-02-01")]),
        ("year", ("2026-03-15", "2026-11-30"), [("2026-03-15", "2026-11-30")]),  # part of one year
        ("year", ("2026-12-31", "2027-01-01"), [("2026-12-31", "2026-12-31"), ("2027-01-01", "2027-01-01")]),
        ("year", ("2027-06-01", "2029-02-28"), [("2027-06-01", "2027-12-31"), ("2028-01-01", "2028-12-31"),
                                                ("2029-01-01", "2029-02-28")]),
        ("running", ("2026-02-01", "2026-03-31"), [("2026-02-01", "2026-02-28"), ("2026-02-01", "2026-03-31")]),
        ("running", ("2026-02-15", "2026-03-30"), [("2026-02-15", "2026-02-28")]),  # by the period's last day
        ("whole", ("2026-05-01", "2026-04-30"), []),  # ended before it began
    ],
)  # fmt: skip
def test_windows_are_cut_at_both_ends(window: str, in_force: tuple[str, str], found: list[tuple[str, str]]) -> None:
    windows = forecasts.spans(window, days(*in_force), MONTH_ENDS)  # type: ignore[arg-type]
    assert windows == tuple(days(*each) for each in found)


def test_a_leap_year_has_a_day_more() -> None:
    [window] = forecasts.spans("year", days("2028-01-01", "2028-12-31"), [])
    assert window.days == 366


@pytest.mark.parametrize(
    ("figure", "limit", "kept"),
    [
        ("20", Limit(Decimal(20), at_least=True), True),  # exactly at the threshold
        ("19.9996", Limit(Decimal(20), at_least=True), False),  # rounds to 20 on a page, and does not reach it
        ("19.9996", Limit(Decimal(20), at_least=True, slack=Decimal("0.0004")), True),  # 20 - 0.0004 = 19.9996
        ("19.9995", Limit(Decimal(20), at_least=True, slack=Decimal("0.0004")), False),
        ("0", Limit(Decimal(0), at_least=False), True),
        ("0.000001", Limit(Decimal(0), at_least=False), False),
        ("5.5", Limit(Decimal(5), at_least=False, slack=Decimal("0.5")), True),
        ("5.500001", Limit(Decimal(5), at_least=False, slack=Decimal("0.5")), False),
    ],
)
def test_a_figure_is_compared_as_it_is(figure: str, limit: Limit, kept: bool) -> None:
    assert limit.is_kept_by(Decimal(figure)) is kept


AT_LEAST_20 = Limit(Decimal(20), at_least=True)
AT_MOST_20 = Limit(Decimal(20), at_least=False)


@pytest.mark.parametrize(
    ("share", "limit", "covered", "total", "found"),
    [
        # 10 of 100 are 10 %. 90 days of 360: another 300 come. (20 % of 400 - 10) / 300 = 70/300 = 23.3… %
        ("10/100", AT_LEAST_20, 90, 360, Outlook(False, rest=Decimal(7000) / 300)),
        # 30 of 100 are 30 %: the rest needs (80 - 30) / 300 = 16.6… %
        ("30/100", AT_LEAST_20, 90, 360, Outlook(True, rest=Decimal(5000) / 300)),
        # 90 of 100: already more than 20 % of 400, so the rest needs nothing
        ("90/100", AT_LEAST_20, 90, 360, Outlook(True, rest=Decimal(0))),
        # 0 of 100 after 330 of 360 days: 9.09… come, 20 % of 109.09… is 21.8… of 9.09…: more than all of it
        ("0/100", AT_LEAST_20, 330, 360, Outlook(False, rest=Decimal(100), can_be_met=False)),
        # all days reported: it is what it is
        ("19/100", AT_LEAST_20, 360, 360, Outlook(False, can_be_met=False)),
        ("20/100", AT_LEAST_20, 360, 360, Outlook(True)),
        # 50 of 100 at most 20 %: 20 % of 400 is 80, so the rest may be 30 of 300 = 10 %
        ("50/100", AT_MOST_20, 90, 360, Outlook(False, rest=Decimal(10))),
        # 90 of 100: 80 is passed already
        ("90/100", AT_MOST_20, 90, 360, Outlook(False, rest=Decimal(0), can_be_met=False)),
    ],
)
def test_what_the_rest_must_reach(share: str, limit: Limit, covered: int, total: int, found: Outlook) -> None:
    numerator, denominator = map(Decimal, share.split("/"))
    outlook = forecasts.of_share(numerator, denominator, limit, covered, total)
    assert (outlook.is_on_course, outlook.can_be_met) == (found.is_on_course, found.can_be_met)
    assert (outlook.rest is None) == (found.rest is None)
    if found.rest is not None and outlook.rest is not None:
        assert abs(outlook.rest - found.rest) < Decimal("1e-20")


@pytest.mark.parametrize(
    ("so_far", "limit", "covered", "total", "found"),
    [
        # 3 000 in 90 days: 12 000 in 360
        ("3000", Limit(Decimal(12000), False), 90, 360, Outlook(True, Decimal(12000), Decimal(9000))),
        ("3001", Limit(Decimal(12000), False), 90, 360, Outlook(False, Decimal(12004), Decimal(8999))),
        # more is used than may be used in all
        ("12001", Limit(Decimal(12000), False), 90, 360, Outlook(False, Decimal(48004), Decimal(0), False)),
        ("3000", Limit(Decimal(12000), True), 90, 360, Outlook(True, Decimal(12000), Decimal(9000))),
        ("11999", Limit(Decimal(12000), True), 360, 360, Outlook(False, Decimal(11999), Decimal(1), False)),
        # part of a year: 59 of 151 days
        ("590", Limit(Decimal(1510), False), 59, 151, Outlook(True, Decimal(1510), Decimal(920))),
    ],
)  # fmt: skip
def test_what_it_comes_to_at_this_pace(so_far: str, limit: Limit, covered: int, total: int, found: Outlook) -> None:
    assert forecasts.of_sum(Decimal(so_far), limit, covered, total) == found
