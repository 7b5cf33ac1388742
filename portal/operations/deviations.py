"""From a breach found to a case closed: assess, give notice, hear the supplier, close or propose a sanction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select

from portal import calendars, clock, permissions
from portal.errors import Conflict, Invalid
from portal.extensions import db
from portal.model import (
    ACCOUNT_DUTY,
    PLAN_DUTY,
    REPORTING_DUTY,
    Cause,
    Deviation,
    DeviationState,
    Finding,
    FindingResult,
    Membership,
    Notice,
    PeriodPurpose,
    Person,
    Reply,
    Report,
    Requirement,
    Role,
    record,
)
from portal.model.base import Json
from portal.model.cases import MOVED_ON
from portal.operations import accounts, deadlines, evidence, lookup, mail, processes
from portal.operations.evidence import Upload
from portal.permissions import Permission
from portal.text import Text

UNDELIVERED_AFTER = timedelta(days=2)
ANSWERERS = (Role.SIGNATORY, Role.REPORTER, Role.ADMINISTRATOR)

MISSING = Text("{what} er ikke levert. Fristen var {due}.", "{what} has not been filed. It was due {due}.")
ONE_DAY_LATE = Text(
    "{what} ble levert én dag etter fristen {due}.", "{what} was filed one day after it was due, {due}."
)
DAYS_LATE = Text(
    "{what} ble levert {days} dager etter fristen {due}.", "{what} was filed {days} days after it was due, {due}."
)
LATE_THE_SAME_DAY = Text(
    "{what} ble levert samme dag som fristen, men etter klokkeslettet. Fristen var {due}.",
    "{what} was filed on the day it was due, but after the time of day. It was due {due}.",
)
IN_TIME = Text(
    "{what} ble levert innen fristen, som ble flyttet til {due}.",
    "{what} was filed in time: the deadline was moved to {due}.",
)
THE_REPORT = {
    PeriodPurpose.REGULAR: Text("Rapporten for {period}", "The report for {period}"),
    PeriodPurpose.PLAN: Text("Planen etter oppstart", "The plan after the start"),
    PeriodPurpose.ACCOUNT: Text("Sluttregnskapet", "The final account"),
}
THE_CORRECTION = {
    PeriodPurpose.REGULAR: Text("Rettingen av rapporten for {period}", "The correction of the report for {period}"),
    PeriodPurpose.PLAN: Text("Rettingen av planen etter oppstart", "The correction of the plan after the start"),
    PeriodPurpose.ACCOUNT: Text("Rettingen av sluttregnskapet", "The correction of the final account"),
}
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


DUTY_TO_FILE = {
    PeriodPurpose.REGULAR: REPORTING_DUTY,
    PeriodPurpose.PLAN: PLAN_DUTY,
    PeriodPurpose.ACCOUNT: ACCOUNT_DUTY,
}
"""What a period is for -> the indicator of the requirement that asks for its report."""


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
    return {"opened": len(broken)}


def note_missing(report: Report) -> None:
    """Open the deviation for a report, or a correction of it, that is not there when it is due."""
    _open_against_duty(report, _not_filed(report, Cause.REPORT_MISSING, _filing_words(report, MISSING)))


def note_delivered(report: Report, at: datetime) -> None:
    """A report, or a correction, comes: what was said to be missing is late by so many days, and never erased.

    What comes late before anybody noted that it was missing is a deviation too. Called before the revision is there.
    """
    is_late, days = report.is_past(at), deadlines.days_late(report, at)
    known = _known(report, _duty_to_file(report), _filing_group(report))
    if known is None and not is_late:
        return
    words = _late_words(days) if is_late else IN_TIME
    sentence = _filing_words(report, words, days)
    if known is None:
        _open_against_duty(report, _not_filed(report, Cause.REPORT_LATE, sentence))
        known = _known(report, _duty_to_file(report), _filing_group(report))
    if known is not None:
        known.cause, known.late_by_days, known.sentence = Cause.REPORT_LATE, days, sentence.dump()
        known.cured_on = calendars.local_day(at, report.contract.time_zone)
        record(known, "deviation.report_came_late", by=None, days=days)


def _late_words(days: int) -> Text:
    if days > 1:
        return DAYS_LATE
    return ONE_DAY_LATE if days else LATE_THE_SAME_DAY


def _not_filed(report: Report, cause: Cause, sentence: Text) -> Breach:
    facts: Json = {"breaches": 1, "lines": [], "due_at": report.due_at.isoformat()}
    if report.latest is not None:
        facts["revision"] = report.latest.number
    return Breach(cause, _filing_group(report), sentence, facts)


def _filing_group(report: Report) -> str:
    """What is to be filed now: the report, or a correction. Each has a deadline and a lateness of its own."""
    number = len(report.revisions)
    return ("reporting", "correction")[number] if number < 2 else f"correction-{number}"  # noqa: PLR2004


def _filing_words(report: Report, words: Text, days: int = 0) -> Text:
    what = (THE_CORRECTION if report.revisions else THE_REPORT)[report.period.purpose]
    return words.with_values(what=what.with_values(period=period_text(report)), due=due_text(report), days=days)


def note_not_accepted(report: Report, reasons: str) -> None:
    """Open the deviation for a revision that was rejected; one a report, re-told at each rejection."""
    number = report.latest.number if report.latest else 0
    sentence = NOT_ACCEPTED.with_values(period=period_text(report), number=number, reasons=reasons)
    facts: Json = {"breaches": 1, "lines": [], "revision": number}
    _open_against_duty(report, Breach(Cause.NOT_ACCEPTED, "not_accepted", sentence, facts))


def _open_breach(report: Report, finding: Finding) -> None:
    facts: Json = {
        "figure": finding.figure,
        "threshold": finding.requirement.threshold,
        "lines": finding.lines,
        "revision": report.accepted_number,
        "breaches": finding.figure["breaches"],
    }
    breach = Breach(Cause.REQUIREMENT_BROKEN, "breach", Text.load(finding.sentence), facts)
    _open(report, finding.requirement, breach)


def _open_against_duty(report: Report, breach: Breach) -> None:
    duty = _duty_to_file(report)
    if duty is not None:
        _open(report, duty, breach)


def _open(report: Report, requirement: Requirement, breach: Breach) -> None:
    known = _known(report, requirement, breach.group)
    if known is not None:
        known.sentence, known.facts = breach.sentence.dump(), breach.facts
        record(known, "deviation.assessed_again", by=None, found=breach.facts)
        return
    deviation = Deviation(
        **report.parties,
        contract=report.contract,
        requirement=requirement,
        report=report,
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


def _known(report: Report, requirement: Requirement | None, group: str) -> Deviation | None:
    if requirement is None:
        return None
    return db.session.scalar(
        select(Deviation).where(
            Deviation.requirement_id == requirement.id, Deviation.report_id == report.id, Deviation.cause_group == group
        )
    )


def _duty_to_file(report: Report) -> Requirement | None:
    """The requirement that asked for this report."""
    in_force = report.contract.requirements_on(report.period.ends_on)
    return next((duty for duty in in_force if duty.indicator == DUTY_TO_FILE[report.period.purpose]), None)


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


def due_text(report: Report) -> Text:
    """When it is, or was, due: the day, and the time of day where the contract sets one."""
    contract = report.contract
    day = day_text(report.due_at, contract.time_zone)
    if not contract.due_time:
        return day
    return Text("{day} kl. {time}", "{day} at {time}").with_values(day=day, time=contract.due_time)


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
