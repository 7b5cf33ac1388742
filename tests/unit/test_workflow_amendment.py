"""amendment.bpmn: every flow, each loop none, once and twice; no deadline of the supplier's, restored between steps."""

from collections.abc import Callable

import pytest

from tests.unit.workflow_driver import MORNING, Drive, iso

FROZEN = ["reports.freeze", "reports.compute", "reports.check", "reviews.plan"]
AGAIN = {"remind_at": iso(20), "due_at": iso(30)}


def amendment() -> Drive:
    drive = Drive(
        "amendment",
        {"report_id": 1},
        reports__check={"breaches": 0, "warnings": 0, "unattended_allowed": True},
        reviews__plan={"review_due_at": iso(15)},
        reports__send_back=AGAIN,
        withdrawals__take_back=AGAIN,
    )
    assert (drive.open, drive.instance.due_at) == (["fill_in"], None)
    return drive


def submit(drive: Drive) -> None:
    drive.do("fill_in")
    drive.do("sign", signature="given")
    assert drive.open == ["review"], "a person looks at every amendment, where clean reports need none too"


def approve(drive: Drive) -> None:
    drive.do("review", decision="approve", actor_id=9)
    assert drive.calls[-2:] == [
        ("reports.approve", {"report_id": 1, "actor_id": 9}),
        ("deviations.open_for_breaches", {"report_id": 1}),
    ]
    assert (drive.instance.is_complete, drive.instance.ended_at) == (True, "report_amended")


def approved() -> Drive:
    drive = amendment()
    assert not drive.wait(14), "what was approved is in force: nothing is overdue"
    submit(drive)
    assert drive.called() == FROZEN
    approve(drive)
    return drive


def withheld(times: int) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = amendment()
        for _ in range(times):
            drive.do("fill_in")
            drive.do("sign", signature="withheld")
            assert (drive.open, drive.called()) == (["fill_in"], [])
        submit(drive)
        approve(drive)
        return drive

    return scenario


def returned(times: int) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = amendment()
        for _ in range(times):
            submit(drive)
            drive.do("review", decision="return", actor_id=9)
            assert drive.calls[-1] == ("reports.send_back", {"report_id": 1, "actor_id": 9})
            assert (drive.open, drive.instance.due_at) == (["fill_in"], None)
            assert not drive.wait(40)
        submit(drive)
        approve(drive)
        return drive

    return scenario


def withdrawn(times: int) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = amendment()
        for _ in range(times):
            submit(drive)
            assert drive.message("report_withdrawn", actor_id=8)
            assert drive.calls[-1] == ("withdrawals.take_back", {"report_id": 1, "actor_id": 8})
            assert (drive.open, drive.instance.due_at) == (["fill_in"], None)
        submit(drive)
        approve(drive)
        return drive

    return scenario


def refused() -> Drive:
    drive = amendment()
    submit(drive)
    drive.do("review", decision="reject", actor_id=9)
    assert drive.calls[-1] == ("amendments.refuse", {"report_id": 1, "actor_id": 9})
    assert drive.instance.ended_at == "amendment_refused"
    return drive


def dropped(element: str) -> Callable[[], Drive]:
    def scenario() -> Drive:
        drive = amendment()
        if element == "sign":
            drive.do("fill_in")
        assert drive.open == [element]
        assert drive.message("amendment_dropped", actor_id=7)
        assert drive.calls == [("amendments.put_aside", {"report_id": 1, "actor_id": 7})]
        assert drive.instance.ended_at == "amendment_dropped"
        return drive

    return scenario


def dropped_only_while_the_supplier_has_it() -> Drive:
    drive = amendment()
    submit(drive)
    assert not drive.message("amendment_dropped", actor_id=7)
    drive.do("review", decision="return", actor_id=9)
    assert drive.message("amendment_dropped", actor_id=7)
    return drive


def review_late() -> Drive:
    drive = amendment()
    submit(drive)
    assert (drive.instance.due_at or MORNING).isoformat() == iso(15)
    drive.called()
    assert (drive.wait(15), drive.called()) == (True, ["reviews.remind"])
    assert drive.open == ["review"]
    approve(drive)
    return drive


SCENARIOS = {
    "approved": approved,
    "refused": refused,
    "review late": review_late,
    "dropped while filling in": dropped("fill_in"),
    "dropped before signing": dropped("sign"),
    "dropped only while the supplier has it": dropped_only_while_the_supplier_has_it,
    **{f"signature withheld {times} times": withheld(times) for times in range(3)},
    **{f"returned {times} times": returned(times) for times in range(3)},
    **{f"withdrawn {times} times": withdrawn(times) for times in range(3)},
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_amendment(scenario: Callable[[], Drive]) -> None:
    assert scenario().instance.is_complete
