"""The pages of a case over HTTP: what each side reads, what a refused form keeps, the log, the list in its order."""

import contextvars
import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask

from portal import clock
from portal.extensions import db, transaction
from portal.model import Deviation, DeviationState, NoticeStart
from portal.operations.cases import breaches, deviations
from tests import casework
from tests.amending import HEALED, accept
from tests.assessing import amend
from tests.desk import Desk, give_passwords, sit_down, words
from tests.world import World, build_world, case_of, deliver_mail, submit, tick

TWO = ["Andelen er for lav.", "Planen ble ikke fulgt."]


@pytest.fixture
def there(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[Flask]:
    """The application on the small world; everybody reads English."""
    app = make_app(sqlite_url)
    with app.app_context():
        with transaction():
            made = build_world()
        give_passwords(made)
        app.extensions["small_world"] = made
        yield app


def world_of(app: Flask) -> World:
    made: World = app.extensions["small_world"]
    return made


def at(deviation: Deviation, act: str = "") -> str:
    return f"/cases/{deviation.public_id}{act}"


def upload(desk: Desk, path: str, **form: object) -> str:
    """A form with files: (content, name)."""
    data = {
        name: (io.BytesIO(value[0]), value[1]) if isinstance(value, tuple) else value for name, value in form.items()
    }
    db.session.rollback()
    answer = contextvars.Context().run(desk.client.post, path, data=data, content_type="multipart/form-data")
    db.session.rollback()
    db.session.expire_all()
    assert answer.status_code in (303, 422), answer.status_code
    return answer.text


def test_opening_the_case_as_the_supplier_is_noted_and_as_anybody_else_is_not(there: Flask) -> None:
    world = world_of(there)
    deviation = casework.delivered(world)
    sit_down(there, world.adam).reads(at(deviation))
    assert sit_down(there, world.stranger).get(at(deviation)).status_code == 404
    assert case_of(world).notices[0].opened_at is None
    sit_down(there, world.bo).reads(at(deviation))
    sit_down(there, world.anna).reads(at(deviation))
    db.session.expire_all()
    notice = case_of(world).notices[0]
    assert notice.opened_by is not None
    assert notice.opened_by.name == "Bo Prøve"
    page = sit_down(there, world.adam).reads(at(deviation))
    assert re.search(r"First opened 10 Mar 2026 at \d\d:\d\d , by Bo Prøve", page)


def test_opening_it_starts_the_time_to_reply_where_the_contract_says_so(there: Flask) -> None:
    world = world_of(there)
    with transaction():
        world.contract.notice_starts = NoticeStart.OPENED
    deviation = casework.delivered(world)
    adam = sit_down(there, world.adam)
    assert "The time to reply runs from when somebody who may answer for the supplier opens it." in adam.reads(
        at(deviation)
    )
    page = sit_down(there, world.bo).reads(at(deviation))
    assert "Deadline for Annas Graving AS: Tue 17 Mar 2026 at 23:59 5 working days left" in page
    assert "Set by Adam Prøve: 5 working days from 10 Mar 2026, when the notice counts as given." in page
    assert "Send the reply" in page


def test_the_buyer_s_own_deadline_is_the_buyer_s_to_see(there: Flask) -> None:
    world = world_of(there)
    with transaction():
        world.contract.notice_working_days = 10
    deviation = casework.found(world)
    adam, bo = sit_down(there, world.adam), sit_down(there, world.bo)
    said = "The contract: notice within 10 working days of knowing, counted from 10 Mar 2026."
    assert said in adam.reads(at(deviation))
    assert "Deadline for Prøveby kommune" not in bo.reads(at(deviation))
    clock.move_to(clock.now() + timedelta(days=10))
    tick()
    late = "The buyer was warned that the time to give notice is nearly over"
    assert late in sit_down(there, world.adam).reads(at(deviation))
    assert late not in sit_down(there, world.bo).reads(at(deviation))


def test_points_are_added_and_removed_without_a_script(there: Flask) -> None:
    world = world_of(there)
    deviation = casework.found(world)
    adam = sit_down(there, world.adam)
    form = {"notice-version": str(deviation.version), "notice-text": "Min tekst.", "notice-working_days": "7"}
    points = {"notice-points-0": "En", "notice-points-1": "To", "notice-points-2": "Tre"}
    more = adam.send(at(deviation, "/notice"), **form, **points, add_point="1")
    assert more.status_code == 200
    assert 'name="notice-points-3"' in more.text
    fewer = adam.send(at(deviation, "/notice"), **form, **points, remove_point="1")
    assert re.findall(r'name="notice-points-\d"[^>]*>\s*(\w+)<', fewer.text) == ["En", "Tre"]
    assert "Min tekst." in fewer.text
    assert 'value="7"' in fewer.text
    assert case_of(world).notices == []
    empty = adam.send(at(deviation, "/notice"), **form, **{"notice-points-0": " "})
    assert (empty.status_code, 'href="#notice-points-0"' in empty.text) == (422, True)
    assert adam.send(at(deviation, "/notice"), **form, **points).status_code == 303
    assert [point.text for point in case_of(world).points] == ["En", "To", "Tre"]


def test_a_refused_reply_keeps_words_choices_and_files(there: Flask) -> None:
    world = world_of(there)
    deviation = casework.delivered(world, TWO)
    bo, anna = sit_down(there, world.bo), sit_down(there, world.anna)
    form = {"reply-point_1-text": "Laderen kom sent.", "reply-point_2-stance": "agrees"}
    page = upload(bo, at(deviation, "/reply"), **form, **{"reply-point_1-files": (b"Uke 14", "../<la>der.txt")})
    assert "../" not in page
    assert 'href="#reply-point_1-stance"' in page
    assert "Laderen kom sent." in page
    assert re.search(r'name="reply-point_2-stance"[^>]*value="agrees"[^>]*checked|checked[^>]*value="agrees"', page)
    [note] = re.findall(r'name="kept" value="([^"]+)" checked', page)
    whole = {**form, "reply-point_1-stance": "partly", "kept": note}
    upload(anna, at(deviation, "/reply"), **whole)
    assert [file.name for reply in case_of(world).replies for file in reply.evidence] == [], "it is Bo's, not Anna's"
    upload(bo, at(deviation, "/reply"), **{**whole, "kept": note[:-3] + "abc"})
    upload(bo, at(deviation, "/reply"), **whole)
    files = [file for reply in case_of(world).replies for file in reply.evidence]
    assert [(file.name, file.point_id) for file in files] == [("_la_der.txt", case_of(world).points[0].id)]
    assert case_of(world).state == DeviationState.AWAITING_REPLY


def test_weighing_comes_first_and_is_the_buyer_s_own_until_it_is_decided(there: Flask) -> None:
    world = world_of(there)
    deviation = casework.replied(world, TWO)
    adam, bo = sit_down(there, world.adam), sit_down(there, world.bo)
    page = adam.get(at(deviation)).text
    assert "close-reason" not in page
    assert "propose-reason" not in page
    version = str(deviation.version)
    early = adam.send(at(deviation, "/close"), **{"close-version": version, "close-reason": "Rettet."})
    assert (early.status_code, "These are missing: 1, 2." in words(early)) == (422, True)
    form = {"weigh-version": version, "weigh-point_1-verdict": "dropped", "weigh-point_1-reasons": "Dokumentert."}
    half = adam.send(at(deviation, "/weigh"), **form)
    assert (half.status_code, 'href="#weigh-point_2-verdict"' in half.text) == (422, True)
    assert "Dokumentert." in half.text
    whole = {**form, "weigh-point_2-verdict": "upheld", "weigh-point_2-reasons": "Planen var avtalt."}
    assert adam.send(at(deviation, "/weigh"), **whole).status_code == 303
    assert "Planen var avtalt." not in bo.reads(at(deviation))
    assert "A point was weighed" not in bo.reads(at(deviation))
    assert bo.send(at(deviation, "/weigh"), **whole).status_code == 403
    casework.close(world, case_of(world))
    said = bo.reads(at(deviation))
    assert "Planen var avtalt." in said
    assert "A point was weighed: point 2, upheld" in said


def test_a_breach_that_can_no_longer_be_judged_is_told_of_as_that(there: Flask) -> None:
    world = world_of(there)
    deviation = casework.delivered(world)
    amend(world, world.report, electric="0", diesel="0")
    for reader in (world.bo, world.adam):
        said = sit_down(there, reader).reads(at(deviation))
        assert "Nothing that is in force shows the breach any more Zero-emission share of energy cannot" in said
        assert "What the contract says about sanctions" not in said


def test_a_case_that_fell_away_with_its_requirement_says_so(there: Flask) -> None:
    world = world_of(there)
    deviation = casework.found(world)
    with transaction():
        deviation.requirement.valid_to = date(2026, 3, 15)
        breaches.note_ended(deviation.requirement)
    said = sit_down(there, world.adam).reads(at(deviation))
    assert "The deviation fell away: nothing that is in force shows the breach any more." in said
    assert "The requirement of clause 4.2 was in force until 15 March 2026." in said


def test_a_penalty_that_no_longer_stands_is_never_shown(there: Flask) -> None:
    world = world_of(there)
    deviation = casework.delivered(world)
    bo = sit_down(there, world.bo)
    assert "20 000 NOK per period." in bo.reads(at(deviation))
    accept(world, HEALED)
    said = bo.reads(at(deviation))
    assert "The amended report no longer shows the breach Zero-emission share of energy is 33.2 %." in said
    assert "What the contract says about sanctions" not in said
    assert "Prøveby kommune has been told, and closes the case." in said
    listed = bo.reads("/cases")
    assert "20 000 NOK" not in listed
    assert "Take it back and say why, and the case is closed." in sit_down(there, world.adam).reads(at(deviation))


def test_the_log_is_narrowed_by_address_and_taken_out_whole(there: Flask) -> None:
    world = world_of(there)
    deviation = casework.delivered(world)
    casework.reply(world, deviation, is_complete=False)
    bo = sit_down(there, world.bo)
    assert "The deviation was found" in bo.reads(at(deviation, "?show=nonsense"))
    decisions = bo.reads(at(deviation, "?show=decisions"))
    assert ("The notice was written" in decisions, "The supplier replied" in decisions) == (True, False)
    answer = bo.get(at(deviation, "/log.csv"))
    assert answer.headers["Content-Disposition"] == "attachment; filename=case-K-1-4.2.csv"
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert [row["Code"] for row in rows][:2] == ["deviation.found", "notice.written"]
    assert {row["Who"] for row in rows} == {"The portal", "Adam Prøve", "Bo Prøve"}
    assert rows[1]["Time"].endswith("+01:00")
    assert sit_down(there, world.stranger).get(at(deviation, "/log.csv")).status_code == 404


def test_a_cell_that_looks_like_a_formula_is_made_harmless(there: Flask) -> None:
    world = world_of(there)
    deviation = casework.delivered(world)
    with transaction():
        deviations.withdraw_notice(deviation, '=HYPERLINK("http://x")', by=world.adam, version=deviation.version)
    text = sit_down(there, world.bo).get(at(deviation, "/log.csv")).data.decode("utf-8-sig")
    assert "\"'=HYPERLINK" in text


def test_the_list_is_sorted_by_age_deadline_and_amount(there: Flask) -> None:
    world = world_of(there)
    with transaction():
        world.contract.requirements[-1].threshold = "zero_emission"
        world.contract.notice_working_days = 10
    casework.found(world)
    first, second = case_of(world, "4.2"), case_of(world, "4.3")
    with transaction():
        first.at_stake, second.at_stake = Decimal(10), Decimal(2000)
        second.known_at -= timedelta(days=3)
    casework.give_notice(world, second)
    deliver_mail()
    adam = sit_down(there, world.adam)

    def order(sort: str) -> list[str]:
        return re.findall(r"Requirement broken, clause ([\d.]+)", adam.get(f"/cases?sort={sort}").text)

    assert order("age") == ["4.3", "4.2"]
    assert order("amount") == ["4.3", "4.2"]
    assert order("deadline") == ["4.3", "4.2"], "17 March before 24 March"
    assert order("") == order("nonsense") == ["4.3", "4.2"]
    assert f"after={second.public_id}" not in adam.get("/cases?sort=age").text
    rest = adam.get(f"/cases?sort=age&after={second.public_id}").text
    assert re.findall(r"Requirement broken, clause ([\d.]+)", rest) == ["4.2"]
    for sort in ("deadline", "amount"):
        assert adam.get(f"/cases?sort={sort}&after={second.public_id}").status_code == 200
    assert order("deadline&state=found") == ["4.2"]


def test_whose_time_it_has_been(there: Flask) -> None:
    """Found on Tuesday 10 March, noticed on Thursday, answered on Monday: two working days each."""
    world = world_of(there)
    deviation = casework.found(world)
    clock.move_to(clock.now() + timedelta(days=2))
    casework.give_notice(world, deviation)
    deliver_mail()
    clock.move_to(clock.now() + timedelta(days=4))
    casework.reply(world, deviation)
    page = sit_down(there, world.adam).reads(at(deviation))
    assert "Annas Graving AS 2 working days Prøveby kommune 2 working days" in page
    assert "No time runs for Annas Graving AS: the case waits for Prøveby kommune. Since 16 Mar 2026" in page


def test_a_case_without_a_breach_is_nowhere(there: Flask) -> None:
    world = world_of(there)
    submit(world)
    assert "No open deviations" in sit_down(there, world.bo).reads("/cases")


def test_the_title_of_a_refused_form_says_which_of_the_forms_it_was(there: Flask) -> None:
    """A case has many forms on one page: two refusals with one title cannot be told apart in the window or the tab."""
    deviation = casework.replied(world_of(there))
    adam = sit_down(there, world_of(there).adam)
    titles = {}
    for act in ("weigh", "close", "sanction"):
        answer = adam.send(at(deviation, f"/{act}"), version=str(deviation.version))
        [titles[act]] = re.findall(r"<title>(Error: [^:]+): Requirement broken", answer.text)
    assert titles == {
        "weigh": "Error: Assess the reply",
        "close": "Error: Close the case",
        "sanction": "Error: Propose a sanction",
    }
