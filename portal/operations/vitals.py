"""How the installation is: what those who run it, and their machines, ask again and again."""

import shutil
from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from portal import clock
from portal.errors import Unavailable
from portal.extensions import db, parts
from portal.jobs import last_done
from portal.model import MailState, OutgoingMail, SignInAttempt

SILENCE = timedelta(minutes=5)
"""How long no work may have been done before nobody is thought to be at work; timers are looked at every minute."""
LEAST_FREE_BYTES = 200 * 1024 * 1024
REFUSALS_COUNT_FOR = timedelta(hours=1)


def database_answers() -> bool:
    """Whether a question comes back."""
    return bool(db.session.scalar(select(1)))


def somebody_works() -> bool:
    """Whether this process has the worker, or another has lately done what comes every minute."""
    if parts().jobs.is_at_work:
        return True
    last = last_done(db.session.connection())
    return last is not None and clock.now() - last < SILENCE


def disk_has_room() -> bool:
    """Whether the folder of the installation can take what a day may bring."""
    return shutil.disk_usage(parts().settings.instance).free >= LEAST_FREE_BYTES


LOOKS: Mapping[str, Callable[[], bool]] = {
    "database": database_answers,
    "worker": somebody_works,
    "disk": disk_has_room,
}


def standing() -> dict[str, bool]:
    """What the portal needs to take anybody in, and whether it has it."""
    return {name: _is_well(look) for name, look in LOOKS.items()}


def waiting() -> dict[str, int]:
    """Counts of what waits or went wrong: jobs by state, letters not yet sent, sign-ins refused in the last hour."""
    jobs = parts().jobs.counts(db.session.connection())
    queued = select(func.count()).where(OutgoingMail.state == MailState.QUEUED)
    refused = select(func.count()).where(
        SignInAttempt.at > clock.now() - REFUSALS_COUNT_FOR, SignInAttempt.succeeded.is_(False)
    )
    return {
        "jobs_waiting": jobs["waiting"],
        "jobs_running": jobs["running"],
        "jobs_failed": jobs["failed"],
        "mail_waiting": db.session.scalar(queued) or 0,
        "sign_ins_refused": db.session.scalar(refused) or 0,
    }


def _is_well(look: Callable[[], bool]) -> bool:
    try:
        return look()
    except (SQLAlchemyError, Unavailable, OSError):
        db.session.rollback()
        return False
