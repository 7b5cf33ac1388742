"""What each sanction clause would have given on earlier periods, and an example before anything has happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal import amounts, calendars, clock
from portal.amounts import Run, Sheet, with_currency
from portal.calendars import Counting
from portal.errors import Refused
from portal.extensions import db
from portal.model import (
    DUTIES_TO_FILE,
    AssessmentWindow,
    ClauseCounts,
    ClauseForm,
    Contract,
    DailyStart,
    FindingResult,
    Report,
    Requirement,
    Revision,
    SanctionClause,
    Window,
)
from portal.operations import calculations, filings
from portal.text import Text, same

EXAMPLE_DAYS = 5
EXAMPLE_LINES = 3

LATE = Text("Rapporten kom {days} dager etter fristen.", "The report came {days} days after the deadline.")
LATE_ONE = Text("Rapporten kom én dag etter fristen.", "The report came one day after the deadline.")
NOT_FILED = Text("Rapporten er ikke kommet; fristen var {due}.", "The report has not come; it was due {due}.")
BROKEN = Text("Brudd på punkt {clause}: {said}", "Breach of clause {clause}: {said}")
WARNING = Text("En skriftlig advarsel", "A written warning")
AMOUNT = same("{amount}")
PER_DAY_FROM_NOTICE = Text(
    "{amount} for hver dag fra varselet til bruddet var rettet",
    "{amount} for each day from the notice until the breach was put right",
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


class _Breach(NamedTuple):
    """One earlier breach: of what, when, what was found, how many; a duty to file with its days, first and last."""

    requirement: Requirement
    name: Text
    until: date
    found: Text
    breaches: int
    days: Run | None


def of(contract: Contract) -> list[Preview]:
    """Every clause of a contract with its example and its history, from accepted figures and the days reports came.

    Each requirement has its own ladder: where a clause warns first, the first breach of it is a warning.
    """
    breaches = sorted(_breaches(contract), key=lambda each: (each.until, each.requirement.id))
    return [
        Preview(clause, example(clause), tuple(_ladder(clause, breaches)))
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
    run = Run(today + timedelta(days=1), last, calculations.AFTER_DEADLINE, calculations.FILED)
    found = amounts.daily(calculations.daily_of(clause), run)
    from_notice = clause.starts == DailyStart.NOTICE
    words = {
        (False, False): EXAMPLE_LATE,
        (False, True): EXAMPLE_LATE_WORKING,
        (True, False): EXAMPLE_NOTICE,
        (True, True): EXAMPLE_NOTICE_WORKING,
    }[from_notice, working]
    return words.with_values(days=EXAMPLE_DAYS, amount=_money(clause, found.amount))


def _ladder(clause: SanctionClause, breaches: list[_Breach]) -> Iterator[Would]:
    warned: set[int] = set()
    for breach in breaches:
        under = clause.contract.clause_for(breach.requirement)
        if under is not clause:
            continue
        if clause.warns_first and breach.requirement.id not in warned:
            warned.add(breach.requirement.id)
            yield Would(breach.name, breach.found, WARNING, Decimal(0))
        else:
            yield _would(clause, breach)


def _would(clause: SanctionClause, breach: _Breach) -> Would:
    try:
        sheet = _sheet(clause, breach)
        if sheet is None:
            per_day = calculations.daily_of(clause).per_day(breach.until)
            gives = PER_DAY_FROM_NOTICE.with_values(amount=_money(clause, per_day))
            return Would(breach.name, breach.found, gives, None)
    except Refused:
        return Would(breach.name, breach.found, NOT_COMPUTABLE, None)
    gives = AMOUNT.with_values(amount=_money(clause, sheet.amount))
    return Would(breach.name, breach.found, gives, sheet.amount)


def _sheet(clause: SanctionClause, breach: _Breach) -> Sheet | None:
    """None when it takes a notice to say."""
    if clause.form == ClauseForm.FEE:
        return amounts.fee(calculations.fee_of(clause), breach.breaches, breach.until)
    if clause.starts == DailyStart.NOTICE or breach.days is None:
        return None
    return amounts.daily(calculations.daily_of(clause), breach.days)


# -- what was broken --------------------------------------------------------------------------------------------------


def _breaches(contract: Contract) -> Iterator[_Breach]:
    reports = db.session.scalars(
        select(Report)
        .where(Report.contract_id == contract.id)
        .options(selectinload(Report.revisions).selectinload(Revision.findings))
    ).unique()
    for report in reports:
        yield from _late(report)
        yield from _broken(report)
    yield from _windows(contract)


def _late(report: Report) -> Iterator[_Breach]:
    duty = filings.duty_to_file(report)
    if duty is None:
        return
    period, zone = report.period, report.contract.time_zone
    came = next((each for each in report.revisions if each.withdrawal is None), None)
    if came is not None:
        last, late = calendars.local_day(came.signed_at, zone), came.late_by_days
        words = LATE_ONE if late == 1 else LATE.with_values(days=late)
        first, why = last - timedelta(days=late - 1), calculations.FILED
    else:
        due_on, last = calendars.local_day(report.due_at, zone), clock.today(zone)
        late, first, why = (last - due_on).days, due_on + timedelta(days=1), calculations.TODAY
        words = NOT_FILED.with_values(due=calendars.day_name(due_on))
    if late > 0 and (came is not None or report.overdue_at is not None):
        run = Run(first, last, calculations.AFTER_DEADLINE, why)
        yield _Breach(duty, period.name, period.ends_on, words, 1, run)


def _broken(report: Report) -> Iterator[_Breach]:
    for finding in report.accepted.findings if report.accepted else ():
        requirement = finding.requirement
        if finding.result != FindingResult.BROKEN or requirement.window != Window.PERIOD:
            continue
        if requirement.indicator in DUTIES_TO_FILE:
            continue
        said = BROKEN.with_values(clause=same(requirement.clause), said=Text.load(finding.sentence))
        breaches = int(finding.figure["breaches"])
        yield _Breach(requirement, report.period.name, report.period.ends_on, said, breaches, None)


def _windows(contract: Contract) -> Iterator[_Breach]:
    rows = select(AssessmentWindow).where(
        AssessmentWindow.contract_id == contract.id, AssessmentWindow.result == FindingResult.BROKEN.value
    )
    for window in db.session.scalars(rows).unique():
        name = calendars.period_name(calendars.Period(window.starts_on, window.ends_on))
        shown = window.figure.get("shown")
        said = Text.load(shown) if isinstance(shown, dict) else same(str(shown or ""))
        words = BROKEN.with_values(clause=same(window.requirement.clause), said=said)
        yield _Breach(window.requirement, name, window.ends_on, words, 1, None)


def _money(clause: SanctionClause, amount: Decimal) -> Text:
    return with_currency(amount, clause.contract.currency)
