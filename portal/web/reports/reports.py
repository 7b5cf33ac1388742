"""The supplier's pages: their reports, where each stands, and the way to everything that is done with it."""

from collections.abc import Sequence

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from portal.kinds import Kind
from portal.model import AuditEvent, Person, Report, ReportState
from portal.operations import audit, processes, time_asked
from portal.operations.contracts import contracts
from portal.operations.entry import imports
from portal.operations.reports import amendments, extensions, reports
from portal.permissions import Permission, allowed
from portal.web import lists, progress
from portal.web.access import current_membership, requires
from portal.web.process_views import standing
from portal.web.reading import AN_HOUR, reads
from portal.web.reports import attachments, corrections, lines, report_views
from portal.web.reports import imports as excel
from portal.web.reports.corrections import Reply

blueprint = Blueprint("reports", __name__, url_prefix="/reports")
blueprint.register_blueprint(excel.blueprint)


@blueprint.get("")
@requires(Permission.REPORT_READ)
def index() -> ResponseReturnValue:
    """Every report the acting organisation is a party to, newest period first."""
    by = current_membership()
    return render_template("reports/index.html", page=lists.reports(by, request.args), by=by)


@blueprint.get("/<uuid:public_id>")
@requires(Permission.REPORT_READ, Report)
@reads("report", once_in=AN_HOUR)
def show(report: Report) -> ResponseReturnValue:
    """One report: its parts, where it stands, what happened."""
    return page(report)


def page(report: Report, reply: Reply | None = None) -> str:
    """The page of a report; with an answer to a question that could not be stored, as it was written."""
    by = current_membership()
    is_supplier = by.organisation_id == report.supplier_id
    found = reports.summary(report) if is_supplier and report.state not in reports.DONE else None
    kinds = _kinds(report)
    revision = report.accepted or report.latest
    is_proposed = report.is_amendment and report.state in {ReportState.SUBMITTED, ReportState.RETURNED}
    proposed = report.standing if is_proposed else None
    stands = standing(processes.of(report))
    trail = audit.trail([report], by=current_membership())
    return render_template(
        "reports/show.html",
        report=report,
        revision=revision,
        proposed=proposed,
        review=report.standing.review if report.standing else None,
        parts=report_views.parts(report, found) if found else [],
        is_ready=found is not None and found.is_ready,
        frozen=report_views.frozen(revision, kinds) if revision else None,
        proposal=report_views.frozen(proposed, kinds) if proposed else None,
        told=corrections.told(report, corrections.for_supplier(report), kinds),
        reply=reply,
        failed=reply is not None,
        may_answer=is_supplier and allowed(by, Permission.REPORT_EDIT),
        is_supplier=is_supplier,
        standing=stands,
        way=progress.way(stands),
        trail=progress.events(trail),
        given_back=_given_back(trail),
        revision_tag=report_views.revision_tag,
        may_edit=report.is_editable and is_supplier and allowed(by, Permission.REPORT_EDIT),
        may_sign=is_supplier and allowed(by, Permission.REPORT_SIGN) and report.state != ReportState.SPARED,
        may_withdraw=is_supplier and allowed(by, Permission.REPORT_SIGN) and report.state == ReportState.SUBMITTED,
        may_amend=is_supplier and allowed(by, Permission.REPORT_EDIT),
        is_open_to_amendment=amendments.is_open_to(report),
        may_review=report.state == ReportState.SUBMITTED and not is_supplier and allowed(by, Permission.REPORT_REVIEW),
        requests=time_asked.of(report),
        may_ask=extensions.may_ask(report, by),
        may_grant=allowed(by, Permission.DEADLINE_GRANT),
        upload=excel.UploadForm(),
        imported=imports.latest(report) if is_supplier else None,
    )


def _given_back(trail: Sequence[tuple[AuditEvent, Person | None]]) -> str:
    """What the signatory wants changed, if the last thing that happened to the report is that they withheld."""
    moves = [event for event, _person in trail if "before" in event.facts]
    last = moves[-1] if moves else None
    return last.reason if last is not None and last.action == "report.withheld" else ""


# -- filling in (lines.py) ---------------------------------------------------------------------------------------------

blueprint.add_url_rule("/<uuid:public_id>/sections/<key>", "edit", lines.edit, methods=["GET", "POST"])
_LINE = "/<uuid:public_id>/sections/<key>/lines/<uuid:line>"
blueprint.add_url_rule(_LINE, "save_line", lines.save_line, methods=["POST"])
blueprint.add_url_rule(f"{_LINE}/undo", "put_back", lines.put_back, methods=["POST"])
blueprint.add_url_rule(f"{_LINE}/files", "attachments", attachments.page, methods=["GET"])
blueprint.add_url_rule(f"{_LINE}/files", "attach", attachments.attach, methods=["POST"])
blueprint.add_url_rule(f"{_LINE}/files/<uuid:file>/remove", "detach", attachments.detach, methods=["POST"])


def _kinds(report: Report) -> dict[str, Kind]:
    return contracts.counting_kinds(report)
