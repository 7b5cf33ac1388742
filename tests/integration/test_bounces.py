"""Letters that come back: refused at delivery, or reported by a mail server later; told to those who can mend it."""

import io
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from portal import cli
from portal.cli import door
from portal.extensions import db, transaction
from portal.model import AuditEvent, MailState, OutgoingMail, Person
from portal.operations import mail
from portal.operations.people import bounces
from portal.work import deliver_mail
from tests.mail_server import MailServer
from tests.pages import Seat, database_url, seat, words, world
from tests.world import World

__all__ = ["database_url", "seat", "world"]

REPORT = """\
From: MAILER-DAEMON@post.example
To: portal@prove.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

I'm sorry.

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; post.example

Final-Recipient: rfc822; rita@prove.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 User unknown in local recipient table

--x
Content-Type: {how}

Message-ID: <{letter}@klimakontrakt>
From: portal@prove.example
To: rita@prove.example
Subject: Hei

--x--
"""


@pytest.fixture
def post() -> Iterator[MailServer]:
    server = MailServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def app(make_app: Callable[..., Flask], database_url: str, post: MailServer) -> Iterator[Flask]:
    app = make_app(database_url, mail_url=post.url, mail_sender="portal@prove.example")
    with app.app_context():
        yield app


def letter_to(person: Person) -> OutgoingMail:
    """A letter to somebody, handed to the mail server."""
    with transaction():
        row = mail.write_personal(person, "membership_ended", organisation="Prøveby kommune", by="Adam Prøve")
    deliver_mail({"mail": row.id})
    db.session.expire_all()
    return row


def report(row: OutgoingMail, action: str = "failed", status: str = "5.1.1", how: str = "message/rfc822") -> bytes:
    return REPORT.format(action=action, status=status, how=how, letter=row.public_id).encode()


def state(row: OutgoingMail) -> MailState:
    db.session.expire_all()
    return row.state


def noted(returned: bytes) -> OutgoingMail | None:
    with transaction():
        return bounces.note(returned)


def test_a_refusal_at_delivery_is_seen_by_the_administrator_and_the_person(
    world: World, seat: Seat, post: MailServer
) -> None:
    post.answers["RCPT"] = "550 5.1.1 no such user here"
    row = letter_to(world.rita.person)
    assert row.state == MailState.FAILED
    people = seat(world.adam)
    assert "Letters come back" in words(people.page("/people"))
    assert "no such user here" in words(people.page(f"/people/{world.rita.public_id}"))
    rita = seat(world.rita)
    assert "Letters to rita@prove.example come back" in words(rita.page("/"))
    assert "no such user here" in words(rita.page("/account"))
    assert rita.send("/account/letters-arrive", {}).status_code == 303
    assert "no such user here" not in words(rita.page("/account"))
    assert "Letters come back" not in words(people.page("/people"))
    found = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "person.mail_returned")).one()
    assert found.facts == {"person": world.rita.person_id, "letter": str(row.public_id)}


def test_a_refusal_for_now_says_nothing_of_the_address(world: World, post: MailServer) -> None:
    post.answers["RCPT"] = "450 4.2.2 mailbox full"
    with transaction():
        row = mail.write_personal(world.rita.person, "membership_ended", organisation="X", by="Y")
    with pytest.raises(Exception, match="mailbox full"):
        deliver_mail({"mail": row.id})
    db.session.expire_all()
    assert world.rita.person.mail_failed_at is None


@pytest.mark.parametrize("how", ["message/rfc822", "text/rfc822-headers"])
def test_a_letter_that_was_taken_and_came_back_is_noted_once(world: World, how: str) -> None:
    row = letter_to(world.rita.person)
    assert state(row) == MailState.SENT
    assert noted(report(row, how=how)) is not None
    assert state(row) == MailState.FAILED
    assert "User unknown" in world.rita.person.mail_failure
    assert noted(report(row, how=how)) is None


def test_only_a_failure_for_good_of_a_letter_of_ours_is_believed(world: World) -> None:
    row = letter_to(world.rita.person)
    unknown = report(row).replace(str(row.public_id).encode(), b"00000000-0000-4000-8000-000000000000")
    others = [
        report(row, action="delayed", status="4.4.1"),
        report(row, action="delivered", status="2.0.0"),
        report(row, status="4.2.2"),
        report(row).replace(b"multipart/report", b"multipart/mixed"),
        unknown,
        b"",
        b"\xff\xfe\x00 not a letter",
        b"Content-Type: multipart/report; boundary=y\n\n--y\nContent-Type: message/delivery-status\n\n",
    ]
    assert [noted(each) for each in others] == [None] * len(others)
    db.session.expire_all()
    assert row.state == MailState.SENT
    assert world.rita.person.mail_failed_at is None


def test_the_command_takes_a_report_from_standard_input(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = letter_to(world.rita.person)
    monkeypatch.setattr(door, "create_app", lambda _settings=None: app)
    monkeypatch.setenv("DATABASE_URL", app.config["SQLALCHEMY_DATABASE_URI"])
    for said in ("Noted: a letter to rita@prove.example came back.\n", "Nothing to note.\n"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(report(row))))
        cli.commands(["bounce"], standalone_mode=False)
        assert capsys.readouterr().out == said
