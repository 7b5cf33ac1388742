"""The terms of a contract: what is required, until when, held against what, and what a breach of it costs."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.calendars import Counting
from portal.model.base import BigId, Code, Json, JsonDocument, Millionths, Moment, OfContract, Row
from portal.model.contracts import ChangeOrder, Contract

REPORTING_DUTY = "report_on_time"
"""The indicator of the requirement that says: file each report in time. It belongs to no kind."""
PLAN_DUTY = "plan_after_start"
"""The duty to file a plan so many days after the start; its threshold is the days, counted as the contract counts."""
ACCOUNT_DUTY = "account_at_handover"
"""The duty to file an account so many days after the handover."""
DUTIES_TO_FILE = frozenset({REPORTING_DUTY, PLAN_DUTY, ACCOUNT_DUTY})
"""Indicators that belong to no kind: whether something was filed in time."""


class Comparison(StrEnum):
    """How an indicator is held against a threshold."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class Window(StrEnum):
    """Over which days a requirement is judged; a breach is found when the window closes, and never before."""

    PERIOD = "period"
    """Each reporting period by itself."""
    YEAR = "year"
    """Each calendar year, cut at the contract's first and last day."""
    RUNNING = "running"
    """Everything since it came into force, judged at the end of each period."""
    WHOLE = "whole"
    """The whole contract, judged at handover."""


class Requirement(OfContract, Row):
    """One duty: an indicator of a kind held against a threshold, or, with no kind, the duty to file in time."""

    __tablename__ = "requirement"

    kind: Mapped[str] = mapped_column(String(40))
    indicator: Mapped[str] = mapped_column(String(60))
    comparison: Mapped[Comparison] = mapped_column(Code(Comparison))
    threshold: Mapped[str] = mapped_column(String(40))
    """A decimal in the indicator's unit, or the key of a choice where the indicator ranks choices."""
    steps: Mapped[list[dict[str, str]]] = mapped_column(JsonDocument, default=list)
    """Thresholds that come into force later: {"from": ISO date, "threshold": "…"}, oldest first."""
    promised: Mapped[str] = mapped_column(String(40), default="")
    """What the bid promised, in the form of a threshold; it binds where it is stricter. "" when nothing."""
    promised_source: Mapped[str] = mapped_column(String(200), default="")
    tolerance: Mapped[str] = mapped_column(String(40), default="")
    """How far a figure may miss the threshold, in the indicator's unit; "" when the contract gives no tolerance."""
    window: Mapped[Window] = mapped_column(Code(Window), default=Window.PERIOD)
    scope: Mapped[Json] = mapped_column(JsonDocument, default=dict)
    """{"types": [machine types], "sites": [public ids], "organisations": [public ids]}; what is left out is all."""
    clause: Mapped[str] = mapped_column(String(60))
    wording: Mapped[str] = mapped_column(Prose, default="")
    """The clause as the contract has it."""
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    change_order_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("change_order.id"))
    """The change order that brought it in; None when it was agreed from the start."""
    continues_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("requirement.id"))
    """The requirement that it is a changed form of, as that was agreed first; its clause and its ladder go on."""
    contract: Mapped[Contract] = relationship(foreign_keys="Requirement.contract_id", back_populates="requirements")
    change_order: Mapped[ChangeOrder | None] = relationship(back_populates="requirements")
    continues: Mapped["Requirement | None"] = relationship(remote_side="Requirement.id")

    @property
    def origin_id(self) -> int:
        """The number of the requirement as it was agreed first; the same for all its later forms."""
        return self.continues_id or self.id

    def threshold_on(self, day: date) -> str:
        """The threshold in force on a day, without the bid's promise."""
        begun = [step for step in self.steps or [] if date.fromisoformat(step["from"]) <= day]
        return max(begun, key=lambda step: step["from"])["threshold"] if begun else self.threshold


class AssessmentWindow(OfContract, Row):
    """One window of a requirement: what it came to when it closed. Before that, pages compute how it stands."""

    __tablename__ = "assessment_window"
    __table_args__ = (UniqueConstraint("requirement_id", "starts_on", "ends_on"),)

    requirement_id: Mapped[int] = mapped_column(BigId, ForeignKey("requirement.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    judged_at: Mapped[datetime | None] = mapped_column(Moment)
    """When it was judged last; an amended report has it judged again."""
    result: Mapped[str] = mapped_column(String(20), default="")
    """As `FindingResult`, "" before it is judged."""
    figure: Mapped[Json] = mapped_column(JsonDocument, default=dict)
    """{"value", "unit", "numerator", "denominator", "threshold", "shown"}: as it was when it was judged."""
    revisions: Mapped[list[int]] = mapped_column(JsonDocument, default=list)
    """Numbers (`revision.id`) of the accepted revisions that it was judged on."""
    requirement: Mapped[Requirement] = relationship(lazy="joined")


class ClauseForm(StrEnum):
    """What a sanction clause asks for."""

    FEE = "fee"
    """An amount for each breach."""
    DAILY = "daily"
    """An amount for each day, as so many per mille of a base."""


class ClauseCounts(StrEnum):
    """What one breach is, for a fee per breach."""

    PERIOD = "period"
    LINE = "line"


class DailyBase(StrEnum):
    """What the per mille of a daily amount are taken of."""

    VALUE = "value"
    """The contract's value with the change orders in force on the day."""
    SIGNED_VALUE = "signed_value"
    """The contract's value as it was signed."""
    FIXED = "fixed"
    """An amount that the clause names."""


class DailyStart(StrEnum):
    """From when a daily amount runs, before the days of grace."""

    DEADLINE = "deadline"
    """The day after the deadline that was missed."""
    NOTICE = "notice"
    """The day after the notice took effect."""


class SanctionClause(OfContract, Row):
    """What the contract says that a breach costs. Nothing is sanctioned without one."""

    __tablename__ = "sanction_clause"

    requirement_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("requirement.id"))
    form: Mapped[ClauseForm] = mapped_column(Code(ClauseForm), default=ClauseForm.FEE)
    clause: Mapped[str] = mapped_column(String(60))
    wording: Mapped[str] = mapped_column(Prose)
    counts: Mapped[ClauseCounts] = mapped_column(Code(ClauseCounts), default=ClauseCounts.PERIOD)
    warns_first: Mapped[bool] = mapped_column(default=False)
    base: Mapped[DailyBase] = mapped_column(Code(DailyBase), default=DailyBase.VALUE)
    base_amount: Mapped[Decimal | None] = mapped_column(Millionths)
    """The amount that a fixed base names."""
    starts: Mapped[DailyStart] = mapped_column(Code(DailyStart), default=DailyStart.DEADLINE)
    grace_days: Mapped[int] = mapped_column(default=0)
    """Days that cost nothing after the start."""
    day_counting: Mapped[Counting] = mapped_column(Code(Counting), default=Counting.CALENDAR)
    least_per_day: Mapped[Decimal | None] = mapped_column(Millionths)
    cap_days: Mapped[int | None]
    cap_percent: Mapped[Decimal | None] = mapped_column(Millionths)
    """The most it may come to, in percent of the base."""
    contract: Mapped[Contract] = relationship(foreign_keys="SanctionClause.contract_id", back_populates="clauses")
    requirement: Mapped[Requirement | None] = relationship()
    rates: Mapped[list["SanctionRate"]] = relationship(
        back_populates="clause", order_by="SanctionRate.valid_from", lazy="selectin", cascade="all, delete-orphan"
    )


class SanctionRate(OfContract, Row):
    """What a clause costs from a day on: an amount in the contract's currency for a fee, per mille for a day."""

    __tablename__ = "sanction_rate"
    __table_args__ = (UniqueConstraint("clause_id", "valid_from"),)

    clause_id: Mapped[int] = mapped_column(BigId, ForeignKey("sanction_clause.id"), index=True)
    valid_from: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Millionths)
    change_order_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("change_order.id"))
    """The change order that brought it in; None when it was agreed from the start."""
    clause: Mapped[SanctionClause] = relationship(back_populates="rates")
    change_order: Mapped[ChangeOrder | None] = relationship()
