"""Receipts beside figures: put there, taken away, signed with, and seen by whom."""

import contextvars
import hashlib
import io
import uuid
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal import calendars, clock
from portal.extensions import db, parts, transaction
from portal.model import Evidence, Report
from portal.operations.contracts import contracts
from portal.operations.entry import drafts, evidence, lines
from portal.operations.entry.evidence import Place, Upload
from portal.operations.reports import comments, reports, revisions
from portal.work import sweep_files
from tests.pages import Desk, Seat, database_url, fields, parsed, seat, section, words, world
from tests.reviewing import return_for
from tests.world import World, fill_in, submit

__all__ = ["database_url", "seat", "world"]

PHOTO = Upload("kvittering.jpg", b"\xff\xd8\xff\xe0 a photo of a receipt")
PAPER = Upload("faktura.pdf", b"%PDF-1.7 an invoice")


def upload(desk: Desk, path: str, *files: Upload, field: str = "amount") -> TestResponse:
    db.session.rollback()
    given = [(io.BytesIO(file.content), file.name) for file in files]
    answer = contextvars.Context().run(desk.client.post, path, data={"field": field, "files": given})
    db.session.rollback()
    return answer


def diesel(world: World) -> uuid.UUID:
    """The line of DI-2."""
    return uuid.UUID(world.machines["DI-2"])


def place(world: World) -> Place:
    return Place("machinery", diesel(world), "amount")


def files_of(world: World, name: str = "") -> str:
    return f"{section(world)}/lines/{diesel(world)}/files{name}"


def test_the_button_saves_what_was_typed_and_leads_to_the_files(world: World, seat: Seat) -> None:
    anna = seat(world.anna)
    form = {**fields(anna.page(section(world))), "lines-0-in_hours": "8", "attach": "lines-0"}
    answer = anna.send(section(world), form)
    assert answer.location == files_of(world)
    assert upload(anna, answer.location, PHOTO, PAPER).location.endswith("#lines-0")
    row = anna.page(section(world)).xpath("//tr[@id='lines-0']")[0]
    assert [words(link) for link in row.xpath(".//ul//a")] == [PHOTO.name, PAPER.name]
    assert row.xpath(".//input[@id='lines-0-in_hours']/@value") == ["8"]
    (link, *_others) = row.xpath(".//ul//a/@href")
    answer = anna.get(link)
    assert answer.data == PHOTO.content
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_file_is_taken_away_again(world: World, seat: Seat) -> None:
    fill_in(world)
    anna = seat(world.anna)
    upload(anna, files_of(world), PHOTO, PAPER)
    page = anna.page(files_of(world))
    first, _second = page.xpath("//form[contains(@action, '/remove')]/@action")
    assert anna.send(first, {}).status_code == 303
    assert [words(each) for each in anna.page(files_of(world)).xpath("//ul[@class='attached']//a")] == [PAPER.name]
    assert anna.send(first, {}).status_code == 404


def test_the_same_file_twice_is_one(world: World, seat: Seat) -> None:
    fill_in(world)
    anna = seat(world.anna)
    upload(anna, files_of(world), PHOTO, PHOTO)
    upload(anna, files_of(world), PHOTO)
    assert len(db.session.scalars(select(Evidence)).all()) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "Choose at least one file"),
        ([Upload("page.pdf", b"<html><script>alert(1)</script>")], "a file type we do not accept"),
        ([Upload("kvittering.jpg.exe", b"MZ")], "a file type we do not accept"),
        ([Upload(f"{n}.txt", f"receipt {n}".encode()) for n in range(21)], "There may be 20 files"),
    ],
)
def test_what_is_no_receipt_is_refused_and_nothing_kept(
    world: World, seat: Seat, given: list[Upload], said: str
) -> None:
    fill_in(world)
    answer = upload(seat(world.anna), files_of(world), *given)
    assert answer.status_code == 422
    page = parsed(answer)
    assert said in words(page.xpath("//*[@id='error-summary']")[0])
    assert page.xpath("//*[@id='error-summary']//a/@href") == ["#files"]
    assert db.session.scalars(select(Evidence)).all() == []


def test_only_a_figure_with_a_source_takes_a_receipt(world: World, seat: Seat) -> None:
    fill_in(world)
    anna = seat(world.anna)
    assert upload(anna, files_of(world), PHOTO, field="stage").status_code == 404
    other = files_of(world).replace(str(diesel(world)), str(uuid.uuid4()))
    assert upload(anna, other, PHOTO).status_code == 404
    assert upload(seat(world.stranger), files_of(world), PHOTO).status_code == 404
    assert upload(seat(world.rita), files_of(world), PHOTO).status_code == 403


def sign(world: World) -> None:
    report = db.session.get_one(Report, world.report.id)
    with transaction():
        reports.sign(report, by=world.bo, version=report.version)


def attach(world: World, *files: Upload) -> None:
    with transaction():
        evidence.add(db.session.get_one(Report, world.report.id), place(world), files, by=world.anna)


def test_the_signature_covers_the_receipts_and_the_buyer_sees_them_from_then_on(world: World, seat: Seat) -> None:
    fill_in(world)
    attach(world, PHOTO, PAPER)
    (link, *_others) = [f"/evidence/{file.public_id}" for file in db.session.scalars(select(Evidence))]
    rita = seat(world.rita)
    assert rita.get(link).status_code == 404
    sign(world)
    report = db.session.get_one(Report, world.report.id)
    (revision,) = report.revisions
    values = {line.key: line.values for line in revision.lines_of("machinery")}
    hashes = sorted(hashlib.sha256(file.content).hexdigest() for file in (PHOTO, PAPER))
    assert values[diesel(world)]["amount"]["evidence"] == " ".join(hashes)
    assert "evidence" not in values[uuid.UUID(world.machines["EL-1"])]["amount"]
    assert revision.hash == revisions.content_hash(report, revision)
    assert rita.get(link).data == PHOTO.content
    shown = rita.page(f"/reports/{report.public_id}").xpath("//a[contains(@href, '/evidence/')]")
    assert [words(each) for each in shown] == [PHOTO.name, PAPER.name]
    assert seat(world.stranger).get(link).status_code == 404
    found = evidence.of_revision(revision)
    assert {key: {file.name for file in files} for key, files in found.items()} == {
        place(world): {PHOTO.name, PAPER.name}
    }


def test_what_was_signed_with_stays_when_it_is_taken_off_the_correction(world: World) -> None:
    fill_in(world)
    attach(world, PHOTO)
    sign(world)
    report = db.session.get_one(Report, world.report.id)
    return_for(report, world.rita, (comments.Place("machinery", diesel(world), "amount"), "The wrong receipt."))
    (photo,) = db.session.scalars(select(Evidence)).all()
    with transaction():
        evidence.remove(report, photo, by=world.anna)
        evidence.add(report, place(world), [PAPER], by=world.anna)
    sign(world)
    first, second = report.revisions
    assert [[file.name for file in evidence.of_revision(each)[place(world)]] for each in (first, second)] == [
        [PHOTO.name],
        [PAPER.name],
    ]
    assert first.hash == revisions.content_hash(report, first)


def test_under_correction_only_a_reopened_figure_takes_files(world: World, seat: Seat) -> None:
    submit(world)
    report = db.session.get_one(Report, world.report.id)
    electric = comments.Place("machinery", uuid.UUID(world.machines["EL-1"]), "amount")
    return_for(report, world.rita, (electric, "Show the meter."))
    anna = seat(world.anna)
    assert upload(anna, files_of(world), PHOTO).status_code == 422
    assert "No figure on this line is open" in words(anna.page(files_of(world)))
    other = files_of(world).replace(str(diesel(world)), world.machines["EL-1"])
    assert upload(anna, other, PHOTO).status_code == 303


def test_copying_last_month_copies_no_receipt(world: World) -> None:
    fill_in(world)
    attach(world, PHOTO)
    sign(world)
    with transaction():
        april = contracts.open_period(world.contract, calendars.month_of(date(2026, 4, 1)))
    with transaction():
        lines.copy_previous(april, "machinery", by=world.anna)
    assert evidence.of_section(april, "machinery") == {}
    kind = contracts.kind_of(april, "machinery")
    assert {row.raw["amount"] for row in drafts.rows_of(april, kind)} == {"1000", "5000"}


def test_a_receipt_taken_away_unsigned_is_swept_and_a_signed_one_is_not(world: World) -> None:
    fill_in(world)
    attach(world, PHOTO, PAPER)
    report = db.session.get_one(Report, world.report.id)
    photo, paper = db.session.scalars(select(Evidence).order_by(Evidence.id)).all()
    with transaction():
        evidence.remove(report, photo, by=world.anna)
    sign(world)
    clock.move_to(clock.now() + timedelta(days=400))
    sweep_files({})
    store = parts().store
    assert not store.exists(photo.sha256)
    assert store.get(paper.sha256) == PAPER.content


def test_beside_a_part_that_the_report_does_not_have_nothing_is_put(world: World, seat: Seat) -> None:
    fill_in(world)
    nowhere = files_of(world).replace("/machinery/", "/nothing/")
    assert upload(seat(world.anna), nowhere, PHOTO).status_code == 404
