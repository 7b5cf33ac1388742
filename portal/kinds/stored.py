"""The parts of a kind as JSON and back. What has its default is left out, so a new attribute changes no old hash."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from dataclasses import Field as Attribute
from decimal import Decimal
from enum import StrEnum
from typing import Any

from portal.kinds.fields import Choice, Field, FieldType
from portal.kinds.indicators import Indicator
from portal.quantities import canonical
from portal.text import Text


def dumped(part: Field | Indicator | Choice) -> dict[str, Any]:
    """A field, indicator or choice as JSON."""
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
    words = {name: Text.load(stored[name]) for name in ("title", "sentence")}
    return Indicator(**{**stored, **words})


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
        case StrEnum():
            return value.value
        case tuple():
            return [dumped(each) for each in value]
        case Mapping():
            return dict(value)
        case _:
            return value
