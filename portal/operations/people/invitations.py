"""Invitations to an organisation: sent to one address, good for one use, sent again, taken back, accepted."""

import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import select

from portal import clock, permissions
from portal.errors import LinkOver, Refused
from portal.extensions import db
from portal.model import (
    Appointment,
    Deviation,
    Invitation,
    InvitationState,
    Membership,
    OneTimePurpose,
    Organisation,
    Person,
    Role,
    record,
)
from portal.operations import accounts, mail
from portal.operations.people import appointments, domains, one_time, powers
from portal.permissions import Permission
from portal.text import Text

LASTS = timedelta(days=7)

LINK_OVER = Text(
    "En invitasjon kan brukes én gang, i sju dager. Be den som inviterte deg, om å sende en ny.",
    "An invitation can be used once, within seven days. Ask whoever invited you for a new one.",
)
NO_ROLE = Text("Velg minst én rolle.", "Choose at least one role.")
HERE_ALREADY = Text(
    "{email} er med hos {organisation} fra før. Endre rollene i listen over personer.",
    "{email} is with {organisation} already. Change the roles in the list of people.",
)
OTHER_ADDRESS = Text(
    "Invitasjonen er til {email}. Logg inn med den adressen for å bli med.",
    "The invitation is for {email}. Sign in with that address to join.",
)
SETTLED = Text(
    "Invitasjonen er brukt eller trukket tilbake. Send en ny hvis den trengs.",
    "The invitation has been used or taken back. Send a new one if it is needed.",
)


def of(by: Membership) -> Sequence[Invitation]:
    """The invitations of this organisation that nobody has accepted, the newest first."""
    mine = permissions.visible(Invitation, by).where(Invitation.accepted_at.is_(None))
    return db.session.scalars(mine.order_by(Invitation.sent_at.desc(), Invitation.id.desc())).all()


def invite(written: str, roles: Collection[Role], *, by: Membership, why_elsewhere: str = "") -> Invitation:
    """Send an invitation; one that waits for the same address is renewed. Raises Refused.

    Whether the address is known to the portal makes no difference.

    `why_elsewhere`: why the person has no address of the organisation's own, where it has named its domains.
    """
    permissions.demand(by, Permission.MEMBER_MANAGE)
    return _invite(written, roles, by.organisation, by, why_elsewhere)[0]


def invite_first(
    written: str, roles: Collection[Role], organisation: Organisation, why_elsewhere: str = ""
) -> tuple[Invitation, str]:
    """As the operator, for an organisation where nobody can yet. Gives the key too. Raises Refused."""
    return _invite(written, roles, organisation, None, why_elsewhere)


def appoint(deviation: Deviation, written: str, reason: str, *, by: Membership) -> Appointment:
    """Invite somebody from outside to decide one case of the buyer, and nothing else. Raises Refused, Invalid."""
    permissions.demand(by, Permission.SIGHT_EDIT)
    email, why = accounts.as_email(written), reason.strip()
    appointments.demand_possible(deviation, email, why)
    invitation = Invitation(organisation=by.organisation, email=email, role_codes=[Role.DECISION_MAKER], invited_by=by)
    invitation.language = by.person.language
    _send(invitation, for_one_case=True)
    record(invitation, "invitation.sent", by=by, reason=why, roles=sorted(invitation.roles))
    return appointments.begin(deviation, invitation, why, by=by)


def resend(invitation: Invitation, *, by: Membership) -> None:
    """Send it again: seven more days, and the older letter works no longer. Raises Refused when it is settled."""
    permissions.demand(by, Permission.MEMBER_MANAGE)
    _demand_open(invitation)
    _send(invitation, for_one_case=appointments.of_invitation(invitation) is not None)
    record(invitation, "invitation.resent", by=by)


def withdraw(invitation: Invitation, *, by: Membership) -> None:
    """Take it back: the letter works no longer. Raises Refused when it is settled."""
    permissions.demand(by, Permission.MEMBER_MANAGE)
    _demand_open(invitation)
    invitation.withdrawn_at = clock.now()
    if (appointment := appointments.of_invitation(invitation)) is not None:
        appointment.end(by=by)
    record(invitation, "invitation.withdrawn", by=by)


def found(key: str) -> Invitation:
    """The invitation that a key opens. Raises Refused when it works no longer."""
    subject = one_time.subject_of(OneTimePurpose.INVITATION, key)
    which = select(Invitation).where(Invitation.public_id == uuid.UUID(subject)) if subject else None
    invitation = db.session.scalar(which) if which is not None else None
    if invitation is None or invitation.state != InvitationState.WAITING:
        raise LinkOver(LINK_OVER)
    return invitation


def accept(key: str, person: Person) -> Membership:
    """Somebody who has an account joins. Raises Refused when it is not theirs, or works no longer."""
    invitation = found(key)
    if person.email != invitation.email:
        raise Refused(OTHER_ADDRESS.with_values(email=invitation.email))
    if not one_time.use(OneTimePurpose.INVITATION, key, invitation.email):
        raise LinkOver(LINK_OVER)
    if (appointment := appointments.of_invitation(invitation)) is not None:
        membership = appointments.join(appointment, person)
    else:
        membership = accounts.join(person, invitation.organisation, *invitation.roles)
    invitation.accepted_at = clock.now()
    record(invitation, "invitation.accepted", by=membership, roles=sorted(invitation.roles))
    powers.tell(membership, invitation.roles, by=invitation.invited_by)
    if invitation.invited_by is not None:
        firm = invitation.organisation.name
        mail.write_personal(invitation.invited_by.person, "invitation_accepted", name=person.name, organisation=firm)
    return membership


def accept_anew(key: str, name: str, stored: str, language: str) -> Membership:
    """Somebody new joins, under the name and with the password (as it is kept) that they give."""
    person = accounts.add_person(found(key).email, name, language=language)
    person.password = stored
    return accept(key, person)


def _invite(
    written: str, roles: Collection[Role], organisation: Organisation, by: Membership | None, why_elsewhere: str
) -> tuple[Invitation, str]:
    email = accounts.as_email(written)
    if not roles:
        raise Refused(NO_ROLE)
    accounts.demand_side(organisation.kind, roles)
    if accounts.is_member(email, organisation):
        raise Refused(HERE_ALREADY.with_values(email=email, organisation=organisation.name))
    domains.demand_known(organisation, email, why_elsewhere)
    invitation = _open_one(email, organisation) or Invitation(organisation=organisation, email=email)
    invitation.role_codes, invitation.invited_by = sorted(roles), by
    invitation.language = by.person.language if by else "nb"
    key = _send(invitation)
    why = why_elsewhere if domains.is_elsewhere(organisation, email) else ""
    record(invitation, "invitation.sent", by=by, reason=why, roles=sorted(roles))
    return invitation, key


def _open_one(email: str, organisation: Organisation) -> Invitation | None:
    same = select(Invitation).where(Invitation.email == email, Invitation.organisation_id == organisation.id)
    same = same.where(Invitation.id.not_in(select(Appointment.invitation_id)))
    unsettled = same.where(Invitation.accepted_at.is_(None), Invitation.withdrawn_at.is_(None))
    return db.session.scalars(unsettled.order_by(Invitation.id.desc()).limit(1)).first()


def _send(invitation: Invitation, *, for_one_case: bool = False) -> str:
    invitation.sent_at = clock.now()
    invitation.expires_at = invitation.sent_at + LASTS
    db.session.add(invitation)
    db.session.flush()
    subject = str(invitation.public_id)
    key = one_time.issue(OneTimePurpose.INVITATION, subject, invitation.email, lasts=LASTS)
    facts = {"key": key, "invitation": invitation, "for_one_case": for_one_case}
    mail.write_personal(_Invited(invitation), "invitation", is_secret=True, **facts)
    return key


def _demand_open(invitation: Invitation) -> None:
    if invitation.state not in {InvitationState.WAITING, InvitationState.LAPSED}:
        raise Refused(SETTLED)


class _Invited:
    """Whoever has the address; what they are called is not known yet."""

    def __init__(self, invitation: Invitation) -> None:
        self.name, self.email, self.language = "", invitation.email, invitation.language
