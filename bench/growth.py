"""Whether a report that was returned two hundred times is slower than one that was not: the portal's process layer.

Rows, work items and state are the real ones. Services only answer, so that nothing but the process layer is measured.
"""

import statistics
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import NamedTuple

from flask import Flask
from sqlalchemy import func, select

from bench import world
from bench.measuring import Spent
from portal import clock
from portal.extensions import db, transaction
from portal.model import Membership, Process, Report
from portal.operations import lookup, processes
from portal.operations.service_tasks import SERVICE_TASKS
from portal.workflow import Engine
from portal.workflow.dialect import Service

STEPS: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("fill_in", {}),
    ("sign", {"signature": "given"}),
    ("review", {"decision": "return"}),
)
SAMPLES = 5
"""Fresh reports, each beside one more return of the old one, in every round."""


class Growth(NamedTuple):
    """Processor milliseconds a step, of reports at their first return and of one after very many."""

    first: float
    last: float
    state_bytes: int
    """How large the state of the old one is."""


def measure(app: Flask, who: world.People, returns: int, rounds: int) -> Growth:
    """Return one report so many times; then it and fresh ones take turns."""
    months = world.coming_months(rounds * SAMPLES + 1)
    contract = world.contract(app, who, "growth", months, 1)
    cases = [world.Case(app, who, contract, month) for month in months]
    with clock.at(clock.now()):
        for case in cases:
            next(case.acts())()
    own = app.extensions["klimakontrakt"]
    app.extensions["klimakontrakt"] = replace(own, engine=Engine(own.engine.definitions, _answers()))
    try:
        old, *fresh = cases
        for _ in range(returns):
            _return_once(old)
        first, last = [], []
        for number in range(rounds):
            new, worn = Spent(), Spent()
            for case in fresh[number * SAMPLES : (number + 1) * SAMPLES]:
                new.on(partial(_return_once, case))
                worn.on(partial(_return_once, old))
            first.append(new.cpu)
            last.append(worn.cpu)
        steps = SAMPLES * len(STEPS)
        medians = [1000 * statistics.median(each) / steps for each in (first, last)]
        return Growth(medians[0], medians[1], _state_bytes(old))
    finally:
        app.extensions["klimakontrakt"] = own


def _return_once(case: world.Case) -> None:
    for element, data in STEPS:
        with case.app.app_context(), transaction():
            by = db.session.get_one(Membership, case.who.reporter)
            processes.complete(lookup.one(Report, case.report, by), element, data, by=by)


def _answers() -> dict[str, Service]:
    far = processes.moment(clock.now() + timedelta(days=3650))
    said: dict[str, Mapping[str, object]] = {
        "reports.check": {"breaches": 0, "warnings": 0, "unattended_allowed": False},
        "reports.send_back": {
            "due_at": far,
            "remind_at": far,
            "missed_at": far,
            "escalate_at": far,
            "begin_at": "fill_in",
        },
        "reviews.plan": {"review_due_at": far},
    }
    return {name: partial(_answer, said.get(name, {})) for name in SERVICE_TASKS}


def _answer(said: Mapping[str, object], **_given: object) -> Mapping[str, object]:
    return said


def _state_bytes(case: world.Case) -> int:
    with case.app.app_context():
        report = select(Report.id).where(Report.public_id == case.report).scalar_subquery()
        found = select(func.length(Process.state)).where(Process.subject == "report", Process.subject_id == report)
        size: int = db.session.execute(found).scalar_one()
        return size
