"""Check, reasons, signature, receipt, withdrawal and amendment: over HTTP against a real server, on both databases."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from io import BytesIO
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import select
from waitress.server import create_server

from portal import calendars, clock
from portal.extensions import db, transaction
from portal.model import (
    Decision,
    Deviation,
    Membership,
    OutgoingMail,
    Report,
    ReportState,
    Revision,
    RevisionLine,
    Role,
)
from portal.operations import accounts, audit, contracts, drafts, exports, processes, reports, reviews
from portal.operations.drafts import RawLine
from portal.operations.reviews import Correction
from portal.web import passwords
from tests.http import PASSWORD, HttpBrowser
from tests.world import World, build_world, case_of, fill_in, machine_lines, open_tasks, submit, tick

HOURS_AND_AMOUNT = "machinery.hours_and_amount@1"
WHY = "Maskinen gikk på tomgang – målt to ganger. *Sikkert* 😀"
MUCH_DIESEL = "9000"


@dataclass
class Office:
    """The small world behind a real server, and everybody at a browser of their own."""

    app: Flask
    port: int
    world: World

    def seat(self, by: Membership) -> HttpBrowser:
        return HttpBrowser(self.port, by.person.email)

    @property
    def report(self) -> Report:
        """As it is in the database now."""
        db.session.rollback()
        db.session.expire_all()
        self.world.report = db.session.get_one(Report, self.world.report.id)
        return self.world.report

    def file(self, **amounts: str) -> None:
        """The report as it is now, filled in and signed."""
        assert self.report
        submit(self.world, **amounts)

    def at(self, act: str = "") -> str:
        return f"/reports/{self.world.report.public_id}{act}"

    def letters(self, kind: str) -> list[str]:
        db.session.rollback()
        return sorted(db.session.scalars(select(OutgoingMail.to_address).where(OutgoingMail.letter == kind)))


@pytest.fixture
def office(make_app: Callable[..., Flask], database_url: str) -> Iterator[Office]:
    app = make_app(database_url)
    running = create_server(app, host="127.0.0.1", port=0, threads=6)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    with app.app_context():
        stored = passwords.stored(PASSWORD)
        with transaction():
            world = build_world()
            for by in (world.anna, world.bo, world.stranger, world.rita, world.ruth, world.adam):
                by.person.password, by.person.language = stored, "en"
        yield Office(app, running.effective_port, world)
        db.session.rollback()
    running.close()
    thread.join(timeout=10)


def fill_in_with_a_warning(office: Office) -> None:
    """DI-2 has hours and has used nothing."""
    fill_in(office.world, diesel="0")


def reason_field(page: str) -> str:
    (name,) = set(re.findall(r'name="(reason:[^"]+)"', page))
    return name


def lines_of(revision: Revision) -> list[RevisionLine]:
    return revision.lines_of("machinery")


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
    assert revision.hash == reports.content_hash(office.report, revision)
    revision.reasons = [{**revision.reasons[0], "text": "Noe annet."}]
    assert revision.hash != reports.content_hash(revision.report, revision), "the fingerprint covers the reasons"
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
        person.password = passwords.stored(PASSWORD)
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
    answered = {"answer": "nothing", "reason": "Sto stille.", "version": str(office.report.version)}
    assert _location(anna, change[0], answered).endswith("/check")
    answered["version"] = str(office.report.version)
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


# -- withdrawn ---------------------------------------------------------------------------------------------------------


def test_a_submitted_report_is_withdrawn_and_sent_again(office: Office) -> None:
    office.file()
    bo = office.seat(office.world.bo)
    assert office.at("/withdraw") in bo.call("GET", office.at())[1]
    status, _page = bo.submit(office.at("/withdraw"), office.at("/withdraw"), reason="Feil måler.")
    report = office.report
    assert (status, report.state, open_tasks()) == (303, ReportState.DRAFT, ["fill_in"])
    first = report.revisions[0]
    assert first.withdrawal.reason == "Feil måler."
    assert first.hash == reports.content_hash(report, first), "it stays as it was signed"
    assert (report.review_due_at, report.due_at) == (None, max(report.period.due_at, _in_five_days(report)))
    assert office.letters("withdrawn") == ["rita@prove.example", "ruth@prove.example"]
    assert "Withdrawn" in bo.call("GET", office.at())[1]
    office.file(diesel="900")
    report = office.report
    assert [revision.number for revision in report.revisions] == [1, 2]
    with transaction():
        reviews.decide(report, Decision.APPROVE, by=office.world.rita, version=report.version)
    assert (office.report.accepted_number, list(audit.broken_links())) == (2, [])


def _in_five_days(report: Report) -> object:
    return contracts.new_deadline(report.contract, reports.CORRECTION_WORKING_DAYS)


def test_nothing_is_withdrawn_once_the_review_has_begun(office: Office) -> None:
    office.file()
    rita, ruth, bo = (office.seat(by) for by in (office.world.rita, office.world.ruth, office.world.bo))
    form = bo.form(office.at("/withdraw"))
    version = office.report.version
    assert rita.call("GET", office.at("/review"))[0] == 200
    report = office.report
    assert (report.review_begun_by_id, report.version) == (office.world.rita.person_id, version)
    begun_at = report.review_begun_at
    assert ruth.call("GET", office.at("/review"))[0] == 200
    assert (office.report.review_begun_at, office.report.review_begun_by_id) == (begun_at, report.review_begun_by_id)
    status, page = bo.call("POST", office.at("/withdraw"), form)
    assert (status, office.report.state) == (409, ReportState.SUBMITTED)
    assert "The review began on" in page
    assert office.at("/withdraw") not in bo.call("GET", office.at())[1]
    actions = [event.action for event, _person in audit.trail([office.report], by=office.world.anna)]
    assert actions.count("review.begun") == 1


def test_who_may_not_review_begins_nothing(office: Office) -> None:
    office.file()
    report = office.report
    with transaction():
        report.note_preparer(office.world.ruth)
    assert office.seat(office.world.anna).call("GET", office.at("/review"))[0] == 403
    assert office.seat(office.world.adam).call("GET", office.at("/review"))[0] == 403
    status, page = office.seat(office.world.ruth).call("GET", office.at("/review"))
    assert status == 200
    assert "You helped to fill in this report yourself." in page
    assert office.report.review_begun_at is None


def test_only_the_signatory_withdraws_and_only_what_is_under_review(office: Office) -> None:
    office.file()
    version = {"version": str(office.report.version)}
    for by, status in ((office.world.anna, 403), (office.world.stranger, 404), (office.world.rita, 403)):
        assert office.seat(by).call("POST", office.at("/withdraw"), version)[0] == status
    bo = office.seat(office.world.bo)
    assert bo.call("POST", office.at("/withdraw"), {"version": "1"})[0] == 409
    assert bo.call("POST", office.at("/withdraw"), version)[0] == 303
    status, page = bo.call("POST", office.at("/withdraw"), version)
    assert status == 409
    assert "already been withdrawn" in page
    office.file()
    with transaction():
        reviews.decide(office.world.report, Decision.APPROVE, by=office.world.rita, version=office.world.report.version)
    status, page = bo.call("POST", office.at("/withdraw"), version)
    assert status == 409
    assert "Rita Prøve has approved the report" in page
    assert office.report.state == ReportState.APPROVED


def test_a_withdrawn_correction_opens_only_what_was_open_before(office: Office) -> None:
    office.file()
    row = lines_of(office.report.revisions[0])[0]
    with transaction():
        reviews.decide(
            office.world.report,
            Decision.RETURN,
            by=office.world.rita,
            version=office.world.report.version,
            corrections=[Correction("machinery", row.key, "amount", "Stemmer tallet?")],
        )
    bo = office.seat(office.world.bo)
    assert bo.submit(office.at("/check"), office.at("/sign"))[0] == 303
    assert len(office.report.revisions) == 2
    assert bo.submit(office.at("/withdraw"), office.at("/withdraw"))[0] == 303
    report = office.report
    assert (report.state, [unlock.comment for unlock in report.current_unlocks]) == (
        ReportState.RETURNED,
        ["Stemmer tallet?"],
    )
    kind = contracts.kind_of(report, "machinery")
    assert drafts.open_columns(report, kind, row.key) == {"amount", "amount_source"}
    assert "Stemmer tallet?" in bo.call("GET", office.at("/sections/machinery"))[1]


def test_what_was_delivered_in_time_is_not_missing_when_it_is_withdrawn(office: Office) -> None:
    office.file()
    assert office.seat(office.world.bo).submit(office.at("/withdraw"), office.at("/withdraw"))[0] == 303
    clock.move_to(office.report.due_at.replace(year=2027))
    tick()
    groups = list(db.session.scalars(select(Deviation.cause_group)))
    assert groups == ["correction"], "the new revision is late; the report is not missing"


def test_a_withdrawn_revision_is_not_what_next_month_is_compared_with(office: Office) -> None:
    office.file(diesel="700")
    assert office.seat(office.world.bo).submit(office.at("/withdraw"), office.at("/withdraw"))[0] == 303
    with transaction():
        month = calendars.month_after(office.report.period.starts_on)
        april = contracts.open_period(office.world.contract, month)
    assert drafts.previous_lines(april) == {}
    office.file(diesel="800")
    before = {line.values["amount"]["value"] for line in drafts.previous_lines(april)["machinery"]}
    assert before == {"5000", "800"}


@pytest.mark.parametrize("opponent", ["opens", "decides"])
def test_withdrawing_and_reviewing_at_once_has_one_winner(office: Office, opponent: str) -> None:
    bo, rita = office.seat(office.world.bo), office.seat(office.world.rita)
    outcomes = set()
    for number in range(6):
        office.file() if number == 0 or office.report.state == ReportState.DRAFT else _next_month(office)
        seen = {"version": str(office.report.version)}
        acts = [partial(bo.call, "POST", office.at("/withdraw"), seen)]
        if opponent == "opens":
            acts.append(partial(rita.call, "GET", office.at("/review")))
        else:
            acts.append(partial(rita.call, "POST", office.at("/review"), {**seen, "decision": "approve"}))
        (withdrawn, words), (reviewed, told) = _at_once(acts if number % 2 else acts[::-1], first=acts[0])
        report = office.report
        if withdrawn == 303:
            assert (report.state, open_tasks().count("fill_in")) == (ReportState.DRAFT, 1)
            assert report.review_begun_at is None
            assert opponent == "opens" or (reviewed == 409 and "Bo Prøve has withdrawn the report" in told)
        else:
            assert withdrawn == 409
            assert "The review began" in words or "Rita Prøve has approved" in words
            assert report.state == (ReportState.SUBMITTED if opponent == "opens" else ReportState.APPROVED)
        outcomes.add(withdrawn)
    assert outcomes <= {303, 409}
    assert list(audit.broken_links()) == []


def _next_month(office: Office) -> None:
    with transaction():
        month = calendars.month_after(office.report.period.starts_on)
        office.world.report = contracts.open_period(office.world.contract, month)
    office.file()


Act = Callable[[], tuple[int, str]]


def _at_once(acts: list[Act], *, first: Act) -> list[tuple[int, str]]:
    """Do them in threads that start together; the answer of `first` comes first."""
    barrier, answers = threading.Barrier(len(acts)), {}

    def run(act: Act) -> None:
        barrier.wait()
        answers[act] = act()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[first], *(answers[act] for act in acts if act is not first)]


# -- amended -----------------------------------------------------------------------------------------------------------


def approve(office: Office) -> None:
    report = office.report
    with transaction():
        reviews.decide(report, Decision.APPROVE, by=office.world.rita, version=report.version)


def begin_amending(office: Office, diesel: str = "") -> None:
    """Approved, opened by Anna for amendment, and its diesel changed."""
    anna = office.seat(office.world.anna)
    assert anna.submit(office.at("/amend"), office.at("/amend"), reason="Målerstanden var feil.")[0] == 303
    if diesel:
        change_diesel(office, diesel)


def change_diesel(office: Office, diesel: str) -> None:
    report = office.report
    rows = drafts.rows_of(report, contracts.kind_of(report, "machinery"))
    lines = [
        RawLine(row.key, {**row.raw, "amount": diesel} if row.raw["carrier"] == "diesel" else row.raw) for row in rows
    ]
    with transaction():
        drafts.save(report, "machinery", lines, by=office.world.anna, version=report.version)


def send(office: Office) -> None:
    report = office.report
    with transaction():
        reports.sign(report, by=office.world.bo, version=report.version)


def exported(office: Office) -> list[list[object]]:
    """The lines of machinery as the buyer takes them out."""
    db.session.rollback()
    book = openpyxl.load_workbook(BytesIO(exports.workbook(office.world.rita, "en")))
    return [[cell.value for cell in row] for row in book["Machinery"].iter_rows()]


def test_an_amendment_needs_a_reason_and_begins_as_it_was_approved(office: Office) -> None:
    office.file()
    anna = office.seat(office.world.anna)
    assert anna.call("POST", office.at("/amend"), {"version": str(office.report.version), "reason": "Nå."})[0] == 409
    approve(office)
    before = [line.values for line in lines_of(office.report.revisions[0])]
    status, page = anna.submit(office.at("/amend"), office.at("/amend"), reason=" ")
    assert status == 422
    assert "Say why the report is to be amended." in page
    assert anna.submit(office.at("/amend"), office.at("/amend"), reason="Målerstanden var feil.")[0] == 303
    report = office.report
    assert (report.state, report.accepted_number, open_tasks()) == (ReportState.AMENDING, 1, ["fill_in"])
    states = [drafts.state_of(report, section) for section in report.sections]
    assert [line.values for line in states[0].lines] == before
    assert (states[1].section.answer, states[1].section.reason) == ("nothing", "Ingen leveranser.")
    assert "Målerstanden var feil." in anna.call("GET", office.at())[1]
    clock.move_to(report.due_at.replace(year=2027))
    tick()
    assert list(db.session.scalars(select(Deviation))) == [], "what was approved is not overdue"
    assert "Overdue" not in anna.call("GET", "/reports")[1]


def test_what_was_approved_is_in_force_until_the_amendment_is(office: Office) -> None:
    office.file()
    approve(office)
    begin_amending(office, MUCH_DIESEL)
    assert (office.report.accepted or Revision()).number == 1
    before = exported(office)
    send(office)
    report = office.report
    assert (report.state, report.accepted_number, open_tasks()) == (ReportState.SUBMITTED, 1, ["review"])
    assert exported(office) == before
    assert (report.revisions[1].amendment_reason, report.revisions[1].late_by_days) == ("Målerstanden var feil.", 0)
    assert list(db.session.scalars(select(Deviation))) == []
    rita = office.seat(office.world.rita)
    assert "Målerstanden var feil." in rita.call("GET", office.at("/review"))[1]
    assert "Målerstanden var feil." in _letter_to(office, "rita@prove.example", "It amends")
    approve(office)
    report = office.report
    assert (report.state, report.accepted_number, report.amendment_reason) == (ReportState.APPROVED, 2, "")
    assert {section.accepted_revision_id for section in report.sections} == {report.revisions[1].id}
    assert case_of(office.world).facts["revision"] == 2, "the breach is new"
    assert exported(office) != before
    assert list(audit.broken_links()) == []


def _letter_to(office: Office, address: str, holds: str) -> str:
    bodies = db.session.scalars(select(OutgoingMail.body).where(OutgoingMail.to_address == address))
    return next(body for body in bodies if holds in body)


def test_a_known_breach_is_told_anew_and_one_that_is_gone_is_noted(office: Office) -> None:
    office.file(diesel=MUCH_DIESEL)
    approve(office)
    found = case_of(office.world)
    begin_amending(office, "8000")
    send(office)
    approve(office)
    db.session.expire_all()
    again = case_of(office.world)
    assert (again.id, again.facts["revision"]) == (found.id, 2)
    begin_amending(office, "1000")
    send(office)
    approve(office)
    db.session.expire_all()
    gone = case_of(office.world)
    actions = [event.action for event, _person in audit.trail([gone], by=office.world.adam)]
    assert (gone.id, gone.facts["revision"]) == (found.id, 2), "the case stays as it was found"
    assert actions[-2:] == ["deviation.assessed_again", "deviation.not_found_again"]


def test_a_refused_amendment_changes_nothing(office: Office) -> None:
    office.file()
    approve(office)
    before = exported(office)
    begin_amending(office, MUCH_DIESEL)
    send(office)
    rita = office.seat(office.world.rita)
    status, _page = rita.submit(office.at("/review"), office.at("/review"), decision="reject", reasons="Ikke vist.")
    report = office.report
    assert (status, report.state, report.accepted_number, open_tasks()) == (303, ReportState.APPROVED, 1, [])
    assert processes.of(report).ended_at is not None
    assert list(db.session.scalars(select(Deviation))) == [], "an amendment that fails breaks no duty to report"
    assert office.letters("amendment_refused") == ["anna@prove.example", "bo@prove.example"]
    assert exported(office) == before
    page = office.seat(office.world.anna).call("GET", office.at())[1]
    assert "Not accepted" in page
    assert "Approved, in force" in page
    begin_amending(office)
    assert office.report.state == ReportState.AMENDING


def test_a_returned_amendment_opens_what_was_commented(office: Office) -> None:
    office.file()
    approve(office)
    begin_amending(office, "1100")
    send(office)
    report = office.report
    row = next(line for line in lines_of(report.revisions[1]) if line.values["carrier"]["value"] == "diesel")
    with transaction():
        reviews.decide(
            report,
            Decision.RETURN,
            by=office.world.rita,
            version=report.version,
            corrections=[Correction("machinery", row.key, "amount", "Legg ved bilde.")],
        )
    report = office.report
    assert (report.state, report.accepted_number) == (ReportState.RETURNED, 1)
    clock.move_to(report.due_at.replace(year=2027))
    tick()
    assert list(db.session.scalars(select(Deviation))) == []
    assert drafts.open_columns(report, contracts.kind_of(report, "machinery"), row.key) == {"amount", "amount_source"}
    change_diesel(office, "1050")
    send(office)
    approve(office)
    assert (office.report.accepted_number, len(office.report.revisions)) == (3, 3)


@pytest.mark.parametrize("ready", [False, True])
def test_the_supplier_can_drop_an_amendment(office: Office, ready: bool) -> None:
    office.file()
    approve(office)
    begin_amending(office, MUCH_DIESEL)
    if ready:
        report = office.report
        with transaction():
            reports.make_ready(report, by=office.world.anna, version=report.version)
    anna = office.seat(office.world.anna)
    drop = office.at("/amend/drop")
    assert drop in anna.call("GET", office.at())[1]
    assert anna.submit(drop, drop)[0] == 303
    report = office.report
    assert (report.state, report.accepted_number, report.amendment_reason) == (ReportState.APPROVED, 1, "")
    assert (open_tasks(), len(report.revisions)) == ([], 1)
    assert anna.call("POST", drop, {"version": str(report.version)})[0] == 409


def test_a_withheld_and_a_withdrawn_amendment_are_amended_further(office: Office) -> None:
    office.file()
    approve(office)
    begin_amending(office, "1100")
    report = office.report
    with transaction():
        reports.make_ready(report, by=office.world.anna, version=report.version)
    with transaction():
        reports.withhold(report, "Ikke ennå.", by=office.world.bo, version=report.version)
    assert office.report.state == ReportState.AMENDING
    send(office)
    due = office.report.due_at
    bo = office.seat(office.world.bo)
    assert bo.submit(office.at("/withdraw"), office.at("/withdraw"))[0] == 303
    assert (office.report.state, office.report.due_at, office.report.accepted_number) == (ReportState.AMENDING, due, 1)


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
    zone = revision.signed_at.astimezone(ZoneInfo("Europe/Oslo"))
    assert f"{zone:%H:%M:%S}" in said, "the time is the contract's"
    assert pdf(bo, path)[2] == content, "the same revision is the same file"
    approve(office)
    assert pdf(bo, path)[2] == content, "whatever came after"


def test_the_receipt_is_in_the_readers_language_and_for_the_parties_only(office: Office) -> None:
    office.file()
    with transaction():
        office.world.rita.person.language = "nb"
    path = f"/reports/revisions/{office.report.revisions[0].public_id}/receipt"
    rita = office.seat(office.world.rita)
    content = pdf(rita, f"{path}.pdf")[2]
    root = PdfReader(BytesIO(content)).trailer["/Root"]
    assert root["/Lang"] == "nb"
    assert "Maskiner" in text_of(content)
    stranger = office.seat(office.world.stranger)
    assert [stranger.call("GET", path)[0], pdf(stranger, f"{path}.pdf")[0]] == [404, 404]


def test_every_revision_keeps_its_receipt(office: Office) -> None:
    office.file()
    bo = office.seat(office.world.bo)
    assert bo.submit(office.at("/withdraw"), office.at("/withdraw"))[0] == 303
    office.file(diesel="900")
    approve(office)
    first, second = office.report.revisions
    pages = [bo.call("GET", f"/reports/revisions/{each.public_id}/receipt")[1] for each in (first, second)]
    assert "This revision was withdrawn" in pages[0]
    assert "The report is approved" in pages[1]
    assert str(second.public_id) in bo.call("GET", office.at("/receipt"))[1]
