"""sanction.bpmn: every flow, each loop none, once and twice, each deadline kept and missed, restored between steps."""

from collections.abc import Callable
from itertools import product

import pytest

from tests.unit.workflow_driver import Drive, iso

CASE = {"sanction_id": 1}
GROUND = {
    "clause": True,
    "in_force": True,
    "notice_delivered": True,
    "reply_period_over": True,
    "upheld": True,
    "notified": True,
    "stands": True,
    "ended": True,
    "earlier": 0,
    "warns_first": False,
    "form": "fee",
}


def proposed(ground: object = GROUND) -> Drive:
    return Drive("sanction", CASE, sanctions__ground=ground, sanctions__send_decision={"undelivered_at": iso(3)})


def decided(drive: Drive) -> Drive:
    assert drive.open == ["approve_sanction"]
    drive.called()
    drive.do("approve_sanction", decision="approve", actor_id=8)
    assert drive.calls[0] == ("sanctions.decide", {**CASE, "actor_id": 8})
    assert (drive.called(), drive.open) == (["sanctions.decide", "sanctions.send_decision"], [])
    return drive


def closed(drive: Drive) -> Drive:
    assert drive.called()[-1] == "sanctions.close"
    assert (drive.instance.is_complete, drive.instance.ended_at) == (True, "sanction_closed")
    return drive


def without_ground() -> Drive:
    drive = proposed({**GROUND, "clause": False})
    assert drive.called() == ["sanctions.ground", "sanctions.refuse"]
    assert (drive.instance.is_complete, drive.instance.ended_at) == (True, "sanction_refused")
    return drive


def delivered() -> Drive:
    drive = proposed()
    assert drive.calls[-1] == ("sanctions.calculate", {**CASE, "step": "fee"})
    decided(drive)
    assert drive.message("decision_delivered")
    return closed(drive)


def stepped(step: str, **ground: object) -> Callable[[], Drive]:
    """The other rules of the table: a warning the first time, then what the clause asks for; or that at once."""

    def scenario() -> Drive:
        drive = proposed({**GROUND, **ground})
        assert drive.calls[-1] == ("sanctions.calculate", {**CASE, "step": step})
        decided(drive)
        assert drive.message("decision_delivered")
        return closed(drive)

    return scenario


def undelivered(resent: int) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = decided(proposed())
        assert not drive.wait(2.9)
        assert drive.wait(0.1)
        for _ in range(resent):
            drive.do("confirm_decision_delivery", delivery_answer="resend")
            assert (drive.called(), drive.open) == (["sanctions.send_decision"], ["confirm_decision_delivery"])
        drive.do("confirm_decision_delivery", delivery_answer="delivered")
        return closed(drive)

    return scenario


def sent_back(times: int) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = proposed()
        for _ in range(times):
            drive.do("approve_sanction", decision="send_back", actor_id=8)
            assert drive.open == ["revise"]
            drive.called()
            drive.do("revise", revision="propose", actor_id=4)
            assert drive.called() == ["sanctions.ground", "sanctions.calculate"], "the ground is looked at again"
        decided(drive)
        assert drive.message("decision_delivered")
        return closed(drive)

    return scenario


def ground_lost_while_revised() -> Drive:
    drive = proposed([GROUND, {**GROUND, "notice_delivered": False}])
    drive.do("approve_sanction", decision="send_back")
    drive.do("revise", revision="propose")
    assert drive.instance.ended_at == "sanction_refused"
    return drive


def withdrawn(times: int) -> Callable[[], Drive]:
    """Taken back after being sent back; `times` it was proposed again in between."""

    def scenario() -> Drive:
        drive = proposed()
        for _ in range(times):
            drive.do("approve_sanction", decision="send_back", actor_id=8)
            drive.do("revise", revision="propose", actor_id=4)
        drive.do("approve_sanction", decision="send_back", actor_id=8)
        drive.do("revise", revision="withdraw", actor_id=4)
        assert drive.calls[-1] == ("sanctions.withdraw", {**CASE, "actor_id": 4})
        assert drive.instance.ended_at == "sanction_withdrawn"
        return drive

    return scenario


def withdrawn_while_it_waited() -> Drive:
    """Taken back before anybody decided: over the step of one that was sent back, and straight on."""
    drive = proposed()
    drive.do("approve_sanction", decision="withdraw", actor_id=4)
    assert drive.open == ["revise"]
    drive.do("revise", revision="withdraw", actor_id=4)
    assert drive.calls[-1] == ("sanctions.withdraw", {**CASE, "actor_id": 4})
    assert drive.instance.ended_at == "sanction_withdrawn"
    return drive


def delivered_before_anybody_ticked() -> Drive:
    """The worker was down for days; the letter goes out before it has seen that the time for that is over."""
    drive = decided(proposed())
    drive.days = 30
    assert drive.message("decision_delivered")
    assert drive.open == []
    return closed(drive)


SCENARIOS = {
    "delivered before anybody ticked": delivered_before_anybody_ticked,
    "without ground": without_ground,
    "delivered": delivered,
    "daily amount": stepped("daily", form="daily"),
    "warned": stepped("warning", warns_first=True),
    "warned, though it asks for an amount per day": stepped("warning", warns_first=True, form="daily"),
    "fee after a warning": stepped("fee", warns_first=True, earlier=1),
    "daily amount after a warning": stepped("daily", warns_first=True, earlier=2, form="daily"),
    **{f"undelivered, sent again {times} times": undelivered(times) for times in range(3)},
    **{f"sent back {times} times": sent_back(times) for times in range(3)},
    "withdrawn while it waited": withdrawn_while_it_waited,
    "ground lost while revised": ground_lost_while_revised,
    **{f"withdrawn after being proposed again {times} times": withdrawn(times) for times in range(3)},
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_sanction(scenario: Callable[[], Drive]) -> None:
    assert scenario().instance.is_complete


NEEDED = ("clause", "in_force", "notice_delivered", "reply_period_over", "upheld", "notified", "stands", "ended")


def test_no_step_without_all_that_it_must_stand_on() -> None:
    """Each way to a step with all of it, and with any one thing, or everything, left out."""
    lacking = [(), *((each,) for each in NEEDED), NEEDED]
    for left_out, earlier, warns, form in product(lacking, (0, 1, 9), (True, False), ("fee", "daily")):
        held = {each: each not in left_out for each in NEEDED}
        ground = {**held, "earlier": earlier, "warns_first": warns, "form": form}
        drive = proposed(ground)
        expected = "none" if left_out else "warning" if warns and earlier == 0 else form
        assert drive.instance.data["step"] == expected, ground
        assert drive.instance.is_complete == (expected == "none")


def test_an_unknown_word_never_approves() -> None:
    drive = proposed()
    drive.do("approve_sanction", decision="ok")
    assert drive.open == ["revise"]
