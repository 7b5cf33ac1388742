"""From findings to deviations: what an accepted report breaks, and what a window that has closed breaks."""

from portal import calendars
from portal.model import Cause, Contract, Finding, FindingResult, Report, Requirement
from portal.model.base import Json
from portal.operations import contract_days, contracts, cures, limits, lookup, windows
from portal.operations.deviations import Breach, Gone, note_breach, note_gone
from portal.text import Text

IN_WINDOW = Text("{days}: {sentence}", "{days}: {sentence}")


def open_for_breaches(*, report_id: int) -> dict[str, object]:
    """Judge the accepted revision: a deviation for each requirement that it breaks. Asked by the report's process.

    Only what was accepted is judged: a revision that was submitted, returned or refused changes no case.
    """
    report = lookup.by_number(Report, report_id)
    revision = report.accepted
    findings = revision.findings if revision else []
    broken = [finding for finding in findings if finding.result == FindingResult.BROKEN]
    for finding in broken:
        note_breach(report, finding.requirement, _breach(report, finding))
    for finding in findings:
        if finding.result == FindingResult.MET:
            gone = Gone("breach", finding.figure, Text.load(finding.sentence), report.accepted_number or 0)
            note_gone(report, finding.requirement, gone)
    opened = len(broken) + _open_for_windows(report.contract)
    cures.follow(report.contract)
    return {"opened": opened}


def judge_windows(number: int) -> int:
    """Judge the windows of a contract that have closed, and open a deviation for each that is broken. Safe to repeat.

    Asked by the worker, every hour and soon after a contract is handed over or changed: a window also closes by its
    last day going by. Returns how many are broken.
    """
    contract = lookup.by_number(Contract, number)
    broken = _open_for_windows(contract)
    cures.follow(contract)
    return broken


def _open_for_windows(contract: Contract) -> int:
    judged = windows.judge_closed(contract)
    broken = [each for each in judged if each.judgement.result == FindingResult.BROKEN]
    for each in judged:
        duty, window = each.window.requirement, each.window
        if each in broken:
            note_breach(each.report, duty, _breach_of(each), window)
        elif each.judgement.result == FindingResult.MET:
            gone = Gone("breach", window.figure, _in_window(each), each.report.accepted_number or 0)
            note_gone(each.report, duty, gone, window)
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
