"""The one small world that the tests know by heart. Everybody in it is made up."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from portal import calendars, clock
from portal.extensions import db, transaction
from portal.model import (
    ClauseCounts,
    Comparison,
    Contract,
    Deviation,
    HumanTask,
    MailState,
    Membership,
    OrganisationKind,
    OutgoingMail,
    Report,
    Role,
    Row,
    SanctionClause,
)
from portal.operations import accounts, audit, deadlines, processes
from portal.operations.contracts import contracts
from portal.operations.contracts.contracts import Duty, Rate
from portal.operations.entry import drafts
from portal.operations.entry.drafts import RawLine
from portal.operations.entry.explanations import Subject
from portal.operations.mail import Outcome
from portal.operations.reports import deliveries, periods, reports
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts

MARCH = date(2026, 3, 1)
IN_MARCH = datetime(2026, 3, 10, 9, tzinfo=UTC)
IN_APRIL = datetime(2026, 4, 7, 9, tzinfo=UTC)
DUE = datetime(2026, 4, 17, 21, 59, 59, tzinfo=UTC)
"""When the report for March is due: Friday 17 April, at the end of the day in Oslo."""
BASIS = {"fuel": "nir-2021", "biofuel": "zero", "boundary": "inside", "mandate": "0.1"}


@dataclass
class World:
    """Memberships by first name, the contract, and its report for March 2026."""

    anna: Membership
    """Reporter of the supplier."""
    bo: Membership
    """Signatory of the supplier."""
    stranger: Membership
    """Reporter and signatory of another supplier."""
    rita: Membership
    """Reviewer of the buyer."""
    ruth: Membership
    """Another reviewer of the buyer."""
    adam: Membership
    """Administrator of the buyer."""
    dora: Membership
    """Decision-maker of the buyer."""
    contract: Contract
    report: Report
    machines: dict[str, str] = field(default_factory=dict)
    """Name -> public id."""


@dataclass(frozen=True)
class Names:
    """What a small world's parties, people and contract are called; organisations by number and name."""

    buyer: tuple[str, str] = ("310000019", "Prøveby kommune")
    supplier: tuple[str, str] = ("310000027", "Annas Graving AS")
    other: tuple[str, str] = ("310000035", "Fremmed Anlegg AS")
    domain: str = "prove.example"
    surname: str = "Prøve"
    reference: str = "K-1"
    title: str = "Prøveskolen"
    site: str = "Prøveveien 1"


def build_world(names: Names = Names()) -> World:
    """Make it, inside an open transaction; the clock stands in March 2026 when the period opens."""
    clock.move_to(IN_MARCH)
    buyer = accounts.add_organisation(*names.buyer, OrganisationKind.BUYER)
    supplier = accounts.add_organisation(*names.supplier, OrganisationKind.SUPPLIER)
    other = accounts.add_organisation(*names.other, OrganisationKind.SUPPLIER)

    def member(name: str, organisation: Any, *roles: Role) -> Membership:
        email = f"{name.lower()}@{names.domain}"
        return accounts.add_membership(accounts.add_person(email, f"{name} {names.surname}"), organisation, *roles)

    anna = member("Anna", supplier, Role.REPORTER)
    contract = contracts.add(_contract(buyer, supplier, names), DUTIES, [names.site])
    contracts.add_clause(
        contract,
        SanctionClause(clause="7.1", wording="Gebyr per brudd.", counts=ClauseCounts.PERIOD, warns_first=False),
        Rate(date(2026, 1, 1), Decimal(20000)),
    )
    known = {}
    for facts in (
        MachineFacts("EL-1", "crawler_excavator", "electricity", "zero_emission"),
        MachineFacts("DI-2", "wheel_loader", "diesel", "V"),
    ):
        machine = machines.register(facts, by=anna)
        machines.deploy(machine, contract, date(2026, 1, 1), None, by=anna)
        known[facts.name] = str(machine.public_id)
    return World(
        anna=anna,
        bo=member("Bo", supplier, Role.SIGNATORY),
        stranger=member("Sten", other, Role.REPORTER, Role.SIGNATORY),
        rita=member("Rita", buyer, Role.REVIEWER),
        ruth=member("Ruth", buyer, Role.REVIEWER),
        adam=member("Adam", buyer, Role.ADMINISTRATOR),
        dora=member("Dora", buyer, Role.DECISION_MAKER),
        contract=contract,
        report=contracts.open_period(contract, calendars.month_of(MARCH)),
        machines=known,
    )


DUTIES = [
    Duty("machinery", "zero_emission_share_energy", Comparison.AT_LEAST, "20", "4.2"),
    Duty("machinery", "lowest_stage", Comparison.AT_LEAST, "IIIB", "4.3"),
]


def _contract(buyer: Any, supplier: Any, names: Names) -> Contract:
    return Contract(
        buyer=buyer,
        supplier=supplier,
        buyer_id=buyer.id,
        supplier_id=supplier.id,
        reference=names.reference,
        title=names.title,
        starts_on=date(2026, 1, 1),
        ends_on=date(2027, 12, 31),
        kinds=["machinery", "fuel"],
        counted={"": "use"},
        basis=BASIS,
        reporting_clause="5.1",
    )


def another_contract(world: World) -> Contract:
    """A contract K-2 of the same two, that runs; inside an open transaction."""
    found = _contract(world.contract.buyer, world.contract.supplier, Names(reference="K-2", title="Prøvebrua"))
    contracts.add(found, DUTIES, ["Brua"])
    contracts.open_period(found, calendars.month_of(MARCH))
    return found


def machine_lines(world: World, *, electric: str = "5000", diesel: str = "1000") -> list[RawLine]:
    """The month's lines as typed: 5 000 kWh and 1 000 l are a zero-emission share of 5000/(5000+10080) = 33.2 %."""
    report = world.report
    rows = drafts.rows_of(report, contracts.kind_of(report, "machinery"))
    amounts = {world.machines["EL-1"]: electric, world.machines["DI-2"]: diesel}
    return [
        RawLine(row.key, {**row.raw, "hours": "100", "amount": amounts[row.raw["machine"]], "amount_source": "metered"})
        for row in rows
    ]


def fill_in(world: World, *, electric: str = "5000", diesel: str = "1000") -> None:
    """Fill in both sections; a little diesel gives a report that meets everything, much diesel one that breaks 4.2."""
    report = world.report
    with transaction():
        drafts.save(
            report,
            "machinery",
            machine_lines(world, electric=electric, diesel=diesel),
            by=world.anna,
            version=report.version,
        )
    with transaction():
        drafts.answer_nothing(report, "fuel", "Ingen leveranser.", by=world.anna, version=report.version)


def open_in_time(world: World, *months: date) -> None:
    """The periods open as the worker would have opened them, each in its month: what is opened late is due later."""
    for month in months:
        with clock.at(datetime(month.year, month.month, 10, 9, tzinfo=UTC)), transaction():
            periods.open_due_periods(world.contract.id)


def half_a_month(world: World) -> None:
    """The contract ends on 15 March, and its report is due on Friday the 27th."""
    with transaction():
        world.contract.starts_on, world.contract.ends_on = date(2026, 3, 1), date(2026, 3, 15)
        periods.open_due_periods(world.contract.id)
        world.report.due_at = world.report.period.due_at = datetime(2026, 3, 27, 22, 59, 59, tzinfo=UTC)
        deadlines.tell(world.report)


def the_whole_month(world: World) -> None:
    """It ends on 31 March instead."""
    with transaction():
        world.contract.ends_on = date(2026, 3, 31)
        periods.open_due_periods(world.contract.id)


def reasons_for(report: Report) -> dict[Subject, str]:
    """A reason for every warning of the draft."""
    return {each.subject: "Tallet er kontrollert." for each in reports.warnings(report, reports.summary(report))}


def submit(world: World, *, electric: str = "5000", diesel: str = "1000") -> None:
    """Fill in, make ready, sign."""
    fill_in(world, electric=electric, diesel=diesel)
    hand_in(world.report, world)


def hand_in(report: Report, world: World) -> None:
    """Make ready what is filled in, and sign it."""
    with transaction():
        reports.make_ready(report, by=world.anna, version=report.version, reasons=reasons_for(report))
    with transaction():
        reports.sign(report, by=world.bo, version=report.version)


def deliver_mail() -> int:
    """Every letter in the outbox arrives."""
    with transaction():
        rows = db.session.scalars(select(OutgoingMail).where(OutgoingMail.state == MailState.QUEUED)).all()
        for row in rows:
            deliveries.note(row, Outcome(MailState.SENT))
    return len(rows)


def letters(kind: str) -> list[str]:
    """Whom letters of a kind went to, in alphabetical order."""
    return sorted(db.session.scalars(select(OutgoingMail.to_address).where(OutgoingMail.letter == kind)))


def tick() -> None:
    """The worker looks for due timers once."""
    with transaction():
        for found in processes.due():
            processes.tick(found.number)


def tick_at(moment: datetime) -> None:
    """It is this moment, and the worker looks for due timers."""
    clock.move_to(moment)
    tick()


def open_tasks() -> list[str]:
    """The steps that wait for somebody, in alphabetical order."""
    return sorted(db.session.scalars(select(HumanTask.element).where(HumanTask.closed_at.is_(None))))


def case_of(world: World, clause: str = "4.2") -> Deviation:
    """The deviation from a clause in the March report."""
    return db.session.scalars(
        select(Deviation).where(Deviation.report_id == world.report.id, Deviation.clause == clause)
    ).one()


def actions(subject: Row, world: World) -> list[str]:
    """What the trail says was done with something, as the buyer reads it."""
    return [event.action for event, _person in audit.trail([subject], by=world.adam)]
