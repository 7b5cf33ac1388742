"""What a person has besides a password: an app that makes codes, codes on paper for when it is gone, and passkeys."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.extensions import Base
from portal.model.base import BigId, Moment, Row
from portal.model.people import Person


class Authenticator(Base):
    """The app that makes a person's codes. Its secret is sealed, and no code works twice."""

    __tablename__ = "authenticator"

    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"), primary_key=True)
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary(200))
    last_step: Mapped[int] = mapped_column(BigId)
    """The step of the last code that was used: this and earlier ones are refused."""
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    person: Mapped[Person] = relationship(back_populates="authenticator")


class RecoveryCode(Base):
    """A code that stands in for the app, once. It has 120 random bits, so a plain hash of it gives nothing away."""

    __tablename__ = "recovery_code"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    used_at: Mapped[datetime | None] = mapped_column(Moment)


class Passkey(Row):
    """A key that a device made for this portal and that signs its owner in. Its secret half never leaves it."""

    __tablename__ = "passkey"

    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(2000))
    sign_count: Mapped[int] = mapped_column(BigId)
    """How often the device said that it was used: a copy of it would count behind. 0: it does not count."""
    name: Mapped[str] = mapped_column(String(60))
    last_used_at: Mapped[datetime | None] = mapped_column(Moment)
