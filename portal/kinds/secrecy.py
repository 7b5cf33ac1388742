"""Which values of a kind may be a trade secret: read from its description, never listed beside it."""

from portal.kinds.base import Field, FieldType, Kind

COUNTED = frozenset({FieldType.NUMBER, FieldType.CHOICE})
"""What figures are made of: amounts, and what says which of them count."""


def may_be_secret(kind: Kind) -> tuple[Field, ...]:
    """The fields that a supplier may mark as a trade secret, in order: words and days, such as who delivered.

    What figures are counted from stays open. It is environmental information (miljøinformasjonsloven), and where a
    total is told, an amount that is left out could be had by subtraction.
    """
    return tuple(field for field in kind.fields if field.type not in COUNTED)


def hidden_columns(kind: Kind, marked: frozenset[str]) -> frozenset[str]:
    """The columns that are left out where these fields are marked: each with the source of its figure."""
    keys = {field.key for field in may_be_secret(kind)} & marked
    return frozenset(column.key for column in kind.columns if column.key.removesuffix("_source") in keys)
