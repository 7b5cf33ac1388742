"""A contract's way through its states: what it lacks before it starts, pauses, handover, and what keeps it open."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import joinedload

from portal import calendars, clock
from portal.calendars import Period
from portal.errors import Invalid, InvalidTransition, Refused
from portal.extensions import db, enqueue
from portal.factors import Basis
from portal.kinds.base import Problem
from portal.model import (
    ClauseForm,
    Contract,
    ContractState,
    DailyBase,
    Deviation,
    Membership,
    Pause,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    ReportState,
    Requirement,
    Sanction,
    SanctionState,
)
from portal.model.cases import SETTLED
from portal.model.contracts import MOVED_ON
from portal.operations.contracts import contract_days, contracts
from portal.operations.contracts.agreement_facts import VALUE
from portal.operations.contracts.agreements import BELOW_A_DRAFT, gone_through
from portal.operations.contracts.contract_gate import demand_editor, touch
from portal.operations.contracts.contract_lists import BUYER, parties_without
from portal.operations.contracts.counting_facts import BASIS, COUNTED, KINDS
from portal.operations.contracts.deadline_facts import DEADLINES
from portal.operations.figures import windows
from portal.operations.figures.windows import Windowed
from portal.operations.reports import periods
from portal.operations.running import beyond
from portal.text import Text

SITES, REPRESENTATIVES, REQUIREMENTS, CLAUSES, PLANNED = (
    "sites",
    "representatives",
    "requirements",
    "clauses",
    "planned",
)
"""Parts of the set-up that are lists."""
FINISHED = frozenset({SanctionState.CLOSED, SanctionState.WITHDRAWN, SanctionState.REFUSED})

NOT_READY = Text(
    "Kontrakten kan ikke starte ennå: noe mangler.", "The contract cannot start yet: something is missing."
)
STILL_OPEN = Text(
    "Kontrakten kan ikke avsluttes ennå: noe er fortsatt åpent.",
    "The contract cannot be closed yet: something is still open.",
)
NO_SITE = Text("Legg til minst én byggeplass.", "Add at least one site.")
NOBODY = {
    True: Text("Oppgi hvem som representerer oppdragsgiver.", "Name who represents the buyer."),
    False: Text("Oppgi hvem som representerer leverandøren.", "Name who represents the supplier."),
}
NO_KINDS = Text("Velg hva som skal rapporteres.", "Choose what is to be reported.")
NO_BASIS = Text("Velg hvordan tallene regnes.", "Choose how the figures are counted.")
NOT_COUNTED = Text("Velg hvor energien telles.", "Choose where energy is counted.")
NO_REQUIREMENT = Text("Legg inn minst ett krav.", "Enter at least one requirement.")
NO_RULE = Text("Oppgi reglene for fristene.", "Give the rules for the deadlines.")
NO_VALUE = Text(
    "Oppgi kontraktsverdien: en dagmulkt regnes av den.", "Give the contract value: a daily amount is counted from it."
)
NOT_YET = Text("Velg en dag som har vært, eller i dag.", "Choose a day that has been, or today.")
OUTSIDE = Text(
    "Kontrakten varer fra {first} til {last}. Velg en dag i den tiden.",
    "The contract lasts from {first} to {last}. Choose a day in that time.",
)
REPORTED = Text(
    "Perioden {period} er rapportert allerede. Velg en dag etter den.",
    "The period {period} has been reported already. Choose a day after it.",
)
AFTER_PAUSE = Text("Pausen begynte {first}. Velg en senere dag.", "The pause began on {first}. Choose a later day.")
SAY_WHY = Text("Skriv hvorfor.", "Say why.")
_A_DAY = timedelta(days=1)


class Lacking(NamedTuple):
    """Something that must be there before a contract starts, and the part of the set-up where it is entered."""

    part: str
    text: Text


class OpenMatters(NamedTuple):
    """What keeps a contract from being closed."""

    reports: list[Report]
    deviations: list[Deviation]
    sanctions: list[Sanction]
    periods: list[Period]
    """Days that are to be reported on, and that nobody has opened yet."""
    duties: list[Requirement]
    """Duties to file something once, for which nothing has been opened yet."""
    windows: list[Windowed]
    """Windows of requirements that are not judged yet, or not on what is in force now."""

    def __bool__(self) -> bool:
        return any(self)


# -- the start ---------------------------------------------------------------------------------------------------------


def missing(contract: Contract) -> list[Lacking]:
    """What must be there before the contract starts."""
    return [*_missing_people(contract), *_missing_rules(contract), *_missing_terms(contract)]


def _missing_people(contract: Contract) -> Iterator[Lacking]:
    if not contract.sites:
        yield Lacking(SITES, NO_SITE)
    for side in parties_without(contract):
        yield Lacking(REPRESENTATIVES, NOBODY[side == BUYER])


def _missing_rules(contract: Contract) -> Iterator[Lacking]:
    if not contract.kinds:
        yield Lacking(KINDS.key, NO_KINDS)
    if BASIS.key not in gone_through(contract) or not _is_sound(contract):
        yield Lacking(BASIS.key, NO_BASIS)
    if not contract.counted:
        yield Lacking(COUNTED.key, NOT_COUNTED)
    elif contract.kinds and (reason := contracts.uncounted(contract)) is not None:
        yield Lacking(COUNTED.key, reason)
    if not contract.reporting_clause:
        yield Lacking(DEADLINES.key, NO_RULE)


def _missing_terms(contract: Contract) -> Iterator[Lacking]:
    if not contract.requirements:
        yield Lacking(REQUIREMENTS, NO_REQUIREMENT)
    if contract.value is None and _rests_on_value(contract):
        yield Lacking(VALUE.key, NO_VALUE)


def _is_sound(contract: Contract) -> bool:
    try:
        Basis.load(contract.basis)
    except (KeyError, ValueError):
        return False
    return True


def _rests_on_value(contract: Contract) -> bool:
    return any(clause.form == ClauseForm.DAILY and clause.base != DailyBase.FIXED for clause in contract.clauses)


def start(contract: Contract, *, by: Membership, version: int) -> None:
    """Let the contract run; its periods open from the first day on. Raises Invalid while something is missing."""
    demand_editor(contract, by=by, version=version)
    lacking = missing(contract)
    if lacking:
        raise Invalid(NOT_READY, tuple(Problem("missing", each.text, each.part) for each in lacking))
    contract.move(ContractState.RUNNING, by=by)
    look_at_periods(contract)


def discard(contract: Contract, *, by: Membership, version: int) -> None:
    """Delete a draft: all below it goes, and its number is free again.

    The empty row stays, seen by nobody: the trail, which cannot be changed, still has something to point to.
    """
    demand_editor(contract, by=by, version=version)
    said = {"reference": contract.reference, "title": contract.title, "supplier": contract.supplier.number}
    contract.move(ContractState.DISCARDED, by=by, **said)
    for entity in reversed(BELOW_A_DRAFT):
        db.session.execute(delete(entity).where(entity.contract_id == contract.id))
    contract.reference, contract.title, contract.reporting_clause = str(contract.public_id), "", ""
    contract.value, contract.identifiers, contract.cpv = None, [], []
    contract.kinds, contract.counted, contract.basis = [], {}, {}
    touch(contract)


def look_at_periods(contract: Contract) -> None:
    """Ask the worker to open, shorten or spare periods now, and not at the next full hour."""
    touch(contract)
    enqueue("periods.open", {})


# -- pauses ------------------------------------------------------------------------------------------------------------


def pause(contract: Contract, first: date, reason: str, *, by: Membership, version: int) -> Pause:
    """Let the work stand still from a day on: no period covers it until the contract is resumed."""
    demand_editor(contract, by=by, version=version)
    _demand_day(contract, first, "starts_on")
    _demand_reason(reason)
    _demand_unreported(contract, first)
    row = Pause(**contract.parties, starts_on=first, reason=reason.strip())
    contract.pauses.append(row)
    contract.move(ContractState.PAUSED, by=by, reason=row.reason, first=first.isoformat())
    look_at_periods(contract)
    return row


def resume(contract: Contract, first: date, *, by: Membership, version: int) -> None:
    """Let the work go on from a day: the day before is the last of the pause."""
    demand_editor(contract, by=by, version=version)
    _demand_state(contract, ContractState.PAUSED)
    _demand_day(contract, first, "resumes_on")
    for row in _going_on(contract):
        if first <= row.starts_on:
            _blame("resumes_on", AFTER_PAUSE.with_values(first=calendars.day_name(row.starts_on)))
        row.ends_on = first - _A_DAY
    contract.move(ContractState.RUNNING, by=by, first=first.isoformat())
    look_at_periods(contract)


def _going_on(contract: Contract) -> list[Pause]:
    return [row for row in contract.pauses if row.ends_on is None]


def _demand_unreported(contract: Contract, first: date) -> None:
    reported = db.session.scalars(
        select(ReportingPeriod)
        .join(Report, Report.period_id == ReportingPeriod.id)
        .where(
            ReportingPeriod.contract_id == contract.id,
            ReportingPeriod.purpose == PeriodPurpose.REGULAR,
            ReportingPeriod.ends_on >= first,
            Report.revisions.any(),
        )
        .order_by(ReportingPeriod.starts_on.desc())
    ).first()
    if reported is not None:
        _blame("starts_on", REPORTED.with_values(period=reported.name))


# -- the end -----------------------------------------------------------------------------------------------------------


def complete(contract: Contract, handed_over_on: date, *, by: Membership, version: int) -> None:
    """Note that the work was handed over: no new period opens.

    What lies wholly after that day is asked for no more, and its cases cost nothing; every other case goes on.
    """
    demand_editor(contract, by=by, version=version)
    if handed_over_on > clock.today(contract.time_zone):
        _blame("handed_over_on", NOT_YET)
    if handed_over_on < contract.starts_on:
        _blame("handed_over_on", _outside(contract))
    before = contract_days.last_day(contract)
    for row in _going_on(contract):
        row.ends_on = max(handed_over_on, row.starts_on)
    contract.handed_over_on = handed_over_on
    contract.move(ContractState.COMPLETED, by=by, handed_over_on=handed_over_on.isoformat())
    look_at_periods(contract)
    beyond.follow(contract, before)


def reopen(contract: Contract, reason: str, *, by: Membership, version: int) -> None:
    """Take a handover back: the work goes on, and what comes back with its days is due anew."""
    demand_editor(contract, by=by, version=version)
    _demand_state(contract, ContractState.COMPLETED)
    _demand_reason(reason)
    before = contract_days.last_day(contract)
    contract.handed_over_on = None
    contract.move(ContractState.RUNNING, by=by, reason=reason.strip())
    look_at_periods(contract)
    beyond.follow(contract, before)


def close(contract: Contract, *, by: Membership, version: int) -> None:
    """End it for good. Raises Refused while there are `open_matters`."""
    demand_editor(contract, by=by, version=version)
    if open_matters(contract):
        raise Refused(STILL_OPEN)
    contract.move(ContractState.CLOSED, by=by)
    touch(contract)


def open_matters(contract: Contract) -> OpenMatters:
    """What is not approved, settled or finished yet, and what the worker has still to open or to judge."""
    reports = select(Report).join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
    unapproved = Report.state.not_in([ReportState.APPROVED, ReportState.SPARED])
    deviations = select(Deviation).where(Deviation.contract_id == contract.id, Deviation.state.not_in(SETTLED))
    sanctions = select(Sanction).where(Sanction.contract_id == contract.id, Sanction.state.not_in(FINISHED))
    reports = reports.where(Report.contract_id == contract.id, unapproved).order_by(ReportingPeriod.starts_on)
    return OpenMatters(
        [each for each in db.session.scalars(reports).unique() if not _is_asked_no_more(each)],
        list(db.session.scalars(deviations.order_by(Deviation.id)).unique()),
        list(
            db.session.scalars(
                sanctions.options(joinedload(Sanction.deviation)).order_by(Sanction.id),
            ).unique()
        ),
        contract_days.unopened(contract, contract_days.filed(contract)),
        periods.unfiled(contract),
        windows.unjudged(contract),
    )


def _is_asked_no_more(report: Report) -> bool:
    """A correction that is owed no longer. One that nobody has signed is spared by the worker first."""
    return bool(report.revisions) and contract_days.is_asked_no_more(report)


def may(contract: Contract) -> list[str]:
    """What can be done with the contract as it stands: names of functions of this module."""
    return _ACTS[contract.state]


_ACTS: dict[ContractState, list[str]] = {
    ContractState.DRAFT: ["start", "discard"],
    ContractState.RUNNING: ["pause", "complete"],
    ContractState.PAUSED: ["resume", "complete"],
    ContractState.COMPLETED: ["close", "reopen"],
    ContractState.CLOSED: [],
    ContractState.DISCARDED: [],
}


def _demand_state(contract: Contract, state: ContractState) -> None:
    """Two ways lead to a contract that runs; each undoes its own, and leaves the other's traces standing."""
    if contract.state != state:
        raise InvalidTransition(MOVED_ON)


def _demand_day(contract: Contract, day: date, field: str) -> None:
    if day > clock.today(contract.time_zone):
        _blame(field, NOT_YET)
    if not contract.starts_on <= day <= contract.ends_on:
        _blame(field, _outside(contract))


def _outside(contract: Contract) -> Text:
    return OUTSIDE.with_values(first=calendars.day_name(contract.starts_on), last=calendars.day_name(contract.ends_on))


def _demand_reason(reason: str) -> None:
    if not reason.strip():
        _blame("reason", SAY_WHY)


def _blame(field: str, text: Text) -> None:
    raise Invalid(text, (Problem("day", text, field),))
