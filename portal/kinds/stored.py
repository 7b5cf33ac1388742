"""The parts of a kind as JSON and back. What has its default is left out, so a new attribute changes no old hash."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from dataclasses import Field as Attribute
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

from portal.kinds.fields import Choice, Field, FieldType
from portal.kinds.indicators import Definition, Indicator
from portal.kinds.rules import Parameter, Rule
from portal.quantities import canonical
from portal.text import Text

Part: TypeAlias = Field | Indicator | Choice | Rule | Parameter | Definition


def dumped(part: Part) -> dict[str, Any]:
    """A part of a kind as JSON."""
    values = ((attribute, getattr(part, attribute.name)) for attribute in fields(part))
    return {attribute.name: _plain(value) for attribute, value in values if value != _default(attribute)}


def field_from(stored: Mapping[str, Any]) -> Field:
    """A field back from `dumped`."""
    changed: dict[str, Any] = {"label": Text.load(stored["label"]), "type": FieldType(stored["type"])}
    changed |= {limit: Decimal(stored[limit]) for limit in ("minimum", "maximum") if limit in stored}
    changed |= {"hint": Text.load(stored["hint"])} if "hint" in stored else {}
    changed |= {"choices": tuple(_choice_from(each) for each in stored.get("choices", ()))}
    return Field(**{**stored, **changed})


def indicator_from(stored: Mapping[str, Any]) -> Indicator:
    """An indicator back from `dumped`."""
    changed: dict[str, Any] = {name: Text.load(stored[name]) for name in ("title", "sentence")}
    if "definition" in stored:
        changed["definition"] = _definition_from(stored["definition"])
    return Indicator(**{**stored, **changed})


def rule_from(stored: Mapping[str, Any]) -> Rule:
    """A rule back from `dumped`."""
    parameters = tuple(_parameter_from(each) for each in stored.get("parameters", ()))
    return Rule(**{**stored, "text": Text.load(stored["text"]), "parameters": parameters})


def _parameter_from(stored: Mapping[str, Any]) -> Parameter:
    changed = {
        "value": Decimal(stored["value"]),
        "valid_from": date.fromisoformat(stored["valid_from"]),
        "source": Text.load(stored["source"]),
    }
    return Parameter(**{**stored, **changed})


def _definition_from(stored: Mapping[str, Any]) -> Definition:
    cases = tuple((Text.load(about), Text.load(counts)) for about, counts in stored.get("cases", ()))
    return Definition(Text.load(stored["numerator"]), Text.load(stored["denominator"]), cases)


def _choice_from(stored: Mapping[str, Any]) -> Choice:
    return Choice(**{**stored, "label": Text.load(stored["label"])})


def _default(attribute: "Attribute[Any]") -> object:
    return attribute.default_factory() if attribute.default_factory is not MISSING else attribute.default


def _plain(value: object) -> object:
    match value:
        case Text():
            return value.dump()
        case Decimal():
            return canonical(value)
        case tuple():
            return [_plain(each) for each in value]
        case Field() | Indicator() | Choice() | Rule() | Parameter() | Definition():
            return dumped(value)
        case _:
            return _simple(value)


def _simple(value: object) -> object:
    match value:
        case StrEnum():
            return value.value
        case date():
            return value.isoformat()
        case Mapping():
            return dict(value)
        case _:
            return value
