"""An installation without the demo: what comes first, who gets in first, and what is said when something is missing."""

import shlex
import socket
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, func, select, text

from portal import resources
from portal.extensions import db
from portal.model import AuditEvent, Membership, Organisation, OrganisationKind, Person, Role
from portal.web import passwords
from tests.browsing import Browser
from tests.terminal import Terminal

PASSWORD = "fire hvite svaner på vann"
BUYER = ("--organisation-name", "Lillevik kommune", "--kind", "buyer")
ADA = ("user", "ada@lillevik.example", "Ada Admin", "313000028")


@pytest.fixture
def terminal(tmp_path: Path, sqlite_url: str) -> Terminal:
    """Somebody at a migrated installation with nobody in it."""
    return Terminal(tmp_path, DATABASE_URL=sqlite_url)


@pytest.fixture
def people(make_app: Callable[..., Flask], sqlite_url: str) -> Callable[[], list[Person]]:
    """Asks who is registered."""
    app = make_app(sqlite_url)

    def ask() -> list[Person]:
        with app.app_context():
            return list(db.session.scalars(select(Person).order_by(Person.id)))

    return ask


# -- before anybody is there ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("serve",), ("work",), (*ADA, *BUYER, "--role", "administrator"), ("verify-audit",)])
def test_what_needs_a_database_says_that_it_must_be_made(tmp_path: Path, words: tuple[str, ...]) -> None:
    line = Terminal(tmp_path).refused(*words)
    assert line == f"Error: There is no database at {tmp_path / 'klimakontrakt.db'}. Run `portal migrate`."
    assert not list(tmp_path.glob("*.db*"))


def test_a_database_of_an_older_release_is_not_served(terminal: Terminal) -> None:
    engine = create_engine(terminal.environment["DATABASE_URL"])
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    assert terminal.refused("serve").endswith("Run `portal migrate`.")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"KLIMAKONTRAKT_FILES_URL": "files"}, "Error: Files can be kept at file:///… or s3://…, not at files"),
        ({"KLIMAKONTRAKT_MAIL_URL": "post"}, "Error: Mail is sent through smtp, smtp+starttls, smtps://host:port, not"),
        ({"DATABASE_URL": "klima.db"}, "Error: DATABASE_URL must be sqlite:///…"),
        ({"DATABASE_URL": "postgresql://a:hemmelig@127.0.0.1:1/b"}, "Error: The database at postgresql://a:***@127"),
    ],
)
def test_a_setting_that_cannot_work_stops_the_start_in_one_line(
    terminal: Terminal, settings: dict[str, str], expected: str
) -> None:
    assert terminal.refused("serve", **settings).startswith(expected)


def test_a_port_that_is_taken_is_told_in_one_line_before_anything_is_promised(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = terminal.refused("serve", "--port", str(port), "--no-work")
    assert line.startswith(f"Error: http://127.0.0.1:{port} cannot be served: Address already in use.")


def test_whoever_serves_other_machines_is_told_that_an_address_is_needed(terminal: Terminal) -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:
        words = ("serve", "--host", "0.0.0.0", "--port", str(other.getsockname()[1]), "--no-work")
        told = terminal.run(*words).output.splitlines()[0]
        silent = terminal.run(*words, KLIMAKONTRAKT_BASE_URL="https://klima.example").output
    assert told == ("Only those who ask for http://127.0.0.1:8000 are answered. Set KLIMAKONTRAKT_BASE_URL for others.")
    assert "KLIMAKONTRAKT_BASE_URL" not in silent


def test_nothing_of_the_demo_is_there(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    app = make_app(sqlite_url)
    for language in ("nb", "en"):
        browser = Browser(app.test_client(), address="127.0.0.1")
        browser.client.set_cookie("language", language)
        for path in ("/", "/sign-in", "/accessibility", "/definitions"):
            page = browser.client.get(path, environ_base={"REMOTE_ADDR": "127.0.0.1"})
            assert "demo" not in page.text.lower(), (path, language)
            assert "persona" not in page.text.lower().replace("personal", ""), (path, language)
        assert browser.get("/personas").status_code == 404
        assert browser.post(f"/persona/{uuid.uuid4()}").status_code == 404


# -- the first administrator ------------------------------------------------------------------------------------------


def test_the_first_administrator_gets_in_by_one_command(
    terminal: Terminal, people: Callable[[], list[Person]], make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    typed = f"{PASSWORD}\n{PASSWORD}\n"
    result = terminal.run(*ADA[:3], "NO 313 000 028 MVA", *BUYER, "--role", "administrator", typed=typed)
    assert (result.exit_code, result.output.splitlines()[-1]) == (
        0,
        "ada@lillevik.example may sign in for Lillevik kommune.",
    )
    assert PASSWORD not in result.output
    [ada] = people()
    assert (ada.name, (ada.password or "").startswith("$argon2id$")) == ("Ada Admin", True)
    app = make_app(sqlite_url)
    with app.app_context():
        membership = db.session.scalars(select(Membership)).one()
        assert (membership.roles, membership.organisation.number) == (frozenset({Role.ADMINISTRATOR}), "313000028")
        assert membership.organisation.kind == OrganisationKind.BUYER
        trail = db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
        assert trail == ["organisation.added", "membership.added"]
    browser = Browser(app.test_client())
    assert "Your recovery codes" in browser.sign_in("Ada@Lillevik.example", PASSWORD).text
    assert "Ada Admin" in browser.get("/account").text
    assert terminal.run("verify-audit").exit_code == 0


def test_the_readme_tells_it_as_it_is(tmp_path: Path) -> None:
    readme = (resources.ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## A real installation")[2].partition("```sh")[2].partition("```")[0]
    lines = [shlex.split(line) for line in section.replace("\\\n", "").splitlines() if line.startswith("portal ")]
    assert [line[1] for line in lines] == ["migrate", "user", "check", "serve"]
    terminal = Terminal(tmp_path, KLIMAKONTRAKT_BASE_URL="https://klima.example")
    said = [terminal.run(*line[1:], typed=f"{PASSWORD}\n{PASSWORD}\n").output.splitlines()[-1] for line in lines[:3]]
    assert said == [
        "The database is up to date.",
        "ada@lillevik.example may sign in for Lillevik kommune.",
        "Fit to run. Warnings: 1.",
    ]


def test_a_weak_password_is_asked_for_again(terminal: Terminal, people: Callable[[], list[Person]]) -> None:
    weak = ("kort", "aaaaaaaaaaaaaaaa", "admin er tittelen min")
    typed = "".join(f"{each}\n{each}\n" for each in (*weak, PASSWORD))
    result = terminal.run(*ADA, *BUYER, "--role", "administrator", typed=typed)
    assert result.exit_code == 0, result.output
    for words in ("from 15 to 128 characters", "first that somebody would guess", "must not hold your name"):
        assert words in result.output
    assert len(people()) == 1


def test_a_script_gives_the_password_on_standard_input(terminal: Terminal, people: Callable[[], list[Person]]) -> None:
    whole = (*ADA, *BUYER, "--role", "administrator", "--password-stdin")
    assert terminal.refused(*whole, typed="kort\n").startswith("Error: The password must have from 15")
    assert terminal.refused(*whole, typed="").startswith("Error: The password must have from 15")
    assert people() == []
    assert terminal.run(*whole, typed=f"{PASSWORD}\n").exit_code == 0
    [ada] = people()
    assert ada.email == "ada@lillevik.example"


def test_a_password_is_never_taken_from_the_command_line(terminal: Terminal) -> None:
    result = terminal.run(*ADA, *BUYER, "--role", "administrator", "--password", PASSWORD)
    assert result.exit_code == 2
    assert "No such option" in result.output


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((*ADA[:3], "313000029", *BUYER, "--role", "reviewer"), "its last digit does not fit the others"),
        ((*ADA[:3], "31300002", *BUYER, "--role", "reviewer"), "“31300002” is not a valid organisation number."),
        ((*ADA[:3], "Lillevik", *BUYER, "--role", "reviewer"), "“Lillevik” is not a valid organisation number."),
        (("user", "ada", *ADA[2:], *BUYER, "--role", "reviewer"), "“ada” is not an e-mail address."),
        (("user", "ada@lille vik", *ADA[2:], *BUYER, "--role", "reviewer"), "is not an e-mail address."),
        (("user", "a\nb@lillevik.example", *ADA[2:], *BUYER, "--role", "reviewer"), "is not an e-mail address."),
        (
            (*ADA, *BUYER, "--role", "reporter"),
            "There is no reporter with a buyer. The roles there are administrator, ",
        ),
        ((*ADA, *BUYER, "--role", "administrator", "--role", "signatory"), "There is no signatory with a buyer."),
        (
            (*ADA, "--organisation-name", "Fjordgraving", "--kind", "supplier", "--role", "reviewer"),
            "There is no reviewer with a supplier. The roles there are administrator, reporter, signatory.",
        ),
    ],
)
def test_what_is_wrong_is_told_before_a_password_is_asked_for(
    terminal: Terminal, people: Callable[[], list[Person]], words: tuple[str, ...], expected: str
) -> None:
    line = terminal.refused(*words, typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert expected in line
    assert "assword" not in line
    assert people() == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((*ADA, *BUYER, "--role", "boss"), "'boss' is not one of"),
        ((*ADA, *BUYER), "Missing option '--role'"),
        ((*ADA, "--organisation-name", "X", "--kind", "owner", "--role", "reviewer"), "'owner' is not one of"),
        ((*ADA, "--role", "reviewer"), "The organisation is new: give --organisation-name and --kind."),
        (("user", ADA[1], "  ", ADA[3], *BUYER, "--role", "reviewer"), "write a name of at most 200 characters"),
        (("user", ADA[1], "A" * 201, ADA[3], *BUYER, "--role", "reviewer"), "write a name of at most 200 characters"),
    ],
)
def test_what_is_missing_is_told_with_how_the_command_is_used(
    terminal: Terminal, people: Callable[[], list[Person]], words: tuple[str, ...], expected: str
) -> None:
    result = terminal.run(*words, typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert (result.exit_code, expected in result.output) == (2, True), result.output
    assert people() == []


def test_the_next_person_joins_the_organisation_that_is_there(
    terminal: Terminal, people: Callable[[], list[Person]], make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    typed = f"{PASSWORD}\n"
    terminal.run(*ADA, *BUYER, "--role", "administrator", "--password-stdin", typed=typed)
    again = terminal.refused(*ADA, "--role", "administrator", "--password-stdin", typed=typed)
    assert again == "Error: ada@lillevik.example is registered already."
    eva = ("user", "eva@lillevik.example", "Eva Vurdering", "313 000 028", "--role", "reviewer", "--password-stdin")
    for more in (("--kind", "supplier"), ("--organisation-name", "Storevik kommune")):
        result = terminal.run(*eva, *more, typed=typed)
        assert result.exit_code == 2
        assert "313000028 is registered already, as Lillevik kommune, a buyer" in result.output
    assert terminal.run(*eva, *BUYER, typed=typed).exit_code == 0
    assert [each.email for each in people()] == ["ada@lillevik.example", "eva@lillevik.example"]
    with make_app(sqlite_url).app_context():
        assert db.session.scalar(select(func.count()).select_from(Organisation)) == 1


def test_a_person_registered_by_the_command_signs_in_however_the_password_is_written(
    terminal: Terminal, make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    decomposed = "pa\u030a fire hvite svaner"
    whole = (*ADA, *BUYER, "--role", "administrator", "--password-stdin")
    assert terminal.run(*whole, typed=f"{decomposed}\n").exit_code == 0
    app = make_app(sqlite_url)
    with app.test_request_context():
        assert passwords.owner("ada@lillevik.example", "på fire hvite svaner") is not None
