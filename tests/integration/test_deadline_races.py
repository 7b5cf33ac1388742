"""Two of the buyer's contract managers who answer a request, or remind, at once: on both databases."""

import threading
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.extensions import db, transaction
from portal.model import Membership, OutgoingMail, Role
from portal.operations import accounts, time_asked
from portal.operations.reports import extensions
from tests.http import HttpBrowser
from tests.office import Office, open_office


@pytest.fixture
def office(make_app: Callable[..., Flask], database_url: str) -> Iterator[Office]:
    with open_office(make_app(database_url)) as office:
        yield office


def managers(office: Office) -> list[Membership]:
    with transaction():
        found = []
        for name in ("Mona", "Mads"):
            person = accounts.add_person(f"{name.lower()}@prove.example", f"{name} Prøve", language="en")
            person.password = office.world.anna.person.password
            found.append(accounts.add_membership(person, office.world.rita.organisation, Role.CONTRACT_MANAGER))
    return found


def at_once(seats: list[HttpBrowser], path: str, forms: list[dict[str, str]]) -> list[tuple[int, str]]:
    barrier, answers = threading.Barrier(len(seats)), []

    def act(seat: HttpBrowser, form: dict[str, str]) -> None:
        barrier.wait()
        answers.append(seat.call("POST", path, form))

    threads = [threading.Thread(target=act, args=each) for each in zip(seats, forms, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_two_who_answer_at_once_have_one_winner(office: Office) -> None:
    people = managers(office)
    with transaction():
        report = office.world.report
        request = extensions.ask(report, date(2026, 4, 24), "Måleren er på service.", by=office.world.anna)
    seats = [office.seat(by) for by in people]
    forms = [{"until": f"2026-04-{day}", "answer": "grant", "words": ""} for day in (27, 28)]
    answers = at_once(seats, f"/more-time/{request.public_id}", forms)
    assert sorted(status for status, _page in answers) == [303, 409]
    assert any("has already been answered" in page for status, page in answers if status == 409)
    [kept] = time_asked.of(office.report)
    assert office.report.due_at == kept.granted_until


def test_two_who_remind_at_once_send_one_letter(office: Office) -> None:
    seats = [office.seat(by) for by in managers(office)]
    form = {"report": str(office.world.report.public_id)}
    answers = at_once(seats, "/missing-reports/remind", [form, form])
    assert [status for status, _page in answers] == [303, 303]
    db.session.rollback()
    chased = select(func.count()).select_from(OutgoingMail).where(OutgoingMail.letter == "chased")
    assert db.session.scalar(chased) == 2, "Anna and Bo, once each"
