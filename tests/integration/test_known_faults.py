"""Faults that users of sister systems reported with amended reports and penalties, each with tests that keep it out.

The table is an index of whole tests, wherever they live; what no other test tells is told below. That a fault is kept
out is what those tests prove: of the index only is it looked at that it names tests which are there.
"""

import ast
from collections.abc import Callable
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from portal import resources
from portal.extensions import db, transaction
from portal.model import OutgoingMail
from portal.operations.cases.sanctions import Waiver
from portal.operations.entry import drafts
from portal.operations.reports import amendments
from portal.operations.reports.comments import Place
from tests import sanctioning
from tests.amending import LARGER, SAME, amend, decide, snapshot
from tests.casework import delivered
from tests.reviewing import delivery, return_for, send_again
from tests.world import World, actions, deliver_mail, letters, machine_lines

AGAIN = "tests/integration/test_case_again.py::test_"
WINDOWS = "tests/integration/test_windows.py::test_"
FAULTS = {
    "TFRS 2895: an amendment is taken as if the report before it had been accepted, which was only sent": (
        AGAIN + "what_was_returned_and_never_accepted_is_nothing_to_compare_with",
        "tests/integration/test_known_faults.py::test_an_amendment_that_was_returned_is_nothing_to_compare_with",
    ),
    "TFRS 2901: what is settled moves when an amendment is sent, before anybody has accepted it": (
        AGAIN + "an_amendment_that_is_only_sent_changes_nothing",
        AGAIN + "an_amendment_that_is_refused_changes_nothing",
        AGAIN + "what_was_decided_stays_as_it_was_decided",
    ),
    "TFRS 2679: an amendment that does not touch the figure brings a penalty of its own": (
        AGAIN + "an_amendment_that_changes_nothing_leaves_the_case_as_it_is",
        "tests/integration/test_known_faults.py::test_an_amendment_of_another_part_leaves_the_case_as_it_is",
    ),
    "TFRS 2865: a report that turns from kept to broken is charged for the difference, and not for the whole": (
        AGAIN + "a_requirement_that_was_met_and_is_broken_now_opens_a_whole_case",
        WINDOWS + "an_amended_report_has_the_window_judged_again_and_the_breach_shrinks_grows_and_falls_away",
    ),
    "TFRS 2189: the penalty reads otherwise on one page than on another": (
        "tests/integration/test_known_faults.py::test_the_amount_is_one_amount_on_every_page",
    ),
    "TFRS 1566: nobody is told before signing that the figures mean a breach": (
        "tests/integration/test_supplier_pages.py::test_a_breach_is_loud_and_the_report_can_be_sent_all_the_same",
    ),
    "eSeaGrant 1073, RIT 477: «one day late» on the evening of the day itself": (
        "tests/unit/test_deadlines.py::test_late",
        "tests/integration/test_filing.py::test_in_time_to_the_last_minute",
    ),
    "SERIMA 121, 84, 139: a report that nobody began never turns overdue": (
        "tests/integration/test_filing.py::test_a_report_that_nobody_started_turns_overdue_by_itself",
    ),
    "dhis2-core 9724, 24889, RightToKnow 102: what was given more time still shows as overdue": (
        "tests/integration/test_extensions.py::test_while_the_buyer_has_not_answered_the_report_is_not_overdue",
        "tests/integration/test_extensions.py::test_a_granted_extension_moves_the_deadline_the_task_and_the_timers",
    ),
    "Avni 1025, verbb 132: who proposed it decides it, by another door or as an administrator": (
        "tests/integration/test_sanction_guards.py::test_the_proposer_decides_not_even_in_sql",
        "tests/integration/test_sanctions.py::test_a_contract_manager_may_propose_and_then_not_decide",
        "tests/integration/test_case_machine.py::test_no_sanction_stands_without_its_ground",
    ),
}
"""What went wrong elsewhere, and where -> the tests that keep it out here."""
SETTLED = "/cases?state=closed"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.partition(":")[0])
def test_the_index_names_tests_that_are_there(fault: str) -> None:
    """No more than that: a test that is renamed or removed is missed here, what it proves is its own matter."""
    for named in FAULTS[fault]:
        file, _, name = named.partition("::")
        tree = ast.parse((resources.ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, named


def test_an_amendment_that_was_returned_is_nothing_to_compare_with(world: World) -> None:
    """A worse figure was sent and returned; what is accepted in the end says what was accepted before."""
    deviation = delivered(world)
    before = snapshot(deviation)
    amend(world, LARGER)
    return_for(world.report, world.rita, (Place("machinery"), "Feil måler."))
    with transaction():
        lines = machine_lines(world, diesel=SAME)
        drafts.save(world.report, "machinery", lines, by=world.anna, version=world.report.version)
    send_again(world)
    decide(world)
    assert (world.report.accepted_number, snapshot(deviation)) == (3, before)
    assert letters("breach_changed") == []
    assert "deviation.assessed_again" not in actions(deviation, world)


def test_an_amendment_of_another_part_leaves_the_case_as_it_is(world: World) -> None:
    """Only the deliveries of fuel are amended; the share at the machines is what it was."""
    deviation = delivered(world)
    before, report = snapshot(deviation), world.report
    with transaction():
        amendments.propose(report, "En leveranse manglet.", by=world.anna, version=report.version)
    with transaction():
        drafts.save(report, "fuel", [delivery()], by=world.anna, version=report.version)
    send_again(world)
    decide(world)
    assert (report.accepted_number, snapshot(deviation)) == (2, before)
    assert letters("breach_changed") == []


def test_the_amount_is_one_amount_on_every_page(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    """Decided with a part waived: both parties read 19 000 wherever it stands, and nobody is asked for 20 000."""
    with sanctioning.opened(make_app, sqlite_url) as room:
        world = room.world
        case = sanctioning.heard(world, sanctioning.broken(world))
        waiver = Waiver(Decimal(1000), "Byggestrømmen kom sent.")
        sanctioning.decided(world, sanctioning.proposed(world, case, waiver))
        deliver_mail()
        for by in (world.adam, world.bo):
            desk = room.at(by)
            for page in (f"/cases/{case.public_id}", SETTLED, "/sanctions"):
                assert "19 000 NOK" in desk.reads(page), page
            assert "20 000 NOK" not in desk.reads(SETTLED)
        told = select(OutgoingMail.body).where(OutgoingMail.letter == "sanction_decided")
        for body in db.session.scalars(told).all():
            assert "a sanction of 19 000 NOK" in body.replace("\u00a0", " "), body
