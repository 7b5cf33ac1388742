"""Two tenants of one portal, each with a whole contract behind it: what is one's must never be seen by the other.

Everything of the second bears `SECRET` or one of `NUMBERS`. The database is put back after each request that changes
it, so that every test meets the same two lives.
"""

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal import calendars, clock
from portal.extensions import Base, db, parts, transaction
from portal.model import (
    ChangeOrder,
    CommentCategory,
    FigureOrigin,
    Machine,
    Membership,
    OutgoingMail,
    Pause,
    PlannedFigure,
    Representative,
    Requirement,
    Role,
    SanctionClause,
    Site,
)
from portal.operations import accounts
from portal.operations.contracts import contract_imports, contract_sheets, contracts
from portal.operations.contracts.contracts import Rate
from portal.operations.entry import evidence, imports, trade_secrets
from portal.operations.entry.evidence import Place, Upload
from portal.operations.people import interests, invitations, sights, substitutes
from portal.operations.reports import claims, comments, extensions, rulings
from portal.operations.reports.rulings import Word
from portal.work import read_import
from tests import contracts as contract_sheet
from tests import desk
from tests.assessing import approve_it, sign_month
from tests.desk import sit_down
from tests.reviewing import asked
from tests.sanctioning import drafted, heard, proposed
from tests.signing_in import equip
from tests.standing import Rows, Standing
from tests.world import Names, World, build_world, case_of, deliver_mail, fill_in

SECRET = "Løyndom"
"""In every name and text of the second tenant."""
NUMBERS = ("310000108", "310000116", "310000124", "87654321", "loyndom")
"""Organisation numbers, an amount and the mail domain of the second tenant."""
SECOND = Names(
    buyer=("310000108", f"{SECRET} kommune"),
    supplier=("310000116", f"{SECRET} Graving AS"),
    other=("310000124", f"{SECRET} Anlegg AS"),
    domain="loyndom.example",
    surname=SECRET,
    reference=f"{SECRET}-1",
    title=f"{SECRET}skolen",
    site=f"{SECRET}veien 1",
)
NOW = datetime(2026, 6, 8, 9, tzinfo=UTC)
"""When the tests look at them: a Monday."""
MARCH, APRIL, MAY, JUNE = (date(2026, month, 1) for month in (3, 4, 5, 6))
SUPPLIER_ROLES = (Role.REPORTER, Role.SIGNATORY, Role.ADMINISTRATOR)
BUYER_ROLES = (Role.REVIEWER, Role.CONTRACT_MANAGER, Role.DECISION_MAKER, Role.ADMINISTRATOR)
PACKED = {("process", "state"), ("outgoing_mail", "body"), ("person", "password")}
"""Columns that hold moments and hashes in forms of their own: two runs never write the same there."""
NOBODY = "nobody"
ALONE, BOTH = "alone", "both"
"""How the database stood when there was the first tenant only, and with both."""


@dataclass
class Tenant:
    """Whom one meets, by their role, and what there is, by its table and, where there are several, a word."""

    people: dict[str, Membership]
    things: dict[str, str]
    """Name -> public id."""
    ids: dict[str, list[str]] = field(default_factory=dict)
    """Every public id of this tenant, by its table."""


@dataclass
class Tenants:
    """The application with both lives, everybody at a desk, and the way back to how it stood."""

    app: Flask
    standing: Standing
    first: Tenant = field(init=False)
    second: Tenant = field(init=False)
    cookies: dict[str, str] = field(default_factory=dict)
    """By role, of the first tenant; "their_supplier" and "their_buyer" hold every role in the second."""
    crawled: dict[str, dict[str, TestResponse]] = field(default_factory=dict)
    """What `crawling.pages` found, by reader."""

    def ask(self, who: str, method: str, address: str, **more: Any) -> TestResponse:
        """One request, as on a server. Nobody keeps a cookie: signing out has no say in what is asked next."""
        cookies = f"language=en; {self.cookies[who]}" if who != NOBODY else "language=en"
        headers = {"Cookie": cookies, **more.pop("headers", {})}
        client = self.app.test_client(use_cookies=False)
        return contextvars.Context().run(client.open, address, method=method, headers=headers, **more)

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Whatever is written in this block is put back after it."""
        before = self.standing.writings()
        yield
        if self.standing.writings() != before:
            self.put_back()

    def keep(self, name: str) -> None:
        """Remember the database as it stands."""
        self._let_go()
        self.standing.keep(name)

    def put_back(self, name: str = BOTH) -> None:
        """Let everything stand as it did with both, or as it was kept under another name."""
        self._let_go()
        self.standing.put_back(name)
        clock.move_to(NOW)

    def _let_go(self) -> None:
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()

    def written(self, before: Rows) -> str:
        """Every row that was not there before, or not like this, a line each; but for `PACKED`."""
        every = ((name, row) for name, rows in self.rows().items() for row in rows if row not in before[name])
        plain = ((name, {key: row[key] for key in row if (name, key) not in PACKED}) for name, row in every)
        return "\n".join(f"{name}: {row}" for name, row in plain)

    def rows(self) -> Rows:
        """Everything that is stored, by table."""
        return self.standing.rows()


@contextmanager
def opened(app: Flask, standing: Standing) -> Iterator[Tenants]:
    """Both tenants on an empty database."""
    found = Tenants(app, standing)
    with app.app_context():
        found.first = _tenant(Names())
        known = _every_id()
        found.cookies = {name: _signed_in(app, by) for name, by in found.first.people.items()}
        found.keep(ALONE)
        found.second = _tenant(SECOND)
        for table, every in _every_id().items():
            found.first.ids[table] = sorted(known[table])
            found.second.ids[table] = sorted(every - known[table])
        clock.move_to(NOW)
        found.cookies |= {f"their_{name}": _signed_in(app, found.second.people[name]) for name in ("supplier", "buyer")}
        found.keep(BOTH)
    yield found
    _close(app)


@contextmanager
def one_life(app: Flask, standing: Standing, names: Names) -> Iterator[Tenants]:
    """One tenant alone, whatever its names are, on an empty database."""
    found = Tenants(app, standing)
    with app.app_context():
        found.first = _tenant(names)
        found.cookies = {name: _signed_in(app, by) for name, by in found.first.people.items()}
        found.keep(ALONE)
    yield found
    _close(app)


def _close(app: Flask) -> None:
    with app.app_context():
        parts().jobs.close()
        db.session.remove()
        db.engine.dispose()


def _signed_in(app: Flask, by: Membership) -> str:
    kept = sit_down(app, by).client.get_cookie("session")
    assert kept is not None
    return f"session={kept.value}"


def _every_id() -> dict[str, set[str]]:
    return {
        table.name: {str(each) for each in db.session.scalars(select(table.c.public_id))}
        for table in Base.metadata.tables.values()
        if "public_id" in table.c
    }


# -- a life -----------------------------------------------------------------------------------------------------------


def _tenant(names: Names) -> Tenant:
    with transaction():
        world = build_world(names)
        world.contract.value = Decimal((names is SECOND and 87654321) or 12345678)
        people = _people(world, names)
    desk.give_passwords(world)
    with transaction():
        invitation = invitations.invite(f"ny@{names.domain}", [Role.REVIEWER], by=world.adam)
        standing_in = substitutes.appoint(world.rita, world.ruth, NOW.date(), NOW.date(), by=world.adam)
    with transaction():
        for by in people.values():
            by.person.password, by.person.language = world.anna.person.password, "en"
        equip(*(by.person for by in people.values()))
    things = {"contract": str(world.contract.public_id)}
    things |= _broken_march(world, names)
    things |= _broken_april(world)
    things |= _may_under_review(world, names)
    things |= _june_half_done(world, names, people)
    things |= _further(world, names)
    things |= _draft(world, names)
    _name(world, names)
    with transaction():
        unit = sights.add_unit(f"Avdeling {names.surname}", set(), by=people["buyer_admin"])
        interest = interests.declare(world.contract, names.surname, every_contract=False, by=world.ruth)
    things["interest"] = str(interest.public_id)
    things |= {"unit": str(unit.public_id), "buyer_membership": str(people["reviewer"].public_id)}
    things |= {"ruling": _lifted(world, names)}
    deliver_mail()
    things |= {"invitation": str(invitation.public_id), "substitution": str(standing_in.public_id)}
    return Tenant(people, things | {"membership": str(people["reporter"].public_id)})


def _people(world: World, names: Names) -> dict[str, Membership]:
    def member(name: str, organisation: Any, *roles: Role) -> Membership:
        person = accounts.add_person(f"{name.lower()}@{names.domain}", f"{name} {names.surname}")
        return accounts.add_membership(person, organisation, *roles)

    buyer, supplier = world.contract.buyer, world.contract.supplier
    return {
        "reporter": world.anna,
        "signatory": world.bo,
        "supplier_admin": member("Siv", supplier, Role.ADMINISTRATOR),
        "reviewer": world.rita,
        "manager": member("Mona", buyer, Role.CONTRACT_MANAGER),
        "decider": world.dora,
        "buyer_admin": world.adam,
        "supplier": member("Alf", supplier, *SUPPLIER_ROLES),
        "buyer": member("Alma", buyer, *BUYER_ROLES),
    }


def _broken_march(world: World, names: Names) -> dict[str, str]:
    """A report that breaks 4.2, and its case up to a proposed sanction."""
    march = world.report
    fill_in(world)
    diesel = Place("machinery", UUID(world.machines["DI-2"]), "amount")
    with transaction():
        [paper] = evidence.add(march, diesel, [Upload("kvittering.pdf", _paper(names))], by=world.anna)
        trade_secrets.mark(march, "machinery", [trade_secrets.FILES], names.surname, by=world.anna)
    sign_month(world, MARCH, electric="5000", diesel="9000")
    comment = asked(world, march, comments.Place(), f"Stemmer dette, {names.surname}?")
    approve_it(world, march)
    deliver_mail()
    case = case_of(world)
    sanction = proposed(world, heard(world, case))
    with transaction():
        appointment = invitations.appoint(case, f"utenfra@{names.domain}", names.surname, by=world.adam)
    return {
        "appointment": str(appointment.public_id),
        "report": str(march.public_id),
        "revision": str(march.revisions[0].public_id),
        "evidence": str(paper.public_id),
        "told_comment": str(comment.public_id),
        "deviation": str(case.public_id),
        "outgoing_mail": _letter(world),
        "sanction": str(sanction.public_id),
        "machine": world.machines["EL-1"],
    }


def _paper(names: Names) -> bytes:
    return f"%PDF-1.7 {names.surname}".encode()


def _letter(world: World) -> str:
    """The notice, as the administrators of both parties may read it."""
    rows = select(OutgoingMail).where(OutgoingMail.contract_id == world.contract.id, OutgoingMail.letter == "notice")
    return str(db.session.scalars(rows).first().public_id)  # type: ignore[union-attr]


def _broken_april(world: World) -> dict[str, str]:
    """One that breaks it too, of which the supplier has not been notified yet."""
    april = sign_month(world, APRIL, electric="5000", diesel="9000")
    approve_it(world, april)
    return {"found_deviation": str(case_of(world).public_id)}


def _may_under_review(world: World, names: Names) -> dict[str, str]:
    may = sign_month(world, MAY, electric="5000", diesel="1000")
    comment = asked(world, may, comments.Place("machinery"), f"Mangler noe, {names.surname}?")
    with transaction():
        claims.take(may, by=world.rita)
        comments.add(may, comments.Place(), CommentCategory.INTERNAL, names.surname, by=world.rita, revision=1)
    return {"signed_report": str(may.public_id), "comment": str(comment.public_id)}


def _june_half_done(world: World, names: Names, people: dict[str, Membership]) -> dict[str, str]:
    clock.move_to(NOW)
    with transaction():
        june = world.report = contracts.open_period(world.contract, calendars.month_of(JUNE))
    fill_in(world)
    line = UUID(world.machines["DI-2"])
    with transaction():
        [paper] = evidence.add(
            june, Place("machinery", line, "amount"), [Upload("juni.pdf", _paper(names))], by=world.anna
        )
        request = extensions.ask(june, date(2026, 8, 1), f"Måleren, {names.surname}.", by=world.anna)
        upload = imports.receive(june, f"{names.surname}.xlsx", imports.template(june, "nb"), by=world.anna)
    read_import({"import": upload.id})
    adam = people["buyer_admin"]
    sheet = contract_sheet.filled(contract_sheets.template(adam, "nb"), {"reference": f"{names.surname}-9"})
    with transaction():
        found = contract_imports.read("kontrakter.xlsx", sheet, "nb")
        kept = contract_imports.keep(f"{names.surname}.xlsx", sheet, found, by=adam)
    return {
        "open_report": str(june.public_id),
        "line": str(line),
        "draft_evidence": str(paper.public_id),
        "extension_request": str(request.public_id),
        "imported_file": str(upload.public_id),
        "contract_import": str(kept.public_id),
    }


def _further(world: World, names: Names) -> dict[str, str]:
    contract = world.contract
    parties = contract.parties
    with transaction() as session:
        order = ChangeOrder(
            **parties, reference=f"EO {names.surname}", agreed_on=MARCH, from_on=MARCH, reason=names.surname
        )
        pause = Pause(**parties, starts_on=date(2026, 9, 1), ends_on=date(2026, 9, 30), reason=names.surname)
        session.add_all([order, pause, *_lists(contract, names)])
        session.flush()
        return {
            "requirement": str(contract.requirements[0].public_id),
            "sanction_clause": str(contract.clauses[0].public_id),
            **{
                entity.__tablename__: str(
                    session.scalars(select(entity.public_id).where(entity.contract_id == contract.id)).first()
                )
                for entity in (Site, Representative, PlannedFigure)
            },
            "deployment": str(_deployment(world)),
        }


def _lists(contract: Any, names: Names) -> list[Any]:
    parties = {"contract_id": contract.id, "buyer_id": contract.buyer_id, "supplier_id": contract.supplier_id}
    return [
        Representative(
            **parties,
            organisation_id=contract.supplier_id,
            name=f"Egil {names.surname}",
            email=f"egil@{names.domain}",
            from_on=date(2026, 1, 1),
        ),
        PlannedFigure(
            **parties,
            origin=FigureOrigin.BID,
            kind="machinery",
            indicator="energy",
            amount=Decimal((names is SECOND and 87654321) or 12345678),
            unit="kWh",
            source=names.surname,
        ),
    ]


def _deployment(world: World) -> UUID:
    machine = db.session.scalars(select(Machine).where(Machine.public_id == UUID(world.machines["EL-1"]))).one()
    return machine.deployments[0].public_id


def _lifted(world: World, names: Names) -> str:
    """The mark of March is to be lifted, and the supplier can object."""
    with transaction():
        [mark] = rulings.of_contract(world.contract, by=world.rita)
        rulings.rule(
            world.contract, {mark.key: mark.version}, Word.LIFT, f"Ikke hemmelig, {names.surname}.", by=world.rita
        )
        [ruled] = rulings.of_contract(world.contract, by=world.rita)
        assert ruled.ruling is not None
        return str(ruled.ruling.public_id)


def _draft(world: World, names: Names) -> dict[str, str]:
    draft = drafted(world, reference=f"U-{names.surname}")
    with transaction() as session:
        draft = session.merge(draft)
        draft.title = f"Utkast {names.surname}"
        parties = {"contract_id": draft.id, "buyer_id": draft.buyer_id, "supplier_id": draft.supplier_id}
        duty = Requirement(
            **parties,
            kind="machinery",
            indicator="zero_emission_share_energy",
            comparison="at_least",
            threshold="20",
            clause="4.2",
            valid_from=draft.starts_on,
        )
        site = Site(**parties, name=f"Tomt {names.surname}")
        session.add_all([duty, site, *_lists(draft, names)])
        clause = contracts.add_clause(
            draft, SanctionClause(clause="7.1", wording=names.surname), Rate(draft.starts_on, Decimal(1000))
        )
        session.flush()
        [planned] = session.scalars(select(PlannedFigure).where(PlannedFigure.contract_id == draft.id))
        [speaks] = session.scalars(select(Representative).where(Representative.contract_id == draft.id))
        found = {
            "contract": draft,
            "requirement": duty,
            "site": site,
            "sanction_clause": clause,
            "planned_figure": planned,
            "representative": speaks,
        }
        return {f"draft_{name}": str(each.public_id) for name, each in found.items()} | {"draft": str(draft.public_id)}


def _name(world: World, names: Names) -> None:
    """What the small world calls alike everywhere bears the tenant's name."""
    with transaction() as session:
        for number in world.machines.values():
            machine = session.scalars(select(Machine).where(Machine.public_id == UUID(number))).one()
            machine.name = f"{machine.name} {names.surname}"
        for clause in session.scalars(select(SanctionClause).where(SanctionClause.contract_id == world.contract.id)):
            clause.wording = f"Gebyr, {names.surname}."
