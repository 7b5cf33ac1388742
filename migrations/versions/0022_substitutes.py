"""Who stands in for whom, and on which days."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "substitution",
        sa.Column("organisation_id", _ID, nullable=False),
        sa.Column("absent_id", _ID, nullable=False),
        sa.Column("substitute_id", _ID, nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", _ID, nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["absent_id"], ["membership.id"], name=op.f("fk_substitution_absent_id_membership")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_substitution_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["substitute_id"], ["membership.id"], name=op.f("fk_substitution_substitute_id_membership")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_substitution")),
        sa.UniqueConstraint("public_id", name=op.f("uq_substitution_public_id")),
    )
    with op.batch_alter_table("substitution", schema=None) as batch_op:
        for column in ("organisation_id", "absent_id", "substitute_id"):
            batch_op.create_index(batch_op.f(f"ix_substitution_{column}"), [column], unique=False)


def downgrade() -> None:
    op.drop_table("substitution")
