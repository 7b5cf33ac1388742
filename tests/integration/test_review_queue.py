"""The review queue on both databases: why each report is there, who is at it, and the way through it."""

import re
from datetime import timedelta
from html import unescape

from sqlalchemy import select

from portal import calendars, clock
from portal.extensions import db, transaction
from portal.model import Claim, Report
from portal.operations.contracts import contracts
from portal.operations.entry import drafts
from portal.operations.reports import claims
from portal.operations.reports.comments import Place
from tests.desk import Desk, words
from tests.reviewing import Seat, asked, delivery, return_for, seat, send_again
from tests.statements import counted
from tests.world import World, fill_in, submit

__all__ = ["seat"]


def page(report: Report) -> str:
    return f"/reports/{report.public_id}/review"


def months(world: World, number: int, *amounts: dict[str, str]) -> list[Report]:
    """Reports of as many months from March on, all submitted; the queue holds them in this order."""
    found = []
    last = world.report.period.starts_on + timedelta(days=31 * number)
    for index, month in enumerate(calendars.months_between(world.report.period.starts_on, last)[:number]):
        if index:
            clock.move_to(clock.now() + timedelta(days=1))
            with transaction():
                world.report = contracts.open_period(world.contract, month)
        submit(world, **(amounts[index] if index < len(amounts) else {}))
        found.append(world.report)
    return found


def links(desk: Desk, address: str) -> dict[str, str]:
    """rel -> where the page's neighbours in the queue are."""
    text = unescape(desk.get(address).text)
    return dict(re.findall(r'rel="(prev|next)" href="([^"]+)"', text))


# -- why it is there ---------------------------------------------------------------------------------------------------


def test_each_row_says_why_it_is_there_and_what_the_energy_changed_by(world: World, seat: Seat) -> None:
    months(world, 2, {}, {"electric": "5000", "diesel": "9000"})
    rita = seat(world.rita)
    text = rita.reads("/queue").replace("\N{MINUS SIGN}", "-")
    assert "2 waiting reports" in text
    # 5 000 kWh and 10.08 kWh a litre: 15 080 kWh in March, 95 720 kWh in April.
    assert re.search(r"March 2026 .{0,90} New – Not opened yet", text), text
    assert re.search(r"April 2026 .{0,90} New 1 requirement broken \+535 % Not opened yet", text), text
    clock.move_to(clock.now() + timedelta(days=60))
    assert "working days late" in seat(world.rita).reads("/queue")
    assert "Review is overdue" in seat(world.rita).reads("/queue?late=1")


def test_the_queue_is_narrowed_by_why_and_each_filter_is_a_chip(world: World, seat: Seat) -> None:
    march, april = months(world, 2, {}, {"diesel": "9000"})
    line = march.revisions[0].lines_of("machinery")[0]
    return_for(march, world.rita, (Place("machinery", line.key, "amount"), "Kontroller."))
    world.report = march
    send_again(world)
    rita = seat(world.rita)
    wanted = {"new": "April", "corrected": "March", "breach": "April"}
    for why, month in wanted.items():
        text = rita.reads(f"/queue?why={why}")
        assert "1 waiting report " in text, why
        assert f"{month} 2026 " in text.partition("1 waiting report")[2], why
    chips = rita.get(f"/queue?why=new&period=2026-04&contract={world.contract.public_id}").text
    assert 'href="/queue?why=new&amp;period=2026-04"' in chips or 'href="/queue?period=2026-04&amp;why=new"' in chips
    assert "Remove all" in chips
    assert "No reports here" in rita.reads("/queue?why=corrected&period=2026-04")
    assert "2 waiting reports" in rita.reads("/queue?why=nonsense")
    assert "2 waiting reports" in rita.reads("/queue?why=unseen")
    rita.get(page(april))
    assert "1 waiting report " in rita.reads("/queue?why=unseen")


# -- the way through it ------------------------------------------------------------------------------------------------


def test_a_report_says_where_in_the_filter_it_is_and_what_lies_beside_it(world: World, seat: Seat) -> None:
    first, second, third = months(world, 3)
    rita = seat(world.rita)
    assert "2 of 3" in rita.reads(page(second))
    assert links(rita, page(second)) == {"prev": page(first), "next": page(third)}
    assert links(rita, page(first)) == {"next": page(second)}
    assert links(rita, page(third)) == {"prev": page(second)}
    narrow = f"{page(second)}?why=new&period=2026-04"
    assert "1 of 1" in rita.reads(narrow)
    assert links(rita, narrow) == {}
    assert 'href="/queue?period=2026-04&amp;why=new"' in rita.get(narrow).text


def test_saving_goes_on_to_the_next_in_the_filter_and_starts_over_at_its_end(world: World, seat: Seat) -> None:
    first, second, third = months(world, 3)
    rita = seat(world.rita)

    def approve(report: Report, query: str = "") -> str:
        answer = rita.send(page(report) + query, version=str(report.version), decision="approve")
        assert answer.status_code == 303, words(answer)
        return str(answer.location)

    assert approve(second, "?why=new") == f"{page(third)}?why=new"
    assert approve(third, "?why=new") == f"{page(first)}?why=new"
    assert approve(first, "?why=new") == "/queue?why=new"
    assert "No reports here" in rita.reads("/queue?why=new")
    assert "The queue is empty" in rita.reads("/queue")


# -- who is at it ------------------------------------------------------------------------------------------------------


def test_others_see_who_looks_at_a_report_and_are_led_past_it(world: World, seat: Seat) -> None:
    first, second, third = months(world, 3)
    rita, ruth = seat(world.rita), seat(world.ruth)
    rita.get(page(second))
    assert "Rita Prøve is looking at it (since" in ruth.reads("/queue")
    assert "Rita Prøve is looking at" not in rita.reads("/queue")
    assert "Rita Prøve is looking at this report (since" in ruth.reads(page(second))
    assert links(ruth, page(first)) == {"next": page(third)}
    answer = ruth.send(page(first), version=str(first.version), decision="approve")
    assert answer.location == page(third)


def test_a_claim_lasts_while_there_is_a_sign_of_life_and_no_longer(world: World, seat: Seat) -> None:
    submit(world)
    rita, ruth = seat(world.rita), seat(world.ruth)
    started = clock.now()
    rita.get(page(world.report))
    clock.move_to(started + timedelta(minutes=25))
    assert rita.send(f"{page(world.report)}/here").status_code == 204
    clock.move_to(started + timedelta(minutes=50))
    assert "Rita Prøve is looking at it" in ruth.reads("/queue")
    clock.move_to(started + timedelta(minutes=56))
    text = ruth.reads("/queue")
    assert "is looking at it" not in text
    assert "Opened" in text
    rita = seat(world.rita)
    rita.get(page(world.report))
    db.session.rollback()
    [claim] = db.session.scalars(select(Claim))
    assert claim.since == claim.seen_at > started + timedelta(minutes=55), "she came back: a new spell"


def test_a_decision_ends_every_claim_and_its_next_revision_is_new_to_all(world: World, seat: Seat) -> None:
    submit(world)
    rita, ruth = seat(world.rita), seat(world.ruth)
    for desk in (rita, ruth):
        desk.get(page(world.report))
        desk.get(page(world.report))
    db.session.rollback()
    assert len(db.session.scalars(select(Claim)).all()) == 2
    rita.send(page(world.report), version=str(world.report.version), decision="reject", reasons="Feil måned.")
    assert db.session.scalars(select(Claim)).all() == []
    world.report = db.session.get_one(Report, world.report.id)
    send_again(world)
    assert "Not opened yet" in ruth.reads("/queue")


def test_whoever_may_not_decide_claims_nothing(world: World, seat: Seat) -> None:
    submit(world)
    with transaction():
        world.report.preparers = [*world.report.preparers, world.rita.person_id]
    rita = seat(world.rita)
    assert "You helped to fill in this report yourself." in rita.reads(page(world.report))
    assert rita.send(f"{page(world.report)}/here").status_code == 204
    assert "somebody else reviews it" in rita.reads("/queue")
    db.session.rollback()
    assert db.session.scalars(select(Claim)).all() == []


def test_reading_again_at_once_writes_nothing(world: World) -> None:
    submit(world)
    with transaction():
        assert claims.is_due(world.report, by=world.rita)
        claims.take(world.report, by=world.rita)
    assert not claims.is_due(world.report, by=world.rita)
    clock.move_to(clock.now() + claims.NOTED_EVERY)
    assert claims.is_due(world.report, by=world.rita)
    assert not claims.is_due(world.report, by=world.anna)


# -- how much it asks of the database ----------------------------------------------------------------------------------


def test_the_queue_asks_as_much_for_many_reports_as_for_few(world: World, seat: Seat) -> None:
    months(world, 2)
    rita = seat(world.rita)
    rita.get("/queue")
    with counted() as few:
        rita.get("/queue")
    world.report = months_from(world, 5)
    with counted() as many:
        assert "7 waiting reports" in rita.reads("/queue")
    assert len(many) == len(few), "\n\n".join(many)


def months_from(world: World, number: int) -> Report:
    """As many months more."""
    for _month in range(number):
        with transaction():
            following = world.report.period.ends_on + timedelta(days=1)
            world.report = contracts.open_period(world.contract, calendars.month_of(following))
        submit(world)
    return world.report


def test_a_review_asks_as_much_for_many_lines_and_comments_as_for_few(world: World, seat: Seat) -> None:
    rita, counts = seat(world.rita), []
    for number, day in ((2, "12.03.2026"), (2, "12.04.2026"), (40, "12.05.2026")):
        fill_in(world)
        with transaction():
            lines = [delivery(day=day) for _line in range(number)]
            drafts.save(world.report, "fuel", lines, by=world.anna, version=world.report.version)
        send_again(world)
        found = world.report.revisions[-1].lines_of("fuel")
        for line in found[: number // 2]:
            asked(world, world.report, Place("fuel", line.key, "amount"))
        rita.get(page(world.report))
        with counted() as statements:
            assert rita.get(page(world.report)).text.count("Stemmer dette?") >= number // 2
        counts.append(len(statements))
        following = world.report.period.ends_on + timedelta(days=1)
        with transaction():
            world.report = contracts.open_period(world.contract, calendars.month_of(following))
    # The first month has none before it to be held against.
    assert counts[1] == counts[2]
