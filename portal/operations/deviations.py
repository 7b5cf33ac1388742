"""From a breach found to a case closed: assess, give notice, hear the supplier, close or propose a sanction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select

from portal import calendars, clock, permissions
from portal.errors import Conflict, Invalid
from portal.extensions import db
from portal.model import (
    REPORTING_DUTY,
    AssessmentWindow,
    Cause,
    Contract,
    Deviation,
    DeviationState,
    Finding,
    FindingResult,
    Membership,
    Notice,
    Person,
    Reply,
    Report,
    Requirement,
    Role,
    record,
)
from portal.model.base import Json
from portal.model.cases import MOVED_ON
from portal.operations import accounts, contracts, evidence, limits, lookup, mail, processes, windows
from portal.operations.evidence import Upload
from portal.permissions import Permission
from portal.text import Text

UNDELIVERED_AFTER = timedelta(days=2)
ANSWERERS = (Role.SIGNATORY, Role.REPORTER, Role.ADMINISTRATOR)

REPORT_MISSING = Text(
    "Rapporten for {period} er ikke levert. Fristen var {due}.",
    "The report for {period} has not been filed. It was due {due}.",
)
REPORT_LATE = Text(
    "Rapporten for {period} ble levert {days} dager etter fristen {due}.",
    "The report for {period} was filed {days} days after it was due, {due}.",
)
CORRECTION_MISSING = Text(
    "Rettingen av rapporten for {period} er ikke levert. Fristen var {due}.",
    "The correction of the report for {period} has not been filed. It was due {due}.",
)
IN_WINDOW = Text("{days}: {sentence}", "{days}: {sentence}")
NOT_ACCEPTED = Text(
    "Rapporten for {period}, revisjon {number}, ble avvist i kontrollen: {reasons}",
    "The report for {period}, revision {number}, was rejected in review: {reasons}",
)
SAY_WHY = Text("Skriv en begrunnelse.", "Write your reasons.")
WRITE_SOMETHING = Text("Skriv et svar, eller legg ved en fil.", "Write an answer, or attach a file.")
DAYS_OUT_OF_RANGE = Text(
    "Fristen må være mellom 3 og 60 virkedager.", "The deadline must be between 3 and 60 working days."
)
NOT_UNDER_REPLY = Text("Saken venter ikke på tilsvar.", "The case is not waiting for a reply.")


class Breach(NamedTuple):
    """What was found: the cause and its identity, in words, with the figures and lines behind it."""

    cause: Cause
    group: str
    sentence: Text
    facts: Json


# -- found --------------------------------------------------------------------------------------------------------


def open_for_breaches(*, report_id: int) -> dict[str, object]:
    """Open a deviation for each requirement that the accepted revision breaks. Asked by the report's process.

    When it amends one that broke the same requirement, the case is told anew; when it no longer breaks it, the case's
    trail says so, and whoever assesses the case decides what that means.
    """
    report = lookup.by_number(Report, report_id)
    revision = report.accepted
    findings = revision.findings if revision else []
    broken = [finding for finding in findings if finding.result == FindingResult.BROKEN]
    for finding in broken:
        _open_breach(report, finding)
    for finding in findings:
        known = _known(report, finding.requirement, "breach") if finding not in broken else None
        if known is not None:
            record(known, "deviation.not_found_again", by=None, found=finding.figure, result=str(finding.result))
    return {"opened": len(broken) + _open_for_windows(report.contract)}


def judge_windows(number: int) -> int:
    """Judge the windows of a contract that have closed, and open a deviation for each that is broken. Safe to repeat.

    Asked when a report is approved, when the contract is handed over, and every hour: a window also closes by its
    last day going by. Returns how many are broken.
    """
    return _open_for_windows(lookup.by_number(Contract, number))


def _open_for_windows(contract: Contract) -> int:
    judged = windows.judge_closed(contract)
    broken = [each for each in judged if each.judgement.result == FindingResult.BROKEN]
    for each in judged:
        duty, window = each.window.requirement, each.window
        if each in broken:
            _open(each.report, duty, _breach_of(each), window)
            continue
        known = _known(each.report, duty, "breach", window)
        if known is not None:
            record(known, "deviation.not_found_again", by=None, found=window.figure, result=window.result)
    return len(broken)


def _breach_of(judged: windows.Judged) -> Breach:
    window = judged.window
    facts: Json = {
        "figure": window.figure,
        "threshold": window.figure["threshold"],
        "lines": list(judged.judgement.lines),
        "revision": judged.report.accepted_number,
        "breaches": judged.judgement.breaches,
        "window": [window.starts_on.isoformat(), window.ends_on.isoformat()],
    }
    days = calendars.period_name(calendars.Period(window.starts_on, window.ends_on))
    sentence = IN_WINDOW.with_values(days=days, sentence=judged.judgement.sentence)
    return Breach(Cause.REQUIREMENT_BROKEN, "breach", sentence, facts)


def note_missing(report: Report) -> None:
    """Open the deviation for a report that is not there when it is due."""
    due = day_text(report.due_at, report.contract.time_zone)
    sentence = REPORT_MISSING.with_values(period=period_text(report), due=due)
    _open_against_duty(report, Breach(Cause.REPORT_MISSING, "reporting", sentence, {"breaches": 1, "lines": []}))


def note_correction_missing(report: Report) -> None:
    """Open the deviation for a report that was returned or rejected and has not come back when it is due."""
    due = day_text(report.due_at, report.contract.time_zone)
    sentence = CORRECTION_MISSING.with_values(period=period_text(report), due=due)
    facts: Json = {"breaches": 1, "lines": [], "revision": report.latest.number if report.latest else 0}
    _open_against_duty(report, Breach(Cause.REPORT_MISSING, "correction", sentence, facts))


def note_late(report: Report, days: int) -> None:
    """A missing report has come: the deviation says by how many days it was late. It is never erased."""
    deviation = _known(report, _reporting_duty(report), "reporting")
    if deviation is None or deviation.cause != Cause.REPORT_MISSING:
        return
    due = day_text(report.due_at, report.contract.time_zone)
    sentence = REPORT_LATE.with_values(period=period_text(report), days=days, due=due)
    deviation.cause, deviation.late_by_days, deviation.sentence = Cause.REPORT_LATE, days, sentence.dump()
    record(deviation, "deviation.report_came_late", by=None, days=days)


def note_not_accepted(report: Report, reasons: str) -> None:
    """Open the deviation for a revision that was rejected; one a report, re-told at each rejection."""
    number = report.latest.number if report.latest else 0
    sentence = NOT_ACCEPTED.with_values(period=period_text(report), number=number, reasons=reasons)
    facts: Json = {"breaches": 1, "lines": [], "revision": number}
    _open_against_duty(report, Breach(Cause.NOT_ACCEPTED, "not_accepted", sentence, facts))


def _open_breach(report: Report, finding: Finding) -> None:
    facts: Json = {
        "figure": finding.figure,
        "threshold": _threshold(report, finding.requirement),
        "lines": finding.lines,
        "revision": report.accepted_number,
        "breaches": finding.figure["breaches"],
    }
    breach = Breach(Cause.REQUIREMENT_BROKEN, "breach", Text.load(finding.sentence), facts)
    _open(report, finding.requirement, breach)


def _threshold(report: Report, duty: Requirement) -> str:
    return limits.on(duty, contracts.counting_kinds(report)[duty.kind], report.period.ends_on).threshold


def _open_against_duty(report: Report, breach: Breach) -> None:
    duty = _reporting_duty(report)
    if duty is not None:
        _open(report, duty, breach)


def _open(report: Report, requirement: Requirement, breach: Breach, window: AssessmentWindow | None = None) -> None:
    known = _known(report, requirement, breach.group, window)
    if known is not None:
        known.sentence, known.facts = breach.sentence.dump(), breach.facts
        record(known, "deviation.assessed_again", by=None, found=breach.facts)
        return
    deviation = Deviation(
        **report.parties,
        contract=report.contract,
        requirement=requirement,
        report=report,
        window=window,
        cause=breach.cause,
        cause_group=breach.group,
        clause=requirement.clause,
        sentence=breach.sentence.dump(),
        facts=breach.facts,
        known_at=clock.now(),
    )
    db.session.add(deviation)
    db.session.flush()
    record(
        deviation, "deviation.found", by=None, clause=requirement.clause, cause=str(breach.cause), found=breach.facts
    )
    processes.start("deviation", deviation, {"deviation_id": deviation.id})


def _known(
    report: Report, requirement: Requirement | None, group: str, window: AssessmentWindow | None = None
) -> Deviation | None:
    """The deviation of this identity: requirement, report or window, cause."""
    if requirement is None:
        return None
    rows = select(Deviation).where(Deviation.requirement_id == requirement.id, Deviation.cause_group == group)
    if window is not None:
        return db.session.scalar(rows.where(Deviation.window_id == window.id))
    # A window's deviation stands on the last report in it, whose own finding says nothing of the window.
    return db.session.scalar(rows.where(Deviation.report_id == report.id, Deviation.window_id.is_(None)))


def _reporting_duty(report: Report) -> Requirement | None:
    in_force = report.contract.requirements_on(report.period.ends_on)
    return next((duty for duty in in_force if duty.indicator == REPORTING_DUTY), None)


# -- assessed and notified ----------------------------------------------------------------------------------------


def dismiss(deviation: Deviation, reason: str, *, by: Membership, version: int) -> None:
    """Find that there is no breach after all, with the reason."""
    _demand(deviation, by, version)
    _complete_assessment(deviation, "assess", "dismiss", reason, by)


def give_notice(deviation: Deviation, text: str, working_days: int, *, by: Membership, version: int) -> Notice:
    """Send the formal notice, with a deadline in working days that runs from delivery."""
    _demand(deviation, by, version)
    if not text.strip():
        raise Invalid(SAY_WHY)
    if not 3 <= working_days <= 60:  # noqa: PLR2004 - the sentence says so
        raise Invalid(DAYS_OUT_OF_RANGE)
    if processes.task_of(deviation, "assess") is None:
        raise Conflict(MOVED_ON)
    notice = Notice(
        **deviation.parties,
        deviation=deviation,
        sent_by=by.person,
        text=text.strip(),
        reply_working_days=working_days,
    )
    db.session.add(notice)
    db.session.flush()
    record(notice, "notice.written", by=by, deviation=str(deviation.public_id), working_days=working_days)
    processes.complete(deviation, "assess", {"assessment": "notify"}, by=by)
    return notice


def send_notice(*, deviation_id: int, actor_id: int) -> dict[str, object]:
    """Write the letters of the newest notice. Asked by the process, also when sending again."""
    deviation, by = lookup.by_number(Deviation, deviation_id), accounts.membership(actor_id)
    notice = deviation.notices[-1]
    for person in recipients(deviation.supplier_id):
        mail.write(person, "notice", deviation.contract, notice=notice, deviation=deviation, notice_row=notice)
    deviation.move(DeviationState.NOTIFIED, by=by, notice=str(notice.public_id))
    return {"undelivered_at": processes.moment(clock.now() + UNDELIVERED_AFTER), "reply_due_at": ""}


def note_delivery(notice: Notice, how: str) -> None:
    """A letter of this notice has arrived; the first one starts the supplier's time to reply."""
    processes.hold(notice.deviation)
    db.session.refresh(notice)
    if notice.delivered_at is not None:
        return
    notice.delivered_at, notice.delivered_how = clock.now(), how[:400]
    record(notice, "notice.delivered", by=None, how=how)
    processes.message(notice.deviation, "notice_delivered", {})


def settle_delivery(deviation: Deviation, how: str, *, by: Membership, version: int) -> None:
    """A notice did not get through by mail: say how it was delivered instead, or (nothing said) send it again."""
    _demand(deviation, by, version)
    if processes.task_of(deviation, "confirm_delivery") is None:
        raise Conflict(MOVED_ON)
    notice = deviation.notices[-1]
    if how.strip():
        notice.delivered_at, notice.delivered_how = clock.now(), how.strip()[:400]
        record(notice, "notice.delivered", by=by, how=how.strip())
    # The letter may have arrived after all while somebody was asked about it: then it is not sent again.
    answer = "delivered" if notice.delivered_at is not None else "resend"
    processes.complete(deviation, "confirm_delivery", {"delivery_answer": answer}, by=by)


def start_reply_period(*, deviation_id: int) -> dict[str, object]:
    """The notice has arrived: from now the supplier's working days run. Asked by the process."""
    deviation = lookup.by_number(Deviation, deviation_id)
    notice, contract = deviation.notices[-1], deviation.contract
    delivered_at = notice.delivered_at or clock.now()
    delivered_on = calendars.local_day(delivered_at, contract.time_zone)
    last_day = calendars.add_working_days(delivered_on, notice.reply_working_days, contract.country)
    due_at = calendars.end_of_day(last_day, contract.time_zone)
    notice.reply_due_at = deviation.reply_due_at = due_at
    deviation.move(DeviationState.AWAITING_REPLY, by=None, due_at=due_at.isoformat())
    return {"reply_due_at": processes.moment(due_at)}


# -- replied ------------------------------------------------------------------------------------------------------


def reply(deviation: Deviation, text: str, uploads: Sequence[Upload], *, by: Membership) -> Reply:
    """Answer the notice, with files. A late answer is kept and read too: only a settled case takes no more."""
    permissions.demand(by, Permission.CASE_REPLY)
    processes.hold(deviation)
    if deviation.state not in {DeviationState.AWAITING_REPLY, DeviationState.ASSESSING_REPLY}:
        raise Conflict(NOT_UNDER_REPLY)
    if not text.strip() and not uploads:
        raise Invalid(WRITE_SOMETHING)
    answer = Reply(
        **deviation.parties,
        deviation=deviation,
        written_by=by.person,
        text=text.strip(),
    )
    db.session.add(answer)
    for upload in uploads:
        answer.evidence.append(evidence.kept(upload, deviation, by))
    db.session.flush()
    late = deviation.state == DeviationState.ASSESSING_REPLY
    record(
        answer,
        "reply.received",
        by=by,
        deviation=str(deviation.public_id),
        late=late,
        files=[file.sha256 for file in answer.evidence],
    )
    if not late:
        deviation.move(DeviationState.ASSESSING_REPLY, by=by)
        processes.complete(deviation, "reply", {}, by=by)
    return answer


def note_no_reply(*, deviation_id: int) -> dict[str, object]:
    """The time to reply is over and nothing came. Asked by the process."""
    deviation = lookup.by_number(Deviation, deviation_id)
    deviation.move(DeviationState.ASSESSING_REPLY, by=None, replied=False)
    return {}


# -- closed -------------------------------------------------------------------------------------------------------


def close(deviation: Deviation, reason: str, *, by: Membership, version: int) -> None:
    """Settle the case without a sanction, with the reason."""
    _demand(deviation, by, version)
    _complete_assessment(deviation, "assess_reply", "close", reason, by)


def dismiss_deviation(*, deviation_id: int, actor_id: int) -> dict[str, object]:
    """Asked by the process after the person's choice."""
    deviation = lookup.by_number(Deviation, deviation_id)
    deviation.move(DeviationState.DISMISSED, by=accounts.membership(actor_id), reason=deviation.outcome)
    return {}


def close_deviation(*, deviation_id: int) -> dict[str, object]:
    """Asked by the process when everything is settled."""
    deviation = lookup.by_number(Deviation, deviation_id)
    deviation.move(DeviationState.CLOSED, by=None, reason=deviation.outcome)
    for person in recipients(deviation.supplier_id):
        mail.write(person, "case_closed", deviation.contract, deviation=deviation)
    return {}


def recipients(organisation_id: int) -> list[Person]:
    """Whom formal letters go to: those who may answer for the organisation."""
    return accounts.people(organisation_id, *ANSWERERS)


def period_text(report: Report) -> Text:
    """The period as words: «oktober 2026»."""
    return report.period.name


def day_text(moment: datetime, zone: str) -> Text:
    """The calendar day of a moment where the contract is, as words."""
    return calendars.day_name(calendars.local_day(moment, zone))


def _demand(deviation: Deviation, by: Membership, version: int) -> None:
    processes.hold(deviation)
    permissions.may_decide(by, Permission.CASE_ASSESS, buyer_id=deviation.buyer_id, involved={})
    if deviation.version != version:
        raise Conflict(MOVED_ON)


def _complete_assessment(deviation: Deviation, element: str, outcome: str, reason: str, by: Membership) -> None:
    if not reason.strip():
        raise Invalid(SAY_WHY)
    if processes.task_of(deviation, element) is None:
        raise Conflict(MOVED_ON)
    deviation.outcome = reason.strip()
    processes.complete(deviation, element, {"assessment" if element == "assess" else "outcome": outcome}, by=by)
