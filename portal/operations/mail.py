"""Letters: written into the outbox in the transaction that causes them, sent by a job afterwards."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import NamedTuple, Protocol

from flask_babel import force_locale, format_date, format_datetime, get_locale, gettext, ngettext
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import or_, select

from portal import clock, resources, tenancy
from portal.extensions import db, enqueue, parts
from portal.model import Contract, MailState, Notice, OutgoingMail, Person, Sanction, record
from portal.post import Message, PostRefused, PostUnavailable

GIVE_UP_AFTER = timedelta(days=5)
"""A letter that no server has taken for so long is given up, and shown as failed."""
CLAIM_LASTS = timedelta(minutes=10)
"""A sender that has not come back after this is taken for dead, and another may try."""
SUPPLIERS_OWN = frozenset({"given_back", "to_sign", "receipt"})
BUYERS_OWN = frozenset(
    {
        "breach_changed",
        "extension_waiting",
        "notice_to_give",
        "outsider_appointed",
        "reply_added",
        "review_late",
        "sanction_to_decide",
        "sanction_withdrawn",
        "sanction_without_decider",
        "to_review",
    }
)
"""Letters within one side; all others are between the parties, and both may read them."""


class Addressee(Protocol):
    """Whom a letter can go to, whether they sign in here or not."""

    @property
    def name(self) -> str:
        """What they are called."""

    @property
    def email(self) -> str:
        """Where it goes."""

    @property
    def language(self) -> str:
        """What it is written in."""


def write(  # noqa: PLR0913 - a letter, and what it is proof of
    to: Addressee,
    letter: str,
    contract: Contract,
    *,
    notice: Notice | None = None,
    sanction: Sanction | None = None,
    word: uuid.UUID | None = None,
    **facts: object,
) -> OutgoingMail:
    """Write a letter in the recipient's language and put it in the outbox.

    Args:
        to: the recipient.
        letter: folder under templates/email with subject.txt and body.txt.
        contract: what it is about; its parties own the letter.
        notice: the notice whose delivery this letter is proof of.
        sanction: the decision whose delivery this letter is proof of.
        word: the buyer's word on marks whose delivery this letter is proof of.
        facts: what the templates show.
    """
    row = OutgoingMail(
        **contract.parties,
        for_buyer=letter not in SUPPLIERS_OWN,
        for_supplier=letter not in BUYERS_OWN,
        notice_id=notice.id if notice else None,
        sanction_id=sanction.id if sanction else None,
        word_id=word,
    )
    with tenancy.beside_contract(contract.id):  # a letter within the other side is not ours to read, once written
        return _post(row, to, letter, {"contract": contract, **facts})


def write_personal(to: Addressee, letter: str, *, is_secret: bool = False, **facts: object) -> OutgoingMail:
    """Write a letter about the recipient's own account: it belongs to no contract, and nobody reads it afterwards.

    `is_secret`: it holds what opens a door; its words are forgotten once it has gone.
    """
    return _post(OutgoingMail(for_buyer=False, for_supplier=False, is_secret=is_secret), to, letter, facts)


def _post(row: OutgoingMail, to: Addressee, letter: str, facts: Mapping[str, object]) -> OutgoingMail:
    with force_locale(to.language):
        shown = {"to": to, "base_url": parts().settings.base_url, "language": to.language, **facts}
        subject = _letters().get_template(f"{letter}/subject.txt").render(shown)
        body = _letters().get_template(f"{letter}/body.txt").render(shown)
    row.letter, row.to_address = letter, to.email
    row.subject, row.body = " ".join(subject.split())[:300], body.strip() + "\n"
    db.session.add(row)
    db.session.flush()
    enqueue("mail.deliver", {"mail": row.id}, key=f"mail-{row.public_id}")
    return row


class Outcome(NamedTuple):
    """How handing over one letter went."""

    state: MailState
    error: str = ""


def send(row: OutgoingMail) -> Outcome:
    """Give one letter to the mail server. Called outside any transaction, for it may take its time."""
    message = Message(
        to=row.to_address, subject=row.subject, body=row.body, message_id=f"<{row.public_id}@klimakontrakt>"
    )
    try:
        parts().post.deliver(message)
    except PostRefused as refusal:
        return Outcome(MailState.FAILED, str(refusal))
    except PostUnavailable as trouble:
        return Outcome(MailState.QUEUED, str(trouble))
    return Outcome(MailState.KEPT if parts().post.keeps_mail else MailState.SENT)


def claim(number: int) -> OutgoingMail | None:
    """Take a letter to send, unless it has gone, or somebody is at it."""
    row = db.session.get(OutgoingMail, number, with_for_update=True, populate_existing=True)
    if row is None or row.state != MailState.QUEUED:
        return None
    if row.claimed_at is not None and clock.now() < row.claimed_at + CLAIM_LASTS:
        return None
    row.claimed_at = clock.now()
    return row


def note(row: OutgoingMail, outcome: Outcome) -> None:
    """Write down how it went; a letter that nobody takes is given up after GIVE_UP_AFTER."""
    row.attempts, row.claimed_at = row.attempts + 1, None
    given_up = outcome.state == MailState.QUEUED and clock.now() > row.created_at + GIVE_UP_AFTER
    row.state, row.error = (MailState.FAILED if given_up else outcome.state), outcome.error[:500]
    if row.state in {MailState.SENT, MailState.KEPT}:
        row.sent_at = clock.now()
    if row.is_secret and row.state != MailState.QUEUED:
        row.body = ""
    if row.state == MailState.FAILED:
        _note_failure(row)


def note_return(row: OutgoingMail, why: str) -> None:
    """Write down that a letter which a server had taken came back for good."""
    row.state, row.error = MailState.FAILED, why[:500]
    _note_failure(row)


def _note_failure(row: OutgoingMail) -> None:
    """Whoever has the address is told when they sign in, and their administrator sees it beside their name."""
    person = db.session.scalar(select(Person).where(Person.email == row.to_address))
    if person is None:
        return
    person.mail_failed_at, person.mail_failure = clock.now(), row.error
    record(person, "person.mail_returned", by=None, person=person.id, letter=str(row.public_id))


def unsent(limit: int = 200) -> list[int]:
    """Letters still in the outbox with nobody at them, oldest first: what the sweep hands to jobs again."""
    forgotten = clock.now() - CLAIM_LASTS
    return list(
        db.session.scalars(
            select(OutgoingMail.id)
            .where(
                OutgoingMail.state == MailState.QUEUED,
                OutgoingMail.created_at < forgotten,
                or_(OutgoingMail.claimed_at.is_(None), OutgoingMail.claimed_at < forgotten),
            )
            .order_by(OutgoingMail.id)
            .limit(limit)
        )
    )


@cache
def _letters() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(resources.TEMPLATES / "email"),
        autoescape=False,  # noqa: S701 - plain text, never HTML # nosec B701
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(
        day=lambda when: format_date(when, gettext("d MMM y")),
        moment=lambda when: format_datetime(when, gettext("d MMM y 'at' HH:mm")),
        words=lambda text: text.to(str(get_locale())),
    )
    return environment
