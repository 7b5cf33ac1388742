"""Units of a buyer, and the contracts that a membership is limited to. Everybody sees what they saw."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unit",
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_unit_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit")),
        sa.UniqueConstraint("organisation_id", "name", name=op.f("uq_unit_organisation_id_name")),
        sa.UniqueConstraint("public_id", name=op.f("uq_unit_public_id")),
    )
    op.create_table(
        "named_contract",
        sa.Column("membership_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["buyer_id"], ["organisation.id"], name=op.f("fk_named_contract_buyer_id_organisation")
        ),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_named_contract_contract_id_contract")),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_named_contract_membership_id_membership")
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["organisation.id"], name=op.f("fk_named_contract_supplier_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_named_contract")),
        sa.UniqueConstraint("membership_id", "contract_id", name=op.f("uq_named_contract_membership_id_contract_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_named_contract_public_id")),
    )
    with op.batch_alter_table("named_contract", schema=None) as batch_op:
        for column in ("buyer_id", "contract_id", "membership_id", "supplier_id"):
            batch_op.create_index(batch_op.f(f"ix_named_contract_{column}"), [column], unique=False)
    for table in ("contract", "membership"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(
                sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
            )
            batch_op.create_index(batch_op.f(f"ix_{table}_unit_id"), ["unit_id"], unique=False)
            batch_op.create_foreign_key(batch_op.f(f"fk_{table}_unit_id_unit"), "unit", ["unit_id"], ["id"])
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sight", sa.String(length=40), server_default="all", nullable=False))


def downgrade() -> None:
    """Limits are lost: everybody sees every contract of their organisation again."""
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.drop_column("sight")
    for table in ("membership", "contract"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(batch_op.f(f"fk_{table}_unit_id_unit"), type_="foreignkey")
            batch_op.drop_index(batch_op.f(f"ix_{table}_unit_id"))
            batch_op.drop_column("unit_id")
    op.drop_table("named_contract")
    op.drop_table("unit")
