"""The only source of time. Tests and test servers move it; nothing else asks the system what time it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_offset = timedelta()


def now() -> datetime:
    """The current moment, aware, in UTC."""
    return datetime.now(UTC) + _offset


def today(zone: str) -> date:
    """The calendar day in `zone` (an IANA name): at 00:30 on 1 January in Oslo it is still the old year in UTC."""
    return now().astimezone(ZoneInfo(zone)).date()


def move_to(moment: datetime) -> None:
    """Set the clock to an aware moment; it runs on from there."""
    global _offset  # noqa: PLW0603 - the clock is the one thing that is global
    _offset = moment - datetime.now(UTC)


def reset() -> None:
    """Follow the system's clock again."""
    global _offset  # noqa: PLW0603
    _offset = timedelta()


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Run a block as if it were `moment`."""
    global _offset  # noqa: PLW0603
    before = _offset
    move_to(moment)
    try:
        yield
    finally:
        _offset = before
