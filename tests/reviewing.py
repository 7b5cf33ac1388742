"""What tests of reviews do over and over: send a report again, deliver fuel, write a comment, decide on the page."""

import re
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db, transaction
from portal.model import Comment, CommentCategory, Decision, Membership, Report
from portal.operations.entry import drafts
from portal.operations.entry.drafts import RawLine
from portal.operations.reports import comments, reports, reviews
from portal.operations.reports.comments import Place
from tests.desk import Desk, give_passwords, sit_down, words
from tests.world import World, machine_lines, reasons_for

Seat = Callable[[Membership], Desk]


def send_again(world: World) -> None:
    """Made ready by Anna, signed by Bo."""
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version, reasons=reasons_for(world.report))
    with transaction():
        reports.sign(world.report, by=world.bo, version=world.report.version)


def delivery(amount: str = "500", key: UUID | None = None, day: str = "12.03.2026") -> RawLine:
    """Diesel that the tanker brought."""
    return RawLine(
        key or uuid4(),
        {
            "entry": "delivery",
            "product": "diesel",
            "amount": amount,
            "amount_source": "invoice",
            "supplier": "Tankbilen AS",
            "invoice": "F-1",
            "delivered_on": day,
        },
    )


def return_for(report: Report, by: Membership, *musts: tuple[Place, str]) -> None:
    """Point out what must be corrected, and return the report."""
    revision = report.latest
    assert revision is not None
    with transaction():
        for place, text in musts:
            comments.add(report, place, CommentCategory.MUST, text, by=by, revision=revision.number)
        reviews.decide(report, Decision.RETURN, by=by, version=report.version)


def asked(world: World, report: Report, place: Place, text: str = "Stemmer dette?") -> Comment:
    """Rita's question on a place of the newest revision."""
    revision = report.latest
    assert revision is not None
    with transaction():
        return comments.add(report, place, CommentCategory.QUESTION, text, by=world.rita, revision=revision.number)


# -- through the pages -------------------------------------------------------------------------------------------------


@pytest.fixture
def seat(app: Flask, world: World) -> Seat:
    """Seats people of the small world at their desks; everybody reads English."""
    give_passwords(world)
    return lambda by: sit_down(app, by)


def page(world: World) -> str:
    """Where the report is reviewed."""
    return f"/reports/{world.report.public_id}/review"


def line(world: World, machine: str, field: str = "") -> str:
    """The place of a machine's line, or of one value of it."""
    return f"machinery/{world.machines[machine]}/{field}"


def say(desk: Desk, world: World, place: str, text: str, category: str = "must") -> str:
    """Write a comment; the address one is led back to."""
    revision = fresh(world).latest
    assert revision is not None
    answer = desk.send(
        f"/reports/{world.report.public_id}/comments",
        place=place,
        text=text,
        category=category,
        revision=str(revision.number),
    )
    assert answer.status_code == 303, words(answer)
    return str(answer.location)


def decision(desk: Desk, world: World, result: str, **form: str) -> tuple[int, str]:
    """Decide as the page stands now."""
    hidden = dict(re.findall(r'name="(version|seen)" value="([^"]*)"', desk.get(page(world)).text))
    answer = desk.send(page(world), decision=result, **hidden, **form)
    return answer.status_code, words(answer)


def fresh(world: World) -> Report:
    """The report as it is stored now."""
    db.session.rollback()
    return db.session.get_one(Report, world.report.id, populate_existing=True)


def said(text: str) -> Comment:
    """The comment with these words."""
    return db.session.scalars(select(Comment).where(Comment.text == text)).one()


def correct(world: World, **amounts: str) -> None:
    """The supplier corrects the machines, and sends again."""
    world.report = fresh(world)
    with transaction():
        lines = machine_lines(world, **amounts)
        drafts.save(world.report, "machinery", lines, by=world.anna, version=world.report.version)
    send_again(world)
