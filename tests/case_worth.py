"""What a sanction must come to, worked out anew from the rows that it stands on, and held against what was stored.

The arithmetic is this file's own and that of `case_terms` (clause, rates, base), `case_days` (which days) and
`case_rungs` (which step): they read columns and the calendar's holidays, and none of them knows the rooms that compute
sanctions. `test_the_reckoning_knows_nothing_of_what_it_checks` sees to that. Sources: what `portal.model.terms` says of
each column of a clause, and the rules that each of the four files begins with.

Rules of this one. A fee is asked for once a period, or for each line that breaks the requirement in the figures in
force, that the notice named and whose point was not dropped; at the fee that holds on the last day that was judged. A
daily amount is so many per mille of the base of each day that costs, to whole hundredths, no less than the least amount
per day, and in all no more than a percentage of the base on the last day that costs. What is waived is taken off.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from sqlalchemy import select

from portal.extensions import db
from portal.model import (
    Cause,
    ClauseCounts,
    ClauseForm,
    Deviation,
    Finding,
    Point,
    Sanction,
    SanctionClause,
    Verdict,
)
from portal.text import Text
from tests import case_rungs
from tests.case_days import Days, counted, judged_until
from tests.case_terms import Terms, holding, told_and_now

BY_LINE = "lowest_stage"
"""The indicator whose lines break a requirement one by one."""


@dataclass(frozen=True)
class Worth:
    """What a sanction must say: under which clause, at which step, for which days, and what that comes to."""

    clause: SanctionClause
    step: str
    days: Days | None
    gross: frozenset[Decimal]
    """One amount; two where either case of a pair may have the fee."""


def of(sanction: Sanction) -> Worth:
    """Work it out, as the rows are at the moment of the decision."""
    deviation = sanction.deviation
    terms = told_and_now(deviation)
    clause = terms[0].clause
    cases = list(db.session.scalars(select(Deviation).order_by(Deviation.id)).unique())
    step = case_rungs.step(deviation, clause, cases)
    if step == case_rungs.WARNING:
        return Worth(clause, step, None, frozenset({Decimal(0)}))
    if clause.form == ClauseForm.DAILY:
        days = counted(sanction, clause)
        return Worth(clause, step, days, frozenset({min(_by_the_day(each, days) for each in terms)}))
    times, day = _times(deviation, clause, cases), judged_until(deviation)
    fee = min(each.rate(day) for each in terms)
    return Worth(clause, step, None, frozenset(_whole(fee * count) for count in times))


def it_comes_to_what_is_stored(sanction: Sanction) -> Worth:
    """Hold what was decided against what it must come to; the words begin with the rule where one is likely broken."""
    found, said = of(sanction), sanction.calculation
    assert sanction.clause_id == found.clause.id, "R5: another clause than the one that the supplier was told of"
    assert sanction.step == found.step, ("R7: another step", sanction.step, found.step)
    gross = (sanction.amount or Decimal(0)) + sanction.waived
    if found.days is None:
        assert sanction.days is None
        rule = "R5, R6, R7, R8, R9"
    else:
        _the_days_are_these(sanction, found.days)
        rule = "R5"
    assert gross in found.gross, (f"{rule}: it comes to something else", gross, found, said)
    _what_was_dropped_is_waived(sanction, found)
    return found


# -- what a clause gives ----------------------------------------------------------------------------------------------


def _by_the_day(terms: Terms, days: Days) -> Decimal:
    clause, total = terms.clause, Decimal(0)
    for day in days.costing:
        by_rate = _whole(holding(terms.base, day) * terms.rate(day) / 1000)
        total += max(by_rate, _whole(clause.least_per_day or Decimal(0)))
    if not days.costing or clause.cap_percent is None:
        return total
    return min(total, _whole(holding(terms.base, days.costing[-1]) * clause.cap_percent / 100))


def _whole(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def _times(deviation: Deviation, clause: SanctionClause, cases: list[Deviation]) -> set[int]:
    """How many times the fee is asked for."""
    if deviation.cause != Cause.REQUIREMENT_BROKEN:
        assert _was_told_of(deviation), "R6: the supplier was told of another revision than the one that is charged"
        return case_rungs.counts(deviation, cases)
    finding = in_force(deviation)
    assert finding is not None, "no figures are in force"
    if deviation.requirement.indicator != BY_LINE:
        return {1}
    lines = named(deviation) & set(finding.lines)
    return {len(lines) if clause.counts == ClauseCounts.LINE else min(len(lines), 1)}


def _was_told_of(deviation: Deviation) -> bool:
    """Whether the notice is about the very revision that was rejected."""
    said = deviation.notices[-1].said
    return deviation.cause != Cause.NOT_ACCEPTED or said.get("revision") == deviation.facts.get("revision")


def in_force(deviation: Deviation) -> Finding | None:
    """What the report's accepted revision says of the requirement."""
    accepted = deviation.report.accepted
    found = accepted.findings if accepted is not None else []
    return next((each for each in found if each.requirement_id == deviation.requirement_id), None)


def named(deviation: Deviation) -> set[str]:
    """The lines that the notice named, without those whose own point was dropped.

    A notice each of whose points is about a line names these lines; one that a person has put otherwise, all that the
    case showed when it was written.
    """
    own = [line_of(point) for point in deviation.points]
    told = set(deviation.notices[-1].said["lines"])
    told &= set(own) if own and all(own) else told
    return told - {line_of(point) for point in _dropped(deviation)}


def line_of(point: Point) -> str:
    """The line that a point is about, where it was drafted for one; "" where a person wrote it."""
    return str(getattr(point, "line", "") or "")


def _dropped(deviation: Deviation) -> list[Point]:
    return [each for each in deviation.points if each.weighings and each.weighings[-1].verdict == Verdict.DROPPED]


def _what_was_dropped_is_waived(sanction: Sanction, found: Worth) -> None:
    """Of points that a person wrote nobody can say which lines they are about: then something is waived for them.

    Where fewer points are left than lines, each that was dropped is a line at least.
    """
    deviation = sanction.deviation
    written = [each for each in _dropped(deviation) if not line_of(each)]
    is_by_line = found.step == ClauseForm.FEE and found.clause.counts == ClauseCounts.LINE
    if not written or not is_by_line or int(deviation.notices[-1].said["breaches"]) == 1:
        return
    lines = len(named(deviation) & set(finding.lines if (finding := in_force(deviation)) else []))
    left = len(deviation.points) - len(_dropped(deviation))
    least = min(len(written), lines - left) * (max(found.gross) / lines)
    assert sanction.waived >= max(least, Decimal(0)), "R9: a line is charged whose point was dropped"


# -- what the sheet says of the days ----------------------------------------------------------------------------------


def _the_days_are_these(sanction: Sanction, days: Days) -> None:
    """The first and the last day, those that do not count, and how many cost, as the stored sheet has them."""
    assert sanction.days == len(days.costing), ("R1, R2, R3: other days", sanction.days, days, sanction.calculation)
    span = _row(sanction, "Days from ") or _row(sanction, "Days: ")
    assert span is not None, sanction.calculation
    for day in (days.first, days.last):
        assert f"{day.day} {day:%B %Y}" in span[0], ("R1, R2: another first or last day", span, days)
    assert int(span[1]) == days.all
    assert _number(sanction, "with the buyer") == len(days.with_buyer)
    assert _number(sanction, "paused") == len(days.paused), "R2: days of a pause are charged"
    assert _number(sanction, "Days with a daily amount") == len(days.costing)


def _number(sanction: Sanction, words: str) -> int:
    row = _row(sanction, words)
    return int(row[1]) if row else 0


def _row(sanction: Sanction, words: str) -> tuple[str, str] | None:
    rows = ((Text.load(row["text"]).en, str(row["value"])) for row in sanction.calculation)
    return next((row for row in rows if words in row[0]), None)
