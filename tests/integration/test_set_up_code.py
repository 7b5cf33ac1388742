"""A letter is no way round the second factor: who comes by one sets up an app only with a code from another person."""

import html
import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal import clock
from portal.extensions import db, transaction
from portal.model import AuditEvent, Organisation, OutgoingMail, Person, Role, SignInAttempt
from portal.operations import accounts
from tests import signing_in
from tests.browsing import (
    BUYER,
    KARI,
    NOON,
    OLA,
    PASSWORD,
    SUPPLIER,
    Browser,
    Maker,
    another,
    membership_id,
    with_people,
)
from tests.terminal import Terminal

NEW = "fire nye svarte svaner"
ADA, BEA, EVA, SIV = "ada@lillevik.example", "bea@lillevik.example", "eva@lillevik.example", "siv@entreprenor.example"
WRONG = "AAAA-BBBB-CCCC"
CODE = re.compile(r'<code class="key">([A-Z2-9]{4}-[A-Z2-9]{4}-[A-Z2-9]{4})</code>')


def staffed(app: Flask) -> Flask:
    """At the buyer Ada and Bea administer, and Eva reviews, who has not set up an app; at the supplier Siv does."""
    with_people(app)
    with app.app_context(), transaction():
        firms = {each.number: each for each in db.session.scalars(select(Organisation))}
        for email, number, role in (
            (ADA, BUYER, Role.ADMINISTRATOR),
            (BEA, BUYER, Role.ADMINISTRATOR),
            (EVA, BUYER, Role.REVIEWER),
            (SIV, SUPPLIER, Role.ADMINISTRATOR),
        ):
            person = accounts.add_person(email, email.partition("@")[0].capitalize())
            person.password = signing_in.stored_once(PASSWORD)
            accounts.add_membership(person, firms[number], role)
            if email != EVA:
                signing_in.equip(person)
    return app


@pytest.fixture
def app(make_app: Maker, sqlite_url: str) -> Flask:
    return staffed(make_app(sqlite_url))


@pytest.fixture
def terminal(tmp_path: Path, sqlite_url: str) -> Terminal:
    return Terminal(tmp_path, DATABASE_URL=sqlite_url)


def at(app: Flask, email: str) -> Browser:
    browser = another(app)
    assert browser.sign_in(email).status_code in {200, 303}
    return browser


def chosen_by_letter(app: Flask, email: str) -> Browser:
    """A browser in which somebody who reads this e-mail has chosen the password and signed in as far as it goes."""
    browser = another(app, "198.51.100.7")
    assert browser.post("/forgotten-password", email=email).status_code == 200
    with app.app_context():
        bodies = select(OutgoingMail.body).where(OutgoingMail.letter == "reset").order_by(OutgoingMail.id.desc())
        found = re.search(r"(/new-password\?key=\S+)", db.session.scalars(bodies).first() or "")
    assert found
    browser.get(found[1])
    assert browser.post("/new-password", new_password=NEW, repeated_password=NEW).status_code == 303
    browser.post("/sign-in", email=email, password=NEW)
    return browser


def set_up(browser: Browser, given: str | None, path: str = "/sign-in/set-up") -> TestResponse:
    """Point a phone at the page and write its code, and the set-up code where there is one."""
    more = {} if given is None else {"given": given}
    return signing_in.set_up(browser.get, lambda to, form: browser.post(to, None, **form, **more), EVA, path)


def code_from(by: Browser, app: Flask, email: str, number: str = BUYER) -> str:
    page = by.post(f"/people/{membership_id(app, email, number)}/set-up-code").text
    found = CODE.search(page)
    assert found, html.unescape(page)
    return found[1]


def tried(app: Flask, email: str) -> list[tuple[str, bool]]:
    with app.app_context():
        rows = db.session.scalars(select(SignInAttempt).join(Person).where(Person.email == email).order_by("id"))
        return [(row.method, row.succeeded) for row in rows if row.kind == "second_factor"]


def test_a_mailbox_is_no_way_round_the_second_factor(make_app: Maker, database_url: str) -> None:
    app = staffed(make_app(database_url))
    reader = chosen_by_letter(app, EVA)
    assert "Set-up code from an administrator" in reader.get("/sign-in/set-up").text
    for given in (None, "", WRONG):
        answer = set_up(reader, given)
        assert answer.status_code == 422
        assert "set-up code" in answer.text
    assert not reader.is_in()
    assert tried(app, EVA) == [("set_up_code", False)]
    code = code_from(at(app, ADA), app, EVA)
    assert set_up(reader, f" {code.lower().replace('-', ' ')} ").status_code == 200
    assert reader.is_in()
    assert tried(app, EVA)[-1] == ("set_up_code", True)
    assert "Password and a set-up code" in reader.get("/account/history").text
    assert set_up(reader, None, "/account/authenticator").status_code == 200  # with the app at hand none is asked for


def test_a_code_is_for_one_person_once_and_an_hour(app: Flask) -> None:
    with clock.at(NOON):
        ada, reader = at(app, ADA), chosen_by_letter(app, EVA)
        first = code_from(ada, app, EVA)
        code = code_from(ada, app, EVA)
        assert set_up(reader, first).status_code == 422
        kari = chosen_by_letter(app, KARI)
        assert set_up(kari, code, "/account/authenticator").status_code == 422
    with clock.at(NOON + timedelta(minutes=61)):
        late = another(app)
        late.post("/sign-in", email=EVA, password=NEW)
        assert set_up(late, code).status_code == 422


def test_wrong_codes_run_out(app: Flask) -> None:
    reader, code = chosen_by_letter(app, EVA), code_from(at(app, ADA), app, EVA)
    assert [set_up(reader, WRONG).status_code for _ in range(5)] == [422] * 5
    page = reader.get("/sign-in/set-up").text
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)
    assert sealed
    assert reader.post("/sign-in/set-up", sealed=html.unescape(sealed[1]), given=code, code="1").status_code == 429
    assert not reader.is_in()


def test_a_wrong_code_of_the_app_does_not_use_it_up(app: Flask) -> None:
    reader, code = chosen_by_letter(app, EVA), code_from(at(app, ADA), app, EVA)
    sealed = re.search(r'name="sealed" value="([^"]+)"', reader.get("/sign-in/set-up").text)
    assert sealed
    wrong = reader.post("/sign-in/set-up", sealed=html.unescape(sealed[1]), given=code, code="1")
    assert wrong.status_code == 422
    assert f'value="{code}"' in wrong.text
    assert set_up(reader, code).status_code == 200


def test_a_role_that_comes_later_changes_nothing(app: Flask) -> None:
    reader = chosen_by_letter(app, KARI)
    assert reader.is_in()  # who needs no second factor is not bothered
    siv = at(app, SIV)
    kari = membership_id(app, KARI, SUPPLIER)
    assert siv.post(f"/people/{kari}", roles="signatory").status_code == 303
    assert not reader.is_in()
    reader.post("/sign-in", email=KARI, password=NEW)
    assert set_up(reader, None).status_code == 422
    assert set_up(reader, code_from(siv, app, KARI, SUPPLIER)).status_code == 200


def test_who_never_came_by_a_letter_sets_it_up_alone(app: Flask) -> None:
    browser = another(app)
    assert browser.post("/sign-in", email=EVA, password=PASSWORD).location == "/sign-in/set-up"
    assert "Set-up code" not in browser.get("/sign-in/set-up").text
    assert set_up(browser, None).status_code == 200


def test_the_operator_reads_a_code_to_who_has_lost_the_app(app: Flask, terminal: Terminal) -> None:
    said = terminal.run("reset-factor", OLA).output
    found = re.search(r": ([A-Z2-9]{4}-[A-Z2-9]{4}-[A-Z2-9]{4})\n", said)
    assert found, said
    reader = chosen_by_letter(app, OLA)
    assert set_up(reader, None).status_code == 422
    assert set_up(reader, found[1]).status_code == 200
    assert terminal.run("verify-audit").exit_code == 0


def test_the_other_administrators_are_told_and_the_trail_keeps_it(app: Flask) -> None:
    with clock.at(NOON):
        chosen_by_letter(app, EVA)
        ada, path = at(app, ADA), f"/people/{membership_id(app, EVA, BUYER)}"
    with clock.at(NOON + timedelta(minutes=16)):
        assert ada.post(f"{path}/set-up-code").status_code == 401
    with clock.at(NOON + timedelta(minutes=1)):
        code = code_from(ada, app, EVA)
    assert code not in ada.get(f"/people/{membership_id(app, EVA, BUYER)}").text
    with app.app_context():
        told = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == "set_up_code_given")).all()
        assert [row.to_address for row in told] == [BEA]
        assert code not in told[0].body
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "second_factor.code_given")).one()
        assert event.person_id == db.session.scalars(select(Person.id).where(Person.email == ADA)).one()


def test_nobody_gives_one_to_themselves_or_for_others_organisations(app: Flask, terminal: Terminal) -> None:
    ada = at(app, ADA)
    eva, ola = (membership_id(app, email, BUYER) for email in (EVA, OLA))
    assert "Make a set-up code" not in ada.get(f"/people/{eva}").text
    assert ada.post(f"/people/{eva}/set-up-code").status_code == 422  # she needs none
    terminal.run("reset-factor", OLA)
    assert "Make a set-up code" not in ada.get(f"/people/{ola}").text
    assert ada.post(f"/people/{ola}/set-up-code").status_code == 422  # he signs for a supplier, too
    chosen_by_letter(app, EVA)
    with app.app_context(), transaction():
        person = db.session.scalars(select(Person).where(Person.email == EVA)).one()
        other = db.session.scalars(select(Organisation).where(Organisation.number == SUPPLIER)).one()
        elsewhere = accounts.add_membership(person, other, Role.REPORTER)
    assert "Make a set-up code" not in ada.get(f"/people/{eva}").text
    assert ada.post(f"/people/{eva}/set-up-code").status_code == 422  # what she may come to do there is theirs to guard
    with app.app_context(), transaction():
        db.session.merge(elsewhere).ended_at = clock.now()
    assert "Make a set-up code" in ada.get(f"/people/{eva}").text
    assert at(app, SIV).post(f"/people/{eva}/set-up-code").status_code == 404
    assert at(app, KARI).post(f"/people/{eva}/set-up-code").status_code in {403, 404}
