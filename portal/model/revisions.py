"""What was signed, frozen: its lines, what was computed of them, what rules and requirements said, and the decision."""

import uuid
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, Uuid
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.extensions import Base
from portal.model.base import BigId, Code, Json, JsonDocument, Millionths, Moment, OfContract, Row
from portal.model.people import Person

if TYPE_CHECKING:
    from portal.model.reports import Report


class Revision(OfContract, Row):
    """A signed report, frozen: insert-only by triggers, with a hash over everything it says."""

    __tablename__ = "revision"
    __table_args__ = (UniqueConstraint("report_id", "number"),)

    report_id: Mapped[int] = mapped_column(BigId, ForeignKey("report.id"), index=True)
    number: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    answers: Mapped[Json] = mapped_column(JsonDocument)
    """Per kind: {"answer": "filled"|"nothing", "reason": "…"}."""
    pins: Mapped[Json] = mapped_column(JsonDocument)
    preparers: Mapped[list[int]] = mapped_column(JsonDocument)
    signed_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    signed_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    late_by_days: Mapped[int] = mapped_column(default=0)
    amendment_reason: Mapped[str] = mapped_column(Prose, default="", server_default="")
    """Why it amends what was approved; empty when it does not."""
    reasons: Mapped[list[Json]] = mapped_column(JsonDocument, default=list, server_default="[]")
    """What the supplier said of each warning: {"kind", "rule", "line", "field", "said", "text"}."""
    secrets: Mapped[Json] = mapped_column(JsonDocument, default=dict, server_default="{}")
    """Per kind with trade secrets, what `Section.secrets` said: part of what was signed."""
    on_paper: Mapped[Json] = mapped_column(JsonDocument, default=dict, server_default="{}", deferred=True)
    """What its receipt says of others' rows, names among it, as they were when it was signed."""
    report: Mapped["Report"] = relationship(back_populates="revisions")
    signed_by: Mapped[Person] = relationship(lazy="joined")
    lines: Mapped[list["RevisionLine"]] = relationship(order_by="RevisionLine.kind, RevisionLine.position")
    figures: Mapped[list["Figure"]] = relationship(order_by="Figure.id")
    findings: Mapped[list["Finding"]] = relationship(order_by="Finding.id")
    checks: Mapped[list["Check"]] = relationship(order_by="Check.id")
    review: Mapped["Review | None"] = relationship(back_populates="revision")
    withdrawal: Mapped["Withdrawal | None"] = relationship(  # type: ignore[name-defined]  # noqa: F821
        back_populates="revision", lazy="joined"
    )

    def lines_of(self, kind: str) -> "list[RevisionLine]":
        """The frozen lines of one kind, in order."""
        return [line for line in self.lines if line.kind == kind]


class RevisionLine(Base):
    """One frozen line: values as {"hours": {"value": "162.5", "unit": "h", "source": "metered"}, …}."""

    __tablename__ = "revision_line"
    __table_args__ = (UniqueConstraint("revision_id", "kind", "key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    revision_id: Mapped[int] = mapped_column(BigId, ForeignKey("revision.id"))
    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[uuid.UUID] = mapped_column(Uuid)
    position: Mapped[int]
    values: Mapped[Json] = mapped_column(JsonDocument)


class Measured(OfContract, Base):
    """An additive amount of one frozen line: what dashboards sum. Amounts in the design unit (kWh, kg, h)."""

    __tablename__ = "measure"
    __table_args__ = (Index("ix_measure_contract_period", "contract_id", "period_id", "kind", "key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    line_id: Mapped[int] = mapped_column(BigId, ForeignKey("revision_line.id"), index=True)
    period_id: Mapped[int] = mapped_column(BigId, ForeignKey("reporting_period.id"))
    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(40))
    unit: Mapped[str] = mapped_column(String(20))
    dimensions: Mapped[dict[str, str]] = mapped_column(JsonDocument)
    amount: Mapped[Decimal] = mapped_column(Millionths)


class Figure(Base):
    """An indicator of a revision as additive numerator and denominator, with the factors and basis it rests on."""

    __tablename__ = "figure"
    __table_args__ = (UniqueConstraint("revision_id", "kind", "indicator"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    revision_id: Mapped[int] = mapped_column(BigId, ForeignKey("revision.id"))
    kind: Mapped[str] = mapped_column(String(40))
    indicator: Mapped[str] = mapped_column(String(60))
    unit: Mapped[str] = mapped_column(String(20))
    numerator: Mapped[Decimal | None] = mapped_column(Millionths)
    denominator: Mapped[Decimal | None] = mapped_column(Millionths)
    factors: Mapped[list[str]] = mapped_column(JsonDocument)
    basis: Mapped[list[dict[str, str]]] = mapped_column(JsonDocument)
    unknown: Mapped[dict[str, str] | None] = mapped_column(JsonDocument)
    """Why it cannot be computed, in both languages; None when it can."""


class FindingResult(StrEnum):
    """How a requirement came out."""

    MET = "met"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    ON_COURSE = "on_course"
    """Judged over a longer window that is still open: so far it would be met."""
    BEHIND = "behind"
    """Judged over a longer window that is still open: so far it would not be met. No breach before it closes."""


class Finding(Base):
    """How one requirement came out for a revision: figure against threshold, and the lines behind it."""

    __tablename__ = "finding"
    __table_args__ = (UniqueConstraint("revision_id", "requirement_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    revision_id: Mapped[int] = mapped_column(BigId, ForeignKey("revision.id"))
    requirement_id: Mapped[int] = mapped_column(BigId, ForeignKey("requirement.id"))
    result: Mapped[FindingResult] = mapped_column(Code(FindingResult))
    figure: Mapped[Json] = mapped_column(JsonDocument)
    """{"value": "23.4"|None, "unit": "%", "shown": {"nb", "en"}, "breaches": n}: as it was when it was signed."""
    lines: Mapped[list[str]] = mapped_column(JsonDocument)
    sentence: Mapped[dict[str, str]] = mapped_column(JsonDocument)
    requirement: Mapped[Any] = relationship("Requirement", lazy="joined")


class Check(Base):
    """What a rule of a kind said about a frozen line."""

    __tablename__ = "check_result"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    revision_id: Mapped[int] = mapped_column(BigId, ForeignKey("revision.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    line_key: Mapped[str] = mapped_column(String(36))
    field: Mapped[str] = mapped_column(String(60))
    rule: Mapped[str] = mapped_column(String(80))
    severity: Mapped[str] = mapped_column(String(20))
    text: Mapped[dict[str, str]] = mapped_column(JsonDocument)
    reason: Mapped[str] = mapped_column(Prose, default="", server_default="")
    """What the supplier says of it: a warning stands with a reason."""


class Decision(StrEnum):
    """What a reviewer decides."""

    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"


class Review(OfContract, Row):
    """The one decision on a revision: a second one is refused by the database."""

    __tablename__ = "review"

    revision_id: Mapped[int] = mapped_column(BigId, ForeignKey("revision.id"), unique=True)
    decision: Mapped[Decision] = mapped_column(Code(Decision))
    reasons: Mapped[str] = mapped_column(Prose, default="")
    decided_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"))
    """None when the contract lets a clean report through without a person."""
    decided_by: Mapped[Person | None] = relationship(lazy="joined")
    revision: Mapped[Revision] = relationship(back_populates="review")
