"""What each sanction clause would have given on earlier periods, and an example before anything has happened."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from portal import amounts, calendars, clock
from portal.amounts import Run, with_currency
from portal.calendars import Counting, Period
from portal.errors import Refused
from portal.extensions import db
from portal.model import (
    ClauseCounts,
    ClauseForm,
    Contract,
    DailyStart,
    Deviation,
    DeviationState,
    Membership,
    Point,
    Report,
    Revision,
    SanctionClause,
)
from portal.operations.cases import breach_days, calculations, ladder, told
from portal.operations.cases.clauses import RunsFrom, runs_from
from portal.text import Text, same

EXAMPLE_DAYS = 5
EXAMPLE_LINES = 3

BROKEN = Text("Brudd på punkt {clause}: {said}", "Breach of clause {clause}: {said}")
WARNING = Text("En skriftlig advarsel", "A written warning")
AMOUNT = same("{amount}")
PER_DAY_FROM_NOTICE = Text(
    "{amount} for hver dag fra varselet til bruddet var rettet",
    "{amount} for each day from the notice until the breach was put right",
)
PER_DAY_SO_FAR = Text(
    "{amount} for hver dag til bruddet var rettet; summen er ikke kjent ennå",
    "{amount} for each day until the breach was put right; the sum is not known yet",
)
NOT_COMPUTABLE = Text(
    "Kan ikke beregnes: kontrakten mangler grunnlaget.", "Cannot be computed: the contract lacks the base."
)
EXAMPLE_LATE = Text(
    "En rapport som kommer {days} dager for sent, ville kostet {amount}.",
    "A report that comes {days} days late would cost {amount}.",
)
EXAMPLE_LATE_WORKING = Text(
    "En rapport som kommer {days} virkedager for sent, ville kostet {amount}.",
    "A report that comes {days} working days late would cost {amount}.",
)
EXAMPLE_NOTICE = Text(
    "Et brudd som er rettet {days} dager etter varselet, ville kostet {amount}.",
    "A breach that is put right {days} days after the notice would cost {amount}.",
)
EXAMPLE_NOTICE_WORKING = Text(
    "Et brudd som er rettet {days} virkedager etter varselet, ville kostet {amount}.",
    "A breach that is put right {days} working days after the notice would cost {amount}.",
)
EXAMPLE_WINDOW = Text(
    "Et brudd som er rettet {days} dager etter perioden som er vurdert, ville kostet {amount}.",
    "A breach that is put right {days} days after the days that were judged would cost {amount}.",
)
EXAMPLE_WINDOW_WORKING = Text(
    "Et brudd som er rettet {days} virkedager etter perioden som er vurdert, ville kostet {amount}.",
    "A breach that is put right {days} working days after the days that were judged would cost {amount}.",
)
EXAMPLE_FEE = Text("En periode med brudd ville kostet {amount}.", "A period with a breach would cost {amount}.")
EXAMPLE_LINES_WORDS = Text(
    "En periode med {lines} linjer i brudd ville kostet {amount}.",
    "A period with {lines} lines in breach would cost {amount}.",
)
FIRST_A_WARNING = Text(
    "Første gang ville det vært en skriftlig advarsel. ", "The first time it would have been a written warning. "
)


class Would(NamedTuple):
    """What one earlier breach would have given under a clause."""

    period: Text
    found: Text
    gives: Text
    amount: Decimal | None
    """None for what cannot be said without a notice; 0 for a warning."""


@dataclass(frozen=True)
class Preview:
    """One clause: an example in words, and what it would have given on each earlier breach, oldest first."""

    clause: SanctionClause
    example: Text
    earlier: tuple[Would, ...]

    @property
    def total(self) -> Decimal:
        """The amounts that can be said, together."""
        return sum((each.amount for each in self.earlier if each.amount is not None), Decimal(0))


def of(contract: Contract, *, by: Membership) -> list[Preview]:
    """Every clause of a contract with its example and its history, from accepted figures and the days reports came.

    Each requirement has its own ladder: where a clause warns first, the first breach of it is a warning. What is still
    open counts as if it had been sanctioned in its turn. What points were found to be worth counts for the buyer at
    once, and for the supplier from the decision on.
    """
    is_buyers = by.organisation_id == contract.buyer_id
    found = sorted(_cases(contract), key=lambda each: (breach_days.judged_until(each), each.requirement_id, each.id))
    return [
        Preview(clause, example(clause), tuple(_ladder(clause, found, is_buyers=is_buyers)))
        for clause in contract.clauses
        if clause.rates
    ]


def example(clause: SanctionClause) -> Text:
    """What a small breach would cost today, in one sentence."""
    today = clock.today(clause.contract.time_zone)
    before = FIRST_A_WARNING if clause.warns_first else same("")
    try:
        said = _daily_example(clause, today) if clause.form == ClauseForm.DAILY else _fee_example(clause, today)
    except Refused:
        said = NOT_COMPUTABLE
    return Text(before.nb + said.nb, before.en + said.en)


def _fee_example(clause: SanctionClause, today: date) -> Text:
    by_line = clause.counts == ClauseCounts.LINE
    found = amounts.fee(calculations.fee_of(clause), EXAMPLE_LINES, today)
    words = EXAMPLE_LINES_WORDS.with_values(lines=EXAMPLE_LINES, amount="{amount}") if by_line else EXAMPLE_FEE
    return words.with_values(amount=_money(clause, found.amount))


def _daily_example(clause: SanctionClause, today: date) -> Text:
    working = clause.day_counting == Counting.WORKING
    country = clause.contract.country
    last = calendars.add_working_days(today, EXAMPLE_DAYS, country) if working else today + timedelta(EXAMPLE_DAYS)
    run = Run(today + timedelta(days=1), last, breach_days.AFTER_DEADLINE, breach_days.FILED)
    found = amounts.daily(calculations.daily_of(clause), run)
    words, in_working_days = _DAILY_EXAMPLES[runs_from(clause)]
    words = in_working_days if working else words
    return words.with_values(days=EXAMPLE_DAYS, amount=_money(clause, found.amount))


_DAILY_EXAMPLES = {
    RunsFrom.NOTICE: (EXAMPLE_NOTICE, EXAMPLE_NOTICE_WORKING),
    RunsFrom.WINDOW: (EXAMPLE_WINDOW, EXAMPLE_WINDOW_WORKING),
    RunsFrom.DEADLINE: (EXAMPLE_LATE, EXAMPLE_LATE_WORKING),
    RunsFrom.EITHER: (EXAMPLE_LATE, EXAMPLE_LATE_WORKING),
}


def _ladder(clause: SanctionClause, found: Sequence[Deviation], *, is_buyers: bool) -> Iterator[Would]:
    cases = list(filter(calculations.stands, found))
    taken = [case for case in cases if case.state != DeviationState.CLOSED or ladder.is_sanctioned(case)]
    for case in cases:
        if told.clause_of(case) is not clause:
            continue
        said = BROKEN.with_values(clause=same(case.clause), said=Text.load(case.sentence))
        if ladder.step_of(case, clause, taken, found) == ladder.WARNING:
            yield Would(_name(case), said, WARNING, Decimal(0))
        else:
            gives, amount = _would(clause, case, found, as_weighed=is_buyers or told.of_weighings(case))
            yield Would(_name(case), said, gives, amount)


def _would(
    clause: SanctionClause, case: Deviation, among: Sequence[Deviation], *, as_weighed: bool
) -> tuple[Text, Decimal | None]:
    """What a sanction proposed today would say; not `as_weighed`, with points in it that were dropped."""
    today = breach_days.today(case)
    try:
        if clause.form == ClauseForm.DAILY and clause.starts == DailyStart.NOTICE and not _is_given(case):
            per_day = calculations.per_day(case, clause)
            return PER_DAY_FROM_NOTICE.with_values(amount=_money(clause, per_day)), None
        if calculations.lacks_end(case, clause, among):
            per_day = calculations.per_day(case, clause)
            return PER_DAY_SO_FAR.with_values(amount=_money(clause, per_day)), None
        made = calculations.sheets(case, clause, step=str(clause.form), on=today, as_weighed=as_weighed, among=among)
        amount = calculations.least(made).amount
    except Refused:
        return NOT_COMPUTABLE, None
    return AMOUNT.with_values(amount=_money(clause, amount)), amount


def _is_given(case: Deviation) -> bool:
    """Whether the notice, from which the days run, has been given."""
    return any(notice.takes_effect_at or notice.delivered_at for notice in case.notices)


# -- what was broken --------------------------------------------------------------------------------------------------


def _cases(contract: Contract) -> Sequence[Deviation]:
    """Every breach that was ever found, read at once with what its amount is counted from."""
    rows = select(Deviation).where(Deviation.contract_id == contract.id)
    loaded = (
        joinedload(Deviation.report)
        .selectinload(Report.revisions)
        .options(joinedload(Revision.review), joinedload(Revision.withdrawal)),
        joinedload(Deviation.window),
        joinedload(Deviation.sanction),
        selectinload(Deviation.notices),
        selectinload(Deviation.points).selectinload(Point.weighings),
    )
    return db.session.scalars(rows.options(*loaded)).unique().all()


def _name(case: Deviation) -> Text:
    if case.window is None:
        return case.report.period.name
    return calendars.period_name(Period(case.window.starts_on, case.window.ends_on))


def _money(clause: SanctionClause, amount: Decimal) -> Text:
    return with_currency(amount, clause.contract.currency)
