"""The notice of a breach: written by a person point by point, delivered with proof; and the time to reply from then."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from portal import calendars, clock, permissions
from portal.errors import Conflict, Invalid
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import (
    Deviation,
    DeviationState,
    ExtensionRequest,
    ExtensionState,
    Membership,
    Notice,
    NoticeStart,
    Person,
    Point,
    Representative,
    record,
)
from portal.model.cases import MOVED_ON
from portal.operations import accounts, anchors, deadlines, lookup, mail, processes, time_asked
from portal.operations.cases import letters
from portal.operations.cases.deviations import SAY_WHY, ahead_of, assessors, demand_assessor, recipients
from portal.operations.cases.letters import Claim
from portal.operations.entry import evidence
from portal.operations.entry.evidence import Upload
from portal.permissions import Permission
from portal.text import Text

UNDELIVERED_AFTER = timedelta(days=2)
UNOPENED_AFTER_WORKING_DAYS = 3
"""Working days that a notice which takes effect when it is opened may lie unopened before a person sees to it."""
OPENED_BY = "opened in the portal by {name}"
"""How a notice was delivered that somebody opened before any mail server had taken it."""

DAYS_OUT_OF_RANGE = Text(
    "Fristen må være mellom 3 og 60 virkedager.", "The deadline must be between 3 and 60 working days."
)
SAY_HOW = Text("Skriv hvordan varselet ble levert.", "Say how the notice was delivered.")
SAY_TO_WHOM = Text("Skriv hvem som tok imot varselet.", "Say who received the notice.")
SAY_WHEN = Text("Skriv hvilken dag varselet ble levert.", "Say on which day the notice was delivered.")
NOT_THEN = Text(
    "Velg en dag fra varselet ble skrevet til i dag.", "Choose a day from when the notice was written until today."
)
NO_POINT = Text("Skriv minst ett punkt.", "Write at least one point.")


# -- given by a person --------------------------------------------------------------------------------------------


def give_notice(  # noqa: PLR0913 - a notice and all that it says
    deviation: Deviation,
    text: str,
    working_days: int,
    *,
    points: Sequence[Claim] | None = None,
    by: Membership,
    version: int,
) -> Notice:
    """Send the formal notice: what is claimed, point by point, and the time to reply, in working days.

    Without `points` there is one for the breach, or one for each line that breaks the requirement by itself. A point
    that was drafted for such a line stays about it, however it is put.

    Raises:
        Conflict: the case has moved on, or changed since it was read.
        Invalid: text or points are missing, or the deadline is out of range.
    """
    demand_assessor(deviation, by, version)
    claims = letters.claims(deviation, points)
    _demand_whole(text, working_days, claims)
    if processes.task_of(deviation, "assess") is None:
        raise Conflict(MOVED_ON)
    notice = _written(deviation, text.strip(), working_days, by)
    deviation.points.extend(
        Point(**deviation.parties, number=number, text=claim.text, line=claim.line)
        for number, claim in enumerate(claims, start=1)
    )
    db.session.flush()
    record(
        notice,
        "notice.written",
        by=by,
        deviation=str(deviation.public_id),
        working_days=working_days,
        points=[claim.text for claim in claims],
        lines=[claim.line for claim in claims],
        starts=str(notice.starts),
        deemed_working_days=notice.deemed_working_days,
    )
    processes.complete(deviation, "assess", {"assessment": "notify"}, by=by)
    return notice


def _written(deviation: Deviation, text: str, working_days: int, by: Membership) -> Notice:
    """The notice with the contract's rules of today: a contract that is changed later moves no clock that runs."""
    contract = deviation.contract
    notice = Notice(
        **deviation.parties,
        deviation=deviation,
        sent_by=by.person,
        text=text,
        reply_working_days=working_days,
        starts=contract.notice_starts,
        deemed_working_days=contract.deemed_working_days,
        country=contract.country,
        time_zone=contract.time_zone,
        sent_to=[],
        seen=[],
        said=deviation.facts,
    )
    db.session.add(notice)
    return notice


def _demand_whole(text: str, working_days: int, points: Sequence[Claim]) -> None:
    if not points:
        raise Invalid(NO_POINT, (Problem("required", NO_POINT, "points"),))
    if not text.strip():
        raise Invalid(SAY_WHY, (Problem("required", SAY_WHY, "text"),))
    if not 3 <= working_days <= 60:  # noqa: PLR2004 - the sentence says so
        raise Invalid(DAYS_OUT_OF_RANGE, (Problem("range", DAYS_OUT_OF_RANGE, "working_days"),))


def representatives(deviation: Deviation) -> list[Representative]:
    """Whom the contract names today to receive the supplier's notices."""
    contract = deviation.contract
    return contract.representatives_of(contract.supplier_id, clock.today(contract.time_zone))


class Service(NamedTuple):
    """How a notice was handed over otherwise than by mail: to whom, on which day, how, and what documents it."""

    to: str
    on: date | None
    how: str
    uploads: Sequence[Upload] = ()


def settle_delivery(deviation: Deviation, service: Service | None, *, by: Membership, version: int) -> None:
    """A notice did not get through: say how it was handed over instead, or (None) send it again.

    Raises:
        Conflict: the case has moved on, or changed since it was read.
        Invalid: it is not said to whom, when or how.
        Refused: a file is none that we take.
    """
    demand_assessor(deviation, by, version)
    if processes.task_of(deviation, "confirm_delivery") is None:
        raise Conflict(MOVED_ON)
    notice = deviation.notices[-1]
    if service is not None:
        _note_served(notice, service, by)
    # It may have arrived after all while somebody was asked about it: then it is not sent again.
    answer = "delivered" if notice.takes_effect_at is not None else "resend"
    processes.complete(deviation, "confirm_delivery", {"delivery_answer": answer}, by=by)


def _note_served(notice: Notice, service: Service, by: Membership) -> None:
    """A proof of its own: what mail servers and the portal have noted stays as it is."""
    notice.served_at, notice.served_noted_at = _served_at(notice, service), clock.now()
    notice.served_to, notice.served_how = service.to.strip()[:200], service.how.strip()[:400]
    for upload in service.uploads:
        notice.evidence.append(evidence.kept(upload, notice, by))
    db.session.flush()
    if notice.delivered_at is None:
        notice.delivered_at, notice.delivered_how = notice.served_at, notice.served_how
    # How and to whom stands in the row: what it says names people, and nothing is ever taken out of the trail.
    files = [file.sha256 for file in notice.evidence]
    record(notice, "notice.served", by=by, on=notice.served_at.isoformat(), files=files)
    notice.takes_effect_at = notice.takes_effect_at or _given_at(notice)


def _served_at(notice: Notice, service: Service) -> datetime:
    """The end of the day that it was handed over on, or now when that is today."""
    zone = place_of(notice).time_zone
    problems = []
    if not service.how.strip():
        problems.append(Problem("required", SAY_HOW, "how"))
    if not service.to.strip():
        problems.append(Problem("required", SAY_TO_WHOM, "to"))
    on = service.on
    if on is None:
        problems.append(Problem("required", SAY_WHEN, "on"))
    elif not calendars.local_day(notice.created_at, zone) <= on <= clock.today(zone):
        problems.append(Problem("range", NOT_THEN, "on"))
    if problems or on is None:
        raise Invalid(problems[0].text, tuple(problems))
    return min(clock.now(), calendars.end_of_day(on, zone))


# -- delivered ----------------------------------------------------------------------------------------------------


def send_notice(*, deviation_id: int, actor_id: int) -> dict[str, object]:
    """Write the letters of the newest notice. Asked by the process, also when sending again."""
    deviation, by = lookup.by_number(Deviation, deviation_id), accounts.membership(actor_id)
    notice = deviation.notices[-1]
    if notice.sent_at is not None:
        notice.reminded_at = clock.now()
    known = {each["email"].lower() for each in notice.sent_to}
    sent = _write(deviation, notice, "notice", proof=notice)
    notice.sent_to = [*notice.sent_to, *(each for each in sent if each["email"].lower() not in known)]
    deviation.move(DeviationState.NOTIFIED, by=by, notice=str(notice.public_id))
    return {"undelivered_at": processes.moment(_see_to_it_at(notice)), "reply_due_at": ""}


def _see_to_it_at(notice: Notice) -> datetime:
    if notice.starts == NoticeStart.OPENED:
        return deadlines.end_of_working_day(place_of(notice), UNOPENED_AFTER_WORKING_DAYS, clock.now())
    return clock.now() + UNDELIVERED_AFTER


def _write(deviation: Deviation, notice: Notice, letter: str, proof: Notice | None = None) -> list[dict[str, str]]:
    """A letter to the representative and to those who may answer; each address once. Returns whom it went to."""
    named: list[tuple[mail.Addressee, str]] = [(each, "representative") for each in representatives(deviation)]
    named += [(each, "member") for each in recipients(deviation.supplier_id)]
    first: dict[str, tuple[mail.Addressee, str]] = {}
    for to, role in named:
        first.setdefault(to.email.lower(), (to, role))
    stands = anchors.standing(deviation.contract_id)
    for to, _role in first.values():
        mail.write(to, letter, deviation.contract, notice=proof, deviation=deviation, notice_row=notice, trail=stands)
    return [{"name": to.name, "email": to.email, "as": role} for to, role in first.values()]


def note_delivery(notice: Notice, address: str, how: str) -> None:
    """A letter of this notice has arrived: proof of delivery when it went to somebody who counts."""
    processes.hold(notice.deviation)
    db.session.refresh(notice)
    notice.sent_at = notice.sent_at or clock.now()
    if notice.delivered_at is None and counts(notice, address):
        notice.delivered_at, notice.delivered_how = clock.now(), how[:400]
        record(notice, "notice.delivered", by=None)  # to which address stands in the row: the trail names nobody
    _take_effect(notice)


def counts(notice: Notice, address: str) -> bool:
    """The one rule for whose receipt and opening count as the supplier's.

    Where the contract names a representative, theirs: of those it was sent to, and of those named since. Where it names
    nobody, everybody's who may answer for the supplier here.
    """
    named = {each["email"].lower() for each in notice.sent_to or [] if each["as"] == "representative"}
    return not named or address.lower() in named | {each.email.lower() for each in representatives(notice.deviation)}


def is_unopened(deviation: Deviation, by: Membership) -> bool:
    """Whether this person's having the notice before them is news: the first opening that counts, or their own first.

    Of whoever does not count it is noted once that they saw it. No clock starts by that.
    """
    may = by.organisation_id == deviation.supplier_id and permissions.allowed(by, Permission.CASE_REPLY)
    if not may or not deviation.notices or deviation.notices[-1].opened_at is not None:
        return False
    notice = deviation.notices[-1]
    who = str(by.person.public_id)
    return counts(notice, by.person.email) or all(each["person"] != who for each in notice.seen)


def note_opened(deviation: Deviation, *, by: Membership) -> None:
    """Somebody who may answer for the supplier has the notice before them. Safe to repeat: the first one counts."""
    processes.hold(deviation)
    if not is_unopened(deviation, by):
        return
    notice = deviation.notices[-1]
    if not counts(notice, by.person.email):
        who = {"person": str(by.person.public_id), "name": by.person.name, "at": clock.now().isoformat()}
        notice.seen = [*notice.seen, who]
        record(notice, "notice.seen", by=by)
        return
    notice.opened_at, notice.opened_by = clock.now(), by.person
    if notice.delivered_at is None:
        notice.delivered_at, notice.delivered_how = notice.opened_at, OPENED_BY.format(name=by.person.name)
    record(notice, "notice.opened", by=by)
    _take_effect(notice)


def _take_effect(notice: Notice) -> None:
    """Once the contract's rule is fulfilled the notice counts as given, and the case goes on."""
    given_at = _given_at(notice)
    if notice.takes_effect_at is not None or given_at is None:
        return
    notice.takes_effect_at = given_at
    processes.message(notice.deviation, "notice_delivered", {})


def _given_at(notice: Notice) -> datetime | None:
    """From when it counts as given by the rule that held when it was written; None as long as it does not."""
    if notice.starts == NoticeStart.OPENED:
        return notice.opened_at or notice.served_at
    if notice.starts == NoticeStart.DEEMED:
        return _deemed_at(notice)
    return notice.delivered_at


def _deemed_at(notice: Notice) -> datetime | None:
    """So many working days after it went to somebody who counts: by mail, opened here, or handed over."""
    days, sent_at, place = deemed_days(notice), notice.delivered_at, place_of(notice)
    if sent_at is None or not days:
        return sent_at
    day = calendars.add_working_days(calendars.local_day(sent_at, place.time_zone), days, place.country)
    return calendars.start_of_day(day, place.time_zone)


def deemed_days(notice: Notice) -> int:
    """After how many working days it is deemed given; the contract's today for one from before that was kept."""
    days = notice.deemed_working_days
    return notice.deviation.contract.deemed_working_days if days is None else days


class Kept(NamedTuple):
    """Where a notice's days are counted, as it was when it was written."""

    country: str
    time_zone: str


def place_of(notice: Notice) -> Kept:
    """Where its days are counted; the contract's today for one from before that was kept."""
    contract = notice.deviation.contract
    return Kept(notice.country or contract.country, notice.time_zone or contract.time_zone)


# -- the time to reply --------------------------------------------------------------------------------------------


def start_reply_period(*, deviation_id: int) -> dict[str, object]:
    """The notice counts as given: the supplier's working days run from that day. Asked by the process.

    Of one that was handed over otherwise than by mail they run from when that was noted, where that is later: one
    person's word of an earlier day takes no day of the time to reply from anybody.
    """
    deviation = lookup.by_number(Deviation, deviation_id)
    notice = deviation.notices[-1]
    given_at = notice.takes_effect_at or notice.delivered_at or clock.now()
    started_at = max(given_at, notice.served_noted_at or given_at)
    due_at = deadlines.end_of_working_day(place_of(notice), notice.reply_working_days, started_at)
    notice.reply_due_at = deviation.reply_due_at = due_at
    deviation.move(DeviationState.AWAITING_REPLY, by=None, due_at=due_at.isoformat())
    return _reply_deadline(due_at, started_at, deviation)


def extend(*, deviation_id: int) -> dict[str, object]:
    """More time was granted: the reply is due on the day that was promised. Asked by the process."""
    deviation = lookup.by_number(Deviation, deviation_id)
    moments = [deviation.reply_due_at, *(request.granted_until for request in granted(deviation))]
    due_at = max(moment for moment in moments if moment is not None)
    deviation.reply_due_at = due_at
    record(deviation, "deviation.reply_extended", by=None, due_at=due_at.isoformat())
    return _reply_deadline(due_at, clock.now(), deviation)


def granted(deviation: Deviation) -> list[ExtensionRequest]:
    """The supplier's requests for more time to reply that were granted, oldest first."""
    return [request for request in time_asked.of(deviation) if request.state == ExtensionState.GRANTED]


def _reply_deadline(due_at: datetime, start: datetime, deviation: Deviation) -> dict[str, object]:
    remind_at = ahead_of(due_at, start, deviation.contract)
    return {
        "reply_due_at": processes.moment(due_at),
        "remind_reply_at": processes.moment(remind_at) if remind_at > clock.now() else "",
    }


def remind(*, deviation_id: int) -> dict[str, object]:
    """The time to reply is nearly over: remind those who got the notice. Asked by the process.

    Not of a breach that nothing shows any more: they were told that it costs nothing.
    """
    deviation = lookup.by_number(Deviation, deviation_id)
    if deviation.not_found_at is not None:
        return {}
    notice = deviation.notices[-1]
    _write(deviation, notice, "reply_reminder")
    notice.reminded_at = clock.now()
    record(notice, "notice.reminded", by=None)
    return {}


def warn(*, deviation_id: int) -> dict[str, object]:
    """The buyer's own time to give notice is nearly over: tell whoever can give it. Asked by the process."""
    deviation = lookup.by_number(Deviation, deviation_id)
    people: list[Person] = assessors(deviation)
    for person in people:
        mail.write(person, "notice_to_give", deviation.contract, deviation=deviation)
    record(deviation, "deviation.notice_warned", by=None)
    return {}
