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
}

LOG = {"all": _("Everything"), "letters": _("Letters"), "decisions": _("Decisions")}
"""What of a case's log to show."""

SEVERITY = {
    "error": Tag(_("Error"), "danger"),
    "warning": Tag(_("Warning"), "warning"),
    "flag": Tag(_("For the reviewer"), "info"),
    "info": Tag(_("Note"), "neutral"),
}

EVENT = {
    "contract.added": _("The contract was registered"),
    "contract.clause_added": _("A sanction clause was added"),
    "contract.clause_changed": _("A sanction clause was changed"),
    "contract.clause_removed": _("A sanction clause was removed"),
    "contract.redacted": _("A version without trade secrets and names was taken out"),
    "contract.rate_added": _("A sanction clause got a new rate"),
    "contract.unit_changed": _("The contract got another unit"),
    "interest.declared": _("An interest was declared"),
    "interest.ended": _("A declared interest was ended"),
    "membership.limited": _("What a member sees was changed"),
    "unit.added": _("A unit was added"),
    "unit.renamed": _("A unit was renamed"),
    "contract.drafted": _("The contract was drafted"),
    "contract.edited": _("Facts of the contract were changed"),
    "contract.site_added": _("A site was added"),
    "contract.site_removed": _("A site was removed"),
    "contract.representative_named": _("A representative was named"),
    "contract.representative_ended": _("A representative ended"),
    "contract.figure_planned": _("A planned figure was noted"),
    "contract.figure_removed": _("A planned figure was removed"),
    "contract.changed": _("A change order was noted"),
    "contract.running": _("The contract runs"),
    "contract.paused": _("The contract was paused"),
    "contract.completed": _("The work was handed over"),
    "contract.closed": _("The contract was closed"),
    "contract_import.uploaded": _("A workbook of contracts was uploaded"),
    "contract_import.stored": _("Drafts were made of a workbook"),
    "identity.connected": _("A way to sign in was connected"),
    "identity.disconnected": _("A way to sign in was disconnected"),
    "organisation.domains_changed": _("The e-mail domains were changed"),
    "membership.roles_withheld": _("A member who sees some contracts only was not made administrator"),
    "membership.roles_kept": _("A role stayed with a member, for nobody else has it"),
    "membership.roles_replaced": _("Roles were replaced by the organisation's own directory"),
    "program.added": _("A program was let in"),
    "program.ended": _("A program was shut out"),
    "report.opened": _("The period opened"),
    "report.draft": _("The report was started"),
    "report.to_sign": _("The report was made ready to sign"),
    "report.withheld": _("The signatory gave the report back"),
    "report.submitted": _("The report was signed and submitted"),
    "report.returned": _("The report was returned for correction"),
    "report.rejected": _("The report was rejected"),
    "report.approved": _("The report was approved"),
    "report.amending": _("The supplier proposed an amendment"),
    "report.amendment_dropped": _("The supplier dropped the amendment"),
    "report.amendment_refused": _("The amendment was not accepted"),
    "report.explained": _("Warnings were given reasons"),
    "report.withdrawn": _("The supplier withdrew the report"),
    "report.reminded": _("A reminder was sent"),
    "report.overdue": _("The report was overdue"),
    "report.escalated": _("Those in charge were told that the report is missing"),
    "report.chased": _("The buyer sent a reminder"),
    "report.period_changed": _("The period was given other days"),
    "report.spared": _("The period was spared: nothing is to be reported"),
    "report.taken_up": _("The period is to be reported on after all"),
    "extension.asked": _("The supplier asked for more time"),
    "extension.granted": _("The buyer gave more time"),
    "extension.refused": _("The buyer gave no more time"),
    "extension.lapsed": _("The request for more time was not needed any more"),
    "extension.unanswered": _("Nobody answered the request for more time"),
    "extension.chased": _("The buyer was reminded of the request for more time"),
    "review.begun": _("The review began"),
    "review.late": _("The review was late, and the reviewers were reminded"),
    "draft.secrets_marked": _("Trade secrets were marked"),
    "draft.saved": _("The draft was saved"),
    "comment.added": _("A comment was written"),
    "comment.changed": _("A comment was changed"),
    "comment.removed": _("A comment was removed"),
    "comment.set_aside": _("A colleague's comment was set aside"),
    "comment.answered": _("A question was answered"),
    "evidence.added": _("A file was put beside a figure"),
    "evidence.removed": _("A file was taken away from a figure"),
    "window.judged": _("The window closed, and was judged"),
    "plan.noted": _("The figures of the approved plan were noted"),
    "requirement.added": _("A requirement was added"),
    "requirement.changed": _("A requirement was changed"),
    "requirement.ended": _("A requirement was ended"),
    "requirement.removed": _("A requirement was removed"),
    "deviation.found": _("The deviation was found"),
    "deviation.assessed_again": _("The deviation was assessed again"),
    "deviation.confirmed": _("An amended report was approved, and the breach is as it was"),
    "deviation.found_anew": _("It was found anew, and is a new case"),
    "deviation.put_right": _("The last day of the breach was noted"),
    "deviation.not_put_right": _("The figures no longer say when the breach ended"),
    "deviation.fell_away": _("The deviation fell away"),
    "deviation.notice_warned": _("The buyer was warned that the time to give notice is nearly over"),
    "deviation.notice_withdrawn": _("The notice was taken back"),
    "deviation.reply_extended": _("The supplier got more time to reply"),
    "deviation.not_found_again": _("An amended report was approved, and the breach is not in it"),
    "deviation.report_came_late": _("The report came, late"),
    "deviation.notified": _("The notice was sent"),
    "deviation.awaiting_reply": _("The supplier's time to reply began"),
    "deviation.assessing_reply": _("The time to reply was over, or the reply came"),
    "deviation.sanction_proposed": _("A sanction was proposed"),
    "deviation.dismissed": _("The deviation was dismissed"),
    "deviation.closed": _("The case was closed"),
    "notice.written": _("The notice was written"),
    "notice.delivered": _("The notice was delivered"),
    "notice.opened": _("The notice was opened by the supplier for the first time"),
    "notice.seen": _("Somebody else at the supplier saw the notice"),
    "notice.served": _("The notice was delivered otherwise than by e-mail"),
    "notice.reminded": _("The supplier was reminded of the deadline to reply"),
    "point.weighed": _("A point was weighed"),
    "reply.complete": _("The supplier replied, and has nothing more to add"),
    "reply.late": _("The supplier replied after the deadline"),
    "reply.received": _("The supplier replied"),
    "sanction.proposed": _("A sanction was proposed"),
    "sanction.calculated": _("The amount was calculated"),
    "sanction.sent_back": _("The proposal was sent back"),
    "sanction.decided": _("The sanction was decided"),
    "sanction.delivered": _("The decision was delivered"),
    "sanction.delivery_told": _("The buyer said how the decision was delivered"),
    "sanction.closed": _("The sanction was closed"),
    "sanction.withdrawn": _("The proposal was withdrawn"),
    "sanction.refused": _("The proposal had no ground"),
    "import.uploaded": _("A workbook was uploaded"),
    "import.foreign": _("A workbook of another company was uploaded and refused"),
    "import.read_again": _("The workbook was compared with the draft again"),
    "import.stored": _("The workbook was stored in the draft"),
    "machine.registered": _("The machine was registered"),
    "machine.deployed": _("The machine was put to work"),
    "machine.departed": _("The machine left"),
    "organisation.added": _("The organisation was registered"),
    "membership.added": _("A member was added"),
    "membership.roles_changed": _("A member got other roles"),
    "membership.handed_over": _("What waited for a member went to another"),
    "membership.ended": _("A member left"),
    "group.joined": _("A group's head reads the contracts from now on"),
    "group.left": _("A group's head reads the contracts no longer"),
    "substitution.added": _("A substitute was named"),
    "substitution.ended": _("A substitute stands in no longer"),
    "invitation.sent": _("An invitation was sent"),
    "invitation.resent": _("An invitation was sent again"),
    "invitation.withdrawn": _("An invitation was taken back"),
    "invitation.accepted": _("An invitation was accepted"),
    "membership.erased": _("A member was erased"),
    "person.password_changed": _("A person changed their password"),
    "person.password_reset": _("A person chose a new password by a letter"),
    "person.mail_returned": _("A letter to a person came back"),
    "person.email_changed": _("A person got another e-mail"),
    "passkey.added": _("A person added a passkey"),
    "passkey.removed": _("A person removed a passkey"),
    "second_factor.added": _("A person set up codes from an app"),
    "second_factor.removed": _("A person stopped using codes from an app"),
    "second_factor.reset": _("The operator removed a person's app for codes"),
    "second_factor.recovery_codes": _("A person made new recovery codes"),
}
"""Audit action -> words. A test holds this against every action the operations record."""


def method(code: str) -> LazyString | str:
    """How somebody came in, in words."""
    return METHOD.get(code, code)


def roles_of(membership: Membership) -> str:
    """The roles of a membership in words."""
    return in_words(membership.roles)


def in_words(roles: Collection[Role]) -> str:
    """Roles in words."""
    return ", ".join(str(ROLE[role]) for role in Role if role in roles)
