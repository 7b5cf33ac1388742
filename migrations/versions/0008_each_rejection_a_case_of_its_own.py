"""Each revision that is rejected has a case of its own: until now a report had one, told anew at each rejection."""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OF_THE_REPORT = "not_accepted"
deviation = sa.table(
    "deviation",
    sa.column("id", sa.BigInteger()),
    sa.column("requirement_id", sa.BigInteger()),
    sa.column("report_id", sa.BigInteger()),
    sa.column("cause_group", sa.String()),
    sa.column("occasion", sa.Integer()),
    sa.column("facts", sa.JSON()),
)


def upgrade() -> None:
    """A case is about the revision that it was told of last."""
    is_one = deviation.c.cause_group == OF_THE_REPORT
    _name(is_one, lambda row: f"{OF_THE_REPORT}-{int(row.facts.get('revision', 0))}")


def downgrade() -> None:
    """One a report again: several of them are the times that it was found."""
    _name(deviation.c.cause_group.startswith(f"{OF_THE_REPORT}-"), lambda _row: OF_THE_REPORT)


def _name(which: sa.ColumnElement[bool], group_of: Callable[[sa.Row[Any]], str]) -> None:
    """Give rows another group, and count the occasions in it from 1, in the order in which they were found."""
    connection = op.get_bind()
    occasions: Counter[Hashable] = Counter()
    for row in connection.execute(sa.select(deviation).where(which).order_by(deviation.c.id)).all():
        group = group_of(row)
        key = (row.requirement_id, row.report_id, group)
        occasions[key] += 1
        named = sa.update(deviation).where(deviation.c.id == row.id)
        connection.execute(named.values(cause_group=group, occasion=occasions[key]))
