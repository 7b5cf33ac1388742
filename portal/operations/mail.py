"""Letters: written into the outbox in the transaction that causes them, sent by a job afterwards."""

from functools import cache
from typing import NamedTuple

from flask_babel import force_locale, format_date, format_datetime, gettext, ngettext
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select

from portal import clock, resources
from portal.extensions import db, enqueue, parts
from portal.model import Contract, MailState, Notice, OutgoingMail, Person, Sanction
from portal.post import Message, PostRefused, PostUnavailable

MOST_ATTEMPTS = 20


def write(
    to: Person,
    letter: str,
    contract: Contract,
    *,
    notice: Notice | None = None,
    sanction: Sanction | None = None,
    **facts: object,
) -> OutgoingMail:
    """Write a letter in the recipient's language and put it in the outbox.

    Args:
        to: the recipient.
        letter: folder under templates/email with subject.txt and body.txt.
        contract: what it is about; its parties own the letter.
        notice: the notice whose delivery this letter is proof of.
        sanction: the decision whose delivery this letter is proof of.
        facts: what the templates show.
    """
    with force_locale(to.language):
        shown = {
            "to": to,
            "contract": contract,
            "base_url": parts().settings.base_url,
            "language": to.language,
            **facts,
        }
        subject = _letters().get_template(f"{letter}/subject.txt").render(shown)
        body = _letters().get_template(f"{letter}/body.txt").render(shown)
    row = OutgoingMail(
        **contract.parties,
        to_address=to.email,
        subject=" ".join(subject.split())[:300],
        body=body.strip() + "\n",
        notice_id=notice.id if notice else None,
        sanction_id=sanction.id if sanction else None,
    )
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


def note(row: OutgoingMail, outcome: Outcome) -> None:
    """Write down how it went; a letter that cannot get through is given up after MOST_ATTEMPTS."""
    row.attempts += 1
    given_up = outcome.state == MailState.QUEUED and row.attempts >= MOST_ATTEMPTS
    row.state, row.error = (MailState.FAILED if given_up else outcome.state), outcome.error[:500]
    if row.state in {MailState.SENT, MailState.KEPT}:
        row.sent_at = clock.now()


def unsent(limit: int = 200) -> list[int]:
    """Letters still in the outbox, oldest first: what the sweep hands to jobs again."""
    return list(
        db.session.scalars(
            select(OutgoingMail.id)
            .where(OutgoingMail.state == MailState.QUEUED, OutgoingMail.attempts < MOST_ATTEMPTS)
            .order_by(OutgoingMail.id)
            .limit(limit)
        )
    )


@cache
def _letters() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(resources.TEMPLATES / "email"),
        autoescape=False,  # noqa: S701 - plain text, never HTML
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(
        day=lambda when: format_date(when, gettext("d MMM y")),
        moment=lambda when: format_datetime(when, gettext("d MMM y 'at' HH:mm")),
    )
    return environment
