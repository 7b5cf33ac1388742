"""Whose time it was: the working days that each side had the case, from the steps that waited for it."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import or_, select

from portal import calendars, clock
from portal.extensions import db
from portal.model import Deviation, HumanTask


class Side(StrEnum):
    """Who had it."""

    SUPPLIER = "supplier"
    BUYER = "buyer"


class Held(NamedTuple):
    """One side had the case from one moment to another; no end: it still has it."""

    side: Side
    since: datetime
    until: datetime | None


def days_with(held: Iterable[Held], now: datetime, country: str, zone: str) -> dict[Side, int]:
    """How many working days each side had it so far. The day it came does not count, the day it went does.

    Where two steps of one side run at once, a day counts once; while nobody had it, no day counts.
    """
    spans: dict[Side, list[tuple[datetime, datetime]]] = {side: [] for side in Side}
    for each in held:
        spans[each.side].append((each.since, each.until or now))
    return {side: _days(own, country, zone) for side, own in spans.items()}


def _days(spans: list[tuple[datetime, datetime]], country: str, zone: str) -> int:
    days, reached = 0, None
    for since, until in sorted(spans):
        start = max(since, reached) if reached else since
        if until <= start:
            continue
        first, last = (calendars.local_day(moment, zone) for moment in (start, until))
        days += calendars.working_days_between(first, last, country)
        reached = until
    return days


def of_case(deviation: Deviation) -> dict[Side, int]:
    """The working days that each side has had a case, its sanction included."""
    contract = deviation.contract
    return days_with(_steps(deviation), clock.now(), contract.country, contract.time_zone)


def _steps(deviation: Deviation) -> list[Held]:
    of_sanction = (HumanTask.subject == "sanction") & (
        HumanTask.subject_id == (deviation.sanction.id if deviation.sanction else 0)
    )
    rows = db.session.execute(
        select(HumanTask.element, HumanTask.created_at, HumanTask.closed_at).where(
            HumanTask.contract_id == deviation.contract_id,
            or_((HumanTask.subject == "deviation") & (HumanTask.subject_id == deviation.id), of_sanction),
        )
    )
    return [Held(Side.SUPPLIER if row[0] == "reply" else Side.BUYER, row[1], row[2]) for row in rows]
