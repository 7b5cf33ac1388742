"""What the supplier sees while a sanction is only proposed: nothing of it, and its reply is still taken."""

import csv
import io
import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from portal.errors import Conflict
from portal.extensions import db, transaction
from portal.model import Deviation, DeviationState, OutgoingMail, Role, SanctionState, Verdict
from portal.operations.cases import replies, sanctions
from portal.operations.cases.replies import PointVerdict
from portal.work import HANDLERS
from tests import casework
from tests.desk import Desk
from tests.machine_lines import costs_by_line, used
from tests.sanctioning import Room, decided, heard, opened, proposed, revise, send_back
from tests.world import World, case_of, deliver_mail, tick

TOKEN = re.compile(r"[\w-]{40,}\.[\w-]{6}\.[\w-]{20,}")
"""What Flask-WTF signs: another in each second."""


@pytest.fixture
def room(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[Room]:
    with opened(make_app, sqlite_url) as room:
        with transaction():
            room.world.anna.role_codes = [Role.REPORTER.value, Role.ADMINISTRATOR.value]
        yield room


def everything(desk: Desk, deviation: Deviation) -> dict[str, str]:
    """Every page where the supplier could read of it, but for what protects the forms."""
    case = f"/cases/{deviation.public_id}"
    lists = [f"/cases?state={state}" for state in ("", "all", *DeviationState)]
    sorts = [f"/cases?sort={sort}" for sort in ("age", "deadline", "amount")]
    places = [
        case,
        f"{case}?show=decisions",
        f"{case}?show=letters",
        f"{case}/log.csv",
        "/sanctions",
        "/mail",
        "/",
        "/trail",
    ]
    contract = f"/contracts/{deviation.contract.public_id}"
    found = {}
    for path in (*places, *lists, *sorts, contract, f"/reports/{deviation.report.public_id}"):
        answer = desk.get(path)
        assert answer.status_code == 200, path
        found[path] = TOKEN.sub("", answer.text)
    return found


def test_no_page_of_the_supplier_tells_that_a_sanction_is_proposed(room: Room) -> None:
    """Byte for byte the same: proposed, sent back, proposed again, taken back, and proposed once more."""
    world = room.world
    deviation = heard(world, casework.found(world))
    anna = room.at(world.anna)
    everything(anna, deviation)
    before = everything(anna, deviation)

    def unchanged() -> None:
        for path, page in everything(anna, deviation).items():
            assert page.splitlines() == before[path].splitlines(), path

    assert "Prøveby kommune is assessing the reply." in before[f"/cases/{deviation.public_id}"]
    assert "Requirement broken, clause 4.2" in before["/cases?state=assessing_reply"]
    assert "Requirement broken, clause 4.2" not in before["/cases?state=sanction_proposed"]

    sanction = proposed(world, deviation)
    deliver_mail()
    unchanged()
    send_back(world, sanction)
    unchanged()
    revise(world, sanction)
    send_back(world, sanction)
    revise(world, sanction, withdraw=True)
    assert case_of(world).state == DeviationState.ASSESSING_REPLY
    unchanged()
    proposed(world, case_of(world))
    unchanged()


def weigh_in(world: World, *verdicts: Verdict) -> None:
    """Adam weighs the points, each with its verdict."""
    case = case_of(world, "4.3")
    weighed = [PointVerdict(each, verdict, "Fordi.") for each, verdict in zip(case.points, verdicts, strict=True)]
    with transaction():
        replies.weigh(case, weighed, by=world.adam, version=case.version)
    HANDLERS["cases.recount"]({})
    db.session.expire_all()


def test_no_page_of_the_supplier_tells_how_its_points_were_weighed(room: Room) -> None:
    """Byte for byte the same with two of three points dropped, weighed and proposed; with the decision it is told."""
    world = room.world
    used(costs_by_line(world), "DI-2", "DI-3", "DI-4")
    casework.give_notice(world, case_of(world, "4.3"))
    deliver_mail()
    casework.reply(world, case_of(world, "4.3"))
    anna, adam = room.at(world.anna), room.at(world.adam)
    everything(anna, case_of(world, "4.3"))
    before = everything(anna, case_of(world, "4.3"))
    path, listed = f"/cases/{case_of(world, '4.3').public_id}", "/cases?state=all"
    preview = f"/contracts/{world.contract.public_id}"
    assert [place for place in (path, listed, preview) if "60\u00a0000" not in before[place]] == []

    def unchanged() -> None:
        for place, page in everything(anna, case_of(world, "4.3")).items():
            assert page.splitlines() == before[place].splitlines(), place

    weigh_in(world, Verdict.UPHELD, Verdict.DROPPED, Verdict.DROPPED)
    unchanged()
    assert "20\u00a0000" in adam.get(path).text
    assert "60\u00a0000" not in adam.get(path).text
    assert ("20\u00a0000" in adam.get(preview).text, "60\u00a0000" in adam.get(preview).text) == (True, False)
    assert "60\u00a0000" in adam.get(listed).text, "the list says what was found"
    sanction = proposed(world, case_of(world, "4.3"))
    assert sanction.amount == 20_000
    HANDLERS["cases.recount"]({})
    unchanged()
    assert ("20\u00a0000" in adam.get(listed).text, "60\u00a0000" in adam.get(listed).text) == (True, False)
    decided(world, sanction)
    for place, page in everything(anna, case_of(world, "4.3")).items():
        assert "60\u00a0000" not in page, place
    assert "20\u00a0000" in anna.get(path).text


def codes(desk: Desk, deviation: Deviation) -> list[str]:
    text = desk.get(f"/cases/{deviation.public_id}/log.csv").data.decode("utf-8-sig")
    return [row["Code"] for row in csv.DictReader(io.StringIO(text), delimiter=";")]


def test_decided_it_is_told_and_what_was_tried_before_is_not(room: Room) -> None:
    world = room.world
    deviation = heard(world, casework.found(world))
    sanction = proposed(world, deviation)
    send_back(world, sanction)
    revise(world, sanction, withdraw=True)
    decided(world, proposed(world, case_of(world)))
    told = codes(room.at(world.bo), deviation)
    assert told.count("deviation.assessing_reply") == 1
    assert [code for code in told if code.startswith("sanction.")] == ["sanction.decided"]
    assert "deviation.sanction_proposed" not in told
    assert codes(room.at(world.adam), deviation).count("deviation.sanction_proposed") == 2


def test_a_case_closed_after_a_proposal_was_taken_back_ends_as_any_other(room: Room) -> None:
    world = room.world
    deviation = heard(world, casework.found(world))
    sanction = proposed(world, deviation)
    send_back(world, sanction)
    revise(world, sanction, withdraw=True)
    casework.close(world, case_of(world))
    page = room.at(world.bo).get(f"/cases/{deviation.public_id}").text
    assert "proposed" not in page.lower().replace("is proposed", "")


# -- what comes late ------------------------------------------------------------------------------------------------


def late(room: Room, deviation: Deviation) -> None:
    """Bo adds to the reply by the form on the page."""
    bo = room.at(room.world.bo)
    path = f"/cases/{deviation.public_id}"
    assert "Send more" in bo.reads(path)
    assert bo.send(f"{path}/reply", **{"reply-text": "Ny fraktseddel."}).status_code == 303
    assert "Ny fraktseddel." in bo.reads(path)


@pytest.mark.parametrize("is_sent_back", [False, True])
def test_a_late_reply_is_taken_until_the_decision_and_weighed_before_it(room: Room, *, is_sent_back: bool) -> None:
    world = room.world
    deviation = heard(world, casework.found(world))
    sanction = proposed(world, deviation)
    if is_sent_back:
        send_back(world, sanction)
    late(room, deviation)
    assert sanction.state == (SanctionState.SENT_BACK if is_sent_back else SanctionState.PROPOSED)
    told = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == "reply_added")).all()
    assert [(each.to_address, each.for_supplier) for each in told] == [("adam@prove.example", False)]
    if is_sent_back:
        revise(world, sanction)

    path = f"/cases/{deviation.public_id}"
    dora, adam = room.at(world.dora), room.at(world.adam)
    page = dora.get(path).text
    assert "The supplier has replied since the points were assessed" in page
    assert 'name="approve"' not in page
    assert 'name="send_back"' in page
    with pytest.raises(Conflict, match="replied since"), transaction():
        sanctions.decide(sanction, approve=True, comment="", by=world.dora, version=sanction.version)
    answer = dora.send(
        f"/cases/sanctions/{sanction.public_id}/decide", **{"decide-version": str(sanction.version), "approve": "1"}
    )
    assert answer.status_code == 409

    assert "Assess what the supplier has added" in adam.reads("/")
    assert "My tasks 1" in adam.reads("/")
    assert "weigh-point_1-verdict" in adam.get(path).text
    form = {"weigh-version": str(case_of(world).version), "weigh-point_1-verdict": "upheld"}
    form["weigh-point_1-reasons"] = "Fraktseddelen endrer ikke noe."
    assert adam.send(f"{path}/weigh", **form).status_code == 303
    assert "weigh-point_1-verdict" not in adam.get(path).text
    assert "Assess what the supplier has added" not in adam.reads("/")
    decided(world, sanction)
    bo = room.at(world.bo)
    assert "Send more" not in bo.reads(path)
    assert bo.send(f"{path}/reply", **{"reply-text": "For sent."}).status_code == 409


def test_points_are_not_weighed_anew_without_cause_once_a_sanction_is_proposed(room: Room) -> None:
    world = room.world
    deviation = heard(world, casework.found(world))
    proposed(world, deviation)
    adam = room.at(world.adam)
    assert "weigh-point_1-verdict" not in adam.get(f"/cases/{deviation.public_id}").text
    with pytest.raises(Conflict), transaction():
        casework.weigh(world, case_of(world), Verdict.PARTLY)


def test_a_reply_after_the_time_is_over_leaves_the_proposal_where_it_is(room: Room) -> None:
    world = room.world
    deviation = heard(world, casework.found(world))
    proposed(world, deviation)
    late(room, deviation)
    tick()
    assert case_of(world).state == DeviationState.SANCTION_PROPOSED
    assert "deviation.sanction_proposed" not in codes(room.at(world.bo), deviation)
