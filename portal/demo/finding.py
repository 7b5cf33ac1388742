"""Where things are in the demo while its story is played."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from portal import calendars
from portal.calendars import Period
from portal.demo.plants import PLANTS, Plant
from portal.demo.world import FIRMS, Job
from portal.extensions import db
from portal.model import Contract, Deviation, Machine, Membership, Organisation, Report, ReportingPeriod
from portal.operations.contracts import contracts
from portal.operations.entry import drafts

ZONE = "Europe/Oslo"
_BY_NAME = {plant.name: plant for plant in PLANTS}


def firm(key: str) -> Organisation:
    """An organisation by its key in the story."""
    number = next(each.number for each in FIRMS if each.key == key)
    return db.session.scalars(select(Organisation).where(Organisation.number == number)).one()


def member(key: str, role: str) -> Membership:
    """The first of a firm's people who has a role."""
    rows = db.session.scalars(
        select(Membership).where(Membership.organisation_id == firm(key).id).order_by(Membership.id)
    )
    return next(row for row in rows if role in row.role_codes)


def supplier_side(job: Job) -> tuple[Membership, Membership]:
    """Who fills in, and who signs."""
    return member(job.supplier, "reporter"), member(job.supplier, "signatory")


def buyer_side(job: Job) -> tuple[Membership, Membership]:
    """Who reviews, and who follows up breaches."""
    return member(job.buyer, "reviewer"), member(job.buyer, "administrator")


def decider(job: Job) -> Membership:
    """The second person on money."""
    return member(job.buyer, "decision_maker")


def contract(job: Job) -> Contract:
    """The contract of a job."""
    return db.session.scalars(select(Contract).where(Contract.reference == job.reference)).one()


def report(job: Job, period: Period) -> Report:
    """The report of a job for a period."""
    return db.session.scalars(
        select(Report)
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .where(Report.contract_id == contract(job).id, ReportingPeriod.starts_on == period.starts_on)
    ).one()


def rows(of: Report, kind: str) -> list[drafts.DraftRow]:
    """The lines of a part as its form would show them."""
    return drafts.rows_of(of, contracts.kind_of(of, kind))


def cases(job: Job, period: Period) -> list[Deviation]:
    """The deviations found in the report of a period, oldest first."""
    found = select(Deviation).where(Deviation.report_id == report(job, period).id).order_by(Deviation.id)
    return list(db.session.scalars(found))


def plant_of(public_id: str) -> Plant:
    """The machine with this public id."""
    return _BY_NAME[db.session.scalars(select(Machine.name).where(Machine.public_id == UUID(public_id))).one()]


def local_day(moment: datetime) -> date:
    """The day of a moment where the demo lies."""
    return calendars.local_day(moment, ZONE)
