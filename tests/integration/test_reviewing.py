"""A review through its pages, on both databases: comments, the decision, and who was first."""

import re
from uuid import uuid4

import pytest
from sqlalchemy import select

from portal.extensions import db, transaction
from portal.model import Comment, OutgoingMail, ReportState
from portal.operations.entry import drafts
from portal.operations.reports import comments
from tests.desk import words
from tests.reviewing import Seat, correct, decision, delivery, fresh, line, page, said, say, seat, send_again
from tests.world import World, machine_lines, submit

__all__ = ["seat"]

SECRET = "Dette er bare mellom oss."


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


# -- comments ----------------------------------------------------------------------------------------------------------


def test_a_comment_is_stored_at_once_and_its_author_can_change_and_remove_it(world: World, seat: Seat) -> None:
    submit(world)
    rita, ruth = seat(world.rita), seat(world.ruth)
    place = line(world, "DI-2", "amount")
    back = say(rita, world, place, "Stemmer litertallet?")
    assert back.endswith(f"#line-machinery-{world.machines['DI-2']}")
    assert "Must be corrected Amount Rita Prøve" in rita.reads(back.partition("#")[0])
    comment = said("Stemmer litertallet?")
    address = f"/comments/{comment.public_id}"
    assert ruth.send(address, text="Nei.", category="question").status_code == 403
    assert ruth.send(f"{address}/remove").status_code == 403
    assert "Change the comment" in rita.reads(page(world))
    assert "Change the comment" not in ruth.reads(page(world))
    assert 'value="question" checked' not in rita.get(f"{page(world)}?edit={comment.public_id}").text
    assert rita.send(address, text="Er det 900?", category="question").status_code == 303
    assert (said("Er det 900?").category, said("Er det 900?").written_by.name) == ("question", "Rita Prøve")
    assert rita.send(f"{address}/remove").status_code == 303
    assert db.session.scalars(select(Comment)).all() == []


def test_a_comment_that_cannot_be_stored_comes_back_with_its_words(world: World, seat: Seat) -> None:
    submit(world)
    rita, path = seat(world.rita), f"/reports/{world.report.public_id}/comments"
    place, most = line(world, "DI-2", "amount"), comments.LONGEST
    for form, problem in (
        ({"text": " ", "category": "must"}, "Write what you want to say."),
        ({"text": "å" * (most + 1), "category": "must"}, f"Write at most {most} characters."),
        ({"text": "Hva?", "category": "shout"}, "Choose what sort of comment it is."),
    ):
        answer = rita.send(path, place=place, revision="1", **form)
        assert (answer.status_code, problem in words(answer)) == (422, True), form
        assert form["text"] in answer.text
        assert f'href="#line-machinery-{world.machines["DI-2"]}-new-text"' in answer.text
    for unknown in (line(world, "DI-2", "nosuch"), f"machinery/{uuid4()}/amount", "nosuch//"):
        answer = rita.send(path, place=unknown, revision="1", text="Hva?", category="must")
        assert (answer.status_code, "not in the report" in words(answer)) == (422, True), unknown
    assert rita.send(path, place="machinery/x/y", revision="1", text="Hva?", category="must").status_code == 404
    assert db.session.scalars(select(Comment)).all() == []


def test_the_forms_of_a_comment_open_by_an_address(world: World, seat: Seat) -> None:
    submit(world)
    rita = seat(world.rita)
    opened = rita.get(f"{page(world)}?about={line(world, 'DI-2')}&rows=all").text
    assert opened.count("data-comment-form") == 1
    assert "data-comment-form" not in rita.get(page(world)).text
    assert rita.get(f"{page(world)}?about=").text.count("data-comment-form") == 1
    assert "data-comment-form" not in rita.get(f"{page(world)}?about=x/y/z&edit=nothing").text


def test_who_may_comment(world: World, seat: Seat) -> None:
    submit(world)
    form = {"place": line(world, "DI-2"), "text": "Hei", "category": "must", "revision": "1"}
    path = f"/reports/{world.report.public_id}/comments"
    statuses = [seat(by).send(path, **form).status_code for by in (world.anna, world.adam, world.stranger)]
    assert statuses == [403, 403, 404]
    with transaction():
        world.report.preparers = [*world.report.preparers, world.rita.person_id]
    rita = seat(world.rita)
    assert rita.send(path, **form).status_code == 403
    assert "You helped to fill in this report yourself." in rita.reads(page(world))
    assert db.session.scalars(select(Comment)).all() == []


# -- the decision ------------------------------------------------------------------------------------------------------


def test_a_return_reopens_what_must_be_corrected_and_asks_the_questions(world: World, seat: Seat) -> None:
    submit(world)
    rita = seat(world.rita)
    say(rita, world, line(world, "DI-2", "amount"), "Er det 900 liter?")
    say(rita, world, line(world, "DI-2", "hours"), "Og timene?")
    say(rita, world, line(world, "EL-1", "amount"), "Avles måleren på nytt.")
    say(rita, world, line(world, "EL-1", "hours"), "Var den på verksted?", "question")
    say(rita, world, "", SECRET, "internal")
    assert "3 comments must be corrected (on 2 lines). 1 question goes along." in rita.reads(page(world))
    assert decision(rita, world, "return")[0] == 303
    report = fresh(world)
    opened = {(str(unlock.line_key), unlock.field, unlock.comment) for unlock in report.current_unlocks}
    assert opened == {
        (world.machines["DI-2"], "amount", "Er det 900 liter?"),
        (world.machines["DI-2"], "hours", "Og timene?"),
        (world.machines["EL-1"], "amount", "Avles måleren på nytt."),
    }
    assert "Correct 2 lines" in seat(world.anna).reads("/")
    letter = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == "returned")).first()
    assert letter is not None
    assert "- DI-2, Amount: Er det 900 liter?\n" in letter.body
    assert "Answer in the report:\n- EL-1, Operating hours: Var den på verksted?" in letter.body


@pytest.mark.parametrize(("result", "letter"), [("approve", "approved"), ("reject", "rejected")])
def test_every_decision_tells_what_was_said(world: World, seat: Seat, result: str, letter: str) -> None:
    submit(world)
    rita = seat(world.rita)
    say(rita, world, line(world, "DI-2", "amount"), "Ta vare på fakturaen.", "question")
    say(rita, world, "", SECRET, "internal")
    if result == "reject":
        say(rita, world, "machinery//", "Feil byggeplass.")
    assert decision(rita, world, result, reasons="Mine grunner.")[0] == 303
    row = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == letter)).first()
    assert row is not None
    assert "Comments on the report:\n- DI-2, Amount: Ta vare på fakturaen." in row.body
    assert ("- Machinery: Feil byggeplass." in row.body) == (result == "reject")
    assert SECRET not in row.body


def test_two_comments_on_one_value_are_one_thing_to_correct(world: World, seat: Seat) -> None:
    submit(world)
    rita, ruth = seat(world.rita), seat(world.ruth)
    say(rita, world, line(world, "DI-2", "amount"), "Er det 900 liter?")
    say(ruth, world, line(world, "DI-2", "amount"), "Legg ved fakturaen.")
    assert decision(rita, world, "return")[0] == 303
    [unlock] = fresh(world).current_unlocks
    assert unlock.comment == "Er det 900 liter?\nLegg ved fakturaen."


def test_a_return_needs_something_that_it_can_open(world: World, seat: Seat) -> None:
    submit(world)
    rita = seat(world.rita)
    say(rita, world, line(world, "DI-2"), "Hva er dette?", "question")
    status, text = decision(rita, world, "return", reasons="Mine egne ord.")
    assert (status, "Point out at least one line or value" in text, "Mine egne ord." in text) == (422, True, True)
    say(rita, world, "", "En maskin mangler.")
    status, text = decision(rita, world, "return")
    assert (status, "opens nothing" in text) == (422, True)
    assert fresh(world).state == ReportState.SUBMITTED


def test_a_whole_part_can_be_opened_and_then_lines_come_and_go(world: World, seat: Seat) -> None:
    """The fuel part said that there was nothing; the reviewer knows better, and there is no line to point at."""
    submit(world)
    rita = seat(world.rita)
    say(rita, world, "fuel//", "Dere fikk diesel 12. mars.")
    assert "(on 1 whole part)" in rita.reads(page(world))
    assert decision(rita, world, "return")[0] == 303
    anna = seat(world.anna)
    assert "Correct 1 part" in anna.reads("/")
    form = anna.get(f"/reports/{world.report.public_id}/sections/fuel").text
    assert "Dere fikk diesel 12. mars." in form
    assert "Add a line" in form
    report = world.report = fresh(world)
    with transaction():
        drafts.save(report, "fuel", [delivery()], by=world.anna, version=report.version)
    with pytest.raises(Exception, match="not open for correction"), transaction():
        drafts.save(report, "machinery", machine_lines(world, diesel="1"), by=world.anna, version=report.version)
    send_again(world)
    assert "Corrected 1 line changed" in rita.reads(page(world))


def test_nothing_is_approved_while_something_must_be_corrected(world: World, seat: Seat) -> None:
    submit(world)
    rita, ruth = seat(world.rita), seat(world.ruth)
    say(ruth, world, line(world, "DI-2", "amount"), "Er det 900 liter?")
    status, text = decision(rita, world, "approve")
    assert (status, "1 comment must be corrected. Return the report" in text) == (422, True)
    address = f"/comments/{said('Er det 900 liter?').public_id}"
    assert ruth.send(f"{address}/set-aside").status_code == 422
    assert rita.send(f"{address}/set-aside").status_code == 303
    assert "Set aside by Rita Prøve. It is not sent." in rita.reads(page(world))
    assert decision(rita, world, "approve")[0] == 303
    assert fresh(world).state == ReportState.APPROVED
    assert said("Er det 900 liter?").told_at is None


def test_one_decision_is_asked_for(world: World, seat: Seat) -> None:
    submit(world)
    rita = seat(world.rita)
    answer = rita.send(page(world), version=str(world.report.version), reasons="Mine ord.")
    assert (answer.status_code, "Choose the result of the review." in words(answer)) == (422, True)
    assert "Mine ord." in answer.text
    status, text = decision(rita, world, "reject")
    assert (status, "Write your reasons." in text) == (422, True)


def test_saving_may_stay_at_the_report(world: World, seat: Seat) -> None:
    submit(world)
    rita = seat(world.rita)
    form = {"version": str(fresh(world).version), "decision": "approve", "then": "stay"}
    answer = rita.send(f"{page(world)}?period=2026-03", **form)
    assert (answer.status_code, answer.location) == (303, f"{page(world)}?period=2026-03")
    assert "Decided by Rita Prøve" in rita.reads(page(world))


# -- somebody else was first -------------------------------------------------------------------------------------------


def test_whoever_is_second_reads_who_was_first_and_keeps_the_words(world: World, seat: Seat) -> None:
    submit(world)
    rita, ruth = seat(world.rita), seat(world.ruth)
    version = str(fresh(world).version)
    assert rita.send(page(world), version=version, decision="approve").status_code == 303
    late = ruth.send(page(world), version=version, decision="reject", reasons="Mine egne ord.")
    assert late.status_code == 409
    assert "Rita Prøve has approved the report." in words(late)
    assert "Mine egne ord." in words(late)
    form = {"place": line(world, "DI-2"), "text": "For sent skrevet.", "category": "must", "revision": "1"}
    comment = ruth.send(f"/reports/{world.report.public_id}/comments", **form)
    assert comment.status_code == 409
    assert "Rita Prøve has approved the report. Your comment was not stored." in words(comment)
    assert "For sent skrevet." in words(comment)
    assert db.session.scalars(select(Comment)).all() == []


def test_nobody_sends_a_colleagues_comment_unread(world: World, seat: Seat) -> None:
    submit(world)
    rita, ruth = seat(world.rita), seat(world.ruth)
    say(rita, world, line(world, "DI-2"), "Kontroller.")
    hidden = dict(re.findall(r'name="(version|seen)" value="([^"]*)"', rita.get(page(world)).text))
    say(ruth, world, line(world, "EL-1"), "Denne også.")
    late = rita.send(page(world), decision="return", reasons="Mine ord.", **hidden)
    assert (late.status_code, "A colleague has written or changed comments" in words(late)) == (409, True)
    assert "Denne også." in words(late)
    assert "Mine ord." in late.text
    assert fresh(world).state == ReportState.SUBMITTED
    assert decision(rita, world, "return")[0] == 303


def test_what_was_read_of_an_older_revision_decides_nothing(world: World, seat: Seat) -> None:
    """Nobody had commented when she read it, and nobody has commented on what came in its place."""
    submit(world)
    rita, ruth = seat(world.rita), seat(world.ruth)
    hidden = dict(re.findall(r'name="(version|seen)" value="([^"]*)"', ruth.get(page(world)).text))
    say(rita, world, line(world, "DI-2", "amount"), "Kontroller.")
    assert decision(rita, world, "return")[0] == 303
    correct(world, diesel="900")
    late = ruth.send(page(world), decision="approve", **hidden)
    assert (late.status_code, fresh(world).state) == (409, ReportState.SUBMITTED)
    assert decision(ruth, world, "approve")[0] == 303


def test_a_comment_on_an_older_revision_is_refused(world: World, seat: Seat) -> None:
    submit(world)
    rita = seat(world.rita)
    say(rita, world, line(world, "DI-2", "amount"), "Kontroller.")
    decision(rita, world, "return")
    correct(world, diesel="900")
    form = {"place": line(world, "DI-2"), "text": "Sent ute.", "category": "must", "revision": "1"}
    answer = rita.send(f"/reports/{world.report.public_id}/comments", **form)
    assert (answer.status_code, "A new revision has come" in words(answer)) == (409, True)
    assert "Sent ute." in words(answer)
