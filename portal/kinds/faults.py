"""What a description of a kind must keep to, so that every surface can be drawn from it."""

import re
from collections.abc import Iterator, Mapping, Sequence

from portal.kinds.fields import Field, FieldType
from portal.kinds.indicators import Indicator
from portal.kinds.rules import Rule
from portal.text import Text

_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")
_FORBIDDEN_IN_SHEET_NAMES = set("[]:*?/\\")
_LONGEST_SHEET_NAME = 31


def faults(  # noqa: PLR0913 - the parts of a description
    key: str,
    title: Text,
    *,
    fields: Sequence[Field],
    columns: Sequence[Field],
    indicators: Sequence[Indicator],
    rules: Sequence[Rule],
) -> Iterator[str]:
    """What makes the description of a kind unusable, in words for the person who wrote it."""
    yield from _key_faults(key, [column.key for column in columns], [indicator.key for indicator in indicators])
    for name in (title.nb, title.en):
        if not 0 < len(name) <= _LONGEST_SHEET_NAME or _FORBIDDEN_IN_SHEET_NAMES & set(name):
            yield f"the title {name!r} cannot name a sheet: 1 to 31 characters, none of []:*?/\\"
    choices = {each.key: each for each in fields if each.type is FieldType.CHOICE}
    for each in fields:
        yield from _field_faults(each, choices)
    for indicator in indicators:
        if indicator.choices_of and indicator.choices_of not in choices:
            yield f"indicator {indicator.key!r} is ordered by {indicator.choices_of!r}, which has no choices"
    if len({rule.key for rule in rules}) < len(rules):
        yield "two rules have the same key"


def _key_faults(kind: str, columns: Sequence[str], indicators: Sequence[str]) -> Iterator[str]:
    for key in (kind, *columns, *indicators):
        if not _KEY.fullmatch(key):
            yield f"{key!r} is no key: small letters, digits and underscores"
    if len(set(columns)) < len(columns) or len(set(indicators)) < len(indicators):
        yield "two columns or two indicators have the same key"


def _field_faults(each: Field, choices: Mapping[str, Field]) -> Iterator[str]:
    if each.unit_from and each.unit_from not in choices:
        yield f"the unit of {each.key!r} comes from {each.unit_from!r}, which has no choices"
    if each.type is FieldType.CHOICE and not each.choices and not each.source:
        yield f"{each.key!r} has no choices"
    if len({choice.key for choice in each.choices}) < len(each.choices):
        yield f"two choices of {each.key!r} have the same key"
    if each.provenance and each.type is not FieldType.NUMBER:
        yield f"{each.key!r} is no number and has no source"
    if each.minimum is not None and each.maximum is not None and each.minimum > each.maximum:
        yield f"the limits of {each.key!r} leave nothing"
