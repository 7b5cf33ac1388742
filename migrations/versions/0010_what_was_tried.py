"""What was tried and by whom, so that limits count each kind, organisation and the whole site."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=40), server_default="sign_in", nullable=False))
        batch_op.add_column(sa.Column("domain", sa.String(length=254), server_default="", nullable=False))
        batch_op.add_column(sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_sign_in_attempt_person_id_person"), "person", ["person_id"], ["id"])
        batch_op.create_index(batch_op.f("ix_sign_in_attempt_at"), ["at"], unique=False)
        batch_op.create_index("ix_sign_in_attempt_domain_at", ["domain", "at"], unique=False)
        batch_op.create_index("ix_sign_in_attempt_person_id_at", ["person_id", "at"], unique=False)
    op.execute(
        "UPDATE sign_in_attempt SET person_id = (SELECT p.id FROM person p WHERE p.email = sign_in_attempt.email)"
    )


def downgrade() -> None:
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_sign_in_attempt_person_id_at")
        batch_op.drop_index("ix_sign_in_attempt_domain_at")
        batch_op.drop_index(batch_op.f("ix_sign_in_attempt_at"))
        batch_op.drop_constraint(batch_op.f("fk_sign_in_attempt_person_id_person"), type_="foreignkey")
        batch_op.drop_column("person_id")
        batch_op.drop_column("domain")
        batch_op.drop_column("kind")
