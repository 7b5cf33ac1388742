"""A breach found, judged anew when an amended report is accepted, gone again, dismissed, or settled in the end."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select

from portal import calendars, clock, impartiality
from portal.errors import Conflict, Invalid, InvalidTransition
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import (
    AssessmentWindow,
    Cause,
    Comparison,
    Contract,
    Deviation,
    DeviationState,
    Membership,
    Person,
    Point,
    Report,
    Requirement,
    Role,
    Verdict,
    record,
)
from portal.model.base import Json
from portal.model.cases import MOVED_ON
from portal.operations import accounts, deadlines, lookup, mail, processes, time_asked
from portal.operations.cases import calculations
from portal.operations.contracts import contract_days
from portal.operations.figures import stretches
from portal.permissions import Permission
from portal.text import Text

ANSWERERS = (Role.SIGNATORY, Role.REPORTER, Role.ADMINISTRATOR)
ASSESSORS = (Role.ADMINISTRATOR, Role.CONTRACT_MANAGER)
WARNING_WORKING_DAYS = 3
"""Working days before a deadline that whoever must keep it is told; half of its time when that is shorter."""

SAY_WHY = Text("Skriv en begrunnelse.", "Write your reasons.")
VERDICTS = {
    Verdict.UPHELD: Text("opprettholdt", "upheld"),
    Verdict.PARTLY: Text("delvis opprettholdt", "partly upheld"),
    Verdict.DROPPED: Text("frafalt", "dropped"),
}
NOT_WEIGHED = Text(
    "Vurder hvert punkt i varselet før saken avgjøres. Disse mangler: {numbers}.",
    "Assess each point of the notice before the case is decided. These are missing: {numbers}.",
)


class Breach(NamedTuple):
    """What was found: the cause and its identity, in words, with the figures and lines behind it."""

    cause: Cause
    group: str
    sentence: Text
    facts: Json


# -- found --------------------------------------------------------------------------------------------------------


def note_breach(
    report: Report, requirement: Requirement, breach: Breach, window: AssessmentWindow | None = None
) -> Deviation:
    """Open the deviation for a breach; one that is known already is told anew, with its trail.

    What was settled without a sanction was settled for the breach as it was: one that is worse now is a case anew.
    """
    known = find(report, requirement, breach.group, window)
    if known is not None and not is_another(known, breach):
        _tell_anew(known, breach)
        return known
    deviation = Deviation(
        **report.parties,
        contract=report.contract,
        requirement=requirement,
        report=report,
        window=window,
        cause=breach.cause,
        cause_group=breach.group,
        occasion=known.occasion + 1 if known else 1,
        clause=requirement.clause,
        sentence=breach.sentence.dump(),
        facts=breach.facts,
        put_right={},
    )
    _know(deviation)
    db.session.add(deviation)
    db.session.flush()
    record(
        deviation, "deviation.found", by=None, clause=requirement.clause, cause=str(breach.cause), found=breach.facts
    )
    if known is not None:
        new = str(deviation.public_id)
        record(known, "deviation.found_anew", by=None, was=known.sentence, said=deviation.sentence, new=new)
    _begin(deviation)
    return deviation


def is_another(known: Deviation, breach: Breach) -> bool:
    """Whether a breach is more than what was settled without a sanction, or is one of a deadline of its own."""
    before, now = known.facts, breach.facts
    is_of_filing = breach.cause in {Cause.REPORT_MISSING, Cause.REPORT_LATE}
    # What was missed before the deadline was counted anew is what the notice told of: not what was missed since.
    if is_of_filing and before.get("due_at") != now.get("due_at") and notice_is_given(known) and known.not_found_at:
        return not _is_decided(known)
    if known.state not in {DeviationState.DISMISSED, DeviationState.CLOSED} or _is_decided(known):
        return False
    if known.not_found_at is not None:  # settled because the figures did not show it
        return True
    if is_of_filing:
        return before.get("due_at") != now["due_at"] or _is_later(known, now)
    return int(now["breaches"]) > int(before["breaches"]) or _is_worse(known.requirement, before, now)


def _is_later(known: Deviation, now: Json) -> bool:
    """Whether what came is later than it was, still missing, on the day on which its case was settled."""
    zone, settled_at = known.contract.time_zone, processes.of(known).ended_at
    if settled_at is None:
        return False
    settled_on = calendars.local_day(settled_at, zone)
    due_on = calendars.local_day(datetime.fromisoformat(now["due_at"]), zone)
    return int(now.get("late_by_days", 0)) > (settled_on - due_on).days


def _is_worse(duty: Requirement, before: Json, now: Json) -> bool:
    """Whether a figure is further from what is required, or other lines break it by themselves."""
    if "figure" not in before or "figure" not in now:
        return False
    if stretches.described(duty).breaks_by_line:
        return bool(calculations.lines_in(now) - calculations.lines_in(before))
    was, is_now = before["figure"]["value"], now["figure"]["value"]
    if was is None or is_now is None:
        return False
    further = Decimal(is_now) - Decimal(was)
    return further < 0 if duty.comparison == Comparison.AT_LEAST else further > 0


def _know(deviation: Deviation) -> None:
    """From now on the buyer knows, and its own time to give notice runs."""
    contract = deviation.contract
    deviation.known_at, deviation.notice_due_at = clock.now(), None
    deviation.at_stake = calculations.at_stake(deviation)
    if contract.notice_working_days is not None:
        days = contract.notice_working_days
        deviation.notice_due_at = deadlines.end_of_working_day(contract, days, deviation.known_at)


def _begin(deviation: Deviation) -> None:
    due_at = deviation.notice_due_at
    data = {
        "deviation_id": deviation.id,
        "notice_due_at": processes.moment(due_at),
        "warn_notice_at": processes.moment(ahead_of(due_at, deviation.known_at, deviation.contract)) if due_at else "",
    }
    processes.start("deviation", deviation, data)


# -- judged anew --------------------------------------------------------------------------------------------------


def is_settled(deviation: Deviation) -> bool:
    """Whether somebody has decided it: what the decision stood on no longer changes."""
    return _is_decided(deviation) or deviation.state in {DeviationState.CLOSED, DeviationState.DISMISSED}


def _is_decided(deviation: Deviation) -> bool:
    return deviation.sanction is not None and deviation.sanction.decided_at is not None


def notice_is_given(deviation: Deviation) -> bool:
    """Whether the supplier has been given notice of it."""
    return bool(deviation.notices)


def _tell_anew(known: Deviation, breach: Breach) -> None:
    was = known.sentence
    is_back = known.not_found_at is not None and known.facts.get("gone", {}).get("is_beyond", False)
    back = contract_days.reopened_in_words(known.contract).dump() if is_back else None
    is_same = known.not_found_at is None and (_weight(known.facts), was) == (
        _weight(breach.facts),
        breach.sentence.dump(),
    )
    record(
        known,
        "deviation.confirmed" if is_same else "deviation.assessed_again",
        by=None,
        found=breach.facts,
        said=breach.sentence.dump(),
        was=was,
    )
    if is_same:
        return
    if not is_settled(known):
        known.sentence, known.facts, known.not_found_at = breach.sentence.dump(), breach.facts, None
        known.at_stake = calculations.at_stake(known)
    if known.state == DeviationState.FELL_AWAY:
        known.move(DeviationState.FOUND, by=None, said=breach.sentence.dump())
        _know(known)
        _begin(known)
    elif known.state != DeviationState.FOUND:
        tell_changed(known, was=was, found=breach.sentence.dump(), back=back)


def fall_away(*, deviation_id: int) -> dict[str, object]:
    """Nothing in force shows the breach any more, and no notice was given. Asked by the process."""
    deviation = lookup.by_number(Deviation, deviation_id)
    deviation.move(DeviationState.FELL_AWAY, by=None, said=deviation.facts["gone"]["sentence"])
    return {}


def _weight(facts: Json) -> Json:
    """What a breach comes to, whichever revision shows it."""
    return {name: value for name, value in facts.items() if name != "revision"}


def find(
    report: Report, requirement: Requirement | None, group: str, window: AssessmentWindow | None = None
) -> Deviation | None:
    """The deviation of this identity: requirement, report or window, cause; the newest, where it was found anew."""
    if requirement is None:
        return None
    rows = select(Deviation).where(Deviation.requirement_id == requirement.id, Deviation.cause_group == group)
    rows = rows.order_by(Deviation.occasion.desc()).limit(1)
    if window is not None:
        return db.session.scalar(rows.where(Deviation.window_id == window.id))
    # A window's deviation stands on the last report in it, whose own finding says nothing of the window.
    return db.session.scalar(rows.where(Deviation.report_id == report.id, Deviation.window_id.is_(None)))


def before(deviation: Deviation) -> Deviation | None:
    """The case about the same from before this one was found anew."""
    if deviation.occasion == 1:
        return None
    rows = select(Deviation).where(
        Deviation.requirement_id == deviation.requirement_id,
        Deviation.cause_group == deviation.cause_group,
        Deviation.occasion == deviation.occasion - 1,
    )
    if deviation.window_id is not None:  # its last report may be another one than it was
        return db.session.scalar(rows.where(Deviation.window_id == deviation.window_id))
    return db.session.scalar(rows.where(Deviation.report_id == deviation.report_id, Deviation.window_id.is_(None)))


# -- dismissed, weighed, closed -----------------------------------------------------------------------------------


def dismiss(deviation: Deviation, reason: str, *, by: Membership, version: int) -> None:
    """Find that there is no breach after all, with the reason."""
    demand_assessor(deviation, by, version)
    _complete_assessment(deviation, "assess", "dismiss", reason, by)


def withdraw_notice(deviation: Deviation, reason: str, *, by: Membership, version: int) -> None:
    """Take the notice back, on its way or while the supplier has time to reply, and close the case with the reason."""
    demand_assessor(deviation, by, version)
    _demand_reason(reason)
    deviation.outcome = reason.strip()
    record(deviation, "deviation.notice_withdrawn", by=by, reason=reason.strip())
    if not processes.message(deviation, "notice_withdrawn", {}, by=by):
        raise InvalidTransition(MOVED_ON)


def close(deviation: Deviation, reason: str, *, by: Membership, version: int) -> None:
    """Settle the case without a sanction, with the reason. Each point must have been weighed."""
    demand_assessor(deviation, by, version)
    demand_weighed(deviation)
    _complete_assessment(deviation, "assess_reply", "close", reason, by)


def demand_weighed(deviation: Deviation) -> None:
    """Refuse to go on as long as a point of the notice is unweighed, or was weighed before the last reply came."""
    left = unweighed(deviation)
    if left:
        words = NOT_WEIGHED.with_values(numbers=", ".join(str(point.number) for point in left))
        raise Invalid(words, (Problem("unweighed", words, "points"),))


def unweighed(deviation: Deviation) -> list[Point]:
    """The points that nobody has weighed since the supplier was heard last."""
    heard = deviation.replies[-1].created_at if deviation.replies else None
    return [
        point
        for point in deviation.points
        if not point.weighings or (heard is not None and point.weighings[-1].created_at < heard)
    ]


def dismiss_deviation(*, deviation_id: int, actor_id: int) -> dict[str, object]:
    """Asked by the process after the person's choice."""
    deviation = lookup.by_number(Deviation, deviation_id)
    deviation.move(DeviationState.DISMISSED, by=accounts.membership(actor_id), reason=deviation.outcome)
    return {}


def close_deviation(*, deviation_id: int) -> dict[str, object]:
    """Asked by the process when everything is settled."""
    deviation = lookup.by_number(Deviation, deviation_id)
    time_asked.lapse(deviation)
    deviation.move(DeviationState.CLOSED, by=None, reason=deviation.outcome)
    for person in recipients(deviation.supplier_id):
        mail.write(person, "case_closed", deviation.contract, deviation=deviation, verdicts=VERDICTS)
    return {}


# -- who, when ----------------------------------------------------------------------------------------------------


def recipients(organisation_id: int) -> list[Person]:
    """Whom formal letters go to: those who may answer for the organisation."""
    return accounts.people(organisation_id, *ANSWERERS)


def assessors(deviation: Deviation) -> list[Person]:
    """Whose task it is at the buyer to assess the case."""
    return accounts.people(deviation.buyer_id, *ASSESSORS, about=deviation.contract_id)


def period_text(report: Report) -> Text:
    """The period as words: «oktober 2026»."""
    return report.period.name


def due_text(report: Report) -> Text:
    """When it is, or was, due: the day, and the time of day where the contract sets one."""
    contract = report.contract
    day = day_text(report.due_at, contract.time_zone)
    if not contract.due_time:
        return day
    return Text("{day} kl. {time}", "{day} at {time}").with_values(day=day, time=contract.due_time)


def day_text(moment: datetime, zone: str) -> Text:
    """The calendar day of a moment where the contract is, as words."""
    return calendars.day_name(calendars.local_day(moment, zone))


def ahead_of(due_at: datetime, start: datetime, contract: Contract) -> datetime:
    """When to warn of a deadline that runs from `start`: three working days ahead, or half-way if that is later."""
    due_on = calendars.local_day(due_at, contract.time_zone)
    day = calendars.add_working_days(due_on, -WARNING_WORKING_DAYS, contract.country)
    morning = calendars.start_of_day(day, contract.time_zone) + timedelta(hours=8)
    return max(morning, start + (due_at - start) / 2)


def demand_assessor(deviation: Deviation, by: Membership, version: int) -> None:
    """Hold the case for this person's decision. Raises Forbidden, or Conflict when it is not as they saw it."""
    processes.hold(deviation)
    impartiality.may_decide(by, Permission.CASE_ASSESS, deviation, involved={})
    if deviation.version != version:
        raise Conflict(MOVED_ON)


def tell_changed(deviation: Deviation, *, was: Json, found: Json, gone: str = "", back: Json | None = None) -> None:
    """Tell the buyer, and, while a notice stands to be answered or weighed, the supplier who was given it.

    `gone`: why the breach is not shown any more; empty as long as it is. `back`: why one stands again that was gone,
    where that is not what a report shows.
    """
    letters = [("breach_changed", assessors(deviation))]
    if notice_is_given(deviation) and not is_settled(deviation):
        letters.append(("case_changed", recipients(deviation.supplier_id)))
    for letter, people in letters:
        for person in people:
            said = {"deviation": deviation, "was": was, "found": found, "gone": gone, "back": back, "now": clock.now()}
            mail.write(person, letter, deviation.contract, notice=None, sanction=None, word=None, **said)


def tell_of_late_reply(deviation: Deviation) -> None:
    """The supplier has added to its reply while a sanction is proposed: who assesses it is to read it."""
    for person in assessors(deviation):
        mail.write(person, "reply_added", deviation.contract, deviation=deviation)


def _demand_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid(SAY_WHY, (Problem("required", SAY_WHY, "reason"),))


def _complete_assessment(deviation: Deviation, element: str, outcome: str, reason: str, by: Membership) -> None:
    _demand_reason(reason)
    if processes.task_of(deviation, element) is None:
        raise Conflict(MOVED_ON)
    deviation.outcome = reason.strip()
    processes.complete(deviation, element, {"assessment" if element == "assess" else "outcome": outcome}, by=by)
