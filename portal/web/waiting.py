"""One thing that waits for somebody, as lists and cards show it: what to do, about what, until when."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import url_for
from flask_babel import LazyString, ngettext
from flask_babel import gettext as _

from portal.model import Contract, Deviation, ExtensionRequest, Membership, Organisation, Report, ReportState, Sanction
from portal.operations import tasks
from portal.operations.cases import replies
from portal.operations.reports import extensions
from portal.operations.tasks import TaskRow
from portal.web import labels
from portal.web.labels import Tag


@dataclass(frozen=True)
class Waiting:
    """One thing that waits for the person: what to do, about what, until when."""

    verb: LazyString | str
    url: str
    report: Report
    counterpart: Organisation
    due_at: datetime | None
    status: Tag
    stands_still: bool = False
    """Whether the deadline waits for the other party: nobody is late meanwhile."""
    since: datetime | None = None
    """Since when the other party waits for it, where that counts."""

    @property
    def contract(self) -> Contract:
        """The contract it belongs to."""
        return self.report.contract


def everything(by: Membership) -> list[Waiting]:
    """What waits for this person, the nearest deadline first: open steps, requests for more time, late replies."""
    rows = [
        *(of_task(row, by) for row in tasks.mine(by)),
        *(_asked(each) for each in extensions.to_answer(by)),
        *(_heard_late(each) for each in replies.to_weigh_again(by)),
    ]
    return sorted(rows, key=lambda row: (row.due_at is None, row.due_at or datetime.max.replace(tzinfo=UTC)))


def of_task(row: TaskRow, by: Membership) -> Waiting:
    """A task as this person sees it."""
    subject, contract = row.subject, row.report.contract
    return Waiting(
        verb=_verb(row),
        url=_place(row),
        report=row.report,
        counterpart=contract.buyer if by.organisation_id == contract.supplier_id else contract.supplier,
        due_at=_deadline(row),
        status=_status(subject),
        stands_still=not isinstance(subject, Sanction) and subject.is_held,
    )


def _deadline(row: TaskRow) -> datetime | None:
    """When the task is due. While a request for more time holds it, that is still the deadline in force."""
    subject = row.subject
    if isinstance(subject, Sanction) or not subject.is_held:
        return row.task.due_at
    return extensions.due_of(subject)


def _asked(request: ExtensionRequest) -> Waiting:
    """A request for more time: it waits for an answer before the deadline that it is about."""
    subject = request.subject
    return Waiting(
        verb=_("Answer the request for more time"),
        url=url_for("extensions.answer", public_id=request.public_id),
        report=subject if isinstance(subject, Report) else subject.report,
        counterpart=subject.contract.supplier,
        due_at=request.due_at,
        status=labels.EXTENSION[request.state],
        since=request.created_at,
    )


def _heard_late(deviation: Deviation) -> Waiting:
    """A reply that came while a sanction is proposed: nothing can be approved before it is weighed."""
    return Waiting(
        verb=_("Assess what the supplier has added"),
        url=url_for("cases.show", public_id=deviation.public_id),
        report=deviation.report,
        counterpart=deviation.contract.supplier,
        due_at=None,
        status=labels.DEVIATION[deviation.state],
    )


def _verb(row: TaskRow) -> LazyString | str:
    """What to do. For a returned report: how much of it is to be corrected."""
    report = row.subject
    if row.task.element == "fill_in" and isinstance(report, Report) and report.state == ReportState.AMENDING:
        return _("Finish the amendment")
    if row.task.element != "fill_in" or not isinstance(report, Report) or report.state != ReportState.RETURNED:
        return labels.TASK[row.task.element]
    lines, parts = len(report.unlocked_lines), sum(report.is_wholly_unlocked(part.kind) for part in report.sections)
    if not parts:
        return ngettext("Correct %(num)d line", "Correct %(num)d lines", lines)
    if not lines:
        return ngettext("Correct %(num)d part", "Correct %(num)d parts", parts)
    return _("Correct %(lines)s lines and %(parts)s parts", lines=lines, parts=parts)


def _place(row: TaskRow) -> str:
    match row.subject:
        case Deviation() as deviation:
            return url_for("cases.show", public_id=deviation.public_id)
        case Sanction() as sanction:
            return url_for("cases.show", public_id=sanction.deviation.public_id)
    endpoint = {"fill_in": "reports.show", "sign": "reports.check", "review": "reviews.review"}[row.task.element]
    return url_for(endpoint, public_id=row.subject.public_id)


def _status(subject: Report | Deviation | Sanction) -> Tag:
    if isinstance(subject, Sanction):
        return labels.SANCTION[subject.state]
    if isinstance(subject, Deviation):
        return labels.DEVIATION[subject.state]
    return labels.OVERDUE if subject.is_overdue else labels.REPORT[subject.state]
