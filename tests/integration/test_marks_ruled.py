"""The buyer's word on a mark: upheld, or lifted after notice; the supplier is told, and can object."""

import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock, kinds
from portal.extensions import db, transaction
from portal.model import AuditEvent, Decision, OutgoingMail, Ruling
from portal.operations.reports import reviews
from tests.desk import Desk
from tests.integration.test_redaction import SECRETS, WHY, fill, sign
from tests.sanctioning import Room, opened

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


def page_of(room: Room) -> str:
    return f"/contracts/{room.world.contract.public_id}/trade-secrets"


def key(room: Room, field: str) -> str:
    revision = room.world.report.accepted
    assert revision is not None
    return f"{revision.public_id}/fuel/{field}"


def lift(room: Room, *fields: str, reason: str = NO_SECRET) -> Desk:
    rita = room.at(room.world.rita)
    answer = rita.send(page_of(room), marks=[key(room, field) for field in fields], word="lift", reason=reason)
    assert answer.status_code == 303, answer.text
    return rita


def taken_out(room: Room) -> tuple[dict[str, Any], list[str]]:
    """The line of fuel in the version for access, and what its sheet of redactions says."""
    answer = room.at(room.world.rita).send(f"/exports/{room.world.contract.public_id}/redacted.xlsx")
    assert answer.status_code == 200
    book: Any = openpyxl.load_workbook(io.BytesIO(answer.data))
    header, line = [[cell.value for cell in row] for row in book["Fuel and energy delivered"].iter_rows()]
    return dict(zip(header, line, strict=True)), [row[0].value for row in book["Redactions"].iter_rows(min_row=2)]


def letters_of(letter: str) -> list[OutgoingMail]:
    return list(db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == letter)))


def test_a_lifted_mark_stands_until_its_notice_is_over_and_both_see_until_when(room: Room) -> None:
    rita = lift(room, "supplier")
    with transaction():
        told = letters_of("marks_ruled")
        assert {each.to_address for each in told} == {"anna@prove.example", "bo@prove.example"}
        assert all(NO_SECRET in each.body for each in told)
        [until] = db.session.scalars(select(Ruling.takes_effect_at))
    assert until is not None
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
        assert OBJECTION in letters_of("mark_objected")[0].body
    clock.move_to(clock.now() + timedelta(days=30))
    assert taken_out(room)[0]["Supplier of the fuel"].startswith("Redacted:")
    rita = room.at(room.world.rita)
    assert OBJECTION in rita.reads(page_of(room))

    rita.send(page_of(room), marks=[key(room, "supplier")], word="uphold", reason="Dere har rett.")

    assert "It stands. The buyer writes: Dere har rett." in room.at(room.world.anna).reads(page_of(room))
    lift(room, "supplier", reason="Prisavtalen er over.")
    clock.move_to(clock.now() + timedelta(days=30))
    assert taken_out(room)[0]["Supplier of the fuel"] == SECRETS[0]
    with transaction():
        rows = select(AuditEvent.action).where(AuditEvent.subject == "ruling").order_by(AuditEvent.id)
        assert list(db.session.scalars(rows)) == ["ruling.lifted", "ruling.objected", "ruling.upheld", "ruling.lifted"]


def test_what_is_not_chosen_said_or_reasoned_is_asked_for_and_nothing_typed_is_lost(room: Room) -> None:
    rita = room.at(room.world.rita)
    answer = rita.send(page_of(room), reason=NO_SECRET)
    assert answer.status_code == 422
    for told in ("Choose at least one mark.", "Choose whether the mark is to stand", NO_SECRET):
        assert told in answer.text
    for odd in ("x", "a/b/c/d", key(room, "amount"), ""):
        assert rita.send(page_of(room), marks=[odd], word="lift", reason=NO_SECRET).status_code == 422
    assert not db.session.scalars(select(Ruling)).all()


def test_only_the_buyers_case_workers_judge_and_only_the_supplier_objects(room: Room) -> None:
    world = room.world
    for by in (world.anna, world.dora):
        assert (
            room.at(by).send(page_of(room), marks=[key(room, "supplier")], word="lift", reason="x").status_code == 403
        )
        assert "Save and tell the supplier" not in room.at(by).reads(page_of(room))
    lift(room, "supplier")
    ruling = db.session.scalars(select(Ruling.public_id)).one()
    db.session.rollback()
    assert room.at(world.rita).send(f"/rulings/{ruling}/objection", words="x").status_code == 403
    assert room.at(world.stranger).send(f"/rulings/{ruling}/objection", words="x").status_code == 404
    assert room.at(world.stranger).get(page_of(room)).status_code == 404
