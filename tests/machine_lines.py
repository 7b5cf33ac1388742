"""Reports whose machines break a requirement line by line, for the tests of what a sanction covers."""

from portal.extensions import transaction
from portal.model import ClauseCounts, Decision
from portal.operations.contracts import contracts
from portal.operations.entry import drafts
from portal.operations.entry.drafts import RawLine
from portal.operations.reports import amendments, reviews
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts
from tests.reviewing import send_again
from tests.sanctioning import duty
from tests.world import World, deliver_mail


def costs_by_line(world: World) -> World:
    """A fee for each line that is not free of emissions, and two more machines that burn diesel."""
    with transaction():
        world.contract.clauses[0].counts = ClauseCounts.LINE
        duty(world, "lowest_stage").threshold = "zero_emission"
        for name in ("DI-3", "DI-4"):
            machine = machines.register(MachineFacts(name, "wheel_loader", "diesel", "V"), by=world.anna)
            machines.deploy(machine, world.contract, world.contract.starts_on, None, by=world.anna)
            world.machines[name] = str(machine.public_id)
    return world


def used(world: World, *names: str) -> None:
    """March with these machines: reported, signed and accepted, as a first report or as an amendment."""
    report = world.report
    if report.accepted_number:
        with transaction():
            amendments.propose(report, "En linje manglet.", by=world.anna, version=report.version)
    reported = {world.machines[name] for name in ("EL-1", *names)}
    lines = [
        RawLine(row.key, {**row.raw, "hours": "100", "amount": "2000", "amount_source": "metered"})
        for row in drafts.prefilled(report, contracts.kind_of(report, "machinery"))
        if row.raw["machine"] in reported
    ]
    with transaction():
        drafts.save(report, "machinery", lines, by=world.anna, version=report.version)
    if not report.accepted_number:
        with transaction():
            drafts.answer_nothing(report, "fuel", "Ingen.", by=world.anna, version=report.version)
    send_again(world)
    with transaction():
        reviews.decide(report, Decision.APPROVE, by=world.rita, version=report.version)
    deliver_mail()
