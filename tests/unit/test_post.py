"""Letters handed to a real mail server on loopback: taken, put off, refused, and the server down."""

import base64
import email
import email.policy
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from portal import clock
from portal.errors import Refused, Unavailable
from portal.post import Message, Post, PostRefused, PostUnavailable
from tests.mail_server import MailServer

LETTER = Message(
    to="anna@leverandor.example",
    subject="Varsel om avvik på Blåbærøy",
    body="Hei Anna\n\nRapporten for mai mangler.\n.\nSvar innen 14 dager – på portalen.\n",
    message_id="<7f8f0c7e-1@klimakontrakt>",
)
SENDER = "Klimakontrakt <ikke-svar@portal.example>"


@pytest.fixture
def server() -> Iterator[MailServer]:
    server = MailServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_letter_arrives_as_it_was_written(server: MailServer) -> None:
    with clock.at(datetime(2027, 6, 1, 8, 30, tzinfo=UTC)):
        Post(server.url, SENDER).deliver(LETTER)

    letter = server.letter()
    assert letter["To"] == "anna@leverandor.example"
    assert letter["From"] == SENDER
    assert letter["Subject"] == LETTER.subject
    assert letter["Message-ID"] == LETTER.message_id
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"].startswith("Tue, 01 Jun 2027 08:30")
    assert letter.get_content_type() == "text/plain"
    assert letter.get_content_charset() == "utf-8"
    assert letter.get_content().splitlines() == LETTER.body.splitlines()
    assert server.taken[0].isascii()
    assert "mail FROM:<ikke-svar@portal.example>" in " ".join(server.heard)
    assert "rcpt TO:<anna@leverandor.example>" in server.heard
    assert "ehlo portal.example" in server.heard


def test_a_letter_sent_again_is_recognised_as_the_same(server: MailServer) -> None:
    post = Post(server.url, SENDER)
    post.deliver(LETTER)
    post.deliver(LETTER)
    first, second = (email.message_from_bytes(each, policy=email.policy.default) for each in server.taken)
    assert first["Message-ID"] == second["Message-ID"] == LETTER.message_id


@pytest.mark.parametrize(
    ("word", "answer", "error"),
    [
        ("RCPT", "450 4.2.0 greylisted, come back", PostUnavailable),
        ("RCPT", "550 5.1.1 no such user", PostRefused),
        ("END", "451 4.3.0 try later", PostUnavailable),
        ("END", "554 5.7.1 looks like spam", PostRefused),
        ("DATA", "452 4.3.1 no room", PostUnavailable),
        ("MAIL", "451 4.3.2 not now", PostUnavailable),
        # Ours to mend, not the recipient's fault: no letter is lost by it
        ("MAIL", "553 5.7.1 sender not allowed", PostUnavailable),
        ("HELLO", "554 5.3.2 no service", PostUnavailable),
        ("HELLO", "421 4.3.2 busy", PostUnavailable),
    ],
)
def test_now_or_never(server: MailServer, word: str, answer: str, error: type[PostUnavailable | PostRefused]) -> None:
    server.answers[word] = answer
    with pytest.raises(error) as trouble:
        Post(server.url, SENDER).deliver(LETTER)
    assert isinstance(trouble.value, error)
    assert trouble.value.reason == answer
    assert answer in trouble.value.text.nb
    assert answer in str(trouble.value)
    assert server.taken == []


def test_both_are_errors_that_the_portal_knows() -> None:
    assert isinstance(PostUnavailable("x"), Unavailable)
    assert isinstance(PostRefused("x"), Refused)


def test_what_the_server_says_becomes_one_printable_line(server: MailServer) -> None:
    server.answers["RCPT"] = "550-5.1.1 no\x1b[31m such\tuser\r\n550 " + "very " * 200
    with pytest.raises(PostRefused) as trouble:
        Post(server.url, SENDER).deliver(LETTER)
    assert trouble.value.reason.startswith("550 5.1.1 no [31m such user very very")
    assert trouble.value.reason.isprintable()
    assert len(trouble.value.reason) <= 300


@pytest.mark.parametrize("answer", ["221 bye", "421 closing", "500 what"])
def test_a_letter_that_was_taken_is_delivered_whatever_the_farewell(server: MailServer, answer: str) -> None:
    server.answers["QUIT"] = answer
    Post(server.url, SENDER).deliver(LETTER)
    server.hangs_up_on_quit = True
    Post(server.url, SENDER).deliver(LETTER)
    assert len(server.taken) == 2


def test_a_server_that_is_down_is_for_now() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(PostUnavailable, match="refused"):
        Post(f"smtp://127.0.0.1:{port}", SENDER).deliver(LETTER)


def test_a_server_that_says_nothing_is_for_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.post.SECONDS_TO_ANSWER", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(PostUnavailable, match="timed out"):
        Post(f"smtp://127.0.0.1:{silent.getsockname()[1]}", SENDER).deliver(LETTER)


def test_encryption_that_is_asked_for_is_never_done_without(server: MailServer) -> None:
    for scheme in ("smtps", "smtp+starttls"):
        with pytest.raises(PostUnavailable):
            Post(server.url.replace("smtp", scheme, 1), SENDER).deliver(LETTER)
    assert server.taken == []


def test_signing_in(server: MailServer) -> None:
    url = server.url.replace("//", "//portal:p%40ss@")
    Post(url, SENDER).deliver(LETTER)
    [line] = [line for line in server.heard if line.startswith("AUTH PLAIN")]
    assert base64.b64decode(line.split()[2]) == b"\0portal\0p@ss"

    server.answers["AUTH"] = "535 5.7.8 wrong"
    with pytest.raises(PostUnavailable, match="535"):
        Post(url, SENDER).deliver(LETTER)
    assert len(server.taken) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"to": "anna@leverandor.example\r\nBcc: alle@leverandor.example"},
        {"to": "anna@leverandor.example, eva@leverandor.example"},
        {"to": "anna@leverandor.example\n"},
        {"to": "<anna@leverandor.example>"},
        {"to": "Anna <anna@leverandor.example>"},
        {"to": "anna"},
        {"to": ""},
        {"to": "@"},
        {"to": "an na@leverandor.example"},
        {"subject": "Varsel\r\nBcc: alle@leverandor.example"},
        {"subject": "Varsel\nx"},
        {"subject": "Varsel\u2028x"},
        {"subject": "Varsel\x00"},
        {"message_id": "<a@b>\r\nBcc: alle@leverandor.example"},
    ],
)
def test_nothing_can_be_slipped_into_the_head_of_a_letter(server: MailServer, change: dict[str, str]) -> None:
    for post in (Post(server.url, SENDER), Post("", SENDER)):
        with pytest.raises(PostRefused):
            post.deliver(LETTER._replace(**change))
    assert server.heard == []


def test_a_body_with_headers_in_it_is_only_a_body(server: MailServer) -> None:
    body = "Bcc: alle@leverandor.example\n\n.\r\nRCPT TO:<eva@leverandor.example>\n"
    Post(server.url, SENDER).deliver(LETTER._replace(body=body))
    letter = server.letter()
    assert letter["Bcc"] is None
    assert letter.get_content().splitlines() == body.splitlines()
    assert [line for line in server.heard if line.startswith("rcpt")] == ["rcpt TO:<anna@leverandor.example>"]


def test_long_subjects_with_norwegian_letters_survive(server: MailServer) -> None:
    subject = "Påminnelse: rapporten «utslipp på Blåbærøy» for mai " * 5
    Post(server.url, SENDER).deliver(LETTER._replace(subject=subject.strip()))
    assert server.letter()["Subject"] == subject.strip()
    assert max(map(len, server.taken[0].splitlines())) <= 998


def test_an_address_that_the_server_cannot_write_is_refused(server: MailServer) -> None:
    with pytest.raises(PostRefused):
        Post(server.url, SENDER).deliver(LETTER._replace(to="blåbær@leverandor.example"))
    assert server.taken == []


def test_a_domain_with_norwegian_letters_is_written_as_the_network_knows_it(server: MailServer) -> None:
    Post(server.url, SENDER).deliver(LETTER._replace(to="anna@blåbær.example"))
    assert "rcpt TO:<anna@xn--blbr-roah.example>" in server.heard


def test_without_a_mail_server_the_portal_keeps_its_letters() -> None:
    post = Post("", SENDER)
    assert post.keeps_mail
    post.deliver(LETTER)


def test_with_one_it_does_not(server: MailServer) -> None:
    assert not Post(server.url, SENDER).keeps_mail


@pytest.mark.parametrize(
    "url", ["localhost:25", "http://mail.example", "smtp://", "mail", "smtp://portal:secret@mail.example"]
)
def test_settings_that_cannot_work_are_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="smtp"):
        Post(url, SENDER)
