"""Months of the small world, filed and approved one after another, and requirements that are judged over them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from portal import calendars, clock
from portal.extensions import db, transaction
from portal.model import (
    AssessmentWindow,
    Comparison,
    Decision,
    Deviation,
    Finding,
    Report,
    ReportingPeriod,
    Requirement,
    Window,
)
from portal.operations.contracts import contracts
from portal.operations.reports import amendments, reviews
from tests.world import World, submit

SHARE = "zero_emission_share_energy"


def only(world: World, first: date, last: date, *duties: Requirement) -> None:
    """The contract runs on these days, and asks for these requirements alone. Its first month is open."""
    contract = world.contract
    with transaction():
        for report in db.session.scalars(select(Report).where(Report.contract_id == contract.id)):
            assert report.period.starts_on >= first, "the world's own report is one of the contract's"
        contract.starts_on, contract.ends_on = first, last
        for known in contract.requirements:
            known.valid_to = first - timedelta(days=1)
        contract.requirements.extend(duties)
    db.session.expire_all()


def duty(world: World, threshold: str = "20", **changes: Any) -> Requirement:
    """A requirement of the share of energy, or whatever is said instead."""
    agreed: dict[str, Any] = {
        "kind": "machinery",
        "indicator": SHARE,
        "comparison": Comparison.AT_LEAST,
        "threshold": threshold,
        "clause": "9.1",
        "valid_from": date(2026, 3, 1),
        "window": Window.YEAR,
    }
    return Requirement(**world.contract.parties, **{**agreed, **changes})


def file(world: World, month: date, *, electric: str, diesel: str) -> Report:
    """Report a month and have it approved at the start of the next."""
    report = sign_month(world, month, electric=electric, diesel=diesel)
    approve_it(world, report)
    return report


def sign_month(world: World, month: date, *, electric: str, diesel: str) -> Report:
    """Report a month: 5 000 kWh and 1 000 l (10 080 kWh) are a share of 33.2 %. Nobody has approved it."""
    period = calendars.month_of(month)
    clock.move_to(datetime(month.year, month.month, 20, 9, tzinfo=UTC))
    found = db.session.scalar(
        select(Report)
        .join(ReportingPeriod)
        .where(Report.contract_id == world.contract.id, ReportingPeriod.starts_on == period.starts_on)
    )
    if found is None:
        with transaction():
            found = contracts.open_period(world.contract, period)
    world.report = found
    clock.move_to(datetime(month.year, month.month, 1, 9, tzinfo=UTC) + timedelta(days=33))
    submit(world, electric=electric, diesel=diesel)
    return found


def approve_it(world: World, report: Report) -> None:
    """Rita approves what was signed last."""
    with transaction():
        reviews.decide(report, Decision.APPROVE, by=world.rita, version=report.version)


def amend(world: World, report: Report, *, electric: str, diesel: str) -> None:
    """Anna amends an approved report, Bo signs, Rita approves."""
    with transaction():
        amendments.propose(report, "Feil avlest.", by=world.anna, version=report.version)
    world.report = report
    submit(world, electric=electric, diesel=diesel)
    approve_it(world, report)


def windows_of(requirement: Requirement) -> list[AssessmentWindow]:
    """The windows that were judged, oldest first."""
    rows = select(AssessmentWindow).where(AssessmentWindow.requirement_id == requirement.id)
    return list(db.session.scalars(rows.order_by(AssessmentWindow.ends_on)))


def cases_of(requirement: Requirement) -> list[Deviation]:
    """The deviations from a requirement."""
    return list(db.session.scalars(select(Deviation).where(Deviation.requirement_id == requirement.id)))


def findings_of(requirement: Requirement) -> list[str]:
    """How each signed revision came out."""
    rows = select(Finding).where(Finding.requirement_id == requirement.id).order_by(Finding.id)
    return [str(finding.result) for finding in db.session.scalars(rows)]
