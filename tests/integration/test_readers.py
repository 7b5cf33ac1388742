"""Who only reads: every page of the buyer opens, and no door lets them change a thing."""

import re
import uuid
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.errors import Refused
from portal.extensions import db, transaction
from portal.model import READING, Membership, OrganisationKind, OutgoingMail, Role
from portal.operations import accounts
from portal.operations.people import groups
from portal.permissions import TABLE, Permission, visible
from portal.web import access
from portal.web.access import Guarded
from tests import casework
from tests.browsing import dump
from tests.http import PASSWORD
from tests.pages import Desk, Seat, database_url, seat, world
from tests.signing_in import stored_once
from tests.world import World, case_of, deliver_mail

__all__ = ["database_url", "seat", "world"]

HEAD = "313000117"
NOTED_ONLY = frozenset({"exports.redacted"})
"""Makes a file to read, and notes in the trail that it was made."""
UNDECIDED = "cases.paper_decision"
"""The paper of a decision that there is not yet."""
OWN = frozenset({"session", "web_session", "sign_in_attempt", "read_log"})
"""Tables that signing in and reading write to."""


def reading(world: World, role: Role) -> Membership:
    """Somebody of the buyer who only reads."""
    with transaction():
        person = accounts.add_person(f"{role}@prove.example", "Lese Prøve")
        person.password, person.language = stored_once(PASSWORD), "en"
        return accounts.add_membership(person, world.contract.buyer, role)


def reading_through(world: World, role: Role) -> Membership:
    """Somebody who only reads at another buyer, the head of a group that the buyer is in."""
    with transaction():
        county = accounts.add_organisation(HEAD, "Prøve fylke", OrganisationKind.BUYER)
        person = accounts.add_person(f"{role}@fylke.example", "Fylke Prøve")
        person.password, person.language = stored_once(PASSWORD), "en"
        own = accounts.add_membership(person, county, role)
        groups.add(HEAD, world.contract.buyer.number)
    return own.read_for(world.contract.buyer)


@pytest.fixture(params=[(role, how) for role in sorted(READING) for how in (reading, reading_through)])
def reader(world: World, request: pytest.FixtureRequest) -> Membership:
    role, how = request.param
    found: Membership = how(world, role)
    casework.proposed(world)
    deliver_mail()
    return found


@pytest.fixture
def at_desk(seat: Seat) -> Seat:
    """Their browser, where whoever reads through a group has chosen to."""

    def sit(reader: Membership) -> Desk:
        own = reader.reads_through
        desk = seat(own or reader)
        if own is not None:
            [row] = groups.read_by(own.person)
            assert desk.send("/acting-for", {"group": str(row.public_id)}).status_code == 303
        return desk

    return sit


def _row(entity: type[Any] | None, by: Membership) -> uuid.UUID | None:
    """A row that they may see, if there is one."""
    if entity is None:
        return None
    return db.session.scalar(visible(entity, by).with_only_columns(entity.public_id).limit(1))


def _path(route: Guarded, row: uuid.UUID | None) -> str:
    """The address of the route, of this row; what else stands in it is of nothing."""
    found = route.rule.replace("<uuid:public_id>", str(row or uuid.uuid4()))
    found = re.sub(r"<any\((\w+)[^>]*>", r"\1", found)
    return re.sub(r"<[^>]+>", "1", re.sub("<uuid:[^>]+>", str(uuid.uuid4()), found))


def _guarded(app: Flask) -> list[Guarded]:
    return [each for each in access.guarded_routes(app) if each.permission not in (None, Permission.OWN_ACCOUNT)]


def test_every_door_refuses_what_they_would_change(
    app: Flask, at_desk: Seat, reader: Membership, database_url: str
) -> None:
    desk, rows = at_desk(reader), {}
    routes = [each for each in _guarded(app) if each.methods - {"GET"} and each.endpoint not in NOTED_ONLY]
    for entity in {each.entity for each in routes}:
        rows[entity] = _row(entity, reader)
    paths = {_path(each, rows[each.entity]): each for each in routes}
    db.session.rollback()
    before = dump(database_url.removeprefix("sqlite:///"))
    refused = 0
    for path, route in paths.items():
        status = desk.send(path, {}).status_code
        is_there = route.entity is None or rows[route.entity] is not None
        assert status == (403 if is_there else 404), (route.endpoint, status)
        refused += is_there
    after = dump(database_url.removeprefix("sqlite:///"))
    assert {name: kept for name, kept in after.items() if name not in OWN} == {
        name: kept for name, kept in before.items() if name not in OWN
    }
    assert refused > 40


def test_every_page_that_only_reads_opens(app: Flask, at_desk: Seat, reader: Membership) -> None:
    desk = at_desk(reader)
    opened = 0
    for route in _guarded(app):
        if route.methods != {"GET"} or not TABLE[route.permission or Permission.OWN_ACCOUNT](reader):
            continue
        row = _row(route.entity, reader)
        if route.endpoint.startswith("api."):  # for programs: no session is taken there
            continue
        others = route.rule.count("<") - (route.entity is not None)
        if others or (route.entity is not None and row is None):
            continue
        there = {404} if route.endpoint == UNDECIDED else {200, 303}
        assert desk.get(_path(route, row)).status_code in there, route.rule
        opened += 1
    assert opened > 12


def test_nothing_is_offered_that_they_could_not_do(at_desk: Seat, world: World, reader: Membership) -> None:
    desk, case = at_desk(reader), case_of(world)
    for path in (
        "/",
        f"/reports/{world.report.public_id}",
        f"/contracts/{world.contract.public_id}",
        f"/cases/{case.public_id}",
        "/cases",
        "/sanctions",
        "/machines",
        "/contracts",
    ):
        page = desk.page(path)
        forms = {each.get("action") for each in page.xpath("//main//form[@method='post']")}
        assert not forms, (path, forms)


def test_only_the_auditor_reads_letters(at_desk: Seat, reader: Membership) -> None:
    answer = at_desk(reader).get("/mail")
    assert answer.status_code == (200 if reader.has(Role.AUDITOR) else 403)


@pytest.mark.parametrize("role", sorted(READING))
def test_a_role_for_reading_stands_alone(world: World, role: Role) -> None:
    with pytest.raises(Refused, match="roles that only read"):
        accounts.demand_side(OrganisationKind.BUYER, [role, Role.REVIEWER])
    with pytest.raises(Refused, match=f"no {role} with a supplier"):
        accounts.demand_side(OrganisationKind.SUPPLIER, [role])


def test_no_letter_about_work_goes_to_them(reader: Membership) -> None:
    written = set(db.session.scalars(select(OutgoingMail.to_address)))
    assert len(written) > 2
    assert reader.person.email not in written
