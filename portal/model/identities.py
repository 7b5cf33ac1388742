"""By whose word persons come in: what a provider calls them, and which of their sessions began there."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, Uuid
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import Base
from portal.model.base import BigId, Moment, Row
from portal.model.people import Person


class Identity(Row):
    """What one provider calls a person: issuer and subject together, and nothing else, say who it is."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    used_at: Mapped[datetime] = mapped_column(Moment)
    person: Mapped[Person] = relationship(lazy="joined")


class ProviderSession(Base):
    """A session that began at a provider: what it takes to end it there, or from there. It goes with the session."""

    __tablename__ = "provider_session"

    session_id: Mapped[uuid.UUID] = mapped_column(
        Uuid, ForeignKey("web_session.public_id", ondelete="CASCADE"), primary_key=True
    )
    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("identity.id", ondelete="CASCADE"), index=True)
    sid: Mapped[str] = mapped_column(String(255), default="", index=True)
    """What the provider calls the session, if it calls it anything."""
    id_token: Mapped[str] = mapped_column(Prose)
    """Sealed: it names the person. It lasts as long as the session, so no change of the secret key seals it anew."""
