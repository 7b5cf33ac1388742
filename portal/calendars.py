"""Days that count: working days with the holidays of a country, the end of a day in a time zone, months."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays
from babel.dates import format_date

from portal.text import LANGUAGES, Text

_SATURDAY = 5
_A_DAY = timedelta(days=1)


class Period(NamedTuple):
    """From the first to the last day, both included."""

    starts_on: date
    ends_on: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.ends_on - self.starts_on).days + 1


def is_working_day(day: date, country: str = "NO") -> bool:
    """Whether `day` is neither weekend nor public holiday in `country` (ISO 3166-1). Raises ValueError if unknown."""
    return day.weekday() < _SATURDAY and day not in _public_holidays(country, day.year)


def add_working_days(day: date, count: int, country: str = "NO") -> date:
    """The `count`-th working day after `day` (before it when negative); `day` itself when `count` is 0."""
    step = _A_DAY if count > 0 else -_A_DAY
    left = abs(count)
    while left:
        day += step
        left -= is_working_day(day, country)
    return day


def working_days_between(start: date, end: date, country: str = "NO") -> int:
    """How many working days are left on `start` until `end`: `start` is not counted, `end` is. Negative when past."""
    first, last = min(start, end), max(start, end)
    if start > end:  # counted backwards the other end stays out
        first, last = first - _A_DAY, last - _A_DAY
    days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
    count = sum(is_working_day(day, country) for day in days)
    return count if start <= end else -count


def end_of_day(day: date, zone: str) -> datetime:
    """The last second of `day` in `zone` (an IANA name), in UTC: a deadline on a day is this moment."""
    return start_of_day(day + _A_DAY, zone) - timedelta(seconds=1)


def start_of_day(day: date, zone: str) -> datetime:
    """The first moment of `day` in `zone`, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def month_of(day: date) -> Period:
    """The calendar month that `day` lies in."""
    first = day.replace(day=1)
    return Period(first, _first_of_next(first) - _A_DAY)


def month_after(day: date) -> Period:
    """The calendar month after the one that `day` lies in."""
    return month_of(_first_of_next(day))


def months_back(day: date, count: int) -> tuple[Period, ...]:
    """The `count` whole months before the one that `day` lies in, oldest first."""
    found: list[Period] = []
    for _ in range(count):
        day = day.replace(day=1) - _A_DAY
        found.append(month_of(day))
    return tuple(reversed(found))


def months_between(start: date, end: date) -> tuple[Period, ...]:
    """Every calendar month from the one `start` lies in to the one `end` lies in, both included, oldest first."""
    found = [month_of(start)]
    while found[-1].ends_on < end:
        found.append(month_after(found[-1].starts_on))
    return tuple(found) if found[0].starts_on <= end else ()


def local_day(moment: datetime, zone: str) -> date:
    """The calendar day that `moment` falls on in `zone`."""
    return moment.astimezone(ZoneInfo(zone)).date()


def month_name(day: date) -> Text:
    """The month in words: «oktober 2026»."""
    return Text(*(format_date(day, "LLLL y", locale=language) for language in LANGUAGES))


def day_name(day: date) -> Text:
    """The day in words: «16. oktober 2026»."""
    return Text(format_date(day, "d. MMMM y", locale="nb"), format_date(day, "d MMMM y", locale="en"))


def _first_of_next(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


@cache
def _public_holidays(country: str, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError as error:
        raise ValueError(f"no holidays are known for {country!r}") from error
