"""Programs that read for an organisation."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.errors import InvalidTransition
from portal.model.audit import record
from portal.model.base import BigId, Moment, Row
from portal.model.people import Organisation
from portal.text import Text

ENDED = Text("Programmet er sagt opp fra før.", "The program was ended already.")


class Program(Row):
    """A program that an organisation lets read what is its own, known by its client at Maskinporten."""

    __tablename__ = "program"

    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    client_id: Mapped[str] = mapped_column(String(100), default="")
    """Empty: any client of the organisation that holds the scope."""
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    organisation: Mapped[Organisation] = relationship(lazy="joined")

    def end(self) -> None:
        """It may read no more. Raises InvalidTransition when that is so already."""
        if self.ended_at is not None:
            raise InvalidTransition(ENDED)
        self.ended_at = clock.now()
        record(self, "program.ended", by=None)
