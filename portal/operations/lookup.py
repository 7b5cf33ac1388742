"""Finding one row by its public id, or 404: what a person may not see does not exist for them."""

import uuid
from typing import Any, TypeVar

from portal import permissions
from portal.errors import NotFound
from portal.extensions import db
from portal.model import Membership
from portal.text import Text

Entity = TypeVar("Entity", bound=Any)

NOT_HERE = Text("Vi finner ikke det du ser etter.", "We cannot find what you are looking for.")


def one(entity: type[Entity], public_id: uuid.UUID, by: Membership) -> Entity:
    """The row with this public id, if `by` may see it. Raises NotFound."""
    row: Entity | None = db.session.scalar(permissions.visible(entity, by).where(entity.public_id == public_id))
    if row is None:
        raise NotFound(NOT_HERE)
    return row


def by_number(entity: type[Entity], number: int) -> Entity:
    """The row a process speaks of by its inside number. Raises NotFound."""
    row: Entity | None = db.session.get(entity, number)
    if row is None:
        raise NotFound(NOT_HERE)
    return row
