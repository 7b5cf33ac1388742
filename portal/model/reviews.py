"""What reviewers say of a report while they read it, and who is reading it now.

There is no `Report.comments` on purpose: comments are read through `operations.comments`, which knows who may see what.
"""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, Uuid
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.extensions import Base
from portal.model.base import BigId, Code, Moment, OfContract, Row
from portal.model.people import Person
from portal.model.revisions import Revision


class CommentCategory(StrEnum):
    """What a comment is for: to be answered, to be corrected, or for the buyer's own people."""

    QUESTION = "question"
    MUST = "must"
    INTERNAL = "internal"


class Comment(OfContract, Row):
    """A reviewer's remark on a value, a line (no field), a part of the report (no line) or all of it (no kind)."""

    __tablename__ = "comment"
    __table_args__ = (Index("ix_comment_report_id_id", "report_id", "id"),)

    report_id: Mapped[int] = mapped_column(BigId, ForeignKey("report.id"))
    revision_id: Mapped[int] = mapped_column(BigId, ForeignKey("revision.id"), index=True)
    category: Mapped[CommentCategory] = mapped_column(Code(CommentCategory))
    kind: Mapped[str] = mapped_column(String(40), default="")
    line_key: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    field: Mapped[str] = mapped_column(String(60), default="")
    text: Mapped[str] = mapped_column(Prose)
    written_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    set_aside_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"))
    """Another reviewer who finds that it need not be corrected; then it goes nowhere."""
    told_at: Mapped[datetime | None] = mapped_column(Moment)
    """When a decision told it to the supplier. None: only the buyer may see it."""
    reply: Mapped[str] = mapped_column(Prose, default="")
    replied_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"))
    replied_at: Mapped[datetime | None] = mapped_column(Moment)
    written_by: Mapped[Person] = relationship(foreign_keys=[written_by_id], lazy="joined")
    set_aside_by: Mapped[Person | None] = relationship(foreign_keys=[set_aside_by_id], lazy="joined")
    replied_by: Mapped[Person | None] = relationship(foreign_keys=[replied_by_id], lazy="joined")
    revision: Mapped[Revision] = relationship()

    @property
    def is_for_supplier(self) -> bool:
        """Whether the decision will tell it, or has told it, to the supplier."""
        return self.category != CommentCategory.INTERNAL and self.set_aside_by_id is None

    @property
    def must_be_corrected(self) -> bool:
        """Whether it stands in the way of an approval."""
        return self.category == CommentCategory.MUST and self.set_aside_by_id is None


class Claim(OfContract, Base):
    """Somebody has opened a report's review. No lock: others are told, and their «next» passes it by."""

    __tablename__ = "claim"
    __table_args__ = (UniqueConstraint("report_id", "person_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    report_id: Mapped[int] = mapped_column(BigId, ForeignKey("report.id"))
    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    since: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    seen_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    person: Mapped[Person] = relationship(lazy="joined")
