"""Who may do what, as one table; and whose rows anybody sees, in one place. `impartiality` says who may decide."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, true

from portal import one_case, reach
from portal.errors import Forbidden
from portal.extensions import db
from portal.model import (
    READING,
    ROLES_OF,
    Appointment,
    Comment,
    Contract,
    ContractImport,
    ContractState,
    Deployment,
    Deviation,
    DeviationState,
    Evidence,
    Interest,
    Invitation,
    Machine,
    Membership,
    OrganisationDomain,
    OrganisationKind,
    OutgoingMail,
    PlannedFigure,
    Point,
    Representative,
    Requirement,
    Role,
    Sanction,
    SanctionClause,
    Site,
    Substitution,
    Unit,
    Weighing,
)
from portal.model.sanctions import IN_FORCE
from portal.reach import Sight
from portal.text import Text


class Permission(StrEnum):
    """What can be asked, named `thing:act`."""

    ACCESS_GIVE = "access:give"
    CASE_ASSESS = "case:assess"
    CASE_READ = "case:read"
    CASE_REPLY = "case:reply"
    CONTRACT_EDIT = "contract:edit"
    CONTRACT_READ = "contract:read"
    DEADLINE_ASK = "deadline:ask"
    DEADLINE_GRANT = "deadline:grant"
    EXPORT_READ = "export:read"
    FILE_READ = "file:read"
    INTEREST_DECLARE = "interest:declare"
    INTEREST_END = "interest:end"
    MACHINE_EDIT = "machine:edit"
    MACHINE_READ = "machine:read"
    MAIL_READ = "mail:read"
    MEMBER_MANAGE = "member:manage"
    OWN_ACCOUNT = "own:account"
    REPORT_CHASE = "report:chase"
    REPORT_EDIT = "report:edit"
    REPORT_READ = "report:read"
    REPORT_REVIEW = "report:review"
    REPORT_SIGN = "report:sign"
    SANCTION_DECIDE = "sanction:decide"
    SANCTION_PROPOSE = "sanction:propose"
    SIGHT_EDIT = "sight:edit"
    TRAIL_READ = "trail:read"


Rule = Callable[[Membership], bool]


def _supplier_as(*roles: Role) -> Rule:
    return lambda by: by.organisation.kind == OrganisationKind.SUPPLIER and by.has(*roles)


def _buyer_as(*roles: Role) -> Rule:
    return lambda by: by.organisation.kind == OrganisationKind.BUYER and by.has(*roles)


def _anyone(by: Membership) -> bool:
    return bool(by.roles)


TABLE: dict[Permission, Rule] = {
    Permission.ACCESS_GIVE: _buyer_as(Role.REVIEWER, Role.CONTRACT_MANAGER, Role.ADMINISTRATOR),
    Permission.CASE_ASSESS: _buyer_as(Role.CONTRACT_MANAGER, Role.ADMINISTRATOR),
    Permission.CASE_READ: _anyone,
    Permission.CASE_REPLY: _supplier_as(Role.REPORTER, Role.SIGNATORY, Role.ADMINISTRATOR),
    Permission.CONTRACT_EDIT: _buyer_as(Role.CONTRACT_MANAGER, Role.ADMINISTRATOR),
    Permission.CONTRACT_READ: _anyone,
    Permission.DEADLINE_ASK: _supplier_as(Role.REPORTER, Role.SIGNATORY, Role.ADMINISTRATOR),
    Permission.DEADLINE_GRANT: _buyer_as(Role.CONTRACT_MANAGER, Role.ADMINISTRATOR),
    Permission.EXPORT_READ: _anyone,
    Permission.FILE_READ: _anyone,
    Permission.INTEREST_DECLARE: _buyer_as(*ROLES_OF[OrganisationKind.BUYER] - READING),
    Permission.INTEREST_END: _buyer_as(Role.ADMINISTRATOR),
    Permission.MACHINE_EDIT: _supplier_as(Role.REPORTER, Role.ADMINISTRATOR),
    Permission.MACHINE_READ: _anyone,
    Permission.MAIL_READ: lambda by: by.has(Role.ADMINISTRATOR, Role.AUDITOR),
    Permission.MEMBER_MANAGE: lambda by: by.has(Role.ADMINISTRATOR),
    Permission.OWN_ACCOUNT: _anyone,
    Permission.REPORT_CHASE: _buyer_as(Role.REVIEWER, Role.CONTRACT_MANAGER, Role.ADMINISTRATOR),
    Permission.REPORT_EDIT: _supplier_as(Role.REPORTER, Role.SIGNATORY),
    Permission.REPORT_READ: _anyone,
    Permission.REPORT_REVIEW: _buyer_as(Role.REVIEWER),
    Permission.REPORT_SIGN: _supplier_as(Role.SIGNATORY),
    Permission.SANCTION_DECIDE: _buyer_as(Role.DECISION_MAKER),
    Permission.SANCTION_PROPOSE: _buyer_as(Role.CONTRACT_MANAGER, Role.ADMINISTRATOR),
    Permission.SIGHT_EDIT: lambda by: _buyer_as(Role.ADMINISTRATOR)(by) and by.acts_as.sight == Sight.ALL,
    Permission.TRAIL_READ: lambda by: by.has(Role.ADMINISTRATOR, Role.AUDITOR),
}
"""Permission -> what the acting membership must be. The row itself is guarded by `visible`."""

FOR_ONE_CASE = frozenset(
    {
        Permission.CASE_READ,
        Permission.FILE_READ,
        Permission.OWN_ACCOUNT,
        Permission.REPORT_READ,
        Permission.SANCTION_DECIDE,
    }
)
"""What whoever is appointed for one case may be let do at most."""

BELOW_A_DRAFT: frozenset[type[Any]] = frozenset({PlannedFigure, Representative, Requirement, SanctionClause, Site})
"""Entities that may stand below a contract before it has started."""

_TELLS_BY_ITSELF = DeviationState.CLOSED
"""A case that is closed tells the supplier what its points were found to be worth; otherwise the decision does."""

NOT_YOURS_TO_DO = Text(
    "Rollen din for {organisation} gir ikke adgang til dette.", "Your role for {organisation} does not allow this."
)


def allowed(by: Membership, permission: Permission) -> bool:
    """Whether this membership's side and roles allow the act at all."""
    is_outsider = by.acts_as.sight == Sight.CASE
    return TABLE[permission](by) and (permission in FOR_ONE_CASE or not is_outsider)


def demand(by: Membership, permission: Permission) -> None:
    """Refuse with words when `allowed` says no."""
    if not allowed(by, permission):
        raise Forbidden(NOT_YOURS_TO_DO.with_values(organisation=by.organisation.name))


def visible(entity: type[Any], by: Membership) -> Select[Any]:
    """The rows of `entity` that this membership may see; every list and every look-up begins here.

    Rows below a contract belong to its two parties. A machine belongs to its owner, and is seen by the buyers of the
    contracts it stands on. A report that has not been submitted is the supplier's own affair, yet the buyer sees that
    it exists and when it is due. A comment is the buyer's own until a decision tells it; an internal one stays so. A
    sanction is the buyer's own until it is decided. What was held of a point is told with the decision on the case. A
    draft of a contract, with all below it, is the buyer's own until it starts. Of all this a membership that is limited
    to some contracts (`portal.reach`) sees what lies on those, and one that is appointed for one case what that needs
    (`portal.one_case`).
    """
    return select(entity).where(seen(entity, by))


def seen(entity: type[Any], by: Membership) -> ColumnElement[bool]:
    """The condition of `visible`, for a query that begins with something else."""
    rule = _RULES.get(entity, _of_a_party if hasattr(entity, "buyer_id") else None)
    if rule is None:
        raise TypeError(f"{entity.__name__} has no rule of visibility")
    mine: ColumnElement[bool] = rule(entity, by)
    if by.acts_as.sight == Sight.CASE:
        return and_(mine, one_case.lies_in(entity, by.acts_as.id))
    limits = _limits(by)
    return mine if limits is None else and_(mine, _lies_on(entity, limits, by))


def _lies_on(entity: Any, contracts: Select[tuple[int]], by: Membership) -> ColumnElement[bool]:
    """Whether a row lies on one of these contracts; what lies on none is not limited, but for what was uploaded."""
    if entity is Contract:
        return Contract.id.in_(contracts)
    if entity is Machine:
        return Machine.deployments.any(Deployment.contract_id.in_(contracts))
    if entity is ContractImport:
        return ContractImport.uploaded_by_id == by.id
    return entity.contract_id.in_(contracts) if hasattr(entity, "contract_id") else true()


def _limits(by: Membership) -> Select[tuple[int]] | None:
    """A substitute sees what the absent one sees, however much they see themselves."""
    return reach.contracts(by.acts_as.id, by.acts_as.sight, by.acts_as.unit_id)


def sees(by: Membership, contract_id: int, case_id: int | None = None) -> bool:
    """Whether a member of one of its parties sees this contract: of one what `seen` asks of many.

    Whoever is appointed for one case sees none, but where that case is asked for.
    """
    if by.acts_as.sight == Sight.CASE:
        case = select(Deviation.id).where(Deviation.id == case_id, Deviation.id.in_(reach.appointed(by.acts_as.id)))
        return case_id is not None and db.session.scalar(case) is not None
    limits = _limits(by)
    found = select(Contract.id).where(Contract.id == contract_id)
    return limits is None or db.session.scalar(found.where(Contract.id.in_(limits))) is not None


def _of_a_party(entity: Any, by: Membership) -> Any:
    return or_(entity.buyer_id == by.organisation_id, entity.supplier_id == by.organisation_id)


def _once_started(entity: Any, by: Membership) -> Any:
    """A contract that has not started, with all below it, is the buyer's own; a draft that was deleted, nobody's."""
    is_agreed = Contract.state.not_in([ContractState.DRAFT, ContractState.DISCARDED])
    has_started = is_agreed if entity is Contract else entity.contract.has(is_agreed)
    mine = or_(entity.buyer_id == by.organisation_id, and_(entity.supplier_id == by.organisation_id, has_started))
    return and_(mine, Contract.state != ContractState.DISCARDED) if entity is Contract else mine


def _of_own(entity: Any, by: Membership) -> Any:
    return entity.organisation_id == by.organisation_id


def _told_comment(entity: Any, by: Membership) -> Any:
    return _of_a_party(entity, by) & or_(entity.buyer_id == by.organisation_id, entity.told_at.is_not(None))


def _handed_in(entity: Any, by: Membership) -> Any:
    """A receipt beside a value is seen by the buyer once a revision has been signed with it."""
    signed = entity.report_id.is_(None) | entity.revision_id.is_not(None)
    return _of_a_party(entity, by) & or_(entity.supplier_id == by.organisation_id, signed)


def _once_decided(entity: Any, by: Membership) -> Any:
    return _of_a_party(entity, by) & or_(entity.buyer_id == by.organisation_id, entity.state.in_(IN_FORCE))


def _told_weighing(entity: Any, by: Membership) -> Any:
    """What a point was found to be worth is the buyer's own until the supplier is told (`tells_weighings`)."""
    told = (Deviation.state == _TELLS_BY_ITSELF) | Deviation.sanction.has(Sanction.state.in_(IN_FORCE))
    return _of_a_party(entity, by) & or_(
        entity.buyer_id == by.organisation_id, entity.point.has(Point.deviation.has(told))
    )


def tells_weighings(deviation: Deviation) -> bool:
    """Whether the supplier was told what its points were found to be worth: of one case what `_told_weighing` asks."""
    sanction = deviation.sanction
    return deviation.state == _TELLS_BY_ITSELF or (sanction is not None and sanction.state in IN_FORCE)


def _told_interest(entity: Any, by: Membership) -> Any:
    return entity.buyer_id == by.organisation_id


def _taken_on(entity: Any, by: Membership) -> Any:
    """Whom the buyer thinks of appointing is its own affair until somebody has taken it on."""
    return _of_a_party(entity, by) & or_(entity.buyer_id == by.organisation_id, entity.membership_id.is_not(None))


def _addressed_to(entity: Any, by: Membership) -> Any:
    is_buyer = by.organisation.kind == OrganisationKind.BUYER
    return _of_a_party(entity, by) & (entity.for_buyer if is_buyer else entity.for_supplier)


def _at_work_for(entity: Any, by: Membership) -> Any:
    mine = by.organisation_id
    deployed = or_(entity.deployments.any(buyer_id=mine), entity.deployments.any(supplier_id=mine))
    return or_(entity.owner_id == mine, deployed)


_RULES: dict[type[Any], Callable[[Any, Membership], Any]] = {
    Appointment: _taken_on,
    Comment: _told_comment,
    ContractImport: _of_own,
    Evidence: _handed_in,
    Interest: _told_interest,
    Invitation: _of_own,
    Machine: _at_work_for,
    Membership: _of_own,
    OrganisationDomain: _of_own,
    Substitution: _of_own,
    OutgoingMail: _addressed_to,
    Sanction: _once_decided,
    Unit: _of_own,
    Weighing: _told_weighing,
    **dict.fromkeys((Contract, *BELOW_A_DRAFT), _once_started),
}
"""Entities whose rows are not simply those of the contract's two parties -> the condition instead."""
