"""From a case and its clause to a calculation: which days, rates and base, and what the case said when it was made."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from portal import amounts
from portal.amounts import Daily, Fee, Sheet, Step
from portal.errors import Refused
from portal.model import (
    Cause,
    ClauseCounts,
    ClauseForm,
    DailyBase,
    Deviation,
    DeviationState,
    SanctionClause,
)
from portal.model.base import Json
from portal.operations.cases import breach_days, counted_once, judged_next, ladder, told
from portal.operations.figures import stretches
from portal.text import Text

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


# -- what a clause says ---------------------------------------------------------------------------------------------


def fee_of(clause: SanctionClause, known_at: datetime | None = None) -> Fee:
    """The clause as an amount per breach. `known_at`, here and below: by what had been entered at that moment."""
    rates = _rates(clause, known_at)
    return Fee(clause.clause, clause.contract.currency, rates, by_line=clause.counts == ClauseCounts.LINE)


def daily_of(clause: SanctionClause, known_at: datetime | None = None) -> Daily:
    """The clause as an amount per day. Raises Refused when the base that it names is not there."""
    return Daily(
        clause=clause.clause,
        currency=clause.contract.currency,
        per_mille=_rates(clause, known_at),
        base=_base(clause, known_at),
        base_name=BASES[clause.base],
        grace_days=clause.grace_days,
        counting=clause.day_counting,
        country=clause.contract.country,
        least_per_day=clause.least_per_day,
        cap_days=clause.cap_days,
        cap_percent=clause.cap_percent,
    )


def demand_computable(deviation: Deviation, clause: SanctionClause) -> None:
    """Refuse with words when the clause lacks what its amount is computed from."""
    for at in told.readings(deviation, clause):
        daily_of(clause, at) if clause.form == ClauseForm.DAILY else fee_of(clause, at)


def rate_on(clause: SanctionClause, day: date, known_at: datetime | None = None) -> Decimal:
    """The fee, or the per mille, in force on a day. Raises Refused when the clause has no rate."""
    return amounts.in_force(_rates(clause, known_at), day).amount


def _rates(clause: SanctionClause, known_at: datetime | None) -> tuple[Step, ...]:
    rates = tuple(Step(rate.valid_from, rate.amount) for rate in clause.rates if rate.was_there(known_at))
    if not rates:
        raise Refused(NO_RATE.with_values(clause=clause.clause))
    return rates


def _base(clause: SanctionClause, known_at: datetime | None) -> tuple[Step, ...]:
    contract = clause.contract
    first = clause.base_amount if clause.base == DailyBase.FIXED else contract.value
    if first is None:
        raise Refused(NO_BASE.with_values(clause=clause.clause))
    steps = [Step(date.min, first)]
    if clause.base == DailyBase.VALUE:
        orders = [each for each in contract.change_orders if each.value_change and each.was_there(known_at)]
        days = sorted({order.from_on for order in orders})
        steps += [Step(day, value) for day in days if (value := contract.value_on(day, known_at)) is not None]
    return tuple(steps)


# -- what a case comes to -------------------------------------------------------------------------------------------


def sheet(deviation: Deviation, clause: SanctionClause, *, step: str, on: date) -> Sheet:
    """The calculation for a case as it stands, made on a day. Raises Refused when it cannot be made.

    Of what its notice told and what stands now the lower total holds.
    """
    return least(sheets(deviation, clause, step=step, on=on))


def sheets(  # noqa: PLR0913 - what is calculated, and for whom
    deviation: Deviation,
    clause: SanctionClause,
    *,
    step: str,
    on: date,
    as_weighed: bool = True,
    among: Sequence[Deviation] | None = None,
) -> dict[datetime | None, Sheet]:
    """The calculation by each reading of the clause (`told.readings`): what the notice told, and what stands now.

    `as_weighed`: without the lines whose point was dropped. What the supplier sees before it is told of that has them.
    `among`, here and below: the cases of the contract, where a list has read them at once (`counted_once`).
    """
    readings = told.readings(deviation, clause)
    if step == ladder.WARNING:
        return dict.fromkeys(readings, amounts.warned(clause.clause, clause.contract.currency))
    if clause.form == ClauseForm.DAILY:
        run = breach_days.run_of(deviation, clause, on)
        return {at: amounts.daily(daily_of(clause, at), run) for at in readings}
    found, last_day = int(deviation.facts["breaches"]), breach_days.judged_until(deviation)
    told_of, elsewhere = notified(deviation), counted_once.elsewhere(deviation, among)
    dropped = told_of - breaches(deviation) if as_weighed else 0
    return {
        at: amounts.fee(fee_of(clause, at), told_of, last_day, found, elsewhere, dropped=dropped) for at in readings
    }


def today_by_reading(
    deviation: Deviation,
    clause: SanctionClause,
    *,
    as_weighed: bool = True,
    among: Sequence[Deviation] | None = None,
) -> dict[datetime | None, Sheet]:
    """What the clause gives today by each reading of it. Raises Refused when it cannot be computed."""
    step, today = ladder.step_of(deviation, clause, among=among), breach_days.today(deviation)
    return sheets(deviation, clause, step=step, on=today, as_weighed=as_weighed, among=among)


def least(by_reading: dict[datetime | None, Sheet]) -> Sheet:
    """The calculation that holds of those by each reading: the lowest one."""
    return min(by_reading.values(), key=lambda made: made.amount)


def breaches(deviation: Deviation) -> int:
    """How many breaches may cost something: those that were notified, less the lines whose point was dropped."""
    named = named_lines(deviation)
    if named is None:
        return notified(deviation)
    return len(named - {point.line for point in deviation.points if point.is_dropped})


def notified(deviation: Deviation) -> int:
    """How many breaches the figures in force show and the notice named.

    What the supplier was never told of it could not answer. Lines that break the requirement one by one are the same
    only when they are the same lines; else the number decides. Before a notice, and under one from before it was kept
    what a notice said, it is what the figures show.
    """
    now, named = int(deviation.facts["breaches"]), named_lines(deviation)
    if named is not None:
        return len(named)
    said = deviation.notices[-1].said if deviation.notices else {}
    # A case from before each rejection was one of its own may stand on a later revision than the notice.
    if said and deviation.cause == Cause.NOT_ACCEPTED and said.get("revision") != deviation.facts.get("revision"):
        return 0
    return min(now, int(said["breaches"])) if said else now


def named_lines(deviation: Deviation) -> set[str] | None:
    """The lines that break the requirement by themselves now and stood in the notice; None where none are told apart.

    A notice each of whose points is about a line names these lines. Where a person has written one anew nobody else can
    say which lines it is about: then it is what the case showed when the notice was written.
    """
    said = deviation.notices[-1].said if deviation.notices else {}
    if "figure" not in said or not stretches.described(deviation.requirement).breaks_by_line:
        return None
    named = line_keys(deviation.facts) & line_keys(said)
    own = {point.line for point in deviation.points}
    return named if None in own or not own else {key for key in named if key in own}


def line_keys(facts: Json) -> set[str]:
    """The lines that facts name, as points name them."""
    return {line_key(*each) for each in lines_in(facts)}


def line_key(report: str, key: str) -> str:
    """What a point calls a line: its key, after the report's where several reports are judged together."""
    return f"{report}/{key}" if report else key


def lines_in(facts: Json) -> set[tuple[str, str]]:
    """The lines that facts name, each with its report: a machine's line has the same key in every period."""
    if "lines_in" not in facts:
        return {("", key) for key in facts["lines"]}
    return {(each["report"], key) for each in facts["lines_in"] for key in each["lines"]}


def at_stake(deviation: Deviation, among: Sequence[Deviation] | None = None) -> Decimal | None:
    """What a sanction would come to today: 0 for a warning; None without a clause, its base, or the breach itself.

    None too for days whose last one nobody knows: what they would come to until today no sanction can ask for. Both
    parties read it, so what was weighed counts only once the supplier was told of that.
    """
    clause = told.clause_of(deviation)
    if clause is None or not stands(deviation) or lacks_end(deviation, clause, among):
        return None
    as_weighed = told.of_weighings(deviation)
    try:
        return least(today_by_reading(deviation, clause, as_weighed=as_weighed, among=among)).amount
    except Refused:
        return None


def per_day(deviation: Deviation, clause: SanctionClause) -> Decimal:
    """What a day of the breach costs today. Raises Refused when it cannot be computed."""
    return min(per_days(deviation, clause).values())


def per_days(deviation: Deviation, clause: SanctionClause) -> dict[datetime | None, Decimal]:
    """What a day of the breach costs today by each reading of the clause."""
    day = max(breach_days.today(deviation), breach_days.judged_until(deviation) + _A_DAY)
    return {at: daily_of(clause, at).per_day(day) for at in told.readings(deviation, clause)}


def rate_of(deviation: Deviation, clause: SanctionClause) -> Decimal:
    """The fee, or the per mille, that a case is charged by: the one in force on the last day that was judged."""
    day = breach_days.judged_until(deviation)
    return min(rate_on(clause, day, at) for at in told.readings(deviation, clause))


def lacks_end(deviation: Deviation, clause: SanctionClause, among: Sequence[Deviation] | None = None) -> bool:
    """Whether days of a broken requirement would be charged whose last one is not known.

    That it is still broken today nobody knows before figures or a person say so, and the day of a proposal is not to
    decide. A report that is not there is another matter: that it is missing both parties see, and the supplier ends it
    by filing. There the day of the proposal does decide: later days cannot be asked for, and both persons are told.
    A day that a person noted is no known one either while a report waits for the buyer that may say an earlier one.
    """
    is_daily = ladder.step_of(deviation, clause, among=among) == str(ClauseForm.DAILY)
    if not is_daily or deviation.cause != Cause.REQUIREMENT_BROKEN:
        return False
    return breach_days.end_of(deviation) is None or judged_next.to_review(deviation) is not None


def stands(deviation: Deviation) -> bool:
    """Whether there is a breach that may cost something: one that nobody dropped and that is shown by what is in force.

    A report that came on the day it was due, after the time of day, is late: a fee asks for no whole day. What was
    filed in time after all is no longer shown.
    """
    is_dropped = deviation.state in {DeviationState.DISMISSED, DeviationState.FELL_AWAY}
    return not is_dropped and deviation.not_found_at is None
