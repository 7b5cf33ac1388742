"""The supplier's reply, point by point, and what the buyer holds of each point once the supplier was heard."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select

from portal import permissions
from portal.errors import Conflict, Invalid
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import (
    Deviation,
    DeviationState,
    Membership,
    Point,
    PointAnswer,
    Reply,
    Sanction,
    Stance,
    Verdict,
    Weighing,
    record,
)
from portal.model.cases import MOVED_ON
from portal.operations import lookup, processes, time_asked
from portal.operations.cases import deciders, deviations
from portal.operations.cases.deviations import demand_assessor
from portal.operations.entry import evidence
from portal.operations.entry.evidence import Upload
from portal.permissions import Permission
from portal.text import Text

WRITE_SOMETHING = Text("Skriv et svar, eller legg ved en fil.", "Write an answer, or attach a file.")
NOT_UNDER_REPLY = Text("Saken venter ikke på tilsvar.", "The case is not waiting for a reply.")
CHOOSE_STANCE = Text("Velg om dere er enige i punkt {number}.", "Choose whether you agree with point {number}.")
EXPLAIN = Text("Skriv hvorfor dere ikke er enige i punkt {number}.", "Say why you do not agree with point {number}.")
UNANSWERED = Text(
    "Svar på punkt {number}, eller fjern krysset for at svaret er ferdig.",
    "Answer point {number}, or take away the tick that the reply is complete.",
)
CHOOSE_VERDICT = Text("Velg hva dere mener om punkt {number}.", "Choose what you hold of point {number}.")
GIVE_REASONS = Text("Skriv begrunnelsen for punkt {number}.", "Write the reasons for point {number}.")


_TAKES_MORE = frozenset(
    {DeviationState.AWAITING_REPLY, DeviationState.ASSESSING_REPLY, DeviationState.SANCTION_PROPOSED}
)


class PointReply(NamedTuple):
    """What the supplier says of one point; nothing chosen, written or attached is no answer."""

    point: Point
    stance: Stance | None
    text: str = ""
    uploads: Sequence[Upload] = ()

    @property
    def is_given(self) -> bool:
        """Whether anything was said of it."""
        return self.stance is not None or bool(self.text.strip()) or bool(self.uploads)


class PointVerdict(NamedTuple):
    """What the buyer holds of one point."""

    point: Point
    verdict: Verdict | None
    reasons: str = ""


# -- by the supplier ----------------------------------------------------------------------------------------------


def reply(  # noqa: PLR0913 - a reply and all that comes with it
    deviation: Deviation,
    text: str,
    uploads: Sequence[Upload] = (),
    *,
    answers: Sequence[PointReply] = (),
    is_complete: bool = False,
    by: Membership,
) -> Reply:
    """Answer the notice: point by point, as a whole, with files.

    Declared complete, it is assessed at once. Until then the case stays with the supplier for as long as the time to
    reply runs, and more can be added. What comes late is kept and read too, also while a sanction is proposed and the
    supplier does not know of it: only a decided case takes no more.

    Raises:
        Conflict: the case takes no reply.
        Invalid: nothing is said, or a point is answered by halves, or is left out of a reply that is to be complete.
        Refused: a file is none that we take.
    """
    permissions.demand(by, Permission.CASE_REPLY)
    processes.hold(deviation)
    if not takes_more(deviation):
        raise Conflict(NOT_UNDER_REPLY)
    given = [answer for answer in answers if answer.is_given]
    _demand_said(deviation, text, uploads, given, is_complete=is_complete)
    late = deviation.state != DeviationState.AWAITING_REPLY
    answer = _kept(deviation, text, uploads, given, by)
    answer.is_complete = is_complete
    db.session.flush()
    record(
        answer,
        "reply.late" if late else "reply.complete" if is_complete else "reply.received",
        by=by,
        deviation=str(deviation.public_id),
        late=late,
        complete=is_complete,
        points={str(each.point.number): str(each.stance) for each in given},
        files=[file.sha256 for file in answer.evidence],
    )
    if is_complete and not late:
        time_asked.lapse(deviation)
        deviation.move(DeviationState.ASSESSING_REPLY, by=by)
        processes.complete(deviation, "reply", {}, by=by)
    if deviation.state == DeviationState.SANCTION_PROPOSED:
        deviations.tell_of_late_reply(deviation)
    return answer


def takes_more(deviation: Deviation) -> bool:
    """Whether the supplier may still be heard: from the notice until the case is decided."""
    return deviation.state in _TAKES_MORE and not deviations.is_settled(deviation)


def _demand_said(
    deviation: Deviation, text: str, uploads: Sequence[Upload], given: Sequence[PointReply], *, is_complete: bool
) -> None:
    problems = [problem for answer in given for problem in _halves(answer)]
    earlier = {answer.point_id for said in deviation.replies for answer in said.answers}
    answered = earlier | {answer.point.id for answer in given}
    if is_complete:
        problems += [
            Problem("unanswered", UNANSWERED.with_values(number=point.number), f"stance-{point.number}")
            for point in deviation.points
            if point.id not in answered
        ]
    says_nothing = not text.strip() and not uploads and not given
    if says_nothing and not (is_complete and deviation.replies):
        problems.append(Problem("required", WRITE_SOMETHING, "text"))
    if problems:
        raise Invalid(problems[0].text, tuple(problems))


def _halves(answer: PointReply) -> list[Problem]:
    number = answer.point.number
    if answer.stance is None:
        return [Problem("required", CHOOSE_STANCE.with_values(number=number), f"stance-{number}")]
    if answer.stance != Stance.AGREES and not answer.text.strip():
        return [Problem("required", EXPLAIN.with_values(number=number), f"text-{number}")]
    return []


def _kept(
    deviation: Deviation, text: str, uploads: Sequence[Upload], given: Sequence[PointReply], by: Membership
) -> Reply:
    answer = Reply(**deviation.parties, deviation=deviation, written_by=by.person, text=text.strip())
    db.session.add(answer)
    for upload in uploads:
        answer.evidence.append(evidence.kept(upload, deviation, by))
    for each in given:
        answer.answers.append(
            PointAnswer(**deviation.parties, point=each.point, stance=each.stance, text=each.text.strip())
        )
        for upload in each.uploads:
            file = evidence.kept(upload, deviation, by)
            file.point_id = each.point.id
            answer.evidence.append(file)
    return answer


def came_late(reply: Reply) -> bool:
    """Whether it came after the time to reply, and not while the buyer had to answer a request for more of it."""
    due_at, came_at = reply.deviation.reply_due_at, reply.created_at
    waits = [
        (each.created_at, each.answered_at or each.wished_until)
        for each in time_asked.of(reply.deviation)
        if each.holds
    ]
    return due_at is not None and came_at > due_at and not any(asked <= came_at <= until for asked, until in waits)


def note_no_reply(*, deviation_id: int) -> dict[str, object]:
    """The time to reply is over; what has come, if anything, is assessed now. Asked by the process."""
    deviation = lookup.by_number(Deviation, deviation_id)
    time_asked.end_unanswered(deviation)
    deviation.move(DeviationState.ASSESSING_REPLY, by=None, replied=bool(deviation.replies))
    return {}


# -- by the buyer -------------------------------------------------------------------------------------------------


def weigh(deviation: Deviation, verdicts: Sequence[PointVerdict], *, by: Membership, version: int) -> list[Weighing]:
    """Say of points of the notice what they are worth now that the supplier was heard, each with its reasons.

    What is said again as it stands already is not written again, unless a reply has come since. The newest counts.

    Raises:
        Conflict: the case is not under assessment, or changed since it was read.
        Invalid: a verdict or its reasons are missing.
    """
    demand_assessor(deviation, by, version)
    if processes.task_of(deviation, "assess_reply") is None and not is_weighed_again(deviation):
        raise Conflict(MOVED_ON)
    problems = [problem for each in verdicts for problem in _missing(each)]
    if problems:
        raise Invalid(problems[0].text, tuple(problems))
    with deciders.kept_in_sight(deviation):
        rows = _written(deviation, verdicts, by)
    for row in rows:
        record(row, "point.weighed", by=by, reason=row.reasons, number=row.point.number, verdict=str(row.verdict))
    return rows


def _written(deviation: Deviation, verdicts: Sequence[PointVerdict], by: Membership) -> list[Weighing]:
    """What is said anew, written down."""
    outdated = {point.id for point in deviations.unweighed(deviation)}
    rows = [
        Weighing(
            **deviation.parties,
            point=each.point,
            verdict=each.verdict,
            reasons=each.reasons.strip(),
            weighed_by=by.person,
        )
        for each in verdicts
        if each.point.id in outdated or _has_changed(each)
    ]
    db.session.add_all(rows)
    db.session.flush()
    return rows


def is_weighed_again(deviation: Deviation) -> bool:
    """Whether a reply that came after a sanction was proposed is still to be weighed."""
    is_undecided = deviation.state == DeviationState.SANCTION_PROPOSED and takes_more(deviation)
    return is_undecided and bool(deviations.unweighed(deviation))


def to_weigh_again(by: Membership, limit: int = 100) -> Sequence[Deviation]:
    """The cases in which a reply that came after a sanction was proposed waits for this person, oldest first."""
    if not permissions.allowed(by, Permission.CASE_ASSESS):
        return []
    rows = permissions.visible(Deviation, by).where(*_IS_WEIGHED_AGAIN).order_by(Deviation.id).limit(limit)
    return db.session.scalars(rows).unique().all()


def count_to_weigh_again(by: Membership) -> int:
    """How many they are."""
    if not permissions.allowed(by, Permission.CASE_ASSESS):
        return 0
    rows = permissions.visible(Deviation, by).where(*_IS_WEIGHED_AGAIN).with_only_columns(func.count())
    return db.session.scalar(rows) or 0


_IS_WEIGHED_AGAIN = (
    Deviation.state == DeviationState.SANCTION_PROPOSED,
    ~Deviation.sanction.has(Sanction.decided_at.is_not(None)),
    select(Point.id)
    .join(Reply, Reply.deviation_id == Point.deviation_id)
    .where(Point.deviation_id == Deviation.id, ~Point.weighings.any(Weighing.created_at >= Reply.created_at))
    .correlate(Deviation)
    .exists(),
)
"""`is_weighed_again`, for many cases at once."""


def _missing(given: PointVerdict) -> list[Problem]:
    number = given.point.number
    if given.verdict is None:
        return [Problem("required", CHOOSE_VERDICT.with_values(number=number), f"verdict-{number}")]
    if not given.reasons.strip():
        return [Problem("required", GIVE_REASONS.with_values(number=number), f"reasons-{number}")]
    return []


def _has_changed(given: PointVerdict) -> bool:
    newest = given.point.weighings[-1]
    return (newest.verdict, newest.reasons) != (given.verdict, given.reasons.strip())
