"""A point that was drafted for a line stays about it: dropped, it takes its line out of what is charged by itself."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from flask import Flask

from portal import clock
from portal.errors import Conflict, Refused
from portal.extensions import db, transaction
from portal.model import Deviation, SanctionRate, Verdict
from portal.operations.cases import calculations, grounds, letters, notices, replies, sanctions
from portal.operations.cases.letters import Claim
from portal.operations.cases.replies import PointVerdict
from portal.operations.cases.sanctions import Waiver
from portal.operations.running import contract_life
from portal.web.cases import case_ladder
from portal.work import open_periods
from tests import casework
from tests.desk import sit_down
from tests.integration.test_window_lines import over_two_months
from tests.machine_lines import costs_by_line, used
from tests.sanctioning import Room, broken, decided, heard, missing, proposed, room
from tests.world import World, case_of, deliver_mail

__all__ = ["room"]

FEE = Decimal(20_000)
UPHELD, PARTLY, DROPPED = Verdict.UPHELD, Verdict.PARTLY, Verdict.DROPPED


@pytest.fixture
def there(room: Room) -> tuple[Flask, World]:
    return room.app, room.world


@pytest.fixture
def three(there: tuple[Flask, World]) -> World:
    """DI-2, DI-3 and DI-4 break the requirement, each with its fee."""
    world = costs_by_line(there[1])
    used(world, "DI-2", "DI-3", "DI-4")
    return world


def given(world: World, points: Sequence[Claim] | None = None) -> Deviation:
    """Notice with these points, or those that are drafted, and a reply to each."""
    deviation = case_of(world, "4.3")
    with transaction():
        notices.give_notice(deviation, "Varsel.", 5, points=points, by=world.adam, version=deviation.version)
    deliver_mail()
    casework.reply(world, deviation)
    return deviation


def weighed(world: World, deviation: Deviation, *verdicts: Verdict) -> Deviation:
    held = [PointVerdict(*each, "Vurdert.") for each in zip(deviation.points, verdicts, strict=True)]
    with transaction():
        replies.weigh(deviation, held, by=world.adam, version=deviation.version)
    return deviation


def named(world: World, deviation: Deviation) -> list[str]:
    """Which machine each point is about, «» for none."""
    names = {key: name for name, key in world.machines.items()}
    return [names[point.line] if point.line else "" for point in deviation.points]


def drafted(deviation: Deviation) -> list[Claim]:
    return letters.points_draft(deviation)


# -- its line ---------------------------------------------------------------------------------------------------------


def test_each_drafted_point_keeps_its_line(three: World) -> None:
    deviation = given(three)
    assert named(three, deviation) == ["DI-2", "DI-3", "DI-4"]


def test_the_line_of_a_window_is_named_with_its_report(there: tuple[Flask, World]) -> None:
    world = there[1]
    case = over_two_months(world)
    heard(world, case)
    reports = [each["report"] for each in case.facts["lines_in"]]
    assert [point.line for point in case.points] == [f"{report}/{world.machines['DI-2']}" for report in reports]
    with transaction():
        replies.weigh(case, [PointVerdict(case.points[0], DROPPED, "Godtatt.")], by=world.adam, version=case.version)
    assert (case.at_stake, proposed(world, case).amount) == (2 * FEE, FEE), "what was weighed is not told yet"


def test_a_breach_as_a_whole_is_about_no_line(there: tuple[Flask, World]) -> None:
    deviation = heard(there[1], broken(there[1]))
    assert [point.line for point in deviation.points] == [None]


def test_a_line_that_is_none_of_the_case_s_or_is_named_twice_is_left_out(three: World) -> None:
    deviation = case_of(three, "4.3")
    first = drafted(deviation)[0]
    claims = [
        first,
        Claim("Det samme igjen.", first.line),
        Claim("En annen.", three.machines["EL-1"]),
        Claim("Tull.", "x"),
    ]
    assert named(three, given(three, claims)) == ["DI-2", "", "", ""]


# -- dropped ----------------------------------------------------------------------------------------------------------


def test_a_dropped_point_takes_its_line_out_by_itself(three: World) -> None:
    """Two of three dropped: 20 000 is left, nothing is to be waived, and the sheet says why it is not more."""
    deviation = weighed(three, given(three), DROPPED, DROPPED, UPHELD)
    assert deviation.at_stake == 3 * FEE, "the supplier is not told before the decision"
    sanction = proposed(three, deviation)
    assert (sanction.amount, sanction.waived) == (FEE, Decimal(0))
    rows = [(row["text"]["en"], row["value"]) for row in sanction.calculation]
    assert rows[2:4] == [
        ("Number of breaches: each line in breach counts", "1"),
        ("– besides lines whose point was dropped, not counted", "2"),
    ]
    assert [each.en for each in grounds.remarks(deviation)] == [
        "These points are dropped: 1, 2. The lines that they are about are not counted."
    ]
    assert decided(three, sanction).amount == FEE


def test_a_point_that_is_dropped_after_the_proposal_makes_it_stale(three: World) -> None:
    deviation = weighed(three, given(three), UPHELD, PARTLY, UPHELD)
    sanction = proposed(three, deviation)
    assert sanction.amount == 3 * FEE
    casework.reply(three, deviation)
    weighed(three, deviation, UPHELD, DROPPED, UPHELD)
    with pytest.raises(Conflict, match="Send the proposal back"):
        decided(three, sanction)
    db.session.rollback()
    with transaction():
        sanctions.decide(sanction, approve=False, comment="Punkt 2.", by=three.dora, version=sanction.version)
    with transaction():
        sanctions.revise(sanction, "Uten punkt 2.", withdraw=False, by=three.adam, version=sanction.version)
    assert decided(three, sanction).amount == 2 * FEE


def test_a_dropped_line_that_is_gone_asks_for_nothing_of_the_one_that_is_left(three: World) -> None:
    """Points 1 and 2 dropped, then an amendment leaves only the third line: its fee is whole."""
    deviation = weighed(three, given(three), DROPPED, DROPPED, UPHELD)
    used(three, "DI-4")
    db.session.expire_all()
    assert (calculations.notified(deviation), calculations.breaches(deviation)) == (1, 1)
    assert proposed(three, deviation).amount == FEE


def test_where_only_dropped_lines_are_left_there_is_no_ground(three: World) -> None:
    deviation = weighed(three, given(three), DROPPED, DROPPED, UPHELD)
    used(three, "DI-2", "DI-3")
    db.session.expire_all()
    assert deviation.at_stake == 2 * FEE
    with pytest.raises(Refused, match="the lines that break the requirement now are dropped"):
        proposed(three, deviation)


# -- written by a person ----------------------------------------------------------------------------------------------


def test_an_edited_text_keeps_its_line(three: World) -> None:
    deviation = case_of(three, "4.3")
    edited = [Claim(f"Med andre ord {number}.", each.line) for number, each in enumerate(drafted(deviation))]
    assert named(three, weighed(three, given(three, edited), DROPPED, UPHELD, UPHELD)) == ["DI-2", "DI-3", "DI-4"]
    assert proposed(three, deviation).amount == 2 * FEE


def test_a_line_whose_point_was_taken_away_was_not_notified(three: World) -> None:
    deviation = weighed(three, given(three, drafted(case_of(three, "4.3"))[:2]), UPHELD, UPHELD)
    assert [each.en for each in grounds.beyond_notice(deviation)] == [
        "The figures in force now show 3 breaches. The notice covers 2 of them, and a sanction only those."
    ]
    assert proposed(three, deviation).amount == 2 * FEE


def test_a_point_without_a_line_leaves_the_lines_with_one_as_they_are(three: World) -> None:
    """Every line has its own point; a further one, about the whole, is dropped: nothing is to be waived for it."""
    claims = [*drafted(case_of(three, "4.3")), Claim("Planen ble heller ikke fulgt.")]
    deviation = weighed(three, given(three, claims), UPHELD, DROPPED, UPHELD, DROPPED)
    assert proposed(three, deviation).amount == 2 * FEE
    assert [each.en.split(":")[1].split(".")[0].strip() for each in grounds.remarks(deviation)] == ["2", "4"]


def test_a_point_written_anew_for_a_line_is_weighed_by_what_is_waived(three: World) -> None:
    """DI-2's point stands; DI-3 and DI-4 have one each that a person wrote anew, and one of these is dropped."""
    claims = [drafted(case_of(three, "4.3"))[0], Claim("DI-3 også."), Claim("Og DI-4.")]
    deviation = weighed(three, given(three, claims), UPHELD, DROPPED, UPHELD)
    with pytest.raises(Refused, match=r"These points are dropped: 2\. The fee counts each line\. Waive at least 20"):
        proposed(three, deviation)
    db.session.rollback()
    assert proposed(three, deviation, Waiver(FEE, "Punkt 2.")).amount == 2 * FEE


# -- on the page ------------------------------------------------------------------------------------------------------


def sent_by(page: str) -> dict[str, str]:
    """What the notice's form would send in of its points, with other words in each."""
    lines = dict(re.findall(r'<input type="hidden" name="(notice-lines-\d+)" value="([^"]+)">', page))
    points = re.findall(r'<textarea[^>]*name="(notice-points-\d+)"', page)
    return {**lines, **{name: f"Punkt {place}." for place, name in enumerate(points, start=1)}}


REMOVED = "A line whose point you remove is not charged. Write a new point if one is to cover several lines."


def test_of_a_breach_that_is_no_line_s_the_form_says_nothing_of_lines(there: tuple[Flask, World]) -> None:
    app, world = there
    assert REMOVED not in sit_down(app, world.adam).get(f"/cases/{missing(world).public_id}").text


def test_the_form_carries_the_line_of_each_point(there: tuple[Flask, World], three: World) -> None:
    deviation = case_of(three, "4.3")
    adam, here = sit_down(there[0], three.adam), f"/cases/{deviation.public_id}"
    shown = adam.get(here).text
    assert REMOVED in shown
    first = sent_by(shown)
    keys = [three.machines[name] for name in ("DI-2", "DI-3", "DI-4")]
    assert [first[f"notice-lines-{place}"] for place in range(3)] == keys
    form = {"notice-version": str(deviation.version), "notice-text": "Tekst.", "notice-working_days": "7"}
    fewer = sent_by(adam.send(f"{here}/notice", **form, **first, remove_point="0").text)
    assert [fewer.get(f"notice-lines-{place}") for place in range(3)] == [keys[1], keys[2], None]
    more = sent_by(adam.send(f"{here}/notice", **form, **fewer, add_point="1").text)
    assert sorted(more) == ["notice-lines-0", "notice-lines-1", *(f"notice-points-{place}" for place in range(3))]
    refused = adam.send(f"{here}/notice", **{**form, **more, "notice-text": " "})
    assert (refused.status_code, sent_by(refused.text)) == (422, more)
    assert adam.send(f"{here}/notice", **form, **more).status_code == 303
    db.session.expire_all()
    assert named(three, case_of(three, "4.3")) == ["DI-3", "DI-4", ""]


def test_the_form_asks_what_the_lines_left_are_about_and_the_approver_reads_the_answer(
    there: tuple[Flask, World], three: World
) -> None:
    """Three points that a person wrote, the first dropped; the amended report leaves DI-2 alone."""
    deviation = given(three, [Claim(f"Punkt {number}.") for number in (1, 2, 3)])
    weighed(three, deviation, UPHELD, UPHELD, UPHELD)
    used(three, "DI-2")
    adam, here, tick = sit_down(there[0], three.adam), f"/cases/{deviation.public_id}", 'name="propose-others"'
    assert tick not in adam.get(here).text, "no point is dropped"
    weighed(three, deviation, DROPPED, UPHELD, UPHELD)
    assert tick in adam.get(here).text
    form = {"propose-version": str(deviation.version), "propose-reason": "I forhold til bruddet."}
    refused = adam.send(f"{here}/sanction", **form)
    assert (refused.status_code, "I forhold til bruddet." in refused.text) == (422, True)
    [error] = re.findall(r'id="propose-others-error">([^<]+)<', refused.text)
    assert "or tick that the lines that are left are about other points" in error
    assert adam.send(f"{here}/sanction", **form, **{"propose-others": "y"}).status_code == 303
    said = "Adam Prøve has ticked that the lines that are left are about other points."
    assert said in sit_down(there[0], three.dora).reads(here)
    assert said not in sit_down(there[0], three.bo).reads(here)
    sanction = case_of(three, "4.3").sanction
    assert sanction is not None
    decided(three, sanction)
    for by in (three.adam, three.dora):
        assert sit_down(there[0], by).reads(here).count(f"These points are dropped: 1. {said}") == 1
    assert "has ticked" not in sit_down(there[0], three.bo).reads(here)


# -- by which day -----------------------------------------------------------------------------------------------------


def test_what_is_to_be_waived_goes_by_the_last_day_that_was_judged(there: tuple[Flask, World], three: World) -> None:
    """Handed over on 20 March, and the fee is 30 000 from the 25th: two points are 40 000, a rung 20 000."""
    deviation = given(three, [Claim(f"Punkt {number}.") for number in (1, 2, 3)])
    weighed(three, deviation, DROPPED, DROPPED, UPHELD)
    with transaction():
        rates = three.contract.clauses[0].rates
        rates.append(SanctionRate(**three.contract.parties, valid_from=date(2026, 3, 25), amount=Decimal(30_000)))
        rates[-1].created_at = rates[0].created_at
    clock.move_to(datetime(2026, 4, 10, 9, tzinfo=UTC))
    with transaction():
        contract_life.complete(three.contract, date(2026, 3, 20), by=three.adam, version=three.contract.version)
    open_periods({})
    db.session.expire_all()
    with pytest.raises(Refused, match="Waive at least 40\u00a0000\u00a0NOK"):
        proposed(three, deviation)
    db.session.rollback()
    with there[0].test_request_context():
        assert case_ladder.ladder(deviation, deviation.state, None)[-1].note.endswith(
            " 20\u00a0000\u00a0NOK per linje med brudd."
        )
    cost = letters.may_cost(deviation)
    assert cost is not None
    assert cost.words.en.startswith("20\u00a0000\u00a0NOK for each line in breach.")
    assert proposed(three, deviation, Waiver(2 * FEE, "To punkter frafalt.")).amount == FEE
