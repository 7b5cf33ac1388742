"""What is there is carried over: a database with a contract in it goes through the revisions of this release."""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from portal.schema import migrate_database
from tests import postgres
from tests.conftest import settings_for

BEFORE_TERMS = "0003"
MADE = datetime(2026, 1, 2, 9, tzinfo=UTC)
ORGANISATIONS = [(1, "310000019", "Prøveby kommune", "buyer"), (2, "310000027", "Annas Graving AS", "supplier")]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each make, not migrated."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.db'}"
        return
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


def test_sites_rates_and_deliveries_are_carried_over(new_database: str, tmp_path: Path) -> None:
    settings = settings_for(new_database, tmp_path)
    migrate_database(settings, BEFORE_TERMS)
    engine = create_engine(settings.database_url)
    _fill(engine)

    migrate_database(settings)

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
    engine.dispose()


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
