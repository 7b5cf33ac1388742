"""The register of machines and vehicles, and where each of them is at work."""

import uuid
from datetime import date

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.model.base import BigId, OfContract, Row
from portal.model.contracts import Site
from portal.model.people import Organisation


class Machine(Row):
    """A machine in its owner's register."""

    __tablename__ = "machine"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    owner_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    type: Mapped[str] = mapped_column(String(40))
    other_type: Mapped[str] = mapped_column(String(60), default="")
    """What it is, in words, when `type` is one of the other ones."""
    model: Mapped[str] = mapped_column(String(120), default="")
    size: Mapped[str] = mapped_column(String(20), default="")
    """Weight class (`portal.kinds.register.SIZES`); empty where nobody has said."""
    carrier: Mapped[str] = mapped_column(String(40))
    stage: Mapped[str] = mapped_column(String(20))
    """Emission stage of a machine, Euro class of a vehicle."""
    engine_year: Mapped[int | None]
    serial: Mapped[str] = mapped_column(String(60), default="")
    """Serial number or PIN; registration number of a vehicle."""
    hired_from: Mapped[str] = mapped_column(String(120), default="")
    """Whose it is, when it is hired."""
    owner: Mapped[Organisation] = relationship()
    deployments: Mapped[list["Deployment"]] = relationship(back_populates="machine")


class Deployment(OfContract, Row):
    """A machine on a contract, from arrival to departure."""

    __tablename__ = "deployment"

    machine_id: Mapped[int] = mapped_column(BigId, ForeignKey("machine.id"), index=True)
    arrived_on: Mapped[date]
    departed_on: Mapped[date | None]
    site_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("site.id"))
    """Where on the contract; None where it has one site, or nobody has said."""
    site: Mapped[Site | None] = relationship()
    machine: Mapped[Machine] = relationship(back_populates="deployments", lazy="joined")

    @property
    def line_key(self) -> uuid.UUID:
        """The machine's own public id: what a machine line is matched on, in a form and in a file."""
        return self.machine.public_id
