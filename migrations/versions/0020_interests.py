"""Declared interests: who is not impartial in a contract, or with a supplier."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
POINTS_TO = {
    "person_id": "person",
    "buyer_id": "organisation",
    "supplier_id": "organisation",
    "contract_id": "contract",
}


def upgrade() -> None:
    op.create_table(
        "interest",
        sa.Column("person_id", NUMBER, nullable=False),
        sa.Column("buyer_id", NUMBER, nullable=False),
        sa.Column("supplier_id", NUMBER, nullable=False),
        sa.Column("contract_id", NUMBER, nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_interest_{column}_{table}"))
            for column, table in POINTS_TO.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interest")),
        sa.UniqueConstraint("public_id", name=op.f("uq_interest_public_id")),
    )
    with op.batch_alter_table("interest", schema=None) as batch_op:
        for column in POINTS_TO:
            batch_op.create_index(batch_op.f(f"ix_interest_{column}"), [column], unique=False)


def downgrade() -> None:
    """What was declared is lost; the trail still says that it was."""
    op.drop_table("interest")
