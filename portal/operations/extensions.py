"""More time with a report or with the reply to a notice: asked for in time, granted or refused by the buyer."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from portal import calendars, clock, permissions
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
    Role,
    record,
)
from portal.operations import accounts, deadlines, deviations, mail, processes
from portal.permissions import Permission
from portal.text import Text

Subject = Report | Deviation

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


def of(subject: Subject) -> list[ExtensionRequest]:
    """Every request about this, oldest first."""
    own = ExtensionRequest.report_id if isinstance(subject, Report) else ExtensionRequest.deviation_id
    return list(db.session.scalars(select(ExtensionRequest).where(own == subject.id).order_by(ExtensionRequest.id)))


def waiting_for(subject: Subject) -> ExtensionRequest | None:
    """The request about this that has not been answered."""
    return next((each for each in of(subject) if each.state == ExtensionState.ASKED), None)


def to_answer(by: Membership, limit: int = 100) -> list[ExtensionRequest]:
    """Requests that wait for this person's answer, the nearest deadline first."""
    if not permissions.allowed(by, Permission.DEADLINE_GRANT):
        return []
    rows = select(ExtensionRequest).where(
        ExtensionRequest.buyer_id == by.organisation_id, ExtensionRequest.state == ExtensionState.ASKED
    )
    rows = rows.options(joinedload(ExtensionRequest.report), joinedload(ExtensionRequest.deviation))
    return list(db.session.scalars(rows.order_by(ExtensionRequest.due_at, ExtensionRequest.id).limit(limit)))


def count_to_answer(by: Membership) -> int:
    """How many requests wait for this person's answer."""
    if not permissions.allowed(by, Permission.DEADLINE_GRANT):
        return 0
    rows = select(func.count()).where(
        ExtensionRequest.buyer_id == by.organisation_id, ExtensionRequest.state == ExtensionState.ASKED
    )
    return db.session.scalar(rows) or 0


# -- asked -------------------------------------------------------------------------------------------------------------


def ask(subject: Subject, until: date | None, reason: str, *, by: Membership) -> ExtensionRequest:
    """Ask for more time, before the deadline. Until the buyer answers, a report does not turn overdue.

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
    if isinstance(subject, Report):
        deadlines.note(subject, more_time_asked_at=clock.now())
        deadlines.tell(subject)
    record(subject, "extension.asked", by=by, reason=reason.strip(), until=wished_until.isoformat())
    for person in answerers(subject.buyer_id):
        mail.write(person, "extension_asked", subject.contract, **_facts(request))
    return request


def answerers(buyer_id: int) -> list[Person]:
    """Who is told of a request: the buyer's contract managers, else its administrators."""
    return accounts.people(buyer_id, Role.CONTRACT_MANAGER) or accounts.people(buyer_id, Role.ADMINISTRATOR)


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

    Raises:
        Conflict: somebody has answered, or what was asked about has come.
        Invalid: the reason is missing.
    """
    subject = _hold(request, by)
    if not answer.strip():
        raise Invalid(SAY_WHY_NOT, (Problem("required", SAY_WHY_NOT, "words"),))
    _answer(request, ExtensionState.REFUSED, answer, by)
    if isinstance(subject, Report):
        if subject.is_past(clock.now()):
            _move(subject, deadlines.in_working_days(subject.contract, 1))
        else:
            deadlines.tell(subject)
    _tell(request, "extension_refused")


def lapse(report: Report) -> bool:
    """The report came, or is not asked for any more, before its request was answered. Whether one waited."""
    if report.more_time_asked_at is None:
        return False
    request = waiting_for(report)
    if request is not None:
        request.answered_at = clock.now()  # from now on it keeps nobody waiting
        request.move(ExtensionState.LAPSED, by=None)
    deadlines.note(report, more_time_asked_at=None)
    return True


def _hold(request: ExtensionRequest, by: Membership) -> Subject:
    """See the request as it is now, with everybody else who would answer it waiting; refuse whoever may not."""
    permissions.may_decide(
        by, Permission.DEADLINE_GRANT, buyer_id=request.buyer_id, involved={request.asked_by_id: ASKED_YOURSELF}
    )
    processes.hold(request.subject)
    db.session.refresh(request)
    request.demand_open()
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
    if request.report is not None:
        deadlines.note(request.report, more_time_asked_at=None)


def _move(subject: Subject, due_at: datetime) -> None:
    if isinstance(subject, Report):
        deadlines.move(subject, due_at)
        return
    subject.reply_due_at = subject.notices[-1].reply_due_at = due_at
    new = {"reply_due_at": processes.moment(due_at)}
    if not processes.message(subject, "reply_extended", new):
        processes.change(subject, new)


def _tell(request: ExtensionRequest, letter: str) -> None:
    recipients: Sequence[Person] = deviations.recipients(request.supplier_id)
    for person in {person.id: person for person in (request.asked_by, *recipients)}.values():
        mail.write(person, letter, request.subject.contract, **_facts(request))


def _facts(request: ExtensionRequest) -> dict[str, Any]:
    subject = request.subject
    is_report = isinstance(subject, Report)
    report = subject if isinstance(subject, Report) else subject.report
    return {
        "request": request,
        "report": report,
        "deviation": None if is_report else subject,
        "due_at": due_of(subject),
    }
