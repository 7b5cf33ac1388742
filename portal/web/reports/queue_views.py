"""What the review queue shows: which reports wait, for how long, and why each is there."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from portal import calendars, clock
from portal.extensions import db
from portal.kinds import WHOLE_SITE
from portal.kinds.indicators import TOTAL_ENERGY
from portal.model import (
    Check,
    Claim,
    Comment,
    Figure,
    Finding,
    FindingResult,
    Membership,
    Report,
    ReportingPeriod,
    Revision,
)
from portal.operations.reports import claims
from portal.operations.reports.review_queue import QueueRow, Why
from portal.text import Text
from portal.web import choices, labels
from portal.web.choices import Choices
from portal.web.labels import Tag
from portal.web.reports.review_views import share_of_change

MOST_MONTHS = 24
"""How far back the filter for periods reaches."""


class Narrowing(NamedTuple):
    """What the queue can be narrowed to. `months`: newest first, as an address and as people call them."""

    contracts: Choices
    suppliers: Choices
    months: list[tuple[str, Text]]

    def named(self, filter_name: str, value: str) -> str | Text:
        """A filter in force in words, as `lists.queue_arguments` writes it."""
        if filter_name == "late":
            return str(_("Past the deadline"))
        if filter_name == "why":
            return str(labels.WHY[Why(value)])
        if filter_name == "period":
            return calendars.month_name(date.fromisoformat(f"{value}-01"))
        if filter_name == "supplier":
            return self.suppliers.named(value)
        return self.contracts.named(value)


def narrowing(by: Membership, arguments: Mapping[str, str]) -> Narrowing:
    """The contracts, suppliers and months that this buyer can choose among; `arguments` the filter in force."""
    first, zone = choices.first_day(by)
    months = calendars.months_between(first, clock.today(zone)) if first else ()
    return Narrowing(
        contracts=choices.contracts(by, Report, arguments.get("contract", "")),
        suppliers=choices.suppliers(by, arguments.get("supplier", "")),
        months=[(f"{first:%Y-%m}", calendars.month_name(first)) for first, _last in reversed(months)][:MOST_MONTHS],
    )


class Waiting(NamedTuple):
    """A report in the queue: when its review is due, why it is there, and whether this person may decide on it.

    `energy`: what the counted energy changed by since the period before, as a share of 1; None when there is nothing to
    compare. `is_unseen`: nobody has opened it yet. `others`: who is at it just now. `comments`: how many are written.
    """

    report: Report
    due_at: datetime | None
    reasons: list[Tag]
    energy: Decimal | None
    is_unseen: bool
    others: list[Claim]
    comments: int
    is_mine: bool


def waiting(rows: Sequence[QueueRow], by: Membership) -> list[Waiting]:
    """Rows of the queue as the page shows them; as many statements however many rows."""
    reports = [row.report for row in rows]
    newest = _newest_revisions([report.id for report in reports])
    numbers = [revision.id for revision in newest.values()]
    found = _counted(Finding.revision_id, Finding.result, numbers)
    said = _counted(Check.revision_id, Check.severity, numbers)
    written = _counted(Comment.revision_id, Comment.category, numbers)
    looked_at: dict[int, list[Claim]] = defaultdict(list)
    for claim in claims.of(reports):
        looked_at[claim.report_id].append(claim)
    energy = _changes_of_energy(newest)
    return [
        Waiting(
            report=row.report,
            due_at=row.task.due_at,
            reasons=_reasons(row, revision, found.get(revision.id, {}), said.get(revision.id, {})),
            energy=energy.get(row.report.id),
            is_unseen=not looked_at[row.report.id],
            others=[
                each for each in looked_at[row.report.id] if each.person_id != by.person_id and claims.is_fresh(each)
            ],
            comments=sum(written.get(revision.id, {}).values()),
            is_mine=by.person_id not in row.report.preparers,
        )
        for row in rows
        if (revision := newest.get(row.report.id)) is not None
    ]


def _newest_revisions(reports: Sequence[int]) -> dict[int, Revision]:
    rows = db.session.scalars(select(Revision).where(Revision.report_id.in_(reports)).order_by(Revision.number))
    return {row.report_id: row for row in rows}


def _changes_of_energy(newest: Mapping[int, Revision]) -> dict[int, Decimal]:
    """Report -> by what share of 1 its energy differs from the period before."""
    before = _revisions_before(newest)
    amounts = _energy([*(revision.id for revision in newest.values()), *before.values()])
    found = {}
    for report, revision in newest.items():
        share = share_of_change(amounts.get(before.get(report, 0)), amounts.get(revision.id))
        if share is not None:
            found[report] = share
    return found


def _revisions_before(reports: Iterable[int]) -> dict[int, int]:
    """Report -> the number of the newest revision of the period before it on the same contract."""
    other, its_period = aliased(Report), aliased(ReportingPeriod)
    last = (
        select(Revision.id)
        .join(other, Revision.report_id == other.id)
        .join(its_period, other.period_id == its_period.id)
        .where(other.contract_id == Report.contract_id, its_period.starts_on < ReportingPeriod.starts_on)
        .order_by(its_period.starts_on.desc(), Revision.number.desc())
        .limit(1)
        .correlate(Report, ReportingPeriod)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(Report.id, last)
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .where(Report.id.in_(list(reports)))
    )
    return {row[0]: row[1] for row in rows if row[1] is not None}


def _energy(numbers: Sequence[int]) -> dict[int, Decimal]:
    """Revision -> the energy of the whole site: what counts in the contract."""
    rows = db.session.execute(
        select(Figure.revision_id, Figure.numerator).where(
            Figure.revision_id.in_(numbers),
            Figure.kind == WHOLE_SITE.key,
            Figure.indicator == TOTAL_ENERGY,
            Figure.numerator.is_not(None),
        )
    )
    return {row[0]: row[1] for row in rows if row[1] is not None}


def _counted(
    revision: InstrumentedAttribute[int], code: InstrumentedAttribute[Any], numbers: Sequence[int]
) -> dict[int, dict[str, int]]:
    """Revision -> code -> how many."""
    counts: dict[int, dict[str, int]] = {}
    statement = select(revision, code, func.count()).where(revision.in_(numbers)).group_by(revision, code)
    for number, value, count in db.session.execute(statement):
        counts.setdefault(number, {})[str(value)] = count
    return counts


def _reasons(row: QueueRow, revision: Revision, found: Mapping[str, int], said: Mapping[str, int]) -> list[Tag]:
    broken, unclear = found.get(FindingResult.BROKEN, 0), found.get(FindingResult.UNKNOWN, 0)
    remarks, days = said.get("warning", 0) + said.get("flag", 0), revision.late_by_days
    is_new = revision.number == 1
    corrected = _("Corrected, revision %(number)s", number=revision.number)
    reasons = [Tag(_("New"), "plain") if is_new else Tag(corrected, "info")]
    if row.task.due_at is not None and row.task.due_at < clock.now():
        reasons.append(Tag(_("Review is overdue"), "danger"))
    if broken:
        reasons.append(Tag(ngettext("%(num)d requirement broken", "%(num)d requirements broken", broken), "danger"))
    if behind := found.get(FindingResult.BEHIND, 0):
        reasons.append(
            Tag(ngettext("%(num)d requirement is behind", "%(num)d requirements are behind", behind), "info")
        )
    if unclear:
        words = ngettext("%(num)d requirement cannot be judged", "%(num)d requirements cannot be judged", unclear)
        reasons.append(Tag(words, "warning"))
    if remarks:
        reasons.append(Tag(ngettext("%(num)d remark", "%(num)d remarks", remarks), "warning"))
    if days:
        reasons.append(Tag(ngettext("Filed %(num)d day late", "Filed %(num)d days late", days), "warning"))
    return reasons
