"""When a breach of a requirement ended: what a person noted, what later accepted figures say. The earlier day holds.

A daily amount needs a last day that does not depend on when somebody gets round to proposing it. The figures give it
by themselves: the next period or window that is judged either meets the requirement, and then no day after what was
judged is in breach; or it breaks it too, and then that is a case of its own from its own last day on. So no day of one
requirement is charged in two cases. Before such figures are there a person of the buyer's notes the day, with the
reasons: that on which it was put right, or the last one on which it can be shown that it was not.
"""

from collections.abc import Iterator
from datetime import date

from sqlalchemy import select

from portal import calendars
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import (
    Cause,
    Contract,
    ContractState,
    Deviation,
    FindingResult,
    Membership,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    ReportState,
    record,
)
from portal.model.base import Json
from portal.model.cases import MOVED_ON, SETTLED
from portal.operations import breach_days, calculations, contract_days, deviations, processes, windows
from portal.operations.deviations import SAY_WHY
from portal.text import Text

NOTED = Text("siste dag med brudd, notert av {name}", "the last day of the breach, noted by {name}")
MET_NEXT = Text(
    "siste dag som er vurdert; i {next} er kravet oppfylt",
    "the last day that was judged; in {next} the requirement is met",
)
BROKEN_NEXT = Text(
    "siste dag i {next}, som er et brudd for seg", "the last day of {next}, which is a breach of its own"
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
    why = NOTED.with_values(name=by.person.name).dump()
    person = {"on": on.isoformat(), "why": why, "reason": reason.strip(), "by": by.person.name}
    _keep(deviation, {**deviation.put_right, "person": person})
    record(deviation, "deviation.put_right", by=by, reason=reason.strip(), on=on.isoformat(), why=why)


def _wrong_day(deviation: Deviation, on: date | None) -> Iterator[Problem]:
    # What is known now, not what was kept: a handover of today is not waited for.
    figures = _known_end(deviation)
    first = deviation.window.starts_on if deviation.window else deviation.report.period.starts_on
    if on is None:
        yield Problem("required", SAY_WHICH_DAY, "on")
    elif on > breach_days.today(deviation):
        yield Problem("range", NOT_YET, "on")
    elif on < first:
        yield Problem("range", TOO_EARLY.with_values(first=calendars.day_name(first)), "on")
    elif figures and on > date.fromisoformat(figures["on"]):
        day = calendars.day_name(date.fromisoformat(figures["on"]))
        yield Problem("range", FIGURES_SAY.with_values(day=day, why=Text.load(figures["why"])), "on")


# -- by the figures -----------------------------------------------------------------------------------------------


def watched() -> list[int]:
    """Numbers of the contracts with an open breach of a requirement, whether anything new is known of it or not."""
    rows = select(Deviation.contract_id).where(*_OPEN).distinct()
    return list(db.session.scalars(rows.order_by(Deviation.contract_id)))


def is_waiting(number: int) -> bool:
    """Whether there is something to note in a contract. Only reads."""
    return any(_known_end(each) != each.put_right.get("figures") for each in _open_in(number))


def follow_up(number: int) -> None:
    """Note what is known of a contract's breaches, when no report is approved: a last day goes by, or is agreed."""
    follow(db.session.get_one(Contract, number))


def follow(contract: Contract) -> None:
    """Note what the accepted figures say of when each open breach of a requirement ended. Safe to repeat.

    An amended report may take back what it said before: then the day is not known any more, or is another one.
    """
    for deviation in _open_in(contract.id):
        _follow(deviation)


def _open_in(number: int) -> list[Deviation]:
    rows = select(Deviation).where(Deviation.contract_id == number, *_OPEN).order_by(Deviation.id)
    return [each for each in db.session.scalars(rows).unique() if not deviations.is_settled(each)]


def _known_end(deviation: Deviation) -> Json | None:
    """The first last day that is known now, as it is kept."""
    end = min(_ends(deviation), default=None, key=lambda each: each[0])
    return {"on": end[0].isoformat(), "why": end[1].dump()} if end else None


def _follow(deviation: Deviation) -> None:
    now = _known_end(deviation)
    if now == deviation.put_right.get("figures"):
        return
    db.session.flush()  # what this transaction has said of the case already: to hold it is to read it again
    processes.hold(deviation)
    if deviations.is_settled(deviation):
        return
    kept = {source: said for source, said in deviation.put_right.items() if source != "figures"}
    _keep(deviation, {**kept, "figures": now} if now else kept)
    if now:
        record(deviation, "deviation.put_right", by=None, on=now["on"], said=now["why"])
    else:
        record(deviation, "deviation.not_put_right", by=None)


def _ends(deviation: Deviation) -> Iterator[tuple[date, Text]]:
    """Every last day that is known: the next that was judged, the requirement's, the contract's."""
    duty, contract = deviation.requirement, deviation.contract
    yield from (_next_window if deviation.window else _next_report)(deviation)
    if duty.valid_to is not None and duty.valid_to < breach_days.today(deviation):
        yield duty.valid_to, NO_LONGER_ASKED
    if contract.state in {ContractState.COMPLETED, ContractState.CLOSED}:
        yield contract_days.last_day(contract), CONTRACT_OVER


def _next_report(deviation: Deviation) -> Iterator[tuple[date, Text]]:
    """The next period's report that says whether the requirement is met; nothing as long as one before it is open."""
    until = breach_days.judged_until(deviation)  # not the last day that it reports, where the contract ended before
    rows = (
        select(Report)
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .where(Report.contract_id == deviation.contract_id, ReportingPeriod.purpose == PeriodPurpose.REGULAR)
        .where(ReportingPeriod.starts_on > deviation.report.period.ends_on)
        .order_by(ReportingPeriod.starts_on, Report.id)
    )
    for report in db.session.scalars(rows.where(Report.state != ReportState.SPARED)).unique():
        if report.accepted is None:
            return
        found = [each for each in report.accepted.findings if each.requirement_id == deviation.requirement_id]
        result = found[0].result if found else FindingResult.UNKNOWN
        if result in {FindingResult.MET, FindingResult.BROKEN}:
            yield _judged_next(until, report.period.ends_on, report.period.name, result)
            return


def _next_window(deviation: Deviation) -> Iterator[tuple[date, Text]]:
    """As for reports: the next window, and nothing as long as one before it is not judged."""
    until = breach_days.judged_until(deviation)
    following = windows.following(deviation.requirement, until)
    if following is not None:
        name = calendars.period_name(calendars.Period(following.starts_on, following.ends_on))
        yield _judged_next(until, following.ends_on, name, following.result)


def _judged_next(until: date, ends_on: date, name: Text, result: str) -> tuple[date, Text]:
    if result == FindingResult.MET:
        return until, MET_NEXT.with_values(next=name)
    return ends_on, BROKEN_NEXT.with_values(next=name)


def _keep(deviation: Deviation, said: Json) -> None:
    deviation.put_right = said
    end = breach_days.end_of(deviation)
    deviation.cured_on = end[0] if end else None
    deviation.at_stake = calculations.at_stake(deviation)
