"""A case as a state machine over HTTP: whoever sends whatever in whatever order, no sanction stands without its ground.

Eight people of three organisations do everything that the pages offer, in right and in wrong states, while time passes
in jumps and the worker does what is due. After each step the database is read as an auditor would read it.
"""

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings, target
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from hypothesis.strategies import sampled_from

from portal.application import create_app
from portal.extensions import transaction
from portal.model import NoticeStart
from portal.operations import audit
from tests import case_days, case_decided, case_office, case_rungs, case_terms, case_worth
from tests.case_acts import ACTS, LONG_AGO, TURNS
from tests.case_lives import LIVES, ended, lived
from tests.case_office import PEOPLE, CaseOffice
from tests.case_play import (
    AMENDED,
    CHANGES,
    GROUND_TAKEN,
    PLACES,
    REPEATABLE,
    STORIES,
    Play,
    said,
    told_until_in_force,
    told_until_late,
)
from tests.conftest import settings_for, share_what_is_compiled

RECKONING = (case_decided, case_worth, case_days, case_rungs, case_terms)
"""What says what a sanction must stand on, and what it must come to."""
KNOWN = {"portal.model", "portal.calendars", "portal.clock", "portal.extensions", "portal.text"}
"""Rows, holidays, the time, the database, a text in two languages: all that the reckoning may know of the portal."""
AN_ACT, A_TURN, WHICH = sampled_from(sorted(ACTS)), sampled_from(TURNS), sampled_from((0, 1))


class CaseLife(RuleBasedStateMachine):
    """What people do with reports, cases, sanctions and the contract, in any order, while time passes."""

    office: ClassVar[CaseOffice]

    @initialize(
        start=sampled_from(("begin", "found", "found", "awaiting reply", "heard", "weighed", "proposed", "in force")),
        notice_starts=sampled_from(NoticeStart),
        warns_first=sampled_from((False, True)),
        terms=sampled_from(case_office.TERMS),
    )
    def begin(self, start: str, notice_starts: NoticeStart, warns_first: bool, terms: str) -> None:
        self.office.put_back(start)
        self.office.agree(terms if start in {"begin", "found"} else "as agreed", warns_first=warns_first)
        with transaction():
            contract = self.office.contract
            contract.notice_starts, contract.deemed_working_days = notice_starts, 3
        self.play = Play(self.office)

    def teardown(self) -> None:
        if hasattr(self, "play"):
            assert list(audit.broken_links()) == []
            target(float(len(self.play.done)), label="acts that changed something")
            target(float(self.play.in_force()), label="sanctions in force")

    @rule(name=AN_ACT, who=sampled_from(PEOPLE), turn=A_TURN, which=WHICH)
    def anybody_does_anything(self, name: str, who: str, turn: int, which: int) -> None:
        self.play.do(name, who, turn, which)

    @rule(name=AN_ACT, turn=A_TURN, which=WHICH, nth=WHICH)
    def somebody_does_their_work(self, name: str, turn: int, which: int, nth: int) -> None:
        people = sorted(ACTS[name].people)
        self.play.do(name, people[nth % len(people)], turn, which)

    @rule(which=sampled_from((0, 1, 2)))
    def the_case_goes_on(self, which: int) -> None:
        self.play.onward(which)

    @rule(name=sampled_from(sorted(CHANGES)), turn=A_TURN)
    def the_contract_changes(self, name: str, turn: int) -> None:
        self.play.do(name, "adam", turn)
        self.play.stored = ""
        self.office.work()

    @rule(days=sampled_from((2, 40)))
    def it_is_settled_and_filed_later(self, days: int) -> None:
        self.play.do("dismiss", "adam")
        self.play.stored = ""
        self.office.pass_time(timedelta(days=days))
        self.office.work()
        for name, who in (("fill in", "anna"), ("sign", "bo")):
            self.play.do(name, who)

    @rule(turn=sampled_from((0, 1, 2, 3, 4)))
    def the_report_is_amended(self, turn: int) -> None:
        for name, who in AMENDED:
            if not self.play.did(name, who, turn if name == "fill in" else 0):
                return

    @rule(turn=sampled_from((0, 1, 2, 2, 4)), days=sampled_from((0, 25)), is_reviewed=sampled_from((True, False)))
    def the_next_month_is_reported(self, turn: int, days: int, is_reviewed: bool) -> None:
        self.office.pass_time(timedelta(days=days))
        self.office.work()
        self.play.stored = ""
        for name, who in AMENDED[1:] if is_reviewed else AMENDED[1:-1]:
            if not self.play.did(name, who, turn if name == "fill in" else 0, 1):
                return

    @rule(
        who=sampled_from(PEOPLE), page=sampled_from(("case", "cases", "home", "sanctions", "contract", "report", "log"))
    )
    def somebody_looks(self, who: str, page: str) -> None:
        self.play.look(who, page)

    @rule(hours=sampled_from((1, 30, 24 * 5, 24 * 20, 24 * 60)), works=sampled_from((True, True, False)))
    def time_passes(self, hours: int, works: bool) -> None:
        self.play.stored = ""
        self.office.pass_time(timedelta(hours=hours))
        if works:
            self.office.work()
            self.play.nothing_is_due()

    @rule(does=sampled_from(("takes", "takes", "is down", "refuses")))
    def the_mail_server(self, does: str) -> None:
        self.office.post_office.does = does

    @invariant()
    def everything_holds(self) -> None:
        if hasattr(self, "play"):
            self.play.check()


# -- told -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def office(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaseOffice]:
    """One for all stories, with places to begin them at: each a little further on the way to a sanction."""
    folder = tmp_path_factory.mktemp("case-office")
    file = folder / "case.db"
    file.write_bytes(sqlite_template.read_bytes())
    app = create_app(settings_for(f"sqlite:///{file}", folder))
    app.config["WTF_CSRF_ENABLED"] = False
    share_what_is_compiled(app)
    with case_office.opened(app, file) as opened:
        told_until_in_force(opened)
        told_until_late(opened)
        yield opened


def test_the_rules_reach_a_sanction_in_force(office: CaseOffice) -> None:
    """Or the machine would prove nothing: by its own rules alone it comes to a decision, and to its letters."""
    office.put_back("in force")
    [sanction] = office.sanctions()
    assert (sanction.state, sanction.amount) == ("closed", case_office.FEE)
    assert set(PLACES.values()) <= office.kept.keys()


@pytest.mark.parametrize("story", STORIES)
def test_each_act_is_taken_from_somebody_in_some_state(office: CaseOffice, story: str) -> None:
    """An act whose form is never taken would hide all that it could break."""
    start, steps = STORIES[story]
    office.put_back(start)
    play = Play(office)
    for name, who, turn, which in steps:
        if name == "the post":
            office.post_office.does = who
        elif name == "pass":
            office.pass_time(timedelta(days=int(who.split()[0])))
            office.work()
            play.stored = ""
        else:
            answer = play.do(name, who, turn, which)
            assert answer is not None, name
            assert answer.done, (name, who, answer.status, said(answer))
        play.check()


def test_the_stories_do_everything_that_can_be_done() -> None:
    done = {name for _start, steps in STORIES.values() for name, *_more in steps}
    assert ACTS.keys() - done == set()


@pytest.mark.parametrize(
    "place",
    [
        *("begin", "found", "proposed"),
        *(pytest.param(each, marks=pytest.mark.soak) for each in ("awaiting reply", "heard", "weighed", "in force")),
    ],
)
def test_no_step_is_taken_out_of_its_turn(office: CaseOffice, place: str) -> None:
    """Every act by somebody who may do it, well filled in, where it is not its turn: refused, and nothing changes."""
    office.put_back(place)
    play = Play(office)
    tried = set()
    for name, act in ACTS.items():
        for which, state in enumerate([row.state for row in play.rows(act.on)]):
            if state not in act.states:
                answer = play.do(name, min(act.people - {"eva"}), 0, which)
                assert answer is not None
                assert not answer.done or name in REPEATABLE, (name, state)
                tried.add(name)
    assert play.done == []
    assert len(tried) >= 7, tried


def test_nothing_is_signed_that_was_not_filled_in(office: CaseOffice) -> None:
    office.put_back("begin")
    play = Play(office)
    for name, who in (("sign", "bo"), ("hand it to the signatory", "anna")):
        assert not play.did(name, who, 0), name
    assert play.done == []


def test_an_amendment_heals_shrinks_and_makes_worse(office: CaseOffice) -> None:
    """What the report says decides which case there is; the machine would else never heal one."""
    office.put_back("found")
    play, seen = Play(office), []
    for turn in (2, 3, 1, 0):
        for name, who in AMENDED:
            assert play.did(name, who, turn if name == "fill in" else 0), (name, turn)
        play.check()
        seen.append([(str(row.state), row.facts["breaches"]) for row in office.deviations()])
    assert seen[0] == [("fell_away", 1), ("fell_away", 2)]
    assert seen[1] == [("found", 1), ("found", 1)]
    assert seen[2] == seen[3] == [("found", 1), ("found", 2)]


@pytest.mark.parametrize("room", RECKONING, ids=lambda room: str(room.__name__))
def test_the_reckoning_knows_nothing_of_what_it_checks(room: ModuleType) -> None:
    """Neither the rooms that compute sanctions nor their arithmetic: else it would only prove that they are alike."""
    tree = ast.parse(Path(str(room.__file__)).read_text(encoding="utf-8"))
    found = [each for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    assert not any(isinstance(each, ast.Import) for each in ast.walk(tree)), "only what is named is imported"
    packages = {"portal", "tests"}
    named = {f"{each.module}.{name.name}" for each in found if each.module in packages for name in each.names}
    named |= {str(each.module) for each in found if each.module not in packages}
    ours = {name for name in named if name.split(".")[0] in packages}
    assert ours <= KNOWN | {each.__name__ for each in RECKONING}, room


@pytest.mark.parametrize("told", GROUND_TAKEN)
def test_what_takes_the_ground_away_stops_who_approves(office: CaseOffice, told: str) -> None:
    start, steps = GROUND_TAKEN[told]
    office.put_back(start)
    play = Play(office)
    for name, who, turn in steps:
        answer = play.do(name, who, turn)
        assert answer is not None
        assert answer.done, (name, said(answer))
        play.check()
    play.stored = ""
    office.work()
    assert not play.did("decide", "dora", 0)
    play.check()
    assert play.in_force() == 0


def test_a_day_typed_afterwards_takes_no_time_from_the_supplier(office: CaseOffice) -> None:
    office.put_back("found")
    play = Play(office)
    office.post_office.does = "is down"
    assert play.did("give notice", "adam", 0)
    office.pass_time(timedelta(days=12))
    office.work()
    play.stored = ""
    assert play.did("say how the notice was delivered", "adam", LONG_AGO)
    office.work()
    play.stored = ""
    assert "awaiting_reply" in {row.state for row in office.deviations()}
    assert not play.did("propose", "adam", 0)
    play.check()


def test_a_report_that_comes_late_after_all_is_found_anew(office: CaseOffice) -> None:
    """Settled as a matter of two days, and filed after a month: what was settled stays, and the month is not lost."""
    office.put_back("begin")
    play = Play(office)
    for days, acts in ((50, (("dismiss", "adam"),)), (30, (("fill in", "anna"), ("sign", "bo")))):
        office.pass_time(timedelta(days=days))
        office.work()
        play.stored = ""
        for name, who in acts:
            assert play.did(name, who, 0), name
            play.check()
    mine = [row for row in office.deviations() if row.report_id == office.report_id]
    assert [(str(row.state), str(row.cause)) for row in mine] == [
        ("dismissed", "report_missing"),
        ("found", "report_late"),
    ]
    assert mine[0].late_by_days is None
    assert (mine[1].late_by_days or 0) > 30


@pytest.mark.parametrize("name", LIVES)
def test_what_once_came_out_wrong(office: CaseOffice, name: str) -> None:
    life = LIVES[name]
    assert ended(lived(office, life)) == life.ends


QUICK = (Phase.generate, Phase.target)
"""The same lives each time, and without making a failure shorter, which takes many minutes: `make soak` does that."""
WHOLE = (Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink)


MANY = [pytest.param(50, 20, False, marks=pytest.mark.soak, id=f"many-{number}") for number in range(4)]
"""Two hundred lives, random ones, in parts that run beside each other."""


@pytest.mark.parametrize(("lives", "steps", "is_fixed"), [pytest.param(6, 12, True, id="few"), *MANY])
def test_no_sanction_stands_without_its_ground(office: CaseOffice, lives: int, steps: int, is_fixed: bool) -> None:
    CaseLife.office = office
    how = {"derandomize": True, "database": None, "phases": QUICK} if is_fixed else {"phases": WHOLE}
    run_state_machine_as_test(
        CaseLife,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            **how,
        ),
    )
