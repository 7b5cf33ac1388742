"""What the case pages show: whose turn it is and until when, how letters arrived, what each party may see."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.model import (
    Deviation,
    DeviationState,
    HumanTask,
    Membership,
    Notice,
    NoticeStart,
    Organisation,
    Point,
    PointAnswer,
    Reply,
    Weighing,
)
from portal.model.cases import SETTLED
from portal.operations import processes
from portal.operations.cases import deviations, notices, replies, told
from portal.operations.reports import deliveries
from portal.web.words import short_day

_HEARD = frozenset({DeviationState.ASSESSING_REPLY, DeviationState.SANCTION_PROPOSED})


class Turn(NamedTuple):
    """Who has the ball, since when, and until when. `until` runs for the supplier only."""

    organisation: Organisation
    since: datetime | None
    until: datetime | None


def turn(deviation: Deviation, since: datetime | None = None) -> Turn | None:
    """Whose turn it is; None when the case is settled."""
    if deviation.state in SETTLED:
        return None
    is_suppliers = deviation.state == DeviationState.AWAITING_REPLY
    contract = deviation.contract
    return Turn(
        organisation=contract.supplier if is_suppliers else contract.buyer,
        since=since,
        until=deviation.reply_due_at if is_suppliers else None,
    )


def since(deviation: Deviation, task: HumanTask | None) -> datetime | None:
    """From when it has waited for whoever has it: for the buyer from the first day that the reply was assessed."""
    if deviation.state in _HEARD:
        return processes.first_opened(deviation, "assess_reply")
    return task.created_at if task else None


class Deadline(NamedTuple):
    """A deadline that runs, for whom, and who set it by which rule."""

    organisation: Organisation
    until: datetime
    rule: str


def deadline(deviation: Deviation, by: Membership) -> Deadline | None:
    """The deadline that runs now: the supplier's to reply, or the buyer's own to give notice, which only it sees."""
    contract = deviation.contract
    if deviation.state == DeviationState.AWAITING_REPLY and deviation.reply_due_at is not None:
        return Deadline(contract.supplier, deviation.reply_due_at, _reply_rule(deviation))
    is_buyer = by.organisation_id == deviation.buyer_id
    if deviation.state == DeviationState.FOUND and deviation.notice_due_at is not None and is_buyer:
        rule = ngettext(
            "The contract: notice within %(num)d working day of knowing, counted from %(known)s.",
            "The contract: notice within %(num)d working days of knowing, counted from %(known)s.",
            contract.notice_working_days or 0,
            known=short_day(deviation.known_at),
        )
        return Deadline(contract.buyer, deviation.notice_due_at, rule)
    return None


def _reply_rule(deviation: Deviation) -> str:
    extended = notices.granted(deviation)
    if extended and extended[-1].answered_by is not None and extended[-1].answered_at is not None:
        answered = extended[-1]
        return str(
            _(
                "More time, granted by %(name)s on %(day)s.",
                name=answered.answered_by.name if answered.answered_by else "",
                day=short_day(answered.answered_at) if answered.answered_at else "",
            )
        )
    notice = deviation.notices[-1]
    return str(
        ngettext(
            "Set by %(name)s: %(num)d working day from %(start)s, when the notice counts as given.",
            "Set by %(name)s: %(num)d working days from %(start)s, when the notice counts as given.",
            notice.reply_working_days,
            name=notice.sent_by.name,
            start=short_day(notice.takes_effect_at or notice.delivered_at or notice.created_at),
        )
    )


def starts(notice: Notice) -> str:
    """The rule by which a notice counts as given, in words."""
    if notice.starts == NoticeStart.OPENED:
        return str(_("When the representative, or where none is named somebody who may answer, first opens it"))
    if notice.starts == NoticeStart.DEEMED:
        days = notices.deemed_days(notice)
        return str(ngettext("%(num)d working day after it was sent", "%(num)d working days after it was sent", days))
    return str(_("When it is delivered"))


def at(noted: Mapping[str, str]) -> datetime:
    """The moment of something that was noted with others of its kind."""
    return datetime.fromisoformat(noted["at"])


def came_late(reply: Reply) -> bool:
    """Whether a reply came after the time for it."""
    return replies.came_late(reply)


def is_in_time(notice: Notice) -> bool | None:
    """Whether the buyer gave the notice in time; None when the contract sets no limit."""
    due_at = notice.deviation.notice_due_at
    return None if due_at is None else notice.created_at <= due_at


class ShownPoint(NamedTuple):
    """A point with what was said of it, as far as the reader may see it."""

    point: Point
    answers: Sequence[PointAnswer]
    weighings: Sequence[Weighing]
    is_outdated: bool
    """Whether it is to be weighed, or weighed anew because a reply has come since."""


def shown_points(deviation: Deviation, by: Membership) -> list[ShownPoint]:
    """The points of the notice; what they were found to be worth the supplier reads once it was told."""
    is_told = by.organisation_id == deviation.buyer_id or told.of_weighings(deviation)
    left = {point.id for point in deviations.unweighed(deviation)}
    return [
        ShownPoint(point, point.answers, point.weighings if is_told else (), point.id in left)
        for point in deviation.points
    ]


def delivered(how: str) -> str:
    """How a letter arrived, in the reader's language: what the portal noted, or what a person wrote."""
    by_mail, in_portal = (noted.format(address="") for noted in (deliveries.BY_MAIL, deliveries.IN_PORTAL))
    if how.startswith(by_mail):
        return str(_("by e-mail to %(address)s", address=how.removeprefix(by_mail)))
    if how.startswith(in_portal):
        return str(_("shown in the portal to %(address)s", address=how.removeprefix(in_portal)))
    opened = notices.OPENED_BY.format(name="")
    if how.startswith(opened):
        return str(_("opened in the portal by %(name)s", name=how.removeprefix(opened)))
    return how
