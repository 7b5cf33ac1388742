"""Substitutes for a period: who stands in for whom, and whose roles a person may take on."""

import uuid
from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, select

from portal import clock, permissions
from portal.errors import Refused
from portal.extensions import db, parts
from portal.model import Membership, Person, Substitution, record
from portal.operations import accounts, mail
from portal.operations.people import powers
from portal.permissions import Permission
from portal.text import Text

LONGEST_DAYS = 366

NOT_THEM = Text(
    "Velg en annen person som er med nå, og som ikke bare leser.",
    "Choose another person who is with you now, and does not only read.",
)
BAD_DAYS = Text(
    "Siste dag må være i dag eller senere, ikke før den første, og høyst et år etter den.",
    "The last day must be today or later, not before the first, and at most a year after it.",
)
IS_OVER = Text("Vikariatet er over allerede.", "It is over already.")


def of(member: Membership) -> Sequence[Substitution]:
    """Who stands in for a member now or will, by the first day."""
    return [row for row in _open(Substitution.absent_id == member.id) if _is_ahead(row)]


def for_person(person: Person) -> list[Substitution]:
    """For whom a person may act today as a substitute."""
    own = [membership.id for membership in person.memberships]
    return [row for row in _open(Substitution.substitute_id.in_(own)) if row.runs_on(_today())]


def running(person: Person, public_id: uuid.UUID) -> Substitution | None:
    """One of those for whom they may act today."""
    return next((row for row in for_person(person) if row.public_id == public_id), None)


def appoint(absent: Membership, substitute: Membership, from_on: date, to_on: date, *, by: Membership) -> Substitution:
    """Let one member act in another's roles on these days. Both are told. Raises Refused."""
    permissions.demand(by, Permission.MEMBER_MANAGE)
    for each in (absent, substitute):
        accounts.demand_ordinary(each)
    is_theirs = substitute.organisation_id == absent.organisation_id and substitute.id != absent.id
    if not is_theirs or absent.ended_at is not None or substitute.only_reads or not substitute.person.active:
        raise Refused(NOT_THEM)
    if to_on < max(from_on, _today()) or (to_on - from_on).days > LONGEST_DAYS:
        raise Refused(BAD_DAYS)
    row = Substitution(
        organisation_id=absent.organisation_id, absent=absent, substitute=substitute, from_on=from_on, to_on=to_on
    )
    db.session.add(row)
    db.session.flush()
    record(row, "substitution.added", by=by, absent=absent.person_id, substitute=substitute.person_id)
    powers.tell(substitute, absent.last_roles - substitute.last_roles, by=by, meanwhile=row)
    firm = absent.organisation.name
    for person in (absent.person, substitute.person):
        mail.write_personal(person, "substitute_named", substitution=row, organisation=firm)
    return row


def end(row: Substitution, *, by: Membership) -> None:
    """End it before its last day. Raises Refused when it is over."""
    permissions.demand(by, Permission.MEMBER_MANAGE)
    if not _is_ahead(row):
        raise Refused(IS_OVER)
    row.ended_at = clock.now()
    record(row, "substitution.ended", by=by, absent=row.absent.person_id, substitute=row.substitute.person_id)


def stand_in(row: Substitution) -> Membership:
    """The substitute's own membership, acting in the roles of whoever is absent, in this request."""
    row.substitute.stand_in_for(row.absent)
    return row.substitute


def _open(*those: ColumnElement[bool]) -> Sequence[Substitution]:
    """Those that nobody has ended, by the first day."""
    rows = select(Substitution).where(Substitution.ended_at.is_(None), *those)
    return db.session.scalars(rows.order_by(Substitution.from_on, Substitution.id)).all()


def _is_ahead(row: Substitution) -> bool:
    return row.ended_at is None and row.to_on >= _today()


def _today() -> date:
    return clock.today(parts().settings.time_zone)
