"""«Kom i gang» as the front page shows it: what to try, where, and what is ticked."""

from collections.abc import Callable
from typing import NamedTuple

from flask import url_for
from flask_babel import LazyString
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for

from portal.model import Membership
from portal.operations import accounts, first_steps, tasks
from portal.operations.entry import practice
from portal.operations.reports import extensions
from portal.web.waiting import of_task


class ShownStep(NamedTuple):
    """One thing to try: its words, where it is done, whether it is."""

    title: LazyString
    hint: LazyString
    url: str
    is_done: bool
    sample: str = ""
    """Where a file to try it with is; "" when none is needed."""


class _Words(NamedTuple):
    title: LazyString
    hint: LazyString
    place: Callable[[Membership], str]


def shown(by: Membership) -> list[ShownStep]:
    """What this person may try, in order; empty when there is nothing left or they have put the list away."""
    return [
        ShownStep(words.title, words.hint, words.place(by), standing.is_done, _sample(standing.step.key, by))
        for standing in first_steps.mine(by)
        for words in (_WORDS[standing.step.key],)
    ]


def _sample(key: str, by: Membership) -> str:
    report = practice.report_of(by) if key == "upload" and accounts.is_demo() else None
    return url_for("demo.practice", public_id=report.public_id) if report is not None else ""


def _first(element: str, fallback: str) -> Callable[[Membership], str]:
    """The first open task of a step; where there is none, the list it would be found in."""

    def place(by: Membership) -> str:
        row = next(iter(tasks.mine(by, element, limit=1)), None)
        return of_task(row, by).url if row is not None else url_for(fallback)

    return place


def _on_first_report(endpoint: str) -> Callable[[Membership], str]:
    """A page of the first report that waits to be filled in."""

    def place(by: Membership) -> str:
        row = next(iter(tasks.mine(by, "fill_in", limit=1)), None)
        return url_for(endpoint, public_id=row.report.public_id) if row is not None else url_for("reports.index")

    return place


def _upload(by: Membership) -> str:
    report = practice.report_of(by)
    return url_for("reports.imports.index", public_id=report.public_id) if report else url_for("reports.index")


def _more_time(by: Membership) -> str:
    """The first report whose deadline still lies ahead."""
    ahead = (row.report for row in tasks.mine(by, "fill_in") if extensions.may_ask(row.report, by))
    report = next(ahead, None)
    return url_for("extensions.ask_report", public_id=report.public_id) if report else url_for("reports.index")


def _page(endpoint: str) -> Callable[[Membership], str]:
    return lambda _by: url_for(endpoint)


_WORDS = {
    "fill_in": _Words(
        N_("Fill in a report"),
        N_("What was there last time is copied. Change a figure, and see what it leads to."),
        _first("fill_in", "reports.index"),
    ),
    "upload": _Words(
        N_("Upload an Excel file"),
        N_("Errors are shown by sheet and cell, and nothing is stored before you have seen what changes."),
        _upload,
    ),
    "send": _Words(
        N_("Check the answers and send"),
        N_("Before you send you see whether the requirements are met, and what a breach may cost."),
        _on_first_report("reports.check"),
    ),
    "more_time": _Words(
        N_("Ask for more time"),
        N_("Ask before the deadline. As long as nobody has answered, the report is not overdue."),
        _more_time,
    ),
    "reply": _Words(
        N_("Reply to a notice"),
        N_("Answer point by point, with files. You see until when, and what happens next."),
        _first("reply", "cases.index"),
    ),
    "comment": _Words(
        N_("Write a comment in a review"),
        N_("On one value, a line or the whole report. A comment that must be corrected opens just that."),
        _first("review", "reviews.queue"),
    ),
    "approve": _Words(
        N_("Approve a report"),
        N_("Look at what changed since last time, then go on to the next in the queue."),
        _first("review", "reviews.queue"),
    ),
    "return": _Words(
        N_("Return a report for correction"),
        N_("The supplier gets exactly what you pointed out, and a new deadline."),
        _first("review", "reviews.queue"),
    ),
    "chase": _Words(
        N_("Remind those who have not filed"),
        N_("One list of all that is missing, one letter to each."),
        _page("chasing.index"),
    ),
    "notice": _Words(
        N_("Give notice of a breach"),
        N_("The text is written from the case. The time to reply runs from when the notice is delivered."),
        _first("assess", "cases.index"),
    ),
    "propose": _Words(
        N_("Propose a sanction"),
        N_("The calculation stands line by line, and another person decides."),
        _first("assess_reply", "cases.index"),
    ),
    "contract": _Words(
        N_("Set up a contract"),
        N_("A list of short pages, in the order you like."),
        _page("contracts.index"),
    ),
    "decide": _Words(
        N_("Decide on a proposed sanction"),
        N_("You see the whole case. Approve, or send it back with a comment."),
        _first("approve_sanction", "cases.index"),
    ),
}
