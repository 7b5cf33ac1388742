"""The buyer's pages, asked for over HTTP: what they show, to whom, and what becomes of what was typed."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.extensions import db, transaction
from portal.model import Decision, Deviation, Evidence, OutgoingMail, Sanction
from portal.operations.cases import sanctions
from portal.operations.reports import reports, reviews
from portal.operations.reports.comments import Place
from tests import casework
from tests.reviewing import return_for
from tests.signing_in import enter, equip, stored_once
from tests.world import World, build_world, case_of, deliver_mail, submit

PASSWORD = "ni grå traktorer"
WORDS = re.compile(r"<[^>]+>")


@dataclass
class Site:
    """The application on the small world, by its addresses; everybody reads English."""

    app: Flask
    review: str
    contract: str
    case: str

    def browser(self, name: str) -> FlaskClient:
        client = self.app.test_client()
        form = {"email": f"{name}@prove.example", "password": PASSWORD}
        answer = enter(client.get, lambda path, values: client.post(path, data=values), form)
        assert answer.status_code == 303
        return client

    def get(self, name: str, path: str) -> TestResponse:
        return self.browser(name).get(path)


Made = Callable[..., Site]


@pytest.fixture
def site(make_app: Callable[..., Flask], sqlite_url: str) -> Made:
    """Makes the world as it is after some steps: site(submit, returned)."""

    def made(*steps: Callable[[World], object]) -> Site:
        app = make_app(sqlite_url)
        with app.app_context():
            with transaction():
                world = build_world()
                kept = stored_once(PASSWORD)
                for member in (world.anna, world.bo, world.stranger, world.rita, world.ruth, world.adam, world.dora):
                    member.person.password, member.person.language = kept, "en"
                equip(*(by.person for by in (world.bo, world.stranger, world.rita, world.ruth, world.adam, world.dora)))
            for step in steps:
                step(world)
            found = db.session.scalars(select(Deviation).where(Deviation.clause == "4.2")).one_or_none()
            return Site(
                app=app,
                review=f"/reports/{world.report.public_id}/review",
                contract=str(world.contract.public_id),
                case=f"/cases/{found.public_id}" if found else "",
            )

    return made


def words(answer: TestResponse) -> str:
    """A page as it is read."""
    return " ".join(html.unescape(WORDS.sub(" ", answer.text)).replace("\u00a0", " ").split())


def breached(world: World) -> None:
    submit(world, diesel="9000")


def returned(world: World) -> None:
    about = UUID(world.machines["DI-2"])
    return_for(world.report, world.rita, (Place("machinery", about, "amount"), "Stemmer ikke med fakturaen."))


def filed_again(world: World) -> None:
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version)
    with transaction():
        reports.sign(world.report, by=world.bo, version=world.report.version)


def approved(world: World) -> None:
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.rita, version=world.report.version)
    deliver_mail()


def notified(world: World) -> None:
    casework.give_notice(world, case_of(world))
    deliver_mail()


def replied(world: World) -> None:
    deviation = case_of(world)
    casework.reply(world, deviation)
    casework.weigh(world, deviation)


def proposed(world: World) -> None:
    deviation = case_of(world)
    with transaction():
        sanctions.propose(deviation, "Indre vurdering.", by=world.adam, version=deviation.version)


def decided(world: World) -> None:
    sanction = case_of(world).sanction
    assert sanction is not None
    with transaction():
        sanctions.decide(sanction, approve=True, comment="Enig.", by=world.dora, version=sanction.version)


@pytest.fixture
def case(site: Made) -> Made:
    """A site with a breach, its case further on by some steps."""
    return lambda *steps: site(breached, approved, *steps)


# -- the queue


def test_the_queue_says_why_a_report_is_there(site: Made) -> None:
    page = words(site(breached).get("rita", "/queue"))
    assert "Prøveskolen K-1 Annas Graving AS March 2026" in page
    assert "New 1 requirement broken" in page


def test_a_corrected_report_is_told_from_a_new_one(site: Made) -> None:
    assert "Corrected, revision 2" in words(site(submit, returned, filed_again).get("rita", "/queue"))


def test_filters_live_in_the_address_and_each_can_be_lifted(site: Made) -> None:
    there = site(submit)
    contract = there.contract
    page = there.get("rita", f"/queue?contract={contract}&period=2026-03").text
    assert f'href="{there.review}?contract={contract}&amp;period=2026-03"' in page
    assert 'href="/queue?period=2026-03"' in page
    assert f'href="/queue?contract={contract}"' in page
    assert "No reports here" in words(there.get("rita", "/queue?period=2026-02"))
    assert (
        there.get("rita", "/queue?contract=x&supplier=y&period=2026-13&after=99999999999999999999").status_code == 200
    )


def test_an_empty_queue_says_so(site: Made) -> None:
    assert "The queue is empty" in words(site().get("rita", "/queue"))


def test_only_reviewers_of_the_buyer_review(site: Made) -> None:
    there = site(submit)
    assert [there.get(name, there.review).status_code for name in ("adam", "anna", "sten")] == [403, 403, 404]


# -- cases


def test_a_case_is_listed_with_whose_turn_it_is(case: Made) -> None:
    there = case(notified)
    said = words(there.get("adam", "/cases"))
    assert "Requirement broken, clause 4.2" in said
    assert "Waiting for the supplier's reply Annas Graving AS" in said
    assert "working days left" in said
    assert "No cases here" in words(there.get("adam", "/cases?state=dismissed"))
    assert "Requirement broken" not in words(there.get("sten", "/cases?state=all"))


def test_the_notice_is_drafted_checked_and_sent(case: Made) -> None:
    there = case()
    adam = there.browser("adam")
    page = adam.get(there.case)
    assert "Notice of breach of contract, clause 4.2" in page.text
    form = dict(re.findall(r'name="(notice-version)" value="(\d+)"', page.text))
    points = {"notice-points-0": "Mitt punkt."}
    refused = adam.post(
        f"{there.case}/notice", data={**form, **points, "notice-text": "Mitt varsel.", "notice-working_days": "2"}
    )
    assert refused.status_code == 422
    assert 'href="#notice-working_days"' in refused.text
    assert "Mitt varsel." in refused.text
    text = "You have 10 working days to reply, counted from when you receive this notice."
    sent = adam.post(f"{there.case}/notice", data={**form, **points, "notice-text": text, "notice-working_days": "15"})
    assert sent.status_code == 303
    with there.app.app_context():
        notice = _case().notices[-1]
        assert (notice.reply_working_days, notice.text) == (15, text.replace("10", "15"))
    again = adam.post(
        f"{there.case}/dismiss", data={"dismiss-version": form["notice-version"], "dismiss-reason": "Nei."}
    )
    assert again.status_code == 409
    assert "The case has changed since you opened the page." in words(again)


def test_the_supplier_replies_with_files_that_only_the_parties_get(case: Made) -> None:
    there = case(notified)
    bo = there.browser("bo")
    assert "Your reply" in words(bo.get(there.case))
    empty = bo.post(f"{there.case}/reply", data={})
    assert (empty.status_code, "Write an answer, or attach a file." in words(empty)) == (422, True)
    program = {"reply-text": "Se vedlegg.", "reply-files": (BytesIO(b"MZ\x90"), "program.exe")}
    refused = bo.post(f"{there.case}/reply", data=program, content_type="multipart/form-data")
    assert (refused.status_code, "Se vedlegg." in refused.text) == (422, True)
    page = {"reply-text": "Se vedlegg.", "reply-files": (BytesIO(b"Uke 14"), "../lader.txt")}
    assert bo.post(f"{there.case}/reply", data=page, content_type="multipart/form-data").status_code == 303
    with there.app.app_context():
        file = db.session.scalars(select(Evidence)).one()
        assert file.name == "lader.txt"
        address = f"/evidence/{file.public_id}"
    answer = there.get("adam", address)
    assert (answer.status_code, answer.data) == (200, b"Uke 14")
    assert answer.headers["Content-Disposition"] == "attachment; filename=lader.txt"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert there.get("sten", address).status_code == 404
    assert address in there.get("adam", there.case).text


def test_a_proposal_is_the_buyer_s_own_until_it_is_decided(case: Made) -> None:
    there = case(notified, replied, proposed)
    assert "Indre vurdering." in words(there.get("adam", there.case))
    said = words(there.get("bo", there.case))
    assert "Indre vurdering." not in said
    assert "The amount was calculated" not in said
    assert "considering a sanction" not in said
    assert "Prøveby kommune is assessing the reply." in said


def test_what_was_said_inside_the_buyer_stays_there_when_it_is_decided(case: Made) -> None:
    def sent_back_and_revised(_world: World) -> None:
        sanction = _case().sanction
        assert sanction is not None
        with transaction():
            sanctions.decide(sanction, approve=False, comment="For tynt.", by=_world.dora, version=sanction.version)
        with transaction():
            sanctions.revise(sanction, "Endelig vurdering.", withdraw=False, by=_world.adam, version=sanction.version)

    there = case(notified, replied, proposed, sent_back_and_revised, decided)
    assert "For tynt." in words(there.get("adam", there.case))
    said = words(there.get("bo", there.case))
    assert "Endelig vurdering." in said
    assert "The sanction was decided" in said
    assert "For tynt." not in said
    assert "Indre vurdering." not in said


def test_the_second_person_sees_the_calculation_and_decides(case: Made) -> None:
    there = case(notified, replied, proposed)
    dora = there.browser("dora")
    page = dora.get(there.case)
    assert "Amount = fee × number of breaches 20 000 NOK" in words(page)
    found = re.search(r'action="(/cases/sanctions/[^"]+/decide)"', page.text)
    assert found
    version = dict(re.findall(r'name="(decide-version)" value="(\d+)"', page.text))
    back = dora.post(found[1], data={**version, "send_back": "1"})
    assert (back.status_code, "Write your reasons." in words(back)) == (422, True)
    assert dora.post(found[1], data={**version, "approve": "1", "decide-comment": "Enig."}).status_code == 303
    late = dora.post(found[1], data={**version, "approve": "1"})
    assert (late.status_code, "Dora Prøve has already decided the case." in words(late)) == (409, True)
    assert "Indre vurdering." in words(there.get("bo", there.case))


def test_the_proposer_reads_why_somebody_else_decides(case: Made) -> None:
    def adam_decides_too(world: World) -> None:
        with transaction():
            world.adam.role_codes = ["administrator", "decision_maker"]

    there = case(notified, replied, proposed, adam_decides_too)
    page = there.get("adam", there.case)
    assert "You proposed this sanction yourself." in words(page)
    assert "decide-comment" not in page.text


def test_a_case_without_a_clause_offers_no_sanction(case: Made) -> None:
    def without_clause(_world: World) -> None:
        with transaction() as session:
            for clause in list(case_of(_world).contract.clauses):
                session.delete(clause)

    there = case(notified, replied, without_clause)
    page = there.get("adam", there.case)
    assert "The contract has no sanction clause for this requirement, so no sanction can be proposed." in words(page)
    assert "propose-reason" not in page.text
    assert "close-reason" in page.text


def test_a_closed_case_tells_how_it_ended(case: Made) -> None:
    def delivered(_world: World) -> None:
        deliver_mail()

    there = case(notified, replied, proposed, decided, delivered)
    said = words(there.get("bo", there.case))
    assert "How it ended With a sanction" in said
    assert "by e-mail to anna@prove.example" in said
    with there.app.app_context():
        assert db.session.scalars(select(Sanction)).one().decided_by is not None
        assert _case().state == "closed"


# -- letters and figures


def test_letters_are_shown_to_administrators_only(case: Made) -> None:
    there = case(notified)
    page = there.get("adam", "/mail")
    assert "nothing leaves this machine" in words(page)
    found = re.search(r'href="(/mail/[0-9a-f-]{36})"[^>]*>Notice of breach', page.text)
    assert found
    letter = there.get("adam", found[1])
    assert "Time to reply: 5 working days from delivery" in words(letter)
    assert [there.get(name, "/mail").status_code for name in ("rita", "bo")] == [403, 403]
    assert there.get("sten", found[1]).status_code == 404


def test_the_outbox_of_one_buyer_holds_nobody_else_s_letters(case: Made) -> None:
    there = case(notified)
    with there.app.app_context():
        total = len(db.session.scalars(select(OutgoingMail.id).where(OutgoingMail.for_buyer)).all())
        assert total < len(db.session.scalars(select(OutgoingMail.id)).all())
    assert there.get("adam", "/mail").text.count('href="/mail/') == total


def test_figures_are_taken_out_for_the_months_chosen(case: Made) -> None:
    there = case()
    rita = there.browser("rita")
    contract = there.contract
    answer = rita.get(f"/exports/reports.xlsx?contract={contract}&first=2026-03&last=2026-03")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=klimakontrakt-")
    assert answer.data.startswith(b"PK\x03\x04")
    wrong = rita.get("/exports/reports.xlsx?first=2026-03&last=2026-01", follow_redirects=True)
    assert (wrong.status_code, wrong.request.path) == (422, "/exports")
    assert "The last month cannot be before the first month." in words(wrong)
    assert rita.get(f"/exports/reports.xlsx?contract={uuid4()}").status_code == 303


def _case() -> Deviation:
    return db.session.scalars(select(Deviation).where(Deviation.clause == "4.2")).one()
