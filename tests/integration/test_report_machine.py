"""A report's life as a state machine: whoever does whatever in whatever order, the rules hold after each step."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from hypothesis.strategies import sampled_from
from sqlalchemy import func, select

from portal import clock
from portal.errors import PortalError
from portal.extensions import db, transaction
from portal.model import (
    Answer,
    CommentCategory,
    Decision,
    Deviation,
    HumanTask,
    Process,
    Report,
    ReportState,
    Review,
    Revision,
)
from portal.operations import audit
from portal.operations.entry import drafts
from portal.operations.reports import amendments, comments, reports, reviews, revisions, withdrawals
from portal.operations.reports.comments import Place
from tests.world import World, build_world, machine_lines, tick

TASKS_OF = {
    ReportState.OPEN: {"fill_in"},
    ReportState.DRAFT: {"fill_in"},
    ReportState.TO_SIGN: {"sign"},
    ReportState.SUBMITTED: {"review"},
    ReportState.RETURNED: {"fill_in"},
    ReportState.REJECTED: {"fill_in"},
    ReportState.APPROVED: set[str](),
    ReportState.AMENDING: {"fill_in"},
}
"""The model: in each state exactly this step waits for a person."""


class ReportLife(RuleBasedStateMachine):
    """Six people who do anything at any time; what the portal refuses changes nothing."""

    fresh_app: Callable[[], Flask]

    @initialize()
    def begin(self) -> None:
        self.context = self.fresh_app().app_context()
        self.context.push()
        with transaction():
            self.world = build_world()

    def teardown(self) -> None:
        clock.reset()
        if hasattr(self, "context"):
            db.session.remove()
            db.engine.dispose()
            self.context.pop()

    @rule(amount=sampled_from(["1000", "9000", "", "tull"]))
    def save(self, amount: str) -> None:
        self._try(
            lambda w: drafts.save(
                w.report, "machinery", machine_lines(w, diesel=amount), by=w.anna, version=w.report.version
            )
        )

    @rule()
    def nothing_delivered(self) -> None:
        self._try(lambda w: drafts.answer_nothing(w.report, "fuel", "Ingen.", by=w.anna, version=w.report.version))

    @rule(stale=sampled_from([0, 0, 0, 1]))
    def make_ready(self, stale: int) -> None:
        self._try(lambda w: reports.make_ready(w.report, by=w.anna, version=w.report.version - stale))

    @rule(stale=sampled_from([0, 0, 0, 1]))
    def sign(self, stale: int) -> None:
        self._try(lambda w: reports.sign(w.report, by=w.bo, version=w.report.version - stale))

    @rule()
    def withhold(self) -> None:
        self._try(lambda w: reports.withhold(w.report, "Nei.", by=w.bo, version=w.report.version))

    @rule(
        decision=sampled_from(Decision),
        who=sampled_from(["rita", "ruth", "anna", "stranger"]),
        stale=sampled_from([0, 0, 0, 1]),
    )
    def decide(self, decision: Decision, who: str, stale: int) -> None:
        def act(world: World) -> None:
            by, latest = getattr(world, who), world.report.latest
            if decision == Decision.RETURN and latest and latest.lines:
                place = Place("machinery", latest.lines[0].key, "amount")
                comments.add(world.report, place, CommentCategory.MUST, "Kontroller.", by=by, revision=latest.number)
            version = world.report.version - stale
            reviews.decide(world.report, decision, by=by, version=version, reasons="Begrunnelse.")

        decided = self._try(act)
        assert not (decided and who in {"anna", "stranger"})
        assert not (decided and stale)

    @rule(stale=sampled_from([0, 0, 0, 1]))
    def withdraw(self, stale: int) -> None:
        begun = self.world.report.review_begun_at is not None
        withdrew = self._try(
            lambda w: withdrawals.withdraw(w.report, "Feil.", by=w.bo, version=w.report.version - stale)
        )
        assert not (withdrew and (begun or stale))

    @rule(who=sampled_from(["rita", "ruth", "anna"]))
    def open_review(self, who: str) -> None:
        self._try(lambda w: reviews.begin(w.report, by=getattr(w, who)))

    @rule()
    def amend(self) -> None:
        self._try(lambda w: amendments.propose(w.report, "Feil måler.", by=w.anna, version=w.report.version))

    @rule()
    def drop_amendment(self) -> None:
        self._try(lambda w: amendments.drop(w.report, by=w.anna, version=w.report.version))

    @rule(days=sampled_from([1, 20, 60]))
    def time_passes(self, days: int) -> None:
        clock.move_to(clock.now() + timedelta(days=days))
        tick()

    @invariant()
    def one_step_waits(self) -> None:
        if not hasattr(self, "world"):
            return
        report = db.session.scalars(select(Report)).one()
        waiting = set(
            db.session.scalars(
                select(HumanTask.element).where(HumanTask.subject == "report", HumanTask.closed_at.is_(None))
            )
        )
        assert waiting == TASKS_OF[report.state]
        processes = select(Process.ended_at).where(Process.subject == "report").order_by(Process.id)
        *past, newest = db.session.scalars(processes)
        assert None not in past
        assert (newest is not None) == (report.state == ReportState.APPROVED)

    @invariant()
    def what_is_in_force_was_approved(self) -> None:
        if not hasattr(self, "world"):
            return
        report, accepted = self.world.report, self.world.report.accepted
        assert (accepted is not None) or report.state not in {ReportState.APPROVED, ReportState.AMENDING}
        assert (accepted is None) == (report.accepted_number is None)
        if accepted is not None:
            assert accepted.review is not None
            assert accepted.review.decision == Decision.APPROVE
            assert {section.accepted_revision_id for section in report.sections} == {accepted.id}

    @invariant()
    def each_revision_is_whole_and_decided_once(self) -> None:
        if not hasattr(self, "world"):
            return
        report = self.world.report
        for number, revision in enumerate(report.revisions, start=1):
            assert revision.number == number
            assert revision.hash == revisions.content_hash(report, revision)
            answered = revision.answers["machinery"]["answer"] == Answer.FILLED
            assert bool(revision.lines_of("machinery")) == answered
            assert revision.figures
        standing = [revision for revision in report.revisions if revision.withdrawal is None]
        undecided = [revision for revision in standing if revision.review is None]
        assert len(undecided) == (report.state == ReportState.SUBMITTED)
        assert db.session.scalar(select(func.count()).select_from(Review)) == len(standing) - len(undecided)

    @invariant()
    def the_trail_is_whole(self) -> None:
        if hasattr(self, "world"):
            assert list(audit.broken_links()) == []

    @invariant()
    def deviations_are_told_once(self) -> None:
        if not hasattr(self, "world"):
            return
        keys = [(row.requirement_id, row.report_id, row.cause_group) for row in db.session.scalars(select(Deviation))]
        assert len(keys) == len(set(keys))

    def _try(self, act: Callable[[World], object]) -> bool:
        revisions = db.session.scalar(select(func.count()).select_from(Revision))
        try:
            with transaction():
                act(self.world)
        except PortalError:
            assert db.session.scalar(select(func.count()).select_from(Revision)) == revisions
            return False
        return True


@pytest.fixture
def fresh_app(make_app: Callable[..., Flask], sqlite_template: Path, tmp_path: Path) -> Callable[[], Flask]:
    """A new application on a new copy of the database, as often as asked."""
    numbers = iter(range(10_000))

    def fresh() -> Flask:
        file = tmp_path / f"life-{next(numbers)}.db"
        file.write_bytes(sqlite_template.read_bytes())
        return make_app(f"sqlite:///{file}")

    return fresh


def test_a_report_lives_by_the_rules(fresh_app: Callable[[], Flask]) -> None:
    ReportLife.fresh_app = staticmethod(fresh_app)
    run_state_machine_as_test(
        ReportLife,
        settings=settings(
            max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
