"""One report for each contract and period: where it stands, what is being written, and what a return reopened."""

import uuid
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, Uuid
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.errors import InvalidTransition
from portal.extensions import Base
from portal.model.audit import record
from portal.model.base import BigId, Code, Held, Json, JsonDocument, Moment, OfContract, Row
from portal.model.contracts import Contract, ReportingPeriod
from portal.model.people import Membership, Person
from portal.model.revisions import Decision, Revision
from portal.text import Text


class ReportState(StrEnum):
    """Where a report is. `_NEXT` says what may follow."""

    OPEN = "open"
    DRAFT = "draft"
    TO_SIGN = "to_sign"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    REJECTED = "rejected"
    APPROVED = "approved"
    AMENDING = "amending"
    SPARED = "spared"
    """Nothing is to be reported, or corrected, after all: the work stood still, or the contract ended before."""


_NEXT = {
    ReportState.OPEN: {ReportState.DRAFT, ReportState.SPARED},
    ReportState.DRAFT: {ReportState.TO_SIGN, ReportState.SPARED},
    ReportState.SPARED: {ReportState.DRAFT, ReportState.RETURNED, ReportState.REJECTED},
    ReportState.TO_SIGN: {
        ReportState.SPARED,
        ReportState.DRAFT,
        ReportState.RETURNED,
        ReportState.REJECTED,
        ReportState.AMENDING,
        ReportState.APPROVED,
        ReportState.SUBMITTED,
    },
    ReportState.SUBMITTED: {
        ReportState.DRAFT,
        ReportState.RETURNED,
        ReportState.REJECTED,
        ReportState.AMENDING,
        ReportState.APPROVED,
    },
    ReportState.RETURNED: {ReportState.TO_SIGN, ReportState.APPROVED, ReportState.SPARED},
    ReportState.REJECTED: {ReportState.TO_SIGN, ReportState.SPARED},
    ReportState.APPROVED: {ReportState.AMENDING},
    ReportState.AMENDING: {ReportState.TO_SIGN, ReportState.APPROVED},
}

_SENT_BACK = frozenset({ReportState.RETURNED, ReportState.REJECTED})
EDITABLE = frozenset(
    {ReportState.OPEN, ReportState.DRAFT, ReportState.RETURNED, ReportState.REJECTED, ReportState.AMENDING}
)


class Answer(StrEnum):
    """What a section says: there are lines, or there was nothing to report."""

    FILLED = "filled"
    NOTHING = "nothing"


class Report(OfContract, Held, Row):
    """The report of one contract for one period."""

    __tablename__ = "report"
    __table_args__ = (
        UniqueConstraint("contract_id", "period_id"),
        Index("ix_report_buyer_state_due", "buyer_id", "state", "due_at", "id"),
        Index("ix_report_supplier_state_due", "supplier_id", "state", "due_at", "id"),
    )

    period_id: Mapped[int] = mapped_column(BigId, ForeignKey("reporting_period.id"))
    state: Mapped[ReportState] = mapped_column(Code(ReportState), default=ReportState.OPEN)
    version: Mapped[int] = mapped_column(default=1)
    due_at: Mapped[datetime] = mapped_column(Moment)
    overdue_at: Mapped[datetime | None] = mapped_column(Moment)
    review_due_at: Mapped[datetime | None] = mapped_column(Moment)
    review_begun_at: Mapped[datetime | None] = mapped_column(Moment)
    """When somebody who may review the newest revision first opened it; from then it cannot be withdrawn."""
    review_begun_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"))
    edited_as: Mapped[ReportState] = mapped_column(
        Code(ReportState), default=ReportState.DRAFT, server_default=ReportState.DRAFT.value
    )
    """What it was open as before it was made ready or a correction was spared: where a withheld signature, a withdrawal
    or days that come back lead to."""
    accepted_number: Mapped[int | None]
    """The number of the revision in force; an amendment that is under way changes nothing before it is approved."""
    amendment_reason: Mapped[str] = mapped_column(Prose, default="", server_default="")
    """Why the supplier proposes to amend what was approved; empty when no amendment is under way."""
    preparers: Mapped[list[int]] = mapped_column(JsonDocument, default=list)
    """Everybody whose hand is in the figures; none of them may review."""
    pins: Mapped[Json] = mapped_column(JsonDocument)
    """Kind versions, factor editions and basis in force for this period: the same figures years later."""
    period: Mapped[ReportingPeriod] = relationship(lazy="joined")
    contract: Mapped[Contract] = relationship(foreign_keys="Report.contract_id", lazy="joined")
    sections: Mapped[list["Section"]] = relationship(back_populates="report", order_by="Section.id")
    revisions: Mapped[list[Revision]] = relationship(back_populates="report", order_by="Revision.number")
    unlocks: Mapped[list["Unlock"]] = relationship(back_populates="report", order_by="Unlock.id")
    explanations: Mapped[list["Explanation"]] = relationship(  # type: ignore[name-defined]  # noqa: F821
        back_populates="report", order_by="Explanation.id"
    )
    review_begun_by: Mapped[Person | None] = relationship()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form

    @property
    def latest(self) -> Revision | None:
        """The newest frozen revision, if any was signed; it may have been withdrawn since."""
        return self.revisions[-1] if self.revisions else None

    @property
    def standing(self) -> Revision | None:
        """The newest revision that was not withdrawn: what the buyer has, and what a return was about."""
        return next((revision for revision in reversed(self.revisions) if revision.withdrawal is None), None)

    @property
    def baseline(self) -> Revision | None:
        """What the newest revision is read against: the one before it that the buyer had, or that is in force."""
        before = [each for each in self.revisions[:-1] if each.withdrawal is None]
        newest = before[-1] if before else None
        if newest is not None and newest.number != self.accepted_number and newest.review is not None:
            was_refused = newest.amendment_reason and newest.review.decision == Decision.REJECT
            return self.accepted if was_refused and self.accepted is not None else newest
        return newest

    @property
    def accepted(self) -> Revision | None:
        """The approved revision in force, if there is one."""
        return next((revision for revision in self.revisions if revision.number == self.accepted_number), None)

    @property
    def is_amendment(self) -> bool:
        """Whether what is written, signed or reviewed now would replace a revision that is in force."""
        return self.accepted_number is not None and self.state != ReportState.APPROVED

    @property
    def can_be_late(self) -> bool:
        """Whether the deadline runs: it is with the supplier, and nothing approved stands in for it."""
        is_with_supplier = self.is_editable or self.state == ReportState.TO_SIGN
        return is_with_supplier and self.accepted_number is None

    @property
    def is_overdue(self) -> bool:
        """Whether its deadline is past, to the second, and no request for more time holds it."""
        return self.can_be_late and not self.is_held and self.is_past(clock.now())

    def is_past(self, moment: datetime) -> bool:
        """Whether a moment lies after the deadline, whose last second is in time."""
        return moment - self.due_at >= timedelta(seconds=1)

    @property
    def is_editable(self) -> bool:
        """Whether the supplier may change lines now."""
        return self.state in EDITABLE

    @property
    def current_unlocks(self) -> list["Unlock"]:
        """What the latest return reopened; empty when nothing is under correction."""
        standing = self.standing
        return [unlock for unlock in self.unlocks if standing is not None and unlock.revision_id == standing.id]

    @property
    def unlocked_lines(self) -> set[tuple[str, uuid.UUID]]:
        """Kind and key of the lines in which the latest return reopened something."""
        return {(unlock.kind, unlock.line_key) for unlock in self.current_unlocks if unlock.line_key is not None}

    def corrects_only_lines(self, kind: str) -> bool:
        """Whether only single lines and values of a part are open: none may come or go, and the answer stands."""
        return self.state == ReportState.RETURNED and not self.is_wholly_unlocked(kind)

    def is_wholly_unlocked(self, kind: str) -> bool:
        """Whether the latest return reopened all of a part: lines may come and go, and the answer may change."""
        return any(unlock.kind == kind and unlock.line_key is None for unlock in self.current_unlocks)

    def section(self, kind: str) -> "Section":
        """The section of one kind."""
        return next(section for section in self.sections if section.kind == kind)

    def move(
        self, state: ReportState, *, by: Membership | None, reason: str = "", action: str = "", **facts: object
    ) -> None:
        """The one place where a report changes state; the trail is written in the same breath.

        `action` says what was done where the new state does not: a withheld signature is no return by the reviewer.
        """
        if state not in _NEXT[self.state]:
            raise InvalidTransition(
                Text(
                    "Rapporten har endret seg siden du åpnet siden. Les den på nytt.",
                    "The report has changed since you opened the page. Read it again.",
                )
            )
        before, self.state = self.state, state
        if state == ReportState.TO_SIGN or (state == ReportState.SPARED and before in _SENT_BACK):
            self.edited_as = before
        record(self, action or f"report.{state}", by=by, reason=reason, before=str(before), **facts)

    def note_preparer(self, by: Membership) -> None:
        """Remember that this person had a hand in the figures."""
        if by.person_id not in self.preparers:
            self.preparers = [*self.preparers, by.person_id]


class Section(OfContract, Row):
    """The part of a report that one kind fills; later its own organisation and accepted revision."""

    __tablename__ = "section"
    __table_args__ = (UniqueConstraint("report_id", "kind", "organisation_id"),)

    report_id: Mapped[int] = mapped_column(BigId, ForeignKey("report.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    answer: Mapped[Answer | None] = mapped_column(Code(Answer))
    reason: Mapped[str] = mapped_column(Prose, default="")
    secrets: Mapped[Json] = mapped_column(JsonDocument, default=dict, server_default="{}")
    """What the supplier says is a trade secret: {"fields": [field key or "files"], "reason"}; {} when nothing is."""
    version: Mapped[int] = mapped_column(default=0)
    """Grows with each new answer or reason; the lines have versions of their own."""
    accepted_revision_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("revision.id"))
    report: Mapped[Report] = relationship(back_populates="sections")
    lines: Mapped[list["DraftLine"]] = relationship(
        back_populates="section", order_by="DraftLine.position, DraftLine.id", cascade="all, delete-orphan"
    )


class DraftLine(Base):
    """A line as the supplier is writing it. Incomplete and wrong values are kept as typed, beside what they mean."""

    __tablename__ = "draft_line"
    __table_args__ = (UniqueConstraint("section_id", "key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    section_id: Mapped[int] = mapped_column(BigId, ForeignKey("section.id"), index=True)
    key: Mapped[uuid.UUID] = mapped_column(Uuid, default=uuid.uuid4)
    position: Mapped[int] = mapped_column(default=0)
    raw: Mapped[dict[str, str]] = mapped_column(JsonDocument, default=dict)
    version: Mapped[int] = mapped_column(default=0)
    """Grows with each change by a person; 0: as the portal filled it in. Saving holds the report meanwhile."""
    unconfirmed: Mapped[list[str]] = mapped_column(JsonDocument, default=list)
    """Columns whose amount was copied from the period before and that nobody has confirmed yet."""
    section: Mapped[Section] = relationship(back_populates="lines")


class Unlock(OfContract, Row):
    """What a return reopened: one value of one line, (no field) the whole line, or (no line) all of a part.

    `comment` is what the reviewers' comments on that place said when it was returned.
    """

    __tablename__ = "unlock"

    report_id: Mapped[int] = mapped_column(BigId, ForeignKey("report.id"), index=True)
    revision_id: Mapped[int] = mapped_column(BigId, ForeignKey("revision.id"))
    kind: Mapped[str] = mapped_column(String(40))
    line_key: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    field: Mapped[str] = mapped_column(String(60), default="")
    comment: Mapped[str] = mapped_column(Prose)
    report: Mapped[Report] = relationship(back_populates="unlocks")
