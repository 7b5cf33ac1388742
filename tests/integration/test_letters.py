"""The words of letters: a notice drafted from the facts of its case, and every letter in both languages."""

import re
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask_babel import force_locale
from sqlalchemy import select

from portal import calendars, clock, resources
from portal.extensions import db, transaction
from portal.model import ClauseCounts, Decision, Deviation, OutgoingMail, Role
from portal.model.cases import SETTLED
from portal.operations import accounts, mail, time_asked
from portal.operations.cases import letters, sanctions
from portal.operations.contracts import contracts
from portal.operations.entry import drafts, trade_secrets
from portal.operations.people import invitations
from portal.operations.reports import amendments, chasing, extensions, reports, reviews, rulings, withdrawals
from portal.operations.reports.comments import Place
from portal.operations.reports.rulings import Word
from tests import casework
from tests.handover import hand_over, reopen
from tests.reviewing import return_for
from tests.world import World, case_of, deliver_mail, fill_in, machine_lines, submit, tick

LETTERS = sorted(
    body.parent.name
    for body in (resources.TEMPLATES / "email").glob("*/body.txt")
    if "personal.txt" not in body.read_text(encoding="utf-8")
)
"""All but those about somebody's own account, which are about no contract: test_own_account has these."""


ADDRESS = r"http://127\.0\.0\.1:8000/(reports|cases|contracts|more-time)/[0-9a-f-]{36}"


def breached(world: World, clause: str = "4.2") -> Deviation:
    """9 000 l of diesel break 4.2; a demand for zero emission is broken by DI-2 alone."""
    with transaction():
        next(duty for duty in world.contract.requirements if duty.clause == "4.3").threshold = "zero_emission"
    submit(world, diesel="9000")
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.rita, version=world.report.version)
    return case_of(world, clause)


def test_a_notice_names_clause_facts_sanction_deadline_and_how_to_answer(world: World) -> None:
    deviation = breached(world)
    with force_locale("en"):
        draft = letters.notice_draft(deviation)
    for fact in ("clause 4.2", "K-1", "Prøveskolen", "Annas Graving AS", "March 2026"):
        assert fact in draft
    assert "Under clause 7.1 a breach costs 20\u00a0000 NOK for the period." in draft
    assert "Gebyr per brudd." in draft
    assert "You have 10 working days to reply" in draft
    assert "open the case and write your reply there" in draft


def test_a_notice_is_written_in_the_language_of_whoever_writes_it(world: World) -> None:
    deviation = breached(world)
    with force_locale("nb"):
        draft = letters.notice_draft(deviation)
    with force_locale("nb"):
        assert letters.points_draft(deviation) == [(deviation.sentence["nb"], None)]
    assert "mars 2026" in draft


def test_the_sentence_on_the_deadline_follows_the_number_of_days(world: World) -> None:
    deviation = breached(world)
    with force_locale("en"):
        changed = letters.with_deadline(letters.notice_draft(deviation), deviation.contract, 15)
        assert letters.deadline_sentence(deviation.contract, 15) in changed
        assert letters.deadline_sentence(deviation.contract, 10) not in changed
        assert letters.with_deadline("My own words.", deviation.contract, 15) == "My own words."


def test_lines_are_named_where_each_of_them_breaks_the_requirement(world: World) -> None:
    deviation = breached(world, "4.3")
    assert letters.breaks_by_line(deviation)
    assert [line.name.en for line in letters.lines_behind(deviation)] == ["DI-2"]
    with force_locale("en"):
        [(point, line)] = letters.points_draft(deviation)
    assert point == f"{deviation.sentence['en']} DI-2: Diesel, Stage V, 100\u00a0h, 9\u00a0000\u00a0l"
    assert line == world.machines["DI-2"]


def test_a_share_that_is_too_low_names_what_holds_it_down_and_is_one_breach(world: World) -> None:
    deviation = breached(world)
    assert not letters.breaks_by_line(deviation)
    assert [line.name.nb for line in letters.lines_behind(deviation)] == ["DI-2"]
    assert deviation.facts["breaches"] == 1
    with force_locale("en"):
        assert letters.points_draft(deviation) == [(deviation.sentence["en"], None)]


def test_what_a_breach_may_cost(world: World) -> None:
    deviation = breached(world, "4.3")
    cost = letters.may_cost(deviation)
    assert cost is not None
    assert (cost.clause.clause, cost.breaches, cost.amount) == ("7.1", 1, Decimal(20000))
    with transaction():
        world.contract.clauses[0].counts = ClauseCounts.LINE
        deviation.facts = {**deviation.facts, "breaches": 3}
    cost = letters.may_cost(deviation)
    assert cost is not None
    assert (cost.breaches, cost.amount) == (3, Decimal(60000))
    with force_locale("en"):
        assert "With 3 lines that is 60\u00a0000 NOK." in letters.notice_draft(deviation)


def test_what_may_cost_is_what_a_sanction_then_costs(world: World) -> None:
    deviation = breached(world)
    promised = letters.may_cost(deviation)
    assert promised is not None
    casework.give_notice(world, deviation)
    deliver_mail()
    casework.reply(world, deviation)
    casework.weigh(world, deviation)
    with transaction():
        sanction = sanctions.propose(deviation, "Likevel.", by=world.adam, version=deviation.version)
    assert sanction.amount == promised.amount


def test_a_requirement_without_a_sanction_clause_says_so(world: World) -> None:
    deviation = breached(world)
    with transaction() as session:
        for clause in list(world.contract.clauses):
            session.delete(clause)
    db.session.expire_all()
    assert letters.may_cost(deviation) is None
    with force_locale("en"):
        assert "The contract has no sanction clause for this requirement." in letters.notice_draft(deviation)


def test_the_duty_to_report_has_no_threshold_and_no_lines(world: World) -> None:
    submit(world)
    with transaction():
        reviews.decide(
            world.report, Decision.REJECT, by=world.rita, version=world.report.version, reasons="Feil måned."
        )
    deviation = case_of(world, "5.1")
    assert letters.threshold(deviation) is None
    assert letters.lines_behind(deviation) == []
    with force_locale("en"):
        assert "was rejected in review: Feil måned." in letters.points_draft(deviation)[0].text


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[OutgoingMail]]:
    """Letter -> how it was written each time."""
    found: dict[str, list[OutgoingMail]] = defaultdict(list)
    write = mail.write

    def noted(to: Any, letter: str, *about: Any, **facts: Any) -> OutgoingMail:
        row = write(to, letter, *about, **facts)
        found[letter].append(row)
        return row

    monkeypatch.setattr(mail, "write", noted)
    return found


def sign_again(world: World) -> None:
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version)
    with transaction():
        reports.sign(world.report, by=world.bo, version=world.report.version)


def decided(world: World, decision: Decision, **words: Any) -> None:
    with transaction():
        reviews.decide(world.report, decision, by=world.rita, version=world.report.version, **words)


def whole_report(world: World) -> None:
    """Reminded, overdue, given back, filed late, reviewed late, rejected, returned, approved; an amendment refused."""
    with transaction():
        world.contract.notice_working_days = 10
    more_time(world)
    due_at = world.report.due_at
    for moment in (due_at - timedelta(days=1), due_at + timedelta(minutes=1), due_at + timedelta(days=10)):
        clock.move_to(moment)
        tick()
    clock.move_to(due_at + timedelta(days=11, hours=-1))
    with transaction():
        chasing.remind(world.adam, [world.report.public_id])
    fill_in(world, diesel="9000")
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version)
    with transaction():
        reports.withhold(world.report, "Se over timene.", by=world.bo, version=world.report.version)
    sign_again(world)
    assert world.report.review_due_at is not None
    clock.move_to(world.report.review_due_at + timedelta(minutes=1))
    tick()
    decided(world, Decision.REJECT, reasons="Feil måned.")
    sign_again(world)
    machine = Place("machinery", UUID(world.machines["DI-2"]), "amount")
    return_for(world.report, world.rita, (machine, "Kontroller mengden."))
    sign_again(world)
    decided(world, Decision.APPROVE, reasons="Takk.")


def more_time(world: World) -> None:
    """Asked for twice: refused, and granted, each after the buyer was reminded."""
    for answer in (extensions.refuse, None):
        with transaction():
            request = extensions.ask(world.report, date(2026, 4, 24), "Måleren er på service.", by=world.anna)
        with clock.at(clock.now() + timedelta(days=7)), transaction():
            time_asked.chase(request.id)
        with transaction():
            if answer:
                answer(request, "Vi trenger tallene.", by=world.adam)
            else:
                extensions.grant(request, date(2026, 4, 20), "Tre dager.", by=world.adam)


def refused_amendment(world: World) -> None:
    """Proposed, sent, withdrawn, sent again, refused."""
    with transaction():
        amendments.propose(world.report, "Målerstanden var feil.", by=world.anna, version=world.report.version)
    sign_again(world)
    with transaction():
        withdrawals.withdraw(world.report, "En linje til.", by=world.bo, version=world.report.version)
    sign_again(world)
    decided(world, Decision.REJECT, reasons="Ikke dokumentert.")


def healing_amendment(world: World) -> None:
    """Accepted, and it no longer shows the breach."""
    with transaction():
        amendments.propose(world.report, "Målerstanden var feil.", by=world.anna, version=world.report.version)
    lines = machine_lines(world)
    with transaction():
        drafts.save(world.report, "machinery", lines, by=world.anna, version=world.report.version)
    with transaction():
        trade_secrets.mark(world.report, "machinery", ["files"], "Prisavtale.", by=world.anna)
    sign_again(world)
    decided(world, Decision.APPROVE)


def mark_lifted(world: World) -> None:
    """The buyer lifts what was marked as a trade secret, and the supplier objects."""
    with transaction():
        [mark] = rulings.of_contract(world.contract, by=world.rita)
        [ruled] = rulings.rule(world.contract, {mark.key: mark.version}, Word.LIFT, "Det står på tavla.", by=world.rita)
    assert ruled.ruling is not None
    with transaction():
        rulings.object_to(ruled.ruling, "Avtalen er ikke kjent.", by=world.anna)


def amended_case(world: World) -> None:
    """The next month breaks the requirement too; after the notice an amendment shows another figure."""
    with transaction():
        april = calendars.month_of(world.report.period.ends_on + timedelta(days=1))
        world.report = contracts.open_period(world.contract, april)
    casework.delivered(world)
    with transaction():
        amendments.propose(world.report, "Målerstanden var feil.", by=world.anna, version=world.report.version)
    submit(world, diesel="8000")
    decided(world, Decision.APPROVE)


def sanction_without_decider(world: World) -> None:
    """Who could decide has gone when a sanction is proposed in the next month's case."""
    with transaction():
        world.dora.role_codes = [Role.REVIEWER.value]
    deviation = case_of(world)
    casework.reply(world, deviation)
    casework.weigh(world, deviation)
    with transaction():
        sanctions.propose(deviation, "Leverandørens risiko.", by=world.adam, version=deviation.version)


def asked_somebody_from_outside(world: World) -> None:
    """An administrator asks somebody from outside to decide the case that nobody can; the other is told."""
    case = db.session.scalars(select(Deviation).where(Deviation.state.not_in(SETTLED))).unique().first()
    assert case is not None
    with transaction():
        accounts.add_membership(
            accounts.add_person("alma@prove.example", "Alma Prøve"), case.contract.buyer, Role.ADMINISTRATOR
        )
    with transaction():
        invitations.appoint(case, "odd@annen.example", "Ingen er igjen.", by=world.adam)


def asked_no_more_and_again(world: World) -> None:
    """The month after is rejected; the work is handed over before it, and that is taken back."""
    with transaction():
        following = calendars.month_of(world.report.period.ends_on + timedelta(days=1))
        world.report = contracts.open_period(world.contract, following)
    submit(world)
    decided(world, Decision.REJECT, reasons="Feil måned.")
    hand_over(world, following.starts_on - timedelta(days=1))
    reopen(world)


def whole_case(world: World) -> None:
    """Notified, replied to, a sanction proposed, withdrawn, proposed, replied to anew, decided, delivered, closed."""
    deviation = case_of(world)
    assert deviation.notice_due_at is not None, "the contract sets a limit"
    clock.move_to(deviation.notice_due_at - timedelta(days=1))
    tick()
    casework.give_notice(world, deviation)
    deliver_mail()
    assert deviation.reply_due_at is not None
    clock.move_to(deviation.reply_due_at - timedelta(days=1))
    tick()
    casework.reply(world, deviation)
    casework.weigh(world, deviation)
    with transaction():
        sanction = sanctions.propose(deviation, "Etter punkt 7.1.", by=world.adam, version=deviation.version)
    with transaction():
        sanctions.withdraw(sanction, "Uten begrunnelse.", by=world.adam, version=sanction.version)
    with transaction():
        sanction = sanctions.propose(deviation, "Leverandørens risiko.", by=world.adam, version=deviation.version)
    casework.reply(world, deviation, is_complete=False)
    casework.weigh(world, deviation)
    with transaction():
        sanctions.decide(sanction, approve=True, comment="Enig.", by=world.dora, version=sanction.version)
    deliver_mail()


@pytest.mark.parametrize("language", ["nb", "en"])
def test_every_letter_is_written_and_says_what_it_must(
    world: World, written: dict[str, list[OutgoingMail]], language: str
) -> None:
    with transaction():
        for member in (world.anna, world.bo, world.rita, world.ruth, world.adam, world.dora):
            member.person.language = language
    whole_report(world)
    whole_case(world)
    refused_amendment(world)
    healing_amendment(world)
    mark_lifted(world)
    amended_case(world)
    sanction_without_decider(world)
    asked_somebody_from_outside(world)
    asked_no_more_and_again(world)
    assert sorted(written) == LETTERS, "each letter was written, and each folder is a letter"
    for letter, rows in written.items():
        for row in rows:
            assert row.subject, letter
            assert re.search(ADDRESS, row.body), letter
            assert world.contract.reference in row.body, letter
            assert "%(" not in row.subject + row.body, letter
            assert "\n\n\n\n" not in row.body, letter


def test_formal_letters_carry_their_facts(world: World, written: dict[str, list[OutgoingMail]]) -> None:
    with transaction():
        for member in (world.anna, world.bo, world.rita, world.ruth, world.adam, world.dora):
            member.person.language = "en"
    whole_report(world)
    whole_case(world)
    refused_amendment(world)
    revisions = world.report.revisions
    facts = {
        "given_back": ["Bo Prøve has not signed", "Se over timene."],
        "to_review": ["It amends what was approved before", "Målerstanden var feil."],
        "withdrawn": ["revision 4", "En linje til.", "What was approved before stays in force."],
        "amendment_refused": ["revision 5", "Revision 3 stays in force.", "Ikke dokumentert."],
        "receipt": [f"Revision: {revisions[-1].number}", revisions[-1].hash, "Bo Prøve"],
        "returned": ["- DI-2, Amount: Kontroller mengden.", "revision 2"],
        "rejected": ["Feil måned.", "clause 5.1"],
        "approved": ["Revision 3", "Rita Prøve", "Takk."],
        "notice": ["Varsel om brudd på punkt 4.2.", "1. ", "Clause: 4.2", "5 working days from delivery", "Adam Prøve"],
        "sanction_decided": ["20\u00a0000 NOK", "Clause 7.1: Gebyr per brudd.", "Adam Prøve", "Dora Prøve", "Enig."],
        "sanction_withdrawn": ["Adam Prøve has withdrawn the proposal", "Uten begrunnelse."],
        "case_closed": ["It ended with a sanction."],
        "reply_added": ["Annas Graving AS has added to its reply", "Until then the sanction cannot be approved."],
        "overdue": ["clause 5.1", "March 2026"],
        "extension_asked": ["Annas Graving AS asks for more time", "24 Apr 2026", "Måleren er på service."],
        "extension_waiting": ["Annas Graving AS asked for more time", "has got no answer", "24 Apr 2026"],
        "extension_granted": ["The new deadline is 20 Apr 2026", "You asked for time until 24 Apr", "Tre dager."],
        "extension_refused": ["The deadline is still 17 Apr 2026", "Vi trenger tallene."],
        "escalated": ["from Annas Graving AS was due 20 Apr 2026"],
        "chased": ["Prøveby kommune reminds you", "It was due 20 Apr 2026"],
    }
    for letter, said in facts.items():
        missing = [words for words in said if words not in written[letter][-1].body]
        assert not missing, letter
