"""Which request or job we are in: one short id that stands in the log, in the trail and on the error page."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("request_id", default="")

LENGTH = 16
"""Characters of an id: hexadecimal, enough that no two meet in a year's log."""


def current() -> str:
    """The id of the request or job we are in; empty outside both."""
    return _current.get()


@contextmanager
def request() -> Iterator[str]:
    """Give what is done inside an id of its own."""
    token = _current.set(secrets.token_hex(LENGTH // 2))
    try:
        yield _current.get()
    finally:
        _current.reset(token)
