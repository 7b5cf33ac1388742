"""A reason is for what its warning said: one that reads otherwise asks for its reason anew."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NARROW = "uq_explanation_report_id_kind_rule_line_key_field"
EXACT = "uq_explanation_report_id_kind_rule_line_key_field_said"
COLUMNS = ["report_id", "kind", "rule", "line_key", "field"]


def upgrade() -> None:
    """What was written before is for no known wording, and is asked for again where a draft still warns."""
    with op.batch_alter_table("explanation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("said", sa.String(length=16), server_default="", nullable=False))
        batch_op.drop_constraint(batch_op.f(NARROW), type_="unique")
        batch_op.create_unique_constraint(batch_op.f(EXACT), [*COLUMNS, "said"])


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM explanation WHERE said <> ''"))
    with op.batch_alter_table("explanation", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f(EXACT), type_="unique")
        batch_op.create_unique_constraint(batch_op.f(NARROW), COLUMNS)
        batch_op.drop_column("said")
