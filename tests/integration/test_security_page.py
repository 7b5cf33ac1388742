"""How the portal is guarded, said to everybody, and where to tell of a fault."""

import re
from datetime import UTC, datetime

import pytest

from portal import clock
from portal.model import AttemptKind
from portal.web import attempts, passwords, sessions
from portal.web.attempts import Whose
from tests.browsing import NOON, Browser, Maker
from tests.clamd import clamd

CONTACT = "mailto:sikkerhet@lillevik.example"


def test_the_page_says_what_is_so(make_app: Maker, sqlite_url: str) -> None:
    page = Browser(make_app(sqlite_url).test_client()).get("/security").text
    limits = [limit for limit in attempts.LIMITS[AttemptKind.SIGN_IN] if limit.whose in {Whose.ADDRESS, Whose.PERSON}]
    assert f"at least {passwords.SHORTEST} characters" in page
    assert {(limit.most, limit.within.total_seconds()) for limit in limits} == {(10, 300)}
    assert "After 10 wrong passwords within five minutes" in page
    assert [sessions.IDLE.total_seconds(), sessions.LONGEST.total_seconds()] == [3600, 12 * 3600]
    assert "after an hour without use, and after 12 hours" in page
    assert "Files are not searched for malware here" in page
    assert "Tell the organisation that asked you to report here" in page


def test_the_page_says_that_files_are_searched_where_they_are(make_app: Maker, sqlite_url: str) -> None:
    with clamd() as scanner:
        page = Browser(make_app(sqlite_url, scanner_url=scanner.url).test_client()).get("/security").text
    assert "Each file is searched for malware" in page
    assert "not searched" not in page


@pytest.mark.parametrize("language", ["nb", "en"])
def test_whoever_found_a_fault_is_told_where_to_tell(make_app: Maker, sqlite_url: str, language: str) -> None:
    client = make_app(sqlite_url, security_contact=CONTACT).test_client()
    client.set_cookie("language", language)
    page = client.get("/security").text
    assert f'href="{CONTACT}">sikkerhet@lillevik.example</a>' in page
    assert 'href="/security"' in client.get("/sign-in").text


def test_security_txt_is_as_the_standard_wants_it(make_app: Maker, sqlite_url: str) -> None:
    client = make_app(sqlite_url, security_contact=CONTACT).test_client()
    with clock.at(NOON):
        answer = client.get("/.well-known/security.txt")
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert answer.content_type == "text/plain; charset=utf-8"
    assert (fields["Contact"], fields["Policy"]) == (CONTACT, "http://127.0.0.1:8000/security")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", fields["Expires"])
    expires = datetime.strptime(fields["Expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert 100 < (expires - NOON).days < 365


def test_without_anybody_to_tell_there_is_no_security_txt(make_app: Maker, sqlite_url: str) -> None:
    assert make_app(sqlite_url).test_client().get("/.well-known/security.txt").status_code == 404
