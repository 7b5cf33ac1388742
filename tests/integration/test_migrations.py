"""What is there is carried over: a database with a contract in it goes through the revisions of this release."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from portal import resources
from portal.config import Settings
from portal.schema import migrate_database
from tests import postgres
from tests.conftest import settings_for

BEFORE_TERMS = "0003"
BEFORE_HOLDS = "0005"
BEFORE_REJECTIONS = "0006"
BEFORE_PAPERS = "0028"
BEFORE_CODES, CODES = "0030", "0031"
MADE = datetime(2026, 1, 2, 9, tzinfo=UTC)
ORGANISATIONS = [(1, "310000019", "Prøveby kommune", "buyer"), (2, "310000027", "Annas Graving AS", "supplier")]
OWN = "public_id, created_at, contract_id, buyer_id, supplier_id"
MINE = ":public_id, :made, 7, 1, 2"
"""What every row of a contract has."""
REJECTIONS = [
    (1, 1, "not_accepted", 1, '{"breaches": 1, "revision": 1}'),
    (2, 2, "not_accepted", 1, '{"breaches": 1, "revision": 2}'),
    (3, 3, "not_accepted", 1, '{"breaches": 1, "revision": 1}'),
    (4, 3, "reporting", 1, '{"breaches": 1}'),
    (5, 3, "not_accepted", 2, '{"breaches": 1, "revision": 2}'),
    (6, 3, "correction", 1, '{"breaches": 1, "revision": 2}'),
]
"""Cases: their number, report, group and occasion, and what was found."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each make, not migrated."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.db'}"
        return
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


class OldContract(NamedTuple):
    """A database with a contract in it, from before terms were kept."""

    settings: Settings
    engine: Engine

    def goes_on(self, revision: str = "head") -> None:
        """Through the revisions up to this one."""
        migrate_database(self.settings, revision)


@pytest.fixture
def old_contract(new_database: str, tmp_path: Path) -> Iterator[OldContract]:
    """A contract of those days, in an empty database of each make."""
    settings = settings_for(new_database, tmp_path)
    migrate_database(settings, BEFORE_TERMS)
    engine = create_engine(settings.database_url)
    _fill(engine)
    yield OldContract(settings, engine)
    engine.dispose()


def test_sites_rates_and_deliveries_are_carried_over(old_contract: OldContract) -> None:
    engine = old_contract.engine

    old_contract.goes_on()

    with engine.connect() as connection:
        rows = connection.execute(text("SELECT name, address, contract_id, buyer_id, supplier_id FROM site")).all()
        assert rows == [("Prøveveien 1", "", 7, 1, 2)]
        rates = connection.execute(text("SELECT clause_id, amount, valid_from FROM sanction_rate")).all()
        assert [(row[0], row[1], str(row[2])) for row in rates] == [(5, 20_000_000_000, "2026-01-01")]
        contract = connection.execute(
            text("SELECT state, frequency, due_days, due_counting, due_moves, due_time, notice_starts FROM contract")
        ).one()
        assert contract == ("running", "month", 12, "working", "forward", "", "delivered")
    columns = {each["name"]: each for each in inspect(engine).get_columns("contract")}
    assert {"site", "due_working_days"}.isdisjoint(columns)
    assert columns["state"]["default"] is None, "what a contract is, the portal says, not a default of the database"


def test_requests_for_more_time_that_wait_are_carried_over(old_contract: OldContract) -> None:
    """Of report 1 and of the reply in case 1 more time was asked for, and nobody has answered; report 2's was refused.

    The release before held a report's deadline until the answer, and a reply's not at all.
    """
    engine = old_contract.engine
    old_contract.goes_on(BEFORE_HOLDS)
    with engine.begin() as connection:
        _fill_requests(connection)

    old_contract.goes_on()

    with engine.connect() as connection:
        held = text("SELECT id, held_until IS NOT NULL FROM report ORDER BY id")
        assert [(row[0], bool(row[1])) for row in connection.execute(held)] == [(1, True), (2, False)]
        wished = text(
            "SELECT count(*) FROM report r JOIN extension_request e ON e.report_id = r.id "
            "WHERE r.held_until = e.wished_until AND r.id = 1"
        )
        assert connection.execute(wished).scalar_one() == 1, "until the day that was wished for"
        assert connection.execute(text("SELECT held_until FROM deviation")).scalar_one() is None
        holds = text("SELECT id, holds FROM extension_request ORDER BY id")
        assert [(row[0], bool(row[1])) for row in connection.execute(holds)] == [(1, True), (2, True), (3, False)]


def test_each_rejection_has_a_case_of_its_own_and_back(old_contract: OldContract) -> None:
    """Report 1 was rejected once; 2 twice, and its case told anew; 3 twice, the second time as a case anew."""
    engine = old_contract.engine
    old_contract.goes_on(BEFORE_REJECTIONS)
    with engine.begin() as connection:
        _fill_rejections(connection)
    before = [
        (1, "not_accepted", 1),
        (2, "not_accepted", 1),
        (3, "not_accepted", 1),
        (4, "reporting", 1),
        (5, "not_accepted", 2),
        (6, "correction", 1),
    ]
    assert _groups(engine) == before

    old_contract.goes_on()

    assert _groups(engine) == [
        (1, "not_accepted-1", 1),
        (2, "not_accepted-2", 1),
        (3, "not_accepted-1", 1),
        (4, "reporting", 1),
        (5, "not_accepted-2", 1),
        (6, "correction", 1),
    ]
    go_back(engine, BEFORE_REJECTIONS)
    assert _groups(engine) == before


def test_a_receipt_from_before_says_what_stood_then_and_there_is_no_way_back(old_contract: OldContract) -> None:
    engine = old_contract.engine
    old_contract.goes_on(BEFORE_HOLDS)
    with engine.begin() as connection:
        _fill_requests(connection)
    old_contract.goes_on(BEFORE_PAPERS)
    with engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO revision (id, {OWN}, report_id, number, hash, answers, pins, preparers, signed_by_id, "
                f"signed_at, late_by_days, amendment_reason, reasons, secrets) VALUES (1, {MINE}, 1, 1, 'x', '{{}}', "
                f"'{{}}', '[]', 1, :made, 0, '', '[]', '{{}}')"
            ),
            _row(),
        )

    old_contract.goes_on()

    with engine.begin() as connection:
        kept = connection.execute(text("SELECT on_paper FROM revision")).scalar_one()
        assert (json.loads(kept) if isinstance(kept, str) else kept) == {
            "reference": "K-1",
            "title": "Prøveskolen",
            "zone": "Europe/Oslo",
            "buyer": "Prøveby kommune",
            "supplier": "Annas Graving AS",
            "number": "310000027",
            "signed_by": "Bo Prøve",
        }
    with pytest.raises(RuntimeError, match="Decisions and receipts are kept as they were"):
        go_back(engine, BEFORE_PAPERS)


def test_there_is_no_way_back_while_a_letter_would_open_the_way(new_database: str, tmp_path: Path) -> None:
    settings = settings_for(new_database, tmp_path)
    migrate_database(settings, BEFORE_CODES)
    engine = create_engine(settings.database_url)
    migrate_database(settings, CODES)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO person (id, public_id, created_at, email, name, language, active, fs_uniquifier, "
                "single_keys, set_up_by_code) VALUES (1, :public_id, :made, 'bo@prove.example', 'Bo Prøve', 'nb', "
                "true, 'x', true, true)"
            ),
            _row(),
        )
    with pytest.raises(RuntimeError, match="sets up a second factor only with a code"):
        go_back(engine, BEFORE_CODES)
    with engine.begin() as connection:
        connection.execute(text("UPDATE person SET set_up_by_code = false"))
    go_back(engine, BEFORE_CODES)
    assert "set_up_by_code" not in {each["name"] for each in inspect(engine).get_columns("person")}
    engine.dispose()


def _groups(engine: Engine) -> list[tuple[int, str, int]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, cause_group, occasion FROM deviation ORDER BY id"))
        return [(row[0], row[1], row[2]) for row in rows]


def go_back(engine: Engine, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(resources.MIGRATIONS))
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def _fill_rejections(connection: Connection) -> None:
    """Three reports and their cases, as the release before kept them."""

    def put(statement: str, **values: object) -> None:
        connection.execute(text(statement), {**_row(), "due": datetime(2026, 4, 22, 22, tzinfo=UTC), **values})

    for number in (1, 2, 3):
        put(
            f"INSERT INTO reporting_period (id, {OWN}, starts_on, ends_on, opens_at, due_at, purpose) "
            f"VALUES (:id, {MINE}, :first, :last, :made, :due, 'regular')",
            id=number,
            first=date(2026, number, 1),
            last=date(2026, number, 28),
        )
        put(
            f"INSERT INTO report (id, {OWN}, period_id, state, version, due_at, preparers, pins, edited_as, "
            f"amendment_reason) VALUES (:id, {MINE}, :id, 'rejected', 1, :due, '[]', '{{}}', 'draft', '')",
            id=number,
        )
    _put_duty(put)
    for number, report, group, occasion, facts in REJECTIONS:
        put(
            f"INSERT INTO deviation (id, {OWN}, requirement_id, report_id, cause, cause_group, occasion, state, "
            f"version, clause, sentence, facts, put_right, known_at, outcome) VALUES (:id, {MINE}, 1, :report, "
            f"'not_accepted', :group, :occasion, 'found', 1, '5.1', '{{}}', :facts, '{{}}', :made, '')",
            id=number,
            report=report,
            group=group,
            occasion=occasion,
            facts=facts,
        )


def _put_duty(put: Callable[..., None]) -> None:
    put(
        f"INSERT INTO requirement (id, {OWN}, kind, indicator, comparison, threshold, clause, valid_from, steps, "
        f'promised, promised_source, tolerance, "window", scope, wording) '
        f"VALUES (1, {MINE}, '', 'filed_within_days', 'at_most', '12', '5.1', :first, '[]', '', '', '', 'period', "
        f"'{{}}', '')",
        first=date(2026, 1, 1),
    )


def _fill_requests(connection: Connection) -> None:
    """Two open reports and a case that waits for its reply, each with a request for more time."""
    of_contract = {**_row(), "due": datetime(2026, 4, 22, 22, tzinfo=UTC), "wished": datetime(2026, 5, 4, tzinfo=UTC)}

    def put(statement: str, **values: object) -> None:
        connection.execute(text(statement), {**of_contract, **_row(), **values})

    put(
        "INSERT INTO person (id, public_id, created_at, email, name, language, active, fs_uniquifier, single_keys) "
        "VALUES (1, :public_id, :made, 'bo@prove.example', 'Bo Prøve', 'nb', :yes, 'x', :yes)",
        yes=True,
    )
    for number, asked_at in ((1, MADE), (2, None)):
        put(
            f"INSERT INTO reporting_period (id, {OWN}, starts_on, ends_on, opens_at, due_at, purpose) "
            f"VALUES (:id, {MINE}, :first, :last, :made, :due, 'regular')",
            id=number,
            first=date(2026, number, 1),
            last=date(2026, number, 28),
        )
        put(
            f"INSERT INTO report (id, {OWN}, period_id, state, version, due_at, preparers, pins, edited_as, "
            f"amendment_reason, more_time_asked_at) "
            f"VALUES (:id, {MINE}, :id, 'draft', 1, :due, '[]', '{{}}', 'draft', '', :asked_at)",
            id=number,
            asked_at=asked_at,
        )
    _put_duty(put)
    put(
        f"INSERT INTO deviation (id, {OWN}, requirement_id, report_id, cause, cause_group, state, version, clause, "
        f"sentence, facts, known_at, outcome) VALUES (1, {MINE}, 1, 2, 'report_missing', 'reporting', "
        f"'awaiting_reply', 1, '5.1', '{{}}', '{{}}', :made, '')"
    )
    for number, report, deviation, state in ((1, 1, None, "asked"), (2, 2, None, "refused"), (3, None, 1, "asked")):
        put(
            f"INSERT INTO extension_request (id, {OWN}, report_id, deviation_id, state, asked_by_id, reason, due_at, "
            f"wished_until, answer, answered_at) VALUES (:id, {MINE}, :report, :deviation, :state, 1, 'Ferie.', :due, "
            f":wished, '', :answered_at)",
            id=number,
            report=report,
            deviation=deviation,
            state=state,
            answered_at=MADE if state == "refused" else None,
        )


def _fill(engine: Engine) -> None:
    """A contract as the release before wrote it, with a clause."""
    with engine.begin() as connection:
        for number, organisation, name, kind in ORGANISATIONS:
            connection.execute(
                text(
                    "INSERT INTO organisation (id, public_id, created_at, number, name, kind) "
                    "VALUES (:id, :public_id, :made, :number, :name, :kind)"
                ),
                {"id": number, "number": organisation, "name": name, "kind": kind, **_row()},
            )
        connection.execute(
            text(
                "INSERT INTO contract (id, public_id, created_at, buyer_id, supplier_id, reference, title, site, "
                "starts_on, ends_on, country, time_zone, currency, kinds, counted, basis, reporting_clause, "
                "due_working_days, reply_working_days, unattended_review) VALUES (7, :public_id, :made, 1, 2, 'K-1', "
                "'Prøveskolen', 'Prøveveien 1', :starts_on, :ends_on, 'NO', 'Europe/Oslo', 'NOK', '[]', '{}', '{}', "
                "'5.1', 12, 10, :no)"
            ),
            {**_row(), "starts_on": date(2026, 1, 1), "ends_on": date(2027, 12, 31), "no": False},
        )
        connection.execute(
            text(
                "INSERT INTO sanction_clause (id, public_id, created_at, contract_id, buyer_id, supplier_id, clause, "
                "wording, fee, counts, warns_first) VALUES (5, :public_id, :made, 7, 1, 2, '7.1', 'Gebyr.', "
                "20000000000, 'period', :no)"
            ),
            {**_row(), "no": False},
        )


def _row() -> dict[str, object]:
    return {"public_id": uuid.uuid4().hex, "made": MADE}
