"""The arithmetic of assessment windows: which days they have, how it stands so far, and what is left to reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias

from portal.calendars import Period

WindowKey: TypeAlias = Literal["period", "year", "running", "whole"]
HUNDRED = Decimal(100)


def spans(window: WindowKey, days: Period, period_ends: Sequence[date]) -> tuple[Period, ...]:
    """The windows of a requirement that is in force on `days`, oldest first.

    `year`: calendar years, cut at both ends. `running`: from the first day to the last day of each reporting period.
    `whole`: all of it. `period` has none of its own: each report is judged by itself.
    """
    if days.starts_on > days.ends_on:
        return ()
    match window:
        case "period":
            return ()
        case "whole":
            return (days,)
        case "running":
            ends = sorted(end for end in period_ends if days.starts_on <= end <= days.ends_on)
            return tuple(Period(days.starts_on, end) for end in ends)
        case "year":
            years = range(days.starts_on.year, days.ends_on.year + 1)
            return tuple(
                Period(max(date(year, 1, 1), days.starts_on), min(date(year, 12, 31), days.ends_on)) for year in years
            )


@dataclass(frozen=True)
class Limit:
    """What a figure is held against: `value` and how far it may be missed (`slack`), in the figure's unit."""

    value: Decimal
    at_least: bool
    slack: Decimal = Decimal(0)

    def is_kept_by(self, figure: Decimal) -> bool:
        """Whether a figure keeps it. Nothing is rounded first: 19.9996 does not reach 20."""
        return figure >= self.value - self.slack if self.at_least else figure <= self.value + self.slack


@dataclass(frozen=True)
class Outlook:
    """How it stands while a window is open.

    `at_end`: what a sum comes to at the pace so far; None of a share, whose whole is not known. `rest`: of a share,
    what the remaining days must reach (or may reach at most), in percent, if as much comes a day as so far; of a sum,
    how much is left to reach (or to use). None when no days are left. `can_be_met`: whether it can still be kept.
    """

    is_on_course: bool
    at_end: Decimal | None = None
    rest: Decimal | None = None
    can_be_met: bool = True


def of_share(numerator: Decimal, denominator: Decimal, limit: Limit, covered: int, total: int) -> Outlook:
    """A share so far, `covered` days of `total` being reported. Its whole must not be 0."""
    so_far = numerator * HUNDRED / denominator
    coming = denominator * (total - covered) / covered
    if not coming:
        return Outlook(limit.is_kept_by(so_far), can_be_met=limit.is_kept_by(so_far))
    rest = (limit.value * (denominator + coming) - numerator * HUNDRED) / coming
    can_be_met = rest <= HUNDRED if limit.at_least else rest >= 0
    return Outlook(limit.is_kept_by(so_far), rest=min(max(rest, Decimal(0)), HUNDRED), can_be_met=can_be_met)


def of_sum(so_far: Decimal, limit: Limit, covered: int, total: int) -> Outlook:
    """A sum so far, `covered` days of `total` being reported: on course when it keeps the limit at the same pace."""
    at_end = so_far * total / covered
    left = limit.value - so_far
    over = not limit.at_least and not limit.is_kept_by(so_far)
    over = over or (limit.at_least and covered >= total and not limit.is_kept_by(so_far))
    return Outlook(limit.is_kept_by(at_end), at_end, max(left, Decimal(0)), can_be_met=not over)
