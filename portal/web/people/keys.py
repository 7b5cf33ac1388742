"""Links in letters: the key leaves the address at once, so that it is in no history, log or referrer."""

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from portal.web import sessions

LONGEST = 200


def taken(purpose: str, endpoint: str) -> Response | None:
    """Put the key of this address away, and lead to the page without it; none when there is none in the address."""
    key = request.args.get("key")
    if key is None:
        return None
    sessions.current()[f"key_{purpose}"] = key[:LONGEST]
    return redirect(url_for(endpoint), 303)


def kept(purpose: str) -> str:
    """The key that was put away; empty when there is none."""
    return str(sessions.current().get(f"key_{purpose}", ""))
