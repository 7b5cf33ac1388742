"""More time with a report or with the reply to a notice: asked for in time, granted or refused by the buyer."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import joinedload

from portal import calendars, clock, impartiality, permissions
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import (
    Deviation,
    DeviationState,
    ExtensionRequest,
    ExtensionState,
    Membership,
    Person,
    Report,
    record,
)
from portal.model.deadlines import ANSWERED_TOO_LATE
from portal.operations import deadlines, mail, processes, time_asked
from portal.operations.cases import deviations
from portal.operations.reports import filings
from portal.operations.time_asked import Subject, waiting_for
from portal.permissions import Permission
from portal.text import Text

LONGEST = timedelta(days=366)
"""How far past the deadline more time may be asked for or granted; a later day is a slip of the pen."""

SAY_WHY = Text("Skriv hvorfor dere trenger mer tid.", "Say why you need more time.")
SAY_WHY_NOT = Text("Skriv hvorfor søknaden avslås.", "Say why the request is refused.")
NO_DEADLINE = Text("Det løper ingen frist her som kan utsettes.", "No deadline runs here that could be extended.")
TOO_LATE = Text(
    "Fristen er ute, så det kan ikke lenger søkes om utsettelse. Den gikk ut {due}.",
    "The deadline is past, so more time can no longer be asked for. It was {due}.",
)
ASKED_ALREADY = Text(
    "Det er allerede søkt om utsettelse, og søknaden er ikke besvart ennå.",
    "More time has already been asked for, and the request has not been answered yet.",
)
CHOOSE_A_DAY = Text("Velg en dag.", "Choose a day.")
NOT_LATER = Text("Velg en dag etter fristen, som er {due}.", "Choose a day after the deadline, which is {due}.")
TOO_FAR = Text("Velg en dag innen ett år etter fristen.", "Choose a day within a year of the deadline.")
PAST = Text("Velg en dag som ikke er forbi.", "Choose a day that is not past.")
REPLY_PERIOD_OVER = Text(
    "Svarfristen er ute, og saken vurderes. Leverandøren kan fortsatt sende tilsvar.",
    "The time to reply is over, and the case is being assessed. The supplier can still send a reply.",
)
ASKED_YOURSELF = Text(
    "Du har selv søkt om denne utsettelsen. En annen må svare på den.",
    "You asked for this yourself. Somebody else must answer it.",
)


def may_ask(subject: Subject, by: Membership) -> bool:
    """Whether this person may ask for more time now."""
    due_at = due_of(subject)
    is_theirs = permissions.allowed(by, Permission.DEADLINE_ASK) and by.organisation_id == subject.supplier_id
    return is_theirs and due_at is not None and clock.now() <= due_at and waiting_for(subject) is None


def due_of(subject: Subject) -> datetime | None:
    """The deadline that runs for the supplier; None when none does."""
    if isinstance(subject, Report):
        return subject.due_at if subject.can_be_late else None
    return subject.reply_due_at if subject.state == DeviationState.AWAITING_REPLY else None


def due_in_words(subject: Subject) -> Text:
    """The day of the deadline where the contract is."""
    due_at = due_of(subject)
    return deviations.day_text(due_at, subject.contract.time_zone) if due_at else Text("", "")


def to_answer(by: Membership, limit: int = 100) -> list[ExtensionRequest]:
    """Requests that wait for this person's answer, the nearest deadline first."""
    if not permissions.allowed(by, Permission.DEADLINE_GRANT):
        return []
    rows = select(ExtensionRequest).where(*_waits_for(by))
    rows = rows.options(joinedload(ExtensionRequest.report), joinedload(ExtensionRequest.deviation))
    return list(db.session.scalars(rows.order_by(ExtensionRequest.due_at, ExtensionRequest.id).limit(limit)))


def count_to_answer(by: Membership) -> int:
    """How many requests wait for this person's answer."""
    if not permissions.allowed(by, Permission.DEADLINE_GRANT):
        return 0
    return db.session.scalar(select(func.count(ExtensionRequest.id)).where(*_waits_for(by))) or 0


def _waits_for(by: Membership) -> tuple[ColumnElement[bool], ...]:
    return (
        permissions.seen(ExtensionRequest, by),
        ExtensionRequest.state == ExtensionState.ASKED,
        ExtensionRequest.wished_until > clock.now(),
    )


# -- asked -------------------------------------------------------------------------------------------------------------


def ask(subject: Subject, until: date | None, reason: str, *, by: Membership) -> ExtensionRequest:
    """Ask for more time, before the deadline, which is held until the buyer answers or the day asked for is past.

    Raises:
        Refused: no deadline runs, or it is past.
        Conflict: a request waits for its answer already.
        Invalid: the day or the reason will not do.
    """
    permissions.demand(by, Permission.DEADLINE_ASK)
    processes.hold(subject)
    due_at = _demand_running(subject)
    wished_until = _checked(subject, until, due_at, reason, SAY_WHY)
    request = ExtensionRequest(
        **subject.parties,
        report=subject if isinstance(subject, Report) else None,
        deviation=subject if isinstance(subject, Deviation) else None,
        asked_by=by.person,
        reason=reason.strip(),
        due_at=due_at,
        wished_until=wished_until,
    )
    db.session.add(request)
    db.session.flush()
    time_asked.hold(request)
    record(subject, "extension.asked", by=by, reason=reason.strip(), until=wished_until.isoformat())
    for person in time_asked.answerers(subject.contract):
        mail.write(person, "extension_asked", subject.contract, **time_asked.facts(request))
    return request


def _demand_running(subject: Subject) -> datetime:
    due_at = due_of(subject)
    if due_at is None:
        raise Refused(NO_DEADLINE)
    if clock.now() > due_at:
        raise Refused(TOO_LATE.with_values(due=due_in_words(subject)))
    if waiting_for(subject) is not None:
        raise Conflict(ASKED_ALREADY)
    return due_at


def _checked(subject: Subject, until: date | None, due_at: datetime, words: str, say_why: Text) -> datetime:
    """The last moment of a day that more time is wished or granted until, at the contract's time of day."""
    problems = _wrong_day(subject, until, due_at)
    if not words.strip():
        problems.append(Problem("required", say_why, "words"))
    if problems:
        raise Invalid(problems[0].text, tuple(problems))
    return _at_the_end_of(subject, until or date.max)


def _wrong_day(subject: Subject, until: date | None, due_at: datetime) -> list[Problem]:
    if until is None:
        return [Problem("required", CHOOSE_A_DAY, "until")]
    if not timedelta(0) < until - calendars.local_day(due_at, subject.contract.time_zone) <= LONGEST:
        is_early = until <= calendars.local_day(due_at, subject.contract.time_zone)
        words = NOT_LATER.with_values(due=deviations.day_text(due_at, subject.contract.time_zone))
        return [Problem("until", words if is_early else TOO_FAR, "until")]
    until_at = _at_the_end_of(subject, until)
    if until_at <= clock.now():
        return [Problem("until", PAST, "until")]
    if until_at <= due_at:  # moved back over a holiday
        words = NOT_LATER.with_values(due=deviations.day_text(due_at, subject.contract.time_zone))
        return [Problem("until", words, "until")]
    return []


def _at_the_end_of(subject: Subject, day: date) -> datetime:
    """A day that was agreed on, off holidays by the contract's rule, at its time of day for a report."""
    contract = subject.contract
    at = contract.due_time if isinstance(subject, Report) else ""
    return calendars.at_time(calendars.moved(day, contract.due_moves, contract.country), at, contract.time_zone)


# -- answered ----------------------------------------------------------------------------------------------------------


def grant(request: ExtensionRequest, until: date | None, answer: str, *, by: Membership) -> None:
    """Give more time, until the day that was wished or another: the deadline, the task and the timers move.

    Raises:
        Conflict: somebody has answered, what was asked about has come, or the time to reply is over.
        Invalid: the day will not do.
    """
    subject = _hold(request, by)
    problems = _wrong_day(subject, until, due_of(subject) or request.due_at)
    if problems:
        raise Invalid(problems[0].text, tuple(problems))
    granted_until = _at_the_end_of(subject, until or date.max)
    if isinstance(subject, Deviation) and subject.state != DeviationState.AWAITING_REPLY:
        raise Conflict(REPLY_PERIOD_OVER)
    request.granted_until = granted_until
    _answer(request, ExtensionState.GRANTED, answer, by)
    _move(subject, granted_until)
    _tell(request, "extension_granted")


def refuse(request: ExtensionRequest, answer: str, *, by: Membership) -> None:
    """Give no more time, with the reason. Days that the request waited for its answer past the deadline never count.

    Whoever held back until the answer came has at least a working day from then, if the deadline waited for it.

    Raises:
        Conflict: somebody has answered, or what was asked about has come.
        Invalid: the reason is missing.
    """
    subject = _hold(request, by)
    if not answer.strip():
        raise Invalid(SAY_WHY_NOT, (Problem("required", SAY_WHY_NOT, "words"),))
    _answer(request, ExtensionState.REFUSED, answer, by)
    due_at, least = due_of(subject), time_asked.left_by_refusal(request)
    if due_at is not None and least > due_at:
        _move(subject, least)
    elif due_at is not None:
        time_asked.tell(subject)
    _tell(request, "extension_refused")


def _hold(request: ExtensionRequest, by: Membership) -> Subject:
    """See the request as it is now, with everybody else who would answer it waiting; refuse whoever may not."""
    impartiality.may_decide(by, Permission.DEADLINE_GRANT, request, involved={request.asked_by_id: ASKED_YOURSELF})
    processes.hold(request.subject)
    db.session.refresh(request)
    request.demand_open()
    if request.is_over:
        raise Conflict(ANSWERED_TOO_LATE)
    return request.subject


def _answer(request: ExtensionRequest, state: ExtensionState, answer: str, by: Membership) -> None:
    request.answer, request.answered_by, request.answered_at = answer.strip(), by.person, clock.now()
    request.move(state, by=by, reason=answer.strip())
    until = request.granted_until
    record(
        request.subject,
        f"extension.{state}",
        by=by,
        reason=answer.strip(),
        **({"until": until.isoformat()} if until else {}),
    )
    time_asked.release(request.subject)


def _move(subject: Subject, due_at: datetime) -> None:
    if isinstance(subject, Report):
        deadlines.move(subject, due_at)
        filings.note_moved(subject)
        return
    subject.reply_due_at = subject.notices[-1].reply_due_at = due_at
    new = {"reply_due_at": processes.moment(due_at)}
    if not processes.message(subject, "reply_extended", new):
        processes.change(subject, new)


def _tell(request: ExtensionRequest, letter: str) -> None:
    recipients: Sequence[Person] = deviations.recipients(request.supplier_id)
    for person in {person.id: person for person in (request.asked_by, *recipients)}.values():
        mail.write(person, letter, request.subject.contract, **time_asked.facts(request))
