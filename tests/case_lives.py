"""Lives of a case in which a sanction once came out wrong, told act by act: `case_worth` says what each must come to.

An act that begins with «not» must be refused. The third word says on which row: a case by its cause or its clause, a
report or anything else by its place. What is due in between is done by the worker after each act.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from portal.model import Deviation, Sanction
from tests.case_acts import ACTS, BY_LINE
from tests.case_office import CaseOffice
from tests.case_play import Play, said


class Step(NamedTuple):
    """Who does what, on which row, in which turn."""

    act: str
    who: str
    on: str | int = 0
    turn: int = 0


class Life(NamedTuple):
    """Where it begins, under which terms, what is done, and what the sanctions come to in the end."""

    start: str
    terms: str
    warns_first: bool
    steps: Sequence[Step]
    ends: dict[str, str]
    """Cause or clause of a case -> the step of its sanction and what is asked for."""


def passed(days: int) -> Step:
    """Time goes by."""
    return Step("pass", str(days))


def heard(on: str) -> tuple[Step, ...]:
    """The notice, the reply and what it is worth."""
    return Step("give notice", "adam", on), Step("reply", "bo", on), Step("weigh", "adam", on)


def sanctioned(on: str) -> tuple[Step, ...]:
    """All the way."""
    return *heard(on), *_money(on)


def filed(turn: int = 0, on: int = 0) -> tuple[Step, ...]:
    """A report is filled in and signed."""
    return Step("fill in", "anna", on, turn), Step("sign", "bo", on)


def _money(on: str) -> tuple[Step, ...]:
    return Step("propose", "adam", on), Step("decide", "dora", on)


MONEY_OF_MARCH, MONEY_OF_FILING = _money("4.2"), _money("reporting")
REJECTED, APPROVED = Step("review", "rita", 0, 5), Step("review", "rita", 0)
LATE, REFUSED, SECOND, CORRECTION = "reporting", "not_accepted", "not_accepted-2", "correction"
NOTHING_IS_DUE = {"reply", "weigh", "propose", "fill in", "sign"}
"""After these acts the worker has nothing to do that matters here."""
UNTIL_MAY = passed(27)
"""From «found», on 4 April: the figures in force break both requirements in March."""
LIVES: dict[str, Life] = {
    "R7: warned of what was missing, then it is rejected": Life(
        "begin",
        "by the fee",
        True,
        [passed(50), *sanctioned(LATE), *filed(), REJECTED, *sanctioned(REFUSED)],
        {LATE: "warning 0", REFUSED: "fee 20000"},
    ),
    "R7: a rejection is warned of, and the correction comes late": Life(
        "begin",
        "by the fee",
        True,
        [*filed(2), REJECTED, *sanctioned(REFUSED), passed(60), *filed(2), *sanctioned(CORRECTION)],
        {REFUSED: "warning 0", CORRECTION: "warning 0"},
    ),
    "R7: the late correction is warned of, then the rejection": Life(
        "begin",
        "by the fee",
        True,
        [*filed(2), REJECTED, passed(60), *filed(2), *sanctioned(CORRECTION), *sanctioned(REFUSED)],
        {CORRECTION: "warning 0", REFUSED: "warning 0"},
    ),
    "R7: the rejection has the fee, and its late correction none": Life(
        "begin",
        "by the fee",
        False,
        [*filed(2), REJECTED, *sanctioned(REFUSED), passed(60), *filed(2), *sanctioned(CORRECTION)],
        {REFUSED: "fee 20000", CORRECTION: "fee 0"},
    ),
    "R6: each rejected revision has its own notice and its own fee": Life(
        "begin",
        "by the fee",
        False,
        [
            *filed(2),
            REJECTED,
            *heard(REFUSED),
            *filed(2),
            REJECTED,
            Step("propose", "adam", REFUSED),
            Step("decide", "dora", REFUSED),
            *sanctioned(SECOND),
        ],
        {REFUSED: "fee 20000", SECOND: "fee 20000"},
    ),
    "R1: handed over before the next report is judged": Life(
        "found",
        "by the day",
        False,
        [
            *heard("4.2"),
            UNTIL_MAY,
            *filed(2, 1),
            Step("hand over", "adam"),
            Step("not propose", "adam", "4.2"),
            Step("review", "rita", 1),
            *MONEY_OF_MARCH,
        ],
        {"4.2": "daily 0"},
    ),
    "R14: the day that is noted waits for the report that has come": Life(
        "found",
        "by the day",
        False,
        [
            *heard("4.2"),
            UNTIL_MAY,
            *filed(2, 1),
            Step("note the last day", "adam", "4.2"),
            Step("not propose", "adam", "4.2"),
            Step("review", "rita", 1),
            *MONEY_OF_MARCH,
        ],
        {"4.2": "daily 0"},
    ),
    "R2: the work stands still in April, and May is broken too": Life(
        "begin",
        "by the day",
        False,
        [
            *filed(),
            passed(22),
            APPROVED,
            *heard("4.2"),
            Step("pause", "adam"),
            passed(30),
            Step("resume", "adam"),
            passed(35),
            *filed(0, 1),
            Step("review", "rita", 1),
            *MONEY_OF_MARCH,
        ],
        {"4.2": "daily 3100000"},
    ),
    "R2: of April nothing can be judged, and May is broken too": Life(
        "found",
        "by the day",
        False,
        [
            *heard("4.2"),
            UNTIL_MAY,
            *filed(4, 1),
            Step("review", "rita", 1),
            passed(35),
            *filed(0, 1),
            Step("review", "rita", 1),
            *MONEY_OF_MARCH,
        ],
        {"4.2": "daily 0"},
    ),
    "April is broken too, and is a case of its own": Life(
        "found",
        "by the day",
        False,
        [
            *heard("4.2"),
            Step("not propose", "adam", "4.2"),
            UNTIL_MAY,
            *filed(0, 1),
            Step("review", "rita", 1),
            *MONEY_OF_MARCH,
            *heard("4.2 April"),
            Step("not note the last day", "eva", "4.2 April", 1),
            Step("not propose", "adam", "4.2 April"),
            passed(5),
            Step("note the last day", "eva", "4.2 April", 1),
            Step("propose", "adam", "4.2 April"),
            Step("decide", "dora", "4.2 April"),
        ],
        {"4.2": "daily 3000000", "4.2 April": "daily 500000"},
    ),
    "R4: the handover is noted when a report after it is judged already": Life(
        "found",
        "as agreed",
        False,
        [
            UNTIL_MAY,
            *filed(0, 1),
            Step("review", "rita", 1),
            *heard("4.2 April"),
            Step("hand over", "adam", 0, 5),
            Step("not propose", "adam", "4.2 April"),
        ],
        {},
    ),
    "R5: twice as dear after the notice": Life(
        "found",
        "as agreed",
        False,
        [*heard("4.2"), Step("agree another rate", "adam", 0, 3), *MONEY_OF_MARCH],
        {"4.2": "fee 20000"},
    ),
    "R5: the contract is worth more after the notice": Life(
        "begin",
        "as agreed",
        False,
        [passed(50), *heard(LATE), Step("change the value", "adam", 0, 3), *MONEY_OF_FILING],
        {LATE: "daily 1200000"},
    ),
    "R5: the contract is worth less after the notice": Life(
        "begin",
        "as agreed",
        False,
        [passed(50), *heard(LATE), Step("change the value", "adam", 0, 0), *MONEY_OF_FILING],
        {LATE: "daily 720000"},
    ),
    "R9: a dropped point takes its line out of the fee": Life(
        "found",
        "as agreed",
        False,
        [
            Step("give notice", "adam", "4.3", BY_LINE),
            Step("reply", "bo", "4.3"),
            Step("weigh", "adam", "4.3", 1),
            Step("propose", "adam", "4.3"),
            Step("decide", "dora", "4.3"),
        ],
        {"4.3": "fee 5000"},
    ),
    "R10: who gave the notice does not approve": Life(
        "found",
        "as agreed",
        False,
        [
            Step("give notice", "eva", "4.2"),
            Step("reply", "bo", "4.2"),
            Step("weigh", "adam", "4.2"),
            Step("propose", "adam", "4.2"),
            Step("not decide", "eva", "4.2"),
            Step("decide", "dora", "4.2"),
        ],
        {"4.2": "fee 20000"},
    ),
    "R15: who noted the last day does not approve": Life(
        "found",
        "by the day",
        False,
        [
            *heard("4.2"),
            Step("note the last day", "eva", "4.2"),
            Step("propose", "adam", "4.2"),
            Step("not decide", "eva", "4.2"),
            Step("decide", "dora", "4.2"),
        ],
        {"4.2": "daily 400000"},
    ),
}
"""By the rule that each is about, and what happens."""


def lived(office: CaseOffice, life: Life) -> Play:
    """Live it; everything that must hold is looked at after each act."""
    office.put_back(life.start)
    office.agree(life.terms, warns_first=life.warns_first)
    play = Play(office)
    for step in life.steps:
        if step.act == "pass":
            office.pass_time(timedelta(days=int(step.who)))
        else:
            _do(play, step)
        if step.act not in NOTHING_IS_DUE:
            office.work()
            play.stored = ""
        play.check()
    return play


def ended(play: Play) -> dict[str, str]:
    """The step and the amount of each sanction, by its case's cause or clause, and the month where it is not March."""
    found = {}
    for sanction in play.office.sanctions():
        case = sanction.deviation
        name = case.clause if case.cause_group == "breach" else case.cause_group.removesuffix("-1")
        month = "" if case.report_id == play.office.report_id else f" {case.report.period.starts_on:%B}"
        found[name + month] = f"{sanction.step} {sanction.amount:f}"
    return found


def _do(play: Play, step: Step) -> None:
    name = step.act.removeprefix("not ")
    answer = play.do(name, step.who, step.turn, _place(play, name, step.on))
    assert answer is not None, step
    assert answer.done == (name == step.act), (step, answer.status, said(answer))


def _place(play: Play, name: str, on: str | int) -> int:
    if isinstance(on, int):
        return on
    rows = play.rows(ACTS[name].on)
    found = [place for place, row in enumerate(rows) if on in _names(row)]
    assert found, (name, on, [_names(row) for row in rows])
    return found[0]


def _names(row: Any) -> set[str]:
    case = row.deviation if isinstance(row, Sanction) else row
    if not isinstance(case, Deviation):
        return set()
    names = {case.clause, case.cause_group, case.cause_group.removesuffix("-1")}
    return names | {f"{each} {case.report.period.starts_on:%B}" for each in names}
