"""The supplier's pages over HTTP: what is shown, what is kept, and what a form that is sent does."""

import re
import uuid

from flask import Flask
from sqlalchemy import select

from portal.extensions import db, transaction
from portal.model import (
    Machine,
    OutgoingMail,
    Report,
    ReportState,
)
from portal.operations.entry import drafts
from portal.operations.reports import reports
from portal.operations.reports.comments import Place
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts
from tests.pages import Desk, Seat, database_url, fields, parsed, seat, section, stored, words, world
from tests.reviewing import return_for
from tests.world import World, fill_in, machine_lines, submit

__all__ = ["database_url", "seat", "world"]


# -- the front door ----------------------------------------------------------------------------------------------------


def test_everybody_may_read_the_welcome_the_statement_and_the_health(app: Flask) -> None:
    desk = Desk(app.test_client())
    assert desk.page("/").xpath("//main//a[contains(@href, 'sign-in')]")
    assert desk.page("/accessibility").xpath("//h1")
    assert desk.get("/health/live").json == {"status": "ok"}


def test_tasks_lead_to_where_they_are_done(world: World, seat: Seat) -> None:
    anna = seat(world.anna)
    (row,) = anna.page("/").xpath("//main//tbody/tr")
    assert "Fill in the report" in words(row)
    assert "Prøvebyen" not in words(row)
    assert "Prøveby kommune" in words(row)
    assert "March 2026" in words(row)
    assert re.search(r"\d+ working days left", words(row))
    assert row.xpath(".//a/@href") == [f"/reports/{world.report.public_id}"]
    assert "Nothing waits for you" in words(seat(world.rita).page("/"))


def test_a_returned_report_says_how_much_is_to_be_corrected(world: World, seat: Seat) -> None:
    returned_for(world, "amount")
    (row,) = seat(world.anna).page("/").xpath("//main//tbody/tr")
    assert "Correct 1 line" in words(row)


# -- filling in --------------------------------------------------------------------------------------------------------


def test_a_half_filled_draft_is_saved_and_says_what_is_missing(world: World, seat: Seat) -> None:
    anna = seat(world.anna)
    form = fields(anna.page(section(world)))
    answer = anna.send(section(world), {**form, "lines-0-in_hours": "12,5"})
    assert answer.status_code == 303
    assert answer.location == section(world)
    page = anna.page(section(world))
    assert page.xpath("//input[@id='lines-0-in_hours']/@value") == ["12,5"]
    assert "Missing: Amount" in words(page.xpath("//tr[@id='lines-0']")[0])
    assert not page.xpath("//*[@aria-invalid='true']")


def test_a_wrong_value_is_kept_as_typed_and_named_in_the_summary(world: World, seat: Seat) -> None:
    anna = seat(world.anna)
    form = fields(anna.page(section(world)))
    answer = anna.send(section(world), {**form, "lines-0-in_hours": "twelve", "lines-1-in_hours": "9"})
    assert answer.status_code == 422
    page = parsed(answer)
    (link,) = page.xpath("//*[@id='error-summary']//a")
    assert page.xpath(f"//input[@id='{link.get('href')[1:]}']/@value") == ["twelve"]
    assert words(page.xpath("//title")[0]).startswith("Error:")
    assert [line["hours"] for line in stored(world)] == ["twelve", "9"]


def test_two_new_lines_are_two_lines_and_an_empty_one_is_none(world: World, seat: Seat) -> None:
    anna = seat(world.anna)
    form = fields(anna.page(section(world)))
    new = {"key": "", "in_machine": world.machines["DI-2"], "in_carrier": "hvo", "in_stage": "V", "in_hours": "5"}
    more = {f"lines-{number}-{name}": value for number in (7, 8) for name, value in new.items()}
    anna.send(section(world), {**form, **more, "lines-9-key": "", "lines-9-in_hours": " "})
    assert [line["carrier"] for line in stored(world)] == ["diesel", "electricity", "hvo", "hvo"]


def test_the_row_that_is_removed_is_the_one_named(world: World, seat: Seat) -> None:
    anna = seat(world.anna)
    form = fields(anna.page(section(world)))
    anna.send(section(world), {**form, "remove": "lines-0", "lines-1-in_hours": "3"})
    (line,) = stored(world)
    assert (line["machine"], line["hours"]) == (world.machines["EL-1"], "3")


def test_enter_presses_save_and_never_remove(world: World, seat: Seat) -> None:
    page = seat(world.anna).page(section(world))
    first, *_others = page.xpath("//form[contains(@class, 'section-form')]//button[@type='submit']")
    assert (words(first), first.get("name")) == ("Save draft", None)


def test_nothing_to_report_needs_its_reason(world: World, seat: Seat) -> None:
    anna = seat(world.anna)
    form = fields(anna.page(section(world, "fuel")))
    answer = anna.send(section(world, "fuel"), {**form, "answer": "nothing", "reason": " "})
    assert answer.status_code == 422
    assert parsed(answer).xpath("//*[@id='error-summary']//a/@href") == ["#reason"]
    answer = anna.send(section(world, "fuel"), {**form, "answer": "nothing", "reason": "None came."})
    assert answer.location == f"/reports/{world.report.public_id}"


def test_a_collision_shows_both_values_and_loses_no_line(world: World, seat: Seat) -> None:
    anna = seat(world.anna)
    form = fields(anna.page(section(world)))
    with transaction():
        report = db.session.get_one(Report, world.report.id)
        extra = drafts.RawLine(uuid.uuid4(), {"machine": world.machines["DI-2"], "carrier": "hvo"})
        drafts.save(report, "machinery", [*machine_lines(world), extra], by=world.bo, version=report.version)
    answer = anna.send(section(world), {**form, "lines-0-in_hours": "77"})
    assert answer.status_code == 409
    page = parsed(answer)
    (row,) = [
        row for row in page.xpath("(//table)[1]/tbody/tr") if "Operating hours" in words(row) and "77" in words(row)
    ]
    assert "100" in words(row)
    again = fields(page)
    assert again["lines-0-in_hours"] == "77"
    assert anna.send(section(world), again).status_code == 303
    assert [line.get("hours", "") for line in stored(world)] == ["77", "100", ""]
    assert stored(world)[2]["carrier"] == "hvo"


def test_under_correction_only_what_was_commented_can_be_typed(world: World, seat: Seat) -> None:
    returned_for(world, "amount")
    anna = seat(world.anna)
    page = anna.page(section(world))
    assert page.xpath("//tr//*[@data-column]/@id") == ["lines-0-in_amount", "lines-0-in_amount_source"]
    assert "Read the meter again." in words(page.xpath("//main")[0])
    assert not page.xpath("//button[@name='add_row' or @name='remove']")
    answer = anna.send(section(world), {**fields(page), "lines-0-in_amount": "900"})
    assert answer.location == f"/reports/{world.report.public_id}"
    tampered = {**fields(anna.page(section(world))), "lines-0-in_hours": "1"}
    assert anna.send(section(world), tampered).status_code == 422
    assert [line["hours"] for line in stored(world)] == ["100", "100"]


# -- checked, signed, read ---------------------------------------------------------------------------------------------


def test_what_is_missing_is_linked_to_where_it_is_filled_in(world: World, seat: Seat) -> None:
    anna = seat(world.anna)
    form = fields(anna.page(section(world)))
    anna.send(section(world), {**form, "lines-1-in_hours": "3"})
    page = anna.page(f"/reports/{world.report.public_id}/check")
    links = page.xpath("//*[@id='error-summary']//a/@href")
    assert [link.rpartition("/")[2] for link in links] == [
        "machinery?back=check#lines-0-in_hours",
        "machinery?back=check#lines-1-in_amount",
        "fuel?back=check",
    ]
    for link in links[:2]:
        path, _hash, place = link.partition("#")
        assert anna.page(path).xpath(f"//*[@id='{place}']")
    assert not page.xpath("//form[contains(@action, '/ready')]")


def test_a_breach_is_loud_and_the_report_can_be_sent_all_the_same(world: World, seat: Seat) -> None:
    fill_in(world, electric="100", diesel="9000")
    page = seat(world.bo).page(f"/reports/{world.report.public_id}/check")
    (alert,) = page.xpath("//*[contains(@class, 'ds-alert') and @data-color='danger']")
    assert "break 1 requirement" in words(alert)
    assert "Clause 4.2" in words(alert)
    assert page.xpath("//form[contains(@action, '/sign')]")


def test_every_figure_has_its_unit_and_gases_stay_apart(world: World, seat: Seat) -> None:
    fill_in(world)
    page = seat(world.anna).page(f"/reports/{world.report.public_id}/check")
    rows = {
        row.xpath("./th/text()")[0].strip(): row
        for row in page.xpath("//table[contains(@class, 'figures-table')]//tbody/tr")
    }
    co2 = words(rows["Emissions, CO2"])
    assert "2 660 kg CO2" in co2.replace("\u00a0", " ")
    assert "kg CO2e" not in co2
    for name, row in rows.items():
        is_a_count = name.startswith("Lines ")
        assert is_a_count or row.xpath(".//*[@class='figure-unit']") or "Cannot be computed" in words(row)
    assert "Liquid biofuel" in words(page.xpath("//main")[0])


def test_the_receipt_says_what_was_sent_and_how_to_know_it_again(world: World, seat: Seat) -> None:
    submit(world)
    anna = seat(world.anna)
    page = anna.page(f"/reports/{world.report.public_id}/receipt")
    revision = db.session.get_one(Report, world.report.id).revisions[0]
    assert page.xpath("//code")[0].text_content().replace(" ", "") == revision.hash
    assert "K-1/2026-03/1" in words(page)
    assert "Bo Prøve" in words(page)
    assert anna.get(f"/reports/{world.report.public_id}/check").location.endswith("/receipt")


def test_signing_with_an_old_page_is_refused(world: World, seat: Seat) -> None:
    fill_in(world)
    bo = seat(world.bo)
    sign = f"/reports/{world.report.public_id}/sign"
    old = fields(bo.page(f"/reports/{world.report.public_id}/check"), f"//form[@action='{sign}']")
    fill_in(world, electric="1")
    assert bo.send(sign, old).status_code == 409
    assert db.session.scalar(select(Report.state)) == ReportState.DRAFT


def test_a_comment_from_the_signatory_stands_on_top_for_whoever_fills_in(world: World, seat: Seat) -> None:
    fill_in(world)
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version)
    with transaction():
        reports.withhold(world.report, "EL-1 cannot be right.", by=world.bo, version=world.report.version)
    page = seat(world.anna).page(f"/reports/{world.report.public_id}")
    (alert,) = [each for each in page.xpath("//*[contains(@class, 'ds-alert')]") if "EL-1" in words(each)]
    assert "gave the report back" in words(alert)


def test_the_buyer_sees_no_draft(world: World, seat: Seat) -> None:
    fill_in(world, electric="4321")
    rita, path = seat(world.rita), f"/reports/{world.report.public_id}"
    assert "4\u00a0321" not in rita.page(path).text_content()
    assert rita.get(f"{path}/check").status_code == 403
    submit_filled(world)
    assert "4\u00a0321" in rita.page(path).text_content()


def test_a_stranger_finds_nothing(world: World, seat: Seat) -> None:
    sten = seat(world.stranger)
    for path in (f"/reports/{world.report.public_id}", section(world), f"/contracts/{world.contract.public_id}"):
        assert sten.get(path).status_code == 404
    for path in ("/reports", "/machines", "/contracts"):
        assert "Prøveskolen" not in words(sten.page(path))


# -- machines and contracts --------------------------------------------------------------------------------------------


def test_a_machine_is_registered_with_where_it_works(world: World, seat: Seat) -> None:
    anna = seat(world.anna)
    given = {
        "name": "NY-3",
        "type": "other",
        "carrier": "hvo",
        "stage": "V",
        "contract": str(world.contract.public_id),
        "arrived_on": "31.02.2026",
    }
    answer = anna.send("/machines/new", given)
    assert answer.status_code == 422
    wrong = parsed(answer).xpath("//*[@id='error-summary']//a/@href")
    assert wrong == ["#arrived_on"]
    assert anna.send("/machines/new", {**given, "arrived_on": "1.3.26"}).status_code == 422
    answer = anna.send("/machines/new", {**given, "other_type": "Snow blower", "arrived_on": "1.3.26"})
    row = db.session.scalars(select(Machine).where(Machine.name == "NY-3")).one()
    assert answer.location == f"/machines/{row.public_id}"
    assert (row.type, row.other_type) == ("other", "Snow blower")
    assert [str(each.arrived_on) for each in row.deployments] == ["2026-03-01"]
    assert "NY-3" in words(seat(world.rita).page("/machines"))
    assert anna.send("/machines/new", {**given, "other_type": "x", "arrived_on": "1.3.26"}).status_code == 422


def test_no_machine_is_put_on_a_contract_of_others(world: World, seat: Seat) -> None:
    given = {"name": "X", "type": "crane", "carrier": "diesel", "stage": "V", "arrived_on": "1.3.2026"}
    answer = seat(world.stranger).send("/machines/new", {**given, "contract": str(world.contract.public_id)})
    assert answer.status_code == 422
    assert db.session.scalars(select(Machine).where(Machine.name == "X")).all() == []


def test_a_machine_that_cannot_be_deployed_is_not_registered(world: World, seat: Seat) -> None:
    given = {"name": "X", "type": "crane", "carrier": "diesel", "stage": "V", "contract": str(world.contract.public_id)}
    answer = seat(world.anna).send("/machines/new", {**given, "arrived_on": "2.3.2026", "departed_on": "1.3.2026"})
    assert parsed(answer).xpath("//*[@id='error-summary']//a/@href") == ["#departed_on"]
    assert db.session.scalars(select(Machine).where(Machine.name == "X")).all() == []


def test_a_buyer_learns_of_no_other_buyers_contract_by_a_machine(world: World, seat: Seat) -> None:
    with transaction():
        machines.register(MachineFacts("HJEMME", "crane", "diesel", "V"), by=world.anna)
    assert "HJEMME" not in words(seat(world.rita).page("/machines"))
    assert "HJEMME" in words(seat(world.anna).page("/machines"))


def test_a_contract_tells_what_is_asked_for_and_what_a_breach_costs(world: World, seat: Seat) -> None:
    page = seat(world.rita).page(f"/contracts/{world.contract.public_id}")
    rows = [words(row) for row in page.xpath("(//table)[1]/tbody/tr")]
    assert any("Zero-emission share of energy at least 20 %" in row for row in rows)
    assert all("20 000 NOK for each period with a breach" in row.replace("\u00a0", " ") for row in rows)
    assert "Electricity counts as 0" in words(page)


# -- steps -------------------------------------------------------------------------------------------------------------


def returned_for(world: World, field: str) -> None:
    """Submit, and have one value of the first line returned."""
    submit(world)
    report = db.session.get_one(Report, world.report.id)
    assert report.latest is not None
    line = report.latest.lines_of("machinery")[0]
    return_for(report, world.rita, (Place("machinery", line.key, field), "Read the meter again."))
    assert db.session.scalars(select(OutgoingMail)).all()


def submit_filled(world: World) -> None:
    with transaction():
        reports.sign(world.report, by=world.bo, version=world.report.version)
