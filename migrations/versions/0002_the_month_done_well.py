"""Comments, claims, withdrawals and reasons; what counts where; machines told in full.

Reports of the first tables cannot be carried over: their pinned kinds name rules that no longer exist by themselves. No
release made any but trials and demos, so a database that holds reports is refused with words, and left as it was.
"""

import sqlalchemy as sa
from alembic import op

from portal.errors import Refused
from portal.text import Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


TOO_OLD = Text(
    "Databasen har rapporter fra en tidlig prøveversjon, som ikke kan føres videre. Flytt den vekk, og begynn på nytt.",
    "The database has reports from an early trial version, which cannot be carried over. Move it away and begin anew.",
)


def upgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT id FROM report LIMIT 1")).first() is not None:
        raise Refused(TOO_OLD)
    op.create_table(
        "claim",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["buyer_id"], ["organisation.id"], name=op.f("fk_claim_buyer_id_organisation")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_claim_contract_id_contract")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_claim_person_id_person")),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_claim_report_id_report")),
        sa.ForeignKeyConstraint(["supplier_id"], ["organisation.id"], name=op.f("fk_claim_supplier_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim")),
        sa.UniqueConstraint("report_id", "person_id", name=op.f("uq_claim_report_id_person_id")),
    )
    with op.batch_alter_table("claim", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_claim_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_claim_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_claim_supplier_id"), ["supplier_id"], unique=False)

    op.create_table(
        "explanation",
        sa.Column("report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("line_key", sa.String(length=36), nullable=False),
        sa.Column("field", sa.String(length=60), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["buyer_id"], ["organisation.id"], name=op.f("fk_explanation_buyer_id_organisation")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_explanation_contract_id_contract")),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_explanation_report_id_report")),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["organisation.id"], name=op.f("fk_explanation_supplier_id_organisation")
        ),
        sa.ForeignKeyConstraint(["written_by_id"], ["person.id"], name=op.f("fk_explanation_written_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_explanation")),
        sa.UniqueConstraint("public_id", name=op.f("uq_explanation_public_id")),
        sa.UniqueConstraint(
            "report_id",
            "kind",
            "rule",
            "line_key",
            "field",
            name=op.f("uq_explanation_report_id_kind_rule_line_key_field"),
        ),
    )
    with op.batch_alter_table("explanation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_explanation_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_explanation_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_explanation_supplier_id"), ["supplier_id"], unique=False)

    op.create_table(
        "comment",
        sa.Column("report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("revision_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("line_key", sa.Uuid(), nullable=True),
        sa.Column("field", sa.String(length=60), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("set_aside_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("replied_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["buyer_id"], ["organisation.id"], name=op.f("fk_comment_buyer_id_organisation")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_comment_contract_id_contract")),
        sa.ForeignKeyConstraint(["replied_by_id"], ["person.id"], name=op.f("fk_comment_replied_by_id_person")),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_comment_report_id_report")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_comment_revision_id_revision")),
        sa.ForeignKeyConstraint(["set_aside_by_id"], ["person.id"], name=op.f("fk_comment_set_aside_by_id_person")),
        sa.ForeignKeyConstraint(["supplier_id"], ["organisation.id"], name=op.f("fk_comment_supplier_id_organisation")),
        sa.ForeignKeyConstraint(["written_by_id"], ["person.id"], name=op.f("fk_comment_written_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comment")),
        sa.UniqueConstraint("public_id", name=op.f("uq_comment_public_id")),
    )
    with op.batch_alter_table("comment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_comment_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_comment_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index("ix_comment_report_id_id", ["report_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_comment_revision_id"), ["revision_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_comment_supplier_id"), ["supplier_id"], unique=False)

    op.create_table(
        "withdrawal",
        sa.Column("revision_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("withdrawn_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["buyer_id"], ["organisation.id"], name=op.f("fk_withdrawal_buyer_id_organisation")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_withdrawal_contract_id_contract")),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name=op.f("fk_withdrawal_revision_id_revision")),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["organisation.id"], name=op.f("fk_withdrawal_supplier_id_organisation")
        ),
        sa.ForeignKeyConstraint(["withdrawn_by_id"], ["person.id"], name=op.f("fk_withdrawal_withdrawn_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawal")),
        sa.UniqueConstraint("public_id", name=op.f("uq_withdrawal_public_id")),
        sa.UniqueConstraint("revision_id", name=op.f("uq_withdrawal_revision_id")),
    )
    with op.batch_alter_table("withdrawal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_withdrawal_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_withdrawal_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_withdrawal_supplier_id"), ["supplier_id"], unique=False)

    with op.batch_alter_table("check_result", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reason", sa.Text(), server_default="", nullable=False))

    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.add_column(sa.Column("counted", sa.JSON(none_as_null=True), server_default="{}", nullable=False))
        batch_op.drop_column("counted_kind")

    with op.batch_alter_table("draft_line", schema=None) as batch_op:
        batch_op.add_column(sa.Column("unconfirmed", sa.JSON(none_as_null=True), server_default="[]", nullable=False))

    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.add_column(sa.Column("report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.add_column(sa.Column("kind", sa.String(length=40), server_default="", nullable=False))
        batch_op.add_column(sa.Column("line_key", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("field", sa.String(length=60), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column("revision_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index("ix_evidence_report_line", ["report_id", "kind", "line_key"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_evidence_report_id_report"), "report", ["report_id"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_evidence_revision_id_revision"), "revision", ["revision_id"], ["id"])

    with op.batch_alter_table("imported_file", schema=None) as batch_op:
        batch_op.add_column(sa.Column("step", sa.String(length=40), server_default="queued", nullable=False))
        batch_op.add_column(sa.Column("rows_checked", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("rows_found", sa.Integer(), server_default="0", nullable=False))

    with op.batch_alter_table("machine", schema=None) as batch_op:
        batch_op.add_column(sa.Column("other_type", sa.String(length=60), server_default="", nullable=False))
        batch_op.add_column(sa.Column("size", sa.String(length=20), server_default="", nullable=False))
        batch_op.add_column(sa.Column("engine_year", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("hired_from", sa.String(length=120), server_default="", nullable=False))

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("single_keys", sa.Boolean(), server_default=sa.text("(true)"), nullable=False))

    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.add_column(sa.Column("review_begun_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("review_begun_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("edited_as", sa.String(length=40), server_default="draft", nullable=False))
        batch_op.add_column(sa.Column("accepted_number", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("amendment_reason", sa.Text(), server_default="", nullable=False))
        batch_op.create_foreign_key(
            batch_op.f("fk_report_review_begun_by_id_person"), "person", ["review_begun_by_id"], ["id"]
        )

    with op.batch_alter_table("revision", schema=None) as batch_op:
        batch_op.add_column(sa.Column("amendment_reason", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("reasons", sa.JSON(none_as_null=True), server_default="[]", nullable=False))

    with op.batch_alter_table("section", schema=None) as batch_op:
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))

    with op.batch_alter_table("unlock", schema=None) as batch_op:
        batch_op.alter_column("line_key", existing_type=sa.CHAR(length=32), nullable=True)


def downgrade() -> None:
    with op.batch_alter_table("unlock", schema=None) as batch_op:
        batch_op.alter_column("line_key", existing_type=sa.CHAR(length=32), nullable=False)

    with op.batch_alter_table("section", schema=None) as batch_op:
        batch_op.drop_column("version")

    with op.batch_alter_table("revision", schema=None) as batch_op:
        batch_op.drop_column("reasons")
        batch_op.drop_column("amendment_reason")

    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_report_review_begun_by_id_person"), type_="foreignkey")
        batch_op.drop_column("amendment_reason")
        batch_op.drop_column("accepted_number")
        batch_op.drop_column("edited_as")
        batch_op.drop_column("review_begun_by_id")
        batch_op.drop_column("review_begun_at")

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_column("single_keys")

    with op.batch_alter_table("machine", schema=None) as batch_op:
        batch_op.drop_column("hired_from")
        batch_op.drop_column("engine_year")
        batch_op.drop_column("size")
        batch_op.drop_column("other_type")

    with op.batch_alter_table("imported_file", schema=None) as batch_op:
        batch_op.drop_column("rows_found")
        batch_op.drop_column("rows_checked")
        batch_op.drop_column("step")

    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_evidence_revision_id_revision"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_evidence_report_id_report"), type_="foreignkey")
        batch_op.drop_index("ix_evidence_report_line")
        batch_op.drop_column("removed_at")
        batch_op.drop_column("revision_id")
        batch_op.drop_column("field")
        batch_op.drop_column("line_key")
        batch_op.drop_column("kind")
        batch_op.drop_column("report_id")

    with op.batch_alter_table("draft_line", schema=None) as batch_op:
        batch_op.drop_column("unconfirmed")

    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("counted_kind", sa.VARCHAR(length=40), server_default="machinery", nullable=False)
        )
        batch_op.drop_column("counted")

    with op.batch_alter_table("check_result", schema=None) as batch_op:
        batch_op.drop_column("reason")

    with op.batch_alter_table("withdrawal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_withdrawal_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_withdrawal_contract_id"))
        batch_op.drop_index(batch_op.f("ix_withdrawal_buyer_id"))

    op.drop_table("withdrawal")
    with op.batch_alter_table("comment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_comment_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_comment_revision_id"))
        batch_op.drop_index("ix_comment_report_id_id")
        batch_op.drop_index(batch_op.f("ix_comment_contract_id"))
        batch_op.drop_index(batch_op.f("ix_comment_buyer_id"))

    op.drop_table("comment")
    with op.batch_alter_table("explanation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_explanation_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_explanation_contract_id"))
        batch_op.drop_index(batch_op.f("ix_explanation_buyer_id"))

    op.drop_table("explanation")
    with op.batch_alter_table("claim", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_claim_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_claim_contract_id"))
        batch_op.drop_index(batch_op.f("ix_claim_buyer_id"))

    op.drop_table("claim")
