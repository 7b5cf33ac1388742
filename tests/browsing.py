"""Browsers for tests, people to sign in as, and pages that show who a view was opened for."""

import re
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from flask import Flask, abort, flash
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from portal import clock
from portal.extensions import Base, db, transaction
from portal.model import (
    Installation,
    Machine,
    Membership,
    Organisation,
    OrganisationKind,
    Person,
    Role,
    SignInAttempt,
)
from portal.operations import accounts
from portal.permissions import Permission
from portal.web import access, passwords
from tests import signing_in

PASSWORD = "seks hvite svaner"
KARI, OLA = "kari@entreprenor.example", "ola@entreprenor.example"
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
SUPPLIER, BUYER = "313000001", "313000028"

Maker = Callable[..., Flask]


@dataclass
class Browser:
    """A browser: its cookies, and the form token of the page it looks at."""

    client: FlaskClient
    address: str = "192.0.2.1"

    def __post_init__(self) -> None:
        # The words that these tests look for are the English ones, whether the other catalogue is compiled or not.
        self.client.set_cookie("language", "en")

    def get(self, url: str, **headers: str) -> TestResponse:
        return self.client.get(url, headers=headers, environ_base={"REMOTE_ADDR": self.address})

    def post(self, url: str, headers: dict[str, str] | None = None, **data: str) -> TestResponse:
        form = {"csrf_token": self.token(), **data}
        return self.client.post(url, data=form, headers=headers, environ_base={"REMOTE_ADDR": self.address})

    def token(self) -> str:
        page = self.client.get("/account", follow_redirects=True).text
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert found, page
        return found[1]

    def sign_in(self, email: str = KARI, password: str = PASSWORD, **data: str) -> TestResponse:
        form = {"email": email, "password": password, **data}
        return signing_in.enter(self.get, lambda path, values: self.post(path, None, **values), form)

    @property
    def cookie(self) -> str:
        kept = self.client.get_cookie("session")
        return kept.value if kept else ""

    def is_in(self) -> bool:
        return self.get("/account").status_code == 200


def with_people(app: Flask) -> Flask:
    app.config["WTF_CSRF_ENABLED"] = True
    add_probes(app)
    with app.app_context(), transaction():
        fill()
    return app


def fill() -> None:
    supplier = accounts.add_organisation(SUPPLIER, "Fjordgraving AS", OrganisationKind.SUPPLIER)
    buyer = accounts.add_organisation(BUYER, "Lillevik kommune", OrganisationKind.BUYER)
    kari, ola = accounts.add_person(KARI, "Kari Nordmann"), accounts.add_person(OLA, "Ola Hansen")
    kari.password = ola.password = signing_in.stored_once(PASSWORD)
    accounts.add_membership(kari, supplier, Role.REPORTER)
    accounts.add_membership(ola, supplier, Role.SIGNATORY)
    accounts.add_membership(ola, buyer, Role.REVIEWER)
    signing_in.equip(ola)


def add_probes(app: Flask) -> None:
    @app.get("/probe/page")
    @access.requires(Permission.OWN_ACCOUNT)
    def page() -> ResponseReturnValue:
        by = access.current_membership()
        return f"{by.person.name} for {by.organisation.name}"

    @app.get("/probe/queue")
    @access.requires(Permission.REPORT_REVIEW)
    def queue() -> ResponseReturnValue:
        return "queue"

    @app.route("/probe/machines/<uuid:public_id>", methods=["GET", "POST"])
    @access.requires(Permission.MACHINE_EDIT, Machine)
    def machine(row: Machine) -> ResponseReturnValue:
        return row.name

    @app.post("/probe/rename")
    @access.requires(Permission.OWN_ACCOUNT)
    def rename() -> ResponseReturnValue:
        access.current_person().name = "Never stored"
        flash("Not saved.")
        return "not committed"

    @app.post("/probe/break")
    @access.requires(Permission.OWN_ACCOUNT)
    def fail() -> ResponseReturnValue:
        with transaction():
            access.current_person().name = "Never stored"
            db.session.flush()
            abort(422)


@pytest.fixture
def app(make_app: Maker, sqlite_url: str) -> Flask:
    """The application in no context of ours: each request has its own, as in real life."""
    return with_people(make_app(sqlite_url))


@pytest.fixture
def browser(app: Flask) -> Browser:
    """Nobody is signed in yet."""
    return Browser(app.test_client())


@pytest.fixture
def database(sqlite_url: str) -> str:
    """The file of the database."""
    return sqlite_url.removeprefix("sqlite:///")


def another(app: Flask, address: str = "192.0.2.2") -> Browser:
    return Browser(app.test_client(), address)


def change(app: Flask, email: str, **values: object) -> None:
    with app.app_context(), transaction():
        person = db.session.scalars(select(Person).where(Person.email == email)).one()
        for name, value in values.items():
            setattr(person, name, value)


def membership_id(app: Flask, email: str, number: str) -> uuid.UUID:
    with app.app_context():
        return db.session.scalars(
            select(Membership.public_id)
            .join(Membership.person)
            .join(Membership.organisation)
            .where(Person.email == email, Organisation.number == number)
        ).one()


def count(app: Flask, entity: type[Base]) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(entity)) or 0


def attempted(app: Flask) -> list[tuple[str, str, bool]]:
    with app.app_context():
        rows = db.session.scalars(select(SignInAttempt).order_by(SignInAttempt.id))
        return [(row.email, row.address, row.succeeded) for row in rows]


def people_hash(app: Flask, password: str) -> str:
    with app.app_context():
        return passwords.stored(password)


def with_cookie(app: Flask, value: str) -> Browser:
    thief = another(app)
    thief.client.set_cookie("session", value)
    return thief


def machine(owner: Organisation) -> Machine:
    values = {
        column.name: "x"
        for column in Machine.__table__.columns
        if not column.nullable and not column.primary_key and column.default is None and not column.foreign_keys
    }
    return Machine(**{**values, "name": "Gravemaskin", "owner_id": owner.id})


def dump(database: str) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(database) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: list(connection.execute(f'SELECT * FROM "{table}"')) for table in tables}


def make_demo(app: Flask) -> None:
    with app.app_context(), transaction() as writing:
        writing.add(Installation(id=1, is_demo=True, created_at=clock.now()))
