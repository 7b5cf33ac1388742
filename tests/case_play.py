"""What people do with a case, held against who may do it and when; and stories that do everything once."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from lxml import html
from sqlalchemy import select

from portal import clock
from portal.extensions import db
from portal.model import Cause, Contract, Deviation, ExtensionRequest, Process, Sanction
from tests import case_decided, case_ground
from tests.case_acts import ACTS, LONG_AGO
from tests.case_office import Answer, CaseOffice
from tests.case_worth import Worth

REFUSALS = {403, 404, 409, 422}
CASE_PAGES = {"case": "", "log": "/log.csv"}
AMENDED = (("amend", "anna"), ("fill in", "anna"), ("sign", "bo"), ("review", "rita"))
"""An amendment all the way, and who does it."""
REPEATABLE = {"fill in", "sign", "weigh"}
"""What may be sent again as it stands already, and changes nothing then."""
CHANGES = {"change the value", "change the last day", "agree another rate", "end a requirement"}
"""Change orders."""
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
        self.settled: dict[int, tuple[object, ...]] = {}
        """What each case that somebody has settled said when it was first seen so."""
        self.charged: dict[tuple[int, int | None], set[date]] = {}
        """The days that cost something, of each requirement; of the duty to report, for each report."""
        self.stored = ""
        """The digest of what is stored since the last act, unless something else has happened."""

    def rows(self, on: type[Any]) -> list[Any]:
        """What an act can be done on, the furthest on first."""
        office = self.office
        if on is Deviation:
            return sorted(office.deviations(), key=lambda row: row.state in case_ground.OVER["deviation"])
        if on is Sanction:
            return office.sanctions()[::-1]
        if on is ExtensionRequest:
            return office.wishes()[::-1]
        return [office.contract] if on is Contract else office.reports()

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

    def did(self, name: str, who: str, turn: int, which: int = 0) -> bool:
        """Do an act; whether it was taken."""
        answer = self.do(name, who, turn, which)
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
        for sanction in db.session.scalars(select(Sanction).where(Sanction.id.in_(now.keys() - self.said.keys()))):
            self._no_day_is_charged_twice(sanction, case_decided.it_stood_when_decided(sanction))
        settled = case_ground.settled()
        for number in settled.keys() & self.settled.keys():
            assert settled[number] == self.settled[number], "a settled case stays what it is"
        self.said, self.settled = now, settled
        db.session.remove()

    def _no_day_is_charged_twice(self, sanction: Sanction, worth: Worth) -> None:
        """Two months that break a requirement each have their days, and so has each late coming of one report."""
        if worth.days is None:
            return
        deviation = sanction.deviation
        of_what = deviation.requirement.continues_id or deviation.requirement_id
        report = None if deviation.cause == Cause.REQUIREMENT_BROKEN else deviation.report_id
        charged = self.charged.setdefault((of_what, report), set())
        assert charged.isdisjoint(worth.days.costing), "a day is charged in two cases"
        charged.update(worth.days.costing)

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


def said(answer: Answer) -> str:
    """What a page says against what was sent."""
    page: Any = html.fromstring(answer.text)
    told = page.xpath("//*[@id='error-summary']//li | //*[@role='alert'] | //main//*[@class='prose']/p")
    return " ".join(" ".join(each.text_content().split()) for each in told)


def assert_in_words(answer: Answer) -> None:
    """A refusal says why, beside the form or on a page of its own."""
    assert said(answer), (answer.address, answer.status, answer.text)


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


def told_until_late(office: CaseOffice) -> None:
    """Nobody files the report; a daily amount for that is proposed."""
    office.put_back("begin")
    office.pass_time(timedelta(days=50))
    office.work()
    play = Play(office)
    for name, who in (("give notice", "eva"), ("reply", "bo"), ("weigh", "adam"), ("propose", "adam")):
        if name == "reply":
            office.get(who, f"/cases/{office.deviations()[0].public_id}")
        assert play.did(name, who, 0), name
        play.stored = ""
        office.work()
    office.keep("late")


GROUND_TAKEN: dict[str, tuple[str, Sequence[tuple[str, str, int]]]] = {
    "the figures cannot be judged any more": (
        "proposed",
        [("amend", "anna", 0), ("fill in", "anna", 4), ("sign", "bo", 0), ("review", "rita", 0)],
    ),
    "what was broken is not asked for that month": ("proposed", [("end a requirement", "adam", 4)]),
    "the month is not reported, for work stood still": ("late", [("pause", "adam", 3)]),
    "the contract is worth less": ("late", [("change the value", "adam", 0)]),
    "nobody asks for reports from then on": ("late", [("end a requirement", "adam", 0)]),
}
"""From where, and what is done before somebody approves that must not be approved as it stands."""


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
    "a contract stands still": (
        "begin",
        [
            ("pause", "adam", 0, 0),
            ("pass", "5 days", 0, 0),
            ("resume", "adam", 0, 0),
            ("pass", "1 day", 0, 0),
        ],
    ),
    "a contract ends": (
        "begin",
        [
            ("hand over", "adam", 0, 0),
            ("take the handover back", "adam", 0, 0),
            ("hand over", "eva", 0, 0),
            ("pass", "1 day", 0, 0),
            ("fill in", "anna", 2, 0),
            ("sign", "bo", 0, 0),
            ("review", "rita", 0, 0),
            ("pass", "1 day", 0, 0),
            ("close the contract", "adam", 0, 0),
        ],
    ),
    "a contract changes": (
        "begin",
        [
            ("change the value", "adam", 0, 0),
            ("agree another rate", "adam", 1, 0),
            ("change the last day", "eva", 3, 0),
            ("end a requirement", "adam", 0, 0),
            ("pass", "1 day", 0, 0),
            ("hand over", "adam", 0, 0),
            ("take the handover back", "eva", 0, 0),
            ("pass", "1 day", 0, 0),
        ],
    ),
    "the last day of a breach is noted": (
        "found",
        [
            ("note the last day", "adam", 0, 0),
            ("note the last day", "eva", 3, 1),
        ],
    ),
    "a notice that was handed over long ago, as somebody types": (
        "found",
        [
            ("the post", "is down", 0, 0),
            ("give notice", "adam", 0, 0),
            ("pass", "12 days", 0, 0),
            ("say how the notice was delivered", "adam", LONG_AGO, 0),
            ("pass", "1 day", 0, 0),
            ("reply", "bo", 0, 0),
            ("weigh", "adam", 0, 0),
            ("propose", "adam", 0, 0),
            ("decide", "dora", 0, 0),
        ],
    ),
}
"""From where, and what is done: the act, by whom, in which turn, on which row; and what befalls them in between."""
