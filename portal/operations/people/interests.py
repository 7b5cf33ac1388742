"""Declared interests: who is not impartial in a contract says so, and decides nothing there from then on."""

from sqlalchemy import or_

from portal import clock, permissions
from portal.errors import Conflict, Forbidden, Invalid
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import Contract, Interest, Membership, record
from portal.permissions import Permission
from portal.text import Text

SAY_WHAT = Text("Skriv kort hva tilknytningen er.", "Write in short what the interest is.")
DECLARED_ALREADY = Text("Du har meldt dette fra før.", "You have declared this already.")
NOT_YOUR_OWN = Text(
    "Du kan ikke avslutte din egen tilknytning. Be en annen administrator om det.",
    "You cannot end an interest of your own. Ask another administrator.",
)
ENDED_ALREADY = Text("Tilknytningen er avsluttet fra før.", "The interest has been ended already.")


def of(contract: Contract, *, by: Membership) -> list[Interest]:
    """The interests in a contract that hold now and that the acting buyer was told of, the oldest first."""
    rows = permissions.visible(Interest, by).where(
        Interest.supplier_id == contract.supplier_id,
        or_(Interest.contract_id.is_(None), Interest.contract_id == contract.id),
        Interest.ended_at.is_(None),
    )
    return list(db.session.scalars(rows.order_by(Interest.id)).unique())


def declare(contract: Contract, words: str, *, every_contract: bool, by: Membership) -> Interest:
    """Say that one is not impartial in a contract, or in every contract of its supplier; it holds at once.

    Raises Invalid when nothing is said, or it has been declared before.
    """
    permissions.demand(by, Permission.INTEREST_DECLARE)
    said = words.strip()
    wide = None if every_contract else contract.id
    if not said:
        raise Invalid(SAY_WHAT, (Problem("no_words", SAY_WHAT, "words"),))
    if any(each.person_id == by.person_id and each.contract_id in {None, wide} for each in of(contract, by=by)):
        raise Invalid(DECLARED_ALREADY, (Problem("again", DECLARED_ALREADY, "words"),))
    interest = Interest(
        person_id=by.person_id,
        buyer_id=by.organisation_id,
        supplier_id=contract.supplier_id,
        contract_id=wide,
        words=said,
    )
    db.session.add(interest)
    db.session.flush()
    record(interest, "interest.declared", by=by, person=by.person_id, every_contract=every_contract)
    return interest


def end(interest: Interest, *, by: Membership) -> None:
    """It holds no more, by the word of an administrator who is somebody else. Raises Forbidden, Conflict."""
    permissions.demand(by, Permission.INTEREST_END)
    if interest.person_id == by.person_id:
        raise Forbidden(NOT_YOUR_OWN)
    if interest.ended_at is not None:
        raise Conflict(ENDED_ALREADY)
    interest.ended_at = clock.now()
    record(interest, "interest.ended", by=by, person=interest.person_id)
