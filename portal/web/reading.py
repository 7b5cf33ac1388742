"""Writing down that somebody read what is sensitive: a mark on the view, beside what guards it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import make_response
from flask.typing import ResponseReturnValue

from portal.extensions import transaction
from portal.model import Row
from portal.operations import readings
from portal.web.access import View, current_membership

READ = 200


def reads(what: str) -> Callable[[View], View]:
    """Note each time that the view showed `what`, a word of `trail_words.READING`; of a row, which one.

    It stands below `requires`: what nobody was shown is not noted, and what cannot be noted is not shown.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def noted(*rows: Any, **values: Any) -> ResponseReturnValue:
            answer = make_response(view(*rows, **values))
            if answer.status_code == READ:
                row = rows[0] if rows and isinstance(rows[0], Row) else None
                with transaction():
                    readings.note(what, row, by=current_membership())
            return answer

        return noted

    return decorate
