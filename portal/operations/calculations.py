"""From a case and its clause to a calculation: which days, rates and base, and what the case said when it was made."""

import hashlib
import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import ColumnElement, or_, select

from portal import amounts, calendars, clock
from portal.amounts import Daily, Fee, Run, Sheet, Step
from portal.calendars import Period
from portal.errors import Refused
from portal.extensions import db
from portal.model import (
    Cause,
    ClauseCounts,
    ClauseForm,
    DailyBase,
    DailyStart,
    Deviation,
    DeviationState,
    ExtensionRequest,
    Report,
    Requirement,
    Sanction,
    SanctionClause,
    SanctionState,
)
from portal.model.base import Json
from portal.model.sanctions import IN_FORCE
from portal.operations import contract_days, counted_once, stretches
from portal.text import Text, same

WARNING = "warning"
"""The step of a clause that warns first; the others are named as the forms of clauses are."""
_A_DAY = timedelta(days=1)

NO_RATE = Text(
    "Bestemmelsen i punkt {clause} har ingen sats. Uten sats kan beløpet ikke beregnes.",
    "The sanction clause {clause} has no rate. Without a rate the amount cannot be computed.",
)
NO_BASE = Text(
    "Bestemmelsen i punkt {clause} regner av et grunnlag som ikke står i kontrakten. "
    "Legg inn verdien, eller et fast grunnlag, først.",
    "The sanction clause {clause} counts from a base that the contract does not have. "
    "Enter the value, or a fixed base, first.",
)
BASES = {
    DailyBase.VALUE: Text("kontraktsverdien med endringer", "the contract's value with change orders"),
    DailyBase.SIGNED_VALUE: Text("kontraktsverdien ved signering", "the contract's value as signed"),
    DailyBase.FIXED: Text("fast grunnlag i bestemmelsen", "the fixed base of the clause"),
}
AFTER_DEADLINE = Text("dagen etter fristen", "the day after the deadline")
AFTER_WINDOW = Text("dagen etter perioden som er vurdert", "the day after the days that were judged")
AFTER_NOTICE = Text("dagen etter at varselet fikk virkning", "the day after the notice took effect")
NO_NOTICE = Text("varselet er ikke gitt ennå", "the notice has not been given yet")
FILED = Text("dagen rapporten kom", "the day the report came")
TODAY = Text("dagen beregningen er gjort", "the day of this calculation")
CORRECTION_DUE = Text(
    "fristen for rettingen; kommer den senere, er det en sak for seg",
    "when the correction is due; if that comes later, it is a case of its own",
)


# -- what a clause says ---------------------------------------------------------------------------------------------


def fee_of(clause: SanctionClause) -> Fee:
    """The clause as an amount per breach."""
    return Fee(clause.clause, clause.contract.currency, _rates(clause), by_line=clause.counts == ClauseCounts.LINE)


def daily_of(clause: SanctionClause) -> Daily:
    """The clause as an amount per day. Raises Refused when the base that it names is not there."""
    return Daily(
        clause=clause.clause,
        currency=clause.contract.currency,
        per_mille=_rates(clause),
        base=_base(clause),
        base_name=BASES[clause.base],
        grace_days=clause.grace_days,
        counting=clause.day_counting,
        country=clause.contract.country,
        least_per_day=clause.least_per_day,
        cap_days=clause.cap_days,
        cap_percent=clause.cap_percent,
    )


def demand_computable(clause: SanctionClause) -> None:
    """Refuse with words when the clause lacks what its amount is computed from."""
    if clause.form == ClauseForm.DAILY:
        daily_of(clause)
    else:
        fee_of(clause)


def rate_on(clause: SanctionClause, day: date) -> Decimal:
    """The fee, or the per mille, in force on a day. Raises Refused when the clause has no rate."""
    return amounts.in_force(_rates(clause), day).amount


def _rates(clause: SanctionClause) -> tuple[Step, ...]:
    if not clause.rates:
        raise Refused(NO_RATE.with_values(clause=clause.clause))
    return tuple(Step(rate.valid_from, rate.amount) for rate in clause.rates)


def _base(clause: SanctionClause) -> tuple[Step, ...]:
    contract = clause.contract
    first = clause.base_amount if clause.base == DailyBase.FIXED else contract.value
    if first is None:
        raise Refused(NO_BASE.with_values(clause=clause.clause))
    steps = [Step(date.min, first)]
    if clause.base == DailyBase.VALUE:
        days = sorted({order.from_on for order in contract.change_orders if order.value_change})
        steps += [Step(day, value) for day in days if (value := contract.value_on(day)) is not None]
    return tuple(steps)


# -- what a case comes to -------------------------------------------------------------------------------------------


def sheet(deviation: Deviation, clause: SanctionClause, *, step: str, on: date) -> Sheet:
    """The calculation for a case as it stands, made on a day. Raises Refused when it cannot be made."""
    if step == WARNING:
        return amounts.warned(clause.clause, clause.contract.currency)
    if clause.form == ClauseForm.DAILY:
        return amounts.daily(daily_of(clause), run_of(deviation, clause, on))
    found, last_day = int(deviation.facts["breaches"]), contract_days.day_of(deviation.report)
    return amounts.fee(fee_of(clause), breaches(deviation), last_day, found, counted_once.elsewhere(deviation))


def breaches(deviation: Deviation) -> int:
    """How many breaches may cost something: those that the figures in force show and the notice named.

    What the supplier was never told of it could not answer. Lines that break the requirement one by one are the same
    only when they are the same lines; else the number decides. Before a notice, and under one from before it was kept
    what a notice said, it is what the figures show.
    """
    now = int(deviation.facts["breaches"])
    said = deviation.notices[-1].said if deviation.notices else {}
    if not said:
        return now
    if "figure" in said and stretches.described(deviation.requirement).breaks_by_line:
        return len(lines_in(deviation.facts) & lines_in(said))
    return min(now, int(said["breaches"]))


def lines_in(facts: Json) -> set[tuple[str, str]]:
    """The lines that facts name, each with its report: a machine's line has the same key in every period."""
    if "lines_in" not in facts:
        return {("", key) for key in facts["lines"]}
    return {(each["report"], key) for each in facts["lines_in"] for key in each["lines"]}


def at_stake(deviation: Deviation) -> Decimal | None:
    """What a sanction would come to today: 0 for a warning; None without a clause, its base, or the breach itself.

    None too for days whose last one nobody knows: what they would come to until today no sanction can ask for.
    """
    clause = deviation.contract.clause_for(deviation.requirement)
    if clause is None or not stands(deviation) or lacks_end(deviation, clause):
        return None
    try:
        return sheet(deviation, clause, step=step_of(deviation, clause), on=today(deviation)).amount
    except Refused:
        return None


def per_day(deviation: Deviation, clause: SanctionClause) -> Decimal:
    """What a day of the breach costs today. Raises Refused when it cannot be computed."""
    return daily_of(clause).per_day(max(today(deviation), judged_until(deviation) + _A_DAY))


def step_of(deviation: Deviation, clause: SanctionClause, taken: Iterable[Deviation] | None = None) -> str:
    """The step that the clause comes to for this case: a warning where it warns first and none was taken before.

    One that is decided keeps its step. `taken`: as in `earlier`.
    """
    if is_sanctioned(deviation) and deviation.sanction is not None:
        return deviation.sanction.step
    return WARNING if clause.warns_first and not earlier(deviation, taken) else str(clause.form)


def earlier(deviation: Deviation, taken: Iterable[Deviation] | None = None) -> int:
    """How many earlier breaches of the same requirement, in whatever form a change order gave it, have been sanctioned.

    Earlier is what was judged for days that ended before, and of the same days what was found first: never what
    somebody happened to decide first, for the parties agreed that the first breach is warned of. `taken`: the cases
    that count as sanctioned; those with a decision, unless a preview asks as if others had one too.
    """
    others = _sanctioned(deviation) if taken is None else taken
    mine = _place(deviation)
    origin = deviation.requirement.origin_id
    return sum(each.requirement.origin_id == origin and _place(each) < mine for each in others)


def stands(deviation: Deviation) -> bool:
    """Whether there is a breach that may cost something: one that nobody dropped and that is shown by what is in force.

    A report that came on the day it was due, after the time of day, is late: a fee asks for no whole day. What was
    filed in time after all is no longer shown.
    """
    is_dropped = deviation.state in {DeviationState.DISMISSED, DeviationState.FELL_AWAY}
    return not is_dropped and deviation.not_found_at is None


def is_sanctioned(deviation: Deviation) -> bool:
    """Whether a sanction for the case has been decided."""
    return deviation.sanction is not None and deviation.sanction.state in IN_FORCE


def _sanctioned(deviation: Deviation) -> Iterable[Deviation]:
    rows = select(Deviation).join(Sanction, Sanction.deviation_id == Deviation.id)
    return db.session.scalars(
        rows.where(
            Deviation.contract_id == deviation.contract_id,
            of_same(deviation.requirement),
            Deviation.id != deviation.id,
            Sanction.state.in_(IN_FORCE),
        )
    ).unique()


def of_same(requirement: Requirement) -> ColumnElement[bool]:
    """Cases of a requirement and of what it continues, or what continues it: one ladder."""
    origin = requirement.origin_id
    forms = select(Requirement.id).where(or_(Requirement.id == origin, Requirement.continues_id == origin))
    return Deviation.requirement_id.in_(forms)


def _place(deviation: Deviation) -> tuple[date, int]:
    """Where a breach stands among those of its requirement."""
    return judged_until(deviation), deviation.id


def today(deviation: Deviation) -> date:
    """The day it is where the contract is."""
    return clock.today(deviation.contract.time_zone)


def run_of(deviation: Deviation, clause: SanctionClause, on: date) -> Run:
    """The days of the breach under a clause, as known on a day.

    A duty to file runs from its own deadline to the day the report came; a requirement to its known end. Where that is
    not known yet it is shown until the day of the calculation, and nothing is proposed (`lacks_end`).
    The first and the last day count. What lay with the buyer for an answer does not: a revision under review, a request
    for more time. Time that the buyer takes over the case itself does not stop a breach that goes on.
    """
    if deviation.cause == Cause.NOT_ACCEPTED:
        return _none_of_its_own(deviation)
    is_duty = deviation.cause != Cause.REQUIREMENT_BROKEN
    due_on, ended = _filing(deviation) if is_duty else (judged_until(deviation), end_of(deviation))
    if clause.starts == DailyStart.NOTICE:
        effect = _notice_effect(deviation)
        first, why_first = (effect + _A_DAY, AFTER_NOTICE) if effect else (on + _A_DAY, NO_NOTICE)
    else:
        first, why_first = due_on + _A_DAY, AFTER_DEADLINE if is_duty else AFTER_WINDOW
    last, why_last = ended or (on, TODAY)
    return Run(first, last, why_first, why_last, _away(deviation, on))


def end_of(deviation: Deviation) -> tuple[date, Text] | None:
    """The last day of a broken requirement's breach, and why it is that one; None as long as it is not known.

    Of a person's day and that of the accepted figures the earlier one holds: nobody pays for a day on which the other
    party's own record says that there was no breach.
    """
    known = [(date.fromisoformat(each["on"]), Text.load(each["why"])) for each in deviation.put_right.values()]
    return min(known, key=lambda end: end[0]) if known else None


def lacks_end(deviation: Deviation, clause: SanctionClause) -> bool:
    """Whether days would be charged whose last one is not known: the day of a proposal must not decide the amount.

    A report that is not there is another matter: each day it is missing is seen by both parties, and the supplier ends
    it by filing. That a requirement is still broken today nobody knows before figures or a person say so.
    """
    is_daily = step_of(deviation, clause) == str(ClauseForm.DAILY)
    return is_daily and deviation.cause == Cause.REQUIREMENT_BROKEN and end_of(deviation) is None


def _none_of_its_own(deviation: Deviation) -> Run:
    """A rejected report: until its correction is due nothing is late, and after that the correction's case counts."""
    pinned = deviation.facts.get("due_at")
    due_at = datetime.fromisoformat(pinned) if pinned else deviation.report.due_at
    due_on = _local(deviation.report, due_at)
    return Run(due_on + _A_DAY, due_on, AFTER_DEADLINE, CORRECTION_DUE)


def _filing(deviation: Deviation) -> tuple[date, tuple[date, Text] | None]:
    """The day of the deadline that was missed, and the day that the report came, if it has, with the words for it.

    What the case says of the delay counts from the revision that it was said of, though it may be withdrawn since.
    """
    report, late = deviation.report, deviation.late_by_days
    came = [each for each in report.revisions if each.number > int(deviation.facts.get("revision", 0))]
    standing = [each for each in came if late is not None or each.withdrawal is None]
    came_on = deviation.cured_on or (_local(report, standing[0].signed_at) if standing else None)
    if came_on is not None and late is not None:
        return came_on - timedelta(days=late), (came_on, FILED)
    return _local(report, report.due_at), (came_on, FILED) if came_on else None


def judged_until(deviation: Deviation) -> date:
    """The last day of what was judged."""
    return deviation.window.ends_on if deviation.window else contract_days.day_of(deviation.report)


def _notice_effect(deviation: Deviation) -> date | None:
    notice = deviation.notices[-1] if deviation.notices else None
    at = (notice.takes_effect_at or notice.delivered_at) if notice else None
    return calendars.local_day(at, deviation.contract.time_zone) if at else None


def _away(deviation: Deviation, on: date) -> list[Period]:
    """Days on which the report lay with the buyer: from the day after it was asked to the day of the answer."""
    report = deviation.report
    asked = [
        (each.created_at, each.answered_at)
        for each in db.session.scalars(
            select(ExtensionRequest).where(ExtensionRequest.report_id == report.id, ExtensionRequest.holds)
        )
    ]
    for revision in report.revisions:
        answer = revision.review or revision.withdrawal
        asked.append((revision.signed_at, answer.created_at if answer else None))
    return [
        Period(_local(report, begun) + _A_DAY, _local(report, answered) if answered else on)
        for begun, answered in asked
        if not answered or _local(report, answered) > _local(report, begun)
    ]


def _local(report: Report, moment: datetime) -> date:
    return calendars.local_day(moment, report.contract.time_zone)


# -- what it stands on ----------------------------------------------------------------------------------------------


def found(deviation: Deviation) -> Json:
    """What the case says, as far as an amount stands on it."""
    return {
        "cause": str(deviation.cause),
        "facts": deviation.facts,
        "late_by_days": deviation.late_by_days,
        "cured_on": deviation.cured_on.isoformat() if deviation.cured_on else None,
        "is_found": deviation.not_found_at is None,
    }


def digest(said: Json) -> str:
    """SHA-256 of `found`, in one canonical form."""
    plain = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def is_stale(sanction: Sanction) -> bool:
    """Whether the case was assessed anew since the amount was calculated. One without a digest is from before it."""
    return bool(sanction.found_hash) and sanction.found_hash != digest(found(sanction.deviation))


class Change(NamedTuple):
    """One thing that the case says otherwise than when the amount was calculated."""

    what: Text
    before: Text
    now: Text


WHAT_FIGURE, WHAT_BREACHES, WHAT_LATE, WHAT_CURED, WHAT_FOUND, WHAT_REVISION = (
    Text("Tallet som er vurdert", "The figure that was judged"),
    Text("Antall brudd", "Number of breaches"),
    Text("Forsinkelse", "Delay"),
    Text("Rettet", "Put right"),
    Text("Bruddet i tallene som gjelder", "The breach in the figures in force"),
    Text("Revisjon som er vurdert", "Revision that was judged"),
)
WHAT_STEP = Text("Trinnet, etter at et tidligere brudd er avgjort", "The step, since an earlier breach was decided")
STEPS = {
    WARNING: Text("skriftlig advarsel", "written warning"),
    str(ClauseForm.FEE): Text("gebyr", "fee"),
    str(ClauseForm.DAILY): Text("dagmulkt", "daily amount"),
}
NOT_YET = Text("ikke ennå", "not yet")
DAYS_LATE = Text("{days} dager", "{days} days")
STILL_THERE, NO_LONGER = Text("vises", "is there"), Text("vises ikke lenger", "is no longer there")


def changes(sanction: Sanction) -> list[Change]:
    """What the case says otherwise than when the amount was calculated, in words."""
    before, now = _in_words(sanction.found), _in_words(found(sanction.deviation))
    return [
        Change(what, before.get(what, NOT_YET), now.get(what, NOT_YET))
        for what in (WHAT_FIGURE, WHAT_BREACHES, WHAT_LATE, WHAT_CURED, WHAT_FOUND, WHAT_REVISION)
        if before.get(what) != now.get(what)
    ]


def step_change(sanction: Sanction) -> Change | None:
    """The step that a proposal stands on, where it is another one now: an earlier breach was decided since."""
    if sanction.state not in {SanctionState.PROPOSED, SanctionState.SENT_BACK}:
        return None
    now = step_of(sanction.deviation, sanction.clause)
    return Change(WHAT_STEP, STEPS[sanction.step], STEPS[now]) if now != sanction.step else None


def _in_words(said: Json) -> dict[Text, Text]:
    facts = said.get("facts") or {}
    known = {WHAT_FOUND: STILL_THERE if said.get("is_found", True) else NO_LONGER}
    if facts.get("figure"):
        known[WHAT_FIGURE] = Text.load(facts["figure"]["shown"])
    if "breaches" in facts:
        known[WHAT_BREACHES] = same(str(facts["breaches"]))
    if "revision" in facts:
        known[WHAT_REVISION] = same(str(facts["revision"]))
    if said.get("late_by_days") is not None:
        known[WHAT_LATE] = DAYS_LATE.with_values(days=int(said["late_by_days"]))
    if said.get("cured_on"):
        known[WHAT_CURED] = calendars.day_name(date.fromisoformat(said["cured_on"]))
    return known


def gross(sanction: Sanction) -> Decimal:
    """What the clause gives before anything is waived."""
    return (sanction.amount or Decimal(0)) + sanction.waived
