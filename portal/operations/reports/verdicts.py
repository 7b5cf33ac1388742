"""Whether a report still waits for the review that somebody is at, and if not, who was first."""

from portal import impartiality
from portal.errors import Conflict
from portal.model import Decision, Membership, Report, ReportState, Revision
from portal.operations import processes
from portal.text import Text, same

DECIDED = {
    Decision.APPROVE: Text("{name} har godkjent rapporten.", "{name} has approved the report."),
    Decision.RETURN: Text("{name} har bedt om retting.", "{name} has returned the report for correction."),
    Decision.REJECT: Text("{name} har avvist rapporten.", "{name} has rejected the report."),
}
NEWER = Text(
    "Det er kommet en ny revisjon siden du åpnet siden. Les den på nytt.",
    "A new revision has come since you opened the page. Read it again.",
)
WITHDRAWN = Text(
    "{name} har trukket rapporten tilbake. Den kommer på nytt når den er endret.",
    "{name} has withdrawn the report. It comes again when it has been changed.",
)
THE_PORTAL = Text("Portalen", "The portal")


def demand_waiting(report: Report, *, by: Membership, revision: int) -> Revision:
    """The revision under review, kept from changing while we write.

    Raises:
        Forbidden: the person may not review, or had a hand in the report.
        Conflict: it is decided, or is no longer the newest; the words say who did what.
    """
    impartiality.may_review(by, report)
    processes.hold(report)
    newest = report.latest
    if report.state != ReportState.SUBMITTED or newest is None or newest.number != revision:
        raise Conflict(who_decided(report))
    return newest


def who_decided(report: Report) -> Text:
    """What happened to the report while somebody was reading it, and by whom."""
    withdrawal = report.latest.withdrawal if report.latest else None
    if withdrawal is not None:
        return WITHDRAWN.with_values(name=same(withdrawal.withdrawn_by.name))
    reviewed = next((revision.review for revision in reversed(report.revisions) if revision.review), None)
    if report.state == ReportState.SUBMITTED or reviewed is None:
        return NEWER
    name = same(reviewed.decided_by.name) if reviewed.decided_by else THE_PORTAL
    return DECIDED[reviewed.decision].with_values(name=name)
