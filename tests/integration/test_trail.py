"""«Revisjonsspor» over HTTP: each party reads what its own people did and what both are told, and nothing else."""

import io
import re
from collections.abc import Callable, Iterator

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select, text

from portal.extensions import Base, db, transaction
from portal.model import Reading, Role, record
from portal.operations import trail
from portal.web import labels
from portal.web.trail_words import COLUMN
from tests import casework
from tests.desk import Desk
from tests.sanctioning import Room, decided, heard, opened, proposed, send_back

SECRETS = ("A sanction was proposed", "The proposal was sent back", "The amount was calculated", "A point was weighed")
"""What the supplier must not be told before the decision."""


@pytest.fixture
def room(make_app: Callable[..., Flask], database_url: str) -> Iterator[Room]:
    with opened(make_app, database_url) as room:
        with transaction():
            room.world.anna.role_codes = [Role.REPORTER.value, Role.ADMINISTRATOR.value]
            room.world.stranger.role_codes = [Role.REPORTER.value, Role.ADMINISTRATOR.value]
        yield room


def test_each_action_is_told_to_both_or_to_one_side_alone() -> None:
    sides = (trail.SHARED, trail.BUYERS_OWN, trail.SUPPLIERS_OWN)
    assert sum(len(side) for side in sides) == len(frozenset[str]().union(*sides)), "no action has two homes"
    assert frozenset[str]().union(*sides) <= set(labels.EVENT)


def test_the_supplier_is_told_nothing_of_a_sanction_before_it_is_decided(room: Room) -> None:
    world = room.world
    deviation = heard(world, casework.found(world))
    anna, adam = room.at(world.anna), room.at(world.adam)
    before = _texts(anna)
    assert "The reply" in before or "The supplier replied" in before
    sanction = proposed(world, deviation)
    send_back(world, sanction)

    assert _texts(anna) == before
    own = _texts(adam)
    assert all(words in own for words in SECRETS[:2])
    assert "State: from Proposed to Sent back" in own


def test_the_decision_is_told_to_both(room: Room) -> None:
    deviation = heard(room.world, casework.found(room.world))
    decided(room.world, proposed(room.world, deviation))
    anna = _texts(room.at(room.world.anna))
    assert "The sanction was decided" in anna
    assert "Amount" not in anna or "20" in anna
    for words in SECRETS:
        assert words not in anna
    assert "Sanction proposed" not in anna, "nor that there was a proposal, by what the state was before"


def test_the_buyer_is_told_nothing_of_what_goes_on_in_the_draft(room: Room) -> None:
    casework.found(room.world)
    anna, adam = _texts(room.at(room.world.anna)), _texts(room.at(room.world.adam))
    for words in ("The draft was saved", "The report was started", "The report was made ready to sign"):
        assert words in anna
        assert words not in adam
    assert "The report was signed and submitted" in adam


def test_a_stranger_reads_nothing_of_it(room: Room) -> None:
    world = room.world
    casework.found(world)
    sten = room.at(world.stranger)
    for path in (
        "/trail",
        f"/trail?contract={world.contract.public_id}",
        f"/trail?person={world.anna.person.public_id}",
    ):
        words = sten.reads(path)
        for foreign in ("Prøveskolen", "Anna Prøve", "Rita Prøve", "The report was"):
            assert foreign not in _main(words), (path, foreign)
    rows = _rows(sten.get("/trail/trail.xlsx").data)
    assert all("K-1" not in str(row) for row in rows)


def test_only_administrators_read_it(room: Room) -> None:
    for person in (room.world.bo, room.world.rita, room.world.dora):
        desk = room.at(person)
        assert [desk.get(path).status_code for path in ("/trail", "/trail/trail.xlsx", "/trail/reading")] == [403] * 3
        assert "/trail" not in desk.get("/").text


def test_it_is_narrowed_and_read_page_by_page(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    world = room.world
    casework.found(world)
    adam = room.at(world.adam)
    assert _entries(adam, "/trail?action=report.submitted") == ["The report was signed and submitted"]
    assert _entries(adam, f"/trail?person={world.rita.person.public_id}&subject=report")[0] == "The report was approved"
    assert _entries(adam, f"/trail?person={world.anna.person.public_id}") == [], (
        "by whom the other party acted is no filter"
    )
    assert _entries(adam, "/trail?last=2020-01-01") == []
    assert "Write a day such as" in adam.reads("/trail?first=yesterday")
    whole = _entries(adam, "/trail")

    monkeypatch.setattr("portal.web.trail.PAGE", 4)
    path, read = "/trail", list[str]()
    while path:
        page = adam.get(path).text
        read += _entries(adam, path)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert read == whole
    assert adam.get("/trail?after=99999999999999999999-zz&first=9999-99-99&person=x").status_code == 200


def test_before_and_after_stand_in_plain_words(room: Room) -> None:
    world = room.world
    adam = room.at(world.adam)
    with transaction():
        contract = db.session.merge(world.contract)
        contract.title, contract.due_days = "Ungdomsskolen", 9
        record(contract, "contract.edited", by=world.adam, reason="Navnet var feil.")
    words = adam.reads("/trail?action=contract.edited")
    assert "Title: from Prøveskolen to Ungdomsskolen" in words
    assert "Deadline, days after the period: from 10 to 9" in words
    assert "Navnet var feil." in words
    adam.send("/language/nb")
    norsk = adam.reads("/trail?action=contract.edited")
    assert "Tittel: fra Prøveskolen til Ungdomsskolen" in norsk


def test_the_workbook_says_the_same_and_where_it_stands_in_the_chain(room: Room) -> None:
    casework.found(room.world)
    adam = room.at(room.world.adam)
    rows = _rows(adam.get("/trail/trail.xlsx").data)
    assert [row[3] for row in rows[1:]] == _entries(adam, "/trail")[: len(rows) - 1] or len(rows) > 50
    stored = {
        (chain, str(sequence)): hash_
        for chain, sequence, hash_ in db.session.execute(text("SELECT chain, sequence, hash FROM audit_event"))
    }
    assert all(stored[row[9], row[10]] == row[11] for row in rows[1:])


def test_who_read_a_case_is_written_down(room: Room) -> None:
    world = room.world
    deviation = casework.found(world)
    rita, adam = room.at(world.rita), room.at(world.adam)
    rita.reads(f"/cases/{deviation.public_id}")
    assert room.at(world.stranger).get(f"/cases/{deviation.public_id}").status_code == 404
    [row] = db.session.scalars(select(Reading).where(Reading.what == "case"))
    assert (row.person_id, row.organisation_id, row.contract_id, row.subject_id) == (
        world.rita.person_id,
        world.rita.organisation_id,
        world.contract.id,
        str(deviation.public_id),
    )
    words = adam.reads("/trail/reading")
    assert "A case" in words
    assert "Rita Prøve" in words
    assert "Rita Prøve" not in _main(room.at(world.anna).reads("/trail/reading"))
    for statement in ("UPDATE read_log SET what = 'file'", "DELETE FROM read_log"):
        with pytest.raises(Exception, match=r"is not written anew|is kept for a year"), transaction():
            db.session.execute(text(statement))


def test_every_label_of_a_column_names_one_that_is_there() -> None:
    there = {column.name for table in Base.metadata.tables.values() for column in table.columns}
    assert set(COLUMN) <= there


def _texts(desk: Desk) -> str:
    """Everything that the trail tells, on the page and in the file."""
    page = _main(desk.reads("/trail"))
    rows = _rows(desk.get("/trail/trail.xlsx").data)
    return page + "\n".join(str(row) for row in rows)


def _main(words: str) -> str:
    """Without the filters, which offer every action there is."""
    return words.partition("Who has read what")[2]


def _entries(desk: Desk, path: str) -> list[str]:
    """What was done, entry by entry."""
    page = desk.get(path).text
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [found.strip() for found in re.findall(r'<th scope="row">([^<]+)', body)]


def _rows(content: bytes) -> list[tuple[str, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return [tuple(str(cell or "") for cell in row) for row in book.worksheets[0].iter_rows(values_only=True)]
