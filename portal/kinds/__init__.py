"""The kinds that ship. A new one is a module in `MODULES` with its `KIND` and `FUNCTIONS`; nobody else names it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from portal.kinds import energy, energy_account, energy_plan, fuel, general, machinery, site, transport
from portal.kinds.base import (
    PROVENANCE,
    Aggregate,
    Choice,
    Comparison,
    Definition,
    Field,
    FieldType,
    Function,
    Hit,
    Indicator,
    Kind,
    Line,
    Measure,
    Measures,
    Parameter,
    Parsed,
    Problem,
    Raw,
    Reading,
    Rule,
    Setting,
    Severity,
    Tally,
    Unit,
    UnknownFunction,
    Values,
    missing,
)

__all__ = [
    "MODULES",
    "ONCE",
    "ONCE_MODULES",
    "PROVENANCE",
    "WHOLE_SITE",
    "Aggregate",
    "Catalogue",
    "Choice",
    "Comparison",
    "Definition",
    "Field",
    "FieldType",
    "Function",
    "Hit",
    "Indicator",
    "Kind",
    "KindModule",
    "Line",
    "Measure",
    "Measures",
    "Parameter",
    "Parsed",
    "Problem",
    "Raw",
    "Reading",
    "Rule",
    "Setting",
    "Severity",
    "Tally",
    "Unit",
    "UnknownFunction",
    "Values",
    "catalogue",
    "described",
    "functions",
    "kind",
    "kinds",
    "load",
    "missing",
]

_T = TypeVar("_T")


class KindModule(Protocol):
    """What a module of a kind holds. Functions are added with a new version, never edited."""

    @property
    def KIND(self) -> Kind:  # noqa: N802 - a constant of the module
        """The description."""

    @property
    def FUNCTIONS(self) -> Mapping[str, Function]:  # noqa: N802 - a constant of the module
        """Its extension functions by `name@version`."""


MODULES: tuple[KindModule, ...] = (machinery, transport, energy, fuel)
"""In the order in which people meet them."""

ONCE_MODULES: tuple[KindModule, ...] = (energy_plan, energy_account)
"""Kinds that are filed once in a contract, and not in each period."""

ONCE: Mapping[str, tuple[str, ...]] = {"plan": (energy_plan.KIND.key,), "account": (energy_account.KIND.key,)}
"""What a period is for, when it comes only once -> the keys of the kinds of its report."""

WHOLE_SITE = site.KIND
"""What is counted over all kinds of a report; nobody fills it in."""


@dataclass(frozen=True)
class Catalogue:
    """Kinds by key, each able to check and count, and every extension function by name."""

    kinds: Mapping[str, Kind]
    functions: Mapping[str, Function]


@lru_cache(maxsize=8)
def catalogue(modules: tuple[KindModule, ...]) -> Catalogue:
    """Build the catalogue. Raises ValueError for a key twice, UnknownFunction for a name that no module has."""
    functions: dict[str, Function] = dict(general.FUNCTIONS)
    for module in modules:
        _add(functions, module.FUNCTIONS)
    found: dict[str, Kind] = {}
    for module in modules:
        _add(found, {module.KIND.key: replace(module.KIND, functions=functions)})
    for each in found.values():
        _know_all(each, _names(each), functions)
    return Catalogue(found, functions)


def kinds() -> Mapping[str, Kind]:
    """Every kind that ships and is reported period by period, by key."""
    return catalogue(MODULES).kinds


def kind(key: str) -> Kind:
    """The kind with this key, those that are filed once too. Raises KeyError."""
    return catalogue((*MODULES, *ONCE_MODULES)).kinds[key]


def described(key: str) -> Kind:
    """As `kind`, the whole site too. Raises KeyError."""
    return WHOLE_SITE if key == WHOLE_SITE.key else kind(key)


def functions() -> Mapping[str, Function]:
    """Every extension function, by `name@version`."""
    return catalogue((*MODULES, *ONCE_MODULES)).functions


def load(stored: Mapping[str, Any]) -> Kind:
    """A kind back from `Kind.dump`, able to check and count. Raises UnknownFunction for a name that is not here."""
    loaded = Kind.load(stored, functions())
    _know_all(loaded, _names(loaded), functions())
    return loaded


def _add(into: dict[str, _T], more: Mapping[str, _T]) -> None:
    if twice := into.keys() & more.keys():
        raise ValueError(f"{', '.join(sorted(twice))} stands twice")
    into.update(more)


def _names(each: Kind) -> tuple[str, ...]:
    return (each.measures, *(rule.function for rule in each.rules))


def _know_all(each: Kind, names: Sequence[str], known: Mapping[str, Function]) -> None:
    for name in names:
        if name not in known:
            raise UnknownFunction(f"kind {each.key!r} names {name!r}, which is not here")
