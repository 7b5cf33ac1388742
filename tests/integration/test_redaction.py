"""Trade secrets are marked, signed and seen by the buyer; the version for access to documents holds none of them."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from unittest import mock
from uuid import uuid4

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select

from portal import calendars, kinds
from portal.extensions import db, transaction
from portal.kinds.base import FieldType
from portal.kinds.secrecy import hidden_columns, may_be_secret
from portal.model import AuditEvent, Decision, Person, Reading, Revision, Role
from portal.operations.contracts import contracts
from portal.operations.entry import drafts, evidence
from portal.operations.entry.drafts import RawLine
from portal.operations.entry.evidence import Place, Upload
from portal.operations.people import own_data
from portal.operations.reports import reviews, revisions
from portal.text import names_however_written
from tests.owner import as_owner
from tests.sanctioning import Room, opened
from tests.world import hand_in, machine_lines

WHY = "Konkurrenter kan regne ut prisene våre."
SECRETS = ("Løyndom Energi", "F-4711-H", "faktura-løyndom")
NAMES = ("Anna Prøve", "Rita Prøve", "Bo Prøve", "anna@prove.example")
DELIVERY = {
    "entry": "delivery",
    "product": "diesel",
    "amount": "1000",
    "amount_source": "invoice",
    "supplier": SECRETS[0],
    "invoice": SECRETS[1],
    "delivered_on": "10.03.2026",
    "sustainability": "Tatt imot av Anna Prøve (anna@prove.example), på Prøvestad.",
}


@pytest.fixture
def room(make_app: Callable[..., Flask], database_url: str) -> Iterator[Room]:
    with opened(make_app, database_url) as room:
        yield room


def fill(room: Room) -> str:
    """The month with a delivery and its invoice; the address of the page where its secrets are marked."""
    world, report = room.world, room.world.report
    with transaction():
        drafts.save(report, "machinery", machine_lines(world), by=world.anna, version=report.version)
    line = RawLine(uuid4(), DELIVERY)
    with transaction():
        drafts.save(report, "fuel", [line], by=world.anna, version=report.version)
    with transaction():
        upload = Upload(f"{SECRETS[2]}.txt", b"1000 l\n")
        evidence.add(report, Place("fuel", line.key, "amount"), [upload], by=world.anna)
    return f"/reports/{report.public_id}/sections/fuel/trade-secrets"


def sign(room: Room) -> Revision:
    world, report = room.world, room.world.report
    hand_in(report, world)
    return revisions.newest(report)


def april_after_marks(room: Room, key: str, *fields: str) -> str:
    """March is signed with these marks, and April has been opened; the address of the same part of April."""
    world, url = room.world, fill(room)
    room.at(world.anna).send(url.replace("/fuel/", f"/{key}/"), secrets=list(fields), reason=WHY)
    sign(room)
    with transaction():
        april = contracts.open_period(world.contract, calendars.month_of(date(2026, 4, 1)))
    return f"/reports/{april.public_id}/sections/{key}"


def test_what_was_marked_last_time_is_asked_about_and_marked_again_by_one_button(room: Room) -> None:
    edit = april_after_marks(room, "fuel", "supplier", "invoice", "files")
    anna, told = room.at(room.world.anna), "For March 2026 you marked: Supplier of the fuel, Invoice"
    assert told in anna.reads(edit)
    check = edit.partition("/sections/")[0] + "/check"
    assert told in anna.reads(check), "whoever hands over without looking at the part again"
    answer = anna.send(f"{edit}/trade-secrets/again", back="check")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{check}#part-fuel")
    assert told not in anna.reads(edit) + anna.reads(check)
    assert "Marked as a trade secret: Supplier of the fuel, Invoice" in anna.reads(edit)
    assert WHY in anna.reads(check)
    assert anna.send(f"{edit}/trade-secrets/again").status_code == 303, "nothing is left to mark"
    anna.send(f"{edit}/trade-secrets", secrets=["invoice"], reason=WHY)
    assert told not in anna.reads(edit), "marks of one's own are not asked about"


def test_where_nothing_was_marked_or_reported_nothing_is_asked(room: Room) -> None:
    edit = april_after_marks(room, "fuel", "supplier")
    anna = room.at(room.world.anna)
    assert "the last time" not in anna.reads(edit.replace("/fuel", "/machinery"))
    anna.send(edit, answer="nothing", reason="Ingen leveranser.", version="0")
    assert "the last time" not in anna.reads(edit)


def test_copying_the_last_period_copies_its_marks(room: Room) -> None:
    edit = april_after_marks(room, "machinery", "files")
    anna = room.at(room.world.anna)
    assert anna.send(edit, answer="filled", version="0", copy="1").status_code == 303
    page = anna.reads(edit)
    assert "What you marked as trade secrets for March 2026 is marked here too." in page
    assert "Marked as a trade secret: the files." in page


def test_what_figures_are_counted_from_is_open_in_every_kind() -> None:
    """Environmental information, and whatever could be had from a total: every amount, and every class."""
    markable = {key: {field.key for field in may_be_secret(kind)} for key, kind in kinds.kinds().items()}
    for name, field in (("machinery", "hours"), ("fuel", "amount"), ("fuel", "entry"), ("transport", "distance")):
        assert field in {each.key for each in kinds.kinds()[name].fields}
        assert field not in markable[name]
    for key, kind in kinds.kinds().items():
        assert markable[key] <= {field.key for field in kind.fields if field.type in {FieldType.TEXT, FieldType.DATE}}
    fuel = kinds.kinds()["fuel"]
    assert {"supplier", "invoice"} <= {field.key for field in may_be_secret(fuel)}
    assert hidden_columns(fuel, frozenset({"amount", "invoice"})) == {"invoice"}


@pytest.mark.parametrize(
    "written",
    [
        "Anna Prøve",
        "ANNA PRØVE",
        "Anna  Prøve",
        "Anna\u00a0Prøve",
        "Prøve, Anna",
        "Anna Prøves",
        "Anna Prøve_x",
        "noen.andre@annet.example",
    ],
)
def test_a_name_is_found_however_it_is_written(written: str) -> None:
    found = names_however_written(["Anna Prøve", "anna@prove.example"])
    told = found.sub("[]", f"Meldt av {written}, på Prøvestad")
    assert "Prøve" not in told.removesuffix("på Prøvestad")
    assert "@" not in told
    assert told.endswith("på Prøvestad"), "is no name"


def test_a_secret_is_marked_with_a_reason_signed_and_seen_by_the_reviewer(room: Room) -> None:
    url = fill(room)
    anna = room.at(room.world.anna)
    edit = anna.reads(url.removesuffix("/trade-secrets"))
    assert "Mark something as a trade secret" in edit
    assert 'value="amount"' not in anna.get(url).text
    for form, told in (
        ({"secrets": ["supplier"], "reason": " "}, "Write why it is a trade secret"),
        ({"secrets": ["amount"], "reason": WHY}, "cannot be a trade secret"),
    ):
        answer = anna.send(url, **form)
        assert (answer.status_code, told in answer.text) == (422, True)
    assert anna.send(url, secrets=["supplier", "files"], reason=WHY).status_code == 303
    assert anna.get(url).text.count(" checked") == 2
    assert "Change what is marked" in anna.reads(url.removesuffix("/trade-secrets"))

    revision = sign(room)
    assert revision.secrets == {"fuel": {"fields": ["supplier", "files"], "reason": WHY}}
    assert revisions.content_hash(room.world.report, revision) == revision.hash
    with db.session.no_autoflush:
        revision.secrets = {}
        assert revisions.content_hash(room.world.report, revision) != revision.hash, (
            "the mark is part of what is signed"
        )
    db.session.rollback()
    seen = room.at(room.world.rita).reads(f"/reports/{room.world.report.public_id}/review")
    assert "Marked as a trade secret: Supplier of the fuel, the files." in seen
    assert WHY in seen
    assert anna.send(url, secrets=[], reason="").status_code in {303, 422}
    assert revisions.newest(room.world.report).secrets == revision.secrets


def test_the_redacted_version_holds_no_secret_and_no_name_in_any_byte(room: Room) -> None:
    world, url = room.world, fill(room)
    room.at(world.anna).send(url, secrets=["supplier", "invoice", "files"], reason=WHY)
    sign(room)
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.rita, version=world.report.version)
    contract = world.contract.public_id
    rita = room.at(world.rita)
    assert "Download redacted version" in rita.reads(f"/contracts/{contract}")
    assert "Download redacted version" not in room.at(world.anna).reads(f"/contracts/{contract}")
    whole = _bytes_of(rita.get("/exports/reports.xlsx").data)
    for word in (*SECRETS[:2], NAMES[0]):
        assert word.encode() in whole, "else the test would find nothing where there is nothing"

    answer = rita.send(f"/exports/{contract}/redacted.xlsx")
    assert answer.status_code == 200
    told = _bytes_of(answer.data)
    for word in (*SECRETS, *NAMES, WHY):
        assert word.encode() not in told
        assert word.encode("utf-16-le") not in told
    assert "på Prøvestad".encode() in told, "is no name"

    with zipfile.ZipFile(io.BytesIO(answer.data)) as file:
        assert not [name for name in file.namelist() if re.search("comment|vba|custom|embed|external", name.lower())]
        assert b'state="hidden"' not in file.read("xl/workbook.xml")
        properties = file.read("docProps/core.xml").decode()
    assert re.findall(r"<(?:dc:creator|cp:lastModifiedBy)>([^<]+)<", properties) == []
    book: Any = openpyxl.load_workbook(io.BytesIO(answer.data))
    header, line = [[cell.value for cell in row] for row in book["Fuel and energy delivered"].iter_rows()]
    row = dict(zip(header, line, strict=True))
    assert Decimal(row["Amount"]) == 1000, "what emissions are counted from is open"
    assert row["Supplier of the fuel"].startswith("Redacted: offentleglova section 13")
    assert "[Redacted: GDPR article 5" in row["Sustainability document"]
    counted = {cells[0].value: cells[2].value for cells in book["Redactions"].iter_rows(min_row=2)}
    assert counted["Values marked as trade secrets"] == 2
    assert counted["Names and e-mail addresses"] == 2
    assert counted["Attachments marked as trade secrets"] == 1


def test_who_has_another_name_or_none_any_more_is_not_named_after_all(room: Room) -> None:
    """What was signed names its signatory for good; what is handed out to others does not."""
    world = room.world
    with mock.patch.dict(DELIVERY, sustainability="Tatt imot av Bo Prøve på Prøvestad."):
        fill(room)
    sign(room)
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.rita, version=world.report.version)
    rita, url = room.at(world.rita), f"/exports/{world.contract.public_id}/redacted.xlsx"
    signer = world.report.revisions[0].signed_by
    name = signer.name
    assert name == "Bo Prøve"
    assert name.encode() in _bytes_of(rita.get("/exports/reports.xlsx").data)
    assert name.encode() not in _bytes_of(rita.send(url).data)
    with transaction():
        db.session.merge(signer).name = "Siri Gift"
    assert name.encode() not in _bytes_of(rita.send(url).data)
    with transaction():
        world.anna.role_codes = [Role.REPORTER.value, Role.SIGNATORY.value]
        own_data.erase(db.session.get_one(Person, signer.id))
    db.session.expire_all()
    assert name.encode() not in _bytes_of(rita.send(url).data)


def test_the_redacted_version_is_the_buyers_and_leaves_a_trace(room: Room) -> None:
    world, path = room.world, f"/exports/{room.world.contract.public_id}/redacted.xlsx"
    assert room.at(world.anna).send(path).status_code == 403
    assert room.at(world.rita).send(path).status_code == 200
    with transaction():
        [entry] = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "contract.redacted"))
        assert (entry.person_id, entry.facts["reports"]) == (world.rita.person_id, 0)
        [read] = db.session.scalars(select(Reading).where(Reading.what == "redacted"))
        assert read.contract_id == world.contract.id


def test_nothing_is_taken_out_of_a_report_that_is_not_as_it_was_signed(room: Room, database_url: str) -> None:
    """Somebody takes a mark away behind the portal's back: the version for access would tell the secret."""
    world, url = room.world, fill(room)
    room.at(world.anna).send(url, secrets=["supplier"], reason=WHY)
    sign(room)
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.rita, version=world.report.version)
    path = f"/exports/{world.contract.public_id}/redacted.xlsx"
    assert room.at(world.rita).send(path).status_code == 200
    as_owner(database_url, "UPDATE revision SET secrets = '{}'")
    answer = room.at(world.rita).send(path)
    assert answer.status_code == 422
    assert "March 2026, revision 1, is no longer as it was signed" in answer.text
    assert SECRETS[0] not in answer.text


def test_who_only_reads_at_the_buyer_gives_nobody_access(room: Room) -> None:
    world, contract = room.world, room.world.contract.public_id
    with transaction():
        world.rita.role_codes = [Role.DECISION_MAKER]
    rita = room.at(world.rita)
    assert "Download redacted version" not in rita.reads(f"/contracts/{contract}")
    answer = rita.send(f"/exports/{contract}/redacted.xlsx")
    assert (answer.status_code, "Your role" in answer.text) == (403, True)


def _bytes_of(workbook: bytes) -> bytes:
    """The file as it lies on the disk, and every part of it unpacked."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as file:
        return b"\n".join([workbook, *(name.encode() + file.read(name) for name in file.namelist())])
