"""A case as a state machine over HTTP: whoever sends whatever in whatever order, no sanction stands without its ground.

Eight people of three organisations do everything that the pages offer, in right and in wrong states, while time passes
in jumps and the worker does what is due. After each step the database is read as an auditor would read it.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings, target
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from hypothesis.strategies import sampled_from
from lxml import html
from sqlalchemy import select

from portal import clock
from portal.application import create_app
from portal.extensions import db, transaction
from portal.model import Contract, Deviation, ExtensionRequest, NoticeStart, Process, Sanction
from portal.operations import audit
from tests import case_ground, case_office
from tests.case_acts import ACTS, TURNS
from tests.case_office import PEOPLE, Answer, CaseOffice
from tests.conftest import settings_for, share_what_is_compiled

REFUSALS = {403, 404, 409, 422}
CASE_PAGES = {"case": "", "log": "/log.csv"}
AMENDED = (("amend", "anna"), ("fill in", "anna"), ("sign", "bo"), ("review", "rita"))
"""An amendment all the way, and who does it."""
REPEATABLE = {"fill in", "sign", "weigh"}
"""What may be sent again as it stands already, and changes nothing then."""
ONWARD = (
    "review",
    "give notice",
    "reply",
    "weigh",
    "propose",
    "decide",
    "revise",
    "say how the notice was delivered",
    "say how the decision was delivered",
)
"""What brings a case on towards a sanction, as `Play.onward` tries it."""


class Play:
    """Acts done at the office, each held against who may do it and when."""

    def __init__(self, office: CaseOffice) -> None:
        self.office = office
        self.done: list[tuple[str, str]] = []
        self.said: dict[int, tuple[object, ...]] = {}
        """What each sanction in force said when it was first seen."""
        self.stored = ""
        """The digest of what is stored since the last act, unless something else has happened."""

    def rows(self, on: type[Any]) -> list[Any]:
        """What an act can be done on, the furthest on first."""
        office = self.office
        if on is Deviation:
            return sorted(office.deviations(), key=lambda row: row.state in case_ground.OVER["deviation"])
        lists = {Sanction: office.sanctions, ExtensionRequest: office.wishes}
        return list(reversed(lists[on]())) if on in lists else [office.contract if on is Contract else office.report]

    def do(self, name: str, who: str, turn: int = 0, which: int = 0) -> Answer | None:
        """Do an act on one row; None when there is no such row."""
        act, rows = ACTS[name], self.rows(ACTS[name].on)
        if not rows:
            return None
        row = rows[which % len(rows)]
        state, before = row.state, self.stored or self.office.digest()
        answer = act.send(self.office, who, row, turn)
        after = self.stored = self.office.digest()
        if state not in act.states or who not in act.people:
            assert before == after, (name, who, state, "changed something")
        if who not in act.people:
            assert answer.status in {403, 404}, (name, who, answer.status)
        if not answer.done:
            assert answer.status in REFUSALS, (name, who, answer.status)
            assert_in_words(answer)
        if after != before:
            self.done.append((name, who))
        elif answer.done:
            assert name in REPEATABLE, (name, who, state, "was taken, and came to nothing")
        return answer

    def did(self, name: str, who: str, turn: int) -> bool:
        """Do an act; whether it was taken."""
        answer = self.do(name, who, turn)
        return answer is not None and answer.done

    def onward(self, which: int) -> None:
        """Whatever comes next on the way to a sanction, done soundly."""
        rows = [row for row in self.rows(Deviation) if row.state not in case_ground.OVER["deviation"]]
        for name in ONWARD:
            act = ACTS[name]
            for number, row in enumerate(self.rows(act.on)):
                aside = act.on is Deviation and rows and row.id != rows[which % len(rows)].id
                if row.state in act.states and not aside and not self._is_settled(name, row):
                    self.do(name, min(act.people - {"eva"}), 0, number)
                    return

    @staticmethod
    def _is_settled(name: str, row: Any) -> bool:
        """Whether this has been done already, and something else comes next."""
        if name == "weigh":
            return all(point.weighings for point in row.points)
        return name == "reply" and row.state != "awaiting_reply"

    def check(self) -> None:
        """Everything that must hold, now."""
        db.session.remove()
        case_ground.everything_holds()
        now = case_ground.decided()
        for number, said in self.said.items():
            assert now.get(number) == said, "a decided sanction stays what it is"
        self.said = now
        db.session.remove()

    def look(self, who: str, page: str) -> None:
        """Open a page, as the first of its kind that there is."""
        report, cases = self.office.report, self.rows(Deviation)
        address = {
            "cases": "/cases",
            "home": "/",
            "sanctions": "/sanctions",
            "contract": f"/contracts/{self.office.contract.public_id}",
            "report": f"/reports/{report.public_id}",
            **(
                {"case": f"/cases/{cases[0].public_id}", "log": f"/cases/{cases[0].public_id}/log.csv"} if cases else {}
            ),
        }.get(page, "/cases")
        self.stored = ""
        is_anybodys = page in {"cases", "home", "sanctions"} or address == "/cases"
        assert self.office.get(who, address).status == (404 if who == "sten" and not is_anybodys else 200)

    def nothing_is_due(self) -> None:
        """When the worker is done no timer is left behind."""
        late = select(Process.id).where(Process.due_at <= clock.now(), Process.ended_at.is_(None))
        assert db.session.scalars(late).all() == []

    def in_force(self) -> int:
        """How many sanctions are."""
        return len(self.said)


def assert_in_words(answer: Answer) -> None:
    """A refusal says why, beside the form or on a page of its own."""
    assert said(answer), (answer.address, answer.status, answer.text)


AN_ACT, A_TURN, WHICH = sampled_from(sorted(ACTS)), sampled_from(TURNS), sampled_from((0, 1))


def said(answer: Answer) -> str:
    """What a page says against what was sent."""
    told = html.fromstring(answer.text).xpath(
        "//*[@id='error-summary']//li | //*[@role='alert'] | //main//*[@class='prose']/p"
    )
    return " ".join(" ".join(each.text_content().split()) for each in told)


class CaseLife(RuleBasedStateMachine):
    """What people do with reports, cases, sanctions and the contract, in any order, while time passes."""

    office: ClassVar[CaseOffice]

    @initialize(
        start=sampled_from(("begin", "found", "found", "awaiting reply", "heard", "weighed", "proposed", "in force")),
        notice_starts=sampled_from(NoticeStart),
        warns_first=sampled_from((False, True)),
    )
    def begin(self, start: str, notice_starts: NoticeStart, warns_first: bool) -> None:
        self.office.put_back(start)
        with transaction():
            contract = self.office.contract
            contract.notice_starts, contract.deemed_working_days = notice_starts, 3
            next(each for each in contract.clauses if each.clause == "7.2").warns_first = warns_first
        self.play = Play(self.office)

    def teardown(self) -> None:
        if hasattr(self, "play"):
            assert list(audit.broken_links()) == []
            target(float(len(self.play.done)), label="acts that changed something")
            target(float(self.play.in_force()), label="sanctions in force")

    @rule(
        name=sampled_from(sorted(ACTS)), who=sampled_from(PEOPLE), turn=sampled_from(TURNS), which=sampled_from((0, 1))
    )
    def anybody_does_anything(self, name: str, who: str, turn: int, which: int) -> None:
        self.play.do(name, who, turn, which)

    @rule(
        name=sampled_from(sorted(ACTS)), turn=sampled_from(TURNS), which=sampled_from((0, 1)), nth=sampled_from((0, 1))
    )
    def somebody_does_their_work(self, name: str, turn: int, which: int, nth: int) -> None:
        people = sorted(ACTS[name].people)
        self.play.do(name, people[nth % len(people)], turn, which)

    @rule(which=sampled_from((0, 1, 2)))
    def the_case_goes_on(self, which: int) -> None:
        self.play.onward(which)

    @rule(turn=sampled_from((0, 1, 2, 3)))
    def the_report_is_amended(self, turn: int) -> None:
        for name, who in AMENDED:
            if not self.play.did(name, who, turn if name == "fill in" else 0):
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
        yield opened


PLACES = {
    "review": "found",
    "give notice": "awaiting reply",
    "reply": "heard",
    "weigh": "weighed",
    "propose": "proposed",
}
"""After which act which place to begin at is kept."""


def told_until_in_force(office: CaseOffice) -> None:
    """A breach is found, notified, replied to, weighed and sanctioned, by nothing but what the machine's rules do."""
    play = Play(office)
    play.do("fill in", "anna")
    office.pass_time(timedelta(days=25))
    play.do("sign", "bo")
    for _step in range(7):
        play.onward(0)
        play.stored = ""
        office.work()
        play.check()
        if (place := PLACES.get(play.done[-1][0])) and place not in office.kept:
            office.keep(place)
    office.keep("in force")


def test_the_rules_reach_a_sanction_in_force(office: CaseOffice) -> None:
    """Or the machine would prove nothing: by its own rules alone it comes to a decision, and to its letters."""
    office.put_back("in force")
    [sanction] = office.sanctions()
    assert (sanction.state, sanction.amount) == ("closed", case_office.FEE)
    assert set(PLACES.values()) <= office.kept.keys()


STORIES: dict[str, tuple[str, Sequence[tuple[str, str, int, int]]]] = {
    "a report goes to and fro": (
        "begin",
        [
            ("ask for time to report", "anna", 0, 0),
            ("answer the request", "adam", 1, 0),
            ("fill in", "anna", 0, 0),
            ("hand it to the signatory", "bo", 0, 0),
            ("withhold", "bo", 0, 0),
            ("pass", "26 days", 0, 0),
            ("sign", "bo", 0, 0),
            ("withdraw the report", "bo", 0, 0),
            ("sign", "bo", 0, 0),
            ("review", "rita", 4, 0),
            ("sign", "bo", 0, 0),
            ("review", "ruth", 0, 0),
            ("amend", "anna", 0, 0),
            ("drop the amendment", "anna", 0, 0),
            ("dismiss", "adam", 0, 0),
            ("give notice", "eva", 0, 0),
            ("pass", "1 day", 0, 0),
            ("ask for time to reply", "bo", 0, 0),
            ("answer the request", "eva", 1, 0),
            ("take the notice back", "adam", 0, 0),
        ],
    ),
    "a notice that does not arrive, and a case without a sanction": (
        "found",
        [
            ("the post", "is down", 0, 0),
            ("give notice", "adam", 0, 0),
            ("pass", "3 days", 0, 0),
            ("say how the notice was delivered", "adam", 0, 0),
            ("reply", "bo", 4, 0),
            ("reply", "anna", 0, 0),
            ("weigh", "adam", 3, 0),
            ("close", "adam", 0, 0),
        ],
    ),
    "a proposal is sent back, and its decision does not arrive": (
        "proposed",
        [
            ("decide", "eva", 4, 0),
            ("revise", "adam", 3, 0),
            ("decide", "dora", 4, 0),
            ("revise", "adam", 2, 0),
            ("propose", "adam", 0, 0),
            ("the post", "is down", 0, 0),
            ("decide", "eva", 0, 0),
            ("pass", "3 days", 0, 0),
            ("say how the decision was delivered", "adam", 0, 0),
        ],
    ),
    "a contract ends": (
        "begin",
        [
            ("pause", "adam", 0, 0),
            ("pass", "5 days", 0, 0),
            ("resume", "adam", 0, 0),
            ("hand over", "adam", 0, 0),
            ("take the handover back", "adam", 0, 0),
            ("hand over", "eva", 0, 0),
            ("pass", "1 day", 0, 0),
            ("fill in", "anna", 2, 0),
            ("sign", "bo", 0, 0),
            ("review", "rita", 0, 0),
            ("close the contract", "adam", 0, 0),
        ],
    ),
}
"""From where, and what is done: the act, by whom, in which turn, on which row; and what befalls them in between."""


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


QUICK = (Phase.explicit, Phase.reuse, Phase.generate, Phase.target)
"""Without making a failure shorter, which takes many minutes: `make soak` does that."""


@pytest.mark.parametrize(
    ("lives", "phases"), [(6, QUICK), pytest.param(600, (*QUICK, Phase.shrink), marks=pytest.mark.soak)]
)
def test_no_sanction_stands_without_its_ground(office: CaseOffice, lives: int, phases: tuple[Phase, ...]) -> None:
    CaseLife.office = office
    run_state_machine_as_test(
        CaseLife,
        settings=settings(
            max_examples=lives,
            stateful_step_count=20,
            deadline=None,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
