"""More time: asked for by the supplier before a deadline, granted or refused by the buyer."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, true
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.errors import InvalidTransition
from portal.model.audit import record
from portal.model.base import BigId, Code, Moment, OfContract, Row
from portal.model.cases import Deviation
from portal.model.people import Membership, Person
from portal.model.reports import Report
from portal.text import Text

ANSWERED = Text("Søknaden om utsettelse er allerede besvart.", "The request for more time has already been answered.")

CAME_FIRST = Text(
    "Det trengs ikke lenger noe svar: rapporten kom før søknaden ble besvart, eller skal ikke leveres.",
    "No answer is needed any more: the report came before the request was answered, or is not to be filed.",
)

ANSWERED_TOO_LATE = Text(
    "Søknaden kan ikke lenger besvares: dagen det ble søkt om tid til, er forbi. Dagene til og med den teller ikke.",
    "The request can no longer be answered: the day that time was asked for until is past. Days up to it do not count.",
)


class ExtensionState(StrEnum):
    """Where a request for more time is."""

    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
    LAPSED = "lapsed"
    """What more time was asked for came before the answer did."""
    UNANSWERED = "unanswered"
    """The day that was wished for came before the answer did: until then nothing was late, from then on it is."""


class ExtensionRequest(OfContract, Row):
    """A request for more time with a report or with a reply: exactly one of the two."""

    __tablename__ = "extension_request"

    report_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("report.id"), index=True)
    deviation_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("deviation.id"), index=True)
    state: Mapped[ExtensionState] = mapped_column(Code(ExtensionState), default=ExtensionState.ASKED, index=True)
    asked_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(Prose)
    due_at: Mapped[datetime] = mapped_column(Moment)
    """The deadline as it was when more time was asked for."""
    wished_until: Mapped[datetime] = mapped_column(Moment)
    holds: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether the deadline waits for the answer. Who has got a no and asks again waits at their own risk."""
    granted_until: Mapped[datetime | None] = mapped_column(Moment)
    answer: Mapped[str] = mapped_column(Prose, default="")
    answered_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"))
    answered_at: Mapped[datetime | None] = mapped_column(Moment)
    """When it was answered, or ended without an answer: from then on it keeps nobody waiting."""
    chased_at: Mapped[datetime | None] = mapped_column(Moment)
    """When the buyer was last reminded that it waits for an answer."""
    report: Mapped[Report | None] = relationship()
    deviation: Mapped[Deviation | None] = relationship()
    asked_by: Mapped[Person] = relationship(foreign_keys=[asked_by_id], lazy="joined")
    answered_by: Mapped[Person | None] = relationship(foreign_keys=[answered_by_id], lazy="joined")

    @property
    def subject(self) -> Report | Deviation:
        """What more time is asked for: a report, or the case whose reply it is."""
        subject = self.report or self.deviation
        if subject is None:
            raise ValueError(f"request {self.public_id} is about nothing")
        return subject

    @property
    def is_over(self) -> bool:
        """Whether the day that was wished for is past."""
        return clock.now() >= self.wished_until

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for an answer that can still be given."""
        return self.state == ExtensionState.ASKED and not self.is_over

    def demand_open(self) -> None:
        """Raise InvalidTransition when it has been answered, or it is too late to."""
        if self.state == ExtensionState.LAPSED:
            raise InvalidTransition(CAME_FIRST)
        if self.state == ExtensionState.UNANSWERED:
            raise InvalidTransition(ANSWERED_TOO_LATE)
        if self.state != ExtensionState.ASKED:
            raise InvalidTransition(ANSWERED)

    def move(self, state: ExtensionState, *, by: Membership | None, reason: str = "", **facts: object) -> None:
        """Answer it, once, with the trail."""
        self.demand_open()
        self.state = state
        record(self, f"extension.{state}", by=by, reason=reason, **facts)
