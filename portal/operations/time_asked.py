"""What a request for more time does while it waits: it holds the deadline until it is answered, or its day is past.

Days that lie with the buyer never count. What the supplier did not ask for is not the buyer's: a request that nobody
answers ends on the day that was wished for, which is the deadline from then on. Meanwhile the buyer is reminded.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal import calendars, clock
from portal.extensions import db
from portal.model import (
    Contract,
    Deviation,
    ExtensionRequest,
    ExtensionState,
    Person,
    Report,
    Role,
    record,
)
from portal.operations import accounts, deadlines, mail, processes

Subject = Report | Deviation

REMIND_AFTER_WORKING_DAYS = 2
"""Working days that a request may wait before the buyer is reminded of it, and between one reminder and the next."""


def of(subject: Subject) -> list[ExtensionRequest]:
    """Every request about this, oldest first."""
    own = ExtensionRequest.report_id if isinstance(subject, Report) else ExtensionRequest.deviation_id
    return list(db.session.scalars(select(ExtensionRequest).where(own == subject.id).order_by(ExtensionRequest.id)))


def open_for(subject: Subject) -> ExtensionRequest | None:
    """The request about this that nobody has answered, whether its day is past or not."""
    is_open = (each for each in of(subject) if each.state == ExtensionState.ASKED and each.answered_at is None)
    return next(is_open, None)


def waiting_for(subject: Subject) -> ExtensionRequest | None:
    """The request about this that waits for its answer."""
    return next((each for each in of(subject) if each.is_waiting), None)


def hold(request: ExtensionRequest) -> None:
    """From now on the deadline waits for the answer, unless the last one to the same was a no.

    Otherwise nobody would ever have to come to an end: each refusal on the last day leaves a working day more.
    """
    request.holds = not was_refused(request.subject)
    if request.holds:
        _note_held(request.subject, request.wished_until)
        tell(request.subject)


def was_refused(subject: Subject) -> bool:
    """Whether the last answer about the deadline that runs now was a no; a no to one before it bars nothing."""
    due_at = subject.due_at if isinstance(subject, Report) else subject.reply_due_at
    revision = subject.latest if isinstance(subject, Report) else None
    answered = [
        each
        for each in of(subject)
        if each.state in {ExtensionState.REFUSED, ExtensionState.GRANTED}
        and (revision is None or each.created_at > revision.signed_at)
    ]
    if not answered or answered[-1].state != ExtensionState.REFUSED:
        return False
    return due_at is None or due_at <= left_by_refusal(answered[-1])


def left_by_refusal(request: ExtensionRequest) -> datetime:
    """The deadline after a no: whoever held back until it came has at least a working day, if the deadline waited.

    At the time of day that a deadline of this kind has.
    """
    if not request.holds or request.answered_at is None:
        return request.due_at
    at = request.subject.contract.due_time if isinstance(request.subject, Report) else ""
    return max(request.due_at, deadlines.working_day(request.subject.contract, 1, request.answered_at, at))


def release(subject: Subject) -> None:
    """The request was answered: the deadline in force runs again."""
    _note_held(subject, None)


def tell(subject: Subject) -> None:
    """Let the process know until when it waits; every timer that has not fired is set anew where it stands."""
    if isinstance(subject, Report):
        deadlines.tell(subject)
    else:
        until = max(filter(None, (subject.reply_due_at, subject.held_until)), default=None)
        processes.change(subject, {"reply_due_at": processes.moment(until)})


def lapse(subject: Subject) -> bool:
    """No answer is needed any more: what was asked about has come, or is not asked for.

    Returns whether the request held the deadline until now. One whose day is past has ended on that day.
    """
    request = open_for(subject)
    if request is None:
        return False
    if request.is_over:
        _end_unanswered(request)
        return False
    request.answered_at = clock.now()
    request.move(ExtensionState.LAPSED, by=None)
    release(subject)
    return request.holds


def end_unanswered(subject: Subject) -> None:
    """The day that was wished for is past, and nobody has answered: it is the deadline now. Safe to repeat.

    A request that holds nothing ends with the time to reply, and moves no deadline.
    """
    request = open_for(subject)
    if request is not None and (request.is_over or not (request.holds or isinstance(subject, Report))):
        _end_unanswered(request)


def _end_unanswered(request: ExtensionRequest) -> None:
    subject, until = request.subject, request.wished_until
    request.answered_at = min(until, clock.now())
    request.move(ExtensionState.UNANSWERED, by=None, until=until.isoformat(), holds=request.holds)
    release(subject)
    if not request.holds:
        return
    if isinstance(subject, Report):
        if until > subject.due_at:
            deadlines.note(subject, due_at=until)
    elif subject.reply_due_at is None or until > subject.reply_due_at:
        subject.reply_due_at = subject.notices[-1].reply_due_at = until


def _note_held(subject: Subject, until: datetime | None) -> None:
    if isinstance(subject, Report):
        deadlines.note(subject, held_until=until)
    else:
        subject.held_until = until


# -- asked by the worker ----------------------------------------------------------------------------------------------


def to_chase() -> list[int]:
    """Requests that have waited so long that the buyer is to be reminded of them."""
    rows = select(ExtensionRequest).where(ExtensionRequest.state == ExtensionState.ASKED)
    return [each.id for each in db.session.scalars(rows.order_by(ExtensionRequest.id)) if _is_to_be_chased(each)]


def chase(number: int) -> None:
    """Remind the buyer of one request. Safe to repeat: nobody is reminded twice in a row."""
    request = db.session.get_one(ExtensionRequest, number)
    processes.hold(request.subject)
    db.session.refresh(request)
    if request.state != ExtensionState.ASKED or not _is_to_be_chased(request):
        return
    request.chased_at = clock.now()
    record(request, "extension.chased", by=None)
    for person in answerers(request.subject.contract):
        mail.write(person, "extension_waiting", request.subject.contract, **facts(request))


def _is_to_be_chased(request: ExtensionRequest) -> bool:
    return not request.is_over and clock.now() >= _chase_at(request, request.subject.contract)


def _chase_at(request: ExtensionRequest, contract: Contract) -> datetime:
    """In the morning, some working days after it was asked or the buyer was reminded last."""
    since = calendars.local_day(request.chased_at or request.created_at, contract.time_zone)
    day = calendars.add_working_days(since, REMIND_AFTER_WORKING_DAYS, contract.country)
    return calendars.at_time(day, deadlines.MORNING, contract.time_zone)


def answerers(contract: Contract) -> list[Person]:
    """Who is told of a request: the buyer's contract managers, else its administrators."""
    managers = accounts.people(contract.buyer_id, Role.CONTRACT_MANAGER, about=contract.id)
    return managers or accounts.people(contract.buyer_id, Role.ADMINISTRATOR, about=contract.id)


def facts(request: ExtensionRequest) -> dict[str, Any]:
    """What letters about a request show."""
    subject = request.subject
    is_report = isinstance(subject, Report)
    return {
        "request": request,
        "report": subject if isinstance(subject, Report) else subject.report,
        "deviation": None if is_report else subject,
        "due_at": subject.due_at if isinstance(subject, Report) else subject.reply_due_at,
    }
