"""When a breach of a requirement ended: what a person noted, what later accepted figures say. The earlier day holds.

A daily amount needs a last day that does not depend on when somebody gets round to proposing it, or to reviewing a
report. The figures give it by themselves: if the next period or window breaks the requirement too, the breach lasted
until its last day, and what comes after is a case of its own; if it meets it, or shows neither, no day after those that
were judged is in breach. So no day of one requirement is charged in two cases. The last day of the requirement or of
the contract is the end when nothing is left before it to be judged; until then no later day can be noted or charged.
Before there is an end by the figures a person of the buyer's notes the day, with the reasons: that on which it was put
right, or the last one on which it can be shown that it was not; no later one than the last day before a period or
window that meets the requirement, though something before that is not judged yet.
"""

from collections.abc import Iterator
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal import calendars
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import (
    Cause,
    Contract,
    Deviation,
    FindingResult,
    Membership,
    Report,
    record,
)
from portal.model.cases import MOVED_ON, SETTLED
from portal.operations import processes
from portal.operations.cases import breach_days, calculations, deciders, deviations
from portal.operations.cases.breach_days import Ends, LastDay
from portal.operations.cases.deviations import SAY_WHY
from portal.operations.cases.judged_next import Judged
from portal.operations.contracts import contract_days
from portal.text import Text

NOTED = Text("siste dag med brudd, notert av {name}", "the last day of the breach, noted by {name}")
MET_NEXT = Text(
    "siste dag som er vurdert; i {next} er kravet oppfylt",
    "the last day that was judged; in {next} the requirement is met",
)
BROKEN_NEXT = Text(
    "siste dag i {next}, som er et brudd for seg", "the last day of {next}, which is a breach of its own"
)
SHOWN_BY_NONE = Text(
    "siste dag som er vurdert; tallene for {next} viser ikke noe brudd",
    "the last day that was judged; the figures for {next} show no breach",
)
MET_LATER = Text(
    "siste dag det kan ha vært brudd; i {next} er kravet oppfylt",
    "the last day on which there can have been a breach; in {next} the requirement is met",
)
NO_LONGER_ASKED = Text("siste dag kravet gjaldt", "the last day on which it was required")
CONTRACT_OVER = Text("kontraktens siste dag", "the contract's last day")
ONLY_REQUIREMENTS = Text(
    "En rapport som mangler, er rettet den dagen den kommer. Det noteres av seg selv.",
    "A report that is missing is put right on the day it comes. That is noted by itself.",
)
SAY_WHICH_DAY = Text("Skriv den siste dagen med brudd.", "Write the last day of the breach.")
NOT_YET = Text("Dagen kan ikke være senere enn i dag.", "The day cannot be later than today.")
TOO_EARLY = Text(
    "Dagen kan ikke være før {first}, som er den første dagen som er vurdert.",
    "The day cannot be before {first}, the first day that was judged.",
)
FIGURES_SAY = Text("Dagen kan ikke være senere enn {day}: {why}.", "The day cannot be later than {day}: {why}.")
_OPEN = (Deviation.cause == Cause.REQUIREMENT_BROKEN, Deviation.state.not_in(SETTLED))
"""What makes a case one whose breach may still end."""
_READ = (
    joinedload(Deviation.window),
    joinedload(Deviation.sanction),
    joinedload(Deviation.report).joinedload(Report.period),
)
"""What is asked of every case, read with it."""


# -- noted by a person --------------------------------------------------------------------------------------------


def put_right(deviation: Deviation, on: date | None, reason: str, *, by: Membership, version: int) -> None:
    """Note the last day of a breach, with how it is known; noted again, the newest day is the person's.

    Raises:
        Forbidden: this person does not assess cases.
        Conflict: the case is settled, or changed since it was read.
        Refused: it is a matter of filing, which ends by itself.
        Invalid: the day or the reasons are missing, or the day cannot be.
    """
    deviations.demand_assessor(deviation, by, version)
    if deviations.is_settled(deviation) or deviation.state in SETTLED:
        raise Conflict(MOVED_ON)
    if deviation.cause != Cause.REQUIREMENT_BROKEN:
        raise Refused(ONLY_REQUIREMENTS)
    problems = [*_wrong_day(deviation, on), *([] if reason.strip() else [Problem("required", SAY_WHY, "reason")])]
    if on is None or problems:
        raise Invalid(problems[0].text, tuple(problems))
    person = LastDay(on, NOTED.with_values(name=by.person.name), reason.strip(), by.person.name, by.person_id)
    _keep(deviation, Ends.of(deviation)._replace(person=person))
    record(deviation, "deviation.put_right", by=by, reason=person.reason, on=on.isoformat())


def _wrong_day(deviation: Deviation, on: date | None) -> Iterator[Problem]:
    # What is known now, not what was kept: a handover of today is not waited for.
    latest = _latest(deviation)
    first = deviation.window.starts_on if deviation.window else deviation.report.period.starts_on
    if on is None:
        yield Problem("required", SAY_WHICH_DAY, "on")
    elif on > breach_days.today(deviation):
        yield Problem("range", NOT_YET, "on")
    elif on < first:
        yield Problem("range", TOO_EARLY.with_values(first=calendars.day_name(first)), "on")
    elif latest and on > latest.on:
        yield Problem("range", FIGURES_SAY.with_values(day=calendars.day_name(latest.on), why=latest.why), "on")


def _latest(deviation: Deviation) -> LastDay | None:
    """The last day that a person may note: where the breach ended by the figures, or where it can have gone on to."""
    judged = Judged.of(deviation.contract, [deviation])
    known = [_known_end(deviation, judged), _bound(deviation, judged)]
    return min((each for each in known if each is not None), default=None, key=lambda each: each.on)


# -- by the figures -----------------------------------------------------------------------------------------------


def watched() -> list[int]:
    """Numbers of the contracts with an open breach of a requirement, whether anything new is known of it or not."""
    rows = select(Deviation.contract_id).where(*_OPEN).distinct()
    return list(db.session.scalars(rows.order_by(Deviation.contract_id)))


def is_waiting(number: int) -> bool:
    """Whether there is something to note in a contract. Only reads, and as often for many cases as for one."""
    return bool(_news(db.session.get_one(Contract, number)))


def follow_up(number: int) -> None:
    """Note what is known of a contract's breaches, when no report is approved: a last day goes by, or is agreed."""
    follow(db.session.get_one(Contract, number))


def follow(contract: Contract) -> None:
    """Note what the accepted figures say of when each open breach of a requirement ended. Safe to repeat.

    An amended report may take back what it said before: then the day is not known any more, or is another one.
    """
    for deviation, now in _news(contract):
        _note(deviation, now)


def _news(contract: Contract) -> list[tuple[Deviation, LastDay | None]]:
    """The open cases of which the figures say something else now than is kept, with the day that they say."""
    cases = _open_in(contract.id)
    if not cases:
        return []
    judged = Judged.of(contract, cases)
    known = [(each, _known_end(each, judged)) for each in cases]
    return [(each, now) for each, now in known if now != Ends.of(each).figures]


def _open_in(number: int) -> list[Deviation]:
    rows = select(Deviation).where(Deviation.contract_id == number, *_OPEN).options(*_READ).order_by(Deviation.id)
    return [each for each in db.session.scalars(rows).unique() if not deviations.is_settled(each)]


def _note(deviation: Deviation, now: LastDay | None) -> None:
    db.session.flush()  # what this transaction has said of the case already: to hold it is to read it again
    processes.hold(deviation)
    if deviations.is_settled(deviation):
        return
    _keep(deviation, Ends.of(deviation)._replace(figures=now))
    if now:
        record(deviation, "deviation.put_right", by=None, on=now.on.isoformat(), said=now.why.dump())
    else:
        record(deviation, "deviation.not_put_right", by=None)


def _known_end(deviation: Deviation, judged: Judged) -> LastDay | None:
    """The last day by the figures in force, by the requirement's or contract's last day; None as long as it is open.

    Where days before a bound are still to be judged it ends nothing by itself: the order in which the buyer does its
    work is not to set an amount. A later day that a person noted it cuts all the same.
    """
    until, bound = breach_days.judged_until(deviation), _bound(deviation, judged)
    following = judged.following(deviation)
    if following is None:
        return bound
    if following.result is None:
        person = Ends.of(deviation).person
        return bound if bound and person and person.on > bound.on else None
    name = calendars.period_name(following.days)
    if following.result != FindingResult.BROKEN:
        words = MET_NEXT if following.result == FindingResult.MET else SHOWN_BY_NONE
        return LastDay(until, words.with_values(next=name))
    last = LastDay(following.days.ends_on, BROKEN_NEXT.with_values(next=name))
    return bound if bound and bound.on < last.on else last


def _bound(deviation: Deviation, judged: Judged) -> LastDay | None:
    """The last day on which there can have been a breach; None as long as nothing says one.

    It is the requirement's, the contract's, the one before days that meet the requirement, or the last of days that
    break it again: what comes after those is another case's. The contract's agreed
    last day bounds it once it is past, also before a handover is noted: no report is asked for after it that could say
    otherwise. A change order that moves that day moves the bound. Accepted figures bound it whatever lies
    unjudged before them: what the supplier still owes takes nothing from what they show.
    """
    duty, contract, today, known = deviation.requirement, deviation.contract, breach_days.today(deviation), []
    if duty.valid_to is not None and duty.valid_to < today:
        known.append(LastDay(duty.valid_to, NO_LONGER_ASKED))
    last = contract_days.last_day(contract)
    if contract_days.is_handed_over(contract) or last < today:
        known.append(LastDay(last, CONTRACT_OVER))
    bounding = judged.bounding(deviation)
    if bounding is not None:
        on, later = bounding
        words = MET_LATER if later.result == FindingResult.MET else BROKEN_NEXT
        known.append(LastDay(on, words.with_values(next=calendars.period_name(later.days))))
    return min(known, default=None, key=lambda each: each.on)


def _keep(deviation: Deviation, ends: Ends) -> None:
    with deciders.kept_in_sight(deviation):
        deviation.put_right = ends.dump()
        deviation.cured_on = ends.last.on if ends.last else None
    deviation.at_stake = calculations.at_stake(deviation)
