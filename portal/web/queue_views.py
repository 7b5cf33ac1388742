"""What the review queue shows: which reports wait, for how long, and why each is there."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from portal import calendars, clock
from portal.extensions import db
from portal.model import Check, Contract, Finding, FindingResult, Membership, Organisation, Report, Revision
from portal.operations.reviews import QueueRow
from portal.text import Text
from portal.web import lists
from portal.web.labels import Tag

MOST_MONTHS = 24
"""How far back the filter for periods reaches."""


class Choices(NamedTuple):
    """What the queue can be narrowed to. `periods`: the first day of each month, newest first."""

    contracts: list[Contract]
    suppliers: list[Organisation]
    periods: list[date]

    def named(self, filter_name: str, value: str) -> str | Text:
        """A filter in force in words, as `lists.queue_arguments` writes it."""
        if filter_name == "late":
            return str(_("Past the deadline"))
        if filter_name == "period":
            return calendars.month_name(date.fromisoformat(f"{value}-01"))
        if filter_name == "supplier":
            return next((each.name for each in self.suppliers if str(each.public_id) == value), value)
        return next((each.title for each in self.contracts if str(each.public_id) == value), value)


def choices(by: Membership) -> Choices:
    """The contracts, suppliers and months that this buyer can choose among."""
    contracts = lists.contracts_of(by)
    suppliers = {contract.supplier_id: contract.supplier for contract in contracts}
    first = min((contract.starts_on for contract in contracts), default=None)
    today = clock.today(contracts[0].time_zone) if contracts else None
    months = calendars.months_between(first, today) if first and today else ()
    return Choices(
        contracts=contracts,
        suppliers=sorted(suppliers.values(), key=lambda each: each.name),
        periods=[month.starts_on for month in reversed(months)][:MOST_MONTHS],
    )


class Waiting(NamedTuple):
    """A report in the queue: when its review is due, why it is there, and whether this person may decide on it."""

    report: Report
    due_at: datetime | None
    reasons: list[Tag]
    is_mine: bool


def waiting(rows: Sequence[QueueRow], by: Membership) -> list[Waiting]:
    """Rows of the queue as the page shows them; three statements however many rows."""
    newest = _newest_revisions([row.report.id for row in rows])
    numbers = [revision.id for revision in newest.values()]
    found = _counted(Finding.revision_id, Finding.result, numbers)
    said = _counted(Check.revision_id, Check.severity, numbers)
    return [
        Waiting(
            report=row.report,
            due_at=row.task.due_at,
            reasons=_reasons(revision, found.get(revision.id, {}), said.get(revision.id, {})),
            is_mine=by.person_id not in row.report.preparers,
        )
        for row in rows
        if (revision := newest.get(row.report.id)) is not None
    ]


def _newest_revisions(reports: Sequence[int]) -> dict[int, Revision]:
    rows = db.session.scalars(select(Revision).where(Revision.report_id.in_(reports)).order_by(Revision.number))
    return {row.report_id: row for row in rows}


def _counted(
    revision: InstrumentedAttribute[int], code: InstrumentedAttribute[Any], numbers: Sequence[int]
) -> dict[int, dict[str, int]]:
    """Revision -> code -> how many."""
    counts: dict[int, dict[str, int]] = {}
    statement = select(revision, code, func.count()).where(revision.in_(numbers)).group_by(revision, code)
    for number, value, count in db.session.execute(statement):
        counts.setdefault(number, {})[str(value)] = count
    return counts


def _reasons(revision: Revision, found: Mapping[str, int], said: Mapping[str, int]) -> list[Tag]:
    broken, unclear = found.get(FindingResult.BROKEN, 0), found.get(FindingResult.UNKNOWN, 0)
    remarks, days = said.get("warning", 0) + said.get("flag", 0), revision.late_by_days
    is_new = revision.number == 1
    corrected = _("Corrected, revision %(number)s", number=revision.number)
    reasons = [Tag(_("New"), "plain") if is_new else Tag(corrected, "info")]
    if broken:
        reasons.append(Tag(ngettext("%(num)d requirement broken", "%(num)d requirements broken", broken), "danger"))
    if unclear:
        words = ngettext("%(num)d requirement cannot be judged", "%(num)d requirements cannot be judged", unclear)
        reasons.append(Tag(words, "warning"))
    if remarks:
        reasons.append(Tag(ngettext("%(num)d remark", "%(num)d remarks", remarks), "warning"))
    if days:
        reasons.append(Tag(ngettext("Filed %(num)d day late", "Filed %(num)d days late", days), "warning"))
    return reasons
