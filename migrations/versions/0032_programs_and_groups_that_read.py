"""What programs read is noted too, and by which group somebody from its head read."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ONE_READER = "(person_id IS NULL) <> (program_id IS NULL)"


def upgrade() -> None:
    with op.batch_alter_table("read_log", schema=None) as batch_op:
        batch_op.alter_column("person_id", existing_type=_ID, nullable=True)
        batch_op.add_column(sa.Column("program_id", _ID, nullable=True))
        batch_op.add_column(sa.Column("through_id", _ID, nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_read_log_program_id_program"), "program", ["program_id"], ["id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_read_log_through_id_organisation"), "organisation", ["through_id"], ["id"]
        )
        batch_op.create_check_constraint(batch_op.f("ck_read_log_one_reader"), _ONE_READER)


def downgrade() -> None:
    """What programs read is forgotten: the table before has no place for it."""
    op.execute(sa.text("DELETE FROM read_log WHERE person_id IS NULL"))
    with op.batch_alter_table("read_log", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_read_log_one_reader"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_read_log_through_id_organisation"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_read_log_program_id_program"), type_="foreignkey")
        batch_op.drop_column("through_id")
        batch_op.drop_column("program_id")
        batch_op.alter_column("person_id", existing_type=_ID, nullable=False)
