"""A workbook with many contracts: what was found in it, before anything is made of it."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.model.base import BigId, Code, Json, JsonDocument, Row
from portal.model.mail import ImportState
from portal.model.people import Membership


class ContractImport(Row):
    """An uploaded workbook of contracts: the buyer's own, kept with its hash, made into drafts only after a yes."""

    __tablename__ = "contract_import"

    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    uploaded_by_id: Mapped[int] = mapped_column(BigId, ForeignKey("membership.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    state: Mapped[ImportState] = mapped_column(Code(ImportState))
    result: Mapped[Json] = mapped_column(JsonDocument, default=dict)
    """{"rows": [{"row", "typed", "problems", "sites": [typed], "representatives": [typed]}], "problems": [of no row],
    "notes": […], "frames": {sheet: where errors are marked}, "refusal", "created": [public ids]}.
    """
    uploaded_by: Mapped[Membership] = relationship()
