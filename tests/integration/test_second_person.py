"""Who prepared a sanction does not decide it: who gave notice, weighed a point, noted the last day, or proposed it."""

from datetime import date

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from portal import clock, impartiality, tenancy
from portal.errors import Forbidden
from portal.extensions import db, transaction
from portal.model import OutgoingMail, Role, Sanction, SanctionState, Verdict
from portal.operations import accounts
from portal.operations.cases import breach_days, cures, deciders, replies, sanctions
from portal.operations.cases.replies import PointVerdict
from tests import casework
from tests.assessing import file
from tests.deciding import BOTH, approvals, approve, by_rows, letters, noted, noted_of, prepared, room, three
from tests.sanctioning import Room, broken, proposed, revise, send_back
from tests.world import World, deliver_mail

__all__ = ["room", "three"]


def by_hand(sanction: Sanction, who: int) -> None:
    """As somebody at the database's own prompt would write it."""
    number = sanction.id
    moment = clock.now().strftime("%Y-%m-%d %H:%M:%S.%f") + ("+00" if db.engine.dialect.name != "sqlite" else "")
    db.session.rollback()
    statement = (
        f"UPDATE sanction SET state = 'decided', decided_by_id = :who, decided_at = '{moment}' WHERE id = :number"
    )
    with db.engine.connect().execution_options(write=True) as connection, connection.begin():
        tenancy.tell(connection, tenancy.EVERYTHING)
        connection.execute(text(statement), {"who": who, "number": number})
    db.session.expire_all()


def test_who_gave_the_notice_does_not_decide(three: World) -> None:
    sanction = prepared(three, notice=three.ruth, weighing=three.adam, proposal=three.adam)
    with pytest.raises(Forbidden, match="sent the notice in this case yourself"):
        approve(sanction, three.ruth)
    assert sanction.state == SanctionState.PROPOSED
    approve(sanction, three.rita)
    assert sanction.decided_by_id == three.rita.person_id


def test_who_weighed_a_point_does_not_decide(three: World) -> None:
    sanction = prepared(three, notice=three.adam, weighing=three.ruth, proposal=three.adam)
    with pytest.raises(Forbidden, match="weighed the points of this case yourself"):
        approve(sanction, three.ruth)
    approve(sanction, three.dora)


def test_nor_do_they_send_it_back(three: World) -> None:
    """Sending back is the second person's word as well."""
    sanction = prepared(three, notice=three.ruth, weighing=three.adam, proposal=three.adam)
    with pytest.raises(Forbidden), transaction():
        sanctions.decide(sanction, approve=False, comment="Regn igjen.", by=three.ruth, version=sanction.version)


def test_who_weighs_anew_after_the_proposal_does_not_decide(three: World) -> None:
    sanction = prepared(three, notice=three.adam, weighing=three.adam, proposal=three.adam)
    deviation = sanction.deviation
    with transaction():
        replies.reply(deviation, "Ett ord til.", [], answers=[], is_complete=True, by=three.bo)
    with transaction():
        point = PointVerdict(deviation.points[0], Verdict.UPHELD, "Endrer ingenting.")
        replies.weigh(deviation, [point], by=three.ruth, version=deviation.version)
    with pytest.raises(Forbidden, match="weighed"):
        approve(sanction, three.ruth)
    approve(sanction, three.dora)


def test_who_noted_the_last_day_of_the_breach_does_not_decide(three: World) -> None:
    """By itself it sets the amount."""
    sanction = noted(three, three.adam, three.ruth)
    with pytest.raises(Forbidden, match="noted the last day of the breach in this case yourself"):
        approve(sanction, three.ruth)
    approve(sanction, three.dora)


def test_whose_day_stands_no_more_may_decide(three: World) -> None:
    sanction = noted(three, three.ruth, three.adam)
    approve(sanction, three.ruth)
    assert sanction.decided_by_id == three.ruth.person_id


def test_of_a_day_noted_before_the_number_was_kept_only_the_name_is_known(three: World) -> None:
    sanction = noted(three, three.ruth)
    with transaction():
        kept = sanction.deviation.put_right["person"]
        sanction.deviation.put_right = {"person": {name: kept[name] for name in ("on", "why", "reason", "by")}}
    assert three.ruth.person_id not in impartiality.prepared(sanction.deviation)
    assert breach_days.Ends.of(sanction.deviation).dump() == sanction.deviation.put_right


@pytest.mark.parametrize("step", ["notice", "weighing", "proposal"])
def test_the_database_knows_it_too(three: World, step: str) -> None:
    steps = {"notice": three.adam, "weighing": three.adam, "proposal": three.adam, step: three.ruth}
    sanction, ruth, dora = prepared(three, **steps), three.ruth.person_id, three.dora.person_id
    with pytest.raises(DBAPIError, match="a sanction is decided without its ground"):
        by_hand(sanction, ruth)
    by_hand(sanction, dora)
    assert sanction.decided_by_id == dora


def test_only_who_can_decide_is_asked_to(three: World) -> None:
    prepared(three, notice=three.ruth, weighing=three.rita, proposal=three.adam)
    asked = select(OutgoingMail.to_address).where(OutgoingMail.letter == "sanction_to_decide")
    assert db.session.scalars(asked).all() == ["dora@prove.example"]


def test_where_nobody_is_left_the_administrators_are_told(three: World) -> None:
    with transaction():
        three.dora.role_codes = three.rita.role_codes = [Role.REVIEWER.value]
        three.rita.role_codes = [Role.REVIEWER.value, Role.ADMINISTRATOR.value]
    prepared(three, notice=three.ruth, weighing=three.adam, proposal=three.adam)
    assert letters("sanction_to_decide") == []
    administrators = [each.email for each in accounts.people(three.contract.buyer_id, Role.ADMINISTRATOR)]
    assert three.rita.person.email in administrators
    assert letters("sanction_without_decider") == administrators
    [letter] = db.session.scalars(
        select(OutgoingMail).where(
            OutgoingMail.letter == "sanction_without_decider", OutgoingMail.to_address == three.rita.person.email
        )
    )
    assert (letter.for_buyer, letter.for_supplier) == (True, False)
    assert three.adam.person.name in letter.body


def test_where_somebody_is_left_the_administrators_are_not(three: World) -> None:
    prepared(three, notice=three.ruth, weighing=three.rita, proposal=three.adam)
    assert letters("sanction_without_decider") == []


def alone(world: World) -> World:
    """Dora is the only one who decides on sanctions, and sees to contracts as well."""
    with transaction():
        world.ruth.role_codes = world.rita.role_codes = [Role.REVIEWER.value]
        world.dora.role_codes = BOTH
    return world


def told_of(world: World) -> int:
    """How many times each administrator was told that nobody is left."""
    administrators = [each.email for each in accounts.people(world.contract.buyer_id, Role.ADMINISTRATOR)]
    sent = letters("sanction_without_decider")
    times = len(sent) // len(administrators)
    assert sent == administrators * times
    return times


def test_when_the_last_decider_weighs_anew_the_administrators_are_told_once(three: World) -> None:
    world = alone(three)
    deviation = prepared(world, notice=world.adam, weighing=world.adam, proposal=world.adam).deviation
    for said, times in (("Ett ord til.", 1), ("Og ett.", 1)):
        with transaction():
            replies.reply(deviation, said, [], answers=[], is_complete=True, by=world.bo)
        with transaction():
            point = PointVerdict(deviation.points[0], Verdict.UPHELD, said)
            replies.weigh(deviation, [point], by=world.dora, version=deviation.version)
        assert (deciders.of(deviation), told_of(world)) == ([], times)


def test_when_the_last_decider_notes_the_last_day_they_are_told(three: World) -> None:
    world = alone(three)
    deviation = noted(world, world.adam).deviation
    assert told_of(world) == 0
    with transaction():
        cures.put_right(deviation, date(2026, 4, 1), "Byttet.", by=world.dora, version=deviation.version)
    assert (deciders.of(deviation), told_of(world)) == ([], 1)
    with transaction():
        cures.put_right(deviation, date(2026, 4, 2), "Likevel.", by=world.adam, version=deviation.version)
    assert ([each.name for each in deciders.of(deviation)], told_of(world)) == (["Dora Prøve"], 1)


def test_weighed_anew_while_somebody_is_left_tells_nobody(three: World) -> None:
    deviation = prepared(three, notice=three.adam, weighing=three.adam, proposal=three.adam).deviation
    with transaction():
        replies.reply(deviation, "Ett ord til.", [], answers=[], is_complete=True, by=three.bo)
    with transaction():
        point = PointVerdict(deviation.points[0], Verdict.UPHELD, "Nei.")
        replies.weigh(deviation, [point], by=three.ruth, version=deviation.version)
    assert told_of(three) == 0


# -- a day that sets nothing ------------------------------------------------------------------------------------------


def test_a_noted_day_bars_nobody_from_a_fee(three: World) -> None:
    """The first breach is a warning: no day is counted."""
    sanction = noted(three, three.ruth, warns_first=True)
    assert sanction.step == "warning"
    assert approvals(three.ruth) == ([sanction.id], 1)
    approve(sanction, three.ruth)
    assert sanction.decided_by_id == three.ruth.person_id


def test_before_a_warning_is_proposed_who_noted_the_day_is_left_to_decide(three: World) -> None:
    """Nothing is calculated yet; the ladder says the step all the same, and so does the proposal."""
    world = alone(three)
    deviation = noted_of(world, world.dora, warns_first=True)
    before = deciders.of(deviation, besides=world.adam)
    proposed(world, deviation)
    assert [each.name for each in before] == [each.name for each in deciders.of(deviation)] == ["Dora Prøve"]


def test_before_a_daily_amount_is_proposed_who_noted_the_day_is_not(three: World) -> None:
    world = alone(three)
    deviation = noted_of(world, world.dora)
    assert deciders.of(deviation, besides=world.adam) == []


def test_where_the_figures_say_an_earlier_day_who_noted_a_later_one_may_decide(three: World) -> None:
    """April is met: the breach ended with March, whatever was noted."""
    sanction = noted(three, three.ruth)
    file(three, date(2026, 4, 1), electric="500", diesel="0")
    deviation = sanction.deviation
    assert deviation.cured_on == date(2026, 3, 31)
    assert set(impartiality.prepared(deviation)) == by_rows(sanction) == {three.adam.person_id}
    send_back(three, sanction, "Regn igjen.")
    revise(three, sanction)
    assert approvals(three.ruth) == ([sanction.id], 1)


# -- the page -----------------------------------------------------------------------------------------------------


def test_the_page_says_why_and_who_can_and_offers_no_button(room: Room) -> None:
    world = room.world
    sanction = prepared(world, notice=world.ruth, weighing=world.adam, proposal=world.adam)
    case, act = f"/cases/{sanction.deviation.public_id}", f"/cases/sanctions/{sanction.public_id}/decide"
    ruth = room.at(world.ruth)
    said = ruth.reads(case)
    assert "You sent the notice in this case yourself. Somebody else must decide the sanction." in said
    assert "It can be decided by: Dora Prøve." in said
    assert "Approve the sanction" not in said
    assert act not in ruth.get(case).text
    answer = ruth.send(act, **{"decide-version": str(sanction.version), "approve": "1"})
    assert answer.status_code == 403
    assert "You sent the notice in this case yourself." in answer.text
    assert "It can be decided by: Dora Prøve." in room.at(world.adam).reads(case)
    assert "Approve the sanction" in room.at(world.dora).reads(case)
    assert "It can be decided by" not in room.at(world.bo).reads(case)


def test_whoever_may_decide_is_told_before_they_cannot(room: Room) -> None:
    """While the notice, the points or the proposal are still somebody's to write."""
    world, told = room.world, "You may decide on sanctions. In this case you cannot if you send the notice"
    case = f"/cases/{broken(world).public_id}"
    ruth, adam = room.at(world.ruth), room.at(world.adam)
    assert told in ruth.reads(case)
    assert told not in adam.reads(case)


def test_the_proposal_says_who_would_decide(room: Room) -> None:
    world = room.world
    deviation = broken(world)
    casework.give_notice(world, deviation)
    deliver_mail()
    casework.reply(world, deviation)
    casework.weigh(world, deviation)
    case = f"/cases/{deviation.public_id}"
    assert "It can be decided by: Ruth Prøve, Dora Prøve." in room.at(world.adam).reads(case)
    assert "It can be decided by: Dora Prøve." in room.at(world.ruth).reads(case)


def test_where_nobody_is_left_it_is_said(room: Room) -> None:
    world = room.world
    with transaction():
        world.dora.role_codes = [Role.REVIEWER.value]
    sanction = prepared(world, notice=world.ruth, weighing=world.adam, proposal=world.adam)
    said = room.at(world.ruth).reads(f"/cases/{sanction.deviation.public_id}")
    assert "Nobody is left who can decide it" in said
