"""What somebody has to do with a supplier or a contract, and that keeps them from deciding there."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.model.base import BigId, Moment, Row
from portal.model.people import Person


class Interest(Row):
    """A person's own word that they are not impartial: in one contract, or in all that a supplier has.

    It is the person's, whomever they act for; `buyer_id` says for whom they acted when they declared it.
    """

    __tablename__ = "interest"

    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"), index=True)
    buyer_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    supplier_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    contract_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("contract.id"), index=True)
    """None: every contract of the supplier."""
    words: Mapped[str] = mapped_column(Prose)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    person: Mapped[Person] = relationship(lazy="joined")
