"""Codes in words: states, steps, decisions, roles. Codes are stored, words are translated, here and nowhere else."""

from collections.abc import Collection
from typing import NamedTuple

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from portal.model import (
    Answer,
    AttemptKind,
    Cause,
    ClauseCounts,
    CommentCategory,
    Comparison,
    ContractState,
    Decision,
    DeviationState,
    ExtensionState,
    FigureOrigin,
    FindingResult,
    ImportState,
    ImportStep,
    InvitationState,
    MailState,
    Membership,
    ReportState,
    Role,
    RulingState,
    SanctionState,
    Stance,
    Verdict,
    Window,
)
from portal.operations.people.staffing import Post
from portal.operations.reports.chasing import WhyNot
from portal.operations.reports.review_queue import Why
from portal.reach import Sight


class Tag(NamedTuple):
    """A state in words, with the tone of its tag."""

    label: LazyString
    tone: str = "neutral"


CONTRACT = {
    ContractState.DRAFT: Tag(_("Draft"), "plain"),
    ContractState.RUNNING: Tag(_("Running"), "success"),
    ContractState.PAUSED: Tag(_("Paused"), "warning"),
    ContractState.COMPLETED: Tag(_("Handed over"), "info"),
    ContractState.CLOSED: Tag(_("Closed"), "plain"),
}
CONTRACT_ACT = {
    "pause": _("Pause the contract"),
    "resume": _("Resume the contract"),
    "complete": _("Note the handover"),
    "reopen": _("Take the handover back"),
    "close": _("Close the contract"),
    "discard": _("Delete the draft"),
}
ORIGIN = {
    FigureOrigin.BID: _("Bid"),
    FigureOrigin.PLAN: _("Plan"),
    FigureOrigin.BUDGET: _("Climate budget"),
}
SCHEME = {
    "doffin": _("Doffin"),
    "ted": _("TED"),
    "procedure": _("Procedure ID"),
    "case": _("Case number"),
}

REPORT = {
    ReportState.OPEN: Tag(_("Not started"), "plain"),
    ReportState.DRAFT: Tag(_("In progress"), "info"),
    ReportState.TO_SIGN: Tag(_("Ready to sign"), "info"),
    ReportState.SUBMITTED: Tag(_("In review"), "info"),
    ReportState.RETURNED: Tag(_("Returned for correction"), "warning"),
    ReportState.REJECTED: Tag(_("Rejected"), "danger"),
    ReportState.APPROVED: Tag(_("Approved"), "success"),
    ReportState.AMENDING: Tag(_("Being amended"), "info"),
    ReportState.SPARED: Tag(_("Nothing to report"), "plain"),
}
REVISION = {
    "withdrawn": Tag(_("Withdrawn"), "plain"),
    "in_force": Tag(_("Approved, in force"), "success"),
    "approve": Tag(_("Approved, amended since"), "plain"),
    "return": Tag(_("Returned for correction"), "warning"),
    "reject": Tag(_("Not accepted"), "danger"),
    "": Tag(_("In review"), "info"),
}
"""What became of a signed revision."""
OVERDUE = Tag(_("Overdue"), "danger")

EXTENSION = {
    ExtensionState.ASKED: Tag(_("More time asked for"), "info"),
    ExtensionState.GRANTED: Tag(_("More time given"), "success"),
    ExtensionState.REFUSED: Tag(_("No more time given"), "warning"),
    ExtensionState.LAPSED: Tag(_("Not needed any more"), "plain"),
    ExtensionState.UNANSWERED: Tag(_("Not answered in time"), "warning"),
}

NOT_REMINDED = {
    WhyNot.TODAY: _("They were told of the deadline today already"),
    WhyNot.ASKED: _("They have asked for more time, and you have not answered"),
    WhyNot.GRANTED: _("They have been given more time"),
    WhyNot.FILED: _("The report has come"),
    WhyNot.BEYOND: _("It is about days after the contract's last one, and is asked for no more"),
    WhyNot.NOBODY: _("The supplier has nobody who fills in or signs"),
}

DEVIATION = {
    DeviationState.FOUND: Tag(_("To be assessed"), "warning"),
    DeviationState.NOTIFIED: Tag(_("Notice sent"), "info"),
    DeviationState.AWAITING_REPLY: Tag(_("Waiting for the supplier's reply"), "info"),
    DeviationState.ASSESSING_REPLY: Tag(_("Reply to be assessed"), "warning"),
    DeviationState.SANCTION_PROPOSED: Tag(_("Sanction proposed"), "danger"),
    DeviationState.DISMISSED: Tag(_("Dismissed"), "plain"),
    DeviationState.FELL_AWAY: Tag(_("Fell away"), "plain"),
    DeviationState.CLOSED: Tag(_("Closed"), "plain"),
}

STANCE = {
    Stance.AGREES: _("We agree"),
    Stance.PARTLY: _("We agree in part"),
    Stance.DISAGREES: _("We do not agree"),
}

STANCE_SAID = {
    Stance.AGREES: Tag(_("Agrees"), "info"),
    Stance.PARTLY: Tag(_("Agrees in part"), "info"),
    Stance.DISAGREES: Tag(_("Does not agree"), "warning"),
}
"""The supplier's stance, told to others."""

VERDICT = {
    Verdict.UPHELD: _("Upheld"),
    Verdict.PARTLY: _("Upheld in part"),
    Verdict.DROPPED: _("Not upheld"),
}

RULING = {
    RulingState.UPHELD: Tag(_("The mark stands"), "plain"),
    RulingState.LIFTED: Tag(_("The mark is lifted"), "warning"),
    RulingState.OBJECTED: Tag(_("The supplier has objected"), "info"),
}

SANCTION = {
    SanctionState.PROPOSED: Tag(_("Proposed"), "warning"),
    SanctionState.SENT_BACK: Tag(_("Sent back"), "warning"),
    SanctionState.DECIDED: Tag(_("Decided"), "danger"),
    SanctionState.DELIVERED: Tag(_("Delivered"), "danger"),
    SanctionState.CLOSED: Tag(_("Decided and delivered"), "danger"),
    SanctionState.WITHDRAWN: Tag(_("Withdrawn"), "plain"),
    SanctionState.REFUSED: Tag(_("No ground"), "plain"),
}

FINDING = {
    FindingResult.MET: Tag(_("Met"), "success"),
    FindingResult.BROKEN: Tag(_("Broken"), "danger"),
    FindingResult.UNKNOWN: Tag(_("Cannot be judged"), "warning"),
    FindingResult.ON_COURSE: Tag(_("On course"), "info"),
    FindingResult.BEHIND: Tag(_("Behind"), "warning"),
}
GRAVEST_FIRST = (
    FindingResult.BROKEN,
    FindingResult.BEHIND,
    FindingResult.UNKNOWN,
    FindingResult.ON_COURSE,
    FindingResult.MET,
)
"""The order in which results are shown."""

MAIL = {
    MailState.QUEUED: Tag(_("Waiting to be sent"), "info"),
    MailState.SENT: Tag(_("Sent"), "success"),
    MailState.KEPT: Tag(_("Shown here only"), "plain"),
    MailState.FAILED: Tag(_("Could not be delivered"), "danger"),
}

IMPORT = {
    ImportState.WAITING: Tag(_("Being read"), "info"),
    ImportState.READY: Tag(_("Ready to be stored"), "info"),
    ImportState.FAULTY: Tag(_("Some rows are wrong"), "warning"),
    ImportState.REFUSED: Tag(_("Refused"), "danger"),
    ImportState.STORED: Tag(_("Stored in the draft"), "success"),
}

IMPORT_STEP = {
    ImportStep.QUEUED: _("The file is received and waits for its turn"),
    ImportStep.OPENING: _("The file is opened and checked"),
    ImportStep.CHECKING: _("The rows are checked"),
    ImportStep.COMPARING: _("The rows are compared with the draft"),
}

ROLE = {
    Role.REPORTER: _("reporter"),
    Role.SIGNATORY: _("signatory"),
    Role.REVIEWER: _("reviewer"),
    Role.DECISION_MAKER: _("decision-maker"),
    Role.ADMINISTRATOR: _("administrator"),
    Role.CONTRACT_MANAGER: _("contract manager"),
    Role.READER: _("reader"),
    Role.AUDITOR: _("auditor"),
}

INVITATION = {
    InvitationState.WAITING: Tag(_("Invited"), "info"),
    InvitationState.LAPSED: Tag(_("Invitation ran out"), "warning"),
    InvitationState.WITHDRAWN: Tag(_("Taken back"), "plain"),
    InvitationState.ACCEPTED: Tag(_("Accepted"), "plain"),
}

METHOD = {
    "password": _("Password"),
    "code": _("Password and a code from an app"),
    "recovery_code": _("Password and a recovery code"),
    "set_up_code": _("Password and a set-up code"),
    "passkey": _("Passkey"),
    "provider": _("Another service that you sign in with"),
    "persona": _("One click, in the demo"),
}
"""How somebody came in."""

ATTEMPT = {
    AttemptKind.SIGN_IN: _("Sign-in"),
    AttemptKind.SECOND_FACTOR: _("Code after the password"),
    AttemptKind.RESET: _("A new password was asked for"),
    AttemptKind.NEW_EMAIL: _("A new e-mail was asked for"),
}

CAUSE = {
    Cause.REQUIREMENT_BROKEN: _("Requirement broken"),
    Cause.REPORT_MISSING: _("Report missing"),
    Cause.REPORT_LATE: _("Report late"),
    Cause.NOT_ACCEPTED: _("Report not accepted"),
}

DECISION = {
    Decision.APPROVE: _("Approve"),
    Decision.RETURN: _("Return for correction"),
    Decision.REJECT: _("Reject"),
}

COMMENT = {
    CommentCategory.MUST: Tag(_("Must be corrected"), "warning"),
    CommentCategory.QUESTION: Tag(_("Question"), "info"),
    CommentCategory.INTERNAL: Tag(_("Internal note"), "neutral"),
}

WHY = {
    Why.NEW: _("New"),
    Why.CORRECTED: _("Corrected"),
    Why.BREACH: _("Requirement broken"),
    Why.UNSEEN: _("Not opened yet"),
}

COMPARE = {
    "period": _("Last period"),
    "revision": _("Last revision"),
    "original": _("Original"),
}

COMPARISON = {Comparison.AT_LEAST: _("at least"), Comparison.AT_MOST: _("at most")}

WINDOW = {
    Window.PERIOD: _("each period by itself"),
    Window.YEAR: _("each calendar year"),
    Window.RUNNING: _("all so far, at the end of each period"),
    Window.WHOLE: _("the whole contract, at handover"),
}

ANSWER = {Answer.FILLED: _("Filled in"), Answer.NOTHING: _("Nothing to report")}

COUNTS = {ClauseCounts.PERIOD: _("per period"), ClauseCounts.LINE: _("per line in breach")}

TASK = {
    "fill_in": _("Fill in the report"),
    "sign": _("Sign and send the report"),
    "review": _("Review the report"),
    "assess": _("Assess the deviation"),
    "confirm_delivery": _("See to it that the notice arrives"),
    "reply": _("Reply to the notice"),
    "assess_reply": _("Assess the reply"),
    "approve_sanction": _("Decide on the sanction"),
    "revise": _("Revise the proposed sanction"),
    "confirm_decision_delivery": _("See to it that the decision arrives"),
}
"""User task -> the verb in the work list."""

CASE_FORM = {
    "dismiss": _("Dismiss the deviation"),
    "notice": _("Send the notice"),
    "delivery": TASK["confirm_delivery"],
    "withdraw": _("Take the notice back"),
    "reply": TASK["reply"],
    "weigh": TASK["assess_reply"],
    "close": _("Close the case"),
    "propose": _("Propose a sanction"),
    "decide": TASK["approve_sanction"],
    "revise": TASK["revise"],
    "decision_delivery": TASK["confirm_decision_delivery"],
}
"""Form of a case's page -> what it is for, when it is refused."""

POST = {
    Post.REVIEW: _("Review the reports"),
    Post.PREPARE: _("Follow up deviations"),
    Post.DECIDE: _("Decide on sanctions"),
}
"""What somebody at the buyer must be able to do on a contract."""

SIGHT = {
    Sight.ALL: _("Every contract"),
    Sight.UNIT: _("The contracts of a unit"),
    Sight.NAMED: _("Named contracts only"),
    Sight.CASE: _("One case only"),
}

LOG = {"all": _("Everything"), "letters": _("Letters"), "decisions": _("Decisions")}
"""What of a case's log to show."""

SEVERITY = {
    "error": Tag(_("Error"), "danger"),
    "warning": Tag(_("Warning"), "warning"),
    "flag": Tag(_("For the reviewer"), "info"),
    "info": Tag(_("Note"), "neutral"),
}


def method(code: str) -> LazyString | str:
    """How somebody came in, in words."""
    return METHOD.get(code, code)


def roles_of(membership: Membership) -> str:
    """The roles of a membership in words."""
    return in_words(membership.roles)


def in_words(roles: Collection[Role]) -> str:
    """Roles in words."""
    return ", ".join(str(ROLE[role]) for role in Role if role in roles)
