"""Work that costs much, such as files in and out: so often a minute for one person and for one organisation."""

import logging
import math
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, cast

from flask import Flask, current_app
from flask.typing import ResponseReturnValue

from portal import clock
from portal.config import Settings
from portal.text import Text
from portal.web import errors
from portal.web.access import acting_membership, current_person

MINUTE = timedelta(minutes=1)
PERSONS_WORTH = 4
"""How many busy persons an organisation may have at once."""

TOO_OFTEN = Text(
    "Du, eller andre i virksomheten din, har sendt eller hentet svært mange filer det siste minuttet. "
    "Ingenting ble lagret nå. Vent {seconds} sekunder og prøv igjen.",
    "You, or others in your organisation, have sent or fetched a great many files in the last minute. "
    "Nothing was stored now. Wait {seconds} seconds and try again.",
)

View = Callable[..., ResponseReturnValue]
_log = logging.getLogger(__name__)


class Meter:
    """Counts what each did in the last minute. Each process counts for itself: it is its own time that it guards."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: defaultdict[str, deque[datetime]] = defaultdict(deque)

    def wait(self, limits: dict[str, int]) -> timedelta | None:
        """Count once for each of these, unless one of them is at its limit: then how long until it is not."""
        now = clock.now()
        with self._lock:
            self._forget(now)
            full = [self._times[who][-most] + MINUTE - now for who, most in limits.items() if self._is_full(who, most)]
            if not full:
                for who in limits:
                    self._times[who].append(now)
            return max(full, default=None)

    def _is_full(self, who: str, most: int) -> bool:
        return who in self._times and len(self._times[who]) >= most

    def _forget(self, now: datetime) -> None:
        for who, times in list(self._times.items()):
            while times and not now - MINUTE < times[0] <= now:
                times.popleft()
            if not times:
                del self._times[who]


def init_app(app: Flask, settings: Settings) -> None:
    """Give this process its meter."""
    app.extensions["klimakontrakt-meter"] = Meter()
    app.config["COSTLY_PER_MINUTE"] = settings.costly_per_minute


def costly(view: View) -> View:
    """Let a guarded view be asked for only so often; whoever asks more often is told when to return."""

    @wraps(view)
    def counted(*found: Any, **values: Any) -> ResponseReturnValue:
        by, most = acting_membership(), current_app.config["COSTLY_PER_MINUTE"]
        meter = cast(Meter, current_app.extensions["klimakontrakt-meter"])
        limits = {f"person {current_person().id}": most}
        if by is not None:
            limits[f"organisation {by.organisation_id}"] = most * PERSONS_WORTH
        wait = meter.wait(limits)
        if wait is None:
            return view(*found, **values)
        _log.warning("Asked for too often")
        seconds = max(1, math.ceil(wait.total_seconds()))
        return errors.page(429, TOO_OFTEN.with_values(seconds=seconds), {"Retry-After": str(seconds)})

    return counted
