"""Which way the reports of each contract go: who does what when, counted back from this moment."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple

from portal import calendars
from portal.calendars import Period
from portal.demo import acts, finding
from portal.demo.world import Job
from portal.model import Contract

_NEWEST, _BEFORE_THAT, _THIRD, _FOURTH = 1, 2, 3, 4
"""How many periods back: 1 is the newest that is over."""
_DECEMBER = 12


class Event(NamedTuple):
    """Something somebody does at a moment."""

    at: datetime
    words: str
    do: Callable[[], None]


class Chapter(NamedTuple):
    """One period of a job: its days, how many periods back it is (1: the newest that is over), and this moment."""

    job: Job
    contract: Contract
    period: Period
    age: int
    now: datetime

    @property
    def opens_at(self) -> datetime:
        """When the worker opens it, on its first day."""
        return opening(self.period)

    @property
    def due_at(self) -> datetime:
        """Its deadline."""
        return self.contract.due_rule.due(self.period.ends_on, "NO", finding.ZONE)

    def event(self, at: datetime, words: str, act: Callable[[Job, Period], None]) -> Event:
        """Something that happens in it."""
        return Event(at, f"{self.job.reference} {words}", partial(act, self.job, self.period))

    def after(self, days: int, hour: int = 10) -> datetime:
        """So many days after its last day."""
        return _at(self.period.ends_on, days, hour)


def opening(period: Period) -> datetime:
    """Soon after midnight, as the worker does it."""
    return calendars.start_of_day(period.starts_on, finding.ZONE) + timedelta(minutes=5)


def of(job: Job, contract: Contract, periods: tuple[Period, ...], now: datetime) -> Iterator[Event]:
    """All that happens with the reports of a job up to now."""
    today = finding.local_day(now)
    over = [period for period in periods if period.ends_on < today]
    for age, period in enumerate(reversed(over), start=1):
        yield from _STORIES[job.story](Chapter(job, contract, period, age, now))
    current = next((period for period in periods if period.starts_on <= today <= period.ends_on), None)
    if job.story == "starting" and current is not None:
        yield from _asking_for_time(Chapter(job, contract, current, 0, now))


def _smooth(chapter: Chapter) -> Iterator[Event]:
    yield chapter.event(chapter.after(4), "is filed", acts.file)
    yield chapter.event(chapter.after(6), "is approved", acts.approve)


def _returned(chapter: Chapter) -> Iterator[Event]:
    """Two under correction: one that waits for a signature, one that waits to be corrected; one in the past."""
    if chapter.age > _BEFORE_THAT and chapter.age != _FOURTH:
        yield from _smooth(chapter)
        return
    yield chapter.event(min(chapter.after(4), chapter.now - timedelta(hours=6)), "is filed", acts.file)
    if chapter.age == _FOURTH:
        yield chapter.event(chapter.after(6), "is returned", acts.return_)
        yield chapter.event(chapter.after(7), "is corrected", acts.correct)
        yield chapter.event(chapter.after(7, 12), "is sent again", acts.sign)
        yield chapter.event(chapter.after(9), "is approved", acts.approve)
        return
    returned_at = chapter.now - (timedelta(hours=4) if chapter.age == _NEWEST else timedelta(days=5))
    yield chapter.event(returned_at, "is returned", acts.return_)
    if chapter.age == _BEFORE_THAT:
        yield chapter.event(chapter.now - timedelta(hours=25), "is corrected", acts.correct)


def _breach(chapter: Chapter) -> Iterator[Event]:
    """Two old machines arrive three periods back; the first breach is settled, the second waits for a reply."""
    clean = chapter.age > _THIRD
    filed_at = min(chapter.after(4), chapter.now - timedelta(hours=6))
    yield chapter.event(filed_at, "is filed", partial(acts.file, boost=clean))
    if clean:
        yield chapter.event(chapter.after(6), "is approved", acts.approve)
    elif chapter.age == _THIRD:
        yield chapter.event(chapter.after(6), "is approved", acts.approve)
        yield from _case(chapter, chapter.after(7))
        yield chapter.event(chapter.after(16), "has a sanction decided", acts.decide)
    elif chapter.age == _BEFORE_THAT:
        yield chapter.event(chapter.now - timedelta(days=5), "is approved", acts.approve)
        yield chapter.event(chapter.now - timedelta(days=4), "gets notice", acts.notify)


def _late(chapter: Chapter) -> Iterator[Event]:
    """The newest that is due is missing; the one before came late, and a daily amount is proposed for it."""
    missing = _overdue_age(chapter)
    if chapter.age <= missing:
        return
    if chapter.age > missing + 1:
        yield from _smooth(chapter)
        return
    filed_at = chapter.due_at + timedelta(days=5, hours=14)
    yield chapter.event(filed_at, "is filed late", acts.file)
    yield from _case(chapter, filed_at + timedelta(hours=20))


def _half_filled(chapter: Chapter) -> Iterator[Event]:
    if chapter.age == _NEWEST:
        yield chapter.event(chapter.now - timedelta(hours=5), "is begun", acts.begin)
        return
    filed_at = min(chapter.after(4), chapter.due_at - timedelta(hours=14))
    yield chapter.event(filed_at, "is filed", acts.file)
    yield chapter.event(filed_at + timedelta(days=2), "is approved", acts.approve)


def _unattended(chapter: Chapter) -> Iterator[Event]:
    yield chapter.event(min(chapter.after(4), chapter.now - timedelta(hours=6)), "is filed", acts.file)


def _overdue(chapter: Chapter) -> Iterator[Event]:
    missing = _overdue_age(chapter)
    if chapter.age > missing:
        yield chapter.event(chapter.after(4), "is filed", acts.file)
    if chapter.age > missing + 1:
        yield chapter.event(chapter.after(6), "is approved", acts.approve)


def _quarterly(chapter: Chapter) -> Iterator[Event]:
    """The first year did not hold what the bid promised: that case is settled. In March that is the newest."""
    yield chapter.event(min(chapter.after(4), chapter.now - timedelta(hours=6)), "is filed", acts.file)
    ends_first_year = chapter.period.ends_on == date(chapter.contract.starts_on.year, _DECEMBER, 31)
    if chapter.age == _NEWEST and not (ends_first_year and chapter.after(17) < chapter.now):
        return
    yield chapter.event(chapter.after(6), "is approved", acts.approve)
    if chapter.period.ends_on.month == _DECEMBER:
        yield from _case(chapter, chapter.after(7))
        yield chapter.event(chapter.after(16), "has a sanction decided", acts.decide)


def _starting(chapter: Chapter) -> Iterator[Event]:
    yield chapter.event(min(chapter.after(4), chapter.now - timedelta(hours=6)), "is filed", acts.file)
    if chapter.age > _NEWEST:
        yield chapter.event(chapter.after(6), "is approved", acts.approve)
    if chapter.age == _THIRD:
        yield from _case(chapter, chapter.after(7))


def _asking_for_time(chapter: Chapter) -> Iterator[Event]:
    asked_at = max(chapter.now - timedelta(hours=7), chapter.opens_at + timedelta(minutes=1))
    yield chapter.event(asked_at, "asks for more time", partial(acts.ask_for_time, days=7))


def _case(chapter: Chapter, found_at: datetime) -> Iterator[Event]:
    """Notice, reply, proposal."""
    yield chapter.event(found_at, "gets notice", acts.notify)
    yield chapter.event(found_at + timedelta(days=5), "gets a reply", acts.reply)
    yield chapter.event(found_at + timedelta(days=7), "has a sanction proposed", acts.propose)


def _overdue_age(chapter: Chapter) -> int:
    """How many periods back the newest lies whose deadline is past; those after it are simply not due."""
    return 1 if _newest_is_overdue(chapter) else 2


def _newest_is_overdue(chapter: Chapter) -> bool:
    newest = calendars.months_back(finding.local_day(chapter.now), 1)[0]
    due_at = chapter.contract.due_rule.due(newest.ends_on, "NO", finding.ZONE)
    return due_at < chapter.now - timedelta(days=1)


def _at(day: date, days: int, hour: int) -> datetime:
    return calendars.start_of_day(day + timedelta(days=days), finding.ZONE) + timedelta(hours=hour)


_STORIES: dict[str, Callable[[Chapter], Iterator[Event]]] = {
    "returned": _returned,
    "breach": _breach,
    "late": _late,
    "half_filled": _half_filled,
    "unattended": _unattended,
    "overdue": _overdue,
    "quarterly": _quarterly,
    "starting": _starting,
}
