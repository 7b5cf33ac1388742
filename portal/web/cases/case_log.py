"""What has happened in a case: the timeline with its filter, and the whole of it as a file."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from portal import calendars
from portal.model import AuditEvent, Deviation, ExtensionRequest, Membership, Person, Row, Weighing
from portal.operations import anchors, audit, time_asked
from portal.web import events, labels
from portal.web.cases import case_views
from portal.web.progress import Told
from portal.web.words import words

SHOW = ("all", "letters", "decisions")
_LETTERS = frozenset(
    {
        "deviation.notified",
        "deviation.closed",
        "notice.written",
        "notice.delivered",
        "notice.opened",
        "notice.served",
        "notice.reminded",
        "reply.received",
        "reply.complete",
        "reply.late",
        "sanction.decided",
        "sanction.delivered",
        "sanction.delivery_told",
    }
)
_DECISIONS = frozenset(
    {
        "deviation.closed",
        "deviation.dismissed",
        "deviation.fell_away",
        "deviation.notice_withdrawn",
        "deviation.reply_extended",
        "extension.granted",
        "extension.refused",
        "extension.unanswered",
        "notice.written",
        "point.weighed",
        "sanction.decided",
        "sanction.proposed",
        "sanction.sent_back",
        "sanction.withdrawn",
        "sanction.refused",
    }
)
_ON_THE_PAGE = frozenset({"notice.written", "reply.received", "reply.complete", "reply.late"})
_SAID_BY_THE_SANCTION = "deviation.sanction_proposed"
"""The sanction's own entry says it too, with the reasons; in the file both stand."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the start of a cell."""

Entry = tuple[AuditEvent, Person | None]


class Link(NamedTuple):
    """Where on the page, or beyond it, the thing itself stands."""

    url: str
    text: str


def chosen(given: str | None) -> str:
    """The filter as the address says; all when it says nothing that makes sense."""
    return given if given in SHOW else "all"


def trail(deviation: Deviation, by: Membership) -> list[Entry]:
    """Everything that happened in the case as far as this party may see it, oldest first."""
    sanction = [deviation.sanction] if deviation.sanction else []
    asked: Sequence[ExtensionRequest] = time_asked.of(deviation)
    weighed: list[Weighing] = [each for point in case_views.shown_points(deviation, by) for each in point.weighings]
    outsiders: list[Row] = list(deviation.appointments)
    rows: list[Row] = [deviation, *deviation.notices, *deviation.replies, *weighed, *asked, *sanction, *outsiders]
    return audit.trail(rows, by=by)


def told(entries: Iterable[Entry], show: str, links: Mapping[str, Link]) -> list[Told]:
    """The timeline, newest first, what the filter leaves out left out. `links` are by the subject's public id."""
    kept = [entry for entry in entries if entry[0].action != _SAID_BY_THE_SANCTION and _is_shown(entry[0].action, show)]
    return [_told(event, person, links) for event, person in reversed(kept)]


def _is_shown(action: str, show: str) -> bool:
    return show == "all" or action in (_LETTERS if show == "letters" else _DECISIONS)


def _told(event: AuditEvent, person: Person | None, links: Mapping[str, Link]) -> Told:
    link = links.get(event.subject_id) if event.action in _ON_THE_PAGE else None
    return Told(
        _what(event),
        "done",
        at=event.at,
        who=person.name if person else _("The portal"),
        note=_note(event),
        url=link.url if link else "",
        link=link.text if link else "",
    )


def _what(event: AuditEvent) -> str:
    named = str(events.EVENT.get(event.action, event.action))
    if event.action == "deviation.put_right":
        return f"{named}: {words(calendars.day_name(date.fromisoformat(event.facts['on'])))}"
    number = event.facts.get("number") if event.action == "point.weighed" else None
    if number is None:
        return named
    verdict = str(labels.VERDICT[event.facts["verdict"]]).lower()
    told: str = _("%(what)s: point %(number)s, %(verdict)s", what=named, number=number, verdict=verdict)
    return told


def _note(event: AuditEvent) -> str:
    """The reasons that a person gave; else what the figures say now, and what they said before."""
    if event.reason:
        return event.reason
    now, before = event.facts.get("said"), event.facts.get("was")
    if not now:
        return ""
    said = words(now)
    return _("%(now)s Before: %(before)s", now=said, before=words(before)) if before and before != now else said


def as_csv(deviation: Deviation, entries: Iterable[Entry]) -> bytes:
    """The whole log, oldest first, as a file that spreadsheets open: every time with its offset, every act by code."""
    out = io.StringIO()
    rows = csv.writer(out, delimiter=";", lineterminator="\r\n")
    rows.writerow([_("Time"), _("Who"), _("For"), _("What"), _("Reasons"), _("Code"), _("Seal")])
    contract = deviation.contract
    sides = {each.id: each.name for each in (contract.buyer, contract.supplier)}
    for event, person in entries:
        at = event.at.astimezone(ZoneInfo(contract.time_zone)).isoformat(timespec="seconds")
        who = person.name if person else _("The portal")
        side = sides.get(event.organisation_id or 0, "")
        line = [at, who, side, _what(event), _note(event), event.action, anchors.seal(event.hash)]
        rows.writerow([_harmless(cell) for cell in line])
    return out.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
