"""The one gate to a contract that is edited: whose it is, what the editor has seen, and nobody else meanwhile."""

from sqlalchemy.orm.attributes import flag_modified

from portal import impartiality
from portal.errors import Conflict, Refused
from portal.extensions import db
from portal.model import Contract, ContractState, Membership
from portal.model.contracts import MOVED_ON
from portal.permissions import Permission
from portal.text import Text

CLOSED = Text("Kontrakten er avsluttet, og endres ikke mer.", "The contract is closed, and changes no more.")


def demand_editor(contract: Contract, *, by: Membership, version: int | None = None) -> None:
    """Refuse whoever may not edit this contract, a closed one, and (Conflict) a page that is out of date.

    The contract's row is held until the transaction ends: everything below it is edited by one at a time.
    """
    impartiality.may_decide(by, Permission.CONTRACT_EDIT, contract, involved={})
    # These two alone: the parties are joined to the row, and PostgreSQL locks no outer join.
    db.session.refresh(contract, ["version", "state"], with_for_update=True)
    if version is not None and contract.version != version:
        raise Conflict(MOVED_ON)
    if contract.state in {ContractState.CLOSED, ContractState.DISCARDED}:
        raise Refused(CLOSED)


def touch(contract: Contract) -> None:
    """Let the contract's version grow, also when only a row below it changed: whoever edits must have seen that."""
    flag_modified(contract, "title")
    db.session.flush()
