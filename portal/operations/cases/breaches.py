"""From findings to deviations: what an accepted report breaks, and what a window that has closed breaks."""

from collections.abc import Mapping

from sqlalchemy import select

from portal import calendars
from portal.extensions import db
from portal.model import Cause, Contract, Deviation, Finding, FindingResult, Report, Requirement
from portal.model.base import Json
from portal.model.cases import SETTLED
from portal.operations import lookup, processes
from portal.operations.cases import breach_days, cures, gone
from portal.operations.cases.deviations import Breach, find, note_breach
from portal.operations.cases.gone import Gone, Why
from portal.operations.contracts import contract_days, contracts, limits
from portal.operations.figures import windows
from portal.text import Text

IN_WINDOW = Text("{days}: {sentence}", "{days}: {sentence}")
ENDED_BEFORE = Text(
    "Kravet i punkt {clause} gjaldt til og med {day}. Det er før siste dag som er vurdert i saken.",
    "The requirement of clause {clause} was in force until {day}. That is before the last day that the case is about.",
)
NOT_AMONG = Text(
    "Kravet i punkt {clause} er ikke vurdert i revisjon {number} av rapporten.",
    "The requirement of clause {clause} is not judged in revision {number} of the report.",
)


def open_for_breaches(*, report_id: int) -> dict[str, object]:
    """Judge the accepted revision: a deviation for each requirement that it breaks. Asked by the report's process.

    Only what was accepted is judged: a revision that was submitted, returned or refused changes no case.
    """
    report = lookup.by_number(Report, report_id)
    revision = report.accepted
    findings = revision.findings if revision and not contract_days.is_beyond(report) else []
    broken = [finding for finding in findings if finding.result == FindingResult.BROKEN]
    for finding in broken:
        note_breach(report, finding.requirement, _breach(report, finding))
    if not contract_days.is_beyond(report):  # else it is asked for no more, whatever it says: see `beyond`
        _note_gone(report, {finding.requirement_id: finding for finding in findings})
    opened = len(broken) + _open_for_windows(report.contract)
    cures.follow(report.contract)
    return {"opened": opened}


def _note_gone(report: Report, findings: Mapping[int, Finding]) -> None:
    """Cases of this report that the accepted revision does not show: it meets the requirement, or does not judge it."""
    rows = select(Deviation).where(Deviation.report_id == report.id, Deviation.window_id.is_(None))
    rows = rows.where(Deviation.cause == Cause.REQUIREMENT_BROKEN).order_by(Deviation.occasion)
    newest = {each.requirement_id: each for each in db.session.scalars(rows)}
    number = report.accepted_number or 0
    for duty_id, known in newest.items():
        finding = findings.get(duty_id)
        if finding is None:
            sentence = NOT_AMONG.with_values(clause=known.clause, number=number)
            gone.note(known, Gone(Why.NOT_JUDGED, sentence, {}, number))
        elif finding.result != FindingResult.BROKEN:
            why = Why.MET if finding.result == FindingResult.MET else Why.NOT_JUDGED
            gone.note(known, Gone(why, Text.load(finding.sentence), finding.figure, number))


def judge_windows(number: int) -> int:
    """Judge the windows of a contract that have closed, and open a deviation for each that is broken. Safe to repeat.

    Asked by the worker, every hour and soon after a contract is handed over or changed: a window also closes by its
    last day going by. Returns how many are broken.
    """
    contract = lookup.by_number(Contract, number)
    broken = _open_for_windows(contract)
    cures.follow(contract)
    return broken


def note_ended(duty: Requirement) -> None:
    """A requirement has a last day now: what was judged after it is no breach. Asked when it is ended, in its order.

    A window that is shorter by it is judged anew for the days that are left, and then shows what it shows.
    """
    rows = select(Deviation).where(Deviation.requirement_id == duty.id, Deviation.state.not_in(SETTLED))
    db.session.flush()  # to hold a case is to read it again
    for known in db.session.scalars(rows.order_by(Deviation.id)).all():
        processes.hold(known)
        last_day = duty.valid_to
        if last_day is None or last_day >= breach_days.judged_until(known) or known.state in SETTLED:
            continue
        sentence = ENDED_BEFORE.with_values(clause=known.clause, day=calendars.day_name(last_day))
        gone.note(known, Gone(Why.NOT_ASKED, sentence, {"last_day": last_day.isoformat()}))


def _open_for_windows(contract: Contract) -> int:
    judged = windows.judge_closed(contract)
    broken = [each for each in judged if each.judgement.result == FindingResult.BROKEN]
    for each in judged:
        duty, window = each.window.requirement, each.window
        if each in broken:
            note_breach(each.report, duty, _breach_of(each), window)
        else:
            why = Why.MET if each.judgement.result == FindingResult.MET else Why.NOT_JUDGED
            known = find(each.report, duty, "breach", window)
            gone.note(known, Gone(why, _in_window(each), window.figure, each.report.accepted_number or 0))
    return len(broken)


def _breach_of(judged: windows.Judged) -> Breach:
    window = judged.window
    facts: Json = {
        "figure": window.figure,
        "threshold": window.figure["threshold"],
        "lines": list(judged.judgement.lines),
        "lines_in": [
            {"report": str(report.public_id), "revision": report.accepted_number, "lines": list(keys)}
            for report, keys in judged.behind
        ],
        "revision": judged.report.accepted_number,
        "breaches": judged.judgement.breaches,
        "window": [window.starts_on.isoformat(), window.ends_on.isoformat()],
    }
    return Breach(Cause.REQUIREMENT_BROKEN, "breach", _in_window(judged), facts)


def _in_window(judged: windows.Judged) -> Text:
    days = calendars.period_name(calendars.Period(judged.window.starts_on, judged.window.ends_on))
    return IN_WINDOW.with_values(days=days, sentence=judged.judgement.sentence)


def _breach(report: Report, finding: Finding) -> Breach:
    facts: Json = {
        "figure": finding.figure,
        "threshold": _threshold(report, finding.requirement),
        "lines": finding.lines,
        "revision": report.accepted_number,
        "breaches": finding.figure["breaches"],
    }
    return Breach(Cause.REQUIREMENT_BROKEN, "breach", Text.load(finding.sentence), facts)


def _threshold(report: Report, duty: Requirement) -> str:
    return limits.on(duty, contracts.counting_kinds(report)[duty.kind], contract_days.day_of(report)).threshold
