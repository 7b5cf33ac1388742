"""Letters that come back after a server had taken them: reports of mail servers, read as RFC 3464 has them."""

import email
import email.policy
import re
import uuid
from email.message import EmailMessage, Message
from typing import NamedTuple

from sqlalchemy import select

from portal.extensions import db
from portal.model import MailState, OutgoingMail
from portal.operations.reports import deliveries

LARGEST = 1024 * 1024
_OURS = re.compile(r"<([0-9a-f-]{36})@klimakontrakt>")


class Return(NamedTuple):
    """Which letter came back for good, and why."""

    letter: uuid.UUID
    why: str


def note(returned: bytes) -> OutgoingMail | None:
    """Write down what a mail server reports; none where it is no failure for good of a letter of ours.

    A report is believed by the letter's id, which nobody can guess: else anybody could say that an address is wrong.
    """
    found = read(returned)
    which = select(OutgoingMail).where(OutgoingMail.public_id == found.letter) if found else None
    row = db.session.scalar(which.with_for_update()) if which is not None else None
    if row is None or found is None or row.state == MailState.FAILED:
        return None
    deliveries.note_return(row, found.why)
    return row


def read(returned: bytes) -> Return | None:
    """What a report says; none where it is no report, or one of a delay or a success."""
    message = email.message_from_bytes(returned, policy=email.policy.default)
    if not isinstance(message, EmailMessage) or message.get_content_type() != "multipart/report":
        return None
    parts = list(message.walk())
    failed = [
        group for part in parts if part.get_content_type() == "message/delivery-status" for group in _groups(part)
    ]
    why = next((_why(group) for group in failed if _is_for_good(group)), None)
    ours = next((found[1] for part in parts if (found := _OURS.search(_id_in(part)))), None)
    return Return(uuid.UUID(ours), why) if why and ours else None


def _groups(part: Message) -> list[Message]:
    """One group of fields for the report, and one for each recipient."""
    content = part.get_payload()
    return [group for group in content if isinstance(group, Message)] if isinstance(content, list) else []


def _is_for_good(group: Message) -> bool:
    return str(group.get("Action", "")).strip().lower() == "failed" and str(group.get("Status", "5")).startswith("5")


def _why(group: Message) -> str:
    words = str(group.get("Diagnostic-Code", "") or group.get("Status", ""))
    return " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())[:500] or "failed"


def _id_in(part: Message) -> str:
    """The Message-ID of the letter that is sent back with the report, whole or its head alone."""
    if part.get_content_type() == "text/rfc822-headers":
        content = part.get_payload(decode=True)
        return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
    return str(part.get("Message-ID", ""))
