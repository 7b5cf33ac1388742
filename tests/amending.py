"""An approved report is amended, and the cases that were found in it are judged anew."""

from portal.extensions import db, transaction
from portal.model import Decision, Deviation
from portal.operations.entry import drafts
from portal.operations.reports import amendments, reviews
from tests.world import World, hand_in, machine_lines

HEALED, SMALLER, LARGER, SAME = "1000", "7000", "20000", "9000"
"""Litres of diesel beside 5 000 kWh: shares of 33.2, 6.6, 2.4 and 5.2 %; clause 4.2 asks for 20."""


def amend(world: World, diesel: str) -> None:
    """Anna proposes the amendment, and Bo signs it: it waits to be reviewed."""
    report = world.report
    with transaction():
        amendments.propose(report, "Feil måler.", by=world.anna, version=report.version)
    with transaction():
        drafts.save(report, "machinery", machine_lines(world, diesel=diesel), by=world.anna, version=report.version)
    hand_in(report, world)


def decide(world: World, decision: Decision = Decision.APPROVE) -> None:
    """Rita approves what was signed last, or does not."""
    with transaction():
        reviews.decide(
            world.report,
            decision,
            by=world.rita,
            version=world.report.version,
            reasons="" if decision == Decision.APPROVE else "Ikke dokumentert.",
        )


def accept(world: World, diesel: str) -> None:
    """An amendment, all the way."""
    amend(world, diesel)
    decide(world)


def snapshot(deviation: Deviation) -> tuple[object, ...]:
    """All of a case that an amendment may change."""
    db.session.expire_all()
    facts = deviation.facts
    return (deviation.state, deviation.sentence, facts, deviation.at_stake, deviation.not_found_at)
