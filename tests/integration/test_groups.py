"""Groups of buyers: a county's readers read what its municipalities have, and nobody else does."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import AuditEvent, GroupMember, Membership, OrganisationKind, OutgoingMail, Role
from portal.operations import accounts
from portal.operations.people import groups, sights
from portal.reach import Sight
from tests.conftest import SECRET
from tests.desk import give_passwords
from tests.http import PASSWORD
from tests.pages import Desk, Seat, seat, words
from tests.terminal import Terminal
from tests.world import IN_APRIL, World, build_world

__all__ = ["seat"]

HEAD, NOT_HERE = "313000117", "313000125"


@pytest.fixture
def world(app: Flask) -> World:
    """The small world on either database, with a county beside its buyer."""
    del app
    with transaction():
        found = build_world()
        county = accounts.add_organisation(HEAD, "Prøve fylke", OrganisationKind.BUYER)
        for name, role in (("lese", Role.READER), ("styre", Role.ADMINISTRATOR)):
            person = accounts.add_person(f"{name}@fylke.example", f"{name.title()} Fylke", language="en")
            accounts.add_membership(person, county, role)
        admin = accounts.add_person("adm@lillevik.example", "Adm Lillevik", language="en")
        accounts.add_membership(admin, found.contract.buyer, Role.ADMINISTRATOR)
    give_passwords(found)
    with transaction():
        for each in db.session.scalars(select(Membership)):
            each.person.password = found.anna.person.password
    clock.move_to(IN_APRIL)
    return found


def at(email: str) -> Membership:
    return next(one for one in db.session.scalars(select(Membership)) if one.person.email == email)


def join(world: World) -> GroupMember:
    with transaction():
        return groups.add(HEAD, world.contract.buyer.number)


def choose(desk: Desk, row: GroupMember) -> int:
    return desk.send("/acting-for", {"group": str(row.public_id)}).status_code


def test_a_reader_of_the_head_reads_what_the_member_has_until_it_leaves(world: World, seat: Seat) -> None:
    contract = f"/contracts/{world.contract.public_id}"
    desk = seat(at("lese@fylke.example"))
    assert desk.get(contract).status_code == 404
    row = join(world)
    assert desk.get(contract).status_code == 404, "not before they choose to"
    assert "through Prøve fylke" in words(desk.page("/acting-for"))
    assert choose(desk, row) == 303
    page = words(desk.page(contract))
    assert f"for {world.contract.buyer.name}, reader, through Prøve fylke" in page
    assert desk.get("/people").status_code == 403
    assert desk.get("/who-sees-what").status_code == 403
    assert desk.get("/exports/reports.xlsx").status_code == 200
    assert "Lese Fylkethrough Prøve fylke" in words(seat(at("adm@lillevik.example")).page("/trail/reading"))
    with transaction():
        groups.leave(HEAD, world.contract.buyer.number)
    assert desk.get(contract).status_code == 404
    assert choose(desk, row) == 404


def test_who_does_more_than_read_or_sees_some_only_reads_no_member(world: World, seat: Seat) -> None:
    row = join(world)
    assert choose(seat(at("styre@fylke.example")), row) == 404
    reader = at("lese@fylke.example")
    desk = seat(reader)
    assert choose(desk, row) == 303
    with transaction():
        reader.unit = sights.begin_unit(reader.organisation_id, "Vei", by=None)
        reader.sight = Sight.UNIT
    assert desk.get(f"/contracts/{world.contract.public_id}").status_code == 404
    assert choose(desk, row) == 404
    assert choose(seat(world.anna), row) == 404
    assert choose(seat(world.ruth), row) == 404, "the member does not read its head"


def test_the_member_is_told_and_sees_who_reads(world: World, seat: Seat) -> None:
    row = join(world)
    administrator = seat(at("adm@lillevik.example"))
    assert "Readers and auditors of Prøve fylke can read your contracts, from" in words(
        administrator.page("/who-sees-what")
    )
    with transaction():
        groups.leave(HEAD, world.contract.buyer.number)
    assert "Prøve fylke" not in words(administrator.page("/who-sees-what"))
    letters = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter.like("group_%")).order_by("id"))
    told = [each.letter for each in letters if each.to_address == "adm@lillevik.example"]
    assert told == ["group_joined", "group_left"]
    noted = db.session.scalars(select(AuditEvent).where(AuditEvent.action.like("group.%")).order_by("id")).all()
    chains = {f"organisation:{row.head_id}", f"organisation:{row.organisation_id}"}
    assert {each.chain for each in noted} == chains
    assert len(noted) == 4


def test_the_operator_sets_up_groups(world: World, tmp_path: Path, database_url: str) -> None:
    member = world.contract.buyer.number
    supplier = world.contract.supplier.number
    db.session.rollback()
    terminal = Terminal(tmp_path, DATABASE_URL=database_url, KLIMAKONTRAKT_SECRET_KEY=SECRET)
    assert "Its administrators are told" in terminal.run("group", "add", HEAD, member).output
    assert "in the group already" in terminal.refused("group", "add", HEAD, member)
    for wrong in ((HEAD, HEAD), (HEAD, NOT_HERE), (HEAD, supplier)):
        assert terminal.refused("group", "add", *wrong)
    assert f"{HEAD} Prøve fylke reads {member}" in terminal.run("group", "list").output
    assert "no longer reads" in terminal.run("group", "leave", HEAD, member).output
    assert "not in the group" in terminal.refused("group", "leave", HEAD, member)
    assert terminal.run("group", "list").output == ""


def test_what_a_reader_does_with_their_own_account_stands_at_home(world: World, seat: Seat) -> None:
    reader = at("lese@fylke.example")
    row, desk = join(world), seat(reader)
    assert choose(desk, row) == 303
    new = {"password": PASSWORD, "new_password": "tre gule biler i kø", "repeated_password": "tre gule biler i kø"}
    assert desk.send("/change-password", new).status_code == 303
    [noted] = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "person.password_changed"))
    assert (noted.chain, noted.organisation_id) == (f"organisation:{reader.organisation_id}", reader.organisation_id)


def test_an_auditor_of_the_head_is_a_reader_of_the_member(world: World, seat: Seat) -> None:
    with transaction():
        at("lese@fylke.example").role_codes = [Role.AUDITOR]
    row, desk = join(world), seat(at("lese@fylke.example"))
    assert (desk.get("/mail").status_code, desk.get("/trail").status_code) == (200, 200)
    assert choose(desk, row) == 303
    assert (desk.get("/mail").status_code, desk.get("/trail").status_code) == (403, 403)
    assert desk.get(f"/contracts/{world.contract.public_id}").status_code == 200
