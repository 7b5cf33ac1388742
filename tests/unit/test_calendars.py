from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import calendars
from portal.calendars import Period

unhurried = settings(deadline=None)  # a busy machine is no fault of the code

DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 4, 1), True),  # Wednesday before Easter
        (date(2026, 4, 2), False),  # Maundy Thursday
        (date(2026, 4, 3), False),  # Good Friday
        (date(2026, 4, 6), False),  # Easter Monday
        (date(2026, 4, 7), True),
        (date(2027, 5, 17), False),  # Constitution Day, a Monday
        (date(2026, 5, 14), False),  # Ascension
        (date(2026, 5, 25), False),  # Whit Monday
        (date(2026, 5, 1), False),
        (date(2026, 12, 24), True),
        (date(2026, 12, 25), False),
        (date(2027, 1, 1), False),
        (date(2028, 2, 29), True),
        (date(2026, 8, 1), False),  # Saturday
    ],
)
def test_norwegian_working_days(day: date, works: bool) -> None:
    assert calendars.is_working_day(day) is works


def test_each_country_has_its_own_holidays() -> None:
    swedish_national_day, norwegian_national_day = date(2028, 6, 6), date(2027, 5, 17)
    assert not calendars.is_working_day(swedish_national_day, "SE")
    assert calendars.is_working_day(swedish_national_day, "NO")
    assert calendars.is_working_day(norwegian_national_day, "SE")
    assert not calendars.is_working_day(norwegian_national_day, "NO")


def test_an_unknown_country_is_an_error_and_not_a_country_without_holidays() -> None:
    with pytest.raises(ValueError, match="XX"):
        calendars.is_working_day(date(2026, 4, 1), "XX")


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2026, 4, 1), 1, date(2026, 4, 7)),  # over Easter
        (date(2026, 4, 4), 1, date(2026, 4, 7)),  # from within it
        (date(2026, 5, 15), 1, date(2026, 5, 18)),  # 17 May is a Sunday
        (date(2027, 5, 14), 1, date(2027, 5, 18)),  # 17 May is a Monday
        (date(2026, 12, 30), 2, date(2027, 1, 4)),
        (date(2028, 2, 28), 1, date(2028, 2, 29)),
        (date(2026, 4, 7), -1, date(2026, 4, 1)),
        (date(2026, 4, 4), 0, date(2026, 4, 4)),
    ],
)
def test_working_days_are_added_over_holidays(day: date, count: int, expected: date) -> None:
    assert calendars.add_working_days(day, count) == expected


@unhurried
@given(DAYS, st.integers(-60, 60))
def test_counting_and_adding_agree(day: date, count: int) -> None:
    assert calendars.working_days_between(day, calendars.add_working_days(day, count)) == count


@unhurried
@given(DAYS, DAYS, DAYS)
def test_working_days_add_up(first: date, second: date, third: date) -> None:
    first, second, third = sorted((first, second, third))
    whole = calendars.working_days_between(first, third)
    assert whole == calendars.working_days_between(first, second) + calendars.working_days_between(second, third)


@unhurried
@given(DAYS, st.integers(1, 60))
def test_the_day_that_comes_out_is_a_working_day(day: date, count: int) -> None:
    assert calendars.is_working_day(calendars.add_working_days(day, count))


@pytest.mark.parametrize(
    ("day", "moment"),
    [
        (date(2026, 1, 10), datetime(2026, 1, 10, 22, 59, 59, tzinfo=UTC)),
        (date(2026, 7, 10), datetime(2026, 7, 10, 21, 59, 59, tzinfo=UTC)),
        (date(2026, 3, 28), datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC)),  # the night before summer time
        (date(2026, 3, 29), datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC)),  # the day of 23 hours
        (date(2026, 10, 25), datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC)),  # the day of 25 hours
        (date(2026, 12, 31), datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)),  # still the old year in both
    ],
)
def test_a_deadline_is_the_last_second_of_the_day_in_oslo(day: date, moment: datetime) -> None:
    end = calendars.end_of_day(day, "Europe/Oslo")
    assert end == moment
    assert end.tzinfo is UTC
    assert end.astimezone(ZoneInfo("Europe/Oslo")).isoformat().startswith(f"{day}T23:59:59")


def test_new_year_begins_in_oslo_while_utc_has_the_old_year() -> None:
    assert calendars.start_of_day(date(2027, 1, 1), "Europe/Oslo") == datetime(2026, 12, 31, 23, tzinfo=UTC)


@unhurried
@given(DAYS)
def test_a_day_ends_one_second_before_the_next_begins(day: date) -> None:
    for zone in ("Europe/Oslo", "Atlantic/Reykjavik", "Europe/Helsinki", "Pacific/Auckland"):
        next_day = calendars.start_of_day(day + timedelta(days=1), zone)
        assert next_day - calendars.end_of_day(day, zone) == timedelta(seconds=1)


def test_a_month_is_whole_also_in_a_leap_year() -> None:
    assert calendars.month_of(date(2028, 2, 10)) == Period(date(2028, 2, 1), date(2028, 2, 29))
    assert calendars.month_of(date(2028, 2, 29)).days == 29
    assert calendars.month_of(date(2026, 12, 31)) == Period(date(2026, 12, 1), date(2026, 12, 31))


def test_months_back_are_those_before_oldest_first() -> None:
    months = calendars.months_back(date(2026, 3, 31), 14)
    assert len(months) == 14
    assert months[0] == Period(date(2025, 1, 1), date(2025, 1, 31))
    assert months[-1] == Period(date(2026, 2, 1), date(2026, 2, 28))
    assert calendars.months_back(date(2026, 3, 31), 0) == ()


@unhurried
@given(DAYS)
def test_months_follow_on_each_other(day: date) -> None:
    this, following = calendars.month_of(day), calendars.month_after(day)
    assert this.ends_on + timedelta(days=1) == following.starts_on
    assert calendars.months_back(following.ends_on, 1) == (this,)
    assert this.starts_on <= day <= this.ends_on
