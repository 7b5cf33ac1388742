"""Days that count: working days with a country's holidays, deadlines by rule, periods of a contract, their names."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays
from babel.dates import format_date

from portal.text import LANGUAGES, Text, same

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


class Frequency(StrEnum):
    """How long a reporting period is: whole calendar months, counted from January."""

    MONTH = "month"
    TWO_MONTHS = "two_months"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    YEAR = "year"

    @property
    def months(self) -> int:
        """How many calendar months one period has."""
        return _MONTHS[self]


_MONTHS = {
    Frequency.MONTH: 1,
    Frequency.TWO_MONTHS: 2,
    Frequency.QUARTER: 3,
    Frequency.HALF_YEAR: 6,
    Frequency.YEAR: 12,
}


class Counting(StrEnum):
    """Which days count."""

    WORKING = "working"
    CALENDAR = "calendar"


class Moves(StrEnum):
    """What becomes of a deadline that falls on a weekend or a public holiday."""

    FORWARD = "forward"
    BACK = "back"
    STAY = "stay"


class DeadlineRule(NamedTuple):
    """How a deadline follows from a day: so many days after it, moved off holidays, at a time of day.

    `at` is local time, «HH:MM»; "" is the end of the day.
    """

    days: int
    counting: Counting = Counting.WORKING
    moves: Moves = Moves.FORWARD
    at: str = ""

    def day(self, after: date, country: str = "NO") -> date:
        """The day of the deadline: `days` after `after`, which is not counted itself."""
        if self.counting == Counting.WORKING:
            return moved(add_working_days(after, self.days, country), self.moves, country)
        return moved(after + timedelta(days=self.days), self.moves, country)

    def due(self, after: date, country: str, zone: str) -> datetime:
        """The moment of the deadline, in UTC."""
        return at_time(self.day(after, country), self.at, zone)


def moved(day: date, moves: Moves, country: str = "NO") -> date:
    """`day`, or the nearest working day in the direction that the contract's rule gives."""
    if moves == Moves.STAY or is_working_day(day, country):
        return day
    return add_working_days(day, 1 if moves == Moves.FORWARD else -1, country)


def at_time(day: date, at: str, zone: str) -> datetime:
    """A time of day («HH:MM», "" for the end of the day) on `day` in `zone` (an IANA name), in UTC.

    In the hour that does not exist when clocks go forward it is the moment an hour later; in the hour that comes twice
    it is the later one: a deadline is never earlier than its words.
    """
    if not at:
        return end_of_day(day, zone)
    local = datetime.combine(day, time.fromisoformat(at), ZoneInfo(zone))
    return max(local.astimezone(UTC), local.replace(fold=1).astimezone(UTC))


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


def periods(starts_on: date, ends_on: date, frequency: Frequency, paused: Sequence[Period] = ()) -> tuple[Period, ...]:
    """The reporting periods of a contract, oldest first: calendar stretches, cut at its first and last day.

    Days on which it is paused are in none. A stretch that a pause cuts in two gives two part-periods; one that is
    paused altogether gives none.
    """
    return tuple(
        part
        for stretch in _stretches(starts_on, ends_on, frequency)
        for part in _without(Period(max(stretch.starts_on, starts_on), min(stretch.ends_on, ends_on)), paused)
    )


def _stretches(starts_on: date, ends_on: date, frequency: Frequency) -> Iterator[Period]:
    first = date(starts_on.year, (starts_on.month - 1) // frequency.months * frequency.months + 1, 1)
    while first <= ends_on:
        following = _months_later(first, frequency.months)
        yield Period(first, following - _A_DAY)
        first = following


def _without(whole: Period, paused: Sequence[Period]) -> Iterator[Period]:
    first = whole.starts_on
    for pause in sorted(paused):
        if pause.ends_on < first or pause.starts_on > whole.ends_on:
            continue
        if first < pause.starts_on:
            yield Period(first, pause.starts_on - _A_DAY)
        if pause.ends_on >= whole.ends_on:
            return
        first = pause.ends_on + _A_DAY
    yield Period(first, whole.ends_on)


def _months_later(first: date, months: int) -> date:
    count = first.year * 12 + first.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def local_day(moment: datetime, zone: str) -> date:
    """The calendar day that `moment` falls on in `zone`."""
    return moment.astimezone(ZoneInfo(zone)).date()


def month_name(day: date) -> Text:
    """The month in words: «oktober 2026»."""
    return Text(*(format_date(day, "LLLL y", locale=language) for language in LANGUAGES))


def period_name(period: Period) -> Text:
    """A period in words: «oktober 2026», «4. kvartal 2026», «2026», and a part of one by its days."""
    first, last = period
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if first.day != 1 or (last + _A_DAY).day != 1 or months not in _WHOLE or (first.month - 1) % months:
        return _days_name(first, last)
    return _WHOLE[months](first)


def as_typed(day: date) -> str:
    """The day as it is typed and read back in a field, alike in every language: «16.10.2026»."""
    return f"{day:%d.%m.%Y}"


def month_alone(day: date) -> Text:
    """The month without its year: «oktober»."""
    return Text(*(format_date(day, "LLLL", locale=language) for language in LANGUAGES))


def _days_name(first: date, last: date) -> Text:
    """From day to day, what the two have in common said once: «12.–31. mars 2026»."""
    if first == last:
        return day_name(first)
    same_month = (first.year, first.month) == (last.year, last.month)
    begun = "" if same_month else " MMMM" if first.year == last.year else " MMMM y"
    start = Text(format_date(first, f"d.{begun}", locale="nb"), format_date(first, f"d{begun}", locale="en"))
    return Text(*(f"{start.to(language)}–{day_name(last).to(language)}" for language in LANGUAGES))


def _quarter_name(first: date) -> Text:
    number = (first.month - 1) // 3 + 1
    return Text(f"{number}. kvartal {first.year}", f"quarter {number} of {first.year}")


def _half_year_name(first: date) -> Text:
    number = (first.month - 1) // 6 + 1
    return Text(f"{number}. halvår {first.year}", f"half-year {number} of {first.year}")


def _year_name(first: date) -> Text:
    return same(str(first.year))


def _two_months_name(first: date) -> Text:
    begun, second = month_alone(first), month_name(_months_later(first, 1))
    return Text(*(f"{begun.to(each)}–{second.to(each)}" for each in LANGUAGES))


def day_name(day: date) -> Text:
    """The day in words: «16. oktober 2026»."""
    return Text(format_date(day, "d. MMMM y", locale="nb"), format_date(day, "d MMMM y", locale="en"))


_WHOLE: dict[int, Callable[[date], Text]] = {
    1: month_name,
    2: _two_months_name,
    3: _quarter_name,
    6: _half_year_name,
    12: _year_name,
}
"""Months of a whole period -> its name, from its first day."""


def _first_of_next(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


@cache
def _public_holidays(country: str, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError as error:
        raise ValueError(f"no holidays are known for {country!r}") from error
