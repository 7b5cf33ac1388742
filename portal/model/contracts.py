"""What was agreed: contracts, their requirements and sanction clauses, periods, and the machines at work on them."""

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import Base
from portal.model.accounts import Organisation
from portal.model.base import BigId, Code, Json, JsonDocument, Millionths, Moment, OfContract, Row


class Comparison(StrEnum):
    """How an indicator is held against a threshold."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class Contract(Row):
    """A public contract: two parties, a site, and every choice that its figures rest on."""

    __tablename__ = "contract"

    buyer_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    supplier_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    reference: Mapped[str] = mapped_column(String(60))
    title: Mapped[str] = mapped_column(String(200))
    site: Mapped[str] = mapped_column(String(200))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    country: Mapped[str] = mapped_column(String(2), default="NO")
    time_zone: Mapped[str] = mapped_column(String(40), default="Europe/Oslo")
    currency: Mapped[str] = mapped_column(String(3), default="NOK")
    kinds: Mapped[list[str]] = mapped_column(JsonDocument)
    counted: Mapped[dict[str, str]] = mapped_column(JsonDocument, default=dict)
    """Carrier -> where its energy counts (`portal.kinds.CountedFrom`), "" for all others; the rest only reconciles."""
    basis: Mapped[dict[str, str]] = mapped_column(JsonDocument)
    """Factor editions, biofuel policy and boundary, as `portal.factors.Basis.dump` writes them."""
    reporting_clause: Mapped[str] = mapped_column(String(60))
    due_working_days: Mapped[int] = mapped_column(default=10)
    """Working days after the period's last day before the report is due."""
    reply_working_days: Mapped[int] = mapped_column(default=10)
    unattended_review: Mapped[bool] = mapped_column(default=False)
    """Whether a report without breach or warning may be approved without a person."""

    buyer: Mapped[Organisation] = relationship(foreign_keys=[buyer_id], lazy="joined")
    supplier: Mapped[Organisation] = relationship(foreign_keys=[supplier_id], lazy="joined")
    requirements: Mapped[list["Requirement"]] = relationship(back_populates="contract", order_by="Requirement.id")
    clauses: Mapped[list["SanctionClause"]] = relationship(back_populates="contract", order_by="SanctionClause.id")

    @property
    def parties(self) -> dict[str, int]:
        """The contract and its two parties, for a new row that belongs to it."""
        return {"contract_id": self.id, "buyer_id": self.buyer_id, "supplier_id": self.supplier_id}

    def requirements_on(self, day: date) -> list["Requirement"]:
        """The requirements in force on a day."""
        return [
            duty
            for duty in self.requirements
            if duty.valid_from <= day and (duty.valid_to is None or day <= duty.valid_to)
        ]

    def clause_for(self, requirement: "Requirement") -> "SanctionClause | None":
        """The sanction clause that a breach of `requirement` falls under: its own before the general one."""
        own = [clause for clause in self.clauses if clause.requirement_id == requirement.id]
        general = [clause for clause in self.clauses if clause.requirement_id is None]
        return next(iter(own + general), None)


class Requirement(OfContract, Row):
    """One duty: an indicator of a kind held against a threshold, or, with no kind, the duty to report on time."""

    __tablename__ = "requirement"

    kind: Mapped[str] = mapped_column(String(40))
    indicator: Mapped[str] = mapped_column(String(60))
    comparison: Mapped[Comparison] = mapped_column(Code(Comparison))
    threshold: Mapped[str] = mapped_column(String(40))
    """A decimal in the indicator's unit, or the key of a choice where the indicator ranks choices."""
    clause: Mapped[str] = mapped_column(String(60))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    contract: Mapped[Contract] = relationship(foreign_keys="Requirement.contract_id", back_populates="requirements")


REPORTING_DUTY = "report_on_time"
"""The indicator of the requirement that says: file each report in time. It belongs to no kind."""


class ClauseCounts(StrEnum):
    """What one breach is, for a fee per breach."""

    PERIOD = "period"
    LINE = "line"


class SanctionClause(OfContract, Row):
    """What the contract says that a breach costs. Nothing is sanctioned without one."""

    __tablename__ = "sanction_clause"

    requirement_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("requirement.id"))
    clause: Mapped[str] = mapped_column(String(60))
    wording: Mapped[str] = mapped_column(Prose)
    fee: Mapped[Decimal] = mapped_column(Millionths)
    counts: Mapped[ClauseCounts] = mapped_column(Code(ClauseCounts))
    warns_first: Mapped[bool] = mapped_column(default=False)
    contract: Mapped[Contract] = relationship(foreign_keys="SanctionClause.contract_id", back_populates="clauses")
    requirement: Mapped[Requirement | None] = relationship()

    def counted(self, breaches: int) -> int:
        """How many times the fee is due for so many breaches in one period."""
        return breaches if self.counts == ClauseCounts.LINE else 1


class ReportingPeriod(OfContract, Row):
    """A stretch of days to report on: it opens, is due at a moment, and may turn overdue."""

    __tablename__ = "reporting_period"
    __table_args__ = (UniqueConstraint("contract_id", "starts_on"),)

    starts_on: Mapped[date]
    ends_on: Mapped[date]
    opens_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime] = mapped_column(Moment)
    contract: Mapped[Contract] = relationship(foreign_keys="ReportingPeriod.contract_id")


class KindVersion(Base):
    """A kind's whole description as it was when first used, so that old reports can be read and recomputed."""

    __tablename__ = "kind_version"

    content_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(40))
    document: Mapped[Json] = mapped_column(JsonDocument)
    created_at: Mapped[datetime] = mapped_column(Moment)


class Machine(Row):
    """A machine in its owner's register."""

    __tablename__ = "machine"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    owner_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    type: Mapped[str] = mapped_column(String(40))
    other_type: Mapped[str] = mapped_column(String(60), default="")
    """What it is, in words, when `type` is one of the other ones."""
    model: Mapped[str] = mapped_column(String(120), default="")
    size: Mapped[str] = mapped_column(String(20), default="")
    """Weight class (`portal.kinds.register.SIZES`); empty where nobody has said."""
    carrier: Mapped[str] = mapped_column(String(40))
    stage: Mapped[str] = mapped_column(String(20))
    """Emission stage of a machine, Euro class of a vehicle."""
    engine_year: Mapped[int | None]
    serial: Mapped[str] = mapped_column(String(60), default="")
    """Serial number or PIN; registration number of a vehicle."""
    hired_from: Mapped[str] = mapped_column(String(120), default="")
    """Whose it is, when it is hired."""
    owner: Mapped[Organisation] = relationship()
    deployments: Mapped[list["Deployment"]] = relationship(back_populates="machine")


class Deployment(OfContract, Row):
    """A machine on a contract, from arrival to departure."""

    __tablename__ = "deployment"

    machine_id: Mapped[int] = mapped_column(BigId, ForeignKey("machine.id"), index=True)
    arrived_on: Mapped[date]
    departed_on: Mapped[date | None]
    machine: Mapped[Machine] = relationship(back_populates="deployments", lazy="joined")

    @property
    def line_key(self) -> uuid.UUID:
        """The machine's own public id: what a machine line is matched on, in a form and in a file."""
        return self.machine.public_id
