"""The supplier's register of machines and where they work."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from portal import permissions
from portal.errors import Invalid
from portal.extensions import db
from portal.model import Contract, Deployment, Machine, Membership, record
from portal.permissions import Permission
from portal.text import Text, same

TAKEN = Text("Dere har allerede en maskin som heter {name}.", "You already have a machine called {name}.")
DEPARTS_FIRST = Text("Maskinen kan ikke dra før den kommer.", "The machine cannot leave before it arrives.")
NAMELESS = Text("Gi maskinen et navn.", "Give the machine a name.")


@dataclass(frozen=True)
class MachineFacts:
    """What is said of a machine when it is registered."""

    name: str
    type: str
    carrier: str
    stage: str
    model: str = ""
    serial: str = ""


def register(facts: MachineFacts, *, by: Membership) -> Machine:
    """Add a machine to the acting organisation's register. Raises Invalid when the name is taken."""
    permissions.demand(by, Permission.MACHINE_EDIT)
    name = facts.name.strip()
    if not name:
        raise Invalid(NAMELESS)
    if db.session.scalar(select(Machine.id).where(Machine.owner_id == by.organisation_id, Machine.name == name)):
        raise Invalid(TAKEN.with_values(name=same(name)))
    machine = Machine(
        owner_id=by.organisation_id,
        owner=by.organisation,
        name=name,
        type=facts.type,
        model=facts.model.strip(),
        carrier=facts.carrier,
        stage=facts.stage,
        serial=facts.serial.strip(),
    )
    db.session.add(machine)
    db.session.flush()
    record(machine, "machine.registered", by=by, name=name, carrier=facts.carrier, stage=facts.stage)
    return machine


def deploy(
    machine: Machine, contract: Contract, arrived_on: date, departed_on: date | None, *, by: Membership
) -> Deployment:
    """Note that a machine works on a contract from one day, and to another if that is known."""
    permissions.demand(by, Permission.MACHINE_EDIT)
    if departed_on is not None and departed_on < arrived_on:
        raise Invalid(DEPARTS_FIRST)
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
