"""Outsiders: who is appointed from outside to decide one case, by whom and why, and until when."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.model.audit import record
from portal.model.base import BigId, Moment, OfContract, Row
from portal.model.cases import Deviation
from portal.model.invitations import Invitation, InvitationState
from portal.model.people import Membership
from portal.reach import Sight


class Appointment(OfContract, Row):
    """One person from outside the buyer may act in one case, in the role of the invitation, until the case is over."""

    __tablename__ = "appointment"

    deviation_id: Mapped[int] = mapped_column(BigId, ForeignKey("deviation.id"), index=True)
    invitation_id: Mapped[int] = mapped_column(BigId, ForeignKey("invitation.id"), unique=True)
    membership_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("membership.id"), index=True)
    """Who took it on; None: nobody yet."""
    reason: Mapped[str] = mapped_column(Prose)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    deviation: Mapped[Deviation] = relationship(back_populates="appointments", lazy="joined")
    invitation: Mapped[Invitation] = relationship(lazy="joined")
    membership: Mapped[Membership | None] = relationship(lazy="joined")

    @property
    def is_open(self) -> bool:
        """Whether somebody acts by it, or may yet take it on."""
        waits = self.invitation.state in {InvitationState.WAITING, InvitationState.LAPSED}
        return self.ended_at is None and (self.membership_id is not None or waits)

    def take_on(self, membership: Membership) -> None:
        """Whoever was invited has come."""
        self.membership, membership.sight, membership.unit = membership, Sight.CASE, None
        record(self, "appointment.taken_on", by=membership, roles=sorted(self.invitation.roles))

    def end(self, *, by: Membership | None) -> None:
        """From now on nobody acts by it: the membership that was for this case alone ends, or the invitation."""
        self.ended_at = clock.now()
        if self.membership is None:
            self.invitation.withdrawn_at = self.invitation.withdrawn_at or self.ended_at
        elif self.membership.sight == Sight.CASE:
            self.membership.ended_at = self.ended_at
        record(self, "appointment.ended", by=by)
