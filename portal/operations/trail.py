"""The trail as one party may read it: what its own people did, and of the rest what both parties are told.

What is one side's own until it is told (a draft, an internal note, a sanction that is only proposed, what a point was
weighed) is not in the other's trail, nor what the portal itself did with it.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import lazyload

from portal import permissions
from portal.extensions import Base, db
from portal.model import (
    AuditEvent,
    Contract,
    Deviation,
    DeviationState,
    Membership,
    Organisation,
    OrganisationKind,
    Person,
    Row,
)
from portal.model.changes import Changes

SUPPLIERS_OWN = frozenset(
    {
        "draft.saved",
        "evidence.added",
        "evidence.removed",
        "import.foreign",
        "import.read_again",
        "import.stored",
        "import.uploaded",
        "machine.registered",
        "report.draft",
        "report.explained",
        "report.to_sign",
        "report.withheld",
    }
)
"""What goes on inside the supplier: none of the buyer's business."""
BUYERS_OWN = frozenset(
    {
        "comment.added",
        "comment.changed",
        "comment.removed",
        "comment.set_aside",
        "contract.drafted",
        "contract_import.stored",
        "contract_import.uploaded",
        "deviation.notice_warned",
        "deviation.sanction_proposed",
        "extension.chased",
        "point.weighed",
        "review.late",
        "sanction.calculated",
        "sanction.proposed",
        "sanction.refused",
        "sanction.sent_back",
        "sanction.withdrawn",
    }
)
"""What the buyer keeps to itself until it decides."""
SHARED = frozenset(
    {
        "comment.answered",
        "contract.added",
        "contract.changed",
        "contract.clause_added",
        "contract.clause_changed",
        "contract.clause_removed",
        "contract.closed",
        "contract.completed",
        "contract.edited",
        "contract.figure_planned",
        "contract.figure_removed",
        "contract.paused",
        "contract.rate_added",
        "contract.representative_ended",
        "contract.representative_named",
        "contract.running",
        "contract.site_added",
        "contract.site_removed",
        "deviation.assessed_again",
        "deviation.assessing_reply",
        "deviation.awaiting_reply",
        "deviation.closed",
        "deviation.confirmed",
        "deviation.dismissed",
        "deviation.fell_away",
        "deviation.found",
        "deviation.found_anew",
        "deviation.not_found_again",
        "deviation.not_put_right",
        "deviation.notice_withdrawn",
        "deviation.notified",
        "deviation.put_right",
        "deviation.reply_extended",
        "deviation.report_came_late",
        "extension.asked",
        "extension.granted",
        "extension.lapsed",
        "extension.refused",
        "extension.unanswered",
        "machine.departed",
        "machine.deployed",
        "notice.delivered",
        "notice.opened",
        "notice.reminded",
        "notice.seen",
        "notice.served",
        "notice.written",
        "plan.noted",
        "reply.complete",
        "reply.late",
        "reply.received",
        "report.amending",
        "report.amendment_dropped",
        "report.amendment_refused",
        "report.approved",
        "report.chased",
        "report.escalated",
        "report.opened",
        "report.overdue",
        "report.period_changed",
        "report.rejected",
        "report.reminded",
        "report.returned",
        "report.spared",
        "report.submitted",
        "report.taken_up",
        "report.withdrawn",
        "requirement.added",
        "requirement.changed",
        "requirement.ended",
        "requirement.removed",
        "review.begun",
        "sanction.closed",
        "sanction.decided",
        "sanction.delivered",
        "sanction.delivery_told",
        "window.judged",
    }
)
"""What both parties of a contract are told, whoever did it. An action that stands in none of the three is told to
those alone on whose behalf it was done."""
TOLD_COLUMNS = frozenset(
    {
        "agreed_on",
        "amount",
        "arrived_on",
        "clause",
        "cured_on",
        "currency",
        "delivered_at",
        "departed_on",
        "due_at",
        "due_days",
        "ends_on",
        "from_on",
        "frequency",
        "granted_until",
        "handed_over_on",
        "late_by_days",
        "new_ends_on",
        "opened_at",
        "reference",
        "reply_due_at",
        "reply_working_days",
        "served_at",
        "starts_on",
        "state",
        "takes_effect_at",
        "threshold",
        "title",
        "to_on",
        "tolerance",
        "valid_from",
        "valid_to",
        "wished_until",
    }
)
"""Columns whose before and after the other party may read too."""

_ASSESSING = "deviation.assessing_reply"
_BATCH = 200
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_LONGEST_STAMP = 16


@dataclass(frozen=True)
class Asked:
    """What the trail is narrowed to."""

    contract: uuid.UUID | None = None
    person: uuid.UUID | None = None
    action: str = ""
    subject: str = ""
    first: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class Told:
    """An entry as one party reads it. `changes`: as far as they may know them."""

    entry: AuditEvent
    person: Person | None
    organisation: Organisation | None
    """On whose behalf it was done; None: the portal's own."""
    contract: Contract | None
    changes: Changes
    is_open: bool
    """Whether this party may open the thing that it is about."""


def told(by: Membership, asked: Asked, after: str = "") -> Iterator[Told]:
    """Entries that this party may read, newest first.

    Args:
        by: who reads.
        asked: what it is narrowed to.
        after: the last entry of the page before, as `mark` names it; empty for the first page.
    """
    rows = _asked(by, asked)
    last = _last(by, after) if after else None
    while True:
        batch = rows if last is None else rows.where(AuditEvent.id < last)
        found = list(db.session.execute(batch.order_by(AuditEvent.id.desc()).limit(_BATCH)))
        if not found:
            return
        visible = _visible([entry for entry, *_rest in found], by)
        for entry, person, organisation, contract in found:
            is_open = (entry.subject, entry.subject_id) in visible
            if _may_read(entry, by, is_open=is_open):
                yield Told(entry, person, organisation, contract, _changes(entry, by), is_open)
        last = found[-1][0].id


def mark(entry: AuditEvent) -> str:
    """What an address names an entry by: no number that counts what others do."""
    return f"{(entry.at - _EPOCH) // _MICROSECOND}-{entry.hash[:16]}"


def people(by: Membership) -> list[Person]:
    """Whom the trail can be narrowed to: those who act, or have acted, for this organisation."""
    acted = select(AuditEvent.person_id).where(AuditEvent.organisation_id == by.organisation_id)
    member = select(Membership.person_id).where(Membership.organisation_id == by.organisation_id)
    return list(db.session.scalars(select(Person).where(Person.id.in_(acted.union(member))).order_by(Person.name)))


def _asked(by: Membership, asked: Asked) -> Select[Any]:
    mine = AuditEvent.organisation_id == by.organisation_id
    conditions = (
        (asked.contract, Contract.public_id == asked.contract),
        (asked.person, and_(Person.public_id == asked.person, mine)),
        (asked.action, AuditEvent.action == asked.action),
        (asked.subject, AuditEvent.subject == asked.subject),
        (asked.first, AuditEvent.at >= (asked.first or _EPOCH)),
        (asked.before, AuditEvent.at < (asked.before or _EPOCH)),
    )
    rows: Any = (
        select(AuditEvent, Person, Organisation, Contract)
        .outerjoin(Person, AuditEvent.person_id == Person.id)
        .outerjoin(Organisation, AuditEvent.organisation_id == Organisation.id)
        .outerjoin(Contract, AuditEvent.contract_id == Contract.id)
        .options(lazyload(Contract.sites))
    )
    chosen: Select[Any] = rows.where(_reach(by), *(condition for given, condition in conditions if given))
    return chosen


def _reach(by: Membership) -> Any:
    """What is asked of the database at all: the contracts that this membership sees, and what is about none."""
    contracts = permissions.visible(Contract, by).with_only_columns(Contract.id)
    own = or_(
        AuditEvent.organisation_id == by.organisation_id, AuditEvent.chain == f"organisation:{by.organisation_id}"
    )
    return or_(AuditEvent.contract_id.in_(contracts), and_(AuditEvent.contract_id.is_(None), own))


def _last(by: Membership, after: str) -> int | None:
    stamp, _dash, begins = after.partition("-")
    if not (stamp.isdecimal() and len(stamp) <= _LONGEST_STAMP and begins.isalnum()):
        return None
    return db.session.scalar(
        select(func.max(AuditEvent.id)).where(
            _reach(by),
            AuditEvent.at == _EPOCH + int(stamp) * _MICROSECOND,
            AuditEvent.hash.startswith(begins, autoescape=True),
        )
    )


def _may_read(entry: AuditEvent, by: Membership, *, is_open: bool) -> bool:
    if entry.organisation_id == by.organisation_id:
        return True
    is_buyer = by.organisation.kind == OrganisationKind.BUYER
    is_own = entry.action in (BUYERS_OWN if is_buyer else SUPPLIERS_OWN)
    if entry.contract_id is None:
        return entry.chain == f"organisation:{by.organisation_id}"
    if not is_open or not (is_own or entry.action in SHARED):
        return False
    return is_buyer or entry.action != _ASSESSING or _begins_assessment(entry)


def _begins_assessment(entry: AuditEvent) -> bool:
    """Whether the reply is assessed for the first time: a proposal that came to nothing has it assessed once more."""
    states = entry.changes.get("state")
    return states is not None and states[0] != DeviationState.SANCTION_PROPOSED


def _changes(entry: AuditEvent, by: Membership) -> Changes:
    """Before and after, as far as this party may know it. To the supplier an undecided case is one being assessed."""
    is_mine = by.organisation_id == entry.organisation_id
    if is_mine or (entry.organisation_id is None and by.organisation.kind == OrganisationKind.BUYER):
        return entry.changes
    told_ = {column: each for column, each in entry.changes.items() if column in TOLD_COLUMNS}
    if entry.subject == Deviation.__tablename__ and isinstance(told_.get("state"), list):
        told_["state"] = [_as_told(state) for state in told_["state"]]
    return told_


def _as_told(state: str | None) -> str | None:
    return DeviationState.ASSESSING_REPLY if state == DeviationState.SANCTION_PROPOSED else state


def _visible(entries: list[AuditEvent], by: Membership) -> set[tuple[str, str]]:
    """Of the things that these entries are about, those that this membership may see, by table and public id."""
    asked: dict[str, set[uuid.UUID]] = {}
    for entry in entries:
        asked.setdefault(entry.subject, set()).add(uuid.UUID(entry.subject_id))
    found: set[tuple[str, str]] = set()
    for table, ids in asked.items():
        entity = _entities().get(table)
        rule = _rule(entity, by) if entity is not None else None
        if entity is not None and rule is not None:
            rows = db.session.scalars(rule.with_only_columns(entity.public_id).where(entity.public_id.in_(ids)))
            found |= {(table, str(each)) for each in rows}
    return found


@cache
def _entities() -> Mapping[str, type[Any]]:
    """Entity by its table."""
    return {
        str(mapper.class_.__tablename__): mapper.class_
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, Row)
    }


def _rule(entity: type[Any], by: Membership) -> Select[Any] | None:
    try:
        return permissions.visible(entity, by)
    except TypeError:  # a thing of one organisation alone: it is in nobody else's trail
        return None
