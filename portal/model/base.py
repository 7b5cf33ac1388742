"""Column types and mix-ins that the entities share."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, ForeignKey, Integer, String, Uuid
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from portal import clock, quantities
from portal.extensions import Base

BigId = BigInteger().with_variant(Integer, "sqlite")
"""bigint on PostgreSQL; on SQLite INTEGER, the only type that numbers itself."""

Json = dict[str, Any]
JsonDocument = JSON(none_as_null=True)


NOT_READ_BACK: Mapping[str, Any] = {"implicit_returning": False}
"""Of a table that is written by many who may not read it: the row's number is asked for before it is inserted."""


class Millionths(TypeDecorator[Decimal]):
    """A Decimal kept as whole millionths: exact, summable and alike on both databases (SQLite's NUMERIC is a float)."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """On the way in."""
        return None if value is None else quantities.to_millionths(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """On the way out."""
        return None if value is None else quantities.from_millionths(int(value))


class Moment(TypeDecorator[datetime]):
    """An aware moment in UTC; a naive one is refused, for it could be any zone's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """On the way in."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """On the way out."""
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


class Code(TypeDecorator[StrEnum]):
    """A code of a list, kept as its plain string: a new code needs no migration, and comes back as what it is."""

    impl = String
    cache_ok = True

    def __init__(self, codes: type[StrEnum]) -> None:
        super().__init__(40)
        self.codes = codes

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """On the way in."""
        return None if value is None else self.codes(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        """On the way out."""
        return None if value is None else self.codes(value)


class Row(Base):
    """A table row with a number inside and, for addresses, files and the API, a random public id."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[uuid.UUID] = mapped_column(Uuid, unique=True, default=uuid.uuid4)
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)

    def was_there(self, at: datetime | None) -> bool:
        """Whether it was stored at a moment, one not stored yet never; None: any moment."""
        return at is None or (self.created_at or clock.now()) <= at


class OfContract:
    """A row below a contract carries both parties: visible when the acting organisation is one of them."""

    @property
    def parties(self) -> dict[str, int]:
        """The contract and its two parties, for a new row that belongs to the same contract."""
        return {"contract_id": self.contract_id, "buyer_id": self.buyer_id, "supplier_id": self.supplier_id}

    @declared_attr
    def contract_id(cls) -> Mapped[int]:  # noqa: N805
        """The contract it belongs to."""
        return mapped_column(BigId, ForeignKey("contract.id"), index=True)

    @declared_attr
    def buyer_id(cls) -> Mapped[int]:  # noqa: N805
        """The contract's buyer."""
        return mapped_column(BigId, ForeignKey("organisation.id"), index=True)

    @declared_attr
    def supplier_id(cls) -> Mapped[int]:  # noqa: N805
        """The contract's supplier."""
        return mapped_column(BigId, ForeignKey("organisation.id"), index=True)

    @declared_attr
    def contract(cls) -> Mapped["Contract"]:  # type: ignore[name-defined]  # noqa: F821, N805
        """The contract itself."""
        return relationship("Contract", foreign_keys=[cls.contract_id])  # type: ignore[list-item]


class Held:
    """What has a deadline that a request for more time holds: nobody is late while it waits for the other party."""

    held_until: Mapped[datetime | None] = mapped_column(Moment)
    """The day that was asked for, as long as the request waits for its answer; None when none does."""

    @property
    def is_held(self) -> bool:
        """Whether the deadline is held now: more time was asked for, not answered, and its day is not past."""
        return self.held_until is not None and clock.now() - self.held_until < timedelta(seconds=1)
