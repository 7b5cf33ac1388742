"""PostgreSQL shows and takes only rows of whoever acts, whatever statement asks.

SQLite has no second layer: there `tests/ways_round.py` keeps watch over the first.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, delete, exists, func, insert, select, text, union, update
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.orm import Session, aliased
from sqlalchemy.orm.exc import ObjectDeletedError

from portal import calendars, clock, tenancy, work
from portal.application import create_app
from portal.extensions import Base, db, transaction
from portal.model import (
    AuditEvent,
    AuditHead,
    Claim,
    Comment,
    CommentCategory,
    Contract,
    MailState,
    Organisation,
    OrganisationKind,
    OutgoingMail,
    Report,
    Ruling,
    RulingState,
    Sanction,
    policies,
    record,
)
from portal.operations import accounts
from portal.operations.contracts import contracts
from portal.operations.people import domains, interests, sights, substitutes
from portal.schema import migrate_database
from portal.tenancy import EVERYTHING, NOBODY, Subject
from tests import casework, postgres
from tests.conftest import settings_for
from tests.world import BASIS, DUE, MARCH, build_world, fill_in

pytestmark = pytest.mark.postgres


@dataclass(frozen=True)
class Stage:
    """Two contracts between four organisations, and the engines of the web and of the worker."""

    web: Engine
    worker: Engine
    buyer: int
    supplier: int
    stranger: int
    contract: int
    report: int
    sanction: int


@pytest.fixture(scope="module")
def stage(postgres_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Made once: a case with an undecided sanction, a comment within the buyer, a draft, and a stranger's contract."""
    url = postgres.create_database(postgres.name_of(postgres_template))
    web, worker = (create_engine(postgres.as_role(url, role)) for role in (tenancy.APP_ROLE, tenancy.WORKER_ROLE))
    folder = tmp_path_factory.mktemp("stage")
    app = create_app(settings_for(postgres.as_role(url, tenancy.WORKER_ROLE), folder))
    with app.app_context():
        sanction, other = _play()
        found = Stage(
            web,
            worker,
            buyer=sanction.buyer_id,
            supplier=sanction.supplier_id,
            stranger=other.supplier_id,
            contract=sanction.contract_id,
            report=sanction.deviation.report_id,
            sanction=sanction.id,
        )
        db.session.remove()
        db.engine.dispose()
    clock.reset()
    yield found
    web.dispose()
    worker.dispose()
    postgres.drop_database(url)


def _play() -> tuple[Sanction, Report]:
    with transaction():
        world = build_world()
    sanction = casework.proposed(world)
    report = world.report
    rita = {"person_id": world.rita.person_id, "report_id": report.id, **report.parties}
    with transaction() as session:
        session.add(Claim(**rita))
        session.add(
            Ruling(
                **report.parties,
                revision=report.latest,
                kind="fuel",
                field="files",
                state=RulingState.UPHELD,
                reason="Er hemmelig.",
                ruled_by_id=world.rita.person_id,
            )
        )
        session.add(
            Comment(
                **report.parties,
                report_id=report.id,
                revision=report.latest,
                category=CommentCategory.INTERNAL,
                text="Bare for oss.",
                written_by_id=world.rita.person_id,
            )
        )
    with transaction():
        today = clock.now().date()
        unit = sights.begin_unit(world.contract.buyer_id, "Veiavdelingen", by=None)
        world.contract.unit_id = unit.id
        interests.declare(world.contract, "Bror i styret.", every_contract=False, by=world.ruth)
        substitutes.appoint(world.rita, world.ruth, today, today, by=world.adam)
        domains.change("prove.example", by=world.adam)
    with transaction():
        april = contracts.open_period(world.contract, calendars.month_of(date(2026, 4, 1)))
    fill_in(replace(world, report=april))
    with transaction():
        buyer = accounts.add_organisation("310000043", "Annenby kommune", OrganisationKind.BUYER)
        supplier = world.stranger.organisation
        contract = Contract(
            buyer=buyer,
            supplier=supplier,
            buyer_id=buyer.id,
            supplier_id=supplier.id,
            reference="K-2",
            title="Fremmedskolen",
            starts_on=date(2026, 1, 1),
            ends_on=date(2027, 12, 31),
            kinds=["machinery", "fuel"],
            counted={"": "use"},
            basis=BASIS,
            reporting_clause="5.1",
        )
        contracts.add(contract, [], ["Fremmedveien 2"])
        other = contracts.open_period(contract, calendars.month_of(MARCH))
    return sanction, other


def opened(engine: Engine, subject: Subject) -> Session:
    """A transaction for somebody."""
    session = Session(engine)
    tenancy.tell(session.connection(), subject)
    return session


# -- seventeen ways ---------------------------------------------------------------------------------------------------


def _known_before(session: Session, stage: Stage) -> Report:
    """The row is in the session's own memory, from when it acted for the supplier."""
    session.rollback()
    tenancy.tell(session.connection(), Subject(stage.supplier))
    report = session.get_one(Report, stage.report)
    session.commit()
    tenancy.tell(session.connection(), Subject(stage.stranger))
    return report


def _again(session: Session, stage: Stage) -> Report | None:
    _known_before(session, stage)
    return session.get(Report, stage.report)


def _refreshed(session: Session, stage: Stage) -> Report:
    report = _known_before(session, stage)
    session.refresh(report)
    return report


_TABLE = Base.metadata.tables["report"]
_OTHER = aliased(Report)
READING: Mapping[str, Callable[[Session, Stage], Any]] = {
    "entity": lambda session, stage: session.scalars(select(Report).where(Report.id == stage.report)).all(),
    "column": lambda session, stage: session.scalars(select(Report.id).where(Report.id == stage.report)).all(),
    "count": lambda session, stage: session.scalar(select(func.count(Report.id)).where(Report.id == stage.report)),
    "select_from": lambda session, stage: session.scalar(
        select(func.count()).select_from(Report).where(Report.id == stage.report)
    ),
    "aliased": lambda session, stage: session.scalars(select(_OTHER).where(_OTHER.id == stage.report)).all(),
    "exists": lambda session, stage: session.scalar(select(exists().where(Report.id == stage.report))),
    "in a subquery": lambda session, stage: session.scalars(
        select(Contract.id).where(Contract.id.in_(select(Report.contract_id).where(Report.id == stage.report)))
    ).all(),
    "Query.filter_by": lambda session, stage: session.query(Report).filter_by(id=stage.report).all(),
    "union": lambda session, stage: session.execute(
        union(*(select(Report.id).where(Report.id == stage.report) for _ in range(2)))
    ).all(),
    "get": lambda session, stage: session.get(Report, stage.report),
    "get of what is in memory": _again,
    "refresh": _refreshed,
    "Core table": lambda session, stage: session.execute(select(_TABLE).where(_TABLE.c.id == stage.report)).all(),
    "text": lambda session, stage: session.execute(
        text("SELECT id FROM report WHERE id = :id"), {"id": stage.report}
    ).all(),
}
WRITING: Mapping[str, Callable[[Session, Stage], Any]] = {
    "update": lambda session, stage: session.execute(
        update(Report).where(Report.id == stage.report).values(version=99).returning(Report.id)
    ).all(),
    "delete": lambda session, stage: session.execute(
        delete(Claim).where(Claim.report_id == stage.report).returning(Claim.id)
    ).all(),
    "insert": lambda session, stage: session.execute(
        insert(Claim)
        .values(
            report_id=stage.report,
            person_id=1,
            contract_id=stage.contract,
            buyer_id=stage.buyer,
            supplier_id=stage.supplier,
        )
        .returning(Claim.id)
    ).all(),
}
WAYS = {**READING, **WRITING}
IN_MEMORY = ("get of what is in memory", "refresh")


@pytest.mark.parametrize("way", WAYS)
def test_a_stranger_gets_nothing_by_any_way(stage: Stage, way: str) -> None:
    with opened(stage.web, Subject(stage.stranger)) as session:
        if way == "insert":
            with pytest.raises(DBAPIError, match="row-level security"):
                WAYS[way](session, stage)
        elif way in IN_MEMORY:
            with suppress(ObjectDeletedError, InvalidRequestError):  # how SQLAlchemy says that it is not there
                assert WAYS[way](session, stage) is None
        else:
            assert not WAYS[way](session, stage)
    with opened(stage.web, NOBODY) as session:
        assert session.scalar(select(func.count(Report.id))) == 0


@pytest.mark.parametrize("way", READING)
def test_the_party_itself_gets_it_by_each(stage: Stage, way: str) -> None:
    """So that the test above does not stand for want of rows."""
    with opened(stage.web, Subject(stage.supplier)) as session:
        if way in IN_MEMORY:
            assert session.get(Report, stage.report) is not None
        else:
            assert READING[way](session, stage)


# -- every table ------------------------------------------------------------------------------------------------------


def _rows(session: Session, table: str) -> set[tuple[object, ...]]:
    key = [column.name for column in Base.metadata.tables[table].primary_key]
    statement = text(f"SELECT {', '.join(key)} FROM {table}")
    return {tuple(row) for row in session.execute(statement)}


def _seen(engine: Engine, subject: Subject) -> dict[str, set[tuple[object, ...]]]:
    with opened(engine, subject) as session:
        return {table: _rows(session, table) for table in policies.rules()}


NOT_PLAYED = frozenset(
    {
        "appointment",
        "assessment_window",
        "change_order",
        "check_result",
        "contract_import",
        "explanation",
        "extension_request",
        "imported_file",
        "pause",
        "named_contract",
        "planned_figure",
        "read_log",
        "representative",
        "unlock",
        "withdrawal",
    }
)
"""Tables that the stage leaves empty: two whole lives have rows under each of their rules (test_tenant_crawl.py)."""


def test_in_no_table_do_two_strangers_see_one_row(stage: Stage) -> None:
    own = _seen(stage.web, Subject(stage.stranger))
    of_contract = _seen(stage.worker, Subject(contract=stage.contract))
    everything = _seen(stage.worker, EVERYTHING)
    nobodys = _seen(stage.web, NOBODY)
    for table in policies.rules():
        if table not in policies.READ_BY_ALL:
            assert not own[table] & of_contract[table], table
            assert not nobodys[table], table
        assert own[table] | of_contract[table] <= everything[table], table
        if table not in NOT_PLAYED and table != "machine":
            assert of_contract[table], f"nothing to see in {table}"
    assert of_contract["machine"]
    assert own["report"]


def test_what_is_one_partys_own_the_other_does_not_see(stage: Stage) -> None:
    buyers, suppliers = (_seen(stage.web, Subject(each)) for each in (stage.buyer, stage.supplier))
    for table in ("claim", "comment", "sanction", "weighing"):
        assert buyers[table], table
        assert not suppliers[table], table
    assert suppliers["draft_line"]
    assert not buyers["draft_line"]
    within = {"to_review", "given_back", "to_sign", "receipt", "sanction_to_decide"}
    for subject, column in ((stage.buyer, "for_buyer"), (stage.supplier, "for_supplier")):
        with opened(stage.web, Subject(subject)) as session:
            letters = session.scalars(select(OutgoingMail)).all()
            assert letters
            assert all(getattr(letter, column) for letter in letters)
            assert {letter.letter for letter in letters} & within
    for table in ("deviation", "notice", "point", "report", "reply", "revision", "revision_line"):
        assert buyers[table], table
        assert buyers[table] == suppliers[table], table


@pytest.mark.parametrize("table", sorted(policies.rules()))
def test_a_row_of_others_is_neither_changed_nor_written(stage: Stage, table: str) -> None:
    """Nor is a copy of it taken, under a number of its own."""
    [key] = Base.metadata.tables[table].primary_key
    columns = [key.name, *(column.name for column in Base.metadata.tables[table].columns if column is not key)]
    names = ", ".join(f'"{name}"' for name in columns)
    with opened(stage.worker, Subject(contract=stage.contract)) as session:
        row = session.execute(text(f"SELECT {names} FROM {table} ORDER BY 1")).first()
    if table in NOT_PLAYED:
        assert row is None
        return
    assert row is not None
    with opened(stage.web, Subject(stage.stranger)) as session:
        for act in (f"UPDATE {table} SET {key.name} = {key.name}", f"DELETE FROM {table}"):
            assert _refused(session, f"{act} WHERE {key.name} = :key", {"key": row[0]}) in (0, "permission denied")
        values = {f"v{number}": value for number, value in enumerate(row)}
        copied = f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})"
        adapted = {name: _plain(value) for name, value in values.items()}
        assert _refused(session, copied, adapted) == "row-level security"


def _plain(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict | list) else value


def _refused(session: Session, statement: str, values: Mapping[str, object]) -> int | str:
    """How many rows a statement reached, or how it was refused. Either way it leaves nothing behind."""
    attempt = session.begin_nested()
    try:
        return int(session.execute(text(statement), values).rowcount)  # type: ignore[attr-defined]
    except DBAPIError as refused:
        return next(words for words in ("row-level security", "permission denied") if words in str(refused))
    finally:
        attempt.rollback()


def test_nobody_writes_below_anothers_contract_as_its_own(stage: Stage) -> None:
    """Its parties are what the contract says, and not what the row says."""
    site = {"c": stage.contract, "b": stage.stranger, "s": stage.stranger, "key": "0" * 32}
    made = "INSERT INTO site (public_id, created_at, name, address, contract_id, buyer_id, supplier_id) VALUES "
    with opened(stage.web, Subject(stage.stranger)) as session:
        refused = _refused(session, f"{made} (CAST(:key AS uuid), now(), 'Her', '', :c, :b, :s)", site)
        assert refused == "row-level security"
        moved = "UPDATE site SET contract_id = :c, buyer_id = :b WHERE supplier_id = :s"
        assert _refused(session, moved, site | {"b": stage.buyer}) == "row-level security"


# -- the trail and the letters: rows that may belong to no contract ---------------------------------------------------


def _heads(session: Session) -> dict[str, int]:
    return {head.chain: head.sequence for head in session.scalars(select(AuditHead))}


def test_no_subject_reaches_the_head_of_an_organisation_nor_of_anothers_contract(stage: Stage) -> None:
    """Whoever reads one knows how much another does; whoever writes one makes a whole chain look forged."""
    with opened(stage.worker, EVERYTHING) as session:
        every = _heads(session)
    of_others = f"contract:{stage.contract}"
    unwritable = [*(chain for chain in every if chain.startswith("organisation:")), of_others]
    assert f"organisation:{stage.buyer}" in every
    for subject in (NOBODY, Subject(stage.stranger)):
        with opened(stage.web, subject) as session:
            assert set(unwritable) & set(_heads(session)) == set()
            for chain in [*unwritable, f"organisation:{stage.stranger}"]:
                moved = "UPDATE audit_head SET sequence = sequence + 1 WHERE chain = :chain"
                assert _refused(session, moved, {"chain": chain}) == 0
            for chain in ("organisation:9999", "organisation:", of_others, "another"):
                made = "INSERT INTO audit_head (chain, sequence, hash) VALUES (:chain, 1, '')"
                assert _refused(session, made, {"chain": chain}) == "row-level security", chain
    with opened(stage.web, Subject(stage.buyer)) as session:
        assert set(_heads(session)) == {of_others}, "the head of its contract it needs, to write on"


@pytest.mark.parametrize("subject", ["nobody", "stranger"])
def test_what_is_done_for_another_is_written_on_its_chain_and_nothing_more_is_open_then(
    stage: Stage, subject: str
) -> None:
    """A sign-in acts for nobody yet, and a buyer invites the people of a supplier."""
    acts_for = NOBODY if subject == "nobody" else Subject(stage.stranger)
    chain = f"organisation:{stage.buyer}"
    with opened(stage.worker, EVERYTHING) as session:
        before = _heads(session)[chain]
    with opened(stage.web, acts_for) as session:
        record(session.get_one(Organisation, stage.buyer), "organisation.added", by=None)
        session.commit()
        tenancy.tell(session.connection(), acts_for)
        assert chain not in _heads(session)
    with opened(stage.worker, EVERYTHING) as session:
        assert _heads(session)[chain] == before + 1
        newest = session.scalars(select(AuditEvent).where(AuditEvent.chain == chain)).all()[-1]
        assert newest.sequence == before + 1
        assert newest.hash == newest.computed_hash()


def test_nobody_puts_an_entry_on_a_chain_that_is_not_its_own_nor_in_anothers_name(stage: Stage) -> None:
    own = Subject(stage.stranger)
    with opened(stage.web, own) as session:
        [contract] = session.scalars(select(Contract.id)).all()
    made = (
        "INSERT INTO audit_event (chain, sequence, at, action, subject, subject_id, contract_id, organisation_id, "
        "reason, facts, previous_hash, hash) "
        "VALUES (:chain, 99, now(), 'a', 's', '1', :contract, :organisation, '', '{}', '', '')"
    )
    refused: list[tuple[str, int | None, int | None]] = [
        (f"organisation:{stage.buyer}", None, None),
        (f"organisation:{stage.stranger}", None, stage.stranger),
        ("organisation:0", None, None),
        (f"contract:{stage.contract}", None, None),
        (f"contract:{stage.contract}", contract, None),
        (f"contract:{stage.contract}", stage.contract, None),
        (f"organisation:{stage.buyer}", contract, None),
        (f"contract:{contract}", contract, stage.buyer),
    ]
    with opened(stage.web, own) as session:
        for chain, about, organisation in refused:
            values = {"chain": chain, "contract": about, "organisation": organisation}
            assert _refused(session, made, values) == "row-level security", values
        fitting = {"chain": f"contract:{contract}", "contract": contract, "organisation": stage.stranger}
        assert _refused(session, made, fitting) == 1
        tenancy.write_on(session.connection(), [f"organisation:{stage.buyer}"])
        foreign = {"chain": f"organisation:{stage.buyer}", "contract": None, "organisation": stage.supplier}
        assert _refused(session, made, foreign) == "row-level security", "on the chain, but in the name of a third"


def test_a_letter_about_no_contract_is_put_before_nobody(stage: Stage) -> None:
    made = (
        "INSERT INTO outgoing_mail (public_id, created_at, contract_id, buyer_id, supplier_id, letter, for_buyer, "
        "for_supplier, to_address, subject, body, state, attempts, error) VALUES (gen_random_uuid(), now(), :contract, "
        ":buyer, :supplier, 'to_review', :for_buyer, false, 'a@b.example', '', '', 'queued', 0, '')"
    )
    personal: dict[str, int | None] = {"contract": None, "buyer": None, "supplier": None, "for_buyer": False}
    for subject in (NOBODY, Subject(stage.stranger)):
        with opened(stage.web, subject) as session:
            changes: tuple[dict[str, int | None], ...] = (
                {"buyer": stage.buyer, "for_buyer": True},
                {"buyer": stage.buyer},
                {"supplier": stage.supplier},
                {"for_buyer": True},
                {"contract": stage.contract, "buyer": stage.buyer, "supplier": stage.supplier},
                {"contract": stage.contract},
            )
            for change in changes:
                assert _refused(session, made, personal | change) == "row-level security", change
            assert _refused(session, made, personal) == 1
    with opened(stage.web, Subject(stage.supplier)) as session:
        others: dict[str, int | None] = {
            "contract": stage.contract,
            "buyer": stage.stranger,
            "supplier": stage.supplier,
        }
        assert _refused(session, made, personal | others) == "row-level security", "a party that the contract has not"


# -- roles and subjects -----------------------------------------------------------------------------------------------


def test_only_the_worker_may_act_on_everything(stage: Stage) -> None:
    with pytest.raises(tenancy.NotTheWorker, match="klimakontrakt_worker"), opened(stage.web, EVERYTHING):
        pass
    with Session(stage.web) as session:
        session.execute(text("SELECT set_config('app.subject', 'everything', true)"))
        assert session.scalar(select(func.count(Report.id))) == 0, "nor by saying so itself"
        with pytest.raises(DBAPIError, match="permission denied"):
            session.execute(text(f"SET LOCAL ROLE {tenancy.WORKER_ROLE}"))


def test_the_web_counts_letters_that_it_does_not_see(stage: Stage) -> None:
    with opened(stage.worker, EVERYTHING) as session:
        waiting = session.scalar(select(func.count()).where(OutgoingMail.state == MailState.QUEUED))
    with opened(stage.web, NOBODY) as session:
        assert session.scalar(select(func.letters_waiting())) == waiting
        assert session.scalar(select(func.count(OutgoingMail.id))) == 0


def test_a_subject_ends_with_its_transaction(stage: Stage) -> None:
    """The next one to get the connection finds '' and not NULL, and sees nothing."""
    with stage.web.connect() as connection, Session(connection) as session:
        tenancy.tell(session.connection(), Subject(stage.supplier))
        assert session.scalar(select(func.count(Report.id)))
        for end in (session.commit, session.rollback):
            end()
            assert session.scalar(select(func.count(Report.id))) == 0
            assert session.scalar(text("SELECT current_setting('app.organisation', true)")) == ""


def test_not_even_the_owner_passes_by(postgres_template: str, tmp_path: Path) -> None:
    """Made by the very lines of docs/tenancy.md: an owner who is no superuser migrates, and sees no row."""
    url = postgres.create_database()
    name = postgres.name_of(url)
    postgres.drop_database(url)
    with psycopg.connect(postgres_template, autocommit=True) as connection:
        for statement in postgres.DATABASE.replace("DATABASE klimakontrakt", f"DATABASE {name}").split(";"):
            connection.execute(statement.encode())
    owner, web = (postgres.as_role(url, role) for role in ("klimakontrakt_owner", tenancy.APP_ROLE))
    migrate_database(replace(settings_for(web, tmp_path), database_owner_url=owner))
    migrate_database(replace(settings_for(web, tmp_path), database_owner_url=owner))
    engine = create_engine(owner)
    with engine.begin() as connection:
        row = "VALUES (1, gen_random_uuid(), now(), '310000019', 'Prøveby kommune', 'buyer')"
        connection.execute(text(f"INSERT INTO organisation (id, public_id, created_at, number, name, kind) {row}"))
        columns = "public_id, created_at, organisation_id, uploaded_by_id, sha256, name, state, result"
        row = "VALUES (gen_random_uuid(), now(), 1, 1, '', '', 'ready', '{}')"
        with pytest.raises(DBAPIError, match="row-level security"):
            connection.execute(text(f"INSERT INTO contract_import ({columns}) {row}"))
    engine.dispose()
    postgres.drop_database(url)


def _in_earnest(app: Flask, job: str, payload: Mapping[str, object] | None = None) -> None:
    """Run a job as the worker does: in a thread and a context of its own, for nobody until it says so."""

    def run() -> None:
        with app.app_context():
            assert tenancy.current() == NOBODY
            work.HANDLERS[job](payload or {})
            assert tenancy.current() == NOBODY

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_jobs_and_timers_name_whom_they_act_for(
    make_app: Callable[..., Flask], postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(postgres_url)
    with app.app_context():
        with transaction():
            world = build_world()
        clock.move_to(DUE + timedelta(hours=1))
        for job in ("periods.open", "timers.tick", "reports.overdue", "requests.chase", "cases.recount", "files.sweep"):
            _in_earnest(app, job)
        letters = db.session.scalars(select(OutgoingMail)).all()
        for letter in letters:
            _in_earnest(app, "mail.deliver", {"mail": letter.id})
        _in_earnest(app, "mail.sweep")
        db.session.rollback()
        db.session.expire_all()
        assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
        assert world.report.overdue_at is not None, "a timer has fired"
        assert db.session.scalar(select(func.count(Report.id))) == 4, "January to April are open"
        assert letters
        assert {letter.state for letter in letters} == {MailState.KEPT}


def test_a_job_for_one_contract_sees_no_other(stage: Stage) -> None:
    with opened(stage.worker, Subject(contract=stage.contract)) as session:
        assert set(session.scalars(select(Contract.id))) == {stage.contract}
        assert set(session.scalars(select(Report.contract_id))) == {stage.contract}
