"""The table: what a diagram may ask for, by dotted name, and the operation that answers.

A case keeps the diagram that it began with, so a name that was ever shipped stays, wherever its operation moves to.
"""

from collections.abc import Callable, Mapping

from portal.operations.cases import breaches, deviations, notices, replies, sanctions
from portal.operations.reports import amendments, reports, reviews, revisions, withdrawals

SERVICE_TASKS: dict[str, Callable[..., Mapping[str, object] | None]] = {
    "amendments.put_aside": amendments.put_aside,
    "amendments.refuse": amendments.refuse,
    "deviations.close": deviations.close_deviation,
    "deviations.dismiss": deviations.dismiss_deviation,
    "deviations.fall_away": deviations.fall_away,
    "deviations.note_no_reply": replies.note_no_reply,
    "deviations.open_for_breaches": breaches.open_for_breaches,
    "deviations.propose_sanction": sanctions.propose_sanction,
    "deviations.reopen_assessment": sanctions.reopen_assessment,
    "deviations.send_notice": notices.send_notice,
    "deviations.start_reply_period": notices.start_reply_period,
    "notices.extend": notices.extend,
    "notices.remind": notices.remind,
    "notices.warn": notices.warn,
    "reports.approve": reviews.approve,
    "reports.check": revisions.check,
    "reports.compute": revisions.compute,
    "reports.escalate": reports.escalate,
    "reports.freeze": revisions.freeze,
    "reports.mark_overdue": reports.mark_overdue,
    "reports.reject": reviews.reject,
    "reports.remind": reports.remind,
    "reports.send_back": reviews.send_back,
    "reports.set_deadline": reports.set_deadline,
    "reviews.plan": reviews.plan,
    "reviews.remind": reviews.remind,
    "sanctions.calculate": sanctions.calculate,
    "sanctions.close": sanctions.close,
    "sanctions.decide": sanctions.decide_sanction,
    "sanctions.ground": sanctions.ground,
    "sanctions.refuse": sanctions.refuse_sanction,
    "sanctions.send_decision": sanctions.send_decision,
    "sanctions.withdraw": sanctions.withdraw_sanction,
    "withdrawals.take_back": withdrawals.take_back,
}
