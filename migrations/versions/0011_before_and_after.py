"""The trail tells before and after and the request, and its heads are anchored together."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit_anchor",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("positions", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_anchor")),
    )
    with op.batch_alter_table("audit_anchor", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_anchor_at"), ["at"], unique=False)

    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("stood_in_for_id", NUMBER, nullable=True))
        batch_op.add_column(sa.Column("changes", sa.JSON(none_as_null=True), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("request_id", sa.String(length=40), server_default="", nullable=False))
        batch_op.create_foreign_key(
            batch_op.f("fk_audit_event_stood_in_for_id_person"), "person", ["stood_in_for_id"], ["id"]
        )


def downgrade() -> None:
    """Entries of version 2 cannot be told apart afterwards: their chains verify no more in the release before."""
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_audit_event_stood_in_for_id_person"), type_="foreignkey")
        batch_op.drop_column("request_id")
        batch_op.drop_column("changes")
        batch_op.drop_column("stood_in_for_id")
        batch_op.drop_column("version")

    with op.batch_alter_table("audit_anchor", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_anchor_at"))

    op.drop_table("audit_anchor")
