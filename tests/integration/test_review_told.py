"""What the pages of a review tell, on both databases: what became of comments, what lines were before, and to whom."""

from io import BytesIO
from uuid import uuid4

import openpyxl
import pytest
from sqlalchemy import select

from portal.extensions import db, transaction
from portal.model import CommentCategory, Evidence, OutgoingMail, RevisionLine
from portal.operations.entry import drafts
from portal.operations.reports import comments
from portal.operations.reports.comments import Place
from tests.desk import Desk, words
from tests.reviewing import Seat, correct, decision, delivery, fresh, line, page, said, say, seat, send_again
from tests.world import World, fill_in, submit

__all__ = ["seat"]

SECRET = "Dette er bare mellom oss."


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


# -- what becomes of it ------------------------------------------------------------------------------------------------


def test_each_comment_shows_what_became_of_it_over_later_revisions(world: World, seat: Seat) -> None:
    submit(world)
    rita, anna = seat(world.rita), seat(world.anna)
    say(rita, world, line(world, "DI-2", "amount"), "Er det 900 liter?")
    say(rita, world, line(world, "EL-1", "amount"), "Avles på nytt.")
    say(rita, world, line(world, "EL-1"), "Var den på verksted?", "question")
    decision(rita, world, "return")
    reply = f"/comments/{said('Var den på verksted?').public_id}/reply"
    assert "Your answer" in anna.reads(f"/reports/{world.report.public_id}")
    assert anna.send(reply, reply=" ").status_code == 422
    too_long = anna.send(reply, reply="Ja. " * 300)
    assert (too_long.status_code, "Write at most 1000 characters." in words(too_long)) == (422, True)
    assert "Ja. " * 300 in too_long.text, "what was written is still there"
    assert 'href="#reply-' in too_long.text
    assert anna.send(reply, reply="Ja, to uker.").status_code == 303
    correct(world, diesel="900")
    assert anna.send(reply, reply="Nei.").status_code == 422
    for desk in (rita, anna):
        address = page(world) if desk is rita else f"/reports/{world.report.public_id}/receipt"
        text = desk.reads(address)
        assert "Er det 900 liter? Corrected before: 1 000 l now: 900 l" in text
        assert "Avles på nytt. Not changed" in text
        assert "Var den på verksted? Answered Ja, to uker. Anna Prøve" in text
    say(rita, world, line(world, "EL-1", "amount"), "Fortsatt feil.")
    decision(rita, world, "return")
    correct(world, electric="4500", diesel="900")
    text = rita.reads(page(world))
    assert "on revision 1 Er det 900 liter? Corrected before: 1 000 l now: 900 l" in text
    assert "Fortsatt feil. Corrected before: 5 000 kWh now: 4 500 kWh" in text


def test_what_the_buyer_keeps_to_itself_is_nowhere_at_the_supplier(world: World, seat: Seat) -> None:
    submit(world)
    rita, bo = seat(world.rita), seat(world.bo)
    say(rita, world, line(world, "DI-2", "amount"), SECRET, "internal")
    say(rita, world, line(world, "DI-2", "amount"), "Er det 900 liter?")
    assert SECRET in rita.reads(page(world))
    root = f"/reports/{world.report.public_id}"
    pages = [root, f"{root}/receipt", "/", "/reports", f"/contracts/{world.contract.public_id}", "/cases"]
    for address in pages:
        assert SECRET not in bo.get(address).text, address
        assert "Er det 900 liter?" not in bo.get(address).text, (address, "not told before the decision")
    decision(rita, world, "return")
    for address in [*pages, f"{root}/sections/machinery", f"{root}/check"]:
        assert SECRET not in bo.get(address).text, address
    assert "Er det 900 liter?" in bo.reads(root)
    correct(world, diesel="900")
    decision(rita, world, "approve")
    for address in pages:
        assert SECRET not in bo.get(address).text, address
    assert SECRET in rita.reads(page(world)), "it stays where it was written"
    book = openpyxl.load_workbook(BytesIO(bo.get("/exports/reports.xlsx").data))
    cells = [str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row]
    assert len(cells) > 20
    assert not any(SECRET in cell for cell in cells)
    assert not any(SECRET in letter.body for letter in db.session.scalars(select(OutgoingMail)))
    for text in (SECRET, "Er det 900 liter?"):
        status = bo.send(f"/comments/{said(text).public_id}/reply", reply="Hei").status_code
        assert status == (404 if text == SECRET else 422), text
    with transaction():
        assert [each.text for each in comments.of(fresh(world), by=world.bo)] == ["Er det 900 liter?"]
        assert comments.of(fresh(world), by=world.stranger) == []


# -- beside what it was ------------------------------------------------------------------------------------------------


def test_lines_are_held_against_the_last_revision_and_the_first(world: World, seat: Seat) -> None:
    submit(world)
    rita = seat(world.rita)
    for diesel in ("900", "800"):
        say(rita, world, line(world, "DI-2", "amount"), f"Er det {diesel} liter?")
        decision(rita, world, "return")
        correct(world, diesel=diesel)
    assert "1 of 2 lines changed." in rita.reads(page(world))
    assert "now: 800 l metered before: 900 l metered -11 %" in shown(rita, page(world))
    assert "now: 800 l metered before: 1 000 l metered -20 %" in shown(rita, f"{page(world)}?compare=original")
    assert "EL-1" not in shown(rita, page(world)).partition("Figures")[0].partition("Lines")[2]
    everything = shown(rita, f"{page(world)}?compare=original&rows=all")
    assert "EL-1" in everything.partition("Figures")[0].partition("Lines")[2]
    assert "Show only those that stand out" in everything
    assert "There is nothing earlier to compare these lines with." in rita.reads(f"{page(world)}?compare=period")
    assert rita.get(f"{page(world)}?compare=nonsense&rows=x&line=<b>").status_code == 200


def shown(desk: Desk, address: str) -> str:
    return desk.reads(address).replace("\N{MINUS SIGN}", "-")


def test_lines_without_an_identity_are_known_by_their_key(world: World, seat: Seat) -> None:
    """A delivery has no name: within a report its key tells which it is, and one that is gone is shown as gone."""
    fill_in(world)
    kept, gone = uuid4(), uuid4()
    with transaction():
        lines = [delivery("500", kept), delivery("70", gone)]
        drafts.save(world.report, "fuel", lines, by=world.anna, version=world.report.version)
    send_again(world)
    rita = seat(world.rita)
    say(rita, world, "fuel//", "Er den siste med?")
    decision(rita, world, "return")
    world.report = fresh(world)
    with transaction():
        lines = [delivery("450", kept), delivery("30")]
        drafts.save(world.report, "fuel", lines, by=world.anna, version=world.report.version)
    send_again(world)
    text = shown(rita, page(world))
    assert "2 of 2 lines changed. 1 line is no longer here." in text
    assert "now: 450 l" in text
    assert "before: 500 l" in text
    assert "Not here now" in text
    assert "before: 70 l" in text
    assert "Not in revision 1" in text


def test_the_files_behind_a_value_are_handed_out_beside_it(world: World, seat: Seat) -> None:
    submit(world)
    file = Evidence(
        **world.report.parties,
        sha256="a" * 64,
        name="kvittering.pdf",
        media_type="application/pdf",
        size=1,
        uploaded_by_id=world.anna.person_id,
    )
    value = {"value": "80", "unit": "l", "source": "invoice", "evidence": f"{'a' * 64} {'b' * 64}"}
    latest = fresh(world).latest
    assert latest is not None
    with transaction() as session:
        session.add(file)
        latest.lines.append(RevisionLine(kind="fuel", key=uuid4(), position=0, values={"amount": value}))
    text = seat(world.rita).get(page(world)).text
    assert text.count(f'href="/evidence/{file.public_id}">kvittering.pdf</a>') == 1


# -- keys --------------------------------------------------------------------------------------------------------------


def test_shortcuts_can_be_turned_off_for_good(world: World, seat: Seat) -> None:
    submit(world)
    rita = seat(world.rita)
    text = rita.get(page(world)).text
    assert 'data-keys="on"' in text
    assert ">j</kbd>" in text
    answer = rita.send("/review-keys", keys="off", next=page(world))
    assert (answer.status_code, answer.location) == (303, page(world))
    again = seat(world.rita).get(page(world)).text
    assert 'data-keys="off"' in again
    assert "<kbd aria-hidden" not in again
    assert rita.send("/review-keys", keys="on", next="https://evil.example/").location == "/queue"
    assert 'data-keys="on"' in rita.get(page(world)).text


def test_a_comment_stands_where_it_was_put() -> None:
    key = uuid4()
    for place in (Place(), Place("fuel"), Place("fuel", key), Place("fuel", key, "amount")):
        assert Place.read(str(place)) == place
    assert set(CommentCategory) == {"question", "must", "internal"}
