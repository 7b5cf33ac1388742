"""What leaves the portal and what comes in as files: stored with the change that caused it, handled by jobs after."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, Uuid, text
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.model.base import NOT_READ_BACK, BigId, Code, Json, JsonDocument, Moment, OfContract, Row
from portal.model.people import Membership
from portal.model.reports import Report


class MailState(StrEnum):
    """How far a letter has come. `kept`: no mail server is set, the portal itself shows it."""

    QUEUED = "queued"
    SENT = "sent"
    KEPT = "kept"
    FAILED = "failed"


class OutgoingMail(Row):
    """One letter in the outbox. Letters about a contract carry it; letters about an account do not."""

    __tablename__ = "outgoing_mail"
    __table_args__ = NOT_READ_BACK

    contract_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("contract.id"), index=True)
    buyer_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    supplier_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    letter: Mapped[str] = mapped_column(String(40))
    for_buyer: Mapped[bool]
    for_supplier: Mapped[bool]
    """Whose people may read it afterwards: a letter within one side is none of the other's business."""
    to_address: Mapped[str] = mapped_column(String(254))
    is_secret: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether it holds what opens a door: then its words are forgotten once it has gone, and nobody may read them."""
    subject: Mapped[str] = mapped_column(String(300))
    body: Mapped[str] = mapped_column(Prose)
    state: Mapped[MailState] = mapped_column(Code(MailState), default=MailState.QUEUED, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_at: Mapped[datetime | None] = mapped_column(Moment)
    """When somebody began to send it: two never send one letter at the same time."""
    sent_at: Mapped[datetime | None] = mapped_column(Moment)
    error: Mapped[str] = mapped_column(String(500), default="")
    notice_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("notice.id"))
    sanction_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("sanction.id"))
    word_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    """The word on marks that it tells of: `Ruling.word_id`."""


class ImportState(StrEnum):
    """How far an uploaded workbook has come. `faulty`: some rows are wrong; `refused`: nothing of it can be taken."""

    WAITING = "waiting"
    READY = "ready"
    FAULTY = "faulty"
    REFUSED = "refused"
    STORED = "stored"


class ImportStep(StrEnum):
    """What is being done with a workbook that waits."""

    QUEUED = "queued"
    OPENING = "opening"
    CHECKING = "checking"
    COMPARING = "comparing"


class ImportedFile(OfContract, Row):
    """An uploaded workbook: kept with its hash, read by a job, and stored in the draft only after a person's yes."""

    __tablename__ = "imported_file"

    report_id: Mapped[int] = mapped_column(BigId, ForeignKey("report.id"), index=True)
    uploaded_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("membership.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    size: Mapped[int] = mapped_column(BigId)
    state: Mapped[ImportState] = mapped_column(Code(ImportState), default=ImportState.WAITING)
    step: Mapped[ImportStep] = mapped_column(
        Code(ImportStep), default=ImportStep.QUEUED, server_default=ImportStep.QUEUED
    )
    rows_checked: Mapped[int] = mapped_column(default=0, server_default="0")
    rows_found: Mapped[int] = mapped_column(default=0, server_default="0")
    result: Mapped[Json] = mapped_column(JsonDocument, default=dict, deferred=True)
    """Once read, what `operations.comparing` says of it: large, and loaded only where it is looked at."""
    report: Mapped[Report] = relationship()
    uploaded_by: Mapped[Membership] = relationship()
