"""The e-mail domains that the people of an organisation have."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "organisation_domain",
        sa.Column("organisation_id", _ID, nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_organisation_domain_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_domain")),
        sa.UniqueConstraint("organisation_id", "domain", name=op.f("uq_organisation_domain_organisation_id_domain")),
        sa.UniqueConstraint("public_id", name=op.f("uq_organisation_domain_public_id")),
    )


def downgrade() -> None:
    op.drop_table("organisation_domain")
