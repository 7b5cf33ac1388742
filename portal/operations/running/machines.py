"""The supplier's register of machines and vehicles, where they work, and what a contract's requirements say of them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, or_, select

from portal import calendars, clock, kinds, permissions
from portal.errors import Invalid
from portal.extensions import db
from portal.factors import Basis
from portal.kinds import register as known
from portal.kinds.base import Kind, Line, Setting
from portal.model import (
    Contract,
    Deployment,
    FindingResult,
    Machine,
    Membership,
    Report,
    ReportingPeriod,
    Requirement,
    Revision,
    RevisionLine,
    Window,
    record,
)
from portal.operations.contracts import limits, scopes
from portal.operations.figures import figures, stretches
from portal.permissions import Permission
from portal.text import Text, same

TAKEN = Text("Dere har allerede en maskin som heter {name}.", "You already have a machine called {name}.")
DEPARTS_FIRST = Text("Maskinen kan ikke dra før den kommer.", "The machine cannot leave before it arrives.")
ARRIVES_AFTER_END = Text(
    "Kontrakten varer til {day}. Maskinen må komme før det.",
    "The contract ends on {day}. The machine must arrive before.",
)
THERE_ALREADY = Text(
    "Maskinen står på kontrakten fra {first} allerede. Sett først dagen den drar.",
    "The machine has been on the contract since {first}. First set the day it leaves.",
)
REPORTED_LATER = Text(
    "Maskinen er ført i en signert rapport for perioden fra {day}. Den kan ikke dra før det.",
    "The machine is in a signed report for the period from {day}. It cannot leave before that.",
)
NAMELESS = Text("Gi maskinen et navn.", "Give the machine a name.")
SAY_WHICH = Text("Skriv hva slags maskin det er.", "Say what kind of machine it is.")
WRONG_CLASS = Text(
    "Velg et utslippssteg for en maskin, og en euroklasse for et kjøretøy.",
    "Choose an emission stage for a machine, and a Euro class for a vehicle.",
)
NOT_YET_MADE = Text("Motoren kan ikke være laget etter i år.", "The engine cannot be made after this year.")
FIRST_ENGINE = 1950


@dataclass(frozen=True)
class MachineFacts:
    """What is said of a machine or vehicle when it is registered."""

    name: str
    type: str
    carrier: str
    stage: str
    model: str = ""
    serial: str = ""
    other_type: str = ""
    size: str = ""
    engine_year: int | None = None
    hired_from: str = ""


class Verdict(NamedTuple):
    """What one requirement of a contract says of a machine, before anything is reported."""

    requirement: Requirement
    result: FindingResult
    title: Text
    threshold: Text


def register(facts: MachineFacts, *, by: Membership) -> Machine:
    """Add a machine to the acting organisation's register. Raises Invalid when something about it cannot be."""
    permissions.demand(by, Permission.MACHINE_EDIT)
    _demand_sense(facts)
    name = facts.name.strip()
    if db.session.scalar(select(Machine.id).where(Machine.owner_id == by.organisation_id, Machine.name == name)):
        raise Invalid(TAKEN.with_values(name=same(name)))
    said = {key: value.strip() if isinstance(value, str) else value for key, value in asdict(facts).items()}
    machine = Machine(owner_id=by.organisation_id, owner=by.organisation, **said)
    db.session.add(machine)
    db.session.flush()
    record(machine, "machine.registered", by=by, name=name, carrier=facts.carrier, stage=facts.stage)
    return machine


def alike(facts: MachineFacts, *, by: Membership) -> list[Machine]:
    """Own machines that may be this one: the same serial number, or the same make, type, class and engine year."""
    serial, model = facts.serial.strip(), facts.model.strip()
    signs: list[ColumnElement[bool]] = []
    if serial:
        signs.append(func.lower(Machine.serial) == serial.lower())
    if model and facts.engine_year:
        signs.append(
            (func.lower(Machine.model) == model.lower())
            & (Machine.type == facts.type)
            & (Machine.stage == facts.stage)
            & (Machine.engine_year == facts.engine_year)
        )
    if not signs:
        return []
    return list(
        db.session.scalars(
            select(Machine).where(Machine.owner_id == by.organisation_id, or_(*signs)).order_by(Machine.name)
        ).unique()
    )


def deploy(
    machine: Machine, contract: Contract, arrived_on: date, departed_on: date | None, *, by: Membership
) -> Deployment:
    """Note that a machine works on a contract from one day, and to another if that is known."""
    permissions.demand(by, Permission.MACHINE_EDIT)
    _demand_order(arrived_on, departed_on)
    if arrived_on > contract.ends_on:
        raise Invalid(ARRIVES_AFTER_END.with_values(day=calendars.day_name(contract.ends_on)))
    for other in machine.deployments:
        if other.contract_id == contract.id and _overlap(other, arrived_on, departed_on):
            raise Invalid(THERE_ALREADY.with_values(first=calendars.day_name(other.arrived_on)))
    deployment = Deployment(
        **contract.parties,
        machine=machine,
        arrived_on=arrived_on,
        departed_on=departed_on,
    )
    db.session.add(deployment)
    db.session.flush()
    record(deployment, "machine.deployed", by=by, machine=str(machine.public_id), arrived_on=arrived_on.isoformat())
    return deployment


def depart(deployment: Deployment, day: date, *, by: Membership) -> None:
    """Note the day on which a machine leaves the contract."""
    permissions.demand(by, Permission.MACHINE_EDIT)
    _demand_order(deployment.arrived_on, day)
    reported = _reported_after(deployment, day)
    if reported is not None:
        raise Invalid(REPORTED_LATER.with_values(day=calendars.day_name(reported)))
    deployment.departed_on = day
    record(
        deployment, "machine.departed", by=by, machine=str(deployment.machine.public_id), departed_on=day.isoformat()
    )


def _reported_after(deployment: Deployment, day: date) -> date | None:
    """First day of the last period after `day` that a signed line names the machine in, whatever its column."""
    rows = db.session.execute(
        select(ReportingPeriod.starts_on, RevisionLine.values)
        .join(Report, Report.period_id == ReportingPeriod.id)
        .join(Revision, Revision.report_id == Report.id)
        .join(RevisionLine, RevisionLine.revision_id == Revision.id)
        .where(Report.contract_id == deployment.contract_id, ReportingPeriod.starts_on > day)
        .order_by(ReportingPeriod.starts_on.desc())
    )
    name = str(deployment.machine.public_id)
    return next((row.starts_on for row in rows if any(each["value"] == name for each in row.values.values())), None)


def verdicts(machine: Machine, contract: Contract, arrived_on: date | None = None) -> list[Verdict]:
    """What the contract's requirements say of a machine by itself, those in force today or when it arrives later."""
    day = max(clock.today(contract.time_zone), arrived_on or contract.starts_on, contract.starts_on)
    return [each for duty in contract.requirements_on(day) for each in _verdict(machine, contract, duty, day)]


def _verdict(machine: Machine, contract: Contract, duty: Requirement, day: date) -> Iterator[Verdict]:
    kind = kinds.kinds().get(duty.kind)
    if kind is None or not kind.indicator(duty.indicator).breaks_by_line:
        return
    line = _as_line(machine, kind)
    if line is None or not scopes.is_about(duty, machine):
        return
    setting = Setting(contract.starts_on, contract.ends_on, Basis.load(contract.basis))
    indicator = kind.indicator(duty.indicator)
    threshold = limits.on(duty, kind, stretches.binding_day(duty, day)).threshold
    tally = kind.figure(indicator.key, kind.measure([line], setting), limits.typed(indicator, threshold))
    met = limits.met(duty, indicator, tally, threshold)
    broken = FindingResult.BROKEN if duty.window == Window.PERIOD else FindingResult.BEHIND
    result = {True: FindingResult.MET, False: broken, None: FindingResult.UNKNOWN}[met]
    yield Verdict(duty, result, indicator.title, figures.threshold_in_words(kind, duty, day))


def _as_line(machine: Machine, kind: Kind) -> Line | None:
    """The machine as a line of the kind that its sort is reported in; None for the other sort."""
    source = "vehicles" if known.is_vehicle(machine.type) else "machines"
    named = next((field for field in kind.fields if field.source == source), None)
    if named is None:
        return None
    facts = {
        named.key: str(machine.public_id),
        "carrier": machine.carrier,
        "stage": machine.stage,
        "euro_class": machine.stage,
    }
    own = {field.key for field in kind.fields}
    return Line(str(machine.public_id), {key: {"value": value} for key, value in facts.items() if key in own})


def _demand_sense(facts: MachineFacts) -> None:
    if not facts.name.strip():
        raise Invalid(NAMELESS)
    if known.is_told_in_words(facts.type) and not facts.other_type.strip():
        raise Invalid(SAY_WHICH)
    if facts.stage not in {choice.key for choice in known.classes_of(facts.type)}:
        raise Invalid(WRONG_CLASS)
    if facts.engine_year is not None and not FIRST_ENGINE <= facts.engine_year <= clock.now().year:
        raise Invalid(NOT_YET_MADE)


def _demand_order(arrived_on: date, departed_on: date | None) -> None:
    if departed_on is not None and departed_on < arrived_on:
        raise Invalid(DEPARTS_FIRST)


def _overlap(other: Deployment, arrived_on: date, departed_on: date | None) -> bool:
    starts_before_end = departed_on is None or other.arrived_on <= departed_on
    return starts_before_end and (other.departed_on is None or arrived_on <= other.departed_on)
