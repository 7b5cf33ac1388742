"""Writing down that somebody read what is sensitive: a mark on the view, beside what guards it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import make_response
from flask.typing import ResponseReturnValue

from portal import tenancy
from portal.extensions import db, transaction
from portal.model import Row
from portal.operations import readings
from portal.web.access import View, acting_membership, current_person, marked

READ = 200


def reads(what: str) -> Callable[[View], View]:
    """Note each time that the view showed `what`, a word of `trail_words.READING`; of a row, which one.

    It stands below what guards the view: what nobody was shown is not noted, and what cannot be noted is not shown.
    Whoever acts for nobody yet, though they could for several, is noted with each.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def noted(*rows: Any, **values: Any) -> ResponseReturnValue:
            answer = make_response(view(*rows, **values))
            if answer.status_code == READ:
                row = rows[0] if rows and isinstance(rows[0], Row) else None
                by = acting_membership()
                with transaction():
                    for each in [by] if by else current_person().memberships:
                        with tenancy.acting_for(each.organisation_id):
                            readings.note(what, row, by=each)
                            db.session.flush()
            return answer

        return marked(noted, reads=what)

    return decorate
