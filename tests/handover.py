"""A contract's end as its people bring it about, and what the worker makes of it."""

from datetime import date

from portal.extensions import db, transaction
from portal.operations.running import contract_life
from portal.work import open_periods
from tests.world import World


def hourly() -> None:
    """What the worker does every hour, in transactions of its own."""
    db.session.rollback()
    open_periods({})
    db.session.rollback()
    db.session.expire_all()


def hand_over(world: World, day: date) -> None:
    """Adam notes the day."""
    with transaction():
        contract_life.complete(world.contract, day, by=world.adam, version=world.contract.version)


def reopen(world: World) -> None:
    """Adam takes it back."""
    with transaction():
        contract_life.reopen(world.contract, "Mangler.", by=world.adam, version=world.contract.version)
