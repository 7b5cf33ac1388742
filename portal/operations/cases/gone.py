"""A breach that nothing in force shows any more: it falls away, or a person closes it; until then it costs nothing."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select

from portal import clock
from portal.extensions import db
from portal.model import AuditEvent, Deviation, DeviationState, record
from portal.model.base import Json
from portal.operations import processes
from portal.operations.cases import deviations
from portal.text import Text

GONE = "deviation.not_found_again"
OVER_MEANWHILE = Text(
    "Fristen for å svare gikk ut {due}. Fra {since} til {until} viste ingenting som gjaldt, bruddet, og leverandøren "
    "hadde fått vite at ingen sanksjon kunne avgjøres. Den har ikke svart etter det. Vurder om den må få svare først.",
    "The time to reply was over on {due}. From {since} until {until} nothing in force showed the breach, and the "
    "supplier had been told that no sanction could be decided. It has not replied since. Consider whether it must be "
    "heard first.",
)
_SHOWN = ("deviation.assessed_again", "deviation.confirmed")
"""What the trail says of a breach when it is shown after all."""


class Absence(NamedTuple):
    """From when until when a breach was not shown."""

    since: datetime
    until: datetime


class Why(StrEnum):
    """Why a breach is not shown any more."""

    MET = "met"
    """What was amended and accepted meets the requirement."""
    NOT_JUDGED = "not_judged"
    """What was amended and accepted says neither: a person closes the case, or it is found again."""
    NOT_ASKED = "not_asked"
    """It is not asked for any more, or not yet.

    A report of no days, a moved deadline, an ended requirement, days after the contract's last.
    """


class Gone(NamedTuple):
    """What stands where there was a breach before."""

    why: Why
    sentence: Text
    shown: Json
    revision: int = 0
    is_beyond: bool = False
    """Whether it is about no day of the contract any more: back when its days are (see `operations.beyond`)."""


def note(known: Deviation | None, gone: Gone) -> None:
    """A breach that was found is not shown any more.

    Without a notice the deviation falls away, but not where nobody can say whether there is a breach. With one, a
    person closes the case: the supplier was told of it, and is to be told how it ended. What was decided stays as it
    was decided; the buyer is told, once.
    """
    if known is None or known.state == DeviationState.FELL_AWAY or _was_said_of_settled(known, gone.why):
        return
    was, why = known.sentence, str(gone.why)
    record(known, GONE, by=None, found=gone.shown, said=gone.sentence.dump(), was=was, why=why)
    is_told = known.not_found_at is not None and known.facts.get("gone", {}).get("why", Why.MET) == gone.why
    if not deviations.is_settled(known):
        told = {"shown": gone.shown.get("shown"), "sentence": gone.sentence.dump(), "revision": gone.revision}
        told |= {"is_beyond": True} if gone.is_beyond else {}
        known.facts = {**known.facts, "gone": {**told, "why": why}}
        known.not_found_at = known.not_found_at or clock.now()
        known.at_stake = None
    if known.state == DeviationState.FOUND and gone.why != Why.NOT_JUDGED:
        # A diagram from before it could fall away waits for no such message: then a person dismisses it.
        processes.message(known, "breach_gone", {})
    elif known.state != DeviationState.DISMISSED and not is_told:
        deviations.tell_changed(known, was=was, found=gone.sentence.dump(), gone=why)


def absences(known: Deviation) -> list[Absence]:
    """When the breach of a case was not shown and then was again, as the trail has it, oldest first."""
    rows = select(AuditEvent.action, AuditEvent.at).where(
        AuditEvent.subject == Deviation.__tablename__,
        AuditEvent.subject_id == str(known.public_id),
        AuditEvent.action.in_((GONE, *_SHOWN)),
    )
    found, since = [], None
    for action, at in db.session.execute(rows.order_by(AuditEvent.id)):
        if action == GONE:
            since = since or at
        elif since is not None:
            found.append(Absence(since, at))
            since = None
    return found


def unheard(known: Deviation) -> Iterator[Text]:
    """That time to reply went by while nothing showed the breach, and the supplier has not been heard since.

    All of it, or a part: what was left when the breach was back may have been hours. Said once that time is over.
    """
    due_at, notice = known.reply_due_at, known.notices[-1] if known.notices else None
    given_at = notice.takes_effect_at or notice.delivered_at if notice else None
    if due_at is None or given_at is None or due_at > clock.now():
        return
    if any(reply.is_complete for reply in known.replies):
        return
    for since, until in absences(known):
        is_heard = any(reply.created_at > until for reply in known.replies)
        if since < due_at and until > given_at and not is_heard:
            days = {"due": due_at, "since": since, "until": until}
            zone = known.contract.time_zone
            yield OVER_MEANWHILE.with_values(**{name: deviations.day_text(at, zone) for name, at in days.items()})


def _was_said_of_settled(known: Deviation, why: Why) -> bool:
    """Whether the last that was noted of a settled case's breach is this: such a case itself keeps nothing of it."""
    if not deviations.is_settled(known):
        return False
    rows = select(AuditEvent).where(
        AuditEvent.subject == Deviation.__tablename__,
        AuditEvent.subject_id == str(known.public_id),
        AuditEvent.action.in_((GONE, *_SHOWN)),
    )
    last = db.session.scalar(rows.order_by(AuditEvent.id.desc()).limit(1))
    return last is not None and last.action == GONE and last.facts.get("why", why) == why
