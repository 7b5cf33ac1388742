"""Who sees what at a buyer: its units and the contracts they have, and what each membership is limited to."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import delete, func, select

from portal import permissions
from portal.errors import Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import NEVER_LIMITED, Contract, ContractState, Membership, NamedContract, Person, Role, Unit, record
from portal.operations import accounts
from portal.permissions import Permission
from portal.reach import CHOSEN, Sight
from portal.text import Text, same

LONGEST_NAME = 200
NAME_IT = Text("Skriv navnet på enheten.", "Write the name of the unit.")
TOO_LONG = Text("Navnet kan ha høyst 200 tegn.", "The name may have at most 200 characters.")
NAMED_ALREADY = Text("Dere har allerede en enhet som heter {name}.", "You already have a unit called {name}.")
CHOOSE_SIGHT = Text("Velg hvilke kontrakter de ser.", "Choose which contracts they see.")
CHOOSE_UNIT = Text("Velg enheten.", "Choose the unit.")
CHOOSE_CONTRACTS = Text("Velg minst én kontrakt.", "Choose at least one contract.")
SEES_ALL = Text(
    "En administrator ser alle kontraktene. Ta bort rollen administrator først.",
    "An administrator sees every contract. Take the role administrator away first.",
)
SEES_SOME = Text(
    "{name} ser bare noen av kontraktene, og en administrator må se alle. "
    "La {name} se alle under «Hvem ser hva» først.",
    "{name} sees some of the contracts only, and an administrator must see all. "
    "Let {name} see all under “Who sees what” first.",
)


def members(by: Membership) -> list[Membership]:
    """Everybody active who acts for the same buyer, by name, but for those who are appointed for one case."""
    permissions.demand(by, Permission.SIGHT_EDIT)
    here = Person.active, Membership.ended_at.is_(None), Membership.sight != Sight.CASE
    rows = permissions.visible(Membership, by).join(Membership.person).where(*here)
    return list(db.session.scalars(rows.order_by(Person.name, Membership.id)).unique())


def units(by: Membership) -> list[Unit]:
    """The buyer's units, by name."""
    return list(db.session.scalars(permissions.visible(Unit, by).order_by(Unit.name)))


def contracts(by: Membership) -> list[Contract]:
    """The buyer's contracts that can be given to a unit or named for somebody, by reference."""
    rows = permissions.visible(Contract, by).where(Contract.state != ContractState.DISCARDED)
    return list(db.session.scalars(rows.order_by(Contract.reference)).unique())


def named_for(membership: Membership) -> list[Contract]:
    """The contracts that a membership is limited to by name, by reference."""
    named = select(NamedContract.contract_id).where(NamedContract.membership_id == membership.id)
    rows = select(Contract).where(Contract.id.in_(named)).order_by(Contract.reference)
    return list(db.session.scalars(rows).unique())


def counts(by: Membership) -> dict[int, int]:
    """Number of a unit -> how many contracts it has."""
    rows = permissions.visible(Contract, by).where(Contract.unit_id.is_not(None))
    counted = rows.with_only_columns(Contract.unit_id, func.count()).group_by(Contract.unit_id)
    return {row[0]: row[1] for row in db.session.execute(counted) if row[0] is not None}


def limit(
    membership: Membership, sight: Sight, *, by: Membership, unit: UUID | None = None, named: Collection[UUID] = ()
) -> None:
    """Let a membership see every contract, those of a unit, or those that are named. It holds from the next page on.

    Raises Invalid when the unit or the contracts are not chosen, or the member is an administrator.
    """
    permissions.demand(by, Permission.SIGHT_EDIT)
    accounts.alone_with(membership)
    accounts.demand_ordinary(membership)
    if sight not in CHOSEN:
        raise Invalid(CHOOSE_SIGHT, (Problem("no_sight", CHOOSE_SIGHT, "sight"),))
    if sight != Sight.ALL and not NEVER_LIMITED.isdisjoint(membership.last_roles):
        raise Invalid(SEES_ALL, (Problem("sees_all", SEES_ALL, "sight"),))
    chosen_unit = next((each for each in units(by) if each.public_id == unit), None) if sight == Sight.UNIT else None
    chosen = [each for each in contracts(by) if each.public_id in named] if sight == Sight.NAMED else []
    if sight == Sight.UNIT and chosen_unit is None:
        raise Invalid(CHOOSE_UNIT, (Problem("no_unit", CHOOSE_UNIT, "unit"),))
    if sight == Sight.NAMED and not chosen:
        raise Invalid(CHOOSE_CONTRACTS, (Problem("no_contract", CHOOSE_CONTRACTS, "contracts"),))
    before = _said(membership)
    membership.sight, membership.unit = sight, chosen_unit
    db.session.execute(delete(NamedContract).where(NamedContract.membership_id == membership.id))
    db.session.add_all(NamedContract(**each.parties, membership_id=membership.id) for each in chosen)
    db.session.flush()
    record(membership, "membership.limited", by=by, person=membership.person_id, before=before, after=_said(membership))


def demand_unlimited(membership: Membership, roles: Collection[Role]) -> None:
    """Refuse roles that see every contract to whoever sees some: the other half of what `limit` refuses."""
    if membership.sight != Sight.ALL and not NEVER_LIMITED.isdisjoint(roles):
        raise Refused(SEES_SOME.with_values(name=membership.person.name))


def _said(membership: Membership) -> dict[str, object]:
    return {
        "sight": membership.sight,
        "unit": membership.unit.name if membership.unit else "",
        "contracts": [each.reference for each in named_for(membership)],
    }


def add_unit(name: str, chosen: Collection[UUID], *, by: Membership) -> Unit:
    """A new unit of the buyer, with the contracts that are its own from now on. Raises Invalid for the name."""
    permissions.demand(by, Permission.SIGHT_EDIT)
    unit = begin_unit(by.organisation_id, name, by=by)
    _give(unit, chosen, by)
    return unit


def begin_unit(organisation_id: int, name: str, *, by: Membership | None) -> Unit:
    """A new unit without contracts; of whoever runs the portal, `by` is nobody. Raises Invalid for the name."""
    unit = Unit(organisation_id=organisation_id, name=_name(name, organisation_id, None))
    db.session.add(unit)
    db.session.flush()
    record(unit, "unit.added", by=by, name=unit.name)
    return unit


def change_unit(unit: Unit, name: str, chosen: Collection[UUID], *, by: Membership) -> None:
    """Give a unit another name and other contracts; one that another unit had, moves. Raises Invalid for the name."""
    permissions.demand(by, Permission.SIGHT_EDIT)
    before, unit.name = unit.name, _name(name, unit.organisation_id, unit)
    if unit.name != before:
        record(unit, "unit.renamed", by=by, name=[before, unit.name])
    _give(unit, chosen, by)


def _name(written: str, organisation_id: int, unit: Unit | None) -> str:
    name = " ".join(written.split())
    if not name or len(name) > LONGEST_NAME:
        why = TOO_LONG if name else NAME_IT
        raise Invalid(why, (Problem("name", why, "name"),))
    others = db.session.scalars(select(Unit).where(Unit.organisation_id == organisation_id))
    if any(each.name.casefold() == name.casefold() and each is not unit for each in others):
        why = NAMED_ALREADY.with_values(name=same(name))
        raise Invalid(why, (Problem("taken", why, "name"),))
    return name


def _give(unit: Unit, chosen: Collection[UUID], by: Membership) -> None:
    every: Sequence[Contract] = contracts(by)
    for contract in every:
        is_chosen = contract.public_id in chosen
        if is_chosen != (contract.unit_id == unit.id):
            before = contract.unit.name if contract.unit else ""
            contract.unit = unit if is_chosen else None
            record(contract, "contract.unit_changed", by=by, unit=[before, unit.name if is_chosen else ""])
    db.session.flush()
