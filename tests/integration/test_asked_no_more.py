"""Corrections of what lies wholly after the contract's last day: spared while it does, and taken up as they were."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.errors import Refused
from portal.extensions import db, transaction
from portal.model import ContractState, Decision, OutgoingMail, Report, ReportState
from portal.operations import processes
from portal.operations.contracts import contract_days
from portal.operations.reports import amendments, reports, reviews, withdrawals
from portal.operations.reports.comments import Place
from portal.operations.running import beyond, contract_life
from portal.work import mark_overdue, open_periods
from tests.assessing import file, sign_month
from tests.desk import give_passwords, sit_down
from tests.handover import hand_over, reopen
from tests.reviewing import return_for
from tests.world import World, fill_in, open_tasks, reasons_for, submit, tick

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
MET = {"electric": "1008", "diesel": "400"}
A_DAY = timedelta(days=1)
# Friday 17 July, and five working days on: Friday 24 July
MID_JULY, DUE_ANEW = datetime(2026, 7, 17, 9, tzinfo=UTC), datetime(2026, 7, 24, 21, 59, 59, tzinfo=UTC)


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


@pytest.fixture(autouse=True)
def only_march_and_april(world: World) -> None:
    """The contract begins in March: no other report waits for anybody."""
    with transaction():
        world.contract.starts_on = MARCH


def hourly() -> None:
    """What the worker does every hour, in transactions of its own."""
    db.session.rollback()
    open_periods({})
    mark_overdue({})
    tick()
    db.session.expire_all()


def reject(world: World, report: Report) -> None:
    with transaction():
        reviews.decide(report, Decision.REJECT, by=world.rita, version=report.version, reasons="Feil maskin.")


def test_a_correction_of_days_after_the_last_one_is_neither_asked_for_nor_late(app: Flask, world: World) -> None:
    """Rejected after the handover was noted: no deadline in the letter, no task, nothing red, nothing to file."""
    give_passwords(world, "en")
    file(world, MARCH, **MET)
    april = sign_month(world, APRIL, **MET)
    hand_over(world, date(2026, 3, 31))
    rita, review = sit_down(app, world.rita), f"/reports/{april.public_id}/review"
    done = rita.send(review, version=april.version, decision="reject", reasons="Feil maskin.")
    assert "the decision is kept" in rita.reads(done.location)
    assert (april.state, open_tasks()) == (ReportState.SPARED, [])
    body = db.session.scalars(select(OutgoingMail.body).where(OutgoingMail.letter == "rejected")).first() or ""
    assert "only about days after the contract's last one, 31 Mar 2026. It is asked for no more" in body
    assert "18 May" not in body
    assert "Send a new revision" not in body
    clock.move_to(april.due_at + 30 * A_DAY)
    hourly()
    assert (april.is_overdue, reports.overdue_unmarked(), beyond.watched()) == (False, [], [])
    desk = sit_down(app, world.anna)
    for address in ("/", "/reports", f"/reports/{april.public_id}", f"/contracts/{world.contract.public_id}"):
        page = desk.reads(address)
        assert ("days late" in page, "send it anew" in page, "18 May 2026" in page) == (False, False, False), address
    page = desk.reads(f"/reports/{april.public_id}")
    for said in ("Nothing is to be reported", "the contract ended before it", "wrote of revision 1: Feil maskin."):
        assert said in page
    receipt = desk.reads(f"/reports/{april.public_id}/receipt")
    assert ("the contract ended before it" in receipt, "A new revision" in receipt) == (True, False)
    world.report = april
    with pytest.raises(Refused):
        submit(world, **MET)


def test_a_return_of_what_is_asked_for_no_more_names_no_deadline(world: World) -> None:
    file(world, MARCH, **MET)
    april = sign_month(world, APRIL, **MET)
    hand_over(world, date(2026, 3, 31))
    return_for(april, world.rita, (Place("machinery"), "Se over timene."))
    assert (april.state, open_tasks()) == (ReportState.SPARED, [])
    letter = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == "returned")).first()
    assert letter is not None
    assert "It is asked for no more" in letter.body or "Den skal ikke leveres lenger" in letter.body
    assert "Se over timene." in letter.body
    assert "\n\n\n" not in letter.body
    assert "mai" not in letter.subject + letter.body


@pytest.mark.parametrize("came_back", ["rejected", "returned", "withdrawn", "to sign"])
def test_a_correction_that_is_under_way_is_spared_and_taken_up_as_it_was(world: World, came_back: str) -> None:
    file(world, MARCH, **MET)
    april = sign_month(world, APRIL, **MET)
    state = send_back(world, april, came_back)
    hand_over(world, date(2026, 3, 31))
    assert (april.state, open_tasks()) == (ReportState.SPARED, [])
    clock.move_to(MID_JULY)
    hourly()
    reopen(world)
    hourly()
    assert (april.state, april.due_at) == (state, DUE_ANEW)
    assert processes.task_of(april, "fill_in") is not None
    if state != ReportState.RETURNED:
        submit(world, **MET)
        assert (april.state, [each.number for each in april.revisions]) == (ReportState.SUBMITTED, [1, 2])
    else:
        assert [each.kind for each in april.current_unlocks] == ["machinery"]


def send_back(world: World, april: Report, how: str) -> ReportState:
    """April comes back to the supplier; returns how it is open then."""
    if how == "withdrawn":
        with transaction():
            withdrawals.withdraw(april, "Feil.", by=world.bo, version=april.version)
        return ReportState.DRAFT
    if how == "returned":
        return_for(april, world.rita, (Place("machinery"), "Rett dette."))
        return ReportState.RETURNED
    reject(world, april)
    if how == "to sign":
        fill_in(world, **MET)
        with transaction():
            reports.make_ready(april, by=world.anna, version=april.version, reasons=reasons_for(april))
        assert april.state == ReportState.TO_SIGN
    return ReportState.REJECTED


def test_what_was_with_the_supplier_before_the_portal_knew_is_spared_with_the_worker_s_next_round(world: World) -> None:
    """The handover was noted before corrections were looked at: here, in the row alone. Closing ends it too."""
    file(world, MARCH, **MET)
    april = sign_month(world, APRIL, **MET)
    reject(world, april)
    with transaction():
        world.contract.handed_over_on = date(2026, 3, 31)
        world.contract.move(ContractState.COMPLETED, by=world.adam)
        world.contract.move(ContractState.CLOSED, by=world.adam)
    assert beyond.watched() == [world.contract.id]
    hourly()
    assert (april.state, open_tasks(), beyond.watched()) == (ReportState.SPARED, [], [])


def test_what_is_taken_back_beyond_the_last_day_is_promised_to_nobody(app: Flask, world: World) -> None:
    """Signed before the handover: neither before nor after it is taken back does anybody read of a new revision."""
    give_passwords(world, "en")
    file(world, MARCH, **MET)
    april = sign_month(world, APRIL, **MET)
    hand_over(world, date(2026, 3, 31))
    bo, address = sit_down(app, world.bo), f"/reports/{april.public_id}"
    before = bo.reads(f"{address}/withdraw")
    assert ("you need not send it again" in before, "open for editing again" in before, "is due" in before) == (
        True,
        False,
        False,
    )
    done = bo.send(f"{address}/withdraw", version=april.version, reason="Feil.")
    assert (april.state, open_tasks()) == (ReportState.SPARED, [])
    after = bo.reads(done.location)
    assert ("withdrawn, and asked for no more" in after, "open for editing" in after) == (True, False)
    assert "sign and send" not in after
    assert "A new revision" not in bo.reads(f"{address}/receipt")
    body = db.session.scalars(select(OutgoingMail.body).where(OutgoingMail.letter == "withdrawn")).first() or ""
    assert "only about days after the contract's last one, 31 Mar 2026. It is asked for no more" in body
    assert "is due" not in body


# -- told to the supplier ----------------------------------------------------------------------------------------------


def told(letter: str) -> list[str]:
    """What Anna and Bo were written, in order."""
    rows = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == letter).order_by(OutgoingMail.id)).all()
    assert [each.to_address for each in rows] == ["anna@prove.example", "bo@prove.example"] * (len(rows) // 2)
    return [" ".join(f"{each.subject} {each.body}".split()) for each in rows[::2]]


@pytest.mark.parametrize("came_back", ["rejected", "returned", "withdrawn", "to sign"])
def test_the_supplier_is_told_that_a_correction_is_asked_for_no_more_and_that_it_is_again(
    world: World, came_back: str
) -> None:
    english(world)
    file(world, MARCH, **MET)
    april = sign_month(world, APRIL, **MET)
    send_back(world, april, came_back)
    hand_over(world, date(2026, 3, 31))
    hourly()
    [spared] = told("spared")
    assert "April 2026 was to be sent again." in spared
    assert "the contract's last one, 31 Mar 2026. It is asked for no more" in spared
    assert told("to_file") == []
    clock.move_to(MID_JULY)
    hourly()
    reopen(world)
    hourly()
    again = [each for each in told("to_file") if "April 2026" in each]
    assert len(again) == 1
    assert "April 2026 is to be sent again after all, by 24 Jul 2026 at 23:59" in again[0]
    assert len(told("spared")) == 1


def test_what_comes_back_beyond_the_last_day_is_told_once(world: World) -> None:
    """The letter of the decision says that nothing is to be sent."""
    file(world, MARCH, **MET)
    april = sign_month(world, APRIL, **MET)
    hand_over(world, date(2026, 3, 31))
    reject(world, april)
    hourly()
    assert (april.state, told("spared")) == (ReportState.SPARED, [])


def test_the_supplier_is_told_of_a_report_that_is_opened_late_and_of_one_that_is_taken_up(world: World) -> None:
    """March rests from a handover before it until 17 July; April, May and June are opened then."""
    english(world)
    with transaction():
        world.contract.starts_on, world.contract.ends_on = date(2026, 2, 1), date(2026, 5, 31)
    hand_over(world, date(2026, 2, 28))
    hourly()
    assert world.report.state == ReportState.SPARED
    clock.move_to(MID_JULY)
    reopen(world)
    hourly()
    found = told("to_file")
    assert sum("March 2026 is to be filed after all, by 24 Jul 2026 at 23:59." in each for each in found) == 1
    for month in ("April", "May"):
        late = f"{month} 2026 is to be filed by 24 Jul 2026 at 23:59. It was opened late"
        assert sum(late in each for each in found) == 1
    hourly()
    assert told("to_file") == found


def test_nobody_is_told_of_what_is_opened_in_time(world: World) -> None:
    clock.move_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    hourly()
    assert db.session.scalar(select(func.count(Report.id))) == 2
    assert told("to_file") == []


def english(world: World) -> None:
    with transaction():
        for each in (world.anna, world.bo):
            each.person.language = "en"


# -- amendments --------------------------------------------------------------------------------------------------------


def amending(world: World) -> Report:
    """April is approved, the work was handed over before it, and Anna has begun to amend it."""
    file(world, MARCH, **MET)
    april = file(world, APRIL, **MET)
    hand_over(world, date(2026, 3, 31))
    hourly()
    world.report = april
    with transaction():
        amendments.propose(april, "Feil måler.", by=world.anna, version=april.version)
    return april


def close(world: World) -> None:
    with transaction():
        contract_life.close(world.contract, by=world.adam, version=world.contract.version)


def test_an_amendment_beyond_the_last_day_is_returned_to_be_corrected(world: World) -> None:
    """It is with the supplier after all: the letter says what the page says."""
    with transaction():
        world.anna.person.language = "en"
    april = amending(world)
    submit(world, **MET)
    return_for(april, world.rita, (Place("machinery"), "Se over timene."))
    assert (april.state, contract_days.is_asked_no_more(april)) == (ReportState.RETURNED, False)
    sent = select(OutgoingMail.body).where(OutgoingMail.letter == "returned", OutgoingMail.to_address.like("anna%"))
    body = db.session.scalars(sent).one()
    assert ("something is to be corrected by" in body, "asked for no more" in body) == (True, False)


@pytest.mark.parametrize("stands", [ReportState.AMENDING, ReportState.TO_SIGN, ReportState.RETURNED])
def test_an_amendment_beyond_the_last_day_keeps_the_contract_open(world: World, stands: ReportState) -> None:
    april = amending(world)
    if stands == ReportState.TO_SIGN:
        fill_in(world, **MET)
        with transaction():
            reports.make_ready(april, by=world.anna, version=april.version, reasons=reasons_for(april))
    if stands == ReportState.RETURNED:
        submit(world, **MET)
        return_for(april, world.rita, (Place("machinery"), "Se over timene."))
    assert april.state == stands
    assert contract_life.open_matters(world.contract).reports == [april]
    with pytest.raises(Refused):
        close(world)
    with transaction():
        amendments.drop(april, by=world.anna, version=april.version)
    close(world)
    assert world.contract.state == ContractState.CLOSED


def test_a_report_of_a_closed_contract_is_amended_no_more(app: Flask, world: World) -> None:
    """Nobody would review it. What was written before the contract was closed is still in its field."""
    give_passwords(world, "en")
    april = amending(world)
    with transaction():
        amendments.drop(april, by=world.anna, version=april.version)
    close(world)
    address, anna = f"/reports/{april.public_id}/amend", sit_down(app, world.anna)
    answer = anna.send(address, reason="Måleren sto feil.", version=april.version)
    assert (answer.status_code, april.state) == (422, ReportState.APPROVED)
    assert "The contract is closed, so its reports can no longer be amended." in answer.text
    assert "Måleren sto feil." in answer.text
    assert anna.get(address).status_code == 303
    assert "/amend" not in anna.get(f"/reports/{april.public_id}").text
