"""What the policies of PostgreSQL show to whom, table by table, whatever the pages ask for."""

from collections.abc import Mapping

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal import tenancy
from portal.extensions import Base, db
from portal.model import Organisation, policies
from portal.tenancy import EVERYTHING, Subject
from tests.world import Names

Keys = Mapping[str, set[tuple[object, ...]]]
"""By table, the keys of the rows that are shown."""


def shown_to(names: Names) -> Keys:
    """What the buyer and the supplier of a world are shown, together."""
    numbers = (names.buyer[0], names.supplier[0])
    parties = db.session.scalars(select(Organisation.id).where(Organisation.number.in_(numbers))).all()
    assert len(parties) == len(numbers)
    each = [_shown(tenancy.APP_ROLE, Subject(party)) for party in parties]
    return {table: set().union(*(keys[table] for keys in each)) for table in each[0]}


def all_there_is() -> Keys:
    """Every row."""
    return _shown(tenancy.WORKER_ROLE, EVERYTHING)


def _shown(role: str, subject: Subject) -> Keys:
    with Session(db.engine) as session:
        session.execute(text(f"SET LOCAL ROLE {role}"))
        tenancy.tell(session.connection(), subject)
        return {table: _keys(session, table) for table in policies.rules().keys() - policies.READ_BY_ALL.keys()}


def _keys(session: Session, table: str) -> set[tuple[object, ...]]:
    key = ", ".join(column.name for column in Base.metadata.tables[table].primary_key)
    return {tuple(row) for row in session.execute(text(f"SELECT {key} FROM {table}"))}
