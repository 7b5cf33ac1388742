"""What a figure is held against on a day: the contract's threshold with its steps, or the bid's promise if stricter."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from portal import forecasts
from portal.kinds.base import Indicator, Kind, Tally
from portal.model import Comparison, Requirement


class Binding(NamedTuple):
    """The threshold in force, in the form of `Requirement.threshold`, and whether it is the bid's promise."""

    threshold: str
    agreed: str
    """What the contract itself asks for on that day."""

    @property
    def is_promised(self) -> bool:
        """Whether the bid's promise binds, being stricter than the contract."""
        return self.threshold != self.agreed


def on(duty: Requirement, kind: Kind, day: date) -> Binding:
    """What binds on a day: the stricter one of the contract's step in force and of what the bid promised.

    A requirement that a change order ends or adds in the middle of a period is in force or not by the period's last
    day, and so are its steps: a report is one whole, and is never judged by two thresholds.
    """
    agreed = duty.threshold_on(day)
    if not duty.promised:
        return Binding(agreed, agreed)
    indicator = kind.indicator(duty.indicator)
    own, promised = rank(kind, indicator, agreed), rank(kind, indicator, duty.promised)
    stricter = promised > own if duty.comparison == Comparison.AT_LEAST else promised < own
    return Binding(duty.promised if stricter else agreed, agreed)


def rank(kind: Kind, indicator: Indicator, threshold: str) -> Decimal:
    """A threshold as a number: itself, or where its choice stands. Raises KeyError or ArithmeticError for neither."""
    return Decimal(kind.column(indicator.choices_of).rank(threshold)) if indicator.choices_of else Decimal(threshold)


def typed(indicator: Indicator, threshold: str) -> Decimal | str:
    """A threshold as `Kind.figure` takes it."""
    return threshold if indicator.choices_of else Decimal(threshold)


def limit(duty: Requirement, threshold: str) -> forecasts.Limit:
    """A threshold that is a number, with the tolerance that the contract gives; it gives none by itself."""
    return forecasts.Limit(
        Decimal(threshold), at_least=duty.comparison == Comparison.AT_LEAST, slack=Decimal(duty.tolerance or 0)
    )


def met(duty: Requirement, indicator: Indicator, tally: Tally, threshold: str) -> bool | None:
    """Whether a tally keeps to a threshold, unrounded; None when it cannot be computed. Of lines none may break it."""
    if tally.value is None:
        return None
    return tally.numerator == 0 if indicator.breaks_by_line else limit(duty, threshold).is_kept_by(tally.value)
