"""«Kom i gang»: a few things worth trying once, that tick themselves when the trail says they were done."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from portal import clock, permissions
from portal.extensions import db
from portal.model import AuditEvent, Installation, Membership
from portal.permissions import Permission


class Step(NamedTuple):
    """One thing to try: who may do it, and the actions in the trail that say it is done."""

    key: str
    permission: Permission
    actions: frozenset[str]


STEPS = (
    Step("fill_in", Permission.REPORT_EDIT, frozenset({"draft.saved", "import.stored"})),
    Step("upload", Permission.REPORT_EDIT, frozenset({"import.uploaded"})),
    Step("send", Permission.REPORT_EDIT, frozenset({"report.to_sign", "report.submitted"})),
    Step("more_time", Permission.DEADLINE_ASK, frozenset({"extension.asked"})),
    Step("reply", Permission.CASE_REPLY, frozenset({"reply.received", "reply.complete", "reply.late"})),
    Step("comment", Permission.REPORT_REVIEW, frozenset({"comment.added"})),
    Step("approve", Permission.REPORT_REVIEW, frozenset({"report.approved"})),
    Step("return", Permission.REPORT_REVIEW, frozenset({"report.returned"})),
    Step("chase", Permission.REPORT_CHASE, frozenset({"report.chased"})),
    Step("notice", Permission.CASE_ASSESS, frozenset({"notice.written"})),
    Step("propose", Permission.SANCTION_PROPOSE, frozenset({"sanction.proposed"})),
    Step("contract", Permission.CONTRACT_EDIT, frozenset({"contract.drafted"})),
    Step("decide", Permission.SANCTION_DECIDE, frozenset({"sanction.decided", "sanction.sent_back"})),
)
MOST = 5
"""More than this is no beginning."""


class Standing(NamedTuple):
    """A step, and whether this person has done it."""

    step: Step
    is_done: bool


def mine(by: Membership) -> Sequence[Standing]:
    """The steps of this membership, in order; none once they are all done or the person has put them away.

    In a demo only what was done after it was made counts: the story before that is not the visitor's.
    """
    if by.person.steps_hidden_at is not None:
        return ()
    steps = [step for step in STEPS if permissions.allowed(by, step.permission)][:MOST]
    done = _done(by, _since())
    standing = [Standing(step, bool(step.actions & done)) for step in steps]
    return () if all(each.is_done for each in standing) else standing


def hide(by: Membership) -> None:
    """Put the list away, for good."""
    by.person.steps_hidden_at = clock.now()


def _since() -> datetime | None:
    installation = db.session.get(Installation, 1)
    return installation.created_at if installation is not None and installation.is_demo else None


def _done(by: Membership, since: datetime | None) -> set[str]:
    wanted = {action for step in STEPS for action in step.actions}
    found = (
        select(AuditEvent.action)
        .where(
            AuditEvent.person_id == by.person_id,
            AuditEvent.organisation_id == by.organisation_id,
            AuditEvent.action.in_(wanted),
        )
        .distinct()
    )
    return set(db.session.scalars(found.where(AuditEvent.at > since) if since is not None else found))
