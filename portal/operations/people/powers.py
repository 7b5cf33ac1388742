"""Who is told what gives somebody power for an organisation: those who can take it back."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from portal.extensions import db
from portal.model import WEIGHTY, Membership, Person, Role, Substitution
from portal.operations import mail


def tell(
    member: Membership,
    gained: Collection[Role],
    *,
    by: Membership | None,
    meanwhile: Substitution | None = None,
) -> None:
    """Write to the organisation's other administrators, where one of these roles is among the weighty.

    Args:
        member: who has got the roles.
        gained: the roles that they did not have before.
        by: who gave them, and knows; None: the operator, or the organisation's own directory.
        meanwhile: for these days only.
    """
    roles = WEIGHTY.intersection(gained)
    if not roles:
        return
    facts: dict[str, Any] = {
        "member": member.person,
        "organisation": member.organisation.name,
        "gives_roles": Role.ADMINISTRATOR in roles,
        "signs": Role.SIGNATORY in roles,
        "giver": by.person.name if by else "",
        "meanwhile": meanwhile,
    }
    told = {member.person_id, by.person_id if by else None}
    for person in _administrators(member.organisation_id):
        if person.id not in told:
            mail.write_personal(person, "role_given", **facts)


def tell_of_set_up_code(member: Membership, *, by: Membership) -> None:
    """Write to the organisation's other administrators that a member can set up a new second factor."""
    facts: dict[str, Any] = {"member": member.person, "organisation": member.organisation.name, "giver": by.person.name}
    for person in _administrators(member.organisation_id):
        if person.id not in {member.person_id, by.person_id}:
            mail.write_personal(person, "set_up_code_given", **facts)


def _administrators(organisation_id: int) -> list[Person]:
    here = Membership.organisation_id == organisation_id, Membership.ended_at.is_(None), Person.active
    rows = db.session.scalars(select(Membership).join(Membership.person).where(*here).order_by(Membership.id))
    return [row.person for row in rows if Role.ADMINISTRATOR in row.last_roles]
