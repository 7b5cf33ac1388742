"""Groups of buyers: whose contracts a buyer's readers read besides their own, and who is told of it."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from portal import clock
from portal.errors import Refused
from portal.extensions import db
from portal.model import GroupMember, Membership, Organisation, OrganisationKind, Person, Role, record
from portal.operations import accounts, mail
from portal.reach import Sight
from portal.text import Text

NOT_A_BUYER = Text("{number} er ikke registrert som oppdragsgiver her.", "{number} is not registered as a buyer here.")
ITSELF = Text("En oppdragsgiver er ikke i sin egen gruppe.", "A buyer is not in a group of its own.")
IN_IT_ALREADY = Text("{name} er i gruppen fra før.", "{name} is in the group already.")
NOT_IN_IT = Text("{name} er ikke i gruppen.", "{name} is not in the group.")


def add(head: str, member: str) -> GroupMember:
    """Let the readers of the buyer with the number `head` read what `member` has. Its administrators are told.

    Groups have one floor: who reads a member does not read the members of that. Raises Refused.
    """
    above, below = _buyer(head), _buyer(member)
    if above.id == below.id:
        raise Refused(ITSELF)
    if _link(above, below) is not None:
        raise Refused(IN_IT_ALREADY.with_values(name=below.name))
    row = GroupMember(head_id=above.id, organisation_id=below.id, head=above, organisation=below)
    db.session.add(row)
    db.session.flush()
    _note(row, "joined")
    return row


def leave(head: str, member: str) -> GroupMember:
    """They read it no more, from the next page on. Raises Refused."""
    above, below = _buyer(head), _buyer(member)
    row = _link(above, below)
    if row is None:
        raise Refused(NOT_IN_IT.with_values(name=below.name))
    row.left_at = clock.now()
    _note(row, "left")
    return row


def every() -> Sequence[GroupMember]:
    """Every member of a group now, by the name of its head."""
    rows = db.session.scalars(select(GroupMember).where(GroupMember.left_at.is_(None)).order_by(GroupMember.id)).all()
    return sorted(rows, key=lambda row: (row.head.name.casefold(), row.organisation.name.casefold()))


def readers_of(organisation_id: int) -> Sequence[GroupMember]:
    """Who reads a buyer's contracts as the head of its group, the longest first."""
    here = GroupMember.organisation_id == organisation_id, GroupMember.left_at.is_(None)
    return db.session.scalars(select(GroupMember).where(*here).order_by(GroupMember.id)).all()


def read_by(person: Person) -> list[GroupMember]:
    """What a person may read now through the groups of those at whom they only read, by name."""
    heads = [own.organisation_id for own in person.memberships if _reads_all(own)]
    if not heads:
        return []
    named = select(GroupMember).where(GroupMember.head_id.in_(heads), GroupMember.left_at.is_(None))
    return sorted(db.session.scalars(named), key=lambda row: (row.organisation.name.casefold(), row.id))


def reading(own: Membership, public_id: uuid.UUID) -> Membership | None:
    """A reader's own membership as it reads a buyer of the group, while it may; else None."""
    row = next((each for each in read_by(own.person) if each.public_id == public_id), None)
    return own.read_for(row.organisation) if row is not None and row.head_id == own.organisation_id else None


def _reads_all(own: Membership) -> bool:
    return own.ended_at is None and bool(own.roles) and own.only_reads and own.sight == Sight.ALL


def _buyer(number: str) -> Organisation:
    found = accounts.organisation_by_number(number)
    if found is None or found.kind != OrganisationKind.BUYER:
        raise Refused(NOT_A_BUYER.with_values(number=accounts.bare_number(number)))
    return found


def _link(head: Organisation, member: Organisation) -> GroupMember | None:
    both = GroupMember.head_id == head.id, GroupMember.organisation_id == member.id
    return db.session.scalar(select(GroupMember).where(*both, GroupMember.left_at.is_(None)))


def _note(row: GroupMember, how: str) -> None:
    """In the trail of both, and told to those who answer for the people of the member."""
    record(row, f"group.{how}", by=None, head=row.head.name, member=row.organisation.name)
    record(row.head, f"group.{how}", by=None, head=row.head.name, member=row.organisation.name)
    for person in accounts.people(row.organisation_id, Role.ADMINISTRATOR):
        mail.write_personal(person, f"group_{how}", head=row.head.name, organisation=row.organisation.name)
