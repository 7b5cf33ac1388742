"""A breach and what was said of it: deviations, notices and their points, replies, what was weighed, evidence."""

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, Uuid
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.errors import InvalidTransition
from portal.model.audit import record
from portal.model.base import BigId, Code, Held, Json, JsonDocument, Millionths, Moment, OfContract, Row
from portal.model.contracts import Contract, NoticeStart
from portal.model.people import Membership, Person
from portal.model.reports import Report
from portal.model.terms import AssessmentWindow, Requirement
from portal.text import Text

if TYPE_CHECKING:
    from portal.model.appointments import Appointment
    from portal.model.sanctions import Sanction

MOVED_ON = Text(
    "Saken har endret seg siden du åpnet siden. Les den på nytt.",
    "The case has changed since you opened the page. Read it again.",
)


class Cause(StrEnum):
    """Why a deviation was opened."""

    REQUIREMENT_BROKEN = "requirement_broken"
    REPORT_MISSING = "report_missing"
    REPORT_LATE = "report_late"
    NOT_ACCEPTED = "not_accepted"


class DeviationState(StrEnum):
    """Where a deviation is."""

    FOUND = "found"
    NOTIFIED = "notified"
    AWAITING_REPLY = "awaiting_reply"
    ASSESSING_REPLY = "assessing_reply"
    SANCTION_PROPOSED = "sanction_proposed"
    DISMISSED = "dismissed"
    FELL_AWAY = "fell_away"
    """Nothing in force shows the breach any more, and no notice had been given."""
    CLOSED = "closed"


SETTLED = frozenset({DeviationState.CLOSED, DeviationState.DISMISSED, DeviationState.FELL_AWAY})
"""States in which nobody has anything left to do."""

_NEXT_DEVIATION = {
    DeviationState.FOUND: {DeviationState.DISMISSED, DeviationState.NOTIFIED, DeviationState.FELL_AWAY},
    DeviationState.NOTIFIED: {DeviationState.NOTIFIED, DeviationState.AWAITING_REPLY, DeviationState.CLOSED},
    DeviationState.AWAITING_REPLY: {DeviationState.ASSESSING_REPLY, DeviationState.CLOSED},
    DeviationState.ASSESSING_REPLY: {DeviationState.SANCTION_PROPOSED, DeviationState.CLOSED},
    DeviationState.SANCTION_PROPOSED: {DeviationState.ASSESSING_REPLY, DeviationState.CLOSED},
    DeviationState.DISMISSED: set[DeviationState](),
    DeviationState.FELL_AWAY: {DeviationState.FOUND},
    DeviationState.CLOSED: set[DeviationState](),
}


class Deviation(OfContract, Held, Row):
    """A breach of a requirement, or of the duty to report, found in one report or in the window that it closed."""

    __tablename__ = "deviation"
    __table_args__ = (UniqueConstraint("requirement_id", "report_id", "cause_group", "occasion"),)

    requirement_id: Mapped[int] = mapped_column(BigId, ForeignKey("requirement.id"))
    report_id: Mapped[int] = mapped_column(BigId, ForeignKey("report.id"), index=True)
    window_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("assessment_window.id"))
    """The window that was judged; None when the report was judged by itself."""
    cause: Mapped[Cause] = mapped_column(Code(Cause))
    cause_group: Mapped[str] = mapped_column(String(30))
    """The identity of the cause: a missing report that comes late stays one deviation."""
    occasion: Mapped[int] = mapped_column(default=1)
    """Which time it is a case: one that was settled without a sanction, and then grew, is found as a case anew."""
    state: Mapped[DeviationState] = mapped_column(Code(DeviationState), default=DeviationState.FOUND, index=True)
    version: Mapped[int] = mapped_column(default=1)
    clause: Mapped[str] = mapped_column(String(60))
    sentence: Mapped[dict[str, str]] = mapped_column(JsonDocument)
    facts: Mapped[Json] = mapped_column(JsonDocument)
    """{"figure": {...}, "threshold": "…", "lines": [line keys], "revision": n, "breaches": n}.

    A window's lines lie in several reports: "lines_in" says which: [{"report": public id, "revision": n, "lines"}].
    When nothing in force shows the breach any more, "gone" says why: {"shown", "sentence", "revision", "why"}.
    """
    at_stake: Mapped[Decimal | None] = mapped_column(Millionths)
    """What the clause gives as the case stands today, for lists: 0 for a warning; None when it gives nothing."""
    known_at: Mapped[datetime] = mapped_column(Moment)
    """When the buyer knew: the time to give notice runs from here."""
    notice_due_at: Mapped[datetime | None] = mapped_column(Moment)
    """Until when the buyer must give notice; None when the contract sets no limit."""
    cured_on: Mapped[date | None]
    """The last day of the breach; a report that came late is put right on the day it came."""
    put_right: Mapped[Json] = mapped_column(JsonDocument, default=dict)
    """Why a broken requirement's breach ended when it did, as a person and as the figures say: `breach_days.Ends`.

    {"person", "figures": {"on": ISO date, "why": {"nb", "en"}}}. Both may be there; the earlier day holds, and stands
    in `cured_on`. A person's has "reason", "by" and, since it is kept, "by_id" as well.
    """
    not_found_at: Mapped[datetime | None] = mapped_column(Moment)
    """Since when the figures in force no longer show the breach; None as long as they do."""
    late_by_days: Mapped[int | None]
    reply_due_at: Mapped[datetime | None] = mapped_column(Moment)
    outcome: Mapped[str] = mapped_column(Prose, default="")
    contract: Mapped[Contract] = relationship(foreign_keys="Deviation.contract_id", lazy="joined")
    requirement: Mapped[Requirement] = relationship(lazy="joined")
    report: Mapped[Report] = relationship()
    window: Mapped[AssessmentWindow | None] = relationship()
    notices: Mapped[list["Notice"]] = relationship(back_populates="deviation", order_by="Notice.id")
    replies: Mapped[list["Reply"]] = relationship(back_populates="deviation", order_by="Reply.id")
    points: Mapped[list["Point"]] = relationship(back_populates="deviation", order_by="Point.number")
    sanction: Mapped["Sanction | None"] = relationship(back_populates="deviation")
    appointments: Mapped[list["Appointment"]] = relationship(back_populates="deviation", order_by="Appointment.id")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def move(self, state: DeviationState, *, by: Membership | None, reason: str = "", **facts: object) -> None:
        """The one place where a deviation changes state, with its trail."""
        if state not in _NEXT_DEVIATION[self.state]:
            raise InvalidTransition(MOVED_ON)
        self.state = state
        record(self, f"deviation.{state}", by=by, reason=reason, **facts)
        if state in SETTLED:
            for appointment in self.appointments:
                if appointment.ended_at is None:
                    appointment.end(by=by)


class Notice(OfContract, Row):
    """A formal notice of breach: what is claimed, the clause, what may follow, how and until when to answer."""

    __tablename__ = "notice"

    deviation_id: Mapped[int] = mapped_column(BigId, ForeignKey("deviation.id"), index=True)
    sent_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    text: Mapped[str] = mapped_column(Prose)
    reply_working_days: Mapped[int]
    starts: Mapped[NoticeStart] = mapped_column(Code(NoticeStart), default=NoticeStart.DELIVERED)
    """The contract's rule for when it takes effect, as it was when it was written."""
    deemed_working_days: Mapped[int | None]
    """The working days of that rule, and the country and zone whose days they are; None for one from before."""
    country: Mapped[str | None] = mapped_column(String(2))
    time_zone: Mapped[str | None] = mapped_column(String(40))
    sent_to: Mapped[list[dict[str, str]]] = mapped_column(JsonDocument, default=list)
    """Whom it went to: {"name", "email", "as": "representative"|"member"}."""
    said: Mapped[Json] = mapped_column(JsonDocument, default=dict)
    """The case's facts as they were when it was written: no sanction covers more. {} where that was not kept yet."""
    sent_at: Mapped[datetime | None] = mapped_column(Moment)
    """When the first mail server took it."""
    reminded_at: Mapped[datetime | None] = mapped_column(Moment)
    opened_at: Mapped[datetime | None] = mapped_column(Moment)
    """When somebody whose opening counts (see `operations.notices`) first opened it."""
    opened_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"))
    seen: Mapped[list[dict[str, str]]] = mapped_column(JsonDocument, default=list, server_default="[]")
    """Who else at the supplier has seen it, which starts no clock: {"person": public id, "name", "at"}."""
    takes_effect_at: Mapped[datetime | None] = mapped_column(Moment)
    """From when it counts as given under `starts`: the time to reply runs from here."""
    delivered_at: Mapped[datetime | None] = mapped_column(Moment)
    """The first proof that it arrived. It is never overwritten."""
    delivered_how: Mapped[str] = mapped_column(String(400), default="")
    served_at: Mapped[datetime | None] = mapped_column(Moment)
    """When it was handed over otherwise than by mail, as a person of the buyer has noted: a ground of its own."""
    served_noted_at: Mapped[datetime | None] = mapped_column(Moment)
    """When that was noted: nobody could answer here before."""
    served_to: Mapped[str] = mapped_column(String(200), default="", server_default="")
    served_how: Mapped[str] = mapped_column(String(400), default="", server_default="")
    reply_due_at: Mapped[datetime | None] = mapped_column(Moment)
    deviation: Mapped[Deviation] = relationship(back_populates="notices")
    sent_by: Mapped[Person] = relationship(foreign_keys=[sent_by_id], lazy="joined")
    opened_by: Mapped[Person | None] = relationship(foreign_keys=[opened_by_id], lazy="joined")
    evidence: Mapped[list["Evidence"]] = relationship(order_by="Evidence.id")
    """Files that document how it was handed over."""


class Point(OfContract, Row):
    """One thing that a notice claims: what the supplier answers, and what is weighed, one by one."""

    __tablename__ = "point"
    __table_args__ = (UniqueConstraint("deviation_id", "number"),)

    deviation_id: Mapped[int] = mapped_column(BigId, ForeignKey("deviation.id"), index=True)
    number: Mapped[int]
    text: Mapped[str] = mapped_column(Prose)
    line: Mapped[str | None] = mapped_column(String(80))
    """The line that it was drafted for, as `calculations.line_keys` names it; None where a person wrote it anew."""
    deviation: Mapped[Deviation] = relationship(back_populates="points")
    answers: Mapped[list["PointAnswer"]] = relationship(back_populates="point", order_by="PointAnswer.id")
    weighings: Mapped[list["Weighing"]] = relationship(back_populates="point", order_by="Weighing.id")

    @property
    def is_dropped(self) -> bool:
        """Whether it was dropped by its newest weighing."""
        return bool(self.weighings) and self.weighings[-1].verdict == Verdict.DROPPED


class Reply(OfContract, Row):
    """The supplier's answer to a notice."""

    __tablename__ = "reply"

    deviation_id: Mapped[int] = mapped_column(BigId, ForeignKey("deviation.id"), index=True)
    written_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    text: Mapped[str] = mapped_column(Prose)
    is_complete: Mapped[bool] = mapped_column(default=False)
    """Whether the supplier declared that nothing more is to come: then it is assessed before its time is over."""
    deviation: Mapped[Deviation] = relationship(back_populates="replies")
    written_by: Mapped[Person] = relationship(lazy="joined")
    evidence: Mapped[list["Evidence"]] = relationship(back_populates="reply", order_by="Evidence.id")
    answers: Mapped[list["PointAnswer"]] = relationship(back_populates="reply", order_by="PointAnswer.id")


class Stance(StrEnum):
    """What the supplier says of a point."""

    AGREES = "agrees"
    PARTLY = "partly"
    DISAGREES = "disagrees"


class PointAnswer(OfContract, Row):
    """The supplier's answer to one point of a notice."""

    __tablename__ = "point_answer"
    __table_args__ = (UniqueConstraint("reply_id", "point_id"),)

    reply_id: Mapped[int] = mapped_column(BigId, ForeignKey("reply.id"), index=True)
    point_id: Mapped[int] = mapped_column(BigId, ForeignKey("point.id"), index=True)
    stance: Mapped[Stance] = mapped_column(Code(Stance))
    text: Mapped[str] = mapped_column(Prose)
    reply: Mapped[Reply] = relationship(back_populates="answers")
    point: Mapped[Point] = relationship(back_populates="answers")


class Verdict(StrEnum):
    """What the buyer holds of a point after the supplier was heard."""

    UPHELD = "upheld"
    PARTLY = "partly"
    DROPPED = "dropped"


class Weighing(OfContract, Row):
    """What one point was found to be worth, and why: insert-only, the newest counts."""

    __tablename__ = "weighing"

    point_id: Mapped[int] = mapped_column(BigId, ForeignKey("point.id"), index=True)
    verdict: Mapped[Verdict] = mapped_column(Code(Verdict))
    reasons: Mapped[str] = mapped_column(Prose)
    weighed_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    point: Mapped[Point] = relationship(back_populates="weighings")
    weighed_by: Mapped[Person] = relationship(lazy="joined")


class Evidence(OfContract, Row):
    """A file bound to what it documents, a reply or a reported value; the bytes lie in the store under their hash."""

    __tablename__ = "evidence"
    __table_args__ = (Index("ix_evidence_report_line", "report_id", "kind", "line_key"),)

    reply_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("reply.id"), index=True)
    notice_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("notice.id"), index=True)
    """The notice whose delivery a file documents."""
    point_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("point.id"))
    """The point of the notice that a file of a reply answers; None when it answers all."""
    report_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("report.id"))
    kind: Mapped[str] = mapped_column(String(40), default="")
    line_key: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    field: Mapped[str] = mapped_column(String(60), default="")
    revision_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("revision.id"))
    """The first revision that was signed with it; none while it is the supplier's own affair."""
    removed_at: Mapped[datetime | None] = mapped_column(Moment)
    """When it was taken off the draft; what was signed before still rests on it."""
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int] = mapped_column(BigId)
    uploaded_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    reply: Mapped[Reply | None] = relationship(back_populates="evidence")
