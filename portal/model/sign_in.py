"""How persons come in: their sessions, the trail of who tried, and the secrets that work once."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.extensions import Base
from portal.model.base import BigId, Code, Json, JsonDocument, Moment


class SignInMethod(StrEnum):
    """How a person showed who they are.

    `code`, `recovery_code` and `set_up_code` come after a password. `persona`: by one click, in the demo only.
    """

    PASSWORD = "password"  # noqa: S105 - the name of a method
    CODE = "code"
    RECOVERY_CODE = "recovery_code"
    SET_UP_CODE = "set_up_code"
    PASSKEY = "passkey"
    PROVIDER = "provider"
    PERSONA = "persona"


class WebSession(Base):
    """One signed-in browser. The cookie holds a random id; only its hash is stored, so the table opens no door."""

    __tablename__ = "web_session"

    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    public_id: Mapped[uuid.UUID] = mapped_column(Uuid, unique=True, default=uuid.uuid4)
    person_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    method: Mapped[SignInMethod] = mapped_column(
        Code(SignInMethod), default=SignInMethod.PASSWORD, server_default=SignInMethod.PASSWORD
    )
    strong_at: Mapped[datetime | None] = mapped_column(Moment)
    """When the person last showed a second factor, or came in by what is one; None: by a password alone."""
    browser: Mapped[str] = mapped_column(String(80), default="", server_default="")
    """Which browser and system it says it is, in words; for its owner to know it by."""
    confirmed_at: Mapped[datetime] = mapped_column(Moment)
    """When the person last showed who they are by all that they have: at sign-in, or before something grave."""
    data: Mapped[Json] = mapped_column(JsonDocument, default=dict)
    created_at: Mapped[datetime] = mapped_column(Moment)
    seen_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)


class AttemptKind(StrEnum):
    """What was tried: to come in, to show the second factor, to get a letter that opens a door."""

    SIGN_IN = "sign_in"
    SECOND_FACTOR = "second_factor"
    RESET = "reset"
    NEW_EMAIL = "new_email"


class SignInAttempt(Base):
    """Append-only trail of who tried to come in, from where, and how it went."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        Index("ix_sign_in_attempt_email_at", "email", "at"),
        Index("ix_sign_in_attempt_address_at", "address", "at"),
        Index("ix_sign_in_attempt_domain_at", "domain", "at"),
        Index("ix_sign_in_attempt_person_id_at", "person_id", "at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, index=True)
    kind: Mapped[AttemptKind] = mapped_column(
        Code(AttemptKind), default=AttemptKind.SIGN_IN, server_default=AttemptKind.SIGN_IN
    )
    email: Mapped[str] = mapped_column(String(254))
    domain: Mapped[str] = mapped_column(String(254), default="", server_default="")
    """What the e-mail ends in: attempts on one organisation are counted by it."""
    person_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"))
    """Whose e-mail it was then; None: nobody's."""
    address: Mapped[str] = mapped_column(String(45))
    succeeded: Mapped[bool]
    method: Mapped[SignInMethod] = mapped_column(
        Code(SignInMethod), default=SignInMethod.PASSWORD, server_default=SignInMethod.PASSWORD
    )


class OneTimePurpose(StrEnum):
    """What a secret that was sent to somebody may be used for, and for nothing else."""

    INVITATION = "invitation"
    NEW_EMAIL = "new_email"
    PASSKEY = "passkey"
    RESET = "reset"
    SET_UP = "set_up"


class OneTimeSecret(Base):
    """A secret that was sent by mail or given by another person. Only its hash is kept.

    It works once, for one purpose, until it runs out.
    """

    __tablename__ = "one_time_secret"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[OneTimePurpose] = mapped_column(Code(OneTimePurpose))
    subject: Mapped[str] = mapped_column(String(80), index=True)
    """Whose it is: a person's or an invitation's public id."""
    stamp: Mapped[str] = mapped_column(String(64))
    """What it was made for as it was then, such as an address and the password in use: changed, it is void."""
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Moment)
