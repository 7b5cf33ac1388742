"""Running BPMN processes as rows: which diagram, where it stands, when its next timer is due, and who must act."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import Base
from portal.model.base import BigId, JsonDocument, Moment, OfContract, Row
from portal.model.people import Membership, Person


class ProcessDefinition(Base):
    """A diagram with its decision tables, kept once under the hash of its text; a running process keeps its own."""

    __tablename__ = "process_definition"

    content_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    files: Mapped[dict[str, str]] = mapped_column(JsonDocument)
    created_at: Mapped[datetime] = mapped_column(Moment)


class Process(OfContract, Row):
    """One running (or ended) process. `state` says only where it stands; what happened is in the audit trail."""

    __tablename__ = "process"
    __table_args__ = (Index("ix_process_subject", "subject", "subject_id"),)

    definition_hash: Mapped[str] = mapped_column(String(64), ForeignKey("process_definition.content_hash"))
    subject: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int] = mapped_column(BigId)
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    due_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    """The next timer, boundary or behind an event gateway; None when none is set."""
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    states: Mapped[dict[str, str]] = mapped_column(JsonDocument, default=dict)
    """Element or flow id -> "active", "waiting" or "done": the picture of where the case stands."""
    definition: Mapped[ProcessDefinition] = relationship()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class HumanTask(OfContract, Row):
    """A user task that waits, or waited, for a person: the work lists are these rows."""

    __tablename__ = "human_task"
    __table_args__ = (
        Index("ix_human_task_buyer_open", "buyer_id", "element", "closed_at", "due_at", "id"),
        Index("ix_human_task_supplier_open", "supplier_id", "element", "closed_at", "due_at", "id"),
        Index("ix_human_task_subject", "subject", "subject_id"),
    )

    process_id: Mapped[int] = mapped_column(BigId, ForeignKey("process.id"), index=True)
    engine_task: Mapped[str] = mapped_column(String(36))
    element: Mapped[str] = mapped_column(String(60))
    lane: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int] = mapped_column(BigId)
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
    closed_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"))
    closed_by: Mapped[Person | None] = relationship(lazy="joined")
    process: Mapped[Process] = relationship()

    def close(self, moment: datetime, by: Membership | None) -> None:
        """The step is done (or its process moved past it)."""
        self.closed_at = moment
        self.closed_by_id = by.person_id if by else None
