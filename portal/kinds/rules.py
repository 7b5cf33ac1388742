"""What a kind checks: rules as data, each with its words, its severity and the dated figures that it works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from portal.kinds.fields import Severity
from portal.text import Text


@dataclass(frozen=True)
class Parameter:
    """A figure that a rule works with from a day on, in `unit`; `source` says where it comes from."""

    key: str
    value: Decimal
    valid_from: date
    source: Text
    unit: str = ""


class Hit(NamedTuple):
    """Where a rule strikes: a line and a field of it (both may be empty), and what fills the places in its words."""

    line: str = ""
    field: str = ""
    values: Mapping[str, Text | str | int] = {}


@dataclass(frozen=True)
class Rule:
    """One check. `function` names the extension that finds where it strikes; `text` says what to do, with {places}."""

    key: str
    severity: Severity
    text: Text
    function: str
    parameters: tuple[Parameter, ...] = field(default=())

    def parameters_on(self, day: date) -> dict[str, Decimal]:
        """The figures in force on a day: of each key the one that came into force last."""
        known = sorted((each for each in self.parameters if each.valid_from <= day), key=lambda each: each.valid_from)
        return {each.key: each.value for each in known}
