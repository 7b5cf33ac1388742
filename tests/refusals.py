"""A desk at which bad inputs are tried: one report that none of them changes, or one of its own for each that may."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal import calendars, clock
from portal.application import create_app
from portal.extensions import db, parts, transaction
from portal.kinds.base import Kind
from portal.model import ImportedFile, ImportState, Report
from portal.operations.contracts import contracts
from tests.conftest import settings_for, share_what_is_compiled
from tests.doors import Desk, Element, sit_down, words
from tests.world import IN_MARCH, World, build_world

FUEL = "fuel"


@dataclass
class Office:
    """Anna at her desk, with the report that all these cases are about; nothing of a refused file changes it."""

    app: Flask
    world: World
    anna: Desk

    @property
    def report(self) -> Report:
        """As it is now."""
        return db.session.get_one(Report, self.world.report.id)

    @property
    def kind(self) -> Kind:
        """Deliveries: they have every type of column, and any number of lines."""
        return contracts.kind_of(self.report, FUEL)

    def draft(self) -> list[Mapping[str, str]]:
        """What stands in the draft."""
        db.session.rollback()
        return [line.raw for section in self.report.sections for line in section.lines]

    def refusal(self, content: bytes) -> tuple[ImportedFile, Element]:
        """Upload what must be turned away as a whole: the page says so, and the draft is as it was."""
        before = self.draft()
        row = self.anna.upload(self.report, content)
        assert row.state == ImportState.REFUSED, row.result
        page = self.anna.page(f"/reports/imports/{row.public_id}", 422)
        assert self.draft() == before
        assert parts().store.get(row.sha256) == content
        [problem] = row.result["problems"]
        assert problem["rule"] not in words(page)
        return row, page


@pytest.fixture(scope="module")
def office(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One for all cases: they leave no trace, or a report of their own."""
    folder = tmp_path_factory.mktemp("office")
    (folder / "office.db").write_bytes(sqlite_template.read_bytes())
    app = create_app(settings_for(f"sqlite:///{folder / 'office.db'}", folder))
    app.config["WTF_CSRF_ENABLED"] = False
    share_what_is_compiled(app)
    with app.app_context(), clock.at(IN_MARCH):
        with transaction():
            world = build_world()
        yield Office(app, world, sit_down(app, world.anna))
        parts().jobs.close()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(autouse=True)
def _in_march(_clock: None) -> Iterator[None]:
    with clock.at(IN_MARCH):
        yield


@pytest.fixture
def month(office: Office) -> Iterator[World]:
    """A report of its own for a case that changes one: each in a later month than the last."""
    kept = office.world.report
    office.world.report = another_month(office)
    yield office.world
    office.world.report = kept


def another_month(office: Office) -> Report:
    """A report for a later month than any that there is."""
    with transaction() as session:
        latest = max(report.period.starts_on for report in session.scalars(select(Report)))
        return contracts.open_period(session.merge(office.world.contract), calendars.month_after(latest))
