"""Whose time it was: the working days that each side had the case, from the steps that waited for it."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import or_, select

from portal import calendars, clock
from portal.extensions import db
from portal.model import Deviation, HumanTask
from portal.operations import time_asked


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
    steps = [Held(Side.SUPPLIER if row[0] == "reply" else Side.BUYER, row[1], row[2]) for row in rows]
    return given_to_buyer(steps, _waits(deviation), clock.now())


def _waits(deviation: Deviation) -> list[tuple[datetime, datetime]]:
    """From when to when the time to reply was over but for a request that the buyer had not answered."""
    return [
        (each.due_at, max(each.due_at, min(each.answered_at or clock.now(), each.wished_until)))
        for each in time_asked.of(deviation)
        if each.holds and (each.answered_at is None or each.answered_at > each.due_at)
    ]


def given_to_buyer(held: Iterable[Held], waits: Iterable[tuple[datetime, datetime]], now: datetime) -> list[Held]:
    """The same with the time that the supplier waited for the buyer's answer given to the buyer."""
    left = list(held)
    for begun, ended in waits:
        parts: list[Held] = []
        for each in left:
            until = each.until or now
            if each.side != Side.SUPPLIER or ended <= each.since or until <= begun:
                parts.append(each)
                continue
            before = Held(Side.SUPPLIER, each.since, max(begun, each.since))
            wait = Held(Side.BUYER, max(begun, each.since), min(ended, until))
            after = Held(Side.SUPPLIER, min(ended, until), each.until)
            parts += [before, wait, after]
        left = parts
    return left
