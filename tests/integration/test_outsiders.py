"""An outsider is appointed to decide one case: sees that and nothing else, until the case is closed."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import clock, impartiality, permissions
from portal.errors import Forbidden, Refused
from portal.extensions import Base, db, transaction
from portal.model import (
    Appointment,
    AuditEvent,
    Contract,
    Deviation,
    Invitation,
    Membership,
    OutgoingMail,
    Report,
    Role,
    Row,
    Sanction,
    SanctionState,
    Substitution,
)
from portal.operations import accounts, tasks
from portal.operations.cases import deciders, sanctions
from portal.operations.people import appointments, invitations, members, sights, substitutes
from portal.operations.people.staffing import of as staffing_of
from portal.reach import Sight
from tests import casework
from tests.desk import give_passwords
from tests.pages import Seat, seat, words
from tests.signing_in import equip
from tests.world import World, letters

__all__ = ["seat"]

ODD = "odd@annen.example"
WHY = "Dora er på ferie."


def invited(world: World, case: Deviation, email: str = ODD) -> Appointment:
    with transaction():
        return invitations.appoint(case, email, WHY, by=world.adam)


def key_of(email: str = ODD) -> str:
    rows = select(OutgoingMail).where(OutgoingMail.letter == "invitation", OutgoingMail.to_address == email)
    found = re.search(r"key=(\S+)", db.session.scalars(rows.order_by(OutgoingMail.id.desc())).first().body)  # type: ignore[union-attr]
    assert found
    return found[1]


def outsider(world: World, case: Deviation) -> Membership:
    invited(world, case)
    with transaction():
        member = invitations.accept_anew(key_of(), "Odd Utenfra", world.dora.person.password or "", "en")
    equip(member.person)
    return member


def another_case(case: Deviation) -> Deviation:
    """A case in the same report, found once more."""
    kept = {column.name: getattr(case, column.name) for column in Deviation.__table__.columns}
    for own in ("id", "public_id", "created_at", "version"):
        del kept[own]
    with transaction():
        other = Deviation(**{**kept, "occasion": 2})
        db.session.add(other)
    return other


@pytest.fixture
def sanction(world: World) -> Sanction:
    return casework.proposed(world)


def test_an_administrator_appoints_somebody_who_decides_the_case_and_is_gone(
    world: World, sanction: Sanction, seat: Seat
) -> None:
    give_passwords(world)
    case = sanction.deviation
    adam = seat(world.adam)
    here = f"/cases/{case.public_id}"
    assert "Appoint somebody from outside" in words(adam.page(here))
    assert adam.send(f"{here}/outsider", {"email": ODD, "reason": " "}).status_code == 422
    assert adam.send(f"{here}/outsider", {"email": ODD, "reason": WHY}).status_code == 303
    assert f"{ODD} is invited as decision-maker" in words(adam.page(here))
    assert "Appointed from outside" not in words(seat(world.bo).page(here)), "nobody has said yes yet"
    with transaction():
        member = invitations.accept_anew(key_of(), "Odd Utenfra", world.dora.person.password or "", "en")
    equip(member.person)
    assert member.sight == Sight.CASE
    assert member.last_roles == {Role.DECISION_MAKER}
    assert member.needs_second_factor
    odd = seat(member)
    page = words(odd.page(here))
    assert "You are appointed by" in page
    assert "appointed for one case, until it is closed" in words(odd.page("/"))
    told = words(seat(world.bo).page(here))
    assert "has appointed somebody from outside as decision-maker in this case" in told
    assert WHY not in told
    assert ODD not in told
    assert [person.id for person in deciders.of(case)] == [world.dora.person_id, member.person_id]
    assert tasks.counts(member) == {"approve_sanction": 1}
    version = str(sanction.version)
    answer = odd.send(f"/cases/sanctions/{sanction.public_id}/decide", {"decide-version": version, "approve": "1"})
    assert answer.status_code == 303, words(answer)
    db.session.expire_all()
    assert sanction.state in {SanctionState.DECIDED, SanctionState.DELIVERED}
    assert sanction.decided_by is member.person


def test_they_see_one_case_and_what_it_needs(world: World, sanction: Sanction, seat: Seat) -> None:
    give_passwords(world)
    case = sanction.deviation
    member = outsider(world, case)
    assert db.session.scalars(permissions.visible(Deviation, member)).unique().all() == [case]
    assert db.session.scalars(permissions.visible(Sanction, member)).unique().all() == [sanction]
    assert db.session.scalars(permissions.visible(Report, member)).unique().all() == [case.report]
    assert db.session.scalars(permissions.visible(Contract, member)).unique().all() == [case.contract]
    for entity in (Membership, Invitation):
        assert db.session.scalars(permissions.visible(entity, member)).unique().all() == []
    others = [another_case(case)]
    odd = seat(member)
    for other in others:
        for tail in ("", "/log.csv"):
            assert odd.get(f"/cases/{other.public_id}{tail}").status_code == 404
    for way in ("", "/log.csv"):
        assert odd.get(f"/cases/{case.public_id}{way}").status_code == 200
    assert odd.get(f"/reports/{case.report.public_id}").status_code == 200
    for closed in ("/contracts", f"/contracts/{case.contract.public_id}", "/people", "/exports", "/who-sees-what"):
        assert odd.get(closed).status_code == 403, closed
    for listed in ("/", "/cases", "/sanctions", "/reports"):
        shown = odd.get(listed)
        assert shown.status_code == 200, listed
        assert not [other for other in others if str(other.public_id) in shown.get_data(as_text=True)]


def test_every_entity_with_rows_is_limited_for_them(world: World, sanction: Sanction) -> None:
    member = outsider(world, sanction.deviation)
    needed = {"Appointment", "Contract", "Deviation", "Evidence", "HumanTask", "Notice", "Point", "PointAnswer"}
    needed |= {"Reply", "Report", "Revision", "Sanction", "Weighing"}
    seen = set()
    for mapper in Base.registry.mappers:
        entity = mapper.class_
        if not issubclass(entity, Row):
            continue
        try:
            rows = permissions.visible(entity, member)
        except TypeError:
            continue
        if db.session.scalars(rows).unique().all():
            seen.add(entity.__name__)
    assert seen <= needed
    assert {"Deviation", "Sanction", "Report"} <= seen


def test_it_ends_with_the_case(world: World, sanction: Sanction, seat: Seat) -> None:
    give_passwords(world)
    case = sanction.deviation
    member = outsider(world, case)
    odd = seat(member)
    assert odd.get(f"/cases/{case.public_id}").status_code == 200
    with transaction():
        sanctions.withdraw(sanction, "Feil.", by=world.adam, version=sanction.version)
    db.session.expire_all()
    if case.state != "closed":
        casework.close(world, case)
    db.session.expire_all()
    assert case.appointments[0].ended_at is not None
    assert member.ended_at is not None
    assert odd.get(f"/cases/{case.public_id}").status_code != 200
    with pytest.raises(Refused):
        invited(world, case, "ny@annen.example")


def test_an_administrator_ends_it_and_the_trail_says_why_it_was(world: World, sanction: Sanction, seat: Seat) -> None:
    give_passwords(world)
    case = sanction.deviation
    member = outsider(world, case)
    row = case.appointments[0]
    odd, adam = seat(member), seat(world.adam)
    end = f"/cases/outsiders/{row.public_id}/end"
    assert odd.send(end, {}).status_code == 403
    assert seat(world.rita).send(end, {}).status_code == 403
    assert adam.send(end, {}).status_code == 303
    assert adam.send(end, {}).status_code == 422
    db.session.expire_all()
    assert member.ended_at is not None
    assert member.roles == frozenset()
    assert [person.id for person in deciders.of(case)] == [world.dora.person_id]
    trail = db.session.scalars(select(AuditEvent).where(AuditEvent.subject == "appointment").order_by(AuditEvent.id))
    said = [(each.action, each.reason) for each in trail]
    assert said == [("appointment.made", ""), ("appointment.taken_on", ""), ("appointment.ended", "")]


def test_whoever_is_barred_does_not_take_it_on_and_nobody_is_told_of_them(
    world: World, sanction: Sanction, seat: Seat
) -> None:
    """The supplier's own, and a competitor's: asked for, every address is answered as one that nobody knows."""
    give_passwords(world)
    case, adam = sanction.deviation, seat(world.adam)
    for email in (world.bo.person.email, world.stranger.person.email, ODD):
        answer = adam.send(f"/cases/{case.public_id}/outsider", {"email": email, "reason": WHY})
        assert (email, answer.status_code) == (email, 303)
        assert f"{email} is invited as decision-maker" in words(adam.page(f"/cases/{case.public_id}"))
    with transaction():
        keys = {by.person: key_of(by.person.email) for by in (world.bo, world.stranger)}
        key_of_odd = key_of()
    for barred, key in keys.items():
        with pytest.raises(Refused, match="is with a supplier, cannot decide it"), transaction():
            invitations.accept(key, barred)
    with pytest.raises(Refused, match="is with"):
        invited(world, case, world.dora.person.email)
    with transaction():
        odd = accounts.add_person(ODD, "Odd Utenfra")
        accounts.add_membership(odd, case.contract.supplier, Role.REPORTER)
    with pytest.raises(Refused, match="cannot decide it"), transaction():
        invitations.accept(key_of_odd, odd)
    assert impartiality.prepared(case)
    assert [person.id for person in deciders.of(case)] == [world.dora.person_id]


def test_an_old_substitution_is_no_way_out_of_the_one_case(world: World, sanction: Sanction, seat: Seat) -> None:
    """Whoever stood in for others here, left, and is appointed: by the code, and by what an older one left open."""
    give_passwords(world)
    case = sanction.deviation
    with transaction():
        odd = accounts.add_person(ODD, "Odd Utenfra")
        odd.password, odd.language = world.dora.person.password, "en"
        member = accounts.add_membership(odd, case.contract.buyer, Role.REVIEWER)
    equip(odd)
    today = clock.now().date()
    with transaction():
        substitutes.appoint(world.adam, member, today, today + timedelta(days=300), by=world.adam)
        substitutes.appoint(member, world.rita, today, today + timedelta(days=300), by=world.adam)
    with transaction():
        members.retire(member, by=world.adam)
    rows = db.session.scalars(select(Substitution)).all()
    assert all(row.ended_at for row in rows)
    invited(world, case)
    with transaction():
        assert invitations.accept(key_of(), odd).id == member.id
    for is_left_open in (False, True):
        with transaction():
            for row in rows:
                row.ended_at = None if is_left_open else clock.now()
        db.session.expire_all()
        assert substitutes.for_person(odd) == []
        assert substitutes.for_person(world.rita.person) == []
        assert seat(member).send("/acting-for", {"substitution": str(rows[0].public_id)}).status_code == 404
        assert [person.id for person in deciders.of(case)] == [world.dora.person_id, odd.id]


def test_whoever_joins_the_supplier_decides_no_more(world: World, sanction: Sanction) -> None:
    """However they came to decide: what bars them is asked when they decide, and the lists of who can say the same."""
    case = sanction.deviation
    member = outsider(world, case)
    with transaction():
        for person in (member.person, world.dora.person):
            accounts.add_membership(person, case.contract.supplier, Role.SIGNATORY)
    db.session.expire_all()
    assert deciders.of(case) == []
    assert tasks.counts(member) == {}
    for by in (member, world.dora):
        with pytest.raises(Forbidden, match="You are with the supplier yourself"), transaction():
            sanctions.decide(sanction, approve=True, comment="", by=by, version=sanction.version)
    with transaction():
        for own in world.dora.person.memberships:
            own.ended_at = clock.now() if own.organisation_id == case.supplier_id else None
    db.session.expire_all()
    assert [person.id for person in deciders.of(case)] == [world.dora.person_id]


def test_they_are_no_ordinary_member(world: World, sanction: Sanction) -> None:
    case = sanction.deviation
    member = outsider(world, case)
    today = clock.now().date()
    for refused in (
        lambda: members.change_roles(member, {Role.ADMINISTRATOR}, by=world.adam),
        lambda: members.retire(member, by=world.adam),
        lambda: sights.limit(member, Sight.ALL, by=world.adam),
        lambda: substitutes.appoint(world.dora, member, today, today, by=world.adam),
        lambda: substitutes.appoint(member, world.dora, today, today, by=world.adam),
    ):
        with pytest.raises(Refused, match="is appointed from outside for one case"), transaction():
            refused()
    assert member not in members.heirs(world.dora)
    able = staffing_of(world.contract).able
    assert not [person for people in able.values() for person in people if person.id == member.person_id]
    assert ODD not in letters("to_review")


def test_an_invitation_taken_back_ends_it_too(world: World, sanction: Sanction) -> None:
    row = invited(world, sanction.deviation)
    with transaction():
        invitations.withdraw(row.invitation, by=world.adam)
    db.session.expire_all()
    assert row.ended_at is not None
    assert appointments.of(sanction.deviation, world.adam) == []
