"""Whose letters come back, and why."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mail_failed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("mail_failure", sa.String(length=500), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_column("mail_failure")
        batch_op.drop_column("mail_failed_at")
