"""Writing down that somebody read what is sensitive: a mark on the view, beside what guards it."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any

from flask import Response, make_response
from flask.typing import ResponseReturnValue

from portal import clock, tenancy
from portal.extensions import db, transaction
from portal.model import Membership, Row
from portal.operations import readings
from portal.web.access import View, acting_membership, current_person, marked

EVERY_TIME = timedelta(0)
AN_HOUR = timedelta(hours=1)


def reads(what: str, *, once_in: timedelta = EVERY_TIME) -> Callable[[View], View]:
    """Note that the view showed `what`, a word of `trail_words.READING`; of a row, which one.

    It stands below what guards the view: what nobody was shown is not noted, and what cannot be noted is not shown.
    Whoever acts for nobody yet, though they could for several, is noted with each. `once_in`: of what one opens again
    and again at work, only the first time in this time is noted.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def noted(*rows: Any, **values: Any) -> ResponseReturnValue:
            answer = make_response(view(*rows, **values))
            if _has_shown(answer):
                row = rows[0] if rows and isinstance(rows[0], Row) else None
                by = acting_membership()
                _note(what, row, [by] if by else current_person().memberships, once_in)
            return answer

        return marked(noted, reads=what)

    return decorate


def _has_shown(answer: Response) -> bool:
    """Whether it shows anything: also where a file is asked for in parts."""
    return HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES


def _note(what: str, row: Row | None, readers: Sequence[Membership], once_in: timedelta) -> None:
    since = clock.now() - once_in
    new = [each for each in readers if not once_in or not readings.is_noted(what, row, by=each, since=since)]
    if not new:
        return
    with transaction():
        for each in new:
            with tenancy.acting_for(each.organisation_id):
                readings.note(what, row, by=each)
                db.session.flush()
