"""What is counted: additive measures of lines, and indicators that compare with a threshold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

from portal.text import Text

Aggregate: TypeAlias = Literal["sum", "share", "minimum", "maximum", "count"]
Comparison: TypeAlias = Literal["at_least", "at_most"]

TOTAL_ENERGY = "energy"
"""The indicator that every kind which counts energy gives: all of it, in kWh."""

_MISSING = ".missing"


@dataclass(frozen=True)
class Measure:
    """An additive amount of one line, with what it can be filtered by and the id of the factor it came from."""

    key: str
    amount: Decimal
    unit: str
    dimensions: Mapping[str, str] = field(default_factory=dict, hash=False)
    factor: str = ""


def missing(key: str, dimensions: Mapping[str, str]) -> Measure:
    """The measure to give instead of `key` when no sourced figure says: one line that is missing, additive as well."""
    return Measure(key + _MISSING, Decimal(1), "", dimensions)


Measures: TypeAlias = Mapping[str, Sequence[Measure]]
"""Line key → measures of that line."""


@dataclass(frozen=True)
class Definition:
    """What a share is a share of, and how the cases are counted that people disagree about. Printed with the figure.

    `cases`: (what it is about, how it counts).
    """

    numerator: Text
    denominator: Text
    cases: tuple[tuple[Text, Text], ...] = ()


@dataclass(frozen=True)
class Tally:
    """What an indicator comes to. Numerator and denominator are additive across reports; `value` is not.

    `lines`: the keys of the lines that contribute, of a minimum or maximum those that break the threshold (without a
    threshold those that hold the extreme). `extreme`: the choice key or canonical number of the lowest or highest line.
    `gaps`: the lines for which no sourced figure exists; then `value` is None and `reason` says why.
    """

    value: Decimal | None
    numerator: Decimal
    denominator: Decimal | None
    lines: tuple[str, ...]
    unit: str
    reason: Text | None = None
    extreme: str = ""
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Indicator:
    """A named figure over lines, defined once and used by requirements and dashboards alike.

    `sum`: Σ of the measure `measure` where its dimensions match `where`. `share`: that Σ in percent of the Σ without
    the filter. `count`: number of lines with a matching measure. `minimum` and `maximum`: the number of lines that
    break the threshold, of all lines; ordered by the choices of the field `choices_of`, else by the measure's amount.
    A share has a written `definition`.
    """

    key: str
    title: Text
    sentence: Text
    unit: str
    aggregate: Aggregate
    measure: str
    where: Mapping[str, str] = field(default_factory=dict, hash=False)
    choices_of: str = ""
    lower_is_better: bool = False
    definition: Definition | None = None

    @property
    def breaks_by_line(self) -> bool:
        """Whether single lines break a requirement, each by itself; else they only make up the figure together."""
        return self.aggregate in {"minimum", "maximum"}

    def figure(self, measures: Measures, threshold: Decimal | str | None = None, order: Sequence[str] = ()) -> Tally:
        """Compute over the measures of the lines. `order`: choice keys from lowest to highest, for `choices_of`.

        Raises ValueError when a threshold or a line is not in `order`, or when measures of one key differ in unit.
        """
        if self.breaks_by_line:
            return self._extreme(measures, threshold, order)
        everything = list(self._measured(measures))
        _one_unit(everything)
        counted = [(line, each) for line, each in everything if self._matches(each)]
        by_line = self.aggregate == "count"
        lines = tuple(dict.fromkeys(line for line, each in counted if by_line or each.amount))
        numerator = Decimal(len(lines)) if by_line else sum((each.amount for _, each in counted), Decimal(0))
        denominator = sum((each.amount for _, each in everything), Decimal(0)) if self.aggregate == "share" else None
        gaps = tuple(line for line, own in measures.items() if any(each.key == self.measure + _MISSING for each in own))
        reason = self._reason(denominator, gaps, counted_any=bool(everything) or not measures)
        value = self.value(numerator, denominator) if reason is None else None
        return Tally(value, numerator, denominator, lines, self.unit, reason, gaps=gaps)

    def value(self, numerator: Decimal, denominator: Decimal | None) -> Decimal | None:
        """The figure that a (summed) numerator and denominator come to; None for a share of nothing."""
        if self.aggregate != "share":
            return numerator
        return numerator * 100 / denominator if denominator else None

    def met(self, tally: Tally, threshold: Decimal | str, comparison: Comparison | None = None) -> bool | None:
        """Whether a tally keeps to the threshold; None when it cannot be computed.

        A minimum or maximum is kept when no line breaks it: its tally must come from the same threshold.
        """
        if tally.value is None:
            return None
        if self.breaks_by_line:
            return tally.numerator == 0
        limit = Decimal(threshold)
        if (comparison or ("at_most" if self.lower_is_better else "at_least")) == "at_most":
            return tally.value <= limit
        return tally.value >= limit

    def _measured(self, measures: Measures) -> Iterator[tuple[str, Measure]]:
        for line, own in measures.items():
            yield from ((line, each) for each in own if each.key == self.measure)

    def _matches(self, measure: Measure) -> bool:
        return all(measure.dimensions.get(dimension) == wanted for dimension, wanted in self.where.items())

    def _reason(self, denominator: Decimal | None, gaps: Sequence[str], *, counted_any: bool) -> Text | None:
        if gaps:
            return _GAPS.get(self.measure, _NO_FACTOR).with_values(count=len(gaps))
        if not counted_any:
            return _NOT_COUNTED.with_values(unit=self.unit)
        if self.aggregate == "share" and not denominator:
            return _NOTHING
        return None

    def _extreme(self, measures: Measures, threshold: Decimal | str | None, order: Sequence[str]) -> Tally:
        lowest = self.aggregate == "minimum"
        ranks = {line: self._rank(each, order) for line, each in self._measured(measures) if self._matches(each)}
        if not ranks:
            return Tally(None, Decimal(0), Decimal(0), (), self.unit, _NOTHING)
        extreme = min(ranks.values()) if lowest else max(ranks.values())
        limit = None if threshold is None else self._limit(threshold, order)
        broken = [
            line for line, rank in ranks.items() if limit is not None and (rank < limit if lowest else rank > limit)
        ]
        holding = broken if limit is not None else [line for line, rank in ranks.items() if rank == extreme]
        shown = order[int(extreme)] if self.choices_of else format(extreme.normalize(), "f")
        count = Decimal(len(broken))
        return Tally(count, count, Decimal(len(ranks)), tuple(holding), self.unit, extreme=shown)

    def _rank(self, measure: Measure, order: Sequence[str]) -> Decimal:
        if not self.choices_of:
            return measure.amount
        return Decimal(order.index(measure.dimensions[self.choices_of]))

    def _limit(self, threshold: Decimal | str, order: Sequence[str]) -> Decimal:
        return Decimal(order.index(str(threshold))) if self.choices_of else Decimal(threshold)


def _one_unit(measured: Sequence[tuple[str, Measure]]) -> None:
    units = {each.unit for _, each in measured}
    if len(units) > 1:
        raise ValueError(f"amounts in {', '.join(sorted(units))} are never added")


_NO_FACTOR = Text(
    "Kan ikke beregnes. Linjer uten faktor i kontraktens faktorutgave: {count}.",
    "Cannot be computed. Lines without a factor in the contract's factor edition: {count}.",
)
_GAPS = {
    "work": Text(
        "Kan ikke beregnes. Linjer uten virkningsgrad fra en kilde med dato: {count}.",
        "Cannot be computed. Lines without an efficiency from a dated source: {count}.",
    ),
}
"""Measure -> what its missing lines lack, where that is no emission factor."""
_NOT_COUNTED = Text(
    "Kan ikke beregnes: ingen linjer er regnet i {unit}.",
    "Cannot be computed: no line is counted in {unit}.",
)
_NOTHING = Text(
    "Kan ikke beregnes: det er ikke rapportert noe å regne av.",
    "Cannot be computed: nothing is reported to compute from.",
)
