"""The database itself refuses a sanction without its ground, and every change of a decided one, whoever writes it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, create_engine, text, update
from sqlalchemy.exc import DBAPIError

from portal import clock, tenancy
from portal.extensions import db, prepare_engine, transaction
from portal.model import (
    Contract,
    Deviation,
    Reply,
    Sanction,
    SanctionClause,
    SanctionState,
    Verdict,
    Weighing,
    guards,
)
from portal.operations.cases import sanctions
from portal.operations.contracts import contracts
from tests.casework import proposed
from tests.sanctioning import Room, room
from tests.world import World, deliver_mail

__all__ = ["room"]

GROUND = "a sanction is decided without its ground"


def write(*statements: str, **values: object) -> None:
    with db.engine.connect().execution_options(write=True) as connection, connection.begin():
        tenancy.tell(connection, tenancy.EVERYTHING)
        for statement in statements:
            connection.execute(text(statement), values)


@contextmanager
def refused(words: str) -> Iterator[None]:
    with pytest.raises(DBAPIError, match=words):
        yield


def decided_by_hand(sanction: Sanction, who: int, *first: str) -> None:
    """What a person at the database's own prompt would write, and `first` before it."""
    number = sanction.id
    moment = clock.now().strftime("%Y-%m-%d %H:%M:%S.%f") + ("+00" if db.engine.dialect.name != "sqlite" else "")
    db.session.rollback()
    write(
        *first,
        f"UPDATE sanction SET state = 'decided', decided_by_id = :who, decided_at = '{moment}' WHERE id = :number",
        who=who,
        number=number,
    )


def test_the_proposer_decides_not_even_in_sql(world: World) -> None:
    sanction = proposed(world)
    with refused(GROUND):
        decided_by_hand(sanction, world.adam.person_id)


def test_nor_does_anybody_who_ever_proposed_it(world: World) -> None:
    sanction = proposed(world)
    with transaction():
        sanction.proposers = [world.adam.person_id, world.ruth.person_id]
    with refused(GROUND):
        decided_by_hand(sanction, world.ruth.person_id)


def _of_another_contract(world: World) -> int:
    with transaction() as session:
        other = Contract(
            **{
                name: getattr(world.contract, name)
                for name in ("buyer", "supplier", "buyer_id", "supplier_id", "kinds", "counted", "basis")
            },
            reference="K-2",
            title="Et annet sted",
            starts_on=world.contract.starts_on,
            ends_on=world.contract.ends_on,
            reporting_clause="5.1",
        )
        session.add(contracts.add(other, []))
        clause = contracts.add_clause(other, SanctionClause(clause="9.9", wording="Gebyr."))
        return clause.id


LACKING = {
    "no reasons": "UPDATE sanction SET reasons = '  '",
    "no amount": "UPDATE sanction SET amount = NULL",
    "waived without reasons": "UPDATE sanction SET waived = 1000000",
    "a notice that was not delivered": "UPDATE notice SET delivered_at = NULL",
    "a notice that takes effect later": "UPDATE notice SET takes_effect_at = '2099-01-01 00:00:00.000000+00:00'",
    "a notice that was delivered, where it counts from being opened": (
        "UPDATE notice SET takes_effect_at = NULL, starts = 'opened'"
    ),
    "a breach that the figures no longer show": "UPDATE deviation SET not_found_at = known_at",
    "days of a broken requirement without a last one": "UPDATE sanction SET step = 'daily'",
    "a requirement that fell away before what was judged": (
        "UPDATE requirement SET valid_to = '2026-02-28' WHERE clause = '4.2'"
    ),
    "a clause of another requirement": (
        "UPDATE sanction_clause SET requirement_id = (SELECT id FROM requirement WHERE clause = '4.3')"
    ),
    "a clause that was entered after the notice": (
        "UPDATE sanction_clause SET created_at = '2099-01-01 00:00:00.000000+00:00'"
    ),
    "no notice at all": "DELETE FROM notice",
}


def test_without_its_ground_it_is_not_written(world: World) -> None:
    sanction = proposed(world)
    for what, statement in LACKING.items():
        with refused(GROUND):
            decided_by_hand(sanction, world.dora.person_id, "UPDATE outgoing_mail SET notice_id = NULL", statement)
        db.session.expire_all()
        assert sanction.state == SanctionState.PROPOSED, what
    decided_by_hand(sanction, world.dora.person_id)


def test_a_notice_from_before_the_rule_was_kept_counts_from_its_delivery(world: World) -> None:
    sanction = proposed(world)
    decided_by_hand(sanction, world.dora.person_id, "UPDATE notice SET takes_effect_at = NULL")


def test_without_a_point_that_is_upheld_it_is_not_written(world: World) -> None:
    """The newest weighing of a point counts, and upheld in part is enough."""
    sanction = proposed(world)
    point = sanction.deviation.points[0]
    for verdict, is_enough in ((Verdict.DROPPED, False), (Verdict.PARTLY, True)):
        with transaction() as session:
            weighing = Weighing(**point.parties, point=point, verdict=verdict, reasons="På nytt.")
            weighing.weighed_by = world.adam.person
            session.add(weighing)
        if is_enough:
            decided_by_hand(sanction, world.dora.person_id)
        else:
            with refused(GROUND):
                decided_by_hand(sanction, world.dora.person_id)


def test_without_a_clause_of_the_same_contract_it_is_not_written(world: World) -> None:
    sanction = proposed(world)
    other = _of_another_contract(world)
    with transaction():
        sanction.clause_id = other
    with refused(GROUND):
        decided_by_hand(sanction, world.dora.person_id)


def test_the_supplier_is_heard_first(world: World) -> None:
    """With a reply that leaves more to come it waits for the deadline; declared complete, or late, it does not."""
    sanction = proposed(world)
    due_at = sanction.deviation.reply_due_at
    assert due_at is not None
    with transaction() as session:
        session.execute(update(Reply).values(is_complete=False))
    with refused(GROUND):
        decided_by_hand(sanction, world.dora.person_id)
    with transaction() as session:
        session.execute(update(Reply).values(is_complete=True))
    decided_by_hand(sanction, world.dora.person_id)


def test_when_the_deadline_is_past_silence_is_heard(world: World) -> None:
    sanction = proposed(world)
    due_at = sanction.deviation.reply_due_at
    assert due_at is not None
    with transaction() as session:
        session.execute(update(Reply).values(is_complete=False))
    clock.move_to(due_at - timedelta(seconds=1))
    with refused(GROUND):
        decided_by_hand(sanction, world.dora.person_id)
    clock.move_to(due_at + timedelta(seconds=1))
    decided_by_hand(sanction, world.dora.person_id)


def test_a_row_that_is_decided_from_the_start_is_not_written(world: World) -> None:
    sanction = proposed(world)
    columns = ", ".join(column.name for column in Sanction.__table__.columns if column.name not in {"id", "public_id"})
    db.session.rollback()
    with refused(GROUND):
        write(
            f"INSERT INTO sanction ({columns}, public_id) "
            f"SELECT {columns.replace(' state,', chr(39) + 'decided' + chr(39) + ',')}, :public FROM sanction",
            public="0" * 32,
        )
    assert db.session.get(Sanction, sanction.id) is not None


KEPT = {
    "amount": "amount = 1",
    "calculation": "calculation = '[]'",
    "reasons": "reasons = 'Andre grunner'",
    "second person": "decided_by_id = proposed_by_id",
    "when": "decided_at = NULL",
    "proposers": "proposers = '[]'",
    "waiver": "waived = 5",
    "days": "days = 3",
    "state": "state = 'proposed'",
}


def test_a_decided_sanction_stays_what_it_is(world: World) -> None:
    sanction = proposed(world)
    with transaction():
        sanctions.decide(sanction, approve=True, comment="Enig.", by=world.dora, version=sanction.version)
    db.session.rollback()
    for what, change in KEPT.items():
        with pytest.raises(DBAPIError, match="a decided sanction stays what it is"):
            write(f"UPDATE sanction SET {change} /* {what} */")


def test_a_decided_sanction_is_not_removed_and_goes_on_to_its_end(world: World) -> None:
    sanction = proposed(world)
    with transaction():
        sanctions.decide(sanction, approve=True, comment="Enig.", by=world.dora, version=sanction.version)
    db.session.rollback()
    write("UPDATE outgoing_mail SET sanction_id = NULL WHERE letter <> 'sanction_decided'")
    with refused("a decided sanction stays"):
        write("DELETE FROM sanction")
    deliver_mail()
    assert sanction.state == SanctionState.CLOSED
    assert db.session.get(Deviation, sanction.deviation_id) is not None
    assert json.loads(json.dumps(sanction.calculation)) == sanction.calculation


def test_a_proposal_may_change_as_it_likes(world: World) -> None:
    sanction = proposed(world)
    db.session.rollback()
    write("UPDATE sanction SET amount = 1, reasons = 'Andre grunner', days = 3")
    db.session.expire_all()
    assert sanction.days == 3


REBUILD = (
    "CREATE TABLE notice_anew AS SELECT * FROM notice",
    "DROP TABLE notice",
    "ALTER TABLE notice_anew RENAME TO notice",
)
"""What Alembic's batch mode does to a table on SQLite."""


def test_a_table_that_a_guard_speaks_of_is_rebuilt_only_while_the_guards_are_away(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    prepare_engine(engine)
    with refused("guard_sanction"):
        _rebuilt(engine, during=lambda _connection: None)
    _rebuilt(engine, during=guards.remove)
    with engine.connect() as connection:
        assert guards.found(connection) == guards.expected("sqlite")
    engine.dispose()


def _rebuilt(engine: Engine, during: Callable[[Connection], None]) -> None:
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        during(connection)
        for statement in REBUILD:
            connection.exec_driver_sql(statement)
        guards.install(connection)


def test_what_the_database_refuses_is_no_error_of_the_server(room: Room) -> None:
    """Whatever the operations overlooked: the page says that nothing was stored, and nothing is."""
    sanction = proposed(room.world)
    address, version = f"/cases/sanctions/{sanction.public_id}/decide", str(sanction.version)
    db.session.rollback()
    write("UPDATE sanction SET reasons = '  '")
    dora = room.at(room.world.dora)
    answer = dora.send(address, **{"decide-version": version, "decide-comment": "", "approve": "1"})
    assert answer.status_code == 409
    assert "Nothing of yours was stored" in answer.text
    assert sanction.state == SanctionState.PROPOSED
