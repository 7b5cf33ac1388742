"""Invitations: who may become a member of an organisation, in which roles, and until when."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.model.base import BigId, JsonDocument, Moment, Row
from portal.model.people import Membership, Organisation, Role


class InvitationState(StrEnum):
    """How far an invitation has come."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class Invitation(Row):
    """Whoever has this address may join the organisation, once, until it runs out."""

    __tablename__ = "invitation"

    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    email: Mapped[str] = mapped_column(String(254), index=True)
    language: Mapped[str] = mapped_column(String(2), default="nb")
    role_codes: Mapped[list[str]] = mapped_column(JsonDocument)
    invited_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("membership.id"))
    """None: the operator, on the command line."""
    sent_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    accepted_at: Mapped[datetime | None] = mapped_column(Moment)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Moment)
    organisation: Mapped[Organisation] = relationship(lazy="joined")
    invited_by: Mapped[Membership | None] = relationship()

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that whoever accepts will have."""
        return frozenset(Role(code) for code in self.role_codes)

    @property
    def state(self) -> InvitationState:
        """How far it has come by now."""
        if self.accepted_at is not None:
            return InvitationState.ACCEPTED
        if self.withdrawn_at is not None:
            return InvitationState.WITHDRAWN
        return InvitationState.WAITING if clock.now() < self.expires_at else InvitationState.LAPSED
