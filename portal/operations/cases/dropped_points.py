"""What a dropped point of the notice takes out of a fee for each line, and what a person must say of it by waiving."""

from collections.abc import Iterator, Sequence

from portal.amounts import with_currency
from portal.errors import Refused
from portal.model import ClauseCounts, ClauseForm, Deviation, Point, Sanction, SanctionClause
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
WAIVE_DROPPED = Text(
    "Disse punktene er frafalt: {numbers}. Gebyret teller hver linje. Frafall beløpet for linjene de gjelder.",
    "These points are dropped: {numbers}. The fee counts each line. Waive the amount for the lines they are about.",
)
WAIVE_AT_LEAST = Text(
    "Disse punktene er frafalt: {numbers}. Gebyret teller hver linje. Frafall minst {least}, for linjene som punktene "
    "gjelder.",
    "These points are dropped: {numbers}. The fee counts each line. Waive at least {least}, for the lines that they "
    "are about.",
)


def still_charged(sanction: Sanction) -> Text | None:
    """That a fee for each line is asked for lines whose point was dropped, as far as can be told; None where it is not.

    A point that was drafted for a line takes its line out by itself. Of one that a person wrote anew nobody else can
    say which lines it is about. Where fewer of these than lines without a point of their own are left, the difference
    is to be waived at least: each point that was dropped is a line.
    """
    deviation, clause = sanction.deviation, sanction.clause
    anew = [point for point in deviation.points if point.line is None]
    dropped = [point for point in anew if point.is_dropped]
    if not dropped or not _is_by_line(clause) or ladder.step_of(deviation, clause) != ClauseForm.FEE:
        return None
    lines = _lines_without_point(deviation)
    if not lines:
        return None
    too_many = min(len(dropped), lines - (len(anew) - len(dropped)))
    numbers = _numbers(dropped)
    if too_many > 0:
        least = too_many * calculations.rate_of(deviation, clause)
        words = WAIVE_AT_LEAST.with_values(numbers=numbers, least=with_currency(least, clause.contract.currency))
        return words if sanction.waived < least else None
    if calculations.breaches(deviation) == 1:  # one is charged now, and a point that may be about it is upheld
        return None
    return None if sanction.waived else WAIVE_DROPPED.with_values(numbers=numbers)


def _lines_without_point(deviation: Deviation) -> int:
    """How many lines are charged that no point was drafted for."""
    named = calculations.named_lines(deviation)
    if named is None:
        return calculations.breaches(deviation)
    return len(named - {point.line for point in deviation.points})


def _is_by_line(clause: SanctionClause) -> bool:
    return clause.form == ClauseForm.FEE and clause.counts == ClauseCounts.LINE


def demand_waived(sanction: Sanction) -> None:
    """Refuse, with words, to charge what was not upheld."""
    words = still_charged(sanction)
    if words is not None:
        raise Refused(words)


def remarks(deviation: Deviation) -> Iterator[Text]:
    """That points are dropped, for whoever proposes or approves."""
    clause = told.clause_of(deviation)
    takes_out = clause is not None and _is_by_line(clause)
    dropped = [point for point in deviation.points if point.is_dropped]
    out = [point for point in dropped if takes_out and point.line is not None]
    others = [point for point in dropped if point not in out]
    if out:
        yield LINES_DROPPED.with_values(numbers=_numbers(out))
    if others:
        yield SOME_DROPPED.with_values(numbers=_numbers(others))


def _numbers(points: Sequence[Point]) -> Text:
    return same(", ".join(str(point.number) for point in points))
