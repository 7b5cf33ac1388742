"""Whether somebody sets up a second factor only with a code from another person."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("set_up_by_code", sa.Boolean(), server_default=sa.text("false"), nullable=False))


def downgrade() -> None:
    """There is no way back while somebody must have a code: without it a letter would open the way."""
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM person WHERE set_up_by_code")):
        raise RuntimeError("Somebody sets up a second factor only with a code. There is no way back.")
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_column("set_up_by_code")
