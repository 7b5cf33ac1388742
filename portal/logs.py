"""What the portal writes about itself: a line for each thing that happened, which nobody can forge and names no one.

Messages are ours and carry ids; what others put into them (a mail server's answer, an address) is cleaned here, for no
caller can think of everything. Errors of code are told by their types and places, never by their words: those may
repeat what somebody typed.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from portal import tracing
from portal.config import BadSetting

LONGEST_MESSAGE = 4000
MOST_PLACES = 60
FACTS = "facts"
"""The attribute of a record that holds what it tells besides its message: `_log.info("…", extra={FACTS: {…}})`."""

_EMAIL = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class LogForm(StrEnum):
    """How the log is written: for a person at a terminal, or one JSON object a line."""

    TEXT = "text"
    JSON = "json"


def form_of(name: str) -> LogForm:
    """The form that a setting names. Raises BadSetting."""
    try:
        return LogForm(name)
    except ValueError as wrong:
        raise BadSetting(f"KLIMAKONTRAKT_LOG is {name}; it must be {' or '.join(LogForm)}.") from wrong


def set_up(form: LogForm) -> None:
    """Write the log of this process to standard error: our own records from INFO, those of others from WARNING."""
    out = _StandardError()
    out.setFormatter(JsonLines() if form == LogForm.JSON else TextLines())
    root = logging.getLogger()
    for known in list(root.handlers):
        if isinstance(known.formatter, JsonLines | TextLines):
            root.removeHandler(known)
    root.addHandler(out)
    root.setLevel(logging.WARNING)
    logging.getLogger("portal").setLevel(logging.INFO)


def clean(words: str) -> str:
    """One line, with every sign that is not seen written out, and no e-mail."""
    visible = _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", words[:LONGEST_MESSAGE])
    return _EMAIL.sub("[e-mail]", visible)


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, source, message, request, and the facts of the record."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        told: dict[str, Any] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "source": record.name,
            "message": clean(record.getMessage()),
        }
        if identity := tracing.current():
            told["request"] = identity
        told |= {name: clean(value) if isinstance(value, str) else value for name, value in _facts(record).items()}
        if record.exc_info and record.exc_info[1] is not None:
            told |= {"error": _types(record.exc_info[1]), "places": list(_places(record.exc_info[1]))}
        return json.dumps(told, default=lambda each: clean(str(each)))


class TextLines(logging.Formatter):
    """The same for a person: a line for the record, and below it the places of an error, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a record."""
        facts = " ".join(f"{name}={clean(str(value))}" for name, value in _facts(record).items())
        words = [_moment(record), record.levelname, record.name, clean(record.getMessage()), facts]
        if identity := tracing.current():
            words.append(f"[{identity}]")
        lines = [" ".join(word for word in words if word)]
        if record.exc_info and record.exc_info[1] is not None:
            lines += [f"    {place}" for place in _places(record.exc_info[1])]
            lines.append(f"    {_types(record.exc_info[1])}")
        return "\n".join(lines)


class _StandardError(logging.Handler):
    """Writes to whatever standard error is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{self.format(record)}\n")


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = getattr(record, FACTS, {})
    return found


def _types(error: BaseException) -> str:
    """What went wrong, and what that came of: «Unavailable < OperationalError»."""
    chain: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 10:  # noqa: PLR2004 - nobody reads further
        chain.append(f"{type(cause).__module__}.{type(cause).__qualname__}".removeprefix("builtins."))
        cause = cause.__cause__ or cause.__context__
    return " < ".join(chain)


def _places(error: BaseException) -> Iterator[str]:
    """Where it went wrong, the outermost first, and within it where the cause did."""
    frames = traceback.TracebackException.from_exception(error, capture_locals=False)
    stack: traceback.TracebackException | None = frames
    left = MOST_PLACES
    while stack is not None and left > 0:
        for frame in stack.stack:
            yield f"{frame.filename}:{frame.lineno} {frame.name}"
            left -= 1
        stack = stack.__cause__ or stack.__context__
