"""report.bpmn: every flow, each loop none, once and twice, each deadline kept and missed, restored between steps."""

from collections.abc import Callable, Mapping

import pytest

from portal import clock
from portal.workflow import Instance
from tests.unit.workflow_driver import MORNING, Drive, iso

FREEZE = ["reports.freeze", "reports.compute", "reports.check"]
APPROVE = ["reports.approve", "deviations.open_for_breaches"]
SPOTLESS = {"breaches": 0, "warnings": 0, "unattended_allowed": True}
WARNED = {"breaches": 0, "warnings": 1, "unattended_allowed": True}
AGAIN = {"remind_at": iso(20), "due_at": iso(30), "missed_at": iso(30), "escalate_at": iso(37), "begin_at": "fill_in"}


def report(
    check: Mapping[str, object] = WARNED, *, begin_at: str = "fill_in", moved: Mapping[str, object] = AGAIN
) -> Drive:
    start = {
        "report_id": 1,
        "due_at": iso(10),
        "remind_at": iso(5),
        "missed_at": iso(10),
        "escalate_at": iso(17),
        "begin_at": begin_at,
    }
    planned = {"review_due_at": iso(15)}
    return Drive(
        "report",
        start,
        reports__check=check,
        reviews__plan=planned,
        reports__send_back=AGAIN,
        reports__set_deadline=moved,
        reports__reject=AGAIN,
        withdrawals__take_back=AGAIN,
    )


def submit(drive: Drive) -> None:
    drive.do("fill_in")
    drive.do("sign", signature="given")


def approve(drive: Drive) -> None:
    assert drive.open == ["review"]
    drive.do("review", decision="approve", actor_id=9)
    assert drive.called()[-2:] == APPROVE
    assert (drive.instance.is_complete, drive.instance.ended_at) == (True, "report_approved")
    assert drive.instance.due_at is None


def spotless_is_approved_without_a_person() -> Drive:
    drive = report(SPOTLESS)
    submit(drive)
    approved = dict(drive.calls)["reports.approve"]
    assert approved == {"report_id": 1, "actor_id": None}, "nobody reviewed, so nobody's name may stand on it"
    assert drive.called() == FREEZE + APPROVE
    assert drive.instance.ended_at == "report_approved"
    return drive


def reviewed_and_approved() -> Drive:
    drive = report()
    submit(drive)
    assert drive.calls[0] == ("reports.freeze", {"report_id": 1, "actor_id": 7})
    assert drive.calls[3] == ("reviews.plan", {"report_id": 1, "review_days": 10})
    drive.do("review", decision="approve", actor_id=9)
    assert ("reports.approve", {"report_id": 1, "actor_id": 9}) in drive.calls
    approve_calls = drive.called()
    assert approve_calls[-2:] == APPROVE
    return drive


def breach_is_reviewed_soon() -> Drive:
    drive = report({"breaches": 2, "warnings": 1, "unattended_allowed": True})
    submit(drive)
    assert drive.calls[3] == ("reviews.plan", {"report_id": 1, "review_days": 5})
    approve(drive)
    return drive


def signature_withheld(times: int) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = report()
        for _ in range(times):
            drive.do("fill_in")
            drive.do("sign", signature="withheld")
            assert (drive.open, drive.called()) == (["fill_in"], [])
        submit(drive)
        approve(drive)
        return drive

    return scenario


def sent_back(decision: str, service: str, times: int) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = report()
        for _ in range(times):
            submit(drive)
            drive.do("review", decision=decision, actor_id=9)
            assert drive.calls[-1] == (service, {"report_id": 1, "actor_id": 9})
            assert drive.open == ["fill_in"]
            assert drive.instance.data["due_at"] == iso(30), "the new deadline replaces the old one"
            assert (drive.instance.due_at or MORNING).isoformat() == iso(20)
            assert not drive.wait(0)
        submit(drive)
        approve(drive)
        return drive

    return scenario


def withdrawn(times: int) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = report()
        for _ in range(times):
            submit(drive)
            assert drive.message("report_withdrawn", actor_id=8)
            assert drive.calls[-1] == ("withdrawals.take_back", {"report_id": 1, "actor_id": 8})
            assert drive.open == ["fill_in"]
            assert drive.instance.data["due_at"] == iso(30), "the new deadline replaces the old one"
            assert (drive.instance.due_at or MORNING).isoformat() == iso(20), "the review's deadline is gone"
        submit(drive)
        approve(drive)
        return drive

    return scenario


def withdrawn_and_then_overdue() -> Drive:
    drive = report()
    submit(drive)
    assert drive.message("report_withdrawn", actor_id=8)
    drive.called()
    assert (drive.wait(20), drive.called()) == (True, ["reports.remind"])
    assert (drive.wait(10), drive.called()) == (True, ["reports.mark_overdue"])
    submit(drive)
    approve(drive)
    return drive


def nobody_withdraws_what_is_not_under_review() -> Drive:
    drive = report()
    assert not drive.message("report_withdrawn", actor_id=8)
    drive.do("fill_in")
    assert not drive.message("report_withdrawn", actor_id=8)
    assert drive.open == ["sign"]
    drive.do("sign", signature="given")
    assert drive.wait(15), "a late review is still one that nobody may have begun"
    assert drive.message("report_withdrawn", actor_id=8)
    submit(drive)
    drive.do("review", decision="approve", actor_id=9)
    assert not drive.message("report_withdrawn", actor_id=8)
    return drive


def reminded_and_overdue() -> Drive:
    drive = report()
    assert not drive.wait(4.99)
    assert (drive.wait(0.01), drive.called()) == (True, ["reports.remind"])
    assert not drive.wait(1), "a reminder is sent once"
    drive.do("fill_in")
    assert (drive.wait(4), drive.called()) == (True, ["reports.mark_overdue"])
    assert (drive.open, (drive.instance.due_at or MORNING).isoformat()) == (["sign"], iso(17)), "only the escalation"
    drive.do("sign", signature="given")
    approve(drive)
    return drive


def deadlines_kept() -> Drive:
    drive = report()
    submit(drive)
    assert (drive.instance.due_at or MORNING).isoformat() == iso(15), "only the review has a deadline now"
    assert not drive.wait(11)
    assert "reports.remind" not in drive.called()
    approve(drive)
    return drive


def reminded_again_after_a_return() -> Drive:
    drive = report()
    assert drive.wait(6)
    submit(drive)
    drive.do("review", decision="return")
    assert drive.called()[-1] == "reports.send_back"
    assert (drive.wait(15), drive.called()) == (True, ["reports.remind"])
    assert (drive.wait(10), drive.called()) == (True, ["reports.mark_overdue"])
    submit(drive)
    approve(drive)
    return drive


def moved(times: int, step: str) -> Callable[[], Drive]:
    """The deadline is moved so many times while the report waits at a step, and the work goes on there."""

    def scenario() -> Drive:
        drive = report(moved={**AGAIN, "begin_at": step})
        if step == "sign":
            drive.do("fill_in")
        for _ in range(times):
            assert drive.message("deadline_moved")
            assert drive.called() == ["reports.set_deadline"]
            assert drive.open == [step], "nobody has to do anything again"
            assert drive.instance.data["due_at"] == iso(30)
            assert (drive.instance.due_at or MORNING).isoformat() == iso(20)
        if times:
            assert not drive.wait(19), "the old reminder, deadline and escalation are gone"
            assert (drive.wait(1), drive.called()) == (True, ["reports.remind"])
            assert (drive.wait(10), drive.called()) == (True, ["reports.mark_overdue"])
        drive.do("sign", signature="given") if step == "sign" else submit(drive)
        approve(drive)
        return drive

    return scenario


def moved_after_the_deadline() -> Drive:
    drive = report()
    assert drive.wait(10)
    assert drive.called() == ["reports.remind", "reports.mark_overdue"]
    assert drive.message("deadline_moved")
    drive.called()
    assert not drive.wait(8), "the escalation of the old deadline is gone"
    assert (drive.wait(2), drive.called()) == (True, ["reports.remind"])
    assert (drive.wait(10), drive.called()) == (True, ["reports.mark_overdue"])
    submit(drive)
    approve(drive)
    return drive


def no_reminder_where_it_would_come_too_late() -> Drive:
    drive = report(moved={**AGAIN, "remind_at": ""})
    assert drive.message("deadline_moved")
    drive.called()
    assert not drive.wait(29)
    assert (drive.wait(1), drive.called()) == (True, ["reports.mark_overdue"])
    submit(drive)
    approve(drive)
    return drive


def begun_at_the_signature() -> Drive:
    drive = report(begin_at="sign")
    assert drive.open == ["sign"]
    drive.do("sign", signature="withheld")
    assert drive.open == ["fill_in"]
    submit(drive)
    approve(drive)
    return drive


def nobody_moves_what_was_submitted() -> Drive:
    drive = report()
    submit(drive)
    assert not drive.message("deadline_moved")
    assert not drive.message("period_spared")
    assert drive.open == ["review"]
    approve(drive)
    return drive


def not_missed_while_the_buyer_has_to_answer() -> Drive:
    drive = report()
    with clock.at(drive.now):
        drive.instance.change({"missed_at": "", "escalate_at": ""})
    drive.instance = drive.restored()
    assert (drive.wait(30), drive.called()) == (True, ["reports.remind"])
    assert drive.message("deadline_moved")
    drive.called()
    assert (drive.wait(0.01), drive.wait(7), drive.called()) == (False, True, ["reports.escalate"])
    submit(drive)
    approve(drive)
    return drive


def escalated() -> Drive:
    drive = report()
    assert drive.wait(10)
    drive.called()
    assert not drive.wait(6.99)
    assert (drive.wait(0.01), drive.called()) == (True, ["reports.escalate"])
    assert not drive.wait(30), "once"
    submit(drive)
    approve(drive)
    return drive


def filed_before_the_escalation() -> Drive:
    drive = report()
    assert drive.wait(10)
    submit(drive)
    drive.called()
    assert (drive.wait(8), drive.called()) == (True, ["reviews.remind"])
    approve(drive)
    return drive


def spared(*steps: str) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = report()
        for step in steps:
            drive.do(step)
        assert drive.message("period_spared")
        assert (drive.open, drive.called(), drive.instance.due_at) == ([], [], None)
        assert drive.instance.ended_at == "nothing_to_report"
        return drive

    return scenario


def review_late() -> Drive:
    drive = report()
    submit(drive)
    assert not drive.wait(14)
    assert drive.called() == [*FREEZE, "reviews.plan"]
    assert (drive.wait(1), drive.called()) == (True, ["reviews.remind"])
    assert drive.open == ["review"], "a late review is still a review"
    approve(drive)
    return drive


SCENARIOS = {
    "approved without a person": spotless_is_approved_without_a_person,
    "reviewed and approved": reviewed_and_approved,
    "a breach is reviewed soon": breach_is_reviewed_soon,
    **{f"signature withheld {times} times": signature_withheld(times) for times in range(3)},
    **{f"returned {times} times": sent_back("return", "reports.send_back", times) for times in range(3)},
    **{f"rejected {times} times": sent_back("reject", "reports.reject", times) for times in range(3)},
    **{f"withdrawn {times} times": withdrawn(times) for times in range(3)},
    "withdrawn and then overdue": withdrawn_and_then_overdue,
    "withdrawn only under review": nobody_withdraws_what_is_not_under_review,
    "reminded and overdue": reminded_and_overdue,
    "deadlines kept": deadlines_kept,
    "reminded again after a return": reminded_again_after_a_return,
    "review late": review_late,
    **{
        f"moved {times} times while {step} waits": moved(times, step)
        for times in range(3)
        for step in ("fill_in", "sign")
    },
    "moved after the deadline": moved_after_the_deadline,
    "no reminder where it would come too late": no_reminder_where_it_would_come_too_late,
    "begun at the signature": begun_at_the_signature,
    "moved only with the supplier": nobody_moves_what_was_submitted,
    "not missed while the buyer has to answer": not_missed_while_the_buyer_has_to_answer,
    "escalated": escalated,
    "filed before the escalation": filed_before_the_escalation,
    "spared": spared(),
    "spared when it waits for a signature": spared("fill_in"),
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_report(scenario: Callable[[], Drive]) -> None:
    assert scenario().instance.is_complete


def test_returned_report_shows_what_is_behind_it_and_what_lies_ahead_again() -> None:
    drive = report()
    submit(drive)
    reviewing = drive.instance.states()
    assert (reviewing["sign"], reviewing["review"], reviewing["review_late"]) == ("done", "active", "waiting")
    drive.do("review", decision="return")
    back = drive.instance.states()
    assert {element for element, state in back.items() if state == "active"} == {"prepare", "fill_in"}
    waiting = {element for element, state in back.items() if state == "waiting"}
    assert waiting == {"reminder_due", "period_overdue", "long_overdue", "deadline_moved", "period_spared"}
    assert back["period_opened"] == "done"
    assert not {"sign", "freeze_revision", "review", "return_report"} & back.keys(), "they are to be done again"


def _size(instance: Instance) -> int:
    return len(instance.dump())


@pytest.mark.parametrize("reminder", [False, True], ids=["without reminders", "with reminders at first"])
def test_sixty_returns_leave_the_state_as_small_as_one(reminder: bool) -> None:
    drive = report()
    drive.wait(12 if reminder else 0)
    sizes = []
    for _ in range(60):
        submit(drive)
        drive.do("review", decision="return")
        sizes.append(_size(drive.instance))
    assert max(sizes[1:]) - min(sizes[1:]) < 100, "identifiers and times compress a little differently each time"
    submit(drive)
    approve(drive)


def test_sixty_withdrawals_leave_the_state_as_small_as_one() -> None:
    drive = report()
    sizes = []
    for _ in range(60):
        submit(drive)
        assert drive.message("report_withdrawn", actor_id=8)
        sizes.append(_size(drive.instance))
    assert max(sizes[1:]) - min(sizes[1:]) < 100
    submit(drive)
    approve(drive)


def test_sixty_withheld_signatures_leave_the_state_as_small_as_one() -> None:
    drive = report()
    sizes = []
    for _ in range(60):
        drive.do("fill_in")
        drive.do("sign", signature="withheld")
        sizes.append(_size(drive.instance))
    assert max(sizes[1:]) - min(sizes[1:]) < 100
    submit(drive)
    approve(drive)


def test_an_extension_moves_the_open_deadlines() -> None:
    drive = report()
    drive.days = 1
    with clock.at(drive.now):
        drive.instance.change({"due_at": iso(40), "remind_at": iso(35), "missed_at": iso(40), "escalate_at": iso(47)})
    drive.instance = drive.restored()
    assert (drive.instance.due_at or MORNING).isoformat() == iso(35)
    assert not drive.wait(30)
    assert (drive.wait(5), drive.called()) == (True, ["reports.remind"])
    assert (drive.wait(4), drive.called()) == (True, ["reports.mark_overdue"])
