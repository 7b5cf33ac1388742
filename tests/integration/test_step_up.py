"""What gives others rights, or takes all that is kept of somebody out, is done by nobody but the one who signed in."""

from datetime import timedelta

import pytest
from lxml import html
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import Invitation, Membership, OutgoingMail, Role, Substitution, Unit
from portal.operations.people import invitations, sights
from tests import signing_in
from tests.pages import Desk, Seat, database_url, fields, seat, world
from tests.world import World

__all__ = ["database_url", "seat", "world"]

ADAM = "adam@prove.example"


@pytest.fixture
def adam(world: World, seat: Seat) -> Desk:
    """The administrator of the buyer, sixteen minutes after he signed in."""
    with transaction():
        invitations.invite("ny@prove.example", [Role.REVIEWER], by=world.adam)
        sights.add_unit("Roads", set(), by=world.adam)
    desk = seat(world.adam)
    clock.move_to(clock.now() + timedelta(minutes=16))
    return desk


def acts(world: World) -> dict[str, dict[str, str]]:
    """What gives rights, each with a form that would do it."""
    rita, ruth = (str(each.public_id) for each in (world.rita, world.ruth))
    invitation = db.session.scalars(select(Invitation.public_id)).one()
    unit = db.session.scalars(select(Unit.public_id)).one()
    day = clock.now().date().isoformat()
    return {
        "/people/invite": {"email": "en@prove.example", "roles": "reviewer"},
        f"/people/invitations/{invitation}/resend": {},
        f"/people/{rita}": {"roles": "decision_maker"},
        f"/people/{rita}/retire": {"heir": ruth},
        f"/people/{rita}/substitute": {"substitute": ruth, "from_on": day, "to_on": day},
        f"/who-sees-what/{rita}": {"sight": "named", "contracts": str(world.contract.public_id)},
        "/who-sees-what/units/new": {"name": "Water"},
        f"/who-sees-what/units/{unit}": {"name": "Rail"},
    }


def as_it_stands() -> list[object]:
    db.session.rollback()
    db.session.expire_all()
    rows = db.session.scalars(select(Membership).order_by(Membership.id))
    return [
        [(row.role_codes, row.sight, row.ended_at) for row in rows],
        list(db.session.scalars(select(Invitation.sent_at).order_by(Invitation.id))),
        list(db.session.scalars(select(Unit.name).order_by(Unit.id))),
        list(db.session.scalars(select(Substitution.id))),
        list(db.session.scalars(select(OutgoingMail.id))),
    ]


def test_nothing_gives_rights_before_one_has_shown_who_one_is(world: World, adam: Desk) -> None:
    before = as_it_stands()
    for path, form in acts(world).items():
        assert adam.send(path, form).status_code == 401, path
        assert path.endswith("/resend") or adam.get(path).status_code == 401, path
    assert as_it_stands() == before


@pytest.mark.parametrize("number", range(8))
def test_the_form_that_waited_is_done_with_the_answer(world: World, adam: Desk, number: int) -> None:
    path, form = list(acts(world).items())[number]
    before, asked = as_it_stands(), adam.send(path, form)
    kept = fields(html.fromstring(asked.text), f"//main//form[@action='{path}']")
    assert form.items() <= kept.items()
    done = adam.send(path, {**kept, "confirm-code": signing_in.phones.of(ADAM).code()})
    assert done.status_code == 303, done.text
    assert as_it_stands() != before


@pytest.mark.parametrize("kind", ["json", "xlsx"])
def test_what_is_kept_of_oneself_is_not_taken_out_by_whoever_sits_there(adam: Desk, kind: str) -> None:
    path = f"/account/my-data.{kind}"
    asked = adam.get(path)
    assert asked.status_code == 401
    assert b"prove.example" not in adam.send(path, {}).data
    kept = fields(html.fromstring(asked.text), f"//main//form[@action='{path}']")
    answer = adam.send(path, {**kept, "confirm-code": signing_in.phones.of(ADAM).code()})
    assert (answer.status_code, answer.location) == (303, path)
    assert adam.get(path).headers["Content-Disposition"].startswith("attachment")
