"""deviation.bpmn: every flow, each loop none, once and twice, each deadline kept and missed, restored between steps."""

from collections.abc import Callable

import pytest

from tests.unit.workflow_driver import DEFINITIONS, Drive, iso

CASE = {"deviation_id": 1}
SENT = {"undelivered_at": iso(3), "reply_due_at": ""}


def found() -> Drive:
    return Drive(
        "deviation",
        CASE,
        deviations__send_notice=SENT,
        deviations__start_reply_period={"reply_due_at": iso(20)},
    )


def notified() -> Drive:
    drive = found()
    assert drive.open == ["assess"]
    drive.do("assess", assessment="notify", actor_id=3)
    assert drive.calls == [("deviations.send_notice", {**CASE, "actor_id": 3})]
    assert (drive.called(), drive.open) == (["deviations.send_notice"], [])
    return drive


def delivered() -> Drive:
    drive = notified()
    assert drive.message("notice_delivered")
    assert (drive.called(), drive.open) == (["deviations.start_reply_period"], ["reply"])
    return drive


def replied() -> Drive:
    drive = delivered()
    drive.do("reply")
    assert (drive.called(), drive.open, drive.instance.due_at) == ([], ["assess_reply"], None)
    return drive


def close(drive: Drive) -> None:
    drive.do("assess_reply", outcome="close")
    assert drive.called() == ["deviations.close"]
    assert (drive.instance.is_complete, drive.instance.ended_at) == (True, "deviation_closed")


def dismissed() -> Drive:
    drive = found()
    drive.do("assess", assessment="dismiss", actor_id=3)
    assert drive.calls == [("deviations.dismiss", {**CASE, "actor_id": 3})]
    assert drive.instance.ended_at == "deviation_dismissed"
    return drive


def replied_and_closed() -> Drive:
    drive = replied()
    assert not drive.wait(30), "who has replied has no deadline any more"
    close(drive)
    return drive


def no_reply() -> Drive:
    drive = delivered()
    assert not drive.wait(19.9)
    assert (drive.wait(0.1), drive.called()) == (True, ["deviations.note_no_reply"])
    assert drive.open == ["assess_reply"]
    close(drive)
    return drive


def undelivered(resent: int) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = notified()
        assert not drive.wait(2.9)
        assert drive.wait(0.1)
        for _ in range(resent):
            assert drive.open == ["confirm_delivery"]
            assert not drive.message("notice_delivered"), (
                "the gateway has chosen: only the administrator can say so now"
            )
            drive.do("confirm_delivery", delivery_answer="resend")
            assert (drive.called(), drive.open) == (["deviations.send_notice"], ["confirm_delivery"]), "due at once"
        drive.do("confirm_delivery", delivery_answer="delivered")
        assert (drive.called(), drive.open) == (["deviations.start_reply_period"], ["reply"])
        drive.do("reply")
        close(drive)
        return drive

    return scenario


def resent_and_delivered() -> Drive:
    drive = notified()
    assert drive.wait(3)
    drive.answers["deviations.send_notice"] = {**SENT, "undelivered_at": iso(6)}
    drive.do("confirm_delivery", delivery_answer="resend")
    assert drive.message("notice_delivered")
    assert (drive.open, drive.called()) == (["reply"], ["deviations.send_notice", "deviations.start_reply_period"])
    drive.do("reply")
    close(drive)
    return drive


def sanctioned(withdrawn: int) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = replied()
        for _ in range(withdrawn):
            drive.do("assess_reply", outcome="sanction", actor_id=4)
            assert drive.calls == [("deviations.propose_sanction", {**CASE, "actor_id": 4})]
            assert drive.message("sanction_settled", settled="withdrawn")
            assert drive.called() == ["deviations.propose_sanction", "deviations.reopen_assessment"]
            assert drive.open == ["assess_reply"]
        drive.do("assess_reply", outcome="sanction", actor_id=4)
        assert (drive.called(), drive.open) == (["deviations.propose_sanction"], [])
        assert drive.message("sanction_settled", settled="closed")
        assert (drive.called(), drive.instance.ended_at) == (["deviations.close"], "deviation_closed")
        return drive

    return scenario


SCENARIOS = {
    "dismissed": dismissed,
    "replied and closed": replied_and_closed,
    "no reply": no_reply,
    **{f"undelivered, sent again {times} times": undelivered(times) for times in range(3)},
    "sent again and delivered": resent_and_delivered,
    **{f"sanction withdrawn {times} times": sanctioned(times) for times in range(3)},
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_deviation(scenario: Callable[[], Drive]) -> None:
    assert scenario().instance.is_complete


def test_scenarios_take_every_flow() -> None:
    passed = {element for scenario in SCENARIOS.values() for element in scenario().passed}
    assert {flow.id for flow in DEFINITIONS["deviation"].diagram.flows} - passed == set()
    assert DEFINITIONS["deviation"].diagram.nodes.keys() - passed == set()


def test_waiting_for_delivery_shows_both_ways_and_has_a_deadline() -> None:
    drive = notified()
    waiting = {element for element, state in drive.instance.states().items() if state == "waiting"}
    assert waiting == {"delivery", "notice_delivered", "notice_undelivered"}
    assert drive.instance.due_at is not None
    assert drive.instance.due_at.isoformat() == iso(3), "a timer behind an event gateway counts"


def test_a_message_nobody_waits_for_changes_nothing() -> None:
    drive = found()
    assert not drive.message("notice_delivered")
    assert (drive.open, drive.called()) == (["assess"], [])


def test_a_settlement_must_say_how() -> None:
    drive = replied()
    drive.do("assess_reply", outcome="sanction")
    with pytest.raises(ValueError, match="settled"):
        drive.instance.message("sanction_settled", {})


def test_an_extension_gives_the_supplier_more_time() -> None:
    drive = delivered()
    drive.instance.change({"reply_due_at": iso(400_000)})
    drive.instance = drive.restored()
    assert not drive.wait(30)
    assert drive.open == ["reply"]
