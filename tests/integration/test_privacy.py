"""What is kept of people: a register that leaves nothing out, what goes in time, one's own data, and erasure."""

import io
import json
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import func, inspect, select, text

from portal import clock, resources
from portal.extensions import Base, db, transaction
from portal.model import (
    Appointment,
    Evidence,
    Interest,
    MailState,
    Membership,
    Notice,
    Organisation,
    OrganisationKind,
    OutgoingMail,
    Person,
    Reading,
    Role,
    SignInAttempt,
)
from portal.model.personal import REGISTER, Kept, opens_a_door
from portal.operations import audit, personal_data, readings
from portal.operations.people import interests, invitations, own_data, resets
from portal.operations.people.own_data import ERASED
from portal.operations.retention import KINDS
from portal.web import trail_words
from portal.web.access import guarded_routes
from portal.work import keep_no_longer
from tests import casework
from tests.conftest import SECRET
from tests.sanctioning import Room, opened
from tests.terminal import Terminal
from tests.world import World, deliver_mail

SOUNDS_PERSONAL = ("email", "person", "phone", "_address", "sent_to", "served_to", "seen_by", "user_agent", "browser")
NOT_OF_PEOPLE = frozenset({"site.address"})


@pytest.fixture
def room(make_app: Callable[..., Flask], database_url: str) -> Iterator[Room]:
    with opened(make_app, database_url) as room:
        with transaction():
            room.world.anna.role_codes = [Role.REPORTER.value, Role.ADMINISTRATOR.value]
        yield room


@pytest.fixture
def terminal(room: Room, tmp_path: Path, database_url: str) -> Terminal:
    del room
    db.session.rollback()
    return Terminal(tmp_path, DATABASE_URL=database_url, KLIMAKONTRAKT_SECRET_KEY=SECRET)


def test_every_column_that_is_about_people_is_in_the_register() -> None:
    """What leads to a person, or sounds as if it did, says why it is kept and how long."""
    left_out = []
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            place = f"{table.name}.{column.name}"
            leads = {key.column.table.name for key in column.foreign_keys} & {"person", "membership"}
            sounds = column.name in {"address", "ip"} or any(part in column.name for part in SOUNDS_PERSONAL)
            if (leads or sounds) and place not in NOT_OF_PEOPLE and not opens_a_door(column.name):
                left_out += [place] if place not in REGISTER else []
    assert left_out == [], "say in portal/model/personal.py why these are kept, and for how long"


def test_the_register_names_no_column_that_is_not_there() -> None:
    there = {f"{table.name}.{column.name}" for table in Base.metadata.sorted_tables for column in table.columns}
    assert set(REGISTER) <= there


def test_the_document_says_what_the_register_says() -> None:
    """`portal personal-data > docs/personal-data.md` after each change."""
    assert (resources.ROOT / "docs" / "personal-data.md").read_text(encoding="utf-8") == personal_data.document()


def test_what_was_kept_long_enough_goes_and_nothing_else(terminal: Terminal, room: Room) -> None:
    old = datetime.now(UTC) - timedelta(days=400)
    with clock.at(old), transaction():
        db.session.add(SignInAttempt(at=old, email="a@prove.example", address="127.0.0.1", succeeded=False))
        by = room.world.rita
        db.session.add(
            Reading(
                at=old,
                what="case",
                person_id=by.person_id,
                organisation_id=by.organisation_id,
                subject="",
                subject_id="",
            )
        )
        db.session.add(
            SignInAttempt(at=datetime.now(UTC), email="b@prove.example", address="127.0.0.1", succeeded=False)
        )
    db.session.rollback()
    clock.reset()
    told = terminal.run("retention", "--dry-run").output
    assert "1 attempts to sign in" in told
    assert "1 who has read what" in told
    assert db.session.scalar(select(func.count()).select_from(SignInAttempt)) == 2, "a dry run removes nothing"
    db.session.rollback()

    keep_no_longer({})

    assert [each.email for each in db.session.scalars(select(SignInAttempt))] == ["b@prove.example"]
    assert db.session.scalar(select(func.count()).select_from(Reading)) == 0
    assert list(audit.broken_links()) == []


def test_one_takes_out_what_is_kept_of_oneself_and_nobody_else(room: Room) -> None:
    casework.found(room.world)
    anna = room.at(room.world.anna)
    assert "What is kept of you" in anna.reads("/account/my-data")
    found = json.loads(anna.get("/account/my-data.json").data)
    [me] = found["person"]
    assert (me["email"], me["name"], me["language"]) == ("anna@prove.example", "Anna Prøve", "en")
    assert {"password", "fs_uniquifier"}.isdisjoint(me)
    assert {row["action"] for row in found["audit_event"]} >= {"draft.saved", "report.draft"}
    whole = json.dumps(found, ensure_ascii=False)
    assert "rita@prove.example" not in whole
    assert "argon2" not in whole
    book = openpyxl.load_workbook(io.BytesIO(anna.get("/account/my-data.xlsx").data))
    assert "anna@prove.example" in {cell for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row}


def test_one_takes_out_what_is_kept_for_each_organisation_and_no_key(room: Room) -> None:
    """Whomever one acts for: the database shows one organisation at a time."""
    anna = room.world.anna
    with transaction():
        other = Organisation(name="Hegg Maskin AS", number="923609016", kind=OrganisationKind.SUPPLIER)
        second = Membership(person=anna.person, organisation=other, role_codes=[Role.REPORTER.value])
        left = Membership(
            person=anna.person, organisation=room.world.adam.organisation, role_codes=[], ended_at=clock.now()
        )
        db.session.add_all([other, second, left])
        db.session.flush()
        for what, by in (("case", anna), ("file", second), ("trail", left)):
            readings.note(what, None, by=by)
    desk = room.at(anna)
    with transaction():
        resets.ask(anna.person.email, "nb")
    [letter] = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == "reset"))
    [key] = re.findall(r"https?://\S+/(\S{20,})", letter.body)
    db.session.rollback()

    page = desk.reads("/account/my-data")
    assert "It is gathered from what you have done for: Annas Graving AS, Hegg Maskin AS, Prøveby kommune." in page
    whole = desk.get("/account/my-data.json").text
    assert len(json.loads(whole)["membership"]) == 3
    assert len(json.loads(whole)["read_log"]) >= 3
    assert key not in whole
    with transaction():
        noted = db.session.scalars(select(Reading.organisation_id).where(Reading.what == "my_data")).all()
    assert set(noted) == {anna.organisation_id, second.organisation_id}
    assert len(noted) == 4, "page and file, in the log of each that she could act for"


def test_of_a_former_employers_letters_one_is_told_that_they_came(room: Room) -> None:
    casework.notified(room.world)
    deliver_mail()
    anna = room.world.anna
    with transaction():
        other = Organisation(name="Hegg Maskin AS", number="923609016", kind=OrganisationKind.SUPPLIER)
        db.session.add(Membership(person=anna.person, organisation=other, role_codes=[Role.REPORTER.value]))
    desk = room.at(anna)
    before = json.loads(desk.get("/account/my-data.json").data)["outgoing_mail"]
    assert all(row["body"] and row["subject"] for row in before)
    with transaction():
        db.session.merge(anna).ended_at = clock.now()
    after = json.loads(room.at(anna).get("/account/my-data.json").data)["outgoing_mail"]
    assert [row["letter"] for row in after] == [row["letter"] for row in before] != []
    assert not any(row["body"] or row["subject"] for row in after)


def test_of_what_names_several_one_is_told_ones_own_part(room: Room) -> None:
    """Who is named in a document only finds the row, and nobody else's name or address in it."""
    world = room.world
    deviation = casework.notified(world)
    deliver_mail()
    with transaction():
        notice = db.session.scalars(select(Notice)).one()
        seen = [
            {"person": str(by.person.public_id), "name": by.person.name, "at": "x"} for by in (world.anna, world.bo)
        ]
        notice.seen = seen
        said = {"by_id": world.anna.person_id, "by": "Anna Prøve", "on": "2026-04-01", "why": {"nb": "Rettet."}}
        db.session.merge(deviation).put_right = {"figures": {}, "person": said}
    anna, adam = (json.loads(room.at(by).get("/account/my-data.json").data) for by in (world.anna, world.adam))
    [read] = anna["notice"]
    assert read["seen"] == seen[:1]
    [case] = anna["deviation"]
    assert case["put_right"] == {"person": said}
    assert [row["preparers"] for row in anna["report"]] == [[world.anna.person_id]]
    [given] = adam["notice"]
    assert (given["seen"], given["sent_to"], given["delivered_how"]) == ([], [], "")
    assert "bo@prove.example" not in json.dumps([anna, adam])


def test_of_how_a_notice_was_handed_over_one_is_told_that_one_is_named(room: Room) -> None:
    """The words around one's own name are about others, and so is a name that begins with it."""
    world = room.world
    casework.notified(world)
    with transaction():
        notice = db.session.scalars(select(Notice)).one()
        notice.served_to = "Anna Prøvesen"
        notice.served_how = "Levert til Anna Prøve og Rita Prøve (rita@prove.example), kvittert av Ola Vitne"
        notice.seen = [{"person": str(world.anna.person.public_id), "name": "Anna Prøve", "at": "x"}]
    [row] = json.loads(room.at(world.anna).get("/account/my-data.json").data)["notice"]
    assert (row["served_to"], row["served_how"]) == ("", "Anna Prøve")


def test_what_went_to_a_former_address_is_theirs_until_they_are_erased(room: Room, terminal: Terminal) -> None:
    """Whoever has changed their e-mail reads the letters from before, and is forgotten at the old address too."""
    world = room.world
    casework.found(world)
    deliver_mail()
    old, new = world.rita.person.email, "rita@annet.example"
    before = json.loads(room.at(world.rita).get("/account/my-data.json").data)["outgoing_mail"]
    assert {row["to_address"] for row in before} == {old}
    with transaction():
        resets.ask_for_email(world.rita.person, new)
    [letter] = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == "confirm_email"))
    [key] = re.findall(r"https?://\S+key=(\S+)", letter.body)
    with transaction():
        resets.change_email(key)
    db.session.expire_all()
    assert (world.rita.person.email, world.rita.person.former_emails) == (new, [old])
    with clock.at(clock.now() + timedelta(minutes=2)):  # the code of the app has been used
        after = json.loads(room.at(world.rita).get("/account/my-data.json").data)["outgoing_mail"]
    assert [row for row in after if row in before] == before
    with transaction():
        free = select(OutgoingMail).where(OutgoingMail.notice_id.is_(None), OutgoingMail.sanction_id.is_(None))
        assert old in {each.to_address for each in db.session.scalars(free)}
    db.session.rollback()
    assert "is erased" in terminal.run("erase", new).output
    db.session.expire_all()
    with transaction():
        kept = [(each.to_address, each.body) for each in db.session.scalars(free)]
        assert [each for each in kept if old in each[0] + each[1] or new in each[0] + each[1]] == []
        assert db.session.get_one(Person, world.rita.person_id).former_emails == []
        assert db.session.scalar(select(func.count()).where(SignInAttempt.email.in_([old, new]))) == 0


def test_a_former_address_that_is_somebody_elses_now_is_theirs(room: Room) -> None:
    world = room.world
    with transaction():
        world.rita.person.former_emails = [world.ruth.person.email]
        found = own_data.collected(world.rita.person)
    assert {row["to_address"] for row in found.get("outgoing_mail", [])} <= {world.rita.person.email}


def test_what_is_said_of_somebody_in_grounds_goes_with_their_name(room: Room, terminal: Terminal) -> None:
    """As the register says: why one was appointed from outside, and what interest somebody declared."""
    world = room.world
    case = casework.notified(world)
    with transaction():
        invitations.appoint(case, "odd@annen.example", "Rita Prøve er på ferie, Rita Prøvesen også.", by=world.adam)
        interests.declare(
            world.contract, "Gift med Rita Prøve (rita@prove.example).", every_contract=False, by=world.ruth
        )
    db.session.rollback()
    assert "is erased" in terminal.run("erase", "rita@prove.example").output
    db.session.expire_all()
    with transaction():
        reason = db.session.scalars(select(Appointment.reason)).one()
        words = db.session.scalars(select(Interest.words)).one()
    assert reason == f"{ERASED} er på ferie, Rita Prøvesen også."
    assert "Rita" not in words
    assert "rita@prove.example" not in words
    assert words.startswith(f"Gift med {ERASED} (")


def test_who_looks_at_the_list_of_members_is_noted(room: Room) -> None:
    adam = room.at(room.world.adam)
    adam.reads("/people")
    assert "The list of members" in adam.reads("/trail/reading")


NOT_ABOUT_ANYTHING = frozenset({"reports.imports.template", "contracts.import_template", "api.description"})
"""Empty forms to fill in, and what describes the API."""
DOCUMENT = re.compile(r"\.(pdf|xlsx|csv|json|zip)$|^/evidence/")


def test_every_document_that_is_handed_out_is_noted_as_read(room: Room) -> None:
    documents = {route.endpoint for route in guarded_routes(room.app) if DOCUMENT.search(route.rule)}
    noted = {endpoint for endpoint in documents if hasattr(room.app.view_functions[endpoint], "reads")}
    assert documents - noted == NOT_ABOUT_ANYTHING & documents
    assert len(noted) >= 8, sorted(noted)


def test_whoever_fetches_a_paper_is_noted(room: Room) -> None:
    world = room.world
    casework.found(world)
    anna = room.at(world.anna)
    assert "A receipt, as PDF" not in anna.reads("/trail/reading")
    anna.get(f"/reports/revisions/{world.report.revisions[0].public_id}/receipt.pdf")
    assert "A receipt, as PDF" in anna.reads("/trail/reading")


def test_a_document_that_is_fetched_in_parts_is_noted_each_time(room: Room) -> None:
    """A part can be the whole: whoever asks for all bytes from the first on gets them all."""
    world = room.world
    case = casework.notified(world)
    revision = world.report.revisions[0].public_id
    anna, bo, rita = room.at(world.anna), room.at(world.bo), room.at(world.rita)
    reply = {"reply-text": "Se vedlegg.", "reply-files": (io.BytesIO(b"Uke 14"), "lader.txt")}
    deliver_mail()
    assert bo.send(f"/cases/{case.public_id}/reply", **reply).status_code == 303
    with transaction():
        file = db.session.scalars(select(Evidence)).one()
    for desk, url in (
        (anna, f"/evidence/{file.public_id}"),
        (anna, f"/reports/revisions/{revision}/receipt.pdf"),
        (anna, "/account/my-data.json"),
        (rita, "/exports/reports.xlsx"),
    ):
        for part in ("bytes=0-", "bytes=1-", "bytes=0-3", "bytes=-2"):
            before = _readings()
            answer = desk.client.get(url, headers={"Range": part})
            assert answer.status_code in {200, 206}, url
            assert answer.data
            assert _readings() == before + 1, f"{url} {part}"


def test_whoever_opens_a_report_is_noted_once_an_hour(room: Room) -> None:
    """By the page of the report, of its review and of its receipt; a person, not only a program."""
    world = room.world
    report = world.report
    start = clock.now()
    with clock.at(start):
        for by in (world.rita, world.anna):
            room.at(by).reads(f"/reports/{report.public_id}")
    assert _opened_reports() == [(world.rita.person_id, "report"), (world.anna.person_id, "report")]
    with clock.at(start + timedelta(minutes=50)):
        room.at(world.rita).reads(f"/reports/{report.public_id}")
        assert len(_opened_reports()) == 2
    with clock.at(start + timedelta(minutes=61)):
        room.at(world.rita).reads(f"/reports/{report.public_id}")
        assert len(_opened_reports()) == 3
    assert room.at(world.rita).client.get(f"/reports/{uuid.uuid4()}").status_code == 404
    assert len(_opened_reports()) == 3
    casework.found(world)
    with clock.at(start + timedelta(hours=3)):
        room.at(world.rita).reads(f"/reports/{report.public_id}/receipt")
        assert len(_opened_reports()) == 4
        revision = report.revisions[0]
        room.at(world.rita).reads(f"/reports/revisions/{revision.public_id}/receipt")
        assert _opened_reports()[4:] == [(world.rita.person_id, "revision")]
    for _twice in range(2):
        room.at(world.rita).reads(f"/contracts/{world.contract.public_id}/trade-secrets")
    told = room.at(world.adam).reads("/trail/reading")
    assert "A report" in told
    assert told.count("What is marked as trade secrets in a contract's reports") == 1


def test_every_page_of_a_whole_report_is_noted(room: Room) -> None:
    noted = {name for name, view in room.app.view_functions.items() if getattr(view, "reads", "") == "report"}
    assert noted == {"reports.show", "reports.receipt", "reports.revision_receipt", "reviews.review"}


def _readings() -> int:
    with transaction():
        return db.session.scalar(select(func.count()).select_from(Reading)) or 0


def _opened_reports() -> list[tuple[int | None, str]]:
    with transaction():
        found = db.session.execute(
            select(Reading.person_id, Reading.subject).where(Reading.what == "report").order_by(Reading.id)
        )
        return [(person, subject) for person, subject in found]


def test_every_word_for_reading_is_a_page_that_notes_it() -> None:
    used = {
        word
        for path in (resources.ROOT / "portal" / "web").rglob("*.py")
        for word in re.findall(r'(?:@reads|readings\.note)\("(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert used == set(trail_words.READING)


def test_a_short_name_is_forgotten_and_no_word_that_begins_with_it(room: Room, terminal: Terminal) -> None:
    world = room.world
    with transaction():
        world.rita.person.name, world.rita.person.email = "Per Li", "per@prove.example"
        db.session.add(Person(email="kari@prove.example", name="Per Li Moen", fs_uniquifier="kari"))
        about = {
            "line": "Personbil, Linje 3: Per Linje. Per Li (per@prove.example) godkjente. "
            "Per Li-Hansen, super@prove.example",
            "other": "Per Li Moen og Per Li. Per lot Li være.",
        }
        for letter, body in about.items():
            db.session.add(_letter(world, letter, body))
        db.session.add(_letter(world, "own", "Hei Per Li,", to="per@prove.example"))
        db.session.add(_letter(world, "elsewhere", "Per Li", contract=False))
    db.session.rollback()
    assert "is erased" in terminal.run("erase", "per@prove.example").output
    db.session.expire_all()
    with transaction():
        bodies = {each.letter: each.body for each in db.session.scalars(select(OutgoingMail))}
        address = world.rita.person.email
    assert bodies["line"] == (
        f"Personbil, Linje 3: Per Linje. {ERASED} ({address}) godkjente. Per Li-Hansen, super@prove.example"
    )
    assert bodies["other"] == f"Per Li Moen og {ERASED}. Per lot Li være."
    assert bodies["own"] == f"Hei {ERASED},"
    assert bodies["elsewhere"] == "Per Li", "of no contract of theirs: somebody else"


def test_a_notice_stays_as_it_was_served(room: Room, terminal: Terminal) -> None:
    """Arkivlova, and the other party's right to see what was claimed and to whom it went."""
    world = room.world
    casework.notified(world)
    deliver_mail()
    with transaction():
        world.bo.role_codes = [Role.REPORTER.value]
        world.anna.role_codes = [Role.SIGNATORY.value, Role.ADMINISTRATOR.value]
    [served] = _served()
    assert "bo@prove.example" in str(served)
    assert "is erased" in terminal.run("erase", "bo@prove.example").output
    assert _served() == [served]


def _served() -> list[tuple[object, ...]]:
    with transaction():
        return [
            (notice.text, notice.sent_to, sorted((row.to_address, row.subject, row.body) for row in letters))
            for notice in db.session.scalars(select(Notice))
            if (letters := db.session.scalars(select(OutgoingMail).where(OutgoingMail.notice_id == notice.id)).all())
        ]


def _letter(
    world: World, letter: str, body: str, *, to: str = "adam@prove.example", contract: bool = True
) -> OutgoingMail:
    return OutgoingMail(
        **(world.contract.parties if contract else {}),
        letter=letter,
        for_buyer=contract,
        for_supplier=contract,
        to_address=to,
        subject="Om rapporten",
        body=body,
        state=MailState.SENT,
    )


def test_whoever_is_erased_leaves_the_chain_whole_and_no_name(room: Room, terminal: Terminal) -> None:
    world = room.world
    casework.found(world)
    email, name = world.rita.person.email, world.rita.person.name
    adam, rita = room.at(world.adam), room.at(world.rita)
    db.session.rollback()
    assert terminal.run("erase", email).output == f"{email} is erased.\n"
    db.session.expire_all()

    assert list(audit.broken_links()) == []
    assert rita.get("/account").status_code == 303, "signed out everywhere"
    assert name not in adam.reads("/trail?action=report.approved")
    assert ERASED in adam.reads("/trail?action=report.approved")
    assert _places_of(name, email) == []
    assert "Rita" not in adam.get(f"/reports/{world.report.public_id}").text
    assert terminal.run("verify-audit").exit_code == 0
    assert "Nobody here has the e-mail" in terminal.refused("erase", email)


def test_the_last_administrator_is_not_erased(room: Room, terminal: Terminal) -> None:
    words = terminal.refused("erase", room.world.adam.person.email)
    assert "Adam Prøve is the last administrator of Prøveby kommune. Make somebody else an administrator first" in words
    db.session.expire_all()
    assert db.session.scalar(select(Person.active).where(Person.id == room.world.adam.person_id)) is True


def test_the_last_one_who_can_sign_is_not_erased(room: Room, terminal: Terminal) -> None:
    words = terminal.refused("erase", room.world.bo.person.email)
    assert "Bo Prøve is the last one who can sign for Annas Graving AS." in words
    with transaction():
        room.world.anna.role_codes = [Role.ADMINISTRATOR.value, Role.SIGNATORY.value]
    assert "is erased" in terminal.run("erase", room.world.bo.person.email).output


def _places_of(*words: str) -> list[str]:
    """Every column of every table, read as text, in which any of these words stands."""
    found = []
    with db.engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')).mappings():
                found += [f"{table}.{key}" for key, value in row.items() if any(each in str(value) for each in words)]
    return sorted(set(found))


def test_every_time_that_is_kept_by_days_is_swept() -> None:
    swept = {kind.entity.__tablename__ for kind in KINDS}
    by_days = {place.partition(".")[0] for place, each in REGISTER.items() if each.kept in {Kept.YEAR, Kept.MONTH}}
    assert by_days - {"provider_session"} <= swept
