"""Who is left to be the second person on a sanction; who is told of one that waits, and of one that nobody can decide.

A proposal that nobody can decide stands still without a word on any work list. So the administrators are told as soon
as it is so: as it is calculated, and when what somebody does in the case afterwards bars the last one who was left.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from portal import impartiality
from portal.model import Deviation, Membership, Person, Role, Sanction, SanctionState
from portal.operations import accounts, mail
from portal.operations.cases import ladder, told


def of(deviation: Deviation, *, besides: Membership | None = None) -> list[Person]:
    """Who can be the second person in a case; `besides` whoever is about to be the first."""
    # What is about to be proposed has no calculation yet, or an old one: its step is what the ladder says today.
    clause = told.clause_of(deviation) if besides else None
    step = ladder.step_of(deviation, clause) if clause else None
    first = {*impartiality.prepared(deviation, step), *([besides.person_id] if besides else [])}
    able = accounts.people(deviation.buyer_id, Role.DECISION_MAKER, about=deviation.contract_id, case=deviation.id)
    return [person for person in able if person.id not in first]


def ask(sanction: Sanction) -> None:
    """Write to those who can decide it; where nobody is left, to the administrators, who can see to it."""
    able = of(sanction.deviation)
    if not able:
        _tell_administrators(sanction)
    for person in able:
        mail.write(person, "sanction_to_decide", sanction.contract, sanction_row=sanction)


def tell_withdrawn(sanction: Sanction) -> None:
    """Write to those who can decide on a proposal that it was taken back: who did that is none of them."""
    for person in of(sanction.deviation):
        mail.write(person, "sanction_withdrawn", sanction.contract, sanction_row=sanction)


@contextmanager
def kept_in_sight(deviation: Deviation) -> Iterator[None]:
    """Around what may bar somebody: if it leaves nobody to decide what is proposed, the administrators are told."""
    sanction = deviation.sanction
    had = sanction is not None and sanction.state == SanctionState.PROPOSED and of(deviation)
    yield
    if sanction is not None and had and not of(deviation):
        _tell_administrators(sanction)


def _tell_administrators(sanction: Sanction) -> None:
    for person in accounts.people(sanction.buyer_id, Role.ADMINISTRATOR, about=sanction.contract_id):
        mail.write(person, "sanction_without_decider", sanction.contract, sanction_row=sanction)
