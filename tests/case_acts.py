"""What the people of both parties can do at the pages of a contract: each act as the form that is sent.

Every act takes a `turn`, from 0 to 7, that says in which way it is done: most ways are sound, the last ones are not.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from portal import calendars, clock
from portal.model import (
    Contract,
    ContractState,
    Deviation,
    DeviationState,
    ExtensionRequest,
    Report,
    ReportState,
    Sanction,
    SanctionState,
    Verdict,
)
from tests.case_office import Answer, CaseOffice

TURNS = range(8)
THE_DAY_BEFORE, LONG_AGO = 2, 4
"""The turns in which something was handed over on a day that is past when it is typed."""
BY_LINE = 4
"""The turn in which a notice names each line in a point of its own."""
WRONG, STALE = 7, 6
"""The turns in which something is left out, and in which the page was read before somebody else changed the case."""
SAID = "Begrunnelsen er skrevet."
ASSESSORS, SUPPLIERS = frozenset({"adam", "eva"}), frozenset({"anna", "bo"})
DECIDERS, REVIEWERS = frozenset({"dora", "eva"}), frozenset({"rita", "ruth"})
EDITABLE = frozenset(
    {ReportState.OPEN, ReportState.DRAFT, ReportState.RETURNED, ReportState.REJECTED, ReportState.AMENDING}
)
UPHELD, PARTLY, DROPPED = Verdict.UPHELD, Verdict.PARTLY, Verdict.DROPPED
WEIGHED = ((UPHELD, UPHELD), (UPHELD, DROPPED), (PARTLY, DROPPED), (DROPPED, DROPPED), (DROPPED, UPHELD))


@dataclass(frozen=True)
class Act:
    """One thing that a person does: who at most may, when at most it counts, and how it is sent."""

    on: type[Any]
    people: frozenset[str]
    states: frozenset[Any]
    """In any other state nothing may change."""
    send: Callable[[CaseOffice, str, Any, int], Answer]


def _version(row: Any, turn: int) -> str:
    return str(row.version - 1 if turn == STALE else row.version)


def _said(turn: int) -> str:
    return "  " if turn == WRONG else SAID


# -- the case ---------------------------------------------------------------------------------------------------------


def _at(row: Deviation | Sanction, act: str) -> str:
    return f"/cases/{'sanctions/' if isinstance(row, Sanction) else ''}{row.public_id}/{act}"


def _settle(act: str) -> Callable[[CaseOffice, str, Deviation, int], Answer]:
    def send(office: CaseOffice, who: str, deviation: Deviation, turn: int) -> Answer:
        form = {f"{act}-version": _version(deviation, turn), f"{act}-reason": _said(turn)}
        return office.send(who, _at(deviation, act), **form)

    return send


def _notice(office: CaseOffice, who: str, deviation: Deviation, turn: int) -> Answer:
    """With points of a person's own; or, in one turn, with one for each line that breaks the requirement by itself."""
    lines = deviation.facts["lines"] if turn == BY_LINE else []
    points = [f"Linje {key}." for key in lines] or (
        ["Punkt én.", "Punkt to."][: 1 + turn % 2] if turn != WRONG else [" "]
    )
    return office.send(
        who,
        _at(deviation, "notice"),
        **{
            "notice-version": _version(deviation, turn),
            "notice-text": "Varsel om brudd.",
            "notice-working_days": str(3 + turn),
            **{f"notice-points-{number}": text for number, text in enumerate(points)},
            **{f"notice-lines-{number}": key for number, key in enumerate(lines)},
        },
    )


def _delivery(prefix: str) -> Callable[[CaseOffice, str, Any, int], Answer]:
    def send(office: CaseOffice, who: str, row: Deviation | Sanction, turn: int) -> Answer:
        told = {"how": "Overlevert ved bud.", "to": "Bo Prøve", "on": f"{_handed_over_on(row, turn):%Y-%m-%d}"}
        again = {"resend": "1"} if turn % 2 else {f"{prefix}-{name}": value for name, value in told.items()}
        return office.send(who, _at(row, "delivery"), **{f"{prefix}-version": _version(row, turn), **again})

    return send


def _handed_over_on(row: Deviation | Sanction, turn: int) -> date:
    """Today; the day before; and the first day that can be meant, which may be long ago."""
    today, zone = clock.today(row.contract.time_zone), row.contract.time_zone
    if turn == LONG_AGO and isinstance(row, Deviation) and row.notices:
        return calendars.local_day(row.notices[-1].created_at, zone)
    return today - timedelta(days=1 if turn == THE_DAY_BEFORE else 0)


def _reply(office: CaseOffice, who: str, deviation: Deviation, turn: int) -> Answer:
    answered = {4: deviation.points[:1], 5: []}.get(turn, deviation.points)
    form = {"reply-text": "" if turn == WRONG else "Se svarene."}
    for point in answered:
        form[f"reply-point_{point.number}-stance"] = "disagrees"
        form[f"reply-point_{point.number}-text"] = "" if turn == WRONG else "Laderen kom sent."
    if turn not in {3, 4}:
        form["reply-is_complete"] = "y"
    return office.send(who, _at(deviation, "reply"), **form)


def _weigh(office: CaseOffice, who: str, deviation: Deviation, turn: int) -> Answer:
    verdicts = WEIGHED[turn % len(WEIGHED)]
    form = {"weigh-version": _version(deviation, turn)}
    for place, point in enumerate(deviation.points):
        form[f"weigh-point_{point.number}-verdict"] = str(verdicts[place % 2])
        form[f"weigh-point_{point.number}-reasons"] = _said(turn)
    return office.send(who, _at(deviation, "weigh"), **form)


def _put_right(office: CaseOffice, who: str, deviation: Deviation, turn: int) -> Answer:
    """Today, or soon after what was judged; the first day that was judged; a day to come."""
    period, today = deviation.report.period, clock.today(deviation.contract.time_zone)
    day = {1: period.ends_on + timedelta(days=5), 3: period.starts_on, 5: today + timedelta(days=1)}.get(turn, today)
    form = {"version": _version(deviation, turn), "on": f"{day:%Y-%m-%d}", "reason": _said(turn)}
    return office.send(who, _at(deviation, "put-right"), **{f"put_right-{name}": each for name, each in form.items()})


# -- the sanction -----------------------------------------------------------------------------------------------------

_WAIVED = {
    3: {"waive": "part", "waived": "1000", "waiver_reason": SAID},
    4: {"waive": "all", "waived": "", "waiver_reason": SAID},
    5: {"waive": "part", "waived": "99000000", "waiver_reason": SAID},
}


def _proposal(prefix: str, row: Deviation | Sanction, turn: int) -> dict[str, str]:
    form = {"version": _version(row, turn), "reason": _said(turn), "waive": "", **_WAIVED.get(turn, {})}
    return {f"{prefix}-{name}": value for name, value in form.items()}


def _propose(office: CaseOffice, who: str, deviation: Deviation, turn: int) -> Answer:
    return office.send(who, _at(deviation, "sanction"), **_proposal("propose", deviation, turn))


def _decide(office: CaseOffice, who: str, sanction: Sanction, turn: int) -> Answer:
    form = {"decide-version": _version(sanction, turn), "decide-comment": _said(turn)}
    return office.send(who, _at(sanction, "decide"), **form, **({} if turn in {4, 5, WRONG} else {"approve": "1"}))


def _revise(office: CaseOffice, who: str, sanction: Sanction, turn: int) -> Answer:
    withdraw = {"withdraw": "1"} if turn == 2 else {}
    return office.send(who, _at(sanction, "revise"), **_proposal("revise", sanction, turn), **withdraw)


# -- more time --------------------------------------------------------------------------------------------------------


def _ask(office: CaseOffice, who: str, row: Deviation | Report, turn: int) -> Answer:
    is_report = isinstance(row, Report)
    due_at = (row.due_at if isinstance(row, Report) else row.reply_due_at) or clock.now()
    until = "" if turn == WRONG else f"{due_at + timedelta(days=(10, 40)[turn % 2]):%Y-%m-%d}"
    return office.send(
        who, f"/{'reports' if is_report else 'cases'}/{row.public_id}/more-time", until=until, words="Sykdom."
    )


def _answer(office: CaseOffice, who: str, wish: ExtensionRequest, turn: int) -> Answer:
    until = f"{wish.wished_until - timedelta(days=turn):%Y-%m-%d}"
    form = {"answer": "grant", "until": until} if turn % 2 else {"answer": "refuse"}
    return office.send(who, f"/more-time/{wish.public_id}", **form, words=_said(turn))


# -- the report -------------------------------------------------------------------------------------------------------

REPORTED: tuple[dict[str, str], ...] = (
    {"DI-2": "9000", "GA-3": "IIIA", "GA-4": "IIIA"},
    {"DI-2": "90000", "GA-3": "IIIA", "GA-4": "IIIA"},
    {"DI-2": "1000", "GA-3": "V", "GA-4": "V"},
    {"DI-2": "9000", "GA-3": "IIIA", "GA-4": "V"},
    {},
)
"""Both requirements broken, by two machines; worse; healed; by one machine less; nothing at all, so that nothing can be
judged. Litres, or the stage it is of."""


def _report_at(report: Report, act: str) -> str:
    return f"/reports/{report.public_id}/{act}"


def _fill_in(office: CaseOffice, who: str, report: Report, turn: int) -> Answer:
    """The machines that were there, and that no fuel came."""
    reported = REPORTED[turn % len(REPORTED)]
    if not reported:
        first = _nothing(office, who, report, "machinery")
        return _nothing(office, who, report, "fuel") if first.done else first
    address = _report_at(report, "sections/machinery")
    shown = office.filled(who, address, "section-form")
    form = {name: value for name, value in shown.items() if not name.startswith("lines-")}
    form |= dict(_lines(shown, office.machines(), reported))
    first = office.send(who, address, **{"version": "0", "answer": "filled", **form})
    return _nothing(office, who, report, "fuel") if first.done else first


def _nothing(office: CaseOffice, who: str, report: Report, section: str) -> Answer:
    address = _report_at(report, f"sections/{section}")
    shown = {"version": "0", **office.filled(who, address, "section-form")}
    return office.send(who, address, version=shown["version"], answer="nothing", reason="Ingenting i perioden.")


def _lines(shown: dict[str, str], names: dict[str, str], reported: dict[str, str]) -> Iterator[tuple[str, str]]:
    rows = sorted({name.split("-")[1] for name in shown if name.startswith("lines-")} - {"__new__"})
    for row in rows:
        known = {name: value for name, value in shown.items() if name.startswith(f"lines-{row}-")}
        name = names[known[f"lines-{row}-in_machine"]]
        amount = "5000" if name == "EL-1" else reported[name] if name == "DI-2" else "10"
        typed = {"in_hours": "100", "in_amount": amount, "in_amount_source": "metered"}
        if name.startswith("GA"):
            typed["in_stage"] = reported[name]
        yield from {**known, **{f"lines-{row}-{column}": value for column, value in typed.items()}}.items()


def _sign(office: CaseOffice, who: str, report: Report, turn: int) -> Answer:
    """With a reason for every warning. A page that was read too early is another's version."""
    form = office.filled(who, _report_at(report, "check"), "/sign")
    reasons = {name: SAID for name in form if name.startswith("reason:")}
    return office.send(who, _report_at(report, "sign"), **{**form, **reasons, "version": _version(report, turn)})


def _review(office: CaseOffice, who: str, report: Report, turn: int) -> Answer:
    decision = "return" if turn == 4 else "reject" if turn in {5, WRONG} else "approve"
    if decision == "return" and report.latest is not None:
        number = str(report.latest.number)
        place = {"revision": number, "place": "machinery", "category": "must", "text": "Kontroller."}
        office.send(who, _report_at(report, "comments"), **place)
    form = {"version": _version(report, turn), "decision": decision, "reasons": _said(turn)}
    return office.send(who, _report_at(report, "review"), **form)


def _with_report(act: str, words: str = "reason") -> Callable[[CaseOffice, str, Report, int], Answer]:
    def send(office: CaseOffice, who: str, report: Report, turn: int) -> Answer:
        form = {"version": _version(report, turn), words: _said(turn)}
        return office.send(who, _report_at(report, act), **form)

    return send


# -- the contract -----------------------------------------------------------------------------------------------------


def _day(day: date) -> str:
    return f"{day:%d.%m.%Y}"


def _contract(act: str) -> Callable[[CaseOffice, str, Contract, int], Answer]:
    def send(office: CaseOffice, who: str, contract: Contract, turn: int) -> Answer:
        first, today = contract.starts_on, clock.today(contract.time_zone)
        back = {3: first, 5: first + timedelta(days=14), WRONG: contract.ends_on}
        day = back.get(turn, today - timedelta(days=turn % 3))
        named = dict.fromkeys(("starts_on", "resumes_on", "handed_over_on"), _day(day))
        form = {"version": _version(contract, turn), "reason": _said(turn), **named}
        return office.send(who, f"/contracts/{contract.public_id}/acts/{act}", **form)

    return send


def _change_order(
    change: Callable[[Contract, int], dict[str, Any]],
) -> Callable[[CaseOffice, str, Contract, int], Answer]:
    def send(office: CaseOffice, who: str, contract: Contract, turn: int) -> Answer:
        form = {
            "version": _version(contract, turn),
            "order_reference": f"EO-{len(contract.change_orders) + 1}",
            "agreed_on": _day(clock.today(contract.time_zone)),
            "change_reason": _said(turn),
            **change(contract, turn),
        }
        return office.send(who, f"/contracts/{contract.public_id}/change-orders/new", **form)

    return send


def _another_value(contract: Contract, turn: int) -> dict[str, Any]:
    """Less by much, or more; from the first day on, from today, or from the middle of what is late."""
    first = (contract.starts_on, clock.today(contract.time_zone), contract.starts_on + timedelta(days=45))[turn % 3]
    return {"applies_from": _day(first), "value_change": ("-40000000", "20000000")[turn % 2]}


def _another_last_day(contract: Contract, turn: int) -> dict[str, Any]:
    """Shorter, within the month that is reported or after it; until today; or longer."""
    today, first = clock.today(contract.time_zone), contract.starts_on
    last = (first + timedelta(days=14), first + timedelta(days=30), today, date(2028, 12, 31))[turn % 4]
    return {"applies_from": _day(today), "new_ends_on": _day(last)}


def _without_a_requirement(contract: Contract, turn: int) -> dict[str, Any]:
    """One falls away: as from the contract's second day, or from today."""
    applies_from = clock.today(contract.time_zone) if turn % 2 else contract.starts_on + timedelta(days=1)
    running = [duty for duty in contract.requirements if duty.valid_to is None]
    ended = [str(running[turn % len(running)].public_id)] if running else []
    return {"applies_from": _day(applies_from), "ended": ended}


def _another_rate(office: CaseOffice, who: str, contract: Contract, turn: int) -> Answer:
    """A clause is twice as dear, or half, from the day of a change order on; one is made where there is none yet."""
    if not contract.change_orders:
        first = _change_order(_another_value)(office, who, contract, turn)
        if not first.done:
            return first
        contract = office.contract
    clause, order = contract.clauses[turn % len(contract.clauses)], contract.change_orders[-1]
    form = {
        "version": _version(contract, turn),
        "rate": f"{clause.rates[-1].amount * 2 if turn % 2 else clause.rates[-1].amount / 2:f}".replace(".", ","),
        "valid_from": "" if turn == WRONG else _day(order.from_on),
        "change_order": str(order.public_id),
    }
    return office.send(who, f"/sanction-clauses/{clause.public_id}/rates", **form)


_FOUND, _NOTIFIED = frozenset({DeviationState.FOUND}), frozenset({DeviationState.NOTIFIED})
_AWAITING, _ASSESSING = frozenset({DeviationState.AWAITING_REPLY}), frozenset({DeviationState.ASSESSING_REPLY})
_PROPOSED = frozenset({DeviationState.SANCTION_PROPOSED})
_RUNNING, _OVER = frozenset({ContractState.RUNNING}), frozenset({ContractState.COMPLETED})
_STARTED = frozenset({ContractState.RUNNING, ContractState.PAUSED, ContractState.COMPLETED})
_PAUSED, _SUBMITTED = frozenset({ContractState.PAUSED}), frozenset({ReportState.SUBMITTED})

ACTS: dict[str, Act] = {
    "dismiss": Act(Deviation, ASSESSORS, _FOUND, _settle("dismiss")),
    "give notice": Act(Deviation, ASSESSORS, _FOUND, _notice),
    "say how the notice was delivered": Act(Deviation, ASSESSORS, _NOTIFIED, _delivery("delivery")),
    "take the notice back": Act(Deviation, ASSESSORS, _NOTIFIED | _AWAITING, _settle("withdraw")),
    "reply": Act(Deviation, SUPPLIERS, _AWAITING | _ASSESSING | _PROPOSED, _reply),
    "weigh": Act(Deviation, ASSESSORS, _ASSESSING, _weigh),
    "note the last day": Act(Deviation, ASSESSORS, _FOUND | _NOTIFIED | _AWAITING | _ASSESSING | _PROPOSED, _put_right),
    "close": Act(Deviation, ASSESSORS, _ASSESSING, _settle("close")),
    "propose": Act(Deviation, ASSESSORS, _ASSESSING, _propose),
    "decide": Act(Sanction, DECIDERS, frozenset({SanctionState.PROPOSED}), _decide),
    "revise": Act(Sanction, ASSESSORS, frozenset({SanctionState.SENT_BACK}), _revise),
    "say how the decision was delivered": Act(
        Sanction, ASSESSORS, frozenset({SanctionState.DECIDED}), _delivery("decision_delivery")
    ),
    "ask for time to reply": Act(Deviation, SUPPLIERS, _AWAITING, _ask),
    "ask for time to report": Act(Report, SUPPLIERS, EDITABLE | {ReportState.TO_SIGN}, _ask),
    "answer the request": Act(ExtensionRequest, ASSESSORS, frozenset({"asked"}), _answer),
    "fill in": Act(Report, SUPPLIERS, EDITABLE | {ReportState.TO_SIGN}, _fill_in),
    "hand it to the signatory": Act(Report, SUPPLIERS, EDITABLE, _with_report("ready")),
    "sign": Act(Report, frozenset({"bo"}), EDITABLE | {ReportState.TO_SIGN}, _sign),
    "withhold": Act(Report, frozenset({"bo"}), frozenset({ReportState.TO_SIGN}), _with_report("withhold", "comment")),
    "withdraw the report": Act(Report, frozenset({"bo"}), _SUBMITTED, _with_report("withdraw")),
    "review": Act(Report, REVIEWERS, _SUBMITTED, _review),
    "amend": Act(Report, SUPPLIERS, frozenset({ReportState.APPROVED}), _with_report("amend")),
    "drop the amendment": Act(Report, SUPPLIERS, EDITABLE | {ReportState.TO_SIGN}, _with_report("amend/drop")),
    "pause": Act(Contract, ASSESSORS, _RUNNING, _contract("pause")),
    "resume": Act(Contract, ASSESSORS, _PAUSED, _contract("resume")),
    "hand over": Act(Contract, ASSESSORS, _RUNNING | _PAUSED, _contract("complete")),
    "take the handover back": Act(Contract, ASSESSORS, _OVER, _contract("reopen")),
    "close the contract": Act(Contract, ASSESSORS, _OVER, _contract("close")),
    "change the value": Act(Contract, ASSESSORS, _STARTED, _change_order(_another_value)),
    "change the last day": Act(Contract, ASSESSORS, _STARTED, _change_order(_another_last_day)),
    "agree another rate": Act(Contract, ASSESSORS, _STARTED, _another_rate),
    "end a requirement": Act(Contract, ASSESSORS, _STARTED, _change_order(_without_a_requirement)),
}
"""Everything that the machine does, sound or not."""
