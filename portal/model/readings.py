"""What was read: cases, files, exports, members."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import Base
from portal.model.base import BigId, Moment


class Reading(Base):
    """Which person or program read something sensitive, for whom and when: never changed, and forgotten in time."""

    __tablename__ = "read_log"
    __table_args__ = (
        Index("ix_read_log_organisation", "organisation_id", "id"),
        CheckConstraint("(person_id IS NULL) <> (program_id IS NULL)", name="one_reader"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[uuid.UUID] = mapped_column(Uuid, unique=True, default=uuid.uuid4)
    at: Mapped[datetime] = mapped_column(Moment, index=True)
    what: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    program_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("program.id"))
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    through_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("organisation.id"))
    """The head of the group by which they read here; None: the organisation's own."""
    contract_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("contract.id"))
    subject: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(String(36))
    request_id: Mapped[str] = mapped_column(String(40), default="")
