"""The demo: what stands in it whatever the day, who meets what first, and that it can start again."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from lxml import html
from sqlalchemy import func, select

from portal import clock, demo
from portal.extensions import db, parts, transaction
from portal.model import (
    READING,
    AuditEvent,
    Contract,
    Deviation,
    DeviationState,
    ExtensionRequest,
    HumanTask,
    Machine,
    Membership,
    Organisation,
    OrganisationKind,
    Person,
    Report,
    ReportState,
    Role,
    Sanction,
    SanctionState,
)
from portal.operations import audit, demo_copy, first_steps
from portal.operations.entry import imports, practice
from portal.work import read_import
from tests.conftest import A_FRIDAY_IN_NOVEMBER, DEMO_FILE

OTHER_DAYS = (
    datetime(2026, 12, 1, 8, tzinfo=UTC),  # the first of a month, a Tuesday
    datetime(2026, 11, 1, 0, 30, tzinfo=UTC),  # a Sunday, half past one on the first night of a month
    datetime(2027, 1, 4, 8, tzinfo=UTC),  # just after New Year
    datetime(2028, 2, 29, 22, tzinfo=UTC),  # a leap day, late in the evening
    datetime(2027, 3, 28, 12, tzinfo=UTC),  # Easter Sunday, and the clocks have just gone forward
)


def test_the_demo_shows_what_it_promises(make_app: Callable[..., Flask], demo_folder: Path, tmp_path: Path) -> None:
    """As it was made for everybody who reads it in this run."""
    folder = shutil.copytree(demo_folder, tmp_path, dirs_exist_ok=True)
    app = make_app(f"sqlite:///{folder / DEMO_FILE}")
    with app.app_context():
        _keeps_its_promises(app, A_FRIDAY_IN_NOVEMBER)


@pytest.mark.soak
@pytest.mark.parametrize("moment", OTHER_DAYS)
def test_the_demo_shows_what_it_promises_on_any_day(
    make_app: Callable[..., Flask], sqlite_url: str, moment: datetime
) -> None:
    app = make_app(sqlite_url)
    with app.app_context():
        with clock.at(moment):
            for _step in demo.load():
                pass
        _keeps_its_promises(app, moment)


def _keeps_its_promises(app: Flask, moment: datetime) -> None:
    with clock.at(moment):
        _holds_what_it_promises(moment)
        assert list(audit.broken_links()) == []
    clock.move_to(moment + timedelta(minutes=10))
    as_made = _counted()
    _everybody_meets_something(app)
    assert _counted() != as_made, "whoever opens a case or a review leaves a trace"
    _starts_again(app)
    assert _counted() == as_made


def _holds_what_it_promises(moment: datetime) -> None:
    kinds = list(db.session.scalars(select(Organisation.kind)))
    assert (kinds.count(OrganisationKind.BUYER), kinds.count(OrganisationKind.SUPPLIER)) == (3, 6)
    assert _count(Contract) == 8
    assert _count(Machine) == 60
    reports = list(db.session.scalars(select(Report)))
    assert len({report.period.starts_on for report in reports}) >= 14
    assert [report.state for report in reports].count(ReportState.RETURNED) >= 1
    overdue = {report.contract.title for report in reports if report.is_overdue}
    assert overdue == {"Turveg Strandsletta", "Asfalt fylkesveg 12"}
    this_week = [report for report in reports if report.can_be_late and moment < report.due_at < moment + timedelta(7)]
    assert "Fylkesveg 77, parsell 3" in {report.contract.title for report in this_week}
    states = list(db.session.scalars(select(Deviation.state)))
    assert {DeviationState.FOUND, DeviationState.AWAITING_REPLY, DeviationState.SANCTION_PROPOSED} <= set(states)
    decided = list(db.session.scalars(select(Sanction).where(Sanction.state == SanctionState.CLOSED)))
    assert sorted(each.amount or 0 for each in decided) == [30_000, 100_000], "two lines at 15 000; a year at 100 000"
    assert _count(ExtensionRequest) >= 1, "somebody waits for an answer"
    assert all(number.startswith("310") for number in db.session.scalars(select(Organisation.number)))


def _everybody_meets_something(app: Flask) -> None:
    browser = app.test_client()
    samples: list[tuple[str, bytes]] = []
    page = browser.get("/personas").text
    for name in db.session.scalars(select(Person.name)):
        assert name in page
    for number, only_reads in [(each.public_id, each.has(*READING)) for each in db.session.scalars(select(Membership))]:
        assert browser.post(f"/persona/{number}").status_code == 303
        home = browser.get("/")
        assert home.status_code == 200
        assert ("Kom i gang" in home.text) != only_reads, "who only reads has nothing to try"
        for step in _hrefs(home.text, "first-steps"):
            answer = browser.get(step)
            assert answer.status_code == 200, step
            if "/demo/practice/" in step:
                samples.append((step, answer.data))
    assert samples
    _is_full_of_errors(*samples[0])


def _is_full_of_errors(place: str, content: bytes) -> None:
    """What the demo offers to upload is read, and each of its errors is told by its cell."""
    report = db.session.scalars(select(Report).where(Report.public_id == UUID(place.rsplit("/", 1)[-1]))).one()
    by = next(
        each
        for each in db.session.scalars(select(Membership).where(Membership.organisation_id == report.supplier_id))
        if each.has(Role.REPORTER)
    )
    with transaction():
        row = imports.receive(report, "prove.xlsx", content, by=by)
    read_import({"import": row.id})
    db.session.refresh(row)
    assert len(row.result["problems"]) == len(practice.SPOILT), row.result


def _hrefs(page: str, name: str) -> list[str]:
    sections = [each for each in html.fromstring(page).iter("section") if name in each.get("class", "")]
    return [link.get("href", "") for section in sections for link in section.iter("a")]


def _starts_again(app: Flask) -> None:
    """Something is done and ticks its step; then everything is as it was, and the trail is whole."""
    assert demo_copy.is_kept(parts().settings)
    member = db.session.scalars(select(Membership).join(Person).where(Person.name == "Astrid Mønster")).one()
    browser = app.test_client()
    browser.post(f"/persona/{member.public_id}")
    chosen = _hrefs(browser.get("/").text, "first-steps")
    assert chosen
    with transaction():
        first_steps.hide(db.session.get_one(Membership, member.id))
    assert "Kom i gang" not in browser.get("/").text
    assert browser.post("/demo/reset").status_code == 303
    db.session.expire_all()
    assert list(audit.broken_links()) == []
    assert browser.get("/").headers.get("Location") is None, "whoever was signed in is a visitor again"
    assert "Astrid Mønster" not in browser.get("/").text
    again = db.session.get_one(Membership, member.id, populate_existing=True)
    assert again.person.steps_hidden_at is None


def _counted() -> dict[str, int]:
    return {entity.__name__: _count(entity) for entity in (AuditEvent, HumanTask, Report, Person, Deviation)}


def _count(entity: type[object]) -> int:
    return db.session.scalar(select(func.count()).select_from(entity)) or 0
