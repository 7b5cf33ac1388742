"""Groups of buyers: whose contracts the readers of another buyer read."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NOW = sa.text("left_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "group_member",
        sa.Column("head_id", _ID, nullable=False),
        sa.Column("organisation_id", _ID, nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", _ID, nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["head_id"], ["organisation.id"], name=op.f("fk_group_member_head_id_organisation")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_group_member_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_member")),
        sa.UniqueConstraint("public_id", name=op.f("uq_group_member_public_id")),
    )
    with op.batch_alter_table("group_member", schema=None) as batch_op:
        for column in ("head_id", "organisation_id"):
            batch_op.create_index(batch_op.f(f"ix_group_member_{column}"), [column], unique=False)
        batch_op.create_index(
            "uq_group_member_now",
            ["head_id", "organisation_id"],
            unique=True,
            sqlite_where=_NOW,
            postgresql_where=_NOW,
        )


def downgrade() -> None:
    op.drop_table("group_member")
