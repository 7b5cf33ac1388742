"""Which reported line a point of a notice was drafted for."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of a point from before this nobody but a person can say which lines it is about: it stays without.
    with op.batch_alter_table("point", schema=None) as batch_op:
        batch_op.add_column(sa.Column("line", sa.String(length=80), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("point", schema=None) as batch_op:
        batch_op.drop_column("line")
