"""The machine that an installation runs on, and its settings: room, clock, keys, the scanner."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select

from portal import clock
from portal.config import METRICS_ON_LOOPBACK, BadSetting, Settings
from portal.errors import Unavailable
from portal.findings import Finding, fault, fine, warning
from portal.logs import form_of as log_form
from portal.operations import vitals
from portal.outgoing import Outgoing
from portal.scanning import Scanner

SHORTEST_KEY = 32
AMPLE_BYTES = 2 * 1024**3
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""No release that has this line runs before."""
MOST_DRIFT = timedelta(seconds=2)
"""How far the clocks of this machine and of the database may differ."""


def disk(settings: Settings) -> Iterator[Finding]:
    """Whether there is room for what a day may bring."""
    try:
        free = shutil.disk_usage(settings.instance).free
    except OSError as refused:
        yield fault("Disk", f"{settings.instance} cannot be looked at: {refused.strerror}.")
        return
    words = f"{free // 1024**2} MB are free at {settings.instance}"
    if free < vitals.LEAST_FREE_BYTES:
        yield fault("Disk", f"{words}, and {vitals.LEAST_FREE_BYTES // 1024**2} MB are needed.")
    elif free < AMPLE_BYTES:
        yield warning("Disk", f"{words}. Make room before it is full.")
    else:
        yield fine("Disk", f"{words}.")


def configuration(settings: Settings) -> Iterator[Finding]:
    """Whether what is set can be read, and is worth its name."""
    try:
        log_form(settings.log)
        Outgoing(settings.outgoing_allowed)
    except BadSetting as wrong:
        yield fault("Configuration", str(wrong))
        return
    if settings.security_contact and not settings.security_contact.startswith(("mailto:", "https://")):
        yield fault("Configuration", "KLIMAKONTRAKT_SECURITY_CONTACT must be mailto:… or https://….")
        return
    if settings.metrics not in ("", METRICS_ON_LOOPBACK) and len(settings.metrics) < SHORTEST_KEY:
        yield fault("Configuration", f"The token of KLIMAKONTRAKT_METRICS has less than {SHORTEST_KEY} characters.")
    elif any(len(key) < SHORTEST_KEY for key in settings.secret_key_fallbacks):
        yield fault("Configuration", "A key of KLIMAKONTRAKT_SECRET_KEY_FALLBACKS is too easy to guess.")
    elif settings.secret_key_fallbacks:
        yield warning(
            "Configuration",
            "Former secret keys still count. Run `portal rotate-secret`, and remove them a day after the change.",
        )
    else:
        yield fine("Configuration", "Every setting that is given can be read.")


def clocks(connection: Connection) -> Iterator[Finding]:
    """Deadlines are judged by this machine's clock, the times of jobs by the database's; on SQLite it is the same."""
    if connection.dialect.name == "postgresql":
        there = connection.scalar(select(func.clock_timestamp()))
        drift = abs(there - clock.now()) if there is not None else timedelta()
        if drift > MOST_DRIFT:
            yield fault("Clock", f"This machine and the database differ by {drift.total_seconds():.0f} s.")
            return
    if clock.now() < EARLIEST:
        yield fault("Clock", f"It cannot be {clock.now():%Y-%m-%d}: this release was made after that.")
    else:
        yield fine("Clock", "It agrees with the database." if connection.dialect.name == "postgresql" else "It goes.")


def scanner(settings: Settings) -> Iterator[Finding]:
    """Whether files are searched for malware before they are kept."""
    try:
        scanner = Scanner(settings.scanner_url)
        scanner.try_out()
    except BadSetting as wrong:
        yield fault("Malware", f"KLIMAKONTRAKT_SCANNER_URL: {wrong}.")
    except Unavailable:
        yield fault("Malware", "The scanner of KLIMAKONTRAKT_SCANNER_URL does not answer: no file can be handed in.")
    else:
        if scanner.is_there:
            yield fine("Malware", "The scanner answers; each file is looked at before it is kept.")
        else:
            yield warning("Malware", "No scanner is named, so nobody searches files. Set KLIMAKONTRAKT_SCANNER_URL.")
