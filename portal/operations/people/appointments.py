"""Outsiders: who is appointed to decide one case, what bars somebody from it, and how it ends."""

from collections.abc import Sequence

from sqlalchemy import select

from portal import impartiality, permissions, tenancy
from portal.errors import Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import Appointment, Deviation, Invitation, Membership, OrganisationKind, Person, Role, record
from portal.model.cases import SETTLED
from portal.operations import accounts, mail
from portal.permissions import Permission
from portal.text import Text

LONGEST_REASON = 1000
SAY_WHY = Text("Skriv hvorfor dere oppnevner noen utenfra.", "Write why you appoint somebody from outside.")
TOO_LONG = Text("Begrunnelsen kan ha høyst 1000 tegn.", "The reason may have at most 1000 characters.")
IS_OVER = Text("Saken er avsluttet.", "The case is over.")
ENDED = Text("Oppnevningen er avsluttet allerede.", "The appointment has ended already.")
HERE_ALREADY = Text(
    "{email} er med hos {organisation} allerede, eller oppnevnt for en annen sak. Velg en annen.",
    "{email} is with {organisation} already, or appointed for another case. Choose somebody else.",
)
BARRED = Text(
    "{email} kan ikke oppnevnes: den som har hatt med saken å gjøre, har meldt at de ikke er habile, eller er med hos "
    "en leverandør, kan ikke avgjøre den.",
    "{email} cannot be appointed: whoever has had to do with the case, has declared an interest, or is with a "
    "supplier, cannot decide it.",
)


def of(deviation: Deviation, by: Membership) -> Sequence[Appointment]:
    """Those who are appointed in a case, or are asked to be, as this party may know of them."""
    rows = permissions.visible(Appointment, by).where(Appointment.deviation_id == deviation.id)
    return [row for row in db.session.scalars(rows.order_by(Appointment.id)).unique() if row.is_open]


def by_which(membership: Membership) -> Appointment | None:
    """The appointment that a membership acts by; None for every ordinary member."""
    rows = permissions.visible(Appointment, membership).where(Appointment.membership_id == membership.acts_as.id)
    return db.session.scalars(rows.where(Appointment.ended_at.is_(None))).unique().first()


def of_invitation(invitation: Invitation) -> Appointment | None:
    """What an invitation is for, when it is for one case."""
    with tenancy.acting_for(invitation.organisation_id):
        return db.session.scalar(select(Appointment).where(Appointment.invitation_id == invitation.id))


def demand_possible(deviation: Deviation, email: str, reason: str) -> None:
    """Refuse an appointment without a reason, in a case that is over, or of the buyer's own. Raises Refused.

    What else bars them is asked when they take it on: here the answer would tell who they are and whom they are with.
    """
    if not 0 < len(reason) <= LONGEST_REASON:
        why = TOO_LONG if reason else SAY_WHY
        raise Invalid(why, (Problem("reason", why, "reason"),))
    if accounts.is_member(email, deviation.contract.buyer):
        raise Refused(HERE_ALREADY.with_values(email=email, organisation=deviation.contract.buyer.name))
    _demand_running(deviation)


def _demand_impartial(person: Person, deviation: Deviation) -> None:
    """Refuse whoever had a hand in the case, has an interest in it, or is with any supplier: they compete."""
    competes = any(each.organisation.kind == OrganisationKind.SUPPLIER for each in person.memberships)
    barred = person.id in impartiality.interested_in(deviation.contract_id, at=deviation.buyer_id)
    if competes or barred or person.id in impartiality.prepared(deviation):
        raise Refused(BARRED.with_values(email=person.email))


def begin(deviation: Deviation, invitation: Invitation, reason: str, *, by: Membership) -> Appointment:
    """Appoint whoever takes up this invitation. The other administrators are told."""
    row = Appointment(**deviation.parties, deviation=deviation, invitation=invitation, reason=reason)
    db.session.add(row)
    db.session.flush()
    record(row, "appointment.made", by=by, roles=sorted(invitation.roles))
    for person in accounts.people(deviation.buyer_id, Role.ADMINISTRATOR):
        if person.id != by.person_id:
            mail.write(person, "outsider_appointed", deviation.contract, appointment=row, giver=by.person.name)
    return row


def join(row: Appointment, person: Person) -> Membership:
    """Whoever was invited takes it on, and acts for the buyer in this case only. Raises Refused."""
    tenancy.act_for(row.buyer_id)
    deviation, buyer = row.deviation, row.invitation.organisation
    _demand_running(deviation)
    if row.ended_at is not None:
        raise Refused(ENDED)
    if accounts.is_member(person.email, buyer):
        raise Refused(HERE_ALREADY.with_values(email=person.email, organisation=buyer.name))
    _demand_impartial(person, deviation)
    membership = accounts.join(person, buyer, *row.invitation.roles)
    row.take_on(membership)
    return membership


def end(row: Appointment, *, by: Membership) -> None:
    """End it before the case is over. Raises Refused when it has ended."""
    permissions.demand(by, Permission.SIGHT_EDIT)
    if not row.is_open:
        raise Refused(ENDED)
    row.end(by=by)
    if row.membership is not None:
        firm = row.invitation.organisation.name
        mail.write_personal(row.membership.person, "membership_ended", organisation=firm, by=by.person.name)


def _demand_running(deviation: Deviation) -> None:
    if deviation.state in SETTLED:
        raise Refused(IS_OVER)
