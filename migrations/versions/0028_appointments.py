"""Outsiders who are appointed for one case."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BELOW = {
    "deviation_id": "deviation",
    "membership_id": "membership",
    "contract_id": "contract",
    "buyer_id": "organisation",
    "supplier_id": "organisation",
}
"""Column -> the table it names; each has an index."""


def upgrade() -> None:
    keys = [
        sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_appointment_{name}_{table}"))
        for name, table in {"invitation_id": "invitation", **BELOW}.items()
    ]
    op.create_table(
        "appointment",
        sa.Column("deviation_id", NUMBER, nullable=False),
        sa.Column("invitation_id", NUMBER, nullable=False),
        sa.Column("membership_id", NUMBER, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contract_id", NUMBER, nullable=False),
        sa.Column("buyer_id", NUMBER, nullable=False),
        sa.Column("supplier_id", NUMBER, nullable=False),
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *keys,
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
        sa.UniqueConstraint("invitation_id", name=op.f("uq_appointment_invitation_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_appointment_public_id")),
    )
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        for name in BELOW:
            batch_op.create_index(batch_op.f(f"ix_appointment_{name}"), [name], unique=False)


def downgrade() -> None:
    """There is no way back once somebody was appointed: their membership, or invitation, would be an ordinary one."""
    appointed = sa.text(
        "SELECT (SELECT count(*) FROM membership WHERE sight = 'case') + (SELECT count(*) FROM appointment)"
    )
    if op.get_bind().scalar(appointed):
        raise RuntimeError("Somebody is or was appointed for one case, or invited to it. There is no way back.")
    op.drop_table("appointment")
