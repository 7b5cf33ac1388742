"""How far an acting membership reaches: which contracts it sees of those its organisation may read.

The one place for it, asked by `permissions` for every list, and fit for the policies of the database to take their
subject from. For that it is a leaf: plain functions over plain columns, that know no entity and read no row. What a
policy needs to repeat is in the columns named here: `membership.sight`, `membership.unit_id`, `contract.unit_id`,
`named_contract` and `appointment`.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnClause, Select, column, select, table

CONTRACT = table("contract", column("id"), column("unit_id"))
APPOINTED = table(
    "appointment", column("membership_id"), column("contract_id"), column("deviation_id"), column("ended_at")
)
NAMED = table("named_contract", column("membership_id"), column("contract_id"))


class Sight(StrEnum):
    """Which contracts of the organisation a membership sees."""

    ALL = "all"
    UNIT = "unit"
    """Those that the membership's own unit has."""
    NAMED = "named"
    """Those that are named for it, one by one."""
    CASE = "case"
    """None but what one case needs, for whoever is appointed from outside to decide it."""


CHOSEN = (Sight.ALL, Sight.UNIT, Sight.NAMED)
"""What an administrator chooses among for a member; nobody becomes an outsider but by an appointment."""


def contracts(membership_id: int, sight: Sight, unit_id: int | None) -> Select[tuple[int]] | None:
    """The numbers of the contracts that a membership is limited to, as a query; None when it is not limited.

    Which side of the contract the organisation stands on is no matter here: `permissions` asks for that besides.
    """
    match sight:
        case Sight.ALL:
            return None
        case Sight.UNIT:
            return select(CONTRACT.c.id).where(CONTRACT.c.unit_id == unit_id)
        case Sight.NAMED:
            return select(NAMED.c.contract_id).where(NAMED.c.membership_id == membership_id)
        case Sight.CASE:
            return appointed(membership_id, APPOINTED.c.contract_id)


def appointed(membership_id: int, what: ColumnClause[Any] = APPOINTED.c.deviation_id) -> Select[tuple[int]]:
    """The number of the case that a membership is appointed for now, or of `what` else the appointment names."""
    return select(what).where(APPOINTED.c.membership_id == membership_id, APPOINTED.c.ended_at.is_(None))
