"""Who is looking at which report: a courtesy between reviewers, never a lock."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, exists, select

from portal import clock, impartiality
from portal.errors import Forbidden
from portal.extensions import db
from portal.model import Claim, Membership, Report, ReportState
from portal.operations import processes

LASTS = timedelta(minutes=30)
"""Without a sign of life for so long, somebody is taken to have left."""
NOTED_EVERY = timedelta(minutes=2)
"""A page that is read again within this writes nothing."""


def is_due(report: Report, *, by: Membership) -> bool:
    """Whether this person's reading of the report is to be noted now."""
    if report.state != ReportState.SUBMITTED or not _may_review(report, by):
        return False
    own = _own(report, by)
    return own is None or own.seen_at <= clock.now() - NOTED_EVERY


def take(report: Report, *, by: Membership) -> None:
    """Note that this person has the report before them. Two of their tabs make one claim."""
    processes.hold(report)
    if report.state != ReportState.SUBMITTED:
        return
    now, own = clock.now(), _own(report, by)
    if own is None:
        db.session.add(Claim(**report.parties, report_id=report.id, person=by.person, since=now, seen_at=now))
    else:
        own.since = own.since if own.seen_at > now - LASTS else now
        own.seen_at = now
    db.session.flush()


def release(report: Report) -> None:
    """The report is decided: nobody looks at it any more, and its next revision is new to everybody."""
    db.session.execute(delete(Claim).where(Claim.report_id == report.id))


def others_at(report: Report, *, by: Membership) -> list[Claim]:
    """Those who are at this report just now, besides this person."""
    if report.state != ReportState.SUBMITTED:
        return []
    return [claim for claim in of([report]) if claim.person_id != by.person_id and is_fresh(claim)]


def of(reports: Sequence[Report]) -> list[Claim]:
    """Every claim on these reports, the oldest first; one that is no longer fresh says who has looked."""
    numbers = [report.id for report in reports]
    rows = select(Claim).where(Claim.report_id.in_(numbers)).order_by(Claim.since, Claim.id)
    return list(db.session.scalars(rows).unique())


def is_fresh(claim: Claim) -> bool:
    """Whether there has been a sign of life lately."""
    return claim.seen_at > clock.now() - LASTS


def by_others(by: Membership) -> ColumnElement[bool]:
    """Of a report in a query: whether somebody else is at it just now."""
    return exists().where(
        Claim.report_id == Report.id, Claim.person_id != by.person_id, Claim.seen_at > clock.now() - LASTS
    )


def _own(report: Report, by: Membership) -> Claim | None:
    return db.session.scalar(select(Claim).where(Claim.report_id == report.id, Claim.person_id == by.person_id))


def _may_review(report: Report, by: Membership) -> bool:
    try:
        impartiality.may_review(by, report)
    except Forbidden:
        return False
    return True
