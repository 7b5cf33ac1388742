"""For whom one acts and what that opens, in which language one reads, and the persons of the demo."""

import uuid

from flask import Flask
from sqlalchemy import select

from portal.extensions import db, transaction
from portal.model import Membership, Organisation, OrganisationKind, Person
from portal.operations import accounts as people
from portal.permissions import Permission
from portal.web import access
from tests.browsing import (
    BUYER,
    KARI,
    OLA,
    SUPPLIER,
    Browser,
    Maker,
    app,
    attempted,
    browser,
    change,
    database,
    dump,
    machine,
    make_demo,
    membership_id,
    with_cookie,
    with_people,
)

__all__ = ["app", "browser", "database"]


# -- for whom ---------------------------------------------------------------------------------------------------------


def test_whoever_acts_for_several_chooses_first_and_may_switch(app: Flask, browser: Browser) -> None:
    assert browser.sign_in(OLA, next="/probe/page").location == "/acting-for?next=/probe/page"
    choices = browser.get("/acting-for?next=/probe/page").text
    assert "Fjordgraving AS" in choices
    assert "Lillevik kommune" in choices
    assert browser.get("/probe/page").location == "/acting-for?next=/probe/page"
    assert browser.get("/probe/queue").status_code == 303
    for number, name, queue in ((SUPPLIER, "Fjordgraving AS", 403), (BUYER, "Lillevik kommune", 200)):
        chosen = browser.post("/acting-for", membership=str(membership_id(app, OLA, number)), next="/probe/page")
        assert chosen.location == "/probe/page"
        assert browser.get("/probe/page").text == f"Ola Hansen for {name}"
        assert browser.get("/probe/queue").status_code == queue


def test_an_unknown_membership_is_not_there(browser: Browser) -> None:
    browser.sign_in(OLA)
    for wanted in ("", "1", "x" * 100, str(uuid.uuid4())):
        assert browser.post("/acting-for", membership=wanted).status_code == 404, wanted


def test_anothers_membership_is_not_there(app: Flask, browser: Browser) -> None:
    browser.sign_in(KARI)
    foreign = str(membership_id(app, OLA, BUYER))
    assert browser.post("/acting-for", membership=foreign).status_code == 404
    assert browser.get("/probe/page").text == "Kari Nordmann for Fjordgraving AS"


def test_a_membership_that_is_taken_away_is_gone_at_once(app: Flask, browser: Browser) -> None:
    browser.sign_in(OLA)
    chosen = membership_id(app, OLA, BUYER)
    browser.post("/acting-for", membership=str(chosen))
    assert browser.get("/probe/queue").status_code == 200
    with app.app_context(), transaction() as writing:
        writing.delete(writing.scalars(select(Membership).where(Membership.public_id == chosen)).one())
    assert browser.get("/probe/queue").status_code == 403
    assert browser.get("/probe/page").text == "Ola Hansen for Fjordgraving AS"


def test_a_foreign_row_is_not_there_whatever_the_role(app: Flask, browser: Browser) -> None:
    with app.app_context(), transaction() as writing:
        owners = {each.number: each for each in writing.scalars(select(Organisation))}
        rival = people.add_organisation("313000036", "Rivalen AS", OrganisationKind.SUPPLIER)
        own, foreign = (machine(owner) for owner in (owners[SUPPLIER], rival))
        writing.add_all([own, foreign])
        writing.flush()
        ids = own.public_id, foreign.public_id
    browser.sign_in(KARI)
    assert browser.get(f"/probe/machines/{ids[0]}").text == "Gravemaskin"
    assert browser.post(f"/probe/machines/{ids[0]}").status_code == 200
    for answer in (browser.get(f"/probe/machines/{ids[1]}"), browser.post(f"/probe/machines/{ids[1]}")):
        assert answer.status_code == 404
    browser.post("/sign-out")
    browser.sign_in(OLA)
    browser.post("/acting-for", membership=str(membership_id(app, OLA, SUPPLIER)))
    assert browser.get(f"/probe/machines/{ids[0]}").status_code == 403
    assert browser.get(f"/probe/machines/{ids[1]}").status_code == 404


# -- language ---------------------------------------------------------------------------------------------------------


def test_a_link_changes_the_language_of_this_browser_and_nothing_else(
    app: Flask, browser: Browser, database: str
) -> None:
    browser.client.delete_cookie("language")
    browser.sign_in()
    assert '<html lang="nb"' in language_of(browser)
    before = dump(database)
    answer = browser.get("/language/en?next=/probe/page")
    assert answer.location == "/probe/page"
    assert browser.client.get_cookie("language")
    assert dump(database) == before


def language_of(browser: Browser) -> str:
    return browser.get("/account").text


def test_a_form_changes_the_language_of_the_persons_letters(app: Flask, browser: Browser) -> None:
    browser.sign_in()
    browser.post("/language/en", next="/account")
    with app.app_context():
        assert db.session.scalars(select(Person.language).where(Person.email == KARI)).one() == "en"


def test_a_language_we_do_not_have_is_not_there(browser: Browser) -> None:
    for code in ("de", "nb2", "EN"):
        assert browser.get(f"/language/{code}").status_code == 404, code


def test_a_cookie_with_another_language_is_not_heeded(browser: Browser) -> None:
    browser.client.set_cookie("language", "de")
    assert browser.get("/sign-in").status_code == 200


# -- the demo ---------------------------------------------------------------------------------------------------------


def test_one_click_persons_are_not_there_outside_the_demo(app: Flask, browser: Browser) -> None:
    browser.address = "127.0.0.1"
    chosen = membership_id(app, KARI, SUPPLIER)
    assert browser.get("/personas").status_code == 404
    assert browser.post(f"/persona/{chosen}").status_code == 404
    assert not browser.is_in()


def test_one_click_makes_one_a_person_of_the_demo_and_then_another(app: Flask, browser: Browser) -> None:
    make_demo(app)
    browser.address = "127.0.0.1"
    assert "Lillevik kommune" in browser.get("/personas").text
    browser.post(f"/persona/{membership_id(app, OLA, BUYER)}")
    first = browser.cookie
    assert browser.get("/probe/page").text == "Ola Hansen for Lillevik kommune"
    browser.post(f"/persona/{membership_id(app, KARI, SUPPLIER)}")
    assert browser.get("/probe/page").text == "Kari Nordmann for Fjordgraving AS"
    assert not with_cookie(app, first).is_in()
    assert attempted(app) == [(OLA, "127.0.0.1", True), (KARI, "127.0.0.1", True)]


def test_one_click_persons_are_for_this_machine_only(app: Flask, browser: Browser) -> None:
    make_demo(app)
    for browser.address in ("192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1"):
        assert browser.get("/personas").status_code == 404, browser.address
        assert browser.post(f"/persona/{membership_id(app, KARI, SUPPLIER)}").status_code == 404, browser.address


def test_one_click_persons_are_not_there_behind_a_proxy(make_app: Maker, sqlite_url: str) -> None:
    app = with_people(make_app(sqlite_url, base_url="https://klima.example"))
    make_demo(app)
    answer = app.test_client().get("/personas", base_url="https://klima.example")
    assert answer.status_code == 404


def test_a_disabled_person_of_the_demo_cannot_be_become(app: Flask, browser: Browser) -> None:
    make_demo(app)
    browser.address = "127.0.0.1"
    change(app, KARI, active=False)
    assert browser.post(f"/persona/{membership_id(app, KARI, SUPPLIER)}").status_code == 404


# -- every page is guarded -------------------------------------------------------------------------------------------


def test_every_route_says_who_may_open_it(app: Flask) -> None:
    assert access.unmarked(app) == []
    guarded = {route.endpoint: route for route in access.guarded_routes(app)}
    assert guarded["queue"].permission == Permission.REPORT_REVIEW
    assert guarded["accounts.account"].reason


def test_a_route_that_says_nothing_is_found() -> None:
    app = Flask("portal")
    app.add_url_rule("/open", "open", lambda: "open")
    assert access.unmarked(app) == ["open"]
