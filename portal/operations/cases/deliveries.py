"""What follows when a letter has arrived: the notice or the decision it carried counts as delivered."""

from portal.model import MailState, Notice, OutgoingMail, Sanction
from portal.operations import lookup, mail
from portal.operations.cases import notices, sanctions
from portal.operations.mail import Outcome

BY_MAIL = "e-mail to {address}"
IN_PORTAL = "shown in the portal to {address}"


def note(row: OutgoingMail, outcome: Outcome) -> None:
    """Write down how handing a letter over went, and tell the case that waited for it."""
    mail.note(row, outcome)
    if row.sent_at is None:
        return
    how = (IN_PORTAL if row.state == MailState.KEPT else BY_MAIL).format(address=row.to_address)
    if row.notice_id is not None:
        notices.note_delivery(lookup.by_number(Notice, row.notice_id), row.to_address, how)
    if row.sanction_id is not None:
        sanctions.note_delivery(lookup.by_number(Sanction, row.sanction_id), how)
