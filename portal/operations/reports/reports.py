"""A report's way: ready, signed, frozen, computed, checked, and open again when it is returned or rejected."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select

from portal import clock, permissions
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import (
    EDITABLE,
    Membership,
    Person,
    Report,
    ReportState,
    Revision,
    Role,
    record,
)
from portal.operations import accounts, deadlines, lookup, mail, processes, time_asked
from portal.operations.cases import deviations
from portal.operations.contracts import contract_days
from portal.operations.entry import drafts, explanations
from portal.operations.entry.drafts import SectionState
from portal.operations.entry.explanations import Reasons, Warned
from portal.operations.figures import figures
from portal.operations.figures.figures import Assessment
from portal.operations.reports import filings
from portal.permissions import Permission
from portal.text import Text

DONE = frozenset({ReportState.SUBMITTED, ReportState.APPROVED})
"""States in which a signature has been given and stands."""
WITH_SUPPLIER = (EDITABLE | {ReportState.TO_SIGN}) - {ReportState.AMENDING}
"""States in which a deadline runs, as long as nothing is approved."""

NOT_READY = Text("Rapporten kan ikke sendes før dette er rettet.", "The report cannot be sent until this is mended.")
CHANGED_SINCE = Text(
    "Rapporten er endret siden du åpnet denne siden. Les svarene på nytt før du sender.",
    "The report has changed since you opened this page. Read the answers again before you send.",
)
NEEDS_REASONS = Text(
    "Rapporten kan ikke sendes før hver advarsel har en begrunnelse.",
    "The report cannot be sent before each warning has a reason.",
)
SAY_WHAT = Text("Skriv hva som skal endres.", "Say what is to be changed.")
ALREADY_SENT = Text("Rapporten er allerede sendt inn.", "The report has already been submitted.")


class ChangedSince(Conflict):
    """The draft is another than the person read."""


class AlreadySent(Conflict):
    """The signature was given before: the same button twice, or somebody else."""


@dataclass(frozen=True)
class Summary:
    """A draft as the check page shows it: every section read, and, when nothing stops it, what follows from it."""

    sections: tuple[SectionState, ...]
    assessment: Assessment

    @property
    def said(self) -> dict[str, list[Problem]]:
        """Kind -> all that is said of it, whatever it leads to."""
        ruled = self.assessment.problems
        return {state.kind.key: [*state.problems, *ruled[state.kind.key]] for state in self.sections}

    @property
    def problems(self) -> list[Problem]:
        """What stops the signature, whatever reasons are given."""
        return [problem for said in self.said.values() for problem in said if problem.severity == "error"]

    @property
    def is_ready(self) -> bool:
        """Whether it may be signed."""
        return not self.problems


def summary(report: Report) -> Summary:
    """Read the whole draft and compute what it would say."""
    sections = tuple(drafts.state_of(report, section) for section in report.sections)
    lines = {state.kind.key: state.lines for state in sections if state.section.answer is not None}
    return Summary(sections, figures.assess(report, lines, drafts.history(report)))


def warnings(report: Report, found: Summary) -> list[Warned]:
    """What asks for a reason before the report is sent, and what has been said of it."""
    return explanations.warned(report, found.said)


def explain(report: Report, reasons: Reasons, *, by: Membership) -> None:
    """Store what is said of warnings without going on: nobody loses what they wrote because something else is amiss."""
    permissions.demand(by, Permission.REPORT_EDIT)
    processes.hold(report)
    explanations.keep(report, reasons, warnings(report, summary(report)), by=by)


def make_ready(report: Report, *, by: Membership, version: int, reasons: Reasons | None = None) -> None:
    """The reporter is done: the report goes to whoever may sign. `reasons`: what they say of warnings, with the act."""
    permissions.demand(by, Permission.REPORT_EDIT)
    _expect(report, version)
    _demand_complete(report, reasons or {}, by)
    _hand_over(report, by)
    for person in accounts.people(report.supplier_id, Role.SIGNATORY):
        if person.id != by.person_id:
            mail.write(person, "to_sign", report.contract, report=report)


def sign(report: Report, *, by: Membership, version: int, reasons: Reasons | None = None) -> Revision:
    """The signatory's signature: the revision is frozen, computed, checked and sent to review in this one act.

    Whoever fills in and signs does both here; nobody else is asked to sign what is signed already.
    """
    permissions.demand(by, Permission.REPORT_SIGN)
    processes.hold(report)
    if report.state in DONE:
        raise AlreadySent(ALREADY_SENT)
    _expect(report, version)
    _demand_complete(report, reasons or {}, by)
    if report.state != ReportState.TO_SIGN:
        _hand_over(report, by)
    report.note_preparer(by)
    processes.complete(report, "sign", {"signature": "given"}, by=by)
    revision = report.latest
    if revision is None:
        raise RuntimeError("The report's process did not freeze a revision.")
    for person in {person.id: person for person in (by.person, *deviations.recipients(report.supplier_id))}.values():
        mail.write(person, "receipt", report.contract, report=report, revision=revision)
    return revision


def withhold(report: Report, comment: str, *, by: Membership, version: int) -> None:
    """The signatory sends the draft back to whoever fills it in, who is told what to change."""
    permissions.demand(by, Permission.REPORT_SIGN)
    _expect(report, version)
    if report.state != ReportState.TO_SIGN:
        raise ChangedSince(CHANGED_SINCE)
    if not comment.strip():
        raise Invalid(SAY_WHAT, (Problem("required", SAY_WHAT, "comment"),))
    report.move(report.edited_as, by=by, reason=comment.strip(), action="report.withheld")
    processes.complete(report, "sign", {"signature": "withheld"}, by=by)
    for person in accounts.people(report.supplier_id, Role.REPORTER):
        if person.id != by.person_id:
            mail.write(person, "given_back", report.contract, report=report, by=by.person, comment=comment.strip())


def _demand_complete(report: Report, reasons: Reasons, by: Membership) -> None:
    """Nothing may stand against the draft, and each warning must have its reason."""
    if not report.is_editable and report.state != ReportState.TO_SIGN:
        raise Refused(drafts.NOT_EDITABLE)
    found = summary(report)
    explanations.keep(report, reasons, warnings(report, found), by=by)
    if not found.is_ready:
        raise Invalid(NOT_READY, tuple(found.problems))
    lacking = explanations.lacking(warnings(report, found))
    if lacking:
        raise Invalid(NEEDS_REASONS, tuple(lacking))


def _hand_over(report: Report, by: Membership) -> None:
    if not report.is_editable:
        raise Refused(drafts.NOT_EDITABLE)
    report.note_preparer(by)
    report.move(ReportState.TO_SIGN, by=by)
    processes.complete(report, "fill_in", {}, by=by)


def _expect(report: Report, version: int) -> None:
    processes.hold(report)
    if report.version != version:
        raise ChangedSince(CHANGED_SINCE)


# -- asked by the process -----------------------------------------------------------------------------------------


def remind(*, report_id: int) -> dict[str, object]:
    """Tell those who fill in that the deadline is near."""
    report = lookup.by_number(Report, report_id)
    if not report.can_be_late or clock.now() > report.due_at or contract_days.is_beyond(report):
        return {}
    for person in accounts.people(report.supplier_id, Role.REPORTER, Role.SIGNATORY):
        mail.write(person, "reminder", report.contract, report=report)
    record(report, "report.reminded", by=None)
    return {}


def mark_overdue(*, report_id: int) -> dict[str, object]:
    """The deadline is past and no report, or no correction of it, is in: the duty to report is broken.

    Not while a request for more time holds the deadline, nor before the one in force: it may have been moved since the
    process began to wait.
    """
    report = lookup.by_number(Report, report_id)
    time_asked.end_unanswered(report)
    if contract_days.is_beyond(report):  # asked for no more
        return {}
    if not report.is_overdue or (report.overdue_at is not None and report.overdue_at >= report.due_at):
        return {}
    deadlines.note(report, overdue_at=clock.now())
    record(report, "report.overdue", by=None, due_at=report.due_at.isoformat())
    filings.note_missing(report)
    for person in deviations.recipients(report.supplier_id):
        mail.write(person, "overdue", report.contract, report=report)
    return {}


def escalate(*, report_id: int) -> dict[str, object]:
    """It is long overdue: tell the supplier's administrators, and the buyer's contract managers."""
    report = lookup.by_number(Report, report_id)
    if not report.is_overdue or contract_days.is_beyond(report):
        return {}
    for person in _in_charge(report):
        mail.write(person, "escalated", report.contract, report=report)
    record(report, "report.escalated", by=None)
    return {}


def set_deadline(*, report_id: int) -> dict[str, object]:
    """The deadline was moved: what the process is to know of the new one."""
    return deadlines.process_data(lookup.by_number(Report, report_id))


def _in_charge(report: Report) -> list[Person]:
    """Whoever answers for the report on each side; where nobody has the role, those who sign or administer."""
    supplier = accounts.people(report.supplier_id, Role.ADMINISTRATOR)
    buyer = accounts.people(report.buyer_id, Role.CONTRACT_MANAGER, about=report.contract_id)
    return [
        *(supplier or accounts.people(report.supplier_id, Role.SIGNATORY)),
        *(buyer or accounts.people(report.buyer_id, Role.ADMINISTRATOR, about=report.contract_id)),
    ]


# -- asked by the worker ----------------------------------------------------------------------------------------------


def overdue_unmarked() -> list[int]:
    """Reports whose deadline is past and that nothing has marked: no report may wait for a timer that never comes."""
    rows = select(Report.id).where(
        Report.due_at < clock.now(),
        Report.state.in_(WITH_SUPPLIER),
        Report.accepted_number.is_(None),
        not_held(),
        or_(Report.overdue_at.is_(None), Report.overdue_at < Report.due_at),
    )
    return list(db.session.scalars(rows.order_by(Report.id)))


def not_held() -> ColumnElement[bool]:
    """What no request for more time holds; the same as `Report.is_held` says of one."""
    return or_(Report.held_until.is_(None), Report.held_until < clock.now())


def catch_up(number: int) -> None:
    """Mark one report as overdue that no timer has marked. Safe to repeat."""
    report = db.session.get_one(Report, number)
    processes.hold(report)
    mark_overdue(report_id=number)
