"""What goes with a signature: the reasons given for warnings before it, and taking it back after it."""

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.model.base import BigId, OfContract, Row
from portal.model.people import Person
from portal.model.reports import Report
from portal.model.revisions import Revision


class Explanation(OfContract, Row):
    """What the supplier says of one warning while the report is a draft; passed over when the warning is gone."""

    __tablename__ = "explanation"
    __table_args__ = (UniqueConstraint("report_id", "kind", "rule", "line_key", "field", "said"),)

    report_id: Mapped[int] = mapped_column(BigId, ForeignKey("report.id"))
    kind: Mapped[str] = mapped_column(String(40))
    rule: Mapped[str] = mapped_column(String(80))
    line_key: Mapped[str] = mapped_column(String(36))
    field: Mapped[str] = mapped_column(String(60))
    said: Mapped[str] = mapped_column(String(16), server_default="")
    """Digest of what the warning said; empty for what was written before it was kept."""
    text: Mapped[str] = mapped_column(Prose)
    written_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    report: Mapped[Report] = relationship(back_populates="explanations")


class Withdrawal(OfContract, Row):
    """A submitted revision taken back by the supplier before its review began. The revision stays as it was signed."""

    __tablename__ = "withdrawal"

    revision_id: Mapped[int] = mapped_column(BigId, ForeignKey("revision.id"), unique=True)
    withdrawn_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(Prose, default="")
    withdrawn_by: Mapped[Person] = relationship(lazy="joined")
    revision: Mapped[Revision] = relationship(back_populates="withdrawal")
