"""Which values of a kind may be a trade secret: read from its description, never listed beside it."""

from portal.kinds.base import Field, Kind


def may_be_secret(kind: Kind) -> tuple[Field, ...]:
    """The fields that a supplier may mark as a trade secret, in order.

    What emissions are counted from is environmental information, and open (miljøinformasjonsloven): the amount of
    energy, the carrier it is of, and the class that an indicator counts by. The totals of a report are no field at all.
    """
    open_to_all = {each.unit_from for each in kind.fields} | {each.choices_of for each in kind.indicators}
    return tuple(field for field in kind.fields if not field.unit_from and field.key not in open_to_all)


def hidden_columns(kind: Kind, marked: frozenset[str]) -> frozenset[str]:
    """The columns that are left out where these fields are marked: each with the source of its figure."""
    keys = {field.key for field in may_be_secret(kind)} & marked
    return frozenset(column.key for column in kind.columns if column.key.removesuffix("_source") in keys)
