"""A mark is lifted only once a letter has told the supplier: by which word its letters are known."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_TABLES = ("outgoing_mail", "ruling")


def upgrade() -> None:
    """Those that were lifted before keep the day that their letters told."""
    for table in _TABLES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("word_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    """There is no way back while a mark waits for its supplier to be told: nothing before knows how to wait."""
    waits = sa.text("SELECT count(*) FROM ruling WHERE state = 'lifted' AND takes_effect_at IS NULL")
    if op.get_bind().scalar(waits):
        raise RuntimeError("A mark is lifted of which nobody has been told. There is no way back until somebody is.")
    for table in _TABLES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("word_id")
