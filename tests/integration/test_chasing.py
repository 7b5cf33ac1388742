"""Who has not filed: the list, its filters, whom a reminder goes to and who is left out, over HTTP."""

import re
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import ExtensionRequest, Membership, OutgoingMail, Report, Role
from portal.operations import accounts, audit
from portal.operations.reports import chasing, extensions, periods, reports
from portal.operations.reports.chasing import Wanted, WhyNot
from tests.desk import Desk, give_passwords, sit_down, words
from tests.world import DUE, World, open_in_time, submit, tick

LIST = "/missing-reports"


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


@pytest.fixture
def boss(app: Flask, world: World) -> Membership:
    """Contract manager, a week before the deadline for March; January and February have come or are long overdue."""
    give_passwords(world)
    with transaction():
        person = accounts.add_person("mona@prove.example", "Mona Prøve", language="en")
        person.password = world.anna.person.password
        by = accounts.add_membership(person, world.rita.organisation, Role.CONTRACT_MANAGER)
    open_in_time(world, date(2026, 1, 1), date(2026, 2, 1))
    clock.move_to(DUE - timedelta(days=7))
    with transaction():
        periods.open_due_periods(world.contract.id)
    tick()
    return by


@pytest.fixture
def mona(app: Flask, boss: Membership) -> Desk:
    """She is signed in."""
    return sit_down(app, boss)


def months(answer: str) -> list[str]:
    return re.findall(r">(January|February|March|April) 2026</a><span class=\"sub\">", answer)


def chased() -> list[str]:
    db.session.rollback()
    return sorted(db.session.scalars(select(OutgoingMail.to_address).where(OutgoingMail.letter == "chased")))


def test_the_list_holds_what_is_overdue_and_what_is_due_soon(world: World, mona: Desk) -> None:
    page = mona.get(LIST)
    assert months(page.text) == ["January", "February", "March"], "April is not due for a month"
    shown = words(page)
    assert "3 reports have not come" in shown
    assert "Annas Graving AS" in shown
    assert shown.count("working days late") == 2
    submit(world)
    assert months(mona.get(LIST).text) == ["January", "February"]


def test_the_filters_live_in_the_address(world: World, mona: Desk) -> None:
    assert months(mona.get(f"{LIST}?overdue=1").text) == ["January", "February"]
    assert months(mona.get(f"{LIST}?period=2026-02").text) == ["February"]
    assert months(mona.get(f"{LIST}?contract={world.contract.public_id}").text) == ["January", "February", "March"]
    assert months(mona.get(f"{LIST}?supplier={world.anna.organisation.public_id}").text) == [
        "January",
        "February",
        "March",
    ]
    assert "Nothing that is missing fits" in mona.reads(f"{LIST}?period=2025-02")
    assert mona.get(f"{LIST}?period=drit&contract=x&after=y").status_code == 200


def test_long_lists_have_pages(world: World, mona: Desk) -> None:
    by = world.adam
    first = chasing.unfiled(by, Wanted(), limit=2)
    rest = chasing.unfiled(by, Wanted(), after=first[-1].public_id, limit=2)
    assert [report.period.starts_on.month for report in [*first, *rest]] == [1, 2, 3]
    assert chasing.count(by, Wanted(overdue=True)) == 2


def test_a_reminder_names_whom_and_leaves_out_with_a_reason(app: Flask, world: World, boss: Membership) -> None:
    """January was told today that it is overdue; February has more time; March is reminded of."""
    clock.move_to(DUE - timedelta(days=6, hours=6))  # the deadline is a day's last second, and the clock goes on
    mona = sit_down(app, boss)
    reports_ = {report.period.starts_on.month: report for report in db.session.scalars(select(Report))}
    with transaction():
        reports_[2].due_at = reports_[2].period.due_at = DUE + timedelta(days=1)
        reports_[2].overdue_at = None
    with transaction():
        request = extensions.ask(reports_[2], date(2026, 4, 22), "Måleren.", by=world.anna)
    with transaction():
        extensions.grant(request, date(2026, 4, 22), "", by=world.adam)
    assert mona.send(f"{LIST}/remind", report=str(reports_[1].public_id)).status_code == 303
    assert chased() == ["anna@prove.example", "bo@prove.example"]
    query = "&".join(f"report={reports_[month].public_id}" for month in (1, 2, 3))
    shown = mona.reads(f"{LIST}/remind?{query}")
    assert "Send a reminder of 1 report?" in shown
    assert "Anna Prøve anna@prove.example" in shown
    assert "They were told of the deadline today already" in shown
    assert "They have been given more time until 22 Apr 2026" in shown
    assert len(chased()) == 2, "nothing is sent before it is confirmed"
    [token] = re.findall(
        r'name="report" value="([^"]+)"', mona.get(f"{LIST}/remind?report={reports_[3].public_id}").text
    )
    assert mona.send(f"{LIST}/remind", report=token).status_code == 303
    assert len(chased()) == 4
    trail = audit.trail([reports_[3]], by=world.rita)
    assert (trail[-1][0].action, trail[-1][1].name if trail[-1][1] else "") == ("report.chased", "Mona Prøve")
    assert mona.send(f"{LIST}/remind", report=token).status_code == 303
    assert len(chased()) == 4, "the same button twice"
    assert "No reminder was sent" in mona.reads(LIST)


def test_who_waits_for_the_buyer_is_not_reminded(app: Flask, world: World, boss: Membership) -> None:
    with transaction():
        extensions.ask(world.report, date(2026, 4, 24), "Måleren.", by=world.anna)
    clock.move_to(DUE + timedelta(days=3, hours=-1))
    mona = sit_down(app, boss)
    request = db.session.scalars(select(ExtensionRequest)).one()
    assert f"/more-time/{request.public_id}" in mona.get(LIST).text
    shown = mona.reads(f"{LIST}/remind?report={world.report.public_id}")
    assert "Nobody is to be reminded" in shown
    assert "They have asked for more time, and you have not answered" in shown
    assert mona.send(f"{LIST}/remind", report=str(world.report.public_id)).status_code == 303
    assert chased() == []


def test_what_has_come_meanwhile_and_who_has_nobody_is_left_out(world: World, mona: Desk) -> None:
    by = world.adam
    submit(world)
    [row] = chasing.told(chasing.chosen(by, [world.report.public_id]))
    assert row.why_not == WhyNot.FILED
    clock.move_to(DUE + timedelta(days=1, hours=-1))
    with transaction():
        for member in (world.anna, world.bo):
            member.role_codes = ["administrator"]
    january = chasing.unfiled(by, Wanted())[0]
    assert chasing.told([january])[0].why_not == WhyNot.NOBODY
    del mona


def test_nothing_chosen_is_said(mona: Desk) -> None:
    answer = mona.get(f"{LIST}/remind")
    assert answer.status_code == 422
    assert "Choose at least one report." in words(answer)
    assert mona.get(f"{LIST}/remind?report=drit").status_code == 422


def test_only_the_buyer_chases_and_only_its_own(app: Flask, world: World, mona: Desk) -> None:
    anna, dora, stranger = (sit_down(app, by) for by in (world.anna, world.dora, world.stranger))
    for seat in (anna, dora, stranger):
        assert seat.get(LIST).status_code == 403
        assert seat.send(f"{LIST}/remind", report=str(world.report.public_id)).status_code == 403
        assert LIST not in seat.get("/").text
    assert LIST in mona.get("/").text
    assert LIST in sit_down(app, world.rita).get("/").text
    with transaction():
        buyer = accounts.add_organisation("310000043", "Naboby kommune", world.rita.organisation.kind)
        person = accounts.add_person("nils@prove.example", "Nils", language="en")
        person.password = world.anna.person.password
        other = accounts.add_membership(person, buyer, Role.CONTRACT_MANAGER)
    nils = sit_down(app, other)
    assert "Every report has come" in nils.reads(LIST)
    assert nils.get(f"{LIST}/remind?report={world.report.public_id}").status_code == 422
    assert nils.send(f"{LIST}/remind", report=str(world.report.public_id)).status_code == 303
    assert chased() == []


def test_last_told_is_when_the_portal_or_a_person_told_them(world: World, mona: Desk) -> None:
    before = clock.now()
    rows = {row.report.period.starts_on.month: row for row in chasing.told(chasing.unfiled(world.adam, Wanted()))}
    assert rows[3].reminded_at is None
    told_at = rows[1].reminded_at
    assert told_at is not None
    assert told_at <= before, "January: told that it is overdue"
    assert not world.report.is_overdue
    assert reports.overdue_unmarked() == []
    del mona
