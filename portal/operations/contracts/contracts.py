"""Setting up contracts, and opening each reporting period when its time comes."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import select

from portal import clock, kinds
from portal.calendars import Period
from portal.errors import Invalid
from portal.extensions import db
from portal.kinds import register
from portal.kinds.base import Choice, Kind, Unit
from portal.kinds.carriers import CountedFrom
from portal.model import (
    REPORTING_DUTY,
    Comparison,
    Contract,
    ContractState,
    Deployment,
    KindVersion,
    Machine,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    ReportState,
    Requirement,
    SanctionClause,
    SanctionRate,
    Section,
    Site,
    record,
)
from portal.model.base import Json
from portal.operations import deadlines, processes
from portal.quantities import canonical
from portal.text import Text, same

NOT_ASKED_FOR = Text(
    "Energien skal telle fra «{kind}», men kontrakten ber ikke om det. Legg det til, eller velg en annen kilde.",
    "Energy is to count from “{kind}”, but the contract does not ask for it. Add it, or choose another source.",
)


class Duty(NamedTuple):
    """A requirement to put in a contract."""

    kind: str
    indicator: str
    comparison: Comparison
    threshold: str
    clause: str


def add(contract: Contract, duties: list[Duty], sites: Sequence[str] = ()) -> Contract:
    """Register a contract that runs, with its requirements; the duty to report in time is always one of them.

    Raises Invalid when energy is to count from a kind that the contract does not ask for.
    """
    _demand_counted_kinds(contract)
    db.session.add(contract)
    db.session.flush()
    reporting = Duty("", REPORTING_DUTY, Comparison.AT_MOST, "0", contract.reporting_clause)
    for duty in [reporting, *duties]:
        contract.requirements.append(
            Requirement(
                **contract.parties,
                valid_from=contract.starts_on,
                **duty._asdict(),
            )
        )
    contract.sites.extend(Site(**contract.parties, name=name) for name in sites)
    db.session.flush()
    record(contract, "contract.added", by=None, reference=contract.reference)
    contract.move(ContractState.RUNNING, by=None)
    return contract


class Rate(NamedTuple):
    """What a sanction clause costs from a day on."""

    valid_from: date
    amount: Decimal


def add_clause(contract: Contract, clause: SanctionClause, *rates: Rate) -> SanctionClause:
    """Put a sanction clause with its dated rates into a contract."""
    clause.contract_id, clause.buyer_id, clause.supplier_id = contract.id, contract.buyer_id, contract.supplier_id
    clause.rates.extend(SanctionRate(**contract.parties, **rate._asdict()) for rate in rates)
    contract.clauses.append(clause)
    db.session.flush()
    record(
        contract,
        "contract.clause_added",
        by=None,
        clause=clause.clause,
        rates=[[rate.valid_from.isoformat(), canonical(rate.amount)] for rate in rates],
    )
    return clause


def _demand_counted_kinds(contract: Contract) -> None:
    reason = uncounted(contract)
    if reason is not None:
        raise Invalid(reason)


def uncounted(contract: Contract) -> Text | None:
    """Why the energy of a contract could not be counted: it is to count from a kind that nobody asks for."""
    counted = contract.counted or {}
    named = {CountedFrom(each) for each in counted.values()}
    for place in named if not _tell_energy(contract) else named | {CountedFrom(counted.get("", CountedFrom.USE))}:
        telling = [kind for kind in kinds.kinds().values() if kind.tells == place]
        if not any(kind.key in contract.kinds for kind in telling):
            return NOT_ASKED_FOR.with_values(kind=telling[0].title)
    return None


def _tell_energy(contract: Contract) -> bool:
    return any(kinds.kind(key).tells for key in contract.kinds)


def open_period(
    contract: Contract,
    days: Period,
    purpose: PeriodPurpose = PeriodPurpose.REGULAR,
    due_at: datetime | None = None,
) -> Report:
    """Open one period: its report with a section for each kind, and the process that leads it.

    `due_at`: the rule's deadline, where it is not that of the contract's regular reports.
    """
    ruled = due_at or contract.due_rule.due(days.ends_on, contract.country, contract.time_zone)
    due_at = deadlines.of_what_is_opened(contract, ruled, days.ends_on)
    asked_for = contract.kinds if purpose == PeriodPurpose.REGULAR else kinds.ONCE[purpose]
    period = ReportingPeriod(
        **contract.parties,
        purpose=purpose,
        starts_on=days.starts_on,
        ends_on=days.ends_on,
        opens_at=clock.now(),
        due_at=ruled,
    )
    report = Report(
        contract=contract,
        buyer_id=contract.buyer_id,
        supplier_id=contract.supplier_id,
        period=period,
        due_at=due_at,
        state=ReportState.OPEN,
        preparers=[],
        pins=_pins(contract, asked_for),
    )
    db.session.add_all([period, report])
    db.session.flush()
    for key in asked_for:
        report.sections.append(
            Section(
                **contract.parties,
                organisation_id=contract.supplier_id,
                kind=key,
            )
        )
    db.session.flush()
    record(report, "report.opened", by=None, period=days.starts_on.isoformat(), due_at=due_at.isoformat())
    processes.start("report", report, {"report_id": report.id, **deadlines.process_data(report)})
    return report


def kind_of(report: Report, key: str) -> Kind:
    """The kind as it was pinned for this report, with the contract's machines and vehicles as choices."""
    return _pinned(report.pins["kinds"][key]).bound(_choices(report))


def kinds_of(report: Report) -> list[Kind]:
    """All kinds of a report, in the order of its sections."""
    choices = _choices(report)
    return [_pinned(report.pins["kinds"][section.kind]).bound(choices) for section in report.sections]


def counting_kinds(report: Report) -> dict[str, Kind]:
    """Key -> kind, of all that figures are computed for: those of the sections, and the whole site."""
    return {kind.key: kind for kind in (_pinned(report.pins["kinds"][kinds.WHOLE_SITE.key]), *kinds_of(report))}


def deployments_in(report: Report) -> list[Deployment]:
    """Machines that stood on the contract at some time in the report's period, by name."""
    rows = db.session.scalars(_standing_in(report, select(Deployment)))
    return sorted(rows, key=lambda row: (row.machine.name, row.id))


def units_in(report: Report) -> dict[str, Unit]:
    """Public id -> what the register knows of a machine, and the days of the period that it stood on the contract."""
    period = report.period
    days: dict[str, set[int]] = {}
    known: dict[str, Machine] = {}
    for row in deployments_in(report):
        first = max(row.arrived_on, period.starts_on)
        last = min(row.departed_on or period.ends_on, period.ends_on)
        key = str(row.machine.public_id)
        known[key] = row.machine
        days.setdefault(key, set()).update(range(first.toordinal(), last.toordinal() + 1))
    return {key: Unit(machine.type, machine.size, len(days[key])) for key, machine in known.items()}


def _choices(report: Report) -> dict[str, tuple[Choice, ...]]:
    """The machines and the vehicles of the period as choices: key is the public id, label its own name."""
    named = select(Machine.public_id, Machine.name, Machine.type).join(Deployment, Deployment.machine_id == Machine.id)
    found: dict[str, dict[str, Choice]] = {"machines": {}, "vehicles": {}}
    for row in db.session.execute(_standing_in(report, named).order_by(Machine.name, Deployment.id)):
        source = "vehicles" if register.is_vehicle(row.type) else "machines"
        found[source][str(row.public_id)] = Choice(str(row.public_id), same(row.name))
    return {source: tuple(choices.values()) for source, choices in found.items()}


def _standing_in(report: Report, rows: Any) -> Any:
    period = report.period
    return rows.where(
        Deployment.contract_id == report.contract_id,
        Deployment.arrived_on <= period.ends_on,
        (Deployment.departed_on.is_(None)) | (Deployment.departed_on >= period.starts_on),
    )


def _pins(contract: Contract, asked_for: Sequence[str]) -> Json:
    whole_site = kinds.WHOLE_SITE
    return {
        "kinds": {
            **{key: _kept_version(kinds.kind(key)) for key in asked_for},
            whole_site.key: _kept_version(whole_site),
        },
        "counted": contract.counted,
        "basis": contract.basis,
    }


def _kept_version(kind: Kind) -> str:
    if db.session.get(KindVersion, kind.content_hash) is None:
        db.session.add(
            KindVersion(content_hash=kind.content_hash, key=kind.key, document=kind.dump(), created_at=clock.now())
        )
        db.session.flush()
    return kind.content_hash


@lru_cache(maxsize=256)
def _pinned(content_hash: str) -> Kind:
    """A pinned kind; a hash never changes its meaning, so it is read once a process."""
    return kinds.load(db.session.get_one(KindVersion, content_hash).document)
