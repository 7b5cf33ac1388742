"""What of a report the supplier says is a trade secret."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("section", "revision"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("secrets", sa.JSON(), server_default="{}", nullable=False))


def downgrade() -> None:
    """There is no way back once something was marked: the marks are part of what was signed."""
    for table in ("section", "revision"):
        kept = sa.text(f"SELECT count(*) FROM {table} WHERE CAST(secrets AS text) <> '{{}}'")  # noqa: S608 - two names of our own
        if op.get_bind().scalar(kept):
            raise RuntimeError("Trade secrets are marked here, as part of what was signed. There is no way back.")
    for table in ("section", "revision"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("secrets")
