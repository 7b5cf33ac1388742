"""How alembic reaches the database: through the connection it is handed, else by the settings of the environment."""

from collections.abc import Mapping
from typing import Any, Literal

from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine

import portal.model  # noqa: F401 - fills the metadata
from portal.config import Settings
from portal.extensions import Base, prepare_engine
from portal.jobs import is_jobs_table
from portal.model import guards, policies
from portal.model.base import Code, Millionths, Moment


def _is_ours(name: str | None, kind: str, parents: Mapping[Any, str | None]) -> bool:
    return not (kind == "table" and name is not None and is_jobs_table(name, parents.get("schema_name")))


def _plain_type(kind: str, item: object, _context: object) -> str | Literal[False]:
    """A revision speaks of the database's own types: what our types become may change, what was migrated may not."""
    if kind == "type" and isinstance(item, Moment):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Code):
        return "sa.String(length=40)"
    return "sa.BigInteger()" if kind == "type" and isinstance(item, Millionths) else False


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        include_name=_is_ours,
        compare_type=True,
        render_item=_plain_type,
    )
    with context.begin_transaction():
        guards.remove(connection)
        policies.remove(connection)
        context.run_migrations()
        guards.install(connection)
        if MigrationContext.configure(connection).get_current_revision() == context.get_head_revision():
            policies.install(connection)


handed = context.config.attributes.get("connection")
if handed is not None:
    _migrate(handed)
else:
    engine = create_engine(Settings.from_environment().database_url)
    prepare_engine(engine)
    with engine.connect().execution_options(write=True) as connection:
        _migrate(connection)
        connection.commit()
