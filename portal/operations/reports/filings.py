"""The duty to file: what is not there when it is due, what comes late, what was not accepted."""

from datetime import datetime

from sqlalchemy import select

from portal import calendars, clock
from portal.extensions import db
from portal.model import (
    ACCOUNT_DUTY,
    PLAN_DUTY,
    REPORTING_DUTY,
    Cause,
    Decision,
    Deviation,
    PeriodPurpose,
    Report,
    Requirement,
    record,
)
from portal.model.base import Json
from portal.operations import deadlines
from portal.operations.cases import deviations, gone
from portal.operations.cases.counted_once import CORRECTION
from portal.operations.cases.deviations import Breach, due_text, period_text
from portal.operations.cases.gone import Gone, Why
from portal.operations.contracts import contract_days
from portal.text import Text

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
AHEAD_AGAIN = Text(
    "{what} kan leveres i tide: Fristen er flyttet til {due}.",
    "{what} can be filed in time: the deadline was moved to {due}.",
)
NOT_ASKED = Text("{what} skal ikke leveres lenger.", "{what} is not to be filed any more.")
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

_DUTY_TO_FILE = {
    PeriodPurpose.REGULAR: REPORTING_DUTY,
    PeriodPurpose.PLAN: PLAN_DUTY,
    PeriodPurpose.ACCOUNT: ACCOUNT_DUTY,
}
"""What a period is for -> the indicator of the requirement that asks for its report."""


def note_missing(report: Report) -> None:
    """Open the deviation for a report, or a correction of it, that is not there when it is due."""
    _open_against_duty(report, _not_filed(report, Cause.REPORT_MISSING, _filing_words(report, MISSING)))


def note_delivered(report: Report, at: datetime) -> None:
    """A report, or a correction, comes: what was said to be missing is late by so many days, and never erased.

    What comes late before anybody noted that it was missing is a deviation too, and so is what comes later still than
    it was when its case was settled. A settled case itself is not rewritten. Called before the revision is there.
    """
    days = deadlines.days_late(report, at)
    if not report.is_past(at):
        _take_back(report, _filing_words(report, IN_TIME))
        return
    breach = _not_filed(report, Cause.REPORT_LATE, _filing_words(report, _late_words(days), days))
    breach.facts["late_by_days"] = days
    known = _known(report)
    if known is None or known.not_found_at is not None or deviations.is_another(known, breach):
        _open_against_duty(report, breach)
        known = _known(report)
    if known is None:
        return
    record(known, "deviation.report_came_late", by=None, days=days)
    if deviations.is_settled(known) or known.not_found_at is not None:
        return
    known.cause, known.late_by_days, known.sentence = Cause.REPORT_LATE, days, breach.sentence.dump()
    known.cured_on = calendars.local_day(at, report.contract.time_zone)


def note_spared(report: Report) -> None:
    """Nothing is to be filed any more: what was missing is not. Called when the days of a report fall away."""
    _take_back(report, _filing_words(report, NOT_ASKED))


def note_moved(report: Report) -> None:
    """The deadline was moved, and is ahead again: what was missing is not, before that one is missed too."""
    if not report.is_past(clock.now()):
        _take_back(report, _filing_words(report, AHEAD_AGAIN))


def note_asked_again(report: Report) -> None:
    """It is to be filed after all, by another deadline: only when that is missed too, something is missing again."""
    known = _known(report)
    if known is not None and known.cause == Cause.REPORT_MISSING and known.not_found_at is not None:
        gone.note(known, _not_asked(report, _filing_words(report, AHEAD_AGAIN)))


def note_back(report: Report) -> None:
    """The report's days are the contract's again: a revision that was rejected meanwhile is a breach from now on."""
    revision = report.standing
    review = revision.review if revision else None
    if revision is None or review is None or review.decision != Decision.REJECT:
        return
    if deviations.find(report, duty_to_file(report), _group_of_rejected(revision.number)) is None:
        _note_rejected(report, revision.number, review.reasons)


def _take_back(report: Report, sentence: Text) -> None:
    known = _known(report)
    if known is not None and known.not_found_at is None:
        gone.note(known, _not_asked(report, sentence))


def _not_asked(report: Report, sentence: Text) -> Gone:
    return Gone(Why.NOT_ASKED, sentence, {"due_at": report.due_at.isoformat()})


def _known(report: Report) -> Deviation | None:
    """The newest case of what is to be filed now, whichever requirement asked for it: its days may have changed."""
    rows = select(Deviation).where(Deviation.report_id == report.id, Deviation.cause_group == _filing_group(report))
    return db.session.scalar(rows.order_by(Deviation.id.desc()).limit(1))


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
    match len(report.revisions):
        case 0:
            return "reporting"
        case 1:
            return CORRECTION
        case number:
            return f"{CORRECTION}-{number}"


def _filing_words(report: Report, words: Text, days: int = 0) -> Text:
    what = (THE_CORRECTION if report.revisions else THE_REPORT)[report.period.purpose]
    return words.with_values(what=what.with_values(period=period_text(report)), due=due_text(report), days=days)


def note_not_accepted(report: Report, reasons: str) -> None:
    """Open the deviation for a revision that was rejected: each is a breach by itself, with its own notice."""
    _note_rejected(report, report.latest.number if report.latest else 0, reasons)


def _note_rejected(report: Report, number: int, reasons: str) -> None:
    sentence = NOT_ACCEPTED.with_values(period=period_text(report), number=number, reasons=reasons)
    # The deadline as the rejection set it: what happens to the report later does not move it in this case.
    facts: Json = {"breaches": 1, "lines": [], "revision": number, "due_at": report.due_at.isoformat()}
    _open_against_duty(report, Breach(Cause.NOT_ACCEPTED, _group_of_rejected(number), sentence, facts))


def _group_of_rejected(number: int) -> str:
    return f"not_accepted-{number}"


def _open_against_duty(report: Report, breach: Breach) -> None:
    """What is wholly after the contract's last day is asked for no more, and is no breach (see `beyond`)."""
    duty = duty_to_file(report)
    if duty is not None and not contract_days.is_beyond(report):
        deviations.note_breach(report, duty, breach)


def duty_to_file(report: Report) -> Requirement | None:
    """The requirement that asked for this report; for what is filed once it was asked on that very day."""
    is_regular = report.period.purpose == PeriodPurpose.REGULAR
    in_force = report.contract.requirements_on(contract_days.day_of(report) if is_regular else report.period.ends_on)
    return next((duty for duty in in_force if duty.indicator == _DUTY_TO_FILE[report.period.purpose]), None)
