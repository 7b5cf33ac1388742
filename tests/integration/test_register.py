"""A supplier is found in Enhetsregisteret by its number; and what is said when it is not, or the register is ill."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.enhetsregisteret import Enhetsregisteret, Standing
from portal.extensions import db, parts, transaction
from portal.model import Organisation
from portal.outgoing import Outgoing
from tests.browsing import NOON
from tests.desk import give_passwords
from tests.pages import Desk, Seat, blamed, seat
from tests.register_server import RegisterServer, register_server
from tests.terminal import Terminal
from tests.world import World, build_world

__all__ = ["seat"]

NEW = "310000043"
FORM = {
    "reference": "K-9",
    "title": "Ny bru",
    "supplier_number": "310 000 043",
    "supplier_name": "",
    "starts_on": "01.01.2027",
    "ends_on": "31.12.2027",
}


@pytest.fixture
def register() -> Iterator[RegisterServer]:
    with register_server() as found:
        yield found


@pytest.fixture
def asking(register: RegisterServer) -> Enhetsregisteret:
    return Enhetsregisteret(register.url, Outgoing(["127.0.0.0/8"], seconds=0.3))


@pytest.fixture
def app(make_app: Callable[..., Flask], sqlite_url: str, register: RegisterServer) -> Iterator[Flask]:
    app = make_app(sqlite_url, register_url=register.url, outgoing_allowed=("127.0.0.0/8",))
    with app.app_context():
        yield app


@pytest.fixture
def adam(app: Flask, seat: Seat) -> Desk:
    del app
    with transaction():
        world: World = build_world()
    give_passwords(world)
    return seat(world.adam)


def test_what_the_register_knows(asking: Enhetsregisteret, register: RegisterServer) -> None:
    register.knows(NEW, "  BRUBYGG   AS ")
    with clock.at(NOON):
        entry = asking.look_up(NEW)
        assert asking.known(NEW) == entry
    assert (entry.standing, entry.name) == (Standing.ACTIVE, "BRUBYGG AS")
    assert entry.at is not None
    assert NOON <= entry.at < NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("signs", "standing"),
    [
        ({"konkurs": True}, Standing.BANKRUPT),
        ({"underAvvikling": True}, Standing.BANKRUPT),
        ({"underTvangsavviklingEllerTvangsopplosning": True}, Standing.BANKRUPT),
        ({"slettedato": "2025-03-01"}, Standing.DELETED),
        ({"konkurs": False}, Standing.ACTIVE),
        ({"navn": None}, Standing.SILENT),
        ({"organisasjonsnummer": "310000051"}, Standing.SILENT),
    ],
)
def test_what_it_says_of_the_unit(
    asking: Enhetsregisteret, register: RegisterServer, signs: dict[str, object], standing: Standing
) -> None:
    register.knows(NEW, "Brubygg AS", **signs)
    assert asking.look_up(NEW).standing == standing


@pytest.mark.parametrize(
    ("status", "body", "standing"),
    [
        (404, b"", Standing.UNKNOWN),
        (410, b'{"slettedato":"2020-01-01"}', Standing.DELETED),
        (500, b"", Standing.SILENT),
        (302, b"", Standing.SILENT),
        (200, b"<html>", Standing.SILENT),
        (200, b"[]", Standing.SILENT),
        (200, b"", Standing.SILENT),
    ],
)
def test_what_else_it_may_answer(
    asking: Enhetsregisteret, register: RegisterServer, status: int, body: bytes, standing: Standing
) -> None:
    register.answers[NEW] = (status, body)
    assert asking.look_up(NEW).standing == standing


def test_a_slow_register_is_not_waited_for(asking: Enhetsregisteret, register: RegisterServer) -> None:
    register.seconds = 2
    assert asking.look_up(NEW).standing == Standing.SILENT


def test_what_was_found_is_remembered_for_a_day_and_silence_for_a_moment(
    asking: Enhetsregisteret, register: RegisterServer
) -> None:
    register.answers[NEW] = (500, b"")
    for _twice in range(2):
        assert asking.look_up(NEW).standing == Standing.SILENT
    assert register.asked == [NEW]
    register.knows(NEW, "Brubygg AS")
    with clock.at(clock.now() + timedelta(seconds=31)):
        for _twice in range(2):
            assert asking.look_up(NEW).standing == Standing.ACTIVE
        assert register.asked == [NEW, NEW]
    with clock.at(clock.now() + timedelta(days=2)):
        asking.look_up(NEW)
    assert register.asked == [NEW] * 3


def test_without_an_address_nobody_is_asked(register: RegisterServer) -> None:
    assert Enhetsregisteret("", Outgoing()).look_up(NEW).standing == Standing.NOT_ASKED
    assert register.asked == []


def test_a_new_suppliers_name_is_found_and_kept_with_its_day(adam: Desk, register: RegisterServer) -> None:
    register.knows(NEW, "BRUBYGG AS")
    assert adam.send("/contracts/new", FORM).status_code == 303
    supplier = db.session.scalars(select(Organisation).where(Organisation.number == NEW)).one()
    assert supplier.name == "BRUBYGG AS"
    assert supplier.registered_at == parts().register.known(NEW).at
    assert adam.send("/contracts/new", {**FORM, "reference": "K-10"}).status_code == 303
    assert register.asked == [NEW], "who is here already is not asked for"


@pytest.mark.parametrize(
    ("signs", "status", "expected"),
    [
        ({"konkurs": True}, 200, ("supplier_name", "BRUBYGG AS is bankrupt or being wound up")),
        ({"slettedato": "2024-01-01"}, 200, ("supplier_name", "has been deleted from")),
        ({}, 404, ("supplier_number", "does not know the number 310000043")),
        ({}, 500, ("supplier_name", "does not answer now")),
    ],
)
def test_otherwise_the_name_is_asked_for_with_the_reason(
    adam: Desk, register: RegisterServer, signs: dict[str, object], status: int, expected: tuple[str, str]
) -> None:
    register.knows(NEW, "BRUBYGG AS", **signs)
    register.answers[NEW] = (status, register.answers[NEW][1])
    answer = adam.send("/contracts/new", FORM)
    assert answer.status_code == 422
    field, words = expected
    assert words in answer.text
    assert blamed(answer) == [field]
    named = adam.send("/contracts/new", {**FORM, "supplier_name": "Brubygg"})
    assert named.status_code == 303, "a person's word goes before the register's"
    supplier = db.session.scalars(select(Organisation).where(Organisation.number == NEW)).one()
    assert (supplier.name, supplier.registered_at) == ("Brubygg", None)


@pytest.fixture
def terminal(tmp_path: Path, sqlite_url: str, register: RegisterServer) -> Terminal:
    """Somebody who runs an installation that asks the register."""
    asked = {"KLIMAKONTRAKT_REGISTER_URL": register.url, "KLIMAKONTRAKT_OUTGOING_ALLOWED": "127.0.0.0/8"}
    return Terminal(tmp_path, DATABASE_URL=sqlite_url, **asked)


def test_whoever_runs_the_portal_adds_a_buyer_with_its_units(terminal: Terminal, register: RegisterServer) -> None:
    register.knows(NEW, "LILLEVIK KOMMUNE")
    added = terminal.run("agency", NEW, "--unit", "Veg", "--unit", "Bygg")
    assert added.output == f"LILLEVIK KOMMUNE ({NEW}) is a buyer here. Units added: 2.\n"
    again = terminal.run("agency", NEW, "--unit", "Havn")
    assert again.output.endswith("Units added: 1.\n")
    assert "You already have a unit called Havn." in terminal.refused("agency", NEW, "--unit", "Havn")
    assert register.asked == [NEW] * 3


def test_a_buyer_that_the_register_does_not_know_is_named_by_hand(terminal: Terminal) -> None:
    answer = terminal.run("agency", NEW)
    assert answer.exit_code == 2
    assert f"Enhetsregisteret gives no name for {NEW} (unknown): give --name." in answer.output
    named = terminal.run("agency", NEW, "--name", "Lillevik kommune", "--administrator", "Ada@lillevik.example")
    told = named.output.splitlines()
    assert told[:2] == [
        f"Lillevik kommune ({NEW}) is a buyer here. Units added: 0.",
        "ada@lillevik.example is invited to Lillevik kommune.",
    ]
    assert "/invitation?key=" in told[2]
