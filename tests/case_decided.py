"""What must have stood at the moment a sanction was decided: looked at once, right after the act that decided it.

Later the world may go on: a report is amended, a contract changed. Then what was decided only stays what it is.
"""

from datetime import date
from decimal import Decimal

from sqlalchemy import select

from portal import amounts, calendars
from portal.extensions import db
from portal.model import AuditEvent, Cause, Deviation, Finding, FindingResult, Report, ReportState, Sanction
from portal.operations import calculations, ladder
from portal.text import Text
from tests.case_office import VALUE


def it_stood_when_decided(sanction: Sanction) -> None:
    """The report was asked for, it showed the breach or was late, and the amount was what it then came to."""
    deviation, report = sanction.deviation, sanction.deviation.report
    assert report.state != ReportState.SPARED, "nothing was to be reported"
    _the_requirement_was_in_force(deviation)
    if deviation.cause == Cause.REQUIREMENT_BROKEN:
        finding = _in_force(deviation)
        assert finding is not None
        assert finding.result == FindingResult.BROKEN, "the figures in force did not show the breach"
        _something_notified_is_left(sanction, finding)
    elif deviation.cause != Cause.NOT_ACCEPTED:
        _it_was_late(deviation)
    _the_amount_was_right(sanction)


def _the_requirement_was_in_force(deviation: Deviation) -> None:
    contract, duty = deviation.contract, deviation.requirement
    ends = (deviation.report.period.ends_on, contract.ends_on, contract.handed_over_on or date.max)
    judged = max(min(ends), deviation.report.period.starts_on)
    assert duty.valid_from <= judged <= (duty.valid_to or date.max), "nobody asked for it any more"


def _in_force(deviation: Deviation) -> Finding | None:
    accepted = deviation.report.accepted
    assert accepted is not None, "no figures are in force"
    return next((each for each in accepted.findings if each.requirement_id == deviation.requirement_id), None)


def _something_notified_is_left(sanction: Sanction, finding: Finding) -> None:
    """Of lines that break by themselves at least one that the notice named still does."""
    if sanction.deviation.requirement.indicator != "lowest_stage":
        return
    said = set(sanction.deviation.notices[-1].said["lines"])
    left = said & set(finding.lines)
    assert left, "the supplier was never told of what breaks it now"
    if sanction.clause.clause == "7.3" and sanction.step == "fee":
        [count] = [
            int(row["value"])
            for row in sanction.calculation
            if Text.load(row["text"]).en.startswith("Number of breaches")
        ]
        assert count <= len(left), "more is charged than is broken of what was notified"


def _it_was_late(deviation: Deviation) -> None:
    """Nothing was there when it was due, or it came afterwards. Corrections have deadlines of their own."""
    report = deviation.report
    came = [each for each in report.revisions if each.withdrawal is None]
    if deviation.cause_group != "reporting" or len(report.revisions) > 1 or _was_sent_back(report):
        return
    sanctioned = deviation.sanction
    assert sanctioned is not None
    assert sanctioned.decided_at is not None
    at = came[0].signed_at if came else sanctioned.decided_at
    assert at > report.due_at, "it was not late"


def _was_sent_back(report: Report) -> bool:
    return any(each.review is not None and each.review.decision != "approve" for each in report.revisions)


def _the_amount_was_right(sanction: Sanction) -> None:
    """Computed once more for the day of the calculation, by the contract as it was when somebody approved it."""
    deviation, clause = sanction.deviation, sanction.clause
    events = select(AuditEvent).where(AuditEvent.subject_id == str(sanction.public_id)).order_by(AuditEvent.id)
    calculated = [each for each in db.session.scalars(events) if {"amount", "found"} <= each.facts.keys()][-1]
    on = calendars.local_day(calculated.at, deviation.contract.time_zone)
    is_first = clause.warns_first and not ladder.earlier(deviation)
    step = ladder.WARNING if is_first else str(clause.form)
    sheet = calculations.sheet(deviation, clause, step=step, on=on)
    if sanction.waived:
        sheet = amounts.less_waived(sheet, sanction.waived, sanction.waiver_reason, sanction.currency)
    assert [row.dump() for row in sheet.rows] == sanction.calculation, "it came to something else when it was approved"
    told_at, orders = deviation.notices[0].created_at, deviation.contract.change_orders
    worth = {VALUE} | {deviation.contract.value_on(each.from_on, at) for each in orders for at in (told_at, None)}
    said = [row["value"] for row in sanction.calculation if ": base, " in Text.load(row["text"]).en]
    assert {Decimal(value) for value in said} <= worth
