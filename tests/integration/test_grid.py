"""The grid over HTTP: each line guarded by its own version; copied, not used, removed and put back."""

import contextvars
import re
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from lxml import html
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal import calendars, clock
from portal.errors import Invalid
from portal.extensions import db, transaction
from portal.model import Answer, AuditEvent, DraftLine, Membership, Report, Section
from portal.operations.contracts import contracts
from portal.operations.entry import drafts, lines
from portal.operations.entry.drafts import RawLine
from portal.operations.entry.lines import Clash
from portal.operations.reports import reports
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts
from tests.pages import Desk, Element, database_url, fields, parsed, section, stored, words, world
from tests.statements import counted
from tests.world import World, fill_in, machine_lines, submit

__all__ = ["database_url", "world"]

NOON = datetime(2026, 3, 10, 12, 7, tzinfo=UTC)
"""13.07 in Oslo."""
Sit = Callable[[Membership], "GridDesk"]


class GridDesk(Desk):
    """Somebody whose browser saves row by row."""

    def save(self, world: World, form: dict[str, str], row: str, **typed: str) -> TestResponse:
        """What the browser sends when a value of a row has changed."""
        own = {name: value for name, value in form.items() if name.startswith(f"{row}-")}
        own |= {f"{row}-in_{column}": value for column, value in typed.items()}
        address = f"{section(world)}/lines/{form[f'{row}-key']}"
        return self.htmx(address, {"version": form["version"], **own})

    def htmx(self, path: str, form: dict[str, str]) -> TestResponse:
        """A form sent by htmx, whose answer goes into a part of the page."""
        db.session.rollback()
        answer = contextvars.Context().run(self.client.post, path, data=form, headers={"HX-Request": "true"})
        db.session.rollback()
        return answer


@pytest.fixture
def sit(app: Flask) -> Sit:
    return lambda by: GridDesk(app.test_client()).sign_in(by)


def row_of(answer: TestResponse) -> Element:
    """The row that an answer brings, as the browser puts it into the table."""
    assert answer.text.lstrip().startswith("<tr")
    (row,) = parsed_rows(answer.text)
    return row


def parsed_rows(text: str) -> list[Element]:
    page = parsed_text(f"<table>{text}</table>")
    found: list[Element] = page.xpath("//tr[starts-with(@id, 'lines-')]")
    return found


def parsed_text(text: str) -> Element:
    return html.fromstring(text)


def form_of(desk: Desk, world: World) -> dict[str, str]:
    return fields(desk.page(section(world)))


def stored_answer(world: World, key: str = "machinery") -> Section:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get_one(Report, world.report.id).section(key)


# -- line by line ------------------------------------------------------------------------------------------------------


def test_one_line_is_saved_as_it_is_typed(world: World, sit: Sit) -> None:
    clock.move_to(NOON)
    anna = sit(world.anna)
    form = form_of(anna, world)
    answer = anna.save(world, form, "lines-1", hours="12,5")
    assert answer.status_code == 200
    row = row_of(answer)
    assert row.get("id") == "lines-1"
    assert "Saved 13:07" in words(row)
    assert "Missing: Amount" in words(row)
    assert row.xpath(".//input[@name='lines-1-version']/@value") == ["1"]
    assert [line.get("hours", "") for line in stored(world)] == ["", "12,5"]
    assert stored_answer(world).answer == Answer.FILLED
    totals = parsed_text(answer.text).xpath("//*[@id='grid-totals']")[0]
    assert "12.5\u00a0h" in totals.text_content()


def test_a_wrong_value_is_stored_and_named_at_its_row(world: World, sit: Sit) -> None:
    anna = sit(world.anna)
    answer = anna.save(world, form_of(anna, world), "lines-0", hours="twelve")
    assert answer.status_code == 422
    row = row_of(answer)
    assert re.search(r"Saved \d\d:\d\d, with errors", words(row))
    assert row.xpath(".//input[@aria-invalid='true']/@value") == ["twelve"]
    assert stored(world)[0]["hours"] == "twelve"


def test_saving_twice_with_what_the_answer_brought_is_no_conflict(world: World, sit: Sit) -> None:
    anna = sit(world.anna)
    form = form_of(anna, world)
    for hours in ("1", "2", "3"):
        answer = anna.save(world, form, "lines-0", hours=hours)
        assert answer.status_code == 200
        form |= {name: value or "" for name, value in inputs(answer).items()}
    assert stored(world)[0]["hours"] == "3"
    whole = {**form, "lines-1-in_hours": "9"}
    assert anna.send(section(world), whole).status_code == 303
    assert [line["hours"] for line in stored(world)] == ["3", "9"]


def inputs(answer: TestResponse) -> dict[str, str]:
    """Every input that an answer brings, those beside the row too."""
    page = parsed_text(f"<form>{answer.text}</form>")
    return {each.get("name"): each.get("value", "") for each in page.xpath("//input[@name]")}


def test_two_people_fill_in_different_lines_without_meeting(world: World, sit: Sit) -> None:
    anna, bo = sit(world.anna), sit(world.bo)
    hers, his = form_of(anna, world), form_of(bo, world)
    assert anna.save(world, hers, "lines-0", hours="5").status_code == 200
    assert bo.save(world, his, "lines-1", hours="7").status_code == 200
    assert anna.send(section(world), {**hers, "lines-0-in_hours": "5", "lines-0-version": "1"}).status_code == 303
    assert [line["hours"] for line in stored(world)] == ["5", "7"]


def test_who_is_second_on_a_line_sees_both_values_and_wins_by_saving_again(world: World, sit: Sit) -> None:
    anna, bo = sit(world.anna), sit(world.bo)
    hers, his = form_of(anna, world), form_of(bo, world)
    anna.save(world, hers, "lines-0", hours="100")
    answer = bo.save(world, his, "lines-0", hours="150")
    assert answer.status_code == 409
    row = row_of(answer)
    assert row.xpath(".//input[@id='lines-0-in_hours']/@value") == ["150"]
    assert "Stored by somebody else: 100\u00a0h" in row.text_content()
    assert "Not saved" in words(row)
    assert stored(world)[0]["hours"] == "100"
    again = bo.save(world, {**his, **inputs(answer)}, "lines-0", hours="150")
    assert again.status_code == 200
    assert stored(world)[0]["hours"] == "150"


def test_the_same_value_written_otherwise_is_no_conflict(world: World, sit: Sit) -> None:
    anna, bo = sit(world.anna), sit(world.bo)
    hers, his = form_of(anna, world), form_of(bo, world)
    anna.save(world, hers, "lines-0", hours="100")
    assert bo.save(world, his, "lines-0", hours="100,0").status_code == 200


def test_what_i_did_not_touch_is_never_overwritten_by_my_form(world: World, sit: Sit) -> None:
    anna, bo = sit(world.anna), sit(world.bo)
    his = form_of(bo, world)
    anna.save(world, form_of(anna, world), "lines-0", hours="100")
    assert bo.send(section(world), {**his, "lines-1-in_hours": "7"}).status_code == 303
    assert [line["hours"] for line in stored(world)] == ["100", "7"]


def test_an_answer_that_there_is_nothing_is_not_undone_by_a_line(world: World, sit: Sit) -> None:
    anna, bo = sit(world.anna), sit(world.bo)
    his = form_of(bo, world)
    nothing = {**form_of(anna, world), "answer": "nothing", "reason": "Nobody worked."}
    assert anna.send(section(world), nothing).status_code == 303
    answer = bo.save(world, his, "lines-0", hours="3")
    assert answer.status_code == 409
    assert "Nobody worked." in words(row_of(answer))
    assert stored_answer(world).answer == Answer.NOTHING
    assert bo.save(world, {**his, **inputs(answer)}, "lines-0", hours="3").status_code == 200
    assert stored_answer(world).answer == Answer.FILLED


def test_two_who_answer_otherwise_are_told(world: World, sit: Sit) -> None:
    anna, bo = sit(world.anna), sit(world.bo)
    hers, his = form_of(anna, world), form_of(bo, world)
    anna.save(world, hers, "lines-0", hours="1")
    answer = bo.send(section(world), {**his, "answer": "nothing", "reason": "None."})
    assert answer.status_code == 409
    assert "They answered that there are lines to report." in words(parsed(answer))
    assert bo.send(section(world), fields(parsed(answer))).status_code == 303
    assert stored_answer(world).reason == "None."


def test_every_save_makes_another_version_of_what_is_signed(world: World, sit: Sit) -> None:
    anna = sit(world.anna)
    before = world.report.version
    anna.save(world, form_of(anna, world), "lines-0", hours="1")
    stored(world)
    after = db.session.get_one(Report, world.report.id).version
    assert after > before
    anna.save(world, form_of(anna, world), "lines-0", hours="1")
    stored(world)
    assert db.session.get_one(Report, world.report.id).version == after, "nothing changed"
    saved = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "draft.saved")).all()
    assert [event.facts["lines"] for event in saved] == [[world.machines["DI-2"]]]


def test_a_line_of_a_report_that_was_sent_meanwhile_says_so_at_the_row(world: World, sit: Sit) -> None:
    anna = sit(world.anna)
    form = form_of(anna, world)
    submit(world)
    answer = anna.save(world, form, "lines-0", hours="1")
    assert answer.status_code == 422
    assert "has been submitted" in words(row_of(answer))


def test_many_rows_at_once_are_answered_with_the_table_body(world: World, sit: Sit) -> None:
    anna = sit(world.anna)
    form = form_of(anna, world)
    new = {"key": str(uuid.uuid4()), "version": "0", "seen": "", "in_machine": world.machines["DI-2"]}
    more = {f"lines-2-{name}": value for name, value in {**new, "in_carrier": "hvo", "in_hours": "x"}.items()}
    answer = anna.htmx(section(world), {**form, **more, "lines-0-in_hours": "4"})
    assert answer.status_code == 422
    assert answer.text.lstrip().startswith("<tbody")
    said = [words(row) for row in parsed_rows(answer.text)]
    assert ["with errors" in each for each in said] == [False, False, True]
    assert [line.get("hours", "") for line in stored(world)] == ["4", "", "x"]


def test_a_row_whose_number_is_none_is_no_row(world: World, sit: Sit) -> None:
    anna = sit(world.anna)
    form = {**form_of(anna, world), "lines-²-in_hours": "1", "lines-x-in_hours": "1", "lines-1-version": "²"}
    assert anna.send(section(world), {**form, "lines-0-in_hours": "4"}).status_code == 303
    assert [line.get("hours", "") for line in stored(world)] == ["4", ""]


def test_a_stranger_saves_no_line(world: World, sit: Sit) -> None:
    anna = sit(world.anna)
    form = form_of(anna, world)
    assert sit(world.stranger).save(world, form, "lines-0", hours="1").status_code == 404
    assert sit(world.rita).save(world, form, "lines-0", hours="1").status_code == 403


# -- not used, removed, added ------------------------------------------------------------------------------------------


def test_not_used_is_nought_in_one_press_and_asks_for_no_source(world: World, sit: Sit) -> None:
    anna = sit(world.anna)
    answer = anna.send(section(world), {**form_of(anna, world), "unused": "lines-0"})
    assert answer.location.endswith("#lines-0")
    line = stored(world)[0]
    assert (line["hours"], line["amount"], line["amount_source"]) == ("0", "0", "")
    row = anna.page(section(world)).xpath("//tr[@id='lines-0']")[0]
    assert "Missing" not in words(row)
    assert not row.xpath(".//button[@name='unused']")
    assert row.xpath(".//button[@name='remove']")


def test_a_line_that_was_removed_comes_back_whole(world: World, sit: Sit) -> None:
    anna = sit(world.anna)
    anna.save(world, form_of(anna, world), "lines-0", hours="31")
    before = stored(world)
    answer = anna.send(section(world), {**form_of(anna, world), "remove": "lines-0"})
    assert answer.status_code == 303
    assert [line["machine"] for line in stored(world)] == [world.machines["EL-1"]]
    page = anna.page(section(world))
    (undo,) = page.xpath("//form[contains(@action, '/undo')]")
    assert "DI-2 is removed." in words(undo)
    assert anna.send(undo.get("action"), {}).status_code == 303
    assert stored(world) == before
    assert not anna.page(section(world)).xpath("//form[contains(@action, '/undo')]")
    assert anna.send(undo.get("action"), {}).status_code == 404


def test_a_line_that_somebody_changed_is_not_removed_unseen(world: World, sit: Sit) -> None:
    anna, bo = sit(world.anna), sit(world.bo)
    his = form_of(bo, world)
    anna.save(world, form_of(anna, world), "lines-0", hours="31")
    answer = bo.send(section(world), {**his, "remove": "lines-0"})
    assert answer.status_code == 409
    assert len(stored(world)) == 2


def test_a_line_that_somebody_removed_is_not_brought_back_unseen(world: World, sit: Sit) -> None:
    anna, bo = sit(world.anna), sit(world.bo)
    his = form_of(bo, world)
    anna.send(section(world), {**form_of(anna, world), "remove": "lines-0"})
    answer = bo.save(world, his, "lines-0", hours="8")
    assert answer.status_code == 409
    assert "Somebody else has removed the line." in words(row_of(answer))
    assert len(stored(world)) == 1
    assert bo.save(world, {**his, **inputs(answer)}, "lines-0", hours="8").status_code == 200
    assert [line.get("hours") for line in stored(world)] == [None, "8"]


# -- copied from the period before -------------------------------------------------------------------------------------


@pytest.fixture
def april(world: World) -> World:
    """March is signed: 100 h, 1 000 l and 5 000 kWh. The report is now April's, and DI-2 has a successor."""
    submit(world)
    with transaction():
        world.report = contracts.open_period(world.contract, calendars.month_of(date(2026, 4, 1)))
    return world


def test_last_month_is_a_hint_and_no_value(april: World, sit: Sit) -> None:
    page = sit(april.anna).page(section(april))
    (hint,) = page.xpath("//*[@id='lines-0-in_amount-hint']")
    assert hint.text_content() == "March: 1\u00a0000\u00a0l"
    assert page.xpath("//input[@id='lines-0-in_amount']/@value") == [""]


def test_copied_amounts_wait_to_be_confirmed_before_anybody_signs(april: World, sit: Sit) -> None:
    anna = sit(april.anna)
    answer = anna.send(section(april), {**form_of(anna, april), "lines-1-in_hours": "77", "copy": "1"})
    assert answer.status_code == 303
    first, second = stored(april)
    assert (first["hours"], first["amount"], first["amount_source"]) == ("100", "1000", "copied")
    assert (second["hours"], second["amount"]) == ("77", "5000"), "what was typed stays"
    page = anna.page(section(april))
    assert "5 values are copied" in words(page) or "values are copied" in words(page)
    assert page.xpath("//*[@id='lines-0-in_amount-state']")[0].text_content() == "Copied, not confirmed"
    assert not page.xpath("//*[@aria-invalid='true']")
    report = db.session.get_one(Report, april.report.id)
    with pytest.raises(Invalid) as refused, transaction():
        reports.make_ready(report, by=april.anna, version=report.version)
    waiting = [problem.field for problem in refused.value.problems if problem.rule == drafts.UNCONFIRMED]  # type: ignore[attr-defined]
    assert waiting == ["hours", "amount", "amount"]


def test_a_copied_amount_is_confirmed_by_row_or_all_at_once(april: World, sit: Sit) -> None:
    anna = sit(april.anna)
    anna.send(section(april), {**form_of(anna, april), "copy": "1"})
    form = form_of(anna, april)
    answer = anna.htmx(
        f"{section(april)}/lines/{form['lines-0-key']}",
        {name: value for name, value in form.items() if name.startswith(("lines-0", "version"))} | {"confirm": "1"},
    )
    assert answer.status_code == 200
    assert "not confirmed" not in words(row_of(answer))
    assert unconfirmed(april) == [[], ["hours", "amount"]]
    assert anna.send(section(april), {**form_of(anna, april), "confirm": "all"}).status_code == 303
    assert unconfirmed(april) == [[], []]
    assert stored(april)[0]["amount_source"] == "copied"


def unconfirmed(world: World) -> list[list[str]]:
    db.session.rollback()
    db.session.expire_all()
    return [line.unconfirmed for line in db.session.get_one(Report, world.report.id).section("machinery").lines]


def test_an_amount_that_is_changed_is_the_persons_own(april: World, sit: Sit) -> None:
    anna = sit(april.anna)
    anna.send(section(april), {**form_of(anna, april), "copy": "1"})
    answer = anna.save(april, form_of(anna, april), "lines-0", amount="900")
    assert answer.status_code == 200
    assert unconfirmed(april)[0] == ["hours"]
    assert stored(april)[0]["amount_source"] == "", "it was not copied, so how it came about must be said"
    assert "Missing: Source" in words(row_of(answer))


def test_what_left_the_contract_is_named_and_not_copied(april: World, sit: Sit) -> None:
    with transaction():
        gone = next(each for each in contracts.deployments_in(april.report) if each.machine.name == "DI-2")
        gone.departed_on = date(2026, 3, 31)
    anna = sit(april.anna)
    anna.send(section(april), {**form_of(anna, april), "copy": "1"})
    assert [line["machine"] for line in stored(april)] == [april.machines["EL-1"]]
    assert "they are not on the contract in this period: DI-2." in words(anna.page(section(april)))


def test_deliveries_do_not_come_back_and_are_not_copied(april: World, sit: Sit) -> None:
    assert not sit(april.anna).page(section(april, "fuel")).xpath("//button[@name='copy']")


# -- the operation, on both databases ----------------------------------------------------------------------------------


def test_a_conflict_stores_nothing_of_the_whole_save(world: World) -> None:
    kind = contracts.kind_of(world.report, "machinery")
    seen = [
        RawLine(row.key, {**row.raw, "hours": "1"}, row.version, row.seen) for row in drafts.rows_of(world.report, kind)
    ]
    other = [RawLine(seen[0].key, {"hours": "9"}, seen[0].version, "")]
    with transaction():
        lines.save(world.report, "machinery", other, by=world.bo, answer_seen=0)
    with pytest.raises(Clash) as refused, transaction():
        lines.save(world.report, "machinery", seen, by=world.anna, answer_seen=0)
    assert refused.value.lines == {seen[0].key}
    kept = db.session.scalars(select(DraftLine).order_by(DraftLine.id))
    assert [line.raw.get("hours") for line in kept] == ["9", None]


# -- as many questions to the database, however many rows --------------------------------------------------------------


def with_machines(world: World, number: int) -> None:
    with transaction():
        for place in range(number):
            facts = MachineFacts(f"M-{number}-{place:03}", "crane", "diesel", "V")
            machine = machines.register(facts, by=world.anna)
            machines.deploy(machine, world.contract, date(2026, 1, 1), None, by=world.anna)


def test_queries_do_not_grow_with_the_rows(world: World, sit: Sit) -> None:
    anna = sit(world.anna)
    counts = []
    for more in (3, 295):
        with_machines(world, more)
        with transaction():
            section_row = db.session.get_one(Report, world.report.id).section("machinery")
            section_row.lines.clear()
        form = form_of(anna, world)
        with counted() as whole:
            anna.send(section(world), {**form, "lines-0-in_hours": "1"})
        with counted() as page:
            anna.get(section(world))
        form = form_of(anna, world)
        with counted() as one:
            anna.save(world, form, "lines-1", hours="2")
        rows = len(stored(world))
        counts.append((rows, len(page), len(one), len(whole)))
    (few, *small), (many, *large) = counts
    assert (few, many) == (5, 300)
    assert large[:2] == small[:2]


def test_a_line_that_was_signed_can_still_be_read(world: World) -> None:
    fill_in(world)
    assert {line.version for line in db.session.scalars(select(DraftLine))} == {1}
    with transaction():
        drafts.save(world.report, "machinery", machine_lines(world), by=world.anna, version=world.report.version)
    assert {line.version for line in db.session.scalars(select(DraftLine))} == {1}, "nothing was changed"
