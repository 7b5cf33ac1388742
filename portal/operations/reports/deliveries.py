"""What follows when a letter has arrived: the notice, the decision or the word on a mark it carried is delivered."""

from portal.model import MailState, Notice, OutgoingMail, Sanction
from portal.operations import lookup, mail
from portal.operations.cases import notices, sanctions
from portal.operations.mail import Outcome
from portal.operations.reports import rulings

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
    if row.word_id is not None:
        rulings.note_told(row)


def note_return(row: OutgoingMail, why: str) -> None:
    """Write down that a letter which a server had taken came back for good: what it carried nobody was told by it."""
    mail.note_return(row, why)
    if row.word_id is not None:
        rulings.note_untold(row)
