"""A report from its opening to its approval, three ways: as the portal has it, as a floor, as the stock library.

All three run the portal's own operations on a database of their own and must write the same rows; they differ in who
says what comes next. Act by act they take turns, so that whatever else the machine does meets all three.
"""

import gc
import statistics
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from bench import databases, floor, growth, stock, world
from bench.measuring import Spent, machine, middle, short
from portal import clock
from portal.extensions import db
from portal.model import AuditEvent, HumanTask, OutgoingMail, Process, Report
from portal.operations.service_tasks import SERVICE_TASKS

PROCESS_TABLES = frozenset({"process", "process_definition"})
"""What the floor does without; every other table must have as many rows whichever way they were written."""

ORDERS = tuple(permutations(range(3)))
"""Each order in which the three can take their turns: what one leaves in the caches is the next one's gain, or loss."""

Tell = Callable[[str], None]


class RowsDiffer(Exception):
    """Two ways did not do the same work, so nothing can be said of their speed. The message says what differs."""


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    rounds: int = 7
    cycles: int = 12
    machines: int = 8
    returns: int = 200


@dataclass
class Way:
    """One of the three, on its database."""

    name: str
    app: Flask
    who: world.People
    place: Callable[[], AbstractContextManager[None]] = nullcontext
    keeps_state: bool = True
    rounds: list[Spent] = field(default_factory=list)
    states: dict[tuple[int, int], int] = field(default_factory=dict)
    """Process and its version -> size of what was stored, of processes that had not ended."""

    def look(self) -> None:
        """Note how large the newest process's state is."""
        with self.app.app_context():
            size = func.length(Process.state)
            newest = select(Process.id, Process.version, size).where(Process.ended_at.is_(None))
            for row in db.session.execute(newest.order_by(Process.id.desc()).limit(1)):
                self.states[row[0], row[1]] = row[2]


def run(extent: Extent, tell: Tell) -> dict[str, object]:
    """Measure, and give what the last line on stdout says. Raises RowsDiffer."""
    try:
        with ExitStack() as stack:
            ways = _ways(stack, tell)
            for number in range(extent.rounds + 1):
                _round(ways, number, extent, tell)
            _demand_same_rows(ways)
            tell(f"growth: one report returned {extent.returns} times")
            grown = growth.measure(ways[0].app, ways[0].who, extent.returns, extent.rounds)
            with ways[0].app.app_context():
                made = databases.make()
        return _found(ways, grown, extent, made)
    finally:
        gc.unfreeze()
        clock.reset()


def _ways(stack: ExitStack, tell: Tell) -> list[Way]:
    names = ("portal", "floor", "stock")
    tell(f"a new database for each of {', '.join(names)}")
    apps = stack.enter_context(databases.installations(len(names)))
    found = [Way(name, app, world.people(app)) for name, app in zip(names, apps, strict=True)]
    _portal, plain, library = found
    plain.place, plain.keeps_state = floor.in_place, False
    stock.put_into(library.app, SERVICE_TASKS)
    return found


def _round(ways: list[Way], number: int, extent: Extent, tell: Tell) -> None:
    """The same reports each way, on contracts of their own. The first round warms up and is not counted."""
    months = world.coming_months(extent.cycles)
    added = [world.contract(way.app, way.who, f"M-{number}", months, extent.machines) for way in ways]
    spent = [Spent() for _ in ways]
    gc.collect()
    gc.freeze()  # what stands by now is not looked through again in the midst of somebody's turn
    for begun, month in enumerate(months):
        cases = [world.Case(way.app, way.who, place, month) for way, place in zip(ways, added, strict=True)]
        for turn, acts in enumerate(zip(*(case.acts() for case in cases), strict=True)):
            for index in ORDERS[(begun + turn) % len(ORDERS)]:
                with ways[index].place():
                    spent[index].on(acts[index])
            if number == 0:
                _look(ways)
    words = ", ".join(f"{way.name} {extent.cycles / each.wall:.1f}" for way, each in zip(ways, spent, strict=True))
    tell(f"round {number} of {extent.rounds}, cycles/s: {words}" if number else f"warm-up, cycles/s: {words}")
    if number:
        for way, each in zip(ways, spent, strict=True):
            way.rounds.append(each)


def _look(ways: list[Way]) -> None:
    for way in ways:
        if way.keeps_state:
            way.look()


def _demand_same_rows(ways: list[Way]) -> None:
    portal, plain, library = [_written(way) for way in ways]
    without = {name: count for name, count in portal.items() if name not in PROCESS_TABLES}
    for name, mine, theirs in (
        ("floor", without, {key: count for key, count in plain.items() if key not in PROCESS_TABLES}),
        ("stock", portal, library),
    ):
        differ = [
            f"{key}: portal {mine.get(key)}, {name} {theirs.get(key)}"
            for key in sorted(mine.keys() | theirs.keys())
            if mine.get(key) != theirs.get(key)
        ]
        if differ:
            raise RowsDiffer(f"The {name} did other work than the portal. {'; '.join(differ)}")


def _written(way: Way) -> Mapping[str, int]:
    """How many rows each table has; of reports, events, work items and letters, how many of each sort as well."""
    sorts: tuple[tuple[str, Any], ...] = (
        ("reports in state", Report.state),
        ("audit events", AuditEvent.action),
        ("work items at", HumanTask.element + " of " + HumanTask.lane),
        ("work items not done", HumanTask.closed_at.is_(None)),
        ("letters", OutgoingMail.letter),
    )
    with way.app.app_context():
        found = dict(databases.rows())
        for words, sort in sorts:
            for value, count in db.session.execute(select(sort, func.count()).group_by(sort)):
                found[f"{words} {value}"] = count
    return found


def _found(ways: list[Way], grown: growth.Growth, extent: Extent, made: str) -> dict[str, object]:
    rounds = list(zip(*(way.rounds for way in ways), strict=True))
    over = [statistics.median(portal.cpu - plain.cpu for portal, plain, _stock in rounds)]
    over.append(statistics.median(library.cpu - plain.cpu for _portal, plain, library in rounds))
    return {
        "bench": "cycle",
        "figures": {
            "cycles_per_second": {way.name: middle(extent.cycles / each.wall for each in way.rounds) for way in ways},
            "cpu_ms_per_cycle": {
                way.name: middle(1000 * each.cpu / extent.cycles for each in way.rounds) for way in ways
            },
            "state_bytes": {way.name: middle(way.states.values()) for way in ways if way.keeps_state},
            "step_cpu_ms": {"first": short(grown.first), "after_returns": short(grown.last)},
            "state_bytes_after_returns": grown.state_bytes,
            "extent": vars(extent),
        },
        "ratios": {
            "of_floor": middle(plain.wall / portal.wall for portal, plain, _stock in rounds),
            "overhead_of_stock": short(over[0] / over[1]),
            f"growth_{extent.returns}": short(grown.last / grown.first),
        },
        "machine": machine(made),
    }
