"""Who is told what: the one home of what the other party of a contract must not know.

The trail and its file, the log of a case, the pages of a case and of a report, and what letters and papers say of the
trail, all ask here.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, cast, exists, func, or_

from portal import permissions
from portal.extensions import Base
from portal.model import AuditEvent, Deviation, DeviationState, Membership, OrganisationKind, Row
from portal.model.changes import Changes


class Audience(StrEnum):
    """Whom an act may be told to, besides those on whose behalf it was done."""

    BOTH = "both"
    BUYER = "buyer"
    SUPPLIER = "supplier"
    NOBODY = "nobody"


class Rule(NamedTuple):
    """Whom acts of one kind are told to, and why."""

    audience: Audience
    why: str


_AGREED = Rule(Audience.BOTH, "what the contract says binds both, and both may ask how it came to say so")
_FILED = Rule(Audience.BOTH, "what passes between the parties about a report, and its deadlines")
_CASE = Rule(Audience.BOTH, "the case is open to the supplier from the day it was found; its letters are for both")
_DECIDED = Rule(Audience.BOTH, "the decision and what follows from it; told once the thing itself may be seen")
_WORK = Rule(Audience.BOTH, "what works at the site is the concern of both")
_UNDECIDED = Rule(Audience.BUYER, "how a sanction comes about is the buyer's own until it is decided")
_AT_WORK = Rule(Audience.BUYER, "how the buyer goes about its work: what it notes, misses and is reminded of")
_UNSTARTED = Rule(Audience.BUYER, "a contract that has not started is the buyer's own")
_DRAFTING = Rule(Audience.SUPPLIER, "what goes on inside the supplier before it is signed, or of which it was refused")
_OUTSIDER = Rule(Audience.BOTH, "a party knows who decides its case, once somebody has said yes to it")
_APPOINTING = Rule(Audience.BUYER, "whom the buyer asks to decide, and why, is its own affair until they have said yes")
_HOUSE = Rule(Audience.NOBODY, "people, accounts, units and programs are the organisation's own house")
_INTEREST = Rule(Audience.NOBODY, "a person's ties to the other party are told to their own organisation alone")

GROUPS: Mapping[Rule, tuple[str, ...]] = {
    _AGREED: (
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
        "plan.noted",
        "requirement.added",
        "requirement.changed",
        "requirement.ended",
        "requirement.removed",
        "window.judged",
    ),
    _FILED: (
        "comment.answered",
        "extension.asked",
        "extension.granted",
        "extension.lapsed",
        "extension.refused",
        "extension.unanswered",
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
        "review.begun",
        "ruling.lifted",
        "ruling.objected",
        "ruling.told",
        "ruling.untold",
        "ruling.upheld",
    ),
    _CASE: (
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
        "notice.delivered",
        "notice.opened",
        "notice.reminded",
        "notice.seen",
        "notice.served",
        "notice.written",
        "reply.complete",
        "reply.late",
        "reply.received",
    ),
    _DECIDED: (
        "point.weighed",
        "sanction.closed",
        "sanction.decided",
        "sanction.delivered",
        "sanction.delivery_told",
    ),
    _WORK: ("machine.departed", "machine.deployed"),
    _UNDECIDED: (
        "deviation.sanction_proposed",
        "sanction.calculated",
        "sanction.proposed",
        "sanction.refused",
        "sanction.sent_back",
        "sanction.withdrawn",
    ),
    _AT_WORK: (
        "comment.added",
        "comment.changed",
        "comment.removed",
        "comment.set_aside",
        "contract.redacted",
        "deviation.notice_warned",
        "extension.chased",
        "review.late",
    ),
    _UNSTARTED: ("contract.drafted", "contract_import.stored", "contract_import.uploaded"),
    _DRAFTING: (
        "draft.saved",
        "draft.secrets_marked",
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
    ),
    _HOUSE: (
        "contract.unit_changed",
        "group.joined",
        "group.left",
        "identity.connected",
        "identity.disconnected",
        "invitation.accepted",
        "invitation.resent",
        "invitation.sent",
        "invitation.withdrawn",
        "membership.added",
        "membership.ended",
        "membership.erased",
        "membership.handed_over",
        "membership.limited",
        "membership.roles_changed",
        "membership.roles_kept",
        "membership.roles_replaced",
        "membership.roles_withheld",
        "organisation.added",
        "organisation.domains_changed",
        "passkey.added",
        "passkey.counted_back",
        "passkey.removed",
        "person.email_changed",
        "person.mail_returned",
        "person.password_changed",
        "person.password_reset",
        "program.added",
        "program.ended",
        "second_factor.added",
        "second_factor.code_given",
        "second_factor.recovery_codes",
        "second_factor.removed",
        "second_factor.reset",
        "substitution.added",
        "substitution.ended",
        "unit.added",
        "unit.renamed",
    ),
    _OUTSIDER: ("appointment.ended", "appointment.taken_on"),
    _APPOINTING: ("appointment.made",),
    _INTEREST: ("interest.declared", "interest.ended"),
}
"""Every action of the trail, by whom it is told to. An action that stands nowhere is told to nobody else."""

RULES: Mapping[str, Rule] = {action: rule for rule, actions in GROUPS.items() for action in actions}

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
_UNDECIDED_STATE = DeviationState.SANCTION_PROPOSED.value


def may_be_told(by: Membership, tables: Collection[str] | None = None) -> ColumnElement[bool]:
    """The condition for entries of the trail that this membership may read: its own, and what it is told.

    Args:
        by: who reads.
        tables: the only tables of things that the entries asked for are about; None: any.
    """
    is_theirs = AuditEvent.organisation_id == by.organisation_id
    is_of_their_house = and_(AuditEvent.contract_id.is_(None), AuditEvent.chain == f"organisation:{by.organisation_id}")
    is_told = and_(AuditEvent.contract_id.is_not(None), _reaches(_side(by)), may_open(by, tables))
    return or_(is_theirs, is_of_their_house, is_told)


def told_to_both() -> ColumnElement[bool]:
    """The condition for entries that both parties of a contract are told whatever becomes of the case.

    What waits for a decision is not among them.
    """
    waits = GROUPS[_DECIDED]
    return and_(AuditEvent.action.not_in(waits), *(_reaches(each) for each in (Audience.BUYER, Audience.SUPPLIER)))


def may_open(by: Membership, tables: Collection[str] | None = None) -> ColumnElement[bool]:
    """The condition for entries about a thing that this membership may see by itself (`permissions.visible`)."""
    asked = {name: each for name, each in _entities().items() if tables is None or name in tables}
    return or_(*(_stands(name, entity, by) for name, entity in asked.items() if _has_rule(entity, by)))


def changes(entry: AuditEvent, by: Membership) -> Changes:
    """Before and after, as far as this party may know it. To the supplier an undecided case is one being assessed."""
    is_mine = by.organisation_id == entry.organisation_id
    if is_mine or (entry.organisation_id is None and _side(by) == Audience.BUYER):
        return entry.changes
    told = {column: each for column, each in entry.changes.items() if column in TOLD_COLUMNS}
    if entry.subject == Deviation.__tablename__ and isinstance(told.get("state"), list):
        told["state"] = [_as_told(state) for state in told["state"]]
    return told


def _side(by: Membership) -> Audience:
    return Audience.BUYER if by.organisation.kind == OrganisationKind.BUYER else Audience.SUPPLIER


def _reaches(side: Audience) -> ColumnElement[bool]:
    """A proposal that came to nothing has the reply assessed anew; to the supplier it was assessed all the time."""
    told = [action for action, rule in RULES.items() if rule.audience in {Audience.BOTH, side}]
    is_told = AuditEvent.action.in_(told)
    if side == Audience.BUYER:
        return is_told
    before = AuditEvent.changes[("state", 0)].as_string()
    begins = or_(AuditEvent.action != _ASSESSING, func.coalesce(before, _UNDECIDED_STATE) != _UNDECIDED_STATE)
    return and_(is_told, begins)


def _as_told(state: str | None) -> str | None:
    return DeviationState.ASSESSING_REPLY if state == DeviationState.SANCTION_PROPOSED else state


def _stands(table: str, entity: type[Any], by: Membership) -> ColumnElement[bool]:
    """Asked for one entry after the other, by the index of the thing's public id."""
    public_id = cast(func.replace(AuditEvent.subject_id, "-", ""), entity.public_id.type)
    there = exists().where(entity.public_id == public_id, permissions.seen(entity, by))
    return and_(AuditEvent.subject == table, there.correlate(AuditEvent))


@cache
def _entities() -> Mapping[str, type[Any]]:
    """Entity by its table."""
    return {
        str(mapper.class_.__tablename__): mapper.class_
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, Row)
    }


def _has_rule(entity: type[Any], by: Membership) -> bool:
    try:
        permissions.seen(entity, by)
    except TypeError:  # a thing of one organisation alone: it is in nobody else's trail
        return False
    return True
