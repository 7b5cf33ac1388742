"""What a dropped point of the notice takes out of a fee for each line, and what a person must answer of the lines left.

A point that was drafted for a line takes its line out by itself. Of one that a person wrote anew nobody else can say
which lines it is about: whoever proposes waives something, or answers that the lines left are about other points. The
answer is kept with the facts of the calculation, and holds of the points that were dropped when it was given.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from portal.amounts import with_currency
from portal.errors import Invalid, Refused
from portal.kinds.base import Problem
from portal.model import ClauseCounts, ClauseForm, Deviation, Point, Sanction, SanctionClause
from portal.model.sanctions import WAITING
from portal.operations.cases import calculations, ladder, told
from portal.text import Text, same

LINES_DROPPED = Text(
    "Disse punktene er frafalt: {numbers}. Linjene de gjelder, er ikke regnet med.",
    "These points are dropped: {numbers}. The lines that they are about are not counted.",
)
SOME_DROPPED = Text(
    "Disse punktene er frafalt: {numbers}. Se om beløpet likevel gjelder dem.",
    "These points are dropped: {numbers}. See whether the amount is about them all the same.",
)
SAY_WHICH = Text(
    "Disse punktene er frafalt: {numbers}. Gebyret teller hver linje, og bare en person kan si hvilke linjer punktene "
    "gjaldt. Frafall beløpet for linjene de gjelder, eller kryss av for at linjene som er igjen, gjelder andre "
    "punkter.",
    "These points are dropped: {numbers}. The fee counts each line, and only a person can say which lines the points "
    "were about. Waive the amount for the lines they are about, or tick that the lines that are left are about other "
    "points.",
)
OTHER_POINTS = Text(
    "Disse punktene er frafalt: {numbers}. {name} har krysset av for at linjene som er igjen, gjelder andre punkter.",
    "These points are dropped: {numbers}. {name} has ticked that the lines that are left are about other points.",
)
WAIVE_AT_LEAST = Text(
    "Disse punktene er frafalt: {numbers}. Gebyret teller hver linje. Frafall minst {least}, for linjene som punktene "
    "gjelder.",
    "These points are dropped: {numbers}. The fee counts each line. Waive at least {least}, for the lines that they "
    "are about.",
)


_ANSWERED = "left_are_of_others"
"""Under which name of `Sanction.found` the numbers of the points stand that were answered for."""


class _Asked(NamedTuple):
    """What a person must say of points that were dropped."""

    dropped: Sequence[Point]
    least: Decimal
    """What must be waived at least; 0: something, or the answer that the lines left are about other points."""


def _asked(deviation: Deviation, clause: SanctionClause) -> _Asked | None:
    """What is asked for where a fee for each line may be for lines whose point was dropped; None where it is not.

    Where fewer points that a person wrote anew are left than lines without a point of their own, the difference is to
    be waived at least: each point that was dropped is a line.
    """
    anew = [point for point in deviation.points if point.line is None]
    dropped = [point for point in anew if point.is_dropped]
    if not dropped or not _is_by_line(clause) or ladder.step_of(deviation, clause) != ClauseForm.FEE:
        return None
    lines = _lines_without_point(deviation)
    if not lines:
        return None
    too_many = min(len(dropped), lines - (len(anew) - len(dropped)))
    return _Asked(dropped, too_many * calculations.rate_of(deviation, clause) if too_many > 0 else Decimal(0))


def is_asked(deviation: Deviation) -> bool:
    """Whether the proposer may answer that the lines left are about other points than those that were dropped."""
    clause = told.clause_of(deviation)
    asked = _asked(deviation, clause) if clause else None
    return asked is not None and not asked.least


def answer(sanction: Sanction, *, is_other: bool) -> None:
    """Keep what the proposer ticked, with the points it was ticked of: the facts of the calculation come beside it."""
    asked = _asked(sanction.deviation, sanction.clause) if is_other else None
    kept = {name: fact for name, fact in (sanction.found or {}).items() if name != _ANSWERED}
    sanction.found = {**kept, _ANSWERED: [point.number for point in asked.dropped]} if asked else kept


def answered(sanction: Sanction) -> dict[str, list[int]]:
    """What was ticked, as it is kept with the facts of a calculation; nothing where nothing was."""
    return {_ANSWERED: sanction.found[_ANSWERED]} if _ANSWERED in (sanction.found or {}) else {}


def still_charged(sanction: Sanction) -> Text | None:
    """What is still to be waived or answered of points that were dropped, in words; None where nothing is."""
    asked = _asked(sanction.deviation, sanction.clause)
    if asked is None:
        return None
    numbers = _numbers(asked.dropped)
    if asked.least:
        least = with_currency(asked.least, sanction.currency)
        is_short = sanction.waived < asked.least
        return WAIVE_AT_LEAST.with_values(numbers=numbers, least=least) if is_short else None
    stands = sanction.state in WAITING
    if sanction.waived or (stands and {*asked.dropped} <= {*_answered_for(sanction)}):
        return None
    return SAY_WHICH.with_values(numbers=numbers)


def _answered_for(sanction: Sanction) -> list[Point]:
    """The points that are dropped of which it was ticked that the lines left are about others."""
    said = {number for numbers in answered(sanction).values() for number in numbers}
    return [point for point in sanction.deviation.points if point.is_dropped and point.number in said]


def _lines_without_point(deviation: Deviation) -> int:
    """How many lines are charged that no point was drafted for."""
    named = calculations.named_lines(deviation)
    if named is None:
        return calculations.breaches(deviation)
    return len(named - {point.line for point in deviation.points})


def _is_by_line(clause: SanctionClause) -> bool:
    return clause.form == ClauseForm.FEE and clause.counts == ClauseCounts.LINE


def demand_said(sanction: Sanction) -> None:
    """Refuse, with words, to propose what may be for lines whose point was dropped before a person has said."""
    words = still_charged(sanction)
    if words is not None and is_asked(sanction.deviation):
        raise Invalid(words, (Problem("required", words, "others"),))
    demand_settled(sanction)


def demand_settled(sanction: Sanction) -> None:
    """Refuse, with words, to charge what was not upheld: it is waived, or answered for."""
    words = still_charged(sanction)
    if words is not None:
        raise Refused(words)


def remarks(deviation: Deviation) -> Iterator[Text]:
    """That points are dropped, for whoever proposes or approves."""
    clause = told.clause_of(deviation)
    takes_out = clause is not None and _is_by_line(clause)
    dropped = [point for point in deviation.points if point.is_dropped]
    out = [point for point in dropped if takes_out and point.line is not None]
    sanction = deviation.sanction
    of_others = _answered_for(sanction) if sanction and sanction.state in WAITING else []
    others = [point for point in dropped if point not in out and point not in of_others]
    if out:
        yield LINES_DROPPED.with_values(numbers=_numbers(out))
    if sanction and of_others:
        yield _ticked(sanction, of_others)
    if others:
        yield SOME_DROPPED.with_values(numbers=_numbers(others))


def ticked(sanction: Sanction) -> Text | None:
    """Who ticked, of which dropped points, that the lines left are about others; None where nobody did."""
    points = _answered_for(sanction)
    return _ticked(sanction, points) if points else None


def _ticked(sanction: Sanction, points: Sequence[Point]) -> Text:
    return OTHER_POINTS.with_values(numbers=_numbers(points), name=same(sanction.proposed_by.name))


def _numbers(points: Sequence[Point]) -> Text:
    return same(", ".join(str(point.number) for point in points))
