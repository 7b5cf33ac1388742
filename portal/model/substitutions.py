"""Substitutes: who stands in for whom at an organisation, and on which days."""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.model.base import BigId, Moment, Row
from portal.model.people import Membership
from portal.reach import Sight


class Substitution(Row):
    """One member may act in another's roles, on their behalf, from one day to another."""

    __tablename__ = "substitution"

    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    absent_id: Mapped[int] = mapped_column(BigId, ForeignKey("membership.id"), index=True)
    substitute_id: Mapped[int] = mapped_column(BigId, ForeignKey("membership.id"), index=True)
    from_on: Mapped[date] = mapped_column(Date)
    to_on: Mapped[date] = mapped_column(Date)
    """The last day."""
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    """When it was ended before its last day."""
    absent: Mapped[Membership] = relationship(foreign_keys=[absent_id], lazy="joined")
    substitute: Mapped[Membership] = relationship(foreign_keys=[substitute_id], lazy="joined")

    def runs_on(self, day: date) -> bool:
        """Whether somebody stands in on a day: both are members still, and nobody has ended it.

        Whoever is appointed for one case does not act by what they were named for before, nor does anybody for them.
        """
        both = self.absent, self.substitute
        is_theirs = all(each.ended_at is None and each.sight != Sight.CASE for each in both)
        return self.ended_at is None and is_theirs and self.from_on <= day <= self.to_on
