"""Time in the demo: letters arrive and timers fire at their own moments while the story is played."""

from datetime import datetime, timedelta

from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import MailState, OutgoingMail, Process
from portal.operations import processes
from portal.operations.mail import Outcome
from portal.operations.reports import deliveries


def pass_until(until: datetime) -> None:
    """Send what waits, and fire every timer at its own moment, up to `until`."""
    _deliver_mail(None)
    while True:
        with transaction():
            due_at = db.session.scalar(
                select(Process.due_at)
                .where(Process.due_at <= until, Process.ended_at.is_(None))
                .order_by(Process.due_at)
                .limit(1)
            )
        if due_at is None:
            return
        with clock.at(due_at + timedelta(seconds=1)):
            with transaction():
                for found in processes.due():
                    processes.tick(found.number)
            _deliver_mail(due_at)


def _deliver_mail(at: datetime | None) -> None:
    """Every letter arrives a minute after it was written."""
    with transaction():
        for row in db.session.scalars(
            select(OutgoingMail).where(OutgoingMail.state == MailState.QUEUED).order_by(OutgoingMail.id)
        ).all():
            with clock.at((at or row.created_at) + timedelta(minutes=1)):
                deliveries.note(row, Outcome(MailState.KEPT))
