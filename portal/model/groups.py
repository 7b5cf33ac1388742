"""Groups of buyers: a county that reads what its municipalities have, a municipality that reads its companies."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.model.base import BigId, Moment, Row
from portal.model.people import Organisation


class GroupMember(Row):
    """One buyer whose contracts are read by those who only read at another, the head of its group."""

    __tablename__ = "group_member"
    __table_args__ = (
        Index(
            "uq_group_member_now",
            "head_id",
            "organisation_id",
            unique=True,
            sqlite_where=text("left_at IS NULL"),
            postgresql_where=text("left_at IS NULL"),
        ),
    )

    head_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    """Who is read."""
    left_at: Mapped[datetime | None] = mapped_column(Moment)
    head: Mapped[Organisation] = relationship(foreign_keys=[head_id], lazy="joined")
    organisation: Mapped[Organisation] = relationship(foreign_keys=[organisation_id], lazy="joined")
