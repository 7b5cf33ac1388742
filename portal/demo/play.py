"""Plays the demo's months through the portal's own operations, from the first contract's start up to this moment."""

import secrets
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

from sqlalchemy import select

from portal import calendars, clock
from portal.calendars import Counting, Moves
from portal.demo import finding, stories, time, world
from portal.demo.plants import PLANTS, Plant
from portal.demo.stories import Event
from portal.demo.world import Job
from portal.errors import Refused
from portal.extensions import db, parts, transaction
from portal.model import (
    REPORTING_DUTY,
    ClauseForm,
    Contract,
    FigureOrigin,
    Installation,
    Machine,
    Membership,
    Organisation,
    PlannedFigure,
    Representative,
    Role,
    SanctionClause,
)
from portal.operations import accounts, demo_copy
from portal.operations.cases import stakes
from portal.operations.contracts import contracts
from portal.operations.contracts.contracts import Duty, Rate
from portal.operations.people import sights
from portal.operations.reports import periods
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts
from portal.reach import Sight
from portal.text import Text

NOT_EMPTY = Text(
    "Databasen er ikke tom. Demoen lages bare i en tom database.",
    "The database is not empty. The demo is only made in an empty one.",
)
SOON = timedelta(days=3)
"""How far ahead the report lies that is half filled in."""


def sign_ins() -> list[str]:
    """Who can sign in, one line each, for the terminal."""
    lines = [
        f"{persona.email}  {persona.name}, {', '.join(persona.roles).replace('_', ' ')}" for persona in world.PEOPLE
    ]
    return [f"Everybody's password is {world.PASSWORD}", *lines]


def load() -> Iterator[tuple[int, int, str]]:
    """Make the demo. Yields (step, of how many, words) as it goes. Raises Refused when the database is not empty."""
    now = clock.now()
    today = clock.today(finding.ZONE)
    with transaction():
        if db.session.scalar(select(Organisation.id).limit(1)) is not None:
            raise Refused(NOT_EMPTY)
        db.session.add(Installation(id=1, is_demo=True, created_at=now))
    oldest = calendars.months_back(today, world.MONTHS)[0].starts_on
    with clock.at(_morning(oldest - timedelta(days=1))), transaction():
        _people()
        _machines()
    events: list[Event] = []
    for job in world.JOBS:
        starts_on = calendars.months_back(today, job.months)[0].starts_on
        with clock.at(_morning(starts_on - timedelta(days=1))), transaction():
            contract = _contract(job, starts_on, today)
        events += _events(job, contract, now)
    told = sorted((event for event in events if event.at < now), key=lambda event: event.at)
    for number, event in enumerate(told, start=1):
        time.pass_until(event.at)
        with clock.at(event.at), transaction():
            event.do()
        yield number, len(told), f"{calendars.as_typed(event.at)}: {event.words}"
    time.pass_until(now)
    _count_cases()
    with transaction():
        _unit()
    demo_copy.keep(parts().settings)


def _count_cases() -> None:
    """What the open cases come to today, as the worker counts it every hour."""
    for number in stakes.outdated():
        with transaction():
            stakes.recount(number)


def _events(job: Job, contract: Contract, now: datetime) -> Iterator[Event]:
    every = calendars.periods(contract.starts_on, contract.ends_on, contract.frequency)
    for period in every:
        yield Event(stories.opening(period), f"{job.reference} opens", partial(_open, contract.id))
    yield from stories.of(job, contract, every, now)


def _open(number: int) -> None:
    periods.open_due_periods(number)


# -- who and what -----------------------------------------------------------------------------------------------------


def _people() -> None:
    firms = {firm.key: accounts.add_organisation(firm.number, firm.name, firm.kind) for firm in world.FIRMS}
    for persona in world.PEOPLE:
        person = accounts.add_person(persona.email, persona.name, password=world.PASSWORD)
        accounts.add_membership(person, firms[persona.firm], *persona.roles)


def _unit() -> None:
    """One buyer has a department with contracts of its own, and a reviewer who sees those only."""
    head = finding.member("nordvik", Role.ADMINISTRATOR)
    own = [each.public_id for each in sights.contracts(head) if each.reference in world.UNITS_JOBS]
    unit = sights.add_unit(world.UNIT, own, by=head)
    [member] = [each for each in sights.members(head) if each.person.email == world.IN_UNIT]
    sights.limit(member, Sight.UNIT, by=head, unit=unit.public_id)


def _machines() -> None:
    for plant in PLANTS:
        facts = MachineFacts(
            plant.name,
            plant.type,
            plant.carrier,
            plant.stage,
            model=plant.model,
            serial=secrets.token_hex(4).upper(),
            size=plant.size,
            engine_year=plant.year,
        )
        machines.register(facts, by=finding.member(plant.owner, "reporter"))


def _contract(job: Job, starts_on: date, today: date) -> Contract:
    contract = contracts.add(_agreed(job, starts_on, today), [_duty(term) for term in job.terms], list(job.sites))
    for term, duty in zip(job.terms, contract.requirements[-len(job.terms) :], strict=True):
        duty.window, duty.promised = term.window, term.promised
        duty.promised_source = "Tilbudsskjema, side 4" if term.promised else ""
    _clauses(job, contract, starts_on)
    for side in (finding.member(job.buyer, "administrator"), finding.member(job.supplier, "signatory")):
        contract.representatives.append(_representative(contract, side, starts_on))
    contract.planned.extend(_planned(job, contract))
    for plant in (plant for plant in PLANTS if plant.name in job.machines):
        machine = db.session.scalars(select(Machine).where(Machine.name == plant.name)).one()
        arrives_on = _arrival(job, plant, starts_on, today)
        machines.deploy(machine, contract, arrives_on, None, by=finding.member(job.supplier, "reporter"))
    return contract


def _agreed(job: Job, starts_on: date, today: date) -> Contract:
    buyer, supplier = finding.firm(job.buyer), finding.firm(job.supplier)
    contract = Contract(
        buyer=buyer,
        supplier=supplier,
        buyer_id=buyer.id,
        supplier_id=supplier.id,
        reference=job.reference,
        identifiers=[{"scheme": "doffin", "value": f"{starts_on:%Y}-1{job.reference[-3:]}07"[:11]}],
        cpv=[job.cpv],
        title=job.title,
        value=job.value,
        starts_on=starts_on,
        ends_on=starts_on + timedelta(days=30 * (job.months + 10)),
        kinds=list(job.kinds),
        counted={"": "use"},
        basis=job.basis,
        reporting_clause="5.1",
        frequency=job.frequency,
        notice_working_days=20,
        unattended_review=job.unattended,
    )
    if job.story == "half_filled":
        days = (today - calendars.months_back(today, 1)[0].ends_on + SOON).days
        contract.due_days, contract.due_counting, contract.due_moves = days, Counting.CALENDAR, Moves.STAY
    return contract


def _duty(term: world.Term) -> Duty:
    return Duty(term.kind, term.indicator, term.comparison, term.threshold, term.clause)


def _clauses(job: Job, contract: Contract, starts_on: date) -> None:
    wording = "Gebyr per brudd på klima- og miljøkrav, etter varsel og frist for tilsvar."
    fee = SanctionClause(clause="7.1", wording=wording, counts=job.fee.counts, warns_first=job.fee.warns_first)
    contracts.add_clause(contract, fee, Rate(starts_on, job.fee.amount))
    if job.daily is None:
        return
    duty = next(each for each in contract.requirements if each.indicator == REPORTING_DUTY)
    daily = SanctionClause(
        clause="7.2",
        wording="Dagmulkt når rapporten ikke er levert innen fristen, per mille av kontraktssummen per kalenderdag.",
        form=ClauseForm.DAILY,
        requirement=duty,
        requirement_id=duty.id,
        grace_days=2,
        cap_days=job.daily.cap_days,
        cap_percent=Decimal(5),
    )
    contracts.add_clause(contract, daily, Rate(starts_on, job.daily.per_mille))


def _representative(contract: Contract, who: Membership, starts_on: date) -> Representative:
    return Representative(
        **contract.parties,
        organisation_id=who.organisation_id,
        person=who.person,
        name=who.person.name,
        title="Byggherrens representant" if who.organisation_id == contract.buyer_id else "Anleggsleder",
        email=who.person.email,
        from_on=starts_on,
    )


def _planned(job: Job, contract: Contract) -> Iterator[PlannedFigure]:
    if job.story not in {"half_filled", "quarterly"}:
        return
    figures = (("zero_emission_share_energy", Decimal(12), "%"), ("liquid_fuel", Decimal(150_000), "l"))
    for indicator, amount, unit in figures:
        yield PlannedFigure(
            **contract.parties,
            origin=FigureOrigin.BID,
            kind="machinery",
            indicator=indicator,
            amount=amount,
            unit=unit,
            source="Tilbudsskjema miljø, side 4",
        )


def _arrival(job: Job, plant: Plant, starts_on: date, today: date) -> date:
    """In the story of the breach two old machines arrive late, and break the requirement from then on."""
    is_old = job.story == "breach" and plant.stage == "IIIA"
    return calendars.months_back(today, 3)[0].starts_on if is_old else starts_on


def _morning(day: date) -> datetime:
    return calendars.start_of_day(day, finding.ZONE) + timedelta(hours=7)
