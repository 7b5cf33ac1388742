"""The members of an organisation: their roles, what waits for them, and how one leaves without leaving a hole."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import delete, select

from portal import clock, permissions
from portal.errors import Refused
from portal.extensions import db
from portal.model import NEVER_LIMITED, READING, Claim, Membership, Person, Role, record
from portal.operations import accounts, mail, tasks
from portal.operations.people import powers, sights
from portal.operations.people.invitations import NO_ROLE
from portal.permissions import Permission
from portal.reach import Sight
from portal.text import Text

LAST_ADMINISTRATOR = Text(
    "{name} er den siste administratoren for {organisation}. Gjør en annen til administrator først.",
    "{name} is the last administrator of {organisation}. Make somebody else an administrator first.",
)
LAST_SIGNATORY = Text(
    "{name} er den siste som kan signere for {organisation}. Gi en annen rollen først, ellers kan ingen sende inn.",
    "{name} is the last one who can sign for {organisation}. Give somebody else the role first, or nobody can submit.",
)
NOBODY_ELSE = Text(
    "Noe venter på {name} som ingen andre kan gjøre. Velg hvem som tar over.",
    "Something waits for {name} that nobody else can do. Choose who takes over.",
)
HAS_LEFT = Text("{name} har sluttet allerede.", "{name} has left already.")
NOT_HEIR = Text("Velg en annen person som er med nå.", "Choose another person who is with you now.")

LAST_OF: dict[Role, Text] = {Role.ADMINISTRATOR: LAST_ADMINISTRATOR, Role.SIGNATORY: LAST_SIGNATORY}
"""Roles that somebody must hold, and what is said to whoever would leave one to nobody."""


class Waiting(NamedTuple):
    """Tasks of one step that wait for a person, and who else can do them."""

    element: str
    number: int
    others: list[Membership]


def of(by: Membership) -> Sequence[Membership]:
    """Everybody who is or was a member of this organisation: those who are first, by name."""
    rows = db.session.scalars(permissions.visible(Membership, by).join(Membership.person)).all()
    return sorted(rows, key=lambda row: (row.ended_at is not None, row.person.name.casefold(), row.id))


def change_roles(member: Membership, roles: Collection[Role], *, by: Membership) -> None:
    """Give a member, oneself too, these roles in place of those they have.

    Raises Refused when a role that must be held would be nobody's, for roles that are not this side's or do not go
    together, for an administrator who is limited to some contracts, and when they have left.
    """
    permissions.demand(by, Permission.MEMBER_MANAGE)
    accounts.alone_with(member)
    _demand_here(member)
    accounts.demand_ordinary(member)
    if not roles:
        raise Refused(NO_ROLE)
    accounts.demand_side(member.organisation.kind, roles)
    sights.demand_unlimited(member, roles)
    demand_others(member, lost=member.last_roles - set(roles))
    before = sorted(member.last_roles)
    if before == sorted(roles):
        return
    member.role_codes = sorted(roles)
    member.kept_codes = []
    record(member, "membership.roles_changed", by=by, before=before, after=member.role_codes)
    powers.tell(member, set(roles).difference(before), by=by)
    _tell(member, "roles_changed", by)


def follow(member: Membership, roles: frozenset[Role], *, provider: str) -> None:
    """Give a member the roles that the organisation's own directory gives, and no others but what only they hold.

    Whoever signs in can do nothing about it, so they are not refused: a role that must be held, and would become
    nobody's, stays theirs until somebody else has it. They and those who can give the role are told, once. Nor does a
    directory make an administrator of whoever sees some contracts only: who says who sees what, says it here. Raises
    Refused for roles that are not this side's. Whoever is appointed for one case stays just that.
    """
    accounts.demand_side(member.organisation.kind, roles)
    accounts.alone_with(member)
    if member.sight == Sight.CASE:
        return
    if member.sight != Sight.ALL and (withheld := roles & NEVER_LIMITED):
        roles -= withheld
        record(member, "membership.roles_withheld", by=None, roles=sorted(withheld), provider=provider)
    kept = _only_theirs(member, lost=member.last_roles - roles)
    now: list[str] = sorted(kept | (roles - READING if kept else roles))
    if now != sorted(member.role_codes):
        was, member.role_codes = member.role_codes, now
        record(member, "membership.roles_replaced", by=None, was=was, roles=now, provider=provider)
        powers.tell(member, (kept | roles).difference(was), by=None)
    if sorted(kept) == member.kept_codes:
        return
    member.kept_codes = sorted(kept)
    if kept:
        record(member, "membership.roles_kept", by=None, roles=member.kept_codes, provider=provider)
        why = [_last_of(role, member) for role in sorted(kept)]
        for person in (member.person, *(each.person for each in _who_can_give(member))):
            mail.write_personal(person, "roles_kept", name=member.person.name, why=why)


def waiting(member: Membership) -> list[Waiting]:
    """What waits for a member now, and which other members can do it."""
    others = [each for each in _here(member.organisation_id) if each.id != member.id]
    return [
        Waiting(element, count, [each for each in others if permissions.allowed(each, tasks.PERMISSION_OF[element])])
        for element, count in tasks.counts(member).items()
    ]


def heirs(member: Membership) -> list[Membership]:
    """Who could take over from a member: everybody else, but for those who only read."""
    return [each for each in _here(member.organisation_id) if each.id != member.id and not each.only_reads]


def retire(member: Membership, *, by: Membership, heir: Membership | None = None) -> None:
    """End a membership; what the person did stays as it is, under their name.

    The heir gets the roles that nobody else would hold, and a letter on what waits. Raises Refused when something
    would wait for nobody, when a role that must be held would be nobody's, and when they have left already.
    """
    permissions.demand(by, Permission.MEMBER_MANAGE)
    accounts.alone_with(member)
    _demand_here(member)
    accounts.demand_ordinary(member)
    if heir is not None:
        _hand_over(member, heir, by=by)
    demand_others(member, lost=member.last_roles)
    if any(not each.others for each in waiting(member)):
        raise Refused(NOBODY_ELSE.with_values(name=member.person.name))
    _end(member, by=by)
    _tell(member, "membership_ended", by)


def lapse(member: Membership, *, provider: str) -> bool:
    """End the membership of somebody who has long not come by the directory that rules it. Says whether it ended.

    It does not where only they hold a role that must be held.
    """
    accounts.alone_with(member)
    if member.sight == Sight.CASE or _only_theirs(member, member.last_roles):
        return False
    _end(member, by=None, reason=f"not seen at {provider}")
    return True


def _end(member: Membership, *, by: Membership | None, reason: str = "") -> None:
    here = (Claim.buyer_id == member.organisation_id) | (Claim.supplier_id == member.organisation_id)
    db.session.execute(delete(Claim).where(Claim.person_id == member.person_id, here))
    accounts.end_substitutions(member, by=by)
    roles = sorted(member.last_roles)
    member.ended_at, member.kept_codes = clock.now(), []
    record(member, "membership.ended", by=by, reason=reason, roles=roles)


def _hand_over(member: Membership, heir: Membership, *, by: Membership) -> None:
    """Give the heir the roles that nobody but the member holds, and tell them what waits."""
    if heir.id == member.id or heir.organisation_id != member.organisation_id or heir.ended_at is not None:
        raise Refused(NOT_HEIR)
    held = {role for each in _here(member.organisation_id) if each.id != member.id for role in each.last_roles}
    if missing := member.last_roles - held:
        before = sorted(heir.last_roles)
        accounts.demand_side(heir.organisation.kind, heir.last_roles | missing)
        sights.demand_unlimited(heir, missing)
        heir.role_codes = sorted(heir.last_roles | missing)
        record(heir, "membership.roles_changed", by=by, before=before, after=heir.role_codes)
        powers.tell(heir, missing, by=by)
    count = sum(each.number for each in waiting(member))
    record(member, "membership.handed_over", by=by, to=heir.person_id, tasks=count)
    who, firm = member.person.name, member.organisation.name
    mail.write_personal(heir.person, "handed_over", name=who, organisation=firm, count=count)


def demand_others(member: Membership, lost: Collection[Role]) -> None:
    """Refuse that a role which must be held becomes nobody's. Nobody else changes who is here before the commit."""
    accounts.alone_with(member)
    for role in sorted(_only_theirs(member, lost)):
        raise Refused(_last_of(role, member))


def _only_theirs(member: Membership, lost: Collection[Role]) -> frozenset[Role]:
    """Those of these roles that must be held, and that nobody but the member holds."""
    others = [each for each in _here(member.organisation_id) if each.id != member.id]
    return frozenset(role for role in LAST_OF if role in lost and not any(role in each.last_roles for each in others))


def _last_of(role: Role, member: Membership) -> Text:
    return LAST_OF[role].with_values(name=member.person.name, organisation=member.organisation.name)


def _who_can_give(member: Membership) -> list[Membership]:
    """The other administrators; where there is none, everybody else who works here."""
    others = heirs(member)
    return [each for each in others if Role.ADMINISTRATOR in each.last_roles] or others


def _here(organisation_id: int) -> list[Membership]:
    active = select(Membership).join(Membership.person).where(Person.active, Membership.ended_at.is_(None))
    ordinary = Membership.organisation_id == organisation_id, Membership.sight != Sight.CASE
    here = active.where(*ordinary).order_by(Membership.id)
    return list(db.session.scalars(here.execution_options(populate_existing=True)))


def _demand_here(member: Membership) -> None:
    if member.ended_at is not None:
        raise Refused(HAS_LEFT.with_values(name=member.person.name))


def _tell(member: Membership, letter: str, by: Membership) -> None:
    if member.person_id != by.person_id:
        mail.write_personal(member.person, letter, organisation=member.organisation.name, by=by.person.name)
