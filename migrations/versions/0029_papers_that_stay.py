"""What a decision and a receipt say of others' rows is kept beside them; of those that are there: what stands now."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_NAMED = """
SELECT {table}.id AS row_id, c.reference, c.title, c.time_zone AS zone, b.name AS buyer, s.name AS supplier,
  s.number AS number{more}
FROM {table} JOIN contract c ON c.id = {table}.contract_id JOIN organisation b ON b.id = c.buyer_id
JOIN organisation s ON s.id = c.supplier_id {joins}
"""
_DECIDED = _NAMED.format(
    table="sanction",
    more=", p.name AS proposed_by, q.name AS decided_by, d.clause AS breach, d.sentence AS found, k.clause AS clause, "
    "k.wording AS wording",
    joins="JOIN person p ON p.id = sanction.proposed_by_id JOIN person q ON q.id = sanction.decided_by_id "
    "JOIN deviation d ON d.id = sanction.deviation_id JOIN sanction_clause k ON k.id = sanction.clause_id "
    "WHERE sanction.state IN ('decided', 'delivered', 'closed')",
)
_SIGNED = _NAMED.format(
    table="revision", more=", p.name AS signed_by", joins="JOIN person p ON p.id = revision.signed_by_id"
)


def upgrade() -> None:
    for table in ("sanction", "revision"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("on_paper", sa.JSON(), server_default="{}", nullable=False))
    _keep("sanction", _DECIDED, lambda said: {**said, "found": _read(said["found"])})
    _keep("revision", _SIGNED, dict)


def downgrade() -> None:
    """There is no way back once something was decided or signed: the paper of it could not be set again."""
    for table in ("sanction", "revision"):
        kept = sa.text(f"SELECT count(*) FROM {table} WHERE CAST(on_paper AS text) <> '{{}}'")  # noqa: S608 - two names of our own
        if op.get_bind().scalar(kept):
            raise RuntimeError("Decisions and receipts are kept as they were. There is no way back.")
    for table in ("sanction", "revision"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("on_paper")


def _keep(table: str, asked: str, told: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    written = sa.table(table, sa.column("id", sa.BigInteger()), sa.column("on_paper", sa.JSON()))
    for row in op.get_bind().execute(sa.text(asked)).mappings().all():
        said = told({key: value for key, value in row.items() if key != "row_id"})
        op.execute(written.update().where(written.c.id == row["row_id"]).values(on_paper=said))


def _read(document: Any) -> Any:
    return json.loads(document) if isinstance(document, str) else document
