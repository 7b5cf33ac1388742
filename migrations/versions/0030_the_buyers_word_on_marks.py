"""The buyer's word on what the supplier says is a trade secret."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "ruling",
        sa.Column("revision_id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ruled_by_id", _ID, nullable=False),
        sa.Column("ruled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("takes_effect_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("objection", sa.Text(), server_default="", nullable=False),
        sa.Column("objected_by_id", _ID, nullable=True),
        sa.Column("objected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contract_id", _ID, nullable=False),
        sa.Column("buyer_id", _ID, nullable=False),
        sa.Column("supplier_id", _ID, nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["buyer_id"], ["organisation.id"], name=op.f("fk_ruling_buyer_id_organisation")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_ruling_contract_id_contract")),
        sa.ForeignKeyConstraint(["objected_by_id"], ["person.id"], name=op.f("fk_ruling_objected_by_id_person")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_ruling_revision_id_revision")),
        sa.ForeignKeyConstraint(["ruled_by_id"], ["person.id"], name=op.f("fk_ruling_ruled_by_id_person")),
        sa.ForeignKeyConstraint(["supplier_id"], ["organisation.id"], name=op.f("fk_ruling_supplier_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ruling")),
        sa.UniqueConstraint("public_id", name=op.f("uq_ruling_public_id")),
        sa.UniqueConstraint("revision_id", "kind", "field", name=op.f("uq_ruling_revision_id_kind_field")),
    )
    for column in ("buyer_id", "contract_id", "supplier_id"):
        op.create_index(op.f(f"ix_ruling_{column}"), "ruling", [column])


def downgrade() -> None:
    """There is no way back once the buyer has judged a mark: what was told to the supplier would be forgotten."""
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM ruling")):
        raise RuntimeError("Marks of trade secrets have been judged here. There is no way back.")
    op.drop_table("ruling")
