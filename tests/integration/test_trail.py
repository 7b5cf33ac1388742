"""«Revisjonsspor» over HTTP: each party reads what its own people did and what both are told, and nothing else."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator

import openpyxl
import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import Engine, event, select, text

from portal.calendars import Counting
from portal.extensions import Base, db, transaction
from portal.kinds import carriers
from portal.kinds.register import STAGES
from portal.model import AuditEvent, Deviation, OutgoingMail, Reading, Role, record
from portal.model.base import Code
from portal.operations import anchors, audit, telling
from portal.operations.cases.ladder import STEPS
from portal.operations.telling import Audience
from portal.web import events
from portal.web.trail_words import COLUMN, SUBJECT, UNTOLD, value_in_words
from tests import casework
from tests.desk import Desk
from tests.sanctioning import Room, decided, heard, opened, proposed, send_back
from tests.tenants import Tenants
from tests.world import deliver_mail

SECRETS = ("A sanction was proposed", "The proposal was sent back", "The amount was calculated", "A point was weighed")
"""What the supplier must not be told before the decision."""
TOLD_WITH_THE_DECISION = {"A point was weighed"}
"""What of it the decision tells, on the page of the case as here."""


@pytest.fixture
def room(make_app: Callable[..., Flask], database_url: str) -> Iterator[Room]:
    with opened(make_app, database_url) as room:
        with transaction():
            room.world.anna.role_codes = [Role.REPORTER.value, Role.ADMINISTRATOR.value]
            room.world.stranger.role_codes = [Role.REPORTER.value, Role.ADMINISTRATOR.value]
        yield room


def test_the_supplier_is_told_nothing_of_a_sanction_before_it_is_decided(room: Room) -> None:
    world = room.world
    deviation = heard(world, casework.found(world))
    anna, adam = room.at(world.anna), room.at(world.adam)
    before = _texts(anna)
    assert "The supplier replied" in before
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
    for words in set(SECRETS) - TOLD_WITH_THE_DECISION:
        assert words not in anna
    assert all(words in anna for words in TOLD_WITH_THE_DECISION)
    assert "Sanction proposed" not in anna, "nor that there was a proposal, by what the state was before"


def test_the_buyer_is_told_nothing_of_what_goes_on_in_the_draft(room: Room) -> None:
    casework.found(room.world)
    anna, adam = _texts(room.at(room.world.anna)), _texts(room.at(room.world.adam))
    for words in ("The draft was saved", "The report was started", "The report was made ready to sign"):
        assert words in anna
        assert words not in adam
    assert "The report was signed and submitted" in adam


def test_what_the_other_party_must_not_know_is_on_none_of_their_pages(room: Room) -> None:
    """Each action that is one side's own, done by that side and by the portal to things that both parties see."""
    world = room.world
    deviation = decided(world, proposed(world, heard(world, casework.found(world)))).deviation
    sides = {Audience.BUYER: room.at(world.adam), Audience.SUPPLIER: room.at(world.anna)}
    own = {action: rule.audience for action, rule in telling.RULES.items() if rule.audience in sides}
    for audience, who in ((Audience.BUYER, world.adam), (Audience.SUPPLIER, world.anna)):
        with transaction():
            for action in [each for each in own if own[each] == audience]:
                for thing in (db.session.merge(deviation), db.session.merge(world.report)):
                    record(thing, action, by=who)
                    record(thing, action, by=None)
    assert len(own) > 20
    for audience, desk in sides.items():
        in_file = {row[3] for row in _rows(desk.get("/trail/trail.xlsx").data)}
        in_log = {row["Code"] for row in _log(desk, deviation)}
        pages = [desk.get(f"/cases/{deviation.public_id}").text]
        pages += [desk.get(f"/{where}/{world.report.public_id}").text for where in ("reports", "reviews")]
        for action, whose in own.items():
            told, words = whose == audience, _words(action)
            assert bool(_entries(desk, f"/trail?action={action}")) == told, action
            assert (words in in_file) == told, action
            assert (action in in_log) == told, action
            assert told or not any(f">{words}<" in page for page in pages), action


def test_what_both_are_told_is_on_the_pages_of_both(room: Room) -> None:
    world = room.world
    deviation = casework.found(world)
    both = [action for action, rule in telling.RULES.items() if rule.audience == Audience.BOTH]
    with transaction():
        for action in both:
            record(db.session.merge(deviation), action, by=world.adam, on="2026-03-01")
            record(db.session.merge(deviation), action, by=world.anna, on="2026-03-01")
    again = "deviation.assessing_reply"  # told when the state says that it begins, and these say nothing of a state
    for desk in (room.at(world.adam), room.at(world.anna)):
        in_file = [row[3] for row in _rows(desk.get("/trail/trail.xlsx").data)]
        in_log = [row["Code"] for row in _log(desk, deviation)]
        missing = {each for each in both if in_file.count(_words(each)) < 2 or in_log.count(each) < 2}
        assert missing <= {again}


def test_a_long_trail_is_read_no_further_than_the_page(room: Room) -> None:
    """However much of it is the other party's own: the database leaves that out."""
    world = room.world
    deviation = casework.found(world)
    anna = room.at(world.anna)
    few = _asked_of_the_database(lambda: anna.get("/trail"))
    before = _entries(anna, "/trail")
    with transaction():
        for _number in range(1500):
            record(db.session.merge(deviation), "review.late", by=None)
    many = _asked_of_the_database(lambda: anna.get("/trail"))
    assert _entries(anna, "/trail") == before
    assert many == few


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
    assert _entries(adam, "/trail?last=01.01.2020") == []
    assert "Write the day as" in adam.reads("/trail?first=yesterday")
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
        contract.title, contract.due_days, contract.due_counting = "Ungdomsskolen", 9, Counting.CALENDAR
        record(contract, "contract.edited", by=world.adam, reason="Navnet var feil.")
    words = adam.reads("/trail?action=contract.edited")
    assert "Title: from Prøveskolen to Ungdomsskolen" in words
    assert "Deadline, days after the period: from 10 to 9" in words
    assert "Days that the deadline counts: from working days to all days" in words
    assert "Navnet var feil." in words
    adam.send("/language/nb")
    norsk = adam.reads("/trail?action=contract.edited")
    assert "Tittel: fra Prøveskolen til Ungdomsskolen" in norsk


def test_the_workbook_says_the_same_and_seals_each_entry(room: Room) -> None:
    casework.found(room.world)
    adam = room.at(room.world.adam)
    rows = _rows(adam.get("/trail/trail.xlsx").data)
    assert [row[3] for row in rows[1:51]] == _entries(adam, "/trail")
    known = anchors.read("\n".join(row[-1] for row in rows[1:]))
    assert len(known.seals) == len(rows) - 1
    assert list(audit.broken_links(known)) == []


def test_no_party_is_told_a_place_in_a_chain(room: Room) -> None:
    """Nor the number of a contract: what is done between two entries is the other party's own, and so is how much."""
    world = room.world
    deviation = decided(world, proposed(world, heard(world, casework.found(world)))).deviation
    deliver_mail()
    for desk in (room.at(world.adam), room.at(world.anna)):
        trail, log = _rows(desk.get("/trail/trail.xlsx").data), _log(desk, deviation)
        assert not {"Chain", "Place in the chain"} & set(trail[0])
        assert "Entry" not in log[0]
        assert all(row["Seal"].startswith("entry ") for row in log)
        said = "\n".join(str(row) for row in (*trail, *log))
        assert re.search(r"(contract|organisation):\d", said) is None
    bodies = db.session.scalars(
        select(OutgoingMail.body).where(OutgoingMail.letter.in_(("receipt", "sanction_decided")))
    )
    for body in bodies:
        known = anchors.read(body)
        assert (known.heads, len(known.seals)) == ([], 1)
        assert re.search(r"(contract|organisation):\d", body) is None


def test_letters_seal_what_both_are_told(room: Room) -> None:
    """Else two letters would tell that something happened between them."""
    world = room.world
    deviation = heard(world, casework.found(world))
    before = anchors.standing(world.contract.id)
    assert before
    proposed(world, deviation)
    assert anchors.standing(world.contract.id) == before


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


CODED = sorted(
    (table.name, column.name, str(code))
    for table in Base.metadata.tables.values()
    for column in table.columns
    if table.name in SUBJECT and column.name in COLUMN and isinstance(column.type, Code)
    for code in column.type.codes
    if (table.name, column.name) not in UNTOLD
)
"""Table, column and code of everything that the trail may tell by a code."""
OF_LISTS = [
    ("contract", "country", "NO"),
    ("notice", "country", "NO"),
    ("person", "language", "nb"),
    *(("machine", "carrier", each.key) for each in carriers.choices()),
    *(("machine", "stage", each.key) for each in STAGES),
    *(("sanction", "step", step) for step in STEPS),
]
"""The same where a plain text holds the code."""


def test_no_code_is_shown_as_it_is_kept(app: Flask) -> None:
    """In Norwegian, whose words are never those of the code."""
    assert len(CODED) > 50
    with app.test_request_context(), force_locale("nb"):
        raw = [each for each in [*CODED, *OF_LISTS] if value_in_words(*each) == each[2]]
        assert raw == []
        assert value_in_words("sanction", "amount", "1234567.5") == "1\u00a0234\u00a0567,5"


def test_nobody_s_name_or_address_is_in_any_entry_of_two_whole_lives(tenants: Tenants) -> None:
    """Nothing is ever taken out of the trail: what stood there of somebody would outlive their erasure."""
    stored = tenants.rows()
    people = {word for row in stored["person"] for word in (row["name"], row["email"])}
    addresses = people | {row["to_address"] for row in stored["outgoing_mail"]}
    kept = [json.dumps([row["facts"], row["changes"], row["reason"]], default=str) for row in stored["audit_event"]]
    assert len(kept) > 100
    named = {
        (row["action"], word)
        for row, said in zip(stored["audit_event"], kept, strict=True)
        for word in addresses
        if word in said
    }
    assert named == set()


def test_whatever_is_done_something_to_has_a_name(tenants: Tenants) -> None:
    done_to = {row["subject"] for row in tenants.rows()["audit_event"]}
    assert len(done_to) > 15
    assert done_to - SUBJECT.keys() == set()


def _texts(desk: Desk) -> str:
    """Everything that the trail tells, on the page and in the file."""
    page = _main(desk.reads("/trail"))
    rows = _rows(desk.get("/trail/trail.xlsx").data)
    return page + "\n".join(str(row) for row in rows)


def _words(action: str) -> str:
    """What an action is called on an English page."""
    with force_locale("en"):
        return str(events.EVENT[action])


def _log(desk: Desk, deviation: Deviation) -> list[dict[str, str]]:
    """The log of a case, as a file."""
    text = desk.get(f"/cases/{deviation.public_id}/log.csv").data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def _asked_of_the_database(doing: Callable[[], object]) -> tuple[int, int]:
    """How many statements something takes, and how many rows of the trail come back."""
    asked, rows = list[str](), list[object]()

    def note(_connection: object, _cursor: object, words: str, *_others: object) -> None:
        asked.append(words)

    def count(row: object, _context: object) -> None:
        rows.append(row)

    event.listen(Engine, "before_cursor_execute", note)
    event.listen(AuditEvent, "load", count)
    try:
        doing()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        event.remove(AuditEvent, "load", count)
    return len(asked), len(rows)


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
