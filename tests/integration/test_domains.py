"""The e-mail domains of an organisation: named by its administrator, and an address elsewhere is asked about."""

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import AttemptKind, AuditEvent, Invitation, Membership, OrganisationDomain, OutgoingMail, Person, Role
from portal.web import attempts
from tests.desk import give_passwords
from tests.http import PASSWORD
from tests.pages import Desk, Seat, seat, words
from tests.world import IN_APRIL, World, build_world

__all__ = ["seat"]
OWN = "prove.example"
ELSEWHERE = "innleid@konsulent.example"
WORKS_HERE = {"works_here": "y", "why": "Hired from a consultant"}


@pytest.fixture
def world(app: Flask) -> World:
    """The small world on either database, with an administrator at the supplier too."""
    del app
    with transaction():
        found = build_world()
        found.anna.role_codes = [Role.REPORTER, Role.ADMINISTRATOR]
    give_passwords(found)
    clock.move_to(IN_APRIL)
    return found


def name(at: Desk, *lines: str) -> tuple[int, str]:
    answer = at.send("/people/domains", {"domains": "\n".join(lines)})
    return answer.status_code, answer.text


def named(world: World) -> list[str]:
    rows = select(OrganisationDomain.domain).where(OrganisationDomain.organisation_id == world.contract.buyer_id)
    return list(db.session.scalars(rows.order_by(OrganisationDomain.domain)))


def invite(at: Desk, email: str, **more: str) -> tuple[int, str]:
    answer = at.send("/people/invite", {"email": email, "roles": "reviewer", **more})
    return answer.status_code, answer.text


def recorded(action: str) -> AuditEvent:
    rows = select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id.desc())
    found = db.session.scalars(rows).first()
    assert found is not None
    return found


def test_domains_are_named_changed_and_taken_away_and_the_trail_says_so(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    assert "anybody can be invited with any address" in words(adam.page("/people"))
    assert name(adam, f" @{OWN.upper()} ", "", "blåbær.example", OWN)[0] == 303
    assert named(world) == ["blåbær.example", OWN]
    assert "addresses at blåbær.example, prove.example" in words(adam.page("/people"))
    assert name(adam, "xn--blbr-roah.example", "annet.example")[0] == 303
    assert named(world) == ["annet.example", "blåbær.example"]
    event = recorded("organisation.domains_changed")
    assert (event.person_id, event.organisation_id) == (world.adam.person_id, world.contract.buyer_id)
    assert event.facts["before"] == ["blåbær.example", OWN]
    assert event.facts["after"] == ["annet.example", "blåbær.example"]
    assert "The e-mail domains were changed" in words(adam.page("/trail"))
    assert name(adam)[0] == 303
    assert named(world) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("prove", "Line 2: “prove” is no domain."),
        ("ola@prove.example", "Line 2: “ola@prove.example” is no domain."),
        ("https://prove.example", "is no domain."),
        ("*.prove.example", "is no domain."),
        ("a b.example", "is no domain."),
        ("192.0.2.1", "is no domain."),
        ("localhost", "is no domain."),
        (f"{'a' * 64}.example", "is no domain."),
        ("Gmail.com", "Line 2: Anybody can have an address at gmail.com"),
        ("online.no", "Line 2: Anybody can have an address at online.no"),
    ],
)
def test_a_line_that_cannot_be_is_said_and_nothing_is_lost(world: World, seat: Seat, line: str, said: str) -> None:
    status, page = name(seat(world.adam), OWN, line)
    assert (status, said in page, f"{OWN}\n" in page) == (422, True, True)
    assert named(world) == []


def test_every_wrong_line_is_said_at_once(world: World, seat: Seat) -> None:
    _status, page = name(seat(world.adam), "prove", OWN, "gmail.com")
    assert page.count("Line 1: “prove” is no domain.") == page.count("Line 3: Anybody can have an address") == 2


def test_only_their_own_administrator_names_them(world: World, seat: Seat) -> None:
    assert name(seat(world.rita), OWN)[0] == 403
    assert name(seat(world.anna), "graving.example")[0] == 303
    assert named(world) == []
    assert "graving.example" not in words(seat(world.adam).page("/people"))


def test_an_address_elsewhere_is_asked_about_and_why_is_kept(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    assert "works_here" not in adam.get("/people/invite").text
    name(adam, OWN)
    status, page = invite(adam, ELSEWHERE)
    assert (status, f"{ELSEWHERE} is not one of your addresses ({OWN})" in page) == (422, True)
    assert invite(adam, ELSEWHERE, why="Hired")[0] == 422, "why is no tick"
    assert "Write why" in invite(adam, ELSEWHERE, works_here="y", why="  ")[1]
    assert "Write why" in invite(adam, ELSEWHERE, works_here="y", why="x" * 201)[1]
    assert db.session.scalars(select(Invitation)).all() == []
    assert invite(adam, ELSEWHERE, **WORKS_HERE)[0] == 303
    assert recorded("invitation.sent").reason == "Hired from a consultant"
    assert "Address outside your domains" in words(adam.page("/people"))


def test_an_address_of_ones_own_is_asked_nothing(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    name(adam, OWN)
    assert invite(adam, f"Ny@{OWN.upper()}", **WORKS_HERE)[0] == 303
    assert recorded("invitation.sent").reason == ""
    assert invite(adam, f"ny@plan.{OWN}")[0] == 422, "a domain below is another domain"
    assert invite(adam, f"ny@x{OWN}")[0] == 422
    assert "Address outside your domains" not in words(adam.page("/people"))


def test_members_who_were_there_before_stay_and_are_marked(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    name(adam, "annet.example")
    page = words(adam.page("/people"))
    assert page.count("Address outside your domains") == 4, "Adam himself, Rita, Ruth and Dora"
    assert seat(world.rita).get("/").status_code == 200


def change_email(at: Desk, email: str) -> tuple[int, str]:
    answer = at.send("/change-email", {"email": email, "password": PASSWORD})
    return answer.status_code, answer.text


def test_a_member_does_not_take_an_address_elsewhere_on_their_own(world: World, seat: Seat) -> None:
    adam, rita = seat(world.adam), seat(world.rita)
    name(adam, OWN, "annet.example")
    status, page = change_email(rita, "rita@gmail.com")
    assert (status, "Prøveby kommune has addresses at annet.example, prove.example" in page) == (422, True)
    assert change_email(rita, "rita@annet.example")[0] == 303
    assert change_email(seat(world.bo), "bo@gmail.com")[0] == 303, "his organisation has named none"


def test_who_has_an_address_elsewhere_may_have_another_one(world: World, seat: Seat) -> None:
    name(seat(world.adam), "annet.example")
    rita = seat(world.rita)
    assert change_email(rita, "rita@tredje.example")[0] == 303
    assert change_email(rita, "rita@annet.example")[0] == 303
    assert "rita@annet.example" in db.session.scalars(select(OutgoingMail.to_address)).all()


def test_domains_that_are_named_before_the_letter_is_answered_hold(world: World, seat: Seat, app: Flask) -> None:
    rita = seat(world.rita)
    change_email(rita, "rita@tredje.example")
    body = db.session.scalars(select(OutgoingMail.body).where(OutgoingMail.letter == "confirm_email")).one()
    name(seat(world.adam), OWN)
    at = Desk(app.test_client())
    at.get(body.partition("http://127.0.0.1:8000")[2].split()[0])
    answer = at.send("/new-email", {})
    assert (answer.status_code, "har adresser hos" in answer.text or "has addresses at" in answer.text) == (422, True)
    assert db.session.get_one(Person, world.rita.person_id).email == f"rita@{OWN}"


def test_the_operator_says_why_too(world: World) -> None:
    from portal.errors import Refused
    from portal.operations.people import domains, invitations

    with transaction():
        domains.change(OWN, by=db.session.get_one(Membership, world.adam.id))
    with pytest.raises(Refused), transaction():
        invitations.invite_first(ELSEWHERE, [Role.REVIEWER], world.contract.buyer)
    with transaction():
        invitations.invite_first(ELSEWHERE, [Role.REVIEWER], world.contract.buyer, "Hired")
    assert recorded("invitation.sent").reason == "Hired"


def test_people_at_a_domain_for_everybody_are_not_counted_together(app: Flask) -> None:
    for domain, is_refused in (("gmail.com", False), (OWN, True)):
        for number in range(100):
            with app.test_request_context("/", environ_base={"REMOTE_ADDR": f"198.51.100.{number}"}), transaction():
                attempts.note(AttemptKind.SIGN_IN, f"x{number}@{domain}", person=None, succeeded=False)
        with app.test_request_context("/", environ_base={"REMOTE_ADDR": "203.0.113.9"}), transaction():
            if is_refused:
                with pytest.raises(attempts.TooManyTries):
                    attempts.demand_room(AttemptKind.SIGN_IN, f"new@{domain}")
            else:
                attempts.demand_room(AttemptKind.SIGN_IN, f"new@{domain.title()}")
