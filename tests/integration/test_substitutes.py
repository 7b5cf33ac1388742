"""Substitutes: who stands in acts in another's roles, on some days only, and it is always seen that they do."""

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select, update

from portal import clock
from portal.extensions import db, transaction
from portal.model import (
    AuditEvent,
    Contract,
    Membership,
    OutgoingMail,
    Report,
    ReportState,
    Role,
    Substitution,
    WebSession,
)
from portal.operations import accounts
from portal.operations.people import members
from portal.operations.reports import reports
from tests.desk import give_passwords
from tests.pages import Desk, Seat, seat, words
from tests.world import IN_APRIL, World, another_contract, build_world, fill_in, reasons_for

__all__ = ["seat"]


@pytest.fixture
def world(app: Flask) -> World:
    """The small world on either database, in April, with an administrator at the supplier."""
    del app
    with transaction():
        found = build_world()
        siv = accounts.add_person("siv@prove.example", "Siv Prøve")
        accounts.add_membership(siv, found.contract.supplier, Role.ADMINISTRATOR)
    give_passwords(found)
    with transaction():
        siv.password, siv.language = found.anna.person.password, "en"
    clock.move_to(IN_APRIL)
    return found


def siv(world: World) -> Membership:
    return next(one for one in db.session.scalars(select(Membership)) if one.person.email == "siv@prove.example")


def appoint(by: Desk, absent: Membership, substitute: Membership, first: str, last: str) -> int:
    form = {"substitute": str(substitute.public_id), "from_on": first, "to_on": last}
    return by.send(f"/people/{absent.public_id}/substitute", form).status_code


def strong(at: Desk) -> Desk:
    """Their browser, as if they had shown a second factor."""
    with transaction():
        db.session.execute(update(WebSession).values(strong_at=clock.now()))
    return at


def stand_in(at: Desk) -> int:
    row = db.session.scalars(select(Substitution).order_by(Substitution.id.desc())).first()
    assert row is not None
    return at.send("/acting-for", {"substitution": str(row.public_id)}).status_code


def test_a_substitute_signs_on_behalf_of_another_and_it_is_seen(world: World, seat: Seat) -> None:
    fill_in(world)
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version, reasons=reasons_for(world.report))
    sign = f"/reports/{world.report.public_id}/sign"
    anna = seat(world.anna)
    assert anna.send(sign, {}).status_code == 403
    assert appoint(seat(siv(world)), world.bo, world.anna, "2026-04-06", "2026-04-10") == 303
    assert "You can stand in for Bo Prøve" in words(anna.page("/"))
    assert anna.send(sign, {}).status_code == 403, "she has not chosen to"
    assert stand_in(anna) == 422, "who signs must have shown more than a password"
    assert stand_in(strong(anna)) == 303
    page = words(anna.page(f"/reports/{world.report.public_id}/check"))
    assert "Anna Prøve for Annas Graving AS, signatory, as substitute for Bo Prøve" in page
    answer = anna.send(sign, {"version": str(world.report.version), "confirmed": "y", "confirm": "y"})
    assert answer.status_code == 303
    db.session.expire_all()
    assert db.session.get_one(Report, world.report.id).state == ReportState.SUBMITTED
    told = select(OutgoingMail.to_address).where(OutgoingMail.letter == "substitute_named")
    assert sorted(db.session.scalars(told)) == ["anna@prove.example", "bo@prove.example"]


def test_another_administrator_is_told_who_may_sign_meanwhile(world: World, seat: Seat) -> None:
    with transaction():
        sam = accounts.add_person("sam@prove.example", "Sam Prøve", language="en")
        accounts.add_membership(sam, world.contract.supplier, Role.ADMINISTRATOR)
    assert appoint(seat(siv(world)), world.bo, world.anna, "2026-04-06", "2026-04-10") == 303
    letter = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == "role_given")).one()
    assert (letter.to_address, letter.subject) == ("sam@prove.example", "Anna Prøve can sign for Annas Graving AS")
    assert "They stand in for Bo Prøve from 6 Apr 2026 to 10 Apr 2026." in letter.body
    assert "Siv Prøve has seen to it." in letter.body


def test_the_trail_says_whose_substitute_acted(world: World, seat: Seat) -> None:
    with transaction():
        world.bo.role_codes = [Role.SIGNATORY, Role.ADMINISTRATOR]
    appoint(seat(siv(world)), world.bo, world.anna, "2026-04-06", "2026-04-10")
    anna = seat(world.anna)
    assert anna.get("/people").status_code == 403
    stand_in(strong(anna))
    invited = anna.send("/people/invite", {"email": "ny@prove.example", "roles": "reporter"})
    assert invited.status_code == 303
    found = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "invitation.sent")).one()
    assert (found.person_id, found.stood_in_for_id) == (world.anna.person_id, world.bo.person_id)
    own = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "substitution.added")).one()
    assert own.stood_in_for_id is None


def test_only_on_those_days_and_until_it_is_ended(world: World, seat: Seat) -> None:
    administrator = seat(siv(world))
    appoint(administrator, world.bo, world.anna, "2026-04-08", "2026-04-09")
    anna = seat(world.anna)
    assert stand_in(anna) == 404, "it has not begun"
    clock.move_to(datetime(2026, 4, 9, 21, 30, tzinfo=UTC))
    anna, administrator = seat(world.anna), seat(siv(world))
    assert stand_in(strong(anna)) == 303
    assert "as substitute for" in words(anna.page("/"))
    clock.move_to(datetime(2026, 4, 9, 22, 1, tzinfo=UTC))
    assert "as substitute for" not in words(anna.page("/")), "it is the tenth in Oslo"
    administrator = seat(siv(world))
    assert appoint(administrator, world.bo, world.anna, "2026-04-10", "2026-04-20") == 303
    assert stand_in(strong(anna)) == 303
    row = db.session.scalars(select(Substitution).order_by(Substitution.id.desc())).first()
    assert row is not None
    assert administrator.send(f"/people/substitutes/{row.public_id}/end", {}).status_code == 303
    assert "as substitute for" not in words(anna.page("/"))
    assert administrator.send(f"/people/substitutes/{row.public_id}/end", {}).status_code == 422


@pytest.mark.parametrize("leaver", ["anna", "bo"])
def test_whoever_leaves_and_comes_back_stands_in_no_more(world: World, seat: Seat, leaver: str) -> None:
    """Neither they for others nor others for them: nobody has named them anew."""
    assert appoint(seat(siv(world)), world.bo, world.anna, "2026-04-01", "2026-12-31") == 303
    assert stand_in(strong(seat(world.anna))) == 303
    gone = getattr(world, leaver)
    with transaction():
        members.retire(db.session.merge(gone), by=siv(world), heir=siv(world))
    with transaction():
        back = accounts.join(db.session.merge(gone).person, world.contract.supplier, Role.REPORTER, Role.SIGNATORY)
    assert back.id == gone.id
    db.session.expire_all()
    assert stand_in(strong(seat(world.anna))) == 404
    assert "as substitute for" not in words(seat(world.anna).page("/"))
    row = db.session.scalars(select(Substitution)).one()
    assert row.ended_at is not None
    told = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "substitution.ended")).all()
    assert len(told) == 1


def test_letters_go_to_the_substitute_too(world: World, seat: Seat) -> None:
    supplier = world.contract.supplier_id
    assert [each.name for each in accounts.people(supplier, Role.SIGNATORY)] == ["Bo Prøve"]
    appoint(seat(siv(world)), world.bo, world.anna, "2026-04-06", "2026-04-10")
    assert [each.name for each in accounts.people(supplier, Role.SIGNATORY)] == ["Bo Prøve", "Anna Prøve"]


def limit(by: Desk, who: Membership, *named: Contract) -> None:
    form: dict[str, str | list[str]] = {"sight": "named", "contracts": [str(each.public_id) for each in named]}
    assert by.send(f"/who-sees-what/{who.public_id}", form).status_code == 303


def test_a_substitute_sees_what_the_absent_one_sees_and_no_more(world: World, seat: Seat) -> None:
    with transaction():
        other = another_contract(world)
        world.dora.role_codes = [Role.CONTRACT_MANAGER]
    adam = seat(world.adam)
    limit(adam, world.rita, other)
    assert appoint(adam, world.rita, world.dora, "2026-04-06", "2026-04-10") == 303
    dora, first, second = seat(world.dora), *(f"/contracts/{each.public_id}" for each in (world.contract, other))
    assert [dora.get(path).status_code for path in (first, second)] == [200, 200]
    assert dora.get("/contracts/new").status_code == 200
    assert stand_in(strong(dora)) == 303
    assert [dora.get(path).status_code for path in (first, second)] == [404, 200]
    assert "K-1" not in words(dora.page("/contracts"))
    assert dora.get("/contracts/new").status_code == 403, "a reviewer does not begin a contract"
    dora.send("/acting-for", {"membership": str(world.dora.public_id)})
    assert [dora.get(path).status_code for path in (first, second)] == [200, 200]


def told(world: World) -> list[str]:
    """Who gets letters to reviewers about the first contract."""
    db.session.expire_all()
    return [each.name for each in accounts.people(world.contract.buyer_id, Role.REVIEWER, about=world.contract.id)]


def test_whoever_is_limited_sees_as_a_substitute_what_the_absent_one_sees(world: World, seat: Seat) -> None:
    with transaction():
        other = another_contract(world)
    adam, first = seat(world.adam), f"/contracts/{world.contract.public_id}"
    limit(adam, world.ruth, other)
    assert told(world) == ["Rita Prøve"]
    assert appoint(adam, world.rita, world.ruth, "2026-04-06", "2026-04-10") == 303
    assert told(world) == ["Rita Prøve", "Ruth Prøve"]
    ruth = seat(world.ruth)
    assert ruth.get(first).status_code == 404
    assert stand_in(strong(ruth)) == 303
    assert ruth.get(first).status_code == 200
    limit(adam, world.rita, other)
    assert told(world) == []
    assert ruth.get(first).status_code == 404, "from the next page on"


def test_who_and_when_are_refused_in_words(world: World, seat: Seat) -> None:
    administrator = seat(siv(world))
    assert appoint(administrator, world.bo, world.bo, "2026-04-06", "2026-04-10") == 422
    assert appoint(administrator, world.bo, world.rita, "2026-04-06", "2026-04-10") == 404
    for first, last in (
        ("2026-04-10", "2026-04-06"),
        ("2026-03-01", "2026-03-05"),
        ("2026-04-06", "2028-01-01"),
        ("", ""),
    ):
        assert appoint(administrator, world.bo, world.anna, first, last) == 422, (first, last)
    assert appoint(administrator, world.rita, world.ruth, "2026-04-06", "2026-04-10") == 404
    stranger = seat(world.adam)
    assert appoint(administrator, world.bo, world.anna, "2026-04-06", "2026-04-10") == 303
    row = db.session.scalars(select(Substitution)).one()
    assert stranger.send(f"/people/substitutes/{row.public_id}/end", {}).status_code == 404
    assert seat(world.bo).send("/acting-for", {"substitution": str(row.public_id)}).status_code == 404


def test_a_day_is_written_as_people_write_it_and_stays_when_it_cannot_be_read(world: World, seat: Seat) -> None:
    form = {"substitute": "", "from_on": "neste fredag", "to_on": "31.12.2026"}
    page = seat(siv(world)).send(f"/people/{world.bo.public_id}/substitute", form)
    assert page.status_code == 422
    assert "Write the day as dd.mm.yyyy" in page.text
    assert 'value="neste fredag"' in page.text
    assert 'value="31.12.2026"' in page.text
