"""Persons and the organisations they act for."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from flask_security.core import RoleMixin, UserMixin
from sqlalchemy import ForeignKey, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.orm.attributes import set_committed_value

from portal.model.base import BigId, Code, JsonDocument, Moment, Row
from portal.reach import Sight

if TYPE_CHECKING:
    from portal.model.second_factors import Authenticator


class Role(StrEnum):
    """What a membership lets a person do for the organisation."""

    REPORTER = "reporter"
    SIGNATORY = "signatory"
    REVIEWER = "reviewer"
    CONTRACT_MANAGER = "contract_manager"
    DECISION_MAKER = "decision_maker"
    ADMINISTRATOR = "administrator"
    READER = "reader"
    """Reads the contracts with their reports and cases, and changes nothing."""
    AUDITOR = "auditor"
    """Reads all that the buyer has, letters and trail too, and changes nothing."""


READING = frozenset({Role.READER, Role.AUDITOR})
"""Roles that only read. Who holds one holds no other: what they say of the work must not be of their own."""


NEVER_LIMITED = frozenset({Role.ADMINISTRATOR})
"""Roles of those who see every contract: whoever says who sees what must not be limited themselves."""

WEIGHTY = frozenset({Role.ADMINISTRATOR, Role.SIGNATORY})
"""Roles that give others rights or bind the organisation: more than a password, and who gets one is told of."""


class OrganisationKind(StrEnum):
    """Which side of a contract an organisation stands on."""

    BUYER = "buyer"
    SUPPLIER = "supplier"


ROLES_OF: Mapping[OrganisationKind, frozenset[Role]] = {
    OrganisationKind.BUYER: frozenset(
        {Role.REVIEWER, Role.CONTRACT_MANAGER, Role.DECISION_MAKER, Role.ADMINISTRATOR, *READING}
    ),
    OrganisationKind.SUPPLIER: frozenset({Role.REPORTER, Role.SIGNATORY, Role.ADMINISTRATOR}),
}
"""The roles that there are on each side of a contract."""


class Organisation(Row):
    """A buyer or a supplier, known by its organisation number."""

    __tablename__ = "organisation"

    number: Mapped[str] = mapped_column(String(9), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    registered_at: Mapped[datetime | None] = mapped_column(Moment)
    """When its name was read in Enhetsregisteret; None: it is as somebody wrote it."""
    kind: Mapped[OrganisationKind] = mapped_column(Code(OrganisationKind))
    domains: Mapped[list["OrganisationDomain"]] = relationship(
        order_by="OrganisationDomain.domain", cascade="all, delete-orphan"
    )


class OrganisationDomain(Row):
    """What the e-mail addresses of an organisation's people end in; of one that has none, in anything."""

    __tablename__ = "organisation_domain"
    __table_args__ = (UniqueConstraint("organisation_id", "domain"),)

    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    domain: Mapped[str] = mapped_column(String(253))
    """As addresses are kept: in small letters, and in the letters that people read."""


class Person(Row, UserMixin):
    """A human being who signs in. What they may do comes from their memberships."""

    __tablename__ = "person"

    email: Mapped[str] = mapped_column(String(254), unique=True)
    new_email: Mapped[str | None] = mapped_column(String(254))
    """The address they want instead, until it is confirmed from there; None: none."""
    former_emails: Mapped[list[str]] = mapped_column(JsonDocument, default=list, server_default="[]")
    """The addresses they had before, the oldest first: what was sent there is theirs, too."""
    mail_failed_at: Mapped[datetime | None] = mapped_column(Moment)
    """When a letter to the address last came back for good; None: none has, or they have seen to it."""
    mail_failure: Mapped[str] = mapped_column(String(500), default="", server_default="")
    """Why, in the words of the mail server."""
    name: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(2), default="nb")
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    single_keys: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    """Whether single letters are shortcuts on pages that have them (WCAG 2.1.4: they can be turned off)."""
    steps_hidden_at: Mapped[datetime | None] = mapped_column(Moment)
    """When they put «Kom i gang» away; None while it is shown."""
    set_up_by_code: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether an app is set up only with a code from another person: they have shown an e-mail account, and no more."""
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    memberships: Mapped[list["Membership"]] = relationship(
        back_populates="person",
        order_by="Membership.id",
        primaryjoin="and_(Person.id == Membership.person_id, Membership.ended_at.is_(None))",
    )
    """Those that have not ended."""
    authenticator: Mapped["Authenticator | None"] = relationship(back_populates="person")

    @property
    def needs_second_factor(self) -> bool:
        """Whether a password alone is too little: they act for a buyer, or sign or give roles for a supplier."""
        return any(own.needs_second_factor for own in self.memberships)

    @property
    def roles(self) -> list[RoleMixin]:  # type: ignore[override]
        """Flask-Security asks; roles here belong to a membership, never to the person alone."""
        return []


class Unit(Row):
    """An agency or department of a buyer, with contracts of its own."""

    __tablename__ = "unit"
    __table_args__ = (UniqueConstraint("organisation_id", "name"),)

    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"))
    name: Mapped[str] = mapped_column(String(200))


class Membership(Row):
    """A person acting for an organisation in certain roles. Operations take it as `by=`."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("person_id", "organisation_id"),)

    person_id: Mapped[int] = mapped_column(BigId, ForeignKey("person.id"))
    organisation_id: Mapped[int] = mapped_column(BigId, ForeignKey("organisation.id"), index=True)
    role_codes: Mapped[list[str]] = mapped_column(JsonDocument)
    kept_codes: Mapped[list[str]] = mapped_column(JsonDocument, default=list, server_default="[]")
    """Roles that the organisation's own directory takes away, and that stay because nobody else holds them."""
    sight: Mapped[Sight] = mapped_column(Code(Sight), default=Sight.ALL, server_default=Sight.ALL)
    unit_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("unit.id"), index=True)
    """The unit whose contracts it sees, where its sight is one unit's."""
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    """When they left; what they did stays theirs."""
    person: Mapped[Person] = relationship(back_populates="memberships", lazy="joined")
    organisation: Mapped[Organisation] = relationship(lazy="joined")
    unit: Mapped[Unit | None] = relationship()

    @property
    def roles(self) -> frozenset[Role]:
        """The roles held, or those of whom they stand in for in this request; none by whoever has left."""
        if self.ended_at is not None or self.acts_as.ended_at is not None:
            return frozenset()
        return self.acts_as.last_roles

    @property
    def needs_second_factor(self) -> bool:
        """Whether a password alone is too little: it is for a buyer, or signs or gives roles for a supplier."""
        return self.organisation.kind == OrganisationKind.BUYER or self.has(*WEIGHTY)

    @property
    def stands_in_for(self) -> "Membership | None":
        """On whose behalf they act in this request; None: their own."""
        absent: Membership | None = vars(self).get("_stands_in_for")
        return absent

    @property
    def acts_as(self) -> "Membership":
        """Whose roles and sight hold in this request: of whom they stand in for, and never more; else their own."""
        return self.stands_in_for or self

    @property
    def reads_through(self) -> "Membership | None":
        """The membership at the head of a group by which they read here in this request; None: their own."""
        own: Membership | None = vars(self).get("_reads_through")
        return own

    def read_for(self, organisation: Organisation) -> "Membership":
        """They as a reader at a buyer of the group, kept nowhere. `operations.people.groups` says who may."""
        there = Membership(person_id=self.person_id, organisation_id=organisation.id, role_codes=[Role.READER])
        there.public_id, there.kept_codes, there.sight = self.public_id, [], Sight.ALL
        set_committed_value(there, "person", self.person)
        set_committed_value(there, "organisation", organisation)
        vars(there)["_reads_through"] = self
        return there

    def stand_in_for(self, absent: "Membership") -> None:
        """Act on another's behalf for the rest of this request. `operations.people.substitutes` says who may."""
        vars(self)["_stands_in_for"] = absent

    @property
    def last_roles(self) -> frozenset[Role]:
        """The roles held, or held when they left."""
        return frozenset(Role(code) for code in self.role_codes)

    @property
    def only_reads(self) -> bool:
        """Whether none of the roles lets them change a thing."""
        return self.roles <= READING

    def has(self, *roles: Role) -> bool:
        """Whether any of `roles` is held."""
        return not self.roles.isdisjoint(roles)
