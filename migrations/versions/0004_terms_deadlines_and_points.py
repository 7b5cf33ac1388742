"""Terms that change over time, deadlines by rule, cases point by point; sites and rates become rows of their own."""

import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_DEFAULTED = {
    "contract": [
        "cpv",
        "deemed_working_days",
        "due_counting",
        "due_days",
        "due_moves",
        "due_time",
        "frequency",
        "identifiers",
        "notice_starts",
        "state",
        "version",
    ],
    "notice": ["sent_to", "starts"],
    "reply": ["is_complete"],
    "reporting_period": ["purpose"],
    "requirement": ["promised", "promised_source", "scope", "steps", "tolerance", "window", "wording"],
    "sanction": ["found_hash", "waived", "waiver_reason"],
    "sanction_clause": ["base", "day_counting", "form", "grace_days", "starts"],
}
"""Columns that get a value in the rows that are there, and no default afterwards."""


_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PARTIES = ("contract_id", "buyer_id", "supplier_id")
_CONTRACT = sa.table("contract", sa.column("id", _ID), sa.column("starts_on", sa.Date))
_CLAUSE = sa.table(
    "sanction_clause",
    sa.column("id", _ID),
    sa.column("fee", sa.BigInteger),
    *(sa.column(each, _ID) for each in _PARTIES),
)


def _table(name: str, *columns: sa.ColumnClause[Any]) -> sa.TableClause:
    """A table of rows below a contract, as they are written here."""
    row = (sa.column("public_id", sa.Uuid), sa.column("created_at", sa.DateTime(timezone=True)))
    return sa.table(name, *columns, *row, *(sa.column(each, _ID) for each in _PARTIES))


_SITE = _table("site", sa.column("name", sa.String), sa.column("address", sa.String))
_RATE = _table(
    "sanction_rate",
    sa.column("clause_id", _ID),
    sa.column("valid_from", sa.Date),
    sa.column("amount", sa.BigInteger),
)


def upgrade() -> None:
    op.create_table(
        "change_order",
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("agreed_on", sa.Date(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("value_change", sa.BigInteger(), nullable=False),
        sa.Column("new_ends_on", sa.Date(), nullable=True),
        sa.Column("old_ends_on", sa.Date(), nullable=True),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["buyer_id"], ["organisation.id"], name=op.f("fk_change_order_buyer_id_organisation")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_change_order_contract_id_contract")),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["organisation.id"], name=op.f("fk_change_order_supplier_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_order")),
        sa.UniqueConstraint("contract_id", "reference", name=op.f("uq_change_order_contract_id_reference")),
        sa.UniqueConstraint("public_id", name=op.f("uq_change_order_public_id")),
    )
    with op.batch_alter_table("change_order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_change_order_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_change_order_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_change_order_supplier_id"), ["supplier_id"], unique=False)

    op.create_table(
        "pause",
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["buyer_id"], ["organisation.id"], name=op.f("fk_pause_buyer_id_organisation")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_pause_contract_id_contract")),
        sa.ForeignKeyConstraint(["supplier_id"], ["organisation.id"], name=op.f("fk_pause_supplier_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pause")),
        sa.UniqueConstraint("public_id", name=op.f("uq_pause_public_id")),
    )
    with op.batch_alter_table("pause", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pause_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_pause_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_pause_supplier_id"), ["supplier_id"], unique=False)

    op.create_table(
        "planned_figure",
        sa.Column("origin", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("indicator", sa.String(length=60), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["buyer_id"], ["organisation.id"], name=op.f("fk_planned_figure_buyer_id_organisation")
        ),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_planned_figure_contract_id_contract")),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["organisation.id"], name=op.f("fk_planned_figure_supplier_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_figure")),
        sa.UniqueConstraint(
            "contract_id",
            "origin",
            "kind",
            "indicator",
            name=op.f("uq_planned_figure_contract_id_origin_kind_indicator"),
        ),
        sa.UniqueConstraint("public_id", name=op.f("uq_planned_figure_public_id")),
    )
    with op.batch_alter_table("planned_figure", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_planned_figure_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_planned_figure_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_planned_figure_supplier_id"), ["supplier_id"], unique=False)

    op.create_table(
        "representative",
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["buyer_id"], ["organisation.id"], name=op.f("fk_representative_buyer_id_organisation")
        ),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_representative_contract_id_contract")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_representative_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_representative_person_id_person")),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["organisation.id"], name=op.f("fk_representative_supplier_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_representative")),
        sa.UniqueConstraint("public_id", name=op.f("uq_representative_public_id")),
    )
    with op.batch_alter_table("representative", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_representative_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_representative_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_representative_supplier_id"), ["supplier_id"], unique=False)

    op.create_table(
        "site",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["buyer_id"], ["organisation.id"], name=op.f("fk_site_buyer_id_organisation")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_site_contract_id_contract")),
        sa.ForeignKeyConstraint(["supplier_id"], ["organisation.id"], name=op.f("fk_site_supplier_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("public_id", name=op.f("uq_site_public_id")),
    )
    with op.batch_alter_table("site", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_site_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_site_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_site_supplier_id"), ["supplier_id"], unique=False)

    op.create_table(
        "assessment_window",
        sa.Column("requirement_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("figure", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("revisions", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["buyer_id"], ["organisation.id"], name=op.f("fk_assessment_window_buyer_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_assessment_window_contract_id_contract")
        ),
        sa.ForeignKeyConstraint(
            ["requirement_id"], ["requirement.id"], name=op.f("fk_assessment_window_requirement_id_requirement")
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["organisation.id"], name=op.f("fk_assessment_window_supplier_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_window")),
        sa.UniqueConstraint("public_id", name=op.f("uq_assessment_window_public_id")),
        sa.UniqueConstraint(
            "requirement_id", "starts_on", "ends_on", name=op.f("uq_assessment_window_requirement_id_starts_on_ends_on")
        ),
    )
    with op.batch_alter_table("assessment_window", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assessment_window_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_assessment_window_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_assessment_window_supplier_id"), ["supplier_id"], unique=False)

    op.create_table(
        "sanction_rate",
        sa.Column("clause_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["buyer_id"], ["organisation.id"], name=op.f("fk_sanction_rate_buyer_id_organisation")),
        sa.ForeignKeyConstraint(
            ["clause_id"], ["sanction_clause.id"], name=op.f("fk_sanction_rate_clause_id_sanction_clause")
        ),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_sanction_rate_contract_id_contract")),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["organisation.id"], name=op.f("fk_sanction_rate_supplier_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction_rate")),
        sa.UniqueConstraint("clause_id", "valid_from", name=op.f("uq_sanction_rate_clause_id_valid_from")),
        sa.UniqueConstraint("public_id", name=op.f("uq_sanction_rate_public_id")),
    )
    with op.batch_alter_table("sanction_rate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sanction_rate_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sanction_rate_clause_id"), ["clause_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sanction_rate_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sanction_rate_supplier_id"), ["supplier_id"], unique=False)

    op.create_table(
        "extension_request",
        sa.Column("report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("deviation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wished_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["person.id"], name=op.f("fk_extension_request_answered_by_id_person")
        ),
        sa.ForeignKeyConstraint(["asked_by_id"], ["person.id"], name=op.f("fk_extension_request_asked_by_id_person")),
        sa.ForeignKeyConstraint(
            ["buyer_id"], ["organisation.id"], name=op.f("fk_extension_request_buyer_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_extension_request_contract_id_contract")
        ),
        sa.ForeignKeyConstraint(
            ["deviation_id"], ["deviation.id"], name=op.f("fk_extension_request_deviation_id_deviation")
        ),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_extension_request_report_id_report")),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["organisation.id"], name=op.f("fk_extension_request_supplier_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extension_request")),
        sa.UniqueConstraint("public_id", name=op.f("uq_extension_request_public_id")),
    )
    with op.batch_alter_table("extension_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_extension_request_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_extension_request_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_extension_request_deviation_id"), ["deviation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_extension_request_report_id"), ["report_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_extension_request_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_extension_request_supplier_id"), ["supplier_id"], unique=False)

    op.create_table(
        "point",
        sa.Column("deviation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["buyer_id"], ["organisation.id"], name=op.f("fk_point_buyer_id_organisation")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_point_contract_id_contract")),
        sa.ForeignKeyConstraint(["deviation_id"], ["deviation.id"], name=op.f("fk_point_deviation_id_deviation")),
        sa.ForeignKeyConstraint(["supplier_id"], ["organisation.id"], name=op.f("fk_point_supplier_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point")),
        sa.UniqueConstraint("deviation_id", "number", name=op.f("uq_point_deviation_id_number")),
        sa.UniqueConstraint("public_id", name=op.f("uq_point_public_id")),
    )
    with op.batch_alter_table("point", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_point_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_point_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_point_deviation_id"), ["deviation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_point_supplier_id"), ["supplier_id"], unique=False)

    op.create_table(
        "point_answer",
        sa.Column("reply_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("point_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stance", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["buyer_id"], ["organisation.id"], name=op.f("fk_point_answer_buyer_id_organisation")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_point_answer_contract_id_contract")),
        sa.ForeignKeyConstraint(["point_id"], ["point.id"], name=op.f("fk_point_answer_point_id_point")),
        sa.ForeignKeyConstraint(["reply_id"], ["reply.id"], name=op.f("fk_point_answer_reply_id_reply")),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["organisation.id"], name=op.f("fk_point_answer_supplier_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_answer")),
        sa.UniqueConstraint("public_id", name=op.f("uq_point_answer_public_id")),
        sa.UniqueConstraint("reply_id", "point_id", name=op.f("uq_point_answer_reply_id_point_id")),
    )
    with op.batch_alter_table("point_answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_point_answer_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_point_answer_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_point_answer_point_id"), ["point_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_point_answer_reply_id"), ["reply_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_point_answer_supplier_id"), ["supplier_id"], unique=False)

    op.create_table(
        "weighing",
        sa.Column("point_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("verdict", sa.String(length=40), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("weighed_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["buyer_id"], ["organisation.id"], name=op.f("fk_weighing_buyer_id_organisation")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_weighing_contract_id_contract")),
        sa.ForeignKeyConstraint(["point_id"], ["point.id"], name=op.f("fk_weighing_point_id_point")),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["organisation.id"], name=op.f("fk_weighing_supplier_id_organisation")
        ),
        sa.ForeignKeyConstraint(["weighed_by_id"], ["person.id"], name=op.f("fk_weighing_weighed_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weighing")),
        sa.UniqueConstraint("public_id", name=op.f("uq_weighing_public_id")),
    )
    with op.batch_alter_table("weighing", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_weighing_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_weighing_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_weighing_point_id"), ["point_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_weighing_supplier_id"), ["supplier_id"], unique=False)

    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.add_column(sa.Column("state", sa.String(length=40), server_default="running", nullable=False))
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("identifiers", sa.JSON(none_as_null=True), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("cpv", sa.JSON(none_as_null=True), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("handed_over_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("value", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("frequency", sa.String(length=40), server_default="month", nullable=False))
        batch_op.add_column(sa.Column("due_days", sa.Integer(), server_default="10", nullable=False))
        batch_op.add_column(sa.Column("due_counting", sa.String(length=40), server_default="working", nullable=False))
        batch_op.add_column(sa.Column("due_moves", sa.String(length=40), server_default="forward", nullable=False))
        batch_op.add_column(sa.Column("due_time", sa.String(length=5), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column("notice_starts", sa.String(length=40), server_default="delivered", nullable=False)
        )
        batch_op.add_column(sa.Column("deemed_working_days", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("notice_working_days", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_contract_state"), ["state"], unique=False)
        batch_op.create_unique_constraint(batch_op.f("uq_contract_buyer_id_reference"), ["buyer_id", "reference"])

    with op.batch_alter_table("deployment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("site_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_deployment_site_id_site"), "site", ["site_id"], ["id"])

    with op.batch_alter_table("deviation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("window_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.add_column(sa.Column("notice_due_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("cured_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("not_found_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_deviation_window_id_assessment_window"), "assessment_window", ["window_id"], ["id"]
        )

    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.add_column(sa.Column("point_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_evidence_point_id_point"), "point", ["point_id"], ["id"])

    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.add_column(sa.Column("starts", sa.String(length=40), server_default="delivered", nullable=False))
        batch_op.add_column(sa.Column("sent_to", sa.JSON(none_as_null=True), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("opened_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("takes_effect_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_notice_opened_by_id_person"), "person", ["opened_by_id"], ["id"])

    with op.batch_alter_table("reply", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_complete", sa.Boolean(), server_default=sa.true(), nullable=False))

    with op.batch_alter_table("reporting_period", schema=None) as batch_op:
        batch_op.add_column(sa.Column("purpose", sa.String(length=40), server_default="regular", nullable=False))
        batch_op.drop_constraint(batch_op.f("uq_reporting_period_contract_id_starts_on"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_reporting_period_contract_id_purpose_starts_on"), ["contract_id", "purpose", "starts_on"]
        )

    with op.batch_alter_table("requirement", schema=None) as batch_op:
        batch_op.add_column(sa.Column("steps", sa.JSON(none_as_null=True), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("promised", sa.String(length=40), server_default="", nullable=False))
        batch_op.add_column(sa.Column("promised_source", sa.String(length=200), server_default="", nullable=False))
        batch_op.add_column(sa.Column("tolerance", sa.String(length=40), server_default="", nullable=False))
        batch_op.add_column(sa.Column("window", sa.String(length=40), server_default="period", nullable=False))
        batch_op.add_column(sa.Column("scope", sa.JSON(none_as_null=True), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("wording", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column("change_order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_requirement_change_order_id_change_order"), "change_order", ["change_order_id"], ["id"]
        )

    with op.batch_alter_table("sanction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("days", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("waived", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("waiver_reason", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("found_hash", sa.String(length=64), server_default="", nullable=False))

    with op.batch_alter_table("sanction_clause", schema=None) as batch_op:
        batch_op.add_column(sa.Column("form", sa.String(length=40), server_default="fee", nullable=False))
        batch_op.add_column(sa.Column("base", sa.String(length=40), server_default="value", nullable=False))
        batch_op.add_column(sa.Column("base_amount", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("starts", sa.String(length=40), server_default="deadline", nullable=False))
        batch_op.add_column(sa.Column("grace_days", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("day_counting", sa.String(length=40), server_default="calendar", nullable=False))
        batch_op.add_column(sa.Column("least_per_day", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("cap_days", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("cap_percent", sa.BigInteger(), nullable=True))

    _carry_over()
    _drop_defaults()
    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.drop_column("site")
        batch_op.drop_column("due_working_days")
    with op.batch_alter_table("sanction_clause", schema=None) as batch_op:
        batch_op.drop_column("fee")


def _carry_over() -> None:
    """Each contract's site becomes a row, each fee a rate from the contract's first day, each delivery takes effect."""
    connection = op.get_bind()
    connection.execute(sa.text("UPDATE contract SET due_days = due_working_days"))
    connection.execute(sa.text("UPDATE notice SET sent_at = delivered_at, takes_effect_at = delivered_at"))
    contracts = connection.execute(
        sa.text("SELECT id AS contract_id, buyer_id, supplier_id, site AS name FROM contract ORDER BY id")
    ).mappings()
    now = datetime.now(UTC)
    sites = [{**row, "address": "", "public_id": uuid.uuid4(), "created_at": now} for row in contracts.all()]
    if sites:
        connection.execute(sa.insert(_SITE), sites)
    rates = connection.execute(
        sa.select(
            _CLAUSE.c.id.label("clause_id"),
            _CLAUSE.c.contract_id,
            _CLAUSE.c.buyer_id,
            _CLAUSE.c.supplier_id,
            _CLAUSE.c.fee.label("amount"),
            _CONTRACT.c.starts_on.label("valid_from"),
        ).join(_CONTRACT, _CONTRACT.c.id == _CLAUSE.c.contract_id)
    ).mappings()
    found = [{**row, "public_id": uuid.uuid4(), "created_at": now} for row in rates.all()]
    if found:
        connection.execute(sa.insert(_RATE), found)


def _carry_back() -> None:
    with op.batch_alter_table("sanction_clause", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fee", sa.BigInteger(), server_default="0", nullable=False))
    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.add_column(sa.Column("due_working_days", sa.Integer(), server_default="10", nullable=False))
        batch_op.add_column(sa.Column("site", sa.String(length=200), server_default="", nullable=False))
    connection = op.get_bind()
    connection.execute(
        sa.text(
            "UPDATE sanction_clause SET fee = coalesce((SELECT amount FROM sanction_rate "
            "WHERE clause_id = sanction_clause.id ORDER BY valid_from DESC LIMIT 1), 0)"
        )
    )
    connection.execute(
        sa.text(
            "UPDATE contract SET due_working_days = due_days, site = coalesce((SELECT name FROM site "
            "WHERE contract_id = contract.id ORDER BY id LIMIT 1), '')"
        )
    )


def _drop_defaults() -> None:
    for table, columns in _DEFAULTED.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.alter_column(column, server_default=None)


def downgrade() -> None:
    _carry_back()
    with op.batch_alter_table("sanction_clause", schema=None) as batch_op:
        batch_op.alter_column("fee", existing_type=sa.BigInteger(), server_default=None)
        batch_op.drop_column("cap_percent")
        batch_op.drop_column("cap_days")
        batch_op.drop_column("least_per_day")
        batch_op.drop_column("day_counting")
        batch_op.drop_column("grace_days")
        batch_op.drop_column("starts")
        batch_op.drop_column("base_amount")
        batch_op.drop_column("base")
        batch_op.drop_column("form")

    with op.batch_alter_table("sanction", schema=None) as batch_op:
        batch_op.drop_column("found_hash")
        batch_op.drop_column("waiver_reason")
        batch_op.drop_column("waived")
        batch_op.drop_column("days")

    with op.batch_alter_table("requirement", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_requirement_change_order_id_change_order"), type_="foreignkey")
        batch_op.drop_column("change_order_id")
        batch_op.drop_column("wording")
        batch_op.drop_column("scope")
        batch_op.drop_column("window")
        batch_op.drop_column("tolerance")
        batch_op.drop_column("promised_source")
        batch_op.drop_column("promised")
        batch_op.drop_column("steps")

    with op.batch_alter_table("reporting_period", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_reporting_period_contract_id_purpose_starts_on"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_reporting_period_contract_id_starts_on"), ["contract_id", "starts_on"]
        )
        batch_op.drop_column("purpose")

    with op.batch_alter_table("reply", schema=None) as batch_op:
        batch_op.drop_column("is_complete")

    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_notice_opened_by_id_person"), type_="foreignkey")
        batch_op.drop_column("takes_effect_at")
        batch_op.drop_column("opened_by_id")
        batch_op.drop_column("opened_at")
        batch_op.drop_column("reminded_at")
        batch_op.drop_column("sent_at")
        batch_op.drop_column("sent_to")
        batch_op.drop_column("starts")

    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_evidence_point_id_point"), type_="foreignkey")
        batch_op.drop_column("point_id")

    with op.batch_alter_table("deviation", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_deviation_window_id_assessment_window"), type_="foreignkey")
        batch_op.drop_column("not_found_at")
        batch_op.drop_column("cured_on")
        batch_op.drop_column("notice_due_at")
        batch_op.drop_column("window_id")

    with op.batch_alter_table("deployment", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_deployment_site_id_site"), type_="foreignkey")
        batch_op.drop_column("site_id")

    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.alter_column("due_working_days", existing_type=sa.Integer(), server_default=None)
        batch_op.alter_column("site", existing_type=sa.String(length=200), server_default=None)
        batch_op.drop_constraint(batch_op.f("uq_contract_buyer_id_reference"), type_="unique")
        batch_op.drop_index(batch_op.f("ix_contract_state"))
        batch_op.drop_column("notice_working_days")
        batch_op.drop_column("deemed_working_days")
        batch_op.drop_column("notice_starts")
        batch_op.drop_column("due_time")
        batch_op.drop_column("due_moves")
        batch_op.drop_column("due_counting")
        batch_op.drop_column("due_days")
        batch_op.drop_column("frequency")
        batch_op.drop_column("value")
        batch_op.drop_column("handed_over_on")
        batch_op.drop_column("cpv")
        batch_op.drop_column("identifiers")
        batch_op.drop_column("version")
        batch_op.drop_column("state")

    with op.batch_alter_table("weighing", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_weighing_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_weighing_point_id"))
        batch_op.drop_index(batch_op.f("ix_weighing_contract_id"))
        batch_op.drop_index(batch_op.f("ix_weighing_buyer_id"))

    op.drop_table("weighing")
    with op.batch_alter_table("point_answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_point_answer_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_point_answer_reply_id"))
        batch_op.drop_index(batch_op.f("ix_point_answer_point_id"))
        batch_op.drop_index(batch_op.f("ix_point_answer_contract_id"))
        batch_op.drop_index(batch_op.f("ix_point_answer_buyer_id"))

    op.drop_table("point_answer")
    with op.batch_alter_table("point", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_point_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_point_deviation_id"))
        batch_op.drop_index(batch_op.f("ix_point_contract_id"))
        batch_op.drop_index(batch_op.f("ix_point_buyer_id"))

    op.drop_table("point")
    with op.batch_alter_table("extension_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_extension_request_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_extension_request_state"))
        batch_op.drop_index(batch_op.f("ix_extension_request_report_id"))
        batch_op.drop_index(batch_op.f("ix_extension_request_deviation_id"))
        batch_op.drop_index(batch_op.f("ix_extension_request_contract_id"))
        batch_op.drop_index(batch_op.f("ix_extension_request_buyer_id"))

    op.drop_table("extension_request")
    with op.batch_alter_table("sanction_rate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sanction_rate_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_sanction_rate_contract_id"))
        batch_op.drop_index(batch_op.f("ix_sanction_rate_clause_id"))
        batch_op.drop_index(batch_op.f("ix_sanction_rate_buyer_id"))

    op.drop_table("sanction_rate")
    with op.batch_alter_table("assessment_window", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assessment_window_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_assessment_window_contract_id"))
        batch_op.drop_index(batch_op.f("ix_assessment_window_buyer_id"))

    op.drop_table("assessment_window")
    with op.batch_alter_table("site", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_site_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_site_contract_id"))
        batch_op.drop_index(batch_op.f("ix_site_buyer_id"))

    op.drop_table("site")
    with op.batch_alter_table("representative", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_representative_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_representative_contract_id"))
        batch_op.drop_index(batch_op.f("ix_representative_buyer_id"))

    op.drop_table("representative")
    with op.batch_alter_table("planned_figure", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_planned_figure_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_planned_figure_contract_id"))
        batch_op.drop_index(batch_op.f("ix_planned_figure_buyer_id"))

    op.drop_table("planned_figure")
    with op.batch_alter_table("pause", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pause_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_pause_contract_id"))
        batch_op.drop_index(batch_op.f("ix_pause_buyer_id"))

    op.drop_table("pause")
    with op.batch_alter_table("change_order", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_change_order_supplier_id"))
        batch_op.drop_index(batch_op.f("ix_change_order_contract_id"))
        batch_op.drop_index(batch_op.f("ix_change_order_buyer_id"))

    op.drop_table("change_order")
