"""The buyer's word on a mark: whether what the supplier says is a trade secret is one (offentleglova § 13)."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint, Uuid
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.errors import InvalidTransition
from portal.model.audit import record
from portal.model.base import BigId, Code, Moment, OfContract, Row
from portal.model.people import Membership, Person
from portal.model.revisions import Revision
from portal.text import Text

NOT_NOW = Text(
    "Dere kan ikke protestere på dette merket nå: Enten er det i kraft, eller så har dere alt skrevet hva dere mener.",
    "You cannot object to this now: either it is in force, or you have already written what you hold of it.",
)


class RulingState(StrEnum):
    """What the buyer holds of a mark, and whether the supplier has answered."""

    UPHELD = "upheld"
    LIFTED = "lifted"
    """It is lifted from `takes_effect_at`; while that is None, nobody of the supplier has been told."""
    OBJECTED = "objected"
    """It was to be lifted, and the supplier has objected: the mark stands until the buyer has answered."""


class Ruling(OfContract, Row):
    """What the buyer holds of one mark of one signed revision. A mark without one stands."""

    __tablename__ = "ruling"
    __table_args__ = (UniqueConstraint("revision_id", "kind", "field"),)

    revision_id: Mapped[int] = mapped_column(BigId, ForeignKey("revision.id"))
    kind: Mapped[str] = mapped_column(String(40))
    field: Mapped[str] = mapped_column(String(60))
    """The key of a field, or "files", as `Section.secrets` has it."""
    state: Mapped[RulingState] = mapped_column(Code(RulingState))
    reason: Mapped[str] = mapped_column(Prose)
    ruled_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    ruled_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    takes_effect_at: Mapped[datetime | None] = mapped_column(Moment)
    """From when a lifted mark no longer holds; None while it stands, or the supplier has not been told."""
    word_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    """One for all marks that were judged in one breath: by it their letters are known."""
    objection: Mapped[str] = mapped_column(Prose, default="", server_default="")
    objected_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"))
    objected_at: Mapped[datetime | None] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    revision: Mapped[Revision] = relationship()
    ruled_by: Mapped[Person] = relationship(foreign_keys=[ruled_by_id], lazy="joined")
    objected_by: Mapped[Person | None] = relationship(foreign_keys=[objected_by_id], lazy="joined")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form

    @property
    def is_in_force(self) -> bool:
        """Whether the mark is lifted and holds no more."""
        return (
            self.state == RulingState.LIFTED and self.takes_effect_at is not None and clock.now() > self.takes_effect_at
        )

    @property
    def takes_objection(self) -> bool:
        """Whether the supplier can object: once to each lifting of a mark that stood, until it takes effect."""
        return self.state == RulingState.LIFTED and self.objected_at is None and not self.is_in_force

    @property
    def is_lifted(self) -> bool:
        """Whether it is lifted and the supplier was told, though its days may still run."""
        return self.state == RulingState.LIFTED and self.takes_effect_at is not None

    def lift(self, reason: str, word: uuid.UUID, *, by: Membership) -> None:
        """Let the mark hold no more, once the supplier has been told and its days are over.

        Where it stood, the supplier can object anew. Where it stood only because of an objection, that is answered.
        """
        if self.state == RulingState.UPHELD:
            self.objection, self.objected_by, self.objected_at = "", None, None
        self._rule(RulingState.LIFTED, reason, word, by)

    def uphold(self, reason: str, word: uuid.UUID, *, by: Membership) -> None:
        """Let the mark stand."""
        self._rule(RulingState.UPHELD, reason, word, by)

    def note_told(self, takes_effect_at: datetime) -> None:
        """A letter about its lifting has arrived: the mark holds no more from a moment on. The first one counts."""
        if self.state == RulingState.LIFTED and self.takes_effect_at is None:
            self.takes_effect_at = takes_effect_at
            self._note("ruling.told", None, "", **{"from": takes_effect_at.isoformat()})

    def note_untold(self) -> None:
        """The letters about its lifting came back: the mark stands until one arrives, unless it was lifted before."""
        if self.is_lifted and not self.is_in_force:
            self.takes_effect_at = None
            self._note("ruling.untold", None, "")

    def object(self, words: str, *, by: Membership) -> None:
        """Write down what the supplier says against it. Raises InvalidTransition when it is too late, or was done."""
        if not self.takes_objection:
            raise InvalidTransition(NOT_NOW)
        self.state, self.takes_effect_at = RulingState.OBJECTED, None
        self.objection, self.objected_by, self.objected_at = words, by.person, clock.now()
        self._note("ruling.objected", by, words)

    def _rule(self, state: RulingState, reason: str, word: uuid.UUID, by: Membership) -> None:
        self.state, self.reason, self.takes_effect_at, self.word_id = state, reason, None, word
        self.ruled_by, self.ruled_at = by.person, clock.now()
        self._note(f"ruling.{state}", by, reason)

    def _note(self, action: str, by: Membership | None, reason: str, **facts: str) -> None:
        report = self.revision.report
        record(
            self,
            action,
            by=by,
            reason=reason,
            report=str(report.public_id),
            starts_on=report.period.starts_on.isoformat(),
            ends_on=report.period.ends_on.isoformat(),
            revision=self.revision.number,
            kind=self.kind,
            field=self.field,
            **facts,
        )
