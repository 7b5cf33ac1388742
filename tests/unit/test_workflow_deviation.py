"""deviation.bpmn: every flow, each loop none, once and twice, each deadline kept and missed, restored between steps."""

from collections.abc import Callable

import pytest

from portal import clock
from tests.unit.workflow_driver import Drive, iso

CASE = {"deviation_id": 1}
START = {**CASE, "warn_notice_at": iso(10)}
SENT = {"undelivered_at": iso(3), "reply_due_at": ""}


def found() -> Drive:
    return Drive(
        "deviation",
        START,
        deviations__send_notice=SENT,
        deviations__start_reply_period={"reply_due_at": iso(20), "remind_reply_at": iso(17)},
        notices__extend={"reply_due_at": iso(40), "remind_reply_at": iso(37)},
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


def reminded(drive: Drive, days: float) -> None:
    """The reminder goes out on its day, and the supplier still has the case."""
    assert not drive.wait(days - 0.1)
    assert (drive.wait(0.1), drive.called(), drive.open) == (True, ["notices.remind"], ["reply"])


def no_reply() -> Drive:
    drive = delivered()
    reminded(drive, 17)
    assert not drive.wait(2.9)
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


def delivered_before_anybody_ticked() -> Drive:
    """The worker was down for days; the letter goes out before it has seen that the time for that is over."""
    drive = notified()
    drive.days = 10
    assert drive.message("notice_delivered")
    assert (drive.open, drive.called()) == (["reply"], ["deviations.start_reply_period"])
    drive.do("reply")
    close(drive)
    return drive


def arrived_after_all() -> Drive:
    drive = notified()
    assert drive.wait(3)
    assert drive.open == ["confirm_delivery"]
    assert drive.message("notice_delivered")
    assert (drive.open, drive.called()) == (["reply"], ["deviations.start_reply_period"])
    assert not drive.message("notice_delivered"), "it has arrived once"
    drive.do("reply")
    close(drive)
    return drive


def fell_away(warned: bool) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = found()
        if warned:
            assert not drive.wait(9.9)
            assert (drive.wait(0.1), drive.called(), drive.open) == (True, ["notices.warn"], ["assess"])
            assert not drive.wait(100), "the buyer is warned once"
        assert drive.message("breach_gone")
        assert (drive.called(), drive.instance.ended_at) == (["deviations.fall_away"], "deviation_fell_away")
        assert drive.instance.due_at is None
        return drive

    return scenario


def extended(times: int, reminded_first: bool = False) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = delivered()
        if reminded_first:
            reminded(drive, 17)
        for _ in range(times):
            assert drive.message("reply_extended")
            assert (drive.called(), drive.open) == (["notices.extend"], ["reply"])
            assert drive.instance.due_at is not None
            assert drive.instance.due_at.isoformat() == iso(37), "the reminder of the old deadline is gone"
        if times:
            reminded(drive, 37 - drive.days)
        assert not drive.wait((39.9 if times else 16.9) - drive.days)
        drive.do("reply")
        assert not drive.message("reply_extended"), "who has replied needs no more time"
        close(drive)
        return drive

    return scenario


def extended_and_no_reply() -> Drive:
    drive = delivered()
    assert drive.message("reply_extended")
    drive.called()
    reminded(drive, 37)
    assert not drive.wait(2.9)
    assert (drive.wait(0.1), drive.called()) == (True, ["deviations.note_no_reply"])
    close(drive)
    return drive


def taken_back() -> Drive:
    drive = delivered()
    assert drive.message("notice_withdrawn")
    assert (drive.called(), drive.instance.ended_at) == (["deviations.close"], "deviation_closed")
    assert drive.instance.due_at is None
    return drive


def taken_back_on_its_way(undelivered: int) -> Callable[[], Drive]:
    """Nobody has seen to its delivery yet, somebody is asked to, or it was sent again, once or twice."""

    def scenario() -> Drive:
        drive = notified()
        if undelivered:
            assert drive.wait(3)
            assert drive.open == ["confirm_delivery"]
        for _ in range(undelivered - 1):
            drive.do("confirm_delivery", delivery_answer="resend")
            drive.called()
        assert drive.message("notice_withdrawn")
        ended_at = "closed_undelivered" if undelivered else "closed_unread"
        assert (drive.called(), drive.instance.ended_at) == (["deviations.close"], ended_at)
        assert (drive.open, drive.instance.due_at) == ([], None)
        assert not drive.message("notice_delivered"), "what arrives now changes nothing"
        return drive

    return scenario


def held(times: int, answered: bool) -> Callable[[], Drive]:
    """More time is asked for: the deadline waits for the answer, and runs again when it has come, or never does."""

    def scenario() -> Drive:
        drive = delivered()
        reminded(drive, 17)
        for number in range(times):
            with clock.at(drive.now):
                drive.instance.change({"reply_due_at": iso(30 + number)})
            drive.instance = drive.restored()
            assert not drive.wait(29.9 + number - drive.days), "held past the deadline"
            assert drive.open == ["reply"]
            if answered:
                with clock.at(drive.now):
                    drive.instance.change({"reply_due_at": iso(30.9 + number)})
                drive.instance = drive.restored()
                assert not drive.wait(0.5), "refused, with a day more"
        assert drive.wait(30.9 + times - drive.days)
        assert (drive.called(), drive.open) == (["deviations.note_no_reply"], ["assess_reply"])
        close(drive)
        return drive

    return scenario


def notified_after_the_warning() -> Drive:
    drive = found()
    assert drive.wait(10)
    assert drive.called() == ["notices.warn"]
    drive.do("assess", assessment="notify", actor_id=3)
    assert not drive.message("breach_gone"), "with a notice given, a person closes the case"
    drive.called()
    assert drive.message("notice_delivered")
    drive.do("reply")
    drive.called()
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
    "delivered before anybody ticked": delivered_before_anybody_ticked,
    "arrived while somebody was asked": arrived_after_all,
    "fell away before the warning": fell_away(False),
    "fell away after the warning": fell_away(True),
    "notified after the warning": notified_after_the_warning,
    **{f"more time {times} times": extended(times) for times in range(3)},
    "more time after the reminder": extended(1, reminded_first=True),
    "more time and no reply": extended_and_no_reply,
    "the notice is taken back": taken_back,
    **{f"taken back on its way, asked about {times} times": taken_back_on_its_way(times) for times in range(3)},
    **{
        f"held {times} times, {'answered' if each else 'silence'}": held(times, each)
        for times in (1, 2)
        for each in (True, False)
    },
    **{f"sanction withdrawn {times} times": sanctioned(times) for times in range(3)},
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_deviation(scenario: Callable[[], Drive]) -> None:
    assert scenario().instance.is_complete


def test_waiting_for_delivery_shows_both_ways_and_has_a_deadline() -> None:
    drive = notified()
    waiting = {element for element, state in drive.instance.states().items() if state == "waiting"}
    assert waiting == {"delivery", "notice_delivered", "notice_undelivered", "taken_back_on_its_way"}
    assert drive.instance.due_at is not None
    assert drive.instance.due_at.isoformat() == iso(3), "a timer behind an event gateway counts"


def test_a_message_nobody_waits_for_changes_nothing() -> None:
    drive = found()
    assert not drive.message("notice_delivered")
    assert (drive.open, drive.called()) == (["assess"], [])


def test_no_limit_no_warning() -> None:
    drive = Drive("deviation", {**CASE, "warn_notice_at": ""})
    assert drive.instance.due_at is None
    assert not drive.wait(1000)
    assert drive.open == ["assess"]


def test_who_may_not_yet_answer_gets_no_more_time() -> None:
    drive = notified()
    assert not drive.message("reply_extended")
    assert drive.open == []


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
