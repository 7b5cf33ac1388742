"""Who prepared a sanction does not decide it: who gave notice, weighed a point, noted the last day, or proposed it."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError

from portal import clock, permissions
from portal.errors import Conflict, Forbidden, Invalid
from portal.extensions import db, transaction
from portal.model import (
    Deviation,
    DeviationState,
    Membership,
    OutgoingMail,
    Person,
    Role,
    Sanction,
    SanctionState,
    Verdict,
)
from portal.model.base import Row
from portal.operations import accounts, tasks
from portal.operations.cases import breach_days, cures, deciders, notices, replies, sanctions
from portal.operations.cases.replies import PointVerdict
from tests import casework
from tests.assessing import cases_of, file
from tests.sanctioning import (
    VALUE,
    Room,
    broken,
    daily_clause,
    duty,
    heard,
    note_end,
    opened,
    proposed,
    revise,
    send_back,
)
from tests.statements import counted
from tests.world import World, deliver_mail, open_tasks

BOTH = [Role.REVIEWER.value, Role.CONTRACT_MANAGER.value, Role.DECISION_MAKER.value]


def prepared(world: World, *, notice: Membership, weighing: Membership, proposal: Membership) -> Sanction:
    """A case whose three steps up to the decision are three persons'."""
    deviation = broken(world)
    with transaction():
        notices.give_notice(deviation, "Varsel om brudd.", 5, by=notice, version=deviation.version)
    deliver_mail()
    casework.reply(world, deviation)
    with transaction():
        replies.weigh(
            deviation,
            [PointVerdict(point, Verdict.UPHELD, "Står fast.") for point in deviation.points],
            by=weighing,
            version=deviation.version,
        )
    with transaction():
        return sanctions.propose(deviation, "Leverandørens risiko.", by=proposal, version=deviation.version)


@pytest.fixture
def three(world: World) -> World:
    """Ruth and Rita assess cases, and may decide on sanctions as Dora may."""
    with transaction():
        world.ruth.role_codes = world.rita.role_codes = BOTH
    return world


def approve(sanction: Sanction, by: Membership) -> None:
    with transaction():
        sanctions.decide(sanction, approve=True, comment="", by=by, version=sanction.version)


def by_hand(sanction: Sanction, who: int) -> None:
    """As somebody at the database's own prompt would write it."""
    number = sanction.id
    moment = clock.now().strftime("%Y-%m-%d %H:%M:%S.%f") + ("+00" if db.engine.dialect.name != "sqlite" else "")
    db.session.rollback()
    statement = (
        f"UPDATE sanction SET state = 'decided', decided_by_id = :who, decided_at = '{moment}' WHERE id = :number"
    )
    with db.engine.connect().execution_options(write=True) as connection, connection.begin():
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


def noted_of(world: World, *people: Membership, **terms: Any) -> Deviation:
    """Clause 4.2 is broken under a daily clause, the supplier is heard, and each of `people` notes when that ended."""
    with transaction():
        world.contract.value = VALUE
    share = duty(world, "zero_emission_share_energy")
    daily_clause(world, share, **terms)
    report = file(world, date(2026, 3, 1), electric="0", diesel="500")
    deviation = heard(world, next(each for each in cases_of(share) if each.report_id == report.id))
    for by in people:
        with transaction():
            cures.put_right(deviation, date(2026, 4, 2), "Byttet.", by=by, version=deviation.version)
    return deviation


def noted(world: World, *people: Membership, **terms: Any) -> Sanction:
    """The same, and Adam proposes."""
    return proposed(world, noted_of(world, *people, **terms))


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
    assert three.ruth.person_id not in permissions.prepared(sanction.deviation)
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


def letters(letter: str) -> list[str]:
    rows = select(OutgoingMail.to_address).where(OutgoingMail.letter == letter).order_by(OutgoingMail.id)
    return list(db.session.scalars(rows))


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


# -- taken back -------------------------------------------------------------------------------------------------------


def test_what_waits_for_a_decision_can_be_taken_back_and_proposed_anew(three: World) -> None:
    sanction = prepared(three, notice=three.adam, weighing=three.adam, proposal=three.adam)
    deviation, was = sanction.deviation, sanction.version
    for by in (three.dora, three.bo):
        with pytest.raises(Forbidden), transaction():
            sanctions.withdraw(sanction, "Feil beløp.", by=by, version=sanction.version)
    with pytest.raises(Invalid), transaction():
        sanctions.withdraw(sanction, " ", by=three.adam, version=sanction.version)
    with transaction():
        sanctions.withdraw(sanction, "Feil beløp.", by=three.adam, version=sanction.version)
    assert (sanction.state, deviation.state) == (SanctionState.WITHDRAWN, DeviationState.ASSESSING_REPLY)
    assert open_tasks() == ["assess_reply"]
    assert approvals(three.dora) == ([], 0)
    with pytest.raises(Conflict, match=f"{three.adam.person.name} has withdrawn the proposal"), transaction():
        sanctions.decide(sanction, approve=True, comment="", by=three.dora, version=was)
    with pytest.raises(Conflict, match="has withdrawn the proposal"), transaction():
        sanctions.withdraw(sanction, "En gang til.", by=three.adam, version=was)
    again = proposed(three, deviation)
    approve(again, three.dora)
    assert (again.id, again.state) == (sanction.id, SanctionState.DECIDED)


@pytest.mark.parametrize("is_sent_back", [False, True])
def test_who_was_asked_to_decide_is_told_that_it_was_withdrawn(three: World, *, is_sent_back: bool) -> None:
    """Not who withdraws it, nor who may not decide it; and no word of it goes to the supplier."""
    with transaction():
        three.dora.person.language = "en"
    sanction = prepared(three, notice=three.ruth, weighing=three.adam, proposal=three.adam)
    asked = letters("sanction_to_decide")
    assert sorted(asked) == ["dora@prove.example", "rita@prove.example"]
    if is_sent_back:
        send_back(three, sanction)
        revise(three, sanction, "Feil beløp.", withdraw=True)
    else:
        with transaction():
            sanctions.withdraw(sanction, "Feil beløp.", by=three.adam, version=sanction.version)
    assert letters("sanction_withdrawn") == asked
    [letter] = db.session.scalars(
        select(OutgoingMail).where(
            OutgoingMail.letter == "sanction_withdrawn", OutgoingMail.to_address == three.dora.person.email
        )
    )
    assert (letter.for_buyer, letter.for_supplier, letter.sanction_id) == (True, False, None)
    assert letter.subject == f"Withdrawn: sanction under clause 7.1, {three.contract.supplier.name}"
    said = f"{three.adam.person.name} has withdrawn the proposal of a sanction against {three.contract.supplier.name}."
    for words in (said, "You need not decide on it.", "Feil beløp.", f"/cases/{sanction.deviation.public_id}"):
        assert words in letter.body


def test_what_was_sent_back_and_proposed_anew_is_neither_withdrawn_nor_decided(three: World) -> None:
    """By whoever sent it back, too: it waits for another one, who may have an old page open."""
    sanction = prepared(three, notice=three.adam, weighing=three.adam, proposal=three.adam)
    was = sanction.version
    with transaction():
        three.dora.role_codes = BOTH
    send_back(three, sanction)
    with pytest.raises(Conflict, match="Dora Prøve has sent the proposal back"):
        old_page(sanction, three.ruth, was)
    with transaction():
        sanctions.revise(sanction, "Nytt.", withdraw=False, by=three.dora, version=sanction.version)
    assert (sanction.state, approvals(three.ruth)) == (SanctionState.PROPOSED, ([sanction.id], 1))
    with pytest.raises(Conflict, match="has changed since you opened the page"):
        old_page(sanction, three.ruth, was)
    send_back(three, sanction, by=three.ruth)
    revise(three, sanction, withdraw=True)
    with pytest.raises(Conflict, match=f"{three.adam.person.name} has withdrawn the proposal"):
        old_page(sanction, three.rita, was)


def old_page(sanction: Sanction, by: Membership, version: int) -> None:
    """Approved from a page that was opened when the sanction stood as this version."""
    with transaction():
        sanctions.decide(sanction, approve=True, comment="", by=by, version=version)


def test_what_is_decided_is_not_taken_back(three: World) -> None:
    sanction = prepared(three, notice=three.adam, weighing=three.adam, proposal=three.adam)
    was = sanction.version
    approve(sanction, three.dora)
    for version in (was, sanction.version):
        with pytest.raises(Conflict, match="has already decided the case"), transaction():
            sanctions.withdraw(sanction, "Likevel ikke.", by=three.adam, version=version)


def approvals(by: Membership) -> tuple[list[int], int]:
    """The sanctions that wait for a person by the work list, and how many by its count."""
    found = [row.subject.id for row in tasks.mine(by) if row.task.element == "approve_sanction"]
    assert found == [row.subject.id for row in tasks.mine(by, "approve_sanction")]
    return found, tasks.counts(by).get("approve_sanction", 0)


@pytest.mark.parametrize("step", ["notice", "weighing", "proposal"])
def test_the_approval_is_no_task_for_whoever_prepared_it(three: World, step: str) -> None:
    steps = {"notice": three.adam, "weighing": three.adam, "proposal": three.adam, step: three.ruth}
    sanction = prepared(three, **steps)
    assert approvals(three.ruth) == ([], 0)
    assert approvals(three.dora) == approvals(three.rita) == ([sanction.id], 1)
    assert approvals(three.adam) == ([], 0)


def test_nor_for_who_noted_the_last_day(three: World) -> None:
    sanction = noted(three, three.ruth)
    assert approvals(three.ruth) == ([], 0)
    assert approvals(three.rita) == ([sanction.id], 1)


def asked_for(number: int) -> tuple[int, int]:
    """How many statements it takes to count what waits for a person, and how many rows it reads as objects."""
    db.session.rollback()
    db.session.expunge_all()
    by = accounts.membership(number)
    assert by.organisation
    loaded: list[object] = []

    def note(row: object, _context: object) -> None:
        loaded.append(row)

    event.listen(Row, "load", note, propagate=True)
    try:
        with counted() as statements:
            tasks.counts(by)
    finally:
        event.remove(Row, "load", note)
    return len(statements), len(loaded)


def test_the_count_reads_no_approval(three: World) -> None:
    """Of two that wait: neither their cases nor their points are read to leave out those one has prepared."""
    dora, adam = three.dora.id, three.adam.id
    noted(three, three.ruth)
    share = duty(three, "zero_emission_share_energy")
    april = file(three, date(2026, 4, 1), electric="0", diesel="500")
    second = heard(three, next(each for each in cases_of(share) if each.report_id == april.id))
    note_end(three, second, date(2026, 4, 30))
    proposed(three, second)
    assert tasks.counts(three.dora)["approve_sanction"] == 2
    assert (asked_for(dora), asked_for(adam)) == ((1, 0), (1, 0))


def by_rows(sanction: Sanction) -> set[int]:
    """Who prepared a sanction as the database says."""
    cases = select(Sanction.id).join(Deviation, Deviation.id == Sanction.deviation_id)
    return {
        number
        for number in db.session.scalars(select(Person.id))
        if db.session.scalars(cases.where(Sanction.id == sanction.id, permissions.was_prepared_by(number))).all()
    }


def test_the_database_and_the_case_say_the_same_of_who_prepared_it(three: World) -> None:
    """Of the day that was noted too: it bars while it ends the breach and days cost, and not where it sets nothing."""
    sanction, ruth = noted(three, three.ruth), three.ruth.person_id
    assert set(permissions.prepared(sanction.deviation)) == by_rows(sanction) == {ruth, three.adam.person_id}
    with transaction():
        sanction.proposers = [*sanction.proposers, three.rita.person_id]
    assert set(permissions.prepared(sanction.deviation)) == by_rows(sanction)
    assert three.rita.person_id in by_rows(sanction)
    with transaction():
        sanction.step = "warning"
    assert ruth not in by_rows(sanction)
    assert set(permissions.prepared(sanction.deviation)) == by_rows(sanction)


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
    assert set(permissions.prepared(deviation)) == by_rows(sanction) == {three.adam.person_id}
    send_back(three, sanction, "Regn igjen.")
    revise(three, sanction)
    assert approvals(three.ruth) == ([sanction.id], 1)


# -- the page -----------------------------------------------------------------------------------------------------


@pytest.fixture
def room(make_app: Callable[..., Flask], everyday_database_url: str) -> Iterator[Room]:
    with opened(make_app, everyday_database_url) as room:
        with transaction():
            room.world.ruth.role_codes = BOTH
        yield room


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


def test_the_proposal_is_taken_back_on_its_page(room: Room) -> None:
    """By whoever may propose, also where nobody is left to decide; the decision-maker has no such button."""
    world = room.world
    with transaction():
        world.dora.role_codes = [Role.REVIEWER.value]
    sanction = prepared(world, notice=world.ruth, weighing=world.adam, proposal=world.adam)
    case, act = f"/cases/{sanction.deviation.public_id}", f"/cases/sanctions/{sanction.public_id}/withdraw"
    adam = room.at(world.adam)
    assert f'action="{act}"' in adam.get(case).text
    assert act not in room.at(world.dora).get(case).text
    assert act not in room.at(world.bo).get(case).text
    assert room.at(world.dora).send(act, **{"take_back-reason": "Nei."}).status_code == 403
    refused = adam.send(act, **{"take_back-version": str(sanction.version), "take_back-reason": " "})
    assert refused.status_code == 422
    form = {"take_back-version": str(sanction.version), "take_back-reason": "Ingen kan avgjøre det."}
    assert adam.send(act, **form).status_code == 303
    assert "Ingen kan avgjøre det." in adam.reads(case)
    assert "Propose a sanction" in adam.reads(case)
    assert adam.send(act, **form).status_code == 409
