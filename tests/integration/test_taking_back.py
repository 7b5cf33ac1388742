"""Withdrawing what was sent and amending what was approved: over HTTP against a real server, on both databases."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select

from portal import calendars, clock
from portal.extensions import db, transaction
from portal.model import Decision, Deviation, OutgoingMail, Report, ReportState, Revision, RevisionLine
from portal.operations import audit, deadlines, processes
from portal.operations.contracts import contracts
from portal.operations.entry import drafts
from portal.operations.entry.drafts import RawLine
from portal.operations.figures import exports
from portal.operations.reports import reports, reviews, revisions
from portal.operations.reports.comments import Place
from tests.office import Office, open_office
from tests.reviewing import return_for
from tests.world import case_of, open_tasks, tick

MUCH_DIESEL = "9000"


@pytest.fixture
def office(make_app: Callable[..., Flask], everyday_database_url: str) -> Iterator[Office]:
    with open_office(make_app(everyday_database_url)) as office:
        yield office


@pytest.fixture
def busy_office(make_app: Callable[..., Flask], database_url: str) -> Iterator[Office]:
    """On each database in every run: where many act at once they differ."""
    with open_office(make_app(database_url)) as office:
        yield office


def lines_of(revision: Revision) -> list[RevisionLine]:
    return revision.lines_of("machinery")


# -- withdrawn ---------------------------------------------------------------------------------------------------------


def test_a_submitted_report_is_withdrawn_and_sent_again(office: Office) -> None:
    office.file()
    bo = office.seat(office.world.bo)
    assert office.at("/withdraw") in bo.call("GET", office.at())[1]
    status, _page = bo.submit(office.at("/withdraw"), office.at("/withdraw"), reason="Feil måler.")
    report = office.report
    assert (status, report.state, open_tasks()) == (303, ReportState.DRAFT, ["fill_in"])
    first = report.revisions[0]
    assert first.withdrawal is not None
    assert first.withdrawal.reason == "Feil måler."
    assert first.hash == revisions.content_hash(report, first), "it stays as it was signed"
    assert (report.review_due_at, report.due_at) == (None, max(report.period.due_at, _in_five_days(report)))
    assert office.letters("withdrawn") == ["rita@prove.example", "ruth@prove.example"]
    assert "Withdrawn" in bo.call("GET", office.at())[1]
    office.file(diesel="900")
    report = office.report
    assert [revision.number for revision in report.revisions] == [1, 2]
    with transaction():
        reviews.decide(report, Decision.APPROVE, by=office.world.rita, version=report.version)
    assert (office.report.accepted_number, list(audit.broken_links())) == (2, [])


def _in_five_days(report: Report) -> datetime:
    return deadlines.end_of_working_day(report.contract, deadlines.CORRECTION_WORKING_DAYS, clock.now())


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
    return_for(office.world.report, office.world.rita, (Place("machinery", row.key, "amount"), "Stemmer tallet?"))
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


def test_what_is_taken_back_again_is_due_when_the_page_said_it_would_be(office: Office) -> None:
    """Five working days the first time; after that the rest of the day, where its deadline is past."""
    page = office.at("/withdraw")
    clock.move_to(datetime(2026, 4, 20, 9, tzinfo=UTC))  # a Monday, after the deadline of the 17th
    office.file()
    bo = office.seat(office.world.bo)
    assert "the new revision is due 27 Apr 2026 at 23:59" in words_of(bo.call("GET", page)[1])
    assert bo.submit(page, page)[0] == 303
    assert office.report.due_at == datetime(2026, 4, 27, 21, 59, 59, tzinfo=UTC)
    office.file()
    clock.move_to(datetime(2026, 4, 29, 9, tzinfo=UTC))
    bo = office.seat(office.world.bo)  # nobody is signed in for so long
    said = words_of(bo.call("GET", page)[1])
    assert "the new revision is due 29 Apr 2026 at 23:59. It has been withdrawn before" in said
    assert bo.submit(page, page)[0] == 303
    assert office.report.due_at == datetime(2026, 4, 29, 21, 59, 59, tzinfo=UTC)
    clock.move_to(clock.now() + timedelta(minutes=20))
    tick()
    office.file()
    assert list(db.session.scalars(select(Deviation.cause_group))) == ["reporting"], "late at first, and not again"


def test_what_is_taken_back_again_before_its_deadline_keeps_it(office: Office) -> None:
    bo, page = office.seat(office.world.bo), office.at("/withdraw")
    for _time in ("first", "again"):
        office.file()
        assert bo.submit(page, page)[0] == 303
    assert office.report.due_at == office.report.period.due_at


def words_of(page: str) -> str:
    """A page as it is read."""
    return " ".join(re.sub(r"<[^>]+>", "", page).split())


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
def test_withdrawing_and_reviewing_at_once_has_one_winner(busy_office: Office, opponent: str) -> None:
    office = busy_office
    bo, rita = office.seat(office.world.bo), office.seat(office.world.rita)
    outcomes = set()
    for number in range(6):
        office.file() if number == 0 or office.report.state == ReportState.DRAFT else _next_month(office)
        seen = {"version": str(office.report.version)}
        acts: list[Act] = [partial(bo.call, "POST", office.at("/withdraw"), seen)]
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
    office.approve()
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
    office.approve()
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
    office.approve()
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
    office.approve()
    found = case_of(office.world)
    begin_amending(office, "8000")
    send(office)
    office.approve()
    db.session.expire_all()
    again = case_of(office.world)
    assert (again.id, again.facts["revision"]) == (found.id, 2)
    begin_amending(office, "1000")
    send(office)
    office.approve()
    db.session.expire_all()
    gone = case_of(office.world)
    actions = [event.action for event, _person in audit.trail([gone], by=office.world.adam)]
    assert (gone.id, gone.facts["revision"]) == (found.id, 2), "the case stays as it was found"
    assert actions[-3:] == ["deviation.assessed_again", "deviation.not_found_again", "deviation.fell_away"]


def test_a_refused_amendment_changes_nothing(office: Office) -> None:
    office.file()
    office.approve()
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
    office.approve()
    begin_amending(office, "1100")
    send(office)
    report = office.report
    row = next(line for line in lines_of(report.revisions[1]) if line.values["carrier"]["value"] == "diesel")
    return_for(report, office.world.rita, (Place("machinery", row.key, "amount"), "Legg ved bilde."))
    report = office.report
    assert (report.state, report.accepted_number) == (ReportState.RETURNED, 1)
    clock.move_to(report.due_at.replace(year=2027))
    tick()
    assert list(db.session.scalars(select(Deviation))) == []
    assert drafts.open_columns(report, contracts.kind_of(report, "machinery"), row.key) == {"amount", "amount_source"}
    change_diesel(office, "1050")
    send(office)
    office.approve()
    assert (office.report.accepted_number, len(office.report.revisions)) == (3, 3)


@pytest.mark.parametrize("ready", [False, True])
def test_the_supplier_can_drop_an_amendment(office: Office, ready: bool) -> None:
    office.file()
    office.approve()
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
    office.approve()
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
