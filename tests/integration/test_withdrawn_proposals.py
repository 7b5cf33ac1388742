"""A proposal that waits for its decision, taken back by whoever may propose; and pages that were opened before."""

import pytest
from sqlalchemy import select

from portal.errors import Conflict, Forbidden, Invalid
from portal.extensions import db, transaction
from portal.model import DeviationState, Membership, OutgoingMail, Role, Sanction, SanctionState
from portal.operations.cases import sanctions
from tests.deciding import BOTH, approvals, approve, letters, prepared, room, three
from tests.sanctioning import Room, proposed, revise, send_back
from tests.world import World, open_tasks

__all__ = ["room", "three"]


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
