"""What must have stood at the moment a sanction was decided: looked at once, right after the act that decided it.

Later the world may go on: a report is amended, a contract changed. Then what was decided only stays what it is.
"""

from datetime import date, datetime

from sqlalchemy import select

from portal import calendars
from portal.calendars import Counting
from portal.extensions import db
from portal.model import AuditEvent, Cause, Deviation, Finding, FindingResult, Report, ReportState, Sanction
from tests import case_days, case_worth
from tests.case_days import judged_until
from tests.case_terms import last_day
from tests.case_worth import Worth


def it_stood_when_decided(sanction: Sanction) -> Worth:
    """The report was asked for, it showed the breach or was late, and the amount was what it then came to."""
    deviation, report = sanction.deviation, sanction.deviation.report
    assert report.state != ReportState.SPARED, "nothing was to be reported"
    assert report.period.starts_on <= last_day(deviation.contract), "R4: no day of the report is one of the contract"
    _the_requirement_was_in_force(deviation)
    _who_decided_had_no_part_in_it(sanction)
    if deviation.cause == Cause.REQUIREMENT_BROKEN:
        finding = case_worth.in_force(deviation)
        assert finding is not None
        assert finding.result == FindingResult.BROKEN, "the figures in force did not show the breach"
        _something_notified_is_left(sanction, finding)
    elif deviation.cause == Cause.NOT_ACCEPTED:
        _the_revision_was_rejected(deviation)
    else:
        _it_was_late(deviation)
    return case_worth.it_comes_to_what_is_stored(sanction)


def _the_requirement_was_in_force(deviation: Deviation) -> None:
    duty = deviation.requirement
    assert duty.valid_from <= judged_until(deviation) <= (duty.valid_to or date.max), "nobody asked for it any more"


def _something_notified_is_left(sanction: Sanction, finding: Finding) -> None:
    """Of lines that break by themselves at least one that the notice named still does."""
    if sanction.deviation.requirement.indicator == case_worth.BY_LINE:
        assert case_worth.named(sanction.deviation) & set(finding.lines), "nobody was told of what breaks it now"


def _the_revision_was_rejected(deviation: Deviation) -> None:
    """The very one that the case is about, whatever was made of the report since."""
    number = int(deviation.facts["revision"])
    [revision] = [each for each in deviation.report.revisions if each.number == number]
    assert revision.review is not None
    assert revision.review.decision == "reject", "R6: the revision was not rejected"


def _who_decided_had_no_part_in_it(sanction: Sanction) -> None:
    """Who gave the notice, weighed a point or noted the last day prepared the decision, as who proposed it did."""
    deviation = sanction.deviation
    rows = select(AuditEvent).filter_by(subject_id=str(deviation.public_id), action="deviation.put_right")
    noted = [each.person_id for each in db.session.scalars(rows.order_by(AuditEvent.id)) if each.person_id is not None]
    if sanction.step == "daily" and _is_the_noted_day(deviation):
        assert sanction.decided_by_id not in noted[-1:], "R15: it was approved by who noted the last day of the breach"
    weighed = {each.weighed_by_id for point in deviation.points for each in point.weighings}
    prepared = {each.sent_by_id for each in deviation.notices} | weighed | {*sanction.proposers}
    assert sanction.decided_by_id not in prepared, "R10: it was approved by somebody who prepared it"


def _is_the_noted_day(deviation: Deviation) -> bool:
    """Whether the days are counted to the day that a person noted: the figures said no earlier one."""
    said = deviation.put_right.get("person")
    return said is not None and deviation.cured_on == date.fromisoformat(said["on"])


def _it_was_late(deviation: Deviation) -> None:
    """Nothing was there when it was due, or it came afterwards; and it was not due before the contract's rule says."""
    report, due_at = deviation.report, case_days.due_at(deviation)
    sanctioned = deviation.sanction
    assert sanctioned is not None
    assert sanctioned.decided_at is not None
    assert (case_days.came_at(deviation) or sanctioned.decided_at) > due_at, "it was not late"
    by_rule = _by_the_rule(report)
    assert due_at >= by_rule, ("it was due before the day that the contract gives", due_at, by_rule)


def _by_the_rule(report: Report) -> datetime:
    """So many working days after the period's last day, at the end of the day."""
    contract = report.contract
    assert (contract.due_counting, contract.due_time) == (Counting.WORKING, "")
    day = calendars.add_working_days(report.period.ends_on, contract.due_days, contract.country)
    return calendars.end_of_day(day, contract.time_zone)
