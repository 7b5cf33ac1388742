"""What must hold of cases and sanctions whatever was done before, read from the database as any auditor could.

Nothing here asks the operations: the ladder of states and the grounds are said again, by themselves. What a sanction
must come to is worked out in `case_worth`, once, when it is decided.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from portal import calendars
from portal.extensions import db
from portal.model import (
    AuditEvent,
    Deviation,
    DeviationState,
    ExtensionRequest,
    ExtensionState,
    HumanTask,
    Notice,
    Point,
    Process,
    Report,
    ReportState,
    Sanction,
    SanctionState,
    Verdict,
)
from portal.text import Text

FOUND, NOTIFIED, AWAITING, ASSESSING, PROPOSED, DISMISSED, FELL_AWAY, CLOSED = (
    DeviationState.FOUND,
    DeviationState.NOTIFIED,
    DeviationState.AWAITING_REPLY,
    DeviationState.ASSESSING_REPLY,
    DeviationState.SANCTION_PROPOSED,
    DeviationState.DISMISSED,
    DeviationState.FELL_AWAY,
    DeviationState.CLOSED,
)
LADDER: dict[str, set[Any]] = {
    "": {FOUND},
    FOUND: {DISMISSED, NOTIFIED, FELL_AWAY},
    NOTIFIED: {NOTIFIED, AWAITING, CLOSED},
    AWAITING: {ASSESSING, CLOSED},
    ASSESSING: {PROPOSED, CLOSED},
    PROPOSED: {ASSESSING, CLOSED},
    FELL_AWAY: {FOUND},
    DISMISSED: {FOUND},
    CLOSED: set[str](),
}
"""From each state of a case to those that may follow it."""
WAITING: dict[tuple[str, Any], list[set[str]]] = {
    ("deviation", FOUND): [{"assess"}],
    ("deviation", NOTIFIED): [set[str](), {"confirm_delivery"}],
    ("deviation", AWAITING): [{"reply"}],
    ("deviation", ASSESSING): [{"assess_reply"}],
    ("sanction", SanctionState.PROPOSED): [{"approve_sanction"}],
    ("sanction", SanctionState.SENT_BACK): [{"revise"}],
    ("sanction", SanctionState.DECIDED): [set[str](), {"confirm_decision_delivery"}],
    ("report", ReportState.TO_SIGN): [{"sign"}],
    ("report", ReportState.SUBMITTED): [{"review"}],
    **{
        ("report", state): [{"fill_in"}]
        for state in (
            ReportState.OPEN,
            ReportState.DRAFT,
            ReportState.RETURNED,
            ReportState.REJECTED,
            ReportState.AMENDING,
        )
    },
}
"""In which state which step may wait for a person; in every other state none does."""
OVER: dict[str, set[Any]] = {
    "deviation": {DISMISSED, FELL_AWAY, CLOSED},
    "sanction": {SanctionState.CLOSED, SanctionState.WITHDRAWN, SanctionState.REFUSED},
    "report": {ReportState.APPROVED, ReportState.SPARED},
}
IN_FORCE = {SanctionState.DECIDED, SanctionState.DELIVERED, SanctionState.CLOSED}
Row = Report | Deviation | Sanction


def everything_holds() -> None:
    """All that is checked after each step, but for what only one sanction says."""
    trail = _trail()
    for row in _rows():
        _the_steps_fit(row)
        if isinstance(row, Deviation):
            _the_trail_explains(row, trail.get(str(row.public_id), []))
    for sanction in db.session.scalars(select(Sanction)):
        if sanction.state in IN_FORCE:
            _no_more_is_charged_than_the_notice_said(sanction, trail[str(sanction.deviation.public_id)])
            _it_has_its_ground(sanction, trail)
            _its_sheet_adds_up(sanction)


def decided() -> dict[int, tuple[object, ...]]:
    """What each sanction in force says: it never says anything else again."""
    return {
        row.id: (
            row.clause_id,
            row.step,
            row.amount,
            row.currency,
            row.days,
            row.waived,
            row.waiver_reason,
            str(row.calculation),
            row.reasons,
            tuple(row.proposers),
            row.decided_by_id,
            row.decided_at,
        )
        for row in db.session.scalars(select(Sanction))
        if row.state in IN_FORCE
    }


def settled() -> dict[int, tuple[object, ...]]:
    """What each case says that somebody has settled: what was found of it, and what was late."""
    return {
        row.id: (row.cause, str(row.sentence), str(row.facts), row.late_by_days, row.cured_on, row.outcome)
        for row in db.session.scalars(select(Deviation)).unique()
        if row.state in {DISMISSED, CLOSED} or (row.sanction is not None and row.sanction.state in IN_FORCE)
    }


def _rows() -> Iterator[Row]:
    yield from db.session.scalars(select(Report)).unique()
    yield from db.session.scalars(select(Deviation)).unique()
    yield from db.session.scalars(select(Sanction)).unique()


def _trail() -> dict[str, list[AuditEvent]]:
    found: dict[str, list[AuditEvent]] = {}
    for event in db.session.scalars(select(AuditEvent).order_by(AuditEvent.id)):
        found.setdefault(event.subject_id, []).append(event)
    return found


# -- steps and states -------------------------------------------------------------------------------------------------


def _the_steps_fit(row: Row) -> None:
    name = row.__tablename__
    mine = {"subject": name, "subject_id": row.id}
    waiting = db.session.scalars(select(HumanTask).filter_by(**mine, closed_at=None)).all()
    steps = {task.element for task in waiting}
    assert len(steps) == len(waiting), "a step waits twice"
    assert steps in WAITING.get((name, row.state), [set()]), (name, row.state, steps)
    *past, newest = db.session.scalars(select(Process.ended_at).filter_by(**mine).order_by(Process.id))
    assert None not in past, "two processes run for one row"
    assert (newest is not None) == (row.state in OVER[name]), (name, row.state, newest)


def _the_trail_explains(deviation: Deviation, trail: list[AuditEvent]) -> None:
    """Each state it was in follows from the one before, and the last of them is where it stands."""
    before = ""
    for event in trail:
        state = event.action.removeprefix("deviation.")
        if state in LADDER:
            assert state in LADDER[before], (before, state, [each.action for each in trail])
            before = state
    assert before == deviation.state, (deviation.state, [each.action for each in trail])
    if deviation.state in {NOTIFIED, AWAITING, ASSESSING, PROPOSED, CLOSED}:
        assert deviation.notices, "nobody is asked to reply to a notice that is not there"
        assert deviation.points
    asked = select(ExtensionRequest).filter_by(deviation_id=deviation.id, state=ExtensionState.ASKED)
    if deviation.state in {PROPOSED, DISMISSED, FELL_AWAY, CLOSED}:
        assert db.session.scalars(asked).all() == [], "a request for more time waits for an answer that nobody gives"
    if deviation.state in {DISMISSED, CLOSED}:
        assert deviation.outcome.strip() or deviation.sanction, "a case ends with its reasons"


# -- the ground of a sanction -----------------------------------------------------------------------------------------


def _it_has_its_ground(sanction: Sanction, trails: dict[str, list[AuditEvent]]) -> None:
    trail = trails.get(str(sanction.public_id), [])
    deviation, clause, at = sanction.deviation, sanction.clause, sanction.decided_at
    assert at is not None
    assert clause.contract_id == deviation.contract_id
    assert clause.requirement_id in {None, deviation.requirement_id}
    assert clause.rates, "a clause without a rate costs nothing"
    _the_supplier_was_heard(deviation, at, trails)
    assert _upheld(deviation.points, at), "nobody upheld a point"
    assert sanction.reasons.strip()
    assert not sanction.waived or sanction.waiver_reason.strip()
    proposers = {event.person_id for event in trail if event.action == "sanction.proposed"} - {None}
    assert proposers
    assert proposers <= set(sanction.proposers)
    assert sanction.decided_by_id is not None
    assert sanction.decided_by_id not in {*sanction.proposers, sanction.proposed_by_id}
    assert deviation.not_found_at is None or deviation.not_found_at > at, "the figures did not show the breach any more"


def _the_supplier_was_heard(deviation: Deviation, at: datetime, trails: dict[str, list[AuditEvent]]) -> None:
    notice = deviation.notices[-1]
    assert notice.text.strip()
    proven = min((each for each in (notice.delivered_at, notice.opened_at) if each is not None), default=None)
    assert proven is not None, "nobody can prove that the notice was given"
    assert proven <= at
    assert notice.takes_effect_at is not None
    assert notice.takes_effect_at <= at
    said_all = [reply for reply in deviation.replies if reply.is_complete and reply.created_at <= at]
    assert said_all or (deviation.reply_due_at is not None and deviation.reply_due_at < at), "there was time left"
    if not said_all and deviation.reply_due_at is not None:
        known_at = _known_at(notice, trails.get(str(notice.public_id), []))
        zone, country = deviation.contract.time_zone, deviation.contract.country
        all_days = calendars.add_working_days(calendars.local_day(known_at, zone), notice.reply_working_days, country)
        due_on = calendars.local_day(deviation.reply_due_at, zone)
        assert due_on >= all_days, "a day that was typed afterwards took the time to reply away"


def _known_at(notice: Notice, trail: list[AuditEvent]) -> datetime:
    """From when anybody could know that it was given: opened, taken by a mail server, or noted by a person."""
    noted = [each.at for each in trail if each.action == "notice.served"]
    mailed = [] if noted and notice.delivered_at == notice.served_at else [notice.delivered_at]
    return min(each for each in [*noted, *mailed, notice.opened_at] if each is not None)


def _upheld(points: list[Point], at: datetime) -> bool:
    newest = [[each for each in point.weighings if each.created_at <= at][-1:] for point in points]
    assert all(newest), "a point was not weighed"
    return any(each.verdict != Verdict.DROPPED for [each] in newest)


def _no_more_is_charged_than_the_notice_said(sanction: Sanction, trail: list[AuditEvent]) -> None:
    """The supplier was heard on what was known when the notice was written, and on nothing that was found later."""
    if sanction.clause.clause == "7.3" and sanction.step == "fee":
        written = min(notice.created_at for notice in sanction.deviation.notices)
        known = [each.facts["found"]["breaches"] for each in trail if "found" in each.facts and each.at <= written]
        assert int(_value(sanction, "Number of breaches")) <= known[-1], "the supplier was heard on less"


# -- its sheet --------------------------------------------------------------------------------------------------------


def _its_sheet_adds_up(sanction: Sanction) -> None:
    """It ends with the amount, less what was waived. What that must be was worked out when it was decided."""
    assert sanction.amount is not None
    values = [row["value"] for row in sanction.calculation]
    assert Decimal(values[-1]) == sanction.amount
    if sanction.waived:
        assert [Decimal(value) for value in values[-3:-1]] == [sanction.amount + sanction.waived, sanction.waived]


def _value(sanction: Sanction, words: str) -> str:
    [found] = [row["value"] for row in sanction.calculation if Text.load(row["text"]).en.startswith(words)]
    return str(found)
