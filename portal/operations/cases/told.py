"""What the supplier was told that a breach may cost: the clause of the notice holds, and by that the lower amount.

A case goes by the clause that the portal held when its notice was written, and by none that was entered since, be it
dearer or cheaper: a change order is entered by the buyer alone, and may say that it is in force from a day that is
past. Of such a clause whoever proposes or approves reads a remark, with what each of the two gives (`grounds`). The
rates and the base of the clause that was told are read as they stood then and as they stand now, and the lower total
holds. Before there is a notice nothing was told, and the case follows the contract.
"""

from datetime import datetime

from portal import permissions
from portal.model import Deviation, SanctionClause


def told_at(deviation: Deviation) -> datetime | None:
    """When the case's first notice was written: what had been entered then is what it told. None before one."""
    return deviation.notices[0].created_at if deviation.notices else None


def clause_of(deviation: Deviation) -> SanctionClause | None:
    """The clause of a case: the one that its notice told of. One that was entered later is no clause for it."""
    return deviation.contract.clause_for(deviation.requirement, told_at(deviation))


def readings(deviation: Deviation, clause: SanctionClause) -> tuple[datetime | None, ...]:
    """The moments as of which a clause's terms are read: as the notice told of them, and (None) as they stand now.

    Of a clause that was entered since, the notice told nothing.
    """
    at = told_at(deviation)
    return (at, None) if at and clause.was_there(at) else (None,)


def of_weighings(deviation: Deviation) -> bool:
    """Whether the supplier was told what its points were found to be worth.

    Until then nothing that it sees may tell of that, an amount as little as a word: the weighings themselves and all
    that is made of them go by the one rule (`permissions.tells_weighings`).
    """
    return permissions.tells_weighings(deviation)
