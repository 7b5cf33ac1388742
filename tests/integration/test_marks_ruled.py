"""The buyer's word on a mark: upheld, or lifted after notice; the supplier is told, and can object."""

import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock, kinds
from portal.extensions import db, transaction
from portal.model import AuditEvent, Decision, MailState, OutgoingMail, Ruling
from portal.operations.mail import Outcome
from portal.operations.people import bounces
from portal.operations.reports import deliveries, reviews
from tests.conftest import SECRET
from tests.desk import Desk
from tests.integration.test_bounces import report
from tests.integration.test_redaction import SECRETS, WHY, fill, sign
from tests.sanctioning import Room, opened
from tests.terminal import Terminal
from tests.world import deliver_mail

INVOICE = next(each.label.en for each in kinds.kinds()["fuel"].fields if each.key == "invoice")
NO_SECRET = "Leverandøren står på tavla ved porten."
OBJECTION = "Prisavtalen vår er bundet til leverandøren."


@pytest.fixture
def room(make_app: Callable[..., Flask], database_url: str) -> Iterator[Room]:
    """March is approved, with the supplier of the fuel and the invoice marked."""
    with opened(make_app, database_url) as room:
        url = fill(room)
        room.at(room.world.anna).send(url, secrets=["supplier", "invoice"], reason=WHY)
        sign(room)
        with transaction():
            reviews.decide(room.world.report, Decision.APPROVE, by=room.world.rita, version=room.world.report.version)
        yield room


@pytest.fixture
def terminal(room: Room, tmp_path: Path, database_url: str) -> Terminal:
    """The operator of this installation."""
    db.session.rollback()
    return Terminal(tmp_path, DATABASE_URL=database_url, KLIMAKONTRAKT_SECRET_KEY=SECRET)


def page_of(room: Room) -> str:
    return f"/contracts/{room.world.contract.public_id}/trade-secrets"


def chosen(desk: Desk, room: Room, *fields: str) -> list[str]:
    """What the page that somebody has open sends when they choose the marks of these fields."""
    offered = re.findall(r'name="marks"[^>]* value="([^"]+)"', desk.get(page_of(room)).text)
    return [next(each for each in offered if f"/fuel/{field}/" in each) for field in fields]


def lift(room: Room, *fields: str, reason: str = NO_SECRET, word: str = "lift") -> Desk:
    rita = room.at(room.world.rita)
    answer = rita.send(page_of(room), marks=chosen(rita, room, *fields), word=word, reason=reason)
    assert answer.status_code == 303, answer.text
    return rita


def objection_link(room: Room) -> str:
    [link] = re.findall(r'href="([^"]+/objection)"', room.at(room.world.anna).get(page_of(room)).text)
    return str(link)


def taken_out(room: Room) -> tuple[dict[str, Any], list[str]]:
    """The line of fuel in the version for access, and what its sheet of redactions says."""
    answer = room.at(room.world.rita).send(f"/exports/{room.world.contract.public_id}/redacted.xlsx")
    assert answer.status_code == 200
    book: Any = openpyxl.load_workbook(io.BytesIO(answer.data))
    header, line = [[cell.value for cell in row] for row in book["Fuel and energy delivered"].iter_rows()]
    return dict(zip(header, line, strict=True)), [row[0].value for row in book["Redactions"].iter_rows(min_row=2)]


def letters_of(letter: str) -> list[OutgoingMail]:
    return list(db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == letter)))


def failed(letter: str) -> int:
    """Every letter of this kind that waits is given up."""
    with transaction():
        waiting = [row for row in letters_of(letter) if row.state == MailState.QUEUED]
        for row in waiting:
            deliveries.note(row, Outcome(MailState.FAILED, "no such user"))
        return len(waiting)


def test_a_lifted_mark_stands_until_its_notice_is_over_and_both_see_until_when(room: Room) -> None:
    clock.move_to(datetime(2026, 4, 24, 9, tzinfo=UTC))
    rita = lift(room, "supplier")
    deliver_mail()
    with transaction():
        told = letters_of("marks_ruled")
        assert {each.to_address for each in told} == {"anna@prove.example", "bo@prove.example"}
        assert all(NO_SECRET in each.body for each in told)
        [until] = db.session.scalars(select(Ruling.takes_effect_at))
    assert until is not None
    # Friday; four working days, then the first of May and a weekend.
    assert until.astimezone(ZoneInfo("Europe/Oslo")).date() == date(2026, 5, 4)
    for desk in (rita, room.at(room.world.anna)):
        seen = desk.reads(page_of(room))
        assert "It stands until" in seen
        assert NO_SECRET in seen
    line, account = taken_out(room)
    assert line["Supplier of the fuel"].startswith("Redacted:")
    assert any("redacted until 2026-" in each for each in account)

    clock.move_to(until + timedelta(seconds=1))

    line, account = taken_out(room)
    assert line["Supplier of the fuel"] == SECRETS[0]
    assert line[INVOICE].startswith("Redacted:"), "of this mark nobody said anything"
    [lifted] = [each for each in account if "not redacted, lifted by the buyer" in each]
    assert "March 2026" in lifted
    assert not [each for each in account if NO_SECRET in each], "a reason may tell the secret"
    assert any("redacted, the buyer has not judged it" in each for each in account)


def test_an_objection_holds_the_mark_until_the_buyer_has_answered(room: Room) -> None:
    lift(room, "supplier")
    anna = room.at(room.world.anna)
    [link] = re.findall(r'href="([^"]+/objection)"', anna.get(page_of(room)).text)
    assert NO_SECRET in anna.reads(link)
    refused = anna.send(link, words=" ")
    assert (refused.status_code, "Write why." in refused.text) == (422, True)
    assert anna.send(link, words=OBJECTION).status_code == 303
    assert anna.send(link, words=OBJECTION).status_code == 409, "once"
    with transaction():
        told = letters_of("mark_objected")
        assert {each.to_address for each in told} == {"rita@prove.example", "ruth@prove.example"}, "the buyer's"
        assert all(OBJECTION in each.body for each in told)
    clock.move_to(clock.now() + timedelta(days=30))
    assert taken_out(room)[0]["Supplier of the fuel"].startswith("Redacted:")
    rita = room.at(room.world.rita)
    assert OBJECTION in rita.reads(page_of(room))

    rita.send(page_of(room), marks=chosen(rita, room, "supplier"), word="uphold", reason="Dere har rett.")

    assert "It stands. The buyer writes: Dere har rett." in room.at(room.world.anna).reads(page_of(room))
    lift(room, "supplier", reason="Prisavtalen er over.")
    deliver_mail()
    clock.move_to(clock.now() + timedelta(days=30))
    assert taken_out(room)[0]["Supplier of the fuel"] == SECRETS[0]
    with transaction():
        rows = select(AuditEvent.action).where(AuditEvent.subject == "ruling").order_by(AuditEvent.id)
        assert list(db.session.scalars(rows)) == [
            "ruling.lifted",
            "ruling.objected",
            "ruling.upheld",
            "ruling.lifted",
            "ruling.told",
        ]


def test_what_is_not_chosen_said_or_reasoned_is_asked_for_and_nothing_typed_is_lost(room: Room) -> None:
    rita = room.at(room.world.rita)
    answer = rita.send(page_of(room), reason=NO_SECRET)
    assert answer.status_code == 422
    for told in ("Choose at least one mark.", "Choose whether the mark is to stand", NO_SECRET):
        assert told in answer.text
    [known] = chosen(rita, room, "supplier")
    for odd in ("x", "a/b/c/d", known.replace("supplier", "amount"), f"{known[:-1]}x", ""):
        assert rita.send(page_of(room), marks=[odd], word="lift", reason=NO_SECRET).status_code == 409
    assert not db.session.scalars(select(Ruling)).all()


def test_only_the_buyers_case_workers_judge_and_only_the_supplier_objects(room: Room) -> None:
    world = room.world
    marks = chosen(room.at(world.rita), room, "supplier")
    for by in (world.anna, world.dora):
        assert room.at(by).send(page_of(room), marks=marks, word="lift", reason="x").status_code == 403
        assert "Save and tell the supplier" not in room.at(by).reads(page_of(room))
    lift(room, "supplier")
    ruling = db.session.scalars(select(Ruling.public_id)).one()
    db.session.rollback()
    assert room.at(world.rita).send(f"/rulings/{ruling}/objection", words="x").status_code == 403
    assert room.at(world.stranger).send(f"/rulings/{ruling}/objection", words="x").status_code == 404
    assert room.at(world.stranger).get(page_of(room)).status_code == 404


def test_a_word_given_before_an_objection_was_read_is_turned_away_and_nothing_typed_is_lost(room: Room) -> None:
    rita = room.at(room.world.rita)
    lift(room, "supplier")
    before = chosen(rita, room, "supplier", "invoice")
    room.at(room.world.anna).send(objection_link(room), words=OBJECTION)

    answer = rita.send(page_of(room), marks=before, word="lift", reason="Den står der ennå.")

    assert answer.status_code == 409
    for told in ("has changed since you opened the page", OBJECTION, "Den står der ennå."):
        assert told in answer.text
    [state] = db.session.scalars(select(Ruling.state))
    assert state == "objected", "the objection has not been answered unread"
    boxes = re.findall(r'<input[^>]* name="marks"[^>]*>', answer.text)
    ticked = [field for box in boxes if " checked" in box for field in re.findall(r"/fuel/([a-z]+)/", box)]
    assert ticked == ["invoice"], "what changed is to be read, and chosen again"
    lift(room, "supplier", reason="Den står på tavla.")
    assert room.at(room.world.anna).send(f"/rulings/{_ruling(room)}/objection", words="Nei.").status_code == 409


def _ruling(room: Room) -> str:
    db.session.rollback()
    found = str(db.session.scalars(select(Ruling.public_id)).one())
    db.session.rollback()
    return found


def test_the_first_word_on_a_mark_is_given_once(room: Room) -> None:
    """Both have the page open on which nobody has said anything."""
    rita, ruth = room.at(room.world.rita), room.at(room.world.ruth)
    marks = chosen(rita, room, "supplier")
    assert chosen(ruth, room, "supplier") == marks
    assert rita.send(page_of(room), marks=marks, word="uphold", reason="Den er hemmelig.").status_code == 303
    assert ruth.send(page_of(room), marks=marks, word="lift", reason=NO_SECRET).status_code == 409
    [state] = db.session.scalars(select(Ruling.state))
    assert state == "upheld"


def test_what_is_lifted_is_not_lifted_again(room: Room) -> None:
    """It would be redacted anew for as long as the notice takes."""
    lift(room, "supplier")
    deliver_mail()
    clock.move_to(clock.now() + timedelta(days=30))
    late = f"/rulings/{_ruling(room)}/objection"
    assert room.at(room.world.anna).send(late, words=OBJECTION).status_code == 409, "too late"
    rita = room.at(room.world.rita)
    answer = rita.send(page_of(room), marks=chosen(rita, room, "supplier", "invoice"), word="lift", reason=NO_SECRET)
    assert answer.status_code == 422
    assert "is lifted already" in answer.text
    assert taken_out(room)[0]["Supplier of the fuel"] == SECRETS[0]
    assert len(db.session.scalars(select(Ruling)).all()) == 1, "nothing of it was stored"


def test_marks_that_are_there_no_more_are_not_passed_over(room: Room) -> None:
    rita = room.at(room.world.rita)
    [known] = chosen(rita, room, "supplier")
    answer = rita.send(page_of(room), marks=[known, known.replace("supplier", "waybill")], word="lift", reason="x")
    assert (answer.status_code, "has changed since you opened the page" in answer.text) == (409, True)
    assert not db.session.scalars(select(Ruling)).all()


def test_each_lifting_takes_one_objection_and_the_letter_says_so_only_then(room: Room) -> None:
    asked = "If you do not agree, object before then."
    anna = room.at(room.world.anna)
    lift(room, "supplier")
    anna.send(objection_link(room), words=OBJECTION)
    lift(room, "supplier", reason="Den står på tavla.")
    with transaction():
        first, _copy, overruled, *_rest = letters_of("marks_ruled")
        assert (asked in first.body, asked in overruled.body) == (True, False)
        assert "You have objected, and the buyer has answered" in overruled.body
    assert "/objection" not in anna.get(page_of(room)).text
    lift(room, "supplier", word="uphold", reason="Dere har rett.")
    clock.move_to(clock.now() + timedelta(days=400))

    lift(room, "supplier", reason="Prisavtalen er over.")

    with transaction():
        assert asked in letters_of("marks_ruled")[-1].body
    anna = room.at(room.world.anna)
    assert OBJECTION not in anna.reads(page_of(room)), "that was about another word"
    assert anna.send(objection_link(room), words="Den gjelder ennå.").status_code == 303
    assert taken_out(room)[0]["Supplier of the fuel"].startswith("Redacted:")


def test_the_trail_says_which_mark_was_judged_and_from_when(room: Room) -> None:
    lift(room, "supplier", "invoice")
    deliver_mail()
    seen = room.at(room.world.adam).reads("/trail?subject=ruling")
    assert "March 2026, revision 1, Fuel and energy delivered: Supplier of the fuel" in seen
    assert "March 2026, revision 1, Fuel and energy delivered: Invoice" in seen
    assert "Lifted from:" in seen
    assert "Counts as given" not in seen


def test_nothing_is_lifted_that_nobody_can_be_told_of(room: Room) -> None:
    with transaction():
        for gone in (room.world.anna, room.world.bo):
            gone.ended_at = clock.now()
    rita = room.at(room.world.rita)
    marks = chosen(rita, room, "supplier")
    answer = rita.send(page_of(room), marks=marks, word="lift", reason=NO_SECRET)
    assert (answer.status_code, "has nobody who can get the letter" in answer.text) == (422, True)
    assert NO_SECRET in answer.text
    assert not db.session.scalars(select(Ruling)).all()
    answer = rita.send(page_of(room), marks=marks, word="uphold", reason="Den er hemmelig.")
    assert answer.status_code == 303
    assert "The supplier has nobody who can get a letter about it" in rita.reads(page_of(room))


def test_the_days_run_from_the_first_letter_that_arrives(room: Room, terminal: Terminal) -> None:
    lift(room, "supplier")
    assert failed("marks_ruled") == 2
    clock.move_to(clock.now() + timedelta(days=30))
    line, account = taken_out(room)
    assert line["Supplier of the fuel"].startswith("Redacted:")
    assert any("five working days after a letter has told the supplier" in each for each in account)
    for by in (room.world.rita, room.world.anna):
        assert "None has arrived yet" in room.at(by).reads(page_of(room))
    assert "five working days after a letter" in room.at(room.world.anna).reads(objection_link(room))

    lift(room, "supplier", reason="Sendes på nytt.")
    deliver_mail()

    assert taken_out(room)[0]["Supplier of the fuel"].startswith("Redacted:"), "its days run from now"
    assert terminal.run("verify-audit").exit_code == 0
    clock.move_to(clock.now() + timedelta(days=30))
    assert taken_out(room)[0]["Supplier of the fuel"] == SECRETS[0]


def test_where_every_letter_comes_back_nobody_was_told(room: Room, terminal: Terminal) -> None:
    lift(room, "supplier")
    deliver_mail()
    with transaction():
        to_anna, to_bo = letters_of("marks_ruled")
        bounces.note(report(to_anna))
    assert "It stands until" in room.at(room.world.rita).reads(page_of(room)), "the other was told"
    with transaction():
        bounces.note(report(to_bo))
    assert "None has arrived yet" in room.at(room.world.rita).reads(page_of(room))
    assert terminal.run("verify-audit").exit_code == 0
    clock.move_to(clock.now() + timedelta(days=30))
    assert taken_out(room)[0]["Supplier of the fuel"].startswith("Redacted:")
