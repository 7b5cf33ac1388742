"""Enhetsregisteret: what a number of nine digits is called, and whether it still lives. Asked once, remembered a while.

Asking takes its time and may fail, so a page asks (`look_up`) before it begins to write, and what writes reads what is
remembered (`known`), which is nothing when nobody has asked.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from portal import clock
from portal.outgoing import CallFailed, Outgoing

REMEMBERED_FOR = timedelta(hours=24)
NOT_ASKED_AGAIN_FOR = timedelta(seconds=30)
"""After it has not answered: who tries again at once is not to wait again."""
MOST_REMEMBERED = 10_000
LONGEST_NAME = 200
_FOUND, _UNKNOWN, _REMOVED = 200, 404, 410


class Standing(StrEnum):
    """What the register says of a number."""

    ACTIVE = "active"
    BANKRUPT = "bankrupt"
    """Bankrupt, or being wound up."""
    DELETED = "deleted"
    UNKNOWN = "unknown"
    SILENT = "silent"
    """It does not answer, or with what cannot be read."""
    NOT_ASKED = "not asked"
    """This installation does not ask it, or nobody has."""


@dataclass(frozen=True)
class Entry:
    """What was found, and when."""

    standing: Standing
    name: str = ""
    at: datetime | None = None


_NOTHING = Entry(Standing.NOT_ASKED)
_ENDING = ("konkurs", "underAvvikling", "underTvangsavviklingEllerTvangsopplosning")


class Enhetsregisteret:
    """The register at an address such as `https://data.brreg.no/enhetsregisteret/api`; without one nobody is asked."""

    def __init__(self, url: str, outgoing: Outgoing) -> None:
        self._url, self._outgoing = url.rstrip("/"), outgoing
        self._kept: dict[str, Entry] = {}
        self._lock = threading.Lock()

    def look_up(self, number: str) -> Entry:
        """What the register says of nine digits, from memory where it is fresh. Never inside a transaction."""
        entry = self.known(number)
        if entry.standing != Standing.NOT_ASKED or not self._url:
            return entry
        entry = self._ask(number)
        with self._lock:
            if len(self._kept) >= MOST_REMEMBERED:
                self._kept.clear()
            self._kept[number] = entry
        return entry

    def known(self, number: str) -> Entry:
        """What was found lately; calls nobody."""
        entry = self._kept.get(number, _NOTHING)
        lasts = NOT_ASKED_AGAIN_FOR if entry.standing == Standing.SILENT else REMEMBERED_FOR
        return entry if entry.at is not None and clock.now() - entry.at < lasts else _NOTHING

    def _ask(self, number: str) -> Entry:
        now = clock.now()
        try:
            answer = self._outgoing.get(f"{self._url}/enheter/{number}", {"Accept": "application/json"})
            if answer.status == _UNKNOWN:
                return Entry(Standing.UNKNOWN, at=now)
            if answer.status == _REMOVED:
                return Entry(Standing.DELETED, at=now)
            if answer.status != _FOUND:
                return Entry(Standing.SILENT, at=now)
            return _read(answer.json(), number, now)
        except CallFailed:
            return Entry(Standing.SILENT, at=now)


def _read(said: Any, number: str, now: datetime) -> Entry:
    """An answer as the register gives it; one that is not about this number or has no name is none."""
    if not isinstance(said, Mapping) or said.get("organisasjonsnummer") != number:
        return Entry(Standing.SILENT, at=now)
    name = said.get("navn")
    tidy = " ".join(name.split())[:LONGEST_NAME] if isinstance(name, str) else ""
    if said.get("slettedato"):
        return Entry(Standing.DELETED, tidy, now)
    if not tidy:
        return Entry(Standing.SILENT, at=now)
    return Entry(Standing.BANKRUPT if any(said.get(sign) is True for sign in _ENDING) else Standing.ACTIVE, tidy, now)
