"""What was agreed, and how it went on: contracts, sites, representatives, change orders, pauses, plans, periods."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import calendars
from portal.calendars import Counting, DeadlineRule, Frequency, Moves, Period
from portal.errors import InvalidTransition
from portal.extensions import Base
from portal.model.audit import record
from portal.model.base import BigId, Code, Json, JsonDocument, Millionths, Moment, OfContract, Row
from portal.model.people import Membership, Organisation, Person, Unit
from portal.text import Text

if TYPE_CHECKING:
    from portal.model.terms import Requirement, SanctionClause

MOVED_ON = Text(
    "Kontrakten har endret seg siden du åpnet siden. Les den på nytt.",
    "The contract has changed since you opened the page. Read it again.",
)


class ContractState(StrEnum):
    """Where a contract is."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    """Handed over: no new period opens, the account is due, open cases go on."""
    CLOSED = "closed"
    DISCARDED = "discarded"
    """A draft that was deleted: nobody sees it, what it said is gone, and the trail still has a place to point to."""


_NEXT = {
    ContractState.DRAFT: {ContractState.RUNNING, ContractState.DISCARDED},
    ContractState.RUNNING: {ContractState.PAUSED, ContractState.COMPLETED},
    ContractState.PAUSED: {ContractState.RUNNING, ContractState.COMPLETED},
    ContractState.COMPLETED: {ContractState.RUNNING, ContractState.CLOSED},
    ContractState.CLOSED: set[ContractState](),
    ContractState.DISCARDED: set[ContractState](),
}


class NoticeStart(StrEnum):
    """From when a notice of breach counts as given, and the supplier's time to reply runs."""

    DELIVERED = "delivered"
    """When the recipient's mail server has taken it, or a person has confirmed another delivery."""
    OPENED = "opened"
    """When a person who may answer for the supplier first opens it."""
    DEEMED = "deemed"
    """So many working days after it was sent (`Contract.deemed_working_days`)."""


class Contract(Row):
    """A public contract: two parties, and every choice that its figures, deadlines and sanctions rest on."""

    __tablename__ = "contract"
    __table_args__ = (UniqueConstraint("buyer_id", "reference"),)

    buyer_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    supplier_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    unit_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("unit.id"), index=True)
    """The buyer's agency or department whose contract it is; None: the buyer's as a whole."""
    state: Mapped[ContractState] = mapped_column(Code(ContractState), default=ContractState.DRAFT, index=True)
    version: Mapped[int] = mapped_column(default=1)
    reference: Mapped[str] = mapped_column(String(60))
    """The buyer's own number for it."""
    identifiers: Mapped[list[dict[str, str]]] = mapped_column(JsonDocument, default=list)
    """What it is called elsewhere: {"scheme": "doffin"|"ted"|"procedure"|"case", "value": "…"}."""
    cpv: Mapped[list[str]] = mapped_column(JsonDocument, default=list)
    """Codes of the common procurement vocabulary, eight digits each."""
    title: Mapped[str] = mapped_column(String(200))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    """The last day as agreed, change orders included."""
    handed_over_on: Mapped[date | None]
    value: Mapped[Decimal | None] = mapped_column(Millionths)
    """As signed, without VAT and without change orders, in `currency`."""
    country: Mapped[str] = mapped_column(String(2), default="NO")
    time_zone: Mapped[str] = mapped_column(String(40), default="Europe/Oslo")
    currency: Mapped[str] = mapped_column(String(3), default="NOK")
    kinds: Mapped[list[str]] = mapped_column(JsonDocument)
    counted: Mapped[dict[str, str]] = mapped_column(JsonDocument, default=dict)
    """Carrier -> where its energy counts (`portal.kinds.CountedFrom`), "" for all others; the rest only reconciles."""
    basis: Mapped[dict[str, str]] = mapped_column(JsonDocument)
    """Factor editions, biofuel policy and boundary, as `portal.factors.Basis.dump` writes them."""
    reporting_clause: Mapped[str] = mapped_column(String(60))
    frequency: Mapped[Frequency] = mapped_column(Code(Frequency), default=Frequency.MONTH)
    due_days: Mapped[int] = mapped_column(default=10)
    """Days after the period's last day before the report is due; `due_counting` says which days count."""
    due_counting: Mapped[Counting] = mapped_column(Code(Counting), default=Counting.WORKING)
    due_moves: Mapped[Moves] = mapped_column(Code(Moves), default=Moves.FORWARD)
    due_time: Mapped[str] = mapped_column(String(5), default="")
    """Local time on the last day, «HH:MM»; "" is the end of the day."""
    reply_working_days: Mapped[int] = mapped_column(default=10)
    notice_starts: Mapped[NoticeStart] = mapped_column(Code(NoticeStart), default=NoticeStart.DELIVERED)
    deemed_working_days: Mapped[int] = mapped_column(default=0)
    notice_working_days: Mapped[int | None]
    """Working days from knowledge of a breach in which the buyer must give notice; None: the contract sets no limit."""
    unattended_review: Mapped[bool] = mapped_column(default=False)
    """Whether a report without breach or warning may be approved without a person."""

    buyer: Mapped[Organisation] = relationship(foreign_keys=[buyer_id], lazy="joined")
    supplier: Mapped[Organisation] = relationship(foreign_keys=[supplier_id], lazy="joined")
    unit: Mapped[Unit | None] = relationship()
    sites: Mapped[list["Site"]] = relationship(lazy="selectin", order_by="Site.id", back_populates="contract")
    requirements: Mapped[list["Requirement"]] = relationship(back_populates="contract", order_by="Requirement.id")
    clauses: Mapped[list["SanctionClause"]] = relationship(back_populates="contract", order_by="SanctionClause.id")
    representatives: Mapped[list["Representative"]] = relationship(
        order_by="Representative.id", back_populates="contract"
    )
    change_orders: Mapped[list["ChangeOrder"]] = relationship(order_by="ChangeOrder.id", back_populates="contract")
    pauses: Mapped[list["Pause"]] = relationship(order_by="Pause.starts_on", back_populates="contract")
    planned: Mapped[list["PlannedFigure"]] = relationship(order_by="PlannedFigure.id", back_populates="contract")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form

    @property
    def parties(self) -> dict[str, int]:
        """The contract and its two parties, for a new row that belongs to it."""
        return {"contract_id": self.id, "buyer_id": self.buyer_id, "supplier_id": self.supplier_id}

    @property
    def site(self) -> str:
        """Where the work is done, in one line."""
        return ", ".join(site.name for site in self.sites)

    @property
    def due_rule(self) -> DeadlineRule:
        """How the deadline of a report follows from its period's last day."""
        return DeadlineRule(self.due_days, self.due_counting, self.due_moves, self.due_time)

    @property
    def paused_days(self) -> list[Period]:
        """The stretches of days on which no period is open; a pause that still goes on has no last day."""
        return [Period(pause.starts_on, pause.ends_on or date.max) for pause in self.pauses]

    def value_on(self, day: date, known_at: datetime | None = None) -> Decimal | None:
        """The value with the change orders in force on a day; None when no value is agreed.

        `known_at`: with those only that had been entered at that moment.
        """
        if self.value is None:
            return None
        orders = [each for each in self.change_orders if each.from_on <= day and each.was_there(known_at)]
        return self.value + sum((each.value_change for each in orders), Decimal(0))

    def representatives_of(self, organisation_id: int, day: date) -> list["Representative"]:
        """Whom one party has named on a day, the first named first."""
        return [
            each
            for each in self.representatives
            if each.organisation_id == organisation_id
            and each.from_on <= day
            and (each.to_on is None or day <= each.to_on)
        ]

    def requirements_on(self, day: date) -> list["Requirement"]:
        """The requirements in force on a day."""
        return [
            duty
            for duty in self.requirements
            if duty.valid_from <= day and (duty.valid_to is None or day <= duty.valid_to)
        ]

    def clause_for(self, requirement: "Requirement", known_at: datetime | None = None) -> "SanctionClause | None":
        """The sanction clause that a breach of `requirement` falls under: its own before the general one.

        What a change order put in the place of another requirement has the clause that the other one had. `known_at`:
        the one that it fell under by what had been entered at that moment. A case's own clause: `operations.told`.
        """
        known = [clause for clause in self.clauses if clause.was_there(known_at)]
        own = [clause for clause in known if clause.requirement_id == requirement.origin_id]
        general = [clause for clause in known if clause.requirement_id is None]
        return next(iter(own + general), None)

    def move(self, state: ContractState, *, by: Membership | None, reason: str = "", **facts: object) -> None:
        """The one place where a contract changes state, with its trail."""
        if state not in _NEXT[self.state]:
            raise InvalidTransition(MOVED_ON)
        before, self.state = self.state, state
        record(self, f"contract.{state}", by=by, reason=reason, before=str(before), **facts)


class Site(OfContract, Row):
    """A place where the work of a contract is done."""

    __tablename__ = "site"

    name: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(200), default="")
    contract: Mapped[Contract] = relationship(foreign_keys="Site.contract_id", back_populates="sites")


class NamedContract(OfContract, Row):
    """A contract that somebody who is limited to named ones sees."""

    __tablename__ = "named_contract"
    __table_args__ = (UniqueConstraint("membership_id", "contract_id"),)

    membership_id: Mapped[int] = mapped_column(BigId, ForeignKey("membership.id"), index=True)


class Representative(OfContract, Row):
    """Whom a party has named to give and receive notices; not everybody so named signs in here."""

    __tablename__ = "representative"

    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    person_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"))
    name: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(120), default="")
    email: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(2), default="nb")
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    person: Mapped[Person | None] = relationship()
    organisation: Mapped[Organisation] = relationship(foreign_keys=[organisation_id], lazy="joined")
    contract: Mapped[Contract] = relationship(
        foreign_keys="Representative.contract_id", back_populates="representatives"
    )


class ChangeOrder(OfContract, Row):
    """An agreed change: of value, of duration, of requirements from a day. Nothing is rewritten; it adds."""

    __tablename__ = "change_order"
    __table_args__ = (UniqueConstraint("contract_id", "reference"),)

    reference: Mapped[str] = mapped_column(String(60))
    agreed_on: Mapped[date]
    from_on: Mapped[date]
    """The day from which it is in force."""
    reason: Mapped[str] = mapped_column(Prose)
    value_change: Mapped[Decimal] = mapped_column(Millionths, default=Decimal(0))
    new_ends_on: Mapped[date | None]
    old_ends_on: Mapped[date | None]
    contract: Mapped[Contract] = relationship(foreign_keys="ChangeOrder.contract_id", back_populates="change_orders")
    requirements: Mapped[list["Requirement"]] = relationship(back_populates="change_order")


class Pause(OfContract, Row):
    """Days on which the work stands still: no reporting period covers them."""

    __tablename__ = "pause"

    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    """The last day of it; None while it goes on."""
    reason: Mapped[str] = mapped_column(Prose)
    contract: Mapped[Contract] = relationship(foreign_keys="Pause.contract_id", back_populates="pauses")


class FigureOrigin(StrEnum):
    """Where a planned figure comes from."""

    BID = "bid"
    PLAN = "plan"
    BUDGET = "budget"
    """The buyer's own climate budget."""


class PlannedFigure(OfContract, Row):
    """What a bid, a plan or a budget said that an indicator would come to over the whole contract."""

    __tablename__ = "planned_figure"
    __table_args__ = (
        UniqueConstraint("contract_id", "origin", "kind", "indicator", "report_id"),
        # NULL is like no other NULL: what people enter needs a rule of its own.
        Index(
            "uq_planned_figure_entered",
            "contract_id",
            "origin",
            "kind",
            "indicator",
            unique=True,
            sqlite_where=text("report_id IS NULL"),
            postgresql_where=text("report_id IS NULL"),
        ),
    )

    origin: Mapped[FigureOrigin] = mapped_column(Code(FigureOrigin))
    kind: Mapped[str] = mapped_column(String(40))
    indicator: Mapped[str] = mapped_column(String(60))
    amount: Mapped[Decimal] = mapped_column(Millionths)
    unit: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(200))
    """The document that says so."""
    report_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("report.id"))
    """The plan that it was noted from when it was approved; None when a person entered it."""
    contract: Mapped[Contract] = relationship(foreign_keys="PlannedFigure.contract_id", back_populates="planned")


class PeriodPurpose(StrEnum):
    """What a period's report is for."""

    REGULAR = "regular"
    PLAN = "plan"
    """Once, after the start: how the requirements will be met."""
    ACCOUNT = "account"
    """Once, at handover: the account of the whole contract."""


class ReportingPeriod(OfContract, Row):
    """A stretch of days to report on: it opens, is due at a moment, and may turn overdue."""

    __tablename__ = "reporting_period"
    __table_args__ = (
        Index(
            "uq_reporting_period_begins",
            "contract_id",
            "purpose",
            "starts_on",
            unique=True,
            sqlite_where=text("purpose <> 'account'"),
            postgresql_where=text("purpose <> 'account'"),
        ),
        # Each handover has an account of the whole contract: they begin on the same day.
        Index(
            "uq_reporting_period_account",
            "contract_id",
            "ends_on",
            unique=True,
            sqlite_where=text("purpose = 'account'"),
            postgresql_where=text("purpose = 'account'"),
        ),
    )

    purpose: Mapped[PeriodPurpose] = mapped_column(Code(PeriodPurpose), default=PeriodPurpose.REGULAR)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    opens_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime] = mapped_column(Moment)
    """The deadline as the contract's rule gives it; one that was extended stands on the report."""
    contract: Mapped[Contract] = relationship(foreign_keys="ReportingPeriod.contract_id")

    @property
    def name(self) -> Text:
        """What people call it: «oktober 2026», «12.–31. mars 2026», «sluttregnskapet»."""
        return _ONCE.get(self.purpose) or calendars.period_name(Period(self.starts_on, self.ends_on))


_ONCE = {
    PeriodPurpose.PLAN: Text("planen etter oppstart", "the plan after the start"),
    PeriodPurpose.ACCOUNT: Text("sluttregnskapet", "the final account"),
}


class KindVersion(Base):
    """A kind's whole description as it was when first used, so that old reports can be read and recomputed."""

    __tablename__ = "kind_version"

    content_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(40))
    document: Mapped[Json] = mapped_column(JsonDocument)
    created_at: Mapped[datetime] = mapped_column(Moment)
