"""What is at stake, what a calculation stood on, workbooks of contracts, what a person has put away."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contract_import",
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uploaded_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_contract_import_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by_id"], ["membership.id"], name=op.f("fk_contract_import_uploaded_by_id_membership")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract_import")),
        sa.UniqueConstraint("public_id", name=op.f("uq_contract_import_public_id")),
    )
    with op.batch_alter_table("contract_import", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contract_import_organisation_id"), ["organisation_id"], unique=False)

    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index("ix_audit_event_person", ["person_id", "action"], unique=False)

    with op.batch_alter_table("deviation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("at_stake", sa.BigInteger(), nullable=True))

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("steps_hidden_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.add_column(sa.Column("more_time_asked_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("sanction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("found", sa.JSON(none_as_null=True), server_default="{}", nullable=False))
    with op.batch_alter_table("sanction", schema=None) as batch_op:
        batch_op.alter_column("found", server_default=None)

    with op.batch_alter_table("sanction_rate", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("change_order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_sanction_rate_change_order_id_change_order"), "change_order", ["change_order_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("sanction_rate", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_sanction_rate_change_order_id_change_order"), type_="foreignkey")
        batch_op.drop_column("change_order_id")

    with op.batch_alter_table("sanction", schema=None) as batch_op:
        batch_op.drop_column("found")

    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.drop_column("more_time_asked_at")

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_column("steps_hidden_at")

    with op.batch_alter_table("deviation", schema=None) as batch_op:
        batch_op.drop_column("at_stake")

    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_event_person")

    with op.batch_alter_table("contract_import", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contract_import_organisation_id"))

    op.drop_table("contract_import")
