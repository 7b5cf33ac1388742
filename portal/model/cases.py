"""From breach to settled sanction: deviations, notices, replies, evidence, sanctions."""

import uuid
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, Uuid
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.errors import InvalidTransition
from portal.model.accounts import Membership, Person
from portal.model.audit import record
from portal.model.base import BigId, Code, Json, JsonDocument, Millionths, Moment, OfContract, Row
from portal.model.contracts import Contract, Requirement, SanctionClause
from portal.model.reports import Report
from portal.text import Text

MOVED_ON = Text(
    "Saken har endret seg siden du åpnet siden. Les den på nytt.",
    "The case has changed since you opened the page. Read it again.",
)


class Cause(StrEnum):
    """Why a deviation was opened."""

    REQUIREMENT_BROKEN = "requirement_broken"
    REPORT_MISSING = "report_missing"
    REPORT_LATE = "report_late"
    NOT_ACCEPTED = "not_accepted"


class DeviationState(StrEnum):
    """Where a deviation is."""

    FOUND = "found"
    NOTIFIED = "notified"
    AWAITING_REPLY = "awaiting_reply"
    ASSESSING_REPLY = "assessing_reply"
    SANCTION_PROPOSED = "sanction_proposed"
    DISMISSED = "dismissed"
    CLOSED = "closed"


_NEXT_DEVIATION = {
    DeviationState.FOUND: {DeviationState.DISMISSED, DeviationState.NOTIFIED},
    DeviationState.NOTIFIED: {DeviationState.NOTIFIED, DeviationState.AWAITING_REPLY},
    DeviationState.AWAITING_REPLY: {DeviationState.ASSESSING_REPLY},
    DeviationState.ASSESSING_REPLY: {DeviationState.SANCTION_PROPOSED, DeviationState.CLOSED},
    DeviationState.SANCTION_PROPOSED: {DeviationState.ASSESSING_REPLY, DeviationState.CLOSED},
    DeviationState.DISMISSED: set[DeviationState](),
    DeviationState.CLOSED: set[DeviationState](),
}


class Deviation(OfContract, Row):
    """A breach of a requirement, or of the duty to report, in one report's period."""

    __tablename__ = "deviation"
    __table_args__ = (UniqueConstraint("requirement_id", "report_id", "cause_group"),)

    requirement_id: Mapped[int] = mapped_column(BigId, ForeignKey("requirement.id"))
    report_id: Mapped[int] = mapped_column(BigId, ForeignKey("report.id"), index=True)
    cause: Mapped[Cause] = mapped_column(Code(Cause))
    cause_group: Mapped[str] = mapped_column(String(30))
    """The identity of the cause: a missing report that comes late stays one deviation."""
    state: Mapped[DeviationState] = mapped_column(Code(DeviationState), default=DeviationState.FOUND, index=True)
    version: Mapped[int] = mapped_column(default=1)
    clause: Mapped[str] = mapped_column(String(60))
    sentence: Mapped[dict[str, str]] = mapped_column(JsonDocument)
    facts: Mapped[Json] = mapped_column(JsonDocument)
    """{"figure": {...}, "threshold": "…", "lines": [line keys], "revision": n, "breaches": n}."""
    known_at: Mapped[datetime] = mapped_column(Moment)
    late_by_days: Mapped[int | None]
    reply_due_at: Mapped[datetime | None] = mapped_column(Moment)
    outcome: Mapped[str] = mapped_column(Prose, default="")
    contract: Mapped[Contract] = relationship(foreign_keys="Deviation.contract_id", lazy="joined")
    requirement: Mapped[Requirement] = relationship(lazy="joined")
    report: Mapped[Report] = relationship()
    notices: Mapped[list["Notice"]] = relationship(back_populates="deviation", order_by="Notice.id")
    replies: Mapped[list["Reply"]] = relationship(back_populates="deviation", order_by="Reply.id")
    sanction: Mapped["Sanction | None"] = relationship(back_populates="deviation")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def move(self, state: DeviationState, *, by: Membership | None, reason: str = "", **facts: object) -> None:
        """The one place where a deviation changes state, with its trail."""
        if state not in _NEXT_DEVIATION[self.state]:
            raise InvalidTransition(MOVED_ON)
        self.state = state
        record(self, f"deviation.{state}", by=by, reason=reason, **facts)


class Notice(OfContract, Row):
    """A formal notice of breach: what is claimed, the clause, what may follow, how and until when to answer."""

    __tablename__ = "notice"

    deviation_id: Mapped[int] = mapped_column(BigId, ForeignKey("deviation.id"), index=True)
    sent_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    text: Mapped[str] = mapped_column(Prose)
    reply_working_days: Mapped[int]
    delivered_at: Mapped[datetime | None] = mapped_column(Moment)
    delivered_how: Mapped[str] = mapped_column(String(400), default="")
    reply_due_at: Mapped[datetime | None] = mapped_column(Moment)
    deviation: Mapped[Deviation] = relationship(back_populates="notices")
    sent_by: Mapped[Person] = relationship(lazy="joined")


class Reply(OfContract, Row):
    """The supplier's answer to a notice."""

    __tablename__ = "reply"

    deviation_id: Mapped[int] = mapped_column(BigId, ForeignKey("deviation.id"), index=True)
    written_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    text: Mapped[str] = mapped_column(Prose)
    deviation: Mapped[Deviation] = relationship(back_populates="replies")
    written_by: Mapped[Person] = relationship(lazy="joined")
    evidence: Mapped[list["Evidence"]] = relationship(back_populates="reply", order_by="Evidence.id")


class Evidence(OfContract, Row):
    """A file bound to what it documents, a reply or a reported value; the bytes lie in the store under their hash."""

    __tablename__ = "evidence"
    __table_args__ = (Index("ix_evidence_report_line", "report_id", "kind", "line_key"),)

    reply_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("reply.id"), index=True)
    report_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("report.id"))
    kind: Mapped[str] = mapped_column(String(40), default="")
    line_key: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    field: Mapped[str] = mapped_column(String(60), default="")
    revision_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("revision.id"))
    """The first revision that was signed with it; none while it is the supplier's own affair."""
    removed_at: Mapped[datetime | None] = mapped_column(Moment)
    """When it was taken off the draft; what was signed before still rests on it."""
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int] = mapped_column(BigId)
    uploaded_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    reply: Mapped[Reply | None] = relationship(back_populates="evidence")


class SanctionState(StrEnum):
    """Where a sanction is."""

    PROPOSED = "proposed"
    SENT_BACK = "sent_back"
    DECIDED = "decided"
    DELIVERED = "delivered"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"


_NEXT_SANCTION = {
    SanctionState.PROPOSED: {SanctionState.SENT_BACK, SanctionState.DECIDED, SanctionState.REFUSED},
    SanctionState.SENT_BACK: {SanctionState.PROPOSED, SanctionState.WITHDRAWN},
    SanctionState.DECIDED: {SanctionState.DELIVERED},
    SanctionState.DELIVERED: {SanctionState.CLOSED},
    SanctionState.CLOSED: set[SanctionState](),
    SanctionState.WITHDRAWN: {SanctionState.PROPOSED},
    SanctionState.REFUSED: {SanctionState.PROPOSED},
}


class Sanction(OfContract, Row):
    """What a breach costs under a clause: proposed by one person, decided by another, with its arithmetic."""

    __tablename__ = "sanction"

    deviation_id: Mapped[int] = mapped_column(BigId, ForeignKey("deviation.id"), unique=True)
    clause_id: Mapped[int] = mapped_column(BigId, ForeignKey("sanction_clause.id"))
    state: Mapped[SanctionState] = mapped_column(Code(SanctionState), default=SanctionState.PROPOSED, index=True)
    version: Mapped[int] = mapped_column(default=1)
    step: Mapped[str] = mapped_column(String(20), default="")
    amount: Mapped[Decimal | None] = mapped_column(Millionths)
    currency: Mapped[str] = mapped_column(String(3))
    calculation: Mapped[list[Json]] = mapped_column(JsonDocument, default=list)
    """The sheet, line by line: {"text": {"nb", "en"}, "value": "…", "unit": "…"}."""
    reasons: Mapped[str] = mapped_column(Prose)
    proposed_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    proposers: Mapped[list[int]] = mapped_column(JsonDocument, default=list)
    """Everybody who ever proposed it; none of them may decide."""
    comment: Mapped[str] = mapped_column(Prose, default="")
    """What the second person said, when approving or sending back."""
    decided_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Moment)
    delivered_at: Mapped[datetime | None] = mapped_column(Moment)
    delivered_how: Mapped[str] = mapped_column(String(400), default="")
    contract: Mapped[Contract] = relationship(foreign_keys="Sanction.contract_id", lazy="joined")
    deviation: Mapped[Deviation] = relationship(back_populates="sanction")
    clause: Mapped[SanctionClause] = relationship(lazy="joined")
    proposed_by: Mapped[Person] = relationship(foreign_keys=[proposed_by_id], lazy="joined")
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id], lazy="joined")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def propose_by(self, by: Membership, reasons: str) -> None:
        """Take over the proposal, with its reasons."""
        self.reasons, self.proposed_by = reasons, by.person
        if by.person_id not in (self.proposers or []):
            self.proposers = [*(self.proposers or []), by.person_id]

    def move(self, state: SanctionState, *, by: Membership | None, reason: str = "", **facts: object) -> None:
        """The one place where a sanction changes state, with its trail."""
        if state not in _NEXT_SANCTION[self.state]:
            raise InvalidTransition(MOVED_ON)
        self.state = state
        record(self, f"sanction.{state}", by=by, reason=reason, **facts)
