"""Lists page by page: what comes after the last row that was seen, by the key that the list is in order of."""

import uuid
from typing import Any, NamedTuple

from sqlalchemy import Select, literal, tuple_
from sqlalchemy.types import TypeEngine

from portal.extensions import db


class Key(NamedTuple):
    """What a list is in order of: never empty, so that the page after a row can be found. Ties go by number."""

    column: Any
    kind: TypeEngine[Any]
    is_falling: bool = False


def following(rows: Select[Any], every: Select[Any], entity: Any, key: Key, after: uuid.UUID | None) -> Select[Any]:
    """`rows` of `entity` in order, those after the one named; `every`: the same rows, not narrowed, to find it in."""
    ids = (key.column, entity.id)
    if after is not None:
        last = db.session.execute(every.with_only_columns(*ids).where(entity.public_id == after)).first()
        if last is not None:
            here, there = tuple_(*ids), tuple_(literal(last[0], key.kind), last[1])
            rows = rows.where(here < there if key.is_falling else here > there)
    return rows.order_by(*(each.desc() for each in ids) if key.is_falling else ids)
