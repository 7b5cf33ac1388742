"""How long a deadline is held, when a breach ended, what a notice said, whom it reached, and whose a planned figure is."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("deviation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("occasion", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("put_right", sa.JSON(none_as_null=True), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_constraint(batch_op.f("uq_deviation_requirement_id_report_id_cause_group"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_deviation_requirement_id_report_id_cause_group_occasion"),
            ["requirement_id", "report_id", "cause_group", "occasion"],
        )

    with op.batch_alter_table("deviation", schema=None) as batch_op:
        batch_op.alter_column("occasion", server_default=None)
        batch_op.alter_column("put_right", server_default=None)

    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.add_column(sa.Column("notice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.create_index(batch_op.f("ix_evidence_notice_id"), ["notice_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_evidence_notice_id_notice"), "notice", ["notice_id"], ["id"])

    with op.batch_alter_table("extension_request", schema=None) as batch_op:
        batch_op.add_column(sa.Column("holds", sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.add_column(sa.Column("chased_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.add_column(sa.Column("deemed_working_days", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("country", sa.String(length=2), nullable=True))
        batch_op.add_column(sa.Column("time_zone", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("said", sa.JSON(none_as_null=True), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("seen", sa.JSON(none_as_null=True), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("served_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("served_noted_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("served_to", sa.String(length=200), server_default="", nullable=False))
        batch_op.add_column(sa.Column("served_how", sa.String(length=400), server_default="", nullable=False))

    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.alter_column("said", server_default=None)

    with op.batch_alter_table("planned_figure", schema=None) as batch_op:
        batch_op.add_column(sa.Column("report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.drop_constraint(batch_op.f("uq_planned_figure_contract_id_origin_kind_indicator"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_planned_figure_contract_id_origin_kind_indicator_report_id"),
            ["contract_id", "origin", "kind", "indicator", "report_id"],
        )
        batch_op.create_index(
            "uq_planned_figure_entered",
            ["contract_id", "origin", "kind", "indicator"],
            unique=True,
            sqlite_where=sa.text("report_id IS NULL"),
            postgresql_where=sa.text("report_id IS NULL"),
        )
        batch_op.create_foreign_key(batch_op.f("fk_planned_figure_report_id_report"), "report", ["report_id"], ["id"])
    # What an approved plan noted is the plan's own from now on; what a person entered stays that person's.
    op.execute("""
        UPDATE planned_figure SET report_id = (
            SELECT r.id FROM report r JOIN reporting_period p ON p.id = r.period_id
            WHERE r.contract_id = planned_figure.contract_id AND p.purpose = 'plan')
        WHERE origin = 'plan' AND source LIKE 'planen, revisjon %'
    """)

    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.add_column(sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))
    # A report whose request waits for the buyer is late no earlier than on the day that was wished for. A request for
    # more time to reply held nothing: its timer stands where it stood, and so does the deadline.
    op.execute("""
        UPDATE report SET held_until = (
            SELECT max(wished_until) FROM extension_request
            WHERE report_id = report.id AND state = 'asked' AND answered_at IS NULL)
        WHERE more_time_asked_at IS NOT NULL
    """)
    request = sa.table("extension_request", sa.column("deviation_id"), sa.column("holds", sa.Boolean()))
    op.execute(sa.update(request).where(request.c.deviation_id.is_not(None)).values(holds=sa.false()))
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.drop_column("more_time_asked_at")

    with op.batch_alter_table("requirement", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("continues_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_requirement_continues_id_requirement"), "requirement", ["continues_id"], ["id"]
        )

    with op.batch_alter_table("reporting_period", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_reporting_period_contract_id_purpose_starts_on"), type_="unique")
        batch_op.create_index(
            "uq_reporting_period_account",
            ["contract_id", "ends_on"],
            unique=True,
            sqlite_where=sa.text("purpose = 'account'"),
            postgresql_where=sa.text("purpose = 'account'"),
        )
        batch_op.create_index(
            "uq_reporting_period_begins",
            ["contract_id", "purpose", "starts_on"],
            unique=True,
            sqlite_where=sa.text("purpose <> 'account'"),
            postgresql_where=sa.text("purpose <> 'account'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("reporting_period", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_reporting_period_begins",
            sqlite_where=sa.text("purpose <> 'account'"),
            postgresql_where=sa.text("purpose <> 'account'"),
        )
        batch_op.drop_index(
            "uq_reporting_period_account",
            sqlite_where=sa.text("purpose = 'account'"),
            postgresql_where=sa.text("purpose = 'account'"),
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_reporting_period_contract_id_purpose_starts_on"), ["contract_id", "purpose", "starts_on"]
        )

    with op.batch_alter_table("requirement", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_requirement_continues_id_requirement"), type_="foreignkey")
        batch_op.drop_column("continues_id")

    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.add_column(sa.Column("more_time_asked_at", sa.DateTime(timezone=True), nullable=True))
    # Then it is late no earlier than when the buyer has answered.
    op.execute("""
        UPDATE report SET more_time_asked_at = (
            SELECT max(created_at) FROM extension_request
            WHERE report_id = report.id AND state = 'asked' AND answered_at IS NULL)
        WHERE held_until IS NOT NULL
    """)
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.drop_column("held_until")

    with op.batch_alter_table("planned_figure", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_planned_figure_report_id_report"), type_="foreignkey")
        batch_op.drop_index(
            "uq_planned_figure_entered",
            sqlite_where=sa.text("report_id IS NULL"),
            postgresql_where=sa.text("report_id IS NULL"),
        )
        batch_op.drop_constraint(
            batch_op.f("uq_planned_figure_contract_id_origin_kind_indicator_report_id"), type_="unique"
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_planned_figure_contract_id_origin_kind_indicator"),
            ["contract_id", "origin", "kind", "indicator"],
        )
        batch_op.drop_column("report_id")

    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_column("served_how")
        batch_op.drop_column("served_to")
        batch_op.drop_column("served_noted_at")
        batch_op.drop_column("served_at")
        batch_op.drop_column("seen")
        batch_op.drop_column("said")
        batch_op.drop_column("time_zone")
        batch_op.drop_column("country")
        batch_op.drop_column("deemed_working_days")

    with op.batch_alter_table("extension_request", schema=None) as batch_op:
        batch_op.drop_column("chased_at")
        batch_op.drop_column("holds")

    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_evidence_notice_id_notice"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_evidence_notice_id"))
        batch_op.drop_column("notice_id")

    with op.batch_alter_table("deviation", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("uq_deviation_requirement_id_report_id_cause_group_occasion"), type_="unique"
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_deviation_requirement_id_report_id_cause_group"),
            ["requirement_id", "report_id", "cause_group"],
        )
        batch_op.drop_column("held_until")
        batch_op.drop_column("put_right")
        batch_op.drop_column("occasion")
