"""The made-up world of the benches, and a report's way through it, one transaction an act as the doors have it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from flask import Flask

from portal import calendars, clock
from portal.calendars import Period
from portal.extensions import db, transaction
from portal.model import Comparison, Contract, Decision, Membership, OrganisationKind, Report, Role
from portal.operations import accounts, lookup
from portal.operations.contracts import contracts
from portal.operations.contracts.contracts import Duty
from portal.operations.entry import drafts
from portal.operations.entry.drafts import RawLine
from portal.operations.reports import reports, reviews
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts

ZONE = "Europe/Oslo"
BASIS = {"fuel": "nir-2021", "biofuel": "zero", "boundary": "inside", "mandate": "0.1", "electricity": "nve-2023"}
DUTIES = [
    Duty("machinery", "zero_emission_share_energy", Comparison.AT_LEAST, "20", "4.2"),
    Duty("machinery", "lowest_stage", Comparison.AT_LEAST, "IIIB", "4.3"),
]

Act = Callable[[], None]


@dataclass(frozen=True)
class People:
    """Who acts, by the numbers of their memberships."""

    reporter: int
    signatory: int
    reviewer: int


def people(app: Flask) -> People:
    """Register both parties and those who act for them."""
    with app.app_context(), transaction():
        buyer = accounts.add_organisation("310000019", "Måleby kommune", OrganisationKind.BUYER)
        supplier = accounts.add_organisation("310000027", "Måleby Graving AS", OrganisationKind.SUPPLIER)
        supplying = [
            accounts.add_membership(accounts.add_person(f"{role}@maling.example", f"{role} Måling"), supplier, role)
            for role in (Role.REPORTER, Role.SIGNATORY)
        ]
        reviewer = accounts.add_person("reviewer@maling.example", "Rita Måling")
        reviewing = accounts.add_membership(reviewer, buyer, Role.REVIEWER)
        return People(supplying[0].id, supplying[1].id, reviewing.id)


def contract(app: Flask, who: People, name: str, months: list[Period], fleet: int) -> int:
    """A contract with so many machines on it, every other one electric; its number."""
    with app.app_context(), clock.at(_at(months[0].starts_on, -1)), transaction():
        by = db.session.get_one(Membership, who.reporter)
        buyer = db.session.get_one(Membership, who.reviewer).organisation
        added = contracts.add(_contract(name, buyer.id, by.organisation_id, months), DUTIES, ["Måleveien 1"])
        for number in range(fleet):
            facts = (
                MachineFacts(f"{name}-{number}", "wheel_loader", "diesel", "V")
                if number % 2
                else MachineFacts(f"{name}-{number}", "crawler_excavator", "electricity", "zero_emission")
            )
            machines.deploy(machines.register(facts, by=by), added, months[0].starts_on, None, by=by)
        return added.id


def _contract(name: str, buyer: int, supplier: int, months: list[Period]) -> Contract:
    return Contract(
        buyer_id=buyer,
        supplier_id=supplier,
        reference=name,
        title="Måleskolen",
        starts_on=months[0].starts_on,
        ends_on=months[-1].ends_on,
        kinds=["machinery", "fuel"],
        counted={"": "use"},
        basis=BASIS,
        reporting_clause="5.1",
    )


def coming_months(count: int) -> list[Period]:
    """So many months that all lie ahead: no timer of theirs is due, by the portal's clock or by the system's."""
    today = clock.today(ZONE)
    return list(calendars.months_between(today, today + timedelta(days=31 * (count + 2))))[1 : count + 1]


@dataclass
class Case:
    """One report on its way. Every act is a door's: its own session, everything read anew, one transaction."""

    app: Flask
    who: People
    contract: int
    month: Period
    report: UUID = field(init=False)

    def acts(self) -> Iterator[Act]:
        """From the period's first day to the approval, each in its own time."""
        first, last = self.month.starts_on, self.month.ends_on
        on_days = (_at(first, 0), _at(last, 2), _at(last, 2), _at(last, 2), _at(last, 3), _at(last, 4))
        acts = (self.open, self.save_machinery, self.save_fuel, self.make_ready, self.sign, self.approve)
        for act, moment in zip(acts, on_days, strict=True):
            clock.move_to(moment)
            yield act

    def open(self) -> None:
        """The period opens, and with it the report and its process."""
        with self.app.app_context(), transaction():
            opened = contracts.open_period(db.session.get_one(Contract, self.contract), self.month)
            self.report = opened.public_id

    def save_machinery(self) -> None:
        """What each machine used."""
        with self.app.app_context(), transaction():
            by, report = self._seen_by(self.who.reporter)
            rows = drafts.rows_of(report, contracts.kind_of(report, "machinery"))
            lines = [RawLine(row.key, {**row.raw, **_used(row.raw["carrier"])}) for row in rows]
            drafts.save(report, "machinery", lines, by=by, version=report.version)

    def save_fuel(self) -> None:
        """What the tanker brought, which is what the machines used."""
        with self.app.app_context(), transaction():
            by, report = self._seen_by(self.who.reporter)
            thirsty = sum(line.raw["carrier"] == "diesel" for line in report.section("machinery").lines)
            drafts.save(report, "fuel", [self._delivery(1000 * thirsty)], by=by, version=report.version)

    def make_ready(self) -> None:
        """The draft goes to whoever signs."""
        with self.app.app_context(), transaction():
            by, report = self._seen_by(self.who.reporter)
            reports.make_ready(report, by=by, version=report.version)

    def sign(self) -> None:
        """Signed: frozen, computed, checked, on its way to review."""
        with self.app.app_context(), transaction():
            by, report = self._seen_by(self.who.signatory)
            reports.sign(report, by=by, version=report.version)

    def approve(self) -> None:
        """The reviewer approves."""
        with self.app.app_context(), transaction():
            by, report = self._seen_by(self.who.reviewer)
            reviews.decide(report, Decision.APPROVE, by=by, version=report.version)

    def _seen_by(self, number: int) -> tuple[Membership, Report]:
        by = db.session.get_one(Membership, number)
        return by, lookup.one(Report, self.report, by)

    def _delivery(self, litres: int) -> RawLine:
        delivered = self.month.starts_on + timedelta(days=9)
        return RawLine(
            uuid4(),
            {
                "entry": "delivery",
                "product": "diesel",
                "amount": str(litres),
                "amount_source": "invoice",
                "supplier": "Målediesel AS",
                "invoice": f"F-{self.month.starts_on:%y%m}",
                "delivered_on": f"{delivered:%d.%m.%Y}",
            },
        )


def _used(carrier: str) -> dict[str, str]:
    return {"hours": "100", "amount": "5000" if carrier == "electricity" else "1000", "amount_source": "metered"}


def _at(day: date, days: int) -> datetime:
    return calendars.start_of_day(day + timedelta(days=days), ZONE) + timedelta(hours=9)
