"""Both parties at the pages of one contract, whose database is put back as it was before each story is told."""

import contextvars
import hashlib
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy import select, update

from portal import clock, work
from portal.extensions import Base, db, parts, transaction
from portal.model import (
    ClauseCounts,
    ClauseForm,
    Contract,
    Deviation,
    ExtensionRequest,
    Machine,
    MailState,
    Membership,
    OutgoingMail,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    ReportState,
    Representative,
    Role,
    Sanction,
    SanctionClause,
    WebSession,
)
from portal.operations import accounts
from portal.operations.contracts import contracts
from portal.operations.contracts.contracts import Rate
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts
from portal.post import Message, PostRefused, PostUnavailable
from tests.desk import give_passwords
from tests.http import PASSWORD
from tests.signing_in import enter, equip
from tests.world import IN_MARCH, MARCH, World, build_world

VALUE = Decimal(100_000_000)
PER_DAY = Decimal(100_000)
"""1 ‰ of the contract's value."""
MOST = Decimal(10_000_000)
"""10 % of the contract's value."""
FEE, LINE_FEE = Decimal(20_000), Decimal(5_000)
TERMS = ("as agreed", "by the fee", "by the day")
BY_DAY = "Dagmulkt: 1 promille av kontraktsverdien per dag."
PEOPLE = ("anna", "bo", "sten", "rita", "ruth", "adam", "dora", "eva")
"""As in the small world; Sten is of another supplier; Eva administers for the buyer, and may decide on money too."""
REPRESENTATIVE = "bo@prove.example"
"""Whom the contract names to receive notices for the supplier."""
_LASTING = timedelta(hours=12)
_LEFT_OUT = frozenset({"mail.sweep", "files.sweep"})
"""Of the schedules: letters are handed over without their jobs, and files are no matter here."""
_NOT_THE_CASES = frozenset({"web_session", "sign_in_attempt", "read_log"})


@dataclass
class PostOffice:
    """The mail server, which does as it is told: "takes", "is down", or "refuses" the representative's letters."""

    does: str = "takes"
    keeps_mail: bool = False

    def deliver(self, message: Message) -> None:
        """Take a letter, or not."""
        if self.does == "is down":
            raise PostUnavailable("451 later")
        if self.does == "refuses" and message.to == REPRESENTATIVE:
            raise PostRefused("550 no such user")


@dataclass(frozen=True)
class Answer:
    """What a page answered, and to what."""

    status: int
    text: str
    address: str

    @property
    def done(self) -> bool:
        """Whether the act was taken."""
        return self.status == 303


@dataclass
class CaseOffice:
    """The application with everybody signed in, and how the database stood at moments worth going on from."""

    app: Flask
    file: Path
    contract_id: int
    report_id: int
    clients: dict[str, FlaskClient]
    post_office: PostOffice
    trouble: list[str] = field(default_factory=list)
    """What the worker or a page logged as an error."""
    kept: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)

    # -- the pages ----------------------------------------------------------------------------------------------------

    def get(self, who: str, address: str) -> Answer:
        """Open a page."""
        return self._asked(self.clients[who].get, address)

    def send(self, who: str, address: str, **form: Any) -> Answer:
        """Send a form."""
        return self._asked(self.clients[who].post, address, data=form)

    def filled(self, who: str, address: str, mark: str) -> dict[str, str]:
        """The form with this in its address, as the page shows it; nothing where the page shows none."""
        answer = self.get(who, address)
        if answer.status != 200:
            return {}
        page: Any = html.fromstring(answer.text)
        forms = page.xpath(f"//form[contains(@action, '{mark}') or contains(@class, '{mark}')]")
        return dict(forms[0].form_values()) if forms else {}

    def _asked(self, ask: Any, address: str, **more: Any) -> Answer:
        db.session.remove()
        found = contextvars.Context().run(ask, address, **more)
        db.session.remove()
        assert found.status_code < 500, (address, more, found.text)
        assert not self.trouble, (address, more, self.trouble)
        return Answer(found.status_code, found.text, address)

    # -- what is stored -----------------------------------------------------------------------------------------------

    @property
    def contract(self) -> Contract:
        """As it is now."""
        return db.session.get_one(Contract, self.contract_id)

    @property
    def report(self) -> Report:
        """The report for March, as it is now."""
        return db.session.get_one(Report, self.report_id)

    def reports(self) -> list[Report]:
        """The report for March, and the next month's that is still to be approved, if one is open."""
        rows = (
            select(Report)
            .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
            .where(Report.id != self.report_id, ReportingPeriod.purpose == PeriodPurpose.REGULAR)
            .where(Report.state.not_in([ReportState.APPROVED, ReportState.SPARED]))
            .order_by(ReportingPeriod.starts_on)
        )
        return [self.report, *db.session.scalars(rows.limit(1)).unique()]

    def deviations(self) -> list[Deviation]:
        """Every case, oldest first."""
        return list(db.session.scalars(select(Deviation).order_by(Deviation.id)))

    def sanctions(self) -> list[Sanction]:
        """Every sanction, oldest first."""
        return list(db.session.scalars(select(Sanction).order_by(Sanction.id)))

    def wishes(self) -> list[ExtensionRequest]:
        """Every request for more time, oldest first."""
        return list(db.session.scalars(select(ExtensionRequest).order_by(ExtensionRequest.id)))

    def machines(self) -> dict[str, str]:
        """Public id -> name."""
        return {str(each.public_id): each.name for each in db.session.scalars(select(Machine))}

    def digest(self) -> str:
        """Of everything that is stored, but for who is signed in."""
        found = hashlib.sha256()
        with closing(sqlite3.connect(self.file)) as connection:  # plain: a row of SQLAlchemy's says only how it begins
            for name in sorted(Base.metadata.tables.keys() - _NOT_THE_CASES):
                found.update(repr(connection.execute(f"SELECT * FROM {name}").fetchall()).encode())
        return found.hexdigest()

    def agree(self, terms: str, *, warns_first: bool) -> None:
        """What breaches cost from the start on, in another form: only where nobody has been told of one yet.

        "by the day": the share of 4.2 has a daily amount of its own. "by the fee": so has what is filed late a fee.
        """
        with transaction():
            contract = self.contract
            duty = {each.clause: each for each in contract.requirements}
            own = {each.clause: each for each in contract.clauses}
            if terms == "by the fee":
                own["7.2"].form, own["7.2"].rates[0].amount = ClauseForm.FEE, FEE
            elif terms == "by the day":
                clause = SanctionClause(form=ClauseForm.DAILY, clause="7.4", wording=BY_DAY, requirement=duty["4.2"])
                contracts.add_clause(contract, clause, Rate(date(2026, 1, 1), Decimal(1)))
                own["7.4"] = clause
            for name in own.keys() & {"7.2", "7.4"}:
                own[name].warns_first = warns_first

    # -- time and the worker ------------------------------------------------------------------------------------------

    def pass_time(self, how_long: timedelta) -> None:
        """Let time go by. Nobody has to sign in again."""
        clock.move_to(clock.now() + how_long)
        self._stay_signed_in()

    def work(self) -> None:
        """The worker does everything that is due, as its schedules have it."""
        db.session.remove()
        with closing(sqlite3.connect(self.file)) as watching:
            for _round in range(2):
                before = _writings(watching)
                self._deliver()
                for name in (name for name in work.SCHEDULES if name not in _LEFT_OUT):
                    work.HANDLERS[name]({})
                if _writings(watching) == before:
                    break
        self._deliver()
        db.session.remove()
        assert not self.trouble, self.trouble

    def _deliver(self) -> None:
        waiting = db.session.scalars(select(OutgoingMail.id).where(OutgoingMail.state == MailState.QUEUED)).all()
        db.session.rollback()
        for number in waiting:
            try:
                work.deliver_mail({"mail": number})
            except work.MailStuck:
                assert self.post_office.does == "is down"

    def _stay_signed_in(self) -> None:
        db.session.remove()
        with transaction() as writing:
            writing.execute(
                update(WebSession).values(
                    seen_at=clock.now(), confirmed_at=clock.now(), expires_at=clock.now() + _LASTING
                )
            )
        db.session.remove()

    # -- before each story --------------------------------------------------------------------------------------------

    def keep(self, name: str) -> None:
        """Remember how everything stands."""
        self._let_go()
        copy = self.file.with_suffix(".kept")
        copy.unlink(missing_ok=True)
        connection = sqlite3.connect(self.file)
        connection.execute("VACUUM INTO ?", (str(copy),))
        connection.close()
        self.kept[name] = (copy.read_bytes(), clock.now())

    def put_back(self, name: str) -> None:
        """Let everything stand as it did."""
        self._let_go()
        content, moment = self.kept[name]
        for beside in ("-wal", "-shm"):
            self.file.with_name(self.file.name + beside).unlink(missing_ok=True)
        self.file.write_bytes(content)
        clock.move_to(moment)
        self.post_office.does = "takes"
        self.trouble.clear()
        self._stay_signed_in()

    def _let_go(self) -> None:
        db.session.remove()
        db.engine.dispose()


def _writings(connection: sqlite3.Connection) -> int:
    """A number that is another one after whatever somebody else has written."""
    [[number]] = connection.execute("PRAGMA data_version")
    return int(number)


class _Listener(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.ERROR)
        self.heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(self.format(record))


@contextmanager
def opened(app: Flask, file: Path) -> Iterator[CaseOffice]:
    """The office on an empty database, peopled; `kept["begin"]` is how it stands then."""
    post_office = PostOffice()
    app.extensions["klimakontrakt"] = replace(app.extensions["klimakontrakt"], post=post_office)
    with app.app_context():
        world = _peopled()
        ids = world.contract.id, world.report.id
        clients = {name: _signed_in(app, f"{name}@prove.example") for name in PEOPLE}
        office = CaseOffice(app, file, *ids, clients, post_office)
        listener = _Listener(office.trouble)
        for name in ("portal", app.logger.name):
            logging.getLogger(name).addHandler(listener)
        try:
            office.keep("begin")
            yield office
        finally:
            for name in ("portal", app.logger.name):
                logging.getLogger(name).removeHandler(listener)
            parts().jobs.close()
            db.session.remove()
            db.engine.dispose()


def _peopled() -> World:
    with transaction() as writing:
        world = build_world()
        contract = world.contract
        contract.value, contract.starts_on = VALUE, MARCH
        eva = accounts.add_person("eva@prove.example", "Eva Prøve")
        accounts.add_membership(eva, contract.buyer, Role.ADMINISTRATOR, Role.DECISION_MAKER)
        for name in ("GA-3", "GA-4"):
            facts = MachineFacts(name, "wheel_loader", "diesel", "IIIA")
            machines.deploy(machines.register(facts, by=world.anna), contract, date(2026, 1, 1), None, by=world.anna)
        writing.add(
            Representative(
                **contract.parties,
                organisation_id=contract.supplier_id,
                contract=contract,
                person=world.bo.person,
                name=world.bo.person.name,
                email=REPRESENTATIVE,
                from_on=contract.starts_on,
            )
        )
        _add_clauses(world)
    give_passwords(world)
    with transaction():
        kept = db.session.get_one(Membership, world.adam.id).person.password
        eva.password, eva.language = kept, "en"
        equip(eva)
    clock.move_to(IN_MARCH)
    return world


def _add_clauses(world: World) -> None:
    duty = {each.clause: each for each in world.contract.requirements}
    daily = SanctionClause(
        form=ClauseForm.DAILY,
        clause="7.2",
        wording="Dagmulkt: 1 promille av kontraktsverdien per dag, høyst 10 %.",
        requirement=duty["5.1"],
        cap_percent=Decimal(10),
    )
    contracts.add_clause(world.contract, daily, Rate(date(2026, 1, 1), Decimal(1)))
    by_line = SanctionClause(
        clause="7.3",
        wording="Gebyr for hver maskin under steget.",
        requirement=duty["4.3"],
        counts=ClauseCounts.LINE,
    )
    contracts.add_clause(world.contract, by_line, Rate(date(2026, 1, 1), LINE_FEE))


def _signed_in(app: Flask, email: str) -> FlaskClient:
    client = app.test_client()
    client.set_cookie("language", "en")
    answer = enter(
        lambda path: contextvars.Context().run(client.get, path),
        lambda path, values: contextvars.Context().run(client.post, path, data=values),
        {"email": email, "password": PASSWORD},
    )
    assert answer.status_code == 303, answer.text
    return client
