"""Deadlines and windows, case by case with the arithmetic in words: holidays, summer time, parts, pauses, lateness."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import pytest

from portal import calendars, clock
from portal.calendars import Counting, DeadlineRule, Frequency, Moves, Period
from portal.model import Contract, Report, ReportState
from portal.operations import deadlines

TEN = DeadlineRule(10)
"""Ten working days, to the end of the day."""


def working(days: int, at: str = "") -> DeadlineRule:
    return DeadlineRule(days, Counting.WORKING, Moves.FORWARD, at)


def calendar(days: int, moves: Moves = Moves.FORWARD, at: str = "") -> DeadlineRule:
    return DeadlineRule(days, Counting.CALENDAR, moves, at)


def utc(month: int, day: int, clock_time: str, year: int = 2026) -> datetime:
    return datetime.fromisoformat(f"{year}-{month:02}-{day:02}T{clock_time}+00:00")


# -- when a report is due ----------------------------------------------------------------------------------------------


class Due(NamedTuple):
    """The arithmetic in words, the period's last day, the rule, what it comes to, and where."""

    words: str
    last_day: date
    rule: DeadlineRule
    expected: datetime
    country: str = "NO"
    zone: str = "Europe/Oslo"


DUE = [
    Due("Easter: 1 Apr is the 1st, 2, 3 and 6 Apr are holidays, 7–10 Apr 2nd–5th, 13–17 Apr 6th–10th",
        date(2026, 3, 31), TEN, utc(4, 17, "21:59:59")),
    Due("no holiday: 2–6 Feb are 1st–5th, 9–13 Feb 6th–10th; in winter the day ends at 23 UTC",
        date(2026, 1, 31), TEN, utc(2, 13, "22:59:59")),
    Due("year end: 1 Jan is a holiday, a Friday; 4–8 Jan are 1st–5th, 11–15 Jan 6th–10th",
        date(2026, 12, 31), TEN, utc(1, 15, "22:59:59", 2027)),
    Due("Christmas: 1–4, 7–11, 14–18, 21–24 Dec are 1st–18th, the 25th is off, 28 Dec 19th, 29 Dec 20th",
        date(2026, 11, 30), working(20), utc(12, 29, "22:59:59")),
    Due("leap day: the period ends on 29 Feb, a Tuesday, so 1 Mar is the 1st",
        date(2028, 2, 29), working(1), utc(3, 1, "22:59:59", 2028)),
    Due("leap day: 31 Jan and 29 days is 29 Feb", date(2028, 1, 31), calendar(29), utc(2, 29, "22:59:59", 2028)),
    Due("no leap day: 31 Jan and 29 days is 1 Mar", date(2027, 1, 31), calendar(29), utc(3, 1, "22:59:59", 2027)),
    Due("calendar days on a working day stay: 31 Mar and 14 days is Tuesday 14 Apr",
        date(2026, 3, 31), calendar(14), utc(4, 14, "21:59:59")),
    Due("31 Mar and 2 days is Maundy Thursday; forward over Easter is Tuesday 7 Apr",
        date(2026, 3, 31), calendar(2), utc(4, 7, "21:59:59")),
    Due("31 Mar and 2 days is Maundy Thursday; back is Wednesday 1 Apr",
        date(2026, 3, 31), calendar(2, Moves.BACK), utc(4, 1, "21:59:59")),
    Due("31 Mar and 2 days is Maundy Thursday, and stays",
        date(2026, 3, 31), calendar(2, Moves.STAY), utc(4, 2, "21:59:59")),
    Due("17 May 2027 is Constitution Day and Whit Monday at once; forward is Tuesday the 18th",
        date(2027, 4, 30), calendar(17), utc(5, 18, "21:59:59", 2027)),
    Due("17 May 2027: back over the weekend is Friday the 14th",
        date(2027, 4, 30), calendar(17, Moves.BACK), utc(5, 14, "21:59:59", 2027)),
    Due("17 May 2027 stays", date(2027, 4, 30), calendar(17, Moves.STAY), utc(5, 17, "21:59:59", 2027)),
    Due("17 May 2026 is a Sunday; forward is Monday the 18th", date(2026, 4, 30), calendar(17), utc(5, 18, "21:59:59")),
    Due("17 May 2026: back is Friday the 15th, the day after Ascension",
        date(2026, 4, 30), calendar(17, Moves.BACK), utc(5, 15, "21:59:59")),
    Due("1 May off, 4–8 May 1st–5th, 11–13 May 6th–8th, Ascension off, 15 May 9th, 18 May 10th",
        date(2026, 4, 30), TEN, utc(5, 18, "21:59:59")),
    Due("Whit Monday: 21 and 22 May are 1st and 2nd, the 25th is off, the 26th is the 3rd",
        date(2026, 5, 20), working(3), utc(5, 26, "21:59:59")),
    Due("the day of 23 hours ends at 24 summer time, 22 UTC", date(2026, 3, 28), calendar(1, Moves.STAY),
        utc(3, 29, "21:59:59")),
    Due("the day before it still ends at 23 UTC", date(2026, 3, 27), calendar(1, Moves.STAY), utc(3, 28, "22:59:59")),
    Due("noon on the day of 23 hours is 10 UTC", date(2026, 3, 28), calendar(1, Moves.STAY, "12:00"),
        utc(3, 29, "10:00:00")),
    Due("02:30 does not exist that night: an hour later is 03:30 summer time, 01:30 UTC",
        date(2026, 3, 28), calendar(1, Moves.STAY, "02:30"), utc(3, 29, "01:30:00")),
    Due("the day of 25 hours ends at 24 winter time, 23 UTC", date(2026, 10, 24), calendar(1, Moves.STAY),
        utc(10, 25, "22:59:59")),
    Due("02:30 comes twice that night: the later one is 01:30 UTC",
        date(2026, 10, 24), calendar(1, Moves.STAY, "02:30"), utc(10, 25, "01:30:00")),
    Due("noon on the day of 25 hours is 11 UTC", date(2026, 10, 24), calendar(1, Moves.STAY, "12:00"),
        utc(10, 25, "11:00:00")),
    Due("noon on the tenth working day, in summer time",
        date(2026, 3, 31), working(10, "12:00"), utc(4, 17, "10:00:00")),
    Due("midnight is the first moment of the day, 23 UTC the day before", date(2026, 12, 31), working(10, "00:00"),
        utc(1, 14, "23:00:00", 2027)),
    Due("no days at all: the period's last day, New Year's Eve", date(2026, 12, 31), calendar(0, Moves.STAY),
        utc(12, 31, "22:59:59")),
    Due("no working days after a Sunday: it moves to Monday 1 Jun",
        date(2026, 5, 31), working(0), utc(6, 1, "21:59:59")),
    Due("no working days after a Sunday, back: Friday 29 May", date(2026, 5, 31),
        DeadlineRule(0, Counting.WORKING, Moves.BACK), utc(5, 29, "21:59:59")),
    Due("Sweden: 1, 2 and 5 Jun are 1st–3rd, the national day is off, 7 Jun is the 4th",
        date(2028, 5, 31), working(4), utc(6, 7, "21:59:59", 2028), "SE", "Europe/Stockholm"),
    Due("Sweden works on Maundy Thursday: 1 Apr 1st, 2 Apr 2nd",
        date(2026, 3, 31), working(2), utc(4, 2, "21:59:59"), "SE", "Europe/Stockholm"),
    Due("Sweden works on 17 May 2028, a Wednesday: 16 May and 1 day", date(2028, 5, 16), working(1),
        utc(5, 17, "21:59:59", 2028), "SE", "Europe/Stockholm"),
    Due("Norway does not: the 18th", date(2028, 5, 16), working(1), utc(5, 18, "21:59:59", 2028)),
    Due("Denmark works on 1 May: great prayer day is no holiday any more",
        date(2026, 4, 30), working(1), utc(5, 1, "21:59:59"), "DK", "Europe/Copenhagen"),
    Due("Denmark has Easter off: 1 Apr 1st, 7 Apr 2nd",
        date(2026, 3, 31), working(2), utc(4, 7, "21:59:59"), "DK", "Europe/Copenhagen"),
    Due("Finland: Independence Day, 6 Dec 2027, is a Monday; the 7th ends at 22 UTC",
        date(2027, 12, 3), working(1), utc(12, 7, "21:59:59", 2027), "FI", "Europe/Helsinki"),
    Due("Finland works on Maundy Thursday, and its summer day ends at 21 UTC",
        date(2026, 3, 31), working(2), utc(4, 2, "20:59:59"), "FI", "Europe/Helsinki"),
    Due("Iceland: the first day of summer, 23 Apr 2026, is off; no summer time",
        date(2026, 4, 22), working(1), utc(4, 24, "23:59:59"), "IS", "Atlantic/Reykjavik"),
    Due("a part-period that ends on 15 Jun: 16–19, 22–26 Jun are 1st–9th, 29 Jun is the 10th",
        date(2026, 6, 15), TEN, utc(6, 29, "21:59:59")),
]  # fmt: skip


@pytest.mark.parametrize("case", DUE, ids=lambda case: case.words)
def test_due(case: Due) -> None:
    assert case.rule.due(case.last_day, case.country, case.zone) == case.expected


# -- which stretches of days -------------------------------------------------------------------------------------------


class Cut(NamedTuple):
    """In words, the contract's days, frequency and pauses, and the periods they give, as «12.3.–31.3.»."""

    words: str
    starts_on: date
    ends_on: date
    frequency: Frequency
    paused: Sequence[Period]
    expected: str


MARCH, MAY = date(2026, 3, 1), date(2026, 5, 31)
MONTH = Frequency.MONTH


def pause(first: str, last: str = "9999-12-31") -> Period:
    return Period(date.fromisoformat(first), date.fromisoformat(last))


CUTS = [
    Cut("a start within a month gives a part of it",
        date(2026, 3, 12), MAY, MONTH, [], "12.3.–31.3. 1.4.–30.4. 1.5.–31.5."),
    Cut("an end within a month too", MARCH, date(2026, 4, 15), MONTH, [], "1.3.–31.3. 1.4.–15.4."),
    Cut("both in one month", date(2026, 3, 12), date(2026, 3, 20), MONTH, [], "12.3.–20.3."),
    Cut("one day", MARCH, MARCH, MONTH, [], "1.3.–1.3."),
    Cut("the last day of a leap February", date(2028, 2, 1), date(2028, 3, 1), MONTH, [], "1.2.–29.2. 1.3.–1.3."),
    Cut("over the year end", date(2026, 12, 15), date(2027, 1, 15), MONTH, [], "15.12.–31.12. 1.1.–15.1."),
    Cut("two months are counted from January", date(2026, 2, 10), date(2026, 5, 31), Frequency.TWO_MONTHS, [],
        "10.2.–28.2. 1.3.–30.4. 1.5.–31.5."),
    Cut("quarters are the calendar's", date(2026, 11, 15), date(2027, 4, 30), Frequency.QUARTER, [],
        "15.11.–31.12. 1.1.–31.3. 1.4.–30.4."),
    Cut("half-years too", date(2026, 3, 1), date(2027, 1, 31), Frequency.HALF_YEAR, [],
        "1.3.–30.6. 1.7.–31.12. 1.1.–31.1."),
    Cut("years too, cut at both ends", date(2026, 10, 1), date(2028, 9, 30), Frequency.YEAR, [],
        "1.10.–31.12. 1.1.–31.12. 1.1.–30.9."),
    Cut("a pause inside a month gives two parts", MARCH, date(2026, 3, 31), MONTH, [pause("2026-03-10", "2026-03-15")],
        "1.3.–9.3. 16.3.–31.3."),
    Cut("a pause across months cuts both", MARCH, MAY, MONTH, [pause("2026-03-20", "2026-04-10")],
        "1.3.–19.3. 11.4.–30.4. 1.5.–31.5."),
    Cut("a whole month gives none", MARCH, MAY, MONTH, [pause("2026-04-01", "2026-04-30")], "1.3.–31.3. 1.5.–31.5."),
    Cut("a pause that goes on gives none from its first day", MARCH, MAY, MONTH, [pause("2026-04-11")],
        "1.3.–31.3. 1.4.–10.4."),
    Cut("a pause from the first day",
        MARCH, date(2026, 3, 31), MONTH, [pause("2026-03-01", "2026-03-09")], "10.3.–31.3."),
    Cut("a pause to the last day", MARCH, date(2026, 3, 31), MONTH, [pause("2026-03-20", "2026-03-31")], "1.3.–19.3."),
    Cut("two pauses in a month", MARCH, date(2026, 3, 31), MONTH,
        [pause("2026-03-20", "2026-03-22"), pause("2026-03-05", "2026-03-06")], "1.3.–4.3. 7.3.–19.3. 23.3.–31.3."),
    Cut("pauses side by side are one", MARCH, date(2026, 3, 31), MONTH,
        [pause("2026-03-05", "2026-03-09"), pause("2026-03-10", "2026-03-14")], "1.3.–4.3. 15.3.–31.3."),
    Cut("a pause of one day", MARCH, date(2026, 3, 31), MONTH, [pause("2026-03-17", "2026-03-17")],
        "1.3.–16.3. 18.3.–31.3."),
    Cut("a month's pause in a quarter gives two parts of it", date(2026, 1, 1), date(2026, 3, 31), Frequency.QUARTER,
        [pause("2026-02-01", "2026-02-28")], "1.1.–31.1. 1.3.–31.3."),
    Cut("a pause before the start cuts nothing", MARCH, date(2026, 3, 31), MONTH, [pause("2026-01-01", "2026-02-10")],
        "1.3.–31.3."),
    Cut("paused from the first day on", MARCH, MAY, MONTH, [pause("2026-03-01")], ""),
]  # fmt: skip


@pytest.mark.parametrize("case", CUTS, ids=lambda case: case.words)
def test_cut(case: Cut) -> None:
    found = calendars.periods(case.starts_on, case.ends_on, case.frequency, case.paused)
    assert " ".join(f"{_day(each.starts_on)}–{_day(each.ends_on)}" for each in found) == case.expected


def _day(day: date) -> str:
    return f"{day.day}.{day.month}."


# -- how late ----------------------------------------------------------------------------------------------------------


class Late(NamedTuple):
    """In words: the deadline in force, when it came, by how many days it is late, and whether it is past at all."""

    words: str
    due_at: datetime
    came_at: datetime
    days: int
    is_past: bool = True
    zone: str = "Europe/Oslo"


IN_APRIL = utc(4, 17, "21:59:59")
AT_NOON = utc(4, 17, "10:00:00")

LATE = [
    Late("at 20:25 on the day it is in time", IN_APRIL, utc(4, 17, "18:25:00"), 0, is_past=False),
    Late("in the last second it is in time", IN_APRIL, IN_APRIL, 0, is_past=False),
    Late("a second into the next day, which is still the same day in UTC, is one day",
        IN_APRIL, utc(4, 17, "22:00:00"), 1),
    Late("the last moment of the next day is one day still", IN_APRIL, utc(4, 18, "21:59:59"), 1),
    Late("Friday to Tuesday is four days: days of delay are calendar days", IN_APRIL, utc(4, 21, "08:00:00"), 4),
    Late("after noon on the day: past, and no day late", AT_NOON, utc(4, 17, "12:00:00"), 0),
    Late("a second before noon is in time", AT_NOON, utc(4, 17, "09:59:59"), 0, is_past=False),
    Late("the morning after a deadline at noon is one day", AT_NOON, utc(4, 18, "06:00:00"), 1),
    Late("over the night when summer time begins: Saturday to Monday",
        utc(3, 28, "22:59:59"), utc(3, 29, "22:00:00"), 2),
    Late("over the night when it ends: Saturday to Sunday, an hour later",
        utc(10, 24, "21:59:59"), utc(10, 25, "22:30:00"), 1),
    Late("over the year end", utc(12, 31, "22:59:59"), utc(1, 2, "09:00:00", 2027), 2),
    Late("over a leap day: 28 Feb to 1 Mar", utc(2, 28, "22:59:59", 2028), utc(3, 1, "09:00:00", 2028), 2),
    Late("after an extension it is counted from the new deadline", utc(4, 24, "21:59:59"), utc(4, 27, "09:00:00"), 3),
    Late("before the new deadline it is not late at all",
        utc(4, 24, "21:59:59"), utc(4, 23, "09:00:00"), 0, is_past=False),
    Late("in Helsinki the next day has begun at 21:30 UTC", utc(4, 2, "20:59:59"), utc(4, 2, "21:30:00"), 1,
         zone="Europe/Helsinki"),
]  # fmt: skip


@pytest.mark.parametrize("case", LATE, ids=lambda case: case.words)
def test_late(case: Late) -> None:
    report = _report(case.due_at, case.zone)
    assert deadlines.days_late(report, case.came_at) == case.days
    with clock.at(case.came_at):
        assert report.is_overdue == case.is_past


class Returned(NamedTuple):
    """In words: when it was returned, its working days, the deadline that gives, when it came again, and how late."""

    words: str
    returned_at: datetime
    working_days: int
    due_at: datetime
    came_at: datetime
    days: int


RETURNED = [
    Returned("1 May off, 4–8 May 1st–5th; Monday the 11th is 9, 10 and 11 May late",
             utc(4, 30, "09:00:00"), 5, utc(5, 8, "21:59:59"), utc(5, 11, "08:00:00"), 3),
    Returned("13 May 1st, Ascension off, 15 May 2nd, the 17th a Sunday, 18–20 May 3rd–5th; on the 20th it is in time",
             utc(5, 12, "09:00:00"), 5, utc(5, 20, "21:59:59"), utc(5, 20, "21:59:59"), 0),
    Returned("over Easter: 1 Apr 1st, 7 and 8 Apr 2nd and 3rd; a second into the 9th is one day",
             utc(3, 31, "09:00:00"), 3, utc(4, 8, "21:59:59"), utc(4, 8, "22:00:00"), 1),
    Returned("over the year end: 30 and 31 Dec 1st and 2nd, 1 Jan off, 4 Jan 3rd; the 6th is two days",
             utc(12, 29, "09:00:00"), 3, utc(1, 4, "22:59:59", 2027), utc(1, 6, "09:00:00", 2027), 2),
    Returned("over a leap day: Tuesday 29 Feb 1st, 1 Mar 2nd; the 3rd is two days",
             utc(2, 28, "09:00:00", 2028), 2, utc(3, 1, "22:59:59", 2028), utc(3, 3, "09:00:00", 2028), 2),
    Returned("over the night when summer time begins: Monday 30 Mar 1st, ends at 22 UTC; at 22:30 it is one day",
             utc(3, 27, "09:00:00"), 1, utc(3, 30, "21:59:59"), utc(3, 30, "22:30:00"), 1),
]  # fmt: skip


@pytest.mark.parametrize("case", RETURNED, ids=lambda case: case.words)
def test_late_after_a_return(case: Returned) -> None:
    with clock.at(case.returned_at):
        assert deadlines.in_working_days(_contract("Europe/Oslo"), case.working_days) == case.due_at
    assert deadlines.days_late(_report(case.due_at, "Europe/Oslo"), case.came_at) == case.days


SPOKEN_OF = ("Easter", "17 May", "leap day", "year end", "summer time", "part-period", "pause", "extension", "holiday")


def test_there_are_at_least_forty_cases_and_they_speak_of_what_goes_wrong() -> None:
    cases = [case.words for table in (DUE, CUTS, LATE, RETURNED) for case in table]
    assert len(cases) >= 40
    assert [each for each in SPOKEN_OF if not any(each in words for words in cases)] == []


def test_a_correction_has_a_deadline_of_its_own_at_the_contracts_time_of_day() -> None:
    """Returned on Thursday 30 April: 1 May is off, 4–8 May are 1st–5th."""
    contract = _contract("Europe/Oslo", due_time="12:00")
    with clock.at(utc(4, 30, "09:00:00")):
        assert deadlines.in_working_days(contract, 5) == utc(5, 8, "10:00:00")


def test_a_return_in_the_evening_counts_from_the_day_it_is_where_the_contract_is() -> None:
    """At 22:30 UTC on 30 April it is 1 May in Oslo, a holiday: 4–8 May are 1st–5th all the same."""
    with clock.at(utc(4, 30, "22:30:00")):
        assert deadlines.in_working_days(_contract("Europe/Oslo"), 5) == utc(5, 8, "21:59:59")


def test_what_the_process_is_told() -> None:
    """Due Friday 17 Apr: three working days before is the 14th, five after is the 24th, each at 8 in the morning."""
    report = _report(IN_APRIL, "Europe/Oslo")
    with clock.at(utc(4, 7, "09:00:00")):
        assert deadlines.process_data(report) == {
            "due_at": "2026-04-17T21:59:59+00:00",
            "remind_at": "2026-04-14T06:00:00+00:00",
            "missed_at": "2026-04-17T21:59:59+00:00",
            "escalate_at": "2026-04-24T06:00:00+00:00",
            "begin_at": "fill_in",
        }
    report.state = ReportState.TO_SIGN
    with clock.at(utc(4, 15, "09:00:00")):
        told = deadlines.process_data(report)
        assert (told["remind_at"], told["begin_at"]) == ("2026-04-17T06:00:00+00:00", "sign"), "on its morning"
    with clock.at(utc(4, 17, "09:00:00")):
        assert deadlines.process_data(report)["remind_at"] == "", "the morning is over"
    report.held_until = utc(4, 21, "21:59:59")
    with clock.at(utc(4, 17, "09:00:00")):
        told = deadlines.process_data(report)
    held = "2026-04-21T21:59:59+00:00"
    assert (told["due_at"], told["missed_at"], told["escalate_at"]) == (held, held, "2026-04-28T06:00:00+00:00")
    report.held_until = None
    with clock.at(utc(4, 30, "09:00:00")):
        assert deadlines.process_data(report)["escalate_at"] == "2026-05-08T06:00:00+00:00", "five days from now"


def test_a_reminder_in_the_week_of_summer_time_comes_at_eight_by_the_clock_on_the_wall() -> None:
    """Due Monday 30 Mar 2026: the reminder is on Wednesday the 25th, at 8 winter time, 7 UTC."""
    report = _report(utc(3, 30, "21:59:59"), "Europe/Oslo")
    with clock.at(utc(3, 2, "09:00:00")):
        assert deadlines.process_data(report)["remind_at"] == "2026-03-25T07:00:00+00:00"


def _report(due_at: datetime, zone: str) -> Report:
    return Report(contract=_contract(zone), due_at=due_at, state=ReportState.DRAFT)


def _contract(zone: str, due_time: str = "") -> Contract:
    return Contract(time_zone=zone, country="NO", due_time=due_time)
