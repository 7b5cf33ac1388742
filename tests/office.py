"""The small world behind a real server, with everybody at a browser of their own, as far as HTTP goes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from sqlalchemy import select

from portal.extensions import db, transaction
from portal.model import Decision, Membership, OutgoingMail, Report
from portal.operations.reports import reviews
from tests.http import PASSWORD, HttpBrowser
from tests.serving import served
from tests.signing_in import equip, stored_once
from tests.world import World, build_world, submit


@dataclass
class Office:
    """Where everybody can be met: the application, its port, its world."""

    app: Flask
    port: int
    world: World

    def seat(self, by: Membership) -> HttpBrowser:
        """Somebody signed in."""
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

    def approve(self) -> None:
        """Rita approves what was signed last."""
        report = self.report
        with transaction():
            reviews.decide(report, Decision.APPROVE, by=self.world.rita, version=report.version)

    def at(self, act: str = "") -> str:
        """The address of the report, or of something done with it."""
        return f"/reports/{self.world.report.public_id}{act}"

    def letters(self, kind: str) -> list[str]:
        """Whom letters of a kind went to."""
        db.session.rollback()
        return sorted(db.session.scalars(select(OutgoingMail.to_address).where(OutgoingMail.letter == kind)))


@contextmanager
def open_office(app: Flask) -> Iterator[Office]:
    """Serve an application on an empty database, people it, and be in its context."""
    with served(app) as port, app.app_context():
        stored = stored_once(PASSWORD)
        with transaction():
            world = build_world()
            for by in (world.anna, world.bo, world.stranger, world.rita, world.ruth, world.adam):
                by.person.password, by.person.language = stored, "en"
            equip(*(by.person for by in (world.bo, world.stranger, world.rita, world.ruth, world.adam)))
        try:
            yield Office(app, port, world)
        finally:
            db.session.rollback()
