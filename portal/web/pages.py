"""The front door: what waits for whoever is signed in, the accessibility statement, and whether the portal is alive."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, ngettext
from flask_babel import gettext as _
from sqlalchemy import select

from portal.extensions import db
from portal.model import Contract, Deviation, ExtensionRequest, Membership, Organisation, Report, ReportState, Sanction
from portal.operations import extensions, tasks
from portal.operations.tasks import TaskRow
from portal.web import labels
from portal.web.access import acting_membership, public
from portal.web.deadlines import working_days_left
from portal.web.labels import Tag
from portal.web.sessions import current

blueprint = Blueprint("pages", __name__)
blueprint.add_app_template_filter(working_days_left)


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

    @property
    def contract(self) -> Contract:
        """The contract it belongs to."""
        return self.report.contract


@blueprint.get("/")
@public("a welcome for everybody, and for those who are signed in what waits for them")
def home() -> ResponseReturnValue:
    """«Mine oppgaver», or what this is."""
    by = acting_membership()
    if by is not None:
        rows = [*(_waiting(row, by) for row in tasks.mine(by)), *(_asked(each) for each in extensions.to_answer(by))]
        return render_template("pages/home.html", rows=sorted(rows, key=_nearest), by=by)
    if current().person is not None:
        return redirect(url_for("accounts.acting_for"), 303)
    return render_template("pages/welcome.html")


@blueprint.get("/accessibility")
@public("a statement that the law wants everybody to be able to read")
def accessibility() -> ResponseReturnValue:
    """How accessible the portal is, what is known to be missing, and where to tell."""
    return render_template("pages/accessibility.html")


@blueprint.get("/health")
@public("load balancers and monitoring ask it; it says nothing about anybody")
def health() -> ResponseReturnValue:
    """200 when the portal answers and reaches its database, 503 when it does not."""
    db.session.execute(select(1))
    return {"status": "ok"}


def _waiting(row: TaskRow, by: Membership) -> Waiting:
    subject, contract = row.subject, row.report.contract
    return Waiting(
        verb=_verb(row),
        url=_place(row),
        report=row.report,
        counterpart=contract.buyer if by.organisation_id == contract.supplier_id else contract.supplier,
        due_at=row.task.due_at,
        status=_status(subject),
        stands_still=isinstance(subject, Report) and subject.more_time_asked_at is not None,
    )


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
    )


def _nearest(row: Waiting) -> tuple[bool, datetime]:
    return row.due_at is None, row.due_at or datetime.max.replace(tzinfo=UTC)


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
