"""Check, reasons, signature and receipt, over HTTP against a real server."""

import re
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from io import BytesIO
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import select

from portal import calendars
from portal.extensions import db, transaction
from portal.model import OutgoingMail, ReportState, Role
from portal.operations import accounts, anchors, audit
from portal.operations.contracts import contracts
from portal.operations.entry import drafts
from portal.operations.entry.drafts import RawLine
from portal.operations.reports import reports, revisions
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts
from tests.http import PASSWORD, HttpBrowser
from tests.office import Office, open_office
from tests.signing_in import stored_once
from tests.world import fill_in, machine_lines, open_tasks, reasons_for

HOURS_AND_AMOUNT = "machinery.hours_without_amount"
WHY = "Maskinen gikk på tomgang – målt to ganger. *Sikkert* 😀"


@pytest.fixture
def office(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[Office]:
    with open_office(make_app(sqlite_url)) as office:
        yield office


def fill_in_with_a_warning(office: Office) -> None:
    """DI-2 has hours and has used nothing."""
    fill_in(office.world, diesel="0")


def reason_field(page: str) -> str:
    (name,) = set(re.findall(r'name="(reason:[^"]+)"', page))
    return str(name)


# -- reasons for warnings ----------------------------------------------------------------------------------------------


def test_a_warning_without_its_reason_stops_the_report_and_points_at_the_field(office: Office) -> None:
    fill_in_with_a_warning(office)
    anna = office.seat(office.world.anna)
    page = anna.call("GET", office.at("/check"))[1]
    name = reason_field(page)
    assert name.startswith(f"reason:machinery/{HOURS_AND_AMOUNT}/{office.world.machines['DI-2']}/")
    status, answer = anna.submit(office.at("/check"), office.at("/ready"), **{name: "  "})
    assert status == 422
    assert 'href="#reason-1"' in answer
    assert "Give a reason: DI-2 has hours but has used no energy." in answer
    assert 'aria-invalid="true"' in answer
    assert office.report.state == ReportState.DRAFT
    status, _answer = anna.submit(office.at("/check"), office.at("/ready"), **{name: WHY})
    assert (status, office.report.state) == (303, ReportState.TO_SIGN)


def test_a_reason_is_signed_with_the_report_and_stands_beside_its_warning(office: Office) -> None:
    fill_in_with_a_warning(office)
    anna, bo = office.seat(office.world.anna), office.seat(office.world.bo)
    name = reason_field(anna.call("GET", office.at("/check"))[1])
    assert anna.submit(office.at("/check"), office.at("/explain"), **{name: WHY})[0] == 303
    assert office.report.state == ReportState.DRAFT
    assert WHY in bo.call("GET", office.at("/check"))[1]
    assert bo.submit(office.at("/check"), office.at("/sign"), **{name: WHY})[0] == 303
    revision = office.report.revisions[0]
    assert [(check.rule, check.reason) for check in revision.checks] == [(HOURS_AND_AMOUNT, WHY)]
    assert revision.reasons[0]["text"] == WHY
    assert revision.hash == revisions.content_hash(office.report, revision)
    revision.reasons = [{**revision.reasons[0], "text": "Noe annet."}]
    assert revision.hash != revisions.content_hash(revision.report, revision), "the fingerprint covers the reasons"
    db.session.rollback()
    review = office.seat(office.world.rita).call("GET", office.at("/review"))[1]
    assert "The supplier writes: Maskinen gikk på tomgang" in review
    assert WHY in bo.call("GET", office.at("/receipt"))[1]


def test_whoever_signs_needs_every_reason_too(office: Office) -> None:
    fill_in_with_a_warning(office)
    bo = office.seat(office.world.bo)
    status, page = bo.submit(office.at("/check"), office.at("/sign"))
    assert (status, office.report.state) == (422, ReportState.DRAFT)
    assert "Give a reason" in page
    assert office.letters("to_sign") == []


def test_a_reason_is_passed_over_when_its_warning_is_gone(office: Office) -> None:
    fill_in_with_a_warning(office)
    anna, bo = office.seat(office.world.anna), office.seat(office.world.bo)
    name = reason_field(anna.call("GET", office.at("/check"))[1])
    assert anna.submit(office.at("/check"), office.at("/explain"), **{name: WHY})[0] == 303
    fill_in(office.world, diesel="1000")
    page = bo.call("GET", office.at("/check"))[1]
    assert "reason:" not in page
    assert bo.submit(office.at("/check"), office.at("/sign"), **{name: WHY})[0] == 303
    revision = office.report.revisions[0]
    assert (revision.reasons, list(revision.checks)) == ([], [])


def test_a_warning_that_reads_otherwise_asks_for_its_reason_anew(office: Office) -> None:
    office.file()
    office.approve()
    with transaction():
        april = calendars.month_after(office.report.period.starts_on)
        office.world.report = contracts.open_period(office.world.contract, april)
    fill_in(office.world, diesel="15000")
    anna, bo = office.seat(office.world.anna), office.seat(office.world.bo)
    name = reason_field(anna.call("GET", office.at("/check"))[1])
    assert anna.submit(office.at("/check"), office.at("/explain"), **{name: WHY})[0] == 303
    assert "read otherwise" not in anna.call("GET", office.at("/check"))[1]
    fill_in(office.world, diesel="25000")
    status, page = bo.call("POST", office.at("/sign"), {"version": str(office.report.version)})
    assert (status, office.report.state) == (422, ReportState.DRAFT)
    assert WHY in page, "it is offered again"
    assert "The warning read otherwise when the reason below was written." in page
    assert reason_field(page) != name
    late = bo.call("POST", office.at("/sign"), {"version": str(office.report.version), name: "Gammelt."})
    assert late[0] == 422, "a reason for what the warning no longer says counts for nothing"
    assert bo.submit(office.at("/check"), office.at("/sign"), **{reason_field(page): WHY})[0] == 303
    assert [each["text"] for each in office.report.revisions[0].reasons] == [WHY]


def test_a_reason_for_one_warning_is_never_offered_for_another(office: Office) -> None:
    """Two machines that nobody reported: one rule, one place, two warnings."""
    world, report = office.world, office.report
    with transaction():
        for name in ("A-1", "B-2"):
            machine = machines.register(MachineFacts(name, "crane", "diesel", "V"), by=world.anna)
            machines.deploy(machine, world.contract, report.period.starts_on, None, by=world.anna)
    lines = drafts.rows_of(report, contracts.kind_of(report, "machinery"))
    kept = [
        RawLine(row.key, {**row.raw, "hours": "10", "amount": "100", "amount_source": "metered"})
        for row in lines
        if row.raw["machine"] in world.machines.values()
    ]
    with transaction():
        drafts.save(report, "machinery", kept, by=world.anna, version=report.version)
    with transaction():
        drafts.answer_nothing(report, "fuel", "Ingen leveranser.", by=world.anna, version=report.version)
    anna = office.seat(world.anna)
    page = anna.call("GET", office.at("/check"))[1]
    first, second = re.findall(r'name="(reason:[^"]+)"', page)
    status, answer = anna.submit(office.at("/check"), office.at("/ready"), **{first: "A-1 sto på verksted."})
    assert status == 422
    assert answer.count("A-1 sto på verksted.") == 1, "and not beside the other"
    assert "read otherwise" not in answer
    asked = re.findall(r'data-field="validation"[^>]*>([^<]+)<', answer)
    assert len(asked) == 1
    assert "B-2" in asked[0]
    assert anna.submit(office.at("/check"), office.at("/ready"), **{first: "A.", second: "B."})[0] == 303


def test_what_was_written_survives_that_somebody_else_was_first(office: Office) -> None:
    fill_in_with_a_warning(office)
    anna, bo = office.seat(office.world.anna), office.seat(office.world.bo)
    form = anna.form(office.at("/check"))
    name = reason_field(anna.call("GET", office.at("/check"))[1])
    fill_in(office.world, diesel="0", electric="4000")
    status, page = anna.call("POST", office.at("/ready"), {**form, name: WHY})
    assert (status, office.report.state) == (409, ReportState.DRAFT)
    assert WHY in page
    assert "Read the answers again before you send." in page
    assert anna.call("POST", office.at("/ready"), {"version": str(office.report.version), name: WHY})[0] == 303
    stale = {"version": "1", "comment": "Timene mangler."}
    status, page = bo.call("POST", office.at("/withhold"), stale)
    assert (status, "Timene mangler." in page) == (409, True)


def test_what_is_written_of_no_warning_is_not_kept_and_too_much_is_refused(office: Office) -> None:
    fill_in_with_a_warning(office)
    anna = office.seat(office.world.anna)
    name = reason_field(anna.call("GET", office.at("/check"))[1])
    made_up = {f"reason:machinery/no.rule@1/{'x' * 400}/amount": "Tull", "reason:kort": "Tull"}
    assert anna.submit(office.at("/check"), office.at("/explain"), **made_up)[0] == 303
    assert office.report.explanations == []
    status, page = anna.submit(office.at("/check"), office.at("/ready"), **{name: "x" * 2001})
    assert status == 422
    assert "at most 2000 characters" in page
    assert "x" * 2001 in page, "what was typed is still there"
    assert anna.submit(office.at("/check"), office.at("/ready"), **{name: "a\x00b\x07c"})[0] == 303
    assert [row.text for row in office.report.explanations] == ["abc"]


def test_only_the_suppliers_own_give_reasons(office: Office) -> None:
    fill_in_with_a_warning(office)
    assert office.seat(office.world.stranger).call("POST", office.at("/explain"), {"version": "1"})[0] == 404
    assert office.seat(office.world.rita).call("POST", office.at("/explain"), {"version": "1"})[0] == 403
    seen = {event.action for event, _person in audit.trail([office.report], by=office.world.rita)}
    assert "report.explained" not in seen


# -- signing and giving back -------------------------------------------------------------------------------------------


def test_one_person_fills_in_and_signs_with_one_button(office: Office) -> None:
    with transaction():
        person = accounts.add_person("ene@prove.example", "Ene Prøve", language="en")
        person.password = stored_once(PASSWORD)
        ene = accounts.add_membership(person, office.world.anna.organisation, Role.REPORTER, Role.SIGNATORY)
    report = office.world.report
    with transaction():
        drafts.save(report, "machinery", machine_lines(office.world), by=ene, version=report.version)
    with transaction():
        drafts.answer_nothing(report, "fuel", "Ingen leveranser.", by=ene, version=report.version)
    browser = office.seat(ene)
    page = browser.call("GET", office.at("/check"))[1]
    assert "/ready" not in page, "no detour"
    assert browser.submit(office.at("/check"), office.at("/sign"))[0] == 303
    assert (office.report.state, open_tasks()) == (ReportState.SUBMITTED, ["review"])
    assert office.letters("to_sign") == [], "nobody is asked to sign what is signed"


def test_giving_back_needs_a_comment_that_reaches_the_reporter(office: Office) -> None:
    fill_in(office.world)
    anna, bo = office.seat(office.world.anna), office.seat(office.world.bo)
    assert anna.submit(office.at("/check"), office.at("/ready"))[0] == 303
    status, page = bo.submit(office.at("/check"), office.at("/withhold"), comment="  ")
    assert (status, office.report.state) == (422, ReportState.TO_SIGN)
    assert 'href="#comment"' in page
    assert bo.submit(office.at("/check"), office.at("/withhold"), comment="Timene på EL-1 mangler.")[0] == 303
    assert (office.report.state, open_tasks()) == (ReportState.DRAFT, ["fill_in"])
    assert office.letters("given_back") == ["anna@prove.example"]
    letter = db.session.scalars(select(OutgoingMail).where(OutgoingMail.letter == "given_back")).one()
    assert "Timene på EL-1 mangler." in letter.body
    assert not letter.for_buyer
    top = anna.call("GET", office.at())[1]
    assert "The signatory gave the report back" in top
    assert "Timene på EL-1 mangler." in top


def test_a_section_changed_from_the_check_page_leads_back_to_it(office: Office) -> None:
    fill_in(office.world)
    anna = office.seat(office.world.anna)
    page = anna.call("GET", office.at("/check"))[1]
    change = re.findall(r'href="([^"]*sections/machinery\?back=check)"', page)
    assert change
    form = anna.call("GET", change[0])[1]
    assert "sections/machinery?back=check" in form
    version = str(office.report.section("machinery").version)
    answered = {"answer": "nothing", "reason": "Sto stille.", "version": version}
    assert _location(anna, change[0], answered).endswith("/check")
    assert _location(anna, office.at("/sections/machinery"), answered).endswith(office.at())


def _location(browser: HttpBrowser, path: str, form: dict[str, str]) -> str:
    """Where a form that is sent leads to."""
    connection = HTTPConnection("127.0.0.1", browser.port, timeout=60)
    body = "&".join(f"{name}={value}" for name, value in form.items()).replace(" ", "+").encode()
    headers = {"Cookie": browser.cookie, "Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        assert answer.status == 303, answer.read().decode()
        return answer.headers["Location"]
    finally:
        connection.close()


# -- the receipt -------------------------------------------------------------------------------------------------------


def pdf(browser: HttpBrowser, path: str) -> tuple[int, str, bytes]:
    """Status, media type and bytes of a file."""
    connection = HTTPConnection("127.0.0.1", browser.port, timeout=60)
    try:
        connection.request("GET", path, headers={"Cookie": browser.cookie})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read()
    finally:
        connection.close()


def text_of(content: bytes) -> str:
    pages = " ".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)
    return " ".join(pages.replace("\u200b", "").split())


def test_the_receipt_on_paper_says_what_was_signed(office: Office) -> None:
    fill_in_with_a_warning(office)
    bo = office.seat(office.world.bo)
    name = reason_field(bo.call("GET", office.at("/check"))[1])
    assert bo.submit(office.at("/check"), office.at("/sign"), **{name: WHY})[0] == 303
    revision = office.report.revisions[0]
    path = f"/reports/revisions/{revision.public_id}/receipt.pdf"
    status, media_type, content = pdf(bo, path)
    assert (status, media_type) == (200, "application/pdf")
    said = text_of(content)
    for expected in (
        "K-1/2026-03/1",
        "K-1 Prøveskolen",
        "March 2026",
        "Bo Prøve",
        "Annas Graving AS, org. no. 310000027",
        "Machinery 2 lines",
        "Operating hours 200 h",
        "Amount 5 000 kWh",
        "Nothing to report: Ingen leveranser.",
        "Norway's National Inventory Report 2021",
        WHY,
        "Prøveby kommune reviews the report.",
    ):
        assert expected in said, (expected, said)
    assert revision.hash in said.replace(" ", "")
    [seal] = anchors.read(said).seals
    assert [seal] == anchors.read(anchors.proof_of(revision)).seals, "as verify-audit reads it"
    assert list(audit.broken_links(anchors.read(said))) == []
    zone = revision.signed_at.astimezone(ZoneInfo("Europe/Oslo"))
    assert f"{zone:%H:%M:%S}" in said, "the time is the contract's"
    assert pdf(bo, path)[2] == content, "the same revision is the same file"
    office.approve()
    assert pdf(bo, path)[2] == content, "whatever came after"


def test_the_receipt_is_in_the_readers_language_and_for_the_parties_only(office: Office) -> None:
    office.file()
    with transaction():
        office.world.rita.person.language = "nb"
    path = f"/reports/revisions/{office.report.revisions[0].public_id}/receipt"
    rita = office.seat(office.world.rita)
    content = pdf(rita, f"{path}.pdf")[2]
    root: Any = PdfReader(BytesIO(content)).trailer["/Root"]
    assert root["/Lang"] == "nb"
    assert "Maskiner" in text_of(content)
    stranger = office.seat(office.world.stranger)
    assert [stranger.call("GET", path)[0], pdf(stranger, f"{path}.pdf")[0]] == [404, 404]


def test_a_report_of_five_hundred_lines_has_its_receipt(office: Office) -> None:
    report = office.world.report
    said = {"entry": "delivery", "product": "diesel", "amount": "10", "amount_source": "invoice", "supplier": "Olje AS"}
    deliveries = [
        RawLine(uuid4(), {**said, "invoice": f"F-{number}", "delivered_on": "10.03.2026"}) for number in range(500)
    ]
    with transaction():
        drafts.save(report, "machinery", machine_lines(office.world), by=office.world.anna, version=report.version)
    with transaction():
        drafts.save(report, "fuel", deliveries, by=office.world.anna, version=report.version)
    with transaction():
        revision = reports.sign(report, by=office.world.bo, version=report.version, reasons=reasons_for(report))
    db.session.rollback()
    path = f"/reports/revisions/{revision.public_id}/receipt"
    bo = office.seat(office.world.bo)
    said_on_paper = text_of(pdf(bo, f"{path}.pdf")[2])
    assert "Fuel and energy delivered 500 lines" in said_on_paper
    assert "Amount 5 000 l" in said_on_paper
    assert "500 lines" in bo.call("GET", path)[1]


def test_every_revision_keeps_its_receipt(office: Office) -> None:
    office.file()
    bo = office.seat(office.world.bo)
    assert bo.submit(office.at("/withdraw"), office.at("/withdraw"))[0] == 303
    office.file(diesel="900")
    office.approve()
    first, second = office.report.revisions
    pages = [bo.call("GET", f"/reports/revisions/{each.public_id}/receipt")[1] for each in (first, second)]
    assert "This revision was withdrawn" in pages[0]
    assert "The report is approved" in pages[1]
    assert str(second.public_id) in bo.call("GET", office.at("/receipt"))[1]
