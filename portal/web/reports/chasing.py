"""Who has not filed: the buyer's list of reports that are overdue or soon due, and reminders of many at once."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.extensions import transaction
from portal.operations.reports import chasing
from portal.operations.reports.chasing import PAGE, Wanted
from portal.permissions import Permission
from portal.text import Text
from portal.web import lists
from portal.web.access import current_membership, requires
from portal.web.choices import uuid_of
from portal.web.reports import queue_views

blueprint = Blueprint("chasing", __name__, url_prefix="/missing-reports")

CHOOSE = Text("Velg minst én rapport.", "Choose at least one report.")
MOST = 200
"""How many reports one reminder may be about."""


@blueprint.get("")
@requires(Permission.REPORT_CHASE)
def index() -> ResponseReturnValue:
    """Reports that have not come, the longest waiting first. The filter lives in the address."""
    return _list()


@blueprint.get("/remind")
@requires(Permission.REPORT_CHASE)
def confirm() -> ResponseReturnValue:
    """Whom reminders would go to, and who is left out and why, before anything is sent."""
    numbers = _numbers(request.args.getlist("report"))
    rows = chasing.told(chasing.chosen(current_membership(), numbers))
    arguments: dict[str, Any] = dict(_arguments(_wanted()))
    if not rows:
        return _list(CHOOSE), 422
    return render_template(
        "chasing/confirm.html",
        reminded=[row for row in rows if row.why_not is None],
        left_out=[row for row in rows if row.why_not is not None],
        back=url_for(".index", **arguments),
    )


@blueprint.post("/remind")
@requires(Permission.REPORT_CHASE)
def remind() -> ResponseReturnValue:
    """Send them."""
    by, numbers = current_membership(), _numbers(request.form.getlist("report"))
    with transaction():
        done = chasing.remind(by, numbers)
    count = len(done)
    if count:
        flash(
            ngettext("A reminder of %(num)d report was sent.", "Reminders of %(num)d reports were sent.", count),
            "success",
        )
    else:
        flash(_("No reminder was sent: all have come, have more time, or were reminded of today."), "info")
    return redirect(url_for(".index"), 303)


def _list(problem: Text | None = None) -> str:
    by, wanted = current_membership(), _wanted()
    after = uuid_of(request.args.get("after", ""))
    rows = chasing.unfiled(by, wanted, after, PAGE + 1)
    arguments: dict[str, Any] = dict(_arguments(wanted))
    choices = queue_views.narrowing(by, arguments)
    more = len(rows) > PAGE
    return render_template(
        "chasing/index.html",
        rows=chasing.told(rows[:PAGE]),
        count=chasing.count(by, wanted),
        choices=choices,
        arguments=arguments,
        filters=[
            {"label": _named(choices, name, value), "url": url_for(".index", **{**arguments, name: None})}
            for name, value in arguments.items()
        ],
        next_url=url_for(".index", **arguments, after=rows[PAGE - 1].public_id) if more else "",
        problem=problem,
        failed=problem is not None,
    )


def _named(choices: queue_views.Narrowing, name: str, value: str) -> str | Text:
    return str(_("Only past the deadline")) if name == "overdue" else choices.named(name, value)


def _wanted() -> Wanted:
    """The filter as the address says; what makes no sense is left out."""
    given = lists.queue_filter(request.args)
    return Wanted(given.contract, given.supplier, given.period, request.args.get("overdue") == "1")


def _arguments(wanted: Wanted) -> dict[str, str]:
    every = {
        "contract": str(wanted.contract or ""),
        "supplier": str(wanted.supplier or ""),
        "period": wanted.period,
        "overdue": "1" if wanted.overdue else "",
    }
    return {name: value for name, value in every.items() if value}


def _numbers(given: Sequence[str]) -> list[UUID]:
    return [number for each in given[:MOST] if (number := uuid_of(each)) is not None]
