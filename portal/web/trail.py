"""«Revisjonsspor»: who did what to what, when and why, for administrators; and what sensitive was read by whom."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from portal import clock
from portal.extensions import parts
from portal.model import Membership
from portal.operations import anchors, readings, trail
from portal.operations.trail import Asked, Told
from portal.permissions import Permission
from portal.sheets.export import Column, Properties, Sheet, Value, write_workbook
from portal.web import choices, days, events, trail_words
from portal.web.access import current_membership, requires
from portal.web.costly import costly
from portal.web.narrowing import Narrowed
from portal.web.reading import reads

blueprint = Blueprint("trail", __name__, url_prefix="/trail")

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PAGE = 50
MOST_EXPORTED = 100_000
PAGES = {"contract": "contracts.show", "deviation": "cases.show", "report": "reports.show", "machine": "machines.show"}
"""Table of a thing -> the page that shows it."""
FILTERS = ("contract", "person", "action", "subject", "first", "last")


class Line(NamedTuple):
    """An entry as the page shows it."""

    at: datetime
    who: str
    whom: str
    what: str
    thing: str
    url: str
    contract: str
    changes: list[str]
    reason: str


@blueprint.get("")
@requires(Permission.TRAIL_READ)
@reads("trail")
def index() -> ResponseReturnValue:
    """Entries, newest first, fifty a page."""
    by = current_membership()
    given = _given(request.args)
    found = list(trail.told(by, _asked(by, given), PAGE + 1, request.args.get("after", "")))
    narrowed = Narrowed("trail.index", given)
    following = narrowed.address(after=trail.mark(found[PAGE - 1].entry)) if len(found) > PAGE else ""
    people = [(str(each.public_id), each.name) for each in trail.people(by)]
    contracts = choices.contracts(by, chosen=given["contract"])
    return render_template(
        "trail/index.html",
        lines=[_line(each) for each in found[:PAGE]],
        next_url=following,
        given=given,
        wrong=_wrong(given),
        people=people,
        actions=sorted(events.EVENT.items(), key=lambda each: str(each[1]).casefold()),
        subjects=sorted(trail_words.SUBJECT.items(), key=lambda each: str(each[1]).casefold()),
        contracts=contracts,
        chips=narrowed.chips(
            {
                "contract": contracts.named(given["contract"]) if given["contract"] else "",
                "person": dict(people).get(given["person"], ""),
                "action": str(events.EVENT.get(given["action"], "")),
                "subject": str(trail_words.SUBJECT.get(given["subject"], "")),
                "first": _("from %(day)s", day=given["first"]) if given["first"] else "",
                "last": _("to %(day)s", day=given["last"]) if given["last"] else "",
            }
        ),
        export_url=url_for("trail.workbook", **{name: value for name, value in given.items() if value}),  # type: ignore[arg-type]
    )


@blueprint.get("/trail.xlsx")
@requires(Permission.TRAIL_READ)
@costly
@reads("trail")
def workbook() -> ResponseReturnValue:
    """The same entries as a workbook, each with the seal by which `portal verify-audit` finds it in its chain."""
    by = current_membership()
    entries = trail.told(by, _asked(by, _given(request.args)), MOST_EXPORTED)
    sheet = Sheet(_("Audit trail"), _columns(), (_row(each) for each in entries))
    content = write_workbook([sheet], Properties(_("Audit trail")))
    name = _("audit-trail")
    return send_file(
        BytesIO(content), mimetype=EXCEL, as_attachment=True, download_name=f"{name}-{clock.now():%Y-%m-%d}.xlsx"
    )


@blueprint.get("/reading")
@requires(Permission.TRAIL_READ)
def reading() -> ResponseReturnValue:
    """What of cases, files, exports and members the organisation's own people have read."""
    by = current_membership()
    found = readings.of(by, choices.uuid_of(request.args.get("after", "")), PAGE + 1)
    following = url_for("trail.reading", after=str(found[PAGE - 1].reading.public_id)) if len(found) > PAGE else ""
    return render_template("trail/reading.html", rows=found[:PAGE], next_url=following, words=trail_words)


def _line(told: Told) -> Line:
    entry = told.entry
    endpoint = PAGES.get(entry.subject)
    return Line(
        at=entry.at,
        who=told.person.name if told.person else _("The portal"),
        whom=told.organisation.name if told.organisation else "",
        what=trail_words.action(told),
        thing=trail_words.subject(told),
        url=url_for(endpoint, public_id=entry.subject_id) if endpoint and told.is_open else "",
        contract=f"{told.contract.reference} {told.contract.title}" if told.contract else "",
        changes=list(trail_words.changes(told)),
        reason=entry.reason,
    )


def _columns() -> tuple[Column, ...]:
    titles = (
        _("Time (UTC)"),
        _("Who"),
        _("On behalf of"),
        _("What was done"),
        _("To what"),
        _("Contract"),
        _("Before and after"),
        _("Reason"),
        _("Request"),
        _("Seal"),
    )
    return tuple(Column(str(title)) for title in titles)


def _row(told: Told) -> list[Value]:
    line, entry = _line(told), told.entry
    return [
        entry.at.astimezone(UTC).isoformat(sep=" ", timespec="seconds"),
        line.who,
        line.whom,
        line.what,
        line.thing,
        line.contract,
        "\n".join(line.changes),
        line.reason,
        entry.request_id if told.is_own else "",
        anchors.seal(entry.hash),
    ]


# -- what it is narrowed to --------------------------------------------------------------------------------------------


def _given(arguments: "MultiDict[str, str]") -> Mapping[str, str]:
    return {name: arguments.get(name, "").strip() for name in FILTERS}


def _wrong(given: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a day that was written, by the name of its field."""
    return {
        name: _("Write the day as dd.mm.yyyy, for example 31.03.2026.")
        for name in ("first", "last")
        if given[name] and _day(given[name]) is None
    }


def _asked(by: Membership, given: Mapping[str, str]) -> Asked:
    first, last = _day(given["first"]), _day(given["last"])
    return Asked(
        contract=choices.contract_of(by, given["contract"]),
        person=choices.uuid_of(given["person"]),
        action=given["action"] if given["action"] in events.EVENT else "",
        subject=given["subject"] if given["subject"] in trail_words.SUBJECT else "",
        first=_begins(first) if first else None,
        before=_begins(last + timedelta(days=1)) if last else None,
    )


def _begins(day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(parts().settings.time_zone))


def _day(text: str) -> date | None:
    day = days.read(text)
    return day if day and _EARLIEST < day < _LATEST else None


_EARLIEST, _LATEST = date(2000, 1, 1), date(2200, 1, 1)
