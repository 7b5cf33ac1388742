"""What a breach costs under a clause: proposed by one person, decided by another, with its arithmetic."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.errors import InvalidTransition
from portal.model.audit import record
from portal.model.base import BigId, Code, Json, JsonDocument, Millionths, Moment, OfContract, Row
from portal.model.cases import MOVED_ON, Deviation
from portal.model.contracts import Contract
from portal.model.people import Membership, Person
from portal.model.terms import SanctionClause


class SanctionState(StrEnum):
    """Where a sanction is."""

    PROPOSED = "proposed"
    SENT_BACK = "sent_back"
    DECIDED = "decided"
    DELIVERED = "delivered"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"


WAITING = frozenset({SanctionState.PROPOSED, SanctionState.SENT_BACK})
"""Proposed, and nothing decided yet: its amount and what was answered of it stand."""
IN_FORCE = frozenset({SanctionState.DECIDED, SanctionState.DELIVERED, SanctionState.CLOSED})
"""From when a sanction is a decision: the supplier's business too, and its figures stay what they are."""

_NEXT_SANCTION = {
    SanctionState.PROPOSED: {
        SanctionState.SENT_BACK,
        SanctionState.DECIDED,
        SanctionState.REFUSED,
        SanctionState.WITHDRAWN,
    },
    SanctionState.SENT_BACK: {SanctionState.PROPOSED, SanctionState.WITHDRAWN, SanctionState.REFUSED},
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
    days: Mapped[int | None]
    """Days that a daily amount was counted for."""
    waived: Mapped[Decimal] = mapped_column(Millionths, default=Decimal(0))
    """How much of what the clause gives is not asked for; `amount` is what is left."""
    waiver_reason: Mapped[str] = mapped_column(Prose, default="")
    found_hash: Mapped[str] = mapped_column(String(64), default="")
    """Digest of the facts that the calculation stands on: a case assessed anew is calculated anew before a decision."""
    found: Mapped[Json] = mapped_column(JsonDocument, default=dict)
    """Those facts themselves, so that the page can say what has changed since; "on": the day of the calculation."""
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
    on_paper: Mapped[Json] = mapped_column(JsonDocument, default=dict, server_default="{}", deferred=True)
    """What the decision's paper says of others' rows, names among it, as they were when it was decided."""
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
