"""What the supplier was told that a breach may cost: that holds, unless what stands now comes to less.

A case is charged by the clause, the rates and the base that the portal held when its notice was written: a change order
is entered by the buyer alone, and may say that it is in force from a day that is past. What was entered since counts
only where it comes to less. Before there is a notice nothing was told, and the case follows the contract.
"""

from datetime import datetime

from portal.model import Deviation, DeviationState, SanctionClause
from portal.model.sanctions import IN_FORCE


def told_at(deviation: Deviation) -> datetime | None:
    """When the case's first notice was written: what had been entered then is what it told. None before one."""
    return deviation.notices[0].created_at if deviation.notices else None


def clause_of(deviation: Deviation) -> SanctionClause | None:
    """The clause of a case: the one that its notice told of. One that was entered later is no clause for it."""
    return deviation.contract.clause_for(deviation.requirement, told_at(deviation))


def readings(deviation: Deviation) -> tuple[datetime | None, ...]:
    """The moments as of which a case's terms are read: as the notice told of them, and (None) as they stand now."""
    at = told_at(deviation)
    return (at, None) if at else (None,)


def of_weighings(deviation: Deviation) -> bool:
    """Whether the supplier was told what its points were found to be worth: with the decision, or as it was closed.

    Until then nothing that it sees may tell of that, an amount as little as a word.
    """
    sanction = deviation.sanction
    return deviation.state == DeviationState.CLOSED or (sanction is not None and sanction.state in IN_FORCE)
