"""What the case pages show: whose turn it is, how letters arrived, and what each party may see of the trail."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from flask_babel import gettext as _
from sqlalchemy import select

from portal.extensions import db
from portal.model import (
    AuditEvent,
    Deviation,
    DeviationState,
    HumanTask,
    Membership,
    Organisation,
    Person,
    Report,
    Sanction,
)
from portal.model.sanctions import IN_FORCE
from portal.operations import deliveries

_DECISION = frozenset({"sanction.decided", "sanction.delivered", "sanction.closed"})
_UNDECIDED = frozenset({"deviation.sanction_proposed"})
_ENDED = frozenset({DeviationState.CLOSED, DeviationState.DISMISSED})


class Turn(NamedTuple):
    """Who has the ball, since when, and until when. `until` runs for the supplier only."""

    organisation: Organisation
    since: datetime | None
    until: datetime | None


def turn(deviation: Deviation, task: HumanTask | None = None) -> Turn | None:
    """Whose turn it is; None when the case is settled."""
    if deviation.state in _ENDED:
        return None
    is_suppliers = deviation.state == DeviationState.AWAITING_REPLY
    contract = deviation.contract
    return Turn(
        organisation=contract.supplier if is_suppliers else contract.buyer,
        since=task.created_at if task else None,
        until=deviation.reply_due_at if is_suppliers else None,
    )


def with_reports(deviations: Sequence[Deviation]) -> Sequence[Deviation]:
    """The same deviations, whose reports have been fetched in one statement instead of one for each."""
    numbers = {deviation.report_id for deviation in deviations}
    db.session.scalars(select(Report).where(Report.id.in_(numbers))).all()
    return deviations


def shown_sanction(deviation: Deviation, by: Membership) -> Sanction | None:
    """The sanction as far as this party may see it: the buyer always, the supplier from when it is decided."""
    sanction = deviation.sanction
    is_seen = sanction is not None and (by.organisation_id == deviation.buyer_id or sanction.state in IN_FORCE)
    return sanction if is_seen else None


def shown_trail(
    trail: Sequence[tuple[AuditEvent, Person | None]], deviation: Deviation, by: Membership
) -> list[tuple[AuditEvent, Person | None]]:
    """What this party may see of what happened: how a sanction came about is the buyer's own, the decision is not."""
    if by.organisation_id == deviation.buyer_id:
        return list(trail)
    sanction = deviation.sanction
    hidden = set() if sanction is not None and sanction.state in IN_FORCE else _UNDECIDED
    return [
        (event, person)
        for event, person in trail
        if event.action not in hidden and (event.subject != "sanction" or event.action in _DECISION)
    ]


def shown_state(deviation: Deviation, by: Membership) -> DeviationState:
    """The state as this party may know it: to the supplier an undecided sanction is a reply still being assessed."""
    is_open = deviation.state == DeviationState.SANCTION_PROPOSED and shown_sanction(deviation, by) is None
    return DeviationState.ASSESSING_REPLY if is_open else deviation.state


def delivered(how: str) -> str:
    """How a letter arrived, in the reader's language: what the portal noted, or what a person wrote."""
    by_mail, in_portal = (noted.format(address="") for noted in (deliveries.BY_MAIL, deliveries.IN_PORTAL))
    if how.startswith(by_mail):
        return str(_("by e-mail to %(address)s", address=how.removeprefix(by_mail)))
    if how.startswith(in_portal):
        return str(_("shown in the portal to %(address)s", address=how.removeprefix(in_portal)))
    return how
