"""The whole arc as five people live it in the browser: report, breach, notice, reply, sanction, closed case."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from email import message_from_bytes, policy
from functools import cached_property
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import openpyxl
import pytest
from babel.dates import format_date
from playwright.sync_api import Locator, expect
from sqlalchemy import select

from portal import calendars, tenancy
from portal.extensions import db, transaction
from portal.kinds import kind
from portal.model import FindingResult, Revision
from portal.operations import audit
from portal.operations.cases import notices, replies
from portal.operations.contracts import contracts
from portal.operations.entry import drafts
from portal.operations.figures import exports
from portal.operations.reports import revisions
from portal.text import Text
from portal.web.reports import reviews
from tests import postgres
from tests.browser.conftest import Visit, settle
from tests.browser.server import Portal, serving
from tests.browser.visitor import Visitor, Words
from tests.mail_server import MailServer
from tests.world import IN_APRIL, MARCH, World, submit

pytestmark = pytest.mark.browser

MACHINERY, FUEL = kind("machinery"), kind("fuel")
FEBRUARY = date(2026, 2, 1)
DIESEL, ELECTRIC = "DI-2", "EL-1"
NATIONAL_INVENTORY = Text("Norges klimagassregnskap 2021", "Norway's National Inventory Report 2021")
DIRECT_EMISSIONS = Text(
    "Direkte utslipp der energien brukes (TTW), i kg CO2", "Direct emissions where the energy is used (TTW), in kg CO2"
)
BREACH = {
    "9": Text(
        "Utslippsfri andel av energien er 9 %. Kravet i punkt 4.2 er minst 20 %.",
        "Zero-emission share of energy is 9 %. Clause 4.2 asks for at least 20 %.",
    ),
    "7.6": Text(
        "Utslippsfri andel av energien er 7,6 %. Kravet i punkt 4.2 er minst 20 %.",
        "Zero-emission share of energy is 7.6 %. Clause 4.2 asks for at least 20 %.",
    ),
}
"""What 1 000 and 1 200 litres beside 1 000 kWh come to."""
REASON = "Ingen drivstoffleveranser i mars."
QUESTION = "Fakturaen sier 1 200 liter. Hva er riktig?"
REPLY = "Strømmen på byggeplassen kom tre uker for sent."
FILE_NAME, FILE_CONTENT = "Redegjørelse for mars.txt", "Strømmen kom 20. mars – se vedtaket.\n".encode()
TO_CORRECT = (
    "You must correct %(num)d error before you can go on",
    "You must correct %(num)d errors before you can go on",
)
END_OF_REPLY_TIME = date(2026, 4, 16)
"""Seven working days after Tuesday 7 April, the day the notice arrives."""


@dataclass
class Arc:
    """The portal, its small world, its mail, and everybody at their own browser."""

    portal: Portal
    world: World
    mail: MailServer
    words: Words
    visit: Visit
    scripts: bool
    checks: bool

    @cached_property
    def anna(self) -> Visitor:
        """Reporter."""
        return self.seat("anna")

    @cached_property
    def bo(self) -> Visitor:
        """Signatory."""
        return self.seat("bo")

    @cached_property
    def rita(self) -> Visitor:
        """Reviewer."""
        return self.seat("rita")

    @cached_property
    def adam(self) -> Visitor:
        """Administrator."""
        return self.seat("adam")

    @cached_property
    def dora(self) -> Visitor:
        """Decision-maker."""
        return self.seat("dora")

    def seat(self, name: str) -> Visitor:
        """Somebody signed in at a browser of their own."""
        seated = self.visit(self.portal, self.words.language, scripts=self.scripts, checks=self.checks)
        return seated.signs_in(f"{name}@prove.example")

    def month(self, first: date) -> str:
        """A month as the pages name it."""
        return format_date(first, "LLLL y", locale=self.words.language)

    def task(self, verb: str) -> re.Pattern[str]:
        """The link in the work list that leads to something about March."""
        return re.compile(rf"^{re.escape(verb)}\s*: Prøveskolen, {self.month(MARCH)}$")

    def cell(self, column: str, machine: str) -> Locator:
        """An input of the machinery grid."""
        return self.anna.cell("machinery", column, machine)


@pytest.fixture
def arc(request: pytest.FixtureRequest, tmp_path: Path, visit: Visit, mail_server: MailServer) -> Iterator[Arc]:
    """The small world in April, with last month's report waiting for review already."""
    database, language, scripts, checks = request.param
    url = request.getfixturevalue("sqlite_url" if database == "sqlite" else "postgres_url")
    url = postgres.as_role(url, tenancy.WORKER_ROLE)
    with serving(url, tmp_path, mail_url=mail_server.url, with_worker=True) as portal:
        world = settle(portal, language, FEBRUARY)
        _file_february(portal, world)
        portal.wait_until(IN_APRIL)
        yield Arc(portal, world, mail_server, Words(language), visit, scripts, checks)


def _file_february(portal: Portal, world: World) -> None:
    """A good report for the month before, so that the queue holds two, and March has something to be compared with."""
    march = world.report
    with portal.app.app_context():
        with transaction() as writing:
            world.report = contracts.open_period(writing.merge(world.contract), calendars.month_of(FEBRUARY))
        submit(world)
    world.report = march


@pytest.mark.parametrize(
    "arc",
    [
        pytest.param(("sqlite", "nb", True, True), id="sqlite-bokmål"),
        pytest.param(
            ("postgresql", "en", True, True), id="postgresql-english", marks=[pytest.mark.postgres, pytest.mark.soak]
        ),
        pytest.param(("sqlite", "nb", False, False), id="sqlite-without-javascript", marks=pytest.mark.soak),
    ],
    indirect=True,
)
def test_from_a_month_of_work_to_a_closed_case(arc: Arc) -> None:
    anna_fills_in_the_machines(arc)
    anna_has_no_fuel_to_report(arc)
    anna_checks_the_answers(arc)
    bo_signs(arc, revision=1)
    rita_returns_one_value(arc)
    anna_corrects_it_and_nothing_else(arc)
    bo_signs(arc, revision=2)
    rita_approves(arc)
    adam_sends_a_notice(arc)
    the_notice_arrives(arc)
    bo_replies_with_a_file(arc)
    adam_proposes_a_sanction(arc)
    dora_sends_it_back(arc)
    adam_proposes_again(arc)
    dora_approves(arc)
    the_case_is_closed(arc)
    adam_takes_out_the_figures(arc)
    a_stranger_finds_nothing(arc)
    with arc.portal.app.app_context():
        assert list(audit.broken_links()) == []


# -- the report --------------------------------------------------------------------------------------------------------


def anna_fills_in_the_machines(arc: Arc) -> None:
    anna, words = arc.anna, arc.words
    anna.reads("My tasks").looks()
    anna.follows(arc.task(words("Fill in the report"))).looks()
    anna.follows("Fill in “%(part)s”", part=words.of(MACHINERY.title)).looks()
    fill_the_grid(arc, hours=("100", "120"), amount=("1000 liter", "1 000"), amount_source=("invoice", "metered"))
    anna.presses("Save draft")
    expect(anna.page).to_have_title(re.compile(f"^{words('Error:')} "))
    summary = anna.page.get_by_role("region", name=words.many(*TO_CORRECT, 1))
    expect(summary).to_contain_text("1000 liter")
    amount = arc.cell("amount", DIESEL)
    expect(amount).to_have_value("1000 liter")
    expect(amount).to_have_attribute("aria-invalid", "true")
    expect(arc.cell("amount", ELECTRIC)).to_have_value("1 000")
    if arc.scripts:
        expect(summary).to_be_focused()
        summary.get_by_role("link").press("Enter")
        expect(amount).to_be_focused()
    anna.looks()
    amount.fill("1000")
    anna.presses("Save draft")
    anna.reads("“%(part)s” is saved.", part=words.of(MACHINERY.title)).looks()


def fill_the_grid(arc: Arc, **columns: tuple[str, str]) -> None:
    """Column by column, with keys alone where there is JavaScript: Enter goes to the row below."""
    initials = {choice.key: arc.words.of(choice.label)[0] for choice in MACHINERY.column("amount_source").choices}
    for column, values in columns.items():
        arc.cell(column, DIESEL).focus()
        for machine, value in zip((DIESEL, ELECTRIC), values, strict=True):
            if arc.scripts:
                expect(arc.cell(column, machine)).to_be_focused()
                arc.anna.page.keyboard.type(initials.get(value, value))
                arc.anna.page.keyboard.press("Enter")
            elif value in initials:
                arc.cell(column, machine).select_option(value)
            else:
                arc.cell(column, machine).fill(value)
    for column, values in columns.items():
        for machine, value in zip((DIESEL, ELECTRIC), values, strict=True):
            expect(arc.cell(column, machine)).to_have_value(value)


def anna_has_no_fuel_to_report(arc: Arc) -> None:
    anna, words = arc.anna, arc.words
    anna.follows("Fill in “%(part)s”", part=words.of(FUEL.title)).looks()
    anna.chooses("No, nothing to report in this period")
    anna.presses("Save draft")
    anna.sees(words.of(drafts.SAY_WHY_NOTHING)).looks()
    anna.writes("Why is there nothing to report?", REASON)
    anna.presses("Save draft")
    anna.reads("“%(part)s” is saved.", part=words.of(FUEL.title))


def anna_checks_the_answers(arc: Arc) -> None:
    """1 000 kWh, and 1 000 l of 10.08 kWh and 2.66 kg CO2 each: 11 080 kWh, 9.0 % of it zero-emission, 2 660 kg CO2."""
    anna, words = arc.anna, arc.words
    anna.follows("Check, and hand over for signature").looks()
    for indicator, value in (
        ("energy", "11 080 kWh"),
        ("emissions_co2", "2 660 kg CO2"),
        ("zero_emission_share_energy", "9 %"),
    ):
        row = (
            anna.row(words.of(MACHINERY.indicator(indicator).title)).filter(has_text=words.of(NATIONAL_INVENTORY)).first
        )
        expect(row).to_contain_text(value)
    anna.reads("What the figures rest on").sees(words.of(DIRECT_EMISSIONS), REASON)
    anna.sees(words.many("These figures break %(num)d requirement in the contract", "", 1), words.of(BREACH["9"]))
    anna.presses("Ready to sign")
    anna.reads("The report is ready. The signatory has been told.").looks()


def bo_signs(arc: Arc, revision: int) -> None:
    bo = arc.bo.goes_to("/")
    bo.follows(arc.task(arc.words("Sign and send the report"))).looks()
    bo.presses("Sign and send")
    bo.reads("The report is received").sees(f"K-1/2026-03/{revision}", "Bo Prøve").looks()
    printed = "".join(bo.main.locator("code").inner_text().split())
    with arc.portal.app.app_context():
        frozen = db.session.scalars(select(Revision).where(Revision.hash == printed)).one()
        assert (frozen.number, frozen.report_id, revisions.content_hash(frozen.report, frozen)) == (
            revision,
            arc.world.report.id,
            printed,
        )


# -- the review --------------------------------------------------------------------------------------------------------


def rita_returns_one_value(arc: Arc) -> None:
    rita, words = arc.rita, arc.words
    rita.follows("Review queue").looks()
    march = rita.page.get_by_role("cell", name=arc.month(MARCH), exact=True)
    rita.main.get_by_role("row").filter(has=march).get_by_role("link").click()
    rita.sees(words("Broken"), "5 000 kWh").looks()
    rita.presses("Save and go to the next")
    rita.sees(words.of(reviews.CHOOSE)).looks()
    rita.page.get_by_role("link", name=f"{words('Comment on it')} {DIESEL}", exact=True).click()
    rita.field("What is it about?").select_option(label=words.of(MACHINERY.column("amount").label))
    rita.main.get_by_role("textbox", name=words("Comment"), exact=True).fill(QUESTION)
    rita.chooses("Must be corrected").looks()
    rita.presses("Save the comment").sees(QUESTION).looks()
    rita.chooses("Return for correction").looks()
    rita.presses("Save and go to the next")
    rita.reads("%(title)s: the report is returned for correction, and the supplier has been told.", title="Prøveskolen")
    expect(rita.page.get_by_role("heading", level=1)).to_contain_text(arc.month(FEBRUARY))
    rita.looks().chooses("Approve").presses("Save and go to the next")
    rita.reads("The queue is empty").looks()


def anna_corrects_it_and_nothing_else(arc: Arc) -> None:
    anna, words = arc.anna.goes_to("/"), arc.words
    anna.looks().follows(arc.task(words.many("Correct %(num)d line", "", 1))).looks()
    anna.follows("Correct “%(part)s”", part=words.of(MACHINERY.title))
    anna.reads("Everything else is locked.").sees(QUESTION).looks()
    expect(arc.cell("amount", DIESEL)).to_have_value("1000")
    expect(anna.main.get_by_role("textbox")).to_have_count(1)
    expect(anna.main.get_by_role("combobox")).to_have_accessible_name(words.cell("machinery", "amount_source", DIESEL))
    expect(anna.main.get_by_role("radio")).to_have_count(0)
    arc.cell("amount", DIESEL).fill("1200")
    anna.presses("Save draft").reads("“%(part)s” is saved.", part=words.of(MACHINERY.title)).looks()
    anna.follows("Check, and hand over for signature").sees(words.of(BREACH["7.6"]), "3 192 kg CO2").looks()
    anna.presses("Ready to sign").reads("The report is ready. The signatory has been told.")


def rita_approves(arc: Arc) -> None:
    rita, words = arc.rita.goes_to("/"), arc.words
    rita.follows(arc.task(words("Review the report")))
    corrected = rita.main.get_by_role("listitem").filter(has_text=QUESTION)
    expect(corrected).to_contain_text(words("Corrected"))
    expect(corrected).to_contain_text("1 000 l")
    expect(corrected).to_contain_text("1 200 l")
    share = rita.row(words.of(MACHINERY.indicator("zero_emission_share_energy").title)).filter(has_text=words("Broken"))
    expect(share).to_contain_text({"nb": "7,6 %", "en": "7.6 %"}[words.language])
    rita.sees(words.many("%(num)d deviation is opened, for the requirement that is broken.", "", 1)).looks()
    rita.chooses("Approve").presses("Save and go to the next")
    rita.reads("%(title)s: the report is approved.", title="Prøveskolen").reads("The queue is empty")


# -- the case ----------------------------------------------------------------------------------------------------------


def adam_sends_a_notice(arc: Arc) -> None:
    adam, words = arc.adam, arc.words
    adam.looks().follows(arc.task(words("Assess the deviation")))
    adam.sees(words.of(BREACH["7.6"])).looks()
    draft = adam.main.get_by_label(words("Point %(number)s", number=1)).input_value()
    assert words.of(BREACH["7.6"]) in draft.replace("\N{NO-BREAK SPACE}", " ")
    days = adam.field("Time to reply, in working days")
    days.fill("2")
    adam.presses("Send the notice").sees(words.of(notices.DAYS_OUT_OF_RANGE)).looks()
    expect(days).to_have_value("2")
    days.fill("7")
    adam.presses("Send the notice")
    adam.reads("The notice is on its way. The time to reply runs from when it counts as given.")


def the_notice_arrives(arc: Arc) -> None:
    """The worker hands the letters over; with the first of them the supplier's working days begin to run."""
    adam, words = arc.adam, arc.words
    adam.waits_for(lambda: adam.main.get_by_text(words("Waiting for the supplier's reply"), exact=True)).looks()
    expect(adam.page.locator(f"time[datetime^='{END_OF_REPLY_TIME}T21:59']").first).to_be_visible()
    subject = words("Notice of breach of clause %(clause)s, contract %(reference)s", clause="4.2", reference="K-1")
    adam.looks_after("Outgoing mail")
    letter = adam.row(subject).filter(has_text="bo@prove.example")
    adam.waits_for(lambda: letter.get_by_text(words("Sent"), exact=True)).looks()
    letter.get_by_role("link").click()
    adam.sees(
        words.of(BREACH["7.6"]),
        words("You have %(days)s working days to reply, counted from when you receive this notice.", days=7),
    )
    adam.looks()
    letters = [message_from_bytes(content, policy=policy.default) for content in arc.mail.taken]
    assert [letter["To"] for letter in letters if letter["Subject"] == subject].count("bo@prove.example") == 1


def bo_replies_with_a_file(arc: Arc) -> None:
    bo, words = arc.bo.goes_to("/"), arc.words
    bo.looks().follows(arc.task(words("Reply to the notice"))).looks()
    bo.presses("Send the reply").sees(words.of(replies.WRITE_SOMETHING))
    bo.chooses("We agree in part").writes("Your answer to this point", REPLY)
    bo.main.locator("input[name=reply-files]").set_input_files(
        {"name": FILE_NAME, "mimeType": "text/plain", "buffer": FILE_CONTENT}
    )
    bo.main.get_by_label(words("I have nothing more to add")).check()
    bo.presses("Send the reply").reads("Your reply is received, and is now assessed.").sees(FILE_NAME).looks()


def adam_proposes_a_sanction(arc: Arc) -> None:
    adam, words = arc.adam.goes_to("/"), arc.words
    adam.follows(arc.task(words("Assess the reply"))).sees(REPLY)
    assert adam.downloads(FILE_NAME) == FILE_CONTENT
    adam.chooses("Upheld").writes("Reasons", "Strøm er leverandørens ansvar.")
    adam.presses("Save what you hold of the points").looks()
    adam.unfolds(words("Propose a sanction"))
    adam.reads("Clause %(clause)s:", clause="7.1").sees("Gebyr per brudd.", "20\u00a0000\u00a0NOK").looks()
    proposal = adam.main.get_by_role("group").filter(
        has=adam.page.get_by_role("button", name=words("Propose the sanction"))
    )
    proposal.get_by_label(words("Reasons")).fill("Dårlig begrunnet.")
    adam.presses("Propose the sanction").reads("The sanction is proposed. Another person decides.").looks()


def dora_sends_it_back(arc: Arc) -> None:
    dora, words = arc.dora, arc.words
    dora.looks().follows(arc.task(words("Decide on the sanction")))
    dora.sees("Dårlig begrunnet.", "20 000 NOK").looks()
    dora.writes("Comment", "Svar på leverandørens forklaring.").presses("Send back")
    dora.reads("The proposal is sent back.").looks()


def adam_proposes_again(arc: Arc) -> None:
    adam, words = arc.adam.goes_to("/"), arc.words
    adam.follows(arc.task(words("Revise the proposed sanction"))).sees("Svar på leverandørens forklaring.").looks()
    adam.writes("Reasons", "Strøm er leverandørens ansvar etter punkt 3.1.").presses("Propose again")
    adam.reads("The sanction is proposed again.")


def dora_approves(arc: Arc) -> None:
    dora, words = arc.dora.goes_to("/"), arc.words
    dora.follows(arc.task(words("Decide on the sanction"))).sees("Strøm er leverandørens ansvar etter punkt 3.1.")
    dora.presses("Approve the sanction").reads("The sanction is decided, and the letter is on its way.")


def the_case_is_closed(arc: Arc) -> None:
    """The decision is delivered by the worker, and both sides read how it ended."""
    bo, words = arc.bo.goes_to("/"), arc.words
    bo.follows("Deviations")
    bo.waits_for(lambda: bo.main.get_by_text(words("No open deviations"), exact=True))
    bo.looks()
    bo.follows("See settled ones").looks()
    bo.row(words("clause %(clause)s", clause="4.2")).get_by_role("link").click()
    closed = words("Decided and delivered")
    bo.waits_for(lambda: bo.main.get_by_text(closed, exact=True))
    bo.sees("Dora Prøve", "Strøm er leverandørens ansvar etter punkt 3.1.", "20 000 NOK", FILE_NAME).looks()
    assert bo.downloads(FILE_NAME) == FILE_CONTENT
    arc.dora.page.reload()
    arc.dora.sees(closed).looks()


def adam_takes_out_the_figures(arc: Arc) -> None:
    adam, words = arc.adam, arc.words
    adam.follows("Reports").looks().follows("Take out figures").looks()
    book = openpyxl.load_workbook(BytesIO(adam.downloads(words("Download as Excel"))))
    headings, *rows = book[words.of(exports.SUMMARY)].iter_rows(values_only=True)
    found = [dict(zip(headings, row, strict=True)) for row in rows]
    of = {name: words.of(heading) for name, heading in exports.HEADINGS.items()}
    [march] = [row for row in found if (row[of["period"]], row[of["clause"]]) == ("2026-03", "4.2")]
    assert (march[of["contract"]], march[of["supplier"]], march[of["revision"]]) == (
        "K-1 Prøveskolen",
        "Annas Graving AS",
        2,
    )
    assert march[of["figure"]] == pytest.approx(100 * 1000 / (1000 + 1200 * 10.08), abs=0.01)
    assert (march[of["unit"]], march[of["result"]]) == ("%", words.of(exports.RESULT[FindingResult.BROKEN]))


def a_stranger_finds_nothing(arc: Arc) -> None:
    """Whoever is no party to the contract, whatever their roles."""
    file = arc.bo.main.get_by_role("link", name=FILE_NAME).get_attribute("href")
    stranger = arc.seat("sten")
    for path in (f"/reports/{arc.world.report.public_id}", urlsplit(arc.bo.page.url).path, str(file)):
        assert stranger.page.request.get(path).status == 404, path
